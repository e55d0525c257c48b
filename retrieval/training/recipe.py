"""The shipped models from the real data, step by step: each function is one command of `outfit train`."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from retrieval import resources
from retrieval.encoders.compact import IMAGE_FILE, TEXT_FILE
from retrieval.errors import InvalidSetting, ModelUnavailable
from retrieval.evaluation.results import Result

Say = Callable[[str], None]


def train_compact(
    pictures: Path, run: Path, *, minutes: float, seed: int, workers: int, half: bool, begin_with: Path | None,
    net: str, device: str, teacher: Path | None, stop: Callable[[], bool], say: Say
) -> int:
    """Train for `minutes` from `run/last.pt` where there is one, else from the weights of the run `begin_with`, else from
    nothing; returns the steps done in all. `net`: a name of `nets.NETS`; `teacher`: a run's folder.
    """
    import torch

    from retrieval.training import devices
    from retrieval.training.compact import train
    from retrieval.training.compact_config import ON_GPU, TrainConfig
    from retrieval.training.data import load_data
    from retrieval.training.nets import NETS

    for option, other in (("--begin-with", begin_with), ("--teacher", teacher)):
        if other is not None and not (other / "last.pt").is_file():
            raise InvalidSetting(f"no checkpoint {other / 'last.pt'}", hint=f"name the folder of a run: {option}")
    if net not in NETS:
        raise InvalidSetting(f"no net is called {net!r}", hint=", ".join(NETS))
    used = devices.pick(device)
    if used.type == "cuda":
        torch.set_float32_matmul_precision("high")  # TF32 where autocast leaves float32
        torch.backends.cudnn.benchmark = True  # two sizes of input in a whole run
    torch.set_num_threads(1)  # the workers are the parallelism
    data = load_data(prepared(pictures))
    say(f"{len(data.train):,} products to train on, {len(data.calibration):,} for calibration")

    def line(values: dict) -> None:
        say("  ".join(f"{k} {v:.4g}" for k, v in values.items()))

    config = TrainConfig(net=NETS[net], seed=seed, half=half, **ON_GPU if used.type == "cuda" else {})
    trainer = train(
        config, data, run, end_s=time.time() + 60 * minutes, workers=workers, device=str(used), stop=stop, progress=line,
        begin_with=begin_with and begin_with / "last.pt", teacher=teacher and teacher / "last.pt",
    )
    return trainer.step


def export_compact(
    pictures: Path, run: Path, out: Path, *, epochs: int, views: int, hard_share: float, note: str = "", say: Say
) -> None:
    """Polish (where `epochs` > 0), calibrate and export the run's averaged weights into `out`; `run/release.json` keeps
    what the card needs, with a `note` on where it was trained.
    """
    from retrieval.training.compact import Trainer
    from retrieval.training.compact_config import config_of
    from retrieval.training.data import load_data
    from retrieval.training.polish import collect, polish
    from retrieval.training.release import release, served_features

    last = run / "last.pt"
    if not last.is_file():
        raise InvalidSetting(f"no checkpoint {last}", hint="outfit train compact")
    data = load_data(prepared(pictures))
    trainer = Trainer(config_of(last), data, workers=1)
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
        "batch": trainer.config.products,
        "people": trainer.config.people,
        "note": note,
        "small_share": trainer.config.small_share,
    }
    (run / "release.json").write_text(
        json.dumps({"about": about, "polished": polished, "released": asdict(done)}, indent=1), encoding="utf-8"
    )


def evaluate_compact(
    pictures: Path, source: Path, weights: Path, run: Path | None, *, seed: int,
    drawn: Path | None = None, say: Say
) -> list[Result]:
    """Measure the weights on the held-out products, write the results, and the card where `run` is known; `drawn` is
    the picture of failures to write.
    """
    from retrieval.evaluation import sheet
    from retrieval.evaluation.models import Measured, as_results, evaluate
    from retrieval.training import card

    failures: list[sheet.Failure] = []
    measured = evaluate(prepared(pictures), source, weights, seed=seed, failures=failures, progress=say)
    try:
        from retrieval.training.shot_heads import measure_shots  # needs torch, which the rest does not

        shots = measure_shots(pictures, weights, seed=seed)
        measured["shots"] = Measured(dict(shots.figures), shots.n)
    except (ModelUnavailable, ImportError) as error:
        say(f"shot tags are not measured: {error}")
    if drawn is not None:
        sheet.draw(failures, drawn, most=48)
    for part, m in measured.items():
        for name, shares in m.by_class.items():
            say(f"{part}, {name} by class: " + ", ".join(f"{c} {v:.2f}" for c, v in sorted(shares.items(), key=lambda p: p[1])))
        if m.worst_pairs:
            say(f"{part}, mistaken most: " + ", ".join(f"{t} as {g} ({n})" for t, g, n in m.worst_pairs))
    results = as_results(measured, seed)
    if run is not None:
        about = json.loads((run / "release.json").read_text(encoding="utf-8"))["about"]
        card.write(card.Run(**about), measured, run / "log.jsonl", weights)
        _draw_attention(pictures, weights, seed)
    return results


def _draw_attention(pictures: Path, weights: Path, seed: int) -> None:
    """compact-attention.png beside the card: eight held-out pictures over what the served net takes from where."""
    import numpy as np

    from retrieval.training import attention, cache
    from retrieval.training.graph import with_features
    from retrieval.training.split import is_held_out

    held = [i for i, r in enumerate(cache.load_rows(pictures)) if is_held_out(r.sku)]
    at = np.sort(np.random.default_rng(seed).permutation(held)[:8])
    pixels = np.load(pictures / "small.npy", mmap_mode="r")[at]
    with tempfile.TemporaryDirectory() as folder:
        model = with_features(weights / IMAGE_FILE, Path(folder) / "maps.onnx")
        attention.draw_served(lambda p: model.outputs_of(list(p))["maps"], pixels, weights / "compact-attention.png")


def evaluate_models(
    data: Path, seed: int, *, pictures: Path, weights: Path | None, run: Path | None, sheet: Path | None, say: Say
) -> list[Result]:
    """`outfit evaluate models`: see `evaluate_compact`. Classes and mistaken pairs are said as well."""
    return evaluate_compact(pictures, data, weights or resources.path("weights"), run, seed=seed, drawn=sheet, say=say)


def evaluate_shots(data: Path, seed: int, *, pictures: Path, weights: Path | None) -> Result:
    """`outfit evaluate shots`: see `shot_heads.measure_shots`. `data` is not looked at: its pictures are in `pictures`."""
    from retrieval.training.shot_heads import measure_shots

    return measure_shots(prepared(pictures), weights, seed=seed)


def prepared(pictures: Path) -> Path:
    """The folder, if it holds prepared pictures; InvalidSetting otherwise."""
    if not (pictures / "rows.json").is_file():
        raise InvalidSetting(f"{pictures} holds no prepared pictures", hint="outfit train prepare")
    return pictures
