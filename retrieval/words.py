"""Text to units: Latin words without their plural, single Chinese characters, numbers. No vocabulary in it."""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass
from functools import cache

from retrieval import resources

_UNIT = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+(?:'[^\W\d_]+)*|[$¥€£₹%<>≤+/]")
_HAN = re.compile(r"[\u3400-\u9fff]")
_LATIN_RUN = re.compile(r"[\u3400-\u9fff]|[^\u3400-\u9fff]+")
# Plural in form with a meaning of their own ("shorts" is not "short"), or no plural at all.
_KEEP = frozenset({
    "shorts", "tights", "flats", "briefs", "slacks", "slides", "braces", "platforms", "kicks", "denims", "glasses",
    "hers", "yours", "ours", "theirs", "as", "is", "was", "has", "does", "his", "its", "this", "us", "yes", "plus",
    "gas", "lens", "series", "always",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Unit:
    """One word, number, sign or Chinese character: as folded for comparison, and where it stood in the text."""

    key: str
    start: int
    end: int


def is_han(text: str) -> bool:
    """Whether there is a Chinese character in the text."""
    return bool(_HAN.search(text))


@cache
def _simplify_table() -> dict[int, str]:
    table = json.loads(resources.path("vocabulary/traditional.json").read_text(encoding="utf-8"))
    return {ord(a): b for a, b in zip(table["from"], table["to"], strict=True)}


def simplify(text: str) -> str:
    """Traditional characters that shoppers use -> simplified, one for one; all others unchanged."""
    return text.translate(_simplify_table()) if is_han(text) else text


def stem(word: str) -> str:
    """An English word without possessive and plural ending: "women's" -> "women", "watches" -> "watch".

    Light on purpose: both sides of a comparison go through it, so it need only be consistent.
    """
    word = word.removesuffix("'s")
    if word in _KEEP or len(word) < 4:
        return word
    if word.endswith(("sses", "shes", "ches", "xes")):
        return word[:-2]
    if word.endswith("ies"):
        return word[:-1] if len(word) == 4 else word[:-3] + "y"
    if word.endswith("ie") and len(word) > 4:
        return word[:-2] + "y"
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def units(text: str) -> list[Unit]:
    """The units of a text, folded: width and case, traditional to simplified, plural to singular.

    Positions are those of the text as given (normalisation that changes its length is applied per character).
    """
    folded = "".join(_fold_char(char) for char in text)
    folded = simplify(folded)
    found = []
    for match in _UNIT.finditer(folded):
        for run in _LATIN_RUN.finditer(match.group()):
            start = match.start() + run.start()
            found.append(Unit(stem(run.group()), start, start + len(run.group())))
    return found


def keys(text: str) -> tuple[str, ...]:
    """The folded units of a text, without their places: ("wide", "leg", "pant")."""
    return tuple(unit.key for unit in units(text))


def _fold_char(char: str) -> str:
    if char in "’‘`´":
        return "'"
    folded = unicodedata.normalize("NFKC", char).lower()
    return folded if len(folded) == 1 else char
