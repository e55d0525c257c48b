"""Vectors over HTTP are the encoders' own, whichever way they are asked for and written."""

from __future__ import annotations

import asyncio
import base64
import struct
from collections.abc import Iterator
from dataclasses import replace

import httpx
import numpy as np
import openai
import pytest

from assistant.api.app import create_api
from assistant.compose import Assistant
from retrieval import images
from tests.api_server import photo_url, serving, small_shop, tiktoken_folder

TEXT, IMAGE = "hashing-text", "hashing-image"
TITLES = ["Men Black Jeans", "女士连衣裙", "Men White Casual Shoes"]


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
    return openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0)


def test_texts_keep_their_order_in_both_encodings(client, shop):
    expected = shop.search.text_encoder.encode_documents(TITLES)
    asked = {"model": TEXT, "input": TITLES}
    usual = client.embeddings.create(**asked)  # the client asks for base64 and reads it
    plain = client.embeddings.create(**asked, encoding_format="float")
    for answer in (usual, plain):
        assert [one.index for one in answer.data] == [0, 1, 2] and answer.model == TEXT
        assert np.array_equal(np.array([one.embedding for one in answer.data], dtype=np.float32), expected)
    assert usual.usage.prompt_tokens == usual.usage.total_tokens > 0


def test_base64_is_little_endian_float32(address, shop):
    body = {"model": TEXT, "input": "black jeans", "encoding_format": "base64"}
    (one,) = httpx.post(f"{address}/v1/embeddings", json=body).json()["data"]
    numbers = struct.unpack(f"<{shop.search.text_encoder.space.dim}f", base64.b64decode(one["embedding"]))
    assert list(numbers) == shop.search.text_encoder.encode_documents(["black jeans"])[0].tolist()


def test_a_question_is_encoded_as_a_question(client, shop):
    asked = client.embeddings.create(model=TEXT, input="black jeans", extra_body={"input_type": "query"})
    assert np.allclose(asked.data[0].embedding, shop.search.text_encoder.encode_queries(["black jeans"])[0], atol=1e-7)


def test_pictures_are_embedded_as_the_catalogue_embeds_them(client, shop):
    urls = [photo_url((40, 60, 130)), photo_url((230, 230, 228))]
    answer = client.embeddings.create(model=IMAGE, input=urls)
    pictures = [images.decode(images.from_data_url(url)) for url in urls]
    got = np.array([one.embedding for one in answer.data], dtype=np.float32)
    assert np.allclose(got, shop.search.image_encoder.encode_images(pictures), atol=1e-6)
    assert shop.search.pictures.search(got[0], 1)[0][0] == "1/main"  # the blue jeans, drawn the same


def test_the_asynchronous_client_gets_the_same(address, shop):
    async def one() -> list[float]:
        async with openai.AsyncOpenAI(base_url=f"{address}/v1", api_key="none") as client:
            return (await client.embeddings.create(model=TEXT, input=TITLES[0])).data[0].embedding

    assert np.allclose(asyncio.run(one()), shop.search.text_encoder.encode_documents(TITLES[:1])[0], atol=1e-7)


REFUSED = {
    "no text": ({"input": ""}, "input"),
    "no texts": ({"input": []}, "input"),
    "one empty": ({"input": ["a", ""]}, "input"),
    "no tokens": ({"input": [[]]}, "input"),
    "blank": ({"input": ["jeans", "  "]}, "input.1"),
    "tokens without a table": ({"input": [15339, 1917]}, "input"),
    "a number": ({"input": 7}, "input"),
    "too many": ({"input": ["a"] * 2049}, "input"),
    "dimensions": ({"input": "a", "dimensions": 7}, "dimensions"),
    "encoding": ({"input": "a", "encoding_format": "hex"}, "encoding_format"),
    "a picture as text": ({"input": "black jeans", "model": IMAGE}, "input.0"),
    "an address": ({"input": ["http://127.0.0.1:9/a.png"], "model": IMAGE}, "input.0"),
    "too many pictures": ({"input": ["data:image/png;base64,AAAA"] * 21, "model": IMAGE}, "input"),
    "no picture": ({"input": ["data:image/png;base64,AAAA"], "model": IMAGE}, "input.0"),
}


@pytest.mark.parametrize(("asked", "param"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_embedded_is_refused_by_its_field(address, asked, param):
    reply = httpx.post(f"{address}/v1/embeddings", json={"model": TEXT, **asked})
    assert reply.status_code == 400 and reply.json()["error"]["param"] == param, reply.text
    assert httpx.post(f"{address}/v1/embeddings", json={"model": TEXT, "input": "jeans"}).status_code == 200


def test_an_unknown_space_is_told_with_those_there_are(client):
    with pytest.raises(openai.NotFoundError, match=TEXT) as refused:
        client.embeddings.create(model="text-embedding-3-small", input="jeans")
    assert refused.value.code == "model_not_found"
    assert {TEXT, IMAGE} <= {model.id for model in client.models.list()}


def test_token_ids_are_read_where_the_table_is_at_hand(shop):
    settings = shop.settings.model_copy(update={"tiktoken_cache": tiktoken_folder()})
    with serving(create_api(replace(shop, settings=settings))) as address:
        client = openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0)
        text = client.embeddings.create(model=TEXT, input="hello world").data[0].embedding
        assert client.embeddings.create(model=TEXT, input=[15339, 1917]).data[0].embedding == text
        both = client.embeddings.create(model=TEXT, input=[[15339, 1917], [15339]])
        assert both.data[0].embedding == text and len(both.data) == 2
        with pytest.raises(openai.BadRequestError):
            client.embeddings.create(model=TEXT, input=[10**6])
