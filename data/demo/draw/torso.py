"""The upper body's parts that all its garments share: outlines, folds, sleeves, collars, pockets, closings."""

from __future__ import annotations

import random
from dataclasses import dataclass

from data.demo.draw.cloth import Cloth, button, pulls, seam, sleeve_creases, stitches
from data.demo.draw.colours import darker, lighter, luma
from data.demo.draw.geometry import CORNER as C
from data.demo.draw.geometry import CX, curve, leaf, line, mirror, poly, symmetric
from data.demo.draw.paint import Fold, Part


@dataclass(frozen=True)
class Torso:
    """Half widths from the centre line and heights of a garment for the upper body, px."""

    neck: float = 48
    neck_y: float = 96
    shoulder: float = 122
    shoulder_y: float = 126
    chest: float = 130
    armpit_y: float = 244
    waist: float = 125
    waist_y: float = 380
    hem: float = 128
    hem_y: float = 530
    depth: float = 36

    def grown(self, **changes) -> Torso:
        return Torso(**{**self.__dict__, **changes})


MEN = Torso()
WOMEN = Torso(neck=50, neck_y=104, shoulder=103, shoulder_y=128, chest=111, armpit_y=234, waist=97, waist_y=352,
    hem=114, hem_y=500, depth=46)
CHILD = Torso(neck=46, neck_y=140, shoulder=106, shoulder_y=162, chest=116, armpit_y=266, waist=115, waist_y=370,
    hem=121, hem_y=484, depth=30)
TORSO = {"Men": MEN, "Women": WOMEN, "Boys": CHILD, "Girls": CHILD.grown(shoulder=96, chest=105, waist=101, hem=114),
    "Unisex": MEN}


def vary(t: Torso, r: random.Random, length: float = 0.0, ease: float = 0.0) -> Torso:
    """The same body with small differences between makers."""
    e = ease + r.uniform(-4, 4)
    return t.grown(
        neck=t.neck + r.uniform(-3, 3),
        shoulder=t.shoulder + e * 0.6 + r.uniform(-2, 2),
        chest=t.chest + e,
        waist=t.waist + e + r.uniform(-3, 3),
        hem=t.hem + e + r.uniform(-3, 5),
        hem_y=t.hem_y + length + r.uniform(-9, 9),
        depth=t.depth + r.uniform(-3, 4),
    )


# --- outlines -------------------------------------------------------------------------------------------------------


def neckline(t: Torso, kind: str) -> list:
    """Right half of the front neckline, from the side of the neck to the centre."""
    n, y, d = t.neck, t.neck_y, t.depth
    if kind == "v":
        return [(CX + n, y, C), (CX + n * 0.55, y + d * 1.15), (CX, y + d * 2.3, C)]
    if kind == "deep":
        return [(CX + n, y, C), (CX + n * 0.5, y + d * 2.1), (CX, y + d * 4.6, C)]
    if kind == "scoop":
        return [(CX + n * 1.12, y + 3, C), (CX + n * 0.86, y + d * 1.15), (CX, y + d * 1.75)]
    if kind == "boat":
        return [(CX + n * 1.35, y + 7, C), (CX + n * 0.8, y + d * 0.62), (CX, y + d * 0.72)]
    if kind == "square":
        return [(CX + n * 1.1, y + 3, C), (CX + n * 1.02, y + d * 1.5, C), (CX, y + d * 1.55)]
    if kind == "high":
        return [(CX + n * 0.86, y - 3, C), (CX + n * 0.55, y + 8), (CX, y + 12)]
    return [(CX + n, y, C), (CX + n * 0.76, y + d * 0.70), (CX, y + d)]


