"""Demo photos: drawn garments laid out, hung or worn in drawn surroundings, with the truth about each in photos.json.

A scene is composed flat, then seen through a slightly tilted camera, lit from one side, softened and given noise. Boxes
are measured on the garments' own masks after the tilt.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

from data.demo.draw import tops
from data.demo.draw.build import DEMO_DIR, _catalogue
from data.demo.draw.catalogue import Product
from data.demo.draw.cloth import Cloth
from data.demo.draw.geometry import CX, curve, ellipse, mirror
from data.demo.draw.paint import Drawing, Part, blur, cut_out
from data.demo.draw.plan import KINDS
from data.demo.draw.scenery import bed, concrete, plaster, room, rug, window_light, wood

S = 1.5


# --- garments in a scene -------------------------------------------------------------------------------------------------


@dataclass
class Scene:
    """A picture in the making; each garment keeps its own mask in the same frame."""

    picture: np.ndarray
    truth: list[dict] = field(default_factory=list)
    masks: list[np.ndarray] = field(default_factory=list)

    def put(self, cut: np.ndarray, at: tuple[float, float], size: tuple[float, float], degrees: float = 0.0, *,
        flip=False, shadow=(10.0, 14.0, 0.36), label: dict | None = None, join: bool = False) -> None:
        """Lays a cut-out with its opaque part's centre at `at`, scaled by `size` (x, y), turned by `degrees`.

        `shadow` is (right, down, strength). With `join` the mask is added to the garment put last.
        """
        h, w = self.picture.shape[:2]
        image = Image.fromarray((np.clip(cut, 0, 1) * 255).astype(np.uint8), "RGBA")
        box = image.getchannel("A").point(lambda a: 255 * (a > 40)).getbbox()
        image = image.crop(box)
        if flip:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        image = image.resize((max(round(image.width * size[0]), 2), max(round(image.height * size[1]), 2)),
            Image.Resampling.LANCZOS)
        image = image.rotate(degrees, Image.Resampling.BICUBIC, expand=True)
        layer = Image.new("RGBA", (w, h))
        layer.paste(image, (round(at[0] - image.width / 2), round(at[1] - image.height / 2)))
        data = np.asarray(layer, np.float32) / 255
        alpha = data[..., 3]
        right, down, strength = shadow
        if strength:
            far = ndimage.shift(alpha, (down, right), order=1)
            dark = strength * blur(far, 0.6 * (abs(right) + abs(down)) + 2) + strength * 0.7 * blur(ndimage.shift(alpha,
                (3, 2), order=1), 3.0)
            self.picture *= (1 - np.clip(dark, 0, 0.75))[..., None]
        self.picture = self.picture * (1 - alpha[..., None]) + data[..., :3] * alpha[..., None]
        for mask in self.masks:
            mask *= 1 - alpha
        if label is not None:
            self.truth.append(label)
            self.masks.append(alpha)
        elif join:
            self.masks[-1] = np.maximum(self.masks[-1], alpha)


def label(product: Product | None, slot: str = "", category: str = "", colour: str = "") -> dict:
    if product is None:
        return {"slot": slot, "category": category, "colour": colour, "sku": None}
    return {"slot": product.slot, "category": product.row["articleType"], "colour": product.row["baseColour"],
        "sku": product.row["id"]}


def _cut(product: Product) -> np.ndarray:
    return cut_out(product.draw(), product.seed, S)


def _find(kind: str, who: str, colours: tuple[str, ...], word: str = "") -> Product:
    """The first item that fits, best of the first of `colours`, else of any colour."""
    fitting = [p for p in _catalogue()
        if p.row["articleType"] == kind and p.row["gender"] == who and word in p.row["productDisplayName"]]
    for colour in colours:
        for product in fitting:
            if product.row["baseColour"] == colour:
                return product
    if fitting:
        return fitting[0]
    raise LookupError(f"no {who} {kind} {word} in the demo catalogue: change PLAN or the scene")


def _tilt(array: np.ndarray, amount: float, side: float, order: int = 1) -> np.ndarray:
    """The plane seen by a camera tilted forward by `amount` and sideways by `side` (fractions of the frame)."""
    h, w = array.shape[:2]
    target = [(0, 0), (w, 0), (w, h), (0, h)]
    source = [(-w * amount + w * 0.04, h * (0.03 + side)), (w * (1 + amount) - w * 0.04, h * (0.03 - side)),
        (w * 0.97, h * 0.97), (w * 0.03, h * 0.97)]
    rows, values = [], []
    for (x, y), (u, v) in zip(target, source, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    c = np.append(np.linalg.solve(np.array(rows), np.array(values)), 1.0)
    yy, xx = np.mgrid[0:h, 0:w].astype(np.float32)
    k = c[6] * xx + c[7] * yy + 1
    at = ((c[3] * xx + c[4] * yy + c[5]) / k, (c[0] * xx + c[1] * yy + c[2]) / k)
    if array.ndim == 2:
        return ndimage.map_coordinates(array, at, order=order, mode="constant")
    return np.stack([ndimage.map_coordinates(array[..., i], at, order=order, mode="reflect")
        for i in range(array.shape[2])], axis=-1)


def _develop(scene: Scene, rng, *, tilt: float = 0.03, side: float = 0.0, warm: float = 0.02,
    light: np.ndarray | None = None) -> tuple[Image.Image, list[dict]]:
    picture, masks = scene.picture, scene.masks
    if light is not None:
        picture = picture * light[..., None]
    if tilt or side:
        picture = _tilt(picture, tilt, side)
        masks = [_tilt(m, tilt, side) for m in masks]
    h, w = picture.shape[:2]
    y, x = np.mgrid[0:h, 0:w].astype(np.float32)
    fall = 1.05 - 0.16 * (x / w) * 0.8 - 0.12 * (y / h) - 0.20 * (((x / w - 0.5) ** 2) + ((y / h - 0.5) ** 2))
    picture = picture * fall[..., None] * np.array([1 + warm, 1.0, 1 - warm], np.float32)
    picture = np.stack([ndimage.gaussian_filter(picture[..., i], 0.7) for i in range(3)], axis=-1)
    grain = rng.normal(0, 0.010, picture.shape[:2])[..., None] + rng.normal(0, 0.006, picture.shape)
    picture = np.clip(picture + grain, 0, 1)
    garments = []
    for truth, mask in zip(scene.truth, masks, strict=True):
        rows, cols = np.where(mask > 0.35)
        box = [int(cols.min()), int(rows.min()), int(cols.max()) + 1, int(rows.max()) + 1]
        garments.append({"box": box, **truth})
    return Image.fromarray((picture * 255 + 0.5).astype(np.uint8)), garments


def _hanger(width: float = 96.0) -> np.ndarray:
    """A wooden hanger as a cut-out; its bar is where a garment's shoulders go."""
    w = width
    bar = [(CX, 150), (CX + 18, 152), (CX + w * 0.6, 174), (CX + w, 196), (CX + w - 6, 208), (CX + w * 0.5, 190),
        (CX, 178)]
    bar += mirror(bar[1:-1])[::-1]
    hook = f'<path d="M{CX} 156V116C{CX} 98 {CX + 26} 100 {CX + 24} 80C{CX + 22} 60 {CX - 12} 58 {CX - 14} 78" fill="none" stroke="#6e7278" stroke-width="6" stroke-linecap="round"/><path d="M{CX - 1} 156V116C{CX - 1} 98 {CX + 25} 100 {CX + 23} 80C{CX + 21} 60 {CX - 13} 58 {CX - 15} 78" fill="none" stroke="#c3c6ca" stroke-width="2.4" stroke-linecap="round"/>'
    return cut_out(Drawing([Part(curve(bar), "#b98a58", "plastic", over=hook, over_free=True, roll=6, swell=12)]), 1, S)


