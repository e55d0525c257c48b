"""`GET /v1/models` and `/v1/models/{id}`."""

from __future__ import annotations

import time
from collections.abc import Sequence

from fastapi import APIRouter

from assistant.api import wire
from assistant.api.completions import unknown_model


def router(names: Sequence[str]) -> APIRouter:
    routes = APIRouter(tags=["OpenAI"])
    since = int(time.time())
    models = {name: wire.Model(id=name, created=since) for name in names}

    @routes.get("/v1/models", responses=wire.refusals(401, 429), summary="The models that can be asked for")
    async def list_models() -> wire.ModelList:
        return wire.ModelList(data=list(models.values()))

    @routes.get("/v1/models/{model}", responses=wire.refusals(401, 404, 429), summary="One of them")
    async def get_model(model: str) -> wire.Model:
        if model not in models:
            raise unknown_model(model, tuple(models))
        return models[model]

    return routes
