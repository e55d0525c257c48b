"""Rows in Chroma, in a folder or on a server. It keeps them; what searches is the mirror in memory (`kept.py`).

Three facts shape this file. Chroma fixes its distance when a collection is created (l2 unless told), so cosine is set at
creation and checked on opening. It would embed documents with a model of its own, so it is handed vectors only. And a
filter given to its `where` costs 20 to 400 times a masked scan, the more rows the more, so none is.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from retrieval.errors import SpaceMismatch, StoreError, StoreFull
from retrieval.ports import Rows, Space, Where

_BATCH = 5_000  # Chroma takes at most 5,461 rows a call
_HNSW = {"space": "cosine", "max_neighbors": 16, "ef_construction": 100, "ef_search": 200}
_CHANGE = "_change"  # of the collection: the last one; of a row: the one that wrote it
# What this process has seen of each collection: as Chroma's own memory of opened folders, one for the whole process.
_KNOWN: dict[tuple[str, str], int] = {}
_REBUILD = "write it anew from the catalogue: outfit rebuild"


class ChromaKeeper:
    """Port `Keeper`. `connect` is `open_folder` or `open_server` with its arguments; `place` says where, in errors.

    The change number is raised before a write and after it, so that one who read in the middle asks again. Chroma keeps
    what it read of a folder and never looks whether another process has written there since: it then gives old vectors,
    or fails to find new ones. So the folder is opened anew before reading or writing after a change that was not ours.
    """

    poll_s = 0.5
    step = 2

    def __init__(self, connect: Callable[[], Any], place: str, name: str, space: Space) -> None:
        self.space = space
        self._connect = connect
        self._place = place
        self._name = name
        self._open()

    def _open(self) -> None:
        self._client = self._connect()
        with self._errors():
            self._collection = _collection(self._client, self._place, self._name, self.space)
        self._look_again()

    def _look_again(self) -> None:
        """Open the folder anew where somebody else has written."""
        change = self.change()
        if _KNOWN.setdefault((self._place, self._name), change) != change:
            _KNOWN[self._place, self._name] = change
            forget_opened()
            self._client = self._connect()
            with self._errors():
                self._collection = _collection(self._client, self._place, self._name, self.space)

    def __len__(self) -> int:
        with self._errors():
            return self._collection.count()

    def change(self) -> int:
        with self._errors():
            kept = self._client.get_collection(self._name, embedding_function=None)
        return int((kept.metadata or {}).get(_CHANGE, 0))

    def write(self, ids: Sequence[str], vectors: np.ndarray, columns: Sequence[Mapping[str, str | float]]) -> int:
        self._look_again()
        with self._errors():
            change = self._raise_change()
            for start in range(0, len(ids), _BATCH):
                part = slice(start, start + _BATCH)
                marked = [{**values, _CHANGE: change} for values in columns[part]]
                self._collection.upsert(
                    ids=list(ids[part]), embeddings=vectors[part], metadatas=self._replacing(ids[part], marked)
                )
            return self._raise_change()

    def delete(self, ids: Sequence[str]) -> int:
        self._look_again()
        with self._errors():
            self._raise_change()
            for start in range(0, len(ids), _BATCH):
                self._collection.delete(ids=list(ids[start : start + _BATCH]))
            return self._raise_change()

    def read(self, ids: Sequence[str]) -> Rows:
        self._look_again()
        parts = [
            self._get(ids=list(dict.fromkeys(ids[start : start + _BATCH]))) for start in range(0, len(ids), _BATCH)
        ]
        return Rows(
            [id_ for part in parts for id_ in part.ids],
            np.concatenate([part.vectors for part in parts]) if parts else np.zeros((0, self.space.dim), np.float32),
            [row for part in parts for row in part.columns],
        )

    def since(self, change: int) -> Iterator[Rows]:
        self._look_again()
        where = {_CHANGE: {"$gte": change}} if change else None  # rows of older versions carry no number
        offset = 0
        while True:
            rows = self._get(where=where, limit=_BATCH, offset=offset)
            if not rows.ids:
                return
            yield rows
            offset += len(rows.ids)

    def ids(self) -> list[str]:
        with self._errors():
            return self._collection.get(include=[])["ids"]

    def problem(self) -> str:
        try:
            rows = self._get(limit=1)
            if len(self) and not rows.ids:
                return f"collection {self._name!r} in {self._place} counts {len(self):,} rows but gives none"
        except StoreError as error:
            return str(error)
        return ""

    def close(self) -> None:
        """Nothing: Chroma shares its connections among all who opened the same place."""

    def _get(self, **asked: Any) -> Rows:
        with self._errors():
            got = self._collection.get(include=["embeddings", "metadatas"], **asked)
        vectors = np.asarray(got["embeddings"], dtype=np.float32).reshape(-1, self.space.dim)
        columns = [{name: value for name, value in (row or {}).items() if name != _CHANGE} for row in got["metadatas"]]
        return Rows(got["ids"], vectors, columns)

    def _replacing(self, ids: Sequence[str], columns: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Chroma merges metadata on upsert: a column that a row no longer has must be set to None to go."""
        kept = self._collection.get(ids=list(ids), include=["metadatas"])
        old = dict(zip(kept["ids"], kept["metadatas"], strict=True))
        return [{**dict.fromkeys(old.get(id_) or {}), **new} for id_, new in zip(ids, columns, strict=True)]

    def _raise_change(self) -> int:
        kept = self._client.get_collection(self._name, embedding_function=None).metadata or {}
        # One that was dropped and made anew goes on above the old one's numbers, so that readers see that all of it is new.
        change = int(kept.get(_CHANGE, time.time_ns() // 1_000_000)) + 1
        self._collection.modify(metadata={**kept, _CHANGE: change})
        _KNOWN[self._place, self._name] = change
        return change

    @contextmanager
    def _errors(self) -> Iterator[None]:
        with _translated(self._place):
            yield


def open_folder(folder: Path) -> Any:
    """A client of the store in a folder, which is made where there is none."""
    import chromadb
    from chromadb.config import Settings

    with _translated(str(folder)):
        folder.mkdir(parents=True, exist_ok=True)
        return chromadb.PersistentClient(path=str(folder), settings=Settings(anonymized_telemetry=False))


def open_server(url: str, token: str = "") -> Any:
    """A client of a Chroma server, http://HOST:PORT; `token` goes along as a bearer token."""
    from urllib.parse import urlsplit

    import chromadb
    from chromadb.config import Settings

    parts = urlsplit(url)
    is_tls = parts.scheme == "https"
    with _translated(url):
        return chromadb.HttpClient(
            host=parts.hostname or "",
            port=parts.port or (443 if is_tls else 8000),
            ssl=is_tls,
            headers={"Authorization": f"Bearer {token}"} if token else {},
            settings=Settings(anonymized_telemetry=False),
        )


def forget_opened() -> None:
    """Chroma keeps opened stores in memory by path; from here on it opens them from what is on the disk."""
    from chromadb.api.shared_system_client import SharedSystemClient

    SharedSystemClient.clear_system_cache()


def drop(folder: Path) -> None:
    """Remove a store with all its collections."""
    forget_opened()
    shutil.rmtree(folder, ignore_errors=True)


def drop_collection(client: Any, place: str, name: str) -> None:
    """Remove one collection from a server; none there is as good."""
    with _translated(place):
        if name in [each.name for each in client.list_collections()]:
            client.delete_collection(name)


def _collection(client: Any, place: str, name: str, space: Space) -> Any:
    wanted = {"model": space.model, "revision": space.revision, "modality": space.modality, "dim": space.dim}
    collection = client.get_or_create_collection(
        name, metadata=wanted, embedding_function=None, configuration={"hnsw": _HNSW}
    )
    kept = {key: (collection.metadata or {}).get(key) for key in wanted}
    if kept != wanted:
        raise SpaceMismatch(
            f"collection {name!r} in {place} holds vectors of {kept}, but the model in use writes {wanted}",
            hint="re-embed the catalogue with the model in use: outfit rebuild",
        )
    hnsw = collection.configuration.get("hnsw") or {}
    if hnsw.get("space") != "cosine":
        raise SpaceMismatch(
            f"collection {name!r} in {place} measures {hnsw.get('space')!r}, expected 'cosine'", hint=_REBUILD
        )
    return collection


def search_there(keeper: ChromaKeeper, query: np.ndarray, k: int, where: Where | None) -> list[str]:
    """What Chroma itself finds with its graph and its `where`: for measuring what the mirror saves."""
    parts: list[dict[str, Any]] = []
    if where:
        parts += [{name: {"$in": sorted(values)}} for name, values in where.any_of.items()]
        parts += [{name: {"$nin": sorted(values)}} for name, values in where.none_of.items() if values]
        parts += [{name: {"$lte": bound}} for name, bound in where.at_most.items()]
        parts += [{name: {"$gte": bound}} for name, bound in where.at_least.items()]
    condition = None if not parts else parts[0] if len(parts) == 1 else {"$and": parts}
    found = keeper._collection.query(query_embeddings=query[None, :], n_results=k, where=condition, include=["distances"])
    return found["ids"][0]


@contextmanager
def _translated(place: str) -> Iterator[None]:
    """What Chroma and its Rust parts say, as this project's errors."""
    import httpx
    from chromadb.errors import AuthorizationError, ChromaAuthError, ChromaError

    try:
        yield
    except (httpx.HTTPError, ConnectionError) as error:
        raise StoreError(
            f"the Chroma server at {place} does not answer: {error or type(error).__name__}",
            hint="start it (chroma run --path FOLDER), or correct OUTFIT_INDEX_URL",
        ) from error
    except (ChromaError, OSError, RuntimeError, ValueError) as error:
        said = str(error)
        if isinstance(error, (AuthorizationError, ChromaAuthError)) or "Unauthorized" in said or "Forbidden" in said:
            raise StoreError(
                f"the Chroma server at {place} refuses the token", hint="set OUTFIT_INDEX_TOKEN to its token"
            ) from error
        if "Could not connect" in said:
            raise StoreError(
                f"the Chroma server at {place} does not answer: {said}",
                hint="start it (chroma run --path FOLDER), or correct OUTFIT_INDEX_URL",
            ) from error
        if "disk is full" in said or "No space left" in said:
            raise StoreFull(
                f"no space left on the disk that holds {place}",
                hint="free some space and run the same command again: it goes on where it stopped",
            ) from error
        raise StoreError(f"the Chroma store in {place} cannot be used: {said}", hint=_REBUILD) from error
