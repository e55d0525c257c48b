"""The detectors behind the port: each runs the contract suite, and what is its own is proved here."""

from __future__ import annotations

import json
import logging
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from retrieval import crops, resources
from retrieval.crops import OneGarment, outcome
from retrieval.detectors import compact
from retrieval.detectors.whole_image import WholeImageDetector
from retrieval.errors import InvalidSetting, ModelUnavailable
from retrieval.items import Box, Slot
from tests.contracts.detector import DetectorContract


class TestWholeImage(DetectorContract):
    @pytest.fixture
    def detector(self):
        return WholeImageDetector()

    def test_the_box_is_the_picture_and_nobody_is_told_it_was_looked_at(self, detector):
        (one,) = detector.detect(Image.new("RGB", (30, 20)), labels=["hat"])
        assert one.box == Box(0, 0, 30, 20)
        assert one.confidence == 0
        assert one.slot is None
        assert isinstance(outcome([one]), OneGarment)

    def test_the_fallback_is_announced(self, caplog):
        with caplog.at_level(logging.WARNING):
            detector = WholeImageDetector()
        assert detector.notice in caplog.text


class TestCompactDecoding:
    """Network output of 4 x 4 places, stride 8, by hand."""

    def heat(self, **at):
        heat = np.zeros((7, 4, 4), np.float32)
        for place, value in at.items():
            k, y, x = (int(c) for c in place[1:])
            heat[k, y, x] = value
        return heat

    def test_peaks_are_the_highest_of_their_neighbours_of_the_same_slot(self):
        heat = self.heat(_011=0.9, _012=0.8, _112=0.7, _033=0.2)
        assert compact.peaks(heat, 0.3) == [(0, 1, 1, pytest.approx(0.9)), (1, 1, 2, pytest.approx(0.7))]

    def test_peaks_at_the_edge_count_and_the_least_is_included(self):
        assert [p[:3] for p in compact.peaks(self.heat(_000=0.5, _433=0.6), 0.5)] == [(4, 3, 3), (0, 0, 0)]

    def test_no_more_than_the_limit(self):
        heat = np.zeros((7, 4, 4), np.float32)
        heat[:, ::2, ::2] = 0.5
        assert len(compact.peaks(heat, 0.1, most=5)) == 5

    def test_sides_are_measured_from_the_middle_of_the_place(self):
        sides = np.zeros((4, 4, 4), np.float32)
        sides[:, 1, 2] = (5, 6, 7, 8)  # place (1, 2): middle (20, 12)
        assert compact.decode(self.heat(_312=0.75), sides, 0.3) == [(3, 0.75, (15, 6, 27, 20))]

    def test_a_box_turned_inside_out_is_left_out(self):
        sides = np.full((4, 4, 4), -1, np.float32)
        assert compact.decode(self.heat(_312=0.75), sides, 0.3) == []

    def test_a_black_answer_is_no_garment(self):
        assert compact.decode(self.heat(), np.ones((4, 4, 4), np.float32), 0.3) == []

    def test_letterbox_and_back(self):
        # 100 x 50 into 160: scale 1.6, margin above (160 - 80) / 2 = 40
        square, scale, margin = compact.letterbox(Image.new("RGB", (100, 50), (250, 0, 0)), 160)
        assert (scale, margin) == (1.6, (0, 40))
        assert square.shape == (160, 160, 3)
        assert (square[39] == 114).all() and (square[40] == (250, 0, 0)).all() and (square[120] == 114).all()
        # from x 16 to 80, y 56 to 104 of the square: (10, 10) to (50, 40) of the picture
        (one,) = compact.found_in([(1, 0.5, (16.0, 56.0, 80.0, 104.0))], (100, 50), scale, margin)
        assert one.box.as_tuple() == pytest.approx((10, 10, 50, 40))
        assert (one.slot, one.label, one.confidence) == (Slot.BOTTOM, "bottom", 0.5)

    def test_what_lies_in_the_margin_alone_is_left_out_and_the_rest_clipped(self):
        decoded = [(0, 0.9, (10.0, 0.0, 90.0, 40.0)), (1, 0.5, (-50.0, 0.0, 250.0, 80.0))]
        (one,) = compact.found_in(decoded, (100, 50), 1.6, (0, 40))
        assert one.box.as_tuple() == pytest.approx((0, 0, 100, 25))

    def test_input_is_centred_and_scaled(self):
        square = np.array([[[0, 127, 255]]], np.uint8)
        assert compact.as_input(square).ravel().tolist() == [-1.9921875, -0.0078125, 1.9921875]

    def test_calibration_by_hand(self):
        # logit(0.5) = 0, so sigmoid(2 * 0 + ln 3) = 0.75; logit(0.75) = ln 3, so sigmoid(1 * ln 3 + 0) = 0.75
        heat = np.array([[[0.5]], [[0.75]]])
        sure = compact.calibrated(heat, np.array([2.0, 1.0]), np.array([np.log(3), 0.0]))
        assert sure.ravel().tolist() == pytest.approx([0.75, 0.75])


