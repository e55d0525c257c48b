from __future__ import annotations

import numpy as np
import pytest

from retrieval.evaluation.text_search import (
    Product,
    attribute_queries,
    evaluate_text_search,
    measure_text_search,
    read_products,
    with_words_dropped,
)
from retrieval.ports import Space


class Oracle:
    """Knows the products: a text's vector is that of the product it was made from; an unknown text is no product's."""

    space = Space("oracle", "r", "text", 40)

    def __init__(self, products: list[Product], *, is_constant: bool = False) -> None:
        self.place = {text: i for i, p in enumerate(products) for text in (p.title, *attribute_queries(p.kind))}
        self.is_constant = is_constant

    def encode_documents(self, texts):
        return np.eye(40, dtype=np.float32)[[0 if self.is_constant else self.place.get(text, 39) for text in texts]]

    encode_queries = encode_documents


def shop() -> list[Product]:
    """20 black men's jeans and 10 red women's dresses, each kind under one title."""
    jeans = [Product(f"j{i}", "Lee Men Black Jeans", "Jeans", "Black", "Men") for i in range(20)]
    return jeans + [Product(f"d{i}", "Biba Women Red Dress", "Dresses", "Red", "Women") for i in range(10)]


def test_one_that_knows_everything_scores_one():
    products = shop()
    figures = evaluate_text_search(Oracle(products), products, titles=1)
    assert figures["p10_en"] == figures["p10_zh"] == 1.0
    # chance by hand: (20/30 + 10/30) / 2
    assert figures["chance_p10"] == pytest.approx(0.5)
    assert figures["chance_recall10_product"] == pytest.approx(10 / 30)


def test_a_constant_scorer_gets_no_credit_for_finding_a_product():
    products = shop()
    figures = evaluate_text_search(Oracle(products, is_constant=True), products, titles=30)
    assert figures["recall10_product"] == 0.0  # 29 others score the same as the right one
    assert figures["recall10_title"] == 0.0


def test_the_baseline_counts_words_as_written():
    products = shop()
    figures = evaluate_text_search(Oracle(products), products, titles=1)
    # "men's black jeans" shares black and jeans with one kind; "women's red dresses" shares only red with the other
    assert figures["words_p10_en"] == 1.0
    assert figures["words_p10_zh"] == pytest.approx(0.5)  # no word shared: the first ten, all jeans


def test_queries_say_the_same_in_both_languages():
    assert attribute_queries(("Jeans", "Navy Blue", "Women")) == ("women's navy blue jeans", "女士藏青色牛仔裤")


def test_dropping_keeps_order_and_at_least_one_word():
    title = "Nike Men Black Running Shoes"
    for seed in range(30):
        kept = with_words_dropped(title, np.random.default_rng(seed)).split()
        assert kept
        assert [word for word in title.split() if word in kept] == kept


def test_on_the_public_catalogue_the_weightless_encoder_is_far_above_chance(shared_data):
    from retrieval.encoders.hashing import HashingTextEncoder

    products = read_products(shared_data)[::10]
    figures = evaluate_text_search(HashingTextEncoder(), products, queries=40, titles=100)
    assert figures["p10_en"] > 0.5 > 20 * figures["chance_p10"]
    assert figures["p10_zh"] > 0.5


def test_the_result_is_in_house_form(shared_data, monkeypatch):
    from retrieval.evaluation import text_search

    products = shop()
    monkeypatch.setattr(text_search, "read_products", lambda folder: products)
    result = measure_text_search(Oracle(products), shared_data, seed=3)
    assert (result.name, result.seed) == ("text-search-oracle", 3)
    assert all(isinstance(value, (int, float)) for value in result.figures.values())
