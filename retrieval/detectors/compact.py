"""The embedded garment detector: a small anchor-free network in ONNX, decoded in numpy. No torch, no download.

The network looks at one small square picture (its file says how large) and says, for each place of a grid of 8 px and
each of the seven slots, how likely a garment's middle is there, and how far its four sides are from that place (CenterNet,
Zhou et al., 2019; distances as in FCOS, Tian et al., 2019). It is made by `retrieval/training/detector.py`; its card is
`data/weights/detector.md`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from retrieval import resources
from retrieval.crops import suppress
from retrieval.errors import InvalidSetting, ModelUnavailable
from retrieval.items import Box, Detection, Slot
from retrieval.lexicon import spans
from retrieval.vocabulary import slot_of

if TYPE_CHECKING:
    from PIL.Image import Image

STRIDE_PX = 8
PAD_GREY = 114  # the letterbox's margin, as in training
MOST_PEAKS = 100  # places looked at per picture before suppression
SLOTS = tuple(Slot)  # class number = place in this tuple


def letterbox(image: Image, size_px: int) -> tuple[np.ndarray, float, tuple[int, int]]:
    """A picture scaled in proportion into the middle of a grey square.

    Returns (size, size, 3) uint8, the scale (square px per picture px), and the left and top margin in square px.
    """
    from PIL import Image as pillow

    scale = size_px / max(image.size)
    width, height = (max(1, round(side * scale)) for side in image.size)
    x, y = (size_px - width) // 2, (size_px - height) // 2
    square = np.full((size_px, size_px, 3), PAD_GREY, np.uint8)
    small = image.convert("RGB").resize((width, height), pillow.Resampling.BILINEAR, reducing_gap=2.0)
    square[y : y + height, x : x + width] = np.asarray(small)
    return square, scale, (x, y)


def as_input(square: np.ndarray) -> np.ndarray:
    """(s, s, 3) uint8 -> (1, 3, s, s) float32 in about [-2, 2]: (x - 127.5) / 64."""
    return ((square.astype(np.float32) - 127.5) / 64).transpose(2, 0, 1)[None]


def peaks(heat: np.ndarray, threshold: float, most: int = MOST_PEAKS) -> list[tuple[int, int, int, float]]:
    """Places that are the highest of their 3 x 3 neighbours and at least `threshold`, highest first.

    `heat`: (classes, h, w) in [0, 1]. Returns (class, row, column, height) of at most `most` places.
    """
    padded = np.pad(heat, ((0, 0), (1, 1), (1, 1)), constant_values=-1.0)
    _, h, w = heat.shape
    highest = np.max([padded[:, y : y + h, x : x + w] for y in range(3) for x in range(3)], axis=0)
    at = np.argwhere((heat >= highest) & (heat >= threshold))
    found = [(int(k), int(y), int(x), float(heat[k, y, x])) for k, y, x in at]
    return sorted(found, key=lambda p: (-p[3], p[:3]))[:most]


def calibrated(heat: np.ndarray, scale: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Heat -> probability that a garment of that slot is there: sigmoid(scale * logit(heat) + shift), by class.

    `heat`: (classes, h, w) in [0, 1]; `scale` (above 0) and `shift`: (classes,), fitted by Platt's method (1999).
    """
    p = np.clip(heat, 1e-6, 1 - 1e-6)
    logit = np.log(p) - np.log1p(-p)
    return 1 / (1 + np.exp(-(scale[:, None, None] * logit + shift[:, None, None])))


def decode(
    heat: np.ndarray, sides: np.ndarray, threshold: float, stride_px: int = STRIDE_PX
) -> list[tuple[int, float, tuple[float, float, float, float]]]:
    """What the network says -> (class, confidence, xyxy in input px), surest first, before suppression.

    `heat`: (classes, h, w) in [0, 1]. `sides`: (4, h, w), distances in px from a place's middle to the left, top, right
    and bottom side. `threshold`: least confidence.
    """
    found = []
    for k, y, x, height in peaks(heat, threshold):
        left, top, right, bottom = (float(v) for v in sides[:, y, x])
        cx, cy = (x + 0.5) * stride_px, (y + 0.5) * stride_px
        if left + right > 0 and top + bottom > 0:
            found.append((k, height, (cx - left, cy - top, cx + right, cy + bottom)))
    return found


