"""The assistant's own resources as they are sent: `assistant.report` field by field, and the requests for them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictFloat, StrictInt

from assistant.api import wire
from assistant.stylists import Answer as YesNo
from retrieval.items import Closeness, Gender, Lang, Slot

Corners = Annotated[list[StrictFloat], Field(min_length=4, max_length=4)]
_PICTURE = "data:image/jpeg;base64,/9j/4AAQSkZJRg..."


class Exact(BaseModel):
    """An answer: all of its fields, and no others."""

    model_config = ConfigDict(extra="forbid")


def _example(**fields: object) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [fields]})


# --- answers ----------------------------------------------------------------------------------------------------------


class Item(Exact):
    """Facts of the catalogue. `price` is a decimal text; `stock` null means that it is not said."""

    sku: str
    title: str
    category: str
    slot: Slot | None
    gender: Gender
    colour: str | None
    season: str | None
    usage: str | None
    price: str | None
    currency: str | None
    stock: int | None
    url: str | None
    views: list[str]


class Hit(Exact):
    """`p_same`: where a picture was searched for, the probability that this is the pictured product, and `closeness` the
    words for it; null where words were searched for, or where that was never fitted to the model in use. `twins`: skus
    whose photos look the same. `score` only orders the hits: higher is closer. `view`: the item's photo that came closest.
    """

    item: Item
    score: float
    view: str | None
    p_same: float | None
    closeness: Closeness | None
    twins: list[str]


class Detection(Exact):
    """`box`: left, top, right, bottom in pixels of the picture that was sent, upright by its EXIF."""

    box: Corners
    label: str
    slot: Slot | None
    confidence: float


class Swatch(Exact):
    name: str
    family: str
    hex: str
    share: float


class Attributes(Exact):
    """What a garment is; null means that it cannot be told."""

    category: str | None
    sub_category: str | None
    slot: Slot | None
    gender: Gender | None
    colour: str | None
    season: str | None
    usage: str | None
    confidence: dict[str, float]


class Garment(Exact):
    title: str
    attributes: Attributes
    palette: list[Swatch]
    sku: str | None


class Verdict(Exact):
    answer: YesNo
    p_yes: float | None
    reason: str
    model: str


class Piece(Exact):
    slot: Slot
    item: Item
    verdict: Verdict
    score: float
    is_closest: bool
    is_locked: bool


class Unfilled(Exact):
    slot: Slot
    reason: str


class Look(Exact):
    title: str
    score: float
    reason: str
    total: str | None
    currency: str | None
    pieces: list[Piece]
    unfilled: list[Unfilled]


class Step(Exact):
    name: str
    seconds: float
    counts: dict[str, float]
    model: str | None
    prompt_digest: str | None


class Trace(Exact):
    seconds: float
    steps: list[Step]
    notices: list[str]


class Recommendation(Exact):
    """No garment (`garment` null, no `detections`), a choice to make (`needs_choice`), or a garment with its looks."""

    detections: list[Detection]
    needs_choice: bool
    garment: Garment | None
    chosen: Detection | None
    same_product: list[Hit]
    looks: list[Look]
    withheld: list[Piece]
    trace: Trace


class Outfit(Recommendation):
    """What a conversation came to. `found`: products that were offered for words; `language`: of the answer."""

    language: Lang
    found: list[Hit]


class ChatCompletion(wire.ChatCompletion):
    """`outfit` is this project's own field: the whole recommendation as data, which official clients keep in
    `model_extra`."""

    outfit: Outfit


class Hits(Exact):
    """`needs_choice`: the picture shows several garments (`detections`) and no `box` said which; `data` is empty then.
    `notice` says so where no garment was found and the whole picture was searched. Both are empty for words alone.
    """

    data: list[Hit]
    detections: list[Detection]
    needs_choice: bool
    notice: str


class Detections(Exact):
    width: int
    height: int
    data: list[Detection]


class Description(Exact):
    """`garment` null: none was found, or several (`detections`) and no `box` said which."""

    detections: list[Detection]
    garment: Garment | None
    same_product: list[Hit]


# --- requests ---------------------------------------------------------------------------------------------------------


class SearchRequest(wire.Body):
    """`text`, `image`, or both: "this, but in navy"."""

    model_config = _example(text="women's black jeans", k=5, in_stock=True)

    text: str | None = Field(None, max_length=2000)
    image: str | None = Field(None, description="A data URL")
    box: Corners | None = Field(None, description="Left, top, right, bottom of the garment in pixels of the picture")
    k: StrictInt = Field(10, ge=1, le=100)
    gender: Gender | None = Field(None, description="Only that gender and Unisex")
    slot: Slot | None = None
    max_price: StrictFloat | None = Field(None, ge=0)
    in_stock: StrictBool = False


class DetectRequest(wire.Body):
    model_config = _example(image=_PICTURE)

    image: str = Field(description="A data URL")


class DescribeRequest(wire.Body):
    model_config = _example(image=_PICTURE, box=[40, 20, 300, 460])

    image: str = Field(description="A data URL")
    box: Corners | None = Field(None, description="Left, top, right, bottom in pixels of the picture")


class RecommendRequest(wire.Body):
    """`image` or `sku`, one of the two."""

    model_config = _example(sku="1", message="for a wedding, under 200")

    image: str | None = Field(None, description="A data URL")
    sku: str | None = Field(None, max_length=200, description="An item of the shop")
    box: Corners | None = Field(None, description="Left, top, right, bottom in pixels of the picture")
    message: str = Field("", max_length=500, description="Wishes in words, English or Chinese")
    lang: Literal["en", "zh"] = Field("en", description="Language of the reasons, where there is no message")


class JudgeRequest(wire.Body):
    """Two items of the shop."""

    model_config = _example(reference="1", candidate="2", lang="en")

    reference: str = Field(max_length=200, description="A sku")
    candidate: str = Field(max_length=200, description="A sku")
    lang: Literal["en", "zh"] = "en"
