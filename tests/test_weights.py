"""Weights by name: a path first, then a hub, and each failure with the next command. No hub is asked here."""

from __future__ import annotations

import pytest

from retrieval import weights
from retrieval.errors import InvalidSetting, ModelUnavailable


def test_what_is_on_this_machine_is_taken_whatever_the_hub(tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "_fetch", lambda *_: pytest.fail("a hub was asked"))
    (tmp_path / "org").mkdir()
    (tmp_path / "org" / "model").mkdir()
    monkeypatch.chdir(tmp_path)
    assert weights.find(str(tmp_path), "modelscope", of="GTE") == tmp_path
    assert weights.find("org/model", "huggingface", of="GTE").is_dir()  # as with the hubs' own tools


@pytest.mark.parametrize("name", ["/no/such", "./such", "~/no/such/file", "model", "a/b/c", "org/best.pth", "org/best.toml"])
def test_what_can_only_be_a_path_is_looked_for_on_no_hub(name, monkeypatch):
    monkeypatch.setattr(weights, "_fetch", lambda *_: pytest.fail("a hub was asked"))
    with pytest.raises(ModelUnavailable, match=f"DINO weights not found: no file or folder {name}"):
        weights.find(name, "huggingface", of="DINO")


@pytest.mark.parametrize(
    ("hub", "command"), [("huggingface", "hf download org/model"), ("modelscope", "modelscope download --model org/model")]
)
def test_a_hub_that_fails_is_one_sentence_and_the_command_for_elsewhere(hub, command, monkeypatch):
    def fails(*_):
        raise OSError("no route to host\nand much more\nthat nobody reads")

    monkeypatch.setattr(weights, "_fetch", fails)
    monkeypatch.setattr(weights, "find_spec", lambda name: object())
    with pytest.raises(ModelUnavailable) as refused:
        weights.find("org/model", hub, of="GTE")
    assert str(refused.value) == f"GTE weights org/model could not be fetched from {hub}: no route to host"
    assert command in refused.value.hint


def test_a_client_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setattr(weights, "find_spec", lambda name: None)
    with pytest.raises(ModelUnavailable, match="package modelscope is not installed") as refused:
        weights.find("iic/gte", "modelscope", of="GTE")
    assert "pip install 'modelscope" in refused.value.hint


def test_an_unknown_hub():
    with pytest.raises(InvalidSetting, match="hub is 'somewhere': expected huggingface or modelscope"):
        weights.find("org/model", "somewhere", of="GTE")
