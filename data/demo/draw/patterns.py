"""Stripes, checks and prints as SVG patterns: each maker returns (defs, id) for `Part.pattern`."""

from __future__ import annotations

import math
import random

from data.demo.draw.colours import darker, lighter, mix
from data.demo.draw.geometry import curve, ellipse

_ID = "pt"


def _tile(w: float, h: float, content: str, transform: str = "") -> tuple[str, str]:
    lean = f' patternTransform="{transform}"' if transform else ""
    return f'<pattern id="{_ID}" width="{w}" height="{h}" patternUnits="userSpaceOnUse"{lean}>{content}</pattern>', _ID


def _rect(x, y, w, h, fill, opacity=1.0):
    return f'<rect x="{x}" y="{y}" width="{w}" height="{h}" fill="{fill}" fill-opacity="{opacity}"/>'


def stripes(base, ink, r: random.Random, size=1.0):
    """Horizontal: breton, even or fine."""
    pitch, width = r.choice([(26, 7), (32, 16), (14, 5), (46, 22), (20, 10)])
    return _tile(200, pitch * size, _rect(0, 2, 200, width * size, ink[0]))


def multi_stripes(base, ink, r, size=1.0):
    second = ink[1 % len(ink)]
    h = r.choice([54, 66]) * size
    return _tile(200, h, _rect(0, 4, 200, h * 0.28, ink[0]) + _rect(0, h * 0.42, 200, h * 0.1, second))


def pin_stripes(base, ink, r, size=1.0):
    """Vertical and narrow, for shirts and suits."""
    pitch, width = r.choice([(9, 1.6), (13, 1.4), (11, 4.5), (17, 2.4), (22, 9)])
    return _tile(pitch * size, 200, _rect(1, 0, width * size, 200, ink[0], 0.9))


def chalk_stripes(base, ink, r, size=1.0):
    return _tile(19 * size, 200, _rect(2, 0, 1.3, 200, ink[0], 0.6))


def gingham(base, ink, r, size=1.0):
    p = r.choice([12, 16, 20]) * size
    return _tile(p, p, _rect(0, 0, p / 2, p, ink[0], 0.55) + _rect(0, 0, p, p / 2, ink[0], 0.55))


def tartan(base, ink, r, size=1.0):
    p = r.choice([56, 70, 84]) * size
    second, third = ink[1 % len(ink)], ink[-1]
    bands = [(0, 0.30, ink[0], 0.55), (0.42, 0.07, second, 0.75), (0.60, 0.04, third, 0.7), (0.78, 0.12, ink[0], 0.4)]
    content = ""
    for start, width, colour, opacity in bands:
        content += _rect(start * p, 0, width * p, p, colour, opacity) + _rect(0, start * p, p, width * p, colour,
            opacity)
    return _tile(p, p, content)


def windowpane(base, ink, r, size=1.0):
    p = r.choice([28, 38, 48]) * size
    return _tile(p, p, _rect(2, 0, 1.7, p, ink[0], 0.8) + _rect(0, 2, p, 1.7, ink[0], 0.8))


def glen(base, ink, r, size=1.0):
    p = 48 * size
    content = "".join(_rect(k * 4 * size, 0, 1.6 * size, p, ink[0], 0.42) for k in range(6))
    content += "".join(_rect(0, k * 4 * size, p, 1.6 * size, ink[0], 0.42) for k in range(6))
    return _tile(p, p, content)


def houndstooth(base, ink, r, size=1.0):
    p = r.choice([14, 18, 24]) * size
    q = p / 4
    shape = f"M0 0H{2 * q}V{q}L{3 * q} 0H{4 * q}L{2 * q} {2 * q}H{4 * q}L{3 * q} {3 * q}V{4 * q}L{2 * q} {3 * q}V{2 * q}H0Z"
    return _tile(p, p, f'<path d="{shape}" fill="{ink[0]}" fill-opacity=".92"/>')


def dots(base, ink, r, size=1.0):
    p = r.choice([14, 20, 30]) * size
    radius = p * r.choice([0.14, 0.2, 0.26])
    a = f'<circle cx="{p / 4}" cy="{p / 4}" r="{radius}" fill="{ink[0]}"/>'
    b = f'<circle cx="{3 * p / 4}" cy="{3 * p / 4}" r="{radius}" fill="{ink[0]}"/>'
    return _tile(p, p, a + b)


