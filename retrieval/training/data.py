"""What a run of the compact models trains on: arrays, labels, tokens, and the chance of a step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from retrieval.encoders.compact_tokens import token_ids
from retrieval.errors import InvalidSetting
from retrieval.training import cache
from retrieval.training.split import is_calibration, is_held_out


@dataclass(slots=True)
class TrainData:
    """Arrays of `cache.prepare` and the indices that may be trained on. Labels: head -> (N,) int64, -1 unknown."""

    rows: list[cache.Row]
    small: np.ndarray
    large: np.ndarray
    small_mask: np.ndarray
    large_mask: np.ndarray
    large_of: np.ndarray  # (N,) row in `large`, or -1
    group: np.ndarray  # (N,) equal for identical pictures
    labels: dict[str, np.ndarray]
    classes: dict[str, list[str]]
    people: np.ndarray
    people_labels: np.ndarray
    grounds: np.ndarray
    train: np.ndarray
    calibration: np.ndarray
    weights: np.ndarray  # sampling weight of each of `train`, sums to 1
    tokens: list[np.ndarray]
    title: np.ndarray  # (N,) equal for equal titles


def load_data(folder: Path) -> TrainData:
    """Read the arrays. Class lists come from the training products alone, sorted. The demo catalogue's drawings, where
    they were prepared, are all trained on: they stand behind the rows of the feed.
    """
    parts = [p for p in (folder, folder / "demo") if (p / "rows.json").is_file()]
    of_part = [cache.load_rows(p) for p in parts]
    rows = [row for part in of_part for row in part]
    small = _joined(parts, "small")
    train = np.array(
        [i for i, r in enumerate(rows)
         if i >= len(of_part[0]) or not is_held_out(r.sku) and not is_calibration(r.sku)]
    )  # fmt: skip
    calibration = np.array([i for i, r in enumerate(of_part[0]) if is_calibration(r.sku)])
    if not len(train):
        raise InvalidSetting(
            f"{folder} holds no product to train on: found {len(rows)} products, none of the training part",
            hint="prepare a folder with more products",
        )
    classes, labels = {}, {}
    for at, name in enumerate(cache.FIELDS):
        classes[name] = sorted({rows[i].labels[at] for i in train} - {""})
        number = {c: k for k, c in enumerate(classes[name])}
        labels[name] = np.array([number.get(r.labels[at], -1) for r in rows], np.int64)
    counts = np.bincount(labels["category"][train] + 1)
    repeat = np.clip(np.sqrt(150 / np.maximum(counts[labels["category"][train] + 1], 1)), 1, 4)
    starts = np.cumsum([0, *map(len, of_part)])
    large_at = np.concatenate([start + np.load(p / "large_at.npy") for start, p in zip(starts, parts, strict=False)])
    large_of = np.full(len(rows), -1, np.int64)
    large_of[large_at] = np.arange(len(large_at))
    titles: dict[str, int] = {}
    return TrainData(
        rows=rows,
        small=small,
        large=_joined(parts, "large"),
        small_mask=_joined(parts, "small_mask"),
        large_mask=_joined(parts, "large_mask"),
        large_of=large_of,
        group=cache.duplicates(small),
        labels=labels,
        classes=classes,
        people=np.load(folder / "people_train.npy"),
        people_labels=np.load(folder / "people_train_labels.npy"),
        grounds=np.load(folder / "grounds.npy"),
        train=train,
        calibration=calibration,
        weights=repeat / repeat.sum(),
        tokens=[token_ids(r.title) for r in rows],
        title=np.array([titles.setdefault(r.title, len(titles)) for r in rows], np.int64),
    )


def _joined(parts: Sequence[Path], name: str) -> np.ndarray:
    arrays = [np.load(p / f"{name}.npy") for p in parts]
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def rng_for(*key: int) -> torch.Generator:
    """A generator seeded by numbers: the same numbers, the same chance."""
    state = np.random.SeedSequence(key).generate_state(2, np.uint32)
    return torch.Generator().manual_seed(int(state[0]) << 31 ^ int(state[1]))


def bags(
    texts: Sequence[np.ndarray], dropout: float = 0.0, rng: np.random.Generator | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Token arrays -> (ids end to end, offsets). Of each text a share of `dropout` of its tokens is left out, never all."""
    ids = np.concatenate(texts)
    starts = np.cumsum([0, *map(len, texts)])[:-1]
    if rng is not None:
        kept = rng.random(len(ids)) >= dropout
        kept[starts[~np.logical_or.reduceat(kept, starts)]] = True
        starts = (np.cumsum(kept) - kept)[starts]
        ids = ids[kept]
    return torch.from_numpy(ids), torch.from_numpy(starts)
