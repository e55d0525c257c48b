"""Work behind a request: bounded in number, and given up when nobody waits for it any more."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections import Counter
from collections.abc import Callable
from typing import TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from assistant import turn
from assistant.api.errors import ApiError

_LOG = logging.getLogger(__name__)
_T = TypeVar("_T")


class Places:
    """How many requests of a kind may be under way at a time, in all and (`most_each`) for one key or address."""

    def __init__(self, most: int, most_each: int | None = None) -> None:
        self._most, self._most_each = most, most_each
        self._taken: Counter[str] = Counter()
        self._lock = threading.Lock()

    @property
    def taken(self) -> int:
        with self._lock:
            return self._taken.total()

    def take(self, who: str) -> Callable[[], None]:
        """A place, as the function that gives it back. Raises ApiError (429) where none is free."""
        with self._lock:
            self._check(who)
            self._taken[who] += 1
        return lambda: self._leave(who)

    def check(self, who: str) -> None:
        """Raises ApiError (429) where no place is free."""
        with self._lock:
            self._check(who)

    def _check(self, who: str) -> None:
        if self._taken.total() >= self._most:
            raise _full("Too many requests of this kind are under way at the moment")
        if self._most_each is not None and self._taken[who] >= self._most_each:
            raise _full(f"At most {self._most_each} of one key or address are answered at a time")

    def _leave(self, who: str) -> None:
        with self._lock:
            self._taken[who] -= 1
            if not self._taken[who]:
                del self._taken[who]  # addresses of long ago are not kept


def _full(why: str) -> ApiError:
    message, headers = f"{why}. Try again in a moment.", {"retry-after": "1"}
    return ApiError(message, status=429, code="too_many_requests", headers=headers)


class ClientGone(Exception):
    """Nobody is there to read an answer."""


class Drain:
    """Whether the server is stopping. From `begin` on new requests are refused; after the patience given, answers that
    are still under way end as well."""

    def __init__(self) -> None:
        self.has_begun = False
        self._over = asyncio.Event()

    def begin(self, patience_s: float) -> None:
        """Within the event loop that answers."""
        self.has_begun = True
        asyncio.get_running_loop().call_later(patience_s, self._over.set)

    async def wait_over(self) -> None:
        await self._over.wait()

    @staticmethod
    def error() -> ApiError:
        headers = {"retry-after": "5", "connection": "close"}
        message = "The server is being stopped. Try again in a moment."
        return ApiError(message, status=503, code="server_stopping", headers=headers)


async def run(request: Request, places: Places, drain: Drain, work: Callable[[], _T]) -> _T:
    """What `work` gives, in a thread and within a turn that is cancelled when the client leaves (then ClientGone) or
    the server stops."""
    leave, stopped = places.take(caller(request)), threading.Event()

    def inside() -> _T:
        try:
            with turn.within(cancelled=stopped.is_set):
                return work()
        finally:
            leave()

    working, ending = asyncio.ensure_future(run_in_threadpool(inside)), asyncio.ensure_future(end(request, drain))
    try:
        await asyncio.wait({working, ending}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ending.result()
        return working.result()
    finally:
        stopped.set()
        ending.cancel()
        working.add_done_callback(_seen)


async def end(request: Request, drain: Drain) -> ClientGone | ApiError:
    """Returns once no answer can be given any more, with the reason: the client has left, or the server stops. The
    request's body must have been read."""

    async def gone() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    leaving, stopping = asyncio.ensure_future(gone()), asyncio.ensure_future(drain.wait_over())
    try:
        await asyncio.wait({leaving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        return ClientGone() if leaving.done() else drain.error()
    finally:
        leaving.cancel()
        stopping.cancel()


def caller(request: Request) -> str:
    """Whose request it is: a key, or an address without one."""
    return request.state.caller


def _seen(working: asyncio.Future[object]) -> None:
    """A turn that was given up ends in `turn.Cancelled`, which is nobody's to catch."""
    with contextlib.suppress(asyncio.CancelledError):
        if isinstance(working.exception(), turn.Cancelled):
            _LOG.info("a turn was left before its answer")
