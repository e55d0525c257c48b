"""Pictures and words in one space: towers of open_clip and of transformers, with seeded random weights."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from retrieval.encoders import clip
from retrieval.errors import ModelUnavailable
from tests.contracts.image_encoder import ImageEncoderContract
from tests.golden.dino import pictures

TEXTS = ["a red dress", "black shoes", "", "dress " * 200]
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def words(folder: Path, most: int) -> None:
    """A tokenizer of CLIP's kind over single letters, as transformers writes it."""
    transformers = pytest.importorskip("transformers", reason="tokenizers are transformers'")
    symbols = [*_LETTERS, *(f"{letter}</w>" for letter in _LETTERS), "<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({symbol: place for place, symbol in enumerate(symbols)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    made = transformers.CLIPTokenizerFast(str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=most)
    made.save_pretrained(folder)


@pytest.fixture(scope="module", params=["clip", "siglip"])
def plain(request, tmp_path_factory) -> Path:
    return small_clip(tmp_path_factory.mktemp(request.param), request.param)


def small_clip(folder: Path, kind: str) -> Path:
    """A snapshot of transformers, FashionCLIP's kind (clip) or SigLIP's, with seeded random weights."""
    torch = pytest.importorskip("torch", reason="towers run on torch")
    transformers = pytest.importorskip("transformers", reason="towers run on transformers")
    most = 16
    words(folder, most)
    torch.manual_seed(0)
    size = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    text = {"vocab_size": 54, "max_position_embeddings": most, "bos_token_id": 52, "eos_token_id": 53, "pad_token_id": 53}
    vision = {"image_size": 32, "patch_size": 8}
    if kind == "clip":
        config = transformers.CLIPConfig(text_config=size | text, vision_config=size | vision, projection_dim=24)
        made = transformers.CLIPModel(config)
        transformers.CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}).save_pretrained(folder)
    else:
        config = transformers.SiglipConfig(text_config=size | text, vision_config=size | vision)
        made = transformers.SiglipModel(config)
        transformers.SiglipImageProcessor(size={"height": 32, "width": 32}).save_pretrained(folder)
    for parameter in made.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    made.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def open_one(tmp_path_factory) -> Path:
    """A snapshot of open_clip, Marqo-FashionSigLIP's kind: a SigLIP of timm's, small, squashed pictures."""
    torch = pytest.importorskip("torch", reason="towers run on torch")
    pytest.importorskip("torchvision", reason="open_clip runs on torchvision", exc_type=ImportError)
    open_clip = pytest.importorskip("open_clip", reason="compared with open_clip")
    folder = tmp_path_factory.mktemp("open")
    words(folder, 16)
    config = {
        "model_cfg": {
            "embed_dim": 32,
            "custom_text": True,
            "init_logit_bias": -10,
            "vision_cfg": {"image_size": 32, "layers": 2, "width": 32, "patch_size": 8, "head_width": 16},
            "text_cfg": {
                "context_length": 16, "vocab_size": 54, "hf_tokenizer_name": str(folder), "width": 32, "heads": 2, "layers": 2,
                "no_causal_mask": True, "pool_type": "last", "tokenizer_kwargs": {"clean": "canonicalize"},
            },
        },
        "preprocess_cfg": {
            "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5], "interpolation": "bicubic", "resize_mode": "squash", "size": 32,
        },
    }  # fmt: skip
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    torch.manual_seed(0)
    made = open_clip.create_model(f"local-dir:{folder}", load_weights=False)
    from safetensors.torch import save_file

    state = {name: (value + 0.1 * torch.randn_like(value)).contiguous() for name, value in made.state_dict().items()}
    save_file(state, folder / "open_clip_model.safetensors")
    return folder


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def both(folder: Path, **given) -> tuple[clip.ClipImageEncoder, clip.ClipTextEncoder]:
    given = {"name": "towers", "device": "cpu", "precision": "float32"} | given
    return clip.ClipImageEncoder(str(folder), **given), clip.ClipTextEncoder(str(folder), **given)


