"""Dresses and jumpsuits: a bodice sewn to a skirt or to legs."""

from __future__ import annotations

import random

from data.demo.draw import torso
from data.demo.draw.bottoms import FITS, Legs, leg_folds, skirt_outline
from data.demo.draw.cloth import Cloth, button, pulls, seam, stitches
from data.demo.draw.colours import darker
from data.demo.draw.geometry import CORNER as C
from data.demo.draw.geometry import CX, curve, leaf, line, poly, symmetric
from data.demo.draw.paint import Drawing, Fold, Part

WOMEN = torso.WOMEN.grown(neck=44, neck_y=62, shoulder=80, shoulder_y=82, chest=84, armpit_y=170, waist=66, waist_y=262,
    hem=68, hem_y=270, depth=38)
GIRLS = torso.CHILD.grown(neck=44, neck_y=98, shoulder=82, shoulder_y=116, chest=88, armpit_y=200, waist=80,
    waist_y=290, hem=82, hem_y=298, depth=30)


def _bodice_half(t, neck: str) -> list:
    """Right half of a fitted bodice down to the waist seam."""
    if neck == "strap":
        top = [(CX, t.armpit_y - 34), (CX + t.chest * 0.30, t.armpit_y - 44), (CX + t.chest * 0.56, t.armpit_y - 62, C)]
        return [*top, (CX + t.chest * 0.66, t.armpit_y - 60, C), (CX + t.chest * 0.84, t.armpit_y - 16),
            (CX + t.chest, t.armpit_y, C), (CX + t.waist + 2, t.waist_y - 16), (CX + t.waist, t.waist_y, C),
            (CX, t.waist_y + 5)]
    half = torso.neckline(t, neck)[::-1]
    return [*half, (CX + t.shoulder, t.shoulder_y, C), (CX + t.shoulder - 8, (t.shoulder_y + t.armpit_y) / 2 + 6),
        (CX + t.chest, t.armpit_y, C), (CX + t.waist + 3, t.waist_y - 22), (CX + t.waist, t.waist_y, C),
        (CX, t.waist_y + 5)]


def _bodice_folds(t, r) -> list[Fold]:
    folds = []
    for side in (1, -1):
        folds += pulls(r, (CX + side * t.chest * 0.95, t.armpit_y + 4), (40, 92), (105, 175) if side == 1 else (75, 5),
            3, 1.8, 6)
        dart = curve([(CX + side * t.waist * 0.52, t.waist_y), (CX + side * t.chest * 0.46, t.waist_y - 56)],
            closed=False)
        folds.append(seam(dart, -1.0))
        for _ in range(3):
            x = CX + side * r.uniform(8, t.waist)
            folds.append(Fold(leaf((x, t.waist_y), (x + r.uniform(-8, 8), t.waist_y - r.uniform(24, 60)), 4),
                r.choice([1.6, -1.6]), 1))
    return folds


def _neck_parts(t, cloth: Cloth, neck: str, r) -> tuple[list[Part], list[Part]]:
    """(behind, in front)."""
    if neck == "strap":
        behind = []
        back = [(CX, t.armpit_y - 12), (CX + t.chest * 0.5, t.armpit_y - 16), (CX + t.chest - 6, t.armpit_y - 4, C),
            (CX, t.armpit_y + 20)]
        behind.append(Part(curve(symmetric(back)), cloth.inside, "jersey", round=0.3, full=0.1, shadow=0))
        w = r.choice([2.4, 5])
        straps = []
        for side in (1, -1):
            x0, x1 = CX + side * t.chest * 0.61, CX + side * t.neck * 1.02
            pts = [(x0 - w, t.armpit_y - 58), (x1 - w, t.neck_y + 6, C), (x1 + w, t.neck_y + 6, C),
                (x0 + w, t.armpit_y - 58)]
            straps.append(cloth.plain().part(curve(pts), roll=3, swell=6, full=0.1, shadow=0.2, drop=2, wrinkle=0))
            inner = [(CX + side * t.chest * 0.5, t.armpit_y - 10), (x1 - w, t.neck_y + 8), (x1 + w, t.neck_y + 8),
                (CX + side * t.chest * 0.5 + 2 * w, t.armpit_y - 10)]
            behind.append(Part(poly(inner), cloth.inside, "jersey", round=0.4, full=0.1, shadow=0.1))
        return behind, straps
    return [torso.inside_back(t, cloth, neck)], []


