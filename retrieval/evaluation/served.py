"""Picture search as it is served, over arrays: the first hits of many pictures, and the evidence that weighs them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from retrieval.colours import measure_palette
from retrieval.encoders.compact import CompactEvidence, CompactModel, CompactText
from retrieval.items import Swatch
from retrieval.ranking import palette_likeness
from retrieval.training.cache import FIELDS, Row


@dataclass(slots=True)
class Shop:
    """A gallery: places in the catalogue's rows, one for each picture that differs, and their (m, d) vectors."""

    rows: Sequence[Row]
    pixels: np.ndarray
    at: np.ndarray
    vectors: np.ndarray
    palettes: dict[int, tuple[Swatch, ...]] = field(default_factory=dict)

    def palette(self, row: int) -> tuple[Swatch, ...]:
        if row not in self.palettes:
            self.palettes[row] = measure_palette(Image.fromarray(self.pixels[row]))
        return self.palettes[row]


def shop_of(rows: Sequence[Row], pixels: np.ndarray, group: np.ndarray, at: np.ndarray, vectors: np.ndarray) -> Shop:
    """The products `at`, identical pictures once; `vectors` (N, d) are of all rows."""
    kept = at[np.sort(np.unique(group[at], return_index=True)[1])]
    return Shop(rows, pixels, kept, vectors[kept])


def first_hits(asked: np.ndarray, shop: Shop, depth: int) -> tuple[np.ndarray, np.ndarray]:
    """(n, d) -> (n, depth) places in `shop.at`, best first, and their cosines; padded with -1 and -inf."""
    places, scores = [], []
    k = min(depth, len(shop.at))
    for part in np.array_split(asked, max(1, len(asked) // 256)):
        cosines = part @ shop.vectors.T
        some = np.argpartition(-cosines, k - 1, axis=1)[:, :k]
        values = np.take_along_axis(cosines, some, 1)
        order = np.argsort(-values, axis=1, kind="stable")
        places.append(np.take_along_axis(some, order, 1))
        scores.append(np.take_along_axis(values, order, 1))
    pad = ((0, 0), (0, depth - k))
    return (
        np.pad(np.concatenate(places), pad, constant_values=-1),
        np.pad(np.concatenate(scores).astype(np.float64), pad, constant_values=-np.inf),
    )


def evidence_of(
    shown: np.ndarray, hits: np.ndarray, cosines: np.ndarray, shop: Shop, model: CompactModel, text: CompactText,
    names: Sequence[str] = CompactEvidence.NAMES,
) -> dict[str, np.ndarray]:
    """By name, (n, k): what `CompactEvidence` says of crops (n, 80, 64, 3) and their hits, `cosine` among it."""
    reader = CompactEvidence(model, text)
    out = model.answers_of(list(shown))
    found = {name: np.full(hits.shape, -1.0) for name in names}
    titles: dict[int, np.ndarray] = {}
    for i in range(len(shown)):
        there = hits[i] >= 0
        rows = shop.at[hits[i][there]]
        said = {
            name: reader.read_one(name, out[name][i], [shop.rows[r].labels[FIELDS.index(name)] or None for r in rows])
            for name in CompactEvidence.FIELDS
            if name in names
        }
        if "title" in names:
            new = [int(r) for r in rows if int(r) not in titles]
            titles.update(zip(new, text.encode([shop.rows[r].title for r in new]), strict=True))
            said["title"] = np.array([titles[int(r)] @ out["shared"][i] for r in rows])
        if "palette" in names:
            palette = measure_palette(Image.fromarray(shown[i]))
            said["palette"] = np.array([palette_likeness(palette, shop.palette(int(r))) for r in rows])
        for name in names:
            found[name][i, there] = said[name]
    return {"cosine": cosines, **found}
