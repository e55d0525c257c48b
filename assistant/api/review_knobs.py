"""The knobs of the stylists' desk under `/v1/outfit/review/`: tried on a sample, kept as profiles, put to use in the shop."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool

from assistant import report
from assistant.api import errors, review_knobs_wire, wire
from assistant.api.errors import ApiError
from assistant.api.work import Drain, Places, run
from assistant.compose import Assistant
from assistant.desk import knobs
from assistant.desk.profiles import Profile
from assistant.desk.store import AlreadyDecided
from assistant.looks import Recommendation
from retrieval.errors import InvalidInput
from retrieval.items import Lang

_SAMPLE_S = 60.0


def router(assistant: Assistant, places: Places, drain: Drain) -> APIRouter:
    """The routes over a running assistant. What calls models takes one of the places."""
    routes = APIRouter(prefix="/v1/outfit", responses=wire.refusals(400, 401, 413, 429, 500, 503))
    missing, conflict = wire.refusals(404), wire.refusals(409)
    desk, turned = assistant.desk, _Knobs(assistant)
    tagged: dict[str, Any] = {"tags": ["Review"]}

    @routes.get("/review/knobs", response_model=review_knobs_wire.KnobsInUse, summary="The knobs in use", **tagged)
    async def knobs_in_use() -> dict[str, Any]:
        """What the main path goes by now, since when and by whom, with the ranges that `try` takes."""
        return await run_in_threadpool(turned.in_use)

    @routes.put(
        "/review/knobs", response_model=review_knobs_wire.KnobsInUse, responses=missing, summary="Put a profile to use", **tagged
    )
    async def use_profile(body: review_knobs_wire.UseRequest) -> dict[str, Any]:
        """Shoppers get it from the next answer on, from every process that shares the database."""
        return await run_in_threadpool(turned.use, body)

    @routes.post(
        "/review/knobs/undo", response_model=review_knobs_wire.KnobsInUse, responses=conflict, summary="Take that back", **tagged
    )
    async def use_before(body: review_knobs_wire.Stylist) -> dict[str, Any]:
        """What was in use before is again. 409 where nothing was chosen."""
        return await run_in_threadpool(turned.use_before, body)

    @routes.post("/review/try", response_model=review_knobs_wire.Trial, summary="Knobs on a sample", **tagged)
    async def trial(body: review_knobs_wire.TryRequest, request: Request) -> dict[str, Any]:
        """The main path over a sample of garments, as it is and with these knobs. Nothing changes for shoppers."""
        return await run(request, places, drain, lambda: turned.trial(body.knobs, body.sample, body.lang))

    @routes.get("/review/profiles", response_model=review_knobs_wire.Profiles, summary="Saved knobs", **tagged)
    async def profiles() -> dict[str, Any]:
        """Each with the effect that was measured when it was saved, and the settings that put it to use."""
        return {"data": [_profile(one) for one in await run_in_threadpool(desk.profiles.all)]}

    @routes.put("/review/profiles/{name}", response_model=review_knobs_wire.Profile, summary="Save knobs", **tagged)
    async def save_profile(name: str, body: review_knobs_wire.ProfileRequest, request: Request) -> dict[str, Any]:
        """Measures the knobs on a sample, then keeps both under the name."""
        return await run(request, places, drain, lambda: turned.save_profile(name, body))

    @routes.delete("/review/profiles/{name}", status_code=204, responses=missing, summary="Forget knobs", **tagged)
    async def remove_profile(name: str) -> None:
        """Its settings stay in use where they are."""
        try:
            await run_in_threadpool(desk.profiles.remove, name)
        except InvalidInput as error:
            raise errors.not_found(f"There is no profile {name[:60]!r}.", param="name") from error

    return routes


class _Knobs:
    """What the routes do, in a thread."""

    def __init__(self, assistant: Assistant) -> None:
        self._assistant, self._profiles = assistant, assistant.desk.profiles
        # What the plan in use answers to the sample: the same for every turn of a knob, so it is kept a while.
        self._answers: tuple[float, tuple, list[Recommendation]] = (0.0, (), [])

    def in_use(self) -> dict[str, Any]:
        use, stylist = self._assistant.desk.in_use.now(), self._assistant.stylist
        names = ("least", "most", "step")
        return {
            "knobs": asdict(knobs.Knobs.of(stylist.as_chosen().plan)),
            "ranges": {name: dict(zip(names, row, strict=True)) for name, row in knobs.RANGES.items()},
            "use": None if use is None else {name: getattr(use, name) for name in ("name", "who", "at")},
            "can_undo": use is not None and (use.replaced is not None or use.name is not None),
        }

    def use(self, body: review_knobs_wire.UseRequest) -> dict[str, Any]:
        try:
            self._assistant.desk.in_use.choose(body.profile, body.who.strip())
        except InvalidInput as error:
            raise errors.not_found(f"There is no profile {str(body.profile)[:60]!r}.", param="profile") from error
        return self.in_use()

    def use_before(self, body: review_knobs_wire.Stylist) -> dict[str, Any]:
        try:
            self._assistant.desk.in_use.back(body.who.strip())
        except AlreadyDecided as error:
            raise ApiError(f"{str(error)[:1].upper()}{str(error)[1:]}.", status=409, code=error.code) from error
        return self.in_use()

    def trial(self, turned: review_knobs_wire.Knobs, n: int, lang: Lang) -> dict[str, Any]:
        chosen = knobs.Knobs(**turned.model_dump())
        sample = knobs.sample_of(self._assistant.desk, self._assistant.catalogue, n)
        garments = [garment for garment, _ in sample]
        until, of_which, now = self._answers
        in_use = knobs.Knobs.of(self._assistant.stylist.as_chosen().plan)
        asked = (lang, in_use, *((garment.sku, garment.title, case) for garment, case in sample))
        if of_which != asked or time.monotonic() > until:
            stylist = self._assistant.stylist
            now = knobs.answers(stylist, in_use, garments, lang)
            self._answers = (time.monotonic() + _SAMPLE_S, asked, now)
        tried = knobs.try_out(self._assistant.stylist, chosen, garments, lang, now)
        book = self._assistant.desk.store.book()
        return {
            "now": knobs.effect_of([(one.garment, one.now) for one in tried], book),
            "then": knobs.effect_of([(one.garment, one.then) for one in tried], book),
            "changed": knobs.changed_share(tried),
            "sample": [
                {
                    "garment": report.garment(one.garment),
                    "case": case,
                    "now": [report.look(look) for look in one.now.looks],
                    "then": [report.look(look) for look in one.then.looks],
                }
                for one, (_, case) in zip(tried, sample, strict=True)
            ],
            "settings": chosen.as_settings(),
        }

    def save_profile(self, name: str, body: review_knobs_wire.ProfileRequest) -> dict[str, Any]:
        found = self.trial(body.knobs, body.sample, "en")
        effect = {**found["then"], "changed": found["changed"]}
        return _profile(self._profiles.save(name, knobs.Knobs(**body.knobs.model_dump()), effect, body.who.strip()))


def _profile(one: Profile) -> dict[str, Any]:
    effect = dict(one.effect)
    return {
        "name": one.name, "knobs": asdict(one.knobs), "changed": effect.pop("changed", None), "effect": effect,
        "who": one.who, "at": one.at, "settings": one.knobs.as_settings(),
    }  # fmt: skip
