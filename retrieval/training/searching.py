"""What picture search learns after the net: a wider instance space, and how hits are weighed; each a command.

Both look at training and calibration products alone. Both come after `outfit train export`, and again after each new one.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from retrieval.detectors.compact import CompactDetector
from retrieval.encoders.compact import IMAGE_FILE, CompactEvidence, CompactModel, load_image, load_text
from retrieval.encoders.hashing import HashingTextEncoder
from retrieval.evaluation import metrics, queries, served
from retrieval.evaluation.ladder import LEVELS
from retrieval.evaluation.readers import compact, vectors_of
from retrieval.lexicon import spans
from retrieval.ranking import Ranking, save
from retrieval.search import DEPTH, TEXT_SHARE, asked_words
from retrieval.training import cache, whiten
from retrieval.training import ranking as fitting
from retrieval.training.data import load_data
from retrieval.training.split import is_calibration, is_held_out

Say = Callable[[str], None]

WEIGHTS = (0.7, 1.0, 1.4)  # of the whitened features beside the head
LEAST_GAIN = 0.005  # of mean rank-1 over the ladder: below that the simpler way is kept
KINDS = (0.0, 0.01, 0.02, 0.04, 0.08)  # weights of the picture's kind beside words
TWINS, LEAST_TWINS = 1_000, 0.995
MIRROR_GAIN = 0.01  # the same for the mirror image, which doubles the time of a picture


@dataclass(frozen=True, slots=True)
class Tried:
    """One way of reading: its mean rank-1 over the ladder's levels, and each level's."""

    weight: float  # 0: the head alone
    mirrored: bool
    mean: float
    levels: dict[str, float]


def whiten_compact(
    pictures: Path, source: Path, weights: Path, cache_dir: Path, *, products: int, dim: int, others: int, seed: int,
    say: Say,
) -> list[Tried]:
    """Widen the instance space of `weights/image.onnx` where calibration products are found better by it.

    The projection is fitted on `products` training products; the ways are compared by queries for calibration products
    among those and `others` training products. Returns what was tried, the best first; the file is written anew only where
    it is not the head alone.
    """
    data = load_data(pictures)
    file = weights / IMAGE_FILE
    rng = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as folder:
        tapped = Path(folder) / IMAGE_FILE
        whiten.tap(file, tapped)
        read = CompactModel(tapped).outputs_of
        order = rng.permutation(data.train)
        at = order[:products]
        plain = whiten.features_of(read, data.small[at])[1]
        say(f"{len(at):,} training products read")
        views = [whiten.features_of(read, whiten.views_of(data, at, seed + 1 + v))[1] for v in range(2)]
        say("and two changed views of each")
        fitted = whiten.fit(plain, views, dim)
        asked = queries.load(source, cache.load_rows(pictures), "calibration", cache_dir, seed=seed, progress=say)
        shown = queries.crops_of(asked).pixels
        gallery = np.concatenate((data.calibration, order[products : products + others]))
        own, among = data.group[asked.rows], data.group[gallery]
        q, g = ([whiten.features_of(read, p) for p in (x, x[:, :, ::-1])] for x in (shown, data.small[gallery]))
    say(f"{len(asked):,} queries among {len(gallery):,} pictures")
    tried = []
    for weight in (0.0, *WEIGHTS):
        for mirrored in (False, True):
            a, b = (_read(x, fitted, weight, mirrored) for x in (q, g))
            ranks = np.concatenate(
                [
                    metrics.ranks_of(a[part] @ b.T, own[part][:, None] == among[None])
                    for part in np.array_split(np.arange(len(a)), max(1, len(a) // 256))
                ]
            )
            levels = {name: float(np.mean(ranks[asked.levels == name] == 1)) for name in LEVELS}
            tried.append(Tried(weight, mirrored, float(np.mean(list(levels.values()))), levels))
            say(f"weight {weight:.1f}{' mirrored' if mirrored else ''}: {_words(tried[-1])}")
    best = choose(tried)
    if best.weight or best.mirrored:
        kept = whiten.Whitening(fitted.mean, fitted.matrix, best.weight)
        whiten.widen(file, file, kept, mirrored=best.mirrored)
        say(f"{file} is widened: rank-1 {_words(best)}")
    else:
        say(f"{file} stays as it is: nothing gained {LEAST_GAIN:.1%}")
    return sorted(tried, key=lambda one: one is not best)


def rank_compact(
    pictures: Path, source: Path, weights: Path, cache_dir: Path, *, gallery: int, seed: int, say: Say
) -> Ranking:
    """Fit how hits are weighed, when "this is it" is said, and what share words have beside a picture; write it beside the
    weights. `gallery` products are searched, 0 for all.
    """
    rows, pixels = cache.load_rows(pictures), np.load(pictures / "small.npy", mmap_mode="r")
    model, text = load_image(weights), load_text(weights)
    group = cache.duplicates(pixels)
    asked = queries.load(source, rows, "calibration", cache_dir, seed=seed, progress=say)
    crops = queries.crops_of(asked, CompactDetector())
    own = np.flatnonzero([is_calibration(row.sku) for row in rows])
    others = np.random.default_rng(seed).permutation(
        np.flatnonzero([not is_calibration(r.sku) and not is_held_out(r.sku) for r in rows])
    )
    among = np.concatenate((own, others[: max(0, gallery - len(own))] if gallery else others))
    if gallery:
        vectors = np.zeros((len(rows), model.dims["instance"]), np.float32)
        vectors[among] = vectors_of(compact(model), pixels[among], cache_dir)
    else:  # all of them, held-out ones too: the measure reads the same file
        vectors = vectors_of(compact(model), pixels, cache_dir)
    say(f"{len(among):,} pictures read")
    shop = served.shop_of(rows, pixels, group, among, vectors)
    hits, cosines = served.first_hits(model.instances(list(crops.pixels)), shop, DEPTH)
    evidence = served.evidence_of(crops.pixels, hits, cosines, shop, model, text)
    is_own = (group[shop.at][hits] == group[asked.rows][:, None]) & (hits >= 0) & crops.found[:, None]
    truth = np.where(is_own.any(1), is_own.argmax(1), -1)
    cases = fitting.Cases(evidence, truth, group[asked.rows], asked.levels)
    say(f"{len(cases):,} cases, the product among the first {DEPTH} in {np.mean(truth >= 0):.0%}")
    names, table = fitting.select(cases, CompactEvidence.NAMES)
    bare = fitting.fit(cases, names)
    done = replace(bare, curve=fitting.fit_curve(bare, cases))
    p, right = done.first(cases)
    sure = fitting.fit_sure(p, right)
    table |= {
        "cases": float(len(cases)), "gallery": float(len(shop.at)), "log_loss": fitting.crossed(cases, names)[1],
        "calibration_error": metrics.expected_calibration_error(p, right),
        "said": float(np.mean(p >= sure)), "right_where_said": float(right[p >= sure].mean()) if (p >= sure).any() else 0.0,
    }  # fmt: skip
    say("  ".join(f"{name} {value:.3f}" for name, value in table.items()))
    share, kind, shares = words_share(asked, crops, rows, shop, model)
    twins = twins_threshold(np.flatnonzero(np.isin(shop.at, own)), shop.vectors)
    say(f"words weigh {share:.2f} beside a picture, its kind {kind:.2f}; pictures are one from a cosine of {twins:.4f} on")
    fitted = Ranking(
        "compact-instance", model.digest[:16], done.weights, done.none, done.curve, sure, twins, share, kind,
        {name: round(value, 5) for name, value in (table | shares).items()},
    )  # fmt: skip
    say(f"written: {save(fitted, weights / 'ranking.json')}")
    return fitted


def words_share(
    asked: queries.Queries, crops: queries.Crops, rows: list[cache.Row], shop: served.Shop, model: CompactModel
) -> tuple[float, float, dict[str, float]]:
    """The weights of words and of the picture's kind, beside the picture's own, that find most often among the first ten a
    product of the same family in the colour asked for: titles that differ in nothing but the colour, of one category and
    gender. "in navy", of a product shown in black. With what each finds alone, and chance.
    """
    siblings = siblings_of([rows[r] for r in shop.at])
    place = {int(r): i for i, r in enumerate(shop.at)}
    cases = []
    for i in np.flatnonzero(asked.levels == "photometric"):
        own = place.get(int(asked.rows[i]))
        for colour, right in sorted(siblings.get(own, {}).items())[:3]:
            cases.append((int(i), f"in {colour.lower()}", right))
    if not cases:
        return TEXT_SHARE, 0.0, {}
    texts = HashingTextEncoder()
    titles = texts.encode_documents([rows[r].title for r in shop.at])
    shown = [crops.pixels[i] for i, _, _ in cases]
    pictured = model.instances(shown) @ shop.vectors.T
    worded = texts.encode_queries([asked_words(words) for _, words, _ in cases]) @ titles.T
    kinds = _kinds(model.answers_of(shown), [rows[r] for r in shop.at], model)
    found = {}
    for kind in KINDS:
        for share in np.round(np.arange(0, 1.01, 0.1), 2):
            scores = (1 - share) * pictured + share * worded + kind * kinds
            top = np.argpartition(-scores, 10, axis=1)[:, :10]
            hits = [bool(set(t.tolist()) & right) for t, (_, _, right) in zip(top, cases, strict=True)]
            found[float(share), kind] = float(np.mean(hits))
    share, kind = max(found, key=found.get)
    chance = float(np.mean([1 - (1 - len(right) / len(shop.at)) ** 10 for _, _, right in cases]))
    return share, kind, {
        "words_recall10": found[share, kind],
        "words_recall10_without_kind": max(value for (_, k), value in found.items() if k == 0),
        "words_recall10_picture_alone": found[0.0, 0.0],
        "words_recall10_words_alone": found[1.0, 0.0],
        "words_recall10_chance": chance,
        "words_cases": float(len(cases)),
    }


def _kinds(out: dict[str, np.ndarray], rows: list[cache.Row], model: CompactModel) -> np.ndarray:
    """(n, m) log probability that the category and gender of m products are those of n pictures."""
    reader, total = CompactEvidence(model), np.zeros((len(out["category"]), len(rows)))
    for name in ("category", "gender"):
        labels = [row.labels[cache.FIELDS.index(name)] or None for row in rows]
        kinds = sorted(set(labels), key=str)
        at = np.array([kinds.index(label) for label in labels])
        for i, logits in enumerate(out[name]):
            total[i] += reader.read_one(name, logits, kinds)[at]
    return total


def siblings_of(rows: list[cache.Row]) -> dict[int, dict[str, set[int]]]:
    """For each product, by other colour, the products of its family in that colour: titles alike but for words of colour."""
    families: dict[tuple, list[int]] = {}
    for i, row in enumerate(rows):
        said = (k for s in spans(row.title) if s.term is None or s.term.kind not in ("colour", "filler") for k in s.keys)
        families.setdefault((tuple(said), row.labels[0], row.labels[2]), []).append(i)
    found: dict[int, dict[str, set[int]]] = {}
    for family in families.values():
        by_colour: dict[str, set[int]] = {}
        for i in family:
            by_colour.setdefault(rows[i].labels[3], set()).add(i)
        for i in family if len(by_colour) > 1 else ():
            found[i] = {c: right for c, right in by_colour.items() if c and c != rows[i].labels[3]}
    return found


def twins_threshold(own: np.ndarray, all_vectors: np.ndarray) -> float:
    """The cosine from which two products' pictures are taken for one: reached by the nearest other picture of one product in
    TWINS, at least LEAST_TWINS. `own` (n, d) are places of `all_vectors` (m, d) that are asked for, pictures that differ.

    Products that differ in a stripe alone lie at .99, so likeness by itself folds nothing.
    """
    nearest = []
    for part in np.array_split(own, max(1, len(own) // 256)):
        cosines = all_vectors[part] @ all_vectors.T
        cosines[np.arange(len(part)), part] = -1
        nearest.append(cosines.max(1))
    return float(round(max(LEAST_TWINS, float(np.quantile(np.concatenate(nearest), 1 - 1 / TWINS))), 5))


def choose(tried: list[Tried]) -> Tried:
    """The best way that is worth its cost: mirrored only from MIRROR_GAIN on, widened only from LEAST_GAIN on."""
    head = next(one for one in tried if not one.weight and not one.mirrored)
    best = head
    for mirrored, least in ((False, LEAST_GAIN), (True, MIRROR_GAIN)):
        rival = max((one for one in tried if one.mirrored is mirrored), key=lambda one: one.mean)
        if rival.mean >= best.mean + least:
            best = rival
    return best


def _read(
    both: list[tuple[np.ndarray, np.ndarray]], fitted: whiten.Whitening, weight: float, mirrored: bool
) -> np.ndarray:
    """(n, d) of norm 1 from (head, features) of the pictures and of their mirror images."""
    way = whiten.Whitening(fitted.mean, fitted.matrix, weight)
    vectors = [way.beside(head, features) if weight else head for head, features in both[: 2 if mirrored else 1]]
    total = sum(vectors)
    return total / np.linalg.norm(total, axis=1, keepdims=True)


def _words(one: Tried) -> str:
    return ", ".join(f"{name} {value:.3f}" for name, value in one.levels.items())
