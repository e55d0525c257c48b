"""Fine-tuning a backbone on labelled pictures by one of several losses, comparable by one key of the config.

`loss`: "cross_entropy" over classes; "supervised_contrastive" (Khosla et al. 2020, L_out); "triplet_hard", the hardest
positive and negative of each anchor in the batch (Hermans et al. 2017); "triplet_random", one positive and one negative
at random, which is known to need many more epochs and stands here for comparison. The contrastive and triplet losses and
the mining are pytorch-metric-learning's. What a class is (a category, a product) is the caller's: labels are numbers.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from retrieval.errors import InvalidSetting, ModelError
from retrieval.evaluation import metrics
from retrieval.training import augment, checkpoints, devices
from retrieval.training.data import rng_for
from retrieval.training.nets import Backbone, NetConfig

Loss = Literal["cross_entropy", "supervised_contrastive", "triplet_hard", "triplet_random"]
LOSSES: tuple[Loss, ...] = ("cross_entropy", "supervised_contrastive", "triplet_hard", "triplet_random")


@dataclass(frozen=True, slots=True)
class FinetuneConfig:
    """A batch holds `classes` classes with `each` pictures (views of one where a class has fewer)."""

    loss: Loss = "cross_entropy"
    net: NetConfig = field(default_factory=NetConfig)
    seed: int = 7
    steps: int = 2000
    classes: int = 16
    each: int = 4
    dim: int = 128
    learning_rate: float = 1e-3
    warmup_steps: int = 100
    decay: float = 0.05
    temperature: float = 0.1
    margin: float = 0.2
    smoothing: float = 0.05
    size: tuple[int, int] = (64, 80)
    bf16: bool = False
    device: str = "auto"


# losses ---------------------------------------------------------------------------------------------------------------


def supervised_contrastive(z: torch.Tensor, labels: torch.Tensor, temperature: float) -> torch.Tensor:
    """L_out of Khosla et al. 2020: mean over anchors of the mean over their positives of -log softmax over all others.

    `z` (n, d) of norm 1. Anchors without a positive are left out; where there is none at all the loss is zero.
    """
    from pytorch_metric_learning.losses import SupConLoss

    return SupConLoss(temperature=temperature)(z, labels)


def triplet_hard(z: torch.Tensor, labels: torch.Tensor, margin: float) -> torch.Tensor:
    """Mean of max(0, margin + farthest positive - closest negative) over anchors that have both; `z` of norm 1."""
    from pytorch_metric_learning.miners import BatchHardMiner

    return _triplets(margin)(z, labels, BatchHardMiner()(z, labels))


def triplet_random(z: torch.Tensor, labels: torch.Tensor, margin: float, rng: torch.Generator) -> torch.Tensor:
    """The same with one positive and one negative drawn at random for each anchor."""
    with torch.random.fork_rng(devices=[]):  # the library draws from torch's own generator
        torch.manual_seed(int(torch.randint(2**31, (1,), generator=rng)))
        return _triplets(margin, triplets_per_anchor=1)(z, labels)


def _triplets(margin: float, triplets_per_anchor: int | str = "all") -> nn.Module:
    from pytorch_metric_learning.losses import TripletMarginLoss
    from pytorch_metric_learning.reducers import MeanReducer

    return TripletMarginLoss(margin=margin, triplets_per_anchor=triplets_per_anchor, reducer=MeanReducer())


# the run --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Start:
    """What a run begins from instead of chance: a backbone, and where they are known the norm and projection after it."""

    backbone: nn.Module
    norm: nn.BatchNorm1d | None = None
    project: nn.Linear | None = None


class Finetune:
    """Backbone, projection of norm 1, class head, optimiser and step."""

    def __init__(
        self, config: FinetuneConfig, pictures: np.ndarray, labels: np.ndarray, *, start: Start | None = None
    ) -> None:
        """`pictures` (n, h, w, 3) uint8 of one size, `labels` (n,) int. `start`: pretrained, else fresh weights."""
        if config.loss not in LOSSES:
            raise InvalidSetting(f"no loss is called {config.loss!r}: there are {', '.join(LOSSES)}")
        self.classes = np.unique(labels)
        if len(self.classes) < 2:
            raise InvalidSetting(
                f"all {len(labels)} pictures are of one class: at least 2 classes are needed",
                hint="put the pictures of each class into a folder of its own, or pretrain without labels",
            )
        torch.manual_seed(config.seed)
        self.config, self.pictures = config, pictures
        self.labels = np.searchsorted(self.classes, labels)
        self.members = [np.flatnonzero(self.labels == c) for c in range(len(self.classes))]
        self.device = devices.pick(config.device)
        self.backbone = start.backbone if start is not None else Backbone(config.net)
        dim = getattr(self.backbone, "dim", None) or self.backbone.num_features
        self.norm = start.norm if start is not None and start.norm is not None else nn.BatchNorm1d(dim)
        self.project = nn.Linear(dim, config.dim)
        if start is not None and start.project is not None:
            self.project = start.project
        self.head = nn.Linear(self.project.out_features, len(self.classes))
        self.parts = nn.ModuleDict(
            {"backbone": self.backbone, "norm": self.norm, "project": self.project, "head": self.head}
        ).to(self.device)
        self.optimiser = torch.optim.AdamW(
            self.parts.parameters(), lr=config.learning_rate, weight_decay=config.decay
        )
        self.step = 0

    def _embed(self, x: torch.Tensor) -> torch.Tensor:
        return F.normalize(self.project(self.norm(self.backbone(x))), dim=1)

    def do_step(self) -> dict[str, float]:
        """One step of `classes` x `each` pictures; all its chance comes from (seed, step)."""
        c = self.config
        chance = np.random.default_rng((c.seed, self.step, 61))
        chosen = chance.permutation(len(self.classes))[: c.classes]
        at = np.concatenate(
            [chance.choice(self.members[k], c.each, replace=len(self.members[k]) < c.each) for k in chosen]
        )
        labels = torch.from_numpy(np.repeat(chosen, c.each))
        rng = rng_for(c.seed, self.step, 62)
        x = augment.normalise(augment.people_view(augment.to_float(self.pictures[at]), augment.Size(*c.size), rng))
        warm = min(1.0, (self.step + 1) / max(1, c.warmup_steps))
        rate = c.learning_rate * warm * 0.5 * (1 + math.cos(math.pi * min(1.0, self.step / max(1, c.steps))))
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.parts.train()
        labels = labels.to(self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=c.bf16):
            z = self._embed(x.to(self.device, memory_format=torch.channels_last))
            logits = self.head(z) / c.temperature if c.loss == "cross_entropy" else None
        z = z.float()
        if c.loss == "cross_entropy":
            loss = F.cross_entropy(logits.float(), labels, label_smoothing=c.smoothing)
        elif c.loss == "supervised_contrastive":
            loss = supervised_contrastive(z, labels, c.temperature)
        elif c.loss == "triplet_hard":
            loss = triplet_hard(z, labels, c.margin)
        else:
            loss = triplet_random(z, labels, c.margin, rng)
        if not math.isfinite(loss.item()):
            raise ModelError(f"loss is {loss.item()} at step {self.step}", hint="lower the rate")
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parts.parameters(), 5.0)
        self.optimiser.step()
        self.step += 1
        return {"loss": loss.item(), "rate": rate}

    @torch.no_grad()
    def encode(self, pictures: np.ndarray) -> np.ndarray:
        """(n, h, w, 3) uint8 -> (n, dim) float32 of norm 1."""
        self.parts.eval()
        out = []
        for part in np.array_split(pictures, max(1, len(pictures) // 128)):
            x = F.interpolate(augment.to_float(part), self.config.size[::-1], mode="bilinear", antialias=True)
            x = augment.normalise(x).to(self.device, memory_format=torch.channels_last)
            out.append(self._embed(x).float().cpu())
        return torch.cat(out).numpy()

    def save(self, path: Path) -> None:
        """The whole state; a full disk leaves the older checkpoint whole."""
        state = {
            "config": json.loads(json.dumps(asdict(self.config))), "classes": self.classes.tolist(),
            "parts": self.parts.state_dict(), "optimiser": self.optimiser.state_dict(), "step": self.step,
        }  # fmt: skip
        checkpoints.save(state, path)

    def load(self, path: Path) -> None:
        """Go on where a checkpoint stopped. Raises InvalidSetting where loss, sizes or classes are others."""
        state = torch.load(path, map_location=self.device, weights_only=True)
        ours = json.loads(json.dumps(asdict(self.config)))
        differing = [k for k in ("loss", "net", "dim") if ours[k] != state["config"][k]]
        if state["classes"] != self.classes.tolist():
            differing.append("classes")
        if differing:
            raise InvalidSetting(
                f"checkpoint {path} was made with another {', '.join(differing)}",
                hint="give the config it was made with, or begin a run in another folder",
            )
        self.parts.load_state_dict(state["parts"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step = state["step"]


def finetune(
    config: FinetuneConfig, pictures: np.ndarray, labels: np.ndarray, out: Path, *, start: Start | None = None,
    checkpoint_every: int = 200, stop: Callable[[], bool] = lambda: False,
    progress: Callable[[dict], None] = lambda line: None,
) -> Finetune:
    """Run to `config.steps`, from `out/finetune.pt` where there is one; lines go to `progress` and the log beside it."""
    out.mkdir(parents=True, exist_ok=True)
    run, last = Finetune(config, pictures, labels, start=start), out / "finetune.pt"
    if last.exists():
        run.load(last)
    with (out / "finetune.jsonl").open("a", encoding="utf-8") as log:
        while run.step < config.steps and not stop():
            line = run.do_step()
            if run.step % 10 == 0:
                line = {"step": run.step} | {k: round(v, 6) for k, v in line.items()}
                log.write(json.dumps(line) + "\n")
                log.flush()
                progress(line)
            if run.step % checkpoint_every == 0:
                run.save(last)
    run.save(last)
    return run


def retrieval_figures(vectors: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Each picture as a query against all others: CMC@1 and @5 and mAP@10 by label, with chance at CMC@1."""
    scores = vectors @ vectors.T
    np.fill_diagonal(scores, -np.inf)
    same = labels[:, None] == labels[None]
    np.fill_diagonal(same, False)
    answerable = same.any(1)
    order = np.argsort(-scores[answerable], axis=1, kind="stable")[:, :-1]
    ranked = np.take_along_axis(same[answerable], order, 1)
    ranks = ranked.argmax(1) + 1
    return {
        "cmc1": metrics.cmc_at_k(ranks, 1),
        "cmc5": metrics.cmc_at_k(ranks, 5),
        "map10": metrics.mean_average_precision(ranked, ranked.sum(1), 10),
        "cmc1_chance": float(ranked.mean()),
        "queries": float(answerable.sum()),
    }
