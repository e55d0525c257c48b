"""How quick a filtered search is beside the two loops that people write first, as ratios within one run."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence

import numpy as np

from retrieval.indexes.exact import ExactIndex
from retrieval.ports import Where

TITLES_A_TURN = 10  # what one turn of the main path asks under one condition
_LOOPED = 2_000  # rows that the slow loops are timed on; they are linear, so their time is scaled to all rows


def compare(
    index: ExactIndex, ids: Sequence[str], matrix: np.ndarray, queries: np.ndarray, where: Where, *, k: int = 20
) -> dict[str, float]:
    """Milliseconds for one query under `where`: the index in a turn's batch and alone, numpy pair by pair, pure Python.

    `matrix` is (n, dim), row i belongs to `ids[i]`. The figures hold the medians and their ratios, and the share of
    queries for which the index finds the best items of the pairwise loop (expected: 1).
    """
    passing = {id_ for id_, _ in index.search(queries[0], len(ids), where)}
    rows = [i for i, id_ in enumerate(ids) if id_ in passing]
    some = rows[:_LOOPED]
    scale = len(rows) / len(some)
    query = queries[0]
    lists, query_list = matrix[some].tolist(), query.tolist()
    index.search_many(queries[:TITLES_A_TURN], k, where)  # the first one gathers the rows that pass
    batch_ms = median_ms(lambda: index.search_many(queries[:TITLES_A_TURN], k, where), 30) / TITLES_A_TURN
    alone_ms = median_ms(lambda: index.search(query, k, where), 30)
    pairs_ms = median_ms(lambda: [_numpy_pair(matrix[i], query) for i in some], 5) * scale
    python_ms = median_ms(lambda: [_python_pair(row, query_list) for row in lists], 3) * scale
    same = [_same_best(index.search(q, k, where), {ids[i]: _numpy_pair(matrix[i], q) for i in rows}, k) for q in queries[:3]]
    return {
        "rows": len(ids),
        "rows_that_pass": len(rows),
        "index_ms_in_a_turn": batch_ms,
        "index_ms_alone": alone_ms,
        "numpy_pairs_ms": pairs_ms,
        "python_loop_ms": python_ms,
        "times_faster_than_numpy_pairs": pairs_ms / batch_ms,
        "times_faster_than_python_loop": python_ms / batch_ms,
        "times_faster_than_numpy_pairs_alone": pairs_ms / alone_ms,
        "times_faster_than_python_loop_alone": python_ms / alone_ms,
        "same_results": statistics.mean(same),
    }


def _same_best(found: Sequence[tuple[str, float]], slow: dict[str, float], k: int) -> bool:
    """Each item found has the slow loop's score, and the slow loop knows k of no higher scores (1e-5: float32)."""
    best = sorted(slow.values(), reverse=True)[:k]
    scores = [score for _, score in found]
    return np.allclose(scores, best, atol=1e-5) and all(abs(slow[id_] - score) < 1e-5 for id_, score in found)


def _numpy_pair(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.dot(a, b) / (np.linalg.norm(a) * np.linalg.norm(b)))


def _python_pair(a: Sequence[float], b: Sequence[float]) -> float:
    dot = sum(x * y for x, y in zip(a, b, strict=True))
    return dot / (math.sqrt(sum(x * x for x in a)) * math.sqrt(sum(y * y for y in b)))


def median_ms(work: Callable[[], object], times: int) -> float:
    """Milliseconds that one call takes, the median of several."""
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        taken.append((time.perf_counter() - started) * 1_000)
    return statistics.median(taken)
