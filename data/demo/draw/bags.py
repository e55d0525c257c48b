"""Handbags, backpacks, clutches and carrying bags, standing and seen from the front."""

from __future__ import annotations

import random
from dataclasses import replace

from data.demo.draw.cloth import Cloth, buckle, pulls, seam, stitches, zip_line
from data.demo.draw.colours import darker, lighter
from data.demo.draw.geometry import CORNER as C
from data.demo.draw.geometry import CX, curve, ellipse, leaf, line, poly, round_rect
from data.demo.draw.paint import Drawing, Fold, Part


def strap_along(points, width: float, cloth: Cloth, **more) -> Part:
    """A strap along a smooth line, as the area between two offsets of it."""
    left, right = [], []
    for k, p in enumerate(points):
        a, b = points[max(k - 1, 0)], points[min(k + 1, len(points) - 1)]
        dx, dy = b[0] - a[0], b[1] - a[1]
        n = (dx * dx + dy * dy) ** 0.5 or 1
        left.append((p[0] - dy / n * width / 2, p[1] + dx / n * width / 2))
        right.append((p[0] + dy / n * width / 2, p[1] - dx / n * width / 2))
    left[0], left[-1], right[0], right[-1] = (*left[0], C), (*left[-1], C), (*right[0], C), (*right[-1], C)
    middle = curve(points, closed=False)
    edge = f'<path d="{middle}" fill="none" stroke="{cloth.thread}" stroke-width="{width * 0.62:.1f}" stroke-opacity=".0"/>'
    return cloth.plain().part(curve([*left, *right[::-1]]), **{"details": edge, "roll": min(5, width * 0.45),
        "swell": width, "full": 0.4, "shadow": 0.3, "drop": 3, "wrinkle": 0.2, **more})


def _ring(x: float, y: float, metal: str, radius: float = 7) -> str:
    return (
        f'<circle cx="{x + 1}" cy="{y + 1.6}" r="{radius}" fill="none" stroke="#000" stroke-opacity=".3" stroke-width="3.2"/>'
        f'<circle cx="{x}" cy="{y}" r="{radius}" fill="none" stroke="{darker(metal, 0.45)}" stroke-width="3.6"/>'
        f'<circle cx="{x}" cy="{y}" r="{radius}" fill="none" stroke="{metal}" stroke-width="2.200"/>'
        f'<path d="M{x - radius} {y}A{radius} {radius} 0 0 1 {x} {y - radius}" fill="none" stroke="{lighter(metal, 0.7)}" stroke-width="1.2"/>'
    )


