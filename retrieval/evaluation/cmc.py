"""How often a photo finds its product: CMC and mAP over the difficulty ladder, beside baselines and chance.

Queries are held-out products alone (`retrieval.training.split`), by rows: the search as it is served, its vectors alone,
the weightless encoder, a colour histogram, and the same network before training.
"""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from retrieval import ranking as ranked
from retrieval.detectors.compact import CompactDetector
from retrieval.encoders.compact import CompactModel, load_image, load_text
from retrieval.errors import InvalidInput
from retrieval.evaluation import curves, people, queries, readers, served, sheet
from retrieval.evaluation.ladder import LEVELS
from retrieval.evaluation.metrics import expected_calibration_error
from retrieval.evaluation.results import Result, revision
from retrieval.ranking import Ranking
from retrieval.search import DEPTH
from retrieval.training import cache
from retrieval.training import ranking as fitting
from retrieval.training.split import is_held_out
from retrieval.vocabulary import slot_of

TOPS = (1, 5, 10, 20)
GALLERIES = (6_000, 0)  # 0: the whole catalogue
ROUNDS = 400  # of the bootstrap
_SHOWN = 48  # failures on the sheet
_LEAST = 20  # queries that a category needs for a line of its own


@dataclass(frozen=True, slots=True)
class Found:
    """One row over one gallery: (n,) rank of the product, 0 where it is not found at all; (n,) AP@10; (n, 5) rows of the
    catalogue that came first."""

    row: str
    gallery: int
    ranks: np.ndarray
    precision: np.ndarray
    top: np.ndarray


@dataclass(frozen=True, slots=True)
class Measured:
    queries: queries.Queries
    crops: queries.Crops
    found: tuple[Found, ...]
    figures: dict[str, float]


