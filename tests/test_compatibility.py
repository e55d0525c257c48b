"""Do two garments, or a whole look, go together: vetoes, relations of colour, verdicts and the sentences for them."""

from __future__ import annotations

import math
import re
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.coherence import score_set
from assistant.compatibility import (
    NO_BELOW,
    YES_FROM,
    affinity,
    can_be_worn_by,
    dressiness,
    judge_pair,
    pair_factors,
    probability,
    suits,
    wearer,
)
from assistant.harmony import PULL, Tone, hue_distance, relation, tone_of
from assistant.phrases import _phrases, listed, noun, say, some
from assistant.stylists import Answer
from retrieval.colours import colour_names
from retrieval.items import Attributes, Garment, Gender, Swatch
from retrieval.vocabulary import categories, is_suggestible

WORN = [name for name in categories() if is_suggestible(name)]


def garment(
    category: str | None, colour: str | None = None, gender: str | None = "Women", usage: str | None = "Casual"
):
    title = f"{gender} {colour} {category}"
    return Garment(title, Attributes(category, gender=Gender(gender) if gender else None, colour=colour, usage=usage))


garments = st.builds(
    garment,
    st.sampled_from(WORN),
    st.sampled_from([*colour_names(), None]),
    st.sampled_from([*Gender, None]),
    st.sampled_from(["Casual", "Sports", "Formal", "Party", "Ethnic", "Smart Casual", "Travel", None]),
)


@pytest.mark.parametrize(
    ("a", "b", "may"),
    [
        ("Men", "Women", False),
        ("Men", "Men", True),
        ("Boys", "Girls", False),
        ("Boys", "Men", False),
        ("Girls", "Women", False),
        ("Unisex", "Boys", True),
        ("Women", "Unisex", True),
        (None, "Men", True),
    ],
)
def test_who_can_wear_both(a, b, may):
    assert can_be_worn_by(Gender(a) if a else None, Gender(b)) is may
    verdict = judge_pair(garment("Jeans", "Blue", a), garment("Tshirts", "White", b))
    assert (verdict.answer is Answer.YES) is may
    if not may:
        assert verdict.p_yes == 0 and "for" in verdict.reason


def test_how_near_a_garment_is_to_an_occasion():
    assert suits(garment("Formal Shoes", "Black", "Men", "Formal"), "Formal") > 0.9
    assert suits(garment("Sports Shoes", "White", "Men", "Sports"), "Party") < 0.4
    assert suits(garment("Jeans", "Blue"), None) == suits(garment(None, usage=None), "Party") == 1
    near = [suits(garment(*one), "Party") for one in (("Heels", "Black", "Women", "Party"), ("Jeans", "Blue"), ("Flip Flops", "Blue"))]
    assert near == sorted(near, reverse=True)


@pytest.mark.parametrize(
    ("title", "gender", "beside", "may"),
    [
        ("Kalenji Children's Red Cap", "Unisex", "Men", False),
        ("Crocs Kids Navy Clogs", "Unisex", "Women", False),
        ("Crocs Kids Navy Clogs", None, "Women", False),
        ("Crocs Kids Navy Clogs", "Unisex", "Girls", True),
        ("Crocs Kids Navy Clogs", "Unisex", "Unisex", False),
        ("Crocs Kids Navy Clogs", "Unisex", None, True),
        ("Junior Couture Shrug", "Women", "Women", True),  # who it is for is said: a name does not change it
        ("Baby Pink Cap", "Unisex", "Women", True),
        ("Kidskin Gloves", "Unisex", "Men", True),
    ],
)
def test_what_is_for_children_is_not_worn_by_adults(title, gender, beside, may):
    small = Garment(title, Attributes("Caps", gender=Gender(gender) if gender else None, colour="Red"))
    assert can_be_worn_by(wearer(garment("Jeans", "Blue", beside)), wearer(small)) is may
    for lang, word in (("en", "children"), ("zh", "儿童")):
        verdict = judge_pair(garment("Jeans", "Blue", beside), small, lang)
        assert (word in verdict.reason and verdict.p_yes == 0) is not may


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (("Jeans",), ("Trousers",)),
        (("Dresses",), ("Tops",)),
        (("Dresses",), ("Jeans",)),
        (("Heels",), ("Casual Shoes",)),
        (("Watches",), ("Bracelet",)),  # both on the arm
        (("Sarees", "Red", "Women", "Ethnic"), ("Tops",)),
        (("Kurtas", "Red", "Women", "Ethnic"), ("Skirts",)),
        (("Sarees", "Red", "Women", "Ethnic"), ("Sports Shoes", "White", "Women", "Sports")),
    ],
)
def test_what_never_goes_together(a, b):
    for first, second in ((a, b), (b, a)):
        verdict = judge_pair(garment(*first), garment(*second))
        assert verdict.answer is Answer.NO and verdict.p_yes == 0


