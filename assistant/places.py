"""One place of a look filled anew, its other pieces as they are: swapped, refused, or by the same piece in another way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from assistant import changes
from assistant.looks import Look, Piece, Recommendation
from assistant.talk import Answered, Line, Part, Reply, Talk
from assistant.wish import Wish
from retrieval.errors import InvalidInput

Complete = Callable[[Talk, Wish, Sequence[Piece]], Recommendation]  # the main path, with pieces that stay


def swapped(talk: Talk, look: int, sku: str, complete: Complete) -> Reply:
    """The next best in the place of a piece of look number `look` (from 0). Raises InvalidInput for what is not on show."""
    if talk.answer is None or not 0 <= look < len(talk.answer.looks):
        raise InvalidInput(f"there is no look {look + 1} on show")
    old = talk.answer.looks[look]
    if not _has(old, sku):
        raise InvalidInput(f"item {sku[:60]!r} is not in look {look + 1}")
    kept = _kept_without(talk, sku)
    wish = changes.locking(talk.wish, kept)
    passed = talk.passed | {sku}
    stays = {piece.item.sku for piece in old.pieces}
    elsewhere = frozenset(piece.item.sku for piece in talk.pieces()) - stays
    new = _refilled(talk, old, sku, wish, passed | elsewhere, complete)
    new = new or _refilled(talk, old, sku, wish, passed, complete)
    lines: tuple[Part, ...] = ()
    if new is None:  # everything has been seen: from the first again, but never this piece by itself
        passed = frozenset({sku})
        new = _refilled(talk, old, sku, wish, passed, complete)
        lines = (Line("change.last"),)
    if new is None:
        return Reply(talk, (Line("change.no_other"),))
    looks = tuple(new if place == look else one for place, one in enumerate(talk.answer.looks))
    answer = replace(talk.answer, looks=looks)
    return Reply(
        talk.changed(wish=wish, answer=answer, passed=passed, kept=kept), (*lines, Answered(answer, is_new=False))
    )


def removed(talk: Talk, sku: str, complete: Complete) -> Reply:
    """Never this piece again: another takes its place in every look that has it, or the place stays empty."""
    talk.piece(sku)
    kept = _kept_without(talk, sku)
    wish = changes.locking(changes.excluding(talk.wish, frozenset({sku})), kept)
    looks = []
    for old in talk.answer.looks if talk.answer else ():
        if not _has(old, sku):
            looks.append(old)
            continue
        new = _refilled(talk, old, sku, wish, talk.passed, complete)
        new = new or _refilled(talk, old, sku, wish, frozenset(), complete, may_be_short=True)
        if new is not None:
            looks.append(new)
    answer = replace(talk.answer, looks=changes.distinct(looks))
    return Reply(talk.changed(wish=wish, kept=kept, answer=answer), (Answered(answer, is_new=False),))


def another_like(talk: Talk, sku: str, wish: Wish, complete: Complete) -> Reply:
    """ "The same but navy": of that piece's own kind, as `wish` says, in its place in every look that has it.

    What was said is about this piece: it is no wish for the others, nor for later.
    """
    piece = talk.piece(sku)
    kept = _kept_without(talk, sku)
    lasting = changes.locking(replace(talk.wish, lang=wish.lang), kept)
    wanted = replace(
        changes.locking(wish, kept), slots=frozenset(), categories=frozenset({piece.item.category}), like_sku=None
    )
    before = talk.answer.looks if talk.answer else ()
    found = [
        _refilled(talk, look, sku, wanted, frozenset(), complete)
        if _has(look, sku)
        else look
        for look in before
    ]
    if all(new is None or new is old for new, old in zip(found, before, strict=True)):
        return Reply(replace(talk, wish=replace(talk.wish, lang=wish.lang)), (Line("change.no_other"),))
    looks = tuple(old if new is None else new for new, old in zip(found, before, strict=True))
    answer = replace(talk.answer, looks=looks)
    return Reply(talk.changed(wish=lasting, kept=kept, answer=answer), (Answered(answer, is_new=False),))


def _has(look: Look, sku: str) -> bool:
    return any(piece.item.sku == sku for piece in look.pieces)


def _kept_without(talk: Talk, sku: str) -> tuple[Piece, ...]:
    return tuple(piece for piece in talk.kept if piece.item.sku != sku)


def _refilled(
    talk: Talk,
    look: Look,
    sku: str,
    wish: Wish,
    passed: frozenset[str],
    complete: Complete,
    *,
    may_be_short: bool = False,
) -> Look | None:
    """The look with another piece in the place of `sku`, its other pieces as they are; None where none is left.

    With `may_be_short` the place may stay empty, and the look says so.
    """
    others = tuple(piece for piece in look.pieces if piece.item.sku != sku)
    answer = complete(talk, changes.excluding(wish, passed | {sku}), others)
    if not answer.looks or (len(answer.looks[0].pieces) < len(look.pieces) and not may_be_short):
        return None
    locked = {piece.item.sku for piece in talk.kept}
    pieces = tuple(replace(piece, is_locked=piece.item.sku in locked) for piece in answer.looks[0].pieces)
    return replace(answer.looks[0], title=look.title, pieces=pieces)
