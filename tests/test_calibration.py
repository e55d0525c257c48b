"""Calibration of heads: on synthetic heads whose right answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from retrieval.encoders.compact import softmax
from retrieval.evaluation.metrics import expected_calibration_error
from retrieval.training.calibration import fit_bias, fit_head, fit_least, fit_temperature, log_loss


def cases(n: int = 4000, temperature: float = 1.0, seed: int = 0):
    """Logits z / temperature where labels are drawn from softmax(z): the right temperature is 1 / temperature."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, 5)) * 2
    labels = np.array([rng.choice(5, p=p / p.sum()) for p in softmax(z)])
    return (z / temperature).astype(np.float32), labels


def test_the_temperature_that_made_the_labels_is_found():
    for made in (0.5, 1.0, 2.5):
        logits, labels = cases(temperature=made)
        assert fit_temperature(logits, labels) == pytest.approx(1 / made, rel=0.1)


def test_calibration_lowers_log_loss_and_calibration_error():
    logits, labels = cases(temperature=0.4)  # far too sure
    t = fit_temperature(logits, labels)
    before, after = softmax(logits), softmax(logits / t)
    assert log_loss(after, labels) < log_loss(before, labels)

    def error(p):
        return expected_calibration_error(p.max(1), p.argmax(1) == labels)

    assert error(after) < error(before) / 2


def test_a_shift_towards_rare_classes_is_taken_only_where_it_serves():
    rng = np.random.default_rng(1)
    prior = np.array([0.9, 0.1])
    labels = (rng.random(4000) < 0.1).astype(int)
    # a head that leans on the prior: its evidence for the rare class is right but too weak to win
    evidence = np.where(labels == 1, 1.8, 0.2) + rng.normal(size=4000) * 0.2
    logits = np.stack((np.full(4000, 2.0), evidence), 1)
    bias = fit_bias(logits, labels, prior)
    assert bias[1] > bias[0]
    assert float(prior @ bias) == pytest.approx(0, abs=1e-6)
    perfect = np.stack((labels == 0, labels == 1), 1) * 10.0
    assert not fit_bias(perfect, labels, prior).any()


def test_the_threshold_is_the_lowest_that_keeps_the_promise():
    confidence = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95])
    right = np.array([0, 0, 0, 1, 0, 1, 1, 1, 1, 1], bool)
    # from 0.4 on: 6 of 7 right; from 0.3 on 6 of 8
    assert fit_least(confidence, right, 0.8) == pytest.approx(0.31)
    assert fit_least(confidence, np.ones(10, bool), 0.8) == 0.0


def test_a_head_fitted_on_what_it_learned_from_is_made_no_surer():
    logits = np.eye(5)[np.arange(200) % 5] * 2.0  # always right, and modest about it
    labels, even = np.arange(200) % 5, np.full(5, 0.2)
    assert fit_head(tuple("abcde"), logits, labels, even).temperature < 0.5
    assert fit_head(tuple("abcde"), logits, labels, even, coolest=1.0).temperature == 1.0


def test_what_the_pixels_say_is_heard_as_far_as_it_helps():
    rng = np.random.default_rng(4)
    labels, even = rng.integers(0, 5, 3000), np.full(5, 0.2)
    net = np.eye(5)[labels] * 2 + rng.normal(size=(3000, 5)) * 1.5
    pixels = np.log(np.eye(5)[labels] * 0.5 + rng.dirichlet(np.ones(5), 3000) * 0.5)
    head = fit_head(tuple("abcde"), net, labels, even, measured=pixels)
    assert head.palette > 0
    right = (head.probabilities(net, pixels).argmax(1) == labels).mean()
    assert right > (head.probabilities(net).argmax(1) == labels).mean() + 0.02
    told = head.probabilities(net, pixels).max(1)
    assert abs(told.mean() - right) < 0.02  # as sure as it is right
    noise = np.log(rng.dirichlet(np.ones(5), 3000))
    assert fit_head(tuple("abcde"), np.eye(5)[labels] * 9.0, labels, even, measured=noise).palette == 0
    assert fit_head(tuple("abcde"), net, labels, even).palette == 0


def test_a_head_answers_as_its_shifted_logits_do():
    logits, labels = cases(temperature=0.7)
    prior = np.bincount(labels, minlength=5) / len(labels)
    head = fit_head(tuple("abcde"), logits, labels, prior)
    shifted = logits + head.bias * head.temperature
    assert np.array_equal(head.probabilities(logits).argmax(1), shifted.argmax(1))
    assert 0 <= head.least < 1
