"""What is said beside the wish, and phrases whose meaning hangs on their neighbours: parts settled before they are read.

The shopper's own garment ("with this red dress"), body (腿粗) and size (38 码) ask for nothing and become filler.
"""

from __future__ import annotations

from collections.abc import Sequence

from assistant.parts import ATTRIBUTES, CONTENT, HEADS, Part
from retrieval.lexicon import Term, term_for
from retrieval.words import is_han

_QUALITIES = frozenset({*ATTRIBUTES, "cut", "shade", "gender", "each", "this", "filler"})
_POINTING = frozenset(
    "this that these those my our 这 这个 这件 这双 这条 这套 这款 那件 那条 那双 我 我的 我这".split()
)
_GIVING = frozenset({"给我", "和我", "跟我", "为我", "同我"})  # before 的 they speak of what is mine
_OWNING = frozenset({"i have", "i've got", "i own", "我有", "我买了", "我刚买了", "刚买了", "新买的", "我新买的"})
_TOGETHER = frozenset({
    "with", "match", "matches", "matching", "goes", "suits", "complement", "complements", "go with", "goes with",
    "pair with", "go well", "to go with", "wear with", "match with", "to match", "match my", "work with", "works with",
})  # fmt: skip
_ALONG = frozenset("陪 陪着 带 带着 带上 约 领 领着 抱着 牵着 和 跟 与 同 像 像个 随".split())  # with or like somebody
_SAYS = ("说", "嫌", "让", "要求", "夸", "吐槽", "觉得", "非", "催", "逼", "劝", "笑", "老", "总", "一直", "陪", "带我", "约")
_WEAR = ("穿", "该", "应该", "要穿", "怎么")
_AS = frozenset("当 当作 当成 当做 做 作为 作".split())
_INCOMES = frozenset("工资 月薪 年薪 月入 收入 薪水 底薪 退休金 奖金".split())
_NEARLY = frozenset("快 快要 都快 都 年近 奔 年过 将近 已经 我".split())
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
_STYLED = frozenset("穿 穿的 用 用的 戴 背 一点 点 一些 些 一点点 的 风 风格 款 系 感 范 范儿 类 型 味 那种 这种 之类 样子".split())  # they make a word a quality
_SIZES = ("size", "码", "号", "岁", "cm", "kg", "厘米", "公斤", "斤", "寸", "后", "years old", "year old")
_MEASURES = frozenset({"size", "尺码", "鞋码", "身高", "体重", "腰围", "胸围", "臀围", "脚长"})
_ENGLISH_SHAPES = frozenset("wide broad big large small narrow thick short long full curvy flat wider bigger".split())
_SHAPES = frozenset("长 短 厚 黑 白 黄 紧 松 疼".split())  # said of the body where it stands before them


def settle(parts: list[Part]) -> list[Part]:
    """The parts without what is no wish, and with every kind settled."""
    _settle_judgements(parts)
    _leave_out_questions(parts)
    _end_exceptions(parts)
    _leave_out_company(parts)
    _leave_out_likened(parts)
    _leave_out_the_garment(parts)
    _leave_out_the_body(parts)
    _leave_out_sizes(parts)
    _leave_out_stories(parts)
    for before, part in zip(parts, parts[1:], strict=False):
        part.after_de = before.word == "的"
    return _in_context([part for part in parts if part.kind != "filler"])


def _leave_out_the_garment(parts: Sequence[Part]) -> None:
    """ "What goes with this red dress?", 我有一条牛仔裤,配什么鞋: the shopper's own, not something to look for.

    A pointing word ("this", "my", 这条) or a word of owning, qualities and a noun become filler where the clause (after a word
    of owning: the message) speaks of going together.
    """
    clauses = {part.clause for part in parts if _speaks_of_going_together(part)}
    left_out = -1
    for i, part in enumerate(parts):
        if i <= left_out:
            continue
        word, before = part.word, parts[i - 1].word if i else ""
        owns = word in _OWNING or before + word in _OWNING
        points = word in _POINTING or (word in _GIVING and i + 1 < len(parts) and parts[i + 1].word == "的")
        if not (owns and clauses or points and (part.clause in clauses or before == "for")):
            continue
        ends = (
            j
            for j in range(i + 1, len(parts))
            if parts[j].kind not in _QUALITIES or _speaks_of_going_together(parts[j])
        )
        noun = next(ends, len(parts))
        if noun < len(parts) and parts[noun].kind in HEADS and parts[noun].clause == part.clause:
            left_out = noun
            for other in parts[i : noun + 1]:
                other.kind = "filler"


