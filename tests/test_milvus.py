"""Milvus by a file of Milvus Lite and by address. Skipped by name where the extra [scale] is not installed."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from retrieval.errors import SpaceMismatch, StoreError
from retrieval.indexes.engines import Engine
from retrieval.indexes.milvus import MilvusIndex, expression, open_milvus
from retrieval.indexes.move import move
from retrieval.ports import Where
from tests.contracts.vector_index import QUERY, SPACE, VectorIndexContract

pytest.importorskip("pymilvus", reason="pymilvus is not installed: pip install -e '.[scale]'")
pytest.importorskip("milvus_lite", reason="milvus-lite is not installed: pip install -e '.[scale]'")


def opened(folder: Path, space=SPACE) -> MilvusIndex:
    place = str(folder / "rows.db")
    return MilvusIndex(open_milvus(place), place, "test_rows", space)


class TestMilvus(VectorIndexContract):
    def make(self, tmp_path, space=SPACE):
        return opened(tmp_path, space)


@pytest.fixture(scope="session")
def server(tmp_path_factory) -> Iterator[str]:
    """Milvus Lite speaking a cluster's protocol on the loopback."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    folder = tmp_path_factory.mktemp("milvus")
    with (folder / "log").open("wb") as log:
        command = [Path(sys.executable).with_name("milvus-lite"), "server", "--data-dir", folder / "data"]
        command += ["--host", "127.0.0.1", "--port", str(port)]
        running = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            for _ in range(300):
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=1).close()
                    break
                except OSError:
                    time.sleep(0.1)
            yield f"http://127.0.0.1:{port}"
        finally:
            running.kill()
            running.wait()


class TestMilvusByAddress(VectorIndexContract):
    @pytest.fixture(autouse=True)
    def _server(self, server):
        self.url = server
        self.made = 0

    def make(self, tmp_path, space=SPACE):
        self.made += 1
        name = f"rows_{zlib.crc32(str(tmp_path).encode())}_{self.made}"
        return MilvusIndex(open_milvus(self.url), self.url, name, space)


def test_rows_are_kept_over_a_reopening_and_another_space_is_refused(tmp_path):
    index = opened(tmp_path)
    index.upsert(["a", "b"], np.eye(4, dtype=np.float32)[:2], [{"slot": "top", "price": 3.0}, {}])
    index.prepare()
    index.close()
    again = opened(tmp_path)
    assert again.search(QUERY, 1, Where(any_of={"slot": frozenset({"top"})})) == [("a", pytest.approx(1.0))]
    assert again.problem() == "" and sorted(again.ids()) == ["a", "b"]
    with pytest.raises(SpaceMismatch, match="r1.*r2") as refused:
        opened(tmp_path, replace(SPACE, revision="r2"))
    assert "outfit rebuild" in refused.value.hint


@pytest.mark.parametrize("there", ["chroma", "sqlite"])
def test_vectors_move_there_and_back(tmp_path, there):
    engines = Engine(there, tmp_path), Engine("milvus", tmp_path)
    source, target = (engine.open("titles", SPACE) for engine in engines)
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(60, 4)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    ids = [f"{i}/front" for i in range(60)]
    source.upsert(ids, rows, [{"slot": "top", "price": float(i)} if i % 2 else {"colour": "Navy \"blue\""} for i in range(60)])
    assert move(source, target).copied == 60
    where = Where(any_of={"colour": frozenset({"Navy \"blue\""})})
    assert [i for i, _ in target.search(QUERY, 50, where)] == [i for i, _ in source.search(QUERY, 50, where)]
    source.delete(ids[:10])
    assert move(target, source).copied == 10
    assert move(source, target).copied == 0
    for engine in engines:
        engine.drop(("titles",))
        assert len(engine.open("titles", SPACE)) == 0


def test_a_cluster_that_does_not_answer_is_named():
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(StoreError, match=url) as refused:
        open_milvus(url, timeout_s=2)
    assert "OUTFIT_INDEX_URL" in refused.value.hint


def test_conditions_in_milvus_words():
    where = Where(any_of={"slot": frozenset({"b", "a"})}, none_of={"gender": frozenset({"Men"})}, at_most={"price": 5})
    assert expression(where) == (
        '(columns["slot"] == "a" or columns["slot"] == "b") and '
        '(not exists columns["gender"] or (columns["gender"] != "Men")) and columns["price"] <= 5.0'
    )
    assert expression(None) == expression(Where()) == ""
