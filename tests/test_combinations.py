"""What is learned from outfits, by hand on small ones, and how it is measured."""

from __future__ import annotations

import json
import math
from hashlib import sha256

import numpy as np
import pytest

from assistant.evaluation.compatibility import Blank, auc, blanks, fill_in
from retrieval.combinations import (
    combined_category,
    features,
    learned,
    mean_lift,
    outfit_word,
    pair_lift,
    set_odds,
    worn_slot,
)
from retrieval.training.colours import fit_softmax, weighted_means
from retrieval.training.combinations import (
    count,
    fit,
    is_held_out_outfit,
    logistic_line,
    pair_odds,
    read_outfits,
    swap_one,
)
from retrieval.vocabulary import categories


def test_pair_odds_by_hand():
    # Two outfits of A and B, one of A and C. Ordered pairs: AB 2, BA 2, AC 1, CA 1; margins A 3, B 2, C 1; 6 in all.
    counts = np.array([[1, 1, 0], [1, 1, 0], [1, 0, 1]], dtype=float)
    odds = pair_odds(counts)
    assert odds[0, 1] == pytest.approx(math.log((2 + 5) / (3 * 2 / 6 + 5)))
    assert odds[1, 2] == pytest.approx(math.log((0 + 5) / (2 * 1 / 6 + 5)))
    assert odds[0, 0] == pytest.approx(math.log(5 / (9 / 6 + 5)))
    assert np.array_equal(odds, odds.T)


def test_two_of_a_kind_are_a_pair_with_itself():
    assert pair_odds(np.array([[2.0, 0.0], [0.0, 2.0]]))[0, 0] > 0


def test_features_say_what_is_there_and_what_twice():
    row = features(np.array([[2, 0, 1]]), ["Heels", "Jeans", "Sandals"])[0]
    assert row[:6].tolist() == [1, 0, 1, 1, 0, 0]  # there; twice
    slots = ["top", "bottom", "one-piece", "outerwear", "shoes", "bag", "accessory"]
    assert row[6:13].tolist() == [float(slot == "shoes") for slot in slots]
    assert row[13:20].tolist() == [float(slot == "shoes") for slot in slots]  # three shoes are two or more
    assert row[20] == 1 and len(row) == 2 * 3 + 15


def test_softmax_finds_the_frequencies():
    x = np.ones((40, 1))
    labels = np.array([0] * 30 + [1] * 10)
    weights = fit_softmax(x, labels, 2)
    assert weights[0, 0] - weights[0, 1] == pytest.approx(math.log(3), abs=0.01)


def test_logistic_line_finds_the_odds():
    # At 0: 1 of 4 true, at 1: 3 of 4; log odds -log 3 and log 3.
    values, truth = np.array([0.0] * 4 + [1.0] * 4), np.array([1, 0, 0, 0, 1, 1, 1, 0], dtype=bool)
    slope, offset = logistic_line(values, truth)
    assert (slope, offset) == pytest.approx((2 * math.log(3), -math.log(3)))


def test_weighted_means_of_two_heaps():
    points = np.array([[0.0], [0.2], [10.0], [10.4]])
    centres = np.sort(weighted_means(points, np.array([1.0, 1.0, 3.0, 1.0]), 2, seed=0), axis=0)
    assert centres[:, 0] == pytest.approx([0.1, 10.1])


def test_swapping_changes_one_piece():
    counts = np.array([[1, 1, 1, 0], [2, 0, 1, 1]], dtype=float)
    swapped = swap_one(counts, np.full(4, 0.25), seed=0)
    assert np.array_equal(swapped.sum(axis=1), counts.sum(axis=1))
    assert (np.abs(swapped - counts).sum(axis=1) == 2).all()
    assert (swapped >= 0).all()


def test_learning_from_a_few_outfits():
    outfits = [["Jeans", "Tshirts", "Casual Shoes"]] * 60 + [["Dresses", "Heels", "Clutches"]] * 60
    model = fit(outfits)
    at = {name: i for i, name in enumerate(model.names)}
    rest = count([["Dresses", "Clutches"]], model.names)
    assert model.names[int(model.log_conditional(rest)[0].argmax())] == "Heels"
    assert model.pairs[at["Dresses"], at["Heels"]] > 0 > model.pairs[at["Dresses"], at["Jeans"]]
    good, bad = mean_lift(
        count([["Dresses", "Heels", "Clutches"], ["Dresses", "Jeans", "Clutches"]], model.names), model
    )
    assert good > bad


