"""Vectors by the hundred thousand: search with and without conditions, ingest on each engine, memory beyond by arithmetic.

Rows are synthetic, grown from the picture vectors of the catalogue in use (`retrieval/evaluation/synthetic.py`).
"""

from __future__ import annotations

import importlib.util
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from assistant import compose
from assistant.settings import Settings
from retrieval.errors import InvalidInput
from retrieval.evaluation import scale
from retrieval.evaluation.results import Result, revision
from retrieval.evaluation.synthetic import grow
from retrieval.indexes.engines import Engine
from retrieval.ports import Rows, Space
from retrieval.vectors import l2_normalize

ROWS = 200_000
_LEAST_REAL = 1_000
_QUERIES = 200
_CHROMA_ROWS = 200_000  # Chroma takes minutes for these, and half an hour and more for a million
_MILVUS_LITE_ROWS = 5_000  # of pure Python: for trying the code, not for size
_BEYOND = (1_000_000, 10_000_000, 100_000_000)


def bench_scale(_data: Path, seed: int, rows: int = ROWS, dim: int | None = None) -> Result:
    """Search on the engine `sqlite` at `rows` rows, and the same conditions by Chroma's `where` at no more than 200,000."""
    space, real = _real(dim)
    queries = np.concatenate([part.vectors for part in grow(real, _QUERIES, seed + 1)])
    figures: dict[str, float] = {"rows": rows, "dim": space.dim, "real_rows": len(real.ids)}
    with tempfile.TemporaryDirectory(dir=_place()) as folder:
        engine = Engine("sqlite", Path(folder))
        figures |= scale.fill(engine, space, real, rows, seed)
        questions = scale.ask(real, rows, seed, queries)
        figures |= scale.measure(engine, space, questions, queries)
    with tempfile.TemporaryDirectory(dir=_place()) as folder:
        theirs = scale.chroma_where(Path(folder), space, real, min(rows, _CHROMA_ROWS), seed, queries)
    for name in questions:
        theirs[f"times_faster_than_chroma_{name}"] = theirs[f"chroma_{name}_p50_ms"] / figures[f"{name}_p50_ms"]
    figures |= theirs
    figures |= {f"memory_mb_by_arithmetic_{n}": scale.packed_memory_mb(n, space.dim) for n in _BEYOND}
    return Result(f"scale-{rows}-{space.dim}", f"outfit bench scale {_asked(rows, dim)}", revision(), seed, _QUERIES, figures)


def bench_ingest(_data: Path, seed: int, rows: int = ROWS, dim: int | None = None) -> Result:
    """Vectors given: seconds until they are kept and until they are ready to search, on each engine that is at hand."""
    space, real = _real(dim)
    figures: dict[str, float] = {"rows": rows, "dim": space.dim}
    sizes = {"sqlite": rows, "exact": rows, "chroma": min(rows, _CHROMA_ROWS)}
    if importlib.util.find_spec("milvus_lite"):
        sizes["milvus"] = min(rows, _MILVUS_LITE_ROWS)
    for name, count in sizes.items():
        with tempfile.TemporaryDirectory(dir=_place()) as folder:
            done = scale.fill(Engine(name, Path(folder)), space, real, count, seed)
        figures |= {f"{name}_rows": count} | {f"{name}_{figure}": value for figure, value in done.items()}
    return Result(f"ingest-{rows}-{space.dim}", f"outfit bench ingest {_asked(rows, dim)}", revision(), seed, rows, figures)


def _asked(rows: int, dim: int | None) -> str:
    return f"--rows {rows}" + ("" if dim is None else f" --dim {dim}")


def _real(dim: int | None) -> tuple[Space, Rows]:
    """The picture vectors of the catalogue in use; of their first `dim` principal components, where that is fewer."""
    settings = Settings.load()
    shelf = compose.open_shelf(settings) if compose.has_own_catalogue(settings) else None
    count = 0 if shelf is None else len(shelf.pictures)
    if count < _LEAST_REAL:
        raise InvalidInput(
            f"the catalogue has {count:,} pictures: expected at least {_LEAST_REAL:,}, to grow rows of their structure",
            hint="outfit ingest FEED --images FOLDER",
        )
    space, rows = shelf.pictures.space, shelf.pictures.rows_kept(sorted(shelf.pictures.ids()))
    shelf.catalogue.close()
    if dim is None or dim >= space.dim:
        return space, rows
    _, axes = np.linalg.eigh(np.cov(rows.vectors, rowvar=False))  # ascending
    reduced = l2_normalize((rows.vectors @ axes[:, -dim:]).astype(np.float32))
    return replace(space, model=f"{space.model}-{dim}", dim=dim), Rows(rows.ids, reduced, rows.columns)


def _place() -> Path:
    """On the disk of the home folder: a million rows take some 5 GB while they are written."""
    place = Settings.load().home / "bench"
    place.mkdir(parents=True, exist_ok=True)
    return place
