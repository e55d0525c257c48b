"""Looks from the shopper's own clothes: what they keep comes first, and at most one piece is bought."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from assistant import candidates as choosing
from assistant import turn
from assistant.compatibility import affinity
from assistant.guardrail import admit
from assistant.looks import Candidate, Look, Piece, Recommendation, Step, Trace, Unfilled
from assistant.outfit import compose, missing_slots
from assistant.phrases import slot_word
from assistant.stylist import Progress, Stylist, Watcher
from assistant.stylists import Suggestion
from assistant.wish import Wish
from assistant.words import say
from retrieval.items import Garment, Hit, Item, Slot

if TYPE_CHECKING:
    from PIL.Image import Image

_BODY = (Slot.ONE_PIECE, Slot.TOP, Slot.BOTTOM, Slot.SHOES)  # a look without these is not dressed; the rest may be missing


def looks_from(
    stylist: Stylist,
    garment: Garment,
    own: Sequence[Item],
    wish: Wish = Wish(),
    *,
    pictures: Callable[[Item], Image | None],
    keep: Sequence[Piece] = (),
    watch: Watcher | None = None,
) -> Recommendation:
    """Up to three looks around `garment` from `own`, each own piece judged as the shop's pieces are.

    Where own clothes leave a part of the body undressed, the shop fills one such slot, so that one piece is bought at
    most; a budget bounds that piece. Pieces in `keep` stay, and one among them that is to be bought is that piece. No
    look where nothing that is owned goes with the garment. `pictures` gives an own item's picture for the judge.
    """
    started = time.perf_counter()
    stylist = stylist.as_chosen()
    with turn.within(time.monotonic() + stylist.plan.deadline_s):
        if watch:
            watch(Progress("own", {"garments": len(own)}))
        slots = choosing.open_slots(missing_slots(garment), wish)
        ranked = _ranked(garment, own, wish, [slot for slot in slots if slot not in {piece.slot for piece in keep}])
        for piece in keep:
            ranked[piece.slot] = [Candidate(piece.slot, piece.item, piece.score, is_closest=piece.is_closest)]
        admitted = admit(
            garment,
            ranked,
            stylist=stylist.model,
            pictures=pictures,
            policy=stylist.plan.policy,
            lang=wish.lang,
            locked={piece.item.sku: piece.verdict for piece in keep},
        )
        free = replace(wish, budget_total=None, budget_piece=None)  # what is owned costs nothing
        found = compose(garment, admitted.pieces, free, n=stylist.plan.looks, lang=wish.lang)
        found = tuple(look for look in found if any(piece.is_own for piece in look.pieces))
        step = Step("own", time.perf_counter() - started, {"garments": len(own)}, stylist.model.name)
        has_bought = any(not piece.is_own for piece in keep)
        locked = {piece.item.sku for piece in keep}
        looks = [_dressed(stylist, garment, look, wish, slots, has_bought, watch) for look in found]
    shown = tuple(replace(look, pieces=_as_locked(look.pieces, locked)).summed() for look in looks)
    return Recommendation((), garment, looks=shown, withheld=admitted.withheld, trace=Trace((step,), stylist.notices))


def _ranked(garment: Garment, own: Sequence[Item], wish: Wish, slots: Sequence[Slot]) -> dict[Slot, list[Candidate]]:
    """What is owned for each open slot, best first, by the rules that rank what the shop has."""
    found = []
    for slot in slots:
        fitting = [
            Hit(item, 1.0)
            for item in own
            if item.slot is slot
            and item.category not in wish.without_categories
            and item.colour not in wish.without_colours
        ]
        found.append((Suggestion(slot, ""), fitting))
    return choosing.rank(garment, found, wish, affinity=affinity, threshold=-1.0)


def _dressed(
    stylist: Stylist,
    garment: Garment,
    look: Look,
    wish: Wish,
    slots: Sequence[Slot],
    has_bought: bool,
    watch: Watcher | None,
) -> Look:
    """The look with one piece of the shop where the body is not dressed yet, and every other empty slot named."""
    empty = _empty(look.pieces, slots)
    bare = [slot for slot in empty if slot in _BODY]
    gaps = {slot: say("own.gap", wish.lang, slot=slot_word(slot, wish.lang)) for slot in empty}
    if bare and not has_bought:
        limits = [limit for limit in (wish.budget_total, wish.budget_piece) if limit is not None]
        one = replace(wish, slots=frozenset({bare[0]}), budget_total=None, budget_piece=min(limits, default=None))
        answer = stylist.complete(garment, one, keep=look.pieces, watch=watch)
        if answer.looks and len(answer.looks[0].pieces) > len(look.pieces):
            look = replace(answer.looks[0], title=look.title)
            del gaps[bare[0]]
        elif answer.looks:
            gaps |= {gap.slot: gap.reason for gap in answer.looks[0].unfilled if gap.slot is bare[0]}
    return replace(look, unfilled=tuple(Unfilled(slot, reason) for slot, reason in gaps.items()))


def _empty(pieces: Sequence[Piece], slots: Sequence[Slot]) -> list[Slot]:
    """The open slots that no piece fills; a one-piece stands for top and bottom, and they for it."""
    filled = {piece.slot for piece in pieces}
    if Slot.ONE_PIECE in filled:
        filled |= {Slot.TOP, Slot.BOTTOM}
    elif {Slot.TOP, Slot.BOTTOM} & set(slots):
        filled.add(Slot.ONE_PIECE)
    return [slot for slot in slots if slot not in filled]


def _as_locked(pieces: Sequence[Piece], locked: set[str]) -> tuple[Piece, ...]:
    return tuple(replace(piece, is_locked=piece.item.sku in locked) for piece in pieces)
