"""`python app.py` as a process of its own, for benches that ask it from outside."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from retrieval.errors import StoreError

_ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def app(environment: Mapping[str, str]) -> Iterator[tuple[str, int]]:
    """Its address, as soon as it is told, and its process id; any free port. It is ended in the end."""
    with subprocess.Popen(
        [sys.executable, "app.py"], cwd=_ROOT, env={**environment, "OUTFIT_PORT": "0"}, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True,
    ) as process:  # fmt: skip
        try:
            address = next((m[0] for line in process.stdout if (m := re.search(r"http://[\w.:]+/", line))), None)
            if address is None:
                raise StoreError("app.py ended without naming its address", hint="python app.py says why")
            yield address, process.pid
        finally:
            process.terminate()
