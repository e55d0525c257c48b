"""Which categories people combine, learned from outfits that people put together.

`data/vocabulary/outfit_categories.json` says which article type each word of those outfits means;
`retrieval.training.combinations` learns `data/vocabulary/combinations.json` from nine tenths of the outfits. Two
models, both relative to how common a category is, so that 0 means "neither sought nor avoided":

* `pair_lift(a, b)`: log odds of two categories in one outfit against chance (smoothed pointwise mutual information);
* `set_odds(categories)`: log odds of a whole outfit against one with a piece swapped, from log P(category | the rest of
  the outfit) - log P(category) of a conditional log-linear model whose features are the categories and slots of the
  rest. It knows what the pairs do not: a second pair of shoes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from retrieval import resources
from retrieval.items import Slot
from retrieval.vocabulary import slot_of

_SLOTS = tuple(Slot)


@dataclass(frozen=True, slots=True)
class Combinations:
    """What was learned. Rows and columns follow `names`; `weights` has one row for each feature of `features`."""

    names: tuple[str, ...]
    share: np.ndarray  # (k,) of all pieces, summing to 1
    pairs: np.ndarray  # (k, k) symmetric, natural logarithm
    weights: np.ndarray  # (2 k + 15, k)
    set_odds: tuple[float, float] = (1.0, 0.0)  # slope and offset from the mean lift to log odds

    def log_conditional(self, others: np.ndarray) -> np.ndarray:
        """Counts of categories (n, k) -> log P(next category | those) (n, k)."""
        scores = features(others, self.names) @ self.weights
        scores -= scores.max(axis=1, keepdims=True)
        return scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))


def worn_slot(category: str) -> Slot | None:
    """The slot of a category of the outfits; boots are theirs alone."""
    return Slot.SHOES if category == "Boots" else slot_of(category)


def features(counts: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Counts of categories (n, k) -> (n, 2 k + 15): which are there, which twice, the same by slot, and 1."""
    member = np.array([[worn_slot(name) is slot for slot in _SLOTS] for name in names], dtype=float)
    by_slot = counts @ member
    ones = np.ones((len(counts), 1))
    return np.hstack([counts >= 1, counts >= 2, by_slot >= 1, by_slot >= 2, ones]).astype(np.float64)


def combined_category(category: str | None) -> str | None:
    """The learned category that stands for an article type; None where the outfits say nothing of it."""
    if category is None:
        return None
    name = _table()["like"].get(category, category)
    return name if name in _index() else None


def outfit_word(word: str) -> str | None:
    """The article type that a word of the outfits means; None for what is not worn or not clear."""
    return _table()["words"].get(word)


def pair_lift(a: str | None, b: str | None) -> float | None:
    """Log odds of the two article types in one outfit against chance; None where nothing is known."""
    first, second = combined_category(a), combined_category(b)
    if first is None or second is None:
        return None
    return float(learned().pairs[_index()[first], _index()[second]])


def mean_lift(counts: np.ndarray, model: Combinations) -> np.ndarray:
    """Outfits (n, k) as counts of categories -> (n,): log P(piece | the others) - log P(piece), mean over the pieces."""
    means = []
    for row in counts:
        there = np.flatnonzero(row)
        rest = np.repeat(row[None], len(there), axis=0)
        rest[np.arange(len(there)), there] -= 1
        lifts = model.log_conditional(rest)[np.arange(len(there)), there] - np.log(model.share[there])
        means.append(float((lifts * row[there]).sum() / row[there].sum()))
    return np.array(means)


def set_odds(categories: Sequence[str | None]) -> float | None:
    """Log odds that people wear these article types as one outfit, against the same with one piece swapped at random.

    None where the outfits know fewer than three of them.
    """
    known = [name for category in categories if (name := combined_category(category)) is not None]
    if len(known) < 3:
        return None
    counts = np.zeros((1, len(learned().names)))
    for name in known:
        counts[0, _index()[name]] += 1
    slope, offset = learned().set_odds
    return float(slope * mean_lift(counts, learned())[0] + offset)


@cache
def learned() -> Combinations:
    table = json.loads(resources.path("vocabulary/combinations.json").read_text(encoding="utf-8"))
    share = np.array(table["share"])
    return Combinations(
        tuple(table["names"]),
        share / share.sum(),
        np.array(table["pairs"]),
        np.array(table["weights"]),
        tuple(table["set_odds"]),
    )


@cache
def _index() -> dict[str, int]:
    return {name: i for i, name in enumerate(learned().names)}


@cache
def _table() -> dict:
    return json.loads(resources.path("vocabulary/outfit_categories.json").read_text(encoding="utf-8"))