def body_half(t: Torso, kind: str, hem: str = "straight") -> list:
    half = neckline(t, kind)[::-1]
    half += [(CX + t.shoulder, t.shoulder_y, C), (CX + t.shoulder - 8, (t.shoulder_y + t.armpit_y) / 2 + 6)]
    half += [(CX + t.chest, t.armpit_y, C), (CX + t.waist, t.waist_y)]
    if hem == "shirttail":
        half += [(CX + t.hem, t.hem_y - 34, C), (CX + t.hem * 0.72, t.hem_y - 8), (CX + t.hem * 0.3, t.hem_y + 7),
            (CX, t.hem_y + 8)]
    elif hem == "peplum":
        half += [(CX + t.hem + 26, t.hem_y - 4, C), (CX + t.hem * 0.5, t.hem_y + 10), (CX, t.hem_y + 12)]
    elif hem == "crossed":
        half += [(CX + t.hem, t.hem_y - 4, C), (CX + t.hem * 0.55, t.hem_y + 3), (CX, t.hem_y + 3)]
    elif hem == "band":
        half += [(CX + t.hem + 3, t.hem_y - 30), (CX + t.hem - 8, t.hem_y, C), (CX + t.hem * 0.5, t.hem_y + 3),
            (CX, t.hem_y + 4)]
    else:
        half += [(CX + t.hem, t.hem_y, C), (CX + t.hem * 0.5, t.hem_y + 4), (CX, t.hem_y + 5)]
    return half


# Sleeve kinds: outer line and cuff as offsets (dx from the shoulder tip, dy), then inner line back to the armpit.
def sleeve_half(t: Torso, kind: str, r: random.Random) -> tuple[list, tuple, tuple]:
    """The viewer's right sleeve, its cuff line (outer, inner) and its axis (from, to)."""
    sx, sy = CX + t.shoulder, t.shoulder_y
    ax, ay = CX + t.chest, t.armpit_y
    drop = ay - sy
    tip = [(sx - 14, sy - 3), (sx - 1, sy, C)]
    tuck = [(ax - 3, ay + 4, C), (ax - 16, ay - 10, C)]
    if kind == "cap":
        outer, inner = (sx + 26, sy + drop * 0.50), (ax + 4, ay - 12)
        pts = [*tip, (sx + 14, sy + drop * 0.2), (*outer, C), (*inner, C), *tuck[1:]]
    elif kind == "short":
        k = r.uniform(-6, 8)
        outer, inner = (sx + 56, sy + drop * 1.06 + k), (ax + 13, ay + 27 + k)
        pts = [*tip, (sx + 18, sy + 18), (sx + 40, sy + drop * 0.55), (*outer, C), (*inner, C), *tuck]
    elif kind == "elbow":
        outer, inner = (sx + 70, sy + drop * 1.75), (ax + 26, ay + 106)
        pts = [*tip, (sx + 18, sy + 20), (sx + 46, sy + drop * 0.85), (*outer, C), (*inner, C), (ax + 10, ay + 50),
            *tuck]
    elif kind == "flutter":
        outer, inner = (sx + 64, sy + drop * 0.92), (ax + 8, ay + 22)
        pts = [*tip, (sx + 26, sy + 12), (sx + 50, sy + drop * 0.45), (*outer, C), (sx + 34, sy + drop * 1.14),
            (*inner, C), *tuck[1:]]
    elif kind == "puff":
        outer, inner = (sx + 44, sy + drop * 0.98), (ax + 10, ay + 16)
        pts = [(sx - 18, sy - 4), (sx - 4, sy - 8), (sx + 30, sy + 2), (sx + 56, sy + drop * 0.45),
            (sx + 54, sy + drop * 0.84), (*outer, C), (*inner, C), *tuck]
    elif kind == "bell":
        outer, inner = (sx + 92, sy + drop * 2.7), (sx + 20, sy + drop * 2.7 + 14)
        pts = [*tip, (sx + 18, sy + 20), (sx + 48, sy + drop * 0.95), (sx + 68, sy + drop * 1.9), (*outer, C),
            (*inner, C), (ax + 22, ay + 110), (ax + 10, ay + 50), *tuck]
    elif kind == "bishop":
        outer, inner = (sx + 60, sy + drop * 2.95), (sx + 32, sy + drop * 2.95 + 7)
        pts = [*tip, (sx + 20, sy + 22), (sx + 50, sy + drop * 0.95), (sx + 76, sy + drop * 2.1),
            (sx + 80, sy + drop * 2.75), (*outer, C), (*inner, C), (ax + 16, ay + 190), (ax + 12, ay + 60), *tuck]
    else:
        k = r.uniform(-6, 6)
        outer, inner = (sx + 66 + k * 0.4, sy + drop * 2.96 + k), (sx + 28 + k * 0.4, sy + drop * 2.96 + 9 + k)
        pts = [*tip, (sx + 17, sy + 20), (sx + 40, sy + drop * 0.9), (sx + 56, sy + drop * 1.95), (*outer, C),
            (*inner, C), (ax + 12, ay + 120), (ax + 5, ay + 44), *tuck]
    axis = ((sx + 4, sy + 20), ((outer[0] + inner[0]) / 2, (outer[1] + inner[1]) / 2))
    return pts, (outer, inner), axis


