"""The moving part of an ingest: threads read photos ahead, this thread encodes, one thread writes what has been encoded.

It takes products with the photos that they should have, and yields what became of each once that is on disk.
"""

from __future__ import annotations

import errno
import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice
from typing import TYPE_CHECKING, Protocol, Self

import numpy as np

from retrieval.catalogue import Catalogue
from retrieval.errors import OutfitError, StoreError, StoreFull, StoreUnreachable
from retrieval.feed_rows import Reject, reject
from retrieval.items import Item, Swatch
from retrieval.ledger import IMAGE, TEXT, Change, Ledger, Photo, Stored, Vector
from retrieval.photos import Place, Taken, take
from retrieval.ports import ImageEncoder, TextEncoder, VectorIndex
from retrieval.stores import ImageStore
from retrieval.summary import Clock

if TYPE_CHECKING:
    from PIL.Image import Image

_READERS = 4  # threads that read, decode and measure; the libraries let go of the interpreter for most of that
_BATCHES_AHEAD = 2  # batches being read while one is encoded
_MOST_TASKS = 1_024  # products in a batch, most of which need nothing
_UNIT_TOLERANCE = 1e-3

Key = tuple[str, str]  # collection and view


@dataclass(frozen=True, slots=True)
class Parts:
    """What an ingest works with."""

    catalogue: Catalogue
    image_encoder: ImageEncoder
    text_encoder: TextEncoder
    image_index: VectorIndex
    text_index: VectorIndex
    measure_palette: Callable[[Image], Sequence[Swatch]]
    batch_size: int = 64

    @property
    def indexes(self) -> Mapping[str, VectorIndex]:
        return {IMAGE: self.image_index, TEXT: self.text_index}


@dataclass(frozen=True, slots=True)
class Found:
    """A photo that a product should have: where it is, and in which store; `store` None: the one of that number in SQL."""

    place: Place
    store: ImageStore | None
    store_id: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """A product as it should be: its item, the feed's line (0: none), what SQL knows of it, its photos in order."""

    item: Item
    line: int
    stored: Stored | None
    found: Sequence[Found]


@dataclass(slots=True)
class Task:
    """A product on its way. `photos` by view; `reusable` holds vectors that are right but for the columns beside them."""

    item: Item
    line: int
    stored: Stored | None
    columns_digest: str
    keeps_unread: bool
    photos: list[tuple[str, Taken | Future[Taken]]] = field(default_factory=list)
    reusable: dict[Key, np.ndarray] = field(default_factory=dict)

    @property
    def waits(self) -> int:
        return sum(isinstance(taken, Future) for _, taken in self.photos)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a product: "added", "returned", "updated", "unchanged" or "rejected", and its unusable photos."""

    item: Item
    kind: str
    rejects: tuple[Reject, ...] = ()


def document(item: Item) -> str:
    """The text of an item that is embedded."""
    return item.title


def columns_of(item: Item) -> dict[str, str | float]:
    """What stands beside an item's vectors for hard filters; what is not known is left out."""
    known = {
        "slot": item.slot and str(item.slot),
        "gender": str(item.gender),
        "category": item.category,
        "sub_category": item.sub_category,
        "colour": item.colour,
        "usage": item.usage,
        "season": item.season,
        "price": None if item.price is None else float(item.price),
        "in_stock": 1.0 if item.is_available else 0.0,
    }
    return {name: value for name, value in known.items() if value is not None}


class Readers(Protocol):
    """Who reads photos ahead, and perhaps encodes them. `window`: how many products are planned before they begin."""

    window: int

    def submit(self, found: Found, known: Photo | None, known_suffices: bool) -> Future[Taken]:
        """A photo to be read; see `retrieval.photos.take`. What cannot be used is an OutfitError of the future."""
        ...

    def begin(self) -> None:
        """Everything that was submitted is wanted from now on."""
        ...

    def close(self) -> None: ...