def evaluate(
    pictures: Path, source: Path, weights: Path | None = None, *, galleries: Sequence[int] = GALLERIES, most: int = 200,
    seed: int = 0, baselines: bool = True, say: Callable[[str], None] = print,
) -> Measured:
    """Everything: `pictures` as `outfit train prepare` wrote them from `source`. Minutes; what has been read is kept.

    Raises InvalidInput where there are no prepared pictures.
    """
    if not (pictures / "rows.json").is_file():
        raise InvalidInput(f"{pictures} holds no prepared pictures", hint="outfit train prepare")
    _check_archives(source)
    rows, pixels = cache.load_rows(pictures), np.load(pictures / "small.npy", mmap_mode="r")
    group = cache.duplicates(pixels)
    folder = pictures.parent / "search"
    asked = queries.load(source, rows, "held-out", folder, most=most, seed=seed, progress=say)
    model, text = load_image(weights), load_text(weights)
    crops = queries.crops_of(asked, CompactDetector())
    say(f"{len(asked):,} queries of {len(set(asked.rows.tolist())):,} held-out products")
    shops = {size: gallery_of(rows, asked.rows, size, seed) for size in galleries}
    lines = [readers.compact(model)]
    if baselines:
        lines += [readers.weightless(), readers.histogram()]
        try:
            lines.append(readers.untrained(seed))
        except ImportError:
            say("the untrained network needs torch (extra [train]): its row is left out")
    ranking = ranked.load(None if weights is None else weights / "ranking.json")
    fits = ranking is not None and ranking.revision == model.digest[:16]
    found: list[Found] = []
    figures: dict[str, float] = {}
    for line in lines:
        vectors = readers.vectors_of(line, pixels, folder)
        parts = np.array_split(crops.pixels, max(1, len(asked) // 256))
        shown = np.concatenate([line.read(part) for part in parts])
        for size, at in shops.items():
            shop = served.shop_of(rows, pixels, group, at, vectors)
            found.append(_found(line.name, size, shown, shop, group, asked, crops))
            if line.name == "compact" and fits:
                cases, places = _weighed(shown, shop, group, asked, crops, model, text, ranking)
                found.append(_served(size, cases, places, shop, group, asked, found[-1], ranking))
                figures |= _sureness(cases, ranking, f"served_{_size(size)}")
        say(f"{line.name} measured")
    if not fits:
        say(f"the ranking was not fitted for these weights and is left out; {ranked.REFIT}")
    for one in found:
        figures |= _figures(one, asked, rows, seed)
    for size, at in shops.items():
        n = len(np.unique(group[at]))
        figures |= {f"chance_{_size(size)}_cmc{k}": k / n for k in TOPS}
    figures["hard_found"] = float(crops.found[asked.levels == "hard"].mean())
    figures["hard_box_iou_half"] = float((crops.iou >= 0.5)[asked.levels == "hard"].mean())
    return Measured(asked, crops, tuple(found), figures)


def gallery_of(rows: Sequence[cache.Row], asked: np.ndarray, size: int, seed: int) -> np.ndarray:
    """Places of `size` products, those asked for among them; all for 0. Others are drawn from held-out products first,
    so that a net that knows the rest by heart gains nothing from it."""
    if not size or size >= len(rows):
        return np.arange(len(rows))
    rng = np.random.default_rng(seed)
    own = np.unique(asked)
    held = np.setdiff1d([i for i, row in enumerate(rows) if is_held_out(row.sku)], own)
    rest = np.setdiff1d(np.arange(len(rows)), np.concatenate((own, held)))
    others = np.concatenate((rng.permutation(held), rng.permutation(rest)))
    return np.concatenate((own, others[: max(0, size - len(own))]))


def _found(
    name: str, size: int, shown: np.ndarray, shop: served.Shop, group: np.ndarray, asked: queries.Queries,
    crops: queries.Crops,
) -> Found:
    """By cosine alone. Ties count against us; a garment that was not found in its photo is not found in the shop."""
    own = group[asked.rows]
    among = group[shop.at]
    ranks = np.zeros(len(asked), np.int64)
    for part in np.array_split(np.arange(len(asked)), max(1, len(asked) // 256)):
        scores = shown[part] @ shop.vectors.T
        right = among[None] == own[part][:, None]
        best = np.where(right, scores, -np.inf).max(1)
        ranks[part] = ((scores >= best[:, None]) & ~right).sum(1) + 1
    ranks[~crops.found] = 0
    top = shop.at[served.first_hits(shown, shop, min(5, len(shop.at)))[0]]
    return Found(name, size, ranks, _precision(ranks), top)


def _precision(ranks: np.ndarray) -> np.ndarray:
    """AP@10 where one picture is right: 1 / rank up to 10."""
    return np.where((ranks >= 1) & (ranks <= 10), 1 / np.maximum(ranks, 1), 0.0)


def _weighed(
    shown: np.ndarray, shop: served.Shop, group: np.ndarray, asked: queries.Queries, crops: queries.Crops,
    model: CompactModel, text, ranking: Ranking,
) -> tuple[fitting.Cases, np.ndarray]:
    hits, cosines = served.first_hits(shown, shop, DEPTH)
    names = [name for name in ranking.weights if name != "cosine"]
    evidence = served.evidence_of(crops.pixels, hits, cosines, shop, model, text, names)
    right = (group[shop.at][hits] == group[asked.rows][:, None]) & (hits >= 0) & crops.found[:, None]
    truth = np.where(right.any(1), right.argmax(1), -1)
    return fitting.Cases(evidence, truth, group[asked.rows], asked.levels), hits


def _served(
    size: int, cases: fitting.Cases, hits: np.ndarray, shop: served.Shop, group: np.ndarray, asked: queries.Queries,
    plain: Found, ranking: Ranking,
) -> Found:
    """The first hits in the order that all evidence gives; what lies deeper keeps its rank."""
    logits = _fit(ranking).logits(cases)
    own = np.where(cases.truth >= 0, logits[np.arange(len(cases)), cases.truth], np.inf)
    ahead = (logits >= own[:, None]).sum(1)  # itself among them: ties count against us
    ranks = np.where(cases.truth >= 0, ahead, plain.ranks)
    order = np.argsort(-logits, axis=1, kind="stable")[:, :5]
    return Found("served", size, ranks, _precision(ranks), shop.at[np.take_along_axis(hits, order, 1)])


def _fit(ranking: Ranking) -> fitting.Fit:
    return fitting.Fit(dict(ranking.weights), ranking.none, tuple(ranking.curve))


def _sureness(cases: fitting.Cases, ranking: Ranking, name: str) -> dict[str, float]:
    """Whether probabilities are what they say, half of the cases in a shop without the product."""
    p, right = _fit(ranking).first(cases)
    said = p >= ranking.sure
    return {
        f"{name}_calibration_error": expected_calibration_error(p, right),
        f"{name}_this_is_it": float(said.mean()),
        f"{name}_right_where_this_is_it": float(right[said].mean()) if said.any() else 0.0,
    }


def _size(size: int) -> str:
    return f"{size}" if size else "all"


def _figures(one: Found, asked: queries.Queries, rows: Sequence[cache.Row], seed: int) -> dict[str, float]:
    """CMC and mAP by level, and by the picture that queries were made from; intervals for the first two rows' rank 1 and 5
    by drawing products; by slot and frequent category for the served search."""
    figures: dict[str, float] = {}
    is_ours = one.row in ("served", "compact")
    slots = np.array([str(slot_of(rows[r].labels[0]) or "none") for r in asked.rows])
    kinds = np.array([rows[r].labels[0] for r in asked.rows])
    for level in LEVELS:
        for source in ("", *(queries.SOURCES if is_ours else ())):
            part = asked.levels == level
            if source:
                part &= asked.sources == source
            if not part.any():
                continue
            name = "_".join(filter(None, (one.row, _size(one.gallery), level, source)))
            for k in TOPS if not source else (1, 5):
                hit = (one.ranks[part] >= 1) & (one.ranks[part] <= k)
                figures[f"{name}_cmc{k}"] = float(hit.mean())
                if k in (1, 5) and is_ours:
                    low, high = interval(hit, asked.rows[part], seed)
                    figures |= {f"{name}_cmc{k}_low": low, f"{name}_cmc{k}_high": high}
            if not source:
                figures[f"{name}_map10"] = float(one.precision[part].mean())
            figures[f"{name}_n"] = float(part.sum())
        if is_ours:
            part = asked.levels == level
            for values in (slots, kinds):
                for value, n in Counter(values[part].tolist()).most_common():
                    if n >= _LEAST:
                        hit = one.ranks[part & (values == value)]
                        figures[f"{one.row}_{_size(one.gallery)}_{level}_{value}_cmc1"] = float(np.mean(hit == 1))
    return figures


def interval(hit: np.ndarray, product: np.ndarray, seed: int) -> tuple[float, float]:
    """95 % of the share of hits when products, not queries, are drawn anew with replacement (Efron 1979).

    >>> interval(np.ones(4, bool), np.array([1, 1, 2, 3]), 0)
    (1.0, 1.0)
    """
    number = np.unique(product, return_inverse=True)[1]
    hits, counts = np.bincount(number, hit.astype(float)), np.bincount(number).astype(float)
    rng = np.random.default_rng(seed)
    draws = [hits[at].sum() / counts[at].sum() for at in rng.integers(0, len(counts), (ROUNDS, len(counts)))]
    low, high = np.quantile(draws, (0.025, 0.975))
    return float(low), float(high)


def evaluate_cmc(
    data: Path, seed: int, *, pictures: Path, weights: Path | None = None, plot: Path | None = None,
    drawn: Path | None = None, say: Callable[[str], None] = print,
) -> Result:
    """`outfit evaluate cmc`: the figures, the picture of all curves, the sheet of failures."""
    done = evaluate(pictures, data, weights, seed=seed, say=say)
    own = people.evaluate(pictures, data, weights, drawn=None if drawn is None else people.beside(drawn), say=say)
    for line in table(done.found, done.queries):
        say(line)
    if plot is not None:
        curves.draw([(f"{one.row}, {_size(one.gallery)}", one.ranks) for one in done.found], done.queries.levels, plot)
    if drawn is not None:
        draw_failures(done, pictures, drawn)
    return Result("cmc", "outfit evaluate cmc", revision(), seed, len(done.queries), done.figures | own)


def table(found: Sequence[Found], asked: queries.Queries) -> list[str]:
    """Rank 1 and rank 5 by level, and of queries made from 600 x 800 photos alone, as lines to read."""
    parts = {level: asked.levels == level for level in LEVELS}
    parts |= {f"{level} (photos)": (asked.levels == level) & (asked.sources == "photo") for level in LEVELS}
    lines = ["rank 1 / rank 5   " + "  ".join(f"{name} n {int(part.sum())}" for name, part in parts.items())]
    for one in found:
        shares = []
        for part in parts.values():
            ranks = one.ranks[part]
            shares.append(f"{np.mean(ranks == 1):.3f} / {np.mean((ranks >= 1) & (ranks <= 5)):.3f}")
        lines.append(f"{one.row} over {_size(one.gallery)}: " + "  ".join(shares))
    return lines


def draw_failures(done: Measured, pictures: Path, file: Path) -> None:
    """Queries whose product is not first over the largest gallery, by the best row there is, some of each level."""
    best = max(done.found, key=lambda one: (one.row == "served", one.row == "compact", one.gallery == 0))
    pixels = np.load(pictures / "small.npy", mmap_mode="r")
    failures = []
    for level in LEVELS:
        wrong = np.flatnonzero((done.queries.levels == level) & (best.ranks != 1))
        for i in np.random.default_rng(0).permutation(wrong)[: _SHOWN // len(LEVELS)]:
            right, top = pixels[done.queries.rows[i]], [pixels[r] for r in best.top[i]]
            name = f"{level}, {done.queries.sources[i]}"
            failures.append(sheet.Failure(done.crops.pixels[i], right, top, int(best.ranks[i]), name))
    sheet.draw(failures, file, most=_SHOWN)


def _check_archives(source: Path) -> None:
    for name in ("catalog-images.zip", "photos.zip", "user-photos.zip"):
        if not zipfile.is_zipfile(source / name):
            raise InvalidInput(f"there is no {name} in {source}", hint="give the folder of the real data: --data FOLDER")
