"""The embedded default of the port `StylistModel`: compact models and rules, no download, no GPU."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assistant.compatibility import affinity, judge_pair, suits
from assistant.stylists import ShotTags, Suggestion, Verdict
from assistant.understanding import understand
from assistant.wish import Wish
from retrieval.items import Attributes, Garment, Gender, Lang, Slot
from retrieval.ports import Describer, ShotReader
from retrieval.vocabulary import is_suggestible, slot_of

if TYPE_CHECKING:
    from PIL.Image import Image

_CATEGORIES_A_SLOT = 5  # the categories of a slot that go best with the garment
_TITLES_A_SLOT = 8  # enough for three different looks
_SAME_CATEGORY = 3  # titles of one category, so that a slot is not all jeans


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of item that the catalogue carries: what a suggestion may ask for. `count` is how many there are."""

    gender: Gender
    category: str
    colour: str | None
    count: int


class CompactStylist:
    """Describes by a `Describer`, judges by `assistant.compatibility`, suggests what is carried and goes best.

    `carried` are the kinds of items in the catalogue: nothing is suggested that the shop has none of. Without `shots`
    only the category of a catalogue picture is told.
    """

    name = "compact"
    concurrency = 1

    def __init__(self, describer: Describer, carried: Iterable[Kind], shots: ShotReader | None = None) -> None:
        self._describer, self._shots = describer, shots
        self._carried: dict[Slot, list[Kind]] = {}
        for kind in carried:
            slot = slot_of(kind.category)
            if slot is not None:
                self._carried.setdefault(slot, []).append(kind)

    def describe(self, crop: Image) -> Attributes:
        return self._describer.describe([crop])[0]

    def suggest(self, garment: Garment, wish: Wish, slots: Sequence[Slot]) -> list[Suggestion]:
        return [suggestion for slot in slots for suggestion in self._for_slot(garment, wish, slot)]

    def judge(self, reference: Garment, candidate: Garment, lang: Lang) -> Verdict:
        return judge_pair(reference, candidate, lang)

    def tag(self, image: Image) -> ShotTags:
        if self._shots is None:
            return ShotTags(category=self.describe(image).category)
        return self._shots.tags([image])[0]

    def understand(self, message: str, wish: Wish) -> Wish:
        return understand(message, wish)

    def _for_slot(self, garment: Garment, wish: Wish, slot: Slot) -> list[Suggestion]:
        gender = wish.gender or garment.attributes.gender
        usage = wish.usage or garment.attributes.usage
        own = garment.attributes.category
        kinds = [
            kind
            for kind in self._carried.get(slot, ())
            if (gender is None or kind.gender in (gender, Gender.UNISEX))
            and kind.category != own
            and (is_suggestible(kind.category) or kind.category in wish.categories)
            and kind.category not in wish.without_categories
            and kind.colour not in wish.without_colours
        ]
        kinds = _narrowed(kinds, wish)
        by_category: dict[str, int] = {}
        for kind in kinds:
            by_category[kind.category] = by_category.get(kind.category, 0) + kind.count
        best = sorted(
            by_category,
            key=lambda name: -_worth(
                garment, Attributes(name, slot=slot, gender=gender, usage=usage), by_category[name], wish.usage
            ),
        )[:_CATEGORIES_A_SLOT]
        counts: dict[tuple[str, str | None], int] = {}
        for kind in kinds:
            if kind.category in best:
                counts[kind.category, kind.colour] = counts.get((kind.category, kind.colour), 0) + kind.count
        ranked = sorted(
            counts,
            key=lambda pair: (
                -_worth(
                    garment,
                    Attributes(pair[0], slot=slot, gender=gender, colour=pair[1], usage=usage),
                    counts[pair],
                    wish.usage,
                ),
                pair[0],
                pair[1] or "",
            ),
        )
        return [
            Suggestion(slot, _title(gender, colour, category, wish), category, colour, gender, usage)
            for category, colour in _varied(ranked)
        ]


def _worth(garment: Garment, wanted: Attributes, count: int, occasion: str | None) -> float:
    """How well such a piece goes with the garment and suits the occasion asked for, and how much there is to choose from
    (a weak tenth root)."""
    piece = Garment("", wanted)
    return affinity(garment, piece) * suits(piece, occasion) * count**0.1


def _narrowed(kinds: list[Kind], wish: Wish) -> list[Kind]:
    """Only the categories and colours asked for, each where any of them is carried in this slot."""
    for asked, name in ((wish.categories, "category"), (wish.colours, "colour")):
        kinds = [kind for kind in kinds if getattr(kind, name) in asked] or kinds
    return kinds


def _varied(ranked: Sequence[tuple[str, str | None]]) -> list[tuple[str, str | None]]:
    """The best pairs of category and colour, at most `_SAME_CATEGORY` of one category."""
    chosen: list[tuple[str, str | None]] = []
    used: dict[str, int] = {}
    for pair in ranked:
        if used.get(pair[0], 0) < _SAME_CATEGORY:
            chosen.append(pair)
            used[pair[0]] = used.get(pair[0], 0) + 1
    return chosen[:_TITLES_A_SLOT]


def _title(gender: Gender | None, colour: str | None, category: str, wish: Wish) -> str:
    """A title in the catalogue's style of naming, with the materials and patterns that were asked for."""
    words = (gender, *sorted(wish.patterns), *sorted(wish.materials), colour, category)
    return " ".join(str(word) for word in words if word)
