"""What is said beside the wish: company, the shopper's own garment ("with this red dress"), body (腿粗), size (38 码) and
stories ask for nothing and become filler.
"""

from __future__ import annotations

from collections.abc import Sequence

from assistant.parts import ATTRIBUTES, CONTENT, HEADS, Part
from retrieval.words import is_han

_QUALITIES = frozenset({*ATTRIBUTES, "cut", "shade", "gender", "each", "this", "filler"})
_POINTING = frozenset(
    "this that these those my our 这 这个 这件 这双 这条 这套 这款 那件 那条 那双 我 我的 我这".split()
)
_GIVING = frozenset({"给我", "和我", "跟我", "为我", "同我"})  # before 的 they speak of what is mine
_OWNING = frozenset({
    "i have", "i've got", "i own", "我有", "我买了", "我刚买了", "刚买了", "新买的", "我新买的", "家里有", "衣柜里有", "手上有",
})  # fmt: skip
_WARDROBE = ("衣柜", "衣橱", "家里")
_TOGETHER = frozenset({
    "with", "match", "matches", "matching", "goes", "suits", "complement", "complements", "go with", "goes with",
    "pair with", "go well", "to go with", "wear with", "match with", "to match", "match my", "work with", "works with",
})  # fmt: skip
_ALONG = frozenset("陪 陪着 带 带着 带上 约 领 领着 抱着 牵着 和 跟 与 同 像 像个 随 问 问问 问一下 告诉 听 等".split())  # with or like somebody
_SAYS = ("说", "嫌", "让", "要求", "夸", "吐槽", "觉得", "非", "催", "逼", "劝", "笑", "老", "总", "一直", "陪", "带我", "约")
_WEAR = ("穿", "该", "应该", "要穿", "怎么")
_AS = frozenset("当 当作 当成 当做 做 作为 作".split())
_INCOMES = frozenset("工资 月薪 年薪 月入 收入 薪水 底薪 退休金 奖金".split())
_NEARLY = frozenset("才 刚 刚满 快 快要 都快 都 年近 奔 年过 将近 已经 我".split())
_ASKING = ("want", "negate", "similar", "like", "too")
_STYLED = frozenset(  # they make a word a quality
    "穿 穿的 用 用的 戴 背 一点 点 一些 些 一点点 的 风 风格 款 系 感 范 范儿 类 型 味 那种 这种 之类 样子".split()
)
_SIZES = ("size", "码", "号", "岁", "cm", "kg", "厘米", "公斤", "斤", "寸", "后", "years old", "year old")
_COUNTED = frozenset("件 双 条 个 顶 只 副 套 身 份 人 天 种 款 年".split())
_MEASURES = frozenset({"size", "尺码", "鞋码", "身高", "体重", "腰围", "胸围", "臀围", "脚长"})
_ENGLISH_SHAPES = frozenset("wide broad big large small narrow thick short long full curvy flat wider bigger".split())
_SHAPES = frozenset("长 短 厚 黑 白 黄 紧 松 疼".split())  # said of the body where it stands before them


def leave_out_asides(parts: Sequence[Part]) -> None:
    """What asks for nothing becomes filler."""
    _leave_out_company(parts)
    _leave_out_likened(parts)
    _leave_out_the_garment(parts)
    _leave_out_the_wardrobe(parts)
    _leave_out_the_body(parts)
    _leave_out_sizes(parts)
    _leave_out_stories(parts)


def _leave_out_company(parts: Sequence[Part]) -> None:
    """陪老婆, 老公说我…, 像大妈, 女儿的家长会我穿什么: people who are along, who say something or are likened to."""
    for i, part in enumerate(parts):
        if part.kind != "gender":
            continue
        after = [other for other in parts[i + 1 : i + 4] if other.clause == part.clause]
        says = bool(after) and after[0].word.startswith(_SAYS) and after[0].kind not in CONTENT
        says = says and not after[0].word.endswith("要") and not any(x.kind in ("want", "like") for x in after)
        wears = any(a.word == "我" and b.word.startswith(_WEAR) for a, b in zip(parts[i:], parts[i + 1 :], strict=False))
        if says or wears or (_is_along(parts, i) and is_han(part.text)):
            part.kind = "filler"


def _is_along(parts: Sequence[Part], i: int) -> bool:
    """和老婆去吃饭; but 老公和老婆 are named one after the other."""
    lists = i > 1 and parts[i - 1].kind == "and" and parts[i - 2].kind == "gender"
    by = i - 2 if i > 1 and parts[i - 1].word in ("我", "我们") else i - 1  # 问问我老公
    return by >= 0 and parts[by].word in _ALONG and not lists


def _leave_out_likened(parts: Sequence[Part]) -> None:
    """可以当外套穿的衬衫: what it is worn as is not asked for."""
    for before, part, after in zip(parts, parts[1:], [*parts[2:], None], strict=False):
        ends = after is None or after.clause != part.clause or after.word.startswith(("穿", "用", "戴", "背", "搭"))
        if part.kind in HEADS and before.word in _AS and ends:
            part.kind = "filler"


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


