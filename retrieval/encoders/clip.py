"""Pictures and words in one space: CLIP and SigLIP towers, Marqo-FashionSigLIP and FashionCLIP among them.

Two packages hold such towers: open_clip (a snapshot with `open_clip_config.json`) and transformers (CLIP and SigLIP
snapshots). A snapshot is opened once for both ports; pictures are prepared by `Pixels`, by what the snapshot says.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from retrieval import weights as snapshots
from retrieval.encoders.pixels import Pixels
from retrieval.encoders.torch_runtime import Runtime, digest, runtime
from retrieval.errors import ModelUnavailable
from retrieval.ports import Space

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image

_OTHER_FRAMEWORKS = ("*.onnx", "onnx/*", "*.h5", "*.msgpack", "*.ot")
_HINT = "check the path; expected a snapshot of open_clip, or of transformers with model_type clip or siglip"


@dataclass(frozen=True)
class Towers:
    """Both towers. `images`: pixels -> (n, dim); `texts`: what `tokens` gave, on the device -> (n, dim)."""

    network: torch.nn.Module
    pixels: Pixels
    images: Callable[[torch.Tensor], torch.Tensor]
    tokens: Callable[[list[str]], dict[str, np.ndarray]]
    texts: Callable[[dict[str, torch.Tensor]], torch.Tensor]
    dim: int
    revision: str
    run: Runtime

    def space(self, name: str, modality: str) -> Space:
        return Space(name, self.revision, modality, self.dim)

    def encode_images(self, images: Sequence[Image]) -> np.ndarray:
        import torch

        rows = [np.zeros((0, self.dim), np.float32)]
        with torch.inference_mode():
            for start in range(0, len(images), self.run.batch):
                given = self.run.tensor(self.pixels.prepare(images[start : start + self.run.batch]))
                rows.append(self.run.unit_rows(self.images(given)))
        return np.concatenate(rows)

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        import torch

        rows = [np.zeros((0, self.dim), np.float32)]
        with torch.inference_mode():
            for start in range(0, len(texts), self.run.batch):
                tokens = self.tokens(list(texts[start : start + self.run.batch]))
                given = {name: self.run.tensor(values) for name, values in tokens.items()}
                rows.append(self.run.unit_rows(self.texts(given)))
        return np.concatenate(rows)


class ClipImageEncoder:
    """Port `ImageEncoder`. `weights`: a folder, or a name on the hub; `name` is the space's."""

    def __init__(
        self, weights: str, *, name: str, hub: snapshots.Hub = "huggingface", device: str = "auto", precision: str = "auto"
    ) -> None:
        self.towers = open_towers(weights, hub, device, precision)
        self.space = self.towers.space(name, "image")

    def encode_images(self, images: Sequence[Image]) -> np.ndarray:
        """RGB pictures of any size -> (n, dim) float32, rows of L2 norm 1."""
        return self.towers.encode_images(images)


class ClipTextEncoder:
    """Port `TextEncoder`, in the space of the same snapshot's pictures: cosines between the two are meant."""

    def __init__(
        self, weights: str, *, name: str, hub: snapshots.Hub = "huggingface", device: str = "auto", precision: str = "auto"
    ) -> None:
        self.towers = open_towers(weights, hub, device, precision)
        self.space = self.towers.space(name, "text")

    def encode_queries(self, texts: Sequence[str]) -> np.ndarray:
        """What people ask -> (n, dim) float32, rows of L2 norm 1."""
        return self.towers.encode_texts(texts)

    def encode_documents(self, texts: Sequence[str]) -> np.ndarray:
        """What the catalogue says -> (n, dim) float32, rows of L2 norm 1."""
        return self.towers.encode_texts(texts)


_opening = threading.Lock()


def open_towers(weights: str, hub: snapshots.Hub, device: str, precision: str) -> Towers:
    """The towers of a snapshot, once a process: the image and the text encoder share them. Raises ModelUnavailable."""
    folder = snapshots.find(weights, hub, of="CLIP", skip=_OTHER_FRAMEWORKS)
    with _opening:
        return _open(folder.resolve(), device, precision)


