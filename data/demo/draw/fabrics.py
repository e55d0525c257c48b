"""What cloth, leather and metal do to light: fine relief, fine tone, folds and sheen, as numpy fields."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage


@dataclass(frozen=True)
class Fabric:
    """How a material looks. `wrinkle` and `grain` are relief in px, `tone` is relative albedo noise, `sheen` is light
    added by a highlight of sharpness `gloss`, `depth` how strongly relief darkens and lightens."""

    weave: str
    wrinkle: float = 1.0
    grain: float = 0.25
    tone: float = 0.03
    sheen: float = 0.06
    gloss: float = 6.0
    depth: float = 1.0


FABRICS: dict[str, Fabric] = {
    "jersey": Fabric("fine", wrinkle=1.2, grain=0.05, tone=0.02),
    "melange": Fabric("melange", wrinkle=1.2, grain=0.04, tone=0.06),
    "poplin": Fabric("thread", wrinkle=1.3, grain=0.06, tone=0.02),
    "linen": Fabric("slub", wrinkle=1.3, grain=0.08, tone=0.03),
    "pique": Fabric("pique", wrinkle=1.1, grain=0.12, tone=0.03),
    "denim": Fabric("twill", wrinkle=1.2, grain=0.14, tone=0.055, sheen=0.03),
    "twill": Fabric("twill", wrinkle=1.1, grain=0.08, tone=0.03),
    "wool": Fabric("felt", wrinkle=0.7, grain=0.07, tone=0.05, sheen=0.03),
    "suiting": Fabric("thread", wrinkle=0.45, grain=0.08, tone=0.03, sheen=0.04),
    "tweed": Fabric("tweed", wrinkle=0.5, grain=0.15, tone=0.13, sheen=0.02),
    "knit": Fabric("knit", wrinkle=0.9, grain=0.24, tone=0.025, sheen=0.03),
    "rib": Fabric("rib", wrinkle=0.4, grain=0.75, tone=0.03, sheen=0.03),
    "cable": Fabric("cable", wrinkle=0.5, grain=0.55, tone=0.02, sheen=0.03),
    "fleece": Fabric("felt", wrinkle=1.1, grain=0.06, tone=0.03, sheen=0.02),
    "corduroy": Fabric("cord", wrinkle=0.7, grain=0.5, tone=0.04, sheen=0.05),
    "satin": Fabric("smooth", wrinkle=1.2, grain=0.02, tone=0.01, sheen=0.26, gloss=9.0, depth=1.2),
    "silk": Fabric("smooth", wrinkle=1.0, grain=0.03, tone=0.015, sheen=0.14, gloss=7.0),
    "chiffon": Fabric("fine", wrinkle=1.2, grain=0.03, tone=0.015, sheen=0.05),
    "nylon": Fabric("ripstop", wrinkle=1.3, grain=0.06, tone=0.015, sheen=0.16, gloss=10.0),
    "mesh": Fabric("mesh", wrinkle=0.3, grain=0.45, tone=0.03),
    "canvas": Fabric("canvas", wrinkle=0.5, grain=0.28, tone=0.04, sheen=0.03),
    "leather": Fabric("grained", wrinkle=0.55, grain=0.035, tone=0.03, sheen=0.20, gloss=12.0),
    "smooth leather": Fabric("grained", wrinkle=0.35, grain=0.05, tone=0.02, sheen=0.28, gloss=16.0),
    "patent": Fabric("smooth", wrinkle=0.25, grain=0.0, tone=0.0, sheen=0.60, gloss=26.0),
    "suede": Fabric("felt", wrinkle=0.5, grain=0.07, tone=0.06, sheen=0.01),
    "rubber": Fabric("smooth", wrinkle=0.0, grain=0.0, tone=0.01, sheen=0.07, gloss=8.0),
    "plastic": Fabric("smooth", wrinkle=0.0, grain=0.0, tone=0.0, sheen=0.40, gloss=22.0),
    "metal": Fabric("smooth", wrinkle=0.0, grain=0.0, tone=0.0, sheen=0.65, gloss=9.0, depth=1.5),
    "straw": Fabric("straw", wrinkle=0.1, grain=0.9, tone=0.08, sheen=0.03),
    "quilt": Fabric("smooth", wrinkle=0.9, grain=0.03, tone=0.01, sheen=0.16, gloss=9.0),
}


def noise(shape: tuple[int, int], rng: np.random.Generator, sigma: tuple[float, float]) -> np.ndarray:
    """Gaussian noise smoothed by `sigma` px (rows, columns), standard deviation 1."""
    step = max(1, int(min(sigma) // 3))
    small = rng.standard_normal((shape[0] // step + 2, shape[1] // step + 2)).astype(np.float32)
    small = ndimage.gaussian_filter(small, (sigma[0] / step, sigma[1] / step), mode="wrap")
    small /= small.std() + 1e-9
    if step == 1:
        return small[: shape[0], : shape[1]]
    big = ndimage.zoom(small, step, order=1, mode="grid-wrap")
    return big[: shape[0], : shape[1]]


def turned(shape: tuple[int, int], degrees: float, s: float) -> tuple[np.ndarray, np.ndarray]:
    """Cloth coordinates in canvas px: u across, v along the grain that leans by `degrees`."""
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32) / s
    c, sn = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return x * c + y * sn, -x * sn + y * c


def texture(fabric: Fabric, shape, s: float, rng, degrees: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Fine relief (px) and fine tone (factor about 1) of a weave; `s` is device px per canvas px."""
    u, v = turned(shape, degrees, s)
    two_pi = 2 * np.pi
    weave = fabric.weave
    soft = noise(shape, rng, (0.8, 0.8)).astype(np.float32)
    relief = np.zeros(shape, np.float32)
    tone = soft * 0.5
    if weave == "fine":
        relief = soft * 0.6
    elif weave == "melange":
        tone = noise(shape, rng, (0.7, 1.6)) * 0.6 + soft * 0.4
    elif weave in ("thread", "canvas"):
        pitch = 2.2 if weave == "thread" else 3.4
        relief = np.sin(two_pi * u / pitch) * np.sin(two_pi * v / pitch)
    elif weave == "slub":
        tone = noise(shape, rng, (0.7, 5.0)) * 0.5 + noise(shape, rng, (5.0, 0.7)) * 0.5
        relief = tone
    elif weave == "pique":
        relief = np.sin(two_pi * (u + v) / 4.4) * np.sin(two_pi * (u - v) / 4.4)
    elif weave == "twill":
        relief = np.sin(two_pi * (u * 0.8 + v * 0.6) / 3.0)
        tone = 0.5 * soft + 0.5 * noise(shape, rng, (3.0, 0.8)) + 0.35 * relief
    elif weave == "felt":
        relief = soft
        tone = soft * 0.6 + noise(shape, rng, (2.0, 2.0)) * 0.3
    elif weave == "tweed":
        herring = np.sin(two_pi * (u + np.abs((v / 14) % 1 - 0.5) * 9) / 3.4)
        tone = 0.5 * herring + 0.5 * soft
        relief = soft
    elif weave == "knit":
        column = (u / 5.2) % 1 - 0.5
        chevron = v / 4.6 + np.abs(column) * 1.3
        relief = np.sin(two_pi * chevron) * (0.5 - np.abs(column)) * 1.6 - np.exp(-((np.abs(column) - 0.5) ** 2) / 0.012)
    elif weave == "rib":
        relief = np.cos(two_pi * u / 5.6)
    elif weave == "cord":
        relief = np.abs(np.cos(np.pi * u / 5.0)) * 1.4
    elif weave == "cable":
        phase = u / 46.0
        inside = np.abs(phase % 1 - 0.5) < 0.26
        twist = np.sin(two_pi * (u / 12 + np.sin(two_pi * v / 34) * 0.45)) * 1.5
        plain = np.cos(two_pi * u / 5.4) * 0.5
        relief = np.where(inside, twist, plain) + 0.15 * np.sin(two_pi * v / 4.2)
    elif weave == "ripstop":
        relief = -(np.exp(-(((u / 7) % 1 - 0.5) ** 2) / 0.006) + np.exp(-(((v / 7) % 1 - 0.5) ** 2) / 0.006))
    elif weave == "mesh":
        relief = np.sin(two_pi * (u * 0.866 + v * 0.5) / 4.6) * np.sin(two_pi * (v * 0.866 - u * 0.5) / 4.6)
    elif weave == "grained":
        relief = -np.abs(noise(shape, rng, (1.7 * s, 1.7 * s)))
    elif weave == "straw":
        row = v / 6.0
        relief = np.abs(np.sin(np.pi * row)) * 1.4 + 0.5 * np.sin(two_pi * (u / 5.0 + 0.5 * np.floor(row)))
    return fabric.grain * relief, 1.0 + fabric.tone * tone


