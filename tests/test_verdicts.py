"""Kept verdicts come back as they were, in a moment, after a restart; damage is noticed and never believed."""

from __future__ import annotations

import sqlite3
import threading
from dataclasses import replace

import pytest

from assistant.stylists import Answer, Verdict
from assistant.verdicts import VerdictCache, verdict_key
from retrieval.items import Attributes, Garment, Gender

YES = Verdict(Answer.YES, 0.87, "navy grounds the white shirt", "InternVL2-8B")


def test_a_verdict_survives_a_restart(tmp_path) -> None:
    path = tmp_path / "deep" / "verdicts.sqlite"
    cache = VerdictCache(path)
    cache.put("k", YES)
    cache.put("l", replace(YES, p_yes=None, reason="深蓝色很稳重 😀"))
    cache.close()
    again = VerdictCache(path)
    assert again.get("k") == YES
    assert again.get("l") == replace(YES, p_yes=None, reason="深蓝色很稳重 😀")
    assert again.get("m") is None


@pytest.mark.parametrize(
    "change",
    ["answer = 'no'", "p_yes = 0.88", "p_yes = NULL", "reason = 'other'", "model = 'm2'", "key = 'other'",
     "checksum = 'x'"],
)  # fmt: skip
def test_a_changed_row_is_noticed_dropped_and_can_be_written_again(tmp_path, change: str, caplog) -> None:
    path = tmp_path / "verdicts.sqlite"
    cache = VerdictCache(path)
    cache.put("k", YES)
    with sqlite3.connect(path) as other:
        other.execute(f"UPDATE verdict SET {change}")
    assert cache.get("other" if "key" in change else "k") is None
    assert cache.damaged == 1 and len(cache) == 0 and "checksum" in caplog.text
    cache.put("k", YES)
    assert cache.get("k") == YES


def test_any_flipped_byte_of_a_verdict_in_the_file_is_noticed(tmp_path) -> None:
    path = tmp_path / "verdicts.sqlite"
    cache = VerdictCache(path)
    cache.put("the-key", YES)
    cache.close()
    original = path.read_bytes()
    at = original.index(b"the-key")
    wrong = 0
    for offset in range(at, original.index(b"InternVL2-8B") + len(b"InternVL2-8B") + 32):
        flipped = bytearray(original)
        flipped[offset] ^= 0x04
        path.write_bytes(flipped)
        cache = VerdictCache(path)
        wrong += cache.get("the-key") not in (None, YES)
        cache.close()
    assert wrong == 0


@pytest.mark.parametrize("content", [b"", b"not a database at all" * 300, b"SQLite format 3\x00" + b"\xff" * 5000])
def test_a_file_that_is_no_database_is_begun_afresh(tmp_path, content: bytes) -> None:
    path = tmp_path / "verdicts.sqlite"
    path.write_bytes(content)
    cache = VerdictCache(path)
    cache.put("k", YES)
    assert cache.get("k") == YES


def test_a_file_that_breaks_while_open_is_begun_afresh(tmp_path, caplog) -> None:
    path = tmp_path / "verdicts.sqlite"
    cache = VerdictCache(path)
    for n in range(200):
        cache.put(f"key {n}", YES)
    cache.close()
    damaged = bytearray(path.read_bytes())
    damaged[4096:] = b"\xa5" * (len(damaged) - 4096)  # all pages but the first
    path.write_bytes(damaged)
    cache = VerdictCache(path)
    assert cache.get("key 7") is None
    cache.put("key 7", YES)
    assert cache.get("key 7") == YES and "begun afresh" in caplog.text


def test_threads_and_two_openings_share_one_file(tmp_path) -> None:
    one, two = VerdictCache(tmp_path / "v.sqlite"), VerdictCache(tmp_path / "v.sqlite")

    def write(cache: VerdictCache, name: str) -> None:
        for n in range(50):
            cache.put(f"{name}{n}", YES)

    threads = [threading.Thread(target=write, args=(c, f"{c is one}{t}-")) for c in (one, two) for t in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(one) == len(two) == 300


@pytest.mark.parametrize("p_yes", [float("nan"), float("inf")])
def test_no_number_is_no_probability(tmp_path, p_yes: float) -> None:
    with pytest.raises(ValueError, match="p_yes"):
        VerdictCache(tmp_path / "v.sqlite").put("k", replace(YES, p_yes=p_yes))


def test_the_key_changes_with_everything_that_changes_the_answer() -> None:
    a = Garment("white shirt", Attributes(category="Shirts", colour="White"))
    b = Garment("navy chinos", Attributes(category="Trousers", gender=Gender.MEN))
    base = ("model+prompt", a, b, "en", ("1", "2"))
    changed = [
        base,
        ("other model", a, b, "en", ("1", "2")),
        ("model+prompt", b, a, "en", ("1", "2")),
        ("model+prompt", a, b, "zh", ("1", "2")),
        ("model+prompt", a, b, "en", ("2", "1")),
        ("model+prompt", replace(a, title="white shir"), replace(b, title="tnavy chinos"), "en", ("1", "2")),
        ("model+prompt", a, replace(b, attributes=Attributes(category="Trousers", gender=Gender.BOYS)), "en",
         ("1", "2")),
    ]  # fmt: skip
    assert len({verdict_key(*args) for args in changed}) == len(changed)
    assert verdict_key(*base) == verdict_key(*base)
