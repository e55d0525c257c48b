"""A conversation as values: what a shopper may do, what comes back, and everything that is in force.

A turn takes a `Talk` and gives the next one, so undo is the one before. `assistant.chat` does the turns.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from assistant.looks import Piece, Recommendation
from assistant.stylist import Progress
from assistant.wish import Wish
from retrieval.errors import InvalidInput
from retrieval.items import Box, Detection, Garment, Hit, Item, Lang

_MOST_UNDO = 20


# --- what a shopper does ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ShowPhoto:
    """A new photo, by the name under which the page keeps it."""

    name: str


@dataclass(frozen=True, slots=True)
class ShowPhotos:
    """Several photos at once, by their names: their garments are offered together."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Choose:
    """One garment of a photo: its box in pixels, drawn or detected; None takes the whole photo.

    `photo` names one of the photos on offer; None is the one in question.
    """

    box: Box | None
    photo: str | None = None


@dataclass(frozen=True, slots=True)
class ChooseAgain:
    """Back to the choice of garments."""


@dataclass(frozen=True, slots=True)
class Correct:
    """The garment is of another category than it was taken for."""

    category: str


@dataclass(frozen=True, slots=True)
class Say:
    """Words. `opened` is the sku of the piece that was looked at last: what "this one" means."""

    message: str
    opened: str | None = None


@dataclass(frozen=True, slots=True)
class DropWish:
    """Take off one chip, by its key."""

    key: str


@dataclass(frozen=True, slots=True)
class Lock:
    """Keep this piece in every look from now on, or stop keeping it."""

    sku: str


@dataclass(frozen=True, slots=True)
class Swap:
    """The next best for this piece of one look; the rest of that look stays."""

    look: int
    sku: str


@dataclass(frozen=True, slots=True)
class Remove:
    """Never show this item again; each look that has it gets the next best."""

    sku: str


@dataclass(frozen=True, slots=True)
class Reroll:
    """Other looks; locked pieces stay."""


@dataclass(frozen=True, slots=True)
class Around:
    """Looks around an item of the shop."""

    sku: str


@dataclass(frozen=True, slots=True)
class Wear:
    """Looks around a garment that is described already: one of the shopper's own."""

    garment: Garment


@dataclass(frozen=True, slots=True)
class FromOwn:
    """Looks around the garment from the shopper's own clothes, with one bought piece at most."""

    own: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class FromShop:
    """Looks from the shop again."""


@dataclass(frozen=True, slots=True)
class OpenLook:
    """Go on from a look that was kept, in the language of whoever opens it; `lang` is the one that it was kept in."""

    answer: Recommendation
    lang: Lang


@dataclass(frozen=True, slots=True)
class Speak:
    """Go on in another language."""

    lang: Lang


@dataclass(frozen=True, slots=True)
class Undo:
    """The conversation as it was before the last change."""


Ask = (
    ShowPhoto
    | ShowPhotos
    | Choose
    | ChooseAgain
    | Correct
    | Say
    | DropWish
    | Lock
    | Swap
    | Remove
    | Reroll
    | Around
    | Wear
    | FromOwn
    | FromShop
    | OpenLook
    | Speak
    | Undo
)


# --- what comes back --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence, by its key in `assistant.words`."""

    key: str
    values: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Choice:
    """The garments of the photo: several to choose from, or none (then the shopper may draw a box)."""

    photo: str
    size: tuple[int, int]  # width, height in pixels of the photo that the boxes belong to
    detections: tuple[Detection, ...]


@dataclass(frozen=True, slots=True)
class Answered:
    """Looks, with everything known about them. `is_new` when the garment was not shown before."""

    answer: Recommendation
    is_new: bool


@dataclass(frozen=True, slots=True)
class Found:
    """Products for words said before any garment was shown."""

    hits: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class Trouble:
    """What went wrong: `code` chooses the sentence, `message` has the details."""

    code: str
    message: str
    hint: str = ""


Part = Line | Choice | Answered | Found | Trouble


@dataclass(frozen=True, slots=True)
class Talk:
    """A conversation so far. `photo` names the photo in question, `kept` are the locked pieces, one a slot.

    `offered` are the photos of which a garment may be chosen, where there are several. `passed` are skus that were
    swapped or re-rolled away: not shown until everything else has been. `own` are the shopper's own garments while looks
    are put together from those. `before` is the conversation that undo returns to.
    """

    wish: Wish = Wish()
    photo: str | None = None
    size: tuple[int, int] = (0, 0)
    detections: tuple[Detection, ...] = ()
    answer: Recommendation | None = None
    kept: tuple[Piece, ...] = ()
    passed: frozenset[str] = frozenset()
    offered: tuple[Choice, ...] = ()
    own: tuple[Item, ...] = ()
    before: Talk | None = field(default=None, repr=False)

    @property
    def lang(self) -> Lang:
        return self.wish.lang

    @property
    def garment(self) -> Garment | None:
        return self.answer.garment if self.answer else None

    def pieces(self) -> list[Piece]:
        """Every piece on show, look by look, in the order in which the page shows them."""
        return [piece for look in (self.answer.looks if self.answer else ()) for piece in look.pieces]

    def piece(self, sku: str) -> Piece:
        """Raises InvalidInput for an item that is not on show."""
        for piece in (*self.pieces(), *self.kept):
            if piece.item.sku == sku:
                return piece
        raise InvalidInput(f"item {sku[:60]!r} is in none of the looks on show")

    def changed(self, **changes: object) -> Talk:
        """The next conversation, with this one to go back to."""
        return replace(_shortened(self, _MOST_UNDO), **changes, before=_shortened(self, _MOST_UNDO))


@dataclass(frozen=True, slots=True)
class Reply:
    """The end of a turn: the conversation from now on, and what to show."""

    talk: Talk
    parts: tuple[Part, ...]


Event = Progress | Reply


def _shortened(talk: Talk, most: int) -> Talk:
    """The conversation with at most `most` steps to go back to."""
    chain = []
    one: Talk | None = talk
    while one is not None and len(chain) <= most:
        chain.append(one)
        one = one.before
    if one is None:
        return talk
    kept = None
    for old in reversed(chain):
        kept = replace(old, before=kept)
    return kept
