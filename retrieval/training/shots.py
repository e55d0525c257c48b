"""Shot tags read from the pixels, where no vision-language model is configured: what can be told, and nothing else.

Real scene, part or whole, and quality follow from ground, border and sharpness. Whether a person wears the garment, and
from which side it is seen, cannot be told this way: those tags stay None.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from retrieval.ports import ShotReader
from retrieval.training.cache import flood_masks
from retrieval.training.folder import FolderPictures
from retrieval.training.manifest import Shot
from retrieval.training.repeats import groups

PLAIN_LEVELS = 14  # of 255: a border whose pixels differ from their median by less is a studio's ground
PLAIN_SHARE = 0.6  # of the border's pixels
CUT_SIDES = 3  # a garment that reaches this many sides of the frame is shown in part
CUT_SHARE = 0.35  # of a side's pixels, to reach it


@dataclass(frozen=True, slots=True)
class PixelTags:
    """What a picture's pixels say. `plain` and `reached` are the measures behind the first two answers."""

    real_scene: bool
    whole: bool | None
    quality: float
    plain: float
    reached: int


def tags(picture: np.ndarray) -> PixelTags:
    """(h, w, 3) uint8 RGB, at least 32 x 32 -> tags. `whole` is None in a real scene: the ground is not known there."""
    border = np.concatenate((picture[0], picture[-1], picture[:, 0], picture[:, -1])).astype(np.int16)
    plain = float((np.abs(border - np.median(border, 0)).max(1) <= PLAIN_LEVELS).mean())
    real = plain < PLAIN_SHARE
    sides, reached = (), 0
    if not real:
        mask = flood_masks(picture[None])[0] > 0
        sides = (mask[0].mean(), mask[-1].mean(), mask[:, 0].mean(), mask[:, -1].mean())
        reached = sum(bool(s >= CUT_SHARE) for s in sides)
    return PixelTags(real, None if real else reached < CUT_SIDES, quality(picture), plain, reached)


def quality(picture: np.ndarray) -> float:
    """From 0, unusable, to 1, clean: sharpness (variance of the Laplacian, 1 from 200 levels²) times exposure (1 unless
    more than half of what is not white is nearly black).
    """
    grey = picture.astype(np.float32).mean(2)
    laplacian = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * grey[1:-1, 1:-1]
    sharp = min(1.0, float(laplacian.var()) / 200)
    shown = grey[grey < 236]
    dark = float((shown < 12).mean()) if shown.size else 1.0
    return round(sharp * (1.0 if dark <= 0.5 else 2 * (1 - dark)), 3)


def shots_of(found: FolderPictures, reader: ShotReader | None = None) -> list[Shot]:
    """A folder's pictures as tagged shots, by `reader` where there is one, else by the pixels alone."""
    same = groups(found.pictures)
    counted = np.bincount(same, minlength=len(same))
    shots = []
    for i, name in enumerate(found.names):
        picture = found.pictures[i]
        read = tags(picture) if reader is None else reader.tags([Image.fromarray(picture)])[0]
        repeated = int(same[i]) if counted[same[i]] > 1 else None
        shots.append(
            Shot(name, found.products[i], read.real_scene, read.whole, getattr(read, "angle", None), read.quality, repeated)
        )
    return shots
