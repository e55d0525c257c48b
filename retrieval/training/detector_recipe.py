"""From a folder of pictures to the detector that ships: cut out, train, export, calibrate.

    python -m retrieval.training.detector_recipe ../shared/data --work .outfit/detector --hours 1.2

Interrupted, the same command goes on from the last checkpoint. The detector's card is `data/weights/detector.md`.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

import numpy as np
from PIL import Image

from retrieval import resources
from retrieval.detectors.compact import SLOTS, CompactDetector
from retrieval.evaluation.detection import judge, rates
from retrieval.items import Detection
from retrieval.training import cutouts
from retrieval.training.composites import Scene, Studio
from retrieval.training.cutouts import Cutout
from retrieval.training.grounds import OwnPhoto, own_photos
from retrieval.training.split import is_calibration, is_held_out

CALIBRATION_SCENES = 600
LEAST_HEAT = 0.03  # of detections that the calibration looks at
PRECISION = 0.87  # of boxes alone, on calibration scenes: a margin above the 0.85 asked of held-out ones
PHOTOS_KEPT = 25  # one in so many of people's training photos is kept for calibration


def material(data_dir: Path, work_dir: Path) -> tuple[list[Cutout], list[OwnPhoto]]:
    """Cut-outs of all products, those of the demo catalogue too (made once, kept in `work_dir`), and people's photos of
    the training part."""
    folder = work_dir / "cutouts"
    if not (folder / "facts.json").is_file():
        drawn = cutouts.cut_folder(resources.path("demo"))
        cutouts.save(chain(cutouts.cut_catalogue(data_dir), drawn), folder)
    return cutouts.load(folder), list(own_photos(data_dir, "train"))


def studio_of(
    pieces: Sequence[Cutout], photos: Sequence[OwnPhoto], size_px: int, *, for_calibration: bool
) -> Studio:
    """The studio of the training part, or of the part kept for calibration; held-out products are in neither."""
    mine = [p for p in pieces if not is_held_out(p.sku) and is_calibration(p.sku) is for_calibration]
    return Studio(mine, [p for i, p in enumerate(photos) if (i % PHOTOS_KEPT == 0) is for_calibration], size_px)


def platt(logits: np.ndarray, right: np.ndarray, *, steps: int = 50) -> tuple[float, float]:
    """(scale, shift) so that sigmoid(scale * logit + shift) is the probability of being right (Platt, 1999).

    `logits`: (n,) float; `right`: (n,) bool. Newton's method on the log-likelihood with Platt's softened targets and a
    weak pull to (1, 0), which also settles the case of few or one-sided examples.
    """
    hits = right.sum()
    target = np.where(right, (hits + 1) / (hits + 2), 1 / (len(right) - hits + 2))
    design = np.stack([logits, np.ones_like(logits)], 1)
    prior = np.array([1.0, 0.0])
    weights = prior.copy()
    for _ in range(steps):
        p = 1 / (1 + np.exp(-design @ weights))
        gradient = design.T @ (p - target) + (weights - prior)
        hessian = (design * (p * (1 - p))[:, None]).T @ design + np.eye(2)
        weights = weights - np.linalg.solve(hessian, gradient)
    return float(max(weights[0], 0.05)), float(weights[1])  # a scale of 0 or below would turn the order round


def threshold_for(found: Sequence[Sequence[Detection]], scenes: Sequence[Scene], precision: float) -> float:
    """The least confidence in 0.05, 0.06 ... 0.95 at which boxes alone reach `precision`; 0.95 where none does."""
    for least in np.arange(0.05, 0.95, 0.01):
        kept = [[one for one in some if one.confidence >= least] for some in found]
        judged = [judge(some, scene, by_slot=False) for some, scene in zip(kept, scenes, strict=True)]
        if rates(judged)[1] >= precision:
            return round(float(least), 2)
    return 0.95


def calibrate(weights: Path, scenes: Sequence[Scene]) -> dict:
    """Fit confidence and threshold of the network in `weights` on scenes; write and return the facts beside it."""
    facts: dict = {"calibration": {slot.value: [1.0, 0.0] for slot in SLOTS}, "threshold": LEAST_HEAT}
    path = weights.with_suffix(".json")
    for fitted in (False, True):
        path.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
        detector = CompactDetector(weights)
        found = [detector.detect(Image.fromarray(scene.rgb)) for scene in scenes]
        if fitted:
            break
        judged = [judge(some, scene) for some, scene in zip(found, scenes, strict=True)]
        for slot in SLOTS:
            pairs = [
                (one.confidence, j.right[i])
                for some, j in zip(found, judged, strict=True)
                for i, one in enumerate(some)
                if one.slot is slot and not j.left_out[i]
            ]
            p = np.clip(np.array([c for c, _ in pairs]), 1e-6, 1 - 1e-6)
            scale, shift = platt(np.log(p) - np.log1p(-p), np.array([r for _, r in pairs], bool))
            facts["calibration"][slot.value] = [round(scale, 4), round(shift, 4)]
    facts["threshold"] = threshold_for(found, scenes, PRECISION)
    path.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    return facts


def main() -> None:
    import torch

    from retrieval.training.detector import SIZE_PX, Recipe, export, train

    parser = argparse.ArgumentParser(description="Train, export and calibrate the compact garment detector.")
    parser.add_argument(
        "data", type=Path, help="folder with styles.csv, catalog-images.zip, photos.zip, user-photos.zip"
    )
    parser.add_argument("--work", type=Path, default=Path(".outfit/detector"), help="cut-outs, checkpoints, log")
    parser.add_argument("--hours", type=float, default=1.2)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--begin-with", type=Path, help="an exported detector whose training goes on")
    parser.add_argument("--out", type=Path, default=resources.path("weights/detector.onnx"))
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(given.threads)
    pieces, photos = material(given.data, given.work)
    studio = studio_of(pieces, photos, SIZE_PX, for_calibration=False)
    network = train(studio, Recipe(3600 * given.hours), given.work / "run", begin_with=given.begin_with)
    print(f"largest difference to torch: {export(network, given.out):.1e}")
    studio = studio_of(pieces, photos, SIZE_PX, for_calibration=True)
    scenes = [studio.scene(np.random.default_rng([7, i])) for i in range(CALIBRATION_SCENES)]
    print(json.dumps(calibrate(given.out, scenes)))


if __name__ == "__main__":
    main()
