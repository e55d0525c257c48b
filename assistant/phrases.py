"""The reasons of the compatibility rules in words: several phrasings of each, in English and Chinese.

The phrasings are `data/vocabulary/reasons.json`. One is chosen by what is spoken of, so that the same pair always gets
the same sentence and different pieces of one look rarely get the same one. Fields: `{a}` and `{b}` are the shopper's
garment and the candidate with their colours ("navy blue jeans"), `{ca}` and `{cb}` the colours, `{na}` and `{nb}` the
nouns; `{s}`, `{es}` and `{is}` agree with the candidate.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import sha256

from retrieval import resources
from retrieval.colours import colours, zh
from retrieval.items import Garment, Lang, Slot
from retrieval.vocabulary import categories, category_zh, slot_of

_PLURAL = frozenset(
    [
        "Jeans",
        "Trousers",
        "Shorts",
        "Leggings",
        "Jeggings",
        "Tights",
        "Capris",
        "Heels",
        "Flats",
        "Sandals",
        "Sunglasses",
        "Earrings",
        "Gloves",
        "Socks",
        "Stockings",
        "Cufflinks",
        "Suspenders",
        "Rompers",
    ]
) | {"Casual Shoes", "Sports Shoes", "Formal Shoes", "Sports Sandals", "Flip Flops", "Track Pants", "Lounge Pants"}
_NOUNS = {
    "Tshirts": "T-shirt",
    "Watches": "watch",
    "Dresses": "dress",
    "Scarves": "scarf",
    "Clutches": "clutch",
    "Necklace and Chains": "necklace",
    "Salwar and Dupatta": "salwar and dupatta",
    "Ties and Cufflinks": "tie and cufflinks",
    "Formal Shoes": "dress shoes",
    "Capris": "capri trousers",
    "Booties": "booties",
}
_COLOURS = {
    "Multi": "multicoloured",
    "Skin": "skin-coloured",
    "Fluorescent Green": "neon green",
    "Metallic": "metallic",
}


def noun(category: str | None, lang: Lang) -> str:
    """A category in a sentence: "T-shirt", "jeans"; T恤. "piece" / 单品 where it is not known."""
    if category is None:
        return "piece" if lang == "en" else "这件单品"
    if lang == "zh":
        return category_zh(category)
    if category in _NOUNS:
        return _NOUNS[category]
    if category in _PLURAL:
        return category.lower()
    return category.lower().removesuffix("s") if category in categories() else category


def colour_word(name: str | None, lang: Lang) -> str:
    """A colour in a sentence: "navy blue", 藏青色; "" where it is not known."""
    if name is None or name not in colours():
        return ""
    return zh(name) if lang == "zh" else _COLOURS.get(name, name.lower())


def spoken(garment: Garment, colour: str | None, lang: Lang) -> str:
    """The garment with its colour: "navy blue jeans", 藏青色牛仔裤."""
    words = [colour_word(colour, lang), noun(garment.attributes.category, lang)]
    return (" " if lang == "en" else "").join(word for word in words if word)


def is_plural(category: str | None) -> bool:
    return category in _PLURAL


@cache
def _phrases() -> dict[str, dict[str, list[str]]]:
    return json.loads(resources.path("vocabulary/reasons.json").read_text(encoding="utf-8"))


def say(
    kind: str, a: Garment, b: Garment, lang: Lang, *, ca: str | None = None, cb: str | None = None, **more: str
) -> str:
    """The sentence for one reason about garment `a` and candidate `b`, with their colours where they matter.

    Which phrasing: by the garment, and one further for each slot, so that the pieces of one look differ.
    """
    slot = b.attributes.slot or slot_of(b.attributes.category or "")
    turn = _number(kind, a.sku or a.title) + (_ORDER[slot] if slot else 0)
    fields = {
        "a": spoken(a, ca, lang),
        "b": spoken(b, cb, lang),
        "ca": colour_word(ca, lang),
        "cb": colour_word(cb, lang),
        "na": noun(a.attributes.category, lang),
        "nb": noun(b.attributes.category, lang),
        "s": "" if is_plural(b.attributes.category) else "s",
        "es": "" if is_plural(b.attributes.category) else "es",
        "is": "are" if is_plural(b.attributes.category) else "is",
    }
    return _sentence(kind, turn, lang, fields | more, is_same_word=ca is not None and ca == cb)


def say_of_set(kind: str, garments: Sequence[Garment], lang: Lang, **fields: str) -> str:
    """The sentence for one reason about a whole look."""
    turn = _number(kind, *(garment.sku or garment.title for garment in garments))
    return _sentence(kind, turn, lang, {"na": noun(garments[0].attributes.category, lang), **fields})


def listed(words: Sequence[str], lang: Lang) -> str:
    """Words as a list in a sentence, each once: "black, grey and white"; 黑色、灰色和白色."""
    once = list(dict.fromkeys(words))
    if len(once) < 2:
        return "".join(once)
    comma, last = (", ", " and ") if lang == "en" else ("、", "和")
    return comma.join(once[:-1]) + last + once[-1]


def some(category: str | None, lang: Lang) -> str:
    """A noun with its article where English wants one: "a T-shirt", "jeans"."""
    word = noun(category, lang)
    if lang == "zh" or is_plural(category):
        return word
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"


_ORDER = {slot: i for i, slot in enumerate(Slot)}


def _number(*words: str) -> int:
    return int.from_bytes(sha256("|".join(words).encode()).digest()[:4], "big")


def _sentence(kind: str, turn: int, lang: Lang, fields: Mapping[str, str], *, is_same_word: bool = False) -> str:
    choices = _phrases()[lang][kind]
    if is_same_word:  # "blue and blue" is no sentence
        choices = [text for text in choices if not ("{ca}" in text and "{cb}" in text)] or choices
    text = choices[turn % len(choices)].format(**fields)
    return text[0].upper() + text[1:]


_SLOTS = {
    "en": {"one-piece": "dress or one-piece", "outerwear": "jacket or coat", "shoes": "pair of shoes"},
    "zh": {
        "top": "上装",
        "bottom": "下装",
        "one-piece": "连身装",
        "outerwear": "外套",
        "shoes": "鞋",
        "bag": "包",
        "accessory": "配饰",
    },
}


def slot_word(slot: Slot, lang: Lang) -> str:
    """A slot in a sentence: "pair of shoes", 外套."""
    return _SLOTS[lang].get(str(slot), str(slot))
