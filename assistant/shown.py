"""What was shown, and what of it a command speaks of: pieces by look, slot, category or pointing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from assistant.parts import HEADS, Part
from assistant.reading import Reading
from retrieval.items import Slot
from retrieval.vocabulary import slot_of


@dataclass(frozen=True, slots=True)
class ShownPiece:
    """One piece as it was shown: its place, sku, category and price (None where the catalogue has none)."""

    slot: Slot
    sku: str
    category: str
    price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """The looks that the shopper sees. "This" is look number `look` (from 0), or the piece `sku` that was opened."""

    looks: tuple[tuple[ShownPiece, ...], ...]
    look: int = 0
    sku: str | None = None

    @property
    def pieces(self) -> tuple[ShownPiece, ...]:
        return tuple(piece for look in self.looks for piece in look)

    @property
    def opened(self) -> ShownPiece | None:
        return next((piece for piece in self.pieces if piece.sku == self.sku), None)


@dataclass(frozen=True, slots=True)
class Meant:
    """What a command speaks of: the look, whether one was named, and the slots and categories named with it."""

    look: tuple[ShownPiece, ...]
    is_named: bool
    is_this: bool
    slots: frozenset[Slot]
    categories: frozenset[str]

    @property
    def names_a_piece(self) -> bool:
        return bool(self.slots or self.categories)

    def of(self, pieces: Iterable[ShownPiece]) -> list[ShownPiece]:
        """Those of the pieces that the named nouns mean; all where none was named."""
        if not self.names_a_piece:
            return list(pieces)
        return [p for p in pieces if p.slot in self.slots or p.category in self.categories]


def meant_by(reading: Reading, shown: Shown, said_before: Sequence[int]) -> Meant:
    numbers = looks_named(reading.parts) or list(said_before)
    heads = [part.term for part in reading.parts if part.kind in HEADS and part.term]
    count = len(shown.looks)
    slots = {Slot(term.name) for term in heads if term.kind == "slot"}
    if not heads and shown.opened is None and any(_counts_shoes(part) for part in reading.parts):
        slots.add(Slot.SHOES)
    return Meant(
        tuple(piece for n in numbers or [shown.look] if -count <= n < count for piece in shown.looks[n]),
        bool(numbers) or any(is_look(part) for part in reading.parts),
        reading.has("this", "these") or any(_likes_this(part) for part in reading.parts),
        frozenset(slots),
        frozenset(name for term in heads for name in term.categories),
    )


def looks_named(parts: Iterable[Part]) -> list[int]:
    """The looks that are named, from 0; -1 is the last."""
    named = [part.kind.partition(":")[2] for part in parts if part.kind.startswith("ordinal:")]
    return [int(number) for numbers in named for number in numbers.split("+")]


def is_look(part: Part) -> bool:
    """第二套, 这套."""
    return bool(looks_named([part])) or (part.kind == "this" and any(char in part.word for char in "套身"))


def exchanged(reading: Reading, shown: Shown, meant: Meant) -> list[ShownPiece]:
    """鞋子换成运动鞋: the pieces that make way for another category; [] where no category is named after "into"."""
    place = next(i for i, part in enumerate(reading.parts) if part.kind == "into")
    targets = [part.term for part in reading.parts[place:] if part.kind == "category"]
    sources = [part for part in reading.parts[:place] if part.kind in HEADS]
    if not targets:
        return []
    for part in sources:
        part.is_taken = True
    terms = [part.term for part in sources] or targets
    slots = {Slot(term.name) if term.kind == "slot" else slot_of(term.categories[0]) for term in terms}
    if not any(piece.slot in slots for piece in shown.pieces):  # 裙子 are dresses first, and these are skirts
        slots = {slot_of(name) for term in terms for name in term.categories}
    if shown.opened is not None and meant.is_this and not meant.is_named and shown.opened.slot in slots:
        return [shown.opened]
    return [piece for piece in (meant.look if meant.is_named else shown.pieces) if piece.slot in slots]


def paired(reading: Reading, shown: Shown) -> list[ShownPiece]:
    """ "The jeans of the first with the shoes of the second": pieces of several looks, each with its noun."""
    numbers = looks_named(reading.parts)
    heads = [part.term for part in reading.parts if part.kind in HEADS]
    if len(numbers) < 2 or len(numbers) != len(heads):
        return []
    found = []
    for number, term in zip(numbers, heads, strict=True):
        look = shown.looks[number] if -len(shown.looks) <= number < len(shown.looks) else ()
        found += [piece for piece in look if piece.category in term.categories or piece.slot.value == term.name]
    return found


def borrowed_by(reading: Reading, meant: Meant, shown: Shown) -> list[ShownPiece]:
    """鞋换成第二套的: the piece of the look that is named last, after "into" or 换."""
    places = [i for i, part in enumerate(reading.parts) if part.kind in ("into", "swap")]
    numbers = looks_named(reading.parts[places[-1] + 1 :]) if places else []
    if not meant.names_a_piece or len(numbers) != 1 or not -len(shown.looks) <= numbers[0] < len(shown.looks):
        return []
    return meant.of(shown.looks[numbers[0]])


def beside(skus: Iterable[str], shown: Shown) -> frozenset[str]:
    """The pieces that are shown in one look with these, less these."""
    looks = [{piece.sku for piece in look} for look in shown.looks]
    return frozenset(sku for look in looks if look & set(skus) for sku in look) - frozenset(skus)


def _likes_this(part: Part) -> bool:
    """就这双, 就它了."""
    return part.kind == "like" and any(char in part.word for char in "这它")


def _counts_shoes(part: Part) -> bool:
    """Of all pieces only shoes come in pairs: 换一双, "another pair"."""
    return part.kind in ("swap", "this", "these") and ("双" in part.word or "pair" in part.word)
