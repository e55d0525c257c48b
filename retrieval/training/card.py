"""The model card: what was trained on what, how good it is beside chance, what it is bad at, how to go on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw

from retrieval.evaluation.models import Measured

_HEADS = ("category", "sub_category", "gender", "colour", "usage", "season")


@dataclass(frozen=True, slots=True)
class Run:
    """What a release says of its training. `passes` over the training part; `seconds` of the run's own clock."""

    steps: int
    seconds: float
    passes: float
    products: int
    seed: int
    precision: str
    image_gap: float
    text_gap: float
    megabytes: float
    batch: int = 112  # products of a step
    people: int = 32  # people's photos of a step
    note: str = ""  # where it was trained, and what changed on the way
    small_share: float = 0.0  # of the time, at 48 x 60 px


def curve(log: Path) -> list[tuple[int, float, float]]:
    """(step, category top-1, instance rank-1) of the calibration part from a run's log.jsonl."""
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    return [(x["step"], x["category_top1"], x["instance_rank1"]) for x in lines if "category_top1" in x]


def draw_curve(points: Sequence[tuple[int, float, float]], file: Path, *, width: int = 640, height: int = 360) -> None:
    """Both curves as a PNG: steps to the right, share right upwards from 0 to 1."""
    image = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(image)
    left, right, top, bottom = 48, width - 16, 28, height - 36
    last = max((p[0] for p in points), default=1)

    def at(step: float, value: float) -> tuple[float, float]:
        return left + (right - left) * step / last, bottom - (bottom - top) * value

    for i in range(6):
        y = at(0, i / 5)[1]
        draw.line((left, y, right, y), fill=(225, 225, 225))
        draw.text((12, y - 6), f"{i / 5:.1f}", fill=(90, 90, 90))
    for i in range(5):
        x = at(last * i / 4, 0)[0]
        draw.text((x - 12, bottom + 8), f"{round(last * i / 4)}", fill=(90, 90, 90))
    draw.text((right - 36, bottom + 20), "steps", fill=(90, 90, 90))
    for which, colour, name in ((1, (32, 90, 190), "category top-1"), (2, (200, 80, 30), "same product rank-1")):
        line = [at(p[0], p[which]) for p in points]
        if len(line) > 1:
            draw.line(line, fill=colour, width=2)
        for x, y in line:
            draw.ellipse((x - 3, y - 3, x + 3, y + 3), fill=colour)
        draw.text((left + (which - 1) * 150, 8), name, fill=colour)
    image.save(file, optimize=True)


def draw_confusions(pairs: Sequence[tuple[str, str, int]], file: Path, *, width: int = 640) -> None:
    """The pairs of categories that are mistaken most as bars, most first, as a PNG: (what it is, what was said, how often)."""
    row = 16
    image = Image.new("RGB", (width, max(1, len(pairs)) * row + 8), "white")
    draw = ImageDraw.Draw(image)
    most = max((n for *_, n in pairs), default=1)
    for i, (truth, said, n) in enumerate(pairs):
        y = 4 + i * row
        draw.text((6, y), f"{truth} taken for {said}", fill=(40, 40, 40))
        draw.rectangle((300, y + 2, 300 + (width - 350) * n / most, y + row - 4), fill=(200, 80, 30))
        draw.text((306 + (width - 350) * n / most, y), str(n), fill=(90, 90, 90))
    image.save(file, optimize=True)


