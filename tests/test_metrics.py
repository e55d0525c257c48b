"""Metrics against arithmetic done by hand and against slow, obvious twins."""

from __future__ import annotations

import doctest

import numpy as np
import pytest

from retrieval.evaluation import metrics


def test_doctests_hold():
    result = doctest.testmod(metrics, extraglobs={"np": np})
    assert result.attempted >= 12
    assert result.failed == 0


def slow_rank(scores, relevant):
    if not relevant.any():
        return 0
    return min(
        1 + sum(1 for j in range(len(scores)) if not relevant[j] and scores[j] >= scores[i])
        for i in np.flatnonzero(relevant)
    )


def test_ranks_agree_with_a_slow_twin_and_ties_count_against_us():
    rng = np.random.default_rng(3)
    scores = rng.integers(0, 6, (60, 9)).astype(float)  # many ties
    relevant = rng.random((60, 9)) < 0.2
    assert metrics.ranks_of(scores, relevant).tolist() == [
        slow_rank(s, r) for s, r in zip(scores, relevant, strict=True)
    ]


def test_a_constant_scorer_gets_no_credit():
    relevant = np.eye(8, dtype=bool)
    ranks = metrics.ranks_of(np.zeros((8, 8)), relevant)
    assert ranks.tolist() == [8] * 8
    assert metrics.cmc_at_k(ranks, 7) == 0.0
    assert metrics.top_k_accuracy(np.zeros((5, 4)), np.zeros(5, int), 3) == 0.0


def test_cmc_never_falls_with_k_and_a_miss_is_never_found():
    ranks = np.array([0, 1, 2, 5, 11])
    values = [metrics.cmc_at_k(ranks, k) for k in range(1, 12)]
    assert values == sorted(values)
    assert values[-1] == pytest.approx(0.8)


def test_average_precision_by_hand():
    # relevant at places 1, 3 and 6 of four that exist: (1/1 + 2/3 + 3/6) / 4
    ranked = np.array([1, 0, 1, 0, 0, 1], bool)
    assert metrics.average_precision(ranked, 4) == pytest.approx((1 + 2 / 3 + 1 / 2) / 4)
    # at 3 places only two are seen, and at most three could be: (1/1 + 2/3) / 3
    assert metrics.average_precision(ranked, 4, k=3) == pytest.approx((1 + 2 / 3) / 3)
    assert metrics.average_precision(ranked, 0) == 0.0


def test_macro_f1_counts_every_class_alike_and_can_leave_out_rare_ones():
    # class 0: 8 of 9 right, class 1: 1 case, guessed 0
    table = np.array([[8, 1], [1, 0]])
    assert metrics.macro_f1(table) == pytest.approx((16 / 18 + 0) / 2)
    assert metrics.macro_f1(table, at_least=2) == pytest.approx(16 / 18)


def test_bootstrap_interval_is_near_the_normal_one():
    cases = np.repeat([1.0, 0.0], 200)
    got = metrics.bootstrap(cases, seed=1)
    half = 1.96 * np.sqrt(0.25 / 400)
    assert got.n == 400 and got.value == 0.5
    assert got.low == pytest.approx(0.5 - half, abs=0.01)
    assert got.high == pytest.approx(0.5 + half, abs=0.01)


def test_bootstrap_draws_several_arrays_together():
    truth = np.array([0, 1] * 50)
    got = metrics.bootstrap([truth, truth], lambda a, b: float(np.mean(a == b)), rounds=50)
    assert (got.low, got.high) == (1.0, 1.0)


def test_empty_input_gives_zero_and_no_warning():
    none = np.zeros(0, int)
    assert metrics.cmc_at_k(none, 5) == metrics.mrr(none) == 0.0
    assert metrics.bootstrap(np.zeros(0)).n == 0


def test_calibration_error_is_zero_where_confidence_is_true():
    confidence = np.repeat([0.25, 0.75], 100)
    right = np.tile(np.arange(100) < 25, 2)
    right[100:] = np.arange(100) < 75
    assert metrics.expected_calibration_error(confidence, right) == pytest.approx(0.0)
