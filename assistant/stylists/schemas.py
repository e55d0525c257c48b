"""JSON schemas of the answers asked for: enumerations of the shop's own words, bounded lists and lengths.

The same schema is a grammar for servers that can be held to it. Kept to the keywords that XGrammar compiles.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from assistant.stylists.replies import ANGLES, SEASONS, USAGES
from retrieval.items import Gender, Slot

_GENDERS = [gender.value for gender in Gender]


def verdict() -> dict[str, Any]:
    return _object(answer={"enum": ["yes", "no"]}, reason=_text(240))


def description(categories: Sequence[str], slots: Sequence[Slot]) -> dict[str, Any]:
    return _object(
        category=_or_null(categories),
        gender=_or_null(_GENDERS),
        colour=_text(40),
        usage=_or_null(USAGES),
        season=_or_null(SEASONS),
        items=_pieces(categories, slots, 8),
    )


def suggestions(categories: Sequence[str], slots: Sequence[Slot], limit: int) -> dict[str, Any]:
    return _object(items=_pieces(categories, slots, limit))


def tags(categories: Sequence[str]) -> dict[str, Any]:
    flag = {"type": ["boolean", "null"]}
    return _object(
        model_present=flag,
        model_count={"type": ["integer", "null"]},
        real_scene=flag,
        worn=flag,
        angle=_or_null(ANGLES),
        whole=flag,
        category=_or_null(categories),
        quality={"type": ["number", "null"]},
    )


def wish(categories: Sequence[str]) -> dict[str, Any]:
    """All keys may be left out: an answer names only what a message changes."""
    slots = _list({"enum": [slot.value for slot in Slot]}, 7)
    kinds, words = _list({"enum": list(categories)}, 8), _list(_text(40), 6)
    return {
        "type": "object",
        "properties": {
            "slots": slots,
            "without_slots": slots,
            "categories": kinds,
            "without_categories": kinds,
            **{f"{no}{key}": words for key in ("colours", "materials", "patterns") for no in ("", "without_")},
            "gender": {"enum": _GENDERS},
            "usage": {"enum": list(USAGES)},
            "occasion": _text(40),
            "season": {"enum": list(SEASONS)},
            "budget_total": {"type": "number"},
            "budget_piece": {"type": "number"},
            "currency": _text(3),
            "drop": words,
            "words": _text(120),
        },
        "additionalProperties": False,
    }


def _pieces(categories: Sequence[str], slots: Sequence[Slot], limit: int) -> dict[str, Any]:
    piece = _object(
        slot={"enum": [slot.value for slot in slots]},
        title=_text(100),
        category={"enum": list(categories)},
        colour=_text(40),
        gender={"enum": _GENDERS},
        usage={"enum": list(USAGES)},
    )
    return _list(piece, limit)


def _object(**properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _or_null(names: Sequence[str]) -> dict[str, Any]:
    return {"enum": [*names, None]}


def _text(most: int) -> dict[str, Any]:
    return {"type": "string", "maxLength": most}


def _list(of: dict[str, Any], most: int) -> dict[str, Any]:
    return {"type": "array", "items": of, "maxItems": most}
