"""A feed and its photos into the catalogue and its indexes: read, measure, encode, write. Killed anywhere, the next run ends it.

SQL is the truth for everything but the vectors, which can always be made again from it (`rebuild`). What is to be done for
a product follows from comparing the feed with SQL: the unit is (sku, view, content of the photo, space), so running twice
does nothing the second time. See `ledger.py` for the order of writing.
"""

from __future__ import annotations

import logging
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from retrieval.catalogue import Catalogue, chunks
from retrieval.duplicates import MOST_COMPARED, near_duplicates, same_vectors
from retrieval.errors import FeedError, SpaceMismatch
from retrieval.feed_rows import FeedRow, Reject, reject
from retrieval.feeds import Feed
from retrieval.items import Swatch
from retrieval.ledger import IMAGE, TEXT, Ledger, Photo, Stored
from retrieval.photos import PhotoFinder, Place
from retrieval.pipeline import Found, Outcome, Parts, Pipeline, Readers, Task, Wanted, disk_errors
from retrieval.ports import ImageEncoder, Space, TextEncoder, VectorIndex
from retrieval.stores import ImageStore, open_store
from retrieval.summary import Clock, Meter, Progress, Summary
from retrieval.writer import only_writer

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["Progress", "Summary", "ingest", "rebuild"]

_LOG = logging.getLogger(__name__)

_WINDOW = 256  # feed rows compared with SQL at a time
_FEW_ITEMS = 100  # a catalogue this small may be emptied by a feed without a question
_MOST_RETIRED = 0.5  # a full feed that lacks more of the items than this is taken for a broken export


def ingest(
    feed: Feed,
    images: ImageStore | str | Path,
    *,
    catalogue: Catalogue,
    image_encoder: ImageEncoder,
    text_encoder: TextEncoder,
    image_index: VectorIndex,
    text_index: VectorIndex,
    measure_palette: Callable[[Image], Sequence[Swatch]],
    full: bool = True,
    may_shrink: bool = False,
    progress: Callable[[Progress], None] | None = None,
    batch_size: int = 64,
    readers: Readers | None = None,
) -> Summary:
    """Bring the catalogue and both indexes to what the feed says. `images` is a folder, a zip, or a store.

    A `full` feed retires the items that it lacks; with `may_shrink` False, not when that is more than half of them. What a
    killed run left is finished first, and vectors that an index has lost are written again. Rows and photos that cannot be
    used become rejects; the rest goes on. `readers` read (and may encode) photos in place of this process's threads.

    Raises StoreLocked where another process writes, SpaceMismatch where other models wrote the vectors, FeedError where no
    row can be used or too many items would be retired, StoreFull or StoreError where the disk or the server fails: then
    everything written so far stays, and the same call goes on from there.
    """
    began = time.perf_counter()
    store = open_store(images) if isinstance(images, (str, Path)) else images
    parts = Parts(catalogue, image_encoder, text_encoder, image_index, text_index, measure_palette, batch_size)
    with only_writer(catalogue, f"ingest of {feed.path.name}"):
        ledger, clock = Ledger(catalogue), Clock()
        for collection, encoder in ((IMAGE, image_encoder), (TEXT, text_encoder)):
            catalogue.check_space(collection, encoder.space)
            _check_index(collection, encoder.space, parts.indexes[collection].space)
            ledger.record_space(collection, encoder.space)
        run_id = ledger.begin_run(feed.path.name, full)
        meter = Meter(progress, "rows", len(feed) if progress else None)
        with Pipeline(parts, ledger, clock, readers) as pipeline:
            resumed = _finish(parts, ledger, pipeline)
            rows = _Rows(feed, store, ledger, pipeline)
            counts: Counter[str] = Counter()
            for outcome in pipeline.run(rows.tasks()):
                counts[outcome.kind] += 1
                rows.note(outcome)
                meter.show(counts.total() + rows.refused)
        ledger.add_rejects(run_id, rows.rejects)
        meter.show(rows.read)
        retired = _retire_missing(parts, ledger, rows, before=resumed.ready, may_shrink=may_shrink) if full else 0
        summary = Summary(
            rows=rows.read,
            added=counts["added"],
            returned=counts["returned"],
            updated=counts["updated"],
            unchanged=counts["unchanged"],
            rejected=counts["rejected"] + rows.refused,
            retired=retired,
            resumed=resumed.finished,
            ready=catalogue.count(),
            pictures_encoded=pipeline.pictures_encoded,
            titles_encoded=pipeline.titles_encoded,
            rejected_pictures=rows.rejected_pictures,
            reasons=_by_kind(rows.rejects),
            without_slot=dict(rows.without_slot.most_common()),
            near_duplicates=_near_duplicates(ledger, image_index) if pipeline.pictures_encoded else (),
            read_s=clock["read"],
            encode_s=clock["encode"],
            write_s=clock["write"],
            total_s=time.perf_counter() - began,
        )
        ledger.end_run(run_id, summary.as_dict())
    return summary


