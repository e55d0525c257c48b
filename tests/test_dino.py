"""DINO behind the port: what fits a checkpoint, agreement with the reference implementation, the port's contract."""

from __future__ import annotations

import argparse
import logging

import numpy as np
import pytest
from PIL import Image

from retrieval.encoders.dino_weights import DinoConfig, read_config
from retrieval.errors import InvalidSetting, ModelUnavailable
from tests.contracts.image_encoder import ImageEncoderContract
from tests.golden import dino as golden


class TestConfig:
    def test_a_fine_tuned_one_as_toml_and_as_json(self, tmp_path):
        (tmp_path / "a.toml").write_text(
            'arch = "vit_base"\npatch_size = 8\nimage_size = 648\ndrop_path_rate = 0.1\ncheckpoint = "best.pth"\n'
        )
        got = read_config(tmp_path / "a.toml", DinoConfig())
        assert (got.arch, got.patch_size, got.image_size, got.drop_path_rate) == ("vit_base", 8, 648, 0.1)
        assert got.checkpoint == str(tmp_path / "best.pth")
        assert (got.name, got.prefix, got.strict) == ("dino-vitb8", "backbone.", True)
        (tmp_path / "a.json").write_text('{"patch_size": 8, "checkpoint": "/elsewhere/best.pth"}')
        assert read_config(tmp_path / "a.json", DinoConfig(arch="vit_base")).arch == "vit_base"
        assert read_config(tmp_path / "a.json", DinoConfig()).checkpoint == "/elsewhere/best.pth"

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("patch_size = 8\n", "names no checkpoint"),
            ('checkpoint = "a"\narchitecture = "vit_base"\n', "unknown field 'architecture': expected of arch"),
            ('checkpoint = "a"\npatch_size = "8"\n', "patch_size is '8': expected a value such as 16"),
            ('checkpoint = "a"\nstrict = 1\n', "strict is 1: expected a value such as True"),
            ('checkpoint = "a"\npatch_size = true\n', "patch_size is True"),
            ('checkpoint = "a"\narch = "resnet50"\n', "'resnet50': expected vit_small or vit_base"),
            ('checkpoint = "a"\npatch_size = 14\n', "patch size is 14: expected 8 or 16"),
            ('checkpoint = "a"\ndrop_path_rate = 1.5\n', "drop path rate is 1.5"),
            ("= 8\n", "cannot be read as TOML"),
        ],
    )
    def test_what_is_wrong_is_named(self, tmp_path, text, says):
        (tmp_path / "a.toml").write_text(text)
        with pytest.raises(InvalidSetting, match=says):
            read_config(tmp_path / "a.toml", DinoConfig())

    @pytest.mark.parametrize(("size", "patch", "next_size"), [(225, 16, 224), (700, 8, 648), (649, 16, 640), (4, 8, 8)])
    def test_a_size_that_patches_do_not_fill_is_refused_with_the_next_that_they_do(self, size, patch, next_size):
        with pytest.raises(InvalidSetting, match=f"{size} px: expected a multiple of {patch}, at most 648") as refused:
            DinoConfig(image_size=size, patch_size=patch)
        assert refused.value.hint == f"OUTFIT_IMAGE_SIZE={next_size}"

    def test_the_largest_size_is_taken(self):
        assert DinoConfig(image_size=648, patch_size=8).image_size == 648


@pytest.fixture(scope="module")
def torch():
    """Torch, where timm and torchvision are too."""
    pytest.importorskip("torchvision", reason="DINO runs on torchvision", exc_type=ImportError)
    pytest.importorskip("timm", reason="DINO runs on timm")
    return pytest.importorskip("torch", reason="DINO runs on torch")


def random_weights(torch, config: DinoConfig) -> dict:
    import timm

    made = timm.create_model(config.timm_name, pretrained=False, num_classes=0)  # with positions for 224 px
    drawn = golden.seeded({name: tuple(value.shape) for name, value in made.state_dict().items()})
    return {name: torch.from_numpy(value) for name, value in drawn.items()}


