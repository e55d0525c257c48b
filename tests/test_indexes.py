from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from retrieval.errors import SpaceMismatch
from retrieval.indexes.chroma import ChromaIndex
from retrieval.indexes.exact import ExactIndex
from retrieval.ports import Where
from tests.contracts.vector_index import QUERY, SPACE, VectorIndexContract


class TestExact(VectorIndexContract):
    def make(self, tmp_path, space=SPACE):
        return ExactIndex(space)


def test_exact_orders_ties_by_id_also_where_k_cuts_them():
    index = ExactIndex(SPACE)
    index.upsert(["m", "z", "a", "k"], np.tile(QUERY, (4, 1)), [{"slot": "top"}] * 4)
    assert [id_ for id_, _ in index.search(QUERY, 2)] == ["a", "k"]
    assert [id_ for id_, _ in index.search(QUERY, 2, Where(any_of={"slot": frozenset({"top"})}))] == ["a", "k"]


class TestChroma(VectorIndexContract):
    def make(self, tmp_path, space=SPACE):
        return ChromaIndex(tmp_path / "chroma", "test-rows", space)


class TestChromaAboveTheMirror(VectorIndexContract):
    """Chroma's own graph and `where`."""

    def make(self, tmp_path, space=SPACE):
        return ChromaIndex(tmp_path / "chroma", "test-rows", space, mirror_rows=0)


def test_chroma_keeps_rows_over_a_reopening(tmp_path):
    ChromaIndex(tmp_path, "rows", SPACE).upsert(["a"], QUERY[None, :], [{"slot": "top"}])
    reopened = ChromaIndex(tmp_path, "rows", SPACE)
    assert reopened.search(QUERY, 1, Where(any_of={"slot": frozenset({"top"})})) == [("a", pytest.approx(1.0))]


@pytest.mark.parametrize("change", [{"revision": "r2"}, {"model": "other"}, {"modality": "image"}])
def test_chroma_refuses_vectors_of_another_space_of_the_same_dimension(tmp_path, change):
    ChromaIndex(tmp_path, "rows", SPACE)
    with pytest.raises(SpaceMismatch, match="rows") as refused:
        ChromaIndex(tmp_path, "rows", replace(SPACE, **change))
    assert "outfit rebuild" in refused.value.hint


def test_chroma_refuses_a_collection_that_measures_l2(tmp_path):
    import chromadb
    from chromadb.config import Settings

    client = chromadb.PersistentClient(path=str(tmp_path), settings=Settings(anonymized_telemetry=False))
    meta = {"model": "test", "revision": "r1", "modality": "text", "dim": 4}
    client.create_collection("rows", metadata=meta, embedding_function=None)
    with pytest.raises(SpaceMismatch, match="cosine"):
        ChromaIndex(tmp_path, "rows", SPACE)


def test_more_rows_than_chroma_takes_in_one_call(tmp_path):
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(5_500, 4)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    index = ChromaIndex(tmp_path, "rows", SPACE)
    index.upsert([str(i) for i in range(5_500)], vectors, [{"n": "x"}] * 5_500)
    assert len(index) == 5_500
    assert len(index.fetch([str(i) for i in range(5_500)])) == 5_500
