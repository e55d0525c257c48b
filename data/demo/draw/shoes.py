"""Footwear: a pair side by side, the near shoe in front, toes to the left; flip flops and slides from above.

A shoe is drawn once in its own frame (heel at x = 360, toe at x = 80, sole on y = 400) and placed twice.
"""

from __future__ import annotations

import random
import re
from dataclasses import replace

from data.demo.draw.cloth import Cloth, buckle, seam, stitches
from data.demo.draw.colours import darker, lighter, luma, mix
from data.demo.draw.geometry import CORNER as C
from data.demo.draw.geometry import bounds, curve, ellipse, leaf, line
from data.demo.draw.paint import Drawing, Fold, Part

_PAIR = re.compile(r"(-?\d+(?:\.\d+)?) (-?\d+(?:\.\d+)?)")


def placed(part: Part, k: float, dx: float, dy: float) -> Part:
    """The part scaled by k and moved; SVG decoration goes along in a group."""

    def path(d: str) -> str:
        return _PAIR.sub(lambda m: f"{float(m[1]) * k + dx:.2f} {float(m[2]) * k + dy:.2f}", d)

    def group(svg: str) -> str:
        return f'<g transform="translate({dx} {dy}) scale({k})">{svg}</g>' if svg else ""

    folds = tuple(replace(f, d=path(f.d), width=f.width * k, height=f.height * k) for f in part.folds)
    return replace(
        part, d=path(part.d), clip=path(part.clip), body=path(part.body), folds=folds, details=group(part.details),
        over=group(part.over), roll=part.roll * k, swell=part.swell * k,
    )  # fmt: skip


def pair(shoe: list[Part], k: float = 1.0, gap=(56.0, -58.0)) -> Drawing:
    """The far shoe up and to the right, in the shade of the near one."""
    k *= 1.14
    x0, top, x1, _ = bounds(" ".join(p.d for p in shoe))
    floor = 322 + k * (400 - top) / 2 - gap[1] * 0.3
    x, y = 240 - (x0 + x1) / 2 * k - gap[0] * 0.45, floor - 404 * k
    far = [placed(p, k * 0.95, x + gap[0] + 8, y + gap[1] * 0.72 + 20 * k) for p in shoe]
    near = [placed(p, k, x, y) for p in shoe]
    return Drawing([*far, *near], ground=floor, rise=-gap[1] * 0.72)


def _eyelets(points, metal="#6a6d72") -> str:
    return "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.6" fill="{darker(metal, 0.5)}" stroke="{metal}" stroke-width="1.1"/>'
        for x, y in points)


def _laces(a, b, count: int, colour: str, width: float = 5.0, bow: bool = True) -> str:
    """Bars across a throat whose edges run from a[0] to a[1] and b[0] to b[1], from toe to ankle."""
    svg = ""
    shade = darker(colour, 0.35)
    for k in range(count):
        t = k / max(count - 1, 1)
        p = (a[0][0] + (a[1][0] - a[0][0]) * t, a[0][1] + (a[1][1] - a[0][1]) * t)
        q = (b[0][0] + (b[1][0] - b[0][0]) * t, b[0][1] + (b[1][1] - b[0][1]) * t)
        d = f"M{p[0]:.1f} {p[1]:.1f}Q{(p[0] + q[0]) / 2:.1f} {(p[1] + q[1]) / 2 - 4:.1f} {q[0]:.1f} {q[1]:.1f}"
        svg += f'<path d="{d}" transform="translate(1 2)" stroke="#000" stroke-opacity=".3" stroke-width="{width}" fill="none" stroke-linecap="round"/>'
        svg += f'<path d="{d}" stroke="{shade}" stroke-width="{width}" fill="none" stroke-linecap="round"/><path d="{d}" stroke="{colour}" stroke-width="{width - 1.4}" fill="none" stroke-linecap="round"/>'
    if bow:
        x, y = (a[1][0] + b[1][0]) / 2, (a[1][1] + b[1][1]) / 2
        for d in (f"M{x} {y}C{x - 26} {y - 20} {x - 34} {y + 8} {x - 2} {y + 3}",
            f"M{x} {y}C{x + 24} {y - 12} {x + 34} {y + 14} {x + 2} {y + 4}",
            f"M{x} {y + 2}C{x - 8} {y + 16} {x - 16} {y + 22} {x - 22} {y + 34}",
            f"M{x} {y + 2}C{x + 8} {y + 14} {x + 10} {y + 24} {x + 18} {y + 34}"):
            svg += f'<path d="{d}" stroke="{shade}" stroke-width="4.2" fill="none" stroke-linecap="round"/><path d="{d}" stroke="{colour}" stroke-width="2.9" fill="none" stroke-linecap="round"/>'
    return svg


