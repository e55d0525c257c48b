"""A catalogue's vectors made many more, of the same structure: for measuring at sizes that no shop at hand has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from retrieval.ports import Rows
from retrieval.vectors import l2_normalize

_APART = 0.5  # how much of the difference of two products of its kind is added to a product
_NOISE = 0.01  # a number, so that no two rows are the same
_BLOCK = 20_000


def grow(real: Rows, count: int, seed: int) -> Iterator[Rows]:
    """`count` rows: each a real one, moved along the difference of two of the same gender and category, in blocks.

    So clusters keep their places, sizes and shapes. Columns are the real row's, but for `price`: even in [0, 1), so that
    a bound passes the share that it says.
    """
    rng = np.random.default_rng(seed)
    kinds = [(row.get("gender"), row.get("category")) for row in real.columns]
    number = {kind: i for i, kind in enumerate(dict.fromkeys(kinds))}
    kind_of = np.array([number[kind] for kind in kinds])
    members = np.argsort(kind_of, kind="stable")
    begins = np.searchsorted(kind_of[members], np.arange(len(number)))
    sizes = np.bincount(kind_of)
    for start in range(0, count, _BLOCK):
        n = min(_BLOCK, count - start)
        parent = rng.integers(0, len(kinds), n)
        kind = kind_of[parent]
        one, other = (members[begins[kind] + (rng.random(n) * sizes[kind]).astype(np.int64)] for _ in range(2))
        moved = real.vectors[parent] + _APART * (real.vectors[one] - real.vectors[other])
        moved += _NOISE * rng.standard_normal(moved.shape, dtype=np.float32)
        prices = rng.random(n)
        columns = [{**real.columns[p], "price": float(price)} for p, price in zip(parent.tolist(), prices, strict=True)]
        yield Rows([f"{seed}-{start + i}" for i in range(n)], l2_normalize(moved), columns)


def commonest_kind(columns: Sequence[dict]) -> tuple[str, str]:
    """The gender and category that most rows have."""
    kinds: dict[tuple[str, str], int] = {}
    for row in columns:
        kind = str(row.get("gender")), str(row.get("category"))
        kinds[kind] = kinds.get(kind, 0) + 1
    return max(kinds, key=lambda kind: (kinds[kind], kind))
