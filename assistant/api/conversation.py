"""A list of messages as a conversation with the stylist: every user message is a turn of `assistant.chat`, in order.

Nothing is kept between requests. What the assistant said before is not read: the turns that led to it are taken again,
and give the same.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from assistant import report, turn
from assistant.api import errors
from assistant.api.pictures import Photo
from assistant.api.telling import tell
from assistant.chat import Chat
from assistant.looks import Recommendation, Trace
from assistant.stylist import Progress, Stylist
from assistant.talk import (
    Answered,
    Around,
    Ask,
    Choice,
    Choose,
    Found,
    Line,
    Part,
    Reply,
    Reroll,
    Say,
    ShowPhoto,
    Talk,
    Trouble,
    Undo,
)
from assistant.understanding import understand
from assistant.words import label_name, say
from retrieval.items import Hit, Lang
from retrieval.words import is_han

_MOST_PICKED = 12  # words of a message that may be nothing but a choice


@dataclass(frozen=True, slots=True)
class Said:
    """One user message: its words and its photos."""

    text: str
    photos: tuple[Photo, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """The reply to the last message: in words that make sense alone, and as plain data; how it came about."""

    text: str
    data: dict[str, Any]
    trace: Trace


def answer(
    stylist: Stylist, messages: Sequence[Said], stopped: threading.Event, *, longest_s: float
) -> Iterator[Progress | Answer]:
    """Progress as it happens, then the Answer. Raises errors.ApiError where the last turn fails, turn.Cancelled once
    `stopped` is set; all turns together take at most `longest_s` seconds.
    """
    photos: dict[str, Photo] = {}
    chat_ = Chat(stylist, lambda name: photos[name].picture)
    talk, parts = Talk(), ()
    with turn.within(time.monotonic() + longest_s, stopped.is_set):
        for place, message in enumerate(messages):
            is_last = place == len(messages) - 1
            told: list[Part] = []
            # Of an earlier message only its last photo matters: each one is a new question.
            shown = message.photos if is_last else message.photos[-1:]
            names = [f"photo-{place}-{number}" for number in range(len(shown))]
            photos.update(zip(names, shown, strict=True))
            talk, asks = _asks(stylist, talk, parts, message.text, names)
            for ask in asks:
                reply = yield from _turn(chat_, talk, ask, is_told=is_last)
                talk, parts = reply.talk, reply.parts
                told += parts
    for part in told:
        if isinstance(part, Trouble):
            raise errors.of_code(part.code, part.message, part.hint, param="messages")
    if all(isinstance(part, Line) for part in told):  # "sorry?" in the language that was spoken
        talk = _speaking(talk, messages[-1].text)
    photo = photos[talk.photo] if talk.photo else None
    answered, found = _shown(told)
    data = {"language": talk.lang, **_data(answered, photo), "found": [report.hit(hit) for hit in found]}
    yield Answer(tell(told, talk), data, answered.trace)


def _turn(chat_: Chat, talk: Talk, ask: Ask, *, is_told: bool) -> Iterator[Progress | Reply]:
    for event in chat_.turn(talk, ask):  # ends with the turn around it
        if isinstance(event, Reply):
            turn.current().check_cancelled()
            return event
        if is_told:
            yield event
    raise AssertionError("a turn ends with a reply")


def _asks(
    stylist: Stylist, talk: Talk, before: Sequence[Part], text: str, names: Sequence[str]
) -> tuple[Talk, list[Ask]]:
    """What a message asks for. Words beside a photo are wishes for its looks; without one they may pick from what was
    offered, be a command, or be said as on the page."""
    text = text.strip()
    if names:
        return _wishing(stylist, talk, text), [ShowPhoto(name) for name in names]
    if talk.garment is None:  # otherwise a change of language tells the looks anew
        talk = _speaking(talk, text)
    picked = _picked(text, talk, before)
    if picked is not None:
        return talk, [picked]
    command = _COMMANDS.get(_bare(text))
    return talk, [command or Say(text)]


def _wishing(stylist: Stylist, talk: Talk, text: str) -> Talk:
    if not text:
        return talk
    talk = _speaking(talk, text)
    wish = understand(text, talk.wish)
    if wish == talk.wish:  # as in a turn of words: where the rules read nothing, a model may
        wish = stylist.model.understand(text, talk.wish)
    return replace(talk, wish=wish)


def _speaking(talk: Talk, text: str) -> Talk:
    """The conversation in the language of a message."""
    return replace(talk, wish=replace(talk.wish, lang=_lang(text, talk.lang)))


def _lang(text: str, lang: Lang) -> Lang:
    return "zh" if is_han(text) else "en" if any(char.isalpha() for char in text) else lang


def _picked(text: str, talk: Talk, before: Sequence[Part]) -> Ask | None:
    """The garment or product that a message names by its number, name or sku, of those that the last answer offered."""
    offered = next((part for part in before if isinstance(part, Choice | Found)), None)
    words = _bare(text)
    if offered is None or not words or len(words.split()) > _MOST_PICKED:
        return None
    number = _number(words)
    if isinstance(offered, Found):
        for place, hit in enumerate(offered.hits, 1):
            if number == place or hit.item.sku.lower() in words.split():
                return Around(hit.item.sku)
        return None
    if words in (_bare(say("choose.whole", "en")), _bare(say("choose.whole", "zh")), "whole photo", "the whole photo"):
        return Choose(None)
    named = []
    for place, found in enumerate(offered.detections, 1):
        if number == place:
            return Choose(found.box)
        names = {label_name(found.slot, found.label, "en").lower(), label_name(found.slot, found.label, "zh")}
        names.add(_bare(found.label))
        if any(name in words if is_han(name) else f" {name} " in f" {words} " for name in names if name):
            named.append(found)
    return Choose(named[0].box) if len(named) == 1 else None


_ORDINALS = {
    word: number
    for number, words in enumerate(
        (("first", "一"), ("second", "二"), ("third", "三"), ("fourth", "四"), ("fifth", "五"), ("sixth", "六")), 1
    )
    for word in words
}


def _number(words: str) -> int | None:
    """ "2", "number 2", "the second one", "第二件": the place in a list, None where the words are anything else."""
    match = re.fullmatch(r"(?:the |number |no |option )*(\d{1,2}|[a-z]+)(?: one)?", words)
    match = match or re.fullmatch(r"第?([一二三四五六]|\d)[件个条双款]?", words)
    if match is None:
        return None
    return int(match[1]) if match[1].isdecimal() else _ORDINALS.get(match[1])


def _bare(text: str) -> str:
    return " ".join(re.sub(r"[^\w\s-]", " ", text.lower()).split())


_COMMANDS: dict[str, Ask] = {
    _bare(say(key, lang)): ask
    for key, ask in (("you.reroll", Reroll()), ("you.undo", Undo()))
    for lang in ("en", "zh")
}


def _shown(parts: Sequence[Part]) -> tuple[Recommendation, tuple[Hit, ...]]:
    """The recommendation of the last part that has one (or what a photo shows), and products that were found."""
    answered, found = Recommendation(()), ()
    for part in parts:
        match part:
            case Answered(one):
                answered = one
            case Choice():
                answered = Recommendation(part.detections)
            case Found(hits):
                found = hits
    return answered, found


def _data(answered: Recommendation, photo: Photo | None) -> dict[str, Any]:
    """A recommendation as data, with boxes in pixels of the photo that was sent."""
    data = report.recommendation(answered)
    for detection in (*data["detections"], *([data["chosen"]] if data["chosen"] else [])):
        if photo is not None:
            detection["box"] = photo.corners(detection["box"])
    return data
