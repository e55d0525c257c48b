"""DINO self-distillation on unlabelled pictures (Caron et al. 2021, "Emerging Properties in Self-Supervised Vision
Transformers"): multi-crop, a momentum teacher, centring and sharpening, cosine schedules.

The student learns from all crops to say what the teacher says of the two large ones; the teacher is the student's moving
average and gets no gradient. Centring alone leads to a uniform answer, sharpening alone to a single one: both are watched.
"""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from retrieval.errors import InvalidSetting, ModelError, ModelUnavailable
from retrieval.training import augment, checkpoints, devices
from retrieval.training.data import rng_for
from retrieval.training.nets import Backbone, NetConfig


@dataclass(frozen=True, slots=True)
class DinoConfig:
    """Sizes and schedules; the defaults of the paper where a small net and a small shop leave them.

    `arch`: "compact", or a timm name such as "vit_small_patch16_224" (needs timm and torchvision). Sizes are (w, h) px.
    """

    arch: str = "compact"
    net: NetConfig = field(default_factory=NetConfig)
    seed: int = 7
    steps: int = 10_000
    batch: int = 64
    local_crops: int = 6
    global_size: tuple[int, int] = (64, 80)
    local_size: tuple[int, int] = (32, 40)
    global_scale: tuple[float, float] = (0.4, 1.0)
    local_scale: tuple[float, float] = (0.05, 0.4)
    prototypes: int = 4096
    hidden: int = 512
    bottleneck: int = 128
    learning_rate: float = 5e-4
    warmup_share: float = 0.1
    decay: tuple[float, float] = (0.04, 0.4)
    momentum: tuple[float, float] = (0.996, 1.0)
    student_temperature: float = 0.1
    teacher_temperature: tuple[float, float] = (0.04, 0.07)
    teacher_warmup_share: float = 0.3
    centre_momentum: float = 0.9
    frozen_share: float = 0.01  # of the steps, in which the prototypes do not move
    clip: float = 3.0
    drop_path: float = 0.1  # of a transformer student; the compact net has none
    bf16: bool = False
    device: str = "auto"

    @classmethod
    def of(cls, arch: str, **given: object) -> DinoConfig:
        """The sizes of the paper for a transformer (224 and 96 px, 65,536 prototypes), the defaults for the compact net."""
        if arch != "compact":
            paper = {"global_size": (224, 224), "local_size": (96, 96), "prototypes": 65_536, "hidden": 2048,
                     "bottleneck": 256, "teacher_temperature": (0.04, 0.07), "local_crops": 8}  # fmt: skip
            given = paper | given
        return cls(arch=arch, **given)


class DinoHead(nn.Module):
    """(n, dim) -> (n, prototypes): three layers, norm 1, then directions of norm 1."""

    def __init__(self, dim: int, config: DinoConfig) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(dim, config.hidden), nn.GELU(),
            nn.Linear(config.hidden, config.hidden), nn.GELU(),
            nn.Linear(config.hidden, config.bottleneck),
        )  # fmt: skip
        for layer in self.layers:
            if isinstance(layer, nn.Linear):
                nn.init.trunc_normal_(layer.weight, std=0.02)
                nn.init.zeros_(layer.bias)
        self.prototypes = nn.Parameter(torch.randn(config.prototypes, config.bottleneck))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.normalize(self.layers(x), dim=1) @ F.normalize(self.prototypes, dim=1).T


def make_backbone(config: DinoConfig, *, drop_path: float = 0.0) -> tuple[nn.Module, int]:
    """The net to pretrain and the width of its features. Raises ModelUnavailable where timm is needed and missing, and
    InvalidSetting for a name that timm does not know.
    """
    if config.arch == "compact":
        backbone = Backbone(config.net)
        return backbone, backbone.dim
    try:
        import timm
    except Exception as error:  # without torchvision, timm fails with more than an ImportError
        raise ModelUnavailable(
            f"arch {config.arch!r} needs timm and torchvision: {error}",
            hint="pip install timm torchvision, or set arch to 'compact'",
        ) from error
    if config.arch not in timm.list_models(config.arch.split(".")[0]):
        raise InvalidSetting(
            f"no arch is called {config.arch!r}: compact, or a timm name such as vit_small_patch16_224 or vit_base_patch8_224"
        )
    backbone = timm.create_model(config.arch, num_classes=0, dynamic_img_size=True, drop_path_rate=drop_path)
    backbone.register_forward_pre_hook(_as_imagenet)
    return backbone, backbone.num_features


