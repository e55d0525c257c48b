"""An index whose rows are kept by a store and searched in memory: what a filter costs never depends on the store."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from retrieval.errors import OutfitError, StoreError
from retrieval.indexes.keeper import Keeper
from retrieval.indexes.mirror import EXACT_ROWS, Mirror, make_mirror, read_mirror
from retrieval.ports import Rows, Where
from retrieval.vectors import check_rows, check_unit_rows

_LOG = logging.getLogger(__name__)


class KeptIndex:
    """Port `VectorIndex`. Rows that other processes write are seen within `keeper.poll_s` seconds.

    `folder` is for files that make the next start quick; they can be deleted at any time. Above `exact_rows` rows the scan
    is over packed rows (`packed.py`); None: never, every search scans every row that passes.
    """

    def __init__(self, keeper: Keeper, folder: Path, name: str, *, exact_rows: int | None = EXACT_ROWS) -> None:
        self.space = keeper.space
        self.keeper = keeper
        self.name = name
        self._folder = folder
        self._exact_rows = 2**62 if exact_rows is None else exact_rows
        self._mirror: Mirror | None = None
        self._asked_at = float("-inf")
        self._is_cut_off = False
        self._lock = threading.RLock()
        self._packing: threading.Thread | None = None

    def __len__(self) -> int:
        return len(self.keeper)

    def upsert(self, ids: Sequence[str], vectors: np.ndarray, columns: Sequence[Mapping[str, str | float]]) -> None:
        vectors = check_rows(ids, vectors, columns, self.space.dim)
        last = {id_: i for i, id_ in enumerate(ids)}  # of an id twice in one call the last holds
        if not last:
            return
        at = sorted(last.values())
        rows = Rows([ids[i] for i in at], vectors[at], [columns[i] for i in at])
        with self._lock:
            change = self.keeper.write(rows.ids, rows.vectors, rows.columns)
            if self._follows(change):
                self._mirror.upsert(rows)
                self._mirror.change = change

    def delete(self, ids: Sequence[str]) -> None:
        with self._lock:
            change = self.keeper.delete(ids)
            if self._follows(change):
                self._mirror.delete(ids)
                self._mirror.change = change

    def fetch(self, ids: Sequence[str]) -> dict[str, np.ndarray]:
        rows = self.keeper.read(ids)
        return dict(zip(rows.ids, rows.vectors, strict=True))

    def search(
        self, query: np.ndarray, k: int, where: Where | None = None, exclude: frozenset[str] = frozenset()
    ) -> list[tuple[str, float]]:
        return self.search_many(np.asarray(query, dtype=np.float32)[None, :], k, where, exclude)[0]

    def search_many(
        self, queries: np.ndarray, k: int, where: Where | None = None, exclude: frozenset[str] = frozenset()
    ) -> list[list[tuple[str, float]]]:
        queries = check_unit_rows(queries, self.space.dim)
        return self.mirror().search_many(queries, k, where, exclude)

    def mirror(self) -> Mirror:
        """All rows in memory, as of now: read once, and kept in step from then on."""
        with self._lock:
            if self._mirror is None:
                self._mirror = read_mirror(self.keeper, self._folder, self.name, self._exact_rows)
                self._asked_at = time.monotonic()
            elif time.monotonic() - self._asked_at >= self.keeper.poll_s:
                self._catch_up(self._mirror)
                self._asked_at = time.monotonic()
            if self._mirror.wants_packing(self._exact_rows):
                self._pack_aside()
            return self._mirror

    def prepare(self) -> None:
        """Make the files that the next start reads; after an ingest, so that nobody waits for it later."""
        self.close_packing()
        with self._lock:
            mirror = self.mirror()
            if mirror.is_far_from_files:
                self._mirror = make_mirror(self.keeper, self._folder, self.name, self._exact_rows)

    def rows_kept(self, ids: Sequence[str]) -> Rows:
        """Vectors and columns of the ids that are there."""
        return self.keeper.read(ids)

    def ids(self) -> list[str]:
        return self.keeper.ids()

    def problem(self) -> str:
        return self.keeper.problem()

    def close_packing(self) -> None:
        """Wait until rows that are being arranged anew are."""
        if self._packing is not None:
            self._packing.join()

    def close(self) -> None:
        self.close_packing()
        self.keeper.close()

    def _catch_up(self, mirror: Mirror) -> None:
        """Take in what others have written; while the store does not answer, what is in memory does, and the log says so."""
        try:
            mirror.catch_up(self.keeper)
        except StoreError as error:
            if not self._is_cut_off:
                _LOG.warning("%s is searched as it was last read, since its store fails: %s", self.name, error)
            self._is_cut_off = True
        else:
            self._is_cut_off = False

    def _follows(self, change: int) -> bool:
        """Whether the mirror holds all that was written before this change, so that what was written now can go to it."""
        return self._mirror is not None and self._mirror.change == change - self.keeper.step

    def _pack_aside(self) -> None:
        """Arrange the rows anew in a thread, the present arrangement answering until that is done."""
        if self._packing is not None and self._packing.is_alive():
            return

        def work() -> None:
            try:
                mirror = make_mirror(self.keeper, self._folder, self.name, self._exact_rows)
            except OutfitError as error:
                _LOG.warning("%s is not arranged anew, searches go on as they are: %s", self.name, error)
                self._exact_rows = 2 * max(1, len(self.keeper))
                return
            with self._lock:
                mirror.catch_up(self.keeper)
                self._mirror = mirror

        self._packing = threading.Thread(target=work, name=f"pack {self.name}", daemon=True)
        self._packing.start()
