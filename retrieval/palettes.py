"""From the pixels of a crop to a few colours: which pixels are garment, and what they gather around.

A crop keeps its background, so the pixels are weighed first: the backdrop (the colours of the frame's edge, flooded
inwards), skin, and whatever lies far from the middle count little or nothing. What is left is clustered in CIELAB
(D65, 2 degrees). Deterministic; numpy only.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

# sRGB (IEC 61966-2-1) to linear light, one entry per byte value.
_BYTE = np.arange(256) / 255
_LINEAR = np.where(_BYTE <= 0.04045, _BYTE / 12.92, ((_BYTE + 0.055) / 1.055) ** 2.4).astype(np.float32)
# Linear sRGB to CIE XYZ, each row divided by the D65 white (the row sums), as Lab needs it.
_RGB_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
_WHITE = _RGB_TO_XYZ.sum(axis=1)
_RGB_TO_RELATIVE = (_RGB_TO_XYZ / _WHITE[:, None]).astype(np.float32)
_EPSILON, _KAPPA = 216 / 24389, 24389 / 27  # CIE 15:2018, exact forms


def rgb_to_lab(rgb: np.ndarray) -> np.ndarray:
    """uint8 sRGB (..., 3) -> float32 CIELAB (..., 3): L in [0, 100], a and b about [-110, 110], white D65."""
    xyz = _LINEAR[rgb] @ _RGB_TO_RELATIVE.T
    f = np.where(xyz > _EPSILON, np.cbrt(xyz), (_KAPPA * xyz + 16) / 116)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1)


def lab_to_hex(lab: Sequence[float]) -> str:
    """The nearest sRGB colour of a CIELAB one, as `#rrggbb`; colours outside sRGB are clipped."""
    lightness, a, b = lab
    fy = (lightness + 16) / 116
    f = np.array([fy + a / 500, fy, fy - b / 200])
    relative = np.where(f**3 > _EPSILON, f**3, (116 * f - 16) / _KAPPA)
    linear = np.clip(np.linalg.solve(_RGB_TO_XYZ, relative * _WHITE), 0, 1)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return "#" + "".join(f"{round(float(v) * 255):02x}" for v in encoded)


def lab_to_lch(lab: Sequence[float]) -> tuple[float, float, float]:
    """CIELAB -> (lightness, chroma, hue in degrees [0, 360))."""
    lightness, a, b = (float(v) for v in lab)
    return lightness, float(np.hypot(a, b)), float(np.degrees(np.arctan2(b, a)) % 360)


# --- which pixels count ------------------------------------------------------------------------------------------


def _flood_rows(passable: np.ndarray, wet: np.ndarray) -> np.ndarray:
    """Wet every unbroken run of passable pixels along a row that holds a wet one."""
    height, width = passable.shape
    run = np.cumsum(~passable, axis=1) + (np.arange(height) * (width + 1))[:, None]
    is_wet = np.bincount(run[wet], minlength=height * (width + 1) + 1) > 0
    return passable & is_wet[run]


def _flood(passable: np.ndarray) -> np.ndarray:
    """The passable pixels that join the frame's edge, up, down, left or right. Bools of shape (h, w)."""
    wet = np.zeros_like(passable)
    wet[[0, -1]] = passable[[0, -1]]
    wet[:, [0, -1]] = passable[:, [0, -1]]
    before = -1
    while (now := int(wet.sum())) != before:
        before = now
        wet = _flood_rows(passable, wet)
        wet = _flood_rows(passable.T, wet.T).T
    return wet


def _grow(mask: np.ndarray) -> np.ndarray:
    out = mask.copy()
    out[1:] |= mask[:-1]
    out[:-1] |= mask[1:]
    out[:, 1:] |= mask[:, :-1]
    out[:, :-1] |= mask[:, 1:]
    return out


