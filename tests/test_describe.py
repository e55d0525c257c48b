from __future__ import annotations

from dataclasses import replace

import pytest
from PIL import Image

from retrieval.colours import family_of, measure_palette
from retrieval.describe import Carried, fill_gaps, settle_colour, settle_usage, settle_wearer, title_of, vote
from retrieval.items import Attributes, Box, Detection, Gender, Item, Slot


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


def found(slot: Slot | None, confidence: float = 0.9) -> Detection:
    return Detection(Box(0, 0, 10, 10), "garment", confidence, slot)


def test_gaps_are_filled_by_what_looks_alike_in_the_same_slot_and_what_was_read_stays():
    shoe = Item("9", "9", "Heels", Slot.SHOES, Gender.WOMEN, usage="Party")
    alike = [shoe, item("1", "Tops", season="Fall"), item("2", "Tops")]
    read = Attributes(gender=Gender.GIRLS, confidence={"gender": 0.9, "category": 0.2})
    filled = fill_gaps(read, found(Slot.TOP), alike)
    assert (filled.category, filled.slot, filled.gender) == ("Tops", Slot.TOP, Gender.GIRLS)
    assert (filled.season, filled.usage) == ("Fall", None)  # the shoe has no say in a top
    assert filled.confidence["gender"] == 0.9 and filled.confidence["category"] == 1


def test_the_surer_of_detector_and_model_says_the_slot():
    alike = [item("1", "Tops"), Item("2", "2", "Dresses", Slot.ONE_PIECE, Gender.WOMEN)]
    read = Attributes(category="Shirts", slot=Slot.TOP, confidence={"slot": 0.7})
    kept = fill_gaps(read, found(Slot.ONE_PIECE, 0.6), alike)
    assert (kept.category, kept.slot) == ("Shirts", Slot.TOP)
    changed = fill_gaps(read, found(Slot.ONE_PIECE, 0.9), alike)
    assert (changed.category, changed.slot) == ("Dresses", Slot.ONE_PIECE)
    assert fill_gaps(Attributes(category="Shirts", slot=Slot.TOP), found(Slot.ONE_PIECE), alike).slot is Slot.TOP
    assert fill_gaps(Attributes(), found(None), []) == Attributes()


def test_pixels_settle_the_family_and_the_model_the_shade():
    dark = palette_of((20, 24, 60))
    kept, notice = settle_colour(Attributes(colour="Blue"), dark)
    assert (kept.colour, notice) == ("Blue", "")
    changed, notice = settle_colour(Attributes(colour="Red"), dark)
    assert family_of(changed.colour) == "blue"
    assert notice == f"colour: the model says Red, the pixels say {changed.colour}; {changed.colour} is taken"
    sure, notice = settle_colour(Attributes(colour="Red", confidence={"colour": 0.9}), dark)
    assert sure.colour == "Red" and notice.endswith("Red is taken")
    assert settle_colour(Attributes(colour="Red", confidence={"colour": 0.5}), dark)[0].colour != "Red"
    filled, notice = settle_colour(Attributes(), dark)
    assert family_of(filled.colour) == "blue" and notice == ""
    assert settle_colour(Attributes(colour="Red"), ()) == (Attributes(colour="Red"), "")


def test_what_it_is_worn_for_is_something_that_its_kind_is_worn_for():
    carried = Carried(usages={"Jeans": {"Casual": 97, "Formal": 2, "Sports": 1}, "Capris": {"Casual": 19}})
    read = Attributes(category="Jeans", usage="Ethnic", confidence={"usage": 0.8})
    settled, notice = settle_usage(read, carried)
    assert settled.usage == "Casual" and settled.confidence["usage"] == pytest.approx(0.97)
    assert "Ethnic" in notice and "Casual is taken" in notice
    assert settle_usage(replace(read, usage="Sports"), carried)[0].usage == "Casual"  # one in a hundred is a slip
    for known in (replace(read, usage="Formal"), replace(read, usage=None), replace(read, category="Capris"), Attributes()):
        assert settle_usage(known, carried) == (known, "")


@pytest.mark.parametrize(
    ("category", "read", "settled"),
    [
        ("Skirts", None, "Women"),
        ("Skirts", "Men", "Women"),
        ("Skirts", "Boys", "Women"),
        ("Skirts", "Girls", "Girls"),
        ("Skirts", "Unisex", "Unisex"),
        ("Ties", None, "Men"),
        ("Jeans", None, None),  # of both: nobody knows
        ("Jeans", "Girls", "Girls"),
        ("Capris", "Men", "Men"),  # too few of them to say
        (None, "Men", "Men"),
    ],
)
def test_what_is_carried_for_one_sex_alone_is_for_that_sex(category, read, settled):
    genders = {
        "Skirts": {"Women": 60, "Girls": 39, "Boys": 1}, "Ties": {"Men": 30}, "Jeans": {"Women": 90, "Men": 10}, "Capris": {"Women": 9},
    }  # fmt: skip
    told, notice = settle_wearer(Attributes(category=category, gender=read and Gender(read)), Carried(genders))
    assert told.gender == settled and bool(notice) is (read not in (None, settled))


def test_titles_say_what_is_known():
    assert title_of(Attributes("Dresses", gender=Gender.WOMEN, colour="Navy Blue")) == "Women Navy Blue Dresses"
    assert title_of(Attributes()) == "Garment"
