"""`/healthz`, `/readyz` and `/metrics`: for whoever runs the server."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from assistant.api import wire
from assistant.api.errors import ApiError
from assistant.compose import Assistant
from assistant.looks import Trace
from retrieval.errors import OutfitError

_LOG = logging.getLogger(__name__)
_VERDICTS = ("yes", "no", "undecided", "failed", "late")


class Metrics:
    """Counters of one application, in a registry of its own. `under_way` gives the number of requests at work, by
    kind; `tell` is told each answer's trace as well."""

    def __init__(
        self,
        under_way: Mapping[str, Callable[[], int]] = MappingProxyType({}),
        tell: Callable[[Trace], None] | None = None,
    ) -> None:
        self._tell = tell
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "outfit_requests", "Requests answered", ("route", "method", "status"), registry=self.registry
        )
        self._seconds = Histogram(
            "outfit_request_seconds", "From the request to the end of its answer", ("route",), registry=self.registry
        )
        self._steps = Histogram("outfit_step_seconds", "Steps of the main path", ("step",), registry=self.registry)
        self._verdicts = Counter(
            "outfit_verdicts", "Candidates by what was judged", ("outcome",), registry=self.registry
        )
        self._cached = Counter("outfit_cached_verdicts", "Verdicts known from before", registry=self.registry)
        gauge = Gauge("outfit_under_way", "Requests at work", ("kind",), registry=self.registry)
        for kind, count in under_way.items():
            gauge.labels(kind).set_function(count)
        self._fallbacks = Counter("outfit_fallbacks", "Announced stand-ins in answers", registry=self.registry)

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        self._requests.labels(route, method, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def answer(self, trace: Trace) -> None:
        """What one answer's trace tells."""
        for step in trace.steps:
            self._steps.labels(step.name).observe(step.seconds)
            if step.name == "judge":
                for outcome in _VERDICTS:
                    self._verdicts.labels(outcome).inc(step.counts.get(outcome, 0))
                self._cached.inc(step.counts.get("cached", 0))
        self._fallbacks.inc(len(trace.notices))
        if self._tell is not None:
            self._tell(trace)


class Status(BaseModel):
    status: str


class Canary:
    """Whether the vision-language model answers, asked no more often than every `every_s` seconds, by one at a time."""

    def __init__(self, ask: Callable[[], None], every_s: float = 15.0) -> None:
        self._ask, self._every_s = ask, every_s
        self._lock = threading.Lock()
        self._asked_at, self._is_alive = -math.inf, False

    def is_alive(self) -> bool:
        with self._lock:
            if time.monotonic() - self._asked_at >= self._every_s:
                try:
                    self._ask()
                    self._is_alive = True
                except OutfitError as error:
                    _LOG.error("the vision-language model does not answer: %s", error)
                    self._is_alive = False
                self._asked_at = time.monotonic()
            return self._is_alive


def router(assistant: Assistant, metrics: Metrics, warm: threading.Event | None) -> APIRouter:
    """`warm` is set once the models have run; None: they are taken to be."""
    routes = APIRouter(tags=["Operation"])
    canary = None if assistant.canary is None else Canary(assistant.canary)

    @routes.get("/healthz", summary="Is the process alive?", responses=wire.refusals())
    async def healthz() -> Status:
        return Status(status="ok")

    @routes.get("/readyz", summary="Can requests be answered?", responses=wire.refusals(503))
    async def readyz() -> Status:
        """503 until the catalogue and the index are open and each model has run once; also where a vision-language
        model is configured and does not answer, though the embedded stylist stands in for it, and while stopping."""
        await run_in_threadpool(_check_stores, assistant)
        if warm is not None and not warm.is_set():
            raise _not_ready("the models are warming up")
        if canary is not None and not await run_in_threadpool(canary.is_alive):
            raise _not_ready("the vision-language model does not answer; the embedded stylist stands in for it")
        return Status(status="ready")

    text = {200: {"content": {CONTENT_TYPE_LATEST: {"schema": {"type": "string"}}}}}

    @routes.get(
        "/metrics", summary="Counters for Prometheus", response_class=Response, responses={**wire.refusals(), **text}
    )
    async def prometheus() -> Response:
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return routes


def _check_stores(assistant: Assistant) -> None:
    try:
        items, vectors = assistant.catalogue.count(), len(assistant.search)
    except OutfitError as error:
        _LOG.error("not ready: %s", error)
        raise _not_ready("the catalogue cannot be read") from error
    if not items or not vectors:
        raise _not_ready("the catalogue has no items to search")


def _not_ready(why: str) -> ApiError:
    return ApiError(f"Not ready: {why}.", status=503, code="not_ready")