def dress(cloth: Cloth, r: random.Random, who: str, *, cut="fit and flare", neck="scoop", sleeve="none", belt=False,
    collar=False, length="knee") -> Drawing:
    """cut: fit and flare, sheath, shift, wrap, shirt, maxi, tiered."""
    base = GIRLS if who == "Girls" else WOMEN
    t = base.grown(waist=base.waist + r.uniform(-3, 3), chest=base.chest + r.uniform(-3, 3),
        shoulder=base.shoulder + r.uniform(-3, 2))
    end = {"mini": 430, "knee": 500, "midi": 560, "maxi": 600}[length] + r.uniform(-8, 6)
    if who == "Girls":
        end = 500 + r.uniform(-14, 14)
    if cut == "shift":
        t = t.grown(waist=t.chest - 1, hem=t.chest + 8)
    drawing = Drawing()
    behind, front = _neck_parts(t, cloth, neck, r)
    drawing.add(*behind)
    bodice = curve(symmetric(_bodice_half(t, neck)))
    hem_w = {"fit and flare": 158, "sheath": 84, "shift": 112, "wrap": 132, "shirt": 128, "maxi": 158,
        "tiered": 168}[cut] + r.uniform(-8, 8)
    waves = {"fit and flare": 6, "wrap": 4, "shirt": 4, "maxi": 6, "tiered": 7}.get(cut, 0)
    swing = {"fit and flare": 6, "maxi": 6, "tiered": 5}.get(cut, 3)
    lower, folds = skirt_outline(t.waist, t.waist_y - 12, hem_w, end, r, waves, swing, 90 if cut == "sheath" else 0)
    shell = bodice + " " + lower
    if sleeve != "none" and neck != "strap":
        arms, outline = torso.sleeves(t, cloth, sleeve, r, shell, "cuff" if sleeve in ("long", "bishop") else "stitch")
        drawing.add(*arms)
        shell += outline
    details = ""
    if cut in ("sheath", "shift"):
        folds += pulls(r, (CX, t.waist_y + 120), (50, 110), (-30, 210), 6, 1.8, 7)
        for _ in range(4):
            x = CX + r.uniform(-0.7, 0.7) * hem_w
            folds.append(Fold(leaf((x, t.waist_y + 60), (x + r.uniform(-10, 10), end), 9, r.uniform(-5, 5)),
                r.choice([2, -2]), 0))
    if waves:
        for _ in range(16):
            x = CX + r.uniform(-t.waist, t.waist)
            folds.append(Fold(leaf((x, t.waist_y), (x + (x - CX) * 0.3, t.waist_y + r.uniform(24, 70)), 3.0),
                r.choice([1.6, -1.6]), 1))
    if cut == "tiered":
        for k in (1, 2):
            y = t.waist_y + (end - t.waist_y) * (0.12 + 0.32 * k)
            half = t.waist + (hem_w - t.waist) * (0.12 + 0.32 * k)
            folds.append(Fold(curve([(CX - half - 20, y - 4), (CX, y + 8), (CX + half + 20, y - 4)], closed=False),
                -3.2, 1, 2.4))
            for _ in range(22):
                x = CX + r.uniform(-half, half)
                folds.append(Fold(leaf((x, y + 8), (x + r.uniform(-8, 8), y + r.uniform(20, 48)), 3),
                    r.choice([1.8, -1.8]), 1))
    if cut == "wrap":
        path = curve([(CX - t.waist * 0.5, t.waist_y), (CX + 10, t.waist_y + 110), (CX + 46, end)], closed=False)
        folds.append(Fold(path, -2.6, 1, 2.6))
    drawing.add(cloth.part(lower, body=shell, folds=tuple(folds), details=details, shadow=0.2))
    folds = _bodice_folds(t, r)
    details = ""
    if neck == "strap":
        folds.append(Fold(line((CX, t.armpit_y - 34), (CX, t.waist_y)), -0.8, 1, 2))
    elif sleeve == "none":
        for side in (1, -1):
            path = curve([(CX + side * (t.shoulder - 5), t.shoulder_y + 1),
                (CX + side * (t.shoulder - 13), (t.shoulder_y + t.armpit_y) / 2 + 6),
                (CX + side * (t.chest - 6), t.armpit_y + 4)], closed=False)
            details += stitches(path, cloth.thread, 0.7)
            folds.append(seam(path, -0.5))
    else:
        for side in (1, -1):
            folds.append(seam(curve([(CX + side * (t.shoulder - 0.5), t.shoulder_y - 2),
                (CX + side * (t.shoulder - 8.5), (t.shoulder_y + t.armpit_y) / 2 + 6),
                (CX + side * (t.chest - 1), t.armpit_y)], closed=False), -1.3, 1.6))
    if neck != "strap" and not collar and cut != "wrap":
        more, valleys = torso.bound_neck(t, cloth, neck)
        details += more
        folds += valleys
    if cut == "wrap":
        path = curve([(CX + t.neck * 0.9, t.neck_y + 6), (CX + 14, t.armpit_y + 20),
            (CX - t.waist * 0.8, t.waist_y - 6)], closed=False)
        folds.append(Fold(path, -2.6, 1, 2.8))
        folds += pulls(r, (CX - t.waist, t.waist_y - 4), (60, 130), (-75, -20), 5, 1.8, 5)
    drawing.add(cloth.part(bodice, body=shell, folds=tuple(folds), details=details,
        shadow=0.0 if cut == "shift" else 0.16, drop=2))
    drawing.add(*front)
    if cut == "shirt":
        drawing.add(torso.front_closing(t, cloth, t.neck_y + 26, end - 2, 8, 3.8, 14))
        drawing.add(*torso.shirt_collar(t, cloth, r, 0, rise=-6))
    elif collar:
        pan = cloth.plain(cloth.trim or "#f4f1ea", "poplin")
        for side in (1, -1):
            pts = [(CX + side * (t.neck + 2), t.neck_y - 1, C), (CX + side * (t.neck + 26), t.neck_y + 22),
                (CX + side * 34, t.neck_y + t.depth + 30), (CX + side * 2, t.neck_y + t.depth + 10, C),
                (CX + side * t.neck * 0.74, t.neck_y + t.depth * 0.68)]
            drawing.add(pan.part(curve(pts), roll=4, swell=8, shadow=0.3, drop=2, wrinkle=0.3))
    if belt or cut in ("shirt", "wrap"):
        y = t.waist_y
        sash = cloth.plain(cloth.trim or darker(cloth.colour,
            0.12)) if cut != "shirt" else cloth.plain(cloth.trim or None)
        drawing.add(sash.part(curve([(CX - t.waist - 2, y - 11, C), (CX, y - 6), (CX + t.waist + 2, y - 11, C),
            (CX + t.waist + 3, y + 8, C), (CX, y + 13), (CX - t.waist - 3, y + 8, C)]),
            folds=tuple(Fold(line((CX - t.waist, y + k), (CX + t.waist, y + k + 3)), 0.9, 2, 1.5) for k in (-4, 2)),
            roll=4, swell=10, shadow=0.3, drop=3, wrinkle=0.4))
        x = CX + (t.waist * 0.5 if cut == "wrap" else 0)
        for dx, dy in ((-16, 92), (20, 104)):
            drawing.add(sash.part(curve([(x - 4, y + 4), (x + dx - 8, y + dy, C), (x + dx + 9, y + dy + 4, C),
                (x + 5, y + 4)]), roll=4, swell=8, shadow=0.28, drop=3, wrinkle=0.5))
        drawing.add(sash.part(curve([(x - 11, y - 9), (x + 11, y - 7), (x + 10, y + 11), (x - 10, y + 10)]), roll=5,
            swell=9, shadow=0.35, drop=2))
    return drawing


