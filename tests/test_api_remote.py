"""Pictures by address: only from hosts that are allowed, only from public addresses, within bounds.

Names and connections are doubles, since no public host is reached from a test: `Names` answers for the resolver, and
`Network` leads every address that was checked to a server on loopback, keeping what it was asked to connect to.
"""

from __future__ import annotations

import gzip
import io
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import httpcore
import httpx
import pytest
from PIL import Image

from assistant.api.app import create_api
from assistant.api.errors import ApiError
from assistant.api.remote import Fetcher, is_public
from tests.api_server import serving, small_shop

PUBLIC = "93.184.216.34"


def jpeg() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (96, 128), (40, 60, 130)).save(out, "JPEG")
    return out.getvalue()


class Names:
    """Answers of the resolver, one list of addresses a question; the last one stays."""

    def __init__(self, **answers: list[list[str]]) -> None:
        self._answers = {name.replace("_", "."): list(lists) for name, lists in answers.items()}
        self.asked: list[str] = []

    def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        lists = self._answers.get(host)
        if lists is None:
            raise socket.gaierror("no such name")
        return lists.pop(0) if len(lists) > 1 else lists[0]


class Network(httpcore.SyncBackend):
    def __init__(self, port: int) -> None:
        self._port = port
        self.connected: list[tuple[str, int]] = []

    def connect_tcp(self, host, port, timeout=None, local_address=None, socket_options=None):
        self.connected.append((host, port))
        return super().connect_tcp("127.0.0.1", self._port, timeout)


class Shop:
    """A server on loopback that answers with raw bytes: `reply(path) -> pieces`, sent as they come."""

    def __init__(self, reply: Callable[[str], Iterator[bytes]]) -> None:
        self._reply = reply
        self.heads: list[str] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            head = connection.recv(65_536).decode("latin-1")
            self.heads.append(head)
            try:
                for piece in self._reply(head.split(" ")[1]):
                    connection.sendall(piece)
            except OSError:
                pass  # the client has had enough

    def close(self) -> None:
        self._socket.close()


def whole(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", "connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def pages(path: str) -> Iterator[bytes]:
    if path.startswith("/to?"):
        yield whole(b"", "302 Found", f"location: {path[4:]}")
    elif path.startswith("/hops/"):
        left = int(path.rpartition("/")[2])
        yield whole(b"", "302 Found", f"location: /hops/{left - 1}") if left else whole(jpeg())
    elif path == "/endless":
        yield b"HTTP/1.1 200 OK\r\n\r\n"
        while True:
            yield bytes(65_536)
    elif path == "/drip":
        yield b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n"
        for _ in range(1_000):
            yield b"a"
            time.sleep(0.1)
    elif path == "/drip-head":
        yield b"HTTP/1.1 200 OK\r\nx-a: "
        for _ in range(1_000):
            yield b"a"
            time.sleep(0.1)
    elif path == "/gzip":
        yield whole(gzip.compress(bytes(50_000_000)), "200 OK", "content-encoding: gzip")
    elif path == "/html":
        yield whole(b"<!doctype html><html>no picture</html>")
    elif path == "/missing":
        yield whole(b"", "404 Not Found")
    else:
        yield whole(jpeg())


@pytest.fixture(scope="module")
def shop_host() -> Iterator[Shop]:
    host = Shop(pages)
    yield host
    host.close()


def fetcher(host: Shop, names: Names | None = None, hosts: str = "img.example,*.cdn.example", **more) -> tuple:
    names = names or Names(img_example=[[PUBLIC]], a_cdn_example=[[PUBLIC]])
    network = Network(host.port)
    return Fetcher(hosts.split(","), resolve=names, backend=network, **more), network, names


def refusal(one: Fetcher, url: str) -> ApiError:
    with pytest.raises(ApiError) as refused:
        one.fetch(url, "image")
    assert refused.value.status == 400 and refused.value.param == "image"
    assert PUBLIC not in refused.value.message and "127.0.0.1" not in refused.value.message
    return refused.value


def test_a_picture_of_an_allowed_host_is_fetched_from_the_address_that_was_checked(shop_host):
    one, network, _ = fetcher(shop_host)
    assert one.fetch("http://img.example/coat.jpg", "image") == jpeg()
    assert one.fetch("http://a.cdn.example/coat.jpg?w=1", "image") == jpeg()
    assert network.connected == [(PUBLIC, 80)] * 2
    head = shop_host.heads[-2].lower()
    assert "host: img.example" in head and "cookie" not in head and "authorization" not in head


URLS = {
    "another host": "http://other.example/a.jpg",
    "a longer name": "http://img.example.evil.example/a.jpg",
    "the bare name under a star": "http://cdn.example/a.jpg",
    "23 backslash": "http://a\\@img.example/a.jpg",
    "23 userinfo": "http://img.example@evil.example/a.jpg",
    "23 user of an allowed host": "http://user:word@img.example/a.jpg",
    "24 file": "file:///etc/passwd",
    "24 ftp": "ftp://img.example/a.jpg",
    "24 gopher": "gopher://img.example/a",
    "24 path": "/etc/passwd",
    "another port": "http://img.example:8080/a.jpg",
    "a port that is none": "http://img.example:99999/a.jpg",
    "line break": "http://img.example/a\r\nx: y",
    "20 decimal": "http://2130706433/a.jpg",
    "20 octal": "http://0177.0.0.1/a.jpg",
    "20 hexadecimal": "http://0x7f.0.0.1/a.jpg",
    "19 loopback": "http://127.0.0.1/a.jpg",
    "19 v6": "http://[::1]/a.jpg",
    "too long": "http://img.example/" + "a" * 3_000,
}


@pytest.mark.parametrize("url", URLS.values(), ids=URLS)
def test_other_addresses_are_refused_before_a_name_is_asked_for(shop_host, url):
    one, network, names = fetcher(shop_host)
    assert refusal(one, url).code == "remote_image_refused"
    assert network.connected == [] and names.asked == []


PRIVATE = [
    "127.0.0.1", "127.9.9.9", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "192.0.0.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fc00::1", "ff02::1",
    "fec0::1", "::ffff:127.0.0.1", "::ffff:93.184.216.34", "64:ff9b::7f00:1", "64:ff9b:1::a00:1", "2002:7f00:1::1",
    "2001:0:7f00:1::", "::7f00:1", "2001:db8::1", "not an address",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_19_20_an_allowed_name_that_leads_inside_is_refused(shop_host, address):
    assert not is_public(address)
    one, network, _ = fetcher(shop_host, Names(img_example=[[PUBLIC, address]]))
    assert refusal(one, "http://img.example/a.jpg").code == "remote_image_refused"
    assert network.connected == []


@pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "2606:2800:220:1:248:1893:25c8:1946"])
def test_public_addresses_are_public(address):
    assert is_public(address)