def _scatter(p, count, r, gap):
    """Places on a torus of side p at least `gap` apart."""
    places = []
    for _ in range(count * 40):
        x, y = r.uniform(0, p), r.uniform(0, p)
        if all(
            math.hypot(min(abs(x - a), p - abs(x - a)), min(abs(y - b), p - abs(y - b))) > gap for a, b in places
        ):
            places.append((x, y))
            if len(places) == count:
                break
    return places


def _repeat(p, places, stamp):
    """Each stamp drawn on all sides of the tile that it crosses."""
    return "".join(
        f'<g transform="translate({x + dx:.1f} {y + dy:.1f})">{stamp(k)}</g>'
        for k, (x, y) in enumerate(places)
        for dx in (-p, 0, p)
        for dy in (-p, 0, p)
        if -34 < x + dx < p + 34 and -34 < y + dy < p + 34
    )


def _flower(size, petals, fill, heart, turn):
    leaves = "".join(
        f'<ellipse cx="0" cy="{-size * 0.55:.1f}" rx="{size * 0.30:.1f}" ry="{size * 0.46:.1f}" '
        f'transform="rotate({turn + k * 360 / petals:.0f})" fill="{fill}"/>'
        for k in range(petals)
    )
    return leaves + f'<circle r="{size * 0.22:.1f}" fill="{heart}"/>'


def _sprig(length, fill, turn):
    twig = f'<path d="M0 0 Q{length * 0.2:.1f} {-length * 0.5:.1f} 0 {-length:.1f}" stroke="{fill}" stroke-width="1" fill="none"/>'
    pairs = "".join(
        f'<ellipse cx="{side * length * 0.17:.1f}" cy="{-length * t:.1f}" rx="{length * 0.17:.1f}" ry="{length * 0.075:.1f}" '
        f'transform="rotate({-side * 38} {side * length * 0.17:.1f} {-length * t:.1f})" fill="{fill}"/>'
        for t in (0.3, 0.55, 0.8)
        for side in (-1, 1)
    )
    return f'<g transform="rotate({turn:.0f})">{twig}{pairs}</g>'


def floral(base, ink, r, size=1.0):
    p = 96 * size
    first, second = ink[0], ink[1 % len(ink)]
    green = mix("#4f7a52", base, 0.25)
    big = [(r.uniform(9, 13) * size, r.choice([5, 6, 7]), r.uniform(0, 90)) for _ in range(20)]
    stamps = _scatter(p, 9, r, 25 * size)
    leaves = _scatter(p, 8, r, 26 * size)
    content = _repeat(p, leaves, lambda k: _sprig(17 * size, green, big[k][2] * 4))
    content += _repeat(
        p, stamps, lambda k: _flower(big[k][0], big[k][1], first if k % 3 else second, lighter(second, 0.4), big[k][2])
    )
    return _tile(p, p, content)


def ditsy(base, ink, r, size=1.0):
    """Tiny flowers."""
    p = 54 * size
    stamps = _scatter(p, 9, r, 14 * size)
    turn = [r.uniform(0, 90) for _ in stamps]
    return _tile(p, p, _repeat(p, stamps, lambda k: _flower(5.2 * size, 5, ink[k % len(ink)], darker(ink[0], 0.3),
        turn[k])))


def foliage(base, ink, r, size=1.0):
    p = 88 * size
    stamps = _scatter(p, 14, r, 17 * size)
    turn = [r.uniform(0, 360) for _ in stamps]
    return _tile(p, p, _repeat(p, stamps, lambda k: _sprig((18 + k % 3 * 6) * size, ink[k % len(ink)], turn[k])))


def brush(base, ink, r, size=1.0):
    """Short abstract strokes."""
    p = 72 * size
    stamps = _scatter(p, 16, r, 13 * size)
    turn = [r.gauss(25, 30) for _ in stamps]
    return _tile(
        p,
        p,
        _repeat(
            p,
            stamps,
            lambda k: (
                f'<path d="M-7 0Q0 -4 8 -1Q1 4 -7 0Z" transform="rotate({turn[k]:.0f}) scale({size})" fill="{ink[k % len(ink)]}"/>'
            ),
        ),
    )


