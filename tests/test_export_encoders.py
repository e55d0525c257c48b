"""Torch encoders as ONNX files: the same vectors, the same space, without torch; what 8-bit weights lose is told."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from retrieval import registry
from retrieval.encoders.onnx_file import FACTS, OnnxImageEncoder, OnnxTextEncoder, tokenizer_file
from retrieval.errors import InvalidInput, InvalidSetting, ModelError, ModelUnavailable
from retrieval.exports import Exported, Job
from tests.contracts.image_encoder import ImageEncoderContract
from tests.contracts.text_encoder import TextEncoderContract
from tests.golden import dino as golden
from tests.test_dino import random_weights
from tests.test_gte import minilm, snapshot  # noqa: F401 - a fixture

SECOND = ["Women Red Dress", "black running shoes for men", "", "navy blue denim jacket " * 300]


@pytest.fixture(scope="module")
def torch():
    pytest.importorskip("onnx", reason="models are written by onnx")
    return pytest.importorskip("torch", reason="what is exported runs on torch")


def export(job: Job) -> Exported:
    return registry.resolve(job.model.exporter)(job)


@pytest.fixture(scope="module")
def pictures_folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    for i in range(12):
        Image.fromarray(np.random.RandomState(i).randint(0, 256, (9, 7, 3)).astype(np.uint8)).resize((70, 90)).save(
            folder / f"{i}.png"
        )
    return folder


@pytest.fixture(scope="module")
def dino_job(torch, pictures_folder, tmp_path_factory) -> Job:
    pytest.importorskip("torchvision", reason="DINO runs on torchvision", exc_type=ImportError)
    pytest.importorskip("timm", reason="DINO runs on timm")
    from retrieval.encoders.dino_weights import DinoConfig

    folder = tmp_path_factory.mktemp("dino")
    torch.save(random_weights(torch, DinoConfig()), folder / "dino.pth")
    options = {"weights": str(folder / "dino.pth"), "image_size": 64, "device": "auto", "precision": "auto"}
    row = registry.row("image encoder", "dino-vits16")
    return Job(row, folder / "dino.onnx", options, True, pictures_folder, lambda text: None)


@pytest.fixture(scope="module")
def dino_files(dino_job) -> Exported:
    return export(dino_job)


@pytest.fixture(scope="module")
def text_files(torch, minilm, tmp_path_factory) -> Exported:  # noqa: F811
    folder = tmp_path_factory.mktemp("text")
    row = registry.row("text encoder", "gte")
    return export(Job(row, folder / "gte.onnx", {"weights": str(minilm)}, True, None, lambda text: None))


def test_an_exported_dino_writes_into_the_same_space(dino_job, dino_files):
    from retrieval.encoders.dino import DinoImageEncoder

    original = DinoImageEncoder(**dino_job.model.given({**dino_job.options, "device": "cpu", "precision": "float32"}))
    full, small = (OnnxImageEncoder(str(file)) for file in dino_files.files)
    assert full.space == original.space
    assert small.space == replace(original.space, revision=original.space.revision + "-int8")
    want = original.encode_images(golden.pictures())
    np.testing.assert_allclose(full.encode_images(golden.pictures()), want, atol=1e-4)
    assert 0.9 < (small.encode_images(golden.pictures()) * want).sum(1).min() < 0.999999


def test_what_is_lost_is_measured(dino_files):
    figures = dino_files.figures
    assert figures["samples"] == 12
    assert figures["largest difference"] <= 1e-4
    assert 0.9 < figures["int8 least cosine"] <= figures["int8 mean cosine"] <= 1.0001
    assert 0.5 < figures["int8 same of 10 neighbours"] <= 1
    assert figures["int8 MB"] < 0.5 * figures["MB"]


def test_an_exported_text_encoder_gives_the_same_vectors(minilm, text_files):  # noqa: F811
    from retrieval.encoders.gte import GteTextEncoder

    original = GteTextEncoder(str(minilm), name="gte", device="cpu", precision="float32")
    full = OnnxTextEncoder(str(text_files.files[0]))
    assert full.space == original.space
    np.testing.assert_allclose(full.encode_queries(SECOND), original.encode_queries(SECOND), atol=1e-4)
    small = OnnxTextEncoder(str(text_files.files[1]))  # with the words of the full one
    assert (small.encode_queries(SECOND) * original.encode_queries(SECOND)).sum(1).min() > 0.9


def test_an_exported_clip_gives_the_same_vectors(torch, tmp_path, pictures_folder):
    from retrieval.encoders.clip import ClipImageEncoder
    from tests.test_clip import small_clip

    small_clip(tmp_path, "clip")
    row = registry.row("image encoder", "fashion-clip")
    options = {"weights": str(tmp_path), "device": "cpu"}
    done = export(Job(row, tmp_path / "clip.onnx", options, False, pictures_folder, lambda text: None))
    assert done.figures["largest difference"] <= 1e-4
    assert OnnxImageEncoder(str(done.files[0])).space == ClipImageEncoder(str(tmp_path), name="fashion-clip").space


def test_a_file_that_differs_is_an_error(dino_job, dino_files, monkeypatch):
    monkeypatch.setattr("retrieval.training.export_encoders.PARITY", 0.0)
    with pytest.raises(ModelError, match="differs from the original by"):
        export(replace(dino_job, int8=False, out=dino_job.out.with_name("again.onnx")))


def test_what_cannot_be_exported_is_named(dino_job, tmp_path):
    with pytest.raises(InvalidInput, match="ends in .onnx"):
        export(replace(dino_job, out=tmp_path / "a.bin"))
    with pytest.raises(InvalidInput, match="no pictures in"):
        export(replace(dino_job, out=tmp_path / "a.onnx", samples=tmp_path / "none"))


class TestFiles:
    """Files that are no encoders; no torch is needed for these."""

    @pytest.mark.parametrize("encoder", [OnnxImageEncoder, OnnxTextEncoder])
    def test_none_missing_or_another_thing(self, encoder, tmp_path):
        with pytest.raises(InvalidSetting, match="encoder 'onnx' has no file") as refused:
            encoder()
        assert "outfit models export" in refused.value.hint
        with pytest.raises(ModelUnavailable, match="no file /nowhere/a.onnx"):
            encoder("/nowhere/a.onnx")
        (tmp_path / "a.onnx").write_bytes(b"not a net")
        with pytest.raises(ModelUnavailable, match="is no encoder that this project exported"):
            encoder(str(tmp_path / "a.onnx"))

    def test_a_net_of_another_modality_and_one_without_its_words(self, tmp_path):
        onnx = pytest.importorskip("onnx", reason="the file is made by onnx")
        make = onnx.helper
        vectors = make.make_tensor_value_info("vectors", onnx.TensorProto.FLOAT, ["n", 2])
        given = make.make_tensor_value_info("pixels", onnx.TensorProto.FLOAT, ["n", 2])
        graph = make.make_graph([make.make_node("Identity", ["pixels"], ["vectors"])], "g", [given], [vectors])
        model = make.make_model(graph, opset_imports=[make.make_opsetid("", 17)], ir_version=9)
        space = {"model": "m", "revision": "r", "modality": "text", "dim": 2}
        make.set_model_props(model, {FACTS: json.dumps({"space": space, "inputs": ["pixels"]})})
        onnx.save(model, tmp_path / "a.onnx")
        with pytest.raises(ModelUnavailable, match="encodes texts: expected images"):
            OnnxImageEncoder(str(tmp_path / "a.onnx"))
        with pytest.raises(ModelUnavailable, match=f"no file {tmp_path}/a.tokenizer.json"):
            OnnxTextEncoder(str(tmp_path / "a.onnx"))

    def test_the_small_file_shares_the_words_of_the_full_one(self):
        assert tokenizer_file(Path("x/gte.onnx")) == tokenizer_file(Path("x/gte.int8.onnx")) == Path("x/gte.tokenizer.json")


class TestImageContract(ImageEncoderContract):
    @pytest.fixture
    def encoder(self, dino_files):
        return OnnxImageEncoder(str(dino_files.files[0]))


class TestTextContract(TextEncoderContract):
    @pytest.fixture
    def encoder(self, text_files):
        return OnnxTextEncoder(str(text_files.files[0]))

    @pytest.mark.parametrize("query", ["women's red dress"])  # this one was trained on English alone
    def test_the_title_that_is_meant_comes_before_others(self, encoder, query):
        super().test_the_title_that_is_meant_comes_before_others(encoder, query)