def wrinkles(fabric: Fabric, shape, s: float, rng, degrees: float = 0.0) -> np.ndarray:
    """Soft cloth undulation in px of relief: long along the grain, with a few sharper creases."""
    if fabric.wrinkle == 0:
        return np.zeros(shape, np.float32)
    step = 4  # nothing here is finer than 4 px
    small = (shape[0] // step + 2, shape[1] // step + 2)
    side = int(np.hypot(*small)) + 4
    k = s / step
    soft = noise((side, side), rng, (40 * k, 13 * k))
    broad = noise((side, side), rng, (26 * k, 26 * k))
    crease = np.minimum(np.abs(noise((side, side), rng, (30 * k, 12 * k))), 0.35)
    field = 0.9 * soft + 0.8 * broad - 0.5 * ndimage.gaussian_filter(crease, 1.2 * k)
    if degrees:
        field = ndimage.rotate(field, -degrees, reshape=False, order=1, mode="grid-wrap")
    y0, x0 = (side - small[0]) // 2, (side - small[1]) // 2
    field = ndimage.zoom(field[y0 : y0 + small[0], x0 : x0 + small[1]], step, order=1, mode="nearest", grid_mode=True)
    field = ndimage.uniform_filter(field, step)
    return (fabric.wrinkle * field[: shape[0], : shape[1]]).astype(np.float32)
