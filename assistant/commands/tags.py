"""`outfit tag` and `outfit split`: how each catalogue photo was taken, and what of it trains and what tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from assistant import turn
from assistant.commands import console
from assistant.settings import Settings
from assistant.wording import load as load_prompt
from retrieval import registry
from retrieval.errors import InvalidInput, StoreEmpty
from retrieval.tagging import Asked

if TYPE_CHECKING:
    from PIL.Image import Image

    from retrieval.catalogue import Catalogue


@dataclass(frozen=True, slots=True)
class Tagger:
    """What `outfit tag` asks: its name (model and words of the question), how many questions at a time, the question."""

    name: str
    concurrency: int
    ask: Callable[[Image], Asked]


def open_tagger(settings: Settings, catalogue: Catalogue) -> Tagger:
    """The vision-language model of the settings, else the compact model's heads.

    Nothing stands in for a vision-language model that is configured and does not answer: its tags and those of small
    heads are not to be mixed unseen. Raises ModelUnavailable where the weights have no heads for shots.
    """
    from assistant.compose import vlm_client

    client = vlm_client(settings)
    if client is None:
        shots = registry.load("shot reader", "compact").model
        return Tagger(shots.name, 1, lambda image: Asked(shots.tags([image])[0]))
    from assistant.stylists.vlm import Manner, VlmStylist

    stylist = VlmStylist(client, catalogue.categories(), Manner(context=settings.vlm_context_tokens))

    def ask(image: Image) -> Asked:
        with turn.within() as account:
            tags = stylist.tag(image)
            calls = account.calls
            return Asked(tags, sum(c.prompt_tokens for c in calls), sum(c.answer_tokens for c in calls))

    return Tagger(f"{stylist.name}/{load_prompt('tag').digest[:8]}", stylist.concurrency, ask)


def add_to(cli: typer.Typer) -> None:
    for command in (tag, split):
        cli.command()(command)


def tag(
    report: Annotated[bool, typer.Option("--report", help="Show what the tags say instead of asking for more.")] = False,
    sheets: Annotated[Path, typer.Option(help="With --report: where the contact sheets go.")] = Path(".outfit/tags"),
    again: Annotated[bool, typer.Option(help="Also the photos that another model has tagged.")] = False,
    limit: Annotated[int | None, typer.Option(help="At most so many photos: to see first what it costs.", min=1)] = None,
) -> None:
    """Say of every catalogue photo how it was taken, and keep it in the catalogue.

    Model present and how many, real-world scene or studio, worn or not, angle, part or whole, garment category, quality:
    by the vision-language model of the settings, several photos at a time, else by the compact model's own heads. Can be
    stopped at any time (Ctrl-C) and run again: what is tagged stays tagged. Says at the end what it cost.
    """
    from assistant.compose import catalogue_url, has_own_catalogue
    from retrieval import tagging
    from retrieval.catalogue import Catalogue
    from retrieval.tags import TagStore

    settings = Settings.load()
    if not has_own_catalogue(settings):
        raise StoreEmpty("there is no catalogue to tag", hint="outfit ingest FEED --images FOLDER")
    catalogue = Catalogue.open(catalogue_url(settings))
    store = TagStore(catalogue)
    tagging.nothing_to_tag(store)
    if report:
        _report(store, catalogue, sheets)
        return
    with console.alone(settings.home / "tag.lock", "outfit tag"):
        tagger = open_tagger(settings, catalogue)
        photos = store.missing(tagger.name, again=again)[:limit]
        others = {name: n for name, n in store.taggers().items() if name != tagger.name}
        if others and not again:
            said = ", ".join(f"{n:,} by {name}" for name, n in others.items())
            console.err.print(f"[dim]tagged before: {said}; --again asks {tagger.name} about those, too[/]")
        with console.progress_bar() as show:
            done = tagging.tag_all(
                store, photos, lambda photo: catalogue.picture(photo.sku, photo.view), tagger.ask,
                tagger=tagger.name, concurrency=tagger.concurrency, stop=console.interrupted(),
                watch=lambda now: show(f"tagging by {tagger.name}", now.done, now.total),
            )  # fmt: skip
    console.out.print(f"{done.text()}, by {tagger.name}; next: outfit tag --report, outfit split")


def _report(store, catalogue, folder: Path) -> None:
    from retrieval import tag_report

    tagged = list(store.all())
    if not tagged:
        raise StoreEmpty("no photo of the catalogue has tags yet", hint="outfit tag")
    faults = sum(bool(t.fault) for t in tagged)
    table = Table(box=None, pad_edge=False)
    for heading, justify in (("tag", "left"), ("value", "left"), ("photos", "right"), ("share", "right")):
        table.add_column(heading, justify=justify)
    for field, counts in tag_report.distribution(tagged).items():
        for i, (value, number) in enumerate(counts.most_common()):
            share = number / max(1, len(tagged) - faults)
            table.add_row("" if i else field, value, f"{number:,}", f"{100 * share:.1f} %")
    console.out.print(table)
    by = ", ".join(f"{n:,} by {name}" for name, n in store.taggers().items())
    untagged = store.photo_count() - len(tagged)
    console.out.print(f"{len(tagged) - faults:,} photos tagged ({by}); {faults:,} without an answer; {untagged:,} not asked about")
    with console.progress_bar() as show:
        written = tag_report.draw_sheets(
            tag_report.choose(tagged, 40), lambda photo: catalogue.picture(photo.sku, photo.view), folder,
            watch=lambda done, total: show("contact sheets", done, total),
        )  # fmt: skip
    console.out.print(f"{len(written)} contact sheets in {folder}")


def split(
    folder: Annotated[Path | None, typer.Argument(help="A folder of pictures; the catalogue's photos unless said.")] = None,
    out: Annotated[Path, typer.Option(help="The manifest to write; an existing one is not touched.")] = Path(
        ".outfit/training/split.json"
    ),
    pictures: Annotated[
        Path | None, typer.Option(help="Also copy the catalogue's photos there: train/CATEGORY/SKU/, test/..., for training.")
    ] = None,
    folders: Annotated[str, typer.Option(help="What the sub-folders of FOLDER are: product, category, or auto.")] = "auto",
) -> None:
    """Place photos into train and test by their tags: scenes test, studio shots train.

    Shots that teach nothing (a part, a sole, unusable quality) are left out. No product and no near-duplicate is on both
    sides. The manifest gives the reason for every photo. Tags of the catalogue come from `outfit tag`, those of a folder
    are read on the way.
    """
    from retrieval.training import manifest

    if folder is not None and pictures is not None:
        raise InvalidInput("--pictures is for the catalogue's photos: a folder's are in a folder already")
    if folder is not None:
        from assistant.commands.training import needs, read
        from assistant.compose import shot_reader
        from retrieval.training.shots import shots_of

        needs("scipy")
        reader = shot_reader()
        console.err.print(f"[dim]tags by {reader.name if reader else 'ground, border and sharpness alone'}[/]")
        placed = manifest.place(shots_of(read(folder, folders=folders), reader))
    else:
        from assistant.compose import catalogue_url, has_own_catalogue
        from retrieval.catalogue import Catalogue
        from retrieval.training import catalogue_split

        settings = Settings.load()
        if not has_own_catalogue(settings):
            raise StoreEmpty("there is no catalogue to split", hint="outfit ingest FEED --images FOLDER, or name a folder")
        catalogue = Catalogue.open(catalogue_url(settings))
        placed = catalogue_split.place(catalogue)
    manifest.write(placed, out)
    for reason, number in manifest.counts(placed).items():
        console.out.print(f"{number:,} {reason}")
    if pictures is not None:
        with console.progress_bar() as show:
            copied = catalogue_split.copy(catalogue, placed, pictures, lambda d, n: show("copying", d, n))
        console.out.print(f"{copied:,} photos copied to {pictures}; next: outfit train shop {pictures / 'train'}")
