"""The stylist that sees: InternVL2, or any vision model, behind an OpenAI-compatible server.

One question is always the same four things: a prompt, pictures made small enough, a schema, and a reader that turns the
answer into a value or complains. A complaint is put to the model once. What is known already is not asked again.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from assistant import turn
from assistant.stylists import Answer, ShotTags, Suggestion, Verdict, budget, schemas
from assistant.stylists.client import ChatClient, Reply
from assistant.stylists.kept import Digests, Kept
from assistant.stylists.plain import plain
from assistant.stylists.probe import Abilities, Rung, image_part, probe, response_format
from assistant.stylists.replies import (
    ANGLES,
    SEASONS,
    USAGES,
    Unreadable,
    read_description,
    read_p_yes,
    read_suggestions,
    read_tags,
    read_verdict,
)
from assistant.stylists.wishes import as_words, read_wish
from assistant.wish import Wish
from assistant.wording import Prompt, load
from retrieval import lexicon
from retrieval.errors import InvalidReply, ModelError
from retrieval.images import to_data_url
from retrieval.items import Attributes, Garment, Gender, Lang, Slot
from retrieval.vocabulary import is_suggestible

if TYPE_CHECKING:
    from PIL.Image import Image

DEFAULT_URL = "http://127.0.0.1:23333/v1"
DEFAULT_MODEL = "InternVL2-8B"

_LOG = logging.getLogger(__name__)
_T = TypeVar("_T")
_VERDICT_TOKENS = 300
_DESCRIPTION_TOKENS = 900
_TAGS_TOKENS = 160
_WISH_TOKENS = 300
_SAID_CHARS = 400
_REASK_TOKENS = 300  # room for one complaint and the beginning of what it complains about
_LANGUAGES = {"en": "English", "zh": "Chinese (简体中文)"}
_KEPT_PICTURES = 512  # encoded reference pictures and descriptions kept in memory; some 30 KB each
_REASONS = {
    "no_picture": {"en": "There is no picture to judge by.", "zh": "没有可供判断的图片。"},
    "no": {"en": "At a glance they do not go together.", "zh": "乍看之下并不搭配。"},
    "unsure": {"en": "The model is not sure about these two.", "zh": "模型对这两件不太确定。"},
    "changed": {
        "en": "At a glance they go together, on reflection they do not.",
        "zh": "乍看搭配，细想之后模型又不认可。",
    },
    "yes": {"en": "They go well together.", "zh": "这两件很搭。"},
}


@dataclass(frozen=True, slots=True)
class Manner:
    """How to ask. `context` in tokens is the server's session length. `photo_tiles` (1 to 12) is for a shopper's photo;
    pairs and catalogue pictures get one tile each. `is_fast`: read a pair's verdict from one token where the server
    gives log-probabilities; below `sure_no` it is a no, above `sure_yes` a yes, between them undecided."""

    context: int = 8192
    photo_tiles: int = 6
    is_fast: bool = True
    sure_no: float = 0.4
    sure_yes: float = 0.6
    max_suggestions: int = 10


@dataclass(frozen=True, slots=True)
class _Question:
    purpose: str
    prompt: Prompt
    values: dict[str, str]
    pictures: tuple[Image, ...]
    tiles: int
    limit: int
    schema: dict[str, Any] | None = None
    system: str = "system"
    is_numbered: bool = False


@dataclass(frozen=True, slots=True)
class _Request:
    """A question as it is sent: its body, what it costs, and how many tiles a picture got."""

    question: _Question
    body: dict[str, Any]
    cost: budget.Cost
    tiles: int


class VlmStylist:
    """The port StylistModel over one server. `categories` are the catalogue's own article types.

    The server is probed at the first question, or by `probe()`. Raises ModelError and its kinds from every method.
    """

    def __init__(self, client: ChatClient, categories: Sequence[str], manner: Manner = Manner()) -> None:
        self._client, self._manner = client, manner
        self._categories = tuple(dict.fromkeys(categories))
        self._suggestible = tuple(name for name in self._categories if is_suggestible(name))
        self.name, self.concurrency = client.model, client.concurrency
        self._abilities: Abilities | None = None
        self._probing = threading.Lock()
        self._digests = Digests()
        self._urls: Kept[str] = Kept(_KEPT_PICTURES)
        self._seen: Kept[tuple[Attributes, tuple[Suggestion, ...]]] = Kept(_KEPT_PICTURES)

    @property
    def fingerprint(self) -> str:
        """Changes with everything but the pair itself that a verdict depends on: the key of the verdict cache."""
        prompts = [load(name).digest for name in ("system", "judge", "glance_system", "glance", "reask")]
        m = self._manner
        parts = [self._client.url, self.name, *prompts, str((m.is_fast, m.sure_no, m.sure_yes))]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]

    def probe(self) -> Abilities:
        """What the server can do; asked once, then remembered. Whoever waits for another's asking keeps to its own
        time."""
        if self._abilities is None:
            while not self._probing.acquire(timeout=0.1):
                turn.current().check()
            try:
                if self._abilities is None:
                    self._abilities = probe(self._client)
            finally:
                self._probing.release()
        return self._abilities

    def close(self) -> None:
        self._client.close()

    # --- the port ---

    def describe(self, crop: Image) -> Attributes:
        return self._describe(crop)[0]

    def suggest(self, garment: Garment, wish: Wish, slots: Sequence[Slot]) -> list[Suggestion]:
        """Taken from the description of the same picture where nothing special is asked for: one call instead of
        two."""
        if not slots:
            return []
        own = garment.attributes
        told = as_words(replace(wish, gender=None) if wish.gender == own.gender else wish)
        told.pop("slots", None)
        told.pop("without_slots", None)
        if garment.picture is not None and not told:
            known = self._seen.get(self._digests.of(garment.picture))
            if known is not None and known[0].category == own.category:
                fitting = [s for s in known[1] if s.slot in slots and _suits(s.gender, own.gender)]
                if {s.slot for s in fitting} == set(slots):
                    return fitting
        categories = [name for name in self._suggestible if name != own.category]
        question = _Question(
            "suggest",
            load("suggest"),
            {
                "garment": _words(garment),
                "wish": _listed(told),
                "slots": ", ".join(slots),
                "categories": ", ".join(categories),
                "genders": ", ".join(Gender),
                "limit": str(self._manner.max_suggestions),
            },
            (),
            1,
            _DESCRIPTION_TOKENS,
            schemas.suggestions(categories, slots, self._manner.max_suggestions),
        )
        return self._ask(question, lambda text: read_suggestions(text, own.category, categories, slots))

    def judge(self, reference: Garment, candidate: Garment, lang: Lang) -> Verdict:
        """A clear yes with its reason, a no, or undecided. In fast mode the reason of a yes is asked for in a second
        call, and a second thought that is no yes makes it undecided."""
        if reference.picture is None or candidate.picture is None:
            return self._verdict(Answer.UNDECIDED, None, "no_picture", lang)
        pictures = (reference.picture, candidate.picture)
        p_yes = self._glance(pictures) if self._manner.is_fast and self.probe().has_chances else None
        if p_yes is not None and p_yes < self._manner.sure_no:
            return self._verdict(Answer.NO, p_yes, "no", lang)
        if p_yes is not None and p_yes <= self._manner.sure_yes:
            return self._verdict(Answer.UNDECIDED, p_yes, "unsure", lang)
        values = {"reference": _words(reference), "candidate": _words(candidate), "language": _LANGUAGES[lang]}
        question = _Question(
            "judge", load("judge"), values, pictures, 1, _VERDICT_TOKENS, schemas.verdict(), is_numbered=True
        )
        answer, reason = self._ask(question, read_verdict)
        if p_yes is not None and answer is not Answer.YES:
            return self._verdict(Answer.UNDECIDED, p_yes, "changed", lang)
        return Verdict(answer, p_yes, reason or _REASONS[_DEFAULT_REASON[answer]][lang], self.name)

    def tag(self, image: Image) -> ShotTags:
        values = {"angles": ", ".join(ANGLES), "categories": ", ".join(self._categories)}
        question = _Question("tag", load("tag"), values, (image,), 1, _TAGS_TOKENS, schemas.tags(self._categories))
        return self._ask(question, lambda text: read_tags(text, self._categories))

    def understand(self, message: str, wish: Wish) -> Wish:
        values = {
            "message": plain(message, 1000),
            "wish": _listed(as_words(wish)),
            "categories": ", ".join(self._categories),
            "colours": ", ".join(_colours()),
            "usages": ", ".join(USAGES),
            "seasons": ", ".join(SEASONS),
            "slots": ", ".join(Slot),
            "genders": ", ".join(Gender),
        }
        question = _Question(
            "understand", load("understand"), values, (), 1, _WISH_TOKENS, schemas.wish(self._categories)
        )
        return self._ask(question, lambda text: read_wish(text, message, wish, self._categories))

    # --- one question ---

    def _describe(self, crop: Image) -> tuple[Attributes, tuple[Suggestion, ...]]:
        key = self._digests.of(crop)
        known = self._seen.get(key)
        if known is not None:
            return known
        values = {
            "categories": ", ".join(self._categories),
            "genders": ", ".join(Gender),
            "usages": ", ".join(USAGES),
            "slots": ", ".join(Slot),
        }
        question = _Question(
            "describe",
            load("describe"),
            values,
            (crop,),
            self._manner.photo_tiles,
            _DESCRIPTION_TOKENS,
            schemas.description(self._categories, tuple(Slot)),
        )
        attributes, items = self._ask(question, lambda text: read_description(text, self._categories))
        found = (attributes, tuple(items))
        self._seen.put(key, found)
        return found

    def _glance(self, pictures: tuple[Image, ...]) -> float | None:
        question = _Question("glance", load("glance"), {}, pictures, 1, 1, system="glance_system", is_numbered=True)
        request = self._request(question)
        request.body.update(logprobs=True, top_logprobs=10)
        return read_p_yes(self._send(request).chances)

    def _ask(self, question: _Question, read: Callable[[str], _T]) -> _T:
        """The value that the model gave, after at most one complaint. Raises InvalidReply."""
        request = self._request(question)
        reply = self._send(request)
        try:
            return read(reply.text)
        except Unreadable as complaint:
            first = "it was cut off" if reply.is_cut else str(complaint)
        again = load("reask").fill(complaint=first)
        # Only the beginning of what it said goes back: a reply out of hand must not fill the context.
        said = plain(reply.text, _SAID_CHARS) or "(nothing)"
        request.body["messages"] += [{"role": "assistant", "content": said}, {"role": "user", "content": again}]
        try:
            return read(self._send(request).text)
        except Unreadable as complaint:
            raise InvalidReply(
                f"{self.name} gave no usable answer to {question.purpose!r}, asked twice: {complaint}",
                hint="`outfit doctor` shows what the server can do; a larger model may help",
            ) from complaint

    def _request(self, question: _Question) -> _Request:
        """The question within the context: with fewer tiles a picture where it would overflow, and said so."""
        can = self.probe()
        system, words = load(question.system).text, question.prompt.fill(**question.values)
        sizes = [picture.size for picture in question.pictures]
        plan = budget.message_cost([system, words], [(*size, 1) for size in sizes], question.limit)
        spare = _REASK_TOKENS if question.schema is not None else 0
        tiles = budget.fit_tiles(sizes, question.tiles, plan.words + spare, question.limit, self._manner.context)
        if tiles < question.tiles:
            turn.current().notice(
                f"The picture went to {self.name} in at most {tiles} tiles, not {question.tiles}, to fit its context."
            )
        content: list[dict[str, Any]] = []
        for n, picture in enumerate(question.pictures, 1):
            if question.is_numbered:
                content.append({"type": "text", "text": f"Image-{n}: "})
            content.append(image_part(self._url(picture, tiles), tiles, can.is_lmdeploy))
        content.append({"type": "text", "text": words})
        body: dict[str, Any] = {
            "messages": [
                {"role": "system", "content": system},
                {"role": "user", "content": content if question.pictures else words},
            ],
            "temperature": 0.0,
            can.limit_key: question.limit,
        }
        if question.schema is not None:
            body |= response_format(can.rung, question.purpose, question.schema)
        cost = budget.message_cost([system, words], [(*size, tiles) for size in sizes], question.limit)
        return _Request(question, body, cost, tiles)

    def _send(self, request: _Request) -> Reply:
        question = request.question
        try:
            reply = self._client.ask(request.body)
        except ModelError as error:
            # A server that lost its guided decoding (restarted, another version behind a proxy) is asked without.
            if "response_format" not in request.body or "response_format" not in str(error):
                raise
            self._abilities = replace(self._abilities, rung=Rung.TEXT)
            del request.body["response_format"]
            reply = self._client.ask(request.body)
        call = turn.Call(
            purpose=question.purpose,
            model=self.name,
            prompt_digest=question.prompt.digest,
            planned_tokens=request.cost.total,
            prompt_tokens=reply.prompt_tokens,
            answer_tokens=reply.answer_tokens,
            seconds=reply.seconds,
            attempts=reply.attempts,
            tiles=request.tiles,
            is_shrunk=request.tiles < question.tiles,
        )
        turn.current().calls.append(call)
        _LOG.debug(
            "%s by %s: prompt %s, %d tokens planned, %d + %d counted, %d attempts, %.2f s",
            call.purpose,
            call.model,
            call.prompt_digest,
            call.planned_tokens,
            call.prompt_tokens,
            call.answer_tokens,
            call.attempts,
            call.seconds,
        )
        return reply

    def _url(self, picture: Image, tiles: int) -> str:
        key = f"{tiles} {self._digests.of(picture)}"
        return self._urls.get_or_make(key, lambda: to_data_url(budget.for_tiles(picture, tiles), quality=88))

    def _verdict(self, answer: Answer, p_yes: float | None, reason: str, lang: Lang) -> Verdict:
        return Verdict(answer, p_yes, _REASONS[reason][lang], self.name)


_DEFAULT_REASON = {Answer.YES: "yes", Answer.NO: "no", Answer.UNDECIDED: "unsure"}


def _listed(told: Mapping[str, object]) -> str:
    """Conditions in one plain line: "usage: Formal; colours: Red, White"."""
    parts = [f"{key}: {', '.join(value) if isinstance(value, list) else value}" for key, value in told.items()]
    return plain("; ".join(parts), 600) or "nothing special"


def _colours() -> list[str]:
    """The catalogue's own colour words."""
    return sorted({term.name for term in lexicon.terms().values() if term.kind == "colour"})


def _suits(offered: Gender | None, worn: Gender | None) -> bool:
    return worn is None or offered in (worn, Gender.UNISEX, None)


def _words(garment: Garment) -> str:
    """A garment in a few plain words. The title of an item is the feed's: it is made plain like all words of others."""
    a = garment.attributes
    known = [
        f"{key} {value}" for key, value in (("category", a.category), ("colour", a.colour), ("for", a.gender)) if value
    ]
    return plain("; ".join([garment.title, *known]), 160)