def _leave_out_the_wardrobe(parts: Sequence[Part]) -> None:
    """衣柜里都是黑色, 我的大衣是驼色的,配什么围巾: a clause of what is there already."""
    together = {part.clause for part in parts if _speaks_of_going_together(part)}
    for part, after, noun in zip(parts, parts[1:], parts[2:], strict=False):
        clause = [other for other in parts if other.clause == part.clause and other.start >= part.start]
        has_all = part.word.startswith(_WARDROBE) and any(other.word in ("都是", "全是", "都", "全") for other in clause)
        is_mine = part.word + after.word == "我的" and noun.kind in HEADS and any(other.word == "是" for other in clause)
        if has_all or (is_mine and together - {part.clause}):
            for other in clause:
                other.kind = "filler"


def _speaks_of_going_together(part: Part) -> bool:
    text = part.word
    is_said_in_chinese = part.kind in ("filler", "also") and any(char in text for char in "搭配")
    is_said_in_chinese |= text.startswith(("适合什么", "里面", "外面", "下面", "上面")) or text in ("适合", "合适")
    return is_said_in_chinese or text in _TOGETHER or not _TOGETHER.isdisjoint(text.split())


def _leave_out_the_body(parts: Sequence[Part]) -> None:
    """腿比较粗, 皮肤有点黑, 黑皮穿什么: what the shopper looks like. A shape that is said of nothing is an unknown word."""
    for before, a, b, after in zip([None, *parts], parts, parts[1:], [*parts[2:], None], strict=False):
        is_told = before is not None and before.word.startswith(("适合", "衬", "我")) and (after is None or after.word == "的")
        is_told |= after is not None and after.word.startswith(("穿", "适合", "怎么", "能", "可以", "显"))
        is_told |= before is not None and before.word.startswith("适合") and b.word == "皮的"
        if a.word in ("黑", "白", "黄") and b.word in ("皮", "皮的") and is_told:
            a.kind = b.kind = "filler"
    for i, part in enumerate(parts):
        if part.kind == "body":
            part.kind = "filler"
            if i and parts[i - 1].word in _ENGLISH_SHAPES:
                parts[i - 1].kind = "filler"
            end = i + 1
            while end < len(parts) and parts[end].kind in ("filler", "degree", "too", "body"):
                end += 1
            is_said = end < len(parts) and parts[end].clause == part.clause
            asks = end + 1 < len(parts) and parts[end + 1].kind == "degree"  # 腰能松一点
            if is_said and not asks and (parts[end].kind == "shape" or parts[end].word in _SHAPES):
                for other in parts[i : end + 1]:
                    other.kind = "filler"
    for before, part, after in zip([None, *parts], parts, [*parts[1:], None], strict=False):
        if part.kind == "shape":
            is_judged = before is not None and before.word.endswith("太")
            is_asked = after is not None and (after.kind == "degree" or (after.word == "的" and not is_judged))  # 要细的
            part.kind = "cut" if is_asked else "" if len(part.text) == 1 else "filler"


def _leave_out_sizes(parts: Sequence[Part]) -> None:
    """ "Size 38", 38码, 五十岁: no money, and nothing that a title says."""
    for before, part, after in zip([None, *parts], parts, [*parts[1:], None], strict=False):
        if (part.kind == "amount" or (part.kind == "" and part.word.isdigit())) and (
            (after is not None and (after.word.startswith(_SIZES) or after.word in _COUNTED))
            or _is_ordinal(part, after)
            or _is_height(before, part, after)
            or (before is not None and before.word in (_MEASURES | _INCOMES))
            or _is_age(before, part, after)
            or _is_from(part, after)
            or (part.kind == "amount" and after is not None and after.kind == "cheaper" and "贵" in after.word)
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
        and (before.word in _NEARLY or before.kind == "gender")
        and number.value is not None
        and number.value < 100
        and (before.word in ("才", "刚", "刚满") or (after is not None and after.word in ("的", "了", "的人", "多", "好几")))
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
def _leave_out_stories(parts: Sequence[Part]) -> None:
    """我肉多, 手冻得不行: unknown words about the shopper. Those stand behind 我, or in a clause that names nothing else
    while another clause does; but 的, 风 and the like make a quality of any word."""
    telling = {part.clause for part in parts if part.kind in CONTENT or part.kind in _ASKING}
    telling |= {part.clause for part in parts if part.kind == "" and part.term is not None}
    for i, part in enumerate(parts):
        if part.kind != "" or part.term is not None or not is_han(part.text):
            continue
        if i + 1 < len(parts) and parts[i + 1].word in _STYLED and parts[i + 1].clause == part.clause:
            continue
        is_mine = i > 0 and parts[i - 1].word in ("我", "俺", "咱") and parts[i - 1].clause == part.clause
        if is_mine or (part.clause not in telling and telling):
            part.kind = "filler"
