"""Pictures as arrays that training can hold in memory: letterboxed on white, uint8, with a mask of the garment.

A picture is decoded once. `64 x 80` (w x h) copies are kept of all, `128 x 160` copies of those that are large enough,
since a close crop or a strong warp of a 60 x 80 thumbnail shows nothing new.
"""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from retrieval import resources
from retrieval.encoders.compact import HEIGHT_PX, WIDTH_PX, letterbox
from retrieval.errors import FeedError

LARGE_WIDTH_PX, LARGE_HEIGHT_PX = 128, 160
FIELDS = ("category", "sub_category", "gender", "colour", "usage", "season")
_COLUMNS = ("articleType", "subCategory", "gender", "baseColour", "usage", "season")
PEOPLE_CLASSES = (
    "dress", "hat", "longsleeve", "outwear", "pants", "shirt", "shoes", "shorts", "skirt", "t-shirt",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """A product of the feed as training needs it; a label of "" is unknown."""

    sku: str
    title: str
    labels: tuple[str, ...]  # in the order of FIELDS


def read_rows(styles_csv: Path) -> list[Row]:
    """Products of a styles.csv-like feed, in file order. A title with commas runs to the end of its line.

    Raises FeedError where a needed column is missing.
    """
    with styles_csv.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        header = next(reader, [])
        missing = [c for c in ("id", "productDisplayName", *_COLUMNS) if c not in header]
        if missing:
            raise FeedError(
                f"{styles_csv.name} has no column {', '.join(missing)}: found {', '.join(header) or 'nothing'}",
                hint="give a feed with the columns of styles.csv, or map them with `outfit ingest --map`",
            )
        at = {name: i for i, name in enumerate(header)}
        title_at = at["productDisplayName"]
        last = title_at == len(header) - 1
        rows = []
        for cells in reader:
            if len(cells) < len(header):
                continue
            title = ",".join(cells[title_at:]) if last else cells[title_at]
            labels = tuple("" if cells[at[c]] in ("NA", "") else cells[at[c]] for c in _COLUMNS)
            rows.append(Row(cells[at["id"]], title.strip(), labels))
    return rows


def cover(image: Image.Image, width: int, height: int) -> Image.Image:
    """The middle of the picture, scaled in proportion to fill `width` x `height` px (RGB)."""
    scale = max(width / image.width, height / image.height)
    size = (max(width, round(image.width * scale)), max(height, round(image.height * scale)))
    resized = image.convert("RGB").resize(size, Image.Resampling.BICUBIC, reducing_gap=3.0)
    x, y = (size[0] - width) // 2, (size[1] - height) // 2
    return resized.crop((x, y, x + width, y + height))


def flood_masks(pictures: np.ndarray, *, threshold: int = 236) -> np.ndarray:
    """Where the garment is: (n, h, w, 3) uint8 pictures on a light ground -> (n, h, w) uint8, 255 garment, 0 ground.

    The ground is what near-white pixels (every channel at least `threshold`) reach from the border, 4-connected.
    """
    from scipy.ndimage import binary_propagation

    light = (pictures >= threshold).all(axis=3)
    border = np.zeros_like(light)
    border[:, 0], border[:, -1], border[:, :, 0], border[:, :, -1] = True, True, True, True
    # one structure for all pictures: connected within a picture, never across the first axis
    structure = np.zeros((3, 3, 3), bool)
    structure[1] = [[0, 1, 0], [1, 1, 1], [0, 1, 0]]
    ground = binary_propagation(border & light, structure=structure, mask=light)
    return np.where(ground, 0, 255).astype(np.uint8)


def _open(data: bytes, at_least: tuple[int, int]) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.draft("RGB", (at_least[0] * 2, at_least[1] * 2))  # JPEG only: decode at a fraction of the size
    return image.convert("RGB")


def _stack(pictures: list[Image.Image], width: int, height: int) -> np.ndarray:
    out = np.empty((len(pictures), height, width, 3), np.uint8)
    for i, picture in enumerate(pictures):
        out[i] = np.asarray(picture)
    return out


def prepare(
    source: Path, out: Path, *, keep: Callable[[str], bool], progress: Callable[[str], None] = print
) -> None:
    """Decode the catalogue and people's photos under `source` into arrays under `out` (a few hundred MB, a minute or two).

    `keep(sku)` chooses products. Writes rows.json, small.npy, large.npy, large_at.npy, small_mask.npy, large_mask.npy,
    people_{train,validation}.npy with labels, grounds.npy (photos that fill the frame, train folder only), and demo/ with
    the demo catalogue's drawings in the same layout. Pictures that do not decode are counted and left out.
    """
    out.mkdir(parents=True, exist_ok=True)
    rows = [r for r in read_rows(source / "styles.csv") if keep(r.sku)]
    kept, small, large, large_at, bad = [], [], [], [], 0
    with zipfile.ZipFile(source / "catalog-images.zip") as low, zipfile.ZipFile(source / "photos.zip") as high:
        low_names, high_names = set(low.namelist()), set(high.namelist())
        for row in rows:
            name, big = f"images/{row.sku}.jpg", f"photos/{row.sku}.jpg"
            if name not in low_names:
                bad += 1
                continue
            try:
                image = _open(low.read(name), (WIDTH_PX, HEIGHT_PX))
                photo = _open(high.read(big), (LARGE_WIDTH_PX, LARGE_HEIGHT_PX)) if big in high_names else None
            except OSError:
                bad += 1
                continue
            small.append(letterbox(image, WIDTH_PX, HEIGHT_PX))
            source_of_large = photo or (image if image.width >= LARGE_WIDTH_PX else None)
            if source_of_large is not None:
                large_at.append(len(kept))
                large.append(letterbox(source_of_large, LARGE_WIDTH_PX, LARGE_HEIGHT_PX))
            kept.append(row)
    progress(f"{len(kept)} products, {len(large)} of them large, {bad} without a picture that decodes")
    _write_products(out, kept, _stack(small, WIDTH_PX, HEIGHT_PX), _stack(large, LARGE_WIDTH_PX, LARGE_HEIGHT_PX), large_at)
    progress("masks done")
    _prepare_people(source / "user-photos.zip", out, progress)
    prepare_drawings(resources.path("demo"), out / "demo")


def _write_products(
    out: Path, kept: list[Row], small: np.ndarray, large: np.ndarray, large_at: list[int]
) -> None:
    """Products with their pictures, and masks of what is not ground."""
    np.save(out / "small.npy", small)
    np.save(out / "large.npy", large)
    np.save(out / "large_at.npy", np.array(large_at, np.int32))
    masks = [flood_masks(small[i : i + 500]) for i in range(0, len(small), 500)]
    np.save(out / "small_mask.npy", np.concatenate(masks))
    masks = [flood_masks(large[i : i + 200]) for i in range(0, len(large), 200)]
    np.save(out / "large_mask.npy", np.concatenate(masks))
    (out / "rows.json").write_text(json.dumps([[r.sku, r.title, *r.labels] for r in kept]), encoding="utf-8")


def prepare_drawings(source: Path, out: Path) -> None:
    """The demo catalogue under `source` (styles.csv and images/{sku}.webp) as arrays under `out`, as `prepare` writes them."""
    out.mkdir(parents=True, exist_ok=True)
    rows = read_rows(source / "styles.csv")
    drawings = [_open((source / "images" / f"{r.sku}.webp").read_bytes(), (LARGE_WIDTH_PX, LARGE_HEIGHT_PX)) for r in rows]
    small = _stack([letterbox(d, WIDTH_PX, HEIGHT_PX) for d in drawings], WIDTH_PX, HEIGHT_PX)
    large = _stack([letterbox(d, LARGE_WIDTH_PX, LARGE_HEIGHT_PX) for d in drawings], LARGE_WIDTH_PX, LARGE_HEIGHT_PX)
    _write_products(out, rows, small, large, list(range(len(rows))))


def _prepare_people(archive: Path, out: Path, progress: Callable[[str], None]) -> None:
    with zipfile.ZipFile(archive) as photos:
        for part in ("train", "validation"):
            names = sorted(n for n in photos.namelist() if n.startswith(f"user-photos/{part}/") and n.endswith(".jpg"))
            images = [_open(photos.read(n), (LARGE_WIDTH_PX, LARGE_HEIGHT_PX)) for n in names]
            labels = np.array([PEOPLE_CLASSES.index(n.split("/")[2]) for n in names], np.int64)
            fitted = [letterbox(i, LARGE_WIDTH_PX, LARGE_HEIGHT_PX) for i in images]
            np.save(out / f"people_{part}.npy", _stack(fitted, LARGE_WIDTH_PX, LARGE_HEIGHT_PX))
            np.save(out / f"people_{part}_labels.npy", labels)
            if part == "train":
                covered = [cover(i, LARGE_WIDTH_PX, LARGE_HEIGHT_PX) for i in images]
                np.save(out / "grounds.npy", _stack(covered, LARGE_WIDTH_PX, LARGE_HEIGHT_PX))
            progress(f"{len(names)} people's photos for {part}")


def duplicates(pictures: np.ndarray) -> np.ndarray:
    """Group number of each picture, (n,) int64: equal for pictures that are identical pixel by pixel."""
    groups: dict[bytes, int] = {}
    return np.array([groups.setdefault(p.tobytes(), len(groups)) for p in pictures], np.int64)


def load_rows(folder: Path) -> list[Row]:
    """The rows that `prepare` kept, in the order of its arrays."""
    data: Iterable[list[str]] = json.loads((folder / "rows.json").read_text(encoding="utf-8"))
    return [Row(sku, title, tuple(labels)) for sku, title, *labels in data]