def test_reading_outfits(tmp_path):
    rows = [
        {"set_id": "1", "categories": ["Skinny Jeans", "Tops", "Pumps", "Home Decor"]},
        {"set_id": "2", "categories": ["Dresses", "Lipstick", "Pumps"]},  # two worn pieces: no outfit
    ]
    path = tmp_path / "outfits.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    assert list(read_outfits(path)) == [("1", ("Jeans", "Tops", "Heels"))]


def test_a_tenth_is_held_out_by_the_written_rule():
    ids = [str(i) for i in range(3000)]
    held = [i for i in ids if is_held_out_outfit(i)]
    assert held == [i for i in ids if int(sha256(b"outfit-set:" + i.encode()).hexdigest(), 16) % 10 == 0]
    assert 240 < len(held) < 360


def test_every_word_of_the_table_is_an_article_type_or_boots():
    for name in learned().names:
        assert name == "Boots" or name in categories()
        assert worn_slot(name) is not None
    assert outfit_word("Lipstick") is None and outfit_word("Pumps") == "Heels"
    assert combined_category("Flip Flops") == "Sandals"
    assert combined_category("Perfume and Body Mist") is None and combined_category(None) is None
    assert pair_lift("Kurtas", "Jeans") is None and set_odds(["Jeans", "Tshirts"]) is None


def test_what_people_combine_came_through():
    assert pair_lift("Dresses", "Heels") > 0.3 > 0 > pair_lift("Dresses", "Jeans")
    assert pair_lift("Jeans", "Tshirts") > 0.3 > -0.5 > pair_lift("Heels", "Backpacks")
    assert pair_lift("Jeans", "Tshirts") == pair_lift("Tshirts", "Jeans")
    whole = ["Dresses", "Heels", "Clutches", "Earrings"]
    assert set_odds(whole) > 0.5 > 0 > set_odds(["Dresses", "Heels", "Heels", "Jeans"])


def test_equal_scores_share_the_point_so_a_constant_gets_chance():
    cases = [Blank(np.zeros(4), np.array([0, 1, 2, 3]), answer) for answer in (0, 1, 2, 3, 0)]
    assert fill_in(cases, lambda rest, options: np.zeros(4)).tolist() == [0.25] * 5
    first = fill_in(cases, lambda rest, options: np.array([1.0, 0, 0, 0]))
    assert first.tolist() == [1, 0, 0, 0, 1]
    tied = fill_in(cases[:1], lambda rest, options: np.array([1.0, 1.0, 0, 0]))
    assert tied.tolist() == [0.5]


def test_blanks_hide_one_piece_among_others_of_its_group():
    counts = np.array([[1, 1, 0, 0, 0, 1]] * 50, dtype=float)
    share = np.full(6, 1 / 6)
    cases = blanks(counts, share, np.random.default_rng(0), ["a", "b", "a", "a", "a", "b"])
    assert 0 < len(cases) < 50  # where the hidden piece is of b, there are not four to choose from
    for case in cases:
        assert sorted(case.options.tolist()) == [0, 2, 3, 4]
        assert case.options[case.answer] == 0 and case.rest[0] == 0
    assert len({case.answer for case in cases}) == 4


def test_auc_by_hand():
    assert auc(np.array([2.0, 3.0]), np.array([1.0, 2.0])) == pytest.approx((1 + 0.5 + 1 + 1) / 4)
    assert auc(np.zeros(3), np.zeros(5)) == 0.5


def test_held_out_outfits_are_told_from_popularity(shared_data):
    from assistant.evaluation.compatibility import evaluate_compatibility

    figures = evaluate_compatibility(shared_data, seed=3).figures
    assert figures["fitb4_by_popularity_constant"] == 0.25
    assert figures["fitb4_by_popularity_set_model"] > figures["fitb4_by_popularity_popularity"] + 0.3
    assert figures["fitb4_same_slot_set_model_and_popularity"] > figures["fitb4_same_slot_popularity"] + 0.05
    assert figures["auc_set_model"] > 0.8 > 0.55 > figures["auc_popularity"]
    assert figures["colour_pairs_accuracy"] > figures["colour_pairs_majority"] + 0.1
