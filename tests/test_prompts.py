"""Every prompt fills all of its fields, says so when it cannot, and is told apart by its digest."""

from __future__ import annotations

import pytest

from assistant import wording
from retrieval import resources
from retrieval.errors import InvalidInput

NAMES = sorted(path.stem for path in resources.path("", room="prompts").glob("*.md"))


def test_there_are_prompts() -> None:
    assert {"describe", "suggest", "judge", "glance", "tag", "understand", "system", "reask"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_field_is_filled(name: str) -> None:
    prompt = wording.load(name)
    filled = prompt.fill(**{field: f"<{field}>" for field in prompt.fields})
    assert "$" not in filled and all(f"<{field}>" in filled for field in prompt.fields)
    assert not filled.startswith("fields:") and filled == filled.strip()


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_or_unknown_field_is_refused(name: str) -> None:
    prompt = wording.load(name)
    values = {field: "x" for field in prompt.fields}
    with pytest.raises(InvalidInput):
        prompt.fill(**values, unheard_of="x")
    for field in prompt.fields:
        with pytest.raises(InvalidInput, match=field):
            prompt.fill(**{key: value for key, value in values.items() if key != field})
        with pytest.raises(InvalidInput):
            prompt.fill(**{**values, field: None})


def test_values_are_not_read_as_templates() -> None:
    prompt = wording.parse("p", "fields: a\n---\nsay $a")
    assert prompt.fill(a="$a ${b} {c}") == "say $a ${b} {c}"


@pytest.mark.parametrize(
    "source",
    [
        "no head at all", "fields: a\nsay $a", "fields: a\n---\n", "fields: a\n---\nsay nothing", "fields:\n---\nsay $a",
        "fields: a b\n---\n$a", "fields: a\n---\n$a costs $5", "", "fields: A\n---\n$A",
    ],
)  # fmt: skip
def test_a_template_whose_head_is_not_true_is_refused(source: str) -> None:
    with pytest.raises(InvalidInput):
        wording.parse("p", source)


def test_json_braces_and_a_literal_dollar_pass_through() -> None:
    prompt = wording.parse("p", 'fields: a\n---\n{"a": "$a", "b": {"c": [1]}} for $$5')
    assert prompt.fill(a="x") == '{"a": "x", "b": {"c": [1]}} for $5'


def test_digests_tell_versions_apart() -> None:
    assert len({wording.load(name).digest for name in NAMES}) == len(NAMES)
    one, other = (wording.parse("p", f"fields:\n---\nsay {word}") for word in ("yes", "no"))
    assert one.digest != other.digest and len(one.digest) == 12


def test_an_unknown_prompt_is_named() -> None:
    with pytest.raises(InvalidInput, match="there is no prompt nonsense"):
        wording.load("nonsense")


def test_the_rules_of_describing_and_judging_are_in_the_words() -> None:
    describe, judge = wording.load("describe").text, wording.load("judge").text
    for rule in ("never the pictured garment", "exactly one of: $categories", "exactly one of: $genders", '"items"'):
        assert rule in describe
    for rule in ('"answer"', '"yes" or "no"', '"reason"', "$language", "Image-1", "Image-2"):
        assert rule in judge