def _sole(points, colour: str, **more) -> Part:
    return Part(curve(points), colour, **{"fabric": "rubber", "roll": 6, "swell": 12, "full": 0.4, "shadow": 0.0,
        **more})


def _inside(points, colour: str) -> Part:
    return Part(curve(points), colour, "jersey", round=0.5, full=0.2, shadow=0.0)


def sneaker(cloth: Cloth, r: random.Random, who: str, *, style="court", high=False) -> Drawing:
    """court (low, plain), canvas (cap toe), runner (thick shaped sole), slip (elastic), high."""
    sole_colour = cloth.trim or "#f1efe9"
    accent = cloth.inks[0] if cloth.inks else (lighter(cloth.colour, 0.7) if luma(cloth.colour) < 0.5
        else darker(cloth.colour, 0.5))
    top = 236 if high else 292
    r_toe = r.uniform(-6, 6)
    parts: list[Part] = []
    lace = "#f3f1ec" if luma(cloth.colour) < 0.75 or style == "canvas" else darker(cloth.colour, 0.08)
    throat0 = (168, 322 + r_toe * 0.4)
    parts.append(_inside([(250, top - 6), (300, top - 10), (348, top - 6, C), (346, top + 40), (262, top + 40)],
        mix(cloth.colour, "#e8e4da", 0.25) if luma(cloth.colour) < 0.5 else darker(cloth.colour, 0.25)))
    upper = [
        (82, 366 + r_toe, C), (96, 344 + r_toe), (134, 330), throat0, (214, 304 if not high else 290), (248, top + 4),
            (258, top - 8),
        (272, top - 10), (292, top + 12), (318, top + 14), (340, top + 2), (354, top - 12), (364, top - 6),
            (362, top + 30), (366, 352), (366, 384, C), (82, 386, C),
    ]  # fmt: skip
    d = curve(upper)
    tongue = [(206, 302 if not high else 288), (242, top - 8), (252, top - 26), (272, top - 22), (270, top + 8),
        (222, 318)]
    if style != "slip":
        parts.append(cloth.part(curve(tongue), colour=mix(cloth.colour, accent, 0.12), roll=6, swell=10, shadow=0.1,
            wrinkle=0.2))
    details, folds, over = "", [], ""
    if style == "canvas":
        cap = [(78, 392, C), (80, 362 + r_toe), (98, 342 + r_toe), (132, 334), (140, 352), (136, 392, C)]
        folds.append(seam(curve([(214, 308), (206, 348), (232, 386)], closed=False), -0.9))
        details += stitches(curve([(218, 306), (210, 348), (236, 386)], closed=False), lace,
            1.1) + stitches(line((330, top + 12), (326, 386)), lace, 1.1)
        folds.append(seam(line((334, top + 8), (330, 386)), -0.9))
    elif style == "runner":
        sweep = curve([(120, 384), (186, 350), (250, 330), (300, 330), (362, 306), (366, 340), (300, 364), (240, 372),
            (190, 384)])
        details += f'<path d="{sweep}" fill="{accent}" fill-opacity=".95"/>'
        details += f'<path d="{curve([(84, 392), (84, 366), (104, 350), (138, 346), (158, 392)])}" fill="{mix(cloth.colour, accent, 0.35)}"/>'
        details += f'<path d="{curve([(330, top), (366, top - 10), (368, 392), (318, 392), (336, 350)])}" fill="{mix(cloth.colour, accent, 0.55)}"/>'
        folds.append(seam(sweep, -0.9))
    elif style == "court":
        folds.append(seam(curve([(206, 312), (196, 346), (174, 386)], closed=False), -0.8))
        details += stitches(curve([(210, 312), (200, 346), (178, 386)], closed=False), cloth.thread, 0.9)
        details += f'<path d="{curve([(326, top + 6), (348, top - 4), (368, top - 10, C), (368, top + 34, C), (332, top + 44)])}" fill="{accent}"/>'
        kind = r.choice("stn")
        if kind == "s":
            details += "".join(f'<path d="M{236 + k * 20} {334 - k * 2}L{222 + k * 20} 386" stroke="{accent}" stroke-width="8"/>'
                for k in range(3))
        elif kind == "t":
            details += f'<path d="{curve([(206, 372), (262, 372), (336, 322), (250, 352)])}" fill="{accent}"/>'
        details += "".join(f'<circle cx="{112 + i * 10 + j * 4}" cy="{352 - i * 3 + j * 9}" r="1.6" fill="{darker(cloth.colour, 0.45)}"/>'
            for i in range(4) for j in range(3))
    elif style == "slip":
        gore = curve([(236, 300), (262, top + 2), (286, top + 10), (264, 344)])
        details += f'<path d="{gore}" fill="{darker(cloth.colour, 0.3)}"/>' + "".join(f'<path d="M{244 + k * 6} {304 - k * 1.5}L{252 + k * 5} {336 - k * 4}" stroke="{lighter(cloth.colour, 0.2)}" stroke-width="1"/>'
            for k in range(7))
        folds.append(seam(gore, -1.0))
    folds += [Fold(leaf((150 + k * 16, 338 - k * 3), (140 + k * 17, 366), 3, 2), -1.3, 1) for k in range(3)]
    folds.append(Fold(curve([(258, top + 2), (292, top + 24), (318, top + 26), (356, top + 2)], closed=False), 2.2, 1,
        9))
    if high:
        details += f'<circle cx="318" cy="{top + 36}" r="17" fill="{lace}"/><circle cx="318" cy="{top + 36}" r="17" fill="none" stroke="{accent}" stroke-width="1.6"/><path d="M318 {top + 25}l3.2 7.6l8 .6l-6.200 5.200l2 8l-7 -4.400l-7 4.400l2 -8l-6.200 -5.200l8 -.6z" fill="{accent}"/>'
    parts.append(cloth.part(d, folds=tuple(folds), details=details, over=over, roll=9, swell=34, full=1.1, shadow=0.25,
        wrinkle=0.4))
    if style == "canvas":
        parts.append(Part(curve(cap), sole_colour, "rubber", roll=7, swell=18, shadow=0.2, drop=2))
    if style != "slip":
        facing = [(162, 330 + r_toe * 0.4), (176, 320), (212, 302 if not high else 288), (250, top + 2), (264, top + 8),
            (258, top + 22), (222, 320 if not high else 304), (184, 340)]
        n = 6 if high else 4
        a = ((178, 324), (248, top + 6))
        b = ((192, 334), (264, top + 14))
        eye = [(b[0][0] + (b[1][0] - b[0][0]) * k / (n - 1), b[0][1] + (b[1][1] - b[0][1]) * k / (n - 1))
            for k in range(n)]
        parts.append(cloth.part(curve(facing), colour=mix(cloth.colour, accent, 0.18) if style == "runner"
            else cloth.colour, over=_eyelets(eye) + _laces(a, b, n, lace), over_free=True, roll=4, swell=8, full=0.3,
            shadow=0.25, drop=2, wrinkle=0.1))
    if style == "runner":
        sole = [(74, 372 + r_toe), (88, 376), (150, 384), (220, 382), (300, 372), (352, 358), (376, 352), (382, 372),
            (374, 402), (350, 408, C), (300, 406), (240, 400), (170, 408), (110, 410), (82, 398)]
        parts.append(_sole(sole, sole_colour,
            details=f'<path d="M70 398C130 412 180 406 240 396C300 402 340 406 384 392V416H70Z" fill="{accent}"/>'
            + "".join(f'<path d="M{300 + k * 15} {376 - k * 4}q10 8 6 22" stroke="{darker(sole_colour, 0.2)}" stroke-width="2.4" fill="none"/>'
            for k in range(5)), folds=(Fold(curve([(90, 388), (220, 392), (372, 372)], closed=False), -1.6, 2, 2),)))
    else:
        sole = [(76, 376 + r_toe * 0.5, C), (120, 378), (240, 378), (368, 374, C), (371, 402), (362, 407, C),
            (90, 408, C), (78, 400)]
        stripe = f'<path d="M70 392H380" stroke="{accent if style == "canvas" else darker(sole_colour, 0.14)}" stroke-width="{2.6 if style == "canvas" else 1.2}"/>'
        parts.append(_sole(sole, sole_colour, details=stripe
            + f'<path d="M70 405H380" stroke="{darker(sole_colour, 0.35)}" stroke-width="5" stroke-dasharray="5 3"/>'))
    return pair(parts, (0.92 if who in ("Boys", "Girls") else 1.0) * r.uniform(0.98, 1.04))


