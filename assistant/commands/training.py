"""`outfit train`: the compact models from real data, and a shop's own from a folder of pictures."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from assistant.commands import console
from retrieval import resources
from retrieval.errors import InvalidInput, ModelUnavailable

Data = Annotated[Path, typer.Option(help="Folder of the real data: styles.csv, catalog-images.zip, ...")]
Pictures = Annotated[Path, typer.Option(help="Folder of the prepared pictures.")]
RunFolder = Annotated[Path, typer.Option("--run", help="Folder of checkpoints and logs.")]
Seed = Annotated[int, typer.Option(help="Seed of every random choice.")]
Device = Annotated[str, typer.Option(help="auto (a GPU where there is one), cpu, or cuda.")]
Split = Annotated[Path | None, typer.Option(help="Manifest of `outfit split`: only its training part is used.")]

DATA, PICTURES, RUN = Path("../shared/data"), Path(".outfit/training/pictures"), Path(".outfit/training/compact")


def add_to(cli: typer.Typer) -> None:
    train = typer.Typer(
        help="Train, export and measure the compact models, or a shop's own. Needs the extra [train].",
        no_args_is_help=True,
    )
    for command in (prepare, compact, export, whiten, shots, ranking, evaluate, pretrain, finetune, shop, compare):
        train.command()(command)
    cli.add_typer(train, name="train")


def prepare(data: Data = DATA, pictures: Pictures = PICTURES) -> None:
    """Decode all pictures once into arrays that training and measuring read (about 1.5 GB, one or two minutes)."""
    needs("scipy")
    from retrieval.training.cache import prepare as decode

    decode(data, pictures, keep=lambda sku: True, progress=_say)


def compact(
    minutes: Annotated[float, typer.Option(help="How long to train; the rate falls to zero by then.")] = 90,
    pictures: Pictures = PICTURES,
    run: RunFolder = RUN,
    workers: Annotated[int, typer.Option(help="Threads, one core each.")] = 2,
    half: Annotated[bool, typer.Option(help="bfloat16 convolutions; slower where a processor has no such instructions.")] = True,
    begin_with: Annotated[
        Path | None, typer.Option(help="Another run's folder: a run without a checkpoint takes its weights, not its steps.")
    ] = None,
    net: Annotated[str, typer.Option(help="small, wide (what ships), or teacher (larger than what is served).")] = "small",
    teacher: Annotated[Path | None, typer.Option(help="A run's folder: its image net is learned from beside the labels.")] = None,
    device: Device = "auto",
    seed: Seed = 7,
) -> None:
    """Train the image and text models, or go on from the run's checkpoint with a new schedule. Ctrl-C saves and stops."""
    needs("torch", "scipy")
    from retrieval.training.recipe import train_compact

    steps = train_compact(pictures, run, minutes=minutes, seed=seed, workers=workers, half=half, begin_with=begin_with,
                          net=net, teacher=teacher, device=device, stop=console.interrupted(), say=_say)  # fmt: skip
    console.out.print(f"{steps:,} steps done; next: outfit train export --run {run}")


def export(
    pictures: Pictures = PICTURES,
    run: RunFolder = RUN,
    out: Annotated[Path | None, typer.Option(help="Where the files go; the shipped weights unless said.")] = None,
    epochs: Annotated[int, typer.Option(help="Passes of the last layers over fixed features; 0 leaves them out.")] = 12,
    views: Annotated[int, typer.Option(help="Changed views of each product for that.")] = 2,
    hard_share: Annotated[float, typer.Option(help="Share of the products that get them; less is quicker.")] = 1.0,
    note: Annotated[str, typer.Option(help="For the card: where it was trained, what changed on the way.")] = "",
) -> None:
    """Calibrate a run's averaged weights and write image.onnx (int8 where it loses less than half a point) and text.npz."""
    needs("torch", "scipy", "onnx", "onnxscript")
    from retrieval.training.recipe import export_compact

    export_compact(pictures, run, out or resources.path("weights"), epochs=epochs, views=views,
                   hard_share=hard_share, note=note, say=_say)  # fmt: skip
    console.out.print("written; next: outfit train shots, outfit train whiten, outfit train ranking")


