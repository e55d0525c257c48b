"""Counting without a table, and reading with one. The table is tiktoken's own, where it is at hand."""

from __future__ import annotations

import pytest

from assistant.api.tokens import TABLE_NAME, Tokens, load
from tests.api_server import tiktoken_folder


def test_without_a_table_four_bytes_or_one_chinese_character_are_a_token():
    tokens = Tokens()
    assert [tokens.count(text) for text in ("", "a", "abcd", "abcde", "黑色牛仔裤", "黑色 jeans")] == [0, 1, 1, 2, 5, 4]
    assert tokens.cut("abcdefgh", 1) == "abcd" and tokens.cut("黑色牛仔裤", 2) == "黑色" and tokens.cut("ab", 5) == "ab"
    assert tokens.read([1, 2]) is None


def test_a_table_that_is_missing_or_damaged_is_not_used(tmp_path):
    assert load(tmp_path).table is None
    (tmp_path / TABLE_NAME).write_bytes(b"IQ== 0\n")
    assert load(tmp_path).table is None


def test_with_the_table_ids_are_cl100k():
    tokens = load(tiktoken_folder())
    assert tokens.table.encode_ordinary("hello world") == [15339, 1917]  # as in OpenAI's cookbook
    assert tokens.read([15339, 1917]) == "hello world"
    assert tokens.count("hello world") == 2 and tokens.cut("hello world", 1) == "hello"
    with pytest.raises(ValueError, match="no token"):
        tokens.read([10**6])