@pytest.mark.parametrize(
    ("a", "b", "answer"),
    [
        (("Jeans", "Blue"), ("Tshirts", "White"), Answer.YES),
        (("Dresses", "Red"), ("Heels", "Black"), Answer.YES),
        (("Kurtas", "Pink", "Women", "Ethnic"), ("Churidar", "White", "Women", "Ethnic"), Answer.YES),
        (("Kurtas", "Pink", "Women", "Ethnic"), ("Leggings", "White"), Answer.YES),
        (("Shirts", "White", "Men", "Formal"), ("Trousers", "Black", "Men", "Formal"), Answer.YES),
        (("Shirts", "White", "Men", "Formal"), ("Sports Shoes", "White", "Men", "Sports"), Answer.NO),
        (("Shirts", "White", "Men", "Formal"), ("Flip Flops", "Black", "Men"), Answer.NO),
        (("Shorts", "Blue", "Men"), ("Formal Shoes", "Black", "Men", "Formal"), Answer.NO),
        (("Tops", "Red"), ("Trousers", "Green"), Answer.NO),
        (("Watches", "Silver"), ("Sunglasses", "Black"), Answer.YES),
    ],
)
def test_what_a_stylist_would_say(a, b, answer):
    assert judge_pair(garment(*a), garment(*b)).answer is answer


def test_two_prints_go_worse_than_one():
    plain = garment("Skirts", "White")
    printed = Garment("Floral Printed Skirt", plain.attributes)
    top = Garment("Women Striped Top", Attributes("Tops", gender=Gender.WOMEN, colour="Blue", usage="Casual"))
    assert affinity(top, printed) < affinity(top, plain) - 0.1


def test_nothing_known_is_undecided():
    verdict = judge_pair(Garment("a", Attributes()), Garment("b", Attributes()))
    assert (verdict.answer, verdict.p_yes) == (Answer.UNDECIDED, 0.5)
    assert affinity(Garment("a", Attributes()), Garment("b", Attributes())) == 0.5


def _tone(hue: float, chroma: float = 45, lightness: float = 50, name="Red", family="red", neutral=False) -> Tone:
    return Tone(name, family, lightness, chroma, hue, neutral)


@pytest.mark.parametrize(
    ("a", "b", "kind"),
    [
        (_tone(30), _tone(30, lightness=70), "tone_on_tone"),
        (_tone(30), _tone(32), "same_colour"),
        (_tone(10), _tone(18, family="pink", name="Pink"), "near_miss"),
        (_tone(350), _tone(30, family="pink", name="Pink"), "analogous"),  # 40 degrees, across zero
        (_tone(30), _tone(120, family="green", name="Green"), "clash"),
        (_tone(30), _tone(120, chroma=15, family="green", name="Green"), "muted"),
        (_tone(30), _tone(205, family="blue", name="Teal"), "complementary"),
        (_tone(30, chroma=60), _tone(205, chroma=60, family="blue", name="Blue"), "strong_complementary"),
        (_tone(30), _tone(0, 0, 95, "White", "white", True), "neutral_colour"),
        (_tone(0, 0, 10, "Black", "black", True), _tone(0, 0, 95, "White", "white", True), "neutrals_contrast"),
        (_tone(0, 0, 10, "Black", "black", True), _tone(0, 0, 12, "Black", "black", True), "neutrals_same"),
        (_tone(0, 0, 60, "Grey", "grey", True), _tone(80, 15, 80, "Beige", "beige", True), "neutrals"),
    ],
)
def test_relations_of_two_colours(a, b, kind):
    assert relation(a, b) == relation(b, a) == kind


def test_hue_distance_goes_the_short_way():
    assert hue_distance(_tone(350), _tone(20)) == 30
    assert hue_distance(_tone(0), _tone(180)) == 180


def test_a_tone_is_where_the_palette_shows_the_word():
    wall = Swatch("White", "white", (97, 0, 0), "#f6f6f6", 0.6)
    blue = Swatch("Blue", "blue", (45, 3, -35), "#2f6fa5", 0.4)
    tone = tone_of(Garment("t", Attributes("Tops", colour="Blue"), (wall, blue)))
    assert (tone.family, tone.lightness) == ("blue", 45)
    assert tone_of(Garment("t", Attributes("Tops", colour="Red"), (wall, blue))).family == "red"  # the word counts
    assert tone_of(Garment("t", Attributes("Tops"))) is None
    assert tone_of(Garment("t", Attributes("Jeans", colour="Blue"))).is_neutral  # denim


def test_the_place_agrees_with_the_word_on_lightness():
    logo = Swatch("Grey", "grey", (88, 0, 0), "#dddddd", 0.3)
    assert tone_of(Garment("t", Attributes("Tshirts", colour="Charcoal"), (logo,))).lightness < 60


def test_dressiness_is_between_bed_and_black_tie():
    suit, track = garment("Blazers", usage="Formal"), garment("Track Pants", usage="Sports")
    assert 0 <= dressiness(track) < 0.2 < 0.8 < dressiness(suit) <= 1
    assert dressiness(garment(None, usage=None)) is None


