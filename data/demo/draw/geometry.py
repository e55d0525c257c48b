"""Outlines as SVG path text. Lengths are in px of the 480 x 640 canvas; y grows downwards."""

from __future__ import annotations

import math
import re

WIDTH, HEIGHT, CX = 480, 640, 240

CORNER = "corner"
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def _f(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def clockwise(points):
    area = sum(
        a[0] * b[1] - b[0] * a[1] for a, b in zip(points, [*points[1:], points[0]], strict=True)
    )
    return list(points) if area >= 0 else list(points)[::-1]


def curve(points, closed: bool = True) -> str:
    """A path through `points`, smooth except where a point is (x, y, CORNER).

    Cubic segments whose handles are a third of the segment long and follow the chord between the neighbours
    (Catmull-Rom with bounded handles, so that uneven spacing does not overshoot). Closed paths run clockwise, so that
    several of them joined in one path add up instead of cutting holes.
    """
    if closed:
        points = clockwise(points)
    n = len(points)
    handles = []
    for i, point in enumerate(points):
        x, y = point[:2]
        before = points[i - 1] if closed or i > 0 else None
        after = points[(i + 1) % n] if closed or i < n - 1 else None
        if len(point) > 2 or before is None or after is None:
            handles.append((before, after, None))
            continue
        dx, dy = after[0] - before[0], after[1] - before[1]
        length = math.hypot(dx, dy) or 1.0
        handles.append((before, after, (dx / length, dy / length)))
    parts = [f"M{_f(points[0][0])} {_f(points[0][1])}"]
    for i in range(n if closed else n - 1):
        a, b = points[i], points[(i + 1) % n]
        length = math.hypot(b[0] - a[0], b[1] - a[1])
        chord = ((b[0] - a[0]) / (length or 1), (b[1] - a[1]) / (length or 1))
        out = handles[i][2] or chord
        into = handles[(i + 1) % n][2] or chord
        third = length / 3
        c1 = (a[0] + out[0] * third, a[1] + out[1] * third)
        c2 = (b[0] - into[0] * third, b[1] - into[1] * third)
        parts.append(f"C{_f(c1[0])} {_f(c1[1])} {_f(c2[0])} {_f(c2[1])} {_f(b[0])} {_f(b[1])}")
    return " ".join(parts) + (" Z" if closed else "")


def poly(points) -> str:
    return "M" + " L".join(f"{_f(p[0])} {_f(p[1])}" for p in points) + " Z"


def line(*points) -> str:
    return "M" + " L".join(f"{_f(p[0])} {_f(p[1])}" for p in points)


def mirror(points, cx: float = CX):
    """The same points on the other side of the vertical line x = cx, in the same order."""
    return [(2 * cx - p[0], *p[1:]) for p in points]


def symmetric(right, cx: float = CX):
    """A closed list from the right half (top centre to bottom centre); points on the axis are not doubled."""
    left = [p for p in mirror(right, cx)[::-1] if abs(p[0] - cx) > 0.01]
    return list(right) + left


def shift(points, dx: float = 0.0, dy: float = 0.0):
    return [(p[0] + dx, p[1] + dy, *p[2:]) for p in points]


def rotate(points, degrees: float, about):
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    ax, ay = about
    return [(ax + (p[0] - ax) * c - (p[1] - ay) * s, ay + (p[0] - ax) * s + (p[1] - ay) * c, *p[2:]) for p in points]


def scale(points, sx: float, sy: float | None = None, about=(CX, 320)):
    sy = sx if sy is None else sy
    return [(about[0] + (p[0] - about[0]) * sx, about[1] + (p[1] - about[1]) * sy, *p[2:]) for p in points]


def lerp(a, b, t: float):
    return (a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t)


def leaf(a, b, width: float, bend: float = 0.0) -> str:
    """A tapered stroke from a to b: `width` px at its middle, bowed by `bend` px to its left."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    length = math.hypot(dx, dy) or 1.0
    nx, ny = -dy / length, dx / length
    mx, my = (a[0] + b[0]) / 2, (a[1] + b[1]) / 2
    p = (mx + nx * (2 * bend + width), my + ny * (2 * bend + width))
    q = (mx + nx * (2 * bend - width), my + ny * (2 * bend - width))
    return (
        f"M{_f(a[0])} {_f(a[1])} Q{_f(p[0])} {_f(p[1])} {_f(b[0])} {_f(b[1])} "
        f"Q{_f(q[0])} {_f(q[1])} {_f(a[0])} {_f(a[1])} Z"
    )


def ellipse(cx: float, cy: float, rx: float, ry: float | None = None, degrees: float = 0.0):
    """Eight points for `curve` that make an ellipse to within a pixel."""
    ry = rx if ry is None else ry
    points = [(cx + rx * math.cos(k * math.pi / 8), cy + ry * math.sin(k * math.pi / 8)) for k in range(16)]
    return rotate(points, degrees, (cx, cy)) if degrees else points


def round_rect(x0: float, y0: float, x1: float, y1: float, r: float) -> str:
    r = min(r, (x1 - x0) / 2, (y1 - y0) / 2)
    k = r * 0.45
    return (
        f"M{_f(x0 + r)} {_f(y0)} L{_f(x1 - r)} {_f(y0)} C{_f(x1 - k)} {_f(y0)} {_f(x1)} {_f(y0 + k)} {_f(x1)} {_f(y0 + r)} "
        f"L{_f(x1)} {_f(y1 - r)} C{_f(x1)} {_f(y1 - k)} {_f(x1 - k)} {_f(y1)} {_f(x1 - r)} {_f(y1)} "
        f"L{_f(x0 + r)} {_f(y1)} C{_f(x0 + k)} {_f(y1)} {_f(x0)} {_f(y1 - k)} {_f(x0)} {_f(y1 - r)} "
        f"L{_f(x0)} {_f(y0 + r)} C{_f(x0)} {_f(y0 + k)} {_f(x0 + k)} {_f(y0)} {_f(x0 + r)} {_f(y0)} Z"
    )


def bounds(d: str) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of all coordinates in a path (handles included, so never too small)."""
    numbers = [float(v) for v in _NUMBER.findall(d)]
    xs, ys = numbers[0::2], numbers[1::2]
    return min(xs), min(ys), max(xs), max(ys)
