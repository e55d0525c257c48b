"""A message read: its parts, and which of them are denied by what stands around them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from assistant.parts import ATTRIBUTES, CONTENT, HEADS, Part, cut_into_parts
from assistant.settling import settle
from retrieval.words import is_han

_DEAR = ("贵", "expensive", "pricey", "costly")
_EXCEPT = frozenset("除 除了 除开".split())
_LACKING = frozenset("没有 没带 不带 无 没 不 要不".split())  # 没有图案的T恤, 不起球的毛衣: the noun is wanted


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
    reading = Reading(settle(cut_into_parts(message)))
    _mark_unwanted(reading.parts)
    _take_complaints(reading)
    return reading


def _mark_unwanted(parts: Sequence[Part]) -> None:
    """Which content is denied: from a "not" to the end of its clause, and back from a 不要 that ends one."""
    denying = only_qualities = lifting = False
    denied_kind: str | None = None
    spared = -1
    for i, part in enumerate(parts):
        if i and part.clause != parts[i - 1].clause:
            denying = denying and part.after_comma and _is_list_of(parts, i, denied_kind)
        denies_ahead = part.kind == "negate_after" and "不" in part.word and not _content_before(parts, i) and _content_follows(parts, i)
        if part.kind in ("negate", "isnt", "too", "lift") or denies_ahead:  # 不要黑色,也不要白色
            if part.clause == spared:
                denying = False
            elif _is_all_but(parts, i):
                denying, spared = False, part.clause  # 除了裤子都不穿: trousers only
            elif _content_follows(parts, i):
                denying, denied_kind = True, None
                only_qualities = part.kind == "isnt" or part.word in _LACKING or _contrasts(parts, i)
                lifting = part.kind == "lift"
            elif part.word == "too":
                part.kind = "also"  # "a watch too"
            elif part.kind != "too":
                _deny_back(parts, i, is_lifted=part.kind == "lift")
        elif part.kind == "negate_after" and part.clause != spared:
            _deny_back(parts, i)
        elif part.kind in ("but", "want", "like", "only", "keep", "into"):
            denying = False
        elif part.kind == "and" and denying:
            denying = i + 1 < len(parts) and (parts[i + 1].kind == denied_kind or parts[i + 1].kind == "negate")
        elif (
            denying
            and only_qualities
            and denied_kind is not None
            and (part.after_de or part.kind not in (*ATTRIBUTES, "or"))
        ):
            denying = False  # "a winter coat that isn't black", 不是黑色的大衣: the coat is wanted
        elif denying and denied_kind in HEADS and part.kind in HEADS and part.after_de:
            denying = False
        elif denying and (part.kind in CONTENT or part.kind == ""):
            part.is_unwanted, part.is_lifted, denied_kind = True, lifting, part.kind
        elif part.kind == "amount":
            denying = False


def _take_complaints(reading: Reading) -> None:
    """ "The skirt is too short", 裤子太贵: the skirt is spoken of, not asked for."""
    for i, part in enumerate(reading.parts):
        denied = any(x.kind == "negate" and x.clause == part.clause for x in reading.parts[:i])  # 裙子不要开叉太高的
        if part.kind == "too" and not denied or (part.kind == "cheaper" and any(word in part.word for word in _DEAR)):
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


def _contrasts(parts: Sequence[Part], i: int) -> bool:
    """有设计感但别太夸张的戒指: after "but" and a quality that is wanted only the other quality is denied."""
    return i > 1 and parts[i - 1].kind == "but" and not parts[i - 1].after_comma and parts[i - 2].kind in ("cut", "shade", "")


def _is_all_but(parts: Sequence[Part], i: int) -> bool:
    """Is what follows the one exception from a refusal of all?"""
    rest = [part for part in parts[i + 1 :] if part.clause == parts[i].clause]
    refuses = bool(rest) and rest[-1].kind in ("negate", "negate_after")
    return parts[i].word in _EXCEPT and refuses and not any(part.kind in ("negate", "negate_after") for part in rest[:-1])


def _content_before(parts: Sequence[Part], i: int) -> bool:
    return any(part.kind in CONTENT or part.kind in ("", "this", "these") for part in parts[:i] if part.clause == parts[i].clause)


def _deny_back(parts: Sequence[Part], i: int, *, is_lifted: bool = False) -> None:
    is_first = True
    complains = parts[i].term is not None and parts[i].term.kind == "complaint"  # 鞋子磨脚 bars no shoes
    of_all = any(part.kind == "these" for part in parts if part.clause == parts[i].clause)  # 黑色 白色都不要
    for part in reversed(parts[:i]):
        if part.clause != parts[i].clause or part.kind in ("negate", "negate_after", "want", "but"):
            return
        if complains and part.kind == "slot":
            continue
        if part.kind in CONTENT or (part.kind == "" and is_first):  # 聚拢的不要, 不透气的鞋不要
            is_first = part.kind in HEADS
            part.is_unwanted, part.is_lifted = True, is_lifted
            if part.after_gap and is_han(part.text) and not of_all:  # 换成蓝色吧 黑的算了
                return


def _is_list_of(parts: Sequence[Part], i: int, kind: str | None) -> bool:
    """Does a list go on after a comma: "no black, white or grey"?"""
    rest = [part for part in parts[i:] if part.clause == parts[i].clause]
    has_or = any(a.kind == "or" and b.clause == a.clause for a, b in zip(parts[i:], parts[i + 1 :], strict=False))
    return bool(rest) and has_or and all(part.kind in (kind, "or", "and") for part in rest)
