"""CMC curves of several rows as one picture, a panel for each level of difficulty. Pillow alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

MOST = 20  # ranks shown
_W, _H, _LEFT, _TOP, _GAP = 360, 300, 44, 34, 30
_COLOURS = ((20, 90, 60), (200, 80, 20), (40, 90, 190), (150, 60, 150), (90, 90, 90), (190, 150, 20))


def draw(lines: Sequence[tuple[str, np.ndarray]], levels: Sequence[str], file: Path) -> None:
    """`lines`: names with (n,) ranks from 1, 0 for never, of the same queries; `levels` (n,) their level. Writes a PNG.

    Lines that differ only in what follows a comma share a colour; of these the first is drawn full, the others thin.
    """
    levels = np.asarray(levels)
    panels = list(dict.fromkeys(levels.tolist()))
    heads = list(dict.fromkeys(name.partition(",")[0] for name, _ in lines))
    seen: set[str] = set()
    width = len(panels) * (_W + _LEFT + _GAP) + _GAP
    picture = Image.new("RGB", (width, _TOP + _H + 40 + 16 * len(lines)), "white")
    pen = ImageDraw.Draw(picture)
    for p, level in enumerate(panels):
        x0 = _LEFT + p * (_W + _LEFT + _GAP)
        pen.text((x0, 10), f"{level}: share found within rank k", fill=(30, 30, 30))
        for tenth in range(0, 11, 2):
            y = _TOP + _H - _H * tenth // 10
            pen.line([(x0, y), (x0 + _W, y)], fill=(225, 225, 225))
            pen.text((x0 - 30, y - 6), f"{tenth * 10} %", fill=(90, 90, 90))
        for k in (1, 5, 10, 15, 20):
            x = x0 + (k - 1) * _W // (MOST - 1)
            pen.text((x - 4, _TOP + _H + 6), str(k), fill=(90, 90, 90))
    for row, (name, ranks) in enumerate(lines):
        head = name.partition(",")[0]
        colour = _COLOURS[heads.index(head) % len(_COLOURS)]
        thick = 3 if head not in seen else 1
        seen.add(head)
        for p, level in enumerate(panels):
            own = np.asarray(ranks)[levels == level]
            shares = [float(np.mean((own >= 1) & (own <= k))) for k in range(1, MOST + 1)]
            x0 = _LEFT + p * (_W + _LEFT + _GAP)
            points = [(x0 + k * _W / (MOST - 1), _TOP + _H - _H * share) for k, share in enumerate(shares)]
            pen.line(points, fill=colour, width=thick)
        y = _TOP + _H + 32 + 16 * row
        pen.line([(_LEFT, y + 6), (_LEFT + 30, y + 6)], fill=colour, width=thick)
        pen.text((_LEFT + 38, y), name, fill=(30, 30, 30))
    picture.save(file, optimize=True)
