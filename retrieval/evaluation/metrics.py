"""Metrics as pure functions of numpy arrays. The doctests are computed by hand.

Vocabulary: `ranks` are positions of the first relevant result, counted from 1, one a query; a query without any relevant
result has rank 0 and counts as a miss. `relevant` is what a ranked list holds: (n, k) bool, best first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with its 95 % bootstrap interval over `n` cases."""

    value: float
    low: float
    high: float
    n: int


def ranks_of(scores: np.ndarray, relevant: np.ndarray) -> np.ndarray:
    """Rank of the best relevant result of each query: (n, m) scores and (n, m) bool -> (n,) int64, 0 where none is.

    Ties count against us: a result that scores the same as the right one is taken to stand before it, so that a
    constant scorer gets no credit.

    >>> ranks_of(np.array([[.9, .5, .7], [.1, .1, .1]]), np.array([[0, 0, 1], [1, 0, 0]], bool)).tolist()
    [2, 3]
    """
    best = np.where(relevant, scores, -np.inf).max(1)
    ahead = ((scores >= best[:, None]) & ~relevant).sum(1)
    return np.where(relevant.any(1), ahead + 1, 0).astype(np.int64)


def cmc_at_k(ranks: np.ndarray, k: int) -> float:
    """Cumulative match characteristic: share of queries with one relevant result in the top k.

    >>> cmc_at_k(np.array([1, 3, 0, 6]), 5)
    0.5
    """
    return float(np.mean((ranks >= 1) & (ranks <= k))) if len(ranks) else 0.0


def mrr(ranks: np.ndarray) -> float:
    """Mean reciprocal rank; a query without a relevant result gives 0.

    >>> mrr(np.array([1, 2, 0, 4]))
    0.4375
    """
    return float(np.mean(np.where(ranks > 0, 1 / np.maximum(ranks, 1), 0.0))) if len(ranks) else 0.0


def recall_at_k(relevant: np.ndarray, totals: np.ndarray, k: int) -> float:
    """Mean over queries of (relevant in the top k) / (all relevant); queries with none at all are left out.

    With one relevant result a query it equals CMC.

    >>> recall_at_k(np.array([[1, 0, 1], [0, 0, 1]], bool), np.array([4, 1]), 3)
    0.75
    """
    has = totals > 0
    return float(np.mean(relevant[has, :k].sum(1) / totals[has])) if has.any() else 0.0


def precision_at_k(relevant: np.ndarray, k: int) -> float:
    """Mean share of relevant results among the first k.

    >>> precision_at_k(np.array([[1, 0, 1, 0], [0, 0, 0, 1]], bool), 2)
    0.25
    """
    return float(relevant[:, :k].mean()) if len(relevant) else 0.0


def average_precision(relevant: np.ndarray, total: int, k: int | None = None) -> float:
    """Of one ranked list: sum over its relevant places of precision there, over min(total, k).

    `relevant` (m,) bool, best first; `total` relevant results that exist. AP@k cuts the list at k.

    >>> round(average_precision(np.array([1, 0, 1], bool), 2), 4)
    0.8333
    >>> average_precision(np.array([0, 1, 0, 1], bool), 4, k=2)
    0.25
    """
    if total <= 0:
        return 0.0
    cut = relevant[: k or len(relevant)]
    places = np.flatnonzero(cut)
    return float(np.sum((np.arange(len(places)) + 1) / (places + 1)) / min(total, k or total))


def mean_average_precision(relevant: np.ndarray, totals: np.ndarray, k: int | None = None) -> float:
    """Mean of `average_precision` over queries that have a relevant result at all.

    >>> mean_average_precision(np.array([[1, 0], [0, 1]], bool), np.array([1, 1]))
    0.75
    """
    values = [average_precision(r, int(t), k) for r, t in zip(relevant, totals, strict=True) if t > 0]
    return float(np.mean(values)) if values else 0.0


def top_k_accuracy(scores: np.ndarray, labels: np.ndarray, k: int) -> float:
    """Share of rows whose label is among the k highest scores; ties count against us.

    >>> top_k_accuracy(np.array([[.1, .6, .3], [.5, .3, .2]]), np.array([2, 2]), 2)
    0.5
    """
    own = scores[np.arange(len(labels)), labels]
    return float(np.mean((scores >= own[:, None]).sum(1) <= k)) if len(labels) else 0.0


def confusion(truth: np.ndarray, guess: np.ndarray, classes: int) -> np.ndarray:
    """(classes, classes) int64: rows are the truth, columns the guess.

    >>> confusion(np.array([0, 0, 1]), np.array([0, 1, 1]), 2).tolist()
    [[1, 1], [0, 1]]
    """
    return np.bincount(truth * classes + guess, minlength=classes * classes).reshape(classes, classes)


def f1_by_class(table: np.ndarray) -> np.ndarray:
    """F1 = 2 TP / (2 TP + FP + FN) of each class from a confusion table; a class never seen nor guessed gives NaN.

    >>> f1_by_class(np.array([[1, 1], [0, 1]])).round(4).tolist()
    [0.6667, 0.6667]
    """
    hit = np.diag(table)
    both = table.sum(0) + table.sum(1)
    return np.where(both > 0, 2 * hit / np.maximum(both, 1), np.nan)


def macro_f1(table: np.ndarray, *, at_least: int = 1) -> float:
    """Mean F1 of the classes that have at least `at_least` true cases.

    >>> round(macro_f1(np.array([[1, 1, 0], [0, 1, 0], [0, 0, 0]])), 4)
    0.6667
    """
    chosen = table.sum(1) >= at_least
    return float(np.mean(f1_by_class(table)[chosen])) if chosen.any() else 0.0


def expected_calibration_error(confidence: np.ndarray, right: np.ndarray, bins: int = 15) -> float:
    """Mean gap between confidence and share right over equal-width bins, weighted by cases (Guo et al. 2017).

    >>> round(expected_calibration_error(np.array([.8, .8, .8, .8]), np.array([1, 1, 0, 0], bool)), 4)
    0.3
    """
    if not len(confidence):
        return 0.0
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [
        abs(float(confidence[place == b].mean()) - float(right[place == b].mean())) * float(np.mean(place == b))
        for b in np.unique(place)
    ]
    return float(sum(gaps))


def bootstrap(
    cases: Sequence[np.ndarray] | np.ndarray,
    figure: Callable[..., float] = lambda x: float(np.mean(x)),
    *,
    seed: int = 0,
    rounds: int = 1000,
) -> Interval:
    """The figure with its 95 % percentile interval (Efron 1979): cases are drawn anew with replacement, `rounds` times.

    `cases` is one array or several of equal length, drawn together.

    >>> bootstrap(np.ones(10)).low, bootstrap(np.ones(10)).high
    (1.0, 1.0)
    """
    arrays = [np.asarray(cases)] if isinstance(cases, np.ndarray) else [np.asarray(c) for c in cases]
    n = len(arrays[0])
    if n == 0:
        return Interval(0.0, 0.0, 0.0, 0)
    rng = np.random.default_rng(seed)
    draws = [figure(*(a[at] for a in arrays)) for at in (rng.integers(0, n, n) for _ in range(rounds))]
    low, high = np.quantile(draws, (0.025, 0.975))
    return Interval(figure(*arrays), float(low), float(high), n)
