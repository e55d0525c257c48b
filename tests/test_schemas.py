"""The schemas that models are held to: strict enough to enumerate, plain enough for the grammar compiler of
LMDeploy."""

from __future__ import annotations

import json
import threading
import time

import pytest
from PIL import Image

from assistant.stylists import schemas
from assistant.stylists.kept import Digests, Kept
from assistant.stylists.replies import read_description, read_suggestions, read_tags, read_verdict
from assistant.stylists.wishes import read_wish
from assistant.wish import Wish
from retrieval.items import Slot
from retrieval.vocabulary import categories

NAMES = list(categories())
ALL = {
    "verdict": schemas.verdict(),
    "description": schemas.description(NAMES, tuple(Slot)),
    "suggestions": schemas.suggestions(NAMES, (Slot.TOP, Slot.BAG), 10),
    "tags": schemas.tags(NAMES),
    "wish": schemas.wish(NAMES),
}
PIECE = {
    "slot": "bag",
    "title": "Tote",
    "category": "Handbags",
    "colour": "Brown",
    "gender": "Women",
    "usage": "Casual",
}
GOOD = {
    "verdict": {"answer": "yes", "reason": "They match."},
    "description": {"category": "Shirts", "gender": None, "colour": "White", "usage": "Formal", "season": None, "items": []},
    "suggestions": {"items": [PIECE]},
    "tags": {"model_present": True, "model_count": 1, "real_scene": None, "worn": False, "angle": "front", "whole": True,
             "category": "Shirts", "quality": 0.5},
    "wish": {"colours": ["Red"], "budget_total": 3000},
}  # fmt: skip
BAD = [
    ("verdict", {"answer": "maybe", "reason": "x"}),
    ("verdict", {"answer": "yes"}),
    ("verdict", {"answer": "yes", "reason": "x" * 241}),
    ("verdict", {"answer": "yes", "reason": "x", "more": 1}),
    ("description", GOOD["description"] | {"category": "Spaceships"}),
    ("description", GOOD["description"] | {"items": [PIECE] * 9}),
    ("suggestions", {"items": [PIECE | {"slot": "shoes"}]}),
    ("suggestions", {"items": [PIECE | {"gender": "Robots"}]}),
    ("tags", GOOD["tags"] | {"angle": "below"}),
    ("wish", {"gender": "Robots"}),
    ("wish", {"prices": [1]}),
]


@pytest.mark.parametrize("name", ALL)
def test_what_is_asked_for_is_accepted_and_read(name: str) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.Draft202012Validator.check_schema(ALL[name])
    jsonschema.validate(GOOD[name], ALL[name])
    text = json.dumps(GOOD[name])
    read = {
        "verdict": lambda: read_verdict(text)[1] == "They match.",
        "description": lambda: read_description(text, NAMES)[0].category == "Shirts",
        "suggestions": lambda: read_suggestions(text, None, NAMES, tuple(Slot))[0].category == "Handbags",
        "tags": lambda: read_tags(text, NAMES).model_count == 1,
        "wish": lambda: read_wish(text, "under 3000", Wish(), NAMES).colours == {"Red"},
    }
    assert read[name]()


@pytest.mark.parametrize("name, wrong", BAD)
def test_what_is_not_asked_for_is_refused(name: str, wrong: dict) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, ALL[name])


@pytest.mark.parametrize("name", ALL)
def test_the_grammar_compiler_of_lmdeploy_takes_it(name: str) -> None:
    xgrammar = pytest.importorskip(
        "xgrammar", reason="XGrammar, which LMDeploy compiles schemas with, is not installed"
    )
    grammar = xgrammar.Grammar.from_json_schema(json.dumps(ALL[name], ensure_ascii=False))
    accepts = pytest.importorskip("xgrammar.testing")._is_grammar_accept_string
    assert accepts(grammar, json.dumps(GOOD[name]))
    assert not any(accepts(grammar, json.dumps(wrong)) for other, wrong in BAD if other == name)


# --- kept values ------------------------------------------------------------------------------------------------------


def test_many_threads_that_need_one_value_make_it_once() -> None:
    kept: Kept[str] = Kept(4)
    made: list[int] = []

    def make() -> str:
        made.append(1)
        time.sleep(0.02)
        return "value"

    threads = [threading.Thread(target=kept.get_or_make, args=("k", make)) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1 and kept.get("k") == "value"


def test_the_longest_unused_goes_first() -> None:
    kept: Kept[int] = Kept(2)
    kept.put("a", 1)
    kept.put("b", 2)
    assert kept.get("a") == 1
    kept.put("c", 3)
    assert (kept.get("a"), kept.get("b"), kept.get("c")) == (1, None, 3)


def test_digests_follow_the_pixels_and_let_go_of_pictures() -> None:
    digests = Digests()
    red, red_too, blue = (Image.new("RGB", (4, 4), name) for name in ("red", "red", "blue"))
    assert digests.of(red) == digests.of(red) == digests.of(red_too) != digests.of(blue)
    assert len(digests._known) == 3
    del red, red_too, blue
    assert len(digests._known) == 0
