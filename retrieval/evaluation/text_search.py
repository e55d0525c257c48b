"""Does text find the products that it describes? Attribute queries in English and Chinese, and titles with words gone.

Measured over the titles of the whole public catalogue. Chance and a plain count of shared words stand beside.
"""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from retrieval.evaluation.metrics import cmc_at_k, precision_at_k, ranks_of
from retrieval.evaluation.results import Result, revision
from retrieval.lexicon import term_for
from retrieval.vocabulary import category_zh

if TYPE_CHECKING:
    from retrieval.ports import TextEncoder

K = 10
_POSSESSIVE = {"Men": "men's", "Women": "women's", "Boys": "boys'", "Girls": "girls'", "Unisex": "unisex"}
_DROPPED = 0.3  # share of a title's words that the second kind of query leaves out
_CHUNK = 100  # queries scored at once: 16 MB over 40,000 titles


@dataclass(frozen=True, slots=True)
class Product:
    """What the catalogue prints of one product."""

    sku: str
    title: str
    category: str
    colour: str
    gender: str

    @property
    def kind(self) -> tuple[str, str, str]:
        return (self.category, self.colour, self.gender)


def read_products(shared_data: Path) -> list[Product]:
    """The rows of `styles.csv` that have a title and a colour."""
    with (shared_data / "styles.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [
        Product(row["id"], row["productDisplayName"], row["articleType"], row["baseColour"], row["gender"])
        for row in rows
        if row["productDisplayName"] and row["baseColour"] not in ("", "NA")
    ]


def attribute_queries(kind: tuple[str, str, str]) -> tuple[str, str]:
    """The same wish in English and in Chinese: ("women's navy blue jeans", 女士藏青色牛仔裤)."""
    category, colour, gender = kind
    gender_term, colour_term = term_for("gender", gender), term_for("colour", colour)
    english = f"{_POSSESSIVE[gender]} {colour.lower()} {category.lower()}"
    chinese = (
        f"{gender_term.zh if gender_term else gender}{colour_term.zh if colour_term else colour}{category_zh(category)}"
    )
    return english, chinese


def with_words_dropped(title: str, rng: np.random.Generator) -> str:
    """The title with each word left out with probability 0.3; the first word stays where none would."""
    words = title.split()
    kept = [word for word in words if rng.random() >= _DROPPED]
    return " ".join(kept or words[:1])


def evaluate_text_search(
    encoder: TextEncoder, products: Sequence[Product], *, queries: int = 300, titles: int = 1000, seed: int = 0
) -> dict[str, float]:
    """Figures of one encoder over `products`.

    `p10_en`, `p10_zh`: mean share of the first ten that have category, colour and gender asked for; `queries` wishes
    drawn among those that ten products or more meet. `recall10_product`: share of `titles` shortened titles that find
    their own product among ten; others that score the same count as before it. `recall10_title`: the same, where a
    product of the identical title will do. `chance_*` by arithmetic, `words_*` by counting shared words.
    """
    rng = np.random.default_rng(seed)
    counts = Counter(product.kind for product in products)
    kinds = sorted(kind for kind, n in counts.items() if n >= K)
    wishes = [kinds[i] for i in sorted(rng.permutation(len(kinds))[:queries])]
    own = sorted(rng.permutation(len(products))[:titles])
    shortened = [with_words_dropped(products[i].title, rng) for i in own]
    english, chinese = zip(*map(attribute_queries, wishes), strict=True)

    documents = encoder.encode_documents([product.title for product in products])
    by_kind = _grouped([product.kind for product in products])
    by_title = _grouped([product.title for product in products])
    matching = [by_kind[wish] for wish in wishes]
    same_title = [by_title[products[i].title] for i in own]
    same_product = [np.array([i]) for i in own]

    def encoded(texts: Sequence[str]) -> np.ndarray:
        return encoder.encode_queries(texts) @ documents.T

    figures: dict[str, float] = {}
    shared = _shared_words([product.title for product in products])
    for prefix, score in (("", encoded), ("words_", shared)):
        figures[f"{prefix}p10_en"] = _precision(score, english, matching)
        figures[f"{prefix}p10_zh"] = _precision(score, chinese, matching)
        figures[f"{prefix}recall10_product"] = _recall(score, shortened, same_product)
        figures[f"{prefix}recall10_title"] = _recall(score, shortened, same_title)
    figures["chance_p10"] = float(np.mean([len(found) for found in matching]) / len(products))
    figures["chance_recall10_product"] = K / len(products)
    figures["queries"], figures["titles"], figures["products"] = len(wishes), len(own), len(products)
    return figures


def measure_text_search(encoder: TextEncoder, shared_data: Path, seed: int = 0) -> Result:
    """`evaluate_text_search` on the public catalogue, as a result to be kept."""
    figures = evaluate_text_search(encoder, read_products(shared_data), seed=seed)
    n = int(figures["queries"] * 2 + figures["titles"])
    name = f"text-search-{encoder.space.model}"
    return Result(name, "outfit evaluate text-search", revision(), seed, n, figures)


_Score = Callable[[Sequence[str]], np.ndarray]


def _grouped(keys: Sequence[object]) -> dict[object, np.ndarray]:
    places: dict[object, list[int]] = defaultdict(list)
    for i, key in enumerate(keys):
        places[key].append(i)
    return {key: np.array(found) for key, found in places.items()}


def _precision(score: _Score, queries: Sequence[str], relevant: Sequence[np.ndarray]) -> float:
    top = []
    for start in range(0, len(queries), _CHUNK):
        best = np.argsort(-score(queries[start : start + _CHUNK]), axis=1, kind="stable")[:, :K]
        top += [np.isin(row, wanted) for row, wanted in zip(best, relevant[start : start + _CHUNK], strict=True)]
    return precision_at_k(np.array(top), K)


def _recall(score: _Score, queries: Sequence[str], relevant: Sequence[np.ndarray]) -> float:
    ranks = []
    for start in range(0, len(queries), _CHUNK):
        scores = np.round(score(queries[start : start + _CHUNK]), 6)  # identical titles differ by rounding
        is_relevant = np.zeros(scores.shape, dtype=bool)
        for row, wanted in zip(is_relevant, relevant[start : start + _CHUNK], strict=True):
            row[wanted] = True
        ranks.append(ranks_of(scores, is_relevant))
    return cmc_at_k(np.concatenate(ranks), K)


def _shared_words(titles: Sequence[str]) -> _Score:
    """The baseline: how many of the query's words the title has, as written but for case."""
    places: dict[str, list[int]] = defaultdict(list)
    for i, title in enumerate(titles):
        for word in set(title.lower().split()):
            places[word].append(i)

    def score(queries: Sequence[str]) -> np.ndarray:
        rows = np.zeros((len(queries), len(titles)), dtype=np.float32)
        for row, query in zip(rows, queries, strict=True):
            for word in set(query.lower().split()):
                row[places.get(word, [])] += 1
        return rows

    return score