def geometric(base, ink, r, size=1.0):
    p = r.choice([22, 30]) * size
    kind = r.choice("dlt")
    if kind == "d":
        shape = f'<path d="M{p / 2} 2L{p - 2} {p / 2}L{p / 2} {p - 2}L2 {p / 2}Z" fill="none" stroke="{ink[0]}" stroke-width="1.8"/>'
        shape += f'<circle cx="{p / 2}" cy="{p / 2}" r="{p * 0.11}" fill="{ink[1 % len(ink)]}"/>'
    elif kind == "l":
        shape = "".join(f'<circle cx="{p / 2}" cy="{p}" r="{p * k}" fill="none" stroke="{ink[0]}" stroke-width="1.5"/>'
            for k in (0.5, 0.33, 0.16))
    else:
        shape = f'<path d="M{p / 2} {p * 0.2}L{p * 0.78} {p * 0.72}H{p * 0.22}Z" fill="{ink[0]}"/>'
    return _tile(p, p, shape)


def chevron(base, ink, r, size=1.0):
    p, h = 26 * size, 22 * size
    return _tile(p, h,
        f'<path d="M0 {h * 0.25}L{p / 2} {h * 0.75}L{p} {h * 0.25}" fill="none" stroke="{ink[0]}" stroke-width="{4 * size}"/>')


def stars(base, ink, r, size=1.0):
    p = 44 * size
    star = " ".join(
        f"{(7 if k % 2 == 0 else 2.9) * size * math.sin(k * math.pi / 5):.1f},{-(7 if k % 2 == 0 else 2.9) * size * math.cos(k * math.pi / 5):.1f}"
        for k in range(10)
    )
    stamps = _scatter(p, 5, r, 15 * size)
    turn = [r.uniform(0, 72) for _ in stamps]
    return _tile(p, p, _repeat(p, stamps,
        lambda k: f'<polygon points="{star}" transform="rotate({turn[k]:.0f})" fill="{ink[k % len(ink)]}"/>'))


def paisley(base, ink, r, size=1.0):
    p = 62 * size
    drop = "M0 -13C9 -13 12 -3 9 5C6 13 -6 13 -9 5C-11 -2 -3 -3 -2 -8C-1.5 -11 -2 -12 0 -13Z"
    stamps = _scatter(p, 5, r, 24 * size)
    turn = [r.choice([0, 40, 180, 220]) + r.uniform(-12, 12) for _ in stamps]

    def stamp(k):
        return (
            f'<g transform="rotate({turn[k]:.0f}) scale({size})"><path d="{drop}" fill="{ink[0]}"/>'
            f'<path d="{drop}" transform="translate(0 1.5) scale(.55)" fill="{base}"/><circle cy="4" r="2.4" fill="{ink[1 % len(ink)]}"/></g>'
        )

    return _tile(p, p, _repeat(p, stamps, stamp))


def block_print(base, ink, r, size=1.0):
    """Rows of small stamped buds, as on ethnic wear."""
    p = r.choice([26, 32]) * size
    bud = f'<path d="M0 -7C4 -4 4 2 0 6C-4 2 -4 -4 0 -7Z" fill="{ink[0]}"/><path d="M-5 4Q0 9 5 4" stroke="{ink[1 % len(ink)]}" stroke-width="1.4" fill="none"/>'
    a = f'<g transform="translate({p / 4} {p / 4}) scale({size * 0.9})">{bud}</g>'
    b = f'<g transform="translate({3 * p / 4} {3 * p / 4}) scale({size * 0.9})">{bud}</g>'
    return _tile(p, p, a + b)


def camouflage(base, ink, r, size=1.0):
    p = 96 * size
    content = ""
    for colour in ink[:3]:
        blobs = [
            curve([(x * r.uniform(0.6, 1.3), y * r.uniform(0.6, 1.3)) for x,
                y in ellipse(0, 0, 21 * size, 12 * size)[::2]])
            for _ in range(6)
        ]
        content += _repeat(p, _scatter(p, 6, r, 20 * size), lambda k, b=blobs,
            c=colour: f'<path d="{b[k % 6]}" fill="{c}"/>')
    return _tile(p, p, content)


def leopard(base, ink, r, size=1.0):
    p = 78 * size
    places = _scatter(p, 22, r, 12 * size)
    turn = [(r.uniform(0, 360), r.uniform(0.8, 1.2)) for _ in places]

    def stamp(k):
        return (
            f'<g transform="rotate({turn[k][0]:.0f}) scale({turn[k][1] * size:.2f})"><ellipse rx="4" ry="3.2" fill="{ink[1 % len(ink)]}"/>'
            f'<path d="M-5 1C-6 -5 2 -7 5 -3M5 2C3 6 -2 6 -4 4" stroke="{ink[0]}" stroke-width="2.6" fill="none"/></g>'
        )

    return _tile(p, p, _repeat(p, places, stamp))


