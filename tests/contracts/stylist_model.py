"""What every StylistModel must do: a suite to inherit, with `stylist` as the one fixture to give."""

from __future__ import annotations

import pytest
from PIL import Image

from assistant.stylists import Answer, ShotTags, StylistModel, Suggestion, Verdict
from assistant.wish import Wish
from retrieval.items import Attributes, Garment, Gender, Slot
from retrieval.vocabulary import categories

BLUE, WHITE = (30, 50, 190), (252, 252, 252)


def picture(rgb: tuple[int, int, int], size: tuple[int, int] = (60, 80)) -> Image.Image:
    return Image.new("RGB", size, rgb)


def garment(title: str, category: str, slot: Slot, rgb: tuple[int, int, int], **known) -> Garment:
    attributes = Attributes(category=category, slot=slot, gender=Gender.MEN, **known)
    return Garment(title, attributes, picture=picture(rgb))


JEANS = garment("Men blue jeans", "Jeans", Slot.BOTTOM, BLUE, colour="Blue", usage="Casual")
SHIRT = garment("Men white shirt", "Shirts", Slot.TOP, WHITE, colour="White", usage="Casual")


class StylistModelContract:
    @pytest.fixture
    def stylist(self) -> StylistModel:
        raise NotImplementedError("give the implementation as the fixture `stylist`")

    def test_it_has_a_name_and_says_how_many_calls_it_takes(self, stylist: StylistModel) -> None:
        assert stylist.name and isinstance(stylist.name, str)
        assert isinstance(stylist.concurrency, int) and stylist.concurrency >= 1

    @pytest.mark.parametrize("size", [(60, 80), (8, 8), (400, 30), (1, 1), (700, 900)])
    def test_describe_answers_in_the_catalogues_words(self, stylist: StylistModel, size: tuple[int, int]) -> None:
        found = stylist.describe(picture(BLUE, size))
        assert isinstance(found, Attributes)
        assert found.category is None or found.category in categories()
        assert found.gender is None or isinstance(found.gender, Gender)
        assert all(0 <= p <= 1 for p in found.confidence.values())

    def test_suggest_fills_open_slots_and_never_the_garments_own_category(self, stylist: StylistModel) -> None:
        slots = [Slot.TOP, Slot.SHOES, Slot.BAG]
        found = stylist.suggest(JEANS, Wish(), slots)
        assert found and all(isinstance(each, Suggestion) for each in found)
        assert {each.slot for each in found} <= set(slots)
        assert all(each.title.strip() and each.category != "Jeans" for each in found)

    def test_suggest_for_nothing_or_without_a_picture(self, stylist: StylistModel) -> None:
        bare = Garment("Men blue jeans", Attributes(category="Jeans", slot=Slot.BOTTOM, gender=Gender.MEN))
        assert all(each.slot is Slot.SHOES for each in stylist.suggest(bare, Wish(usage="Formal"), [Slot.SHOES]))
        assert stylist.suggest(bare, Wish(), []) == []

    @pytest.mark.parametrize("lang", ["en", "zh"])
    def test_judge_gives_a_verdict_with_a_reason(self, stylist: StylistModel, lang: str) -> None:
        verdict = stylist.judge(JEANS, SHIRT, lang)
        assert isinstance(verdict, Verdict) and isinstance(verdict.answer, Answer)
        assert verdict.p_yes is None or 0 <= verdict.p_yes <= 1
        assert verdict.reason.strip() and "\n" not in verdict.reason and verdict.model
        assert any("\u4e00" <= char <= "\u9fff" for char in verdict.reason) == (lang == "zh")

    def test_judging_is_repeatable(self, stylist: StylistModel) -> None:
        assert stylist.judge(JEANS, SHIRT, "en") == stylist.judge(JEANS, SHIRT, "en")

    def test_tag_says_how_a_picture_was_taken(self, stylist: StylistModel) -> None:
        tags = stylist.tag(picture(WHITE))
        assert isinstance(tags, ShotTags)
        assert tags.quality is None or 0 <= tags.quality <= 1
        assert tags.angle in (None, "front", "back", "side", "top", "detail")
        assert tags.category is None or tags.category in categories()

    def test_understand_keeps_the_language_and_what_was_locked(self, stylist: StylistModel) -> None:
        before = Wish(lang="zh", locked=frozenset({"1"}), excluded=frozenset({"2"}))
        now = stylist.understand("something in red", before)
        assert isinstance(now, Wish) and now.locked == {"1"} and now.excluded == {"2"}
        assert now.colours == {"Red"}
