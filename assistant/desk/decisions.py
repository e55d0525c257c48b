"""What a stylist may decide, and what a decision says to the main path: pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from assistant.desk.cases import body_of
from assistant.rulings import Ruled
from retrieval.errors import InvalidInput
from retrieval.items import Slot

APPROVE, REJECT, REPLACE, UNDO = "approve", "reject", "replace", "undo"
# Why something was rejected, by the key of its words; the order is that of the digit keys.
REASONS = {
    "colour": "desk.why.colour",
    "occasion": "desk.why.occasion",
    "season": "desk.why.season",
    "style": "desk.why.style",
    "proportion": "desk.why.proportion",
    "quality": "desk.why.quality",
    "picture": "desk.why.picture",
    "other": "desk.why.other",
}
MOST_WORDS, MOST_WHO = 2_000, 100


@dataclass(frozen=True, slots=True)
class Wanted:
    """A decision that is asked for. `sku` is the piece of a look that it is about, `instead` what takes its place."""

    act: str
    who: str
    reason: str | None = None
    words: str = ""
    sku: str | None = None
    instead: str | None = None

    def __post_init__(self) -> None:
        if self.act not in (APPROVE, REJECT, REPLACE):
            raise InvalidInput(f"act {self.act[:40]!r}: expected approve, reject or replace")
        if not self.who.strip() or len(self.who) > MOST_WHO:
            raise InvalidInput(f"who {self.who[:40]!r}: expected the stylist's name, 1 to {MOST_WHO} characters")
        if self.act == REJECT and self.reason not in REASONS:
            raise InvalidInput(f"reason {str(self.reason)[:40]!r}: a rejection needs one of {', '.join(REASONS)}")
        if self.act != REJECT and self.reason is not None:
            raise InvalidInput(f"reason {self.reason[:40]!r}: only a rejection has one")
        if (self.act == REPLACE) != (self.instead is not None) or (self.act == REPLACE and self.sku is None):
            raise InvalidInput("a replacement needs 'sku' (the piece) and 'instead' (what takes its place), and nothing else does")
        if len(self.words) > MOST_WORDS:
            raise InvalidInput(f"words of {len(self.words)} characters: at most {MOST_WORDS} are kept")


@dataclass(frozen=True, slots=True)
class Decision:
    """One row of the record. `at` is UTC; `undoes` is the decision that this one takes back."""

    id: int
    case_id: int
    batch: str
    act: str
    who: str
    key_id: str | None
    at: datetime
    reason: str | None
    words: str
    sku: str | None
    instead: str | None
    undoes: int | None


def rules_of(kind: str, reference: str, pieces: Iterable[tuple[str, Slot]], wanted: Wanted) -> list[Ruled]:
    """What the decision about a case says. Raises InvalidInput where it is about a piece that the case does not have."""
    rows = list(pieces)
    skus = [sku for sku, _ in rows]
    if wanted.sku is not None and (wanted.sku not in skus or kind != "look"):
        raise InvalidInput(f"piece {wanted.sku[:60]!r} is not a piece of that look")
    match wanted.act:
        case "approve":
            return [Ruled(reference, kind, frozenset(skus), True)]
        case "replace" if wanted.instead in skus:
            raise InvalidInput(f"item {wanted.instead[:60]!r} is in that look already")
        case "replace":
            new = frozenset(wanted.instead if sku == wanted.sku else sku for sku in skus)
            return [Ruled(reference, "look", new, True)]
        case _ if wanted.sku is not None:
            return [Ruled(reference, "pair", frozenset({wanted.sku}), False)]
        case _ if kind == "pair":
            return [Ruled(reference, "pair", frozenset(skus), False)]
        case _:
            return [Ruled(reference, "look", frozenset(body_of(rows)), False)]


def settles(ruled: Iterable[Ruled], kind: str, skus: frozenset[str]) -> bool:
    """Is another case of the same reference answered by these rules? One about a refused item, or an approved pair."""
    for one in ruled:
        if one.is_yes and ((kind == "pair" and skus <= one.skus) or (kind == one.kind and skus == one.skus)):
            return True
        if not one.is_yes and one.skus <= skus:
            return True
    return False


def as_data(one: Ruled) -> dict[str, Any]:
    return {"reference": one.reference, "kind": one.kind, "skus": sorted(one.skus), "yes": one.is_yes}


def of_data(row: Mapping[str, Any]) -> Ruled:
    return Ruled(row["reference"], row["kind"], frozenset(row["skus"]), row["yes"])
