"""One writer at a time: a lock that dies with its process and says who holds it."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from retrieval.catalogue import Catalogue
from retrieval.databases import server_lock
from retrieval.errors import StoreLocked


@contextmanager
def only_writer(catalogue: Catalogue, task: str) -> Iterator[None]:
    """Hold the catalogue's write lock; `task` is what the holder is said to be doing.

    A file lock beside a SQLite file; for a server, its own advisory lock as well, so that it holds among machines.
    Raises StoreLocked at once where another process, or another thread, has it.
    """
    from filelock import FileLock, Timeout

    path = _lock_path(catalogue)
    # filelock empties the lock file whenever anyone asks for it, so the holder's name lies beside it
    holder = path.with_suffix(".holder")
    lock = FileLock(path, timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise _locked(catalogue, _said_by(holder)) from error
    try:
        mine = {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "since": datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
            "task": task,
        }
        holder.write_text(json.dumps(mine), encoding="utf-8")
        with server_lock(catalogue.engine, "writer") as is_held:
            if not is_held:
                newest = catalogue.runs()[:1]
                raise _locked(catalogue, f"another machine (ingest of {newest[0].feed})" if newest else "another machine")
            yield
        holder.unlink(missing_ok=True)
    finally:
        lock.release()


def _lock_path(catalogue: Catalogue) -> Path:
    url = catalogue.url
    if url.get_backend_name() == "sqlite" and url.database and url.database != ":memory:":
        return Path(url.database).absolute().with_suffix(".lock")
    name = hashlib.sha256(url.render_as_string(hide_password=True).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"outfit-{name}.lock"


def _said_by(holder: Path) -> str:
    try:
        who = json.loads(holder.read_text(encoding="utf-8"))
        return f"process {who['pid']} on {who['host']} since {who['since']} ({who['task']})"
    except (OSError, ValueError, KeyError, TypeError):  # its holder is just beginning or ending
        return "another process"


def _locked(catalogue: Catalogue, who: str) -> StoreLocked:
    return StoreLocked(
        f"the catalogue {catalogue.url.render_as_string(hide_password=True)} is being written by {who}",
        hint="wait until it has ended, then run the same command again",
    )
