"""Who may come in, and how often: Bearer keys where keys are used, and a rate for each key or address."""

from __future__ import annotations

import math
import time

from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import Scope

from assistant.api.errors import ApiError
from assistant.api.keys import Keys
from retrieval.errors import InvalidSetting

_OPEN = ("/healthz", "/readyz")  # asked by whoever keeps the server alive, who has no key


class Door:
    """`keys` None: nobody needs one. `rate`, e.g. "600/minute", holds for each key, or each address without one."""

    def __init__(self, keys: Keys | None, rate: str | None) -> None:
        try:
            self._rate = parse(rate) if rate else None
        except ValueError as error:
            message = f"rate {rate!r}: expected for instance 600/minute"
            raise InvalidSetting(message, hint="OUTFIT_API_RATE=600/minute") from error
        self._keys = keys
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())

    async def admit(self, scope: Scope) -> dict[str, str]:
        """Headers for the answer. Raises ApiError: 401 without a valid key, 429 over the rate."""
        if scope["path"] in _OPEN:
            return {}
        who = f"address {scope['client'][0]}" if scope.get("client") else "nobody"
        if self._keys is not None and self._keys.are_needed:
            scheme, _, given = Headers(scope=scope).get("authorization", "").partition(" ")
            found = await run_in_threadpool(self._keys.check, given.strip()) if scheme.lower() == "bearer" else None
            if found is None:
                self._count(who)
                raise ApiError(
                    "A valid API key is needed: send it as 'Authorization: Bearer outfit-...'.",
                    status=401,
                    code="invalid_api_key",
                    headers={"www-authenticate": "Bearer"},
                )
            who = f"key {found}"
            scope.setdefault("state", {})["key_id"] = found
        return self._count(who)

    def _count(self, who: str) -> dict[str, str]:
        if self._rate is None:
            return {}
        is_within = self._limiter.hit(self._rate, who)
        window = self._limiter.get_window_stats(self._rate, who)
        left_s = max(0.0, window.reset_time - time.time())
        headers = {
            "x-ratelimit-limit-requests": str(self._rate.amount),
            "x-ratelimit-remaining-requests": str(max(0, window.remaining)),
            "x-ratelimit-reset-requests": f"{left_s:.3f}s",
        }
        if not is_within:
            raise ApiError(
                f"Too many requests: at most {self._rate} are answered.",
                status=429,
                code="rate_limit_exceeded",
                headers={**headers, "retry-after": str(max(1, math.ceil(left_s)))},
            )
        return headers
