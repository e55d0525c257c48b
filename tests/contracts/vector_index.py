"""What every `VectorIndex` must do. A test module subclasses `VectorIndexContract` and gives `make`."""

from __future__ import annotations

import numpy as np
import pytest

from retrieval.errors import InvalidInput
from retrieval.ports import Space, VectorIndex, Where
from retrieval.vectors import l2_normalize

SPACE = Space(model="test", revision="r1", modality="text", dim=4)

# Cosines with the query (1, 0, 0, 0) by hand: a 1, b 0.8, c 0.6, d 0, e -1.
ROWS = {
    "a": ([1, 0, 0, 0], {"slot": "top", "gender": "Men", "price": 10.0}),
    "b": ([0.8, 0.6, 0, 0], {"slot": "shoes", "gender": "Women", "price": 20.0}),
    "c": ([0.6, 0.8, 0, 0], {"slot": "shoes", "gender": "Unisex", "price": 30.0}),
    "d": ([0, 0, 1, 0], {"slot": "bag", "gender": "Women"}),
    "e": ([-1, 0, 0, 0], {"slot": "top", "gender": "Men", "price": 5.0}),
}
QUERY = np.array([1, 0, 0, 0], dtype=np.float32)


class VectorIndexContract:
    def make(self, tmp_path, space: Space = SPACE) -> VectorIndex:
        raise NotImplementedError

    @pytest.fixture
    def index(self, tmp_path) -> VectorIndex:
        index = self.make(tmp_path)
        index.upsert(list(ROWS), np.array([v for v, _ in ROWS.values()], dtype=np.float32), [c for _, c in ROWS.values()])
        return index

    def test_scores_are_cosines_best_first(self, index):
        found = index.search(QUERY, 5)
        assert [id_ for id_, _ in found] == ["a", "b", "c", "d", "e"]
        assert [score for _, score in found] == pytest.approx([1, 0.8, 0.6, 0, -1], abs=1e-5)

    def test_k_beyond_the_rows_gives_all_and_k_zero_none(self, index):
        assert len(index.search(QUERY, 50)) == 5
        assert index.search(QUERY, 0) == []

    def test_an_empty_index_answers_with_nothing(self, tmp_path):
        assert self.make(tmp_path).search(QUERY, 3) == []
        assert len(self.make(tmp_path)) == 0

    @pytest.mark.parametrize(
        ("where", "expected"),
        [
            (Where(any_of={"slot": frozenset({"shoes"})}), ["b", "c"]),
            (Where(any_of={"slot": frozenset({"shoes", "bag"}), "gender": frozenset({"Women"})}), ["b", "d"]),
            (Where(none_of={"slot": frozenset({"top"})}), ["b", "c", "d"]),
            (Where(at_most={"price": 20}), ["a", "b", "e"]),  # d has no price: it does not pass a bound
            (Where(at_least={"price": 10}, none_of={"gender": frozenset({"Unisex"})}), ["a", "b"]),
            (Where(any_of={"slot": frozenset({"hat"})}), []),
            (Where(any_of={"slot": frozenset()}), []),
            (Where(none_of={"material": frozenset({"leather"})}), ["a", "b", "c", "d", "e"]),
        ],
    )
    def test_conditions_are_hard(self, index, where, expected):
        assert [id_ for id_, _ in index.search(QUERY, 5, where)] == expected

    def test_excluded_ids_make_room_for_the_next(self, index):
        assert [id_ for id_, _ in index.search(QUERY, 2, exclude=frozenset({"a", "nobody"}))] == ["b", "c"]
        where = Where(any_of={"slot": frozenset({"shoes"})})
        assert [id_ for id_, _ in index.search(QUERY, 2, where, frozenset({"b"}))] == ["c"]

    def test_many_queries_give_what_each_gives_alone(self, index):
        queries = np.array([[1, 0, 0, 0], [0, 0.6, 0.8, 0], [-1, 0, 0, 0]], dtype=np.float32)
        where = Where(none_of={"slot": frozenset({"bag"})})
        for condition, barred in ((None, frozenset()), (where, frozenset({"b"}))):
            together = index.search_many(queries, 3, condition, barred)
            for query, found in zip(queries, together, strict=True):
                alone = index.search(query, 3, condition, barred)
                assert [id_ for id_, _ in found] == [id_ for id_, _ in alone]
                assert [s for _, s in found] == pytest.approx([s for _, s in alone], abs=1e-6)
        assert index.search_many(np.zeros((0, 4), dtype=np.float32), 3) == []

    def test_everything_excluded_leaves_nothing(self, index):
        assert index.search(QUERY, 3, exclude=frozenset(ROWS)) == []

    def test_upsert_replaces_vector_and_columns(self, index):
        index.upsert(["e"], np.array([[0, 0, 0, 1]], dtype=np.float32), [{"slot": "hat"}])
        assert len(index) == 5
        assert index.search(np.array([0, 0, 0, 1], dtype=np.float32), 1)[0][0] == "e"
        assert [id_ for id_, _ in index.search(QUERY, 5, Where(any_of={"slot": frozenset({"top"})}))] == ["a"]
        assert "e" not in [id_ for id_, _ in index.search(QUERY, 5, Where(at_most={"price": 100}))]

    def test_filters_see_rows_written_after_the_first_filtered_search(self, index):
        shoes = Where(any_of={"slot": frozenset({"shoes"})})
        index.search(QUERY, 5, shoes)
        index.upsert(["f"], np.array([[0.9, np.sqrt(0.19), 0, 0]], dtype=np.float32), [{"slot": "shoes"}])
        index.delete(["c"])
        assert [id_ for id_, _ in index.search(QUERY, 5, shoes)] == ["f", "b"]

    def test_an_id_twice_in_one_call_keeps_the_last(self, tmp_path):
        index = self.make(tmp_path)
        index.upsert(["x", "x"], np.array([[1, 0, 0, 0], [0, 1, 0, 0]], dtype=np.float32), [{"n": "1"}, {"n": "2"}])
        assert len(index) == 1
        assert index.fetch(["x"])["x"] == pytest.approx([0, 1, 0, 0], abs=1e-6)
        assert index.search(QUERY, 1, Where(any_of={"n": frozenset({"1"})})) == []

    def test_equal_scores_are_ordered_by_id(self, tmp_path):
        index = self.make(tmp_path)
        ids = ["m", "z", "a", "k"]
        index.upsert(ids, np.tile(QUERY, (4, 1)), [{"slot": "top"}] * 4)
        assert [id_ for id_, _ in index.search(QUERY, 4)] == ["a", "k", "m", "z"]

    def test_fetch_and_delete_ignore_unknown_ids(self, index):
        assert set(index.fetch(["a", "nobody"])) == {"a"}
        index.delete(["a", "nobody"])
        assert len(index) == 4
        assert index.search(QUERY, 1)[0][0] == "b"
        assert index.fetch(["a"]) == {}

    @pytest.mark.parametrize(
        "bad", [[[np.nan, 0, 0, 0]], [[0, 0, 0, 0]], [[2, 0, 0, 0]], [[1, 0, 0]], [[np.inf, 0, 0, 0]]]
    )
    def test_vectors_that_are_not_unit_vectors_of_the_space_are_refused(self, index, bad):
        with pytest.raises(InvalidInput):
            index.upsert(["bad"], np.array(bad, dtype=np.float32), [{}])
        assert len(index) == 5

    def test_agrees_with_a_plain_loop(self, tmp_path):
        rng = np.random.default_rng(7)
        vectors = l2_normalize(rng.normal(size=(300, 4)))
        columns = [{"slot": str(i % 5), "price": float(i)} for i in range(300)]
        index = self.make(tmp_path)
        index.upsert([f"{i:03d}" for i in range(300)], vectors, columns)
        query = l2_normalize(rng.normal(size=(1, 4)))[0]
        slow = sorted(
            (-sum(float(a) * float(b) for a, b in zip(vectors[i], query, strict=True)), f"{i:03d}")
            for i in range(300)
            if columns[i]["slot"] in {"1", "3"} and columns[i]["price"] <= 200
        )[:10]
        found = index.search(query, 10, Where(any_of={"slot": frozenset({"1", "3"})}, at_most={"price": 200}))
        assert [id_ for id_, _ in found] == [id_ for _, id_ in slow]
        assert [s for _, s in found] == pytest.approx([-s for s, _ in slow], abs=1e-5)
