"""The detector of a worker on another machine, behind the same port."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from retrieval.errors import InvalidBox, InvalidReply
from retrieval.images import thumbnail
from retrieval.items import Box, Detection, Slot
from retrieval.remote import Worker, as_data_url

if TYPE_CHECKING:
    from PIL.Image import Image

SIDE_PX = 2048  # of what is sent; detectors look at 1,333 px or less


class RemoteDetector:
    """Port `Detector`. Pictures of more than 2,048 px are scaled down before they are sent, and boxes scaled back."""

    def __init__(self, url: str | None = None, api_key: str | None = None, timeout_s: float = 30.0) -> None:
        self._worker = Worker(url, api_key, timeout_s)
        self.name = f"{self._worker.served('detector')['name']} (worker)"

    def detect(self, image: Image, labels: Sequence[str] = ()) -> list[Detection]:
        """Garments in an RGB picture, boxes in its own pixels. Raises InvalidInput for labels that it cannot read."""
        sent = thumbnail(image, SIDE_PX)
        said = self._worker.ask("POST", "/v1/detect", {"image": as_data_url(sent), "labels": list(labels)})
        across, down = image.width / sent.width, image.height / sent.height
        try:
            found = [_detection(one, across, down, image.size) for one in said["detections"]]
        except (KeyError, TypeError, ValueError, InvalidBox) as error:
            raise InvalidReply(
                f"the worker {self._worker.url} answered no detections: {error!r}"[:300],
                hint="see that it runs the same version of this project",
            ) from error
        return sorted(found, key=lambda one: (-one.confidence, one.box.as_tuple()))


def _detection(said: dict, across: float, down: float, size: tuple[int, int]) -> Detection:
    """Raises ValueError, KeyError, TypeError or InvalidBox where it is none."""
    x0, y0, x1, y1 = (float(side) for side in said["box"])
    confidence, label = float(said["confidence"]), said["label"]
    if not (math.isfinite(x0 + y0 + x1 + y1) and 0 <= confidence <= 1 and isinstance(label, str) and label.strip()):
        raise ValueError(f"not a detection: {said}")
    slot = None if said["slot"] is None else Slot(said["slot"])
    return Detection(Box(x0 * across, y0 * down, x1 * across, y1 * down).clip(*size), label, confidence, slot)