def _speaks_of_going_together(part: Part) -> bool:
    text = part.word
    is_said_in_chinese = part.kind in ("filler", "also") and any(char in text for char in "搭配")
    is_said_in_chinese |= text.startswith(("适合什么", "里面", "外面", "下面", "上面")) or text in ("适合", "合适")
    return is_said_in_chinese or text in _TOGETHER or not _TOGETHER.isdisjoint(text.split())


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
        elif part.word == "花" and beside[1] in HEADS:
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
        elif part.word == "换" and before in HEADS and beside[1] in (*HEADS, *ATTRIBUTES, "cut", "shade"):
            part.kind = "into"  # 高跟鞋换平底鞋
        elif part.kind == "swap" and before in HEADS and beside[1] in HEADS and is_han(part.word):
            part.kind = "into"  # 高跟鞋换双运动鞋
        elif part.kind == "complaint":  # 不磨脚: the complaint is refused; 鞋磨脚: the shoes are
            part.kind = "" if before in ("negate", "isnt") or _is_refused(parts, i) else "negate_after"
            if part.kind == "" and part.word.startswith("太"):
                part.text, part.start, part.term = part.text[1:], part.start + 1, Term("", "", part.text[1:])
        elif part.word in ("帽子", "帽") and before == "negate" and parts[i - 1].word.endswith(("有", "带")):
            part.kind, part.term = "cut", term_for("cut", "hooded")  # 没有帽子的卫衣
        elif part.word in _WORN and part.kind == "slot" and _is_noun_ahead(parts, i):
            part.kind = "filler"  # 能外穿的衬衫
        elif part.word == "配件" and part.kind == "slot" and beside[1] in HEADS:
            part.kind = "filler"  # 配件上衣: a verb and a measure word
        elif part.kind == "gender" and before == "and":  # 跟男朋友去: company, not who it is for
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


def _leave_out_the_body(parts: Sequence[Part]) -> None:
    """腿比较粗, 皮肤有点黑: what the shopper looks like. A shape that is said of nothing is an unknown word."""
    for i, part in enumerate(parts):
        if part.kind == "body":
            part.kind = "filler"
            if i and parts[i - 1].word in _ENGLISH_SHAPES:
                parts[i - 1].kind = "filler"
            end = i + 1
            while end < len(parts) and parts[end].kind in ("filler", "degree", "too", "body"):
                end += 1
            is_said = end < len(parts) and parts[end].clause == part.clause
            if is_said and (parts[end].kind == "shape" or parts[end].word in _SHAPES):
                for other in parts[i : end + 1]:
                    other.kind = "filler"
    for part, after in zip(parts, [*parts[1:], None], strict=False):
        if part.kind == "shape":
            is_asked = after is not None and after.kind == "degree"  # 细一点
            part.kind = "cut" if is_asked else "" if len(part.text) == 1 else "filler"


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
        elif part.kind == "complaint" and _is_asked(parts[max(0, i - 3) : i], rest):
            part.kind = "which"
        elif part.word in ("以外", "之外") and not any(
            other.word in _EXCEPT for other in parts[:i] if other.clause == part.clause
        ):
            part.kind = "negate_after"  # 黑色以外都行
        elif part.word == "要不" and rest and rest[0].kind == "" and len(rest[0].text) == 1:
            part.kind = "negate"  # 要不透的
        elif part.word in _JUST and said:
            part.kind, opened, part.clause = "but", opened + 1, part.clause + 1


def _is_topic_before(parts: Sequence[Part], clause: int) -> bool:
    """Is something spoken of, and nothing asked for: 裤子, 第二套, 颜色?"""
    kinds = {part.kind.partition(":")[0] for part in parts if part.clause == clause}
    return bool(kinds & {*HEADS, "ordinal", "this", "topic"}) and not kinds & {"want", "negate"}


