"""`outfit ingest`, `get`, `rebuild`, `search`: products in, products found."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from assistant.commands import console
from assistant.settings import Settings, without_telemetry
from retrieval.items import Gender, Hit, Slot
from retrieval.ports import Where

get = typer.Typer(help="Download catalogues to try the assistant on.", no_args_is_help=True)


class Engine(StrEnum):
    LOCAL = "local"
    RAY = "ray"


def add_to(cli: typer.Typer) -> None:
    for command in (ingest, rebuild, search):
        cli.command()(command)
    cli.add_typer(get, name="get")


def ingest(
    feed: Annotated[Path, typer.Argument(help="CSV, TSV, JSON Lines or Parquet, one row a product.")],
    images: Annotated[
        str, typer.Option(help="Folder, zip or s3://bucket/folder of the pictures, named by product id or by the feed.")
    ],
    mapping: Annotated[Path | None, typer.Option(help="TOML file that says which column is which.")] = None,
    map: Annotated[list[str] | None, typer.Option(help="One column: FIELD=COLUMN, e.g. sku=code. Repeatable.")] = None,
    partial: Annotated[bool, typer.Option(help="The feed holds changes only: retire nothing that it lacks.")] = False,
    may_shrink: Annotated[bool, typer.Option(help="Retire even more than half of the products, if it says so.")] = False,
    engine: Annotated[Engine, typer.Option(help="Who reads and encodes the pictures: this process, or a Ray cluster.")] = Engine.LOCAL,
    ray_address: Annotated[
        str | None, typer.Option(help="Ray cluster, HOST:6379; default: one on this machine, for this ingest alone.")
    ] = None,
    ray_workers: Annotated[int | None, typer.Option(min=1, help="Workers of it; default: one a processor.")] = None,
) -> None:
    """Bring a shop's products in, or up to date.

    Reads the public fashion catalogue's styles.csv as it is, and any other table by a mapping. Rows and pictures that
    cannot be used are kept with their reason; everything else goes on. Can be stopped at any time and run again: what
    is done stays done. Products that a full feed no longer has are retired, not deleted.
    """
    from assistant.compose import open_shelf, ray_readers
    from retrieval.errors import InvalidInput
    from retrieval.feeds import Mapping, read_feed

    base = Mapping.from_toml(mapping) if mapping else None
    table = read_feed(feed, mapping=Mapping.from_pairs(map or (), base))
    if engine is Engine.LOCAL and (ray_address or ray_workers):
        raise InvalidInput("--ray-address and --ray-workers go with --engine ray", hint="outfit ingest ... --engine ray")
    without_telemetry()  # of Ray's
    settings = Settings.load()
    shelf = open_shelf(settings)
    spread = nullcontext() if engine is Engine.LOCAL else ray_readers(settings, shelf, ray_address, ray_workers)
    with spread as readers, console.progress_bar() as show:
        summary = shelf.ingest(
            table,
            images,
            full=not partial,
            may_shrink=may_shrink,
            watch=lambda event: show(event.stage, event.done, event.total),
            readers=readers,
        )
    console.out.print(summary.text())


@get.command()
def sample(
    folder: Annotated[Path, typer.Option(help="Where to keep the files.")] = Path(".outfit/sample"),
) -> None:
    """Download 1,000 real products of a public cookbook and ingest them.

    Resumable: what is already there is not fetched again. Needs a network, once.
    """
    from retrieval.sample import get_sample

    with console.progress_bar() as show:
        kept = get_sample(folder, progress=lambda event: show(event.stage, event.done, event.total))
    ingest(kept.feed, str(kept.images))


def rebuild() -> None:
    """Write all vectors anew from the catalogue and its pictures.

    Needed after a change of models, or where the vector store was lost or damaged. The catalogue itself is not touched.
    """
    from assistant.compose import rebuild as rebuild_shelf

    with console.progress_bar() as show:
        summary = rebuild_shelf(Settings.load(), watch=lambda event: show(event.stage, event.done, event.total))
    console.out.print(summary.text())


def search(
    words: Annotated[str, typer.Argument(help="What to look for, in English or Chinese.")] = "",
    image: Annotated[Path | None, typer.Option(help="A photo: find the product itself.")] = None,
    text: Annotated[str, typer.Option(help='Beside a photo, what is to be different: "but in navy".')] = "",
    box: Annotated[str | None, typer.Option(help="The garment's rectangle: LEFT,TOP,RIGHT,BOTTOM in pixels.")] = None,
    choose: Annotated[int | None, typer.Option(min=1, help="Which of several garments: its number.")] = None,
    k: Annotated[int, typer.Option("-k", min=1, max=100, help="How many products.")] = 10,
    gender: Annotated[Gender | None, typer.Option(help="Only that gender and Unisex.")] = None,
    slot: Annotated[Slot | None, typer.Option(help="Only that slot of a look.")] = None,
    max_price: Annotated[float | None, typer.Option(help="Only up to that price.")] = None,
    in_stock: Annotated[bool, typer.Option(help="Only what is in stock.")] = False,
) -> None:
    """Find products by words, by a photo, or by both.

    `outfit search "women's black skinny jeans"`, `outfit search 女士黑色紧身牛仔裤`, `outfit search --image photo.jpg`,
    `outfit search --image photo.jpg --text "this, but in navy"`. Where the photo shows several garments they are listed
    with numbers: run it again with --choose N. Of each product found by a photo it is said whether this is it, or only
    close to it, and how likely that is.
    """
    from assistant.compose import build
    from retrieval.errors import InvalidInput

    asked = " ".join(filter(None, (words.strip(), text.strip())))
    if not asked and image is None:
        raise InvalidInput("search wants words or --image, or both", hint='outfit search "navy blazer"')
    if image is None and (box or choose):
        raise InvalidInput("--box and --choose speak of a photo, and there is none", hint="outfit search --image photo.jpg")
    any_of = {"gender": frozenset({gender, Gender.UNISEX})} if gender else {}
    if slot:
        any_of["slot"] = frozenset({slot})
    where = Where(
        any_of=any_of,
        at_most={} if max_price is None else {"price": max_price},
        at_least={"in_stock": 1.0} if in_stock else {},
    )
    photo = console.open_photo(image) if image else None
    assistant = build(Settings.load())
    if photo is None:
        _show(assistant.search.by_text(asked, where=where, k=k))
        return
    drawn = console.box_of(box) if box else None
    found = assistant.finder.find(photo, box=drawn, choose=choose, text=asked, where=where, k=k)
    if found.needs_choice:
        console.show_choice(found.detections, found.outcome.left_out)
        return
    if found.notice:
        console.out.print(found.notice)
    _show(found.hits)


def _show(hits: Sequence[Hit]) -> None:
    if not hits:
        console.out.print("Nothing in the catalogue passes these conditions.")
        return
    table = Table(box=None, pad_edge=False)
    is_calibrated = any(hit.p_same is not None for hit in hits)
    for heading in ("it is", "") if is_calibrated else ("score",):
        table.add_column(heading, justify="left" if heading == "it is" else "right")
    for heading in ("sku", "title", "category", "colour", "price"):
        table.add_column(heading, justify="right" if heading == "price" else "left")
    for hit in hits:
        item = hit.item
        price = "" if item.price is None else f"{item.price} {item.currency or ''}".strip()
        sure = (f"{hit.closeness}", f"{hit.p_same:.0%}") if is_calibrated else (f"{hit.score:.3f}",)
        sku = " = ".join((item.sku, *hit.twins))
        table.add_row(*sure, sku, item.title, item.category, item.colour or "", price)
    console.out.print(table)
