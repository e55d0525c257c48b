"""The stylists' desk: what is looked over, what was decided, what that says of the guardrail, and what knobs would change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from assistant.desk.in_use import InUse
from assistant.desk.intake import Intake
from assistant.desk.photos import Crops
from assistant.desk.profiles import Profiles
from assistant.desk.store import DeskStore
from retrieval.catalogue import Catalogue


@dataclass(frozen=True, slots=True)
class Desk:
    """The desk of one catalogue. `intake` takes proposals once it is started."""

    store: DeskStore
    crops: Crops
    profiles: Profiles
    in_use: InUse
    intake: Intake


def open_desk(catalogue: Catalogue, photo_days: float, share: float) -> Desk:
    """The desk over a catalogue's database; crops are kept for `photo_days`, `share` of the answers is looked over."""
    store, crops = DeskStore(catalogue), Crops(catalogue, timedelta(days=photo_days))
    return Desk(store, crops, Profiles(catalogue), InUse(catalogue), Intake(store, crops, share))
