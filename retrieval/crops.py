"""From a detector's boxes to one crop: suppression, the three outcomes, the crop itself. Pure functions.

A box drawn by hand goes the same way as a detected one: `drawn(image.size, box)` makes a detection of it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from retrieval.errors import InvalidBox, InvalidSetting
from retrieval.items import Box, Detection

if TYPE_CHECKING:
    from PIL.Image import Image

LONG_SIDE_PX = 400  # the anchor's own figure: crops are scaled in proportion until the longer side is this long
SAME_SLOT_IOU = 0.5  # two boxes of one slot that overlap more than this are one garment (the usual IoU of evaluation)
ANY_SLOT_IOU = 0.85  # two boxes that nearly coincide are one garment seen under two names: a long top, a short dress
MOST_GARMENTS = 40  # more than anyone can choose from; also bounds the work that a busy photo causes
DRAWN_LABEL = "drawn by hand"


@dataclass(frozen=True, slots=True)
class NoGarment:
    """Nothing wearable was found: to be said so, not guessed at."""

    detections: tuple[Detection, ...] = ()


@dataclass(frozen=True, slots=True)
class OneGarment:
    """One garment was found or chosen: the search goes on with it."""

    detection: Detection

    @property
    def detections(self) -> tuple[Detection, ...]:
        return (self.detection,)


@dataclass(frozen=True, slots=True)
class SeveralGarments:
    """The person chooses: two detections or more, confidence descending. `left_out` counts those beyond the limit."""

    detections: tuple[Detection, ...]
    left_out: int = 0


Outcome = NoGarment | OneGarment | SeveralGarments


def suppress(
    detections: Sequence[Detection], *, same_slot_iou: float = SAME_SLOT_IOU, any_slot_iou: float = ANY_SLOT_IOU
) -> list[Detection]:
    """Greedy class-aware non-maximum suppression, the surest box kept; ties are broken by place.

    A detection whose slot is unknown is compared by its label. Bag over coat, belt over trousers: boxes of different
    slots live together until they nearly coincide (`any_slot_iou`). Thresholds are in (0, 1]; others raise
    InvalidSetting.
    """
    for name, value in (("same_slot_iou", same_slot_iou), ("any_slot_iou", any_slot_iou)):
        if not 0 < value <= 1:
            raise InvalidSetting(f"{name} is {value}: expected an overlap in (0, 1]")
    kept: list[Detection] = []
    for one in sorted(detections, key=lambda d: (-d.confidence, d.box.as_tuple())):
        for other in kept:
            same = (one.slot or one.label) == (other.slot or other.label)
            if one.box.iou(other.box) > (min(same_slot_iou, any_slot_iou) if same else any_slot_iou):
                break
        else:
            kept.append(one)
    return kept


def outcome(detections: Sequence[Detection], *, most: int = MOST_GARMENTS) -> Outcome:
    """None, one or several garments, after suppression. At most `most` are offered, the surest first."""
    if most < 2:
        raise InvalidSetting(f"most is {most}: expected 2 or more, or there is nothing to choose from")
    kept = suppress(detections)
    if not kept:
        return NoGarment()
    if len(kept) == 1:
        return OneGarment(kept[0])
    return SeveralGarments(tuple(kept[:most]), left_out=max(0, len(kept) - most))


def drawn(size: tuple[int, int], box: Box) -> Detection:
    """A rectangle that a person drew on a picture of `size` (width, height) in pixels, clipped to it, as a detection.

    Raises InvalidBox where it lies outside the picture.
    """
    return Detection(_inside(size, box), DRAWN_LABEL, 1.0)


def crop(image: Image, box: Box, *, scale: float = 1.0, long_side_px: int = LONG_SIDE_PX) -> Image:
    """The rectangle of a garment, background kept, its longer side `long_side_px` long.

    The box grows (or shrinks) by `scale` about its own centre, is clamped to the picture, rounded outwards to whole
    pixels, cut, and resized in proportion by bicubic interpolation. Smaller crops are enlarged to the same size: the
    search compares crops at one scale. The background stays, since pixel-exact masks were found to hurt retrieval.
    Raises InvalidBox where the box, grown, lies outside the picture; InvalidSetting for a scale or size of no use.
    """
    from PIL import Image as pillow

    if not (math.isfinite(scale) and scale > 0):
        raise InvalidSetting(f"crop scale is {scale}: expected a number above 0, 1 for the box as it is")
    if long_side_px < 1:
        raise InvalidSetting(f"crop size is {long_side_px} px: expected 1 or more")
    _inside(image.size, box)  # a box outside the picture is refused, even if grown it would touch it
    inner = _inside(image.size, box.scale(scale))
    left, top = math.floor(inner.x0), math.floor(inner.y0)
    right, bottom = math.ceil(inner.x1), math.ceil(inner.y1)
    width, height = right - left, bottom - top
    factor = long_side_px / max(width, height)
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    return image.convert("RGB").crop((left, top, right, bottom)).resize(size, pillow.Resampling.BICUBIC)


def _inside(size: tuple[int, int], box: Box) -> Box:
    try:
        if not all(math.isfinite(v) for v in box.as_tuple()):
            raise InvalidBox("not finite")
        return box.clip(*size)
    except InvalidBox as error:
        raise InvalidBox(
            f"box {box.as_tuple()} lies outside the picture of {size[0]} x {size[1]} px",
            hint="draw the box on the photo itself, or leave it out to take the whole photo",
        ) from error
