"""What the shop goes by: the knobs of the settings, or those of a profile that a stylist put to use. It is kept in SQL, so
that it holds in every process from the next answer on, with who chose it and when; each choice can be taken back.
"""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, Row, insert, select

from assistant.desk.knobs import Knobs
from assistant.desk.store import AlreadyDecided, now
from assistant.stylist import Plan
from retrieval.catalogue import Catalogue
from retrieval.errors import InvalidInput
from retrieval.tables import desk_profiles as profiles
from retrieval.tables import desk_uses as uses

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Use:
    """`name` and `knobs` None: those of the settings. `at` is UTC. `replaced`: the use that this one took the place of,
    None for the settings that the shop began with."""

    id: int
    name: str | None
    knobs: Knobs | None
    who: str
    at: datetime
    replaced: int | None


    @property
    def words(self) -> str:
        """For whoever wonders why settings have no effect; "" where they have."""
        if self.knobs is None:
            return ""
        return f"the desk's profile {self.name!r} stands in for the settings of its knobs (put to use by {self.who}, {self.at:%Y-%m-%d %H:%M} UTC)"


class InUse:
    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._warned: int | None = None

    def now(self) -> Use | None:
        """What was chosen last; None where nobody ever chose."""
        with self._catalogue.reading() as connection:
            row = _last(connection)
        return None if row is None else self._use(row)

    def plan(self, plan: Plan) -> Plan:
        """That plan by what is in use."""
        use = self.now()
        return plan if use is None or use.knobs is None else use.knobs.plan(plan)

    def choose(self, name: str | None, who: str) -> Use:
        """Put a profile to use as it is now (later changes to it do not count), or the settings (None). Raises InvalidInput
        for a profile that is not there."""
        with self._catalogue.writing() as connection:
            knobs = None
            if name is not None:
                knobs = connection.execute(select(profiles.c.knobs).where(profiles.c.name == name)).scalar()
                if knobs is None:
                    raise InvalidInput(f"there is no profile {name[:60]!r}")
                knobs = asdict(Knobs(**knobs))
            last = _last(connection)
            return self._add(connection, name, knobs, who, None if last is None else last.id)

    def back(self, who: str) -> Use:
        """Take the last choice back: what was in use before it is again. Raises AlreadyDecided where there is none."""
        with self._catalogue.writing() as connection:
            last = _last(connection)
            if last is None or (last.replaced is None and last.name is None):
                raise AlreadyDecided("the shop goes by its settings: there is no choice to take back")
            before = None if last.replaced is None else connection.execute(select(uses).where(uses.c.id == last.replaced)).one()
            name, knobs = (None, None) if before is None else (before.name, before.knobs)
            return self._add(connection, name, knobs, who, None if before is None else before.replaced)

    def _add(self, connection: Connection, name: str | None, knobs: dict | None, who: str, replaced: int | None) -> Use:
        row = {"name": name, "knobs": knobs, "who": who, "at": now(), "replaced": replaced}
        (number,) = connection.execute(insert(uses).values(row)).inserted_primary_key
        return Use(number, name, None if knobs is None else Knobs(**knobs), who, row["at"], replaced)

    def _use(self, row: Row) -> Use:
        knobs = None
        if row.knobs is not None:
            try:
                knobs = Knobs(**row.knobs)
            except (InvalidInput, TypeError) as error:  # of another version
                if self._warned != row.id:
                    _LOG.warning("profile %r cannot be used, the settings are: %s", row.name, error)
                    self._warned = row.id
        return Use(row.id, row.name, knobs, row.who, row.at, row.replaced)


def _last(connection: Connection) -> Row | None:
    return connection.execute(select(uses).order_by(uses.c.id.desc()).limit(1)).first()