@given(garments, garments)
@settings(max_examples=200, deadline=None)
def test_judging_is_the_same_both_ways_round(a, b):
    assert affinity(a, b) == pytest.approx(affinity(b, a))
    verdict = judge_pair(a, b)
    assert 0 <= verdict.p_yes <= 1
    expected = Answer.YES if verdict.p_yes >= YES_FROM else Answer.NO if verdict.p_yes < NO_BELOW else Answer.UNDECIDED
    assert verdict.answer is expected or abs(verdict.p_yes - YES_FROM) < 1e-4 or abs(verdict.p_yes - NO_BELOW) < 1e-4
    factors = pair_factors(a, b, "en")
    assert verdict.reason in {factor.reason for factor in factors}
    assert verdict.p_yes == pytest.approx(probability(factors), abs=1e-4)
    assert all(0 <= factor.score <= 1 for factor in factors)


@given(st.lists(garments, min_size=2, max_size=6), st.sampled_from(["en", "zh"]))
@settings(max_examples=100, deadline=None)
def test_a_set_has_a_score_and_a_sentence(pieces, lang):
    found = score_set(pieces, lang)
    assert 0 <= found.score <= 1
    assert found.reason in {factor.reason for factor in found.factors}
    if any(factor.is_veto for factor in found.factors):
        assert found.score == 0
    _check_sentence(found.reason, lang)


def test_a_set_is_judged_as_a_whole():
    good = [
        garment("Dresses", "Red"),
        garment("Heels", "Black"),
        garment("Clutches", "Black"),
        garment("Earrings", "Gold"),
    ]
    odd = [*good[:2], garment("Backpacks", "Green"), good[3]]
    assert score_set(good).score > score_set(odd).score
    assert score_set([*good, garment("Jeans", "Blue")]).score == 0  # under a dress
    assert score_set(good[:1]).score == 0.5 and score_set(good[:1]).reason == ""
    loud = [
        garment(c, colour)
        for c, colour in zip(
            ("Tshirts", "Trousers", "Casual Shoes", "Backpacks"), ("Red", "Green", "Purple", "Yellow"), strict=True
        )
    ]
    calm = [garment(g.attributes.category, "Black") for g in loud]
    assert score_set(loud).score < 0.4 < score_set(calm).score


def _check_sentence(text: str, lang: str) -> None:
    assert text and not re.search(r"[{}]|  |\bNone\b", text)
    assert text.endswith("." if lang == "en" else "。")
    if lang == "en":
        assert text.isascii() and (text[0].isupper() or not text[0].isalpha())
    else:
        assert not re.search(r"[A-Za-z]{2,}", text), text


@given(garments, garments, st.sampled_from(["en", "zh"]))
@settings(max_examples=300, deadline=None)
def test_every_reason_is_a_sentence_of_its_language(a, b, lang):
    for factor in pair_factors(a, b, lang):
        _check_sentence(factor.reason, lang)


def test_both_languages_have_the_same_reasons():
    table = _phrases()
    assert table["en"].keys() == table["zh"].keys()
    assert set(PULL) <= table["en"].keys()
    for kind in table["en"]:
        for texts in (table["en"][kind], table["zh"][kind]):
            assert len(set(texts)) == len(texts) > 0


def test_pieces_of_one_look_are_not_told_the_same():
    shirt = garment("Tshirts", "Red")
    pieces = [garment(c, "Black") for c in ("Trousers", "Jackets", "Casual Shoes", "Backpacks", "Caps")]
    told = [
        say("neutral_colour", shirt, piece, "en", ca="Red", cb="Black", neutral="black", hue="red") for piece in pieces
    ]
    assert len(set(told)) == len(told)
    assert told[0] == say("neutral_colour", shirt, pieces[0], "en", ca="Red", cb="Black", neutral="black", hue="red")


def test_the_reason_is_what_decided():
    no = judge_pair(garment("Tops", "Red"), garment("Trousers", "Green"))
    assert "red" in no.reason.lower() and "green" in no.reason.lower()
    sport = judge_pair(garment("Shirts", "White", "Men", "Formal"), garment("Track Pants", "Black", "Men", "Sports"))
    assert sport.answer is Answer.NO and "white" not in sport.reason.lower()


def test_words_in_sentences():
    assert [noun(c, "en") for c in ("Tshirts", "Jeans", "Watches", "Dresses", "Casual Shoes", None)] == [
        "T-shirt", "jeans", "watch", "dress", "casual shoes", "piece",
    ]  # fmt: skip
    assert some("Earrings", "en") == "earrings" and some("Top", "en") == "a Top"
    assert listed(["black", "grey", "black", "white"], "en") == "black, grey and white"
    assert listed(["黑色", "灰色"], "zh") == "黑色和灰色"
    assert listed(["black"], "en") == "black" and listed([], "en") == ""


def test_pulls_are_log_odds():
    assert all(-2 < pull < 2 for pull in PULL.values())
    assert probability([]) == 0.5
    factors = pair_factors(garment("Jeans", "Blue"), garment("Tshirts", "White"), "en")
    total = sum(factor.pull for factor in factors)
    assert probability(factors) == pytest.approx(1 / (1 + math.exp(-total)))


def test_every_category_and_colour_can_be_spoken_of():
    for category, lang in product(categories(), ("en", "zh")):
        word = noun(category, lang)
        assert word and (lang == "zh" or word.isascii())
