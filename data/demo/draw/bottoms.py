"""Trousers of every length, leggings and skirts."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from data.demo.draw.cloth import Cloth, button, pulls, seam, stitches
from data.demo.draw.colours import darker, lighter, luma
from data.demo.draw.geometry import CORNER as C
from data.demo.draw.geometry import CX, curve, leaf, line, mirror, poly, symmetric
from data.demo.draw.paint import Drawing, Fold, Part


@dataclass(frozen=True)
class Legs:
    """Half widths at waist and hip, heights, and the outer and inner edge of a leg at knee and hem, px from the centre."""

    waist: float = 76
    waist_y: float = 60
    hip: float = 98
    hip_y: float = 150
    crotch_y: float = 212
    knee_out: float = 92
    knee_in: float = 22
    knee_y: float = 385
    hem_out: float = 90
    hem_in: float = 34
    hem_y: float = 592
    band: float = 20


FITS = {
    "straight": Legs(),
    "slim": Legs(knee_out=86, knee_in=24, hem_out=80, hem_in=36),
    "skinny": Legs(waist=70, hip=90, knee_out=74, knee_in=24, hem_out=62, hem_in=30, crotch_y=206),
    "wide": Legs(waist=70, hip=96, knee_out=112, knee_in=12, hem_out=130, hem_in=14),
    "flared": Legs(waist=68, hip=90, knee_out=76, knee_in=24, hem_out=112, hem_in=14),
    "tapered": Legs(hip=104, knee_out=94, knee_in=18, hem_out=72, hem_in=32),
    "jogger": Legs(hip=104, knee_out=96, knee_in=18, hem_out=66, hem_in=30, hem_y=586),
    "leggings": Legs(waist=62, hip=82, hip_y=158, crotch_y=206, knee_out=62, knee_in=18, hem_out=48, hem_in=24),
    "capri": Legs(waist=68, hip=92, knee_out=80, knee_in=22, hem_out=76, hem_in=30, hem_y=500, waist_y=96, crotch_y=240,
        hip_y=178, knee_y=400),
    "shorts": Legs(waist=98, waist_y=150, hip=122, hip_y=250, crotch_y=328, knee_out=134, knee_in=12, knee_y=395,
        hem_out=140, hem_in=14, hem_y=480, band=24),
    "short shorts": Legs(waist=92, waist_y=190, hip=118, hip_y=290, crotch_y=358, knee_out=132, knee_in=8, knee_y=390,
        hem_out=142, hem_in=10, hem_y=428, band=24),
}


def _half(g: Legs) -> list:
    return [
        (CX, g.waist_y + 9), (CX + g.waist * 0.6, g.waist_y + 7), (CX + g.waist, g.waist_y, C),
        (CX + g.hip, g.hip_y), (CX + (g.hip + g.knee_out) / 2, (g.hip_y + g.knee_y) / 2 + 10),
            (CX + g.knee_out, g.knee_y),
        (CX + g.hem_out, g.hem_y - 3, C), (CX + g.hem_in, g.hem_y + 4, C),
        (CX + g.knee_in, g.knee_y), (CX + 9, g.crotch_y + 22), (CX, g.crotch_y, C),
    ]  # fmt: skip


def leg_folds(g: Legs, r: random.Random, strength: float, crease: bool, stack: bool) -> list[Fold]:
    folds = []
    for side in (1, -1):
        fork = (CX + side * 4, g.crotch_y - 2)
        folds += pulls(r, fork, (46, 96), (-28, 50) if side == 1 else (208, 130), 6, 3.0 * strength, 6)
        out = CX + side * g.knee_out
        mid = CX + side * (g.knee_out + g.knee_in) / 2
        width = g.knee_out - g.knee_in
        if g.hem_y - g.knee_y > 120:
            for _ in range(5):
                y = g.knee_y + r.uniform(-34, 46)
                x = mid + r.uniform(-0.5, 0.3) * width * side
                folds.append(Fold(leaf((x, y), (x + side * r.uniform(0.3, 0.6) * width, y + r.uniform(-16, 12)),
                    r.uniform(3, 6), r.uniform(-5, 5)), r.choice([2.6, -2.6]) * strength, 1))
            if stack:
                for k in range(5):
                    y = g.hem_y - 12 - k * 15 + r.uniform(-4, 4)
                    a, b = CX + side * (g.hem_in + 2), CX + side * (g.hem_out - 2)
                    if k % 2:
                        a, b = b, a
                    folds.append(Fold(leaf((a, y), (a + (b - a) * r.uniform(0.5, 0.9), y + r.uniform(-9, 9)),
                        r.uniform(3, 5.5), r.uniform(-4, 4)), r.choice([2.8, -2.8]) * strength, 1))
        else:
            for _ in range(3):
                x = mid + r.uniform(-0.4, 0.4) * width
                folds.append(Fold(leaf((x, g.crotch_y + 10), (x + side * r.uniform(-8, 16), g.hem_y + 4),
                    r.uniform(7, 11), r.uniform(-6, 6)), r.choice([2.2, -2.2]) * strength, 0))
        if crease:
            hem_mid = CX + side * (g.hem_out + g.hem_in) / 2
            path = curve([(CX + side * g.waist * 0.56, g.waist_y + 40), (CX + side * (g.hip * 0.54), g.hip_y + 30),
                (mid, g.knee_y), (hem_mid, g.hem_y)], closed=False)
            folds.append(Fold(path, 1.9, 2, 1.6))
            folds.append(Fold(path, 1.6, 0, 14))
        side_seam = curve([(out - side * 5, g.knee_y), (CX + side * (g.hem_out - 5), g.hem_y)], closed=False)
        folds.append(seam(side_seam, -0.5, 1))
        folds.append(Fold(leaf((CX + side * g.hip * 0.9, g.hip_y - 30), (CX + side * g.hip * 0.5, g.hip_y + 60), 9,
            -side * 6), 1.4 * strength, 0))
    return folds


def vary(g: Legs, r: random.Random, child: bool = False) -> Legs:
    values = dict(g.__dict__)
    for key in ("waist", "hip", "knee_out", "hem_out"):
        values[key] += r.uniform(-4, 4)
    values["hem_y"] += r.uniform(-8, 8)
    if child:
        for key in ("waist", "hip", "knee_out", "hem_out"):
            values[key] *= 1.12
        for key in ("waist_y", "hip_y", "crotch_y", "knee_y", "hem_y"):
            values[key] = 330 + (values[key] - 330) * 0.80
    return Legs(**values)


def trousers(cloth: Cloth, r: random.Random, who: str, *, fit="straight", kind="jeans") -> Drawing:
    """kind: jeans, chinos, formal, track, leggings, cargo, drawstring."""
    g = vary(FITS[fit], r, who in ("Boys", "Girls"))
    drawing = Drawing()
    half = _half(g)
    d = curve(symmetric(half))
    w, y = g.waist, g.waist_y
    back = [(CX, y - 7), (CX + w * 0.6, y - 6), (CX + w - 2, y - 1, C), (CX + w - 4, y + 10), (CX, y + 16)]
    tag = f'<rect x="{CX - 13}" y="{y - 4}" width="26" height="10" rx="1" fill="{"#a9784a" if kind == "jeans" else "#e3dfd6"}"/>'
    drawing.add(Part(curve(symmetric(back)), darker(cloth.colour, 0.35), "twill", details=tag, round=0.4, full=0.2,
        shadow=0))

    formal, jeans = kind == "formal", kind == "jeans"
    folds = leg_folds(g, r, {"formal": 0.6, "leggings": 0.55}.get(kind, 1.0), formal,
        jeans or kind in ("chinos", "cargo"))
    folds.append(seam(curve([(CX, y + g.band + 6), (CX + 1, g.crotch_y - 30), (CX, g.crotch_y)], closed=False), -1.4,
        1.8))
    details = ""
    thread = cloth.thread
    if jeans:
        for side in (1, -1):
            thigh = CX + side * (g.hip + g.knee_in) * 0.48
            wash = lighter(cloth.colour, 0.30 if r.random() < 0.7 else 0.12)
            details += f'<ellipse cx="{thigh:.0f}" cy="{(g.crotch_y + g.knee_y) / 2 - 20:.0f}" rx="{g.hip * 0.30:.0f}" ry="{(g.knee_y - g.crotch_y) * 0.62:.0f}" fill="{wash}" fill-opacity=".42" filter="url(#wash)"/>'
            if g.hem_y - g.knee_y > 120:
                details += f'<ellipse cx="{CX + side * (g.knee_out + g.knee_in) / 2:.0f}" cy="{g.knee_y + 70:.0f}" rx="{(g.knee_out - g.knee_in) * 0.24:.0f}" ry="80" fill="{wash}" fill-opacity=".3" filter="url(#wash)"/>'
            inner = curve([(CX + side * 10, g.crotch_y + 26), (CX + side * (g.knee_in + 3.5), g.knee_y),
                (CX + side * (g.hem_in + 3.5), g.hem_y)], closed=False)
            details += stitches(inner, thread, 0.9)
            folds.append(seam(inner, -0.6))
        details = '<filter id="wash" x="-60%" y="-60%" width="220%" height="220%"><feGaussianBlur stdDeviation="16"/></filter>' + details
    # pockets
    for side in (1, -1):
        a = (CX + side * w * 0.52, y + g.band + 4)
        b = (CX + side * (g.hip * 0.5 + w * 0.47), y + g.band + 50)
        if kind in ("chinos", "formal", "track", "cargo", "drawstring"):
            a, b = (CX + side * w * 0.72, y + g.band + 4), (CX + side * (w + (g.hip - w) * 0.80), y + g.band + 76)
            path = line(a, b)
        else:
            path = curve([a, ((a[0] * 0.72 + b[0] * 0.28), b[1] - 12), b], closed=False)
        if kind != "leggings":
            folds.append(Fold(path, -1.8, 2, 2.2))
            details += stitches(path, thread, 1.0, opacity=0.85 if jeans else 0.5)
            if jeans:
                details += f'<g transform="translate(0 3.4)">{stitches(path, thread, 0.9)}</g>'
    if kind not in ("leggings", "track", "drawstring"):
        fly = curve([(CX + 19, y + g.band + 4), (CX + 18, g.crotch_y - 62), (CX + 2, g.crotch_y - 34)], closed=False)
        folds.append(seam(fly, -0.8))
        details += stitches(fly, thread, 1.0, opacity=0.85 if jeans else 0.5)
    if kind == "track":
        stripe = cloth.trim or lighter(cloth.colour, 0.8)
        for side in (1, -1):
            path = curve([(CX + side * (w - 2), y + 20), (CX + side * (g.hip - 6), g.hip_y),
                (CX + side * ((g.hip + g.knee_out) / 2 - 6), (g.hip_y + g.knee_y) / 2 + 10),
                (CX + side * (g.knee_out - 6), g.knee_y), (CX + side * (g.hem_out - 6), g.hem_y)], closed=False)
            details += f'<path d="{path}" fill="none" stroke="{stripe}" stroke-width="{r.choice([5, 8])}"/>'
            if r.random() < 0.5:
                details += f'<path d="{path}" transform="translate({-side * 11} 0)" fill="none" stroke="{stripe}" stroke-width="3"/>'
    cuffed = fit == "jogger"
    for side in (1, -1):
        if not cuffed and not formal:
            path = line((CX + side * (g.hem_in - 2), g.hem_y - 5), (CX + side * (g.hem_out + 2), g.hem_y - 12))
            details += stitches(path, thread, 0.9)
            folds.append(seam(path, -0.6))
    drawing.add(cloth.part(d, folds=tuple(folds), details=details, swell=30, full=0.9, shadow=0.2))
    if cuffed:
        rib = cloth.plain(fabric="rib")
        for side in (1, -1):
            pts = [(CX + side * (g.hem_in - 1), g.hem_y - 26, C), (CX + side * (g.hem_out + 1), g.hem_y - 30, C),
                (CX + side * (g.hem_out - 5), g.hem_y + 2, C), (CX + side * (g.hem_in + 3), g.hem_y + 6, C)]
            drawing.add(rib.part(curve(pts), roll=5, swell=14, shadow=0.2, drop=2))
    if kind == "cargo":
        for side in (1, -1):
            x = CX + side * (g.hip * 0.80 + 3)
            top = (g.crotch_y + g.knee_y) / 2 - (16 if g.hem_y - g.knee_y > 120 else 26)
            for pts, dark in (([(x - 24, top), (x + 22, top), (x + 21, top + 62), (x - 23, top + 62)], 0),
                ([(x - 26, top - 8), (x + 24, top - 8), (x + 24, top + 14), (x - 26, top + 14)], 1)):
                drawing.add(cloth.part(poly(pts), clip=d, details=stitches(line((pts[3][0] + 2, pts[3][1] - 3),
                    (pts[2][0] - 2, pts[2][1] - 3)), thread, 0.8), over=button(x, top + 8, 2.6,
                    darker(cloth.colour, 0.3)) if dark else "", roll=2.5, swell=6, round=0.8, full=0.1, shadow=0.25,
                    drop=3))
    # waistband
    band = [(CX, y + 9), (CX + w * 0.6, y + 7), (CX + w, y, C), (CX + w + 4, y + g.band, C),
        (CX + w * 0.6, y + g.band + 8), (CX, y + g.band + 10)]
    elastic = kind in ("track", "leggings", "drawstring")
    over = ""
    if kind in ("track", "drawstring"):
        cord = lighter(cloth.colour, 0.7) if luma(cloth.colour) < 0.6 else darker(cloth.colour, 0.3)
        for side in (1, -1):
            path = f"M{CX + side * 8} {y + 20}C{CX + side * 14} {y + 40} {CX + side * 6} {y + 60} {CX + side * 13} {y + 82}"
            over += f'<path d="{path}" transform="translate(1.5 2)" stroke="#000" stroke-opacity=".25" stroke-width="3.4" fill="none"/><path d="{path}" stroke="{cord}" stroke-width="3" fill="none" stroke-linecap="round"/><circle cx="{CX + side * 8}" cy="{y + 20}" r="2.6" fill="#8d9095"/>'
    elif kind != "leggings":
        over += button(CX + 2, y + g.band / 2 + 10, 4.6, "#b08a4e" if jeans else darker(cloth.colour, 0.35), not jeans)
    waistband = (cloth.plain(fabric="rib") if elastic and kind != "leggings" else cloth.plain() if jeans else cloth)
    edge = stitches(curve([(CX - w - 3, y + g.band - 3), (CX, y + g.band + 6), (CX + w + 3, y + g.band - 3)],
        closed=False), thread, 0.9, opacity=0.8 if jeans else 0.4)
    drawing.add(waistband.part(curve(symmetric(band)), details=edge, over=over, over_free=bool(over), roll=4, swell=12,
        round=0.8, full=0.4, shadow=0.25, drop=2, wrinkle=0.3))
    if not elastic:
        for x in (-0.72, -0.28, 0.34, 0.74):
            px = CX + x * w
            dip = y + 9 - 9 * abs(x) ** 2
            drawing.add(cloth.plain().part(poly([(px - 3.6, dip - 3), (px + 3.6, dip - 3), (px + 3.6, dip + g.band + 5),
                (px - 3.6, dip + g.band + 5)]), details=stitches(line((px - 2.4, dip), (px - 2.4, dip + g.band)),
                thread, 0.6) if jeans else "", roll=2, swell=3, round=0.9, full=0.0, shadow=0.3, drop=2, wrinkle=0))
    return drawing


# --- skirts ---------------------------------------------------------------------------------------------------------


def skirt_outline(top_w: float, top_y: float, hem_w: float, hem_y: float, r: random.Random, waves: int, swing: float,
    hip: float = 0.0):
    """Outline of a skirt with a wavy hem, and the folds that run down to the waves. Half widths in px."""
    right = [(CX + top_w, top_y, C)]
    if hip:
        right.append((CX + hip, top_y + 80))
    else:
        right.append((CX + top_w + (hem_w - top_w) * 0.40, top_y + (hem_y - top_y) * 0.42))
    right.append((CX + hem_w, hem_y - (6 if waves else 2), C))
    bottom, folds = [], []
    if waves:
        phase = r.uniform(0, 1)
        count = waves * 4
        for k in range(1, count):
            u = k / count
            x = CX + hem_w - 2 * hem_w * u
            arc = math.sin(math.pi * u) * (5 + hem_w * 0.06)
            y = hem_y + arc + 0.75 * swing * math.sin(2 * math.pi * (u * waves + phase))
            bottom.append((x, y))
            if k % 2 == 0:
                lift = math.sin(2 * math.pi * (u * waves + phase))
                tx = CX + (top_w - 2 * top_w * u) * 0.96
                start = top_y + (hem_y - top_y) * r.uniform(0.02, 0.30)
                sx = tx + (x - tx) * (start - top_y) / (hem_y - top_y)
                height = 4.2 * (1 if lift > 0 else -1) * min(1.0, swing / 5 + 0.35)
                folds.append(Fold(f"M{sx:.1f} {start:.1f} L{x - hem_w / waves * 0.30:.1f} {y + 6:.1f} L{x + hem_w / waves * 0.30:.1f} {y + 6:.1f} Z",
                    
                    height, 0))
                folds.append(Fold(leaf((sx, start + 20), (x + hem_w / waves * 0.2, y + 6), 3, 0), height * 0.35, 1))
    else:
        bottom = [(CX + hem_w * 0.5, hem_y + 3), (CX, hem_y + 4), (CX - hem_w * 0.5, hem_y + 3)]
    left = mirror(right)[::-1]
    return curve([(CX, top_y + 8), *right, *bottom, *left]), folds


def skirt(cloth: Cloth, r: random.Random, who: str, *, cut="aline") -> Drawing:
    """cut: aline, pencil, pleated, circle, maxi, tiered, denim."""
    child = who == "Girls"
    w = r.uniform(74, 80) * (1.05 if child else 1)
    y0 = {"maxi": 56, "pencil": 110, "circle": 120}.get(cut, 140) + (40 if child else 0)
    y1 = {"maxi": 590, "pencil": 500, "circle": 480, "pleated": r.choice([450, 540]), "tiered": 540,
        "denim": 400}.get(cut, 450) + r.uniform(-12, 12)
    hem = {"aline": 150, "pencil": 92, "pleated": 172, "circle": 196, "maxi": 170, "tiered": 180,
        "denim": 128}[cut] + r.uniform(-8, 8)
    if child:
        y1 = min(y1, 470)
    waves = {"aline": 4, "circle": 7, "maxi": 6, "tiered": 8}.get(cut, 0)
    d, folds = skirt_outline(w, y0, hem, y1, r, waves, {"circle": 8, "maxi": 6, "tiered": 5}.get(cut, 3.0),
        102 if cut in ("pencil", "denim") else 0)
    drawing = Drawing()
    back = [(CX, y0 - 8), (CX + w * 0.6, y0 - 6), (CX + w - 2, y0 - 1, C), (CX + w - 4, y0 + 10), (CX, y0 + 16)]
    drawing.add(Part(curve(symmetric(back)), cloth.inside, "jersey", round=0.4, full=0.2, shadow=0,
        details=f'<rect x="{CX - 10}" y="{y0 - 4}" width="20" height="9" fill="#e3dfd6"/>'))
    details, over = "", ""
    if cut == "pleated":
        n = r.choice([11, 14])
        for k in range(n + 1):
            u = -1 + 2 * k / n
            a, b = (CX + u * w * 0.98, y0 + 18), (CX + u * hem, y1 + 6)
            folds.append(Fold(line(a, b), -3.4, 1, 2.2))
            folds.append(Fold(line((a[0] + 3, a[1]), (b[0] + hem / n * 0.7, b[1])), 2.2, 1, 7))
    elif cut in ("pencil", "denim"):
        folds += pulls(r, (CX - 8, y0 + 130), (40, 92), (-30, 210), 6, 1.6, 7)
        for side in (1, -1):
            dart = line((CX + side * w * 0.5, y0 + 20), (CX + side * w * 0.56, y0 + 88))
            folds.append(seam(dart, -1.0))
        if cut == "denim":
            for side in (1, -1):
                path = curve([(CX + side * w * 0.5, y0 + 26), (CX + side * w * 0.70, y0 + 58),
                    (CX + side * 99, y0 + 66)], closed=False)
                folds.append(Fold(path, -1.6, 2, 2))
                details += stitches(path, cloth.thread, 1.1)
            n = 6
            over += "".join(button(CX, y0 + 42 + k * (y1 - y0 - 60) / (n - 1), 4.6, "#b08a4e", False) for k in range(n))
            for side in (1, -1):
                path = line((CX + side * 12, y0 + 28), (CX + side * 12, y1 + 4))
                details += stitches(path, cloth.thread, 1)
                folds.append(seam(path, -0.8))
    elif cut == "tiered":
        for k in (1, 2):
            y = y0 + (y1 - y0) * k / 3
            half = w + (hem - w) * k / 3
            folds.append(Fold(curve([(CX - half - 20, y - 4), (CX, y + 8), (CX + half + 20, y - 4)], closed=False),
                -3.2, 1, 2.4))
            for _ in range(26):
                x = CX + r.uniform(-half, half)
                folds.append(Fold(leaf((x, y + 8), (x + r.uniform(-8, 8), y + r.uniform(22, 54)), 3),
                    r.choice([1.8, -1.8]), 1))
    elif cut == "aline":
        details += stitches(line((CX - hem, y1 - 6), (CX, y1 + 2), (CX + hem, y1 - 6)), cloth.thread, 0.7)
    if cut != "denim" and waves:
        for _ in range(14):
            x = CX + r.uniform(-w, w)
            folds.append(Fold(leaf((x, y0 + 18), (x + r.uniform(-6, 6) + (x - CX) * 0.2, y0 + r.uniform(46, 90)), 3.0),
                r.choice([1.5, -1.5]), 1))
    drawing.add(cloth.part(d, folds=tuple(folds), details=details, over=over, swell=46, shadow=0.2))
    band = [(CX, y0 + 8), (CX + w * 0.6, y0 + 6), (CX + w, y0 - 1, C), (CX + w + 3, y0 + 18, C),
        (CX + w * 0.6, y0 + 25), (CX, y0 + 27)]
    drawing.add(cloth.plain(cloth.trim or None).part(curve(symmetric(band)),
        over=button(CX, y0 + 17, 4.4, "#b08a4e", False) if cut == "denim" else "", roll=4, swell=10, round=0.8,
        full=0.4, shadow=0.25, drop=2, wrinkle=0.4))
    return drawing


