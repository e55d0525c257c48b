"""Several app processes as one: three of `python app.py` behind nginx, over one database and one Redis, all on the loopback."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from assistant.compose import open_shelf
from assistant.settings import Settings
from retrieval import feeds, resources
from tests.databases import free_port

ROOT = Path(__file__).resolve().parents[1]
RATE = 12
_ITEMS = 120
_READY_S = 240

NGINX = """
{user}daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log; worker_processes 1;
events {{ worker_connections 256; }}
http {{
    access_log off; client_max_body_size 33m; proxy_read_timeout 300s;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    upstream anybody {{ {servers} }}
    map $uid_got $visitor {{ "" $remote_addr; default $uid_got; }}
    upstream the_same {{ hash $visitor consistent; {servers} }}
    userid on; userid_name seat;
    proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host; proxy_buffering off;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_next_upstream error timeout non_idempotent;
    server {{
        listen 127.0.0.1:{port};
        location / {{ proxy_pass http://anybody; }}
        location /gradio_api/ {{ proxy_pass http://the_same; add_header x-process $upstream_addr; }}
    }}
}}
"""


@dataclass
class Fleet:
    address: str
    processes: dict[int, subprocess.Popen]  # by port
    settings: Settings


@pytest.fixture(scope="module")
def fleet(tmp_path_factory, database_servers) -> Iterator[Fleet]:
    nginx, redis = (_program(name) for name in ("nginx", "redis-server"))
    pytest.importorskip("redis", reason="the package redis is not installed (extra: scale)")
    folder = tmp_path_factory.mktemp("fleet")
    storage_port, index_port, port = (free_port() for _ in range(3))
    settings = Settings.load(
        home=folder / "home", catalogue_url=database_servers("postgresql").fresh(), shared_state=True, api_rate=f"{RATE}/minute",
        limits_url=f"redis://127.0.0.1:{storage_port}", index_url=f"http://127.0.0.1:{index_port}",
    )  # fmt: skip
    index = [str(Path(sys.executable).with_name("chroma")), "run", "--path", str(folder / "index"), "--port", str(index_port)]
    running = [subprocess.Popen([*index, "--host", "127.0.0.1"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)]
    _wait_for(f"http://127.0.0.1:{index_port}/api/v2/heartbeat", running[0], folder / "nothing.log")
    _ingest(settings, folder)
    running.append(subprocess.Popen([redis, "--port", str(storage_port), "--bind", "127.0.0.1", "--save", ""], stdout=subprocess.DEVNULL))
    names = ("home", "catalogue_url", "shared_state", "api_rate", "limits_url", "index_url")
    environment = os.environ | {f"OUTFIT_{name.upper()}": str(getattr(settings, name)) for name in names}
    ports = [free_port() for _ in range(3)]
    processes = {}
    for each in ports:
        log = (folder / f"app-{each}.log").open("wb")
        processes[each] = subprocess.Popen(
            [sys.executable, "app.py"], cwd=ROOT, env=environment | {"OUTFIT_PORT": str(each)}, stdout=log, stderr=log
        )
        log.close()
    try:
        servers = " ".join(f"server 127.0.0.1:{each} max_fails=1 fail_timeout=30s;" for each in ports)
        conf = folder / "nginx.conf"
        conf.write_text(NGINX.format(user="user root; " if os.geteuid() == 0 else "", folder=folder, servers=servers, port=port), encoding="utf-8")
        running.append(subprocess.Popen([nginx, "-c", str(conf), "-p", str(folder)], stderr=subprocess.DEVNULL))
        for each in ports:
            _wait_for(f"http://127.0.0.1:{each}/readyz", processes[each], folder / f"app-{each}.log")
        yield Fleet(f"http://127.0.0.1:{port}", processes, settings)
    finally:
        for process in (*processes.values(), *running):
            process.terminate()
        for process in (*processes.values(), *running):
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _program(name: str) -> str:
    found = shutil.which(name, path=f"/usr/sbin:{os.environ.get('PATH', '')}")
    if found is None:
        pytest.skip(f"{name} is not installed: apt-get install nginx-light redis-server")
    return found


def _ingest(settings: Settings, folder: Path) -> None:
    demo = resources.path("demo")
    with (demo / "styles.csv").open(encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    with (folder / "feed.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows[:: max(1, len(rows) // _ITEMS)]])
    shelf = open_shelf(settings)
    shelf.ingest(feeds.read_feed(folder / "feed.csv"), demo / "images")
    shelf.catalogue.close()


def _wait_for(url: str, process: subprocess.Popen, log: Path) -> None:
    until = time.monotonic() + _READY_S
    while time.monotonic() < until and process.poll() is None:
        try:
            if httpx.get(url, timeout=5).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.2)
    raise AssertionError(f"{url} was not ready:\n{log.read_text(encoding='utf-8', errors='replace')[-3_000:] if log.is_file() else ''  }")


class Visitor:
    """What the page does in a visitor's browser: each turn one request that asks and one that listens."""

    def __init__(self, fleet: Fleet, name: str) -> None:
        self.client = httpx.Client(base_url=fleet.address, timeout=120)  # with the proxy's own cookie from the first answer on
        self.session = f"session-of-{name}"
        config = self.client.get("/config").json()
        self.functions = {target[1]: number for number, each in enumerate(config["dependencies"]) for target in each["targets"]}
        self.process = ""

    def upload(self, data: bytes) -> str:
        return self.client.post("/photos", content=data).json()["name"]

    def ask(self, **asked) -> dict:
        """The last patch of the page that the turn gives."""
        body = {"data": [None], "event_data": {"lang": "en", **asked}, "fn_index": self.functions["ask"], "session_hash": self.session}
        joined = self.client.post("/gradio_api/queue/join", json={**body, "trigger_id": 1})
        assert joined.status_code == 200, joined.text
        self.process = _last(joined.headers["x-process"])
        with self.client.stream("GET", "/gradio_api/queue/data", params={"session_hash": self.session}) as events:
            assert _last(events.headers["x-process"]) == self.process
            for line in events.iter_lines():
                said = json.loads(line.removeprefix("data: ")) if line.startswith("data: ") else {}
                if said.get("msg") == "process_completed":
                    assert said["success"], said
                    return said["output"]["data"][1]
        raise AssertionError("the turn had no end")


def _last(tried: str) -> str:
    """Of the processes that the proxy tried, the one that answered."""
    return tried.rpartition(", ")[2]


def photo() -> bytes:
    return (resources.path("demo/photos") / "hanger_shirt.jpg").read_bytes()


def test_a_photo_is_there_for_every_process_and_gone_for_all(fleet):
    name = httpx.post(f"{fleet.address}/photos", content=photo()).json()["name"]
    from assistant.ui.files import SharedDrawer
    from retrieval.catalogue import Catalogue

    catalogue = Catalogue.open(fleet.settings.catalogue_url)
    drawer = SharedDrawer(catalogue)
    assert max(drawer.photo(name).size) <= 1_600  # as the first turn does, whichever process has it
    for _ in range(2):
        for port in fleet.processes:
            assert httpx.get(f"http://127.0.0.1:{port}/photos/{name}").headers["content-type"] == "image/jpeg"
    drawer.drop(name)
    for port in fleet.processes:
        assert httpx.get(f"http://127.0.0.1:{port}/photos/{name}").status_code == 404
    catalogue.close()


def test_one_rate_holds_over_all_processes(fleet):
    """Round robin over three: counted apart, three times as many would come in."""
    with httpx.Client(base_url=fleet.address, timeout=60) as client:
        replies = [client.get("/v1/models") for _ in range(RATE + 6)]
    within = [reply for reply in replies if reply.status_code == 200]
    assert RATE - 1 <= len(within) <= RATE + 1  # a minute may begin between two of them
    assert {reply.status_code for reply in replies} == {200, 429}
    assert all("retry-after" in reply.headers for reply in replies if reply.status_code == 429)


def test_the_desks_queue_is_one(fleet):
    """Told to one process, decided at another, seen by the third."""
    told, decided, seen = (
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, headers={"x-forwarded-for": "10.0.0.9"})
        for port in fleet.processes
    )
    first, second = told.post("/v1/outfit/search", json={"text": "shirt", "k": 2}).json()["data"]
    pair = {"reference": first["item"]["sku"], "skus": [second["item"]["sku"]]}
    case = told.post("/v1/outfit/feedback", json={**pair, "rating": "down", "words": "Not together"}).json()["case"]
    for client in (decided, seen):
        assert case in [each["id"] for each in client.get("/v1/outfit/review/cases").json()["data"]]
    body = {"cases": [case], "act": "reject", "reason": "style", "who": "Ann"}
    reply = decided.post("/v1/outfit/review/decisions", json=body)
    assert reply.status_code == 200, reply.text
    assert case not in [each["id"] for each in seen.get("/v1/outfit/review/cases").json()["data"]]


def test_two_visitors_talk_to_different_processes_and_never_see_each_other(fleet):
    visitors = [Visitor(fleet, name) for name in ("ann", "bo", "cy", "di")]
    while len({visitor.process for visitor in visitors}) == 1 and len(visitors) < 30:  # the proxy goes by its own random names
        visitors.append(Visitor(fleet, f"visitor {len(visitors)}"))
    for number, visitor in enumerate(visitors):
        patch = visitor.ask(act="say", message=f"under {100 + number} in all")
        assert f"under ${100 + number} in all" in patch["bar"] or f"{100 + number}" in patch["bar"]
    assert len({visitor.process for visitor in visitors}) > 1


def test_a_conversation_goes_on_when_its_process_is_killed(fleet):
    visitor = Visitor(fleet, "eve")
    name = visitor.upload(photo())
    first = visitor.ask(act="photo", names=[name])
    if "data-act=\"choose\"" in first["nodes"]["answer"]:
        first = visitor.ask(act="choose")
    assert first["photo"] == name and first["turn"] >= 1
    port = int(visitor.process.rpartition(":")[2])
    fleet.processes[port].send_signal(signal.SIGKILL)
    fleet.processes[port].wait()
    second = visitor.ask(act="say", message="under 150 in all")
    assert int(visitor.process.rpartition(":")[2]) != port
    assert second["photo"] == name and second["turn"] == first["turn"] + 1
    assert "150" in second["bar"] and "look" in second["nodes"]["answer"]
    third = visitor.ask(act="undo")
    assert "150" not in third["bar"] and third["turn"] == second["turn"] + 1
