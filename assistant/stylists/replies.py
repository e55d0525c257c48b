"""What a model said, read as values: pure functions, one for each kind of question.

No clear yes is not a yes. A value that is not in the list it was to be chosen from becomes the one it plainly means, or
None; a reply of which nothing can be used raises Unreadable, whose text is the complaint quoted to the model.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from assistant.stylists import Answer, ShotTags, Suggestion
from assistant.stylists.loose_json import MAX_CHARS, Found, objects
from retrieval import lexicon
from retrieval.items import Attributes, Gender, Slot
from retrieval.vocabulary import canonical_category, slot_of

ANGLES = ("front", "back", "side", "top", "detail")
USAGES = ("Casual", "Formal", "Party", "Sports", "Ethnic", "Smart Casual", "Travel")
SEASONS = ("Spring", "Summer", "Fall", "Winter")
MAX_REASON_CHARS = 300
MAX_TITLE_CHARS = 120

# Whole answers, folded and without punctuation. Longer ones ("yes, but ...", "yes/no") are none of these.
_YES = frozenset(["yes", "true", "是", "是的", "可以", "可以的", "合适", "合適", "适合", "適合", "搭", "很搭", "好"])
_NO = frozenset(
    [
        "no",
        "false",
        "nope",
        "否",
        "不",
        "不是",
        "不行",
        "不可以",
        "不能",
        "不合适",
        "不合適",
        "不适合",
        "不適合",
        "不搭",
        "不好",
    ]
)
_UNDECIDED = frozenset(
    ["undecided", "unsure", "maybe", "unknown", "uncertain", "不确定", "不確定", "不知道", "也许", "也許", "可能"]
)
_STARTS_WITH_NO = re.compile(r"\s*(no\b|nope\b|not\b|不[搭行能可合适適好是会會应應]|否)", re.IGNORECASE)
_NOTHING = frozenset({"", "null", "none", "unknown", "n/a", "na", "unsure", "other", "未知", "不确定", "无"})
_BARE = re.compile(r"([\"'*`]{0,3})([^\"'*`]*)\1")  # one word, in quotes or bold
_SEVERAL = re.compile(r"\s*[/|,;，、；]\s*|\s+(?:or|and)\s+|[或和]")
_ANSWER_KEYS = ("answer", "答案", "回答", "verdict", "判断")
_REASON_KEYS = ("reason", "理由", "原因", "explanation")


class Unreadable(ValueError):
    """The reply cannot be used; the text says what is wrong with it, in words that fit after a colon."""


# --- verdicts ---------------------------------------------------------------------------------------------------------


def read_verdict(text: str) -> tuple[Answer, str]:
    """The answer and its reason. Several answers that differ, and a yes whose reason says no, are undecided."""
    if len(text) > MAX_CHARS:
        raise Unreadable("it is far too long")
    found = list(_all(objects(text)))
    answers = {_answer(obj, key) for obj in found for key in _ANSWER_KEYS if key in obj.values or key in obj.conflicts}
    if not answers:
        bare = _BARE.fullmatch(text.strip())
        answer = _answer_of(bare[2]) if bare and not found else None
        if answer is not None:
            return answer, ""
        raise Unreadable('it holds no "answer"')
    if answers == {None}:
        raise Unreadable('"answer" is neither "yes" nor "no"')
    reasons = [str(obj.get(key)) for obj in found for key in _REASON_KEYS if isinstance(obj.get(key), str)]
    reason = tidy(reasons[0], MAX_REASON_CHARS) if reasons else ""
    if len(answers) > 1:
        return Answer.UNDECIDED, reason
    (answer,) = answers
    if answer is Answer.YES and any(obj.is_garbled for obj in found):
        raise Unreadable("it is not proper JSON")
    if answer is Answer.YES and any(_STARTS_WITH_NO.match(said) for said in reasons):
        return Answer.UNDECIDED, reason
    return answer, reason


def _answer(obj: Found, key: str) -> Answer | None:
    if key in obj.conflicts:
        return Answer.UNDECIDED
    value = obj.get(key)
    if isinstance(value, bool):
        return Answer.YES if value else Answer.NO
    answer = _answer_of(value) if isinstance(value, str) else None
    # Without quotes nobody can tell where it ends: `{answer: yes, but not these}`. A no that ends too soon does no
    # harm.
    return None if answer is Answer.YES and key in obj.bare else answer


def _answer_of(text: str) -> Answer | None:
    folded = text.strip().rstrip(".!。！").strip().casefold()
    if folded in _YES:
        return Answer.YES
    if folded in _NO:
        return Answer.NO
    return Answer.UNDECIDED if folded in _UNDECIDED else None


@dataclass(frozen=True, slots=True)
class TokenChance:
    """One alternative for a token, and its natural logarithm of probability."""

    token: str
    logprob: float


def read_p_yes(alternatives: Sequence[TokenChance]) -> float | None:
    """P(yes) / (P(yes) + P(no)) over the alternatives of one token, in [0, 1].

    None where the two together have less than half of the probability: the model was about to say something else.
    Alternatives are counted once each, whatever marks their tokenizer sets before a word ("▁yes", "Ġyes", " Yes").
    """
    chances = {Answer.YES: 0.0, Answer.NO: 0.0}
    for each in {(a.token, a.logprob) for a in alternatives}:
        token, logprob = each
        answer = _answer_of(token.replace("▁", " ").replace("Ġ", " ").replace("Ċ", " ").replace('"', " "))
        if answer in chances and not math.isnan(logprob):
            chances[answer] += math.exp(min(logprob, 0.0))
    both = chances[Answer.YES] + chances[Answer.NO]
    return None if both < 0.5 else min(1.0, chances[Answer.YES] / both)


# --- what is pictured -------------------------------------------------------------------------------------------------


def read_description(
    text: str, categories: Sequence[str], slots: Sequence[Slot] = tuple(Slot)
) -> tuple[Attributes, list[Suggestion]]:
    """The garment and the pieces to wear with it, from one reply. Pieces of the garment's own category are dropped."""
    obj = _one(text, ("category", "items", "gender"))
    category = nearest(obj.get("category"), categories)
    attributes = Attributes(
        category=category,
        slot=slot_of(category) if category else None,
        gender=read_gender(obj.get("gender")),
        colour=read_term("colour", obj.get("colour") or obj.get("color")),
        season=nearest(obj.get("season"), SEASONS) or read_term("season", obj.get("season")),
        usage=nearest(obj.get("usage") or obj.get("style"), USAGES),
    )
    return attributes, _suggestions(obj, category, categories, slots)


