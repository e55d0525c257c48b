"""Words and pictures to products: encode, search the index, fold views into items, read the items from the catalogue."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from retrieval.items import Hit, Item
from retrieval.ports import ImageEncoder, TextEncoder, VectorIndex, Where

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

AVAILABLE = Where(at_least={"in_stock": 1.0})


class Items(Protocol):
    def items(self, skus: Sequence[str]) -> dict[str, Item]:
        """The items of these skus that are there and ready."""
        ...


@dataclass(frozen=True, slots=True)
class Search:
    """Title search and picture search over one catalogue. Scores are cosines, higher is closer.

    Rows of `titles` have the sku as id; rows of `pictures` have "sku/view", since an item has a vector for each view.
    """

    catalogue: Items
    titles: VectorIndex
    pictures: VectorIndex
    text_encoder: TextEncoder
    image_encoder: ImageEncoder

    def __len__(self) -> int:
        return len(self.titles)

    def by_texts(
        self,
        texts: Sequence[str],
        wheres: Sequence[Where | None],
        *,
        k: int = 20,
        exclude: frozenset[str] = frozenset(),
    ) -> list[list[Hit]]:
        """For each text the k items with the closest titles among those that pass its conditions, best first."""
        if not texts:
            return []
        vectors = self.text_encoder.encode_queries(texts)
        together: dict[tuple, list[int]] = {}
        for i, where in enumerate(wheres):
            together.setdefault(where.key if where else (), []).append(i)
        found: list[list[tuple[str, float]]] = [[] for _ in texts]
        for positions in together.values():
            rows = self.titles.search_many(vectors[positions], k, wheres[positions[0]], exclude)
            for i, best in zip(positions, rows, strict=True):
                found[i] = best
        items = self.catalogue.items(list({sku for rows in found for sku, _ in rows}))
        return [[Hit(items[sku], score) for sku, score in rows if sku in items] for rows in found]

    def by_text(
        self, text: str, *, where: Where | None = None, k: int = 20, exclude: frozenset[str] = frozenset()
    ) -> list[Hit]:
        """The k items whose titles are closest to a text, best first."""
        return self.by_texts([text], [where], k=k, exclude=exclude)[0]

    def by_image(
        self, image: Image, *, where: Where | None = None, k: int = 5, exclude: frozenset[str] = frozenset()
    ) -> list[Hit]:
        """The k products (not photos) that look most like an RGB crop, each by its closest view, best first."""
        vector = self.image_encoder.encode_images([image])[0]
        return self._products(vector, where, k, exclude)

    def similar(self, sku: str, view: str, *, where: Where | None = None, k: int = 5) -> list[Hit]:
        """The k other products that look most like a view of an item, best first; none where it has no vector."""
        row = f"{sku}/{view}"
        vector = self.pictures.fetch([row]).get(row)
        return [] if vector is None else self._products(vector, where, k, frozenset({sku}))

    def _products(self, vector: np.ndarray, where: Where | None, k: int, exclude: frozenset[str]) -> list[Hit]:
        rows = 2 * k + len(exclude)
        while True:
            found = self.pictures.search(vector, rows, where)
            best = fold_views(found, exclude)
            if len(best) >= k or len(found) < rows:
                break
            rows *= 4  # many views of few products stood in front
        items = self.catalogue.items([sku for sku, _, _ in best[:k]])
        return [Hit(items[sku], score, view) for sku, view, score in best[:k] if sku in items]


def fold_views(rows: Iterable[tuple[str, float]], exclude: frozenset[str]) -> list[tuple[str, str, float]]:
    """Rows "sku/view" with scores, best first -> (sku, view, score) of each sku's best view, best first."""
    best: dict[str, tuple[str, str, float]] = {}
    for row, score in rows:
        sku, _, view = row.rpartition("/")
        if sku not in exclude:
            best.setdefault(sku, (sku, view, score))
    return list(best.values())
