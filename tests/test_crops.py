"""Crops, suppression and the three outcomes, against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from retrieval import crops
from retrieval.crops import NoGarment, OneGarment, SeveralGarments
from retrieval.errors import InvalidBox, InvalidSetting
from retrieval.items import Box, Detection, Slot


def found(x0, y0, x1, y1, confidence, slot=Slot.TOP, label=None):
    return Detection(Box(x0, y0, x1, y1), label or (slot or "thing"), confidence, slot)


class TestSuppress:
    def test_of_two_boxes_of_one_slot_the_surer_stays(self):
        # overlap 90 x 100 of a union of 110 x 100: IoU 9/11 = 0.82
        sure, unsure = found(0, 0, 100, 100, 0.9), found(10, 0, 110, 100, 0.8)
        assert crops.suppress([unsure, sure]) == [sure]

    def test_two_tops_side_by_side_both_stay(self):
        # overlap 20 x 100 of 180 x 100: IoU 1/9
        left, right = found(0, 0, 100, 100, 0.7), found(80, 0, 180, 100, 0.9)
        assert crops.suppress([left, right]) == [right, left]

    def test_exactly_the_threshold_is_not_yet_one_garment(self):
        # overlap 100 of a union of 200: IoU 0.5
        big, half = found(0, 0, 20, 10, 0.9), found(0, 0, 10, 10, 0.8)
        assert crops.suppress([big, half], same_slot_iou=0.5) == [big, half]
        assert crops.suppress([big, half], same_slot_iou=0.49) == [big]

    def test_a_bag_before_a_coat_stays_though_it_overlaps(self):
        coat, bag = found(0, 0, 100, 100, 0.9, Slot.OUTERWEAR), found(0, 0, 100, 70, 0.8, Slot.BAG)  # IoU 0.7
        assert crops.suppress([coat, bag]) == [coat, bag]

    def test_one_garment_under_two_names_is_one(self):
        top, dress = found(0, 0, 100, 100, 0.6, Slot.TOP), found(0, 0, 100, 95, 0.7, Slot.ONE_PIECE)  # IoU 0.95
        assert crops.suppress([top, dress]) == [dress]

    def test_unknown_slots_are_told_apart_by_label(self):
        hat = found(0, 0, 100, 100, 0.6, None, "hat")
        scarf = found(10, 0, 110, 100, 0.7, None, "scarf")
        assert crops.suppress([hat, scarf]) == [scarf, hat]
        assert crops.suppress([hat, found(10, 0, 110, 100, 0.7, None, "hat")])[0].confidence == 0.7

    def test_what_was_suppressed_suppresses_nothing(self):
        # b overlaps a (IoU 2/3) and c overlaps b (2/3), but c and a only 3/7: b goes, c stays
        a, b, c = found(0, 0, 100, 100, 0.9), found(20, 0, 120, 100, 0.8), found(40, 0, 140, 100, 0.7)
        assert a.box.iou(c.box) == pytest.approx(60 / 140)
        assert crops.suppress([c, b, a]) == [a, c]

    def test_agrees_with_a_slow_obvious_twin(self):
        rng = np.random.default_rng(5)
        slots = list(Slot)
        for _ in range(40):
            boxes = rng.integers(0, 60, (25, 2))
            sizes = rng.integers(20, 60, (25, 2))
            all_of_them = [
                found(x, y, x + w, y + h, float(p), slots[k])
                for (x, y), (w, h), p, k in zip(
                    boxes.tolist(), sizes.tolist(), rng.permutation(25) / 25, rng.integers(0, 7, 25), strict=True
                )
            ]
            left, kept = list(all_of_them), []
            while left:
                best = max(left, key=lambda d: d.confidence)
                kept.append(best)
                left = [
                    d for d in left if d is not best and d.box.iou(best.box) <= (0.5 if d.slot == best.slot else 0.85)
                ]
            assert crops.suppress(all_of_them) == kept

    @pytest.mark.parametrize("bad", [0, -0.1, 1.5, float("nan")])
    def test_a_threshold_out_of_range_is_refused(self, bad):
        with pytest.raises(InvalidSetting, match="same_slot_iou"):
            crops.suppress([], same_slot_iou=bad)
        with pytest.raises(InvalidSetting, match="any_slot_iou"):
            crops.suppress([], any_slot_iou=bad)


class TestOutcome:
    def test_none(self):
        assert crops.outcome([]) == NoGarment()
        assert crops.outcome([]).detections == ()

    def test_one(self):
        one = found(0, 0, 10, 10, 0.4)
        assert crops.outcome([one]) == OneGarment(one)
        assert crops.outcome([one]).detections == (one,)

    def test_one_garment_seen_twice_is_one(self):
        sure = found(0, 0, 100, 100, 0.9)
        assert crops.outcome([found(5, 0, 105, 100, 0.8), sure]) == OneGarment(sure)

    def test_several_come_surest_first(self):
        top, shoes = found(0, 0, 50, 50, 0.5), found(60, 60, 90, 90, 0.7, Slot.SHOES)
        assert crops.outcome([top, shoes]) == SeveralGarments((shoes, top))

    def test_forty_one_garments_are_offered_as_forty_and_the_rest_is_counted(self):
        grid = [found(20 * i, 0, 20 * i + 10, 10, 1 - i / 100) for i in range(41)]
        result = crops.outcome(grid)
        assert len(result.detections) == 40
        assert result.left_out == 1
        assert result.detections[0].confidence == 1

    def test_a_limit_below_two_is_refused(self):
        with pytest.raises(InvalidSetting, match="most is 1"):
            crops.outcome([], most=1)


class TestCrop:
    def picture(self):
        """100 x 50: left half red, right half blue."""
        image = Image.new("RGB", (100, 50), (255, 0, 0))
        image.paste((0, 0, 255), (50, 0, 100, 50))
        return image

    def test_the_long_side_becomes_400_in_proportion(self):
        assert crops.crop(self.picture(), Box(0, 0, 100, 50)).size == (400, 200)
        assert crops.crop(self.picture(), Box(10, 0, 30, 40)).size == (200, 400)
        assert crops.crop(Image.new("RGB", (2000, 3000)), Box(0, 0, 1000, 2000)).size == (200, 400)

    def test_what_lies_in_the_box_is_what_is_cut(self):
        left = np.asarray(crops.crop(self.picture(), Box(0, 0, 50, 50)))
        right = np.asarray(crops.crop(self.picture(), Box(50, 0, 100, 50)))
        assert (left == (255, 0, 0)).all()
        assert (right == (0, 0, 255)).all()

    def test_the_box_grows_about_its_own_centre(self):
        # 20 x 20 about (50, 25), twice: 40 x 40 from (30, 5) to (70, 45); half of it red, half blue
        grown = np.asarray(crops.crop(self.picture(), Box(40, 15, 60, 35), scale=2, long_side_px=40))
        expected = np.asarray(self.picture().crop((30, 5, 70, 45)))
        assert (grown == expected).all()

    def test_a_grown_box_is_clamped_to_the_picture(self):
        # 40 x 40 about (20, 20), twice: from (-20, -20) to (60, 60), clamped to 60 x 50
        assert crops.crop(self.picture(), Box(0, 0, 40, 40), scale=2, long_side_px=60).size == (60, 50)

    def test_fractions_of_a_pixel_are_kept_not_cut_off(self):
        assert crops.crop(self.picture(), Box(10.6, 10.6, 19.4, 19.4), long_side_px=10).size == (10, 10)

    def test_a_line_of_one_pixel_is_still_a_picture(self):
        assert crops.crop(Image.new("RGB", (5000, 5000)), Box(0, 7, 5000, 8)).size == (400, 1)

    def test_resizing_is_bicubic(self):
        image = Image.fromarray(np.random.default_rng(1).integers(0, 256, (30, 20, 3), dtype=np.uint8))
        expected = image.resize((267, 400), Image.Resampling.BICUBIC)
        assert crops.crop(image, Box(0, 0, 20, 30)).tobytes() == expected.tobytes()

    @pytest.mark.parametrize(
        "box", [(100, 0, 120, 20), (-30, 0, 0, 20), (0, 50, 10, 60), (-9e9, -9e9, -1, -1)], ids=str
    )
    def test_a_box_outside_the_picture_is_refused_with_both_sizes(self, box):
        with pytest.raises(InvalidBox, match="100 x 50 px") as caught:
            crops.crop(self.picture(), Box(*box))
        assert caught.value.hint

    def test_a_box_outside_is_refused_even_if_grown_it_would_touch_the_picture(self):
        with pytest.raises(InvalidBox):
            crops.crop(self.picture(), Box(101, 10, 111, 20), scale=5)

    @pytest.mark.parametrize("corners", [(10, 10, 10, 20), (20, 10, 10, 20), (0, 5, 5, 5), (0, 0, float("nan"), 5)])
    def test_a_box_of_no_area_cannot_be_made(self, corners):
        with pytest.raises(InvalidBox, match="no area"):
            Box(*corners)

    def test_a_box_without_end_is_refused(self):
        with pytest.raises(InvalidBox):
            crops.crop(self.picture(), Box(0, 0, float("inf"), 10))

    @pytest.mark.parametrize("scale", [0, -1, float("nan"), float("inf")])
    def test_a_scale_of_no_use_is_refused(self, scale):
        with pytest.raises(InvalidSetting, match="scale"):
            crops.crop(self.picture(), Box(0, 0, 10, 10), scale=scale)

    def test_a_size_of_no_use_is_refused(self):
        with pytest.raises(InvalidSetting, match="0 px"):
            crops.crop(self.picture(), Box(0, 0, 10, 10), long_side_px=0)


class TestDrawn:
    def test_a_box_drawn_over_the_edge_is_clipped_and_goes_on_alone(self):
        detection = crops.drawn((100, 50), Box(-10, 10, 30, 70))
        assert detection.box == Box(0, 10, 30, 50)
        assert crops.outcome([detection]) == OneGarment(detection)

    def test_a_box_drawn_outside_is_refused(self):
        with pytest.raises(InvalidBox, match="outside"):
            crops.drawn((100, 50), Box(200, 200, 210, 210))
