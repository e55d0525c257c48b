"""The catalogue in SQL: items with their views, what the indexes hold, runs and rejects. SQLite unless a URL says otherwise.

Reading is here; what an ingest writes is in `ledger.py`. Every method may be called from several threads.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal, Self

from sqlalchemy import Connection, Engine, Row, func, select
from sqlalchemy.engine import URL

from retrieval import migrations
from retrieval.databases import address_of, engine_of, is_keepable, server_lock, shown, translated
from retrieval.errors import InvalidInput, SpaceMismatch, StoreEmpty, StoreLocked
from retrieval.feed_rows import Reject
from retrieval.images import Limits, decode
from retrieval.items import Gender, Item, Slot, Swatch, View
from retrieval.ports import Space
from retrieval.stores import ImageStore, open_store
from retrieval.tables import image_stores, items, rejects, runs, spaces, vectors, views

if TYPE_CHECKING:
    from PIL.Image import Image

AT_ONCE = 500  # values in one IN (...): below every engine's limit on parameters
_MIGRATION_S = 60
_INGEST_FIRST = "fill it first: outfit ingest FEED --images DIR|ZIP"


@dataclass(frozen=True, slots=True)
class Run:
    """One ingest: which feed, when (UTC), and its summary by name; `ended_at` None where it was killed."""

    id: int
    feed: str
    is_full: bool
    began_at: datetime
    ended_at: datetime | None
    summary: dict[str, Any] | None


class Catalogue:
    """The items of one shop. Open it with `Catalogue.open`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._writer = engine.execution_options(outfit_writes=True)
        self._stores: dict[int, ImageStore] = {}
        self._stores_lock = Lock()

    @classmethod
    def open(cls, url: str | Path, *, create: bool = False) -> Self:
        """The catalogue at a database URL (`sqlite:///shop.db`, `mysql+pymysql://...`, `postgresql+psycopg://...`) or file.

        An older catalogue is migrated. Raises StoreEmpty where there is none and `create` is False, StoreError where the
        database is newer than this program or cannot be reached, InvalidSetting for a URL that is none.
        """
        address = address_of(url)
        if address.get_backend_name() == "sqlite" and address.database not in (None, "", ":memory:"):
            file = Path(address.database)
            if not create and not file.is_file():
                raise StoreEmpty(f"there is no catalogue at {file}", hint=_INGEST_FIRST)
            with translated(address):
                file.parent.mkdir(parents=True, exist_ok=True)
        engine = engine_of(address)
        catalogue = cls(engine)
        with catalogue.reading() as connection:
            found = migrations.version(connection)
            is_current = migrations.is_current(connection)
        if found is None and not create:
            engine.dispose()
            raise StoreEmpty(f"the database {shown(address)} holds no catalogue", hint=_INGEST_FIRST)
        if not is_current:
            with translated(address), server_lock(engine, "migrations", wait_s=_MIGRATION_S) as is_held:
                if not is_held:
                    raise StoreLocked(
                        f"another process has been migrating the catalogue {shown(address)} for {_MIGRATION_S} s",
                        hint="wait for it to end, then run the same command again",
                    )
                with catalogue.writing() as connection:
                    if not migrations.is_current(connection):  # another process may have been first
                        migrations.upgrade(connection)
        return catalogue

    def close(self) -> None:
        self._engine.dispose()

    @property
    def url(self) -> URL:
        return self._engine.url

    @property
    def engine(self) -> Engine:
        return self._engine

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection whose errors are this project's."""
        with translated(self.url), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction: all of it is on disk when the block ends, or nothing of it."""
        with translated(self.url), self._writer.begin() as connection:
            yield connection

    # --- items --------------------------------------------------------------------------------------------------------

    def items(self, skus: Sequence[str]) -> dict[str, Item]:
        """The items of these skus that are ready, by sku; unknown, pending and retired ones are left out."""
        found: dict[str, Item] = {}
        with self.reading() as connection:
            for part in chunks([sku for sku in dict.fromkeys(skus) if is_keepable(sku)]):
                rows = connection.execute(select(items).where(items.c.sku.in_(part), items.c.state == "ready")).all()
                of_sku = _views_by_sku(connection.execute(_VIEWS.where(views.c.sku.in_(part))))
                found.update((row.sku, item_of(row, of_sku.get(row.sku, ()))) for row in rows)
        return {sku: found[sku] for sku in skus if sku in found}

    def item(self, sku: str) -> Item | None:
        return self.items([sku]).get(sku)

    def all_items(self, batch: int = 2_000) -> Iterator[Item]:
        """Every item that is ready, by sku."""
        last = ""
        while True:
            with self.reading() as connection:
                rows = connection.execute(
                    select(items).where(items.c.state == "ready", items.c.sku > last).order_by(items.c.sku).limit(batch)
                ).all()
                if not rows:
                    return
                last, first = rows[-1].sku, rows[0].sku
                of_sku = _views_by_sku(connection.execute(_VIEWS.where(views.c.sku.between(first, last))))
            for row in rows:
                yield item_of(row, of_sku.get(row.sku, ()))

    def count(self, state: str = "ready") -> int:
        with self.reading() as connection:
            return connection.execute(select(func.count()).where(items.c.state == state)).scalar_one()

    def categories(self) -> list[str]:
        """Categories of the items that are ready, the most frequent first, then by name."""
        count = func.count()
        with self.reading() as connection:
            rows = connection.execute(
                select(items.c.category).where(items.c.state == "ready").group_by(items.c.category)
                .order_by(count.desc(), items.c.category)
            )
            return list(rows.scalars())

    def kinds(self) -> list[tuple[str, str, str | None, int]]:
        """(gender, category, colour, how many) of the items that are ready and in stock: what the shop carries."""
        columns = (items.c.gender, items.c.category, items.c.colour)
        there = (items.c.state == "ready") & (items.c.stock.is_(None) | (items.c.stock > 0))
        with self.reading() as connection:
            rows = connection.execute(select(*columns, func.count()).where(there).group_by(*columns))
            return [tuple(row) for row in rows]

    def counts(self, column: Literal["gender", "usage"]) -> dict[str, dict[str, int]]:
        """How many of the items that are ready have which gender or usage, by category; those without one are left out."""
        columns = (items.c.category, items.c[column])
        known = (items.c.state == "ready") & items.c[column].is_not(None)
        found: dict[str, dict[str, int]] = {}
        with self.reading() as connection:
            for category, value, count in connection.execute(select(*columns, func.count()).where(known).group_by(*columns)):
                found.setdefault(category, {})[value] = count
        return found

    def has_prices(self) -> bool:
        """Does the shop tell the price of any item?"""
        with self.reading() as connection:
            return connection.execute(select(items.c.sku).where(items.c.price_cents.is_not(None)).limit(1)).first() is not None

    # --- pictures -----------------------------------------------------------------------------------------------------

    def picture(self, sku: str, view: str | None = None, *, limits: Limits = Limits()) -> Image:
        """A view of an item (its first where none is named) as RGB, read from where the ingest found it."""
        return decode(self.picture_bytes(sku, view, limits=limits), limits=limits)

    def picture_bytes(self, sku: str, view: str | None = None, *, limits: Limits = Limits()) -> bytes:
        """The file of a view as it is, at most one byte over `limits.max_bytes`.

        Raises InvalidInput for an item or a view that is not there, StoreError where the file is gone or unreadable.
        """
        row = None
        if is_keepable(sku + (view or "")):
            columns = views.c.sku, views.c.name, views.c.store_id, views.c.path
            with self.reading() as connection:
                rows = connection.execute(select(*columns).where(views.c.sku == sku).order_by(views.c.position)).all()
            # Compared here once more: MySQL and MariaDB take names for equal that differ by a space at their end.
            row = next((row for row in rows if row.sku == sku and view in (None, row.name)), None)
        if row is None:
            what = f"item {sku[:60]!r}" if view is None else f"view {view[:60]!r} of item {sku[:60]!r}"
            raise InvalidInput(f"the catalogue has no picture of {what}")
        return self.image_store(row.store_id).read(row.path, max_bytes=limits.max_bytes)

    def image_store(self, store_id: int) -> ImageStore:
        """The store of that number, opened once."""
        with self._stores_lock:
            if store_id not in self._stores:
                with self.reading() as connection:
                    location = connection.execute(
                        select(image_stores.c.location).where(image_stores.c.id == store_id)
                    ).scalar_one()
                self._stores[store_id] = open_store(location)
            return self._stores[store_id]

    # --- spaces, runs, rejects ------------------------------------------------------------------------------------------

    def spaces(self) -> dict[str, Space]:
        """The space of each collection that has been written to, by the collection's name."""
        with self.reading() as connection:
            rows = connection.execute(select(spaces)).all()
        return {row.collection: Space(row.model, row.revision, row.modality, row.dim) for row in rows}

    def check_space(self, name: str, space: Space) -> None:
        """Raises SpaceMismatch where the collection was written in another space; one not written yet takes any."""
        kept = self.spaces().get(name)
        if kept is not None and kept != space:
            raise SpaceMismatch(
                f"the {name} vectors of this catalogue were written by {kept.model!r} (revision {kept.revision}, "
                f"{kept.dim} dimensions), but the model in use is {space.model!r} (revision {space.revision}, "
                f"{space.dim} dimensions)",
                hint="re-embed the catalogue with the model in use: outfit rebuild",
            )

    def vector_count(self, name: str) -> int:
        """How many vectors the collection must hold: compare with the length of its index."""
        with self.reading() as connection:
            condition = vectors.c.collection == name, vectors.c.is_written == 1
            return connection.execute(select(func.count()).where(*condition)).scalar_one()

    def runs(self) -> list[Run]:
        """Every ingest, newest first."""
        with self.reading() as connection:
            rows = connection.execute(select(runs).order_by(runs.c.id.desc())).all()
        return [Run(r.id, r.feed, bool(r.is_full), r.began_at, r.ended_at, r.summary) for r in rows]

    def rejects(self, run_id: int | None = None) -> list[Reject]:
        """What a run could not use (the newest run where none is named), in the order in which it was met."""
        newest = select(func.max(runs.c.id)).scalar_subquery()
        with self.reading() as connection:
            rows = connection.execute(
                select(rejects).where(rejects.c.run_id == (newest if run_id is None else run_id)).order_by(rejects.c.id)
            ).all()
        return [Reject(row.line, row.reason, row.sku, row.raw) for row in rows]


