"""Shopping language, Chinese and English, read with one table: what each stretch of a text means.

The terms are `data/vocabulary/lexicon.json` (colours with shades, genders, materials, patterns, cuts, seasons, usages,
occasions) and the categories of `retrieval.vocabulary`. A text is cut into the fewest unknown and then the fewest known
stretches, so that 紧身牛仔裤 is "skinny" and "jeans" and not "tight", "denim" and "trousers".
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from retrieval import resources
from retrieval.vocabulary import category_words
from retrieval.words import Unit, is_han, keys, units

_LONGEST = 8  # units in the longest spelling: 平板电脑保护套 and the like; a test holds it


@dataclass(frozen=True, slots=True)
class Term:
    """One meaning. `name` is canonical: the catalogue's own word for a colour, gender, season or usage.

    `english` is how an English title would say it. A category word has its `categories`; an occasion the `usage` it
    asks for; a colour named with its shade ("light blue") the `shade` of that colour.
    """

    kind: str  # category, colour, gender, material, pattern, cut, season, usage, occasion, shade, slot, filler
    name: str
    english: str
    zh: str = ""
    categories: tuple[str, ...] = ()
    is_narrow: bool = False
    usage: str | None = None
    shade: str | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a text, [start, end) in characters; `term` is None where it is not understood."""

    start: int
    end: int
    text: str
    keys: tuple[str, ...]
    term: Term | None


def spans(text: str) -> list[Span]:
    """The text cut into known stretches and single unknown units, in order. Punctuation is left out."""
    found = units(text)
    return [
        Span(
            found[start].start,
            found[end - 1].end,
            text[found[start].start : found[end - 1].end],
            tuple(unit.key for unit in found[start:end]),
            term,
        )
        for start, end, term in cut(found, terms())
    ]


def to_english(text: str) -> str:
    """Chinese (or mixed) shopping text in the catalogue's English words; English stays as it is.

    Known Chinese stretches are translated, filler such as 的 and 款 is dropped, unknown characters are kept, runs of them
    together. A colour takes its shade along: 浅蓝色 is "light blue".
    """
    if not is_han(text):
        return text
    words: list[str] = []
    place = 0
    unknown_end = -1
    for span in spans(text):
        between = text[place : span.start].strip()
        place = span.end
        if between:
            words.append(between)
        if not is_han(span.text):
            words.append(span.text)
        elif span.term is None:
            if unknown_end == span.start and words:
                words[-1] += span.text
            else:
                words.append(span.text)
            unknown_end = span.end
        elif span.term.kind != "filler":
            words.append(span.term.english)
    tail = text[place:].strip()
    return " ".join([*words, tail] if tail else words)


def tokens(text: str) -> tuple[str, ...]:
    """Comparable tokens: "Women's black skinny jeans" and 女士黑色紧身牛仔裤 give the same.

    Known stretches become their canonical English words, without plural; filler is dropped.
    """
    found: list[str] = []
    for span in spans(text):
        if span.term is None:
            found.append("".join(span.keys))
        elif span.term.kind != "filler":
            found.extend(keys(span.term.english))
    return tuple(found)


def names_in(text: str, kind: str) -> frozenset[str]:
    """Canonical names of that kind that the text mentions: ("striped leather belt", "material") -> {"Leather"}."""
    return frozenset(span.term.name for span in spans(text) if span.term is not None and span.term.kind == kind)


def mentions(text: str, phrase: str) -> bool:
    """Whether the text says the phrase, in either language and number: ("Catwalk Women Ankle Boots", "boot") is true."""
    said, wanted = tokens(text), tokens(phrase)
    return bool(wanted) and any(said[i : i + len(wanted)] == wanted for i in range(len(said) - len(wanted) + 1))


def term_for(kind: str, name: str) -> Term | None:
    """The term of that kind with that canonical name: its Chinese for a chip, its usage for an occasion."""
    return _by_name().get((kind, name.lower()))


@cache
def terms() -> dict[tuple[str, ...], Term]:
    """Folded units -> meaning. The first to claim a spelling keeps it: categories, then the rows of the table."""
    found: dict[tuple[str, ...], Term] = {}
    rows = json.loads(resources.path("vocabulary/lexicon.json").read_text(encoding="utf-8"))["terms"]
    for row in rows:
        if row["kind"] == "slot":
            _claim(found, row)
    for word in category_words():
        zh = word.zh
        term = Term("category", word.english, word.english, zh, word.categories, word.is_narrow)
        found.setdefault(keys(word.word), term)
    for row in rows:
        if row["kind"] != "slot":
            _claim(found, row)
    found.pop((), None)
    return found


def _claim(found: dict[tuple[str, ...], Term], row: dict) -> None:
    zh = row["zh"][0] if row["zh"] else ""
    shade = row.get("shade")
    english = f"{shade} {row['name'].lower()}" if shade else row["name"].lower()
    term = Term(row["kind"], row["name"], english, zh, usage=row.get("usage"), shade=shade)
    for spelling in (*(() if shade else (row["name"],)), *row["zh"], *row["en"]):
        found.setdefault(keys(spelling), term)


@cache
def _by_name() -> dict[tuple[str, str], Term]:
    found: dict[tuple[str, str], Term] = {}
    for term in terms().values():
        if not term.shade:
            found.setdefault((term.kind, term.name.lower()), term)
    return found


def cut(found: Sequence[Unit], known: Mapping[tuple[str, ...], Term]) -> list[tuple[int, int, Term | None]]:
    """Units into [start, end) stretches of `known` meaning: fewest unknown units, then fewest stretches, then longest
    first."""
    n = len(found)
    best: list[tuple[int, int]] = [(0, 0)] * (n + 1)  # cost of the rest from i on
    step: list[tuple[int, Term | None]] = [(0, None)] * n
    for i in range(n - 1, -1, -1):
        unknown, count = best[i + 1]
        best[i], step[i] = (unknown + 1, count + 1), (i + 1, None)
        key: tuple[str, ...] = ()
        for j in range(i + 1, min(n, i + _LONGEST) + 1):
            key += (found[j - 1].key,)
            term = known.get(key)
            if term is not None and (best[j][0], best[j][1] + 1) <= best[i]:
                best[i], step[i] = (best[j][0], best[j][1] + 1), (j, term)
    cuts = []
    i = 0
    while i < n:
        j, term = step[i]
        cuts.append((i, j, term))
        i = j
    return cuts
