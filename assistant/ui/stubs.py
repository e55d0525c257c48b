"""Gradio without its type stubs: imported in half the time, and from an installation that cannot be written.

Importing Gradio reads and parses the source of each of its components and writes a `.pyi` file beside it, for editors.
It leaves out classes whose source file is not known; for the time of the import, none is.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def without_type_stubs() -> Iterator[None]:
    """Import Gradio inside this block."""
    getfile = inspect.getfile

    def unknown(thing: Any) -> str:
        if str(getattr(thing, "__module__", "")).startswith("gradio."):
            raise OSError("not looked for while Gradio is imported")
        return getfile(thing)

    inspect.getfile = unknown
    try:
        yield
    finally:
        inspect.getfile = getfile
