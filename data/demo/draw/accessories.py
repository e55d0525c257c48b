"""Belts, ties, caps, hats, scarves, sunglasses, watches, jewellery and socks."""

from __future__ import annotations

import math
import random

from data.demo.draw.bags import strap_along
from data.demo.draw.cloth import Cloth, buckle, pulls, seam, stitches
from data.demo.draw.colours import darker, lighter, mix
from data.demo.draw.geometry import CORNER as C
from data.demo.draw.geometry import CX, curve, ellipse, leaf, line, poly, rotate, round_rect, shift
from data.demo.draw.paint import Drawing, Fold, Part


def belt(cloth: Cloth, r: random.Random, who: str, *, style="classic") -> Drawing:
    """Rolled up, buckle in front: classic, wide, woven, plate."""
    drawing = Drawing(ground=None)
    h = {"wide": 76, "classic": 48, "woven": 46, "plate": 50}[style] + r.uniform(-3, 3)
    cy, rx, ry = 320, 168, 66
    inner = darker(cloth.plain().colour, 0.42)
    back = [(CX + rx * math.cos(a), cy - ry * math.sin(a)) for a in [k * math.pi / 12 for k in range(13)]]
    ring = curve([(back[0][0], back[0][1], C), *back[1:-1], (back[-1][0], back[-1][1], C),
        *[(x, y + h) for x, y in back[::-1]]])
    drawing.add(Part(ring, mix(inner, "#8a6a4d", 0.35), "suede", roll=6, swell=20, full=0.3, shadow=0))
    second = [(x * 0.94 + CX * 0.06, y + 8) for x, y in back]
    drawing.add(Part(curve([(second[0][0], second[0][1], C), *second[1:-1], (second[-1][0], second[-1][1], C),
        *[(x, y + h - 10) for x, y in second[::-1]]]), mix(inner, "#8a6a4d", 0.2), "suede", roll=5, swell=20, full=0.3,
        shadow=0.3))
    front = [(CX + rx * math.cos(a), cy + ry * math.sin(a)) for a in [k * math.pi / 12 for k in range(13)]]
    d = curve([(front[0][0], front[0][1], C), *front[1:-1], (front[-1][0], front[-1][1], C),
        *[(x, y + h) for x, y in front[::-1]]])
    top = curve([(x, y + 6) for x, y in front], closed=False)
    low = curve([(x, y + h - 6) for x, y in front], closed=False)
    details = stitches(top, cloth.thread, 1.1) + stitches(low, cloth.thread, 1.1)
    if style == "woven":
        details = "".join(f'<path d="M{60 + k * 9} 300L{60 + k * 9 + 60} 460M{60 + k * 9 + 60} 300L{60 + k * 9} 460" stroke="{darker(cloth.colour, 0.28)}" stroke-width="2.6"/>'
            for k in range(-8, 46))
    folds = [Fold(line((CX + x, cy), (CX + x, cy + 160)), 1.6 if x < 0 else -1.6, 0, 30) for x in (-110, 110)]
    drawing.add(cloth.part(d, details=details, folds=tuple(folds), roll=6, swell=26, full=0.5, shadow=0.4, drop=6))
    # the tip runs through the buckle towards the right
    y = cy + ry + h / 2
    tip = curve([(CX - 10, y - h / 2 + 1, C), (CX + 88, y - h / 2 - 8), (CX + 106, y - h * 0.30), (CX + 110, y - 6),
        (CX + 104, y + h * 0.28), (CX + 88, y + h / 2 - 9), (CX - 10, y + h / 2 - 1, C)])
    holes = "".join(f'<circle cx="{CX + 22 + k * 16}" cy="{y - 1 - k * 1.6:.1f}" r="2.6" fill="{darker(cloth.colour, .75)}"/>'
        for k in range(4))
    drawing.add(cloth.part(tip, over=holes, details=stitches(curve([(CX - 10, y - h / 2 + 6), (CX + 84, y - h / 2 - 2),
        (CX + 104, y - 4), (CX + 84, y + h / 2 - 14), (CX - 10, y + h / 2 - 6)], closed=False), cloth.thread, 1.1),
        roll=6, swell=24, full=0.5, shadow=0.4, drop=5))
    if style == "plate":
        drawing.add(Part(round_rect(CX - 54, y - h / 2 - 7, CX + 6, y + h / 2 + 7, 8), cloth.metal, "metal",
            details=f'<rect x="{CX - 47}" y="{y - h / 2}" width="46" height="{h}" rx="5" fill="none" stroke="{darker(cloth.metal, .3)}" stroke-width="1.6"/>',
                
            roll=7, swell=20, full=0.5, shadow=0.45, drop=5))
    else:
        frame = f'<g transform="translate({CX - 26} {y})">{buckle(0, 0, 44, h + 20, cloth.metal, 7)}<path d="M-22 0H24" stroke="{darker(cloth.metal, .5)}" stroke-width="6"/><path d="M-22 -.8H24" stroke="{lighter(cloth.metal, .25)}" stroke-width="3.6"/></g>'
        loop = poly([(CX + 34, y - h / 2 - 5), (CX + 47, y - h / 2 - 6), (CX + 47, y + h / 2 + 1),
            (CX + 34, y + h / 2 + 3)])
        drawing.add(cloth.plain().part(loop, over=frame, over_free=True, roll=4, swell=6, shadow=0.4, drop=3))
    return drawing


