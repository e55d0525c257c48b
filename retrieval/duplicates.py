"""Photos that look the same under several skus: found by their hashes and colours, reported, never dropped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

SAME_BITS = 16  # of 255; see `images.perceptual_hash`: one photo in two sizes differs in 10 at most, strangers in 50 or more
# CIE76 between mean colours. Hashes see no colour, so that the tie in blue and the tie in red would be one. Of 150 photos
# stored in two sizes, nine in ten differ by less than 6.5.
SAME_COLOUR = 6.0
_BANDS = SAME_BITS + 1  # hashes that differ in at most 16 bits agree in at least one of 17 bands


@dataclass(frozen=True, slots=True)
class Look:
    """A photo's perceptual hash and the mean CIELAB colour of its palette, None where none was measured."""

    sku: str
    hash: int
    lab: tuple[float, float, float] | None


def near_duplicates(looks: Sequence[Look]) -> tuple[tuple[str, ...], ...]:
    """Groups of skus joined by photos of nearly the same hash and colour, in any order; groups and skus come sorted.

    Exact: bands only choose which pairs are compared.
    """
    of_look: dict[tuple, set[str]] = {}
    for look in looks:
        of_look.setdefault((look.hash, look.lab), set()).add(look.sku)
    distinct = list(of_look)
    parent = list(range(len(distinct)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    if len(distinct) > 1:
        packed = np.frombuffer(b"".join(h.to_bytes(32, "big") for h, _ in distinct), dtype=np.uint8).reshape(-1, 32)
        bits, words = np.unpackbits(packed, axis=1), packed.view(np.uint64)
        labs = np.array([(np.nan,) * 3 if lab is None else lab for _, lab in distinct])
        for band in np.array_split(np.arange(256), _BANDS):
            keys = bits[:, band] @ (1 << np.arange(len(band)))
            order = np.argsort(keys, kind="stable")
            for a, b in _close_pairs(words, labs, order, keys[order]):
                parent[root(a)] = root(b)
    groups: dict[int, set[str]] = {}
    for i, look in enumerate(distinct):
        groups.setdefault(root(i), set()).update(of_look[look])
    return tuple(sorted(tuple(sorted(group)) for group in groups.values() if len(group) > 1))


def _close_pairs(words: np.ndarray, labs: np.ndarray, order: np.ndarray, keys: np.ndarray) -> Iterator[tuple[int, int]]:
    """Pairs of rows of one band's key that are alike: (n, 4) uint64 hashes, (n, 3) colours, NaN for "not measured".

    `order` sorts the rows by key, `keys` are sorted. Row i is compared with i + 1, i + 2... while the key is the same.
    """
    at, step = np.arange(len(keys)), 0
    while len(at):
        step += 1
        at = at[at + step < len(keys)]
        at = at[keys[at + step] == keys[at]]
        a, b = order[at], order[at + step]
        close = np.bitwise_count(words[a] ^ words[b]).sum(axis=1, dtype=np.uint16) <= SAME_BITS
        a, b = a[close], b[close]
        alike = ~(np.linalg.norm(labs[a] - labs[b], axis=1) > SAME_COLOUR)  # true for NaN: the hash alone decides
        yield from zip(a[alike].tolist(), b[alike].tolist(), strict=True)