class ThreadReaders:
    """Threads of this process; they begin at once."""

    window = 1

    def __init__(self, parts: Parts, clock: Clock) -> None:
        self._parts, self._clock = parts, clock
        self._threads = ThreadPoolExecutor(_READERS, thread_name_prefix="read")

    def submit(self, found: Found, known: Photo | None, known_suffices: bool) -> Future[Taken]:
        return self._threads.submit(self._take, found, known, known_suffices)

    def begin(self) -> None:
        """They have."""

    def close(self) -> None:
        self._threads.shutdown(cancel_futures=True)

    def _take(self, found: Found, known: Photo | None, known_suffices: bool) -> Taken:
        with self._clock("read"):
            return take(
                found.place,
                found.store or self._parts.catalogue.image_store(found.store_id),
                found.store_id,
                self._parts.measure_palette,
                known=known,
                known_suffices=known_suffices,
            )


class Pipeline:
    """Use it as a context manager: `plan` products within `run`."""

    def __init__(self, parts: Parts, ledger: Ledger, clock: Clock, readers: Readers | None = None) -> None:
        self._parts, self._ledger, self._clock = parts, ledger, clock
        self._readers = readers or ThreadReaders(parts, clock)
        self._owns_readers = readers is None
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="write")
        self._writing: tuple[Future[None], list[Outcome]] | None = None
        self.pictures_encoded = 0
        self.titles_encoded = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._owns_readers:
            self._readers.close()
        self._writer.shutdown()

    # --- planning -----------------------------------------------------------------------------------------------------

    def plan(self, wanted: Sequence[Wanted], *, keeps_unread: bool = False) -> Iterator[Task]:
        """Products with their photos: those known and settled as they are, the others being read from now on.

        `keeps_unread`: a photo that cannot be read now stays with its item; only its vector is left out.
        """
        tasks = [Task(each.item, each.line, each.stored, _columns_digest(each.item), keeps_unread) for each in wanted]
        self._fetch_reusable(tasks)
        for each, task in zip(wanted, tasks, strict=True):
            held = task.stored.vectors if task.stored else {}
            known = {photo.view.name: photo for photo in task.stored.photos} if task.stored else {}
            for found in each.found:
                view = found.place.view
                photo, vector = known.get(view), held.get((IMAGE, view))
                is_embedded = photo is not None and _is_good(vector, photo.view.digest, None)
                has_columns = is_embedded and vector.columns_digest == task.columns_digest
                if is_embedded and _is_same_file(photo, found) and (has_columns or (IMAGE, view) in task.reusable):
                    task.photos.append((view, Taken(photo)))
                else:
                    task.photos.append((view, self._readers.submit(found, photo, has_columns)))
            yield task

    def _fetch_reusable(self, tasks: Sequence[Task]) -> None:
        """Vectors of products that are ready and whose columns alone may have changed, from the indexes that hold them."""
        owner: dict[str, dict[str, tuple[Task, str]]] = {IMAGE: {}, TEXT: {}}
        for task in tasks:
            if task.stored is not None and task.stored.state == "ready":
                for vector in task.stored.vectors.values():
                    if vector.is_written and vector.columns_digest != task.columns_digest:
                        owner[vector.collection][vector.id] = task, vector.view
        for collection, of_id in owner.items():
            if of_id:
                for id_, row in self._parts.indexes[collection].fetch(list(of_id)).items():
                    task, view = of_id[id_]
                    task.reusable[collection, view] = row

    # --- running ------------------------------------------------------------------------------------------------------

    def run(self, tasks: Iterable[Task]) -> Iterator[Outcome]:
        """What became of each product, in order, once it is on disk."""
        waiting: deque[list[Task]] = deque()
        for batch in _batches(self._begun(tasks), self._parts.batch_size):
            waiting.append(batch)
            if len(waiting) > _BATCHES_AHEAD:
                yield from self._advance(waiting.popleft())
        while waiting:
            yield from self._advance(waiting.popleft())
        yield from self._acknowledged()

    def _begun(self, tasks: Iterable[Task]) -> Iterator[Task]:
        """The tasks, so many of them planned ahead as the readers want before they begin."""
        source = iter(tasks)
        while window := list(islice(source, self._readers.window)):
            self._readers.begin()
            yield from window

    def _advance(self, batch: list[Task]) -> Iterator[Outcome]:
        """Encode a batch while the one before is being written, then hand it to the writer."""
        changes, rows, outcomes = self._encode(batch)
        yield from self._acknowledged()
        if changes:
            self._writing = self._writer.submit(self._write, changes, rows), outcomes
        else:
            yield from outcomes

    def _acknowledged(self) -> Iterator[Outcome]:
        if self._writing is not None:
            (written, outcomes), self._writing = self._writing, None
            written.result()
            yield from outcomes

    def _encode(self, batch: list[Task]) -> tuple[list[Change], list[dict[Key, np.ndarray]], list[Outcome]]:
        """Changes, the rows of their fresh vectors by (collection, view), and what becomes of every product."""
        read = [_collect(task) for task in batch]
        found = [(i, taken) for i, (taken_of, _) in enumerate(read) for taken in taken_of]
        images = [(i, taken.photo, taken.pixels) for i, taken in found if taken.pixels is not None]
        texts = [i for i, task in enumerate(batch) if read[i][0] and not _has_text(task)]
        rows: list[dict[Key, np.ndarray]] = [dict(task.reusable) for task in batch]
        for i, taken in found:
            if taken.vector is not None:
                rows[i][IMAGE, taken.photo.view.name] = taken.vector
                self.pictures_encoded += 1
        with self._clock("encode"):
            for start in range(0, len(images), self._parts.batch_size):
                part = images[start : start + self._parts.batch_size]
                vectors = self._parts.image_encoder.encode_images([pixels for _, _, pixels in part])
                for (i, photo, _), vector in zip(part, vectors, strict=True):
                    rows[i][IMAGE, photo.view.name] = vector
            if texts:
                vectors = self._parts.text_encoder.encode_documents([document(batch[i].item) for i in texts])
                for i, vector in zip(texts, vectors, strict=True):
                    rows[i][TEXT, ""] = vector
        self.pictures_encoded += len(images)
        self.titles_encoded += len(texts)
        changes, change_rows, outcomes = [], [], []
        for task, (photos, wrong), of_task in zip(batch, read, rows, strict=True):
            change, wrong = _change(task, [taken.photo for taken in photos], wrong, of_task)
            rejects = tuple(reject(task.line, reason, sku=task.item.sku) for reason in wrong)
            if change is None:
                outcomes.append(Outcome(task.item, "rejected", rejects))
            else:
                outcomes.append(Outcome(task.item, _kind(change), rejects))
                if change.is_needed:
                    changes.append(change)
                    change_rows.append(of_task)
        return changes, change_rows, outcomes

    def _write(self, changes: list[Change], rows: list[dict[Key, np.ndarray]]) -> None:
        with self._clock("write"), disk_errors():
            self._ledger.intend(changes)
            for collection, index in self._parts.indexes.items():
                fresh = [
                    (vector.id, of_change[collection, vector.view], columns_of(change.item))
                    for change, of_change in zip(changes, rows, strict=True)
                    for vector in change.fresh
                    if vector.collection == collection
                ]
                if fresh:
                    ids, vectors, columns = zip(*fresh, strict=True)
                    index.upsert(ids, np.stack(vectors).astype(np.float32, copy=False), columns)
                gone = [v.id for change in changes for v in change.gone if v.collection == collection]
                if gone:
                    index.delete(gone)
            self._ledger.settle(changes)