def _as_imagenet(module: nn.Module, given: tuple[torch.Tensor]) -> tuple[torch.Tensor]:
    """Pictures as `augment.normalise` gives them, with ImageNet's mean and deviation instead, as transformers are served."""
    x = (given[0] * 64 + 127.5) / 255
    mean, deviation = ((x.new_tensor(v)[:, None, None]) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    return ((x - mean) / deviation,)


# schedules ------------------------------------------------------------------------------------------------------------


def cosine(start: float, end: float, share: float) -> float:
    """From `start` to `end` along half a cosine; `share` of the way in [0, 1]."""
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * min(1.0, max(0.0, share))))


def schedule(config: DinoConfig, step: int) -> dict[str, float]:
    """Learning rate, weight decay, teacher's momentum and temperature at a step."""
    share = step / max(1, config.steps)
    peak = config.learning_rate * config.batch / 256  # the linear rule (Goyal et al. 2017)
    if share < config.warmup_share:
        rate = peak * (step + 1) / max(1.0, config.warmup_share * config.steps)
    else:
        rate = cosine(peak, 1e-6, (share - config.warmup_share) / (1 - config.warmup_share))
    low, high = config.teacher_temperature
    return {
        "rate": min(rate, peak),
        "decay": cosine(*config.decay, share),
        "momentum": cosine(*config.momentum, share),
        "temperature": low + (high - low) * min(1.0, share / max(1e-9, config.teacher_warmup_share)),
    }


# crops ----------------------------------------------------------------------------------------------------------------


def crops(
    pictures: torch.Tensor, size: tuple[int, int], scale: tuple[float, float], rng: torch.Generator, *,
    blur: float, solarise: float,
) -> torch.Tensor:
    """One random crop of each picture: area share in `scale`, aspect 3/4 to 4/3, mirrored half of the time, colours
    shifted, grey at times, blurred and solarised with the probabilities given. Normalised for the net.
    """
    n, _, h, w = pictures.shape
    area = augment.uniform(n, *scale, rng)
    ratio = torch.exp(augment.uniform(n, math.log(3 / 4), math.log(4 / 3), rng)).sqrt()
    sx, sy = (area.sqrt() * ratio).clamp(max=1), (area.sqrt() / ratio).clamp(max=1)
    matrix = torch.zeros(n, 3, 3)
    matrix[:, 0, 0] = sx * torch.where(torch.rand(n, generator=rng) < 0.5, -1.0, 1.0)
    matrix[:, 1, 1], matrix[:, 2, 2] = sy, 1
    matrix[:, 0, 2] = (1 - sx) * augment.uniform(n, -1, 1, rng)
    matrix[:, 1, 2] = (1 - sy) * augment.uniform(n, -1, 1, rng)
    x = augment.warp(pictures, matrix, size[1], size[0])
    jitter = (torch.rand(n, generator=rng) < 0.8)[:, None, None, None]
    x = torch.where(jitter, augment.relight(x, rng, 0.8), x)
    grey = (torch.rand(n, generator=rng) < 0.2)[:, None, None, None]
    x = torch.where(grey, x.mean(1, keepdim=True).expand_as(x), x)
    soft = F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), 3, 1)
    x = torch.where((torch.rand(n, generator=rng) < blur)[:, None, None, None], soft, x)
    turned = torch.where(x > 0.5, 1 - x, x)
    x = torch.where((torch.rand(n, generator=rng) < solarise)[:, None, None, None], turned, x)
    return augment.normalise(x).contiguous(memory_format=torch.channels_last)


# loss and monitors ----------------------------------------------------------------------------------------------------


def dino_loss(
    student: list[torch.Tensor], teacher: list[torch.Tensor], centre: torch.Tensor, *, student_temperature: float,
    teacher_temperature: float,
) -> torch.Tensor:
    """Mean cross-entropy from each of the teacher's large crops to every other crop of the student.

    The first crops of `student` are the teacher's. `centre` (prototypes,) is taken from the teacher's logits.
    """
    total, count = torch.zeros((), device=centre.device), 0
    for i, t in enumerate(teacher):
        target = F.softmax((t.detach() - centre) / teacher_temperature, 1)
        for j, s in enumerate(student):
            if i != j:
                total = total - (target * F.log_softmax(s / student_temperature, 1)).sum(1).mean()
                count += 1
    return total / count


