from __future__ import annotations

import numpy as np
import pytest

from retrieval.indexes.exact import ExactIndex
from retrieval.items import Gender, Item, Slot
from retrieval.ports import Space, Where
from retrieval.search import Search, fold_views

TEXT = Space("letters", "1", "text", 3)
IMAGE = Space("colours", "1", "image", 3)


class Shop:
    """A catalogue in memory: sku -> item."""

    def __init__(self, skus):
        self.rows = {sku: Item(sku, f"Item {sku}", "Tops", Slot.TOP, Gender.WOMEN) for sku in skus}

    def items(self, skus):
        return {sku: self.rows[sku] for sku in skus if sku in self.rows}


class Letters:
    """Counts a, b and c: a real, if small, encoder."""

    space = TEXT

    def encode_queries(self, texts):
        rows = np.array([[text.count(letter) for letter in "abc"] for text in texts], dtype=np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    encode_documents = encode_queries


@pytest.fixture
def search():
    titles = ExactIndex(TEXT)
    shop = Shop("abcd")
    titles.upsert(list("abc"), np.eye(3, dtype=np.float32), [{"slot": "top"}, {"slot": "top"}, {"slot": "bag"}])
    pictures = ExactIndex(IMAGE)
    vectors = np.array([[1, 0, 0], [0.8, 0.6, 0], [0.6, 0.8, 0], [0, 1, 0], [0, 0, 1]], dtype=np.float32)
    pictures.upsert(["a/front", "a/back", "b/front", "c/x/front", "gone/front"], vectors, [{}] * 5)
    shop.rows["c/x"] = Item("c/x", "Item with a slash", "Tops", Slot.TOP, Gender.WOMEN)
    return Search(shop, titles, pictures, Letters(), None)


def test_texts_under_different_conditions_are_answered_in_their_own_order(search):
    top, bag = Where(any_of={"slot": frozenset({"top"})}), Where(any_of={"slot": frozenset({"bag"})})
    found = search.by_texts(["aab", "abc", "bba"], [top, bag, top], k=2)
    assert [[hit.item.sku for hit in hits] for hits in found] == [["a", "b"], ["c"], ["b", "a"]]
    assert found[0][0].score == pytest.approx(2 / np.sqrt(5))


def test_hits_are_products_each_by_its_best_view(search):
    hits = search.similar("b", "front", k=3)
    assert [(hit.item.sku, hit.view) for hit in hits] == [("a", "back"), ("c/x", "front")]
    assert [hit.score for hit in hits] == pytest.approx([0.96, 0.8], abs=1e-5)  # .8*.6 + .6*.8; 1 * .8


def test_an_item_that_the_catalogue_no_longer_has_is_not_a_hit(search):
    assert "gone" not in [hit.item.sku for hit in search.similar("a", "front", k=5)]


def test_similar_to_a_view_without_a_vector_is_nothing(search):
    assert search.similar("d", "front") == []


def test_many_views_of_one_product_do_not_crowd_out_the_others():
    pictures = ExactIndex(IMAGE)
    near = np.tile(np.array([1, 0, 0], dtype=np.float32), (60, 1))
    pictures.upsert([f"a/{i}" for i in range(60)], near, [{}] * 60)
    pictures.upsert(["q/0", "b/0"], np.array([[1, 0, 0], [0.6, 0.8, 0]], dtype=np.float32), [{}, {}])
    search = Search(Shop("abq"), ExactIndex(TEXT), pictures, Letters(), None)
    assert [hit.item.sku for hit in search.similar("q", "0", k=2)] == ["a", "b"]


def test_fold_views_takes_the_first_of_each_sku():
    assert fold_views([("a/1", 0.9), ("b/1", 0.8), ("a/2", 0.7)], frozenset({"b"})) == [("a", "1", 0.9)]
