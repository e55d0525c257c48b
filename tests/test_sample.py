"""The sample catalogue's download, against the same layout on loopback with a server that misbehaves on purpose."""

from __future__ import annotations

import io
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from PIL import Image

from retrieval.errors import StoreError
from retrieval.images import read
from retrieval.sample import get_sample

HEADER = "id,gender,masterCategory,subCategory,articleType,baseColour,season,year,usage,productDisplayName"
IDS = [str(100 + i) for i in range(20)]


def jpeg(seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 255, (40, 30, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG")
    return buffer.getvalue()


class Server(ThreadingHTTPServer):
    """Serves the cookbook's layout. `faults`: path -> list of what to do at each request, one after another."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        rows = [f"{i},Men,Apparel,Topwear,Tshirts,Blue,Summer,2012.0,Casual,Shirt {i}" for i in IDS]
        self.files = {"/sample_styles.csv": "\n".join([HEADER, *rows]).encode()}
        self.files |= {f"/sample_images/{i}.jpg": jpeg(int(i)) for i in IDS}
        self.faults: dict[str, list[str]] = {}
        self.asked: Counter[str] = Counter()
        self.url = f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self):  # noqa: N802 - the name that http.server calls
        self.server.asked[self.path] += 1
        body = self.server.files.get(self.path)
        fault = self.server.faults.get(self.path, [])
        what = fault.pop(0) if fault else ""
        if body is None:
            self.send_error(404)
        elif what == "500":
            self.send_error(500)
        elif what == "hang up":
            self.connection.close()
        else:
            self.send_response(200)
            if what == "cut":  # promises all, sends half
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body[: len(body) // 2])
            elif what == "half":  # half a file, honestly announced
                self.send_header("Content-Length", str(len(body) // 2))
                self.end_headers()
                self.wfile.write(body[: len(body) // 2])
            else:
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
        self.close_connection = True

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    served = Server()
    thread = threading.Thread(target=served.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield served
    served.shutdown()
    served.server_close()


def test_everything_comes_once_and_a_second_call_fetches_nothing(server, tmp_path):
    events = []
    sample = get_sample(tmp_path, base_url=server.url, progress=events.append)
    assert sorted(path.stem for path in sample.images.iterdir()) == IDS
    assert sample.missing == ()
    assert (events[-1].done, events[-1].total) == (20, 20)
    assert set(server.asked.values()) == {1}
    again = get_sample(tmp_path, base_url=server.url)
    assert again == sample
    assert set(server.asked.values()) == {1}


@pytest.mark.parametrize("fault", ["500", "hang up", "cut", "half"])
def test_a_passing_fault_is_overcome(server, tmp_path, fault):
    server.faults = {"/sample_images/103.jpg": [fault], "/sample_styles.csv": [fault] if fault != "half" else []}
    sample = get_sample(tmp_path, base_url=server.url, wait_s=0.01)
    assert read(sample.images / "103.jpg").size == (30, 40)
    assert server.asked["/sample_images/103.jpg"] == 2


@pytest.mark.parametrize("fault", ["500", "hang up", "cut", "half"])
def test_after_an_interruption_the_next_call_fetches_only_the_rest(server, tmp_path, fault):
    broken = IDS[10:13]
    server.faults = {f"/sample_images/{i}.jpg": [fault] * 3 for i in broken}
    with pytest.raises(StoreError, match="17 of 20") as caught:
        get_sample(tmp_path, base_url=server.url, wait_s=0.01)
    assert "run the same command again" in caught.value.hint
    assert not list(tmp_path.rglob("*.part"))
    assert not any((tmp_path / "sample_images" / f"{i}.jpg").exists() for i in broken)
    server.asked.clear()
    get_sample(tmp_path, base_url=server.url, wait_s=0.01)
    assert set(server.asked) == {f"/sample_images/{i}.jpg" for i in broken}


def test_a_picture_that_the_server_does_not_have_is_named(server, tmp_path):
    del server.files["/sample_images/107.jpg"]
    assert get_sample(tmp_path, base_url=server.url).missing == ("107",)


def test_a_file_without_end_is_cut_off(server, tmp_path, monkeypatch):
    monkeypatch.setattr("retrieval.sample._MOST_BYTES", 100_000)
    server.files["/sample_images/104.jpg"] += bytes(200_000)
    with pytest.raises(StoreError, match="more than 100,000 bytes"):
        get_sample(tmp_path, base_url=server.url, wait_s=0.01)


def test_without_a_network_the_error_says_what_works_without_one(tmp_path):
    with pytest.raises(StoreError, match="cannot fetch the list") as caught:
        get_sample(tmp_path, base_url="http://127.0.0.1:9", wait_s=0.01)
    assert "outfit app" in caught.value.hint


def test_the_page_of_a_proxy_is_not_taken_for_the_list(server, tmp_path):
    server.files["/sample_styles.csv"] = b"<html><body>Please log in</body></html>"
    with pytest.raises(StoreError, match="no table of products"):
        get_sample(tmp_path, base_url=server.url, wait_s=0.01)
    assert not (tmp_path / "sample_styles.csv").exists()
