"""Heads that read shot tags from the features of the shipped image model, trained on views whose tags are known.

Linear, so that they cost nothing to serve; trained on the very features that are served, so that they fit any file that
`outfit train export` wrote, int8 or float. The rules that label catalogue pictures err at times: what a first fit is sure is
mislabelled is left out of the second.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from retrieval import resources
from retrieval.encoders.compact import IMAGE_FILE, Head, softmax
from retrieval.encoders.compact_shots import SHOT_HEADS, CompactShots
from retrieval.errors import InvalidInput, InvalidSetting
from retrieval.evaluation import metrics
from retrieval.evaluation.results import Result, revision
from retrieval.training import cache
from retrieval.training.calibration import fit_head
from retrieval.training.graph import add_heads, with_features
from retrieval.training.shot_views import UNKNOWN, Batch, Views
from retrieval.training.split import is_calibration, is_held_out

TARGET = {"shot_people": 0.97, "shot_scene": 0.97, "shot_worn": 0.97, "shot_angle": 0.95, "shot_whole": 0.95}
# Shares that catalogues have, roughly: one picture in twenty shows a part, two people, or cannot be used. Real scenes are
# not among them: taken for rare, the few that there are were missed (the one of 174 catalogue pictures; recall on made
# views .90 instead of .98).
USUAL = {"shot_people": (0.55, 0.40, 0.05), "shot_whole": (0.05, 0.95), "shot_quality": (0.05, 0.95)}
MISLABELLED = 0.05  # probability of its label below which a training view is taken for mislabelled
LABELS = "labels/shots.json"  # sku -> tags, told by a person who looked


@dataclass(frozen=True, slots=True)
class Known:
    """`features` (n, d) float32; `labels` head -> (n,) int64, UNKNOWN where a view does not tell."""

    features: np.ndarray
    labels: dict[str, np.ndarray]


def fit_linear(
    features: np.ndarray, labels: np.ndarray, classes: int, *, decay: float = 1e-2, steps: int = 60
) -> tuple[np.ndarray, np.ndarray]:
    """Weight (classes, d) and bias (classes,) of a softmax regression with L2 on the weight, by L-BFGS; each class counts
    as much as the others. Rows of UNKNOWN labels are left out.
    """
    known = labels != UNKNOWN
    x, y = torch.from_numpy(features[known]), torch.from_numpy(labels[known])
    counts = torch.bincount(y, minlength=classes).clamp_min(1)
    weights = len(y) / (classes * counts.float())
    w, b = torch.zeros(classes, x.shape[1], requires_grad=True), torch.zeros(classes, requires_grad=True)
    optimiser = torch.optim.LBFGS((w, b), max_iter=steps, history_size=10, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        loss = F.cross_entropy(x @ w.T + b, y, weight=weights) + decay * w.square().sum()
        loss.backward()
        return loss

    optimiser.step(closure)
    return w.detach().numpy(), b.detach().numpy()


def fit(train: Known, calibration: Known) -> dict[str, tuple[np.ndarray, np.ndarray, Head]]:
    """Every head of SHOT_HEADS: fitted, cleaned of labels that cannot be, fitted again, calibrated on other products."""
    heads = {}
    for name, classes in SHOT_HEADS.items():
        labels = train.labels[name].copy()
        w, b = fit_linear(train.features, labels, len(classes))
        at = np.flatnonzero(labels != UNKNOWN)
        p = softmax(train.features[at] @ w.T + b)
        labels[at[p[np.arange(len(at)), labels[at]] < MISLABELLED]] = UNKNOWN
        w, b = fit_linear(train.features, labels, len(classes))
        known = calibration.labels[name] != UNKNOWN
        logits, truth = calibration.features[known] @ w.T + b, calibration.labels[name][known]
        prior = np.full(len(classes), 1 / len(classes), np.float32)
        heads[name] = (w, b, _as_rare(fit_head(classes, logits, truth, prior, target=TARGET.get(name, 0.9)), name, truth))
    return heads


def _as_rare(head: Head, name: str, truth: np.ndarray) -> Head:
    """The head with its answers as frequent as in a catalogue, where they are made more often: log(share there / share
    here) on each (the usual correction of a shift in priors).
    """
    usual = USUAL.get(name)
    if usual is None:
        return head
    here = np.bincount(truth, minlength=len(usual)) / len(truth)
    shift = np.log(np.array(usual) / np.maximum(here, 1e-6)).astype(np.float32)
    return replace(head, bias=head.bias + shift)


def read_known(batches: Sequence[Batch], features_of: Callable[[np.ndarray], np.ndarray]) -> Known:
    """The features of every picture of the batches, with their labels."""
    found = [features_of(b.pixels) for b in batches]
    labels = {head: np.concatenate([b.labels[head] for b in batches]) for head in SHOT_HEADS}
    return Known(np.concatenate(found).astype(np.float32), labels)


def train_shots(
    pictures: Path, weights: Path, *, products: int, seed: int, say: Callable[[str], None] = print
) -> dict[str, Head]:
    """Train the heads on `products` of the training part in `pictures` (as `cache.prepare` wrote it) and people's photos,
    and of the demo catalogue's drawings where they were prepared, and write them into `weights/image.onnx`.
    """
    file = weights / IMAGE_FILE
    if not file.is_file():
        raise InvalidSetting(f"no model {file}", hint="outfit train export")
    rows = cache.load_rows(pictures)
    arrays = {n: np.load(pictures / f"{n}.npy", mmap_mode="r") for n in ("small", "small_mask", "grounds", "people_train")}
    rng = np.random.default_rng(seed)
    own = np.arange(len(arrays["people_train"])) % 10 == 0  # every tenth of people's photos is for calibration

    def views(keep: Callable[[str], bool], most: int, photos: np.ndarray, salt: int) -> Views:
        at = np.sort(rng.permutation([i for i, r in enumerate(rows) if keep(r.sku)])[:most])
        return Views(
            arrays["small"][at], arrays["small_mask"][at], [(rows[i].labels[0], rows[i].labels[1]) for i in at],
            arrays["grounds"], arrays["people_train"][photos], seed=seed + salt,
        )  # fmt: skip

    with tempfile.TemporaryDirectory() as folder:
        model = with_features(file, Path(folder) / "features.onnx")

        def features_of(pixels: np.ndarray) -> np.ndarray:
            return model.outputs_of(list(pixels))["features"]

        seen = views(lambda sku: not is_held_out(sku) and not is_calibration(sku), products, ~own, 0)
        batches = list(seen.batches())
        if (pictures / "demo" / "rows.json").is_file():
            batches += drawings(pictures / "demo", arrays["grounds"], seed + 2).batches()
        train = read_known(batches, features_of)
        say(f"{len(train.features):,} views to train on")
        other = views(is_calibration, products // 3, own, 1)
        calibration = read_known(list(other.batches()), features_of)
    heads = fit(train, calibration)
    for name, (w, b, head) in heads.items():
        known = calibration.labels[name] != UNKNOWN
        p = head.probabilities(calibration.features[known] @ w.T + b)
        right = (p.argmax(1) == calibration.labels[name][known]).mean()
        told = (p.max(1) >= head.least).mean()
        say(f"{name}: {right:.3f} right on {known.sum():,} views of other products, {told:.3f} told")
    say(f"written into {file}, largest difference {add_heads(file, heads):.1e}")
    return {name: head for name, (_, _, head) in heads.items()}


def drawings(folder: Path, grounds: np.ndarray, seed: int) -> Views:
    """The demo catalogue's drawings in `folder`, as `cache.prepare` wrote them, set on `grounds` at times."""
    rows = cache.load_rows(folder)
    return Views(
        np.load(folder / "small.npy"), np.load(folder / "small_mask.npy"), [(r.labels[0], r.labels[1]) for r in rows],
        grounds, grounds[:0], seed=seed, are_drawings=True,
    )  # fmt: skip