LEAN = {"cap": 22, "short": 20, "flutter": 26, "puff": 12, "elbow": 17}


# --- folds ----------------------------------------------------------------------------------------------------------


def body_folds(t: Torso, r: random.Random, strength: float = 1.0) -> list[Fold]:
    """How a hanging top falls: pulled from the armpits, slack at the waist, lazy waves at the hem."""
    folds = []
    for side in (1, -1):
        armpit = (CX + side * (t.chest - 4), t.armpit_y + 4)
        angles = (100, 165) if side == 1 else (80, 15)
        folds += pulls(r, armpit, (80, 170), angles, 4, 2.6 * strength, 8)
        for _ in range(2):
            y = t.waist_y + r.uniform(-50, 70)
            x = CX + side * (t.waist - r.uniform(2, 10))
            folds.append(Fold(leaf((x, y), (x - side * r.uniform(36, 74), y + r.uniform(14, 40)), r.uniform(5, 9),
                side * 5), r.choice([2.4, -2.4]) * strength, 0))
    for k in range(5):
        x = CX - t.hem * 0.8 + t.hem * 1.6 * (k + r.uniform(0.2, 0.8)) / 5
        folds.append(Fold(leaf((x + r.uniform(-10, 10), t.hem_y - r.uniform(70, 150)), (x, t.hem_y + 8),
            r.uniform(6, 11), r.uniform(-5, 5)), r.choice([1, -1]) * r.uniform(1.8, 3.0) * strength, 0))
    shoulder = r.uniform(0.8, 1.4) * strength
    for side in (1, -1):
        folds.append(Fold(leaf((CX + side * t.neck, t.neck_y + 14), (CX + side * t.chest * 0.72, t.armpit_y - 10), 8,
            -side * 6), shoulder, 0))
    return folds