@pytest.mark.parametrize("hops", range(1, 4))
def test_21_a_redirect_is_followed_as_far_as_it_may_go(shop_host, hops):
    one, network, _ = fetcher(shop_host)
    assert one.fetch(f"http://img.example/hops/{hops}", "image") == jpeg()
    assert len(network.connected) == hops + 1


@pytest.mark.parametrize(
    "location",
    ["http://169.254.169.254/latest", "http://other.example/a.jpg", "file:///etc/passwd", "//127.0.0.1/a", "http://in.cdn.example/"],
)
def test_21_a_redirect_to_the_inside_or_to_another_host_is_refused(shop_host, location):
    names = Names(img_example=[[PUBLIC]], in_cdn_example=[["10.0.0.7"]])
    one, network, _ = fetcher(shop_host, names)
    assert refusal(one, f"http://img.example/to?{location}").code == "remote_image_refused"
    assert network.connected == [(PUBLIC, 80)]


def test_21_too_many_redirects_are_an_error(shop_host):
    one, _, _ = fetcher(shop_host)
    assert refusal(one, "http://img.example/hops/4").code == "remote_image_failed"


def test_22_a_name_that_changes_its_mind_is_connected_where_it_was_checked(shop_host):
    names = Names(img_example=[[PUBLIC], ["127.0.0.1"]])
    one, network, _ = fetcher(shop_host, names)
    assert one.fetch("http://img.example/a.jpg", "image") == jpeg()
    assert network.connected == [(PUBLIC, 80)] and names.asked == ["img.example"]  # asked once, used as answered
    assert refusal(one, "http://img.example/a.jpg").code == "remote_image_refused"  # and anew for the next picture


@pytest.mark.parametrize("path", ["/drip", "/drip-head"])
def test_25_a_host_that_drips_is_cut_at_the_deadline(shop_host, path):
    one, _, _ = fetcher(shop_host, longest_s=1.0)
    began = time.monotonic()
    assert "1 seconds" in refusal(one, f"http://img.example{path}").message
    assert time.monotonic() - began < 20  # the thousand bytes would take a hundred seconds


@pytest.mark.parametrize(("path", "named"), [("/endless", "larger"), ("/gzip", "compressed"), ("/missing", "404")])
def test_25_what_is_too_large_compressed_or_missing_is_an_error(shop_host, path, named):
    one, _, _ = fetcher(shop_host, most_bytes=2**20)
    assert named in refusal(one, f"http://img.example{path}").message


def test_25_a_name_that_is_not_answered_for_is_not_waited_for(shop_host):
    def slow(host: str, port: int) -> list[str]:
        time.sleep(3)
        return [PUBLIC]

    one = Fetcher(["img.example"], resolve=slow, backend=Network(shop_host.port), longest_s=0.2)
    assert "0.2 seconds" in refusal(one, "http://img.example/a.jpg").message


def test_over_http_an_allowed_picture_is_answered_and_what_is_none_is_refused(shop_host, tmp_path, monkeypatch):
    one, _, _ = fetcher(shop_host)
    monkeypatch.setattr("assistant.api.app.Fetcher", lambda hosts: one if hosts == ["img.example"] else None)
    shop = small_shop(tmp_path)
    allowing = replace(shop, settings=shop.settings.model_copy(update={"api_image_hosts": "img.example"}))
    with serving(create_api(allowing)) as address, httpx.Client(base_url=address, timeout=60) as client:

        def ask(url: str) -> httpx.Response:
            parts = [{"type": "image_url", "image_url": {"url": url}}]
            body = {"model": "outfit-assistant", "messages": [{"role": "user", "content": parts}]}
            return client.post("/v1/chat/completions", json=body)

        assert ask("http://img.example/coat.jpg").json()["outfit"]["garment"]
        assert client.post("/v1/outfit/detect", json={"image": "http://img.example/coat.jpg"}).status_code == 200
        web_page = ask("http://img.example/html")
        assert web_page.status_code == 400 and web_page.json()["error"]["code"] == "unsupported_image"
        refused = ask("http://169.254.169.254/latest").json()["error"]
        assert refused["code"] == "remote_image_refused" and refused["param"] == "messages.0.content.0.image_url.url"
        assert ask("http://img.example/coat.jpg").status_code == 200
    shop.close()
