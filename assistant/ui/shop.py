"""The shop page: a conversation in Gradio Blocks. It shows what `assistant.chat` says and decides nothing itself.

What is seen stands in the page's own document (`assistant.ui.front`), whose script (`shop.js`) sends what the shopper does
as events of one component here, and puts the answers in place; each visitor's conversation is a value in the session.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any

from assistant import lookbook, looks, report, stylists, talk, wish
from assistant.chat import Chat
from assistant.compose import Assistant
from assistant.looks import OWN
from assistant.orders import Order, order_in
from assistant.packing import classes_of
from assistant.shared import SharedVisits
from assistant.stylist import Progress
from assistant.talk import Line, Reply, Talk
from assistant.ui import render
from assistant.ui.asked import Reader, said
from assistant.ui.files import Drawer, sample_photos
from assistant.ui.stubs import without_type_stubs
from assistant.ui.visitors import visitor_in
from assistant.wardrobe import Wardrobe
from assistant.words import TEXTS, say
from retrieval import images, items, resources
from retrieval.errors import InvalidInput, OutfitError
from retrieval.items import Lang
from retrieval.vocabulary import is_suggestible
from retrieval.words import is_han

with without_type_stubs():
    import gradio as gr

if TYPE_CHECKING:
    from fastapi import FastAPI
    from PIL.Image import Image

    from retrieval.catalogue import Catalogue

_LOG = logging.getLogger(__name__)
_COUNTS_EVERY_S = 0.1  # "checking 7 of 12" and the like
_TURNS_AT_ONCE = 16  # of all visitors together; one that waits for a model costs next to nothing
# Gradio looks here for the names of the component's events.
_JOIN = """window.joinShop({
  ask: (data) => trigger('ask', data),
  peek: (data) => trigger('peek', data),
  halt: () => trigger('halt', {}),
  answers: (receive) => watch('value', () => receive(props.value)),
})"""


@dataclass(frozen=True, slots=True)
class Visit:
    """What one visitor's session holds. `crop` names the picture of the garment in question; `offer` is what the shopper
    was asked about keeping, and has not answered yet: "garment" or "look" with its number."""

    talk: Talk = Talk()
    turns: int = 0
    crop: str | None = None
    offer: tuple[str, int] | None = None


class Stops:
    """The running turn of each session, so that its stop button can reach it."""

    def __init__(self) -> None:
        self._events: dict[str, threading.Event] = {}

    def begin(self, session: str) -> threading.Event:
        event = threading.Event()
        if previous := self._events.get(session):
            previous.set()
        self._events[session] = event
        return event

    def end(self, session: str, event: threading.Event) -> None:
        if self._events.get(session) is event:
            del self._events[session]

    def stop(self, session: str) -> None:
        if event := self._events.get(session):
            event.set()


def mount(app: FastAPI, assistant: Assistant, drawer: Drawer, wardrobe: Wardrobe) -> FastAPI:
    """Gradio's part of the page at "/" of an application: it is not seen (`assistant.ui.front` is), it runs the turns.
    Its own footer, sharing and run history stay off."""
    return gr.mount_gradio_app(
        app,
        build_page(assistant, drawer, wardrobe),
        path="/",
        theme=gr.themes.Base(font="system-ui", font_mono="ui-monospace"),
        footer_links=[],
        run_history=False,
        show_error=False,
        max_file_size=1,  # nothing is uploaded to Gradio: photos go to the drawer
    )


def build_page(assistant: Assistant, drawer: Drawer, wardrobe: Wardrobe) -> gr.Blocks:
    """The page over a running assistant. Photos and exports are kept in `drawer`, which the file routes serve."""
    samples = {path.name: path for path in sample_photos(resources.path("demo/photos"))}
    kinds = tuple(name for name in assistant.catalogue.categories() if is_suggestible(name))
    reader = Reader(drawer, wardrobe, samples, kinds)
    chat = Chat(assistant.stylist, drawer.photo, wardrobe.picture)
    shop = Shop(assistant, chat, drawer, wardrobe, reader, Stops(), _visits(assistant, drawer.keep_s))
    with gr.Blocks(title=TEXTS["page.title"][0], analytics_enabled=False, delete_cache=(600, 3_600)) as page:
        visit = gr.State(Visit(), time_to_live=drawer.keep_s)  # a conversation holds crops: it goes with its photos
        conversation = gr.HTML(
            value=None,
            html_template="<div></div>",
            js_on_load=_JOIN,
            apply_default_css=False,
        )
        sheet = gr.HTML(
            value=None,
            html_template="<div></div>",
            js_on_load="watch('value', () => document.dispatchEvent(new CustomEvent('sheet', {detail: props.value})))",
            apply_default_css=False,
        )
        quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        many: dict[str, Any] = {"concurrency_limit": _TURNS_AT_ONCE, "trigger_mode": "multiple"}
        conversation.ask(shop.ask, [visit], [visit, conversation], **many, **quiet)
        conversation.peek(shop.peek, [visit], [sheet], **many, **quiet)
        conversation.halt(shop.halt, None, None, queue=False, **quiet)
    return page


def _visits(assistant: Assistant, keep_s: float) -> SharedVisits | None:
    if not assistant.settings.shared_state:
        return None
    classes = classes_of((items, looks, stylists, talk, wish, sys.modules[__name__]))
    return SharedVisits(assistant.catalogue, classes, keep_s)


@dataclass(frozen=True, slots=True)
class Shop:
    """The handlers of the page's events. Everything that belongs to a visitor comes in and goes out by argument."""

    assistant: Assistant
    chat: Chat
    drawer: Drawer
    wardrobe: Wardrobe
    reader: Reader
    stops: Stops
    visits: SharedVisits | None  # None: Gradio keeps each visitor's, in this process

    def ask(self, visit: Visit, event: gr.EventData, request: gr.Request) -> Iterator[tuple[Any, Any]]:
        """One turn, for which the conversation may come from another process, and is there for every process after it."""
        if self.visits is None:
            yield from self._ask(visit, event, request)
            return
        session = request.session_hash or ""
        for new, patch in self._ask(self._gone_on_with(visit, request), event, request):
            if isinstance(new, Visit):
                self.visits.put(session, new)
            yield new, patch

    def _gone_on_with(self, visit: Visit, request: gr.Request) -> Visit:
        return (self.visits and self.visits.get(request.session_hash or "")) or visit

    def _ask(self, visit: Visit, event: gr.EventData, request: gr.Request) -> Iterator[tuple[Any, Any]]:
        """One turn: what is shown while it runs, then its answer. A turn that fails changes nothing but its own lines."""
        asked = event._data or {}
        session = request.session_hash or ""
        stopped = self.stops.begin(session)
        visit = _in_language(visit, asked)
        turn = visit.turns + 1
        visit = replace(visit, turns=turn)
        try:
            yield from self._turn(visit, asked, visitor_in(request.cookies), stopped)
        except OutfitError as error:
            trouble = render.trouble(error.code, str(error), error.hint, visit.talk.lang)
            yield visit, self._patch(visit, {"answer": trouble})
        except Exception:
            _LOG.exception("a turn failed")
            yield visit, self._patch(visit, {"answer": render.trouble("error", "", "", visit.talk.lang)})
        finally:
            self.stops.end(session, stopped)

    def _turn(
        self, visit: Visit, asked: dict[str, Any], visitor: str | None, stopped: threading.Event
    ) -> Iterator[tuple[Any, Any]]:
        act = asked.get("act")
        order = order_in(str(asked.get("message", ""))) if act == "say" else None
        if order is not None:  # answered in the language that it was given in, as every message is
            visit = replace(visit, talk=_in_words_of(str(asked["message"]), visit.talk))
        lang = visit.talk.lang
        if act == "save":
            yield visit, {**self._patch(visit, {}), "download": self._export(visit, asked)}
            return
        if act == "keep":
            yield replace(visit, offer=None), self._keep(visit, asked, visitor)
            return
        if act == "new" or order is Order.FRESH:
            fresh = Visit(_speaking(lang), visit.turns)
            yield fresh, {**self._patch(fresh, {}), "clear": True}
            return
        if order in _OFFERS or order is Order.WARDROBE or (order is Order.YES and visit.offer):
            yield self._offered(visit, str(asked["message"]), order)
            return
        visit = replace(visit, offer=None)
        ask = self.reader.read(asked, visitor)
        nodes = {"you": said(ask, asked, lang)}
        steps: list[Progress] = []
        told, told_at = "", 0.0
        if not isinstance(ask, talk.Lock):
            first = Progress("upload" if isinstance(ask, talk.ShowPhoto | talk.ShowPhotos) else "start")
            told = render.progress([first], lang)
            yield gr.skip(), self._patch(visit, nodes | {"answer": told}, busy=True)
        for happened in self.chat.turn(visit.talk, ask, stopped):
            if isinstance(happened, Reply):
                if isinstance(ask, talk.Lock):  # seen on the piece itself; the looks stay where they are
                    yield replace(visit, talk=happened.talk), self._noted(visit, happened)
                    return
                visit, answer = self._answer(visit, happened)
                yield visit, self._patch(visit, nodes | {"answer": answer})
                return
            steps.append(happened)
            # Each patch costs the browser more than the server: a step is told at once, its counts now and then.
            is_count = len(steps) > 1 and steps[-2].step == happened.step
            progress = render.progress(steps, lang)
            if progress == told or (is_count and time.monotonic() - told_at < _COUNTS_EVERY_S):
                continue
            told, told_at = progress, time.monotonic()
            yield gr.skip(), self._patch(visit, nodes | {"answer": progress}, busy=True)

    def _offered(self, visit: Visit, message: str, order: Order) -> tuple[Visit, dict[str, Any]]:
        """Keeping, asked for in words: a question first, and only after the yes to it the page keeps (`_keep`)."""
        lang, you = visit.talk.lang, render.you(message)
        if order is Order.WARDROBE:
            return visit, {**self._patch(visit, {}), "wardrobe": True}
        if order is Order.YES:
            what, number = visit.offer
            return replace(visit, offer=None), {**self._patch(visit, {"you": you}), "keep": {"what": what, "number": number}}
        what = _OFFERS[order]
        answer = visit.talk.answer
        if answer is None or (what == "look" and not answer.looks):
            nothing = f'<p class="says">{say("keep.nothing", lang)}</p>'
            return visit, self._patch(visit, {"you": you, "answer": nothing})
        offered = replace(visit, offer=(what, 0))
        return offered, self._patch(offered, {"you": you, "answer": render.offer(what, 0, lang)})

    def _keep(self, visit: Visit, asked: dict[str, Any], visitor: str | None) -> dict[str, Any]:
        """Keep the garment in question or a look on show. Raises InvalidInput where there is none, or no cookie yet."""
        if visitor is None:
            raise InvalidInput("this browser is not known yet", hint="allow this page its cookie and try again")
        answer, lang = visit.talk.answer, visit.talk.lang
        if answer is None or answer.garment is None:
            raise InvalidInput("there is no garment on show")
        patch, what = self._patch(visit, {}), asked.get("what")
        if what == "garment":
            picture = answer.garment.picture
            if picture is None:
                raise InvalidInput("there is no picture of this garment to keep")
            self.wardrobe.keep_garment(visitor, answer.garment, picture)
            return {**patch, "note": say("keep.done_garment", lang), "saved": {"what": "garment"}}
        number = _number(asked, len(answer.looks))
        token = self.wardrobe.keep_look(visitor, answer.looks[number], answer.garment, lang)
        saved = {"what": "look", "number": number}
        if what == "link":
            return {**patch, "link": token, "saved": saved}
        return {**patch, "note": say("keep.done_look", lang), "saved": saved}

    def peek(self, visit: Visit, event: gr.EventData, request: gr.Request) -> dict[str, str]:
        """More about one item, for the sheet that opens over the page."""
        lang = self._gone_on_with(visit, request).talk.lang
        try:
            item, similar = self.chat.similar(str((event._data or {}).get("sku", "")))
            if item is None:
                raise InvalidInput("the shop does not carry this item any more")
            return {"html": render.item_dialog(item, similar, lang)}
        except OutfitError as error:
            return {"html": render.trouble(error.code, str(error), error.hint, lang)}

    def halt(self, request: gr.Request) -> None:
        self.stops.stop(request.session_hash or "")

    def _answer(self, visit: Visit, reply: Reply) -> tuple[Visit, str]:
        """The visit from now on, and the reply as HTML. A garment that is new gets its picture kept for the page."""
        crop = visit.crop
        garment = reply.talk.garment
        if garment is None or garment is not visit.talk.garment:
            crop = None
            if garment is not None and garment.sku is None and garment.picture is not None:
                crop = self.drawer.put(images.encode_jpeg(garment.picture), "image/jpeg", "garment.jpg")
        new = replace(visit, talk=reply.talk, crop=crop)
        lang, wish = reply.talk.lang, reply.talk.wish
        return new, render.parts(reply.parts, lang, wish, crop, self.reader.kinds)

    def _noted(self, visit: Visit, reply: Reply) -> dict[str, Any]:
        """The reply to a lock: a note that passes, or trouble as for any turn."""
        lang = visit.talk.lang
        patch = self._patch(replace(visit, talk=reply.talk), {})
        match reply.parts:
            case (Line(key, values),):
                return {**patch, "note": say(key, lang, **values)}
        trouble = render.parts(reply.parts, lang, reply.talk.wish, None)
        return {**patch, "nodes": {"answer": trouble}}

    def _patch(self, visit: Visit, nodes: dict[str, str], *, busy: bool = False) -> dict[str, Any]:
        """What the page has to put in place. Each patch holds all of its turn, so one that is skipped costs nothing."""
        talk = visit.talk
        return {
            "turn": visit.turns,
            "nodes": nodes,
            "busy": busy,
            "lang": talk.lang,
            "bar": render.chips(
                talk.wish, talk.lang, can_undo=talk.before is not None, can_reroll=bool(talk.pieces())
            ),
            "kept": sorted(talk.wish.locked),
            "photo": talk.photo,
        }

    def _export(self, visit: Visit, asked: dict[str, Any]) -> str:
        """The address of a look as a file. Raises InvalidInput for a look that is not on show."""
        answer, lang = visit.talk.answer, visit.talk.lang
        number = _number(asked, len(answer.looks) if answer else 0)
        look, pictures = answer.looks[number], _Pictures(self.assistant.catalogue, self.wardrobe)
        name = f"look-{number + 1}-{date.today():%Y-%m-%d}"
        match asked.get("kind"):
            case "picture":
                token = self.drawer.put(lookbook.as_png(look, answer.garment, pictures, lang), "image/png", f"{name}.png")
            case "page":
                text = lookbook.as_html(answer, pictures, lang, [look])
                token = self.drawer.put(text.encode(), "text/html; charset=utf-8", f"{name}.html")
            case "data":
                text = json.dumps(report.look(look), ensure_ascii=False, indent=2)
                token = self.drawer.put(text.encode(), "application/json", f"{name}.json")
            case kind:
                raise InvalidInput(f"a look cannot be saved as {str(kind)[:20]!r}: expected picture, page or data")
        return f"exports/{token}"


