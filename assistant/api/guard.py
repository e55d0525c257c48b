"""What stands before every route: a request id, who may come in, bounds, and an answer even where a route fails."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bound_contextvars

from assistant.api.door import Door, check_origin
from assistant.api.errors import ApiError, internal, new_request_id, of
from assistant.api.health import Metrics
from assistant.api.work import Drain, Places
from retrieval.errors import OutfitError

_LOG = logging.getLogger(__name__)
_MIB = 2**20


class Guard:
    """Asks the door, gives every answer an `x-request-id`, refuses bodies over `max_bytes` (413) before they are read
    whole, and turns an unexpected exception into a 500 that tells nothing.

    `crowded`: places of routes by their path; where none is free a request is refused (429) before it is read. Once
    `drain` has begun every request but a sign of life is.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        max_bytes: int,
        metrics: Metrics,
        door: Door,
        drain: Drain,
        crowded: Mapping[str, Places],
    ) -> None:
        self._app, self._max_bytes, self._metrics, self._door = app, max_bytes, metrics, door
        self._drain, self._crowded = drain, crowded

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = new_request_id()
        state = scope.setdefault("state", {})
        state["request_id"] = request_id
        with bound_contextvars(request_id=request_id):
            await self._answer(scope, receive, send, request_id)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        status, counted = 0, {}
        began = time.perf_counter()

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["x-request-id"] = request_id
                headers.setdefault("x-content-type-options", "nosniff")
                if status == 413:  # the rest of the body is not read: the connection is of no more use
                    headers["connection"] = "close"
                for name, value in counted.items():
                    headers.setdefault(name, value)
            await send(message)

        read = 0

        async def receive_bounded() -> Message:
            nonlocal read
            message = await receive()
            if message["type"] == "http.request":
                read += len(message.get("body", b""))
                if read > self._max_bytes:
                    # Of this kind, since it has to come through the route that reads the body.
                    raise HTTPException(413, self._too_large().message)
            return message

        try:
            scope["state"]["caller"] = await self._admit(scope, counted)
            await self._app(scope, receive_bounded, send_with_id)
        except ApiError as error:  # of this guard; those of routes have been answered
            await error.response()(scope, receive, send_with_id)
        except OutfitError as error:
            await of(error).response()(scope, receive, send_with_id)
        except Exception:
            _LOG.exception("a request failed")
            if status:
                raise  # the connection is closed: a second answer cannot be sent on it
            await internal().response()(scope, receive, send_with_id)
        finally:
            # By the route's pattern: addresses that clients make up must not become series.
            route, seconds = getattr(scope.get("route"), "path", "none"), time.perf_counter() - began
            self._metrics.request(route, scope["method"], status, seconds)
            told = {"route": route, "method": scope["method"], "status": status, "seconds": round(seconds, 4)}
            _LOG.info("request", extra={**told, "caller": scope["state"].get("caller", "")})

    async def _admit(self, scope: Scope, counted: dict[str, str]) -> str:
        """Whose request it is. Raises ApiError where it is not answered; what was counted goes into `counted`."""
        check_origin(scope)
        who, headers = await self._door.admit(scope)
        counted.update(headers)
        if self._drain.has_begun and scope["path"] != "/healthz":
            raise self._drain.error()
        announced = Headers(scope=scope).get("content-length", "0")
        if announced.isdecimal() and int(announced[:20]) > self._max_bytes:
            raise self._too_large()
        if places := self._crowded.get(scope["path"]):
            places.check(who)
        return who

    def _too_large(self) -> ApiError:
        return ApiError(
            f"The request's body is too large: at most {self._max_bytes / _MIB:g} MiB are accepted. Send smaller "
            "pictures; 1,000 px on the longer side are plenty.",
            status=413,
            code="request_too_large",
        )
