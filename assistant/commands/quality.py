"""`outfit evaluate`, `bench`, `results`: what the parts are worth, and how quick they are."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from assistant.commands import console
from retrieval.errors import InvalidInput
from retrieval.evaluation.results import Result, read_all, write

# Name of the task -> the function that measures it: (folder of real data, seed) -> Result, or several. Imported only when run.
EVALUATIONS = {
    "colours": "retrieval.evaluation.colours:evaluate_colours",
    "text-search": "assistant.evaluation.text_search:evaluate_text_search",
    "compatibility": "assistant.evaluation.compatibility:evaluate_compatibility",
    "cmc": "retrieval.evaluation.cmc:evaluate_cmc",
    "models": "retrieval.training.recipe:evaluate_models",
    "shots": "retrieval.training.recipe:evaluate_shots",
}
BENCHES = {
    "search": "assistant.bench.search:bench_search",
    "start": "assistant.bench.start:bench_start",
    "looks": "assistant.bench.looks:bench_looks",
    "photo-search": "assistant.bench.photo_search:bench_photo_search",
    "page": "assistant.bench.page:bench_page",
    "vlm": "assistant.bench.vlm:bench_vlm",
    "api": "assistant.bench.api:bench_api",
    "scale": "assistant.bench.scale:bench_scale",
    "ingest": "assistant.bench.scale:bench_ingest",
}

DataOption = Annotated[Path, typer.Option(help="Folder of the real data: styles.csv, catalog-images.zip, ...")]
SeedOption = Annotated[int, typer.Option(help="Seed of every random choice.")]


def add_to(cli: typer.Typer) -> None:
    for command in (evaluate, bench, results):
        cli.command()(command)


def evaluate(
    task: Annotated[
        str, typer.Argument(help="colours, text-search, compatibility, models, shots or cmc; `all` runs every one.")
    ] = "all",
    data: DataOption = Path("../shared/data"),
    seed: SeedOption = 0,
    pictures: Annotated[Path, typer.Option(help="cmc, models, shots: folder of `outfit train prepare`; what was read is kept beside it.")] = (
        Path(".outfit/training/pictures")
    ),
    plot: Annotated[Path | None, typer.Option(help="cmc: draw the curves of all rows into this PNG.")] = None,
    sheet: Annotated[
        Path | None,
        typer.Option(help="cmc, models: draw failures into this PNG (query, right one, top five), people's photos beside it."),
    ] = None,
    weights: Annotated[Path | None, typer.Option(help="models, shots: folder of weights; the shipped ones unless said.")] = None,
    run: Annotated[Path | None, typer.Option(help="models: the training run they come from; its card is written anew.")] = None,
) -> None:
    """Measure quality on real data, with chance and baselines beside every figure.

    `cmc` asks how often a photo finds its product, at three degrees of difficulty; `models` what the compact models
    tell of products that training never saw, by class, with the pairs that they mistake most; `shots` how well they read
    how a picture was taken. Results are printed and kept in data/results as JSON; `outfit results` prints all of them as
    one table.
    """
    if plot and task not in ("cmc", "all") or sheet and task not in ("cmc", "models", "all"):
        raise InvalidInput(f"--plot is for cmc, --sheet for cmc and models, not for {task!r}", hint="outfit evaluate --help")
    say = lambda text: console.err.print(f"[dim]{text}[/]")  # noqa: E731
    _run(EVALUATIONS, task, data, seed, cmc={"pictures": pictures, "plot": plot, "drawn": sheet, "say": say},
         models={"pictures": pictures, "weights": weights, "run": run, "sheet": sheet if task != "all" else None, "say": say},
         shots={"pictures": pictures, "weights": weights})  # fmt: skip


def bench(
    task: Annotated[
        str, typer.Argument(help="search, start, looks, photo-search, page, vlm, api, scale or ingest; `all` runs every one.")
    ] = "all",
    data: DataOption = Path("../shared/data"),
    seed: SeedOption = 0,
    rows: Annotated[int | None, typer.Option(min=1_000, help="For scale and ingest: how many vectors.")] = None,
    dim: Annotated[int | None, typer.Option(min=8, help="For scale and ingest: principal components; all unless said.")] = None,
) -> None:
    """Measure speed and memory, as ratios within one run where machines differ.

    `scale` and `ingest` grow the vectors of the catalogue in use to any number of rows. Results are printed and kept in
    data/results as JSON; `outfit results` prints all of them as one table.
    """
    sized = {name: value for name, value in (("rows", rows), ("dim", dim)) if value is not None}
    _run(BENCHES, task, data, seed, scale=sized, ingest=sized)


def results() -> None:
    """Print every measured figure as one table: what was run, on which revision, n, seed, and what came out."""
    found = read_all()
    if not found:
        raise InvalidInput("there are no results yet", hint="outfit evaluate")
    for result in found:
        _show(result)


def _run(tasks: dict[str, str], task: str, data: Path, seed: int, **more: dict[str, Any]) -> None:
    if task != "all" and task not in tasks:
        raise InvalidInput(f"no task is called {task!r}: there are {', '.join(tasks)} and all")
    for name in tasks if task == "all" else (task,):
        console.err.print(f"[dim]{name} ...[/]")
        module, _, function = tasks[name].partition(":")
        found = getattr(importlib.import_module(module), function)(data, seed, **more.get(name, {}))
        for result in [found] if isinstance(found, Result) else found:
            write(result)
            _show(result)


def _show(result: Result) -> None:
    console.out.print(f"[bold]{result.name}[/]  n {result.n:,}, seed {result.seed}, revision {result.revision}")
    console.out.print(f"[dim]{result.command}[/]")
    table = Table(box=None, show_header=False, padding=(0, 2))
    for name, value in result.figures.items():
        table.add_row(name, f"{value:,.4g}")
    console.out.print(table)
