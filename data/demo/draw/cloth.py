"""The stuff an item is cut from, and the small things sewn onto it."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field, replace

from data.demo.draw.colours import contrast_stitch, darker, lighter, luma, mix
from data.demo.draw.geometry import leaf, line
from data.demo.draw.paint import Fold, Part


@dataclass(frozen=True)
class Cloth:
    """Main colour, fabric and pattern of an item; `trim` is the second colour (ribs, soles, bands), `inks` those of its
    print, `metal` that of buckles and zips."""

    colour: str
    fabric: str = "jersey"
    pattern: tuple[str, str] | None = None
    trim: str = ""
    inks: tuple[str, ...] = ()
    metal: str = "#b9bdc2"
    stitch: str = field(default="")

    def part(self, d: str, **more) -> Part:
        return Part(**{"d": d, "colour": self.colour, "fabric": self.fabric, "pattern": self.pattern, **more})

    def plain(self, colour: str | None = None, fabric: str | None = None) -> Cloth:
        return replace(self, colour=colour or self.colour, fabric=fabric or self.fabric, pattern=None)

    @property
    def thread(self) -> str:
        return self.stitch or contrast_stitch(self.colour)

    @property
    def inside(self) -> str:
        """The wrong side, seen in shadow through an opening."""
        return darker(self.colour, 0.34) if luma(self.colour) > 0.2 else mix(self.colour, "#000000", 0.35)


def stitches(d: str, colour: str, width: float = 0.9, dash: str = "3.2 1.8", opacity: float = 0.75) -> str:
    return (
        f'<path d="{d}" fill="none" stroke="{colour}" stroke-width="{width}" stroke-dasharray="{dash}" '
        f'stroke-opacity="{opacity}" stroke-linecap="round"/>'
    )


def seam(d: str, height: float = -0.9, width: float = 1.3) -> Fold:
    """A sewn line: a narrow valley."""
    return Fold(d, height, 2, width)


def button(x: float, y: float, radius: float, colour: str, holes: bool = True) -> str:
    dark, light = darker(colour, 0.45), lighter(colour, 0.45)
    dots = (
        "".join(
            f'<circle cx="{x + a * radius * 0.27:.1f}" cy="{y + b * radius * 0.27:.1f}" r="{radius * 0.13:.2f}" fill="{dark}"/>'
            for a in (-1, 1)
            for b in (-1, 1)
        )
        if holes
        else ""
    )
    return (
        f'<circle cx="{x + 0.8:.1f}" cy="{y + 1.3:.1f}" r="{radius * 1.06:.1f}" fill="#000" fill-opacity=".28"/>'
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="{colour}"/>'
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius * 0.86:.1f}" fill="none" stroke="{dark}" stroke-opacity=".35" stroke-width=".7"/>'
        f'<path d="M{x - radius * 0.7:.1f} {y - radius * 0.1:.1f}A{radius * 0.75:.1f} {radius * 0.75:.1f} 0 0 1 {x:.1f} {y - radius * 0.75:.1f}" '
        f'fill="none" stroke="{light}" stroke-width=".9" stroke-opacity=".8"/>{dots}'
    )


def zip_line(x: float, y0: float, y1: float, metal: str, width: float = 4.0, pull: bool = True) -> str:
    """A closed zip down the line x."""
    dark = darker(metal, 0.55)
    teeth = (
        f'<path d="M{x} {y0}V{y1}" stroke="{dark}" stroke-width="{width}"/>'
        f'<path d="M{x} {y0}V{y1}" stroke="{metal}" stroke-width="{width * 0.62}" stroke-dasharray="1.5 1.3"/>'
    )
    if pull:
        teeth += (
            f'<rect x="{x - 2.6}" y="{y0 + 2}" width="5.2" height="8" rx="1.4" fill="{metal}" stroke="{dark}" stroke-width=".6"/>'
            f'<rect x="{x - 2}" y="{y0 + 10}" width="4" height="13" rx="1.8" fill="{lighter(metal, 0.2)}" stroke="{dark}" stroke-width=".6"/>'
        )
    return teeth


def buckle(x: float, y: float, w: float, h: float, metal: str, bar: float = 3.2) -> str:
    """A frame buckle with its prong, lit from the upper left."""
    dark, light = darker(metal, 0.45), lighter(metal, 0.6)
    return (
        f'<rect x="{x - w / 2 + 1}" y="{y - h / 2 + 1.6}" width="{w}" height="{h}" rx="{bar}" fill="none" stroke="#000" stroke-opacity=".3" stroke-width="{bar}"/>'
        f'<rect x="{x - w / 2}" y="{y - h / 2}" width="{w}" height="{h}" rx="{bar}" fill="none" stroke="{dark}" stroke-width="{bar}"/>'
        f'<rect x="{x - w / 2}" y="{y - h / 2}" width="{w}" height="{h}" rx="{bar}" fill="none" stroke="{metal}" stroke-width="{bar * 0.66}"/>'
        f'<path d="M{x - w / 2} {y + h / 2 - 3}V{y - h / 2 + 2}Q{x - w / 2} {y - h / 2} {x - w / 2 + 3} {y - h / 2}H{x + w / 4}" fill="none" stroke="{light}" stroke-width="{bar * 0.3}"/>'
    )


def hem(points, cloth: Cloth, inset: float = 7.0) -> tuple[str, Fold]:
    """Stitches and the shallow valley of a turned hem along a polyline, `inset` px above it."""
    path = line(*[(x, y - inset) for x, y in points])
    return stitches(path, cloth.thread, 0.8), seam(path, -0.5)


def pulls(r: random.Random, origin, reach, angles, count, height=1.6, width=7.0, level=0) -> list[Fold]:
    """Folds that radiate from a point where cloth is held (an armpit, a crotch, a waist button)."""
    folds = []
    for k in range(count):
        t = (k + r.uniform(0.2, 0.8)) / count
        angle = math.radians(angles[0] + (angles[1] - angles[0]) * t)
        length = r.uniform(*reach)
        start = r.uniform(4, 14)
        a = (origin[0] + start * math.cos(angle), origin[1] + start * math.sin(angle))
        b = (origin[0] + length * math.cos(angle), origin[1] + length * math.sin(angle))
        sign = 1 if k % 2 == 0 else -1
        folds.append(Fold(leaf(a, b, width * r.uniform(0.6, 1.2), r.uniform(-8, 8)),
            sign * height * r.uniform(0.7, 1.3), level))
    return folds


def sleeve_creases(r, a, b, width, count, height=1.5) -> list[Fold]:
    """Short slanting folds across a tube from a to b, as at an elbow."""
    folds = []
    for k in range(count):
        t = (k + 0.5 + r.uniform(-0.25, 0.25)) / count
        x, y = a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t
        side = 1 if k % 2 == 0 else -1
        dx, dy = width * r.uniform(0.5, 0.95), width * r.uniform(-0.3, 0.5)
        folds.append(Fold(leaf((x - dx / 2 * side, y - dy / 2), (x + dx / 2 * side, y + dy / 2), r.uniform(3, 6),
            r.uniform(-4, 4)), r.choice([1, -1]) * height * r.uniform(0.6, 1.2), 1))
    return folds
