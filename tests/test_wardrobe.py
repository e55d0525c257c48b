"""What a visitor keeps: whose it is, what comes back, what is left after deleting; and looks from one's own clothes."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import pytest
from PIL import Image
from sqlalchemy import select, update

from assistant import wardrobe as wardrobes
from assistant.looks import Look, Piece
from assistant.orders import Order, order_in
from assistant.own_clothes import looks_from
from assistant.stylists import Answer, Verdict
from assistant.wardrobe import LookGone, Wardrobe, WardrobeFull, new_secret, visitor_of
from assistant.wish import Wish
from retrieval.catalogue import Catalogue
from retrieval.errors import InvalidInput
from retrieval.items import Attributes, Garment, Gender, Item, Slot, Swatch
from retrieval.tables import items, saved_looks, wardrobe_garments

ME, OTHER = visitor_of("m" * 22), visitor_of("o" * 22)
BLUE = Swatch("Blue", "blue", (40.0, 10.0, -40.0), "#2b4c9b", 1.0)
WHITE = Swatch("White", "white", (96.0, 0.0, 0.0), "#f6f6f6", 1.0)


def picture(colour: str = "#2b4c9b", size: tuple[int, int] = (300, 400)) -> Image.Image:
    return Image.new("RGB", size, colour)


def worn(category: str, slot: Slot, colour: str = "Blue", gender: Gender = Gender.WOMEN) -> Garment:
    known = Attributes(category, None, slot, gender, colour, "Summer", "Casual", {"category": 0.8})
    swatch = BLUE if colour == "Blue" else WHITE
    return Garment(f"{gender} {colour} {category}", known, (swatch,), picture(swatch.hex))


@pytest.fixture
def catalogue(tmp_path) -> Iterator[Catalogue]:
    """A catalogue of one shirt and one pair of jeans."""
    opened = Catalogue.open(tmp_path / "shop.db", create=True)
    with opened.writing() as connection:
        for sku, category, slot, cents in (("1", "Shirts", "top", 2_550), ("2", "Jeans", "bottom", 4_000)):
            row = {"sku": sku, "state": "ready", "title": f"Shop {category}", "category": category, "slot": slot}
            row |= {"gender": "Women", "colour": "White", "price_cents": cents, "currency": "USD", "stock": 5}
            connection.execute(items.insert().values(row))
    yield opened
    opened.close()


@pytest.fixture
def wardrobe(catalogue) -> Wardrobe:
    return Wardrobe(catalogue)


def look_of(*found: Item, title: str = "Relaxed") -> Look:
    yes = Verdict(Answer.YES, 0.9, "White goes with blue.", "a judge")
    pieces = tuple(Piece(item.slot, item, yes, 0.7) for item in found)
    return Look(title, pieces, 0.8, "A calm pair.").summed()


# --- garments ---------------------------------------------------------------------------------------------------------


def test_a_garment_comes_back_as_it_was_kept_and_to_nobody_else(wardrobe):
    name = wardrobe.keep_garment(ME, worn("Jeans", Slot.BOTTOM), picture(size=(900, 1200)))
    (item,) = wardrobe.garments(ME)
    assert (item.category, item.slot, item.colour, item.palette) == ("Jeans", Slot.BOTTOM, "Blue", (BLUE,))
    assert item.price is None and item.gender is Gender.UNISEX
    kept = wardrobe.garment(ME, name)
    assert kept.attributes == worn("Jeans", Slot.BOTTOM).attributes and max(kept.picture.size) == 480
    assert wardrobe.garments(OTHER) == []
    assert wardrobe.picture_bytes(ME, name)[:2] == b"\xff\xd8"
    for stranger in (OTHER, None):
        assert wardrobe.picture_bytes(stranger, name) is None
    with pytest.raises(InvalidInput):
        wardrobe.garment(OTHER, name)


def test_the_same_garment_is_kept_once_by_each(wardrobe):
    names = {wardrobe.keep_garment(ME, worn("Jeans", Slot.BOTTOM), picture()) for _ in range(2)}
    theirs = wardrobe.keep_garment(OTHER, worn("Jeans", Slot.BOTTOM), picture())
    assert len(names) == 1 and theirs not in names  # nor can anyone tell from it what others have
    assert len(wardrobe.garments(ME)) == len(wardrobe.garments(OTHER)) == 1


def test_what_nobody_could_name_is_not_kept(wardrobe):
    with pytest.raises(InvalidInput, match="not known yet"):
        wardrobe.keep_garment(ME, Garment("A garment", Attributes()), picture())


def test_a_wardrobe_is_bounded_and_says_so(wardrobe, monkeypatch):
    monkeypatch.setattr(wardrobes, "MOST_GARMENTS", 1)
    monkeypatch.setattr(wardrobes, "MOST_LOOKS", 1)
    wardrobe.keep_garment(ME, worn("Jeans", Slot.BOTTOM), picture())
    with pytest.raises(WardrobeFull, match="at most 1"):
        wardrobe.keep_garment(ME, worn("Shirts", Slot.TOP), picture("#ffffff"))
    wardrobe.keep_look(ME, look_of(), worn("Jeans", Slot.BOTTOM), "en")
    with pytest.raises(WardrobeFull):
        wardrobe.keep_look(ME, look_of(), worn("Jeans", Slot.BOTTOM), "en")


@pytest.mark.parametrize("secret", ["", "short", "x" * 23, "../../etc/passwd/......", "ä" * 22])
def test_only_a_secret_of_ours_names_a_visitor(secret):
    with pytest.raises(InvalidInput):
        visitor_of(secret)
    assert len(visitor_of(new_secret())) == 64


# --- looks and their links --------------------------------------------------------------------------------------------


def test_a_link_opens_the_look_with_todays_prices(wardrobe, catalogue):
    shirt = catalogue.item("1")
    token = wardrobe.keep_look(ME, look_of(shirt), worn("Jeans", Slot.BOTTOM), "en")
    with catalogue.writing() as connection:
        connection.execute(update(items).where(items.c.sku == "1").values(price_cents=1_999))
    kept = wardrobe.open_look(token)
    (look,) = kept.answer.looks
    assert (look.title, look.reason, look.total, look.currency) == ("Relaxed", "A calm pair.", Decimal("19.99"), "USD")
    assert look.pieces[0].verdict == Verdict(Answer.YES, 0.9, "White goes with blue.", "a judge")
    garment = kept.answer.garment
    assert garment.attributes == worn("Jeans", Slot.BOTTOM).attributes and garment.picture.size == (300, 400)
    assert [one.token for one in wardrobe.looks(ME)] == [token] and wardrobe.looks(OTHER) == []


def test_what_the_shop_no_longer_has_is_named_in_a_kept_look(wardrobe, catalogue):
    token = wardrobe.keep_look(ME, look_of(catalogue.item("1"), catalogue.item("2")), worn("Skirts", Slot.SHOES), "zh")
    with catalogue.writing() as connection:
        connection.execute(update(items).where(items.c.sku == "1").values(stock=0))
    (look,) = wardrobe.open_look(token).answer.looks
    assert [piece.item.sku for piece in look.pieces] == ["2"] and look.total == 40
    assert [(gap.slot, gap.reason) for gap in look.unfilled] == [(Slot.TOP, "「Shop Shirts」已不在店里。")]


def test_own_pieces_of_a_kept_look_stay_though_the_garment_is_removed(wardrobe, catalogue):
    name = wardrobe.keep_garment(ME, worn("Jeans", Slot.BOTTOM), picture())
    own = wardrobe.garments(ME)[0]
    token = wardrobe.keep_look(ME, look_of(own, catalogue.item("1")), worn("Heels", Slot.SHOES), "en")
    wardrobe.remove(ME, name)
    (look,) = wardrobe.open_look(token).answer.looks
    assert [piece.is_own for piece in look.pieces] == [True, False] and look.total == Decimal("25.50")
    assert wardrobe.picture(look.pieces[0].item.sku).size == (300, 400)
    assert wardrobe.picture_bytes(None, f"{token}/1") is None  # the shop's piece has its own address
    assert wardrobe.picture_bytes(None, f"{token}/9") is None


@pytest.mark.parametrize("token", ["", "x" * 22, "' OR 1=1 --", "x" * 5_000])
def test_a_link_to_nothing_says_so(wardrobe, token):
    with pytest.raises(LookGone):
        wardrobe.open_look(token)


# --- on demand: everything to take along, nothing left behind -----------------------------------------------------------


def test_everything_can_be_taken_along(wardrobe, catalogue):
    wardrobe.keep_garment(ME, worn("Jeans", Slot.BOTTOM), picture())
    token = wardrobe.keep_look(ME, look_of(catalogue.item("1")), worn("Jeans", Slot.BOTTOM), "en")
    wardrobe.keep_garment(OTHER, worn("Shirts", Slot.TOP), picture("#ffffff"))
    with zipfile.ZipFile(io.BytesIO(wardrobe.export(ME))) as archive:
        told = json.loads(archive.read("wardrobe.json"))
        assert [one["attributes"]["category"] for one in told["garments"]] == ["Jeans"]
        assert [one["link"] for one in told["looks"]] == [f"?look={token}"]
        for one in (*told["garments"], *told["looks"]):
            Image.open(io.BytesIO(archive.read(one["picture"]))).verify()


def test_deleting_leaves_nothing_of_mine_and_everything_of_others(wardrobe, catalogue):
    kept = {}
    for visitor in (ME, OTHER):
        wardrobe.keep_garment(visitor, worn("Jeans", Slot.BOTTOM), picture())
        kept[visitor] = wardrobe.keep_look(visitor, look_of(catalogue.item("1")), worn("Jeans", Slot.BOTTOM), "en")
    wardrobe.remove(ME, kept[OTHER])  # not mine to delete
    assert wardrobe.open_look(kept[OTHER])
    wardrobe.forget(ME)
    with pytest.raises(LookGone):
        wardrobe.open_look(kept[ME])
    with catalogue.reading() as connection:
        for table in (wardrobe_garments, saved_looks):
            assert set(connection.execute(select(table.c.visitor)).scalars()) == {OTHER}


# --- looks from one's own clothes -------------------------------------------------------------------------------------


def own_item(number: int, garment: Garment) -> Item:
    known = garment.attributes
    return Item(
        f"own:{number}", garment.title, known.category, known.slot, Gender.UNISEX, colour=known.colour, usage=known.usage
    )


def own(*garments: Garment) -> list[Item]:
    return [own_item(number, garment) for number, garment in enumerate(garments)]


@pytest.fixture
def shirt() -> Garment:
    return worn("Shirts", Slot.TOP, "White")


def asked(demo, garment: Garment, clothes: list[Item], wish: Wish = Wish(), **more):
    return looks_from(demo.stylist, garment, clothes, wish, pictures=lambda item: None, **more)


def test_where_own_clothes_dress_the_body_nothing_is_bought(demo, shirt):
    answer = asked(demo, shirt, own(worn("Jeans", Slot.BOTTOM), worn("Heels", Slot.SHOES)))
    (look,) = answer.looks
    assert [piece.item.sku for piece in look.pieces] == ["own:0", "own:1"] and look.total is None
    assert all(piece.verdict.answer is Answer.YES and piece.verdict.reason for piece in look.pieces)
    assert Slot.BAG in {gap.slot for gap in look.unfilled}


def test_one_piece_at_most_is_bought_and_the_budget_bounds_it(demo, shirt):
    answer = asked(demo, shirt, own(worn("Jeans", Slot.BOTTOM)), Wish(budget_total=Decimal(60)))
    (look,) = answer.looks
    bought = [piece for piece in look.pieces if not piece.is_own]
    assert [piece.slot for piece in bought] == [Slot.SHOES]
    assert look.total == bought[0].item.price <= 60
    nothing = asked(demo, shirt, own(worn("Jeans", Slot.BOTTOM)), Wish(budget_total=Decimal(1)))
    assert [piece.is_own for piece in nothing.looks[0].pieces] == [True]
    assert Slot.SHOES in {gap.slot for gap in nothing.looks[0].unfilled}


def test_with_two_places_bare_only_the_first_is_filled_by_the_shop(demo, shirt):
    bag = worn("Handbags", Slot.BAG)
    (look,) = asked(demo, shirt, own(bag)).looks
    assert sum(not piece.is_own for piece in look.pieces) == 1
    assert {gap.slot for gap in look.unfilled} >= {Slot.SHOES}


def test_a_bought_piece_that_is_kept_is_the_one_bought_piece(demo, shirt):
    clothes = own(worn("Jeans", Slot.BOTTOM))
    first = asked(demo, shirt, clothes).looks[0]
    bought = next(piece for piece in first.pieces if not piece.is_own)
    again = asked(demo, shirt, clothes, keep=[replace(bought, is_locked=True)])
    for look in again.looks:
        assert [piece.item.sku for piece in look.pieces if not piece.is_own] == [bought.item.sku]


def test_what_does_not_go_with_it_gives_no_look(demo, shirt):
    assert asked(demo, shirt, own(worn("Tshirts", Slot.TOP))).looks == ()
    assert asked(demo, shirt, []).looks == ()
    no_blue = Wish(without_colours=frozenset({"Blue"}))
    assert asked(demo, shirt, own(worn("Jeans", Slot.BOTTOM)), no_blue).looks == ()


# --- what is typed to have it done ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "order"),
    [
        ("What can I wear with this from my own clothes?", Order.OWN),
        ("what in my wardrobe goes with it", Order.OWN),
        ("用我自己的衣服怎么搭？", Order.OWN),
        ("我的衣橱里有什么能配它", Order.OWN),
        ("Save this look, please", Order.KEEP_LOOK),
        ("收藏这套", Order.KEEP_LOOK),
        ("add it to my wardrobe", Order.KEEP_GARMENT),
        ("把这件放进衣橱", Order.KEEP_GARMENT),
        ("show me my wardrobe", Order.WARDROBE),
        ("打开我的衣橱", Order.WARDROBE),
        ("undo", Order.UNDO),
        ("撤销", Order.UNDO),
        ("show me other looks", Order.REROLL),
        ("换几套看看", Order.REROLL),
        ("start over", Order.FRESH),
        ("Yes, please!", Order.YES),
        ("好的", Order.YES),
    ],
)
def test_orders_are_understood_in_both_languages(message, order):
    assert order_in(message) is order


@pytest.mark.parametrize(
    "message",
    ["keep the shoes", "not this one", "show me more shoes", "yes but cheaper", "maybe", "no", "", "换成白色的", "预算五百以内", "好看一点"],
)
def test_wishes_are_no_orders(message):
    assert order_in(message) is None