def whiten(
    data: Data = DATA,
    pictures: Pictures = PICTURES,
    weights: Annotated[Path | None, typer.Option(help="Folder of the weights; the shipped ones unless said.")] = None,
    products: Annotated[int, typer.Option(help="Training products that the projection is fitted on.")] = 6000,
    dim: Annotated[int, typer.Option(help="Numbers that it adds to each vector.")] = 256,
    others: Annotated[int, typer.Option(help="Training products among which calibration products are sought.")] = 4500,
    seed: Seed = 0,
) -> None:
    """Widen the space in which the same product is found, after an export: a closed-form reading beside the trained one.

    It is kept, and so is counting each picture with its mirror image, only where calibration products are found better by
    it. The weights are new then: `outfit rebuild` re-embeds a catalogue.
    """
    needs("torch", "scipy", "onnx")
    from retrieval.training.searching import whiten_compact

    whiten_compact(pictures, data, weights or resources.path("weights"), pictures.parent / "search", products=products,
                   dim=dim, others=others, seed=seed, say=_say)  # fmt: skip
    console.out.print("next: outfit train ranking")


def ranking(
    data: Data = DATA,
    pictures: Pictures = PICTURES,
    weights: Annotated[Path | None, typer.Option(help="Folder of the weights; the shipped ones unless said.")] = None,
    gallery: Annotated[int, typer.Option(help="Products that are searched; 0 for all.")] = 0,
    seed: Seed = 0,
) -> None:
    """Fit how picture search weighs its first hits and how sure it is of them, on products kept for calibration.

    Needed after each change of the weights: what was fitted for others is not used, and that is said in every answer.
    Evidence beside the vectors (category, colour, gender, title, palette) is taken in only where it finds more.
    """
    needs("torch", "scipy")
    from retrieval.training.searching import rank_compact

    rank_compact(pictures, data, weights or resources.path("weights"), pictures.parent / "search", gallery=gallery,
                 seed=seed, say=_say)  # fmt: skip
    console.out.print("next: outfit evaluate cmc")


def evaluate(
    data: Data = DATA,
    pictures: Pictures = PICTURES,
    weights: Annotated[Path | None, typer.Option(help="Folder of the weights; the shipped ones unless said.")] = None,
    run: Annotated[Path | None, typer.Option("--run", help="The run they come from: its card is written anew.")] = None,
    sheet: Annotated[Path | None, typer.Option(help="Draw what was not found into this picture.")] = None,
    seed: Seed = 0,
) -> None:
    """Measure the models on held-out products, with chance, majority and intervals; results go to data/results."""
    needs("scipy")
    from retrieval.evaluation.results import write
    from retrieval.training.recipe import evaluate_compact

    found = evaluate_compact(pictures, data, weights or resources.path("weights"), run, seed=seed, drawn=sheet, say=_say)
    for result in found:
        write(result)
        console.out.print(f"{result.name}: {len(result.figures)} figures, n {result.n:,}")


