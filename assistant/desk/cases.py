"""From an answer to the cases that a stylist looks over: pure functions.

A case is a proposed look, or one item beside a garment that the guardrail was not sure of. Of the pairs that it refused
outright one in ten is looked over as well: without those nobody would know what it refuses wrongly.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from assistant import report
from assistant.guardrail import BY_A_STYLIST
from assistant.looks import Look, Piece, Proposal
from assistant.rulings import reference_of
from assistant.stylists import Answer, Verdict
from retrieval.items import Attributes, Garment, Gender, Item, Slot, Swatch

CLOSE_CALL = 0.1  # a no whose p_yes is that near to 0.5 is contested
AUDIT_ONE_IN = 10  # of the pairs that were refused outright
_MOST_PAIRS = 8  # of one answer
_MOST_CANDIDATES = 6  # per slot, to replace a piece from
FINISH = frozenset({Slot.BAG, Slot.ACCESSORY, Slot.OUTERWEAR})  # another one of these makes no other look


@dataclass(frozen=True, slots=True)
class NewCase:
    """A case before it is kept. `digest` tells what it is about, so that the same thing is looked over once."""

    kind: str  # "look" or "pair"
    reference: str
    garment: Garment
    skus: tuple[str, ...]
    verdict: Verdict  # of the pair; of a look, that of its least sure piece
    slot: Slot | None = None  # of a pair's item
    is_contested: bool = False
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        return digest_of(self.kind, self.reference, self.skus)


def digest_of(kind: str, reference: str, skus: Iterable[str]) -> str:
    parts = (kind, reference, *sorted(skus))
    return hashlib.sha256("\x1f".join(f"{len(part)}:{part}" for part in parts).encode()).hexdigest()


def cases_of(proposal: Proposal) -> list[NewCase]:
    """What of an answer should be looked over; nothing where its garment is not known well enough to decide about."""
    answer = proposal.answer
    garment = answer.garment
    reference = reference_of(garment) if garment is not None else None
    if garment is None or reference is None:
        return []
    about = {
        "garment": garment_data(garment),
        "lang": proposal.wish.lang,
        "wishes": [chip.text for chip in proposal.wish.chips(proposal.wish.lang)],
        "trace": report.trace(answer.trace),
    }
    candidates = {str(slot): [piece_data(p) for p in row[:_MOST_CANDIDATES]] for slot, row in proposal.admitted.items()}
    found = [_look(look, reference, garment, {**about, "candidates": candidates}) for look in answer.looks]
    return found + [
        _pair(piece, reference, garment, about)
        for piece in [p for p in answer.withheld if _is_worth_a_look(p, reference)][:_MOST_PAIRS]
    ]


def is_contested(verdict: Verdict) -> bool:
    """Undecided, refused by a hair, or not of one mind when asked with the pictures swapped."""
    if verdict.answer is Answer.UNDECIDED or disagree(verdict.orders):
        return True
    return verdict.answer is Answer.NO and verdict.p_yes is not None and abs(verdict.p_yes - 0.5) < CLOSE_CALL


def disagree(orders: tuple[float | None, float | None] | None) -> bool:
    """Does one order lean to yes and the other to no?"""
    return orders is not None and None not in orders and (orders[0] >= 0.5) != (orders[1] >= 0.5)


def body_of(pieces: Iterable[tuple[str, Slot]]) -> tuple[str, ...]:
    """The skus that dress the body, all of them where there are no two: what a refusal of a whole look is about."""
    rows = list(pieces)
    body = tuple(sku for sku, slot in rows if slot not in FINISH)
    return body if len(body) > 1 else tuple(sku for sku, _ in rows)


def _is_worth_a_look(piece: Piece, reference: str) -> bool:
    return is_contested(piece.verdict) or int(digest_of("pair", reference, [piece.item.sku])[:8], 16) % AUDIT_ONE_IN == 0


def _look(look: Look, reference: str, garment: Garment, about: Mapping[str, Any]) -> NewCase:
    skus = tuple(piece.item.sku for piece in look.pieces)
    judged = [p.verdict for p in look.pieces if p.verdict.model != BY_A_STYLIST] or [p.verdict for p in look.pieces]
    least = min(judged, key=lambda verdict: 1.0 if verdict.p_yes is None else verdict.p_yes)
    data = {
        **about,
        "look": {name: value for name, value in report.look(look).items() if name != "pieces"},
        "pieces": [piece_data(piece) for piece in look.pieces],
    }
    contested = any(disagree(piece.verdict.orders) for piece in look.pieces)
    return NewCase("look", reference, garment, skus, least, None, contested, data)


def _pair(piece: Piece, reference: str, garment: Garment, about: Mapping[str, Any]) -> NewCase:
    data = {**about, "pieces": [piece_data(piece)], "candidates": {}, "look": None}
    contested = is_contested(piece.verdict)
    return NewCase("pair", reference, garment, (piece.item.sku,), piece.verdict, piece.slot, contested, data)


def told(garment: Garment, items: Sequence[Item], lang: str) -> NewCase | None:
    """The case of something that a shop's own client showed: one item is a pair, several are a look. No model has judged."""
    reference = reference_of(garment)
    if reference is None:
        return None
    verdict = Verdict(Answer.UNDECIDED, None, "", "")
    pieces = [Piece(item.slot or Slot.ACCESSORY, item, verdict, 0.0) for item in items]
    kind = "pair" if len(items) == 1 else "look"
    data = {
        "garment": garment_data(garment),
        "lang": lang,
        "wishes": [],
        "trace": {"seconds": 0.0, "steps": [], "notices": []},
        "candidates": {},
        "look": None,
        "pieces": [piece_data(piece) for piece in pieces],
    }
    slot = pieces[0].slot if kind == "pair" else None
    return NewCase(kind, reference, garment, tuple(item.sku for item in items), verdict, slot, False, data)


# --- as JSON ----------------------------------------------------------------------------------------------------------


def garment_data(garment: Garment) -> dict[str, Any]:
    data = report.garment(garment)
    for swatch, kept in zip(garment.palette, data["palette"], strict=True):
        kept["lab"] = [round(value, 2) for value in swatch.lab]
    return data


def garment_of(data: Mapping[str, Any]) -> Garment:
    """The garment of a case again, without its picture."""
    known = data["attributes"]
    attributes = Attributes(
        **{name: known[name] for name in ("category", "sub_category", "colour", "season", "usage", "confidence")},
        slot=Slot(known["slot"]) if known["slot"] else None,
        gender=Gender(known["gender"]) if known["gender"] else None,
    )
    palette = tuple(Swatch(s["name"], s["family"], tuple(s["lab"]), s["hex"], s["share"]) for s in data["palette"])
    return Garment(data["title"], attributes, palette, None, data["sku"])


def piece_data(piece: Piece) -> dict[str, Any]:
    verdict = piece.verdict
    first, second = verdict.orders or (verdict.p_yes, None)
    return {
        "slot": str(piece.slot),
        "sku": piece.item.sku,
        "category": piece.item.category,
        "answer": str(verdict.answer),
        "p_yes": _rounded(first),
        "p_yes_swapped": _rounded(second),
        "reason": verdict.reason,
        "model": verdict.model,
        "score": round(piece.score, 4),
        "is_closest": piece.is_closest,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
