"""What a shopper says, merged into what was asked before: a pure function over tables of words, no model.

`parts` cuts the message, `settling` and `asides` leave out what is no wish, `reading` marks what is denied, `budgets` reads
the money, `references` carries out commands on the looks that were shown; here the rest becomes the fields of a wish. What
remains is kept as words to search for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from assistant.budgets import bound
from assistant.parts import ATTRIBUTES, CONTENT, HEADS, Part
from assistant.reading import Reading, read
from assistant.references import follow
from assistant.shown import Shown, ShownPiece
from assistant.wish import Wish
from retrieval.items import Gender, Slot
from retrieval.lexicon import term_for, terms
from retrieval.vocabulary import slot_of
from retrieval.words import is_han, keys

__all__ = ["Shown", "ShownPiece", "understand"]

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
    "elaborate": "minimalist",
    "mature": "youthful",
    "youthful": "mature",
}
_OPPOSITE_TONE = {"light": "dark", "dark": "light", "bright": "muted", "muted": "bright"}
_FORMALITY = ("Sports", "Casual", "Smart Casual", "Formal")
_GREAT_OCCASIONS = frozenset({"wedding", "interview", "funeral", "graduation", "prom", "black tie"})
_REFUSING = ("negate", "negate_after")
_VAGUE_OCCASIONS = frozenset({"weekend", "daily", "holiday", "office", "travel", "school"})  # "the office party" is a party


def understand(message: str, wish: Wish, *, shown: Shown | None = None) -> Wish:
    """The wish after this message. `shown`: the looks on screen, so that "the second one" and "cheaper" mean something.

    The language follows the message. New colours, materials, patterns and slots take the place of earlier ones unless
    the message adds to them ("also"); what is unwanted adds up. A message of nothing but small talk changes nothing.
    """
    reading = read(message)
    if not reading.parts:
        return wish
    lang = "zh" if is_han(message) else "en" if any(char.isalpha() for char in message) else wish.lang
    if (reading.has("reset") and not _topics(reading)) or _is_anything_goes(reading):
        wish = Wish()
    wish = replace(wish, lang=lang)
    wish = _clear_topics(reading, wish)
    wish = bound(reading, wish)
    if shown is not None and shown.looks:
        wish = follow(reading, wish, shown)
    wish = _occasions(reading, wish)
    wish = _attributes(reading, wish)
    wish = _nouns(reading, wish)
    return _leftovers(reading, wish, shown)


def _is_anything_goes(reading: Reading) -> bool:
    """Nothing but "whatever": all conditions are dropped."""
    return reading.has("any") and all(part.kind in ("any", "like", "or", "these") for part in reading.parts)


def _clear_topics(reading: Reading, wish: Wish) -> Wish:
    is_dropped = reading.has("negate") and "budget" in _topics(reading) and not reading.has("amount")  # 不要预算了
    is_dropped |= reading.has("negate") and not reading.has(*CONTENT, "")  # 不用考虑场合了
    if not (is_dropped or reading.has("any", "reset") or any(part.is_drop for part in reading.parts)):
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
    names = [name for topic in _topics(reading) for name in cleared[topic]]
    return replace(wish, **{name: getattr(fresh, name) for name in names})


def _topics(reading: Reading) -> set[str]:
    """The kinds of condition that are spoken of by name: colour, price... A budget without an amount is one."""
    topics = {part.kind.partition(":")[2] for part in reading.parts if part.kind.startswith("topic:")}
    return topics | {"budget"} if reading.has("limit") and not reading.has("amount") else topics


# --- wishes -----------------------------------------------------------------------------------------------------------


def _occasions(reading: Reading, wish: Wish) -> Wish:
    for part in reading.wanted("gender"):
        wish = replace(wish, gender=Gender(part.term.name))
    if _is_for_both(reading.parts):
        wish = replace(wish, gender=Gender.UNISEX)
    for part in reading.wanted("season"):
        wish = replace(wish, season=part.term.name)
    for part in reading.unwanted("season"):
        wish = replace(wish, season=None if wish.season == part.term.name else wish.season)
    for part in reading.unwanted("occasion"):
        if wish.occasion == part.term.name:
            wish = replace(wish, occasion=None, usage=None)
    asked = reading.wanted("occasion")
    for part in sorted(asked, key=_weight_of_occasion)[:1]:
        wish = replace(wish, occasion=part.term.name, usage=part.term.usage)
    for i, part in enumerate(reading.parts):
        if part.kind == "formal_up":
            wish = replace(wish, usage=_step(wish.usage, 1))
        elif part.kind == "casual_up":
            wish = replace(wish, usage=_step(wish.usage, -1))
        elif part.kind == "usage" and not part.is_taken:
            wish = replace(wish, usage=_usage(part, wish.usage, _is_compared(reading.parts, i)))
    return wish


def _is_for_both(parts: Sequence[Part]) -> bool:
    """男的女的都行, "for him and her": both, with no more than a word between; 女生穿的男款 is for men."""
    named = [i for i, part in enumerate(parts) if part.kind == "gender" and not part.is_unwanted]
    for i, j in zip(named, named[1:], strict=False):
        joined = all(part.kind in ("and", "or") for part in parts[i + 1 : j]) and parts[i].clause == parts[j].clause
        gap = parts[j].start - parts[i].start - len(parts[i].text)
        if joined and (gap == 0 or j > i + 1) and {parts[i].term.name, parts[j].term.name} == {"Men", "Women"}:
            return True
    return False


def _weight_of_occasion(part: Part) -> int:
    """Which of several occasions decides, the least first: an outdoor wedding is a wedding, 户外音乐节 a concert."""
    name = part.term.name
    return 0 if name in _GREAT_OCCASIONS else 2 if name in _VAGUE_OCCASIONS or part.word == "户外" else 1


def _is_compared(parts: Sequence[Part], i: int) -> bool:
    """Does "more", "a bit", 更 or 一点 stand beside?"""
    beside = [parts[j].kind for j in (i - 1, i + 1) if 0 <= j < len(parts)]
    return "degree" in beside or (i > 0 and parts[i - 1].kind == "more")


def _usage(part: Part, usage: str | None, is_compared: bool) -> str | None:
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


def _attributes(reading: Reading, wish: Wish) -> Wish:
    add = reading.has("also")
    for kind, name in ATTRIBUTES.items():
        refused = reading.unwanted(kind)
        lifted = frozenset(part.term.name for part in refused if part.is_lifted)
        for held in (name, f"without_{name}"):
            wish = replace(wish, **{held: getattr(wish, held) - lifted})
        if barred := {part.term.name for part in refused if not part.is_lifted}:
            wish = wish.avoid(name, barred)
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


def _implied_colours(reading: Reading) -> set[str]:
    """Colours inside a category's own words: 小白鞋 are white."""
    return {
        found.name
        for part in reading.wanted("category")
        if part.term.is_narrow
        for key in keys(part.term.english)
        if (found := terms().get((key,))) is not None and found.kind == "colour"
    }


