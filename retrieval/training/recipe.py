"""The shipped models from the real data, step by step: each function is one command of `outfit train`."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from retrieval.encoders.compact import IMAGE_FILE, TEXT_FILE
from retrieval.errors import InvalidSetting
from retrieval.evaluation.results import Result, write

Say = Callable[[str], None]


def train_compact(
    pictures: Path, run: Path, *, minutes: float, seed: int, workers: int, half: bool, stop: Callable[[], bool], say: Say
) -> int:
    """Train for `minutes` from `run/last.pt` where there is one; returns the steps done in all."""
    import torch

    from retrieval.training.compact import TrainConfig, train
    from retrieval.training.data import load_data

    torch.set_num_threads(1)  # the workers are the parallelism
    data = load_data(_prepared(pictures))
    say(f"{len(data.train):,} products to train on, {len(data.calibration):,} for calibration")

    def line(values: dict) -> None:
        say("  ".join(f"{k} {v:.4g}" for k, v in values.items()))

    config = TrainConfig(seed=seed, half=half)
    trainer = train(config, data, run, end_s=time.time() + 60 * minutes, workers=workers, stop=stop, progress=line)
    return trainer.step


def export_compact(
    pictures: Path, run: Path, out: Path, *, epochs: int, views: int, hard_share: float, say: Say
) -> None:
    """Polish (where `epochs` > 0), calibrate and export the run's averaged weights into `out`; `run/release.json` keeps
    what the card needs.
    """
    from retrieval.training.compact import TrainConfig, Trainer
    from retrieval.training.data import load_data
    from retrieval.training.polish import collect, polish
    from retrieval.training.release import release, served_features

    last = run / "last.pt"
    if not last.is_file():
        raise InvalidSetting(f"no checkpoint {last}", hint="outfit train compact")
    data = load_data(_prepared(pictures))
    trainer = Trainer(TrainConfig(), data, workers=1)
    trainer.load(last)
    image, text, polished = trainer.image_ema, trainer.text_ema, {}
    if epochs:
        with tempfile.TemporaryDirectory() as folder:
            read = served_features(data, image, Path(folder), seed=trainer.config.seed)
            features = collect(trainer, read, views, hard_share=hard_share, progress=say)
        image, text, polished = polish(trainer, features, epochs=epochs, progress=say)
    done = release(data, image, text, out, seed=trainer.config.seed, progress=say)
    about = {
        "steps": trainer.step,
        "seconds": trainer.seconds,
        "passes": trainer.step * trainer.config.products / len(data.train),
        "products": len(data.train),
        "seed": trainer.config.seed,
        "precision": done.precision,
        "image_gap": done.image_gap,
        "text_gap": done.text_gap,
        "megabytes": sum((out / name).stat().st_size for name in (IMAGE_FILE, TEXT_FILE)) / 1e6,
    }
    (run / "release.json").write_text(
        json.dumps({"about": about, "polished": polished, "released": asdict(done)}, indent=1), encoding="utf-8"
    )


def evaluate_compact(
    pictures: Path, source: Path, weights: Path, run: Path | None, *, seed: int, note: str = "",
    drawn: Path | None = None, say: Say
) -> list[Result]:
    """Measure the weights on the held-out products, write the results, and the card where `run` is known; `drawn` is
    the picture of failures to write.
    """
    from retrieval.evaluation import sheet
    from retrieval.evaluation.models import as_results, evaluate
    from retrieval.training import card

    failures: list[sheet.Failure] = []
    measured = evaluate(_prepared(pictures), source, weights, seed=seed, failures=failures, progress=say)
    if drawn is not None:
        sheet.draw(failures, drawn, most=48)
    results = as_results(measured, seed)
    for result in results:
        write(result)
    if run is not None:
        about = json.loads((run / "release.json").read_text(encoding="utf-8"))["about"]
        card.write(card.Run(**about, note=note), measured, run / "log.jsonl", weights)
    return results


def _prepared(pictures: Path) -> Path:
    if not (pictures / "rows.json").is_file():
        raise InvalidSetting(f"{pictures} holds no prepared pictures", hint="outfit train prepare")
    return pictures
