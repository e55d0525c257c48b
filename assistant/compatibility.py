"""Do two garments go together? Factors, each with log odds and a reason; pure functions over `Garment`.

A factor's `pull` is the log odds that it gives to a yes, `score` the same in [0, 1] (0.5: it does not matter). A veto
(same slot, another gender or age, traditional and western wear as nobody mixes them) is a no whatever the rest says.
`p_yes` is the logistic of the sum. Of the pulls, only the one of the categories is calibrated on data: it is the
measured log odds that two categories meet in a real outfit against a random pair of the same popularity. Colour,
occasion, weather and pattern have no such data; theirs are set by hand on the same scale. Between `NO_BELOW` and
`YES_FROM` the answer is undecided, which is never shown as a yes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from assistant.harmony import PULL, Tone, echo_of, relation, tone_of
from assistant.phrases import colour_word, is_plural, say, some
from assistant.stylists import Answer, Verdict
from retrieval.combinations import pair_lift
from retrieval.items import Garment, Gender, Lang, Slot
from retrieval.vocabulary import formality_of, is_ethnic, region_of, slot_of

MODEL = "rules/1"
YES_FROM, NO_BELOW = 0.6, 0.42
_CLOTHES = frozenset({Slot.TOP, Slot.BOTTOM, Slot.ONE_PIECE, Slot.OUTERWEAR})
_COVERED = {Slot.ONE_PIECE: frozenset({Slot.TOP, Slot.BOTTOM, Slot.ONE_PIECE})}


@dataclass(frozen=True, slots=True)
class Factor:
    """One point of view on a pair or a set: its name, log odds for a yes, and the sentence that says why.

    A veto pulls with minus infinity. `score` is the same in [0, 1].
    """

    name: str
    pull: float
    reason: str

    @property
    def score(self) -> float:
        return logistic(self.pull)

    @property
    def is_veto(self) -> bool:
        return self.pull == -math.inf


def logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def slot_in_look(garment: Garment) -> Slot | None:
    """The slot of a garment: as known, else that of its category; None for what is not worn in a look."""
    if garment.attributes.slot is not None:
        return garment.attributes.slot
    return slot_of(garment.attributes.category) if garment.attributes.category else None


def judge_pair(reference: Garment, candidate: Garment, lang: Lang = "en") -> Verdict:
    """Would a stylist wear these two together? See the module for what `p_yes` is calibrated on."""
    factors = pair_factors(reference, candidate, lang)
    if not factors:
        return Verdict(Answer.UNDECIDED, 0.5, say("unknown", reference, candidate, lang), MODEL)
    p_yes = probability(factors)
    answer = Answer.YES if p_yes >= YES_FROM else Answer.NO if p_yes < NO_BELOW else Answer.UNDECIDED
    return Verdict(answer, round(p_yes, 4), deciding(factors, answer is Answer.YES).reason, MODEL)


def affinity(reference: Garment, candidate: Garment) -> float:
    """`p_yes` of the pair in [0, 1] without the words; 0.5 where nothing is known."""
    factors = pair_factors(reference, candidate, "en")
    return probability(factors) if factors else 0.5


def weighted_affinity(colour: float = 1.0, style: float = 1.0) -> Callable[[Garment, Garment], float]:
    """`affinity` with the pull of colour, and of everything else, multiplied: 0 leaves it out. Vetoes stay vetoes."""
    if colour == style == 1.0:
        return affinity

    def weighted(reference: Garment, candidate: Garment) -> float:
        factors = pair_factors(reference, candidate, "en")
        if not factors or any(factor.is_veto for factor in factors):
            return 0.0 if factors else 0.5
        return logistic(sum(f.pull * (colour if f.name == "colour" else style) for f in factors))

    return weighted


def probability(factors: Sequence[Factor]) -> float:
    """The logistic of all pulls; 0 where there is a veto."""
    return logistic(sum(factor.pull for factor in factors))


def deciding(factors: Sequence[Factor], is_yes: bool, usual: Mapping[str, float] = MappingProxyType({})) -> Factor:
    """The factor that decided: for a yes the strongest pull beyond the usual one, else a veto or the weakest point."""
    vetoes = [factor for factor in factors if factor.is_veto]
    if vetoes:
        return vetoes[0]
    if not is_yes:
        return min(factors, key=lambda factor: factor.pull)
    speaking = [factor for factor in factors if factor.pull > 0] or factors
    return max(speaking, key=lambda factor: factor.pull - usual.get(factor.name, 0.0))


def pair_factors(a: Garment, b: Garment, lang: Lang) -> list[Factor]:
    """What can be said of garment `a` and candidate `b`; a factor with nothing to go on is left out."""
    views: tuple[Callable[[Garment, Garment, Lang], Factor | None], ...] = (
        _place,
        _person,
        _tradition,
        _colour,
        _occasion,
        _category,
        _weather,
        _pattern,
    )
    return [factor for view in views if (factor := view(a, b, lang)) is not None]


# --- vetoes ------------------------------------------------------------------------------------------------------


def _place(a: Garment, b: Garment, lang: Lang) -> Factor | None:
    """No two pieces for one slot; a one-piece covers top and bottom. Accessories meet on one part of the body only."""
    first, second = slot_in_look(a), slot_in_look(b)
    if first is None or second is None:
        return None
    if first is second is Slot.ACCESSORY:
        regions = [region_of(g.attributes.category or "") for g in (a, b)]
        is_taken = regions[0] is not None and regions[0] == regions[1]
    else:
        is_taken = second in _COVERED.get(first, {first}) or first in _COVERED.get(second, {second})
    return Factor("slot", -math.inf, say("same_slot", a, b, lang)) if is_taken else None


_CHILDREN = "Children"  # a garment for both, whose title says that it is small
_PEOPLE = {
    "en": {"Men": "men", "Women": "women", "Boys": "boys", "Girls": "girls", _CHILDREN: "children", "Unisex": "adults"},
    "zh": {"Men": "男", "Women": "女", "Boys": "男童", "Girls": "女童", _CHILDREN: "儿童", "Unisex": "成人"},
}
_OF_CHILDREN = re.compile(r"\b(?:child(?:ren)?|kids?|junior|toddlers?|infants?|bab(?:y|ies)(?! pink| blue| ?doll))\b", re.IGNORECASE)


def can_be_worn_by(a: str | None, b: str | None) -> bool:
    """May one person wear both? Unisex goes with all but what is for children; what is not known forbids nothing."""
    if a is None or b is None or a == b:
        return True
    if _CHILDREN in (a, b):
        return bool({a, b} & {Gender.BOYS, Gender.GIRLS})
    return Gender.UNISEX in (a, b)


def wearer(garment: Garment) -> str | None:
    """Who it is made for: its gender, or "Children" where shops file it under Unisex; None where nobody knows."""
    gender = garment.attributes.gender
    if gender in (None, Gender.UNISEX) and _OF_CHILDREN.search(garment.title):
        return _CHILDREN
    return gender


def _person(a: Garment, b: Garment, lang: Lang) -> Factor | None:
    first, second = wearer(a), wearer(b)
    if can_be_worn_by(first, second):
        return None
    words = {"ga": _PEOPLE[lang][str(first)], "gb": _PEOPLE[lang][str(second)]}
    return Factor("person", -math.inf, say("other_gender", a, b, lang, **words))


# Western pieces that people wear with traditional Indian ones, by the traditional piece. No public outfits show it, so
# the table is by hand: what the catalogue's own pictures of kurtas, kurtis and sarees are styled with.
_WITH_TUNICS = frozenset(
    [
        "Jeans",
        "Leggings",
        "Jeggings",
        "Trousers",
        "Capris",
        "Sandals",
        "Flats",
        "Heels",
        "Handbags",
        "Clutches",
        "Watches",
        "Sunglasses",
        "Scarves",
        "Stoles",
        "Earrings",
        "Pendant",
        "Ring",
        "Bracelet",
        "Bangle",
    ]
) | {"Necklace and Chains", "Jewellery Set", "Casual Shoes"}
_WITH_DRAPED = frozenset(
    [
        "Sandals",
        "Flats",
        "Heels",
        "Clutches",
        "Handbags",
        "Watches",
        "Earrings",
        "Pendant",
        "Ring",
        "Bracelet",
        "Bangle",
    ]
) | {
    "Necklace and Chains",
    "Jewellery Set",
}
_DRAPED = frozenset({"Sarees", "Lehenga Choli", "Kurta Sets", "Churidar", "Salwar", "Patiala", "Salwar and Dupatta"})


def is_traditional(garment: Garment) -> bool:
    """Traditional Indian dress: by its category, or clothes that the catalogue files under ethnic usage."""
    category = garment.attributes.category
    if category is not None and is_ethnic(category):
        return True
    return garment.attributes.usage == "Ethnic" and slot_in_look(garment) in _CLOTHES


def _tradition(a: Garment, b: Garment, lang: Lang) -> Factor | None:
    first, second = is_traditional(a), is_traditional(b)
    if not first and not second:
        return None
    if first and second:
        return Factor("tradition", 0.9, say("ethnic_together", a, b, lang))
    traditional, western = (a, b) if first else (b, a)
    name = western.attributes.category
    if name is None or traditional.attributes.category is None:
        return None
    if name in (_WITH_DRAPED if traditional.attributes.category in _DRAPED else _WITH_TUNICS):
        return Factor("tradition", 0.4, say("ethnic_fusion", a, b, lang))
    return Factor("tradition", -math.inf, say("ethnic_clash", a, b, lang))


# --- pulls -------------------------------------------------------------------------------------------------------


def _colour(a: Garment, b: Garment, lang: Lang) -> Factor | None:
    first, second = tone_of(a), tone_of(b)
    if first is None or second is None:
        return None
    kind = relation(first, second)
    if kind == "print_on_colour" and echo_of(*((second, a) if first.family == "multi" else (first, b))):
        kind = "echo"
    pull = PULL[kind]
    # A small piece can neither ruin nor make a look by its colour.
    size = min(_VISIBLE[slot_in_look(g)] for g in (a, b))
    return Factor("colour", pull * size, _colour_reason(kind, a, b, first, second, lang))


_VISIBLE = {None: 1.0, **dict.fromkeys(Slot, 1.0), Slot.SHOES: 0.9, Slot.BAG: 0.9, Slot.ACCESSORY: 0.6}


def _colour_reason(kind: str, a: Garment, b: Garment, first: Tone, second: Tone, lang: Lang) -> str:
    plain = second if first.family == "multi" else first
    more = {
        "plain": colour_word(plain.name, lang),
        "other": _beside_denim(a, b, first, second, lang),
        "depth": _depth(first, second, lang),
        "neutral": colour_word(first.name if first.is_neutral else second.name, lang),
        "hue": colour_word(second.name if first.is_neutral else first.name, lang),
        "ies": "y" if is_plural(b.attributes.category) else "ies",
    }
    if kind == "echo" and second.family == "multi":
        a, b, first, second = b, a, second, first
    return say(kind, a, b, lang, ca=first.name, cb=second.name, **more)


def _beside_denim(a: Garment, b: Garment, first: Tone, second: Tone, lang: Lang) -> str:
    return colour_word(second.name if first.is_denim else first.name, lang)


def _depth(first: Tone, second: Tone, lang: Lang) -> str:
    is_lighter = second.lightness > first.lightness
    if lang == "zh":
        return "浅" if is_lighter else "深"
    return "a lighter" if is_lighter else "a deeper"


_USAGE = {
    "Sports": 0.1,
    "Casual": 0.35,
    "Travel": 0.3,
    "Smart Casual": 0.6,
    "Ethnic": 0.55,
    "Party": 0.8,
    "Formal": 0.85,
}


def dressiness(garment: Garment) -> float | None:
    """How formal a garment is, 0 (bed, beach) to 1 (black tie): its category's 0.6, its usage's 0.4 of it."""
    by_category = formality_of(garment.attributes.category) if garment.attributes.category else None
    by_usage = _USAGE.get(garment.attributes.usage or "")
    if by_category is None or by_usage is None:
        return by_usage if by_category is None else by_category
    return 0.6 * by_category + 0.4 * by_usage


def suits(garment: Garment, usage: str | None) -> float:
    """How near a garment is to an occasion in dressiness, in [0, 1]; 1 where none is asked for, or nothing is known."""
    asked, worn = _USAGE.get(usage or ""), dressiness(garment)
    return 1.0 if asked is None or worn is None else 1.0 - abs(asked - worn)


_OCCASIONS = {
    "en": ((0.2, "sporty"), (0.42, "casual"), (0.6, "smart casual"), (1.1, "formal")),
    "zh": ((0.2, "运动"), (0.42, "休闲"), (0.6, "商务休闲"), (1.1, "正式")),
}


def level_word(garments: Sequence[Garment], lang: Lang) -> str:
    """The word for how formal the garments are on average: sporty, casual, smart casual, formal."""
    known = [value for garment in garments if (value := dressiness(garment)) is not None]
    mean = sum(known) / len(known)
    return next(word for limit, word in _OCCASIONS[lang] if mean < limit)


def _occasion(a: Garment, b: Garment, lang: Lang) -> Factor | None:
    first, second = dressiness(a), dressiness(b)
    if first is None or second is None:
        return None
    usages = {a.attributes.usage, b.attributes.usage}
    if "Sports" in usages and usages & {"Formal", "Party", "Ethnic"}:
        return Factor("occasion", -3.0, say("sport_with_formal", a, b, lang))
    gap = abs(first - second)
    pull = 0.6 - 5.0 * max(0.0, gap - 0.12) - 6.0 * max(0.0, gap - 0.42)
    if "Sports" in usages and len(usages) == 2 and not usages & {None, "Travel"}:
        pull -= 0.4
    if pull >= 0:
        return Factor("occasion", pull, say("same_occasion", a, b, lang, occasion=level_word((a, b), lang)))
    pull *= min(_VISIBLE[slot_in_look(g)] for g in (a, b))
    more = {"en": ("dressier", "more casual"), "zh": ("更正式", "更随意")}[lang][0 if second > first else 1]
    return Factor("occasion", pull, say("uneven_occasion", a, b, lang, more=more))


def _category(a: Garment, b: Garment, lang: Lang) -> Factor | None:
    odds = pair_lift(a.attributes.category, b.attributes.category)
    if odds is None:
        return None
    pull = min(max(odds, -2.5), 1.5)
    words = {"the_a": some(a.attributes.category, lang), "the_b": some(b.attributes.category, lang)}
    return Factor("category", pull, say("combined_often" if pull >= 0 else "combined_rarely", a, b, lang, **words))


# How warm a category is worn, 0 (heat) to 1 (frost), where it says anything at all.
_WARMTH = {
    "Sweaters": 0.8, "Sweatshirts": 0.7, "Jackets": 0.75, "Mufflers": 0.95, "Gloves": 0.95, "Stockings": 0.7,
    "Tracksuits": 0.6, "Blazers": 0.6, "Shorts": 0.1, "Sandals": 0.2, "Sports Sandals": 0.15, "Flip Flops": 0.05,
    "Swimwear": 0.0, "Capris": 0.25, "Camisoles": 0.2,
}  # fmt: skip


def _weather(a: Garment, b: Garment, lang: Lang) -> Factor | None:
    first, second = _WARMTH.get(a.attributes.category or ""), _WARMTH.get(b.attributes.category or "")
    if first is None or second is None:
        return None
    gap = abs(first - second)
    if gap < 0.4:
        return Factor("weather", 0.2, say("same_weather", a, b, lang, the_a=some(a.attributes.category, lang)))
    warm, cool = ("cold", "warm") if lang == "en" else ("冷", "热")
    words = {"wa": warm if first > second else cool, "wb": cool if first > second else warm}
    return Factor("weather", -2.0 * gap, say("seasons_apart", a, b, lang, **words))


_PATTERNS = frozenset(
    [
        "printed",
        "print",
        "prints",
        "striped",
        "stripes",
        "stripe",
        "check",
        "checks",
        "checked",
        "checkered",
        "plaid",
        "floral",
        "flower",
        "polka",
        "dotted",
        "camouflage",
        "camo",
        "paisley",
        "leopard",
        "zebra",
        "animal",
        "abstract",
        "geometric",
        "tropical",
    ]
)


def is_patterned(garment: Garment) -> bool:
    """Does its title say so, or its colour (several)? A palette does not tell: a worn picture shows jeans too."""
    words = garment.title.lower().replace("-", " ").split()
    return garment.attributes.colour == "Multi" or not _PATTERNS.isdisjoint(words)


def _pattern(a: Garment, b: Garment, lang: Lang) -> Factor | None:
    clash = is_patterned(a) and is_patterned(b) and {slot_in_look(a), slot_in_look(b)} <= _CLOTHES
    return Factor("pattern", -0.9, say("two_patterns", a, b, lang)) if clash else None
