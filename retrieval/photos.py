"""Photos of a feed's products: which files they are, and what is known of each once it has been read."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from retrieval.errors import InvalidInput, OutfitError
from retrieval.feed_rows import FeedRow
from retrieval.images import Limits, decode, digest, perceptual_hash, thumbnail
from retrieval.items import Swatch, View
from retrieval.ledger import Photo
from retrieval.stores import ImageStore, check_name

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

MAIN_VIEW = "main"
ENCODED_SIDE_PX = 648  # no encoder looks at more; a batch of large photos must not fill the memory
_MOST_VIEW_CHARS = 100


@dataclass(frozen=True, slots=True)
class Place:
    """Where a view was found: its name among the item's views, its path in the store, what tells that it has changed."""

    view: str
    path: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Taken:
    """A photo that has been read: what SQL keeps of it, and its pixels where they are to be encoded, or their vector."""

    photo: Photo
    pixels: Image | None = None
    vector: np.ndarray | None = None


class PhotoFinder:
    """Photos of a product: those that its row names, else the file `{sku}.*` ("main") and then `{sku}_*`, by name.

    A file whose whole stem is a sku of the feed belongs to that product alone. `skus` gives all skus of the feed; it is
    called only where stems hold a "_", as it reads the feed once more.
    """

    def __init__(self, store: ImageStore, skus: Callable[[], Collection[str]]) -> None:
        self._store = store
        names = sorted((name for name in store.names() if _is_plain(name)), key=lambda name: (name.count("/"), name))
        self._by_file: dict[str, str] = {}
        self._by_stem: dict[str, str] = {}
        for name in names:  # of two files of a name, the one least deep holds
            file = name.rpartition("/")[2]
            self._by_file.setdefault(file, name)
            self._by_stem.setdefault(file.rpartition(".")[0], name)
        self._more: dict[str, dict[str, str]] = {}
        if any("_" in stem for stem in self._by_stem):
            known = frozenset(skus())
            for stem, name in self._by_stem.items():
                sku = stem
                while stem not in known and "_" in sku:
                    sku = sku.rpartition("_")[0]
                    if sku in known:
                        view = stem[len(sku) + 1 :][:_MOST_VIEW_CHARS].strip()  # not all engines keep a space at the end
                        self._more.setdefault(sku, {}).setdefault(view, name)
                        break

    def find(self, row: FeedRow) -> tuple[list[Place], list[str]]:
        """The row's photos in order, and what is wrong with those that cannot be used. Nothing is read."""
        places, wrong = [], []
        for view, path in self._candidates(row):
            try:
                fingerprint = self._store.fingerprint(path)
            except OutfitError as error:
                wrong.append(str(error))
                continue
            if fingerprint is None:
                wrong.append(f"no image: there is no file {path[:80]!r} in the image store")
            else:
                places.append(Place(view, path, fingerprint))
        if not places and not wrong:
            wrong.append("no image")
        return places, wrong

    def _candidates(self, row: FeedRow) -> list[tuple[str, str]]:
        if row.images:
            names = [MAIN_VIEW, *(str(number) for number in range(2, len(row.images) + 1))]
            return [(view, self._by_file.get(path, path)) for view, path in zip(names, row.images, strict=True)]
        sku = row.item.sku
        main = self._by_stem.get(sku)
        more = self._more.get(sku, {})
        return [*([(MAIN_VIEW, main)] if main else []), *sorted(more.items(), key=lambda found: _natural(found[0]))]


def take(
    place: Place,
    store: ImageStore,
    store_id: int,
    measure_palette: Callable[[Image], Sequence[Swatch]],
    *,
    known: Photo | None,
    known_suffices: bool,
    limits: Limits = Limits(),
) -> Taken:
    """Read a photo, measure its palette and hash it. Raises OutfitError where it cannot be read or decoded.

    `known` is what SQL has of the view; where the file turns out to be the same and `known_suffices`, it is not decoded.
    """
    data = store.read(place.path, max_bytes=limits.max_bytes)
    content = digest(data)
    is_known = known is not None and known.view.digest == content
    if is_known and known_suffices:
        return Taken(_moved(known, place, store_id))
    image = decode(data, limits=limits)
    pixels = thumbnail(image, ENCODED_SIDE_PX)
    if is_known:
        return Taken(_moved(known, place, store_id), pixels)
    palette = tuple(
        Swatch(s.name, s.family, tuple(round(float(v), 2) for v in s.lab), s.hex, round(float(s.share), 4))
        for s in measure_palette(image)
    )
    view = View(place.view, place.path, content, image.width, image.height, palette)
    return Taken(Photo(view, store_id, place.fingerprint, perceptual_hash(image)), pixels)


def _moved(known: Photo, place: Place, store_id: int) -> Photo:
    view = replace(known.view, name=place.view, path=place.path)
    return Photo(view, store_id, place.fingerprint, known.hash)


def _is_plain(name: str) -> bool:
    try:
        return bool(check_name(name))
    except InvalidInput:
        return False


def _natural(text: str) -> list[tuple[int, int, str]]:
    """Sort key by which "2" comes before "10"."""
    parts = re.split(r"(\d+)", text)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part]
