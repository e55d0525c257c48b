"""Pictures of a request: data URLs through the one door for pictures, never an address that is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assistant.api import errors
from assistant.api.errors import ApiError
from retrieval import images
from retrieval.errors import OutfitError

if TYPE_CHECKING:
    from PIL.Image import Image

_SIDE_PX = 1600  # enough for every model: the detector takes at most 1333 px on the longer side


def open_photo(url: str, param: str) -> Image:
    """The RGB picture in a data URL, its longer side at most 1,600 px. Raises ApiError naming the field."""
    if not url[:5].lower().startswith("data:"):
        raise ApiError(
            f"'{param}': addresses of pictures are not opened here. Send the picture itself as a data URL "
            "(data:image/jpeg;base64,...).",
            code="remote_image_refused",
            param=param,
        )
    try:
        return images.thumbnail(images.decode(images.from_data_url(url)), _SIDE_PX)
    except OutfitError as error:
        raise errors.of(error, param=param) from error
