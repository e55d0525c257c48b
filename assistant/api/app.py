"""The HTTP API as one application: OpenAI's protocol, served by the assistant."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from assistant.api import completions, embeddings, errors, health, models, outfit, review, review_knobs, tokens, wire
from assistant.api.door import Door
from assistant.api.errors import ApiError
from assistant.api.guard import Guard
from assistant.api.keys import Keys
from assistant.api.pictures import Pictures
from assistant.api.rates import Rates
from assistant.api.remote import Fetcher
from assistant.api.work import ClientGone, Drain, Places
from assistant.compose import Assistant
from assistant.looks import Trace
from retrieval.errors import OutfitError

_MIB = 2**20
_MOST_BYTES = 32 * _MIB  # of a body: one picture of 20 MiB as base64, and what is said beside it
_DESCRIPTION = (
    "A photo becomes an outfit of items that the shop carries. The model `outfit-assistant` answers OpenAI's chat "
    "protocol; clients made for that work unchanged. Every error is `{\"error\": {message, type, param, code}}`, and "
    "every answer carries an `x-request-id`."
)


def create_api(
    assistant: Assistant,
    *,
    keys: Keys | None = None,
    warm: threading.Event | None = None,
    drain: Drain | None = None,
    tell: Callable[[Trace], None] | None = None,
    max_bytes: int = _MOST_BYTES,
) -> FastAPI:
    """The API over a running assistant, ready once `warm` is set (None: at once).

    `keys` are asked for once there are any. `drain` tells when the server stops; `tell` is told each
    answer's trace. Bodies over `max_bytes` are refused.
    """
    api = FastAPI(title="Outfit assistant", version="1", description=_DESCRIPTION, openapi_url="/v1/openapi.json")
    settings = assistant.settings
    # Where tiktoken itself keeps its tables when it is told no other place.
    counter = tokens.load(settings.tiktoken_cache or Path(tempfile.gettempdir()) / "data-gym-cache")
    api.include_router(models.router((wire.MODEL, *embeddings.names(assistant.search))))
    drain = drain or Drain()
    pictures = Pictures(Fetcher(settings.api_image_hosts.split(",")) if settings.api_image_hosts else None)
    turns = Places(settings.api_turns, settings.api_turns_each)
    searches = Places(settings.api_searches)
    metrics = health.Metrics({"turn": lambda: turns.taken, "search": lambda: searches.taken}, tell)
    api.include_router(
        completions.router(
            assistant.stylist,
            counter,
            pictures,
            longest_s=settings.turn_deadline_s,
            places=turns,
            drain=drain,
            metrics=metrics,
        )
    )
    api.include_router(embeddings.router(assistant.search, counter, pictures))
    api.include_router(
        outfit.router(assistant, pictures, places=turns, searches=searches, drain=drain, metrics=metrics)
    )
    api.include_router(review.router(assistant, turns, drain))
    api.include_router(review_knobs.router(assistant, turns, drain))
    api.include_router(health.router(assistant, metrics, warm))
    api.add_exception_handler(ClientGone, errors.on_client_gone)
    api.add_exception_handler(ApiError, errors.on_api_error)
    api.add_exception_handler(OutfitError, errors.on_outfit_error)
    api.add_exception_handler(HTTPException, errors.on_http_error)
    api.add_exception_handler(RequestValidationError, errors.on_invalid_request)
    rates = Rates(settings.api_rate, settings.limits_url) if settings.api_rate else None
    api.add_middleware(
        Guard,
        max_bytes=max_bytes,
        metrics=metrics,
        door=Door(keys, rates),
        drain=drain,
        crowded={"/v1/chat/completions": turns, "/v1/outfit/recommend": turns, "/v1/outfit/search": searches},
    )
    return api
