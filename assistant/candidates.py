"""From a suggested title to ranked candidates: which slots are open, which items may be considered, in which order.

Pure functions; the search itself is done by whoever calls them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal

from assistant.compatibility import suits
from assistant.looks import Candidate
from assistant.stylists import Suggestion
from assistant.wish import Wish
from retrieval.items import Closeness, Garment, Gender, Hit, Item, Slot
from retrieval.lexicon import mentions, names_in
from retrieval.ports import Where
from retrieval.vocabulary import categories_in, slot_of

_VARIED = 24  # candidates of a slot that are put in order by variety: more than any look asks for
SAME_PRODUCT = 0.93  # cosine of two pictures of one product where no probability was fitted; others rarely reach it


def same_product(alike: Sequence[Hit], in_place: Sequence[Hit], k: int) -> list[Hit]:
    """The k products to show for "find this", best first: `in_place` are the closest of the garment's slot, `alike` of all.

    Of another slot only what is "this is it" is shown: it is the product itself, and the slot was misread.
    """
    sure = [hit for hit in alike if is_same_product(hit)]
    best = {hit.item.sku: hit for hit in (*sure, *in_place)}
    return sorted(best.values(), key=lambda hit: -(hit.score if hit.p_same is None else hit.p_same))[:k]


def is_same_product(hit: Hit) -> bool:
    """Is this the very product that was shown, not only close to it?"""
    return hit.score >= SAME_PRODUCT if hit.p_same is None else hit.closeness is Closeness.SAME


def open_slots(missing: Sequence[Slot], wish: Wish) -> tuple[Slot, ...]:
    """The slots to fill: what the look lacks, narrowed to what the shopper asked for."""
    return tuple(s for s in missing if (not wish.slots or s in wish.slots) and s not in wish.without_slots)


def genders_for(garment: Garment, wish: Wish) -> frozenset[str]:
    """Items of that gender or Unisex; all where the gender is not known."""
    gender = wish.gender or garment.attributes.gender
    if gender is None:
        return frozenset()
    return frozenset({gender, Gender.UNISEX})


def conditions(garment: Garment, suggestion: Suggestion, wish: Wish) -> Where:
    """The hard filters of one suggestion: gender or Unisex, another category, stock, budget, what the shopper barred."""
    own = garment.attributes.category
    # What is never proposed unasked (socks, nightwear) may be asked for by its name.
    asked = {name for name in wish.categories if slot_of(name) is suggestion.slot}
    allowed = (asked or set(categories_in(suggestion.slot))) - wish.without_categories - {own}
    any_of: dict[str, frozenset[str]] = {"slot": frozenset({suggestion.slot}), "category": frozenset(allowed)}
    if genders := genders_for(garment, wish):
        any_of["gender"] = genders
    none_of = {"colour": wish.without_colours} if wish.without_colours else {}
    limit = price_limit(suggestion.slot, wish)
    return Where(
        any_of=any_of,
        none_of=none_of,
        at_least={"in_stock": 1.0},
        at_most={} if limit is None else {"price": float(limit)},
    )


def price_limit(slot: Slot, wish: Wish) -> Decimal | None:
    """The most that one piece of that slot may cost, None for no limit. "Cheaper" means at least one cent less."""
    limits = [limit for limit in (wish.budget_total, wish.budget_piece) if limit is not None]
    limits += [price - Decimal("0.01") for other, price in wish.cheaper_than if other is slot]
    return min(limits, default=None)


def fits(item: Item, wish: Wish) -> bool:
    """Is this item allowed by what the shopper barred beyond the index's columns: skus, materials, patterns, words?"""
    return (
        item.sku not in wish.excluded
        and item.is_available
        and not (wish.without_materials and names_in(item.title, "material") & wish.without_materials)
        and not (wish.without_patterns and names_in(item.title, "pattern") & wish.without_patterns)
        and not any(mentions(item.title, word) for word in wish.without_words)
    )


def is_asked_for(item: Item, wish: Wish) -> bool:
    """Does it have the colour, tone, material, pattern and category that the shopper asked for, where any was?"""
    return (
        (not wish.colours or item.colour in wish.colours)
        and (wish.tone is None or has_tone(item, wish.tone))
        and (not wish.categories or item.category in wish.categories or not _concerns(item.slot, wish))
        and (not wish.materials or bool(names_in(item.title, "material") & wish.materials))
        and (not wish.patterns or bool(names_in(item.title, "pattern") & wish.patterns))
    )


def has_tone(item: Item, tone: str) -> bool:
    """Is its largest colour light, dark, bright or muted? By CIELAB lightness and chroma, cut where people's words do:
    light from L* 65, dark up to 40, bright from C* 40, muted below 20. An item without a palette has no tone."""
    if not item.palette:
        return False
    lightness, a, b = item.palette[0].lab
    chroma = math.hypot(a, b)
    return {"light": lightness >= 65, "dark": lightness <= 40, "bright": chroma >= 40, "muted": chroma < 20}[tone]