def tie(cloth: Cloth, r: random.Random, who: str, *, style="long") -> Drawing:
    """long, knit, bow."""
    drawing = Drawing(ground=None)
    if style == "bow":
        y = 320
        drawing.add(strap_along([(CX - 130, y - 44), (CX - 60, y - 62), (CX, y - 66), (CX + 60, y - 62),
            (CX + 130, y - 44), (CX + 100, y - 22), (CX, y - 30)], 14, cloth.plain(darker(cloth.colour, 0.2))))
        for side in (1, -1):
            wing = [(CX + side * 8, y - 16), (CX + side * 60, y - 62), (CX + side * 150, y - 76, C),
                (CX + side * 160, y), (CX + side * 150, y + 76, C), (CX + side * 60, y + 56), (CX + side * 8, y + 18)]
            folds = pulls(r, (CX + side * 16, y), (60, 130), (-26, 26) if side == 1 else (206, 154), 5, 3.4, 8, 1)
            drawing.add(cloth.part(curve(wing), degrees=side * 8, folds=tuple(folds), roll=9, swell=40, shadow=0.3))
        drawing.add(cloth.part(curve([(CX - 24, y - 32), (CX, y - 36), (CX + 24, y - 32), (CX + 21, y),
            (CX + 24, y + 32), (CX, y + 36), (CX - 24, y + 32), (CX - 21, y)]),
            folds=(Fold(line((CX - 4, y - 30), (CX + 2, y + 30)), -2, 1, 3),), roll=10, swell=20, shadow=0.45, drop=5))
        return drawing
    wide, tip = r.uniform(46, 58), r.uniform(586, 600)
    flat = style == "knit"
    loop = [(CX - 26, 96), (CX - 66, 60), (CX - 20, 40), (CX + 44, 44), (CX + 64, 70), (CX + 26, 96), (CX + 16, 84),
        (CX + 40, 68), (CX, 58), (CX - 42, 68), (CX - 14, 86)]
    drawing.add(cloth.part(curve(loop), colour=darker(cloth.colour, 0.12), degrees=30, roll=6, swell=12, shadow=0))
    under = [(CX - 6, 130, C), (CX + 30, 130, C), (CX + wide * 0.86, 420), (CX + wide * 0.80, 520, C),
        (CX + 18, 540, C), (CX - 4, 300)]
    drawing.add(cloth.part(curve(under), degrees=-8, colour=darker(cloth.colour, 0.15), roll=5, swell=16, shadow=0.2))
    blade = [(CX - 20, 134, C), (CX + 20, 134, C), (CX + wide * 0.66, 330), (CX + wide, 520, C),
        *([(CX + wide * 0.98, tip - 30, C), (CX - wide * 0.98, tip - 30, C)] if flat else [(CX, tip, C)]),
        (CX - wide, 520, C), (CX - wide * 0.66, 330)]
    folds = [Fold(leaf((CX - 8, 136), (CX - 3, 240), 6), -3, 1), Fold(leaf((CX + 9, 136), (CX + 15, 210), 5), 2, 1),
        Fold(line((CX, 200), (CX, 560)), 1.2, 0, 20)]
    drawing.add(cloth.part(curve(blade), degrees=0 if flat else 0, folds=tuple(folds), roll=6, swell=44, full=0.6,
        shadow=0.4, drop=5, wrinkle=0.5))
    knot = [(CX - 34, 92, C), (CX, 84), (CX + 34, 92, C), (CX + 30, 114), (CX + 21, 140), (CX, 144), (CX - 21, 140),
        (CX - 30, 114)]
    drawing.add(cloth.part(curve(knot), degrees=24, folds=(Fold(line((CX - 20, 96), (CX + 8, 136)), 1.6, 1, 6),),
        roll=9, swell=20, shadow=0.45, drop=4, wrinkle=0.4))
    return drawing


def cap(cloth: Cloth, r: random.Random, who: str, *, style="baseball") -> Drawing:
    """baseball, flat, beanie."""
    drawing = Drawing(ground=None)
    if style == "beanie":
        knit = cloth.plain(fabric="rib") if cloth.pattern is None else cloth
        dome = curve([(CX - 138, 400), (CX - 134, 300), (CX - 88, 212), (CX, 180), (CX + 88, 212), (CX + 134, 300),
            (CX + 138, 400), (CX, 420)])
        drawing.add(knit.part(dome, folds=tuple(Fold(curve([(CX + x * 0.1, 184), (CX + x * 0.8, 270), (CX + x, 400)],
            closed=False), -1.6, 1, 3) for x in (-90, -30, 30, 90)), roll=20, swell=130, full=0.8, shadow=0))
        drawing.add(cloth.plain(cloth.trim or cloth.colour, "rib").part(curve([(CX - 144, 366), (CX, 384),
            (CX + 144, 366), (CX + 148, 430), (CX + 140, 446), (CX, 462), (CX - 140, 446), (CX - 148, 430)]), roll=14,
            swell=40, shadow=0.4, drop=5))
        if r.random() < 0.5:
            drawing.add(Part(curve(rotate(ellipse(CX, 162, 40, 38), 8, (CX, 162))),
                cloth.trim or lighter(cloth.colour, 0.3), "fleece",
                folds=tuple(Fold(leaf((CX, 162), (CX + 38 * math.cos(k), 162 + 36 * math.sin(k)), 3),
                2.4 if k % 2 else -2.4, 1) for k in range(14)), roll=18, swell=40, shadow=0.35))
        return drawing
    if style == "flat":
        body = [(92, 392), (104, 330), (160, 268), (250, 240), (340, 264), (392, 340), (396, 392), (330, 408),
            (180, 410)]
        drawing.add(cloth.part(curve(body), folds=(seam(curve([(250, 240), (210, 320), (196, 408)], closed=False), -1.4,
            2), seam(curve([(300, 250), (330, 330), (338, 408)], closed=False), -1.4, 2),
            *pulls(r, (200, 380), (60, 140), (-90, 0), 5, 2.4)), roll=18, swell=90, shadow=0))
        drawing.add(cloth.part(curve([(70, 424), (84, 396), (150, 384), (230, 388), (214, 416), (150, 438), (92, 440)]),
            roll=8, swell=20, shadow=0.4, drop=5))
        return drawing
    panel = cloth.plain(cloth.trim) if cloth.trim and r.random() < 0.35 else cloth
    crown = [(160, 392), (152, 320), (180, 244), (246, 202), (318, 214), (374, 276), (394, 352), (390, 400), (330, 416),
        (230, 410)]
    seams = [curve([(262, 204), (214, 270), (208, 404)], closed=False),
        curve([(268, 204), (316, 280), (322, 414)], closed=False)]
    details = "".join(stitches(p, cloth.thread, 0.9) for p in seams)
    if panel is not cloth:
        details = f'<path d="{curve([(262, 200), (214, 270), (208, 420), (120, 420), (120, 200)])}" fill="{cloth.trim}" fill-opacity=".0"/>' + details
    drawing.add(cloth.part(curve(crown), folds=(*[seam(p, -1.6, 2) for p in seams],
        *pulls(r, (264, 210), (60, 150), (40, 140), 5, 2.2)), details=details,
        over="".join(f'<circle cx="{x}" cy="{y}" r="3" fill="{darker(cloth.colour, .5)}" stroke="{cloth.thread}" stroke-width="1.2"/>'
        for x, y in ((186, 276), (268, 262), (348, 280))), roll=22, swell=110, full=0.9, shadow=0))
    mark = cloth.inks[0] if cloth.inks else lighter(cloth.colour, 0.75)
    kind = r.choice(["dot", "tri", "bars", "none"])
    badge = {"dot": f'<circle r="17" fill="{mark}"/><circle r="9" fill="{cloth.colour}"/>',
        "tri": f'<path d="M-20 14L0 -20L20 14Z" fill="{mark}"/>',
        "bars": "".join(f'<rect x="{-20 + 15 * k}" y="{-14 + 4 * k}" width="9" height="{28 - 4 * k}" fill="{mark}"/>'
        for k in range(3)), "none": ""}[kind]
    if badge:
        last = drawing.parts[-1]
        drawing.parts[-1] = Part(**{**last.__dict__, "details": last.details
            + f'<g transform="translate(186 338) skewY(-6)">{badge}</g>'})
    drawing.add(Part(curve(ellipse(264, 203, 10, 6)), darker(panel.colour, 0.1), "canvas", roll=4, swell=6, shadow=0.3,
        drop=2))
    brim = [(44, 432), (66, 398), (120, 376), (180, 382), (240, 404), (262, 416), (230, 424), (170, 424), (110, 438),
        (62, 450)]
    drawing.add(panel.part(curve(brim),
        details="".join(f'<g transform="translate({k * 5} {k * 7})">{stitches(curve([(52, 428), (72, 404), (120, 384), (178, 388), (244, 410)], closed=False), panel.thread, 0.8)}</g>'
        for k in range(4)), roll=8, swell=24, shadow=0.45, drop=5))
    return drawing


