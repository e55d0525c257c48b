"""Photos that look the same under several skus: found by their perceptual hashes, reported, never dropped."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

SAME_BITS = 16  # of 255; see `images.perceptual_hash`: one photo in two sizes differs in 10 at most, strangers in 50 or more
_BANDS = SAME_BITS + 1  # hashes that differ in at most 16 bits agree in at least one of 17 bands
_BLOCK = 1_024


def near_duplicates(hashes: Sequence[tuple[str, int]], *, same_bits: int = SAME_BITS) -> tuple[tuple[str, ...], ...]:
    """Groups of skus joined by photos whose hashes differ in at most `same_bits` (<= 16) bits; (sku, hash) in, any order.

    Groups and the skus within are sorted. Exact: bands only choose which pairs are compared.
    """
    by_hash: dict[int, list[str]] = {}
    for sku, hash_ in hashes:
        by_hash.setdefault(hash_, []).append(sku)
    distinct = sorted(by_hash)
    parent = list(range(len(distinct)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    if len(distinct) > 1:
        packed = np.frombuffer(b"".join(h.to_bytes(32, "big") for h in distinct), dtype=np.uint8).reshape(-1, 32)
        bits = np.unpackbits(packed, axis=1)
        words = packed.view(np.uint64)
        for band in np.array_split(np.arange(256), _BANDS):
            keys = bits[:, band] @ (1 << np.arange(len(band)))
            order = np.argsort(keys, kind="stable")
            for bucket in np.split(order, np.flatnonzero(np.diff(keys[order])) + 1):
                for a, b in _close_pairs(words, bucket, same_bits):
                    parent[root(a)] = root(b)
    groups: dict[int, set[str]] = {}
    for i, hash_ in enumerate(distinct):
        groups.setdefault(root(i), set()).update(by_hash[hash_])
    return tuple(sorted(tuple(sorted(group)) for group in groups.values() if len(group) > 1))


def _close_pairs(words: np.ndarray, bucket: np.ndarray, same_bits: int) -> list[tuple[int, int]]:
    """Pairs of rows of (n, 4) uint64 hashes within a bucket that differ in at most `same_bits` bits."""
    found: list[tuple[int, int]] = []
    if len(bucket) < 2:
        return found
    for start in range(0, len(bucket), _BLOCK):
        block = bucket[start : start + _BLOCK]
        rest = bucket[start:]
        apart = np.zeros((len(block), len(rest)), dtype=np.uint16)
        for word in range(words.shape[1]):
            apart += np.bitwise_count(words[block, word][:, None] ^ words[rest, word][None, :])
        for i, j in np.argwhere(apart <= same_bits):
            if i < j:
                found.append((int(block[i]), int(rest[j])))
    return found
