from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from retrieval.errors import InvalidSetting, SpaceMismatch, StoreError, StoreFull
from retrieval.indexes.chroma import ChromaKeeper, open_folder, open_server
from retrieval.indexes.engines import Engine
from retrieval.indexes.exact import ExactIndex
from retrieval.indexes.ids import Ids
from retrieval.indexes.kept import KeptIndex
from retrieval.indexes.mirror import kept_mirror
from retrieval.indexes.move import move
from retrieval.indexes.sqlite import SqliteKeeper
from retrieval.ports import Where
from retrieval.vectors import l2_normalize
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


def chroma(folder, space=SPACE, **options) -> KeptIndex:
    return KeptIndex(ChromaKeeper(lambda: open_folder(folder), str(folder), "test-rows", space), folder, "test-rows", **options)


def sqlite(folder, space=SPACE, **options) -> KeptIndex:
    return KeptIndex(SqliteKeeper(folder, "test-rows", space), folder, "test-rows", **options)


class TestChroma(VectorIndexContract):
    def make(self, tmp_path, space=SPACE):
        return chroma(tmp_path / "chroma", space)


class TestSqlite(VectorIndexContract):
    def make(self, tmp_path, space=SPACE):
        return sqlite(tmp_path / "sqlite", space)


class TestChromaPacked(VectorIndexContract):
    """The arrangement for large collections, over Chroma."""

    def make(self, tmp_path, space=SPACE):
        return chroma(tmp_path / "chroma", space, exact_rows=2)


class TestSqlitePacked(VectorIndexContract):
    def make(self, tmp_path, space=SPACE):
        return sqlite(tmp_path / "sqlite", space, exact_rows=2)


def test_chroma_keeps_rows_over_a_reopening(tmp_path):
    chroma(tmp_path).upsert(["a"], QUERY[None, :], [{"slot": "top"}])
    reopened = chroma(tmp_path)
    assert reopened.search(QUERY, 1, Where(any_of={"slot": frozenset({"top"})})) == [("a", pytest.approx(1.0))]


@pytest.mark.parametrize("change", [{"revision": "r2"}, {"model": "other"}, {"modality": "image"}])
def test_chroma_refuses_vectors_of_another_space_of_the_same_dimension(tmp_path, change):
    chroma(tmp_path)
    with pytest.raises(SpaceMismatch, match="test-rows") as refused:
        chroma(tmp_path, replace(SPACE, **change))
    assert "outfit rebuild" in refused.value.hint


def test_chroma_refuses_a_collection_that_measures_l2(tmp_path):
    import chromadb
    from chromadb.config import Settings

    client = chromadb.PersistentClient(path=str(tmp_path), settings=Settings(anonymized_telemetry=False))
    meta = {"model": "test", "revision": "r1", "modality": "text", "dim": 4}
    client.create_collection("test-rows", metadata=meta, embedding_function=None)
    with pytest.raises(SpaceMismatch, match="cosine"):
        chroma(tmp_path)


def test_more_rows_than_chroma_takes_in_one_call(tmp_path):
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(5_500, 4)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    index = chroma(tmp_path)
    index.upsert([str(i) for i in range(5_500)], vectors, [{"n": "x"}] * 5_500)
    assert len(index) == 5_500
    assert len(index.fetch([str(i) for i in range(5_500)])) == 5_500


# --- kept rows: the next start, other processes, kills, damage ----------------------------------------------------------

KEEPERS = pytest.mark.parametrize("make", [chroma, sqlite])
ARRANGED = pytest.mark.parametrize("exact_rows", [100, 0], ids=["exact", "packed"])
BAGS_AND_TOPS = Where(any_of={"slot": frozenset({"top", "bag"})})


def filled(make, folder, **options) -> KeptIndex:
    index = make(folder, **options)
    index.upsert(["a", "b"], np.eye(4, dtype=np.float32)[:2], [{"slot": "top", "price": 3.0}, {"slot": "bag"}])
    index.prepare()
    return index


