"""The page as it first stands: everything that a shopper touches, in one document that needs neither Gradio nor a model
nor the catalogue. What Gradio brings, the session and the turns, is the end of the same document (`rest_of`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from starlette.routing import Route

from assistant.settings import Settings
from assistant.ui import cards, files
from assistant.ui.asked import MOST_PHOTOS
from assistant.words import TEXTS, say
from retrieval import resources

_HERE = Path(__file__).parent
_GRACE_S = 15  # after the longest turn: an answer that has not come by then is not on its way
_PAGE_WORDS = (
    "page.", "write.", "look.saved", "item.close", "step.stopping", "step.upload", "step.received", "step.start", "step.opening",
    "keep.", "link.", "you.photo",
)  # fmt: skip
_OF_A_DOCUMENT = re.compile(r"<!doctype[^>]*>|</?(?:html|head|body)\b[^>]*>", re.IGNORECASE)


def document(settings: Settings) -> str:
    """The first part of the page's document, which can be used as soon as it is there."""
    data = {
        "words": page_words(settings),
        "lang": settings.lang,
        "patience_s": settings.turn_deadline_s + _GRACE_S,
        "most_photos": MOST_PHOTOS,
    }
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(TEXTS['page.title'][0])}</title><style>{_text('shop.css')}</style></head>\n"
        f'<body><div id="shop"><div>{shell([path.name for path in files.sample_photos(_samples())])}</div></div>\n'
        f'<script type="application/json" id="shop-data">{_in_script(data)}</script>\n'
        f"<script>{_text('shop.js')}</script>\n"
    )


def rest_of(gradio: str) -> str:
    """Gradio's own document as the end of ours: what a document has once is ours already. That it comes says that the
    server answers from now on."""
    return f"<script>openShop()</script>\n{_OF_A_DOCUMENT.sub('', gradio)}\n</body></html>\n"


def routes() -> list[Route]:
    """The files that the first part shows."""
    return files.standing_routes(_samples())


def page_words(settings: Settings) -> dict[str, dict[str, str]]:
    """The texts of the page itself, by language and key; those of answers are filled in on the server."""
    keys = [key for key in TEXTS if key.startswith(_PAGE_WORDS)]
    days = max(1, round(settings.desk_photo_days))
    values = {"minutes": settings.photo_minutes, "days": days, "most": MOST_PHOTOS, "number": "{number}", "title": "{title}"}
    words = {lang: {key: say(key, lang, **values) for key in keys} for lang in ("en", "zh")}
    if settings.desk_photo_days and settings.desk_share:  # stylists see more than the conversation does
        for texts in words.values():
            texts["page.private"] = texts["page.private_desk"]
    return words


def shell(samples: Sequence[str]) -> str:
    """What stands still on the page. Texts are put in by `data-say` (and `data-say-label`) in the visitor's language."""
    template = _text("shop.html")
    for name in ("send", "stop", "photo", "camera", "hanger"):
        template = template.replace(f"<!-- icon {name} -->", cards.icon(name))
    return template.replace("<!-- samples -->", "".join(_sample_buttons(samples)))


def _sample_buttons(samples: Iterable[str]) -> Iterable[str]:
    for number, name in enumerate(samples, 1):
        yield (
            f'<li><button type="button" data-act="sample" data-name="{escape(name)}" data-say-label="page.sample" '
            f'data-number="{number}"><img src="samples/{escape(name)}" alt="" loading="lazy"></button></li>'
        )


def _samples() -> Path:
    return resources.path("demo/photos")


def _text(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def _in_script(data: object) -> str:
    """JSON that no text can end the script element from."""
    return json.dumps(data, ensure_ascii=False).replace("<", "\\u003c")
