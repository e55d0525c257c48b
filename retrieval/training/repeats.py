"""Pictures that show the same: difference hashes to find candidates, pixels to decide."""

from __future__ import annotations

import numpy as np

NEAR_BITS = 6  # difference hashes (64 bits) that differ by more are not compared further
NEAR_LEVELS = 4.0  # mean absolute difference, in levels of 255, up to which two pictures count as the same: JPEG noise


def difference_hashes(pixels: np.ndarray) -> np.ndarray:
    """(n, h, w, 3) uint8 -> (n,) uint64: is each cell of an 8 x 8 grid brighter than its right neighbour."""
    grey = pixels.astype(np.float32).mean(3)
    n, h, w = grey.shape
    y, x = np.linspace(0, h, 9).astype(int), np.linspace(0, w, 10).astype(int)
    cells = np.add.reduceat(np.add.reduceat(grey, y[:-1], 1), x[:-1], 2) / (np.diff(y)[:, None] * np.diff(x)[None])
    bits = (cells[:, :, :-1] > cells[:, :, 1:] + 0.5).reshape(n, 64)
    return (bits.astype(np.uint64) << np.arange(64, dtype=np.uint64)).sum(1, dtype=np.uint64)


class Repeats:
    """Looks up which of `pixels` (n, h, w, 3) uint8 show the same as a given picture."""

    def __init__(self, pixels: np.ndarray) -> None:
        self._pixels = pixels
        self._hashes = difference_hashes(pixels)
        self._colours = pixels.mean((1, 2), dtype=np.float32)

    def of(self, picture: np.ndarray) -> np.ndarray:
        """Positions of the pictures that are the same as one (h, w, 3) uint8, within NEAR_BITS and NEAR_LEVELS."""
        near = np.flatnonzero(np.bitwise_count(self._hashes ^ difference_hashes(picture[None])[0]) <= NEAR_BITS)
        colour = picture.mean((0, 1), dtype=np.float32)
        near = near[np.abs(self._colours[near] - colour).max(1) <= NEAR_LEVELS]  # means differ by no more than pixels do
        gaps = np.abs(self._pixels[near].astype(np.int16) - picture).mean((1, 2, 3))
        return near[gaps <= NEAR_LEVELS]


def groups(pixels: np.ndarray) -> np.ndarray:
    """Group number of each picture, (n,) int64: equal for pictures joined by a chain of repeats."""
    repeats = Repeats(pixels)
    group = np.arange(len(pixels))
    for i in range(len(pixels)):
        joined = np.unique(group[repeats.of(pixels[i])])
        if len(joined) > 1:
            group[np.isin(group, joined)] = joined.min()
    return group
