"""One row of a product feed, from what a table's cells say to checked values, or to the reason why not. Pure functions."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from retrieval.items import Gender, Item
from retrieval.vocabulary import canonical_category, slot_of

# The longest text each field may hold, in characters: the widths of the catalogue's columns, the same on every engine.
LONGEST = {
    "sku": 120,
    "title": 500,
    "category": 100,
    "sub_category": 100,
    "master_category": 100,
    "colour": 60,
    "season": 60,
    "usage": 60,
    "currency": 3,
    "url": 2_000,
}
_NOT_SAID = frozenset({"", "na", "n/a", "nan", "null", "none", "-"})
_SNIPPET_CHARS = 200

_GENDERS = {
    Gender.MEN: "men man mens men's male m gents 男 男士 男装 男款",
    Gender.WOMEN: "women woman womens women's female f w ladies 女 女士 女装 女款",
    Gender.BOYS: "boys boy boy's 男童 男孩",
    Gender.GIRLS: "girls girl girl's 女童 女孩",
    Gender.UNISEX: "unisex all u adult adults kids 中性 男女通用",
}
_GENDER_BY_WORD = {word: gender for gender, words in _GENDERS.items() for word in words.split()}
_IN_STOCK = frozenset({"in stock", "in_stock", "instock", "yes", "true", "available", "preorder", "backorder"})
_OUT_OF_STOCK = frozenset({"out of stock", "out_of_stock", "outofstock", "no", "false", "sold out", "discontinued"})
_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?|[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?")
_MOST_PRICE = Decimal(10) ** 9


@dataclass(frozen=True, slots=True)
class FeedRow:
    """A product as its feed describes it. `images` are names in the image store, () where the sku tells them.

    `line` is where the row begins, from 1, the header included.
    """

    line: int
    item: Item
    images: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reject:
    """Something of a feed that cannot be used, with its reason. `raw` is the beginning of what was found."""

    line: int
    reason: str
    sku: str = ""
    raw: str = ""


def reject(line: int, reason: str, raw: Any = "", sku: str = "") -> Reject:
    """A Reject that any database can keep: control characters and lone surrogates shown as escapes, text cut short."""
    return Reject(line, printable(reason), printable(sku)[: LONGEST["sku"]], printable(str(raw)[:_SNIPPET_CHARS]))


def row_of(cells: Mapping[str, Any], line: int, *, currency: str | None = None, image_separator: str = "|") -> FeedRow | Reject:
    """A row from its cells by field name (see `FIELDS` in `retrieval.feeds`), or a Reject that says what is wrong.

    Cells are text, numbers, lists (of image names) or None. "NA", "nan", "null" and the like mean "not said". A gender
    that is not said is Unisex; one that is not known is an error, as hard filters go by it. A product without a title is
    called by its gender, colour and category ("Women Maroon Clutches").
    """
    sku = ""
    try:
        text = {name: _text(cells.get(name), name) for name in LONGEST}
        sku = _required(text["sku"], "id")
        raw_category = _required(text["category"], "category")
        category = canonical_category(raw_category) or raw_category
        gender = _gender(cells.get("gender"))
        price, price_currency = _price(cells.get("price"))
        item = Item(
            sku=sku,
            title=text["title"] or " ".join(filter(None, (gender, text["colour"], category))),
            category=category,
            slot=slot_of(category),
            gender=gender,
            sub_category=text["sub_category"],
            master_category=text["master_category"],
            colour=text["colour"],
            season=text["season"],
            usage=text["usage"],
            year=_whole(cells.get("year"), "year", 1900, 2200),
            price=price,
            currency=_currency(text["currency"] or price_currency or currency) if price is not None else None,
            stock=_stock(cells.get("stock")),
            url=_url(text["url"]),
        )
        return FeedRow(line, item, _images(cells.get("images"), image_separator))
    except _BadCell as error:
        return reject(line, str(error), ", ".join(str(value)[:60] for value in cells.values()), sku)


class _BadCell(Exception):
    """Inside this file only: the reason why a row is rejected."""


def _is_said(value: Any) -> bool:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return False
    return not (isinstance(value, str) and value.strip().casefold() in _NOT_SAID)


def _text(value: Any, name: str) -> str | None:
    if not _is_said(value):
        return None
    if isinstance(value, float) and value.is_integer():  # tables turn ids and years into floats where one is missing
        value = int(value)
    if isinstance(value, (list, tuple, dict)):
        raise _BadCell(f"{name} is a list or an object: expected text")
    text = " ".join(str(value).split())
    if len(text) > LONGEST[name]:
        raise _BadCell(f"{name} has {len(text):,} characters: at most {LONGEST[name]:,} are kept")
    if text != printable(text):
        raise _BadCell(f"{name} holds control characters or broken Unicode")
    return text


def printable(text: str) -> str:
    """The text with control characters and lone surrogates shown as escapes: what any database can keep."""
    if text.isprintable():
        return text
    return "".join(
        char if ord(char) >= 32 and not 0x7F <= ord(char) < 0xA0 and not 0xD800 <= ord(char) < 0xE000 else f"\\u{ord(char):04x}"
        for char in text
    )


def _required(text: str | None, name: str) -> str:
    if text is None:
        raise _BadCell(f"no {name}")
    return text


def _gender(value: Any) -> Gender:
    if not _is_said(value):
        return Gender.UNISEX
    gender = _GENDER_BY_WORD.get(str(value).strip().casefold())
    if gender is None:
        raise _BadCell(f"gender {str(value)[:40]!r} is not one of {', '.join(Gender)}")
    return gender


def _decimal(value: Any, name: str) -> Decimal:
    text = str(value).strip()
    if not _NUMBER.fullmatch(text):
        raise _BadCell(f"{name} {text[:40]!r} is not a number of 0 or more, such as 1299 or 1,299.00")
    try:
        return Decimal(text.replace(",", ""))
    except InvalidOperation as error:
        raise _BadCell(f"{name} {text[:40]!r} is not a number") from error


def _price(value: Any) -> tuple[Decimal | None, str | None]:
    """The price to the cent, and the currency where the cell names one, as in "19.99 EUR"."""
    if not _is_said(value):
        return None, None
    text, currency = str(value).strip(), None
    if named := re.fullmatch(r"([A-Za-z]{3})\s*([0-9.,]+)|([0-9.,]+)\s*([A-Za-z]{3})", text):
        currency, text = named[1] or named[4], named[2] or named[3]
    price = _decimal(text, "price")
    if price >= _MOST_PRICE:
        raise _BadCell(f"price {text[:40]} is not below {_MOST_PRICE:,}")
    return price.quantize(Decimal("0.01")), currency


def _currency(text: str | None) -> str | None:
    if text is not None and not re.fullmatch(r"[A-Za-z]{3}", text):
        raise _BadCell(f"currency {text!r} is not three letters (ISO 4217), such as EUR")
    return text.upper() if text else None


def _whole(value: Any, name: str, least: int, most: int) -> int | None:
    if not _is_said(value):
        return None
    number = _decimal(value, name)
    if number != number.to_integral_value() or not least <= number <= most:
        raise _BadCell(f"{name} {str(value)[:40]!r} is not a whole number from {least:,} to {most:,}")
    return int(number)


def _stock(value: Any) -> int | None:
    """Pieces in stock; "in stock" says no number and is None, "out of stock" is 0."""
    word = str(value).strip().casefold()
    if word in _IN_STOCK:
        return None
    if word in _OUT_OF_STOCK:
        return 0
    return _whole(value, "stock", 0, 2**31 - 1)


def _url(text: str | None) -> str | None:
    if text is not None and not re.match(r"https?://[^\s/]", text):
        raise _BadCell(f"url {text[:60]!r} does not begin with http:// or https://")
    return text


def _images(value: Any, separator: str) -> tuple[str, ...]:
    if not _is_said(value):
        return ()
    if not isinstance(value, (list, tuple)):
        value = str(value).split(separator)
    names = tuple(str(name).strip() for name in value if str(name).strip())
    if len(names) > 50:
        raise _BadCell(f"{len(names)} images: at most 50 are kept")
    return names
