"""A detector measured on scenes with known boxes: recall and precision at IoU 0.5, by slot, beside what chance gives.

    python -m retrieval.evaluation.detection ../shared/data --scenes 600

The scenes are set up from products and people's photos that training never saw; their grounds are held out too.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from retrieval import resources
from retrieval.detectors.whole_image import WholeImageDetector
from retrieval.evaluation.results import Result, revision, write
from retrieval.items import Box, Detection, Slot
from retrieval.ports import Detector
from retrieval.training.composites import SLOTS, Scene, Studio
from retrieval.training.cutouts import cut_catalogue
from retrieval.training.grounds import OwnPhoto, own_photos
from retrieval.training.split import is_held_out

IOU = 0.5
SCENE_PX = 384  # twice the compact detector's input: it has to make its own small picture
KINDS = {"flat-lay": 0.4, "worn": 0.25, "stack": 0.1, "single": 0.15, "none": 0.1}


@dataclass(frozen=True, slots=True)
class Judged:
    """Detections of one scene against its truth: for each counted detection whether it is right, for each true garment
    which detection found it (-1 for none). `left_out` marks detections on unclear regions: neither right nor wrong."""

    right: np.ndarray  # (n,) bool
    left_out: np.ndarray  # (n,) bool
    found_by: np.ndarray  # (m,) int


def judge(found: Sequence[Detection], scene: Scene, *, by_slot: bool = True, iou: float = IOU) -> Judged:
    """Greedy matching, surest first: each detection takes the free true box that it overlaps most, if by `iou` or more.

    With `by_slot` only boxes of its own slot count. A detection that matches nothing and lies for more than half of its
    area on one unclear region is left out.
    """
    truth = [Box(*map(float, box)) for box in scene.boxes]
    unclear = [Box(*map(float, box)) for box in scene.unclear]
    found_by = np.full(len(truth), -1)
    right, left_out = np.zeros(len(found), bool), np.zeros(len(found), bool)
    for i, one in enumerate(found):
        overlaps = [
            one.box.iou(box) if found_by[k] < 0 and (not by_slot or SLOTS[scene.slots[k]] is one.slot) else 0.0
            for k, box in enumerate(truth)
        ]
        best = int(np.argmax(overlaps)) if overlaps else -1
        if best >= 0 and overlaps[best] >= iou:
            found_by[best], right[i] = i, True
        else:
            left_out[i] = any(one.box.intersection(box) > 0.5 * one.box.area for box in unclear)
    return Judged(right, left_out, found_by)


def rates(judged: Sequence[Judged]) -> tuple[float, float]:
    """Recall and precision over scenes; 0 where there is nothing to divide by."""
    truths = sum(len(j.found_by) for j in judged)
    hits = sum(int((j.found_by >= 0).sum()) for j in judged)
    counted = sum(int((~j.left_out).sum()) for j in judged)
    return hits / truths if truths else 0.0, sum(int(j.right.sum()) for j in judged) / counted if counted else 0.0


def measure(found: Sequence[Sequence[Detection]], scenes: Sequence[Scene]) -> dict[str, float]:
    """Figures over scenes: boxes alone, boxes with the right slot, by slot, by kind of scene, and chance.

    Chance: the same detections, each scene's held against the next scene.
    """
    figures: dict[str, float] = {"iou": IOU, "garments": float(sum(len(s.boxes) for s in scenes))}
    alone = [judge(f, s, by_slot=False) for f, s in zip(found, scenes, strict=True)]
    named = [judge(f, s) for f, s in zip(found, scenes, strict=True)]
    shifted = [judge(f, s, by_slot=False) for f, s in zip(found, [*scenes[1:], scenes[0]], strict=True)]
    for name, judged in (("box", alone), ("box_and_slot", named), ("chance_box", shifted)):
        figures[f"{name}_recall"], figures[f"{name}_precision"] = rates(judged)
    hits = [(j, f, s) for j, f, s in zip(alone, found, scenes, strict=True)]
    agree = [f[d].slot is SLOTS[s.slots[k]] for j, f, s in hits for k, d in enumerate(j.found_by) if d >= 0]
    figures["slot_right_of_found"] = float(np.mean(agree)) if agree else 0.0
    for k, slot in enumerate(SLOTS):
        mine = [j.found_by[s.slots == k] >= 0 for j, s in zip(named, scenes, strict=True)]
        said = [
            j.right[i] for j, f in zip(named, found, strict=True) for i in range(len(f))
            if f[i].slot is slot and not j.left_out[i]
        ]  # fmt: skip
        asked = np.concatenate(mine)
        figures[f"{slot}_n"] = float(len(asked))
        figures[f"{slot}_recall"] = float(asked.mean()) if len(asked) else 0.0
        figures[f"{slot}_precision"] = float(np.mean(said)) if said else 0.0
    for kind in sorted({s.kind for s in scenes}):
        some = [j for j, s in zip(alone, scenes, strict=True) if s.kind == kind]
        if kind == "none":
            figures["none_scenes_with_a_box"] = float(np.mean([(~j.left_out).any() for j in some]))
        else:
            figures[f"{kind}_box_recall"], figures[f"{kind}_box_precision"] = rates(some)
    both = [
        all((j.found_by[s.slots == SLOTS.index(slot)] >= 0).all() for slot in (Slot.TOP, Slot.BOTTOM))
        for j, s in zip(named, scenes, strict=True)
        if s.kind == "worn" and {SLOTS.index(Slot.TOP), SLOTS.index(Slot.BOTTOM)} <= set(s.slots.tolist())
    ]
    figures["worn_top_and_bottom_found"] = float(np.mean(both)) if both else 0.0
    figures["worn_top_and_bottom_n"] = float(len(both))
    return figures


def measure_photos(detector: Detector, photos: Sequence[OwnPhoto]) -> dict[str, float]:
    """People's photos of one garment each: share with a box; share whose surest box is the garment's by `IoU >= 0.5`
    with the box guessed from colours (sure ones only), and whose slot is the class's."""
    found = [detector.detect(Image.fromarray(photo.rgb)) for photo in photos]
    surest = [(f[0], p) for f, p in zip(found, photos, strict=True) if f]
    sure = [(one.box.iou(photo.box), photo.box.intersection(one.box) / photo.box.area)
            for one, photo in surest if photo.is_sure]  # fmt: skip
    known = sum(photo.is_sure for photo in photos)
    return {
        "own_photos_n": float(len(photos)),
        "own_photos_with_a_box": float(np.mean([bool(f) for f in found])),
        "own_photos_with_one_box": float(np.mean([len(f) == 1 for f in found])),
        "own_photos_box_iou_half": float(sum(iou >= IOU for iou, _ in sure) / known),
        "own_photos_box_covers_70": float(sum(cover >= 0.7 for _, cover in sure) / known),
        "own_photos_slot_right": float(
            np.mean([bool(f) and f[0].slot is p.slot for f, p in zip(found, photos, strict=True)])
        ),
    }


