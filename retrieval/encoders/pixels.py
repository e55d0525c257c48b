"""From pictures to what a network reads: a square of pixels, normalised. Pillow and numpy alone, as torch is not needed.

Agrees with torchvision's transforms of the same names, which the reference implementations use.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from retrieval.errors import InvalidSetting

if TYPE_CHECKING:
    from PIL.Image import Image

Fit = Literal["pad", "squash", "crop"]
Filter = Literal["bicubic", "bilinear"]
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # RGB in [0, 1]
_MOST_ENLARGED = 64  # a picture of one pixel's width would be enlarged without bound before its middle is cut out


@dataclass(frozen=True, slots=True)
class Pixels:
    """How pictures become (n, 3, size_px, size_px) float32: (value / 255 - mean) / std by channel.

    `fit`: "pad" scales the whole picture into the square, centred on white; "squash" gives up the proportions; "crop"
    scales the short side to `short_px` (default `size_px`) and cuts out the middle. `size_px` is 16 to 1,024.
    """

    size_px: int
    fit: Fit = "pad"
    short_px: int | None = None
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    filter: Filter = "bicubic"

    def __post_init__(self) -> None:
        if not 16 <= self.size_px <= 1024:
            raise InvalidSetting(f"image size is {self.size_px} px: expected 16 to 1,024")
        if self.fit not in ("pad", "squash", "crop"):
            raise InvalidSetting(f"fit is {self.fit!r}: expected pad, squash or crop")
        if self.filter not in ("bicubic", "bilinear"):
            raise InvalidSetting(f"resize filter is {self.filter!r}: expected bicubic or bilinear")
        if self.short_px is not None and self.short_px < self.size_px:
            raise InvalidSetting(f"short side is {self.short_px} px: expected {self.size_px} (the square's side) or more")

    @classmethod
    def of(cls, known: Mapping[str, Any]) -> Pixels:
        """The inverse of `facts`."""
        return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in known.items()})

    def facts(self) -> dict[str, Any]:
        """As plain values, to be written as JSON."""
        return asdict(self)

    def prepare(self, images: Sequence[Image]) -> np.ndarray:
        """RGB pictures of any size -> (n, 3, size_px, size_px) float32."""
        squares = np.stack([np.asarray(self.square(image), np.uint8) for image in images])
        values = squares.astype(np.float32) / np.float32(255)
        return ((values - np.array(self.mean, np.float32)) / np.array(self.std, np.float32)).transpose(0, 3, 1, 2)

    def square(self, image: Image) -> Image:
        """One picture as an RGB square of `size_px`."""
        import PIL.Image

        image = image if image.mode == "RGB" else image.convert("RGB")
        resample = PIL.Image.Resampling.BICUBIC if self.filter == "bicubic" else PIL.Image.Resampling.BILINEAR
        side = self.size_px
        if self.fit == "squash":
            return image.resize((side, side), resample)
        if self.fit == "crop":
            return self._middle(image, resample)
        scale = side / max(image.size)
        size = tuple(max(1, round(length * scale)) for length in image.size)
        canvas = PIL.Image.new("RGB", (side, side), (255, 255, 255))
        canvas.paste(image.resize(size, resample), ((side - size[0]) // 2, (side - size[1]) // 2))
        return canvas

    def _middle(self, image: Image, resample: int) -> Image:
        """torchvision's Resize of the short side (the long one cut off to whole pixels) and CenterCrop."""
        short = self.short_px or self.size_px
        width, height = image.size
        if max(width, height) > _MOST_ENLARGED * min(width, height):  # only the middle can be seen: cut it out first
            keep = _MOST_ENLARGED * min(width, height)
            left, top = max(0, (width - keep) // 2), max(0, (height - keep) // 2)
            image = image.crop((left, top, left + min(width, keep), top + min(height, keep)))
            width, height = image.size
        if width <= height:
            size = (short, int(short * height / width))
        else:
            size = (int(short * width / height), short)
        image = image.resize(size, resample)
        left, top = (round((length - self.size_px) / 2) for length in size)
        return image.crop((left, top, left + self.size_px, top + self.size_px))
