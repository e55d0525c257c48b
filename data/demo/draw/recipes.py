"""How an item of each kind is made up: cut, cloth, pattern, what the shop calls it. One function a kind."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from data.demo.draw import accessories, bags, bottoms, dresses, patterns, shoes, tops, torso
from data.demo.draw.cloth import Cloth
from data.demo.draw.colours import SHADES, darker, luma, mix
from data.demo.draw.paint import Drawing
from data.demo.draw.plan import CLOTHES, DENIM, LEATHER, METALS


@dataclass
class Choice:
    """What is decided while an item is made up."""

    r: random.Random
    who: str
    k: int
    colour: str
    shade: str
    pattern: str | None = None
    inks: tuple[str, ...] = ()
    usage: str = "Casual"
    season: str = "Summer"

    def cloth(self, fabric: str, **more) -> Cloth:
        drawn = patterns.make(self.pattern, self.shade, list(self.inks),
            random.Random(self.r.random())) if self.pattern else None
        return Cloth(self.shade, fabric, drawn, inks=self.inks, **more)

    def pick(self, *options):
        """Options in turn, so that neighbours differ."""
        return options[self.k % len(options)]

    def partner(self, n: int = 0) -> str:
        return self.inks[n % len(self.inks)]


def _pattern(c: Choice, chance: float, *names: str) -> None:
    if c.r.random() < chance:
        c.pattern = names[(c.k + c.r.randrange(2)) % len(names)]


Made = tuple[str, Callable[[random.Random], Drawing], Callable[[random.Random], Drawing] | None]


# Each maker returns (noun for the name, draw, draw the back or None) and may set usage, season, pattern.


def _tshirts(c: Choice) -> Made:
    child = c.who in ("Boys", "Girls")
    style = c.pick("crew", "polo", "print", "v", "crew", "print", "henley", "polo", "raglan", "long", "pocket", "block")
    if c.who in ("Women", "Girls") and style in ("henley", "polo") and c.k % 3:
        style = "v"
    if style in ("crew", "long", "pocket", "v", "polo"):
        _pattern(c, 0.5, "stripes", "multi stripes", "dots" if c.who != "Men" else "stripes", "tie dye",
            "stars" if child else "stripes", "camouflage" if c.who in ("Men", "Boys") else "floral")
    c.usage = "Sports" if style in ("raglan", "block") and c.r.random() < 0.6 else "Casual"
    trim = c.partner() if c.r.random() < 0.4 or style == "raglan" else ""
    cloth = c.cloth("pique" if style == "polo" else "melange" if c.colour == "Grey Melange" else "jersey", trim=trim)
    sleeve = "long" if style == "long" else "short" if c.who != "Women" else c.pick("short", "cap")
    extra = style if style in ("polo", "henley") else None
    art = c.r.choice(patterns.CHILD_PRINTS if child else patterns.CHEST_PRINTS) if style == "print" else None
    block = c.partner(1) if style in ("raglan", "block") else None
    ease = 0 if c.who != "Women" else c.r.choice([0, 0, 14])
    noun = {"polo": "Polo Tshirt", "henley": "Henley Tshirt", "v": "V Neck Tshirt", "print": "Printed Tshirt",
        "raglan": "Raglan Tshirt", "long": "Full Sleeve Tshirt", "block": "Colourblock Tshirt"}.get(style, "Tshirt")

    def front(r):
        return tops.plain_top(cloth, r, c.who, neck="v" if style == "v" else "crew", sleeve=sleeve,
            trim="contrast" if trim and style != "raglan" else "rib", ease=ease, print_=art, extra=extra,
            raglan=style == "raglan", block=block, pocket_=style == "pocket")

    def back(r):
        return tops.plain_top(cloth, r, c.who, neck="high", sleeve=sleeve,
            trim="contrast" if trim and style != "raglan" else "bound", ease=ease, raglan=style == "raglan",
            block=block)

    return noun, front, None if extra else back


def _shirts(c: Choice) -> Made:
    style = c.pick("formal", "casual", "casual", "formal", "linen", "denim", "short", "casual", "formal", "short")
    if style == "formal":
        c.usage = "Formal"
        _pattern(c, 0.45, "pin stripes", "windowpane", "gingham")
    elif style == "denim":
        c.colour = c.r.choice(["Blue", "Blue", "Navy Blue"])
        c.shade = c.r.choice(DENIM[c.colour])
    elif style == "short":
        _pattern(c, 0.75, "foliage", "ditsy", "gingham", "floral", "geometric", "stripes")
    elif style == "casual":
        _pattern(c, 0.75, "tartan", "gingham", "windowpane", "pin stripes", "houndstooth", "brush")
        c.usage = "Smart Casual" if c.r.random() < 0.2 else "Casual"
    cloth = c.cloth({"linen": "linen", "denim": "denim"}.get(style, "poplin"), metal="#b9bdc2")
    collar = "band" if style == "linen" and c.k % 2 else "shirt"
    pockets = 0 if style == "formal" and c.r.random() < 0.4 else 2 if style == "denim" or (c.pattern == "tartan") else 1
    noun = {"formal": "Formal Shirt", "linen": "Linen Shirt", "denim": "Denim Shirt",
        "short": "Half Sleeve Shirt"}.get(style, "Casual Shirt")
    sleeve = "short" if style == "short" else "long"

    def front(r):
        return tops.shirt(cloth, r, c.who, sleeve=sleeve, collar=collar, pockets=pockets, flap=pockets == 2,
            hem="straight" if style == "short" else "shirttail", length=-14 if style == "short" else 0)

    return noun, front, None


def _tops(c: Choice) -> Made:
    neck = c.pick("scoop", "v", "square", "boat", "scoop", "v", "crew")
    sleeve = c.pick("cap", "flutter", "puff", "none", "long", "bishop", "elbow", "bell", "none", "short")
    _pattern(c, 0.5, "floral", "ditsy", "dots", "foliage", "stripes", "brush", "paisley", "leopard", "geometric")
    if c.who == "Women" and c.k % 9 == 4:
        c.usage = "Party"
    fabric = "satin" if c.usage == "Party" else c.pick("chiffon", "jersey", "poplin", "silk", "linen")
    cloth = c.cloth(fabric)
    hem = c.pick("straight", "peplum", "straight", "straight")
    noun = {"none": "Sleeveless Top", "puff": "Puff Sleeve Top", "flutter": "Flutter Sleeve Top",
        "bell": "Bell Sleeve Top", "bishop": "Blouse"}.get(sleeve, "Peplum Top" if hem == "peplum" else "Top")

    def front(r):
        return tops.plain_top(cloth, r, c.who, neck=neck, sleeve=sleeve, hem=hem, trim="bound", length=c.k % 3 * 8 - 14,
            strength=1.2)

    return noun, front, None


def _sweaters(c: Choice) -> Made:
    c.season = c.r.choice(["Winter", "Winter", "Fall"])
    style = c.pick("cable", "crew", "roll", "v", "cardigan", "fair isle", "crew")
    if style == "fair isle":
        c.pattern = "fair isle"
    elif style in ("crew", "v"):
        _pattern(c, 0.5, "multi stripes", "argyle", "stripes")
    cloth = c.cloth({"cable": "cable", "roll": "rib"}.get(style, "knit"))
    noun = {"cable": "Cable Knit Sweater", "roll": "Turtle Neck Sweater", "v": "V Neck Sweater",
        "cardigan": "Cardigan"}.get(style, "Sweater")
    if style == "cardigan":
        return noun, lambda r: tops.cardigan(cloth, r, c.who), None

    def front(r):
        return tops.plain_top(cloth, r, c.who, neck="v" if style == "v" else "crew", sleeve="long", hem="rib",
            extra="roll" if style == "roll" else None)

    def back(r):
        return tops.plain_top(cloth, r, c.who, neck="high", sleeve="long", hem="rib", extra=None, trim="rib")

    return noun, front, back if style != "roll" else None


def _sweatshirts(c: Choice) -> Made:
    c.season = c.r.choice(["Winter", "Fall", "Fall"])
    style = c.pick("hood", "crew", "print", "hood", "block")
    c.usage = "Sports" if c.r.random() < 0.3 else "Casual"
    cloth = c.cloth("melange" if c.colour.startswith("Grey") else "fleece")
    art = c.r.choice(patterns.CHEST_PRINTS) if style == "print" else None
    block = c.partner() if style == "block" else None

    def front(r):
        return tops.plain_top(cloth, r, c.who, sleeve="long", hem="rib", extra="hood" if style == "hood" else None,
            print_=art, block=block, ease=5)

    return {"hood": "Hooded Sweatshirt", "print": "Printed Sweatshirt"}.get(style, "Sweatshirt"), front, None


def _kurtas(c: Choice) -> Made:
    c.usage = "Ethnic"
    women = c.who == "Women"
    _pattern(c, 0.7 if women else 0.3, "block print", "paisley", "ditsy", "geometric")
    border = SHADES["Gold"][0] if c.r.random() < 0.35 else c.partner() if women and c.r.random() < 0.6 else None
    if border and abs(luma(border) - luma(c.shade)) < 0.08:
        border = SHADES["Gold"][0]
    cloth = c.cloth(c.pick("linen", "silk", "poplin"), metal="#c9a24d")
    collar = c.pick("band", "v") if women else "band"

    def front(r):
        return tops.kurta(cloth, r, c.who, sleeve=c.pick("elbow", "long", "long") if women else "long", border=border,
            collar=collar)

    return "Kurta", front, None


def _tunics(c: Choice) -> Made:
    c.usage = "Ethnic" if c.k % 2 else "Casual"
    _pattern(c, 0.8, "ditsy", "paisley", "foliage", "dots", "geometric")
    cloth = c.cloth("chiffon")

    def front(r):
        t = torso.vary(torso.WOMEN.grown(neck_y=74, shoulder_y=98, armpit_y=204, waist_y=320, hem_y=552, hem=132), r)
        return tops.plain_top(cloth, r, c.who, neck=c.pick("v", "boat", "scoop"),
            sleeve=c.pick("elbow", "bell", "short"), hem="shirttail", trim="bound", torso=t, strength=1.2)

    return "Tunic", front, None


def _jackets(c: Choice) -> Made:
    c.season = c.r.choice(["Winter", "Fall", "Winter"])
    style = c.pick("bomber", "trucker", "puffer", "biker", "parka", "windcheater", "track")
    fabric = {"bomber": "satin", "trucker": "denim", "puffer": "quilt", "biker": "leather", "parka": "twill",
        "windcheater": "nylon", "track": "fleece"}[style]
    if style == "trucker":
        c.colour = c.r.choice(["Blue", "Blue", "Black", "Navy Blue"])
        c.shade = c.r.choice(DENIM[c.colour])
    elif style == "biker":
        c.colour = c.r.choice(["Black", "Brown", "Coffee Brown", "Burgundy", "Tan"])
        c.shade = c.r.choice(SHADES[c.colour])
    c.usage = "Sports" if style in ("track", "windcheater") else "Casual"
    stitch = "#c99a55" if style == "trucker" else ""
    cloth = c.cloth(fabric, trim=c.partner() if style in ("track", "windcheater", "bomber") and c.k % 2 else "",
        stitch=stitch)
    noun = {"bomber": "Bomber Jacket", "trucker": "Denim Jacket", "puffer": "Padded Jacket",
        "biker": "Leather Biker Jacket", "parka": "Hooded Parka Jacket", "windcheater": "Windcheater Jacket",
        "track": "Track Jacket"}[style]
    return noun, lambda r: tops.jacket(cloth, r, c.who, style=style), None


def _blazers(c: Choice) -> Made:
    c.usage = c.pick("Formal", "Formal", "Smart Casual")
    c.season = c.r.choice(["Winter", "Fall", "Summer"])
    _pattern(c, 0.5, "windowpane", "glen", "houndstooth", "chalk stripes")
    cloth = c.cloth(c.pick("suiting", "wool", "linen", "suiting", "corduroy" if c.pattern is None else "wool"))
    double = c.k % 4 == 2
    return ("Double Breasted Blazer" if double else "Blazer"), lambda r: tops.blazer(cloth, r, c.who, double=double,
        buttons=1 + (c.k % 3 != 0)), None


def _waistcoats(c: Choice) -> Made:
    c.usage = c.pick("Formal", "Formal", "Party")
    _pattern(c, 0.5, "glen", "chalk stripes", "windowpane")
    cloth = c.cloth(c.pick("suiting", "wool", "satin"))
    return "Waistcoat", lambda r: tops.blazer(cloth, r, c.who, sleeveless=True), None


def _jeans(c: Choice) -> Made:
    c.colour = c.pick("Blue", "Navy Blue", "Blue", "Black", "Blue", "Grey", "Navy Blue", "Blue", "White")
    c.shade = c.r.choice(DENIM[c.colour])
    c.season = c.r.choice(["Fall", "Summer", "Winter"])
    fit = c.pick("straight", "slim", "skinny", "tapered") if c.who in ("Men", "Boys") else c.pick("skinny", "straight",
        "flared", "wide", "slim")
    cloth = c.cloth("denim", stitch="#c99a55" if c.colour in ("Blue", "Navy Blue") else "")
    word = {"straight": "Straight Fit", "slim": "Slim Fit", "skinny": "Skinny Fit", "tapered": "Tapered Fit",
        "flared": "Flared", "wide": "Wide Leg"}[fit]
    return f"{word} Jeans", lambda r: bottoms.trousers(cloth, r, c.who, fit=fit, kind="jeans"), None


def _trousers(c: Choice) -> Made:
    women = c.who in ("Women", "Girls")
    kind = c.pick("formal", "chinos", "formal", "chinos", "cargo" if not women else "formal")
    c.usage = {"formal": "Formal", "chinos": c.r.choice(["Casual", "Smart Casual"])}.get(kind, "Casual")
    if kind == "formal":
        _pattern(c, 0.35, "chalk stripes", "glen", "windowpane")
    fit = c.pick("slim", "wide", "tapered", "flared", "straight") if women else c.pick("straight", "slim", "tapered",
        "slim")
    cloth = c.cloth({"formal": "suiting", "cargo": "twill"}.get(kind, c.pick("twill", "corduroy", "linen")))
    return {"formal": "Formal Trousers", "cargo": "Cargo Trousers"}.get(kind,
        "Chino Trousers"), lambda r: bottoms.trousers(cloth, r, c.who, fit=fit, kind=kind), None


def _shorts(c: Choice) -> Made:
    kind = c.pick("chinos", "jeans", "cargo", "drawstring", "track")
    if kind == "jeans":
        c.colour = "Blue"
        c.shade = c.r.choice(DENIM["Blue"])
    elif kind in ("drawstring", "chinos"):
        _pattern(c, 0.4, "foliage", "stripes", "gingham")
    c.usage = "Sports" if kind == "track" else "Casual"
    fabric = {"jeans": "denim", "drawstring": "jersey", "track": "nylon"}.get(kind, "twill")
    cloth = c.cloth(fabric, stitch="#c99a55" if kind == "jeans" else "")
    fit = "short shorts" if c.who == "Women" else "shorts"
    return {"jeans": "Denim Shorts", "cargo": "Cargo Shorts", "track": "Running Shorts"}.get(kind,
        "Shorts"), lambda r: bottoms.trousers(cloth, r, c.who, fit=fit, kind=kind), None


def _track_pants(c: Choice) -> Made:
    c.usage = "Sports"
    cloth = c.cloth(c.pick("fleece", "nylon", "jersey"), trim=c.partner())
    return "Track Pants", lambda r: bottoms.trousers(cloth, r, c.who, fit=c.pick("jogger", "tapered", "straight"),
        kind="track"), None


def _skirts(c: Choice) -> Made:
    cut = c.pick("aline", "pleated", "pencil", "circle", "denim", "maxi", "tiered")
    if c.who == "Girls":
        cut = c.pick("aline", "tiered", "circle", "pleated")
    if cut == "denim":
        c.colour = "Blue"
        c.shade = c.r.choice(DENIM["Blue"])
    elif cut == "pencil":
        c.usage = "Formal"
        _pattern(c, 0.3, "glen", "houndstooth")
    else:
        _pattern(c, 0.5, "floral", "gingham", "dots", "ditsy", "tartan", "foliage")
    fabric = {"pencil": "suiting", "denim": "denim", "pleated": "satin", "maxi": "chiffon"}.get(cut,
        c.pick("poplin", "jersey", "corduroy" if not c.pattern else "poplin"))
    cloth = c.cloth(fabric, stitch="#c99a55" if cut == "denim" else "")
    noun = {"aline": "A Line Skirt", "pleated": "Pleated Skirt", "pencil": "Pencil Skirt", "circle": "Flared Skirt",
        "denim": "Denim Skirt", "maxi": "Maxi Skirt", "tiered": "Tiered Skirt"}[cut]
    return noun, lambda r: bottoms.skirt(cloth, r, c.who, cut=cut), None


def _leggings(c: Choice) -> Made:
    c.usage = c.pick("Casual", "Sports", "Ethnic")
    _pattern(c, 0.25, "ditsy", "stars", "geometric")
    cloth = c.cloth("jersey")
    return "Leggings", lambda r: bottoms.trousers(cloth, r, c.who, fit="leggings", kind="leggings"), None


def _capris(c: Choice) -> Made:
    cloth = c.cloth(c.pick("twill", "linen"))
    return "Capris", lambda r: bottoms.trousers(cloth, r, c.who, fit="capri", kind=c.pick("chinos", "drawstring")), None


def _dresses(c: Choice) -> Made:
    cut = c.pick("fit and flare", "sheath", "wrap", "shirt", "maxi", "shift", "tiered")
    neck = {"wrap": "v", "shirt": "crew", "maxi": c.pick("strap", "v")}.get(cut,
        c.pick("scoop", "square", "boat", "strap", "v"))
    sleeve = {"wrap": c.pick("flutter", "elbow", "long"), "shirt": c.pick("elbow", "short", "long"),
        "maxi": "none"}.get(cut, c.pick("none", "short", "puff", "cap", "bishop"))
    collar = False
    if c.who == "Girls":
        cut = c.pick("fit and flare", "tiered", "fit and flare", "shift")
        neck, sleeve, collar = "crew", c.pick("puff", "none", "short"), c.k % 2 == 0
    if cut == "sheath" or (cut == "fit and flare" and c.k % 4 == 1):
        c.usage = c.r.choice(["Party", "Formal", "Party"]) if c.who == "Women" else "Party"
    if c.usage == "Casual":
        _pattern(c, 0.62, "floral", "ditsy", "dots", "stripes", "foliage", "gingham", "paisley", "brush")
    fabric = "satin" if c.usage == "Party" and c.r.random() < 0.5 else "suiting" if c.usage == "Formal" else c.pick("poplin",
        
        "chiffon", "jersey", "linen")
    cloth = c.cloth(fabric, trim="#f4f1ea" if collar else "")
    length = "maxi" if cut == "maxi" else c.pick("knee", "midi", "knee", "mini")
    noun = {"fit and flare": "Fit and Flare Dress", "sheath": "Sheath Dress", "wrap": "Wrap Dress",
        "shirt": "Shirt Dress", "maxi": "Maxi Dress", "shift": "Shift Dress", "tiered": "Tiered Dress"}[cut]
    return noun, lambda r: dresses.dress(cloth, r, c.who, cut=cut, neck=neck, sleeve=sleeve, belt=c.k % 3 == 0,
        collar=collar, length=length), None


def _jumpsuits(c: Choice) -> Made:
    c.usage = c.pick("Casual", "Party", "Casual")
    _pattern(c, 0.35, "floral", "dots", "pin stripes")
    cloth = c.cloth(c.pick("linen", "silk", "twill"), metal="#c9a24d")
    return "Jumpsuit", lambda r: dresses.jumpsuit(cloth, r, c.who, neck=c.pick("v", "strap", "scoop", "square"),
        sleeve=c.pick("short", "none", "flutter", "elbow"), fit=c.pick("wide", "tapered", "straight")), None


def _casual_shoes(c: Choice) -> Made:
    style = c.pick("court", "canvas", "high", "slip", "loafer", "boot", "canvas", "chelsea", "court")
    if c.who in ("Boys", "Girls", "Unisex"):
        style = c.pick("canvas", "court", "high")
    if style in ("loafer", "boot", "chelsea"):
        c.colour = c.pick("Brown", "Tan", "Navy Blue", "Coffee Brown", "Olive", "Black", "Burgundy")
        c.shade = c.r.choice(SHADES[c.colour])
        c.season = "Winter" if style != "loafer" else "Summer"
        c.usage = "Smart Casual" if style == "loafer" and c.k % 2 else "Casual"
        cloth = c.cloth(c.pick("suede", "leather"), trim="#c9a877" if style == "boot" else "")
        return {"loafer": "Loafers", "boot": "Lace Up Boots",
            "chelsea": "Chelsea Boots"}[style], lambda r: shoes.formal(cloth, r, c.who, style=style), None
    if style == "canvas" or style == "slip":
        _pattern(c, 0.25, "stripes", "ditsy" if c.who != "Men" else "geometric", "gingham")
    cloth = c.cloth("canvas" if style != "court" else "smooth leather")
    noun = {"court": "Sneakers", "canvas": "Canvas Shoes", "high": "High Top Canvas Shoes",
        "slip": "Slip On Shoes"}[style]
    return noun, lambda r: shoes.sneaker(cloth, r, c.who, style="canvas" if style == "high" else style,
        high=style == "high"), None


def _formal_shoes(c: Choice) -> Made:
    c.usage = "Formal"
    style = c.pick("oxford", "derby", "brogue", "loafer", "monk")
    cloth = c.cloth(c.pick("smooth leather", "leather", "patent" if c.colour == "Black" else "smooth leather"),
        metal=c.pick(METALS["Gold"], METALS["Silver"]))
    noun = {"oxford": "Oxford Shoes", "derby": "Derby Shoes", "brogue": "Brogues", "loafer": "Formal Slip On Shoes",
        "monk": "Monk Strap Shoes"}[style]
    return noun, lambda r: shoes.formal(cloth, r, c.who, style=style), None


def _sports_shoes(c: Choice) -> Made:
    c.usage = "Sports"
    cloth = c.cloth("mesh", trim=c.pick("#f1efe9", "#f1efe9", "#2b2c2f"))
    return c.pick("Running Shoes", "Training Shoes", "Sports Shoes"), lambda r: shoes.sneaker(cloth, r, c.who,
        style="runner"), None


def _heels(c: Choice) -> Made:
    style = c.pick("pump", "strap", "slingback", "pump", "peep")
    heel = c.pick("stiletto", "block", "kitten", "wedge") if style != "pump" else c.pick("stiletto", "block", "kitten",
        "stiletto")
    c.usage = "Party" if c.k % 4 == 0 else "Formal" if style == "pump" and c.k % 4 == 3 else "Casual"
    cloth = c.cloth(c.pick("patent", "suede", "leather", "satin"), metal=c.pick(METALS["Gold"], METALS["Silver"]))
    noun = {"stiletto": "Heels", "block": "Block Heels", "kitten": "Kitten Heels", "wedge": "Wedges"}[heel]
    return noun, lambda r: shoes.heels(cloth, r, c.who, style=style, heel=heel), None


def _flats(c: Choice) -> Made:
    style = c.pick("ballet", "pointed", "mary", "band")
    _pattern(c, 0.2, "leopard", "dots")
    cloth = c.cloth(c.pick("leather", "suede", "patent" if not c.pattern else "canvas"), metal=METALS["Gold"])
    noun = {"ballet": "Ballerinas", "mary": "Mary Janes"}.get(style, "Flats")
    return noun, lambda r: shoes.flats(cloth, r, c.who, style=style), None


def _sandals(c: Choice) -> Made:
    style = c.pick("strap", "sport", "strap") if c.who in ("Men", "Boys") else c.pick("strap", "slide", "strap")
    c.usage = "Sports" if style == "sport" else "Casual"
    cloth = c.cloth("canvas" if style == "sport" else c.pick("leather", "suede"),
        metal=c.pick(METALS["Silver"], METALS["Gold"]))
    return {"sport": "Sports Sandals", "slide": "Slide Sandals"}.get(style, "Sandals"), lambda r: shoes.sandals(cloth,
        r, c.who, style=style), None


def _flip_flops(c: Choice) -> Made:
    _pattern(c, 0.3, "stripes", "foliage")
    cloth = c.cloth("rubber", trim=c.partner())
    style = c.pick("thong", "slide", "thong")
    return "Flip Flops" if style == "thong" else "Slides", lambda r: shoes.flip_flops(cloth, r, c.who,
        style=style), None


def _handbags(c: Choice) -> Made:
    style = c.pick("tote", "satchel", "flap", "hobo", "bucket", "bowling")
    if style == "tote":
        _pattern(c, 0.35, "stripes", "floral", "houndstooth", "geometric")
    fabric = "canvas" if c.pattern else c.pick("leather", "smooth leather", "leather", "suede", "leather",
        "straw" if style == "tote" and c.colour in ("Beige", "Tan") else "leather")
    metal = c.pick(METALS["Gold"], METALS["Silver"])
    trim = SHADES["Tan"][0] if c.pattern or fabric == "straw" else (mix(c.shade, "#3a2a20", 0.6) if c.k % 4 == 0
        else "")
    cloth = c.cloth(fabric, metal=metal, trim=trim)
    noun = {"tote": "Tote Bag", "satchel": "Satchel", "flap": "Shoulder Bag", "hobo": "Hobo Bag",
        "bucket": "Bucket Bag", "bowling": "Handbag"}[style]
    return noun, lambda r: bags.handbag(cloth, r, c.who, style=style), None


def _backpacks(c: Choice) -> Made:
    style = c.pick("day", "rucksack", "school")
    _pattern(c, 0.25, "camouflage", "stars", "geometric")
    c.usage = c.pick("Casual", "Casual", "Sports")
    cloth = c.cloth(c.pick("nylon", "canvas", "canvas"), trim=SHADES["Brown"][0] if style == "rucksack" or c.k % 2
        else darker(c.shade, 0.3))
    return {"rucksack": "Rucksack Backpack", "school": "School Backpack"}.get(style,
        "Backpack"), lambda r: bags.backpack(cloth, r, c.who, style=style), None


def _clutches(c: Choice) -> Made:
    style = c.pick("envelope", "box", "pouch", "zip")
    c.usage = "Party" if style in ("box", "pouch") and c.k % 3 else "Casual"
    _pattern(c, 0.2, "leopard", "geometric")
    cloth = c.cloth("satin" if style in ("box", "pouch") else c.pick("leather", "suede", "smooth leather"),
        metal=c.pick(METALS["Gold"], METALS["Silver"]))
    return {"envelope": "Envelope Clutch", "box": "Box Clutch"}.get(style, "Clutch"), lambda r: bags.clutch(cloth, r,
        c.who, style=style), None


def _carriers(style: str, noun: str) -> Callable[[Choice], Made]:
    def make(c: Choice) -> Made:
        c.usage = {"laptop": "Formal", "duffel": "Sports"}.get(style, "Casual")
        cloth = c.cloth("leather" if style == "laptop" else "canvas")
        return noun, lambda r: bags.carrier(cloth, r, c.who, style=style), None

    return make


def _belts(c: Choice) -> Made:
    style = c.pick("classic", "plate", "woven", "classic") if c.who == "Men" else c.pick("wide", "classic", "woven")
    c.usage = c.pick("Formal", "Casual", "Casual", "Formal") if c.who == "Men" else "Casual"
    cloth = c.cloth(c.pick("leather", "smooth leather", "suede"), metal=c.pick(METALS["Silver"], METALS["Gold"]))
    return {"woven": "Braided Belt"}.get(style, "Belt"), lambda r: accessories.belt(cloth, r, c.who, style=style), None


def _ties(c: Choice) -> Made:
    style = c.pick("long", "long", "knit", "long", "bow")
    if style != "knit":
        _pattern(c, 0.7, "stripes", "dots", "paisley", "geometric", "chalk stripes")
    c.usage = "Party" if style == "bow" else "Formal"
    c.season = c.r.choice(["Summer", "Fall", "Winter"])
    cloth = c.cloth("rib" if style == "knit" else "silk")
    if c.pattern == "stripes":  # a tie's stripes run down to the wearer's right
        defs, name = cloth.pattern
        cloth = Cloth(cloth.colour, cloth.fabric, (defs.replace('patternUnits="userSpaceOnUse"',
            'patternUnits="userSpaceOnUse" patternTransform="rotate(38)"', 1), name))
    return {"knit": "Knitted Tie", "bow": "Bow Tie"}.get(style, "Tie"), lambda r: accessories.tie(cloth, r, c.who,
        style=style), None


def _caps(c: Choice) -> Made:
    style = c.pick("baseball", "baseball", "beanie", "flat") if c.who != "Boys" else c.pick("baseball", "beanie")
    c.season = "Winter" if style == "beanie" else "Summer"
    if style == "flat":
        _pattern(c, 0.5, "glen", "houndstooth")
    cloth = c.cloth({"beanie": "rib", "flat": "tweed" if not c.pattern else "wool"}.get(style, "twill"),
        trim=c.partner() if c.k % 2 else "")
    return {"beanie": "Beanie Cap", "flat": "Flat Cap"}.get(style, "Cap"), lambda r: accessories.cap(cloth, r, c.who,
        style=style), None


def _hats(c: Choice) -> Made:
    style = c.pick("sun", "fedora", "bucket") if c.who == "Women" else c.pick("bucket", "fedora")
    if style == "sun":
        c.colour = c.r.choice(["Beige", "Cream", "Tan"])
        c.shade = c.r.choice(SHADES[c.colour])
    cloth = c.cloth({"sun": "straw", "fedora": "wool"}.get(style, "canvas"))
    return {"sun": "Straw Hat", "fedora": "Fedora Hat"}.get(style, "Bucket Hat"), lambda r: accessories.hat(cloth, r,
        c.who, style=style), None


def _scarves(c: Choice) -> Made:
    style = c.pick("loop", "folded", "loop")
    c.season = "Winter"
    _pattern(c, 0.6, "tartan", "floral" if c.who == "Women" else "gingham", "multi stripes", "houndstooth")
    cloth = c.cloth(c.pick("wool", "knit" if not c.pattern else "wool", "wool"))
    return "Scarf", lambda r: accessories.scarf(cloth, r, c.who, style=style), None


def _sunglasses(c: Choice) -> Made:
    style = c.pick("wayfarer", "aviator", "round", "sport") if c.who != "Women" else c.pick("cat", "round", "wayfarer",
        "cat", "aviator")
    lens = c.pick("#3a3f45", "#5a4632", "#3c4f46", "#40506b", "#5d4a55")
    thin = style in ("aviator", "round")
    if thin:
        c.colour = c.pick("Gold", "Silver", "Copper", "Black", "Steel")
        c.shade = c.r.choice(SHADES[c.colour])
    elif style == "wayfarer":
        _pattern(c, 0.3, "leopard")
    cloth = c.cloth("plastic", trim=lens, metal=c.shade if thin else METALS["Silver"])
    noun = {"wayfarer": "Wayfarer Sunglasses", "aviator": "Aviator Sunglasses", "round": "Round Sunglasses",
        "cat": "Cat Eye Sunglasses", "sport": "Sports Sunglasses"}[style]
    c.usage = "Sports" if style == "sport" else "Casual"
    return noun, lambda r: accessories.sunglasses(cloth, r, c.who, style=style), None


def _watches(c: Choice) -> Made:
    style = c.pick("strap", "bracelet", "strap", "sport", "square")
    if style == "bracelet":
        c.colour = c.pick("Silver", "Gold", "Steel", "Copper")
        c.shade = c.r.choice(SHADES[c.colour])
    metal = c.shade if style == "bracelet" else c.pick(METALS["Silver"], METALS["Gold"], METALS["Steel"])
    dial = c.r.choice(["#f2f0ea", "#1f2125", "#22365a", "#e8e2d2", "#2f4a40", "#e9d9cf"])
    c.usage = "Sports" if style == "sport" else c.pick("Casual", "Formal", "Casual")
    cloth = c.cloth("rubber" if style == "sport" else "leather", metal=metal,
        trim="#c9cfc4" if style == "sport" else dial)
    return {"sport": "Digital Watch", "bracelet": "Bracelet Watch"}.get(style,
        "Watch"), lambda r: accessories.watch(cloth, r, c.who, style=style), None


def _earrings(c: Choice) -> Made:
    style = c.pick("drop", "hoop", "stud", "jhumka")
    name = c.pick("Gold", "Silver", "Gold", "Copper")
    metal = METALS[name]
    if style == "hoop":
        c.colour, c.shade = name, metal
    c.usage = "Ethnic" if style == "jhumka" else c.pick("Casual", "Casual", "Party")
    cloth = c.cloth("plastic", metal=metal)
    return {"drop": "Drop Earrings", "hoop": "Hoop Earrings", "stud": "Stud Earrings",
        "jhumka": "Jhumka Earrings"}[style], lambda r: accessories.earrings(cloth, r, c.who, style=style), None


def _necklaces(c: Choice) -> Made:
    style = c.pick("pendant", "beads", "collar", "chain")
    name = c.pick("Gold", "Silver", "Gold")
    if style == "chain":
        c.colour, c.shade = name, METALS[name]
    c.usage = c.pick("Casual", "Casual", "Party", "Ethnic")
    cloth = c.cloth("plastic", metal=METALS[name])
    return {"pendant": "Pendant Necklace", "beads": "Beaded Necklace", "collar": "Statement Necklace",
        "chain": "Chain"}[style], lambda r: accessories.necklace(cloth, r, c.who, style=style), None


def _socks(c: Choice) -> Made:
    _pattern(c, 0.6, "stripes", "dots", "argyle", "stars")
    c.usage = c.pick("Casual", "Sports", "Formal") if c.who == "Men" else "Casual"
    cloth = c.cloth("rib" if not c.pattern else "jersey", trim=c.partner() if c.usage != "Formal" else "")
    return c.pick("Socks", "Ankle Length Socks"), lambda r: accessories.socks(cloth, r, c.who,
        style=c.pick("crew", "ankle")), None


PASTEL = ["Pink", "Lavender", "Peach", "White", "Yellow", "Turquoise Blue", "Red", "Purple", "Sea Green", "Navy Blue",
    "Magenta", "Cream"]
LIVELY = ["Red", "Blue", "Navy Blue", "Green", "Yellow", "Grey", "Orange", "Turquoise Blue", "White", "Black", "Olive",
    "Lime Green"]
MAKERS: dict[str, tuple[Callable[[Choice], Made], list[str]]] = {
    "Tshirts": (_tshirts, CLOTHES), "Shirts": (_shirts, ["White", "Blue", "Navy Blue", "Black", "Pink", "Grey", "Red",
        "Green", "Lavender", "Olive", "Purple", "Maroon", "Cream", "Brown", "Yellow", "Peach", "Beige", "Teal",
        "Turquoise Blue"]),
    "Tops": (_tops, ["Black", "White", "Pink", "Red", "Blue", "Purple", "Green", "Peach", "Navy Blue", "Yellow",
        "Cream", "Magenta", "Teal", "Rust", "Lavender", "Mauve", "Rose", "Turquoise Blue", "Mustard", "Grey"]),
    "Sweaters": (_sweaters, ["Grey", "Navy Blue", "Cream", "Maroon", "Mustard", "Black", "Green", "Purple", "Charcoal",
        "Rust", "Beige", "Red", "Teal", "Burgundy", "Pink", "Brown"]),
    "Sweatshirts": (_sweatshirts, ["Grey Melange", "Black", "Navy Blue", "Red", "Olive", "Charcoal", "Mustard", "Blue",
        "Maroon", "Green", "Lavender"]),
    "Kurtas": (_kurtas, ["White", "Maroon", "Blue", "Yellow", "Cream", "Green", "Pink", "Off White", "Orange", "Purple",
        "Magenta", "Turquoise Blue", "Red", "Mustard", "Teal", "Peach"]),
    "Tunics": (_tunics, ["Teal", "Pink", "Navy Blue", "Rust", "White", "Purple"]),
        "Jackets": (_jackets, ["Black", "Olive", "Navy Blue", "Brown", "Grey", "Red", "Maroon", "Khaki", "Charcoal",
        "Mustard", "Teal", "Beige", "Green", "Burgundy"]),
    "Blazers": (_blazers, ["Navy Blue", "Grey", "Black", "Beige", "Charcoal", "Brown", "Blue", "Maroon", "Cream",
        "Olive"]), "Waistcoat": (_waistcoats, ["Charcoal", "Navy Blue", "Grey", "Black", "Brown"]),
    "Jeans": (_jeans, ["Blue"]), "Trousers": (_trousers, ["Black", "Khaki", "Grey", "Navy Blue", "Beige", "Charcoal",
        "Brown", "Olive", "Cream", "Maroon", "White", "Mushroom Brown"]),
    "Shorts": (_shorts, ["Khaki", "Navy Blue", "Olive", "Grey", "White", "Black", "Red", "Beige", "Turquoise Blue",
        "Green"]), "Track Pants": (_track_pants, ["Black", "Navy Blue", "Grey", "Charcoal", "Blue", "Maroon", "Green"]),
    "Skirts": (_skirts, ["Black", "Red", "Grey", "Pink", "Navy Blue", "Teal", "Mustard", "Cream", "Purple", "Green",
        "Peach", "Maroon", "Brown", "White"]), "Leggings": (_leggings,
        ["Black", "Purple", "Navy Blue", "White", "Maroon", "Pink", "Grey", "Green", "Magenta"]),
    "Capris": (_capris, ["Khaki", "White", "Navy Blue", "Olive"]),
        "Dresses": (_dresses, ["Black", "Red", "Navy Blue", "Pink", "Blue", "White", "Green", "Maroon", "Yellow",
        "Teal", "Peach", "Purple", "Rust", "Beige", "Sea Green", "Lavender", "Burgundy", "Grey", "Mustard",
        "Turquoise Blue"]),
    "Jumpsuit": (_jumpsuits, ["Black", "Navy Blue", "Olive", "Red", "Teal", "Rust", "Cream"]),
        "Casual Shoes": (_casual_shoes, ["White", "Black", "Navy Blue", "Grey", "Red", "Brown", "Blue", "Olive",
        "Beige", "Green", "Mustard", "Pink", "Maroon"]),
    "Formal Shoes": (_formal_shoes, ["Black", "Brown", "Tan", "Black", "Coffee Brown", "Burgundy", "Navy Blue"]),
        "Sports Shoes": (_sports_shoes, ["White", "Black", "Grey", "Blue", "Red", "Navy Blue", "Green", "Orange",
        "Charcoal", "Turquoise Blue", "Pink", "Purple", "Silver"]),
    "Heels": (_heels, ["Black", "Red", "Nude", "Gold", "Beige", "Navy Blue", "Silver", "Tan", "Pink", "Maroon",
        "Purple", "White", "Teal"]), "Flats": (_flats, ["Black", "Beige", "Red", "Gold", "Navy Blue", "Pink", "Tan",
        "Silver", "White", "Teal", "Purple"]),
    "Sandals": (_sandals, ["Brown", "Black", "Tan", "Beige", "White", "Navy Blue", "Coffee Brown", "Red", "Gold"]),
        "Flip Flops": (_flip_flops, ["Black", "Blue", "Navy Blue", "Red", "Turquoise Blue", "Grey", "Pink", "Green",
        "Brown"]),
    "Handbags": (_handbags, LEATHER), "Backpacks": (_backpacks, ["Black", "Navy Blue", "Khaki", "Red", "Grey", "Olive",
        "Blue", "Green", "Maroon", "Mustard", "Charcoal", "Teal", "Purple"]),
    "Clutches": (_clutches, ["Black", "Gold", "Red", "Silver", "Pink", "Navy Blue", "Maroon", "Beige", "Purple", "Tan",
        "Green", "Bronze"]),
    "Messenger Bag": (_carriers("messenger", "Messenger Bag"), ["Olive", "Brown", "Grey"]),
        "Laptop Bag": (_carriers("laptop", "Laptop Bag"), ["Black", "Brown", "Navy Blue"]),
    "Duffel Bag": (_carriers("duffel", "Duffel Bag"), ["Black", "Blue", "Khaki"]),
        "Belts": (_belts, ["Brown", "Black", "Tan", "Coffee Brown", "Navy Blue", "Red", "White", "Beige", "Grey"]),
    "Ties": (_ties, ["Navy Blue", "Maroon", "Black", "Red", "Blue", "Grey", "Purple", "Green", "Pink", "Brown",
        "Yellow"]), "Caps": (_caps, ["Black", "Navy Blue", "Mustard", "Grey", "Red", "Olive", "White", "Blue",
        "Maroon"]),
    "Hat": (_hats, ["Charcoal", "Olive", "Brown", "Navy Blue", "Beige"]),
        "Scarves": (_scarves, ["Grey", "Red", "Navy Blue", "Mustard", "Pink", "Cream", "Green", "Maroon", "Black",
        "Teal", "Purple"]),
    "Sunglasses": (_sunglasses, ["Black", "Brown", "Red", "Blue", "Tan", "White", "Green"]),
        "Watches": (_watches, ["Brown", "Black", "Tan", "Navy Blue", "White", "Blue", "Red", "Coffee Brown", "Pink",
        "Grey"]),
    "Earrings": (_earrings, ["Green", "Gold", "Red", "Blue", "White", "Pink", "Turquoise Blue", "Purple"]),
        "Necklace and Chains": (_necklaces, ["Turquoise Blue", "White", "Red", "Gold", "Green", "Purple", "Pink",
        "Blue"]),
    "Socks": (_socks, ["Black", "Navy Blue", "White", "Grey", "Red", "Blue", "Pink", "Green", "Maroon"]),
}  # fmt: skip