# --- the figure ----------------------------------------------------------------------------------------------------------


def _figure(rng_seed: int, colour: str = "#cbb6a2") -> np.ndarray:
    """A faceless dress dummy in the canvas frame: crown at y = 22, shoulders 132, hips 306, soles 618."""
    limbs = []
    for side in (1, -1):
        def p(x, y, side=side):
            return (CX + side * x, y)

        limbs.append([p(38, 132), p(56, 146), p(66, 210), p(72, 250), p(79, 322), p(84, 352), p(76, 372), p(69, 350),
            p(66, 322), p(56, 252), p(46, 200)])
        limbs.append([p(46, 300), p(48, 350), p(42, 440), p(43, 480), p(34, 560), p(35, 596), p(44, 612), p(20, 614),
            p(20, 560), p(16, 470), p(6, 400), p(2, 320)])
    torso = [(CX, 128), (CX + 36, 132), (CX + 50, 142), (CX + 47, 200), (CX + 38, 244), (CX + 46, 292), (CX + 46, 322),
        (CX, 330)]
    torso += mirror(torso[1:-1])[::-1]
    neck = [(CX - 13, 92), (CX + 13, 92), (CX + 14, 122), (CX + 36, 134), (CX, 146), (CX - 36, 134), (CX - 14, 122)]
    head = ellipse(CX, 66, 27, 40)
    shell = " ".join(curve(x) for x in (*limbs, torso, neck, head))
    parts = [Part(curve(x), colour, "suede", body=shell, roll=6, swell=20, shadow=0.1, wrinkle=0)
        for x in (*limbs, torso, neck)]
    parts.append(Part(curve(head), colour, "suede", roll=10, swell=34, shadow=0.25, wrinkle=0))
    return cut_out(Drawing(parts), rng_seed, S)


