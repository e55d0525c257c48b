"""Commands on the looks that were shown: keep, refuse, swap, cheaper, the same in another colour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from assistant.parts import CONTENT, HEADS, Part
from assistant.reading import Reading
from assistant.refusals import (
    asks_an_attribute,
    excepts,
    is_called_ugly,
    is_denied_reference,
    is_disliked,
    is_nothing_but_dislike,
    is_refusal,
    names_an_attribute,
    spares_what_it_names,
)
from assistant.shown import (
    Meant,
    Shown,
    ShownPiece,
    beside,
    borrowed_by,
    exchanged,
    is_look,
    looks_named,
    meant_by,
    paired,
)
from assistant.wish import Wish
from retrieval.items import Slot
from retrieval.vocabulary import slot_of
from retrieval.words import is_han

_REST = ("别的", "其他", "其它", "其余", "剩下", "everything else", "the rest", "the other", "all else")
_COMMANDS = ("keep", "like", "swap", "swap_away", "more", "cheaper", "similar", "into", "this")


def follow(reading: Reading, wish: Wish, shown: Shown) -> Wish:
    """The commands carried out: as one, or clause by clause where several clauses hold one ("keep the top, change the
    shoes"). A clause that names no piece and no look speaks of those named before it."""
    numbers_of = sorted({part.clause for part in reading.parts})
    clauses = [[part for part in reading.parts if part.clause == number] for number in numbers_of]
    commands = [i for i, parts in enumerate(clauses) if _is_command(parts, clauses[:i])]
    if len(commands) == 1 and _stands_alone(clauses, commands[0], shown):
        return _command(Reading(clauses[commands[0]]), wish, shown)
    is_all_but = excepts(reading) and spares_what_it_names(reading) and reading.has("more", "these")
    if len(commands) < 2 or reading.has("keep_rest") or is_all_but:  # 除了第二套的鞋,其他都不要
        return _command(reading, wish, shown)
    heads: list[Part] = []
    numbers: list[int] = []
    locked = wish.locked
    for parts in clauses:
        named = [part for part in parts if part.kind in HEADS]
        numbers_here = looks_named(parts)
        if not named and _is_of_the_rest(parts) and (rest := beside(wish.locked - locked, shown)):
            wish = replace(wish, excluded=wish.excluded | rest)
            continue
        starts_over = wish.locked != locked and Reading(parts).has("more", "swap")  # 上衣锁定,重新搭
        if not named and Reading(parts).has(*_COMMANDS, "these") and not starts_over:
            parts = [*heads, *parts]
        heads = named or heads
        praises = Reading(parts).has("like") and clauses[-1] is not parts and Reading(clauses[-1]).has("cheaper")
        only_points = praises or (
            bool(numbers_here) and not named and not Reading(parts).has(*_COMMANDS, "want", "these", "negate", "negate_after")
        )
        later = [part for other in clauses if other[0].start > parts[0].start for part in other]
        if not (only_points and later) or _replaces_a_piece(Reading(later)):  # "the second one, but cheaper": none chosen
            wish = _command(Reading(parts), wish, shown, [] if starts_over and not named else numbers)
        numbers = numbers_here or numbers
    return wish


def _is_of_the_rest(parts: Sequence[Part]) -> bool:
    """其余的随便换, 别的再挑挑: the others shall change."""
    return any(part.kind == "more" and part.word.startswith(_REST) for part in parts) and not looks_named(parts)


def _replaces_a_piece(reading: Reading) -> bool:
    """ "(The second one,) with different shoes", 鞋换高跟鞋: the rest of the look is chosen."""
    if not reading.has(*HEADS):
        return False
    return reading.has("swap", "swap_away", "negate", "negate_after") or (reading.has("into") and _names_a_target(reading))


def _names_a_target(reading: Reading) -> bool:
    """Does a category stand behind "into"?"""
    place = next((part.start for part in reading.parts if part.kind == "into"), None)
    return place is not None and any(part.kind == "category" and part.start > place for part in reading.parts)


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
    refuses = any(is_refusal(part) for part in command.parts)
    if shown.opened is not None and not refuses and not command.has("keep"):
        return False
    before = Reading([part for parts in clauses[:place] for part in parts])
    return bool(looks_named(command.parts)) or command.has("this", "these", *HEADS) or not before.has(*HEADS)


def _is_command(parts: Sequence[Part], before: Sequence[Sequence[Part]]) -> bool:
    """Does the clause ask for something with what is shown? "But not the top" does where a look was named before."""
    reading = Reading(list(parts))
    has_attribute = names_an_attribute(reading)
    if reading.has(*_COMMANDS) or looks_named(parts) or (reading.has("these") and not has_attribute):
        return True
    if reading.has(*HEADS) and (is_disliked(reading) or is_called_ugly(reading)):
        return True
    refuses = reading.has("negate", "negate_after", "too") and reading.has(*HEADS) and not has_attribute
    return refuses and any(looks_named(other) or Reading(list(other)).has("keep") for other in before)


def _command(reading: Reading, wish: Wish, shown: Shown, said_before: Sequence[int] = ()) -> Wish:
    meant = meant_by(reading, shown, said_before)
    opened = shown.opened
    denied = is_denied_reference(reading, meant, opened)
    in_look = meant.of(meant.look)
    if not in_look and meant.names_a_piece and not meant.is_named:
        in_look = meant.of(shown.pieces)[:1]  # the skirt that only another look has
    if (pairs := paired(reading, shown)) and not reading.has("negate", "negate_after", "cheaper"):
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
        if reading.has("into") and (gone := exchanged(reading, shown, meant)):  # 鞋换成凉鞋,别的不换
            gone = [piece for piece in gone if piece in meant.look]
            return replace(
                wish, locked=wish.locked - {p.sku for p in gone}, excluded=wish.excluded | {p.sku for p in gone}
            )
        if reading.has("into") and meant.names_a_piece and in_look and names_an_attribute(reading):  # 鞋换成白色,其他不变
            wish = replace(wish.want("slots", {in_look[0].slot}), like_sku=in_look[0].sku)
        reading.take(HEADS)
        return wish
    if len(looks_named(reading.parts)) > 1 and any(part.word == "还是" for part in reading.parts):
        return wish  # 第一套好看还是第二套好看
    if borrowed := borrowed_by(reading, meant, shown):
        reading.take(HEADS)
        places = {piece.slot for piece in borrowed}
        released = {piece.sku for piece in shown.pieces if piece.slot in places}
        return replace(wish, locked=wish.locked - released | {piece.sku for piece in borrowed})
    if (reading.has("more") or excepts(reading)) and reading.has("swap", "swap_away") and meant.names_a_piece:
        gone = [piece for piece in meant.look if piece not in meant.of(meant.look)]  # "change everything else"
        kept = {piece.sku for piece in in_look} if reading.has("keep") else set()
        reading.take(HEADS)
        return replace(wish, excluded=wish.excluded | {piece.sku for piece in gone}, locked=wish.locked | kept)
    keeps_all = reading.has("keep", "like") or (reading.has("any") and meant.is_named) or (reading.has("want") and reading.has("these"))
    if meant.names_a_piece and excepts(reading) and keeps_all:  # 除了包都留着
        reading.take(HEADS)
        return replace(wish, locked=wish.locked | {piece.sku for piece in meant.look if piece not in in_look})
    if spares_what_it_names(reading) and (meant.is_named or meant.names_a_piece):
        around = shown.pieces if meant.is_named else meant.look
        reading.take(CONTENT)
        return replace(wish, excluded=wish.excluded | {piece.sku for piece in around if piece not in in_look})
    if denied:
        whole = meant.of(meant.look if meant.is_named or not meant.names_a_piece else shown.pieces)
        is_opened = opened is not None and not meant.is_named and bool(meant.of([opened]))
        gone = [opened] if is_opened and (meant.is_this or not meant.names_a_piece) else whole
        is_of_all = reading.has("these") or (is_nothing_but_dislike(reading) and not meant.is_this and not opened)
        if is_of_all and not meant.is_named and not meant.names_a_piece:
            gone = list(shown.pieces)
        pointed = {part.clause for part in reading.parts if part.kind in ("this", "these", "too", *HEADS)}
        pointed |= {part.clause for part in reading.parts if looks_named([part])}
        Reading([part for part in reading.parts if part.clause in pointed]).take({*CONTENT, ""})
        return replace(wish, excluded=wish.excluded | {p.sku for p in gone}, locked=wish.locked - {p.sku for p in gone})
    if reading.has("cheaper") and not reading.has("amount"):
        like = opened.sku if opened and reading.has("similar") else wish.like_sku
        return replace(_cheaper(reading, wish, shown, meant), like_sku=like)
    if reading.has("pricier"):
        return replace(wish, cheaper_than=())
    points = meant.is_named and meant.names_a_piece or meant.is_this and opened is not None
    points = points and not reading.has("swap", "swap_away") and (not reading.has("too") or asks_an_attribute(reading))
    if reading.has("into") and _names_a_target(reading):
        skus = {piece.sku for piece in exchanged(reading, shown, meant)}
        return replace(wish, locked=wish.locked - skus, excluded=wish.excluded | skus)
    if reading.has("similar", "into") or (points and names_an_attribute(reading)):
        is_opened = opened is not None and not meant.is_named and bool(meant.of([opened]))
        piece = in_look[0] if meant.names_a_piece and in_look and not is_opened else opened
        if piece and meant.names_a_piece and names_an_attribute(reading):
            wish = wish.want("slots", {piece.slot})  # the new colour is for that piece alone
        reading.take({"category"})
        return replace(wish, like_sku=piece.sku) if piece else wish
    is_all = reading.has("these") and not reading.has("this")  # "all of them are nice" chooses none
    is_liked = reading.has("like") and (meant.is_named or (meant.is_this and not is_all))
    is_liked |= opened is not None and any(part.kind == "like" and part.word.startswith("就") for part in reading.parts)
    is_chosen = meant.is_named and bool(in_look) and _points(reading) and not names_an_attribute(reading)
    is_chosen |= opened is not None and meant.is_this and {part.kind for part in reading.parts} == {"want", "this"}
    is_kept = reading.has("keep") and (meant.names_a_piece or not names_an_attribute(reading))  # not "keep it casual"
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
            if meant.is_named and meant.names_a_piece and in_look:  # 第三双鞋换个颜色
                return replace(wish.want("slots", {in_look[0].slot}), like_sku=in_look[0].sku)
            return replace(wish, like_sku=opened.sku) if opened else wish
        around = meant.look if meant.is_named else shown.pieces
        gone = meant.of(around) or (_in_place_of(reading, around) if meant.is_named else [])
        places = {slot_of(name) for name in meant.categories}
        if opened and reading.has("swap", "swap_away") and not meant.is_named:
            gone = [opened] if opened.slot in places or not meant.names_a_piece else gone
        if reading.has("swap"):
            reading.take({"slot"})
        elif meant.slots and reading.has("more"):  # 鞋子都不喜欢,换一批
            wish = wish.want("slots", meant.slots)
        if reading.has("swap_away") or _swaps_what_it_follows(reading):  # "swap the shoes for sneakers": the first goes
            heads = [part for part in reading.parts if part.kind in HEADS]
            for part in heads if _swaps_what_it_follows(reading) else heads[:1]:
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
    named = [part for part in reading.parts if part.kind in HEADS or is_look(part)]
    for look, noun in zip(named, named[1:], strict=False):
        between = [part for part in reading.parts if look.start < part.start < noun.start]
        gap = noun.start - look.start - len(look.text) - sum(len(part.text) for part in between)
        if is_look(look) and noun.kind in HEADS and (gap > 2 or not is_han(noun.text)):
            return False
    return True


def _is_praised(reading: Reading) -> bool:
    """裙子好看, 包可以: what is shown; it is not asked for again."""
    kinds = [part.kind for part in reading.parts]
    return len(kinds) == 2 and kinds[0] in HEADS and kinds[1] == "like"


def _in_place_of(reading: Reading, pieces: Sequence[ShownPiece]) -> list[ShownPiece]:
    """第一套换双运动鞋: where none of the kind is shown, whatever stands in its place makes way."""
    heads = [part for part in reading.parts if part.kind in HEADS]
    if not reading.has("swap") or len(heads) != 1 or heads[0].kind != "category" or _swaps_what_it_follows(reading):
        return []
    term = heads[0].term
    slots = {slot_of(name) for name in term.categories} if term.is_narrow or len(term.categories) == 1 else set()
    return [piece for piece in pieces if piece.slot in slots]


def _swaps_what_it_follows(reading: Reading) -> bool:
    """裤子换一条: the noun before is what shall go; 换条裤子 asks for another of that kind."""
    kinds = [part.kind for part in reading.parts if part.kind in HEADS or part.kind in ("swap", "swap_away")]
    return len(kinds) > 1 and kinds[-1] in ("swap", "swap_away")


def _cheaper(reading: Reading, wish: Wish, shown: Shown, meant: Meant) -> Wish:
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
