"""GroundingDINO behind the port: words, sizes, boxes by hand; and, where torch is, agreement with transformers' own."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from PIL import Image

from retrieval.detectors import grounding_dino as gd
from retrieval.detectors.phrases import DEFAULT_LABELS, english_label, prompt_of, slot_of
from retrieval.errors import InvalidInput, InvalidSetting, ModelUnavailable
from retrieval.items import Box, Slot
from tests.contracts.detector import DetectorContract, noise

VOCABULARY = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    ".",
    "clothes",
    "pants",
    "hats",
    "shoes",
    "red",
    "bag",
    "##s",
]


class TestPhrases:
    def test_the_anchors_prompt(self):
        assert prompt_of(DEFAULT_LABELS) == "clothes . pants . hats . shoes ."

    @pytest.mark.parametrize(
        ("phrase", "slot"),
        [
            ("pants", Slot.BOTTOM),
            ("hats", Slot.ACCESSORY),
            ("shoes", Slot.SHOES),
            ("Dresses", Slot.ONE_PIECE),
            ("red leather jacket", Slot.OUTERWEAR),
            ("t-shirt", Slot.TOP),
            ("handbag", Slot.BAG),
            ("sunglasses", Slot.ACCESSORY),
            ("clothes", None),
            ("garment", None),
            ("clothes pants", Slot.BOTTOM),
            ("pants shoes", None),
            ("", None),
            ("panther", None),
        ],
    )
    def test_phrases_name_slots(self, phrase, slot):
        assert slot_of(phrase) is slot

    @pytest.mark.parametrize(
        ("label", "english"),
        [("裤子", "pants"), (" 帽子 ", "hats"), ("T恤", "t-shirt"), ("连衣裙", "dress"), ("Red  Hat", "red hat")],
    )
    def test_labels_are_put_into_english(self, label, english):
        assert english_label(label) == english

    def test_every_chinese_label_ends_in_a_slot_or_in_clothes(self):
        from retrieval.detectors.phrases import _ENGLISH

        assert all(english == "clothes" or slot_of(english) for english in _ENGLISH.values())

    @pytest.mark.parametrize(
        ("label", "says"),
        [
            ("飞机", "no English word"),
            ("", "empty"),
            ("  ", "empty"),
            ("a. b", "full stop"),
            ("裤子。", "full stop"),
            ("шапка", "Latin"),
        ],
    )
    def test_a_label_that_cannot_be_read_is_refused(self, label, says):
        with pytest.raises(InvalidInput, match=says):
            english_label(label)

    def test_labels_are_asked_once_and_not_without_end(self):
        assert prompt_of(["Pants", "裤子", "hats"]) == "pants . hats ."
        with pytest.raises(InvalidInput, match="61 labels"):
            prompt_of([f"thing{i}" for i in range(61)])
        with pytest.raises(InvalidInput, match="no label"):
            prompt_of([])


class TestTargetSize:
    @pytest.mark.parametrize(
        ("size", "expected"),
        [
            ((400, 400), (800, 800)),
            ((600, 800), (800, 1066)),  # 800 * 4/3 = 1066.67, cut off
            ((800, 600), (1066, 800)),
            ((1000, 3000), (444, 1333)),  # 1333 / 3 = 444.3
            ((800, 1200), (800, 1200)),
            ((1, 5000), (1, 1333)),
        ],
    )
    def test_by_hand(self, size, expected):
        assert gd.target_size(*size) == expected

    def test_the_two_packages_part_by_a_pixel_where_the_long_side_decides(self):
        # the short side is 1333 * 333 / 777 = 571.29, the long one 1333; of 571 it is 571 * 777 / 333 = 1332.3
        assert gd.target_size(333, 777) == (571, 1333)
        assert gd.target_size(333, 777, rounds_first=True) == (571, 1332)


class TestWidened:
    def test_only_pictures_thinner_than_one_to_eight_are_set_on_a_ground(self):
        usual = Image.new("RGB", (80, 10), (9, 9, 9))
        assert gd.widened(usual) is usual
        thin = gd.widened(Image.new("RGB", (81, 3), (9, 9, 9)))
        assert thin.size == (81, 11)
        assert thin.getpixel((80, 2)) == (9, 9, 9)
        assert thin.getpixel((0, 3)) == (124, 116, 104)  # 255 times ImageNet's mean


class TestFoundIn:
    """Four tokens: [CLS], `pants`, `shoes`, [SEP]."""

    def found(self, match, boxes, **thresholds):
        reply = gd.Reply(np.array(match, np.float32), np.array(boxes, np.float32), [101, 7, 8, 102])
        words = {7: "pants", 8: "shoes .", 101: "[CLS]", 102: "[SEP]"}
        return gd.found_in(reply, (200, 100), lambda ids: " ".join(words[i] for i in ids), **thresholds)

    def test_a_box_is_put_into_pixels_and_named(self):
        # centre (0.5, 0.5), size (0.5, 0.8) of 200 x 100: from (50, 10) to (150, 90)
        (one,) = self.found([[0.0, 0.5, 0.1, 0.0]], [[0.5, 0.5, 0.5, 0.8]])
        assert one.box.as_tuple() == pytest.approx((50, 10, 150, 90), abs=1e-4)
        assert (one.label, one.slot) == ("pants", Slot.BOTTOM)
        assert one.confidence == pytest.approx(0.5)

    def test_thresholds_decide_box_and_words_apart(self):
        match = [[0.0, 0.31, 0.26, 0.0], [0.0, 0.29, 0.0, 0.0]]
        (one,) = self.found(match, [[0.5, 0.5, 0.5, 0.5]] * 2)
        assert (one.label, one.slot) == ("pants shoes", None)
        assert len(self.found(match, [[0.5, 0.5, 0.5, 0.5]] * 2, box_threshold=0.28)) == 2
        assert self.found(match, [[0.5, 0.5, 0.5, 0.5]] * 2, text_threshold=0.27)[0].label == "pants"

    def test_the_captions_frame_names_nothing(self):
        (one,) = self.found([[0.9, 0.1, 0.1, 0.9]], [[0.5, 0.5, 0.5, 0.5]])
        assert (one.label, one.slot) == ("garment", None)

    def test_boxes_are_clipped_and_those_outside_left_out(self):
        found = self.found([[0, 0.5, 0, 0], [0, 0.6, 0, 0]], [[0.0, 0.5, 0.5, 2.0], [1.5, 0.5, 0.2, 0.2]])
        assert [one.box for one in found] == [Box(0, 0, 50, 100)]

    def test_surest_first(self):
        found = self.found([[0, 0.4, 0, 0], [0, 0, 0.9, 0]], [[0.5, 0.5, 0.5, 0.5]] * 2)
        assert [one.label for one in found] == ["shoes", "pants"]


class _Silent:
    """An engine that finds nothing: for what is refused before it is asked."""

    revision = "none"
    rounds_first = False

    def look(self, pixels, caption):
        return gd.Reply(np.zeros((1, 3), np.float32), np.full((1, 4), 0.5, np.float32), [0, 1, 2])

    def words(self, tokens):
        return ""


class TestRefusals:
    @pytest.mark.parametrize("bad", [0, 1, -0.1, 1.5, float("nan")])
    @pytest.mark.parametrize("which", ["box_threshold", "text_threshold"])
    def test_thresholds_out_of_range(self, which, bad):
        with pytest.raises(InvalidSetting, match="expected a confidence"):
            gd.GroundingDinoDetector(_Silent(), **{which: bad})

    def test_labels_of_one_call_are_checked_too(self):
        with pytest.raises(InvalidInput, match="no English word"):
            gd.GroundingDinoDetector(_Silent()).detect(Image.new("RGB", (64, 64)), ["飞机"])

    def test_sides_that_make_no_picture(self):
        with pytest.raises(InvalidSetting, match="sides"):
            gd.GroundingDinoDetector(_Silent(), short_px=900, long_px=800)

    def test_nothing_found_is_an_empty_list(self):
        assert gd.GroundingDinoDetector(_Silent()).detect(Image.new("RGB", (64, 64))) == []

    def test_unknown_package_or_hub(self):
        with pytest.raises(InvalidSetting, match="package"):
            gd.load(package="detectron")
        with pytest.raises(InvalidSetting, match="hub"):
            gd.load(hub="somewhere")

    def test_a_missing_package_is_named_with_the_next_command(self, monkeypatch):
        monkeypatch.setattr(gd, "find_spec", lambda name: None)
        with pytest.raises(ModelUnavailable, match="torch") as caught:
            gd.load()
        assert "pip install" in caught.value.hint
        with pytest.raises(ModelUnavailable, match="groundingdino-py") as caught:
            gd.load("some.pth")
        assert "groundingdino-py==0.4.0" in caught.value.hint

    def test_a_checkpoint_for_the_other_package_is_refused(self):
        with pytest.raises(ModelUnavailable, match="checkpoint of groundingdino-py"):
            gd.load("groundingdino_swint_ogc.pth", package="transformers")

    def test_importing_the_detector_imports_no_torch(self):
        import subprocess

        code = "import sys, retrieval.detectors.grounding_dino; assert not {'torch', 'transformers'} & set(sys.modules)"
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.fixture(scope="module")
def tiny():
    """A GroundingDINO of the right shape with seeded random weights, and transformers' own processor for it."""
    torch = pytest.importorskip("torch", reason="GroundingDINO runs on torch")
    transformers = pytest.importorskip("transformers", reason="GroundingDINO runs on transformers")
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    ids = {word: i for i, word in enumerate(VOCABULARY)}
    core = Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))
    core.normalizer = normalizers.BertNormalizer(lowercase=True)
    core.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    core.decoder = decoders.WordPiece()
    core.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", ids["[CLS]"]), ("[SEP]", ids["[SEP]"])]
    )
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=core, unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]"
    )
    torch.manual_seed(0)
    config = transformers.GroundingDinoConfig(
        backbone_config=transformers.SwinConfig(
            image_size=64, embed_dim=12, depths=[1, 1, 1, 1], num_heads=[1, 1, 2, 2], window_size=4,
            out_features=["stage2", "stage3", "stage4"],
        ),
        text_config=transformers.BertConfig(
            vocab_size=len(VOCABULARY), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16
        ),
        d_model=32, encoder_layers=2, decoder_layers=2, encoder_ffn_dim=32, decoder_ffn_dim=32, num_queries=30,
        encoder_attention_heads=4, decoder_attention_heads=4, max_text_len=16,
    )  # fmt: skip
    model = transformers.GroundingDinoForObjectDetection(config).eval()
    try:
        from transformers.models.grounding_dino.image_processing_pil_grounding_dino import (
            GroundingDinoImageProcessorPil,
        )
    except ImportError:  # below 5 it has another name
        from transformers import GroundingDinoImageProcessor as GroundingDinoImageProcessorPil

    return model, tokenizer, GroundingDinoImageProcessorPil()


