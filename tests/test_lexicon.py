from __future__ import annotations

import json

import pytest

from retrieval import resources
from retrieval.items import Gender
from retrieval.lexicon import Term, cut, mentions, names_in, spans, term_for, terms, to_english, tokens
from retrieval.words import units


@pytest.mark.parametrize(
    "chinese, english",
    [
        ("女士黑色紧身牛仔裤", "Women's black skinny jeans"),
        ("男士藏青色修身西装外套", "Men's navy slim blazer"),
        ("女童粉色连衣裙", "Girls' pink dress"),
        ("男款白色长袖衬衫", "Men white long-sleeved shirts"),
        ("酒红色丝绒晚礼服", "burgundy velvet evening gown"),
        ("浅蓝色条纹T恤", "light blue striped tee"),
        ("真皮斜挎包", "leather crossbody bag"),
        ("高腰阔腿裤", "high-waisted wide-leg trousers"),
        ("男童迷彩短裤", "boys camo shorts"),
        ("女士V領開衫", "women's v-neck cardigan"),  # traditional script
        ("男生運動鞋", "men's sports shoes"),
        ("米白色羊毛围巾", "off-white wool scarf"),
        ("深灰色格子大衣", "dark grey checked coat"),
        ("夏季雪纺碎花上衣", "summer chiffon floral tops"),
        ("牛仔夹克", "denim jacket"),
    ],
)
def test_both_languages_give_the_same_tokens(chinese, english):
    assert tokens(chinese) == tokens(english)


@pytest.mark.parametrize(
    "chinese, english",
    [
        ("藏青", "navy blue"),
        ("酒红色", "burgundy"),
        ("浅绿色的衬衫", "light green shirts"),
        ("墨绿连衣裙", "dark green dresses"),
        ("女款短袖圆领T恤", "women short sleeve round neck tshirts"),
        ("无袖V领连衣裙", "sleeveless v neck dresses"),
        ("真皮Coach斜挎包", "leather Coach crossbody bag"),
        ("连帽卫衣", "hoodie"),
        ("面试穿的白衬衫", "interview white shirts"),
        ("蘑菇云图案", "蘑菇云 printed"),  # unknown characters are kept, runs together
    ],
)
def test_chinese_becomes_the_catalogues_words(chinese, english):
    assert to_english(chinese) == english


@pytest.mark.parametrize("text", ["Nike Men's Miler T-shirt (blue) - 42", "", "   ", "ça va"])
def test_english_stays_as_it_is(text):
    assert to_english(text) == text


def test_the_longest_reading_wins():
    # 牛仔 alone is denim, 紧身 alone skinny; 西装裤 is a pair of trousers, not a suit and trousers
    assert [span.text for span in spans("紧身牛仔裤")] == ["紧身", "牛仔裤"]
    assert [span.term.english for span in spans("西装裤")] == ["dress pants"]
    assert [span.term.name for span in spans("navy blue polka dot dress")] == ["Navy Blue", "Polka Dots", "dress"]


def test_spans_say_where_they_stand():
    text = "A red  Dress, 真皮腰带"
    for span in spans(text):
        assert text[span.start : span.end] == span.text


def test_a_colour_keeps_its_shade():
    term = next(span.term for span in spans("浅蓝") if span.term)
    assert (term.name, term.shade) == ("Blue", "light")
    assert next(span.term.name for span in spans("dark blue")) == "Navy Blue"


def test_all_colour_words_of_the_catalogue_are_known_in_both_languages():
    colours = json.loads(resources.path("vocabulary/colours.json").read_text(encoding="utf-8"))["colours"]
    assert len(colours) == 46
    for colour in colours:
        assert names_in(colour["name"], "colour") == {colour["name"]}
        assert names_in(colour["zh"], "colour") == {colour["name"]}


def test_names_are_the_catalogues_own():
    kinds = {
        kind: {term.name for term in terms().values() if term.kind == kind} for kind in ("gender", "season", "usage")
    }
    assert kinds["gender"] == set(Gender)
    assert kinds["season"] == {"Spring", "Summer", "Fall", "Winter"}
    assert kinds["usage"] == {"Casual", "Formal", "Party", "Sports", "Ethnic", "Smart Casual", "Travel"}
    assert {term.usage for term in terms().values() if term.kind == "occasion"} <= kinds["usage"]


def test_every_row_has_both_languages():
    rows = json.loads(resources.path("vocabulary/lexicon.json").read_text(encoding="utf-8"))["terms"]
    for row in rows:
        assert row["kind"] == "filler" or row["zh"], row["name"]
        assert len(row["zh"]) == len(set(row["zh"])), row["name"]
        if row["kind"] not in ("filler", "slot") and not row.get("shade"):
            found = term_for(row["kind"], row["name"])
            assert found is not None and found.zh == row["zh"][0], row["name"]


@pytest.mark.parametrize(
    "title, phrase, said",
    [
        ("Catwalk Women Brown Boots", "boot", True),
        ("Levis Men Torn Blue Jeans", "ripped", True),
        ("男士靴子", "boots", True),
        ("Catwalk Women Brown Sandals", "boot", False),
        ("Puma Men Bootcut Jeans", "boot", False),
        ("Nike Men Polka Dot Shirt", "polka dots", True),
        ("anything", "", False),
    ],
)
def test_whether_a_title_says_a_phrase(title, phrase, said):
    assert mentions(title, phrase) is said


def test_names_in_a_title():
    assert names_in("Striped leather belt", "material") == {"Leather"}
    assert names_in("不要真皮也不要麂皮", "material") == {"Leather", "Suede"}


def test_no_unknown_is_left_where_shorter_words_leave_none():
    # "a b c" + unknown d would be two stretches; a, b, "c d" are three, all of them known
    known = {key: Term("cut", "x", "x") for key in [("a", "b", "c"), ("a",), ("b",), ("c", "d")]}
    assert [(start, end) for start, end, _ in cut(units("a b c d"), known)] == [(0, 1), (1, 2), (2, 4)]


def test_no_spelling_is_longer_than_the_search_looks():
    assert max(map(len, terms())) <= 8
