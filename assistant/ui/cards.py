"""The garment, products and looks of an answer as cards in HTML: pure functions, every text from outside escaped.

Buttons carry what they do in `data-act` (see `assistant/ui/shop.js`) and pictures an address of `assistant/ui/files.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from urllib.parse import quote

from assistant.candidates import is_same_product
from assistant.guardrail import BY_A_STYLIST
from assistant.looks import OWN, Look, Piece
from assistant.phrases import spoken
from assistant.words import (
    category_name,
    colour_name,
    gender_name,
    named,
    price_text,
    say,
    slot_name,
    stock_text,
)
from retrieval.items import Garment, Hit, Item, Lang, Slot, Swatch
from retrieval.vocabulary import slot_of

_MOST_SWATCHES = 4
_LEAST_SHARE = 0.03  # below that a swatch is a button or a seam

ICONS = {
    "lock": '<path d="M7 11V8a5 5 0 0 1 10 0v3"/><rect x="5" y="11" width="14" height="9" rx="2"/>',
    "unlock": '<path d="M7 11V8a5 5 0 0 1 9.6-2"/><rect x="5" y="11" width="14" height="9" rx="2"/>',
    "swap": '<path d="M4 9h13l-3-3M20 15H7l3 3"/>',
    "remove": '<path d="M6 6l12 12M18 6L6 18"/>',
    "undo": '<path d="M9 7L4 12l5 5M4 12h10a6 6 0 0 1 6 6"/>',
    "reroll": '<path d="M4 12a8 8 0 0 1 13.7-5.6L20 9M20 4v5h-5M20 12a8 8 0 0 1-13.7 5.6L4 15M4 20v-5h5"/>',
    "send": '<path d="M12 19V5M6 11l6-6 6 6"/>',
    "stop": '<rect x="7" y="7" width="10" height="10" rx="2" fill="currentColor"/>',
    "photo": '<rect x="3" y="5" width="18" height="14" rx="2"/><circle cx="8.5" cy="10" r="1.5"/><path d="M21 16l-5-5-8 8"/>',
    "camera": '<path d="M4 8h3l2-3h6l2 3h3a1 1 0 0 1 1 1v9a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1V9a1 1 0 0 1 1-1z"/>'
    '<circle cx="12" cy="13" r="3.5"/>',
    "check": '<path d="M5 12.5l4.5 4.5L19 7.5"/>',
    "keep": '<path d="M6 4h12v16l-6-4.5L6 20z"/>',
    "hanger": '<path d="M9.5 6.5a2.5 2.5 0 1 1 3.7 2.2c-.8.5-1.2 1-1.2 1.8v.5M12 11l8.4 5.3c1.3.9.7 2.7-.9 2.7h-15c-1.6 0-2.2-1.8-.9-2.7z"/>',
    "link": '<path d="M10 14a4 4 0 0 0 5.7 0l3-3a4 4 0 0 0-5.7-5.7l-1 1M14 10a4 4 0 0 0-5.7 0l-3 3a4 4 0 0 0 5.7 5.7l1-1"/>',
    "frame": '<path d="M4 8V4h4M16 4h4v4M20 16v4h-4M8 20H4v-4"/>',
    "down": '<path d="M12 4v11M7 11l5 5 5-5M5 20h14"/>',
}


def icon(name: str) -> str:
    return f'<svg class="icon" viewBox="0 0 24 24" aria-hidden="true">{ICONS[name]}</svg>'


def button(
    act: str,
    text: str,
    *,
    look: str = "ghost",
    picture: str = "",
    label: str = "",
    pressed: bool | None = None,
    **data: object,
) -> str:
    """A button that does `act` with its `data`. `label` is read aloud where the text alone would not say enough.

    `pressed` makes it one that stays down.
    """
    attributes = "".join(f' data-{name}="{escape(str(value))}"' for name, value in data.items())
    aria = f' aria-label="{escape(label)}" title="{escape(label)}"' if label else ""
    aria += f' aria-pressed="{str(pressed).lower()}"' if pressed is not None else ""
    words = f"<span>{escape(text)}</span>" if text else ""
    return (
        f'<button type="button" class="button {look}" data-act="{act}"{attributes}{aria}>'
        f"{icon(picture) if picture else ''}{words}</button>"
    )


def picture_address(item: Item) -> str:
    """Where the item's first picture is; "" where it has none. The digest makes it safe to keep for good."""
    if not item.views:
        return ""
    if item.sku.startswith(OWN):
        return f"wardrobe/pictures/{quote(item.sku.removeprefix(OWN))}"
    return f"items/{quote(item.sku, safe='')}/picture?v={item.views[0].digest[:12]}"