def handbag(cloth: Cloth, r: random.Random, who: str, *, style="tote") -> Drawing:
    """tote, satchel, hobo, bucket, flap (shoulder bag), bowling."""
    drawing = Drawing(ground=520.0)
    metal = cloth.metal
    strap = cloth.plain(cloth.trim or cloth.colour, "leather")
    if style == "tote":
        w1, w2, top = r.uniform(150, 168), r.uniform(122, 140), r.uniform(266, 290)
        arch = r.uniform(96, 130)
        for dy, shade in ((-8, 0.18), (10, 0.0)):
            handle = [(CX - 62, top + 20 + dy), (CX - 58, top - arch * 0.6 + dy), (CX - 30, top - arch + dy),
                (CX, top - arch - 8 + dy), (CX + 30, top - arch + dy), (CX + 58, top - arch * 0.6 + dy),
                (CX + 62, top + 20 + dy)]
            part = strap_along(handle, 11, strap)
            if shade:
                drawing.add(replace(part, colour=darker(strap.colour, shade)))
                back = curve([(CX - w1, top, C), (CX, top - 10), (CX + w1, top, C), (CX + w1 - 6, top + 14),
                    (CX, top + 20), (CX - w1 + 6, top + 14)])
                drawing.add(Part(back, cloth.inside, "canvas", round=0.3, full=0.2, shadow=0.1))
            else:
                front = part
        body = curve([(CX - w1, top, C), (CX, top + 9), (CX + w1, top, C), (CX + (w1 + w2) / 2 + 2, 400),
            (CX + w2, 506), (CX + w2 - 12, 520), (CX, 524), (CX - w2 + 12, 520), (CX - w2, 506),
            (CX - (w1 + w2) / 2 - 2, 400)])
        lip = curve([(CX - w1, top + 12), (CX, top + 21), (CX + w1, top + 12)], closed=False)
        folds = [seam(lip, -0.8), *pulls(r, (CX - 62, top + 30), (60, 130), (50, 110), 3, 2, 9),
            *pulls(r, (CX + 62, top + 30), (60, 130), (70, 130), 3, 2, 9),
            Fold(leaf((CX - w1 + 16, top + 20), (CX - w2 + 10, 505), 9, -6), -2.2, 0),
            Fold(leaf((CX + w1 - 16, top + 20), (CX + w2 - 10, 505), 9, 6), -2.2, 0)]
        details = stitches(lip, cloth.thread, 1.0)
        if r.random() < 0.4:
            details += f'<rect x="0" y="452" width="480" height="100" fill="{strap.colour if strap.colour != cloth.colour else darker(cloth.colour, 0.35)}"/>' + stitches("M60 456H420",
                
                cloth.thread, 1)
            folds.append(seam("M60 452 L420 452", -1))
        drawing.add(cloth.part(body, folds=tuple(folds), details=details, roll=9, swell=60, shadow=0.25))
        drawing.add(front)
        for x in (CX - 62, CX + 62):
            drawing.add(strap.part(poly([(x - 9, top + 12), (x + 9, top + 12), (x + 9, top + 44), (x, top + 52),
                (x - 9, top + 44)]), details=stitches(line((x - 6, top + 15), (x - 6, top + 42), (x, top + 47),
                (x + 6, top + 42), (x + 6, top + 15)), strap.thread, 0.9),
                over=f'<circle cx="{x}" cy="{top + 22}" r="3" fill="{metal}" stroke="{darker(metal, 0.4)}"/>', roll=3,
                swell=6, shadow=0.3, drop=2))
        return drawing
    if style in ("satchel", "bowling"):
        w, top = r.uniform(150, 164), r.uniform(310, 330)
        arch = r.uniform(70, 96)
        back = strap_along([(CX - 64, top + 10), (CX - 56, top - arch * 0.7), (CX, top - arch - 6),
            (CX + 56, top - arch * 0.7), (CX + 64, top + 10)], 12, strap)
        drawing.add(replace(back, colour=darker(strap.colour, 0.2)))
        if style == "bowling":
            body = curve([(CX - w + 26, top + 8), (CX, top - 6), (CX + w - 26, top + 8), (CX + w, 420),
                (CX + w - 6, 500), (CX + w - 26, 518), (CX, 522), (CX - w + 26, 518), (CX - w + 6, 500), (CX - w, 420)])
        else:
            body = curve([(CX - w + 20, top, C), (CX + w - 20, top, C), (CX + w, 430), (CX + w - 2, 508),
                (CX + w - 14, 521, C), (CX - w + 14, 521, C), (CX - w + 2, 508), (CX - w, 430)])
        folds = [*pulls(r, (CX - 64, top + 40), (50, 110), (40, 110), 3, 1.8, 8),
            *pulls(r, (CX + 64, top + 40), (50, 110), (70, 140), 3, 1.8, 8)]
        piping = curve([(CX - w + 30, top + 14), (CX - w + 14, 430), (CX - w + 22, 506), (CX, 511), (CX + w - 22, 506),
            (CX + w - 14, 430), (CX + w - 30, top + 14)], closed=False)
        folds.append(Fold(piping, 1.8, 2, 3))
        drawing.add(cloth.part(body, folds=tuple(folds), details=stitches(piping, cloth.thread, 1),
            over="" if style == "satchel" else zip_line(0, 0, 1, metal, pull=False), roll=12, swell=60, shadow=0.25))
        if style == "satchel":
            flap = curve([(CX - w + 18, top - 3, C), (CX, top - 9), (CX + w - 18, top - 3, C), (CX + w - 16, top + 62),
                (CX + w - 50, top + 92), (CX, top + 98), (CX - w + 50, top + 92), (CX - w + 16, top + 62)])
            drawing.add(cloth.part(flap, details=stitches(curve([(CX - w + 24, top + 4), (CX - w + 22, top + 60),
                (CX - w + 54, top + 85), (CX, top + 91), (CX + w - 54, top + 85), (CX + w - 22, top + 60),
                (CX + w - 24, top + 4)], closed=False), cloth.thread, 1),
                over=f'<rect x="{CX - 15}" y="{top + 74}" width="30" height="34" rx="4" fill="{darker(metal, 0.35)}"/><rect x="{CX - 15}" y="{top + 73}" width="30" height="33" rx="4" fill="{metal}"/><rect x="{CX - 12}" y="{top + 76}" width="24" height="6" rx="2" fill="{lighter(metal, 0.6)}" fill-opacity=".8"/><circle cx="{CX}" cy="{top + 93}" r="4" fill="{darker(metal, 0.5)}"/>',
                    
                roll=6, swell=40, full=0.4, shadow=0.35, drop=5))
        else:
            drawing.add(cloth.part(curve([(CX - w + 40, top + 16), (CX, top + 4), (CX + w - 40, top + 16),
                (CX + w - 44, top + 28), (CX, top + 16), (CX - w + 44, top + 28)]),
                over=f'<path d="M{CX - w + 44} {top + 22}Q{CX} {top + 6} {CX + w - 44} {top + 22}" stroke="{darker(metal, .5)}" stroke-width="4" fill="none"/><path d="M{CX - w + 44} {top + 22}Q{CX} {top + 6} {CX + w - 44} {top + 22}" stroke="{metal}" stroke-width="2.4" stroke-dasharray="1.6 1.4" fill="none"/>',
                    
                roll=4, swell=8, shadow=0.2, drop=2))
        drawing.add(strap_along([(CX - 64, top + 38), (CX - 60, top - arch * 0.55), (CX, top - arch + 6),
            (CX + 60, top - arch * 0.55), (CX + 64, top + 38)], 13, strap,
            over=_ring(CX - 64, top + 36, metal) + _ring(CX + 64, top + 36, metal), over_free=True))
        return drawing
    if style == "hobo":
        top = r.uniform(240, 262)
        drawing.add(replace(strap_along([(CX - 128, top + 120), (CX - 110, top), (CX - 50, top - 86),
            (CX + 20, top - 96), (CX + 92, top - 20), (CX + 128, top + 120)], 22, strap),
            colour=darker(strap.colour, 0.1)))
        body = curve([(CX - 146, top + 92), (CX - 120, top + 84, C), (CX - 50, top + 134), (CX + 40, top + 138),
            (CX + 118, top + 88, C), (CX + 146, top + 96), (CX + 168, top + 190), (CX + 130, 500), (CX, 522),
            (CX - 130, 500), (CX - 168, top + 190)])
        folds = [*pulls(r, (CX - 132, top + 100), (90, 210), (20, 80), 5, 3, 10),
            *pulls(r, (CX + 132, top + 100), (90, 210), (100, 160), 5, 3, 10)]
        lip = curve([(CX - 118, top + 94), (CX - 50, top + 142), (CX + 40, top + 146), (CX + 116, top + 98)],
            closed=False)
        drawing.add(cloth.part(body, folds=tuple(folds), details=stitches(lip, cloth.thread, 1), roll=14, swell=80,
            shadow=0.3, over=_ring(CX - 128, top + 104, metal, 9) + _ring(CX + 128, top + 106, metal, 9),
            over_free=True))
        return drawing
    if style == "bucket":
        top = 300
        drawing.add(replace(strap_along([(CX - 100, top + 20), (CX - 96, top - 80), (CX - 30, top - 150),
            (CX + 40, top - 150), (CX + 98, top - 80), (CX + 100, top + 20)], 11, strap),
            colour=darker(strap.colour, 0.08)))
        drawing.add(Part(curve(ellipse(CX, top + 8, 116, 22)), cloth.inside, "suede", round=0.4, full=0.2, shadow=0))
        body = curve([(CX - 118, top + 6, C), (CX - 60, top + 26), (CX, top + 30), (CX + 60, top + 26),
            (CX + 118, top + 6, C), (CX + 128, 420), (CX + 112, 512), (CX, 524), (CX - 112, 512), (CX - 128, 420)])
        folds = [Fold(leaf((CX + x, top + 26), (CX + x * 1.06, top + r.uniform(90, 150)), 6, 2), (3 if k % 2 else -3),
            0) for k, x in enumerate(range(-100, 104, 20))]
        eye = "".join(f'<circle cx="{CX + x}" cy="{top + 50 - abs(x) * 0.10}" r="4.2" fill="{darker(metal, .5)}" stroke="{metal}" stroke-width="1.8"/>'
            for x in (-84, -50, -17, 17, 50, 84))
        cord = f'<path d="M{CX - 84} {top + 43}Q{CX - 67} {top + 62} {CX - 50} {top + 46}M{CX - 17} {top + 49}Q{CX} {top + 66} {CX + 17} {top + 49}M{CX + 50} {top + 46}Q{CX + 67} {top + 62} {CX + 84} {top + 43}M{CX - 12} {top + 58}C{CX - 22} {top + 90} {CX - 14} {top + 110} {CX - 22} {top + 140}M{CX + 12} {top + 58}C{CX + 20} {top + 90} {CX + 8} {top + 118} {CX + 16} {top + 146}" stroke="{darker(strap.colour, .25)}" stroke-width="4.4" fill="none"/>'
        drawing.add(cloth.part(body, folds=tuple(folds), details=stitches("M80 494Q240 508 400 494", cloth.thread, 1),
            over=eye + cord, roll=12, swell=80, shadow=0.25))
        return drawing
    # flap: a shoulder bag on a chain or strap
    w, top = r.uniform(128, 146), r.uniform(346, 362)
    chain = r.random() < 0.5
    path = [(CX - w + 14, top + 14), (CX - w * 0.7, top - 120), (CX - 20, top - 186), (CX + 60, top - 168),
        (CX + w * 0.8, top - 90), (CX + w - 14, top + 14)]
    if chain:
        d = curve(path, closed=False)
        links = f'<path d="{d}" fill="none" stroke="{darker(metal, 0.5)}" stroke-width="7"/><path d="{d}" fill="none" stroke="{metal}" stroke-width="5.400" stroke-dasharray="7 3"/><path d="{d}" fill="none" stroke="{lighter(metal, 0.6)}" stroke-width="1.6" stroke-dasharray="4 6"/>'
        drawing.add(replace(strap_along(path, 8, strap), over=links, colour=darker(metal, 0.3), fabric="metal"))
    else:
        drawing.add(strap_along(path, 11, strap))
    body = round_rect(CX - w, top, CX + w, 521, 18)
    quilt = []
    if r.random() < 0.45:
        for k in range(-20, 30):
            quilt += [Fold(line((CX - 300 + k * 26, 300), (CX - 300 + k * 26 + 260, 560)), -2.6, 2, 2),
                Fold(line((CX + 300 - k * 26, 300), (CX + 300 - k * 26 - 260, 560)), -2.6, 2, 2)]
    drawing.add(cloth.part(body, folds=tuple(quilt), roll=12, swell=40, full=0.5, shadow=0.25))
    depth = r.uniform(84, 112)
    flap = curve([(CX - w - 2, top - 4, C), (CX, top - 10), (CX + w + 2, top - 4, C), (CX + w + 2, top + depth * 0.5),
        (CX + w * 0.6, top + depth * 0.92), (CX, top + depth), (CX - w * 0.6, top + depth * 0.92),
        (CX - w - 2, top + depth * 0.5)])
    y = top + depth - 14
    lock = f'<circle cx="{CX}" cy="{y + 1.5}" r="15" fill="#000" fill-opacity=".25"/><circle cx="{CX}" cy="{y}" r="14" fill="{metal}" stroke="{darker(metal, .4)}" stroke-width="1.4"/><rect x="{CX - 4}" y="{y - 9}" width="8" height="18" rx="3" fill="{lighter(metal, .5)}" stroke="{darker(metal, .4)}"/>'
    drawing.add(cloth.part(flap, folds=tuple(quilt), details="" if quilt
        else stitches(curve([(CX - w + 5, top), (CX - w + 5, top + depth * 0.48), (CX - w * 0.58, top + depth * 0.85),
        (CX, top + depth - 8), (CX + w * 0.58, top + depth * 0.85), (CX + w - 5, top + depth * 0.48),
        (CX + w - 5, top)], closed=False), cloth.thread, 1), over=lock, over_free=True, roll=8, swell=40, full=0.4,
        shadow=0.4, drop=6))
    return drawing


