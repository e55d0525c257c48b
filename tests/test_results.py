from __future__ import annotations

import json

import pytest

from retrieval import resources
from retrieval.errors import InvalidInput
from retrieval.evaluation.results import Result, read_all, revision, write

RESULT = Result("reading", "outfit evaluate reading", "abc", 3, 100, {"top_1": 0.5, "chance": 0.01})


def test_what_is_written_is_read_again(tmp_path):
    write(RESULT, tmp_path)
    assert read_all(tmp_path) == [RESULT]
    assert set(json.loads((tmp_path / "reading.json").read_text())) == {
        "name", "command", "revision", "seed", "n", "figures"
    }


def test_a_figure_that_is_no_number_is_refused(tmp_path):
    with pytest.raises((TypeError, ValueError)):
        write(Result("bad", "c", "r", 0, 1, {"top_1": "high"}), tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("text", ["{", "[]", '{"name": "x"}', json.dumps({"name": 1, "extra": 2})])
def test_a_file_of_another_form_is_named(tmp_path, text):
    (tmp_path / "odd.json").write_text(text)
    with pytest.raises(InvalidInput, match=r"odd\.json"):
        read_all(tmp_path)


def test_every_result_that_ships_has_the_one_form():
    for result in read_all(resources.path("results")):
        assert result.figures and result.n > 0 and result.command


def test_the_revision_is_a_commit_or_unknown():
    assert revision() == "unknown" or len(revision().rstrip("+")) == 12
