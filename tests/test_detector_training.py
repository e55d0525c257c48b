"""What the detector is made of: cut-outs, scenes with exact boxes, targets, losses, calibration, judging. By hand."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image, ImageDraw

from retrieval.evaluation import detection
from retrieval.items import Box, Detection, Slot

pytest.importorskip("scipy", reason="cutting out needs scipy (the train extra)")

from retrieval.training import composites, cutouts, grounds, layers  # noqa: E402
from retrieval.training.composites import SLOTS, Scene, Studio  # noqa: E402
from retrieval.training.cutouts import Cutout, Lines  # noqa: E402

SKIN = (222, 170, 140)


def studio_picture(size=(168, 224)):
    return Image.new("RGB", size, "white")


def person(upper, lower):
    """A figure as catalogues show tops: head 8 to 48, torso 48 to 160, legs to the lower edge of 224."""
    image = studio_picture()
    draw = ImageDraw.Draw(image)
    draw.ellipse((68, 8, 100, 52), fill=SKIN)
    draw.rectangle((40, 48, 128, 160), fill=upper)
    draw.rectangle((48, 160, 120, 223), fill=lower)
    return image


def png(image, path):
    image.save(path)
    return path


class TestCutouts:
    def test_a_garment_is_told_from_its_ground_but_for_its_corners(self):
        image = studio_picture()
        ImageDraw.Draw(image).rectangle((40, 50, 119, 169), fill=(30, 60, 120))
        mask = cutouts.foreground(np.asarray(image))
        expected = np.zeros((224, 168), bool)
        expected[50:170, 40:120] = True
        assert (mask != expected).sum() <= 4

    def test_white_inside_a_garment_belongs_to_it(self):
        image = studio_picture()
        draw = ImageDraw.Draw(image)
        draw.rectangle((40, 50, 119, 169), fill=(30, 60, 120))
        draw.rectangle((70, 90, 90, 110), fill="white")
        assert cutouts.foreground(np.asarray(image))[100, 80]

    def test_a_picture_without_studio_ground_gives_none(self):
        busy = np.random.default_rng(0).integers(0, 200, (224, 168, 3), dtype=np.uint8)
        assert cutouts.foreground(busy) is None
        assert cutouts.foreground(np.full((80, 60, 3), 255, np.uint8)) is None

    def test_collar_and_hem_are_read_from_a_person_wearing_a_top(self, tmp_path):
        piece = cutouts.cut(png(person((200, 30, 40), (20, 30, 90)), tmp_path / "a.png"), "1", Slot.TOP, "Shirts")
        assert piece.kind == "worn-top"
        assert piece.lines.is_sure
        assert piece.lines.end == pytest.approx(160 - 8, abs=2)  # rows of the cut-out, which begins at the head
        assert piece.lines.start == pytest.approx(48 - 8, abs=10)

    def test_a_hem_that_nothing_marks_is_not_claimed(self, tmp_path):
        piece = cutouts.cut(png(person((60, 60, 60), (62, 60, 60)), tmp_path / "a.png"), "1", Slot.TOP, "Shirts")
        assert (piece.kind, piece.lines.is_sure) == ("worn-top", False)

    def test_the_garment_alone_has_neither_head_nor_legs(self, tmp_path):
        piece = cutouts.cut(png(person((200, 30, 40), (20, 30, 90)), tmp_path / "a.png"), "1", Slot.TOP, "Shirts")
        alone = cutouts.garment_alone(piece)
        solid = alone[alone[..., 3] > 127][:, :3]
        red = np.abs(solid.astype(int) - (200, 30, 40)).max(1) < 60
        assert red.mean() > 0.97

    def test_saved_and_loaded_alike(self, tmp_path):
        rgba = np.random.default_rng(1).integers(0, 255, (5, 4, 4), dtype=np.uint8)
        pieces = [
            Cutout("7", Slot.BAG, "Handbags", "flat", Lines(0, 5, True), False, rgba),
            Cutout("8", None, "Lipstick", "flat", Lines(0, 5, True), True, rgba[:3]),
        ]
        assert cutouts.save(pieces, tmp_path) == 2
        for one, other in zip(pieces, cutouts.load(tmp_path), strict=True):
            assert (one.sku, one.slot, one.lines, one.is_held_out) == (
                other.sku, other.slot, other.lines, other.is_held_out,
            )  # fmt: skip
            assert (one.rgba == other.rgba).all()

    def test_a_feed_whose_names_hold_commas(self, tmp_path):
        feed = tmp_path / "styles.csv"
        feed.write_text("id,masterCategory,articleType,productDisplayName\n5,Apparel,Shirts,Red, white, blue\n\n")
        assert list(cutouts.read_feed(feed)) == [("5", "Apparel", "Shirts")]


class TestSalientBox:
    def test_a_garment_on_an_even_floor(self):
        rgb = np.full((200, 150, 3), (190, 160, 120), np.uint8)
        rgb[40:160, 30:120] = (30, 50, 140)
        rgb = (rgb + np.random.default_rng(0).integers(0, 9, rgb.shape)).astype(np.uint8)
        box, is_sure = grounds.salient_box(rgb)
        assert is_sure
        assert box.iou(Box(30, 40, 120, 160)) > 0.9

    def test_where_all_is_one_colour_the_usual_box_is_taken_and_said_to_be_unsure(self):
        box, is_sure = grounds.salient_box(np.full((200, 100, 3), 90, np.uint8))
        assert not is_sure
        assert box.as_tuple() == pytest.approx((7, 14, 93, 186))


def plain_piece(slot, size=(60, 40), colour=(200, 30, 40)):
    rgba = np.zeros((*size, 4), np.uint8)
    rgba[...] = (*colour, 255)
    return Cutout("1", slot, "x", "flat", Lines(0, size[0], True), False, rgba)


class TestCanvas:
    def layer(self, slot, size):
        return layers.solid(plain_piece(slot, size).rgba, slot)

    def test_a_box_is_what_is_seen_of_a_garment(self):
        canvas = layers.Canvas(Image.new("RGB", (200, 200)))
        canvas.paste(self.layer(Slot.TOP, (60, 40)), 10, 20)  # (h, w): covers x 10 to 50, y 20 to 80
        canvas.paste(self.layer(Slot.BAG, (60, 30)), 40, 20)  # hides x 40 to 50
        boxes, slots, unclear = canvas.boxes()
        assert boxes == [(10, 20, 40, 80), (40, 20, 70, 80)]
        assert slots == [Slot.TOP, Slot.BAG]
        assert unclear == []

    def test_what_is_mostly_hidden_is_unclear(self):
        canvas = layers.Canvas(Image.new("RGB", (200, 200)))
        canvas.paste(self.layer(Slot.TOP, (60, 40)), 10, 20)
        canvas.paste(self.layer(Slot.BAG, (60, 40)), 20, 20)  # a quarter of the top is left
        boxes, slots, unclear = canvas.boxes()
        assert (boxes, slots, unclear) == ([(20, 20, 60, 80)], [Slot.BAG], [(10, 20, 20, 80)])

    def test_what_leaves_the_picture_is_cut_there_and_nothing_is_left_of_what_is_covered(self):
        canvas = layers.Canvas(Image.new("RGB", (100, 100)))
        canvas.paste(self.layer(Slot.TOP, (60, 40)), -10, 50)
        canvas.paste(self.layer(Slot.SHOES, (20, 20)), 50, 0)
        canvas.paste(self.layer(Slot.BAG, (30, 30)), 45, 0)
        boxes, slots, unclear = canvas.boxes()
        assert (boxes, slots, unclear) == ([(0, 50, 30, 100), (45, 0, 75, 30)], [Slot.TOP, Slot.BAG], [])


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    """One plain piece of each slot, two people, and two photos that someone might have taken."""
    folder = tmp_path_factory.mktemp("people")
    pieces = [plain_piece(slot, (90, 60), colour=tuple(30 * k for k in (i, 7 - i, 3))) for i, slot in enumerate(SLOTS)]
    pieces.append(cutouts.cut(png(person((200, 30, 40), (20, 30, 90)), folder / "t.png"), "2", Slot.TOP, "Shirts"))
    lower = person((200, 30, 40), (20, 30, 90)).crop((0, 100, 168, 224))
    pieces.append(cutouts.cut(png(lower, folder / "b.png"), "3", Slot.BOTTOM, "Jeans"))
    rgb = np.full((200, 150, 3), (190, 160, 120), np.uint8)
    rgb[40:160, 30:120] = (30, 50, 140)
    photos = [grounds.OwnPhoto(f"{i}.jpg", Slot.TOP, rgb, Box(30, 40, 120, 160), True) for i in range(2)]
    return Studio(pieces, photos, 128)


class TestStudio:
    @pytest.mark.parametrize("kind", composites.KINDS)
    def test_scenes_of_every_kind_are_square_with_boxes_inside(self, studio, kind):
        for seed in range(12):
            scene = studio.scene(np.random.default_rng(seed), kind)
            assert scene.rgb.shape == (128, 128, 3)
            assert scene.rgb.dtype == np.uint8
            assert len(scene.boxes) == len(scene.slots)
            for boxes in (scene.boxes, scene.unclear):
                assert (boxes[:, :2] >= 0).all() and (boxes[:, 2:] <= 128).all()
                assert (boxes[:, 2:] > boxes[:, :2]).all()
            assert kind != "none" or len(scene.boxes) == 0

    def test_the_same_generator_makes_the_same_scene(self, studio):
        one, other = (studio.scene(np.random.default_rng(5)) for _ in range(2))
        assert (one.rgb == other.rgb).all()
        assert (one.boxes == other.boxes).all()

    def test_another_size_on_demand(self, studio):
        assert studio.scene(np.random.default_rng(0), size_px=96).rgb.shape == (96, 96, 3)
        assert studio.size_px == 128


def scene_of(boxes, slots, unclear=(), size=64, kind=""):
    return Scene(
        np.zeros((size, size, 3), np.uint8),
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array([SLOTS.index(s) for s in slots], np.int64),
        np.array(unclear, np.float32).reshape(-1, 4),
        kind,
    )


def says(x0, y0, x1, y1, slot=Slot.TOP, confidence=0.9):
    return Detection(Box(x0, y0, x1, y1), slot.value, confidence, slot)


class TestJudging:
    def test_recall_and_precision_by_hand(self):
        # two garments; one found with its slot, one with another slot; one box on nothing; one on an unclear region
        scene = scene_of([(0, 0, 20, 20), (30, 30, 50, 50)], [Slot.TOP, Slot.BAG], [(0, 40, 20, 60)])
        found = [says(0, 0, 20, 20), says(30, 30, 50, 50, Slot.SHOES), says(50, 0, 60, 10), says(2, 42, 18, 58)]
        judged = detection.judge(found, scene, by_slot=False)
        assert judged.right.tolist() == [True, True, False, False]
        assert judged.left_out.tolist() == [False, False, False, True]
        assert detection.rates([judged]) == (1.0, pytest.approx(2 / 3))
        assert detection.rates([detection.judge(found, scene)]) == (0.5, pytest.approx(1 / 3))

    def test_a_garment_is_found_once(self):
        scene = scene_of([(0, 0, 20, 20)], [Slot.TOP])
        judged = detection.judge([says(0, 0, 20, 20), says(0, 0, 20, 19)], scene)
        assert judged.right.tolist() == [True, False]
        assert judged.found_by.tolist() == [0]

    def test_iou_of_exactly_a_half_counts(self):
        scene = scene_of([(0, 0, 20, 20)], [Slot.TOP])
        assert detection.judge([says(0, 0, 20, 10)], scene).right.all()
        assert not detection.judge([says(0, 0, 20, 9.9)], scene).right.any()

    def test_an_empty_scene(self):
        scene = scene_of([], [], kind="none")
        assert detection.rates([detection.judge([], scene)]) == (0.0, 0.0)
        figures = detection.measure([[says(0, 0, 9, 9)], []], [scene, scene])
        assert figures["none_scenes_with_a_box"] == 0.5

    def test_worn_scenes_ask_for_top_and_bottom_both(self):
        worn = scene_of([(0, 0, 20, 20), (0, 20, 20, 60)], [Slot.TOP, Slot.BOTTOM], kind="worn")
        half, full = [says(0, 0, 20, 20)], [says(0, 0, 20, 20), says(0, 20, 20, 60, Slot.BOTTOM)]
        figures = detection.measure([half, full], [worn, worn])
        assert figures["worn_top_and_bottom_found"] == 0.5
        assert figures["top_recall"] == 1
        assert figures["bottom_recall"] == 0.5


class TestCalibration:
    recipe = pytest.importorskip("retrieval.training.detector_recipe")

    def test_platt_finds_the_curve_that_made_the_answers(self):
        rng = np.random.default_rng(0)
        logits = rng.normal(0, 2, 40_000)
        right = rng.random(40_000) < 1 / (1 + np.exp(-(1.7 * logits - 0.8)))
        scale, shift = self.recipe.platt(logits, right)
        assert (scale, shift) == (pytest.approx(1.7, abs=0.05), pytest.approx(-0.8, abs=0.05))

    def test_few_or_one_sided_examples_stay_near_the_identity(self):
        assert self.recipe.platt(np.zeros(0), np.zeros(0, bool)) == (1.0, 0.0)
        scale, shift = self.recipe.platt(np.array([0.5, 1.0]), np.array([True, True]))
        assert scale > 0 and np.isfinite(shift)

    def test_the_threshold_is_the_least_that_reaches_the_precision(self):
        scene = scene_of([(0, 0, 20, 20)], [Slot.TOP])
        found = [[says(0, 0, 20, 20, confidence=0.8), says(40, 40, 60, 60, confidence=0.445)]]
        assert self.recipe.threshold_for(found, [scene], 0.9) == 0.45
        assert self.recipe.threshold_for(found, [scene], 0.5) == 0.05
        assert self.recipe.threshold_for([[says(40, 40, 60, 60, confidence=0.99)]], [scene], 0.9) == 0.95


class TestLearning:
    @pytest.fixture(scope="class")
    def learner(self):
        pytest.importorskip("torch", reason="training runs on torch")
        from retrieval.training import detector

        return detector

    def test_targets_stand_at_the_middle_with_the_small_before_the_large(self, learner):
        # middles: (32, 32) in place (4, 4); (12, 12) in place (1, 1); stride 8
        aim = learner.targets(scene_of([(0, 0, 64, 64), (8, 8, 16, 16)], [Slot.ONE_PIECE, Slot.BAG]))
        assert aim.heat.shape == (7, 8, 8)
        assert aim.heat[SLOTS.index(Slot.ONE_PIECE), 4, 4] == 1
        assert aim.heat[SLOTS.index(Slot.BAG), 1, 1] == 1
        assert (aim.heat == 1).sum() == 2
        assert aim.box[:, 1, 1].tolist() == [8, 8, 16, 16]
        assert aim.box[:, 4, 4].tolist() == [0, 0, 64, 64]
        # spread of the large one: 0.54 * 64 / 6 = 5.76 px; its neighbour at 8 px: exp(-64 / (2 * 5.76 ** 2))
        assert aim.heat[SLOTS.index(Slot.ONE_PIECE), 4, 5] == pytest.approx(np.exp(-64 / (2 * 5.76**2)), rel=1e-5)
        assert aim.counts.all()

    def test_unclear_places_do_not_count_but_a_garments_middle_does(self, learner):
        aim = learner.targets(scene_of([(8, 8, 16, 16)], [Slot.BAG], [(0, 0, 32, 32)]))
        assert aim.counts[:4, :4].sum() == 1
        assert aim.counts[1, 1] == 1
        assert aim.counts[4:].all() and aim.counts[:, 4:].all()

    def test_heat_loss_agrees_with_a_slow_obvious_twin(self, learner):
        torch = pytest.importorskip("torch")
        rng = np.random.default_rng(0)
        logits, heat = rng.normal(size=(2, 7, 3, 3)), rng.random((2, 7, 3, 3)) * 0.9
        heat[0, 1, 1, 1] = heat[1, 2, 0, 2] = 1
        counts = (rng.random((2, 3, 3)) > 0.3).astype(float)
        total = 0.0
        for n, k, y, x in np.ndindex(2, 7, 3, 3):
            p = 1 / (1 + np.exp(-logits[n, k, y, x]))
            if heat[n, k, y, x] == 1:
                total -= (1 - p) ** 2 * np.log(p)
            elif counts[n, y, x]:
                total -= (1 - heat[n, k, y, x]) ** 4 * p**2 * np.log(1 - p)
        ours = learner.heat_loss(*(torch.from_numpy(v) for v in (logits, heat, counts)))
        assert float(ours) == pytest.approx(total / 2, rel=1e-6)

    def test_side_loss_is_zero_for_the_right_box_and_one_minus_giou_else(self, learner):
        torch = pytest.importorskip("torch")
        weight = torch.zeros(1, 2, 2)
        weight[0, 0, 0] = 3.0  # the place with middle (4, 4)
        box = torch.tensor([0.0, 0.0, 8.0, 8.0])[None, :, None, None].expand(1, 4, 2, 2)
        right = torch.full((1, 4, 2, 2), 4.0)
        assert float(learner.side_loss(right, box, weight)) == pytest.approx(0, abs=1e-6)
        # left half only: x 0 to 4: IoU 1/2, hull the truth itself, so GIoU 1/2
        half = torch.tensor([4.0, 4.0, 0.0, 4.0])[None, :, None, None].expand(1, 4, 2, 2)
        assert float(learner.side_loss(half, box, weight)) == pytest.approx(0.5, abs=1e-6)

    def test_a_mirror_turns_boxes_too(self, learner):
        turned = learner.flipped(scene_of([(4, 8, 20, 30)], [Slot.TOP], [(0, 0, 10, 10)]))
        assert turned.boxes.tolist() == [[44, 8, 60, 30]]
        assert turned.unclear.tolist() == [[54, 0, 64, 10]]

    def test_the_rate_rises_and_falls_to_nothing(self, learner):
        assert learner.rate_at(0.04, 1.0) == pytest.approx(1)
        assert learner.rate_at(0.52, 1.0) == pytest.approx(0.5)
        assert learner.rate_at(1.0, 1.0) == pytest.approx(0)
        assert 0 < learner.rate_at(0.0, 1.0) < 0.1

    def test_training_goes_on_where_it_stopped(self, learner, studio, tmp_path):
        torch = pytest.importorskip("torch")
        recipe = learner.Recipe(1.0, batch=2, small_px=64, small_share=1.0)
        learner.train(studio, recipe, tmp_path)
        first = torch.load(tmp_path / "last.pt", weights_only=True)
        assert first["step"] > 0
        learner.train(studio, learner.Recipe(2.0, batch=2, small_px=64, small_share=1.0), tmp_path)
        second = torch.load(tmp_path / "last.pt", weights_only=True)
        assert second["step"] > first["step"]
        assert second["spent"] == 2.0

    def test_training_goes_on_from_an_exported_network(self, learner, studio, tmp_path):
        pytest.importorskip("onnx", reason="exporting needs onnx")
        import torch

        torch.manual_seed(3)
        first = learner.Network()
        pictures = learner.batch_of([studio.scene(np.random.default_rng([5, i]), size_px=64) for i in range(6)])[0]
        for _ in range(3):
            first.train()(pictures)  # its norms have seen something
        learner.export(first, tmp_path / "d.onnx")
        second = learner.Network()
        learner.take_over(second, tmp_path / "d.onnx", pictures)
        with torch.no_grad():
            want, got = first.eval()(pictures), second.train()(pictures)
        for a, b in zip(want, got, strict=True):
            assert torch.allclose(a, b, atol=0.02 * float(a.abs().max()))
        with pytest.raises(learner.ModelError, match="stem"):
            learner.take_over(learner.Network((8, 16, 24, 32, 40)), tmp_path / "d.onnx", pictures)

    def test_exported_and_calibrated_it_gives_what_torch_gives(self, learner, studio, tmp_path):
        torch = pytest.importorskip("torch")
        pytest.importorskip("onnx", reason="exporting needs onnx")
        torch.manual_seed(1)
        network = learner.Network()
        for module in network.modules():  # normalisations as after training, not the identity
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.2)
                module.running_var.uniform_(0.5, 2)
        assert learner.export(network, tmp_path / "d.onnx") < 1e-4
        scenes = [studio.scene(np.random.default_rng(i), size_px=192) for i in range(3)]
        facts = TestCalibration.recipe.calibrate(tmp_path / "d.onnx", scenes)
        assert facts == json.loads((tmp_path / "d.json").read_text())
        assert set(facts["calibration"]) == {slot.value for slot in Slot}
