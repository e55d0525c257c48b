"""Learn the words for colours from a labelled catalogue: anchors for single patches, and the rule for whole palettes.

    python -m retrieval.training.colours FOLDER      (styles.csv and catalog-images.zip in it)

Products that are held out or kept for calibration (`retrieval.training.split`) are never looked at: the figures are
measured on those. Takes about three minutes on one core.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from zipfile import ZipFile

import numpy as np
from PIL import Image

from retrieval import resources
from retrieval.colours import colours, naming_space, palette_features
from retrieval.palettes import gather, rgb_to_lab
from retrieval.training.cache import FIELDS, read_rows
from retrieval.training.split import is_calibration, is_held_out
from retrieval.vocabulary import formality_of

_RULE_ANCHORS = 96
_DECAY = 1e-5
_ROUNDS = 300
_PATCHES = 2000


def is_measured(sku: str) -> bool:
    """Whether a product is kept for measuring: no anchor and no weight has seen it."""
    return is_held_out(sku) or is_calibration(sku)


def labelled_products(folder: Path) -> list[tuple[str, str, str]]:
    """Sku, category and colour word of every worn product with a colour, in file order."""
    at = {name: i for i, name in enumerate(FIELDS)}
    rows = [(row.sku, row.labels[at["category"]], row.labels[at["colour"]]) for row in read_rows(folder / "styles.csv")]
    return [(sku, category, word) for sku, category, word in rows if word and formality_of(category) is not None]


def pictures(folder: Path, skus: Iterable[str]) -> Iterator[tuple[str, Image.Image]]:
    """Sku and RGB picture of those that have one in catalog-images.zip, in the order given."""
    with ZipFile(folder / "catalog-images.zip") as archive:
        there = set(archive.namelist())
        for sku in skus:
            if (member := f"images/{sku}.jpg") in there:
                with archive.open(member) as file, Image.open(file) as picture:
                    yield sku, picture.convert("RGB")


def weighted_means(points: np.ndarray, weights: np.ndarray, k: int, seed: int) -> np.ndarray:
    """k-means with weights: `points` (n, d) -> centres (k, d). Seeded; 25 rounds."""
    random = np.random.default_rng(seed)
    centres = points[random.choice(len(points), k, replace=False, p=weights / weights.sum())]
    for _ in range(25):
        nearest = ((centres**2).sum(axis=1) - 2 * points @ centres.T).argmin(axis=1)
        total = np.bincount(nearest, weights, minlength=k)
        sums = np.stack([np.bincount(nearest, weights * column, minlength=k) for column in points.T], axis=1)
        centres = np.where(total[:, None] > 0, sums / np.maximum(total, 1e-12)[:, None], centres)
    return centres


def fit_softmax(features: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """Softmax regression by L-BFGS on the mean cross-entropy plus an L2 term: weights (features, classes)."""
    from scipy.optimize import minimize

    n, width = features.shape
    x = features.astype(np.float32)

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weights = flat.reshape(width, classes).astype(np.float32)
        scores = x @ weights
        scores -= scores.max(axis=1, keepdims=True)
        odds = np.exp(scores)
        total = odds.sum(axis=1, keepdims=True)
        cross_entropy = float((np.log(total[:, 0]) - scores[np.arange(n), labels]).mean())
        error = odds / total
        error[np.arange(n), labels] -= 1
        slope = x.T @ error / n + _DECAY * weights
        return cross_entropy + 0.5 * _DECAY * float((weights**2).sum()), slope.ravel().astype(np.float64)

    start = np.zeros(width * classes)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": _ROUNDS})
    return found.x.reshape(width, classes)


def fit(folder: Path, seed: int = 0) -> tuple[dict[str, list[list[float]]], dict[str, np.ndarray]]:
    """(anchors in CIELAB by name, arrays of the rule) learned from the folder's products."""
    names = tuple(colours())
    words = {sku: word for sku, _, word in labelled_products(folder) if not is_measured(sku)}
    labs, shares, labels = [], [], []
    for sku, picture in pictures(folder, words):
        picture.thumbnail((80, 80), Image.Resampling.BILINEAR)
        lab, share = gather(np.asarray(picture), 5)
        labs.append(lab)
        shares.append(share)
        labels.append(names.index(words[sku]))
    truth = np.array(labels)
    points, weights = naming_space(np.concatenate(labs)), np.concatenate(shares)
    anchors = weighted_means(points, weights, _RULE_ANCHORS, seed)
    features = palette_features(labs, shares, anchors)
    agreed = (features @ fit_softmax(features, truth, len(names))).argmax(axis=1) == truth
    found = _name_anchors(labs, shares, truth, agreed)
    patches, patch_words = _plain_patches(found, seed)
    alone = palette_features(patches[:, None], np.ones((len(patches), 1)), anchors)
    rule = fit_softmax(np.concatenate([features, alone]), np.concatenate([truth, patch_words]), len(names))
    return found, {
        "names": np.array(names),
        "anchors": anchors.astype(np.float32),
        "weights": rule.astype(np.float32),
    }


