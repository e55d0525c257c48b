"""Milvus: a cluster by its address for what one machine cannot hold, or a file of Milvus Lite to try the same code.

Milvus searches and filters itself: columns are one JSON field, conditions its boolean expressions, and a filter is applied
before vectors are compared. Reads are strongly consistent, so that an ingest finds what it wrote. Columns are no dynamic
fields, since an upsert merges those with what the row had.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from retrieval.errors import ModelUnavailable, SpaceMismatch, StoreError, StoreFull
from retrieval.ports import Rows, Space, Where
from retrieval.vectors import check_rows, check_unit_rows

_BATCH = 1_000  # rows a call: a cluster takes messages of some megabytes
_LONGEST_ID = 512  # bytes
_MOST = 16_384  # rows that Milvus returns from one search
_CONSISTENCY = "Strong"
_SPACE = "outfit.space"
_REBUILD = "write it anew from the catalogue: outfit rebuild"


class MilvusIndex:
    """Port `VectorIndex`. `client` is of `open_milvus`; `place` says where it is, in errors."""

    def __init__(self, client: Any, place: str, name: str, space: Space) -> None:
        self.space = space
        self._client = client
        self._place = place
        self.name = name
        with _translated(place):
            self._open()

    def __len__(self) -> int:
        with _translated(self._place):
            counted = self._client.query(
                self.name, filter="", output_fields=["count(*)"], consistency_level=_CONSISTENCY
            )
        return int(counted[0]["count(*)"])

    def upsert(self, ids: Sequence[str], vectors: np.ndarray, columns: Sequence[Mapping[str, str | float]]) -> None:
        vectors = check_rows(ids, vectors, columns, self.space.dim)
        last = {id_: i for i, id_ in enumerate(ids)}
        at = sorted(last.values())
        with _translated(self._place):
            for start in range(0, len(at), _BATCH):
                part = at[start : start + _BATCH]
                self._client.upsert(
                    self.name, [{"id": ids[i], "vector": vectors[i].tolist(), "columns": dict(columns[i])} for i in part]
                )

    def search(
        self, query: np.ndarray, k: int, where: Where | None = None, exclude: frozenset[str] = frozenset()
    ) -> list[tuple[str, float]]:
        return self.search_many(np.asarray(query, dtype=np.float32)[None, :], k, where, exclude)[0]

    def search_many(
        self, queries: np.ndarray, k: int, where: Where | None = None, exclude: frozenset[str] = frozenset()
    ) -> list[list[tuple[str, float]]]:
        queries = check_unit_rows(queries, self.space.dim)
        if k <= 0 or not len(queries) or (where and not all(where.any_of.values())):
            return [[] for _ in queries]
        with _translated(self._place):
            found = self._client.search(
                self.name,
                data=queries.tolist(),
                limit=min(k + len(exclude), _MOST),
                filter=expression(where),
                output_fields=["id"],
                consistency_level=_CONSISTENCY,
            )
        return [
            sorted(
                (
                    (hit["id"], min(1.0, max(-1.0, float(hit["distance"]))))  # of COSINE, Milvus's distance is the cosine
                    for hit in hits
                    if hit["id"] not in exclude
                ),
                key=lambda row: (-row[1], row[0]),
            )[:k]
            for hits in found
        ]

    def fetch(self, ids: Sequence[str]) -> dict[str, np.ndarray]:
        rows = self.rows_kept(ids)
        return dict(zip(rows.ids, rows.vectors, strict=True))

    def rows_kept(self, ids: Sequence[str]) -> Rows:
        """Vectors and columns of the ids that are there."""
        found: list[dict[str, Any]] = []
        with _translated(self._place):
            for start in range(0, len(ids), _BATCH):
                found += self._client.query(
                    self.name,
                    filter=f"id in {_listed(ids[start : start + _BATCH])}",
                    output_fields=["id", "vector", "columns"],
                    consistency_level=_CONSISTENCY,
                )
        vectors = np.array([row["vector"] for row in found], dtype=np.float32).reshape(-1, self.space.dim)
        columns = [json.loads(held) if isinstance(held := row["columns"], str) else dict(held) for row in found]
        return Rows([row["id"] for row in found], vectors, columns)

    def ids(self) -> list[str]:
        with _translated(self._place):
            pages = self._client.query_iterator(
                self.name, batch_size=_BATCH, filter="", output_fields=["id"], consistency_level=_CONSISTENCY
            )
            found: list[str] = []
            while page := pages.next():
                found += [row["id"] for row in page]
            pages.close()
        return found

    def delete(self, ids: Sequence[str]) -> None:
        with _translated(self._place):
            for start in range(0, len(ids), _BATCH):
                self._client.delete(self.name, filter=f"id in {_listed(ids[start : start + _BATCH])}")

    def prepare(self) -> None:
        """Have what was written sealed and indexed, where the server does so on demand."""
        with _translated(self._place):
            self._client.flush(self.name)

    def problem(self) -> str:
        """What is wrong with the collection, "" where it answers."""
        try:
            with _translated(self._place):
                state = self._client.get_load_state(self.name)
                self._client.query(self.name, filter="", limit=1, output_fields=["id"])
        except StoreError as error:
            return str(error)
        said = str(state.get("state", ""))
        return "" if said.endswith("Loaded") and "Not" not in said else f"collection {self.name!r} is not loaded: {said}"

    def close(self) -> None:
        self._client.close()

    def _open(self) -> None:
        from pymilvus import DataType

        wanted = json.dumps([self.space.model, self.space.revision, self.space.modality, self.space.dim])
        if not self._client.has_collection(self.name):
            schema = self._client.create_schema(auto_id=False, enable_dynamic_field=False, description=wanted)
            schema.add_field("id", DataType.VARCHAR, is_primary=True, max_length=_LONGEST_ID)
            schema.add_field("vector", DataType.FLOAT_VECTOR, dim=self.space.dim)
            schema.add_field("columns", DataType.JSON)
            index = self._client.prepare_index_params()
            index.add_index("vector", index_type="AUTOINDEX", metric_type="COSINE")
            self._client.create_collection(
                self.name,
                schema=schema,
                index_params=index,
                consistency_level=_CONSISTENCY,
                properties={_SPACE: wanted},
            )
        told = self._client.describe_collection(self.name)
        kept = told.get("description") or (told.get("properties") or {}).get(_SPACE)  # Milvus Lite keeps the latter alone
        if kept != wanted:
            raise SpaceMismatch(
                f"collection {self.name!r} in {self._place} holds vectors of {kept or 'an unknown space'}, "
                f"but the model in use writes {wanted}",
                hint="re-embed the catalogue with the model in use: outfit rebuild",
            )
        self._client.load_collection(self.name)


def open_milvus(place: str, token: str = "", *, timeout_s: float = 10.0) -> Any:
    """A client of a cluster, http://HOST:PORT, or of a file of Milvus Lite, PATH.db."""
    try:
        from pymilvus import MilvusClient
    except ImportError as error:
        raise ModelUnavailable(
            "the index is set to milvus, but the package pymilvus is missing", hint="pip install 'outfit-assistant[scale]'"
        ) from error
    with _translated(place):
        if "://" in place:
            return MilvusClient(uri=place, token=token, timeout=timeout_s)
        Path(place).parent.mkdir(parents=True, exist_ok=True)
        return MilvusClient(place)