def hat(cloth: Cloth, r: random.Random, who: str, *, style="fedora") -> Drawing:
    """fedora, sun (wide straw), bucket."""
    drawing = Drawing(ground=None)
    w = {"fedora": 176, "sun": 208, "bucket": 160}[style]
    band = cloth.trim or darker(cloth.colour, 0.6)
    if style == "bucket":
        drawing.add(cloth.part(curve([(CX - 96, 372), (CX - 88, 262), (CX - 60, 240), (CX, 234), (CX + 60, 240),
            (CX + 88, 262), (CX + 96, 372), (CX, 392)]), roll=16, swell=80, shadow=0,
            folds=(seam(curve([(CX - 86, 264), (CX, 276), (CX + 86, 264)], closed=False), -1.4, 2),)))
        drawing.add(cloth.part(curve([(CX - 98, 360), (CX, 384), (CX + 98, 360), (CX + w, 432), (CX + w - 16, 446),
            (CX, 468), (CX - w + 16, 446), (CX - w, 432)]),
            details="".join(f'<g transform="translate(0 {k * 17})">{stitches(curve([(CX - 100 - k * 15, 374), (CX, 396), (CX + 100 + k * 15, 374)], closed=False), cloth.thread, 0.9)}</g>'
            for k in range(4)), folds=tuple(pulls(r, (CX, 360), (70, 150), (20, 160), 6, 2.6, 10)), roll=9, swell=30,
            shadow=0.3))
        return drawing
    drawing.add(cloth.part(curve(ellipse(CX, 410, w, 58)), roll=8, swell=40, full=0.3, shadow=0))
    crown = [(CX - 104, 404), (CX - 96, 300), (CX - 74, 236), (CX - 30, 222), (CX, 236), (CX + 34, 218), (CX + 78, 236),
        (CX + 98, 300), (CX + 104, 404), (CX, 430)]
    if style == "sun":
        crown = [(CX - 100, 404), (CX - 94, 320), (CX - 62, 266), (CX, 250), (CX + 62, 266), (CX + 94, 320),
            (CX + 100, 404), (CX, 428)]
    drawing.add(cloth.part(curve(crown), folds=(Fold(leaf((CX - 10, 230), (CX, 330), 14), -4, 0),
        Fold(leaf((CX - 70, 250), (CX - 50, 330), 10), -3, 0)) if style == "fedora" else (), roll=18, swell=90,
        shadow=0.35, drop=6))
    drawing.add(Part(curve([(CX - 103, 366), (CX, 390), (CX + 103, 366), (CX + 105, 400), (CX, 427), (CX - 105, 400)]),
        band, "satin", roll=5, swell=20, full=0.4, shadow=0.2, drop=2))
    return drawing


