"""What cannot be used gets its 4xx in OpenAI's envelope, and the next request is served as if nothing had happened."""

from __future__ import annotations

import base64
import io
import socket
import struct
import zlib
from collections.abc import Iterator

import httpx
import pytest
from PIL import Image, ImageFile

from assistant.api.app import create_api
from tests.api_server import photo_url, serving, small_shop

MODEL = "outfit-assistant"
GOOD = {"model": MODEL, "messages": [{"role": "user", "content": "black jeans"}]}


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[httpx.Client]:
    shop = small_shop(tmp_path_factory.mktemp("shop"))
    api = create_api(shop, max_bytes=4 * 2**20)
    with serving(api) as address, httpx.Client(base_url=address, timeout=60) as client:
        yield client
    shop.close()


def good(server: httpx.Client) -> None:
    reply = server.post("/v1/chat/completions", json=GOOD)
    assert reply.status_code == 200 and reply.json()["outfit"]["found"][0]["item"]["sku"] == "2"


def envelope(reply: httpx.Response, status: int) -> dict:
    assert reply.status_code == status, reply.text
    assert reply.headers["x-request-id"].startswith("req_")
    body = reply.json()
    assert set(body) == {"error"} and set(body["error"]) == {"message", "type", "param", "code"}
    assert body["error"]["message"] and "Traceback" not in reply.text and "/work" not in reply.text
    return body["error"]


def data_url(data: bytes, kind: str = "image/png") -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def with_pictures(*urls: str) -> dict:
    parts = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    return {"model": MODEL, "messages": [{"role": "user", "content": parts}]}


