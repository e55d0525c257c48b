"""Training the last layers on stored features: what changes, what must not, and what is put back."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch (extra [train])")
pytest.importorskip("scipy", reason="masks need scipy (extra [train])")

from retrieval.training import captions, polish  # noqa: E402
from retrieval.training.compact import Trainer  # noqa: E402
from tests.test_training import tiny_config, tiny_data  # noqa: E402


@pytest.fixture(scope="module")
def ready():
    torch.set_num_threads(1)
    trainer = Trainer(tiny_config(learning_rate=5e-3), tiny_data(), workers=1)
    for _ in range(15):
        trainer.do_step(0.0)

    @torch.no_grad()
    def read(pixels: np.ndarray) -> np.ndarray:
        x = (torch.from_numpy(pixels).permute(0, 3, 1, 2).float() - 127.5) / 64
        return trainer.image_ema.eval().backbone(x).numpy()

    return trainer, polish.collect(trainer, read, views=1, hard_share=0.5, workers=1, progress=lambda line: None)


def test_features_are_those_of_the_backbone_and_of_no_held_out_product(ready):
    trainer, features = ready
    at = trainer.data.calibration[:3]
    x = (torch.from_numpy(trainer.data.small[at]).permute(0, 3, 1, 2).float() - 127.5) / 64
    with torch.no_grad():
        want = trainer.image_ema.eval().backbone(x)
    assert torch.allclose(features.plain[at].float(), want, atol=2e-2, rtol=2e-3)
    assert features.has_hard[trainer.data.calibration].all()
    assert features.has_hard[trainer.data.train].sum() == len(trainer.data.train) // 2
    assert features.hard.shape == (1, 40, 32)


def test_the_backbone_stays_and_heads_move(ready):
    trainer, features = ready
    image, text, figures = polish.polish(trainer, features, epochs=40, batch=20, rate=3e-3, progress=lambda line: None)
    for p, q in zip(image.backbone.parameters(), trainer.image_ema.backbone.parameters(), strict=True):
        assert torch.equal(p, q)
    assert figures["after"]["category_top1"] >= figures["before"]["category_top1"] - 0.1
    assert torch.equal(image.heads["people"].weight, trainer.image_ema.heads["people"].weight)  # nothing could judge it
    parts = [(image.instance, trainer.image_ema.instance), (text, trainer.text_ema),
             *((image.heads[name], trainer.image_ema.heads[name]) for name in polish.HEAD_WEIGHTS)]  # fmt: skip
    moved = [any(not torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True)) for a, b in parts]
    assert any(moved)


def test_what_came_out_worse_is_put_back(ready, monkeypatch):
    trainer, features = ready
    good = {f"{n}_top1": 0.9 for n in polish.HEAD_WEIGHTS} | {
        "instance_rank1": 0.9, "title_recall10": 0.9, "category_p10": 0.9}  # fmt: skip
    bad = dict.fromkeys(good, 0.1) | {"colour_top1": 0.95}
    answers = iter((good, bad))
    monkeypatch.setattr(polish, "measure", lambda *a: next(answers))
    image, text, _ = polish.polish(trainer, features, epochs=1, batch=20, progress=lambda line: None)
    ema = trainer.image_ema
    assert torch.equal(image.instance[0].weight, ema.instance[0].weight)
    assert torch.equal(image.shared[0].weight, ema.shared[0].weight)
    assert torch.equal(text.out.weight, trainer.text_ema.out.weight)
    assert torch.equal(image.heads["category"].weight, ema.heads["category"].weight)
    assert not torch.equal(image.heads["colour"].weight, ema.heads["colour"].weight)


def test_captions_say_the_labels_in_order():
    labels = {"category": "Tshirts", "colour": "Navy Blue", "gender": "Men"}
    said = {captions.caption(labels, ("gender", "colour", "category"), np.random.default_rng(i)) for i in range(30)}
    assert all(s.startswith("Men Navy Blue ") for s in said)
    assert {"Men Navy Blue Tshirts", "Men Navy Blue t-shirt"} <= said
