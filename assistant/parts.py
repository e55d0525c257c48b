"""A message cut into parts: terms of the lexicon, phrases of `data/vocabulary/grammar.json` ("not", "only", "the second
one", 便宜点; families of them as patterns: 再(来|看)(几|两)套), amounts, and what is unknown.

Chinese has no spaces, so a character that is a word of its own may also be a piece of a word that no table holds (内 in
内衬, 多 in 多巴胺): beside an unknown character it belongs to the unknown word, unless it is one that stands free there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from unicodedata import normalize

from assistant.amounts import find_amounts
from retrieval import resources
from retrieval.lexicon import Term, cut, terms
from retrieval.words import Unit, is_han, keys, simplify, units

ATTRIBUTES = {"colour": "colours", "material": "materials", "pattern": "patterns"}  # kind of term -> field of a wish
HEADS = frozenset({"category", "slot"})
CONTENT = HEADS | {*ATTRIBUTES, "cut", "shade", "usage", "occasion", "season", "gender"}
_CHOICE = re.compile(r"\(([^()]*)\)")
_COMMA = frozenset(",，")
_STOP = frozenset(",，;；.。!！?？\n")

# Characters that are words of their own beside an unknown one; all others of one character are then part of its word.
_FREE = (
    "我你您他她它咱俺谁这那哪其之某每所几一二两三四五六七八九十"  # pronouns, pointers, numerals
    "想请帮给找看搭配穿戴买送用有能会可该去来到在是像显当要需选换挑求搜查寻整办弄搞做试拿背拎放装带学练玩逛拍"  # verbs
    "很挺真最太更再稍都也还又先才却倒均皆就没不别蛮超好"  # adverbs
    "把被让从跟和与或及对为向由于以若而但且并"  # prepositions and conjunctions
    "的得了着过吗呢吧啊呀嘛哦嗯哈啦咯呗哒么"  # particles
)
_BEFORE = frozenset(_FREE + "件条双个顶只副套份身对块种类款多全各某每")
_AFTER = frozenset(_FREE + "上下里中时感味范风款系色型料类种点些式样")


@dataclass(slots=True)
class Part:
    """A stretch of the message: a term, a phrase of the grammar, an amount, or something unknown (`kind` "")."""

    kind: str
    text: str
    start: int
    term: Term | None = None
    value: Decimal | None = None
    clause: int = 0
    after_comma: bool = False
    after_gap: bool = False  # a space before it: in Chinese as good as a comma
    after_de: bool = False  # 的 ends what is said of a noun: 没有logo的纯色卫衣
    is_unwanted: bool = False
    is_drop: bool = False  # "remove the colour filter" lifts a condition; "remove the hat" makes one
    is_taken: bool = False  # it belongs to a command, and is no wish of its own
    is_lifted: bool = False  # "it doesn't have to be leather": neither wanted nor barred

    @property
    def word(self) -> str:
        """The text for comparing: small letters of usual width, simplified characters."""
        return simplify(normalize("NFKC", self.text)).lower()


@cache
def _known() -> Mapping[tuple[str, ...], Term]:
    """The lexicon, with the phrases of the grammar over it; what a pattern spells only where nothing else does."""
    rows = json.loads(resources.path("vocabulary/grammar.json").read_text(encoding="utf-8"))["phrases"]
    phrases: dict[tuple[str, ...], Term] = {}
    patterns: dict[tuple[str, ...], Term] = {}
    for row in rows:
        for spelling in (*row["en"], *row["zh"]):
            known = patterns if "(" in spelling else phrases
            for text in _spelled(spelling):
                known.setdefault(keys(text), Term(row["kind"], row["kind"], text))
    return {**patterns, **terms(), **phrases}


def _spelled(pattern: str) -> list[str]:
    """All that a pattern spells: 再(来|看)(几|两)套 is four."""
    match = _CHOICE.search(pattern)
    if match is None:
        return [pattern]
    head, tail = pattern[: match.start()], pattern[match.end() :]
    return [text for choice in match[1].split("|") for text in _spelled(head + choice + tail)]


def cut_into_parts(message: str) -> list[Part]:
    found = units(message)
    amounts = find_amounts(found)
    parts: list[Part] = []
    place, clause, previous_end = 0, 0, 0

    def add(kind: str, start: int, end: int, term: Term | None = None, value: Decimal | None = None) -> None:
        nonlocal clause, previous_end
        between = message[previous_end : found[start].start]
        stops = [char for char in between if char in _STOP]
        clause += bool(stops)
        previous_end = found[end - 1].end
        text = message[found[start].start : previous_end]
        parts.append(
            Part(
                kind, text, found[start].start, term, value, clause, bool(stops) and stops[0] in _COMMA, " " in between
            )
        )

    for amount in [*amounts, None]:
        stop = amount.start if amount else len(found)
        while place < stop:  # no phrase reaches over punctuation: 不要,换 is not 不要换
            end = next((i for i in range(place + 1, stop) if _stops(message, found[i - 1], found[i])), stop)
            for start, until, term in cut(found[place:end], _known()):
                add(term.kind if term else "", place + start, place + until, term)
            place = end
        if amount:
            add("amount", amount.start, amount.end, value=amount.value)
            place = amount.end
    return _with_whole_words(parts)


def _with_whole_words(parts: list[Part]) -> list[Part]:
    """One-character words beside an unknown character become part of the unknown word; see above."""
    whole: list[Part] = []
    for part, after in zip(parts, [*parts[1:], None], strict=False):
        before = whole[-1] if whole else None
        if before is not None and (_makes_a_word(before, part) or _stands_within(before, part, after)):
            before.kind, before.text, before.term = "", before.text + part.text, None
        else:
            whole.append(part)
    return whole


def _makes_a_word(a: Part, b: Part) -> bool:
    if a.start + len(a.text) != b.start:
        return False
    if a.text.isascii() and a.text.isalpha() and len(a.text) < 3 and b.text.isdigit():
        return True  # A4
    if not (is_han(a.text) and is_han(b.text)):
        return False
    if _is_unknown(a):
        return _is_unknown(b) or (_is_loose(b) and b.word not in _AFTER)
    return _is_unknown(b) and _is_loose(a) and a.word not in _BEFORE


def _stands_within(before: Part, part: Part, after: Part | None) -> bool:
    """格 of 资格证: a character that means something alone, with unknown ones right before and behind it."""
    return (
        after is not None
        and len(part.text) == 1
        and is_han(part.text)
        and _is_unknown(before)
        and _is_unknown(after)
        and is_han(before.text + after.text)
        and before.start + len(before.text) == part.start == after.start - 1
    )


def _is_unknown(part: Part) -> bool:
    return part.kind == "" and part.term is None


def _is_loose(part: Part) -> bool:
    """A single character that means something in the grammar, not in the lexicon: 白 stays a colour."""
    return len(part.text) == 1 and (part.term is None or part.term.kind not in CONTENT)


def _stops(message: str, before: Unit, after: Unit) -> bool:
    return any(char in _STOP for char in message[before.end : after.start])
