"""Words into rows of a hashed table: what the compact text tower reads, in training and at the counter.

No vocabulary file, no download: a token is hashed (CRC-32) into one of `TABLE` rows. Latin words give themselves and
their character 3- to 5-grams, so that "t-shirts" and "tshirt" meet; Chinese characters give themselves and their pairs.
"""

from __future__ import annotations

import re
import unicodedata
from zlib import crc32

import numpy as np

TABLE = 16_384
MAX_TOKENS = 256
_WORDS = re.compile(r"[a-z0-9]+|[\u3400-\u9fff]+")


def words(text: str) -> list[str]:
    """Lower-cased Latin words and runs of Chinese characters, in order; full-width forms and accents folded."""
    folded = unicodedata.normalize("NFKD", text).casefold()
    return _WORDS.findall(folded)


def features(word: str) -> list[str]:
    """The tokens of one word: the word, then its n-grams.

    >>> features("tie")
    ['w:tie', '<ti', 'tie', 'ie>', '<tie', 'tie>', '<tie>']
    >>> features("\u7ea2\u88d9")
    ['c:\u7ea2', 'c:\u88d9', 'c:\u7ea2\u88d9']
    """
    if word[0] >= "\u3400":
        return [f"c:{c}" for c in word] + [f"c:{word[i : i + 2]}" for i in range(len(word) - 1)]
    edged = f"<{word}>"
    grams = [edged[i : i + n] for n in (3, 4, 5) for i in range(len(edged) - n + 1)]
    return [f"w:{word}", *grams]


def token_ids(text: str) -> np.ndarray:
    """Rows of the hashed table for one text, (n,) int64, n <= MAX_TOKENS; a text without words gives row 0 alone."""
    ids = [crc32(t.encode()) % TABLE for w in words(text) for t in features(w)][:MAX_TOKENS]
    return np.array(ids or [0], np.int64)
