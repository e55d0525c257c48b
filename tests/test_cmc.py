"""The measure of visual search: ranks, the served order, intervals, galleries, and the whole of it over a few products."""

from __future__ import annotations

import importlib.util
import json

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("scipy", reason="queries are cut out with scipy (extra [train])")

from retrieval.errors import InvalidInput  # noqa: E402
from retrieval.evaluation import cmc, curves, people, queries, readers, served  # noqa: E402
from retrieval.ranking import Ranking  # noqa: E402
from retrieval.training.cache import PEOPLE_CLASSES, Row  # noqa: E402
from retrieval.training.ranking import Cases  # noqa: E402
from retrieval.training.split import is_held_out  # noqa: E402
from retrieval.vocabulary import categories  # noqa: E402
from tests.test_ladder import archive, product  # noqa: E402

RED, GREEN = (210, 20, 20), (40, 160, 40)


def asked(n: int) -> queries.Queries:
    levels = np.array(["photometric", "real", "hard"] * n)[:n]
    return queries.Queries(np.arange(n), levels, np.array(["photo"] * n), (b"",) * n, np.full((n, 4), np.nan, np.float32))


def crops(found) -> queries.Crops:
    n = len(found)
    return queries.Crops(np.zeros((n, 80, 64, 3), np.uint8), np.array(found), np.ones(n))


def shop(vectors) -> served.Shop:
    rows = [Row(str(i), f"Item {i}", ("Tshirts", "", "Men", "", "", "")) for i in range(len(vectors))]
    return served.Shop(rows, np.zeros((len(vectors), 80, 64, 3), np.uint8), np.arange(len(vectors)), np.array(vectors, float))


def test_ties_count_against_us_and_what_was_not_found_in_its_photo_is_not_found():
    gallery = shop([[1, 0], [0, 1], [1, 0]])
    shown = np.array([[1, 0], [0.6, 0.8], [1, 0]], float)
    one = cmc._found("compact", 0, shown, gallery, np.arange(3), asked(3), crops([True, True, False]))
    # item 0 ties with item 2; item 1 is first for the second picture; the third was missed by the detector
    assert one.ranks.tolist() == [2, 1, 0]
    assert one.precision.tolist() == [0.5, 1.0, 0.0]
    assert one.top.shape == (3, 3) and one.top[1, 0] == 1


def test_the_served_order_is_by_all_evidence_and_deeper_ranks_stay():
    cosine = np.array([[0.9, 0.8, 0.7], [0.9, 0.8, 0.7], [0.9, 0.8, 0.7]])
    colour = np.array([[0.0, 2.0, 0.0], [0.0, 0.1, 0.0], [0.0, 0.0, 0.0]])
    cases = Cases({"cosine": cosine, "colour": colour}, np.array([1, 1, -1]), np.arange(3), np.array(["real"] * 3))
    plain = cmc.Found("compact", 0, np.array([2, 2, 77]), np.zeros(3), np.zeros((3, 3), int))
    ranking = Ranking("m", "r", {"cosine": 1.0, "colour": 0.5}, 0.0, (), 0.5, 1.0, 0.5, 0.0, {})
    hits = np.tile([0, 1, 2], (3, 1))
    one = cmc._served(0, cases, hits, shop(np.eye(3)), np.arange(3), asked(3), plain, ranking)
    assert one.ranks.tolist() == [1, 2, 77]  # .8 + 1 leads .9; .8 + .05 does not; beyond the first hits nothing moves
    assert one.top[0].tolist() == [1, 0, 2]


def test_intervals_draw_products_and_not_their_queries():
    hit = np.array([1] * 30 + [0] * 30, bool)
    few, many = np.array([0] * 30 + [1] * 30), np.arange(60)
    wide, narrow = (cmc.interval(hit, product_of, 0) for product_of in (few, many))
    assert wide == (0.0, 1.0) and 0.3 < narrow[0] < 0.5 < narrow[1] < 0.7


def test_a_gallery_holds_what_is_asked_for_and_unseen_products_first():
    rows = [Row(str(i), "", ("",) * 6) for i in range(400)]
    held = [i for i in range(400) if is_held_out(str(i))]
    at = cmc.gallery_of(rows, np.array(held[:5]), 20, 0)
    assert len(at) == len(set(at.tolist())) == 20 and set(held[:5]) <= set(at.tolist()) <= set(held)
    assert cmc.gallery_of(rows, np.array(held[:5]), 0, 0).tolist() == list(range(400))


