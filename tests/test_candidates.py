from __future__ import annotations

from decimal import Decimal

import pytest

from assistant.candidates import conditions, fits, is_asked_for, open_slots, price_limit, rank, same_product, varied
from assistant.looks import Candidate
from assistant.stylists import Suggestion
from assistant.wish import Wish
from retrieval.items import Attributes, Garment, Gender, Hit, Item, Slot, Swatch, View
from retrieval.lexicon import names_in

SKIRT = Garment("Women Black Skirts", Attributes("Skirts", slot=Slot.BOTTOM, gender=Gender.WOMEN, colour="Black"))
WHITE_TOP = Suggestion(Slot.TOP, "Women White Tops", "Tops", "White", Gender.WOMEN)


def item(sku: str, **changes) -> Item:
    values = {"title": f"Women Top {sku}", "category": "Tops", "slot": Slot.TOP, "gender": Gender.WOMEN, "colour": "White"}
    return Item(sku, **{**values, **changes})


def even(_reference: Garment, _candidate: Garment) -> float:
    return 0.5


def test_gender_admits_unisex_and_the_garments_own_category_is_barred():
    where = conditions(SKIRT, Suggestion(Slot.BOTTOM, "Women Jeans"), Wish())
    assert where.any_of["gender"] == {"Women", "Unisex"}
    assert where.any_of["slot"] == {"bottom"}
    assert "Jeans" in where.any_of["category"] and "Skirts" not in where.any_of["category"]
    assert where.at_least == {"in_stock": 1.0}


def test_without_a_known_gender_nothing_is_barred_by_it():
    stranger = Garment("Garment", Attributes("Skirts", slot=Slot.BOTTOM))
    assert "gender" not in conditions(stranger, WHITE_TOP, Wish()).any_of
    assert conditions(stranger, WHITE_TOP, Wish(gender=Gender.MEN)).any_of["gender"] == {"Men", "Unisex"}


def test_what_is_not_worn_or_not_proposed_unasked_never_passes():
    allowed = conditions(SKIRT, Suggestion(Slot.ACCESSORY, "Women Accessory"), Wish()).any_of["category"]
    assert not allowed & {"Perfume and Body Mist", "Lipstick", "Free Gifts", "Briefs", "Bra"}


def test_categories_asked_for_narrow_their_own_slot_only():
    sneakers = Wish(categories=frozenset({"Sports Shoes"}))
    assert conditions(SKIRT, Suggestion(Slot.SHOES, "shoes"), sneakers).any_of["category"] == {"Sports Shoes"}
    assert "Tops" in conditions(SKIRT, WHITE_TOP, sneakers).any_of["category"]
    no_heels = Wish(without_categories=frozenset({"Heels"}))
    assert "Heels" not in conditions(SKIRT, Suggestion(Slot.SHOES, "shoes"), no_heels).any_of["category"]


@pytest.mark.parametrize(
    ("wish", "limit"),
    [
        (Wish(), None),
        (Wish(budget_total=Decimal(200)), Decimal(200)),
        (Wish(budget_total=Decimal(200), budget_piece=Decimal("49.90")), Decimal("49.90")),
        (Wish(cheaper_than=((Slot.TOP, Decimal("30.00")), (Slot.BAG, Decimal(5)))), Decimal("29.99")),
    ],
)
def test_the_lowest_of_all_limits_holds(wish, limit):
    assert price_limit(Slot.TOP, wish) == limit


def test_what_was_barred_is_read_from_the_title():
    no_leather = Wish(without_materials=frozenset({"Leather"}))
    assert not fits(item("1", title="Catwalk Women Brown Leather Tops"), no_leather)
    assert fits(item("2", title="Catwalk Women Cotton Tops"), no_leather)
    assert not fits(item("3", title="Women Ankle Boots"), Wish(without_words=frozenset({"boot"})))
    assert not fits(item("4", title="Women Stripes Top"), Wish(without_patterns=names_in("striped", "pattern")))
    assert not fits(item("5", stock=0), Wish())
    assert not fits(item("6"), Wish(excluded=frozenset({"6"})))


def test_what_was_asked_for_is_read_from_title_colour_and_palette():
    striped = Wish(patterns=names_in("striped", "pattern"))
    assert is_asked_for(item("1", title="Women Stripes Top"), striped)
    assert not is_asked_for(item("2", title="Women Solid Top"), striped)
    dark = Swatch("Black", "black", (20.0, 0.0, 0.0), "#303030", 1.0)
    view = View("front", "1.jpg", "0" * 64, 60, 80, (dark,))
    assert is_asked_for(item("3", views=(view,)), Wish(tone="dark"))
    assert not is_asked_for(item("3", views=(view,)), Wish(tone="light"))
    assert not is_asked_for(item("4"), Wish(tone="light"))