@lru_cache(maxsize=2)
def _open(folder: Path, device: str, precision: str) -> Towers:
    package, opener = ("open_clip", _open_clip) if (folder / "open_clip_config.json").is_file() else ("transformers", _transformers)
    for needed in ("torch", package):
        if find_spec(needed) is None:
            raise ModelUnavailable(
                f"{folder} needs the package {needed}, which is not installed", hint="pip install 'outfit-assistant[models]'"
            )
    run = runtime(device, precision)
    try:
        return opener(folder, run)
    except ModelUnavailable:
        raise
    except Exception as error:  # both packages raise what torch, json and their own loaders raise
        told = str(error).strip().splitlines()
        raise ModelUnavailable(
            f"the towers in {folder} cannot be read: {told[0][:300] if told else type(error).__name__}", hint=_HINT
        ) from error


def _open_clip(folder: Path, run: Runtime) -> Towers:
    import open_clip

    network = open_clip.create_model(f"local-dir:{folder}", require_pretrained=True)
    tokenizer = open_clip.get_tokenizer(f"local-dir:{folder}")
    facts = network.visual.preprocess_cfg
    pixels = _of_open_clip(facts)
    revision = digest(network.state_dict(), pixels.facts())
    run.place(network)
    dim = json.loads((folder / "open_clip_config.json").read_text(encoding="utf-8"))["model_cfg"]["embed_dim"]
    return Towers(
        network,
        pixels,
        network.encode_image,
        lambda texts: {"text": np.asarray(tokenizer(texts))},
        lambda given: network.encode_text(given["text"]),
        dim,
        revision,
        run,
    )


def _of_open_clip(facts: dict[str, Any]) -> Pixels:
    size = facts["size"] if isinstance(facts["size"], int) else facts["size"][0]
    fit = {"squash": "squash", "shortest": "crop"}.get(facts["resize_mode"])
    if fit is None or facts["interpolation"] not in ("bicubic", "bilinear"):
        raise ModelUnavailable(
            f"pictures are prepared by {facts['resize_mode']} and {facts['interpolation']}: expected shortest or squash, "
            "bicubic or bilinear",
            hint=_HINT,
        )
    return Pixels(size, fit, mean=tuple(facts["mean"]), std=tuple(facts["std"]), filter=facts["interpolation"])


def _transformers(folder: Path, run: Runtime) -> Towers:
    from transformers import AutoConfig, AutoTokenizer, CLIPModel, SiglipModel

    config = AutoConfig.from_pretrained(folder, local_files_only=True)
    kinds = {"clip": CLIPModel, "siglip": SiglipModel}
    if config.model_type not in kinds:
        raise ModelUnavailable(f"{folder} holds a {config.model_type}: expected clip or siglip", hint=_HINT)
    network, report = kinds[config.model_type].from_pretrained(
        folder, local_files_only=True, output_loading_info=True
    )
    network = network.float()
    if report["missing_keys"]:
        missing = sorted(report["missing_keys"])
        raise ModelUnavailable(f"{folder} lacks {len(missing)} weights, such as {', '.join(missing[:3])}", hint=_HINT)
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    most = config.text_config.max_position_embeddings
    padding = True if config.model_type == "clip" else "max_length"  # as each was trained
    pixels = _of_transformers(json.loads((folder / "preprocessor_config.json").read_text(encoding="utf-8")))
    dim = config.projection_dim if config.model_type == "clip" else config.vision_config.hidden_size
    revision = digest(network.state_dict(), pixels.facts())
    run.place(network)

    def tokens(texts: list[str]) -> dict[str, np.ndarray]:
        told = tokenizer(texts, padding=padding, truncation=True, max_length=most, return_tensors="np")
        return {name: told[name] for name in ("input_ids", "attention_mask") if name in told}

    return Towers(
        network,
        pixels,
        lambda values: _rows(network.get_image_features(pixel_values=values)),
        tokens,
        lambda given: _rows(network.get_text_features(**given)),
        dim,
        revision,
        run,
    )


def _of_transformers(facts: dict[str, Any]) -> Pixels:
    size, crop = facts["size"], facts.get("crop_size")
    if isinstance(crop, dict):
        crop = crop["height"]
    if isinstance(size, dict) and "height" in size and not facts.get("do_center_crop"):
        side, fit, short = size["height"], "squash", None
    else:
        short = size["shortest_edge"] if isinstance(size, dict) else size
        side, fit = crop or short, "crop"
    filter_ = {2: "bilinear", 3: "bicubic"}.get(facts.get("resample", 3), "bicubic")
    return Pixels(side, fit, short, tuple(facts["image_mean"]), tuple(facts["image_std"]), filter_)


def _rows(out: Any) -> torch.Tensor:
    """Features as a tensor: transformers 5 wraps them in an output."""
    return out if hasattr(out, "float") else out.pooler_output
