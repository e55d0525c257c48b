"""How a catalogue picture was taken, read by small heads of the compact image model: the embedded way to tag shots.

The heads lie in `image.onnx` beside the others; `outfit train shots` makes them (`retrieval.training.shot_heads`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from retrieval.encoders.compact import load_image
from retrieval.errors import ModelUnavailable
from retrieval.items import ShotTags

if TYPE_CHECKING:
    from PIL.Image import Image

# head of the file -> its answers, in order; the last of each is the True of the tag where the tag is a truth
SHOT_HEADS: Mapping[str, tuple[str, ...]] = {
    "shot_people": ("0", "1", "2"),  # 2: two or more
    "shot_scene": ("studio", "real"),
    "shot_worn": ("no", "yes"),
    "shot_angle": ("front", "side", "detail"),
    "shot_whole": ("part", "whole"),
    "shot_quality": ("poor", "good"),
}


class CompactShots:
    """Port `ShotReader`. Raises ModelUnavailable where the weights have no such heads."""

    def __init__(self, weights_dir: Path | None = None) -> None:
        self._model = load_image(weights_dir)
        lacking = [name for name in SHOT_HEADS if name not in self._model.heads]
        if lacking:
            raise ModelUnavailable(
                f"the compact image model has no heads for shots: {', '.join(lacking)} are missing",
                hint="outfit train shots, or check out the repository with its data/weights folder",
            )
        self.name = f"compact-shots/{self._model.digest[:16]}"

    def tags(self, images: Sequence[Image]) -> list[ShotTags]:
        """RGB pictures of any size -> their tags. A tag is None below its head's `least`; the confidence is given all
        the same. `quality` is the probability of a clean picture.
        """
        out, heads = self._model.outputs(images), self._model.heads
        p = {name: heads[name].probabilities(out[name]) for name in SHOT_HEADS}
        category = heads["category"].probabilities(out["category"])
        return [self._tags({n: rows[i] for n, rows in p.items()}, category[i]) for i in range(len(images))]

    def _tags(self, p: Mapping[str, np.ndarray], category: np.ndarray) -> ShotTags:
        heads = self._model.heads
        told: dict[str, object] = {}
        confidence: dict[str, float] = {}

        def tell(tag: str, head: str, probabilities: np.ndarray, answers: Sequence[object]) -> None:
            best = int(probabilities.argmax())
            confidence[tag] = round(float(probabilities[best]), 4)
            if probabilities[best] >= heads[head].least:
                told[tag] = answers[best]

        people = p["shot_people"]
        tell("model_count", "shot_people", people, (0, 1, 2))
        tell("model_present", "shot_people", np.array([people[0], people[1:].sum()]), (False, True))
        for tag, head in (("real_scene", "shot_scene"), ("worn", "shot_worn"), ("whole", "shot_whole")):
            tell(tag, head, p[head], (False, True))
        tell("angle", "shot_angle", p["shot_angle"], SHOT_HEADS["shot_angle"])
        tell("category", "category", category, heads["category"].classes)
        return ShotTags(**told, quality=round(float(p["shot_quality"][1]), 3), confidence=confidence)
