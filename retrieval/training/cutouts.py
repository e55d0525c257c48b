"""Garments cut out of catalogue pictures: what composite scenes are made of.

A studio picture shows its product on a nearly white ground. A flood fill from the border gives an alpha mask; where a
person wears the product, the lines between garments (collar, hem, waist, ankle) are read from the silhouette and from
where the colour changes, so that the picture also says where on a body the garment stands.
"""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from retrieval.items import Slot
from retrieval.training.split import is_held_out

LONGEST_PX = 224  # a garment that fills the detector's frame needs no more
BACKGROUND_STEP = 14  # levels of 255 from the border's colour: JPEG noise of white studio ground stays below
LEAST_FILLED = 0.45  # of its rectangle: white cloth on white ground leaves shreds, real garments fill more
_CLOTH = (Slot.TOP, Slot.BOTTOM, Slot.OUTERWEAR, Slot.ONE_PIECE)
Kind = Literal["flat", "worn-top", "worn-bottom", "worn-full"]

_TOPS = "Shirts|Kurtas|Kurtis|Sweaters|Sweatshirts|Tops|Tshirts|Tunics|Camisoles|Innerwear Vests|Lounge Tshirts"
_BOTTOMS = (
    "Capris|Churidar|Jeans|Jeggings|Leggings|Patiala|Rain Trousers|Salwar|Shorts|Skirts|Tights|Track Pants|Trousers"
    "|Boxers|Lounge Pants|Lounge Shorts"
)
_OUTERWEAR = "Blazers|Jackets|Nehru Jackets|Rain Jacket|Waistcoat|Shrug"
_ONE_PIECES = "Dresses|Jumpsuit|Rompers|Nightdress|Sarees"
_SHOES = "Casual Shoes|Flats|Formal Shoes|Heels|Sandals|Sports Shoes|Sports Sandals|Flip Flops|Booties"
_BAGS = "Backpacks|Clutches|Duffel Bag|Handbags|Laptop Bag|Messenger Bag|Rucksacks|Trolley Bag|Waist Pouch"
_ACCESSORIES = (
    "Belts|Sunglasses|Gloves|Caps|Hat|Headband|Mufflers|Scarves|Stoles|Socks|Ties|Wallets|Watches|Bangle|Bracelet"
    "|Earrings|Necklace and Chains|Pendant|Dupatta|Suspenders"
)
# article type of the catalogue -> slot; sets, gifts and underwear of no clear slot are left out on purpose
SLOT_OF = {
    name: slot
    for slot, names in (
        (Slot.TOP, _TOPS),
        (Slot.BOTTOM, _BOTTOMS),
        (Slot.OUTERWEAR, _OUTERWEAR),
        (Slot.ONE_PIECE, _ONE_PIECES),
        (Slot.SHOES, _SHOES),
        (Slot.BAG, _BAGS),
        (Slot.ACCESSORY, _ACCESSORIES),
    )
    for name in names.split("|")
}
NOT_FASHION = "Personal Care"  # the master category whose bottles and sticks serve as distractors


@dataclass(frozen=True, slots=True)
class Lines:
    """Rows of a cut-out in pixels from its top, exclusive ends: the garment spans `start` to `end`.

    `is_sure` is False where no clear change of colour marks the end that should lie inside the picture.
    """

    start: int
    end: int
    is_sure: bool


@dataclass(frozen=True, slots=True)
class Cutout:
    """A product or a person wearing it: (h, w, 4) uint8 RGBA, its slot (None for a distractor) and how it is shown."""

    sku: str
    slot: Slot | None
    article: str
    kind: Kind
    lines: Lines
    is_held_out: bool
    rgba: np.ndarray


def foreground(rgb: np.ndarray, step: int = BACKGROUND_STEP) -> np.ndarray | None:
    """(h, w, 3) uint8 -> (h, w) bool of what is not ground, or None where the border is not an even light ground.

    Ground is what is within `step` levels of the border's median colour and reached from the border.
    """
    from scipy import ndimage

    edge = np.concatenate([rgb[0], rgb[-1], rgb[:, 0], rgb[:, -1]]).astype(np.int16)
    light = edge[edge.min(1) > 215]
    if len(light) < 0.45 * len(edge):
        return None
    ground = np.median(light, 0)
    near = np.abs(rgb.astype(np.int16) - ground).max(2) <= step
    labels, _ = ndimage.label(near)
    reached = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    mask = ~np.isin(labels, reached[reached > 0])
    mask = ndimage.binary_opening(mask, iterations=1)
    labels, count = ndimage.label(mask)
    if count == 0:
        return None
    sizes = np.bincount(labels.ravel())[1:]
    mask = np.isin(labels, 1 + np.flatnonzero(sizes >= 0.08 * sizes.max()))
    mask = ndimage.binary_fill_holes(mask)
    return mask if 0.03 < mask.mean() < 0.97 else None


