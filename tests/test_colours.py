"""Colour truth: pixels to Lab, what counts as garment, the words for it, and agreement on real products."""

from __future__ import annotations

import json
from collections import deque

import numpy as np
import pytest
from PIL import Image, ImageDraw

from retrieval import resources
from retrieval.colours import (
    base_colour,
    colour_names,
    colours,
    dominant,
    family_of,
    measure_palette,
    name_of,
    zh,
)
from retrieval.errors import InvalidInput
from retrieval.items import Swatch
from retrieval.palettes import _flood, gather, lab_to_hex, lab_to_lch, pixel_weights, rgb_to_lab

NAVY, RED, WHITE, BLACK = (24, 30, 72), (200, 20, 40), (255, 255, 255), (18, 18, 18)


def _picture(colour: tuple[int, int, int], ground: tuple[int, int, int] = WHITE, size=(60, 80)) -> Image.Image:
    """A plain garment in the middle of a plain ground."""
    image = Image.new("RGB", size, ground)
    w, h = size
    ImageDraw.Draw(image).rectangle((w * 0.2, h * 0.15, w * 0.8, h * 0.85), fill=colour)
    return image


@pytest.mark.parametrize(
    ("rgb", "lab"),
    [  # sRGB to Lab, D65, by the published conversion (Lindbloom's calculator)
        ((255, 255, 255), (100.0, 0.0, 0.0)),
        ((0, 0, 0), (0.0, 0.0, 0.0)),
        ((255, 0, 0), (53.24, 80.09, 67.20)),
        ((0, 255, 0), (87.73, -86.18, 83.18)),
        ((0, 0, 255), (32.30, 79.19, -107.86)),
        ((119, 119, 119), (50.03, 0.0, 0.0)),
    ],
)
def test_lab_of_known_colours(rgb, lab):
    assert rgb_to_lab(np.array([rgb], np.uint8))[0] == pytest.approx(lab, abs=0.06)


def test_hex_is_the_way_back():
    for rgb in np.random.default_rng(0).integers(0, 256, (200, 3), dtype=np.uint8):
        assert lab_to_hex(rgb_to_lab(rgb[None])[0]) == "#" + "".join(f"{v:02x}" for v in rgb)


def test_hue_is_in_degrees():
    assert lab_to_lch((50, 0, -20)) == pytest.approx((50, 20, 270))
    assert lab_to_lch((50, -3, 4))[1] == pytest.approx(5)


def test_flood_is_what_a_walk_over_the_pixels_finds():
    random = np.random.default_rng(1)
    for _ in range(60):
        passable = random.random((random.integers(1, 14), random.integers(1, 14))) < 0.6
        height, width = passable.shape
        wet = np.zeros_like(passable)
        queue = deque(
            (y, x)
            for y in range(height)
            for x in range(width)
            if passable[y, x] and (y in (0, height - 1) or x in (0, width - 1))
        )
        while queue:
            y, x = queue.popleft()
            if 0 <= y < height and 0 <= x < width and passable[y, x] and not wet[y, x]:
                wet[y, x] = True
                queue += [(y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)]
        assert np.array_equal(_flood(passable), wet)


@pytest.mark.parametrize("ground", [WHITE, (226, 226, 230), (120, 160, 110), (60, 40, 35)])
def test_the_backdrop_does_not_count(ground):
    palette = measure_palette(_picture(RED, ground))
    assert palette[0].family == "red"
    assert palette[0].share > 0.95


@pytest.mark.parametrize("colour", [RED, NAVY, WHITE, BLACK])
def test_a_garment_that_fills_the_frame_is_no_backdrop(colour):
    palette = measure_palette(Image.new("RGB", (50, 50), colour))
    assert len(palette) == 1
    assert palette[0].hex == "#" + "".join(f"{v:02x}" for v in colour)


def test_a_garment_cut_by_the_frame_is_not_its_own_backdrop():
    image = Image.new("RGB", (60, 80), (240, 240, 240))
    ImageDraw.Draw(image).rectangle((8, 20, 52, 80), fill=NAVY)  # reaches the lower edge, fills no corner
    palette = measure_palette(image)
    assert palette[0].name == "Navy Blue"
    assert palette[0].share > 0.9


