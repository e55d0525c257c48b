"""What was judged once is not asked again: verdicts on disk, by pixels, words, model and prompt.

SQLite, one file, safe for several threads and processes. Every row carries a checksum over its key and its values: a
row that changed on disk is dropped and asked again, never believed. The file is a cache: losing it costs time only.
"""

from __future__ import annotations

import hashlib
import logging
import math
import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path

from assistant.stylists import Answer, Verdict
from retrieval.errors import StoreError
from retrieval.items import Garment, Lang

_LOG = logging.getLogger(__name__)

_TABLE = """CREATE TABLE IF NOT EXISTS verdict (
    key TEXT PRIMARY KEY, answer TEXT NOT NULL, p_yes REAL, reason TEXT NOT NULL, model TEXT NOT NULL,
    checksum TEXT NOT NULL
) WITHOUT ROWID"""


def verdict_key(fingerprint: str, reference: Garment, candidate: Garment, lang: Lang, digests: tuple[str, str]) -> str:
    """The key of one ordered pair. `fingerprint` names model and prompts, `digests` both pictures.

    The words that go to the model beside the pictures (title, attributes) change its answer, so they are part of it.
    """
    parts: list[str] = [fingerprint, lang]
    for garment, digest in zip((reference, candidate), digests, strict=True):
        a = garment.attributes
        parts += [digest, garment.title, *(str(v) for v in (a.category, a.gender, a.colour, a.season, a.usage))]
    return hashlib.sha256("\x1f".join(f"{len(part)}:{part}" for part in parts).encode()).hexdigest()


class VerdictCache:
    """Verdicts by key. `get` is one indexed read; a damaged row or file is noticed, said in the log, and dropped."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damaged = 0  # rows dropped because their checksum did not fit, since the cache was opened
        self._lock = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._db = self._open()
        except sqlite3.DatabaseError as error:
            self._set_aside(error)

    def get(self, key: str) -> Verdict | None:
        """The verdict kept under `key`, or None where there is none or it cannot be trusted."""
        row = self._run("SELECT answer, p_yes, reason, model, checksum FROM verdict WHERE key = ?", (key,))
        if not row:
            return None
        answer, p_yes, reason, model, checksum = row[0]
        if checksum != checksum_of(key, answer, p_yes, reason, model):
            self.damaged += 1
            _LOG.warning("a kept verdict does not fit its checksum: dropped, it will be asked again (%s)", self.path)
            self._run("DELETE FROM verdict WHERE key = ?", (key,))
            return None
        return Verdict(Answer(answer), p_yes, reason, model)

    def put(self, key: str, verdict: Verdict) -> None:
        if verdict.p_yes is not None and not math.isfinite(verdict.p_yes):
            raise ValueError(f"p_yes {verdict.p_yes} cannot be kept: expected a number in [0, 1] or None")
        values = (verdict.answer.value, verdict.p_yes, verdict.reason, verdict.model)
        self._run("INSERT OR REPLACE INTO verdict VALUES (?, ?, ?, ?, ?, ?)", (key, *values, checksum_of(key, *values)))

    def __len__(self) -> int:
        return self._run("SELECT count(*) FROM verdict")[0][0]

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def _open(self) -> sqlite3.Connection:
        # A cache may lose its last rows in a power cut: WAL with NORMAL is enough, and a write costs no fsync.
        db = sqlite3.connect(self.path, timeout=5, isolation_level=None, check_same_thread=False)
        try:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=NORMAL")
            db.execute(_TABLE)
        except sqlite3.DatabaseError:
            db.close()
            raise
        return db

    def _run(self, statement: str, values: Sequence[object] = ()) -> list[tuple]:
        with self._lock:
            try:
                return self._db.execute(statement, values).fetchall()
            except sqlite3.OperationalError as error:  # locked, disk full, read-only: not damage
                raise StoreError(
                    f"the verdict cache {self.path} cannot be used: {error}",
                    hint="free space or rights there, or delete the file: it is only a cache",
                ) from error
            except sqlite3.DatabaseError as error:
                self._db.close()
                self._set_aside(error)
                return self._db.execute(statement, values).fetchall()

    def _set_aside(self, error: sqlite3.DatabaseError) -> None:
        _LOG.warning("the verdict cache %s is damaged (%s): begun afresh", self.path, error)
        self.damaged += 1
        for suffix in ("", "-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
        self._db = self._open()


def checksum_of(key: str, *values: object) -> str:
    return hashlib.blake2b(repr((key, *values)).encode(), digest_size=16).hexdigest()
