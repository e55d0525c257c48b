"""Writes the feed and the pictures under data/demo."""

from __future__ import annotations

import csv
import io
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from data.demo.draw.catalogue import Product, products
from data.demo.draw.paint import cut_out, on_studio_ground
from data.demo.draw.plan import COLUMNS

DEMO_DIR = Path(__file__).resolve().parents[1]
SCALE = 1.25  # device px per canvas px before the last, smoothing reduction
BACK_VIEWS = 14
MOST_BYTES = 8192  # two blocks of a usual file system


def render(product: Product, back: bool = False) -> Image.Image:
    """The product picture before compression: 480 x 640 RGB."""
    drawing = product.draw_back() if back else product.draw()
    return on_studio_ground(cut_out(drawing, product.seed, SCALE), SCALE, drawing.ground, drawing.rise)


def encode(image: Image.Image) -> bytes:
    """WebP at the best quality that stays within MOST_BYTES (knits and small prints end lowest)."""

    def at(quality: int) -> bytes:
        buffer = io.BytesIO()
        image.save(buffer, "WEBP", quality=quality, method=4)
        return buffer.getvalue()

    best = at(86)
    if len(best) <= MOST_BYTES:
        return best
    low, high = 10, 86  # size grows with quality: halve the range
    best = at(low)
    while high - low > 6:
        middle = (low + high) // 2
        data = at(middle)
        if len(data) <= MOST_BYTES:
            low, best = middle, data
        else:
            high = middle
    return best


def with_back(catalogue: list[Product]) -> list[Product]:
    """The items that get a second view: the first few that have a back worth showing."""
    return [p for p in catalogue if p.draw_back is not None][:BACK_VIEWS]


def _write(job: tuple[int, bool, str]) -> int:
    index, back, folder = job
    product = _catalogue()[index]
    data = encode(render(product, back))
    name = product.row["id"] + ("_back" if back else "")
    (Path(folder) / f"{name}.webp").write_bytes(data)
    return len(data)


_CACHE: list[Product] = []


def _catalogue() -> list[Product]:
    if not _CACHE:
        _CACHE.extend(products())
    return _CACHE


def write_feed(catalogue: list[Product], path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(p.row for p in catalogue)


def build(only: set[str] | None = None, workers: int = 2, folder: Path = DEMO_DIR) -> tuple[int, int]:
    """Draws the feed and its pictures (or the pictures of `only` these ids) -> (pictures, bytes)."""
    catalogue = _catalogue()
    images = folder / "images"
    images.mkdir(parents=True, exist_ok=True)
    write_feed(catalogue, folder / "styles.csv")
    backs = {p.row["id"] for p in with_back(catalogue)}
    jobs = []
    for index, product in enumerate(catalogue):
        sku = product.row["id"]
        if only is None or sku in only:
            jobs.append((index, False, str(images)))
            if sku in backs:
                jobs.append((index, True, str(images)))
    if only is None:
        wanted = {f"{catalogue[i].row['id']}{'_back' if b else ''}.webp" for i, b, _ in jobs}
        for old in images.glob("*.webp"):
            if old.name not in wanted:
                old.unlink()
    with ProcessPoolExecutor(workers) as pool:
        sizes = list(pool.map(_write, jobs, chunksize=8))
    return len(sizes), int(np.sum(sizes))
