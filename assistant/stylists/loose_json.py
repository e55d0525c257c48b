"""Objects in what a model wrote: JSON where it is JSON, and what was plainly meant where it is nearly JSON.

Read in one pass without backtracking over what was read, bounded in length, depth and number of values, so that
no reply takes longer than a moment. Nothing is invented: a value that was cut off is left out, and a key that was given
two different values is reported, not chosen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

MAX_CHARS = 65_536  # our own limits on answers are far below; what comes after is not read
_MAX_DEPTH = 24
_MAX_VALUES = 5_000

_QUOTES = {'"': '"', "'": "'", "“": "”", "‘": "’", "”": "”", "「": "」"}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "/": "/", "\\": "\\"}
_CONSTANTS = {"true": True, "false": False, "null": None, "none": None, "nan": None, "undefined": None}
_COLONS, _COMMAS = ":：=", ",，、;；"
_KEY_END = frozenset(',，;{}[]:：=\n"“”')
# A value without quotes goes on to the end of its object, list or pair, and to nothing less.
_PAIR_END = re.compile(r"[}\]]|[,，]\s*+(?:[,，]\s*+)?(?:[\"'“”‘}]|[^\W\d]\w*+\s*+[:：=])")
_TAIL = re.compile(r"[,，\s]*+\Z")
_MEMBER_END = re.compile(r"[,，}\]]")


@dataclass(slots=True)
class Found:
    """One object. `conflicts` are keys given with different values (left out of `values`); `is_cut` when it never
    ended; `is_garbled` when something stood in it that is neither key nor value: it may say more than was understood.
    The values of `bare` keys are words without quotes.

    Keys are folded: lower case, no space around. Values are str, float, int, bool, None, lists of these, and Found.
    """

    values: dict[str, object] = field(default_factory=dict)
    conflicts: set[str] = field(default_factory=set)
    is_cut: bool = False
    is_garbled: bool = False
    bare: set[str] = field(default_factory=set)

    def get(self, key: str) -> object:
        return self.values.get(key)


def objects(text: str) -> list[Found]:
    """All objects that stand outermost in the text (inside lists and prose too), in order. Empty where there is
    none."""
    return list(_Reader(text[:MAX_CHARS]).objects())


class _Cut(Exception):
    """The text ended, or a bound was reached, inside a value."""


class _Stray(_Cut):
    """It ended inside what began like a key and went on as something else."""


class _Reader:
    def __init__(self, text: str) -> None:
        self.text, self.at, self.depth, self.n_values = text, 0, 0, 0

    def objects(self) -> Iterator[Found]:
        while (start := self.text.find("{", self.at)) >= 0 and self.n_values < _MAX_VALUES:
            self.at, self.depth = start, 0
            found = self._object()
            if found.values or found.conflicts:
                yield found

    def _peek(self) -> str:
        """The next character that is no space; raises _Cut at the end."""
        text, at = self.text, self.at
        while at < len(text) and text[at].isspace():
            at += 1
        self.at = at
        if at == len(text):
            raise _Cut
        return text[at]

    def _enter(self) -> None:
        self.depth += 1
        self.n_values += 1
        self.at += 1
        if self.depth > _MAX_DEPTH or self.n_values > _MAX_VALUES:
            raise _Cut

    def _object(self) -> Found:
        """From `{` to its `}`. Being cut off inside ends it there, with what was complete."""
        found = Found()
        try:
            self._enter()
            while True:
                char = self._peek()
                if char == "}":
                    self.at += 1
                    break
                if char in _COMMAS:
                    self.at += 1
                    continue
                if char in "]{[":  # no key can begin so: not an object after all
                    found.is_garbled = True
                    break
                key = self._key()
                if self._peek() not in _COLONS:  # a word without a value
                    found.is_garbled = True
                    continue
                self.at += 1
                value = self._value()
                if isinstance(value, _Bare):
                    value = _constant(value)
                    if isinstance(value, str):
                        found.bare.add(key)
                self._add(found, key, value)
                if self.n_values > _MAX_VALUES:
                    raise _Cut
        except _Cut as end:
            found.is_cut = True
            found.is_garbled |= isinstance(end, _Stray)
        self.depth -= 1
        return found

    def _add(self, found: Found, key: str, value: object) -> None:
        if isinstance(value, Found) and value.is_cut:
            found.is_cut = True
        if key in found.conflicts:
            return
        if key in found.values and (type(found.values[key]) is not type(value) or found.values[key] != value):
            found.conflicts.add(key)
            del found.values[key]
            return
        found.values[key] = value

    def _key(self) -> str:
        char = self._peek()
        text = self._string(_QUOTES[char], None) if char in _QUOTES else self._bare()
        return text.strip().casefold()

    def _value(self, ends: re.Pattern[str] = _PAIR_END) -> object:
        self.n_values += 1
        char = self._peek()
        if char == "{":
            return self._object()
        if char == "[":
            return self._list()
        if char in _QUOTES:
            return self._string(_QUOTES[char], ends)
        if char in "},，]":
            return None  # a key without a value
        end = ends.search(self.text, self.at)
        if end is None:
            self.at = len(self.text)
            raise _Cut  # it could have gone on
        start, self.at = self.at, end.start()
        return _Bare(self.text[start : self.at].strip())

    def _list(self) -> list[object]:
        """From `[` to its `]`. A list that is cut off keeps its complete values."""
        values: list[object] = []
        try:
            self._enter()
            while True:
                char = self._peek()
                if char == "]":
                    self.at += 1
                    break
                if char == "}":  # the bracket was forgotten
                    break
                if char in _COMMAS or char in _COLONS:
                    self.at += 1
                    continue
                value = self._value(_MEMBER_END)
                if isinstance(value, _Bare):
                    value = _constant(value)
                if not (isinstance(value, Found) and value.is_cut):
                    values.append(value)
                if self.n_values > _MAX_VALUES:
                    raise _Cut
        except _Cut:
            # The object around will meet the same end of the text; a bound of depth is met here alone.
            self.at = max(self.at, len(self.text))
        self.depth -= 1
        return values

    def _string(self, close: str, ends: re.Pattern[str] | None) -> str:
        """From its opening quote; `ends` is what may follow a value, None for a key. A quote that nothing structural
        follows belongs to the words: the "navy" one."""
        text, at, parts = self.text, self.at + 1, []
        while at < len(text):
            char = text[at]
            if char == "\\":
                part, at = _escape(text, at)
                parts.append(part)
                continue
            if char == close and self._ends_string(at + 1, ends):
                self.at = at + 1
                return "".join(parts)
            parts.append(char)
            at += 1
        start, self.at = self.at, len(text)
        raise _Stray if ends is None and close in text[start + 1 :] else _Cut

    def _ends_string(self, at: int, ends: re.Pattern[str] | None) -> bool:
        text, is_new_line = self.text, False
        while at < len(text) and text[at].isspace():
            is_new_line |= text[at] == "\n"
            at += 1
        if at == len(text):
            return True
        if ends is None:
            return text[at] in _COLONS
        # A comma may be forgotten at the end of a line, and be the last thing of a reply that was cut off.
        return bool(ends.match(text, at)) or (is_new_line and text[at] in _QUOTES) or bool(_TAIL.match(text, at))

    def _bare(self) -> str:
        start = self.at
        while self.at < len(self.text) and self.text[self.at] not in _KEY_END:
            self.at += 1
        if self.at == start:
            self.at += 1  # a stray sign: step over it, or nothing would ever be read
        return self.text[start : self.at].strip()


class _Bare(str):
    """A value without quotes, as it stands in the text."""


def _escape(text: str, at: int) -> tuple[str, int]:
    char = text[at + 1 : at + 2]
    if char == "u":
        digits = text[at + 2 : at + 6]
        try:
            code = int(digits, 16) if len(digits) == 4 else -1
        except ValueError:
            code = -1
        if 0 <= code and not 0xD800 <= code <= 0xDFFF:
            return chr(code), at + 6
        return ("\ufffd", at + 6) if code >= 0 else ("", at + 2)
    return _ESCAPES.get(char, char), at + 2


def _constant(word: str) -> object:
    folded = word.casefold()
    if folded in _CONSTANTS:
        return _CONSTANTS[folded]
    try:
        number = float(word)
    except ValueError:
        return word
    if number != number or number in (float("inf"), float("-inf")):
        return None
    return int(number) if number.is_integer() and "." not in word and abs(number) < 1e15 else number