# --- decisions ----------------------------------------------------------------------------------------------------------


def _batches(tasks: Iterable[Task], size: int) -> Iterator[list[Task]]:
    batch: list[Task] = []
    waits = 0
    for task in tasks:
        batch.append(task)
        waits += task.waits
        if waits >= size or len(batch) >= _MOST_TASKS:
            yield batch
            batch, waits = [], 0
    if batch:
        yield batch


def _collect(task: Task) -> tuple[list[Taken], dict[str, str]]:
    """The task's photos, and by view what is wrong with those that cannot be used."""
    photos, wrong = [], {}
    for view, taken in task.photos:
        try:
            done = taken.result() if isinstance(taken, Future) else taken
        except StoreUnreachable:
            raise  # no photo is to blame: the run stops, and the next one goes on
        except OutfitError as error:
            wrong[view] = str(error)
        else:
            photos.append(done)
    return photos, wrong


def _change(
    task: Task, photos: list[Photo], wrong: dict[str, str], rows: Mapping[Key, np.ndarray]
) -> tuple[Change | None, list[str]]:
    """The change that a product needs, or None where nothing is left of it, and what is wrong with its photos."""
    unusable = {key for key, row in rows.items() if not _is_unit(row)}
    for collection, view in unusable:
        wrong[view or "title"] = f"the model gives no usable vector for the {'title' if collection == TEXT else 'picture'}"
    photos = [photo for photo in photos if (IMAGE, photo.view.name) not in unusable]
    unread = []
    if task.keeps_unread and task.stored:
        unread = [photo for photo in task.stored.photos if photo.view.name in wrong]
        if unread and task.stored.state != "ready":
            return None, list(wrong.values())
    if not (photos or unread) or (TEXT, "") in unusable:
        return None, list(wrong.values())
    sku, columns = task.item.sku, task.columns_digest
    wanted = [Vector(IMAGE, sku, photo.view.name, photo.view.digest, columns) for photo in photos]
    wanted.append(Vector(TEXT, sku, "", _text_digest(task.item), columns))
    held = task.stored.vectors if task.stored else {}
    stays = {(v.collection, v.view) for v in wanted} | {(IMAGE, photo.view.name) for photo in unread}
    change = Change(
        stored=task.stored,
        item=task.item,
        photos=task.stored.photos if unread else tuple(photos),
        fresh=tuple(v for v in wanted if not _is_good(held.get((v.collection, v.view)), v.digest, columns)),
        gone=tuple(vector for key, vector in held.items() if key not in stays),
    )
    return change, list(wrong.values())