def huge_png(side: int) -> bytes:
    """The header of a picture of side x side pixels, with next to nothing behind it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(bytes(1000)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + pixels + chunk(b"IEND", b"")


def jpeg() -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise((200, 200), 60).convert("RGB").save(buffer, "JPEG")
    return buffer.getvalue()


SVG = b'<?xml version="1.0"?><!DOCTYPE s [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg><script>1</script>&x;</svg>'
PICTURES = {
    "1 empty": (data_url(b""), "unsupported_image"),
    "1 random bytes": (data_url(bytes(range(7, 250))), "unsupported_image"),
    "1 truncated": (data_url(jpeg()[:2000], "image/jpeg"), "unsupported_image"),
    "2 50,000 x 50,000": (data_url(huge_png(50_000)), "image_too_large"),
    "3 TIFF": (data_url(b"II*\x00" + bytes(200)), "unsupported_image"),
    "3 EPS": (data_url(b"%!PS-Adobe-3.0 EPSF-3.0\n" + bytes(200)), "unsupported_image"),
    "3 PSD": (data_url(b"8BPS" + bytes(200)), "unsupported_image"),
    "3 FITS": (data_url(b"SIMPLE  =" + bytes(200)), "unsupported_image"),
    "3 PDF": (data_url(b"%PDF-1.7\n" + bytes(200)), "unsupported_image"),
    "4 SVG": (data_url(SVG, "image/svg+xml"), "unsupported_image"),
    "11 one pixel": (data_url(huge_png(1)), "unsupported_image"),
    "15 bad padding": (photo_url()[:-7] + "*", "invalid_input"),
    "15 no type": ("data:;base64,AAAA", "invalid_input"),
    "15 not base64": ("data:image/png,AAAA", "invalid_input"),
    "24 file": ("file:///etc/passwd", "remote_image_refused"),
    "24 ftp": ("ftp://example.org/a.png", "remote_image_refused"),
    "24 gopher": ("gopher://example.org/a", "remote_image_refused"),
    "24 path": ("/etc/passwd", "remote_image_refused"),
    "24 empty": ("", "remote_image_refused"),
}


@pytest.mark.parametrize(("url", "code"), PICTURES.values(), ids=PICTURES)
def test_a_picture_that_is_none_is_refused_by_the_field_it_came_in(server, url, code):
    error = envelope(server.post("/v1/chat/completions", json=with_pictures(photo_url(), url)), 400)
    assert error["code"] == code and error["param"] == "messages.0.content.1.image_url.url"
    assert error["type"] == "invalid_request_error"
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False
    streamed = server.post("/v1/chat/completions", json={**with_pictures(url), "stream": True})
    assert envelope(streamed, 400)["code"] == code  # before anything was streamed
    good(server)


def test_an_address_is_refused_without_a_connection(server):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/coat.jpg"
        error = envelope(server.post("/v1/chat/completions", json=with_pictures(url)), 400)
        assert error["code"] == "remote_image_refused" and "data URL" in error["message"]
        with pytest.raises(BlockingIOError):
            listening.accept()
    good(server)


def test_the_limit_of_pictures_is_named(server):
    error = envelope(server.post("/v1/chat/completions", json=with_pictures(*[photo_url()] * 21)), 400)
    assert "20" in error["message"] and error["code"] == "too_many_images"
    good(server)


BODIES = {
    "nothing": b"",
    "no JSON": b"{'model': 1}",
    "an array": b"[]",
    "69 depth 10,000": b'{"model": "outfit-assistant", "messages": ' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    "69 lone surrogate": b'{"model": "outfit-assistant", "messages": [{"role": "user", "content": "\\ud800"}]}',
    "not UTF-8": b'{"model": "outfit-assistant", "messages": [{"role": "user", "content": "\xff\xfe"}]}',
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_body_that_cannot_be_read_is_refused(server, body):
    envelope(server.post("/v1/chat/completions", content=body, headers={"content-type": "application/json"}), 400)
    good(server)


def test_a_body_over_the_limit_is_refused_whether_its_length_is_announced_or_not(server):
    body = b'{"model": "' + b"x" * (5 * 2**20) + b'"}'
    headers = {"content-type": "application/json"}
    error = envelope(server.post("/v1/chat/completions", content=body, headers=headers), 413)
    assert error["code"] == "request_too_large" and "4 MiB" in error["message"]
    good(server)
    pieces = (body[start : start + 2**16] for start in range(0, len(body), 2**16))
    assert envelope(server.post("/v1/chat/completions", content=pieces, headers=headers), 413)["code"] == error["code"]
    good(server)


USER = [{"role": "user", "content": "black jeans"}]
FIELDS = {
    "no model": ({"messages": USER}, "model"),
    "no messages": ({"model": MODEL}, "messages"),
    "no message": ({"model": MODEL, "messages": []}, "messages"),
    "no user message": ({"model": MODEL, "messages": [{"role": "system", "content": "Hi"}]}, "messages"),
    "role": ({"model": MODEL, "messages": [{"role": "narrator", "content": "Hi"}]}, "messages.0.role"),
    "content": ({"model": MODEL, "messages": [{"role": "user", "content": 7}]}, "messages.0.content"),
    "audio part": (
        {"model": MODEL, "messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}]},
        "messages.0.content.0.type",
    ),
    "n": ({"n": 2}, "n"),
    "tools": ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools"),
    "logprobs": ({"logprobs": True}, "logprobs"),
    "modalities": ({"modalities": ["text", "audio"]}, "modalities"),
    "max_tokens": ({"max_tokens": 0}, "max_tokens"),
    "temperature": ({"temperature": 3}, "temperature"),
    "stop": ({"stop": ["a", "b", "c", "d", "e"]}, "stop"),
    "format": ({"response_format": {"type": "xml"}}, "response_format.type"),
    "schema": ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
}


@pytest.mark.parametrize(("body", "param"), FIELDS.values(), ids=FIELDS)
def test_a_field_that_cannot_be_honoured_is_named(server, body, param):
    whole = body if "model" in body or "messages" in body else {**GOOD, **body}
    assert envelope(server.post("/v1/chat/completions", json=whole), 400)["param"] == param
    good(server)


def test_fields_that_mean_nothing_here_are_ignored(server):
    extra = {"seed": 7, "user": "me", "presence_penalty": 0.5, "n": 1, "tools": [], "logprobs": False, "zzz": {"a": []}}
    reply = server.post("/v1/chat/completions", json={**GOOD, **extra, "temperature": 0.3, "max_tokens": None})
    assert reply.status_code == 200


def test_unknown_models_addresses_and_methods_are_told_in_the_envelope(server):
    other = server.post("/v1/chat/completions", json={**GOOD, "model": "gpt-4o"})
    assert envelope(other, 404)["code"] == "model_not_found"
    assert envelope(server.get("/v1/nothing"), 404)["code"] == "not_found"
    assert envelope(server.post("/v1/responses", json={}), 404)["code"] == "not_found"
    refused = server.get("/v1/chat/completions")
    assert envelope(refused, 405)["code"] == "method_not_allowed" and refused.headers["allow"] == "POST"
    good(server)


def test_another_sites_form_cannot_post(server):
    """A browser sends text/plain across origins without asking first; application/json it does not."""
    body = b'{"model": "outfit-assistant", "messages": [{"role": "user", "content": "black jeans"}]}'
    envelope(server.post("/v1/chat/completions", content=body, headers={"content-type": "text/plain"}), 400)
    assert envelope(server.options("/v1/chat/completions", headers={"origin": "http://evil.example"}), 405)
    good(server)


def test_the_documentation_lists_the_operations(server):
    document = server.get("/v1/openapi.json").json()
    assert {"/v1/models", "/v1/models/{model}", "/v1/chat/completions"} <= set(document["paths"])
    assert "422" not in document["paths"]["/v1/chat/completions"]["post"]["responses"]
