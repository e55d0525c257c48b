"""The compact models measured on products that training never saw: attributes, words to pictures, same product.

Every figure stands beside chance or the majority class, with n and a 95 % bootstrap interval; the same without pictures
that repeat one of the training part. Needs the arrays of `retrieval.training.cache.prepare` and the archives they came
from; no torch.
"""

from __future__ import annotations

import io
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from retrieval.encoders import photo_classes
from retrieval.encoders.compact import CompactDescriber, CompactModel, CompactText, letterboxed, load_image, load_text
from retrieval.evaluation import metrics, sheet, shoppers
from retrieval.evaluation.results import Result, revision
from retrieval.training import cache
from retrieval.training.repeats import Repeats
from retrieval.training.split import is_held_out

ENOUGH = 10  # items a class needs to count in the macro-F1 of frequent classes


@dataclass(frozen=True, slots=True)
class Measured:
    """`figures` for the results file; the rest for the model card."""

    figures: dict[str, float]
    n: int
    by_class: dict[str, dict[str, float]] = field(default_factory=dict)
    worst_pairs: list[tuple[str, str, int]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Everything that is measured on: pictures of all products, which are held out, which of those repeat training."""

    rows: list[cache.Row]
    pixels: np.ndarray  # (N, 80, 64, 3) uint8
    held: np.ndarray  # indices
    is_fresh: np.ndarray  # (len(held),) bool: no picture of the training part is (nearly) the same


def load(folder: Path) -> HeldOut:
    """Read the arrays of `cache.prepare` and find what repeats a picture of the training part."""
    rows = cache.load_rows(folder)
    pixels = np.load(folder / "small.npy")
    is_held = np.array([is_held_out(r.sku) for r in rows])
    held = np.flatnonzero(is_held)
    repeats = Repeats(pixels[~is_held])
    return HeldOut(rows, pixels, held, np.array([not len(repeats.of(pixels[i])) for i in held], bool))


def _with_interval(figures: dict[str, float], name: str, cases: np.ndarray, seed: int) -> None:
    got = metrics.bootstrap(cases.astype(float), seed=seed, rounds=400)
    figures[name], figures[f"{name}_low"], figures[f"{name}_high"] = got.value, got.low, got.high


def attributes(data: HeldOut, model: CompactModel, seed: int = 0) -> Measured:
    """Each head on the held-out products: top-1, top-3, macro-F1 (all classes present; those with ENOUGH items),
    majority, calibration error, share told and right where told.

    The answer is that of the shipped head, with its shift towards rare classes. A held-out label that training never saw
    counts as wrong.
    """
    figures: dict[str, float] = {}
    by_class: dict[str, dict[str, float]] = {}
    worst: list[tuple[str, str, int]] = []
    answers = model.probabilities_of(list(data.pixels[data.held]))
    for at, name in enumerate(cache.FIELDS):
        head = model.heads[name]
        number = {c: i for i, c in enumerate(head.classes)}
        unseen = sorted({data.rows[i].labels[at] for i in data.held} - set(number) - {""})
        number |= {c: len(head.classes) + i for i, c in enumerate(unseen)}
        truth = np.array([number.get(data.rows[i].labels[at], -1) for i in data.held])
        known = truth >= 0
        p = np.pad(answers[name], ((0, 0), (0, len(unseen))))[known]
        truth, fresh = truth[known], data.is_fresh[known]
        guess = p.argmax(1)
        right = guess == truth
        table = metrics.confusion(truth, guess, len(number))
        _with_interval(figures, f"{name}_top1", right, seed)
        figures[f"{name}_top1_fresh"] = float(right[fresh].mean())
        figures[f"{name}_top3"] = metrics.top_k_accuracy(p, truth, 3)
        figures[f"{name}_macro_f1"] = metrics.macro_f1(table)
        figures[f"{name}_macro_f1_10"] = metrics.macro_f1(table, at_least=ENOUGH)
        fresh_table = metrics.confusion(truth[fresh], guess[fresh], len(number))
        figures[f"{name}_macro_f1_10_fresh"] = metrics.macro_f1(fresh_table, at_least=ENOUGH)
        figures[f"{name}_majority"] = float(np.bincount(truth).max() / len(truth))
        figures[f"{name}_classes"] = float((table.sum(1) > 0).sum())
        figures[f"{name}_calibration_error"] = metrics.expected_calibration_error(p.max(1), right)
        told = p.max(1) >= head.least
        figures[f"{name}_told"] = float(told.mean())
        figures[f"{name}_right_where_told"] = float(right[told].mean()) if told.any() else 0.0
        figures[f"{name}_n"] = float(len(truth))
        names = list(number)
        f1 = metrics.f1_by_class(table)
        by_class[name] = {names[c]: round(float(f1[c]), 3) for c in np.flatnonzero(table.sum(1) >= ENOUGH)}
        if name == "category":
            off = table * (1 - np.eye(len(table), dtype=table.dtype))
            order = np.argsort(-off, axis=None, kind="stable")[:20]
            worst = [(names[i // len(names)], names[i % len(names)], int(off.flat[i])) for i in order if off.flat[i]]
    return Measured(figures, len(data.held), by_class, worst)


def words(data: HeldOut, shared: np.ndarray, text: CompactText, seed: int = 0) -> Measured:
    """Titles to their own pictures (rank among held-out products, and among all), and categories or colour with
    category to what fits: P@10 among held-out products. `shared` (N, d): the pictures of all products.

    Identical titles are all right. Category queries: types with ENOUGH held-out items; the same for colour and type.
    """
    titles = [data.rows[i].title for i in data.held]
    queries = text.encode(titles)
    number: dict[str, int] = {}
    title = np.array([number.setdefault(r.title, len(number)) for r in data.rows])
    figures: dict[str, float] = {}
    for name, gallery in (("held_out", data.held), ("all", np.arange(len(data.rows)))):
        ranks = []
        for part in np.array_split(np.arange(len(titles)), max(1, len(titles) // 256)):
            scores = queries[part] @ shared[gallery].T
            relevant = title[data.held[part]][:, None] == title[gallery][None]
            ranks.append(metrics.ranks_of(scores, relevant))
        ranks = np.concatenate(ranks)
        _with_interval(figures, f"title_recall10_{name}", (ranks >= 1) & (ranks <= 10), seed)
        figures[f"title_recall1_{name}"] = metrics.cmc_at_k(ranks, 1)
        figures[f"title_mrr_{name}"] = metrics.mrr(ranks)
        figures[f"title_recall10_{name}_fresh"] = metrics.cmc_at_k(ranks[data.is_fresh], 10)
        figures[f"title_recall10_{name}_chance"] = 10 / len(gallery)
    category = np.array([data.rows[i].labels[0] for i in data.held])
    colour = np.array([data.rows[i].labels[3] for i in data.held])
    both = np.array([f"{c} {t}" for c, t in zip(colour, category, strict=True)])
    both = np.where(colour == "", "", both)
    for name, value in (("category", category), ("colour_category", both)):
        wanted = [v for v, n in Counter(value.tolist()).items() if n >= ENOUGH and v]
        scores = text.encode(wanted) @ shared[data.held].T
        order = np.argsort(-scores, axis=1, kind="stable")[:, :10]
        fits = value[order] == np.array(wanted)[:, None]
        _with_interval(figures, f"{name}_p10", fits.mean(1), seed)
        figures[f"{name}_p10_chance"] = float(np.mean([np.mean(value == v) for v in wanted])) if wanted else 0.0
        figures[f"{name}_queries"] = float(len(wanted))
    return Measured(figures, len(data.held))


def people(folder: Path, model: CompactModel, seed: int = 0) -> Measured:
    """The ten classes of people's own photos, validation folder: share right, by class, majority; and the share whose
    category is one of the class, by the category head alone and with the ten classes heard.
    """
    pixels = np.load(folder / "people_validation.npy")
    truth = np.load(folder / "people_validation_labels.npy")
    read = model.probabilities_of(letterboxed([Image.fromarray(p) for p in pixels]))
    guess = read["people"].argmax(1)
    figures: dict[str, float] = {}
    readings = {"category_head_alone": read["category"]}
    if "shot_scene" in read:
        readings["category"] = model.heard_category(read)
    for name, p in readings.items():
        said = [model.heads["category"].classes[k] for k in p.argmax(1)]
        fits = [s in photo_classes.COMPATIBLE[cache.PEOPLE_CLASSES[t]] for s, t in zip(said, truth, strict=True)]
        _with_interval(figures, f"people_{name}_of_class", np.array(fits), seed)
    _with_interval(figures, "people_top1", guess == truth, seed)
    figures["people_majority"] = float(np.bincount(truth).max() / len(truth))
    by_class = {
        name: round(float((guess == truth)[truth == i].mean()), 3)
        for i, name in enumerate(cache.PEOPLE_CLASSES) if (truth == i).any()
    }  # fmt: skip
    figures["people_worst_class"] = min(by_class.values())
    figures |= {f"people_{name}": share for name, share in by_class.items()}
    return Measured(figures, len(truth), {"people": by_class})


def instances(
    data: HeldOut, instance: np.ndarray, model: CompactModel, source: Path, *, seed: int = 0, most: int = 1500,
    failures: list[sheet.Failure] | None = None,
) -> Measured:
    """The same product found among all products, from a changed picture of it: rank-1 and rank-5.

    Queries: held-out products, from 600x800 photos where there is one, else from the catalogue picture; `photometric`
    and `on_ground` of `shoppers`, grounds from the validation folder of people's photos. `instance` (N, d): the gallery,
    every product by its catalogue picture. Identical pictures are one. `failures` takes what is not at rank 1.
    """
    rng = np.random.default_rng(seed)
    group = cache.duplicates(data.pixels)
    figures: dict[str, float] = {}
    total = 0
    with (
        zipfile.ZipFile(source / "catalog-images.zip") as low,
        zipfile.ZipFile(source / "photos.zip") as high,
        zipfile.ZipFile(source / "user-photos.zip") as own,
    ):
        grounds = [n for n in own.namelist() if "/validation/" in n and n.endswith(".jpg")]
        photos = set(high.namelist())
        has_photo = [i for i in data.held if f"photos/{data.rows[i].sku}.jpg" in photos]
        without = [i for i in data.held if f"photos/{data.rows[i].sku}.jpg" not in photos]
        some = rng.permutation(without)[:most].tolist()
        for size, chosen in (("photo", has_photo), ("thumbnail", some)):
            for kind in ("photometric", "on_ground"):
                pixels = []
                for i in chosen:
                    sku = data.rows[i].sku
                    name, archive = (f"photos/{sku}.jpg", high) if size == "photo" else (f"images/{sku}.jpg", low)
                    image = _picture(archive, name)
                    if kind == "photometric":
                        query = shoppers.photometric(image, rng)
                    else:
                        ground = _picture(own, grounds[int(rng.integers(len(grounds)))])
                        query = shoppers.on_ground(image, ground, rng)
                    pixels.append(np.asarray(cache.letterbox(query), np.uint8))
                found = model.outputs_of(pixels)["instance"]
                at = np.array(chosen)
                ranks = _instance_ranks(found, instance, group, group[at])
                if failures is not None:
                    for j in np.flatnonzero(ranks != 1)[:12]:
                        top = np.argsort(-(instance @ found[j]), kind="stable")[:5]
                        failures.append(
                            sheet.Failure(pixels[j], data.pixels[at[j]], list(data.pixels[top]), int(ranks[j]),
                                          f"{size}, {kind}")
                        )  # fmt: skip
                name = f"instance_{size}_{kind}"
                _with_interval(figures, f"{name}_rank1", ranks == 1, seed)
                figures[f"{name}_rank5"] = metrics.cmc_at_k(ranks, 5)
                others = np.setdiff1d(rng.permutation(len(data.rows))[:6000], at)
                few = np.concatenate((at, others))[:6000]
                few = _instance_ranks(found, instance[few], group[few], group[at])
                figures[f"{name}_rank1_of_6000"] = metrics.cmc_at_k(few, 1)
                figures[f"{name}_rank5_of_6000"] = metrics.cmc_at_k(few, 5)
                figures[f"{name}_n"] = float(len(chosen))
                total += len(chosen)
    figures["instance_rank1_chance"] = 1 / len(data.rows)
    return Measured(figures, total)


def speed(model: CompactModel, text: CompactText, describer: CompactDescriber, n: int = 64) -> Measured:
    """Milliseconds of processor time for a picture of 600 x 800 px alone, described too, one of a batch, and a title; all threads
    counted, medians over `n`, so that other work on the machine weighs little.
    """
    rng = np.random.default_rng(0)
    photos = [Image.fromarray(rng.integers(0, 256, (800, 600, 3), dtype=np.uint8)) for _ in range(2 * n)]  # read once each

    def median_ms(work: Callable[[int], object], times: int) -> float:
        taken = []
        for i in range(times):
            before = time.process_time()
            work(i)
            taken.append((time.process_time() - before) * 1e3)
        return float(np.median(taken))

    figures = {
        "image_cpu_ms": median_ms(lambda i: model.outputs(photos[i : i + 1]), n),
        "image_described_cpu_ms": median_ms(lambda i: describer.describe(photos[n + i : n + i + 1]), n),
        "image_in_batch_cpu_ms": median_ms(
            lambda i: model.outputs_of(list(rng.integers(0, 256, (64, 80, 64, 3), dtype=np.uint8))), 5
        ) / 64,
        "text_cpu_ms": median_ms(lambda i: text.encode([f"Turtle Check Men Navy Blue Shirt {i}"]), n),
    }  # fmt: skip
    return Measured(figures, n)


def _picture(archive: zipfile.ZipFile, name: str) -> Image.Image:
    return Image.open(io.BytesIO(archive.read(name))).convert("RGB")


def _instance_ranks(queries: np.ndarray, gallery: np.ndarray, group: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Ranks of the right group: `own` (n,) of the queries among `group` (m,) of the gallery."""
    ranks = []
    for part in np.array_split(np.arange(len(queries)), max(1, len(queries) // 256)):
        ranks.append(metrics.ranks_of(queries[part] @ gallery.T, own[part][:, None] == group[None]))
    return np.concatenate(ranks)


def evaluate(
    folder: Path, source: Path, weights_dir: Path | None = None, *, seed: int = 0,
    failures: list[sheet.Failure] | None = None, progress: Callable[[str], None] = print,
) -> dict[str, Measured]:
    """All figures by part: attributes, words, people, instances, speed. A few minutes on one core.

    `folder` as `cache.prepare` wrote it from `source`; `failures` takes what was not found.
    """
    data = load(folder)
    model, text = load_image(weights_dir), load_text(weights_dir)
    progress(f"{len(data.held)} held-out products, {int(data.is_fresh.sum())} of them unlike any in training")
    measured = {"attributes": attributes(data, model, seed), "people": people(folder, model, seed)}
    progress("attributes and people's photos measured")
    shared, instance = [], []
    for part in np.array_split(np.arange(len(data.rows)), max(1, len(data.rows) // 512)):
        out = model.outputs_of(list(data.pixels[part]))
        shared.append(out["shared"])
        instance.append(out["instance"])
    measured["words"] = words(data, np.concatenate(shared), text, seed)
    progress("words measured")
    measured["instances"] = instances(data, np.concatenate(instance), model, source, seed=seed, failures=failures)
    measured["speed"] = speed(model, text, CompactDescriber(weights_dir))
    return measured


def as_results(measured: Mapping[str, Measured], seed: int) -> list[Result]:
    """In the house form, one result a part: `models-attributes`, ..."""
    now, command = revision(), "outfit evaluate models"
    return [Result(f"models-{name}", command, now, seed, m.n, m.figures) for name, m in measured.items()]
