"""The API under load, by a client on the same machine: searches, photo turns, more than it can take, and its memory.

`outfit serve` runs in a process of its own with the settings in force, so ingest the catalogue to measure first. Beside
each figure stand the processor's milliseconds of server and client, which say what limits it: with one interpreter a
server that uses a whole core is at its end.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import os
import random
import re
import resource
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from assistant.bench.load import Line, closed_loop, open_loop, post
from retrieval import resources
from retrieval.errors import StoreError
from retrieval.evaluation.results import Result, revision

_GENDERS = ("men's", "women's", "boys", "girls", "")
_COLOURS = ("black", "navy blue", "white", "red", "grey", "olive", "pink", "brown", "yellow", "beige")
_KINDS = (
    "jeans", "shirt", "t-shirt", "dress", "running shoes", "sandals", "watch", "handbag", "backpack", "jacket",
    "sunglasses", "belt", "skirt", "kurta", "sweater", "formal shoes", "cap", "shorts", "wallet", "leggings",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured. `lines`: connections, tried one after another for the peak."""

    seconds: float = 15.0
    rate: float = 150.0
    lines: tuple[int, ...] = (1, 2, 4, 8, 16)
    overload_lines: int = 256
    users: int = 50
    think_s: float = 30.0
    turns_each: int = 4
    memory_requests: int = 10_000


def bench_api(_data: Path, seed: int) -> Result:
    return measure(seed, Plan())


def measure(seed: int, plan: Plan) -> Result:
    chance = random.Random(seed)
    searches = [
        post("/v1/outfit/search", {"text": " ".join(filter(None, words)), "k": 10})
        for words in itertools.product(_GENDERS, _COLOURS, _KINDS)
    ]
    chance.shuffle(searches)
    with _serving() as server:
        asyncio.run(closed_loop(server.port, searches, lines=4, seconds=2))  # what is loaded on use
        figures, peak = _searches(server, searches, plan)
        figures |= _overload(server, searches, peak, plan)
        figures |= _turns(server, plan, chance)
        figures |= _memory(server, searches, plan)
    return Result("api", "outfit bench api", revision(), seed, len(searches), figures)


def _searches(server: Server, searches: list[bytes], plan: Plan) -> tuple[dict[str, float], float]:
    figures, rates = {}, []
    for lines in plan.lines:
        with _costs(server) as cost:
            told = asyncio.run(closed_loop(server.port, searches, lines=lines, seconds=plan.seconds))
        rates.append(told.goodput)
        figures[f"search_{lines}_lines_per_s"] = told.goodput
        figures[f"search_{lines}_lines_p95_ms"] = _p(told.seconds, 95)
        figures[f"search_{lines}_lines_server_cpu_ms"] = cost.server_s / len(told.seconds) * 1e3
        figures[f"search_{lines}_lines_client_cpu_ms"] = cost.client_s / len(told.seconds) * 1e3
    steady = asyncio.run(
        open_loop(server.port, searches, rate=plan.rate, seconds=plan.seconds, lines=plan.overload_lines)
    )
    figures[f"search_at_{plan.rate:g}_per_s_answered_per_s"] = steady.goodput
    figures[f"search_at_{plan.rate:g}_per_s_p50_ms"] = _p(steady.seconds, 50)
    figures[f"search_at_{plan.rate:g}_per_s_p95_ms"] = _p(steady.seconds, 95)
    figures["search_peak_per_s"] = max(rates)
    return figures, max(rates)


def _overload(server: Server, searches: list[bytes], peak: float, plan: Plan) -> dict[str, float]:
    with _costs(server) as cost:
        told = asyncio.run(
            open_loop(server.port, searches, rate=3 * peak, seconds=plan.seconds, lines=plan.overload_lines)
        )
    refused = told.of(429)
    return {
        "overload_offered_per_s": 3 * peak,
        "overload_goodput_per_s": told.goodput,
        "overload_goodput_of_peak": told.goodput / peak,
        "overload_refused_share": len(refused) / len(told.seconds),
        "overload_refused_p50_ms": _p(refused, 50),
        "overload_refused_p99_ms": _p(refused, 99),
        "overload_other_answers": len(told.seconds) - len(refused) - len(told.of(200)),
        "overload_server_cores": cost.server_s / told.took_s,
        "overload_client_cores": cost.client_s / told.took_s,
    }


