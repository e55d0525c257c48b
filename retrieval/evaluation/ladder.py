"""The difficulty ladder: one product's picture as shoppers would photograph it, at three degrees. Pillow and numpy.

    photometric   cropped, turned, in other light, through JPEG; a 600 x 800 photo where the product has one
    real          cut out and set on a person's own photo: shadow, perspective, turn, at times another garment in front
    hard          the same at a third of a whole frame, half hidden, blurred; the garment has to be found in it first

Grounds and occluders come from what training never saw. The rectangle is the one that a person would draw
round the garment, for "hard" one that a detector has to find.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter, ImageOps

from retrieval.evaluation import shoppers
from retrieval.items import Box

LEVELS = ("photometric", "real", "hard")
OCCLUDED = 0.4  # share of "real" pictures with another garment in front
FRAME_PX = (480, 640)  # a whole frame, width and height
_FILL = (0.75, 1.05)  # of the frame's sides, by the garment's own picture at "real"
_SHARE = (0.28, 0.38)  # of the frame's area, by the garment's own picture at "hard"
_REAL_HIDDEN, _HARD_HIDDEN = (0.08, 0.25), (0.35, 0.5)  # share of the garment's pixels that the other one hides


@dataclass(frozen=True, slots=True)
class Query:
    """`picture` is RGB; `box` in its pixels is the rectangle of the garment, None where the picture is its crop."""

    picture: Image.Image
    box: Box | None = None


def make(
    level: str, image: Image.Image, ground: Image.Image, other: Image.Image, rng: np.random.Generator
) -> Query:
    """A query of one of LEVELS from a product's RGB picture, a person's photo, and another product's picture."""
    if level == "photometric":
        return Query(shoppers.photometric(image, rng))
    if level == "real":
        return _real(image, ground, other, rng)
    if level == "hard":
        return _hard(image, ground, other, rng)
    raise ValueError(f"no level is called {level!r}: there are {', '.join(LEVELS)}")


def _real(image: Image.Image, ground: Image.Image, other: Image.Image, rng: np.random.Generator) -> Query:
    garment = shoppers.cut_out(image)
    own = garment.getchannel("A")
    if rng.random() < OCCLUDED:
        garment = _covered(garment, other, rng, _REAL_HIDDEN)
    layer, own = shoppers.warped([garment, own], rng, fill=float(rng.uniform(*_FILL)), shift=0.05)
    scene = ImageOps.fit(ground, image.size, Image.Resampling.BICUBIC)
    shoppers.paste_with_shadow(scene, layer)
    box = _box_of(own)
    return Query(shoppers.compress(shoppers.light(scene, rng), rng), box)


def _hard(image: Image.Image, ground: Image.Image, other: Image.Image, rng: np.random.Generator) -> Query:
    frame = ImageOps.fit(ground, FRAME_PX, Image.Resampling.BICUBIC)
    w, h = frame.size
    garment = shoppers.cut_out(image)
    own = garment.getchannel("A")
    garment = _covered(garment, other, rng, _HARD_HIDDEN)
    scale = np.sqrt(float(rng.uniform(*_SHARE)) * w * h / (garment.width * garment.height))
    scale = min(scale, 0.95 * w / garment.width, 0.95 * h / garment.height)
    size = (max(8, round(garment.width * scale)), max(8, round(garment.height * scale)))
    room = (round(0.2 * size[0]), round(0.2 * size[1]))  # so that a turn cuts nothing off
    layers = []
    for layer in (garment, own):
        spread = Image.new(layer.mode, (size[0] + 2 * room[0], size[1] + 2 * room[1]))
        spread.paste(layer.resize(size, Image.Resampling.BICUBIC), room)
        layers.append(spread)
    layer, own = shoppers.warped(layers, rng)
    seen = layer.getchannel("A").getbbox() or (0, 0, *layer.size)
    layer, own = layer.crop(seen), own.crop(seen)
    x, y = int(rng.integers(0, max(1, w - layer.width + 1))), int(rng.integers(0, max(1, h - layer.height + 1)))
    shoppers.paste_with_shadow(frame, layer, (x, y))
    frame = frame.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.8, 2.0))))
    inner = _box_of(own)
    box = Box(x + inner.x0, y + inner.y0, x + inner.x1, y + inner.y1).clip(w, h)
    return Query(shoppers.compress(shoppers.light(frame, rng), rng), box)


def _box_of(mask: Image.Image) -> Box:
    """The rectangle of a mask's opaque pixels; the whole where it has none."""
    return Box(*(mask.point(lambda a: 255 if a > 127 else 0).getbbox() or (0, 0, *mask.size)))


def _covered(
    garment: Image.Image, other: Image.Image, rng: np.random.Generator, share: tuple[float, float]
) -> Image.Image:
    """The RGBA garment with another one reaching in from a side, hiding `share` of its pixels (as near as 16 steps get)."""
    w, h = garment.size
    front = shoppers.cut_out(other)
    scale = float(rng.uniform(0.7, 1.0)) * min(w / front.width, h / front.height)
    front = front.resize((max(2, round(front.width * scale)), max(2, round(front.height * scale))))
    front = front.rotate(float(rng.uniform(0, 360)), Image.Resampling.BICUBIC, expand=True)
    own = np.asarray(garment.getchannel("A")) > 127
    wanted = float(rng.uniform(*share))
    angle = float(rng.uniform(0, 2 * np.pi))
    best, best_gap = garment, np.inf
    for step in np.linspace(1.2, 0.0, 16):  # from outside towards the middle
        x = round(w / 2 + step * np.cos(angle) * (w + front.width) / 2 - front.width / 2)
        y = round(h / 2 + step * np.sin(angle) * (h + front.height) / 2 - front.height / 2)
        mask = Image.new("L", (w, h))
        mask.paste(front.getchannel("A"), (x, y))
        hides = float(((np.asarray(mask) > 127) & own).sum()) / max(1, own.sum())
        if abs(hides - wanted) < best_gap:
            layer = Image.new("RGBA", (w, h))
            layer.paste(front, (x, y), front)
            best, best_gap = Image.alpha_composite(garment, layer), abs(hides - wanted)
        if hides >= share[1]:
            break
    return best
