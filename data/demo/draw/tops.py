"""Everything worn on the upper body: T-shirts, shirts, knits, jackets, blazers, waistcoats, kurtas."""

from __future__ import annotations

import random

from data.demo.draw import patterns
from data.demo.draw.cloth import Cloth, button, pulls, seam, stitches, zip_line
from data.demo.draw.colours import contrast_stitch, darker, lighter, luma, mix
from data.demo.draw.geometry import CORNER as C
from data.demo.draw.geometry import CX, curve, leaf, line, mirror, poly, symmetric
from data.demo.draw.paint import Drawing, Fold, Part
from data.demo.draw.torso import (
    TORSO,
    Torso,
    band_collar,
    body_folds,
    body_half,
    bound_neck,
    front_closing,
    hem_line,
    hood,
    inside_back,
    pocket,
    rib_hem,
    rib_neck,
    roll_neck,
    shirt_collar,
    sleeve_half,
    sleeves,
    vary,
)


def plain_top(cloth: Cloth, r: random.Random, who: str, *, neck="crew", sleeve="short", hem="straight", trim="rib",
    length=0.0, ease=0.0, print_=None, extra=None, torso: Torso | None = None, strength=1.0, raglan=False, block=None,
    pocket_=False) -> Drawing:
    """T-shirts, tops, sweaters, sweatshirts: pulled over the head. `extra` is polo, henley, hood, roll, kangaroo."""
    t = torso or vary(TORSO[who], r, length, ease)
    collar = "crew" if extra in ("polo", "henley", "hood", "roll") else neck
    if extra == "roll":
        t = t.grown(depth=24)
    half = body_half(t, "high" if extra == "roll" else collar, "band" if hem == "rib" else hem)
    d = curve(symmetric(half))
    drawing = Drawing()
    front: list[Part] = []
    if extra == "hood":
        behind, front = hood(t, cloth, r)
        drawing.add(*behind)
    elif extra == "roll":
        pass
    else:
        drawing.add(inside_back(t, cloth, collar))
    upper = cloth.plain(block) if raglan and block else cloth
    shell = d
    if sleeve != "none":
        knit = hem == "rib"
        arms, outline = sleeves(t, upper, sleeve, r, d, "rib" if knit
            else ("stitch" if trim != "contrast" else "contrast"), strength)
        drawing.add(*arms)
        shell = d + outline
    folds = body_folds(t, r, strength)
    details = ""
    if hem != "rib":
        path = hem_line(t, hem)
        details += stitches(path, cloth.thread, 0.8)
        folds.append(seam(path, -0.5))
    if block and not raglan:
        y = t.armpit_y + r.uniform(20, 90)
        details += f'<rect x="0" y="{y:.1f}" width="480" height="640" fill="{block}"/>'
        folds.append(seam(line((0, y), (480, y)), -0.7))
    if print_:
        details += patterns.chest_print(print_, list(cloth.inks), CX, t.armpit_y + 52, t.chest * r.uniform(0.85, 1.15),
            r)
    if sleeve != "none":
        for side in (1, -1):
            if raglan:
                path = curve([(CX + side * (t.neck + 6), t.neck_y + 12),
                    (CX + side * (t.shoulder - 26), t.armpit_y - 60), (CX + side * (t.chest - 2), t.armpit_y + 2)],
                    closed=False)
                if block:
                    details += f'<path d="{path} L{CX + side * 220} {t.armpit_y} L{CX + side * 220} 20 Z" fill="{block}"/>'
            else:
                path = curve([(CX + side * (t.shoulder - 0.5), t.shoulder_y - 2),
                    (CX + side * (t.shoulder - 8.5), (t.shoulder_y + t.armpit_y) / 2 + 6),
                    (CX + side * (t.chest - 1), t.armpit_y)], closed=False)
            folds.append(seam(path, -1.3, 1.6))
    else:
        for side in (1, -1):
            path = curve([(CX + side * (t.shoulder - 6), t.shoulder_y),
                (CX + side * (t.shoulder - 14), (t.shoulder_y + t.armpit_y) / 2 + 6),
                (CX + side * (t.chest - 7), t.armpit_y + 4)], closed=False)
            details += stitches(path, cloth.thread, 0.8)
            folds.append(seam(path, -0.5))
    if collar != "crew" and extra is None and trim == "bound":
        more, valleys = bound_neck(t, cloth, collar)
        details += more
        folds += valleys
    drawing.add(cloth.part(d, body=shell, folds=tuple(folds), details=details,
        shadow=0.32 if sleeve != "none" else 0.0))
    if pocket_:
        drawing.add(*pocket(CX + t.chest * 0.45, t.armpit_y - 4, 42, 48, cloth))
    if hem == "rib":
        drawing.add(rib_hem(t, cloth))
    if extra == "roll":
        drawing.add(*roll_neck(t, cloth, r.choice([44, 26])))
    elif extra == "polo":
        knit = cloth.plain(cloth.trim or cloth.colour, "pique")
        y0, y1 = t.neck_y + 22, t.neck_y + 108
        drawing.add(front_closing(t, cloth.plain(), y0, y1, r.choice([2, 3]), 3.6, 18))
        drawing.add(*shirt_collar(t, knit, r, spread=10, soft=True, rise=-4))
    elif extra == "henley":
        drawing.add(front_closing(t, cloth.plain(cloth.trim or cloth.colour), t.neck_y + t.depth + 2,
            t.neck_y + t.depth + 84, 3, 3.6, 16))
        drawing.add(*rib_neck(t, cloth, collar))
    elif extra == "hood":
        drawing.add(*front)
    elif trim in ("rib", "contrast"):
        drawing.add(*rib_neck(t, cloth, collar, r.choice([9, 11, 13])))
    if extra in ("hood", "kangaroo"):
        y = t.hem_y - 38
        pts = [(CX - 46, y - 92, C), (CX + 46, y - 92, C), (CX + 74, y - 34, C), (CX + 74, y, C), (CX - 74, y, C),
            (CX - 74, y - 34, C)]
        mouths = "".join(stitches(line((CX + s * 50, y - 88), (CX + s * 70, y - 34)), cloth.thread, 0.8)
            for s in (1, -1))
        drawing.add(cloth.part(poly(pts), details=mouths + stitches(line((CX - 46, y - 88), (CX + 46, y - 88)),
            cloth.thread, 0.8), folds=tuple(pulls(r, (CX, y - 90), (50, 90), (40, 140), 4, 1.2)), roll=4, swell=20,
            round=0.8, full=0.2, shadow=0.25, drop=2))
    return drawing


