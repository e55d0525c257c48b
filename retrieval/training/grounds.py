"""What garments are set upon: borders of people's own photos, and surfaces made by arithmetic; and those photos as
scenes of their own, each with one garment and a box guessed from its colours."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from retrieval.items import Box, Slot

PHOTO_PX = 256  # people's photos are kept at this longer side
SLOT_OF_CLASS = {
    "dress": Slot.ONE_PIECE,
    "hat": Slot.ACCESSORY,
    "longsleeve": Slot.TOP,
    "outwear": Slot.OUTERWEAR,
    "pants": Slot.BOTTOM,
    "shirt": Slot.TOP,
    "shoes": Slot.SHOES,
    "shorts": Slot.BOTTOM,
    "skirt": Slot.BOTTOM,
    "t-shirt": Slot.TOP,
}


@dataclass(frozen=True, slots=True)
class OwnPhoto:
    """A photo that someone took of one garment: (h, w, 3) uint8, the garment's slot, and its box in pixels.

    `is_sure` is False where the colours did not tell garment from ground and the box is the usual one.
    """

    name: str
    slot: Slot
    rgb: np.ndarray
    box: Box
    is_sure: bool


def salient_box(rgb: np.ndarray) -> tuple[Box, bool]:
    """The rectangle of what differs in colour from the border, and whether it is to be trusted.

    Two colour histograms, of the border and of the middle, are sharpened in turns; the largest region that is likelier
    under the middle's is the garment. Where that fails, the box that people's photos of one garment have as a rule.
    """
    from scipy import ndimage

    height, width = rgb.shape[:2]
    usual = Box(0.07 * width, 0.07 * height, 0.93 * width, 0.93 * height)
    colour = np.asarray(Image.fromarray(rgb).convert("YCbCr")).astype(np.int32)
    bins = (colour[..., 0] // 20) * 1024 + (colour[..., 1] // 8) * 32 + colour[..., 2] // 8
    y, x = np.mgrid[:height, :width]
    v, u = (y + 0.5) / height - 0.5, (x + 0.5) / width - 0.5
    outside = np.maximum(np.abs(u), np.abs(v)) > 0.44
    inside = u**2 + v**2 < 0.3**2
    for _ in range(3):
        counts = []
        for part in (inside, outside):
            histogram = np.bincount(bins[part], minlength=13 * 1024).reshape(13, 32, 32).astype(np.float32)
            histogram = ndimage.gaussian_filter(histogram, 0.7)
            counts.append(histogram / max(1.0, histogram.sum()))
        ratio = np.log((counts[0] + 1e-5) / (counts[1] + 1e-5)).ravel()[bins]
        likely = ndimage.gaussian_filter(ratio, 2.0) > 0
        if not 0.08 < likely.mean() < 0.9:
            return usual, False
        inside, outside = likely, ~likely
    likely = ndimage.binary_opening(likely, iterations=2)
    labels, count = ndimage.label(likely)
    if not count:
        return usual, False
    sizes = np.bincount(labels.ravel())[1:]
    mask = np.isin(labels, 1 + np.flatnonzero(sizes > 0.25 * sizes.max()))
    columns, rows = mask.sum(0).cumsum() / mask.sum(), mask.sum(1).cumsum() / mask.sum()
    x0, x1 = np.searchsorted(columns, [0.004, 0.996])
    y0, y1 = np.searchsorted(rows, [0.004, 0.996])
    box = Box(float(x0), float(y0), float(x1) + 1, float(y1) + 1)
    filled = mask.sum() / box.area
    edges = sum((x0 <= 1, y0 <= 1, x1 >= width - 2, y1 >= height - 2))
    is_sure = bool(0.15 < box.area / (width * height) and filled > 0.45 and edges <= 1)
    return (box, True) if is_sure else (usual, False)


def own_photos(data_dir: Path, part: Literal["train", "validation"]) -> Iterator[OwnPhoto]:
    """People's photos of one part of `user-photos.zip`, at most 256 px, in the order of their names."""
    archive = zipfile.ZipFile(data_dir / "user-photos.zip")
    for name in sorted(archive.namelist()):
        if not (name.startswith(f"user-photos/{part}/") and name.endswith(".jpg")):
            continue
        image = Image.open(io.BytesIO(archive.read(name)))
        image.draft("RGB", (PHOTO_PX, PHOTO_PX))
        image = image.convert("RGB")
        image.thumbnail((PHOTO_PX, PHOTO_PX), Image.Resampling.BILINEAR)
        rgb = np.asarray(image)
        yield OwnPhoto(name, SLOT_OF_CLASS[name.split("/")[2]], rgb, *salient_box(rgb))


def border_strip(photo: OwnPhoto, margin: float = 0.06) -> np.ndarray | None:
    """The widest strip of a photo beside its garment, (h, w, 3) uint8, or None where the garment leaves none."""
    height, width = photo.rgb.shape[:2]
    x0, y0, x1, y1 = photo.box.as_tuple()
    room = {
        "left": x0 / width,
        "top": y0 / height,
        "right": 1 - x1 / width,
        "bottom": 1 - y1 / height,
    }
    side = max(room, key=room.get)
    if not photo.is_sure or room[side] < 0.1 + margin:
        return None
    cut = {
        "left": np.s_[:, : int(x0 - margin * width)],
        "top": np.s_[: int(y0 - margin * height)],
        "right": np.s_[:, int(x1 + margin * width) :],
        "bottom": np.s_[int(y1 + margin * height) :],
    }
    strip = photo.rgb[cut[side]]
    return strip if min(strip.shape[:2]) >= 14 else None


