"""Failures as a picture: each row the query, the right product, and the five that were found instead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

_GAP, _HEAD = 6, 16


@dataclass(frozen=True, slots=True)
class Failure:
    """`query`, `right` and `found` (best first) are (h, w, 3) uint8 of one size; `rank` of the right one, 0 for none."""

    query: np.ndarray
    right: np.ndarray
    found: Sequence[np.ndarray]
    rank: int
    name: str


def draw(failures: Sequence[Failure], file: Path, *, most: int = 24) -> None:
    """Write the first `most` failures as one PNG."""
    shown = failures[:most]
    if not shown:
        Image.new("RGB", (200, 40), "white").save(file)
        return
    h, w = shown[0].query.shape[:2]
    columns = 2 + max(len(f.found) for f in shown)
    sheet = Image.new("RGB", (columns * (w + _GAP) + 3 * _GAP, len(shown) * (h + _HEAD + _GAP)), "white")
    pen = ImageDraw.Draw(sheet)
    for row, failure in enumerate(shown):
        y = row * (h + _HEAD + _GAP)
        pen.text((2, y), f"{failure.name}: the right one is at rank {failure.rank}", fill=(60, 60, 60))
        for column, picture in enumerate((failure.query, failure.right, *failure.found)):
            x = column * (w + _GAP) + (3 * _GAP if column > 1 else 0)
            sheet.paste(Image.fromarray(picture), (x, y + _HEAD))
    sheet.save(file, optimize=True)