def cardigan(cloth: Cloth, r: random.Random, who: str, *, sleeve="long") -> Drawing:
    t = vary(TORSO[who], r, 6, 2).grown(depth=TORSO[who].depth * 1.25)
    drawing = plain_top(cloth, r, who, neck="deep", sleeve=sleeve, hem="rib", trim="none", torso=t)
    rib = cloth.plain(cloth.trim or cloth.colour, "rib")
    v = t.neck_y + t.depth * 4.6
    for side in (1, -1):
        pts = [(CX + side * (t.neck - 1), t.neck_y - 2, C), (CX + side * (t.neck + 11), t.neck_y + 3, C),
            (CX + side * (t.neck * 0.5 + 13), t.neck_y + t.depth * 2.2), (CX + side * 9, v + 12),
            (CX + side * 8, t.hem_y + 5, C), (CX - side * 7, t.hem_y + 5, C), (CX - side * 6, v + 4, C),
            (CX + side * t.neck * 0.48, t.neck_y + t.depth * 2.05)]
        over = ""
        if side == 1:
            n = 5
            over = "".join(button(CX, v + 22 + k * (t.hem_y - v - 34) / (n - 1), 5, mix(cloth.colour, "#8b6a46", 0.55))
                for k in range(n))
        drawing.add(rib.part(curve(pts), over=over, roll=4, swell=8, shadow=0.25, drop=2, wrinkle=0.3))
    if r.random() < 0.6:
        for side in (1, -1):
            drawing.add(*pocket(CX + side * t.hem * 0.56, t.hem_y - 112, 60, 64, cloth, pointed=False))
    return drawing


