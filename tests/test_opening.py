"""A server that is asked before it is built, over real sockets: what is answered at once, what waits, what it says when
it cannot be built."""

from __future__ import annotations

import contextlib
import gc
import logging
import threading
from collections.abc import Iterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from assistant import serve
from assistant.opening import Front, Inside, Opening
from assistant.settings import Settings
from retrieval.errors import StoreEmpty, StoreError
from tests.api_server import serving

LATER = "<!DOCTYPE html><html><head><meta name=later></head><body class=x><p>later</p></body></html>"


def inside(log: list[str]) -> Inside:
    async def page(_: object) -> PlainTextResponse:
        return PlainTextResponse(LATER)

    async def echo(request) -> PlainTextResponse:
        return PlainTextResponse(await request.body())

    @contextlib.asynccontextmanager
    async def lifespan() -> Iterator[None]:
        log.append("begun")
        yield
        log.append("ended")

    return Inside(Starlette(routes=[Route("/", page), Route("/v1/echo", echo, methods=["POST"])]), lifespan)


FRONT = Front("<p>first</p>", [Route("/standing", lambda _: PlainTextResponse("standing"))], lambda rest: rest.upper())


def test_the_first_part_is_there_at_once_and_the_rest_follows():
    go, log = threading.Event(), []

    def build() -> Inside:
        go.wait(60)
        return inside(log)

    with serving(Opening(build, FRONT)) as address, httpx.Client(base_url=address, timeout=60) as client:
        assert client.get("/standing").text == "standing"
        assert client.get("/healthz").json() == {"status": "ok"}
        early = client.get("/readyz")
        assert early.status_code == 503 and early.json()["error"]["code"] == "not_ready"
        assert early.headers["x-request-id"].startswith("req_") and int(early.headers["retry-after"]) > 0
        with client.stream("GET", "/") as page:
            parts = page.iter_text()
            assert next(parts) == "<p>first</p>" and log == []
            go.set()
            assert "".join(parts) == LATER.upper()
        assert log == ["begun"]
        assert client.get("/").text == "<p>first</p>" + LATER.upper()
        assert client.get("/healthz").status_code == 404  # the application's own from now on
    assert log == ["begun", "ended"]


def test_what_is_asked_early_is_answered_late_with_all_that_was_sent():
    go, answers = threading.Event(), []

    def build() -> Inside:
        go.wait(60)
        return inside([])

    body = bytes(range(256)) * 2_000
    with serving(Opening(build)) as address:
        asking = threading.Thread(target=lambda: answers.append(httpx.post(f"{address}/v1/echo", content=body, timeout=60)))
        asking.start()
        httpx.get(f"{address}/healthz")
        assert answers == []
        go.set()
        asking.join(60)
    assert answers[0].content == body


def test_what_cannot_be_built_is_told_and_keeps_nobody_waiting():
    go, failures = threading.Event(), []

    def build() -> Inside:
        go.wait(60)
        raise StoreError("the catalogue is gone")

    with serving(Opening(build, FRONT, failures.append)) as address, httpx.Client(base_url=address, timeout=60) as client:
        with client.stream("GET", "/") as page:
            go.set()
            assert "".join(page.iter_text()) == "<p>first</p>"
        refused = client.post("/v1/echo", content=b"x")
        assert refused.status_code == 503 and refused.json()["error"]["code"] == "not_ready"
    assert [str(error) for error in failures] == ["the catalogue is gone"]


def test_a_server_may_stop_before_it_is_built():
    go = threading.Event()
    with serving(Opening(lambda: go.wait(60) and inside([]))) as address:
        assert httpx.get(f"{address}/healthz").status_code == 200
    go.set()  # it was stopped while the thread still built


@contextlib.contextmanager
def logging_of_its_own() -> Iterator[None]:
    """A server sets up the logging of its whole process: here, that of the tests that follow."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    root.handlers = []
    try:
        yield
    finally:
        root.handlers = handlers
        root.setLevel(level)


def test_a_server_that_cannot_be_built_ends_with_the_reason(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(serve.signal, "signal", lambda *_: None)
    settings = Settings.load(home=tmp_path, port=0, catalogue_url=f"sqlite:///{tmp_path}/empty.db")
    with logging_of_its_own(), pytest.raises(StoreEmpty, match="no items to search"):
        serve.serve(settings)
    assert "Outfit assistant: http://127.0.0.1:" in capsys.readouterr().out
    assert gc.isenabled()
