"""Pretraining and fine-tuning on a shop's own folder: losses against slow twins, resume, collapse, bad folders."""

from __future__ import annotations

import math

import numpy as np
import pytest
from PIL import Image

from retrieval.errors import InvalidInput, InvalidSetting, ModelError, ModelUnavailable

torch = pytest.importorskip("torch", reason="training needs torch (extra [train])")
pytest.importorskip("scipy", reason="training needs scipy (extra [train])")

from retrieval.training import finetune as ft  # noqa: E402
from retrieval.training import pretrain as pt  # noqa: E402
from retrieval.training.folder import read_folder  # noqa: E402
from retrieval.training.nets import NetConfig  # noqa: E402

TINY = NetConfig(stem=8, widths=(8, 16), blocks=(1, 1), features=16)


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def shapes(n: int = 32) -> tuple[np.ndarray, np.ndarray]:
    """Four kinds of pictures: a light or dark ground with a tall or a wide bar."""
    rng = np.random.default_rng(0)
    labels = np.arange(n) % 4
    pictures = np.empty((n, 80, 64, 3), np.uint8)
    for i, kind in enumerate(labels):
        pictures[i] = 230 if kind % 2 else 60
        x, y = rng.integers(15, 25, 2)
        h, w = ((40, 8), (8, 30))[kind // 2]
        pictures[i, y : y + h, x : x + w] = (200, 30, 30)
        pictures[i] += rng.integers(0, 20, pictures[i].shape, dtype=np.uint8)
    return pictures, labels


def tiny_dino(**changes) -> pt.DinoConfig:
    given = {"steps": 40, "batch": 12, "local_crops": 2, "prototypes": 32, "hidden": 16, "bottleneck": 8,
             "global_size": (32, 40), "local_size": (16, 24), "learning_rate": 2e-2}  # fmt: skip
    return pt.DinoConfig(net=TINY, **given | changes)


# DINO -----------------------------------------------------------------------------------------------------------------


def test_dino_loss_agrees_with_its_definition():
    torch.manual_seed(0)
    student, teacher = [torch.randn(3, 5) for _ in range(4)], [torch.randn(3, 5) for _ in range(2)]
    centre = torch.randn(5)
    got = pt.dino_loss(student, teacher, centre, student_temperature=0.1, teacher_temperature=0.05)
    terms = []
    for i, t in enumerate(teacher):
        for j, s in enumerate(student):
            if i == j:
                continue
            for row in range(3):
                p = np.exp(((t[row] - centre) / 0.05).numpy().astype(float))
                q = np.exp((s[row] / 0.1).numpy().astype(float))
                terms.append(-(p / p.sum() * np.log(q / q.sum())).sum())
    assert got.item() == pytest.approx(np.mean(terms), rel=1e-4)


def test_the_teacher_gets_no_gradient_and_follows_the_student():
    run = pt.Dino(tiny_dino(momentum=(0.9, 0.9)), shapes()[0])
    before = [p.clone() for p in run.teacher.parameters()]
    run.do_step()
    assert all(p.grad is None for p in run.teacher.parameters())
    for old, slow, fast in zip(before, run.teacher.parameters(), run.student.parameters(), strict=True):
        assert torch.allclose(slow, 0.9 * old + 0.1 * fast, atol=1e-6)


def test_the_prototypes_wait_for_the_first_steps():
    run = pt.Dino(tiny_dino(frozen_share=0.05), shapes()[0])  # 2 of 40 steps
    before = run.student["head"].prototypes.clone()
    run.do_step()
    assert torch.equal(run.student["head"].prototypes, before)
    run.do_step()
    run.do_step()
    assert not torch.equal(run.student["head"].prototypes, before)


def test_schedules_start_and_end_where_the_paper_says():
    config = pt.DinoConfig(steps=1000, batch=256)
    first, last = pt.schedule(config, 0), pt.schedule(config, 1000)
    assert first["rate"] == pytest.approx(5e-4 / 100) and last["rate"] == pytest.approx(1e-6)
    assert (first["decay"], last["decay"]) == pytest.approx((0.04, 0.4))
    assert (first["momentum"], last["momentum"]) == pytest.approx((0.996, 1.0))
    assert (first["temperature"], last["temperature"]) == pytest.approx((0.04, 0.07))
    assert max(pt.schedule(config, s)["rate"] for s in range(1000)) <= 5e-4


def test_monitors_tell_three_kinds_of_collapse_from_health():
    torch.manual_seed(0)
    n, k = 64, 16
    centre, varied = torch.zeros(k), torch.randn(n, 8)
    healthy = torch.eye(k)[torch.arange(n) % k] * 3
    assert pt.collapse(pt.monitors(healthy, centre, 0.1, varied)) == ""
    one = torch.zeros(n, k)
    one[:, 3] = 5
    assert "one prototype" in pt.collapse(pt.monitors(one, centre, 0.05, varied))
    assert "uniform" in pt.collapse(pt.monitors(torch.zeros(n, k), centre, 0.05, varied))
    assert "the same" in pt.collapse(pt.monitors(healthy, centre, 0.1, torch.ones(n, 8)))


def test_a_collapsed_run_ends_and_keeps_the_last_good_checkpoint(tmp_path, monkeypatch):
    flat = {"sharpness": 1.0, "spread": 1.0, "deviation": 1.0}
    real = pt.monitors
    monkeypatch.setattr(
        pt, "monitors", lambda *a: flat if len(kept) >= 25 else kept.append(1) or real(*a)
    )
    kept: list[int] = []
    with pytest.raises(ModelError, match="collapsed at step 26"):
        pt.pretrain(tiny_dino(), shapes()[0], tmp_path, checkpoint_every=10)
    again = pt.Dino(tiny_dino(), shapes()[0])
    again.load(tmp_path / "dino.pt")
    assert again.step == 20
    assert "uniform" in (tmp_path / "dino.jsonl").read_text().splitlines()[-1]


def test_a_resumed_pretraining_takes_the_very_step(tmp_path):
    pictures = shapes()[0]
    straight = pt.Dino(tiny_dino(), pictures)
    for _ in range(3):
        straight.do_step()
    straight.save(tmp_path / "dino.pt")
    resumed = pt.Dino(tiny_dino(), pictures)
    resumed.load(tmp_path / "dino.pt")
    assert straight.do_step() == resumed.do_step()
    for p, q in zip(straight.student.parameters(), resumed.student.parameters(), strict=True):
        assert torch.equal(p, q)
    with pytest.raises(InvalidSetting, match="prototypes"):
        pt.Dino(tiny_dino(prototypes=64), pictures).load(tmp_path / "dino.pt")


def test_a_transformer_needs_timm_and_says_so():
    try:
        import timm  # noqa: F401
    except Exception:
        with pytest.raises(ModelUnavailable, match="vit_small_patch16_224"):
            pt.make_backbone(tiny_dino(arch="vit_small_patch16_224"))
    else:
        assert pt.make_backbone(tiny_dino(arch="vit_small_patch16_224"))[1] == 384


# fine-tuning ----------------------------------------------------------------------------------------------------------


def unit(n: int = 8, d: int = 4) -> torch.Tensor:
    torch.manual_seed(3)
    return torch.nn.functional.normalize(torch.randn(n, d), dim=1)


def test_supervised_contrastive_agrees_with_a_slow_twin():
    z, labels = unit(), torch.tensor([0, 0, 1, 1, 1, 2, 0, 3])
    anchors = []
    for i in range(8):
        positives = [j for j in range(8) if j != i and labels[j] == labels[i]]
        if positives:
            bottom = sum(math.exp(float(z[i] @ z[k]) / 0.2) for k in range(8) if k != i)
            anchors.append(-np.mean([float(z[i] @ z[j]) / 0.2 - math.log(bottom) for j in positives]))
    got = ft.supervised_contrastive(z, labels, 0.2)
    assert got.item() == pytest.approx(np.mean(anchors), rel=1e-4)
    assert ft.supervised_contrastive(z, torch.arange(8), 0.2).item() == 0


def test_the_hardest_triplets_are_mined():
    z, labels = unit(), torch.tensor([0, 0, 1, 1, 1, 2, 0, 3])
    anchors = []
    for i in range(8):
        own = [float((z[i] - z[j]).norm()) for j in range(8) if j != i and labels[j] == labels[i]]
        other = [float((z[i] - z[j]).norm()) for j in range(8) if labels[j] != labels[i]]
        if own:
            anchors.append(max(0.0, 0.3 + max(own) - min(other)))
    hard = ft.triplet_hard(z, labels, 0.3).item()
    assert hard == pytest.approx(np.mean(anchors), rel=1e-4)
    rng = torch.Generator().manual_seed(0)
    assert ft.triplet_random(z, labels, 0.3, rng).item() <= hard + 1e-6


@pytest.mark.parametrize("loss", [x for x in ft.LOSSES if x != "triplet_random"])  # that needs many more steps than these
def test_every_loss_falls_and_brings_a_class_together(loss, tmp_path):
    pictures, labels = shapes()
    config = ft.FinetuneConfig(loss=loss, net=TINY, steps=70, classes=4, each=4, dim=8, size=(32, 40), warmup_steps=3,
                               learning_rate=5e-3)  # fmt: skip
    before = ft.retrieval_figures(ft.Finetune(config, pictures, labels).encode(pictures), labels)
    lines: list[dict] = []
    run = ft.finetune(config, pictures, labels, tmp_path, progress=lines.append)
    assert lines[-1]["loss"] < lines[0]["loss"]
    after = ft.retrieval_figures(run.encode(pictures), labels)
    assert after["map10"] > before["map10"]
    assert after["cmc1_chance"] == pytest.approx(7 / 31)  # 7 others of its class among 31


def test_a_resumed_fine_tuning_takes_the_very_step(tmp_path):
    pictures, labels = shapes()
    config = ft.FinetuneConfig(loss="triplet_random", net=TINY, steps=10, classes=4, each=2, dim=8, size=(32, 40))
    straight = ft.Finetune(config, pictures, labels)
    straight.do_step()
    straight.save(tmp_path / "f.pt")
    resumed = ft.Finetune(config, pictures, labels)
    resumed.load(tmp_path / "f.pt")
    assert straight.do_step() == resumed.do_step()
    other = ft.FinetuneConfig(loss="cross_entropy", net=TINY, dim=8)
    with pytest.raises(InvalidSetting, match="loss"):
        ft.Finetune(other, pictures, labels).load(tmp_path / "f.pt")


def test_one_class_alone_cannot_be_told_from_others():
    with pytest.raises(InvalidSetting, match="one class"):
        ft.Finetune(ft.FinetuneConfig(net=TINY), shapes()[0], np.zeros(32, int))


# folders --------------------------------------------------------------------------------------------------------------


def test_a_folder_is_read_with_reasons_for_what_is_left_out(tmp_path):
    rng = np.random.default_rng(0)
    for kind in ("bags", "ties"):
        (tmp_path / kind).mkdir()
        for i in range(40):
            Image.fromarray(rng.integers(0, 255, (48, 40, 3), dtype=np.uint8)).save(tmp_path / kind / f"{i:02}.png")
    (tmp_path / "bags" / "z.png").write_bytes((tmp_path / "bags" / "00.png").read_bytes())
    (tmp_path / "ties" / "broken.jpg").write_bytes(b"\xff\xd8\xffno picture")
    Image.new("RGB", (300, 20)).save(tmp_path / "ties" / "strip.png")
    found = read_folder(tmp_path)
    assert found.pictures.shape == (80, 160, 128, 3)
    assert found.classes == ["bags", "ties"] and np.bincount(found.labels).tolist() == [40, 40]
    assert found.reasons() == {"repeated": 1, "unreadable": 1, "tiny": 1}
    assert "bags/00.png" in found.rejects["bags/z.png"]


def test_an_empty_or_missing_folder_says_what_is_needed(tmp_path):
    with pytest.raises(InvalidInput, match="0 usable pictures of 0"):
        read_folder(tmp_path)
    with pytest.raises(InvalidInput, match="no folder"):
        read_folder(tmp_path / "none")


@pytest.mark.parametrize(
    ("names", "folders", "categories", "products"),
    [
        (["bags/b1/x.jpg", "bags/b1/y.jpg"], "auto", ["bags", "bags"], ["bags/b1", "bags/b1"]),
        (["b1/x.jpg", "b1/y.jpg"], "auto", ["", ""], ["b1", "b1"]),
        (["bags/b1-1.jpg", "bags/b1-2.jpg"], "category", ["bags", "bags"], ["bags/b1", "bags/b1"]),
        (["b1_front.jpg", "b2.jpg"], "auto", ["", ""], ["b1", "b2"]),
    ],
)
def test_folders_and_names_say_category_and_product(names, folders, categories, products):
    from retrieval.training.folder import layout_of

    assert layout_of(names, folders)[:2] == (categories, products)


def test_large_sub_folders_are_taken_for_categories_and_that_is_said():
    from retrieval.training.folder import layout_of

    names = [f"bags/{i}-1.jpg" for i in range(40)]
    categories, products, said = layout_of(names)
    assert set(categories) == {"bags"} and len(set(products)) == 40 and "taken for categories" in said
    assert len(set(layout_of(names, "product")[1])) == 1
    with pytest.raises(InvalidInput, match="brand"):
        layout_of(names, "brand")


# a shop's own encoder -------------------------------------------------------------------------------------------------


def shop_folder(folder, n: int = 90) -> None:
    rng = np.random.default_rng(0)
    for i in range(n):
        (folder / f"p{i:03}").mkdir(parents=True)
        base = rng.integers(0, 255, (10, 8, 3), dtype=np.uint8)
        for view in range(2):
            picture = np.full((80, 64, 3), 250, np.uint8)
            picture[10 + view : 70 + view, 8:56] = np.kron(base, np.ones((6, 6, 1), np.uint8))
            Image.fromarray(picture).save(folder / f"p{i:03}" / f"{view}.png")


def test_products_and_their_repeats_stay_on_one_side(tmp_path):
    from retrieval.training import shop

    shop_folder(tmp_path)
    Image.open(tmp_path / "p003" / "0.png").resize((128, 160)).save(tmp_path / "p050" / "again.png")
    found = read_folder(tmp_path)
    kept, unseen = shop.parts_of(found)
    sides = [{found.products[i] for i in part} for part in (kept, unseen)]
    assert not sides[0] & sides[1] and len(unseen) >= 4
    family = dict(zip(found.products, shop.families(found).tolist(), strict=True))
    assert family["p003"] == family["p050"] != family["p004"]
    assert len(set(shop.labels_of(found, "product").tolist())) == 90
    with pytest.raises(InvalidInput, match="colour"):
        shop.labels_of(found, "colour")


def test_a_folder_alone_becomes_an_encoder_that_the_app_loads(tmp_path):
    pytest.importorskip("onnxscript", reason="export needs onnxscript (extra [train])")
    import json

    from retrieval import registry
    from retrieval.encoders.compact import CompactModel
    from retrieval.training import shop

    shop_folder(tmp_path / "pictures", 40)
    found = read_folder(tmp_path / "pictures")
    said: list[str] = []
    done = shop.train_shop(found, tmp_path / "own", steps=2, start=None, say=said.append, net=TINY)
    assert done.steps == 2 and done.parity <= 1e-4 and set(done.before) == set(done.after)
    assert {"instance_cmc1", "instance_cmc1_chance", "product_cmc1"} <= set(done.after)
    encoder = registry.load("image encoder", "compact", {"weights": str(tmp_path / "own")}).model
    vectors = encoder.encode_images([Image.fromarray(p) for p in found.pictures[:3]])
    assert vectors.shape[1] >= 256 and np.allclose((vectors**2).sum(1), 1, atol=1e-5)
    assert encoder.space.revision != CompactModel(registry.resources.path("weights/image.onnx")).digest[:16]
    card = (tmp_path / "own" / "image.md").read_text()
    assert "begun from nothing" in card and (tmp_path / "own" / "image-attention.png").is_file()
    assert ("NOT better" in card) == (not json.loads((tmp_path / "own" / "image.json").read_text())["is_better"])
    # begun from what was written, nothing taken away: the start is that very encoder
    again = shop.train_shop(found, tmp_path / "next", steps=0, start=tmp_path / "own", say=said.append)
    assert again.before == pytest.approx(done.after)
    assert any(line.startswith("widened") for line in said)


def test_one_product_alone_cannot_be_divided(tmp_path):
    from retrieval.training import shop

    rng = np.random.default_rng(0)
    (tmp_path / "only" / "one").mkdir(parents=True)
    for i in range(70):
        Image.fromarray(rng.integers(0, 255, (80, 64, 3), dtype=np.uint8)).save(tmp_path / "only" / "one" / f"{i}.png")
    with pytest.raises(InvalidInput, match="cannot be divided"):
        shop.parts_of(read_folder(tmp_path))


# pictures beside the figures ------------------------------------------------------------------------------------------


def test_attention_lies_where_the_thing_is():
    from retrieval.training import attention

    class Bright(torch.nn.Module):
        def maps(self, x):
            return torch.nn.functional.avg_pool2d(x, 8)

    x = torch.zeros(1, 3, 80, 64)
    x[:, :, 16:24, 40:48] = 5.0
    got = attention.maps(Bright(), x)[0]
    assert got.shape == (10, 8) and np.unravel_index(got.argmax(), got.shape) == (2, 5) and got.min() == 0


def test_curves_pass_over_a_line_that_a_kill_cut_short(tmp_path):
    from retrieval.training import curves

    (tmp_path / "log.jsonl").write_text('{"step": 10, "loss": 2.0}\n{"step": 20, "loss": 1.0}\n{"step": 30, "lo')
    assert curves.read_log(tmp_path / "log.jsonl", ("loss", "rate")) == {"loss": [(10, 2.0), (20, 1.0)]}
    curves.draw_log(tmp_path / "log.jsonl", tmp_path / "c.png", ("loss",))
    drawn = np.asarray(Image.open(tmp_path / "c.png").convert("RGB"))
    assert (drawn == (32, 90, 190)).all(2).sum() > 100
    curves.draw_log(tmp_path / "none.jsonl", tmp_path / "empty.png", ("loss",))
    assert (tmp_path / "empty.png").is_file()


def test_a_pretrained_backbone_is_read_with_the_config_it_was_made_with(tmp_path):
    pictures = shapes()[0]
    run = pt.Dino(tiny_dino(), pictures)
    run.do_step()
    run.save(tmp_path / "dino.pt")
    backbone, config = pt.load_backbone(tmp_path / "dino.pt")
    assert config == tiny_dino()
    x = torch.randn(2, 3, 40, 32)
    assert torch.equal(backbone.eval()(x), run.teacher["backbone"].eval()(x))
    with pytest.raises(InvalidSetting, match="no checkpoint"):
        pt.load_backbone(tmp_path / "none.pt")


def test_a_device_that_is_not_there_is_named():
    from retrieval.training import devices

    assert devices.pick("cpu").type == "cpu"
    with pytest.raises(InvalidSetting, match="tpu9"):
        devices.pick("tpu9")
    if not torch.cuda.is_available():
        with pytest.raises(InvalidSetting, match="sees no GPU"):
            devices.pick("cuda")