def shirt(cloth: Cloth, r: random.Random, who: str, *, sleeve="long", collar="shirt", pockets=1, hem="shirttail",
    flap=False, yoke=True, length=0.0, ease=0.0) -> Drawing:
    t = vary(TORSO[who], r, length, ease).grown(depth=30)
    d = curve(symmetric(body_half(t, "crew", hem)))
    drawing = Drawing()
    arms, outline = sleeves(t, cloth, sleeve, r, d, "cuff" if sleeve in ("long", "bishop") else "stitch")
    drawing.add(inside_back(t, cloth, "crew"), *arms)
    folds = body_folds(t, r, 0.9)
    path = hem_line(t, hem)
    details = stitches(path, cloth.thread, 0.7)
    folds.append(seam(path, -0.4))
    for side in (1, -1):
        folds.append(seam(curve([(CX + side * (t.shoulder - 0.5), t.shoulder_y - 2),
            (CX + side * (t.shoulder - 8.5), (t.shoulder_y + t.armpit_y) / 2 + 6),
            (CX + side * (t.chest - 1), t.armpit_y)], closed=False), -1.3, 1.6))
        if yoke:
            y = line((CX + side * (t.neck - 4), t.neck_y + 22), (CX + side * (t.shoulder - 4), t.shoulder_y + 26))
            folds.append(seam(y, -0.8))
            details += stitches(y, cloth.thread, 0.6, opacity=0.5)
    drawing.add(cloth.part(d, body=d + outline, folds=tuple(folds), details=details))
    drawing.add(front_closing(t, cloth, t.neck_y + 24, t.hem_y + 7, r.choice([6, 7])))
    for k in range(pockets):
        side = 1 if k == 0 else -1
        drawing.add(*pocket(CX + side * t.chest * 0.50, t.armpit_y - 6, 50, 58, cloth, pointed=r.random() < 0.7,
            flap=flap))
    if collar == "band":
        drawing.add(*band_collar(t, cloth, 18))
    else:
        drawing.add(*shirt_collar(t, cloth, r, r.choice([-4, 2, 8])))
    return drawing


