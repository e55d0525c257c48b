"""A circuit breaker: after several failures in a row a server is left alone for a while, then tried by one call.

Pure but for its clock. Libraries for this keep threads or event loops of their own; the state here is four numbers.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Breaker:
    """Closed: calls pass. Open, after `failures` in a row: none passes for `rest_s`. Then half-open: one call passes;
    its success closes the breaker, its failure opens it for twice as long, at most `longest_rest_s`."""

    def __init__(
        self,
        failures: int = 5,
        rest_s: float = 5.0,
        longest_rest_s: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most, self._first_rest_s, self._longest_rest_s, self._clock = failures, rest_s, longest_rest_s, clock
        self._lock = threading.Lock()
        self._in_a_row = 0
        self._rest_s = rest_s
        self._open_until: float | None = None
        self._is_probing = False

    def wait_s(self) -> float:
        """0 where a call may pass now (it must then be settled by one of the three below), else the seconds to wait."""
        with self._lock:
            if self._open_until is None:
                return 0.0
            left = self._open_until - self._clock()
            if left > 0:
                return left
            if self._is_probing:
                return self._first_rest_s
            self._is_probing = True
            return 0.0

    def succeeded(self) -> None:
        with self._lock:
            self._in_a_row, self._rest_s, self._open_until, self._is_probing = 0, self._first_rest_s, None, False

    def failed(self) -> None:
        with self._lock:
            self._in_a_row += 1
            if self._is_probing:
                self._rest_s = min(self._rest_s * 2, self._longest_rest_s)
            if self._is_probing or (self._in_a_row >= self._most and self._open_until is None):
                self._open_until = self._clock() + self._rest_s
            self._is_probing = False

    def withdrawn(self) -> None:
        """The call ended without saying anything about the server: it was cancelled, or our own request was wrong."""
        with self._lock:
            self._is_probing = False

    @property
    def is_open(self) -> bool:
        with self._lock:
            return self._open_until is not None
