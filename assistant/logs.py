"""What a server writes about itself: one line an event, as JSON for machines or as text for a terminal.

Each line of a request carries its id. Keys and pictures are struck out wherever they stand, and line breaks inside what
is told cannot begin a line of their own.
"""

from __future__ import annotations

import logging
import re
import sys
from typing import Any

import structlog

_CHATTY = ("alembic", "httpx", "httpcore", "uvicorn.access")
_KEY = re.compile(r"outfit-([0-9a-f]{8})-[A-Za-z0-9_-]{20,}")
_PICTURE = re.compile(r"data:image/[a-z0-9.+-]{1,40};base64,[A-Za-z0-9+/=]*", re.IGNORECASE)
_BEARER = re.compile(r"(?i)\bbearer\s+\S+")


def configure(level: str, form: str) -> None:
    """Send every line to stderr. `form` is "json", "text", or "auto": text on a terminal, else JSON."""
    is_text = form == "text" or (form == "auto" and sys.stderr.isatty())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    plain = structlog.dev.plain_traceback
    last = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)
        if is_text
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    handler = _Stderr()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _strike_out,
                last,
            ],
        )
    )
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)


class _Stderr(logging.Handler):
    """Writes to stderr as it is at that moment. A stream that was taken once may be closed while the process goes on:
    each line would then be a traceback of the logging itself."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            print(self.format(record), file=sys.stderr, flush=True)
        except Exception:
            self.handleError(record)


def struck_out(text: str) -> str:
    """A text without keys and pictures."""
    text = _PICTURE.sub("data:image/...", text)
    return _BEARER.sub("Bearer ...", _KEY.sub(r"outfit-\1-...", text))


def _strike_out(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    return {
        name: struck_out(value).replace("\r", "\\r").replace("\n", "\\n" if name != "exception" else "\n")
        if isinstance(value, str)
        else value
        for name, value in event.items()
    }
