"""How two colours go together: relations in LCh, each with the log odds that a stylist would wear them together.

The relations are those of the trade (neutrals, tone on tone, analogous, complementary, contrast) over hue distance in
CIELAB's LCh. No public data says which real colours people combine, so the log odds are set by hand; they are held
against the labelled pairs of `data/vocabulary/colour_pairs.json` by `outfit evaluate compatibility`.
"""

from __future__ import annotations

from dataclasses import dataclass

from retrieval.colours import base_colour, colours, family_of
from retrieval.items import Garment
from retrieval.palettes import lab_to_lch

_NEUTRAL_FAMILIES = frozenset({"black", "white", "grey", "beige"})
_GROUNDING = frozenset({"Navy Blue", "Brown", "Coffee Brown", "Mushroom Brown", "Tan", "Gold", "Bronze", "Copper"})
_MIDDLE = (55.0, 0.0, 0.0)  # of several colours that nobody measured
_SAME_LIGHTNESS = 18.0
_DENIM = frozenset({"Jeans", "Jeggings"})

PULL = {
    "neutrals_contrast": 0.9,
    "neutrals": 0.6,
    "neutrals_same": 0.6,
    "neutral_colour": 0.8,
    "denim": 0.7,
    "tone_on_tone": 1.0,
    "same_colour": 0.4,
    "near_miss": -0.5,
    "analogous": 0.6,
    "muted": 0.2,
    "clash": -1.1,
    "complementary": 0.5,
    "strong_complementary": -0.3,
    "black_with_dark": 0.3,
    "echo": 0.9,
    "print_on_plain": 0.5,
    "two_prints": -0.9,
    "print_on_colour": 0.0,
}


@dataclass(frozen=True, slots=True)
class Tone:
    """The colour that a garment speaks with: its word in the catalogue's language, and where it lies.

    `hue` in degrees of LCh. A neutral lets others speak: black to white, beige, and what grounds like them (navy,
    brown, metal, denim).
    """

    name: str
    family: str
    lightness: float
    chroma: float
    hue: float
    is_neutral: bool
    is_denim: bool = False

    @property
    def is_vivid(self) -> bool:
        return self.chroma >= 35


def tone_of(garment: Garment) -> Tone | None:
    """The garment's tone, from its colour word and its palette; None where neither is known.

    The word of the attributes counts; without one, the palette's. The place is that of the largest swatch of the same
    family where it is about as light as the word says, else the anchor of the word that is nearest to it.
    """
    known = colours()
    name = garment.attributes.colour if garment.attributes.colour in known else None
    if name is None and garment.palette:
        name = base_colour(garment.palette)
    if name is None:
        return None
    family = family_of(name)
    anchors = known[name].anchors or tuple(swatch.lab for swatch in garment.palette) or (_MIDDLE,)
    same = [swatch for swatch in garment.palette if swatch.family == family]
    if same:
        measured = max(same, key=lambda swatch: swatch.share).lab
        anchor = min(anchors, key=lambda lab: abs(lab[0] - measured[0]))
        lab = measured if abs(anchor[0] - measured[0]) <= _SAME_LIGHTNESS else anchor
    else:
        lab = anchors[len(anchors) // 2]
    lightness, chroma, hue = lab_to_lch(lab)
    is_denim = garment.attributes.category in _DENIM and family in ("blue", "grey", "black")
    is_neutral = is_denim or family in _NEUTRAL_FAMILIES or name in _GROUNDING or known[name].kind == "metal"
    return Tone(name, family, lightness, chroma, hue, is_neutral, is_denim)


def hue_distance(a: Tone, b: Tone) -> float:
    """Degrees between two hues, in [0, 180]."""
    gap = abs(a.hue - b.hue) % 360
    return min(gap, 360 - gap)


def relation(a: Tone, b: Tone) -> str:
    """What two plain colours are to each other: a key of `PULL`."""
    if a.family == "multi" or b.family == "multi":
        return _with_print(a, b)
    if a.is_neutral and b.is_neutral:
        return _neutrals(a, b)
    if a.is_neutral or b.is_neutral:
        return _on_neutral(a, b)
    return _two_hues(a, b)


def _with_print(a: Tone, b: Tone) -> str:
    if a.family == b.family:
        return "two_prints"
    plain = b if a.family == "multi" else a
    return "print_on_plain" if plain.is_neutral else "print_on_colour"


def _neutrals(a: Tone, b: Tone) -> str:
    if a.is_denim != b.is_denim:
        return "denim"
    names = {a.name, b.name}
    if a.name == b.name:
        return "neutrals_same"
    if "Black" in names and names & {"Navy Blue", "Brown", "Coffee Brown"}:
        return "black_with_dark"
    gap = abs(a.lightness - b.lightness)
    if gap >= 40:
        return "neutrals_contrast"
    return "neutrals_same" if a.family == b.family and gap < 15 else "neutrals"


def _on_neutral(a: Tone, b: Tone) -> str:
    if a.is_denim or b.is_denim:
        return "denim"
    if a.family == b.family and abs(a.lightness - b.lightness) >= 12:  # navy under sky blue
        return "tone_on_tone"
    return "neutral_colour"


def _two_hues(a: Tone, b: Tone) -> str:
    gap, light = hue_distance(a, b), abs(a.lightness - b.lightness)
    if a.family == b.family and (a.name == b.name or gap < 40):
        if light >= 12:
            return "tone_on_tone"
        return "same_colour" if a.name == b.name or abs(a.chroma - b.chroma) < 15 else "near_miss"
    if gap < 15 and light < 12:
        return "near_miss"
    if gap <= 55:
        return "analogous"
    if gap >= 145:
        return "strong_complementary" if a.chroma >= 50 and b.chroma >= 50 else "complementary"
    if min(a.chroma, b.chroma) < 18:
        return "muted"
    return "clash" if a.is_vivid and b.is_vivid else "muted"


def echo_of(plain: Tone, printed: Garment) -> bool:
    """Is this colour one of those in the printed garment? Neutrals do not count: they are in most prints."""
    return not plain.is_neutral and any(
        swatch.family == plain.family and swatch.share >= 0.1 for swatch in printed.palette
    )
