"""Commands on the looks that were shown: keep, refuse, swap, cheaper, the same in another colour."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from assistant.parts import ATTRIBUTES, CONTENT, HEADS, Part
from assistant.reading import Reading
from assistant.wish import Wish
from retrieval.items import Slot
from retrieval.vocabulary import slot_of
from retrieval.words import is_han

_DISLIKES = ("喜欢", "好看", "丑", "难看", "不行", "不搭", "不合适", "不太行", "不太搭", "不好", "like", "ugly")
_UGLY = ("好看", "丑", "难看", "不搭", "不合适", "不太搭", "不太合适", "不好搭", "ugly", "hideous")
_EXCEPT = frozenset({"除了", "除开", "except", "apart from", "but"})
_REST = ("别的", "其他", "其它", "其余", "剩下", "everything else", "the rest", "the other", "all else")
_COMMANDS = ("keep", "like", "swap", "swap_away", "more", "cheaper", "similar", "into", "this")


@dataclass(frozen=True, slots=True)
class ShownPiece:
    """One piece as it was shown: its place, sku, category and price (None where the catalogue has none)."""

    slot: Slot
    sku: str
    category: str
    price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """The looks that the shopper sees. "This" is look number `look` (from 0), or the piece `sku` that was opened."""

    looks: tuple[tuple[ShownPiece, ...], ...]
    look: int = 0
    sku: str | None = None

    @property
    def pieces(self) -> tuple[ShownPiece, ...]:
        return tuple(piece for look in self.looks for piece in look)

    @property
    def opened(self) -> ShownPiece | None:
        return next((piece for piece in self.pieces if piece.sku == self.sku), None)


@dataclass(frozen=True, slots=True)
class _Meant:
    """What a command speaks of: the look, whether one was named, and the slots and categories named with it."""

    look: tuple[ShownPiece, ...]
    is_named: bool
    is_this: bool
    slots: frozenset[Slot]
    categories: frozenset[str]

    @property
    def names_a_piece(self) -> bool:
        return bool(self.slots or self.categories)

    def of(self, pieces: Iterable[ShownPiece]) -> list[ShownPiece]:
        """Those of the pieces that the named nouns mean; all where none was named."""
        if not self.names_a_piece:
            return list(pieces)
        return [p for p in pieces if p.slot in self.slots or p.category in self.categories]


def follow(reading: Reading, wish: Wish, shown: Shown) -> Wish:
    """The commands carried out: as one, or clause by clause where several clauses hold one ("keep the top, change the
    shoes"). A clause that names no piece and no look speaks of those named before it."""
    numbers_of = sorted({part.clause for part in reading.parts})
    clauses = [[part for part in reading.parts if part.clause == number] for number in numbers_of]
    commands = [i for i, parts in enumerate(clauses) if _is_command(parts, clauses[:i])]
    if len(commands) == 1 and _stands_alone(clauses, commands[0], shown):
        return _command(Reading(clauses[commands[0]]), wish, shown)
    if len(commands) < 2 or reading.has("keep_rest"):
        return _command(reading, wish, shown)
    heads: list[Part] = []
    numbers: list[int] = []
    locked = wish.locked
    for parts in clauses:
        named = [part for part in parts if part.kind in HEADS]
        numbers_here = _numbers(parts)
        if not named and _is_of_the_rest(parts) and (rest := _beside(wish.locked - locked, shown)):
            wish = replace(wish, excluded=wish.excluded | rest)
            continue
        starts_over = wish.locked != locked and Reading(parts).has("more", "swap")  # 上衣锁定,重新搭
        if not named and Reading(parts).has(*_COMMANDS, "these") and not starts_over:
            parts = [*heads, *parts]
        heads = named or heads
        only_points = (
            bool(numbers_here) and not named and not Reading(parts).has(*_COMMANDS, "want", "these", "negate", "negate_after")
        )
        if not (only_points and parts is not clauses[-1]):  # "the second one, but cheaper": nothing is chosen yet
            wish = _command(Reading(parts), wish, shown, numbers)
        numbers = numbers_here or numbers
    return wish


def _is_of_the_rest(parts: Sequence[Part]) -> bool:
    """其余的随便换, 别的再挑挑: the others shall change."""
    return any(part.kind == "more" and part.word.startswith(_REST) for part in parts) and not _numbers(parts)


def _beside(skus: Iterable[str], shown: Shown) -> frozenset[str]:
    """The pieces that are shown in one look with these, less these."""
    looks = [{piece.sku for piece in look} for look in shown.looks]
    return frozenset(sku for look in looks if look & set(skus) for sku in look) - frozenset(skus)


def _stands_alone(clauses: Sequence[list[Part]], place: int, shown: Shown) -> bool:
    """Is the one command said in its own clause, and the rest a wish of its own? "Not this one, in navy" is; "I like the
    second pair, but in black", and whatever follows a piece that was opened, is not."""
    command = Reading(clauses[place])
    others = Reading([part for i, parts in enumerate(clauses) if i != place for part in parts])
    if (
        not others.parts
        or others.has("but", "into", "similar", "keep_rest")
        or command.has("into", "similar", "keep_rest")
    ):
        return False
    refuses = any(_is_refusal(part) for part in command.parts)
    if shown.opened is not None and not refuses and not command.has("keep"):
        return False
    before = Reading([part for parts in clauses[:place] for part in parts])
    return bool(_numbers(command.parts)) or command.has("this", "these", *HEADS) or not before.has(*HEADS)


def _is_refusal(part: Part) -> bool:
    """太沉了 of a piece that is asked for in another colour is a complaint, and no refusal."""
    return part.kind in ("negate", "negate_after") and not (part.term is not None and part.term.kind == "complaint")


def _is_command(parts: Sequence[Part], before: Sequence[Sequence[Part]]) -> bool:
    """Does the clause ask for something with what is shown? "But not the top" does where a look was named before."""
    reading = Reading(list(parts))
    has_attribute = _names_an_attribute(reading)
    if reading.has(*_COMMANDS) or _numbers(parts) or (reading.has("these") and not has_attribute):
        return True
    if reading.has(*HEADS) and (_is_disliked(reading) or _is_called_ugly(reading)):
        return True
    refuses = reading.has("negate", "negate_after", "too") and reading.has(*HEADS) and not has_attribute
    return refuses and any(_numbers(other) or Reading(list(other)).has("keep") for other in before)


def _numbers(parts: Iterable[Part]) -> list[int]:
    """The looks that are named, from 0; -1 is the last."""
    named = [part.kind.partition(":")[2] for part in parts if part.kind.startswith("ordinal:")]
    return [int(number) for numbers in named for number in numbers.split("+")]


def _command(reading: Reading, wish: Wish, shown: Shown, said_before: Sequence[int] = ()) -> Wish:
    meant = _meant(reading, shown, said_before)
    opened = shown.opened
    denied = _is_denied_reference(reading, meant, opened)
    in_look = meant.of(meant.look)
    if not in_look and meant.names_a_piece and not meant.is_named:
        in_look = meant.of(shown.pieces)[:1]  # the skirt that only another look has
    if (pairs := _paired(reading, shown)) and not reading.has("negate", "negate_after", "cheaper"):
        reading.take(HEADS)
        return replace(wish, locked=wish.locked | {piece.sku for piece in pairs})
    if reading.has("keep_rest"):
        rest = [piece for piece in meant.look if piece not in meant.of(meant.look) or not meant.names_a_piece]
        changed = (
            meant.of(meant.look)
            if meant.names_a_piece and reading.has("swap", "swap_away", "more", "negate", "negate_after")
            else []
        )
        wish = replace(
            wish,
            locked=wish.locked | {piece.sku for piece in rest},
            excluded=wish.excluded | {piece.sku for piece in changed},
        )
        wish = _cheaper(reading, wish, shown, meant) if reading.has("cheaper") else wish
        reading.take(HEADS)
        return wish
    if len(_numbers(reading.parts)) > 1 and any(part.word == "还是" for part in reading.parts):
        return wish  # 第一套好看还是第二套好看
    if borrowed := _borrowed(reading, meant, shown):
        reading.take(HEADS)
        places = {piece.slot for piece in borrowed}
        released = {piece.sku for piece in shown.pieces if piece.slot in places}
        return replace(wish, locked=wish.locked - released | {piece.sku for piece in borrowed})
    if (reading.has("more") or _excepts(reading)) and reading.has("swap", "swap_away") and meant.names_a_piece:
        gone = [piece for piece in meant.look if piece not in meant.of(meant.look)]  # "change everything else"
        kept = {piece.sku for piece in in_look} if reading.has("keep") else set()
        reading.take(HEADS)
        return replace(wish, excluded=wish.excluded | {piece.sku for piece in gone}, locked=wish.locked | kept)
    keeps_all = reading.has("keep", "like") or (reading.has("want") and reading.has("these"))
    if meant.names_a_piece and _excepts(reading) and keeps_all:  # 除了包都留着
        reading.take(HEADS)
        return replace(wish, locked=wish.locked | {piece.sku for piece in meant.look if piece not in in_look})
    if _spares_what_it_names(reading) and (meant.is_named or meant.names_a_piece):
        around = shown.pieces if meant.is_named else meant.look
        reading.take(CONTENT)
        return replace(wish, excluded=wish.excluded | {piece.sku for piece in around if piece not in in_look})
    if denied:
        whole = meant.of(meant.look if meant.is_named or not meant.names_a_piece else shown.pieces)
        gone = [opened] if opened and not meant.is_named and not meant.names_a_piece else whole
        is_of_all = reading.has("these") or (_is_nothing_but_dislike(reading) and not meant.is_this and not opened)
        if is_of_all and not meant.is_named and not meant.names_a_piece:
            gone = list(shown.pieces)
        pointed = {part.clause for part in reading.parts if part.kind in ("this", "these", "too", *HEADS)}
        pointed |= {part.clause for part in reading.parts if _numbers([part])}
        Reading([part for part in reading.parts if part.clause in pointed]).take({*CONTENT, ""})
        return replace(wish, excluded=wish.excluded | {p.sku for p in gone}, locked=wish.locked - {p.sku for p in gone})
    if reading.has("cheaper") and not reading.has("amount"):
        like = opened.sku if opened and reading.has("similar") else wish.like_sku
        return replace(_cheaper(reading, wish, shown, meant), like_sku=like)
    if reading.has("pricier"):
        return replace(wish, cheaper_than=())
    points = meant.is_named and meant.names_a_piece or meant.is_this and opened is not None
    points = points and not reading.has("swap", "swap_away") and (not reading.has("too") or _asks_an_attribute(reading))
    if reading.has("into") and (gone := _exchanged(reading, shown, meant)):
        return replace(wish, excluded=wish.excluded | {piece.sku for piece in gone})
    if reading.has("similar", "into") or (points and _names_an_attribute(reading)):
        piece = in_look[0] if meant.names_a_piece and in_look else opened
        if piece and meant.names_a_piece and _names_an_attribute(reading):
            wish = wish.want("slots", {piece.slot})  # the new colour is for that piece alone
        reading.take({"category"})
        return replace(wish, like_sku=piece.sku) if piece else wish
    is_liked = reading.has("like") and (meant.is_named or meant.is_this)  # "all of them are nice" chooses none
    is_liked |= opened is not None and any(part.kind == "like" and part.word.startswith("就") for part in reading.parts)
    is_chosen = meant.is_named and bool(in_look) and _points(reading) and not _names_an_attribute(reading)
    is_chosen |= opened is not None and meant.is_this and {part.kind for part in reading.parts} == {"want", "this"}
    is_kept = reading.has("keep") and (meant.names_a_piece or not _names_an_attribute(reading))  # not "keep it casual"
    if is_kept or is_liked or is_chosen:
        kept = [opened] if opened and not meant.is_named and not meant.names_a_piece else in_look
        if is_kept and not (meant.is_named or meant.is_this or meant.names_a_piece or opened):
            return wish
        reading.take(HEADS)
        return replace(wish, locked=wish.locked | {p.sku for p in kept}, excluded=wish.excluded - {p.sku for p in kept})
    if _is_praised(reading):
        reading.take(HEADS)
    if reading.has("swap", "swap_away") or (reading.has("more") and not reading.is_comparison):
        if any(part.kind == "topic:colours" for part in reading.parts):  # "another colour" of the same
            return replace(wish, like_sku=opened.sku) if opened else wish
        gone = meant.of(meant.look if meant.is_named else shown.pieces)
        if opened and reading.has("swap", "swap_away") and not (meant.is_named or meant.names_a_piece):
            gone = [opened]
        if reading.has("swap"):
            reading.take({"slot"})
        if reading.has("swap_away") or _swaps_what_it_follows(reading):  # "swap the shoes for sneakers": the first goes
            for part in [part for part in reading.parts if part.kind in HEADS][:1]:
                part.is_taken = True
        gone_skus = frozenset(piece.sku for piece in gone)
        if not (meant.is_named or meant.names_a_piece):  # "others": what is locked was not meant
            return replace(wish, excluded=wish.excluded | (gone_skus - wish.locked))
        return replace(wish, locked=wish.locked - gone_skus, excluded=wish.excluded | gone_skus)
    return wish


def _points(reading: Reading) -> bool:
    """Is a look named, or a piece of it, and nothing else? 鞋用第二套的 is; 第一套配什么包 asks for a bag."""
    if reading.has("which", "swap", "swap_away", "more", "also", "into", "topic:budget", "topic:colours", "too"):
        return False
    named = [part for part in reading.parts if part.kind in HEADS or _numbers([part])]
    for look, noun in zip(named, named[1:], strict=False):
        between = [part for part in reading.parts if look.start < part.start < noun.start]
        gap = noun.start - look.start - len(look.text) - sum(len(part.text) for part in between)
        if _numbers([look]) and noun.kind in HEADS and (gap > 2 or not is_han(noun.text)):
            return False
    return True


def _is_praised(reading: Reading) -> bool:
    """裙子好看, 包可以: what is shown; it is not asked for again."""
    kinds = [part.kind for part in reading.parts]
    return len(kinds) == 2 and kinds[0] in HEADS and kinds[1] == "like"


def _borrowed(reading: Reading, meant: _Meant, shown: Shown) -> list[ShownPiece]:
    """鞋换成第二套的: the piece of the look that is named last, after "into" or 换."""
    places = [i for i, part in enumerate(reading.parts) if part.kind in ("into", "swap")]
    numbers = _numbers(reading.parts[places[-1] + 1 :]) if places else []
    if not meant.names_a_piece or len(numbers) != 1 or not -len(shown.looks) <= numbers[0] < len(shown.looks):
        return []
    return meant.of(shown.looks[numbers[0]])


def _swaps_what_it_follows(reading: Reading) -> bool:
    """裤子换一条: the noun before is what shall go; 换条裤子 asks for another of that kind."""
    kinds = [part.kind for part in reading.parts if part.kind in HEADS or part.kind == "swap"]
    return len(kinds) > 1 and kinds[-1] == "swap"


def _meant(reading: Reading, shown: Shown, said_before: Sequence[int]) -> _Meant:
    numbers = _numbers(reading.parts) or list(said_before)
    heads = [part.term for part in reading.parts if part.kind in HEADS and part.term]
    count = len(shown.looks)
    slots = {Slot(term.name) for term in heads if term.kind == "slot"}
    if not heads and shown.opened is None and any(_counts_shoes(part) for part in reading.parts):
        slots.add(Slot.SHOES)
    return _Meant(
        tuple(piece for n in numbers or [shown.look] if -count <= n < count for piece in shown.looks[n]),
        bool(numbers),
        reading.has("this", "these") or any(_likes_this(part) for part in reading.parts),
        frozenset(slots),
        frozenset(name for term in heads for name in term.categories),
    )


def _exchanged(reading: Reading, shown: Shown, meant: _Meant) -> list[ShownPiece]:
    """鞋子换成运动鞋: the pieces that make way for another category; [] where no category is named after "into"."""
    place = next(i for i, part in enumerate(reading.parts) if part.kind == "into")
    targets = [part.term for part in reading.parts[place:] if part.kind == "category"]
    sources = [part for part in reading.parts[:place] if part.kind in HEADS]
    if not targets:
        return []
    for part in sources:
        part.is_taken = True
    terms = [part.term for part in sources] or targets
    slots = {Slot(term.name) if term.kind == "slot" else slot_of(term.categories[0]) for term in terms}
    if not any(piece.slot in slots for piece in shown.pieces):  # 裙子 are dresses first, and these are skirts
        slots = {slot_of(name) for term in terms for name in term.categories}
    return [piece for piece in (meant.look if meant.is_named else shown.pieces) if piece.slot in slots]


def _likes_this(part: Part) -> bool:
    """就这双, 就它了."""
    return part.kind == "like" and any(char in part.word for char in "这它")


def _counts_shoes(part: Part) -> bool:
    """Of all pieces only shoes come in pairs: 换一双, "another pair"."""
    return part.kind in ("swap", "this", "these") and ("双" in part.word or "pair" in part.word)


def _paired(reading: Reading, shown: Shown) -> list[ShownPiece]:
    """ "The jeans of the first with the shoes of the second": pieces of several looks, each with its noun."""
    numbers = _numbers(reading.parts)
    heads = [part.term for part in reading.parts if part.kind in HEADS]
    if len(numbers) < 2 or len(numbers) != len(heads):
        return []
    found = []
    for number, term in zip(numbers, heads, strict=True):
        look = shown.looks[number] if -len(shown.looks) <= number < len(shown.looks) else ()
        found += [piece for piece in look if piece.category in term.categories or piece.slot.value == term.name]
    return found


def _is_denied_reference(reading: Reading, meant: _Meant, opened: ShownPiece | None) -> bool:
    """ "not this one", "I don't like the second look", 这双鞋不好看: something shown is refused, not a kind of thing."""
    if reading.has("cheaper"):
        return False
    if meant.slots and not meant.categories and _is_disliked(reading):
        return True
    if meant.categories and _is_called_ugly(reading):
        return True
    if _is_nothing_but_dislike(reading):
        return True
    if not (meant.is_named or meant.is_this):
        return False
    if reading.has("too") and meant.names_a_piece and meant.is_named:
        return True  # "the third one is nice but the shoes are too sporty"
    points = meant.is_named or meant.names_a_piece or opened is not None
    if reading.has("too") and not _names_an_attribute(reading) and points:
        return True  # 第三套太花了, 这双鞋太高了
    return reading.has("negate", "negate_after") and not _names_an_attribute(reading)


def _spares_what_it_names(reading: Reading) -> bool:
    """除了第一套都不喜欢, "I like none except the first": all else is refused."""
    denials = [part for part in reading.parts if part.kind in ("negate", "negate_after")]
    return len(denials) > 1 and _excepts(reading)


def _excepts(reading: Reading) -> bool:
    return any(part.kind == "negate" and part.word in _EXCEPT for part in reading.parts)


def _is_disliked(reading: Reading) -> bool:
    """ "I don't like the shoes": those that are shown; "no shoes" would bar all."""
    said = [part.word for part in reading.parts if part.kind in ("negate", "negate_after")]
    disliked = any(word in text for text in said for word in _DISLIKES)
    return disliked and not _names_an_attribute(reading) and not reading.has("swap", "swap_away", "into")


def _is_nothing_but_dislike(reading: Reading) -> bool:
    """ "I don't like it", 不满意: said of all that is shown, or of the piece that was opened."""
    said = [part.word for part in reading.parts if part.kind in ("negate", "negate_after")]
    denied_likes = zip(reading.parts, reading.parts[1:], strict=False)  # 没有一套是我喜欢的
    said += [b.word for a, b in denied_likes if a.kind == "negate" and b.kind == "like"]
    about = any(part.kind in (*CONTENT, "") or part.kind.startswith(("topic", "ordinal")) for part in reading.parts)
    return not about and any(word in text for text in said for word in (*_DISLIKES, "满意"))


def _is_called_ugly(reading: Reading) -> bool:
    """裤子不好看: what is seen looks bad; 不喜欢裤子 bars them all."""
    said = [part.word for part in reading.parts if part.kind in ("negate", "negate_after")]
    is_general = any(len(part.term.categories) > 1 for part in reading.parts if part.kind == "category")
    ugly = (*_UGLY, "不行", "不太行") if is_general else _UGLY  # 高跟鞋不行 bars them all, 裤子不行 these
    return any(word in text for text in said for word in ugly) and (
        not _names_an_attribute(reading) and not reading.has("swap", "swap_away", "into")
    )


def _names_an_attribute(reading: Reading) -> bool:
    return any(part.kind in (*ATTRIBUTES, "shade", "cut", "usage", "occasion", "season") for part in reading.parts)


def _asks_an_attribute(reading: Reading) -> bool:
    return _names_an_attribute(Reading([part for part in reading.parts if not part.is_unwanted]))


def _cheaper(reading: Reading, wish: Wish, shown: Shown, meant: _Meant) -> Wish:
    """Below the cheapest shown for each slot meant; below the very piece where one was opened or one look named."""
    opened = shown.opened
    if opened and not meant.is_named and not meant.names_a_piece:
        pieces = [opened]
    else:
        pieces = meant.of(meant.look if meant.is_named else shown.pieces)
    prices: dict[Slot, Decimal] = dict(wish.cheaper_than)
    for slot in Slot:
        asked = [piece.price for piece in pieces if piece.slot is slot and piece.price is not None]
        if asked:
            prices[slot] = min(asked)
    if pieces:
        reading.take({"slot"} if not meant.is_this else HEADS)
    return replace(wish, cheaper_than=tuple((slot, prices[slot]) for slot in Slot if slot in prices))
