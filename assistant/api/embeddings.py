"""`POST /v1/embeddings`: the vectors that the catalogue is searched by, of texts and of pictures."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StrictInt
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from assistant.api import wire
from assistant.api.completions import unknown_model
from assistant.api.errors import ApiError
from assistant.api.pictures import Pictures
from assistant.api.tokens import PER_IMAGE, Tokens
from retrieval.search import Search

if TYPE_CHECKING:
    import numpy as np

_MOST_INPUTS = 2048  # as at OpenAI
_MOST_PICTURES = 20
_AT_ONCE = 256  # texts encoded in one call


class EmbeddingRequest(wire.Body):
    """`model` names a space (see `/v1/models`). A text space takes a text, texts, token ids or lists of them; an image
    space takes pictures as data URLs, one or a list."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"model": "hashing-text", "input": "black jeans"}]})

    model: str
    input: str | list[str] | list[StrictInt] | list[list[StrictInt]] = Field(description="Texts, cl100k_base ids, or data URLs")
    encoding_format: Literal["float", "base64"] | None = Field("float", description="base64: little-endian float32")
    dimensions: Annotated[StrictInt, Field(ge=1)] | None = Field(None, description="The space's own number, or left out")
    input_type: Literal["document", "query"] = Field(
        "document", description="Of this project: texts as titles of items, or as questions for them"
    )


class Embedding(BaseModel):
    object: Literal["embedding"] = "embedding"
    index: int
    embedding: list[float] | str


class EmbeddingUsage(BaseModel):
    prompt_tokens: int
    total_tokens: int


class EmbeddingList(BaseModel):
    object: Literal["list"] = "list"
    data: list[Embedding]
    model: str
    usage: EmbeddingUsage


def names(search: Search) -> tuple[str, str]:
    """The spaces of the text and the image encoder in use, as models."""
    return search.text_encoder.space.model, search.image_encoder.space.model


def router(search: Search, tokens: Tokens, pictures: Pictures) -> APIRouter:
    routes = APIRouter()

    @routes.post(
        "/v1/embeddings",
        response_model=EmbeddingList,
        responses=wire.refusals(400, 401, 404, 413, 429, 500),
        summary="Vectors of texts or pictures",
        tags=["OpenAI"],
    )
    async def embeddings(body: EmbeddingRequest) -> Response:
        """Vectors of norm 1, in the order of the input. Vectors of different models cannot be compared."""
        return JSONResponse(await run_in_threadpool(_embed, body, search, tokens, pictures))

    return routes


def _embed(body: EmbeddingRequest, search: Search, tokens: Tokens, pictures: Pictures) -> dict[str, Any]:
    known = names(search)
    if body.model not in known:
        raise unknown_model(body.model, known)
    is_text = body.model == known[0]
    encoder = search.text_encoder if is_text else search.image_encoder
    if body.dimensions not in (None, encoder.space.dim):
        raise ApiError(
            f"'dimensions': {body.model} has {encoder.space.dim} dimensions, and they cannot be fewer or more.",
            code="unsupported_value",
            param="dimensions",
        )
    inputs = _inputs(body.input)
    if is_text:
        texts = [_text(one, place, tokens) for place, one in enumerate(inputs)]
        encode = encoder.encode_queries if body.input_type == "query" else encoder.encode_documents
        rows = [row for start in range(0, len(texts), _AT_ONCE) for row in encode(texts[start : start + _AT_ONCE])]
        used = sum(map(tokens.count, texts))
    else:
        rows = _pictures(inputs, search, pictures)
        used = PER_IMAGE * len(inputs)
    written = _base64 if body.encoding_format == "base64" else _floats
    data = [{"object": "embedding", "index": place, "embedding": written(row)} for place, row in enumerate(rows)]
    usage = {"prompt_tokens": used, "total_tokens": used}
    return {"object": "list", "data": data, "model": body.model, "usage": usage}


def _inputs(given: str | list[Any]) -> list[str | list[int]]:
    """The inputs one by one: a list of numbers is one text, not many."""
    inputs: list[Any] = [given] if isinstance(given, str) or (given and isinstance(given[0], int)) else list(given)
    if not inputs or any(not one for one in inputs):
        raise ApiError("'input' is empty, or one of its texts is.", code="invalid_value", param="input")
    if len(inputs) > _MOST_INPUTS:
        message = f"'input' has {len(inputs)} entries: at most {_MOST_INPUTS} are accepted."
        raise ApiError(message, code="invalid_value", param="input")
    return inputs


def _text(given: str | list[int], place: int, tokens: Tokens) -> str:
    if isinstance(given, str):
        text = given
    else:
        try:
            read = tokens.read(given)
        except (ValueError, OverflowError) as error:
            message = f"'input.{place}': it holds a number that is no token of cl100k_base."
            raise ApiError(message, code="invalid_value", param=f"input.{place}") from error
        if read is None:
            raise ApiError(
                "'input': token ids cannot be read here, since the table of cl100k_base is not on this server. Send "
                "texts, or have the table put there (see the setting tiktoken_cache).",
                code="tokens_not_supported",
                param="input",
            )
        text = read
    if not text.strip():
        raise ApiError(f"'input.{place}': the text is blank.", code="invalid_value", param=f"input.{place}")
    return text


def _pictures(inputs: list[str | list[int]], search: Search, pictures: Pictures) -> list[np.ndarray]:
    if len(inputs) > _MOST_PICTURES:
        message = f"'input' has {len(inputs)} pictures: at most {_MOST_PICTURES} are accepted."
        raise ApiError(message, code="too_many_images", param="input")
    rows = []
    for place, one in enumerate(inputs):
        if not isinstance(one, str):
            message = f"'input.{place}': an image space takes pictures as data URLs, not token ids."
            raise ApiError(message, code="invalid_value", param=f"input.{place}")
        rows.append(search.image_encoder.encode_images([pictures.open(one, f"input.{place}").picture])[0])
    return rows


def _floats(row: np.ndarray) -> list[float]:
    return row.tolist()


def _base64(row: np.ndarray) -> str:
    return base64.b64encode(row.astype("<f4").tobytes()).decode("ascii")
