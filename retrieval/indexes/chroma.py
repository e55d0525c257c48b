"""Chroma in embedded mode: keeps the vectors on disk; a mirror in memory answers while it is small enough.

Three facts shape this file. Chroma fixes its distance when a collection is created (l2 unless told), so cosine is set at
creation and checked on opening. It would embed documents with a model of its own, so it is handed vectors only. And up
to some hundred thousand rows an exact scan is as quick as its graph, and a masked scan 20 to 30 times quicker than its
metadata filter, so its graph serves only collections above `mirror_rows`.
"""

from __future__ import annotations

import logging
import os
import shutil
import threading
import uuid
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from retrieval.errors import SpaceMismatch, StoreError
from retrieval.indexes.exact import ExactIndex
from retrieval.ports import Space, Where
from retrieval.vectors import check_rows, check_unit_rows

_LOG = logging.getLogger(__name__)

_BATCH = 5_000  # Chroma takes at most 5,461 rows a call
_HNSW = {"space": "cosine", "max_neighbors": 16, "ef_construction": 100, "ef_search": 200}


class ChromaIndex:
    """Port `VectorIndex`. `mirror_rows` bounds the memory: above it, Chroma itself searches and filters."""

    def __init__(self, folder: Path, name: str, space: Space, *, mirror_rows: int = 250_000) -> None:
        self.space = space
        self._name = name
        self._mirror_rows = mirror_rows
        self._mirror: ExactIndex | None = None
        self._lock = threading.RLock()
        self._mirror_file = folder / f"{name}.npz"
        self._token_file = folder / f"{name}.token"
        self._collection = _open(folder, name, space)

    def __len__(self) -> int:
        return self._collection.count()

    def upsert(self, ids: Sequence[str], vectors: np.ndarray, columns: Sequence[Mapping[str, str | float]]) -> None:
        vectors = check_rows(ids, vectors, columns, self.space.dim)
        last = {id_: i for i, id_ in enumerate(ids)}  # Chroma refuses an id twice in one call: the last one holds
        rows = sorted(last.values())
        with self._writing():
            for start in range(0, len(rows), _BATCH):
                part = rows[start : start + _BATCH]
                names = [ids[i] for i in part]
                self._collection.upsert(
                    ids=names,
                    embeddings=vectors[part],
                    metadatas=self._replacing(names, [dict(columns[i]) for i in part]),
                )
            if self._mirror is not None:
                self._mirror.upsert(ids, vectors, columns)

    def search(
        self, query: np.ndarray, k: int, where: Where | None = None, exclude: frozenset[str] = frozenset()
    ) -> list[tuple[str, float]]:
        return self.search_many(np.asarray(query, dtype=np.float32)[None, :], k, where, exclude)[0]

    def search_many(
        self, queries: np.ndarray, k: int, where: Where | None = None, exclude: frozenset[str] = frozenset()
    ) -> list[list[tuple[str, float]]]:
        queries = check_unit_rows(queries, self.space.dim)
        count = len(self)
        if k <= 0 or count == 0 or not len(queries):
            return [[] for _ in queries]
        if count <= self._mirror_rows:
            return self.mirror().search_many(queries, k, where, exclude)
        if where and not all(where.any_of.values()):  # Chroma refuses an empty list; nothing is in it
            return [[] for _ in queries]
        found = self._collection.query(
            query_embeddings=queries,
            n_results=min(k + len(exclude), count),
            where=_condition(where),
            include=["distances"],
        )
        return [
            sorted(
                (
                    (id_, min(1.0, max(-1.0, 1.0 - distance)))
                    for id_, distance in zip(ids, distances, strict=True)
                    if id_ not in exclude
                ),
                key=lambda row: (-row[1], row[0]),
            )[:k]
            for ids, distances in zip(found["ids"], found["distances"], strict=True)
        ]

    def fetch(self, ids: Sequence[str]) -> dict[str, np.ndarray]:
        found: dict[str, np.ndarray] = {}
        for start in range(0, len(ids), _BATCH):
            got = self._collection.get(ids=list(ids[start : start + _BATCH]), include=["embeddings"])
            found.update(zip(got["ids"], np.asarray(got["embeddings"], dtype=np.float32), strict=True))
        return found

    def delete(self, ids: Sequence[str]) -> None:
        with self._writing():
            for start in range(0, len(ids), _BATCH):
                self._collection.delete(ids=list(ids[start : start + _BATCH]))
            if self._mirror is not None:
                self._mirror.delete(ids)

    def _replacing(self, ids: Sequence[str], columns: list[dict[str, Any]]) -> list[dict[str, Any] | None]:
        """Chroma merges metadata on upsert: a column that a row no longer has must be set to None to go."""
        kept = self._collection.get(ids=list(ids), include=["metadatas"])
        old = dict(zip(kept["ids"], kept["metadatas"], strict=True))
        return [{**dict.fromkeys(old.get(id_) or {}), **new} or None for id_, new in zip(ids, columns, strict=True)]

    def mirror(self) -> ExactIndex:
        """All rows in memory: read once, and kept in step from then on."""
        with self._lock:
            if self._mirror is None:
                self._mirror = self._kept_mirror() or self._read_mirror()
            return self._mirror

    def _read_mirror(self) -> ExactIndex:
        """From Chroma, which takes seconds for tens of thousands of rows; kept beside it for the next start."""
        stamp = self._stamp()
        mirror = ExactIndex(self.space)
        for offset in range(0, len(self), _BATCH):
            got = self._collection.get(limit=_BATCH, offset=offset, include=["embeddings", "metadatas"])
            columns = [row or {} for row in got["metadatas"]]
            mirror.upsert(got["ids"], np.asarray(got["embeddings"], dtype=np.float32), columns)
        unfinished = self._mirror_file.with_suffix(f".{os.getpid()}")
        try:
            with unfinished.open("wb") as file:
                np.savez(file, stamp=stamp, **mirror.arrays())
            unfinished.replace(self._mirror_file)
        except OSError as error:
            _LOG.warning("the vectors in memory are not kept for the next start: %s", error)
            unfinished.unlink(missing_ok=True)
        return mirror

    def _kept_mirror(self) -> ExactIndex | None:
        """From the file beside the store, where nothing has been written since it was made."""
        if not self._mirror_file.is_file():
            return None
        try:
            with np.load(self._mirror_file, allow_pickle=False) as held:
                if not np.array_equal(held["stamp"], self._stamp()):
                    return None
                mirror = ExactIndex.from_arrays(self.space, {name: held[name] for name in held if name != "stamp"})
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            _LOG.warning("%s is damaged and made anew: %s", self._mirror_file, error)
            return None
        return mirror if len(mirror) == len(self) else None

    def _stamp(self) -> np.ndarray:
        """Which state of the rows this is: a token that each write renews, as bytes."""
        token = self._token_file.read_bytes() if self._token_file.is_file() else b""
        return np.frombuffer(token, dtype=np.uint8)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """A write. The token is renewed before, so that a kill in the middle is noticed, and after, so that what somebody
        read in the middle is not taken for the end."""
        with self._lock:
            self._token_file.write_text(uuid.uuid4().hex, encoding="ascii")
            yield
            self._token_file.write_text(uuid.uuid4().hex, encoding="ascii")


