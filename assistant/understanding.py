"""What a shopper says, merged into what was asked before: a pure function over tables of words, no model.

A message is cut into terms of the lexicon and phrases of `data/vocabulary/grammar.json` ("not", "only", "the second
one", 便宜点). Each wish-word is read as wanted or unwanted by what stands around it; the rest of the phrases are commands
on the looks that were shown. What remains is kept as words to search for.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cache

from assistant.amounts import find_amounts
from assistant.wish import Wish
from retrieval import resources
from retrieval.items import Gender, Slot
from retrieval.lexicon import Term, cut, term_for, terms
from retrieval.vocabulary import slot_of
from retrieval.words import is_han, keys, units

_ATTRIBUTES = {"colour": "colours", "material": "materials", "pattern": "patterns"}
_CONTENT = frozenset({*_ATTRIBUTES, "category", "slot", "cut", "shade", "usage", "occasion", "season", "gender"})
_HEADS = frozenset({"category", "slot"})
_OPPOSITE_CUT = {
    "skinny": "loose",
    "slim fit": "loose",
    "loose": "slim fit",
    "oversized": "slim fit",
    "short": "long",
    "mini": "long",
    "cropped": "long",
    "long": "short",
    "maxi": "short",
    "high heel": "flat",
    "warm": "light weight",
    "light weight": "warm",
    "high waist": "low waist",
    "low waist": "high waist",
}
_OPPOSITE_TONE = {"light": "dark", "dark": "light", "bright": "muted", "muted": "bright"}
_FORMALITY = ("Sports", "Casual", "Smart Casual", "Formal")
_COMMA = frozenset(",，")
_STOP = frozenset(",，;；.。!！?？\n")


@dataclass(frozen=True, slots=True)
class ShownPiece:
    """One piece as it was shown: its place, sku, category and price (None where the catalogue has none)."""

    slot: Slot
    sku: str
    category: str
    price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """The looks that the shopper sees. "This" is look number `look` (from 0), or the piece `sku` that was opened."""

    looks: tuple[tuple[ShownPiece, ...], ...]
    look: int = 0
    sku: str | None = None

    @property
    def pieces(self) -> tuple[ShownPiece, ...]:
        return tuple(piece for look in self.looks for piece in look)

    @property
    def opened(self) -> ShownPiece | None:
        return next((piece for piece in self.pieces if piece.sku == self.sku), None)


@dataclass(slots=True)
class _Part:
    """A stretch of the message: a term, a phrase of the grammar, an amount, or something unknown (`kind` "")."""

    kind: str
    text: str
    term: Term | None = None
    value: Decimal | None = None
    clause: int = 0
    after_comma: bool = False
    is_unwanted: bool = False


@dataclass(slots=True)
class _Reading:
    """The message read: its parts, which commands it holds, and the nouns that belong to a command and not to a wish."""

    parts: list[_Part]
    taken: set[int] = field(default_factory=set)

    def has(self, *kinds: str) -> bool:
        return any(part.kind in kinds for part in self.parts)

    def wanted(self, kind: str) -> list[_Part]:
        return [p for i, p in enumerate(self.parts) if p.kind == kind and not p.is_unwanted and i not in self.taken]

    def unwanted(self, kind: str) -> list[_Part]:
        return [p for i, p in enumerate(self.parts) if p.kind == kind and p.is_unwanted and i not in self.taken]


def understand(message: str, wish: Wish, *, shown: Shown | None = None) -> Wish:
    """The wish after this message. `shown`: the looks on screen, so that "the second one" and "cheaper" mean something.

    The language follows the message. New colours, materials, patterns and slots take the place of earlier ones unless
    the message adds to them ("also"); what is unwanted adds up. A message of nothing but small talk changes nothing.
    """
    parts = _parts(message)
    if not parts:
        return wish
    lang = "zh" if is_han(message) else "en" if any(char.isalpha() for char in message) else wish.lang
    reading = _Reading(parts)
    _mark_unwanted(parts)
    if reading.has("reset") or _is_anything_goes(reading):
        wish = Wish()
    wish = replace(wish, lang=lang)
    wish = _clear_topics(reading, wish)
    wish = _money(reading, wish)
    if shown is not None and shown.looks:
        wish = _commands(reading, wish, shown)
    wish = _occasions(reading, wish)
    wish = _attributes(reading, wish)
    wish = _nouns(reading, wish)
    return _leftovers(reading, wish, shown)


# --- reading ----------------------------------------------------------------------------------------------------------


@cache
def _known() -> Mapping[tuple[str, ...], Term]:
    """The lexicon, with the phrases of the grammar over it."""
    rows = json.loads(resources.path("vocabulary/grammar.json").read_text(encoding="utf-8"))["phrases"]
    phrases: dict[tuple[str, ...], Term] = {}
    for row in rows:
        for spelling in (*row["en"], *row["zh"]):
            phrases.setdefault(keys(spelling), Term(row["kind"], row["kind"], spelling))
    return {**terms(), **phrases}


def _parts(message: str) -> list[_Part]:
    found = units(message)
    amounts = find_amounts(found)
    parts: list[_Part] = []
    place, clause, previous_end = 0, 0, 0

    def add(kind: str, start: int, end: int, term: Term | None = None, value: Decimal | None = None) -> None:
        nonlocal clause, previous_end
        between = message[previous_end : found[start].start]
        stops = [char for char in between if char in _STOP]
        clause += bool(stops)
        previous_end = found[end - 1].end
        text = message[found[start].start : previous_end]
        parts.append(_Part(kind, text, term, value, clause, bool(stops) and stops[0] in _COMMA))

    for amount in [*amounts, None]:
        stop = amount.start if amount else len(found)
        for start, end, term in cut(found[place:stop], _known()):
            add(term.kind if term else "", place + start, place + end, term)
        if amount:
            add("amount", amount.start, amount.end, value=amount.value)
            place = amount.end
    return [part for part in parts if part.kind != "filler"]


def _mark_unwanted(parts: Sequence[_Part]) -> None:
    """Which content is denied: from a "not" to the end of its clause, and back from a 不要 that ends one."""
    denying = only_qualities = False
    denied_kind: str | None = None
    for i, part in enumerate(parts):
        if i and part.clause != parts[i - 1].clause:
            denying = denying and part.after_comma and _is_list_of(parts, i, denied_kind)
        if part.kind in ("negate", "isnt", "too"):
            if _content_follows(parts, i):
                denying, denied_kind, only_qualities = True, None, part.kind == "isnt"
            elif part.kind == "too":
                part.kind = "also"  # "a watch too"
            else:
                _deny_back(parts, i)
        elif part.kind == "negate_after":
            _deny_back(parts, i)
        elif part.kind in ("but", "want", "only", "keep", "into"):
            denying = False
        elif part.kind == "and" and denying:
            denying = i + 1 < len(parts) and (parts[i + 1].kind == denied_kind or parts[i + 1].kind == "negate")
        elif denying and only_qualities and denied_kind and part.kind not in (*_ATTRIBUTES, "or"):
            denying = False  # "a winter coat that isn't black", 不是黑色的大衣: the coat is wanted
        elif denying and (part.kind in _CONTENT or part.kind == ""):
            part.is_unwanted, denied_kind = True, part.kind
        elif part.kind == "amount":
            denying = False


def _content_follows(parts: Sequence[_Part], i: int) -> bool:
    """Does something that can be denied stand after part i in its clause?"""
    for part in parts[i + 1 :]:
        if part.clause != parts[i].clause:
            return False
        if part.kind in _CONTENT or part.kind in ("", "this", "similar", "amount") or part.kind.startswith("ordinal"):
            return True
    return False


def _deny_back(parts: Sequence[_Part], i: int) -> None:
    for part in reversed(parts[:i]):
        if part.clause != parts[i].clause or part.kind in ("negate", "negate_after", "want", "but"):
            return
        if part.kind in _CONTENT:
            part.is_unwanted = True


def _is_list_of(parts: Sequence[_Part], i: int, kind: str | None) -> bool:
    """Does a list go on after a comma: "no black, white or grey"?"""
    rest = [part for part in parts[i:] if part.clause == parts[i].clause]
    has_or = any(part.kind == "or" for part in parts[i:])
    return bool(rest) and has_or and all(part.kind in (kind, "or", "and") for part in rest)


def _is_anything_goes(reading: _Reading) -> bool:
    """Nothing but "whatever": all conditions are dropped."""
    return reading.has("any") and all(part.kind in ("any", "like", "or") for part in reading.parts)


# --- money ------------------------------------------------------------------------------------------------------------


def _money(reading: _Reading, wish: Wish) -> Wish:
    amounts = [part for part in reading.parts if part.kind == "amount"]
    currencies = [part.kind.partition(":")[2] for part in reading.parts if part.kind.startswith("currency:")]
    floor_only = reading.has("floor") and not reading.has("limit", "negate")
    has_budget = wish.budget_total is not None or wish.budget_piece is not None
    says_money = reading.has("limit", "each", "total", "negate", "cheaper") or bool(currencies) or has_budget
    if not amounts or floor_only or not says_money:
        return wish
    for i, part in enumerate(reading.parts):
        if part.kind == "amount":
            reading.taken.add(i)
    amount = max(part.value for part in amounts if part.value is not None)
    is_noun_limit = any(part.kind in _HEADS and not part.is_unwanted for part in reading.parts)
    per_piece = reading.has("each") or is_noun_limit or (wish.budget_piece is not None and wish.budget_total is None)
    if per_piece and not reading.has("total"):
        wish = replace(wish, budget_piece=amount)
    else:
        wish = replace(wish, budget_total=amount)
    return replace(wish, currency=currencies[0]) if currencies else wish


def _clear_topics(reading: _Reading, wish: Wish) -> Wish:
    if not reading.has("any"):
        return wish
    fresh = Wish()
    cleared = {
        "colours": ("colours", "without_colours", "tone"),
        "budget": ("budget_total", "budget_piece", "currency", "cheaper_than"),
        "materials": ("materials", "without_materials"),
        "patterns": ("patterns", "without_patterns"),
        "categories": ("categories", "without_categories", "slots", "without_slots"),
        "season": ("season",),
        "occasion": ("occasion", "usage"),
    }
    topics = {part.kind.partition(":")[2] for part in reading.parts if part.kind.startswith("topic:")}
    if reading.has("limit") and not reading.has("amount"):  # "any budget", 预算不限
        topics.add("budget")
    names = [name for topic in topics for name in cleared[topic]]
    return replace(wish, **{name: getattr(fresh, name) for name in names})


# --- commands on what is shown ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Meant:
    """What a command speaks of: the look, whether one was named, and the slots and categories named with it."""

    look: tuple[ShownPiece, ...]
    is_named: bool
    is_this: bool
    slots: frozenset[Slot]
    categories: frozenset[str]

    @property
    def names_a_piece(self) -> bool:
        return bool(self.slots or self.categories)

    def of(self, pieces: Iterable[ShownPiece]) -> list[ShownPiece]:
        """Those of the pieces that the named nouns mean; all where none was named."""
        if not self.names_a_piece:
            return list(pieces)
        return [p for p in pieces if p.slot in self.slots or p.category in self.categories]


def _commands(reading: _Reading, wish: Wish, shown: Shown) -> Wish:
    meant = _meant(reading, shown)
    opened = shown.opened
    denied = _is_denied_reference(reading, meant)
    in_look = meant.of(meant.look) or meant.of(shown.pieces)[:1]
    if reading.has("keep_rest"):
        rest = [piece for piece in meant.look if piece not in meant.of(meant.look) or not meant.names_a_piece]
        changed = meant.of(meant.look) if meant.names_a_piece and reading.has("swap", "more") else []
        _take(reading, _HEADS)
        return replace(
            wish,
            locked=wish.locked | {piece.sku for piece in rest},
            excluded=wish.excluded | {piece.sku for piece in changed},
        )
    if denied:
        whole = meant.of(meant.look if meant.is_named or not meant.names_a_piece else shown.pieces)
        gone = [opened] if opened and not meant.is_named and not meant.names_a_piece else whole
        _take(reading, _HEADS)
        return replace(wish, excluded=wish.excluded | {p.sku for p in gone}, locked=wish.locked - {p.sku for p in gone})
    if reading.has("cheaper") and not reading.has("amount"):
        return _cheaper(reading, wish, shown, meant)
    if reading.has("pricier"):
        return replace(wish, cheaper_than=())
    if reading.has("similar", "into") or (meant.is_named and meant.names_a_piece and _names_an_attribute(reading)):
        piece = in_look[0] if meant.names_a_piece and in_look else opened
        _take(reading, {"category"})
        return replace(wish, like_sku=piece.sku) if piece else wish
    is_liked = reading.has("like") and (meant.is_named or meant.is_this)
    is_chosen = meant.is_named and not meant.names_a_piece and not _names_an_attribute(reading)
    if reading.has("keep") or is_liked or is_chosen:
        kept = [opened] if opened and not meant.is_named and not meant.names_a_piece else in_look
        if reading.has("keep") and not (meant.is_named or meant.is_this or meant.names_a_piece or opened):
            return wish
        _take(reading, _HEADS)
        return replace(wish, locked=wish.locked | {p.sku for p in kept}, excluded=wish.excluded - {p.sku for p in kept})
    if reading.has("swap") or (reading.has("more") and not _is_comparison(reading)):
        gone = meant.of(shown.pieces)
        if reading.has("swap"):
            _take(reading, {"slot"})
        return replace(wish, excluded=wish.excluded | {piece.sku for piece in gone})
    return wish


def _meant(reading: _Reading, shown: Shown) -> _Meant:
    ordinals = [int(part.kind.partition(":")[2]) for part in reading.parts if part.kind.startswith("ordinal:")]
    number = ordinals[0] if ordinals else shown.look
    exists = -len(shown.looks) <= number < len(shown.looks)
    heads = [part.term for part in reading.parts if part.kind in _HEADS and part.term]
    return _Meant(
        shown.looks[number] if exists else (),
        bool(ordinals),
        reading.has("this"),
        frozenset(Slot(term.name) for term in heads if term.kind == "slot"),
        frozenset(name for term in heads for name in term.categories),
    )


def _is_denied_reference(reading: _Reading, meant: _Meant) -> bool:
    """ "not this one", "I don't like the second look", 这双鞋不好看: something shown is refused, not a kind of thing."""
    if not (meant.is_named or meant.is_this) or reading.has("cheaper"):
        return False
    return reading.has("negate", "negate_after") and not _names_an_attribute(reading)


def _names_an_attribute(reading: _Reading) -> bool:
    return any(part.kind in (*_ATTRIBUTES, "shade", "cut", "usage", "occasion", "season") for part in reading.parts)


def _is_comparison(reading: _Reading) -> bool:
    """ "more formal", "more colourful": more of a quality, not more pieces."""
    parts = reading.parts
    return any(a.kind == "more" and b.kind in ("usage", "shade", "cut") for a, b in zip(parts, parts[1:], strict=False))


def _cheaper(reading: _Reading, wish: Wish, shown: Shown, meant: _Meant) -> Wish:
    """Below the cheapest shown for each slot meant; below the very piece where one was opened or one look named."""
    opened = shown.opened
    if opened and not meant.is_named and not meant.names_a_piece:
        pieces = [opened]
    else:
        pieces = meant.of(meant.look if meant.is_named else shown.pieces)
    prices: dict[Slot, Decimal] = dict(wish.cheaper_than)
    for slot in Slot:
        asked = [piece.price for piece in pieces if piece.slot is slot and piece.price is not None]
        if asked:
            prices[slot] = min(asked)
    if pieces:
        _take(reading, {"slot"} if not meant.is_this else _HEADS)
    return replace(wish, cheaper_than=tuple((slot, prices[slot]) for slot in Slot if slot in prices))


def _take(reading: _Reading, kinds: Iterable[str]) -> None:
    """These parts belonged to the command: they are no wish of their own."""
    reading.taken |= {i for i, part in enumerate(reading.parts) if part.kind in kinds}


# --- wishes -----------------------------------------------------------------------------------------------------------


def _occasions(reading: _Reading, wish: Wish) -> Wish:
    for part in reading.wanted("gender"):
        wish = replace(wish, gender=Gender(part.term.name))
    for part in reading.wanted("season"):
        wish = replace(wish, season=part.term.name)
    for part in reading.unwanted("season"):
        wish = replace(wish, season=None if wish.season == part.term.name else wish.season)
    for part in reading.unwanted("occasion"):
        if wish.occasion == part.term.name:
            wish = replace(wish, occasion=None, usage=None)
    for part in reading.wanted("occasion")[:1]:
        wish = replace(wish, occasion=part.term.name, usage=part.term.usage)
    for i, part in enumerate(reading.parts):
        if part.kind == "formal_up":
            wish = replace(wish, usage=_step(wish.usage, 1))
        elif part.kind == "casual_up":
            wish = replace(wish, usage=_step(wish.usage, -1))
        elif part.kind == "usage":
            wish = replace(wish, usage=_usage(part, wish.usage, _is_compared(reading.parts, i)))
    return wish


def _is_compared(parts: Sequence[_Part], i: int) -> bool:
    """Does "more", "a bit", 更 or 一点 stand beside?"""
    beside = [parts[j].kind for j in (i - 1, i + 1) if 0 <= j < len(parts)]
    return "degree" in beside or (i > 0 and parts[i - 1].kind == "more")


def _usage(part: _Part, usage: str | None, is_compared: bool) -> str | None:
    name = part.term.name
    if part.is_unwanted:
        if name == "Casual":
            return _step(usage, 1)
        return _step(usage, -1) if name in ("Formal", "Smart Casual", "Party") else "Casual"
    if is_compared and name == "Formal":
        return _step(usage, 1)
    if is_compared and name == "Casual":
        return _step(usage, -1)
    return name


def _step(usage: str | None, by: int) -> str:
    """One step up or down in formality. Without a usage so far the end that is meant: formal, or casual."""
    if usage is None:
        return "Formal" if by > 0 else "Casual"
    place = _FORMALITY.index(usage) if usage in _FORMALITY else (3 if by < 0 else 2)
    lowest = 1 if place >= 1 else 0
    return _FORMALITY[min(max(place + by, lowest), 3)]


def _attributes(reading: _Reading, wish: Wish) -> Wish:
    add = reading.has("also")
    for kind, name in _ATTRIBUTES.items():
        if refused := {part.term.name for part in reading.unwanted(kind)}:
            wish = wish.avoid(name, refused)
        if asked := {part.term.name for part in reading.wanted(kind)}:
            asked |= _implied_colours(reading) if kind == "colour" else set()
            wish = wish.want(name, asked, add=add)
    if not reading.wanted("colour") and (implied := _implied_colours(reading)):
        wish = wish.want("colours", implied, add=add)
    coloured = reading.wanted("colour")
    if coloured:
        wish = replace(wish, tone=next((part.term.shade for part in coloured if part.term.shade), None))
    for part in reading.parts:
        if part.kind == "shade":
            wish = replace(wish, tone=_OPPOSITE_TONE[part.term.name] if part.is_unwanted else part.term.name)
    return wish


def _implied_colours(reading: _Reading) -> set[str]:
    """Colours inside a category's own words: 小白鞋 are white."""
    return {
        found.name
        for part in reading.wanted("category")
        if part.term.is_narrow
        for key in keys(part.term.english)
        if (found := terms().get((key,))) is not None and found.kind == "colour"
    }


