"""Is a whole look coherent? The pairs of `assistant.compatibility`, the categories as one outfit, and the hues.

Of the log odds, those of the categories are calibrated: on real outfits against the same with one piece swapped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from assistant.compatibility import Factor, deciding, level_word, pair_factors, probability, slot_in_look
from assistant.harmony import tone_of
from assistant.phrases import colour_word, listed, say_of_set, some
from retrieval.combinations import combined_category, set_odds
from retrieval.items import Garment, Lang, Slot

_BODY = frozenset({Slot.TOP, Slot.BOTTOM, Slot.ONE_PIECE})
_MOST_HUES = 2  # colours with a hue of their own, neutrals not counted; each more costs
# What a factor pulls in most composed looks: what sets this look apart is what it pulls beyond that.
_USUAL = {"category": 1.0, "colour": 0.4, "occasion": 0.4}


@dataclass(frozen=True, slots=True)
class SetScore:
    """How coherent a whole look is, in [0, 1]; 0 where a veto holds. `reason` is the factor that decided."""

    score: float
    factors: tuple[Factor, ...]
    reason: str


def score_set(garments: Sequence[Garment], lang: Lang = "en") -> SetScore:
    """How coherent these garments are as one look: the mean of all pairs by factor, so that a look of six pieces is not
    judged harder than one of three; the categories as one outfit; and the number of hues. A veto of any pair is one.

    One garment alone is neither good nor bad: 0.5 and no reason.
    """
    if len(garments) < 2:
        return SetScore(0.5, (), "")
    found: dict[str, list[Factor]] = {}
    for a, b in combinations(garments, 2):
        for factor in pair_factors(a, b, lang):
            found.setdefault(factor.name, []).append(factor)
    if any(slot_in_look(g) in _BODY and combined_category(g.attributes.category) is None for g in garments):
        found.pop("category", None)  # leggings and heels mean something else under a kurta
    vetoes = [factor for factors in found.values() for factor in factors if factor.is_veto]
    if vetoes:
        return SetScore(0.0, tuple(vetoes), vetoes[0].reason)
    pairs = len(garments) * (len(garments) - 1) / 2
    factors = [_mean_factor(name, rows, pairs, garments, lang) for name, rows in found.items()]
    _, hues = _colours_of(garments)
    if len(hues) > _MOST_HUES:
        words = listed([colour_word(name, lang) for name in hues], lang)
        pull = -0.8 * (len(hues) - _MOST_HUES)
        factors.append(Factor("hues", pull, say_of_set("set_many_hues", garments, lang, hues=words)))
    if not factors:
        return SetScore(0.5, (), "")
    score = probability(factors)
    return SetScore(score, tuple(factors), deciding(factors, score >= 0.5, _USUAL).reason)


def _mean_factor(name: str, rows: Sequence[Factor], pairs: float, garments: Sequence[Garment], lang: Lang) -> Factor:
    """One factor of a set: the mean pull of its pairs; its sentence speaks of the set, or of the pair that spoils it."""
    pull = sum(factor.pull for factor in rows) / pairs
    if name == "category" and (odds := set_odds([garment.attributes.category for garment in garments])) is not None:
        pull = odds
    worst = min(rows, key=lambda factor: factor.pull)
    if name == "colour" and pull < 0:
        pull *= 1.5  # a clash spoils more than the two pieces that clash
    if pull < 0:
        return Factor(name, pull, worst.reason)
    if name == "colour":
        return Factor(name, pull, _set_colour(garments, lang))
    if name == "occasion":
        return Factor(name, pull, say_of_set("set_occasion", garments, lang, occasion=level_word(garments, lang)))
    if name == "category":
        words = [some(garment.attributes.category, lang) for garment in garments[:4]]
        return Factor(name, pull, say_of_set("set_category", garments, lang, list=listed(words, lang)))
    return Factor(name, pull, max(rows, key=lambda factor: factor.pull).reason)


def _colours_of(garments: Sequence[Garment]) -> tuple[list[str], list[str]]:
    """(neutral colour words, colour words with a hue of their own), one for each family, in order of appearance."""
    tones = [tone for garment in garments if (tone := tone_of(garment)) is not None]
    neutrals = {tone.family: tone.name for tone in reversed(tones) if tone.is_neutral}
    hues = {tone.family: tone.name for tone in reversed(tones) if not tone.is_neutral and tone.family != "multi"}
    order = [tone.family for tone in tones]
    return (
        [neutrals[family] for family in sorted(neutrals, key=order.index)],
        [hues[family] for family in sorted(hues, key=order.index)],
    )


def _set_colour(garments: Sequence[Garment], lang: Lang) -> str:
    neutrals, hues = _colours_of(garments)
    kinds = (("set_neutral", "set_neutral"), ("set_all_hue", "set_one_hue"), ("set_only_hues", "set_hues"))
    words = {
        "neutrals": listed([colour_word(name, lang) for name in neutrals], lang),
        "hues": listed([colour_word(name, lang) for name in hues], lang),
        "ns": "s" if len(neutrals) == 1 else "",
    }
    return say_of_set(kinds[min(len(hues), 2)][bool(neutrals)], garments, lang, **words)
