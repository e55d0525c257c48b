"""What an ingest reads and writes in SQL: each step one transaction, so that a kill between any two leaves work, not damage.

The order for a product is `intend` (item pending, vectors announced), then the vectors into their index, then `settle`
(item ready, vectors written). Deleting goes the other way round: `retire`, the index, `forget`. So SQL always knows of
every vector that an index holds or may hold, and search, which trusts items that are ready alone, never sees half a product.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, and_, bindparam, delete, insert, select, update

from retrieval.catalogue import Catalogue, chunks, item_of, swatches_of
from retrieval.duplicates import Look
from retrieval.feed_rows import Reject, printable
from retrieval.items import Item, Swatch, View
from retrieval.ports import Space
from retrieval.tables import image_stores, items, rejects, runs, spaces, vectors, views

IMAGE, TEXT = "image", "text"  # the two collections


@dataclass(frozen=True, slots=True)
class Photo:
    """A view with where it was found and what tells that it is still the same. `hash` is its perceptual hash."""

    view: View
    store_id: int
    fingerprint: str
    hash: int


@dataclass(frozen=True, slots=True)
class Vector:
    """One vector that an index holds (or, while not `is_written`, may hold). `view` is "" for text."""

    collection: str
    sku: str
    view: str
    digest: str
    columns_digest: str
    is_written: bool = False

    @property
    def id(self) -> str:
        return f"{self.sku}/{self.view}" if self.collection == IMAGE else self.sku


@dataclass(frozen=True, slots=True)
class Stored:
    """What SQL knows of a product: its item (without views), state, photos in order, vectors by (collection, view)."""

    item: Item
    state: str
    photos: tuple[Photo, ...]
    vectors: Mapping[tuple[str, str], Vector]


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be written of one product: its item, its photos in order, vectors that are `fresh` or `gone`."""

    stored: Stored | None
    item: Item
    photos: tuple[Photo, ...]
    fresh: tuple[Vector, ...]
    gone: tuple[Vector, ...]

    @property
    def is_needed(self) -> bool:
        stored = self.stored
        return (
            stored is None
            or stored.state != "ready"
            or bool(self.fresh or self.gone)
            or stored.item != self.item
            or stored.photos != self.photos
        )


