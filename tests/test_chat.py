"""Conversations over the real main path and the demo catalogue. Only the detector is set where boxes must be known."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal

import pytest
from PIL import Image

from assistant import changes
from assistant import talk as does
from assistant.chat import Chat
from assistant.looks import Trace, Unfilled
from assistant.retelling import look_in
from assistant.stylist import Progress
from assistant.talk import Answered, Choice, Found, Line, Reply, Talk, Trouble
from assistant.wish import Wish
from retrieval.catalogue import Catalogue
from retrieval.errors import InvalidInput
from retrieval.items import Box, Detection, Gender, Slot


@dataclass
class Sees:
    """A detector that finds what it is told."""

    found: tuple[Detection, ...]
    name: str = "told"

    def detect(self, image: Image.Image, labels: tuple[str, ...] = ()) -> list[Detection]:
        return list(self.found)


@pytest.fixture(scope="module")
def jeans(demo) -> Image.Image:
    item = next(i for i in demo.catalogue.all_items() if i.category == "Jeans" and i.gender is Gender.MEN)
    return demo.catalogue.picture(item.sku)


@pytest.fixture(scope="module")
def start(demo, jeans) -> Callable[..., Chat]:
    """A chat whose every photo is the jeans, in which the detector sees the boxes given."""
    whole = Detection(Box(0, 0, *jeans.size), "jeans", 0.9, Slot.BOTTOM)

    def make(*found: Detection) -> Chat:
        return Chat(replace(demo.stylist, detector=Sees(found or (whole,))), lambda name: jeans)

    return make


def run(chat_: Chat, talk: Talk, ask: does.Ask) -> tuple[Reply, list[Progress]]:
    *steps, reply = chat_.turn(talk, ask)
    assert isinstance(reply, Reply) and all(isinstance(step, Progress) for step in steps)
    return reply, steps


def after(chat_: Chat, *asks: does.Ask) -> Talk:
    talk = Talk()
    for ask in asks:
        talk = run(chat_, talk, ask)[0].talk
    return talk


@pytest.fixture(scope="module")
def shown(start) -> Talk:
    """The conversation after one photo."""
    return after(start(), does.ShowPhoto("a"))


def skus(talk: Talk) -> list[list[str]]:
    return [[piece.item.sku for piece in look.pieces] for look in talk.answer.looks]


def test_a_photo_of_one_garment_goes_straight_to_looks_with_each_step_told(start):
    reply, steps = run(start(), Talk(), does.ShowPhoto("a"))
    told = list(dict.fromkeys(step.step for step in steps))
    assert set(told) == {"upload", "detect", "read", "find", "suggest", "search", "judge", "compose"}
    assert told[:2] == ["upload", "detect"] and told[-1] == "compose"
    assert len(reply.talk.answer.looks) == 3
    assert reply.parts[0].is_new and reply.parts[0].answer is reply.talk.answer
    assert all(piece.verdict.reason for piece in reply.talk.pieces())


def test_several_garments_are_offered_and_the_chosen_one_is_styled(start, jeans):
    left = Detection(Box(0, 0, 60, 200), "shirt", 0.8, Slot.TOP)
    right = Detection(Box(60, 0, *jeans.size), "jeans", 0.7, Slot.BOTTOM)
    chat_ = start(left, right)
    reply, _ = run(chat_, Talk(), does.ShowPhoto("a"))
    assert reply.talk.answer is None
    assert reply.parts == (Choice("a", jeans.size, (left, right)),)
    chosen, _ = run(chat_, reply.talk, does.Choose(right.box))
    assert chosen.talk.answer.chosen.box == right.box and chosen.talk.answer.looks
    again, _ = run(chat_, chosen.talk, does.ChooseAgain())
    assert again.parts == (Choice("a", jeans.size, (left, right)),)


def test_without_a_garment_it_is_said_and_the_whole_photo_may_be_taken(demo, jeans):
    chat_ = Chat(replace(demo.stylist, detector=Sees(())), lambda name: jeans)
    reply, _ = run(chat_, Talk(), does.ShowPhoto("a"))
    assert reply.parts == (Choice("a", jeans.size, ()),) and reply.talk.answer is None
    whole, _ = run(chat_, reply.talk, does.Choose(None))
    assert whole.talk.answer.looks


def test_a_garment_taken_for_something_else_is_corrected(start, shown):
    assert Slot.TOP in {piece.slot for piece in shown.pieces()}
    reply, _ = run(start(), after_all(start(), shown, does.Lock(skus(shown)[0][0])), does.Correct("Dresses"))
    garment = reply.talk.garment
    assert garment.attributes.category == "Dresses" and garment.attributes.slot is Slot.ONE_PIECE
    assert garment.palette == shown.garment.palette and not reply.talk.kept
    assert not {Slot.TOP, Slot.BOTTOM} & {piece.slot for piece in reply.talk.pieces()}
    assert run(start(), shown, does.Correct("Perfume and Body Mist"))[0].talk is shown


@pytest.mark.parametrize(("message", "lang"), [("under 150 in all", "en"), ("总价一百五以内", "zh")])
def test_a_budget_holds_in_every_look_from_then_on(start, shown, message, lang):
    reply, _ = run(start(), shown, does.Say(message))
    talk = reply.talk
    assert talk.wish.budget_total == Decimal(150) and talk.lang == lang
    assert talk.answer.looks and all(look.total <= 150 for look in talk.answer.looks)
    rolled, _ = run(start(), talk, does.Reroll())
    assert all(look.total <= 150 for look in rolled.talk.answer.looks)
    key = next(chip.key for chip in talk.wish.chips(lang))
    assert run(start(), talk, does.DropWish(key))[0].talk.wish.budget_total is None


@pytest.mark.parametrize(
    ("message", "lang", "is_more"),
    [("cheaper", "en", False), ("便宜一点", "zh", False), ("under 100 in all", "en", False), ("without a bag, please. Under 200 in all", "en", True)],
)
def test_a_shop_that_tells_no_prices_says_so(start, shown, monkeypatch, message, lang, is_more):
    monkeypatch.setattr(Catalogue, "has_prices", lambda _: False)
    reply, _ = run(start(), shown, does.Say(message))
    assert reply.parts[0] == Line("wish.no_prices") and reply.talk.lang == lang
    assert changes.without_money(reply.talk.wish) == reply.talk.wish
    assert (len(reply.parts) > 1) is is_more and (Slot.BAG in reply.talk.wish.without_slots) is is_more
    early, _ = run(start(), Talk(), does.Say("black shoes under 50"))
    assert early.parts[0] == Line("wish.no_prices") and isinstance(early.parts[1], Found)


@pytest.mark.parametrize(("message", "lang"), [("the same but black", "en"), ("换成黑色的", "zh"), ("this one in black", "en")])
def test_the_piece_that_was_looked_at_is_had_in_another_colour_and_the_rest_stays(start, shown, message, lang):
    look = shown.answer.looks[0]
    old = next(piece for piece in look.pieces if piece.slot is Slot.TOP and piece.item.colour != "Black")
    reply, _ = run(start(), shown, does.Say(message, opened=old.item.sku))
    assert isinstance(reply.parts[0], Answered), reply.parts
    new = reply.talk.answer.looks[0]
    (other,) = [piece for piece in new.pieces if piece.slot is Slot.TOP]
    assert other.item.sku != old.item.sku and other.item.category == old.item.category
    assert other.item.colour == "Black" or other.is_closest
    stayed = {piece.item.sku for piece in look.pieces} - {old.item.sku}
    assert {piece.item.sku for piece in new.pieces} - {other.item.sku} >= stayed
    assert all(old.item.sku not in row or i == 0 for i, row in enumerate(skus(shown)))
    assert reply.talk.answer.looks[1:] == shown.answer.looks[1:]
    assert reply.talk.wish == replace(shown.wish, lang=lang)  # said of this piece, not of the others, nor for later
    assert run(start(), reply.talk, does.Undo())[0].talk.answer.looks == shown.answer.looks


def test_what_is_not_on_show_cannot_be_meant(start, shown):
    same, _ = run(start(), shown, does.Say("the same but black", opened="no-such-sku"))
    assert same.talk.wish.colours == {"Black"} and same.talk.wish.like_sku is None


def test_that_a_garment_is_far_from_the_occasion_is_said_once(start, shown):
    far, _ = run(start(), shown, does.Say("for a wedding"))
    assert far.parts[0] == Line("wish.far") and far.talk.answer.looks  # jeans
    assert run(start(), far.talk, does.Say("no bag"))[0].parts[0] != Line("wish.far")
    assert run(start(), shown, does.Say("for the weekend"))[0].parts[0] != Line("wish.far")


def test_what_the_garment_is_stays_known_when_wishes_change(start, shown):
    reply, _ = run(start(), shown, does.Say("no bag"))
    assert reply.talk.garment is shown.garment
    assert reply.talk.answer.same_product == shown.answer.same_product
    assert all(piece.slot is not Slot.BAG for piece in reply.talk.pieces())
    assert not reply.parts[0].is_new


def test_a_locked_piece_stays_while_the_others_are_rerolled(start, shown):
    sku, others = skus(shown)[0][0], set(skus(shown)[0][1:])
    locked, _ = run(start(), shown, does.Lock(sku))
    assert locked.parts == (Line("change.kept"),)
    assert [p.item.sku for p in locked.talk.pieces() if p.is_locked] == [sku] * sum(sku in row for row in skus(shown))
    rolled, _ = run(start(), locked.talk, does.Reroll())
    assert all(sku in row for row in skus(rolled.talk))
    assert not others & {one for row in skus(rolled.talk) for one in row}
    free, _ = run(start(), rolled.talk, does.Lock(sku))
    assert free.talk.kept == () and not free.talk.wish.locked


def test_one_piece_of_a_slot_is_kept_at_a_time(start, shown):
    first, second = (next(p for p in look.pieces if p.slot is Slot.SHOES) for look in shown.answer.looks[:2])
    talk = after_all(start(), shown, does.Lock(first.item.sku), does.Lock(second.item.sku))
    assert [piece.item.sku for piece in talk.kept] == [second.item.sku]


def after_all(chat_: Chat, talk: Talk, *asks: does.Ask) -> Talk:
    for ask in asks:
        talk = run(chat_, talk, ask)[0].talk
    return talk


def test_a_swap_changes_one_place_of_one_look(start, shown):
    before = skus(shown)
    reply, _ = run(start(), shown, does.Swap(1, before[1][0]))
    now = skus(reply.talk)
    assert now[0] == before[0] and now[2] == before[2]
    assert now[1][1:] == before[1][1:] and now[1][0] != before[1][0]
    assert now[1][0] not in {sku for row in before for sku in row}
    total = sum(piece.item.price for piece in reply.talk.answer.looks[1].pieces)
    assert reply.talk.answer.looks[1].total == total


def test_a_removed_item_is_never_shown_again(start, shown):
    sku = skus(shown)[0][0]
    talk = run(start(), shown, does.Remove(sku))[0].talk
    assert len(talk.answer.looks) >= 2
    for ask in (does.Reroll(), does.Say("cheaper")):
        talk = run(start(), talk, ask)[0].talk
        assert sku not in {one for row in skus(talk) for one in row}


def test_when_everything_was_seen_it_starts_over_and_says_so(start, shown):
    talk, lines = shown, []
    for _ in range(12):
        reply, _ = run(start(), talk, does.Reroll())
        talk = reply.talk
        lines += [part for part in reply.parts if isinstance(part, Line)]
        assert talk.answer.looks
        if lines:
            break
    assert lines == [Line("change.last")]


def test_undo_goes_back_step_by_step(start, shown):
    talk = after_all(start(), shown, does.Say("no bag"), does.Say("no shoes"))
    one, _ = run(start(), talk, does.Undo())
    assert one.talk.wish.without_slots == {Slot.BAG}
    two, _ = run(start(), one.talk, does.Undo())
    assert two.talk.wish == shown.wish and two.talk.answer is shown.answer
    three, _ = run(start(), two.talk, does.Undo())
    assert three.talk.answer is None
    assert run(start(), three.talk, does.Undo())[0].parts == (Line("change.nothing"),)


def test_the_way_back_is_bounded(start, shown):
    talk = shown
    sku = skus(shown)[0][0]
    for _ in range(50):
        talk = run(start(), talk, does.Lock(sku))[0].talk
    steps = 0
    while talk.before is not None:
        talk, steps = talk.before, steps + 1
    assert steps <= 21


def test_words_before_any_photo_find_products_to_start_from(start):
    reply, _ = run(start(), Talk(), does.Say("a red dress for a wedding, under 300"))
    found = reply.parts[0]
    assert isinstance(found, Found) and found.hits
    assert all(hit.item.category == "Dresses" and hit.item.colour == "Red" for hit in found.hits)
    wish = reply.talk.wish
    assert not wish.colours and not wish.categories  # said of the dress, not of what goes with it
    assert wish.occasion == "wedding" and wish.budget_piece == 300
    around, _ = run(start(), reply.talk, does.Around(found.hits[0].item.sku))
    assert around.talk.garment.sku == found.hits[0].item.sku
    assert around.talk.answer.looks and all(piece.item.price <= 300 for piece in around.talk.pieces())


def test_another_language_tells_the_same_looks_anew(start, shown):
    kept = after_all(start(), shown, does.Lock(skus(shown)[0][0]))
    reply, _ = run(start(), kept, does.Speak("zh"))
    assert reply.talk.lang == "zh"
    reasons = [piece.verdict.reason for piece in reply.talk.pieces()]
    assert reasons and all(any("\u4e00" <= char <= "\u9fff" for char in reason) for reason in reasons)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_kept_look_is_told_in_the_language_of_whoever_opens_it(start, shown, lang):
    """The slow twin: the same looks, composed anew in that language."""
    chat_, other = start(), "zh" if lang == "en" else "en"
    kept = replace(chat_.stylist.complete(shown.garment, Wish(lang=other, budget_total=Decimal(200))), trace=Trace())
    twin = chat_.stylist.complete(shown.garment, Wish(lang=lang, budget_total=Decimal(200)))
    opener = Talk(wish=Wish(lang=lang))
    reply, _ = run(chat_, opener, does.OpenLook(kept, other))
    told = reply.talk.answer.looks
    assert told == twin.looks != kept.looks and any(look.unfilled for look in told)
    same, _ = run(chat_, opener, does.OpenLook(twin, lang))
    assert same.talk.answer is twin  # nothing to tell anew


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("No bag in the shop goes with it.", "店里没有能搭配的包。"),
        ("No bag fits what is left of the budget of 120.50 USD.", "在120.50 USD的预算内，没有放得下的包。"),
        ("“Navy Bag” is no longer in the shop.", "「Navy Bag」已不在店里。"),
        ("店里没有能搭配的包。", "店里没有能搭配的包。"),
        ("Something that a shop wrote.", "Something that a shop wrote."),
    ],
)
def test_the_reason_of_a_gap_is_told_anew_with_what_it_names(shown, reason, told):
    look = replace(shown.answer.looks[0], title="With navy blue", unfilled=(Unfilled(Slot.BAG, reason),))
    new = look_in(look, shown.garment, "zh")
    assert (new.unfilled[0].reason, new.title) == (told, "搭配藏青色")
    assert look_in(replace(look, title="Mei’s choice"), shown.garment, "zh").title == "Mei’s choice"


def test_small_talk_changes_nothing_and_asks_for_a_wish(start, shown):
    reply, _ = run(start(), shown, does.Say("   "))
    assert reply.talk is shown and reply.parts == (Line("wish.same"),)


@pytest.mark.parametrize(
    "ask", [does.Lock("no-such"), does.Swap(9, "x"), does.Swap(0, "x"), does.Remove("x"), does.Around("x")]
)
def test_what_cannot_be_done_is_said_and_changes_nothing(start, shown, ask):
    reply, _ = run(start(), shown, ask)
    assert reply.talk is shown
    assert isinstance(reply.parts[0], Trouble) and reply.parts[0].code == "invalid_input"


def test_a_photo_that_cannot_be_read_harms_its_own_turn_only(demo, shown):
    def gone(name: str) -> Image.Image:
        raise InvalidInput("the photo is gone", hint="send it again")

    reply, _ = run(Chat(demo.stylist, gone), shown, does.ShowPhoto("b"))
    assert reply.talk is shown
    assert reply.parts == (Trouble("invalid_input", "the photo is gone", "send it again"),)


def test_a_stopped_turn_ends_at_the_next_step_and_changes_nothing(start, shown):
    stopped = threading.Event()
    events = start().turn(shown, does.Say("no bag"), stopped)
    assert isinstance(next(events), Progress)
    stopped.set()
    *_, reply = events
    assert reply.talk is shown and reply.parts == (Line("change.stopped"),)


def test_leaving_the_conversation_stops_its_turn(start, shown):
    stopped = threading.Event()
    events = start().turn(shown, does.Reroll(), stopped)
    next(events)
    events.close()
    assert stopped.is_set()


def test_a_mistake_of_ours_is_raised_where_it_was_asked(demo, shown):
    def broken(name: str) -> Image.Image:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(Chat(demo.stylist, broken).turn(shown, does.ShowPhoto("b")))
