"""Squares of pixels: sizes and colours by hand, and, where they are, agreement with the transforms that others use."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from retrieval.encoders.pixels import Pixels
from retrieval.errors import InvalidSetting

SIZES = [(300, 400), (500, 260), (64, 64), (33, 91), (1200, 900), (10, 10)]


def picture(width: int, height: int) -> Image.Image:
    cells = np.random.RandomState(width).randint(0, 256, (9, 7, 3)).astype(np.uint8)
    return Image.fromarray(cells).resize((width, height), Image.Resampling.BILINEAR)


def test_values_are_shifted_and_scaled_by_channel():
    pixels = Pixels(16, "squash", mean=(0.5, 0.0, 1.0), std=(0.5, 1.0, 2.0))
    got = pixels.prepare([Image.new("RGB", (40, 20), (255, 51, 0))])
    assert got.shape == (1, 3, 16, 16) and got.dtype == np.float32
    # (1 - 0.5) / 0.5, (0.2 - 0) / 1, (0 - 1) / 2
    np.testing.assert_allclose(got[0, :, 8, 8], [1.0, 0.2, -0.5], atol=1e-6)


def test_pad_keeps_the_proportions_on_white():
    square = Pixels(32).square(Image.new("RGB", (20, 40), "black"))
    columns = np.asarray(square).any(axis=(0, 2)) & (np.asarray(square)[16, :, 0] == 255)
    assert columns.tolist() == [True] * 8 + [False] * 16 + [True] * 8


def test_crop_sees_the_middle():
    stripes = Image.new("RGB", (96, 32), "white")
    stripes.paste("black", (32, 0, 64, 32))
    assert not np.asarray(Pixels(32, "crop").square(stripes))[:, 2:-2].any()


def test_pictures_of_a_pixel_and_of_a_line_have_a_square_too():
    for fit in ("pad", "squash", "crop"):
        assert Pixels(32, fit).prepare([Image.new("RGB", size) for size in [(1, 1), (1, 9000), (9000, 1)]]).shape[0] == 3


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"size_px": 0}, "image size is 0"),
        ({"size_px": 5000}, "image size is 5000"),
        ({"size_px": 32, "fit": "stretch"}, "'stretch': expected pad"),
        ({"size_px": 32, "filter": "nearest"}, "'nearest': expected bicubic"),
        ({"size_px": 32, "fit": "crop", "short_px": 8}, "short side is 8 px: expected 32"),
    ],
)
def test_what_makes_no_square_is_refused(given, says):
    with pytest.raises(InvalidSetting, match=says):
        Pixels(**given)


def test_facts_go_through_json():
    import json

    pixels = Pixels(48, "crop", 56, (0.1, 0.2, 0.3), (1.0, 2.0, 3.0), "bilinear")
    assert Pixels.of(json.loads(json.dumps(pixels.facts()))) == pixels


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("filter_", ["bicubic", "bilinear"])
def test_squash_and_crop_agree_with_torchvision(size, filter_):
    transforms = pytest.importorskip("torchvision.transforms", reason="compared with torchvision", exc_type=ImportError)
    mode = transforms.InterpolationMode(filter_)
    last = [transforms.ToTensor(), transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))]
    image = picture(*size)
    for ours, theirs in (
        (Pixels(56, "squash", filter=filter_), [transforms.Resize((56, 56), mode)]),
        (Pixels(56, "crop", 64, filter=filter_), [transforms.Resize(64, mode), transforms.CenterCrop(56)]),
        (Pixels(56, "crop", filter=filter_), [transforms.Resize(56, mode), transforms.CenterCrop(56)]),
    ):
        want = transforms.Compose([*theirs, *last])(image).numpy()
        assert np.abs(ours.prepare([image])[0] - want).max() < 1e-4
