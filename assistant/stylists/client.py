"""One vision server, called: many requests at once inside, a plain blocking face outside.

The official client does the talking, with its own retries off. Around it, for each call: at most three attempts with
full jitter, one deadline over all of them (the turn's), a circuit breaker, and cancellation when the shopper leaves.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import ipaddress
import json
import threading
import time
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

import openai
import tenacity

from assistant import turn
from assistant.stylists import faults
from assistant.stylists.breaker import Breaker
from assistant.stylists.faults import CallFailed, Fault
from assistant.stylists.replies import TokenChance

_T = TypeVar("_T")
_POLL_S = 0.2  # a shopper who left is noticed within this time
_PATIENCE_S = 5.0  # a server that was silent for so long has failed, whoever stopped waiting


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server answered. `chances`: alternatives for the first token, () where it gives none. Tokens as the
    server counted them, 0 where it did not."""

    text: str
    is_cut: bool
    chances: tuple[TokenChance, ...] = ()
    prompt_tokens: int = 0
    answer_tokens: int = 0
    seconds: float = 0.0
    attempts: int = 1


class ChatClient:
    """Calls to one model of one server. Threads may share it; `close` ends its thread and connections."""

    def __init__(
        self,
        url: str,
        model: str,
        api_key: str = "",
        *,
        timeout_s: float = 60.0,
        attempts: int = 3,
        concurrency: int = 32,
        breaker: Breaker | None = None,
    ) -> None:
        self.url, self.model, self.concurrency = url.rstrip("/"), model, concurrency
        self._key, self._timeout_s, self._attempts = api_key, timeout_s, attempts
        self.breaker = breaker or Breaker()
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._openai: openai.AsyncOpenAI | None = None
        self._places: asyncio.Semaphore | None = None

    # --- the blocking face ---

    def ask(self, body: Mapping[str, Any]) -> Reply:
        """Send one chat request (everything but the model's name) and wait for its answer.

        Raises ModelError and its kinds; turn.TurnOver and turn.Cancelled for the caller's own reasons.
        """
        self._check_passage()
        return self._wait(self._settled(dict(body), self._attempts))

    def ask_once(self, body: Mapping[str, Any]) -> Reply:
        """The same without retries: for probing what a server can do."""
        self._check_passage()
        return self._wait(self._settled(dict(body), attempts=1))

    def models(self) -> list[tuple[str, str]]:
        """(name, owner) of the models that the server lists."""
        return self._wait(self._models())

    def close(self) -> None:
        with self._lock:
            loop, self._loop = self._loop, None
        if loop is None:
            return
        if self._openai is not None:
            asyncio.run_coroutine_threadsafe(self._openai.close(), loop).result(timeout=5)
        loop.call_soon_threadsafe(loop.stop)

    def _check_passage(self) -> None:
        turn.current().check()
        wait_s = self.breaker.wait_s()
        if wait_s > 0:
            raise faults.resting(self.url, wait_s)

    def _wait(self, work: Coroutine[Any, Any, _T]) -> _T:
        now = turn.current()
        future = asyncio.run_coroutine_threadsafe(work, self._started())
        while not concurrent.futures.wait([future], timeout=now.remaining_s(_POLL_S)).done:
            if now.is_cancelled or now.is_over:
                future.cancel()
                now.check()
        try:
            return future.result()
        except CallFailed as failed:
            raise failed.fault.error from failed.__cause__

    def _started(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=_run, args=(self._loop,), name="vlm-client", daemon=True).start()
                self._places = asyncio.Semaphore(self.concurrency)
                # A key is obligatory for the client; servers without one ignore it.
                self._openai = openai.AsyncOpenAI(
                    base_url=self.url,
                    api_key=self._key or "none",
                    max_retries=0,
                    timeout=self._timeout_s,
                    # A proxy named in the environment is for the world outside: it cannot reach this machine's
                    # loopback.
                    http_client=openai.DefaultAsyncHttpxClient(trust_env=not _is_local(self.url)),
                )
            return self._loop

    # --- inside the loop ---

    async def _settled(self, body: dict[str, Any], attempts: int) -> Reply:
        """Run the attempts, and tell the breaker how it went, whatever way it ends."""
        began = time.monotonic()
        try:
            reply = await self._ask(body, attempts)
        except CallFailed as failed:
            self.breaker.failed() if failed.fault.is_outage else self.breaker.succeeded()
            raise
        except asyncio.CancelledError:
            silent = time.monotonic() - began > _PATIENCE_S
            self.breaker.failed() if silent else self.breaker.withdrawn()
            raise
        except BaseException:
            self.breaker.withdrawn()
            raise
        self.breaker.succeeded()
        return reply

    async def _ask(self, body: dict[str, Any], attempts: int) -> Reply:
        retrying = tenacity.AsyncRetrying(
            stop=tenacity.stop_after_attempt(attempts),
            retry=tenacity.retry_if_exception(lambda e: isinstance(e, CallFailed) and e.fault.is_transient),
            wait=_pause_s,
            reraise=True,
        )
        async with self._places:
            async for attempt in retrying:
                with attempt:
                    reply = await self._attempt(body, attempt.retry_state.attempt_number)
        return reply

    async def _attempt(self, body: dict[str, Any], number: int = 1) -> Reply:
        began = time.monotonic()
        try:
            # Over the whole call: a read timeout alone would let a server that sends one byte a second go on for ever.
            async with asyncio.timeout(self._timeout_s):
                # `extra_body` goes out as it is: looking through all parts of a request for files to encode, and typing
                # the answer, would double the time that the client itself takes.
                raw = await self._openai.chat.completions.with_raw_response.create(
                    model=self.model, messages=(), extra_body=body
                )
        except Exception as error:
            raise CallFailed(self._fault(error, time.monotonic() - began)) from error
        answer = _json(raw.content)
        fault = faults.from_success(answer)
        if fault is not None:
            raise CallFailed(fault)
        return _reply(answer, time.monotonic() - began, number)

    async def _models(self) -> list[tuple[str, str]]:
        began = time.monotonic()
        try:
            async with asyncio.timeout(min(10.0, self._timeout_s)):
                raw = await self._openai.models.with_raw_response.list()
        except Exception as error:
            raise CallFailed(self._fault(error, time.monotonic() - began)) from error
        listed = _json(raw.content)
        rows = listed.get("data") if isinstance(listed, Mapping) else None
        if not isinstance(rows, list):
            raise CallFailed(faults.from_success(None))
        found = [row for row in rows if isinstance(row, Mapping) and isinstance(row.get("id"), str)]
        return [(row["id"], str(row.get("owned_by", ""))) for row in found]

    def _fault(self, error: Exception, waited_s: float) -> Fault:
        """A foreign exception as a Fault. What is none of the client's or the network's is a mistake of ours:
        re-raised."""
        if isinstance(error, (openai.APITimeoutError, TimeoutError)):
            return faults.silent(self.url, waited_s)
        if isinstance(error, openai.APIStatusError):
            return faults.from_status(
                error.status_code, error.body, error.response.headers, self.url, self.model, time.time()
            )
        if isinstance(error, (openai.APIConnectionError, OSError)):
            return faults.unreachable(self.url, error)
        if isinstance(error, openai.APIError):
            return faults.from_success(None)
        raise error


