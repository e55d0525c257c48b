"""The training of the compact models, on nets small enough for a second: what must hold at any size."""

from __future__ import annotations

import copy
import io
import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from retrieval.encoders.compact_tokens import TABLE, features, token_ids, words
from retrieval.errors import FeedError, InvalidSetting, StoreError
from retrieval.training.split import is_calibration, is_held_out

torch = pytest.importorskip("torch", reason="training needs torch (extra [train])")
pytest.importorskip("scipy", reason="masks need scipy (extra [train])")

from retrieval.training import augment, cache, losses  # noqa: E402
from retrieval.training.batches import Batches, mixed  # noqa: E402
from retrieval.training.captions import CAPTIONS, Captions  # noqa: E402
from retrieval.training.compact import Trainer, read_teacher, shrunk, train  # noqa: E402
from retrieval.training.compact_config import TrainConfig, config_of, learning_rate  # noqa: E402
from retrieval.training.data import TrainData, bags, load_data  # noqa: E402
from retrieval.training.nets import NETS, NetConfig  # noqa: E402

TINY = NetConfig(stem=8, widths=(8, 12, 16), blocks=(1, 1, 1), features=16, shared_dim=8, instance_dim=8, token_dim=8,
                 hidden=8)  # fmt: skip


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def tiny_data(n: int = 40) -> TrainData:
    """Squares (Bags) and bars (Ties) in one of two colours on white; the first half in the training part."""
    rng = np.random.default_rng(0)
    small = np.full((n, 80, 64, 3), 255, np.uint8)
    shape, colour = np.arange(n) % 2, np.arange(n) // 2 % 2
    for i in range(n):
        x, y = rng.integers(8, 20, 2)
        h, w = ((30, 30), (50, 10))[shape[i]]
        small[i, y : y + h, x : x + w] = ((200, 20, 20), (20, 20, 200))[colour[i]]
        small[i, y, x : x + w] = rng.integers(0, 200, 3)  # each picture its own
    names = (("Bags", "Ties"), ("Red", "Blue"))
    rows = [
        cache.Row(str(i), f"{names[1][colour[i]]} {names[0][shape[i]]} {i}", (names[0][shape[i]], "", "Men", "", "", ""))
        for i in range(n)
    ]
    labels = {name: np.full(n, -1) for name in cache.FIELDS} | {"category": shape, "colour": colour}
    classes = {name: ["x"] for name in cache.FIELDS} | {"category": ["Bags", "Ties"], "colour": ["Red", "Blue"]}
    return TrainData(
        rows=rows, small=small, large=small[:4].repeat(2, 1).repeat(2, 2), small_mask=cache.flood_masks(small),
        large_mask=cache.flood_masks(small[:4].repeat(2, 1).repeat(2, 2)),
        large_of=np.where(np.arange(n) < 4, np.arange(n), -1), group=cache.duplicates(small), labels=labels,
        classes=classes, people=small[:10].repeat(2, 1).repeat(2, 2), people_labels=np.arange(10),
        grounds=rng.integers(0, 255, (3, 160, 128, 3), dtype=np.uint8), train=np.arange(n // 2),
        calibration=np.arange(n // 2, n), weights=np.full(n // 2, 2 / n), tokens=[token_ids(r.title) for r in rows],
        title=np.arange(n),
    )  # fmt: skip


def tiny_config(**changes) -> TrainConfig:
    given = {"net": TINY, "products": 12, "people": 4, "negatives": 4, "bank_from_step": 2, "warmup_steps": 2, "small_share": 0.0}
    return TrainConfig(**given | changes)


# the split ------------------------------------------------------------------------------------------------------------


def test_the_split_is_the_published_rule():
    from hashlib import sha256

    for sku in ("15970", "2133", "7143", "4226", "shoe/é"):
        digest = int(sha256(b"outfit-split:" + sku.encode()).hexdigest(), 16)
        assert is_held_out(sku) == (digest % 10 == 0)
    skus = [str(i) for i in range(20_000)]
    held = [s for s in skus if is_held_out(s)]
    assert abs(len(held) / len(skus) - 0.1) < 0.01
    assert not any(is_calibration(s) for s in held)
    assert 0.03 < sum(map(is_calibration, skus)) / len(skus) < 0.042


# words ----------------------------------------------------------------------------------------------------------------


def test_spellings_of_a_word_share_tokens_and_unknown_text_has_one():
    shared = set(features("tshirts")) & set(features("tshirt"))
    assert len(shared) >= 8
    assert words("Turtle's  CAFÉ T-Shirt, 红色连衣裙!") == ["turtle", "s", "cafe", "t", "shirt", "红色连衣裙"]
    assert token_ids("!!").tolist() == [0]
    ids = token_ids("a" * 5000)
    assert len(ids) <= 256 and ids.min() >= 0 and ids.max() < TABLE


# pictures -------------------------------------------------------------------------------------------------------------


def test_flood_mask_keeps_white_inside_the_garment():
    picture = np.full((1, 9, 9, 3), 255, np.uint8)
    picture[0, 2:7, 2:7] = 30
    picture[0, 4, 4] = 255  # a white button
    mask = cache.flood_masks(picture)[0]
    assert mask[4, 4] == 255 and mask[0, 0] == 0
    assert (mask == 255).sum() == 25


def test_feed_rows_keep_commas_in_titles_and_say_what_is_missing(tmp_path):
    head = "id,gender,masterCategory,subCategory,articleType,baseColour,season,year,usage,productDisplayName\n"
    file = tmp_path / "styles.csv"
    file.write_text(head + "1,Men,Apparel,Topwear,Shirts,NA,Fall,2011,Casual,Shirt, slim, blue\nbroken\n")
    [row] = cache.read_rows(file)
    assert row.title == "Shirt, slim, blue"
    assert dict(zip(cache.FIELDS, row.labels, strict=True))["colour"] == ""
    file.write_text("id,gender\n1,Men\n")
    with pytest.raises(FeedError, match="productDisplayName"):
        cache.read_rows(file)


def test_prepare_leaves_out_what_does_not_decode_and_says_so(tmp_path):
    (tmp_path / "styles.csv").write_text(
        "id,gender,masterCategory,subCategory,articleType,baseColour,season,year,usage,productDisplayName\n"
        + "".join(f"{i},Men,A,Topwear,Shirts,Blue,Fall,2011,Casual,Shirt {i}\n" for i in (1, 2, 3, 4))
    )
    picture = tmp_path / "p.jpg"
    Image.fromarray(np.full((80, 60, 3), 200, np.uint8)).save(picture)
    with zipfile.ZipFile(tmp_path / "catalog-images.zip", "w") as low:
        low.write(picture, "images/1.jpg")
        low.writestr("images/2.jpg", b"no picture")
        low.write(picture, "images/4.jpg")
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as high:
        high.write(picture, "photos/4.jpg")
    with zipfile.ZipFile(tmp_path / "user-photos.zip", "w") as own:
        own.write(picture, "user-photos/train/dress/a.jpg")
        own.write(picture, "user-photos/validation/dress/b.jpg")
    said = []
    cache.prepare(tmp_path, tmp_path / "out", keep=lambda sku: True, progress=said.append)
    assert [r.sku for r in cache.load_rows(tmp_path / "out")] == ["1", "4"]
    assert "2 products, 1 of them large, 2 without" in said[0]
    assert np.load(tmp_path / "out" / "large_at.npy").tolist() == [1]
    assert np.load(tmp_path / "out" / "small.npy").shape == (2, 80, 64, 3)


def test_views_stay_in_range_and_repeat_by_their_seed():
    data = tiny_data()
    size = augment.Size(64, 80)
    pictures, masks = augment.to_float(data.small[:8]), torch.from_numpy(data.small_mask[:8])[:, None].float() / 255

    def view(seed: int) -> torch.Tensor:
        return augment.shopper_view(pictures, masks, data.grounds, size, torch.Generator().manual_seed(seed))

    a = view(1)
    assert a.shape == (8, 3, 80, 64) and 0 <= a.min() and a.max() <= 1
    assert torch.equal(a, view(1)) and not torch.equal(a, view(2))


def test_an_identity_homography_changes_nothing():
    x = torch.rand(2, 3, 10, 8)
    assert torch.allclose(augment.warp(x, torch.eye(3).expand(2, 3, 3), 10, 8), x, atol=1e-5)


# losses ---------------------------------------------------------------------------------------------------------------


def test_nce_with_one_positive_is_cross_entropy_and_two_positives_by_hand():
    logits = torch.tensor([[2.0, 0.0, -1.0], [0.5, 0.5, 0.0]])
    one = torch.tensor([[True, False, False], [False, True, False]])
    want = torch.nn.functional.cross_entropy(logits, torch.tensor([0, 1]))
    assert torch.allclose(losses.multi_positive_nce(logits, one), want)
    zero = torch.zeros(1, 4)
    two = torch.tensor([[True, True, False, False]])
    assert losses.multi_positive_nce(zero, two).item() == pytest.approx(np.log(2))  # half of the mass


def test_coarse_loss_sums_over_what_the_coarse_class_may_be():
    logits = torch.zeros(1, 4)
    compatible = torch.tensor([[True, True, True, False]])
    assert losses.coarse_cross_entropy(logits, torch.tensor([0]), compatible).item() == pytest.approx(np.log(4 / 3))


def test_unknown_labels_give_no_gradient():
    logits = torch.randn(3, 2, requires_grad=True)
    losses.labelled_cross_entropy(logits, torch.tensor([-1, -1, -1]), 0.1).backward()
    assert logits.grad.abs().sum() == 0


# the loop -------------------------------------------------------------------------------------------------------------


def test_losses_fall_and_pictures_find_their_words():
    trainer = Trainer(tiny_config(learning_rate=5e-3), tiny_data(), workers=1)
    lines = [trainer.do_step(0.0) for _ in range(30)]
    for name in ("category", "text", "instance"):
        early, late = (np.mean([line[name] for line in part]) for part in (lines[2:6], lines[-4:]))
        assert late < early, name


def test_a_resumed_run_takes_the_very_step_it_would_have_taken(tmp_path):
    straight = Trainer(tiny_config(), tiny_data(), workers=1)
    for _ in range(4):
        straight.do_step(0.3)
    straight.save(tmp_path / "last.pt")
    resumed = Trainer(tiny_config(), tiny_data(), workers=1)
    resumed.load(tmp_path / "last.pt")
    a, b = straight.do_step(0.4), resumed.do_step(0.4)
    assert a == b
    for p, q in zip(straight.image.parameters(), resumed.image.parameters(), strict=True):
        assert torch.equal(p, q)
    for p, q in zip(straight.image_ema.parameters(), resumed.image_ema.parameters(), strict=True):
        assert torch.equal(p, q)


def test_the_kernels_are_the_convolutions_own_memory_so_muon_moves_them():
    trainer = Trainer(tiny_config(), tiny_data(), workers=1)
    convolutions = [m for m in trainer.image.backbone.modules() if isinstance(m, torch.nn.Conv2d)]
    assert [w is c.weight for (w, _), c in zip(trainer.kernels, convolutions[1:], strict=True)] == [True] * len(trainer.kernels)
    for weight, matrix in trainer.kernels:
        assert matrix.shape == (weight.shape[0], weight[0].numel())
        matrix.data[0, 0] = 7.0
        assert weight[0, 0, 0, 0] == 7.0
    before = [w.detach().clone() for w, _ in trainer.kernels]
    trainer.do_step(0.0)
    assert all(not torch.equal(w, b) for (w, _), b in zip(trainer.kernels, before, strict=True))


def test_steps_are_small_first():
    x = torch.zeros(2, 3, 80, 64)
    sizes = [tuple(shrunk(x, tiny_config(small_share=0.4), share).shape[2:]) for share in (0.0, 0.39, 0.4, 1.0)]
    assert sizes == [(60, 48), (60, 48), (80, 64), (80, 64)]


def test_a_run_may_begin_with_another_s_weights_but_not_with_other_sizes(tmp_path):
    first = Trainer(tiny_config(), tiny_data(), workers=1)
    for _ in range(3):
        first.do_step(0.1)
    first.save(tmp_path / "last.pt")
    second = Trainer(tiny_config(seed=12), tiny_data(), workers=1)
    second.begin_with(tmp_path / "last.pt")
    assert second.step == 0
    for p, q in zip(first.image_ema.parameters(), second.image.parameters(), strict=True):
        assert torch.equal(p, q)
    assert all(torch.equal(w.permute(0, 2, 3, 1).flatten(1), m) for w, m in second.kernels)
    other = Trainer(tiny_config(net=replace(TINY, widths=(8, 12, 24))), tiny_data(), workers=1)
    with pytest.raises(InvalidSetting, match="widths"):
        other.begin_with(tmp_path / "last.pt")


def test_a_checkpoint_knows_what_its_run_was_told(tmp_path):
    given = tiny_config(seed=11, small_share=0.5)
    trainer = Trainer(given, tiny_data(), workers=1)
    trainer.save(tmp_path / "last.pt")
    again = config_of(tmp_path / "last.pt")
    assert again == trainer.config and again.seed == 11 and again.small_share == 0.5
    Trainer(again, tiny_data(), workers=1).load(tmp_path / "last.pt")


def test_a_checkpoint_of_other_optimisers_says_how_its_weights_are_used(tmp_path):
    trainer = Trainer(tiny_config(), tiny_data(), workers=1)
    trainer.save(tmp_path / "last.pt")
    state = torch.load(tmp_path / "last.pt", weights_only=True)
    state["optimiser"] = state.pop("adamw")
    torch.save(state, tmp_path / "last.pt")
    with pytest.raises(InvalidSetting, match="holds no adamw") as refused:
        trainer.load(tmp_path / "last.pt")
    assert "--begin-with" in refused.value.hint


def test_shopper_s_views_of_products_teach_the_classes_of_people_s_photos_where_their_category_tells():
    names = ["Caps", "Dresses", "Jackets", "Jeans", "Shirts", "Shorts", "Skirts", "Sweaters", "Tshirts", "Casual Shoes", "Watches"]
    data = tiny_data()
    data.classes["category"], data.labels["category"] = names, np.arange(40) % len(names)
    trainer = Trainer(tiny_config(), data, workers=1)
    assert trainer.told.tolist() == [name != "Watches" for name in names]
    products, people = np.array([3, 10, 8]), torch.eye(10)[:2]  # Jeans, Watches, Tshirts
    out = {name: torch.randn(8, n, requires_grad=True) for name, n in trainer.config.net.heads.items()}
    out |= {name: torch.nn.functional.normalize(torch.randn(8, 8), dim=1) for name in ("shared", "instance")}
    trainer._loss(out, products, people, None)["people"].backward()
    taught = out["people"].grad.abs().sum(1) > 0
    assert taught.tolist() == [False, False, False, True, False, True, True, True]  # view A, view B, people's photos
    pants, jeans = cache.PEOPLE_CLASSES.index("pants"), out["people"].grad[3]
    assert jeans[pants] < 0 and (jeans[torch.arange(10) != pants] > 0).all()


def test_two_workers_do_the_work_of_one_step():
    trainer = Trainer(tiny_config(), tiny_data(), workers=2)
    before = [p.clone() for p in trainer.image.parameters()]
    line = trainer.do_step(0.0)
    assert all(np.isfinite(v) for v in line.values())
    moved = [not torch.equal(p, q) for p, q in zip(before, trainer.image.parameters(), strict=True)]
    assert sum(moved) > len(moved) // 2


def test_the_rate_warms_up_and_is_zero_at_the_end_of_the_clock():
    config = TrainConfig(learning_rate=1.0, warmup_steps=10)
    assert learning_rate(config, 0, 0.0) == pytest.approx(0.1)
    assert learning_rate(config, 100, 0.5) == pytest.approx(0.5)
    assert learning_rate(config, 100, 1.0) == pytest.approx(0.0)
    assert learning_rate(config, 100, 1.7) == pytest.approx(0.0)


def test_train_goes_by_the_clock_and_a_later_end_goes_on(tmp_path):
    ticks = iter(range(1000))

    def clock() -> float:
        return float(next(ticks))

    data = tiny_data()
    first = train(tiny_config(), data, tmp_path, end_s=9.0, workers=1, clock=clock, checkpoint_every_s=2)
    again = train(tiny_config(), data, tmp_path, end_s=30.0, workers=1, clock=clock)
    assert 0 < first.step < again.step
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert {"category_top1", "instance_rank1"} <= set(lines[-1])
    stopped = train(tiny_config(), data, tmp_path, end_s=900.0, workers=1, clock=clock, stop=lambda: True)
    assert stopped.step == again.step


def test_a_checkpoint_of_other_sizes_is_refused_by_name(tmp_path):
    Trainer(tiny_config(), tiny_data(), workers=1).save(tmp_path / "last.pt")
    other = TrainConfig(net=NetConfig(stem=8, widths=(8, 12, 24), blocks=(1, 1, 1), features=16, shared_dim=8,
                                      instance_dim=8, token_dim=8, hidden=8))  # fmt: skip
    with pytest.raises(InvalidSetting, match="widths"):
        Trainer(other, tiny_data(), workers=1).load(tmp_path / "last.pt")


def test_the_net_that_ships_is_the_one_that_the_recipe_names():
    pytest.importorskip("onnx", reason="reading a served net needs onnx (extra [train])")
    from retrieval import resources
    from retrieval.training.graph import read_start

    shipped = read_start(resources.path("weights") / "image.onnx")[1]
    assert replace(shipped, heads={}) == NETS["wide"]


# a teacher ------------------------------------------------------------------------------------------------------------


def test_divergence_is_that_of_the_book():
    p, q = np.array([0.5, 0.25, 0.25]), np.array([0.25, 0.25, 0.5])
    by_hand = 0.5 * np.log(2) + 0.25 * np.log(0.5)  # sum of p log(p / q)
    got = losses.divergence(torch.log(torch.from_numpy(q))[None] + 3, torch.log(torch.from_numpy(p))[None] - 1)
    assert got.item() == pytest.approx(by_hand)
    assert losses.divergence(torch.randn(4, 3).repeat(2, 1)[:4], torch.zeros(4, 3)).item() >= 0


def test_a_net_learns_from_the_teacher_s_answers_where_the_labels_say_nothing(tmp_path):
    told = Trainer(tiny_config(learning_rate=5e-3), tiny_data(), workers=1)
    for _ in range(40):
        told.do_step(0.1)
    told.save(tmp_path / "last.pt")
    data = tiny_data()
    teacher = read_teacher(tmp_path / "last.pt", data)
    before = copy.deepcopy(teacher.state_dict())
    data.labels = {name: np.full(len(data.rows), -1) for name in data.labels}
    wider = replace(TINY, widths=(8, 12, 24))
    pupil = Trainer(tiny_config(net=wider, learning_rate=5e-3), data, workers=2, teacher=teacher)
    lines = [pupil.do_step(0.1) for _ in range(40)]
    assert lines[0]["category"] == lines[-1]["category"] == 0
    assert np.mean([one["distil"] for one in lines[-5:]]) < 0.85 * np.mean([one["distil"] for one in lines[:5]])
    assert all(torch.equal(v, before[k]) for k, v in pupil.teacher.state_dict().items())


def test_a_teacher_of_other_classes_is_refused(tmp_path):
    Trainer(tiny_config(), tiny_data(), workers=1).save(tmp_path / "last.pt")
    other = tiny_data()
    other.classes = other.classes | {"category": ["Bags", "Shoes"]}
    with pytest.raises(InvalidSetting, match="other classes"):
        read_teacher(tmp_path / "last.pt", other)


# what a step is made of -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("quality", [3, 15, 40, 60, 90])
def test_jpeg_as_tensors_leaves_what_a_jpeg_file_leaves(quality):
    rng = np.random.default_rng(quality)
    coarse = torch.from_numpy(rng.random((3, 3, 10, 8), np.float32))
    pictures = torch.nn.functional.interpolate(coarse, (72, 61), mode="bicubic").clamp(0, 1)  # no multiple of a block
    pixels = (pictures * 255).round().byte().permute(0, 2, 3, 1).contiguous().numpy()
    filed = []
    for one in pixels:
        with io.BytesIO() as file:
            Image.fromarray(one).save(file, "JPEG", quality=quality)
            filed.append(np.array(Image.open(file), np.float32))
    ours = augment.through_jpeg(augment.to_float(pixels), torch.full((3,), quality)).permute(0, 2, 3, 1).numpy() * 255
    lost = np.abs(np.stack(filed) - pixels).mean()
    assert np.abs(ours - np.stack(filed)).mean() < 0.25 * lost + 0.3  # 0.3 of 255: libjpeg's own rounding


def test_only_the_pictures_asked_for_go_through_jpeg():
    x = torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    y = x.clone()
    augment.jpeg(y, torch.tensor([False, True, False, True]), torch.Generator().manual_seed(0), (5, 10))
    assert [torch.equal(a, b) for a, b in zip(x, y, strict=True)] == [True, False, True, False]


def test_words_left_out_never_leave_a_text_without_any():
    texts = [np.arange(n) + 100 * n for n in (1, 7, 2, 30)]
    ids, offsets = bags(texts)
    assert offsets.tolist() == [0, 1, 8, 10] and np.array_equal(ids.numpy(), np.concatenate(texts))
    ids, offsets = bags(texts, 0.999, np.random.default_rng(0))
    parts = np.split(ids.numpy(), offsets.tolist()[1:])
    assert [len(part) for part in parts] == [1, 1, 1, 1]
    assert all(set(part) <= set(text) for part, text in zip(parts, texts, strict=True))
    ids, _ = bags([np.arange(1000)] * 20, 0.12, np.random.default_rng(0))
    assert len(ids) / 20_000 == pytest.approx(0.88, abs=0.01)


def test_shopper_s_views_come_in_the_order_asked_whichever_picture_they_are_made_from(monkeypatch):
    data = tiny_data()
    batches = Batches(data, 0, torch.device("cpu"))
    monkeypatch.setattr(
        augment, "shopper_view", lambda pictures, *rest: torch.nn.functional.interpolate(pictures, (80, 64), mode="area")
    )
    asked = np.array([30, 2, 17, 0, 3, 25, 1])  # 0 to 3 have a large picture
    got = batches.shopper_views(asked, torch.Generator().manual_seed(1))
    assert torch.allclose(got, augment.to_float(data.small[asked]), atol=0.02)


def test_every_other_photo_is_laid_over_another_one_with_its_class():
    pictures = torch.arange(6.0)[:, None, None, None].expand(6, 3, 2, 2)
    classes = torch.eye(6)
    own, shares = mixed(pictures, classes, torch.Generator().manual_seed(3))
    assert torch.equal(own[::2], pictures[::2]) and torch.equal(shares[::2], classes[::2])
    assert torch.allclose(own[:, 0, 0, 0], shares @ torch.arange(6.0))  # each picture is what its classes say
    assert torch.allclose(shares.sum(1), torch.ones(6))
    assert (shares[1::2].amax(1) < 1).any()


def test_a_caption_stands_for_all_products_of_its_labels():
    rows = [cache.Row(str(i), "", labels) for i, labels in enumerate([
        ("Shirts", "", "Men", "Blue", "", ""), ("Shirts", "", "Women", "Blue", "", ""), ("Shirts", "", "Men", "", "", ""),
        ("Heels", "", "Women", "Blue", "", ""),
    ])]  # fmt: skip
    captions = Captions(rows)
    kind = CAPTIONS.index(("colour", "category"))
    assert captions.number[kind].tolist() == [0, 0, -1, 1]
    assert captions.labels[kind] == [{"colour": "Blue", "category": "Shirts"}, {"colour": "Blue", "category": "Heels"}]
    kind = CAPTIONS.index(("gender", "category"))
    assert captions.number[kind].tolist() == [0, 1, 0, 2]


def test_a_full_disk_leaves_the_older_checkpoint_whole(tmp_path, monkeypatch):
    trainer = Trainer(tiny_config(), tiny_data(), workers=1)
    file = tmp_path / "last.pt"
    trainer.save(file)
    before = file.read_bytes()
    trainer.do_step(0.0)

    def full(state, path):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(StoreError, match="No space left"):
        trainer.save(file)
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]


def test_a_folder_without_training_products_says_so(tmp_path):
    held = next(str(i) for i in range(1000) if is_held_out(str(i)))
    (tmp_path / "rows.json").write_text(json.dumps([[held, "t", *[""] * 6]]))
    np.save(tmp_path / "small.npy", np.zeros((1, 80, 64, 3), np.uint8))
    with pytest.raises(InvalidSetting, match="no product to train on"):
        load_data(tmp_path)
