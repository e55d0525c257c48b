"""Writing a model as ONNX: what an exporter is given, and what it tells."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from retrieval.registry import Model

PARITY = 1e-4  # largest absolute difference of an embedding of norm 1 that the written file may show


@dataclass(frozen=True, slots=True)
class Job:
    """One export. `options` are those of `registry.load`; `samples` is a folder of pictures or a file of texts, a text a
    line, to measure with; `int8` asks for a smaller file beside `out`, with 8-bit weights."""

    model: Model
    out: Path
    options: Mapping[str, Any] = field(default_factory=dict)
    int8: bool = False
    samples: Path | None = None
    say: Callable[[str], None] = print


@dataclass(frozen=True, slots=True)
class Exported:
    """The files written, and what was measured of them by name (differences, cosines, seconds, bytes)."""

    files: tuple[Path, ...]
    figures: Mapping[str, float]


Exporter = Callable[[Job], Exported]
