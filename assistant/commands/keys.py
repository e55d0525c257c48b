"""`outfit keys make`, `list`, `revoke`: who may use the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from assistant.commands import console
from assistant.settings import Settings

if TYPE_CHECKING:
    from assistant.api.keys import Keys

_HELP = (
    "Make, list and revoke keys of the API.\n\n"
    "None is needed as long as none was made and the server listens on this machine alone. From the first key on every "
    "request to the API needs one, and a server that listens on another address does not start without one. Clients "
    "send it as `Authorization: Bearer outfit-...`; only a hash of it is kept.\n\n"
    "A key of role `shop` opens the API, one of role `desk` the stylists' desk, and neither opens the other. Keys that were "
    "made before there were roles open both."
)


def add_to(cli: typer.Typer) -> None:
    keys = typer.Typer(help=_HELP, no_args_is_help=True)
    keys.command("make")(make)
    keys.command("list")(list_keys)
    keys.command("revoke")(revoke)
    cli.add_typer(keys, name="keys")


def make(
    name: Annotated[str, typer.Argument(help="Whose key it is.")],
    role: Annotated[str, typer.Option(help="What it opens: shop (the API) or desk (the stylists' desk).")] = "shop",
) -> None:
    """Make a key and print it. It is shown this once."""
    typer.echo(_keys().make(name, role))


def list_keys() -> None:
    """List the keys by id, name and role, with when each was made and revoked. Secrets are not kept and not shown."""
    table = Table(box=None, pad_edge=False)
    for heading in ("id", "name", "role", "made", "revoked"):
        table.add_column(heading)
    for key in _keys().all():
        revoked = "" if key.revoked_at is None else f"{key.revoked_at:%Y-%m-%d %H:%M}"
        table.add_row(key.id, key.name, key.role or "shop and desk", f"{key.made_at:%Y-%m-%d %H:%M}", revoked)
    console.out.print(table)


def revoke(key_id: Annotated[str, typer.Argument(metavar="ID", help="Its id, as `keys list` shows it.")]) -> None:
    """Revoke a key: the next request with it is refused, on a running server too."""
    _keys().revoke(key_id)


def _keys() -> Keys:
    from assistant.api.keys import FILE, Keys

    return Keys(Settings.load().home / FILE)
