"""Which loss makes the better encoder, all else equal: the same net, pictures, batches and steps, measured on products
that none of the runs saw. With and without DINO self-distillation before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import torch.nn.functional as F

from retrieval.evaluation import metrics
from retrieval.evaluation.results import Result, revision
from retrieval.training import augment, cache
from retrieval.training.data import rng_for
from retrieval.training.finetune import Finetune, FinetuneConfig, Loss, Start, finetune, retrieval_figures
from retrieval.training.nets import NetConfig
from retrieval.training.pretrain import DinoConfig, load_backbone, pretrain
from retrieval.training.split import is_calibration, is_held_out

SMALL = NetConfig(stem=16, widths=(32, 64, 128), blocks=(1, 1, 1), features=256)
SIZE = (48, 60)
FOOTWEAR = frozenset({"Shoes", "Sandal", "Flip Flops"})


@dataclass(frozen=True, slots=True)
class Plan:
    """What is compared: (loss, over, is_pretrained) of each run; sizes that all of them share."""

    products: int = 4000
    unseen: int = 1000
    steps: int = 500
    dino_steps: int = 300
    seed: int = 7
    net: NetConfig = SMALL
    runs: Sequence[tuple[Loss, str, bool]] = field(
        default=(
            ("cross_entropy", "category", False),
            ("cross_entropy", "product", False),
            ("supervised_contrastive", "product", False),
            ("triplet_hard", "product", False),
            ("triplet_random", "product", False),
            ("supervised_contrastive", "product", True),
        )
    )


def changed_views(pictures: np.ndarray, size: tuple[int, int], seed: int) -> np.ndarray:
    """(n, h, w, 3) uint8 -> one changed view of each (crop, turn, light) at `size` (w, h)."""
    parts = np.array_split(pictures, max(1, len(pictures) // 128))
    views = [
        augment.people_view(augment.to_float(np.ascontiguousarray(p)), augment.Size(*size), rng_for(seed, 9001, i))
        for i, p in enumerate(parts)
    ]
    return np.concatenate([augment.to_bytes(v) for v in views])


def instance_figures(
    encode: Callable[[np.ndarray], np.ndarray], size: tuple[int, int], pictures: np.ndarray, seed: int
) -> dict[str, float]:
    """Each picture found by a changed view of it among all of `pictures`: CMC@1, CMC@5, chance. `encode`: (n, h, w, 3)
    uint8 -> (n, d) of norm 1; `size` of the views (w, h).
    """
    changed, gallery, group = changed_views(pictures, size, seed), encode(pictures), cache.duplicates(pictures)
    parts = np.array_split(np.arange(len(pictures)), max(1, len(pictures) // 128))
    ranks = np.concatenate(
        [metrics.ranks_of(encode(changed[at]) @ gallery.T, group[at][:, None] == group[None]) for at in parts]
    )
    return {
        "instance_cmc1": metrics.cmc_at_k(ranks, 1),
        "instance_cmc5": metrics.cmc_at_k(ranks, 5),
        "instance_cmc1_chance": 1 / len(pictures),
    }


def shrink(pictures: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(n, h, w, 3) uint8 -> the same at `size` (w, h)."""
    parts = np.array_split(pictures, max(1, len(pictures) // 512))
    small = [F.interpolate(augment.to_float(np.ascontiguousarray(p)), size[::-1], mode="area") for p in parts]
    return np.concatenate([augment.to_bytes(x) for x in small])


def choose(rows: Sequence[cache.Row], plan: Plan) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the products to train on and of those to measure on: the calibration part, never the held-out one."""
    rng = np.random.default_rng(plan.seed)
    seen = np.array([i for i, r in enumerate(rows) if not is_held_out(r.sku) and not is_calibration(r.sku)])
    unseen = np.array([i for i, r in enumerate(rows) if is_calibration(r.sku)])
    return rng.permutation(seen)[: plan.products], rng.permutation(unseen)[: plan.unseen]


def compare(
    plan: Plan, folder: Path, out: Path, *, stop: Callable[[], bool] = lambda: False, say: Callable[[str], None] = print
) -> Result:
    """Every run of the plan, and the untrained net, on the arrays of `cache.prepare` in `folder`. Goes on in `out` where
    it was stopped. `n` of the result is the number of products measured on.
    """
    rows = cache.load_rows(folder)
    seen, unseen = choose(rows, plan)
    pixels = np.load(folder / "small.npy", mmap_mode="r")
    train, test = shrink(pixels[np.sort(seen)], SIZE), shrink(pixels[np.sort(unseen)], SIZE)
    seen, unseen = np.sort(seen), np.sort(unseen)
    names = sorted({r.labels[0] for r in rows})
    category = np.array([names.index(r.labels[0]) for r in rows])
    labels = {"category": category[seen], "product": np.arange(len(seen))}
    base = FinetuneConfig(net=plan.net, seed=plan.seed, steps=plan.steps, classes=32, each=2, size=SIZE)
    say(f"{len(seen):,} products to train on, {len(unseen):,} to measure on")
    figures: dict[str, float] = {
        "products_trained_on": len(seen), "steps": plan.steps, "epochs": plan.steps * 64 / len(seen),
        "dino_steps": plan.dino_steps,
    }  # fmt: skip

    def measure(name: str, run: Finetune) -> None:
        found = instance_figures(run.encode, run.config.size, test, plan.seed)
        of_category = retrieval_figures(run.encode(test), category[unseen])
        figures.update({f"{name}_{k}": v for k, v in found.items() if "chance" not in k})
        figures.update({f"{name}_category_{k}": of_category[k] for k in ("cmc1", "map10")})
        figures["chance_instance_cmc1"] = found["instance_cmc1_chance"]
        figures["chance_category_cmc1"] = of_category["cmc1_chance"]
        say(f"{name}: " + "  ".join(f"{k} {v:.3f}" for k, v in figures.items() if k.startswith(f"{name}_")))

    measure("untrained", Finetune(base, train, labels["category"]))
    if any(is_pretrained for *_, is_pretrained in plan.runs):
        config = DinoConfig(net=plan.net, seed=plan.seed, steps=plan.dino_steps, batch=32, local_crops=4, global_size=SIZE,
                            local_size=(24, 32), learning_rate=4e-3, prototypes=1024)  # fmt: skip
        pretrain(config, train, out / "dino", stop=stop, progress=lambda line: None)
        dino = Finetune(base, train, labels["category"], start=Start(load_backbone(out / "dino" / "dino.pt")[0]))
        measure("dino_alone", dino)
    for loss, over, is_pretrained in plan.runs:
        name = f"{loss}_{over}{'_after_dino' if is_pretrained else ''}"
        start = Start(load_backbone(out / "dino" / "dino.pt")[0]) if is_pretrained else None
        run = finetune(replace(base, loss=loss), train, labels[over], out / name, start=start, stop=stop)
        measure(name, run)
    return Result("finetune-losses", _command(plan), revision(), plan.seed, len(unseen), figures)


def compare_shop(
    plan: Plan, folder: Path, out: Path, *, stop: Callable[[], bool] = lambda: False, say: Callable[[str], None] = print
) -> Result:
    """What training on its own pictures gives a shop that the shipped encoder has never seen.

    All footwear of the catalogue is that shop. The encoder that "ships" is trained here on everything else, as small as
    the others; then the same steps are taken on the shop's own pictures, from that encoder and from nothing. Measured on
    the shop's products that no run saw, found among all of them.
    """
    rows = cache.load_rows(folder)
    pixels = np.load(folder / "small.npy", mmap_mode="r")
    is_shop = np.array([r.labels[1] in FOOTWEAR for r in rows])
    rng = np.random.default_rng(plan.seed)
    seen = np.array([not is_held_out(r.sku) and not is_calibration(r.sku) for r in rows])
    elsewhere = np.sort(rng.permutation(np.flatnonzero(seen & ~is_shop))[: plan.products])
    own = np.sort(rng.permutation(np.flatnonzero(seen & is_shop))[: plan.products // 2])
    unseen = np.sort(np.flatnonzero(np.array([is_calibration(r.sku) for r in rows]) & is_shop)[: plan.unseen])
    shop, test = shrink(pixels[own], SIZE), shrink(pixels[unseen], SIZE)
    config = FinetuneConfig("supervised_contrastive", plan.net, plan.seed, plan.steps, classes=32, each=2, size=SIZE)
    say(f"{len(elsewhere):,} products elsewhere, {len(own):,} of the shop, {len(unseen):,} of the shop to measure on")
    figures: dict[str, float] = {
        "products_elsewhere": len(elsewhere), "products_of_the_shop": len(own), "steps": plan.steps,
    }  # fmt: skip

    def measure(name: str, run: Finetune) -> None:
        found = instance_figures(run.encode, run.config.size, test, plan.seed)
        figures.update({f"{name}_{k}": v for k, v in found.items() if "chance" not in k})
        figures["chance_instance_cmc1"] = found["instance_cmc1_chance"]
        say(f"{name}: " + "  ".join(f"{k} {v:.3f}" for k, v in found.items()))

    numbers = np.arange(len(own))
    measure("untrained", Finetune(config, shop, numbers))
    shipped = finetune(config, shrink(pixels[elsewhere], SIZE), np.arange(len(elsewhere)), out / "shipped", stop=stop)
    measure("shipped", shipped)
    measure("own_from_nothing", finetune(config, shop, numbers, out / "nothing", stop=stop))
    start = Start(shipped.backbone, shipped.norm, shipped.project)
    gentle = replace(config, learning_rate=config.learning_rate / 2)
    measure("own_from_shipped", finetune(gentle, shop, numbers, out / "adapted", start=start, stop=stop))
    return Result("another-shop", _command(plan, "shop"), revision(), plan.seed, len(unseen), figures)


def _command(plan: Plan, what: str = "losses") -> str:
    p = asdict(plan)
    names = ("products", "steps", "dino_steps") if what == "losses" else ("products", "steps")
    given = " ".join(f"--{k.replace('_', '-')} {p[k]}" for k in names)
    return f"outfit train compare {what} {given} --seed {plan.seed}"
