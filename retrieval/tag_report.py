"""What the shot tags of a catalogue say: how often each value was told, and a contact sheet of pictures for each."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from retrieval.errors import OutfitError, StoreError
from retrieval.items import ShotTags
from retrieval.tags import FIELDS, Photo, Tagged

if TYPE_CHECKING:
    from PIL.Image import Image

CANNOT_TELL = "cannot tell"
_BANDS = ((0.3, "below 0.3"), (0.7, "0.3 to 0.7"), (1.01, "0.7 and above"))
_WIDTH, _HEIGHT, _TEXT = 96, 128, 13


def value_of(tags: ShotTags, field: str) -> str:
    """A tag as a word: yes, no, a number, a name, a band of quality, or "cannot tell"."""
    value = getattr(tags, field)
    if value is None:
        return CANNOT_TELL
    if isinstance(value, bool):
        return "yes" if value else "no"
    if field == "quality":
        return next(name for limit, name in _BANDS if value < limit)
    return str(value)


def distribution(tagged: Iterable[Tagged]) -> dict[str, Counter[str]]:
    """field -> value -> how many photos, of those with tags."""
    counts: dict[str, Counter[str]] = {field: Counter() for field in FIELDS}
    for one in tagged:
        if not one.fault:
            for field in FIELDS:
                counts[field][value_of(one.tags, field)] += 1
    return counts


def choose(tagged: Iterable[Tagged], most: int) -> dict[tuple[str, str], list[Tagged]]:
    """(field, value) -> at most `most` photos with that value, by a hash of their names: any, but always the same."""
    found: dict[tuple[str, str], list[Tagged]] = {}
    for one in tagged:
        if not one.fault:
            for field in FIELDS:
                found.setdefault((field, value_of(one.tags, field)), []).append(one)

    def chance(one: Tagged) -> str:
        return sha256(f"{one.photo.sku}/{one.photo.view}".encode()).hexdigest()

    return {key: sorted(ones, key=chance)[:most] for key, ones in found.items()}


def draw_sheets(
    chosen: dict[tuple[str, str], list[Tagged]], open_photo: Callable[[Photo], Image], folder: Path,
    watch: Callable[[int, int], None] = lambda done, total: None,
) -> list[Path]:
    """One PNG for each field and value, `folder`/FIELD-VALUE.png; a picture that cannot be opened leaves its place grey."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        written = []
        for done, ((field, value), ones) in enumerate(sorted(chosen.items()), 1):
            file = folder / f"{field}-{re.sub(r'[^a-z0-9.]+', '-', value.casefold()).strip('-')}.png"
            _sheet(ones, field, value, open_photo).save(file, optimize=True)
            written.append(file)
            watch(done, len(chosen))
    except OSError as error:
        raise StoreError(f"{folder} cannot be written: {error.strerror}", hint="make room, or give --sheets a folder") from error
    return written


def _sheet(ones: Sequence[Tagged], field: str, value: str, open_photo: Callable[[Photo], Image]) -> Image:
    from PIL import Image as Pictures
    from PIL import ImageDraw, ImageOps

    columns = min(8, max(4, len(ones)))
    rows = -(-len(ones) // columns)
    sheet = Pictures.new("RGB", (columns * (_WIDTH + 4), 20 + rows * (_HEIGHT + _TEXT + 4)), "white")
    pen = ImageDraw.Draw(sheet)
    pen.text((2, 4), f"{field}: {value}", fill=(0, 0, 0))
    for i, one in enumerate(ones):
        x, y = (i % columns) * (_WIDTH + 4), 20 + (i // columns) * (_HEIGHT + _TEXT + 4)
        try:
            picture = ImageOps.pad(open_photo(one.photo), (_WIDTH, _HEIGHT), color="white")
        except OutfitError:
            picture = Pictures.new("RGB", (_WIDTH, _HEIGHT), (200, 200, 200))
        sheet.paste(picture, (x, y + _TEXT))
        sure = one.tags.confidence.get(field)
        pen.text((x, y), f"{one.photo.sku[:10]} {'' if sure is None else f'{sure:.2f}'}", fill=(90, 90, 90))
    return sheet