# measuring ------------------------------------------------------------------------------------------------------------


def read_labels(file: Path | None = None) -> dict[str, dict]:
    """sku -> {tag: value}, as a person told them; None where that person could not tell."""
    file = file or resources.path(LABELS)
    try:
        plain = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidInput(f"{file} cannot be read: {error}", hint="check out the repository with its data folder") from error
    return plain["shots"]


def measure_shots(pictures: Path, weights: Path | None = None, *, seed: int = 0) -> Result:
    """The heads on held-out products: catalogue pictures that a person labelled, and views whose tags are known because
    they were made (with grounds and people's photos of the validation folder). Each tag: share right, share told, right
    where told, and the majority beside it.
    """
    shots = CompactShots(weights)
    rows = cache.load_rows(pictures)
    small = np.load(pictures / "small.npy", mmap_mode="r")
    labelled = read_labels()
    at = [i for i, r in enumerate(rows) if r.sku in labelled]
    truth = [labelled[rows[i].sku] for i in at]
    read = shots.tags([Image.fromarray(small[i]) for i in at])
    figures: dict[str, float] = {}
    for tag in ("model_count", "worn", "real_scene", "angle", "whole"):
        pairs = [(t[tag], getattr(r, tag)) for t, r in zip(truth, read, strict=True) if t[tag] is not None]
        figures |= _figures(f"labelled_{tag}", pairs)
    figures |= _views_figures(pictures, rows, small, shots, seed)
    return Result("models-shots", "outfit evaluate shots", revision(), seed, len(at), figures)