@pytest.fixture(scope="module")
def small(torch):
    return random_weights(torch, DinoConfig())


@pytest.fixture(scope="module")
def checkpoint(torch, small, tmp_path_factory):
    file = tmp_path_factory.mktemp("dino") / "dino.pth"
    torch.save(small, file)
    return file


@pytest.mark.parametrize("case", golden.CASES)
def test_vectors_agree_with_the_reference_implementation(torch, small, case, tmp_path):
    from retrieval.encoders import dino
    from retrieval.encoders.dino_weights import fill
    from retrieval.encoders.torch_runtime import runtime

    arch, patch, size = golden.CASES[case]
    config = DinoConfig(arch=arch, patch_size=patch, image_size=size, fit="crop")
    state = small if (arch, patch) == ("vit_small", 16) else random_weights(torch, config)
    import timm

    network = timm.create_model(config.timm_name, pretrained=False, num_classes=0, img_size=size)
    fill(network, state, config, tmp_path)
    run = runtime("cpu", "float32")
    got = dino.encode(run.place(network), dino.pixels_of(config), run, golden.pictures(), network.num_features)
    with np.load(golden.FILE) as kept:
        want = kept[case]
    np.testing.assert_allclose(got, want / np.linalg.norm(want, axis=1, keepdims=True), atol=1e-4)
    # and the pictures are told apart, or agreement would mean little
    assert (got @ got.T - np.eye(3)).max() < 0.999


