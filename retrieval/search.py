"""Words and pictures to products: encode, search the index, fold views into items, read the items from the catalogue."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from retrieval.items import Hit, Item
from retrieval.lexicon import spans
from retrieval.ports import ImageEncoder, TextEncoder, VectorIndex, Where
from retrieval.ranking import Ranking, fold

if TYPE_CHECKING:
    from PIL.Image import Image

AVAILABLE = Where(at_least={"in_stock": 1.0})
TEXT_SHARE = 0.5  # of words beside a picture, where no share was learned
DEPTH = 60  # products that are weighed for one picture; the right one is rarely deeper, and each costs time


_NAMED_BY = {"category": {"category", "slot"}, "gender": {"gender"}}  # what words of these kinds settle
_POINTING = frozenset({"same", "这", "那", "但", "同", "换", "成", "改"})  # "the same, but", 同款, 换成


class Items(Protocol):
    def items(self, skus: Sequence[str]) -> dict[str, Item]:
        """The items of these skus that are there and ready."""
        ...


class Evidence(Protocol):
    def of(self, image: Image, items: Sequence[Item], names: Collection[str]) -> dict[str, np.ndarray]:
        """What an RGB crop says for each item beside the vectors: of these names (n,), higher is likelier. Names that it
        does not know are left out."""
        ...


@dataclass(frozen=True, slots=True)
class Search:
    """Title search and picture search over one catalogue. Scores are cosines, higher is closer.

    Rows of `titles` have the sku as id; rows of `pictures` have "sku/view", since an item has a vector for each view.
    `ranking` was fitted for the image encoder's space, and `evidence` gives what it weighs; without it picture search
    goes by cosines alone and says no probabilities.
    """

    catalogue: Items
    titles: VectorIndex
    pictures: VectorIndex
    text_encoder: TextEncoder
    image_encoder: ImageEncoder
    ranking: Ranking | None = None
    evidence: Evidence | None = None

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
        self, image: Image, *, text: str = "", where: Where | None = None, k: int = 5, exclude: frozenset[str] = frozenset()
    ) -> list[Hit]:
        """The k products (not photos) that an RGB crop shows, best first: each by its closest view, with the probability
        that it is the pictured one; items whose photos are the same picture folded into one.

        With `text`, products like the pictured one for which it holds come first ("but in navy"): scores are then the
        fusion of both, and no probability is given, since another product than the pictured one is asked for.
        """
        vector = self.image_encoder.encode_images([image])[0]
        depth = k if self.ranking is None and not text else max(k, DEPTH)
        hits = self._products(vector, where, depth, exclude)
        if text.strip():
            return self._fused(image, vector, hits, text, where, k, exclude)
        if self.ranking is None:
            return hits[:k]
        return self._weighed(image, hits)[:k]

    def similar(self, sku: str, view: str, *, where: Where | None = None, k: int = 5) -> list[Hit]:
        """The k other products that look most like a view of an item, best first; none where it has no vector."""
        row = f"{sku}/{view}"
        vector = self.pictures.fetch([row]).get(row)
        return [] if vector is None else self._products(vector, where, k, frozenset({sku}))

    def _weighed(self, image: Image, hits: Sequence[Hit]) -> list[Hit]:
        """Hits by all evidence, with probabilities, twins folded."""
        if not hits:
            return []
        hits = self._folded(hits)
        evidence = {"cosine": np.array([hit.score for hit in hits])}
        if self.evidence is not None:
            evidence |= self.evidence.of(image, [hit.item for hit in hits], self.ranking.weights)
        logits = self.ranking.logits(evidence)
        p_same = self.ranking.probabilities(logits)
        order = np.argsort(-logits, kind="stable")
        return [
            replace(hits[i], p_same=float(p_same[i]), closeness=self.ranking.closeness(float(p_same[i]))) for i in order
        ]

    def _folded(self, hits: Sequence[Hit]) -> list[Hit]:
        """Items whose closest views are one picture become one hit: the best, with the others as its twins."""
        rows = [f"{hit.item.sku}/{hit.view}" for hit in hits]
        vectors = self.pictures.fetch(rows)
        heads = fold([vectors[row] for row in rows], self.ranking.twins)
        twins: dict[int, list[str]] = {}
        for i, head in enumerate(heads):
            if i != head:
                twins.setdefault(head, []).append(hits[i].item.sku)
        return [replace(hits[i], twins=tuple(twins.get(i, ()))) for i, head in enumerate(heads) if i == head]

    def _fused(
        self, image: Image, vector: np.ndarray, alike: Sequence[Hit], text: str, where: Where | None, k: int,
        exclude: frozenset[str],
    ) -> list[Hit]:
        """Products that look like the picture and fit the words, by a weighted sum of both cosines and of how likely the
        picture's category and gender are theirs, unless the words name others.

        Candidates are the closest by picture and the closest by words; each is held against both.
        """
        share, kind = (TEXT_SHARE, 0.0) if self.ranking is None else (self.ranking.text, self.ranking.kind)
        asked = self.text_encoder.encode_queries([asked_words(text)])[0]
        views = {hit.item.sku: hit.view for hit in alike}
        worded = [sku for sku, _ in self.titles.search(asked, DEPTH, where, exclude) if sku not in views]
        items = {hit.item.sku: hit.item for hit in alike} | self.catalogue.items(worded)
        rows = {sku: f"{sku}/{views.get(sku) or (item.views[0].name if item.views else '')}" for sku, item in items.items()}
        pictured, titled = self.pictures.fetch(list(rows.values())), self.titles.fetch(list(items))
        found = [item for sku, item in items.items() if rows[sku] in pictured and sku in titled]
        kinds = self._kinds(image, found, text) if kind and self.evidence is not None else np.zeros(len(found))
        hits = [
            Hit(
                item,
                (1 - share) * float(pictured[rows[item.sku]] @ vector)
                + share * float(titled[item.sku] @ asked)
                + kind * float(likely),
                rows[item.sku].rpartition("/")[2],
            )
            for item, likely in zip(found, kinds, strict=True)
        ]
        return sorted(hits, key=lambda hit: (-hit.score, hit.item.sku))[:k]

    def _kinds(self, image: Image, items: Sequence[Item], text: str) -> np.ndarray:
        """(n,) log probability that an item's category and gender are the picture's, each left out where words name one."""
        said = {span.term.kind for span in spans(text) if span.term is not None}
        names = {name for name, kinds in _NAMED_BY.items() if not said & kinds}
        return sum(self.evidence.of(image, items, names).values(), np.zeros(len(items)))

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


def asked_words(text: str) -> str:
    """What is asked for beside a picture, without the words that point at it; all of it where nothing else is said."""
    kept = [span.text for span in spans(text) if (span.term is None or span.term.kind != "filler")]
    kept = [word for word in kept if word.lower() not in _POINTING]
    return " ".join(kept) or text


def fold_views(rows: Iterable[tuple[str, float]], exclude: frozenset[str]) -> list[tuple[str, str, float]]:
    """Rows "sku/view" with scores, best first -> (sku, view, score) of each sku's best view, best first."""
    best: dict[str, tuple[str, str, float]] = {}
    for row, score in rows:
        sku, _, view = row.rpartition("/")
        if sku not in exclude:
            best.setdefault(sku, (sku, view, score))
    return list(best.values())
