"""The queries that visual search is measured and calibrated with: products of one part, made once and kept in a file.

"held-out" are products that no training saw, and are for measuring alone; "calibration" are products kept from the
gradient, and are for every choice and constant.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from retrieval.crops import crop
from retrieval.encoders.compact import HEIGHT_PX, WIDTH_PX, letterbox
from retrieval.errors import InvalidInput
from retrieval.evaluation import ladder
from retrieval.finding import see
from retrieval.items import Box
from retrieval.ports import Detector
from retrieval.training.cache import Row
from retrieval.training.split import is_calibration, is_held_out

Part = Literal["held-out", "calibration"]
SOURCES = ("photo", "large", "thumbnail")  # 600 x 800, 168 x 224, 60 x 80 px
DRAWS = {"photo": 3, "large": 1, "thumbnail": 1}  # queries of a product and level: photos are few, and the best to ask with
_SIDE_PX = 640
_RECIPE = "5"  # goes up whenever the same seed would give other pictures


@dataclass(frozen=True, slots=True)
class Queries:
    """`rows` (n,) are places in the rows of the catalogue; `levels` and `sources` (n,) name degree and resolution;
    `pictures` are the encoded files; `boxes` (n, 4) float32, NaN where the picture is the crop."""

    rows: np.ndarray
    levels: np.ndarray
    sources: np.ndarray
    pictures: tuple[bytes, ...]
    boxes: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    def picture(self, i: int) -> Image.Image:
        return Image.open(io.BytesIO(self.pictures[i])).convert("RGB")

    def box(self, i: int) -> Box | None:
        return None if np.isnan(self.boxes[i, 0]) else Box(*map(float, self.boxes[i]))


def load(
    source: Path, rows: Sequence[Row], part: Part, cache_dir: Path, *, most: int = 200, seed: int = 0,
    progress: Callable[[str], None] = print,
) -> Queries:
    """The queries of a part at all levels, from the file in `cache_dir` where it is there.

    `source` holds the archives. Every product with a 600 x 800 photo is asked for, and of the two other sizes `most`
    each; see DRAWS. Raises InvalidInput where the part has no products.
    """
    file = cache_dir / f"queries-{part}-{most}-{seed}-{_RECIPE}-{len(rows)}.npz"
    if not file.is_file():
        made = _make(source, rows, part, most, seed, progress)
        cache_dir.mkdir(parents=True, exist_ok=True)
        ends = np.cumsum([len(p) for p in made.pictures])
        unfinished = file.with_suffix(".part.npz")
        np.savez(
            unfinished, rows=made.rows, levels=made.levels, sources=made.sources, boxes=made.boxes, ends=ends,
            data=np.frombuffer(b"".join(made.pictures), np.uint8),
        )  # fmt: skip
        unfinished.replace(file)
        return made
    with np.load(file, allow_pickle=False) as held:
        data, ends = held["data"].tobytes(), held["ends"].tolist()
        pictures = tuple(data[a:b] for a, b in zip([0, *ends[:-1]], ends, strict=True))
        return Queries(held["rows"], held["levels"], held["sources"], pictures, held["boxes"])


def _make(
    source: Path, rows: Sequence[Row], part: Part, most: int, seed: int, progress: Callable[[str], None]
) -> Queries:
    belongs = is_held_out if part == "held-out" else is_calibration
    own = [i for i, row in enumerate(rows) if belongs(row.sku)]
    if not own:
        raise InvalidInput(f"the catalogue has no {part} product", hint="outfit train prepare with the whole catalogue")
    rng = np.random.default_rng((seed, len(part)))
    made: list[tuple[int, str, str, bytes, tuple]] = []
    with (
        zipfile.ZipFile(source / "catalog-images.zip") as low,
        zipfile.ZipFile(source / "photos.zip") as high,
        zipfile.ZipFile(source / "user-photos.zip") as people,
    ):
        folder = "validation" if part == "held-out" else "train"
        grounds = [n for n in people.namelist() if f"/{folder}/" in n and n.endswith(".jpg")]
        for place, (i, size) in enumerate(chosen := _choose(own, rows, low, high, most, rng)):
            image = _product(rows[i].sku, size, low, high)
            for level in ladder.LEVELS * DRAWS[size]:
                ground = _open(people, grounds[int(rng.integers(len(grounds)))])
                other = own[int(rng.integers(len(own)))]
                while other == i and len(own) > 1:
                    other = own[int(rng.integers(len(own)))]
                front = _product(rows[other].sku, "large", low, high)
                query = ladder.make(level, image, ground, front, rng)
                box = (np.nan,) * 4 if query.box is None else query.box.as_tuple()
                made.append((i, level, size, _encoded(query.picture), box))
            if place % 100 == 0:
                progress(f"queries of {place} of {len(chosen)} {part} products made")
    at, levels, sources, pictures, boxes = zip(*made, strict=True)
    return Queries(np.array(at), np.array(levels), np.array(sources), pictures, np.array(boxes, np.float32))


def _choose(own, rows, low, high, most: int, rng: np.random.Generator) -> list[tuple[int, str]]:
    """Products with the size of the picture that their query is made from."""
    photos = set(high.namelist())
    by_size: dict[str, list[int]] = {size: [] for size in SOURCES}
    for i in own:
        if f"photos/{rows[i].sku}.jpg" in photos:
            by_size["photo"].append(i)
        else:
            with low.open(f"images/{rows[i].sku}.jpg") as file:
                by_size["large" if Image.open(file).width >= 128 else "thumbnail"].append(i)
    chosen = [(i, "photo") for i in by_size["photo"]]
    for size in SOURCES[1:]:
        chosen += [(int(i), size) for i in rng.permutation(by_size[size])[:most]]
    return chosen


def _product(sku: str, size: str, low: zipfile.ZipFile, high: zipfile.ZipFile) -> Image.Image:
    return _open(high, f"photos/{sku}.jpg") if size == "photo" else _open(low, f"images/{sku}.jpg")


def _open(archive: zipfile.ZipFile, name: str) -> Image.Image:
    image = Image.open(io.BytesIO(archive.read(name)))
    image.draft("RGB", (_SIDE_PX, _SIDE_PX))  # photos are large: decode at a fraction of the size
    image.thumbnail((_SIDE_PX, _SIDE_PX), Image.Resampling.BICUBIC)
    return image.convert("RGB")


def _encoded(picture: Image.Image) -> bytes:
    with io.BytesIO() as file:
        picture.save(file, "JPEG", quality=95, subsampling=0)
        return file.getvalue()


@dataclass(frozen=True, slots=True)
class Crops:
    """What the search is asked with: (n, 80, 64, 3) uint8, letterboxed; (n,) bool, whether the garment was found at all;
    (n,) float, overlap of the detector's box with the right one (1 where none was asked for)."""

    pixels: np.ndarray
    found: np.ndarray
    iou: np.ndarray


def crops_of(queries: Queries, detector: Detector | None = None, *, least: float = 0.3, scale: float = 1.0) -> Crops:
    """Crops by the rectangle that a person would draw; with a detector, those of "hard" by the box that it offers nearest
    to it, the whole photo where none touches it (and then the garment counts as not found).
    """
    pixels = np.empty((len(queries), HEIGHT_PX, WIDTH_PX, 3), np.uint8)
    iou = np.ones(len(queries))
    for i in range(len(queries)):
        picture, box = queries.picture(i), queries.box(i)
        if detector is not None and queries.levels[i] == "hard":
            offered = see(detector, picture, least=least).detections
            best = max(offered, key=lambda d: d.box.iou(box), default=None)
            iou[i] = 0.0 if best is None else best.box.iou(box)
            box = best.box if iou[i] > 0 else None
        picture = crop(picture, box or Box(0, 0, *picture.size), scale=scale)
        pixels[i] = np.asarray(letterbox(picture))
    return Crops(pixels, iou > 0, iou)
