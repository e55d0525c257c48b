"""Knobs under a name, each with the effect that was measured when it was saved, in SQL."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from assistant.desk.knobs import Knobs
from assistant.desk.store import now
from retrieval.catalogue import Catalogue
from retrieval.errors import InvalidInput
from retrieval.tables import desk_profiles as profiles

_MOST_NAME = 60


@dataclass(frozen=True, slots=True)
class Profile:
    name: str
    knobs: Knobs
    effect: dict[str, Any]
    who: str
    at: datetime


class Profiles:
    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def all(self) -> list[Profile]:
        with self._catalogue.reading() as connection:
            rows = connection.execute(select(profiles).order_by(profiles.c.name)).all()
        return [Profile(row.name, Knobs(**row.knobs), row.effect, row.who, row.at) for row in rows]

    def save(self, name: str, knobs: Knobs, effect: dict[str, Any], who: str) -> Profile:
        """Keep these knobs under that name; what was there before is replaced."""
        if not name.strip() or len(name) > _MOST_NAME:
            raise InvalidInput(f"profile name {name[:40]!r}: expected 1 to {_MOST_NAME} characters")
        made = Profile(name.strip(), knobs, effect, who, now())
        values = {"knobs": asdict(knobs), "effect": effect, "who": who, "at": made.at}
        with self._catalogue.writing() as connection:
            try:
                with connection.begin_nested():
                    connection.execute(insert(profiles).values(name=made.name, **values))
            except IntegrityError:
                connection.execute(update(profiles).where(profiles.c.name == made.name).values(values))
        return made

    def remove(self, name: str) -> None:
        """Raises InvalidInput for a name that is not there."""
        with self._catalogue.writing() as connection:
            if not connection.execute(delete(profiles).where(profiles.c.name == name)).rowcount:
                raise InvalidInput(f"there is no profile {name[:60]!r}")
