"""Scenes with known boxes, made on the fly: cut-out garments set on grounds as flat-lays, single pieces, worn outfits.

Labels cost nothing here, and are exact: each paste also paints its number into a map of owners, and a garment's box is
the rectangle of what is still seen of it at the end.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

from retrieval.items import Slot
from retrieval.training.cutouts import Cutout, garment_alone
from retrieval.training.grounds import OwnPhoto, border_strip, made_ground, mirrored
from retrieval.training.layers import Canvas, Layer, hanger, pair, person, solid

SLOTS = tuple(Slot)  # class number of the detector = place in this tuple
# share of scenes by kind; "own" are people's photos, "mosaic" several of them side by side
KINDS = {"flat-lay": 0.28, "single": 0.09, "worn": 0.21, "stack": 0.06, "own": 0.19, "mosaic": 0.09, "none": 0.08}
_RELATIVE = {  # longer side of a garment of a slot, relative to a top's
    Slot.TOP: 1.0,
    Slot.BOTTOM: 1.2,
    Slot.ONE_PIECE: 1.35,
    Slot.OUTERWEAR: 1.1,
    Slot.SHOES: 0.5,
    Slot.BAG: 0.6,
    Slot.ACCESSORY: 0.36,
}


@dataclass(frozen=True, slots=True)
class Scene:
    """A square picture and what is in it, all in its pixels.

    `rgb`: (s, s, 3) uint8, letterboxed. `boxes`: (n, 4) float32 xyxy. `slots`: (n,) int64, places in SLOTS. `unclear`:
    (m, 4) float32, regions that neither reward nor punish (slivers, feet, what is mostly hidden).
    """

    rgb: np.ndarray
    boxes: np.ndarray
    slots: np.ndarray
    unclear: np.ndarray
    kind: str = ""


class Studio:
    """Makes scenes from cut-outs, people's photos and grounds. Same material and generator state, same scene."""

    def __init__(self, pieces: Sequence[Cutout], photos: Sequence[OwnPhoto], size_px: int) -> None:
        self.size_px = size_px
        self.photos = list(photos)
        counts = Counter(photo.slot for photo in self.photos)
        rarity = np.array([counts[photo.slot] ** -0.5 for photo in self.photos])  # people photograph T-shirts most
        self.photo_shares = rarity / rarity.sum() if len(rarity) else rarity
        self.strips = [strip for photo in photos if (strip := border_strip(photo)) is not None]
        self.distractors = [p for p in pieces if p.slot is None]
        worn = [p for p in pieces if p.kind != "flat"]
        self.by_slot = {slot: [p for p in pieces if p.slot is slot] for slot in SLOTS}
        self.worn_tops = [p for p in worn if p.kind == "worn-top"]
        self.sure_tops = [p for p in self.worn_tops if p.lines.is_sure and p.lines.end < 0.97 * len(p.rgba)]
        self.worn_bottoms = [p for p in worn if p.kind == "worn-bottom" and p.lines.is_sure]
        self.worn_full = [p for p in worn if p.kind == "worn-full"]
        self.outerwear = [p for p in self.worn_tops if p.slot is Slot.OUTERWEAR]

    def scene(self, rng: np.random.Generator, kind: str | None = None, size_px: int | None = None) -> Scene:
        """One scene, of a kind drawn from KINDS unless named, of the studio's size unless another is given."""
        if size_px is not None and size_px != self.size_px:
            other = copy(self)
            other.size_px = size_px
            return other.scene(rng, kind)
        kind = kind or str(rng.choice(list(KINDS), p=list(KINDS.values())))
        if kind == "own":
            picture, found = self._own(rng)
        elif kind == "mosaic":
            picture, found = self._mosaic(rng)
        else:
            canvas = Canvas(self._ground(rng))
            getattr(self, "_" + kind.replace("-", "_"))(canvas, rng)
            picture, found = canvas.picture, canvas.boxes()
        return self._finish(picture, *found, kind, rng)

    # grounds and finish

    def _ground(self, rng: np.random.Generator) -> Image.Image:
        long = self.size_px
        short = round(long * (rng.uniform(0.56, 0.8) if rng.random() < 0.8 else 1.0))
        width, height = (short, long) if rng.random() < 0.7 else (long, short)
        pick = rng.random()
        if pick < 0.5 and self.strips:
            return mirrored(_one(self.strips, rng), width, height, rng)
        if pick < 0.6 and self.photos:  # a photo blurred beyond recognition: the light and colours of a home
            photo = Image.fromarray(_one(self.photos, rng).rgb).resize((width, height))
            return photo.filter(ImageFilter.GaussianBlur(rng.uniform(20, 40)))
        return made_ground(width, height, rng)

    def _finish(self, picture, boxes, slots, unclear, kind: str, rng: np.random.Generator) -> Scene:
        """Light, colour cast, blur, noise and JPEG as cameras leave them; letterboxed on grey to a square."""
        if rng.random() < 0.7:
            picture = ImageEnhance.Brightness(picture).enhance(rng.uniform(0.55, 1.3))
            picture = ImageEnhance.Color(picture).enhance(rng.uniform(0.6, 1.4))
            picture = ImageEnhance.Contrast(picture).enhance(rng.uniform(0.7, 1.2))
        if rng.random() < 0.25:
            picture = picture.filter(ImageFilter.GaussianBlur(rng.uniform(0.4, 1.3)))
        values = np.asarray(picture).astype(np.float32)
        if rng.random() < 0.5:
            values *= rng.uniform(0.85, 1.12, 3).astype(np.float32)
        if rng.random() < 0.4:
            values += rng.standard_normal(values.shape, np.float32) * rng.uniform(1, 9)
        picture = Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))
        if rng.random() < 0.4:
            data = io.BytesIO()
            picture.save(data, "JPEG", quality=int(rng.integers(35, 90)))
            picture = Image.open(data)
        size = self.size_px
        x, y = (size - picture.width) // 2, (size - picture.height) // 2
        canvas = np.full((size, size, 3), 114, np.uint8)
        canvas[y : y + picture.height, x : x + picture.width] = np.asarray(picture)
        shift = np.array([x, y, x, y], np.float32)
        return Scene(
            canvas,
            np.array(boxes, np.float32).reshape(-1, 4) + shift,
            np.array([SLOTS.index(s) for s in slots], np.int64),
            np.array(unclear, np.float32).reshape(-1, 4) + shift,
            kind,
        )

    # layers

    def _piece(self, slot: Slot, rng: np.random.Generator) -> Layer:
        """One garment without a person; shoes mostly as a pair."""
        rgba = None
        while rgba is None:
            rgba = garment_alone(_one(self.by_slot[slot], rng))
        layer = solid(rgba, slot)
        if rng.random() < 0.5:
            layer = layer.flipped()
        if slot is Slot.SHOES and rng.random() < 0.6:
            layer = pair(layer, rng)
        return layer

    def _worn_layer(self, rng: np.random.Generator) -> Layer:
        """A person of one catalogue picture, or of two joined at the waist."""
        pick = rng.random()
        if pick < 0.5 and self.sure_tops and self.worn_bottoms:
            tops = self.outerwear if rng.random() < 0.15 and self.outerwear else self.sure_tops
            return self._joined(_one(tops, rng), _one(self.worn_bottoms, rng), rng)
        if pick < 0.62 and self.worn_full:
            return person(_one(self.worn_full, rng))
        if pick < 0.78 and self.worn_bottoms:
            return person(_one(self.worn_bottoms, rng))
        return person(_one(self.worn_tops, rng))

    def _joined(self, top: Cutout, bottom: Cutout, rng: np.random.Generator) -> Layer:
        """Head to hem of one picture above waist to feet of another, shoes at the feet; a bag now and then."""
        above, below = person(top), person(bottom)
        hem, waist = top.lines.end, bottom.lines.start
        widths = [max(8, int((p.rgba[row, :, 3] > 127).sum())) for p, row in ((top, hem - 1), (bottom, waist))]
        scale = rng.uniform(0.8, 0.98) * widths[0] / widths[1]
        height_below = (bottom.rgba.shape[0] - waist) * scale
        if not 0.7 * hem < height_below < 2.2 * hem:
            scale *= 1.35 * hem / height_below
        size = np.array(bottom.rgba.shape[1::-1]) * scale
        below = below.resized(*size)
        cut = round(waist * scale)
        width = max(top.rgba.shape[1], below.picture.width) + 8
        overlap = round(0.04 * hem)
        height = hem - overlap + below.picture.height - cut
        canvas = Canvas(Image.new("RGBA", (width, height)))
        legs = Layer(
            below.picture.crop((0, cut, below.picture.width, below.picture.height)),
            below.parts.crop((0, cut, below.picture.width, below.picture.height)),
            below.slots,
        )
        canvas.paste(legs, (width - legs.picture.width) / 2, hem - overlap)
        torso = Layer(
            above.picture.crop((0, 0, top.rgba.shape[1], hem)),
            above.parts.crop((0, 0, top.rgba.shape[1], hem)),
            above.slots,
        )
        canvas.paste(torso, (width - top.rgba.shape[1]) / 2, 0)
        if rng.random() < 0.8:
            shoe = self._shoes_seen_from_the_front(0.26 * width, rng)
            canvas.paste(shoe, (width - shoe.picture.width) / 2, height - shoe.picture.height)
        if rng.random() < 0.25:
            bag = self._piece(Slot.BAG, rng)
            k = rng.uniform(0.4, 0.6) * hem / max(bag.picture.size)
            bag = bag.resized(bag.picture.width * k, bag.picture.height * k)
            canvas.paste(bag, rng.choice([0, width - bag.picture.width]), hem * rng.uniform(0.7, 1.0))
        return Layer(canvas.picture, canvas.owners, tuple(canvas.slots))

    def _shoes_seen_from_the_front(self, width: float, rng: np.random.Generator) -> Layer:
        layer = solid(_one(self.by_slot[Slot.SHOES], rng).rgba, Slot.SHOES)
        k = width / layer.picture.width
        layer = layer.resized(width * rng.uniform(0.6, 1), layer.picture.height * k)
        both = Canvas(Image.new("RGBA", (round(2.1 * width), layer.picture.height)))
        both.paste(layer, 0, 0)
        both.paste(layer.flipped(), both.picture.width - layer.picture.width, 0)
        return Layer(both.picture, both.owners.point(lambda v: min(v, 1)), (Slot.SHOES,))

    # kinds of scene

    def _flat_lay(self, canvas: Canvas, rng: np.random.Generator) -> None:
        width, height = canvas.picture.size
        count = int(rng.integers(1, 8)) if rng.random() < 0.88 else int(rng.integers(8, 31))
        unit = np.sqrt(width * height / count) * rng.uniform(0.65, 1.15)
        slots = rng.choice(7, count, p=[0.22, 0.2, 0.1, 0.11, 0.14, 0.11, 0.12])
        slots = sorted((SLOTS[k] for k in slots), key=lambda s: -_RELATIVE[s])
        taken: list[tuple] = []
        tilt = rng.choice([0.0, 8.0, 180.0], p=[0.35, 0.45, 0.2])
        shadow = rng.uniform(0.15, 0.5) if rng.random() < 0.7 else 0.0
        most = rng.uniform(0.05, 0.35)
        for slot in slots:
            layer = self._piece(slot, rng)
            side = unit * _RELATIVE[slot] * rng.uniform(0.75, 1.25)
            side = min(side, 0.97 * max(width, height))
            k = min(side / max(layer.picture.size), 1.02 * width / layer.picture.width)
            layer = layer.resized(layer.picture.width * k, layer.picture.height * k).turned(rng.uniform(-tilt, tilt))
            w, h = layer.picture.size
            best, least = None, np.inf
            for _ in range(10):
                x = rng.uniform(min(0, width - w) - 0.04 * w, max(0, width - w) + 0.04 * w)
                y = rng.uniform(min(0, height - h) - 0.04 * h, max(0, height - h) + 0.04 * h)
                overlap = sum(
                    max(0, min(x + w, b[2]) - max(x, b[0])) * max(0, min(y + h, b[3]) - max(y, b[1])) for b in taken
                ) / (w * h)
                if overlap < least:
                    best, least = (x, y), overlap
                if overlap < 0.03:
                    break
            if least > most:
                continue
            x, y = best
            taken.append((x, y, x + w, y + h))
            if slot in (Slot.TOP, Slot.OUTERWEAR, Slot.ONE_PIECE) and rng.random() < 0.12:
                hanger(canvas.picture, x, y, w, h, rng)
            canvas.paste(layer, x, y, shadow)
        self._clutter(canvas, rng, taken)

    def _clutter(self, canvas: Canvas, rng: np.random.Generator, taken: list[tuple]) -> None:
        """Bottles and plain shapes beside the garments: things to leave alone."""
        width, height = canvas.picture.size
        for _ in range(int(rng.choice([0, 1, 2, 3], p=[0.6, 0.2, 0.1, 0.1]))):
            side = rng.uniform(0.06, 0.3) * max(width, height)
            if self.distractors and rng.random() < 0.7:
                layer = solid(_one(self.distractors, rng).rgba, None)
                k = side / max(layer.picture.size)
                layer = layer.resized(layer.picture.width * k, layer.picture.height * k)
                layer = layer.turned(rng.uniform(-180, 180) if rng.random() < 0.5 else 0.0)
            else:
                image = Image.new("RGBA", (round(side), round(side * rng.uniform(0.3, 1))))
                draw = ImageDraw.Draw(image)
                colour = tuple(int(c) for c in rng.integers(0, 256, 3))
                draw.rounded_rectangle((0, 0, image.width - 1, image.height - 1), rng.uniform(0, side / 3), fill=colour)
                layer = Layer(image, Image.new("L", image.size), ())
            x, y = rng.uniform(0, width - layer.picture.width), rng.uniform(0, height - layer.picture.height)
            w, h = layer.picture.size
            if any(x < b[2] and b[0] < x + w and y < b[3] and b[1] < y + h for b in taken):
                continue
            canvas.paste(Layer(layer.picture, Image.new("L", layer.picture.size), ()), x, y, 0.3)

    def _single(self, canvas: Canvas, rng: np.random.Generator) -> None:
        slot = SLOTS[int(rng.choice(7, p=[0.16, 0.15, 0.16, 0.16, 0.13, 0.11, 0.13]))]
        layer = self._piece(slot, rng).turned(rng.normal(0, 6))
        width, height = canvas.picture.size
        k = rng.uniform(0.6, 1.02) * min(width / layer.picture.width, height / layer.picture.height)
        layer = layer.resized(layer.picture.width * k, layer.picture.height * k)
        x = (width - layer.picture.width) * rng.uniform(0.2, 0.8)
        y = (height - layer.picture.height) * rng.uniform(0.2, 0.8)
        if slot in (Slot.TOP, Slot.OUTERWEAR, Slot.ONE_PIECE) and rng.random() < 0.2:
            hanger(canvas.picture, x, y, *layer.picture.size, rng)
        canvas.paste(layer, x, y, rng.uniform(0, 0.5))

    def _worn(self, canvas: Canvas, rng: np.random.Generator) -> None:
        width, height = canvas.picture.size
        count = int(rng.choice([1, 2, 3], p=[0.75, 0.17, 0.08]))
        for i in range(count):
            layer = self._worn_layer(rng)
            if rng.random() < 0.5:
                layer = layer.flipped()
            layer = layer.turned(rng.normal(0, 3))
            k = rng.uniform(0.62, 1.04) * height / layer.picture.height
            k = min(k, 1.15 * width / layer.picture.width)
            layer = layer.resized(layer.picture.width * k, layer.picture.height * k)
            middle = width * (i + rng.uniform(0.3, 0.7)) / count
            y = (height - layer.picture.height) * rng.uniform(0.3, 1.0)
            canvas.paste(layer, middle - layer.picture.width / 2, y, rng.uniform(0, 0.3))
        self._clutter(canvas, rng, [(0, 0.2 * height, width, height)])

    def _stack(self, canvas: Canvas, rng: np.random.Generator) -> None:
        """Pieces laid as they are worn: top over bottom over shoes, a bag and small things at the side."""
        width, height = canvas.picture.size
        middle, y = width * rng.uniform(0.4, 0.6), height * rng.uniform(0.02, 0.12)
        reach = min(0.5 * height, 0.8 * width)
        shadow = rng.uniform(0, 0.5)
        if rng.random() < 0.25:
            order = [(Slot.ONE_PIECE, 0.75, -0.02), (Slot.SHOES, 0.2, 0.02)]
        else:
            upper = Slot.OUTERWEAR if rng.random() < 0.3 else Slot.TOP
            order = [(upper, 0.42, -rng.uniform(0, 0.08)), (Slot.BOTTOM, 0.5, 0.01), (Slot.SHOES, 0.2, 0.0)]
        placed = []
        for slot, share, gap in order:
            layer = self._piece(slot, rng)
            k = min(share * height / layer.picture.height, reach / layer.picture.width)
            layer = layer.resized(layer.picture.width * k, layer.picture.height * k).turned(rng.normal(0, 4))
            placed.append((layer, middle - layer.picture.width / 2 + rng.normal(0, 0.02) * width, y))
            y += layer.picture.height + gap * height
        for layer, x, top in reversed(placed):
            canvas.paste(layer, x, top, shadow)
        for slot in (Slot.BAG, Slot.ACCESSORY, Slot.ACCESSORY):
            if rng.random() < 0.5:
                layer = self._piece(slot, rng)
                k = rng.uniform(0.12, 0.28) * height / max(layer.picture.size)
                layer = layer.resized(layer.picture.width * k, layer.picture.height * k).turned(rng.normal(0, 10))
                side = 0.02 * width if rng.random() < 0.5 else 0.98 * width - layer.picture.width
                canvas.paste(layer, side, rng.uniform(0, 0.8) * height, shadow)

    def _none(self, canvas: Canvas, rng: np.random.Generator) -> None:
        if rng.random() < 0.6:
            for _ in range(int(rng.integers(1, 4))):
                self._clutter(canvas, rng, [])

    def _own(self, rng: np.random.Generator):
        """A photo that someone took, cut nearer or set smaller, so that the garment is not always in the same place."""
        return _reframed(self._photo(rng), self.size_px, rng)

    def _photo(self, rng: np.random.Generator) -> OwnPhoto:
        return self.photos[int(rng.choice(len(self.photos), p=self.photo_shares))]

    def _mosaic(self, rng: np.random.Generator):
        """Two to six people's photos side by side: several real garments on real grounds."""
        columns, rows = [(2, 1), (1, 2), (2, 2), (3, 2), (2, 3)][int(rng.choice(5, p=[0.25, 0.25, 0.25, 0.15, 0.1]))]
        width, height = self.size_px // columns, self.size_px // rows
        if columns == 2 and rows == 1:
            height = round(0.75 * height)
        canvas = made_ground(columns * width, rows * height, rng)
        boxes, slots = [], []
        for k in range(columns * rows):
            photo = self._photo(rng)
            x, y = k % columns * width, k // columns * height
            zoom = min(width / photo.rgb.shape[1], height / photo.rgb.shape[0])
            if max(width / photo.rgb.shape[1], height / photo.rgb.shape[0]) > 2.0 * zoom:
                continue  # would be stretched out of shape
            image = Image.fromarray(photo.rgb)
            canvas.paste(image.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=2.0), (x, y))
            scale = np.array([width / image.width, height / image.height] * 2)
            boxes.append(tuple(np.array(photo.box.as_tuple()) * scale + (x, y, x, y)))
            slots.append(photo.slot)
        return canvas, (boxes, slots, [])


