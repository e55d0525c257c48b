"""The worker's HTTP: detect, embed pictures, embed texts. Keys, limits and errors are those of the assistant's API."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException
from starlette.responses import Response

from assistant.api import errors, health
from assistant.api import wire as api_wire
from assistant.api.door import Door
from assistant.api.errors import ApiError
from assistant.api.guard import Guard
from assistant.api.keys import Keys
from assistant.api.rates import Rates
from assistant.api.work import Drain
from assistant.worker import wire
from assistant.worker.batching import Batcher, Busy
from retrieval import images
from retrieval.errors import OutfitError
from retrieval.registry import Loaded, Role

if TYPE_CHECKING:
    from PIL.Image import Image

_MIB = 2**20
_MOST_BYTES = 48 * _MIB
_STUCK_S = 120.0  # a call that takes longer is taken to hang
_TINY_TOO = images.Limits(min_side_px=1)  # a crop may be a line; whether it can be used is for its sender to say
_DESCRIPTION = "Models of the outfit assistant on a machine of their own. Every error is `{\"error\": {message, ...}}`."


class Worker:
    """The models of a worker, each behind a queue of its own."""

    def __init__(self, models: Mapping[Role, Loaded], *, timeout_s: float = 60.0, waiting: int = 256) -> None:
        self.models, self.timeout_s = dict(models), timeout_s
        work = {"detector": self._detect, "image encoder": self._images, "text encoder": self._texts}
        self._queues = {
            role: Batcher(work[role], name=f"the {role} {loaded.row.name!r}", waiting=waiting)
            for role, loaded in self.models.items()
        }

    def run(self, role: Role, inputs: Sequence[Any], kind: Any = None) -> Sequence[Any]:
        """The role's model over the inputs. Raises ApiError where there is none or it is busy, and what it raises."""
        if role not in self._queues:
            raise errors.not_found(f"This worker serves no {role}.", code="model_not_found")
        try:
            return self._queues[role].run(inputs, kind, timeout_s=self.timeout_s)
        except Busy as error:
            raise ApiError(
                f"Too many requests wait for the {role}. Try again in a moment.",
                status=429,
                code="too_many_requests",
                headers={"retry-after": "1"},
            ) from error

    def warm(self) -> None:
        """Run each model once: what is loaded at first use is loaded, and what cannot run says so now."""
        import PIL.Image

        picture = PIL.Image.new("RGB", (320, 400), "#7b8794")
        for role, inputs, kind in (
            ("detector", [picture], ()), ("image encoder", [picture], None), ("text encoder", ["red dress"], "query")
        ):  # fmt: skip
            if role in self.models:
                self.run(role, inputs, kind)

    def stuck(self) -> str:
        """Which model has hung for too long, in words; "" where none has."""
        return ", ".join(one.name for one in self._queues.values() if one.busy_s > _STUCK_S)

    def close(self) -> None:
        for one in self._queues.values():
            one.close()

    def _detect(self, pictures: Sequence[Image], labels: Any) -> Sequence[Any]:
        return [self.models["detector"].model.detect(picture, labels) for picture in pictures]

    def _images(self, pictures: Sequence[Image], _: Any) -> np.ndarray:
        return self.models["image encoder"].model.encode_images(pictures)

    def _texts(self, texts: Sequence[str], role: Any) -> np.ndarray:
        encoder = self.models["text encoder"].model
        return encoder.encode_queries(texts) if role == "query" else encoder.encode_documents(texts)


def create_app(
    worker: Worker,
    *,
    keys: Keys | None = None,
    rates: Rates | None = None,
    warm: threading.Event | None = None,
    drain: Drain | None = None,
    max_bytes: int = _MOST_BYTES,
) -> FastAPI:
    """The worker's application, ready once `warm` is set (None: at once). `keys` are asked for once there are any;
    `drain` tells when the server stops."""
    app = FastAPI(title="Outfit models", version="1", description=_DESCRIPTION, openapi_url="/v1/openapi.json")
    metrics = health.Metrics()
    refusals = api_wire.refusals(400, 401, 404, 413, 429, 500, 503)

    @app.get("/healthz", tags=["Operation"])
    async def healthz() -> health.Status:
        """Is the process alive?"""
        return health.Status(status="ok")

    @app.get("/readyz", tags=["Operation"], responses=api_wire.refusals(503))
    async def readyz() -> health.Status:
        """503 until each model has run once, and while one hangs."""
        if warm is not None and not warm.is_set():
            raise ApiError("Not ready: the models are warming up.", status=503, code="not_ready")
        if stuck := worker.stuck():
            raise ApiError(f"Not ready: {stuck} hangs.", status=503, code="not_ready")
        return health.Status(status="ready")

    @app.get("/metrics", tags=["Operation"])
    async def prometheus() -> Response:
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    @app.get("/v1/models", responses=refusals)
    async def models() -> wire.ModelsReply:
        """What is served, by role. Vectors can be compared only where their spaces are equal."""
        return wire.ModelsReply(
            models=[
                wire.Served(
                    role=role,
                    name=loaded.row.name,
                    space=wire.SpaceFacts.of(loaded.model.space) if hasattr(loaded.model, "space") else None,
                    search_threshold=loaded.search_threshold,
                )
                for role, loaded in worker.models.items()
            ]
        )

    @app.post("/v1/detect", responses=refusals)
    def detect(body: wire.DetectRequest) -> wire.DetectReply:
        """Garments in a picture, surest first."""
        (found,) = worker.run("detector", [_picture(body.image, "image")], tuple(body.labels))
        return wire.DetectReply(model=worker.models["detector"].row.name, detections=[wire.Found.of(one) for one in found])

    @app.post("/v1/embed/images", responses=refusals)
    def embed_images(body: wire.EmbedImagesRequest) -> wire.EmbedReply:
        """Vectors of pictures, in their order."""
        pictures = [_picture(url, f"images.{place}") for place, url in enumerate(body.images)]
        rows = worker.run("image encoder", pictures)
        return wire.EmbedReply.of(worker.models["image encoder"].model.space, np.asarray(rows))

    @app.post("/v1/embed/texts", responses=refusals)
    def embed_texts(body: wire.EmbedTextsRequest) -> wire.EmbedReply:
        """Vectors of texts, in their order, as titles of items or as questions for them."""
        rows = worker.run("text encoder", body.texts, body.role)
        return wire.EmbedReply.of(worker.models["text encoder"].model.space, np.asarray(rows))

    app.add_exception_handler(ApiError, errors.on_api_error)
    app.add_exception_handler(OutfitError, errors.on_outfit_error)
    app.add_exception_handler(HTTPException, errors.on_http_error)
    app.add_exception_handler(RequestValidationError, errors.on_invalid_request)
    app.add_middleware(
        Guard, max_bytes=max_bytes, metrics=metrics, door=Door(keys, rates), drain=drain or Drain(), crowded={}
    )
    return app


def _picture(url: str, param: str) -> Image:
    """The picture in a data URL. Raises ApiError naming the field."""
    try:
        return images.decode(images.from_data_url(url), limits=_TINY_TOO)
    except OutfitError as error:
        raise errors.of(error, param=param) from error


