"""What stylists decided holds in the main path: refused pieces are gone, approved ones come first, the later word counts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from assistant.guardrail import BY_A_STYLIST, admit, upheld
from assistant.looks import Candidate, Piece
from assistant.outfit import compose
from assistant.rulings import Book, Ruled, Rulings, reference_of
from assistant.stylists import Answer, Verdict
from assistant.wish import Wish
from retrieval.items import Attributes, Garment, Gender, Item, Slot
from retrieval.vocabulary import slot_of

JEANS = Garment("Blue Jeans", Attributes("Jeans", slot=Slot.BOTTOM, gender=Gender.WOMEN, colour="Blue", usage="Casual"))
KIND = "kind:Women|Jeans|Blue"


def pair(sku: str, is_yes: bool, reference: str = KIND) -> Ruled:
    return Ruled(reference, "pair", frozenset({sku}), is_yes)


def look(skus: str, is_yes: bool, reference: str = KIND) -> Ruled:
    return Ruled(reference, "look", frozenset(skus.split()), is_yes)


def held(*ruled: Ruled, garment: Garment = JEANS) -> Rulings:
    return Book.of(ruled).for_garment(garment)


def piece(sku: str, category: str, colour: str) -> Piece:
    item = Item(sku, f"{colour} {category}", category, slot_of(category), Gender.WOMEN, colour=colour, usage="Casual")
    return Piece(item.slot, item, Verdict(Answer.YES, 0.8, "it goes", "test"), 0.5)


PIECES = {
    Slot.TOP: [piece("t1", "Tops", "White"), piece("t2", "Tshirts", "Red"), piece("t3", "Shirts", "Black")],
    Slot.SHOES: [piece("s1", "Heels", "Black"), piece("s2", "Flats", "Beige"), piece("s3", "Casual Shoes", "White")],
    Slot.BAG: [piece("b1", "Handbags", "Brown"), piece("b2", "Clutches", "Gold")],
}


def shown(rulings: Rulings = Rulings(), n: int = 3, wish: Wish = Wish(), pieces=PIECES) -> list[set[str]]:
    return [{p.item.sku for p in one.pieces} for one in compose(JEANS, pieces, wish, n=n, rulings=rulings)]


# --- the book ---------------------------------------------------------------------------------------------------------


def test_a_decision_belongs_to_an_item_or_to_a_kind_of_garment():
    assert reference_of(JEANS) == KIND
    assert reference_of(replace(JEANS, sku="77")) == "sku:77"
    assert reference_of(Garment("?", Attributes(colour="Blue"))) is None


def test_the_later_of_two_decisions_counts():
    assert held(pair("t1", False), pair("t1", True)).refused == frozenset()
    assert held(pair("t1", True), pair("t1", False)) == Rulings(refused=frozenset({"t1"}))
    assert held(look("t1 s1", True), look("t1 s1", False)).looks == frozenset()
    assert held(look("t1 s1 b1", True), look("t1 s1", False)).looks == frozenset()  # another bag makes no other look
    assert held(look("t1 s1", False), look("t1 s1 b1", True)).refused_looks == frozenset()


def test_an_approved_look_approves_its_pairs_until_one_is_refused():
    yes = held(look("t1 s1", True))
    assert yes.approved == {"t1", "s1"} and yes.looks == {frozenset({"t1", "s1"})}
    later = held(look("t1 s1", True), pair("s1", False))
    assert later.approved == {"t1"} and later.refused == {"s1"} and later.looks == frozenset()


def test_other_garments_are_not_concerned():
    assert held(pair("t1", False, "kind:Men|Jeans|Blue")) == Rulings()


def test_two_items_that_do_not_go_together_are_apart_from_both_sides_and_inside_looks():
    ruled = (pair("9", False, "sku:5"),)
    assert held(*ruled, garment=replace(JEANS, sku="9")).refused == {"5"}
    assert held(*ruled, garment=replace(JEANS, sku="5")).refused == {"9"}
    assert held(*ruled).apart == {frozenset({"5", "9"})}
    assert held(*ruled, pair("9", True, "sku:5")).apart == frozenset()


# --- looks ------------------------------------------------------------------------------------------------------------


def test_an_approved_look_is_shown_first_and_whole():
    plain = shown()
    wanted = {"t3", "s2", "b2"}
    assert wanted != plain[0]
    assert shown(held(look("t3 s2 b2", True)))[0] == wanted


def test_approved_looks_that_are_alike_do_not_take_the_place_of_other_looks():
    alike = (look("t3 s2 b2", True), look("t3 s2 b1", True), look("t3 s3 b1", True))
    looks = shown(held(*alike))
    assert len(looks) == len(shown()) and looks[0] in ({"t3", "s2", "b2"}, {"t3", "s2", "b1"}, {"t3", "s3", "b1"})
    assert len({frozenset(one) for one in looks}) == len(looks)


def test_a_plain_look_that_was_approved_goes_before_a_fuller_one():
    assert shown(held(look("t3 s2", True)))[0] == {"t3", "s2"}


def test_an_approved_look_of_which_a_piece_is_gone_gives_nothing():
    without = {**PIECES, Slot.BAG: PIECES[Slot.BAG][:1]}
    assert shown(held(look("t3 s2 b2", True)), pieces=without) == shown(pieces=without)


def test_a_refused_look_does_not_come_back_with_another_bag():
    first = shown(n=1)[0]
    body = frozenset(first - {"b1", "b2"})
    again = shown(Rulings(refused_looks=frozenset({body})))
    assert again and all(not body <= look for look in again)


def test_what_the_shopper_locked_stays_whatever_was_refused():
    first = frozenset(shown(n=1)[0])
    wish = Wish(locked=first)
    assert shown(Rulings(refused_looks=frozenset({first})), n=1, wish=wish) == [set(first)]


def test_items_that_are_apart_never_share_a_look():
    first = shown(n=1)[0]
    two = frozenset(first & {"t1", "t2", "t3", "s1", "s2", "s3"})
    assert len(two) == 2
    again = shown(Rulings(apart=frozenset({two})))
    assert again and all(not two <= look for look in again)


# --- the guardrail ----------------------------------------------------------------------------------------------------


class Refuses:
    name, concurrency = "refuses", 1

    def __init__(self, answer: Answer = Answer.NO) -> None:
        self.answer = answer

    def judge(self, reference, candidate, lang):
        return Verdict(self.answer, 0.1, "the colours clash", self.name)


@pytest.mark.parametrize("answer", list(Answer))
def test_what_a_stylist_approved_is_admitted_whatever_the_model_says(answer):
    candidates = [Candidate(Slot.TOP, one.item, 0.5) for one in PIECES[Slot.TOP]]
    found = admit(JEANS, {Slot.TOP: candidates}, stylist=Refuses(answer), pictures=lambda _: None, approved={"t2"})
    by_sku = {one.item.sku: one for one in found.pieces[Slot.TOP]}
    assert "t2" in by_sku and by_sku["t2"].verdict.answer is Answer.YES
    assert set(by_sku) == ({"t1", "t2", "t3"} if answer is Answer.YES else {"t2"})
    assert by_sku["t2"].verdict.model == ("refuses" if answer is Answer.YES else BY_A_STYLIST)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_reason_that_spoke_against_it_is_not_shown_for_it(lang):
    said = upheld(Verdict(Answer.NO, 0.1, "the colours clash", "m"), lang)
    assert said.reason and said.reason != "the colours clash" and said.p_yes == 0.1
    assert upheld(Verdict(Answer.YES, 0.9, "they match", "m"), lang).reason == "they match"


def test_both_orders_of_a_pair_are_kept():
    class Wavers(Refuses):
        def judge(self, reference, candidate, lang):
            is_first = reference is JEANS
            return Verdict(Answer.YES if is_first else Answer.NO, 0.9 if is_first else 0.2, "so", self.name)

    from assistant.guardrail import Policy

    one = Candidate(Slot.TOP, PIECES[Slot.TOP][0].item, 0.5)
    found = admit(JEANS, {Slot.TOP: [one]}, stylist=Wavers(), pictures=lambda _: None, policy=Policy(both_orders=True))
    assert found.withheld[0].verdict.orders == (0.9, 0.2) and found.withheld[0].verdict.answer is Answer.UNDECIDED


# --- the whole path ---------------------------------------------------------------------------------------------------


def test_a_refused_pair_is_not_shown_again_and_an_approved_one_comes_first(demo):
    item = next(item for item in demo.catalogue.all_items() if item.category == "Skirts")
    garment = item.as_garment()
    before = demo.stylist.complete(garment)
    worn = [piece for look in before.looks for piece in look.pieces]
    refused = frozenset({worn[0].item.sku})
    after = replace(demo.stylist, rulings=lambda _: Rulings(refused=refused)).complete(garment)
    assert after.looks and not refused & {p.item.sku for look in after.looks for p in look.pieces}
    assert not refused & {p.item.sku for p in after.withheld}

    unseen = next(
        one for one in demo.catalogue.all_items()
        if one.slot is Slot.SHOES and one.gender is Gender.WOMEN and one.is_available
        and one.sku not in {p.item.sku for p in (*worn, *before.withheld)}
    )  # fmt: skip
    chosen = replace(demo.stylist, rulings=lambda _: Rulings(approved=frozenset({unseen.sku})))
    proposals = []
    replace(chosen, witness=proposals.append).complete(garment)
    assert proposals[0].admitted[Slot.SHOES][0].item.sku == unseen.sku
    cheaper = chosen.complete(garment, Wish(budget_piece=unseen.price - 1 if unseen.price else None))
    assert all(p.item.sku != unseen.sku for look in cheaper.looks for p in look.pieces)  # the shopper's wish comes first
