"""Colour truth: the palette of a garment measured on its pixels, and the words for it.

The vocabulary is `data/vocabulary/colours.json`: the 46 colour words of the catalogue, each with its family, its
Chinese name and its anchors in CIELAB. `name_of` names one patch by the nearest anchor of a plain word: no single patch
shows metal, texture or several colours. `base_colour` reads a whole palette as the one word that a catalogue would
print, those included: a softmax regression whose weights are `data/vocabulary/colour_rule.npz`. Both are fitted by
`retrieval.training.colours` on products that no figure is measured on; anchors of words with too few products are
placed by hand and say so. What shoppers say ("navy", 藏蓝) is the lexicon's.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from retrieval import resources
from retrieval.errors import InvalidInput
from retrieval.items import Swatch
from retrieval.palettes import gather, lab_to_hex

if TYPE_CHECKING:
    from PIL.Image import Image

_SIDE_PX = 80  # pictures are measured at catalogue size


@dataclass(frozen=True, slots=True)
class Colour:
    """One word for a colour. `kind`: plain (a patch shows it), metal, texture, material, or several.

    `anchors` are CIELAB (D65) colours that stand for the word; none for several colours. `placed` says how they were
    set where they were not fitted.
    """

    name: str
    family: str
    kind: str
    zh: str
    anchors: tuple[tuple[float, float, float], ...]
    placed: str = ""


def measure_palette(image: Image, *, max_swatches: int = 5) -> tuple[Swatch, ...]:
    """The colours of the garment in a crop, background kept: 1 to `max_swatches` swatches, largest share first.

    Shares are of the garment's weighted pixels and sum to 1 (to rounding). Any mode and size. Raises InvalidInput for
    a `max_swatches` below 1.
    """
    if max_swatches < 1:
        raise InvalidInput(f"max_swatches is {max_swatches}: expected 1 or more")
    longest = max(image.size)
    if longest > _SIDE_PX:
        size = tuple(max(1, round(side * _SIDE_PX / longest)) for side in image.size)
        image = image.convert("RGB").resize(size, resample=2, reducing_gap=2.0)  # 2: bilinear
    colours, shares = gather(np.asarray(image.convert("RGB")), max_swatches)
    swatches = []
    for colour, share in zip(colours, shares, strict=True):
        lab = (round(float(colour[0]), 2), round(float(colour[1]), 2), round(float(colour[2]), 2))
        name, family = name_of(lab)
        swatches.append(Swatch(name, family, lab, lab_to_hex(lab), round(float(share), 4)))
    return tuple(swatches)


def name_of(lab: Sequence[float]) -> tuple[str, str]:
    """The word and family of one patch of colour, given in CIELAB (D65): those of the nearest anchor."""
    names, anchors = _anchors()
    point = naming_space(np.array([lab], dtype=np.float64))
    name = names[int(((anchors - point) ** 2).sum(axis=1).argmin())]
    return name, family_of(name)


def dominant(palette: Sequence[Swatch]) -> Swatch:
    """The swatch of the largest share; the first of equals. Raises InvalidInput for an empty palette."""
    if not palette:
        raise InvalidInput("the palette is empty: expected at least one swatch", hint="measure the picture first")
    return max(palette, key=lambda swatch: swatch.share)


def base_colour(palette: Sequence[Swatch]) -> str:
    """The one word a catalogue would print for a garment of this palette, `Multi` among them."""
    return _rule().names[int(_said_of([palette])[0].argmax())]


def word_probabilities(palettes: Sequence[Sequence[Swatch]], words: Sequence[str]) -> np.ndarray:
    """(n, len(words)) float64: how probable it is that a catalogue prints each of the words for a garment of each palette;
    0 for a word that is none of its colours.
    """
    said = _said_of(palettes)
    powers = np.exp(said - said.max(1, keepdims=True))
    of_word = dict(zip(_rule().names, (powers / powers.sum(1, keepdims=True)).T, strict=True))
    return np.stack([of_word.get(word, np.zeros(len(palettes))) for word in words], axis=1)


def _said_of(palettes: Sequence[Sequence[Swatch]]) -> np.ndarray:
    """(n, words of the rule) what the rule says for each word, before the softmax."""
    for palette in palettes:
        dominant(palette)
    rule = _rule()
    labs, shares = ([[getattr(s, name) for s in palette] for palette in palettes] for name in ("lab", "share"))
    return palette_features(labs, shares, rule.anchors) @ rule.weights


def colour_names() -> tuple[str, ...]:
    """The catalogue's colour words, commonest first."""
    return tuple(colours())


