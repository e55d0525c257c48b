"""Who asks: a secret in a cookie, given only to a visitor who keeps something. Scripts cannot read it, other sites cannot send it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from assistant.wardrobe import new_secret, visitor_of
from retrieval.errors import InvalidInput

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

COOKIE = "outfit_visitor"
_A_YEAR_S = 365 * 86_400


def visitor_in(cookies: Mapping[str, str]) -> str | None:
    """The visitor of a request, None for one who keeps nothing."""
    try:
        return visitor_of(cookies.get(COOKIE, ""))
    except InvalidInput:
        return None


def give_cookie(request: Request, response: Response) -> None:
    """A cookie for a year from now on; a visitor who has one keeps it."""
    known = visitor_in(request.cookies) is not None
    secret = request.cookies[COOKIE] if known else new_secret()
    response.set_cookie(
        COOKIE, secret, max_age=_A_YEAR_S, httponly=True, samesite="strict", secure=request.url.scheme == "https"
    )


def take_cookie(response: Response) -> None:
    response.delete_cookie(COOKIE, httponly=True, samesite="strict")
