"""Tokens as OpenAI's clients count and send them: cl100k where its table is at hand, never a download.

Without the table counts are an approximation: a Chinese, Japanese or Korean character is a token, and every four other
bytes of UTF-8 are one. Token ids cannot be read without it.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tiktoken import Encoding

PER_IMAGE = 256  # tokens that a picture counts for: what InternVL2 spends on one tile of 448 px
PER_MESSAGE = 3  # role and separators, as cl100k's chat format has them

# tiktoken's own address, file name and checksum of the table (tiktoken_ext/openai_public.py, tiktoken/load.py).
_ADDRESS = "https://openaipublic.blob.core.windows.net/encodings/cl100k_base.tiktoken"
TABLE_NAME = hashlib.sha1(_ADDRESS.encode()).hexdigest()
_TABLE_SHA256 = "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7"
_PATTERN = (
    r"""'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|"""
    r"""\s+(?!\S)|\s"""
)
_WIDE = re.compile(r"[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]")


@dataclass(frozen=True, slots=True)
class Tokens:
    """Counts texts, cuts them, and reads token ids. `table` None: by approximation."""

    table: Encoding | None = None

    def count(self, text: str) -> int:
        if self.table is not None:
            return len(self.table.encode_ordinary(text))
        wide = len(_WIDE.findall(text))
        rest = len(_WIDE.sub("", text).encode())
        return wide + -(-rest // 4)

    def cut(self, text: str, most: int) -> str:
        """The longest beginning of a text that has at most `most` tokens, in whole characters."""
        if self.table is not None:
            ids = self.table.encode_ordinary(text)
            if len(ids) <= most:
                return text
            return self.table.decode_bytes(ids[:most]).decode("utf-8", errors="ignore")
        low, high = 0, len(text)
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self.count(text[:middle]) <= most else (low, middle - 1)
        return text[:low]

    def read(self, ids: list[int]) -> str | None:
        """The text of token ids; None where no table is at hand. Raises ValueError for an id that is none."""
        if self.table is None:
            return None
        try:
            return self.table.decode_bytes(ids).decode("utf-8", errors="replace")
        except KeyError as error:
            raise ValueError(f"there is no token {error} in cl100k_base") from error


def load(folder: Path) -> Tokens:
    """Tokens by the table that tiktoken keeps in this folder, where it is there and whole."""
    try:
        data = (folder / TABLE_NAME).read_bytes()
    except OSError:
        return Tokens()
    if hashlib.sha256(data).hexdigest() != _TABLE_SHA256:
        return Tokens()
    from tiktoken import Encoding

    ranks = {base64.b64decode(token): int(rank) for token, rank in (line.split() for line in data.splitlines() if line)}
    return Tokens(Encoding("cl100k_base", pat_str=_PATTERN, mergeable_ranks=ranks, special_tokens={}))
