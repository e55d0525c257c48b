"""Whether a message refuses something that is shown, or bars a kind of thing: questions to a reading."""

from __future__ import annotations

from assistant.parts import ATTRIBUTES, CONTENT, Part
from assistant.reading import Reading
from assistant.shown import Meant, ShownPiece

_DISLIKES = ("喜欢", "好看", "丑", "难看", "不行", "不搭", "不合适", "不太行", "不太搭", "不好", "like", "ugly")
_NONE = ("都不要", "都别要", "全部不", "全都不", "全不要", "全不行")
_UGLY = ("好看", "丑", "难看", "不搭", "不合适", "不太搭", "不太合适", "不好搭", "ugly", "hideous")
_EXCEPT = frozenset({"除了", "除开", "except", "apart from", "but"})


def is_denied_reference(reading: Reading, meant: Meant, opened: ShownPiece | None) -> bool:
    """ "not this one", "I don't like the second look", 这双鞋不好看: something shown is refused, not a kind of thing."""
    if reading.has("cheaper"):
        return False
    if meant.slots and not meant.categories and is_disliked(reading):
        return True
    if meant.categories and is_called_ugly(reading):
        return True
    if is_nothing_but_dislike(reading):
        return True
    if reading.has("too") and meant.names_a_piece and not names_an_attribute(reading) and not reading.has("swap", "into"):
        return True  # 包太大了
    if not (meant.is_named or meant.is_this):
        return False
    if reading.has("too") and meant.names_a_piece and meant.is_named:
        return True  # "the third one is nice but the shoes are too sporty"
    points = meant.is_named or meant.names_a_piece or opened is not None
    if reading.has("too") and not names_an_attribute(reading) and points:
        return True  # 第三套太花了, 这双鞋太高了
    return reading.has("negate", "negate_after") and not names_an_attribute(reading)


def spares_what_it_names(reading: Reading) -> bool:
    """除了第一套都不喜欢, "I like none except the first": all else is refused."""
    denials = [part for part in reading.parts if part.kind in ("negate", "negate_after")]
    return len(denials) > 1 and excepts(reading)


def excepts(reading: Reading) -> bool:
    return any(part.kind == "negate" and part.word in _EXCEPT for part in reading.parts)


def is_disliked(reading: Reading) -> bool:
    """ "I don't like the shoes": those that are shown; "no shoes" would bar all."""
    said = [part.word for part in reading.parts if part.kind in ("negate", "negate_after")]
    disliked = any(word in text for text in said for word in _DISLIKES)
    return disliked and not names_an_attribute(reading) and not reading.has("swap", "swap_away", "into")


def is_nothing_but_dislike(reading: Reading) -> bool:
    """ "I don't like it", 不满意: said of all that is shown, or of the piece that was opened."""
    said = [part.word for part in reading.parts if part.kind in ("negate", "negate_after")]
    denied_likes = zip(reading.parts, reading.parts[1:], strict=False)  # 没有一套是我喜欢的
    said += [b.word for a, b in denied_likes if a.kind == "negate" and b.kind == "like"]
    about = any(part.kind in (*CONTENT, "") or part.kind.startswith(("topic", "ordinal")) for part in reading.parts)
    return not about and any(word in text for text in said for word in (*_DISLIKES, *_NONE, "满意"))


def is_called_ugly(reading: Reading) -> bool:
    """裤子不好看: what is seen looks bad; 不喜欢裤子 bars them all."""
    said = [part.word for part in reading.parts if part.kind in ("negate", "negate_after")]
    is_general = any(len(part.term.categories) > 1 for part in reading.parts if part.kind == "category")
    is_topic = bool(reading.parts) and reading.parts[-1].kind in ("negate", "negate_after") or reading.has("these")
    general = ("不行", "不太行", "不喜欢") if is_topic else ("不行", "不太行")
    ugly = (*_UGLY, *general) if is_general else _UGLY  # 高跟鞋不行 bars them all, 裤子不行 and 裤子不喜欢 these
    return any(word in text for text in said for word in ugly) and (
        not names_an_attribute(reading) and not reading.has("swap", "swap_away", "into")
    )


def names_an_attribute(reading: Reading) -> bool:
    return any(part.kind in (*ATTRIBUTES, "shade", "cut", "usage", "occasion", "season") for part in reading.parts)


def asks_an_attribute(reading: Reading) -> bool:
    return names_an_attribute(Reading([part for part in reading.parts if not part.is_unwanted]))


def is_refusal(part: Part) -> bool:
    """太沉了 of a piece that is asked for in another colour is a complaint, and no refusal."""
    return part.kind in ("negate", "negate_after") and not (part.term is not None and part.term.kind == "complaint")
