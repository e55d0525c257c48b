"""Learn which categories people combine from the outfits of polyvore-outfits.jsonl.

    python -m retrieval.training.combinations FOLDER      (polyvore-outfits.jsonl in it)

A tenth of the outfits, by a hash of their id, is never looked at. Half a minute on one core.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np

from retrieval import resources
from retrieval.combinations import Combinations, features, mean_lift, outfit_word
from retrieval.training.colours import fit_softmax

_SMOOTHING = 5.0  # pairs added to each cell, seen and expected alike: 1 and 20 gave the same within half a point
_FEWEST = 3  # worn pieces that make an outfit


def is_held_out_outfit(set_id: str) -> bool:
    """The rule: `int(sha256(b"outfit-set:" + set_id), 16) % 10 == 0`."""
    return int(sha256(b"outfit-set:" + set_id.encode()).hexdigest(), 16) % 10 == 0


def read_outfits(path: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    """(set id, article types of its worn pieces) of every outfit with at least three of them, in file order."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            outfit = json.loads(line)
            worn = tuple(name for word in outfit["categories"] if (name := outfit_word(word)) is not None)
            if len(worn) >= _FEWEST:
                yield outfit["set_id"], worn


def count(outfits: Sequence[Sequence[str]], names: Sequence[str]) -> np.ndarray:
    """Outfits -> how often each category is in each: (n, k) float64."""
    at = {name: i for i, name in enumerate(names)}
    counts = np.zeros((len(outfits), len(names)))
    for row, outfit in enumerate(outfits):
        for name in outfit:
            counts[row, at[name]] += 1
    return counts


def pair_odds(counts: np.ndarray) -> np.ndarray:
    """(k, k) log of pairs seen against pairs expected if pieces were drawn independently; smoothed, symmetric."""
    seen = counts.T @ counts - np.diag(counts.sum(axis=0))
    expected = np.outer(seen.sum(axis=1), seen.sum(axis=0)) / seen.sum()
    return np.log((seen + _SMOOTHING) / (expected + _SMOOTHING))


def fit(outfits: Sequence[Sequence[str]]) -> Combinations:
    """Learn from outfits, each a list of article types."""
    names = tuple(sorted({name for outfit in outfits for name in outfit}))
    counts = count(outfits, names)
    rests, targets = [], []
    for row in counts:
        for target in np.flatnonzero(row):
            rest = row.copy()
            rest[target] -= 1
            rests += [rest] * int(row[target])
            targets += [target] * int(row[target])
    weights = fit_softmax(features(np.array(rests), names), np.array(targets), len(names))
    total = counts.sum(axis=0)
    found = Combinations(names, total / total.sum(), pair_odds(counts), weights)
    real, swapped = mean_lift(counts, found), mean_lift(swap_one(counts, found.share, seed=0), found)
    return replace(found, set_odds=logistic_line(np.concatenate([real, swapped]), np.arange(2 * len(real)) < len(real)))


def swap_one(counts: np.ndarray, share: np.ndarray, seed: int) -> np.ndarray:
    """Each outfit (n, k) with one of its pieces, drawn evenly, replaced by another category drawn by its `share`."""
    random = np.random.default_rng(seed)
    swapped = counts.copy()
    for row in swapped:
        out = random.choice(np.repeat(np.arange(len(row)), row.astype(int)))
        others = np.where(np.arange(len(share)) == out, 0.0, share)
        row[out] -= 1
        row[random.choice(len(share), p=others / others.sum())] += 1
    return swapped


def logistic_line(values: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """(slope, offset) of the log odds of truth over one value, by Newton's method."""
    x = np.stack([values, np.ones(len(values))], axis=1)
    line = np.zeros(2)
    for _ in range(30):
        p = 1 / (1 + np.exp(-x @ line))
        line = line + np.linalg.solve((x * (p * (1 - p))[:, None]).T @ x, x.T @ (truth - p))
    return float(line[0]), float(line[1])


def write(found: Combinations) -> Path:
    """Write `data/vocabulary/combinations.json`, numbers to three digits; returns its path."""
    target = resources.path("vocabulary/combinations.json")
    table = {
        "names": list(found.names),
        "set_odds": [round(v, 4) for v in found.set_odds],
        "share": [round(float(v), 6) for v in found.share],
        "pairs": [[round(float(v), 3) for v in row] for row in found.pairs],
        "weights": [[round(float(v), 3) for v in row] for row in found.weights],
    }
    rows = [f' "{key}": {_lines(value)}' for key, value in table.items()]
    target.write_text("{\n" + ",\n".join(rows) + "\n}\n", encoding="utf-8")
    return target


def _lines(value: list) -> str:
    if isinstance(value[0], list):
        return "[\n  " + ",\n  ".join(json.dumps(row) for row in value) + "\n ]"
    return json.dumps(value)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where polyvore-outfits.jsonl is")
    outfits = read_outfits(parser.parse_args().folder / "polyvore-outfits.jsonl")
    print(write(fit([worn for set_id, worn in outfits if not is_held_out_outfit(set_id)])))


if __name__ == "__main__":
    main()
