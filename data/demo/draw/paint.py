"""From outlines to shaded pixels.

A drawing is a list of parts, back to front. Each part is rasterised (mask, cloth, folds) by resvg, its relief is built
from its outline (rounded like something filled), its folds and its weave, and lit by one lamp at the upper left. All
arrays are float32 in [0, 1] unless said otherwise; relief is in canvas px.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field

import numpy as np
import resvg_py
from PIL import Image
from scipy import ndimage

from data.demo.draw.colours import rgb
from data.demo.draw.fabrics import FABRICS, texture, wrinkles
from data.demo.draw.geometry import HEIGHT, WIDTH, bounds

LAMP = np.array([-0.42, -0.58, 0.70], np.float32)
LAMP /= np.linalg.norm(LAMP)
_HALF = (LAMP + np.array([0, 0, 1], np.float32)) / np.linalg.norm(LAMP + np.array([0, 0, 1], np.float32))


@dataclass(frozen=True)
class Fold:
    """A ridge (height > 0) or valley (height < 0), px; `level` 0 is soft, 1 medium, 2 sharp. A path with `width` is
    stroked, without it is filled."""

    d: str
    height: float
    level: int = 1
    width: float = 0.0


@dataclass(frozen=True)
class Part:
    """One piece of cloth, leather or metal.

    `pattern` is a pair (defs, fill id) that replaces the plain colour; `details` is SVG painted on the cloth (print,
    stitches, wash), `over` is SVG laid on top unshaded (buttons, buckles), both clipped to the outline unless
    `over_free`. `body` is the outline whose fullness this part shares (a sleeve and a chest swell as one).
    `roll` and `swell` are the radii in px of the rounded edge and of the whole volume, `round`, `full` their strength.
    """

    d: str
    colour: str
    fabric: str = "jersey"
    pattern: tuple[str, str] | None = None
    folds: tuple[Fold, ...] = ()
    details: str = ""
    over: str = ""
    over_free: bool = False
    body: str = ""
    clip: str = ""
    degrees: float = 0.0
    roll: float = 7.0
    swell: float = 34.0
    round: float = 1.0
    full: float = 1.0
    shade: float = 1.0
    shadow: float = 0.28
    drop: float = 4.0
    opacity: float = 1.0
    warp: float = 1.0
    wrinkle: float = 1.0


@dataclass
class Drawing:
    """Parts, back to front, and how the thing stands: `ground` is None for a garment shown hanging free, or the y of
    the floor for one that stands on it; `rise` is how much higher the farthest part touches that floor, px."""

    parts: list[Part] = field(default_factory=list)
    ground: float | None = None
    rise: float = 0.0

    def add(self, *parts: Part) -> Drawing:
        self.parts.extend(parts)
        return self


def rasterise(content: str, box: tuple[float, float, float, float], size: tuple[int, int]) -> np.ndarray:
    """SVG elements over a window of the canvas -> (height, width, 4) float32, not premultiplied."""
    x0, y0, x1, y1 = box
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="{x0:.3f} {y0:.3f} {x1 - x0:.3f} {y1 - y0:.3f}" width="{size[0]}" height="{size[1]}" '
        f'preserveAspectRatio="none">{content}</svg>'
    )
    png = resvg_py.svg_to_bytes(svg_string=svg, skip_system_fonts=True)
    return np.asarray(Image.open(io.BytesIO(bytes(png))).convert("RGBA"), np.float32) / 255


def blur(a: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur; wide ones at lower resolution, where nothing is lost."""
    if sigma < 0.2:
        return a
    step = int(sigma // 4)
    if step > 1:
        h, w = a.shape[:2]
        ph, pw = -h % step, -w % step
        padded = np.pad(a, ((0, ph), (0, pw)), mode="edge")
        small = padded.reshape((h + ph) // step, step, (w + pw) // step, step).mean(axis=(1, 3))
        small = ndimage.gaussian_filter(small, sigma / step, mode="nearest")
        return ndimage.zoom(small, step, order=1, mode="nearest", grid_mode=True)[:h, :w]
    return ndimage.gaussian_filter(a, sigma, mode="nearest")


def moved(a: np.ndarray, down: float, right: float) -> np.ndarray:
    """Shifted by whole px towards the lower right; what comes in is 0."""
    dy, dx = round(down), round(right)
    out = np.zeros_like(a)
    out[dy:, dx:] = a[: a.shape[0] - dy, : a.shape[1] - dx]
    return out


def _dome(mask: np.ndarray, radius: float) -> np.ndarray:
    """Height in [0, 1] of something filled: 0 at the rim, 1 from about `radius` px inwards."""
    step = 1 if radius < 16 else 3
    small = mask[::step, ::step]
    t = np.clip(ndimage.distance_transform_edt(small > 0.5) * step / radius, 0, 1).astype(np.float32)
    t = blur(t * (2 - t), radius * 0.18 / step)
    if step > 1:
        t = ndimage.zoom(t, step, order=1, mode="nearest", grid_mode=True)[: mask.shape[0], : mask.shape[1]]
    return t


def _mask(d: str, box, size, clip: str = "") -> np.ndarray:
    if clip:
        shape = f'<clipPath id="c"><path d="{clip}"/></clipPath><path d="{d}" clip-path="url(#c)"/>'
    else:
        shape = f'<path d="{d}"/>'
    return rasterise(shape, box, size)[..., 3]


_BLURS = (8.0, 3.4, 1.0)


def _fold_relief(folds: tuple[Fold, ...], box, size, s: float) -> np.ndarray:
    total = np.zeros((size[1], size[0]), np.float32)
    if not folds:
        return total
    peak = max(abs(f.height) for f in folds)
    for sign in (1, -1):
        chosen = [f for f in folds if f.height * sign > 0]
        if not chosen:
            continue
        shapes = []
        for f in chosen:
            channel = ["0", "0", "0"]
            channel[f.level] = str(round(255 * abs(f.height) / peak))
            ink = f"rgb({','.join(channel)})"
            kind = (
                f'fill="none" stroke="{ink}" stroke-width="{f.width}" stroke-linecap="round" stroke-linejoin="round"'
                if f.width
                else f'fill="{ink}"'
            )
            shapes.append(f'<path d="{f.d}" {kind} style="mix-blend-mode:screen"/>')
        back = f'<rect x="{box[0]}" y="{box[1]}" width="{box[2] - box[0]}" height="{box[3] - box[1]}" fill="#000"/>'
        drawn = rasterise(f'<g style="isolation:isolate">{back}{"".join(shapes)}</g>', box, size)
        for level, sigma in enumerate(_BLURS):
            total += sign * peak * blur(drawn[..., level], sigma * s)
    return total


def _render_part(part: Part, s: float, rng: np.random.Generator, domes: dict):
    """One part -> (window slice, rgb, alpha), window in device px."""
    pad = 110.0 if part.over_free else 6.0
    x0, y0, x1, y1 = bounds(part.d)
    if part.clip:
        cx0, cy0, cx1, cy1 = bounds(part.clip)
        x0, y0, x1, y1 = max(x0, cx0), max(y0, cy0), min(x1, cx1), min(y1, cy1)
    px0, py0 = max(int((x0 - pad) * s), 0), max(int((y0 - pad) * s), 0)
    px1, py1 = min(int((x1 + pad) * s) + 1, round(WIDTH * s)), min(int((y1 + pad) * s) + 1, round(HEIGHT * s))
    if px1 <= px0 or py1 <= py0:
        raise ValueError(f"part outside the canvas: {bounds(part.d)}")
    size = (px1 - px0, py1 - py0)
    box = (px0 / s, py0 / s, px1 / s, py1 / s)
    window = (slice(py0, py1), slice(px0, px1))
    fabric = FABRICS[part.fabric]

    mask = _mask(part.d, box, size, part.clip)
    if part.body and part.body != part.d:
        key = (part.body, part.roll, part.swell)
        if key not in domes:
            full_box, full_size = (0.0, 0.0, float(WIDTH), float(HEIGHT)), (round(WIDTH * s), round(HEIGHT * s))
            whole = _mask(part.body, full_box, full_size)
            domes[key] = (_dome(whole, part.roll * s), _dome(whole, part.swell * s))
        edge, volume = (a[window] for a in domes[key])
    else:
        edge, volume = _dome(mask, part.roll * s), _dome(mask, part.swell * s)
    folds = _fold_relief(part.folds, box, size, s)
    large = wrinkles(fabric, mask.shape, s, rng, part.degrees) * part.wrinkle
    fine, tone = texture(fabric, mask.shape, s, rng, part.degrees)
    shape_relief = part.round * 0.42 * part.roll * edge + part.full * 0.30 * part.swell * volume
    relief = (shape_relief + folds + large) * s + fine * s

    # cloth, pulled sideways by its folds so that stripes and checks follow them
    defs, fill = part.pattern if part.pattern else ("", None)
    ink = f"url(#{fill})" if fill else part.colour
    lean = f'transform="rotate({part.degrees} {(x0 + x1) / 2:.1f} {(y0 + y1) / 2:.1f})"' if fill and part.degrees else ""
    reach = (x1 - x0) + (y1 - y0)
    if fill or part.details:
        everywhere = f'x="{x0 - reach}" y="{y0 - reach}" width="{3 * reach}" height="{3 * reach}"'
        drawn = f'<defs>{defs}</defs><rect {everywhere} fill="{part.colour}"/>'
        if fill:
            drawn += f'<g {lean}><rect {everywhere} fill="{ink}"/></g>'
        albedo = rasterise(drawn + part.details, box, size)[..., :3]
    else:
        albedo = np.broadcast_to(np.array(rgb(part.colour), np.float32), (*mask.shape, 3))
    if part.warp and (fill or part.details):
        gy, gx = np.gradient(blur(folds + large, 2.0 * s))
        rows, cols = np.mgrid[0 : mask.shape[0], 0 : mask.shape[1]].astype(np.float32)
        at = (rows + 5.0 * part.warp * s * gy * s, cols + 5.0 * part.warp * s * gx * s)
        albedo = np.stack(
            [ndimage.map_coordinates(albedo[..., k], at, order=1, mode="nearest") for k in range(3)], axis=-1
        )

    gy, gx = np.gradient(relief)
    normal = np.stack([-gx, -gy, np.ones_like(gx)], axis=-1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    lit = normal @ LAMP / LAMP[2]
    shade = 1 + 0.62 * fabric.depth * part.shade * (lit - 1)
    shade = np.where(shade > 1, 1 + (shade - 1) * 0.55, shade)
    shade = np.clip(shade, 0.34, 1.28)
    glint = np.clip(normal @ _HALF, 0, 1) ** fabric.gloss
    flat = float(_HALF[2] ** fabric.gloss)
    sheen = fabric.sheen * np.clip(glint - flat * 0.92, -0.1, 1) / max(1 - flat, 0.25)
    # dark cloth shows its folds by what it reflects, not by what it absorbs
    dark = 1 - albedo.mean(axis=-1)
    bounce = 0.055 * dark * np.clip(lit - 1, -0.8, 0.8)
    colour = albedo * tone[..., None] * shade[..., None]
    colour += (sheen + bounce)[..., None]
    # shadows are cooler than the light
    cool = np.clip(1 - shade, 0, 1)[..., None]
    colour *= 1 - cool * np.array([0.05, 0.03, -0.03], np.float32)
    rim = np.clip(mask - blur(mask, 1.6 * s), 0, 1)[..., None]
    colour *= 1 - 0.35 * rim
    colour = np.clip(colour, 0, 1)
    alpha = mask * part.opacity
    if part.over:
        content = part.over
        if not part.over_free:
            content = f'<clipPath id="oc"><path d="{part.clip or part.d}"/></clipPath><g clip-path="url(#oc)">{content}</g>'
        top = rasterise(content, box, size)
        a = top[..., 3:]
        soft = np.clip(0.55 + 0.45 * shade, 0, 1.1)[..., None]
        colour = colour * (1 - a) + np.clip(top[..., :3] * soft, 0, 1) * a
        alpha = np.maximum(alpha, a[..., 0]) if part.over_free else alpha
    return window, colour, alpha


def cut_out(drawing: Drawing, seed: int, s: float = 1.5) -> np.ndarray:
    """A drawing without ground: (640 s, 480 s, 4) float32, rgb not premultiplied."""
    rng = np.random.default_rng(seed)
    h, w = round(HEIGHT * s), round(WIDTH * s)
    rgb_ = np.zeros((h, w, 3), np.float32)
    alpha_ = np.zeros((h, w), np.float32)
    domes: dict = {}
    for part in drawing.parts:
        window, colour, alpha = _render_part(part, s, rng, domes)
        if part.shadow and drawing.parts[0] is not part:
            reach = part.drop * s
            margin = int(4 * reach)
            rows, cols = window
            wide = (
                slice(max(rows.start - margin, 0), min(rows.stop + margin, h)),
                slice(max(cols.start - margin, 0), min(cols.stop + margin, w)),
            )
            full = np.zeros((wide[0].stop - wide[0].start, wide[1].stop - wide[1].start), np.float32)
            full[rows.start - wide[0].start : rows.stop - wide[0].start,
                cols.start - wide[1].start : cols.stop - wide[1].start] = alpha
            cast = np.clip(blur(moved(full, reach * 0.8, reach * 0.55), reach * 0.8) * 0.7 + blur(full, 1.5 * s) * 0.5,
                0, 1)
            rgb_[wide] *= (1 - part.shadow * cast * (1 - full))[..., None]
        under, below = rgb_[window], alpha_[window]
        out = alpha + below * (1 - alpha)
        mixed = (colour * alpha[..., None] + under * (below * (1 - alpha))[..., None]) / np.maximum(out, 1e-6)[...,
            None]
        rgb_[window], alpha_[window] = mixed, out
    return np.dstack([rgb_, alpha_])


def ground_shadow(alpha: np.ndarray, s: float, ground: float | None, rise: float = 0.0) -> np.ndarray:
    """How much light the ground loses under a cut-out, in [0, 1]."""
    if ground is None:
        far = moved(alpha, 9 * s, 6 * s)
        near = moved(alpha, 3 * s, 2 * s)
        return np.clip(0.16 * blur(far, 11 * s) + 0.17 * blur(near, 3.2 * s), 0, 1)
    # standing: the lowest part of the outline presses on the floor, the rest throws a long soft shadow to the right
    rows = np.arange(alpha.shape[0], dtype=np.float32)[:, None] / s
    foot = alpha * np.clip((rows - (ground - 46)) / 46, 0, 1)
    squash = 0.20
    matrix, offset = np.array([1 / squash, 1.0]), np.array([ground * s * (1 - 1 / squash), 0.0])
    flat = ndimage.affine_transform(alpha, matrix, offset=offset, order=1)
    flat = moved(flat, 2 * s, 7 * s)
    contact = moved(foot, 3 * s, 1.5 * s)
    shadow = 0.30 * blur(flat, 6 * s) + 0.34 * blur(contact, 3.0 * s)
    if rise:
        band = alpha * np.clip((rows - (ground - rise - 30)) / 30, 0, 1) * np.clip((ground - rise * 0.6 - rows) / 6, 0,
            1)
        shadow = np.maximum(shadow, 0.55 * blur(moved(band, 5 * s, 9 * s), 4.5 * s))
    return np.clip(shadow, 0, 0.75)


def on_studio_ground(cut: np.ndarray, s: float, ground: float | None, rise: float = 0.0) -> Image.Image:
    """The product picture: 480 x 640 RGB on a very light sweep."""
    h, w = cut.shape[:2]
    y, x = np.mgrid[0:h, 0:w].astype(np.float32)
    vignette = ((x / w - 0.45) ** 2 * 0.9 + (y / h - 0.42) ** 2 * 0.8) * 0.10
    back = np.array(rgb("#fcfcfb"), np.float32) * (1 - vignette)[..., None]
    shadow = ground_shadow(cut[..., 3], s, ground, rise)[..., None]
    back = back * (1 - shadow * np.array([1.0, 0.98, 0.93], np.float32))
    a = cut[..., 3:]
    picture = cut[..., :3] * a + back * (1 - a)
    image = Image.fromarray((np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8))
    return image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
