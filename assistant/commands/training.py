"""`outfit train`: the compact models from real data, and a shop's own from a folder of pictures."""

from __future__ import annotations

import importlib.util
import signal
from collections.abc import Callable
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

DATA, PICTURES, RUN = Path("../shared/data"), Path(".outfit/training/pictures"), Path(".outfit/training/compact")


def add_to(cli: typer.Typer) -> None:
    train = typer.Typer(
        help="Train, export and measure the compact models, or a shop's own. Needs the extra [train].",
        no_args_is_help=True,
    )
    for command in (prepare, compact, export, whiten, ranking, evaluate, split, pretrain, finetune):
        train.command()(command)
    cli.add_typer(train, name="train")


def prepare(data: Data = DATA, pictures: Pictures = PICTURES) -> None:
    """Decode all pictures once into arrays that training and measuring read (about 1.5 GB, one or two minutes)."""
    _needs("scipy")
    from retrieval.training.cache import prepare as decode

    decode(data, pictures, keep=lambda sku: True, progress=_say)


def compact(
    minutes: Annotated[float, typer.Option(help="How long to train; the rate falls to zero by then.")] = 90,
    pictures: Pictures = PICTURES,
    run: RunFolder = RUN,
    workers: Annotated[int, typer.Option(help="Threads, one core each.")] = 2,
    half: Annotated[bool, typer.Option(help="bfloat16 convolutions; slower where a processor has no such instructions.")] = True,
    seed: Seed = 7,
) -> None:
    """Train the image and text models, or go on from the run's checkpoint with a new schedule. Ctrl-C saves and stops."""
    _needs("torch", "scipy")
    from retrieval.training.recipe import train_compact

    steps = train_compact(pictures, run, minutes=minutes, seed=seed, workers=workers, half=half, stop=_on_interrupt(), say=_say)
    console.out.print(f"{steps:,} steps done; next: outfit train export --run {run}")


def export(
    pictures: Pictures = PICTURES,
    run: RunFolder = RUN,
    out: Annotated[Path | None, typer.Option(help="Where the files go; the shipped weights unless said.")] = None,
    epochs: Annotated[int, typer.Option(help="Passes of the last layers over fixed features; 0 leaves them out.")] = 12,
    views: Annotated[int, typer.Option(help="Changed views of each product for that.")] = 2,
    hard_share: Annotated[float, typer.Option(help="Share of the products that get them; less is quicker.")] = 1.0,
) -> None:
    """Calibrate a run's averaged weights and write image.onnx (int8 where it loses less than half a point) and text.npz."""
    _needs("torch", "scipy", "onnx", "onnxscript")
    from retrieval.training.recipe import export_compact

    export_compact(pictures, run, out or resources.path("weights"), epochs=epochs, views=views,
                   hard_share=hard_share, say=_say)  # fmt: skip
    console.out.print(f"written; next: outfit train evaluate --run {run}")


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
    _needs("torch", "scipy", "onnx")
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
    _needs("torch", "scipy")
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
    _needs("scipy")
    from retrieval.training.recipe import evaluate_compact

    found = evaluate_compact(pictures, data, weights or resources.path("weights"), run, seed=seed, drawn=sheet, say=_say)
    for result in found:
        console.out.print(f"{result.name}: {len(result.figures)} figures, n {result.n:,}")


def split(
    folder: Annotated[Path, typer.Argument(help="A shop's pictures, in one sub-folder a product.")],
    out: Annotated[Path, typer.Option(help="The manifest to write; an existing one is not touched.")] = Path(
        ".outfit/training/split.json"
    ),
) -> None:
    """Place a shop's pictures into train and test: scenes test, studio shots train, no product on both sides.

    Tags are read from the pixels. The manifest gives the reason for every picture.
    """
    _needs("scipy")
    from retrieval.training import manifest
    from retrieval.training.shots import shots_of

    placed = manifest.place(shots_of(_read(folder)))
    manifest.write(placed, out)
    for reason, number in manifest.counts(placed).items():
        console.out.print(f"{number:,} {reason}")


