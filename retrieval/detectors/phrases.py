"""Words for garments, to and from slots: what an open-vocabulary detector is asked and what it answers. Pure.

GroundingDINO reads English only (its text side is BERT base, uncased): Chinese labels are put into English by a table,
and one that is not in it is refused rather than read as unknown characters.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from retrieval.errors import InvalidInput
from retrieval.items import Slot

DEFAULT_LABELS = ("clothes", "pants", "hats", "shoes")  # the anchor's prompt: `clothes . pants . hats . shoes`
MOST_LABELS = 60  # the text side reads 256 tokens; labels are a few tokens each

_WORDS = {
    Slot.TOP: "top shirt t-shirt tshirt tee blouse sweater sweatshirt jumper pullover hoodie polo tunic kurta kurti"
    " vest camisole tank cardigan",
    Slot.BOTTOM: "pants pant trousers trouser jeans shorts skirt leggings chinos slacks bottom joggers capris",
    Slot.ONE_PIECE: "dress gown jumpsuit romper saree sari overalls dungarees one-piece nightdress",
    Slot.OUTERWEAR: "coat jacket outerwear blazer parka overcoat raincoat windbreaker trench waistcoat",
    Slot.SHOES: "shoe shoes boot boots sneaker sneakers sandal sandals heels loafers footwear slippers flip-flops",
    Slot.BAG: "bag handbag backpack purse clutch tote satchel rucksack briefcase",
    Slot.ACCESSORY: "hat cap beanie scarf belt tie glasses sunglasses watch glove gloves necklace earrings bracelet"
    " ring sock socks wallet jewellery jewelry accessory",
}
_SLOT_OF_WORD = {word: slot for slot, words in _WORDS.items() for word in words.split()}

_ENGLISH = {
    "衣服": "clothes", "服装": "clothes", "衣物": "clothes", "裤子": "pants",
    "长裤": "pants", "牛仔裤": "jeans", "短裤": "shorts", "帽子": "hats",
    "帽": "hats", "鞋": "shoes", "鞋子": "shoes", "运动鞋": "sneakers",
    "靴子": "boots", "凉鞋": "sandals", "高跟鞋": "heels", "上衣": "top",
    "衬衫": "shirt", "衬衣": "shirt", "t恤": "t-shirt", "毛衣": "sweater",
    "卫衣": "sweatshirt", "裙子": "skirt", "半身裙": "skirt", "短裙": "skirt",
    "连衣裙": "dress", "连体裤": "jumpsuit", "外套": "jacket", "夹克": "jacket",
    "大衣": "coat", "风衣": "coat", "羽绒服": "coat", "西装": "blazer",
    "马甲": "waistcoat", "包": "bag", "包包": "bag", "手提包": "handbag",
    "手袋": "handbag", "背包": "backpack", "双肩包": "backpack", "围巾": "scarf",
    "腰带": "belt", "皮带": "belt", "领带": "tie", "眼镜": "glasses",
    "太阳镜": "sunglasses", "墨镜": "sunglasses", "手表": "watch", "手套": "gloves",
    "项链": "necklace", "耳环": "earrings", "手链": "bracelet", "戒指": "ring",
    "袜子": "socks", "钱包": "wallet", "配饰": "accessory", "饰品": "accessory",
}  # fmt: skip
_CJK = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")


def english_label(label: str) -> str:
    """One label as the detector reads it: lower case, Chinese put into English.

    Raises InvalidInput for an empty label, one with a full stop (which separates labels), one in Chinese that is not
    known, and one in another script that the detector cannot read.
    """
    words = " ".join(label.lower().split())
    if not words:
        raise InvalidInput("a label to detect is empty: expected a word such as 'pants'")
    if words in _ENGLISH:
        return _ENGLISH[words]
    if "." in words or "。" in words:
        raise InvalidInput(f"label {label!r} holds a full stop, which separates labels: give labels one by one")
    if _CJK.search(words):
        raise InvalidInput(
            f"label {label!r} is Chinese, and no English word for it is known; the detector reads English only",
            hint="use an English word, or one of: " + "、".join(list(_ENGLISH)[:12]),
        )
    if not words.isascii():
        raise InvalidInput(
            f"label {label!r} is not in Latin letters, which are all that the detector reads",
            hint="use an English word such as 'pants'",
        )
    return words


def prompt_of(labels: Sequence[str]) -> str:
    """Labels -> the detector's caption, `clothes . pants . hats . shoes .`; repeated labels once, in their order."""
    if len(labels) > MOST_LABELS:
        raise InvalidInput(f"{len(labels)} labels to detect: at most {MOST_LABELS} are read at once")
    words = list(dict.fromkeys(english_label(label) for label in labels))
    if not words:
        raise InvalidInput("no label to detect: expected at least one, such as 'clothes'")
    return " . ".join(words) + " ."


def slot_of(phrase: str) -> Slot | None:
    """The slot that a phrase names, or None where it names none (`clothes`) or several (`pants shoes`)."""
    words = re.findall(r"[a-z]+(?:-[a-z]+)*", phrase.lower())
    named = {slot for word in words if (slot := _slot_of_word(word)) is not None}
    return named.pop() if len(named) == 1 else None


def _slot_of_word(word: str) -> Slot | None:
    for form in (word, word.removesuffix("s"), word.removesuffix("es")):
        if form in _SLOT_OF_WORD:
            return _SLOT_OF_WORD[form]
    return None