def read_suggestions(
    text: str, own_category: str | None, categories: Sequence[str], slots: Sequence[Slot]
) -> list[Suggestion]:
    """Complementary pieces, best first. Raises Unreadable where there is no list of them."""
    found = [obj for obj in _all(readable(text)) if isinstance(obj.get("items"), list)]
    if not found:
        # A bare list of pieces, without the object around it, is as good.
        pieces = [obj for obj in readable(text) if isinstance(obj.get("title"), str)]
        if not pieces:
            raise Unreadable('it holds no list "items"')
        found = [Found({"items": pieces})]
    return _suggestions(found[-1], own_category, categories, slots)


def _suggestions(
    obj: Found, own_category: str | None, categories: Sequence[str], slots: Sequence[Slot]
) -> list[Suggestion]:
    items, kept, seen = obj.get("items"), [], set()
    for piece in items if isinstance(items, list) else ():
        if isinstance(piece, str):
            piece = Found({"title": piece})
        title = tidy(piece.get("title"), MAX_TITLE_CHARS) if isinstance(piece, Found) else ""
        if not title:
            continue
        category = nearest(piece.get("category"), categories) or _in_list(canonical_category(title), categories)
        slot = slot_of(category) if category else nearest_slot(piece.get("slot"))
        if slot is None or slot not in slots or (category is not None and category == own_category):
            continue
        if title.casefold() in seen:
            continue
        seen.add(title.casefold())
        kept.append(
            Suggestion(
                slot=slot,
                title=lexicon.to_english(title),
                category=category,
                colour=read_term("colour", piece.get("colour") or piece.get("color")),
                gender=read_gender(piece.get("gender")),
                usage=nearest(piece.get("usage") or piece.get("style"), USAGES),
            )
        )
    return kept


def read_tags(text: str, categories: Sequence[str]) -> ShotTags:
    """How a catalogue picture was taken; what is missing or out of range is None."""
    obj = _one(text, ("model_present", "model_count", "real_scene", "worn", "angle", "whole", "quality"))
    count, quality = _number(obj.get("model_count")), _number(obj.get("quality"))
    return ShotTags(
        model_present=_bool(obj.get("model_present")),
        model_count=int(count) if count is not None and count.is_integer() and 0 <= count <= 20 else None,
        real_scene=_bool(obj.get("real_scene")),
        worn=_bool(obj.get("worn")),
        angle=nearest(obj.get("angle"), ANGLES),
        whole=_bool(obj.get("whole")),
        category=nearest(obj.get("category"), categories),
        quality=quality if quality is not None and 0 <= quality <= 1 else None,
    )


