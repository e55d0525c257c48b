"""The wardrobe as HTML: garments, looks with their links, and the way to take everything along or delete it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from assistant.looks import OWN
from assistant.retelling import title_in
from assistant.ui.cards import backed, button, icon, picture, picture_address
from assistant.wardrobe import KeptLook
from assistant.words import category_name, price_text, say
from retrieval.items import Item, Lang

_MOST_TILES = 4


def closet(garments: Sequence[Item], looks: Sequence[KeptLook], lang: Lang) -> str:
    title = f'<h2 id="closet-title">{escape(say("own.title", lang))}</h2>'
    if not garments and not looks:
        return f'{title}<div class="empty">{icon("hanger")}<p>{escape(say("own.nothing", lang))}</p></div>'
    kept = "".join(_garment(item, lang) for item in garments)
    saved = "".join(_look(look, lang) for look in looks)
    acts = button("export", say("own.export", lang), picture="down") + button("forget", say("own.forget", lang), look="quiet")
    return (
        f'{title}{_shelf("own.garments", kept, "own.no_garments", lang)}{_shelf("own.looks", saved, "own.no_looks", lang)}'
        f'<footer><p class="aside">{escape(say("own.private", lang))}</p><div class="row">{acts}</div></footer>'
    )


def _shelf(key: str, cards: str, key_of_none: str, lang: Lang) -> str:
    own = f'<ul class="own">{cards}</ul>' if cards else f'<p class="aside">{escape(say(key_of_none, lang))}</p>'
    return f"<h3>{escape(say(key, lang))}</h3>{own}"


def _garment(item: Item, lang: Lang) -> str:
    name = item.sku.removeprefix(OWN)
    title = item.title if lang == "en" else category_name(item.category, lang)
    return (
        f'<li><button type="button" class="product" data-act="mine" data-id="{escape(name)}" data-name="{escape(title)}">'
        f'<span class="frame">{backed(picture_address(item), title)}</span><span>{escape(title)}</span>'
        f"<b>{escape(say('own.style', lang))}</b></button>{_remove(name, title, lang)}</li>"
    )


def _look(kept: KeptLook, lang: Lang) -> str:
    look, garment = kept.answer.looks[0], kept.answer.garment
    tiles = [picture(piece.item, lang) for piece in look.pieces]
    if garment is not None and garment.picture is not None:
        tiles.insert(0, f'<img src="wardrobe/pictures/{escape(kept.token)}" alt="{escape(garment.title)}" loading="lazy">')
    board = "".join(f"<i>{tile}</i>" for tile in tiles[:_MOST_TILES])
    title = title_in(look.title, lang)
    total = price_text(look.total, look.currency, lang)
    link = button("link", say("look.link", lang), look="quiet", picture="link", token=kept.token)
    opens = say("own.open", lang)
    return (
        f'<li><button type="button" class="product" data-act="open_look" data-token="{escape(kept.token)}" '
        f'title="{escape(opens)}"><span class="frame four">{board}</span><span>{escape(title)}</span>'
        f"<b>{escape(total)}</b></button>{link}{_remove(kept.token, title, lang)}</li>"
    )


def _remove(name: str, title: str, lang: Lang) -> str:
    label = say("own.remove", lang, title=title)
    return button("discard", "", look="icon-only discard", picture="remove", label=label, id=name)
