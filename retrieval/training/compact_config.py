"""What a run of the compact models is told: sizes, weights of the losses, rates, and what a teacher has to say."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

import torch

from retrieval.training.nets import NetConfig

HEAD_WEIGHTS = {"category": 1.0, "sub_category": 0.4, "gender": 0.5, "colour": 0.7, "usage": 0.5, "season": 0.4}


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """What a run does. `end_s` of a run is given to `train`; everything here is stored with the checkpoint.

    `small_share`: share of the run's clock at 48 x 60 input. `bank_sample`: stored embeddings compared a step.
    `learning_rate` is that of AdamW; Muon, which steps the convolutions, is scaled to steps as long as AdamW's (Liu et al. 2025).
    `distil_share`: how much of what the heads learn is a teacher's word, where there is one; the rest are the labels.
    `half`: convolutions in bfloat16 (autocast), which processors with such instructions do twice as fast; weights, norms,
    heads and losses stay in float32.
    """

    net: NetConfig = field(default_factory=NetConfig)
    seed: int = 7
    products: int = 112
    people: int = 32
    negatives: int = 384
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    warmup_steps: int = 150
    clip: float = 5.0
    smoothing: float = 0.05
    temperature: float = 0.06
    bank_sample: int = 12_000
    bank_from_step: int = 350
    small_share: float = 0.4
    half: bool = True
    ema: float = 0.995
    word_dropout: float = 0.12
    attribute_weight: float = 2.5
    instance_weight: float = 2.0
    text_weight: float = 1.0
    caption_weight: float = 1.0
    people_weight: float = 0.8
    distil_share: float = 0.6

    def as_dict(self) -> dict:
        return asdict(self)


# a GPU is idle on a processor's batches; rates follow the root of the batch, the average spans as many passes
ON_GPU = {"products": 1408, "people": 128, "negatives": 1024, "learning_rate": 4e-3, "ema": 0.997}


def config_of(checkpoint: Path) -> TrainConfig:
    """What a checkpoint's run was told to do; what this version no longer knows is left out."""
    plain = torch.load(checkpoint, map_location="cpu", weights_only=True)["config"]
    net = {k: v for k, v in plain["net"].items() if k in {f.name for f in fields(NetConfig)}}
    own = {k: v for k, v in plain.items() if k in {f.name for f in fields(TrainConfig)}}
    return TrainConfig(**own | {"net": NetConfig(**net)})


def learning_rate(config: TrainConfig, step: int, share: float) -> float:
    """Linear warm-up by steps, then a cosine to zero over the share of the clock used, in [0, 1]."""
    warm = min(1.0, (step + 1) / max(1, config.warmup_steps))
    return config.learning_rate * warm * 0.5 * (1 + math.cos(math.pi * min(1.0, max(0.0, share))))