def _nouns(reading: _Reading, wish: Wish) -> Wish:
    add = reading.has("also")
    modified = _modified_heads(reading.parts)
    refused = {
        name
        for part in reading.unwanted("category")
        if part not in modified and not part.term.is_narrow
        for name in part.term.categories
    }
    if refused:
        wish = wish.avoid("categories", refused)
    narrow = {
        part.term.english for part in reading.unwanted("category") if part not in modified and part.term.is_narrow
    }
    if narrow:
        wish = wish.avoid("words", narrow)
    if slots := {Slot(part.term.name) for part in reading.unwanted("slot") if part not in modified}:
        wish = wish.avoid("slots", slots)
    asked = [name for part in reading.wanted("category") for name in part.term.categories]
    if asked:
        places = {slot_of(name) for name in asked}
        kept = {name for name in wish.categories if add or slot_of(name) not in places}
        wish = wish.want("categories", {*asked, *kept})
        if reading.has("only", "more") and not _is_comparison(reading):
            wish = wish.want("slots", {slot for slot in places if slot})
    if slots := {Slot(part.term.name) for part in reading.wanted("slot")}:
        wish = wish.want("slots", slots, add=add)
    elif reading.has("whole") or (reading.has("total") and not reading.has("amount")):
        wish = replace(wish, slots=frozenset())
    return wish


