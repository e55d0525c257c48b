from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from retrieval.errors import SpaceMismatch
from retrieval.indexes.chroma import ChromaIndex
from retrieval.indexes.exact import ExactIndex
from retrieval.ports import Where
from tests.contracts.vector_index import QUERY, SPACE, VectorIndexContract

ROOT = Path(__file__).resolve().parents[1]


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


def filled(folder):
    index = ChromaIndex(folder, "rows", SPACE)
    index.upsert(["a", "b"], np.eye(4, dtype=np.float32)[:2], [{"slot": "top", "price": 3.0}, {"slot": "bag"}])
    index.mirror()
    return index


def in_another_process(folder, code: str = "") -> str:
    """Open the store in a new process, run `code` on `index`, and print what two filtered searches find."""
    script = f"""
import numpy as np
from pathlib import Path
from retrieval.indexes.chroma import ChromaIndex
from retrieval.ports import Where
from tests.contracts.vector_index import QUERY, SPACE
index = ChromaIndex(Path({str(folder)!r}), "rows", SPACE)
{code}
print("from file" if index._kept_mirror() else "from chroma")
print(index.search(QUERY, 5, Where(any_of={{"slot": frozenset({{"top", "bag"}})}})), index.search(QUERY, 5, Where(at_most={{"price": 3}})))
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout


def test_a_later_start_reads_the_vectors_from_one_file_and_finds_the_same(tmp_path):
    filled(tmp_path)
    said = in_another_process(tmp_path)
    assert said.startswith("from file")
    assert "[('a', 1.0), ('b', 0.0)] [('a', 1.0)]" in said


def test_the_file_is_not_believed_once_anyone_has_written(tmp_path):
    filled(tmp_path)
    write = 'index.upsert(["a"], np.eye(4, dtype=np.float32)[2:3], [{"slot": "bag"}])'
    assert in_another_process(tmp_path, write).startswith("from chroma")
    assert "[('a', 0.0), ('b', 0.0)] []" in in_another_process(tmp_path)


def test_a_damaged_file_is_made_anew(tmp_path):
    filled(tmp_path)
    file = tmp_path / "rows.npz"
    damaged = bytearray(file.read_bytes())
    damaged[len(damaged) // 2] ^= 0xFF
    file.write_bytes(damaged[:-20])
    said = in_another_process(tmp_path)
    assert said.startswith("from chroma") and "[('a', 1.0), ('b', 0.0)] [('a', 1.0)]" in said


def test_an_index_grows_after_it_was_read_from_the_file(tmp_path):
    filled(tmp_path)
    code = 'index.mirror(); index.upsert(["c"], np.eye(4, dtype=np.float32)[:1], [{"slot": "top", "colour": "Red"}])'
    assert "[('a', 1.0), ('c', 1.0), ('b', 0.0)]" in in_another_process(tmp_path, code)
