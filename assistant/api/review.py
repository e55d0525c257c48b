"""`/v1/outfit/feedback` and `/v1/outfit/review/`: what shoppers say, and the stylists' desk. The desk's page uses the same.

Its knobs are in `assistant.api.review_knobs`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any, Literal

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from assistant import report
from assistant.api import errors, review_wire, wire
from assistant.api.errors import ApiError
from assistant.api.work import Drain, Places, run
from assistant.compose import Assistant
from assistant.desk import export, measures
from assistant.desk.cases import garment_of, told
from assistant.desk.decisions import Decision, Wanted
from assistant.desk.store import AlreadyDecided, Case, Filter
from assistant.guardrail import BY_A_STYLIST
from retrieval import images
from retrieval.describe import title_of
from retrieval.errors import OutfitError
from retrieval.items import Attributes, Garment, Item, Slot
from retrieval.vocabulary import slot_of

_PRIVATE = {"cache-control": "private, no-store"}


def router(assistant: Assistant, places: Places, drain: Drain) -> APIRouter:
    """The routes over a running assistant. What calls models takes one of the places."""
    refused = wire.refusals(400, 401, 413, 429, 500, 503)
    routes = APIRouter(prefix="/v1/outfit", responses=refused)
    missing, conflict = wire.refusals(404), wire.refusals(409)
    desk, review = assistant.desk, _Review(assistant)
    outfit: dict[str, Any] = {"tags": ["Outfit"]}
    tagged: dict[str, Any] = {"tags": ["Review"]}

    @routes.post(
        "/feedback", response_model=review_wire.Feedback, responses=missing, summary="What a shopper thinks of it", **outfit
    )
    async def feedback(body: review_wire.FeedbackRequest, request: Request) -> dict[str, Any]:
        """Kept for the stylists: what was complained of comes first at their desk."""
        return await run_in_threadpool(review.feedback, body, _key(request))

    @routes.get("/review/progress", response_model=review_wire.Progress, summary="How far the review is", **tagged)
    async def progress() -> dict[str, Any]:
        """Cases by state, and the categories of garments that there are cases about."""
        return await run_in_threadpool(lambda: {**desk.store.progress(), "categories": desk.store.categories()})

    @routes.get("/review/cases", response_model=review_wire.Cases, summary="The queue", **tagged)
    async def cases(
        state: review_wire.State | None = "open",
        kind: review_wire.Kind | None = None,
        contested: bool | None = None,
        complaints: bool | None = None,
        category: str | None = Query(None, max_length=100),
        gender: str | None = Query(None, max_length=10),
        answer: Literal["yes", "no", "undecided"] | None = None,
        text: str | None = Query(None, max_length=100, description="Part of a sku or of the kind of garment"),
        after: int | None = Query(None, ge=0, le=2**31 - 1, description="The `next` of the answer before"),
        limit: int = Query(20, ge=1, le=100),
    ) -> dict[str, Any]:
        """Contested cases first, then the oldest. Without `state` the open ones."""
        which = Filter(state, kind, contested, complaints, category, gender, None, answer, text)
        return await run_in_threadpool(review.page, which, after, limit)

    @routes.get(
        "/review/cases/{case_id}", response_model=review_wire.Case, responses=missing, summary="One case", **tagged
    )
    async def case(case_id: int, request: Request) -> dict[str, Any]:
        """With what the model says of each pair when it is asked in the other order, which is asked now if it never was."""
        return await run(request, places, drain, lambda: review.whole(_in_range(case_id)))

    @routes.get(
        "/review/cases/{case_id}/photo", response_class=Response, responses=missing, summary="The shopper's garment", **tagged
    )
    async def photo(case_id: int) -> Response:
        """A small crop, kept for a set time only; 404 afterwards, and for items of the shop."""
        jpeg = await run_in_threadpool(review.photo, _in_range(case_id))
        return Response(jpeg, media_type="image/jpeg", headers=_PRIVATE)

    @routes.post("/review/decisions", response_model=review_wire.Outcome, responses=missing, summary="Decide", **tagged)
    async def decide(body: review_wire.DecisionRequest, request: Request) -> dict[str, Any]:
        """From then on the shop's looks keep to it. What somebody else had decided before stays, and is named in `late`."""
        return await run_in_threadpool(review.decide, body, _key(request))

    @routes.post("/review/undo", response_model=review_wire.Undone, responses=conflict, summary="Take back", **tagged)
    async def undo(body: review_wire.UndoRequest, request: Request) -> dict[str, Any]:
        """Everything that was decided in one go; its cases are open again. 409 where it was taken back before."""
        return await run_in_threadpool(review.undo, body, _key(request))

    @routes.get("/review/export", response_class=Response, summary="The record of decisions", **tagged)
    async def export_record(format: Literal["jsonl", "csv"] = "jsonl") -> Response:
        """Every decision with what it was about, the oldest first, as JSON Lines or CSV."""
        lines = export.lines(desk.store.record(), format)
        headers = {**_PRIVATE, "content-disposition": f'attachment; filename="decisions.{format}"'}
        return StreamingResponse(lines, media_type=export.FORMATS[format], headers=headers)

    @routes.get("/review/measures", response_model=review_wire.Measures, summary="Guardrail and stylists compared", **tagged)
    async def measure() -> dict[str, Any]:
        """Agreement, Cohen's kappa, false yes and false no, most rejected items, latency: of the decisions in force."""
        return await run_in_threadpool(review.measures)

    return routes


