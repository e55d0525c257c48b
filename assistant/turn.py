"""The turn that the present call belongs to: until when it may work, whether the shopper is still there, what was
asked.

A turn has one deadline for all its calls to models, and keeps an account of them. It travels as a context variable, so
that a port's methods need no such argument: whoever waits for something asks `current()`. Threads do not inherit it;
run their work in `contextvars.copy_context()`.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, MutableSequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from retrieval.errors import ModelError, ModelUnavailable


class Cancelled(ModelError):
    """The shopper left: the work is dropped, and nothing is to be concluded about the model."""

    code = "cancelled"


class TurnOver(ModelUnavailable):
    """The turn's time is used up. It says nothing about the model's health either."""

    code = "turn_over"


@dataclass(frozen=True, slots=True)
class Call:
    """One question to a model: what for, which words (digest of the prompt), tokens and seconds.

    `planned_tokens` were computed before sending; `prompt_tokens` and `answer_tokens` are the server's own counts.
    `tiles` is the most tiles that a picture was allowed, `is_shrunk` that it was less than usual, to fit the context.
    """

    purpose: str
    model: str
    prompt_digest: str
    planned_tokens: int
    prompt_tokens: int
    answer_tokens: int
    seconds: float
    attempts: int
    tiles: int
    is_shrunk: bool = False


@dataclass(frozen=True, slots=True)
class Turn:
    """`deadline` is a `time.monotonic()` in seconds, None for no limit; `cancelled` is asked, never stored.

    `calls` and `notices` (announced fall-backs, in words, each once) fill up while the turn goes on.
    """

    deadline: float | None = None
    cancelled: Callable[[], bool] | None = None
    calls: MutableSequence[Call] = field(default_factory=list)
    notices: MutableSequence[str] = field(default_factory=list)

    def notice(self, text: str) -> None:
        if text not in self.notices:
            self.notices.append(text)

    @property
    def is_cancelled(self) -> bool:
        return self.cancelled is not None and self.cancelled()

    @property
    def is_over(self) -> bool:
        return self.deadline is not None and time.monotonic() >= self.deadline

    def remaining_s(self, most: float) -> float:
        """Seconds left, at most `most` and at least 0."""
        return most if self.deadline is None else max(0.0, min(most, self.deadline - time.monotonic()))

    def check_cancelled(self) -> None:
        if self.is_cancelled:
            raise Cancelled("the turn was cancelled: nobody waits for the answer any more")

    def check(self) -> None:
        """Raises Cancelled or TurnOver where there is no use in going on."""
        self.check_cancelled()
        if self.is_over:
            raise TurnOver(
                "the turn's time is used up: the model's answer is not waited for",
                hint="give turns more time, or serve the model on a faster machine",
            )


# Outside of any turn nothing is kept: an account that nobody reads must not grow.
_OUTSIDE = Turn(calls=deque(maxlen=0), notices=deque(maxlen=0))
_CURRENT: ContextVar[Turn | None] = ContextVar("turn", default=None)


def current() -> Turn:
    return _CURRENT.get() or _OUTSIDE


@contextmanager
def within(deadline: float | None = None, cancelled: Callable[[], bool] | None = None) -> Iterator[Turn]:
    """Bound what runs inside. A turn opened inside another one ends no later, is cancelled with it, and shares its
    account."""
    outer = current()
    deadlines = [end for end in (outer.deadline, deadline) if end is not None]
    asked = [ask for ask in (outer.cancelled, cancelled) if ask is not None]
    has_account = outer is not _OUTSIDE
    inner = Turn(
        min(deadlines, default=None),
        (lambda: any(ask() for ask in asked)) if asked else None,
        outer.calls if has_account else [],
        outer.notices if has_account else [],
    )
    token = _CURRENT.set(inner)
    try:
        yield inner
    finally:
        _CURRENT.reset(token)
