"""Composing looks: against every combination tried by hand, under budgets to the cent, with pieces locked."""

from __future__ import annotations

import random
from dataclasses import replace
from decimal import Decimal
from itertools import combinations, product

import pytest

from assistant import outfit
from assistant.compatibility import judge_pair, pair_factors
from assistant.looks import Piece
from assistant.outfit import compose, missing_slots
from assistant.wish import Wish
from retrieval.items import Attributes, Garment, Gender, Item, Slot
from retrieval.vocabulary import categories_in, slot_of

JEANS = Garment("Blue Jeans", Attributes("Jeans", slot=Slot.BOTTOM, gender=Gender.WOMEN, colour="Blue", usage="Casual"))
SHOES = Garment("Heels", Attributes("Heels", slot=Slot.SHOES, gender=Gender.WOMEN, colour="Black", usage="Casual"))


def piece(
    sku: str, category: str, colour: str = "Black", price: str | None = "10", *, gender="Women", currency="EUR", **more
) -> Piece:
    slot = slot_of(category)
    amount = None if price is None else Decimal(price)
    item = Item(sku, f"{colour} {category}", category, slot, Gender(gender), colour=colour, usage="Casual",
                price=amount, currency=currency)  # fmt: skip
    verdict = judge_pair(JEANS, item.as_garment())
    return Piece(slot, item, verdict, more.pop("score", 0.5), **more)


def by_slot(*pieces: Piece) -> dict[Slot, list[Piece]]:
    found: dict[Slot, list[Piece]] = {}
    for one in pieces:
        found.setdefault(one.slot, []).append(one)
    return found


WARDROBE = by_slot(
    piece("t1", "Tops", "White"), piece("t2", "Tshirts", "Red"), piece("t3", "Shirts", "Black"), piece("t4", "Tops", "Pink"),
    piece("s1", "Heels", "Black"), piece("s2", "Flats", "Beige"), piece("s3", "Casual Shoes", "White"),
    piece("b1", "Handbags", "Brown"), piece("b2", "Clutches", "Gold"), piece("b3", "Backpacks", "Grey"),
    piece("a1", "Watches", "Silver"), piece("a2", "Sunglasses", "Brown"), piece("a3", "Earrings", "Gold"),
)  # fmt: skip


def skus(look) -> list[str]:
    return [one.item.sku for one in look.pieces]


# --- what a look needs -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("category", "gender", "slots"),
    [
        ("Tshirts", "Men", "bottom shoes bag accessory outerwear"),
        ("Jeans", "Women", "top shoes bag accessory outerwear"),
        ("Dresses", "Women", "shoes bag accessory outerwear"),
        ("Sarees", "Women", "shoes bag accessory"),
        ("Heels", "Women", "top bottom bag accessory outerwear one-piece"),
        ("Formal Shoes", "Men", "top bottom bag accessory outerwear"),
        ("Handbags", "Women", "top bottom shoes accessory outerwear one-piece"),
        ("Jackets", "Boys", "top bottom shoes bag accessory"),
        ("Watches", None, "top bottom shoes bag outerwear"),
        ("Perfume and Body Mist", "Women", ""),
        ("Briefs", "Men", ""),
        (None, "Men", ""),
    ],
)
def test_missing_slots(category, gender, slots):
    found = missing_slots(Garment("g", Attributes(category, gender=Gender(gender) if gender else None)))
    assert [str(slot) for slot in found] == slots.split()


# --- the best combination ----------------------------------------------------------------------------------------


def _pull(a: Garment, b: Garment) -> float | None:
    """Around western shoes: tradition forbids, and is no reason to choose."""
    pulls = _pulls(a, b)
    return None if pulls is None else sum(pulls)


def _pulls(a: Garment, b: Garment) -> list[float] | None:
    factors = pair_factors(a, b, "en")
    return None if any(f.is_veto for f in factors) else [f.pull for f in factors if f.name != "tradition"]


def _value(reference: Garment, pieces: tuple[Piece, ...]) -> float | None:
    total = 0.0
    for one in pieces:
        pull = _pull(reference, one.item.as_garment())
        if pull is None:
            return None
        total += outfit._WORTH[one.slot] + one.score + pull
    for a, b in combinations(pieces, 2):
        pulls = _pulls(a.item.as_garment(), b.item.as_garment())
        if pulls is None:
            return None
        total += sum(pull * (0.5 if pull > 0 else 1.0) for pull in pulls)
    return total


