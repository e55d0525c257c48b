"""How often the colour measured on the pixels is the one that the catalogue prints: top-1 and within the family."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from retrieval.colours import base_colour, family_of, measure_palette
from retrieval.evaluation.results import Result, revision
from retrieval.items import Swatch
from retrieval.training.colours import is_measured, labelled_products, pictures

# Families that a stylist treats as one: without hue, and the earth colours.
_GROUPS = {"black": "neutral", "white": "neutral", "grey": "neutral", "beige": "earth", "brown": "earth"}


@dataclass(frozen=True, slots=True)
class Reading:
    """One product: what the catalogue prints and what the pixels say."""

    sku: str
    category: str
    printed: str
    measured: str
    palette: tuple[Swatch, ...]


def read_colours(shared_data: Path, n: int = 5000, seed: int = 0) -> list[Reading]:
    """`n` worn products that no fit has seen, drawn with `seed`; all of them where there are fewer."""
    products = {sku: (category, word) for sku, category, word in labelled_products(shared_data) if is_measured(sku)}
    skus = list(products)
    drawn = np.random.default_rng(seed).permutation(len(skus))
    readings = []
    for sku, picture in islice(pictures(shared_data, (skus[i] for i in drawn)), n):
        palette = measure_palette(picture)
        readings.append(Reading(sku, *products[sku], base_colour(palette), palette))
    return readings


def score(readings: Sequence[Reading]) -> dict[str, float]:
    """Agreement with the catalogue, the same for always the commonest word and for guessing by frequency (chance).

    `top1` by word; `family` within the 13 families; `group` with black, white and grey as one family, beige and brown
    as one. `macro_recall` is the mean over words of the share found. `dominant_*` names the largest swatch alone.
    """
    figures = {}
    views = {
        "top1": lambda word: word,
        "family": family_of,
        "group": lambda word: _GROUPS.get(family_of(word), family_of(word)),
    }
    for name, view in views.items():
        printed = [view(r.printed) for r in readings]
        counts = np.array(list(Counter(printed).values()))
        figures[name] = _share(view(r.measured) == p for r, p in zip(readings, printed, strict=True))
        figures[f"{name}_dominant"] = _share(
            view(r.palette[0].name) == p for r, p in zip(readings, printed, strict=True)
        )
        figures[f"{name}_majority"] = float(counts.max() / counts.sum())
        figures[f"{name}_chance"] = float(((counts / counts.sum()) ** 2).sum())
    by_word = {word: [r for r in readings if r.printed == word] for word in sorted({r.printed for r in readings})}
    recalls = {word: _share(r.measured == word for r in rows) for word, rows in by_word.items()}
    figures["macro_recall"] = float(np.mean(list(recalls.values())))
    for word, rows in by_word.items():
        if len(rows) >= 20:
            figures[f"recall_{word}"] = recalls[word]
    return figures


def confusions(readings: Sequence[Reading]) -> list[tuple[str, str, int]]:
    """(printed, measured, how many) of all disagreements, commonest first."""
    counts = Counter((r.printed, r.measured) for r in readings if r.printed != r.measured)
    return [(printed, measured, count) for (printed, measured), count in counts.most_common()]


def evaluate_colours(shared_data: Path, seed: int = 0, *, n: int = 5000) -> Result:
    """The figures over `n` products, and the ten commonest confusions as shares of all."""
    readings = read_colours(shared_data, n, seed)
    figures = score(readings)
    for printed, measured, count in confusions(readings)[:10]:
        figures[f"confusion_{printed}_as_{measured}"] = count / len(readings)
    command = f"outfit evaluate colours --seed {seed}"
    return Result("colours", command, revision(), seed, len(readings), figures)


def _share(hits) -> float:
    values = [bool(hit) for hit in hits]
    return sum(values) / len(values)
