"""Pictures whose shot tags are known because we made them: labels for the shot heads that cost nothing.

Catalogue pictures say by their silhouette and skin whether somebody wears the product; set on people's photos they are
real scenes, cut close they are parts, blurred or dark they are poor, two of them side by side are two people.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from retrieval.encoders.compact_shots import SHOT_HEADS
from retrieval.items import Slot
from retrieval.training import augment, cache
from retrieval.training.cutouts import SLOT_OF, foreground, read_lines, skin
from retrieval.training.data import rng_for

UNKNOWN = -1
_SIDEWAYS = frozenset({"Casual Shoes", "Formal Shoes", "Sports Shoes", "Heels", "Booties"})
# products that may lie on a table or be on a body, which neither silhouette nor skin tells
_EITHER = frozenset(
    "Sunglasses|Gloves|Caps|Hat|Headband|Mufflers|Scarves|Stoles|Socks|Ties|Bangle|Bracelet|Earrings|Necklace and Chains"
    "|Pendant|Dupatta|Suspenders|Ring|Jewellery Set".split("|")
)
_CLOTHING = frozenset(
    "Innerwear|Loungewear and Nightwear|Saree|Apparel Set|Dress|Topwear|Bottomwear|Swimwear|Sports Equipment".split("|")
)
_WORN_SKIN, _BARE_SKIN = 0.25, 0.02  # share of the figure that has the colour of skin: above, worn; below, not


@dataclass(frozen=True, slots=True)
class Batch:
    """`pixels` (n, 80, 64, 3) uint8; `labels` head -> (n,) int64, UNKNOWN where this view does not tell."""

    pixels: np.ndarray
    labels: dict[str, np.ndarray]


def is_worn(rgb: np.ndarray, article: str, sub_category: str) -> int:
    """1 where somebody wears the product of a studio picture (h, w, 3) uint8, 0 where nobody does, UNKNOWN otherwise."""
    slot = SLOT_OF.get(article)
    if article in _EITHER:
        return UNKNOWN
    if slot in (Slot.SHOES, Slot.BAG, Slot.ACCESSORY) or slot is None and sub_category not in _CLOTHING:
        return 0
    mask = foreground(rgb)
    if mask is None:
        return UNKNOWN
    ys, xs = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    window = np.s_[ys[0] : ys[-1] + 1, xs[0] : xs[-1] + 1]
    flesh = float((skin(rgb[window]) & mask[window]).sum() / mask[window].sum())
    if slot is None:
        return 1 if flesh > _WORN_SKIN else 0 if flesh < _BARE_SKIN else UNKNOWN
    touches = bool(ys[0] <= 1), bool(ys[-1] >= len(mask) - 2)
    kind, _ = read_lines(rgb[window], mask[window], slot, touches)
    if kind != "flat":
        return 1 if flesh > _BARE_SKIN else UNKNOWN
    return 0 if flesh < _BARE_SKIN else UNKNOWN


def angle_of(article: str, slot: Slot | None) -> int:
    """What the trade shows from the side and what from the front; UNKNOWN where both are usual."""
    if article in _SIDEWAYS:
        return 1
    if slot in (Slot.TOP, Slot.BOTTOM, Slot.OUTERWEAR, Slot.ONE_PIECE, Slot.BAG) or article in ("Watches", "Wallets"):
        return 0
    return UNKNOWN


class Views:
    """Makes batches of known shots from the arrays of `cache.prepare`. The same seed, the same batches."""

    def __init__(
        self, pixels: np.ndarray, masks: np.ndarray, articles: list[tuple[str, str]], grounds: np.ndarray, people: np.ndarray, *,
        seed: int, are_drawings: bool = False,
    ) -> None:
        """`pixels` (n, 80, 64, 3), `masks` (n, 80, 64) uint8 of studio pictures; `articles` their category
        and sub-category; `grounds`, `people` real photos. Nobody wears what is drawn.
        """
        self._pixels, self._masks, self._grounds, self._people, self._seed = pixels, masks, grounds, people, seed
        self._worn = np.array([0 if are_drawings else is_worn(p, *a) for p, a in zip(pixels, articles, strict=True)])
        self._angle = np.array([angle_of(a, SLOT_OF.get(a)) for a, _ in articles])
        self._size = augment.Size(cache.WIDTH_PX, cache.HEIGHT_PX)

    def batches(self, rounds: int = 1, size: int = 128) -> Iterator[Batch]:
        """Every studio picture `rounds` times as one of the kinds below, then every real photo as often."""
        kinds = (self._as_it_is, self._on_ground, self._close, self._poor, self._two)
        for turn in range(rounds):
            order = np.random.default_rng((self._seed, turn)).permutation(len(self._pixels))
            for i, at in enumerate(np.array_split(order, max(1, len(order) // size))):
                yield kinds[(i + turn) % len(kinds)](at, rng_for(self._seed, turn, i))
            photos = np.array_split(np.arange(len(self._people)), max(1, len(self._people) // size))
            for i, at in enumerate(photos if len(self._people) else ()):
                yield self._photo(at, rng_for(self._seed, turn, 70_000 + i))

    def _labels(self, n: int, **known: np.ndarray | int) -> dict[str, np.ndarray]:
        labels = {head: np.full(n, UNKNOWN, np.int64) for head in SHOT_HEADS}
        for name, value in known.items():
            labels[f"shot_{name}"][:] = value
        return labels

    def _float(self, at: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        masks = torch.from_numpy(self._masks[at])[:, None].float() / 255
        masks = -F.max_pool2d(-masks, 3, 1, 1)  # one pixel in: a white rim would tell what was pasted
        return augment.to_float(self._pixels[at]), masks

    def _as_it_is(self, at: np.ndarray, rng: torch.Generator) -> Batch:
        x, masks = self._float(at)
        half = len(at) // 2
        y = x.clone()
        y[:half] = augment.catalogue_view(x[:half], self._size, rng)
        # a third on a studio's grey: plain, or brighter towards a corner
        grey = torch.nonzero(torch.rand(len(at), generator=rng) < 0.33).flatten()
        tone = augment.uniform(len(grey), 0.55, 0.97, rng)[:, None, None, None].expand(-1, 3, -1, -1)
        slope = augment.uniform(len(grey), -0.15, 0.15, rng)[:, None, None, None]
        ground = (tone + slope * torch.linspace(-1, 1, y.shape[2])[:, None]).clamp(0, 1)
        y[grey] = x[grey] * masks[grey] + ground * (1 - masks[grey])
        worn = self._worn[at]
        return Batch(augment.to_bytes(y), self._labels(len(at), people=worn, worn=worn, scene=0, angle=self._angle[at], whole=1,
                                             quality=1))  # fmt: skip

    def _on_ground(self, at: np.ndarray, rng: torch.Generator) -> Batch:
        x, masks = self._float(at)
        y = self._paste(x, masks, self._ground(len(at), rng), rng, zoom=(0.6, 1.0))
        y = augment.relight(y, rng, 0.5)
        worn = self._worn[at]
        return Batch(augment.to_bytes(y), self._labels(len(at), people=worn, worn=worn, scene=1, angle=self._angle[at], whole=1,
                                             quality=1))  # fmt: skip

    def _close(self, at: np.ndarray, rng: torch.Generator) -> Batch:
        """A close-up of a part: a window about a point of the product that holds a tenth to a quarter of the picture."""
        x, masks = self._float(at)
        matrix = torch.zeros(len(at), 3, 3)
        zoom = augment.uniform(len(at), 0.28, 0.45, rng)
        matrix[:, 0, 0], matrix[:, 1, 1], matrix[:, 2, 2] = zoom, zoom, 1
        for i, mask in enumerate(masks[:, 0].numpy()):
            ys, xs = np.nonzero(mask > 0.5)
            k = int(torch.randint(max(1, len(ys)), (1,), generator=rng))
            if len(ys):
                limit = 1 - float(zoom[i])
                matrix[i, 0, 2] = np.clip(2 * (xs[k] + 0.5) / mask.shape[1] - 1, -limit, limit)
                matrix[i, 1, 2] = np.clip(2 * (ys[k] + 0.5) / mask.shape[0] - 1, -limit, limit)
        y = augment.relight(augment.warp(x, matrix, *x.shape[2:]), rng, 0.2)
        return Batch(augment.to_bytes(y), self._labels(len(at), angle=2, whole=0))

    def _poor(self, at: np.ndarray, rng: torch.Generator) -> Batch:
        """Blurred, nearly black, washed out, noisy or broken by compression: each a fifth."""
        x, _ = self._float(at)
        kind = torch.arange(len(at)) % 5
        h, w = x.shape[2:]
        small = F.interpolate(x, (h // 7, w // 7), mode="area")
        blurred = F.interpolate(small, (h, w), mode="bilinear", align_corners=False)
        dark = x * augment.uniform(len(at), 0.03, 0.15, rng)[:, None, None, None]
        washed = 1 - (1 - x) * augment.uniform(len(at), 0.05, 0.15, rng)[:, None, None, None]
        noisy = x + torch.randn(x.shape, generator=rng) * 0.35
        broken = x.clone()
        augment.jpeg(broken, kind == 4, rng, (1, 4))
        y = torch.stack((blurred, dark, washed, noisy.clamp(0, 1), broken))[kind, torch.arange(len(at))]
        return Batch(augment.to_bytes(y), self._labels(len(at), quality=0))

    def _two(self, at: np.ndarray, rng: torch.Generator) -> Batch:
        """Two figures beside each other: two who wear, or one person beside a product that nobody wears."""
        persons = at[self._worn[at] == 1]
        if len(persons) < 2:
            return self._as_it_is(at, rng)
        order = torch.randperm(len(persons), generator=rng).numpy()
        others = np.where(np.arange(len(at)) % 2 == 0, persons[order[np.arange(len(at)) % len(order)]], at)
        first = persons[np.arange(len(at)) % len(persons)]
        ground = torch.ones(len(at), 3, cache.HEIGHT_PX, cache.WIDTH_PX)
        real = torch.rand(len(at), generator=rng) < 0.4
        ground[real] = self._ground(int(real.sum()), rng)
        y = ground
        side = torch.where(torch.rand(len(at), generator=rng) < 0.5, -1.0, 1.0)
        for which, x_shift in ((first, 0.5 * side), (others, -0.5 * side)):
            x, masks = self._float(which)
            y = self._paste(x, masks, y, rng, zoom=(0.6, 0.85), shift=x_shift)
        worn = self._worn[others]
        same = others == first
        people = np.where(same | (worn == UNKNOWN), UNKNOWN, np.where(worn == 1, 2, 1))
        told = np.where(people == 2, 1, UNKNOWN)  # beside a person a product that nobody wears
        told = np.where(people == 1, 0, told)
        return Batch(augment.to_bytes(y), self._labels(len(at), people=people, worn=told, scene=real.long().numpy(), quality=1))

    def _photo(self, at: np.ndarray, rng: torch.Generator) -> Batch:
        y = augment.people_view(augment.to_float(self._people[at]), self._size, rng)
        return Batch(augment.to_bytes(y), self._labels(len(at), scene=1, quality=1))

    def _paste(
        self, x: torch.Tensor, masks: torch.Tensor, ground: torch.Tensor, rng: torch.Generator, *,
        zoom: tuple[float, float], shift: torch.Tensor | None = None,
    ) -> torch.Tensor:
        h, w = cache.HEIGHT_PX, cache.WIDTH_PX
        matrix = augment.homographies(len(x), rng, zoom=zoom, turn_deg=4, shift=0.15, bend=0.02, aspect=w / h)
        if shift is not None:
            matrix[:, 0, 2] = -shift * matrix[:, 0, 0].sign() / matrix[:, 0, 0].abs().clamp_min(0.5)
        layer = augment.warp(torch.cat((x * masks, masks), 1), matrix, h, w)
        return layer[:, :3] + ground * (1 - layer[:, 3:])

    def _ground(self, n: int, rng: torch.Generator) -> torch.Tensor:
        at = torch.randint(len(self._grounds), (n,), generator=rng).numpy()
        h, w = cache.HEIGHT_PX, cache.WIDTH_PX
        matrix = augment.homographies(n, rng, zoom=(1.2, 2.5), turn_deg=8, shift=0.15, bend=0.0, aspect=w / h)
        x = augment.to_float(np.ascontiguousarray(self._grounds[at]))
        y = augment.warp(torch.cat((x, torch.ones_like(x[:, :1])), 1), matrix, h, w)
        return y[:, :3] + (1 - y[:, 3:]) * x.mean((2, 3), keepdim=True)
