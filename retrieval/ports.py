"""What the search asks of its parts: one or two methods each, at least two real implementations behind each.

Every implementation runs the suite of its port in `tests/contracts/`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from retrieval.items import Attributes, Detection, ShotTags

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image


@dataclass(frozen=True, slots=True)
class Space:
    """A vector space: what an encoder writes into and an index holds.

    `revision` is a digest of the weights (or of the algorithm, where there are none). Two vectors can be compared only
    when their spaces are equal: the same dimension is not the same space.
    """

    model: str
    revision: str
    modality: Literal["image", "text"]
    dim: int


class ImageEncoder(Protocol):
    space: Space

    def encode_images(self, images: Sequence[Image]) -> np.ndarray:
        """RGB pictures of any size -> (n, dim) float32, rows of L2 norm 1. An empty sequence gives (0, dim)."""
        ...


class TextEncoder(Protocol):
    space: Space

    def encode_queries(self, texts: Sequence[str]) -> np.ndarray:
        """What people ask -> (n, dim) float32, rows of L2 norm 1."""
        ...

    def encode_documents(self, texts: Sequence[str]) -> np.ndarray:
        """What the catalogue says -> (n, dim) float32, rows of L2 norm 1."""
        ...


class Detector(Protocol):
    name: str

    def detect(self, image: Image, labels: Sequence[str] = ()) -> list[Detection]:
        """Garments in an RGB picture, boxes in its own pixels and clipped to it, confidence descending.

        `labels` narrows an open-vocabulary detector; a detector with fixed labels ignores those it does not know.
        """
        ...


class Describer(Protocol):
    name: str

    def describe(self, images: Sequence[Image]) -> list[Attributes]:
        """What each pictured garment is; a field is None where the confidence is too low to tell."""
        ...


class ShotReader(Protocol):
    name: str

    def tags(self, images: Sequence[Image]) -> list[ShotTags]:
        """How each catalogue picture was taken; a tag is None where the confidence is too low to tell."""
        ...


@dataclass(frozen=True, slots=True)
class Where:
    """Hard conditions on an index's columns; all must hold. Empty means no condition.

    `any_of`: column -> allowed values. `none_of`: column -> excluded values. `at_most` and `at_least`: column -> bound
    (rows whose value is missing do not pass a bound).
    """

    any_of: Mapping[str, frozenset[str]] = ()  # type: ignore[assignment]
    none_of: Mapping[str, frozenset[str]] = ()  # type: ignore[assignment]
    at_most: Mapping[str, float] = ()  # type: ignore[assignment]
    at_least: Mapping[str, float] = ()  # type: ignore[assignment]

    def __post_init__(self) -> None:
        for name in ("any_of", "none_of", "at_most", "at_least"):
            object.__setattr__(self, name, dict(getattr(self, name)))

    @property
    def key(self) -> tuple:
        """Equal for equal conditions, and hashable."""
        sets = (tuple(sorted((n, tuple(sorted(v))) for n, v in part.items())) for part in (self.any_of, self.none_of))
        return (*sets, tuple(sorted(self.at_most.items())), tuple(sorted(self.at_least.items())))

    def __bool__(self) -> bool:
        return bool(self.any_of or self.none_of or self.at_most or self.at_least)


class VectorIndex(Protocol):
    """Vectors by id with a few columns beside them. Ids are unique; a second upsert of an id replaces the row."""

    space: Space

    def upsert(self, ids: Sequence[str], vectors: np.ndarray, columns: Sequence[Mapping[str, str | float]]) -> None:
        """Write rows: (n, dim) float32 of norm 1. NaN, zero or foreign-dimension vectors raise InvalidInput."""
        ...

    def search(
        self, query: np.ndarray, k: int, where: Where | None = None, exclude: frozenset[str] = frozenset()
    ) -> list[tuple[str, float]]:
        """The k closest rows to one (dim,) query: (id, score), score = cosine in [-1, 1], best first, ties by id."""
        ...

    def search_many(
        self, queries: np.ndarray, k: int, where: Where | None = None, exclude: frozenset[str] = frozenset()
    ) -> list[list[tuple[str, float]]]:
        """`search` for each row of (m, dim) queries under the same conditions, in one pass where the engine can."""
        ...

    def fetch(self, ids: Sequence[str]) -> dict[str, np.ndarray]:
        """Vectors of the ids that are there."""
        ...

    def delete(self, ids: Sequence[str]) -> None:
        """Remove rows; unknown ids are ignored."""
        ...

    def __len__(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows: ids, their (n, dim) float32 vectors of norm 1, their columns."""

    ids: Sequence[str]
    vectors: np.ndarray
    columns: Sequence[Mapping[str, str | float]]


class StoredIndex(VectorIndex, Protocol):
    """An index whose rows outlive the process."""

    def ids(self) -> list[str]: ...

    def rows_kept(self, ids: Sequence[str]) -> Rows:
        """Vectors and columns of the ids that are there, in any order."""
        ...

    def prepare(self) -> None:
        """Do now what the next start, or the next search, would otherwise wait for."""
        ...

    def problem(self) -> str:
        """What a full check finds wrong, "" where all is sound."""
        ...

    def close(self) -> None: ...
