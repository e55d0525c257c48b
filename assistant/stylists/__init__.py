"""The port `StylistModel`: the judgement that the main path asks for, and the values that it answers with.

Two implementations: `compact` (the embedded default, no download) and `vlm` (InternVL2 behind an OpenAI-compatible
server). Both run `tests/contracts/stylist_model.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from retrieval.items import Attributes, Garment, Gender, Lang, ShotTags, Slot

__all__ = ["Answer", "ShotTags", "StylistModel", "Suggestion", "Verdict"]

if TYPE_CHECKING:
    from PIL.Image import Image

    from assistant.wish import Wish


class Answer(StrEnum):
    YES = "yes"
    NO = "no"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A piece that would complete the look: a title to search for, in the catalogue's style of naming."""

    slot: Slot
    title: str
    category: str | None = None
    colour: str | None = None
    gender: Gender | None = None
    usage: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Does the candidate go with the reference? Only `Answer.YES` is ever shown; undecided is not yes.

    `p_yes` is the calibrated probability of a yes in [0, 1], None where the model gives none. `reason` is one short
    sentence in the shopper's language. `model` names who judged. Where a pair was asked in both orders, `orders` has the
    `p_yes` of each: reference first, then candidate first.
    """

    answer: Answer
    p_yes: float | None
    reason: str
    model: str
    orders: tuple[float | None, float | None] | None = field(default=None, compare=False)


class StylistModel(Protocol):
    name: str
    concurrency: int  # how many calls may run at once

    def describe(self, crop: Image) -> Attributes:
        """What the pictured garment is; category is one of the catalogue's own, or None."""
        ...

    def suggest(self, garment: Garment, wish: Wish, slots: Sequence[Slot]) -> list[Suggestion]:
        """Complementary pieces for the open slots, best first, never the pictured garment's own category."""
        ...

    def judge(self, reference: Garment, candidate: Garment, lang: Lang) -> Verdict:
        """Would a stylist wear these two together? The reason is written in `lang`."""
        ...

    def tag(self, image: Image) -> ShotTags:
        """How a catalogue picture was taken."""
        ...

    def understand(self, message: str, wish: Wish) -> Wish:
        """What the shopper asks for, merged into what was asked before."""
        ...
