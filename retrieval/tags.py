"""Shot tags in SQL: which photos still lack them, what is known of the others. One row a photo; the newest asking counts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import and_, delete, func, insert, or_, select

from retrieval.catalogue import Catalogue, chunks
from retrieval.items import ShotTags
from retrieval.tables import items, shot_tags, views

FIELDS = ("model_present", "model_count", "real_scene", "worn", "angle", "whole", "category", "quality")
_TRUTHS = ("model_present", "real_scene", "worn", "whole")


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo of an item that is ready. `digest`: sha256 of its file."""

    sku: str
    view: str
    digest: str


@dataclass(frozen=True, slots=True)
class Tagged:
    """What came out of asking about a photo: tags, or a `fault` in words ("" where there are tags); and what it cost."""

    photo: Photo
    tagger: str
    tags: ShotTags
    fault: str = ""
    prompt_tokens: int = 0
    answer_tokens: int = 0
    seconds: float = 0.0


class TagStore:
    """Reads and writes the tags of one catalogue. Threads may share it."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def missing(self, tagger: str, *, again: bool = False) -> list[Photo]:
        """Photos without tags, by sku: never asked about, asked in vain, or whose file has changed since. With `again`
        those, too, that another model than `tagger` has tagged.
        """
        stale = or_(
            shot_tags.c.sku.is_(None), shot_tags.c.fault.is_not(None), shot_tags.c.digest != views.c.digest,
            *([shot_tags.c.tagger != tagger] if again else []),
        )  # fmt: skip
        statement = (
            select(views.c.sku, views.c.name, views.c.digest)
            .join(items, items.c.sku == views.c.sku)
            .outerjoin(shot_tags, and_(shot_tags.c.sku == views.c.sku, shot_tags.c.view == views.c.name))
            .where(items.c.state == "ready", stale)
            .order_by(views.c.sku, views.c.position)
        )
        with self._catalogue.reading() as connection:
            return [Photo(row.sku, row.name, row.digest) for row in connection.execute(statement)]

    def write(self, found: Sequence[Tagged]) -> None:
        """Keep these, in place of what was known of their photos, in one transaction."""
        now = datetime.now(UTC).replace(tzinfo=None)
        with self._catalogue.writing() as connection:
            for part in chunks(found):
                mine = [and_(shot_tags.c.sku == t.photo.sku, shot_tags.c.view == t.photo.view) for t in part]
                connection.execute(delete(shot_tags).where(or_(*mine)))
                connection.execute(insert(shot_tags), [_values(t, now) for t in part])

    def all(self) -> Iterator[Tagged]:
        """Every photo that was asked about and is still what it was then, by sku."""
        statement = (
            select(shot_tags)
            .join(views, and_(shot_tags.c.sku == views.c.sku, shot_tags.c.view == views.c.name))
            .join(items, items.c.sku == shot_tags.c.sku)
            .where(items.c.state == "ready", shot_tags.c.digest == views.c.digest)
            .order_by(shot_tags.c.sku, views.c.position)
        )
        with self._catalogue.reading() as connection:
            for row in connection.execute(statement):
                yield _tagged(row)

    def taggers(self) -> dict[str, int]:
        """How many photos each model has tagged, most first."""
        count = func.count()
        statement = (
            select(shot_tags.c.tagger, count).where(shot_tags.c.fault.is_(None))
            .group_by(shot_tags.c.tagger).order_by(count.desc())
        )  # fmt: skip
        with self._catalogue.reading() as connection:
            return {row[0]: row[1] for row in connection.execute(statement)}

    def photo_count(self) -> int:
        """Photos of all items that are ready."""
        statement = select(func.count()).select_from(views.join(items, items.c.sku == views.c.sku))
        with self._catalogue.reading() as connection:
            return connection.execute(statement.where(items.c.state == "ready")).scalar_one()


def _values(tagged: Tagged, now: datetime) -> dict[str, Any]:
    tags = tagged.tags
    told = {name: getattr(tags, name) for name in FIELDS}
    told |= {name: None if told[name] is None else int(told[name]) for name in _TRUTHS}
    return told | {
        "sku": tagged.photo.sku, "view": tagged.photo.view, "digest": tagged.photo.digest, "tagger": tagged.tagger[:200],
        "tagged_at": now, "confidence": {k: round(v, 4) for k, v in tags.confidence.items()},
        "fault": tagged.fault or None, "prompt_tokens": tagged.prompt_tokens, "answer_tokens": tagged.answer_tokens,
        "seconds": round(tagged.seconds, 4),
    }  # fmt: skip


def _tagged(row: Any) -> Tagged:
    told = {name: getattr(row, name) for name in FIELDS}
    told |= {name: None if told[name] is None else bool(told[name]) for name in _TRUTHS}
    return Tagged(
        Photo(row.sku, row.view, row.digest), row.tagger, ShotTags(**told, confidence=dict(row.confidence)),
        row.fault or "", row.prompt_tokens, row.answer_tokens, row.seconds,
    )  # fmt: skip
