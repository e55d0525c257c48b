from __future__ import annotations

import pytest
from PIL import Image

from retrieval.colours import family_of, measure_palette
from retrieval.describe import settle_colour, title_of, vote
from retrieval.items import Attributes, Gender, Item, Slot


def item(sku: str, category: str, gender: Gender = Gender.WOMEN, **rest) -> Item:
    return Item(sku, sku, category, Slot.TOP, gender, **rest)


def palette_of(rgb: tuple[int, int, int]):
    return measure_palette(Image.new("RGB", (60, 80), rgb))


def test_votes_weigh_by_rank():
    read = vote([item("1", "Tops"), item("2", "Shirts"), item("3", "Shirts")], least=0.3)
    # Tops: 1; Shirts: 1/2 + 1/3 = .833; of 1.833 in all
    assert read.category == "Tops"
    assert read.confidence["category"] == pytest.approx(1 / (1 + 1 / 2 + 1 / 3))
    assert read.gender is Gender.WOMEN and read.confidence["gender"] == 1


def test_a_split_vote_cannot_tell():
    many = [item(str(i), f"Category {i}") for i in range(8)]
    assert vote(many, least=0.5).category is None
    assert vote([], least=0.3) == Attributes()


def test_missing_values_do_not_vote():
    assert vote([item("1", "Tops"), item("2", "Tops", season="Fall")], least=0.3).season == "Fall"


def test_pixels_settle_the_family_and_the_model_the_shade():
    dark = palette_of((20, 24, 60))
    kept, notice = settle_colour(Attributes(colour="Blue"), dark)
    assert (kept.colour, notice) == ("Blue", "")
    changed, notice = settle_colour(Attributes(colour="Red"), dark)
    assert family_of(changed.colour) == "blue"
    assert notice == f"colour: the model says Red, the pixels say {changed.colour}"
    filled, notice = settle_colour(Attributes(), dark)
    assert family_of(filled.colour) == "blue" and notice == ""
    assert settle_colour(Attributes(colour="Red"), ()) == (Attributes(colour="Red"), "")


def test_titles_say_what_is_known():
    assert title_of(Attributes("Dresses", gender=Gender.WOMEN, colour="Navy Blue")) == "Women Navy Blue Dresses"
    assert title_of(Attributes()) == "Garment"