def pretrain(
    folder: Annotated[Path, typer.Argument(help="A shop's pictures; nothing else is needed.")],
    run: RunFolder = Path(".outfit/training/dino"),
    steps: Annotated[int, typer.Option(help="Steps in all; a run that was stopped goes on.")] = 10_000,
    arch: Annotated[str, typer.Option(help="compact, or a timm name such as vit_small_patch16_224.dino.")] = "compact",
    batch: Annotated[int, typer.Option(help="Pictures a step, each in eight crops.")] = 64,
    bf16: Annotated[bool, typer.Option(help="Mixed precision; slower on processors without support.")] = False,
    split: Split = None,
    device: Device = "auto",
    seed: Seed = 7,
) -> None:
    """DINO self-distillation on unlabelled pictures. Collapse is watched, and ends the run with the last good state.

    Goes on from the run's checkpoint where there is one. At the end the run's folder holds a picture of its curves and
    one of where the net looks.
    """
    needs("torch", "scipy")
    from retrieval.training import attention, curves
    from retrieval.training.pretrain import DinoConfig
    from retrieval.training.pretrain import pretrain as go

    pictures = read(folder, split).pictures
    config = DinoConfig.of(arch, steps=steps, batch=batch, bf16=bf16, device=device, seed=seed)
    done = go(config, pictures, run, stop=console.interrupted(), progress=_line)
    curves.draw_log(run / "dino.jsonl", run / "curves.png", ("loss", "sharpness", "spread", "deviation"))
    attention.draw(done.teacher["backbone"], pictures[:: max(1, len(pictures) // 8)][:8], run / "attention.png",
                   size=config.global_size)  # fmt: skip
    console.out.print(f"{done.step:,} steps done; next: outfit train finetune {folder} --pretrained {run}")


def finetune(
    folder: Annotated[Path, typer.Argument(help="Pictures in one sub-folder a category, or a product.")],
    run: RunFolder = Path(".outfit/training/finetune"),
    loss: Annotated[
        str, typer.Option(help="cross_entropy, supervised_contrastive, triplet_hard or triplet_random.")
    ] = "cross_entropy",
    over: Annotated[str, typer.Option(help="What is told apart: category (the first sub-folder) or product.")] = "category",
    pretrained: Annotated[Path | None, typer.Option(help="Folder of a pretraining run to begin from.")] = None,
    steps: Annotated[int, typer.Option(help="Steps in all; a run that was stopped goes on.")] = 2000,
    bf16: Annotated[bool, typer.Option(help="Mixed precision; slower on processors without support.")] = False,
    split: Split = None,
    device: Device = "auto",
    seed: Seed = 7,
) -> None:
    """Fine-tune on labelled pictures by one of four losses, and say how well a picture finds others of its class.

    A product is the folder that a picture lies in, or, where that holds a whole category, the name up to its last "-"
    or "_". A tenth of the products, chosen by a hash, is measured on and not trained on.
    """
    needs("torch", "scipy", "pytorch_metric_learning")
    from retrieval.training import attention, curves, shop
    from retrieval.training import finetune as ft
    from retrieval.training.pretrain import load_backbone

    if loss not in ft.LOSSES:
        raise InvalidInput(f"no loss is called {loss!r}: there are {', '.join(ft.LOSSES)}")
    found = read(folder, split)
    labels = shop.labels_of(found, over)
    kept, unseen = shop.parts_of(found)
    config = ft.FinetuneConfig(loss=loss, steps=steps, bf16=bf16, device=device, seed=seed)
    start = None
    if pretrained is not None:
        backbone, made = load_backbone(pretrained / "dino.pt")
        config, start = replace(config, net=made.net, size=made.global_size), ft.Start(backbone)
    done = ft.finetune(config, found.pictures[kept], labels[kept], run, start=start, stop=console.interrupted(),
                       progress=_line)  # fmt: skip
    curves.draw_log(run / "finetune.jsonl", run / "curves.png", ("loss",))
    if pretrained is not None and (served := shop.write_vit_config(made, run)):
        _say(f"to use it: OUTFIT_IMAGE_ENCODER={served} OUTFIT_IMAGE_WEIGHTS={run / 'encoder.toml'}")
    attention.draw(done.backbone, found.pictures[kept[:8]], run / "attention.png", size=config.size)
    for name, value in ft.retrieval_figures(done.encode(found.pictures[unseen]), labels[unseen]).items():
        console.out.print(f"{name} {value:.4g}")


def shop(
    folder: Annotated[Path, typer.Argument(help="A shop's pictures; nothing else is needed.")],
    out: Annotated[Path, typer.Option(help="Where the encoder, its card and its checkpoint go.")] = Path(".outfit/models/shop"),
    start: Annotated[str, typer.Option(help="shipped, nothing, or the folder of other weights.")] = "shipped",
    steps: Annotated[int, typer.Option(help="Steps of 64 pictures in all; a run that was stopped goes on.")] = 1500,
    folders: Annotated[str, typer.Option(help="What the sub-folders are: product, category, or auto.")] = "auto",
    split: Split = None,
    device: Device = "auto",
    seed: Seed = 7,
) -> None:
    """A shop's own image encoder from a folder of its pictures, with nothing else.

    Unreadable, tiny and repeated pictures are left out; one product in ten is kept to measure on. The encoder that ships
    is tuned until a changed view of a picture finds that picture; what comes out is measured beside it. The card says what
    was gained. A thousand pictures and fifteen minutes of one processor core are a beginning.
    """
    needs("torch", "scipy", "onnx", "onnxscript", "pytorch_metric_learning")
    from retrieval.training.shop import start_of, train_shop

    begin = start_of(start)
    found = read(folder, split, folders=folders)
    done = train_shop(found, out, steps=steps, start=begin, seed=seed, device=device,
                      rate=1e-3 if begin is None else 3e-4, stop=console.interrupted(), say=_say, progress=_line)  # fmt: skip
    for name, value in done.after.items():
        console.out.print(f"{name} {value:.4g} (start {done.before[name]:.4g})")
    if not done.is_better:
        console.out.print("no better than the start on these figures: stay with that, or train longer")
        return
    console.out.print(f"written into {out}; to use it: set OUTFIT_IMAGE_WEIGHTS={out}, then outfit rebuild")


def shots(
    pictures: Pictures = PICTURES,
    weights: Annotated[Path | None, typer.Option(help="Folder of the weights; the shipped ones unless said.")] = None,
    products: Annotated[int, typer.Option(help="Catalogue pictures to train on.")] = 6000,
    seed: Seed = 7,
) -> None:
    """Train the heads that read how a catalogue picture was taken, and write them into image.onnx.

    On the features of that very file, so it is run after each `outfit train export`. Labels cost nothing: catalogue
    pictures by silhouette and skin, composites, people's photos, close-ups, and pictures made worse.
    """
    needs("torch", "scipy", "onnx")
    from retrieval.training.recipe import prepared
    from retrieval.training.shot_heads import train_shots

    train_shots(prepared(pictures), weights or resources.path("weights"), products=products, seed=seed, say=_say)
    console.out.print("written; next: outfit evaluate shots")


def compare(
    what: Annotated[str, typer.Argument(help="losses, or shop: what a shop's own pictures add.")] = "losses",
    pictures: Pictures = PICTURES,
    run: RunFolder = Path(".outfit/training/compare"),
    products: Annotated[int, typer.Option(help="Products to train on.")] = 4000,
    steps: Annotated[int, typer.Option(help="Steps of each loss, 64 pictures each.")] = 500,
    dino_steps: Annotated[int, typer.Option(help="Steps of self-distillation for the runs that begin with it.")] = 300,
    seed: Seed = 7,
) -> None:
    """Compare the losses of `finetune` on the real data, all else equal, with and without self-distillation before; or
    an encoder that never saw a shop with one that was trained on its pictures.

    Measured on products that no run saw; the result goes to data/results. A run that was stopped goes on.
    """
    needs("torch", "scipy", "pytorch_metric_learning")
    from retrieval.evaluation.results import write
    from retrieval.training import comparison
    from retrieval.training.recipe import prepared

    plan = comparison.Plan(products=products, steps=steps, dino_steps=dino_steps, seed=seed)
    tasks = {"losses": comparison.compare, "shop": comparison.compare_shop}
    if what not in tasks:
        raise InvalidInput(f"nothing called {what!r} is compared: {' or '.join(tasks)}")
    result = tasks[what](plan, prepared(pictures), run / what, say=_say)
    write(result)
    console.out.print(f"{result.name}: {len(result.figures)} figures, n {result.n:,}")


def read(folder: Path, split: Path | None = None, *, folders: str = "auto"):
    """The usable pictures of a folder, of a manifest's training part where one is given; says what was left out."""
    from retrieval.training.folder import read_folder
    from retrieval.training.manifest import training_names

    only = None if split is None else training_names(split)
    with console.progress_bar() as show:
        found = read_folder(folder, lambda done, total: show("reading", done, total), only=only, folders=folders)
    for reason, number in found.reasons().items():
        _say(f"{number} pictures left out: {reason}")
    _say(found.layout)
    return found


def needs(*packages: str) -> None:
    """Raises ModelUnavailable, with the command that installs it, where a package is missing."""
    lacking = [p for p in packages if importlib.util.find_spec(p) is None]
    if lacking:
        raise ModelUnavailable(
            f"training needs {', '.join(lacking)}, not installed here",
            hint='pip install "outfit-assistant[train]"',
        )


def _say(text: str) -> None:
    console.err.print(f"[dim]{text}[/]")


def _line(values: dict) -> None:
    _say("  ".join(f"{k} {v:.4g}" if isinstance(v, int | float) else f"{k} {v}" for k, v in values.items()))
