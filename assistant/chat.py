"""One turn of a conversation: what a shopper did becomes a call of the main path, and that becomes events.

A conversation and all that happens in it are values (`assistant.talk`). Nothing here knows of a page or of HTTP:
`assistant/ui` shows the events.
"""

from __future__ import annotations

import contextvars
import queue
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from assistant import changes, own_clothes, places, turn
from assistant.compatibility import suits
from assistant.looks import Piece, Recommendation
from assistant.retelling import look_in
from assistant.stylist import Progress, Stylist, Watcher
from assistant.stylists import Answer
from assistant.talk import (
    Answered,
    Around,
    Ask,
    Choice,
    Choose,
    ChooseAgain,
    Correct,
    DropWish,
    Event,
    Found,
    FromOwn,
    FromShop,
    Line,
    Lock,
    OpenLook,
    Part,
    Remove,
    Reply,
    Reroll,
    Say,
    ShowPhoto,
    ShowPhotos,
    Speak,
    Swap,
    Talk,
    Trouble,
    Undo,
    Wear,
)
from assistant.understanding import understand
from assistant.wish import Wish
from retrieval.describe import title_of
from retrieval.errors import InvalidInput, OutfitError
from retrieval.items import Box, Garment, Gender, Hit, Item, Lang
from retrieval.search import AVAILABLE
from retrieval.vocabulary import categories, slot_of

if TYPE_CHECKING:
    from PIL.Image import Image

_MOST_WORDS = 500  # characters of a message that are read
_FOUND = 6  # products offered where there is no garment to start from
_LEAST_SUITED = 0.55  # a T-shirt at a wedding is below it, a shirt is not
_VOTES = 15  # items of a category that say who wears it
_OF_ONE_PIECE = ("slots", "categories", "colours", "materials", "patterns", "tone", "words")  # fields of a Wish


def _no_own_pictures(sku: str) -> Image:
    """For conversations without a wardrobe."""
    raise InvalidInput(f"there is no garment {sku[:60]!r} of one's own here")


