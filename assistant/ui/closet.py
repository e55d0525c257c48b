"""The wardrobe over HTTP: what the page asks for beside the conversation. Each visitor sees what is theirs, no one else's.

Keeping the garment or look on show is part of the conversation (`assistant/ui/shop.py`), which knows what that is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from assistant.ui import closet_cards
from assistant.ui.files import is_from_elsewhere
from assistant.ui.visitors import give_cookie, take_cookie, visitor_in
from assistant.wardrobe import Wardrobe
from retrieval.errors import InvalidInput, OutfitError

if TYPE_CHECKING:
    from retrieval.catalogue import Catalogue
    from retrieval.items import Lang

_OWN = {"Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff"}


def routes(catalogue: Catalogue, wardrobe: Wardrobe) -> list[Route]:
    """Addresses below "wardrobe". Whatever changes something is refused where another site asks for it."""

    def show(request: Request) -> Response:
        visitor, lang = visitor_in(request.cookies), _lang(request)
        garments = wardrobe.garments(visitor) if visitor else []
        looks = wardrobe.looks(visitor) if visitor else []
        return HTMLResponse(closet_cards.closet(garments, looks, lang), headers=_OWN)

    def open_(request: Request) -> Response:
        """A visitor said yes to keeping something: from now on the browser is known."""
        response = Response(status_code=204)
        give_cookie(request, response)
        return response

    def keep_item(request: Request) -> Response:
        """A garment of the shop that the visitor has."""
        visitor = visitor_in(request.cookies)
        item = catalogue.item(request.path_params["sku"])
        if visitor is None or item is None:
            raise InvalidInput("there is no such item or no wardrobe to keep it in")
        wardrobe.keep_garment(visitor, item.as_garment(), catalogue.picture(item.sku))
        return Response(status_code=204)

    def picture(request: Request) -> Response:
        data = wardrobe.picture_bytes(visitor_in(request.cookies), request.path_params["name"])
        return Response(status_code=404) if data is None else Response(data, media_type="image/jpeg", headers=_OWN)

    def export(request: Request) -> Response:
        visitor = visitor_in(request.cookies)
        if visitor is None:
            return Response(status_code=404)
        headers = _OWN | {"Content-Disposition": 'attachment; filename="wardrobe.zip"'}
        return Response(wardrobe.export(visitor), media_type="application/zip", headers=headers)

    def remove(request: Request) -> Response:
        if visitor := visitor_in(request.cookies):
            wardrobe.remove(visitor, request.path_params["name"])
        return Response(status_code=204)

    def forget(request: Request) -> Response:
        if visitor := visitor_in(request.cookies):
            wardrobe.forget(visitor)
        response = Response(status_code=204)
        take_cookie(response)
        return response

    return [
        Route("/wardrobe", show),
        Route("/wardrobe", _own_site(open_), methods=["POST"]),
        Route("/wardrobe", _own_site(forget), methods=["DELETE"]),
        Route("/wardrobe/items/{sku:path}", _own_site(keep_item), methods=["POST"]),
        Route("/wardrobe/export", export),
        Route("/wardrobe/pictures/{name:path}", picture),
        Route("/wardrobe/{name}", _own_site(remove), methods=["DELETE"]),
    ]


def _own_site(answer: Callable[[Request], Response]) -> Callable[[Request], Response]:
    def guarded(request: Request) -> Response:
        if is_from_elsewhere(request):
            return JSONResponse({"code": "invalid_input"}, 403)
        try:
            return answer(request)
        except OutfitError as error:
            return JSONResponse({"code": error.code}, 409)

    return guarded


def _lang(request: Request) -> Lang:
    return "zh" if request.query_params.get("lang") == "zh" else "en"
