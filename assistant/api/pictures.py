"""Pictures of a request through the one door for pictures: data URLs, and addresses at hosts that the shop allows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assistant.api import errors
from assistant.api.errors import ApiError
from retrieval import images
from retrieval.errors import OutfitError
from retrieval.items import Box

if TYPE_CHECKING:
    from PIL.Image import Image

    from assistant.api.remote import Fetcher

_SIDE_PX = 1600  # enough for every model: the detector takes at most 1333 px on the longer side


@dataclass(frozen=True, slots=True)
class Photo:
    """An RGB picture, its longer side at most 1,600 px: `scale` times as large as the one that was sent."""

    picture: Image
    scale: float = 1.0

    def box(self, corners: Sequence[float]) -> Box:
        """A box in pixels of the picture that was sent, in pixels of this one. Raises InvalidBox."""
        return Box(*(side * self.scale for side in corners))

    def corners(self, sides: Sequence[float]) -> list[float]:
        """The sides of a box of this picture in pixels of the one that was sent."""
        return [round(side / self.scale, 1) for side in sides]


@dataclass(frozen=True, slots=True)
class Pictures:
    """`fetcher` None: addresses are not opened."""

    fetcher: Fetcher | None = None

    def open(self, url: str, param: str) -> Photo:
        """The picture in a data URL, or at an allowed address. Raises ApiError naming the field."""
        try:
            sent = images.decode(self._bytes(url, param))
        except OutfitError as error:
            raise errors.of(error, param=param) from error
        picture = images.thumbnail(sent, _SIDE_PX)
        return Photo(picture, max(picture.size) / max(sent.size))

    def _bytes(self, url: str, param: str) -> bytes:
        if url[:5].lower().startswith("data:"):
            return images.from_data_url(url)
        if self.fetcher is not None:
            return self.fetcher.fetch(url, param)
        raise ApiError(
            f"'{param}': addresses of pictures are not opened here. Send the picture itself as a data URL "
            "(data:image/jpeg;base64,...).",
            code="remote_image_refused",
            param=param,
        )
