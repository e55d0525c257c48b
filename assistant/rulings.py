"""What stylists decided, as the main path uses it: pure functions.

A decision belongs to what it was made about: an item of the shop by its sku, or a shopper's garment by its kind (gender,
category, colour), since no two photos are alike. It holds for every garment of that reference from then on. Of two
decisions about one thing the later one counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from retrieval.items import Garment

Pair = frozenset[str]  # two skus


@dataclass(frozen=True, slots=True)
class Rulings:
    """What holds for one garment. An approved sku is admitted, a refused one never shown with it.

    `looks` are approved sets of skus, preferred where all of their pieces may be shown; what is in one of `refused_looks`
    is not put together again. Two items of a pair in `apart` are never in one look.
    """

    approved: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()
    looks: frozenset[frozenset[str]] = frozenset()
    refused_looks: frozenset[frozenset[str]] = frozenset()
    apart: frozenset[Pair] = frozenset()


@dataclass(frozen=True, slots=True)
class Ruled:
    """One yes or no in force: of a pair (one sku beside the reference) or of a whole look."""

    reference: str
    kind: Literal["pair", "look"]
    skus: frozenset[str]
    is_yes: bool


def reference_of(garment: Garment) -> str | None:
    """What decisions about this garment are kept under; None for a garment of which too little is known."""
    if garment.sku is not None:
        return f"sku:{garment.sku}"
    known = garment.attributes
    if known.category is None:
        return None
    return f"kind:{known.gender or ''}|{known.category}|{known.colour or ''}"


@dataclass(frozen=True, slots=True)
class Book:
    """All decisions in force, by reference."""

    by_reference: Mapping[str, Rulings] = field(default_factory=dict)
    apart: frozenset[Pair] = frozenset()

    @classmethod
    def of(cls, ruled: Iterable[Ruled]) -> Book:
        """The book of decisions that come oldest first."""
        pages: dict[str, _Page] = {}
        apart: set[Pair] = set()
        for one in ruled:
            pages.setdefault(one.reference, _Page()).write(one)
            if one.reference.startswith("sku:"):
                pairs = {frozenset({one.reference[4:], sku}) for sku in one.skus}
                if one.is_yes:
                    apart -= pairs
                elif one.kind == "pair":
                    apart |= pairs
        return cls({reference: page.rulings() for reference, page in pages.items()}, frozenset(apart))

    def for_garment(self, garment: Garment) -> Rulings:
        """What holds for this garment. A pair of items is refused from both its sides."""
        found = self.by_reference.get(reference_of(garment) or "", Rulings())
        from_other_side = {sku for pair in self.apart if garment.sku in pair for sku in pair if sku != garment.sku}
        refused = found.refused | (from_other_side - found.approved)
        return Rulings(found.approved, refused, found.looks, found.refused_looks, self.apart)


@dataclass(slots=True)
class _Page:
    """The decisions about one reference while they are read."""

    skus: dict[str, bool] = field(default_factory=dict)
    looks: dict[frozenset[str], bool] = field(default_factory=dict)

    def write(self, one: Ruled) -> None:
        if one.kind == "look":
            # An earlier ruling that this one contradicts: a refused part of what is approved, and the other way round.
            self.looks = {
                skus: is_yes
                for skus, is_yes in self.looks.items()
                if is_yes is one.is_yes or not (skus <= one.skus if one.is_yes else one.skus <= skus)
            }
            self.looks[one.skus] = one.is_yes
            if one.is_yes:
                self.skus |= dict.fromkeys(one.skus, True)
            return
        self.skus |= dict.fromkeys(one.skus, one.is_yes)
        if not one.is_yes:
            self.looks = {skus: is_yes for skus, is_yes in self.looks.items() if not (is_yes and skus & one.skus)}

    def rulings(self) -> Rulings:
        return Rulings(
            frozenset(sku for sku, is_yes in self.skus.items() if is_yes),
            frozenset(sku for sku, is_yes in self.skus.items() if not is_yes),
            frozenset(skus for skus, is_yes in self.looks.items() if is_yes),
            frozenset(skus for skus, is_yes in self.looks.items() if not is_yes),
        )