class TestAgainstTransformers:
    @pytest.mark.parametrize("size", [(60, 80), (640, 480), (333, 777), (300, 1200), (1600, 900)], ids=str)
    def test_preprocessing_agrees(self, tiny, size):
        picture = noise(*size)
        theirs = tiny[2](picture, return_tensors="np")["pixel_values"][0]
        ours = gd.preprocess(picture)
        assert ours.shape == theirs.shape
        assert ours.dtype == np.float32
        assert np.abs(ours - theirs).max() < 1e-4

    @pytest.mark.parametrize("thresholds", [(0.3, 0.25), (0.5, 0.5)])
    def test_boxes_scores_and_phrases_agree(self, tiny, thresholds):
        torch = pytest.importorskip("torch")
        from transformers import GroundingDinoProcessor

        model, tokenizer, image_processor = tiny
        picture = noise(320, 240, seed=2)
        caption = prompt_of(DEFAULT_LABELS)
        inputs = tokenizer([caption], return_tensors="pt", return_token_type_ids=True)
        pixels = image_processor(picture, return_tensors="pt", size={"shortest_edge": 128, "longest_edge": 256})
        with torch.inference_mode():
            out = model(**inputs, **pixels)
        # random weights match every token alike: raise what the network says of a few boxes, on both sides
        out.logits = out.logits.clone()
        out.logits[0, :, : inputs["input_ids"].shape[1]] += torch.linspace(-2, 2, out.logits.shape[1])[:, None]
        processor = GroundingDinoProcessor.__new__(GroundingDinoProcessor)
        processor.tokenizer = tokenizer
        theirs = processor.post_process_grounded_object_detection(
            out, inputs["input_ids"], *thresholds, target_sizes=[(240, 320)]
        )[0]
        engine = gd.TransformersEngine(model, tokenizer, "tiny")
        reply = gd.Reply(
            torch.sigmoid(out.logits[0]).numpy(), out.pred_boxes[0].numpy(), inputs["input_ids"][0].tolist()
        )
        ours = gd.found_in(reply, (320, 240), engine.words, *thresholds)
        assert len(ours) == len(theirs["scores"]) > 0
        order = np.argsort(-theirs["scores"].numpy(), kind="stable")
        corners = theirs["boxes"].numpy()[order].clip(0, [320, 240, 320, 240])
        assert np.abs(np.array([one.box.as_tuple() for one in ours]) - corners).max() < 1e-4 * 320
        assert np.abs(np.array([one.confidence for one in ours]) - theirs["scores"].numpy()[order]).max() < 1e-4
        # theirs leaves out the last of the 16 places for tokens, ours the last token: [SEP] may name a box in theirs
        named = [theirs["text_labels"][k].replace("[SEP]", "").replace(".", " ") for k in order]
        phrases = [" ".join(phrase.split()) or "garment" for phrase in named]
        assert [one.label for one in ours] == phrases

    def test_the_engine_asks_the_network_what_transformers_would(self, tiny):
        torch = pytest.importorskip("torch")
        model, tokenizer, image_processor = tiny
        picture = noise(200, 150, seed=4)
        reply = gd.TransformersEngine(model, tokenizer, "tiny").look(gd.preprocess(picture, 96, 160), "pants . hats .")
        pixels = image_processor(picture, return_tensors="pt", size={"shortest_edge": 96, "longest_edge": 160})
        with torch.inference_mode():
            out = model(**tokenizer(["pants . hats ."], return_tensors="pt", return_token_type_ids=True), **pixels)
        assert np.abs(reply.boxes - out.pred_boxes[0].numpy()).max() < 1e-4
        assert np.abs(reply.match - torch.sigmoid(out.logits[0]).numpy()).max() < 1e-4

    def test_weights_from_a_local_folder(self, tiny, tmp_path):
        model, tokenizer, _ = tiny
        model.save_pretrained(tmp_path)
        tokenizer.save_pretrained(tmp_path)
        engine = gd.load(str(tmp_path), package="transformers")
        pixels = gd.preprocess(noise(128, 128), 128, 192)
        same = gd.TransformersEngine(model, tokenizer, "tiny").look(pixels, "pants .")
        assert np.abs(engine.look(pixels, "pants .").boxes - same.boxes).max() < 1e-5

    def test_weights_of_another_architecture_are_refused(self, tiny, tmp_path):
        transformers = pytest.importorskip("transformers")
        tiny[1].save_pretrained(tmp_path)
        transformers.BertModel(
            transformers.BertConfig(
                vocab_size=13, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16
            )
        ).save_pretrained(tmp_path)
        with pytest.raises(ModelUnavailable) as caught:
            gd.load(str(tmp_path), package="transformers")
        assert caught.value.hint

    def test_a_missing_folder_is_named(self, tiny):
        with pytest.raises(ModelUnavailable, match="/nowhere/at/all"):
            gd.load("/nowhere/at/all", package="transformers")


class TestContract(DetectorContract):
    @pytest.fixture
    def detector(self, tiny):
        engine = gd.TransformersEngine(tiny[0], tiny[1], "tiny")
        return gd.GroundingDinoDetector(engine, short_px=128, long_px=192, box_threshold=0.05, text_threshold=0.05)
