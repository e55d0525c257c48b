"""The chat protocol on loopback, spoken by the real openai client and, for the bytes of a stream, by httpx."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import httpx
import openai
import pydantic
import pytest
from PIL import Image

from assistant.api.app import create_api
from assistant.compose import Assistant
from retrieval.errors import ModelUnavailable
from retrieval.items import Box, Detection, Slot
from tests.api_server import Waits, photo_url, serving, small_shop

MODEL = "outfit-assistant"
HAN = range(0x4E00, 0xA000)


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Iterator[Assistant]:
    assistant = small_shop(tmp_path_factory.mktemp("shop"))
    yield assistant
    assistant.close()


@pytest.fixture(scope="module")
def address(shop) -> Iterator[str]:
    with serving(create_api(shop)) as found:
        yield found


@pytest.fixture(scope="module")
def client(address) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0, timeout=60)


def user(text: str = "", *photos: str) -> dict:
    parts = [{"type": "text", "text": text}] if text else []
    return {"role": "user", "content": parts + [{"type": "image_url", "image_url": {"url": url}} for url in photos]}


def ask(client: openai.OpenAI, *messages: dict, **more):
    return client.chat.completions.create(model=MODEL, messages=list(messages), **more)


def skus(outfit: dict) -> set[str]:
    return {piece["item"]["sku"] for look in outfit["looks"] for piece in look["pieces"]}


# --- answers ----------------------------------------------------------------------------------------------------------


def test_models_are_listed_and_found_by_name(client):
    assert MODEL in [model.id for model in client.models.list()]
    assert client.models.retrieve(MODEL).id == MODEL
    with pytest.raises(openai.NotFoundError) as refused:
        client.models.retrieve("gpt-4o")
    assert refused.value.code == "model_not_found" and refused.value.param == "model"


def test_a_photo_gets_looks_of_the_shops_items_in_words_and_as_data(client, shop):
    answer = ask(client, user("What goes with this?", photo_url()))
    assert answer.object == "chat.completion" and answer.id.startswith("chatcmpl-") and answer.model == MODEL
    assert answer._request_id.startswith("req_")
    (choice,) = answer.choices
    assert choice.finish_reason == "stop" and choice.message.role == "assistant"
    outfit = answer.model_extra["outfit"]
    assert outfit["looks"] and skus(outfit) <= {item.sku for item in shop.catalogue.all_items()}
    for look in outfit["looks"]:
        for piece in look["pieces"]:
            assert piece["item"]["title"] in choice.message.content and piece["verdict"]["reason"]
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer.usage.prompt_tokens > 256  # a picture counts for a tile


def test_the_answer_is_in_the_language_of_the_message(client):
    answer = ask(client, user("这条牛仔裤怎么搭？", photo_url()))
    content, outfit = answer.choices[0].message.content, answer.model_extra["outfit"]
    assert "第 1 套" in content and outfit["language"] == "zh"
    reasons = [piece["verdict"]["reason"] for look in outfit["looks"] for piece in look["pieces"]]
    assert reasons and all(any(ord(char) in HAN for char in reason) for reason in reasons)


def test_what_is_no_wish_is_answered_in_its_own_language(client):
    answer = ask(client, user("What goes with this?", photo_url()), user("你好"))
    assert "要求" in answer.choices[0].message.content and answer.model_extra["outfit"]["language"] == "zh"


def test_a_wish_beside_the_photo_holds(client):
    outfit = ask(client, user("What goes with this, under 100 in all?", photo_url())).model_extra["outfit"]
    assert outfit["looks"] and all(float(look["total"]) <= 100 for look in outfit["looks"])


def test_earlier_turns_are_honoured(client):
    first = user("What goes with this?", photo_url())
    before = ask(client, first)
    bag = {piece["item"]["sku"] for look in before.model_extra["outfit"]["looks"] for piece in look["pieces"]
           if piece["slot"] == "bag"}  # fmt: skip
    assert bag
    said = {"role": "assistant", "content": before.choices[0].message.content}
    after = ask(client, first, said, {"role": "user", "content": "no bag please"}).model_extra["outfit"]
    assert after["looks"] and not bag & skus(after)
    assert after["garment"] == before.model_extra["outfit"]["garment"]  # the same garment, though no photo came again
    third = ask(client, first, said, {"role": "user", "content": "no bag please"}, said, user("undo"))
    assert bag & skus(third.model_extra["outfit"])


def test_words_alone_find_products_and_one_of_them_may_be_picked(client):
    words = {"role": "user", "content": "jeans"}
    found = ask(client, words)
    offered = [hit["item"]["sku"] for hit in found.model_extra["outfit"]["found"]]
    assert sorted(offered) == ["1", "2"] and "2. Men " in found.choices[0].message.content
    said = {"role": "assistant", "content": found.choices[0].message.content}
    for pick, expected in (("1", offered[0]), ("the second one", offered[1]), ("第二件", offered[1])):
        around = ask(client, words, said, {"role": "user", "content": pick}).model_extra["outfit"]
        assert around["garment"]["sku"] == expected and around["looks"]


@dataclass
class Sees:
    found: tuple[Detection, ...]
    name: str = "told"

    def detect(self, image: Image.Image, labels: tuple[str, ...] = ()) -> list[Detection]:
        return list(self.found)


def test_of_several_garments_one_is_chosen_by_number_or_name(shop):
    top = Detection(Box(10, 10, 90, 60), "t-shirt", 0.9, Slot.TOP)
    bottom = Detection(Box(10, 60, 90, 120), "trousers", 0.8, Slot.BOTTOM)
    with serving(create_api(replace(shop, stylist=replace(shop.stylist, detector=Sees((top, bottom)))))) as address:
        client = openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0)
        asked = ask(client, user("Style this", photo_url()))
        assert asked.model_extra["outfit"]["needs_choice"] and not asked.model_extra["outfit"]["looks"]
        assert "2. Bottom" in asked.choices[0].message.content
        for pick, box in (("2", bottom), ("the top, please", top), ("下装", bottom), ("the whole photo", None)):
            chosen = ask(client, user("Style this", photo_url()), user(pick)).model_extra["outfit"]["chosen"]
            assert chosen["box"] == list(box.box.as_tuple() if box else (0, 0, 96, 128)), pick


def test_without_a_garment_nothing_is_invented(shop):
    with serving(create_api(replace(shop, stylist=replace(shop.stylist, detector=Sees(()))))) as address:
        client = openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0)
        answer = ask(client, user("", photo_url()))
        assert "can’t find a garment" in answer.choices[0].message.content
        assert answer.model_extra["outfit"]["looks"] == [] and answer.model_extra["outfit"]["garment"] is None


def test_each_of_several_photos_is_answered(client):
    answer = ask(client, user("", photo_url((20, 20, 25)), photo_url((240, 240, 240))))
    content = answer.choices[0].message.content
    assert content.index("Your photo 1") < content.index("Your photo 2")


def test_the_answer_can_be_cut_short(client):
    whole = ask(client, user("", photo_url())).choices[0].message.content
    cut = ask(client, user("", photo_url()), max_tokens=10)
    assert cut.choices[0].finish_reason == "length" and cut.usage.completion_tokens <= 10
    assert whole.startswith(cut.choices[0].message.content) and cut.choices[0].message.content
    stopped = ask(client, user("", photo_url()), stop=["never said", "Look 1"])
    assert stopped.choices[0].message.content == whole[: whole.index("Look 1")]
    assert stopped.choices[0].finish_reason == "stop"


# --- structured output ------------------------------------------------------------------------------------------------


class Piece(pydantic.BaseModel):
    sku: str
    slot: str
    title: str
    price: float | None
    reason: str


class Outfit(pydantic.BaseModel):
    title: str
    pieces: list[Piece]


class Outfits(pydantic.BaseModel):
    message: str
    looks: list[Outfit]


def test_an_outfit_comes_in_the_clients_own_schema(client):
    answer = client.chat.completions.parse(
        model=MODEL, messages=[user("What goes with this?", photo_url())], response_format=Outfits
    )
    outfits, data = answer.choices[0].message.parsed, answer.model_extra["outfit"]
    assert outfits.looks and "Look 1" in outfits.message
    for mine, theirs in zip(outfits.looks, data["looks"], strict=True):
        for piece, plain in zip(mine.pieces, theirs["pieces"], strict=True):
            assert piece.sku == plain["item"]["sku"] and piece.price == float(plain["item"]["price"])
            assert piece.reason == plain["verdict"]["reason"]


def test_json_object_is_the_whole_outfit(client):
    answer = ask(client, user("JSON please", photo_url()), response_format={"type": "json_object"})
    data = json.loads(answer.choices[0].message.content)
    message = data.pop("message")
    assert data["looks"] == answer.model_extra["outfit"]["looks"] and "Look 1" in message


def test_a_schema_that_the_answer_cannot_meet_is_an_error(client):
    class Weather(pydantic.BaseModel):
        temperature: float

    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.parse(model=MODEL, messages=[user("", photo_url())], response_format=Weather)
    assert refused.value.code == "schema_not_met" and "looks" in refused.value.message


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"message": {"type": "string", "pattern": "(a+)+$"}}},
        {"type": "object", "properties": {"x": {"$ref": "http://127.0.0.1/schema.json"}}},
        {"type": "object", "properties": {"x": {"$ref": "#/$defs/nowhere"}}},
        {"type": "object", "properties": {"message": {"type": "string"}, "x": {"$ref": "properties/message"}}},
        {"$defs": {"A": {"$ref": "#/$defs/A"}}, "type": "object", "properties": {"x": {"$ref": "#/$defs/A"}}},
        {"type": "object", "anyOf": [{"type": "object"}, {"type": "array"}]},
        {"type": "array", "items": {}},
        {"type": "thing"},
        {"type": "object", "properties": "none"},
        {"type": "object", "properties": {"x": 7}},
    ],
)
def test_a_schema_that_is_not_supported_is_refused_by_name(client, schema):
    with pytest.raises(openai.BadRequestError) as refused:
        wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
        ask(client, user("black jeans"), response_format=wanted)
    assert refused.value.param == "response_format.json_schema.schema" and refused.value.code == "invalid_schema"


# --- streams ----------------------------------------------------------------------------------------------------------


def test_a_stream_says_the_same_as_the_whole_answer(client):
    whole = ask(client, user("What goes with this?", photo_url()))
    chunks = list(
        ask(client, user("What goes with this?", photo_url()), stream=True, stream_options={"include_usage": True})
    )
    assert {(chunk.object, chunk.model) for chunk in chunks} == {("chat.completion.chunk", MODEL)}
    assert len({chunk.id for chunk in chunks}) == 1
    *said, last = chunks
    assert last.choices == [] and last.usage == whole.usage
    assert all(chunk.usage is None for chunk in said)
    assert said[0].choices[0].delta.role == "assistant"
    assert "".join(chunk.choices[0].delta.content or "" for chunk in said) == whole.choices[0].message.content
    assert [chunk.choices[0].finish_reason for chunk in said if chunk.choices[0].finish_reason] == ["stop"]
    assert said[-1].model_extra["outfit"]["looks"] == whole.model_extra["outfit"]["looks"]


def test_the_bytes_of_a_stream_are_data_and_comments_alone(address):
    body = {"model": MODEL, "stream": True, "messages": [user("", photo_url())]}
    with httpx.stream("POST", f"{address}/v1/chat/completions", json=body, timeout=60) as reply:
        assert reply.headers["content-type"].startswith("text/event-stream") and reply.headers["x-request-id"]
        raw = reply.read().decode()
    lines = [line for line in raw.split("\n") if line]
    assert all(line.startswith(("data: ", ": ")) for line in lines)
    assert lines[-1] == "data: [DONE]" and lines.count("data: [DONE]") == 1
    assert json.loads(lines[0].removeprefix("data: "))["choices"][0]["delta"]["role"] == "assistant"
    comments = [line for line in lines if line.startswith(":")]
    assert any("detect" in line for line in comments) and any("judge" in line for line in comments)
    assert all("usage" not in json.loads(line[6:]) for line in lines[:-1] if line.startswith("data: "))


def test_the_asynchronous_client_streams_several_conversations_at_once(address):
    async def one(client: openai.AsyncOpenAI, text: str) -> str:
        stream = await client.chat.completions.create(model=MODEL, messages=[user(text, photo_url())], stream=True)
        return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

    async def both() -> list[str]:
        async with openai.AsyncOpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0) as client:
            return await asyncio.gather(one(client, "What goes with this?"), one(client, "怎么搭配？"))

    english, chinese = asyncio.run(both())
    assert "Look 1" in english and "第 1 套" in chinese


# --- failures ---------------------------------------------------------------------------------------------------------


@dataclass
class Fails:
    error: Exception
    name: str = "fails"

    def detect(self, image: Image.Image, labels: tuple[str, ...] = ()) -> list[Detection]:
        raise self.error


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (ModelUnavailable("no answer from http://10.0.0.7/secret"), 503, "model_unavailable"),
        (ZeroDivisionError("secret"), 500, "internal_error"),
    ],
)
def test_a_failure_inside_is_an_envelope_without_internal_texts(shop, caplog, error, status, code):
    caplog.set_level(logging.ERROR)
    broken = replace(shop, stylist=replace(shop.stylist, detector=Fails(error)))
    with serving(create_api(broken)) as address:
        client = openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0)
        with pytest.raises(openai.InternalServerError) as refused:
            ask(client, user("", photo_url()))
        assert (refused.value.status_code, refused.value.code) == (status, code)
        assert "secret" not in refused.value.response.text and refused.value.request_id
        with pytest.raises(openai.APIError) as in_stream:
            list(ask(client, user("", photo_url()), stream=True))
        assert in_stream.value.code == code and "secret" not in str(in_stream.value.body)
    assert "secret" in caplog.text  # the operator is told


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_leaves_ends_the_work_behind_it(shop, stream):
    waits = Waits()
    settings = shop.settings.model_copy(update={"api_turns": 1})
    api = create_api(replace(shop, stylist=replace(shop.stylist, detector=waits), settings=settings))
    body = {"model": MODEL, "stream": stream, "messages": [user("", photo_url())]}
    words = {"model": MODEL, "messages": [{"role": "user", "content": "black jeans"}]}
    with serving(api) as address:
        url = f"{address}/v1/chat/completions"

        async def leave() -> None:
            async with httpx.AsyncClient() as client:
                going = asyncio.create_task(client.post(url, json=body, timeout=30))
                assert await asyncio.to_thread(waits.begun.wait, 10)
                refused = await client.post(url, json=words)  # the one place is taken
                assert refused.status_code == 429 and refused.headers["retry-after"] == "1"
                going.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await going

        asyncio.run(leave())
        assert waits.cancelled.wait(9)
        for _ in range(500):  # the place is free again once the turn has ended
            reply = httpx.post(url, json=words)
            if reply.status_code == 200:
                break
            time.sleep(0.02)
        assert reply.json()["outfit"]["found"]


def test_a_stream_ends_with_its_client_on_servers_that_tell_only_when_asked(shop):
    """From version 2.4 of ASGI on nothing is sent into a broken connection to find out: one has to listen."""
    waits = Waits()
    api = create_api(replace(shop, stylist=replace(shop.stylist, detector=waits)))
    body = json.dumps({"model": MODEL, "stream": True, "messages": [user("", photo_url())]}).encode()
    scope = {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.4"}, "http_version": "1.1", "method": "POST",
        "scheme": "http", "path": "/v1/chat/completions", "raw_path": b"/v1/chat/completions", "query_string": b"",
        "root_path": "", "headers": [(b"content-type", b"application/json")], "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }  # fmt: skip
    pending = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> dict:
        if pending:
            return pending.pop()
        await asyncio.to_thread(waits.begun.wait, 10)
        return {"type": "http.disconnect"}

    async def send(message: dict) -> None:
        pass

    asyncio.run(asyncio.wait_for(api(scope, receive, send), 5))
    assert waits.cancelled.wait(9)
