"""The load generator counts what happened, against a real server."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from assistant.api.app import create_api
from assistant.bench.load import Line, Told, closed_loop, open_loop, post
from tests.api_server import photo_url, serving, small_shop


@pytest.fixture(scope="module")
def port(tmp_path_factory) -> Iterator[int]:
    shop = small_shop(tmp_path_factory.mktemp("shop"))
    with serving(create_api(shop)) as address:
        yield int(address.rpartition(":")[2])
    shop.close()


def test_every_request_is_counted_with_its_status(port):
    good, bad = post("/v1/outfit/search", {"text": "black jeans"}), post("/v1/outfit/search", {})
    told = asyncio.run(closed_loop(port, [good, bad], lines=2, seconds=0.5))
    assert {200, 400} == set(told.statuses) and len(told.seconds) == len(told.statuses)
    assert told.goodput == pytest.approx(told.statuses.count(200) / told.took_s)
    assert len(told.of(400)) == told.statuses.count(400)


def test_an_open_loop_sends_what_is_due_whatever_comes_back(port):
    told = asyncio.run(open_loop(port, [post("/v1/nothing", {})], rate=40, seconds=0.5, lines=3))
    assert told.statuses == [404] * 20 and all(seconds > 0 for seconds in told.seconds)


def test_a_stream_has_a_first_event_and_an_end(port):
    parts = [{"type": "image_url", "image_url": {"url": photo_url()}}]
    body = {"model": "outfit-assistant", "stream": True, "messages": [{"role": "user", "content": parts}]}
    status, first_s, whole_s = asyncio.run(Line(port).stream(post("/v1/chat/completions", body)))
    assert status == 200 and 0 < first_s <= whole_s
    refused, *_ = asyncio.run(Line(port).stream(post("/v1/chat/completions", {**body, "model": "x"})))
    assert refused == 404


def test_goodput_is_good_answers_a_second():
    assert Told([200, 429, 200], [0.1, 0.2, 0.3], took_s=4.0).goodput == 0.5
