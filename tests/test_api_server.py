"""The server process on loopback: dawdlers are closed while others are served, and stopping lets answers end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from assistant import server
from assistant.api.app import create_api
from assistant.api.work import Places
from assistant.compose import Assistant
from assistant.serve import build_app
from tests.api_server import photo_url, serving, small_shop

ROOT = Path(__file__).resolve().parents[1]
GOOD = {"model": "outfit-assistant", "messages": [{"role": "user", "content": "black jeans"}]}


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Iterator[Assistant]:
    assistant = small_shop(tmp_path_factory.mktemp("shop"))
    yield assistant
    assistant.close()


# --- dawdlers ---------------------------------------------------------------------------------------------------------


def test_the_times_allowed_close_a_dawdler_within_fifteen_seconds():
    assert max(server.HEAD_S, server.BODY_S) + server._EVERY_S < 15


HALF = {
    "68 nothing sent": b"",
    "68 half a head": b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nX-A: ",
    "68 half a body": b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    b"Content-Length: 100000\r\n\r\n{",
}


@pytest.mark.parametrize("sent", HALF.values(), ids=HALF)
def test_500_that_dawdle_are_closed_while_others_are_served(shop, monkeypatch, sent):
    monkeypatch.setattr(server, "HEAD_S", 2.0)
    monkeypatch.setattr(server, "BODY_S", 2.0)
    with serving(create_api(shop)) as address, ExitStack() as stack:
        port = int(address.rpartition(":")[2])
        dawdlers = [stack.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(500)]
        for one in dawdlers:
            one.sendall(sent)
        assert httpx.post(f"{address}/v1/chat/completions", json=GOOD, timeout=60).status_code == 200
        for round_ in range(200):  # a byte now and then does not make a dawdler busy
            closed = sum(_is_closed(one, b"x" if round_ % 5 == 0 and sent else b"") for one in dawdlers)
            if closed == len(dawdlers):
                break
            time.sleep(0.1)
        assert closed == len(dawdlers)
        assert httpx.post(f"{address}/v1/chat/completions", json=GOOD, timeout=60).status_code == 200


def _is_closed(one: socket.socket, sent: bytes) -> bool:
    one.setblocking(False)
    try:
        if sent:
            one.sendall(sent)
        return one.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def test_a_head_without_end_is_closed(shop):
    with serving(create_api(shop)) as address:
        with socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2]))) as one:
            one.settimeout(30)
            try:
                one.sendall(b"GET /healthz HTTP/1.1\r\nX-A: ")
                for _ in range(1_000):
                    one.sendall(b"a" * 1_024)
                while one.recv(65_536):  # a refusal may come first
                    pass
            except TimeoutError:
                pytest.fail("the connection is still open")
            except OSError:
                pass  # closed while it was sent
        assert httpx.get(f"{address}/healthz").status_code == 200


def test_a_body_that_comes_slowly_but_steadily_is_waited_for(shop, monkeypatch):
    monkeypatch.setattr(server, "BODY_S", 1.0)
    monkeypatch.setattr(server, "_EVERY_S", 0.1)
    body = json.dumps({**GOOD, "ignored": "x" * 60_000}).encode()  # 1.6 seconds in all

    def slowly() -> Iterator[bytes]:
        for start in range(0, len(body), 8_000):
            time.sleep(0.2)
            yield body[start : start + 8_000]

    with serving(create_api(shop)) as address:
        headers = {"content-type": "application/json"}
        reply = httpx.post(f"{address}/v1/chat/completions", content=slowly(), headers=headers, timeout=60)
        assert reply.status_code == 200


def test_a_connection_may_be_used_again(shop):
    with serving(create_api(shop)) as address, httpx.Client(base_url=address) as client:
        for _ in range(5):
            reply = client.get("/healthz")
            assert reply.status_code == 200 and reply.headers.get("connection") != "close"


# --- stopping ---------------------------------------------------------------------------------------------------------

_WAITING = """
import socket, sys, threading
from dataclasses import replace
from pathlib import Path
from assistant.api.app import create_api
from assistant.api.work import Drain
from assistant.server import Server
from tests.api_server import Waits, small_shop
shop = small_shop(Path(sys.argv[1]), api_turns=20)
drain = Drain()
api = create_api(replace(shop, stylist=replace(shop.stylist, detector=Waits())), drain=drain)
with socket.create_server(("127.0.0.1", 0)) as listening:
    print(listening.getsockname()[1], flush=True)
    Server(api, drain, patience_s=1).run(sockets=[listening])
