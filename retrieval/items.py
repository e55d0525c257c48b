"""The words of the project as values: frozen, checked when made, no input or output.

A *garment* is anything wearable that has been looked at, in a photo or in the catalogue; an *item* is a product of the
catalogue, known by its sku; a *view* is one photo of an item. See the README, "Words".
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

from retrieval.errors import InvalidBox

if TYPE_CHECKING:
    from PIL.Image import Image

Lang = Literal["en", "zh"]


class Gender(StrEnum):
    MEN = "Men"
    WOMEN = "Women"
    BOYS = "Boys"
    GIRLS = "Girls"
    UNISEX = "Unisex"

    @property
    def is_child(self) -> bool:
        return self in (Gender.BOYS, Gender.GIRLS)


class Slot(StrEnum):
    """A place in a look. One piece covers `one-piece` or `top` and `bottom` together."""

    TOP = "top"
    BOTTOM = "bottom"
    ONE_PIECE = "one-piece"
    OUTERWEAR = "outerwear"
    SHOES = "shoes"
    BAG = "bag"
    ACCESSORY = "accessory"


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels of one picture: left, top, right, bottom, with right and bottom exclusive."""

    x0: float
    y0: float
    x1: float
    y1: float

    def __post_init__(self) -> None:
        if not (self.x1 > self.x0 and self.y1 > self.y0):  # also false for NaN
            raise InvalidBox(
                f"box {self.as_tuple()} has no area: expected left < right and top < bottom, in pixels",
                hint="draw the box again, or leave it out to take the whole photo",
            )

    @property
    def width(self) -> float:
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        return self.y1 - self.y0

    @property
    def area(self) -> float:
        return self.width * self.height

    def as_tuple(self) -> tuple[float, float, float, float]:
        return (self.x0, self.y0, self.x1, self.y1)

    def clip(self, width: int, height: int) -> Box:
        """The part inside a picture of that size in pixels. Raises InvalidBox where nothing is left."""
        return Box(
            min(max(self.x0, 0.0), width),
            min(max(self.y0, 0.0), height),
            min(max(self.x1, 0.0), width),
            min(max(self.y1, 0.0), height),
        )

    def scale(self, factor: float) -> Box:
        """Grown (or shrunk) by `factor` about its own centre."""
        cx, cy = (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2
        w, h = self.width * factor / 2, self.height * factor / 2
        return Box(cx - w, cy - h, cx + w, cy + h)

    def intersection(self, other: Box) -> float:
        """Area in px² that both cover."""
        w = min(self.x1, other.x1) - max(self.x0, other.x0)
        h = min(self.y1, other.y1) - max(self.y0, other.y0)
        return w * h if w > 0 and h > 0 else 0.0

    def iou(self, other: Box) -> float:
        """Intersection over union, in [0, 1]."""
        both = self.intersection(other)
        return both / (self.area + other.area - both)


@dataclass(frozen=True, slots=True)
class Detection:
    """A garment found in a photo: where, what the detector calls it, its slot if known, confidence in [0, 1]."""

    box: Box
    label: str
    confidence: float
    slot: Slot | None = None


@dataclass(frozen=True, slots=True)
class Swatch:
    """One colour of a palette: its name in the catalogue's words, family, CIELAB (D65) and share of the pixels."""

    name: str
    family: str
    lab: tuple[float, float, float]
    hex: str
    share: float


@dataclass(frozen=True, slots=True)
class Attributes:
    """What a garment is, as read from its picture or from the catalogue. None means "cannot tell".

    `confidence` holds, for attributes that a model read, its calibrated probability in [0, 1] by field name.
    """

    category: str | None = None
    sub_category: str | None = None
    slot: Slot | None = None
    gender: Gender | None = None
    colour: str | None = None
    season: str | None = None
    usage: str | None = None
    confidence: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ShotTags:
    """How a catalogue picture was taken. None means "cannot tell".

    `angle`: front, back, side, top or detail. `quality` from 0, unusable, to 1, clean. `confidence` holds, for tags that
    a compact head read, its calibrated probability in [0, 1] by field name.
    """

    model_present: bool | None = None
    model_count: int | None = None
    real_scene: bool | None = None
    worn: bool | None = None
    angle: str | None = None
    whole: bool | None = None
    category: str | None = None
    quality: float | None = None
    confidence: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Garment:
    """Anything wearable that has been looked at: a crop of the shopper's photo, or an item with one of its views.

    `palette` is measured on the pixels, largest share first. `picture` is RGB, background kept, or None.
    `sku` is set when the garment is an item of the catalogue.
    """

    title: str
    attributes: Attributes
    palette: tuple[Swatch, ...] = ()
    picture: Image | None = field(default=None, compare=False, repr=False)
    sku: str | None = None


@dataclass(frozen=True, slots=True)
class View:
    """One photo of an item: its name among the item's views, where its file is, and the sha256 of its bytes."""

    name: str
    path: str
    digest: str
    width_px: int
    height_px: int
    palette: tuple[Swatch, ...] = ()


@dataclass(frozen=True, slots=True)
class Item:
    """A product of the catalogue. `price` is in `currency` (ISO 4217); `stock` None means "not said": taken as there."""

    sku: str
    title: str
    category: str
    slot: Slot | None
    gender: Gender
    sub_category: str | None = None
    master_category: str | None = None
    colour: str | None = None
    season: str | None = None
    usage: str | None = None
    year: int | None = None
    price: Decimal | None = None
    currency: str | None = None
    stock: int | None = None
    url: str | None = None
    views: tuple[View, ...] = ()

    @property
    def attributes(self) -> Attributes:
        return Attributes(
            category=self.category,
            sub_category=self.sub_category,
            slot=self.slot,
            gender=self.gender,
            colour=self.colour,
            season=self.season,
            usage=self.usage,
        )

    @property
    def palette(self) -> tuple[Swatch, ...]:
        return self.views[0].palette if self.views else ()

    @property
    def is_available(self) -> bool:
        return self.stock is None or self.stock > 0

    def as_garment(self, picture: Image | None = None) -> Garment:
        return Garment(self.title, self.attributes, self.palette, picture, self.sku)


class Closeness(StrEnum):
    """How a product found by a picture is spoken of: as the product itself, or as one that looks like it."""

    SAME = "this is it"
    CLOSE = "close to it"


@dataclass(frozen=True, slots=True)
class Hit:
    """An item found. `score` orders hits, higher is closer: a cosine in [-1, 1], or a fusion of cosines.

    In a search by picture `p_same` is the probability in [0, 1] that the item is the pictured product, and `closeness`
    the words for it; `p_same` is None where the model in use was never calibrated. `twins` are skus whose photos look the
    same as this item's: they are folded into it.
    """

    item: Item
    score: float
    view: str | None = None
    p_same: float | None = None
    closeness: Closeness | None = None
    twins: tuple[str, ...] = ()

    def with_score(self, score: float) -> Hit:
        return replace(self, score=score)