def mirrored(strip: np.ndarray, width: int, height: int, rng: np.random.Generator) -> Image.Image:
    """A strip laid out by mirroring over `width` x `height` px, at a random enlargement."""
    image = Image.fromarray(strip)
    if rng.random() < 0.5:
        image = image.transpose(Image.Transpose.ROTATE_90)
    zoom = rng.uniform(0.7, 1.8) * max(1.0, 0.25 * width / image.width, 0.25 * height / image.height)
    image = image.resize((max(2, round(image.width * zoom)), max(2, round(image.height * zoom))))
    tile = np.asarray(image)
    tile = tile[:height, :width]
    pad_y, pad_x = height - tile.shape[0], width - tile.shape[1]
    return Image.fromarray(np.pad(tile, ((0, pad_y), (0, pad_x), (0, 0)), mode="symmetric"))


def _clouds(width: int, height: int, rng: np.random.Generator, octaves: tuple[int, ...]) -> np.ndarray:
    """(height, width) float32 in about [-1, 1]: random values at several scales, summed."""
    total = np.zeros((height, width), np.float32)
    for k, cells in enumerate(octaves):
        small = rng.standard_normal((max(2, cells * height // width), cells)).astype(np.float32)
        image = Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)
        total += np.asarray(image) * 0.5**k
    return total / max(1.0, np.abs(total).max())


def _colour(rng: np.random.Generator) -> np.ndarray:
    """A colour that walls, floors and cloth have: mostly muted, now and then strong."""
    if rng.random() < 0.75:
        grey = rng.uniform(40, 245)
        return np.clip(grey + rng.normal(0, 14, 3) + np.array([8, 0, -10]) * rng.random(), 0, 255)
    return rng.uniform(0, 255, 3)


def _plain(width: int, height: int, rng: np.random.Generator) -> np.ndarray:
    light = np.linspace(0, rng.uniform(-40, 40), width)[None] + np.linspace(0, rng.uniform(-40, 40), height)[:, None]
    return _colour(rng) + light[..., None]


def _cloth(width: int, height: int, rng: np.random.Generator) -> np.ndarray:
    folds = _clouds(width, height, rng, (3, 6, 12))[..., None] * rng.uniform(8, 45)
    weave = rng.standard_normal((height, width, 1)) * rng.uniform(0, 9)
    ground = _colour(rng) + folds + weave
    if rng.random() < 0.5:  # a print: dots or flowers of a second and third colour
        cells = int(rng.integers(6, 28))
        for _ in range(int(rng.integers(1, 3))):
            print_ = _clouds(width, height, rng, (cells, 2 * cells)) > rng.uniform(0.15, 0.5)
            ground = np.where(print_[..., None], _colour(rng) + folds * 0.7, ground)
    return ground


def _lines(width: int, height: int, rng: np.random.Generator) -> np.ndarray:
    """Planks, stripes, tiles or checks, by how the two directions are drawn."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    angle = rng.choice([0, np.pi / 2, rng.uniform(0, np.pi)])
    along, across = x * np.cos(angle) + y * np.sin(angle), -x * np.sin(angle) + y * np.cos(angle)
    pitch = rng.uniform(8, 60)
    plank = np.floor(along / pitch).astype(int)
    shades = rng.normal(0, rng.uniform(0, 16), 512)
    image = _colour(rng) + shades[plank % 512][..., None]
    if rng.random() < 0.5:
        rows = np.floor(across / (pitch * rng.uniform(0.8, 4))).astype(int)
        image = image + shades[(rows * 7 + plank * 3) % 512][..., None]
        gap = (across % (pitch * 1.0)) < rng.uniform(0.4, 2)
        image = np.where(gap[..., None], image - 35, image)
    grain = np.asarray(
        Image.fromarray(rng.standard_normal((height, max(2, width // 14))).astype(np.float32)).resize((width, height))
    )
    gap = (along % pitch) < rng.uniform(0.5, 2.5)
    return np.where(gap[..., None], image - rng.uniform(-30, 60), image) + grain[..., None] * rng.uniform(0, 12)


def _room(width: int, height: int, rng: np.random.Generator) -> np.ndarray:
    """A wall, a floor, and things with straight edges: furniture, doors, windows, houses."""
    surfaces = (_plain, _cloth, _lines)
    wall = surfaces[int(rng.integers(3))](width, height, rng)
    floor = surfaces[int(rng.integers(3))](width, height, rng)
    edge = int(height * rng.uniform(0.5, 0.95))
    wall = np.broadcast_to(wall, (height, width, 3)).copy()
    wall[edge:] = np.broadcast_to(floor, (height, width, 3))[edge:]
    image = Image.fromarray(np.clip(wall, 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(0, 7))):
        x, y = rng.uniform(-0.2, 1) * width, rng.uniform(-0.2, 0.9) * height
        w, h = rng.uniform(0.05, 0.7) * width, rng.uniform(0.05, 0.8) * height
        shape = draw.ellipse if rng.random() < 0.2 else draw.rectangle
        shape((x, y, x + w, y + h), fill=tuple(int(c) for c in _colour(rng)))
    return np.asarray(image.filter(ImageFilter.GaussianBlur(rng.uniform(0, 1.5)))).astype(np.float32)


def made_ground(width: int, height: int, rng: np.random.Generator) -> Image.Image:
    """A surface by arithmetic: plain with light falling across, cloth, planks and tiles, a room, or studio white."""
    pick = rng.random()
    if pick < 0.12:
        return Image.new("RGB", (width, height), (int(rng.integers(244, 256)),) * 3)
    surface = (_plain, _cloth, _lines, _room)[int(rng.choice(4, p=[0.2, 0.3, 0.25, 0.25]))]
    values = np.broadcast_to(surface(width, height, rng), (height, width, 3))
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))