def _one(things: Sequence, rng: np.random.Generator):
    return things[int(rng.integers(len(things)))]


def _reframed(photo: OwnPhoto, size_px: int, rng: np.random.Generator):
    """A person's photo, flipped, cut nearer without losing the garment, or set smaller on its own mirrored border."""
    rgb, box = photo.rgb, np.array(photo.box.as_tuple())
    height, width = rgb.shape[:2]
    if rng.random() < 0.5:
        rgb = rgb[:, ::-1]
        box = np.array([width - box[2], box[1], width - box[0], box[3]])
    pick = rng.random()
    if pick < 0.4:  # nearer
        x0, y0 = rng.uniform(0, 1, 2) * np.maximum(0, box[:2] - 2)
        x1 = width - rng.uniform(0, 1) * max(0, width - box[2] - 2)
        y1 = height - rng.uniform(0, 1) * max(0, height - box[3] - 2)
        rgb = rgb[int(y0) : int(np.ceil(y1)), int(x0) : int(np.ceil(x1))]
        box = box - (int(x0), int(y0), int(x0), int(y0))
    elif pick < 0.55 and photo.is_sure:  # smaller, on a floor that goes on
        pad_y, pad_x = (int(rng.uniform(0, 0.35) * box[k]) for k in (1, 0))
        rgb = np.pad(rgb, ((pad_y, 0), (pad_x, 0), (0, 0)), mode="reflect")
        box = box + (pad_x, pad_y, pad_x, pad_y)
    image = Image.fromarray(np.ascontiguousarray(rgb))
    k = size_px / max(image.size)
    image = image.resize((max(2, round(image.width * k)), max(2, round(image.height * k))), Image.Resampling.BILINEAR)
    box = np.clip(box * k, 0, [image.width, image.height] * 2)
    return image, ([tuple(box)], [photo.slot], [])
