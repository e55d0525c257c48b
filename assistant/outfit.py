"""Looks around one garment: which slots it leaves open, and up to three clearly different ways to fill them.

Pure functions. `compose` tries every combination of the admitted pieces (the first of each slot, within a bound), adds
up what each piece and each pair is worth, takes the best one that the wish allows, then the best that differs from it,
and so on. Pairs are judged by `assistant.compatibility`, sets by `assistant.coherence`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import prod

import numpy as np

from assistant.characters import CHARACTERS, Character, title_for
from assistant.coherence import score_set
from assistant.compatibility import NO_BELOW, affinity, is_traditional, pair_factors, slot_in_look, suits
from assistant.looks import Look, Piece, Unfilled
from assistant.phrases import slot_word
from assistant.rulings import Rulings
from assistant.wish import Wish
from retrieval.items import Garment, Gender, Lang, Slot

__all__ = ["affinity", "compose", "missing_slots"]

# What each slot is worth when filled, in log odds of the coherence it may cost. What dresses the body outweighs any
# question of taste; a bag, an accessory or a jacket must not spoil the rest.
_WORTH = {Slot.TOP: 20.0, Slot.BOTTOM: 20.0, Slot.ONE_PIECE: 40.0, Slot.SHOES: 20.0}
_WORTH |= {Slot.BAG: 2.0, Slot.ACCESSORY: 2.0, Slot.OUTERWEAR: 1.5}
# What it costs to show a piece in a second look: less than an undressed body, more than taste, and more than a bag.
_REUSED = {Slot.TOP: 12.0, Slot.BOTTOM: 12.0, Slot.ONE_PIECE: 24.0, Slot.SHOES: 12.0}
_REUSED |= {Slot.BAG: 12.0, Slot.ACCESSORY: 12.0, Slot.OUTERWEAR: 12.0}
# What it costs to have in a second look what differs from a piece of the first in nothing that one sees: less than any
# place is worth, so that none stays empty for it.
_SAME_TITLE = 1.5
_SAME_CATEGORY = 0.8
_OCCASION = 5.0  # what a piece loses that is as far from the occasion asked for as the beach is from black tie
_APPROVED = 100.0  # what a look that a stylist approved is worth beyond its pieces: more than all of them
_MOST_COMBINATIONS = 30_000
_MOST_SHARED = 0.5  # of the pieces that are not locked: two looks that share more are one look

_BODY = {
    Slot.TOP: (Slot.BOTTOM, Slot.SHOES),
    Slot.BOTTOM: (Slot.TOP, Slot.SHOES),
    Slot.ONE_PIECE: (Slot.SHOES,),
    Slot.OUTERWEAR: (Slot.TOP, Slot.BOTTOM, Slot.SHOES),
    Slot.SHOES: (Slot.TOP, Slot.BOTTOM),
    Slot.BAG: (Slot.TOP, Slot.BOTTOM, Slot.SHOES),
    Slot.ACCESSORY: (Slot.TOP, Slot.BOTTOM, Slot.SHOES),
}
_FINISH = (Slot.BAG, Slot.ACCESSORY, Slot.OUTERWEAR)  # in the order in which people add them to outfits


def missing_slots(garment: Garment) -> tuple[Slot, ...]:
    """What a look around this garment needs, the body first, in order; () for what is not worn in a look.

    Where a woman's or a girl's look lacks both top and bottom, a one-piece comes last: a look may take it instead.
    Draped traditional dress takes no outerwear.
    """
    slot = slot_in_look(garment)
    if slot is None:
        return ()
    drops = {slot} | ({Slot.OUTERWEAR} if slot is Slot.ONE_PIECE and is_traditional(garment) else set())
    slots = (*_BODY[slot], *(extra for extra in _FINISH if extra not in drops))
    wears_dresses = garment.attributes.gender in (Gender.WOMEN, Gender.GIRLS)
    return (*slots, Slot.ONE_PIECE) if wears_dresses and {Slot.TOP, Slot.BOTTOM} <= set(slots) else slots


def compose(
    reference: Garment,
    admitted: Mapping[Slot, Sequence[Piece]],
    wish: Wish = Wish(),
    *,
    n: int = 3,
    lang: Lang | None = None,
    rulings: Rulings = Rulings(),
) -> tuple[Look, ...]:
    """Up to `n` clearly different looks around `reference`, best first; () where no piece may be worn with it.

    One piece a slot, pieces that may not be worn together never in one look, locked pieces in all looks. Under
    `wish.budget_total` the prices of a look add up to at most that, exactly, in one currency; a piece without a price
    is left out then, and where the locked pieces alone cost more there is no look. Slots that stay empty are named with
    the reason. Deterministic: equal looks keep the order in which the pieces came.

    By `rulings`, looks that a stylist approved are preferred, and what was refused is not put together again, unless the
    shopper locked it.
    """
    words = lang or wish.lang
    pool = _Pool.of(reference, admitted, wish, rulings)
    looks: list[Look] = []
    shown = _Shown()
    characters: list[Character] = list(CHARACTERS)
    while len(looks) < n:
        found = _best(pool, shown, characters if looks else ())
        if found is None:
            break
        pieces, character = found
        fresh = [piece for piece in pieces if not pool.is_locked(piece)]
        again = sum(piece.item.sku in shown.skus for piece in fresh)
        if looks and (not fresh or again > _MOST_SHARED * len(fresh)):
            break
        garments = [reference, *(piece.item.as_garment() for piece in pieces)]
        whole = score_set(garments, words)
        if looks and whole.score < NO_BELOW:
            break
        if character is None:
            character = max(characters, key=lambda c: c.fits(garments))
        title, used = title_for(garments, character, [look.title for look in looks], words)
        characters = [c for c in characters if c is not used]
        total, currency = _sum(pieces)
        empty = _unfilled(pool, pieces, shown.skus, wish, words)
        looks.append(Look(title, pieces, round(whole.score, 4), whole.reason, empty, total, currency))
        shown = shown.and_these(pieces)
    return tuple(looks)


# --- what may be chosen from -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Shown:
    """What the looks so far have: the next one is to be another."""

    skus: frozenset[str] = frozenset()
    titles: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()

    def and_these(self, pieces: Sequence[Piece]) -> _Shown:
        items = [piece.item for piece in pieces]
        return _Shown(
            self.skus | {item.sku for item in items},
            self.titles | {item.title.casefold() for item in items},
            self.categories | {item.category for item in items},
        )

    def cost(self, piece: Piece) -> float:
        """Log odds that speak against showing this piece now."""
        if piece.item.sku in self.skus:
            return _REUSED[piece.slot]
        is_same_title, is_same_kind = piece.item.title.casefold() in self.titles, piece.item.category in self.categories
        return _SAME_TITLE * is_same_title + _SAME_CATEGORY * is_same_kind


@dataclass(frozen=True, slots=True)
class _Pool:
    """The open slots in order, and for each the pieces that the wish allows; `barred` counts those it does not."""

    reference: Garment
    slots: tuple[Slot, ...]
    pieces: dict[Slot, tuple[Piece, ...]]
    over_budget: dict[Slot, int]
    locked: frozenset[str]
    budget: Decimal | None
    usage: str | None
    wears_tradition: bool
    rulings: Rulings

    @classmethod
    def of(cls, reference: Garment, admitted: Mapping[Slot, Sequence[Piece]], wish: Wish, rulings: Rulings) -> _Pool:
        locked = frozenset(
            piece.item.sku
            for pieces in admitted.values()
            for piece in pieces
            if piece.is_locked or piece.item.sku in wish.locked
        )
        asked = [
            slot
            for slot in missing_slots(reference)
            if (not wish.slots or slot in wish.slots) and slot not in wish.without_slots
        ]
        held = [slot for slot, pieces in admitted.items() if any(piece.item.sku in locked for piece in pieces)]
        slots = tuple(slot for slot in Slot if slot in asked or slot in held)
        kept: dict[Slot, tuple[Piece, ...]] = {}
        over: dict[Slot, int] = {}
        for slot in slots:
            rows = [piece for piece in admitted.get(slot, ()) if piece.item.sku not in wish.excluded]
            rows = [piece for piece in rows if _may_join(reference, piece) or piece.item.sku in locked]
            fixed = [piece for piece in rows if piece.item.sku in locked][:1]
            payable = fixed or [piece for piece in rows if _is_payable(piece, wish)]
            kept[slot] = tuple(payable)
            over[slot] = len(rows) - len(payable) if not fixed else 0
        wears_tradition = is_traditional(reference) or "Ethnic" in (wish.usage, reference.attributes.usage)
        return cls(reference, slots, kept, over, locked, wish.budget_total, wish.usage, wears_tradition, rulings)

    def is_locked(self, piece: Piece) -> bool:
        return piece.item.sku in self.locked

    def pull(self, a: Garment, b: Garment, of_yes: float = 1.0) -> float | None:
        """The log odds of a pair, None where a veto holds; `of_yes` is the part of what speaks for it that counts.

        That both are traditional dress, or mix with it, speaks for them where the shopper has or asks for such dress; around
        a pair of jeans it is no reason to leave them for it.
        """
        factors = pair_factors(a, b, "en")
        if any(factor.is_veto for factor in factors):
            return None
        pulls = [f.pull for f in factors if self.wears_tradition or f.name != "tradition"]
        return sum(pull * of_yes if pull > 0 else pull for pull in pulls)


def _may_join(reference: Garment, piece: Piece) -> bool:
    factors = pair_factors(reference, piece.item.as_garment(), "en")
    return piece.item.sku != reference.sku and not any(factor.is_veto for factor in factors)


def _is_payable(piece: Piece, wish: Wish) -> bool:
    limits = [limit for limit in (wish.budget_total, wish.budget_piece) if limit is not None]
    if not limits:
        return True
    is_known = piece.item.price is not None and wish.currency in (None, piece.item.currency)
    return is_known and piece.item.price <= min(limits)


# --- the best combination ----------------------------------------------------------------------------------------


def _best(
    pool: _Pool, shown: _Shown, characters: Sequence[Character]
) -> tuple[tuple[Piece, ...], Character | None] | None:
    """The combination of the highest worth, and the character it was chosen for (None: for none)."""
    slots, choices = _bounded(pool)
    if not slots:
        return None
    worth = _worth(pool, slots, choices, shown)
    if not np.isfinite(worth).any():
        return None
    best: tuple[float, tuple[int, ...], Character | None] | None = None
    for character in characters or (None,):
        bonus = np.zeros(worth.shape)
        if character is not None:
            for axis, slot in enumerate(slots):
                garments = [None if piece is None else piece.item.as_garment() for piece in choices[slot]]
                row = [0.0 if g is None else character.worth(pool.reference, g) for g in garments]
                bonus = bonus + _along(np.array(row), axis, len(slots))
        at = int(np.argmax(worth + bonus))
        value = float((worth + bonus).flat[at])
        if best is None or value > best[0]:
            best = (value, tuple(int(i) for i in np.unravel_index(at, worth.shape)), character)
    assert best is not None
    pieces = tuple(piece for slot, i in zip(slots, best[1], strict=True) if (piece := choices[slot][i]) is not None)
    return (pieces, best[2]) if pieces else None


def _bounded(pool: _Pool) -> tuple[list[Slot], dict[Slot, list[Piece | None]]]:
    """Slots that have pieces, and the choices of each (None: leave it empty; not for a locked one), within the bound.

    Where the product of the choices is over `_MOST_COMBINATIONS`, the longest lists lose their last piece.
    """
    slots = [slot for slot in pool.slots if pool.pieces[slot]]
    choices: dict[Slot, list[Piece | None]] = {}
    for slot in slots:
        rows = list(pool.pieces[slot])
        choices[slot] = [*rows] if pool.is_locked(rows[0]) else [*rows, None]
    while prod(len(rows) for rows in choices.values()) > _MOST_COMBINATIONS:
        longest = max(choices.values(), key=len)
        del longest[-2]
    return slots, choices


def _along(row: np.ndarray, axis: int, axes: int) -> np.ndarray:
    return row.reshape([-1 if i == axis else 1 for i in range(axes)])


def _worth(
    pool: _Pool, slots: Sequence[Slot], choices: Mapping[Slot, Sequence[Piece | None]], shown: _Shown
) -> np.ndarray:
    """Worth of every combination, one axis a slot; -inf where two pieces may not meet or the budget is passed."""
    axes = len(slots)
    garments = {slot: [None if p is None else p.item.as_garment() for p in choices[slot]] for slot in slots}
    worth = np.zeros([len(choices[slot]) for slot in slots])
    for axis, slot in enumerate(slots):
        row = []
        for piece, garment in zip(choices[slot], garments[slot], strict=True):
            if piece is None or garment is None:
                row.append(0.0)
                continue
            again = 0.0 if pool.is_locked(piece) else shown.cost(piece)
            pull = pool.pull(pool.reference, garment)
            occasion = _OCCASION * (suits(garment, pool.usage) - 1)
            row.append(_WORTH[slot] + piece.score + (0.0 if pull is None else pull) + occasion - again)
        worth = worth + _along(np.array(row), axis, axes)
    for first in range(axes):
        for second in range(first + 1, axes):
            table = _pair_table(pool, garments[slots[first]], garments[slots[second]])
            shape = [1] * axes
            shape[first], shape[second] = table.shape
            worth = worth + table.reshape(shape)
    if pool.budget is not None:
        worth = np.where(_within(pool.budget, slots, choices), worth, -np.inf)
    for skus in pool.rulings.looks:
        fresh = skus - pool.locked
        if not shown.skus or len(fresh & shown.skus) <= _MOST_SHARED * len(fresh) and fresh:
            worth = worth + _APPROVED * _is_made_of(skus, slots, choices, exactly=True)
    for skus in pool.rulings.refused_looks:
        if not skus <= pool.locked:
            worth = np.where(_is_made_of(skus, slots, choices), -np.inf, worth)
    return worth


def _is_made_of(
    skus: frozenset[str],
    slots: Sequence[Slot],
    choices: Mapping[Slot, Sequence[Piece | None]],
    *,
    exactly: bool = False,
) -> np.ndarray:
    """Which combinations hold all of these items, and `exactly` nothing else; none where an item is not to be had."""
    rows = {slot: [p is not None and p.item.sku in skus for p in choices[slot]] for slot in slots}
    found = {slot: row for slot, row in rows.items() if any(row)}
    made = np.full([len(choices[slot]) for slot in slots], len(skus) > 0 and len(found) == len(skus))
    for axis, slot in enumerate(slots):
        if slot in found:
            made &= _along(np.array(rows[slot]), axis, len(slots))
        elif exactly:
            made &= _along(np.array([p is None for p in choices[slot]]), axis, len(slots))
    return made


def _pair_table(pool: _Pool, rows: Sequence[Garment | None], columns: Sequence[Garment | None]) -> np.ndarray:
    """What each pair of other pieces adds; 0 with an empty slot.

    Half of what speaks for it (the shopper's garment comes first), and all of what speaks against it: that two pieces
    agree in colour does not make up for a waistcoat over shorts.
    """
    table = np.zeros((len(rows), len(columns)))
    for i, a in enumerate(rows):
        for j, b in enumerate(columns):
            if a is not None and b is not None:
                pair = frozenset({a.sku, b.sku})
                pull = None if pair in pool.rulings.apart and not pair <= pool.locked else pool.pull(a, b, of_yes=0.5)
                table[i, j] = -np.inf if pull is None else pull
    return table


def _within(budget: Decimal, slots: Sequence[Slot], choices: Mapping[Slot, Sequence[Piece | None]]) -> np.ndarray:
    """Whether each combination costs at most the budget, in one currency: exact, in units of the last digit."""
    prices = [p.item.price for slot in slots for p in choices[slot] if p is not None and p.item.price is not None]
    exponent = min([int(amount.as_tuple().exponent) for amount in (*prices, budget)])
    unit = Decimal(1).scaleb(min(exponent, 0))
    total = np.zeros([len(choices[slot]) for slot in slots], dtype=object)
    allowed = np.ones(total.shape, dtype=bool)
    codes = sorted({p.item.currency or "" for slot in slots for p in choices[slot] if p is not None})
    seen = {code: np.zeros(total.shape, dtype=bool) for code in codes}
    for axis, slot in enumerate(slots):
        row, priced = [], []
        for piece in choices[slot]:
            price = Decimal(0) if piece is None else piece.item.price
            priced.append(price is not None)
            row.append(0 if price is None else int(price / unit))
        total = total + _along(np.array(row, dtype=object), axis, len(slots))
        allowed &= _along(np.array(priced), axis, len(slots))
        for code in codes:
            has = [p is not None and (p.item.currency or "") == code for p in choices[slot]]
            seen[code] |= _along(np.array(has), axis, len(slots))
    return allowed & (total <= int(budget / unit)) & (sum(mask.astype(int) for mask in seen.values()) <= 1)


def _sum(pieces: Sequence[Piece]) -> tuple[Decimal | None, str | None]:
    """The total and its currency; (None, None) where a price is missing or currencies differ."""
    prices = [piece.item.price for piece in pieces]
    currencies = {piece.item.currency for piece in pieces}
    if any(price is None for price in prices) or len(currencies) != 1:
        return None, None
    return sum((price for price in prices if price is not None), Decimal(0)), currencies.pop()


# --- what stays empty --------------------------------------------------------------------------------------------

_WHY = {
    "en": {
        "none": "No {slot} in the shop goes with it.",
        "price": "No {slot} fits what is left of the budget of {budget}.",
        "shown": "Every {slot} that goes with it is already in another look.",
        "clash": "No {slot} goes with the rest of this look.",
    },
    "zh": {
        "none": "店里没有能搭配的{slot}。",
        "price": "在{budget}的预算内，没有放得下的{slot}。",
        "shown": "能搭配的{slot}都已用在其他方案里。",
        "clash": "没有能与这套其余单品相配的{slot}。",
    },
}


def reasons_of_gaps(slot: Slot, lang: Lang, budget: str) -> list[str]:
    """Every sentence that a place which stays empty may get, in one order for all languages."""
    return [_WHY[lang][why].format(slot=slot_word(slot, lang), budget=budget) for why in sorted(_WHY[lang])]


def _unfilled(pool: _Pool, pieces: Sequence[Piece], shown: set[str], wish: Wish, lang: Lang) -> tuple[Unfilled, ...]:
    """The open slots of this look, each with the reason; top and bottom are not open beside a one-piece, nor it beside
    them."""
    filled = {piece.slot for piece in pieces}
    closed = set(filled)
    if Slot.ONE_PIECE in filled:
        closed |= {Slot.TOP, Slot.BOTTOM}
    elif Slot.TOP in pool.slots or Slot.BOTTOM in pool.slots:
        closed.add(Slot.ONE_PIECE)
    spent, _ = _sum(pieces)
    empty = []
    for slot in (slot for slot in missing_slots(pool.reference) if slot in pool.slots and slot not in closed):
        rows = pool.pieces[slot]
        if not rows:
            why = "price" if pool.over_budget[slot] else "none"
        elif pool.budget is not None and spent is not None and all(spent + p.item.price > pool.budget for p in rows):
            why = "price"
        else:
            why = "shown" if all(piece.item.sku in shown for piece in rows) else "clash"
        limits = [limit for limit in (wish.budget_total, wish.budget_piece) if limit is not None]
        budget = f"{min(limits, default=Decimal(0)):f} {wish.currency or ''}".strip()
        empty.append(Unfilled(slot, _WHY[lang][why].format(slot=slot_word(slot, lang), budget=budget)))
    return tuple(empty)
