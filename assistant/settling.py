"""Parts whose meaning hangs on their neighbours, settled: questions, judgements, exceptions, complaints, 换 and 花."""

from __future__ import annotations

from collections.abc import Sequence

from assistant.asides import leave_out_asides
from assistant.parts import ATTRIBUTES, HEADS, Part
from retrieval.lexicon import Term, term_for
from retrieval.words import is_han

_FEATURES = frozenset("露漏显遮盖护勒包贴收提裹修磨卡夹挤压衬藏挡捂扎硌束托塑")
_FEATURE = Term("", "", "")
_EXCEPT = frozenset("除 除了 除开 除去 撇开 抛开".split())
_FINE = frozenset("可以 行 还行 还可以 ok 没问题 过关 不赖 还不错 成".split())
_POOR = frozenset("一般 一般般 普通 马马虎虎 凑合 勉强".split())
_RATHER = frozenset("有点 有些 有一点 有点儿 略 略显 稍微有点 感觉有点 有那么点".split())
_JUST = frozenset("就是 只是 可惜 唯独 唯一".split())
_PRINTS = frozenset("图案 花纹 花样 印花".split())
_WORN = frozenset("外穿 内搭 外搭 里面穿 里面搭 外面搭 外面穿".split())  # how it is worn, where another noun follows
_IF = frozenset("的话 就 那就 就用 就要 就选 就来".split())
_WHETHER = frozenset("会不会 是不是 是否 会不会很 会不会太 会不会比较 容不容易 担心 怕 怕会".split())
_ANY = ("什么", "啥", "任何", "哪")


def settle(parts: list[Part]) -> list[Part]:
    """The parts without what is no wish, and with every kind settled."""
    _settle_judgements(parts)
    _leave_out_questions(parts)
    _end_exceptions(parts)
    parts = _with_features(parts)
    leave_out_asides(parts)
    _name_colours(parts)
    for before, part in zip(parts, parts[1:], strict=False):
        part.after_de = before.word == "的"
    return _in_context([part for part in parts if part.kind != "filler"])


def _settle_judgements(parts: Sequence[Part]) -> None:
    """包可以 finds the bag good; 第三套显胖吗 asks; in 第一套挺好就是鞋太高 a clause begins with 就是."""
    opened = 0
    for i, part in enumerate(parts):
        part.clause += opened
        before = parts[i - 1] if i else None
        rest = [after for after in parts[i + 1 :] if after.clause + opened == part.clause]
        said = any(other.kind == "like" for other in parts[:i] if other.clause == part.clause)
        names = before is not None and (before.kind in HEADS or before.kind.startswith("ordinal"))
        names_one = names or (before is not None and before.kind == "these")
        ends = not any(after.kind != "filler" for after in rest)
        if part.word in _FINE and names and ends:
            part.kind = "like"
        elif part.word in _POOR and names_one and ends:
            part.kind = "negate_after"
        elif part.word in _RATHER and _is_topic_before(parts[:i], part.clause):
            part.kind = "too"  # 裤子有点长
        elif part.word == "情侣" and rest and rest[0].kind in HEADS:
            part.kind, part.term = "gender", term_for("gender", "Unisex")  # 情侣戒指
        elif part.kind == "complaint" and _is_asked(parts[max(0, i - 3) : i], rest):
            part.kind = "which"
        elif part.word in ("以外", "之外") and not any(
            other.word in _EXCEPT for other in parts[:i] if other.clause == part.clause
        ):
            part.kind = "negate_after"  # 黑色以外都行
        elif part.word == "要不" and rest and (rest[0].kind == "complaint" or (rest[0].kind == "" and len(rest[0].text) == 1)):
            part.kind = "negate"  # 要不透的
        elif part.word in _JUST and said:
            part.kind, opened, part.clause = "but", opened + 1, part.clause + 1


def _is_topic_before(parts: Sequence[Part], clause: int) -> bool:
    """Is something spoken of, and nothing asked for: 裤子, 第二套, 颜色?"""
    kinds = {part.kind.partition(":")[0] for part in parts if part.clause == clause}
    return bool(kinds & {*HEADS, "ordinal", "this", "topic"}) and not kinds & {"want", "negate"}


