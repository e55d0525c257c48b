"""Encoders of a worker on another machine, behind the same ports. Their spaces are those of the models it serves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from retrieval.images import thumbnail
from retrieval.remote import Worker, as_data_url

if TYPE_CHECKING:
    from PIL.Image import Image

SIDE_PX = 1024  # of what is sent; encoders look at 648 px or less
_MOST_IMAGES, _MOST_TEXTS, _MOST_CHARACTERS = 16, 256, 20_000
_PART_BYTES = 24 * 2**20  # of one request


class RemoteImageEncoder:
    """Port `ImageEncoder`. Pictures of more than 1,024 px are scaled down before they are sent, without loss otherwise."""

    def __init__(self, url: str | None = None, api_key: str | None = None, timeout_s: float = 30.0) -> None:
        self._worker = Worker(url, api_key, timeout_s)
        self.space, _ = self._worker.space("image encoder", "image")

    def encode_images(self, images: Sequence[Image]) -> np.ndarray:
        """RGB pictures of any size -> (n, dim) float32, rows of L2 norm 1."""
        rows = [np.zeros((0, self.space.dim), np.float32)]
        for part in _parts(images):
            rows.append(self._worker.vectors("/v1/embed/images", {"images": part}, self.space, len(part)))
        return np.concatenate(rows)


class RemoteTextEncoder:
    """Port `TextEncoder`. `search_threshold`: what the worker knows of its model, None where it knows nothing."""

    def __init__(self, url: str | None = None, api_key: str | None = None, timeout_s: float = 30.0) -> None:
        self._worker = Worker(url, api_key, timeout_s)
        self.space, self.search_threshold = self._worker.space("text encoder", "text")

    def encode_queries(self, texts: Sequence[str]) -> np.ndarray:
        """What people ask -> (n, dim) float32, rows of L2 norm 1."""
        return self._encode(texts, "query")

    def encode_documents(self, texts: Sequence[str]) -> np.ndarray:
        """What the catalogue says -> (n, dim) float32, rows of L2 norm 1."""
        return self._encode(texts, "document")

    def _encode(self, texts: Sequence[str], role: str) -> np.ndarray:
        rows = [np.zeros((0, self.space.dim), np.float32)]
        for start in range(0, len(texts), _MOST_TEXTS):
            part = [text[:_MOST_CHARACTERS] for text in texts[start : start + _MOST_TEXTS]]
            rows.append(self._worker.vectors("/v1/embed/texts", {"texts": part, "role": role}, self.space, len(part)))
        return np.concatenate(rows)


def _parts(images: Sequence[Image]) -> Iterator[list[str]]:
    """Data URLs in portions that one request may hold."""
    part: list[str] = []
    size = 0
    for image in images:
        url = as_data_url(thumbnail(image, SIDE_PX))
        if part and (len(part) == _MOST_IMAGES or size + len(url) > _PART_BYTES):
            yield part
            part, size = [], 0
        part.append(url)
        size += len(url)
    if part:
        yield part
