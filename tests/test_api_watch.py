"""What whoever runs the server sees: lines of its log, traces, and whether the vision-language model answers."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from assistant import logs
from assistant.api.app import create_api
from assistant.api.health import Canary
from assistant.compose import Assistant
from assistant.serve import build_app
from assistant.stylists import probe
from assistant.stylists.client import ChatClient
from assistant.stylists.rehearsal import Behaviour, Fault, ModelServer
from retrieval.errors import ModelUnavailable
from tests.api_server import photo_url, serving, small_shop

ROOT = Path(__file__).resolve().parents[1]
KEY = "outfit-0a1b2c3d-" + "s" * 43


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Iterator[Assistant]:
    assistant = small_shop(tmp_path_factory.mktemp("shop"))
    yield assistant
    assistant.close()


# --- logs -------------------------------------------------------------------------------------------------------------


def test_keys_and_pictures_are_struck_out():
    told = logs.struck_out(f"Authorization: Bearer {KEY}; {KEY} sent {photo_url()} twice")
    assert "ssss" not in told and "data:image/... twice" in told and photo_url()[40:80] not in told


_LOGGING = """
import logging, sys
from assistant import logs
from structlog.contextvars import bound_contextvars
logs.configure("info", sys.argv[1])
with bound_contextvars(request_id="req_1"):
    logging.getLogger("a").info("said %s", "one\\r\\nINFO forged", extra={"status": 200})
    try:
        raise ValueError(sys.argv[2])
    except ValueError:
        logging.getLogger("a").exception("it failed")
