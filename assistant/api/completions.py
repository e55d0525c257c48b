"""`POST /v1/chat/completions`: a conversation answered in one piece or as server-sent events."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import json
import logging
import re
import threading
import time
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from assistant import turn
from assistant.api import errors, fitting, outfit_wire, wire
from assistant.api.conversation import Answer, Said, answer
from assistant.api.errors import ApiError
from assistant.api.health import Metrics
from assistant.api.pictures import Pictures
from assistant.api.tokens import PER_IMAGE, PER_MESSAGE, Tokens
from assistant.api.work import ClientGone, Drain, Places, caller, end
from assistant.stylist import Progress, Stylist
from retrieval.errors import OutfitError

_LOG = logging.getLogger(__name__)
_QUIET_S = 10.0  # a stream that has nothing to say for so long sends a comment, so that nobody takes it for dead
_UNSUPPORTED = (
    "logprobs", "top_logprobs", "logit_bias", "tools", "functions", "audio", "prediction", "web_search_options"
)  # fmt: skip


Ended = Coroutine[Any, Any, ClientGone | ApiError]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that has been read: what to answer, and how."""

    messages: tuple[Said, ...]
    stop: tuple[str, ...]
    most_tokens: int | None
    schema: dict[str, Any] | None
    is_json: bool
    prompt_tokens: int


@dataclass(frozen=True, slots=True)
class Told:
    """The content as it is sent: cut where the request asked for that."""

    content: str
    finish_reason: str
    usage: wire.Usage
    outfit: dict[str, Any]


def router(
    stylist: Stylist,
    tokens: Tokens,
    pictures: Pictures,
    *,
    longest_s: float,
    places: Places,
    drain: Drain,
    metrics: Metrics,
) -> APIRouter:
    """The route over a stylist. A conversation that is answered takes one of the places, and `longest_s` seconds."""
    routes = APIRouter()

    @routes.post(
        "/v1/chat/completions",
        response_model=outfit_wire.ChatCompletion,
        responses={
            **wire.refusals(400, 401, 403, 404, 413, 429, 500, 502, 503, 504),
            200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}},
        },
        summary="Looks around a photo, or products for words",
        tags=["OpenAI"],
    )
    async def chat_completions(body: wire.ChatRequest, request: Request) -> Response:
        """With `stream` the answer comes as `data:` events of `chat.completion.chunk`, then `data: [DONE]`; comments
        between them tell the progress. The chunk with the finish reason has the field `outfit`."""
        leave = places.take(caller(request))  # before pictures are decoded
        try:
            asked = await run_in_threadpool(_read, body, tokens, pictures)
        except BaseException:
            leave()
            raise
        turn_ = _Turn(stylist, asked, tokens, longest_s, leave, metrics)
        head = {"id": f"chatcmpl-{uuid.uuid4().hex}", "created": int(time.time()), "model": wire.MODEL}
        if body.stream:
            has_usage = body.stream_options is not None and body.stream_options.include_usage
            return _Stream(_events(turn_, head, has_usage, lambda: end(request, drain)), turn_)
        told = await _whole(turn_, end(request, drain))
        choice = wire.ChatChoice(message=wire.AnswerMessage(content=told.content), finish_reason=told.finish_reason)
        completion = wire.ChatCompletion(**head, choices=[choice], usage=told.usage, outfit=told.outfit)
        return JSONResponse(completion.model_dump(mode="json"))

    return routes


# --- reading ----------------------------------------------------------------------------------------------------------


def _read(body: wire.ChatRequest, tokens: Tokens, pictures: Pictures) -> Asked:
    """The request's meaning. Pictures are decoded here, before anything is answered. Raises ApiError."""
    if body.model != wire.MODEL:
        raise unknown_model(body.model, (wire.MODEL,))
    for name in _UNSUPPORTED:
        if getattr(body, name):
            raise _unsupported(name)
    if body.n not in (None, 1):
        raise _unsupported("n", "one answer is given: leave 'n' out or set it to 1")
    if body.modalities and set(body.modalities) != {"text"}:
        raise _unsupported("modalities", "answers are text")
    images = 0
    said: list[Said] = []
    prompt_tokens = PER_MESSAGE
    for place, message in enumerate(body.messages):
        text, urls = _parts(message, f"messages.{place}.content")
        prompt_tokens += PER_MESSAGE + tokens.count(text) + PER_IMAGE * len(urls)
        images += len(urls)
        if images > wire.MOST_IMAGES:
            raise ApiError(
                f"The conversation has more than {wire.MOST_IMAGES} pictures: at most {wire.MOST_IMAGES} are accepted.",
                code="too_many_images",
                param="messages",
            )
        if message.role == "user":
            said.append(Said(text, tuple(pictures.open(url, param) for param, url in urls)))
    if not said:
        message = "'messages': there is no message of the role 'user' to answer."
        raise ApiError(message, code="invalid_value", param="messages")
    stop = (body.stop,) if isinstance(body.stop, str) else tuple(body.stop or ())
    limits = [most for most in (body.max_tokens, body.max_completion_tokens) if most is not None]
    schema, is_json = _format(body.response_format)
    return Asked(tuple(said), tuple(filter(None, stop)), min(limits, default=None), schema, is_json, prompt_tokens)