def drawn_scenes(folder: Path) -> list[tuple[Image.Image, Scene]]:
    """The demo photos of `folder` with the truth of its photos.json; their garments were drawn, and trained on."""
    pairs = []
    for photo in json.loads((folder / "photos.json").read_text(encoding="utf-8")):
        picture = Image.open(folder / photo["file"]).convert("RGB")
        boxes = np.array([g["box"] for g in photo["garments"]], np.float32).reshape(-1, 4)
        slots = np.array([SLOTS.index(Slot(g["slot"])) for g in photo["garments"]], np.int64)
        kind = "demo" if len(boxes) else "none"
        pairs.append((picture, Scene(np.asarray(picture), boxes, slots, np.zeros((0, 4), np.float32), kind)))
    return pairs


def milliseconds(detector: Detector, scenes: Sequence[Scene]) -> dict[str, float]:
    """Median and 95th percentile of `detect`, one picture at a time, decoding of the file left out."""
    times = []
    for scene in scenes:
        picture = Image.fromarray(scene.rgb)
        start = time.perf_counter()
        detector.detect(picture)
        times.append(1000 * (time.perf_counter() - start))
    return {"ms_median": float(np.median(times)), "ms_p95": float(np.quantile(times, 0.95))}


def held_out_scenes(studio: Studio, n: int, seed: int) -> list[Scene]:
    """`n` scenes, the kinds in the shares of KINDS, each from a generator of its own."""
    kinds = np.random.default_rng(seed).choice(list(KINDS), n, p=list(KINDS.values()))
    return [studio.scene(np.random.default_rng([seed, i]), str(kind)) for i, kind in enumerate(kinds)]


def run(detector: Detector, data_dir: Path, *, n: int = 600, seed: int = 0) -> Result:
    """The whole measurement on `data_dir` (styles.csv and the archives beside it)."""
    photos = list(own_photos(data_dir, "validation"))
    pieces = list(cut_catalogue(data_dir, keep=is_held_out))
    scenes = held_out_scenes(Studio(pieces, photos, SCENE_PX), n, seed)
    pictures = [Image.fromarray(scene.rgb) for scene in scenes]
    figures = measure([detector.detect(picture) for picture in pictures], scenes)
    baseline = WholeImageDetector()
    whole = measure([baseline.detect(picture) for picture in pictures], scenes)
    figures |= {f"whole_image_{name}": whole[name] for name in ("box_recall", "box_precision")}
    figures |= measure_photos(detector, photos) | milliseconds(detector, scenes[:100])
    drawn = drawn_scenes(resources.path("demo/photos"))
    demo = measure([detector.detect(picture) for picture, _ in drawn], [scene for _, scene in drawn])
    figures |= {f"demo_photos_{name}": demo[name] for name in ("garments", "box_recall", "box_precision")}
    command = f"python -m retrieval.evaluation.detection DATA --scenes {n} --seed {seed}"
    return Result("detector", command, revision(), seed, n, {k: round(v, 4) for k, v in figures.items()})


def main() -> None:
    from retrieval.detectors.compact import CompactDetector

    parser = argparse.ArgumentParser(description="Measure the compact detector on held-out products and photos.")
    parser.add_argument(
        "data", type=Path, help="folder with styles.csv, catalog-images.zip, photos.zip, user-photos.zip"
    )
    parser.add_argument("--scenes", type=int, default=600)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    result = run(CompactDetector(), given.data, n=given.scenes, seed=given.seed)
    for name, value in result.figures.items():
        print(f"{name:32} {value:.4f}")
    print(write(result))


if __name__ == "__main__":
    main()
