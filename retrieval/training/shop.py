"""A shop's own encoder from its folder of pictures, with nothing else: begun from the encoder that ships, tuned until a
changed view of a picture finds that picture among all others, exported for the same runtime, measured beside the start.

Labels are not needed: a product is told from the others by its own pictures. What the folders say about categories and
products is used where they say it (`folder.layout_of`).
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path

import numpy as np

from retrieval import resources
from retrieval.encoders.compact import IMAGE_FILE, CompactModel
from retrieval.errors import InvalidInput
from retrieval.training import attention, curves, whiten
from retrieval.training.comparison import changed_views, instance_figures, shrink
from retrieval.training.encoder_export import write_encoder
from retrieval.training.finetune import Finetune, FinetuneConfig, Start, finetune, retrieval_figures
from retrieval.training.folder import FolderPictures
from retrieval.training.graph import read_start
from retrieval.training.nets import NetConfig
from retrieval.training.pretrain import DinoConfig
from retrieval.training.repeats import groups

SIZE = (64, 80)
WIDENED_DIM = 256


def labels_of(found: FolderPictures, over: str) -> np.ndarray:
    """(n,) the number of each picture's category, or of its product. Raises InvalidInput for another word."""
    if over == "category":
        return found.labels
    if over != "product":
        raise InvalidInput(f"over {over!r}: category or product can be told apart")
    number: dict[str, int] = {}
    return np.array([number.setdefault(p, len(number)) for p in found.products])


def parts_of(found: FolderPictures, of: int = 10) -> tuple[np.ndarray, np.ndarray]:
    """Indices to train on, and of about one in `of` products to measure on: by a hash of the product's name. A product and
    whatever repeats one of its pictures are on the same side. Raises InvalidInput where one side would be empty.
    """
    family = families(found)
    salted = [int(sha256(f"outfit-shop:{found.products[f]}".encode()).hexdigest(), 16) % of for f in family]
    is_test = np.array(salted) == 0
    if is_test.all() or not is_test.any():
        raise InvalidInput(
            f"{len(set(family.tolist()))} products of {len(found.names)} pictures cannot be divided into train and test",
            hint="give more products; with one sub-folder a product, say --folders product",
        )
    return np.flatnonzero(~is_test), np.flatnonzero(is_test)