def in_another_process(make, folder, code: str) -> str:
    """Open the index in a new process and run `code` on it; what it printed."""
    script = f"""
import numpy as np
from pathlib import Path
from retrieval.ports import Where
from tests.contracts.vector_index import QUERY, SPACE
from tests.test_indexes import BAGS_AND_TOPS, {make.__name__}
index = {make.__name__}(Path({str(folder)!r}))
{code}
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@KEEPERS
@ARRANGED
def test_a_later_start_reads_files_and_finds_the_same(tmp_path, make, exact_rows):
    filled(make, tmp_path, exact_rows=exact_rows)
    kept = kept_mirror(SPACE, tmp_path, "test-rows")
    assert kept is not None and len(kept) == 2 and (kept.packed is None) == bool(exact_rows)
    again = make(tmp_path, exact_rows=exact_rows)
    assert [id_ for id_, _ in again.search(QUERY, 5, BAGS_AND_TOPS)] == ["a", "b"]
    assert again.search(QUERY, 5, Where(at_most={"price": 3})) == [("a", 1.0)]


@KEEPERS
@ARRANGED
def test_what_another_process_writes_and_deletes_is_seen(tmp_path, make, exact_rows):
    index = filled(make, tmp_path, exact_rows=exact_rows)
    index.keeper.poll_s = 0
    assert [id_ for id_, _ in index.search(QUERY, 5)] == ["a", "b"]
    code = """
index.upsert(["b", "c"], np.eye(4, dtype=np.float32)[[0, 3]], [{"slot": "hat"}, {"slot": "bag"}])
index.delete(["a"])
"""
    in_another_process(make, tmp_path, code)
    assert index.search(QUERY, 5) == [("b", 1.0), ("c", 0.0)]
    assert [id_ for id_, _ in index.search(QUERY, 5, BAGS_AND_TOPS)] == ["c"]
    reopened = make(tmp_path, exact_rows=exact_rows)  # from the files of before, and what came after
    assert reopened.search(QUERY, 5) == [("b", 1.0), ("c", 0.0)]


@pytest.mark.parametrize(("exact_rows", "file"), [(100, "test-rows.npz"), (0, "*.packed/codes.i8"), (0, "*.packed/arrays.npz")])
def test_a_damaged_file_is_told_of_and_made_anew(tmp_path, caplog, exact_rows, file):
    filled(sqlite, tmp_path, exact_rows=exact_rows)
    (path,) = tmp_path.glob(file)
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 0xFF
    path.write_bytes(damaged)
    again = sqlite(tmp_path, exact_rows=exact_rows)
    assert [id_ for id_, _ in again.search(QUERY, 5)] == ["a", "b"]
    assert "made anew" in caplog.text
    assert kept_mirror(SPACE, tmp_path, "test-rows") is not None


def test_a_store_that_was_dropped_does_not_come_back_from_the_files(tmp_path):
    filled(sqlite, tmp_path, exact_rows=0).close()
    for file in tmp_path.glob("test-rows.sqlite*"):
        file.unlink()
    again = sqlite(tmp_path, exact_rows=0)
    assert again.search(QUERY, 5) == []


def test_an_index_that_is_open_notices_that_its_store_was_made_anew(tmp_path):
    index = filled(sqlite, tmp_path)
    assert len(index.search(QUERY, 5)) == 2
    code = """
