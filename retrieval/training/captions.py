"""Short queries made of labels: what a shopper types instead of a title."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch

from retrieval.encoders.compact_tokens import token_ids
from retrieval.training import cache
from retrieval.training.data import TrainData, bags
from retrieval.training.losses import multi_positive_nce
from retrieval.training.nets import TextNet
from retrieval.vocabulary import categories

# fields that a query names, in order
CAPTIONS = (("category",), ("colour", "category"), ("gender", "category"), ("gender", "colour", "category"),
            ("usage", "category"), ("colour", "category"))  # fmt: skip


def labels_by_name(data: TrainData) -> list[dict[str, str]]:
    """The labels of each row, "" where unknown."""
    return [dict(zip(cache.FIELDS, row.labels, strict=True)) for row in data.rows]


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
    shared: torch.Tensor, text: TextNet, scale: torch.Tensor, fields: list[dict[str, str]], at: np.ndarray,
    rng: np.random.Generator,
) -> torch.Tensor:
    """Short queries to all pictures that they fit: one kind of caption a step, so that a picture fits one query alone."""
    kind = CAPTIONS[int(rng.integers(len(CAPTIONS)))]
    number: dict[tuple[str, ...], int] = {}
    keys, rows = [], []
    for place, i in enumerate(at):
        key = tuple(fields[i][name] for name in kind)
        if all(key):
            keys.append(number.setdefault(key, len(number)))
            rows.append(place)
    if not number:  # no product of the batch has all the fields
        return shared.sum() * 0.0
    named = [dict(zip(kind, key, strict=True)) for key in number]
    ids, offsets = bags([_tokens(caption(labels, kind, rng)) for labels in named])
    out = text(ids.to(shared.device), offsets.to(shared.device))
    logits = shared[rows] @ out.T * scale.exp().clamp(max=100)
    own = (torch.tensor(keys)[:, None] == torch.arange(len(number))[None]).to(shared.device)
    return 0.5 * (multi_positive_nce(logits, own) + multi_positive_nce(logits.T, own.T))