@dataclass(frozen=True)
class Fit:
    """Where a cut-out sits on the figure: centre x, top y and scale, in the figure's canvas px."""

    top: float
    sx: float
    sy: float


def _dressed(scene: Scene, foot: tuple[float, float], k: float, wear: list[tuple[np.ndarray, Fit, dict]],
    shoe: tuple[np.ndarray, dict] | None) -> None:
    """A dressed figure whose soles stand at `foot` (px of the scene); k is scene px per canvas px; what hangs
    on a hanger is wider than what is worn, so the figure is broadened to meet its clothes."""
    kx = 1.2 * k
    dummy = _figure(5)
    alpha = dummy[..., 3] > 0.15
    rows, cols = np.where(alpha)
    top, left = rows.min() / S, cols.min() / S
    bottom, right = rows.max() / S, cols.max() / S
    centre = (foot[0] + ((left + right) / 2 - CX) * kx, foot[1] - 618 * k + (top + bottom) / 2 * k)
    scene.put(dummy, centre, (kx / S, k / S), shadow=(34.0, 10.0, 0.20))
    if shoe:
        cut, truth = shoe
        rows, cols = np.where(cut[..., 3] > 0.15)
        width, height = (cols.max() - cols.min()) / S, (rows.max() - rows.min()) / S
        sx, sy = 58 / width, 30 / height
        for side in (-1, 1):
            at = (foot[0] + side * 40 * kx, foot[1] - 12 * k)
            scene.put(cut, at, (sx * k / S, sy * k / S), flip=side == 1, shadow=(8.0, 4.0, 0.45),
                label=truth if side == -1 else None, join=side == 1)
    for cut, fit, truth in wear:
        rows, cols = np.where(cut[..., 3] > 0.15)
        height = (rows.max() - rows.min()) / S
        middle = (cols.min() + cols.max()) / 2 / S
        at = (foot[0] + (middle - CX) * fit.sx * kx, foot[1] + (fit.top + height * fit.sy / 2 - 618) * k)
        scene.put(cut, at, (fit.sx * kx / S, fit.sy * k / S), shadow=(6.0, 5.0, 0.25), label=truth)


def _worn(product: Product, behind: int) -> np.ndarray:
    """Without its first `behind` parts (the inside of a back, a lining), so that the neck or a shirt shows instead."""
    return cut_out(Drawing(product.draw().parts[behind:]), product.seed, S)


def _one_shoe(product: Product) -> np.ndarray:
    drawing = product.draw()
    half = len(drawing.parts) // 2
    return cut_out(Drawing(drawing.parts[half:], ground=drawing.ground), product.seed, S)


# --- the scenes ----------------------------------------------------------------------------------------------------------

H, W = 1000, 750


def _single(background: np.ndarray, rng, product: Product, k: float, degrees: float, tilt=0.035, **more):
    scene = Scene(background)
    h, w = background.shape[:2]
    scene.put(_cut(product), (w * 0.5, h * 0.51), (k / S, k / S), degrees, label=label(product))
    return _develop(scene, rng, tilt=tilt, **more)


def bed_tshirt(rng):
    return _single(bed(H, W, rng), rng, _find("Tshirts", "Men", ("Navy Blue", "Red", "Green", "Blue"), "Striped"), 1.5,
        -9)


def floor_jeans(rng):
    return _single(wood(H, W, rng), rng, _find("Jeans", "Men", ("Blue",)), 1.42, 7, warm=0.04)