def pretrain(
    folder: Annotated[Path, typer.Argument(help="A shop's pictures; nothing else is needed.")],
    run: RunFolder = Path(".outfit/training/dino"),
    steps: Annotated[int, typer.Option(help="Steps in all; a run that was stopped goes on.")] = 10_000,
    arch: Annotated[str, typer.Option(help="compact, or a timm name such as vit_small_patch16_224.")] = "compact",
    batch: Annotated[int, typer.Option(help="Pictures a step, each in eight crops.")] = 64,
    bf16: Annotated[bool, typer.Option(help="Mixed precision; slower on processors without support.")] = False,
    seed: Seed = 7,
) -> None:
    """DINO self-distillation on unlabelled pictures. Collapse is watched, and ends the run with the last good state."""
    _needs("torch", "scipy")
    from retrieval.training.pretrain import DinoConfig
    from retrieval.training.pretrain import pretrain as go

    found = _read(folder)
    config = DinoConfig(arch=arch, steps=steps, batch=batch, bf16=bf16, seed=seed)
    done = go(config, found.pictures, run, stop=_on_interrupt(), progress=_line)
    console.out.print(f"{done.step:,} steps done; next: outfit train finetune {folder} --pretrained {run}")


def finetune(
    folder: Annotated[Path, typer.Argument(help="Pictures in one sub-folder a class (or product).")],
    run: RunFolder = Path(".outfit/training/finetune"),
    loss: Annotated[
        str, typer.Option(help="cross_entropy, supervised_contrastive, triplet_hard or triplet_random.")
    ] = "cross_entropy",
    pretrained: Annotated[Path | None, typer.Option(help="Folder of a pretraining run to begin from.")] = None,
    steps: Annotated[int, typer.Option(help="Steps in all; a run that was stopped goes on.")] = 2000,
    seed: Seed = 7,
) -> None:
    """Fine-tune on labelled pictures by one of four losses, and say how well a picture finds others of its class."""
    _needs("torch", "scipy")
    from retrieval.training import finetune as ft
    from retrieval.training.pretrain import Dino, DinoConfig

    if loss not in ft.LOSSES:
        raise InvalidInput(f"no loss is called {loss!r}: there are {', '.join(ft.LOSSES)}")
    found, backbone = _read(folder), None
    if pretrained is not None:
        dino = Dino(DinoConfig(), found.pictures)
        dino.load(pretrained / "dino.pt")
        backbone = dino.teacher["backbone"].requires_grad_(True)
    config = ft.FinetuneConfig(loss=loss, steps=steps, seed=seed)
    kept = [i for i in range(len(found.labels)) if i % 5]  # every fifth picture is for measuring
    unseen = [i for i in range(len(found.labels)) if i % 5 == 0]
    done = ft.finetune(config, found.pictures[kept], found.labels[kept], run, backbone=backbone, stop=_on_interrupt(),
                       progress=_line)  # fmt: skip
    for name, value in ft.retrieval_figures(done.encode(found.pictures[unseen]), found.labels[unseen]).items():
        console.out.print(f"{name} {value:.4g}")


def _read(folder: Path):
    from retrieval.training.folder import read_folder

    with console.progress_bar() as show:
        found = read_folder(folder, lambda done, total: show("reading", done, total))
    for reason, number in found.reasons().items():
        _say(f"{number} pictures left out: {reason}")
    return found


def _needs(*packages: str) -> None:
    lacking = [p for p in packages if importlib.util.find_spec(p) is None]
    if lacking:
        raise ModelUnavailable(
            f"training needs {', '.join(lacking)}, not installed here",
            hint='pip install "outfit-assistant[train]"',
        )


def _on_interrupt() -> Callable[[], bool]:
    """Whether Ctrl-C was pressed: the run saves and stops; a second one stops at once."""
    pressed: list[int] = []

    def press(number: int, frame: object) -> None:
        pressed.append(number)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    signal.signal(signal.SIGINT, press)
    return lambda: bool(pressed)


def _say(text: str) -> None:
    console.err.print(f"[dim]{text}[/]")


def _line(values: dict) -> None:
    _say("  ".join(f"{k} {v:.4g}" if isinstance(v, int | float) else f"{k} {v}" for k, v in values.items()))