def argyle(base, ink, r, size=1.0):
    w, h = 40 * size, 58 * size
    diamond = f'<path d="M{w / 2} 0L{w} {h / 2}L{w / 2} {h}L0 {h / 2}Z" fill="{ink[0]}"/>'
    lines = f'<path d="M0 0L{w} {h}M{w} 0L0 {h}" stroke="{ink[1 % len(ink)]}" stroke-width="1.3" stroke-dasharray="4 2"/>'
    return _tile(w, h, diamond + lines)


def fair_isle(base, ink, r, size=1.0):
    h = 70 * size
    u = 6 * size
    rows = ""
    for k in range(8):
        x = k * u * 2
        rows += _rect(x, 6, u, u * 0.8, ink[0]) + _rect(x + u, 6 + u * 0.8, u, u * 0.8, ink[0])
        rows += f'<path d="M{x + u} {24 * size}l{u} {u}l{-u} {u}l{-u} {-u}z" fill="{ink[1 % len(ink)]}"/>'
        rows += _rect(x, 44 * size, u, u * 0.8, ink[0])
    return _tile(u * 16, h, rows)


def tie_dye(base, ink, r, size=1.0):
    rings = "".join(
        f'<circle cx="240" cy="290" r="{rad}" fill="none" stroke="{ink[k % len(ink)]}" stroke-width="{r.uniform(12, 26):.0f}" stroke-opacity="{r.uniform(0.35, 0.8):.2f}"/>'
        for k, rad in enumerate(range(14, 330, 30))
    )
    return f'<filter id="soft"><feGaussianBlur stdDeviation="5"/></filter><pattern id="{_ID}" width="480" height="640" patternUnits="userSpaceOnUse"><g filter="url(#soft)">{rings}</g></pattern>', _ID


def ombre(base, ink, r, size=1.0):
    return (
        f'<linearGradient id="{_ID}" gradientUnits="userSpaceOnUse" x1="0" y1="150" x2="0" y2="560">'
        f'<stop offset=".2" stop-color="{base}"/><stop offset="1" stop-color="{ink[0]}"/></linearGradient>'
    ), _ID


MAKERS = {
    f.__name__.replace("_", " "): f
    for f in (
        stripes, multi_stripes, pin_stripes, chalk_stripes, gingham, tartan, windowpane, glen, houndstooth, dots,
            floral,
        ditsy, foliage, brush, geometric, chevron, stars, paisley, block_print, camouflage, leopard, argyle, fair_isle,
        tie_dye, ombre,
    )
}  # fmt: skip
STRIPED = {"stripes", "multi stripes", "pin stripes", "chalk stripes", "chevron"}
CHECKED = {"gingham", "tartan", "windowpane", "glen", "houndstooth", "argyle"}


def word(name: str | None) -> str:
    """What a shop calls it in a product name."""
    if name is None:
        return "Solid"
    if name in STRIPED:
        return "Striped"
    if name in CHECKED:
        return "Checked"
    return {"dots": "Polka Dot", "floral": "Floral Print", "ditsy": "Floral Print", "leopard": "Animal Print"}.get(name,
        "Printed")


def make(name: str, base: str, ink: list[str], r: random.Random, size: float = 1.0) -> tuple[str, str]:
    return MAKERS[name](base, ink, r, size)


