"""What a shopper waits for, in a real browser over the app: the page, the first progress of a photo, its answer."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from assistant.bench import running
from assistant.bench.looks import own_photos
from retrieval.errors import InvalidInput
from retrieval.evaluation.results import Result, revision

_PHOTOS = 30
_FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--no-first-run")
_LONGEST_MS = 120_000

# Marks, in milliseconds of the page's own clock: the photo was chosen; progress is seen; the server's first word is seen;
# the first step of its turn is; the answer stands and the page can be used again.
_WATCH = """
window.marks = null;
const all = (selector) => document.querySelectorAll(selector);
document.addEventListener('change', (event) => {
  if (event.target.matches('.files')) window.marks = { chosen: performance.now(), turns: all('.turn[id^=turn]').length };
}, true);
const note = (name, is) => { if (is && window.marks[name] === undefined) window.marks[name] = performance.now(); };
new MutationObserver(() => {
  if (!window.marks) return;
  const turns = all('.turn[id^=turn]'), last = turns.length > window.marks.turns ? turns[turns.length - 1] : null;
  note('seen', document.querySelector('#pending .steps') || last);
  note('told', document.querySelector('#pending [data-told]') || last);
  note('begun', last);
  note('answered', last?.querySelector('.answer > :not(.steps)') && !document.querySelector('#shop [data-busy]'));
}).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ['data-busy', 'data-told'] });
"""


def bench_page(data: Path, seed: int) -> Result:
    """One shopper, one photo after the other, on the catalogue in use. A choice of garments counts as an answer.

    The browser runs before the app does. The first photo is chosen as soon as the page takes it, while the app still
    loads its models: it is told apart from the others.
    """
    photos = own_photos(data, seed)[: _PHOTOS + 1]
    with _browser() as browser:
        page = browser.new_page(locale="en-GB", viewport={"width": 1280, "height": 900})
        page.add_init_script(_WATCH)
        started = time.perf_counter()
        with running.app(os.environ) as (address, _):
            opened = time.perf_counter()
            page.goto(address, wait_until="commit")
            page.wait_for_selector("#shop h1:not(:empty)", timeout=_LONGEST_MS)
            usable = time.perf_counter()
            _marks(page, photos[0])
            first_answer = time.perf_counter()
            marks = [_marks(page, photo) for photo in photos[1:]]
    seen, told, begun, answered = (
        [one[name] - one["chosen"] for one in marks] for name in ("seen", "told", "begun", "answered")
    )
    figures = {
        "app_to_usable_page_s": usable - started,
        "app_to_first_answer_s": first_answer - started,
        "page_load_s": usable - opened,
        "first_progress_p95_ms": float(np.percentile(seen, 95)),
        "server_progress_p50_ms": float(np.percentile(told, 50)),
        "server_progress_p95_ms": float(np.percentile(told, 95)),
        "turn_progress_p50_ms": float(np.percentile(begun, 50)),
        "turn_progress_p95_ms": float(np.percentile(begun, 95)),
        "answer_p50_s": float(np.percentile(answered, 50)) / 1_000,
        "answer_p95_s": float(np.percentile(answered, 95)) / 1_000,
    }
    return Result("page", "outfit bench page", revision(), seed, len(marks), figures)


@contextmanager
def _browser() -> Iterator[Any]:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise InvalidInput("the page is measured in a browser: playwright is missing", hint="pip install playwright") from error
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        raise InvalidInput("the page is measured in a browser: there is no Chromium", hint="apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(_FLAGS))
        try:
            yield browser
        finally:
            browser.close()


def _marks(page: Any, photo: bytes) -> dict[str, float]:
    page.evaluate("() => { window.marks = null; }")
    page.set_input_files(".files", {"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": photo})
    page.wait_for_function("() => window.marks?.answered !== undefined", timeout=_LONGEST_MS)
    return page.evaluate("() => window.marks")
