"""The compact garment detector: network, targets, loss, training on composite scenes, export to ONNX. Torch only here.

Anchor-free at one stride: heat per slot with elliptic Gaussians about each middle, and the four sides' distances
learned all over each Gaussian, which trains several times faster than at the middle alone (TTFNet, Liu et al., 2020).
"""

from __future__ import annotations

import copy
import json
import logging
import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from retrieval.detectors.compact import SLOTS, STRIDE_PX
from retrieval.errors import ModelError
from retrieval.training.composites import Scene, Studio
from retrieval.training.export import fold, round_to_half, stored_as_half

_log = logging.getLogger(__name__)
SIZE_PX = 256  # side of the square that the network looks at
WIDTHS = (24, 40, 80, 128, 192)
REGION = 0.54  # Gaussians span this share of a box (TTFNet's alpha and beta)
SIDE_PX = 32.0  # a distance is exp(output) times this


def _conv(inputs: int, outputs: int, stride: int = 1, kernel: int = 3) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(True)
    )


class _Block(nn.Module):
    """Two 3 x 3 convolutions with a shortcut (He et al., 2016)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.one = _conv(width, width)
        self.two = nn.Sequential(nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(x + self.two(self.one(x)), True)


class Network(nn.Module):
    """(n, 3, s, s) float32 -> heat logits (n, 7, s/8, s/8) and distances in px (n, 4, s/8, s/8); 2.8 M parameters."""

    def __init__(self, widths: tuple[int, ...] = WIDTHS) -> None:
        super().__init__()
        a, b, c, d, e = widths
        self.stem = nn.Sequential(_conv(3, a, 2), _conv(a, b, 2))
        self.eighth = nn.Sequential(_conv(b, c, 2), _Block(c))
        self.sixteenth = nn.Sequential(_conv(c, d, 2), _Block(d), _Block(d))
        self.thirty_second = nn.Sequential(_conv(d, e, 2), _Block(e), _Block(e))
        self.down = nn.ModuleList([_conv(e, c, kernel=1), _conv(d, c, kernel=1), _conv(c, c, kernel=1)])
        self.merge = _conv(c, c)
        self.look = nn.Sequential(_conv(c, c), _conv(c, c))
        self.heat = nn.Conv2d(c, len(SLOTS), 1)
        self.sides = nn.Conv2d(c, 4, 1)
        nn.init.constant_(self.heat.bias, -4.0)  # a garment's middle is rare: start from confidence 0.02
        nn.init.normal_(self.sides.weight, std=0.01)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        fine = self.eighth(self.stem(x))
        middle = self.sixteenth(fine)
        coarse = self.thirty_second(middle)
        merged = F.interpolate(self.down[0](coarse), scale_factor=2.0, mode="nearest") + self.down[1](middle)
        merged = F.interpolate(merged, scale_factor=2.0, mode="nearest") + self.down[2](fine)
        seen = self.look(self.merge(merged))
        return self.heat(seen), torch.exp(self.sides(seen).clamp(-4, 3)) * SIDE_PX


@dataclass(frozen=True, slots=True)
class Targets:
    """What the network should say about one scene, on its (h, w) grid.

    `heat`: (7, h, w) in [0, 1]. `counts`: (h, w), 0 where the heat is not judged. `box`: (4, h, w) xyxy px.
    `weight`: (h, w), how much each place's distances count; each garment's sum to the logarithm of its area.
    """

    heat: np.ndarray
    counts: np.ndarray
    box: np.ndarray
    weight: np.ndarray


def targets(scene: Scene, stride_px: int = STRIDE_PX) -> Targets:
    """Gaussians about each garment's middle, the larger first, so that a small one before a large one keeps its own."""
    side = scene.rgb.shape[0] // stride_px
    heat = np.zeros((len(SLOTS), side, side), np.float32)
    counts = np.ones((side, side), np.float32)
    box, weight = np.zeros((4, side, side), np.float32), np.zeros((side, side), np.float32)
    grid = (np.arange(side, dtype=np.float32) + 0.5) * stride_px
    for x0, y0, x1, y1 in scene.unclear:
        counts[np.ix_((grid > y0) & (grid < y1), (grid > x0) & (grid < x1))] = 0
    areas = (scene.boxes[:, 2] - scene.boxes[:, 0]) * (scene.boxes[:, 3] - scene.boxes[:, 1])
    for k in np.argsort(-areas, kind="stable"):
        x0, y0, x1, y1 = scene.boxes[k]
        spread_x, spread_y = max(REGION * (x1 - x0) / 6, 2.0), max(REGION * (y1 - y0) / 6, 2.0)
        cx, cy = (x0 + x1) / 2, (y0 + y1) / 2
        # the place nearest to the middle is 1, whatever the middle's fraction of a stride
        px, py = (np.clip(int(v // stride_px), 0, side - 1) for v in (cx, cy))
        along_x = np.exp(-((grid - grid[px]) ** 2) / (2 * spread_x**2))
        along_y = np.exp(-((grid - grid[py]) ** 2) / (2 * spread_y**2))
        gauss = along_y[:, None] * along_x[None]
        gauss[gauss < 0.011] = 0  # beyond three standard deviations
        heat[scene.slots[k]] = np.maximum(heat[scene.slots[k]], gauss)
        region = gauss > 0.011
        share = np.log(max(areas[k] / stride_px**2, 2.0)) * gauss / gauss.sum()
        box[:, region] = np.array([x0, y0, x1, y1], np.float32)[:, None]
        weight[region] = share[region]
        counts[py, px] = 1
    return Targets(heat, counts, box, weight)


def heat_loss(logits: torch.Tensor, heat: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
    """Focal loss on Gaussians (CornerNet, Law and Deng, 2018: alpha 2, beta 4), by the number of garments.

    `logits`, `heat`: (n, 7, h, w); `counts`: (n, h, w).
    """
    p = torch.sigmoid(logits).clamp(1e-4, 1 - 1e-4)
    is_middle = (heat > 0.999).float()
    hit = -torch.log(p) * (1 - p) ** 2 * is_middle
    miss = -torch.log(1 - p) * p**2 * (1 - heat) ** 4 * (1 - is_middle) * counts[:, None]
    return (hit.sum() + miss.sum()) / is_middle.sum().clamp(min=1)


def side_loss(sides: torch.Tensor, box: torch.Tensor, weight: torch.Tensor, stride_px: int = STRIDE_PX) -> torch.Tensor:
    """1 - GIoU (Rezatofighi et al., 2019), weighted. `sides`, `box`: (n, 4, h, w) px; `weight`: (n, h, w)."""
    n, _, h, w = sides.shape
    at = weight > 0
    if not at.any():
        return sides.sum() * 0
    y, x = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
    x, y = ((v.float() + 0.5) * stride_px for v in (x, y))
    x, y = x.expand(n, h, w)[at], y.expand(n, h, w)[at]
    left, top, right, bottom = sides.permute(0, 2, 3, 1)[at].unbind(1)
    x0, y0, x1, y1 = x - left, y - top, x + right, y + bottom
    u0, v0, u1, v1 = box.permute(0, 2, 3, 1)[at].unbind(1)
    both = (torch.minimum(x1, u1) - torch.maximum(x0, u0)).clamp(min=0)
    both = both * (torch.minimum(y1, v1) - torch.maximum(y0, v0)).clamp(min=0)
    either = (x1 - x0) * (y1 - y0) + (u1 - u0) * (v1 - v0) - both
    hull = (torch.maximum(x1, u1) - torch.minimum(x0, u0)) * (torch.maximum(y1, v1) - torch.minimum(y0, v0))
    giou = both / either - (hull - either) / hull
    weights = weight[at]
    return ((1 - giou) * weights).sum() / weights.sum()


def batch_of(scenes: list[Scene]) -> tuple[torch.Tensor, ...]:
    """Scenes -> input (n, 3, s, s) float32, heat, counts, box, weight."""
    rgb = torch.from_numpy(np.stack([s.rgb for s in scenes])).permute(0, 3, 1, 2).float()
    aims = [targets(s) for s in scenes]
    stacked = (torch.from_numpy(np.stack([getattr(a, n) for a in aims])) for n in ("heat", "counts", "box", "weight"))
    return ((rgb - 127.5) / 64).contiguous(memory_format=torch.channels_last), *stacked


@dataclass(frozen=True, slots=True)
class Recipe:
    """How long and how fast: `seconds` of training in all, over which the learning rate rises (4 %) and falls to 0."""

    seconds: float
    batch: int = 16
    rate: float = 1.3e-3
    decay: float = 0.03
    seed: int = 0
    small_px: int = 160
    small_share: float = 0.3  # of the time
    half: bool = True  # convolutions in bfloat16: twice as fast on processors that have it, slower on others
    repeats: int = 3  # each scene is seen so often, mostly mirrored: making one costs a third of a step


def rate_at(share: float, top: float) -> float:
    """Learning rate when `share` in [0, 1] of the time is gone: a rise over 4 %, then a cosine to zero."""
    if share < 0.04:
        return top * max(share, 0.001) / 0.04
    return top * 0.5 * (1 + math.cos(math.pi * min(1.0, (share - 0.04) / 0.96)))


def flipped(scene: Scene) -> Scene:
    """The scene in a mirror."""
    size = scene.rgb.shape[1]
    turn = [[size - b[:, 2], b[:, 1], size - b[:, 0], b[:, 3]] for b in (scene.boxes, scene.unclear)]
    boxes, unclear = (np.stack(t, 1).astype(np.float32) for t in turn)
    return Scene(np.ascontiguousarray(scene.rgb[:, ::-1]), boxes, scene.slots, unclear, scene.kind)


def take_over(network: Network, exported: Path, pictures: torch.Tensor) -> None:
    """Give the network the weights of one that was exported, so that training goes on from it.

    An exported network has its normalisations folded in. Each is set anew from what `pictures` (n, 3, s, s; as `batch_of`
    makes them) give at its place, so that on them the network says in training what the exported one said.
    Raises ModelError where the file holds a network of other sizes.
    """
    import onnx
    from onnx import numpy_helper

    stored = {
        tensor.name.removeprefix("network.").removesuffix("_half"): torch.from_numpy(numpy_helper.to_array(tensor).copy())
        for tensor in onnx.load(exported).graph.initializer
    }
    modules = dict(network.named_modules())

    def set_norm(norm: nn.BatchNorm2d, bias: torch.Tensor, seen: torch.Tensor) -> None:
        mean, variance = seen.mean((0, 2, 3)), seen.var((0, 2, 3), unbiased=False)
        norm.weight.copy_((variance + norm.eps).sqrt())
        norm.bias.copy_(mean + bias)

    hooks = []
    with torch.no_grad():
        for name, module in modules.items():
            if not isinstance(module, nn.Conv2d):
                continue
            weight, bias = (stored.get(f"{name}.{part}") for part in ("weight", "bias"))
            if weight is None or bias is None or weight.shape != module.weight.shape:
                raise ModelError(
                    f"{exported} is not this network: {name} is {None if weight is None else tuple(weight.shape)}, "
                    f"expected {tuple(module.weight.shape)}",
                    hint="begin without --begin-with, or give a file that this version exported",
                )
            module.weight.copy_(weight)
            if module.bias is not None:
                module.bias.copy_(bias)
                continue
            parent, _, place = name.rpartition(".")
            norm = modules[f"{parent}.{int(place) + 1}"]
            hooks.append(norm.register_forward_pre_hook(lambda m, args, b=bias: set_norm(m, b, args[0])))
        network.train()(pictures)
    for hook in hooks:
        hook.remove()


def train(
    studio: Studio, recipe: Recipe, folder: Path, *, begin_with: Path | None = None, save_every_s: float = 120.0
) -> Network:
    """Train until `recipe.seconds` are spent, over all runs together; go on from `folder`/last.pt where it is there, else
    from the exported network in `begin_with` where one is given.

    Scenes are of `small_px` for the first part of the time: the net learns what garments look like at less of the cost.

    The folder gets last.pt (all that a run needs to go on), network.pt (averaged weights) and log.jsonl (losses).
    """
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(recipe.seed)
    network = Network().to(memory_format=torch.channels_last)
    last = folder / "last.pt"
    if begin_with is not None and not last.is_file():
        first = np.random.default_rng([recipe.seed, 0])
        take_over(network, begin_with, batch_of([studio.scene(first, size_px=recipe.small_px) for _ in range(32)])[0])
    average = Network()
    average.load_state_dict(network.state_dict())
    by_decay = [[p for p in network.parameters() if (p.ndim > 1) is is_matrix] for is_matrix in (True, False)]
    groups = [{"params": by_decay[0], "weight_decay": recipe.decay}, {"params": by_decay[1], "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=recipe.rate)
    step, spent = 0, 0.0
    if last.is_file():
        state = torch.load(last, weights_only=True)
        network.load_state_dict(state["network"])
        average.load_state_dict(state["average"])
        optimiser.load_state_dict(state["optimiser"])
        step, spent = state["step"], state["spent"]
        _log.info("going on at step %d, %.0f of %.0f s spent", step, spent, recipe.seconds)
    rng = np.random.default_rng([recipe.seed, step])
    again: list[Scene] = []
    saved = time.monotonic()
    started = saved - spent
    losses = None
    while (spent := time.monotonic() - started) < recipe.seconds:
        for group in optimiser.param_groups:
            group["lr"] = rate_at(spent / recipe.seconds, recipe.rate)
        size_px = recipe.small_px if spent < recipe.small_share * recipe.seconds else SIZE_PX
        again = [scene for scene in again if scene.rgb.shape[0] == size_px]
        if len(again) >= recipe.batch * 12:
            picks = rng.permutation(len(again))
            scenes = [flipped(again[i]) if rng.random() < 0.7 else again[i] for i in picks[: recipe.batch]]
            again = [again[i] for i in picks[recipe.batch :]]
        else:
            scenes = [studio.scene(rng, size_px=size_px) for _ in range(recipe.batch)]
            again += scenes * (recipe.repeats - 1)
        rgb, heat, counts, box, weight = batch_of(scenes)
        network.train()
        with torch.autocast("cpu", torch.bfloat16, enabled=recipe.half):
            logits, sides = (out.float() for out in network(rgb))
        parts = heat_loss(logits, heat, counts), side_loss(sides, box, weight)
        loss = parts[0] + 2.0 * parts[1]
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 10.0)
        optimiser.step()
        step += 1
        keep = min(0.998, step / (step + 10))
        with torch.no_grad():
            for mean, now in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
                if mean.dtype.is_floating_point:
                    mean.lerp_(now, 1 - keep)
                else:
                    mean.copy_(now)
        now = np.array([float(part.detach()) for part in parts])
        losses = now if losses is None else 0.98 * losses + 0.02 * now
        if step % 50 == 0:
            line = {"step": step, "spent_s": round(spent, 1), "heat": round(losses[0], 4), "sides": round(losses[1], 4)}
            with (folder / "log.jsonl").open("a") as log:
                log.write(json.dumps(line) + "\n")
        if time.monotonic() - saved > save_every_s:
            saved = time.monotonic()
            _save(folder, network, average, optimiser, step, spent)
    _save(folder, network, average, optimiser, step, recipe.seconds)
    return average


def _save(folder: Path, network: Network, average: Network, optimiser, step: int, spent: float) -> None:
    state = {
        "network": network.state_dict(),
        "average": average.state_dict(),
        "optimiser": optimiser.state_dict(),
        "step": step,
        "spent": spent,
    }
    for name, what in (("last.pt", state), ("network.pt", average.state_dict())):
        torch.save(what, folder / f"{name}.part")
        (folder / f"{name}.part").replace(folder / name)  # a run killed here leaves the last good file


class _Served(nn.Module):
    """The network as it is exported: heat in [0, 1] instead of logits."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        heat, sides = self.network(image)
        return torch.sigmoid(heat), sides


def export(network: Network, path: Path) -> float:
    """Write ONNX (batch 1, weights stored as float16, computed in float32).

    Returns the largest difference to torch, relative to 1 for heat and to the input's side for distances.
    """
    import onnx
    import onnxruntime

    served = _Served(fold(copy.deepcopy(network).eval())).eval()
    example = torch.randn(1, 3, SIZE_PX, SIZE_PX, generator=torch.Generator().manual_seed(0))
    round_to_half(served)
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(served, (example,), path, input_names=["image"], output_names=["heat", "sides"], dynamo=False)
    model = onnx.load(path)
    onnx.save(stored_as_half(model), path)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    heat, sides = session.run(None, {"image": example.numpy()})
    with torch.no_grad():
        expected = [t.numpy() for t in served(example)]
    return float(max(np.abs(heat - expected[0]).max(), np.abs(sides - expected[1]).max() / SIZE_PX))
