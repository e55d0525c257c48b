"""Search over the catalogue in use: filtered, beside the plain loops; and from a text to hits with their items."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from assistant.compose import build
from assistant.settings import Settings
from retrieval.evaluation.results import Result, revision
from retrieval.evaluation.speed import compare, median_ms
from retrieval.indexes.exact import ExactIndex
from retrieval.ports import Where

WOMEN = Where(any_of={"gender": frozenset({"Women", "Unisex"})}, none_of={"category": frozenset({"Tops"})})


def bench_search(_data: Path, seed: int) -> Result:
    """Ingest the catalogue to measure first (`outfit ingest`); the vectors are those of the text encoder in use."""
    assistant = build(Settings.load())
    search = assistant.search
    titles, columns = [], []
    for item in assistant.catalogue.all_items():
        titles.append((item.sku, item.title))
        columns.append({"gender": item.gender, "category": item.category})
    ids = [sku for sku, _ in titles]
    vectors = search.titles.fetch(ids)
    matrix = np.stack([vectors[sku] for sku in ids])
    index = ExactIndex(search.text_encoder.space)
    index.upsert(ids, matrix, columns)
    rng = np.random.default_rng(seed)
    asked = [titles[i][1] for i in rng.choice(len(titles), size=min(50, len(titles)), replace=False)]
    figures = compare(index, ids, matrix, search.text_encoder.encode_queries(asked), WOMEN)
    search.by_text(asked[0], where=WOMEN)  # reads the vectors into memory
    figures["text_to_hits_ms"] = float(np.median([median_ms(lambda t=t: search.by_text(t, where=WOMEN), 3) for t in asked]))
    figures["dim"] = matrix.shape[1]
    assistant.close()
    return Result("search-speed", "outfit bench search", revision(), seed, len(ids), figures)
