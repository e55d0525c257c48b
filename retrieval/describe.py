"""From pictures to attributes without a trained head, and what to do when the model and the pixels disagree on colour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from retrieval.colours import base_colour, family_of
from retrieval.items import Attributes, Item, Swatch
from retrieval.search import Search

if TYPE_CHECKING:
    from PIL.Image import Image

_FIELDS = ("category", "sub_category", "slot", "gender", "season", "usage")


class NeighbourDescriber:
    """Port `Describer` by the catalogue itself: what the items that look alike have in common.

    Each attribute is voted on by the `k` closest products, weighted by rank; its confidence is the winner's share of
    the votes, and below `least` it is None. The weightless stand-in for trained heads.
    """

    def __init__(self, search: Search, *, k: int = 15, least: float = 0.3) -> None:
        self.name = f"neighbours/{search.image_encoder.space.model}"
        self._search = search
        self._k = k
        self._least = least

    def describe(self, images: Sequence[Image]) -> list[Attributes]:
        return [vote([hit.item for hit in self._search.by_image(image, k=self._k)], self._least) for image in images]


def vote(items: Sequence[Item], least: float) -> Attributes:
    """What items, best first, agree on: the vote of the r-th (from 0) weighs 1 / (1 + r)."""
    chosen: dict[str, object] = {}
    confidence: dict[str, float] = {}
    for name in _FIELDS:
        votes: dict[object, float] = {}
        for rank, item in enumerate(items):
            value = getattr(item, name)
            if value is not None:
                votes[value] = votes.get(value, 0.0) + 1 / (1 + rank)
        if votes:
            value, weight = max(votes.items(), key=lambda pair: pair[1])
            share = weight / sum(votes.values())
            if share >= least:
                chosen[name], confidence[name] = value, share
    return Attributes(**chosen, confidence=confidence)


def settle_colour(read: Attributes, palette: Sequence[Swatch]) -> tuple[Attributes, str]:
    """Colour truth: the attributes with the colour that holds, and a sentence where model and pixels disagree.

    The pixels decide between families; within one family the model's finer word stands.
    """
    measured = base_colour(palette) if palette else None
    if measured is None or read.colour == measured:
        return read, ""
    if read.colour is not None and family_of(read.colour) == family_of(measured):
        return read, ""
    notice = "" if read.colour is None else f"colour: the model says {read.colour}, the pixels say {measured}"
    return replace(read, colour=measured), notice


def title_of(attributes: Attributes) -> str:
    """A title in the catalogue's style of naming: "Women Navy Blue Dresses"; "Garment" where nothing is known."""
    words = [attributes.gender, attributes.colour, attributes.category or attributes.sub_category]
    return " ".join(str(word) for word in words if word) or "Garment"