def jumpsuit(cloth: Cloth, r: random.Random, who: str, *, neck="v", sleeve="short", fit="wide") -> Drawing:
    t = WOMEN.grown(neck_y=44, shoulder_y=62, armpit_y=140, waist_y=222, waist=66 + r.uniform(-3, 3), chest=80,
        shoulder=76, depth=34)
    if who == "Girls":
        t = t.grown(neck_y=84, shoulder_y=100, armpit_y=176, waist_y=256, waist=74, depth=28)
    g = FITS[fit]
    k = (600 - t.waist_y) / (g.hem_y - g.waist_y)
    g = Legs(**{**g.__dict__, "waist": t.waist, "waist_y": t.waist_y - 8, "hip": g.hip * 0.94, "hip_y": t.waist_y + 74,
        "crotch_y": t.waist_y + 128, "knee_y": t.waist_y + (g.knee_y - g.waist_y) * k + 20,
        "hem_y": 588.0 - (50 if who == "Girls" else 0), "knee_out": g.knee_out * 0.90, "hem_out": g.hem_out * 0.88})
    drawing = Drawing()
    behind, front = _neck_parts(t, cloth, neck, r)
    drawing.add(*behind)
    bodice = curve(symmetric(_bodice_half(t, neck)))
    half = [(CX, g.waist_y - 4), (CX + g.waist, g.waist_y, C), (CX + g.hip, g.hip_y),
        (CX + (g.hip + g.knee_out) / 2, (g.hip_y + g.knee_y) / 2), (CX + g.knee_out, g.knee_y),
        (CX + g.hem_out, g.hem_y - 3, C), (CX + g.hem_in, g.hem_y + 4, C), (CX + g.knee_in, g.knee_y),
        (CX + 9, g.crotch_y + 22), (CX, g.crotch_y, C)]
    lower = curve(symmetric(half))
    shell = bodice + " " + lower
    if sleeve != "none" and neck != "strap":
        arms, outline = torso.sleeves(t, cloth, sleeve, r, shell, "stitch")
        drawing.add(*arms)
        shell += outline
    folds = leg_folds(g, r, 1.0, fit == "wide" and r.random() < 0.5, False)
    folds.append(seam(line((CX, g.waist_y + 10), (CX, g.crotch_y)), -1.2, 1.6))
    details = ""
    for side in (1, -1):
        path = line((CX + side * t.waist * 0.74, t.waist_y + 16), (CX + side * g.hip * 0.96, t.waist_y + 66))
        folds.append(Fold(path, -1.6, 2, 2))
        details += stitches(path, cloth.thread, 0.7)
    drawing.add(cloth.part(lower, body=shell, folds=tuple(folds), details=details, shadow=0.2))
    folds = _bodice_folds(t, r)
    details = ""
    if neck != "strap":
        more, valleys = torso.bound_neck(t, cloth, neck)
        details += more
        folds += valleys
    drawing.add(cloth.part(bodice, body=shell, folds=tuple(folds), details=details, shadow=0.15, drop=2))
    drawing.add(*front)
    if neck != "strap" and r.random() < 0.6:
        drawing.add(torso.front_closing(t, cloth, t.neck_y + t.depth * (2.3 if neck == "v" else 1) + 2, t.waist_y, 4,
            3.6, 13))
    y = t.waist_y
    band = cloth.plain(cloth.trim or darker(cloth.colour, 0.10))
    drawing.add(band.part(curve([(CX - t.waist - 1, y - 10, C), (CX, y - 5), (CX + t.waist + 1, y - 10, C),
        (CX + t.waist + 2, y + 7, C), (CX, y + 12), (CX - t.waist - 2, y + 7, C)]),
        over=button(CX, y + 3, 5, cloth.metal, False), roll=4, swell=8, shadow=0.3, drop=2, wrinkle=0.3))
    return drawing