def _is_asked(before: Sequence[Part], rest: Sequence[Part]) -> bool:
    """显胖吗, 会不会很显胖."""
    return any(part.word in ("吗", "么", "嘛", "不") for part in rest[:1]) or any(part.word in _WHETHER for part in before)


def _leave_out_questions(parts: Sequence[Part]) -> None:
    """有黑色的没, 能便宜点不, 扎不扎人: a 没 or 不 that ends its clause, or stands between a word and itself, asks."""
    for i, part in enumerate(parts):
        before = parts[i - 1] if i else None
        if part.word == "不" and before is not None and i + 1 < len(parts) and parts[i + 1].word.startswith(before.word):
            before.kind = part.kind = parts[i + 1].kind = "filler"
        rest = [after for after in parts[i + 1 :] if after.clause == part.clause]
        if rest and rest[0].after_gap:  # 在不 有没有小白鞋
            rest = []
        if part.kind != "negate" or any(after.kind != "filler" or len(after.text) > 1 for after in rest):
            continue
        asks = any(before.word.startswith("有") for before in parts[:i] if before.clause == part.clause)
        if part.word in ("没", "不") or (part.word == "没有" and asks):
            part.kind = "filler"
    for i, part in enumerate(parts):  # 没有包吗
        clause = [other.word for other in parts[i + 1 :] if other.clause == part.clause]
        if part.kind == "negate" and part.word in ("没有", "没") and clause and clause[-1] in ("吗", "么", "嘛"):
            part.kind = "filler"
    for i, part in enumerate(parts):  # 没有黑色的话白色也行, 没有黑色就灰色
        after = [other.word for other in parts[i + 1 : i + 5] if other.clause == part.clause]
        if part.kind == "negate" and part.word in ("没有", "没") and _IF.intersection(after):
            part.kind = "filler"


def _end_exceptions(parts: Sequence[Part]) -> None:
    """除了运动鞋我什么鞋都能穿: what is said after 什么 is no exception; it opens a clause of its own."""
    excepted, opened = -1, 0
    for i, part in enumerate(parts):
        if part.word in _EXCEPT:
            excepted = part.clause
        elif part.clause == excepted and part.word.startswith(_ANY) and _is_noun_ahead(parts, i):
            excepted, opened = -1, opened + 1
        part.clause += opened


def _with_features(parts: list[Part]) -> list[Part]:
    """露脚踝, 显脚小: what a garment does to the body is one word."""
    joined: list[Part] = []
    for part in parts:
        before = joined[-1] if joined else None
        ends = before.word[-1:] if before is not None else ""
        adjoins = before is not None and before.start + len(before.text) == part.start
        is_shaped = adjoins and before.kind == "" and before.term is _FEATURE and part.kind == "shape"
        if is_shaped or (adjoins and part.kind == "body" and len(before.text) == 1 and ends in _FEATURES):
            before.text, before.kind, before.term = before.text + part.text, "", _FEATURE
        else:
            joined.append(part)
    return joined


def _name_colours(parts: Sequence[Part]) -> None:
    """雾松色: a colour that no table holds keeps its 色."""
    for part, after in zip(parts, parts[1:], strict=False):
        is_unknown = part.kind == "" and part.term is None and is_han(part.text)
        if is_unknown and after.word in ("色", "色的", "色系") and after.start == part.start + len(part.text):
            part.text, part.term = part.text + "色", _FEATURE
            after.kind = "filler"


