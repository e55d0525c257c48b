"""Surroundings for the demo photos: (height, width, 3) float32 in [0, 1]."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from data.demo.draw.colours import rgb
from data.demo.draw.fabrics import noise
from data.demo.draw.paint import blur


def _tinted(shade: np.ndarray, colour: str) -> np.ndarray:
    return np.clip(np.array(rgb(colour), np.float32) * shade[..., None], 0, 1)


def _lit(relief: np.ndarray, strength: float = 1.0) -> np.ndarray:
    gy, gx = np.gradient(relief)
    return np.clip(1 - strength * (gx * 0.5 + gy * 0.7) * -1.0, 0.6, 1.3).astype(np.float32)


def wood(h: int, w: int, rng, colour: str = "#a9794f", plank: int = 118) -> np.ndarray:
    """Floorboards that run from left to right."""
    picture = np.zeros((h, w, 3), np.float32)
    for top in range(0, h, plank):
        rows = min(plank, h - top)
        shift = int(rng.integers(0, w))
        grain = noise((rows, w), rng, (2.2, 60.0)) * 0.05 + noise((rows, w), rng, (9.0, 160.0)) * 0.05
        rings = 0.03 * np.sin(noise((rows, w), rng, (16.0, 140.0)) * 9)
        shade = 1 + rng.uniform(-0.08, 0.08) + grain + rings
        shade[:2] *= 0.62
        shade[2:4] *= 1.06
        joint = shift % w
        shade[:, joint : joint + 2] *= 0.66
        picture[top : top + rows] = _tinted(shade, colour)
    return picture


def bed(h: int, w: int, rng, colour: str = "#e4e2dc") -> np.ndarray:
    """Crumpled bed linen."""
    side = int(np.hypot(h, w)) + 4
    broad = noise((side, side), rng, (150.0, 90.0)) * 24
    folds = np.minimum(np.abs(noise((side, side), rng, (190.0, 42.0))), 0.55) * -17
    small = np.minimum(np.abs(noise((side, side), rng, (80.0, 24.0))), 0.4) * -4
    relief = ndimage.rotate(blur(broad, 3.0) + blur(folds, 7.0) + blur(small, 4.0), 34, reshape=False, order=1,
        mode="mirror")
    y0, x0 = (side - h) // 2, (side - w) // 2
    return _tinted(_lit(relief[y0 : y0 + h, x0 : x0 + w], 0.7),
        colour) * (1 + 0.01 * noise((h, w), rng, (0.7, 0.7)))[..., None]


def plaster(h: int, w: int, rng, colour: str = "#cfd3cf") -> np.ndarray:
    return _tinted(1 + 0.012 * noise((h, w), rng, (1.4, 1.4)) + 0.015 * noise((h, w), rng, (60.0, 60.0)), colour)


def concrete(h: int, w: int, rng, colour: str = "#8f9293") -> np.ndarray:
    return _tinted(1 + 0.05 * noise((h, w), rng, (40.0, 40.0)) + 0.03 * noise((h, w), rng,
        (6.0, 6.0)) + 0.02 * noise((h, w), rng, (0.8, 0.8)), colour)


def rug(h: int, w: int, rng, colour: str = "#7d5a5a", band: str = "#d8c9ae") -> np.ndarray:
    """A woven carpet with two bands."""
    y, x = np.mgrid[0:h, 0:w].astype(np.float32)
    weave = 1 + 0.10 * np.sin(x * 1.05) * np.sin(y * 1.25) + 0.05 * noise((h, w), rng, (1.0, 3.0))
    picture = _tinted(weave, colour)
    for at in (0.12, 0.17, 0.86):
        rows = slice(int(h * at), int(h * (at + 0.025)))
        picture[rows] = _tinted(weave[rows], band)
    return picture


def room(h: int, w: int, rng, wall: str = "#c9cdc6", floor: str = "#8b6a4c", horizon: float = 0.80) -> np.ndarray:
    """A wall that meets boards at a skirting."""
    picture = plaster(h, w, rng, wall)
    at = int(h * horizon)
    picture[at:] = wood(h - at, w, rng, floor, plank=34) * np.linspace(0.86, 1.06, h - at, dtype=np.float32)[:, None,
        None]
    picture[at - 26 : at] = _tinted(np.ones((26, w), np.float32), "#ebe9e2")
    picture[at - 28 : at - 26] *= 0.75
    picture[at - 2 : at + 4] *= 0.55
    return np.clip(picture, 0, 1)


def window_light(h: int, w: int, x: float, slant: float, width: float) -> np.ndarray:
    """A soft parallelogram of sun with the shadow of a bar; factor about 1."""
    yy, xx = np.mgrid[0:h, 0:w].astype(np.float32)
    u = (xx - w * x - slant * yy) / w
    sun = ((u > 0) & (u < width)).astype(np.float32)
    sun *= 1 - (np.abs(u - width / 2) < 0.012).astype(np.float32)
    return 0.90 + 0.20 * blur(sun, 12.0)
