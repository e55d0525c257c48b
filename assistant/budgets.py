"""Which of the numbers in a message are money, and what they bound: each piece, or the whole look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from assistant.parts import HEADS, Part
from assistant.reading import Reading
from assistant.wish import Wish

_LEAST_PRICE = 50  # "20 shirts" counts them
_BOUNDS = ("each", "total")


def bound(reading: Reading, wish: Wish) -> Wish:
    """The wish with the amounts of the message as bounds: of each piece where a noun or "each" says so, else of the whole."""
    amounts = [part for part in reading.parts if part.kind == "amount"]
    currencies = [part.kind.partition(":")[2] for part in reading.parts if part.kind.startswith("currency:")]
    floor_only = reading.has("floor") and not reading.has("limit", "negate", "negate_after")
    has_budget = wish.budget_total is not None or wish.budget_piece is not None
    says_money = reading.has("limit", "each", "total", "negate", "cheaper", "into") or bool(currencies) or has_budget
    says_money = says_money or _prices_a_noun(reading.parts) or any(_is_round(part) for part in amounts)
    if not amounts or not (says_money or floor_only):
        return wish
    reading.take({"amount"})
    if floor_only:  # 300以上: no field bounds a price from below
        return wish
    if len(amounts) > 1 and reading.has("each") and reading.has("total"):
        wish = _both_budgets(reading, wish)
        return replace(wish, currency=currencies[0]) if currencies else wish
    amount = max(part.value for part in amounts if part.value is not None)
    is_noun_limit = any(part.kind in HEADS and not part.is_unwanted for part in reading.parts)
    per_piece = reading.has("each") or is_noun_limit or (wish.budget_piece is not None and wish.budget_total is None)
    if per_piece and not reading.has("total"):
        wish = replace(wish, budget_piece=amount)
    else:
        wish = replace(wish, budget_total=amount)
    return replace(wish, currency=currencies[0]) if currencies else wish


def _prices_a_noun(parts: Sequence[Part]) -> bool:
    """两三百的包, "a 200 bag": an amount right before what it is to buy, too large to count it."""
    pairs = zip(parts, parts[1:], strict=False)
    return any(a.value is not None and a.value >= _LEAST_PRICE and b.kind in HEADS for a, b in pairs) or _is_range(parts)


def _is_round(part: Part) -> bool:
    """三百够吗, 一千: hundreds and thousands in Chinese numerals count money."""
    return part.value is not None and part.value >= 100 and any(char in part.text for char in "百千万")


def _is_range(parts: Sequence[Part]) -> bool:
    """两千到三千: two amounts with no more than a word between."""
    amounts = [part for part in parts if part.value is not None]
    return any(
        0 < b.start - a.start - len(a.text) < 3 and _LEAST_PRICE <= a.value < b.value
        for a, b in zip(amounts, amounts[1:], strict=False)
    )


def _both_budgets(reading: Reading, wish: Wish) -> Wish:
    """ "Under 50 each and 200 in all": each amount by the words of its own clause, in one clause by the word before it."""
    for i, part in enumerate(reading.parts):
        if part.kind == "amount":
            kinds = [other.kind for other in reading.parts if other.clause == part.clause and other.kind in _BOUNDS]
            if len(set(kinds)) > 1:
                kinds = [other.kind for other in reading.parts[:i] if other.kind in _BOUNDS][-1:] or kinds
            field_ = "budget_piece" if "each" in kinds else "budget_total"
            wish = replace(wish, **{field_: part.value})
    return wish
