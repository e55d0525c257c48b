"""A million rows and more in memory as one byte a number, searched by lists, and scored exactly from a file of floats.

Rows lie list after list, a list being the rows of one k-means centroid. A search takes the lists by the closeness of their
centroids, leaves out rows that fail the condition before it looks at them, and stops once a budget of passing rows has been
scored; the best of these are scored again from float32. So a condition is a gather of row numbers and no graph walk: it
costs no more than no condition, however few rows pass, and where fewer pass than the budget holds, all of them are scored.
After Jegou et al. 2011 (inverted file); bytes in place of product codes, since 256 MB for a million rows are affordable.

The budget is measured when the lists are made (`_calibrate`). Under a condition that a share s of the rows passes it is
budget x s^(1/4): fewer rows are needed, as those that pass lie spread over more lists, but not in proportion, as conditions
such as a category follow the lists. Measured shares and recalls: `outfit bench scale`.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
import uuid
import zlib
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from retrieval.errors import StoreError
from retrieval.indexes.columns import Columns
from retrieval.indexes.ids import Ids
from retrieval.indexes.kmeans import assign, kmeans
from retrieval.ports import Rows, Space, Where
from retrieval.vectors import contenders, l2_normalize

_ROWS_A_LIST = 1_000
_LEAST_BUDGET = 4_000  # rows
_LEAST_RESCORED = 80
_BLOCK = 2_048  # rows turned into floats at a time: 2 MB at 256 numbers, which stays in a core's cache
_CHUNK = 20_000  # rows handled at a time while the lists are made
_KEPT_BYTES = 64 * 2**20  # of row numbers that pass recent conditions
_TARGET = 0.996  # recall@20 that the budget is chosen for
_AWAY = 0.75  # how far the queries that it is measured with lie from rows: a cosine of some 0.8, as people's photos do
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class _Passing:
    """(m,) int32 row numbers that pass, ascending, and where each list begins in them: (lists + 1,)."""

    rows: np.ndarray
    begins: np.ndarray


class PackedRows:
    """Rows that were there at change number `change`; later ones are the caller's. `drop` marks rows that no longer count."""

    def __init__(self, space: Space, folder: Path, manifest: dict) -> None:
        self.space = space
        self.folder = folder
        self.change = int(manifest["change"])
        self.budget = int(manifest["budget"])
        self.recall = float(manifest["recall"])
        n = int(manifest["rows"])
        with np.load(folder / "arrays.npz", allow_pickle=False) as held:
            arrays = {name: held[name] for name in held.files}
        self._begins, self._centroids, self._scale = arrays["begins"], arrays["centroids"], arrays["scale"]
        self._ids = Ids(arrays["ids"], arrays["id_ends"])
        self._columns = Columns.from_arrays(n, arrays, json.loads(arrays["words"].tobytes()))
        # Mapped, so that several processes share one copy.
        self._codes = np.memmap(folder / "codes.i8", dtype=np.int8, mode="r", shape=(n, space.dim))
        self._floats = os.open(folder / "floats.f32", os.O_RDONLY)
        self._is_alive = np.ones(n, dtype=bool)
        self._alive = n
        self._kept: OrderedDict[tuple, _Passing] = OrderedDict()
        self._lock = threading.RLock()

    def __del__(self) -> None:
        if hasattr(self, "_floats"):
            os.close(self._floats)

    def __len__(self) -> int:
        return self._alive

    @property
    def capacity(self) -> int:
        """Rows alive and dropped."""
        return len(self._is_alive)

    @property
    def nbytes(self) -> int:
        """Memory of all that is held, the mapped codes included, the file of floats not."""
        return self._codes.nbytes + self._centroids.nbytes + self._columns.nbytes + self._ids.nbytes + self._is_alive.nbytes

    def drop(self, ids: Iterable[str]) -> int:
        """These rows no longer count; how many did until now."""
        with self._lock:
            rows = self._ids.rows(ids)
            rows = rows[self._is_alive[rows]]
            if rows.size:
                self._is_alive[rows] = False
                self._alive = int(np.count_nonzero(self._is_alive))
                self._kept.clear()
            return rows.size

    def drop_others(self, ids: Sequence[str]) -> None:
        """Rows of other ids than these no longer count."""
        with self._lock:
            stays = np.zeros(self.capacity, dtype=bool)
            stays[self._ids.rows(ids)] = True
            self._is_alive &= stays
            self._alive = int(np.count_nonzero(self._is_alive))
            self._kept.clear()

    def search(
        self, query: np.ndarray, k: int, where: Where | None, exclude: frozenset[str]
    ) -> list[tuple[str, float]]:
        """As the port's `search`, for a query already checked. Scores are exact; which rows are among them nearly is."""
        if k <= 0 or not self._alive:
            return []
        passing = self.passing(where)
        rows = self._near(query, passing, max(self.budget_of(len(passing.rows)), 40 * k))
        wanted = max(_LEAST_RESCORED, 2 * k) + len(exclude)
        if len(rows) > wanted:
            rows = rows[contenders(self._rough(rows, query * self._scale), wanted)]
        if exclude:
            rows = np.setdiff1d(rows, self._ids.rows(exclude))
        scores = self._vectors(rows) @ query
        best = contenders(scores, k)
        ranked = sorted((-float(scores[i]), self._ids[rows[i]]) for i in best)[:k]
        return [(id_, min(1.0, max(-1.0, -score))) for score, id_ in ranked]

    def budget_of(self, passing: int) -> int:
        """Rows to be scored where so many pass."""
        share = passing / max(1, self.capacity)
        return max(_LEAST_BUDGET, round(self.budget * share**0.25))

    def passing(self, where: Where | None) -> _Passing:
        """Which rows pass; those of recent conditions are kept, since one turn asks several titles under the same ones."""
        key = where.key if where else ()
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            mask = self._is_alive & self._columns.mask(where) if where else self._is_alive
            rows = np.flatnonzero(mask).astype(np.int32)
            passing = _Passing(rows, np.searchsorted(rows, self._begins))
            self._kept[key] = passing
            while len(self._kept) > 1 and sum(each.rows.nbytes for each in self._kept.values()) > _KEPT_BYTES:
                self._kept.popitem(last=False)
            return passing

    def _near(self, query: np.ndarray, passing: _Passing, budget: int) -> np.ndarray:
        """Passing rows of the lists whose centroids are closest, at least `budget` of them where there are as many."""
        if len(passing.rows) <= budget:
            return passing.rows
        counts = np.diff(passing.begins)
        lists = np.flatnonzero(counts)
        lists = lists[np.argsort(-(self._centroids[lists] @ query), kind="stable")]
        lists = lists[: int(np.searchsorted(np.cumsum(counts[lists]), budget)) + 1]
        return np.concatenate([passing.rows[passing.begins[i] : passing.begins[i + 1]] for i in lists])

    def _rough(self, rows: np.ndarray, scaled_query: np.ndarray) -> np.ndarray:
        """Scores of rows from their codes: within some thousandths."""
        scores = np.empty(len(rows), dtype=np.float32)
        floats = np.empty((min(_BLOCK, len(rows)), self.space.dim), dtype=np.float32)
        for start in range(0, len(rows), _BLOCK):
            part = rows[start : start + _BLOCK]
            block = floats[: len(part)]
            np.copyto(block, self._codes.take(part, axis=0))
            np.matmul(block, scaled_query, out=scores[start : start + len(part)])
        return scores

    def _vectors(self, rows: np.ndarray) -> np.ndarray:
        """(n, dim) float32 from the file. Read, not mapped: mapped pages would count as this process's memory."""
        size = 4 * self.space.dim
        data = b"".join(os.pread(self._floats, size, int(row) * size) for row in rows)
        if len(data) != size * len(rows):
            raise StoreError(f"{self.folder / 'floats.f32'} is cut short", hint="delete that folder: it is made again")
        return np.frombuffer(data, dtype="<f4").reshape(len(rows), self.space.dim)


