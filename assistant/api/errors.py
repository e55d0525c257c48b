"""Every failure as the envelope that OpenAI's clients read: {"error": {"message", "type", "param", "code"}}.

What a client did wrong is said in full; what went wrong on our side is said in one plain sentence, and its details
stay in the log, under the request's id.
"""

from __future__ import annotations

import logging
import secrets
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from assistant.api import wire
from retrieval.errors import InvalidInput, OutfitError

_LOG = logging.getLogger(__name__)

# Errors that are not the client's, by `OutfitError.code`: status and the sentence that is told.
_OURS: dict[str, tuple[int, str]] = {
    "model_unavailable": (503, "A model that this needs is not answering. Try again in a moment."),
    "turn_over": (504, "The answer took longer than a turn may take. Try again, or ask for less."),
    "invalid_reply": (502, "A model's answer could not be used. Try again."),
    "store_locked": (503, "The catalogue is being written to. Try again in a moment."),
    "store_empty": (503, "The catalogue has no items at the moment."),
    "store_error": (503, "The catalogue cannot be read at the moment. Try again in a moment."),
    "store_full": (503, "The server has no space left."),
    "space_mismatch": (503, "The catalogue was written by other models than those in use."),
}
_INTERNAL = (500, "Something went wrong on the server. It was logged under the request id.")
_BY_STATUS = {
    404: ("not_found", "There is no such address: {method} {path}"),
    405: ("method_not_allowed", "{path} does not answer {method}"),
    413: ("request_too_large", "{detail}"),
}
_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


class ApiError(Exception):
    """An answer that is an error. `param` names the field of the request it is about."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        code: str = "invalid_request",
        param: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message, self.status, self.code, self.param = message, status, code, param
        self.headers = headers or {}

    def body(self) -> dict[str, Any]:
        kind = _TYPES.get(self.status, "server_error" if self.status >= 500 else "invalid_request_error")
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}}

    def response(self) -> JSONResponse:
        headers = dict(self.headers)
        if self.status >= 500 and self.status != 504:
            headers.setdefault("retry-after", "2")
        return JSONResponse(self.body(), self.status, headers)


def new_request_id() -> str:
    """What an answer and the log know a request by."""
    return f"req_{secrets.token_hex(12)}"


def internal() -> ApiError:
    return ApiError(_INTERNAL[1], status=_INTERNAL[0], code="internal_error")


def of_code(code: str, message: str, hint: str = "", *, param: str | None = None) -> ApiError:
    """The answer to an error of the project, given by its code. Only a client's own mistakes are told in full."""
    if code in _CLIENT_CODES:
        return ApiError(_sentence(message, hint), code=code, param=param)
    _LOG.error("%s: %s", code, message)
    if code not in _OURS:
        return internal()
    status, sentence = _OURS[code]
    return ApiError(sentence, status=status, code=code)


def of(error: OutfitError, *, param: str | None = None) -> ApiError:
    return of_code(error.code, str(error), error.hint, param=param)


def not_found(what: str, *, code: str = "not_found", param: str | None = None) -> ApiError:
    return ApiError(what, status=404, code=code, param=param)


def _codes(cls: type[OutfitError]) -> set[str]:
    return {cls.code}.union(*(_codes(sub) for sub in cls.__subclasses__()))


_CLIENT_CODES = _codes(InvalidInput) - {"invalid_setting", "invalid_feed"}


def _sentence(message: str, hint: str) -> str:
    text = f"{message[:1].upper()}{message[1:]}"
    return f"{text}. {hint[:1].upper()}{hint[1:]}." if hint else f"{text}."


# --- handlers ---------------------------------------------------------------------------------------------------------


async def on_client_gone(_request: Request, _error: Exception) -> Response:
    return Response(status_code=499)  # nobody reads it; the number is nginx's, for logs


async def on_api_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ApiError)
    return error.response()


async def on_outfit_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, OutfitError)
    return of(error).response()


async def on_http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    if isinstance(error.__cause__, RecursionError):  # of the parser: deeper than any limit of ours
        return ApiError(f"{wire.TOO_DEEP}.", code="json_too_deep").response()
    code, sentence = _BY_STATUS.get(error.status_code, ("invalid_request", "{detail}"))
    message = sentence.format(method=request.method, path=request.url.path[:200], detail=error.detail)
    return ApiError(message, status=error.status_code, code=code, headers=dict(error.headers or {})).response()


async def on_invalid_request(_request: Request, error: Exception) -> JSONResponse:
    """A request that is not of the documented shape: 400 (the clients know no 422), naming the field.

    The value itself is not repeated: it may be a picture.
    """
    assert isinstance(error, RequestValidationError)
    problem = max(error.errors(), key=lambda one: len(one["loc"]))  # of a union, the branch that came furthest
    if problem["type"] == "json_invalid":
        return ApiError("The request's body is not JSON.", code="invalid_json").response()
    if problem["type"] == "too_deep":
        return ApiError(f"{problem['msg']}.", code="json_too_deep").response()
    param = _param(problem["loc"])
    where = f"'{param}': " if param else "The request's body: "
    return ApiError(f"{where}{problem['msg']}.", code=_kind(problem["type"]), param=param).response()


def _param(loc: tuple[int | str, ...]) -> str | None:
    """messages.0.content of ("body", "messages", 0, "content", "list[Part]"): where it is, less the types tried."""
    steps = [str(step) for step in loc[1:] if isinstance(step, int) or step.isidentifier() and step not in _TRIED]
    return ".".join(steps)[:200] or None


_TRIED = frozenset({"str", "int", "float", "bool", "dict", "list"})


def _kind(problem: str) -> str:
    return "missing_required_parameter" if problem == "missing" else "invalid_value"
