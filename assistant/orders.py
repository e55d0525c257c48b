"""What a shopper types to have something done, rather than to say what they like: undo, other looks, keep this, yes.

A pure function over a small table. The whole message must be the order: "undo the red one" is a wish, not an order. Only
own clothes are asked for in whatever words.
"""

from __future__ import annotations

import re
from enum import StrEnum


class Order(StrEnum):
    UNDO = "undo"
    REROLL = "reroll"
    FRESH = "fresh"
    OWN = "own"
    SHOP = "shop"
    KEEP_GARMENT = "keep_garment"
    KEEP_LOOK = "keep_look"
    WARDROBE = "wardrobe"
    YES = "yes"


_EN = {
    Order.UNDO: r"undo( that| it| the last( one| change)?)?|go back|take (that|it) back",
    Order.REROLL: r"(show me |give me )?(some )?(other|more|different|new) (looks|outfits|ideas|options)|reroll|shuffle",
    Order.FRESH: r"start (over|again|afresh)|new conversation|reset everything",
    Order.SHOP: r"(back to|show me|use) (looks from )?the shop( again)?|(looks )?from the shop( again)?",
    Order.KEEP_LOOK: r"(save|keep|bookmark) (this|that|the|my) (look|outfit)",
    Order.KEEP_GARMENT: r"(save|keep|add|put) (this|it|that|(this|that|the|my) (garment|piece|item|one))"
    r"( (to|in|into) my (wardrobe|closet))?|(this|it) is mine|i (own|have) (this|it)( one)?",
    Order.WARDROBE: r"(show|open|see)( me)? my (wardrobe|closet|saved (looks|garments|things))",
    Order.YES: r"(yes|yeah|yep|sure|ok|okay)( please)?|yes,? (do( it)?|keep it|save it|go ahead)|go ahead|please do",
}
_ZH = {
    Order.UNDO: r"撤销|撤回|回到上一步|恢复上一步",
    Order.REROLL: r"(再)?换几套(看看)?|换一批|再来几套|其他(的)?搭配|看看别的搭配",
    Order.FRESH: r"重新开始|从头(再)?来|新对话",
    Order.SHOP: r"(回到|看|用)?店里的(搭配|造型|商品)?",
    Order.KEEP_LOOK: r"(收藏|保存|存下|留下)(这|那|整)?(一)?套(造型|搭配|穿搭)?",
    Order.KEEP_GARMENT: r"(收藏|保存|存下|收下)(这|那)?(一)?(件|条|双|个)?(衣服)?|(把(这|那)件)?(放进|加入|加到|存进)(我的)?(衣橱|衣柜)(里)?|"
    r"这(件)?(衣服)?是我的|我有这件",
    Order.WARDROBE: r"(打开|看看|查看)?我的(衣橱|衣柜|收藏)",
    Order.YES: r"好(的|啊|呀)?|是(的)?|可以|行|没问题|嗯|要",
}
_ORDERS = {order: re.compile(f"(?:{_EN[order]})|(?:{_ZH[order]})") for order in _EN}  # for a whole message
# "What goes with this from my own clothes?" is asked in too many ways to list: naming what one owns is enough.
_MY_OWN = re.compile(r"\bmy (own )?(clothes|wardrobe|closet)\b|我?(自己|已有|现有)的?(衣服|衣橱|衣柜)|我的?(衣橱|衣柜)")
_POLITE = re.compile(r"^(please |can you |could you |请|帮我|麻烦)+|( please| thanks| now|吧|谢谢)+$")


def order_in(message: str) -> Order | None:
    """The order that a message is, None where it is anything else."""
    bare = " ".join(re.sub(r"[^\w\s']", " ", message.casefold()).split())
    bare = bare.replace("'", "")
    for words in (bare, _POLITE.sub("", bare).strip()):
        for order, pattern in _ORDERS.items():
            if words and pattern.fullmatch(words):
                return order
    return Order.OWN if _MY_OWN.search(bare) else None
