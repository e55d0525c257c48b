"""Feeds as shops write them: what is read, what is rejected with which reason, what ends the reading."""

from __future__ import annotations

import csv
import io
import json
import random
import tracemalloc
from collections import Counter
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.errors import FeedError
from retrieval.feed_rows import FeedRow, Reject, row_of
from retrieval.feeds import Mapping, read_feed
from retrieval.items import Gender, Slot

HEADER = "id,gender,masterCategory,subCategory,articleType,baseColour,season,year,usage,productDisplayName"
SHIRT = "15970,Men,Apparel,Topwear,Shirts,Navy Blue,Fall,2011,Casual,Turtle Check Men Navy Blue Shirt"


def feed_of(tmp_path, text: str | bytes, name: str = "styles.csv", mapping: Mapping | None = None):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_feed(path, mapping=mapping)


def rows_of(tmp_path, *lines: str, **options) -> list[FeedRow | Reject]:
    return list(feed_of(tmp_path, "\n".join(lines) + "\n", **options))


def only(tmp_path, *lines: str, **options) -> FeedRow:
    (row,) = rows_of(tmp_path, *lines, **options)
    assert isinstance(row, FeedRow), row
    return row


# --- the public catalogue -------------------------------------------------------------------------------------------------


def test_a_row_of_the_public_catalogue(tmp_path):
    row = only(tmp_path, HEADER, SHIRT)
    item = row.item
    assert (row.line, item.sku, item.title) == (2, "15970", "Turtle Check Men Navy Blue Shirt")
    assert (item.category, item.slot, item.gender) == ("Shirts", Slot.TOP, Gender.MEN)
    assert (item.master_category, item.sub_category, item.colour) == ("Apparel", "Topwear", "Navy Blue")
    assert (item.season, item.usage, item.year) == ("Fall", "Casual", 2011)
    assert (item.price, item.currency, item.stock, item.url) == (None, None, None, None)
    assert item.is_available


def test_the_public_catalogue_is_read_whole(shared_data):
    rows = list(read_feed(shared_data / "styles.csv"))
    assert Counter(type(row).__name__ for row in rows) == {"FeedRow": 40_370}
    assert len({row.item.sku for row in rows}) == 40_370
    genders = Counter(str(row.item.gender) for row in rows)
    assert genders == {"Men": 20_130, "Women": 16_921, "Unisex": 1_962, "Boys": 752, "Girls": 605}
    by_sku = {row.item.sku: row.item for row in rows}
    assert by_sku["7491"].title == "Nike Women's EM Tempo 3.5\" Pink Short"
    assert by_sku["42878"].title == "Women Maroon Clutches"  # its name is "NA"


def test_commas_that_another_edition_left_unquoted_stay_in_the_name(tmp_path):
    line = SHIRT.replace("Turtle Check Men Navy Blue Shirt", "Turtle, Check, Men Navy Blue Shirt")
    assert only(tmp_path, HEADER, line).item.title == "Turtle, Check, Men Navy Blue Shirt"


def test_surplus_cells_go_to_the_title_wherever_it_stands(tmp_path):
    row = only(tmp_path, "id,title,category,gender", "1,Shirt, blue, slim,Shirts,Men")
    assert (row.item.title, row.item.category, row.item.gender) == ("Shirt, blue, slim", "Shirts", Gender.MEN)


def test_empty_cells_behind_the_last_column_are_no_surplus(tmp_path):
    assert only(tmp_path, HEADER, SHIRT + ",,,").item.title == "Turtle Check Men Navy Blue Shirt"


@pytest.mark.parametrize(("cell", "year"), [("2012.0", 2012), ("2012", 2012), ("", None), ("NA", None), ("nan", None)])
def test_years_of_every_edition(tmp_path, cell, year):
    assert only(tmp_path, HEADER, SHIRT.replace("2011", cell)).item.year == year


def test_what_is_not_said_is_none_and_a_gender_not_said_is_unisex(tmp_path):
    item = only(tmp_path, HEADER, "1,,NA,,Shirts,NA,,NA,NA,A Shirt").item
    assert (item.gender, item.colour, item.season, item.usage, item.year) == (Gender.UNISEX, None, None, None, None)