def scarf(cloth: Cloth, r: random.Random, who: str, *, style="loop") -> Drawing:
    """loop (knotted once), folded (stacked with fringe), hanging."""
    drawing = Drawing(ground=None)

    def fringe(x0, x1, y, length):
        n = int((x1 - x0) / 5.5)
        return "".join(f'<path d="M{x0 + k * 5.5 + 2:.1f} {y - 2}q{r.uniform(-3, 3):.1f} {length * 0.5:.0f} {r.uniform(-4, 4):.1f} {length + r.uniform(-5, 4):.0f}" stroke="{darker(cloth.colour, r.uniform(0, .25))}" stroke-width="2.600" fill="none" stroke-linecap="round"/>'
            for k in range(n))

    if style == "folded":
        for k, (w, y, h) in enumerate(((150, 250, 150), (152, 220, 120), (154, 190, 96))):
            body = curve([(CX - w, y, C), (CX, y - 5), (CX + w, y, C), (CX + w + 5, y + h / 2), (CX + w, y + h, C),
                (CX, y + h + 5), (CX - w, y + h, C), (CX - w - 5, y + h / 2)])
            drawing.add(cloth.part(body, folds=tuple(pulls(r, (CX, y), (70, 160), (10, 170), 6, 2.4, 12)), roll=14,
                swell=40, shadow=0.35, drop=5, over=fringe(CX - w + 4, CX + w - 4, y + h, 42) if k == 0 else "",
                over_free=k == 0))
        return drawing
    ends = [((CX - 74, 560), 74), ((CX + 40, 590), 76)] if style == "loop" else [((CX - 96, 590), 70),
        ((CX + 26, 590), 70)]
    for side, ((x, y), w) in zip((-1, 1), ends, strict=True):
        top = 250 if style == "loop" else 120
        body = curve([(CX + side * 4 - 26, top, C), (CX + side * 10 + 30, top, C), (x + w + side * 2, (top + y) / 2),
            (x + w + 4, y - 44, C), (x, y - 38, C), (x - side * 4 - 2, (top + y) / 2)])
        folds = [Fold(leaf((CX + side * 6 + r.uniform(-14, 14), top), (x + w * (k + 0.5) / 5, y - 44), 7,
            r.uniform(-5, 5)), r.choice([1, -1]) * r.uniform(2, 4), 0) for k in range(5)]
        drawing.add(cloth.part(body, degrees=-side * 7, folds=tuple(folds), roll=9, swell=34, shadow=0.35,
            over=fringe(x + 3, x + w, y - 42, 38), over_free=True))
    if style == "loop":
        back = [(CX - 92, 150), (CX - 50, 84), (CX, 70), (CX + 50, 84), (CX + 92, 150), (CX + 70, 190), (CX, 150),
            (CX - 70, 190)]
        drawing.add(cloth.part(curve(back), colour=darker(cloth.colour, 0.22), degrees=0,
            folds=tuple(pulls(r, (CX, 70), (60, 120), (20, 160), 5, 3)), roll=12, swell=30, shadow=0.2))
        front = [(CX - 100, 140), (CX - 78, 128), (CX - 40, 190), (CX, 206), (CX + 40, 190), (CX + 78, 128),
            (CX + 100, 140), (CX + 96, 210), (CX + 52, 272), (CX, 290), (CX - 52, 272), (CX - 96, 210)]
        folds = [Fold(curve([(CX - 92 + k * 3, 150 + k * 8), (CX - 40, 208 + k * 17), (CX, 220 + k * 17),
            (CX + 40, 208 + k * 17), (CX + 92 - k * 3, 150 + k * 8)], closed=False), (3.4 if k % 2 else -3.4), 1, 8)
            for k in range(5)]
        drawing.add(cloth.part(curve(front), degrees=-40, folds=tuple(folds), roll=14, swell=40, shadow=0.45, drop=6))
    else:
        neck = [(CX - 70, 118), (CX - 40, 66), (CX, 56), (CX + 40, 66), (CX + 70, 118), (CX + 40, 132, C),
            (CX + 20, 102), (CX, 98), (CX - 20, 102), (CX - 40, 132, C)]
        drawing.add(cloth.part(curve(neck), degrees=40, folds=tuple(pulls(r, (CX, 60), (50, 90), (20, 160), 4, 3)),
            roll=10, swell=24, shadow=0.3))
    return drawing


def sunglasses(cloth: Cloth, r: random.Random, who: str, *, style="wayfarer") -> Drawing:
    """wayfarer, aviator, round, cat, sport: frame in the cloth's colour, lenses in its trim."""
    drawing = Drawing(ground=388.0)
    lens = cloth.trim or "#3a3f45"
    y = 320
    shapes = {
        "wayfarer": [(-84, -40), (0, -48), (74, -42), (86, -30), (74, 30), (40, 56), (-20, 56), (-62, 36), (-84, -8)],
        "aviator": [(-82, -40), (0, -48), (62, -40), (74, -6), (58, 44), (16, 70), (-32, 62), (-72, 22)],
        "round": [(66 * math.cos(k * math.pi / 6), 62 * math.sin(k * math.pi / 6)) for k in range(12)],
        "cat": [(-92, -58), (-20, -44), (66, -36), (80, -12), (62, 34), (16, 50), (-40, 40), (-74, 2)],
        "sport": [(-98, -26), (0, -40), (84, -34), (92, -8), (60, 26), (0, 38), (-60, 26), (-94, 2)],
    }
    wide, tall = r.uniform(0.93, 1.03), r.uniform(0.92, 1.10)
    pts = [(x * wide, y * tall) for x, y in shapes[style]]
    thin = style in ("aviator", "round")
    rim = 3.4 if thin else 10
    metal = cloth.metal if thin else cloth.colour
    fabric = "metal" if thin else "plastic"
    # temples, folded behind and seen through
    for side in (1, -1):
        temple = [(CX + side * 176, y - 34), (CX + side * 186, y - 26), (CX + side * 120, y + 54),
            (CX + side * 30, y + 62), (CX + side * 28, y + 54), (CX + side * 112, y + 44)]
        drawing.add(Part(curve(temple), darker(metal, 0.25), fabric, roll=3, swell=6, shadow=0, opacity=0.9))
    for side in (1, -1):
        place = [(CX + side * (92 - p[0]), y + p[1]) for p in pts]
        cx = CX + side * 92
        outer = [(cx + (px - cx) * (1 + rim / 76), y + (py - y) * (1 + rim / 52)) for px, py in place]
        drawing.add(Part(curve(outer), metal, fabric, pattern=None if thin else cloth.pattern, roll=max(rim * 0.7, 3),
            swell=rim + 2, full=0.6, shadow=0.25, drop=3))
        d = curve(place)
        grad = f'<linearGradient id="lens" x1="0" y1="{y - 60}" x2="0" y2="{y + 70}" gradientUnits="userSpaceOnUse"><stop offset="0" stop-color="{darker(lens, .35)}"/><stop offset="1" stop-color="{lighter(lens, .28)}"/></linearGradient>'
        glint = f'<path d="M{cx - 52} {y + 34}L{cx - 4} {y - 56}H{cx + 22}L{cx - 26} {y + 50}Z" fill="#fff" fill-opacity=".16"/><path d="M{cx - 16} {y + 54}L{cx + 40} {y - 50}h9L{cx - 4} {y + 56}Z" fill="#fff" fill-opacity=".12"/>'
        drawing.add(Part(d, lens, "plastic", pattern=(grad, "lens"), details=glint, warp=0, roll=5, swell=60, full=0.25,
            round=0.5, shadow=0, opacity=0.94))
    bridge = [(CX - 22, y - 26), (CX, y - 36), (CX + 22, y - 26), (CX + 20, y - 18), (CX, y - 24),
        (CX - 20, y - 18)] if not thin else [(CX - 26, y - 12), (CX, y - 20), (CX + 26, y - 12), (CX + 25, y - 8),
        (CX, y - 15), (CX - 25, y - 8)]
    drawing.add(Part(curve(bridge), metal, fabric, roll=3, swell=5, shadow=0.2, drop=2))
    if style == "aviator":
        drawing.add(Part(curve([(CX - 34, y - 40), (CX, y - 44), (CX + 34, y - 40), (CX + 33, y - 36), (CX, y - 40),
            (CX - 33, y - 36)]), metal, fabric, roll=2, swell=4, shadow=0.2, drop=2))
    for side in (1, -1):
        x = CX + side * (92 + (84 if style not in ("round",) else 66))
        hinge = [(x - side * 4, y - 38), (x + side * 10, y - 36), (x + side * 13, y - 16),
            (x, y - 14)] if style != "round" else [(x - side * 2, y - 6), (x + side * 12, y - 8),
            (x + side * 13, y + 2), (x, y + 4)]
        drawing.add(Part(poly(hinge), metal, fabric,
            over=f'<circle cx="{x + side * 5}" cy="{hinge[0][1] + 10}" r="2.400" fill="{cloth.metal}"/>', roll=3,
            swell=6, shadow=0.2, drop=2))
    return drawing


