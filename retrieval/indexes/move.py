"""Vectors from one index to another, without a model: what differs is copied, then everything is compared again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from retrieval.errors import SpaceMismatch, StoreError
from retrieval.ports import Rows, StoredIndex

_BATCH = 2_000
_TOLERANCE = 1e-6  # of each number: engines keep float32, some after normalising it once more


@dataclass(frozen=True, slots=True)
class Moved:
    """Rows of the source, how many of them were copied now, and how many the target had too many."""

    rows: int
    copied: int
    removed: int


def move(source: StoredIndex, target: StoredIndex, progress: Callable[[str, int, int], None] | None = None) -> Moved:
    """Make the target hold what the source holds, ids, vectors and columns. The source stays as it is.

    Killed anywhere, the next call copies what is missing. Raises SpaceMismatch where the target is of another space, and
    StoreError where the two still differ in the end.
    """
    if source.space != target.space:
        raise SpaceMismatch(
            f"vectors of {source.space} cannot go into an index of {target.space}", hint="outfit rebuild writes new ones"
        )
    ids = sorted(source.ids())
    spare = sorted(set(target.ids()) - set(ids))
    target.delete(spare)
    copied = _copy_differences(source, target, ids, progress, "copied")
    wrong = _copy_differences(source, target, ids, progress, "compared") if copied else 0
    held = len(target)
    if wrong or held != len(ids):
        raise StoreError(
            f"the copy is not what was copied: {wrong:,} of {len(ids):,} rows differ, and the target counts {held:,}",
            hint="run the same command again; nothing was taken from the source",
        )
    target.prepare()
    return Moved(len(ids), copied, len(spare))


def _copy_differences(
    source: StoredIndex, target: StoredIndex, ids: list[str], progress: Callable[[str, int, int], None] | None, stage: str
) -> int:
    """How many rows the target lacked or held otherwise; they are written."""
    copied = 0
    for start in range(0, len(ids), _BATCH):
        part = ids[start : start + _BATCH]
        theirs = source.rows_kept(part)
        differs = _differing(theirs, target.rows_kept(part))
        if differs:
            target.upsert(
                [theirs.ids[i] for i in differs], theirs.vectors[differs], [theirs.columns[i] for i in differs]
            )
            copied += len(differs)
        if progress:
            progress(stage, start + len(part), len(ids))
    return copied


def _differing(wanted: Rows, held: Rows) -> list[int]:
    """Positions in `wanted` of rows that `held` lacks or has with another vector or other columns."""
    row_of = {id_: i for i, id_ in enumerate(held.ids)}
    return [
        i
        for i, id_ in enumerate(wanted.ids)
        if (row := row_of.get(id_)) is None
        or not np.allclose(wanted.vectors[i], held.vectors[row], rtol=0, atol=_TOLERANCE)
        or _plain(wanted.columns[i]) != _plain(held.columns[row])
    ]


def _plain(columns: object) -> dict[str, str | float]:
    """Columns as every engine gives them: some know whole numbers, which equal floats."""
    return {name: value if isinstance(value, str) else float(value) for name, value in dict(columns).items()}  # type: ignore[call-overload]
