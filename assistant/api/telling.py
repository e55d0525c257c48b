"""An answer in plain words, in the language of the conversation: for every client that shows text and no more.

Titles and reasons come from the catalogue and the models. Where a client shows Markdown, nothing in them may become a
link or a picture.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from assistant.looks import Look, Piece, Recommendation
from assistant.talk import Answered, Choice, Found, Line, Part, Talk
from assistant.ui.cards import garment_title
from assistant.ui.render import has_wishes
from assistant.words import label_name, price_text, say, slot_name
from retrieval.items import Closeness, Hit, Item, Lang

_MOST_SAME = 3  # products like the garment that are named; all are in the data
_HARMLESS = str.maketrans({"[": "(", "]": ")", "<": "‹", ">": "›", "`": "'"})
_LINK = re.compile(r"\b(?:[a-z][a-z0-9+.-]{1,15}://|www\.)\S*", re.IGNORECASE)


def tell(parts: Sequence[Part], talk: Talk) -> str:
    """The parts of a reply, paragraphs apart. With several photos each answer says which photo it is about."""
    lang = talk.lang
    photos = [part for part in parts if isinstance(part, Answered | Choice)]
    paragraphs: list[str] = []
    for part in parts:
        if len(photos) > 1 and part in photos:
            paragraphs.append(f"{say('you.photo', lang)} {photos.index(part) + 1}")
        match part:
            case Line(key, values):
                paragraphs.append(say(key, lang, **values))
            case Choice():
                paragraphs += _choice(part, lang)
            case Found(hits):
                paragraphs += [say("found.say", lang), _numbered(_hit(hit, lang) for hit in hits)]
            case Answered(answer, is_new):
                paragraphs += _answer(answer, talk, is_new)
    return "\n\n".join(paragraphs)


def plain(text: str) -> str:
    """A text that others wrote, on one line, with nothing in it that Markdown would make a link or a picture of."""
    return " ".join(_LINK.sub("", text.translate(_HARMLESS)).split())


def _choice(one: Choice, lang: Lang) -> list[str]:
    if not one.detections:
        return [say("none.say", lang)]
    names = (label_name(found.slot, plain(found.label), lang) for found in one.detections)
    return [say("choose.ask", lang, count=len(one.detections)), _numbered(names)]


def _answer(answer: Recommendation, talk: Talk, is_new: bool) -> list[str]:
    lang = talk.lang
    paragraphs = []
    if is_new and answer.garment is not None:
        paragraphs.append(f"{say('garment.is', lang)}{_colon(lang)}{plain(garment_title(answer.garment, lang))}")
        if answer.same_product:
            same = _listed(_hit(hit, lang) for hit in answer.same_product[:_MOST_SAME])
            paragraphs.append(f"{say('same.title', lang)}{_colon(lang).rstrip()}\n{same}")
    if not answer.looks:
        return [*paragraphs, say("looks.none", lang)]
    title = "looks.title_wish" if has_wishes(talk.wish) else "looks.title"
    paragraphs.append(say(title, lang, count=len(answer.looks)))
    return paragraphs + [_look(look, number, lang) for number, look in enumerate(answer.looks, 1)]


def _look(look: Look, number: int, lang: Lang) -> str:
    total = price_text(look.total, look.currency, lang)
    lines = [say("look.label", lang, number=number, title=plain(look.title)), plain(look.reason)]
    lines += [_piece(piece, lang) for piece in look.pieces]
    if total:
        lines.append(f"{say('look.total', lang)} {total}")
    open_ = say("look.unfilled", lang)
    gaps = (f"{slot_name(gap.slot, lang)}{_stop(lang)}{plain(gap.reason)}" for gap in look.unfilled)
    lines += [f"{open_}{_colon(lang)}{gap}" for gap in gaps]
    return "\n".join(filter(None, lines))


def _piece(piece: Piece, lang: Lang) -> str:
    closest = f" ({say('piece.closest', lang)})" if piece.is_closest else ""
    reason = plain(piece.verdict.reason)
    what = f"{slot_name(piece.slot, lang)}{_colon(lang)}{_item(piece.item, lang)}{closest}"
    return f"- {what}{_stop(lang)}{reason}".rstrip()


def _hit(hit: Hit, lang: Lang) -> str:
    if hit.closeness is None:
        return _item(hit.item, lang)
    close = say("same.is" if hit.closeness is Closeness.SAME else "same.close", lang)
    return f"{close}{_colon(lang)}{_item(hit.item, lang)}"


def _item(item: Item, lang: Lang) -> str:
    price = price_text(item.price, item.currency, lang)
    facts = ", ".join(filter(None, (say("item.sku", lang, sku=plain(item.sku)), price)))
    return f"{plain(item.title)} ({facts})"


def _colon(lang: Lang) -> str:
    return "：" if lang == "zh" else ": "


def _stop(lang: Lang) -> str:
    return "。" if lang == "zh" else ". "


def _numbered(lines: Iterable[str]) -> str:
    return "\n".join(f"{number}. {line}" for number, line in enumerate(lines, 1))


def _listed(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)
