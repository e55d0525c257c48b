"""Work behind a request: bounded in number, and given up when nobody waits for it any more."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable
from typing import TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from assistant import turn
from assistant.api.errors import ApiError

_LOG = logging.getLogger(__name__)
_T = TypeVar("_T")


class Places:
    """How many turns may be under way at a time."""

    def __init__(self, most: int) -> None:
        self._free = threading.BoundedSemaphore(most)

    def take(self) -> Callable[[], None]:
        """A place, as the function that gives it back. Raises ApiError (429) where none is free."""
        if not self._free.acquire(blocking=False):
            raise ApiError(
                "Too many turns are under way at the moment. Try again in a moment.",
                status=429,
                code="too_many_requests",
                headers={"retry-after": "1"},
            )
        return self._free.release


class ClientGone(Exception):
    """Nobody is there to read an answer."""


async def run(request: Request, places: Places, work: Callable[[], _T]) -> _T:
    """What `work` gives, in a thread and within a turn that is cancelled when the client leaves (then ClientGone)."""
    leave, stopped = places.take(), threading.Event()

    def inside() -> _T:
        try:
            with turn.within(cancelled=stopped.is_set):
                return work()
        finally:
            leave()

    working, leaving = asyncio.ensure_future(run_in_threadpool(inside)), asyncio.ensure_future(gone(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientGone
        return working.result()
    finally:
        stopped.set()
        leaving.cancel()
        working.add_done_callback(_seen)


async def gone(request: Request) -> None:
    """Returns when the client has left. The request's body must have been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _seen(working: asyncio.Future[object]) -> None:
    """A turn that was given up ends in `turn.Cancelled`, which is nobody's to catch."""
    with contextlib.suppress(asyncio.CancelledError):
        if isinstance(working.exception(), turn.Cancelled):
            _LOG.info("a turn was left before its answer")
