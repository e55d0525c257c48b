"""Synthetic rows keep the structure of the real ones, and the exact answers of the bench are those of the exact index."""

from __future__ import annotations

import numpy as np
import pytest

from retrieval.evaluation import scale
from retrieval.evaluation.synthetic import commonest_kind, grow
from retrieval.indexes.engines import Engine
from retrieval.indexes.exact import ExactIndex
from retrieval.ports import Rows, Space
from retrieval.vectors import l2_normalize

SPACE = Space("test", "r1", "image", 8)


@pytest.fixture
def real() -> Rows:
    rng = np.random.default_rng(5)
    kinds = [("Men", "Shirts"), ("Women", "Heels"), ("Women", "Jeans")]
    centres = l2_normalize(rng.normal(size=(3, 8)))
    kind = np.repeat([0, 1, 2], [30, 20, 10])
    vectors = l2_normalize(centres[kind] + 0.1 * rng.normal(size=(60, 8)))
    columns = [{"gender": kinds[k][0], "category": kinds[k][1], "price": 50.0} for k in kind]
    return Rows([str(i) for i in range(60)], vectors, columns)


def test_grown_rows_stay_with_their_kind_and_are_the_same_for_a_seed(real):
    (rows,) = grow(real, 3_000, seed=1)
    centre = {k: real.vectors[[c["category"] == k for c in real.columns]].mean(axis=0) for k in ("Shirts", "Heels", "Jeans")}
    nearest = [max(centre, key=lambda k, v=v: float(centre[k] @ v)) for v in rows.vectors]
    assert np.mean([a == c["category"] for a, c in zip(nearest, rows.columns, strict=True)]) > 0.98
    assert np.allclose(np.linalg.norm(rows.vectors, axis=1), 1, atol=1e-5)
    assert len({v.tobytes() for v in rows.vectors}) == len(set(rows.ids)) == 3_000
    shares = np.array([sum(c["category"] == k for c in rows.columns) for k in centre]) / 3_000
    assert shares == pytest.approx([1 / 2, 1 / 3, 1 / 6], abs=0.04)
    assert np.mean([c["price"] < 0.1 for c in rows.columns]) == pytest.approx(0.1, abs=0.03)
    (again,) = grow(real, 3_000, seed=1)
    assert np.array_equal(again.vectors, rows.vectors) and again.columns == rows.columns
    assert commonest_kind(real.columns) == ("Men", "Shirts")


def test_the_exact_answers_are_those_of_the_exact_index(real):
    queries = next(grow(real, 5, seed=2)).vectors
    index = ExactIndex(SPACE)
    for rows in grow(real, 25_000, seed=1):  # more than one block
        index.upsert(rows.ids, rows.vectors, rows.columns)
    questions = scale.ask(real, 25_000, 1, queries)
    assert questions["unfiltered"].passing == 25_000
    assert questions["10_percent"].passing == pytest.approx(2_500, abs=200)
    for question in questions.values():
        for query, best in zip(queries, question.best, strict=True):
            assert {id_ for id_, _ in index.search(query, scale.K, question.where)} == set(best)


def test_a_small_run_fills_serves_and_finds_everything(real, tmp_path):
    engine = Engine("exact", tmp_path)
    filled = scale.fill(engine, SPACE, real, 1_200, 1)
    assert filled["rows_a_second"] > 0 and filled["ready_s"] >= filled["write_s"]
    queries = next(grow(real, 4, seed=2)).vectors
    figures = scale.measure(engine, SPACE, scale.ask(real, 1_200, 1, queries), queries)
    assert {figures[f"{name}_recall_at_20"] for name in scale.conditions(real.columns)} == {1.0}
    assert figures["peak_memory_mb"] > 0