# --- single values ----------------------------------------------------------------------------------------------------


def nearest(value: object, allowed: Sequence[str]) -> str | None:
    """The allowed name that `value` means: by spelling, by the catalogue's vocabulary (Chinese too), or by one or two
    wrong letters where no second name is nearly as close. None where that is not plain."""
    if not isinstance(value, str) or value.strip().casefold() in _NOTHING:
        return None
    wanted = _squash(value)
    squashed = {_squash(name): name for name in allowed}
    if wanted in squashed:
        return squashed[wanted]
    parts = _SEVERAL.split(value[:MAX_TITLE_CHARS])
    if len(parts) > 1:
        meant = {nearest(part, allowed) for part in parts}
        return meant.pop() if len(meant) == 1 else None
    known = _in_list(canonical_category(tidy(value, MAX_TITLE_CHARS)), allowed)
    if known:
        return known
    for kind in ("usage", "season"):
        term = _in_list(read_term(kind, value), allowed)
        if term:
            return term
    close = difflib.get_close_matches(wanted[:60], list(squashed), n=2, cutoff=0.82)
    if not close:
        return None
    if len(close) == 2 and _likeness(wanted, close[0]) - _likeness(wanted, close[1]) < 0.05:
        return None
    return squashed[close[0]]


def nearest_slot(value: object) -> Slot | None:
    name = nearest(value, [slot.value for slot in Slot])
    if name is None and isinstance(value, str):
        return slot_of(value) if len(value) <= MAX_TITLE_CHARS else None
    return Slot(name) if name else None


def read_gender(value: object) -> Gender | None:
    name = nearest(value, [g.value for g in Gender]) or read_term("gender", value)
    return Gender(name) if name in {g.value for g in Gender} else None


def read_term(kind: str, value: object) -> str | None:
    """The catalogue's own name of a colour, season, ... in a few words of either language; None where two are named."""
    if not isinstance(value, str) or not value.strip() or len(value) > MAX_TITLE_CHARS:
        return None
    names = {span.term.name for span in lexicon.spans(value) if span.term is not None and span.term.kind == kind}
    return names.pop() if len(names) == 1 else None


def tidy(value: object, most: int) -> str:
    """One line of at most `most` characters without control characters; "" for what is no text."""
    if not isinstance(value, str):
        return ""
    line = " ".join("".join(c if c.isprintable() else " " for c in value[: most * 4]).split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def _squash(text: str) -> str:
    return re.sub(r"[\W_]+", "", text[:MAX_TITLE_CHARS].casefold())


def _likeness(a: str, b: str) -> float:
    return difflib.SequenceMatcher(None, b, a).ratio()


def _in_list(name: str | None, allowed: Sequence[str]) -> str | None:
    return name if name is not None and name in allowed else None


def _bool(value: object) -> bool | None:
    if isinstance(value, bool):
        return value
    answer = _answer_of(value) if isinstance(value, str) else None
    return {Answer.YES: True, Answer.NO: False}.get(answer)


def _number(value: object) -> float | None:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    return (
        float(value)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        else None
    )


# --- objects ----------------------------------------------------------------------------------------------------------


def readable(text: str) -> list[Found]:
    """The objects of a reply, at least one. Raises Unreadable where it holds none."""
    found = objects(text)
    if not found and "{}" not in text.replace(" ", ""):
        raise Unreadable("it is not a JSON object" if text.strip() else "it is empty")
    return found or [Found()]


def _one(text: str, keys: Sequence[str]) -> Found:
    """The object that has one of `keys`: outermost before nested, and of several the last, where models that think
    aloud conclude."""
    found = readable(text)
    for pool in (found[::-1], list(_all(found))):
        for obj in pool:
            if any(key in obj.values or key in obj.conflicts for key in keys):
                return obj
    raise Unreadable("it holds none of the keys that were asked for")


def _all(found: Sequence[Found] | Sequence[object]) -> Iterator[Found]:
    """Objects, and those nested within, outer ones first."""
    for obj in found:
        if isinstance(obj, Found):
            yield obj
            yield from _all(list(obj.values.values()))
        elif isinstance(obj, list):
            yield from _all(obj)
