"""Which pictures train and which test: filtered by their shot tags, disjoint by product and by near-duplicate.

Pictures that teach nothing are left out. Real-world scenes are what shoppers send, so they test; studio shots train. A
product with any real-world scene belongs to the test part with all its pictures: the scenes as queries, the studio shots as
the gallery they are to be found in. Whatever repeats one of its pictures goes with it. Every picture has its reason.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from retrieval.errors import InvalidInput, StoreError

Part = Literal["train", "test", "left out"]
LEAST_QUALITY = 0.3


@dataclass(frozen=True, slots=True)
class Shot:
    """A tagged picture. None is "cannot tell" and filters nothing. `same_as`: equal for near-duplicates, None alone."""

    name: str
    product: str
    real_scene: bool | None = None
    whole: bool | None = None
    angle: str | None = None
    quality: float | None = None
    same_as: Hashable = None
    fault: str = ""  # a reason of its own to leave it out


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a picture goes and why. `role`: "query" or "gallery" in the test part, "" elsewhere."""

    name: str
    product: str
    part: Part
    role: str
    reason: str


def fault(shot: Shot) -> str:
    """Why a picture teaches nothing, or ""."""
    if shot.fault:
        return shot.fault
    if shot.whole is False:
        return "shows only a part"
    if shot.angle in ("sole", "detail"):
        return f"shot of the {shot.angle}"
    if shot.quality is not None and shot.quality < LEAST_QUALITY:
        return f"quality {shot.quality:.2f}, at least {LEAST_QUALITY} is needed"
    return ""


def place(shots: Sequence[Shot]) -> list[Placed]:
    """Every picture with its part and reason, in the order given. Raises InvalidInput where a name comes twice."""
    twice = [name for name, n in Counter(s.name for s in shots).items() if n > 1]
    if twice:
        raise InvalidInput(f"{twice[0]!r} comes {Counter(s.name for s in shots)[twice[0]]} times: names are to be unique")
    usable = [s for s in shots if not fault(s)]
    parent: dict[Hashable, Hashable] = {}

    def root(node: Hashable) -> Hashable:
        while parent.setdefault(node, node) != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for shot in usable:  # a product and what repeats its pictures are one family
        if shot.same_as is not None:
            parent[root(("same", shot.same_as))] = root(("product", shot.product))
    families = {root(("product", s.product)) for s in usable if s.real_scene}
    own = {s.product for s in usable if s.real_scene}
    placed = []
    for shot in shots:
        why = fault(shot)
        if why:
            placed.append(Placed(shot.name, shot.product, "left out", "", why))
        elif shot.real_scene:
            placed.append(Placed(shot.name, shot.product, "test", "query", "real-world scene"))
        elif shot.product in own:
            placed.append(Placed(shot.name, shot.product, "test", "gallery", "its product has a real-world scene"))
        elif root(("product", shot.product)) in families:
            placed.append(Placed(shot.name, shot.product, "test", "gallery", "repeats a picture of a test product"))
        else:
            placed.append(Placed(shot.name, shot.product, "train", "", "studio shot"))
    return placed


def counts(placed: Sequence[Placed]) -> dict[str, int]:
    """How many pictures for each part and reason, "train: studio shot" and so on, most first."""
    return dict(Counter(f"{p.part}: {_kind(p.reason)}" for p in placed).most_common())


def _kind(reason: str) -> str:
    """A reason without what differs from picture to picture."""
    return "quality too low" if reason.startswith("quality ") else reason.split(":")[0].split(",")[0]


def training_names(file: Path) -> frozenset[str]:
    """Names of the pictures that a manifest places into train. Raises InvalidInput where it is none."""
    try:
        plain = json.loads(file.read_text(encoding="utf-8"))
        return frozenset(p["name"] for p in plain["pictures"] if p["part"] == "train")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidInput(f"{file} is no manifest: {error}", hint="outfit split FOLDER") from error


def write(placed: Sequence[Placed], file: Path) -> None:
    """The manifest as JSON: counts, then a line a picture. An existing file is not overwritten: StoreError."""
    if file.exists():
        raise StoreError(f"{file} exists already", hint="give another name, or remove it first")
    lines = ",\n".join("    " + json.dumps(asdict(p), ensure_ascii=False) for p in placed)
    head = json.dumps(counts(placed), ensure_ascii=False)
    part = file.with_suffix(".part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(f'{{\n  "counts": {head},\n  "pictures": [\n{lines}\n  ]\n}}\n', encoding="utf-8")
        part.replace(file)
    except OSError as error:
        raise StoreError(f"{file} cannot be written: {error.strerror}", hint="make room, or give another --out") from error
