"""Amounts of money in words and figures: "under two hundred and fifty", "$1,200", 1.5k, 一千五, 两三百."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from retrieval.words import Unit, is_han

_THOUSANDS = re.compile(r"\d{1,3}(,\d{3})+(\.\d+)?")
_DOTTED = re.compile(r"\d{1,3}(\.\d{3})+")
_DECIMAL = re.compile(r"\d+([.,]\d+)?")
_SMALL = {
    word: value
    for value, word in enumerate(
        (
            "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
            " seventeen eighteen nineteen"
        ).split()
    )
}
_TENS = {
    word: 10 * value
    for value, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), start=2)
}
_NOTES = {"fiver": 5, "tenner": 10}
_LARGE = {"thousand": 1000, "grand": 1000, "k": 1000, "w": 10000}
_HAN_DIGITS = {char: value for value, char in enumerate("零一二三四五六七八九")} | {"两": 2, "〇": 0}
_HAN_UNITS = {"十": 10, "百": 100, "千": 1000, "万": 10000}
_SIGNS = frozenset({"$", "¥", "€", "£", "₹"})
_MONEY = _SIGNS | {"元", "块", "刀"}
_COUNTED = frozenset("月 日 号 岁 码 年 度 斤 寸 后 银".split())  # 十月, 38码, 925银: no money
_MEASURES = frozenset("身 套 双 件 条 个 顶 只 副 张 对 份".split())
_LEAST = 10  # smaller numbers are counts ("two shoes", 一条), unless a currency stands beside
_MOST = 10**9  # beyond it is a telephone number


@dataclass(frozen=True, slots=True)
class Amount:
    """A number standing in units [start, end) of a text."""

    start: int
    end: int
    value: Decimal


def find_amounts(units: Sequence[Unit]) -> list[Amount]:
    """Every number that may be money, in order: 10 or more, or with a currency beside it."""
    found: list[Amount] = []
    i = 0
    while i < len(units):
        value, end = _read(units, i)
        if value is None or _ends_a_word(units, i) or _counts_time(units[end : end + 2]):
            i += 1
            continue
        beside = {unit.key for unit in (*units[max(0, i - 1) : i], *units[end : end + 1])}
        if (value >= _LEAST or (value > 0 and beside & _MONEY)) and value <= _MOST and "第" not in beside:
            found.append(Amount(i, end, value))
        i = end
    return found


def _counts_time(after: Sequence[Unit]) -> bool:
    """Units right behind a number that make it a date, an age or a size."""
    words = [unit.key for unit in after]
    return bool(words) and (words[0] in _COUNTED or words == ["大", "寿"])


def _ends_a_word(units: Sequence[Unit], i: int) -> bool:
    """Y2K, A4: figures right after a letter are no number."""
    before = units[i - 1]
    return i > 0 and before.end == units[i].start and before.key.isascii() and before.key.isalpha()


def _read(units: Sequence[Unit], start: int) -> tuple[Decimal | None, int]:
    """The number that begins at `start` and where it ends; None where none begins."""
    key = units[start].key
    if key[0].isdigit():
        return _figures(units, start)
    if is_han(key):
        return _han(units, start)
    if key in _NOTES:
        return Decimal(_NOTES[key]), start + 1
    return _words(units, start)


def _figures(units: Sequence[Unit], start: int) -> tuple[Decimal | None, int]:
    text = units[start].key
    if _THOUSANDS.fullmatch(text):
        value = Decimal(text.replace(",", ""))  # 1,200 and 1,200.50
    elif _DOTTED.fullmatch(text):
        value = Decimal(text.replace(".", ""))  # 1.200
    elif _DECIMAL.fullmatch(text):
        value = Decimal(text.replace(",", "."))
    else:
        return None, start + 1
    end = start + 1
    if end < len(units):
        factor = _LARGE.get(units[end].key) or _HAN_UNITS.get(units[end].key)
        if factor:
            return value * factor, end + 1
    return value, end


def _words(units: Sequence[Unit], start: int) -> tuple[Decimal | None, int]:
    whole = current = 0
    end = start
    last = ""
    while end < len(units):
        word = units[end].key
        following = units[end + 1].key if end + 1 < len(units) else ""
        if word in _SMALL and last in ("", "tens", "large"):
            current, last = current + _SMALL[word], "small"
        elif word in _TENS and last == "small" and 1 <= current <= 9:
            current, last = 100 * current + _TENS[word], "tens"  # "two fifty"
        elif word in _TENS and last in ("", "large"):
            current, last = current + _TENS[word], "tens"
        elif word == "hundred" and last in ("", "small"):
            current, last = 100 * max(current, 1), "large"
        elif word in _LARGE and word not in ("k", "w") and last in ("", "small", "tens", "large"):
            whole, current, last = whole + 1000 * max(current, 1), 0, "large"
        elif word == "a" and last == "" and (following == "hundred" or following in ("thousand", "grand")):
            pass
        elif word == "and" and last == "large" and (following in _SMALL or following in _TENS):
            pass
        else:
            break
        end += 1
    return (Decimal(whole + current), end) if last else (None, start + 1)


def _han(units: Sequence[Unit], start: int) -> tuple[Decimal | None, int]:
    """Chinese numerals: digits and units, with the shorthand 一千五 (1500) and the range 两三百 (300, its upper end)."""
    if _is_bare(units, start):
        return Decimal(_HAN_UNITS[units[start].key]), start + 1
    if units[start].key == "几" and start + 1 < len(units) and units[start + 1].key in _HAN_UNITS:  # up to the next round one
        return Decimal(10 * _HAN_UNITS[units[start + 1].key]), start + 2
    if units[start].key not in _HAN_DIGITS and units[start].key != "十":
        return None, start + 1
    whole = digit = 0
    last_unit = 0
    end = start
    while end < len(units) and (end == start or units[end - 1].end == units[end].start):  # 两百,一千二 are two
        char = units[end].key
        if char in _HAN_DIGITS:
            if last_unit >= 100 and end + 1 < len(units) and units[end + 1].key in _MEASURES:
                break  # 两百一身
            digit = _HAN_DIGITS[char]
        elif char in _HAN_UNITS:
            last_unit = _HAN_UNITS[char]
            if last_unit == 10000:
                whole, digit = max(whole + digit, 1) * last_unit, 0
            else:
                whole, digit = whole + max(digit, 1) * last_unit, 0
        else:
            break
        end += 1
    if not last_unit:
        return None, start + 1
    shorthand = last_unit >= 100 and digit and units[end - 2].key in _HAN_UNITS
    return Decimal(whole + (digit * last_unit // 10 if shorthand else digit)), end


def _is_bare(units: Sequence[Unit], i: int) -> bool:
    """千元内, 百来块, 不过千: a hundred or thousand without its "one"."""
    if units[i].key not in ("百", "千", "万"):
        return False
    after = units[i + 1].key if i + 1 < len(units) and units[i + 1].start == units[i].end else ""
    before = units[i - 1].key if i and units[i - 1].end == units[i].start else ""
    return after in ("元", "块", "把", "来") or before in ("过", "超", "破", "近", "上")