def formal(cloth: Cloth, r: random.Random, who: str, *, style="oxford") -> Drawing:
    """oxford, derby, brogue, loafer, monk, chelsea, boot."""
    parts: list[Part] = []
    point = r.uniform(-8, 6)
    boot = style in ("chelsea", "boot")
    top = 214 if boot else 300
    heel = darker(mix(cloth.colour, "#2a1d14", 0.5), 0.35)
    edge = mix(cloth.colour, "#1a1410", 0.65)
    if style == "boot":
        edge = cloth.trim or "#6b4a2f"
    parts.append(_inside([(252, top), (304, top - 6), (350, top - 2, C), (346, top + 44), (264, top + 44)],
        mix(darker(cloth.colour, 0.1), "#b08d65", 0.55)))
    if boot:
        upper = [(66 + point, 378, C), (88 + point, 352), (136, 334), (190, 320), (226, 296), (238, 262), (238, top, C),
            (300, top + 8), (352, top, C), (356, 270), (352, 320), (362, 356), (360, 386, C), (80, 390, C)]
    else:
        upper = [(62 + point, 380, C), (80 + point, 358), (126, 342), (174, 332), (212, 316), (246, top + 2),
            (262, top - 8, C), (290, top + 14), (322, top + 12), (346, top - 4), (358, top - 8, C), (358, 330),
            (366, 362), (362, 386, C), (70, 390, C)]
    d = curve(upper)
    folds, details, over = [], "", ""
    folds += [Fold(curve([(146 + k * 15, 344 - k * 4), (150 + k * 13, 358), (142 + k * 13, 376)], closed=False), -1.7,
        1, 3) for k in range(3)]
    thread = cloth.thread
    if style in ("oxford", "brogue", "derby"):
        cap = curve([(122, 342), (132, 362), (122, 390)], closed=False)
        quarter = curve([(206, 318), (196, 346), (222, 362), (240, 388)], closed=False)
        counter = curve([(330, top + 8), (318, 350), (336, 388)], closed=False)
        for path in (cap, quarter, counter):
            folds.append(seam(path, -1.0, 1.6))
            details += stitches(path, thread, 0.9)
            if style == "brogue":
                details += f'<g transform="translate(5 0)"><path d="{path}" fill="none" stroke="{darker(cloth.colour, 0.6)}" stroke-width="2.6" stroke-dasharray=".1 5" stroke-linecap="round"/></g>'
    parts_after: list[Part] = []
    if style in ("oxford", "brogue", "derby", "boot"):
        n = 5 if not boot else 6
        high = top + 6
        a, b = ((196, 322), (244 if not boot else 246, high)), ((210, 332), (258 if not boot else 266, high + 6))
        if boot:
            a, b = ((206, 316), (244, high + 4)), ((224, 322), (262, high + 8))
        eye = [(b[0][0] + (b[1][0] - b[0][0]) * k / (n - 1), b[0][1] + (b[1][1] - b[0][1]) * k / (n - 1))
            for k in range(n)]
        lace = darker(cloth.colour, 0.45) if style != "boot" else "#c8a15a"
        facing = [(190, 328), (208, 318), (246 if not boot else 240, high - 2), (266 if not boot else 272, high + 2),
            (264 if not boot else 276, high + 20), (226 if not boot else 244, 338), (206, 344)]
        parts_after.append(cloth.part(curve(facing), over=_eyelets(eye, mix(cloth.colour, "#c9b48a", 0.5)) + _laces(a,
            b, n, lace, 4), over_free=True, roll=3, swell=8, full=0.2, shadow=0.25, drop=2, wrinkle=0.1))
    elif style == "loafer":
        apron = [(112, 352), (150, 336), (204, 322), (216, 330), (200, 346), (150, 358), (120, 362)]
        folds.append(seam(curve(apron), -1.6, 2.2))
        details += stitches(curve(apron), thread, 1.2, "2 2")
        strap = [(186, 330), (212, 316), (234, 312), (240, 346), (252, 388), (214, 390), (206, 350)]
        kind = r.choice("pbt")
        extra = ""
        if kind == "b":
            extra = f'<path d="M196 338q14 -14 30 -14" stroke="{darker(cloth.metal, .4)}" stroke-width="7" fill="none"/><path d="M196 338q14 -14 30 -14" stroke="{cloth.metal}" stroke-width="4.400" fill="none"/><circle cx="197" cy="338" r="5" fill="none" stroke="{cloth.metal}" stroke-width="2.600"/><circle cx="226" cy="324" r="5" fill="none" stroke="{cloth.metal}" stroke-width="2.600"/>'
        elif kind == "t":
            extra = "".join(f'<path d="M{206 + k * 3} 336Q{200 + k * 5} 346 {198 + k * 6} 356" stroke="{darker(cloth.colour, .3 if k % 2 else .1)}" stroke-width="3.200" fill="none"/>'
                for k in range(6))
        else:
            extra = f'<path d="M206 334l16 -6l4 7l-16 6z" fill="{darker(cloth.colour, .6)}"/>'
        parts_after.append(cloth.part(curve(strap), clip=d, over=extra, roll=4, swell=8, full=0.3, shadow=0.3, drop=3,
            wrinkle=0.1))
    elif style == "monk":
        strap = [(196, 344), (214, 318), (250, 306), (300, 322), (306, 346), (250, 334), (222, 346)]
        parts_after.append(cloth.part(curve(strap), details=stitches(curve(strap), thread, 0.9),
            over=f'<g transform="rotate(14 290 334)">{buckle(288, 332, 16, 24, cloth.metal, 3)}</g>', over_free=True,
            roll=4, swell=8, full=0.3, shadow=0.35, drop=3, wrinkle=0.1))
    elif style == "chelsea":
        gore = curve([(272, top + 6), (318, top + 8), (310, 280), (296, 316), (280, 280)])
        details += f'<path d="{gore}" fill="{darker(cloth.colour, 0.45)}"/>' + "".join(f'<path d="M{276 + k * 6} {top + 6}L{284 + k * 4} 306" stroke="{lighter(cloth.colour, 0.1)}" stroke-opacity=".5" stroke-width="1"/>'
            for k in range(7))
        folds.append(seam(gore, -1.2))
        parts_after.append(cloth.part(curve([(340, top - 14), (352, top - 16), (360, top + 22), (350, top + 24)]),
            roll=3, swell=6, shadow=0.2, drop=2))
    parts.append(cloth.part(d, folds=tuple(folds), details=details, over=over, roll=10, swell=36, full=1.15,
        shadow=0.25, wrinkle=0.4))
    parts += parts_after
    thick = 14 if style == "boot" else 8
    parts.append(_sole([(60 + point, 384, C), (140, 388), (250, 384), (290, 380), (366, 380, C), (367, 388, C),
        (300, 388), (262, 388 + thick * 0.6), (190, 392 + thick), (92 + point, 393 + thick), (64 + point, 390)], edge,
        fabric="smooth leather", details=stitches("M70 389Q200 394 362 384", lighter(edge, 0.35), 0.9, "2 2.4")))
    parts.append(_sole([(288, 386, C), (367, 386, C), (368, 408, C), (292, 408, C)], heel, roll=4))
    return pair(parts, r.uniform(0.99, 1.05))