def family_of(name: str) -> str:
    """The family of a colour word: black, white, grey, beige, brown, red, orange, yellow, green, blue, purple, pink,
    multi. Raises InvalidInput for a word that is not the catalogue's."""
    return _colour(name).family


def zh(name: str) -> str:
    """The Chinese name of a colour word. Raises InvalidInput for a word that is not the catalogue's."""
    return _colour(name).zh


@cache
def colours() -> dict[str, Colour]:
    """The vocabulary by name, in its own order."""
    table = json.loads(resources.path("vocabulary/colours.json").read_text(encoding="utf-8"))
    return {
        row["name"]: Colour(
            row["name"],
            row["family"],
            row["kind"],
            row["zh"],
            tuple(tuple(anchor) for anchor in row["anchors"]),
            row.get("placed", ""),
        )
        for row in table["colours"]
    }


def _colour(name: str) -> Colour:
    found = colours().get(name)
    if found is None:
        raise InvalidInput(f"{name!r} is no colour word of the catalogue: expected one of {', '.join(colours())}")
    return found


# --- the fitted rule ---------------------------------------------------------------------------------------------

_WIDTH = 6.0  # of the bells around the rule's anchors, in units of the naming space


def naming_space(lab: np.ndarray) -> np.ndarray:
    """CIELAB (n, 3) bent for naming: chroma grows like a logarithm, so that navy and black lie well apart."""
    chroma = np.hypot(lab[:, 1], lab[:, 2])
    bend = np.where(chroma > 1e-6, 30 * np.log1p(chroma / 10) / np.maximum(chroma, 1e-6), 3.0)
    return np.stack([0.7 * lab[:, 0], lab[:, 1] * bend, lab[:, 2] * bend], axis=1)


def palette_features(
    labs: Sequence[Sequence[Sequence[float]]], shares: Sequence[Sequence[float]], anchors: np.ndarray
) -> np.ndarray:
    """Palettes -> (n, 2 k + 44) features: shares spread softly over `anchors` (k, 3), their roots, and 43 moments.

    `labs` holds the CIELAB colours of each palette, `shares` their shares, largest first; the last feature is 1.
    """
    rows = []
    for lab, share in zip(labs, shares, strict=True):
        colour, part = np.asarray(lab, dtype=np.float64), np.asarray(share, dtype=np.float64)
        part = part / part.sum()
        points = naming_space(colour)
        near = np.exp(-((points[:, None] - anchors[None]) ** 2).sum(axis=-1) / (2 * _WIDTH**2)) + 1e-12
        spread = part @ (near / near.sum(axis=1, keepdims=True))
        mean, first, darkest = part @ points, points[0], points[colour[:, 0].argmin()]
        scatter = np.sqrt(part @ (points - mean) ** 2)
        chroma = part @ np.hypot(colour[:, 1], colour[:, 2])
        moments = np.concatenate([mean, scatter, first, darkest, [chroma, 20 * part[0], 4 * len(part)]]) / 20
        pairs = [triple[[0, 0, 1]] * triple[[1, 2, 2]] / 400 for triple in (first, mean)]
        rows.append(np.concatenate([spread, np.sqrt(spread), moments, moments**2, *pairs, [1.0]]))
    return np.array(rows).reshape(len(rows), -1)


@dataclass(frozen=True, slots=True)
class _Rule:
    names: tuple[str, ...]
    anchors: np.ndarray  # (k, 3), naming space
    weights: np.ndarray  # (features, names)


@cache
def _rule() -> _Rule:
    with np.load(resources.path("vocabulary/colour_rule.npz"), allow_pickle=False) as file:
        return _Rule(tuple(file["names"].tolist()), file["anchors"].astype(float), file["weights"].astype(float))


@cache
def _anchors() -> tuple[tuple[str, ...], np.ndarray]:
    plain = [colour for colour in colours().values() if colour.kind == "plain"]
    pairs = [(colour.name, anchor) for colour in plain for anchor in colour.anchors]
    return tuple(name for name, _ in pairs), naming_space(np.array([anchor for _, anchor in pairs]))
