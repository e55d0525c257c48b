"""The shop page: a conversation in Gradio Blocks. It shows what `assistant.chat` says and decides nothing itself.

The page is one component whose client side (`shop.js`) sends what the shopper does as events and puts the answers in
place; each visitor's conversation is a value in the session.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant import lookbook, looks, report, stylists, talk, wish
from assistant.chat import Chat
from assistant.compose import Assistant
from assistant.packing import classes_of
from assistant.phrases import some
from assistant.shared import SharedVisits
from assistant.stylist import Progress
from assistant.talk import Ask, Line, Reply, ShowPhoto, Talk
from assistant.ui import cards, render
from assistant.ui.files import Drawer, sample_photos
from assistant.ui.stubs import without_type_stubs
from assistant.words import TEXTS, say
from retrieval import images, items, resources
from retrieval.errors import ImageTooLarge, InvalidInput, OutfitError
from retrieval.items import Box, Lang
from retrieval.vocabulary import is_suggestible

with without_type_stubs():
    import gradio as gr

if TYPE_CHECKING:
    from fastapi import FastAPI

_LOG = logging.getLogger(__name__)
_HERE = Path(__file__).parent
_SESSION_S = 3_600  # a conversation is forgotten that long after its last turn; its photos are, too
_TURNS_AT_ONCE = 16  # of all visitors together; one that waits for a model costs next to nothing
_PAGE_WORDS = ("page.", "write.", "look.saved", "item.close", "step.stopping")



@dataclass(frozen=True, slots=True)
class Visit:
    """What one visitor's session holds. `crop` names the picture of the garment in question."""

    talk: Talk = Talk()
    turns: int = 0
    crop: str | None = None


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


def mount(app: FastAPI, assistant: Assistant, drawer: Drawer) -> FastAPI:
    """The page at "/" of an application. Gradio's own footer, sharing and run history stay off."""
    return gr.mount_gradio_app(
        app,
        build_page(assistant, drawer),
        path="/",
        # Not as `css`: Gradio would rewrite the selectors.
        head=f"<style>{(_HERE / 'shop.css').read_text(encoding='utf-8')}</style>",
        theme=gr.themes.Base(font="system-ui", font_mono="ui-monospace"),
        footer_links=[],
        run_history=False,
        show_error=False,
        max_file_size=1,  # nothing is uploaded to Gradio: photos go to the drawer
    )


def build_page(assistant: Assistant, drawer: Drawer) -> gr.Blocks:
    """The page over a running assistant. Photos and exports are kept in `drawer`, which the file routes serve."""
    samples = {path.name: path for path in sample_photos(resources.path("demo/photos"))}
    kinds = tuple(name for name in assistant.catalogue.categories() if is_suggestible(name))
    shop = Shop(assistant, Chat(assistant.stylist, drawer.photo), drawer, samples, kinds, Stops(), _visits(assistant))
    with gr.Blocks(title=TEXTS["page.title"][0], analytics_enabled=False, delete_cache=(600, _SESSION_S)) as page:
        visit = gr.State(Visit(), time_to_live=_SESSION_S)
        conversation = gr.HTML(
            value=None,
            html_template=shell(list(samples)),
            js_on_load=(_HERE / "shop.js").read_text(encoding="utf-8"),
            apply_default_css=False,
            elem_id="shop",
            words=page_words(),
            lang=assistant.settings.lang,
        )
        sheet = gr.HTML(
            value=None,
            html_template="<div></div>",
            js_on_load="watch('value', () => document.dispatchEvent(new CustomEvent('sheet', {detail: props.value})))",
            apply_default_css=False,
            elem_id="sheet-data",
        )
        quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        many: dict[str, Any] = {"concurrency_limit": _TURNS_AT_ONCE, "trigger_mode": "multiple"}
        conversation.ask(shop.ask, [visit], [visit, conversation], **many, **quiet)
        conversation.peek(shop.peek, [visit], [sheet], **many, **quiet)
        conversation.halt(shop.halt, None, None, queue=False, **quiet)
    return page


def _visits(assistant: Assistant) -> SharedVisits | None:
    if not assistant.settings.shared_state:
        return None
    classes = classes_of((items, looks, stylists, talk, wish, sys.modules[__name__]))
    return SharedVisits(assistant.catalogue, classes, _SESSION_S)


def page_words() -> dict[str, dict[str, str]]:
    """The texts of the page itself, by language and key; those of answers are filled in on the server."""
    keys = [key for key in TEXTS if key.startswith(_PAGE_WORDS)]
    return {"en": {key: TEXTS[key][0] for key in keys}, "zh": {key: TEXTS[key][1] for key in keys}}


def shell(samples: list[str]) -> str:
    """What stands still on the page. Texts are put in by `data-say` (and `data-say-label`) in the visitor's language."""
    photos = "".join(
        f'<li><button type="button" data-act="sample" data-name="{escape(name)}" data-say-label="page.sample" '
        f'data-number="{number}"><img src="samples/{escape(name)}" alt="" loading="lazy"></button></li>'
        for number, name in enumerate(samples, 1)
    )
    template = (_HERE / "shop.html").read_text(encoding="utf-8")
    for name in ("send", "stop", "photo", "camera"):
        template = template.replace(f"<!-- icon {name} -->", cards.icon(name))
    return template.replace("<!-- samples -->", photos)


