from __future__ import annotations

import csv

import pytest

from retrieval import vocabulary
from retrieval.items import Slot
from retrieval.words import keys, stem


def test_every_article_type_of_the_public_catalogue_is_known(shared_data):
    with (shared_data / "styles.csv").open(encoding="utf-8", newline="") as file:
        found = {row["articleType"] for row in csv.DictReader(file)}
    assert len(found) > 100
    assert found - set(vocabulary.categories()) == set()


@pytest.mark.parametrize(
    "category, slot",
    [
        ("Tshirts", Slot.TOP),
        ("Jeans", Slot.BOTTOM),
        ("Dresses", Slot.ONE_PIECE),
        ("Sarees", Slot.ONE_PIECE),
        ("Blazers", Slot.OUTERWEAR),
        ("Casual Shoes", Slot.SHOES),
        ("Handbags", Slot.BAG),
        ("Watches", Slot.ACCESSORY),
        ("sneakers", Slot.SHOES),
        ("连衣裙", Slot.ONE_PIECE),
        ("Perfume and Body Mist", None),
        ("Lipstick", None),
        ("Free Gifts", None),
        ("Footballs", None),
        ("Briefs", None),
        ("a word that is no garment", None),
        ("", None),
    ],
)
def test_slots(category, slot):
    assert vocabulary.slot_of(category) is slot


@pytest.mark.parametrize(
    "written, category",
    [
        ("Tshirts", "Tshirts"),
        ("t-shirt", "Tshirts"),
        ("T SHIRTS", "Tshirts"),
        ("tees", "Tshirts"),
        ("T恤", "Tshirts"),
        ("sari", "Sarees"),
        ("watch", "Watches"),
        ("scarf", "Scarves"),
        ("dress", "Dresses"),
        ("outwear", "Jackets"),
        ("longsleeve", "Tshirts"),
        ("pants", "Trousers"),
        ("hat", "Hat"),
        ("shorts", "Shorts"),
        ("牛仔裤", "Jeans"),
        ("牛仔褲", "Jeans"),  # traditional script
        ("高跟鞋", "Heels"),
        ("Men's Skinny Jeans", "Jeans"),
        ("Ankle Booties", "Casual Shoes"),
        ("short", None),  # an adjective, not a pair of shorts
        ("thing", None),
        ("   ", None),
    ],
)
def test_canonical_names(written, category):
    assert vocabulary.canonical_category(written) == category


def test_a_shop_word_may_mean_several_categories_the_likeliest_first():
    assert vocabulary.categories_for_word("sneakers") == ("Casual Shoes", "Sports Shoes")
    assert vocabulary.categories_for_word("帽子") == ("Caps", "Hat")
    assert vocabulary.categories_for_word("Sneaker") == vocabulary.categories_for_word("SNEAKERS")
    assert vocabulary.categories_for_word("nonsense") == ()


@pytest.mark.parametrize(
    "category", ["Briefs", "Bra", "Night suits", "Nightdress", "Lipstick", "Swimwear", "Free Gifts"]
)
def test_what_is_never_proposed_unasked(category):
    assert not vocabulary.is_suggestible(category)


def test_suggestible_categories_all_fill_a_slot_and_every_slot_has_some():
    for slot in Slot:
        names = vocabulary.categories_in(slot)
        assert names
        assert all(vocabulary.is_suggestible(name) and vocabulary.slot_of(name) is slot for name in names)


def test_formality_orders_what_people_would_order():
    ladder = ["Flip Flops", "Casual Shoes", "Formal Shoes"]
    values = [vocabulary.formality_of(name) for name in ladder]
    assert values == sorted(values)
    assert (
        vocabulary.formality_of("Track Pants") < vocabulary.formality_of("Trousers") < vocabulary.formality_of("Suits")
    )
    assert vocabulary.formality_of("Lipstick") is None


def test_the_table_is_whole():
    for row in vocabulary.categories().values():
        assert row.zh and all(row.zh), row.name
        assert (row.formality is None) == (row.region is None) or row.slot is None, row.name
        assert row.formality is None or 0 <= row.formality <= 1
        assert row.slot is not None or row.on_request, row.name
    for word in vocabulary.category_words():
        assert set(word.categories) <= set(vocabulary.categories()), word
        assert keys(word.word), word


def test_chinese_names_lead_back_to_the_category_or_one_of_its_own_slot():
    for name, row in vocabulary.categories().items():
        back = vocabulary.canonical_category(vocabulary.category_zh(name))
        assert back is not None and vocabulary.slot_of(back) is row.slot, (name, back)


def test_ethnic_wear_is_marked():
    assert vocabulary.is_ethnic("Kurtas") and vocabulary.is_ethnic("Sarees")
    assert not vocabulary.is_ethnic("Shirts")


@pytest.mark.parametrize(
    "word, stemmed",
    [
        ("women's", "women"),
        ("watches", "watch"),
        ("dresses", "dress"),
        ("dress", "dress"),
        ("ties", "tie"),
        ("accessories", "accessory"),
        ("shoes", "shoe"),
        ("shorts", "shorts"),
        ("hoodies", "hoody"),
        ("hoodie", "hoody"),
        ("tennis", "tennis"),
    ],
)
def test_stems(word, stemmed):
    assert stem(word) == stemmed
