"""From a photo to the product: look for garments, let the person choose, search with the crop. Page, API and CLI go here.

A photo has one of three outcomes (`retrieval.crops`): no garment, one, or several to choose from. A box drawn by hand is a
garment like a detected one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from retrieval.crops import LONG_SIDE_PX, NoGarment, OneGarment, Outcome, SeveralGarments, crop, drawn, outcome
from retrieval.errors import InvalidInput
from retrieval.items import Box, Detection, Hit
from retrieval.ports import Detector, Where
from retrieval.search import Search

if TYPE_CHECKING:
    from PIL.Image import Image

WHOLE = "No garment was found in the photo: the whole photo was searched."


@dataclass(frozen=True, slots=True)
class Finding:
    """What a photo led to. `hits` are the products of the one garment; none where a choice is to be made first.

    Where no garment was found, `hits` are those of the whole photo, and `notice` says so.
    """

    outcome: Outcome
    hits: tuple[Hit, ...] = ()
    notice: str = ""

    @property
    def detections(self) -> tuple[Detection, ...]:
        return self.outcome.detections

    @property
    def needs_choice(self) -> bool:
        return isinstance(self.outcome, SeveralGarments)


def see(detector: Detector, photo: Image, *, box: Box | None = None, least: float = 0.3) -> Outcome:
    """The garments of an RGB photo, or the one in `box` (pixels of the photo) where a person drew or chose one.

    `least` is the least confidence of a detection; one without a slot is of a detector that does not look, and stays.
    Raises InvalidBox for a box outside the photo.
    """
    if box is not None:
        return OneGarment(drawn(photo.size, box))
    return outcome([d for d in detector.detect(photo) if d.confidence >= least or d.slot is None])


@dataclass(frozen=True, slots=True)
class Finder:
    """Finds products in photos. `least` and `crop_scale` as in the settings."""

    detector: Detector
    search: Search
    least: float = 0.3
    crop_scale: float = 1.0

    def find(
        self, photo: Image, *, box: Box | None = None, choose: int | None = None, text: str = "",
        where: Where | None = None, k: int = 5,
    ) -> Finding:
        """The k products that an RGB photo shows, best first; with `text`, what it says counts too ("but in navy").

        `choose` is the number of one of several garments, from 1, in the order of `detections`. Raises InvalidBox for a
        box outside the photo, InvalidInput for a number that no garment has.
        """
        seen = see(self.detector, photo, box=box, least=self.least)
        if choose is not None:
            if not 1 <= choose <= len(seen.detections):
                raise InvalidInput(
                    f"garment {choose} was chosen, but the photo shows {len(seen.detections)}",
                    hint="choose one of those listed, or give its box",
                )
            seen = OneGarment(seen.detections[choose - 1])
        match seen:
            case SeveralGarments():
                return Finding(seen)
            case NoGarment():
                picture, notice = crop(photo, Box(0, 0, *photo.size), long_side_px=LONG_SIDE_PX), WHOLE
            case OneGarment(detection):
                picture, notice = crop(photo, detection.box, scale=self.crop_scale), ""
        return Finding(seen, tuple(self.search.by_image(picture, text=text, where=where, k=k)), notice)