# --- making and opening -------------------------------------------------------------------------------------------------


def pack(space: Space, folder: Path, name: str, rows: Iterable[Rows], change: int, *, seed: int = 0) -> PackedRows:
    """Make the lists of these rows in a folder of their own and point to it; an id twice keeps the last.

    Needs some 200 bytes of memory a row while it works, beside the codes, and 5 bytes a number on the disk.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made = folder / f"{name}.{change}-{uuid.uuid4().hex[:8]}.packed"
    made.mkdir()
    try:
        rng = np.random.default_rng(seed)
        manifest = _write(space, made, rows, change, rng)
        packed = PackedRows(space, made, manifest)
        manifest["budget"], manifest["recall"] = packed.budget, packed.recall = _calibrate(packed, rng)
        pointer = folder / f"{name}.packed.json"
        unfinished = made / "manifest.json"
        unfinished.write_text(json.dumps({"folder": made.name, **manifest}), encoding="utf-8")
        unfinished.replace(pointer)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise
    for old in folder.glob(f"{name}.*.packed"):
        if old != made:
            shutil.rmtree(old, ignore_errors=True)  # a process that has it open keeps it until it lets go
    return packed


def open_packed(space: Space, folder: Path, name: str) -> PackedRows | None:
    """What `pack` made last, or None where there is nothing. Raises StoreError where it is damaged or of another space."""
    pointer = folder / f"{name}.packed.json"
    if not pointer.is_file():
        return None
    try:
        manifest = json.loads(pointer.read_text(encoding="utf-8"))
        made = folder / manifest["folder"]
        if manifest["format"] != _FORMAT or manifest["space"] != _words_of(space):
            raise StoreError(f"{pointer} is of another model or version")
        for file, crc in manifest["crc"].items():
            if _crc(made / file) != crc:
                raise StoreError(f"{made / file} is damaged")
        if (made / "floats.f32").stat().st_size != 4 * space.dim * manifest["rows"]:
            raise StoreError(f"{made / 'floats.f32'} is cut short")
        return PackedRows(space, made, manifest)
    except (OSError, ValueError, KeyError) as error:
        raise StoreError(f"{pointer} cannot be used: {error}") from error


def _write(space: Space, made: Path, rows: Iterable[Rows], change: int, rng: np.random.Generator) -> dict:
    ids, columns = _spool(space, made / "arrived.f32", rows)
    n = len(ids)

    def arrived() -> np.ndarray:
        """All vectors as they came, mapped anew for each use: pages that were touched count as memory until then."""
        return np.memmap(made / "arrived.f32", dtype=np.float32, mode="r", shape=(n, space.dim))

    lists = max(1, min(n // _ROWS_A_LIST, 4_096))
    centroids = kmeans(arrived(), lists, rng)
    of_row = np.concatenate([assign(arrived()[start : start + _CHUNK], centroids) for start in range(0, n, _CHUNK)])
    order = np.argsort(of_row, kind="stable")
    scale = _scale(arrived(), rng)
    with (made / "floats.f32").open("wb") as floats, (made / "codes.i8").open("wb") as codes:
        for start in range(0, n, _CHUNK):
            part = np.asarray(arrived()[order[start : start + _CHUNK]])
            floats.write(part.astype("<f4", copy=False).tobytes())
            codes.write(np.clip(np.rint(part / scale), -127, 127).astype(np.int8).tobytes())
    (made / "arrived.f32").unlink()
    held = Ids.of([ids[row] for row in order])
    columns = columns.take(order)
    np.savez(
        made / "arrays.npz",
        begins=np.searchsorted(of_row[order], np.arange(lists + 1)),
        centroids=centroids,
        scale=scale,
        ids=held.text,
        id_ends=held.ends,
        words=np.frombuffer(json.dumps(columns.words()).encode(), dtype=np.uint8),
        **columns.arrays(),
    )
    return {
        "format": _FORMAT,
        "space": _words_of(space),
        "change": change,
        "rows": n,
        "budget": n,
        "recall": 1.0,
        "crc": {file: _crc(made / file) for file in ("codes.i8", "arrays.npz")},
    }


def _spool(space: Space, file: Path, rows: Iterable[Rows]) -> tuple[list[str], Columns]:
    """Rows as they come: vectors into a file, ids and columns into memory; an id twice takes the first one's place."""
    row_of: dict[str, int] = {}
    columns = Columns()
    with file.open("wb+") as spool:
        for part in rows:
            at = np.array([row_of.setdefault(id_, len(row_of)) for id_ in part.ids], dtype=np.int64)
            columns.write(at, part.columns)
            vectors = np.ascontiguousarray(part.vectors, dtype=np.float32)
            if np.array_equal(at, np.arange(at[0], at[0] + len(at))) and len(row_of) == at[-1] + 1:
                spool.seek(4 * space.dim * int(at[0]))
                spool.write(vectors.tobytes())
            else:
                for row, vector in zip(at.tolist(), vectors, strict=True):
                    spool.seek(4 * space.dim * row)
                    spool.write(vector.tobytes())
    if not row_of:
        raise StoreError("there are no rows to pack")
    return list(row_of), columns


