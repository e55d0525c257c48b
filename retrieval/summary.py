"""What an ingest reports: progress while it runs, a summary that adds up when it has ended."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from threading import Lock
from typing import Any

_WINDOW_S = 30.0  # the rate is that of the last half minute: rows found done already must not promise a speed


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a stage ("rows", "rebuild", "download") is. `total` and `eta_s` are None where they cannot be told."""

    stage: str
    done: int
    total: int | None
    rate_per_s: float = 0.0
    eta_s: float | None = None


class Meter:
    """Turns counts into `Progress` events; does nothing where nobody listens."""

    def __init__(self, listener: Callable[[Progress], None] | None, stage: str, total: int | None) -> None:
        self._listener, self._stage, self._total = listener, stage, total
        self._seen: deque[tuple[float, int]] = deque([(time.monotonic(), 0)])

    def show(self, done: int) -> None:
        if self._listener is None:
            return
        now = time.monotonic()
        self._seen.append((now, done))
        while len(self._seen) > 2 and now - self._seen[0][0] > _WINDOW_S:
            self._seen.popleft()
        (then, before) = self._seen[0]
        rate = (done - before) / (now - then) if now > then else 0.0
        left = None if self._total is None or not rate else max(0, self._total - done) / rate
        self._listener(Progress(self._stage, done, self._total, rate, left))


class Clock:
    """Seconds by name, added up over all threads."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}
        self._lock = Lock()

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        try:
            yield
        finally:
            with self._lock:
                self._seconds[name] = self._seconds.get(name, 0.0) + time.perf_counter() - began

    def __getitem__(self, name: str) -> float:
        return self._seconds.get(name, 0.0)


@dataclass(frozen=True, slots=True)
class Summary:
    """What became of a feed. Every row is counted once: rows = added + returned + updated + unchanged + rejected.

    `returned` items had been retired; `retired` ones are no longer in the feed (or have lost all their photos).
    `rejected_pictures` are photos that could not be used of items that have others. `near_duplicates` are groups of skus
    with photos that look the same. `without_slot` counts items by category that fill no place in a look. `read_s`,
    `encode_s` and `write_s` overlap, and `read_s` is a sum over threads, so they may exceed `total_s`.
    """

    rows: int = 0
    added: int = 0
    returned: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    retired: int = 0
    resumed: int = 0
    ready: int = 0
    pictures_encoded: int = 0
    titles_encoded: int = 0
    rejected_pictures: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)
    without_slot: Mapping[str, int] = field(default_factory=dict)
    near_duplicates: tuple[tuple[str, ...], ...] = ()
    read_s: float = 0.0
    encode_s: float = 0.0
    write_s: float = 0.0
    total_s: float = 0.0

    @property
    def adds_up(self) -> bool:
        return self.rows == self.added + self.returned + self.updated + self.unchanged + self.rejected

    @property
    def pictures_per_s(self) -> float:
        return self.pictures_encoded / self.total_s if self.total_s else 0.0

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON; of the near-duplicates the number of groups."""
        values = asdict(self)
        values["near_duplicates"] = len(self.near_duplicates)
        return {name: round(value, 3) if isinstance(value, float) else value for name, value in values.items()}

    def text(self) -> str:
        """The summary as lines to read in a terminal."""
        lines = [
            f"{self.rows:,} rows: {self.added:,} added, {self.returned:,} returned, {self.updated:,} updated, "
            f"{self.unchanged:,} unchanged, {self.rejected:,} rejected",
            f"{self.ready:,} items ready, {self.retired:,} retired"
            + (f", {self.resumed:,} finished that an earlier run had left" if self.resumed else ""),
            f"{self.pictures_encoded:,} pictures and {self.titles_encoded:,} titles encoded in {self.total_s:.1f} s "
            f"({self.pictures_per_s:.0f} pictures/s; reading {self.read_s:.1f} s, encoding {self.encode_s:.1f} s, "
            f"writing {self.write_s:.1f} s, overlapping)",
        ]
        if self.rejected_pictures:
            lines.append(f"{self.rejected_pictures:,} pictures left out of items that have others")
        lines += [f"  {count:,} x {reason}" for reason, count in list(self.reasons.items())[:10]]
        if self.without_slot:
            kinds = [f"{category} {count:,}" for category, count in self.without_slot.items()]
            most = ", ".join(kinds[:6]) + ("..." if len(kinds) > 6 else "")
            lines.append(f"{sum(self.without_slot.values()):,} items fill no place in a look ({most})")
        if self.near_duplicates:
            first = "; ".join(" = ".join(group[:4]) for group in self.near_duplicates[:3])
            alike = sum(map(len, self.near_duplicates))
            lines.append(
                f"{alike:,} items in {len(self.near_duplicates):,} groups have photos that look the same: {first}"
            )
        return "\n".join(lines)
