"""The API in its place: beside the page on one port, alone, and watched."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest

from assistant.api.app import create_api
from assistant.compose import Assistant
from assistant.serve import build_app
from retrieval.errors import StoreError
from tests.api_server import photo_url, serving, small_shop


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Iterator[Assistant]:
    assistant = small_shop(tmp_path_factory.mktemp("shop"))
    yield assistant
    assistant.close()


def test_page_and_api_share_a_port(shop):
    pytest.importorskip("gradio", reason="the page needs gradio")
    with serving(build_app(shop)) as address, httpx.Client(base_url=address, timeout=60) as client:
        assert "text/html" in client.get("/").headers["content-type"]
        assert client.get("/items/7/picture").status_code == 200  # the page's own
        assert client.get("/v1/models").json()["data"][0]["id"] == "outfit-assistant"
        assert client.get("/v1/nothing").json()["error"]["code"] == "not_found"
        assert client.get("/healthz").json() == {"status": "ok"}


def test_alone_it_has_no_page(shop):
    with serving(build_app(shop, with_page=False)) as address:
        assert httpx.get(address + "/").json()["error"]["code"] == "not_found"
        assert httpx.get(address + "/v1/models").status_code == 200


def test_it_is_ready_once_the_models_have_run(shop):
    warm = threading.Event()
    with serving(create_api(shop, warm=warm)) as address:
        early = httpx.get(address + "/readyz")
        assert early.status_code == 503 and early.json()["error"]["code"] == "not_ready"
        assert httpx.get(address + "/healthz").status_code == 200
        warm.set()
        assert httpx.get(address + "/readyz").json() == {"status": "ready"}


class Unreadable:
    def count(self) -> int:
        raise StoreError("no such table in /secret/catalogue.db")


def test_a_catalogue_that_cannot_be_read_is_not_ready(shop):
    with serving(create_api(replace(shop, catalogue=Unreadable()))) as address:
        reply = httpx.get(address + "/readyz")
        assert reply.status_code == 503 and "secret" not in reply.text


def figure(text: str, name: str) -> float:
    found = re.search(rf"^{re.escape(name)} (\S+)$", text, flags=re.MULTILINE)
    return float(found[1]) if found else 0.0


def test_requests_steps_and_verdicts_are_counted(shop):
    parts = [{"type": "image_url", "image_url": {"url": photo_url()}}]
    body = {"model": "outfit-assistant", "messages": [{"role": "user", "content": parts}]}
    with serving(create_api(shop)) as address, httpx.Client(base_url=address, timeout=60) as client:
        outfit = client.post("/v1/chat/completions", json=body).json()["outfit"]
        client.get("/v1/made-up-1"), client.get("/v1/made-up-2"), client.get("/v1/models/x")
        text = client.get("/metrics").text
    counts = next(step["counts"] for step in outfit["trace"]["steps"] if step["name"] == "judge")
    for outcome in ("yes", "no", "undecided"):
        assert figure(text, f'outfit_verdicts_total{{outcome="{outcome}"}}') == counts[outcome]
    assert figure(text, 'outfit_step_seconds_count{step="detect"}') == 1
    chat = 'outfit_requests_total{method="POST",route="/v1/chat/completions",status="200"}'
    assert figure(text, chat) == 1
    assert figure(text, 'outfit_requests_total{method="GET",route="/v1/models/{model}",status="404"}') == 1
    assert figure(text, 'outfit_requests_total{method="GET",route="none",status="404"}') == 2
    assert "made-up" not in text
