"""Numbered migrations of the catalogue's tables, run by the program itself: no configuration file is needed.

A migration is never edited once it has been released; the next change is the next number.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from retrieval.errors import StoreError

_HERE = Path(__file__).resolve().parent
_VERSION_TABLE = "alembic_version"
HEAD = "0009"  # the newest; a test compares it with the files


def version(connection: Connection) -> str | None:
    """The number of the last migration that the database has seen, None for a database without a catalogue."""
    if not inspect(connection).has_table(_VERSION_TABLE):
        return None
    return connection.execute(text(f"SELECT version_num FROM {_VERSION_TABLE}")).scalar()


def is_current(connection: Connection) -> bool:
    """Whether nothing is to be migrated. Raises StoreError where a newer program wrote the database."""
    found = version(connection)
    if found is not None and found > HEAD:
        raise StoreError(
            f"the catalogue is of version {found}: this program knows versions up to {HEAD}",
            hint="use the newer program, or name another catalogue: OUTFIT_CATALOGUE_URL",
        )
    return found == HEAD


def upgrade(connection: Connection) -> None:
    """Run what is missing, within the connection's transaction."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_HERE).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
