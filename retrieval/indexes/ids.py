"""A million ids in some tens of megabytes: their text end to end, and their rows by checksum."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence

import numpy as np


class Ids:
    """Row number <-> id. `text` (bytes,) uint8 is all ids in UTF-8, end to end; `ends` (n,) int64 is where each ends."""

    def __init__(self, text: np.ndarray, ends: np.ndarray) -> None:
        self.text, self.ends = text, ends
        data = text.tobytes()
        begins = [0, *ends[:-1].tolist()] if len(ends) else []
        sums = np.fromiter(
            (zlib.crc32(data[a:b]) for a, b in zip(begins, ends.tolist(), strict=True)), dtype=np.uint32, count=len(ends)
        )
        self._rows = np.argsort(sums, kind="stable").astype(np.int32)
        self._sums = sums[self._rows]

    @classmethod
    def of(cls, ids: Sequence[str]) -> Ids:
        encoded = [id_.encode() for id_ in ids]
        ends = np.cumsum([len(one) for one in encoded], dtype=np.int64)
        return cls(np.frombuffer(b"".join(encoded), dtype=np.uint8), ends)

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, row: int) -> str:
        return self._bytes(int(row)).decode()

    @property
    def nbytes(self) -> int:
        return self.text.nbytes + self.ends.nbytes + self._rows.nbytes + self._sums.nbytes

    def rows(self, ids: Iterable[str]) -> np.ndarray:
        """Row numbers of those ids that are there, in their order: (at most len(ids),) int64."""
        encoded = [id_.encode() for id_ in ids]
        sums = np.array([zlib.crc32(one) for one in encoded], dtype=np.uint32)
        first = np.searchsorted(self._sums, sums, side="left")
        last = np.searchsorted(self._sums, sums, side="right")
        found = []
        for one, a, b in zip(encoded, first.tolist(), last.tolist(), strict=True):
            found += [row for row in self._rows[a:b].tolist() if self._bytes(row) == one]
        return np.array(found, dtype=np.int64)

    def _bytes(self, row: int) -> bytes:
        return self.text[self.ends[row - 1] if row else 0 : self.ends[row]].tobytes()
