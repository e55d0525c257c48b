"""Where a backbone looks: pictures beside a map of what its answer comes from.

A transformer's map is the attention of its class token in the last block, mean over heads (Caron et al. 2021, figure 1).
The compact net has none: its map is how much each position adds to the mean half of the pooled features, in the direction
that those point to.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

from retrieval.training import augment


@torch.no_grad()
def maps(backbone: nn.Module, x: torch.Tensor) -> np.ndarray:
    """(n, 3, h, w) normalised -> (n, rows, columns) float32, each from 0 to 1 over its picture."""
    found = _of_positions(backbone.maps(x)) if hasattr(backbone, "maps") else _of_class_token(backbone, x)
    return scale(found.float().cpu().numpy())


def scale(found: np.ndarray) -> np.ndarray:
    """(n, rows, columns): each map from 0 to 1; one that is the same everywhere is 0."""
    low, high = found.min((1, 2), keepdims=True), found.max((1, 2), keepdims=True)
    return ((found - low) / np.maximum(high - low, 1e-9)).astype(np.float32)


def _of_positions(features: torch.Tensor) -> torch.Tensor:
    mean = F.normalize(features.mean((2, 3)), dim=1)
    return torch.einsum("ndhw,nd->nhw", features, mean)


def _of_class_token(backbone: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """Of a timm vision transformer: recomputed from the last block's input, since fused attention keeps no weights."""
    kept: list[torch.Tensor] = []
    attention = backbone.blocks[-1].attn
    handle = attention.register_forward_hook(lambda module, given, out: kept.append(given[0]))
    try:
        backbone.eval()(x)
    finally:
        handle.remove()
    tokens = kept[0]
    n, count, dim = tokens.shape
    heads = attention.num_heads
    q, k, _ = attention.qkv(tokens).reshape(n, count, 3, heads, dim // heads).permute(2, 0, 3, 1, 4)
    weights = (q[:, :, :1] @ k.transpose(-2, -1) * (dim // heads) ** -0.5).softmax(-1)
    before = backbone.num_prefix_tokens
    rows = x.shape[2] // backbone.patch_embed.patch_size[0]
    return weights[:, :, 0, before:].mean(1).reshape(n, rows, -1)


def draw(backbone: nn.Module, pictures: np.ndarray, file: Path, *, size: tuple[int, int]) -> None:
    """`pictures` (n, h, w, 3) uint8 and below each the same with its map; a PNG. `size` (w, h) is what the net reads."""
    device = next(backbone.parameters()).device
    x = F.interpolate(augment.to_float(np.ascontiguousarray(pictures)), size[::-1], mode="bilinear", antialias=True)
    backbone.eval()
    draw_maps(pictures, maps(backbone, augment.normalise(x).to(device)), file)


def draw_maps(pictures: np.ndarray, found: np.ndarray, file: Path) -> None:
    """The picture of `pictures` (n, h, w, 3) uint8 over their maps (n, rows, columns) in [0, 1], red where most."""
    n, h, w, _ = pictures.shape
    sheet = Image.new("RGB", (n * (w + 4), 2 * h + 4), "white")
    for i, picture in enumerate(pictures):
        sheet.paste(Image.fromarray(picture), (i * (w + 4), 0))
        heat = Image.fromarray((found[i] * 255).astype(np.uint8)).resize((w, h), Image.Resampling.BICUBIC)
        share = np.asarray(heat, np.float32)[..., None] / 255
        grey = picture.mean(2, keepdims=True) * 0.6 + 60
        mixed = grey * (1 - 0.7 * share) + np.array([230.0, 40.0, 20.0]) * 0.7 * share
        sheet.paste(Image.fromarray(mixed.clip(0, 255).astype(np.uint8)), (i * (w + 4), h + 4))
    sheet.save(file, optimize=True)


def draw_served(features_map: Callable[[np.ndarray], np.ndarray], pixels: np.ndarray, file: Path) -> None:
    """The same of a served net: `features_map` gives (n, d, rows, columns) of (n, 80, 64, 3) uint8."""
    draw_maps(pixels, scale(_of_positions(torch.from_numpy(features_map(pixels))).numpy()), file)
