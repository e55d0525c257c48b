"""What goes over the wire between the app and a worker. `retrieval/remote.py` is the other side."""

from __future__ import annotations

import base64
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, Field

from assistant.api.wire import Body
from retrieval.items import Detection
from retrieval.ports import Space

MOST_IMAGES, MOST_TEXTS, MOST_LABELS = 64, 1024, 60
_MOST_CHARACTERS = 100_000  # of one text: far more than any encoder reads

DataUrl = Annotated[str, Field(description="The picture itself: data:image/png;base64,...")]


class DetectRequest(Body):
    image: DataUrl
    labels: list[Annotated[str, Field(max_length=200)]] = Field(
        default_factory=list, max_length=MOST_LABELS, description="What to find; none: what the worker is set to"
    )


class Found(BaseModel):
    box: tuple[float, float, float, float] = Field(description="Left, top, right, bottom in px of the picture sent")
    label: str
    confidence: float
    slot: str | None

    @classmethod
    def of(cls, one: Detection) -> Found:
        return cls(box=one.box.as_tuple(), label=one.label, confidence=one.confidence, slot=one.slot and one.slot.value)


class DetectReply(BaseModel):
    model: str
    detections: list[Found]


class EmbedImagesRequest(Body):
    images: Annotated[list[DataUrl], Field(min_length=1, max_length=MOST_IMAGES)]


class EmbedTextsRequest(Body):
    texts: Annotated[
        list[Annotated[str, Field(max_length=_MOST_CHARACTERS)]], Field(min_length=1, max_length=MOST_TEXTS)
    ]
    role: Literal["query", "document"] = "document"


class SpaceFacts(BaseModel):
    model: str
    revision: str
    modality: Literal["image", "text"]
    dim: int

    @classmethod
    def of(cls, space: Space) -> SpaceFacts:
        return cls(model=space.model, revision=space.revision, modality=space.modality, dim=space.dim)


class EmbedReply(BaseModel):
    space: SpaceFacts
    shape: tuple[int, int]
    vectors: str = Field(description="base64 of little-endian float32, row by row, each of L2 norm 1")

    @classmethod
    def of(cls, space: Space, rows: np.ndarray) -> EmbedReply:
        text = base64.b64encode(np.ascontiguousarray(rows, "<f4").tobytes()).decode("ascii")
        return cls(space=SpaceFacts.of(space), shape=rows.shape, vectors=text)


class Served(BaseModel):
    role: str
    name: str
    space: SpaceFacts | None = None
    search_threshold: float | None = Field(None, description="Least cosine of a title that means what a query means")


class ModelsReply(BaseModel):
    models: list[Served]
