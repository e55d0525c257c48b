"""A message read: its stretches, what each means, and which of them are denied.

A message is cut into terms of the lexicon, phrases of `data/vocabulary/grammar.json` ("not", "only", "the second one",
便宜点), amounts and what is unknown. Each is marked as wanted or unwanted by what stands around it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache

from assistant.amounts import find_amounts
from retrieval import resources
from retrieval.lexicon import Term, cut, terms
from retrieval.words import Unit, keys, units

ATTRIBUTES = {"colour": "colours", "material": "materials", "pattern": "patterns"}  # kind of term -> field of a wish
HEADS = frozenset({"category", "slot"})
CONTENT = HEADS | {*ATTRIBUTES, "cut", "shade", "usage", "occasion", "season", "gender"}
_QUALITIES = frozenset({*ATTRIBUTES, "cut", "shade", "gender", "each", "this", "filler"})
_POINTING = frozenset("this that these those my our 这 这个 这件 这双 这条 这套 这款 那件 那条 那双 我 我的 我这".split())
_OWNING = frozenset({"i have", "i've got", "i own", "我有", "我买了"})
_TOGETHER = frozenset(
    "with match matches matching goes suits complement complements 搭 配 搭配 搭上 配上 相配 搭着 配着 配什么 搭什么 怎么搭"
    " 怎么配 如何搭配 再配 搭一下 配一下 搭一 配一 穿搭".split()
) | {"go with", "goes with", "pair with", "go well", "to go with", "wear with", "match with", "to match", "match my", "work with", "works with"}
_LACKING = frozenset("没有 没带 不带 无".split())  # 没有图案的T恤: the T-shirt is wanted
_COMMA = frozenset(",，")
_STOP = frozenset(",，;；.。!！?？\n")


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
    is_unwanted: bool = False
    is_drop: bool = False  # "remove the colour filter" lifts a condition; "remove the hat" makes one
    is_taken: bool = False  # it belongs to a command, and is no wish of its own
    is_lifted: bool = False  # "it doesn't have to be leather": neither wanted nor barred


@dataclass(slots=True)
class Reading:
    """A message, or one clause of it, read."""

    parts: list[Part]

    def has(self, *kinds: str) -> bool:
        return any(part.kind in kinds for part in self.parts)

    def wanted(self, kind: str) -> list[Part]:
        return [part for part in self.parts if part.kind == kind and not part.is_unwanted and not part.is_taken]

    def unwanted(self, kind: str) -> list[Part]:
        return [part for part in self.parts if part.kind == kind and part.is_unwanted and not part.is_taken]

    @property
    def is_comparison(self) -> bool:
        """ "More formal", "more colourful": more of a quality, not more pieces."""
        pairs = zip(self.parts, self.parts[1:], strict=False)
        return any(a.kind == "more" and b.kind in ("usage", "shade", "cut") for a, b in pairs)

    def take(self, kinds: Iterable[str]) -> None:
        """Parts of these kinds belong to a command: they are no wish of their own."""
        for part in self.parts:
            part.is_taken |= part.kind in kinds


def read(message: str) -> Reading:
    """The message cut and marked. A message of nothing but punctuation has no parts."""
    reading = Reading(_parts(message))
    _mark_unwanted(reading.parts)
    _take_complaints(reading)
    return reading


@cache
def _known() -> Mapping[tuple[str, ...], Term]:
    """The lexicon, with the phrases of the grammar over it."""
    rows = json.loads(resources.path("vocabulary/grammar.json").read_text(encoding="utf-8"))["phrases"]
    phrases: dict[tuple[str, ...], Term] = {}
    for row in rows:
        for spelling in (*row["en"], *row["zh"]):
            phrases.setdefault(keys(spelling), Term(row["kind"], row["kind"], spelling))
    return {**terms(), **phrases}


def _parts(message: str) -> list[Part]:
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
        parts.append(Part(kind, text, found[start].start, term, value, clause, bool(stops) and stops[0] in _COMMA))

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
    _leave_out_the_garment(parts)
    return _in_context([part for part in parts if part.kind != "filler"], has_amount=bool(amounts))


def _leave_out_the_garment(parts: Sequence[Part]) -> None:
    """ "What goes with this red dress?", 我有一条牛仔裤,配什么鞋: the shopper's own, not something to look for.

    A pointing word ("this", "my", 这条) or a word of owning, qualities and a noun become filler where the clause (after a word
    of owning: the message) speaks of going together.
    """
    clauses = {part.clause for part in parts if _speaks_of_going_together(part)}
    for i, part in enumerate(parts):
        word, before = part.text.lower(), parts[i - 1].text.lower() if i else ""
        owns = word in _OWNING or before + word in _OWNING
        if not (owns and clauses or word in _POINTING and (part.clause in clauses or before == "for")):
            continue
        ends = (j for j in range(i + 1, len(parts)) if parts[j].kind not in _QUALITIES or _speaks_of_going_together(parts[j]))
        noun = next(ends, len(parts))
        if noun < len(parts) and parts[noun].kind in HEADS and parts[noun].clause == part.clause:
            for other in parts[i : noun + 1]:
                other.kind = "filler"


def _speaks_of_going_together(part: Part) -> bool:
    text = part.text.lower()
    return text in _TOGETHER or not _TOGETHER.isdisjoint(text.split())


def _stops(message: str, before: Unit, after: Unit) -> bool:
    return any(char in _STOP for char in message[before.end : after.start])


def _in_context(parts: list[Part], *, has_amount: bool) -> list[Part]:
    """Phrases whose meaning hangs on their neighbours, settled."""
    prefers = False
    for i, part in enumerate(parts):
        before = parts[i - 1].kind if i else ""
        beside = (before, parts[i + 1].kind if i + 1 < len(parts) else "")
        prefers = prefers or part.kind in ("want", "like")
        if part.kind == "than" or (part.kind == "floor" and not has_amount):  # "rather flats than heels"
            part.kind = "negate" if prefers else "filler"
        elif before == "amount" and part.text == "tops":
            part.kind = "limit"
        elif part.kind == "drop":
            part.kind, part.is_drop = "negate", True
        elif part.kind.startswith("currency:") and "amount" not in beside:  # 一块手表 counts a watch
            part.kind = "filler"
        elif part.kind in ("keep", "like") and _is_about_the_rest(parts, i):  # "everything else stays"
            part.kind = "keep_rest"
        elif part.kind == "gender" and before == "and":  # 跟男朋友去: company, not who it is for
            part.kind = "filler"
    clause = 0
    for part in parts:  # "but" opens a clause of its own
        clause += part.kind == "but"
        part.clause += clause
    kinds = {part.kind for part in parts}
    if "filter" in kinds and "negate" in kinds:  # "remove the leather filter", 不要限制颜色了
        for part in parts:
            if part.kind == "negate":
                part.kind, part.is_drop = "lift", True
    return [part for part in parts if part.kind not in ("filler", "filter")]


def _is_about_the_rest(parts: Sequence[Part], i: int) -> bool:
    """Does "the others" stand right before, in the same clause? It is used up then."""
    for part in reversed(parts[:i]):
        if part.kind == "more" and part.clause == parts[i].clause:
            part.kind = "filler"
            return True
        if part.kind not in ("these", "filler"):
            return False
    return False


def _mark_unwanted(parts: Sequence[Part]) -> None:
    """Which content is denied: from a "not" to the end of its clause, and back from a 不要 that ends one."""
    denying = only_qualities = lifting = False
    denied_kind: str | None = None
    for i, part in enumerate(parts):
        if i and part.clause != parts[i - 1].clause:
            denying = denying and part.after_comma and _is_list_of(parts, i, denied_kind)
        if part.kind in ("negate", "isnt", "too", "lift"):
            if _content_follows(parts, i):
                denying, denied_kind = True, None
                only_qualities = part.kind == "isnt" or part.text in _LACKING
                lifting = part.kind == "lift"
            elif part.kind == "too":
                part.kind = "also"  # "a watch too"
            else:
                _deny_back(parts, i, is_lifted=part.kind == "lift")
        elif part.kind == "negate_after":
            _deny_back(parts, i)
        elif part.kind in ("but", "want", "only", "keep", "into"):
            denying = False
        elif part.kind == "and" and denying:
            denying = i + 1 < len(parts) and (parts[i + 1].kind == denied_kind or parts[i + 1].kind == "negate")
        elif denying and only_qualities and denied_kind and part.kind not in (*ATTRIBUTES, "or"):
            denying = False  # "a winter coat that isn't black", 不是黑色的大衣: the coat is wanted
        elif denying and (part.kind in CONTENT or part.kind == ""):
            part.is_unwanted, part.is_lifted, denied_kind = True, lifting, part.kind
        elif part.kind == "amount":
            denying = False


def _take_complaints(reading: Reading) -> None:
    """ "The skirt is too short": the skirt is spoken of, not asked for."""
    for i, part in enumerate(reading.parts):
        if part.kind == "too":
            for other in reading.parts[:i]:
                other.is_taken |= other.clause == part.clause and other.kind in HEADS


def _content_follows(parts: Sequence[Part], i: int) -> bool:
    """Does something that can be denied stand after part i in its clause?"""
    for part in parts[i + 1 :]:
        if part.clause != parts[i].clause:
            return False
        if (
            part.kind in CONTENT
            or part.kind in ("", "this", "these", "similar", "amount")
            or part.kind.startswith("ordinal")
        ):
            return True
    return False


def _deny_back(parts: Sequence[Part], i: int, *, is_lifted: bool = False) -> None:
    for part in reversed(parts[:i]):
        if part.clause != parts[i].clause or part.kind in ("negate", "negate_after", "want", "but"):
            return
        if part.kind in CONTENT:
            part.is_unwanted, part.is_lifted = True, is_lifted


def _is_list_of(parts: Sequence[Part], i: int, kind: str | None) -> bool:
    """Does a list go on after a comma: "no black, white or grey"?"""
    rest = [part for part in parts[i:] if part.clause == parts[i].clause]
    has_or = any(part.kind == "or" for part in parts[i:])
    return bool(rest) and has_or and all(part.kind in (kind, "or", "and") for part in rest)
