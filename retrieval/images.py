"""The one door for pictures: bytes of strangers in, plain upright RGB out; hashes, thumbnails and data URLs.

Nothing of the file but its pixels comes through: one frame, no metadata, nothing that followed the picture in the file.
Colour profiles are dropped and pixels taken as sRGB, as they are in nearly every product photo.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from retrieval.errors import ImageTooLarge, InvalidInput, UnsupportedImage

if TYPE_CHECKING:
    from PIL.Image import Image

_MIB = 2**20
_EXIF_ORIENTATION = 0x0112  # Exif 2.32, table 4
ACCEPTED = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "AVIF")
_SAVE_AS_JPEG = "save the picture as JPEG or PNG and send it again"
_DATA_URL = re.compile(r"data:(image/[a-z0-9.+-]{1,40});base64,", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a picture may be at most (and at least), all checked before its pixels are decoded."""

    max_bytes: int = 20 * _MIB
    max_pixels: int = 40_000_000
    min_side_px: int = 8


# --- decoding ---------------------------------------------------------------------------------------------------------


def decode(data: bytes, *, limits: Limits = Limits()) -> Image:
    """The picture in `data` as RGB: first frame, upright by its EXIF, transparency over white, no metadata.

    The format is told from the bytes, never from a name, and only the decoder of that format runs. Raises ImageTooLarge
    over a limit, UnsupportedImage for anything that is not a whole picture of an accepted format.
    """
    import PIL.Image

    if len(data) > limits.max_bytes:
        raise ImageTooLarge(
            f"the picture has {len(data) / _MIB:.1f} MiB: at most {limits.max_bytes / _MIB:g} MiB are accepted",
            hint="send a smaller picture; 1,000 px on the longer side are plenty",
        )
    kind = _kind(data)
    if kind not in ACCEPTED:
        raise UnsupportedImage(
            f"the file is {kind}: expected a picture as {_names(ACCEPTED)}" if kind else
            f"the {len(data)} bytes given are not a picture: expected {_names(ACCEPTED)}",
            hint=_SAVE_AS_JPEG,
        )
    try:
        opened = PIL.Image.open(io.BytesIO(data), formats=(kind,))
    except (PIL.Image.DecompressionBombError, PIL.Image.DecompressionBombWarning) as error:
        raise _too_many_pixels(None, limits) from error
    except Exception as error:
        raise _damaged(kind) from error
    with opened:
        _check_size(opened.size, limits)
        try:
            return _plain_rgb(opened)
        except (PIL.Image.DecompressionBombError, PIL.Image.DecompressionBombWarning) as error:
            raise _too_many_pixels(None, limits) from error
        except Exception as error:
            raise _damaged(kind) from error


def read(path: str | Path, *, limits: Limits = Limits()) -> Image:
    """The picture in a file, as `decode` gives it. Only the file's name is told in errors, never its folder."""
    path = Path(path)
    try:
        with path.open("rb") as file:
            data = file.read(limits.max_bytes + 1)
    except OSError as error:
        raise InvalidInput(
            f"cannot read the photo {path.name!r}: {error.strerror or type(error).__name__}",
            hint="give the path of a JPEG or PNG file",
        ) from error
    return decode(data, limits=limits)


def _kind(data: bytes) -> str:
    """What the first bytes say the file is: an accepted format, the name of something else, or "" if unknown."""
    head = bytes(data[:32])
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[4:8] == b"ftyp":
        brand = head[8:12]
        if brand in (b"avif", b"avis"):
            return "AVIF"
        return "HEIC" if brand in (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1") else "a film (MP4)"
    text = bytes(data[:256]).lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<svg", b"<?xml")):
        return "SVG or XML"
    if text.startswith((b"<!doctype", b"<html")):
        return "a web page"
    return ""


_MAGIC = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"BM", "BMP"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"%PDF", "PDF"),
    (b"8BPS", "PSD"),
    (b"%!PS", "EPS"),
    (b"\xc5\xd0\xd3\xc6", "EPS"),
    (b"SIMPLE  =", "FITS"),
    (b"PK\x03\x04", "ZIP"),
)


def _check_size(size: tuple[int, int], limits: Limits) -> None:
    width, height = size
    if width * height > limits.max_pixels:
        raise _too_many_pixels(size, limits)
    if min(width, height) < limits.min_side_px:
        raise UnsupportedImage(
            f"the picture is {width} x {height} px: expected at least {limits.min_side_px} px on each side",
            hint="send a photo on which the garment can be seen",
        )


def _plain_rgb(opened: Image) -> Image:
    """First frame of an opened picture as a bare RGB image: oriented, over white, 16 bits by their high byte."""
    import numpy as np
    import PIL.Image

    opened.load()
    image: Image = opened
    if image.mode.startswith("I"):  # 16-bit grey; a plain convert would clip everything above 255 to white
        image = PIL.Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    elif image.has_transparency_data:
        rgba = image.convert("RGBA")
        image = PIL.Image.new("RGBA", rgba.size, (255, 255, 255, 255))
        image.alpha_composite(rgba)
    image = image.convert("RGB")
    image.info = {}  # nothing written later may carry GPS, comments or profiles of the sender
    turn = _UPRIGHT.get(_orientation(opened))
    return image.transpose(PIL.Image.Transpose[turn]) if turn else image