@dataclass(frozen=True, slots=True)
class Shop:
    """The handlers of the page's events. Everything that belongs to a visitor comes in and goes out by argument."""

    assistant: Assistant
    chat: Chat
    drawer: Drawer
    samples: dict[str, Path]
    kinds: tuple[str, ...]  # categories that the shop carries and looks are built around
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
            yield from self._turn(visit, asked, stopped)
        except OutfitError as error:
            trouble = render.trouble(error.code, str(error), error.hint, visit.talk.lang)
            yield visit, self._patch(visit, {"answer": trouble})
        except Exception:
            _LOG.exception("a turn failed")
            yield visit, self._patch(visit, {"answer": render.trouble("error", "", "", visit.talk.lang)})
        finally:
            self.stops.end(session, stopped)

    def _turn(self, visit: Visit, asked: dict[str, Any], stopped: threading.Event) -> Iterator[tuple[Any, Any]]:
        act = asked.get("act")
        lang = visit.talk.lang
        if act == "save":
            yield visit, {**self._patch(visit, {}), "download": self._export(visit, asked)}
            return
        if act == "new":
            yield Visit(_speaking(lang), visit.turns), {**self._patch(Visit(_speaking(lang), visit.turns), {}), "clear": True}
            return
        ask = self._read(visit, asked)
        said = "" if isinstance(ask, ShowPhoto) else _said(ask, asked, lang)
        steps: list[Progress] = []
        if not isinstance(ask, talk.Lock):
            first = render.progress([Progress("upload" if isinstance(ask, ShowPhoto) else "start")], lang)
            yield gr.skip(), self._patch(visit, {"you": said, "answer": first}, busy=True)
        for happened in self.chat.turn(visit.talk, ask, stopped):
            if isinstance(happened, Reply):
                if isinstance(ask, talk.Lock):  # seen on the piece itself; the looks stay where they are
                    yield replace(visit, talk=happened.talk), self._noted(visit, happened)
                    return
                visit, answer = self._answer(visit, happened)
                yield visit, self._patch(visit, {"you": said, "answer": answer})
                return
            steps.append(happened)
            if isinstance(ask, ShowPhoto) and happened.step != "upload":
                said = render.you(say("you.photo", lang), ask.name)
            yield gr.skip(), self._patch(visit, {"you": said, "answer": render.progress(steps, lang)}, busy=True)

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

    def _read(self, visit: Visit, asked: dict[str, Any]) -> Ask:
        """What the browser sent as something that a shopper does. Raises InvalidInput for anything else."""
        match asked:
            case {"act": "photo", "name": str(name)}:
                return ShowPhoto(name)
            case {"act": "too_large"}:
                raise ImageTooLarge(f"a photo may have at most {images.Limits().max_bytes // 2**20} MiB")
            case {"act": "sample", "name": str(name)} if name in self.samples:
                return ShowPhoto(self.drawer.put(self.samples[name].read_bytes()))
            case {"act": "choose", "box": str(box)}:
                return talk.Choose(_box(box))
            case {"act": "choose"}:
                return talk.Choose(None)
            case {"act": "again"}:
                return talk.ChooseAgain()
            case {"act": "correct", "category": str(category)} if category in self.kinds:
                return talk.Correct(category)
            case {"act": "say", "message": str(message)}:
                return talk.Say(message)
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
            case {"act": "speak", "lang": "en" | "zh" as lang}:
                return talk.Speak(lang)
            case {"act": "undo"}:
                return talk.Undo()
        raise InvalidInput(f"the page asked for {str(asked.get('act'))[:40]!r}, which is nothing that can be done here")

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
        return new, "".join(render.part(part, lang, wish, crop, self.kinds) for part in reply.parts)

    def _noted(self, visit: Visit, reply: Reply) -> dict[str, Any]:
        """The reply to a lock: a note that passes, or trouble as for any turn."""
        lang = visit.talk.lang
        patch = self._patch(replace(visit, talk=reply.talk), {})
        match reply.parts:
            case (Line(key, values),):
                return {**patch, "note": say(key, lang, **values)}
        trouble = "".join(render.part(part, lang, reply.talk.wish, None) for part in reply.parts)
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
        number = str(asked.get("number", ""))
        if answer is None or not number.isdecimal() or int(number) >= len(answer.looks):
            raise InvalidInput(f"there is no look {number[:10]!r} on show")
        look, pictures = answer.looks[int(number)], self.assistant.catalogue
        name = f"look-{int(number) + 1}-{date.today():%Y-%m-%d}"
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


def _in_language(visit: Visit, asked: dict[str, Any]) -> Visit:
    """Before anything was said, the visitor's language is the page's; afterwards the conversation has its own."""
    lang = asked.get("lang")
    if visit.turns == 0 and lang in ("en", "zh"):
        return replace(visit, talk=_speaking(lang))
    return visit


def _speaking(lang: Lang) -> Talk:
    return Talk(wish=replace(Talk().wish, lang=lang))


def _box(text: str) -> Box:
    try:
        left, top, right, bottom = (float(side) for side in text.split(","))
    except ValueError as error:
        raise InvalidInput(f"box {text[:60]!r}: expected left,top,right,bottom in pixels") from error
    return Box(left, top, right, bottom)


def _said(ask: Ask, asked: dict[str, Any], lang: Lang) -> str:
    """What the shopper did, as their own line of the conversation; "" for what needs none."""
    name = str(asked.get("name", ""))[:200]
    match ask:
        case talk.Say(message):
            return render.you(message)
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
        case talk.Around():
            return render.you(say("you.around", lang, title=name))
        case talk.Reroll():
            return render.you(say("you.reroll", lang))
        case talk.Undo():
            return render.you(say("you.undo", lang))
        case talk.ChooseAgain():
            return render.you(say("you.again", lang))
    return ""
