"""The knobs of the stylists' desk as they are sent: what is in use, trials on a sample, profiles."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, StrictBool, StrictFloat, StrictInt, create_model

from assistant.api import outfit_wire, wire
from assistant.api.outfit_wire import Exact
from assistant.api.review_wire import Moment, Share, Who, example
from assistant.desk.knobs import RANGES

_RANGED = {
    name: (StrictInt if step == 1 else StrictFloat, Field(ge=least, le=most)) for name, (least, most, step) in RANGES.items()
}
Knobs = create_model(
    "Knobs", __base__=Exact, __doc__="The settings of the same names.", **_RANGED, guardrail_both_orders=(StrictBool, ...)
)
_KNOBS = {"search_threshold": 0.2, "candidates_per_title": 12, "admitted_per_slot": 6, "guardrail_rounds": 3,
          "guardrail_least_p_yes": 0.0, "text_weight": 0.4, "colour_weight": 1.5, "style_weight": 1.0,
          "guardrail_both_orders": False}  # fmt: skip


class Range(Exact):
    least: float
    most: float
    step: float


class Use(Exact):
    """`name` null: the settings of the shop, chosen again."""

    name: str | None
    who: str
    at: Moment


class KnobsInUse(Exact):
    """`use`: the profile that was put to use last, null where the shop goes by its settings since it began."""

    knobs: Knobs
    ranges: dict[str, Range]
    use: Use | None
    can_undo: bool


class UseRequest(wire.Body):
    """`profile` null: the settings of the shop."""

    model_config = example(profile="summer", who="Mei")

    profile: str | None = Field(max_length=60)
    who: Who


class Stylist(wire.Body):
    model_config = example(who="Mei")

    who: Who


class TryRequest(wire.Body):
    """Knobs to try on `sample` garments."""

    model_config = example(knobs=_KNOBS, sample=6, lang="en")

    knobs: Knobs
    sample: StrictInt = Field(6, ge=1, le=24)
    lang: Literal["en", "zh"] = "en"


class Effect(Exact):
    """Means over the sample; `seconds` is the median. `admitted`: share of the judged candidates that were admitted;
    `asked`, `calls`: candidates and questions to the model per answer; `closest`: share of pieces shown as the closest
    there is; `refused_shown`, `approved_shown`: pieces on show that stylists refused or approved beside that garment."""

    garments: int
    looks: float | None
    pieces: float | None
    unfilled: float | None
    coherence: float | None
    p_yes: float | None
    closest: Share
    admitted: Share
    asked: float | None
    calls: float | None
    seconds: float | None
    refused_shown: float
    approved_shown: float


class Tried(Exact):
    """`case`: where the garment is a shopper's own, the case with its photo."""

    garment: outfit_wire.Garment
    case: int | None
    now: list[outfit_wire.Look]
    then: list[outfit_wire.Look]


class Trial(Exact):
    """`changed`: the share of the pieces on show with the knobs that are not on show as things are."""

    now: Effect
    then: Effect
    changed: Share
    sample: list[Tried]
    settings: str


class ProfileRequest(wire.Body):
    """Knobs to keep under a name; their effect is measured on `sample` garments first."""

    model_config = example(knobs=_KNOBS, who="Mei", sample=6)

    knobs: Knobs
    who: Who
    sample: StrictInt = Field(6, ge=1, le=24)


class Profile(Exact):
    name: str
    knobs: Knobs
    effect: Effect
    changed: Share
    who: str
    at: Moment
    settings: str


class Profiles(Exact):
    data: list[Profile]