def _random_wardrobe(rng: random.Random) -> dict[Slot, list[Piece]]:
    colours = ["Black", "White", "Red", "Green", "Navy Blue", "Pink", "Multi", "Beige"]
    found = {}
    for slot in (Slot.TOP, Slot.BOTTOM, Slot.ONE_PIECE, Slot.BAG, Slot.ACCESSORY, Slot.OUTERWEAR):
        names = [name for name in categories_in(slot)]
        found[slot] = [
            piece(
                f"{slot}{i}",
                rng.choice(names),
                rng.choice(colours),
                f"{rng.randint(1, 40)}.{rng.randint(0, 99):02d}",
                score=rng.random(),
            )  # fmt: skip
            for i in range(rng.randint(0, 3))
        ]
    return found


@pytest.mark.parametrize("seed", range(25))
def test_the_first_look_is_the_best_of_all_combinations(seed):
    rng = random.Random(seed)
    wardrobe = _random_wardrobe(rng)
    budget = rng.choice([None, Decimal("55.55"), Decimal("12")])
    best = None
    for chosen in product(*[[*rows, None] for rows in wardrobe.values()]):
        pieces = tuple(one for one in chosen if one is not None)
        value = _value(SHOES, pieces)
        cost = sum((one.item.price for one in pieces), Decimal(0))
        if pieces and value is not None and (budget is None or cost <= budget) and (best is None or value > best):
            best = value
    looks = compose(SHOES, wardrobe, Wish(budget_total=budget), n=1)
    if best is None or best <= 0:
        assert looks == ()
    else:
        assert _value(SHOES, looks[0].pieces) == pytest.approx(best)


def test_three_looks_that_share_nothing():
    looks = compose(JEANS, WARDROBE)
    assert len(looks) == 3
    shown = [sku for look in looks for sku in skus(look)]
    assert len(set(shown)) == len(shown) == 12  # top, shoes, bag and accessory each time
    assert len({look.title for look in looks}) == 3
    for look in looks:
        assert [one.slot for one in look.pieces] == [Slot.TOP, Slot.SHOES, Slot.BAG, Slot.ACCESSORY]
        assert 0.42 <= look.score <= 1 and look.reason
        assert look.total == 40 and look.currency == "EUR"


def test_the_second_look_is_of_another_kind_where_the_shop_has_one():
    """Not the next two of the same T-shirts and heels, though they go as well; where nothing else is, they do."""
    alike = [piece(f"t{i}", "Tshirts", "White") for i in range(3)], [piece(f"s{i}", "Heels", "Black") for i in range(3)]
    other = piece("o", "Shirts", "White", score=0.3), piece("f", "Flats", "Black", score=0.3)
    same = compose(JEANS, by_slot(*alike[0], *alike[1]))
    assert [skus(look) for look in same] == [["t0", "s0"], ["t1", "s1"], ["t2", "s2"]]
    looks = compose(JEANS, by_slot(*alike[0], other[0], *alike[1], other[1]))
    first, second = ({one.item.category for one in look.pieces} for look in looks[:2])
    assert first | second == {"Tshirts", "Shirts", "Heels", "Flats"} and not first & second


def test_traditional_dress_is_proposed_to_who_has_it_or_asks_for_it():
    def dressed(category: str, colour: str, usage: str) -> Piece:
        one = piece(category, category, colour)
        return replace(one, item=replace(one.item, usage=usage))

    wardrobe = by_slot(
        dressed("Kurtas", "White", "Ethnic"), dressed("Tops", "White", "Casual"),
        dressed("Churidar", "Black", "Ethnic"), dressed("Trousers", "Black", "Casual"),
    )  # fmt: skip
    bag = Garment("Bag", Attributes("Handbags", gender=Gender.WOMEN, colour="Maroon", usage="Casual"))
    traditional = replace(bag, attributes=replace(bag.attributes, usage="Ethnic"))
    assert skus(compose(bag, wardrobe, n=1)[0]) == ["Tops", "Trousers"]
    assert skus(compose(bag, wardrobe, Wish(usage="Ethnic"), n=1)[0]) == ["Kurtas", "Churidar"]
    assert skus(compose(traditional, wardrobe, n=1)[0]) == ["Kurtas", "Churidar"]


