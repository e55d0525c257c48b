"""Requests and answers of the OpenAI protocol, as far as they are spoken here. Fields not named are ignored."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictFloat, StrictInt, model_validator
from pydantic_core import PydanticCustomError

MODEL = "outfit-assistant"
MOST_MESSAGES = 200
MOST_IMAGES = 20
MOST_DEPTH = 64
TOO_DEEP = f"The request's JSON is nested too deeply: at most {MOST_DEPTH} levels are accepted"


class Open(BaseModel):
    """A request: unknown fields are kept aside, since clients send many that mean nothing here."""

    model_config = ConfigDict(extra="ignore")


class Body(Open):
    """A whole request."""

    @model_validator(mode="before")
    @classmethod
    def _is_unicode(cls, body: Any) -> Any:
        """JSON may name half a character, which no text can hold and nothing later could write; and it may be nested
        without end, which would end whoever walks it."""
        level, depth = [body], 0
        while level:
            if depth > MOST_DEPTH:
                raise PydanticCustomError("too_deep", TOO_DEEP)
            below: list[Any] = []
            for value in level:
                match value:
                    case str(text) if not _is_text(text):
                        raise ValueError("a text holds half of a surrogate pair, which is no character")
                    case dict(mapping):
                        below += [*mapping.keys(), *mapping.values()]
                    case list(values):
                        below += values
            level, depth = below, depth + 1
        return body


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


# --- chat -------------------------------------------------------------------------------------------------------------


class ImageUrl(Open):
    url: str = Field(description="The picture itself: data:image/jpeg;base64,... Addresses are opened where the shop allows their host.")


class Part(Open):
    type: str = Field(description="`text` or `image_url`")
    text: str | None = None
    image_url: ImageUrl | None = None


class ChatMessage(Open):
    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[Part] | None = None


class StreamOptions(Open):
    include_usage: StrictBool = False


class JsonSchema(Open):
    name: str = Field(max_length=64)
    schema_: dict[str, Any] = Field(alias="schema", description="What the answer's JSON must look like")


class ResponseFormat(Open):
    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = None


_CHAT_EXAMPLE = {
    "model": MODEL,
    "messages": [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What goes with this for a wedding, under 200?"},
                {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,/9j/4AAQSkZJRg..."}},
            ],
        }
    ],
}


class ChatRequest(Body):
    """A conversation so far; its last user message is answered, and the earlier ones are honoured."""

    model_config = ConfigDict(json_schema_extra={"examples": [_CHAT_EXAMPLE]})

    model: str
    messages: Annotated[list[ChatMessage], Field(min_length=1, max_length=MOST_MESSAGES)]
    stream: StrictBool | None = False
    stream_options: StreamOptions | None = None
    max_tokens: StrictInt | None = Field(None, ge=1)
    max_completion_tokens: StrictInt | None = Field(None, ge=1)
    stop: str | Annotated[list[str], Field(max_length=4)] | None = None
    temperature: StrictFloat | None = Field(None, ge=0, le=2, description="Accepted; answers do not depend on chance")
    top_p: StrictFloat | None = Field(None, ge=0, le=1, description="Accepted; answers do not depend on chance")
    response_format: ResponseFormat | None = None
    n: StrictInt | None = Field(None, description="1 only")
    logprobs: StrictBool | None = Field(None, description="Not supported")
    top_logprobs: StrictInt | None = Field(None, description="Not supported")
    logit_bias: dict[str, StrictFloat] | None = Field(None, description="Not supported")
    tools: list[Any] | None = Field(None, description="Not supported")
    functions: list[Any] | None = Field(None, description="Not supported")
    audio: dict[str, Any] | None = Field(None, description="Not supported")
    modalities: list[str] | None = Field(None, description="`text` only")
    prediction: dict[str, Any] | None = Field(None, description="Not supported")
    web_search_options: dict[str, Any] | None = Field(None, description="Not supported")


class Usage(BaseModel):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class AnswerMessage(BaseModel):
    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None


class ChatChoice(BaseModel):
    index: Literal[0] = 0
    message: AnswerMessage
    finish_reason: Literal["stop", "length"]
    logprobs: None = None


class ChatCompletion(BaseModel):
    """An answer in one piece. `outfit`: see `outfit_wire.Outfit`."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[ChatChoice]
    usage: Usage
    outfit: dict[str, Any]


# --- models -----------------------------------------------------------------------------------------------------------


class Model(BaseModel):
    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: Literal["outfit-assistant"] = "outfit-assistant"


class ModelList(BaseModel):
    object: Literal["list"] = "list"
    data: list[Model]


# --- errors -----------------------------------------------------------------------------------------------------------


class ErrorDetail(BaseModel):
    message: str
    type: str
    param: str | None
    code: str | None


class Error(BaseModel):
    error: ErrorDetail


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Documentation of a route's errors: all of one shape."""
    return {status: {"model": Error} for status in (*statuses, "default")}