class TestCompact(DetectorContract):
    @pytest.fixture(scope="class")
    def detector(self):
        return compact.CompactDetector()

    def test_a_black_frame_and_bare_surfaces_hold_no_garment(self, detector):
        for colour in ("black", "white", "grey", "navy"):
            assert crops.outcome(detector.detect(Image.new("RGB", (600, 800), colour))) == crops.NoGarment()

    def test_labels_that_name_slots_narrow_and_others_are_ignored(self, detector):
        picture = Image.open(resources.path("demo/photos/flatlay_women.jpg"))
        loose = compact.CompactDetector(threshold=0.02)
        everything = loose.detect(picture)
        assert len({one.slot for one in everything}) > 1
        assert loose.detect(picture, ["hat with a feather"]) == everything
        slot = everything[0].slot
        assert loose.detect(picture, [slot.value]) == [one for one in everything if one.slot is slot]
        shoes = [one for one in everything if one.slot is Slot.SHOES]
        assert loose.detect(picture, ["鞋子"]) == loose.detect(picture, ["sneakers"]) == loose.detect(picture, ["shoes"]) == shoes

    @pytest.mark.parametrize("bad", [0, 1, -0.5, 7, float("nan")])
    def test_a_threshold_out_of_range_is_refused(self, bad):
        with pytest.raises(InvalidSetting, match="threshold"):
            compact.CompactDetector(threshold=bad)

    def test_missing_and_broken_weights_are_named(self, tmp_path):
        with pytest.raises(ModelUnavailable, match="no file") as caught:
            compact.CompactDetector(tmp_path / "gone.onnx")
        assert caught.value.hint
        broken = tmp_path / "broken.onnx"
        broken.write_bytes(b"not a network")
        broken.with_suffix(".json").write_text('{"calibration": {}, "threshold": 0.3}')
        with pytest.raises(ModelUnavailable, match="cannot be read"):
            compact.CompactDetector(broken)

    def test_runs_without_torch(self):
        code = (
            "import sys; from PIL import Image; from retrieval.detectors.compact import CompactDetector as D;"
            "D().detect(Image.new('RGB', (90, 120))); assert not {'torch', 'transformers', 'scipy'} & set(sys.modules)"
        )
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

    @pytest.mark.parametrize(
        ("photo", "slot"), [("bed_tshirt", Slot.TOP), ("floor_jeans", Slot.BOTTOM), ("bed_dress", Slot.ONE_PIECE)]
    )
    def test_one_garment_laid_out_goes_on_alone(self, detector, photo, slot):
        picture, (x0, y0, x1, y1) = demo_photo(photo)
        result = crops.outcome(detector.detect(picture))
        assert isinstance(result, OneGarment)
        assert result.detection.slot is slot
        assert result.detection.box.iou(Box(x0, y0, x1, y1)) > 0.5

    def test_several_garments_are_offered_and_an_empty_room_has_none(self, detector):
        result = crops.outcome(detector.detect(demo_photo("flatlay_women")[0]))
        assert isinstance(result, crops.SeveralGarments)
        assert crops.outcome(detector.detect(demo_photo("empty_room")[0])) == crops.NoGarment()

    def test_a_size_four_times_larger_gives_the_same_garment_four_times_larger(self, detector):
        picture = demo_photo("bed_tshirt")[0].resize((300, 400))
        (small,), (large,) = detector.detect(picture), detector.detect(picture.resize((1200, 1600)))
        assert large.box.as_tuple() == pytest.approx([4 * v for v in small.box.as_tuple()], abs=40)
        assert large.slot is small.slot


def demo_photo(name):
    """A demo photo and its first garment's true box, or None."""
    folder = resources.path("demo/photos")
    (entry,) = [e for e in json.loads((folder / "photos.json").read_text()) if e["file"] == f"{name}.jpg"]
    boxes = [garment["box"] for garment in entry["garments"]]
    return Image.open(folder / entry["file"]).convert("RGB"), boxes[0] if boxes else None
