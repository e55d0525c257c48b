"""What a vision server can do, found out by asking it: once at start, remembered per server.

Three rungs of structured output are tried from the top: JSON schema, JSON object, free text. A server that accepts a
schema and does not keep to it is not on that rung. Listing models proves nothing about answering: each probe is a real
question about a picture.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from assistant import turn
from assistant.stylists.client import ChatClient, Reply
from assistant.stylists.loose_json import objects
from assistant.stylists.replies import read_p_yes
from retrieval.errors import ModelError, ModelNotFound, ModelUnavailable
from retrieval.images import to_data_url

if TYPE_CHECKING:
    from PIL.Image import Image


class Rung(StrEnum):
    SCHEMA = "json_schema"
    OBJECT = "json_object"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Abilities:
    """`has_chances`: log-probabilities of the first token. `is_lmdeploy`: takes `max_dynamic_patch`. `sees`: told the
    colour of a picture. `limit_key`: what the server calls the limit of an answer's tokens."""

    rung: Rung = Rung.TEXT
    has_chances: bool = False
    is_lmdeploy: bool = False
    sees: bool = False
    limit_key: str = "max_tokens"


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence about the server, and the next step where something is wrong."""

    message: str
    is_good: bool = True
    hint: str = ""


def image_part(data_url: str, max_tiles: int, is_lmdeploy: bool) -> dict[str, Any]:
    """A picture in a message. `max_dynamic_patch` is LMDeploy's; hosted APIs refuse what they do not know, and are
    asked for low detail where one tile is wanted."""
    extra: dict[str, Any] = {"max_dynamic_patch": max_tiles} if is_lmdeploy else {}
    if not is_lmdeploy and max_tiles == 1:
        extra = {"detail": "low"}
    return {"type": "image_url", "image_url": {"url": data_url, **extra}}


def response_format(rung: Rung, name: str, schema: dict[str, Any]) -> dict[str, Any]:
    if rung is Rung.SCHEMA:
        return {"response_format": {"type": "json_schema", "json_schema": {"name": name, "schema": schema}}}
    return {"response_format": {"type": "json_object"}} if rung is Rung.OBJECT else {}


def probe(client: ChatClient) -> Abilities:
    """Find out. Raises ModelUnavailable where the server is away, hangs, refuses the key or reads text only, and
    ModelNotFound where it does not have the model."""
    is_lmdeploy = _listed(client)
    limit_key, rung, sees = "max_tokens", Rung.TEXT, False
    for candidate in Rung:
        try:
            reply = client.ask_once(_question(candidate, is_lmdeploy, limit_key))
        except (ModelUnavailable, ModelNotFound):
            raise
        except ModelError as refused:  # this server has no such rung; the newest hosted models have another key as well
            if "max_completion_tokens" in str(refused):
                limit_key = "max_completion_tokens"
                reply = _or_none(client, _question(candidate, is_lmdeploy, limit_key))
                if reply is None:
                    continue
            elif candidate is Rung.TEXT:
                raise
            else:
                continue
        if candidate is Rung.TEXT or _keeps_to(candidate, reply):
            rung, sees = candidate, "blue" in reply.text.casefold()
            break
    return Abilities(rung, _has_chances(client, is_lmdeploy, limit_key), is_lmdeploy, sees, limit_key)


def check(client: ChatClient) -> list[Finding]:
    """Whether the server can be used, for `outfit doctor`, the page and the API: one sentence and the next command
    each."""
    try:
        can = probe(client)
    except ModelError as error:
        return [Finding(str(error), False, error.hint)]
    found = [Finding(f"{client.model} at {client.url} answers")]
    if not can.sees:
        hint = "serve a vision model such as InternVL2-8B: `outfit serve-vlm`"
        found.append(Finding(f"{client.model} took a blue picture for another colour: does it see?", False, hint))
    structured = {
        Rung.SCHEMA: "keeps to JSON schemas",
        Rung.OBJECT: "keeps to JSON, not to schemas",
        Rung.TEXT: "answers in free text, which is read with care",
    }
    found.append(Finding(structured[can.rung]))
    found.append(
        Finding("gives log-probabilities: pairs are judged by one token")
        if can.has_chances
        else Finding("gives no log-probabilities: each pair is judged by a written answer")
    )
    return found


def canary(client: ChatClient, longest_s: float = 5.0) -> None:
    """One short question about a picture. Raises ModelError where it is not answered in time: a server may list its
    models, and say that it is healthy, long after it has ceased to answer."""
    with turn.within(time.monotonic() + longest_s):
        client.ask_once(_body("Is the picture blue? Answer yes or no.", False, "max_tokens", 1))


def _listed(client: ChatClient) -> bool:
    """Whether it is LMDeploy. Raises ModelNotFound where the server lists models and ours is not among them."""
    try:
        listed = client.models()
    except ModelNotFound:
        return False  # some gateways answer chats only
    names = [name for name, _ in listed]
    if names and client.model not in names:
        shown = ", ".join(sorted(names)[:10])
        raise ModelNotFound(
            f"the server at {client.url} does not list {client.model!r}: it has {shown}",
            hint=f"set OUTFIT_VLM_MODEL={sorted(names)[0]}, or serve {client.model}: `outfit serve-vlm`",
        )
    return any(owner.casefold() == "lmdeploy" for _, owner in listed)


def _question(rung: Rung, is_lmdeploy: bool, limit_key: str) -> dict[str, Any]:
    words = "Which colour fills the picture: red, green or blue?"
    if rung is Rung.OBJECT:  # OpenAI wants the word JSON to be there
        words += ' Reply as JSON: {"colour": "..."}'
    schema = {
        "type": "object",
        "properties": {"colour": {"enum": ["red", "green", "blue"]}},
        "required": ["colour"],
        "additionalProperties": False,
    }
    return _body(words, is_lmdeploy, limit_key, 24) | response_format(rung, "colour", schema)


def _body(words: str, is_lmdeploy: bool, limit_key: str, limit: int) -> dict[str, Any]:
    content = [image_part(to_data_url(_blue()), 1, is_lmdeploy), {"type": "text", "text": words}]
    return {"messages": [{"role": "user", "content": content}], "temperature": 0.0, limit_key: limit}


def _blue() -> Image:
    import PIL.Image

    return PIL.Image.new("RGB", (64, 64), (20, 40, 220))


def _keeps_to(rung: Rung, reply: Reply) -> bool:
    found = objects(reply.text)
    if len(found) != 1 or found[0].is_cut or not reply.text.strip().startswith("{"):
        return False
    return rung is Rung.OBJECT or found[0].get("colour") in ("red", "green", "blue")


def _has_chances(client: ChatClient, is_lmdeploy: bool, limit_key: str) -> bool:
    body = _body("Is the picture blue? Answer yes or no.", is_lmdeploy, limit_key, 1)
    reply = _or_none(client, body | {"logprobs": True, "top_logprobs": 5})
    return reply is not None and read_p_yes(reply.chances) is not None


def _or_none(client: ChatClient, body: dict[str, Any]) -> Reply | None:
    try:
        return client.ask_once(body)
    except (ModelUnavailable, ModelNotFound):
        raise
    except ModelError:
        return None