def _distance(lab: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """CIE76 colour difference of every pixel to one colour."""
    return np.sqrt(((lab - colour) ** 2).sum(axis=-1))


def _off_ground(lab: np.ndarray, ground: np.ndarray) -> np.ndarray:
    """How far pixels are from a colour of the ground: as `_distance`, but light falls unevenly on a coloured ground."""
    weight = np.array([0.5 if np.hypot(ground[1], ground[2]) > 20 else 1.0, 1.0, 1.0], np.float32)
    return _distance(lab * weight, ground * weight)


def _backdrop(lab: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which pixels are backdrop, and which merely have its colour without joining the edge. Two bools (h, w).

    Up to four colours of the edge are taken that are commoner there than in the middle, or a garment that fills the
    frame would be taken for its own backdrop; paper white needs no such proof. Together they must hold two corners.
    The tolerance follows a colour's own spread at the edge: 2.5 (studio paper) to 10 (a lit wall).
    """
    height, width = lab.shape[:2]
    edge = np.concatenate([part.reshape(-1, 3) for part in (lab[:2], lab[-2:], lab[2:-2, :2], lab[2:-2, -2:])])
    middle = lab[height // 3 : height - height // 3, width // 3 : width - width // 3].reshape(-1, 3)
    corners = lab[[1, 1, -2, -2], [1, -2, 1, -2]]
    alike = np.zeros((height, width), bool)
    held = np.zeros(4, bool)
    rest = edge
    for _ in range(4):
        if len(rest) < 0.12 * len(edge):
            break
        cell = np.floor(rest / 6).astype(np.int64) + 64
        key = (cell[:, 0] * 128 + cell[:, 1]) * 128 + cell[:, 2]
        values, counts = np.unique(key, return_counts=True)
        colour = np.median(rest[key == values[counts.argmax()]], axis=0)
        spread = _off_ground(rest, colour)
        near = spread < 8
        share = near.sum() / len(edge)
        if share < 0.12:
            break
        is_paper = colour[0] > 97 and np.abs(colour[1:]).max() < 3
        if is_paper or (_off_ground(middle, colour) < 8).mean() < share:
            alike |= _off_ground(lab, colour) < np.clip(4 * np.median(spread[near]), 2.5, 10)
            held |= _off_ground(corners, colour) < 10
        rest = rest[spread >= 12]
    if held.sum() < 2:
        alike[:] = False
    backdrop = _flood(alike)
    return backdrop, alike & ~backdrop


def _is_skin(lab: np.ndarray) -> np.ndarray:
    """Pixels with the hue and chroma of human skin under daylight or lamp light, from deep to fair."""
    chroma = np.hypot(lab[..., 1], lab[..., 2])
    hue = np.degrees(np.arctan2(lab[..., 2], lab[..., 1]))
    lightness = lab[..., 0]
    return (lightness > 25) & (lightness < 90) & (chroma > 14) & (chroma < 42) & (hue > 35) & (hue < 72)


def pixel_weights(lab: np.ndarray) -> np.ndarray:
    """How much each pixel says about the garment: float32 (h, w) >= 0, at least one above 0.

    Backdrop counts nothing; its colour inside the outline 0.4 (a bag's handle encloses backdrop, a print may be as
    white as the paper); skin 0.15 unless more than 55 % of what is left looks like skin, for then it is the material;
    and a Gaussian over the outline's box favours the middle, where a catalogue puts the garment it sells.
    """
    height, width = lab.shape[:2]
    backdrop = alike = np.zeros((height, width), bool)
    if min(height, width) >= 8:
        backdrop, alike = _backdrop(lab)
        wider = _grow(backdrop)  # takes the blended pixels of the outline along, where enough is left
        if (~wider).mean() > 0.06:
            backdrop = wider
        elif (~backdrop).mean() < 0.02:  # nothing but backdrop: then it is the material
            backdrop = alike = np.zeros((height, width), bool)
    weights = np.where(backdrop, 0.0, np.where(alike, 0.4, 1.0)).astype(np.float32)
    rows, columns = np.nonzero(~backdrop)
    y = (np.arange(height) - (rows.min() + rows.max()) / 2) / max(np.ptp(rows) + 1, 4)
    x = (np.arange(width) - (columns.min() + columns.max()) / 2) / max(np.ptp(columns) + 1, 4)
    weights *= np.exp(-(y[:, None] ** 2 + x[None] ** 2) / (2 * 0.33**2))
    skin = _is_skin(lab)
    if weights[skin].sum() < 0.55 * weights.sum():
        weights[skin] *= 0.15
    return weights


# --- clustering --------------------------------------------------------------------------------------------------

_SEEDS = 6
_MERGE_BELOW = 11.0  # two clusters closer than this are shades of one colour
_SMALLEST_SHARE = 0.02
# Light and shade move lightness more than hue: differences in it count less.
_SHADE = np.array([0.8, 1.0, 1.0], np.float32)
_SHADE_MERGE = np.array([0.6, 1.0, 1.0], np.float32)


def _histogram(lab: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weighted pixels gathered into cells of 4 Lab units: mean colour (m, 3) and weight (m,) of each cell."""
    counted = weights > 1e-4
    colours, share = lab[counted], weights[counted]
    cell = np.rint(colours / 4).astype(np.int64) + 64
    _, where = np.unique((cell[:, 0] * 128 + cell[:, 1]) * 128 + cell[:, 2], return_inverse=True)
    total = np.bincount(where, share)
    means = np.stack([np.bincount(where, share * colours[:, i]) for i in range(3)], axis=1) / total[:, None]
    return means, total


def _clusters(colours: np.ndarray, share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weighted k-means with farthest-point seeds (k = 6, at most 8 rounds): centres (k', 3), weights (k',)."""
    points = colours * _SHADE
    centre = (share[:, None] * points).sum(axis=0) / share.sum()
    centres = [points[((points - centre) ** 2).sum(axis=1).argmin()]]
    gap = ((points - centres[0]) ** 2).sum(axis=1)
    for _ in range(_SEEDS - 1):
        centres.append(points[(gap * share).argmax()])
        gap = np.minimum(gap, ((points - centres[-1]) ** 2).sum(axis=1))
    k = np.array(centres)
    for _ in range(8):
        nearest = ((k**2).sum(axis=1) - 2 * points @ k.T).argmin(axis=1)
        total = np.bincount(nearest, share, minlength=len(k))
        sums = np.stack([np.bincount(nearest, share * points[:, i], minlength=len(k)) for i in range(3)], axis=1)
        moved = np.where(total[:, None] > 0, sums / np.maximum(total, 1e-9)[:, None], k)
        has_settled = np.abs(moved - k).max() < 0.3
        k = moved
        if has_settled:
            break
    used = total > 0
    return k[used] / _SHADE, total[used]


def _merge(centres: np.ndarray, total: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Join the two closest clusters until all lie apart, none is tiny and at most `most` are left; largest first."""
    while len(centres) > 1:
        gap = np.sqrt((((centres[:, None] - centres[None]) * _SHADE_MERGE) ** 2).sum(axis=-1))
        np.fill_diagonal(gap, np.inf)
        smallest = int(total.argmin())
        if total[smallest] < _SMALLEST_SHARE * total.sum():
            i, j = smallest, int(gap[smallest].argmin())
        elif gap.min() < _MERGE_BELOW or len(centres) > most:
            i, j = divmod(int(gap.argmin()), len(centres))
        else:
            break
        both = total[i] + total[j]
        centres[j] = (centres[i] * total[i] + centres[j] * total[j]) / both
        total[j] = both
        centres, total = np.delete(centres, i, axis=0), np.delete(total, i)
    order = np.argsort(-total, kind="stable")
    return centres[order], total[order] / total.sum()


def gather(rgb: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """uint8 sRGB (h, w, 3) -> Lab colours of the garment (k, 3) and their shares (k,), largest first, summing to 1.

    1 <= k <= `most`. Meant for catalogue size (60 x 80 px): a palette needs no more, and fabric grain averages out.
    """
    lab = rgb_to_lab(rgb)
    return _merge(*_clusters(*_histogram(lab, pixel_weights(lab))), most)