def test_the_occasion_that_was_asked_for_chooses_among_what_goes():
    shoes = by_slot(piece("s", "Flip Flops", "Black", score=0.6), piece("h", "Heels", "Black", score=0.5))
    assert skus(compose(JEANS, shoes, Wish(usage="Party"), n=1)[0]) == ["h"]


def test_the_same_question_has_the_same_answer():
    assert compose(JEANS, WARDROBE) == compose(JEANS, WARDROBE)


def test_titles_and_reasons_are_in_the_shoppers_language():
    for look in compose(JEANS, WARDROBE, Wish(lang="zh")):
        assert not look.title.isascii() and not look.reason.isascii()
    for look in compose(JEANS, WARDROBE, Wish(lang="zh"), lang="en"):
        assert look.title.isascii() and look.reason.isascii()


def test_a_title_says_what_is_so():
    tonal = by_slot(*(piece(f"x{i}", c, "Blue") for i, c in enumerate(("Tops", "Casual Shoes", "Handbags"))))
    dressy = by_slot(piece("t", "Tops", "Red"), piece("s", "Heels", "Red"), piece("b", "Clutches", "Red"))
    skirt = Garment("s", Attributes("Skirts", gender=Gender.WOMEN, colour="Navy Blue", usage="Casual"))
    assert compose(skirt, tonal)[0].title == "Tone on tone"
    assert compose(JEANS, dressy)[0].title == "A little dressier"
    one_loud = by_slot(
        piece("t", "Tops", "Green"), piece("s", "Casual Shoes", "Black"), piece("b", "Handbags"), piece("a", "Watches")
    )
    assert compose(JEANS, one_loud)[0].title != "Calm neutrals"


def test_looks_stop_where_they_would_repeat():
    few = {slot: rows[:1] for slot, rows in WARDROBE.items()}
    assert len(compose(JEANS, few)) == 1
    assert compose(JEANS, {}) == () and compose(JEANS, {Slot.TOP: []}) == ()


def test_one_piece_excludes_top_and_bottom():
    wardrobe = by_slot(piece("d1", "Dresses", "Red"), piece("t1", "Tops", "White"), piece("j1", "Skirts", "Black"))
    looks = compose(SHOES, wardrobe)
    assert {frozenset(skus(look)) for look in looks} == {frozenset({"d1"}), frozenset({"t1", "j1"})}
    for look in looks:
        assert not {Slot.TOP, Slot.BOTTOM, Slot.ONE_PIECE} & {empty.slot for empty in look.unfilled}


def test_pieces_that_may_not_meet_never_do():
    wardrobe = by_slot(piece("t1", "Tops", "White", gender="Women"), piece("s1", "Casual Shoes", "White", gender="Men"))
    unisex = Garment("bag", Attributes("Backpacks", gender=Gender.UNISEX, colour="Black", usage="Casual"))
    for look in compose(unisex, wardrobe):
        assert len(look.pieces) == 1


def test_the_shoppers_own_item_is_not_proposed():
    own = replace(JEANS, sku="t1")
    only = by_slot(WARDROBE[Slot.TOP][0], *WARDROBE[Slot.SHOES])
    assert all("t1" in skus(look) for look in compose(JEANS, only)[:1])
    assert all("t1" not in skus(look) for look in compose(own, only))


# --- budget ------------------------------------------------------------------------------------------------------


def test_the_budget_holds_to_the_cent():
    wardrobe = by_slot(piece("t1", "Tops", "White", "0.10"), piece("s1", "Flats", "Beige", "0.20"))
    (look,) = compose(JEANS, wardrobe, Wish(budget_total=Decimal("0.30")))
    assert skus(look) == ["t1", "s1"] and look.total == Decimal("0.30")
    short = compose(JEANS, wardrobe, Wish(budget_total=Decimal("0.2999")))
    assert [len(look.pieces) for look in short] == [1, 1]


def test_budget_over_the_whole_look():
    wish = Wish(budget_total=Decimal("25"), currency="EUR")
    looks = compose(JEANS, WARDROBE, wish)
    assert looks
    for look in looks:
        assert look.total <= 25 and {Slot.TOP, Slot.SHOES} <= {one.slot for one in look.pieces}
        reasons = {empty.slot: empty.reason for empty in look.unfilled}
        assert "budget of 25 EUR" in reasons[Slot.BAG]
        assert reasons[Slot.OUTERWEAR] == "No jacket or coat in the shop goes with it."


