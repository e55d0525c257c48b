"""Which items the demo shop carries: rows of the feed and how to draw each. Every choice comes from the item's seed."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from data.demo.draw import patterns
from data.demo.draw.colours import PARTNERS, SHADES
from data.demo.draw.paint import Drawing
from data.demo.draw.plan import BRAND_PRICE, BRANDS, FIRST_ID, KINDS, PLAN
from data.demo.draw.recipes import LIVELY, MAKERS, PASTEL, Choice, Made


@dataclass(frozen=True)
class Product:
    """One row of the feed and how to draw it: `draw()` the front, `draw_back()` the back where there is one."""

    row: dict[str, str]
    seed: int
    slot: str
    draw: Callable[[], Drawing]
    draw_back: Callable[[], Drawing] | None = None


SIZES = {"Boys": 0.62, "Girls": 0.62}


def _price(kind: str, brand: str, who: str, usage: str, r: random.Random) -> float:
    middle = KINDS[kind][3] * BRAND_PRICE[brand] * SIZES.get(who, 1.0) * {"Formal": 1.15, "Party": 1.2}.get(usage, 1.0)
    value = middle * min(max(r.lognormvariate(0, 0.28), 0.5), 2.2)
    step = 1 if value < 40 else 5 if value < 150 else 10
    return max(round(value / step) * step, 4) - r.choice([0.01, 0.05, 0.1, 0.0])


def _stock(r: random.Random) -> int:
    return 0 if r.random() < 0.08 else min(1 + int(r.expovariate(1 / 22)), 140)


def products() -> list[Product]:
    """The whole catalogue, in a fixed order that mixes genders and kinds as a shop's feed does."""
    made: list[tuple[Choice, str, Made, str]] = []
    for who, kinds in PLAN.items():
        for kind, count in kinds.items():
            maker, palette = MAKERS[kind]
            if who == "Girls" and kind not in ("Jeans",):
                palette = PASTEL
            elif who == "Boys" and kind not in ("Jeans", "Trousers"):
                palette = LIVELY
            offset = {"Men": 0, "Women": 3, "Boys": 1, "Girls": 0, "Unisex": 5}[who]
            seen: set[tuple] = set()
            for k in range(count):
                for attempt in range(40):
                    r = random.Random(f"{kind}|{who}|{k}|{attempt}")
                    colour = palette[(k + offset + attempt) % len(palette)]
                    names = list(PARTNERS.get(colour, ("White", "Black")))
                    r.shuffle(names)
                    inks = tuple(r.choice(SHADES[n]) for n in names)
                    c = Choice(r, who, k + offset, colour, r.choice(SHADES[colour]), inks=inks,
                        season=r.choices(["Summer", "Fall", "Winter", "Spring"], [50, 24, 14, 12])[0])
                    result = maker(c)
                    look = (result[0], c.colour, c.pattern)
                    if look not in seen:
                        break
                seen.add(look)
                made.append((c, kind, result, f"{kind}|{who}|{k}"))
    random.Random(20).shuffle(made)
    return [_product(i, *m) for i, m in enumerate(made)]


def _product(i: int, c: Choice, kind: str, result: Made, key: str) -> Product:
    noun, draw, back = result
    r = random.Random("feed|" + key)
    brand = BRANDS[r.randrange(len(BRANDS))]
    master, sub, slot, _ = KINDS[kind]
    word = patterns.word(c.pattern)
    if c.pattern is None and (r.random() < 0.6 or KINDS[kind][2] in ("shoes", "bag", "accessory")):
        word = ""
    if word == "Printed" and noun.startswith("Printed"):
        word = ""
    name = " ".join(w for w in (brand, c.who, word, c.colour, noun) if w)
    sku = FIRST_ID + i
    row = {
        "id": str(sku), "gender": c.who, "masterCategory": master, "subCategory": sub, "articleType": kind,
        "baseColour": c.colour, "season": c.season, "year": str(r.choice([2021, 2022, 2022, 2023, 2023, 2024, 2024,
            2025])),
        "usage": c.usage, "productDisplayName": name, "price": f"{_price(kind, brand, c.who, c.usage, r):.2f}",
        "currency": "USD", "stock": str(_stock(r)), "url": f"https://shop.example/items/{sku}",
    }  # fmt: skip
    seed = random.Random("draw|" + key).randrange(2**31)
    return Product(row, seed, slot, lambda: draw(random.Random(seed)),
        (lambda: back(random.Random(seed))) if back else None)