def _parts(message: wire.ChatMessage, param: str) -> tuple[str, list[tuple[str, str]]]:
    """A message's text, and its picture URLs, each with the place that it was found at."""
    if message.content is None or isinstance(message.content, str):
        return message.content or "", []
    texts, urls = [], []
    for place, part in enumerate(message.content):
        where = f"{param}.{place}"
        match part.type:
            case "text" if part.text is not None:
                texts.append(part.text)
            case "image_url" if part.image_url is not None:
                urls.append((f"{where}.image_url.url", part.image_url.url))
            case "text" | "image_url":
                raise ApiError(f"'{where}.{part.type}' is missing.", code="missing_required_parameter", param=where)
            case "refusal" if message.role == "assistant":
                continue
            case kind:
                raise ApiError(
                    f"'{where}': parts of type {kind[:40]!r} are not supported; expected 'text' or 'image_url'.",
                    code="unsupported_value",
                    param=f"{where}.type",
                )
    if urls and message.role != "user":
        raise ApiError("Pictures are read in messages of the role 'user' only.", code="invalid_value", param=param)
    return "\n".join(texts), urls


def _format(asked: wire.ResponseFormat | None) -> tuple[dict[str, Any] | None, bool]:
    if asked is None or asked.type == "text":
        return None, False
    if asked.type == "json_object":
        return None, True
    if asked.json_schema is None:
        param = "response_format.json_schema"
        raise ApiError(f"'{param}' is missing.", code="missing_required_parameter", param=param)
    fitting.check(asked.json_schema.schema_)
    return asked.json_schema.schema_, True


def unknown_model(name: str, known: tuple[str, ...]) -> ApiError:
    message = f"There is no model {name[:100]!r} here: expected {' or '.join(map(repr, known))}."
    return errors.not_found(message, code="model_not_found", param="model")


def _unsupported(name: str, why: str = "") -> ApiError:
    return ApiError(
        f"'{name}' is not supported{f': {why}' if why else ''}.", code="unsupported_parameter", param=name
    )


# --- answering --------------------------------------------------------------------------------------------------------


class _Turn:
    """The work behind one request, in a thread of its own; its progress comes out as it happens. `stop` ends it."""

    def __init__(
        self,
        stylist: Stylist,
        asked: Asked,
        tokens: Tokens,
        longest_s: float,
        leave: Callable[[], None],
        metrics: Metrics,
    ) -> None:
        self._stylist, self._asked, self._tokens = stylist, asked, tokens
        self._longest_s, self._leave, self._metrics = longest_s, leave, metrics
        self._stopped, self._has_begun = threading.Event(), False

    def stop(self) -> None:
        """Nobody waits any more. Also for a turn that never began."""
        self._stopped.set()
        if not self._has_begun:
            self._has_begun = True
            self._leave()

    async def run(self) -> AsyncIterator[Progress | Told]:
        """Progress, then what is told. Raises ApiError. Closing the iterator stops the work."""
        loop = asyncio.get_running_loop()
        events: asyncio.Queue[Progress | Told | ApiError] = asyncio.Queue()

        def put(event: Progress | Told | ApiError) -> None:
            with contextlib.suppress(RuntimeError):  # the server has stopped: nobody waits for it any more
                loop.call_soon_threadsafe(events.put_nowait, event)

        self._has_begun = True
        work = contextvars.copy_context().run  # lines that it logs carry the request's id
        threading.Thread(target=work, args=(self._work, put), name="completion", daemon=True).start()
        try:
            while True:
                event = await events.get()
                if isinstance(event, ApiError):
                    raise event
                yield event
                if isinstance(event, Told):
                    return
        finally:
            self.stop()

    def _work(self, put: Callable[[Progress | Told | ApiError], None]) -> None:
        try:
            for event in answer(self._stylist, self._asked.messages, self._stopped, longest_s=self._longest_s):
                if isinstance(event, Answer):
                    self._metrics.answer(event.trace)
                    put(_told(event, self._asked, self._tokens))
                else:
                    put(event)
        except turn.Cancelled:
            _LOG.info("a conversation was left before its answer")
        except ApiError as error:
            put(error)
        except OutfitError as error:
            put(errors.of(error, param="messages"))
        except Exception:
            _LOG.exception("a conversation failed")
            put(errors.internal())
        finally:
            self._leave()


