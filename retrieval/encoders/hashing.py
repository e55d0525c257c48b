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
from retrieval.errors import InvalidInput
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
_UNKNOWN_WEIGHT = 1.0  # of a word that no table knows: brands and models
_ASKED_WEIGHT = 2.0  # times that where it is asked for: who names a brand means it
_NGRAM_WEIGHT = 0.8  # of all character n-grams of one unknown word together
_NGRAMS = (3, 4, 5)

_SIZE_PX = (64, 80)  # width, height
_CELL_PX = 8
_ORIENTATIONS = 9
_GRID = (4, 3)  # rows, columns of the colour histogram
_HUES = 12
_BINS = 2 * _HUES + 5  # bright and dark hues, four greys, the ground
_GRADIENTS = (_SIZE_PX[0] // _CELL_PX) * (_SIZE_PX[1] // _CELL_PX) * _ORIENTATIONS
_COLOURS = _GRID[0] * _GRID[1] * _BINS
_COLOUR_WEIGHT = 0.5  # shape says more of the category, colour of the product: .3 to .5 cost under half a point
_BATCH = 256


class HashingTextEncoder:
    """Titles and questions, English and Chinese, to vectors of `dim` numbers.

    Categories, colours and genders have a place of their own each; every other word, and its character
    n-grams, are hashed with signs into the rest (Weinberger et al. 2009, "Feature hashing for large scale multitask
    learning"). Counts are damped by a square root.
    """

    def __init__(self, dim: int = 512) -> None:
        if dim < 2 * len(_concepts()):
            raise InvalidInput(f"dim is {dim}: expected at least {2 * len(_concepts())}")
        recipe = (dim, _CONCEPT_WEIGHT, _WORD_WEIGHT, _UNKNOWN_WEIGHT, _ASKED_WEIGHT, _NGRAM_WEIGHT, _NGRAMS, 1)
        self.space = Space("hashing-text", _digest(recipe, _tables()), "text", dim)

    def encode_queries(self, texts: Sequence[str]) -> np.ndarray:
        """What people ask -> (n, dim) float32, rows of L2 norm 1."""
        return self._encode(texts, _ASKED_WEIGHT)

    def encode_documents(self, texts: Sequence[str]) -> np.ndarray:
        """What the catalogue says -> (n, dim) float32, rows of L2 norm 1."""
        return self._encode(texts, 1.0)

    def _encode(self, texts: Sequence[str], unknown: float) -> np.ndarray:
        dim = self.space.dim
        rows = np.zeros((len(texts), dim), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            weights: dict[tuple[str, str], float] = {}
            for feature, weight in _features(text, unknown):
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


class HashingImageEncoder:
    """Pictures by shape and colour: histograms of oriented gradients and of hue, saturation and value.

    The picture is letterboxed on white to 64 x 80 px. Gradients: 8-px cells, 9 unsigned orientations, each cell
    normalised by the energy of its neighbourhood (after Dalal and Triggs 2005). Colours: 24 chromatic bins, 4 greys and
    the white ground in a grid of 4 x 3. Both are power-normalised (square root: Hellinger kernel) and projected to
    `dim` numbers by a fixed orthonormal matrix drawn from `seed`.
    """

    def __init__(self, dim: int = 512, *, seed: int = 0) -> None:
        if not 1 <= dim <= _GRADIENTS + _COLOURS:
            raise InvalidInput(f"dim is {dim}: expected 1 to {_GRADIENTS + _COLOURS}")
        self._seed = seed
        recipe = (dim, seed, _SIZE_PX, _CELL_PX, _ORIENTATIONS, _GRID, _HUES, _COLOUR_WEIGHT, 1)
        self.space = Space("hashing-image", _digest(recipe), "image", dim)

    def encode_images(self, images: Sequence[Image]) -> np.ndarray:
        """RGB pictures of any size -> (n, dim) float32, rows of L2 norm 1. An empty sequence gives (0, dim)."""
        matrix = _projection(_GRADIENTS + _COLOURS, self.space.dim, self._seed)
        rows = np.empty((len(images), self.space.dim), dtype=np.float32)
        for start in range(0, len(images), _BATCH):
            pixels = np.stack([_letterbox(image) for image in images[start : start + _BATCH]]) / np.float32(255)
            shape, colour = (_centre_and_norm(np.sqrt(part)) for part in (_gradients(pixels), _colours(pixels)))
            rows[start : start + _BATCH] = np.concatenate([shape, _COLOUR_WEIGHT * colour], axis=1) @ matrix
        # Neither part can vanish: the colour part of any picture has empty and filled bins. The projection could only
        # by coincidence; a defined unit vector then stands for it.
        norms = np.linalg.norm(rows, axis=1, keepdims=True)
        rows[norms[:, 0] < 1e-6] = np.eye(1, self.space.dim, dtype=np.float32)
        return rows / np.where(norms < 1e-6, 1.0, norms)


def _features(text: str, unknown: float) -> Iterator[tuple[tuple[str, str], float]]:
    """(kind, name) with a weight for everything the text says; a feature met n times weighs sqrt(n) as much."""
    for span in spans(text):
        if span.term is None:
            yield from ((feature, weight * unknown) for feature, weight in _word_features(span))
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
    yield ("word", word), _UNKNOWN_WEIGHT
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


def _letterbox(image: Image) -> np.ndarray:
    """(80, 64, 3) uint8: the whole picture, in proportion, centred on white."""
    from PIL import Image as pillow

    width, height = _SIZE_PX
    scale = min(width / image.width, height / image.height)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    small = image.convert("RGB").resize(size, pillow.Resampling.BILINEAR, reducing_gap=2.0)
    canvas = pillow.new("RGB", _SIZE_PX, (255, 255, 255))
    canvas.paste(small, ((width - size[0]) // 2, (height - size[1]) // 2))
    return np.asarray(canvas)


def _gradients(pixels: np.ndarray) -> np.ndarray:
    """(n, 80, 64, 3) in [0, 1] -> (n, 720): energy by cell and orientation, each cell by its neighbourhood."""
    grey = pixels @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
    across, down = np.zeros_like(grey), np.zeros_like(grey)
    across[:, :, 1:-1] = grey[:, :, 2:] - grey[:, :, :-2]
    down[:, 1:-1] = grey[:, 2:] - grey[:, :-2]
    strength = np.hypot(across, down)
    angle = (np.arctan2(down, across) / np.pi * _ORIENTATIONS) % _ORIENTATIONS
    lower = np.floor(angle)
    share = angle - lower  # each pixel votes for the two nearest orientations
    n, height, width = grey.shape
    rows, columns = height // _CELL_PX, width // _CELL_PX
    cells = np.empty((n, rows, columns, _ORIENTATIONS), dtype=np.float32)
    for bin_ in range(_ORIENTATIONS):
        vote = strength * (
            (lower % _ORIENTATIONS == bin_) * (1 - share) + ((lower + 1) % _ORIENTATIONS == bin_) * share
        )
        cells[..., bin_] = vote.reshape(n, rows, _CELL_PX, columns, _CELL_PX).sum((2, 4))
    energy = np.pad((cells**2).sum(-1), ((0, 0), (1, 1), (1, 1)), mode="edge")
    around = sum(energy[:, i : i + rows, j : j + columns] for i in range(3) for j in range(3))
    return (cells / np.sqrt(around + 0.5)[..., None]).reshape(n, -1)


def _colours(pixels: np.ndarray) -> np.ndarray:
    """(n, 80, 64, 3) in [0, 1] -> (n, 348): counts of pixels by place in the grid and colour bin."""
    high, low = pixels.max(-1), pixels.min(-1)
    chroma = high - low
    spread = np.maximum(chroma, 1e-6)
    red, green, blue = pixels[..., 0], pixels[..., 1], pixels[..., 2]
    sector = np.where(
        high == red,
        (green - blue) / spread % 6,
        np.where(high == green, (blue - red) / spread + 2, (red - green) / spread + 4),
    )
    hue = (sector / 6 * _HUES).astype(np.int64) % _HUES
    is_chromatic = chroma > 0.12  # chroma = saturation x value: dark and pale colours count as grey
    is_ground = (high > 0.94) & (chroma < 0.08 * high)
    bins = np.where(is_chromatic, 2 * hue + (high > 0.5), 2 * _HUES + np.clip((high * 4).astype(np.int64), 0, 3))
    bins = np.where(is_ground, _BINS - 1, bins)
    n, height, width = high.shape
    place = (np.arange(height) * _GRID[0] // height)[:, None] * _GRID[1] + np.arange(width) * _GRID[1] // width
    flat = (np.arange(n)[:, None, None] * (_GRID[0] * _GRID[1]) + place) * _BINS + bins
    return np.bincount(flat.ravel(), minlength=n * _COLOURS).reshape(n, _COLOURS).astype(np.float32)


def _centre_and_norm(rows: np.ndarray) -> np.ndarray:
    """Each row less its own mean, at norm 1 (or zero): counts are all positive, and would all look alike."""
    centred = rows - rows.mean(axis=1, keepdims=True)
    return centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-9)


@cache
def _projection(wide: int, dim: int, seed: int) -> np.ndarray:
    """(wide, dim) float32 of orthonormal columns; the stream of `RandomState` is frozen over numpy's versions."""
    q, r = np.linalg.qr(np.random.RandomState(seed).standard_normal((wide, dim)))
    return (q * np.where(np.diag(r) < 0, -1.0, 1.0)).astype(np.float32)  # the one QR with a positive diagonal


def _tables() -> bytes:
    names = ("categories", "lexicon", "traditional")
    return b"".join(resources.path(f"vocabulary/{name}.json").read_bytes() for name in names)


def _digest(recipe: object, data: bytes = b"") -> str:
    text = json.dumps(recipe, sort_keys=True).encode()
    return hashlib.blake2b(text + data, digest_size=8).hexdigest()
