"""How long it takes from `python app.py` to a page that can be used, and to all of it, at the very first start and
later; imports; memory."""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from assistant.bench import running
from retrieval.evaluation.results import Result, revision

_ROOT = Path(__file__).resolve().parents[2]
_TIMES = 5


def bench_start(_data: Path, seed: int) -> Result:
    """The demo catalogue in a folder of its own. A page can be used when the first part of its document is there; the
    document is whole once everything is loaded."""
    with tempfile.TemporaryDirectory() as home:
        first = _start(home)
        later = [_start(home) for _ in range(_TIMES)]
    figures = {
        "first_usable_s": first.usable_s,
        "first_start_s": first.whole_s,
        "prepared_usable_s": statistics.median(one.usable_s for one in later),
        "prepared_usable_slowest_s": max(one.usable_s for one in later),
        "prepared_start_s": statistics.median(one.whole_s for one in later),
        "prepared_start_slowest_s": max(one.whole_s for one in later),
        "memory_mb": statistics.median(one.memory_mb for one in later),
        "import_assistant_s": _import_s("assistant"),
        "import_main_path_s": _import_s("assistant.stylist"),
    }
    return Result("start", "outfit bench start", revision(), seed, _TIMES, figures)


@dataclass(frozen=True, slots=True)
class _Start:
    usable_s: float
    whole_s: float
    memory_mb: float  # resident, at the end


def _start(home: str) -> _Start:
    started = time.perf_counter()
    with running.app({**_environment(), "OUTFIT_HOME": home}) as (address, process_id):
        with urllib.request.urlopen(address, timeout=60) as page:
            scripts = 0
            for line in page:  # the texts, then the page's own script, which ends the first part
                scripts += b"</script>" in line
                if scripts == 2:
                    break
            usable_s = time.perf_counter() - started
            page.read()
        whole_s = time.perf_counter() - started
        status = Path(f"/proc/{process_id}/status").read_text(encoding="ascii")
        return _Start(usable_s, whole_s, int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024)


def _import_s(module: str) -> float:
    code = f"import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
    taken = [
        float(subprocess.run([sys.executable, "-c", code], cwd=_ROOT, check=True, capture_output=True, text=True).stdout)
        for _ in range(_TIMES)
    ]
    return statistics.median(taken)


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("OUTFIT_")}