def drop(folder: Path) -> None:
    """Remove a store with all its collections. Chroma keeps opened stores in memory by path, so it is made to forget."""
    from chromadb.api.shared_system_client import SharedSystemClient

    SharedSystemClient.clear_system_cache()
    shutil.rmtree(folder, ignore_errors=True)


def _open(folder: Path, name: str, space: Space) -> Any:
    import chromadb
    from chromadb.config import Settings
    from chromadb.errors import ChromaError

    wanted = {"model": space.model, "revision": space.revision, "modality": space.modality, "dim": space.dim}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        client = chromadb.PersistentClient(path=str(folder), settings=Settings(anonymized_telemetry=False))
        collection = client.get_or_create_collection(
            name, metadata=wanted, embedding_function=None, configuration={"hnsw": _HNSW}
        )
    except (ChromaError, OSError, RuntimeError, ValueError) as error:
        raise StoreError(
            f"the Chroma store in {folder} does not open: {error}", hint="rebuild it from the catalogue: outfit rebuild"
        ) from error
    kept = collection.metadata or {}
    if any(kept.get(key) != value for key, value in wanted.items()):
        raise SpaceMismatch(
            f"collection {name!r} in {folder} holds vectors of {kept}, but the model in use writes {wanted}",
            hint="re-embed the catalogue with the model in use: outfit rebuild",
        )
    hnsw = collection.configuration.get("hnsw") or {}
    if hnsw.get("space") != "cosine":
        raise SpaceMismatch(
            f"collection {name!r} in {folder} measures {hnsw.get('space')!r}, expected 'cosine'",
            hint="re-create it from the catalogue: outfit rebuild",
        )
    return collection


def _condition(where: Where | None) -> dict[str, Any] | None:
    """The same conditions in Chroma's words."""
    if not where:
        return None
    parts: list[dict[str, Any]] = []
    parts += [{name: {"$in": sorted(values)}} for name, values in where.any_of.items()]
    parts += [{name: {"$nin": sorted(values)}} for name, values in where.none_of.items() if values]
    parts += [{name: {"$lte": bound}} for name, bound in where.at_most.items()]
    parts += [{name: {"$gte": bound}} for name, bound in where.at_least.items()]
    return parts[0] if len(parts) == 1 else {"$and": parts}
