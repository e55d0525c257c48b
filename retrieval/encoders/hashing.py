"""Encoders without weights: a defined, decent vector space where no model is installed. numpy and Pillow only.

They stand in; whoever composes them announces it. Nothing here is learned from data but the tables of words.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING

import numpy as np

from retrieval import resources
from retrieval.lexicon import Span, spans, terms
from retrieval.ports import Space
from retrieval.vocabulary import categories, categories_for_word
from retrieval.words import is_han, keys

if TYPE_CHECKING:
    from PIL.Image import Image

_GENDERS = ("Men", "Women", "Boys", "Girls", "Unisex")
# How much a stretch counts by what it means: a shopper who asks for black jeans forgives a brand before a colour, and
# a colour before a category. Chosen on the public catalogue's titles outside the held-out tenth.
_CONCEPT_WEIGHT = {"category": 3.0, "slot": 3.0, "colour": 2.2, "gender": 1.6, "usage": 0.7, "occasion": 0.5}
_WORD_WEIGHT = {"category": 0.8, "slot": 0.4, "colour": 0.8, "gender": 0.2}  # of the words themselves, else 1
_NGRAM_WEIGHT = 0.5  # of all character n-grams of one word together
_NGRAMS = (3, 4, 5)


class HashingTextEncoder:
    """Titles and questions, English and Chinese, to vectors of `dim` numbers.

    Categories, colours and genders have a place of their own each (195 in all); every other word, and its character
    n-grams, are hashed with signs into the rest (Weinberger et al. 2009, "Feature hashing for large scale multitask
    learning"). Counts are damped by a square root.
    """

    def __init__(self, dim: int = 512) -> None:
        if dim < 2 * len(_concepts()):
            raise ValueError(f"dim is {dim}, expected at least {2 * len(_concepts())}")
        recipe = (dim, _CONCEPT_WEIGHT, _WORD_WEIGHT, _NGRAM_WEIGHT, _NGRAMS, 1)
        self.space = Space("hashing-text", _digest(recipe, _tables()), "text", dim)

    def encode_queries(self, texts: Sequence[str]) -> np.ndarray:
        """What people ask -> (n, dim) float32, rows of L2 norm 1."""
        return self._encode(texts)

    def encode_documents(self, texts: Sequence[str]) -> np.ndarray:
        """What the catalogue says -> (n, dim) float32, rows of L2 norm 1."""
        return self._encode(texts)

    def _encode(self, texts: Sequence[str]) -> np.ndarray:
        dim = self.space.dim
        rows = np.zeros((len(texts), dim), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            weights: dict[tuple[str, str], float] = {}
            for feature, weight in _features(text):
                weights[feature] = weights.get(feature, 0.0) + weight * weight
            for feature, squared in (weights or {("word", ""): 1.0}).items():
                place, sign = _place(feature, dim)
                row[place] += sign * squared**0.5
            norm = float(np.linalg.norm(row))
            if norm < 1e-6:  # features that cancelled one another: treated as no text
                row[:] = 0.0
                row[_place(("word", ""), dim)[0]] = norm = 1.0
            row /= norm
        return rows


def _features(text: str) -> Iterator[tuple[tuple[str, str], float]]:
    """(kind, name) with a weight for everything the text says; a feature met n times weighs sqrt(n) as much."""
    for span in spans(text):
        if span.term is None:
            yield from _word_features(span)
        elif span.term.kind != "filler":
            kind, term = span.term.kind, span.term
            weight = _CONCEPT_WEIGHT.get(kind, 0.0)
            if kind in ("category", "slot"):
                meant = term.categories or categories_for_word(term.name) or (term.name,)
                for name in meant:
                    yield ("category", name), weight / len(meant) ** 0.5
            elif weight:
                name = term.usage if kind == "occasion" and term.usage else term.name
                yield ("usage" if kind == "occasion" else kind, name), weight
            if term.shade:
                yield ("shade", term.shade), 0.5
            words = keys(term.english)
            for word in words:
                yield ("word", word), _WORD_WEIGHT.get(kind, 1.0) / len(words) ** 0.5


def _word_features(span: Span) -> Iterator[tuple[tuple[str, str], float]]:
    word = "".join(span.keys)
    yield ("word", word), 1.0
    if not is_han(word):
        framed = f"<{word}>"
        grams = [framed[i : i + n] for n in _NGRAMS for i in range(len(framed) - n + 1)]
        for gram in grams:
            yield ("gram", gram), _NGRAM_WEIGHT / len(grams) ** 0.5


@cache
def _concepts() -> dict[tuple[str, str], int]:
    """A dimension of its own for each category, colour and gender."""
    colours = dict.fromkeys(term.name for term in terms().values() if term.kind == "colour")
    names = [("category", name) for name in categories()]
    names += [("colour", name) for name in colours] + [("gender", name) for name in _GENDERS]
    return {name: place for place, name in enumerate(names)}


@lru_cache(maxsize=200_000)
def _place(feature: tuple[str, str], dim: int) -> tuple[int, float]:
    own = _concepts().get(feature)
    if own is not None:
        return own, 1.0
    taken = len(_concepts())
    digest = int.from_bytes(hashlib.blake2b("\0".join(feature).encode(), digest_size=8).digest(), "little")
    return taken + (digest >> 1) % (dim - taken), 1.0 if digest & 1 else -1.0


def _tables() -> bytes:
    names = ("categories", "lexicon", "traditional")
    return b"".join(resources.path(f"vocabulary/{name}.json").read_bytes() for name in names)


def _digest(recipe: object, data: bytes = b"") -> str:
    text = json.dumps(recipe, sort_keys=True).encode()
    return hashlib.blake2b(text + data, digest_size=8).hexdigest()