class _Review:
    """What the routes do, in a thread."""

    def __init__(self, assistant: Assistant) -> None:
        self._assistant = assistant
        self._store, self._crops = assistant.desk.store, assistant.desk.crops

    # --- feedback ---

    def feedback(self, body: review_wire.FeedbackRequest, key_id: str | None) -> dict[str, Any]:
        if (body.reference is None) == (body.garment is None):
            raise ApiError("Expected 'reference' or 'garment', one of the two.", code="invalid_value", param="reference")
        skus = list(dict.fromkeys(body.skus))
        if body.reference in skus:
            raise ApiError("'skus' must not name the garment itself.", code="invalid_value", param="skus")
        found = self._assistant.catalogue.items([*skus, *filter(None, (body.reference,))])
        for sku, param in [*((sku, "skus") for sku in skus), *((sku, "reference") for sku in (body.reference,) if sku)]:
            if sku not in found:
                raise errors.not_found(f"There is no item {sku[:100]!r}.", code="item_not_found", param=param)
        if body.reference is not None:
            garment = found[body.reference].as_garment()
        else:
            given = body.garment
            known = Attributes(given.category, slot=slot_of(given.category), gender=given.gender, colour=given.colour)
            garment = Garment(title_of(known), known)
        case = told(garment, [found[sku] for sku in skus], body.lang)
        (case_id,) = self._store.add([case])
        return {"id": self._store.say(case_id, body.rating, body.words, key_id), "case": case_id}

    # --- cases ---

    def page(self, which: Filter, after: int | None, limit: int) -> dict[str, Any]:
        rows = self._store.cases(which, limit=limit + 1, after=after)
        shown = rows[:limit]
        return {
            "data": self._shown(shown),
            "count": self._store.count(which),
            "next": shown[-1].id if len(rows) > limit else None,
        }

    def whole(self, case_id: int) -> dict[str, Any]:
        case = self._second_opinion(self._case(case_id))
        (shown,) = self._shown([case])
        opinions = [{"rating": rating, "words": words, "at": at} for rating, words, at in self._store.opinions(case_id)]
        return {**shown, "opinions": opinions}

    def photo(self, case_id: int) -> bytes:
        case = self._case(case_id)
        jpeg = self._crops.get(case.crop) if case.crop else None
        if jpeg is None:
            raise errors.not_found("The photo is not kept, or not any more.", code="photo_gone", param="case_id")
        return jpeg

    def _case(self, case_id: int) -> Case:
        case = self._store.case(case_id)
        if case is None:
            raise errors.not_found(f"There is no case {case_id}.", param="case_id")
        return case

    def _second_opinion(self, case: Case) -> Case:
        """The case with the other order of each pair, asked of the model that judged it where it is still in use."""
        missing = [p for p in case.data["pieces"] if _lacks_order(p)]
        found = self._assistant.catalogue.items([p["sku"] for p in missing])
        if not found:
            return case
        stylist = self._assistant.stylist
        jpeg = self._crops.get(case.crop) if case.crop else None
        reference = garment_of(case.data["garment"])
        if jpeg is not None:
            reference = replace(reference, picture=images.decode(jpeg))
        elif reference.sku and (own := self._assistant.catalogue.item(reference.sku)):
            reference = replace(reference, picture=stylist.pictures(own))
        heard: dict[str, float | None] = {}
        for piece in missing:
            if piece["sku"] not in found:
                continue
            item = found[piece["sku"]]
            try:
                verdict = stylist.model.judge(item.as_garment(stylist.pictures(item)), reference, case.data["lang"])
            except OutfitError:
                break  # shown as not asked; the next who opens the case asks again
            if verdict.model == piece["model"]:
                heard[piece["sku"]] = None if verdict.p_yes is None else round(verdict.p_yes, 4)
        if heard:
            self._store.keep_orders(case.id, heard)
        return self._store.case(case.id) or case

    def _shown(self, rows: Sequence[Case]) -> list[dict[str, Any]]:
        """Cases as they are sent; what an item is and costs comes from the catalogue of this moment."""
        skus = {p["sku"] for case in rows for p in _pieces(case)}
        items = self._assistant.catalogue.items(list(skus))
        made = self._store.decisions([case.decision_id for case in rows if case.decision_id is not None])
        return [self._one(case, items, made) for case in rows]

    def _one(self, case: Case, items: dict[str, Item], made: dict[int, Decision]) -> dict[str, Any]:
        data = case.data
        decision = made.get(case.decision_id) if case.decision_id is not None else None
        return {
            "id": case.id, "kind": case.kind, "state": case.state, "holds_for": case.reference,
            "garment": _garment(data["garment"]), "has_photo": case.crop is not None, "lang": data["lang"],
            "wishes": data["wishes"], "look": data["look"], "pieces": [_piece(p, items) for p in data["pieces"]],
            "candidates": {slot: [_piece(p, items) for p in row if p["sku"] in items] for slot, row in data["candidates"].items()},
            "answer": case.answer, "p_yes": case.p_yes, "model": case.model, "is_contested": case.is_contested,
            "complaints": case.complaints, "praise": case.praise, "opinions": [], "times_seen": case.times_seen,
            "made_at": case.made_at, "decision": None if decision is None else _decision(decision), "trace": data["trace"],
        }  # fmt: skip

    # --- decisions ---

    def decide(self, body: review_wire.DecisionRequest, key_id: str | None) -> dict[str, Any]:
        wanted = Wanted(body.act, body.who, body.reason, body.words, body.sku, body.instead)
        if body.instead is not None:
            self._check_replacement(body)
        outcome = self._store.decide([_in_range(number) for number in body.cases], wanted, key_id)
        return {
            "batch": outcome.batch,
            "decided": [_decision(one) for one in outcome.decided],
            "late": [{"case": case_id, "who": who} for case_id, who in outcome.late],
            "settled": outcome.settled,
        }

    def _check_replacement(self, body: review_wire.DecisionRequest) -> None:
        """What takes a piece's place is carried by the shop, and worn in the same place."""
        item = self._assistant.catalogue.item(body.instead)
        if item is None:
            raise errors.not_found(f"There is no item {body.instead[:100]!r}.", code="item_not_found", param="instead")
        for case_id in body.cases:
            slots = dict(self._case(_in_range(case_id)).pieces)
            if body.sku in slots and item.slot is not slots[body.sku]:
                raise ApiError(
                    f"'instead': {item.title[:100]!r} is worn as {item.slot}, the piece as {slots[body.sku]}.",
                    code="invalid_value",
                    param="instead",
                )

    def undo(self, body: review_wire.UndoRequest, key_id: str | None) -> dict[str, Any]:
        batch = body.batch or self._store.last_batch(body.who.strip())
        try:
            if batch is None:
                raise AlreadyDecided(f"{body.who[:100]} has no decision to take back")
            return {"decisions": [_decision(one) for one in self._store.undo(batch, body.who, key_id)]}
        except AlreadyDecided as error:
            raise ApiError(f"{str(error)[:1].upper()}{str(error)[1:]}.", status=409, code=error.code) from error

    # --- measures ---

    def measures(self) -> dict[str, Any]:
        found = measures.measures(self._store.record(in_force=True), self._store.answers())
        items = self._assistant.catalogue.items([row["sku"] for row in found["rejected_items"]])
        for row in found["rejected_items"]:
            row["title"] = items[row["sku"]].title if row["sku"] in items else None
        return found