from retrieval.indexes.sqlite import drop
drop(Path({folder!r}))
index = sqlite(Path({folder!r}))
index.upsert(["c"], np.eye(4, dtype=np.float32)[:1], [{{}}])
"""
    in_another_process(sqlite, tmp_path, code.format(folder=str(tmp_path)))
    assert index.search(QUERY, 5) == [("c", 1.0)]


def test_while_its_store_fails_an_index_answers_from_memory_and_says_so(tmp_path, caplog):
    index = filled(sqlite, tmp_path)
    before = index.search(QUERY, 5)
    index.keeper._db.execute("ALTER TABLE head RENAME TO lost")
    assert index.search(QUERY, 5) == index.search(QUERY, 5) == before
    assert caplog.text.count("searched as it was last read") == 1
    with pytest.raises(StoreError, match="test-rows.sqlite"):
        index.upsert(["c"], QUERY[None, :], [{}])
    index.keeper._db.execute("ALTER TABLE lost RENAME TO head")
    index.upsert(["c"], QUERY[None, :], [{}])
    assert [id_ for id_, _ in index.search(QUERY, 5)] == ["a", "c", "b"]


WRITER = """
import itertools, sys
import numpy as np
from pathlib import Path
from tests.test_indexes import {make}
index = {make}(Path(sys.argv[1]), exact_rows=300)
rng = np.random.default_rng(0)
for batch in itertools.count():
    rows = rng.normal(size=(50, 4)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    index.upsert([f"{{batch}}-{{i}}" for i in range(50)], rows, [{{"slot": "top"}}] * 50)
    print(batch, flush=True)
    if batch % 4 == 3:
        index.delete([f"{{batch - 2}}-{{i}}" for i in range(50)])
        print(-(batch - 2), flush=True)
        index.prepare()
"""


@KEEPERS
def test_killed_while_it_writes_no_acknowledged_row_is_lost(tmp_path, make):
    """The process is killed at three moments, each run going on in the same folder; each time all that it had said is there."""
    for wanted in (2, 5, 7):
        command = [sys.executable, "-c", WRITER.format(make=make.__name__), str(tmp_path)]
        running = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        said: list[int] = []
        for line in running.stdout:
            said.append(int(line))
            if len(said) > wanted % 9:
                running.kill()
                break
        said += [int(line) for line in running.stdout.read().split()]
        running.wait()
        there = {batch for batch in said if batch >= 0} - {-batch for batch in said if batch < 0}
        index = make(tmp_path, exact_rows=300)
        ids = set(index.ids())
        lost = [batch for batch in there if f"{batch}-0" not in ids and f"{batch}-49" not in ids]
        # A delete that was under way when it was killed may be done already: that batch was on its way out.
        assert [batch for batch in lost if batch + 2 < max(there)] == []
        found = index.search(QUERY, len(ids))
        assert {id_ for id_, _ in found} == ids and len(found) == len(index)
        index.delete(sorted(ids))
        index.close()


# --- the packed arrangement ---------------------------------------------------------------------------------------------


def clustered(rng, n: int, dim: int = 16) -> np.ndarray:
    centres = np.random.default_rng(11).normal(size=(60, dim))
    return l2_normalize(centres[rng.integers(0, 60, n)] + 0.35 * rng.normal(size=(n, dim)))


def test_packed_rows_find_what_the_exact_scan_finds_through_writes_and_deletes(tmp_path):
    space = replace(SPACE, dim=16)
    rng = np.random.default_rng(3)
    index, exact = sqlite(tmp_path, space, exact_rows=2_000), ExactIndex(space)

    def write(ids: list[str]) -> None:
        rows = clustered(rng, len(ids))
        columns = [{"slot": str(int(i)), "price": float(p)} for i, p in zip(rng.integers(0, 40, len(ids)), rng.random(len(ids)), strict=True)]
        index.upsert(ids, rows, columns)
        exact.upsert(ids, rows, columns)

    write([f"p{i}" for i in range(24_000)])
    index.prepare()
    for step in range(3):
        ids = exact.ids()
        gone = [ids[i] for i in rng.choice(len(ids), size=500, replace=False)]
        index.delete(gone)
        exact.delete(gone)
        write([f"n{step}-{i}" for i in range(300)] + [id_ for id_ in exact.ids()[:300]])
        assert len(index) == len(exact)
        packed = index.mirror().packed
        assert packed is not None and packed.budget < packed.capacity
        for where in (None, Where(at_most={"price": 0.5}), Where(at_most={"price": 0.02}), Where(any_of={"slot": frozenset("7")})):
            hits = []
            for query in clustered(rng, 25):
                truth, found = exact.search(query, 20, where), index.search(query, 20, where, frozenset({"nobody"}))
                hits.append(len({i for i, _ in truth} & {i for i, _ in found}) / len(truth))
                scores = dict(truth)
                assert all(abs(scores[i] - score) < 1e-5 for i, score in found if i in scores)
                assert where is None or len(found) == len(truth)
            assert np.mean(hits) >= 0.99, where


def test_packed_rows_take_any_k_and_any_exclusion(tmp_path):
    index = sqlite(tmp_path, exact_rows=0)
    rows = clustered(np.random.default_rng(0), 500, 4)
    index.upsert([f"{i:03d}" for i in range(500)], rows, [{}] * 500)
    index.prepare()
    everyone = index.search(QUERY, 1_000)
    assert len(everyone) == 500 and everyone == sorted(everyone, key=lambda hit: (-hit[1], hit[0]))
    first = frozenset(id_ for id_, _ in everyone[:300])
    assert index.search(QUERY, 10, exclude=first) == everyone[300:310]


def test_a_grown_tail_is_packed_aside_while_searches_go_on(tmp_path):
    index = sqlite(tmp_path, exact_rows=10)
    rows = clustered(np.random.default_rng(0), 200, 4)
    index.upsert([f"a{i}" for i in range(20)], rows[:20], [{}] * 20)
    index.prepare()
    index.upsert([f"b{i}" for i in range(180)], rows[20:], [{}] * 180)
    before = index.search(QUERY, 200)
    index.close_packing()
    assert index.mirror().packed.capacity == 200
    assert index.search(QUERY, 200) == before


def test_ids_with_equal_checksums_are_told_apart():
    assert zlib.crc32(b"plumless") == zlib.crc32(b"buckeroo")  # a known collision
    ids = Ids.of(["plumless", "x", "buckeroo", "\u8863"])
    assert ids.rows(["buckeroo", "nobody", "plumless", "\u8863"]).tolist() == [2, 0, 3]
    assert [ids[row] for row in range(4)] == ["plumless", "x", "buckeroo", "\u8863"]


# --- stores that fail ---------------------------------------------------------------------------------------------------


def test_sqlite_refuses_vectors_of_another_space(tmp_path):
    filled(sqlite, tmp_path).close()
    with pytest.raises(SpaceMismatch, match="revision='r1'.*revision='r2'") as refused:
        sqlite(tmp_path, replace(SPACE, revision="r2"))
    assert "outfit rebuild" in refused.value.hint


@pytest.mark.parametrize("damage", ["overwritten", "cut", "foreign"])
def test_a_damaged_sqlite_file_is_named_with_the_next_command(tmp_path, damage):
    index = sqlite(tmp_path)
    rows = clustered(np.random.default_rng(0), 2_000, 4)
    index.upsert([str(i) for i in range(2_000)], rows, [{"slot": "top"}] * 2_000)
    index.close()
    file = tmp_path / "test-rows.sqlite"
    data = file.read_bytes()
    file.write_bytes({
        "overwritten": data[:20_000] + b"\x5a" * (len(data) - 40_000) + data[-20_000:],
        "cut": data[: len(data) // 3],
        "foreign": b"no database at all " * 2_000,
    }[damage])  # fmt: skip
    with pytest.raises(StoreError, match="test-rows.sqlite") as refused:
        damaged = sqlite(tmp_path)
        if problem := damaged.problem():
            raise StoreError(problem, hint="outfit rebuild")
        damaged.search(QUERY, 3)
    assert "outfit rebuild" in refused.value.hint


def test_a_full_disk_is_said_and_what_was_there_stays(tmp_path):
    index = filled(sqlite, tmp_path)
    pages = index.keeper._db.execute("PRAGMA page_count").fetchone()[0]
    index.keeper._db.execute(f"PRAGMA max_page_count = {pages}")
    rows = clustered(np.random.default_rng(0), 3_000, 4)
    with pytest.raises(StoreFull, match="no space left"):
        index.upsert([str(i) for i in range(3_000)], rows, [{}] * 3_000)
    assert len(index) == 2 and [id_ for id_, _ in index.search(QUERY, 5)] == ["a", "b"]


# --- moving -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("make_source", "make_target"), [(chroma, sqlite), (sqlite, chroma)])
def test_a_move_copies_everything_goes_on_where_it_stopped_and_mends_differences(tmp_path, make_source, make_target):
    source, target = make_source(tmp_path / "source"), make_target(tmp_path / "target")
    rows = clustered(np.random.default_rng(0), 300, 4)
    columns = [{"slot": "top", "price": float(i)} if i % 3 else {"slot": "bag"} for i in range(300)]
    ids = [f"{i}/front" for i in range(300)]
    source.upsert(ids, rows, columns)
    target.upsert(["left over", *ids[:100]], rows[:101], [{}, *columns[:100]])  # the first 100 with their neighbours' vectors
    target.upsert(ids[50:60], rows[50:60], columns[50:60])
    moved = move(source, target)
    assert (moved.rows, moved.copied, moved.removed) == (300, 290, 1)
    assert len(target) == 300
    where = Where(at_least={"price": 100}, any_of={"slot": frozenset({"top"})})
    there, here = target.search(QUERY, 50, where), source.search(QUERY, 50, where)
    assert [id_ for id_, _ in there] == [id_ for id_, _ in here]
    assert [score for _, score in there] == pytest.approx([score for _, score in here], abs=1e-6)
    assert move(source, target).copied == 0


def test_a_move_into_another_space_or_into_a_store_that_loses_columns_is_refused(tmp_path):
    source = filled(sqlite, tmp_path / "source")
    with pytest.raises(SpaceMismatch, match="cannot go into"):
        move(source, sqlite(tmp_path / "other", replace(SPACE, revision="r2")))

    class Forgetful(SqliteKeeper):
        def write(self, ids, vectors, columns):
            return super().write(ids, vectors, [{}] * len(ids))

    target = KeptIndex(Forgetful(tmp_path / "target", "test-rows", SPACE), tmp_path / "target", "test-rows")
    with pytest.raises(StoreError, match="2 of 2 rows differ") as refused:
        move(source, target)
    assert "again" in refused.value.hint


# --- a Chroma server ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def chroma_server(tmp_path_factory) -> Iterator[str]:
    command = Path(sys.executable).with_name("chroma")
    if not command.is_file():
        pytest.skip(f"no Chroma server: {command} is missing")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    folder = tmp_path_factory.mktemp("chroma-server")
    log = (folder / "log").open("wb")
    running = subprocess.Popen(
        [command, "run", "--path", folder, "--host", "127.0.0.1", "--port", str(port)], stdout=log, stderr=log
    )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            try:
                open_server(url)
                break
            except StoreError:
                time.sleep(0.1)
        yield url
    finally:
        running.kill()
        running.wait()
        log.close()


class TestChromaServer(VectorIndexContract):
    @pytest.fixture(autouse=True)
    def _server(self, chroma_server):
        self.url = chroma_server
        self.made = 0

    def make(self, tmp_path, space=SPACE):
        self.made += 1
        name = f"rows-{zlib.crc32(str(tmp_path).encode())}-{self.made}"
        return KeptIndex(ChromaKeeper(lambda: open_server(self.url), self.url, name, space), tmp_path, name)


def test_two_who_open_the_same_server_see_each_others_rows(chroma_server, tmp_path):
    one, other = (
        KeptIndex(ChromaKeeper(lambda: open_server(chroma_server), chroma_server, "shared", SPACE), tmp_path / name, "shared")
        for name in ("one", "other")
    )
    other.keeper.poll_s = 0
    assert other.search(QUERY, 5) == []
    one.upsert(["a"], QUERY[None, :], [{"slot": "top"}])
    assert other.search(QUERY, 5) == [("a", 1.0)]
    one.delete(["a"])
    assert other.search(QUERY, 5) == []


def test_a_server_that_does_not_answer_is_named():
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(StoreError, match=url) as refused:
        ChromaKeeper(lambda: open_server(url), url, "rows", SPACE)
    assert "OUTFIT_INDEX_URL" in refused.value.hint


def test_a_server_that_refuses_the_token_is_named():
    class Refusing(BaseHTTPRequestHandler):
        def do_GET(self):
            body = b'{"error":"AuthError","message":"Unauthorized"}'
            self.send_response(401)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        with pytest.raises(StoreError, match="refuses the token") as refused:
            open_server(url, "wrong")
        server.shutdown()
    assert "OUTFIT_INDEX_TOKEN" in refused.value.hint


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"name": "faiss"}, "'faiss': there are chroma, sqlite, exact, milvus"),
        ({"name": "sqlite", "url": "http://127.0.0.1:1"}, "knows no server"),
        ({"name": "chroma", "url": "127.0.0.1:8000"}, "expected http"),
    ],
)
def test_an_engine_that_cannot_be_is_refused(tmp_path, options, named):
    with pytest.raises(InvalidSetting, match=named):
        Engine(folder=tmp_path, **options)


@pytest.mark.parametrize("name", ["chroma", "sqlite", "exact"])
def test_engines_open_collections_side_by_side_and_drop_them(tmp_path, name):
    engine = Engine(name, tmp_path)
    for collection in ("titles", "pictures"):
        engine.open(collection, SPACE).upsert([collection], QUERY[None, :], [{}])
    assert [id_ for id_, _ in engine.open("titles", SPACE).search(QUERY, 5)] == ["titles"]
    engine.drop(("titles", "pictures"))
    assert len(engine.open("titles", SPACE)) == 0
