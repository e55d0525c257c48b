"""People's own photos through the search: does what comes first belong to the class that they photographed?

Ten classes of the validation folder; the product itself is in no shop, so the categories of the first five answer for it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from retrieval.crops import crop
from retrieval.detectors.compact import CompactDetector
from retrieval.encoders.compact import letterbox, load_image
from retrieval.evaluation import readers
from retrieval.evaluation.metrics import bootstrap
from retrieval.finding import see
from retrieval.items import Box, Slot
from retrieval.training import cache
from retrieval.training.grounds import own_photos
from retrieval.vocabulary import categories

CLASSES = {
    "dress": {"Dresses", "Sarees", "Lehenga Choli", "Jumpsuit", "Kurtas", "Kurtis", "Nightdress"},
    "hat": {"Caps", "Hat"},
    "longsleeve": {"Tshirts", "Tops", "Sweaters", "Sweatshirts", "Lounge Tshirts"},
    "outwear": {"Jackets", "Blazers", "Rain Jacket", "Nehru Jackets", "Sweaters", "Sweatshirts", "Waistcoat", "Shrug"},
    "pants": {"Jeans", "Trousers", "Track Pants", "Leggings", "Jeggings", "Tights", "Lounge Pants", "Capris"},
    "shirt": {"Shirts"},
    "shoes": set(),  # all of the slot, below
    "shorts": {"Shorts", "Lounge Shorts", "Swimwear"},
    "skirt": {"Skirts"},
    "t-shirt": {"Tshirts", "Tops", "Lounge Tshirts", "Innerwear Vests"},
}  # fmt: skip
_SHOWN = 100  # photos with their boxes on the sheet


def fitting_categories() -> dict[str, set[str]]:
    """The catalogue's categories that belong to each class."""
    return CLASSES | {"shoes": {c.name for c in categories().values() if c.slot is Slot.SHOES}}


def beside(sheet: Path) -> Path:
    """Where the sheet of people's photos goes: beside the sheet of failures."""
    return sheet.with_name(f"{sheet.stem}-people{sheet.suffix}")


def evaluate(
    pictures: Path, source: Path, weights: Path | None = None, *, drawn: Path | None = None,
    say: Callable[[str], None] = print,
) -> dict[str, float]:
    """Shares of the first five, and of the first, whose category belongs to the photo's class, over the whole catalogue;
    chance is the class's share of the catalogue. The box is the detector's surest, the whole photo where it finds none.
    """
    rows, pixels = cache.load_rows(pictures), np.load(pictures / "small.npy", mmap_mode="r")
    reader = readers.compact(load_image(weights))
    vectors = readers.vectors_of(reader, pixels, pictures.parent / "search")
    category = np.array([row.labels[0] for row in rows])
    fits = fitting_categories()
    detector = CompactDetector()
    photos = list(own_photos(source, "validation"))
    boxes: list[Box | None] = []
    shown = np.empty((len(photos), cache.HEIGHT_PX, cache.WIDTH_PX, 3), np.uint8)
    for i, photo in enumerate(photos):
        picture = Image.fromarray(photo.rgb)
        seen = see(detector, picture).detections
        boxes.append(seen[0].box if seen else None)
        shown[i] = np.asarray(letterbox(crop(picture, boxes[-1] or Box(0, 0, *picture.size))))
    scores = reader.read(shown) @ vectors.T
    found = category[np.argsort(-scores, axis=1, kind="stable")[:, :5]]
    kind = np.array([photo.name.split("/")[2] for photo in photos])
    right = np.array([[c in fits[k] for c in row] for k, row in zip(kind, found, strict=True)])
    chance = {k: float(np.isin(category, list(fits[k])).mean()) for k in fits}
    got = bootstrap(right.mean(1), rounds=400)
    figures = {
        "people_n": float(len(photos)),
        "people_with_a_box": float(np.mean([box is not None for box in boxes])),
        "people_top5_of_class": got.value,
        "people_top5_of_class_low": got.low,
        "people_top5_of_class_high": got.high,
        "people_first_of_class": float(right[:, 0].mean()),
        "people_any_of_class": float(right.any(1).mean()),
        "people_chance": float(np.mean([chance[k] for k in kind])),
    }
    figures |= {f"people_{k}_top5": float(right[kind == k].mean()) for k in sorted(set(kind.tolist()))}
    if drawn is not None:
        _draw(photos, boxes, drawn)
    say("people's own photos measured")
    return figures


def _draw(photos, boxes: list[Box | None], file: Path) -> None:
    """The first photos, ten a row, each with the box that its crop was taken from; none is drawn where none was found."""
    chosen = np.random.default_rng(0).permutation(len(photos))[:_SHOWN]
    picture = Image.new("RGB", (10 * 132, (len(chosen) + 9) // 10 * 132), "white")
    for place, i in enumerate(chosen):
        small = Image.fromarray(photos[i].rgb)
        if boxes[i] is not None:
            ImageDraw.Draw(small).rectangle(boxes[i].as_tuple(), outline=(230, 30, 30), width=5)
        small.thumbnail((128, 128))
        picture.paste(small, (place % 10 * 132, place // 10 * 132))
    picture.save(file, optimize=True)