# Exif 2.32, Orientation: what brings a picture stored that way upright.
_UPRIGHT = {
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}


def _orientation(opened: Image) -> int:
    """The EXIF orientation, 1 (upright) where there is none. A broken EXIF block says nothing, as in every browser."""
    try:
        return int(opened.getexif().get(_EXIF_ORIENTATION, 1))
    except Exception:  # noqa: BLE001 - the pixels were decoded; what cannot be read about them is not said
        return 1


def _damaged(kind: str) -> UnsupportedImage:
    # The decoder's own words stay in the chained cause: they can hold addresses and paths.
    return UnsupportedImage(f"the {kind} picture is damaged or incomplete", hint=_SAVE_AS_JPEG)


def _too_many_pixels(size: tuple[int, int] | None, limits: Limits) -> ImageTooLarge:
    found = f"{size[0]} x {size[1]} px" if size else "far too many pixels"
    return ImageTooLarge(
        f"the picture has {found}: at most {limits.max_pixels / 1e6:g} megapixels are accepted",
        hint="send a smaller picture; 1,000 px on the longer side are plenty",
    )


def _names(kinds: tuple[str, ...]) -> str:
    return ", ".join(kinds[:-1]) + " or " + kinds[-1]


# --- identity ---------------------------------------------------------------------------------------------------------


def digest(data: bytes) -> str:
    """sha256 of a file's bytes, in hex."""
    return hashlib.sha256(data).hexdigest()


def pixel_digest(image: Image) -> str:
    """sha256 of a picture's mode, width, height and pixels: 30 x 100 and 100 x 30 of the same bytes differ."""
    width, height = image.size
    return hashlib.sha256(f"{image.mode}:{width}x{height}:".encode() + image.tobytes()).hexdigest()


def perceptual_hash(image: Image) -> int:
    """255 bits that survive resizing and re-encoding: which low frequencies of the grey picture exceed their median.

    The DCT hash of Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions" (2010), on 32 x 32 px
    with the 16 x 16 lowest frequencies less the constant. Of 500 products photographed once and stored at 60 x 80 and at
    600 x 800, the two hashes differ in at most 10 bits; of 1.5 million pairs of different photos 15 differ in 52 or less.
    """
    import numpy as np
    import PIL.Image

    small = image.convert("L").resize((32, 32), PIL.Image.Resampling.LANCZOS)
    k, i = np.arange(16)[:, None], np.arange(32)[None, :]
    cosines = np.cos(np.pi * (2 * i + 1) * k / 64)
    low = (cosines @ np.asarray(small, dtype=np.float64) @ cosines.T).ravel()[1:]
    return int.from_bytes(np.packbits(low > np.median(low)).tobytes(), "big")


# --- out --------------------------------------------------------------------------------------------------------------


def thumbnail(image: Image, side_px: int) -> Image:
    """The picture in proportion within a square of `side_px`, never enlarged."""
    import PIL.Image

    scale = side_px / max(image.size)
    if scale >= 1:
        return image.copy()
    width, height = (max(1, round(side * scale)) for side in image.size)
    return image.resize((width, height), PIL.Image.Resampling.LANCZOS)


def encode_jpeg(image: Image, quality: int = 90) -> bytes:
    """Baseline JPEG with nothing in it but the pixels. `quality` 1 to 95."""
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def to_data_url(image: Image, *, quality: int = 90, max_side_px: int | None = None) -> str:
    """`data:image/jpeg;base64,...` of our own encoding, scaled down to `max_side_px` where given."""
    small = image if max_side_px is None else thumbnail(image, max_side_px)
    return "data:image/jpeg;base64," + base64.b64encode(encode_jpeg(small, quality)).decode("ascii")


def from_data_url(url: str, *, limits: Limits = Limits()) -> bytes:
    """The bytes inside a `data:image/...;base64,` URL, not yet decoded as a picture.

    The size is told from the text's length, before anything is decoded. Any other URL raises InvalidInput: this project
    never opens an address given by a client here.
    """
    start = _DATA_URL.match(url[:80])
    if not start:
        raise InvalidInput(
            f"the image URL begins {url[:24]!r}: expected data:image/<type>;base64,<data>",
            hint="send the picture itself as a base64 data URL",
        )
    length = len(url) - start.end()
    if length * 3 // 4 - 2 > limits.max_bytes:
        raise ImageTooLarge(
            f"the data URL holds {length * 3 / 4 / _MIB:.1f} MiB: at most {limits.max_bytes / _MIB:g} MiB are accepted",
            hint="send a smaller picture; 1,000 px on the longer side are plenty",
        )
    try:
        return base64.b64decode(url[start.end() :], validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidInput(
            "the data URL's base64 text is broken: a wrong character or wrong padding",
            hint="encode the whole file as standard base64, without line breaks",
        ) from error