def backpack(cloth: Cloth, r: random.Random, who: str, *, style="day") -> Drawing:
    """day (zips, front pocket), rucksack (flap and buckles), school."""
    drawing = Drawing(ground=556.0)
    metal = cloth.metal
    trim = cloth.trim or darker(cloth.colour, 0.35)
    k = 0.88 if who in ("Boys", "Girls") else 1.0
    w, top, bottom = 138 * k * r.uniform(0.96, 1.05), 560 - 420 * k, 556
    strap = cloth.plain(trim, "canvas")
    for side in (1, -1):
        drawing.add(strap_along([(CX + side * 62, top + 40), (CX + side * (w + 16), top + 90),
            (CX + side * (w + 26), top + 210), (CX + side * (w - 2), bottom - 50)], 24, strap))
    drawing.add(strap_along([(CX - 26, top + 8), (CX - 22, top - 26), (CX, top - 36), (CX + 22, top - 26),
        (CX + 26, top + 8)], 10, strap))
    body = curve([(CX - w * 0.92, top + 70), (CX - w * 0.56, top + 8), (CX, top - 2), (CX + w * 0.56, top + 8),
        (CX + w * 0.92, top + 70), (CX + w, bottom - 150), (CX + w - 6, bottom - 24), (CX + w - 34, bottom - 2),
        (CX, bottom + 2), (CX - w + 34, bottom - 2), (CX - w + 6, bottom - 24), (CX - w, bottom - 150)])
    arc = curve([(CX - w + 16, bottom - 190), (CX - w * 0.80, top + 84), (CX - w * 0.46, top + 30), (CX, top + 22),
        (CX + w * 0.46, top + 30), (CX + w * 0.80, top + 84), (CX + w - 16, bottom - 190)], closed=False)
    folds = [Fold(arc, -2.4, 1, 3), *pulls(r, (CX, top + 60), (40, 110), (30, 150), 5, 2, 10)]
    zipper = f'<path d="{arc}" fill="none" stroke="{darker(cloth.colour, 0.5)}" stroke-width="6"/><path d="{arc}" fill="none" stroke="{metal}" stroke-width="2.6" stroke-dasharray="1.7 1.5"/>'
    drawing.add(cloth.part(body, folds=tuple(folds), details=zipper if style != "rucksack" else "", roll=16, swell=80,
        shadow=0.3))
    py = bottom - (170 if style != "rucksack" else 130) * k
    block = cloth.plain(trim) if (style == "school" or r.random() < 0.35) else cloth
    pocket = curve([(CX - w * 0.74, py + 14), (CX - w * 0.60, py), (CX + w * 0.60, py), (CX + w * 0.74, py + 14),
        (CX + w * 0.78, bottom - 60), (CX + w * 0.70, bottom - 16), (CX, bottom - 10), (CX - w * 0.70, bottom - 16),
        (CX - w * 0.78, bottom - 60)])
    zy = py + 26
    zline = f"M{CX - w * 0.66} {zy}Q{CX} {zy - 8} {CX + w * 0.66} {zy}"
    pz = f'<path d="{zline}" fill="none" stroke="{darker(block.colour, 0.5)}" stroke-width="6"/><path d="{zline}" fill="none" stroke="{metal}" stroke-width="2.600" stroke-dasharray="1.7 1.5"/><rect x="{CX + w * 0.5}" y="{zy - 5}" width="6" height="20" rx="2.500" fill="{trim}" stroke="{darker(trim, .4)}"/>'
    drawing.add(block.part(pocket, details=pz + stitches(curve([(CX - w * 0.66, py + 44), (CX - w * 0.70, bottom - 60),
        (CX - w * 0.64, bottom - 24), (CX, bottom - 18), (CX + w * 0.64, bottom - 24), (CX + w * 0.70, bottom - 60),
        (CX + w * 0.66, py + 44)], closed=False), block.thread, 1), folds=tuple(pulls(r, (CX, zy + 10), (40, 90),
        (30, 150), 4, 1.6, 8)), roll=10, swell=50, shadow=0.35, drop=5))
    if style == "rucksack":
        flap = curve([(CX - w * 0.94, top + 60), (CX - w * 0.60, top + 4), (CX, top - 8), (CX + w * 0.60, top + 4),
            (CX + w * 0.94, top + 60), (CX + w * 0.96, top + 150), (CX + w * 0.80, top + 186), (CX, top + 196),
            (CX - w * 0.80, top + 186), (CX - w * 0.96, top + 150)])
        drawing.add(cloth.part(flap, details=stitches(curve([(CX - w * 0.88, top + 64), (CX - w * 0.89, top + 148),
            (CX - w * 0.75, top + 178), (CX, top + 187), (CX + w * 0.75, top + 178), (CX + w * 0.89, top + 148),
            (CX + w * 0.88, top + 64)], closed=False), cloth.thread, 1.1),
            folds=tuple(pulls(r, (CX, top), (60, 150), (20, 160), 6, 2, 10)), roll=10, swell=60, shadow=0.4, drop=6))
        leather = cloth.plain(cloth.trim or "#7a5236", "leather")
        for x in (CX - 54 * k, CX + 54 * k):
            drawing.add(leather.part(poly([(x - 9, top + 130), (x + 9, top + 130), (x + 9, py + 46), (x, py + 56),
                (x - 9, py + 46)]), over=buckle(x, top + 214, 26, 22, metal, 3.4), over_free=True, roll=3, swell=8,
                shadow=0.35, drop=3, wrinkle=0.2))
    else:
        drawing.add(Part(round_rect(CX - 20, top + 62, CX + 20, top + 92, 4), trim, "leather",
            details=f'<path d="M{CX - 10} {top + 77}H{CX + 10}M{CX - 6} {top + 71}H{CX + 6}M{CX - 6} {top + 83}H{CX + 6}" stroke="{lighter(trim, .5)}" stroke-width="2"/>',
                
            roll=2, swell=5, shadow=0.2, drop=1.5))
    return drawing


