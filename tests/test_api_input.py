"""What cannot be used gets its 4xx in OpenAI's envelope, and the next request is served as if nothing had happened."""

from __future__ import annotations

import base64
import io
import socket
import struct
import zlib
from collections.abc import Iterator

import httpx
import numpy as np
import pytest
from PIL import Image, ImageFile

from assistant.api.app import create_api
from assistant.stylists.rehearsal import ModelServer
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


def saved(image: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


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
    "5 HEIC": (data_url(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200), "image/heic"), "unsupported_image"),
    "11 1 x 10,000": (data_url(saved(Image.new("RGB", (1, 10_000)), "PNG")), "unsupported_image"),
    "13 broken inside": (data_url(saved(Image.effect_noise((99, 99), 60), "PNG")[:-400] + bytes(400)), "unsupported_image"),
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


# --- pictures that are odd and yet pictures ---------------------------------------------------------------------------


def cloth() -> Image.Image:
    picture = Image.new("RGB", (96, 128), "white")
    picture.paste((40, 60, 130), (10, 20, 60, 120))
    return picture


def turned(orientation: int) -> bytes:
    """A JPEG stored so that its EXIF orientation brings it upright."""
    back = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}[orientation]  # the inverse, by Image.Transpose's numbers
    stored = cloth() if back is None else cloth().transpose(Image.Transpose(back))
    exif = Image.Exif()
    exif[0x0112] = orientation
    return saved(stored, "JPEG", quality=95, exif=exif)


def embedded(server: httpx.Client, data: bytes) -> np.ndarray:
    reply = server.post("/v1/embeddings", json={"model": "hashing-image", "input": data_url(data)})
    assert reply.status_code == 200, reply.text
    return np.asarray(reply.json()["data"][0]["embedding"])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_7_every_exif_orientation_has_the_embedding_of_the_upright_picture(server, orientation):
    assert embedded(server, turned(orientation)) @ embedded(server, saved(cloth(), "JPEG", quality=95)) >= 0.999


def test_6_of_ten_thousand_frames_the_first_is_taken(server):
    blank = [Image.new("P", (96, 128), number % 2) for number in range(9_999)]
    film = saved(cloth(), "GIF", save_all=True, append_images=blank, duration=1)
    assert embedded(server, film) @ embedded(server, saved(cloth().quantize(), "PNG")) >= 0.99
    good(server)


ODD = {
    "8 CMYK": lambda: saved(cloth().convert("CMYK"), "JPEG"),
    "8 16-bit": lambda: saved(Image.fromarray(np.full((64, 64), 40_000, np.uint16)), "PNG"),
    "8 grey with alpha": lambda: saved(cloth().convert("LA"), "PNG"),
    "8 palette with a transparent colour": lambda: saved(cloth().quantize(8), "PNG", transparency=0),
    "8 one bit": lambda: saved(cloth().convert("1"), "PNG"),
    "9 bad ICC profile": lambda: saved(cloth(), "PNG", icc_profile=b"no profile at all"),
    "10 a web page behind it": lambda: saved(cloth(), "JPEG") + b"<html><script>alert(1)</script>",
    "10 an archive behind it": lambda: saved(cloth(), "JPEG") + b"PK\x03\x04" + bytes(100),
}


@pytest.mark.parametrize("made", ODD.values(), ids=ODD)
def test_odd_pictures_are_read(server, made):
    reply = server.post("/v1/chat/completions", json=with_pictures(data_url(made())))
    assert reply.status_code == 200 and reply.json()["outfit"]["garment"]
    good(server)


def test_9_compressed_text_that_unpacks_without_end_is_refused_or_dropped(server):
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    whole = saved(cloth(), "PNG")
    bomb = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(100_000_000)))
    reply = server.post("/v1/chat/completions", json=with_pictures(data_url(whole[:33] + bomb + whole[33:])))
    assert reply.status_code in (200, 400)
    good(server)


def test_15_two_hundred_megabytes_are_refused_before_anything_is_decoded(server):
    length = str(200 * 2**20).encode()
    head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: " + length
    with socket.create_connection((server.base_url.host, server.base_url.port)) as raw:
        raw.settimeout(60)
        raw.sendall(head + b"\r\n\r\n")  # and not a byte of the body
        told = b""
        while piece := raw.recv(65_536):
            told += piece
    assert told.startswith(b"HTTP/1.1 413") and b"request_too_large" in told
    good(server)


def test_27_a_model_sees_nothing_but_jpegs_of_our_own_making(tmp_path):
    sent = saved(cloth(), "JPEG", comment=b"a comment of the sender") + b"<html>what followed</html>"
    with ModelServer() as model:
        shop = small_shop(tmp_path, vlm_url=model.url)
        with serving(create_api(shop)) as address:
            reply = httpx.post(f"{address}/v1/chat/completions", json=with_pictures(data_url(sent, "image/jpeg")), timeout=60)
        shop.close()
    assert reply.status_code == 200
    parts = [part for body in model.bodies for message in body["messages"] for part in message["content"]]
    urls = [part["image_url"]["url"] for part in parts if isinstance(part, dict) and part["type"] == "image_url"]
    assert urls
    for url in urls:
        assert url.startswith("data:image/jpeg;base64,")
        data = base64.b64decode(url.partition(",")[2])
        assert data.startswith(b"\xff\xd8") and b"html" not in data and b"comment" not in data


def test_17_a_blank_wall_is_no_garment(demo):
    """By the detector that ships."""
    wall = saved(Image.new("RGB", (480, 640), (225, 222, 214)), "JPEG")
    with serving(create_api(demo)) as address:
        reply = httpx.post(f"{address}/v1/chat/completions", json=with_pictures(data_url(wall, "image/jpeg")), timeout=60)
    answer = reply.json()
    assert answer["outfit"]["looks"] == [] and answer["outfit"]["garment"] is None
    assert "can’t find a garment" in answer["choices"][0]["message"]["content"]


# --- bodies -----------------------------------------------------------------------------------------------------------

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


@pytest.mark.parametrize("depth", [70, 900, 10_000, 100_000])
def test_69_json_that_is_nested_without_end_is_refused_by_name(server, depth):
    body = b'{"model": "outfit-assistant", "x": ' + b'{"a":' * depth + b"1" + b"}" * depth + b"}"
    headers = {"content-type": "application/json"}
    for path in ("/v1/chat/completions", "/v1/embeddings", "/v1/outfit/search"):
        error = envelope(server.post(path, content=body, headers=headers), 400)
        assert error["code"] == "json_too_deep" and "64" in error["message"]
    good(server)


def test_72_a_thousand_ranges_are_answered_by_the_file_alone(server):
    whole = server.get("/v1/outfit/items/7/picture")
    many = "bytes=" + ",".join(f"{place}-{place}" for place in range(1_000))
    reply = server.get("/v1/outfit/items/7/picture", headers={"range": many})
    assert reply.status_code == 200 and reply.content == whole.content
    good(server)


def test_72_a_form_of_ten_thousand_parts_is_refused(server):
    part = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\na\r\n'
    headers = {"content-type": "multipart/form-data; boundary=x"}
    envelope(server.post("/v1/chat/completions", content=part * 10_000 + b"--x--", headers=headers), 400)
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