def _views_figures(
    pictures: Path, rows: Sequence[cache.Row], small: np.ndarray, shots: CompactShots, seed: int
) -> dict[str, float]:
    rng = np.random.default_rng(seed)
    at = np.sort(rng.permutation([i for i, r in enumerate(rows) if is_held_out(r.sku)])[:640])
    people = np.load(pictures / "people_validation.npy")
    views = Views(
        small[at], np.load(pictures / "small_mask.npy", mmap_mode="r")[at],
        [(rows[i].labels[0], rows[i].labels[1]) for i in at], people, people, seed=seed + 2,
    )  # fmt: skip
    found = list(views.batches())
    read = [t for b in found for t in shots.tags([Image.fromarray(p) for p in b.pixels])]
    figures: dict[str, float] = {}
    tags = {"real_scene": "shot_scene", "worn": "shot_worn", "model_count": "shot_people", "whole": "shot_whole"}
    for tag, head in tags.items():
        truth = np.concatenate([b.labels[head] for b in found])
        pairs = [(int(t), getattr(r, tag)) for t, r in zip(truth, read, strict=True) if t != UNKNOWN]
        figures |= _figures(f"views_{tag}", [(t if tag == "model_count" else bool(t), r) for t, r in pairs])
    truth = np.concatenate([b.labels["shot_quality"] for b in found])
    pairs = [(bool(t), r.quality >= 0.5) for t, r in zip(truth, read, strict=True) if t != UNKNOWN]
    return figures | _figures("views_quality", pairs)


def _figures(name: str, pairs: Sequence[tuple[object, object]]) -> dict[str, float]:
    """Of (truth, answer or None): share right, share told, right where told, the rarest class's recall, majority, n."""
    truths = [t for t, _ in pairs]
    counts: Mapping[object, int] = {t: truths.count(t) for t in set(truths)}
    told = [(t, r) for t, r in pairs if r is not None]
    recalls = [sum(r == t for t, r in pairs if t == c) / n for c, n in counts.items()]
    right = np.array([t == r for t, r in pairs], float)
    interval = metrics.bootstrap(right, seed=0, rounds=400)
    return {
        f"{name}_right": interval.value, f"{name}_right_low": interval.low, f"{name}_right_high": interval.high,
        f"{name}_told": len(told) / len(pairs),
        f"{name}_right_where_told": sum(t == r for t, r in told) / max(1, len(told)),
        f"{name}_least_recall": min(recalls), f"{name}_majority": max(counts.values()) / len(pairs),
        f"{name}_classes": float(len(counts)), f"{name}_n": float(len(pairs)),
    }  # fmt: skip
