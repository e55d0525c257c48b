"""The last layers and the text tower trained on, over features that no longer change.

Nearly all of a training step is convolution. With the backbone fixed, every picture is read a few times once, and then
thousands of products are compared in one batch: far more negatives a second than the main loop can afford. What comes out
is kept only where the calibration part says that it is better.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from retrieval.encoders.compact_tokens import token_ids
from retrieval.training import augment
from retrieval.training.batches import Batches
from retrieval.training.captions import Captions, caption_loss
from retrieval.training.compact import Trainer
from retrieval.training.compact_config import HEAD_WEIGHTS
from retrieval.training.data import TrainData, bags, rng_for
from retrieval.training.losses import labelled_cross_entropy, multi_positive_nce
from retrieval.training.nets import CompactNet, TextNet

_CHUNK = 128


@dataclass(frozen=True, slots=True)
class Features:
    """Pooled features in half precision. `plain` (N, d) by the catalogue picture of every product that is not held out
    (zeros elsewhere); `hard` (views, N, d) by shopper's views of those with `has_hard` (N,).
    """

    plain: torch.Tensor
    hard: torch.Tensor
    has_hard: np.ndarray


def collect(
    trainer: Trainer, read_pixels: Callable[[np.ndarray], np.ndarray], views: int = 2, *, hard_share: float = 1.0,
    workers: int = 2, progress: Callable[[str], None] = print,
) -> Features:
    """Read every picture of the training and calibration parts, at full input size; the shopper's views of a random
    `hard_share` of the training part only, where time is short.

    `read_pixels`: (n, 80, 64, 3) uint8 -> (n, d) pooled features, of the net as it will be served: the heads then also
    learn to live with what int8 does to them.
    """
    data, dim = trainer.data, trainer.image_ema.backbone.dim
    batches = Batches(data, trainer.config.seed, torch.device("cpu"))
    used = np.concatenate((data.train, data.calibration))
    plain = torch.zeros(len(data.rows), dim, dtype=torch.float16)
    hard = torch.zeros(views, len(data.rows), dim, dtype=torch.float16)
    has_hard = np.zeros(len(data.rows), bool)
    has_hard[data.calibration] = True
    chance = np.random.default_rng((trainer.config.seed, 89))
    has_hard[chance.permutation(data.train)[: max(2, round(hard_share * len(data.train)))]] = True

    def read(pictures: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(read_pixels(augment.to_bytes(pictures))).half()

    def products(part: tuple[int, np.ndarray]) -> None:
        number, at = part
        rng = rng_for(trainer.config.seed, 86, number)
        plain[at] = read(augment.to_float(data.small[at]))
        at = at[has_hard[at]]
        for view in range(views if len(at) else 0):
            hard[view, at] = read(batches.shopper_views(at, rng))

    with ThreadPoolExecutor(workers) as pool:
        parts = list(enumerate(np.array_split(used, max(1, len(used) // _CHUNK))))
        for done, _ in enumerate(pool.map(products, parts)):
            if done % 50 == 0:
                progress(f"features of {done * _CHUNK} of {len(used)} products")
    return Features(plain, hard, has_hard)


def polish(
    trainer: Trainer, features: Features, *, epochs: int = 12, batch: int = 2048, rate: float = 1e-3,
    progress: Callable[[str], None] = print,
) -> tuple[CompactNet, TextNet, dict[str, dict[str, float]]]:
    """Train the products' heads, embeddings and text tower of copies of the averaged nets; returns them with measures before
    and after. A part (attributes; instance; shared space) that came out worse on the calibration products is put back. The
    head of people's photos stays: no photos are kept apart by which a change could be judged.
    """
    data, config = trainer.data, trainer.config
    image, text = copy.deepcopy(trainer.image_ema).eval(), copy.deepcopy(trainer.text_ema)
    before = measure(image, text, data, features)
    progress(f"before {before}")
    image.requires_grad_(False)
    trained = [image.shared, image.instance, *(image.heads[name] for name in HEAD_WEIGHTS)]
    for module in trained:
        module.train().requires_grad_(True)
    scale = nn.Parameter(trainer.scale.detach().clone())
    tower = list(text.train().parameters())
    optimiser = torch.optim.AdamW(
        [{"params": [p for m in trained for p in m.parameters()], "weight_decay": 0.02},
         {"params": [*tower, scale], "weight_decay": 0.02}],
        lr=rate,
    )  # fmt: skip
    parameters = [p for group in optimiser.param_groups for p in group["params"]]
    captions = Captions(data.rows)
    steps = max(1, epochs * len(data.train) // batch)
    rng = np.random.default_rng((config.seed, 88))
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1.0, (step + 1) / 20) * 0.5 * (1 + math.cos(math.pi * step / steps))
        at = rng.choice(data.train, min(batch, len(data.train)), replace=False)
        seen = np.flatnonzero(features.has_hard[at])  # places in the batch that have a shopper's view
        a = _embed(image, features.plain[at])
        b = _embed(image, features.hard[int(rng.integers(len(features.hard))), at[seen]])
        loss = torch.zeros(())
        for name, weight in HEAD_WEIGHTS.items():
            for out, rows in ((a, at), (b, at[seen])):
                labels = torch.from_numpy(data.labels[name][rows])
                loss = loss + 0.5 * weight * labelled_cross_entropy(out[name], labels, config.smoothing)
        group_of = torch.from_numpy(data.group[at])
        same = group_of[seen][:, None] == group_of[None]
        logits = b["instance"] @ a["instance"].T / config.temperature
        loss = loss + 0.5 * (multi_positive_nce(logits, same) + multi_positive_nce(logits[:, seen].T, same[:, seen].T))
        shared, shown = (a["shared"], at) if step % 4 else (b["shared"], at[seen])
        loss = loss + _title_loss(shared, text, scale, data, shown, rng, config.word_dropout)
        loss = loss + 0.5 * caption_loss(shared, text, scale, captions, shown, rng)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, config.clip)
        optimiser.step()
        if step % 40 == 0:
            progress(f"step {step} of {steps}, loss {loss.item():.3f}")
    image.eval()
    text.eval()
    after = measure(image, text, data, features)
    progress(f"after {after}")
    if after["instance_rank1"] < before["instance_rank1"]:
        image.instance.load_state_dict(trainer.image_ema.instance.state_dict())
    if after["title_recall10"] + after["category_p10"] < before["title_recall10"] + before["category_p10"]:
        image.shared.load_state_dict(trainer.image_ema.shared.state_dict())
        text.load_state_dict(trainer.text_ema.state_dict())
    for name in HEAD_WEIGHTS:
        if after[f"{name}_top1"] < before[f"{name}_top1"]:
            image.heads[name].load_state_dict(trainer.image_ema.heads[name].state_dict())
    image.requires_grad_(True)
    return image, text, {"before": before, "after": after}


def _embed(image: CompactNet, pooled: torch.Tensor) -> dict[str, torch.Tensor]:
    """Heads on stored features with a little dropout, since the features of a picture no longer vary."""
    z = pooled.float()
    if image.shared.training:
        z = z * (torch.rand_like(z) > 0.1)
    return image.embed(z)


def _title_loss(
    shared: torch.Tensor, text: TextNet, scale: torch.Tensor, data: TrainData, at: np.ndarray,
    rng: np.random.Generator, dropout: float,
) -> torch.Tensor:
    out = text(*bags([data.tokens[i] for i in at], dropout, rng))
    title = torch.from_numpy(data.title[at])
    same = title[:, None] == title[None]
    logits = shared @ out.T * scale.exp().clamp(max=100)
    return 0.5 * (multi_positive_nce(logits, same) + multi_positive_nce(logits.T, same))


@torch.no_grad()
def measure(image: CompactNet, text: TextNet, data: TrainData, features: Features) -> dict[str, float]:
    """Of the calibration products: top-1 of each head, shopper's view to own picture rank-1, title recall@10, and
    P@10 of the categories with ten products or more.
    """
    at = data.calibration
    a, b = image.embed(features.plain[at].float()), image.embed(features.hard[0, at].float())
    figures = {}
    for name in HEAD_WEIGHTS:
        labels = torch.from_numpy(data.labels[name][at])
        figures[f"{name}_top1"] = float((a[name].argmax(1) == labels)[labels >= 0].float().mean())
    group = torch.from_numpy(data.group[at])
    best = (b["instance"] @ a["instance"].T).argmax(1)
    figures["instance_rank1"] = float((group[best] == group).float().mean())
    title = torch.from_numpy(data.title[at])
    scores = text(*bags([data.tokens[i] for i in at])) @ a["shared"].T
    top = scores.topk(min(10, len(at)), 1).indices
    figures["title_recall10"] = float((title[top] == title[:, None]).any(1).float().mean())
    labels = torch.from_numpy(data.labels["category"][at])
    wanted = [c for c in range(len(data.classes["category"])) if int((labels == c).sum()) >= 10]
    if wanted:
        queries = text(*bags([token_ids(data.classes["category"][c]) for c in wanted]))
        top = (queries @ a["shared"].T).topk(10, 1).indices
        figures["category_p10"] = float((labels[top] == torch.tensor(wanted)[:, None]).float().mean())
    else:
        figures["category_p10"] = 0.0
    return {name: round(value, 4) for name, value in figures.items()}
