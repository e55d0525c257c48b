"""What every detector holds, whatever it finds. A suite inherits it and names its detector in a `detector` fixture."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from retrieval.items import Detection, Slot

# width, height: tiny, thin, wide, usual, large
SIZES = [(1, 1), (3, 900), (900, 3), (60, 80), (640, 480), (1500, 2000)]


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    """Coarse random patches: enough structure to provoke boxes anywhere."""
    rng = np.random.default_rng(seed)
    patches = rng.integers(0, 256, (9, 7, 3), dtype=np.uint8)
    return Image.fromarray(patches).resize((width, height), Image.Resampling.NEAREST)


class DetectorContract:
    @pytest.mark.parametrize("size", SIZES, ids=str)
    def test_boxes_lie_inside_the_picture_and_come_surest_first(self, detector, size):
        found = detector.detect(noise(*size))
        assert all(isinstance(one, Detection) for one in found)
        for one in found:
            assert 0 <= one.box.x0 < one.box.x1 <= size[0]
            assert 0 <= one.box.y0 < one.box.y1 <= size[1]
            assert 0 <= one.confidence <= 1
            assert one.label.strip()
            assert one.slot is None or isinstance(one.slot, Slot)
        confidences = [one.confidence for one in found]
        assert confidences == sorted(confidences, reverse=True)

    def test_the_same_picture_gives_the_same_boxes_and_stays_as_it_was(self, detector):
        picture = noise(320, 240, seed=3)
        before = picture.tobytes()
        assert detector.detect(picture) == detector.detect(picture)
        assert picture.tobytes() == before

    def test_has_a_name(self, detector):
        assert detector.name
