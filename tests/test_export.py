"""Trained nets into served files: parity with torch, int8, the text tower as arrays."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="export needs torch (extra [train])")
pytest.importorskip("onnx", reason="export needs onnx (extra [train])")
pytest.importorskip("onnxscript", reason="export needs onnxscript (extra [train])")

from retrieval.encoders.compact import CompactModel, CompactText, Head  # noqa: E402
from retrieval.encoders.compact_tokens import token_ids  # noqa: E402
from retrieval.errors import ModelError  # noqa: E402
from retrieval.training import export  # noqa: E402
from retrieval.training.data import bags  # noqa: E402
from retrieval.training.nets import CompactNet, NetConfig, TextNet  # noqa: E402

TINY = NetConfig(stem=8, widths=(8, 16), blocks=(1, 1), features=16, shared_dim=8, instance_dim=6, token_dim=12,
                 hidden=8, heads={"category": 3})  # fmt: skip
HEAD = Head(("a", "b", "c"), 1.5, np.array([0.1, 0, -0.1], np.float32), 0.3)


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    net = CompactNet(TINY)
    with torch.no_grad():
        for _ in range(5):
            net.train()(torch.randn(16, 3, 80, 64))  # running statistics that differ from their start
        for module in net.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.weight.uniform_(0.5, 1.5)
                module.bias.uniform_(-0.3, 0.3)
    return net.eval()


@pytest.fixture(scope="module")
def exported(net, tmp_path_factory):
    file = tmp_path_factory.mktemp("onnx") / "float.onnx"
    gap = export.export_image(net, file, {"category": HEAD})
    return file, gap


def pixels(n: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, 80, 64, 3), dtype=np.uint8)


def test_the_served_file_agrees_with_torch_on_pictures_and_any_batch(net, exported):
    file, gap = exported
    assert gap <= export.PARITY
    model = CompactModel(file)
    for n in (1, 7):
        x = pixels(n)
        with torch.no_grad():
            want = net((torch.from_numpy(x).permute(0, 3, 1, 2).float() - 127.5) / 64)
        got = model.outputs_of(list(x))
        for name in ("shared", "instance", "category"):
            assert np.abs(got[name] - want[name].numpy()).max() <= export.PARITY, name


def test_the_file_says_what_its_heads_mean(exported):
    head = CompactModel(exported[0]).heads["category"]
    assert head.classes == HEAD.classes and head.temperature == HEAD.temperature and head.least == HEAD.least
    assert np.allclose(head.bias, HEAD.bias)


def test_stored_as_half_it_is_smaller_and_says_nearly_the_same(net, exported, tmp_path):
    half = tmp_path / "half.onnx"
    assert export.export_image(net, half, {"category": HEAD}, half=True) <= export.PARITY
    assert half.stat().st_size < exported[0].stat().st_size - 2000  # 2 bytes less for each of over 1,000 weights
    got, want = (CompactModel(f).outputs_of(list(pixels(3))) for f in (half, exported[0]))
    assert all(np.abs(got[name] - want[name]).max() < 0.02 for name in want)


def test_int8_stays_close_and_keeps_the_heads(exported, tmp_path):
    small = tmp_path / "int8.onnx"
    export.quantise(exported[0], small, pixels(64, 2))
    a, b = CompactModel(exported[0]), CompactModel(small)
    x = list(pixels(16, 3))
    close = (a.outputs_of(x)["instance"] * b.outputs_of(x)["instance"]).sum(1)
    assert close.min() > 0.97
    assert b.heads["category"].classes == HEAD.classes


def test_a_broken_export_is_refused(net, tmp_path, monkeypatch):
    def wrong(linear, norm):
        return torch.nn.Linear(linear.in_features, linear.out_features)

    monkeypatch.setattr(export, "_fuse_linear", wrong)
    with pytest.raises(ModelError, match="differs from the trained net"):
        export.export_image(net, tmp_path / "bad.onnx", {})


def test_the_text_tower_as_arrays_agrees_with_torch(tmp_path):
    torch.manual_seed(1)
    tower = TextNet(NetConfig()).eval()
    torch.nn.init.normal_(tower.weights.weight, std=0.5)
    gap = export.export_text(tower, tmp_path / "text.npz")
    assert gap < 1e-3
    texts = ["Men Navy Blue Shirt", "Puma women running shoes white", "Titan watch"]
    with torch.no_grad():
        want = tower(*bags([token_ids(t) for t in texts])).numpy()
    got = CompactText(tmp_path / "text.npz").encode(texts)
    assert ((got * want).sum(1) > 1 - 2e-3).all()
