"""Training of the compact image and text models: one loop, resumable at any step, scheduled by the clock.

All chance of a step comes from (seed, step, worker): a run that is stopped and resumed does the step that it would have
done. Workers are threads, each with its share of the batch and one thread of arithmetic; they meet once before the losses
and once after, which on busy processors costs far less than sharing every operation.
"""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from retrieval.encoders.photo_classes import COMPATIBLE
from retrieval.errors import InvalidSetting, ModelError
from retrieval.training import augment, cache, checkpoints, devices
from retrieval.training.batches import Batches, Chunk, stacked
from retrieval.training.captions import Captions, caption_loss
from retrieval.training.compact_config import HEAD_WEIGHTS, TrainConfig, config_of, learning_rate
from retrieval.training.data import TrainData, bags, rng_for
from retrieval.training.losses import coarse_cross_entropy, divergence, labelled_cross_entropy, multi_positive_nce
from retrieval.training.nets import CompactNet, TextNet

SAID_EVERY = 20  # steps: how often losses are told on a GPU


def shrunk(x: torch.Tensor, config: TrainConfig, share: float) -> torch.Tensor:
    """Pictures as a step takes them at a share of the clock in [0, 1]: the cheap steps come first."""
    if share >= config.small_share:
        return x
    return F.interpolate(x, (60, 48), mode="bilinear", antialias=True, align_corners=False)


def kernels(backbone: torch.nn.Module) -> list[tuple[torch.nn.Parameter, torch.nn.Parameter]]:
    """The backbone's convolutions but the first, each with its weight as a matrix (out, in * height * width) that shares
    the same memory: what Muon orthogonalises (Jordan et al. 2024). Weights must be channels_last.
    """
    weights = [m.weight for m in backbone.modules() if isinstance(m, torch.nn.Conv2d)][1:]
    return [(w, torch.nn.Parameter(w.detach().permute(0, 2, 3, 1).flatten(1))) for w in weights]