def watch(cloth: Cloth, r: random.Random, who: str, *, style="strap") -> Drawing:
    """strap (leather), bracelet (metal links), square, sport (rubber, digital). Dial in the trim colour."""
    drawing = Drawing(ground=None)
    cy = 320
    size = {"Men": 92, "Women": 70, "Boys": 80, "Girls": 70, "Unisex": 84}[who] * r.uniform(0.95, 1.05)
    dial = cloth.trim or "#f2f0ea"
    metal = cloth.metal
    w = size * (0.62 if style != "sport" else 0.74)
    bracelet = style == "bracelet"
    for side in (-1, 1):
        pts = [(CX - w, cy + side * size * 0.6), (CX + w, cy + side * size * 0.6), (CX + w * 0.78, cy + side * 200),
            (CX + w * 0.72, cy + side * 282), (CX + w * 0.3, cy + side * 296), (CX - w * 0.3, cy + side * 296),
            (CX - w * 0.72, cy + side * 282), (CX - w * 0.78, cy + side * 200)]
        if bracelet:
            rows = "".join(f'<path d="M{CX - 100} {cy + side * (size * 0.7 + k * 15)}H{CX + 100}" stroke="{darker(metal, .55)}" stroke-width="1.800"/>'
                for k in range(18))
            rows += f'<path d="M{CX - w * 0.36} {cy - 300}V{cy + 300}M{CX + w * 0.36} {cy - 300}V{cy + 300}" stroke="{darker(metal, .5)}" stroke-width="1.6"/>'
            folds = [Fold(line((CX - 100, cy + side * (size * 0.7 + k * 15 + 7)),
                (CX + 100, cy + side * (size * 0.7 + k * 15 + 7))), 1.5, 1, 6) for k in range(18)]
            drawing.add(Part(curve(pts), metal, "metal", details=rows, folds=tuple(folds), roll=7, swell=w * 0.9,
                full=0.5, shadow=0, warp=0))
        else:
            edge = curve([(p[0] * 0.88 + CX * 0.12, cy + (p[1] - cy) * 0.98) for p in pts])
            details = stitches(edge, cloth.thread,
                1.2) if style != "sport" else "".join(f'<rect x="{CX - w * 0.5}" y="{cy + side * (size + 40 + k * 24) - 4}" width="{w}" height="7" rx="3" fill="{darker(cloth.colour, .3)}"/>'
                for k in range(5))
            holes = "".join(f'<ellipse cx="{CX}" cy="{cy + 168 + k * 20}" rx="3" ry="4" fill="{darker(cloth.colour, .75)}"/>'
                for k in range(5)) if side == 1 and style != "sport" else ""
            drawing.add(cloth.part(curve(pts), details=details, over=holes, roll=7, swell=w * 0.8, full=0.7, shadow=0))
            if side == -1:
                drawing.add(cloth.part(round_rect(CX - w * 0.84, cy - 238, CX + w * 0.84, cy - 222, 4),
                    over=f'<g transform="translate({CX} {cy - 290})">{buckle(0, 0, w * 1.7, 26, metal, 4)}</g>',
                    over_free=True, roll=4, swell=8, shadow=0.35, drop=3))
    square = style in ("square", "sport")
    case = round_rect(CX - size * 0.9, cy - size, CX + size * 0.9, cy + size,
        size * 0.3) if square else curve(ellipse(CX, cy, size))
    case_colour = metal if style != "sport" else darker(cloth.colour, 0.3)
    drawing.add(Part(poly([(CX + size * 0.9, cy - 9), (CX + size + 12, cy - 9), (CX + size + 12, cy + 9),
        (CX + size * 0.9, cy + 9)]), case_colour, "metal", roll=4, swell=8, shadow=0.3, drop=3))
    if not square:
        for sx in (-1, 1):
            for sy in (-1, 1):
                drawing.add(Part(curve([(CX + sx * w * 0.82, cy + sy * size * 0.80),
                    (CX + sx * w * 1.10, cy + sy * size * 0.66), (CX + sx * w * 1.06, cy + sy * size * 1.06),
                    (CX + sx * w * 0.93, cy + sy * size * 1.08)]), case_colour, "metal", roll=4, swell=8, shadow=0.3,
                    drop=3))
    drawing.add(Part(case, case_colour, "metal" if style != "sport" else "rubber", roll=9, swell=18, full=0.6,
        shadow=0.45, drop=6))
    k = 0.80
    inner = round_rect(CX - size * 0.9 * k, cy - size * k, CX + size * 0.9 * k, cy + size * k,
        size * 0.2) if square else curve(ellipse(CX, cy, size * k))
    ink = "#f3f1ec" if sum(int(dial[i : i + 2], 16) for i in (1, 3, 5)) < 330 else "#2a2b2e"
    if style == "sport":
        bars = {"0": "abcdef", "1": "bc", "2": "abged", "8": "abcdefg", "5": "afgcd"}
        seg = {"a": "M2 0H12", "b": "M14 2V14", "c": "M14 18V30", "d": "M2 32H12", "e": "M0 18V30", "f": "M0 2V14",
            "g": "M2 16H12"}
        digits = r.choice(["1025", "0812", "1208", "1050"])
        svg = "".join(f'<g transform="translate({CX - 46 + i * 23 + (8 if i > 1 else 0)} {cy - 16}) scale(1.05)"><path d="{"".join(seg[s] for s in bars[c])}" stroke="{ink}" stroke-width="3.4" stroke-linecap="round"/></g>'
            for i, c in enumerate(digits))
        svg += f'<circle cx="{CX + 3}" cy="{cy - 6}" r="2" fill="{ink}"/><circle cx="{CX + 3}" cy="{cy + 8}" r="2" fill="{ink}"/><path d="M{CX - 42} {cy + 36}H{CX + 42}M{CX - 42} {cy - 34}H{CX + 10}" stroke="{ink}" stroke-opacity=".5" stroke-width="3"/>'
    else:
        marks = []
        for i in range(12):
            a = i * math.pi / 6
            r0, r1 = size * (0.60 if i % 3 == 0 else 0.66), size * 0.73
            marks.append(f'<path d="M{CX + r0 * math.sin(a):.1f} {cy - r0 * math.cos(a):.1f}L{CX + r1 * math.sin(a):.1f} {cy - r1 * math.cos(a):.1f}" stroke="{ink}" stroke-width="{3.6 if i % 3 == 0 else 2}"/>')
        hour, minute = r.uniform(0.8, 2.0), 10 * math.pi / 30 * r.uniform(0.8, 1.2)
        hands = f'<path d="M{CX} {cy}L{CX - size * 0.36 * math.sin(hour):.1f} {cy - size * 0.36 * math.cos(hour):.1f}" stroke="{ink}" stroke-width="5" stroke-linecap="round"/><path d="M{CX} {cy}L{CX + size * 0.54 * math.sin(minute):.1f} {cy - size * 0.54 * math.cos(minute):.1f}" stroke="{ink}" stroke-width="3.400" stroke-linecap="round"/><path d="M{CX - size * 0.05:.1f} {cy - size * 0.12:.1f}L{CX + size * 0.16:.1f} {cy + size * 0.56:.1f}" stroke="#b0413a" stroke-width="1.400"/><circle cx="{CX}" cy="{cy}" r="4.500" fill="{ink}"/>'
        sub = ""
        if who == "Men" and r.random() < 0.45:
            sub = "".join(f'<circle cx="{CX + dx * size}" cy="{cy + dy * size}" r="{size * 0.17}" fill="{darker(dial, .08)}" stroke="{ink}" stroke-opacity=".6" stroke-width="1.200"/><path d="M{CX + dx * size} {cy + dy * size}v{-size * 0.12}" stroke="{ink}" stroke-width="1.600"/>'
                for dx, dy in ((-0.34, 0), (0.34, 0), (0, 0.36)))
        svg = "".join(marks) + sub + hands
    glass = f'<path d="M{CX - size * 0.62} {cy + size * 0.2}Q{CX - size * 0.6} {cy - size * 0.62} {CX + size * 0.3} {cy - size * 0.66}Q{CX - size * 0.3} {cy - size * 0.35} {CX - size * 0.62} {cy + size * 0.2}Z" fill="#fff" fill-opacity=".22"/>'
    drawing.add(Part(inner, dial, "plastic", over=svg + glass, round=-0.8, roll=5, swell=20, full=0.0, shadow=0))
    return drawing


