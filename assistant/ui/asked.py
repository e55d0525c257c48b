"""What the browser sends as something that a shopper does, and how that stands in the conversation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assistant import talk
from assistant.orders import Order, order_in
from assistant.phrases import some
from assistant.talk import Ask
from assistant.ui import render
from assistant.ui.files import Drawer
from assistant.wardrobe import Wardrobe
from assistant.words import say
from retrieval import images
from retrieval.errors import ImageTooLarge, InvalidInput
from retrieval.items import Box, Lang

MOST_PHOTOS = 8  # at a time


@dataclass(frozen=True, slots=True)
class Reader:
    """`samples` are the sample photos by name, `kinds` the categories that a garment may be corrected to."""

    drawer: Drawer
    wardrobe: Wardrobe
    samples: Mapping[str, Path]
    kinds: tuple[str, ...]

    def read(self, asked: Mapping[str, Any], visitor: str | None) -> Ask:
        """Raises InvalidInput for what is nothing that can be done here."""
        match asked:
            case {"act": "photo", "names": [str(name)]}:
                return talk.ShowPhoto(name)
            case {"act": "photo", "names": [*names]} if names and all(isinstance(name, str) for name in names):
                return talk.ShowPhotos(tuple(names[:MOST_PHOTOS]))
            case {"act": "too_large"}:
                raise ImageTooLarge(f"a photo may have at most {images.Limits().max_bytes // 2**20} MiB")
            case {"act": "sample", "name": str(name)} if name in self.samples:
                return talk.ShowPhoto(self.drawer.put(self.samples[name].read_bytes()))
            case {"act": "choose", "box": str(box)}:
                return talk.Choose(_box(box), _text(asked, "photo"))
            case {"act": "choose"}:
                return talk.Choose(None, _text(asked, "photo"))
            case {"act": "again"}:
                return talk.ChooseAgain()
            case {"act": "correct", "category": str(category)} if category in self.kinds:
                return talk.Correct(category)
            case {"act": "say", "message": str(message)}:
                return self._ordered(message, _text(asked, "opened"), visitor)
            case {"act": "drop", "key": str(key)}:
                return talk.DropWish(key)
            case {"act": "lock", "sku": str(sku)}:
                return talk.Lock(sku)
            case {"act": "swap", "sku": str(sku), "number": str(number)} if number.isdecimal():
                return talk.Swap(int(number), sku)
            case {"act": "remove", "sku": str(sku)}:
                return talk.Remove(sku)
            case {"act": "reroll"}:
                return talk.Reroll()
            case {"act": "around", "sku": str(sku)}:
                return talk.Around(sku)
            case {"act": "own"}:
                return self._from_own(visitor)
            case {"act": "shop"}:
                return talk.FromShop()
            case {"act": "mine", "id": str(name)}:
                return talk.Wear(self.wardrobe.garment(visitor or "", name))
            case {"act": "open_look", "token": str(token)}:
                kept = self.wardrobe.open_look(token)
                return talk.OpenLook(kept.answer, kept.lang)
            case {"act": "speak", "lang": "en" | "zh" as lang}:
                return talk.Speak(lang)
            case {"act": "undo"}:
                return talk.Undo()
        raise InvalidInput(f"the page asked for {str(asked.get('act'))[:40]!r}, which is nothing that can be done here")

    def _ordered(self, message: str, opened: str | None, visitor: str | None) -> Ask:
        match order_in(message):
            case Order.UNDO:
                return talk.Undo()
            case Order.REROLL:
                return talk.Reroll()
            case Order.OWN:
                return self._from_own(visitor)
            case Order.SHOP:
                return talk.FromShop()
        return talk.Say(message, opened)

    def _from_own(self, visitor: str | None) -> Ask:
        return talk.FromOwn(tuple(self.wardrobe.garments(visitor)) if visitor else ())


def said(ask: Ask, asked: Mapping[str, Any], lang: Lang) -> str:
    """What the shopper did, as their own line of the conversation; "" for what needs none."""
    if asked.get("act") == "say":
        return render.you(str(asked.get("message", "")))
    name = str(asked.get("name", ""))[:200]
    match ask:
        case talk.ShowPhoto() if asked.get("act") == "sample":
            return render.you(say("you.photo", lang), [f"samples/{name}"])
        case talk.ShowPhoto(photo):
            return render.you(say("you.photo", lang), [f"photos/{photo}"])
        case talk.ShowPhotos(photos):
            return render.you(say("you.photo", lang), [f"photos/{photo}" for photo in photos])
        case talk.Choose(None):
            return render.you(say("you.whole", lang))
        case talk.Choose():
            return render.you(say("you.chose", lang, name=name.lower()) if name else say("you.drawn", lang))
        case talk.Correct(category):
            return render.you(say("you.correct", lang, name=some(category, lang)))
        case talk.DropWish():
            return render.you(say("you.drop", lang, chip=name))
        case talk.Swap():
            return render.you(say("you.swap", lang, title=name))
        case talk.Remove():
            return render.you(say("you.remove", lang, title=name))
        case talk.Around() | talk.Wear():
            return render.you(say("you.around", lang, title=name))
        case talk.FromOwn():
            return render.you(say("you.own", lang))
        case talk.FromShop():
            return render.you(say("you.shop", lang))
        case talk.OpenLook():
            return render.you(say("you.open_look", lang))
        case talk.Reroll():
            return render.you(say("you.reroll", lang))
        case talk.Undo():
            return render.you(say("you.undo", lang))
        case talk.ChooseAgain():
            return render.you(say("you.again", lang))
    return ""


def _text(asked: Mapping[str, Any], key: str) -> str | None:
    value = asked.get(key)
    return value if isinstance(value, str) and value else None


def _box(text: str) -> Box:
    try:
        left, top, right, bottom = (float(side) for side in text.split(","))
    except ValueError as error:
        raise InvalidInput(f"box {text[:60]!r}: expected left,top,right,bottom in pixels") from error
    return Box(left, top, right, bottom)
