"""What a turn changes without asking anybody: pure functions from one conversation to the next (see `assistant.chat`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from assistant.looks import Look, Piece, Recommendation
from assistant.reading import read
from assistant.talk import Answered, Choice, Line, Reply, Talk
from assistant.understanding import Shown, ShownPiece
from assistant.wish import Wish
from retrieval.errors import InvalidInput
from retrieval.items import Slot

# What a new question begins without: what was locked, passed over, offered or owned belonged to the old one.
AFRESH: dict[str, Any] = {"kept": (), "passed": frozenset(), "offered": (), "own": ()}


def choices(talk: Talk) -> tuple[Choice, ...]:
    if talk.photo is None:
        raise InvalidInput("there is no photo to choose from", hint="send a photo first")
    return talk.offered or (Choice(talk.photo, talk.size, talk.detections),)


def opened(talk: Talk, answer: Recommendation) -> Reply:
    """A kept look as the beginning of a conversation. Chosen by whoever kept it."""
    new = talk.changed(answer=answer, photo=None, size=(0, 0), detections=(), **AFRESH)
    return Reply(new, (Line("link.opened"), Answered(answer, is_new=True)))


def lock(talk: Talk, sku: str) -> Reply:
    """One piece a slot is kept: locking another one of that slot lets the first go."""
    piece = talk.piece(sku)
    is_new = all(kept.item.sku != sku for kept in talk.kept)
    kept = tuple(one for one in talk.kept if one.slot is not piece.slot)
    if is_new:
        kept += (replace(piece, is_locked=True),)
    skus = {one.item.sku for one in kept}
    looks = tuple(
        replace(look, pieces=tuple(replace(p, is_locked=p.item.sku in skus) for p in look.pieces))
        for look in (talk.answer.looks if talk.answer else ())
    )
    answer = replace(talk.answer, looks=looks) if talk.answer else None
    wish = locking(talk.wish, kept)
    return Reply(talk.changed(wish=wish, kept=kept, answer=answer), (Line("change.kept" if is_new else "change.unkept"),))


def undo(talk: Talk) -> Reply:
    if talk.before is None:
        return Reply(talk, (Line("change.nothing"),))
    old = replace(talk.before, wish=replace(talk.before.wish, lang=talk.lang))
    if old.answer is not None:
        return Reply(old, (Line("change.undone"), Answered(old.answer, is_new=old.garment != talk.garment)))
    return Reply(old, (Line("change.undone"), *choices(old)) if old.photo else (Line("change.undone"),))


def shown(talk: Talk, opened: str | None = None) -> Shown:
    """The looks on show, as what a message may refer to; `opened` is the sku of the piece that was looked at last."""
    return Shown(
        tuple(
            tuple(ShownPiece(p.slot, p.item.sku, p.item.category, p.item.price) for p in look.pieces)
            for look in (talk.answer.looks if talk.answer else ())
        ),
        sku=opened,
    )


def is_on_show(talk: Talk, sku: str) -> bool:
    return any(piece.item.sku == sku for piece in talk.pieces())


def kept_of(talk: Talk, locked: frozenset[str]) -> tuple[Piece, ...]:
    """The pieces of these skus, one a slot: what was kept before goes first, then in the order on show."""
    kept: dict[Slot, Piece] = {}
    for piece in (*talk.kept, *talk.pieces()):
        if piece.item.sku in locked:
            kept.setdefault(piece.slot, replace(piece, is_locked=True))
    return tuple(kept.values())


def locking(wish: Wish, kept: Sequence[Piece]) -> Wish:
    return replace(wish, locked=frozenset(piece.item.sku for piece in kept))


def excluding(wish: Wish, skus: frozenset[str]) -> Wish:
    return replace(wish, excluded=wish.excluded | skus)


def speaks_of_money(message: str, before: Wish, after: Wish) -> bool:
    """Does this message ask for a price, or for a lower one?"""
    return read(message).has("cheaper") or _money(before) != _money(after)


def _money(wish: Wish) -> tuple[object, ...]:
    return wish.budget_total, wish.budget_piece, wish.cheaper_than


def without_money(wish: Wish) -> Wish:
    return replace(wish, budget_total=None, budget_piece=None, cheaper_than=(), currency=None)


def fill(looks: Sequence[Look]) -> tuple[int, int]:
    """How much a set of looks has to show: looks, then pieces in them."""
    return len(looks), sum(len(look.pieces) for look in looks)


def distinct(looks: Sequence[Look]) -> tuple[Look, ...]:
    """Looks of the same items are shown once."""
    seen: dict[frozenset[str], Look] = {}
    for look in looks:
        seen.setdefault(frozenset(piece.item.sku for piece in look.pieces), look)
    return tuple(seen.values())