def clutch(cloth: Cloth, r: random.Random, who: str, *, style="envelope") -> Drawing:
    """envelope, box (with clasp), pouch (gathered frame), zip."""
    drawing = Drawing(ground=432.0)
    metal = cloth.metal
    w, top, bottom = r.uniform(168, 184), 228 + r.uniform(-8, 8), 430
    if style == "box":
        top += 26
        drawing.add(cloth.part(round_rect(CX - w, top, CX + w, bottom, 16), roll=16, swell=60, full=0.5, shadow=0))
        drawing.add(Part(round_rect(CX - w + 2, top - 6, CX + w - 2, top + 10, 6), metal, "metal", roll=5, swell=8,
            shadow=0.3, drop=3))
        drawing.add(Part(curve(ellipse(CX - 9, top - 10, 11)), metal, "metal", roll=6, swell=10, shadow=0.3, drop=2),
            Part(curve(ellipse(CX + 11, top - 8, 11)), metal, "metal", roll=6, swell=10, shadow=0.3, drop=2))
    elif style == "pouch":
        body = curve([(CX - w * 0.72, top + 16, C), (CX + w * 0.72, top + 16, C), (CX + w, top + 120),
            (CX + w * 0.9, bottom - 14), (CX, bottom + 2), (CX - w * 0.9, bottom - 14), (CX - w, top + 120)])
        folds = [Fold(leaf((CX + x, top + 18), (CX + x * 1.25, top + r.uniform(80, 160)), 6), 3 if k % 2 else -3, 0)
            for k, x in enumerate(range(-114, 118, 19))]
        drawing.add(cloth.part(body, folds=tuple(folds), roll=14, swell=70, shadow=0))
        drawing.add(Part(round_rect(CX - w * 0.74, top, CX + w * 0.74, top + 22, 10), metal, "metal", roll=7, swell=10,
            shadow=0.35, drop=3))
        drawing.add(Part(curve(ellipse(CX, top - 5, 12)), metal, "metal", roll=6, swell=10, shadow=0.3, drop=2))
    else:
        body = round_rect(CX - w, top, CX + w, bottom, 9)
        zline = f"M{CX - w + 8} {top + 16}H{CX + w - 8}"
        details = "" if style == "envelope" else f'<path d="{zline}" stroke="{darker(cloth.colour, .5)}" stroke-width="6"/><path d="{zline}" stroke="{metal}" stroke-width="2.800" stroke-dasharray="1.7 1.500"/>'
        drawing.add(cloth.part(body, details=details, folds=tuple(pulls(r, (CX, top), (60, 140), (20, 160), 5, 1.4,
            10)), roll=8, swell=60, full=0.4, shadow=0))
        if style == "envelope":
            tip = r.uniform(96, 128)
            flap = poly([(CX - w - 1, top - 3), (CX + w + 1, top - 3), (CX + w + 1, top + 14), (CX + 6, top + tip),
                (CX - 6, top + tip), (CX - w - 1, top + 14)])
            drawing.add(cloth.part(flap, details=stitches(line((CX - w + 5, top + 11), (CX, top + tip - 9),
                (CX + w - 5, top + 11)), cloth.thread, 1),
                over=f'<circle cx="{CX}" cy="{top + tip - 18}" r="8" fill="{metal}" stroke="{darker(metal, .4)}" stroke-width="1.400"/><circle cx="{CX - 2.500}" cy="{top + tip - 20.500}" r="2.800" fill="{lighter(metal, .6)}"/>',
                    
                roll=6, swell=40, full=0.3, shadow=0.4, drop=6))
        else:
            drawing.add(strap_along([(CX + w - 6, top + 18), (CX + w + 18, top + 56), (CX + w + 10, top + 112),
                (CX + w - 8, top + 70)], 9, cloth.plain(cloth.trim or cloth.colour)))
            drawing.add(Part(round_rect(CX + w - 34, top + 10, CX + w - 8, top + 24, 4), metal, "metal", roll=3,
                swell=6, shadow=0.3, drop=2))
    return drawing


