"""Exact search in memory: the truth for every other engine, and quick enough for a few hundred thousand rows."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence

import numpy as np

from retrieval.indexes.columns import Columns
from retrieval.ports import Space, Where
from retrieval.vectors import check_rows, check_unit_rows, contenders

_KEPT_BYTES = 128 * 2**20


class ExactIndex:
    """Port `VectorIndex`. Scans a float32 matrix; a filter is a mask over columns, so the narrower the quicker.

    Arrays grow by doubling, and only their first `len(self)` rows count. Safe for many readers beside a writer.
    """

    def __init__(self, space: Space) -> None:
        self.space = space
        self._ids: list[str] = []
        self._row_of: dict[str, int] = {}
        self._matrix = np.zeros((0, space.dim), dtype=np.float32)
        self._columns = Columns()
        self._subsets: OrderedDict[tuple, tuple[np.ndarray, np.ndarray]] = OrderedDict()
        self._lock = threading.RLock()

    def __len__(self) -> int:
        return len(self._ids)

    def upsert(self, ids: Sequence[str], vectors: np.ndarray, columns: Sequence[Mapping[str, str | float]]) -> None:
        vectors = check_rows(ids, vectors, columns, self.space.dim)
        with self._lock:
            self._subsets.clear()
            for id_ in ids:
                if id_ not in self._row_of:
                    self._row_of[id_] = len(self._ids)
                    self._ids.append(id_)
            self._reserve(len(self._ids))
            rows = np.array([self._row_of[id_] for id_ in ids], dtype=np.int64)
            self._matrix[rows] = vectors  # an id twice: numpy assigns in order, so the last one holds
            self._columns.write(rows, columns)

    def search(
        self, query: np.ndarray, k: int, where: Where | None = None, exclude: frozenset[str] = frozenset()
    ) -> list[tuple[str, float]]:
        return self.search_many(np.asarray(query, dtype=np.float32)[None, :], k, where, exclude)[0]

    def search_many(
        self, queries: np.ndarray, k: int, where: Where | None = None, exclude: frozenset[str] = frozenset()
    ) -> list[list[tuple[str, float]]]:
        queries = check_unit_rows(queries, self.space.dim)
        with self._lock:
            rows, matrix = self._subset(where)
            scores = queries @ matrix.T
            barred = np.array([self._row_of[id_] for id_ in exclude if id_ in self._row_of], dtype=np.int64)
            if barred.size:
                scores[:, np.isin(rows, barred) if rows is not None else barred] = -np.inf
            return [self._best(one, rows, k) for one in scores]

    def _best(self, scores: np.ndarray, rows: np.ndarray | None, k: int) -> list[tuple[str, float]]:
        best = contenders(scores, k)
        ids = [self._ids[i if rows is None else rows[i]] for i in best]
        ranked = sorted(zip((-scores[best]).tolist(), ids, strict=True))[: max(k, 0)]
        return [(id_, min(1.0, max(-1.0, -score))) for score, id_ in ranked if score != np.inf]

    def _subset(self, where: Where | None) -> tuple[np.ndarray | None, np.ndarray]:
        """Row numbers that pass (None: all) and their vectors. Those of recent conditions are kept, since one turn asks
        several titles under the same ones, and the next turn asks again."""
        if not where:
            return None, self._matrix[: len(self)]
        key = where.key
        if key in self._subsets:
            self._subsets.move_to_end(key)
            return self._subsets[key]
        rows = np.flatnonzero(self._columns.mask(where))
        subset = (rows, self._matrix[rows])
        self._subsets[key] = subset
        while sum(matrix.nbytes for _, matrix in self._subsets.values()) > _KEPT_BYTES:
            self._subsets.popitem(last=False)
        return subset

    def fetch(self, ids: Sequence[str]) -> dict[str, np.ndarray]:
        with self._lock:
            return {id_: self._matrix[self._row_of[id_]].copy() for id_ in ids if id_ in self._row_of}

    def delete(self, ids: Sequence[str]) -> None:
        with self._lock:
            gone = [self._row_of[id_] for id_ in ids if id_ in self._row_of]
            if not gone:
                return
            self._subsets.clear()
            keep = np.setdiff1d(np.arange(len(self)), gone)
            self._ids = [self._ids[row] for row in keep]
            self._row_of = {id_: row for row, id_ in enumerate(self._ids)}
            self._matrix = self._matrix[keep]
            self._columns = self._columns.take(keep)

    def ids(self) -> list[str]:
        with self._lock:
            return list(self._ids)

    def arrays(self) -> dict[str, np.ndarray]:
        """Everything that is held, as plain arrays to be kept in a file; `from_arrays` makes the same index again."""
        with self._lock:
            words = {"ids": self._ids, "codes": self._columns.words()}
            held = {"matrix": self._matrix[: len(self)], "words": np.frombuffer(json.dumps(words).encode(), dtype=np.uint8)}
            return held | self._columns.arrays()

    @classmethod
    def from_arrays(cls, space: Space, held: Mapping[str, np.ndarray]) -> ExactIndex:
        index = cls(space)
        words = json.loads(held["words"].tobytes())
        index._ids = words["ids"]
        index._row_of = {id_: row for row, id_ in enumerate(index._ids)}
        index._matrix = held["matrix"]
        index._columns = Columns.from_arrays(len(index._ids), held, words["codes"])
        return index

    def _reserve(self, rows: int) -> None:
        capacity = len(self._matrix)
        if rows <= capacity:
            return
        more = max(rows, 2 * capacity) - capacity
        self._matrix = np.vstack([self._matrix, np.zeros((more, self.space.dim), dtype=np.float32)])