def chest_print(kind: str, ink: list[str], cx: float, cy: float, size: float, r: random.Random) -> str:
    """One placed picture on a T-shirt or sweatshirt, about `size` px wide. No letters."""
    a, b = ink[0], ink[1 % len(ink)]
    c = ink[2 % len(ink)]
    if kind == "sunset":
        body = f'<clipPath id="sun"><circle r="40"/></clipPath><g clip-path="url(#sun)"><rect x="-40" y="-40" width="80" height="80" fill="{a}"/>'
        body += "".join(f'<rect x="-40" y="{y}" width="80" height="{h}" fill="{b}"/>' for y,
            h in ((4, 2.5), (13, 4), (23, 6), (34, 9)))
        body += "</g>"
    elif kind == "mountain":
        body = f'<circle cx="16" cy="-18" r="13" fill="{b}"/><path d="M-48 30L-16 -24L4 8L16 -8L48 30Z" fill="{a}"/><path d="M-16 -24L-27 -5L-18 -9L-13 -2L-6 -8Z" fill="{c}"/><path d="M-48 36H48" stroke="{a}" stroke-width="3"/>'
    elif kind == "wave":
        body = "".join(
            f'<path d="M-44 {y}q11 -13 22 0t22 0t22 0t22 0" fill="none" stroke="{k}" stroke-width="5" stroke-linecap="round"/>'
            for y, k in ((-18, a), (0, b), (18, a))
        )
    elif kind == "leaf":
        body = f'<g transform="translate(0 38) scale(2.6)">{_sprig(29, a, -8)}</g><g transform="translate(6 38) scale(2)">{_sprig(24, b, 36)}</g><g transform="translate(-6 38) scale(2)">{_sprig(24, b, -44)}</g>'
    elif kind == "blocks":
        body = f'<rect x="-40" y="-36" width="34" height="72" fill="{a}"/><circle cx="20" cy="-12" r="22" fill="{b}"/><path d="M2 36a20 20 0 0 1 40 0z" fill="{c}"/>'
    elif kind == "bloom":
        body = _flower(42, 8, a, b, 10) + _flower(24, 8, c, b, 32)
    elif kind == "star":
        star = " ".join(f"{(42 if k % 2 == 0 else 17) * math.sin(k * math.pi / 5):.1f},{-(42 if k % 2 == 0 else 17) * math.cos(k * math.pi / 5):.1f}"
            for k in range(10))
        body = f'<polygon points="{star}" fill="{a}" stroke="{a}" stroke-width="5" stroke-linejoin="round"/><polygon points="{star}" transform="scale(.55)" fill="{b}"/>'
    elif kind == "rocket":
        body = f'<g transform="rotate(35)"><path d="M0 -46C17 -30 17 -2 11 22H-11C-17 -2 -17 -30 0 -46Z" fill="{a}"/><circle cy="-14" r="7" fill="{b}"/><path d="M-11 4L-24 26L-10 20ZM11 4L24 26L10 20Z" fill="{b}"/><path d="M-7 24L0 44L7 24Z" fill="{c}"/></g>'
    elif kind == "dino":
        body = f'<path d="M-44 26C-30 22 -26 6 -12 0C0 -6 6 -14 10 -26C14 -36 34 -36 38 -24L24 -16C24 -2 26 6 18 16L20 30H10L6 20C-2 22 -8 20 -10 18L-12 30H-22L-20 14C-28 20 -36 26 -44 26Z" fill="{a}"/><circle cx="24" cy="-25" r="2.4" fill="{c}"/><path d="M-18 0l5 -9l5 6l5 -10l5 5l4 -11l5 4" stroke="{b}" stroke-width="4" fill="none"/>'
    elif kind == "heart":
        body = f'<path d="M0 36C-60 -4 -34 -44 0 -18C34 -44 60 -4 0 36Z" fill="{a}"/><path d="M-24 -14q4 -12 16 -10" stroke="{b}" stroke-width="4" fill="none" stroke-linecap="round"/>'
    elif kind == "lines":
        body = "".join(f'<path d="M{-40 + 4 * k} {-26 + 9 * k}H{40 - 4 * ((k * 5) % 7)}" stroke="{ink[k % len(ink)]}" stroke-width="5"/>'
            for k in range(7))
    elif kind == "rings":
        body = "".join(f'<circle cx="{x}" cy="{y}" r="21" fill="none" stroke="{k}" stroke-width="4"/>' for x, y,
            k in ((-22, 10, a), (22, 10, b), (0, -18, c)))
    else:
        raise ValueError(f"unknown chest print {kind!r}: expected one of {', '.join(CHEST_PRINTS)}")
    k = size / 96
    return f'<g transform="translate({cx:.1f} {cy:.1f}) scale({k:.3f})" fill-opacity=".94" stroke-opacity=".94">{body}</g>'


CHEST_PRINTS = ("sunset", "mountain", "wave", "leaf", "blocks", "bloom", "star", "lines", "rings")
CHILD_PRINTS = ("rocket", "dino", "heart", "star", "bloom", "sunset")
