"""Where the files that ship are: `data/` beside the packages in a checkout, inside `assistant` in an installed wheel."""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).resolve().parent


def path(name: str, *, room: str = "data") -> Path:
    """The path of a file or folder that ships: `path("weights/image.onnx")`. It need not exist.

    `room` is "data" or "prompts".
    """
    checkout = _HERE.parent / room
    base = checkout if checkout.is_dir() else _HERE.parent / "assistant" / room
    return base / name
