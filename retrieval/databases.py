"""Database servers by URL: SQLite, MySQL or MariaDB, and PostgreSQL behind one engine, and their errors as this project's.

What differs between them is here alone; the catalogue and everything else that is kept in SQL has one code path.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, IntegrityError, NoSuchModuleError, SQLAlchemyError

from retrieval.errors import InvalidSetting, StoreError, StoreFull, StoreLocked

BUSY_S = 30  # the longest wait for another's transaction
_CONNECT_S = 10
_RECYCLE_S = 1_800  # servers and the firewalls before them drop connections that were idle for long
_EXAMPLE = "for instance sqlite:////home/me/shop.db, mysql+pymysql://user:password@host/shop or postgresql+psycopg://..."
_SERVERS = ("mysql", "mariadb", "postgresql")
_DRIVERS = {"mysql": "pymysql", "mariadb": "pymysql", "postgresql": "psycopg"}


def address_of(url: str | Path) -> URL:
    """A database URL, or the path of a SQLite file. The usual driver is put in where the URL names none.

    Raises InvalidSetting for a URL that is none, or of an engine that is not supported.
    """
    if isinstance(url, Path) or "://" not in url:
        return URL.create("sqlite", database=str(url))
    try:
        address = make_url(url)
    except ArgumentError as error:
        raise InvalidSetting("the catalogue's database URL cannot be read", hint=_EXAMPLE) from error
    backend = address.get_backend_name()
    if backend not in ("sqlite", *_SERVERS):
        raise InvalidSetting(
            f"the database {shown(address)} is of kind {backend!r}: expected sqlite, mysql, mariadb or postgresql",
            hint=_EXAMPLE,
        )
    if backend in _DRIVERS and "+" not in address.drivername:
        address = address.set(drivername=f"{backend}+{_DRIVERS[backend]}")
    return address


def shown(address: URL) -> str:
    """The address without its password."""
    return address.render_as_string(hide_password=True)


def is_server(address: URL) -> bool:
    return address.get_backend_name() in _SERVERS


def engine_of(address: URL) -> Engine:
    """An engine on that address; nothing is connected to yet. Raises StoreError where its driver is not installed."""
    try:
        if not is_server(address):
            engine = create_engine(address)
            event.listen(engine, "connect", _set_up_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
            return engine
        options: dict[str, Any] = {"connect_args": {"connect_timeout": _CONNECT_S}}
        if address.get_backend_name() != "postgresql":
            # Strict everywhere, whatever the server's default: text that does not fit is an error, never cut. A
            # transaction sees what was committed when it reads, as PostgreSQL's does.
            options["connect_args"]["init_command"] = "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'"
            options["isolation_level"] = "READ COMMITTED"
        return create_engine(address, pool_pre_ping=True, pool_recycle=_RECYCLE_S, **options)
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        raise StoreError(
            f"no driver for the database {shown(address)}: {error}",
            hint="install it: pip install 'outfit-assistant[scale]' (pymysql for mysql+pymysql://..., psycopg for "
            "postgresql+psycopg://...)",
        ) from error


@contextmanager
def server_lock(engine: Engine, name: str, *, wait_s: float = 0.0) -> Iterator[bool]:
    """The database server's own lock of that name in this database: whether it was had within `wait_s` seconds.

    It holds among machines and dies with its connection. SQLite has no server: there it is always had.
    """
    backend = engine.url.get_backend_name()
    if not is_server(engine.url):
        yield True
        return
    if backend == "postgresql":
        key = "hashtext(:name || current_database())"
        take, give = f"SELECT pg_try_advisory_lock({key})", f"SELECT pg_advisory_unlock({key})"
    else:
        key = "CONCAT(:name, MD5(DATABASE()))"  # such names hold for the whole server and have at most 64 characters
        take, give = f"SELECT GET_LOCK({key}, 0)", f"SELECT RELEASE_LOCK({key})"
    values, until = {"name": f"outfit {name} "}, time.monotonic() + wait_s
    with engine.connect() as connection:
        connection = connection.execution_options(isolation_level="AUTOCOMMIT")
        while not (is_held := bool(connection.execute(text(take), values).scalar())) and time.monotonic() < until:
            time.sleep(0.1)
        try:
            yield is_held
            if is_held:
                connection.execute(text(give), values)
        except BaseException:
            connection.invalidate()  # back in the pool it would still hold the lock
            raise


def is_keepable(value: str) -> bool:
    """Whether every engine can keep the text: not those with NUL (PostgreSQL) or lone surrogates (no encoding has them)."""
    return "\0" not in value and not any("\ud800" <= char <= "\udfff" for char in value)


def _set_up_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions are begun below, so that migrations are within one too
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_S * 1000}")
    _write_ahead(cursor)
    cursor.execute("PRAGMA synchronous = FULL")  # what is acknowledged survives a power cut; NORMAL in WAL does not
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _write_ahead(cursor: Any) -> None:
    """Readers go on while an ingest writes. To change to this, SQLite does not wait for another's transaction as it does
    otherwise: where several processes open a new file at once, that is done here.
    """
    from tenacity import retry, retry_if_exception, stop_after_delay, wait_random

    def is_locked(error: BaseException) -> bool:
        return "database is locked" in str(error)

    again = retry(retry=retry_if_exception(is_locked), wait=wait_random(0.005, 0.05), stop=stop_after_delay(BUSY_S), reraise=True)
    again(cursor.execute)("PRAGMA journal_mode = WAL")


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads and then writes would fail at once, not wait, if another wrote in between.
    writes = connection.get_execution_options().get("outfit_writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


# --- errors -------------------------------------------------------------------------------------------------------------

# What the three say, in lower case (MySQL's and MariaDB's numbers: https://mariadb.com/kb/en/mariadb-error-codes/).
_FULL = ("disk is full", "no space left", "disk full", "(1114,", "(1021,", "error 1114", "error 1021", "could not extend file")
_LOCKED = ("database is locked", "(1205,", "(1213,", "lock timeout", "deadlock detected")
_REFUSED = ("(1045,", "(1044,", "(1698,", "password authentication failed", "no password supplied", "permission denied")
_UNREACHABLE = (
    "(2003,", "(2002,", "(2005,", "(2006,", "(2013,", "connection refused", "timeout expired", "connection timeout",
    "could not translate host name", "failed to resolve host", "name or service not known", "connection is closed",
    "server closed the connection", "the database system is", "connection to server", "consuming input failed",
)  # fmt: skip


@contextmanager
def translated(address: URL) -> Iterator[None]:
    """The driver's errors as this project's; the statement and its values stay in the chained cause."""
    try:
        yield
    except (SQLAlchemyError, OSError) as error:
        raise _told(address, error) from error


def _told(address: URL, error: Exception) -> StoreError:
    said = str(getattr(error, "orig", None) or error)
    words = said.casefold()
    where, first = shown(address), said.splitlines()[0][:300] if said else type(error).__name__
    if any(sign in words for sign in _FULL):
        return StoreFull(
            f"no space left for the catalogue {where}",
            hint="free some space and run the same command again: it goes on where it stopped",
        )
    if any(sign in words for sign in _LOCKED):
        return _locked(address)
    if is_server(address) and not isinstance(error, IntegrityError):
        server = f"{address.host or 'localhost'}:{address.port or (5432 if 'postgres' in address.drivername else 3306)}"
        if any(sign in words for sign in _REFUSED):
            return StoreError(
                f"the database server at {server} refuses the user {address.username or ''!r} of {where}: {first}",
                hint="check user, password and rights in OUTFIT_CATALOGUE_URL (characters such as @ or / in a password "
                "are written %40, %2F)",
            )
        if "(1049," in words or f'database "{address.database}" does not exist'.casefold() in words:
            return StoreError(
                f"the server at {server} has no database {address.database!r}",
                hint=f"make it first: CREATE DATABASE {address.database}; then run the same command again",
            )
        if any(sign in words for sign in _UNREACHABLE):
            return StoreError(
                f"the database server at {server} cannot be reached: {first}",
                hint="start it, or correct host and port in OUTFIT_CATALOGUE_URL; then: outfit doctor",
            )
    return StoreError(
        f"the catalogue {where} cannot be used: {first}",
        hint="check the address, the credentials and the server; a damaged SQLite file is restored from a backup "
        "or ingested again",
    )


def _locked(address: URL) -> StoreLocked:
    return StoreLocked(
        f"the catalogue {shown(address)} has been locked by another process for {BUSY_S} s",
        hint="wait for it to end, then run the same command again",
    )