def test_light_falling_off_over_a_coloured_ground_is_still_ground():
    y, x = np.mgrid[0:80, 0:60]
    light = 1 - 0.45 * np.hypot((y - 40) / 50, (x - 30) / 38)  # a lamp over a carpet, dark towards the corners
    rgb = (np.array([170, 30, 70]) * light[..., None]).clip(0, 255).astype(np.uint8)
    image = Image.fromarray(rgb)
    ImageDraw.Draw(image).rectangle((14, 14, 46, 66), fill=(205, 205, 200))
    palette = measure_palette(image)
    assert palette[0].family in ("grey", "white")
    assert palette[0].share > 0.9


def test_backdrop_inside_the_outline_counts_little():
    image = _picture(RED)
    ImageDraw.Draw(image).rectangle((24, 30, 36, 50), fill=WHITE)  # the hole of a handle
    weights = pixel_weights(rgb_to_lab(np.asarray(image)))
    assert weights[40, 30] < 0.6 * weights[55, 30]  # although it lies nearer to the middle
    assert weights[2, 2] == 0


def test_skin_beside_a_garment_does_not_count_but_skin_alone_does():
    skin = (214, 160, 130)
    image = _picture((30, 80, 170))
    ImageDraw.Draw(image).rectangle((14, 12, 46, 26), fill=skin)  # about a fifth of what is not ground
    palette = measure_palette(image)
    assert palette[0].family == "blue"
    assert sum(swatch.share for swatch in palette if swatch.family != "blue") < 0.1
    alone = measure_palette(_picture(skin))
    assert alone[0].share > 0.9


def test_a_garment_of_the_colour_of_skin_keeps_its_colour_beside_a_belt():
    image = _picture((196, 140, 100))
    ImageDraw.Draw(image).rectangle((12, 36, 48, 46), fill=NAVY)
    palette = measure_palette(image)
    assert palette[0].family != "blue" and palette[0].share > 0.6


def test_what_touches_the_frame_but_no_corner_is_garment():
    image = Image.new("RGB", (60, 80), NAVY)  # fills the frame; its sleeves are red
    ImageDraw.Draw(image).rectangle((0, 22, 9, 58), fill=RED)
    ImageDraw.Draw(image).rectangle((50, 22, 59, 58), fill=RED)
    assert {swatch.family for swatch in measure_palette(image)} == {"blue", "red"}


def test_two_colours_have_their_shares():
    image = _picture(NAVY)
    for top in range(12, 68, 8):
        ImageDraw.Draw(image).rectangle((12, top, 48, top + 3), fill=(250, 230, 120))
    palette = measure_palette(image)
    assert {swatch.family for swatch in palette[:2]} == {"blue", "yellow"}
    assert 0.35 < palette[1].share <= palette[0].share < 0.65
    assert sum(swatch.share for swatch in palette) == pytest.approx(1, abs=1e-3)


def test_no_more_swatches_than_asked_for():
    noise = Image.fromarray(np.random.default_rng(2).integers(0, 256, (80, 60, 3), dtype=np.uint8))
    for most in (1, 2, 5):
        palette = measure_palette(noise, max_swatches=most)
        assert 1 <= len(palette) <= most
        shares = [swatch.share for swatch in palette]
        assert shares == sorted(shares, reverse=True)
    assert measure_palette(noise) == measure_palette(noise.copy())
    with pytest.raises(InvalidInput, match="max_swatches is 0"):
        measure_palette(noise, max_swatches=0)


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK", "1"])
def test_any_mode_is_measured(mode):
    assert measure_palette(_picture(BLACK).convert(mode))[0].name == "Black"


@pytest.mark.parametrize("size", [(1, 1), (1, 900), (900, 1), (7, 7), (8, 8), (401, 17)])
def test_any_size_is_measured(size):
    assert measure_palette(Image.new("RGB", size, RED))[0].family == "red"


def test_large_and_small_pictures_agree():
    large = measure_palette(_picture(NAVY, size=(400, 533)))
    small = measure_palette(_picture(NAVY))
    assert large[0].name == small[0].name == "Navy Blue"