def heels(cloth: Cloth, r: random.Random, who: str, *, style="pump", heel="stiletto") -> Drawing:
    """pump, strap (ankle strap sandal), slingback, peep; heel: stiletto, block, kitten, wedge."""
    lift = {"stiletto": 96, "block": 82, "kitten": 46, "wedge": 80}[heel] + r.uniform(-6, 6)
    hy = 400 - lift
    sole_colour = mix(cloth.colour, "#c9a27a", 0.75) if heel != "wedge" else "#c9a877"
    parts: list[Part] = []
    base = [(92, 392), (140, 398), (176, 396), (230, 386 - lift * 0.45), (300, hy + 6), (352, hy + 4)]
    if heel == "wedge":
        parts.append(Part(curve([(96, 386, C), (176, 382), (240, 380 - lift * 0.5), (310, hy), (356, hy - 2, C),
            (352, 404, C), (110, 406), (92, 400)]), sole_colour, "straw", roll=6, swell=20, shadow=0))
    elif heel == "block":
        parts.append(cloth.part(curve([(304, hy + 2, C), (356, hy - 4, C), (352, 404, C), (318, 404, C),
            (314, hy + 36)]), colour=darker(cloth.colour, 0.08), roll=6, swell=16, shadow=0, wrinkle=0))
    else:
        tip = 6 if heel == "stiletto" else 9
        parts.append(cloth.part(curve([(300, hy + 4, C), (356, hy - 6, C), (352, hy + 30), (342 + tip / 2, 404, C),
            (342 - tip / 2, 404, C), (334, hy + 40), (318, hy + 20)]), colour=darker(cloth.colour, 0.05), roll=5,
            swell=12, shadow=0, wrinkle=0))
    if style == "pump" or style == "peep":
        inner = [(168, 364), (240, 356 - lift * 0.45), (300, hy - 20), (346, hy - 44), (352, hy - 36), (330, hy - 4),
            (240, 384 - lift * 0.45), (180, 384)]
        parts.append(_inside(inner, mix(darker(cloth.colour, 0.1), "#d8b893", 0.7)))
        upper = [(82, 384, C), (92, 368), (120, 354), (152, 350), (170, 358, C), (200, 368), (244, 368 - lift * 0.48),
            (300, hy - 14), (340, hy - 48), (354, hy - 56), (362, hy - 30), (358, hy + 6, C), (300, hy + 14),
            (236, 392 - lift * 0.45), (182, 400), (130, 402), (90, 396)]
        if style == "peep":
            upper[0:3] = [(96, 390, C), (100, 372), (122, 358)]
        parts.append(cloth.part(curve(upper), folds=(Fold(curve([(160, 354), (200, 370), (244, 372 - lift * 0.48),
            (300, hy - 8), (344, hy - 46)], closed=False), 1.4, 2, 3),),
            details=f'<path d="{line((344, hy - 60), (346, hy + 10))}" stroke="{darker(cloth.colour, 0.2)}" stroke-width="1"/>',
                
            roll=9, swell=28, full=1.2, shadow=0.15, wrinkle=0.2))
        if r.random() < 0.3:
            bow = "".join(f'<path d="M120 358C{120 + s * 26} {336} {120 + s * 32} {372} 120 362Z" fill="{darker(cloth.colour, 0.08)}" stroke="{darker(cloth.colour, 0.35)}" stroke-width="1"/>'
                for s in (1, -1))
            parts[-1] = replace(parts[-1], over=bow
                + f'<circle cx="120" cy="360" r="4" fill="{darker(cloth.colour, 0.2)}"/>', over_free=True)
    else:
        foot = [(84, 392), (104, 384), (150, 384), (186, 380), (236, 368 - lift * 0.45), (300, hy - 10), (350, hy - 16),
            (360, hy - 2), (352, hy + 8), (300, hy + 12), (236, 390 - lift * 0.45), (180, 400), (100, 402)]
        parts.append(Part(curve(foot), mix(cloth.colour, "#d8b893", 0.6), "leather", roll=5, swell=10, shadow=0.1))
        toe = [(104, 388), (118, 362), (150, 346), (172, 352), (176, 376), (164, 398), (130, 400)]
        strappy = r.random() < 0.5
        if strappy:
            for x in (112, 146):
                parts.append(cloth.part(curve([(x, 392), (x + 6, 366), (x + 20, 352), (x + 32, 356), (x + 24, 372),
                    (x + 20, 396)]), roll=4, swell=8, shadow=0.3, drop=2, wrinkle=0.1))
        else:
            parts.append(cloth.part(curve(toe), roll=4, swell=10, full=0.5, shadow=0.25, drop=2, wrinkle=0.2))
        counter = [(330, hy - 4), (344, hy - 44), (358, hy - 58), (366, hy - 30), (360, hy + 6, C), (334, hy + 8)]
        parts.append(cloth.part(curve(counter), roll=5, swell=10, shadow=0.2, drop=2, wrinkle=0.1))
        if style == "strap":
            strap = [(354, hy - 66), (366, hy - 60), (352, hy - 42), (300, hy - 32), (258, hy - 50), (252, hy - 62),
                (262, hy - 68), (300, hy - 50), (340, hy - 58)]
            parts.append(cloth.part(curve(strap), over=buckle(300, hy - 41, 12, 15, cloth.metal, 2.4), over_free=True,
                roll=3, swell=6, shadow=0.2, drop=2, wrinkle=0))
        else:
            strap = [(176, 372), (240, 352 - lift * 0.4), (330, hy - 42), (352, hy - 50), (350, hy - 42),
                (300, hy - 14), (240, 366 - lift * 0.42), (184, 386)]
            parts.append(cloth.part(curve([strap[3], strap[4], (300, hy - 22), (262, hy - 4), (230, hy + 28),
                (226, hy + 22), (262, hy - 14), (310, hy - 36)]), roll=3, swell=5, shadow=0.2, drop=2, wrinkle=0))
    if heel != "wedge":
        parts.append(Part(curve([*base, (356, hy + 10), (300, hy + 14), (230, 393 - lift * 0.45), (176, 403),
            (130, 406), (90, 400)]), darker(sole_colour, 0.35), "smooth leather", roll=3, swell=5, shadow=0))
    return pair(parts, r.uniform(1.0, 1.06), gap=(70, -46))