class Trainer:
    """The state of a run: nets, their moving averages, optimiser, bank of embeddings, step and clock."""

    def __init__(
        self, config: TrainConfig, data: TrainData, workers: int = 2, *, device: str = "cpu", teacher: CompactNet | None = None
    ) -> None:
        heads = {name: len(c) for name, c in data.classes.items()} | {"people": len(cache.PEOPLE_CLASSES)}
        self.config = replace(config, net=replace(config.net, heads=heads))
        self.device = devices.pick(device)
        self.data, self.workers = data, workers if self.device.type == "cpu" else 1
        self.batches = Batches(data, config.seed, self.device)
        torch.manual_seed(config.seed)
        self.image = CompactNet(self.config.net).to(self.device, memory_format=torch.channels_last)
        self.text = TextNet(self.config.net).to(self.device)
        self.scale = torch.nn.Parameter(torch.tensor(math.log(1 / 0.07), device=self.device))
        self.image_ema, self.text_ema = copy.deepcopy(self.image), copy.deepcopy(self.text)
        self.teacher = teacher and teacher.to(self.device, memory_format=torch.channels_last).eval().requires_grad_(False)
        self.kernels = kernels(self.image.backbone)
        by_muon = {id(weight) for weight, _ in self.kernels}
        others = [p for m in (self.image, self.text) for p in m.parameters() if id(p) not in by_muon]
        decay = [p for p in others if p.ndim > 1]
        plain = [p for p in others if p.ndim <= 1] + [self.scale]
        self.adamw = torch.optim.AdamW(
            [{"params": decay, "weight_decay": config.weight_decay}, {"params": plain, "weight_decay": 0.0}],
            lr=config.learning_rate, fused=self.device.type == "cuda",
        )
        self.muon = torch.optim.Muon(
            [matrix for _, matrix in self.kernels], lr=config.learning_rate, weight_decay=config.weight_decay,
            adjust_lr_fn="match_rms_adamw",
        )
        self.bank = torch.zeros(len(data.rows), config.net.instance_dim, device=self.device)
        self.bank_filled = torch.zeros(len(data.rows), dtype=torch.bool)
        self.group, self.title = (torch.from_numpy(a).to(self.device) for a in (data.group, data.title))
        self.captions = Captions(data.rows)
        fine = {c: i for i, c in enumerate(data.classes["category"])}
        compatible = torch.zeros(len(cache.PEOPLE_CLASSES), len(fine), dtype=torch.bool)
        for i, name in enumerate(cache.PEOPLE_CLASSES):
            compatible[i, [fine[c] for c in COMPATIBLE[name] if c in fine]] = True
        self.told = compatible.any(0)  # (fine,) categories that say something of the ten classes
        self.coarse_ok = bool(compatible.any(1).all())
        self.compatible = compatible.to(self.device)
        self.step, self.share, self.seconds = 0, 0.0, 0.0
        self.pool = ThreadPoolExecutor(self.workers) if self.workers > 1 else None

    # one step -------------------------------------------------------------------------------------------------

    def _map(self, work: Callable, parts: Sequence) -> list:
        return list(self.pool.map(work, parts)) if self.pool else [work(p) for p in parts]

    def _there(self, values: torch.Tensor) -> torch.Tensor:
        """On the run's device, without waiting for it."""
        return values.to(self.device, non_blocking=True)

    def _loss(
        self, out: dict[str, torch.Tensor], products: np.ndarray, people: torch.Tensor, taught: dict[str, torch.Tensor] | None
    ) -> dict[str, torch.Tensor]:
        """Losses by name. Rows of `out`, and of what a teacher said: view A of all products, view B of all products, people's
        photos. `people` (k, classes): what share of each photo is of which class.
        """
        c, d, n = self.config, self.data, len(products)
        share = c.distil_share if taught else 0.0
        losses = {}
        for name, weight in HEAD_WEIGHTS.items():
            labels = torch.from_numpy(d.labels[name][products]).repeat(2)
            own = labelled_cross_entropy(out[name][: 2 * n], labels, c.smoothing)
            losses[name] = c.attribute_weight * weight * (1 - share) * own
        losses["text"] = c.text_weight * self._text_loss(out["shared"][: 2 * n], products)
        losses["caption"] = c.caption_weight * caption_loss(
            out["shared"][: 2 * n], self.text, self.scale, self.captions, np.tile(products, 2),
            np.random.default_rng((c.seed, self.step, 333)),
        )
        losses["instance"] = c.instance_weight * self._instance_loss(out["instance"][: 2 * n], products)
        if len(people):
            own = F.cross_entropy(out["people"][2 * n :], self._there(people), label_smoothing=c.smoothing)
            if self.coarse_ok:
                whole = torch.nonzero(people.amax(1) == 1).flatten()  # photos that are not laid over another one
                own = own + 0.3 * coarse_cross_entropy(
                    out["category"][self._there(2 * n + whole)], people[whole].argmax(1), self.compatible
                )
                fine = torch.from_numpy(d.labels["category"][products])
                at = torch.nonzero((fine >= 0) & self.told[fine]).flatten()
                if len(at):  # the shopper's views of products, by what their category may be among the ten
                    own = own + 0.3 * coarse_cross_entropy(out["people"][self._there(n + at)], fine[at], self.compatible.T)
            losses["people"] = c.people_weight * (1 - share) * own
        if taught:
            losses["distil"] = self._distil_loss(out, taught)
        return losses

    def _distil_loss(self, out: dict[str, torch.Tensor], taught: dict[str, torch.Tensor]) -> torch.Tensor:
        """The teacher's answers to the very same pictures (Beyer et al. 2022), and its places in both spaces where they are
        as wide as these.
        """
        c = self.config
        weights = {name: c.attribute_weight * weight for name, weight in HEAD_WEIGHTS.items()}
        heads = weights | {"people": c.people_weight}
        loss = sum(c.distil_share * weight * divergence(out[name], taught[name]) for name, weight in heads.items())
        for space, weight in (("shared", c.text_weight), ("instance", c.instance_weight)):
            if out[space].shape == taught[space].shape:
                loss = loss + weight * (1 - (out[space] * taught[space]).sum(1).mean())
        return loss

    def _text_loss(self, shared: torch.Tensor, products: np.ndarray) -> torch.Tensor:
        c, d, n = self.config, self.data, len(products)
        rng = np.random.default_rng((c.seed, self.step, 555))
        more = rng.choice(d.train, min(c.negatives, len(d.train)), replace=False)
        at = np.concatenate((products, more))
        text = self.text(*map(self._there, bags([d.tokens[i] for i in at], c.word_dropout, rng)))
        title_of_text = self.title[self._there(torch.from_numpy(at))]
        title_of_picture = title_of_text[:n].repeat(2)
        logits = shared @ text.T * self.scale.exp().clamp(max=100)
        same = title_of_picture[:, None] == title_of_text[None]
        back = same[:, :n].T
        return 0.5 * (multi_positive_nce(logits, same) + multi_positive_nce(logits[:, :n].T, back))

    def _instance_loss(self, z: torch.Tensor, products: np.ndarray) -> torch.Tensor:
        c, n = self.config, len(products)
        a, b = z[:n], z[n:]
        own = self._there(torch.from_numpy(products))
        same = self.group[own][:, None] == self.group[own][None]
        logits = b @ a.T / c.temperature
        loss = 0.5 * (multi_positive_nce(logits, same) + multi_positive_nce(logits.T, same))
        if self.step >= c.bank_from_step:
            rng = np.random.default_rng((c.seed, self.step, 777))
            filled = torch.nonzero(self.bank_filled).flatten()
            chosen = self._there(filled[torch.from_numpy(rng.permutation(len(filled))[: c.bank_sample])])
            apart = self.group[own][:, None] != self.group[chosen][None]
            far = (b @ self.bank[chosen].T / c.temperature).masked_fill(~apart, -torch.inf)
            wide = torch.cat((logits, far), 1)
            positive = torch.cat((same, torch.zeros_like(apart)), 1)
            loss = loss + multi_positive_nce(wide, positive)
        with torch.no_grad():
            self.bank[own], self.bank_filled[torch.from_numpy(products)] = a.detach(), True
        return loss

    def do_step(self, share: float) -> dict[str, float]:
        """One step at a share of the clock in [0, 1]; returns the losses by name, on a GPU only every SAID_EVERY steps."""
        self.image.train()
        self.text.train()
        rate = learning_rate(self.config, self.step, share)
        for group in self.adamw.param_groups + self.muon.param_groups:
            group["lr"] = rate

        def forward(part: tuple[int, np.ndarray, np.ndarray]) -> tuple[Chunk, torch.Tensor, torch.Tensor | None]:
            chunk = self.batches.views(self.step, *part)
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.config.half):
                pooled = self.image.backbone(shrunk(chunk.pictures, self.config, share)).float()
                if self.teacher is None:
                    return chunk, pooled, None
                with torch.no_grad():
                    return chunk, pooled, self.teacher.backbone(chunk.pictures).float()

        c = self.config
        done = self._map(forward, self.batches.choose(self.step, c.products, c.people, self.workers))
        leaves = [pooled.detach().requires_grad_() for _, pooled, _ in done]
        sizes = [len(chunk.products) for chunk, _, _ in done]
        products = np.concatenate([chunk.products for chunk, _, _ in done])
        people = torch.cat([chunk.people for chunk, _, _ in done])
        taught = None
        if self.teacher is not None:
            with torch.no_grad():
                taught = self.teacher.embed(stacked([(pooled, n) for (_, _, pooled), n in zip(done, sizes, strict=True)]))
        pooled = stacked(list(zip(leaves, sizes, strict=True)))
        losses = self._loss(self.image.embed(pooled), products, people, taught)
        total = sum(losses.values())
        is_asked = self.device.type == "cpu" or self.step % SAID_EVERY == 0  # asking for a number waits for a GPU
        if is_asked and not math.isfinite(total.item()):
            raise ModelError(
                f"loss is {total.item()} at step {self.step}", hint="resume from the checkpoint with a lower rate"
            )
        self.adamw.zero_grad(set_to_none=True)
        for weight, _ in self.kernels:
            weight.grad = None
        total.backward()
        self._map(
            lambda pair: pair[0].backward(pair[1].grad), [(d[1], leaf) for d, leaf in zip(done, leaves, strict=True)]
        )
        stepped = [p for g in self.adamw.param_groups for p in g["params"]] + [weight for weight, _ in self.kernels]
        torch.nn.utils.clip_grad_norm_(stepped, self.config.clip)
        for weight, matrix in self.kernels:
            matrix.grad = weight.grad.permute(0, 2, 3, 1).flatten(1)
        self.adamw.step()
        self.muon.step()
        self._average()
        self.step += 1
        self.share = share
        return {name: value.item() for name, value in losses.items()} | {"rate": rate} if is_asked else {}

    @torch.no_grad()
    def _average(self) -> None:
        decay = min(self.config.ema, (1 + self.step) / (10 + self.step))
        for slow, fast in ((self.image_ema, self.image), (self.text_ema, self.text)):
            torch._foreach_lerp_(list(slow.parameters()), list(fast.parameters()), 1 - decay)
            for a, b in zip(slow.buffers(), fast.buffers(), strict=True):
                if a.is_floating_point():
                    a.lerp_(b, 1 - decay)
                else:
                    a.copy_(b)

    # measures on products that carry no gradient ---------------------------------------------------------------

    @torch.no_grad()
    def measure(self) -> dict[str, float]:
        """Of the calibration part, with averaged weights, at the size of the last step: category top-1, shopper's view to
        own picture rank-1.
        """
        d, net = self.data, self.image_ema.eval()
        rng = rng_for(self.config.seed, 424242)
        plain, hard, right = [], [], []
        for at in np.array_split(d.calibration, max(1, len(d.calibration) // 128)):
            pictures = (augment.to_float(self.batches.small[at]), self.batches.shopper_views(at, rng, from_large=0.0))
            a, b = (
                net(shrunk(augment.normalise(x), self.config, self.share).contiguous(memory_format=torch.channels_last))
                for x in pictures
            )
            plain.append(a["instance"].cpu())
            hard.append(b["instance"].cpu())
            right.append(a["category"].argmax(1).cpu().numpy() == d.labels["category"][at])
        a, b = torch.cat(plain), torch.cat(hard)
        found = (b @ a.T).argmax(1) == torch.arange(len(a))
        return {"category_top1": float(np.concatenate(right).mean()), "instance_rank1": float(found.float().mean())}

    # keeping --------------------------------------------------------------------------------------------------

    def save(self, path: Path) -> None:
        """Write the whole state beside `path`, then put it in its place: a full disk leaves the older one whole."""
        state = {
            "config": self.config.as_dict(),
            "classes": self.data.classes,
            "image": self.image.state_dict(),
            "text": self.text.state_dict(),
            "scale": self.scale.detach(),
            "image_ema": self.image_ema.state_dict(),
            "text_ema": self.text_ema.state_dict(),
            "adamw": self.adamw.state_dict(),
            "muon": self.muon.state_dict(),
            "bank": self.bank,
            "bank_filled": self.bank_filled,
            "step": self.step,
            "share": self.share,
            "seconds": self.seconds,
        }
        checkpoints.save(state, path)

    def load(self, path: Path) -> None:
        """Go on where a checkpoint stopped. Raises InvalidSetting where it was made with other sizes or classes, or by
        other optimisers.
        """
        state = self._read(path)
        lacking = [name for name in ("adamw", "muon") if name not in state]
        if lacking:
            raise InvalidSetting(
                f"checkpoint {path} was stepped by other optimisers: it holds no {lacking[0]}",
                hint="begin a run in another folder with its weights: --begin-with",
            )
        self._take(state)
        self.adamw.load_state_dict(state["adamw"])
        self.muon.load_state_dict(state["muon"])
        self.step, self.share, self.seconds = state["step"], state["share"], state["seconds"]

    def begin_with(self, path: Path) -> None:
        """Take the averaged weights of another run's checkpoint; steps and optimisers begin afresh. Raises InvalidSetting
        where its sizes or classes are others.
        """
        state = self._read(path)
        self._take(state | {"image": state["image_ema"], "text": state["text_ema"]})

    def _read(self, path: Path) -> dict:
        state = torch.load(path, map_location="cpu", weights_only=True)
        theirs = state["config"]["net"]
        differing = [k for k, v in self.config.net.as_dict().items() if _plain(v) != _plain(theirs.get(k))]
        if state["classes"] != self.data.classes:
            differing.append("classes")
        if differing:
            raise InvalidSetting(
                f"checkpoint {path} was made with another {', '.join(differing)}",
                hint="give the config it was made with, or begin a run in another folder",
            )
        return state

    def _take(self, state: dict) -> None:
        self.image.load_state_dict(state["image"])
        self.text.load_state_dict(state["text"])
        self.scale.data.copy_(state["scale"])
        self.image_ema.load_state_dict(state["image_ema"])
        self.text_ema.load_state_dict(state["text_ema"])
        self.bank, self.bank_filled = state["bank"].float().to(self.device), state["bank_filled"]


def _plain(value: object) -> object:
    return json.loads(json.dumps(value))


def read_teacher(checkpoint: Path, data: TrainData) -> CompactNet:
    """The averaged image net of a run of any size. Raises InvalidSetting where it knows other classes."""
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    if state["classes"] != data.classes:
        raise InvalidSetting(f"the teacher {checkpoint} knows other classes", hint="train it on the same pictures")
    net = CompactNet(config_of(checkpoint).net)
    net.load_state_dict(state["image_ema"])
    return net


def train(
    config: TrainConfig,
    data: TrainData,
    out: Path,
    *,
    end_s: float,
    begin_s: float | None = None,
    workers: int = 2,
    device: str = "cpu",
    begin_with: Path | None = None,
    teacher: Path | None = None,
    checkpoint_every_s: float = 180.0,
    measure_every_s: float = 600.0,
    clock: Callable[[], float] = time.time,
    stop: Callable[[], bool] = lambda: False,
    progress: Callable[[dict], None] = lambda line: None,
) -> Trainer:
    """Train until the clock reads `end_s` (seconds since 1970), from `out/last.pt` where there is one.

    The rate falls to zero between `begin_s` (now, unless said) and `end_s`; a run resumed with a later end goes on with
    its weights, optimisers and averages. `begin_with`: another run's checkpoint, for a run that has none; `teacher`: that of a
    run whose averaged nets this one learns from. `stop` is asked before each step; a run stopped early is saved and can be
    resumed like any other. Lines of progress go to `progress` and to `out/log.jsonl`.
    """
    out.mkdir(parents=True, exist_ok=True)
    taught_by = teacher and read_teacher(teacher, data)
    trainer = Trainer(config, data, workers, device=device, teacher=taught_by)
    last = out / "last.pt"
    if last.exists():
        trainer.load(last)
    elif begin_with is not None:
        trainer.begin_with(begin_with)
    begin = clock() if begin_s is None else begin_s
    saved = measured = clock()
    with (out / "log.jsonl").open("a", encoding="utf-8") as log:

        def say(line: dict) -> None:
            log.write(json.dumps(line) + "\n")
            log.flush()
            progress(line)

        before = clock()
        while before < end_s and not stop():
            losses = trainer.do_step((before - begin) / max(1e-9, end_s - begin))
            now = clock()
            trainer.seconds += now - before
            if losses and (trainer.step - 1) % SAID_EVERY == 0:
                say({"step": trainer.step, "share": round(trainer.share, 4), "step_s": round(now - before, 3)}
                    | {k: round(v, 5) for k, v in losses.items()})
            if now - measured >= measure_every_s:
                say({"step": trainer.step, "seconds": round(trainer.seconds)} | trainer.measure())
                measured = clock()
            if now - saved >= checkpoint_every_s:
                trainer.save(last)
                saved = clock()
            before = clock()
        trainer.save(last)
        say({"step": trainer.step, "seconds": round(trainer.seconds)} | trainer.measure())
    return trainer