"""


def test_75_told_to_stop_it_ends_twenty_streams_with_an_error_event_and_exits(tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", _WAITING, str(tmp_path)]
    with subprocess.Popen(command, env=environment, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        try:
            address = f"http://127.0.0.1:{process.stdout.readline().strip()}"
            parts = [{"type": "image_url", "image_url": {"url": photo_url()}}]
            body = {"model": "outfit-assistant", "stream": True, "messages": [{"role": "user", "content": parts}]}

            async def all_streams() -> list[str]:
                async with httpx.AsyncClient(timeout=60, limits=httpx.Limits(max_connections=30)) as client:
                    begun = [asyncio.Event() for _ in range(20)]

                    async def one(event: asyncio.Event) -> str:
                        async with client.stream("POST", f"{address}/v1/chat/completions", json=body) as reply:
                            told = ""
                            async for text in reply.aiter_text():
                                told += text
                                event.set()
                            return told

                    streams = [asyncio.ensure_future(one(event)) for event in begun]
                    await asyncio.gather(*(event.wait() for event in begun))
                    process.send_signal(signal.SIGTERM)
                    return await asyncio.gather(*streams)

            told = asyncio.run(all_streams())
            began = time.monotonic()
            process.wait(30)
            assert time.monotonic() - began < 30
        finally:
            process.kill()
    assert len(told) == 20
    for text in told:
        events = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
        assert json.loads(events[-2])["error"]["code"] == "server_stopping" and events[-1] == "[DONE]"


def test_a_server_that_stops_takes_no_new_requests_and_is_not_ready(shop):
    from assistant.api.work import Drain

    drain = Drain()
    drain.has_begun = True
    with serving(create_api(shop, drain=drain)) as address:
        refused = httpx.get(f"{address}/v1/models")
        assert refused.status_code == 503 and refused.json()["error"]["code"] == "server_stopping"
        assert refused.headers["connection"] == "close" and refused.headers["retry-after"]
        assert httpx.get(f"{address}/readyz").status_code == 503
        assert httpx.get(f"{address}/healthz").status_code == 200


# --- other sites, and the page's own doors ----------------------------------------------------------------------------

FOREIGN = {
    "another origin": {"origin": "http://evil.example"},
    "null origin": {"origin": "null"},
    "said by the browser": {"sec-fetch-site": "cross-site"},
    "a sibling site": {"sec-fetch-site": "same-site", "origin": "http://127.0.0.1:1"},
}


@pytest.fixture(scope="module")
def page(shop) -> Iterator[httpx.Client]:
    pytest.importorskip("gradio", reason="the page needs gradio")
    with serving(build_app(shop)) as address, httpx.Client(base_url=address, timeout=60) as client:
        yield client


@pytest.mark.parametrize("headers", FOREIGN.values(), ids=FOREIGN)
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/photos", "/gradio_api/queue/join", "/gradio_api/upload"])
def test_74_another_site_cannot_post(page, path, headers):
    refused = page.post(path, json=GOOD, headers=headers)
    assert refused.status_code == 403 and refused.json()["error"]["code"] == "cross_origin_refused"


def test_74_the_page_itself_and_programs_can_post(page):
    own = {"origin": str(page.base_url).rstrip("/")}
    for headers in ({}, own, {"sec-fetch-site": "same-origin", "origin": "https://shop.example"}):
        assert page.post("/v1/chat/completions", json=GOOD, headers=headers).status_code == 200
    behind_a_proxy = {"origin": "https://shop.example", "x-forwarded-host": "shop.example"}
    assert page.post("/v1/chat/completions", json=GOOD, headers=behind_a_proxy).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd", "../../etc/passwd", "..%2f..%2fetc%2fpasswd", "{home}/shop/catalogue.db", "{home}/keys.db",
        "file:///etc/passwd", "http://127.0.0.1:9/x", "//etc/passwd", "{root}/pyproject.toml", "/proc/self/environ",
    ],
)  # fmt: skip
def test_73_no_file_of_the_server_is_had_by_gradios_address(page, shop, path):
    asked = path.format(home=shop.settings.home, root=ROOT)
    for prefix in ("/gradio_api/file=", "/file=", "/gradio_api/proxy=", "/gradio_api/stream/x/0/"):
        reply = page.get(f"{prefix}{asked}")
        assert reply.status_code in (400, 403, 404, 405), (prefix, reply.status_code)
    assert page.get("/v1/models").status_code == 200


def test_72_a_form_of_ten_thousand_parts_is_refused_and_bounded(page):
    part = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\na\r\n'
    body, headers = part * 10_000 + b"--x--\r\n", {"content-type": "multipart/form-data; boundary=x"}
    for path in ("/gradio_api/upload", "/v1/chat/completions", "/v1/outfit/search"):
        try:
            status = page.post(path, content=body, headers=headers).status_code
        except httpx.TransportError:  # refused and closed while the form was still being sent
            continue
        assert 400 <= status < 500, (path, status)
    assert page.post("/v1/chat/completions", json=GOOD).status_code == 200


# --- how many at a time -----------------------------------------------------------------------------------------------


def test_places_are_counted_in_all_and_for_each():
    from assistant.api.errors import ApiError

    places = Places(3, most_each=2)
    first, second = places.take("a"), places.take("a")
    with pytest.raises(ApiError, match="At most 2 of one key"):
        places.take("a")
    places.take("b")
    with pytest.raises(ApiError, match="Too many"):
        places.check("c")
    first(), second()
    assert places.taken == 1
    places.take("a")