class TestCheckpoints:
    def encoder(self, weights, **given):
        from retrieval.encoders.dino import DinoImageEncoder

        return DinoImageEncoder(str(weights), device="cpu", precision="float32", **given)

    def test_what_training_scripts_save_is_found_whatever_it_is_wrapped_in(self, torch, small, checkpoint, tmp_path):
        plain = self.encoder(checkpoint)
        head = {"head.last.weight": torch.zeros(3, 384)}
        wrapped = {
            "student": {"module.backbone.cls_token": torch.zeros(1, 1, 384)},
            "teacher": {f"module.backbone.{name}": value for name, value in small.items()} | head,
            "args": argparse.Namespace(arch="vit_small"),
            "epoch": 99,
        }
        torch.save(wrapped, tmp_path / "full.pth")
        (tmp_path / "full.toml").write_text('checkpoint = "full.pth"\ndrop_path_rate = 0.1\n')
        for weights in (tmp_path / "full.pth", tmp_path / "full.toml"):
            assert self.encoder(weights).space == plain.space
        assert plain.space.model == "dino-vits16" and plain.space.dim == 384

    def test_another_size_or_fit_is_another_space(self, torch, checkpoint, tmp_path):
        (tmp_path / "squash.toml").write_text(f'checkpoint = "{checkpoint}"\nfit = "squash"\n')
        spaces = {
            self.encoder(checkpoint).space,
            self.encoder(checkpoint, image_size=64).space,
            self.encoder(tmp_path / "squash.toml").space,
        }
        assert len(spaces) == 3

    def test_a_checkpoint_of_another_architecture_says_which_it_looks_like(self, torch, checkpoint):
        with pytest.raises(ModelUnavailable, match="does not fit DINO vit_base, patch 16: .* of another shape") as refused:
            self.encoder(checkpoint, arch="vit_base")
        assert "OUTFIT_IMAGE_ENCODER=dino-vits16" in refused.value.hint

    def test_missing_weights_are_listed_and_never_made_up(self, torch, small, tmp_path):
        part = {name: value for name, value in small.items() if not name.startswith("blocks.11.")}
        torch.save(part, tmp_path / "part.pth")
        (tmp_path / "part.toml").write_text('checkpoint = "part.pth"\nstrict = false\n')
        with pytest.raises(ModelUnavailable, match=r"12 missing: blocks\.11\.norm1\.weight, .* and 6 more"):
            self.encoder(tmp_path / "part.toml")

    def test_weights_of_no_place_are_refused_or_where_that_is_allowed_listed(self, torch, small, tmp_path, caplog):
        torch.save(small | {"fc.weight": torch.zeros(2, 384)}, tmp_path / "more.pth")
        with pytest.raises(ModelUnavailable, match=r"1 of no place here: fc\.weight") as refused:
            self.encoder(tmp_path / "more.pth")
        assert "strict = false" in refused.value.hint
        (tmp_path / "more.toml").write_text('checkpoint = "more.pth"\nstrict = false\n')
        with caplog.at_level(logging.WARNING):
            self.encoder(tmp_path / "more.toml")
        assert "1 weights have no place in vit_small, left out: fc.weight" in caplog.text

    @pytest.mark.parametrize(
        ("content", "says"),
        [(b"not a checkpoint", "cannot be read"), (b"", "cannot be read")],
    )
    def test_a_file_that_is_none_is_named(self, torch, tmp_path, content, says):
        (tmp_path / "bad.pth").write_bytes(content)
        with pytest.raises(ModelUnavailable, match=f"bad.pth {says}"):
            self.encoder(tmp_path / "bad.pth")

    def test_a_checkpoint_never_runs_code(self, torch, tmp_path):
        class Evil:
            def __reduce__(self):
                return (open, (str(tmp_path / "owned"), "w"))

        torch.save({"model": Evil()}, tmp_path / "evil.pth")
        with pytest.raises(ModelUnavailable, match="evil.pth cannot be read"):
            self.encoder(tmp_path / "evil.pth")
        assert not (tmp_path / "owned").exists()

    @pytest.mark.parametrize("name", ["/nowhere/dino.pth", "./dino.pth", "dino.pth"])
    def test_a_path_that_is_not_there_is_named_and_no_hub_is_asked(self, torch, name):
        with pytest.raises(ModelUnavailable, match=f"DINO weights not found: no file or folder {name}"):
            self.encoder(name)

    def test_a_key_that_is_not_there(self, torch, small, tmp_path):
        torch.save({"teacher": small}, tmp_path / "t.pth")
        (tmp_path / "t.toml").write_text('checkpoint = "t.pth"\nkey = "ema"\n')
        with pytest.raises(ModelUnavailable, match="no key 'ema': there are teacher"):
            self.encoder(tmp_path / "t.toml")

    def test_half_precision_gives_nearly_the_same_vectors(self, torch, checkpoint):
        from retrieval.encoders.dino import DinoImageEncoder

        pictures = golden.pictures()
        full = self.encoder(checkpoint, image_size=96)
        half = DinoImageEncoder(str(checkpoint), image_size=96, device="cpu", precision="bfloat16")
        assert half.space == full.space  # one index for both
        got, want = half.encode_images(pictures), full.encode_images(pictures)
        assert got.dtype == np.float32
        assert (got * want).sum(1).min() > 0.99

    def test_batches_do_not_change_the_vectors(self, torch, checkpoint):
        encoder = self.encoder(checkpoint, image_size=32)
        many = [Image.new("RGB", (40, 40), (i, 255 - i, 0)) for i in range(0, 200, 10)]
        alone = np.concatenate([encoder.encode_images([one]) for one in many])
        np.testing.assert_allclose(encoder.encode_images(many), alone, atol=1e-5)


@pytest.mark.parametrize(
    ("device", "precision", "error", "says"),
    [
        ("tpu9", "auto", InvalidSetting, "device is 'tpu9': expected auto, cpu"),
        ("cpu", "int4", InvalidSetting, "precision is 'int4': expected auto, float32"),
        ("cuda:63", "auto", ModelUnavailable, "device cuda:63 is not there"),
    ],
)
def test_devices_and_numbers_that_are_not_there(device, precision, error, says):
    pytest.importorskip("torch", reason="devices are torch's")
    from retrieval.encoders.torch_runtime import runtime

    with pytest.raises(error, match=says):
        runtime(device, precision)


@pytest.fixture(scope="module")
def loaded(torch, checkpoint):
    from retrieval.encoders.dino import DinoImageEncoder

    return DinoImageEncoder(str(checkpoint), image_size=64, device="cpu", precision="float32")


class TestContract(ImageEncoderContract):
    @pytest.fixture
    def encoder(self, loaded):
        return loaded
