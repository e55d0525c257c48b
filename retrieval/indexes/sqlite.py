"""Rows in one SQLite file: durable at every write, with nothing to build, so that a million rows go in within minutes."""

from __future__ import annotations

import json
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from retrieval.errors import SpaceMismatch, StoreError, StoreFull, StoreLocked
from retrieval.ports import Rows, Space

_BATCH = 5_000  # rows read at a time
_VARIABLES = 500  # ids in one statement
_PAGE_BYTES = 16_384  # several rows a page: a vector of 512 numbers takes 2 KB
_BUSY_S = 30.0

_SCHEMA = f"""
PRAGMA page_size = {_PAGE_BYTES};
PRAGMA journal_mode = WAL;
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS space (model TEXT, revision TEXT, modality TEXT, dim INTEGER);
CREATE TABLE IF NOT EXISTS head (change INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS rows (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, change INTEGER NOT NULL, vector BLOB NOT NULL, columns TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS rows_by_change ON rows (change, number);
COMMIT;
"""
# A store that was dropped and made anew goes on above the old one's numbers, so that readers see that all of it is new.
_FIRST_CHANGE = "INSERT INTO head SELECT ? WHERE NOT EXISTS (SELECT 1 FROM head)"


class SqliteKeeper:
    """Port `Keeper`. Every write is one transaction, on the disk when the call returns (also after a power cut)."""

    poll_s = 0.0  # asking for the change number takes microseconds
    step = 1

    def __init__(self, folder: Path, name: str, space: Space) -> None:
        self.space = space
        self._file = folder / f"{name}.sqlite"
        self._lock = threading.RLock()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"the folder {folder} cannot be made: {error.strerror}") from error
        self._open()

    def _open(self) -> None:
        with self._errors():
            self._db = sqlite3.connect(self._file, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
            self._db.executescript(_SCHEMA)
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute(_FIRST_CHANGE, (time.time_ns() // 1_000_000,))
            self._number = self._file.stat().st_ino
            self._check_space()

    def __len__(self) -> int:
        with self._reading() as db:
            return db.execute("SELECT count(*) FROM rows").fetchone()[0]

    def change(self) -> int:
        with self._lock:
            if self._is_replaced():
                self._db.close()
                self._open()
        with self._reading() as db:
            return db.execute("SELECT change FROM head").fetchone()[0]

    def write(self, ids: Sequence[str], vectors: np.ndarray, columns: Sequence[Mapping[str, str | float]]) -> int:
        vectors = np.ascontiguousarray(vectors, dtype="<f4")
        with self._writing() as (db, change):
            db.executemany(
                "INSERT INTO rows (id, change, vector, columns) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET "
                "change = excluded.change, vector = excluded.vector, columns = excluded.columns",
                (
                    (id_, change, vector.tobytes(), json.dumps(dict(values), ensure_ascii=False))
                    for id_, vector, values in zip(ids, vectors, columns, strict=True)
                ),
            )
        return change

    def delete(self, ids: Sequence[str]) -> int:
        with self._writing() as (db, change):
            db.executemany("DELETE FROM rows WHERE id = ?", ((id_,) for id_ in ids))
        return change

    def read(self, ids: Sequence[str]) -> Rows:
        found: list[tuple[str, bytes, str]] = []
        for start in range(0, len(ids), _VARIABLES):
            part = list(ids[start : start + _VARIABLES])
            with self._reading() as db:
                found += db.execute(f"SELECT id, vector, columns FROM rows WHERE id IN ({','.join('?' * len(part))})", part)
        return self._rows(found)

    def since(self, change: int) -> Iterator[Rows]:
        at = (change, -1)
        while True:
            with self._reading() as db:
                rows = db.execute(
                    "SELECT change, number, id, vector, columns FROM rows WHERE (change, number) > (?, ?) "
                    "ORDER BY change, number LIMIT ?",
                    (*at, _BATCH),
                ).fetchall()
            if not rows:
                return
            at = rows[-1][:2]
            yield self._rows([row[2:] for row in rows])

    def ids(self) -> list[str]:
        with self._reading() as db:
            return [id_ for (id_,) in db.execute("SELECT id FROM rows")]

    def problem(self) -> str:
        """What a full check of the file finds, "" where it is sound."""
        with self._reading() as db:
            said = db.execute("PRAGMA quick_check(1)").fetchone()[0]
        return "" if said == "ok" else f"{self._file} is damaged: {said}"

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def _is_replaced(self) -> bool:
        """Whether another process has dropped the file and made a new one, while this one still holds the old."""
        try:
            return self._file.stat().st_ino != self._number
        except FileNotFoundError:
            return True

    def _rows(self, found: Sequence[tuple[str, bytes, str]]) -> Rows:
        data = b"".join(vector for _, vector, _ in found)
        if len(data) != 4 * self.space.dim * len(found):
            raise StoreError(f"vectors in {self._file} are cut short", hint="write it anew from the catalogue: outfit rebuild")
        vectors = np.frombuffer(data, dtype="<f4").reshape(len(found), self.space.dim)
        return Rows([id_ for id_, _, _ in found], vectors, [json.loads(columns) for _, _, columns in found])

    def _check_space(self) -> None:
        row = (self.space.model, self.space.revision, self.space.modality, self.space.dim)
        with self._lock:
            self._db.execute("INSERT INTO space SELECT ?, ?, ?, ? WHERE NOT EXISTS (SELECT 1 FROM space)", row)
            kept = self._db.execute("SELECT model, revision, modality, dim FROM space").fetchone()
        if kept != row:
            self._db.close()
            raise SpaceMismatch(
                f"{self._file} holds vectors of {Space(*kept)}, but the model in use writes {self.space}",
                hint="re-embed the catalogue with the model in use: outfit rebuild",
            )

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._errors():
            yield self._db

    @contextmanager
    def _writing(self) -> Iterator[tuple[sqlite3.Connection, int]]:
        """One transaction and its change number."""
        with self._lock, self._errors():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                self._db.execute("UPDATE head SET change = change + 1")
                yield self._db, self._db.execute("SELECT change FROM head").fetchone()[0]
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            said = str(error)
            if "disk is full" in said:
                raise StoreFull(
                    f"no space left on the disk that holds {self._file}",
                    hint="free some space and run the same command again: it goes on where it stopped",
                ) from error
            if "locked" in said or "busy" in said:
                raise StoreLocked(
                    f"{self._file} is being written by another process for more than {_BUSY_S:.0f} s",
                    hint="wait until it has ended, then run the same command again",
                ) from error
            hint = "write it anew from the catalogue: outfit rebuild"
            raise StoreError(f"the vectors in {self._file} cannot be used: {said}", hint=hint) from error


def drop(folder: Path) -> None:
    """Remove all files of this engine."""
    shutil.rmtree(folder, ignore_errors=True)