def _nouns(reading: Reading, wish: Wish) -> Wish:
    add = reading.has("also")
    wish = _exchange(reading, wish)
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
    asked = [name for name in asked if name not in refused] or asked  # "trousers, but no jeans"
    if asked:
        places = {slot_of(name) for name in asked}
        kept = {name for name in wish.categories if add or slot_of(name) not in places}
        wish = wish.want("categories", {*asked, *kept})
        if _is_said_of_categories(reading, ("only", "more")) and not reading.is_comparison:
            wish = wish.want("slots", {slot for slot in places if slot})
    if slots := {Slot(part.term.name) for part in reading.wanted("slot")}:
        wish = wish.want("slots", slots, add=add)
    elif reading.has("whole") or (reading.has("total") and not reading.has("amount")):
        wish = replace(wish, slots=frozenset())
    return wish


def _is_said_of_categories(reading: Reading, kinds: Sequence[str]) -> bool:
    """Does one of these stand in a clause with a category that is asked for?"""
    clauses = {part.clause for part in reading.wanted("category")}
    return any(part.kind in kinds and part.clause in clauses for part in reading.parts)


def _exchange(reading: Reading, wish: Wish) -> Wish:
    """把裙子换成裤子, "swap the skirt for trousers": what is named first makes way for what is named after it."""
    named = [part for part in reading.parts if part.kind == "category" and not part.is_taken and not part.is_unwanted]
    into = next((part.start for part in reading.parts if part.kind == "into"), None)
    wish = _exchange_attributes(reading, wish, into) if into is not None else wish
    if into is not None:
        gone = [part for part in named if part.start < into]
    else:
        gone = named[:1] if reading.has("swap_away") else []
    if not gone or len(gone) == len(named):
        return wish
    for part in gone:
        part.is_taken = True
    return replace(wish, categories=wish.categories - {name for part in gone for name in part.term.categories})