def picture(item: Item, lang: Lang) -> str:
    if address := picture_address(item):
        return f'<img src="{escape(address)}" alt="{escape(item.title)}" loading="lazy" decoding="async">'
    return f'<span class="no-picture">{escape(say("item.no_picture", lang))}</span>'


# --- the garment and products ---


def garment_card(garment: Garment, lang: Lang, token: str | None, kinds: Sequence[str], *, several: bool) -> str:
    known = garment.attributes
    facts = [
        (say("garment.category", lang), known.category and category_name(known.category, lang)),
        (say("garment.gender", lang), known.gender and gender_name(known.gender, lang)),
        (say("garment.usage", lang), known.usage and named("usage", known.usage, lang)),
        (say("garment.season", lang), known.season and named("season", known.season, lang)),
    ]
    rows = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in facts if value)
    shown = crop_picture(garment, token)
    again = button("again", say("you.again", lang), look="quiet") if several else ""
    keep = ""
    if known.category and known.slot:
        what = "item" if garment.sku else "garment"
        keep = button(
            "keep", say("keep.garment", lang), picture="keep", what=what, sku=garment.sku or "", pressed=False
        )
    own = button("own", say("own.use", lang), picture="hanger")
    return (
        f'<section class="garment">{f"<figure>{shown}</figure>" if shown else ""}<div>'
        f'<p class="kicker">{escape(say("garment.is", lang))}</p>'
        f"<h2>{escape(garment_title(garment, lang))}</h2>"
        f"<dl>{rows}</dl>{swatches(garment.palette, lang)}{'' if garment.sku else correction(kinds, lang)}</div>"
        f'<div class="row">{keep}{own}{again}</div></section>'
    )


def correction(kinds: Sequence[str], lang: Lang) -> str:
    """A list to choose the right category from, by slot, for a garment that was taken for something else."""
    groups = []
    for slot in Slot:
        names = {kind: category_name(kind, lang) for kind in kinds if slot_of(kind) is slot}
        options = "".join(
            f'<option value="{escape(kind)}">{escape(name)}</option>'
            for kind, name in sorted(names.items(), key=lambda pair: pair[1])
        )
        if options:
            groups.append(f'<optgroup label="{escape(slot_name(slot, lang))}">{options}</optgroup>')
    words = escape(say("garment.wrong", lang))
    if not groups:
        return ""
    return (
        f'<select data-act="correct" aria-label="{words}"><option value="" selected>{words}</option>'
        f"{''.join(groups)}</select>"
    )


def garment_title(garment: Garment, lang: Lang) -> str:
    """An item's title as the shop has it; for a photo, what was read of it, as one says it: "Navy blue jeans", 男士藏青色牛仔裤."""
    known = garment.attributes
    if garment.sku:
        return garment.title
    if known.category is None and known.colour is None:
        return say("garment.unknown", lang)
    words = spoken(garment, known.colour, lang)
    if lang == "en":
        return words[0].upper() + words[1:]
    return (gender_name(known.gender, lang) if known.gender else "") + words


def crop_picture(garment: Garment, token: str | None) -> str:
    return backed(f"photos/{token}", garment.title) if token else ""


def backed(address: str, words: str) -> str:
    """A photo of the shopper's, whole in its frame whatever its shape, before a blur of itself."""
    shown = escape(address)
    return f'<span class="backed" style="--photo:url({shown})"><img src="{shown}" alt="{escape(words)}"></span>'