def _in_range(number: int) -> int:
    if not 0 <= number < 2**31:
        raise errors.not_found(f"There is no case {number}.", param="case_id")
    return number


def _key(request: Request) -> str | None:
    return request.scope.get("state", {}).get("key_id")


def _lacks_order(piece: dict[str, Any]) -> bool:
    return piece["p_yes"] is not None and piece["p_yes_swapped"] is None and piece["model"] not in ("", BY_A_STYLIST)


def _pieces(case: Case) -> list[dict[str, Any]]:
    return [*case.data["pieces"], *(p for row in case.data["candidates"].values() for p in row)]


def _piece(data: dict[str, Any], items: dict[str, Item]) -> dict[str, Any]:
    item = items.get(data["sku"])
    shown = {name: value for name, value in data.items() if name != "category"}
    palette = [report.swatch(swatch) for swatch in item.palette] if item else []
    return {**shown, "slot": Slot(data["slot"]), "item": None if item is None else report.item(item), "palette": palette}


def _garment(data: dict[str, Any]) -> dict[str, Any]:
    palette = [{name: swatch[name] for name in ("name", "family", "hex", "share")} for swatch in data["palette"]]
    return {**data, "palette": palette}


def _decision(one: Decision) -> dict[str, Any]:
    data = asdict(one)
    return {"case": data.pop("case_id"), **data}