def rebuild(
    *,
    catalogue: Catalogue,
    image_encoder: ImageEncoder,
    text_encoder: TextEncoder,
    image_index: VectorIndex,
    text_index: VectorIndex,
    measure_palette: Callable[[Image], Sequence[Swatch]],
    progress: Callable[[Progress], None] | None = None,
    batch_size: int = 64,
) -> Summary:
    """Make both indexes hold what SQL says, from SQL and the photos where they were found: after a loss, or for other models.

    Vectors that are there and of the encoders' space are left as they are. A photo that cannot be read now costs its
    vector alone and is counted in `rejected_pictures`. Killed anywhere, the next rebuild or ingest goes on. Raises as `ingest`.
    """
    began = time.perf_counter()
    parts = Parts(catalogue, image_encoder, text_encoder, image_index, text_index, measure_palette, batch_size)
    with only_writer(catalogue, "rebuild"):
        ledger, clock = Ledger(catalogue), Clock()
        for collection, encoder in ((IMAGE, image_encoder), (TEXT, text_encoder)):
            _check_index(collection, encoder.space, parts.indexes[collection].space)
            ledger.record_space(collection, encoder.space)
        skus = ledger.skus("ready", "pending", "retired")
        meter = Meter(progress, "rebuild", len(skus))
        counts: Counter[str] = Counter()
        rejects: list[Reject] = []
        with Pipeline(parts, ledger, clock) as pipeline:
            for outcome in _restore(parts, ledger, pipeline, skus):
                counts[outcome.kind] += 1
                rejects += outcome.rejects
                meter.show(counts.total())
        meter.show(len(skus))
        return Summary(
            rows=counts.total(),
            added=counts["added"],
            updated=counts["updated"],
            unchanged=counts["unchanged"],
            rejected=counts["rejected"],
            ready=catalogue.count(),
            pictures_encoded=pipeline.pictures_encoded,
            titles_encoded=pipeline.titles_encoded,
            rejected_pictures=len(rejects),
            reasons=_by_kind(rejects),
            read_s=clock["read"],
            encode_s=clock["encode"],
            write_s=clock["write"],
            total_s=time.perf_counter() - began,
        )


def _near_duplicates(ledger: Ledger, index: VectorIndex) -> tuple[tuple[str, ...], ...]:
    """Groups of skus whose photos look the same, by hash and colour, or by their vectors."""
    looks = ledger.looks()
    if len(looks) > MOST_COMPARED:
        _LOG.warning("photos that look the same were found by their hashes alone: more than %s to compare", f"{MOST_COMPARED:,}")
        return near_duplicates(looks)
    held = index.fetch([f"{look.sku}/{look.view}" for look in looks])
    if not held:
        return near_duplicates(looks)
    skus = [row.rpartition("/")[0] for row in held]
    return near_duplicates(looks, same_vectors(skus, np.stack(list(held.values()))))


# --- from the feed ------------------------------------------------------------------------------------------------------


class _Rows:
    """The feed's rows as tasks, with what is counted and rejected on the way."""

    def __init__(self, feed: Feed, store: ImageStore, ledger: Ledger, pipeline: Pipeline) -> None:
        self._feed, self._store, self._ledger, self._pipeline = feed, store, ledger, pipeline
        self._store_id = ledger.image_store(store.location)
        self._finder = PhotoFinder(store, lambda: {row.item.sku for row in feed if isinstance(row, FeedRow)})
        self._line_of: dict[str, int] = {}
        self.read = 0
        self.refused = 0  # rows that never became a task
        self.rejected_pictures = 0
        self.rejects: list[Reject] = []
        self.accepted: set[str] = set()
        self.without_slot: Counter[str] = Counter()

    def tasks(self) -> Iterator[Task]:
        window: list[tuple[FeedRow, list[Place]]] = []
        for row in self._feed:
            self.read += 1
            if (usable := self._usable(row)) is not None:
                window.append(usable)
            if len(window) == _WINDOW:
                yield from self._planned(window)
                window = []
        yield from self._planned(window)

    def _usable(self, row: FeedRow | Reject) -> tuple[FeedRow, list[Place]] | None:
        if isinstance(row, Reject):
            self._refuse(row)
            return None
        sku = row.item.sku
        first = self._line_of.setdefault(sku, row.line)
        if first != row.line:
            self._refuse(reject(row.line, f"duplicate id: it stands in line {first} already", sku=sku))
            return None
        places, wrong = self._finder.find(row)
        if not places:
            self._refuse(reject(row.line, "; ".join(wrong), sku=sku))
            return None
        self.rejects += [reject(row.line, reason, sku=sku) for reason in wrong]
        self.rejected_pictures += len(wrong)
        return row, places

    def _refuse(self, why: Reject) -> None:
        self.refused += 1
        self.rejects.append(why)

    def _planned(self, window: list[tuple[FeedRow, list[Place]]]) -> Iterator[Task]:
        stored = self._ledger.stored([row.item.sku for row, _ in window])
        wanted = [
            Wanted(
                row.item,
                row.line,
                stored.get(row.item.sku),
                [Found(place, self._store, self._store_id) for place in places],
            )
            for row, places in window
        ]
        yield from self._pipeline.plan(wanted)

    def note(self, outcome: Outcome) -> None:
        """Take in what became of a task."""
        self.rejects += outcome.rejects
        if outcome.kind != "rejected":
            self.accepted.add(outcome.item.sku)
            self.rejected_pictures += len(outcome.rejects)
            if outcome.item.slot is None:
                self.without_slot[outcome.item.category] += 1


