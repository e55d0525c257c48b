"""Who may use the API: keys by the command line, on the wire, and at the start of a server; rates for each of them."""

from __future__ import annotations

import asyncio
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import openai
import pytest

from assistant.api.app import create_api
from assistant.api.keys import FILE, Keys
from assistant.compose import Assistant
from assistant.serve import serve
from assistant.settings import Settings
from retrieval.errors import InvalidInput, InvalidSetting
from tests.api_server import serving, small_shop

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Iterator[Assistant]:
    assistant = small_shop(tmp_path_factory.mktemp("shop"))
    yield assistant
    assistant.close()


def client(address: str, key: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{address}/v1", api_key=key, max_retries=0)


def test_from_the_first_key_on_every_request_needs_one(shop, tmp_path):
    keys = Keys(tmp_path / FILE)
    with serving(create_api(shop, keys=keys)) as address:
        assert client(address, "none").models.list().data  # nobody has made one yet
        key = keys.make("shop")
        assert client(address, key).models.list().data
        wrong = key[:-1] + ("A" if key[-1] != "A" else "B")
        for given in ("none", wrong, key.upper(), key + "x"):
            with pytest.raises(openai.AuthenticationError) as refused:
                client(address, given).models.list()
            assert refused.value.code == "invalid_api_key" and refused.value.request_id
        bare = httpx.get(f"{address}/v1/models")
        assert bare.status_code == 401 and bare.headers["www-authenticate"] == "Bearer"
        assert httpx.get(f"{address}/metrics").status_code == 401
        assert httpx.get(f"{address}/healthz").status_code == 200
        keys.revoke(keys.all()[0].id)
        with pytest.raises(openai.AuthenticationError):
            client(address, key).models.list()
        assert httpx.get(f"{address}/v1/models").status_code == 401  # the last key gone opens nothing


def test_a_key_is_kept_as_a_hash(tmp_path):
    keys = Keys(tmp_path / FILE)
    key = keys.make("shop")
    secret = key.split("-", 2)[2]
    assert len(secret) == 43 and secret.encode() not in (tmp_path / FILE).read_bytes()
    assert (tmp_path / FILE).stat().st_mode & 0o077 == 0
    with sqlite3.connect(tmp_path / FILE) as connection:
        assert connection.execute("select name from keys").fetchall() == [("shop",)]
    assert keys.make("shop") != key


def test_a_key_opens_what_its_role_says_and_is_told_what_to_make_instead(shop, tmp_path):
    keys = Keys(tmp_path / FILE)
    of_shop, of_desk = keys.make("web shop"), keys.make("Mei", "desk")
    with serving(create_api(shop, keys=keys)) as address:

        def ask(path: str, key: str) -> httpx.Response:
            return httpx.get(f"{address}{path}", headers={"authorization": f"Bearer {key}"})

        assert ask("/v1/models", of_shop).status_code == ask("/v1/outfit/review/progress", of_desk).status_code == 200
        refused = ask("/v1/outfit/review/progress", of_shop)
        assert refused.status_code == 403 and refused.headers["x-request-id"]
        error = refused.json()["error"]
        assert (error["code"], error["type"]) == ("wrong_role", "permission_error")
        assert "role 'shop'" in error["message"] and "outfit keys make NAME --role desk" in error["message"]
        for path in ("/v1/models", "/metrics", "/v1/outfit/items/1", "/v1/outfit/review"):
            refused = ask(path, of_desk)
            assert refused.status_code == 403 and "--role shop" in refused.json()["error"]["message"], path
    with pytest.raises(InvalidInput, match="role 'boss': expected shop or desk"):
        keys.make("x", "boss")


def test_a_key_from_before_there_were_roles_opens_everything(shop, tmp_path):
    made = Keys(tmp_path / FILE).make("old")
    with sqlite3.connect(tmp_path / FILE) as connection:  # as the file was then
        connection.executescript(
            "CREATE TABLE old (id VARCHAR(8) PRIMARY KEY, name VARCHAR(100) NOT NULL, digest VARCHAR(64) NOT NULL, "
            "made_at DATETIME NOT NULL, revoked_at DATETIME); INSERT INTO old SELECT id, name, digest, made_at, revoked_at "
            "FROM keys; DROP TABLE keys; ALTER TABLE old RENAME TO keys"
        )
    keys = Keys(tmp_path / FILE)
    with serving(create_api(shop, keys=keys)) as address:
        for path in ("/v1/models", "/v1/outfit/review/progress"):
            assert httpx.get(f"{address}{path}", headers={"authorization": f"Bearer {made}"}).status_code == 200, path
    assert keys.check(keys.make("Mei", "desk")).role == "desk" and keys.check(made).role is None
    assert {key.name for key in Keys(tmp_path / FILE).all()} == {"old", "Mei"}


def test_a_key_that_is_not_there_cannot_be_revoked(tmp_path):
    with pytest.raises(InvalidInput, match="no key"):
        Keys(tmp_path / FILE).revoke("00000000")
    with pytest.raises(InvalidInput, match="key name"):
        Keys(tmp_path / FILE).make(" ")
    assert not Keys(tmp_path / FILE).are_needed


def test_keys_are_made_listed_and_revoked_by_commands(tmp_path):
    def outfit(*arguments: str) -> str:
        environment = {"OUTFIT_HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "COLUMNS": "120"}
        command = [sys.executable, "-m", "assistant.cli", "keys", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=120).stdout

    key = outfit("make", "web shop").strip()
    keys = Keys(tmp_path / FILE)
    key_id = keys.check(key).id
    listed = outfit("list")
    assert "web shop" in listed and key_id in listed and key.split("-", 2)[2] not in listed
    assert keys.check(outfit("make", "Mei", "--role", "desk").strip()).role == "desk"
    assert [line.split()[-3] for line in outfit("list").splitlines()[1:]] == ["shop", "desk"]
    outfit("revoke", key_id)
    assert keys.check(key) is None


def test_other_machines_are_not_let_in_without_a_key(tmp_path):
    with pytest.raises(InvalidSetting, match="no key") as refused:
        serve(Settings.load(home=tmp_path / "home", host="0.0.0.0", port=0), with_page=False)
    assert "outfit keys make" in refused.value.hint
    with socket.create_server(("127.0.0.1", 0)):
        pass  # the refused server has let its port go


def test_each_key_has_its_own_rate(shop, tmp_path):
    keys = Keys(tmp_path / FILE)
    one, other = keys.make("one"), keys.make("other")
    limited = replace(shop, settings=shop.settings.model_copy(update={"api_rate": "3/hour"}))
    with serving(create_api(limited, keys=keys)) as address:
        left = []
        for _ in range(3):
            reply = httpx.get(f"{address}/v1/models", headers={"authorization": f"Bearer {one}"})
            left.append(reply.headers["x-ratelimit-remaining-requests"])
        assert left == ["2", "1", "0"] and reply.headers["x-ratelimit-limit-requests"] == "3"
        with pytest.raises(openai.RateLimitError) as refused:
            client(address, one).models.list()
        assert refused.value.code == "rate_limit_exceeded" and int(refused.value.response.headers["retry-after"]) > 0
        assert client(address, other).models.list().data
        assert httpx.get(f"{address}/healthz").status_code == 200


def test_71_who_was_over_the_rate_is_served_again_after_it(shop):
    limited = replace(shop, settings=shop.settings.model_copy(update={"api_rate": "5/second"}))

    async def crowd(address: str) -> list[httpx.Response]:
        async with httpx.AsyncClient(timeout=60) as client:
            return await asyncio.gather(*(client.get(f"{address}/v1/models") for _ in range(60)))

    with serving(create_api(limited)) as address:
        replies = asyncio.run(crowd(address))
        refused = [reply for reply in replies if reply.status_code == 429]
        assert refused and {reply.status_code for reply in replies} == {200, 429}
        assert all(int(reply.headers["retry-after"]) >= 1 for reply in refused)
        for _ in range(20):
            time.sleep(int(refused[0].headers["retry-after"]))
            if (reply := httpx.get(f"{address}/v1/models")).status_code == 200:
                break
        assert reply.status_code == 200


def test_a_rate_that_cannot_be_read_is_refused_at_the_start(shop):
    with pytest.raises(InvalidSetting, match="600/minute"):
        create_api(replace(shop, settings=shop.settings.model_copy(update={"api_rate": "often"})))