# --- rows to values ---------------------------------------------------------------------------------------------------

_SLOTS, _GENDERS = {str(slot): slot for slot in Slot}, {str(gender): gender for gender in Gender}
_VIEWS = select(
    views.c.sku, views.c.name, views.c.path, views.c.digest, views.c.width_px, views.c.height_px, views.c.palette
).order_by(views.c.sku, views.c.position)


def _views_by_sku(rows: Any) -> dict[str, tuple[View, ...]]:
    return {
        sku: tuple(
            View(row.name, row.path, row.digest, row.width_px, row.height_px, swatches_of(row.palette)) for row in group
        )
        for sku, group in groupby(rows, key=lambda row: row.sku)
    }


def item_of(row: Row, item_views: tuple[View, ...] = ()) -> Item:
    return Item(
        sku=row.sku,
        title=row.title,
        category=row.category,
        slot=_SLOTS[row.slot] if row.slot else None,
        gender=_GENDERS[row.gender],
        sub_category=row.sub_category,
        master_category=row.master_category,
        colour=row.colour,
        season=row.season,
        usage=row.usage,
        year=row.year,
        price=None if row.price_cents is None else Decimal(row.price_cents).scaleb(-2),
        currency=row.currency,
        stock=row.stock,
        url=row.url,
        views=item_views,
    )


def swatches_of(palette: list) -> tuple[Swatch, ...]:
    return tuple(Swatch(name, family, tuple(lab), hex_, share) for name, family, lab, hex_, share in palette)


def chunks(values: Sequence[str], size: int = AT_ONCE) -> Iterator[Sequence[str]]:
    return (values[start : start + size] for start in range(0, len(values), size))
