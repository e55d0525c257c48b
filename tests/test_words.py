"""Every text in both languages: none missing, none unused, the same values in both."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from string import Formatter

import pytest

from assistant import words
from assistant.words import TEXTS, label_name, named, price_text, say, stock_text
from retrieval.items import Gender, Item, Slot

ROOT = Path(words.__file__).parent
HAN = re.compile(r"[\u4e00-\u9fff]")


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("key", TEXTS)
def test_a_text_is_there_in_both_languages_with_the_same_values(key):
    english, chinese = TEXTS[key]
    assert english.strip() and chinese.strip()
    assert fields(english) == fields(chinese)
    assert not HAN.search(english) or key == "page.language"
    assert HAN.search(chinese) or key == "page.language"


def used() -> set[str]:
    """Keys written out where texts are used: in Python, in the page's HTML and in its script."""
    found: set[str] = set()
    for path in [*ROOT.rglob("*.py"), *ROOT.rglob("*.html"), *ROOT.rglob("*.js")]:
        if path.name != "words.py":
            found |= set(re.findall(r"[\"'>=]([a-z]+(?:\.[a-z_]+)+)[\"'<]", path.read_text(encoding="utf-8")))
    own = Path(words.__file__).read_text(encoding="utf-8").split("_SIGNS = ")[1]
    return found | set(re.findall(r'"([a-z]+\.[a-z_]+)"', own))


def test_every_text_of_the_page_is_in_the_table():
    rooms = {key.split(".")[0] for key in TEXTS}
    not_texts = {"error.code", "garment.jpg", "desk.js", "desk.css", "desk.html"}
    asked = {key for key in used() if key.split(".")[0] in rooms} - not_texts
    assert asked and asked <= set(TEXTS)


def test_no_text_is_there_for_nothing():
    made = ("slot.", "gender.", "usage.", "season.", "error.", "step.", "keep.ask_", "look.picture", "look.page", "look.data")
    assert {key for key in TEXTS if not key.startswith(made)} - used() == set()


def test_every_slot_and_gender_has_a_name():
    for lang in ("en", "zh"):
        assert all(words.slot_name(slot, lang) for slot in Slot)
        assert all(words.gender_name(gender, lang) for gender in Gender)


def test_every_error_that_a_shopper_can_meet_has_a_sentence():
    for code in ("unsupported_image", "image_too_large", "invalid_box", "store_empty", "model_unavailable", "error"):
        assert f"error.{code}" in TEXTS


def test_numbers_are_counted_in_words():
    assert say("looks.title", "en", count=1) == "1 look for it"
    assert say("looks.title", "en", count=3) == "3 looks for it"
    assert say("looks.title", "zh", count=3) == "为它搭配了 3 套"
    assert say("step.search_done", "en", items=40370) == "Searched 40,370 items"


def test_a_missing_value_is_an_error_and_not_a_gap():
    with pytest.raises(KeyError):
        say("looks.title", "en", other=1)
    with pytest.raises(KeyError):
        say("no.such.text", "en")


@pytest.mark.parametrize(
    ("price", "currency", "text"),
    [
        (Decimal("1299"), "INR", "₹1,299"),
        (Decimal("1299.00"), "INR", "₹1,299"),
        (Decimal("49.5"), "USD", "$49.50"),
        (Decimal("12.30"), "SEK", "12.30 SEK"),
        (Decimal("7"), None, "7"),
        (None, "USD", ""),
    ],
)
def test_prices_read_as_people_write_them(price, currency, text):
    assert price_text(price, currency, "en") == text


def test_stock_is_said_as_it_is():
    def item(stock: int | None) -> Item:
        return Item("1", "Shirt", "Shirts", Slot.TOP, Gender.MEN, stock=stock)

    said = [stock_text(item(stock), "en") for stock in (None, 20, 2, 0)]
    assert said == ["In stock", "In stock", "Only 2 left", "Sold out"]


def test_names_fall_back_to_what_the_shop_wrote():
    assert words.colour_name("Navy Blue", "zh") != "Navy Blue"
    assert words.colour_name("Moonlight", "zh") == "Moonlight"
    assert named("usage", "Gardening", "zh") == "Gardening"
    assert label_name(Slot.SHOES, "thing", "zh") == "鞋"
    assert label_name(None, "jeans", "zh") == words.category_name("Jeans", "zh")