def _is_local(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return host == "localhost" or "." not in host


def _run(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    loop.run_forever()
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
    loop.close()


_JITTER = tenacity.wait_random_exponential(multiplier=0.25, max=4.0)


def _pause_s(state: tenacity.RetryCallState) -> float:
    """What the server asked for, else full jitter: uniform in [0, 0.25 s x 2^attempts]."""
    failed = state.outcome.exception() if state.outcome else None
    asked = failed.fault.wait_s if isinstance(failed, CallFailed) else None
    return asked if asked is not None else _JITTER(state)


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def _reply(answer: Mapping[str, Any], seconds: float, attempts: int) -> Reply:
    choice = answer["choices"][0]
    usage = answer.get("usage") if isinstance(answer.get("usage"), Mapping) else {}
    return Reply(
        text=choice["message"]["content"],
        is_cut=choice.get("finish_reason") == "length",
        chances=_chances(choice.get("logprobs")),
        prompt_tokens=_count(usage.get("prompt_tokens")),
        answer_tokens=_count(usage.get("completion_tokens")),
        seconds=seconds,
        attempts=attempts,
    )


def _chances(logprobs: Any) -> tuple[TokenChance, ...]:
    """The first token and its alternatives. LMDeploy leaves the chosen token out of the list, OpenAI repeats it
    there."""
    content = logprobs.get("content") if isinstance(logprobs, Mapping) else None
    first = content[0] if isinstance(content, Sequence) and content and isinstance(content[0], Mapping) else None
    if first is None:
        return ()
    others = first.get("top_logprobs")
    rows = [first, *(others if isinstance(others, list) else ())]
    return tuple(
        TokenChance(row["token"], float(row["logprob"]))
        for row in rows
        if isinstance(row, Mapping)
        and isinstance(row.get("token"), str)
        and isinstance(row.get("logprob"), (int, float))
    )


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else 0
