"""What an answer says in words: nothing that others wrote becomes a link, a picture or a line of its own."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from assistant.api.telling import plain, tell
from assistant.looks import Look, Piece, Recommendation, Unfilled
from assistant.stylists import Answer, Verdict
from assistant.talk import Answered, Choice, Found, Line, Talk
from retrieval.items import Attributes, Box, Detection, Garment, Gender, Hit, Item, Slot

SHOES = Item("7", "White Shoes", "Casual Shoes", Slot.SHOES, Gender.MEN, price=Decimal("70.00"), currency="EUR")
PIECE = Piece(Slot.SHOES, SHOES, Verdict(Answer.YES, 0.9, "White goes with blue.", "m"), 0.8)
LOOK = Look("Calm", (PIECE,), 0.7, "All calm.", (Unfilled(Slot.BAG, "No bag goes."),), Decimal("70.00"), "EUR")
JEANS = Garment("Blue Jeans", Attributes(category="Jeans", slot=Slot.BOTTOM, colour="Blue"))


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("![x](http://evil.example/a.png) Jeans", "!(x)("),
        ("[Jeans](javascript:alert(1))", "(Jeans)(javascript:alert(1))"),
        ("<img src=x onerror=alert(1)>", "‹img src=x onerror=alert(1)›"),
        ("Jeans\n\n# Sale\r\n- 1", "Jeans # Sale - 1"),
        ("Jeans www.evil.example now", "Jeans now"),
        ("`code`", "'code'"),
        ("A/B 100% wool: soft", "A/B 100% wool: soft"),
    ],
)
def test_what_others_wrote_is_made_harmless(written, told):
    assert plain(written).startswith(told) and "http" not in plain(written)


def test_a_look_is_told_piece_by_piece():
    text = tell([Answered(Recommendation((), JEANS, looks=(LOOK,)), is_new=True)], Talk())
    assert text == (
        "This looks like: Blue jeans\n\n1 look for it\n\nLook 1: Calm\nAll calm.\n"
        "- Shoes: White Shoes (Item 7, €70). White goes with blue.\nTotal €70\nLeft open: Bag. No bag goes."
    )


def test_a_hostile_title_stays_text_in_a_look():
    bad = replace(PIECE, item=replace(SHOES, title="![a](http://evil.example/x) <b>Shoes</b>\n# Free"))
    text = tell([Answered(Recommendation((), JEANS, looks=(replace(LOOK, pieces=(bad,)),)), is_new=False)], Talk())
    assert "evil.example" not in text and "[" not in text and "<" not in text and "\n#" not in text


def test_choices_and_products_are_numbered():
    found = (Detection(Box(0, 0, 9, 9), "top", 0.9, Slot.TOP), Detection(Box(0, 9, 9, 19), "skirt", 0.8, Slot.BOTTOM))
    assert tell([Choice("a", (9, 19), found)], Talk()).endswith("1. Top\n2. Bottom")
    assert tell([Found((Hit(SHOES, 0.9),))], Talk()).endswith("1. White Shoes (Item 7, €70)")
    assert tell([Line("found.none")], Talk()).startswith("The shop has nothing")
