"""DINO ViT (Caron et al., 2021) by timm, behind the port: S/16, S/8, B/16 and B/8, pretrained or fine-tuned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from retrieval import weights as snapshots
from retrieval.encoders.dino_weights import DinoConfig, backbone_state, fill, read_config
from retrieval.encoders.pixels import Pixels
from retrieval.encoders.torch_runtime import Runtime, digest, read_checkpoint, runtime, weights_file
from retrieval.errors import ModelUnavailable
from retrieval.ports import Space

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image


class DinoImageEncoder:
    """Port `ImageEncoder`: the normalised class token of the last layer.

    `weights`: a checkpoint, a folder with one, a fine-tuned one's config (.toml or .json, see `DinoConfig`), or a name
    on the hub. `image_size` in px replaces the config's. `precision` and `device`: see `torch_runtime.runtime`.
    Raises InvalidSetting and ModelUnavailable, each with the next step.
    """

    def __init__(
        self,
        weights: str,
        *,
        arch: str = "vit_small",
        patch_size: int = 16,
        image_size: int | None = None,
        hub: snapshots.Hub = "huggingface",
        device: str = "auto",
        precision: str = "auto",
    ) -> None:
        config = DinoConfig(arch=arch, patch_size=patch_size)
        path = snapshots.find(weights, hub, of="DINO")
        if path.suffix in (".toml", ".json"):
            config = read_config(path, config)
            path = Path(config.checkpoint)
            if not path.exists():
                raise ModelUnavailable(f"DINO checkpoint not found: no file {path}", hint=f"correct `checkpoint` in {weights}")
        if image_size is not None:
            config = replace(config, image_size=image_size)
        file = weights_file(path, of="DINO") if path.is_dir() else path
        self.network = build(config, file)
        self.pixels = pixels_of(config)
        self._runtime = runtime(device, precision)
        revision = digest(self.network.state_dict(), config.image_size, config.fit)
        self.space = Space(config.name, revision, "image", self.network.num_features)
        self._runtime.place(self.network)

    def encode_images(self, images: Sequence[Image]) -> np.ndarray:
        """RGB pictures of any size -> (n, dim) float32, rows of L2 norm 1."""
        return encode(self.network, self.pixels, self._runtime, images, self.space.dim)


def pixels_of(config: DinoConfig) -> Pixels:
    """How pictures are prepared for it; "crop" sees the middle 224 px of a short side of 256, as the reference does."""
    return Pixels(config.image_size, config.fit, config.image_size * 256 // 224 if config.fit == "crop" else None)


def build(config: DinoConfig, file: Path) -> torch.nn.Module:
    """The network of a config with the weights of a file. Pixels (n, 3, s, s) in, (n, dim) class tokens out."""
    for package in ("torch", "timm", "torchvision"):
        if find_spec(package) is None:
            raise ModelUnavailable(
                f"DINO needs the package {package}, which is not installed", hint="pip install 'outfit-assistant[models]'"
            )
    import timm

    network = timm.create_model(
        config.timm_name, pretrained=False, num_classes=0, img_size=config.image_size, drop_path_rate=config.drop_path_rate
    )
    fill(network, backbone_state(read_checkpoint(file), config, file), config, file)
    return network


def encode(network: torch.nn.Module, pixels: Pixels, run: Runtime, images: Sequence[Image], dim: int) -> np.ndarray:
    """Pictures through a network of pixels, a batch at a time -> (n, dim) float32, rows of L2 norm 1."""
    import torch

    rows = [np.zeros((0, dim), np.float32)]
    with torch.inference_mode():
        for start in range(0, len(images), run.batch):
            out = network(run.tensor(pixels.prepare(images[start : start + run.batch])))
            rows.append(run.unit_rows(out))
    return np.concatenate(rows)
