from __future__ import annotations

from assistant.stylists.compact import CompactStylist, Kind
from assistant.wish import Wish
from retrieval.items import Attributes, Garment, Gender, Slot

JEANS = Garment("Women Blue Jeans", Attributes("Jeans", slot=Slot.BOTTOM, gender=Gender.WOMEN, colour="Blue", usage="Casual"))

CARRIED = [
    Kind(Gender.WOMEN, "Tops", "White", 40),
    Kind(Gender.WOMEN, "Tops", "Red", 30),
    Kind(Gender.WOMEN, "Tops", "Black", 20),
    Kind(Gender.WOMEN, "Tops", "Pink", 10),
    Kind(Gender.WOMEN, "Shirts", "White", 15),
    Kind(Gender.MEN, "Tshirts", "Grey", 99),
    Kind(Gender.WOMEN, "Heels", "Black", 12),
    Kind(Gender.WOMEN, "Casual Shoes", "White", 12),
    Kind(Gender.UNISEX, "Casual Shoes", "Navy Blue", 3),
    Kind(Gender.WOMEN, "Bra", "Black", 50),
    Kind(Gender.WOMEN, "Jeans", "Black", 50),
    Kind(Gender.WOMEN, "Perfume and Body Mist", "Pink", 50),
]


class Nobody:
    name = "nobody"

    def describe(self, images):
        return [Attributes() for _ in images]


STYLIST = CompactStylist(Nobody(), CARRIED)


def suggested(wish: Wish = Wish(), slots=(Slot.TOP, Slot.SHOES), garment: Garment = JEANS):
    return [(s.slot, s.category, s.colour) for s in STYLIST.suggest(garment, wish, slots)]


def test_only_what_is_carried_for_her_is_suggested_and_nothing_of_the_garments_own_kind():
    found = suggested(slots=tuple(Slot))
    assert {category for _, category, _ in found} == {"Tops", "Shirts", "Heels", "Casual Shoes"}
    assert (Slot.SHOES, "Casual Shoes", "Navy Blue") in found  # Unisex
    assert not [category for slot, category, _ in found if slot is Slot.BOTTOM]


def test_one_category_does_not_take_the_whole_slot():
    tops = [pair for pair in suggested(slots=(Slot.TOP,)) if pair[1] == "Tops"]
    assert len(tops) == 3
    assert (Slot.TOP, "Shirts", "White") in suggested(slots=(Slot.TOP,))


def test_titles_are_in_the_catalogues_style_and_carry_what_was_asked_for():
    wish = Wish(colours=frozenset({"Black"}), patterns=frozenset({"striped"}))
    (title,) = [s.title for s in STYLIST.suggest(JEANS, wish, (Slot.TOP,))]
    assert title == "Women striped Black Tops"


def test_a_wish_narrows_where_it_can_and_is_not_forced_where_nothing_fits():
    assert suggested(Wish(categories=frozenset({"Heels"})), (Slot.SHOES,)) == [(Slot.SHOES, "Heels", "Black")]
    assert suggested(Wish(colours=frozenset({"Olive"})), (Slot.SHOES,)) != []  # judged as the closest that is carried
    assert suggested(Wish(without_colours=frozenset({"Black", "White"})), (Slot.SHOES,)) == [
        (Slot.SHOES, "Casual Shoes", "Navy Blue")
    ]


def test_the_shoppers_gender_comes_before_the_garments():
    assert suggested(Wish(gender=Gender.MEN), (Slot.TOP,)) == [(Slot.TOP, "Tshirts", "Grey")]


def test_an_unknown_gender_bars_nobody():
    stranger = Garment("Garment", Attributes("Jeans", slot=Slot.BOTTOM))
    assert {"Tshirts", "Tops"} <= {category for _, category, _ in suggested(slots=(Slot.TOP,), garment=stranger)}
