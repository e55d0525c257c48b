"""`outfit`: everything that can be done from a terminal. Help is text that one reads, so it is written as such."""

from __future__ import annotations

import logging
import sys

import typer

from assistant.commands import (
    catalogue,
    console,
    desk,
    index,
    keys,
    looks,
    models,
    quality,
    system,
    tags,
    training,
    vlm,
)
from retrieval.errors import OutfitError

app = typer.Typer(
    name="outfit",
    help="A photo becomes an outfit, made of items from a shop's own catalogue.\n\n"
    "Start with `outfit app`: it opens the chat page, with a demo catalogue where no other has been ingested. "
    "`outfit ingest FEED --images FOLDER` brings a shop's products in; `outfit recommend PHOTO` prints looks here in "
    "the terminal; `outfit doctor` says what works on this machine and what to do about the rest.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)

for module in (system, models, keys, desk, catalogue, index, looks, quality, tags, training, vlm):
    module.add_to(app)


def main() -> None:
    """Run a command; errors raised on purpose become one sentence and the next step, never a traceback."""
    logging.basicConfig(level=logging.WARNING, format="note: %(message)s")
    try:
        app()
    except OutfitError as error:
        sys.exit(console.fail(error))
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
