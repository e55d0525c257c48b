"""What the main path answers with: looks of pieces that the shop carries, and what could not be filled."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Self

from assistant.stylists import Suggestion, Verdict
from assistant.wish import Wish
from retrieval.items import Detection, Garment, Hit, Item, Slot

OWN = "own:"  # what the sku of a garment begins with that the shopper has: it is in no catalogue and costs nothing


@dataclass(frozen=True, slots=True)
class Candidate:
    """An item that may fill a slot. `score` in [0, 1], higher is better: text match, colour and style together.

    `is_closest` marks an item below the search threshold, shown only as "the closest we carry".
    """

    slot: Slot
    item: Item
    score: float
    suggestion: Suggestion | None = None
    is_closest: bool = False


@dataclass(frozen=True, slots=True)
class Piece:
    """A candidate that the guardrail admitted, with the verdict that says why."""

    slot: Slot
    item: Item
    verdict: Verdict
    score: float
    is_closest: bool = False
    is_locked: bool = False

    @property
    def is_own(self) -> bool:
        """Is it one of the shopper's own garments?"""
        return self.item.sku.startswith(OWN)


@dataclass(frozen=True, slots=True)
class Unfilled:
    """A slot of the look that stays empty, and the sentence that says why."""

    slot: Slot
    reason: str


@dataclass(frozen=True, slots=True)
class Look:
    """One outfit around the shopper's garment: at most one piece a slot, pieces in the order of `Slot`.

    `score` in [0, 1] is the coherence of the whole set; `reason` the sentence for what decided it. `total` is the sum
    of prices in `currency`, None where a price is missing or currencies differ. What the shopper owns costs nothing.
    """

    title: str
    pieces: tuple[Piece, ...]
    score: float
    reason: str
    unfilled: tuple[Unfilled, ...] = ()
    total: Decimal | None = None
    currency: str | None = None

    def summed(self) -> Self:
        """With the total of the pieces that are to be bought; None where there is none."""
        bought = [piece.item for piece in self.pieces if not piece.is_own]
        currencies = {item.currency for item in bought}
        if len(currencies) != 1 or any(item.price is None for item in bought):
            return replace(self, total=None, currency=None)
        return replace(self, total=sum((item.price for item in bought), Decimal(0)), currency=currencies.pop())


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the main path: seconds, counts (numbers by name), and which model did it with which prompt."""

    name: str
    seconds: float
    counts: dict[str, float] = field(default_factory=dict)
    model: str | None = None
    prompt_digest: str | None = None


@dataclass(frozen=True, slots=True)
class Trace:
    steps: tuple[Step, ...] = ()
    notices: tuple[str, ...] = ()  # announced fallbacks, in words

    @property
    def seconds(self) -> float:
        return sum(step.seconds for step in self.steps)


@dataclass(frozen=True, slots=True)
class Recommendation:
    """The answer to one photo. Exactly one of three outcomes:

    no garment (`garment` None, `detections` empty); a choice to make (`garment` None, several `detections`);
    or a garment with `same_product` (the product itself and what looks like it) and up to three `looks`.
    """

    detections: tuple[Detection, ...]
    garment: Garment | None = None
    chosen: Detection | None = None
    same_product: tuple[Hit, ...] = ()
    looks: tuple[Look, ...] = ()
    withheld: tuple[Piece, ...] = ()  # candidates that the guardrail refused or left undecided
    trace: Trace = Trace()

    @property
    def needs_choice(self) -> bool:
        return self.garment is None and len(self.detections) > 1


@dataclass(frozen=True, slots=True)
class Proposal:
    """An answer for the stylists' desk to look over, with every piece that was admitted for it, in rank order by slot."""

    answer: Recommendation
    admitted: dict[Slot, tuple[Piece, ...]]
    wish: Wish