class Ledger:
    """Reads and writes the state of an ingest in one catalogue. One writer at a time: see `Catalogue` and `writer.py`."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    # --- what is there ------------------------------------------------------------------------------------------------

    def stored(self, skus: Sequence[str]) -> dict[str, Stored]:
        """What is known of these products, whatever their state."""
        found: dict[str, Stored] = {}
        with self._catalogue.reading() as connection:
            for part in chunks(skus):
                photos: dict[str, list[Photo]] = {}
                for row in connection.execute(select(views).where(views.c.sku.in_(part)).order_by(views.c.position)):
                    photos.setdefault(row.sku, []).append(_photo(row))
                held: dict[str, dict[tuple[str, str], Vector]] = {}
                for row in connection.execute(select(vectors).where(vectors.c.sku.in_(part))):
                    held.setdefault(row.sku, {})[row.collection, row.view] = _vector(row)
                for row in connection.execute(select(items).where(items.c.sku.in_(part))):
                    sku = row.sku
                    found[sku] = Stored(item_of(row), row.state, tuple(photos.get(sku, ())), held.get(sku, {}))
        return found

    def skus(self, *states: str) -> list[str]:
        """Skus in these states, in order."""
        with self._catalogue.reading() as connection:
            return list(connection.execute(select(items.c.sku).where(items.c.state.in_(states)).order_by(items.c.sku)).scalars())

    def unfinished(self) -> list[str]:
        """Skus, in order, that a killed run left: pending, or with vectors that were announced, or are still to be deleted."""
        at_work = (
            select(items.c.sku)
            .outerjoin(vectors, vectors.c.sku == items.c.sku)
            .where(
                (items.c.state == "pending")
                | (vectors.c.is_written == 0)
                | and_(items.c.state == "retired", vectors.c.sku.is_not(None))
            )
        )
        with self._catalogue.reading() as connection:
            return list(connection.execute(at_work.distinct().order_by(items.c.sku)).scalars())

    # --- products -----------------------------------------------------------------------------------------------------

    def intend(self, changes: Sequence[Change]) -> None:
        """Announce: new and returning items pending, with their photos; every fresh vector not written.

        An item that is ready stays so, with its old values, until it is settled; only photos that it no longer has go now,
        before their vectors do.
        """
        with self._catalogue.writing() as connection:
            left = [v for c in changes for v in c.gone if v.collection == IMAGE]
            if left:
                of_view = and_(views.c.sku == bindparam("of_sku"), views.c.name == bindparam("of_view"))
                connection.execute(delete(views).where(of_view), [{"of_sku": v.sku, "of_view": v.view} for v in left])
            self._write_items(connection, [c for c in changes if not _is_ready(c)], "pending")
            self._write_vectors(connection, changes, [replace(v, is_written=False) for c in changes for v in c.fresh])

    def settle(self, changes: Sequence[Change]) -> None:
        """Acknowledge: items ready with their new values, their vectors written, the vectors that are gone forgotten."""
        with self._catalogue.writing() as connection:
            self._write_items(connection, changes, "ready")
            # `intend` has made the rows of fresh vectors, so all of them exist by now
            _update_vectors(connection, [replace(v, is_written=True) for c in changes for v in c.fresh])
            _delete_vectors(connection, [v for c in changes for v in c.gone])

    def retire(self, skus: Sequence[str]) -> None:
        """Out of every search from now on; nothing else of the products is touched."""
        with self._catalogue.writing() as connection:
            for part in chunks(skus):
                connection.execute(update(items).where(items.c.sku.in_(part)).values(state="retired"))

    def forget(self, gone: Sequence[Vector]) -> None:
        """Vectors that their indexes no longer hold."""
        with self._catalogue.writing() as connection:
            _delete_vectors(connection, gone)

    def _write_items(self, connection: Connection, changes: Sequence[Change], state: str) -> None:
        new = [_item_values(c.item, state) for c in changes if c.stored is None and state == "pending"]
        known = [
            _item_values(c.item, state) for c in changes
            if not (c.stored is None and state == "pending") and not (_is_ready(c) and c.stored.item == c.item)
        ]
        if new:
            connection.execute(insert(items), new)
        if known:
            values = {name: bindparam(name) for name in known[0] if name != "sku"}
            connection.execute(
                update(items).where(items.c.sku == bindparam("of_sku")).values(values),
                [{**row, "of_sku": row["sku"]} for row in known],
            )
        moved = [c for c in changes if (c.stored.photos if c.stored else ()) != c.photos]
        if state == "ready":
            moved = [c for c in moved if _is_ready(c)]  # the others' were written with `intend`
        if moved:
            for part in chunks([c.item.sku for c in moved]):
                connection.execute(delete(views).where(views.c.sku.in_(part)))
            rows = [_photo_values(c.item.sku, at, photo) for c in moved for at, photo in enumerate(c.photos)]
            if rows:
                connection.execute(insert(views), rows)

    @staticmethod
    def _write_vectors(connection: Connection, changes: Sequence[Change], rows: Sequence[Vector]) -> None:
        known = {(c.item.sku, *key) for c in changes if c.stored for key in c.stored.vectors}
        new = [v for v in rows if (v.sku, v.collection, v.view) not in known]
        if new:
            connection.execute(insert(vectors), [_vector_values(v) for v in new])
        _update_vectors(connection, [v for v in rows if (v.sku, v.collection, v.view) in known])

    # --- stores and spaces --------------------------------------------------------------------------------------------

    def image_store(self, location: str) -> int:
        """The number of the image store at that place, recorded at first sight."""
        with self._catalogue.writing() as connection:
            found = connection.execute(select(image_stores.c.id).where(image_stores.c.location == location)).scalar()
            if found is None:
                made = connection.execute(insert(image_stores).values(location=location))
                found = made.inserted_primary_key[0]
            return found

    def record_space(self, collection: str, space: Space) -> None:
        """The collection is written in this space from now on; vectors of another space count as not written."""
        row = {"model": space.model, "revision": space.revision, "modality": space.modality, "dim": space.dim}
        with self._catalogue.writing() as connection:
            kept = connection.execute(select(spaces).where(spaces.c.collection == collection)).first()
            if kept is None:
                connection.execute(insert(spaces).values(collection=collection, **row))
            elif Space(kept.model, kept.revision, kept.modality, kept.dim) != space:
                connection.execute(update(spaces).where(spaces.c.collection == collection).values(**row))
                connection.execute(update(vectors).where(vectors.c.collection == collection).values(is_written=0))

    # --- runs ---------------------------------------------------------------------------------------------------------

    def begin_run(self, feed: str, is_full: bool) -> int:
        began_at = _now()
        with self._catalogue.writing() as connection:
            made = connection.execute(insert(runs).values(feed=printable(feed)[:300], is_full=int(is_full), began_at=began_at))
            return made.inserted_primary_key[0]

    def add_rejects(self, run_id: int, found: Iterable[Reject]) -> None:
        rows = [
            {"run_id": run_id, "line": r.line, "sku": r.sku, "reason": r.reason, "raw": r.raw} for r in found
        ]
        if rows:
            with self._catalogue.writing() as connection:
                connection.execute(insert(rejects), rows)

    def end_run(self, run_id: int, summary: dict[str, Any]) -> None:
        """Close a run; rejects of earlier runs over the same feed go, since this one has met what is left of them."""
        ended_at = _now()
        with self._catalogue.writing() as connection:
            connection.execute(update(runs).where(runs.c.id == run_id).values(ended_at=ended_at, summary=summary))
            feed = select(runs.c.feed).where(runs.c.id == run_id).scalar_subquery()
            earlier = connection.execute(select(runs.c.id).where(runs.c.feed == feed, runs.c.id < run_id)).scalars().all()
            for start in range(0, len(earlier), 500):
                connection.execute(delete(rejects).where(rejects.c.run_id.in_(earlier[start : start + 500])))

    def looks(self) -> list[Look]:
        """What every photo of the items that are ready looks like, by sku."""
        statement = (
            select(views.c.sku, views.c.name, views.c.perceptual_hash, views.c.palette)
            .join(items, items.c.sku == views.c.sku)
            .where(items.c.state == "ready")
            .order_by(views.c.sku, views.c.position)
        )
        with self._catalogue.reading() as connection:
            rows = connection.execute(statement).all()
        return [
            Look(row.sku, int(row.perceptual_hash, 16), _mean_lab(swatches_of(row.palette)), row.name) for row in rows
        ]


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None, microsecond=0)  # MySQL keeps no parts of a second


def _is_ready(change: Change) -> bool:
    return change.stored is not None and change.stored.state == "ready"


def _item_values(item: Item, state: str) -> dict[str, Any]:
    return {
        "sku": item.sku,
        "state": state,
        "title": item.title,
        "category": item.category,
        "slot": item.slot and str(item.slot),
        "gender": str(item.gender),
        "sub_category": item.sub_category,
        "master_category": item.master_category,
        "colour": item.colour,
        "season": item.season,
        "usage": item.usage,
        "year": item.year,
        "price_cents": None if item.price is None else int(item.price.scaleb(2)),
        "currency": item.currency,
        "stock": item.stock,
        "url": item.url,
    }


def _photo(row: Any) -> Photo:
    view = View(row.name, row.path, row.digest, row.width_px, row.height_px, swatches_of(row.palette))
    return Photo(view, row.store_id, row.fingerprint, int(row.perceptual_hash, 16))


def _photo_values(sku: str, position: int, photo: Photo) -> dict[str, Any]:
    view = photo.view
    return {
        "sku": sku,
        "name": view.name,
        "position": position,
        "store_id": photo.store_id,
        "path": view.path,
        "fingerprint": photo.fingerprint,
        "digest": view.digest,
        "width_px": view.width_px,
        "height_px": view.height_px,
        "perceptual_hash": f"{photo.hash:064x}",
        "palette": [[s.name, s.family, list(s.lab), s.hex, s.share] for s in view.palette],
    }


def _mean_lab(palette: Sequence[Swatch]) -> tuple[float, float, float] | None:
    total = sum(swatch.share for swatch in palette)
    if not total:
        return None
    light, a, b = (round(sum(s.share * s.lab[axis] for s in palette) / total, 2) for axis in range(3))
    return light, a, b


def _vector(row: Any) -> Vector:
    return Vector(row.collection, row.sku, row.view, row.digest, row.columns_digest, bool(row.is_written))


def _vector_values(vector: Vector) -> dict[str, Any]:
    return {
        "collection": vector.collection,
        "sku": vector.sku,
        "view": vector.view,
        "digest": vector.digest,
        "columns_digest": vector.columns_digest,
        "is_written": int(vector.is_written),
    }


_OF_VECTOR = and_(
    vectors.c.sku == bindparam("of_sku"),
    vectors.c.view == bindparam("of_view"),
    vectors.c.collection == bindparam("of_collection"),
)


def _key(vector: Vector) -> dict[str, str]:
    return {"of_collection": vector.collection, "of_sku": vector.sku, "of_view": vector.view}


def _update_vectors(connection: Connection, rows: Sequence[Vector]) -> None:
    if rows:
        values = {name: bindparam(name) for name in ("digest", "columns_digest", "is_written")}
        connection.execute(
            update(vectors).where(_OF_VECTOR).values(values),
            [
                {**_key(v), "digest": v.digest, "columns_digest": v.columns_digest, "is_written": int(v.is_written)}
                for v in rows
            ],
        )


def _delete_vectors(connection: Connection, rows: Sequence[Vector]) -> None:
    if rows:
        connection.execute(delete(vectors).where(_OF_VECTOR), [_key(v) for v in rows])
