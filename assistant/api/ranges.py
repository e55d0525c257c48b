"""One range of bytes out of a file (RFC 9110, section 14)."""

from __future__ import annotations

import re

from assistant.api.errors import ApiError

_ONE = re.compile(r"bytes=\s*(\d{0,18})-(\d{0,18})\s*")


def read(header: str, size: int) -> range | None:
    """The bytes that a `Range` header asks for of a file of `size` bytes. None: the whole file, which also answers
    several ranges, other units and what is no range at all. Raises ApiError (416) for one that begins after the end.
    """
    match = _ONE.fullmatch(header)
    if match is None or match[1] == match[2] == "":
        return None
    first, last = match[1], match[2]
    if first == "":  # the last so many bytes
        wanted = range(max(0, size - int(last)), size)
    elif last and int(last) < int(first):
        return None
    else:
        wanted = range(int(first), min(int(last) + 1, size) if last else size)
    if wanted:
        return wanted
    raise ApiError(
        f"The file has {size} bytes.",
        status=416,
        code="range_not_satisfiable",
        headers={"content-range": f"bytes */{size}"},
    )
