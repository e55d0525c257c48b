"""Rates of the API: counted alone or together, and what a shared storage that fails costs."""

from __future__ import annotations

import subprocess
import time

import pytest

from assistant.api.rates import Rates
from retrieval.errors import InvalidSetting
from tests.databases import free_port
from tests.test_processes import _program


@pytest.fixture(scope="module")
def redis_url():
    program = _program("redis-server")
    client = pytest.importorskip("redis", reason="the package redis is not installed (extra: scale)")
    port = free_port()
    process = subprocess.Popen([program, "--port", str(port), "--bind", "127.0.0.1", "--save", ""], stdout=subprocess.DEVNULL)
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            client.Redis(port=port).ping()
            break
        except client.ConnectionError:
            time.sleep(0.05)
    yield f"redis://127.0.0.1:{port}"
    process.terminate()
    process.wait()


def test_two_processes_count_together(redis_url):
    mine, theirs = Rates("3/hour", redis_url), Rates("3/hour", redis_url)
    counts = [rates.count("key a") for rates in (mine, theirs, mine, theirs)]
    assert [count.is_within for count in counts] == [True, True, True, False]
    assert [count.remaining for count in counts] == [2, 1, 0, 0]
    assert counts[-1].reset_s > 0 and theirs.count("key b").is_within


def test_alone_each_counts_for_itself():
    mine, theirs = Rates("1/hour"), Rates("1/hour")
    assert [rates.count("key a").is_within for rates in (mine, theirs, mine)] == [True, True, False]
    assert not mine.is_shared


def test_while_the_storage_is_away_the_limit_still_holds_here_and_the_log_says_so_once(caplog):
    rates = Rates("2/hour", f"redis://127.0.0.1:{free_port()}")
    assert [rates.count("key a").is_within for _ in range(3)] == [True, True, False]
    assert caplog.text.count("counts for itself") == 1


@pytest.mark.parametrize("storage", ["nosuch://host", "rediss", ""])
def test_a_storage_that_does_not_exist(storage):
    with pytest.raises(InvalidSetting) as caught:
        Rates("2/hour", storage)
    assert "OUTFIT_LIMITS_URL" in caught.value.hint


def test_a_rate_that_is_none():
    with pytest.raises(InvalidSetting, match="many"):
        Rates("many")
