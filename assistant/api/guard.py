"""What stands before every route: a request id, a bound on the body, and an answer even where a route fails."""

from __future__ import annotations

import logging
import secrets
import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from assistant.api.door import Door
from assistant.api.errors import ApiError, internal, of
from assistant.api.health import Metrics
from retrieval.errors import OutfitError

_LOG = logging.getLogger(__name__)
_MIB = 2**20


class Guard:
    """Asks the door, gives every answer an `x-request-id`, refuses bodies over `max_bytes` (413) before they are read
    whole, and turns an unexpected exception into a 500 that tells nothing."""

    def __init__(self, app: ASGIApp, *, max_bytes: int, metrics: Metrics, door: Door) -> None:
        self._app, self._max_bytes, self._metrics, self._door = app, max_bytes, metrics, door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = f"req_{secrets.token_hex(12)}"
        scope.setdefault("state", {})["request_id"] = request_id
        status, counted = 0, {}
        began = time.perf_counter()

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["x-request-id"] = request_id
                headers.setdefault("x-content-type-options", "nosniff")
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

        announced = Headers(scope=scope).get("content-length", "0")
        try:
            counted.update(await self._door.admit(scope))
            if announced.isdecimal() and int(announced[:20]) > self._max_bytes:
                await self._too_large().response()(scope, receive, send_with_id)
                return
            await self._app(scope, receive_bounded, send_with_id)
        except ApiError as error:  # of the door; those of routes have been answered
            await error.response()(scope, receive, send_with_id)
        except OutfitError as error:
            await of(error).response()(scope, receive, send_with_id)
        except Exception:
            _LOG.exception("request %s failed", request_id)
            if status:
                raise  # the connection is closed: a second answer cannot be sent on it
            await internal().response()(scope, receive, send_with_id)
        finally:
            # By the route's pattern: addresses that clients make up must not become series.
            route = getattr(scope.get("route"), "path", "none")
            self._metrics.request(route, scope["method"], status, time.perf_counter() - began)

    def _too_large(self) -> ApiError:
        return ApiError(
            f"The request's body is too large: at most {self._max_bytes / _MIB:g} MiB are accepted. Send smaller "
            "pictures; 1,000 px on the longer side are plenty.",
            status=413,
            code="request_too_large",
            headers={"connection": "close"},
        )