def jacket(cloth: Cloth, r: random.Random, who: str, *, style="bomber") -> Drawing:
    """bomber, trucker, puffer, biker, parka, windcheater, track."""
    t = vary(TORSO[who], r, {"parka": 44, "puffer": -14, "trucker": -34, "biker": -36, "bomber": -22}.get(style, -8),
        9).grown(depth=24)
    banded = style in ("bomber", "track", "puffer")
    d = curve(symmetric(body_half(t, "crew", "band" if banded else "straight")))
    drawing = Drawing()
    front: list[Part] = []
    hooded = style in ("parka", "windcheater")
    if hooded:
        behind, front = hood(t, cloth, r, strings=style == "windcheater")
        drawing.add(*behind)
    else:
        drawing.add(inside_back(t, cloth, "crew", label=cloth.metal))
    trim = {"bomber": "rib", "track": "rib", "trucker": "cuff", "puffer": "rib"}.get(style, "stitch")
    contrast = cloth.plain(cloth.trim) if style == "bomber" and cloth.trim and r.random() < 0.4 else cloth
    arms, outline = sleeves(t, contrast, "long", r, d, trim, 1.15)
    details, folds = "", body_folds(t, r, 0.75)
    if style == "puffer":
        quilted = []
        for k, arm in enumerate(arms):
            if arm.fabric == "rib":
                quilted.append(arm)
                continue
            rows = [Fold(line((0, y), (480, y + (34 if k == 0 else -34) * (1 if True else 0))), -4.5, 1, 3)
                for y in range(60, 620, 34)]
            quilted.append(Part(**{**arm.__dict__, "folds": tuple(rows) + arm.folds[:3]}))
        arms = quilted
        for y in range(int(t.shoulder_y) + 26, int(t.hem_y) - 20, 38):
            folds.append(Fold(curve([(CX - 140, y - 5), (CX, y + 5), (CX + 140, y - 5)], closed=False), -4.6, 1, 3))
            folds.append(Fold(curve([(CX - 140, y + 14), (CX, y + 24), (CX + 140, y + 14)], closed=False), 2.2, 0, 16))
            for _ in range(7):
                x = CX + r.uniform(-t.chest, t.chest)
                folds.append(Fold(leaf((x, y + 2), (x + r.uniform(-5, 5), y + r.uniform(12, 20)), 2.4), -1.6, 1))
    drawing.add(*arms)
    for side in (1, -1):
        folds.append(seam(curve([(CX + side * (t.shoulder - 0.5), t.shoulder_y - 2),
            (CX + side * (t.shoulder - 8.5), (t.shoulder_y + t.armpit_y) / 2 + 6),
            (CX + side * (t.chest - 1), t.armpit_y)], closed=False), -1.8, 2))
        if style == "trucker":
            yoke = t.armpit_y - 34
            folds.append(seam(line((CX, yoke), (CX + side * t.chest, yoke - 4)), -1.2))
            details += stitches(line((CX, yoke + 3), (CX + side * t.chest, yoke - 1)), cloth.thread, 1)
            for x0, x1 in ((0.30, 0.20), (0.74, 0.50)):
                path = line((CX + side * t.chest * x0, yoke), (CX + side * t.hem * x1, t.hem_y - 30))
                folds.append(seam(path, -0.9))
                details += stitches(path, cloth.thread, 1)
        if style in ("bomber", "parka", "windcheater", "track"):
            a, b = (CX + side * t.chest * 0.72, t.waist_y + 30), (CX + side * t.chest * 0.50, t.waist_y + 104)
            folds.append(Fold(line(a, b), -1.8, 2, 3))
            details += stitches(line((a[0] - 4, a[1]), (b[0] - 4, b[1])), cloth.thread,
                0.8) + f'<path d="{line(a, b)}" stroke="{darker(cloth.colour, 0.4)}" stroke-width="2"/>'
    if style == "track" or (style == "windcheater" and cloth.trim):
        y = t.armpit_y - 26
        details += f'<path d="M{CX - 160} {y - 22}L{CX} {y + 10}L{CX + 160} {y - 22}V{y - 6}L{CX} {y + 26}L{CX - 160} {y - 6}Z" fill="{cloth.trim or "#fff"}"/>'
    body = cloth.part(d, body=d + outline, folds=tuple(folds), details=details)
    drawing.add(body)
    if banded:
        drawing.add(rib_hem(t, cloth if style != "puffer" else cloth.plain(darker(cloth.colour, 0.15)), 30))
    end = t.hem_y + 4
    if style == "trucker":
        band = poly([(CX - t.hem + 1, t.hem_y - 28), (CX + t.hem - 1, t.hem_y - 28), (CX + t.hem, t.hem_y + 3),
            (CX - t.hem, t.hem_y + 3)])
        drawing.add(cloth.part(band, details=stitches(line((CX - t.hem, t.hem_y - 24), (CX + t.hem, t.hem_y - 24)),
            cloth.thread, 1), roll=4, swell=30, shadow=0.2, drop=2))
        drawing.add(front_closing(t, Cloth(**{**cloth.__dict__, "stitch": "#b98a4b"}), t.neck_y + 26, end, 6, 4.6, 18))
        for side in (1, -1):
            drawing.add(*pocket(CX + side * t.chest * 0.50, t.armpit_y - 30, 50, 60, cloth, flap=True))
        drawing.add(*shirt_collar(t, cloth, r, 8, rise=-4))
        return drawing
    if style == "biker":
        lapel = darker(cloth.colour, 0.06)
        path = line((CX - 30, t.neck_y + 60), (CX - 12, t.hem_y + 2))
        opening = zip_line(0, 0, t.hem_y - t.neck_y - 62, cloth.metal, 5)
        drawing.parts[-1] = Part(**{**body.__dict__, "folds": body.folds + (Fold(path, -2, 2, 4),),
            "over": f'<g transform="translate({CX - 30} {t.neck_y + 62}) rotate(-2.6)">{opening}</g>'
            + "".join(f'<g transform="translate({CX + s * 62} {t.waist_y}) rotate({s * 24})">{zip_line(0, 0, 62, cloth.metal, 4)}</g>'
            for s in (1, -1))})
        for side in (1, -1):
            pts = [(CX + side * (t.neck - 4), t.neck_y - 10), (CX + side * (t.neck + 14), t.neck_y + 8, C),
                (CX + side * 74, t.neck_y + 50, C), (CX + side * 62, t.neck_y + 84, C),
                (CX + side * 12 - 14, t.neck_y + 118, C), (CX - 10, t.neck_y + 62, C),
                (CX + side * (t.neck - 12), t.neck_y + 10)]
            drawing.add(cloth.part(curve(pts), colour=lapel,
                over=button(CX + side * 62, t.neck_y + 70, 3.4, cloth.metal, False), roll=5, swell=12, shadow=0.4,
                drop=4, wrinkle=0.4))
        drawing.add(cloth.part(poly([(CX - t.hem - 1, t.hem_y - 26), (CX + t.hem + 1, t.hem_y - 26),
            (CX + t.hem + 1, t.hem_y + 4), (CX - t.hem - 1, t.hem_y + 4)]), roll=5, swell=12, shadow=0.25, drop=2))
        return drawing
    strip = poly([(CX - 11, t.neck_y + 26), (CX + 11, t.neck_y + 26), (CX + 11, end), (CX - 11, end)])
    drawing.add(cloth.part(strip, over=zip_line(CX, t.neck_y + 26, end, cloth.metal), roll=3, swell=8, round=0.6,
        full=0.1, shadow=0.15, drop=2, wrinkle=0.5))
    if style == "parka":
        for side in (1, -1):
            drawing.add(*pocket(CX + side * t.hem * 0.55, t.hem_y - 128, 66, 76, cloth, pointed=False, flap=True))
    if hooded:
        drawing.add(*front)
    elif style == "bomber":
        drawing.add(*rib_neck(t, cloth, "crew", 16))
    else:
        drawing.add(*band_collar(t, cloth, 32, 5))
    return drawing