# --- other shops ------------------------------------------------------------------------------------------------------------


def test_prices_stock_url_and_several_images(tmp_path):
    row = only(
        tmp_path,
        "sku;title;category;price;currency;stock;url;images",
        "A-1;Blue shirt;shirt;1,299.50;eur;3;https://shop.example/a-1;a1.jpg|side/a1.jpg",
    )
    item = row.item
    assert (item.price, item.currency, item.stock) == (Decimal("1299.50"), "EUR", 3)
    assert (item.url, item.category) == ("https://shop.example/a-1", "Shirts")
    assert row.images == ("a1.jpg", "side/a1.jpg")


@pytest.mark.parametrize(
    ("price", "currency", "expected"),
    [
        ("19.99", "EUR", (Decimal("19.99"), "EUR")),
        ("19.99 USD", "", (Decimal("19.99"), "USD")),
        ("USD 19.99", "EUR", (Decimal("19.99"), "EUR")),
        ("0", "", (Decimal("0.00"), None)),
        ("19.999", "EUR", (Decimal("20.00"), "EUR")),
        ("5", "", (Decimal("5.00"), None)),
        ("12,345,678.9", "JPY", (Decimal("12345678.90"), "JPY")),
        ("", "EUR", (None, None)),
    ],
)
def test_prices(price, currency, expected):
    row = row_of({"sku": "1", "title": "a", "category": "Shirts", "price": price, "currency": currency}, 2)
    assert (row.item.price, row.item.currency) == expected


@pytest.mark.parametrize(
    ("stock", "expected", "is_available"),
    [("0", 0, False), ("7", 7, True), ("7.0", 7, True), ("", None, True), ("in stock", None, True), ("Out of stock", 0, False)],
)
def test_stock(stock, expected, is_available):
    item = row_of({"sku": "1", "title": "a", "category": "Shirts", "stock": stock}, 2).item
    assert (item.stock, item.is_available) == (expected, is_available)


@pytest.mark.parametrize(
    ("said", "gender"),
    [("men", Gender.MEN), ("Men's", Gender.MEN), ("FEMALE", Gender.WOMEN), ("女士", Gender.WOMEN), ("男童", Gender.BOYS), ("", Gender.UNISEX)],
)
def test_genders_in_other_words(said, gender):
    assert row_of({"sku": "1", "title": "a", "category": "Shirts", "gender": said}, 2).item.gender is gender


def test_columns_by_mapping(tmp_path):
    mapping = Mapping.from_pairs(["sku=Artikel", "title=Bezeichnung", "category=Warengruppe", "price=VK"])
    row = only(tmp_path, "Artikel\tBezeichnung\tWarengruppe\tVK", "77\tHemd\tShirts\t10", name="feed.tsv", mapping=mapping)
    assert (row.item.sku, row.item.title, row.item.price) == ("77", "Hemd", Decimal("10.00"))


def test_a_mapping_file_and_what_the_command_line_adds(tmp_path):
    (tmp_path / "map.toml").write_text(
        'currency = "CHF"\nimage_separator = ","\nencoding = "cp1252"\n[columns]\nsku = "code"\ntitle = "nom"\n'
    )
    mapping = Mapping.from_pairs(["category=type"], Mapping.from_toml(tmp_path / "map.toml"))
    text = "code;nom;type;price;image\n1;Chemise à carreaux;Shirts;20;a.jpg,b.jpg\n".encode("cp1252")
    (row,) = feed_of(tmp_path, text, mapping=mapping)
    assert (row.item.title, row.item.currency, row.images) == ("Chemise à carreaux", "CHF", ("a.jpg", "b.jpg"))


@pytest.mark.parametrize(
    "text", ['colums = 1', "[columns]\nsku = 3", "[columns\n", '[columns]\nskew = "id"', 'image_separator = ""', "columns = 3"]
)
def test_a_mapping_that_says_nothing_sensible(tmp_path, text):
    (tmp_path / "map.toml").write_text(text)
    with pytest.raises(FeedError):
        Mapping.from_toml(tmp_path / "map.toml")