def _modified_heads(parts: Sequence[_Part]) -> list[_Part]:
    """Unwanted nouns with an unwanted quality before them: "no black shoes" bars black, not shoes."""
    return [
        b
        for a, b in zip(parts, parts[1:], strict=False)
        if b.kind in _HEADS and b.is_unwanted and a.is_unwanted and a.kind in (*_ATTRIBUTES, "cut", "shade")
    ]


def _leftovers(reading: _Reading, wish: Wish, shown: Shown | None) -> Wish:
    """Qualities that no field holds, and what was not understood, as words to search for or to keep out."""
    wanted: list[str] = []
    barred: set[str] = set()
    joined = False  # unknown Chinese characters in a row are one word
    for i, part in enumerate(reading.parts):
        unknown = part.kind == ""
        if part.kind == "cut":
            if part.is_unwanted:
                opposite = term_for("cut", _OPPOSITE_CUT.get(part.term.name, ""))
                if opposite:
                    wanted.append(opposite.zh if wish.lang == "zh" else opposite.english)
                else:
                    barred.add(part.term.english)
            else:
                wanted.append(part.text)
        elif part.kind == "category" and part.term.is_narrow and not part.is_unwanted and i not in reading.taken:
            wanted.append(part.text)
        elif part.kind == "cheaper" and shown is None and not reading.has("amount"):
            wanted.append(part.text)
        elif unknown and part.is_unwanted:
            barred.add(part.text.lower())
        elif unknown or (part.kind == "amount" and i not in reading.taken):
            if joined and is_han(part.text):
                wanted[-1] += part.text
            else:
                wanted.append(part.text)
        joined = unknown and is_han(part.text)
    if barred:
        wish = wish.avoid("words", barred)
    return replace(wish, words=" ".join(wanted)) if wanted else wish
