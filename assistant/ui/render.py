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
from retrieval.items import Hit, Item, Lang

__all__ = ["answered", "chips", "garment_title", "has_wishes", "item_dialog", "part", "progress", "trouble", "you"]

_SAME_SHOWN = 5


# --- parts of a conversation ------------------------------------------------------------------------------------------


def part(one: Part, lang: Lang, wish: Wish, token: str | None, kinds: Sequence[str] = ()) -> str:
    """One part of a reply. `token` names the crop of the shopper's garment, None where there is no such picture;
    `kinds` are the categories that a garment can be corrected to.
    """
    match one:
        case Line(key, values):
            return f'<p class="says">{escape(say(key, lang, **values))}</p>'
        case Choice():
            return choice(one, lang)
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


def you(text: str, photo: str | None = None) -> str:
    """What the shopper said or did. `photo` is the name of a kept photo."""
    shown = f'<img class="sent" src="photos/{escape(photo)}" alt="{escape(text)}">' if photo else escape(text)
    return f'<div class="bubble">{shown}</div>'


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


def choice(one: Choice, lang: Lang) -> str:
    """The photo with a button over each garment. Small boxes lie above large ones, so that each can be reached."""
    width, height = one.size
    count = len(one.detections)
    boxes = []
    for number, found in enumerate(sorted(one.detections, key=lambda d: -d.box.area), 1):
        name = label_name(found.slot, found.label, lang)
        box = found.box
        place = (
            f"left:{100 * box.x0 / width:.2f}%;top:{100 * box.y0 / height:.2f}%;"
            f"width:{100 * box.width / width:.2f}%;height:{100 * box.height / height:.2f}%"
        )
        sides = ",".join(f"{side:.1f}" for side in box.as_tuple())
        boxes.append(
            f'<button type="button" class="box" style="{place};z-index:{number}" data-act="choose" data-box="{sides}" '
            f'data-name="{escape(name)}" aria-label="{escape(say("choose.box", lang, name=name.lower()))}">'
            f"<span>{escape(name)}</span></button>"
        )
    if count:
        words = f'<p class="says">{escape(say("choose.ask", lang, count=count))}</p>'
        how = say("choose.how", lang)
    else:
        words = f'<p class="says">{escape(say("none.say", lang))}</p>'
        how = say("none.try", lang)
    photo = (
        f'<div class="choice" data-width="{width}" data-height="{height}" role="group" '
        f'aria-label="{escape(say("choose.photo", lang, count=count))}">'
        f'<img src="photos/{escape(one.photo)}" alt="" width="{width}" height="{height}" draggable="false">'
        f'{"".join(boxes)}<div class="drawn" hidden></div></div>'
    )
    whole = button("choose", say("choose.whole", lang))
    return (
        f'{words}<p class="aside">{escape(how)}</p><div data-photo="{escape(one.photo)}">{photo}'
        f'<div class="row">{whole}</div></div>'
    )


def answered(
    answer: Recommendation, lang: Lang, wish: Wish, token: str | None, is_new: bool, kinds: Sequence[str]
) -> str:
    parts = []
    if is_new and answer.garment is not None:
        card = garment_card(answer.garment, lang, token, kinds, several=len(answer.detections) > 1)
        same = ""
        if answer.same_product:
            products = shelf(answer.same_product[:_SAME_SHOWN], lang, act="open")
            same = f'<section class="same"><h3>{escape(say("same.title", lang))}</h3>{products}</section>'
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
    key = "looks.title_wish" if has_wishes(wish) else "looks.title"
    cards = "".join(
        look_card(look, number, answer.garment, lang, token) for number, look in enumerate(answer.looks)
    )
    return f'<h3>{escape(say(key, lang, count=len(answer.looks)))}</h3><div class="looks">{cards}</div>'


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
    like = shelf(similar, lang, act="open") if similar else f'<p class="aside">{escape(say("item.no_similar", lang))}</p>'
    facts = [category_name(item.category, lang), gender_name(item.gender, lang)]
    facts += [named("usage", item.usage, lang)] if item.usage else []
    return (
        f'<div class="sheet"><figure>{picture(item, lang)}</figure><div>'
        f'<p class="kicker">{escape(" · ".join(facts))}</p><h2 id="sheet-title">{escape(item.title)}</h2>'
        f'{item_words(item, lang)}'
        f'<p class="price"><b>{escape(price(item, lang))}</b><span class="stock">{escape(stock_text(item, lang))}</span></p>'
        f'{swatches(item.palette, lang)}<p class="aside">{escape(say("item.sku", lang, sku=item.sku))}</p>'
        f'<div class="row">{button("around", say("item.style", lang), look="solid", sku=item.sku, name=item.title)}{link}'
        f"</div></div></div><h3>{escape(say('item.similar', lang))}</h3>{like}"
    )