def skin(rgb: np.ndarray) -> np.ndarray:
    """(h, w, 3) uint8 -> (h, w) bool of colours that skin has: the usual rectangle in YCbCr (Chai and Ngan, 1999)."""
    r, g, b = (rgb[..., k].astype(np.float32) for k in range(3))
    cb = 128 - 0.168736 * r - 0.331264 * g + 0.5 * b
    cr = 128 + 0.5 * r - 0.418688 * g - 0.081312 * b
    return (cr > 135) & (cr < 175) & (cb > 77) & (cb < 127) & (r > 60)


def _strongest_change(rgb: np.ndarray, mask: np.ndarray, first: int, last: int) -> tuple[int, float]:
    """The row in [first, last) where the colour above and below differs most, in the middle of the figure; and by how
    much, in levels of 255."""
    height = len(rgb)
    xs = np.flatnonzero(mask[height // 4 : 3 * height // 4].any(0))
    middle, reach = (xs[0] + xs[-1]) / 2, max(2, 0.14 * (xs[-1] - xs[0]))
    band = slice(int(middle - reach), int(middle + reach) + 1)
    rows = rgb[:, band].astype(np.float32).mean(1)
    window = max(2, height // 22)
    total = np.concatenate([np.zeros((1, 3), np.float32), rows.cumsum(0)])
    first, last = max(first, window), min(last, height - window)
    if last <= first:
        return last, 0.0
    y = np.arange(first, last)
    above, below = (total[y] - total[y - window]) / window, (total[y + window] - total[y]) / window
    size = np.abs(above - below).max(1)
    best = int(size.argmax())
    return int(y[best]), float(size[best])


def _shins(flesh: np.ndarray, widths: np.ndarray) -> int:
    """The row from which most of the figure is flesh down to the feet; the height where there is none such."""
    height = len(widths)
    bare = flesh.sum(1) > 0.45 * np.maximum(1, widths)
    feet = height - round(0.1 * height)
    for row in np.flatnonzero(bare[height // 2 : feet - 3]) + height // 2:
        if bare[row:feet].mean() > 0.8:
            return int(row)
    return height


def read_lines(rgb: np.ndarray, mask: np.ndarray, slot: Slot, touches: tuple[bool, bool]) -> tuple[Kind, Lines]:
    """How a cut-out garment is shown and from which row to which it reaches.

    `touches` says whether the figure is cut by the upper and by the lower edge of its picture.
    """
    height = len(mask)
    flesh = skin(rgb) & mask
    widths = mask.sum(1)
    flat = "flat", Lines(0, height, True)
    if slot in (Slot.TOP, Slot.OUTERWEAR, Slot.ONE_PIECE):
        head = slice(0, max(1, height // 6))
        narrow = widths[head].mean() < 0.62 * np.median(widths[height // 4 : 3 * height // 4])
        is_worn = flesh[head].sum() > 0.12 * mask[head].sum() and narrow
        if not is_worn:
            return flat
        usual = np.median(widths[height // 4 : 3 * height // 4])
        shoulder = int(np.argmax(widths >= 0.8 * usual))
        start = max(0, shoulder - round(0.035 * height))
        if slot is Slot.ONE_PIECE:
            end = _shins(flesh, widths)
            return "worn-full", Lines(start, end, not touches[1] or end < height)
        end, size = _strongest_change(rgb, mask, start + round(0.35 * height), height)
        return ("worn-top", Lines(start, end, True)) if size > 40 else ("worn-top", Lines(start, height, False))
    if slot is Slot.BOTTOM:
        if not touches[0] or height < 1.2 * mask.shape[1]:
            return flat
        start, size = _strongest_change(rgb, mask, round(0.04 * height), round(0.42 * height))
        bare = flesh.sum(1) > 0.5 * np.maximum(1, widths)
        bare[: height // 3] = False
        end = int(np.argmax(bare)) if bare.any() else height - round(0.06 * height)
        return "worn-bottom", Lines(start, end, size > 40)
    return flat


def cut(data: bytes | Path, sku: str, slot: Slot | None, article: str, *, may_be_worn: bool = True) -> Cutout | None:
    """One catalogue picture -> its cut-out, or None where the ground is no even studio ground.

    Without `may_be_worn` nobody is looked for, whatever colours the cloth has.
    """
    from scipy import ndimage

    image = Image.open(io.BytesIO(data) if isinstance(data, bytes) else data).convert("RGB")
    image.thumbnail((LONGEST_PX, LONGEST_PX), Image.Resampling.LANCZOS)
    rgb = np.asarray(image)
    mask = foreground(rgb)
    if mask is None:
        return None
    ys, xs = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    window = np.s_[ys[0] : ys[-1] + 1, xs[0] : xs[-1] + 1]
    touches = bool(ys[0] <= 1), bool(ys[-1] >= len(mask) - 2)
    alpha = np.clip(ndimage.gaussian_filter(mask.astype(np.float32), 0.8) * 2 - 1, 0, 1)  # one pixel in: no white rim
    rgba = np.dstack([rgb, (alpha * 255).astype(np.uint8)])[window]
    kind, lines = ("flat", Lines(0, len(rgba), True))
    if slot is not None and may_be_worn:
        kind, lines = read_lines(rgb[window], mask[window], slot, touches)
    if kind == "flat" and slot in _CLOTH and mask[window].mean() < LEAST_FILLED:
        return None
    if lines.end - lines.start < 0.15 * len(rgba):
        return None  # the lines were misread
    return Cutout(sku, slot, article, kind, lines, is_held_out(sku), np.ascontiguousarray(rgba))


def garment_alone(piece: Cutout) -> np.ndarray | None:
    """(h, w, 4) uint8: a worn garment without the person, cut at its lines, flesh taken out; a flat one as it is.

    None where cloth and flesh have one colour, so that taking out the one leaves shreds of the other.
    """
    if piece.kind == "flat":
        return piece.rgba
    part = piece.rgba[piece.lines.start : piece.lines.end].copy()
    before = (part[..., 3] > 127).sum()
    part[..., 3][skin(part[..., :3])] = 0
    solid = part[..., 3] > 127
    if solid.sum() < max(1, 0.7 * before):
        return None
    ys, xs = np.flatnonzero(solid.any(1)), np.flatnonzero(solid.any(0))
    return part[ys[0] : ys[-1] + 1, xs[0] : xs[-1] + 1]


def read_feed(path: Path) -> Iterator[tuple[str, str, str]]:
    """(sku, master category, article type) of each product of a styles.csv; names may hold commas, so cut at nine."""
    with path.open(encoding="utf-8", newline="") as lines:
        columns = next(csv.reader(lines))
        at = [columns.index(name) for name in ("id", "masterCategory", "articleType")]
        for line in lines:
            fields = line.split(",", len(columns) - 1)
            if len(fields) > max(at):
                yield tuple(fields[k] for k in at)


def cut_catalogue(
    data_dir: Path, *, keep: Callable[[str], bool] = lambda sku: True, small_per_slot: int = 700
) -> Iterator[Cutout]:
    """Cut-outs of the products in `data_dir` (styles.csv, catalog-images.zip, photos.zip) that `keep(sku)` chooses.

    60x80 pictures add at most `small_per_slot` to each slot: pasted small, they are as sharp as the scene. Tops
    have enough large ones.
    """
    images = zipfile.ZipFile(data_dir / "catalog-images.zip")
    photos = zipfile.ZipFile(data_dir / "photos.zip")
    large = {Path(name).stem: name for name in photos.namelist() if name.endswith(".jpg")}
    usual = {Path(name).stem: name for name in images.namelist() if name.endswith(".jpg")}
    small: dict[Slot | None, int] = {}
    for sku, master, article in read_feed(data_dir / "styles.csv"):
        slot = SLOT_OF.get(article)
        if not keep(sku) or slot is None and master != NOT_FASHION:
            continue
        if sku in large:
            data = photos.read(large[sku])
        elif sku in usual:
            data = images.read(usual[sku])
            if Image.open(io.BytesIO(data)).width < 100:
                if slot is Slot.TOP or small.get(slot, 0) >= small_per_slot:
                    continue
                small[slot] = small.get(slot, 0) + 1
        else:
            continue
        piece = cut(data, sku, slot, article)
        if piece is not None:
            yield piece


def cut_folder(folder: Path) -> Iterator[Cutout]:
    """Cut-outs of a catalogue of products without people: `folder`/styles.csv and images/{id}.* beside it."""
    pictures = {path.stem: path for path in sorted((folder / "images").iterdir())}
    for sku, _, article in read_feed(folder / "styles.csv"):
        slot = SLOT_OF.get(article)
        if slot is not None and sku in pictures:
            piece = cut(pictures[sku], sku, slot, article, may_be_worn=False)
            if piece is not None:
                yield piece


def save(pieces: Iterable[Cutout], folder: Path) -> int:
    """Write cut-outs as one flat file of bytes and one of facts, so that a training run maps rather than loads them."""
    folder.mkdir(parents=True, exist_ok=True)
    facts, offset = [], 0
    with (folder / "pixels.u8").open("wb") as pixels:
        for piece in pieces:
            fact = asdict(piece)
            shape = fact.pop("rgba").shape
            facts.append(fact | {"offset": offset, "shape": shape})
            offset += pixels.write(piece.rgba.tobytes())
    (folder / "facts.json").write_text(json.dumps(facts))
    return len(facts)


def load(folder: Path) -> list[Cutout]:
    """The cut-outs of `save`, pixels mapped from the file, read-only."""
    pixels = np.memmap(folder / "pixels.u8", np.uint8, "r")
    pieces = []
    for fact in json.loads((folder / "facts.json").read_text()):
        offset, shape = fact.pop("offset"), tuple(fact.pop("shape"))
        slot = Slot(fact.pop("slot")) if fact["slot"] else fact.pop("slot")
        lines = Lines(**fact.pop("lines"))
        rgba = pixels[offset : offset + int(np.prod(shape))].reshape(shape)
        pieces.append(Cutout(**fact, slot=slot, lines=lines, rgba=rgba))
    return pieces
