"""From a checkpoint to the files that ship: heads calibrated, ONNX with parity, int8 where it costs next to nothing."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from retrieval.encoders.compact import IMAGE_FILE, TEXT_FILE, CompactModel, Head, palette_evidence
from retrieval.training import augment, cache, export
from retrieval.training.calibration import fit_head
from retrieval.training.data import TrainData, rng_for
from retrieval.training.nets import CompactNet, TextNet

INT8_LOSS = 0.005  # int8 ships only where category top-1 and rank-1 stay within half a point of float
CANNOT_TELL = {"category": 0.89, "sub_category": 0.97, "gender": 0.93, "colour": 0.72, "usage": 0.92, "season": 0.77}
TARGET = 0.8  # share of told answers that must be right, for a head without a line above
NEVER = 2.0  # a probability that is not reached
RANGES = 384  # pictures that the int8 ranges are read from


@dataclass(frozen=True, slots=True)
class Released:
    """What was written: largest differences, and the two figures of the calibration part in float and in int8."""

    image_gap: float
    text_gap: float
    precision: str
    float_figures: dict[str, float]
    int8_figures: dict[str, float]


def calibration_pictures(data: TrainData, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Of the calibration products, (n, 80, 64, 3) uint8: as the catalogue shows them, and as a shopper might."""
    plain = data.small[data.calibration]
    rng = rng_for(seed, 31337)
    size = augment.Size(cache.WIDTH_PX, cache.HEIGHT_PX)
    hard = []
    for at in np.array_split(data.calibration, max(1, len(data.calibration) // 128)):
        mask = torch.from_numpy(data.small_mask[at])[:, None].float() / 255
        hard.append(augment.shopper_view(augment.to_float(data.small[at]), mask, data.grounds, size, rng))
    return plain, augment.to_bytes(torch.cat(hard))


def fit_heads(
    answers: dict[str, np.ndarray], pixels: Sequence[np.ndarray], people: np.ndarray, data: TrainData
) -> dict[str, Head]:
    """Calibrated heads from a net's bare `answers` to `pixels`, the plain and then the hard calibration pictures, and its `people`
    logits for photos of the train folder, freshly cropped (there is no third folder: see the card). A net is surer of photos
    that it learned from than of others, so that head is never made surer than it is.
    """
    heads = {}
    for name, classes in data.classes.items():
        labels = np.tile(data.labels[name][data.calibration], 2)
        known = labels >= 0
        if not known.any():  # a feed without this column: the head never answers
            heads[name] = Head(tuple(classes), 1.0, np.zeros(len(classes), np.float32), NEVER)
            continue
        counts = np.bincount(data.labels[name][data.train] + 1, minlength=len(classes) + 1)[1:]
        measured = palette_evidence(pixels, classes)[known] if name == "colour" else None
        heads[name] = fit_head(
            tuple(classes), answers[name][known], labels[known], counts / counts.sum(),
            target=CANNOT_TELL.get(name, TARGET), measured=measured,
        )  # fmt: skip
    even = np.full(len(cache.PEOPLE_CLASSES), 1 / len(cache.PEOPLE_CLASSES))
    heads["people"] = fit_head(cache.PEOPLE_CLASSES, people, data.people_labels, even, target=TARGET, coolest=1.0)
    return heads


def people_pictures(data: TrainData, seed: int) -> np.ndarray:
    """People's photos of the train folder, (n, 80, 64, 3) uint8, cropped and lit anew."""
    size = augment.Size(cache.WIDTH_PX, cache.HEIGHT_PX)
    parts = np.array_split(data.people, max(1, len(data.people) // 128))
    own = [augment.people_view(augment.to_float(p), size, rng_for(seed, 4711, i)) for i, p in enumerate(parts)]
    return augment.to_bytes(torch.cat(own))


def figures(answers: dict[str, np.ndarray], data: TrainData) -> dict[str, float]:
    """Category top-1 of plain pictures and rank-1 of shopper's view to own picture, on the calibration part."""
    n = len(data.calibration)
    labels, group = data.labels["category"][data.calibration], data.group[data.calibration]
    found = (answers["instance"][n:] @ answers["instance"][:n].T).argmax(1)
    return {
        "category_top1": float((answers["category"][:n].argmax(1) == labels)[labels >= 0].mean()),
        "instance_rank1": float((group[found] == group).mean()),
    }


def served_features(
    data: TrainData, image: CompactNet, folder: Path, *, seed: int
) -> Callable[[np.ndarray], np.ndarray]:
    """A function from (n, 80, 64, 3) uint8 to pooled features, by the int8 file that `release` would make of the net."""
    bare, small = folder / "bare.onnx", folder / "int8.onnx"
    export.export_image(image, bare, {}, pooled=True)
    export.quantise(bare, small, _ranges(*calibration_pictures(data, seed)))
    model = CompactModel(small)
    return lambda pixels: model.outputs_of(list(pixels))["pooled"]


def _ranges(plain: np.ndarray, hard: np.ndarray) -> np.ndarray:
    return np.concatenate((plain[: RANGES // 2], hard[: RANGES // 2]))


def release(
    data: TrainData, image: CompactNet, text: TextNet, out: Path, *, seed: int,
    progress: Callable[[str], None] = print,
) -> Released:
    """Export the nets into `out`: image.onnx (int8 where within INT8_LOSS of float, else float32 with its convolutions
    stored as float16) and text.npz.
    """
    plain, hard = calibration_pictures(data, seed)
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        bare, full, small = (Path(folder) / f"{n}.onnx" for n in ("bare", "float", "int8"))
        export.export_image(image, bare, {})
        model = CompactModel(bare)
        answers = model.answers_of([*plain, *hard])
        people = model.answers_of(list(people_pictures(data, seed)))["people"]
        heads = fit_heads(answers, [*plain, *hard], people, data)
        gap = export.export_image(image, full, heads)
        progress(f"float model written, largest difference {gap:.1e}")
        export.quantise(full, small, _ranges(plain, hard))
        in_float = figures(answers, data)
        in_int8 = figures(CompactModel(small).answers_of([*plain, *hard]), data)
        progress(f"float {in_float}, int8 {in_int8}")
        is_close = all(in_int8[k] >= in_float[k] - INT8_LOSS for k in in_float)
        if not is_close:
            gap = export.export_image(image, full, heads, half=True)
        (out / IMAGE_FILE).write_bytes((small if is_close else full).read_bytes())
    text_gap = export.export_text(text, out / TEXT_FILE)
    return Released(gap, text_gap, "int8" if is_close else "float32", in_float, in_int8)