def earrings(cloth: Cloth, r: random.Random, who: str, *, style="drop") -> Drawing:
    """drop, hoop, stud, jhumka (bell): metal in the cloth's metal, stones in its colour."""
    drawing = Drawing(ground=None)
    metal = cloth.metal
    kind = r.choice(["tear", "bar"])
    hoop, band = r.uniform(58, 86), r.uniform(8, 14)
    for side in (-1, 1):
        cx = CX + side * 88
        if style == "hoop":
            outer = ellipse(cx, 350, hoop, hoop * 1.06)
            inner = ellipse(cx, 350, hoop - band, (hoop - band) * 1.06)
            hole = "M" + " L".join(f"{x:.1f} {y:.1f}" for x, y in inner[::-1]) + " Z"
            drawing.add(Part(curve(outer) + " " + hole, metal, "metal", roll=6, swell=8, shadow=0))
            drawing.add(Part(curve(ellipse(cx, 350 - hoop * 1.06, 7, 12)), metal, "metal", roll=5, swell=6, shadow=0.3,
                drop=2))
            continue
        hook = f'<path d="M{cx} {262 if style != "stud" else 300}C{cx - 26} {226} {cx - 22} {188} {cx + 2} {190}C{cx + 20} {192} {cx + 20} {214} {cx + 18} {240}" fill="none" stroke="{darker(metal, .4)}" stroke-width="4.600"/><path d="M{cx} {262}C{cx - 26} {226} {cx - 22} {188} {cx + 2} {190}C{cx + 20} {192} {cx + 20} {214} {cx + 18} {240}" fill="none" stroke="{lighter(metal, .2)}" stroke-width="2.600"/>'
        if style == "stud":
            drawing.add(Part(curve(ellipse(cx, 320, 46)), metal, "metal", roll=9, swell=14, shadow=0))
            facets = "".join(f'<path d="M{cx} 320L{cx + 36 * math.cos(a):.1f} {320 + 36 * math.sin(a):.1f}L{cx + 36 * math.cos(a + .7854):.1f} {320 + 36 * math.sin(a + .7854):.1f}Z" fill="{lighter(cloth.colour, .55 * abs(math.sin(a * 1.5 + 1)))}"/>'
                for a in [k * math.pi / 4 for k in range(8)])
            facets += f'<circle cx="{cx}" cy="320" r="17" fill="{lighter(cloth.colour, .35)}"/><path d="M{cx - 12} 312l9 -8l6 4l-9 9z" fill="#fff" fill-opacity=".8"/>'
            drawing.add(Part(curve(ellipse(cx, 320, 37)), cloth.colour, "plastic", details=facets, warp=0, roll=8,
                swell=30, shadow=0.3, drop=2))
            continue
        if style == "jhumka":
            drawing.add(Part(curve(ellipse(cx, 280, 24)), metal, "metal", over=hook
                + f'<circle cx="{cx}" cy="280" r="11" fill="{cloth.colour}" stroke="{darker(metal, .4)}" stroke-width="2"/><circle cx="{cx - 3}" cy="276" r="3" fill="#fff" fill-opacity=".7"/>',
                    
                over_free=True, roll=8, swell=14, shadow=0))
            bell = [(cx - 10, 312), (cx, 306), (cx + 10, 312), (cx + 34, 340), (cx + 52, 386, C), (cx, 396),
                (cx - 52, 386, C), (cx - 34, 340)]
            beads = "".join(f'<circle cx="{cx - 46 + k * 11.500}" cy="{394 - abs(k - 4) * 1.6 + 6}" r="5" fill="{lighter(metal, .2)}" stroke="{darker(metal, .45)}" stroke-width="1"/>'
                for k in range(9))
            rings_ = "".join(f'<path d="M{cx - 30 - k * 9} {342 + k * 16}Q{cx} {352 + k * 17} {cx + 30 + k * 9} {342 + k * 16}" fill="none" stroke="{darker(metal, .4)}" stroke-width="2"/>'
                for k in range(3)) + "".join(f'<circle cx="{cx - 34 + k * 17}" cy="{368 + (2 - abs(k - 2)) * 3}" r="5" fill="{cloth.colour}"/>'
                for k in range(5))
            drawing.add(Part(curve(bell), metal, "metal", details=rings_, over=beads, over_free=True, roll=9, swell=30,
                shadow=0.25, drop=3))
            continue
        drawing.add(Part(curve(ellipse(cx, 276, 16)), metal, "metal", over=hook, over_free=True, roll=6, swell=10,
            shadow=0))
        gem = [(cx, 300), (cx + 20, 348), (cx + 30, 392), (cx, 430), (cx - 30, 392),
            (cx - 20, 348)] if kind == "tear" else [(cx - 14, 302), (cx + 14, 302), (cx + 22, 400), (cx, 424),
            (cx - 22, 400)]
        setting = [(cx + (px - cx) * 1.28, 366 + (py - 366) * 1.12) for px, py in gem]
        drawing.add(Part(curve(setting), metal, "metal", roll=5, swell=8, shadow=0.25, drop=3))
        facet = f'<path d="M{cx - 30} 340L{cx} 380L{cx + 30} 340M{cx} 380V440M{cx - 36} 400L{cx} 380L{cx + 36} 400" stroke="{lighter(cloth.colour, .5)}" stroke-opacity=".7" stroke-width="1.600" fill="none"/><path d="M{cx - 12} 350l7 -18l6 4l-6 20z" fill="#fff" fill-opacity=".55"/>'
        drawing.add(Part(curve(gem), cloth.colour, "plastic", details=facet, warp=0, roll=7, swell=24, shadow=0))
    return drawing


