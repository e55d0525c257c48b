"""From a photo's bytes to the top five products of the catalogue in use: milliseconds over people's own photos."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from assistant.bench.looks import own_photos
from assistant.compose import build
from assistant.settings import Settings
from retrieval import images
from retrieval.evaluation.results import Result, revision


def bench_photo_search(data: Path, seed: int) -> Result:
    """Each photo is decoded, looked at, cropped and searched for; of several garments the surest is taken, and both calls
    count. Then all of them again with words beside the photo.
    """
    photos = own_photos(data, seed)
    assistant = build(Settings.load())
    finder = assistant.finder
    finder.find(images.decode(photos[0]), k=5)  # warm: the first call reads vectors into memory
    figures: dict[str, float] = {"items": float(len(assistant.search))}
    for name, text in (("", ""), ("with_words_", "in navy")):
        taken, by_step = [], {"decode": [], "first_call": [], "choice": []}
        for data_ in photos:
            started = time.perf_counter()
            picture = images.decode(data_)
            decoded = time.perf_counter()
            first = finder.find(picture, k=5, text=text)
            seen = time.perf_counter()
            if first.needs_choice:
                finder.find(picture, box=first.detections[0].box, k=5, text=text)
            ended = time.perf_counter()
            taken.append(ended - started)
            by_step["decode"].append(decoded - started)
            by_step["first_call"].append(seen - decoded)
            by_step["choice"].append(ended - seen)
        figures |= {f"{name}p50_ms": 1e3 * float(np.percentile(taken, 50))}
        figures |= {f"{name}p95_ms": 1e3 * float(np.percentile(taken, 95)), f"{name}slowest_ms": 1e3 * max(taken)}
        figures |= {f"{name}{step}_p50_ms": 1e3 * float(np.median(times)) for step, times in by_step.items()}
    assistant.close()
    return Result("photo-search", "outfit bench photo-search", revision(), seed, len(photos), figures)
