"""How well the rules know what goes together: categories against real outfits, colours against labelled pairs.

Categories: on outfits that the learning never saw (a tenth, by a hash of their id), with the piece to guess or to swap
drawn by seed. Fill-in-the-blank shows four categories, the right one among them at a seeded place; equal scores share
the point, so a constant scorer gets exactly chance. Real pictures and prices play no part: the outfits are lists of
category words. Colours: `data/vocabulary/colour_pairs.json`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from assistant.compatibility import logistic
from assistant.harmony import PULL, relation, tone_of
from retrieval import resources
from retrieval.combinations import Combinations, learned, mean_lift, worn_slot
from retrieval.evaluation.metrics import bootstrap, expected_calibration_error
from retrieval.evaluation.results import Result, revision
from retrieval.items import Attributes, Garment
from retrieval.training.combinations import count, is_held_out_outfit, read_outfits, swap_one

_CHOICES = 4
Scorer = Callable[[np.ndarray, np.ndarray], np.ndarray]  # (rest (k,), options (m,)) -> scores (m,)


@dataclass(frozen=True, slots=True)
class Blank:
    """An outfit with one piece taken out: counts of the rest (k,), four categories, and which of them was there."""

    rest: np.ndarray
    options: np.ndarray
    answer: int


def blanks(counts: np.ndarray, share: np.ndarray, random: np.random.Generator, groups: Sequence[object]) -> list[Blank]:
    """One blank for each outfit (n, k). Wrong options are drawn by `share` among the categories of the same group.

    Give one group for all to draw them from everything. Outfits whose group has fewer than four are left out.
    """
    group = np.array([str(name) for name in groups])
    found = []
    for row in counts:
        right = int(random.choice(np.repeat(np.arange(len(row)), row.astype(int))))
        weight = np.where((group == group[right]) & (np.arange(len(row)) != right), share, 0.0)
        if np.count_nonzero(weight) < _CHOICES - 1:
            continue
        wrong = random.choice(len(row), _CHOICES - 1, replace=False, p=weight / weight.sum())
        options = random.permutation(np.append(wrong, right))
        rest = row.copy()
        rest[right] -= 1
        found.append(Blank(rest, options, int(np.flatnonzero(options == right)[0])))
    return found


def fill_in(cases: Sequence[Blank], scorer: Scorer) -> np.ndarray:
    """The points of each case: 1 where the right option scores highest, 1/m where m share the top, else 0."""
    points = []
    for case in cases:
        scores = scorer(case.rest, case.options)
        top = scores >= scores.max() - 1e-12
        points.append(top[case.answer] / top.sum())
    return np.array(points)


def auc(real: np.ndarray, swapped: np.ndarray) -> float:
    """The share of (real, swapped) pairs in which the real one scores higher; equal scores count a half."""
    order = np.sort(swapped)
    below, upto = np.searchsorted(order, real, side="left"), np.searchsorted(order, real, side="right")
    return float((below + 0.5 * (upto - below)).mean() / len(swapped))


def scorers(model: Combinations) -> dict[str, Scorer]:
    """What is compared: the model that ships for sets, the same with popularity left in, the one for pairs, popularity
    alone, and a constant."""
    popularity = np.log(model.share)
    return {
        "set_model": lambda rest, options: (model.log_conditional(rest[None])[0] - popularity)[options],
        "set_model_and_popularity": lambda rest, options: model.log_conditional(rest[None])[0][options],
        "pair_model": lambda rest, options: rest @ model.pairs[:, options],
        "popularity": lambda rest, options: popularity[options],
        "constant": lambda rest, options: np.zeros(len(options)),
    }


def _mean_pair(counts: np.ndarray, model: Combinations) -> np.ndarray:
    """(n, k) -> (n,): the mean pair odds over all pairs of pieces of an outfit."""
    pairs = np.einsum("ni,ij,nj->n", counts, model.pairs, counts) - counts @ np.diag(model.pairs)
    size = counts.sum(axis=1)
    return pairs / (size * (size - 1))


def colour_pairs() -> list[tuple[str, str, bool]]:
    """The labelled pairs: two colour words, and whether a stylist would wear them together."""
    table = json.loads(resources.path("vocabulary/colour_pairs.json").read_text(encoding="utf-8"))
    return [(a, b, label == "yes") for a, b, label in table["pairs"]]


def colour_pull(a: str, b: str) -> float:
    """The log odds that the rules give to two plain garments of these colours."""
    first, second = (tone_of(Garment(name, Attributes(colour=name))) for name in (a, b))
    assert first is not None and second is not None
    return PULL[relation(first, second)]


def evaluate_compatibility(shared_data: Path, seed: int = 0) -> Result:
    """All figures over the held-out outfits of polyvore-outfits.jsonl; `n` is how many there are."""
    model = learned()
    known = set(model.names)
    outfits = [
        [name for name in worn if name in known]
        for set_id, worn in read_outfits(shared_data / "polyvore-outfits.jsonl")
        if is_held_out_outfit(set_id)
    ]
    counts = count([worn for worn in outfits if len(worn) >= 3], model.names)
    figures: dict[str, float] = {}
    for task, groups in (
        ("fitb4_by_popularity", [""] * len(model.names)),
        ("fitb4_same_slot", [worn_slot(name) for name in model.names]),
    ):
        cases = blanks(counts, model.share, np.random.default_rng(seed), groups)
        figures[f"{task}_n"] = len(cases)
        figures[f"{task}_chance"] = 1 / _CHOICES
        for name, scorer in scorers(model).items():
            points = fill_in(cases, scorer)
            figures[f"{task}_{name}"] = float(points.mean())
            if name.startswith("set_model"):
                interval = bootstrap(points, seed=seed)
                figures[f"{task}_{name}_low"], figures[f"{task}_{name}_high"] = interval.low, interval.high
    figures |= _whole_outfits(counts, model, seed)
    figures |= _colour_logic()
    command = f"outfit evaluate compatibility --seed {seed}"
    return Result("compatibility", command, revision(), seed, len(counts), figures)


def _whole_outfits(counts: np.ndarray, model: Combinations, seed: int) -> dict[str, float]:
    swapped = swap_one(counts, model.share, seed + 1)
    popularity = np.log(model.share)
    views: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "set_model": lambda c: mean_lift(c, model),
        "pair_model": lambda c: _mean_pair(c, model),
        "popularity": lambda c: c @ popularity / c.sum(axis=1),
    }
    figures = {"auc_chance": 0.5} | {f"auc_{name}": auc(view(counts), view(swapped)) for name, view in views.items()}
    slope, offset = model.set_odds
    odds = slope * np.concatenate([mean_lift(counts, model), mean_lift(swapped, model)]) + offset
    truth = np.arange(len(odds)) < len(counts)
    p = np.array([logistic(value) for value in odds])
    figures["set_calibration_error"] = expected_calibration_error(np.maximum(p, 1 - p), (p >= 0.5) == truth)
    figures["set_accuracy"] = float(((p >= 0.5) == truth).mean())
    return figures | _pairs(counts, model, seed)


def _pairs(counts: np.ndarray, model: Combinations, seed: int) -> dict[str, float]:
    """Pairs of different slots from the outfits, against as many of independent pieces."""
    slots = np.array([str(worn_slot(name)) for name in model.names])
    real = []
    for row in counts:
        pieces = np.repeat(np.arange(len(row)), row.astype(int))
        i, j = np.triu_indices(len(pieces), 1)
        real.append(np.stack([pieces[i], pieces[j]], axis=1))
    pairs = np.concatenate(real)
    pairs = pairs[slots[pairs[:, 0]] != slots[pairs[:, 1]]]
    random = np.random.default_rng(seed + 2)
    drawn = random.choice(len(slots), (4 * len(pairs), 2), p=model.share / model.share.sum())
    drawn = drawn[slots[drawn[:, 0]] != slots[drawn[:, 1]]][: len(pairs)]
    good, bad = (model.pairs[rows[:, 0], rows[:, 1]] for rows in (pairs, drawn))
    p = 1 / (1 + np.exp(-np.concatenate([good, bad])))
    truth = np.arange(len(p)) < len(good)
    return {
        "pair_n": float(len(p)),
        "pair_auc": auc(good, bad),
        "pair_auc_chance": 0.5,
        "pair_calibration_error": expected_calibration_error(np.maximum(p, 1 - p), (p >= 0.5) == truth),
    }


def _colour_logic() -> dict[str, float]:
    rows = [(colour_pull(a, b), label) for a, b, label in colour_pairs()]
    pulls, truth = np.array([pull for pull, _ in rows]), np.array([label for _, label in rows])
    return {
        "colour_pairs_n": float(len(rows)),
        "colour_pairs_accuracy": float(((pulls > 0) == truth).mean()),
        "colour_pairs_majority": float(max(truth.mean(), 1 - truth.mean())),
        "colour_pairs_auc": auc(pulls[truth], pulls[~truth]),
    }
