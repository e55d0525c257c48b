"""The record of decisions as JSON Lines and CSV, a line a decision, the oldest first."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from typing import Any

from assistant.desk.decisions import Decision
from assistant.desk.store import Case

FORMATS = {"jsonl": "application/x-ndjson", "csv": "text/csv; charset=utf-8"}
_FLAT = ("decision", "at", "who", "key", "act", "reason", "words", "sku", "instead", "undoes", "batch", "case", "kind", "reference",
         "garment", "category", "gender", "colour", "skus", "slot", "answer", "p_yes", "p_yes_swapped", "model", "model_reason",
         "times_seen", "complaints", "praise")  # fmt: skip


def row_of(decision: Decision, case: Case) -> dict[str, Any]:
    """One decision with what it was about and what the model had said. Times are UTC, ISO 8601."""
    attributes = case.data["garment"]["attributes"]
    return {
        "decision": decision.id, "at": f"{decision.at.isoformat(timespec='seconds')}Z", "who": decision.who,
        "key": decision.key_id, "act": decision.act, "reason": decision.reason, "words": decision.words,
        "sku": decision.sku, "instead": decision.instead, "undoes": decision.undoes, "batch": decision.batch,
        "case": case.id, "kind": case.kind, "reference": case.reference, "garment": case.data["garment"]["title"],
        "category": attributes["category"], "gender": attributes["gender"], "colour": attributes["colour"],
        "skus": list(case.skus), "slot": case.slot, "answer": case.answer, "p_yes": case.p_yes, "model": case.model,
        "times_seen": case.times_seen, "complaints": case.complaints, "praise": case.praise,
        "pieces": case.data["pieces"],
    }  # fmt: skip


def lines(record: Iterable[tuple[Decision, Case]], kind: str) -> Iterator[str]:
    """The lines of the file, each with its end. `kind` is a key of `FORMATS`."""
    if kind == "jsonl":
        for decision, case in record:
            yield json.dumps(row_of(decision, case), ensure_ascii=False) + "\n"
        return
    yield _line(list(_FLAT))
    for decision, case in record:
        row = row_of(decision, case)
        pieces = row.pop("pieces")
        row["skus"] = " ".join(case.skus)
        row["p_yes_swapped"] = pieces[0]["p_yes_swapped"] if case.kind == "pair" else None
        row["model_reason"] = pieces[0]["reason"] if case.kind == "pair" else (case.data["look"] or {}).get("reason")
        yield _line([_harmless(row[name]) for name in _FLAT])


def _harmless(value: Any) -> Any:
    """A text that a spreadsheet would take for a formula is led by an apostrophe."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def _line(cells: list[Any]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(cells)
    return out.getvalue()