def flats(cloth: Cloth, r: random.Random, who: str, *, style="ballet") -> Drawing:
    """ballet, pointed, mary (with a bar), loafer-like with a band."""
    parts: list[Part] = []
    nose = -14 if style == "pointed" else 0
    parts.append(_inside([(150, 366), (220, 358), (300, 350), (352, 338), (352, 372), (260, 388), (160, 386)],
        mix(darker(cloth.colour, 0.05), "#dcc3a0", 0.75)))
    upper = [(84 + nose, 388, C), (92 + nose * 0.6, 370), (118, 356), (150, 354, C), (176, 372), (230, 376), (290, 364),
        (330, 340), (354, 328), (364, 344), (364, 392, C), (220, 400), (100, 401)]
    details = stitches(curve([(152, 358), (176, 377), (230, 381), (290, 369), (332, 345)], closed=False), cloth.thread,
        0.8)
    folds = [Fold(curve([(150, 356), (176, 374), (230, 378), (290, 366), (332, 342), (356, 330)], closed=False), 2.0, 2,
        4)]
    folds += [Fold(leaf((110 + k * 12, 362), (104 + k * 14, 384), 3), -1.1, 1) for k in range(3)]
    if r.random() < 0.4:
        cap = curve([(120, 352), (130, 374), (124, 402), (60, 402), (70, 352)])
        details = f'<path d="{cap}" fill="{cloth.trim or darker(cloth.colour, 0.5)}"/>' + details
    over = ""
    if style == "ballet":
        dark = darker(cloth.colour, 0.18)
        over = f'<g transform="translate(132 360)"><path d="M0 0C-20 -16 -28 8 0 2Z" fill="{dark}"/><path d="M0 0C20 -16 28 8 0 2Z" fill="{dark}"/><path d="M0 2L-10 16M0 2L11 15" stroke="{dark}" stroke-width="3"/><circle r="4" fill="{darker(dark, .2)}"/></g>'
    parts.append(cloth.part(curve(upper), details=details, folds=tuple(folds), over=over, over_free=bool(over), roll=9,
        swell=24, full=1.1, shadow=0.2, wrinkle=0.3))
    if style == "mary":
        parts.append(cloth.part(curve([(214, 378), (222, 346), (250, 332), (262, 338), (244, 350), (236, 380)]),
            over=buckle(233, 362, 13, 14, cloth.metal, 2.4), over_free=True, roll=4, swell=6, shadow=0.3, drop=2,
            wrinkle=0))
    elif style == "band":
        parts.append(cloth.part(curve([(146, 354), (168, 352), (178, 372), (168, 400), (140, 400), (152, 376)]),
            colour=darker(cloth.colour, 0.12),
            over=f'<rect x="152" y="366" width="14" height="10" rx="2" fill="{cloth.metal}" stroke="{darker(cloth.metal, 0.4)}"/>',
                
            roll=4, swell=6, shadow=0.3, drop=2, wrinkle=0))
    parts.append(_sole([(84 + nose, 392, C), (220, 398), (366, 390, C), (366, 406, C), (326, 407, C), (320, 402),
        (220, 406), (104, 408), (86 + nose, 400)], mix(cloth.colour, "#3a2c22", 0.7), fabric="smooth leather"))
    return pair(parts, (0.9 if who == "Girls" else 1.0) * r.uniform(0.98, 1.03), gap=(60, -50))