@dataclass(frozen=True, slots=True)
class _Pictures:
    """Pictures of the shop's items and of the visitor's own garments, by sku."""

    catalogue: Catalogue
    wardrobe: Wardrobe

    def picture(self, sku: str) -> Image:
        return self.wardrobe.picture(sku) if sku.startswith(OWN) else self.catalogue.picture(sku)


_OFFERS = {Order.KEEP_GARMENT: "garment", Order.KEEP_LOOK: "look"}


def _number(asked: dict[str, Any], count: int) -> int:
    """The look that is spoken of, counted from 0. Raises InvalidInput for one that is not on show."""
    number = str(asked.get("number", ""))
    if not number.isdecimal() or int(number) >= count:
        raise InvalidInput(f"there is no look {number[:10]!r} on show")
    return int(number)


def _in_language(visit: Visit, asked: dict[str, Any]) -> Visit:
    """Before anything was said, the visitor's language is the page's; afterwards the conversation has its own."""
    lang = asked.get("lang")
    if visit.turns == 0 and lang in ("en", "zh"):
        return replace(visit, talk=_speaking(lang))
    return visit


def _in_words_of(message: str, talk: Talk) -> Talk:
    return replace(talk, wish=replace(talk.wish, lang="zh" if is_han(message) else "en"))


def _speaking(lang: Lang) -> Talk:
    return Talk(wish=replace(Talk().wish, lang=lang))