def sleeves(t: Torso, cloth: Cloth, kind: str, r: random.Random, body: str, trim: str = "",
    strength: float = 1.0) -> tuple[list[Part], str]:
    """Both sleeves (behind the body) and the outline they add to it. `trim` is "" or rib, cuff, band, stitch."""
    parts, outline = [], ""
    right, cuff, axis = sleeve_half(t, kind, r)
    for side in (1, -1):
        pts = right if side == 1 else mirror(right)
        (ox, oy), (ix, iy) = cuff if side == 1 else [p[:2] for p in mirror(cuff)]
        a, b = axis if side == 1 else [p[:2] for p in mirror(axis)]
        d = curve(pts)
        outline += " " + d
        long = kind in ("long", "bishop", "bell")
        folds = sleeve_creases(r, a, b, 32, 8 if long else 3, 2.2 * strength)
        if long:
            elbow = (a[0] + (b[0] - a[0]) * 0.5 + side * 10, a[1] + (b[1] - a[1]) * 0.47)
            folds += pulls(r, elbow, (24, 46), (120, 240) if side == 1 else (60, -60), 4, 2.3 * strength, 5, 1)
        if kind in ("puff", "bishop", "flutter"):
            for k in range(6):
                q = (k + 0.5) / 6
                e = (ox + (ix - ox) * q, oy + (iy - oy) * q)
                folds.append(Fold(leaf(e, (e[0] + side * r.uniform(2, 14), e[1] - r.uniform(26, 60)), 4.5), 1.9, 1))
        ux, uy = ix - ox, iy - oy
        length = (ux * ux + uy * uy) ** 0.5
        nx, ny = (uy / length, -ux / length) if side == 1 else (-uy / length, ux / length)
        if ny > 0:
            nx, ny = -nx, -ny
        details = ""
        at = next(k for k, q in enumerate(pts) if (q[0], q[1]) == (ox, oy))
        if kind == "flutter":
            edges = [(nx, ny), (nx, ny)]
        else:
            edges = [_towards((ox, oy), pts[at - 1]), _towards((ix, iy), pts[(at + 2) % len(pts)])]

        def back(w, edges=edges, ends=((ox, oy), (ix, iy))):
            return tuple((e[0] + u[0] * w, e[1] + u[1] * w) for e, u in zip(ends, edges, strict=True))

        if trim in ("stitch", "band"):
            details += stitches(line(*back(8)), cloth.thread)
            folds.append(seam(line(*back(8)), -0.5))
        lean = -side * LEAN.get(kind, 12)
        parts.append(cloth.part(d, body=body + outline_of(right), degrees=lean, folds=tuple(folds), details=details,
            shadow=0.3))
        if trim in ("rib", "cuff", "contrast"):
            w = {"rib": 26, "cuff": 30, "contrast": 12}[trim] * (1 if long or trim == "contrast" else 0.5)
            grow = 1.5 if trim == "cuff" else -1.5
            p, q = back(w)
            ends = [(ox + ux / length * -grow, oy + uy / length * -grow, C),
                (ix + ux / length * grow, iy + uy / length * grow, C), (q[0] + ux / length * 1, q[1] + uy / length, C),
                (p[0] - ux / length, p[1] - uy / length, C)]
            band = cloth if trim == "cuff" else cloth.plain(cloth.trim or cloth.colour, "rib")
            over = ""
            if trim == "cuff":
                over = button((ox * 0.25 + ix * 0.75) + nx * w / 2, (oy * 0.25 + iy * 0.75) + ny * w / 2, 3.2,
                    BUTTONS(cloth))
            parts.append(band.part(curve(ends), body=curve(ends), degrees=lean, roll=5, swell=16, over=over,
                shadow=0.18, drop=2))
    return parts, outline


def _towards(a, b) -> tuple[float, float]:
    length = ((b[0] - a[0]) ** 2 + (b[1] - a[1]) ** 2) ** 0.5
    return (b[0] - a[0]) / length, (b[1] - a[1]) / length


def outline_of(right) -> str:
    return " " + curve(right) + " " + curve(mirror(right))


def BUTTONS(cloth: Cloth) -> str:
    return cloth.stitch or (lighter(cloth.colour, 0.25) if luma(cloth.colour) < 0.4 else "#f1ede2")


# --- collars --------------------------------------------------------------------------------------------------------


def inside_back(t: Torso, cloth: Cloth, kind: str, label: str = "#e9e6df") -> Part:
    """The back of the neck, seen through the opening."""
    front = neckline(t, kind)
    n, y = front[0][0] - CX, front[0][1]
    back = [(CX, y + 9), (CX + n * 0.6, y + 6)]
    half = [*back, (CX + n + 4, y + 1, C), *[(p[0], p[1] + 6, *p[2:]) for p in front[1:]]]
    tag = f'<rect x="{CX - 9}" y="{y + 22}" width="18" height="10" rx="1" fill="{label}"/>' if t.depth > 22 else ""
    return Part(curve(symmetric(half)), cloth.inside, "jersey", details=tag, round=0.4, full=0.2, shadow=0)


def rib_neck(t: Torso, cloth: Cloth, kind: str, w: float = 11) -> list[Part]:
    """A knitted band round the neckline, back and front."""
    rib = cloth.plain(cloth.trim or cloth.colour, "rib")
    front = neckline(t, kind)
    n, y = front[0][0] - CX, front[0][1]
    back_half = [(CX, y + 7), (CX + n * 0.6, y + 4), (CX + n + 1, y - 1, C), (CX + n - 2, y + 9, C),
        (CX + n * 0.6, y + 7 + w * 0.85), (CX, y + 8 + w)]
    parts = [rib.part(curve(symmetric(back_half)), colour=darker(rib.colour, 0.16), round=0.5, full=0.2, shadow=0.1)]
    grow = 1 + w / max(n, 1)
    if front[-1][-1] == C:
        outer = [(CX + n + w * 0.95, y + w * 0.42, C), (front[1][0] + w, front[1][1] + w * 0.55),
            (CX, front[2][1] + w * 1.5, C)]
        inner = list(front)
    elif kind == "square":
        outer = [(CX + n + w * 0.9, y + w * 0.4, C), (front[1][0] + w, front[1][1] + w, C), (CX, front[2][1] + w)]
        inner = list(front)
    else:
        outer = [(CX + n + w * 0.95, y + w * 0.42, C), (CX + (front[1][0] - CX) * grow, front[1][1] + w * 0.75),
            (CX, front[2][1] + w)]
        inner = list(front)
    half = [*inner[::-1], *outer]
    parts.append(rib.part(curve(symmetric(half)), roll=4, swell=8, round=1.0, full=0.4, shadow=0.22, drop=2))
    return parts


