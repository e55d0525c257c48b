"""What decisions say of the guardrail and of the shop: pure functions over the record.

Cohen's kappa: J. Cohen, "A coefficient of agreement for nominal scales", Educational and Psychological Measurement 20
(1960) 37-46: kappa = (p_o - p_e) / (1 - p_e), where p_o is the share of cases in which both say the same and p_e the
share expected of two judges with the same totals who do not look; its large-sample standard error is
sqrt(p_o (1 - p_o) / (n (1 - p_e)^2)), equation (8) there.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assistant.desk.decisions import APPROVE, REJECT, REPLACE, Decision
from assistant.desk.store import Case
from assistant.guardrail import BY_A_STYLIST

_EDGES_S = (0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0, 10.0)
_MOST_LISTED = 12
_ACTS = (APPROVE, REPLACE, REJECT)
_Z = 1.959964  # of a 95 % interval


@dataclass(frozen=True, slots=True)
class Label:
    """One pair on which both the guardrail and a stylist said something. Undecided is withheld, so it counts as a no."""

    sku: str
    category: str  # of the item
    model_yes: bool
    stylist_yes: bool


@dataclass(frozen=True, slots=True)
class Agreement:
    """The four counts, model first. Shares and kappa are None where there is nothing to take them of.

    `false_yes` is the share of what the model would show that stylists refuse; `false_no` the share of what it withholds
    that they would show. `low` and `high` bound kappa's 95 % interval.
    """

    yes_yes: int
    yes_no: int
    no_yes: int
    no_no: int

    @property
    def n(self) -> int:
        return self.yes_yes + self.yes_no + self.no_yes + self.no_no

    @property
    def observed(self) -> float | None:
        return (self.yes_yes + self.no_no) / self.n if self.n else None

    @property
    def expected(self) -> float | None:
        if not self.n:
            return None
        model_yes, stylist_yes = self.yes_yes + self.yes_no, self.yes_yes + self.no_yes
        return (model_yes * stylist_yes + (self.n - model_yes) * (self.n - stylist_yes)) / self.n**2

    @property
    def kappa(self) -> float | None:
        """None too where each judge says one thing only, and the same: chance alone explains all of it."""
        if self.observed is None or self.expected is None or self.expected == 1:
            return None
        return (self.observed - self.expected) / (1 - self.expected)

    @property
    def interval(self) -> tuple[float, float] | None:
        if self.kappa is None:
            return None
        error = math.sqrt(self.observed * (1 - self.observed) / (self.n * (1 - self.expected) ** 2))
        return max(-1.0, self.kappa - _Z * error), min(1.0, self.kappa + _Z * error)

    @property
    def false_yes(self) -> float | None:
        return _share(self.yes_no, self.yes_yes + self.yes_no)

    @property
    def false_no(self) -> float | None:
        return _share(self.no_yes, self.no_yes + self.no_no)

    @classmethod
    def of(cls, labels: Iterable[Label]) -> Agreement:
        found = Counter((label.model_yes, label.stylist_yes) for label in labels)
        return cls(found[True, True], found[True, False], found[False, True], found[False, False])

    def as_data(self) -> dict[str, Any]:
        low, high = self.interval or (None, None)
        return {
            "n": self.n, "yes_yes": self.yes_yes, "yes_no": self.yes_no, "no_yes": self.no_yes, "no_no": self.no_no,
            "agreement": self.observed, "kappa": self.kappa, "kappa_low": low, "kappa_high": high,
            "false_yes": self.false_yes, "false_no": self.false_no,
        }  # fmt: skip


def labels_of(decision: Decision, case: Case) -> list[Label]:
    """The pairs of a decision in force. An approved look says yes to each of its pieces, a replaced one to those that
    stayed; a look that was refused as a whole says nothing of its pairs. What a stylist had approved before, or no model
    judged, is left out."""
    pieces = [piece for piece in case.data["pieces"] if piece["model"] not in ("", BY_A_STYLIST)]
    match decision.act:
        case "reject":
            spoken = [p for p in pieces if case.kind == "pair" or p["sku"] == decision.sku]
        case "replace":
            spoken = [p for p in pieces if p["sku"] != decision.sku]
        case _:
            spoken = pieces
    return [Label(p["sku"], p["category"], p["answer"] == "yes", decision.act != REJECT) for p in spoken]


def measures(record: Iterable[tuple[Decision, Case]], traces: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Everything that the page of measures shows, of decisions in force (read once) and of the newest answers' traces."""
    by_category: dict[str, list[Label]] = {}
    reasons, refused, looks = Counter(), Counter(), Counter()
    days: dict[str, Counter[str]] = {}
    for decision, case in record:
        for label in labels_of(decision, case):
            by_category.setdefault(label.category, []).append(label)
        if decision.act == REJECT:
            reasons[decision.reason] += 1
            refused.update(case.skus if case.kind == "pair" else filter(None, (decision.sku,)))
        looks[decision.act] += case.kind == "look"
        days.setdefault(decision.at.date().isoformat(), Counter())[decision.act] += 1
    largest = sorted(by_category, key=lambda name: (-len(by_category[name]), name))[:_MOST_LISTED]
    return {
        "overall": Agreement.of(label for row in by_category.values() for label in row).as_data(),
        "by_category": [{"category": name, **Agreement.of(by_category[name]).as_data()} for name in largest],
        "reasons": _counted(reasons, "reason"),
        "rejected_items": _counted(refused, "sku"),
        "looks": {act: looks[act] for act in _ACTS},
        "by_day": [{"day": day, **{act: days[day][act] for act in _ACTS}} for day in sorted(days)[-30:]],
        "latency": latency(traces),
    }


def latency(traces: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Seconds of answers: quantiles, how many fell between which edges, and each step's share of the mean."""
    totals = sorted(trace["seconds"] for trace in traces)
    counts = [0] * (len(_EDGES_S) + 1)
    for total in totals:
        counts[sum(total >= edge for edge in _EDGES_S)] += 1
    steps: dict[str, float] = {}
    for trace in traces:
        for step in trace["steps"]:
            steps[step["name"]] = steps.get(step["name"], 0.0) + step["seconds"] / len(traces)
    return {
        "n": len(totals),
        "p50": quantile(totals, 0.5),
        "p95": quantile(totals, 0.95),
        "edges_s": list(_EDGES_S),
        "counts": counts,
        "steps": [{"name": name, "mean_s": round(mean, 5)} for name, mean in steps.items()],
    }


def quantile(ordered: Sequence[float], q: float) -> float | None:
    """The smallest value that at least `q` of them do not exceed (the nearest-rank definition); None of nothing."""
    return ordered[max(0, math.ceil(q * len(ordered)) - 1)] if ordered else None


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _counted(found: Counter[str], name: str) -> list[dict[str, Any]]:
    rows = sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))[:_MOST_LISTED]
    return [{name: value, "count": count} for value, count in rows]

