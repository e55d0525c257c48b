"""The detector that does not look: the whole photo is one garment. A fallback, and it says so."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from retrieval.items import Box, Detection

if TYPE_CHECKING:
    from PIL.Image import Image

_log = logging.getLogger(__name__)


class WholeImageDetector:
    """One box around everything, confidence 0.0 since nothing was looked at, no slot.

    `notice` is the sentence for the answer and the trace; the log has it too, once for each detector made.
    """

    name = "whole-image"
    label = "whole photo"
    notice = "No garment detector is at work: the whole photo is taken as one garment."

    def __init__(self) -> None:
        _log.warning(self.notice)

    def detect(self, image: Image, labels: Sequence[str] = ()) -> list[Detection]:
        """The picture's own rectangle, whatever it shows. `labels` are ignored."""
        return [Detection(Box(0, 0, image.width, image.height), self.label, 0.0)]
