"""A shop's own folder of pictures as training input: what can be used, and why the rest cannot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from retrieval import images
from retrieval.encoders.compact import letterbox
from retrieval.errors import InvalidInput, OutfitError
from retrieval.training.cache import LARGE_HEIGHT_PX, LARGE_WIDTH_PX

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".avif")
LEAST_PX = 32  # a shorter side shows no more than a colour
LEAST_PICTURES = 64
PRODUCT_PICTURES = 12  # sub-folders that hold more on average are categories


@dataclass(frozen=True, slots=True)
class FolderPictures:
    """`pictures` (n, 160, 128, 3) uint8; `names` relative to the folder; `labels` (n,) the number of the
    category in `classes`, all 0 where there is one alone; `rejects` name -> reason.
    """

    pictures: np.ndarray
    names: list[str]
    labels: np.ndarray
    classes: list[str]
    rejects: dict[str, str]
    products: list[str]  # of each picture
    layout: str  # how sub-folders were understood, in words

    def reasons(self) -> dict[str, int]:
        """How many were left out for each kind of reason."""
        return dict(Counter(reason.split(":")[0] for reason in self.rejects.values()))


def read_folder(
    folder: Path, progress: Callable[[int, int], None] = lambda done, total: None, *, only: frozenset[str] | None = None,
    folders: str = "auto",
) -> FolderPictures:
    """Every usable picture under `folder`, in order of name, of those named in `only`. Unreadable, tiny and repeated ones
    are left out, with the reason. `folders`: see `layout_of`. Raises InvalidInput where fewer than LEAST_PICTURES are left.
    """
    if not folder.is_dir():
        raise InvalidInput(f"{folder} is no folder", hint="give the folder that holds the shop's pictures")
    files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
    if only is not None:
        files = [p for p in files if p.relative_to(folder).as_posix() in only]
    names, rows, rejects, seen = [], [], {}, {}
    for done, file in enumerate(files):
        name = file.relative_to(folder).as_posix()
        try:
            image = images.read(file)
        except OutfitError as error:
            rejects[name] = f"unreadable: {error}"
            continue
        if min(image.size) < LEAST_PX:
            rejects[name] = f"tiny: {image.width}x{image.height} px, at least {LEAST_PX} on the shorter side are needed"
            continue
        digest = images.pixel_digest(image)
        if digest in seen:
            rejects[name] = f"repeated: the same picture as {seen[digest]}"
            continue
        seen[digest] = name
        names.append(name)
        rows.append(np.asarray(letterbox(image, LARGE_WIDTH_PX, LARGE_HEIGHT_PX), np.uint8))
        progress(done + 1, len(files))
    if len(rows) < LEAST_PICTURES:
        raise InvalidInput(
            f"{folder} holds {len(rows)} usable pictures of {len(files)}: at least {LEAST_PICTURES} are needed",
            hint="add pictures; the reasons for those left out: "
            + (", ".join(f"{n} {r}" for r, n in Counter(v.split(":")[0] for v in rejects.values()).items()) or "none"),
        )
    categories, products, said = layout_of(names, folders)
    classes = sorted(set(categories))
    number = {c: i for i, c in enumerate(classes)}
    return FolderPictures(
        np.stack(rows), names, np.array([number[c] for c in categories]), classes, rejects, products, said
    )


def layout_of(names: Sequence[str], folders: str = "auto") -> tuple[list[str], list[str], str]:
    """Category and product of each picture by its name relative to the folder, and in words how they were understood.

    CATEGORY/PRODUCT/picture is taken as it stands. With one level of sub-folders, those are products where they hold at
    most PRODUCT_PICTURES each on average, else categories, unless `folders` says "product" or "category"; a product is
    then the name up to its last "-" or "_". Raises InvalidInput for another word.
    """
    if folders not in ("auto", "product", "category"):
        raise InvalidInput(f"sub-folders {folders!r}: product, category or auto are understood")
    parts = [n.split("/") for n in names]
    single = [p[0] for p in parts if len(p) == 2]
    if folders == "auto" and single:
        folders = "product" if len(single) / len(set(single)) <= PRODUCT_PICTURES else "category"
    categories, products = [], []
    for p in parts:
        stem = p[-1].rsplit(".", 1)[0]
        cut = max(stem.rfind("-"), stem.rfind("_"))
        by_name = "/".join([*p[:-1], stem[:cut] if cut > 0 else stem])
        deep = len(p) > 2 or len(p) == 2 and folders == "product"
        products.append("/".join(p[:-1]) if deep else by_name)
        categories.append("" if len(p) == 1 or len(p) == 2 and folders == "product" else p[0])
    said = f"{len(set(categories)):,} categories, {len(set(products)):,} products"
    if single:
        said += f" (one level of sub-folders, taken for {'products' if folders == 'product' else 'categories'})"
    return categories, products, said
