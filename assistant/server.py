"""The server process: uvicorn with what it lacks. Connections that dawdle are closed, and stopping waits for answers."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from types import FrameType
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.protocols.http.auto import AutoHTTPProtocol

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from assistant.api.work import Drain

_LOG = logging.getLogger(__name__)

# As Apache's mod_reqtimeout and nginx bound it: the whole head within a time, the body at a least rate.
HEAD_S = 10.0
HEAD_BYTES = 64 * 2**10
BODY_S = 10.0
BODY_BYTES_PER_S = 4 * 2**10
_EVERY_S = 1.0


class Patience(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
    """uvicorn's protocol with bounds: a request's head has `HEAD_S` seconds and `HEAD_BYTES`, its body `BODY_S` seconds
    and one more for each `BODY_BYTES_PER_S` that came. Who is slower, or sends nothing at all, is disconnected.

    Between two requests uvicorn's own keep-alive time holds.
    """

    _timer: asyncio.TimerHandle | None = None
    _phase: str | None = None
    _since = 0.0
    _read = 0

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._enter("head")

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.transport.get_protocol() is not self:  # a WebSocket from now on
            self._enter(None)
            return
        cycle = self.cycle
        phase = "head" if cycle is None or cycle.response_complete else "body" if cycle.more_body else None
        if phase != self._phase:
            self._enter(phase)
        self._read += len(data)
        if phase == "head" and self._read > HEAD_BYTES:
            self._close("a request's head is too large")

    def connection_lost(self, exc: Exception | None) -> None:
        self._enter(None)
        super().connection_lost(exc)

    def _enter(self, phase: str | None) -> None:
        self._phase, self._since, self._read = phase, self.loop.time(), 0
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if phase is None else self.loop.call_later(_EVERY_S, self._look)

    def _look(self) -> None:
        if self._phase == "body" and self.cycle.response_complete:  # answered before it was all sent
            self._enter("head")
            return
        allowed_s = HEAD_S if self._phase == "head" else BODY_S + self._read / BODY_BYTES_PER_S
        is_idle = self._phase == "head" and self.timeout_keep_alive_task is not None
        if not is_idle and self.loop.time() - self._since > allowed_s:
            self._close(f"a request's {self._phase} came too slowly")
        else:
            self._timer = self.loop.call_later(_EVERY_S, self._look)

    def _close(self, why: str) -> None:
        _LOG.info("%s: disconnected", why)
        self._enter(None)
        self.transport.abort()


class Server(uvicorn.Server):
    """Told to stop it takes no new requests, lets answers under way end for `patience_s` seconds, then has them end
    with an error, and exits a moment later. Ctrl-C is less patient, and a second one ends everything."""

    def __init__(self, app: ASGIApp, drain: Drain, *, patience_s: float = 15.0) -> None:
        super().__init__(uvicorn.Config(app, http=Patience, log_level="warning", log_config=None))
        self._drain, self._patience_s = drain, patience_s

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if sig == signal.SIGINT:
            self._patience_s = min(self._patience_s, 1.0)
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._drain.begin(self._patience_s)
        self.config.timeout_graceful_shutdown = self._patience_s + 3
        await super().shutdown(sockets)
