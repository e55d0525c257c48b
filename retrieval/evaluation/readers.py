"""The nets and stand-ins that are compared at finding the same product: pictures of 64 x 80 px in, vectors out, kept.

A reader is known by a digest of all that its vectors depend on; vectors of the whole catalogue are kept in a file named by
it, so that only what has changed is read again.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
from PIL import Image

from retrieval.encoders.compact import CompactModel
from retrieval.encoders.hashing import HashingImageEncoder

_CHUNK = 256
_BINS = 8  # of the colour histogram, a channel


@dataclass(frozen=True, slots=True)
class Reader:
    """`read`: (n, 80, 64, 3) uint8 -> (n, dim) float32 of norm 1. `digest` names the vectors."""

    name: str
    digest: str
    read: Callable[[np.ndarray], np.ndarray]


def compact(model: CompactModel) -> Reader:
    """The compact net's instance space as it is served."""
    return Reader("compact", f"compact-{model.digest[:16]}", lambda pixels: model.instances(list(pixels)))


def weightless() -> Reader:
    encoder = HashingImageEncoder()

    def read(pixels: np.ndarray) -> np.ndarray:
        return encoder.encode_images([Image.fromarray(p) for p in pixels])

    return Reader("weightless", f"hashing-{encoder.space.revision[:16]}", read)


def histogram() -> Reader:
    """Colours alone: counts of pixels in 8 x 8 x 8 bins of RGB, square roots (Hellinger), the white of the margin too."""

    def read(pixels: np.ndarray) -> np.ndarray:
        n = len(pixels)
        bins = (pixels.astype(np.int64) * _BINS) // 256
        place = (bins[..., 0] * _BINS + bins[..., 1]) * _BINS + bins[..., 2]
        flat = (np.arange(n)[:, None, None] * _BINS**3 + place).ravel()
        counts = np.bincount(flat, minlength=n * _BINS**3).reshape(n, -1)
        return _unit(np.sqrt(counts.astype(np.float32)))

    return Reader("histogram", "histogram-8", read)


def untrained(seed: int = 0) -> Reader:
    """The compact net with the weights that it starts from: what the architecture alone is worth."""
    from retrieval.training.nets import untrained_reader

    return Reader("untrained", f"untrained-{seed}", untrained_reader(seed))


def vectors_of(reader: Reader, pixels: np.ndarray, folder: Path, *, workers: int = 2) -> np.ndarray:
    """(N, dim) float32 for all pictures, from the file in `folder` where the same reader has read the same pictures."""
    content = sha256(np.ascontiguousarray(pixels[:: max(1, len(pixels) // 997)]).tobytes()).hexdigest()[:12]
    file = folder / f"vectors-{reader.digest}-{len(pixels)}-{content}.npy"
    if file.is_file():
        return np.load(file).astype(np.float32)
    parts = np.array_split(np.arange(len(pixels)), max(1, len(pixels) // _CHUNK))
    with ThreadPoolExecutor(workers) as pool:
        vectors = np.concatenate(list(pool.map(lambda at: reader.read(pixels[at]).astype(np.float16), parts)))
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(".part.npy")
    np.save(unfinished, vectors)
    unfinished.replace(file)
    return _unit(vectors.astype(np.float32))


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
