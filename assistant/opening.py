"""An application that is asked before it is built: what can be answered at once is, everything else waits for it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route, Router

from assistant.api.errors import ApiError, new_request_id

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Inside:
    """The application itself, and what has to run while it does."""

    app: ASGIApp
    lifespan: Callable[[], AbstractAsyncContextManager[object]] = contextlib.nullcontext


@dataclass(frozen=True, slots=True)
class Front:
    """What the page is before anything else is there: the first part of its document, the files that this shows, and
    how the document that the application gives for "/" becomes its end."""

    first: str
    routes: list[Route]
    rest_of: Callable[[str], str]


class Opening:
    """`build` is called in a thread of its own as soon as the server runs. Where it raises, waiting requests are refused
    and `failed` is told, once."""

    def __init__(
        self, build: Callable[[], Inside], front: Front | None = None, failed: Callable[[Exception], None] | None = None
    ) -> None:
        self._build, self._front, self._failed = build, front, failed
        self._inside: asyncio.Future[Inside]
        page = [] if front is None else [*front.routes, Route("/", self._page)]
        self._router = Router(page, redirect_slashes=False, default=self._pass_on, lifespan=self._lifespan)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._router(scope, receive, send)

    @asynccontextmanager
    async def _lifespan(self, _: object) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        self._inside, built, stop = loop.create_future(), loop.create_future(), asyncio.Event()

        def tell(settle: Callable[..., None], what: object) -> None:
            with contextlib.suppress(RuntimeError):  # the server has stopped meanwhile: nobody is there to be told
                loop.call_soon_threadsafe(lambda: None if built.done() else settle(what))

        def build() -> None:
            try:
                tell(built.set_result, self._build())
            except Exception as error:
                tell(built.set_exception, error)

        async def open_up() -> None:
            try:
                inside = await built
                async with inside.lifespan():
                    self._inside.set_result(inside)
                    await stop.wait()
            except Exception as error:
                if self._inside.done():
                    raise
                self._inside.set_exception(error)
                self._inside.exception()  # seen, also where no request waits for it
                if self._failed is not None:
                    self._failed(error)

        # Not one of the loop's own threads: those are waited for when the server is told to stop.
        threading.Thread(target=build, name="build", daemon=True).start()
        opening = asyncio.create_task(open_up())
        try:
            yield
        finally:
            stop.set()
            if not built.done():
                opening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await opening

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not self._inside.done() and scope["path"] in ("/healthz", "/readyz"):
            await self._sign_of_life(scope["path"])(scope, receive, send)
            return
        try:
            inside = await asyncio.shield(self._inside)
        except Exception:  # told by `failed`
            await ApiError("The server could not be started.", status=503, code="not_ready").response()(scope, receive, send)
            return
        await inside.app(scope, receive, send)

    @staticmethod
    def _sign_of_life(path: str) -> Response:
        if path == "/healthz":
            answer: Response = JSONResponse({"status": "ok"})
        else:
            answer = ApiError("Not ready: the assistant is opening.", status=503, code="not_ready").response()
        answer.headers["x-request-id"] = new_request_id()
        return answer

    async def _page(self, request: Request) -> Response:
        front = self._front
        assert front is not None

        async def parts() -> AsyncIterator[str]:
            yield front.first
            if rest := await self._own_page(request):
                yield front.rest_of(rest)

        return StreamingResponse(parts(), media_type="text/html", headers={"Cache-Control": "no-cache"})

    async def _own_page(self, request: Request) -> str:
        """The application's own document for "/"; "" where there is none."""
        import httpx

        try:
            inside = await asyncio.shield(self._inside)
        except Exception:  # told by `failed`
            return ""
        async with httpx.AsyncClient(transport=httpx.ASGITransport(inside.app)) as client:
            reply = await client.get(str(request.url), headers=request.headers.raw)
        if reply.status_code != 200:
            _LOG.error("the page's own document was answered with %d", reply.status_code)
            return ""
        return reply.text