def monitors(teacher: torch.Tensor, centre: torch.Tensor, temperature: float, pooled: torch.Tensor) -> dict[str, float]:
    """What collapse looks like: `sharpness`, mean entropy of an answer over log K (1: uniform); `spread`, entropy of the
    mean answer over log K (0: all pictures get one answer); `deviation`, mean standard deviation of the pooled features of
    norm 1, times the root of their number (about 1 for directions at random, 0 where all are one).
    """
    p = F.softmax((teacher - centre) / temperature, 1)
    log_k = math.log(p.shape[1])
    mean = p.mean(0)
    z = F.normalize(pooled.float(), dim=1)
    return {
        "sharpness": float(-(p * (p + 1e-12).log()).sum(1).mean() / log_k),
        "spread": float(-(mean * (mean + 1e-12).log()).sum() / log_k),
        "deviation": float(z.std(0).mean() * math.sqrt(z.shape[1])),
    }


def collapse(values: dict[str, float]) -> str:
    """What is wrong, in words; "" while nothing is."""
    if values["deviation"] < 0.02:
        return f"all features are the same (deviation {values['deviation']:.4f})"
    if values["spread"] < 0.05:
        return f"one prototype takes every picture (spread {values['spread']:.3f})"
    if values["sharpness"] > 0.999:
        return f"every answer is uniform (sharpness {values['sharpness']:.4f})"
    return ""


# the run --------------------------------------------------------------------------------------------------------------


class Dino:
    """Student, teacher, centre, optimiser and step; all chance of a step comes from (seed, step)."""

    def __init__(self, config: DinoConfig, pictures: np.ndarray) -> None:
        """`pictures` (n, h, w, 3) uint8, all of one size."""
        if len(pictures) < 2:
            raise InvalidSetting(f"{len(pictures)} pictures: at least 2 are needed", hint="give a larger folder")
        torch.manual_seed(config.seed)
        self.config = replace(config, batch=min(config.batch, len(pictures)))
        self.pictures = pictures
        self.device = devices.pick(config.device)
        backbone, dim = make_backbone(config, drop_path=config.drop_path)
        self.student = nn.ModuleDict({"backbone": backbone, "head": DinoHead(dim, config)}).to(self.device)
        self.teacher = copy.deepcopy(self.student).requires_grad_(False)
        if config.arch != "compact":  # the teacher drops nothing
            self.teacher["backbone"], _ = make_backbone(config)
            self.teacher["backbone"].load_state_dict(self.student["backbone"].state_dict())
            self.teacher["backbone"].to(self.device).requires_grad_(False)
        self.centre = torch.zeros(config.prototypes, device=self.device)
        self.optimiser = torch.optim.AdamW(self._groups(), lr=config.learning_rate)
        self.step = 0

    def _groups(self) -> list[dict]:
        many = [p for p in self.student.parameters() if p.ndim > 1]
        few = [p for p in self.student.parameters() if p.ndim <= 1]
        return [{"params": many, "weight_decay": self.config.decay[0]}, {"params": few, "weight_decay": 0.0}]

    def do_step(self) -> dict[str, float]:
        """One step; returns the loss, the schedules and the monitors."""
        c = self.config
        now = schedule(c, self.step)
        self.optimiser.param_groups[0]["weight_decay"] = now["decay"]
        for group in self.optimiser.param_groups:
            group["lr"] = now["rate"]
        rng = rng_for(c.seed, self.step, 71)
        at = np.random.default_rng((c.seed, self.step)).permutation(len(self.pictures))[: c.batch]
        x = augment.to_float(self.pictures[at])
        large = [
            crops(x, c.global_size, c.global_scale, rng, blur=b, solarise=s) for b, s in ((1.0, 0.0), (0.1, 0.2))
        ]
        small = [crops(x, c.local_size, c.local_scale, rng, blur=0.5, solarise=0.0) for _ in range(c.local_crops)]
        self.student.train()
        self.teacher.train()
        big = torch.cat(large).to(self.device, memory_format=torch.channels_last)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=c.bf16):
            with torch.no_grad():
                pooled = self.teacher["backbone"](big)
                teacher = self.teacher["head"](pooled).float()
            features = [self.student["backbone"](big)]
            if small:
                features.append(
                    self.student["backbone"](torch.cat(small).to(self.device, memory_format=torch.channels_last))
                )
            student = self.student["head"](torch.cat(features)).float()
            loss = dino_loss(
                list(student.chunk(2 + len(small))), list(teacher.chunk(2)), self.centre,
                student_temperature=c.student_temperature, teacher_temperature=now["temperature"],
            )  # fmt: skip
        if not math.isfinite(loss.item()):
            raise ModelError(f"loss is {loss.item()} at step {self.step}", hint="resume with a lower rate")
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        if self.step < c.frozen_share * c.steps:
            self.student["head"].prototypes.grad = None
        torch.nn.utils.clip_grad_norm_(self.student.parameters(), c.clip)
        self.optimiser.step()
        watched = monitors(teacher, self.centre, now["temperature"], pooled)
        with torch.no_grad():
            self.centre = self.centre * c.centre_momentum + teacher.mean(0) * (1 - c.centre_momentum)
            for slow, fast in zip(self.teacher.parameters(), self.student.parameters(), strict=True):
                slow.lerp_(fast, 1 - now["momentum"])
        self.step += 1
        return {"loss": loss.item()} | now | watched

    def save(self, path: Path) -> None:
        """The whole state; a full disk leaves the older checkpoint whole."""
        state = {
            "config": json.loads(json.dumps(asdict(self.config))), "student": self.student.state_dict(),
            "teacher": self.teacher.state_dict(), "centre": self.centre, "optimiser": self.optimiser.state_dict(),
            "step": self.step,
        }  # fmt: skip
        checkpoints.save(state, path)

    def load(self, path: Path) -> None:
        """Go on where a checkpoint stopped. Raises InvalidSetting where its sizes are others."""
        state = torch.load(path, map_location=self.device, weights_only=True)
        ours, theirs = json.loads(json.dumps(asdict(self.config))), state["config"]
        fixed = ("arch", "net", "prototypes", "hidden", "bottleneck")
        if differing := [k for k in fixed if ours[k] != theirs[k]]:
            raise InvalidSetting(
                f"checkpoint {path} was made with another {', '.join(differing)}",
                hint="give the config it was made with, or begin a run in another folder",
            )
        self.student.load_state_dict(state["student"])
        self.teacher.load_state_dict(state["teacher"])
        self.centre, self.step = state["centre"], state["step"]
        self.optimiser.load_state_dict(state["optimiser"])