@pytest.mark.parametrize("pair", ["sku", "=code", "sku=", "skew=code"])
def test_a_mapping_pair_that_is_none(pair):
    with pytest.raises(FeedError):
        Mapping.from_pairs([pair])


def test_json_lines(tmp_path):
    lines = [
        {"id": 5, "title": "Shirt", "category": "Shirts", "images": ["a.jpg", "b.jpg"], "price": 12.5, "year": 2012.0},
        {"id": "6", "title": "Hose", "category": "Jeans", "colour": None},
    ]
    first, second = feed_of(tmp_path, "\n".join(map(json.dumps, lines)), "feed.jsonl")
    assert (first.item.sku, first.item.price, first.item.year) == ("5", Decimal("12.50"), 2012)
    assert first.images == ("a.jpg", "b.jpg")
    assert (second.line, second.item.colour) == (2, None)


def test_parquet(tmp_path):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow", reason="pyarrow, which reads Parquet, is not installed")
    table = pandas.DataFrame({"id": [1, 2], "title": ["a", "b"], "category": ["Shirts"] * 2, "year": [2012.0, None]})
    table.to_parquet(tmp_path / "feed.parquet")
    first, second = read_feed(tmp_path / "feed.parquet")
    assert (first.item.sku, first.item.year, second.item.year) == ("1", 2012, None)


def test_utf16_as_spreadsheets_write_it(tmp_path):
    (row,) = feed_of(tmp_path, f"{HEADER}\r\n{SHIRT}\r\n".replace(",", "\t").encode("utf-16"), "feed.tsv")
    assert row.item.sku == "15970"


def test_of_two_columns_of_one_name_the_first_holds_and_case_does_not_count(tmp_path):
    assert only(tmp_path, "ID,Title,CATEGORY,title", "1,first,Shirts,second").item.title == "first"
    assert only(tmp_path, "id,title,category,title", "1,first,Shirts,second").item.title == "first"


# --- bad rows -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"sku": ""}, "no id"),
        ({"sku": "NA"}, "no id"),
        ({"category": ""}, "no category"),
        ({"gender": "Martian"}, "gender 'Martian'"),
        ({"price": "-3"}, "price '-3'"),
        ({"price": "cheap"}, "price 'cheap'"),
        ({"price": "1e9"}, "price '1e9'"),
        ({"price": "inf"}, "price 'inf'"),
        ({"price": "19,99"}, "price '19,99'"),
        ({"price": "9999999999"}, "is not below"),
        ({"price": "٣"}, "price"),
        ({"price": "5", "currency": "€"}, "currency '€'"),
        ({"stock": "-1"}, "stock '-1'"),
        ({"stock": "1.5"}, "stock '1.5'"),
        ({"stock": "99999999999"}, "stock"),
        ({"year": "12"}, "year '12'"),
        ({"url": "javascript:alert(1)"}, "url 'javascript:"),
        ({"title": "x" * 501}, "title has 501 characters"),
        ({"sku": "x" * 121}, "sku has 121 characters"),
        ({"title": "a\x00b"}, "control characters"),
        ({"title": "a\ud800b"}, "broken Unicode"),
        ({"title": ["a"]}, "title is a list"),
        ({"images": "|".join(["a.jpg"] * 51)}, "51 images"),
    ],
)
def test_a_cell_that_cannot_be_used_rejects_its_row_with_the_reason(cells, reason):
    found = row_of({"sku": "1", "title": "a", "category": "Shirts", **cells}, 9)
    assert isinstance(found, Reject)
    assert found.line == 9
    assert reason in found.reason
    (found.reason + found.raw + found.sku).encode()  # any database can keep it
    assert "\x00" not in found.reason + found.raw + found.sku


@pytest.mark.parametrize("title", ["👗 Sommerkleid 夏装", "x" * 500, "تيشيرت", "O'Neill \\ \"quoted\" %s {x}"])
def test_text_of_every_script_is_kept_as_it_is(title):
    assert row_of({"sku": "1", "title": title, "category": "Shirts"}, 2).item.title == title