def test_what_is_not_proposed_unasked_may_be_asked_for_by_name():
    allowed = conditions(SKIRT, Suggestion(Slot.ACCESSORY, "Women Socks"), Wish()).any_of["category"]
    assert "Socks" not in allowed
    asked = conditions(SKIRT, Suggestion(Slot.ACCESSORY, "Women Socks"), Wish(categories=frozenset({"Socks"})))
    assert asked.any_of["category"] == {"Socks"}


def test_find_this_shows_the_garments_slot_and_the_product_itself_whatever_its_slot():
    watch = item("watch", slot=Slot.ACCESSORY, category="Watches")
    tops = [Hit(item("a"), 0.8), Hit(item("b"), 0.7)]
    assert [hit.item.sku for hit in same_product([Hit(watch, 0.85), *tops], tops, 5)] == ["a", "b"]
    assert [hit.item.sku for hit in same_product([Hit(watch, 0.99), *tops], tops, 2)] == ["watch", "a"]


def test_slots_asked_for_narrow_what_the_look_lacks():
    missing = (Slot.TOP, Slot.SHOES, Slot.BAG)
    assert open_slots(missing, Wish(slots=frozenset({Slot.SHOES, Slot.OUTERWEAR}))) == (Slot.SHOES,)
    assert open_slots(missing, Wish(without_slots=frozenset({Slot.BAG}))) == (Slot.TOP, Slot.SHOES)


def test_rank_weighs_text_and_affinity_and_keeps_each_item_once():
    liked = item("b")
    found = [
        (WHITE_TOP, [Hit(item("a"), 0.8), Hit(liked, 0.6)]),
        (WHITE_TOP, [Hit(liked, 0.7)]),
    ]
    ranked = rank(SKIRT, found, Wish(), affinity=lambda _, c: 1.0 if c.sku == "b" else 0.0, threshold=0.3)
    # a: .4 * .8/.8 + .6 * 0 = .4; b: .4 * .7/.7 + .6 * 1 = 1 (its better rank: .4 * .6/.8 + .6 = .9)
    assert [(c.item.sku, pytest.approx(c.score)) for c in ranked[Slot.TOP]] == [("b", 1.0), ("a", 0.4)]


def test_below_the_threshold_or_of_another_colour_is_only_the_closest_and_only_where_nothing_is_better():
    navy = Wish(colours=frozenset({"Navy Blue"}))
    found = [(WHITE_TOP, [Hit(item("white"), 0.9), Hit(item("navy", colour="Navy Blue"), 0.4)])]
    assert [(c.item.sku, c.is_closest) for c in rank(SKIRT, found, navy, affinity=even, threshold=0.3)[Slot.TOP]] == [
        ("navy", False)
    ]
    found = [(WHITE_TOP, [Hit(item("white"), 0.9)])]
    assert [(c.item.sku, c.is_closest) for c in rank(SKIRT, found, navy, affinity=even, threshold=0.3)[Slot.TOP]] == [
        ("white", True)
    ]
    assert [c.is_closest for c in rank(SKIRT, found, Wish(), affinity=even, threshold=0.95)[Slot.TOP]] == [True]


def test_what_repeats_an_earlier_candidate_waits():
    def scored(sku: str, score: float, title: str, category: str = "Tops", colour: str = "White") -> Candidate:
        return Candidate(Slot.TOP, item(sku, title=title, category=category, colour=colour), score)

    row = [
        scored("a", 0.90, "White Top"), scored("b", 0.89, "WHITE TOP"), scored("c", 0.85, "Plain Top"),
        scored("d", 0.83, "Red Top", colour="Red"), scored("e", 0.81, "Shirt", "Shirts"),
    ]  # fmt: skip
    # After a: b .89 - .39, c .85 - .09 = .76, d .83 - .03 = .80, e .81. After a and e: d .80 before c .76; then c with
    # two tops before it .85 - .12 = .73, b .89 - .42 = .47.
    assert [one.item.sku for one in varied(row)] == ["a", "e", "d", "c", "b"]
    assert varied([]) == []


def test_an_item_of_another_slot_never_fills_this_one():
    found = [(WHITE_TOP, [Hit(item("shoe", slot=Slot.SHOES, category="Heels"), 0.9)])]
    assert rank(SKIRT, found, Wish(), affinity=even, threshold=0.1) == {}
