"""The pictures of a step: products as the catalogue and as a shopper would show them, and people's own photos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from retrieval.training import augment, cache
from retrieval.training.data import TrainData, rng_for

SIZE = augment.Size(cache.WIDTH_PX, cache.HEIGHT_PX)
FROM_LARGE = 0.7  # share of shopper's views made from the large picture, where there is one


@dataclass(frozen=True, slots=True)
class Chunk:
    """A worker's share of a step, before the net."""

    pictures: torch.Tensor  # view A of its products, view B of the same, people's photos: normalised
    products: np.ndarray
    people: torch.Tensor  # (k, classes) what share of each photo is of which of the ten classes


class Batches:
    """Draws steps from the training part: the same seed, step and worker give the same pictures."""

    def __init__(self, data: TrainData, seed: int, device: torch.device) -> None:
        self._data, self._seed = data, seed
        self.small, self._large, self._people, self._grounds = (
            torch.as_tensor(a).to(device) for a in (data.small, data.large, data.people, data.grounds)
        )
        self._masks = {id(p): torch.as_tensor(m).to(device) for p, m in
                       ((self.small, data.small_mask), (self._large, data.large_mask))}  # fmt: skip
        counts = np.bincount(data.people_labels, minlength=len(cache.PEOPLE_CLASSES))
        chance = 1 / np.sqrt(np.maximum(counts, 1))[data.people_labels]
        self._people_chance = chance / chance.sum()

    def choose(self, step: int, products: int, people: int, workers: int) -> list[tuple[int, np.ndarray, np.ndarray]]:
        """Products and people's photos of a step: (worker, rows of products, rows of photos) each."""
        d, rng = self._data, np.random.default_rng((self._seed, step, 999))
        chosen = rng.choice(d.train, min(products, len(d.train)), replace=False, p=d.weights)
        photos = rng.choice(len(d.people), people, p=self._people_chance)
        parts = zip(np.array_split(chosen, workers), np.array_split(photos, workers), strict=True)
        return [(worker, p, q) for worker, (p, q) in enumerate(parts)]

    def views(self, step: int, worker: int, products: np.ndarray, people: np.ndarray) -> Chunk:
        """Make a worker's pictures: catalogue view, shopper's view, people's photos, some of those mixed in pairs."""
        rng = rng_for(self._seed, step, worker)
        mild = augment.catalogue_view(augment.to_float(self._rows(self.small, products)), SIZE, rng)
        hard = self.shopper_views(products, rng)
        own = augment.far_people_view(augment.to_float(self._rows(self._people, people)), SIZE, rng)
        classes = F.one_hot(torch.from_numpy(self._data.people_labels[people]), len(cache.PEOPLE_CLASSES)).float()
        own, classes = mixed(own, classes, rng)
        x = augment.normalise(torch.cat((mild, hard, own)))
        return Chunk(x.contiguous(memory_format=torch.channels_last), products, classes)

    def shopper_views(self, products: np.ndarray, rng: torch.Generator, *, from_large: float = FROM_LARGE) -> torch.Tensor:
        """(n, 3, h, w) of these products, from the large picture for a share of those that have one."""
        large = (self._data.large_of[products] >= 0) & (torch.rand(len(products), generator=rng).numpy() < from_large)
        parts, places = [], []
        for at, pictures, rows in (
            (np.flatnonzero(large), self._large, self._data.large_of[products]),
            (np.flatnonzero(~large), self.small, products),
        ):
            if len(at):
                masks = self._rows(self._masks[id(pictures)], rows[at])[:, None].float().div_(255)
                parts.append(augment.shopper_view(augment.to_float(self._rows(pictures, rows[at])), masks, self._grounds, SIZE, rng))
                places.append(at)
        return self._rows(torch.cat(parts), np.argsort(np.concatenate(places)))

    @staticmethod
    def _rows(pictures: torch.Tensor, at: np.ndarray) -> torch.Tensor:
        return augment.chosen(pictures, torch.from_numpy(at))


def mixed(
    pictures: torch.Tensor, classes: torch.Tensor, rng: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Every other photo laid over another one of the batch, its classes with it (mixup, Zhang et al. 2018): few photos are
    seen very often. The share is uniform in [0, 1], as Beta(1, 1) of the source.
    """
    share = torch.rand(len(pictures), generator=rng)
    share[::2] = 1.0
    order = torch.randperm(len(pictures), generator=rng)
    over = share[:, None, None, None].to(pictures.device, non_blocking=True)
    return pictures * over + augment.chosen(pictures, order) * (1 - over), classes * share[:, None] + classes[order] * (1 - share[:, None])


def stacked(parts: Sequence[tuple[torch.Tensor, int]]) -> torch.Tensor:
    """Rows of the workers' chunks in the order of a whole step: all views A, all views B, all photos. `parts`: rows of a
    chunk, and how many products it has.
    """
    pieces = [(rows[:n], rows[n : 2 * n], rows[2 * n :]) for rows, n in parts]
    return torch.cat([piece for column in zip(*pieces, strict=True) for piece in column])