def shots_text(figures: Mapping[str, float]) -> str:
    """The part of the card on shot tags: what a person labelled, and views whose tags are known because they were made."""
    rows = [["tag", "n", "right (95 %)", "told", "right where told", "rarest class found", "majority"]]
    for kind, names in (("labelled", ("model_count", "worn", "real_scene", "angle", "whole")),
                        ("views", ("model_count", "worn", "real_scene", "whole", "quality"))):  # fmt: skip
        for name in names:
            k = f"{kind}_{name}"
            rows.append(
                [f"{name}, {'catalogue pictures' if kind == 'labelled' else 'made views'}", f"{figures[f'{k}_n']:.0f}"]
                + [_share(figures, f"{k}_right")]
                + [f"{figures[f'{k}_{x}']:.3f}" for x in ("told", "right_where_told", "least_recall", "majority")]
            )  # fmt: skip
    return f"""## Shot tags

How a catalogue picture was taken, by heads on the same features (`outfit train shots`): their labels are silhouette and skin,
composites, people's photos, close-ups and pictures made worse. Measured on held-out products: catalogue pictures that a
person looked at (`data/labels/shots.json`; a third chosen because their border is not plain), and views made of others.
Nothing in the catalogue teaches a back or a sole: those are never told.

{table(rows)}

"""


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows, the first of them the head, as Markdown."""
    head, *body = rows
    return "\n".join(
        [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}", *(f"| {' | '.join(row)} |" for row in body)]
    )


def _share(figures: Mapping[str, float], name: str) -> str:
    if f"{name}_low" in figures:
        return f"{figures[name]:.3f} ({figures[f'{name}_low']:.3f} to {figures[f'{name}_high']:.3f})"
    return f"{figures[name]:.3f}"


def _photos_text(figures: Mapping[str, float]) -> str:
    if "people_category_of_class" not in figures:
        return ""
    return f"""The category read from them is one of the class's in {_share(figures, "people_category_of_class")}; by the category head
alone, without the ten classes, in {_share(figures, "people_category_head_alone_of_class")}.
"""


def text(run: Run, measured: Mapping[str, Measured]) -> str:
    """The card as Markdown. `measured` as `retrieval.evaluation.models.evaluate` gives it."""
    a, w, p, i = (measured[k].figures for k in ("attributes", "words", "people", "instances"))
    heads = [["head", "top-1 (95 %)", "unlike training", "top-3", "macro-F1, 10 items or more", "macro-F1, all",
              "majority", "calibration error", "told", "right where told"]]  # fmt: skip
    for name in _HEADS:
        heads.append(
            [f"{name} ({a[f'{name}_classes']:.0f})", _share(a, f"{name}_top1")]
            + [f"{a[f'{name}_{k}']:.3f}" for k in ("top1_fresh", "top3", "macro_f1_10", "macro_f1", "majority",
                                                   "calibration_error", "told", "right_where_told")]
        )  # fmt: skip
    finds = [["query", "n", "rank-1 of all (95 %)", "rank-5 of all", "rank-1 of 6,000", "rank-5 of 6,000"]]
    for name, said in (
        ("photo_photometric", "600x800 photo: crop, turn, light, JPEG"),
        ("photo_on_ground", "600x800 photo: cut out, warped, on people's photos"),
        ("thumbnail_photometric", "catalogue picture: crop, turn, light, JPEG"),
        ("thumbnail_on_ground", "catalogue picture: cut out, warped, on people's photos"),
    ):
        k = f"instance_{name}"
        finds.append([said, f"{i[f'{k}_n']:.0f}", _share(i, f"{k}_rank1")]
                     + [f"{i[f'{k}_{r}']:.3f}" for r in ("rank5", "rank1_of_6000", "rank5_of_6000")])  # fmt: skip
    found = [["words", "figure (95 %)", "chance"]]
    for k, said in (
        ("title_recall10_held_out", "title to its picture, recall@10 among held-out products"),
        ("title_recall10_all", "title to its picture, recall@10 among all products"),
        ("category_p10", f"category, P@10 ({w['category_queries']:.0f} queries)"),
        ("colour_category_p10", f"colour and category, P@10 ({w['colour_category_queries']:.0f} queries)"),
    ):
        found.append([said, _share(w, k), f"{w[f'{k}_chance']:.4f}"])
    own = measured["people"].by_class["people"]
    weak = sorted(measured["attributes"].by_class["category"].items(), key=lambda pair: pair[1])[:12]
    pairs = measured["attributes"].worst_pairs[:12]
    return f"""# The compact image and text models

Two small networks of this project's own making, run by onnxruntime and numpy on one core: `image.onnx` reads a picture of
64 x 80 px once and gives a product embedding, an embedding shared with words, and the heads below; `text.npz` turns a title
or a question, English or (by the lexicon) Chinese, into the shared space. {run.megabytes:.1f} MB together.

