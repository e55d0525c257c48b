"""From a photo to three looks on the catalogue in use: seconds over people's own photos, by step, and memory."""

from __future__ import annotations

import io
import random
import resource
import time
import zipfile
from pathlib import Path

import numpy as np

from assistant.compose import build
from assistant.settings import Settings
from assistant.wish import Wish
from retrieval import images
from retrieval.errors import InvalidInput
from retrieval.evaluation.results import Result, revision

_PHOTOS = 100


def bench_looks(data: Path, seed: int) -> Result:
    """Every photo is opened from its bytes and answered as a shopper's would be; several garments: the surest is taken."""
    photos = own_photos(data, seed)
    assistant = build(Settings.load())
    stylist = assistant.stylist
    seconds: list[float] = []
    by_step: dict[str, list[float]] = {}
    looks, pieces = [], []
    stylist.recommend(images.decode(photos[0]))  # warm: the first call reads vectors into memory
    for data_ in photos:
        started = time.perf_counter()
        picture = images.decode(data_)
        answer = stylist.recommend(picture, Wish())
        if answer.garment is None and answer.detections:
            answer = stylist.recommend(picture, Wish(), box=answer.detections[0].box)
        seconds.append(time.perf_counter() - started)
        for step in answer.trace.steps:
            by_step.setdefault(step.name, []).append(step.seconds)
        looks.append(len(answer.looks))
        pieces += [len(look.pieces) for look in answer.looks]
    figures = {
        "items": len(assistant.search),
        "p50_s": float(np.percentile(seconds, 50)),
        "p95_s": float(np.percentile(seconds, 95)),
        "slowest_s": max(seconds),
        "share_with_three_looks": float(np.mean([count == 3 for count in looks])),
        "pieces_a_look": float(np.mean(pieces)) if pieces else 0.0,
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    figures |= {f"{name}_p50_ms": 1_000 * float(np.median(times)) for name, times in by_step.items()}
    assistant.close()
    return Result("photo-to-looks", "outfit bench looks", revision(), seed, len(photos), figures)


def own_photos(data: Path, seed: int) -> list[bytes]:
    """The files of some photos that people took of their own clothes."""
    path = data / "user-photos.zip"
    if not path.is_file():
        raise InvalidInput(f"there is no {path}: expected the folder of real data", hint="outfit bench looks --data FOLDER")
    with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
        names = sorted(name for name in archive.namelist() if "/validation/" in name and name.endswith(".jpg"))
        chosen = random.Random(seed).sample(names, min(_PHOTOS, len(names)))
        return [archive.read(name) for name in chosen]