def load_backbone(path: Path) -> tuple[nn.Module, DinoConfig]:
    """The teacher's backbone of a checkpoint, ready to be trained on, and the config that it was made with.

    Raises InvalidSetting where there is no such checkpoint.
    """
    if not path.is_file():
        raise InvalidSetting(f"no checkpoint {path}", hint="outfit train pretrain FOLDER")
    state = torch.load(path, map_location="cpu", weights_only=True)
    config = read_config(DinoConfig, state["config"])
    backbone, _ = make_backbone(config)
    prefix = "backbone."
    backbone.load_state_dict({k[len(prefix) :]: v for k, v in state["teacher"].items() if k.startswith(prefix)})
    return backbone, config


def read_config(kind: type, plain: dict):
    """A config as a checkpoint keeps it: JSON's lists are tuples again, the net's sizes an object."""
    read = {k: tuple(v) if isinstance(v, list) else v for k, v in plain.items()}
    net = {k: tuple(v) if isinstance(v, list) else v for k, v in plain["net"].items()}
    return kind(**read | {"net": NetConfig(**net)})


def pretrain(
    config: DinoConfig, pictures: np.ndarray, out: Path, *, checkpoint_every: int = 200,
    stop: Callable[[], bool] = lambda: False, progress: Callable[[dict], None] = lambda line: None,
) -> Dino:
    """Run to `config.steps`, from `out/dino.pt` where there is one; lines go to `progress` and `out/dino.jsonl`.

    Collapse is said in the line (`collapse`), and ends the run after the checkpoint before it: training on would only
    write worse weights over good ones.
    """
    out.mkdir(parents=True, exist_ok=True)
    run, last = Dino(config, pictures), out / "dino.pt"
    if last.exists():
        run.load(last)
    with (out / "dino.jsonl").open("a", encoding="utf-8") as log:
        while run.step < config.steps and not stop():
            line = run.do_step()
            wrong = collapse(line) if run.step > 20 else ""
            line = {"step": run.step} | {k: round(v, 6) for k, v in line.items()} | ({"collapse": wrong} if wrong else {})
            if run.step % 10 == 0 or wrong:
                log.write(json.dumps(line) + "\n")
                log.flush()
                progress(line)
            if wrong:
                raise ModelError(
                    f"pretraining collapsed at step {run.step}: {wrong}",
                    hint="lower the rate or the teacher's temperature; the last good checkpoint is kept",
                )
            if run.step % checkpoint_every == 0:
                run.save(last)
    run.save(last)
    return run