## Training

Data: the public "Fashion Product Images" catalogue (MIT) and 3,068 photos that people took of their own clothes (free for
any use). {run.products:,} products give gradients. A tenth of all products is held out by a hash of the id
(`retrieval.training.split.is_held_out`) and is measured on below; one in 25 of the others is kept from the gradient to fit
temperatures and thresholds. People's photos keep their own train and validation folders.

{run.steps:,} steps of {run.batch:,} products in two views each and {run.people} people's photos, {run.passes:.1f} passes, {run.seconds / 60:.0f} minutes, seed {run.seed}.
{run.note} The first {run.small_share:.0%} of the time at 48 x 60 px, the rest at 64 x 80. Averaged weights (EMA) are what is exported; heads, embeddings and text tower were then trained on over fixed int8 features, each kept where it
measured better on the calibration products.
Shipped as {run.precision}; largest difference between onnxruntime and torch {run.image_gap:.1e}, largest loss of cosine of the
stored text tower {run.text_gap:.1e}.

![learning curve](compact.png)

Where it looks (how much each place adds to the features): ![attention](compact-attention.png)

## Figures

{measured["attributes"].n:,} held-out products. "Unlike training": without pictures that (nearly) repeat one of the training
part. "Told": share of pictures for which the head answers at all; below its threshold it says "cannot tell". Heads are read
from a picture and its mirror image, the colour with the palette measured on the pixels beside the head.

{table(heads)}

The same product found among all products of the catalogue, from a changed picture of it
(chance at rank 1: {i["instance_rank1_chance"]:.5f}):

{table(finds)}

{table(found)}

People's own photos, ten classes, validation folder (n {measured["people"].n}): {_share(p, "people_top1")}, majority
{p["people_majority"]:.3f}. By class: {", ".join(f"{name} {share:.2f}" for name, share in own.items())}.
{_photos_text(p)}
{shots_text(measured["shots"].figures) if "shots" in measured else ""}## What it is for, and what it is bad at

For finding a shop's product by a photo, describing a garment in the catalogue's words, and searching pictures by words, where
no GPU and no download is at hand. Not for telling people apart, nor for judging fit, fabric or authenticity.

Weakest categories with ten items or more (F1): {", ".join(f"{name} {f1:.2f}" for name, f1 in weak)}.
Taken for each other most often: {", ".join(f"{t} as {g} ({n})" for t, g, n in pairs)}.
![confusions](compact-confusions.png)

The colour and season labels it learned from are noisy; usage is mostly its majority class. A picture is seen at 64 x 80 px:
products that differ in small print only are one to it. Photos with several garments are to be cropped first.

## To go on

A checkpoint holds weights, averages, optimisers and bank: `outfit train compact --minutes N` goes on from it with a new
schedule (`--begin-with` begins another run with its weights, `--teacher` learns from one, `--device` picks a GPU), `outfit train export` writes these files anew, `outfit train shots` adds the heads
for shots, `outfit evaluate models` measures them.
"""


def write(run: Run, measured: Mapping[str, Measured], log: Path, folder: Path) -> None:
    """compact.md, compact.json and their pictures, but for compact-attention.png, into `folder`."""
    from dataclasses import asdict

    folder.mkdir(parents=True, exist_ok=True)
    points = curve(log)
    draw_curve(points, folder / "compact.png")
    draw_confusions(measured["attributes"].worst_pairs, folder / "compact-confusions.png")
    (folder / "compact.md").write_text(text(run, measured), encoding="utf-8")
    plain = {
        "run": asdict(run),
        "curve": [{"step": s, "category_top1": round(c, 4), "instance_rank1": round(r, 4)} for s, c, r in points],
        "figures": {k: {n: round(v, 5) for n, v in m.figures.items()} for k, m in measured.items()},
        "by_class": {k: m.by_class for k, m in measured.items() if m.by_class},
        "worst_pairs": measured["attributes"].worst_pairs,
    }
    (folder / "compact.json").write_text(json.dumps(plain, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