def _exchange_attributes(reading: Reading, wish: Wish, into: int) -> Wish:
    """黑色换成灰色: black makes way."""
    for kind, name in ATTRIBUTES.items():
        asked = reading.wanted(kind)
        gone = {part.term.name for part in asked if part.start < into}
        if gone and len(gone) < len({part.term.name for part in asked}):
            wish = replace(wish, **{name: getattr(wish, name) - gone})
    return wish


def _modified_heads(parts: Sequence[Part]) -> list[Part]:
    """Unwanted nouns with an unwanted quality before them: "no black shoes" bars black, not shoes."""
    return [
        b
        for a, b in zip(parts, parts[1:], strict=False)
        if a.clause == b.clause
        and b.kind in HEADS
        and b.is_unwanted
        and a.is_unwanted
        and (a.kind in CONTENT - HEADS or not a.kind)
    ]


def _leftovers(reading: Reading, wish: Wish, shown: Shown | None) -> Wish:
    """Qualities that no field holds, and what was not understood, as words to search for or to keep out."""
    wanted: list[str] = []
    barred: set[str] = set()
    runs = _unknown_runs(reading)
    barred |= {text.lower() for part, text in runs if part.is_unwanted}
    unknown = {part.start: text for part, text in runs if not part.is_unwanted}
    said = [part.term for part in reading.wanted("cut")]
    for part in reading.parts:
        if part.start in unknown:
            wanted.append(unknown[part.start])
        elif part.kind == "cut" and not part.is_unwanted:
            wanted.append(part.text)
        elif part.kind == "cut":
            opposite = term_for("cut", _OPPOSITE_CUT.get(part.term.name, ""))
            if opposite is None:
                barred.add(part.term.english)
            elif opposite not in said:  # "nothing fussy, simple" says it itself
                wanted.append(opposite.zh if wish.lang == "zh" else opposite.english)
        elif part.kind == "category" and part.term.is_narrow and not part.is_unwanted and not part.is_taken:
            wanted.append(part.text)
        elif part.kind == "amount" and not part.is_taken and not is_han(part.text):
            wanted.append(part.text)
        elif part.kind == "cheaper" and shown is None and not reading.has("amount"):
            wanted.append(part.text)
    if barred:
        wish = wish.avoid("words", barred)
    return replace(wish, words=" ".join(dict.fromkeys(wanted))) if wanted else wish


def _unknown_runs(reading: Reading) -> list[tuple[Part, str]]:
    """What was not understood, each run without a gap as one word; a single character is grammar more than content."""
    runs: list[tuple[Part, str]] = []
    end = -1
    for part in reading.parts:
        if part.kind != "" or part.is_taken:
            continue
        if runs and part.start == end and part.term is None and is_han(part.text) == is_han(runs[-1][1]):
            runs[-1] = (runs[-1][0], runs[-1][1] + part.text)
        else:
            runs.append((part, part.text))
        end = part.start + len(part.text) if part.term is None else -1
    pairs = list(zip(reading.parts, reading.parts[1:], strict=False))
    too = {b.start for a, b in pairs if a.word.endswith(("太", "不"))}  # 太露
    too |= {a.start for a, b in pairs if a.is_unwanted and a.clause == b.clause and b.kind in _REFUSING}  # 硬的不要
    return [
        (part, text)
        for part, text in runs
        if len(text) > 1
        or not is_han(text)
        or (part.term is not None and not part.term.kind)
        or (part.term is None and part.start in too)
    ]
