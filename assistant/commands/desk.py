"""`outfit desk`: the stylists' record from a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assistant.commands import console
from assistant.settings import Settings
from retrieval.errors import InvalidInput, StoreError

if TYPE_CHECKING:
    from assistant.desk.store import DeskStore

_HELP = (
    "The stylists' desk: how far the review is, and its decisions as a file.\n\n"
    "The desk itself is a page, beside the shop's: http://HOST:PORT/desk. What is decided there changes what shoppers get "
    "from then on, and is kept in the catalogue's database."
)


def add_to(cli: typer.Typer) -> None:
    desk = typer.Typer(help=_HELP, no_args_is_help=True)
    desk.command("status")(status)
    desk.command("export")(export)
    cli.add_typer(desk, name="desk")


def status() -> None:
    """Print how many cases are open and decided, and how far the guardrail and stylists agree."""
    with _opened() as store:
        counts = store.progress()
        from assistant.desk.measures import measures

        overall = measures(store.record(in_force=True), ())["overall"]
    console.out.print(
        f"{counts['open']:,} open ({counts['looks']:,} looks, {counts['pairs']:,} pairs, {counts['contested']:,} contested), "
        f"{counts['approved']:,} approved, {counts['rejected']:,} rejected, {counts['settled']:,} settled by another"
    )
    if overall["n"]:
        kappa = "undefined" if overall["kappa"] is None else f"{overall['kappa']:.2f}"
        console.out.print(f"guardrail and stylists: agreement {overall['agreement']:.0%}, kappa {kappa}, n {overall['n']:,}")


def export(
    out: Annotated[Path | None, typer.Option("--out", help="File to write; the terminal unless said.")] = None,
    kind: Annotated[str, typer.Option("--format", help="jsonl or csv; by the file's name unless said.")] = "",
) -> None:
    """Write every decision with what it was about, the oldest first, as JSON Lines or CSV.

    Each line says who decided what, when, why and in which words, beside what the model had said in both orders.
    """
    from assistant.desk.export import FORMATS, lines

    kind = kind or (out.suffix[1:] if out is not None else "jsonl")
    if kind not in FORMATS:
        raise InvalidInput(f"format {kind!r}: expected jsonl or csv", hint="outfit desk export --format csv --out decisions.csv")
    with _opened() as store:
        if out is None:
            sys.stdout.writelines(lines(store.record(), kind))
            return
        try:
            with out.open("w", encoding="utf-8", newline="") as file:
                number = sum(1 for line in lines(store.record(), kind) if file.write(line)) - (kind == "csv")
        except OSError as error:
            raise StoreError(f"{out} cannot be written: {error.strerror}", hint="name another file with --out") from error
    console.err.print(f"{number:,} decisions written to {out}")


@contextmanager
def _opened() -> Iterator[DeskStore]:
    """The desk of the catalogue in use: the shop's own, or the demo's."""
    from assistant import compose
    from assistant.desk.store import DeskStore
    from retrieval.catalogue import Catalogue

    settings = Settings.load()
    is_own = compose.has_own_catalogue(settings)
    catalogue = Catalogue.open(compose.catalogue_url(settings) if is_own else settings.home / "demo" / "catalogue.db")
    try:
        yield DeskStore(catalogue)
    finally:
        catalogue.close()