def bed_dress(rng):
    return _single(bed(H, W, rng, "#b9c2c6"), rng, _find("Dresses", "Women", ("Red", "Pink", "Yellow", "Green"),
        "Floral"), 1.5, 12)


def hanger_shirt(rng):
    scene = Scene(plaster(H, W, rng, "#c6c9c0"))
    product = _find("Shirts", "Men", ("Blue", "White", "Red", "Green"), "Checked")
    scene.put(_hanger(), (W / 2, 232), (1.55 / S, 1.55 / S), shadow=(14.0, 18.0, 0.3))
    scene.put(_cut(product), (W / 2, 560), (1.5 / S, 1.5 / S), 0.8, shadow=(18.0, 22.0, 0.32), label=label(product))
    return _develop(scene, rng, tilt=0.0, side=0.012, light=window_light(H, W, 0.05, 0.22, 0.55))


def hanger_blazer(rng):
    """A blazer that the catalogue does not carry."""
    scene = Scene(plaster(H, W, rng, "#a8b1b6"))
    cloth = Cloth("#7a4f3a", "corduroy")
    cut = cut_out(tops.blazer(cloth, random.Random(991), "Women", buttons=1), 77, S)
    scene.put(_hanger(), (W / 2, 246), (1.5 / S, 1.5 / S), shadow=(16.0, 18.0, 0.3))
    scene.put(cut, (W / 2, 560), (1.48 / S, 1.48 / S), -0.6, shadow=(20.0, 22.0, 0.34),
        label=label(None, "outerwear", "Blazers", "Brown"))
    return _develop(scene, rng, tilt=0.0, side=-0.012, warm=0.03)


def flatlay_men(rng):
    h, w = 800, 1000
    scene = Scene(wood(h, w, rng, "#c3a079", plank=150))
    shirt, trousers = _find("Shirts", "Men", ("White", "Pink", "Blue", "Lavender")), _find("Trousers", "Men",
        ("Khaki", "Navy Blue", "Beige"), "Chino")
    shoe, belt, watch = _find("Formal Shoes", "Men", ("Brown", "Tan")), _find("Belts", "Men",
        ("Brown", "Tan")), _find("Watches", "Men", ("Brown", "Black", "Tan", "Navy Blue"))
    scene.put(_cut(shirt), (285, 330), (1.08 / S, 1.08 / S), 5, label=label(shirt))
    scene.put(_cut(trousers), (632, 410), (1.16 / S, 1.16 / S), -6, label=label(trousers))
    scene.put(_cut(shoe), (822, 650), (0.62 / S, 0.62 / S), 8, label=label(shoe), shadow=(5.0, 8.0, 0.42))
    scene.put(_cut(belt), (850, 150), (0.5 / S, 0.5 / S), -12, label=label(belt), shadow=(5.0, 7.0, 0.4))
    scene.put(_cut(watch), (850, 390), (0.34 / S, 0.34 / S), 24, label=label(watch), shadow=(4.0, 5.0, 0.4))
    return _develop(scene, rng, tilt=0.02, warm=0.03)


def flatlay_women(rng):
    """The skirt is in the catalogue, the cardigan is not."""
    h, w = 800, 1000
    scene = Scene(bed(h, w, rng, "#ded6c8"))
    skirt, heels, bag = _find("Skirts", "Women", ("Black", "Navy Blue", "Grey", "Teal", "Maroon")), _find("Heels",
        "Women", ("Nude", "Black", "Red", "Beige")), _find("Handbags", "Women", ("Tan", "Brown", "Black"), "Satchel")
    cardigan = cut_out(tops.cardigan(Cloth("#b9838f", "knit"), random.Random(412), "Women"), 12, S)
    scene.put(_cut(skirt), (690, 330), (1.16 / S, 1.16 / S), -8, label=label(skirt))
    scene.put(cardigan, (290, 350), (1.12 / S, 1.12 / S), 6, label=label(None, "top", "Sweaters", "Rose"))
    scene.put(_cut(heels), (470, 690), (0.62 / S, 0.62 / S), 4, label=label(heels), shadow=(5.0, 8.0, 0.42))
    scene.put(_cut(bag), (835, 640), (0.62 / S, 0.62 / S), -5, label=label(bag), shadow=(8.0, 10.0, 0.42))
    return _develop(scene, rng, tilt=0.02)


