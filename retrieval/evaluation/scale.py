"""An index at a size of one's choice: milliseconds with and without conditions, recall against the exact scan, memory."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from retrieval.errors import StoreError
from retrieval.evaluation.synthetic import commonest_kind, grow
from retrieval.indexes.columns import Columns
from retrieval.indexes.engines import Engine
from retrieval.ports import Rows, Space, Where

K = 20
_BLOCK = 20_000


@dataclass(frozen=True, slots=True)
class Question:
    """A condition by name, with the exact answers: for each query the best ids."""

    where: Where | None
    passing: int
    best: list[list[str]]


def conditions(columns: Sequence[Mapping[str, str | float]]) -> dict[str, Where | None]:
    gender, category = commonest_kind(columns)
    kind = {"gender": frozenset({gender}), "category": frozenset({category})}
    return {
        "unfiltered": None,
        "gender_and_category": Where(any_of=kind),
        "gender_not_category": Where(any_of={"gender": kind["gender"]}, none_of={"category": kind["category"]}),
        "1_percent": Where(at_most={"price": 0.01}),
        "10_percent": Where(at_most={"price": 0.10}),
        "50_percent": Where(at_most={"price": 0.50}),
    }


def fill(engine: Engine, space: Space, real: Rows, count: int, seed: int) -> dict[str, float]:
    """Write `count` synthetic rows into an empty collection, in a process of its own.

    Seconds until they are kept and until they are ready to search, and the memory of that process.
    """
    return _apart(_fill, engine, space, real, count, seed)


def _fill(engine: Engine, space: Space, real: Rows, count: int, seed: int) -> dict[str, float]:
    began = time.perf_counter()
    spent = 0.0  # on making the rows
    index = engine.open("pictures", space)
    rows = grow(real, count, seed)
    while True:
        made = time.perf_counter()
        part = next(rows, None)
        spent += time.perf_counter() - made
        if part is None:
            break
        index.upsert(part.ids, part.vectors, part.columns)
    written = time.perf_counter() - began - spent
    index.prepare()
    ready = time.perf_counter() - began - spent
    if len(index) != count:
        raise AssertionError(f"{len(index):,} rows are kept of {count:,} that were written")
    index.close()
    return {"write_s": written, "ready_s": ready, "rows_a_second": count / ready, "write_peak_memory_mb": _memory_mb()}


def ask(real: Rows, count: int, seed: int, queries: np.ndarray) -> dict[str, Question]:
    """The exact answers among the rows that `fill` writes: one pass over them, a block in memory at a time."""
    names = conditions(real.columns)
    best = {name: [[] for _ in queries] for name in names}
    passing = dict.fromkeys(names, 0)
    for part in grow(real, count, seed):
        columns = Columns()
        columns.write(np.arange(len(part.ids)), part.columns)
        scores = queries @ part.vectors.T
        for name, where in names.items():
            rows = np.flatnonzero(columns.mask(where)) if where else np.arange(len(part.ids))
            passing[name] += len(rows)
            if not len(rows):
                continue
            some = scores[:, rows]
            top = np.argpartition(-some, min(K, some.shape[1]) - 1, axis=1)[:, :K]
            for i, positions in enumerate(top):
                found = [(-float(some[i, at]), part.ids[rows[at]]) for at in positions]
                best[name][i] = sorted(best[name][i] + found)[:K]
    return {
        name: Question(where, passing[name], [[id_ for _, id_ in rows] for rows in best[name]]) for name, where in names.items()
    }


def measure(engine: Engine, space: Space, questions: Mapping[str, Question], queries: np.ndarray) -> dict[str, float]:
    """Time, recall and memory of a process that does nothing but open the index and search it."""
    return _apart(_serve, engine, space, dict(questions), queries)


def _apart(work: Callable[..., dict[str, float]], *arguments: object) -> dict[str, float]:
    # An executor, since a pool would start a worker that dies anew for ever.
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as executor:
        return executor.submit(work, *arguments).result()


def _serve(engine: Engine, space: Space, questions: dict[str, Question], queries: np.ndarray) -> dict[str, float]:
    figures: dict[str, float] = {"imported_mb": _memory_mb()}
    began = time.perf_counter()
    index = engine.open("pictures", space)
    index.search(queries[0], K)
    figures["open_s"] = time.perf_counter() - began
    for name, question in questions.items():
        began = time.perf_counter()
        index.search(queries[0], K, question.where)
        figures[f"{name}_first_ms"] = (time.perf_counter() - began) * 1_000
        taken, recalls = [], []
        for query, best in zip(queries, question.best, strict=True):
            began = time.perf_counter()
            found = index.search(query, K, question.where)
            taken.append((time.perf_counter() - began) * 1_000)
            hits = len({id_ for id_, _ in found} & set(best))
            recalls.append(hits / len(best) if best else float(not found))
        p50, p95 = np.percentile(taken, [50, 95])
        figures |= {f"{name}_passing": question.passing, f"{name}_recall_at_20": float(np.mean(recalls))}
        figures |= {f"{name}_p50_ms": float(p50), f"{name}_p95_ms": float(p95)}
    for name in questions:
        figures[f"{name}_times_unfiltered"] = figures[f"{name}_p50_ms"] / figures["unfiltered_p50_ms"]
    figures["peak_memory_mb"] = _memory_mb()
    index.close()
    return figures


def _memory_mb() -> float:
    """The most memory that this process has had, mapped files that it touched included.

    From /proc, since the figure of `getrusage` begins with the parent's.
    """
    for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise StoreError("/proc/self/status names no VmHWM: memory is measured on Linux alone")


def packed_memory_mb(rows: int, dim: int, *, id_bytes: int = 16, text_columns: int = 6, number_columns: int = 2) -> float:
    """By arithmetic: a byte a number, ids with where they end and their checksums, columns, what passes no condition."""
    row = dim + id_bytes + 8 + 8 + 4 * text_columns + 8 * number_columns + 1 + 4
    lists = min(max(rows // 1_000, 1), 4_096)
    return (rows * row + 4 * lists * dim) / 2**20


def chroma_where(folder: Path, space: Space, real: Rows, count: int, seed: int, queries: np.ndarray) -> dict[str, float]:
    """The same conditions given to Chroma's own `where`, on a collection of its own; milliseconds, medians of some queries."""
    from retrieval.indexes.chroma import ChromaKeeper, open_folder, search_there

    keeper = ChromaKeeper(lambda: open_folder(folder), str(folder), "where", space)
    began = time.perf_counter()
    for part in grow(real, count, seed):
        keeper.write(part.ids, part.vectors, part.columns)
    figures = {"chroma_rows": count, "chroma_write_s": time.perf_counter() - began}
    for name, where in conditions(real.columns).items():
        search_there(keeper, queries[0], K, where)
        taken = []
        for query in queries[:10]:
            began = time.perf_counter()
            search_there(keeper, query, K, where)
            taken.append((time.perf_counter() - began) * 1_000)
        figures[f"chroma_{name}_p50_ms"] = float(np.median(taken))
    return figures
