"""From pictures to attributes without a trained head, and what to do when the model and the pixels disagree on colour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from retrieval.colours import base_colour, family_of
from retrieval.items import Attributes, Detection, Gender, Item, Swatch
from retrieval.search import Search
from retrieval.vocabulary import slot_of

if TYPE_CHECKING:
    from PIL.Image import Image

PIXELS_RIGHT = 0.69  # share of the catalogue's items whose family is the measured one: `outfit evaluate colours`
_RARE = 0.02  # of a category's items: what fewer have is a slip of the model sooner than the shop's own
_KNOWN = 20  # items of a category from which their shares say something
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


def fill_gaps(
    read: Attributes, found: Detection | None, alike: Sequence[Item], *, least: float = 0.3
) -> Attributes:
    """What the model could not tell, from where the garment was found and what looks like it.

    Where detector and model disagree on the slot, the surer one holds, and a category of another slot goes. `alike` are
    the catalogue's items that look most like the garment, best first, of which those of its slot vote on the gaps. What
    the model did tell stays. Colour is left to `settle_colour`.
    """
    slot = read.slot
    if found is not None and found.slot is not None and found.confidence > _confidence_in_slot(read):
        slot = found.slot
    if slot is not None and read.category is not None and slot_of(read.category) is not slot:
        read = replace(read, category=None, sub_category=None)
    read = replace(read, slot=slot)
    voted = vote([item for item in alike if read.slot is None or item.slot is read.slot], least)
    gaps = {name: getattr(voted, name) for name in _FIELDS if getattr(read, name) is None}
    confidence = {**voted.confidence, **{name: c for name, c in read.confidence.items() if name not in gaps}}
    return replace(read, **gaps, confidence=confidence)


def _confidence_in_slot(read: Attributes) -> float:
    """0 where the model tells no slot, 1 where it tells one without saying how sure it is."""
    return 0.0 if read.slot is None else read.confidence.get("slot", 1.0)


def settle_colour(read: Attributes, palette: Sequence[Swatch]) -> tuple[Attributes, str]:
    """Colour truth: the attributes with the colour that holds, and a sentence where model and pixels disagree.

    Within one family the model's finer word stands. Between families the pixels decide, unless the model is surer of its
    word than the pixels have been right (`PIXELS_RIGHT`).
    """
    measured = base_colour(palette) if palette else None
    if measured is None or read.colour == measured:
        return read, ""
    if read.colour is None:
        return replace(read, colour=measured), ""
    if family_of(read.colour) == family_of(measured):
        return read, ""
    holds = read.colour if read.confidence.get("colour", 0.0) > PIXELS_RIGHT else measured
    notice = f"colour: the model says {read.colour}, the pixels say {measured}; {holds} is taken"
    return replace(read, colour=holds), notice


@dataclass(frozen=True, slots=True)
class Carried:
    """How many of the shop's items have which gender and which usage, by category."""

    genders: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    usages: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


_SEXES = (frozenset({Gender.WOMEN, Gender.GIRLS}), frozenset({Gender.MEN, Gender.BOYS}))


def settle_wearer(read: Attributes, carried: Carried) -> tuple[Attributes, str]:
    """Who it is for, and a sentence where model and shop disagree: what is carried for one sex alone is for that sex, so
    that a skirt of nobody is a woman's. A category of fewer than `_KNOWN` items says nothing."""
    counts = carried.genders.get(read.category or "", {})
    of_sex = [sum(counts.get(gender, 0) for gender in sex) for sex in _SEXES]
    total, rarer = sum(of_sex), of_sex.index(min(of_sex))
    is_told = read.gender in (*_SEXES[1 - rarer], Gender.UNISEX)
    if is_told or total < _KNOWN or of_sex[rarer] >= _RARE * total:
        return read, ""
    usual = max(sorted(_SEXES[1 - rarer]), key=lambda gender: counts.get(gender, 0))
    notice = f"gender: the model says {read.gender}, and the shop's {read.category} are not for them; {usual} is taken"
    return replace(read, gender=usual), notice if read.gender is not None else ""


def settle_usage(read: Attributes, carried: Carried) -> tuple[Attributes, str]:
    """What it is worn for, and a sentence where model and shop disagree: each attribute is read by itself, so that jeans
    may come out as traditional dress. A usage that less than `_RARE` of the shop's items of that category have gives way
    to their most usual one. A category of fewer than `_KNOWN` items says nothing.
    """
    counts = carried.usages.get(read.category or "", {})
    total = sum(counts.values())
    if read.usage is None or total < _KNOWN or counts.get(read.usage, 0) >= _RARE * total:
        return read, ""
    usual, count = max(counts.items(), key=lambda pair: (pair[1], pair[0]))
    notice = f"usage: the model says {read.usage}, which the shop's {read.category} hardly ever are; {usual} is taken"
    return replace(read, usage=usual, confidence={**read.confidence, "usage": count / total}), notice


def title_of(attributes: Attributes) -> str:
    """A title in the catalogue's style of naming: "Women Navy Blue Dresses"; "Garment" where nothing is known."""
    words = [attributes.gender, attributes.colour, attributes.category or attributes.sub_category]
    return " ".join(str(word) for word in words if word) or "Garment"
