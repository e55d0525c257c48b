"""GroundingDINO by groundingdino-py, where that package is: the whole Swin-T OGC architecture with seeded random weights.

What comes before and after the network is held against the package's own `predict`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from retrieval.detectors import grounding_dino as gd
from retrieval.detectors.phrases import DEFAULT_LABELS, prompt_of
from retrieval.errors import ModelUnavailable
from tests.contracts.detector import noise
from tests.test_grounding_dino import VOCABULARY

PICTURE = noise(320, 240, seed=2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A checkpoint as the project publishes it, with its text encoder beside it; that one is small."""
    if not gd.original_is_usable():
        pytest.skip("groundingdino-py with torchvision and transformers below 5 is not installed")
    import groundingdino
    import torch
    import transformers
    from groundingdino.models import build_model
    from groundingdino.util.slconfig import SLConfig

    root = tmp_path_factory.mktemp("original")
    words = root / gd.TEXT_ENCODER
    words.mkdir()
    (words / "vocab.txt").write_text("\n".join([*VOCABULARY, "?"]))
    transformers.BertTokenizerFast(str(words / "vocab.txt")).save_pretrained(words)
    torch.manual_seed(0)
    size = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16}
    transformers.BertModel(transformers.BertConfig(vocab_size=len(VOCABULARY) + 1, **size)).save_pretrained(words)
    settings = SLConfig.fromfile(str(Path(groundingdino.__file__).parent / "config" / "GroundingDINO_SwinT_OGC.py"))
    settings.device, settings.text_encoder_type = "cpu", str(words)
    made = build_model(settings)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter += 0.02 * torch.randn_like(parameter)
        made.feat_map.weight *= 0.1  # as drawn, everything would match every word for certain
        made.transformer.decoder.norm.weight *= 0.1
        made.transformer.decoder.norm.bias *= 0.1
    # published checkpoints come from training on several GPUs: their names begin with `module.`
    state = {f"module.{name}": value for name, value in made.state_dict().items()}
    torch.save({"model": state}, root / gd.ORIGINAL_CHECKPOINT)
    return root


@pytest.fixture(scope="module")
def engine(folder) -> gd.Engine:
    return gd.load(str(folder / gd.ORIGINAL_CHECKPOINT), device="cpu")


@pytest.mark.parametrize("size", [(60, 80), (640, 480), (333, 777), (777, 333), (1600, 900), (800, 1200)], ids=str)
def test_preprocessing_agrees(size):
    if not gd.original_is_usable():
        pytest.skip("groundingdino-py with torchvision and transformers below 5 is not installed")
    from groundingdino.datasets import transforms as theirs

    prepare = theirs.Compose(
        [
            theirs.RandomResize([800], max_size=1333),
            theirs.ToTensor(),
            theirs.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ]
    )
    want, _ = prepare(noise(*size), None)
    got = gd.preprocess(noise(*size), rounds_first=gd.OriginalEngine.rounds_first)
    assert got.shape == tuple(want.shape)
    assert np.abs(got - want.numpy()).max() < 1e-4


def test_boxes_scores_and_phrases_agree_with_its_own_predict(engine):
    import torch
    from groundingdino.util.inference import predict

    caption = prompt_of(DEFAULT_LABELS)
    pixels = gd.preprocess(PICTURE, 224, 320)
    reply = engine.look(pixels, caption)
    # random weights match every token about alike: thresholds that part them
    best = np.sort(reply.match.max(1))[::-1]
    box_threshold = float((best[9] + best[10]) / 2)
    text_threshold = float(np.median(reply.match[reply.match > 0]))
    boxes, scores, phrases = predict(
        engine._model, torch.from_numpy(pixels), caption, box_threshold, text_threshold, device="cpu"
    )
    ours = gd.found_in(reply, PICTURE.size, engine.words, box_threshold, text_threshold)
    assert len(ours) == len(scores) == 10
    order = np.argsort(-scores.numpy(), kind="stable")
    cx, cy, w, h = boxes.numpy()[order].T * np.array([[320], [240], [320], [240]])
    corners = np.stack([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2], 1).clip(0, [320, 240, 320, 240])
    np.testing.assert_allclose([one.box.as_tuple() for one in ours], corners, atol=1e-4 * 320)
    np.testing.assert_allclose([one.confidence for one in ours], scores.numpy()[order], atol=1e-4)
    # theirs names boxes by the caption's frame too
    words = [phrases[place].replace("[CLS]", "").replace("[SEP]", "").replace(".", " ") for place in order]
    theirs = [" ".join(word.split()) or "garment" for word in words]
    assert [one.label for one in ours] == theirs


def test_a_folder_with_the_checkpoint_is_recognised_and_detects(folder):
    detector = gd.GroundingDinoDetector(
        weights=str(folder), device="cpu", short_px=256, long_px=384, box_threshold=0.01, text_threshold=0.01
    )
    found = detector.detect(PICTURE, ["裤子", "shoes"])
    assert found and all(0 <= one.box.x0 < one.box.x1 <= 320 and 0 <= one.box.y0 < one.box.y1 <= 240 for one in found)


def test_a_checkpoint_that_does_not_fit_is_refused_with_what_is_wrong(folder, tmp_path):
    import torch

    (tmp_path / gd.TEXT_ENCODER).symlink_to(folder / gd.TEXT_ENCODER)
    state = torch.load(folder / gd.ORIGINAL_CHECKPOINT, weights_only=True)["model"]
    name = "module.backbone.0.patch_embed.proj.weight"
    torch.save({"model": {n: v for n, v in state.items() if n != name}}, tmp_path / "part.pth")
    with pytest.raises(ModelUnavailable, match=r"lacks 1 weights of GroundingDINO Swin-T, such as backbone\.0\.patch"):
        gd.load(str(tmp_path / "part.pth"), device="cpu")
    torch.save({"model": state | {name: torch.zeros(128, 3, 4, 4)}}, tmp_path / "base.pth")
    with pytest.raises(ModelUnavailable, match="holds 1 weights of another shape than GroundingDINO Swin-T") as refused:
        gd.load(str(tmp_path / "base.pth"), device="cpu")
    assert "Swin-B" in refused.value.hint
    (tmp_path / "bad.pth").write_bytes(b"no checkpoint")
    with pytest.raises(ModelUnavailable, match="cannot be read as a checkpoint"):
        gd.load(str(tmp_path / "bad.pth"), device="cpu")
    torch.save({"weights": state}, tmp_path / "other.pth")
    with pytest.raises(ModelUnavailable, match="cannot be read as a checkpoint"):
        gd.load(str(tmp_path / "other.pth"), device="cpu")


def test_without_its_text_encoder_the_next_command_is_told(folder, tmp_path):
    (tmp_path / gd.ORIGINAL_CHECKPOINT).symlink_to(folder / gd.ORIGINAL_CHECKPOINT)
    (tmp_path / gd.TEXT_ENCODER).mkdir()
    with pytest.raises(ModelUnavailable, match="text encoder of GroundingDINO cannot be read") as refused:
        gd.load(str(tmp_path), device="cpu")
    assert "hf download bert-base-uncased" in refused.value.hint
