"""A shop's own folder of pictures as training input: what can be used, and why the rest cannot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
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


@dataclass(frozen=True, slots=True)
class FolderPictures:
    """`pictures` (n, 160, 128, 3) uint8; `names` relative to the folder; `labels` (n,) the number of the sub-folder in
    `classes`, or all 0 where pictures lie in the folder itself; `rejects` name -> reason.
    """

    pictures: np.ndarray
    names: list[str]
    labels: np.ndarray
    classes: list[str]
    rejects: dict[str, str]

    def reasons(self) -> dict[str, int]:
        """How many were left out for each kind of reason."""
        return dict(Counter(reason.split(":")[0] for reason in self.rejects.values()))


def read_folder(folder: Path, progress: Callable[[int, int], None] = lambda done, total: None) -> FolderPictures:
    """Every usable picture under `folder`, in order of name. Unreadable, tiny and repeated ones are left out, with the
    reason. Raises InvalidInput where fewer than LEAST_PICTURES are left.
    """
    if not folder.is_dir():
        raise InvalidInput(f"{folder} is no folder", hint="give the folder that holds the shop's pictures")
    files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
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
    parents = [Path(n).parent.as_posix() for n in names]
    classes = sorted(set(parents))
    number = {c: i for i, c in enumerate(classes)}
    return FolderPictures(np.stack(rows), names, np.array([number[p] for p in parents]), classes, rejects)
