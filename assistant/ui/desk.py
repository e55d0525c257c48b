"""The stylists' desk as a page: a still shell and its scripts. It asks the API for everything else, with a key where one is
needed, so that nothing of a case is in what is served here."""

from __future__ import annotations

import json
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from assistant.compose import Assistant
from assistant.desk.decisions import REASONS
from assistant.words import TEXTS, category_name, colour_name, gender_name, slot_name
from retrieval.colours import colour_names
from retrieval.items import Gender, Lang, Slot

_HERE = Path(__file__).parent
_SCRIPTS = ("desk.js", "desk_queue.js", "desk_common.js", "desk_measures.js", "desk_knobs.js")
# Nothing but the page's own scripts runs, nothing is asked of other machines, and no other page may frame this one.
_HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' blob: data:; "
    "style-src 'self' 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-cache",
}


def routes(assistant: Assistant) -> list[Route]:
    """`/desk` and its files."""
    shell = (_HERE / "desk.html").read_text(encoding="utf-8")
    data = json.dumps(page_data(assistant), ensure_ascii=False).replace("<", "\\u003c")
    page = Response(shell.replace("<!-- data -->", data), media_type="text/html; charset=utf-8", headers=_HEADERS)
    files = {name: ("text/javascript", (_HERE / name).read_bytes()) for name in _SCRIPTS}
    files["desk.css"] = ("text/css", (_HERE / "desk.css").read_bytes())

    def desk(_: Request) -> Response:
        return page

    def file(request: Request) -> Response:
        found = files.get(request.path_params["name"])
        if found is None:
            return Response(status_code=404)
        return Response(found[1], media_type=found[0], headers=_HEADERS)

    return [Route("/desk", desk), Route("/desk/{name}", file)]


def page_data(assistant: Assistant) -> dict[str, object]:
    """Texts and names in both languages, and what the keys stand for."""
    return {
        "lang": assistant.settings.lang,
        "words": {lang: _words(lang) for lang in ("en", "zh")},
        "names": {lang: _names(assistant, lang) for lang in ("en", "zh")},
        "reasons": [[code, key] for code, key in REASONS.items()],
    }


def _words(lang: Lang) -> dict[str, str]:
    return {key: both[0 if lang == "en" else 1] for key, both in TEXTS.items() if key.startswith(("desk.", "step.", "page.language"))}


def _names(assistant: Assistant, lang: Lang) -> dict[str, str]:
    """Of slots, genders, categories and colours, by what the API calls them."""
    names = {str(slot): slot_name(slot, lang) for slot in Slot}
    names |= {str(gender): gender_name(gender, lang) for gender in Gender}
    names |= {name: category_name(name, lang) for name in assistant.catalogue.categories()}
    return names | {name: colour_name(name, lang) for name in colour_names()}