def bound_neck(t: Torso, cloth: Cloth, kind: str) -> tuple[str, list[Fold]]:
    """A narrow stitched edge instead of a band."""
    front = neckline(t, kind)
    half = [(p[0] + 5 * (i < 2), p[1] + 6, *p[2:]) for i, p in enumerate(front)]
    path = curve([*mirror(half), *half[::-1][1:]], closed=False)
    return stitches(path, cloth.thread, 0.8), [seam(path, -0.6)]


def shirt_collar(t: Torso, cloth: Cloth, r: random.Random, spread: float = 0.0, soft: bool = False,
    rise: float = 0.0) -> list[Part]:
    """Stand and two leaves that meet at the centre front."""
    n, y = t.neck, t.neck_y
    tall = 24 + rise
    inside = [(CX, y - tall + 4), (CX + n * 0.55, y - tall + 2), (CX + n - 3, y - tall + 12), (CX + n - 8, y, C),
        (CX, y + 30)]
    parts = [Part(curve(symmetric(inside)), darker(cloth.colour, 0.30), "poplin",
        details=f'<rect x="{CX - 10}" y="{y - 2}" width="20" height="11" rx="1" fill="#e9e6df"/>', round=0.5, full=0.3,
        shadow=0)]
    length = 56 + r.uniform(-5, 7) - (10 if soft else 0)
    for side in (1, -1):
        def at(x, dy, *flag, side=side):
            return (CX + side * x, y + dy, *flag)

        leaf_ = [at(n - 4, -tall + 8), at(n + 4, -tall + 20), at(n + 15, 11, C),
            at(33 + spread, length - 8 if soft else length, C), at(5, 27), at(1.5, 22, C), at(n * 0.52, 2),
            at(n - 10, -tall + 14)]
        d = curve(leaf_)
        edge = line(at(n + 9, 10), at(31 + spread, length - 7 if not soft else length - 13), at(8, 25))
        parts.append(
            cloth.part(d, degrees=side * -32, details=stitches(edge, cloth.thread, 0.7, opacity=0.6),
                folds=(Fold(curve([at(n - 8, -tall + 12), at(n * 0.55, 2), at(3, 21)], closed=False), 1.6, 1, 5),),
                roll=5, swell=14, shadow=0.38, drop=4, wrinkle=0.3)
        )
    return parts


def band_collar(t: Torso, cloth: Cloth, height: float = 20, open_: float = 10) -> list[Part]:
    """A stand collar, slightly open at the throat."""
    n, y = t.neck, t.neck_y
    inside = [(CX, y - height + 4), (CX + n * 0.6, y - height + 3), (CX + n - 4, y - 8, C), (CX, y + 22)]
    parts = [Part(curve(symmetric(inside)), cloth.inside, "poplin", round=0.4, full=0.2, shadow=0)]
    for side in (1, -1):
        pts = [(CX + side * (n - 3), y - height + 4), (CX + side * (n + 5), y + 2, C),
            (CX + side * n * 0.55, y + t.depth * 0.75 + 3), (CX + side * open_ * 0.3, y + t.depth * 1.02 + 4, C),
            (CX + side * open_, y + t.depth - height * 0.80, C), (CX + side * n * 0.6, y + 1),
            (CX + side * (n - 8), y - height * 0.6)]
        parts.append(cloth.part(curve(pts), roll=5, swell=12, shadow=0.25, drop=2, wrinkle=0.3))
    return parts


