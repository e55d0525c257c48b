"""The characters that looks may have, so that three looks differ in kind: tone on tone, contrast, dressier, relaxed.

A title is only given where it is true of the whole set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from assistant.compatibility import dressiness
from assistant.harmony import relation, tone_of
from assistant.phrases import colour_word
from retrieval.colours import colours
from retrieval.items import Garment, Lang

_TONAL = frozenset({"tone_on_tone", "same_colour", "neutrals_same"})
_CONTRAST = frozenset({"complementary", "neutrals_contrast"})
_WEIGHT = 1.2  # log odds: strong enough to choose among pieces that all go, too weak to bring in one that does not


@dataclass(frozen=True, slots=True)
class Character:
    """`of` says how much a piece beside the reference has it, in [-1, 1]; at `least` on average the title is true."""

    key: str
    of: Callable[[Garment, Garment], float]
    least: float
    titles: dict[Lang, str]

    def worth(self, reference: Garment, piece: Garment) -> float:
        """Log odds for choosing this piece when the look shall have this character."""
        return _WEIGHT * self.of(reference, piece)

    def fits(self, garments: Sequence[Garment]) -> float:
        """The mean over the pieces, the reference first among the garments."""
        reference, *pieces = garments
        return sum(self.of(reference, piece) for piece in pieces) / len(pieces) - self.least


def _relation(a: Garment, b: Garment) -> str | None:
    first, second = tone_of(a), tone_of(b)
    return None if first is None or second is None else relation(first, second)


def _is_tonal(a: Garment, b: Garment) -> float:
    return float(_relation(a, b) in _TONAL)


def _is_contrast(a: Garment, b: Garment) -> float:
    return float(_relation(a, b) in _CONTRAST)


def _dressier(a: Garment, b: Garment) -> float:
    first, second = dressiness(a), dressiness(b)
    return 0.0 if first is None or second is None else max(-1.0, min(1.0, 3 * (second - first)))


def _calmer(a: Garment, b: Garment) -> float:
    return -_dressier(a, b)


def _is_neutral(a: Garment, b: Garment) -> float:
    tone = tone_of(b)
    return float(tone is not None and tone.is_neutral)


CHARACTERS = (
    Character("tonal", _is_tonal, 0.5, {"en": "Tone on tone", "zh": "同色系"}),
    Character("contrast", _is_contrast, 0.5, {"en": "A clear contrast", "zh": "鲜明对比"}),
    Character("dressy", _dressier, 0.3, {"en": "A little dressier", "zh": "更正式一点"}),
    Character("relaxed", _calmer, 0.3, {"en": "Relaxed", "zh": "轻松随性"}),
    Character("neutral", _is_neutral, 1.0, {"en": "Calm neutrals", "zh": "安静的中性色"}),
)
_PLAIN = {
    "en": ("With {colour}", "Another way", "A third way", "One more way"),
    "zh": ("搭配{colour}", "换一种搭法", "第三种搭法", "再换一种搭法"),
}


def titles() -> Iterator[dict[Lang, str]]:
    """Every title that `title_for` gives, in each language."""
    yield from (character.titles for character in CHARACTERS)
    (en, *more_en), (zh, *more_zh) = _PLAIN["en"], _PLAIN["zh"]
    for name in colours():
        yield {"en": en.format(colour=colour_word(name, "en")), "zh": zh.format(colour=colour_word(name, "zh"))}
    yield from ({"en": first, "zh": second} for first, second in zip(more_en, more_zh, strict=True))


def title_for(
    garments: Sequence[Garment], wanted: Character, taken: Sequence[str], lang: Lang
) -> tuple[str, Character | None]:
    """A title that is true of the garments and not taken, and the character it names (None: none of them)."""
    order = [wanted, *(character for character in CHARACTERS if character is not wanted)]
    for character in order:
        if character.fits(garments) >= 0 and character.titles[lang] not in taken:
            return character.titles[lang], character
    colours = [tone.name for garment in garments[1:] if (tone := tone_of(garment)) is not None]
    first, *others = _PLAIN[lang]
    words = [first.format(colour=colour_word(colour, lang)) for colour in colours]
    return next(title for title in (*words, *others) if title not in taken), None
