"""`outfit train` as a person types it: a shop's folder from pictures to a measured encoder, and what goes wrong."""

from __future__ import annotations

import numpy as np
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from assistant.commands import training
from retrieval.errors import InvalidInput, InvalidSetting, ModelUnavailable

app = typer.Typer()
training.add_to(app)
runner = CliRunner()


def call(*words: str):
    return runner.invoke(app, ["train", *words], catch_exceptions=True)


def test_every_command_has_help_and_a_paragraph():
    listed = call("--help").output
    for name in ("prepare", "compact", "export", "evaluate", "shots", "pretrain", "finetune", "shop", "compare"):
        assert name in listed
        shown = call(name, "--help")
        assert shown.exit_code == 0 and len(shown.output.split()) > 20


def test_a_missing_package_is_named_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setattr(training.importlib.util, "find_spec", lambda name: None)
    error = call("pretrain", "x").exception
    assert isinstance(error, ModelUnavailable) and "torch" in str(error) and "[train]" in error.hint


def test_unprepared_pictures_and_missing_checkpoints_say_what_comes_first(tmp_path):
    pytest.importorskip("torch", reason="training needs torch (extra [train])")
    pytest.importorskip("onnxscript", reason="export needs onnxscript (extra [train])")
    pytest.importorskip("scipy", reason="training needs scipy (extra [train])")
    error = call("compact", "--pictures", str(tmp_path), "--run", str(tmp_path / "run")).exception
    assert isinstance(error, InvalidSetting) and "outfit train prepare" in error.hint
    error = call("export", "--pictures", str(tmp_path), "--run", str(tmp_path / "run")).exception
    assert isinstance(error, InvalidSetting) and "outfit train compact" in error.hint


def test_a_shops_folder_becomes_an_encoder(tmp_path):
    torch = pytest.importorskip("torch", reason="training needs torch (extra [train])")
    pytest.importorskip("scipy", reason="training needs scipy (extra [train])")
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    for kind, base in (("bags", 40), ("ties", 160)):
        (tmp_path / "shop" / kind).mkdir(parents=True)
        for i in range(35):
            pixels = rng.integers(base, base + 60, (80, 64, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "shop" / kind / f"{i}.png")
    (tmp_path / "shop" / "bags" / "note.jpg").write_bytes(b"not a picture")
    shop, dino, tuned = str(tmp_path / "shop"), str(tmp_path / "dino"), str(tmp_path / "tuned")
    done = call("pretrain", shop, "--run", dino, "--steps", "2", "--batch", "4")
    assert done.exit_code == 0, done.exception
    assert "2 steps done" in done.output
    done = call("finetune", shop, "--run", tuned, "--pretrained", dino, "--steps", "2", "--loss", "triplet_hard")
    assert done.exit_code == 0, done.exception
    assert "cmc1" in done.output and (tmp_path / "tuned" / "finetune.pt").is_file()
    for run in ("dino", "tuned"):
        assert (tmp_path / run / "curves.png").is_file() and (tmp_path / run / "attention.png").is_file()
    assert isinstance(call("finetune", shop, "--loss", "hinge").exception, InvalidInput)
    again = call("finetune", shop, "--run", tuned, "--steps", "3", "--loss", "cross_entropy")
    assert isinstance(again.exception, InvalidSetting) and "loss" in str(again.exception)