def found_in(
    decoded: Sequence[tuple[int, float, tuple[float, float, float, float]]],
    size: tuple[int, int],
    scale: float,
    margin: tuple[int, int],
) -> list[Detection]:
    """What `decode` gave, put back into a picture of `size` (width, height) px by undoing its `letterbox`.

    Boxes are clipped, what lies in the margin alone is left out, and overlapping boxes are merged.
    """
    found = []
    for k, confidence, corners in decoded:
        x0, y0, x1, y1 = (
            min(max((value - before) / scale, 0.0), float(side))
            for value, before, side in zip(corners, margin * 2, size * 2, strict=True)
        )
        if x1 > x0 and y1 > y0:
            found.append(Detection(Box(x0, y0, x1, y1), SLOTS[k].value, confidence, SLOTS[k]))
    return suppress(found)


def slots_meant(label: str) -> frozenset[Slot]:
    """The slots that a label names, by a slot's own name or by a word of the lexicon that is all of it; none for others.

    >>> sorted(slots_meant("shoes")), sorted(slots_meant("裙子")), sorted(slots_meant("hat with a feather"))
    ([<Slot.SHOES: 'shoes'>], [<Slot.BOTTOM: 'bottom'>, <Slot.ONE_PIECE: 'one-piece'>], [])
    """
    if label in {slot.value for slot in SLOTS}:
        return frozenset({Slot(label)})
    said = [span.term for span in spans(label)]
    if len(said) != 1 or said[0] is None or said[0].kind not in ("slot", "category"):
        return frozenset()
    if said[0].kind == "slot":
        return frozenset({Slot(said[0].name)})
    return frozenset(filter(None, map(slot_of, said[0].categories)))


class CompactDetector:
    """Garments of a photo with slot and confidence, by the network in `weights` (ONNX; its facts beside it, .json).

    Without `weights`, those that ship: `data/weights/detector.onnx`.

    `threshold` replaces the shipped least confidence, in (0, 1); InvalidSetting where it is out of range.
    Raises ModelUnavailable where the file is missing or is no such network.
    """

    name = "compact"

    def __init__(self, weights: Path | None = None, *, threshold: float | None = None, threads: int = 1) -> None:
        import onnxruntime

        if threshold is not None and not 0 < threshold < 1:
            raise InvalidSetting(f"detector threshold is {threshold}: expected a confidence between 0 and 1")
        weights = weights or resources.path("weights/detector.onnx")
        facts = weights.with_suffix(".json")
        for path in (weights, facts):
            if not path.is_file():
                raise ModelUnavailable(
                    f"compact detector not found: no file {path}",
                    hint="reinstall the package, or make it again: python -m retrieval.training.detector_recipe --help",
                )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        try:
            known = json.loads(facts.read_text(encoding="utf-8"))
            pairs = np.array([known["calibration"][slot.value] for slot in SLOTS], np.float64)
            self._scale, self._shift = pairs[:, 0], pairs[:, 1]
            self.threshold = float(known["threshold"]) if threshold is None else threshold
            self._session = onnxruntime.InferenceSession(str(weights), options, providers=["CPUExecutionProvider"])
            self.size_px = int(self._session.get_inputs()[0].shape[2])
        except Exception as error:  # onnxruntime raises classes of its own for each kind of broken file
            raise ModelUnavailable(
                f"compact detector cannot be read from {weights}: {error}",
                hint="reinstall the package, or make it again: python -m retrieval.training.detector_recipe --help",
            ) from error

    def detect(self, image: Image, labels: Sequence[str] = ()) -> list[Detection]:
        """Garments of seven slots, boxes in the picture's pixels. `labels` that name slots, or garments of one in English
        or Chinese (鞋, "jeans"), narrow them; others are ignored, as the network knows nothing else."""
        wanted = {slot.value for label in labels for slot in slots_meant(label)}
        square, scale, margin = letterbox(image, self.size_px)
        heat, sides = self._session.run(None, {"image": as_input(square)})
        sure = calibrated(heat[0].astype(np.float64), self._scale, self._shift)
        found = found_in(decode(sure, sides[0], self.threshold), image.size, scale, margin)
        return [one for one in found if not wanted or one.label in wanted]