def sandals(cloth: Cloth, r: random.Random, who: str, *, style="strap") -> Drawing:
    """strap (leather, three bands and a heel strap), sport (webbing), slide-on."""
    parts: list[Part] = []
    sport = style == "sport"
    sole = cloth.trim or ("#2b2b2d" if sport else mix(cloth.colour, "#3b2a1e", 0.6))
    bed = "#b98a5c" if not sport else "#55575b"
    parts.append(_sole([(74, 384), (130, 386), (230, 384), (320, 374), (368, 372), (374, 386), (370, 406), (300, 409),
        (230, 405), (120, 410), (78, 404)], sole,
        details=f'<path d="M70 {398 if not sport else 390}Q220 {404 if not sport else 398} 376 {394 if not sport else 384}" stroke="{lighter(sole, 0.25)}" stroke-width="2" fill="none"/>' + ("".join(f'<path d="M{84 + k * 20} 412l7 -8l7 8z" fill="{darker(sole, 0.4)}"/>'
        for k in range(15)) if sport else "")))
    parts.append(Part(curve([(78, 384), (98, 374), (160, 370), (230, 372), (320, 362), (364, 360), (370, 372),
        (320, 380), (230, 390), (120, 392)]), bed, "suede", roll=4, swell=8, shadow=0))
    inner = lighter(darker(cloth.colour, 0.35), 0.05)
    bands = [((112, 388), (130, 344), (160, 336), (150, 392)), ((170, 390), (186, 330), (222, 322), (214, 390))]
    if style == "slide":
        bands = [((116, 390), (140, 336), (214, 318), (208, 392))]
    for a, b, c, e in bands:
        parts.append(Part(curve([(b[0] + 2, b[1] + 4), (c[0] + 8, c[1] + 2), (c[0] + 20, c[1] + 30),
            (b[0] + 16, b[1] + 30)]), inner, "leather", round=0.5, full=0.2, shadow=0))
        d = curve([(a[0], a[1], C), (a[0] + 4, a[1] - 24), (b[0], b[1], C), ((b[0] + c[0]) / 2, (b[1] + c[1]) / 2 - 3),
            (c[0], c[1], C), (e[0] + 5, e[1] - 28), (e[0], e[1], C)])
        edge = stitches(line((a[0] + 5, a[1] - 6), (b[0] + 5, b[1] + 6)), cloth.thread,
            1) + stitches(line((e[0] - 4, e[1] - 6), (c[0] - 4, c[1] + 8)), cloth.thread, 1)
        x, y = (a[0] + b[0] + c[0] + e[0]) / 4, (a[1] + b[1] + c[1] + e[1]) / 4 - 4
        over = f'<g transform="rotate(-16 {x} {y})">{buckle(x, y, 18, 20, cloth.metal, 3)}</g>' if style != "sport" else f'<rect x="{x - 14}" y="{y - 11}" width="26" height="20" rx="4" fill="{sole}" stroke="{lighter(sole, 0.3)}" stroke-width="1.200"/>'
        parts.append(cloth.part(d, details=edge, over=over, roll=6, swell=16, shadow=0.3, drop=3, wrinkle=0.2))
    if style != "slide":
        parts.append(cloth.part(curve([(226, 386), (232, 360), (300, 330), (352, 318), (370, 322), (372, 372),
            (358, 374), (356, 342), (310, 350), (252, 368), (242, 388)]),
            over=buckle(290, 345, 16, 17, cloth.metal, 2.6) if not sport else "",
            details=stitches(curve([(238, 364), (300, 336), (354, 324)], closed=False), cloth.thread, 1), roll=5,
            swell=10, shadow=0.3, drop=3, wrinkle=0.1))
    return pair(parts, (0.9 if who in ("Boys", "Girls") else 1.0) * r.uniform(0.98, 1.03), gap=(58, -54))


