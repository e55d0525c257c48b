"""A real browser for tests of pages: Chromium where there is one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run",
)  # fmt: skip


@contextmanager
def chromium() -> Iterator[Any]:
    """Headless Chromium, or a skip by name."""
    playwright = pytest.importorskip("playwright.sync_api")
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not found:
        pytest.skip("no Chromium on this machine: pages are not tested in a browser")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=found, args=list(QUIET))
        yield browser
        browser.close()


class Tab:
    """A browser tab with what it asked for and the errors that it met."""

    def __init__(self, tab: Any) -> None:
        self.tab = tab
        self.requests: list[str] = []
        self.troubles: list[str] = []
        tab.on("request", lambda request: self.requests.append(request.url))
        tab.on("pageerror", lambda error: self.troubles.append(str(error)))

    def check(self, address: str) -> None:
        """It met no error and asked nothing of anybody but that address."""
        assert [url for url in self.requests if not url.startswith((address, "data:", "blob:"))] == []
        assert self.troubles == []
