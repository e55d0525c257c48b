"""The rows of an index in memory, in step with what keeps them: exact while they are few, packed with a tail once they are many."""

from __future__ import annotations

import logging
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from retrieval.errors import StoreError
from retrieval.indexes.exact import ExactIndex
from retrieval.indexes.keeper import Keeper
from retrieval.indexes.packed import PackedRows, open_packed, pack
from retrieval.ports import Rows, Space, Where

_LOG = logging.getLogger(__name__)

# Measured at 256 numbers a vector: up to here an exact scan of all rows stays below some 5 ms on one core.
EXACT_ROWS = 100_000

Hits = list[tuple[str, float]]


class Mirror:
    """All rows up to change number `change`: in `packed`, if there is one, as of its making; later ones in `tail`."""

    def __init__(self, space: Space, change: int = 0, packed: PackedRows | None = None) -> None:
        self.change = change
        self.packed = packed
        self.tail = ExactIndex(space)
        self._late = 0  # rows written since the files for the next start were made

    def __len__(self) -> int:
        return len(self.tail) + (len(self.packed) if self.packed else 0)

    def upsert(self, rows: Rows) -> None:
        # The tail first, and searches look at it last: in between they see a row twice, never not at all.
        self.tail.upsert(rows.ids, rows.vectors, rows.columns)
        self._late += len(rows.ids)
        if self.packed:
            self.packed.drop(rows.ids)

    def delete(self, ids: Sequence[str]) -> None:
        self.tail.delete(ids)
        if self.packed:
            self.packed.drop(ids)

    def keep_only(self, ids: Sequence[str]) -> None:
        """Forget rows of other ids than these."""
        stays = set(ids)
        self.tail.delete([id_ for id_ in self.tail.ids() if id_ not in stays])
        if self.packed:
            self.packed.drop_others(ids)

    def search_many(self, queries: np.ndarray, k: int, where: Where | None, exclude: frozenset[str]) -> list[Hits]:
        # The packed rows first: see `upsert`.
        early = [self.packed.search(query, k, where, exclude) for query in queries] if self.packed else None
        late = self.tail.search_many(queries, k, where, exclude)
        if early is None:
            return late
        return [_merged(first, second, k) for first, second in zip(early, late, strict=True)]

    def catch_up(self, keeper: Keeper) -> None:
        """Take in what anyone has written since."""
        now = keeper.change()
        if now == self.change:
            return
        for rows in keeper.since(self.change):
            self.upsert(rows)
        self.change = now
        if len(self) != len(keeper):
            self.keep_only(keeper.ids())

    @property
    def is_far_from_files(self) -> bool:
        """Whether the files for the next start lack so much that reading it then would be felt."""
        return self._late > max(1_000, len(self) // 50)

    def was_kept(self) -> None:
        """The files for the next start hold all of it."""
        self._late = 0

    def wants_packing(self, exact_rows: int) -> bool:
        """Whether the tail, or what was dropped, has grown so far that packing anew pays."""
        if self.packed is None:
            return len(self.tail) > exact_rows
        dropped = self.packed.capacity - len(self.packed)
        return len(self.tail) > max(exact_rows, self.packed.capacity // 8) or dropped > self.packed.capacity // 4


def _merged(first: Hits, second: Hits, k: int) -> Hits:
    best = dict(first)
    best.update(second)  # a row that has just been replaced: the later one holds
    return sorted(best.items(), key=lambda hit: (-hit[1], hit[0]))[:k]


# --- made from what keeps the rows, and kept beside it for the next start -----------------------------------------------


def read_mirror(keeper: Keeper, folder: Path, name: str, exact_rows: int) -> Mirror:
    """From the files of an earlier start, brought up to date, or from all rows; the files are renewed where that pays."""
    mirror = kept_mirror(keeper.space, folder, name)
    # A store that was dropped and made anew counts from the start again.
    if mirror is not None and mirror.change <= keeper.change():
        mirror.catch_up(keeper)
        if not mirror.wants_packing(exact_rows):
            if mirror.packed is None and mirror.is_far_from_files:
                _keep_exact(mirror, folder, name)
            return mirror
    return make_mirror(keeper, folder, name, exact_rows)


def make_mirror(keeper: Keeper, folder: Path, name: str, exact_rows: int) -> Mirror:
    """From all rows that are kept: seconds for tens of thousands, minutes for a million."""
    if len(keeper) > exact_rows:
        mirror = _pack(keeper, folder, name)
    else:
        mirror = Mirror(keeper.space, keeper.change())
        for rows in keeper.since(0):
            mirror.upsert(rows)
        _keep_exact(mirror, folder, name)
    mirror.catch_up(keeper)
    if len(mirror) != len(keeper):  # rows deleted while they were read
        mirror.keep_only(keeper.ids())
    return mirror


def _pack(keeper: Keeper, folder: Path, name: str) -> Mirror:
    """One process at a time arranges the rows; who waited takes what the other has made, if nothing was written since."""
    from filelock import FileLock

    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f"{name}.packing.lock"):
            change = keeper.change()
            kept = kept_mirror(keeper.space, folder, name)
            if kept is not None and kept.packed is not None and kept.change == change:
                return kept
            _LOG.warning("%s: %s vectors are arranged for quick search: once, and again after large changes", name, f"{len(keeper):,}")
            return Mirror(keeper.space, change, pack(keeper.space, folder, name, keeper.since(0), change))
    except OSError as error:
        raise StoreError(
            f"the vectors of {name!r} cannot be arranged in {folder}: {error.strerror or error}",
            hint=f"free some {len(keeper) * keeper.space.dim * 9 // 2**20 + 1:,} MB there and run the same command again",
        ) from error


def kept_mirror(space: Space, folder: Path, name: str) -> Mirror | None:
    """From files beside the store. Damaged ones are told of, and count as none."""
    try:
        packed = open_packed(space, folder, name)
        if packed is not None:
            return Mirror(space, packed.change, packed)
        return _kept_exact(space, folder, name)
    except (StoreError, OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        _LOG.warning("the copy of the vectors in memory is made anew: %s", error)
        return None


def _kept_exact(space: Space, folder: Path, name: str) -> Mirror | None:
    file = folder / f"{name}.npz"
    if not file.is_file():
        return None
    with np.load(file, allow_pickle=False) as held:
        arrays = {key: held[key] for key in held.files}
    if "change" not in arrays or str(arrays["space"]) != str(space):
        return None
    mirror = Mirror(space, int(arrays.pop("change")))
    arrays.pop("space")
    mirror.tail = ExactIndex.from_arrays(space, arrays)
    return mirror


def _keep_exact(mirror: Mirror, folder: Path, name: str) -> None:
    unfinished = folder / f"{name}.{os.getpid()}.unfinished"
    stale = folder / f"{name}.packed.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with unfinished.open("wb") as file:
            np.savez(file, change=mirror.change, space=str(mirror.tail.space), **mirror.tail.arrays())
        unfinished.replace(folder / f"{name}.npz")
        stale.unlink(missing_ok=True)
        mirror.was_kept()
    except OSError as error:
        _LOG.warning("the vectors in memory are not kept for the next start: %s", error)
        unfinished.unlink(missing_ok=True)


