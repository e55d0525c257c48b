"""One deadline and one account for a turn, however deep its calls are."""

from __future__ import annotations

import contextvars
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from assistant import turn
from retrieval.errors import ModelUnavailable


def test_outside_of_a_turn_there_is_no_limit_and_no_account() -> None:
    now = turn.current()
    now.check()
    now.calls.append(turn.Call("judge", "m", "d", 1, 1, 1, 0.1, 1, 1))
    now.notice("x")
    assert now.remaining_s(7.0) == 7.0 and not now.is_over and not now.is_cancelled
    assert len(turn.current().calls) == 0 and len(turn.current().notices) == 0


def test_an_inner_turn_ends_no_later_and_shares_the_account() -> None:
    begin = time.monotonic()
    with turn.within(begin + 10) as outer:
        with turn.within(begin + 100) as inner:
            assert inner.deadline == begin + 10
            inner.notice("told")
            inner.notice("told")
        with turn.within(begin + 1) as inner:
            assert inner.deadline == begin + 1
        assert turn.current() is outer and list(outer.notices) == ["told"]
    assert turn.current().deadline is None


def test_over_and_cancelled_are_told_apart() -> None:
    with turn.within(time.monotonic() - 1) as now:
        assert now.is_over and now.remaining_s(5) == 0
        with pytest.raises(turn.TurnOver):
            now.check()
    left = [False]
    with turn.within(time.monotonic() - 1, lambda: left[0]):
        with turn.within(cancelled=lambda: False) as inner:
            left[0] = True
            with pytest.raises(turn.Cancelled):
                inner.check()
    assert issubclass(turn.TurnOver, ModelUnavailable) and not issubclass(turn.Cancelled, ModelUnavailable)


def test_it_travels_into_threads_with_the_context() -> None:
    with ThreadPoolExecutor(1) as pool, turn.within(time.monotonic() + 5) as now:
        there = pool.submit(contextvars.copy_context().run, turn.current).result()
        assert there is now
        assert pool.submit(turn.current).result().deadline is None