def flatlay_sport(rng):
    h, w = 800, 1000
    scene = Scene(concrete(h, w, rng))
    hoodie, pants, shoe, pack = _find("Sweatshirts", "Men",
        ("Grey Melange", "Red", "Black", "Navy Blue", "Mustard")), _find("Track Pants", "Men",
        ("Black", "Navy Blue")), _find("Sports Shoes", "Men", ("White", "Grey", "Blue", "Red")), _find("Backpacks",
        "Unisex", ("Red", "Mustard", "Blue", "Teal"))
    scene.put(_cut(hoodie), (290, 380), (1.16 / S, 1.16 / S), -4, label=label(hoodie))
    scene.put(_cut(pants), (620, 400), (1.14 / S, 1.14 / S), 5, label=label(pants))
    scene.put(_cut(shoe), (835, 650), (0.60 / S, 0.60 / S), -6, label=label(shoe), shadow=(5.0, 8.0, 0.42))
    scene.put(_cut(pack), (845, 290), (0.58 / S, 0.58 / S), 7, label=label(pack), shadow=(8.0, 10.0, 0.42))
    return _develop(scene, rng, tilt=0.02, warm=-0.01)


def flatlay_girls(rng):
    h, w = 800, 1000
    scene = Scene(rug(h, w, rng, "#8d97a8", "#e6ded0"))
    dress, shoe = _find("Dresses", "Girls", ("Pink", "Yellow", "Lavender", "White", "Peach", "Red")), _find("Flats",
        "Girls", ("Pink", "White", "Lavender", "Peach", "Red", "Yellow"))
    scene.put(_cut(dress), (380, 400), (1.3 / S, 1.3 / S), -6, label=label(dress))
    scene.put(_cut(shoe), (800, 560), (0.8 / S, 0.8 / S), 9, label=label(shoe), shadow=(5.0, 8.0, 0.42))
    return _develop(scene, rng, tilt=0.025)


def worn_man(rng):
    scene = Scene(room(H, W, rng, "#bfc6c4", "#94704f", 0.86))
    jacket, jeans, shoe = _find("Jackets", "Men", ("Olive", "Maroon", "Brown", "Black", "Navy Blue"),
        "Bomber"), _find("Jeans", "Men", ("Navy Blue", "Blue", "Black"), "Slim"), _find("Casual Shoes", "Men",
        ("White", "Grey", "Red", "Black"), "Sneakers")
    wear = [(_cut(jeans), Fit(240, 0.57, 0.655), label(jeans)), (_cut(jacket), Fit(114, 0.455, 0.52), label(jacket))]
    _dressed(scene, (W * 0.5, H * 0.95), 1.45, wear, (_one_shoe(shoe), label(shoe)))
    return _develop(scene, rng, tilt=0.0, light=window_light(H, W, -0.1, 0.25, 0.6))


def worn_woman(rng):
    scene = Scene(room(H, W, rng, "#d6c9bd", "#7b6a5a", 0.87))
    top, skirt, shoe = _find("Tops", "Women", ("White", "Cream", "Peach", "Yellow", "Black")), _find("Skirts", "Women",
        ("Green", "Mustard", "Red", "Teal", "Purple")), _find("Flats", "Women", ("Black", "Tan", "Red", "Gold"))
    wear = [(_worn(top, 1), Fit(118, 0.455, 0.45), label(top)), (_cut(skirt), Fit(236, 0.56, 0.56), label(skirt))]
    _dressed(scene, (W * 0.5, H * 0.95), 1.45, wear, (_one_shoe(shoe), label(shoe)))
    return _develop(scene, rng, tilt=0.0, warm=0.03)


def worn_formal(rng):
    """A shirt under an open blazer: of the shirt, little shows."""
    scene = Scene(room(H, W, rng, "#9aa4ad", "#6d5644", 0.86))
    blazer, trousers, shoe = _find("Blazers", "Men", ("Navy Blue", "Grey", "Charcoal", "Black",
        "Blue")), _find("Trousers", "Men", ("Grey", "Charcoal", "Black", "Beige"), "Formal"), _find("Formal Shoes",
        "Men", ("Black", "Coffee Brown"))
    shirt = _find("Shirts", "Men", ("White", "Pink", "Lavender"))
    wear = [(_cut(trousers), Fit(238, 0.57, 0.66), label(trousers)), (_cut(shirt), Fit(106, 0.325, 0.40), label(shirt)),
        (_worn(blazer, 2), Fit(112, 0.45, 0.49), label(blazer))]
    _dressed(scene, (W * 0.5, H * 0.95), 1.45, wear, (_one_shoe(shoe), label(shoe)))
    return _develop(scene, rng, tilt=0.0, warm=-0.01)


