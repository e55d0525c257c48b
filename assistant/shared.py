"""What several app processes share through the catalogue's database, so that any of them can answer any request.

Conversations by session, visitors' files by name, verdicts by key. One process alone keeps the first two in its memory
and verdicts in a file beside it (`assistant.ui.files`, `assistant.verdicts`); the setting `shared_state` chooses.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Table, and_, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from assistant.packing import pack, unpack
from assistant.stylists import Answer, Verdict
from assistant.verdicts import checksum_of
from retrieval.catalogue import Catalogue
from retrieval.errors import InvalidInput
from retrieval.feed_rows import printable
from retrieval.tables import shared_files, shared_verdicts, shared_visits

_LOG = logging.getLogger(__name__)

_PART = 2**20  # below what servers take in one packet
_TOUCH_S = 60  # a time is moved on only when it would move by this much
_MOST_REASON, _MOST_MODEL = 2_000, 200

Clock = Callable[[], float]


class SharedVisits:
    """Conversations by session, until `keep_s` seconds after their last turn. `classes` are those of their values."""

    def __init__(self, catalogue: Catalogue, classes: Mapping[str, type], keep_s: float, clock: Clock = time.time) -> None:
        self._catalogue, self._classes, self._keep_s, self._clock = catalogue, dict(classes), keep_s, clock

    def get(self, session: str) -> Any | None:
        """The conversation, None where there is none that can be gone on with."""
        of = and_(shared_visits.c.session == session[:64], shared_visits.c.until > int(self._clock()))
        with self._catalogue.reading() as connection:
            data = connection.execute(select(shared_visits.c.data).where(of)).scalar()
        if data is None:
            return None
        try:
            return unpack(bytes(data), self._classes)
        except InvalidInput as error:
            _LOG.warning("a conversation of another version is begun anew: %s", error)
            return None

    def put(self, session: str, visit: Any) -> None:
        now = int(self._clock())
        row = {"data": pack(visit), "until": now + int(self._keep_s)}
        _upsert(self._catalogue, shared_visits, {"session": session[:64]}, row)
        with self._catalogue.writing() as connection:
            connection.execute(delete(shared_visits).where(shared_visits.c.until <= now))


class SharedFiles:
    """Files by name, until `keep_s` seconds after they were last asked for, at most `most_bytes` together: those that
    were asked for longest ago make room."""

    def __init__(self, catalogue: Catalogue, keep_s: float, most_bytes: int, clock: Clock = time.time) -> None:
        self._catalogue, self._keep_s, self._most_bytes, self._clock = catalogue, keep_s, most_bytes, clock

    def put(self, name: str, data: bytes, kind: str, filename: str) -> None:
        """Keep a file, or put another in its place."""
        now = int(self._clock())
        row = {"name": name, "kind": kind, "filename": filename[:200], "size": len(data), "until": now + int(self._keep_s)}
        parts = [data[at : at + _PART] for at in range(0, len(data), _PART)] or [b""]
        with self._catalogue.writing() as connection:
            connection.execute(delete(shared_files).where(shared_files.c.name == name))
            for number, part in enumerate(parts):
                connection.execute(insert(shared_files).values(**row, part=number, data=part))
        self.sweep()

    def get(self, name: str) -> tuple[bytes, str, str] | None:
        """The file, its kind and its file name, and its time begins anew; None where there is none."""
        now, files = int(self._clock()), shared_files.c
        with self._catalogue.reading() as connection:
            rows = connection.execute(
                select(files.data, files.kind, files.filename, files.size, files.until)
                .where(files.name == name[:64], files.until > now)
                .order_by(files.part)
            ).all()
        data = b"".join(bytes(row.data) for row in rows)
        if not rows or len(data) != rows[0].size:
            return None
        until = now + int(self._keep_s)
        if until - rows[0].until >= min(_TOUCH_S, self._keep_s / 4):
            with self._catalogue.writing() as connection:
                connection.execute(update(shared_files).where(files.name == name).values(until=until))
        return data, rows[0].kind, rows[0].filename

    def drop(self, name: str) -> None:
        with self._catalogue.writing() as connection:
            connection.execute(delete(shared_files).where(shared_files.c.name == name[:64]))

    def sweep(self) -> None:
        """Delete what is over its time or over the bound."""
        files = shared_files.c
        with self._catalogue.reading() as connection:
            rows = connection.execute(
                select(files.name, files.size, files.until).where(files.part == 0).order_by(files.until.desc(), files.name)
            ).all()
        now, total, gone = int(self._clock()), 0, []
        for place, row in enumerate(rows):
            total += row.size
            if row.until <= now or (total > self._most_bytes and place > 0):
                gone.append(row.name)
        for at in range(0, len(gone), 500):
            with self._catalogue.writing() as connection:
                connection.execute(delete(shared_files).where(files.name.in_(gone[at : at + 500])))

    def __len__(self) -> int:
        self.sweep()
        with self._catalogue.reading() as connection:
            return connection.execute(select(func.count()).where(shared_files.c.part == 0)).scalar_one()


class SharedVerdicts:
    """As `assistant.verdicts.VerdictCache`, in the catalogue's database."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self.damaged = 0

    def get(self, key: str) -> Verdict | None:
        with self._catalogue.reading() as connection:
            row = connection.execute(select(shared_verdicts).where(shared_verdicts.c.key == key)).first()
        if row is None:
            return None
        if row.checksum != checksum_of(key, row.answer, row.p_yes, row.reason, row.model):
            self.damaged += 1
            _LOG.warning("a kept verdict does not fit its checksum: dropped, it will be asked again")
            with self._catalogue.writing() as connection:
                connection.execute(delete(shared_verdicts).where(shared_verdicts.c.key == key))
            return None
        return Verdict(Answer(row.answer), row.p_yes, row.reason, row.model)

    def put(self, key: str, verdict: Verdict) -> None:
        if verdict.p_yes is not None and not math.isfinite(verdict.p_yes):
            raise ValueError(f"p_yes {verdict.p_yes} cannot be kept: expected a number in [0, 1] or None")
        reason = printable(verdict.reason)[:_MOST_REASON]
        values = (verdict.answer.value, verdict.p_yes, reason, verdict.model[:_MOST_MODEL])
        row = dict(zip(("answer", "p_yes", "reason", "model"), values, strict=True))
        _upsert(self._catalogue, shared_verdicts, {"key": key}, {**row, "checksum": checksum_of(key, *values)})

    def __len__(self) -> int:
        with self._catalogue.reading() as connection:
            return connection.execute(select(func.count()).select_from(shared_verdicts)).scalar_one()

    def close(self) -> None:
        """The catalogue's connections are the catalogue's to close."""


def _upsert(catalogue: Catalogue, table: Table, key: Mapping[str, Any], row: Mapping[str, Any]) -> None:
    """One row, new or in the place of the old one, on every engine; of two at once the later holds."""
    here = and_(*(table.c[name] == value for name, value in key.items()))
    with catalogue.writing() as connection:
        if connection.execute(update(table).where(here).values(**row)).rowcount:
            return
        try:
            with connection.begin_nested():
                connection.execute(insert(table).values(**key, **row))
        except IntegrityError:  # another process was quicker
            connection.execute(update(table).where(here).values(**row))
