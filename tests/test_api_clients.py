"""The API by the clients that shops use, unmodified, on loopback: LangChain, LlamaIndex, the Vercel AI SDK, openai.

The first three live in environments of their own, since LlamaIndex wants an older openai package than the app has:
`.clients/python` and `.clients/node_modules`, made by `.ci/run` (or the folder that OUTFIT_CLIENTS names). Without them
their tests are skipped by name.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import openai
import pytest
from starlette.types import Receive, Scope, Send

from assistant.api.app import create_api
from assistant.compose import Assistant
from tests.api_server import photo_url, serving, small_shop

HERE = Path(__file__).resolve().parent
CLIENTS = Path(os.environ.get("OUTFIT_CLIENTS", HERE.parent / ".clients"))


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Iterator[Assistant]:
    assistant = small_shop(tmp_path_factory.mktemp("shop"))
    yield assistant
    assistant.close()


@pytest.fixture(scope="module")
def address(shop) -> Iterator[str]:
    with serving(create_api(shop)) as found:
        yield found


def ask_program(command: list[str], address: str) -> dict:
    environment = {**os.environ, "OUTFIT_CLIENTS": str(CLIENTS), "LANGSMITH_TRACING": "false"}
    done = subprocess.run(
        [*command, f"{address}/v1", photo_url()], capture_output=True, text=True, timeout=240, env=environment
    )
    assert done.returncode == 0, done.stderr[-3_000:]
    return json.loads(done.stdout.strip().splitlines()[-1])


def python_client(package: str) -> str:
    python = CLIENTS / "python" / "bin" / "python"
    if not list(CLIENTS.glob(f"python/lib/python*/site-packages/{package.replace('.', '/')}")):
        pytest.skip(f"{package} is not in {CLIENTS / 'python'} (.ci/run makes it)")
    return str(python)


def vectors(shop: Assistant, told: list[list[float]], *texts: str) -> None:
    mine = shop.search.text_encoder.encode_documents(list(texts))
    np.testing.assert_allclose(np.asarray(told), mine, atol=1e-6)


def test_langchain(address, shop):
    told = ask_program([python_client("langchain_openai"), str(HERE / "clients" / "langchain_client.py")], address)
    assert "Look 1" in told["text"] and told["finish_reason"] == "stop" and told["tokens"] > 256
    assert told["streamed"] == told["text"]
    assert "Bag" in told["text"] and "Backpacks" not in told["later"]
    skus = {piece["sku"] for look in told["structured"]["looks"] for piece in look["pieces"]}
    assert skus and skus <= {item.sku for item in shop.catalogue.all_items()}
    assert told["refused"] == "n"
    assert all("Men Black Jeans" in text for text in told["together"])
    vectors(shop, [told["query"], *told["documents"]], "black jeans", "black jeans", "white shoes")


def test_llama_index(address, shop):
    told = ask_program([python_client("llama_index.llms.openai_like"), str(HERE / "clients" / "llama_index_client.py")], address)
    assert "Look 1" in told["text"] and told["streamed"] == told["text"]
    assert all(look["title"] and look["reason"] for look in told["structured"]["looks"]) and told["structured"]["looks"]
    assert "Men Black Jeans" in told["completed"] and "Jeans" in told["later"]
    vectors(shop, [told["query"], *told["documents"]], "black jeans", "black jeans", "white shoes")


def test_the_vercel_ai_sdk(address, shop):
    node = shutil.which("node")
    if node is None or not (CLIENTS / "node_modules" / "@ai-sdk" / "openai-compatible").is_dir():
        pytest.skip(f"node, or @ai-sdk/openai-compatible in {CLIENTS / 'node_modules'}, is missing (.ci/run installs it)")
    told = ask_program([node, str(HERE / "clients" / "vercel.mjs")], address)
    assert "Look 1" in told["text"] and told["finishReason"] == "stop" and told["tokens"] > 256
    assert told["streamed"] == told["text"] and told["streamedReason"] == "stop"
    skus = {piece["sku"] for look in told["object"]["looks"] for piece in look["pieces"]}
    assert skus and skus <= {item.sku for item in shop.catalogue.all_items()}
    assert told["refused"]["status"] == 404 and "gpt-4o" in told["refused"]["message"]
    vectors(shop, told["embeddings"], "black jeans", "white shoes")


class FailsAtFirst:
    """The API behind a door that answers the first requests with the given statuses."""

    def __init__(self, api, *statuses: int) -> None:
        self.api, self.statuses, self.asked = api, list(statuses), 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked += scope["type"] == "http"
        if scope["type"] != "http" or not self.statuses:
            await self.api(scope, receive, send)
            return
        headers = [(b"retry-after", b"0"), (b"content-length", b"0")]
        await send({"type": "http.response.start", "status": self.statuses.pop(0), "headers": headers})
        await send({"type": "http.response.body", "body": b""})


def test_openai_tries_again_what_may_be_tried_again(shop):
    api = FailsAtFirst(create_api(shop), 429, 503)
    with serving(api) as address:
        client = openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=2, timeout=60)
        answer = client.chat.completions.create(
            model="outfit-assistant", messages=[{"role": "user", "content": "black jeans"}]
        )
        assert "Men Black Jeans" in answer.choices[0].message.content and api.asked == 3
        with pytest.raises(openai.BadRequestError):
            client.chat.completions.create(model="outfit-assistant", n=2, messages=[{"role": "user", "content": "x"}])
        assert api.asked == 4  # what is wrong stays wrong


def test_openais_asynchronous_client_embeds_and_chats(address, shop):
    async def both() -> tuple:
        async with openai.AsyncOpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0) as client:
            return await asyncio.gather(
                client.embeddings.create(model="hashing-text", input=["black jeans", "white shoes"]),
                client.embeddings.create(model="hashing-text", input="black jeans", encoding_format="base64"),
                client.chat.completions.create(
                    model="outfit-assistant", messages=[{"role": "user", "content": "black jeans"}]
                ),
            )

    embedded, packed, answer = asyncio.run(both())
    vectors(shop, [row.embedding for row in embedded.data], "black jeans", "white shoes")
    vectors(shop, [np.frombuffer(base64.b64decode(packed.data[0].embedding), "<f4").tolist()], "black jeans")
    assert "Men Black Jeans" in answer.choices[0].message.content
