"""Pieces of a scene: garments and people as pictures that know which of their pixels belong to which garment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from retrieval.items import Slot
from retrieval.training.cutouts import Cutout, skin

LEAST_SEEN = 0.3  # of a garment: less than this in sight is neither asked for nor counted against the detector
LEAST_SIDE = 0.035  # of the scene's longer side
_FLIP = Image.Transpose.FLIP_LEFT_RIGHT


@dataclass(frozen=True, slots=True)
class Layer:
    """Something to paste: RGBA picture and, of the same size, the number of the part that each pixel belongs to (0 for
    none), with the slot of each part from 1 on (None for unclear)."""

    picture: Image.Image
    parts: Image.Image
    slots: tuple[Slot | None, ...]

    def resized(self, width: float, height: float) -> Layer:
        size = max(2, round(width)), max(2, round(height))
        picture = self.picture.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
        return Layer(picture, self.parts.resize(size, Image.Resampling.NEAREST), self.slots)

    def turned(self, degrees: float) -> Layer:
        if abs(degrees) < 1:
            return self
        return Layer(
            self.picture.rotate(degrees, Image.Resampling.BILINEAR, expand=True),
            self.parts.rotate(degrees, Image.Resampling.NEAREST, expand=True),
            self.slots,
        )

    def flipped(self) -> Layer:
        return Layer(self.picture.transpose(_FLIP), self.parts.transpose(_FLIP), self.slots)


class Canvas:
    """A picture being built, and the map of which part of which paste each pixel shows."""

    def __init__(self, ground: Image.Image) -> None:
        self.picture = ground
        self.owners = Image.new("L", ground.size)
        self.slots: list[Slot | None] = []
        self.areas: list[int] = []  # pixels that each part would show if nothing hid it

    def paste(self, layer: Layer, x: float, y: float, shadow: float = 0.0) -> None:
        at = round(x), round(y)
        alpha = layer.picture.getchannel("A")
        if shadow > 0:
            soft = alpha.filter(ImageFilter.GaussianBlur(2.5)).point(lambda a: int(a * shadow))
            self.picture.paste((0, 0, 0), (at[0] + 2, at[1] + 3), soft)
        self.picture.paste(layer.picture, at, alpha)
        parts, solid = np.asarray(layer.parts), np.asarray(alpha) > 127
        numbers = np.where(solid & (parts > 0), parts + len(self.slots), 0).astype(np.uint8)
        self.owners.paste(Image.fromarray(numbers), at, Image.fromarray((solid * 255).astype(np.uint8)))
        counts = np.bincount(parts[solid], minlength=len(layer.slots) + 1)
        self.areas += counts[1 : len(layer.slots) + 1].tolist()
        self.slots += layer.slots

    def boxes(self) -> tuple[list[tuple], list[Slot], list[tuple]]:
        """Boxes, their slots, and unclear boxes, of what is seen."""
        from scipy import ndimage

        owners = np.asarray(self.owners)
        seen = np.bincount(owners.ravel(), minlength=len(self.slots) + 1)
        least = LEAST_SIDE * max(self.picture.size)
        boxes, slots, unclear = [], [], []
        for k, window in enumerate(ndimage.find_objects(owners, max_label=len(self.slots))):
            if window is None or self.areas[k] == 0:
                continue
            box = (window[1].start, window[0].start, window[1].stop, window[0].stop)
            small = min(box[2] - box[0], box[3] - box[1]) < least
            if self.slots[k] is None or small or seen[k + 1] < LEAST_SEEN * self.areas[k]:
                unclear.append(box)
            else:
                boxes.append(box)
                slots.append(self.slots[k])
        return boxes, slots, unclear


def solid(rgba: np.ndarray, slot: Slot | None) -> Layer:
    """A layer of a single part."""
    return Layer(Image.fromarray(rgba), Image.new("L", rgba.shape[1::-1], 1), (slot,))


def pair(layer: Layer, rng: np.random.Generator) -> Layer:
    """Two of a shoe, one beside or behind the other, as a single part."""
    w, h = layer.picture.size
    dx, dy = (rng.uniform(0.05, 0.25) * w, rng.uniform(0.3, 0.9) * h)
    if rng.random() < 0.35:
        dx, dy = 0.0, 1.05 * h
    second = layer.flipped() if rng.random() < 0.25 else layer
    canvas = Canvas(Image.new("RGBA", (round(w + dx), round(h + dy))))
    canvas.paste(layer, 0 if rng.random() < 0.5 else dx, 0)
    canvas.paste(second, dx, dy)
    return Layer(canvas.picture, canvas.owners.point(lambda v: min(v, 1)), layer.slots)


def person(piece: Cutout) -> Layer:
    """A catalogue picture with a person: the product's own part, and what is seen of the piece above or below it.

    A neighbour of some size has a slot of its own; a sliver, feet, or what no sure line divides is unclear.
    """
    rgba = piece.rgba
    height = len(rgba)
    parts = np.zeros(rgba.shape[:2], np.uint8)
    parts[piece.lines.start : piece.lines.end] = 1
    slots: list[Slot | None] = [piece.slot]
    if piece.kind == "worn-top" and piece.lines.end < height:
        parts[piece.lines.end :] = 2
        slots.append(Slot.BOTTOM if height - piece.lines.end > 0.12 * height else None)
    elif piece.kind == "worn-bottom":
        parts[: piece.lines.start] = 2
        parts[piece.lines.end :] = 3
        slots += [Slot.TOP if piece.lines.start > 0.15 * height else None, None]
    elif piece.kind == "worn-full" and piece.lines.end < height:
        parts[round(0.9 * height) :] = 2
        slots.append(None)
    flesh = skin(rgba[..., :3])
    if flesh[parts == 1].mean() < 0.4:  # else the cloth itself has the colour of flesh
        parts[flesh] = 0
    return Layer(Image.fromarray(rgba), Image.fromarray(parts), tuple(slots))


def hanger(picture: Image.Image, x: float, y: float, w: float, h: float, rng: np.random.Generator) -> None:
    """A hook and two shoulders behind a garment's rectangle."""
    draw = ImageDraw.Draw(picture)
    colour = tuple(int(c) for c in rng.integers(20, 230, 3))
    middle, top = x + w / 2, y + 0.02 * h
    draw.line([(x + 0.2 * w, y + 0.14 * h), (middle, top), (x + 0.8 * w, y + 0.14 * h)], fill=colour, width=2)
    draw.line([(middle, top), (middle, top - 0.06 * h)], fill=colour, width=1)
    draw.arc((middle - 0.02 * h, top - 0.1 * h, middle + 0.02 * h, top - 0.06 * h), 150, 90, fill=colour)
