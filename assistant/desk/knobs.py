"""What a stylist may turn at the main path, and what that does to a sample of garments: measured, beside what is in use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from statistics import fmean, median
from typing import TYPE_CHECKING

from sqlalchemy import select

from assistant.desk.cases import garment_of
from assistant.guardrail import Policy
from assistant.looks import Recommendation
from assistant.rulings import Book, Rulings
from assistant.stylist import Plan, Stylist
from assistant.wish import Wish
from retrieval import images
from retrieval.errors import InvalidInput
from retrieval.items import Garment, Lang, Slot
from retrieval.tables import items

if TYPE_CHECKING:
    from assistant.desk import Desk
    from retrieval.catalogue import Catalogue

# The least, the most, and the step of each; the names are those of the settings.
RANGES: dict[str, tuple[float, float, float]] = {
    "search_threshold": (0.0, 1.0, 0.01),
    "candidates_per_title": (1, 60, 1),
    "admitted_per_slot": (1, 12, 1),
    "guardrail_rounds": (1, 6, 1),
    "guardrail_least_p_yes": (0.0, 1.0, 0.01),
    "text_weight": (0.0, 1.0, 0.05),
    "colour_weight": (0.0, 3.0, 0.1),
    "style_weight": (0.0, 3.0, 0.1),
}


@dataclass(frozen=True, slots=True)
class Knobs:
    search_threshold: float
    candidates_per_title: int
    admitted_per_slot: int
    guardrail_rounds: int
    guardrail_both_orders: bool
    guardrail_least_p_yes: float
    text_weight: float
    colour_weight: float
    style_weight: float

    def __post_init__(self) -> None:
        for name, (least, most, _) in RANGES.items():
            if not least <= getattr(self, name) <= most:  # also false for NaN
                raise InvalidInput(f"{name} = {getattr(self, name)}: expected {least:g} to {most:g}")

    @classmethod
    def of(cls, plan: Plan) -> Knobs:
        """The knobs as a plan has them, each within its range."""
        policy = plan.policy
        values = {
            "search_threshold": plan.search_threshold,
            "candidates_per_title": plan.per_title,
            "admitted_per_slot": policy.per_slot,
            "guardrail_rounds": policy.max_rounds,
            "guardrail_least_p_yes": policy.least_p_yes,
            "text_weight": plan.text_weight,
            "colour_weight": plan.colour_weight,
            "style_weight": plan.style_weight,
        }
        within = {name: min(max(value, RANGES[name][0]), RANGES[name][1]) for name, value in values.items()}
        return cls(guardrail_both_orders=policy.both_orders, **within)

    def plan(self, plan: Plan) -> Plan:
        """That plan with these knobs."""
        policy = Policy(
            self.admitted_per_slot, self.guardrail_rounds, self.guardrail_both_orders, self.guardrail_least_p_yes
        )
        return replace(
            plan,
            search_threshold=self.search_threshold,
            per_title=self.candidates_per_title,
            policy=policy,
            text_weight=self.text_weight,
            colour_weight=self.colour_weight,
            style_weight=self.style_weight,
        )

    def as_settings(self) -> str:
        """The lines of `outfit.toml` that put these knobs to use."""
        return "".join(
            f"{name} = {str(value).lower() if isinstance(value, bool) else value}\n" for name, value in asdict(self).items()
        )


@dataclass(frozen=True, slots=True)
class Tried:
    """One garment of the sample: its answer as things are, and with the knobs."""

    garment: Garment
    now: Recommendation
    then: Recommendation


def answers(stylist: Stylist, knobs: Knobs, sample: Sequence[Garment], lang: Lang) -> list[Recommendation]:
    """The main path over the sample with these knobs, without stylists' decisions: otherwise each would look as good as
    they are."""
    turned = replace(
        stylist, rulings=lambda _: Rulings(), chosen=lambda plan: plan, witness=None, plan=knobs.plan(stylist.plan)
    )
    return [turned.complete(garment, Wish(lang=lang)) for garment in sample]


def try_out(
    stylist: Stylist, knobs: Knobs, sample: Sequence[Garment], lang: Lang, now: Sequence[Recommendation] | None = None
) -> list[Tried]:
    """The sample by the knobs beside the plan in use; `now` are the answers by that plan, where they are known."""
    if now is None:
        now = answers(stylist, Knobs.of(stylist.as_chosen().plan), sample, lang)
    then = answers(stylist, knobs, sample, lang)
    return [Tried(*row) for row in zip(sample, now, then, strict=True)]


def effect_of(answers: Sequence[tuple[Garment, Recommendation]], book: Book) -> dict[str, float | None]:
    """What answers come to, as means over the sample; a value is None where nothing was there to take it of.

    `refused_shown` and `approved_shown`: pieces on show that stylists refused or approved beside that garment.
    """
    looks = [look for _, answer in answers for look in answer.looks]
    pieces = [piece for look in looks for piece in look.pieces]
    judged = [step.counts for _, answer in answers for step in answer.trace.steps if step.name == "judge"]
    asked = sum(counts.get("asked", 0) for counts in judged)
    shown = [
        (book.for_garment(garment), piece.item.sku)
        for garment, answer in answers
        for piece in {p.item.sku: p for look in answer.looks for p in look.pieces}.values()
    ]
    p_yes = [piece.verdict.p_yes for piece in pieces if piece.verdict.p_yes is not None]
    return {
        "garments": len(answers),
        "looks": _mean([len(answer.looks) for _, answer in answers]),
        "pieces": _mean([len(look.pieces) for look in looks]),
        "unfilled": _mean([len(look.unfilled) for look in looks]),
        "coherence": _mean([look.score for look in looks]),
        "p_yes": _mean(p_yes),
        "closest": _mean([float(piece.is_closest) for piece in pieces]),
        "admitted": sum(counts.get("yes", 0) for counts in judged) / asked if asked else None,
        "asked": _mean([counts.get("asked", 0) for counts in judged]),
        "calls": _mean([counts.get("calls", 0) for counts in judged]),
        "seconds": median([answer.trace.seconds for _, answer in answers]) if answers else None,
        "refused_shown": float(sum(sku in rulings.refused for rulings, sku in shown)),
        "approved_shown": float(sum(sku in rulings.approved for rulings, sku in shown)),
    }


def changed_share(tried: Sequence[Tried]) -> float | None:
    """The share of the pieces on show with the knobs that are not on show as things are."""
    new = kept = 0
    for one in tried:
        before = {piece.item.sku for look in one.now.looks for piece in look.pieces}
        after = {piece.item.sku for look in one.then.looks for piece in look.pieces}
        new, kept = new + len(after - before), kept + len(after & before)
    return new / (new + kept) if new + kept else None


def _mean(values: Sequence[float]) -> float | None:
    return round(fmean(values), 4) if values else None



def sample_of(desk: Desk, catalogue: Catalogue, n: int) -> list[tuple[Garment, int | None]]:
    """Garments to try knobs on: up to half of them shoppers' own, of the newest cases (with the case's number), the rest
    items of the shop, spread evenly over its categories. The same ones as long as neither changes."""
    found: dict[str, tuple[Garment, int | None]] = {}
    for case in desk.store.newest_of_photos(n // 2):
        garment = garment_of(case.data["garment"])
        jpeg = desk.crops.get(case.crop) if case.crop else None
        found[case.reference] = (replace(garment, picture=images.decode(jpeg)) if jpeg else garment, case.id)
    worn = (Slot.TOP, Slot.BOTTOM, Slot.ONE_PIECE, Slot.SHOES)
    with catalogue.reading() as connection:
        there = (items.c.state == "ready") & items.c.slot.in_(worn)
        skus = connection.execute(select(items.c.sku).where(there).order_by(items.c.category, items.c.sku)).scalars().all()
    wanted = min(n - len(found), len(skus))
    picked = [skus[(2 * place + 1) * len(skus) // (2 * wanted)] for place in range(wanted)]
    return [*found.values(), *((item.as_garment(), None) for item in catalogue.items(picked).values())]