def _plain_patches(anchors: dict[str, list[list[float]]], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Random sRGB colours in CIELAB and the number of the word whose anchor is nearest.

    Catalogue pictures are duller than dyes and always shaded; without these the rule would guess at a flat, vivid one.
    """
    random = np.random.default_rng(seed)
    labs = rgb_to_lab(random.integers(0, 256, (_PATCHES, 3), dtype=np.uint8)).astype(np.float64)
    pairs = [
        (i, anchor)
        for i, colour in enumerate(colours().values())
        if colour.kind == "plain"
        for anchor in anchors.get(colour.name, colour.anchors)
    ]
    places = naming_space(np.array([anchor for _, anchor in pairs]))
    gaps = ((naming_space(labs)[:, None] - places[None]) ** 2).sum(axis=-1)
    return labs, np.array([i for i, _ in pairs])[gaps.argmin(axis=1)]


def _name_anchors(
    labs: Sequence[np.ndarray], shares: Sequence[np.ndarray], truth: np.ndarray, agreed: np.ndarray
) -> dict[str, list[list[float]]]:
    """Anchors of each plain word: centres of the leading colours of its products, outliers left out.

    Products that the rule reads as the catalogue does, whose leading colour has 45 % of the pixels, are trusted; where
    they are fewer than eight, all products of the word are taken.
    """
    found = {}
    for i, colour in enumerate(colours().values()):
        if colour.kind != "plain" or colour.placed:
            continue
        own = [j for j in np.flatnonzero(truth == i) if agreed[j] and shares[j][0] >= 0.45]
        if len(own) < 8:
            own = list(np.flatnonzero(truth == i))
        leading = np.array([labs[j][0] for j in own])
        middle = np.median(leading, axis=0)
        off = np.linalg.norm(leading - middle, axis=1)
        leading = leading[off <= np.quantile(off, 0.9)]
        k = 1 if len(leading) < 60 else 2 if len(leading) < 400 else 3
        centres = weighted_means(leading, np.ones(len(leading)), k, seed=0)
        found[colour.name] = [[round(float(v), 1) for v in centre] for centre in centres[np.argsort(-centres[:, 0])]]
    return found


def write(anchors: dict[str, list[list[float]]], rule: dict[str, np.ndarray]) -> None:
    """Put the anchors into the vocabulary, words and anchors placed by hand untouched, and the rule beside it."""
    target = resources.path("vocabulary/colours.json")
    table = json.loads(target.read_text(encoding="utf-8"))
    rows = []
    for row in table["colours"]:
        fitted = {"anchors": anchors[row["name"]]} if row["name"] in anchors else {}
        rows.append(json.dumps(row | fitted, ensure_ascii=False))
    families = json.dumps(table["families"], ensure_ascii=False)
    body = ",\n  ".join(rows)
    target.write_text(f'{{\n "families": {families},\n "colours": [\n  {body}\n ]\n}}\n', encoding="utf-8")
    np.savez_compressed(resources.path("vocabulary/colour_rule.npz"), **rule)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where styles.csv and catalog-images.zip are")
    write(*fit(parser.parse_args().folder))


if __name__ == "__main__":
    main()
