"""Short queries made of labels: what a shopper types instead of a title."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch

from retrieval.encoders.compact_tokens import token_ids
from retrieval.training import cache
from retrieval.training.data import bags
from retrieval.training.losses import multi_positive_nce
from retrieval.training.nets import TextNet
from retrieval.vocabulary import categories

# fields that a query names, in order
CAPTIONS = (("category",), ("colour", "category"), ("gender", "category"), ("gender", "colour", "category"),
            ("usage", "category"), ("colour", "category"))  # fmt: skip


class Captions:
    """For each kind of caption: which one a product answers to, worked out once."""

    def __init__(self, rows: Sequence[cache.Row]) -> None:
        self.labels: list[list[dict[str, str]]] = []  # kind -> the labels of each caption
        self.number: list[np.ndarray] = []  # kind -> (N,) the row's caption, -1 where a label of it is unknown
        for kind in CAPTIONS:
            at, seen, number = [cache.FIELDS.index(name) for name in kind], {}, []
            for row in rows:
                key = tuple(row.labels[i] for i in at)
                number.append(seen.setdefault(key, len(seen)) if all(key) else -1)
            self.labels.append([dict(zip(kind, key, strict=True)) for key in seen])
            self.number.append(np.array(number, np.int64))


def caption(labels: dict[str, str], fields: tuple[str, ...], rng: np.random.Generator) -> str:
    """What a shopper would type for these labels: the category by its name or one of its English words."""
    said = []
    for name in fields:
        if name == "category":
            row = categories().get(labels[name])
            words = (labels[name], labels[name], *row.en) if row else (labels[name],)
            said.append(words[int(rng.integers(len(words)))])
        else:
            said.append(labels[name])
    return " ".join(said)


@lru_cache(maxsize=100_000)
def _tokens(said: str) -> np.ndarray:
    return token_ids(said)


def caption_loss(
    shared: torch.Tensor, text: TextNet, scale: torch.Tensor, captions: Captions, at: np.ndarray, rng: np.random.Generator,
) -> torch.Tensor:
    """Short queries to all pictures that they fit: one kind of caption a step, so that a picture fits one query alone."""
    kind = int(rng.integers(len(CAPTIONS)))
    number = captions.number[kind][at]
    rows = np.flatnonzero(number >= 0)
    if not len(rows):  # no product of the batch has all the fields
        return shared.sum() * 0.0
    chosen, key = np.unique(number[rows], return_inverse=True)
    ids, offsets = bags([_tokens(caption(captions.labels[kind][i], CAPTIONS[kind], rng)) for i in chosen])
    ids, offsets, places, keys = (
        t.to(shared.device, non_blocking=True) for t in (ids, offsets, torch.from_numpy(rows), torch.from_numpy(key))
    )
    logits = shared[places] @ text(ids, offsets).T * scale.exp().clamp(max=100)
    own = keys[:, None] == torch.arange(len(chosen), device=shared.device)[None]
    return 0.5 * (multi_positive_nce(logits, own) + multi_positive_nce(logits.T, own.T))
