"""Events as HTML: pure functions, every text of a catalogue, a model or a shopper escaped.

The cards of an answer are in `assistant/ui/cards.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from assistant.looks import Recommendation, Trace
from assistant.stylist import Progress
from assistant.talk import Answered, Choice, Found, Line, Part, Trouble
from assistant.ui.cards import (
    button,
    found_product,
    garment_card,
    garment_title,
    icon,
    item_words,
    look_card,
    picture,
    price,
    shelf,
    swatches,
)
from assistant.wish import Wish
from assistant.words import TEXTS, category_name, gender_name, label_name, named, say, stock_text
from retrieval.items import Box, Detection, Hit, Item, Lang

__all__ = [
    "answered", "chips", "garment_title", "has_wishes", "item_dialog", "offer", "part", "parts", "progress", "trouble", "you"
]  # fmt: skip

_SAME_SHOWN = 5


# --- parts of a conversation ------------------------------------------------------------------------------------------


def parts(all_: Sequence[Part], lang: Lang, wish: Wish, token: str | None, kinds: Sequence[str] = ()) -> str:
    """The parts of a reply in order; the photos that it offers are one choice."""
    offered = [one for one in all_ if isinstance(one, Choice)]
    others = "".join(part(one, lang, wish, token, kinds) for one in all_ if not isinstance(one, Choice))
    return others + (choice(offered, lang) if offered else "")


def part(one: Part, lang: Lang, wish: Wish, token: str | None, kinds: Sequence[str] = ()) -> str:
    """One part of a reply. `token` names the crop of the shopper's garment, None where there is no such picture;
    `kinds` are the categories that a garment can be corrected to.
    """
    match one:
        case Line(key, values):
            return f'<p class="says">{escape(say(key, lang, **values))}</p>'
        case Choice():
            return choice([one], lang)
        case Answered(answer, is_new):
            return answered(answer, lang, wish, token, is_new, kinds)
        case Found(hits):
            return f'<p class="says">{escape(say("found.say", lang))}</p>' + shelf(hits, lang, act="around")
        case Trouble(code, message, hint):
            return trouble(code, message, hint, lang)


def trouble(code: str, message: str, hint: str, lang: Lang) -> str:
    key = f"error.{code}" if f"error.{code}" in TEXTS else "error.error"
    details = " ".join(filter(None, (message.strip(), hint.strip())))
    more = (
        f"<details><summary>{escape(say('error.what', lang))}</summary><p>{escape(details)}</p></details>"
        if details
        else ""
    )
    return f'<div class="trouble" role="alert"><p>{escape(say(key, lang))}</p>{more}</div>'


def you(text: str, photos: Sequence[str] = ()) -> str:
    """What the shopper said or did. `photos` are addresses of pictures that were sent."""
    sent = "".join(f'<img class="sent" src="{escape(photo)}" alt="{escape(text)}">' for photo in photos)
    return f'<div class="bubble">{sent or escape(text)}</div>'


def offer(what: str, number: int, lang: Lang) -> str:
    """The question whether to keep something; nothing is kept before the answer is yes."""
    yes = button("yes", say("keep.yes", lang), look="solid", what=what, number=number)
    how = say("keep.how", lang)
    return (
        f'<p class="says">{escape(say(f"keep.ask_{what}", lang))}</p><p class="aside">{escape(how)} '
        f'{escape(say("keep.say_yes", lang))}</p><div class="row offer">{yes}</div>'
    )


def progress(steps: Sequence[Progress], lang: Lang) -> str:
    """The steps so far, the last one under way; a step that is told twice is shown once, as it was told last."""
    latest: dict[str, Progress] = {}
    for step in steps:
        latest[step.step] = step
    rows = []
    for place, step in enumerate(latest.values()):
        done = place < len(latest) - 1
        state = "done" if done else "now"
        rows.append(f'<li class="{state}">{icon("check") if done else "<i></i>"}{escape(step_text(step, lang))}</li>')
    return f'<ol class="steps" role="status">{"".join(rows)}</ol>'


def step_text(step: Progress, lang: Lang) -> str:
    counts = {name: int(value) for name, value in step.counts.items()}
    if step.step == "judge" and counts.get("asked") and "done" in counts:
        return say("step.judge_some", lang, done=counts["done"], asked=counts["asked"])
    if step.step == "detect" and "garments" in counts:
        return say("step.detect_done", lang, garments=counts["garments"])
    if step.step == "search" and "items" in counts:
        return say("step.search_done", lang, items=counts["items"])
    return say(f"step.{step.step}", lang)


def choice(offered: Sequence[Choice], lang: Lang) -> str:
    """The photos with a button over each garment, and each garment once more beside them."""
    count = sum(len(one.detections) for one in offered)
    key = "choose.ask_photos" if len(offered) > 1 else "choose.ask"
    words = say(key, lang, count=count, photos=len(offered)) if count else say("none.say", lang)
    how = say("choose.how" if count else "none.try", lang)
    tiles = "".join(tile for one in offered for tile in _crops(one, lang))
    crops = f'<ul class="crops">{tiles}</ul>' if tiles else ""
    whole = button("choose", say("choose.whole", lang), photo=offered[0].photo) if len(offered) == 1 else ""
    mark = button("mark", say("choose.mark", lang), picture="frame")
    take = button("take", say("choose.take", lang), look="solid")
    cancel = button("unmark", say("choose.cancel", lang), look="quiet")
    names = " ".join(one.photo for one in offered)
    photos = "".join(_boxed(one, lang) for one in offered)
    return (
        f'<p class="says">{escape(words)}</p><p class="aside">{escape(how)}</p>'
        f'<div class="pick{" many" if len(offered) > 1 else ""}" data-photos="{escape(names)}">'
        f'<div class="photos">{photos}</div>'
        f'<div class="beside">{crops}<div class="row unmarked">{mark}{whole}</div>'
        f'<div class="row marked" hidden>{take}{cancel}</div></div></div>'
    )


def _boxed(one: Choice, lang: Lang) -> str:
    """A photo with its boxes. Small ones lie above large ones, so that each can be reached."""
    width, height = one.size
    boxes = []
    for number, found in enumerate(sorted(one.detections, key=lambda d: -d.box.area), 1):
        name = label_name(found.slot, found.label, lang)
        box = found.box
        place = (
            f"left:{100 * box.x0 / width:.2f}%;top:{100 * box.y0 / height:.2f}%;"
            f"width:{100 * box.width / width:.2f}%;height:{100 * box.height / height:.2f}%"
        )
        boxes.append(
            f'<button type="button" class="box" style="{place};z-index:{number}" {_chooses(one, found, name)} '
            f'aria-label="{escape(say("choose.box", lang, name=name.lower()))}"><span>{escape(name)}</span></button>'
        )
    label = escape(say("choose.photo", lang, count=len(one.detections)))
    return (
        f'<div class="choice" data-photo="{escape(one.photo)}" data-width="{width}" data-height="{height}" '
        f'style="--w:{width};--h:{height}" role="group" '
        f'aria-label="{label}"><img src="photos/{escape(one.photo)}" alt="" width="{width}" height="{height}" '
        f'draggable="false">{"".join(boxes)}<div class="drawn" hidden></div>'
        f'<div class="marker" tabindex="0" role="group" aria-label="{escape(say("choose.frame", lang))}" hidden>'
        f"<i></i><i></i><i></i><i></i></div></div>"
    )


def _crops(one: Choice, lang: Lang) -> list[str]:
    """Each garment cut out of the photo, as a button with its name; the photo itself is cut by CSS."""
    tiles = []
    for found in one.detections:
        name = label_name(found.slot, found.label, lang)
        tiles.append(
            f'<li><button type="button" class="crop" {_chooses(one, found, name)}>'
            f'<span class="frame" style="background-image:url(photos/{escape(one.photo)});{_window(found.box, one.size)}">'
            f"</span><span>{escape(name)}</span></button></li>"
        )
    return tiles


def _chooses(one: Choice, found: Detection, name: str) -> str:
    sides = ",".join(f"{side:.1f}" for side in found.box.as_tuple())
    return f'data-act="choose" data-photo="{escape(one.photo)}" data-box="{sides}" data-name="{escape(name)}"'


def _window(box: Box, size: tuple[int, int]) -> str:
    """Size and position of a background so that a square tile shows the box, with as much around it as makes it square."""
    width, height = size
    side = min(1.08 * max(box.width, box.height), width, height)
    left = min(max((box.x0 + box.x1 - side) / 2, 0.0), width - side)
    top = min(max((box.y0 + box.y1 - side) / 2, 0.0), height - side)
    across = 100 * left / (width - side) if width > side else 0.0
    down = 100 * top / (height - side) if height > side else 0.0
    return f"background-size:{100 * width / side:.1f}% auto;background-position:{across:.1f}% {down:.1f}%"


def answered(
    answer: Recommendation, lang: Lang, wish: Wish, token: str | None, is_new: bool, kinds: Sequence[str]
) -> str:
    parts = []
    if is_new and answer.garment is not None:
        card = garment_card(answer.garment, lang, token, kinds, several=len(answer.detections) > 1)
        same = ""
        if answer.same_product:
            same = found_product(answer.same_product[:_SAME_SHOWN], lang)
        parts.append(f'<div class="seen">{card}{same}</div>')
    parts.append(looks(answer, lang, wish, token))
    parts.append(notes(answer, lang))
    return "".join(parts)


def looks(answer: Recommendation, lang: Lang, wish: Wish, token: str | None) -> str:
    if not answer.looks:
        return (
            f'<p class="says">{escape(say("looks.none", lang))}</p>'
            f'<p class="aside">{escape(say("looks.none_try", lang))}</p>'
        )
    own = any(piece.is_own for look in answer.looks for piece in look.pieces)
    key = "looks.title_own" if own else "looks.title_wish" if has_wishes(wish) else "looks.title"
    back = button("shop", say("own.shop", lang), look="quiet") if own else ""
    cards = "".join(
        look_card(look, number, answer.garment, lang, token) for number, look in enumerate(answer.looks)
    )
    head = f'<div class="heading"><h3>{escape(say(key, lang, count=len(answer.looks)))}</h3>{back}</div>'
    return f'{head}<div class="looks of{len(answer.looks)}">{cards}</div>'


def has_wishes(wish: Wish) -> bool:
    """Was anything asked for beyond the language and what was taken off by hand?"""
    return bool(wish.chips(wish.lang))


def notes(answer: Recommendation, lang: Lang) -> str:
    """What stands in for something better, and how the answer came about: there for who wants to know."""
    trace = answer.trace
    if not trace.steps and not trace.notices:
        return ""
    notices = "".join(f"<li>{escape(notice)}</li>" for notice in trace.notices)
    told = f'<p class="kicker">{escape(say("notice.title", lang))}</p><ul>{notices}</ul>' if notices else ""
    withheld = (
        f"<li>{escape(say('trace.withheld', lang, count=len(answer.withheld)))}</li>" if answer.withheld else ""
    )
    summary = escape(say("trace.title", lang, seconds=f"{trace.seconds:.1f}"))
    return f'<details class="notes"><summary>{summary}</summary><ul>{_steps(trace, lang)}{withheld}</ul>{told}</details>'


def _steps(trace: Trace, lang: Lang) -> str:
    rows = []
    for step in trace.steps:
        name = step_text(Progress(step.name, step.counts), lang) if step.name != "judge" else say("step.judge", lang)
        model = f" · {step.model}" if step.model else ""
        text = say("trace.step", lang, name=name, seconds=f"{step.seconds:.2f}") + model
        rows.append(f"<li>{escape(text)}</li>")
    return "".join(rows)


# --- around the conversation ------------------------------------------------------------------------------------------


def chips(wish: Wish, lang: Lang, *, can_undo: bool, can_reroll: bool) -> str:
    """The wishes in force, each with a way to take it off; undo and other looks beside them."""
    taken = "".join(
        f'<li><button type="button" class="chip" data-act="drop" data-key="{escape(chip.key)}" '
        f'data-name="{escape(chip.text)}" aria-label="{escape(say("wish.off", lang, chip=chip.text))}">'
        f"{escape(chip.text)}{icon('remove')}</button></li>"
        for chip in wish.chips(lang)
    )
    others = button("reroll", say("look.reroll", lang), look="quiet", picture="reroll") if can_reroll else ""
    undo = button("undo", say("you.undo", lang), look="quiet", picture="undo") if can_undo else ""
    listed = f'<ul aria-label="{escape(say("wish.title", lang))}">{taken}</ul>' if taken else "<span></span>"
    return f'{listed}<div class="row">{others}{undo}</div>' if taken or others or undo else ""


def item_dialog(item: Item, similar: Sequence[Hit], lang: Lang) -> str:
    """More about one item: a large picture, facts of the catalogue, what looks like it, a link where the feed has one."""
    link = ""
    if item.url and item.url.startswith(("https://", "http://")):
        link = (
            f'<a class="button ghost" href="{escape(item.url)}" target="_blank" rel="noopener noreferrer">'
            f"{escape(say('item.link', lang))}</a>"
        )
    mine = button("keep", say("item.mine", lang), picture="keep", what="item", sku=item.sku) if item.slot else ""
    like = shelf(similar, lang, act="open") if similar else f'<p class="aside">{escape(say("item.no_similar", lang))}</p>'
    facts = [category_name(item.category, lang), gender_name(item.gender, lang)]
    facts += [named("usage", item.usage, lang)] if item.usage else []
    return (
        f'<div class="sheet"><figure>{picture(item, lang)}</figure><div>'
        f'<p class="kicker">{escape(" · ".join(facts))}</p><h2 id="sheet-title">{escape(item.title)}</h2>'
        f'{item_words(item, lang)}'
        f'<p class="price">{price(item, lang)}<span class="stock">{escape(stock_text(item, lang))}</span></p>'
        f'{swatches(item.palette, lang)}<p class="aside">{escape(say("item.sku", lang, sku=item.sku))}</p>'
        f'<div class="row">{button("around", say("item.style", lang), look="solid", sku=item.sku, name=item.title)}{mine}{link}'
        f"</div></div></div><h3>{escape(say('item.similar', lang))}</h3>{like}"
    )
