"""The catalogue's categories: where each is worn, how formal it is, and what people call it in English and Chinese.

The table is `data/vocabulary/categories.json`: all article types of the public "Fashion Product Images" catalogue, and
shop words that mean one or several of them. Names are looked up without regard to case, hyphens, plural and script.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from retrieval import resources
from retrieval.items import Slot
from retrieval.words import is_han, keys


@dataclass(frozen=True, slots=True)
class Category:
    """One article type. `slot` None: it fills no place in a look (perfume, a football, briefs).

    `formality` runs from 0 (bed, beach) to 1 (black tie); None for what is not worn. `on_request` says why it is never
    proposed unasked ("innerwear", "nightwear", "not part of a look"), or is "". `region` of the body: head, eyes, neck,
    upper, arms, waist, lower, whole, feet, or carried.
    """

    name: str
    slot: Slot | None
    region: str | None
    formality: float | None
    is_ethnic: bool
    on_request: str
    zh: tuple[str, ...]
    en: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CategoryWord:
    """A word for one or several categories, the likeliest first; `english` is how the catalogue would say it, `zh` how
    a Chinese shop would.

    A word is `is_narrow` when it says more than its categories do ("trench coat" among Jackets).
    """

    word: str
    english: str
    zh: str
    categories: tuple[str, ...]
    is_narrow: bool = False


@cache
def categories() -> Mapping[str, Category]:
    """All categories by name, in the order of the table."""
    rows = _table()["categories"]
    return MappingProxyType(
        {
            row["name"]: Category(
                name=row["name"],
                slot=Slot(row["slot"]) if row["slot"] else None,
                region=row["region"],
                formality=row["formality"],
                is_ethnic=row.get("ethnic", False),
                on_request=row.get("on_request", ""),
                zh=tuple(row["zh"]),
                en=tuple(row["en"]),
            )
            for row in rows
        }
    )


@cache
def category_words() -> tuple[CategoryWord, ...]:
    """Every word for a category, names included. A shop word that means several stands before a name."""
    found = []
    for row in _table()["words"]:
        narrow, names = row.get("narrow", False), tuple(row["categories"])
        zh = next((word for word in row["words"] if is_han(word)), category_zh(names[0]))
        found += [CategoryWord(word, row["words"][0], zh, names, narrow) for word in row["words"]]
    for category in categories().values():
        english = category.name.lower()
        spellings = (category.name, *category.en, *category.zh)
        found += [CategoryWord(word, english, category.zh[0], (category.name,)) for word in spellings]
    return tuple(found)


def slot_of(category: str) -> Slot | None:
    """The place in a look that the category fills; None for what fills none, and for an unknown category."""
    row = _row(category)
    return row.slot if row else None


def canonical_category(name: str) -> str | None:
    """The catalogue's own name for a category however written ("T-Shirt", "sneakers", 衬衫), or None.

    Where the whole is unknown, leading words are dropped: "Men's Skinny Jeans" is Jeans. A word for several categories
    gives the likeliest.
    """
    if name in categories():
        return name
    units = keys(name)
    for start in range(len(units)):
        tail = units[start:]
        if start == 0 and tail in _names():
            return _names()[tail]
        if tail in _words():
            return _words()[tail].categories[0]
    return None


def categories_for_word(word: str) -> tuple[str, ...]:
    """The categories that a shopper's word means, the likeliest first: "hat" -> Caps, Hat; () where it means none."""
    found = _words().get(keys(word))
    return found.categories if found else ()


def categories_in(slot: Slot) -> tuple[str, ...]:
    """Names of the categories that fill this slot, those never proposed unasked left out."""
    return tuple(row.name for row in categories().values() if row.slot is slot and not row.on_request)


def is_suggestible(category: str) -> bool:
    """Whether an item of this category may be proposed unasked: it fills a slot, and is no innerwear or nightwear."""
    row = _row(category)
    return row is not None and row.slot is not None and not row.on_request


def is_ethnic(category: str) -> bool:
    """Whether it belongs to traditional Indian dress (kurta, saree, dupatta...)."""
    row = _row(category)
    return row is not None and row.is_ethnic


def category_zh(category: str) -> str:
    """The Chinese name, or the category itself where it is unknown."""
    row = _row(category)
    return row.zh[0] if row else category


def formality_of(category: str) -> float | None:
    """From 0 (bed, beach) to 1 (black tie); None for what is not worn and for an unknown category."""
    row = _row(category)
    return row.formality if row else None


def region_of(category: str) -> str | None:
    """The part of the body, or None; see `Category`."""
    row = _row(category)
    return row.region if row else None


@cache
def _table() -> dict:
    return json.loads(resources.path("vocabulary/categories.json").read_text(encoding="utf-8"))


def _row(category: str) -> Category | None:
    name = canonical_category(category)
    return categories()[name] if name else None


@cache
def _names() -> dict[tuple[str, ...], str]:
    return {keys(name): name for name in categories()}


@cache
def _words() -> dict[tuple[str, ...], CategoryWord]:
    found: dict[tuple[str, ...], CategoryWord] = {}
    for row in category_words():
        found.setdefault(keys(row.word), row)
    return found