def test_a_piece_without_a_price_cannot_keep_a_budget():
    wardrobe = by_slot(piece("t1", "Tops", "White", None), piece("s1", "Flats", "Beige", "5"))
    (look,) = compose(JEANS, wardrobe, Wish(budget_total=Decimal(50)))
    assert skus(look) == ["s1"]
    (look,) = compose(JEANS, wardrobe)
    assert skus(look) == ["t1", "s1"] and look.total is None and look.currency is None


def test_currencies_do_not_mix_in_a_budget():
    wardrobe = by_slot(piece("t1", "Tops", "White", "5"), piece("s1", "Flats", "Beige", "5", currency="USD"))
    for wish, most in ((Wish(budget_total=Decimal(50)), 1), (Wish(), 2)):
        look = compose(JEANS, wardrobe, wish)[0]
        assert len(look.pieces) == most
    (look,) = compose(JEANS, wardrobe, Wish(budget_total=Decimal(50), currency="USD"))
    assert skus(look) == ["s1"]


def test_budget_for_each_piece():
    wardrobe = by_slot(piece("t1", "Tops", "White", "5"), piece("t2", "Tops", "White", "50"))
    for look in compose(JEANS, wardrobe, Wish(budget_piece=Decimal(5))):
        assert skus(look) == ["t1"]


# --- wishes ------------------------------------------------------------------------------------------------------


def test_locked_pieces_stay_in_every_look():
    looks = compose(JEANS, WARDROBE, Wish(locked=frozenset({"s3", "b2"})))
    assert len(looks) > 1
    assert all({"s3", "b2"} <= set(skus(look)) for look in looks)
    kept = by_slot(*(one for rows in WARDROBE.values() for one in rows if one.item.sku != "t2"))
    kept[Slot.TOP].append(piece("t2", "Tshirts", "Red", is_locked=True))
    assert all("t2" in skus(look) for look in compose(JEANS, kept))


def test_a_locked_piece_that_costs_too_much_leaves_no_look():
    wish = Wish(locked=frozenset({"t1"}), budget_total=Decimal(9))
    assert compose(JEANS, WARDROBE, wish) == ()


def test_a_locked_piece_is_not_given_up_for_what_it_costs():
    wardrobe = by_slot(
        piece("b1", "Handbags", "Brown", "30"), piece("t1", "Tops", "White"), piece("s1", "Heels", "Black")
    )
    looks = compose(JEANS, wardrobe, Wish(locked=frozenset({"b1"}), budget_total=Decimal(45)))
    assert looks and all("b1" in skus(look) and look.total <= 45 for look in looks)


def test_only_the_slots_asked_for():
    for look in compose(JEANS, WARDROBE, Wish(slots=frozenset({Slot.SHOES, Slot.BAG}))):
        assert [one.slot for one in look.pieces] == [Slot.SHOES, Slot.BAG] and look.unfilled == ()
    for look in compose(JEANS, WARDROBE, Wish(without_slots=frozenset({Slot.BAG}))):
        assert Slot.BAG not in {one.slot for one in look.pieces} | {empty.slot for empty in look.unfilled}


def test_excluded_pieces_are_gone():
    excluded = frozenset({"t1", "s1"})
    assert all(not excluded & set(skus(look)) for look in compose(JEANS, WARDROBE, Wish(excluded=excluded)))


def test_why_a_slot_stays_empty():
    wardrobe = {slot: rows for slot, rows in WARDROBE.items() if slot is not Slot.BAG}
    wardrobe[Slot.BAG] = WARDROBE[Slot.BAG][:1]
    first, second, *_ = compose(JEANS, wardrobe)
    assert "b1" in skus(first)
    assert {e.slot: e.reason for e in second.unfilled}[
        Slot.BAG
    ] == "Every bag that goes with it is already in another look."
    reason = {e.slot: e.reason for e in compose(JEANS, {Slot.TOP: WARDROBE[Slot.TOP]}, lang="zh")[0].unfilled}
    assert reason[Slot.SHOES] == "店里没有能搭配的鞋。"


def test_many_candidates_stay_within_bounds():
    crowd = {slot: [piece(f"{one.item.sku}-{i}", one.item.category, one.item.colour) for one in rows for i in range(8)]
             for slot, rows in WARDROBE.items()}  # fmt: skip
    assert len(compose(JEANS, crowd)) == 3
