"""`/v1/outfit/`: what the assistant is made of, one resource each. Boxes are in pixels of the picture that was sent."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from assistant import report
from assistant.api import errors, outfit_wire, ranges, wire
from assistant.api.errors import ApiError
from assistant.api.health import Metrics
from assistant.api.pictures import Photo, Pictures
from assistant.api.word_search import WordSearch
from assistant.api.work import Drain, Places, caller, run
from assistant.compose import Assistant
from assistant.looks import Recommendation
from assistant.ui.files import media_type
from assistant.understanding import understand
from assistant.wish import Wish
from retrieval.errors import InvalidBox
from retrieval.items import Box, Detection, Gender, Item, Slot
from retrieval.ports import Where

_BYTES = {"content": {"image/*": {"schema": {"type": "string", "format": "binary"}}}}
_PICTURE: dict[int | str, dict[str, Any]] = {
    **wire.refusals(404, 416),
    200: {"description": "The whole file", **_BYTES},
    206: {"description": "The bytes that `range` asked for", **_BYTES},
    304: {"description": "Unchanged since `if-none-match`"},
}
_NO_LOOKS = Wish(without_slots=frozenset(Slot))
_CACHING = "public, max-age=300"  # a photo may be changed by the next ingest; its ETag tells


def router(
    assistant: Assistant, pictures: Pictures, *, places: Places, searches: Places, drain: Drain, metrics: Metrics
) -> APIRouter:
    """The routes over a running assistant. What calls models takes one of the places, a search one of `searches`."""
    refused = wire.refusals(400, 401, 413, 429, 500, 503)
    routes = APIRouter(prefix="/v1/outfit", tags=["Outfit"], responses=refused)
    missing = wire.refusals(404)
    stylist, catalogue = assistant.stylist, assistant.catalogue
    by_words = WordSearch(assistant.search)

    @routes.post("/search", response_model=outfit_wire.Hits, summary="Products by words, by a picture, or by both")
    async def search(body: outfit_wire.SearchRequest, request: Request) -> Response:
        """The closest products, best first; of each found by a picture, how likely it is the pictured one."""
        where = _where(body)
        leave = searches.take(caller(request))
        try:
            if body.image is None:
                hits = await by_words.search(body.text, where, body.k)
                answer = {"data": [report.hit(hit) for hit in hits], "detections": [], "needs_choice": False, "notice": ""}
            else:
                photo = await run_in_threadpool(pictures.open, body.image, "image")
                answer = await run_in_threadpool(_by_picture, assistant, photo, body, where)
        finally:
            leave()
        return JSONResponse(answer)

    @routes.post("/detect", response_model=outfit_wire.Detections, summary="The garments in a photo")
    async def detect(body: outfit_wire.DetectRequest, request: Request) -> dict[str, Any]:
        """One box for each garment, surest first."""

        def work() -> dict[str, Any]:
            photo = pictures.open(body.image, "image")
            width, height = photo.corners(photo.picture.size)
            found = [_detection(one, photo) for one in stylist.detect(photo.picture)]
            return {"width": round(width), "height": round(height), "data": found}

        return await run(request, places, drain, work)

    @routes.post("/describe", response_model=outfit_wire.Description, summary="What a pictured garment is")
    async def describe(body: outfit_wire.DescribeRequest, request: Request) -> dict[str, Any]:
        """Attributes, measured colours, and the product itself with what looks like it."""

        def work() -> dict[str, Any]:
            photo = pictures.open(body.image, "image")
            found = _recommendation(stylist.recommend(photo.picture, _NO_LOOKS, box=_box(body.box, photo)), photo)
            return {name: found[name] for name in ("detections", "garment", "same_product")}

        return await run(request, places, drain, work)

    @routes.post("/recommend", response_model=outfit_wire.Recommendation, summary="Looks around a photo or an item")
    async def recommend(body: outfit_wire.RecommendRequest, request: Request) -> dict[str, Any]:
        """Up to three looks of items in stock, each piece judged and explained."""
        if (body.image is None) == (body.sku is None):
            raise ApiError("Expected 'image' or 'sku', one of the two.", code="invalid_value", param="image")

        def work() -> dict[str, Any]:
            wish = understand(body.message, Wish(lang=body.lang))
            if body.sku is not None:
                item = _item(assistant, body.sku, "sku")
                answer = stylist.complete(item.as_garment(stylist.pictures(item)), wish)
                photo = None
            else:
                photo = pictures.open(body.image, "image")
                answer = stylist.recommend(photo.picture, wish, box=_box(body.box, photo))
            metrics.answer(answer.trace)
            return report.recommendation(answer) if photo is None else _recommendation(answer, photo)

        return await run(request, places, drain, work)

    @routes.post("/judge", response_model=outfit_wire.Verdict, responses=missing, summary="Do two items go together?")
    async def judge(body: outfit_wire.JudgeRequest, request: Request) -> dict[str, Any]:
        """A yes, a no, or undecided, with the reason in one sentence."""

        def work() -> dict[str, Any]:
            pair = [_item(assistant, getattr(body, name), name) for name in ("reference", "candidate")]
            reference, candidate = (item.as_garment(stylist.pictures(item)) for item in pair)
            return report.verdict(stylist.model.judge(reference, candidate, body.lang))

        return await run(request, places, drain, work)

    @routes.get("/items/{sku:path}/picture", response_class=Response, responses=_PICTURE, summary="An item's photo")
    async def picture(
        sku: str,
        view: str | None = None,
        if_none_match: Annotated[str | None, Header()] = None,
        range_: Annotated[str | None, Header(alias="range", description="One range of bytes, e.g. bytes=0-99")] = None,
        if_range: Annotated[str | None, Header()] = None,
    ) -> Response:
        """The file as the shop gave it: the first view, or the one named. Ask again with its ETag in If-None-Match."""
        item = await run_in_threadpool(_item, assistant, sku, "sku")
        found = next((one for one in item.views if view in (None, one.name)), None)
        if found is None:
            raise errors.not_found(f"Item {sku[:100]!r} has no such photo.", param="view")
        tag = f'"{found.digest}"'
        headers = {"etag": tag, "cache-control": _CACHING, "accept-ranges": "bytes"}
        if if_none_match and (if_none_match.strip() == "*" or tag in if_none_match):
            return Response(status_code=304, headers=headers)
        data = await run_in_threadpool(catalogue.picture_bytes, item.sku, found.name)
        kind, wanted = media_type(data), None
        if range_ and if_range in (None, tag):
            wanted = ranges.read(range_, len(data))
        if wanted is None:
            return Response(data, media_type=kind, headers=headers)
        headers["content-range"] = f"bytes {wanted.start}-{wanted.stop - 1}/{len(data)}"
        return Response(data[wanted.start : wanted.stop], 206, media_type=kind, headers=headers)

    @routes.get("/items/{sku:path}", response_model=outfit_wire.Item, responses=missing, summary="An item by its sku")
    async def item(sku: str) -> dict[str, Any]:
        """Facts of the catalogue."""
        return report.item(await run_in_threadpool(_item, assistant, sku, "sku"))

    return routes


def _where(body: outfit_wire.SearchRequest) -> Where:
    if (body.text is None or not body.text.strip()) and body.image is None:
        raise ApiError("Expected 'text', 'image', or both.", code="invalid_value", param="text")
    if body.image is None and body.box is not None:
        raise ApiError("'box' is of a picture, and there is no 'image'.", code="invalid_value", param="box")
    any_of: dict[str, frozenset[str]] = {"gender": frozenset({body.gender, Gender.UNISEX})} if body.gender else {}
    if body.slot:
        any_of["slot"] = frozenset({body.slot})
    return Where(
        any_of=any_of,
        at_most={} if body.max_price is None else {"price": body.max_price},
        at_least={"in_stock": 1.0} if body.in_stock else {},
    )


def _by_picture(
    assistant: Assistant, photo: Photo, body: outfit_wire.SearchRequest, where: Where
) -> dict[str, Any]:
    box, text = _box(body.box, photo), (body.text or "").strip()
    found = assistant.finder.find(photo.picture, box=box, text=text, where=where, k=body.k)
    return {**report.finding(found), "detections": [_detection(one, photo) for one in found.detections]}


def _item(assistant: Assistant, sku: str, param: str) -> Item:
    item = assistant.catalogue.item(sku)
    if item is None:
        raise errors.not_found(f"There is no item {sku[:100]!r}.", code="item_not_found", param=param)
    return item


def _box(corners: list[float] | None, photo: Photo) -> Box | None:
    if corners is None:
        return None
    try:
        return photo.box(corners).clip(*photo.picture.size)
    except InvalidBox as error:
        raise errors.of(error, param="box") from error


def _detection(found: Detection, photo: Photo) -> dict[str, Any]:
    return {**report.detection(found), "box": photo.corners(found.box.as_tuple())}


def _recommendation(answer: Recommendation, photo: Photo) -> dict[str, Any]:
    return {
        **report.recommendation(answer),
        "detections": [_detection(found, photo) for found in answer.detections],
        "chosen": None if answer.chosen is None else _detection(answer.chosen, photo),
    }
