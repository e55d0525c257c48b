"""The main path over the demo catalogue: real detector, encoders, judge and rules, nothing stood in for."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from PIL import Image

from assistant import report
from assistant.stylists import Answer
from assistant.wish import Wish
from retrieval import images, resources
from retrieval.errors import InvalidBox
from retrieval.items import Attributes, Box, Garment, Gender, Slot
from retrieval.vocabulary import slot_of

STEPS = ["detect", "find", "read", "suggest", "search", "judge", "compose"]
EXCLUDES = {Slot.ONE_PIECE: {Slot.TOP, Slot.BOTTOM, Slot.ONE_PIECE}}


def photos() -> list[tuple[str, list[dict]]]:
    """The demo photos with the garments drawn into them: file, then slot, category, colour, box of each."""
    path = resources.path("demo/photos/photos.json")
    return [(entry["file"], entry["garments"]) for entry in json.loads(path.read_text(encoding="utf-8"))]


def open_photo(name: str) -> Image.Image:
    return images.read(resources.path("demo/photos") / name)


def every_piece(answer):
    return [piece for look in answer.looks for piece in look.pieces]


def item_garment(demo, sku_filter) -> Garment:
    item = next(item for item in demo.catalogue.all_items() if sku_filter(item))
    return item.as_garment(demo.catalogue.picture(item.sku))


@pytest.fixture(scope="module")
def skirt(demo) -> Garment:
    return item_garment(demo, lambda i: i.category == "Skirts" and i.gender is Gender.WOMEN)


@pytest.fixture(scope="module")
def around_skirt(demo, skirt):
    return demo.stylist.complete(skirt)


@pytest.mark.parametrize(("name", "garments"), [p for p in photos() if p[1]], ids=lambda p: p if isinstance(p, str) else "")
def test_every_demo_photo_becomes_three_looks_of_what_the_shop_carries(demo, name, garments):
    answer = demo.stylist.recommend(open_photo(name), box=Box(*garments[0]["box"]))
    assert answer.garment is not None and answer.garment.palette
    assert len(answer.looks) == 3
    for look in answer.looks:
        slots = [piece.slot for piece in look.pieces]
        assert len(slots) == len(set(slots)) and len(slots) >= 2
        assert look.reason
        for piece in look.pieces:
            kept = demo.catalogue.item(piece.item.sku)
            assert kept == piece.item and kept.is_available
            assert piece.verdict.answer is Answer.YES and piece.verdict.reason
            assert slot_of(kept.category) is piece.slot
    assert [step.name for step in answer.trace.steps] == STEPS
    json.dumps(report.recommendation(answer))


def test_three_looks_are_three_different_looks(around_skirt):
    sets = [frozenset(piece.item.sku for piece in look.pieces) for look in around_skirt.looks]
    assert len(set(sets)) == 3
    assert len(frozenset.union(*sets)) >= 2 * max(map(len, sets))  # mostly new pieces, not one exchanged
    assert len({look.title for look in around_skirt.looks}) == 3


def test_pieces_are_for_her_complete_the_skirt_and_never_repeat_it(around_skirt, skirt):
    assert every_piece(around_skirt)
    for piece in every_piece(around_skirt):
        assert piece.item.gender in (Gender.WOMEN, Gender.UNISEX)
        assert piece.item.category != skirt.attributes.category
        assert piece.slot not in (Slot.BOTTOM, Slot.ONE_PIECE)


def test_totals_are_sums_and_a_budget_holds_for_the_whole_look(demo, skirt, around_skirt):
    for look in around_skirt.looks:
        assert look.total == sum((piece.item.price for piece in look.pieces), Decimal(0))
    budget = min(look.total for look in around_skirt.looks) * Decimal("0.6")
    for look in demo.stylist.complete(skirt, Wish(budget_total=budget)).looks:
        assert look.total <= budget


def test_wishes_are_kept(demo, skirt):
    asked = Wish(slots=frozenset({Slot.SHOES}), without_categories=frozenset({"Heels"}), without_colours=frozenset({"Black"}))
    pieces = every_piece(demo.stylist.complete(skirt, asked))
    assert pieces and all(piece.slot is Slot.SHOES for piece in pieces)
    assert not [p for p in pieces if p.item.category == "Heels" or p.item.colour == "Black"]


def test_what_was_refused_once_is_not_shown_again(demo, skirt, around_skirt):
    shown = frozenset(piece.item.sku for piece in every_piece(around_skirt))
    again = demo.stylist.complete(skirt, Wish(excluded=shown))
    assert not shown & {piece.item.sku for piece in every_piece(again)}


def test_a_locked_piece_stays_in_every_look(demo, skirt, around_skirt):
    kept = around_skirt.looks[0].pieces[0]
    again = demo.stylist.complete(skirt, Wish(locked=frozenset({kept.item.sku})), keep=[kept])
    assert again.looks
    for look in again.looks:
        (piece,) = [piece for piece in look.pieces if piece.slot is kept.slot]
        assert piece.item.sku == kept.item.sku


def test_reasons_come_in_the_shoppers_language(demo, skirt):
    for piece in every_piece(demo.stylist.complete(skirt, Wish(lang="zh"))):
        assert any("\u4e00" <= char <= "\u9fff" for char in piece.verdict.reason)


def test_a_slot_that_cannot_be_filled_is_named_with_its_reason_and_never_padded(demo, skirt):
    answer = demo.stylist.complete(skirt, Wish(budget_piece=Decimal("0.01")))
    assert not every_piece(answer)
    gaps = {gap.slot: gap.reason for look in answer.looks for gap in look.unfilled}
    assert not answer.looks or (Slot.TOP in gaps and all(gaps.values()))


def test_a_dress_is_not_given_a_top_or_trousers(demo):
    dress = item_garment(demo, lambda i: i.slot is Slot.ONE_PIECE and i.gender is Gender.WOMEN)
    slots = {piece.slot for piece in every_piece(demo.stylist.complete(dress))}
    assert slots and not slots & {Slot.TOP, Slot.BOTTOM, Slot.ONE_PIECE}


def test_a_child_is_dressed_from_the_childrens_range(demo):
    shirt = item_garment(demo, lambda i: i.gender is Gender.BOYS and i.slot is Slot.TOP)
    pieces = every_piece(demo.stylist.complete(shirt))
    assert pieces and all(piece.item.gender in (Gender.BOYS, Gender.UNISEX) for piece in pieces)


def test_progress_is_told_step_by_step_and_in_order(demo, skirt):
    told = []
    photo = skirt.picture
    demo.stylist.recommend(photo, box=Box(0, 0, photo.width, photo.height), watch=told.append)
    steps = list(dict.fromkeys(event.step for event in told))
    assert steps == STEPS
    search = next(event.counts for event in reversed(told) if event.step == "search")
    assert search["items"] == len(demo.search)


def test_a_product_photo_finds_the_product_itself_first(demo, skirt):
    photo = skirt.picture
    answer = demo.stylist.recommend(photo, box=Box(0, 0, photo.width, photo.height))
    assert answer.same_product[0].item.sku == skirt.sku
    assert len({hit.item.sku for hit in answer.same_product}) == len(answer.same_product) == 5


def test_a_box_outside_the_photo_is_refused_by_name(demo):
    with pytest.raises(InvalidBox, match="lies outside the picture of 50 x 60 px"):
        demo.stylist.recommend(Image.new("RGB", (50, 60), "white"), box=Box(100, 100, 120, 130))


def test_a_garment_of_which_nothing_is_known_still_ends_in_an_answer(demo):
    answer = demo.stylist.complete(Garment("Garment", Attributes()))
    assert answer.garment is not None
    json.dumps(report.recommendation(answer))


def test_stand_ins_are_announced_in_the_answer(demo, around_skirt):
    assert around_skirt.trace.notices[: len(demo.notices)] == demo.notices
