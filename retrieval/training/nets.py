"""The compact networks: a small residual net for pictures with several heads, a bag of hashed words for text.

Sized for processors: the stem goes to a quarter of the resolution at once, since at full resolution a CPU waits for
memory rather than computes; plain 3x3 convolutions then run near the peak of a core, depthwise ones do not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from retrieval.encoders.compact_tokens import TABLE


@dataclass(frozen=True, slots=True)
class NetConfig:
    """Sizes of the image net and the text tower. `heads`: head name -> number of classes."""

    stem: int = 32
    widths: tuple[int, ...] = (64, 128, 320)
    blocks: tuple[int, ...] = (2, 2, 2)
    features: int = 512
    shared_dim: int = 256
    instance_dim: int = 256
    token_dim: int = 192
    hidden: int = 384
    heads: Mapping[str, int] = field(default_factory=dict)

    def as_dict(self) -> dict:
        return asdict(self)


# "small" is what a processor can train in an hour; "wide" ships; "teacher" is never served, a wide net learns from it
NETS: Mapping[str, NetConfig] = {
    "small": NetConfig(),
    "wide": NetConfig(widths=(96, 192, 384), blocks=(2, 3, 3), features=576),
    "teacher": NetConfig(stem=64, widths=(160, 320, 768), blocks=(3, 4, 4), features=1024),
}


def _conv(i: int, o: int, kernel: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(i, o, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(o))


class Gate(nn.Module):
    """Channels weighted by what the whole map holds (squeeze-and-excitation, Hu et al. 2018); next to no arithmetic."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.down, self.up = nn.Linear(width, width // 8), nn.Linear(width // 8, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        gate = torch.sigmoid(self.up(F.relu(self.down(x.mean((2, 3))))))
        return x * gate[:, :, None, None]


class Residual(nn.Module):
    """Two 3x3 convolutions, a gate and a shortcut (He et al. 2015, basic block)."""

    def __init__(self, i: int, o: int, stride: int) -> None:
        super().__init__()
        self.first, self.second, self.gate = _conv(i, o, 3, stride), _conv(o, o, 3), Gate(o)
        self.shortcut = _conv(i, o, 1, stride) if i != o or stride > 1 else nn.Identity()
        nn.init.zeros_(self.second[1].weight)  # each block starts as its shortcut (Goyal et al. 2017)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.gate(self.second(F.relu(self.first(x), inplace=True)))
        return F.relu(y + self.shortcut(x), inplace=True)


class Backbone(nn.Module):
    """(n, 3, h, w) normalised pictures -> (n, 2 * features): mean and maximum over positions, side by side."""

    def __init__(self, config: NetConfig) -> None:
        super().__init__()
        first = config.widths[0]
        self.stem = nn.Sequential(*_conv(3, config.stem, 3, 2), nn.ReLU(inplace=True),
                                  *_conv(config.stem, first, 3, 2), nn.ReLU(inplace=True))
        layers, width = [], first
        for stage, (out, count) in enumerate(zip(config.widths, config.blocks, strict=True)):
            for i in range(count):
                layers.append(Residual(width, out, 2 if stage > 0 and i == 0 else 1))
                width = out
        self.blocks = nn.Sequential(*layers)
        self.last = nn.Sequential(*_conv(width, config.features, 1), nn.ReLU(inplace=True))
        self.dim = 2 * config.features

    def maps(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.blocks(self.stem(x)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        maps = self.maps(x)
        return torch.cat((maps.mean((2, 3)), maps.amax((2, 3))), 1)


class CompactNet(nn.Module):
    """The image net: one backbone, two embeddings of norm 1 (shared with text; of the instance), linear heads.

    The batch norm before each embedding has no scale or shift: it centres the space, which otherwise is a narrow cone.
    """

    def __init__(self, config: NetConfig) -> None:
        super().__init__()
        self.config = config
        self.backbone = Backbone(config)
        dim = self.backbone.dim
        self.norm = nn.BatchNorm1d(dim)
        self.shared = nn.Sequential(nn.Linear(dim, config.shared_dim, bias=False),
                                    nn.BatchNorm1d(config.shared_dim, affine=False))
        self.instance = nn.Sequential(nn.Linear(dim, config.instance_dim, bias=False),
                                      nn.BatchNorm1d(config.instance_dim, affine=False))
        self.heads = nn.ModuleDict({name: nn.Linear(dim, n) for name, n in config.heads.items()})

    def embed(self, pooled: torch.Tensor) -> dict[str, torch.Tensor]:
        z = self.norm(pooled)
        out = {"shared": F.normalize(self.shared(z), dim=1), "instance": F.normalize(self.instance(z), dim=1)}
        out.update({name: head(z) for name, head in self.heads.items()})
        return out

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return self.embed(self.backbone(x))


class TextNet(nn.Module):
    """Hashed tokens -> (n, shared_dim) of norm 1: a weighted mean of rows, then one residual layer and a projection."""

    def __init__(self, config: NetConfig) -> None:
        super().__init__()
        self.rows = nn.Embedding(TABLE, config.token_dim)
        self.weights = nn.Embedding(TABLE, 1)
        nn.init.normal_(self.rows.weight, std=0.05)
        nn.init.zeros_(self.weights.weight)
        self.norm = nn.LayerNorm(config.token_dim)
        self.up, self.down = nn.Linear(config.token_dim, config.hidden), nn.Linear(config.hidden, config.token_dim)
        self.out = nn.Linear(config.token_dim, config.shared_dim)

    def forward(self, ids: torch.Tensor, offsets: torch.Tensor) -> torch.Tensor:
        """`ids`: tokens of all texts end to end; `offsets`: where each text begins (as torch.nn.EmbeddingBag)."""
        weight = self.weights(ids).squeeze(1).exp()
        n = len(offsets)
        ends = torch.cat((offsets[1:], offsets.new_tensor([len(ids)])))
        text_of = torch.repeat_interleave(torch.arange(n, device=ids.device), ends - offsets, output_size=len(ids))
        total = weight.new_zeros(n).index_add(0, text_of, weight)
        rows = F.embedding_bag(ids, self.rows.weight, offsets, mode="sum", per_sample_weights=weight)
        x = self.norm(rows / total[:, None])
        x = x + self.down(F.relu(self.up(x)))
        return F.normalize(self.out(x), dim=1)


def untrained_reader(seed: int) -> Callable[[np.ndarray], np.ndarray]:
    """The image net as it is before training: a function from (n, 80, 64, 3) uint8 to (n, instance_dim) of norm 1."""
    torch.manual_seed(seed)
    net = CompactNet(NetConfig()).eval()

    @torch.no_grad()
    def read(pixels: np.ndarray) -> np.ndarray:
        x = (torch.from_numpy(np.ascontiguousarray(pixels)).permute(0, 3, 1, 2).float() - 127.5) / 64
        return net(x)["instance"].numpy()

    return read
