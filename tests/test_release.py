"""From a trained net to the files that ship, and the card that goes with them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from retrieval.encoders.compact import IMAGE_FILE, TEXT_FILE, CompactModel, CompactText
from retrieval.evaluation.models import Measured
from retrieval.training import card

COUNTED = ("low", "high", "top1_fresh", "top3", "macro_f1_10", "macro_f1", "majority", "classes", "calibration_error",
           "told", "right_where_told")  # fmt: skip


def measured() -> dict[str, Measured]:
    attributes = {f"{h}_top1": 0.5 for h in card._HEADS}
    attributes |= {f"{h}_top1_{k}": 0.5 for h in card._HEADS for k in ("low", "high")}
    attributes |= {f"{h}_{k}": 0.25 for h in card._HEADS for k in COUNTED}
    words = {"category_queries": 3.0, "colour_category_queries": 4.0}
    for k in ("title_recall10_held_out", "title_recall10_all", "category_p10", "colour_category_p10"):
        words |= {k: 0.125, f"{k}_chance": 0.01}
    instances = {"instance_rank1_chance": 1e-4}
    for size in ("photo", "thumbnail"):
        for kind in ("photometric", "on_ground"):
            k = f"instance_{size}_{kind}"
            instances |= {f"{k}_{r}": 0.75 for r in ("rank1", "rank5", "rank1_of_6000", "rank5_of_6000")} | {f"{k}_n": 9}
    return {
        "attributes": Measured(attributes, 40, {"category": {"Ties": 0.1, "Bags": 0.9}}, [("Ties", "Bags", 5)]),
        "words": Measured(words, 40),
        "people": Measured({"people_top1": 0.6, "people_majority": 0.2}, 30, {"people": {"hat": 0.4}}),
        "instances": Measured(instances, 36),
    }


def test_the_card_gives_every_figure_beside_chance_and_names_what_is_weak(tmp_path):
    log = tmp_path / "log.jsonl"
    lines = [{"step": 20, "rate": 1.0}] + [
        {"step": s, "seconds": s, "category_top1": s / 400, "instance_rank1": s / 800} for s in (100, 200, 300)
    ]
    log.write_text("\n".join(map(json.dumps, lines)))
    run = card.Run(300, 600.0, 1.5, 200, 7, "int8", 1e-6, 1e-5, 9.5)
    card.write(run, measured(), log, tmp_path / "w")
    text = (tmp_path / "w" / "compact.md").read_text()
    for said in ("300 steps", "0.500 (0.500 to 0.500)", "majority", "Ties 0.10", "Ties as Bags (5)", "chance", "hat 0.40"):
        assert said in text, said
    plain = json.loads((tmp_path / "w" / "compact.json").read_text())
    assert [p["step"] for p in plain["curve"]] == [100, 200, 300]
    assert plain["figures"]["words"]["category_p10"] == 0.125
    drawn = np.asarray(Image.open(tmp_path / "w" / "compact.png"))
    assert (drawn == (32, 90, 190)).all(2).sum() > 50  # the category curve is there


def test_a_release_can_be_loaded_and_int8_ships_only_where_it_is_close(tmp_path, monkeypatch):
    torch = pytest.importorskip("torch", reason="export needs torch (extra [train])")
    pytest.importorskip("onnxscript", reason="export needs onnxscript (extra [train])")
    pytest.importorskip("scipy", reason="masks need scipy (extra [train])")
    torch.set_num_threads(1)
    from retrieval.training import release as r
    from retrieval.training.compact import Trainer
    from tests.test_training import tiny_config, tiny_data

    trainer = Trainer(tiny_config(), tiny_data(), workers=1)
    trainer.do_step(0.0)
    monkeypatch.setattr(r, "INT8_LOSS", -2.0)  # int8 would have to be better by more than can be
    done = r.release(trainer.data, trainer.image_ema, trainer.text_ema, tmp_path, seed=7, progress=lambda line: None)
    assert done.precision == "float32"
    model = CompactModel(tmp_path / IMAGE_FILE)
    assert model.heads["category"].classes == ("Bags", "Ties")
    assert model.heads["season"].least > 1  # no product of this feed says its season: never told
    assert len(model.heads["people"].classes) == 10
    assert CompactText(tmp_path / TEXT_FILE).dim == model.dims["shared"] == 8
