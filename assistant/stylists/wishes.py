"""What a shopper asks for, as the model read it: changes to a wish, and the wish as it is told to the model."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal, InvalidOperation

from assistant.amounts import find_amounts
from assistant.stylists.replies import (
    MAX_TITLE_CHARS,
    SEASONS,
    USAGES,
    Unreadable,
    nearest,
    nearest_slot,
    read_gender,
    read_term,
    readable,
    tidy,
)
from assistant.wish import Wish
from retrieval.items import Gender
from retrieval.words import units

_NEGATED = {
    "slots": "without_slots",
    "categories": "without_categories",
    "colours": "without_colours",
    "materials": "without_materials",
    "patterns": "without_patterns",
}
WISH_KEYS = (
    *_NEGATED, *_NEGATED.values(), "gender", "usage", "occasion", "season", "budget_total", "budget_piece", "currency",
    "words", "drop",
)  # fmt: skip


def read_wish(text: str, message: str, wish: Wish, categories: Sequence[str]) -> Wish:
    """`wish` with the changes that the model read out of `message`. A wanted thing is no longer unwanted, and back.

    An amount that does not stand in the message was not said by the shopper, and is dropped.
    """
    found = readable(text)
    changes = found[-1] if found else None
    if changes is None or not (set(changes.values) & set(WISH_KEYS) or not changes.values):
        raise Unreadable("it holds none of the keys that were asked for")
    now = _dropped(wish, changes.get("drop"))
    for wanted, unwanted in _NEGATED.items():
        plus = _members(wanted, changes.get(wanted), categories)
        minus = _members(wanted, changes.get(unwanted), categories) - plus
        if plus or minus:
            # "only shoes" replaces what was wanted before; what is unwanted adds up.
            kept = plus or getattr(now, wanted) - minus
            now = replace(now, **{wanted: kept, unwanted: (getattr(now, unwanted) | minus) - plus})
    single = {
        "gender": read_gender(changes.get("gender")),
        "usage": nearest(changes.get("usage"), USAGES),
        "season": nearest(changes.get("season"), SEASONS) or read_term("season", changes.get("season")),
        "occasion": _words(changes.get("occasion")),
        "budget_total": _amount(changes.get("budget_total"), message),
        "budget_piece": _amount(changes.get("budget_piece"), message),
        "currency": _currency(changes.get("currency")),
        "words": _words(changes.get("words")),
    }
    return replace(now, **{key: value for key, value in single.items() if value})


def _dropped(wish: Wish, names: object) -> Wish:
    fresh = Wish()
    known = (
        [n for n in names if isinstance(n, str) and n in WISH_KEYS and n != "drop"] if isinstance(names, list) else []
    )
    return replace(wish, **{name: getattr(fresh, name) for name in known})


def _members(kind: str, value: object, categories: Sequence[str]) -> frozenset:
    given = value if isinstance(value, list) else [value] if isinstance(value, str) else []
    texts = [each for each in given if isinstance(each, str)]
    if kind == "slots":
        return frozenset(filter(None, map(nearest_slot, texts)))
    if kind == "categories":
        return frozenset(filter(None, (nearest(each, categories) for each in texts)))
    if kind == "colours":
        return frozenset(filter(None, (read_term("colour", each) for each in texts)))
    singular = kind.removesuffix("s")
    return frozenset(filter(None, (read_term(singular, each) or tidy(each, 40).casefold() for each in texts)))


def _amount(value: object, message: str) -> Decimal | None:
    try:
        amount = Decimal(re.sub(r"[^\d.]", "", value) if isinstance(value, str) else str(value))
    except InvalidOperation:
        return None
    said = {each.value for each in find_amounts(units(message))}
    return amount if not isinstance(value, bool) and amount.is_finite() and amount > 0 and amount in said else None


def _currency(value: object) -> str | None:
    return value.upper() if isinstance(value, str) and re.fullmatch(r"[A-Za-z]{3}", value) else None


def _words(value: object) -> str | None:
    return tidy(value, MAX_TITLE_CHARS) or None


def as_words(wish: Wish) -> Mapping[str, object]:
    """The conditions in force, as they are told to a model: keys of WISH_KEYS with plain values, empty ones left
    out."""
    told: dict[str, object] = {}
    for key in WISH_KEYS[:-1]:
        value = getattr(wish, key)
        if isinstance(value, frozenset):
            value = sorted(str(each) for each in value)
        if value:
            told[key] = str(value) if isinstance(value, (Decimal, Gender)) else value
    return told