def _leave_out_likened(parts: Sequence[Part]) -> None:
    """可以当外套穿的衬衫: what it is worn as is not asked for."""
    for before, part, after in zip(parts, parts[1:], parts[2:], strict=False):
        if part.kind in HEADS and before.word in _AS and after.word.startswith(("穿", "用", "戴", "背", "搭")):
            part.kind = "filler"


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
    for part in parts:
        if part.word in _EXCEPT:
            excepted = part.clause
        elif part.clause == excepted and part.word.startswith(_ANY):
            excepted, opened = -1, opened + 1
        part.clause += opened


def _leave_out_company(parts: Sequence[Part]) -> None:
    """陪老婆, 老公说我…, 像大妈, 女儿的家长会我穿什么: people who are along, who say something or are likened to."""
    for i, part in enumerate(parts):
        if part.kind != "gender":
            continue
        after = [other for other in parts[i + 1 : i + 7] if other.clause == part.clause]
        says = bool(after) and after[0].word.startswith(_SAYS) and after[0].kind not in CONTENT
        says = says and not after[0].word.endswith("要") and not any(x.kind in ("want", "like") for x in after[:3])
        wears = any(a.word == "我" and b.word.startswith(_WEAR) for a, b in zip(after, after[1:], strict=False))
        if says or wears or (_is_along(parts, i) and is_han(part.text)):
            part.kind = "filler"


def _is_along(parts: Sequence[Part], i: int) -> bool:
    """和老婆去吃饭; but 老公和老婆 are named one after the other."""
    lists = i > 1 and parts[i - 1].kind == "and" and parts[i - 2].kind == "gender"
    return i > 0 and parts[i - 1].word in _ALONG and not lists


def _leave_out_stories(parts: Sequence[Part]) -> None:
    """我肉多, 手冻得不行: unknown words about the shopper. Those stand behind 我, or in a clause that names nothing else
    while another clause does; but 的, 风 and the like make a quality of any word."""
    telling = {part.clause for part in parts if part.kind in CONTENT or part.kind in ("want", "negate", "similar", "like")}
    telling |= {part.clause for part in parts if part.kind == "" and part.term is not None}
    for i, part in enumerate(parts):
        if part.kind != "" or part.term is not None or not is_han(part.text):
            continue
        if i + 1 < len(parts) and parts[i + 1].word in _STYLED and parts[i + 1].clause == part.clause:
            continue
        is_mine = i > 0 and parts[i - 1].word in ("我", "俺", "咱") and parts[i - 1].clause == part.clause
        if is_mine or (part.clause not in telling and telling):
            part.kind = "filler"


def _leave_out_sizes(parts: Sequence[Part]) -> None:
    """ "Size 38", 38码, 五十岁: no money, and nothing that a title says."""
    for before, part, after in zip([None, *parts], parts, [*parts[1:], None], strict=False):
        if (part.kind == "amount" or (part.kind == "" and part.word.isdigit())) and (
            (after is not None and after.word.startswith(_SIZES))
            or _is_ordinal(part, after)
            or _is_height(before, part, after)
            or (before is not None and before.word in (_MEASURES | _INCOMES))
            or _is_age(before, part, after)
            or _is_from(part, after)
        ):
            part.kind = "filler"
        elif before is not None and _is_ordinal(before, part):
            part.kind = "filler"


def _is_ordinal(number: Part, after: Part | None) -> bool:
    """ "80th": a number with its ending right behind it."""
    return (
        after is not None
        and number.word.isdigit()
        and after.word in ("st", "nd", "rd", "th")
        and number.start + len(number.text) == after.start
    )


def _is_from(number: Part, after: Part | None) -> bool:
    """The 3 of 3-5百."""
    return number.kind == "" and after is not None and after.kind == "amount" and after.start - number.start == 2


def _is_age(before: Part | None, number: Part, after: Part | None) -> bool:
    """快五十的人, 都六十了."""
    return (
        before is not None
        and before.word in _NEARLY
        and number.value is not None
        and number.value < 100
        and after is not None
        and after.word in ("的", "了", "的人", "多", "好几")
    )


def _is_height(before: Part | None, number: Part, after: Part | None) -> bool:
    """我170: centimetres, where no word of money follows."""
    is_money = after is not None and (after.kind == "limit" or after.kind.startswith("currency"))
    return (
        before is not None
        and (before.word in ("我", "身高", "个子", "本人", "净身高") or before.kind == "gender")
        and number.value is not None
        and 100 < number.value < 220
        and not is_money
    )