def test_ten_per_cent_of_broken_rows_cost_no_other(tmp_path):
    dice = random.Random(7)
    breakages = [
        lambda i: f"{i},Men,Apparel",
        lambda i: f",Men,Apparel,Topwear,Shirts,Blue,Fall,2011,Casual,Shirt {i}",
        lambda i: f"{i},Robot,Apparel,Topwear,Shirts,Blue,Fall,2011,Casual,Shirt {i}",
        lambda i: f"{i},Men,Apparel,Topwear,Shirts,Blue,Fall,20x1,Casual,Shirt {i}",
        lambda i: f'{i},Men,Apparel,Topwear,Shirts,Blue,Fall,2011,Casual,"Shirt {i} never closed',
        lambda i: f'{i},"Men,Apparel,Topwear,Shirts,Blue,Fall,2011,Casual,Shirt {i}',
        lambda i: f"{i},Men,Apparel,Topwear,Shirts,Blue,Fall,2011,Casual,Shirt \x00 {i}",
    ]
    lines, broken = [HEADER], {}
    for i in range(2_000):
        if dice.random() < 0.1:
            broken[i + 2] = i
            lines.append(dice.choice(breakages)(i))
        else:
            lines.append(f'{i},Men,Apparel,Topwear,Shirts,Blue,Fall,2011,Casual,"Shirt ""{i}"", blue"')
    rows = rows_of(tmp_path, *lines)
    assert len(rows) == 2_000
    assert {row.line for row in rows if isinstance(row, Reject)} == set(broken)
    good = [row for row in rows if isinstance(row, FeedRow)]
    assert all(row.item.title == f'Shirt "{row.item.sku}", blue' for row in good)
    assert [row.line for row in rows] == sorted(row.line for row in rows)


def test_a_quoted_cell_may_run_over_lines_and_line_numbers_still_hold(tmp_path):
    rows = rows_of(tmp_path, HEADER, SHIRT.replace("Turtle Check", '"Turtle\n\nCheck') + '"', SHIRT.replace("15970", "2"))
    assert [row.line for row in rows] == [2, 5]
    assert rows[0].item.title == "Turtle Check Men Navy Blue Shirt"


def test_an_inch_mark_is_no_quote(tmp_path):
    rows = rows_of(tmp_path, HEADER, SHIRT.replace("Check", '3.5" Check'), SHIRT.replace("15970", "2"))
    assert [type(row) for row in rows] == [FeedRow, FeedRow]
    assert rows[0].item.title == 'Turtle 3.5" Check Men Navy Blue Shirt'


def test_a_line_of_another_encoding_is_rejected_alone(tmp_path):
    text = f"{HEADER}\n{SHIRT}\n".encode() + SHIRT.replace("15970", "2").replace("Turtle", "Türtle").encode("latin-1") + b"\n"
    text += SHIRT.replace("15970", "3").encode()
    rows = list(feed_of(tmp_path, text))
    assert [type(row) for row in rows] == [FeedRow, Reject, FeedRow]
    assert rows[1].reason == "the line is not utf-8 text"
    rows[1].raw.encode()


def test_a_cell_without_end_is_refused_in_bounded_memory(tmp_path):
    path = tmp_path / "styles.csv"
    with path.open("w") as file:
        file.write(f"{HEADER}\n{SHIRT.replace('15970', '1')}\n2,Men,")
        for _ in range(200):
            file.write("x" * 1_000_000)
        file.write(f',Topwear,Shirts\n{SHIRT.replace("15970", "3")}\n4,Men,"')
        for _ in range(40):
            file.write("x" * 500_000 + "\n")
        file.write(f'\n{SHIRT.replace("15970", "5")}\n')
    tracemalloc.start()
    rows = list(read_feed(path))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [row.item.sku for row in rows if isinstance(row, FeedRow)] == ["1", "3", "5"]
    assert "more than 1,048,576 characters" in rows[1].reason
    assert peak < 64 * 2**20