def _retire_missing(parts: Parts, ledger: Ledger, rows: _Rows, *, before: int, may_shrink: bool) -> int:
    """Retire what the feed lacks; how many items that were."""
    if not rows.accepted:
        reasons = "; ".join(f"{count:,} x {reason}" for reason, count in list(_by_kind(rows.rejects).items())[:3])
        raise FeedError(
            f"no row of the feed can be used ({reasons}); nothing was retired",
            hint="check the feed, its mapping and the folder of the pictures: outfit ingest FEED --images DIR|ZIP",
        )
    gone = [sku for sku in ledger.skus("ready", "pending") if sku not in rows.accepted]
    if before >= _FEW_ITEMS and len(gone) > before * _MOST_RETIRED and not may_shrink:
        raise FeedError(
            f"the feed lacks {len(gone):,} of {before:,} items, or their pictures: that looks like a broken export; "
            "what it holds is up to date, and nothing was retired",
            hint="if it is meant, say so with --may-shrink; if the feed holds changes only, use --partial",
        )
    ledger.retire(gone)
    _remove(parts, ledger, gone)
    return len(gone)


def _remove(parts: Parts, ledger: Ledger, retired: Sequence[str]) -> None:
    """Take the vectors of retired items out of the indexes, then out of SQL."""
    for part in chunks(retired):
        held = [vector for stored in ledger.stored(part).values() for vector in stored.vectors.values()]
        with disk_errors():
            for collection, index in parts.indexes.items():
                index.delete([vector.id for vector in held if vector.collection == collection])
        ledger.forget(held)


# --- from SQL -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Finished:
    finished: int
    ready: int


def _finish(parts: Parts, ledger: Ledger, pipeline: Pipeline) -> _Finished:
    """Finish what a killed run left, or write again what an index has lost; how many items that were."""
    lost = [name for name, index in parts.indexes.items() if len(index) < parts.catalogue.vector_count(name)]
    if lost:
        _LOG.warning("the %s index has lost vectors: they are written again from the catalogue", " and the ".join(lost))
    skus = ledger.skus("ready", "pending", "retired") if lost else ledger.unfinished()
    kinds = Counter(outcome.kind for outcome in _restore(parts, ledger, pipeline, skus))
    return _Finished(kinds["added"] + kinds["updated"], parts.catalogue.count())


def _restore(parts: Parts, ledger: Ledger, pipeline: Pipeline, skus: Sequence[str]) -> Iterator[Outcome]:
    """Bring the indexes to what SQL says of these items."""
    retired: list[str] = []

    def tasks() -> Iterator[Task]:
        for start in range(0, len(skus), _WINDOW):
            window = _as_held(parts, ledger.stored(skus[start : start + _WINDOW]))
            retired.extend(sku for sku, stored in window.items() if stored.state == "retired" and stored.vectors)
            wanted = [
                Wanted(stored.item, 0, stored, [_recorded(photo) for photo in stored.photos])
                for stored in window.values()
                if stored.state != "retired"
            ]
            yield from pipeline.plan(wanted, keeps_unread=True)

    yield from pipeline.run(tasks())
    _remove(parts, ledger, retired)


def _recorded(photo: Photo) -> Found:
    return Found(Place(photo.view.name, photo.view.path, photo.fingerprint), None, photo.store_id)


def _as_held(parts: Parts, window: dict[str, Stored]) -> dict[str, Stored]:
    """The same, with every vector that its index does not hold counted as not written."""
    written = [vector for stored in window.values() for vector in stored.vectors.values() if vector.is_written]
    held = {
        (name, id_)
        for name, index in parts.indexes.items()
        for id_ in index.fetch([vector.id for vector in written if vector.collection == name])
    }
    return {
        sku: replace(
            stored,
            vectors={
                key: vector if (vector.collection, vector.id) in held else replace(vector, is_written=False)
                for key, vector in stored.vectors.items()
            },
        )
        for sku, stored in window.items()
    }


# --- words --------------------------------------------------------------------------------------------------------------


def _check_index(collection: str, encoder: Space, index: Space) -> None:
    if index != encoder:
        raise SpaceMismatch(
            f"the {collection} index is of {index.model!r} (revision {index.revision}, {index.dim} dimensions), but the "
            f"model in use is {encoder.model!r} (revision {encoder.revision}, {encoder.dim} dimensions)",
            hint="re-embed the catalogue with the model in use: outfit rebuild",
        )


def _by_kind(rejects: Sequence[Reject]) -> dict[str, int]:
    """How often each reason was met, values left out, the most frequent first."""
    kinds = (re.sub(r"'[^']*'|\d[\d,.]*", "...", reject.reason.partition(": ")[0]) for reject in rejects)
    return dict(Counter(kinds).most_common())