def roll_neck(t: Torso, cloth: Cloth, height: float = 46) -> list[Part]:
    n, y = t.neck, t.neck_y
    top = [(CX, y - height - 3), (CX + n * 0.55, y - height - 1), (CX + n - 5, y - height + 5)]
    half = [*top, (CX + n - 2, y - height * 0.4), (CX + n + 7, y + 8, C), (CX + n * 0.6, y + 24), (CX, y + 30)]
    mouth = [(CX, y - height - 3), (CX + n * 0.55, y - height - 1), (CX + n - 6, y - height + 5),
        (CX + n * 0.5, y - height + 11), (CX, y - height + 13)]
    rib = cloth.plain(fabric="rib")
    parts = [rib.part(curve(symmetric(half)), folds=(Fold(curve([(CX - n - 2, y - 6), (CX, y + 8), (CX + n + 2, y - 6)],
        closed=False), -2.2, 1, 6), Fold(curve([(CX - n, y - 18), (CX, y - 6), (CX + n, y - 18)], closed=False), 1.8, 1,
        8)), roll=8, swell=22, shadow=0.35)]
    parts.append(Part(curve(symmetric(mouth)), cloth.inside, "jersey", round=0.3, full=0.1, shadow=0))
    return parts


def hood(t: Torso, cloth: Cloth, r: random.Random, strings: bool = True) -> tuple[list[Part], list[Part]]:
    """(behind the body, in front of it)."""
    n, y = t.neck, t.neck_y
    k = r.uniform(-4, 6)
    back = [(CX, y - 48 - k), (CX + 40, y - 44 - k), (CX + n + 26, y - 12), (CX + n + 26, y + 20),
        (CX + n + 4, y + 36, C), (CX, y + 40)]
    lining = [(CX, y - 34 - k), (CX + 30, y - 30 - k), (CX + n + 8, y - 4), (CX + n - 6, y + 24), (CX, y + 52)]
    behind = [cloth.part(curve(symmetric(back)), folds=(Fold(line((CX, y - 46 - k), (CX, y + 20)), -1.4, 1, 2),
        *pulls(r, (CX, y - 44), (30, 60), (20, 160), 5, 1.5)), shadow=0.2)]
    behind.append(Part(curve(symmetric(lining)), cloth.inside, "jersey",
        folds=(Fold(line((CX, y - 30), (CX, y + 44)), -1.2, 1, 2),), round=0.8, full=0.4, shadow=0.4, drop=6))
    front = []
    for side in (1, -1):
        def at(x, dy, *flag, side=side):
            return (CX + side * x, y + dy, *flag)

        pts = [at(n + 10, -14), at(n + 24, 10), at(n + 12, 34), at(20, 62), at(-3, 70, C), at(-3, 54, C), at(20, 36),
            at(n - 8, 12), at(n + 2, -8)]
        front.append(cloth.part(curve(pts), folds=(Fold(curve([at(n + 14, -6), at(n + 8, 24), at(14, 56)],
            closed=False), 1.8, 1, 7),), details=stitches(curve([at(n + 3, 2), at(n - 2, 18), at(20, 44), at(0, 60)],
            closed=False), cloth.thread, 0.8), roll=7, swell=14, shadow=0.32, drop=4, wrinkle=0.4))
    if strings:
        cord = cloth.trim or (lighter(cloth.colour, 0.6) if luma(cloth.colour) < 0.6 else darker(cloth.colour, 0.25))
        for side in (1, -1):
            x = CX + side * 15
            end = y + 62 + r.uniform(70, 96)
            d = f"M{x} {y + 58} C{x + side * 5} {y + 90} {x - side * 3} {end - 30} {x + side * 4} {end}"
            svg = f'<path d="{d}" transform="translate(2 2.5)" fill="none" stroke="#000" stroke-opacity=".25" stroke-width="4"/><path d="{d}" fill="none" stroke="{cord}" stroke-width="3.4"/><path d="{d}" fill="none" stroke="{darker(cord, 0.3)}" stroke-width="3.4" stroke-dasharray="1 2.4" stroke-opacity=".45"/><circle cx="{x}" cy="{y + 56}" r="3.4" fill="#9da1a6" stroke="#5c6066" stroke-width="1"/><rect x="{x + side * 4 - 2.2:.1f}" y="{end - 3:.1f}" width="4.4" height="12" rx="1.6" fill="{darker(cord, 0.35)}"/>'
            last = front[-1]
            front[-1] = Part(**{**last.__dict__, "over": last.over + svg, "over_free": True, "d": last.d})
    return behind, front