def _scale(vectors: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(dim,) float32: what one step of a code is worth, from the largest of a sample; larger ones are cut off."""
    some = vectors[np.sort(rng.choice(len(vectors), size=min(len(vectors), 50_000), replace=False))]
    return np.maximum(np.abs(some).max(axis=0), 1e-6).astype(np.float32) / np.float32(127)


def _calibrate(packed: PackedRows, rng: np.random.Generator, *, k: int = 20, asked: int = 128) -> tuple[int, float]:
    """The least budget, in steps of a quarter, that finds nearly all of the k best; and the recall it has.

    Asked are rows moved away from where they are, in the direction from one row to another.
    """
    n = packed.capacity
    rows, ones, others = (packed._vectors(rng.integers(0, n, size=asked)) for _ in range(3))
    apart = ones - others
    apart /= np.maximum(np.linalg.norm(apart, axis=1, keepdims=True), 1e-6)
    queries = l2_normalize(rows + _AWAY * apart)
    truth = _exact(packed, queries, k)
    everyone = packed.passing(None)
    budget = _LEAST_BUDGET
    while True:
        found = [
            len(np.intersect1d(packed._near(query, everyone, budget), best)) / len(best)
            for query, best in zip(queries, truth, strict=True)
        ]
        recall = float(np.mean(found))
        if recall >= _TARGET or budget >= n:
            return budget, recall
        budget = round(budget * 1.25)


def _exact(packed: PackedRows, queries: np.ndarray, k: int) -> list[np.ndarray]:
    """The k best rows of each query by scoring all of them from their floats."""
    n, size = packed.capacity, 4 * packed.space.dim
    scores = np.full((len(queries), 0), -np.inf, dtype=np.float32)
    rows = np.zeros((len(queries), 0), dtype=np.int64)
    for start in range(0, n, _CHUNK):
        count = min(_CHUNK, n - start)
        data = os.pread(packed._floats, size * count, size * start)
        part = queries @ np.frombuffer(data, dtype="<f4").reshape(count, -1).T
        scores = np.concatenate([scores, part], axis=1)
        rows = np.concatenate([rows, np.broadcast_to(np.arange(start, start + count), part.shape)], axis=1)
        best = np.argpartition(-scores, min(k, scores.shape[1]) - 1, axis=1)[:, :k]
        scores, rows = np.take_along_axis(scores, best, axis=1), np.take_along_axis(rows, best, axis=1)
    return list(rows)


def _words_of(space: Space) -> list:
    return [space.model, space.revision, space.modality, space.dim]


def _crc(file: Path) -> int:
    crc = 0
    with file.open("rb") as data:
        while part := data.read(2**22):
            crc = zlib.crc32(part, crc)
    return crc
