"""Query pictures made from catalogue pictures: as a shopper would photograph the product. Pillow and numpy.

Not the code that makes training views: a measure should not share the mistakes of what it measures.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter


def light(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Another lamp: brightness 0.7 to 1.25, contrast 0.75 to 1.2, a cast of up to 8 % a channel."""
    image = ImageEnhance.Brightness(image).enhance(float(rng.uniform(0.7, 1.25)))
    image = ImageEnhance.Contrast(image).enhance(float(rng.uniform(0.75, 1.2)))
    pixels = np.asarray(image, np.float32) * rng.uniform(0.92, 1.08, 3).astype(np.float32)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def compress(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Through JPEG of quality 40 to 85."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=int(rng.integers(40, 86)))
    return Image.open(io.BytesIO(file.getvalue())).convert("RGB")


def photometric(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Turned by up to 12 degrees on white, cropped to 75 to 95 % of each side, other light, JPEG."""
    turned = image.rotate(float(rng.uniform(-12, 12)), Image.Resampling.BICUBIC, fillcolor=(255, 255, 255))
    w, h = turned.size
    share = rng.uniform(0.75, 0.95, 2)
    x, y = rng.uniform(0, 1 - share) * (w, h)
    cut = turned.crop((int(x), int(y), int(x + share[0] * w), int(y + share[1] * h)))
    return compress(light(cut, rng), rng)


def cut_out(image: Image.Image, *, threshold: int = 236) -> Image.Image:
    """RGBA, transparent where near-white pixels are reached from the border (flood fill, 4-connected)."""
    from scipy.ndimage import binary_propagation

    pixels = np.asarray(image)
    near_white = (pixels >= threshold).all(2)
    border = np.zeros_like(near_white)
    border[0], border[-1], border[:, 0], border[:, -1] = True, True, True, True
    ground = binary_propagation(border & near_white, mask=near_white)
    alpha = Image.fromarray(np.where(ground, 0, 255).astype(np.uint8)).filter(ImageFilter.MinFilter(3))
    rgba = image.copy()
    rgba.putalpha(alpha)
    return rgba


def perspective(corners_out: np.ndarray, size: tuple[int, int]) -> list[float]:
    """The eight numbers that Pillow wants to map output to input, given where the input's corners (left top, right top,
    right bottom, left bottom) are to land.
    """
    w, h = size
    corners_in = np.array([(0, 0), (w, 0), (w, h), (0, h)], float)
    rows, right = [], []
    for (x, y), (u, v) in zip(corners_out, corners_in, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        right += [u, v]
    return np.linalg.solve(np.array(rows), np.array(right)).tolist()


def warped(
    layers: Sequence[Image.Image], rng: np.random.Generator, *, fill: float = 1.0, shift: float = 0.0
) -> list[Image.Image]:
    """Pictures of one size, all changed alike: corners moved by up to 10 %, turned by up to 20 degrees, mirrored half of
    the time, drawn at `fill` of the size, which stays.
    """
    w, h = layers[0].size
    if rng.random() < 0.5:
        layers = [layer.transpose(Image.Transpose.FLIP_LEFT_RIGHT) for layer in layers]
    angle = float(np.deg2rad(rng.uniform(-20, 20)))
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)], float) * (1 + rng.uniform(-0.1, 0.1, (4, 2)))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    placed = (corners * (w / 2, h / 2)) @ turn.T * fill + (w / 2, h / 2)
    placed += rng.uniform(-shift, shift, 2) * (w, h)
    numbers = perspective(placed, (w, h))
    return [
        layer.transform((w, h), Image.Transform.PERSPECTIVE, numbers, Image.Resampling.BICUBIC) for layer in layers
    ]


def paste_with_shadow(scene: Image.Image, layer: Image.Image, at: tuple[int, int] = (0, 0)) -> None:
    """Set an RGBA layer on a scene at a place, with a soft shadow below and right of it; in place."""
    w, h = layer.size
    alpha = layer.getchannel("A")
    shadow = Image.new("L", (w, h))
    shadow.paste(alpha, (max(1, w // 40), max(1, h // 40)))
    shadow = shadow.filter(ImageFilter.GaussianBlur(w / 40)).point(lambda a: int(a * 0.5))
    scene.paste((20, 20, 20), at, shadow)
    scene.paste(layer, at, alpha)


def on_ground(image: Image.Image, ground: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Cut out, warped (see `warped`), with a shadow, set on a photo so that it fills 75 to 105 % of the frame; other
    light, JPEG. The size stays.
    """
    (layer,) = warped([cut_out(image)], rng, fill=float(rng.uniform(0.75, 1.05)), shift=0.05)
    scene = ground.resize(image.size, Image.Resampling.BICUBIC)
    paste_with_shadow(scene, layer)
    return compress(light(scene, rng), rng)
