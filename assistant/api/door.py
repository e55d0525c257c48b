"""Who may come in, and how often: Bearer keys where keys are used, and a rate for each key or address."""

from __future__ import annotations

import math

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import Scope

from assistant.api.errors import ApiError
from assistant.api.keys import Key, Keys, Role
from assistant.api.rates import Rates

_DESK = "/v1/outfit/review/"
_OPENS: dict[Role, str] = {"shop": "the shop's API", "desk": "the stylists' desk"}
_OPEN = ("/healthz", "/readyz")  # asked by whoever keeps the server alive, who has no key


class Door:
    """`keys` None: nobody needs one. `rates` hold for each key, or each address without one."""

    def __init__(self, keys: Keys | None, rates: Rates | None) -> None:
        self._keys, self._rates = keys, rates

    async def admit(self, scope: Scope) -> tuple[str, dict[str, str]]:
        """Who it is (a key, or an address without one), and headers for the answer. Raises ApiError: 401 without a
        valid key, 403 with one of another role, 429 over the rate."""
        who = f"address {scope['client'][0]}" if scope.get("client") else "nobody"
        if scope["path"] in _OPEN:
            return who, {}
        if self._keys is not None and self._keys.are_needed:
            scheme, _, given = Headers(scope=scope).get("authorization", "").partition(" ")
            found = await run_in_threadpool(self._keys.check, given.strip()) if scheme.lower() == "bearer" else None
            if found is None:
                await self._count(who)
                raise ApiError(
                    "A valid API key is needed: send it as 'Authorization: Bearer outfit-...'.",
                    status=401,
                    code="invalid_api_key",
                    headers={"www-authenticate": "Bearer"},
                )
            who = f"key {found.id}"
            scope.setdefault("state", {})["key_id"] = found.id
            counted = await self._count(who)
            _check_role(found, scope["path"])
            return who, counted
        return who, await self._count(who)

    async def _count(self, who: str) -> dict[str, str]:
        rates = self._rates
        if rates is None:
            return {}
        counted = await run_in_threadpool(rates.count, who) if rates.is_shared else rates.count(who)
        headers = {
            "x-ratelimit-limit-requests": str(rates.amount),
            "x-ratelimit-remaining-requests": str(counted.remaining),
            "x-ratelimit-reset-requests": f"{counted.reset_s:.3f}s",
        }
        if not counted.is_within:
            raise ApiError(
                f"Too many requests: at most {rates} are answered.",
                status=429,
                code="rate_limit_exceeded",
                headers={**headers, "retry-after": str(max(1, math.ceil(counted.reset_s)))},
            )
        return headers


def _check_role(key: Key, path: str) -> None:
    """Raises ApiError (403) where the key is of another role than what is asked for."""
    needed: Role = "desk" if path.startswith(_DESK) else "shop"
    if not key.opens(needed):
        raise ApiError(
            f"This key is of role '{key.role}': it opens {_OPENS[key.role]}, not {_OPENS[needed]}. "
            f"Make another: outfit keys make NAME --role {needed}",
            status=403,
            code="wrong_role",
        )


def check_origin(scope: Scope) -> None:
    """Raises ApiError (403) for a request that another site's page had a browser send: it may carry what this browser
    may do, but not what its user wants. Programs send none of these headers.

    As Go's CrossOriginProtection decides: by Sec-Fetch-Site, else by Origin against the host that was asked.
    """
    if scope["method"] in ("GET", "HEAD", "OPTIONS"):
        return
    headers = Headers(scope=scope)
    site = headers.get("sec-fetch-site")
    if site in ("same-origin", "none"):
        return
    origin = headers.get("origin")
    if site is None and (origin is None or origin.partition("://")[2] in (headers.get("host"), _proxied(headers))):
        return
    raise ApiError("Pages of other sites may not send requests here.", status=403, code="cross_origin_refused")


def _proxied(headers: Headers) -> str | None:
    """The host that was asked where a proxy stands in front."""
    return headers.get("x-forwarded-host")
