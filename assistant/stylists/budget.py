"""What a call costs in tokens, before it is sent: pictures by their tiles, words by a cautious estimate.

InternVL cuts a picture into tiles of 448 px (patches of 14 px, pixel unshuffle by 2: 1024 / 4 = 256 tokens each) on the
grid whose proportions are nearest to the picture's, and adds a thumbnail of the whole where there are several tiles
(Chen et al., "How Far Are We to GPT-4V?", 2024, section 3.3). The grid goes by proportions, not by size: 60 x 80 px
become 3 x 4 tiles unless `max_dynamic_patch` says less.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from retrieval.errors import ModelError

if TYPE_CHECKING:
    from PIL.Image import Image

TILE_PX = 448
TOKENS_PER_TILE = 256
DEFAULT_TILES = 12  # what InternVL2's own configuration takes where a request says nothing
_MESSAGE_TOKENS = 5  # "<|im_start|>", the role, a line end, "<|im_end|>"
_FRAME_TOKENS = 4  # the beginning of the text, and of the answer
_PICTURE_TOKENS = 8  # "<img>", "</img>", the line end, and a label


@dataclass(frozen=True, slots=True)
class Cost:
    """Tokens of one call: `pictures` exact for InternVL's tiling, `words` an upper estimate, `answer` the limit
    asked."""

    pictures: int
    words: int
    answer: int

    @property
    def total(self) -> int:
        return self.pictures + self.words + self.answer


def grid(width_px: int, height_px: int, max_tiles: int) -> tuple[int, int]:
    """Columns and rows of the tiles. Of grids equally near in proportion, the larger one is taken only by a picture
    that has more than half of its pixels."""
    wanted = width_px / height_px
    best, best_distance = (1, 1), math.inf
    for n_tiles in range(1, max_tiles + 1):
        for columns in range(1, n_tiles + 1):
            if n_tiles % columns:
                continue
            rows = n_tiles // columns
            distance = abs(wanted - columns / rows)
            enough = width_px * height_px > 0.5 * TILE_PX * TILE_PX * n_tiles
            if distance < best_distance or (distance == best_distance and enough):
                best, best_distance = (columns, rows), distance
    return best


def picture_tokens(width_px: int, height_px: int, max_tiles: int) -> int:
    columns, rows = grid(width_px, height_px, max_tiles)
    n_tiles = columns * rows
    return TOKENS_PER_TILE * (n_tiles + (n_tiles > 1))


def word_tokens(text: str) -> int:
    """A cautious estimate, since the model's own tokenizer is not here: 3.2 Latin characters a token (English prose has
    about 4 with large vocabularies), and one Chinese character a token (there it is less than one)."""
    other = 0 if text.isascii() else sum(ord(char) > 0x2E7F for char in text)
    return math.ceil((len(text) - other) / 3.2 + other)


def message_cost(texts: list[str], pictures: list[tuple[int, int, int]], answer: int) -> Cost:
    """`texts` of all messages; `pictures` as (width px, height px, most tiles); `answer` the most tokens asked for."""
    words = sum(word_tokens(text) + _MESSAGE_TOKENS for text in texts) + _PICTURE_TOKENS * len(pictures)
    words += _FRAME_TOKENS
    return Cost(sum(picture_tokens(*picture) for picture in pictures), words, answer)


def fit_tiles(sizes: list[tuple[int, int]], tiles: int, words: int, answer: int, context: int) -> int:
    """The most tiles a picture, at most `tiles`, with which the call fits into `context` tokens. Raises ModelError
    where not even one tile a picture leaves room."""
    for n in range(tiles, 0, -1):
        if sum(picture_tokens(w, h, n) for w, h in sizes) + words + answer <= context:
            return n
    raise ModelError(
        f"the question needs {words} tokens of words, {answer} for the answer and {len(sizes)} pictures of at least "
        f"{TOKENS_PER_TILE}: more than the {context} that the model has",
        hint="serve the model with a longer session length, or shorten the list of categories",
    )


def for_tiles(image: Image, max_tiles: int) -> Image:
    """The picture as the tiling wants it: in proportion, no larger than its grid. With one tile, square on white: the
    server would squash it into a square otherwise."""
    import PIL.Image

    if max_tiles == 1:
        side = min(TILE_PX, max(image.size))
        small = _scaled(image, side / max(image.size))
        if small.width == small.height:
            return small
        square = PIL.Image.new("RGB", (side, side), "white")
        square.paste(small, ((side - small.width) // 2, (side - small.height) // 2))
        return square
    columns, rows = grid(*image.size, max_tiles)
    return _scaled(image, min(1.0, max(columns * TILE_PX / image.width, rows * TILE_PX / image.height)))


def _scaled(image: Image, scale: float) -> Image:
    import PIL.Image

    plain = image.convert("RGB")
    if scale >= 1:
        return plain
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return plain.resize(size, PIL.Image.Resampling.LANCZOS)