def _concerns(slot: Slot | None, wish: Wish) -> bool:
    """Do the categories asked for say anything of this slot? ("only sneakers" says nothing of tops)"""
    return slot is not None and any(slot_of(name) is slot for name in wish.categories)


def rank(
    garment: Garment,
    found: Sequence[tuple[Suggestion, Sequence[Hit]]],
    wish: Wish,
    *,
    affinity: Callable[[Garment, Garment], float],
    threshold: float,
    text_weight: float = 0.4,
) -> dict[Slot, list[Candidate]]:
    """Candidates by slot, best first: text score and affinity together, each item at its best rank.

    `text_weight` in [0, 1] is the text's part; the rest is how well the two pieces go together, and how near the item is
    to the occasion that was asked for.

    An item below `threshold`, or without what the shopper asked for, is considered only where its slot has nothing
    better, and is marked `is_closest` then.
    """
    best: dict[str, Candidate] = {}
    for suggestion, hits in found:
        top = max((hit.score for hit in hits), default=0.0)
        for hit in hits:
            if hit.item.slot is not suggestion.slot or hit.item.sku == garment.sku or not fits(hit.item, wish):
                continue
            text = max(0.0, hit.score) / top if top > 0 else 0.0
            other = hit.item.as_garment()
            score = text_weight * text + (1 - text_weight) * affinity(garment, other) * suits(other, wish.usage)
            closest = hit.score < threshold or not is_asked_for(hit.item, wish)
            candidate = Candidate(suggestion.slot, hit.item, score, suggestion, closest)
            kept = best.get(hit.item.sku)
            if kept is None or (kept.is_closest, -kept.score) > (closest, -score):
                best[hit.item.sku] = candidate
    ranked: dict[Slot, list[Candidate]] = {}
    for candidate in sorted(best.values(), key=lambda c: (-c.score, c.item.sku)):
        ranked.setdefault(candidate.slot, []).append(candidate)
    return {slot: varied([c for c in row if not c.is_closest] or row) for slot, row in ranked.items()}


def varied(row: Sequence[Candidate]) -> list[Candidate]:
    """Candidates, best first, in the order in which they are worth a place beside those before them: what repeats an
    earlier one's title, or its category and colour, waits. Three looks need more than six times the same shorts.

    Greedy, as maximal marginal relevance is (Carbonell and Goldstein, 1998), for the first `_VARIED`; few are asked for
    more.
    """
    left, chosen = [(candidate, _repeats(candidate.item)) for candidate in row], []
    seen: dict[tuple[str | None, ...], int] = {}
    while left and len(chosen) < _VARIED:
        worth = [one.score - sum(cost * seen.get(name, 0) for name, cost in repeats) for one, repeats in left]
        best, repeats = left.pop(worth.index(max(worth)))
        chosen.append(best)
        for name, _ in repeats:
            seen[name] = seen.get(name, 0) + 1
    return chosen + [candidate for candidate, _ in left]


def _repeats(item: Item) -> tuple[tuple[tuple[str | None, ...], float], ...]:
    """What one sees of an item, and what each earlier one that is the same in it costs of a score in [0, 1]."""
    return (
        (("title", item.title.casefold()), 0.3),
        (("category and colour", item.category, item.colour), 0.06),
        (("category", item.category), 0.03),
    )


def with_approved(
    ranked: dict[Slot, list[Candidate]],
    garment: Garment,
    approved: Iterable[Item],
    slots: Sequence[Slot],
    wish: Wish,
    *,
    affinity: Callable[[Garment, Garment], float],
) -> dict[Slot, list[Candidate]]:
    """The candidates with the items that a stylist approved for this garment before them, where the wish allows them."""
    genders = genders_for(garment, wish)
    first: dict[Slot, list[Candidate]] = {}
    for item in approved:
        slot = item.slot
        if slot not in slots or not fits(item, wish) or not is_asked_for(item, wish) or item.colour in wish.without_colours:
            continue
        limit = price_limit(slot, wish)
        is_payable = limit is None or (item.price is not None and item.price <= limit)
        if is_payable and item.category not in wish.without_categories and (not genders or item.gender in genders):
            first.setdefault(slot, []).append(Candidate(slot, item, affinity(garment, item.as_garment())))
    if not first:
        return ranked
    skus = {candidate.item.sku for row in first.values() for candidate in row}
    rest = {slot: [c for c in row if c.item.sku not in skus] for slot, row in ranked.items()}
    best = {slot: sorted(row, key=lambda c: (-c.score, c.item.sku)) for slot, row in first.items()}
    return {slot: best.get(slot, []) + rest.get(slot, []) for slot in Slot if slot in rest or slot in best}