@dataclass(frozen=True, slots=True)
class Chat:
    """`photos` gives the RGB picture of a photo's name; it raises InvalidInput where that has been deleted.

    `own_pictures` gives the picture of one of the shopper's own garments by its sku, and raises InvalidInput likewise.
    """

    stylist: Stylist
    photos: Callable[[str], Image]
    own_pictures: Callable[[str], Image] = _no_own_pictures

    def turn(self, talk: Talk, ask: Ask, stopped: threading.Event | None = None) -> Iterator[Event]:
        """Progress as it happens, then one Reply. Errors raised on purpose become a Trouble and change nothing.

        `stopped` set from another thread ends the turn at the next step; so does closing the iterator.
        """
        stopped = stopped or threading.Event()
        events: queue.SimpleQueue[Event | Exception] = queue.SimpleQueue()

        def work() -> None:
            try:
                with turn.within(cancelled=stopped.is_set):
                    reply = self._do(talk, ask, events.put)
                    turn.current().check_cancelled()
                    events.put(reply)
            except turn.Cancelled:
                events.put(Reply(talk, (Line("change.stopped"),)))
            except OutfitError as error:
                events.put(Reply(talk, (Trouble(error.code, str(error), error.hint),)))
            except Exception as error:  # noqa: BLE001 - handed to the thread that asked
                events.put(error)

        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(work,), name="turn", daemon=True).start()
        try:
            while True:
                event = events.get()
                if isinstance(event, Exception):
                    raise event
                yield event
                if isinstance(event, Reply):
                    return
        finally:
            stopped.set()

    def similar(self, sku: str, k: int = 4) -> tuple[Item | None, list[Hit]]:
        """An item by its sku as it is in the shop now, None where it is gone, and what looks like it."""
        item = self.stylist.search.catalogue.items([sku]).get(sku)
        if item is None or not item.views:
            return item, []
        return item, self.stylist.search.similar(sku, item.views[0].name, where=AVAILABLE, k=k)

    # --- one method for each thing that a shopper does ----------------------------------------------------------------

    def _do(self, talk: Talk, ask: Ask, watch: Watcher) -> Reply:
        match ask:
            case ShowPhoto(name):
                return self._photo(talk, name, watch)
            case ShowPhotos(names):
                return self._photos(talk, names, watch)
            case Choose(box, photo):
                return self._choose(talk, box, photo, watch)
            case ChooseAgain():
                return Reply(talk, changes.choices(talk))
            case Correct(category):
                return self._correct(talk, category, watch)
            case Say(message, opened):
                return self._say(talk, message[:_MOST_WORDS], opened, watch)
            case DropWish(key):
                return self._wish(talk, talk.wish.without(key), watch)
            case Lock(sku):
                return changes.lock(talk, sku)
            case Swap(look, sku):
                return places.swapped(talk, look, sku, self._completing(watch))
            case Remove(sku):
                return places.removed(talk, sku, self._completing(watch))
            case Reroll():
                return self._reroll(talk, watch)
            case Around(sku):
                return self._around(talk, sku, watch)
            case Wear(garment):
                return self._wear(talk, garment, watch)
            case FromOwn(own):
                return self._from_own(talk, own, watch)
            case FromShop():
                return self._from_shop(talk, watch)
            case OpenLook(answer, lang):
                return changes.opened(talk, answer if lang == talk.lang else self._in_language(answer, talk.lang))
            case Speak(lang):
                return self._speak(talk, lang, watch)
            case Undo():
                return changes.undo(talk)

    def _photo(self, talk: Talk, name: str, watch: Watcher) -> Reply:
        watch(Progress("upload"))
        photo = self.photos(name)
        answer = self.stylist.recommend(photo, talk.wish, watch=watch)
        # A new photo is a new question: what was locked or passed over belonged to the old one. Wishes go on.
        new = talk.changed(
            wish=changes.locking(talk.wish, ()),
            photo=name,
            size=photo.size,
            detections=answer.detections,
            answer=answer if answer.garment else None,
            **changes.AFRESH,
        )
        if answer.garment is None:
            return Reply(new, changes.choices(new))
        return Reply(new, (Answered(answer, is_new=True),))

    def _photos(self, talk: Talk, names: Sequence[str], watch: Watcher) -> Reply:
        """The garments of several photos, to choose from. A photo that cannot be read harms its own place only."""
        watch(Progress("upload"))
        offered: list[Choice] = []
        troubles: list[Part] = []
        for name in names:
            try:
                photo = self.photos(name)
            except OutfitError as error:
                troubles.append(Trouble(error.code, str(error), error.hint))
                continue
            offered.append(Choice(name, photo.size, tuple(self.stylist.detect(photo))))
            watch(Progress("detect", {"garments": sum(len(one.detections) for one in offered)}))
        if not offered:
            return Reply(talk, tuple(troubles))
        first = next((one for one in offered if one.detections), offered[0])
        new = talk.changed(
            wish=changes.locking(talk.wish, ()),
            photo=first.photo,
            size=first.size,
            detections=first.detections,
            answer=None,
            **(changes.AFRESH | {"offered": tuple(offered)}),
        )
        return Reply(new, (*troubles, *changes.choices(new)))

    def _choose(self, talk: Talk, box: Box | None, name: str | None, watch: Watcher) -> Reply:
        chosen = next((one for one in talk.offered if one.photo == name), None)
        if chosen is not None:
            talk = replace(talk, photo=chosen.photo, size=chosen.size, detections=chosen.detections)
        if talk.photo is None or name not in (None, talk.photo):
            raise InvalidInput("there is no such photo to choose from", hint="send a photo first")
        photo = self.photos(talk.photo)
        box = box or Box(0, 0, *photo.size)
        answer = self.stylist.recommend(photo, talk.wish, box=box, watch=watch)
        afresh = changes.AFRESH | {"offered": talk.offered}
        new = talk.changed(wish=changes.locking(talk.wish, ()), answer=answer, **afresh)
        return Reply(new, (Answered(answer, is_new=True),))

    def _correct(self, talk: Talk, category: str, watch: Watcher) -> Reply:
        slot = slot_of(category)
        if talk.garment is None or slot is None or category not in categories():
            raise InvalidInput(f"{category[:60]!r} is no category that looks are built around")
        gender = self._worn_by(category, talk.garment.attributes.gender)
        known = talk.garment.attributes
        attributes = replace(known, category=category, slot=slot, gender=gender, sub_category=None, usage=None)
        garment = replace(talk.garment, title=title_of(attributes), attributes=attributes)
        corrected = replace(talk, answer=replace(talk.answer, garment=garment))
        wish = changes.locking(talk.wish, ())
        answer = self._looks(corrected, wish, (), watch)
        new = talk.changed(wish=wish, answer=answer, kept=(), passed=frozenset())
        return Reply(new, (Answered(answer, is_new=True),))

    def _worn_by(self, category: str, gender: Gender | None) -> Gender | None:
        """The gender that was read, unless the shop has that category for others only: then it was misread as well."""
        there = replace(AVAILABLE, any_of={"category": frozenset({category})})
        found = Counter(hit.item.gender for hit in self.stylist.search.by_text(category, where=there, k=_VOTES))
        if not found or gender is None or found.keys() & {gender, Gender.UNISEX}:
            return gender
        return found.most_common(1)[0][0]

    def _say(self, talk: Talk, message: str, opened: str | None, watch: Watcher) -> Reply:
        if not message.strip():
            return Reply(talk, (Line("wish.same"),))
        wish = understand(message, talk.wish, shown=changes.shown(talk, opened))
        if changes.speaks_of_money(message, talk.wish, wish) and not self.stylist.search.catalogue.has_prices():
            return self._say_without_money(talk, message, wish, watch)
        if wish == talk.wish:  # the rules read nothing in it: a model, where there is one, may
            wish = self.stylist.model.understand(message, talk.wish)
        if wish == talk.wish and talk.garment is not None:
            return Reply(talk, (Line("wish.same"),))
        return self._wished(talk, message, wish, watch)

    def _wished(self, talk: Talk, message: str, wish: Wish, watch: Watcher) -> Reply:
        if talk.garment is None:
            return self._find(talk, message, wish, watch)
        if wish == replace(talk.wish, lang=wish.lang):
            return self._speak(talk, wish.lang, watch)
        if wish.like_sku is not None and changes.is_on_show(talk, wish.like_sku):
            return places.another_like(talk, wish.like_sku, wish, self._completing(watch))
        return self._wish(talk, wish, watch)

    def _say_without_money(self, talk: Talk, message: str, wish: Wish, watch: Watcher) -> Reply:
        """In a shop that tells no prices: what else was said holds, and that prices are not known is said."""
        wish = changes.without_money(wish)
        line = Line("wish.no_prices")
        if wish == replace(talk.wish, lang=wish.lang):
            return Reply(replace(talk, wish=wish), (line,))
        reply = self._wished(talk, message, wish, watch)
        return replace(reply, parts=(line, *reply.parts))

    def _find(self, talk: Talk, message: str, wish: Wish, watch: Watcher) -> Reply:
        """Words before any garment: products for them, to start from. What they say of that product is no wish for what
        goes with it; who it is for, the occasion and the budget are."""
        watch(Progress("search"))
        named = {"category": wish.categories, "colour": wish.colours, "slot": frozenset(map(str, wish.slots))}
        if wish.gender:
            named["gender"] = frozenset({wish.gender, Gender.UNISEX})
        exact = replace(AVAILABLE, any_of={column: names for column, names in named.items() if names})
        search = self.stylist.search
        hits = search.by_text(message, where=exact, k=_FOUND) or search.by_text(message, where=AVAILABLE, k=_FOUND)
        found = tuple(hit for hit in hits if hit.score > 0)
        said = (*_OF_ONE_PIECE, *(f"without_{name}" for name in _OF_ONE_PIECE if name not in ("tone", "words")))
        lasting = replace(wish, **{name: getattr(Wish(), name) for name in said if hasattr(wish, name)})
        return Reply(talk.changed(wish=lasting), (Found(found),) if found else (Line("found.none"),))

    def _wish(self, talk: Talk, wish: Wish, watch: Watcher) -> Reply:
        """The looks anew under other wishes. What is excluded now is locked no longer."""
        kept = changes.kept_of(talk, wish.locked - wish.excluded)
        wish = changes.locking(wish, kept)
        if talk.garment is None:
            return Reply(talk.changed(wish=wish, kept=kept), ())
        answer = self._looks(talk, wish, kept, watch)
        is_far = wish.usage != talk.wish.usage and suits(talk.garment, wish.usage) < _LEAST_SUITED
        lines = (Line("wish.far"),) if is_far and answer.looks else ()
        return Reply(talk.changed(wish=wish, kept=kept, answer=answer), (*lines, Answered(answer, is_new=False)))

    def _reroll(self, talk: Talk, watch: Watcher) -> Reply:
        locked = {piece.item.sku for piece in talk.kept}
        passed = talk.passed | {piece.item.sku for piece in talk.pieces()} - locked
        before = talk.answer.looks if talk.answer else ()
        answer = self._looks(talk, changes.excluding(talk.wish, passed), talk.kept, watch)
        if changes.fill(answer.looks) >= changes.fill(before):
            return Reply(talk.changed(answer=answer, passed=passed), (Answered(answer, is_new=False),))
        answer = self._looks(talk, talk.wish, talk.kept, watch)
        new = talk.changed(answer=answer, passed=frozenset())
        return Reply(new, (Line("change.last"), Answered(answer, is_new=False)))

    def _from_own(self, talk: Talk, own: tuple[Item, ...], watch: Watcher) -> Reply:
        if talk.garment is None:
            return Reply(talk, (Line("own.first"),))
        if not own:
            return Reply(talk, (Line("own.empty"),))
        wish = changes.locking(talk.wish, ())
        new = talk.changed(wish=wish, kept=(), passed=frozenset(), own=own)
        answer = self._looks(new, wish, (), watch)
        if not answer.looks:
            return Reply(talk, (Line("own.none", {"count": len(own)}),))
        return Reply(replace(new, answer=answer), (Answered(answer, is_new=False),))

    def _from_shop(self, talk: Talk, watch: Watcher) -> Reply:
        wish = changes.locking(talk.wish, ())
        new = talk.changed(wish=wish, kept=(), passed=frozenset(), own=())
        answer = self._looks(new, wish, (), watch)
        return Reply(replace(new, answer=answer), (Answered(answer, is_new=False),))

    def _around(self, talk: Talk, sku: str, watch: Watcher) -> Reply:
        item = self.stylist.search.catalogue.items([sku]).get(sku)
        if item is None:
            raise InvalidInput(f"item {sku[:60]!r} is not in the shop any more")
        return self._wear(talk, item.as_garment(self.stylist.pictures(item)), watch)

    def _wear(self, talk: Talk, garment: Garment, watch: Watcher) -> Reply:
        answer = self.stylist.complete(garment, talk.wish, watch=watch)
        new = talk.changed(
            wish=changes.locking(talk.wish, ()), answer=answer, photo=None, size=(0, 0), detections=(), **changes.AFRESH
        )
        return Reply(new, (Answered(answer, is_new=True),))

    def _speak(self, talk: Talk, lang: Lang, watch: Watcher) -> Reply:
        wish = replace(talk.wish, lang=lang)
        if talk.garment is None:
            new = replace(talk, wish=wish)
            return Reply(new, changes.choices(new) if talk.photo else ())
        kept = tuple(self._retold(talk.garment, piece, lang) for piece in talk.kept)
        answer = self._looks(talk, wish, kept, watch)
        return Reply(talk.changed(wish=wish, kept=kept, answer=answer), (Answered(answer, is_new=True),))

    def _in_language(self, answer: Recommendation, lang: Lang) -> Recommendation:
        """A kept answer, told anew: the same pieces, whatever is thought of them today."""
        looks = []
        for look in answer.looks:
            pieces = tuple(self._retold(answer.garment, piece, lang) for piece in look.pieces)
            looks.append(look_in(replace(look, pieces=pieces), answer.garment, lang))
        return replace(answer, looks=tuple(looks))

    def _retold(self, garment: Garment, piece: Piece, lang: Lang) -> Piece:
        """A locked or kept piece with its reason in another language. It was admitted once: a second opinion does not unlock it."""
        picture = self._own_picture if piece.is_own else self.stylist.pictures
        verdict = self.stylist.model.judge(garment, piece.item.as_garment(picture(piece.item)), lang)
        return replace(piece, verdict=verdict) if verdict.answer is Answer.YES else piece

    def _looks(self, talk: Talk, wish: Wish, kept: tuple[Piece, ...], watch: Watcher) -> Recommendation:
        """Looks around the garment in question; what was known of its photo and its likes in the shop stays known."""
        if talk.garment is None:
            raise InvalidInput("there is no garment to build looks around", hint="send a photo first")
        new = self._complete(talk, wish, kept, watch)
        old = talk.answer
        return replace(new, detections=old.detections, chosen=old.chosen, same_product=old.same_product)

    def _complete(self, talk: Talk, wish: Wish, keep: Sequence[Piece], watch: Watcher) -> Recommendation:
        """Looks of what the shop has, or of what the shopper has while that is asked for."""
        if not talk.own:
            return self.stylist.complete(talk.garment, wish, keep=keep, watch=watch)
        own = [item for item in talk.own if item.sku not in wish.excluded]
        return own_clothes.looks_from(
            self.stylist, talk.garment, own, wish, keep=keep, pictures=self._own_picture, watch=watch
        )

    def _completing(self, watch: Watcher) -> places.Complete:
        return lambda talk, wish, keep: self._complete(talk, wish, keep, watch)

    def _own_picture(self, item: Item) -> Image | None:
        """None where it was deleted meanwhile: the judge goes by what is known of the garment then."""
        try:
            return self.own_pictures(item.sku)
        except InvalidInput:
            return None
