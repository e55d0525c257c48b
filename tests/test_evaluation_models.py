"""Measuring the compact models: what counts as a repeat, how queries are made, what the sheet and the card say."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from retrieval.evaluation import models, sheet, shoppers
from retrieval.training.split import is_held_out


def scene(seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    picture = np.full((80, 64, 3), 255, np.uint8)
    picture[20:60, 16:48] = np.kron(rng.integers(0, 200, (10, 8, 3)), np.ones((4, 4, 1))).astype(np.uint8)
    return picture


def test_repeats_of_training_pictures_are_found_and_others_are_not(tmp_path):
    held = [str(i) for i in range(400) if is_held_out(str(i))][:3]
    train = [str(i) for i in range(100) if not is_held_out(str(i))][:3]
    noisy = (scene(1).astype(int) + np.random.default_rng(9).integers(-3, 1, (80, 64, 3))).clip(0, 255)
    pictures = [scene(0), noisy.astype(np.uint8), scene(5), scene(0), scene(1), scene(2)]
    rows = [[sku, f"title {sku}", *[""] * 6] for sku in (*held, *train)]
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    np.save(tmp_path / "small.npy", np.stack(pictures))
    data = models.load(tmp_path)
    assert data.held.tolist() == [0, 1, 2]
    assert data.is_fresh.tolist() == [False, False, True]  # the same, the same but for JPEG noise, another


def test_perspective_lands_corners_where_it_is_told():
    corners = np.array([(10, 5), (90, 12), (80, 95), (5, 88)], float)
    a, b, c, d, e, f, g, h = shoppers.perspective(corners, (100, 100))
    for (x, y), (u, v) in zip(corners, [(0, 0), (100, 0), (100, 100), (0, 100)], strict=True):
        bottom = g * x + h * y + 1
        assert ((a * x + b * y + c) / bottom, (d * x + e * y + f) / bottom) == pytest.approx((u, v), abs=1e-6)


def test_a_garment_set_on_a_photo_covers_it_in_the_middle_and_shows_it_at_the_border():
    pytest.importorskip("scipy", reason="cutting out needs scipy (extra [train])")
    garment = Image.new("RGB", (120, 160), "white")
    garment.paste((20, 30, 160), (30, 30, 90, 130))
    ground = Image.new("RGB", (120, 160), (40, 150, 40))
    made = np.asarray(shoppers.on_ground(garment, ground, np.random.default_rng(0)), int)
    assert made.shape == (160, 120, 3)
    middle, corner = made[70:90, 50:70].mean((0, 1)), made[:6, :6].mean((0, 1))
    assert middle[2] > middle[1] and corner[1] > corner[2]


def test_queries_repeat_by_their_seed():
    picture = Image.fromarray(scene(3))
    a, b = (np.asarray(shoppers.photometric(picture, np.random.default_rng(4))) for _ in range(2))
    assert np.array_equal(a, b)


def test_the_sheet_shows_query_right_and_found(tmp_path):
    red, green, blue = (np.full((8, 6, 3), c, np.uint8) for c in ((255, 0, 0), (0, 255, 0), (0, 0, 255)))
    sheet.draw([sheet.Failure(red, green, [blue] * 5, 7, "photo")], tmp_path / "s.png")
    colours = set(map(tuple, np.asarray(Image.open(tmp_path / "s.png")).reshape(-1, 3).tolist()))
    assert {(255, 0, 0), (0, 255, 0), (0, 0, 255)} <= colours


def words_data(titles: list[str]) -> models.HeldOut:
    from retrieval.training.cache import Row

    rows = [Row(str(i), t, (t.split()[-1], "", "Men", t.split()[0], "", "")) for i, t in enumerate(titles)]
    n = len(rows)
    return models.HeldOut(rows, np.zeros((n, 80, 64, 3), np.uint8), np.arange(n), np.ones(n, bool))


class Oracle:
    """A text tower that knows titles, categories and colours with categories, each as a direction of its own."""

    def __init__(self, names: list[str]) -> None:
        self.at = {name: i for i, name in enumerate(names)}

    def encode(self, texts):
        out = np.zeros((len(texts), len(self.at)), np.float32)
        for i, text in enumerate(texts):
            out[i, self.at[text]] = 1
        return out


def test_words_find_their_pictures_by_hand():
    titles = [f"{c} {k}" for k in ("Bags", "Ties") for c in ("Red", "Blue") for _ in range(10)]
    names = sorted(set(titles) | {"Bags", "Ties"})
    oracle = Oracle(names)
    shared = oracle.encode(titles) + 0.5 * oracle.encode([t.split()[-1] for t in titles])
    got = models.words(words_data(titles), shared, oracle).figures
    assert got["title_recall1_all"] == got["category_p10"] == got["colour_category_p10"] == 1.0
    assert got["category_p10_chance"] == 0.5 and got["colour_category_p10_chance"] == 0.25
    wrong = models.words(words_data(titles), np.roll(shared, 20, 0), oracle).figures
    assert wrong["title_recall10_all"] == wrong["category_p10"] == 0.0