def test_a_histogram_tells_colours_and_nothing_else():
    read = readers.histogram().read
    a, moved, b = (np.asarray(product(c, (64, 80)), np.uint8) for c in (RED, RED, GREEN))
    moved = np.roll(moved, 10, axis=1)
    v = read(np.stack([a, moved, b]))
    assert v[0] @ v[1] == pytest.approx(1, abs=1e-5) and v[0] @ v[2] < 0.9


def test_vectors_of_a_reader_are_read_once(tmp_path):
    calls = []

    def read(pixels):
        calls.append(len(pixels))
        return np.tile(np.float32([1, 0]), (len(pixels), 1))

    pixels = np.zeros((5, 80, 64, 3), np.uint8)
    for _ in range(2):
        assert readers.vectors_of(readers.Reader("x", "x-1", read), pixels, tmp_path).shape == (5, 2)
    readers.vectors_of(readers.Reader("x", "x-2", read), pixels, tmp_path)  # other weights
    readers.vectors_of(readers.Reader("x", "x-1", read), pixels + 1, tmp_path)  # other pictures
    assert calls == [5, 5, 5]


def test_curves_are_drawn_for_every_row(tmp_path):
    lines = [("served, all", np.array([1, 2, 3])), ("histogram, all", np.array([0, 9, 30]))]
    curves.draw(lines, ["real", "real", "hard"], tmp_path / "c.png")
    drawn = np.asarray(Image.open(tmp_path / "c.png"))
    for colour in curves._COLOURS[:2]:
        assert (drawn == colour).all(2).sum() > 100


def test_every_class_of_peoples_photos_has_categories_that_exist():
    fits = people.fitting_categories()
    assert set(fits) == set(PEOPLE_CLASSES)
    for names in fits.values():
        assert names and names <= set(categories())


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Four held-out products that differ in colour, as archives and as prepared pictures."""
    folder = tmp_path_factory.mktemp("world")
    pictures = folder / "pictures"
    pictures.mkdir()
    skus = [str(i) for i in range(200) if is_held_out(str(i))][:4]
    colours = [(20, 30, 200), RED, (230, 200, 40), (30, 30, 30)]
    rows = [[sku, f"Title {sku}", "Tshirts", "Topwear", "Men", "Blue", "Casual", "Summer"] for sku in skus]
    (pictures / "rows.json").write_text(json.dumps(rows))
    np.save(pictures / "small.npy", np.stack([np.asarray(product(c, (64, 80)), np.uint8) for c in colours]))
    archive(folder, "catalog-images.zip",
            {f"images/{s}.jpg": product(c, (60, 80)) for s, c in zip(skus, colours, strict=True)})  # fmt: skip
    archive(folder, "photos.zip", {f"photos/{skus[0]}.jpg": product(colours[0], (300, 400))})
    archive(folder, "user-photos.zip",
            {f"user-photos/validation/{k}/1.jpg": Image.new("RGB", (150, 200), GREEN) for k in ("hat", "shoes")})  # fmt: skip
    return folder, pictures


def test_the_whole_measure_with_its_plot_and_sheets(world, tmp_path):
    folder, pictures = world
    result = cmc.evaluate_cmc(folder, 0, pictures=pictures, plot=tmp_path / "plot.png", drawn=tmp_path / "sheet.png",
                              say=lambda _: None)  # fmt: skip
    assert result.name == "cmc" and result.n == 3 * (3 + 3)  # one product by three draws, three by one, at three levels
    figures = result.figures
    assert figures["chance_all_cmc1"] == 0.25
    rows = ["compact", "weightless", "histogram", *(["untrained"] if importlib.util.find_spec("torch") else [])]
    for row in rows:
        for level in ("photometric", "real", "hard"):
            assert 0 <= figures[f"{row}_all_{level}_cmc1"] <= figures[f"{row}_all_{level}_cmc5"] <= 1
    assert figures["histogram_all_photometric_cmc1"] > 0.5  # four plain colours on white: a histogram goes a long way
    assert figures["people_n"] == 2
    for name in ("plot.png", "sheet.png", "sheet-people.png"):
        assert Image.open(tmp_path / name).size[0] > 100


def test_what_is_missing_is_named_with_the_next_step(world, tmp_path):
    folder, pictures = world
    with pytest.raises(InvalidInput, match="no prepared pictures") as caught:
        cmc.evaluate(tmp_path, folder)
    assert caught.value.hint == "outfit train prepare"
    with pytest.raises(InvalidInput, match="no catalog-images.zip"):
        cmc.evaluate(pictures, tmp_path)
