"""Learning curves as a small picture: what a run's log says, each measure on its own scale."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw

_COLOURS = ((32, 90, 190), (200, 80, 30), (40, 140, 60), (130, 60, 160))


def read_log(log: Path, names: Sequence[str]) -> dict[str, list[tuple[int, float]]]:
    """name -> (step, value) of each line of a .jsonl log that has it; a line cut short by a kill is passed over."""
    found: dict[str, list[tuple[int, float]]] = {name: [] for name in names}
    for line in log.read_text(encoding="utf-8").splitlines():
        try:
            values = json.loads(line)
        except ValueError:
            continue
        for name in names:
            if name in values:
                found[name].append((int(values["step"]), float(values[name])))
    return {name: points for name, points in found.items() if points}


def draw_log(log: Path, file: Path, names: Sequence[str], *, width: int = 640, row: int = 120) -> None:
    """One strip a measure, from its least to its greatest value, steps to the right; as a PNG."""
    found = read_log(log, names) if log.is_file() else {}
    picture = Image.new("RGB", (width, max(1, len(found)) * row + 20), "white")
    pen = ImageDraw.Draw(picture)
    left, right = 80, width - 12
    for i, (name, points) in enumerate(found.items()):
        top, bottom = i * row + 20, (i + 1) * row - 6
        low, high = min(v for _, v in points), max(v for _, v in points)
        last, first = points[-1][0], points[0][0]
        colour = _COLOURS[i % len(_COLOURS)]
        pen.rectangle((left, top, right, bottom), outline=(220, 220, 220))
        pen.text((4, top - 14), name, fill=colour)
        pen.text((4, top), f"{high:.4g}", fill=(90, 90, 90))
        pen.text((4, bottom - 12), f"{low:.4g}", fill=(90, 90, 90))
        line = [
            (left + (right - left) * (s - first) / max(1, last - first), bottom - (bottom - top) * (v - low) / max(1e-12, high - low))
            for s, v in points
        ]  # fmt: skip
        if len(line) > 1:
            pen.line(line, fill=colour, width=2)
    if found:
        pen.text((right - 70, len(found) * row + 2), f"step {max(p[-1][0] for p in found.values()):,}", fill=(90, 90, 90))
    picture.save(file, optimize=True)