def test_the_vocabulary_covers_the_catalogue():
    assert len(colour_names()) == len(set(colour_names())) == 46
    families = set(json.loads(resources.path("vocabulary/colours.json").read_text(encoding="utf-8"))["families"])
    for colour in colours().values():
        assert colour.family in families
        assert colour.zh and not colour.zh.isascii()
        assert colour.anchors or colour.name == "Multi"
        assert family_of(colour.name) == colour.family and zh(colour.name) == colour.zh


def test_chinese_names_are_words_that_the_lexicon_understands():
    terms = json.loads(resources.path("vocabulary/lexicon.json").read_text(encoding="utf-8"))["terms"]
    known = {(term["name"], word) for term in terms if term["kind"] == "colour" for word in term["zh"]}
    assert {(name, zh(name)) for name in colour_names()} <= known


def test_an_anchor_has_its_own_name_and_metals_name_no_patch():
    for colour in colours().values():
        for anchor in colour.anchors:
            name, family = name_of(anchor)
            assert colours()[name].kind == "plain"
            assert family == family_of(name)
            if colour.kind == "plain":
                assert name == colour.name


@pytest.mark.parametrize(
    ("rgb", "names"),
    [  # what people call plain patches
        ((0, 0, 0), {"Black"}),
        ((255, 255, 255), {"White"}),
        ((128, 128, 128), {"Grey"}),
        ((220, 20, 30), {"Red"}),
        ((20, 120, 40), {"Green"}),
        ((0, 90, 220), {"Blue"}),
        ((10, 15, 60), {"Navy Blue"}),
        ((255, 220, 0), {"Yellow"}),
        ((255, 130, 0), {"Orange"}),
        ((255, 150, 190), {"Pink"}),
        ((110, 40, 140), {"Purple"}),
        ((95, 60, 30), {"Brown", "Coffee Brown", "Tan"}),
        ((225, 205, 170), {"Beige", "Nude"}),
        ((90, 90, 40), {"Olive"}),
        ((0, 200, 210), {"Turquoise Blue"}),
    ],
)
def test_plain_patches_are_called_what_people_call_them(rgb, names):
    assert name_of(rgb_to_lab(np.array([rgb], np.uint8))[0])[0] in names


@pytest.mark.parametrize(
    ("rgb", "family"),
    [(RED, "red"), (NAVY, "blue"), (BLACK, "black"), ((245, 200, 30), "yellow"), ((120, 60, 150), "purple")],
)
def test_a_plain_garment_is_its_colour(rgb, family):
    assert family_of(base_colour(measure_palette(_picture(rgb)))) == family


def test_dominant_is_the_largest_share_whatever_the_order():
    small = Swatch("Red", "red", (50, 60, 30), "#c80000", 0.3)
    large = Swatch("Blue", "blue", (50, 0, -40), "#0000c8", 0.7)
    assert dominant([small, large]) is large
    for empty in (dominant, base_colour):
        with pytest.raises(InvalidInput, match="palette is empty"):
            empty(())


def test_unknown_words_are_refused():
    for function in (family_of, zh):
        with pytest.raises(InvalidInput, match="'Navy' is no colour word"):
            function("Navy")


def test_gather_keeps_every_pixel():
    rgb = np.random.default_rng(3).integers(0, 256, (40, 30, 3), dtype=np.uint8)
    labs, shares = gather(rgb, 5)
    assert shares.sum() == pytest.approx(1)
    weights = pixel_weights(rgb_to_lab(rgb))
    mean = (rgb_to_lab(rgb) * weights[..., None]).sum(axis=(0, 1)) / weights.sum()
    # k-means stops early on a small move and its lightness is scaled: the mean of the clusters is that of the pixels
    assert shares @ labs == pytest.approx(mean, abs=1.5)


def test_agreement_on_real_products_beats_the_commonest_word(shared_data):
    """Some of the products that no fit has seen; the full figure is `outfit evaluate colours`."""
    from retrieval.evaluation.colours import read_colours, score

    readings = read_colours(shared_data, n=400, seed=1)
    figures = score(readings)
    assert len(readings) == 400
    assert figures["top1"] > 0.53 > figures["top1_majority"] + 0.2
    assert figures["family"] > figures["top1"]