"""


def written(form: str) -> list[str]:
    command = [sys.executable, "-c", _LOGGING, form, f"{KEY} {photo_url()}"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stderr.splitlines()


def test_33_each_line_is_one_event_as_json_with_its_requests_id():
    said, failed = map(json.loads, written("json"))
    assert said["event"] == "said one\\r\\nINFO forged" and said["status"] == 200 and said["level"] == "info"
    assert said["request_id"] == failed["request_id"] == "req_1" and said["timestamp"]
    assert "ValueError" in failed["exception"] and "ssss" not in failed["exception"]
    assert photo_url()[40:80] not in failed["exception"]


def test_33_as_text_a_line_break_begins_no_line():
    lines = written("text")
    assert "one\\r\\nINFO forged" in lines[0] and "req_1" in lines[0] and "it failed" in lines[1]
    assert "ssss" not in "".join(lines)


_STREAM_CLOSED = """
import io, logging, sys
from assistant import logs
before = sys.stderr = io.StringIO()
logs.configure("info", "json")
sys.stderr = sys.__stderr__
before.close()
logging.getLogger("a").info("later")
"""

_OF_THE_SERVER = """
import logging, sys
from assistant import logs
from assistant.api.work import Drain
from assistant.server import Server
logs.configure("info", "json")
Server(lambda *_: None, Drain())
logging.getLogger("uvicorn.error").error("Exception in ASGI application: Bearer %s", sys.argv[1])
"""


@pytest.mark.parametrize("program", [_STREAM_CLOSED, _OF_THE_SERVER])
def test_every_line_goes_to_stderr_as_it_is_then_in_one_form(program):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run([sys.executable, "-c", program, KEY], env=environment, capture_output=True, text=True, check=True)
    (line,) = map(json.loads, ran.stderr.splitlines())
    assert line["event"] in ("later", "Exception in ASGI application: Bearer ...")


def test_a_request_is_logged_once_without_its_words(shop, caplog):
    caplog.set_level(logging.INFO)
    body = {"model": "outfit-assistant", "messages": [{"role": "user", "content": "my secret wish"}]}
    with serving(create_api(shop)) as address:
        headers = {"authorization": f"Bearer {KEY}"}
        httpx.post(f"{address}/v1/chat/completions", json=body, headers=headers, timeout=60)
    (line,) = [one for one in caplog.records if one.getMessage() == "request"]
    assert (line.route, line.method, line.status) == ("/v1/chat/completions", "POST", 200) and line.seconds > 0
    assert "secret" not in caplog.text and "ssss" not in caplog.text


# --- traces -----------------------------------------------------------------------------------------------------------


class Collector(ThreadingHTTPServer):
    """Takes traces as an OpenTelemetry collector does."""

    def __init__(self) -> None:
        self.spans: list = []
        super().__init__(("127.0.0.1", 0), _Collect)


class _Collect(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers.get("content-encoding") == "gzip":
            import gzip

            body = gzip.decompress(body)
        sent = ExportTraceServiceRequest.FromString(body)
        self.server.spans += [span for one in sent.resource_spans for scope in one.scope_spans for span in scope.spans]
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_a_collector_gets_a_span_for_each_request_with_its_steps(shop):
    pytest.importorskip("opentelemetry.instrumentation.asgi", reason="traces need the extra telemetry")
    from assistant.telemetry import Telemetry

    collector = Collector()
    threading.Thread(target=collector.serve_forever, daemon=True).start()
    telemetry = Telemetry(f"http://127.0.0.1:{collector.server_port}")
    parts = [{"type": "image_url", "image_url": {"url": photo_url()}}]
    body = {"model": "outfit-assistant", "messages": [{"role": "user", "content": parts}]}
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    with serving(build_app(shop, telemetry=telemetry, with_page=False)) as address:
        headers = {"traceparent": parent, "authorization": f"Bearer {KEY}"}
        reply = httpx.post(f"{address}/v1/chat/completions", json=body, headers=headers, timeout=60)
        httpx.get(f"{address}/healthz")
    telemetry.close()
    collector.shutdown()
    by_name = {span.name: span for span in collector.spans}
    request = by_name["POST /v1/chat/completions"]
    told = {pair.key: pair.value.string_value for pair in request.attributes}
    assert told["outfit.request_id"] == reply.headers["x-request-id"] and told["http.route"] == "/v1/chat/completions"
    assert request.trace_id.hex() == parent.split("-")[1] and request.parent_span_id.hex() == parent.split("-")[2]
    assert {"detect", "judge"} <= set(by_name)
    assert {span.parent_span_id for name, span in by_name.items() if span is not request} == {request.span_id}
    assert "base64" not in str(collector.spans) and "ssss" not in str(collector.spans)
    assert not any("healthz" in name for name in by_name)


# --- the vision-language model ----------------------------------------------------------------------------------------


def ready(shop: Assistant, server: ModelServer, longest_s: float) -> httpx.Response:
    asked = ChatClient(server.url, "InternVL2-8B")
    try:
        with serving(create_api(replace(shop, canary=lambda: probe.canary(asked, longest_s)))) as address:
            return httpx.get(f"{address}/readyz", timeout=30)
    finally:
        asked.close()


def test_51_a_model_that_lists_itself_but_does_not_answer_is_not_ready(shop):
    with ModelServer() as server:
        assert ready(shop, server, 20.0).status_code == 200
    for fault in (Fault("hang"), Fault("status", 500, "oh"), Fault("close")):
        with ModelServer(Behaviour(always=fault)) as server:
            assert httpx.get(f"http://127.0.0.1:{server.port}/health").status_code == 200
            refused = ready(shop, server, 1.0)
            assert refused.status_code == 503 and "vision-language" in refused.json()["error"]["message"]


def test_the_canary_is_sent_once_in_a_while_and_comes_back():
    answers = [ModelUnavailable("no"), None]

    def ask() -> None:
        if error := answers.pop(0):
            raise error

    canary = Canary(ask, every_s=3_600)
    assert not canary.is_alive() and not canary.is_alive() and len(answers) == 1
    canary = Canary(ask, every_s=0)
    assert canary.is_alive()


def test_a_configured_model_has_a_canary_and_the_embedded_stylist_none(shop, tmp_path):
    assert shop.canary is None
    with ModelServer() as server:
        with_model = small_shop(tmp_path, vlm_url=server.url)
        with_model.canary()
        assert len(server.bodies) >= 1
        with_model.close()
    with pytest.raises(ModelUnavailable):
        with_model.canary()


# --- nobody waits any more --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/outfit/recommend"])
def test_a_client_that_leaves_ends_the_questions_to_the_model(tmp_path, path):
    import asyncio
    import time

    with ModelServer(Behaviour(latency_s=0.3)) as server:
        shop = small_shop(tmp_path, vlm_url=server.url)
        parts = [{"type": "image_url", "image_url": {"url": photo_url()}}]
        chat = {"model": "outfit-assistant", "stream": True, "messages": [{"role": "user", "content": parts}]}
        body = chat if "chat" in path else {"image": photo_url()}

        async def leave(address: str) -> None:
            async with httpx.AsyncClient() as client:
                going = asyncio.create_task(client.post(f"{address}{path}", json=body, timeout=30))
                while not server.bodies:  # the first question has gone out
                    await asyncio.sleep(0.01)
                    assert not going.done()
                server.behaviour.latency_s = 30.0
                await asyncio.sleep(0.5)
                going.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await going

        with serving(create_api(shop)) as address:
            asyncio.run(leave(address))
            for _ in range(100):
                if server.running == 0:
                    break
                time.sleep(0.1)
            assert server.running == 0  # none is left working for nobody, though each would take half a minute
            asked = len(server.bodies)
            time.sleep(0.5)
            assert len(server.bodies) == asked
        shop.close()
