"""What went wrong with a call, translated once: OpenAI's envelope and LMDeploy's, status codes, waits that servers ask
for.

`Fault.error` is what the caller gets; `is_transient` says whether asking again may help, `is_outage` whether the server
is to blame (and the circuit breaker is told).
"""

from __future__ import annotations

import email.utils
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from retrieval.errors import InvalidReply, ModelError, ModelNotFound, ModelUnavailable

MAX_WAIT_S = 20.0  # no Retry-After makes a call wait longer; the turn's deadline is shorter most of the time
_SERVE = "start it with `outfit serve-vlm`, or unset OUTFIT_VLM_URL to use the embedded stylist"
_KEY = "set OUTFIT_VLM_API_KEY to the key that the server was started with"
_TEXT_ONLY = re.compile(
    r"multi-?modal input is not supported|(does not|doesn't|not) (support|accept|allow)\w* (image|vision|multi-?modal)"
    r"|image\w* (input )?(is|are) not (supported|accepted|allowed)|not a (multimodal|vision) model"
    r"|content must be a string",
    re.IGNORECASE,
)
_TOO_LONG = re.compile(r"context.{0,20}(length|window)|maximum.{0,30}tokens|too long|session.?len", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Fault:
    error: ModelError
    is_transient: bool = False
    is_outage: bool = False
    wait_s: float | None = None  # what the server asked for, bounded


class CallFailed(Exception):
    """Carries a Fault through the retries."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault.error))
        self.fault = fault


def unreachable(url: str, cause: BaseException | None) -> Fault:
    why = _root(cause)
    return Fault(ModelUnavailable(f"the model server at {url} cannot be reached{why}", hint=_SERVE), True, True)


def silent(url: str, waited_s: float) -> Fault:
    message = f"the model server at {url} did not answer within {waited_s:.1f} s"
    hint = "see its log; a server that lists its models but answers nothing has to be restarted"
    return Fault(ModelUnavailable(message, hint=hint), True, True)


def resting(url: str, wait_s: float) -> ModelUnavailable:
    return ModelUnavailable(
        f"the model server at {url} failed several times in a row: left alone for another {wait_s:.0f} s", hint=_SERVE
    )


def from_status(status: int, body: Any, headers: Mapping[str, str], url: str, model: str, now_s: float) -> Fault:
    """The fault behind an HTTP error. `now_s`: seconds since 1970, for a Retry-After that is a date."""
    said = message_in(body)
    told = f": {said}" if said else ""
    if status in (401, 403):
        return Fault(ModelUnavailable(f"the model server at {url} refuses the key (HTTP {status})", hint=_KEY))
    if status == 404:
        hint = f"`outfit doctor` lists the models that {url} has; set OUTFIT_VLM_MODEL to one of them"
        return Fault(ModelNotFound(f"the server at {url} has no model {model!r}{told}", hint=hint))
    if status == 429:
        error = ModelUnavailable(
            f"the model server at {url} is busy (HTTP 429){told}", hint="lower OUTFIT_VLM_CONCURRENCY"
        )
        return Fault(error, True, True, retry_after_s(headers, now_s))
    if status == 408 or status >= 500:
        error = ModelUnavailable(f"the model server at {url} failed (HTTP {status}){told}", hint="see the server's log")
        return Fault(error, True, True, retry_after_s(headers, now_s))
    if _TEXT_ONLY.search(said):
        hint = "serve a vision model such as InternVL2-8B: `outfit serve-vlm`"
        return Fault(ModelUnavailable(f"the model {model!r} at {url} reads text only, no pictures{told}", hint=hint))
    if _TOO_LONG.search(said):
        hint = "set OUTFIT_VLM_CONTEXT_TOKENS to the server's session length"
        return Fault(ModelError(f"the question is too long for {model!r}{told}", hint=hint))
    return Fault(ModelError(f"the model server at {url} refuses the request (HTTP {status}){told}"))


def from_success(body: Any) -> Fault | None:
    """The fault inside an answer with status 200, or None where there is none."""
    if not isinstance(body, Mapping):
        return _useless("the model server answered with no JSON object")
    if body.get("error") or body.get("object") == "error":
        return _useless(f"the model server answered with an error: {message_in(body) or 'without a message'}")
    choices = body.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(choice, Mapping):
        return _useless("the model server answered without any choice")
    reason = choice.get("finish_reason")
    if reason in ("error", "abort", "parse_error"):
        return _useless(f"the model server gave up on the answer (finish_reason {reason})")
    message = choice.get("message")
    content = message.get("content") if isinstance(message, Mapping) else None
    if not isinstance(content, str):
        return _useless("the model server answered without any text")
    # LMDeploy reports a crashed request as text: github.com/InternLM/lmdeploy/issues/3170
    if content.strip().casefold().startswith("internal error happened"):
        return _useless("the model server answered that an internal error happened")
    return None


def message_in(body: Any) -> str:
    """The message of either envelope: {"error": {"message"}} or {"message", "object": "error"}; one short line."""
    if isinstance(body, str):
        return "" if "<" in body[:200] else _line(body)
    if not isinstance(body, Mapping):
        return ""
    inner = body.get("error", body)
    if isinstance(inner, str):
        return _line(inner)
    if isinstance(inner, Mapping):
        for key in ("message", "detail"):
            if isinstance(inner.get(key), str):
                return _line(inner[key])
    return ""


def retry_after_s(headers: Mapping[str, str], now_s: float) -> float | None:
    """Seconds that the server asks to wait, in [0, MAX_WAIT_S]: seconds, a date, or milliseconds. None where it is
    silent or makes no sense (RFC 9110, 10.2.3)."""
    value = headers.get("retry-after-ms")
    try:
        seconds = float(value) / 1000 if value is not None else float(headers.get("retry-after", ""))
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(headers.get("retry-after", "")).timestamp() - now_s
        except (TypeError, ValueError, OverflowError):
            return None
        seconds = max(0.0, seconds)
    if not math.isfinite(seconds) or seconds < 0:
        return None
    return min(seconds, MAX_WAIT_S)


def _useless(message: str) -> Fault:
    return Fault(InvalidReply(message, hint="see the server's log"), True, True)


def _line(text: str) -> str:
    return " ".join(text.split())[:300]


def _root(cause: BaseException | None) -> str:
    while cause is not None and cause.__cause__ is not None:
        cause = cause.__cause__
    return f" ({_line(str(cause))})" if cause is not None and str(cause) else ""
