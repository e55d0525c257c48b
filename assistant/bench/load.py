"""A load generator for HTTP on loopback, as cheap as it can be: requests that were written beforehand, replies that are
read no further than needed. Times are in seconds."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

_LIMIT = 2**22


@dataclass(slots=True)
class Told:
    """What came back: status and seconds of each request, and how long all of them took together."""

    statuses: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    took_s: float = 0.0

    def of(self, status: int) -> list[float]:
        return [one for one, is_ in zip(self.seconds, self.statuses, strict=True) if is_ == status]

    @property
    def goodput(self) -> float:
        """Good answers a second."""
        return len(self.of(200)) / self.took_s


def post(path: str, body: dict[str, Any]) -> bytes:
    """A whole request."""
    content = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    return head.encode() + content


class Line:
    """One connection that is kept open."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._reader: asyncio.StreamReader | None = None

    async def ask(self, request: bytes) -> int:
        """Send a request and read its reply. Its status."""
        if self._reader is None:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port, limit=_LIMIT)
        self._writer.write(request)
        status, fields = _head(await self._reader.readuntil(b"\r\n\r\n"))
        await self._reader.readexactly(int(fields.get("content-length", 0)))
        if fields.get("connection") == "close":
            self.close()
        return status

    async def stream(self, request: bytes) -> tuple[int, float, float]:
        """Send a request whose reply is a stream: its status, and the seconds to its first event and to its end."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port, limit=_LIMIT)
        try:
            began = time.perf_counter()
            writer.write(request)
            status, _ = _head(await reader.readuntil(b"\r\n\r\n"))
            if status != 200:
                return status, time.perf_counter() - began, time.perf_counter() - began
            await reader.readuntil(b"data: ")
            first = time.perf_counter() - began
            await reader.readuntil(b"data: [DONE]")
            return status, first, time.perf_counter() - began
        finally:
            writer.close()

    def close(self) -> None:
        if self._reader is not None:
            self._writer.close()
            self._reader = None


async def closed_loop(port: int, requests: Sequence[bytes], *, lines: int, seconds: float) -> Told:
    """Each of `lines` connections sends its next request when the last one was answered."""
    told, until = Told(), time.perf_counter() + seconds
    coming = _round(requests)

    async def one() -> None:
        line = Line(port)
        while time.perf_counter() < until:
            began = time.perf_counter()
            told.statuses.append(await line.ask(next(coming)))
            told.seconds.append(time.perf_counter() - began)
        line.close()

    began = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(lines)))
    told.took_s = time.perf_counter() - began
    return told


async def open_loop(port: int, requests: Sequence[bytes], *, rate: float, seconds: float, lines: int) -> Told:
    """`rate` requests a second whatever becomes of them, over at most `lines` connections. The time of a request counts
    from when it was due, so that a late client does not flatter the server."""
    told, coming = Told(), _round(requests)
    due: asyncio.Queue[float | None] = asyncio.Queue()

    async def one() -> None:
        line = Line(port)
        while (at := await due.get()) is not None:
            told.statuses.append(await line.ask(next(coming)))
            told.seconds.append(time.perf_counter() - at)
        line.close()

    workers = [asyncio.ensure_future(one()) for _ in range(lines)]
    began = time.perf_counter()
    for number in range(round(rate * seconds)):
        at = began + number / rate
        if (wait := at - time.perf_counter()) > 0.002:
            await asyncio.sleep(wait)
        due.put_nowait(at)
    for _ in workers:
        due.put_nowait(None)
    await asyncio.gather(*workers)
    told.took_s = time.perf_counter() - began
    return told


def _round(requests: Sequence[bytes]) -> Any:
    while True:
        yield from requests


def _head(raw: bytes) -> tuple[int, dict[str, str]]:
    first, *lines = raw.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines if line)
    return int(first.split(" ", 2)[1]), {name.lower(): value.strip() for name, _, value in pairs}