class _Stream(StreamingResponse):
    """A turn told as events. It is stopped however the stream ends, and where the client left before it began."""

    def __init__(self, events: AsyncIterator[str], turn_: _Turn) -> None:
        headers = {"cache-control": "no-cache", "x-accel-buffering": "no"}
        super().__init__(events, media_type="text/event-stream", headers=headers)
        self._turn = turn_

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._turn.stop()


def _told(found: Answer, asked: Asked, tokens: Tokens) -> Told:
    content = found.text
    if asked.is_json:
        data = {"message": found.text, **found.data}
        content = json.dumps(fitting.fit(data, asked.schema) if asked.schema else data, ensure_ascii=False)
    finish_reason = "stop"
    ends = [place for place in (content.find(word) for word in asked.stop) if place >= 0]
    content = content[: min(ends, default=len(content))]
    if asked.most_tokens is not None and len(short := tokens.cut(content, asked.most_tokens)) < len(content):
        content, finish_reason = short, "length"
    counts = asked.prompt_tokens, tokens.count(content)
    usage = wire.Usage(prompt_tokens=counts[0], completion_tokens=counts[1], total_tokens=sum(counts))
    return Told(content, finish_reason, usage, found.data)


async def _whole(turn_: _Turn, ended: Ended) -> Told:
    """What is told. Raises what `ended` gives where that comes first: the work is stopped then."""

    async def last() -> Told:
        async for event in turn_.run():
            if isinstance(event, Told):
                return event
        raise AssertionError("a turn ends with what is told")

    working, ending = asyncio.ensure_future(last()), asyncio.ensure_future(ended)
    try:
        await asyncio.wait({working, ending}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ending.result()
        return working.result()
    finally:
        turn_.stop()
        for task in (working, ending):
            task.cancel()


async def _events(
    turn_: _Turn, head: dict[str, Any], has_usage: bool, ended: Callable[[], Ended]
) -> AsyncIterator[str]:
    """The stream: the role, comments as the work goes on, the text, the finish reason with `outfit`, usage, [DONE].

    It ends, and the work with it, when the client leaves; when the server stops, with an error.
    """

    def chunk(delta: dict[str, Any], finish_reason: str | None = None, **more: Any) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason, "logprobs": None}
        usage = {"usage": None} if has_usage else {}
        return _event({**head, "object": "chat.completion.chunk", "choices": [choice], **usage, **more})

    yield chunk({"role": "assistant", "content": ""})
    running = turn_.run()
    coming: asyncio.Future[Progress | Told] | None = None
    ending = asyncio.ensure_future(ended())
    try:
        while True:
            coming = coming or asyncio.ensure_future(anext(running))
            done, _ = await asyncio.wait({coming, ending}, timeout=_QUIET_S, return_when=asyncio.FIRST_COMPLETED)
            if ending in done:
                raise ending.result()
            if not done:
                yield ": waiting\n\n"
                continue
            event, coming = coming.result(), None
            if isinstance(event, Told):
                break
            yield f": {_comment(event)}\n\n"
        for piece in re.split(r"(?<=\n)|(?<=[,{])(?=\")", event.content):
            if piece:
                yield chunk({"content": piece})
        yield chunk({}, event.finish_reason, outfit=event.outfit)
        if has_usage:
            yield _event(
                {**head, "object": "chat.completion.chunk", "choices": [], "usage": event.usage.model_dump()}
            )
    except ClientGone:
        return
    except ApiError as error:
        yield _event(error.body())
    except Exception:
        _LOG.exception("a stream failed while it was answered")
        yield _event(errors.internal().body())
    finally:
        turn_.stop()
        ending.cancel()
        if coming is not None:
            coming.cancel()
    yield "data: [DONE]\n\n"


def _comment(progress: Progress) -> str:
    counts = " ".join(f"{name}={value:g}" for name, value in progress.counts.items())
    return f"{progress.step} {counts}".strip()


def _event(data: dict[str, Any]) -> str:
    return f"data: {json.dumps(data, ensure_ascii=False)}\n\n"