def necklace(cloth: Cloth, r: random.Random, who: str, *, style="pendant") -> Drawing:
    """pendant, beads, collar, chain."""
    drawing = Drawing(ground=None)
    metal = cloth.metal
    depth = {"pendant": 420, "beads": 440, "collar": 370, "chain": 460}[style] + r.uniform(-14, 14)
    path = [(CX - 104, 96), (CX - 122, 190), (CX - 96, depth - 100), (CX, depth), (CX + 96, depth - 100),
        (CX + 122, 190), (CX + 104, 96)]
    d = curve(path, closed=False)

    def along(n, start=0.0, stop=1.0):
        # uniform in angle is even enough for beads on this curve
        pts = []
        for k in range(n):
            t = start + (stop - start) * k / (n - 1)
            i = min(int(t * (len(path) - 1)), len(path) - 2)
            f = t * (len(path) - 1) - i
            p0, p1, p2, p3 = path[max(i - 1, 0)], path[i], path[i + 1], path[min(i + 2, len(path) - 1)]
            pts.append(tuple(0.5 * (2 * p1[j] + (p2[j] - p0[j]) * f + (2 * p0[j] - 5 * p1[j] + 4 * p2[j] - p3[j]) * f * f + (3 * p1[j] - p0[j] - 3 * p2[j] + p3[j]) * f**3)
                for j in (0, 1)))
        return pts

    chain = f'<path d="{d}" fill="none" stroke="{darker(metal, .45)}" stroke-width="{6 if style == "chain" else 3.6}"/><path d="{d}" fill="none" stroke="{metal}" stroke-width="{4.6 if style == "chain" else 2.6}" stroke-dasharray="{"9 3" if style == "chain" else "4 1.6"}"/><path d="{d}" fill="none" stroke="{lighter(metal, .65)}" stroke-width="1.200" stroke-dasharray="3 5"/>'
    drawing.add(_chain_part(path, chain, metal))
    if style == "beads":
        n = 37
        for k, (x, y) in enumerate(along(n)):
            radius = 6.5 + 6.5 * math.sin(math.pi * k / (n - 1)) ** 1.5
            colour = cloth.colour if k % 4 else (cloth.trim or lighter(cloth.colour, 0.35))
            drawing.add(Part(curve(ellipse(x, y, radius)), colour, "plastic", roll=radius * 0.9, swell=radius, full=0.8,
                shadow=0.3, drop=2))
    elif style == "collar":
        pts = along(13, 0.24, 0.76)
        for k, (x, y) in enumerate(pts):
            size = 12 + 13 * math.sin(math.pi * k / 12)
            a = math.degrees(math.atan2(y - 150, x - CX)) - 90
            drop = rotate([(x, y - 6), (x + size * 0.62, y + size * 0.8), (x, y + size * 2.0),
                (x - size * 0.62, y + size * 0.8)], a, (x, y))
            drawing.add(Part(curve([(x + (px - x) * 1.22, y + (py - y) * 1.14) for px, py in drop]), metal, "metal",
                roll=4, swell=6, shadow=0.35, drop=3))
            drawing.add(Part(curve(drop), cloth.colour if k % 2 == 0 else (cloth.trim or lighter(cloth.colour, 0.3)),
                "plastic", roll=6, swell=12, shadow=0))
    elif style == "pendant":
        kind = r.choice(["disc", "drop", "heart", "leaf"])
        y = depth + 4
        drawing.add(Part(curve(ellipse(CX, y + 2, 7, 9)), metal, "metal", roll=4, swell=6, shadow=0.3, drop=2))
        shapes = {
            "disc": ellipse(CX, y + 44, 36), "drop": [(CX, y + 6), (CX + 24, y + 52), (CX + 18, y + 82), (CX, y + 92),
                (CX - 18, y + 82), (CX - 24, y + 52)],
            "heart": [(CX, y + 24, C), (CX + 18, y + 8), (CX + 38, y + 22), (CX + 28, y + 52), (CX, y + 80, C),
                (CX - 28, y + 52), (CX - 38, y + 22), (CX - 18, y + 8)],
            "leaf": [(CX, y + 6, C), (CX + 24, y + 40), (CX + 10, y + 80), (CX, y + 100, C), (CX - 10, y + 80),
                (CX - 24, y + 40)],
        }  # fmt: skip
        outer = shapes[kind]
        drawing.add(Part(curve(outer), metal, "metal", roll=7, swell=12, shadow=0.35, drop=3))
        inner = [(CX + (p[0] - CX) * 0.66, y + 46 + (p[1] - y - 46) * 0.68, *p[2:]) for p in outer]
        drawing.add(Part(curve(inner), cloth.colour, "plastic",
            over=f'<path d="M{CX - 9} {y + 38}l7 -9l5 4l-7 10z" fill="#fff" fill-opacity=".6"/>', roll=6, swell=14,
            shadow=0))
    return drawing