def test_json_lines_that_are_none(tmp_path):
    good = json.dumps({"id": 1, "title": "a", "category": "Shirts"})
    lines = [good, "[1]", "{", "[" * 5_000, '{"id": 2, "title": "b", "category": "Shirts", "price": NaN}', "", '"x"']
    rows = list(feed_of(tmp_path, "\n".join(lines), "feed.jsonl"))
    assert [(row.line, type(row).__name__) for row in rows] == [
        (1, "FeedRow"), (2, "Reject"), (3, "Reject"), (4, "Reject"), (5, "FeedRow"), (7, "Reject"),
    ]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.text(max_size=12), st.text(max_size=30), st.text(max_size=12)), min_size=1, max_size=8))
def test_a_table_that_a_csv_writer_wrote_comes_back(tmp_path_factory, table):
    """Round trip against the standard library's writer: cell by cell, but for white space, which is folded."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["id", "title", "category"])
    writer.writerows(table)
    if "\ud800" <= max(buffer.getvalue()) <= "\udfff":
        return
    rows = list(feed_of(tmp_path_factory.mktemp("feed"), buffer.getvalue() + "z,last,Shirts\n"))
    last = rows[-1]
    assert isinstance(last, FeedRow) and last.item.sku == "z"
    fold = {" ".join(sku.split()): " ".join(title.split()) for sku, title, _ in table}
    for row in rows[:-1]:
        if isinstance(row, FeedRow) and fold.get(row.item.sku, "").casefold() not in ("", "na", "n/a", "nan", "null", "none", "-"):
            assert row.item.title in [" ".join(title.split()) for _, title, _ in table]


# --- feeds that end the reading -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", b"", "is empty"),
        ("a.csv", b"\n \n", "is empty"),
        ("a.csv", b"name,title,articleType\n1,2,3\n", "no column for the id"),
        ("a.csv", b"id,articleType\n1,Shirts\n", "no column for the title"),
        ("a.csv", b"id,title\n1,Shirts\n", "no column for the category"),
        ("a.csv", HEADER.encode() + b"\n", "a header but no rows"),
        ("a.csv", b"PK\x03\x04rest", "not a text table"),
        ("a.csv", b"\x00\x01\x02\x03", "not a text table"),
        ("a.csv", "größe,id\n".encode("latin-1"), "header of the feed 'a.csv' cannot be read"),
        ("a.csv", b"x" * 3_000_000, "cannot be read"),
        ("a.jsonl", b"not json\n", "no JSON objects"),
        ("a.jsonl", b'{"name": "a"}\n', "no column for the id"),
        ("a.parquet", b"PAR1 but not really", "Parquet"),
    ],
)
def test_a_feed_that_cannot_be_read_says_what_was_expected(tmp_path, name, content, said):
    with pytest.raises(FeedError, match=said) as caught:
        feed_of(tmp_path, content, name)
    assert caught.value.hint
    assert str(tmp_path) not in str(caught.value)


def test_a_missing_id_column_names_what_was_found_and_what_to_do(tmp_path):
    with pytest.raises(FeedError, match="expected one of id, sku.*found Artikel, title, category") as caught:
        feed_of(tmp_path, "Artikel,title,category\n1,a,Shirts\n")
    assert caught.value.hint == "say which column it is: --map sku=COLUMN"


def test_a_mapped_column_that_is_not_there(tmp_path):
    with pytest.raises(FeedError, match="no column 'code' for the id"):
        feed_of(tmp_path, f"{HEADER}\n{SHIRT}\n", mapping=Mapping({"sku": "code"}))


def test_an_unknown_encoding_and_a_missing_file(tmp_path):
    with pytest.raises(FeedError, match="encoding 'klingon'"):
        feed_of(tmp_path, f"{HEADER}\n{SHIRT}\n", mapping=Mapping(encoding="klingon"))
    with pytest.raises(FeedError, match="'nowhere.csv' cannot be read"):
        read_feed(tmp_path / "nowhere.csv")


def test_counting_agrees_with_reading(tmp_path):
    feed = feed_of(tmp_path, "\n".join([HEADER, SHIRT, "", "broken", SHIRT.replace("15970", "2")]))
    assert len(feed) == len(list(feed)) == 3