def blazer(cloth: Cloth, r: random.Random, who: str, *, buttons=2, double=False, sleeveless=False) -> Drawing:
    """Tailored jackets with lapels; `sleeveless` makes a waistcoat."""
    base = TORSO[who]
    t = vary(base, r, -62 if sleeveless else 8, -3 if sleeveless else 4).grown(depth=26, neck=base.neck - 2)
    if sleeveless:
        t = t.grown(shoulder=t.shoulder - 18, armpit_y=t.armpit_y + 16)
    drawing = Drawing()
    lining = r.choice(["#5d5a61", "#4a3a3d", "#39414f", "#7a7168"])
    if who in ("Women", "Girls"):
        t = t.grown(waist=t.waist - 4, hem=t.hem + 4)
    v = (t.waist_y - 46 if not sleeveless else t.waist_y - 84) - (20 if double else 0)
    open_ = [(CX, t.neck_y + 2), (CX + t.neck * 0.6, t.neck_y - 2), (CX + t.neck + 2, t.neck_y + 2, C),
        (CX + 22, v + 20), (CX, v + 60, C)]
    label = f'<rect x="{CX - 12}" y="{t.neck_y + 18}" width="24" height="11" rx="1.5" fill="#cfc9bc"/>'
    drawing.add(Part(curve(symmetric(open_)), lining, "satin", details=label, round=0.3, full=0.3, shadow=0))
    half_back = [(CX, t.hem_y - 46), (CX + t.hem * 0.4, t.hem_y - 40, C), (CX + 30, v + 70), (CX, v + 30, C)]
    drawing.add(Part(curve(symmetric(half_back)), darker(lining, 0.25), "satin", round=0.2, full=0.1, shadow=0))
    shell = curve(symmetric(body_half(t, "crew")))
    if not sleeveless:
        arms, outline = sleeves(t, cloth, "long", r, shell, "", 0.7)
        for arm in arms:
            side = 1 if (sum(float(v_) for v_ in arm.d[1:].split("C")[0].split()[:1]) > CX) else -1
            x, y = CX + side * (t.shoulder + 44), t.armpit_y + 220
            extra = "".join(button(x + side * 2 * k, y - 13 * k, 3.4, darker(cloth.colour, 0.35)) for k in range(3))
            drawing.add(Part(**{**arm.__dict__, "over": extra}))
        shell += outline
    overlap = 30 if double else 9
    for side in (-1, 1):
        edge = CX - side * overlap
        cut = 30 if not sleeveless else 8
        low = (CX + side * 22, t.hem_y + 30, C) if sleeveless else (CX + side * 20, t.hem_y + 3)
        pts = [(CX + side * t.neck, t.neck_y, C), (CX + side * t.shoulder, t.shoulder_y, C),
            (CX + side * (t.shoulder - 8), (t.shoulder_y + t.armpit_y) / 2 + 6), (CX + side * t.chest, t.armpit_y, C),
            (CX + side * t.waist, t.waist_y - 10), (CX + side * t.hem, t.hem_y, C)]
        if sleeveless:
            pts += [(CX + side * t.hem * 0.6, t.hem_y + 6, C), low, (edge, t.hem_y - 14, C), (edge, v, C)]
        elif double:
            pts += [(CX + side * t.hem * 0.5, t.hem_y + 4), (edge, t.hem_y + 4, C), (edge, v, C)]
        else:
            pts += [(CX + side * t.hem * 0.55, t.hem_y + 4), low, (edge + side * 2, t.hem_y - cut - 34), (edge, v + 60),
                (edge, v, C)]
        d = curve(pts)
        folds = [f for f in body_folds(t, r, 0.5)]
        dart = curve([(CX + side * t.chest * 0.52, t.armpit_y + 26), (CX + side * t.chest * 0.46, t.waist_y),
            (CX + side * t.chest * 0.5, t.waist_y + 66)], closed=False)
        folds.append(seam(dart, -0.8))
        folds.append(seam(curve([(CX + side * (t.shoulder - 0.5), t.shoulder_y - 2),
            (CX + side * (t.shoulder - 8.5), (t.shoulder_y + t.armpit_y) / 2 + 6),
            (CX + side * (t.chest - 1), t.armpit_y)], closed=False), -2.0, 2.2))
        over = ""
        if side == 1:
            gap = 50 if not sleeveless else 34
            count = 4 if sleeveless else buttons
            xs = (CX - 18, CX + 18) if double else (CX,)
            over = "".join(button(x, v + 12 + k * gap, 5.4 if not sleeveless else 4.4,
                darker(cloth.colour, 0.4) if luma(cloth.colour) > 0.12 else "#3a3a3e") for k in range(count)
                for x in xs)
        drawing.add(cloth.part(d, body=shell, folds=tuple(folds), over=over, shadow=0.42, drop=4))
        y = t.waist_y + 44 if not sleeveless else t.waist_y + 30
        welt = poly([(CX + side * t.hem * 0.34, y), (CX + side * t.hem * 0.84, y - 3),
            (CX + side * t.hem * 0.85, y + 17 - 6 * sleeveless), (CX + side * t.hem * 0.34, y + 19 - 6 * sleeveless)])
        drawing.add(cloth.part(welt, roll=2.5, swell=6, round=0.7, full=0.1, shadow=0.3, drop=2.5, wrinkle=0.2))
        if side == 1:
            breast = poly([(CX + t.chest * 0.42, t.armpit_y + 2), (CX + t.chest * 0.80, t.armpit_y - 5),
                (CX + t.chest * 0.80, t.armpit_y + 7), (CX + t.chest * 0.42, t.armpit_y + 14)])
            drawing.add(cloth.part(breast, roll=2, swell=5, round=0.7, full=0.1, shadow=0.2, drop=2, wrinkle=0.2))
    for side in (-1, 1):
        notch = t.neck_y + (74 if not double else 62)
        edge = CX - side * overlap
        if sleeveless:
            lapel = None if r.random() < 0.5 else [(CX + side * (t.neck - 2), t.neck_y - 1, C),
                (CX + side * (t.neck + 14), t.neck_y + 30), (CX + side * 48, notch, C), (CX + side * 38, notch + 26),
                (edge, v, C), (CX + side * t.neck * 0.5, t.neck_y + 60)]
        else:
            peak = -16 if double else 2
            lapel = [(CX + side * (t.neck - 6), t.neck_y + 12, C), (CX + side * 50, notch - 16, C),
                (CX + side * 76, notch + peak, C), (CX + side * 58, notch + 50), (edge, v, C),
                (CX + side * t.neck * 0.45, t.neck_y + 80)]
        if lapel:
            drawing.add(cloth.part(curve(lapel), degrees=side * -12,
                details=stitches(line((CX + side * 70, notch + 6), (CX + side * 52, notch + 52),
                (edge + side * 4, v - 6)), cloth.thread, 0.5, opacity=0.4), roll=4, swell=14, shadow=0.45, drop=4,
                wrinkle=0.3))
        if not sleeveless:
            collar = [(CX + side * (t.neck - 7), t.neck_y - 14), (CX + side * (t.neck + 8), t.neck_y, C),
                (CX + side * 68, notch - 22, C), (CX + side * 48, notch - 11, C),
                (CX + side * (t.neck - 9), t.neck_y + 30, C), (CX + side * (t.neck - 12), t.neck_y - 4)]
            drawing.add(cloth.part(curve(collar), roll=4, swell=10, shadow=0.3, drop=2, wrinkle=0.2))
    return drawing