def _kind(change: Change) -> str:
    if change.stored is None or change.stored.state == "pending":
        return "added"
    if change.stored.state == "retired":
        return "returned"
    return "updated" if change.is_needed else "unchanged"


def _has_text(task: Task) -> bool:
    """Whether the title's vector needs no encoder: it is right, or right but for its columns."""
    vector = task.stored.vectors.get((TEXT, "")) if task.stored else None
    digest = _text_digest(task.item)
    if _is_good(vector, digest, task.columns_digest):
        return True
    return (TEXT, "") in task.reusable and _is_good(vector, digest, None)


def _is_good(vector: Vector | None, digest: str, columns_digest: str | None) -> bool:
    """Whether an index holds this vector of this content, with these columns unless None."""
    return (
        vector is not None
        and vector.is_written
        and vector.digest == digest
        and columns_digest in (None, vector.columns_digest)
    )


def _is_same_file(photo: Photo, found: Found) -> bool:
    place = found.place
    return (photo.store_id, photo.view.path, photo.fingerprint) == (found.store_id, place.path, place.fingerprint)


def _is_unit(row: np.ndarray) -> bool:
    return abs(float(np.linalg.norm(row)) - 1) <= _UNIT_TOLERANCE  # false for NaN


def _text_digest(item: Item) -> str:
    return sha256(document(item).encode()).hexdigest()


def _columns_digest(item: Item) -> str:
    return sha256(json.dumps(columns_of(item), sort_keys=True).encode()).hexdigest()


@contextmanager
def disk_errors() -> Iterator[None]:
    """What the system or an index says of a failing disk, as this project's errors."""
    try:
        yield
    except OutfitError:
        raise
    except Exception as error:
        said = str(error).casefold()
        code = error.errno if isinstance(error, OSError) else None
        if code in (errno.ENOSPC, errno.EDQUOT) or "no space left" in said or "disk is full" in said:
            raise StoreFull(
                "no space left on the disk that holds the catalogue or its vectors",
                hint="free some space and run the same command again: it goes on where it stopped",
            ) from error
        if isinstance(error, OSError):
            raise StoreError(
                f"the disk that holds the catalogue or its vectors fails: {error.strerror or type(error).__name__}",
                hint="check the disk, then run the same command again: it goes on where it stopped",
            ) from error
        raise