def flip_flops(cloth: Cloth, r: random.Random, who: str, *, style="thong") -> Drawing:
    """From above: two soles with a thong or a wide band (slide)."""
    drawing = Drawing(ground=None)
    strap = cloth.trim or darker(cloth.colour, 0.5)
    for side in (-1, 1):
        cx, lean = 240 + side * 84, side * 4
        x = lambda v, side=side, cx=cx: cx + side * v  # noqa: E731
        outline = [(x(-18), 156), (x(22), 162), (x(56), 214), (x(58), 290), (x(44), 370), (x(46), 440), (x(34), 492),
            (x(0), 508), (x(-34), 490), (x(-42), 440), (x(-36), 370), (x(-50), 280), (x(-50), 200)]
        edge = curve(outline)
        under = curve([(px + 4, py + 9) for px, py in outline])
        drawing.add(Part(under, darker(strap, 0.1), "rubber", roll=5, swell=8, shadow=0))
        rim = f'<path d="{edge}" fill="none" stroke="{darker(cloth.colour, 0.2)}" stroke-width="5"/>'
        drawing.add(cloth.part(edge, details=rim
            + "".join(f'<path d="M{cx - 60} {430 + k * 9}H{cx + 60}" stroke="{darker(cloth.colour, 0.16)}" stroke-width="2"/>'
            for k in range(6)), fabric="rubber" if cloth.pattern is None else cloth.fabric, roll=6, swell=40, full=0.25,
            shadow=0.3, drop=4))
        s = cloth.plain(strap, "rubber" if style == "thong" else "leather")
        if style == "thong":
            hole = (x(-8), 204)
            for tx, ty, bend in ((x(60), 322, side), (x(-50), 306, -side)):
                pts = [(hole[0] - 6, hole[1] + 2), (hole[0] + bend * 26 - 2, hole[1] + 34), (tx + 2 * bend, ty - 10),
                    (tx + bend * 4, ty + 8, C), (tx - bend * 11, ty + 8, C), (tx - bend * 16, ty - 16),
                    (hole[0] + bend * 10, hole[1] + 44), (hole[0] + 4, hole[1] + 10)]
                drawing.add(s.part(curve(pts), roll=6, swell=10, shadow=0.45, drop=6))
            drawing.add(s.part(curve(ellipse(hole[0], hole[1] + 8, 8, 15)), roll=6, swell=8, shadow=0.3, drop=3))
        else:
            pts = [(x(-58), 250, C), (x(-48), 236), (x(4), 222), (x(60), 244), (x(68), 258, C), (x(62), 340, C),
                (x(10), 318), (x(-50), 334, C)]
            band = curve(pts)
            drawing.add(s.part(band, details=stitches(curve([(x(-50), 244), (x(4), 230), (x(60), 252)], closed=False),
                s.thread, 1.2)
                + f'<g transform="rotate({lean} {cx} 280)"><rect x="{cx - 22}" y="264" width="44" height="26" rx="5" fill="{cloth.colour}" fill-opacity=".9"/></g>',
                    
                roll=9, swell=30, shadow=0.45, drop=7))
    return drawing
