"""The models that the settings name: their options, and what is told of them before anything is loaded."""

from __future__ import annotations

import pytest

from assistant import models
from assistant.settings import Settings
from retrieval import registry
from retrieval.errors import InvalidInput, InvalidSetting, ModelNotFound


@pytest.mark.parametrize(
    "told", ["clothes, red hats", "clothes . red hats .", "clothes；red hats", " clothes，red hats ,,", "clothes、red hats"]
)
def test_labels_are_parted_as_people_write_them(told):
    assert models.options(Settings.load(detector_labels=told), "detector")["labels"] == ["clothes", "red hats"]


def test_each_role_gets_its_own_weights():
    settings = Settings.load(detector_weights="d", image_weights="i", text_weights="t", models_api_key="secret")
    given = {role: models.options(settings, role)["weights"] for role in models.ROLES}
    assert given == {"detector": "d", "image encoder": "i", "text encoder": "t"}
    assert models.options(settings, "detector")["api_key"] == "secret"


class Prompted:
    """Takes what GroundingDINO takes, and checks it in the same way; no network is loaded."""

    def __new__(cls, **given):
        from retrieval.detectors.grounding_dino import GroundingDinoDetector

        return GroundingDinoDetector(object(), **given)


@pytest.mark.parametrize(
    ("settings", "error", "says"),
    [
        ({"detection_threshold": 0}, InvalidSetting, "box threshold is 0.0: expected a confidence between 0 and 1"),
        ({"detector_text_threshold": 1}, InvalidSetting, "text threshold is 1.0"),
        ({"detector_labels": "衣服, 飞机"}, InvalidInput, "'飞机' is Chinese, and no English word for it is known"),
        ({"detector_labels": "..."}, InvalidInput, "no label to detect"),
    ],
)
def test_what_a_detector_cannot_use_is_named_at_once(monkeypatch, settings, error, says):
    row = registry.row("detector", "grounding-dino")
    asked = registry.Model("asked", "detector", f"{__name__}:Prompted", "", takes=("labels", "box_threshold", "text_threshold"))
    assert set(asked.takes) <= set(row.takes)
    monkeypatch.setattr(registry, "MODELS", (asked,))
    with pytest.raises(error, match=says):
        models.load(Settings.load(detector="asked", **settings), "detector")


class TestStanding:
    def test_a_path_that_is_not_there_is_told_with_the_setting(self, monkeypatch):
        monkeypatch.setattr(registry, "missing", lambda model: "")
        found = models.standing(Settings.load(image_weights="./best.toml"), "image encoder", "dino-vitb8")
        assert not found.is_ready and "no file or folder ./best.toml" in found.message
        assert found.hint == "correct OUTFIT_IMAGE_WEIGHTS"

    def test_weights_of_a_hub_are_told_before_they_are_fetched(self, monkeypatch, tmp_path):
        monkeypatch.setattr(registry, "missing", lambda model: "")
        settings = Settings.load()
        assert "weights timm/vit_base_patch8_224.dino are taken from huggingface" in models.standing(
            settings, "image encoder", "dino-vitb8"
        ).message
        assert "english-base are taken from modelscope" in models.standing(settings, "text encoder", "gte").message
        elsewhere = Settings.load(weights_hub="huggingface", text_weights="thenlper/gte-base")
        assert "thenlper/gte-base are taken from huggingface" in models.standing(elsewhere, "text encoder", "gte").message
        here = models.standing(Settings.load(text_weights=str(tmp_path)), "text encoder", "gte")
        assert here == models.Standing(True, f"ready, weights {tmp_path}")

    def test_a_worker_that_is_not_there(self):
        lost = models.standing(Settings.load(models_url="http://127.0.0.1:9"), "detector", "worker")
        assert not lost.is_ready and "outfit serve-models" in lost.hint
        assert not models.standing(Settings.load(), "detector", "worker").is_ready

    def test_an_unknown_name(self):
        with pytest.raises(ModelNotFound, match="'yolo'"):
            models.standing(Settings.load(), "detector", "yolo")
