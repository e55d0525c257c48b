"""Keys of the API: made once, shown once, kept as a hash. Where one has ever been made, every request needs one.

A key has a role: `shop` opens the API but the desk, `desk` the stylists' desk alone. Keys from before there were roles
open both.

A key is `outfit-<id>-<secret>`. The secret has 256 random bits, so that one round of SHA-256 keeps it: there is nothing
to guess that a slower hash would protect.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, get_args

from sqlalchemy import Column, DateTime, Engine, MetaData, Row, String, Table, create_engine, inspect, select, text
from sqlalchemy.exc import SQLAlchemyError

from retrieval.errors import InvalidInput, StoreError

FILE = "keys.db"  # in the home folder
Role = Literal["shop", "desk"]
_SHAPE = re.compile(r"outfit-([0-9a-f]{8})-([A-Za-z0-9_-]{43})")
_MOST_NAME = 100
_NO_DIGEST = "0" * 64

_metadata = MetaData()
_keys = Table(
    "keys",
    _metadata,
    Column("id", String(8), primary_key=True),
    Column("name", String(_MOST_NAME), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("made_at", DateTime, nullable=False),
    Column("revoked_at", DateTime),
    Column("role", String(10)),  # NULL: from before there were roles
)


@dataclass(frozen=True, slots=True)
class Key:
    """What is known of a key; times are UTC. `role` None: from before there were roles, it opens everything."""

    id: str
    name: str
    made_at: datetime
    revoked_at: datetime | None
    role: Role | None

    def opens(self, role: Role) -> bool:
        return self.role in (None, role)


class Keys:
    """The keys in a file of their own. The file is made with the first key."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._engine: Engine | None = None
        self._lock = threading.Lock()

    @property
    def are_needed(self) -> bool:
        """True from the first key on, even when all have been revoked."""
        return self._file.is_file()

    @property
    def has_valid(self) -> bool:
        return any(key.revoked_at is None for key in self.all())

    def make(self, name: str, role: Role = "shop") -> str:
        """A new key, told here and never again. `name` says whose it is. Raises InvalidInput for a name or role of no use."""
        if role not in get_args(Role):
            raise InvalidInput(
                f"role {str(role)[:40]!r}: expected {' or '.join(get_args(Role))}", hint="outfit keys make NAME --role desk"
            )
        if not name.strip() or len(name) > _MOST_NAME:
            message = f"key name {name[:40]!r}: expected 1 to {_MOST_NAME} characters"
            raise InvalidInput(message, hint="outfit keys make shop")
        key_id, secret = secrets.token_hex(4), secrets.token_urlsafe(32)
        row = {"id": key_id, "name": name.strip(), "digest": _digest(secret), "made_at": _now(), "role": role}
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.touch(mode=0o600)
            with self._open().begin() as connection:
                connection.execute(_keys.insert().values(row))
        except (SQLAlchemyError, OSError) as error:
            raise self._unreadable() from error
        return f"outfit-{key_id}-{secret}"

    def all(self) -> list[Key]:
        """Every key, the oldest first."""
        if not self.are_needed:
            return []
        try:
            with self._open().connect() as connection:
                rows = connection.execute(select(_keys).order_by(_keys.c.made_at, _keys.c.id)).all()
        except SQLAlchemyError as error:
            raise self._unreadable() from error
        return [_key(row) for row in rows]

    def revoke(self, key_id: str) -> None:
        """From now on the key opens nothing. Raises InvalidInput for a key that is not there."""
        if all(key.id != key_id for key in self.all()):
            raise InvalidInput(f"there is no key {key_id[:40]!r}", hint="outfit keys list")
        try:
            with self._open().begin() as connection:
                valid = (_keys.c.id == key_id) & _keys.c.revoked_at.is_(None)
                connection.execute(_keys.update().where(valid).values(revoked_at=_now()))
        except SQLAlchemyError as error:
            raise self._unreadable() from error

    def check(self, given: str) -> Key | None:
        """The valid key, None for anything else. How long it takes says nothing about the secret."""
        match = _SHAPE.fullmatch(given)
        if match is None:
            return None
        try:
            with self._open().connect() as connection:
                row = connection.execute(select(_keys).where(_keys.c.id == match[1])).first()
        except SQLAlchemyError as error:
            raise self._unreadable() from error
        is_same = hmac.compare_digest(_digest(match[2]), row.digest if row else _NO_DIGEST)
        return _key(row) if row is not None and is_same and row.revoked_at is None else None

    def _open(self) -> Engine:
        with self._lock:
            if self._engine is None:
                engine = create_engine(f"sqlite:///{self._file.absolute()}")
                with engine.begin() as connection:
                    _metadata.create_all(connection)
                    if all(column["name"] != "role" for column in inspect(connection).get_columns("keys")):
                        connection.execute(text("ALTER TABLE keys ADD COLUMN role VARCHAR(10)"))
                self._engine = engine
            return self._engine

    def _unreadable(self) -> StoreError:
        return StoreError(f"the keys in {self._file} cannot be read or written", hint="check the file and its folder")


def _key(row: Row) -> Key:
    return Key(row.id, row.name, row.made_at, row.revoked_at, row.role)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