def swatches(palette: Sequence[Swatch], lang: Lang) -> str:
    """Dots with names; shades of one name are one dot, in the colour of the largest."""
    shares: dict[str, float] = {}
    for swatch in palette:
        shares[swatch.name] = shares.get(swatch.name, 0.0) + swatch.share
    colours = {swatch.name: swatch.hex for swatch in reversed(palette)}
    largest = sorted(shares, key=lambda name: -shares[name])[:_MOST_SWATCHES]
    dots = "".join(
        f'<li><i style="background:{escape(colours[name])}"></i>{escape(colour_name(name, lang))}'
        f"<small>{shares[name]:.0%}</small></li>"
        for name in largest
        if shares[name] >= _LEAST_SHARE
    )
    return f'<ul class="swatches" aria-label="{escape(say("garment.colours", lang))}">{dots}</ul>' if dots else ""


def found_product(hits: Sequence[Hit], lang: Lang) -> str:
    """ "Find this": the product itself, where it is one of the hits, and what comes close; each says which it is."""
    sure = any(map(is_same_product, hits))
    title = say("same.found" if sure else "same.title", lang)
    none = "" if sure else f'<p class="aside">{escape(say("same.none", lang))}</p>'
    return f'<section class="same"><h3>{escape(title)}</h3>{none}{shelf(hits, lang, act="open")}</section>'


def _how_close(hit: Hit, lang: Lang) -> str:
    if hit.closeness is None:
        return ""
    sure = is_same_product(hit)
    words = escape(say("same.is" if sure else "same.close", lang))
    return f'<em class="match{" sure" if sure else ""}">{icon("check") if sure else ""}{words}</em>'


def shelf(hits: Iterable[Hit], lang: Lang, *, act: str) -> str:
    """Products side by side. A click does `act`: "open" for more about it, "around" to build looks around it."""
    cards = "".join(
        f'<li><button type="button" class="product" data-act="{act}" data-sku="{escape(hit.item.sku)}" '
        f'data-name="{escape(hit.item.title)}">'
        f'<span class="frame">{picture(hit.item, lang)}{_how_close(hit, lang)}</span>'
        f"<span>{escape(hit.item.title)}</span>{price(hit.item, lang)}</button></li>"
        for hit in hits
    )
    return f'<ul class="shelf">{cards}</ul>'


def price(item: Item, lang: Lang) -> str:
    """The price in bold; nothing where the shop tells none."""
    text = price_text(item.price, item.currency, lang)
    return f"<b>{escape(text)}</b>" if text else ""


# --- looks ---


def look_card(look: Look, number: int, garment: Garment | None, lang: Lang, token: str | None) -> str:
    tiles = []
    if garment is not None and (shown := crop_picture(garment, token) or _own_picture(garment)):
        yours = escape(say("garment.yours", lang))
        tiles.append(f'<div class="tile yours">{shown}<span class="slot">{yours}</span></div>')
    for piece in look.pieces:
        if piece.is_own:
            slot = escape(slot_name(piece.slot, lang))
            shown = backed(picture_address(piece.item), piece.item.title)
            tiles.append(f'<div class="tile yours">{shown}<span class="slot">{slot}</span></div>')
            continue
        opens = escape(say("piece.open", lang, title=piece.item.title))
        tiles.append(
            f'<button type="button" class="tile" data-act="open" data-sku="{escape(piece.item.sku)}" '
            f'title="{opens}">{picture(piece.item, lang)}'
            f'<span class="slot">{escape(slot_name(piece.slot, lang))}</span></button>'
        )
    keep = button(
        "keep", "", look="icon-only", picture="keep", label=say("look.keep", lang), what="look", number=number, pressed=False
    )
    gaps = "".join(
        f"<li><b>{escape(slot_name(gap.slot, lang))}</b> {escape(gap.reason)}</li>" for gap in look.unfilled
    )
    open_slots = f'<div class="gaps"><p>{escape(say("look.unfilled", lang))}</p><ul>{gaps}</ul></div>' if gaps else ""
    saves = "".join(
        button("save", say(f"look.{kind}", lang), look="quiet", number=number, kind=kind)
        for kind in ("picture", "page", "data")
    )
    saves += button("keep", say("look.link", lang), look="quiet", picture="link", what="link", number=number)
    return (
        f'<article class="look" aria-label="{escape(say("look.label", lang, number=number + 1, title=look.title))}">'
        f'<header><p class="kicker">{escape(say("look.number", lang, number=number + 1))}</p>{keep}'
        f"<h4>{escape(look.title)}</h4>{_total(look, lang)}</header>"
        f'<div class="board n{len(tiles)}">{"".join(tiles)}</div>'
        f'<p class="reason">{escape(look.reason)}</p>'
        f'<ul class="pieces">{"".join(piece_row(piece, number, lang) for piece in look.pieces)}</ul>'
        f'{open_slots}<footer><span>{escape(say("look.save", lang))}</span>{saves}</footer></article>'
    )


