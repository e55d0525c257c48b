"""k-means of unit vectors by cosine (Lloyd 1982, spherical after Dhillon and Modha 2001): numpy alone, a block at a time."""

from __future__ import annotations

import numpy as np

_SAMPLE_A_CENTROID = 48
_ROUNDS = 6
_BLOCK = 8_192


def kmeans(vectors: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """(n, dim) unit vectors -> (count, dim) float32 unit centroids, from a sample. A centroid of nobody takes a random row."""
    size = min(len(vectors), max(count * _SAMPLE_A_CENTROID, 1))
    sample = np.asarray(vectors[np.sort(rng.choice(len(vectors), size=size, replace=False))], dtype=np.float32)
    centroids = sample[rng.choice(len(sample), size=count, replace=False)]
    for _ in range(_ROUNDS if count > 1 else 1):
        nearest = assign(sample, centroids)
        order = np.argsort(nearest, kind="stable")
        begins = np.searchsorted(nearest[order], np.arange(count))
        sizes = np.bincount(nearest, minlength=count)
        sums = np.add.reduceat(sample[order], np.minimum(begins, len(sample) - 1), axis=0)
        empty = sizes == 0
        sums[empty] = sample[rng.choice(len(sample), size=int(empty.sum()))]
        norms = np.linalg.norm(sums, axis=1, keepdims=True)
        centroids = (sums / np.maximum(norms, 1e-12)).astype(np.float32)
    return centroids


def assign(vectors: np.ndarray, centroids: np.ndarray) -> np.ndarray:
    """(n,) int32: which of the centroids is closest by inner product."""
    nearest = np.empty(len(vectors), dtype=np.int32)
    for start in range(0, len(vectors), _BLOCK):
        nearest[start : start + _BLOCK] = np.argmax(vectors[start : start + _BLOCK] @ centroids.T, axis=1)
    return nearest
