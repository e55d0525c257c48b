"""How far a head's probabilities can be trusted: temperature, shift towards rare classes, and when to say nothing.

numpy alone. All fits are made on products kept from the gradient and not held out.
"""

from __future__ import annotations

import numpy as np

from retrieval.encoders.compact import Head, softmax
from retrieval.evaluation.metrics import confusion, macro_f1

WEIGHTS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
TAUS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)


def log_loss(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Mean of -log p(label), p floored at 1e-9."""
    own = probabilities[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(own, 1e-9)).mean())


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The temperature in [0.25, 4] with the least log loss (Guo et al. 2017), by golden section on its logarithm."""
    ratio = (np.sqrt(5) - 1) / 2
    low, high = np.log(0.25), np.log(4.0)

    def loss(t: float) -> float:
        return log_loss(softmax(logits / np.exp(t)), labels)

    a, b = high - ratio * (high - low), low + ratio * (high - low)
    loss_a, loss_b = loss(a), loss(b)
    for _ in range(40):
        if loss_a <= loss_b:
            high, b, loss_b = b, a, loss_a
            a = high - ratio * (high - low)
            loss_a = loss(a)
        else:
            low, a, loss_a = a, b, loss_b
            b = low + ratio * (high - low)
            loss_b = loss(b)
    return float(np.exp((low + high) / 2))


def fit_bias(logits: np.ndarray, labels: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """A shift of -tau log(prior) (Menon et al. 2020, post hoc), tau the best of TAUS for macro-F1 + top-1; the
    smallest of equals. `prior` (classes,) are the shares of the training part. It sums to zero under the prior.
    """
    classes = logits.shape[1]
    shift = -np.log(np.maximum(prior, 1e-6))
    shift = shift - float((prior * shift).sum() / prior.sum())

    def worth(tau: float) -> float:
        guess = (logits + tau * shift).argmax(1)
        return macro_f1(confusion(labels, guess, classes)) + float((guess == labels).mean())

    best = max(TAUS, key=lambda tau: (round(worth(tau), 6), -tau))
    return (best * shift).astype(np.float32)


def fit_least(confidence: np.ndarray, right: np.ndarray, target: float) -> float:
    """The lowest confidence from which answers are right at least `target` of the time, in steps of 0.01.

    Where no threshold reaches the target, the one that comes closest among those that still answer a tenth.
    """
    steps = np.arange(0.0, 0.96, 0.01)
    reached = []
    for step in steps:
        answered = confidence >= step
        if answered.mean() < 0.1:
            break
        share = float(right[answered].mean())
        if share >= target:
            return float(round(step, 2))
        reached.append((share, -step))
    return float(round(-max(reached)[1], 2)) if reached else 0.0


def fit_head(
    classes: tuple[str, ...], logits: np.ndarray, labels: np.ndarray, prior: np.ndarray, *, target: float = 0.8,
    coolest: float = 0.0, measured: np.ndarray | None = None,
) -> Head:
    """Bias first (it decides the answer), then how much the palette is heard where it was `measured`, then the temperature
    of the sum, then the threshold.

    `labels` must all be known; no temperature below `coolest` is taken. The bias is stored after the division by the
    temperature, as `Head` applies it.
    """
    bias = fit_bias(logits, labels, prior)
    said, weight = logits + bias, 0.0
    if measured is not None:
        said = said / fit_temperature(said, labels)
        weight = fit_weight(said, measured, labels)
        said = said + weight * measured
    """Bias first (it decides the answer), then how much the palette is heard where it was `measured` ((n, classes) log
    probabilities), then the temperature of the sum, then the threshold.

    `labels` must all be known; no temperature below `coolest` is taken. Bias and weight are stored after the division by the
    temperature, as `Head` applies them.
    """
    bias = fit_bias(logits, labels, prior)
    said, first, weight = logits + bias, 1.0, 0.0
    if measured is not None:
        first = fit_temperature(said, labels)
        said = said / first
        weight = fit_weight(said, measured, labels)
        said = said + weight * measured
    last = max(coolest, fit_temperature(said, labels))
    p = softmax(said / last)
    least = fit_least(p.max(1), p.argmax(1) == labels, target)
    return Head(classes, first * last, (bias / (first * last)).astype(np.float32), least, weight / last)


def fit_weight(said: np.ndarray, measured: np.ndarray, labels: np.ndarray) -> float:
    """Of WEIGHTS, the one with which said + weight * measured is right most often; the smallest of equals."""
    return max(WEIGHTS, key=lambda w: (round(float(((said + w * measured).argmax(1) == labels).mean()), 6), -w))