def floor_bag(rng):
    h, w = 800, 1000
    scene = Scene(room(h, w, rng, "#cdbfae", "#6f4f38", 0.70))
    bag = _find("Handbags", "Women", ("Red", "Teal", "Mustard", "Black", "Navy Blue"))
    scene.put(_cut(bag), (w * 0.48, h * 0.52), (1.25 / S, 1.25 / S), 0, label=label(bag), shadow=(40.0, 10.0, 0.34))
    return _develop(scene, rng, tilt=0.0, light=window_light(h, w, 0.1, 0.3, 0.5))


def floor_sneakers(rng):
    h, w = 750, 1000
    scene = Scene(rug(h, w, rng))
    shoe = _find("Casual Shoes", "Unisex", ("Red", "White", "Blue", "Navy Blue", "Black", "Brown", "Olive", "Green",
        "Grey", "Beige"))
    scene.put(_cut(shoe), (w * 0.5, h * 0.5), (1.7 / S, 1.7 / S), -3, label=label(shoe), shadow=(16.0, 16.0, 0.42))
    return _develop(scene, rng, tilt=0.04)


def empty_room(rng):
    """Nothing to wear: a wall, a floor, a table with a vase."""
    h, w = 800, 1000
    scene = Scene(room(h, w, rng, "#c4ccca", "#9b7a58", 0.74))
    top = Part("M60 380 L420 380 L420 398 L60 398 Z", "#8a623f", "canvas", roll=3, swell=8)
    legs = [Part(f"M{x} 398 L{x + 16} 398 L{x + 13} 560 L{x + 3} 560 Z", "#7a5535", "canvas", roll=3, swell=8)
        for x in (76, 388)]
    vase = Part(curve([(216, 300), (264, 300), (258, 316), (282, 350), (270, 378), (210, 378), (198, 350), (222, 316)]),
        "#d9dfe0", "plastic", roll=8, swell=30)
    twigs = Part(curve(ellipse(240, 306, 20, 5)), "#5c6b58", "canvas",
        over="".join(f'<path d="M240 304Q{240 + dx * 0.3} 250 {240 + dx} {200 + abs(dx) * 0.5}" stroke="#6d5b45" stroke-width="2.6" fill="none"/><ellipse cx="{240 + dx}" cy="{198 + abs(dx) * 0.5}" rx="7" ry="13" fill="#7b9470"/><ellipse cx="{240 + dx * 0.7}" cy="{232 + abs(dx) * 0.3}" rx="6" ry="11" fill="#8aa27c"/>'
        for dx in (-52, -24, 4, 30, 56)), over_free=True)
    cut = cut_out(Drawing([*legs, top, twigs, vase]), 3, S)
    scene.put(cut, (w * 0.5, h * 0.60), (1.3 / S, 1.3 / S), shadow=(30.0, 6.0, 0.22))
    return _develop(scene, rng, tilt=0.0, light=window_light(h, w, 0.0, 0.35, 0.5))


SCENES = (
    bed_tshirt, floor_jeans, bed_dress, hanger_shirt, hanger_blazer, flatlay_men, flatlay_women, flatlay_sport,
    flatlay_girls, worn_man, worn_woman, worn_formal, floor_bag, floor_sneakers, empty_room,
)  # fmt: skip


def write_photos(folder: Path = DEMO_DIR / "photos") -> int:
    """Writes the photos and photos.json; returns how many."""
    folder.mkdir(parents=True, exist_ok=True)
    known = {kind: slot for kind, (_, _, slot, _) in KINDS.items()}
    truth = []
    for k, scene in enumerate(SCENES):
        image, garments = scene(np.random.default_rng(700 + k))
        name = f"{scene.__name__}.jpg"
        image.save(folder / name, "JPEG", quality=80, optimize=True, progressive=True)
        for garment in garments:
            if known[garment["category"]] != garment["slot"]:
                raise ValueError(f"{name}: {garment['category']} is not a {garment['slot']}")
        truth.append({"file": name, "width": image.width, "height": image.height, "garments": garments})
    (folder / "photos.json").write_text(json.dumps(truth, indent=1) + "\n", encoding="utf-8")
    return len(truth)