def _chain_part(path, chain: str, metal: str) -> Part:
    """A thin wire that carries the drawn chain."""
    left = [(x - 1, y) for x, y in path]
    right = [(x + 1, y) for x, y in path]
    return Part(curve([(*left[0], C), *left[1:-1], (*left[-1], C), (*right[-1], C), *right[::-1][1:-1],
        (*right[0], C)]), metal, "metal", over=chain, over_free=True, roll=1, swell=2, shadow=0)


def socks(cloth: Cloth, r: random.Random, who: str, *, style="crew") -> Drawing:
    """A pair lying flat: crew, ankle."""
    drawing = Drawing(ground=None)
    top = {"crew": 120, "ankle": 250}[style]
    accent = cloth.trim or lighter(cloth.colour, 0.4)
    k = 0.9 if who in ("Boys", "Girls") else 1.0
    for dx, dy, dark in ((64, -34, 0.06), (-30, 20, 0.0)):
        pts = [(206, top, C), (282, top, C), (284, 330), (282, 400), (268, 462), (214, 506), (150, 526), (104, 518),
            (92, 488), (112, 460), (164, 432), (200, 388), (208, 330)]
        pts = [(CX + (p[0] - CX) * k, 320 + (p[1] - 320) * k, *p[2:]) for p in shift(pts, dx, dy)]
        d = curve(pts)
        X = lambda v, dx=dx: CX + (v + dx - CX) * k  # noqa: E731
        Y = lambda v, dy=dy: 320 + (v + dy - 320) * k  # noqa: E731
        heel = curve([(X(292), Y(380)), (X(236), Y(420)), (X(262), Y(474)), (X(300), Y(450))])
        toe = curve([(X(80), Y(450)), (X(128), Y(446)), (X(150), Y(484)), (X(146), Y(540)), (X(80), Y(540))])
        details = f'<path d="{heel}" fill="{accent}"/><path d="{toe}" fill="{accent}"/>'
        folds = [seam(heel, -0.8), seam(toe, -0.8), *pulls(r, (X(222), Y(410)), (30, 80), (-40, 60), 4, 2, 6),
            *pulls(r, (X(250), Y(340)), (30, 70), (200, 330), 3, 1.6, 6)]
        drawing.add(cloth.part(d, colour=darker(cloth.colour, dark), details=details, folds=tuple(folds), roll=8,
            swell=34, full=0.8, shadow=0.35, drop=6))
        drawing.add(cloth.plain(accent if r.random() < 0.5 else cloth.colour,
            "rib").part(curve([(X(204), Y(top - 4), C), (X(284), Y(top - 4), C), (X(285), Y(top + 42), C),
            (X(205), Y(top + 42), C)]), roll=7, swell=30, shadow=0.2, drop=2))
    return drawing
