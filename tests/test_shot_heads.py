"""Heads for shot tags: views whose tags are known, linear fits, and heads written into a served file."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch", reason="training needs torch (extra [train])")
pytest.importorskip("scipy", reason="training needs scipy (extra [train])")
pytest.importorskip("onnxscript", reason="export needs onnxscript (extra [train])")

from retrieval.encoders.compact import IMAGE_FILE, CompactModel, Head  # noqa: E402
from retrieval.encoders.compact_shots import SHOT_HEADS, CompactShots  # noqa: E402
from retrieval.errors import ModelError, ModelUnavailable  # noqa: E402
from retrieval.training import export, graph, shot_heads, shot_views  # noqa: E402
from retrieval.training.cache import flood_masks  # noqa: E402
from retrieval.training.nets import CompactNet, NetConfig  # noqa: E402
from retrieval.training.shot_views import UNKNOWN, Views  # noqa: E402

TINY = NetConfig(stem=8, widths=(8, 16), blocks=(1, 1), features=16, shared_dim=8, instance_dim=6, token_dim=12,
                 hidden=8, heads={"category": 3})  # fmt: skip
CATEGORY = Head(("Shirts", "Ties", "Bags"), 1.5, np.array([0.1, 0, -0.1], np.float32), 0.3)
SKIN = (224, 172, 140)


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    net = CompactNet(TINY)
    with torch.no_grad():
        for _ in range(5):
            net.train()(torch.randn(16, 3, 80, 64))
        for module in net.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.weight.uniform_(0.5, 1.5)
                module.bias.uniform_(-0.3, 0.3)
    return net.eval()


@pytest.fixture
def served(net, tmp_path):
    file = tmp_path / IMAGE_FILE
    export.export_image(net, file, {"category": CATEGORY})
    return file


def pixels(n: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, 80, 64, 3), dtype=np.uint8)


def heads(dim: int = 32, seed: int = 0) -> dict:
    rng = np.random.default_rng(seed)
    return {
        name: (rng.normal(size=(len(c), dim)).astype(np.float32), rng.normal(size=len(c)).astype(np.float32),
               Head(c, 1.0, np.zeros(len(c), np.float32), 0.4))
        for name, c in SHOT_HEADS.items()
    }  # fmt: skip


# the served file ------------------------------------------------------------------------------------------------------


def test_heads_are_added_without_changing_what_the_file_said_before(net, served):
    x = pixels(6)
    before = CompactModel(served).outputs_of(list(x))
    given = heads()
    assert graph.add_heads(served, given) <= export.PARITY
    model = CompactModel(served)
    after = model.outputs_of(list(x))
    for name in ("shared", "instance", "category"):
        assert np.array_equal(before[name], after[name]), name
    assert model.heads["shot_worn"].classes == ("no", "yes") and model.heads["category"].classes == CATEGORY.classes
    with torch.no_grad():
        z = net.norm(net.backbone((torch.from_numpy(x).permute(0, 3, 1, 2).float() - 127.5) / 64)).numpy()
    w, b, _ = given["shot_angle"]
    assert np.abs(after["shot_angle"] - (z @ w.T + b)).max() < 1e-3


def test_heads_added_twice_are_replaced(served):
    graph.add_heads(served, heads(seed=0))
    size = served.stat().st_size
    graph.add_heads(served, heads(seed=1))
    assert abs(served.stat().st_size - size) < 200
    x = list(pixels(2))
    first = CompactModel(served).outputs_of(x)["shot_worn"]
    graph.add_heads(served, heads(seed=0))
    assert np.abs(first - CompactModel(served).outputs_of(x)["shot_worn"]).max() > 0.01


def test_heads_can_be_added_to_an_int8_file(served, tmp_path):
    small = tmp_path / "int8.onnx"
    export.quantise(served, small, pixels(32))
    assert graph.add_heads(small, heads()) <= export.PARITY
    assert set(SHOT_HEADS) < set(CompactModel(small).heads)


def test_a_file_of_another_kind_is_refused(net, tmp_path):
    import onnx

    file = tmp_path / "other.onnx"
    onnx.save(onnx.helper.make_model(onnx.helper.make_graph([], "empty", [], [])), file)
    with pytest.raises(ModelError, match="no head called category"):
        graph.add_heads(file, heads())


def test_the_net_can_be_read_back_out_of_its_served_file(net, served, tmp_path):
    start, config = graph.read_start(served)
    assert config.widths == TINY.widths
    x = (torch.from_numpy(pixels(4)).permute(0, 3, 1, 2).float() - 127.5) / 64
    with torch.no_grad():
        got = torch.nn.functional.normalize(start.project(start.norm.eval()(start.backbone(x))), dim=1)
        want = net(x)["instance"]
    assert torch.allclose(got, want, atol=1e-5)
    half = tmp_path / "half.onnx"
    export.export_image(net, half, {"category": CATEGORY}, half=True)
    assert graph.read_start(half)[0].backbone.last[0].weight.dtype == torch.float32
    small = tmp_path / "int8.onnx"
    export.quantise(served, small, pixels(32))
    rough, _ = graph.read_start(small)
    with torch.no_grad():
        near = torch.nn.functional.normalize(rough.project(rough.norm.eval()(rough.backbone(x))), dim=1)
    assert float((near * want).sum(1).min()) > 0.98


def test_the_reader_tells_what_it_is_sure_of(served):
    with pytest.raises(ModelUnavailable, match="no heads for shots") as caught:
        CompactShots(served.parent)
    assert "outfit train shots" in caught.value.hint
    zero = {n: (np.zeros((len(c), 32), np.float32), np.zeros(len(c), np.float32)) for n, c in SHOT_HEADS.items()}
    sure = {"shot_people": (0, 9, 0), "shot_scene": (0, 0.1), "shot_worn": (0, 9), "shot_angle": (0, 9, 0),
            "shot_whole": (9, 0), "shot_quality": (0, 1.0986123)}  # fmt: skip
    graph.add_heads(served, {
        n: (w, np.array(sure[n], np.float32), Head(SHOT_HEADS[n], 1.0, np.zeros(len(b), np.float32), 0.9))
        for n, (w, b) in zero.items()
    })  # fmt: skip
    tags = CompactShots(served.parent).tags([Image.fromarray(pixels(1)[0])])[0]
    assert (tags.model_count, tags.model_present, tags.worn, tags.angle, tags.whole) == (1, True, True, "side", False)
    assert tags.real_scene is None and tags.confidence["real_scene"] == pytest.approx(0.525, abs=1e-3)
    assert tags.quality == pytest.approx(0.75, abs=1e-3)  # e^1.0986 = 3: three to one


# labels ---------------------------------------------------------------------------------------------------------------


def figure(*, with_person: bool) -> np.ndarray:
    """A studio picture: a garment alone, or one with head, arms and jeans about it."""
    picture = np.full((80, 64, 3), 255, np.uint8)
    rng = np.random.default_rng(0)
    if with_person:
        picture[4:18, 27:37] = SKIN
        picture[18:50, 18:46] = (40, 60, 150)
        picture[20:48, 14:18] = SKIN
        picture[20:48, 46:50] = SKIN
        picture[50:80, 20:44] = (20, 20, 20)
    else:
        picture[15:65, 15:50] = (40, 60, 150)
    return (picture.astype(int) - rng.integers(0, 4, picture.shape)).clip(0, 255).astype(np.uint8)


def test_silhouette_and_skin_say_whether_a_product_is_worn():
    assert shot_views.is_worn(figure(with_person=True), "Tshirts", "Topwear") == 1
    assert shot_views.is_worn(figure(with_person=False), "Tshirts", "Topwear") == 0
    assert shot_views.is_worn(figure(with_person=False), "Handbags", "Bags") == 0
    assert shot_views.is_worn(figure(with_person=False), "Lipstick", "Lips") == 0
    assert shot_views.is_worn(figure(with_person=True), "Scarves", "Scarves") == UNKNOWN
    assert shot_views.is_worn(np.full((80, 64, 3), 60, np.uint8), "Tshirts", "Topwear") == UNKNOWN


def made() -> list[shot_views.Batch]:
    pictures = np.stack([figure(with_person=i % 2 == 0) for i in range(40)])
    rng = np.random.default_rng(0)
    photos = rng.integers(0, 255, (6, 160, 128, 3), dtype=np.uint8)
    views = Views(pictures, flood_masks(pictures), [("Tshirts", "Topwear")] * 40, photos, photos, seed=3)
    return list(views.batches(size=8))


def test_each_kind_of_view_tells_what_it_was_made_as_and_nothing_else():
    batches = made()
    assert [len(b.pixels) for b in batches] == [8, 8, 8, 8, 8, 6]
    plain, ground, close, poor, two, photos = (b.labels for b in batches)
    assert set(plain["shot_scene"]) == {0} and set(ground["shot_scene"]) == set(photos["shot_scene"]) == {1}
    assert set(close["shot_whole"]) == {0} and set(close["shot_angle"]) == {2} and set(close["shot_scene"]) == {UNKNOWN}
    assert set(poor["shot_quality"]) == {0} and set(poor["shot_whole"]) == {UNKNOWN}
    assert set(plain["shot_whole"]) == {1} and set(photos["shot_worn"]) == {UNKNOWN}
    known = two["shot_people"] != UNKNOWN
    assert set(two["shot_people"][known]) <= {1, 2}
    assert (two["shot_worn"][two["shot_people"] == 2] == 1).all()
    assert (two["shot_worn"][two["shot_people"] == 1] == 0).all()  # a person beside what nobody wears


def test_nobody_wears_a_drawing_whatever_its_colours(tmp_path):
    pictures = np.full((20, 80, 64, 3), 255, np.uint8)
    pictures[:, 10:80, 20:44] = (224, 172, 138)  # the colour of skin, down to the edge: a photo of this would be worn
    assert shot_views.is_worn(pictures[0], "Kurtas", "Topwear") != 0
    rows = [[f"d{i}", "Beige Kurta", "Kurtas", "Topwear", "Women", "Beige", "Ethnic", "Summer"] for i in range(20)]
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    np.save(tmp_path / "small.npy", pictures)
    np.save(tmp_path / "small_mask.npy", flood_masks(pictures))
    photos = np.zeros((3, 160, 128, 3), np.uint8)
    found = list(shot_heads.drawings(tmp_path, photos, seed=1).batches(rounds=5, size=20))
    worn = np.concatenate([b.labels["shot_worn"] for b in found])
    assert len(found) == 5 and set(worn.tolist()) == {0, -1}


def test_the_same_seed_makes_the_same_views():
    for one, other in zip(made(), made(), strict=True):
        assert np.array_equal(one.pixels, other.pixels)


# fits -----------------------------------------------------------------------------------------------------------------


def test_a_linear_fit_separates_what_can_be_separated_and_leaves_out_what_is_unknown():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 5)).astype(np.float32)
    labels = (x[:, 0] > 0).astype(np.int64) + (x[:, 0] > 1)
    hidden = labels.copy()
    hidden[::3] = UNKNOWN
    w, b = shot_heads.fit_linear(x, hidden, 3, decay=1e-4, steps=200)
    assert ((x @ w.T + b).argmax(1) == labels).mean() > 0.95


def test_labels_that_cannot_be_are_left_out_and_rare_answers_stay_rare():
    rng = np.random.default_rng(0)
    n = 2000
    x = rng.normal(size=(n, 4)).astype(np.float32) * 3
    truth = (x[:, 0] > 0).astype(np.int64)
    labels = {name: np.full(n, UNKNOWN, np.int64) for name in SHOT_HEADS}
    for name in SHOT_HEADS:
        labels[name] = truth.copy()
        labels[name][rng.random(n) < 0.1] ^= 1  # one in ten mislabelled
    train = shot_heads.Known(x, labels)
    clean = shot_heads.Known(x[:500], {name: truth[:500] for name in SHOT_HEADS})
    fitted = shot_heads.fit(train, clean)
    w, b, head = fitted["shot_worn"]
    assert ((x @ w.T + b).argmax(1) == truth).mean() > 0.97
    assert head.probabilities(np.zeros((1, 2), np.float32))[0, 1] == pytest.approx(0.5, abs=0.15)
    whole = fitted["shot_whole"][2]  # a part: made half of the time, a twentieth of a catalogue
    assert whole.probabilities(np.zeros((1, 2), np.float32))[0, 0] < 0.1


# the table of labels --------------------------------------------------------------------------------------------------


def test_the_labels_told_by_a_person_are_of_held_out_products_and_whole():
    from retrieval.training.split import is_held_out

    labels = shot_heads.read_labels()
    assert len(labels) >= 150 and all(is_held_out(sku) for sku in labels)
    assert all(set(tags) == {"model_count", "worn", "real_scene", "angle", "whole"} for tags in labels.values())
    assert all(tags["model_count"] >= int(tags["worn"]) for tags in labels.values())


def test_figures_stand_beside_the_majority_and_the_rarest_class():
    pairs = [(True, True)] * 6 + [(True, None)] * 2 + [(False, True), (False, False)]
    got = shot_heads._figures("t", pairs)
    assert got["t_right"] == pytest.approx(0.7) and got["t_told"] == pytest.approx(0.8)
    assert got["t_right_where_told"] == pytest.approx(7 / 8) and got["t_majority"] == pytest.approx(0.8)
    assert got["t_least_recall"] == pytest.approx(0.5) and got["t_n"] == 10


def test_the_card_says_what_shot_tags_are_worth():
    from retrieval.training import card

    figures: dict[str, float] = {}
    for kind, names in (("labelled", ("model_count", "worn", "real_scene", "angle", "whole")),
                        ("views", ("model_count", "worn", "real_scene", "whole", "quality"))):  # fmt: skip
        for name in names:
            figures |= shot_heads._figures(f"{kind}_{name}", [(True, True), (False, None)])
    text = card.shots_text(figures)
    assert text.count("| 0.500 |") >= 20 and "real_scene, made views" in text