def kurta(cloth: Cloth, r: random.Random, who: str, *, sleeve="long", border=None, collar="band",
    length=0.0) -> Drawing:
    """Long straight tunic with side slits; `border` is the colour of woven or embroidered edges."""
    base = TORSO[who]
    t = vary(base, r).grown(neck_y=62, shoulder_y=84, armpit_y=186, waist_y=300, hem_y=592 + length, depth=26)
    k = 0.84
    t = t.grown(neck=t.neck * k, shoulder=t.shoulder * k, chest=t.chest * k, waist=t.waist * k * 0.98,
        hem=t.hem * k * (1.18 if who in ("Women", "Girls") else 1.05))
    d = curve(symmetric(body_half(t, "crew" if collar == "band" else "v")))
    drawing = Drawing()
    drawing.add(inside_back(t, cloth, "crew" if collar == "band" else "v"))
    arms, outline = sleeves(t, cloth, sleeve, r, d, "stitch")
    folds = body_folds(t, r, 0.9)
    for x in (-0.5, -0.1, 0.4):
        folds.append(Fold(leaf((CX + t.hem * x, t.waist_y + 20), (CX + t.hem * (x + r.uniform(-0.1, 0.1)), t.hem_y), 9,
            r.uniform(-6, 6)), r.choice([-1.8, 1.8]), 0))
    details = ""
    if border:
        details += f'<rect x="0" y="{t.hem_y - 24}" width="480" height="60" fill="{border}"/>' + "".join(f'<path d="M{x} {t.hem_y - 12}l5 -6l5 6l-5 6z" fill="{lighter(border, 0.5)}"/>'
            for x in range(int(CX - t.hem), int(CX + t.hem), 13))
        for arm_k, arm in enumerate(arms):
            side = 1 if arm_k == 0 else -1
            _, cuff, _ = sleeve_half(t, sleeve, random.Random(0))
            (ox, oy), (ix, iy) = cuff if side == 1 else [p[:2] for p in mirror(cuff)]
            arms[arm_k] = Part(**{**arm.__dict__, "details": arm.details
                + f'<path d="{line((ox + side * 20, oy - 14), (ix - side * 20, iy - 3))}" stroke="{border}" stroke-width="16"/>'})
    drawing.add(*arms)
    for side in (1, -1):
        slit = line((CX + side * (t.hem - 5), t.hem_y), (CX + side * (t.waist + 1), t.hem_y - 150))
        details += stitches(slit, cloth.thread, 0.8)
        folds.append(seam(slit, -0.7))
        folds.append(seam(curve([(CX + side * (t.shoulder - 0.5), t.shoulder_y - 2),
            (CX + side * (t.shoulder - 8.5), (t.shoulder_y + t.armpit_y) / 2 + 6),
            (CX + side * (t.chest - 1), t.armpit_y)], closed=False), -1.2, 1.6))
    path = line((CX - t.hem, t.hem_y - 6), (CX + t.hem, t.hem_y - 6))
    details += stitches(path, cloth.thread, 0.8)
    drawing.add(cloth.part(d, body=d + outline, folds=tuple(folds), details=details))
    strip = cloth.plain(border) if border else cloth
    if collar == "band":
        drawing.add(front_closing(t, Cloth(**{**strip.__dict__, "stitch": cloth.metal}), t.neck_y + 24, t.neck_y + 190,
            5, 3.8, 20))
        drawing.add(*band_collar(t, strip, 20))
    else:
        drawing.add(*rib_neck(t, Cloth(**{**cloth.__dict__, "trim": border or darker(cloth.colour, 0.2)}), "v", 12))
        y = t.neck_y + t.depth * 2.3
        gem = border or contrast_stitch(cloth.colour)
        dots = "".join(f'<circle cx="{CX + dx}" cy="{y + 24 + dy}" r="2.4" fill="{gem}"/>' for dx,
            dy in ((0, 0), (-9, 8), (9, 8), (0, 16), (-16, 0), (16, 0), (0, 32), (-24, -10), (24, -10)))
        body = drawing.parts[-3]
        drawing.parts[-3] = Part(**{**body.__dict__, "details": body.details + dots})
    return drawing
