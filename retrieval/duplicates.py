"""Photos that look the same under several skus: found by their hashes and colours and by their vectors; reported, never
dropped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

SAME_BITS = 16  # of 255; see `images.perceptual_hash`: one photo in two sizes differs in 10 at most, strangers in 50 or more
# CIE76 between mean colours. Hashes see no colour, so that the tie in blue and the tie in red would be one. Of 150 photos
# stored in two sizes, nine in ten differ by less than 6.5.
SAME_COLOUR = 6.0
# Cosine of two photos by the encoder in use. Products that differ in a stripe alone lie at .99; of 6,000 photos five lay
# above this whose pixels differed, and all of those were one picture to the eye.
SAME_COSINE = 0.998
MOST_COMPARED = 250_000  # photos whose vectors are compared: all of them are in memory at once
_BANDS = SAME_BITS + 1  # hashes that differ in at most 16 bits agree in at least one of 17 bands

_SIGN_BANDS, _SIGN_BITS = 8, 16


@dataclass(frozen=True, slots=True)
class Look:
    """A photo's perceptual hash and the mean CIELAB colour of its palette, None where none was measured."""

    sku: str
    hash: int
    lab: tuple[float, float, float] | None
    view: str = ""


def near_duplicates(looks: Sequence[Look], also: Iterable[tuple[str, str]] = ()) -> tuple[tuple[str, ...], ...]:
    """Groups of skus joined by photos of nearly the same hash and colour, in any order; groups and skus come sorted.
    `also` are pairs of skus that something else found to be alike.

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
    place = {sku: i for i, look in enumerate(distinct) for sku in of_look[look]}
    for a, b in also:
        if a in place and b in place:
            parent[root(place[a])] = root(place[b])
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


def same_vectors(skus: Sequence[str], vectors: np.ndarray, least: float = SAME_COSINE) -> list[tuple[str, str]]:
    """Pairs of different skus whose photos' vectors have a cosine of `least` or more; equal ones are joined in a chain.

    `vectors` (n, dim) float32 of norm 1. Which pairs are compared is chosen by the signs of random projections, in bands
    (Charikar 2002): at .998 two photos fall into one of the bands together all but once in 10,000 times.
    """
    of_vector: dict[bytes, int] = {}
    first = [of_vector.setdefault(vector.tobytes(), i) for i, vector in enumerate(vectors)]
    pairs = {(skus[j], skus[i]) for i, j in enumerate(first) if skus[i] != skus[j]}
    at = np.array(sorted(of_vector.values()), np.int64)
    if len(at) < 2:
        return sorted(pairs)
    rows = vectors[at]
    planes = np.random.default_rng(0).standard_normal((vectors.shape[1], _SIGN_BANDS * _SIGN_BITS)).astype(np.float32)
    signs = rows @ planes > 0
    for band in range(_SIGN_BANDS):
        keys = signs[:, band * _SIGN_BITS : (band + 1) * _SIGN_BITS] @ (1 << np.arange(_SIGN_BITS))
        order = np.argsort(keys, kind="stable")
        ordered, step = keys[order], 0
        i = np.arange(len(keys))
        while len(i):
            step += 1
            i = i[i + step < len(keys)]
            i = i[ordered[i + step] == ordered[i]]
            a, b = order[i], order[i + step]
            close = np.einsum("ij,ij->i", rows[a], rows[b]) >= least
            pairs |= {(skus[at[x]], skus[at[y]]) for x, y in zip(a[close], b[close], strict=True) if skus[at[x]] != skus[at[y]]}
    return sorted(pairs)