def test_vectors_agree_with_transformers(plain):
    import torch
    from transformers import AutoImageProcessor, AutoModel, AutoTokenizer

    theirs = AutoModel.from_pretrained(plain).eval()
    tokenizer = AutoTokenizer.from_pretrained(plain)
    is_clip = theirs.config.model_type == "clip"
    prepare = AutoImageProcessor.from_pretrained(plain, use_fast=False)
    with torch.inference_mode():
        seen = theirs.get_image_features(**prepare(pictures(), return_tensors="pt"))
        told = tokenizer(TEXTS, padding=True if is_clip else "max_length", truncation=True, max_length=16, return_tensors="pt")
        read = theirs.get_text_features(**told)
    seen, read = ((one if hasattr(one, "numpy") else one.pooler_output).numpy() for one in (seen, read))
    images, texts = both(plain)
    np.testing.assert_allclose(images.encode_images(pictures()), unit(seen), atol=1e-4)
    np.testing.assert_allclose(texts.encode_queries(TEXTS), unit(read), atol=1e-4)


def test_vectors_agree_with_open_clip(open_one):
    import open_clip
    import torch

    theirs, prepare = open_clip.create_model_from_pretrained(f"local-dir:{open_one}")
    tokenizer = open_clip.get_tokenizer(f"local-dir:{open_one}")
    theirs.eval()
    with torch.inference_mode():
        seen = theirs.encode_image(torch.stack([prepare(picture) for picture in pictures()])).numpy()
        read = theirs.encode_text(tokenizer(TEXTS)).numpy()
    images, texts = both(open_one)
    np.testing.assert_allclose(images.encode_images(pictures()), unit(seen), atol=1e-4)
    np.testing.assert_allclose(texts.encode_documents(TEXTS), unit(read), atol=1e-4)


def test_pictures_and_words_share_a_space_and_one_network(plain):
    images, texts = both(plain)
    assert (images.space.model, images.space.revision, images.space.dim) == ("towers", texts.space.revision, texts.space.dim)
    assert (images.space.modality, texts.space.modality) == ("image", "text")
    assert images.towers is texts.towers


def test_half_precision_gives_nearly_the_same_vectors(plain):
    full, half = both(plain), both(plain, precision="bfloat16")
    assert (full[0].encode_images(pictures()) * half[0].encode_images(pictures())).sum(1).min() > 0.99
    assert (full[1].encode_queries(TEXTS) * half[1].encode_queries(TEXTS)).sum(1).min() > 0.99


class TestBadSnapshots:
    def test_another_kind_of_model(self, tmp_path):
        pytest.importorskip("torch", reason="towers run on torch")
        pytest.importorskip("transformers", reason="towers run on transformers")
        (tmp_path / "config.json").write_text('{"model_type": "bert"}')
        with pytest.raises(ModelUnavailable, match="holds a bert: expected clip or siglip"):
            both(tmp_path)

    @pytest.mark.parametrize("name", ["open_clip_config.json", "config.json"])
    def test_a_broken_one(self, tmp_path, name):
        pytest.importorskip("transformers", reason="towers run on transformers")
        pytest.importorskip("torchvision", reason="open_clip runs on torchvision", exc_type=ImportError)
        (tmp_path / name).write_text("{")
        with pytest.raises(ModelUnavailable, match="cannot be read") as refused:
            both(tmp_path)
        assert "open_clip" in refused.value.hint

    def test_weights_that_are_missing_are_not_made_up(self, plain, tmp_path):
        from safetensors.torch import load_file, save_file

        for file in plain.iterdir():
            (tmp_path / file.name).write_bytes(file.read_bytes())
        state = load_file(plain / "model.safetensors")
        gone = next(name for name in sorted(state) if "vision_model.encoder.layers.1" in name)
        save_file({n: v for n, v in state.items() if n != gone}, tmp_path / "model.safetensors", {"format": "pt"})
        with pytest.raises(ModelUnavailable, match=f"lacks 1 weights, such as {gone}"):
            both(tmp_path)


class TestContract(ImageEncoderContract):
    @pytest.fixture
    def encoder(self, plain):
        return both(plain)[0]
