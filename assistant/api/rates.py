"""How often each caller comes: counted in this process, or for several processes together in a shared storage."""

from __future__ import annotations

import logging
import math
import time
from dataclasses import dataclass

from limits import parse
from limits.errors import ConfigurationError, StorageError
from limits.storage import MemoryStorage, storage_from_string
from limits.strategies import SlidingWindowCounterRateLimiter

from retrieval.errors import InvalidSetting

_LOG = logging.getLogger(__name__)
_WAIT_S = 1.0  # for an answer of the shared storage: a limit must not cost more than it saves
_SAY_EVERY_S = 60.0


@dataclass(frozen=True, slots=True)
class Count:
    """Where a caller stands: whether this request is within the rate, how many are left, seconds until they are again."""

    is_within: bool
    remaining: int
    reset_s: float


class Rates:
    """`rate`, e.g. "600/minute", for each caller; `storage`, e.g. "redis://host:6379", is shared by several processes.

    While the shared storage does not answer, this process counts for itself, and the log says so.
    """

    def __init__(self, rate: str, storage: str | None = None) -> None:
        try:
            self._rate = parse(rate)
        except ValueError as error:
            message = f"rate {rate!r}: expected for instance 600/minute"
            raise InvalidSetting(message, hint="OUTFIT_API_RATE=600/minute") from error
        self._own = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._shared = None if storage is None else SlidingWindowCounterRateLimiter(_storage(storage))
        self._said_at = -math.inf

    def __str__(self) -> str:
        return str(self._rate)

    @property
    def amount(self) -> int:
        return self._rate.amount

    @property
    def is_shared(self) -> bool:
        return self._shared is not None

    def count(self, who: str) -> Count:
        """Count one request. May take as long as the shared storage takes to answer."""
        if self._shared is not None:
            try:
                return self._counted(self._shared, who)
            except StorageError as error:
                if time.monotonic() - self._said_at > _SAY_EVERY_S:
                    self._said_at = time.monotonic()
                    _LOG.warning("the shared storage of limits does not answer: this process counts for itself (%s)", error)
        return self._counted(self._own, who)

    def _counted(self, limiter: SlidingWindowCounterRateLimiter, who: str) -> Count:
        is_within = limiter.hit(self._rate, who)
        window = limiter.get_window_stats(self._rate, who)
        return Count(is_within, max(0, window.remaining), max(0.0, window.reset_time - time.time()))


def _storage(address: str):
    waits = {"socket_timeout": _WAIT_S, "socket_connect_timeout": _WAIT_S} if address.startswith("redis") else {}
    try:
        return storage_from_string(address, wrap_exceptions=True, **waits)
    except ConfigurationError as error:
        raise InvalidSetting(
            f"the shared storage of limits {address.partition('@')[2] or address!r} cannot be used: {error}",
            hint="OUTFIT_LIMITS_URL=redis://host:6379; its driver: pip install 'outfit-assistant[scale]'",
        ) from error
