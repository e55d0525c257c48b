"""`outfit index`: what keeps the vectors, and their move from one engine to another."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from assistant.commands import console
from assistant.settings import Settings
from retrieval.errors import InvalidInput, StoreEmpty

if TYPE_CHECKING:
    from retrieval.indexes.engines import Engine
    from retrieval.indexes.move import Moved

index = typer.Typer(
    help="What keeps the vectors: `chroma` (the default), `sqlite` (files; the quickest to fill, for hundreds of thousands "
    "to some millions on one machine), `exact` (the same files, every search scans every row), `milvus` (a cluster for "
    "what one machine cannot hold, or a file of Milvus Lite). Chosen by the setting `index`.",
    no_args_is_help=True,
)


def add_to(cli: typer.Typer) -> None:
    cli.add_typer(index, name="index")


@index.command()
def show() -> None:
    """Show the index in use: where it is, how many vectors each collection holds, and whether it is sound.

    Reads all of its files; `outfit doctor` does the same among its other checks.
    """
    from assistant.doctor import examine_index

    for finding in examine_index(Settings.load()):
        console.out.print(f"{finding.subject}: {finding.message}")
        if finding.hint:
            console.out.print(f"     next: {finding.hint}")


@index.command()
def move(
    source: Annotated[str, typer.Option("--from", help="Index that holds the vectors: chroma, sqlite, exact, milvus.")],
    url: Annotated[str | None, typer.Option("--from-url", help="Its server; default: files in the home folder.")] = None,
    token: Annotated[str, typer.Option("--from-token", help="The token of that server.", envvar="OUTFIT_FROM_TOKEN")] = "",
) -> None:
    """Copy all vectors from another index into the one in use, without embedding anything again.

    Set `index` (and `index_url`) to the new one first, then say where the vectors are now, e.g.
    `OUTFIT_INDEX=sqlite outfit index move --from chroma`. Can be stopped at any time and run again: what is there already
    is left. In the end both are compared row by row. The old one is not touched; delete it when you no longer need it.
    """
    from assistant.compose import own_folder
    from retrieval.indexes.engines import Engine

    settings = Settings.load()
    there = Engine(source, own_folder(settings), url, token)
    with console.progress_bar() as show_progress:
        moved = move_all(settings, there, show_progress)
    for name, what in moved.items():
        spare = f", {what.removed:,} that the source lacks removed" if what.removed else ""
        console.out.print(f"{name}: {what.rows:,} vectors, {what.copied:,} copied now{spare}; all rows compared")


def move_all(settings: Settings, there: Engine, watch: Callable[[str, int, int], None] | None = None) -> dict[str, Moved]:
    """Copy the shop's vectors from one engine into the one in use; by collection, what was done."""
    from assistant import compose
    from retrieval.catalogue import Catalogue
    from retrieval.indexes.move import move as move_rows
    from retrieval.writer import only_writer

    here = compose.engine(settings)
    if here.place == there.place:
        raise InvalidInput(
            f"the index in use, {here.name}, and {there.name} keep the same vectors in {here.place}: there is nothing to move",
            hint="set OUTFIT_INDEX to the index that they should move to",
        )
    if not compose.has_own_catalogue(settings):
        raise StoreEmpty("there is no catalogue whose vectors could move", hint="outfit ingest FEED --images FOLDER")
    catalogue = Catalogue.open(compose.catalogue_url(settings))
    try:
        with only_writer(catalogue, f"move of vectors from {there.name} to {here.name}"):
            moved: dict[str, Moved] = {}
            spaces = catalogue.spaces()
            for name, collection in (("titles", "text"), ("pictures", "image")):
                space = spaces.get(collection)
                if space is None:
                    raise StoreEmpty("the catalogue has no vectors yet", hint="outfit ingest FEED --images FOLDER")
                old, new = there.open(name, space), here.open(name, space)
                if not len(old) and catalogue.vector_count(collection):
                    raise StoreEmpty(
                        f"{there.place} holds no {name}, so there is nothing to move", hint="outfit index move --from NAME"
                    )
                moved[name] = move_rows(old, new, watch)
                old.close()
                new.close()
            return moved
    finally:
        catalogue.close()