def carrier(cloth: Cloth, r: random.Random, who: str, *, style="messenger") -> Drawing:
    """messenger, laptop, duffel."""
    drawing = Drawing(ground=500.0)
    metal = cloth.metal
    strap = cloth.plain(cloth.trim or darker(cloth.colour, 0.4), "canvas" if style != "laptop" else "leather")
    if style == "duffel":
        for dy, dark in ((-10, 0.2), (8, 0)):
            part = strap_along([(CX - 76, 400 + dy), (CX - 60, 270 + dy), (CX, 232 + dy), (CX + 60, 270 + dy),
                (CX + 76, 400 + dy)], 14, strap)
            if dark:
                drawing.add(replace(part, colour=darker(strap.colour, 0.2)))
                body = curve([(CX - 190, 372), (CX - 168, 322), (CX, 312), (CX + 168, 322), (CX + 190, 372),
                    (CX + 194, 450), (CX + 172, 494), (CX, 501), (CX - 172, 494), (CX - 194, 450)])
                zline = f"M{CX - 168} 344Q{CX} 330 {CX + 168} 344"
                details = f'<path d="{zline}" stroke="{darker(cloth.colour, .5)}" stroke-width="7" fill="none"/><path d="{zline}" stroke="{metal}" stroke-width="3" stroke-dasharray="1.7 1.500" fill="none"/><path d="M{CX - 150} 300V520M{CX + 150} 300V520" stroke="{darker(cloth.colour, .3)}" stroke-width="2"/>'
                folds = [*pulls(r, (CX - 76, 380), (40, 120), (20, 160), 5, 2.4, 10),
                    *pulls(r, (CX + 76, 380), (40, 120), (20, 160), 5, 2.4, 10),
                    Fold(line((CX - 150, 316), (CX - 150, 500)), -2, 1, 3),
                    Fold(line((CX + 150, 316), (CX + 150, 500)), -2, 1, 3)]
                drawing.add(cloth.part(body, folds=tuple(folds), details=details, roll=20, swell=90, full=1.2,
                    shadow=0.25))
            else:
                for x in (CX - 78, CX + 78):
                    drawing.add(strap.part(poly([(x - 9, 350), (x + 9, 350), (x + 9, 500), (x - 9, 500)]), roll=3,
                        swell=8, shadow=0.3, drop=2))
                drawing.add(part)
        return drawing
    w, top = (168, 300) if style == "laptop" else (158, 292)
    if style == "laptop":
        for dy, dark in ((-8, 0.2), (6, 0)):
            part = strap_along([(CX - 50, top + 24 + dy), (CX - 44, top - 48 + dy), (CX, top - 62 + dy),
                (CX + 44, top - 48 + dy), (CX + 50, top + 24 + dy)], 13, strap)
            drawing.add(replace(part, colour=darker(strap.colour, dark)))
    else:
        drawing.add(strap_along([(CX - w + 6, top + 40), (CX - w * 0.8, top - 90), (CX - 10, top - 170),
            (CX + w * 0.8, top - 90), (CX + w - 6, top + 40)], 20, strap))
    drawing.add(cloth.part(round_rect(CX - w, top, CX + w, 501, 14), roll=10, swell=60, full=0.5, shadow=0.2))
    if style == "messenger":
        flap = curve([(CX - w - 2, top - 4, C), (CX + w + 2, top - 4, C), (CX + w + 2, top + 128),
            (CX + w - 16, top + 144, C), (CX - w + 16, top + 144, C), (CX - w - 2, top + 128)])
        drawing.add(cloth.part(flap, details=stitches(round_rect(CX - w + 6, top + 4, CX + w - 6, top + 137, 10),
            cloth.thread, 1), folds=tuple(pulls(r, (CX, top), (60, 150), (20, 160), 5, 2, 10)), roll=7, swell=50,
            full=0.4, shadow=0.4, drop=6))
        for x in (CX - 76, CX + 76):
            drawing.add(cloth.plain(cloth.trim or "#6f4a30", "leather").part(poly([(x - 11, top + 84),
                (x + 11, top + 84), (x + 11, top + 184), (x, top + 194), (x - 11, top + 184)]),
                over=buckle(x, top + 158, 32, 24, metal, 3.6), over_free=True, roll=3, swell=8, shadow=0.35, drop=3))
    else:
        zline = f"M{CX - w + 10} {top + 26}H{CX + w - 10}"
        drawing.parts[-1] = replace(drawing.parts[-1],
            details=f'<path d="{zline}" stroke="{darker(cloth.colour, .5)}" stroke-width="6"/><path d="{zline}" stroke="{metal}" stroke-width="2.800" stroke-dasharray="1.700 1.500"/>')
        drawing.add(cloth.part(round_rect(CX - w + 20, top + 66, CX + w - 20, 486, 8),
            details=stitches(round_rect(CX - w + 25, top + 71, CX + w - 25, 481, 6), cloth.thread, 1), roll=5, swell=40,
            full=0.3, shadow=0.3, drop=3))
        for x in (CX - 50, CX + 50):
            drawing.add(strap.part(poly([(x - 9, top + 8), (x + 9, top + 8), (x + 9, top + 86), (x, top + 94),
                (x - 9, top + 86)]), over=f'<circle cx="{x}" cy="{top + 76}" r="4" fill="{metal}"/>', roll=3, swell=8,
                shadow=0.3, drop=3))
    return drawing


