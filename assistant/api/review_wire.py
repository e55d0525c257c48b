"""The stylists' desk as it is sent: cases, decisions, measures; and what shoppers say. Its knobs are in
`assistant.api.review_knobs_wire`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, StrictInt

from assistant.api import outfit_wire, wire
from assistant.api.outfit_wire import Exact
from assistant.desk.decisions import MOST_WHO, MOST_WORDS, REASONS
from retrieval.items import Gender, Slot

Kind = Literal["look", "pair"]
State = Literal["open", "approved", "rejected", "settled"]
Act = Literal["approve", "reject", "replace", "undo"]
Reason = Literal[tuple(REASONS)]
Sku = Annotated[str, Field(min_length=1, max_length=120)]
Who = Annotated[str, Field(min_length=1, max_length=MOST_WHO, description="The stylist's name, kept with the decision")]
Words = Annotated[str, Field(max_length=MOST_WORDS)]
Share = float | None
# Times are kept as UTC without saying so; whoever reads them is told.
Moment = Annotated[datetime, AfterValidator(lambda at: at if at.tzinfo else at.replace(tzinfo=UTC))]


def example(**fields: object) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [fields]})


# --- feedback ---------------------------------------------------------------------------------------------------------


class FeedbackGarment(wire.Body):
    """A shopper's garment as `describe` and `recommend` read it (`garment.attributes`)."""

    category: str = Field(min_length=1, max_length=100)
    gender: Gender | None = None
    colour: str | None = Field(None, max_length=60)


class FeedbackRequest(wire.Body):
    """What a shopper thinks of a look (all its skus) or of one piece (its sku), beside `reference` or `garment`."""

    model_config = example(reference="1", skus=["3", "7"], rating="down", words="Too formal for me")

    rating: Literal["up", "down"]
    skus: list[Sku] = Field(min_length=1, max_length=8, description="The pieces, without the garment itself")
    reference: Sku | None = Field(None, description="The garment, where it is an item of the shop")
    garment: FeedbackGarment | None = Field(None, description="The garment, where it is the shopper's own")
    words: Words = ""
    lang: Literal["en", "zh"] = "en"


class Feedback(Exact):
    """`case` is where stylists see it."""

    model_config = {"json_schema_extra": {"examples": [{"id": 12, "case": 5}]}}

    id: int
    case: int


# --- cases ------------------------------------------------------------------------------------------------------------


class CasePiece(Exact):
    """A piece with what the model said. `p_yes`: garment first; `p_yes_swapped`: piece first, null until it was asked.

    `item` null: the shop does not carry it any more. `answer` of a piece that no model judged is undecided, `model` "".
    """

    slot: Slot
    sku: str
    item: outfit_wire.Item | None
    palette: list[outfit_wire.Swatch]
    answer: Literal["yes", "no", "undecided"]
    p_yes: float | None
    p_yes_swapped: float | None
    reason: str
    model: str
    score: float
    is_closest: bool


class CaseLook(Exact):
    title: str
    score: float
    reason: str
    total: str | None
    currency: str | None
    unfilled: list[outfit_wire.Unfilled]


class Opinion(Exact):
    rating: Literal["up", "down"]
    words: str
    at: Moment


class Decision(Exact):
    """`at` is UTC. `batch`: everything that was decided in one go, and is taken back in one go."""

    id: int
    case: int
    batch: str
    act: Act
    who: str
    key_id: str | None
    at: Moment
    reason: Reason | None
    words: str
    sku: str | None
    instead: str | None
    undoes: int | None


class Case(Exact):
    """`holds_for`: the garments that a decision about it will hold for: an item, or a kind of garment."""

    id: int
    kind: Kind
    state: State
    holds_for: str
    garment: outfit_wire.Garment
    has_photo: bool
    lang: Literal["en", "zh"]
    wishes: list[str]
    look: CaseLook | None
    pieces: list[CasePiece]
    candidates: dict[str, list[CasePiece]]
    answer: Literal["yes", "no", "undecided"]
    p_yes: float | None
    model: str
    is_contested: bool
    complaints: int
    praise: int
    opinions: list[Opinion]
    times_seen: int
    made_at: Moment
    decision: Decision | None
    trace: outfit_wire.Trace


class Cases(Exact):
    """`count`: how many there are in all under these conditions. `next`: the id to ask on from, null at the end."""

    data: list[Case]
    count: int
    next: int | None


class Progress(Exact):
    """Cases by state; of the open ones how many are looks, pairs, and contested."""

    model_config = {"json_schema_extra": {"examples": [dict(
        open=14, approved=30, rejected=9, settled=4, looks=11, pairs=3, contested=3, categories=["Jeans", "Shirts"]
    )]}}  # fmt: skip

    open: int
    approved: int
    rejected: int
    settled: int
    looks: int
    pairs: int
    contested: int
    categories: list[str]


# --- decisions --------------------------------------------------------------------------------------------------------


class DecisionRequest(wire.Body):
    """One decision about one or more open cases. A rejection needs a `reason`; in a look `sku` names the piece that it is
    about, none the look as a whole. A replacement needs `sku` and `instead`."""

    model_config = example(cases=[5], act="reject", who="Mei", reason="occasion", words="Too formal", sku="3")

    cases: list[StrictInt] = Field(min_length=1, max_length=200)
    act: Literal["approve", "reject", "replace"]
    who: Who
    reason: Reason | None = None
    words: Words = ""
    sku: Sku | None = None
    instead: Sku | None = None


class Late(Exact):
    case: int
    who: str


class Outcome(Exact):
    """`late`: cases that somebody else had decided, and who. `settled`: how many other cases this answered too."""

    batch: str
    decided: list[Decision]
    late: list[Late]
    settled: int


class UndoRequest(wire.Body):
    """`batch` null: whatever `who` decided last."""

    model_config = example(who="Mei", batch=None)

    who: Who
    batch: str | None = Field(None, max_length=32)


class Undone(Exact):
    decisions: list[Decision]


# --- measures ---------------------------------------------------------------------------------------------------------


class Agreement(Exact):
    """Pairs by what the model and the stylist said (model first); undecided counts as no. Null: nothing to take it of.

    `kappa` is Cohen's (1960), with the bounds of its 95 % interval. `false_yes`: the share of what the model would show
    that stylists refuse; `false_no`: of what it withholds that they would show.
    """

    n: int
    yes_yes: int
    yes_no: int
    no_yes: int
    no_no: int
    agreement: Share
    kappa: float | None
    kappa_low: float | None
    kappa_high: float | None
    false_yes: Share
    false_no: Share


class CategoryAgreement(Agreement):
    category: str


class ReasonCount(Exact):
    reason: Reason
    count: int


class RejectedItem(Exact):
    sku: str
    title: str | None
    count: int


class LookCounts(Exact):
    approve: int
    replace: int
    reject: int


class Day(LookCounts):
    day: str


class StepTime(Exact):
    name: str
    mean_s: float


class Latency(Exact):
    """Of the newest answers. `counts[i]`: how many took at least `edges_s[i - 1]` and less than `edges_s[i]`."""

    n: int
    p50: float | None
    p95: float | None
    edges_s: list[float]
    counts: list[int]
    steps: list[StepTime]


class Measures(Exact):
    overall: Agreement
    by_category: list[CategoryAgreement]
    reasons: list[ReasonCount]
    rejected_items: list[RejectedItem]
    looks: LookCounts
    by_day: list[Day]
    latency: Latency
