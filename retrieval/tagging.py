"""Asking a model about every photo of a catalogue: several at a time, kept as they come, stopped and gone on with at will."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from retrieval.errors import InvalidInput, InvalidReply, ModelError, ModelUnavailable, StoreEmpty, StoreError
from retrieval.items import ShotTags
from retrieval.tags import Photo, Tagged, TagStore

if TYPE_CHECKING:
    from PIL.Image import Image

KEPT_AT_ONCE = 64  # answers a transaction: what a killed run loses at most
PATIENCE = 8  # photos in a row for which the model does not answer at all: it is gone, and asking on would only fail


@dataclass(frozen=True, slots=True)
class Asked:
    """A model's answer about one picture and what it cost in tokens, as its server counted them."""

    tags: ShotTags
    prompt_tokens: int = 0
    answer_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: photos `done` of `total`, `faults` among them, tokens and seconds since it began."""

    done: int
    total: int
    faults: int
    prompt_tokens: int
    answer_tokens: int
    seconds: float

    @property
    def rate(self) -> float:
        """Photos a second."""
        return self.done / self.seconds if self.seconds > 0 else 0.0

    def text(self) -> str:
        """One line: how many, how fast, what it cost."""
        said = f"{self.done:,} of {self.total:,} photos in {self.seconds:,.1f} s ({self.rate:,.1f} a second)"
        if self.prompt_tokens or self.answer_tokens:
            each = (self.prompt_tokens + self.answer_tokens) / max(1, self.done)
            said += f", {self.prompt_tokens:,} + {self.answer_tokens:,} tokens ({each:,.0f} a photo)"
        return said + (f", {self.faults:,} without an answer" if self.faults else "")


def tag_all(
    store: TagStore, photos: Sequence[Photo], open_photo: Callable[[Photo], Image], ask: Callable[[Image], Asked], *,
    tagger: str, concurrency: int = 1, stop: Callable[[], bool] = lambda: False,
    watch: Callable[[Progress], None] = lambda progress: None,
) -> Progress:
    """Ask about `photos`, `concurrency` at a time, and keep every answer. Returns how far it came; `stop` ends it early.

    A photo that cannot be opened, or about which the model says nothing usable, is kept with the reason and asked about
    again by the next run. Raises ModelUnavailable where the model itself has gone; what was answered is kept.
    """
    began = time.monotonic()
    done = faults = prompt = answer = silent = 0
    kept: list[Tagged] = []
    waiting: deque[Future[tuple[Tagged, bool]]] = deque()
    left = iter(photos)

    def work(photo: Photo) -> tuple[Tagged, bool]:
        before = time.monotonic()
        try:
            asked = ask(open_photo(photo))
        except (InvalidInput, StoreError, InvalidReply) as error:
            return Tagged(photo, tagger, ShotTags(), str(error)[:2000], seconds=time.monotonic() - before), False
        except ModelError as error:
            return Tagged(photo, tagger, ShotTags(), str(error)[:2000], seconds=time.monotonic() - before), True
        spent = time.monotonic() - before
        return Tagged(photo, tagger, asked.tags, "", asked.prompt_tokens, asked.answer_tokens, spent), False

    def now() -> Progress:
        return Progress(done, len(photos), faults, prompt, answer, time.monotonic() - began)

    with ThreadPoolExecutor(concurrency) as pool:
        try:
            while True:
                while len(waiting) < 2 * concurrency and not stop() and (photo := next(left, None)) is not None:
                    waiting.append(pool.submit(work, photo))
                if not waiting:
                    break
                tagged, is_silent = waiting.popleft().result()
                kept.append(tagged)
                done, faults = done + 1, faults + bool(tagged.fault)
                prompt, answer = prompt + tagged.prompt_tokens, answer + tagged.answer_tokens
                silent = silent + 1 if is_silent else 0
                if len(kept) >= KEPT_AT_ONCE:
                    store.write(kept)
                    kept = []
                watch(now())
                if silent >= PATIENCE:
                    raise ModelUnavailable(
                        f"{tagger} has not answered for {silent} photos in a row: {tagged.fault}",
                        hint="see `outfit doctor`; then run the same command again: it goes on where it stopped",
                    )
        finally:
            for future in waiting:
                future.cancel()
            if kept:
                store.write(kept)
    return now()


def nothing_to_tag(store: TagStore) -> None:
    """Raises StoreEmpty where the catalogue has no photo at all."""
    if not store.photo_count():
        raise StoreEmpty("the catalogue has no photos to tag", hint="outfit ingest FEED --images FOLDER")
