"""A wider instance space: what is fitted, and that the file answers what the arithmetic says."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch (extra [train])")
pytest.importorskip("onnx", reason="export needs onnx (extra [train])")
pytest.importorskip("onnxscript", reason="export needs onnxscript (extra [train])")

from retrieval.encoders.compact import CompactImageEncoder, CompactModel  # noqa: E402
from retrieval.errors import InvalidInput  # noqa: E402
from retrieval.training import export, whiten  # noqa: E402
from retrieval.training.nets import CompactNet, NetConfig  # noqa: E402

TINY = NetConfig(stem=8, widths=(8, 16), blocks=(1, 1), features=16, shared_dim=8, instance_dim=6, token_dim=12, hidden=8,
                 heads={"category": 3})  # fmt: skip


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    torch.manual_seed(0)
    net = CompactNet(TINY)
    with torch.no_grad():
        for _ in range(3):
            net.train()(torch.randn(16, 3, 80, 64))
    out = tmp_path_factory.mktemp("net") / "image.onnx"
    export.export_image(net.eval(), out, {})
    return out


def pictures(n: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (n, 80, 64, 3), dtype=np.uint8)


def test_directions_in_which_one_products_pictures_differ_count_little():
    rng = np.random.default_rng(0)
    product, spread = rng.normal(0, 1, (400, 9)), np.array([10.0] + 8 * [0.1])  # the first number is the lamp's
    plain, view = (product + rng.normal(0, 1, (400, 9)) * spread for _ in range(2))
    fitted = whiten.fit(plain, [view], 8, ridge=1e-3)
    assert np.abs(fitted.matrix[0]).max() < 0.05 * np.abs(fitted.matrix[1:]).max()
    before = (np.argmax(view @ plain.T, axis=1) == np.arange(400)).mean()
    after = (np.argmax(fitted.apply(view) @ fitted.apply(plain).T, axis=1) == np.arange(400)).mean()
    assert after > before + 0.3


def test_more_directions_than_products_are_refused():
    with pytest.raises(InvalidInput, match="3 products for 4 directions"):
        whiten.fit(np.zeros((3, 8)), [np.zeros((3, 8))], 4)


def test_the_widened_file_answers_head_and_whitened_features_at_norm_one(file, tmp_path):
    tapped, wide = tmp_path / "tapped.onnx", tmp_path / "image.onnx"
    whiten.tap(file, tapped)
    x = pictures(40)
    head, features = whiten.features_of(CompactModel(tapped).outputs_of, x)
    assert np.array_equal(head, CompactModel(file).outputs_of(list(x))["instance"])
    fitted = whiten.fit(features[:30], [features[:30] + 0.01], 5)
    made = whiten.Whitening(fitted.mean, fitted.matrix, 0.7)
    whiten.widen(file, wide, made, mirrored=True)
    got = CompactModel(wide).outputs_of(list(x))
    assert got["instance"].shape == (40, 11)
    assert np.linalg.norm(got["instance"], axis=1) == pytest.approx(np.ones(40), abs=1e-5)
    exact = CompactModel(tapped).outputs_of(list(x))
    assert got["instance"] == pytest.approx(made.beside(exact["instance"], exact["features"]), abs=1e-4)
    assert np.array_equal(got["shared"], CompactModel(file).outputs_of(list(x))["shared"])


def test_a_mirrored_space_knows_no_left_and_right_and_is_another_space(file, tmp_path):
    from PIL import Image

    made = whiten.Whitening(np.zeros(32, np.float32), np.eye(32, 4, dtype=np.float32))
    wide = tmp_path / "image.onnx"
    whiten.widen(file, wide, made, mirrored=True)
    encoder, plain = CompactImageEncoder(tmp_path), CompactImageEncoder(file.parent)
    (x,) = pictures(1)
    a, b = encoder.encode_images([Image.fromarray(x), Image.fromarray(x[:, ::-1])])
    assert a == pytest.approx(b, abs=1e-6) and np.linalg.norm(a) == pytest.approx(1, abs=1e-5)
    c, d = plain.encode_images([Image.fromarray(x), Image.fromarray(x[:, ::-1])])
    assert np.abs(c - d).max() > 1e-4
    assert encoder.space.revision != plain.space.revision and encoder.space.dim == plain.space.dim + 4


def test_a_file_is_widened_once_and_no_other_file_is(file, tmp_path):
    made = whiten.Whitening(np.zeros(32, np.float32), np.eye(32, 4, dtype=np.float32))
    whiten.widen(file, tmp_path / "image.onnx", made, mirrored=False)
    with pytest.raises(InvalidInput, match="widened already"):
        whiten.widen(tmp_path / "image.onnx", tmp_path / "again.onnx", made, mirrored=False)
    from retrieval import resources

    with pytest.raises(InvalidInput, match="no instance head"):
        whiten.tap(resources.path("weights/detector.onnx"), tmp_path / "tapped.onnx")


def test_what_costs_twice_the_time_has_to_gain_more():
    from retrieval.training.searching import Tried, choose

    def ways(*means):
        return [Tried(w, m, mean, {}) for (w, m), mean in zip(((0, False), (0, True), (1, False), (1, True)), means, strict=True)]

    assert choose(ways(0.5, 0.52, 0.51, 0.53)).mean == 0.53  # widened first, mirrored gains .02 on it
    assert choose(ways(0.5, 0.5, 0.52, 0.525)).mean == 0.52
    assert choose(ways(0.5, 0.502, 0.503, 0.504)).mean == 0.5
