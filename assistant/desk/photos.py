"""Small crops of shoppers' garments, for stylists to look at, kept in SQL for a set time and no longer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from assistant.desk.store import now
from retrieval import images
from retrieval.catalogue import Catalogue
from retrieval.tables import desk_crops as crops

if TYPE_CHECKING:
    from PIL.Image import Image

SIDE_PX = 256


class Crops:
    """JPEG crops by digest. None is served from `keep` after it was last put here; `sweep` deletes what is over time."""

    def __init__(self, catalogue: Catalogue, keep: timedelta, clock: Callable[[], datetime] = now) -> None:
        self._catalogue, self._keep, self._clock = catalogue, keep, clock

    def put(self, picture: Image) -> str | None:
        """Keep a crop and give its digest; None where none is kept at all."""
        if not self._keep:
            return None
        data = images.encode_jpeg(images.thumbnail(picture, SIDE_PX), quality=80)
        digest, until = images.digest(data), self._clock() + self._keep
        with self._catalogue.writing() as connection:
            try:
                with connection.begin_nested():
                    connection.execute(insert(crops).values(digest=digest, jpeg=data, until=until))
            except IntegrityError:
                connection.execute(update(crops).where(crops.c.digest == digest).values(until=until))
        return digest

    def get(self, digest: str) -> bytes | None:
        with self._catalogue.reading() as connection:
            there = (crops.c.digest == digest) & (crops.c.until > self._clock())
            return connection.execute(select(crops.c.jpeg).where(there)).scalar()

    def sweep(self) -> int:
        """Delete what is over its time, from the file too where that is SQLite. Gives how many."""
        over = crops.c.until <= self._clock()
        with self._catalogue.reading() as connection:
            if not connection.execute(select(func.count()).select_from(crops).where(over)).scalar_one():
                return 0
        with self._catalogue.writing() as connection:
            if self._catalogue.url.get_backend_name() == "sqlite":
                connection.exec_driver_sql("PRAGMA secure_delete = ON")
            return connection.execute(delete(crops).where(over)).rowcount