def _total(look: Look, lang: Lang) -> str:
    """The sum of the pieces; beside own clothes, of what is to be bought."""
    own = any(piece.is_own for piece in look.pieces)
    if own and all(piece.is_own for piece in look.pieces):
        return f'<p class="total"><b>{escape(say("look.nothing_to_buy", lang))}</b></p>'
    total = price_text(look.total, look.currency, lang)
    words = say("look.to_buy" if own else "look.total", lang)
    return f'<p class="total"><span>{escape(words)}</span> <b>{escape(total)}</b></p>' if total else ""


def _own_picture(garment: Garment) -> str:
    """The picture of an item of the shop that looks are built around."""
    if garment.sku is None:
        return ""
    return f'<img src="items/{quote(garment.sku, safe="")}/picture" alt="{escape(garment.title)}">'


def piece_row(piece: Piece, number: int, lang: Lang) -> str:
    item = piece.item
    closest = f'<em class="badge">{escape(say("piece.closest", lang))}</em>' if piece.is_closest else ""
    if piece.verdict.model == BY_A_STYLIST:
        closest += f'<em class="badge chosen">{escape(say("piece.stylist", lang))}</em>'
    locked = f'<em class="badge kept">{escape(say("piece.locked", lang))}</em>'  # shown while the row has class locked
    scarce = " scarce" if item.stock is not None and item.stock <= 3 else ""
    lock_words = say("piece.unlock" if piece.is_locked else "piece.lock", lang)
    acts = "".join(
        (
            button(
                "lock", "", look="icon-only", picture="lock" if piece.is_locked else "unlock",
                label=f"{lock_words}: {item.title}", sku=item.sku, pressed=piece.is_locked,
            ),
            button(
                "swap", "", look="icon-only", picture="swap", label=f"{say('piece.swap', lang)}: {item.title}",
                sku=item.sku, number=number, name=item.title,
            ),
            button(
                "remove", "", look="icon-only", picture="remove", label=f"{say('piece.remove', lang)}: {item.title}",
                sku=item.sku, name=item.title,
            ),
        )
    )
    paid = (
        f'<p class="price"><span class="stock">{escape(say("piece.own", lang))}</span></p>'
        if piece.is_own
        else f'<p class="price">{price(item, lang)}<span class="stock{scarce}">'
        f"{escape(stock_text(item, lang))}</span></p>"
    )
    return (
        f'<li class="piece{" locked" if piece.is_locked else ""}" data-piece="{escape(item.sku)}">'
        f'<p class="kicker">{escape(slot_name(piece.slot, lang))}{closest}{locked}</p>'
        f'<p class="name">{escape(item.title)}</p>{item_words(item, lang)}'
        f'{paid}<p class="why">{escape(piece.verdict.reason)}</p><div class="acts">{acts}</div></li>'
    )


def item_words(item: Item, lang: Lang) -> str:
    """Titles come as the shop wrote them; in Chinese, colour and category are said below in words of the table."""
    if lang == "en":
        return ""
    colour = colour_name(item.colour, lang) if item.colour else ""
    return f'<p class="gloss">{escape(colour + category_name(item.category, lang))}</p>'
