"""The demo catalogue: feed and pictures agree, it covers what a look needs, and the script redraws what is stored."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections import Counter
from decimal import Decimal
from functools import cache

import numpy as np
import pytest
from PIL import Image

from retrieval import resources
from retrieval.colours import colour_names
from retrieval.feeds import read_feed
from retrieval.items import Gender, Slot
from retrieval.vocabulary import categories, slot_of

DEMO = resources.path("demo")
PUBLIC_COLUMNS = [
    "id", "gender", "masterCategory", "subCategory", "articleType", "baseColour", "season", "year", "usage",
    "productDisplayName",
]  # fmt: skip
USAGES = {"Casual", "Formal", "Sports", "Ethnic", "Party", "Smart Casual"}


@cache
def rows() -> list[dict[str, str]]:
    with (DEMO / "styles.csv").open(newline="", encoding="utf-8") as feed:
        return list(csv.DictReader(feed))


@cache
def photos() -> list[dict]:
    return json.loads((DEMO / "photos" / "photos.json").read_text(encoding="utf-8"))


def test_the_feed_has_the_public_columns_first_and_the_shop_columns_after_them():
    assert list(rows()[0]) == [*PUBLIC_COLUMNS, "price", "currency", "stock", "url"]
    assert all(None not in row and None not in row.values() for row in rows())


def test_the_projects_own_reader_takes_every_row_and_rejects_none():
    read = list(read_feed(DEMO / "styles.csv"))
    assert len(read) == len(rows())
    assert {type(row).__name__ for row in read} == {"FeedRow"}


def test_ids_are_unique_numbers_that_the_public_catalogue_does_not_use():
    ids = [int(row["id"]) for row in rows()]
    assert len(set(ids)) == len(ids)
    assert min(ids) > 100_000  # the public catalogue ends at 60,000


def test_there_is_enough_to_choose_from_in_every_slot_gender_and_category():
    assert len(rows()) >= 600
    slots = Counter(slot_of(row["articleType"]) for row in rows())
    assert set(slots) == set(Slot)
    assert min(slots.values()) >= 35, slots
    genders = Counter(row["gender"] for row in rows())
    assert set(genders) == {gender.value for gender in Gender}
    assert min(genders.values()) >= 35, genders
    assert len({row["articleType"] for row in rows()}) >= 25


def test_children_can_be_dressed_from_head_to_foot():
    for gender in ("Boys", "Girls"):
        slots = {slot_of(row["articleType"]) for row in rows() if row["gender"] == gender}
        assert {Slot.TOP, Slot.BOTTOM, Slot.OUTERWEAR, Slot.SHOES, Slot.ACCESSORY} <= slots, gender


def test_categories_and_colours_are_words_of_the_vocabulary():
    assert {row["articleType"] for row in rows()} <= set(categories())
    colours = {row["baseColour"] for row in rows()}
    assert colours <= set(colour_names())
    assert len(colours) >= 30


def test_categories_are_filed_as_the_public_catalogue_files_them(shared_data):
    with (shared_data / "styles.csv").open(newline="", encoding="utf-8") as feed:
        keys = {(row["masterCategory"], row["subCategory"], row["articleType"]) for row in csv.DictReader(feed)}
    assert {(row["masterCategory"], row["subCategory"], row["articleType"]) for row in rows()} <= keys


def test_usage_and_season_keep_realistic_proportions():
    usages = Counter(row["usage"] for row in rows())
    assert set(usages) == USAGES
    assert usages["Casual"] > len(rows()) / 2  # 78 % of the public catalogue is casual
    assert {row["season"] for row in rows()} == {"Summer", "Fall", "Winter", "Spring"}
    assert all(2015 <= int(row["year"]) <= 2026 for row in rows())


def test_names_say_brand_gender_colour_and_kind():
    for row in rows():
        name = row["productDisplayName"]
        brand, gender, rest = name.split(" ", 2)
        assert re.fullmatch(r"[A-Z][a-z]+", brand), name
        assert gender == row["gender"], name
        assert row["baseColour"] in rest and not rest.endswith(row["baseColour"]), name
        assert name == " ".join(name.split()) and len(name) <= 90, name


def test_solids_stripes_checks_and_prints_are_all_there():
    names = " ".join(row["productDisplayName"] for row in rows())
    for word in ("Solid", "Striped", "Checked", "Floral Print", "Printed", "Polka Dot"):
        assert names.count(word) >= 5, word


def test_prices_and_stock_are_plausible():
    prices = sorted(Decimal(row["price"]) for row in rows())
    assert {row["currency"] for row in rows()} == {"USD"}
    assert prices[0] >= 2 and prices[-1] <= 400
    assert 20 <= prices[len(prices) // 2] <= 60
    assert all(-price.as_tuple().exponent == 2 for price in prices)
    stock = [int(row["stock"]) for row in rows()]
    assert min(stock) == 0 and max(stock) <= 200
    assert 0.03 <= stock.count(0) / len(stock) <= 0.15
    assert all(row["url"] == f"https://shop.example/items/{row['id']}" for row in rows())


def test_every_item_has_its_picture_and_no_picture_lacks_an_item():
    ids = {row["id"] for row in rows()}
    stems = {path.stem for path in (DEMO / "images").iterdir()}
    assert ids <= stems
    extra = stems - ids
    assert 5 <= len(extra)
    assert {stem.removesuffix("_back") for stem in extra} <= ids
    assert all(stem.endswith("_back") for stem in extra)


def test_pictures_are_480_by_640_and_no_two_are_the_same():
    seen: dict[str, str] = {}
    for path in sorted((DEMO / "images").iterdir()):
        with Image.open(path) as image:
            assert image.size == (480, 640), path.name
            assert image.format == "WEBP", path.name
            digest = hashlib.sha256(image.convert("RGB").tobytes()).hexdigest()
        assert digest not in seen, f"{path.name} shows the same as {seen[digest]}"
        seen[digest] = path.name


def test_pictures_show_a_product_on_light_ground_with_a_margin():
    for path in sorted((DEMO / "images").iterdir())[::7]:
        with Image.open(path) as image:
            grey = np.asarray(image.convert("L"), np.float32)
        border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
        assert border.min() > 205, path.name  # nothing touches the edge
        assert grey[100:540, 60:420].std() > 4, path.name  # something is there


def test_everything_together_stays_within_8_mb():
    files = [path for path in DEMO.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert sum(path.stat().st_size for path in files) <= 8_000_000


def test_photos_open_and_their_boxes_lie_inside_them():
    assert len(photos()) >= 12
    assert {photo["file"] for photo in photos()} == {path.name for path in (DEMO / "photos").glob("*.jpg")}
    for photo in photos():
        with Image.open(DEMO / "photos" / photo["file"]) as image:
            assert image.size == (photo["width"], photo["height"])
            assert image.format == "JPEG" and max(image.size) <= 1000
        for garment in photo["garments"]:
            left, top, right, bottom = garment["box"]
            assert 0 <= left < right <= photo["width"] and 0 <= top < bottom <= photo["height"], photo["file"]
            assert (right - left) * (bottom - top) >= 1000, photo["file"]


def test_photos_know_what_they_show():
    by_sku = {row["id"]: row for row in rows()}
    for photo in photos():
        for garment in photo["garments"]:
            assert slot_of(garment["category"]) == Slot(garment["slot"]), photo["file"]
            assert garment["colour"] in colour_names()
            if garment["sku"] is not None:
                row = by_sku[garment["sku"]]
                assert (row["articleType"], row["baseColour"]) == (garment["category"], garment["colour"])


def test_photos_cover_single_several_unknown_and_nothing():
    counts = Counter(len(photo["garments"]) for photo in photos())
    assert counts[0] >= 1 and counts[1] >= 4 and sum(n for k, n in counts.items() if k >= 3) >= 4
    skus = [garment["sku"] for photo in photos() for garment in photo["garments"]]
    assert None in skus and sum(sku is not None for sku in skus) >= 10


@pytest.fixture(scope="module")
def drawn():
    pytest.importorskip("resvg_py", reason="redrawing the demo catalogue needs resvg-py")
    pytest.importorskip("scipy", reason="redrawing the demo catalogue needs scipy")
    from data.demo.draw import build

    return build, build.products()


def test_the_script_still_makes_the_feed_that_is_stored(drawn, tmp_path):
    build, products = drawn
    build.write_feed(products, tmp_path / "styles.csv")
    assert (tmp_path / "styles.csv").read_bytes() == (DEMO / "styles.csv").read_bytes()


@pytest.mark.parametrize("category", ["Tshirts", "Handbags", "Casual Shoes"])
def test_redrawing_an_item_gives_the_stored_picture(drawn, category):
    build, products = drawn
    product = next(p for p in products if p.row["articleType"] == category)
    image = build.render(product)
    fresh = np.asarray(image, np.float32)
    with Image.open(DEMO / "images" / f"{product.row['id']}.webp") as stored:
        kept = np.asarray(stored.convert("RGB"), np.float32)
    with Image.open(io.BytesIO(build.encode(image))) as again:
        loss = np.abs(np.asarray(again.convert("RGB"), np.float32) - fresh).mean()  # what WebP alone costs
    assert np.abs(fresh - kept).mean() <= loss + 0.5


def test_drawing_twice_gives_the_same_pixels(drawn):
    build, products = drawn
    product = next(p for p in products if p.row["articleType"] == "Ties")
    assert np.array_equal(np.asarray(build.render(product)), np.asarray(build.render(product)))
