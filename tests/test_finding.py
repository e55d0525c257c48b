"""From a photo to its product over the demo catalogue: three outcomes, a box drawn by hand, words beside the photo."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from retrieval import images, resources
from retrieval.crops import NoGarment, OneGarment, SeveralGarments
from retrieval.errors import InvalidBox, InvalidInput
from retrieval.finding import WHOLE, see
from retrieval.items import Box, Detection, Slot

TOP, SHOES = Detection(Box(0, 0, 50, 50), "top", 0.9, Slot.TOP), Detection(Box(60, 60, 90, 90), "shoes", 0.2, Slot.SHOES)


class Sees:
    """A detector that finds what it is told to."""

    name = "told"

    def __init__(self, *found: Detection) -> None:
        self.found = list(found)

    def detect(self, image, labels=()):
        return self.found


def photo(name: str) -> Image.Image:
    return images.read(resources.path("demo/photos") / name)


def flatlay() -> str:
    entries = json.loads(resources.path("demo/photos/photos.json").read_text(encoding="utf-8"))
    return next(e["file"] for e in entries if len(e["garments"]) > 2)


def whole(picture: Image.Image) -> Box:
    return Box(0, 0, *picture.size)


class TestSee:
    blank = Image.new("RGB", (100, 100))

    def test_what_is_unsure_is_left_out_unless_the_detector_does_not_look(self):
        assert see(Sees(TOP, SHOES), self.blank, least=0.3) == OneGarment(TOP)
        assert isinstance(see(Sees(TOP, SHOES), self.blank, least=0.1), SeveralGarments)
        unlooked = Detection(Box(0, 0, 100, 100), "whole photo", 0.0)
        assert see(Sees(unlooked), self.blank, least=0.3) == OneGarment(unlooked)
        assert see(Sees(SHOES), self.blank, least=0.3) == NoGarment()

    def test_a_box_goes_before_what_the_detector_would_say(self):
        (one,) = see(Sees(TOP, SHOES), self.blank, box=Box(-5, 10, 20, 30)).detections
        assert one.box == Box(0, 10, 20, 30)
        with pytest.raises(InvalidBox, match="outside"):
            see(Sees(TOP), self.blank, box=Box(200, 200, 210, 210))


def test_several_garments_are_a_choice_and_the_chosen_one_is_searched_as_if_it_had_been_drawn(demo):
    picture = photo(flatlay())
    first = demo.finder.find(picture)
    assert first.needs_choice and first.hits == () and len(first.detections) > 1
    chosen = demo.finder.find(picture, choose=2, k=3)
    assert chosen.hits == demo.finder.find(picture, box=first.detections[1].box, k=3).hits and len(chosen.hits) == 3
    with pytest.raises(InvalidInput, match="garment 99"):
        demo.finder.find(picture, choose=99)


@pytest.mark.parametrize("made", ["room", "black"])
def test_where_no_garment_is_found_the_whole_photo_is_searched_and_that_is_said(demo, made):
    picture = photo("empty_room.jpg") if made == "room" else Image.new("RGB", (600, 800))
    found = demo.finder.find(picture)
    assert found.outcome == NoGarment() and found.notice == WHOLE and len(found.hits) == 5


def test_a_product_filling_the_frame_is_found_as_itself_and_never_by_a_bare_cosine(demo):
    item = next(i for i in demo.catalogue.all_items() if i.category == "Handbags")
    picture = demo.catalogue.picture(item.sku)
    (hit, *others) = demo.finder.find(picture, box=whole(picture), k=5).hits
    assert hit.item.sku == item.sku or item.sku in hit.twins
    assert hit.p_same is not None and hit.closeness is not None
    chances = [h.p_same for h in (hit, *others)]
    assert chances == sorted(chances, reverse=True) and 0 <= sum(chances) <= 1


def test_hits_pass_the_conditions(demo):
    from retrieval.ports import Where

    item = next(i for i in demo.catalogue.all_items() if i.slot is Slot.TOP)
    picture = demo.catalogue.picture(item.sku)
    shoes = Where(any_of={"slot": frozenset({Slot.SHOES})})
    for text in ("", "in red"):
        hits = demo.finder.find(picture, box=whole(picture), where=shoes, text=text).hits
        assert hits and {h.item.slot for h in hits} == {Slot.SHOES}


@pytest.mark.parametrize("words", ["this, but in white", "同款，换成白色"])
def test_words_beside_a_photo_change_what_they_speak_of_and_keep_the_rest(demo, words):
    black = next(i for i in demo.catalogue.all_items() if i.category == "Tshirts" and i.colour == "Black")
    picture = demo.catalogue.picture(black.sku)
    alone = demo.finder.find(picture, box=whole(picture), k=5).hits
    both = demo.finder.find(picture, box=whole(picture), text=words, k=5).hits
    white = [sum(h.item.colour == "White" for h in hits) for hits in (alone, both)]
    assert white[1] > white[0]
    assert sum(h.item.category == "Tshirts" for h in both) >= 3
    assert all(h.p_same is None for h in both)  # another product than the pictured one was asked for


def test_forty_garments_are_offered_and_the_rest_is_counted(demo):
    from dataclasses import replace

    grid = [Detection(Box(20 * i, 0, 20 * i + 10, 10), "top", 0.9, Slot.TOP) for i in range(43)]
    finder = replace(demo.finder, detector=Sees(*grid))
    found = finder.find(Image.fromarray(np.zeros((20, 900, 3), np.uint8)))
    assert len(found.detections) == 40 and found.outcome.left_out == 3


def test_page_api_and_terminal_are_given_one_and_the_same_result(demo):
    from assistant import report
    from assistant.api import outfit_wire, telling
    from assistant.ui import cards

    item = next(i for i in demo.catalogue.all_items() if i.category == "Handbags")
    picture = demo.catalogue.picture(item.sku)
    found = demo.finder.find(picture, box=whole(picture), k=3)
    sent = outfit_wire.Hits.model_validate(report.finding(found))
    assert [hit.p_same for hit in sent.data] == pytest.approx([hit.p_same for hit in found.hits], abs=1e-4)
    words = {"this is it": "This is it", "close to it": "Close to it"}
    page = cards.shelf(found.hits, "en", act="open")
    told = [telling._hit(hit, "en") for hit in found.hits]
    for hit, line in zip(found.hits, told, strict=True):
        assert line.startswith(words[hit.closeness]) and words[hit.closeness] in page
    assert "就是这件" in cards.shelf(found.hits, "zh", act="open") or "很接近" in cards.shelf(found.hits, "zh", act="open")
    answer = demo.stylist.recommend(picture, box=whole(picture))
    assert answer.same_product[0].item.sku == found.hits[0].item.sku and answer.same_product[0].p_same is not None


def test_the_terminal_says_how_sure_it_is_and_takes_words_and_a_choice(demo, demo_settings, tmp_path):
    from tests.test_cli import outfit

    item = next(i for i in demo.catalogue.all_items() if i.category == "Handbags")
    picture = demo.catalogue.picture(item.sku)
    picture.save(tmp_path / "bag.png")
    box = f"0,0,{picture.width},{picture.height}"
    done = outfit(demo_settings.home, "search", "--image", str(tmp_path / "bag.png"), "--box", box, "-k", "3")
    assert done.returncode == 0, done.stderr
    first = done.stdout.splitlines()[1]
    assert item.sku in first and ("this is it" in first or "close to it" in first) and "%" in first
    several = outfit(demo_settings.home, "search", "--image", str(resources.path("demo/photos") / flatlay()))
    assert "--choose N" in several.stdout and "  2  " in several.stdout
    empty = outfit(demo_settings.home, "search", "--image", str(resources.path("demo/photos/empty_room.jpg")), "--text", "red")
    assert WHOLE in empty.stdout and "sku" in empty.stdout
    wrong = outfit(demo_settings.home, "search", "red", "--choose", "2")
    assert wrong.returncode == 1 and "--choose" in wrong.stderr