def pocket(x: float, y: float, w: float, h: float, cloth: Cloth, pointed: bool = True, flap: bool = False,
    body: str = "") -> list[Part]:
    """A patch pocket with its top edge at y."""
    tip = h * 0.16 if pointed else 0
    pts = [(x - w / 2, y), (x + w / 2, y), (x + w / 2, y + h - tip), (x, y + h), (x - w / 2, y + h - tip)]
    inner = [(x - w / 2 + 2.5, y + 9), (x + w / 2 - 2.5, y + 9)]
    rim = [(x - w / 2 + 2.5, y + 2), (x - w / 2 + 2.5, y + h - tip - 2), (x, y + h - 3),
        (x + w / 2 - 2.5, y + h - tip - 2), (x + w / 2 - 2.5, y + 2)]
    details = stitches(line(*inner), cloth.thread, 0.7) + stitches(line(*rim), cloth.thread, 0.7)
    parts = [cloth.part(poly(pts), details=details, roll=2.5, swell=6, round=0.6, full=0.1, shadow=0.22, drop=2,
        wrinkle=0.4)]
    if flap:
        f = [(x - w / 2 - 2, y - 6), (x + w / 2 + 2, y - 6), (x + w / 2 + 2, y + h * 0.24), (x, y + h * 0.38),
            (x - w / 2 - 2, y + h * 0.24)]
        edge = line((x - w / 2 + 1, y + h * 0.20), (x, y + h * 0.33), (x + w / 2 - 1, y + h * 0.20))
        parts.append(cloth.part(poly(f), details=stitches(edge, cloth.thread, 0.7),
            over=button(x, y + h * 0.22, 3, cloth.metal, False), roll=2.5, swell=6, round=0.7, full=0.1, shadow=0.3,
            drop=3, wrinkle=0.3))
    return parts


def hem_line(t: Torso, hem: str) -> str:
    half = body_half(t, "crew", hem)
    cut = [p for p in half if p[1] > t.waist_y + 20]
    cut = [(p[0] - 1, p[1] - 8) for p in cut]
    return curve([*mirror(cut), *cut[::-1][1:]], closed=False)


def rib_hem(t: Torso, cloth: Cloth, w: float = 28) -> Part:
    half = [(CX, t.hem_y - w + 4), (CX + t.hem * 0.5, t.hem_y - w + 3), (CX + t.hem - 1, t.hem_y - w, C),
        (CX + t.hem - 8, t.hem_y + 1, C), (CX + t.hem * 0.5, t.hem_y + 4), (CX, t.hem_y + 5)]
    rib = cloth.plain(cloth.trim or cloth.colour, "rib")
    return rib.part(curve(symmetric(half)), roll=6, swell=26, shadow=0.2, drop=2)


def front_closing(t: Torso, cloth: Cloth, y0: float, y1: float, count: int, radius: float = 4.2,
    width: float = 15) -> Part:
    """A button strip down the centre."""
    d = poly([(CX - width / 2, y0), (CX + width / 2, y0), (CX + width / 2, y1), (CX - width / 2, y1)])
    edge = stitches(line((CX - width / 2 + 2.4, y0), (CX - width / 2 + 2.4, y1)), cloth.thread,
        0.7) + stitches(line((CX + width / 2 - 2.4, y0), (CX + width / 2 - 2.4, y1)), cloth.thread, 0.7)
    gap = (y1 - y0 - 26) / max(count - 1, 1)
    over = "".join(button(CX, y0 + 12 + k * gap, radius, BUTTONS(cloth)) for k in range(count))
    return cloth.part(d, details=edge, over=over, roll=2, swell=5, round=0.5, full=0.0, shadow=0.16, drop=1.5,
        wrinkle=0.5)
