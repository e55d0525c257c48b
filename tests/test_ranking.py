"""Evidence weighed, probabilities, twins; and what is fitted from cases whose truth is known."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from assistant import compose
from retrieval import ranking
from retrieval.errors import ModelUnavailable
from retrieval.indexes.exact import ExactIndex
from retrieval.items import Closeness, Gender, Item, Slot
from retrieval.ports import Space
from retrieval.ranking import Ranking
from retrieval.search import Search

IMAGE = Space("colours", "1", "image", 2)
MADE = Ranking("colours", "1", {"cosine": 10.0, "colour": 2.0}, 5.0, (), 0.6, 0.999, 0.4, 0.0, {})


class Shop:
    def items(self, skus):
        return {sku: Item(sku, sku, "Tops", Slot.TOP, Gender.WOMEN) for sku in skus}


class Arrows:
    """A picture is its own vector."""

    space = IMAGE

    def encode_images(self, pictures):
        return np.array(pictures, np.float32)


class Likes:
    def __init__(self, **colour):
        self.colour = colour

    def of(self, image, items, names):
        return {"colour": np.array([self.colour.get(item.sku, 0.0) for item in items])}


def search(evidence, made=MADE):
    index = ExactIndex(IMAGE)
    vectors = np.array([[1, 0], [0.8, 0.6], [0.6, 0.8], [1, 0]], np.float32)
    index.upsert(["a/main", "b/main", "c/main", "d/back"], vectors, [{}] * 4)
    return Search(Shop(), ExactIndex(Space("t", "1", "text", 2)), index, None, Arrows(), made, evidence)


def test_probabilities_are_shared_among_hits_and_none_of_them():
    # logits 10 * 1 = 10, 10 * .8 + 2 * 1.5 = 11, 10 * .6 = 6; none 5
    hits = search(Likes(b=1.5)).by_image([1.0, 0.0], k=3)
    powers = np.exp([11, 10, 6, 5])
    assert [hit.item.sku for hit in hits] == ["b", "a", "c"]
    assert [hit.p_same for hit in hits] == pytest.approx((powers / powers.sum())[:3])
    assert [hit.closeness for hit in hits] == [Closeness.SAME, Closeness.CLOSE, Closeness.CLOSE]  # .73 is at least .6


def test_one_picture_under_two_skus_is_one_hit_that_names_both():
    hits = search(Likes()).by_image([1.0, 0.0], k=5)
    assert [(hit.item.sku, hit.twins) for hit in hits] == [("a", ("d",)), ("b", ()), ("c", ())]


def test_without_a_fit_hits_are_cosines_and_say_nothing_of_how_sure_they_are():
    hits = search(None, None).by_image([1.0, 0.0], k=2)
    assert [hit.score for hit in hits] == [1.0, 1.0] and {hit.p_same for hit in hits} == {None}


def test_a_fit_is_written_and_read_and_damage_is_named(tmp_path):
    file = ranking.save(MADE, tmp_path / "r.json")
    assert ranking.load(file) == replace(MADE, curve=[]) and ranking.load(tmp_path / "none.json") is None
    for text in ("{", "[]", json.dumps({"model": "x"})):
        file.write_text(text)
        with pytest.raises(ModelUnavailable, match="r.json") as caught:
            ranking.load(file)
        assert "outfit train ranking" in caught.value.hint


def test_a_fit_of_other_weights_is_not_used_and_that_is_announced(monkeypatch):
    monkeypatch.setattr(ranking, "load", lambda: MADE)
    assert compose.ranking_for(IMAGE) == (MADE, "")
    for space in (Space("colours", "2", "image", 2), Space("dino", "1", "image", 2)):
        made, notice = compose.ranking_for(space)
        assert made is None
        assert "outfit train ranking" in notice and "colours 1" in notice and f"{space.model} {space.revision}" in notice


def test_the_shipped_fit_is_of_the_shipped_weights(demo):
    assert demo.search.ranking is not None and not any("ranking" in notice for notice in demo.notices)


class TestFit:
    @pytest.fixture
    def cases(self):
        pytest.importorskip("scipy", reason="fitting needs scipy (extra [train])")
        from retrieval.training.ranking import Cases

        rng = np.random.default_rng(0)
        n, k = 600, 8
        cosine, colour, noise = rng.normal(0.5, 0.1, (n, k)), rng.normal(0, 1, (n, k)), rng.normal(0, 1, (n, k))
        powers = np.exp(20 * cosine + 1.5 * colour)
        drawn = rng.random(n) * (powers.sum(1) + np.exp(12.0))  # "none" at 12, by the model itself
        sums = np.cumsum(powers, 1)
        truth = np.where(drawn < sums[:, -1], (sums < drawn[:, None]).sum(1), -1)
        return Cases(
            {"cosine": cosine, "colour": colour, "noise": noise}, truth, np.arange(n), np.repeat(["easy", "hard"], n // 2)
        )

    def test_weights_that_made_the_cases_are_found_again(self, cases):
        from retrieval.training.ranking import fit

        done = fit(cases, ["cosine", "colour"])
        assert done.weights["cosine"] == pytest.approx(20, rel=0.15)
        assert done.weights["colour"] == pytest.approx(1.5, rel=0.15)

    def test_evidence_that_helps_is_kept_and_noise_is_not(self, cases):
        from retrieval.training.ranking import select

        kept, table = select(cases, ["colour", "noise"])
        assert kept == ["cosine", "colour"]
        assert table["rank1_kept"] > table["rank1_cosine"] + 0.05

    def test_probabilities_add_up_and_the_absent_product_has_none(self, cases):
        from retrieval.training.ranking import fit

        done = fit(cases, ["cosine", "colour"])
        absent = cases.without_truth()
        there = np.flatnonzero(cases.truth >= 0)
        p = done.probabilities(absent)
        assert (p[there, cases.truth[there]] == 0).all() and (p.sum(1) < 1).all()
        assert done.probabilities(cases).sum(1).mean() > p.sum(1).mean()

    def test_a_curve_makes_what_is_said_what_is_so(self, cases):
        from retrieval.evaluation.metrics import expected_calibration_error
        from retrieval.training.ranking import Fit, fit_curve

        bold = Fit({"cosine": 60.0, "colour": 4.5}, 36.0)  # three times as sure as the cases bear out
        humble = replace(bold, curve=fit_curve(bold, cases))
        assert expected_calibration_error(*bold.first(cases)) > 0.1 > 0.03 > expected_calibration_error(*humble.first(cases))

    def test_this_is_it_is_said_from_where_it_is_right(self):
        from retrieval.training.ranking import fit_sure

        p = np.array([0.35, 0.45, 0.55, 0.65, 0.75, 0.85])
        assert fit_sure(p, np.array([0, 0, 1, 1, 1, 1], bool), 0.9) == pytest.approx(0.46)
        assert fit_sure(p, np.zeros(6, bool), 0.9) == 0.99