def drop_collection(client: Any, place: str, name: str) -> None:
    with _translated(place):
        client.drop_collection(name)


def expression(where: Where | None) -> str:
    """The same conditions in Milvus's words; "" where there are none."""
    if not where:
        return ""
    parts = [f"({' or '.join(f'{_field(name)} == {_quoted(v)}' for v in sorted(vs))})" for name, vs in where.any_of.items()]
    # A row without the column passes "none of"; for Milvus a comparison with what is missing is false either way.
    parts += [
        f"(not exists {_field(name)} or ({' and '.join(f'{_field(name)} != {_quoted(v)}' for v in sorted(vs))}))"
        for name, vs in where.none_of.items()
        if vs
    ]
    parts += [f"{_field(name)} <= {float(bound)!r}" for name, bound in where.at_most.items()]
    parts += [f"{_field(name)} >= {float(bound)!r}" for name, bound in where.at_least.items()]
    return " and ".join(parts)


def _field(name: str) -> str:
    return f"columns[{_quoted(name)}]"


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _listed(values: Sequence[str]) -> str:
    return json.dumps(list(values), ensure_ascii=False)


@contextmanager
def _translated(place: str) -> Iterator[None]:
    """What Milvus says, as this project's errors."""
    from pymilvus.exceptions import MilvusException

    try:
        yield
    except (MilvusException, OSError) as error:
        said = str(getattr(error, "message", "") or error)
        low = said.casefold()
        if "no space left" in low or "disk is full" in low:
            raise StoreFull(
                f"no space left on the disk that holds {place}",
                hint="free some space and run the same command again: it goes on where it stopped",
            ) from error
        if "auth" in low or "permission" in low or "unauthenticated" in low:
            raise StoreError(
                f"Milvus at {place} refuses the token: {said}", hint="set OUTFIT_INDEX_TOKEN to USER:PASSWORD or its token"
            ) from error
        if "connect" in low or "unavailable" in low or "deadline" in low or "timeout" in low:
            raise StoreError(
                f"Milvus at {place} does not answer: {said}", hint="start it, or correct OUTFIT_INDEX_URL"
            ) from error
        raise StoreError(f"the Milvus collection in {place} cannot be used: {said}", hint=_REBUILD) from error