def _turns(server: Server, plan: Plan, chance: random.Random) -> dict[str, float]:
    """People who send a photo, look at the answer for a while, and send the next."""
    requests = []
    for path in sorted(resources.path("demo/photos").glob("*.jpg")):
        url = "data:image/jpeg;base64," + base64.b64encode(path.read_bytes()).decode("ascii")
        parts = [{"type": "text", "text": "What goes with this?"}, {"type": "image_url", "image_url": {"url": url}}]
        body = {"model": "outfit-assistant", "stream": True, "messages": [{"role": "user", "content": parts}]}
        requests.append(post("/v1/chat/completions", body))
    first, whole, statuses = [], [], []

    async def one() -> None:
        await asyncio.sleep(chance.uniform(0, plan.think_s))
        for _ in range(plan.turns_each):
            status, first_s, whole_s = await Line(server.port).stream(chance.choice(requests))
            statuses.append(status)
            if status == 200:
                first.append(first_s)
                whole.append(whole_s)
            await asyncio.sleep(chance.uniform(0.5, 1.5) * plan.think_s)

    async def everybody() -> None:
        await asyncio.gather(*(one() for _ in range(plan.users)))

    with _costs(server) as cost:
        asyncio.run(everybody())
    return {
        "turns": len(statuses),
        "turns_refused": sum(status != 200 for status in statuses),
        "turn_first_event_p50_ms": _p(first, 50),
        "turn_first_event_p95_ms": _p(first, 95),
        "turn_p50_ms": _p(whole, 50),
        "turn_p95_ms": _p(whole, 95),
        "turn_server_cpu_ms": cost.server_s / max(1, len(whole)) * 1e3,
    }


def _memory(server: Server, searches: list[bytes], plan: Plan) -> dict[str, float]:
    """Resident memory over many requests: the slope of the line through twenty readings, the first quarter aside."""
    readings, step = [], plan.memory_requests // 20

    async def ask(count: int) -> None:
        line = Line(server.port)
        for request in itertools.islice(itertools.cycle(searches), count):
            await line.ask(request)
        line.close()

    for number in range(1, 21):
        asyncio.run(ask(step))
        readings.append((number * step / 1_000, server.memory_mb()))
    thousands, megabytes = zip(*readings[5:], strict=True)
    return {
        "memory_mb": readings[-1][1],
        "memory_growth_mb_per_1000": statistics.linear_regression(thousands, megabytes).slope,
    }


def _p(seconds: list[float], percent: float) -> float:
    """A percentile in milliseconds; 0 of nothing."""
    return float(np.percentile(seconds, percent)) * 1e3 if seconds else 0.0


# --- the server -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Server:
    pid: int
    port: int

    def memory_mb(self) -> float:
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024

    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")  # utime, stime: proc(5)


@contextmanager
def _serving() -> Iterator[Server]:
    command = [sys.executable, "-m", "assistant.cli", "serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            url = next((m[0] for line in process.stdout if (m := re.search(r"http://[\w.:]+", line))), None)
            if url is None:
                raise StoreError("the server ended without naming its address", hint="outfit serve says why")
            _wait_ready(url)
            yield Server(process.pid, int(url.rpartition(":")[2]))
        finally:
            process.terminate()


def _wait_ready(url: str) -> None:
    for _ in range(300):
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=60) as reply:
                reply.read()
                return
        except OSError:
            time.sleep(0.2)
    raise StoreError("the server did not become ready within a minute", hint="outfit serve says why")


@dataclass(slots=True)
class Cost:
    """Seconds of the processor that server and client used."""

    server_s: float = 0.0
    client_s: float = 0.0


@contextmanager
def _costs(server: Server) -> Iterator[Cost]:
    cost, before = Cost(), (server.cpu_s(), _own_cpu_s())
    yield cost
    cost.server_s, cost.client_s = server.cpu_s() - before[0], _own_cpu_s() - before[1]


def _own_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