def _in_context(parts: list[Part]) -> list[Part]:
    """Phrases whose meaning hangs on their neighbours, settled."""
    prefers = False
    for i, part in enumerate(parts):
        before = parts[i - 1].kind if i else ""
        beside = (before, parts[i + 1].kind if i + 1 < len(parts) else "")
        prefers = prefers or part.kind in ("want", "like")
        is_of_money = any(other.kind == "amount" and other.clause == part.clause for other in parts)
        if part.kind == "than" or (part.kind == "floor" and not is_of_money):  # "rather flats than heels"
            part.kind = "negate" if prefers else "filler"
        elif before == "amount" and part.word == "tops":
            part.kind = "limit"
        elif part.word == "不过" and beside[1] == "amount":  # 不过千
            part.kind = "limit"
        elif part.word in ("随意", "随性") and before.startswith("topic"):
            part.kind = "any"  # 颜色随意
        elif part.word == "花" and beside[1] in HEADS and parts[i + 1].start == part.start + 1:
            part.kind, part.term = "pattern", term_for("pattern", "Printed")  # 花衬衫
        elif part.word in _PRINTS and part.kind == "pattern" and _is_judged(parts, i):
            part.kind = "filler"  # 图案不要太大
        elif part.word == "花" and i and parts[i - 1].word.endswith("太"):  # 太花: loud, not spending
            part.kind, part.term = "", None
        elif part.kind == "drop":
            part.kind, part.is_drop = "negate", True
        elif part.kind.startswith("currency:") and "amount" not in beside:  # 一块手表 counts a watch
            part.kind = "filler"
        elif part.kind in ("keep", "like", "any") and beside[1] != "swap" and _is_about_the_rest(parts, i):  # "everything else stays"
            part.kind = "keep_rest"
        elif part.kind == "swap" and before in HEADS and parts[i - 1].clause == part.clause and is_han(part.word):
            turns = part.word == "换" and beside[1] in (*ATTRIBUTES, "cut", "shade")
            part.kind = "into" if turns or beside[1] in HEADS else "swap"  # 高跟鞋换平底鞋, 高跟鞋换双运动鞋, 鞋换白色
        elif part.kind == "complaint":  # 不磨脚: the complaint is refused; 鞋磨脚: the shoes are
            denied = before in ("negate", "isnt") and parts[i - 1].clause == part.clause
            part.kind = "" if denied or _is_refused(parts, i) else "negate_after"
            if part.kind == "" and part.word.startswith("太"):
                part.text, part.start, part.term = part.text[1:], part.start + 1, Term("", "", part.text[1:])
        elif part.word in ("帽子", "帽") and before == "negate" and parts[i - 1].word.endswith(("有", "带")):
            part.kind, part.term = "cut", term_for("cut", "hooded")  # 没有帽子的卫衣
        elif part.word in _WORN and part.kind == "slot" and _is_noun_ahead(parts, i):
            part.kind = "filler"  # 能外穿的衬衫
        elif part.word == "配件" and part.kind == "slot" and beside[1] in HEADS:
            part.kind = "filler"  # 配件上衣: a verb and a measure word
        elif part.kind == "gender" and before == "and" and parts[i - 1].clause == part.clause:  # 跟男朋友去: company, not who it is for
            part.kind = "filler"
    clause = 0
    for part in parts:  # "but" opens a clause of its own
        clause += part.kind == "but"
        part.clause += clause
    filtered = {part.clause for part in parts if part.kind == "filter"}
    for part in parts:  # "remove the leather filter", 不要限制颜色了
        if part.kind == "negate" and part.clause in filtered:
            part.kind, part.is_drop = "lift", True
    return [part for part in parts if part.kind not in ("filler", "filter")]


def _is_judged(parts: Sequence[Part], i: int) -> bool:
    """图案太幼稚, 图案不要太大: the patterns are spoken of, none is asked for or barred."""
    after = parts[i + 1] if i + 1 < len(parts) else None
    return after is not None and after.clause == parts[i].clause and after.word.endswith("太") | after.word.startswith("太")


def _is_noun_ahead(parts: Sequence[Part], i: int) -> bool:
    return any(part.kind in HEADS for part in parts[i + 1 :] if part.clause == parts[i].clause)


def _is_refused(parts: Sequence[Part], i: int) -> bool:
    """显脏的颜色不要: does a refusal follow in the clause?"""
    return any(part.kind in ("negate", "negate_after") for part in parts[i + 1 :] if part.clause == parts[i].clause)


def _is_about_the_rest(parts: Sequence[Part], i: int) -> bool:
    """Does "the others" stand right before, in the same clause? It is used up then."""
    for part in reversed(parts[:i]):
        if part.kind == "more" and part.clause == parts[i].clause:
            part.kind = "filler"
            return True
        if part.kind not in ("these", "filler"):
            return False
    return False