def families(found: FolderPictures) -> np.ndarray:
    """(n,) the first picture of each picture's family: its product, joined with products that repeat its pictures."""
    parent = list(range(len(found.names)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    first: dict[object, int] = {}
    for i, keys in enumerate(zip(found.products, groups(found.pictures).tolist(), strict=True)):
        for key in keys:  # a product's name, the number of a group of repeats
            a, b = root(first.setdefault(key, i)), root(i)
            parent[max(a, b)] = min(a, b)
    return np.array([root(i) for i in range(len(parent))])


@dataclass(frozen=True, slots=True)
class Trained:
    """What came out: figures of the start and of the shop's own on the same pictures, and what was written."""

    before: dict[str, float]
    after: dict[str, float]
    products: int
    pictures: int
    steps: int
    parity: float
    precision: str
    is_better: bool


def train_shop(
    found: FolderPictures, out: Path, *, steps: int, start: Path | None, seed: int = 7, rate: float = 3e-4,
    device: str = "auto", net: NetConfig = NetConfig(), stop: Callable[[], bool] = lambda: False, say: Callable[[str], None] = print,
    progress: Callable[[dict], None] = lambda line: None,
) -> Trained:
    """Train on a folder's pictures from the served weights in `start` (None: from nothing, a net of `net`) and write `out`/image.onnx with
    its card. Goes on from `out`/finetune.pt where a run was stopped; weights that are no better than the start's are not
    written over.
    """
    kept, unseen = parts_of(found)
    family = families(found)
    pictures = shrink(found.pictures, SIZE)
    config = FinetuneConfig(
        "supervised_contrastive", net, seed=seed, steps=steps, classes=32, each=2, size=SIZE, learning_rate=rate, device=device,
        dim=256, warmup_steps=min(100, steps // 5),
    )  # fmt: skip
    begun = None
    if start is not None:
        begun, net = read_start(start / IMAGE_FILE)
        config = replace(config, net=net)
    if start is None:
        encode = Finetune(config, pictures[kept], family[kept]).encode
    else:
        encode = _served(start / IMAGE_FILE)
    before = _figures(encode, pictures[unseen], family[unseen], seed)
    say(f"{len(kept):,} pictures to train on, {len(unseen):,} of other products to measure on")
    say(f"start: {_line(before)}")
    run = finetune(config, pictures[kept], family[kept], out, start=begun, stop=stop, progress=progress)
    gap, precision = write_encoder(Start(run.backbone, run.norm, run.project), run.config.net, out / IMAGE_FILE, pictures[unseen])
    widen_own(out / IMAGE_FILE, pictures[kept], seed, say)
    after = _figures(_served(out / IMAGE_FILE), pictures[unseen], family[unseen], seed)
    say(f"own: {_line(after)}")
    is_better = after["instance_cmc1"] > before["instance_cmc1"]
    trained = Trained(before, after, len(set(family.tolist())), len(pictures), run.step, gap, precision, is_better)
    write_card(trained, run, pictures[unseen], out, started="nothing" if start is None else "the encoder that ships")
    return trained


def widen_own(file: Path, pictures: np.ndarray, seed: int, say: Callable[[str], None]) -> bool:
    """Set a closed-form reading of the features beside the trained one in `file` (see `whiten`), where a fifth of
    `pictures` that it was not fitted on finds itself better by it. Returns whether it was.
    """
    order = np.random.default_rng(seed).permutation(len(pictures))
    fitted_on, asked = order[: 4 * len(order) // 5], order[4 * len(order) // 5 :]
    with tempfile.TemporaryDirectory() as folder:
        tapped = Path(folder) / IMAGE_FILE
        whiten.tap(file, tapped)
        read = CompactModel(tapped).outputs_of
        views = [
            whiten.features_of(read, changed_views(pictures[fitted_on], SIZE, seed + 1 + v))[1] for v in range(2)
        ]
        plain = whiten.features_of(read, pictures[fitted_on])[1]
        fitted = whiten.fit(plain, views, min(WIDENED_DIM, len(fitted_on) // 2))
        gallery = whiten.features_of(read, pictures[asked])
        queries = whiten.features_of(read, changed_views(pictures[asked], SIZE, seed + 9))

    def rank_1(q: np.ndarray, g: np.ndarray) -> float:
        return float(((q @ g.T).argmax(1) == np.arange(len(q))).mean())

    alone, beside = rank_1(queries[0], gallery[0]), rank_1(fitted.beside(*queries), fitted.beside(*gallery))
    say(f"widened: {beside:.3f} at rank 1 for {len(asked):,} pictures that it was not fitted on, {alone:.3f} without")
    if beside > alone:
        whiten.widen(file, file, fitted, mirrored=False)
    return beside > alone


def _served(file: Path) -> Callable[[np.ndarray], np.ndarray]:
    model = CompactModel(file)
    return lambda pictures: model.instances(list(pictures))


def _figures(
    encode: Callable[[np.ndarray], np.ndarray], pictures: np.ndarray, labels: np.ndarray, seed: int
) -> dict[str, float]:
    figures = instance_figures(encode, SIZE, pictures, seed)
    if len(set(labels.tolist())) < len(labels):  # products with several pictures: one finds the others
        found = retrieval_figures(encode(pictures), labels)
        figures |= {f"product_{k}": found[k] for k in ("cmc1", "map10", "cmc1_chance")}
    return figures


def _line(figures: dict[str, float]) -> str:
    return "  ".join(f"{k} {v:.3f}" for k, v in figures.items())


# files ----------------------------------------------------------------------------------------------------------------


def write_card(trained: Trained, run: Finetune, pictures: np.ndarray, out: Path, *, started: str) -> None:
    """image.md with image-curves.png and image-attention.png beside the weights."""
    curves.draw_log(out / "finetune.jsonl", out / "image-curves.png", ("loss",))
    attention.draw(run.backbone, pictures[:8], out / "image-attention.png", size=run.config.size)
    rows = [["figure", "start", "own", "chance"]]
    for name, value in trained.after.items():
        if "chance" not in name:
            prefix = "product" if name.startswith("product") else "instance"
            chance = trained.after.get(f"{prefix}_cmc1_chance") if name.endswith("cmc1") else None
            rows.append([name, f"{trained.before[name]:.3f}", f"{value:.3f}", "" if chance is None else f"{chance:.4f}"])
    table = "\n".join(
        [f"| {' | '.join(rows[0])} |", "| --- | --- | --- | --- |", *(f"| {' | '.join(r)} |" for r in rows[1:])]
    )
    text = f"""# A shop's own image encoder

Trained on {trained.pictures:,} pictures of {trained.products:,} products, begun from {started}: {trained.steps:,} steps of 64 pictures
(supervised contrastive, two changed views of each of 32 products), seed {run.config.seed}. One in ten products, chosen by a hash of its
name, gave no gradient and is measured on; a picture that repeats another is on its side.

{table}

`instance`: a picture found by a changed view of it (crop, turn, light) among those measured on. `product`: the other
pictures of its product. Both as served, a closed-form reading of the features beside the trained one where that found more
on a fifth of the training part. Written as {trained.precision}; largest difference between onnxruntime and torch {trained.parity:.1e}.
{"" if trained.is_better else "It is NOT better than its start on these figures: stay with the encoder that ships, or train longer."}
![loss](image-curves.png) ![where it looks](image-attention.png)

For finding this shop's products by pictures. Not for other shops' products, nor for telling what a garment is: that is read
by the compact model, which stays in use. A picture is seen at 64 x 80 px: products that differ in small print are one to it.
"""
    (out / "image.md").write_text(text, encoding="utf-8")
    (out / "image.json").write_text(json.dumps(asdict(trained), indent=1) + "\n", encoding="utf-8")


def shipped() -> Path:
    """The folder of the weights that ship."""
    return resources.path("weights")


def start_of(name: str) -> Path | None:
    """Where to begin: "shipped", "nothing", or a folder of weights. Raises InvalidInput where there are none."""
    if name == "nothing":
        return None
    folder = shipped() if name == "shipped" else Path(name)
    if not (folder / IMAGE_FILE).is_file():
        raise InvalidInput(f"{folder} holds no {IMAGE_FILE}", hint="--start shipped, nothing, or a folder of weights")
    return folder



def write_vit_config(made: DinoConfig, run: Path) -> str:
    """encoder.toml beside a fine-tuned vision transformer's finetune.pt, for the DINO image encoder; returns that encoder's
    name, "" for a net of another kind.
    """
    found = re.match(r"vit_(small|base)_patch(8|16)_", made.arch)
    if not found:
        return ""
    size, patch = found.groups()
    lines = {"arch": f"vit_{size}", "patch_size": int(patch), "image_size": made.global_size[0],
             "drop_path_rate": made.drop_path, "checkpoint": "finetune.pt", "key": "parts"}  # fmt: skip
    (run / "encoder.toml").write_text("".join(f"{k} = {json.dumps(v)}\n" for k, v in lines.items()), encoding="utf-8")
    return f"dino-vit{size[0]}{patch}"
