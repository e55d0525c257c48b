"""Arithmetic on vectors: numpy alone, float32 throughout."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from retrieval.errors import InvalidInput


def l2_normalize(rows: np.ndarray) -> np.ndarray:
    """(n, dim) -> (n, dim) float32 with rows of L2 norm 1. Raises InvalidInput on NaN, infinity or a zero row."""
    rows = np.asarray(rows, dtype=np.float32)
    norms = np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64))
    if not np.all(np.isfinite(norms)) or np.any(norms == 0):
        bad = int(np.flatnonzero(~np.isfinite(norms) | (norms == 0))[0])
        raise InvalidInput(f"vector {bad} has norm {norms[bad]}: expected finite numbers that are not all zero")
    return (rows / norms[:, None]).astype(np.float32)


def check_unit_rows(rows: np.ndarray, dim: int) -> np.ndarray:
    """The rows as (n, dim) float32, or InvalidInput where the dimension or the norm (1 within 1e-3) is wrong."""
    rows = np.asarray(rows, dtype=np.float32)
    if rows.ndim != 2 or rows.shape[1] != dim:
        raise InvalidInput(f"vectors of shape {rows.shape}: expected (n, {dim})")
    norms = np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64))
    bad = np.flatnonzero(~(np.abs(norms - 1) <= 1e-3))  # also catches NaN
    if bad.size:
        raise InvalidInput(f"vector {int(bad[0])} has norm {norms[bad[0]]:.4g}: expected 1, from an encoder")
    return rows


def check_rows(ids: Sequence[str], vectors: np.ndarray, columns: Sequence[object], dim: int) -> np.ndarray:
    """The vectors of an index's rows, checked as `check_unit_rows` does, as many as there are ids and columns."""
    vectors = check_unit_rows(vectors, dim)
    if not len(ids) == len(vectors) == len(columns):
        raise InvalidInput(f"{len(ids)} ids, {len(vectors)} vectors, {len(columns)} columns: expected equal numbers")
    return vectors


def contenders(scores: np.ndarray, k: int) -> np.ndarray:
    """Positions in (n,) scores of the k highest and of all that tie with the k-th: (at least min(k, n),) int64."""
    k = min(k, len(scores))
    if k <= 0:
        return np.zeros(0, dtype=np.int64)
    kth = np.partition(scores, len(scores) - k)[len(scores) - k]
    return np.flatnonzero(scores >= kth)


def top_k(scores: np.ndarray, ids: Sequence[str], k: int) -> list[tuple[str, float]]:
    """The k highest of (n,) scores as (id, score), best first; equal scores are ordered by id. k > n gives n."""
    ranked = sorted((-float(scores[i]), ids[i]) for i in contenders(scores, k))[: max(k, 0)]
    return [(id_, -score) for score, id_ in ranked]
