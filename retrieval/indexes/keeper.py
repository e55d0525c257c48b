"""What keeps an index's rows, on a disk or a server, without being asked to search them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from retrieval.ports import Rows, Space

if TYPE_CHECKING:
    import numpy as np


class Keeper(Protocol):
    """Each write carries a change number, larger than all before it, so that a reader can ask for what is new to it.

    The number is raised before rows are written and is on each row; `since(n)` gives the rows of change n too, since
    some of them may have been written after the one who asks had seen n. Deleted rows leave no trace but the count.
    """

    space: Space
    poll_s: float  # how often a reader may ask for `change`, in seconds
    step: int  # by how much one write raises the change number

    def __len__(self) -> int: ...

    def change(self) -> int:
        """The change number of the last write by anyone; 0 before the first."""
        ...

    def write(self, ids: Sequence[str], vectors: np.ndarray, columns: Sequence[Mapping[str, str | float]]) -> int:
        """Write rows, replacing those of the same id with all their columns; the new change number. Ids occur once."""
        ...

    def delete(self, ids: Sequence[str]) -> int:
        """Remove rows; the new change number. Unknown ids are ignored."""
        ...

    def read(self, ids: Sequence[str]) -> Rows:
        """The rows of the ids that are there, in any order."""
        ...

    def since(self, change: int) -> Iterator[Rows]:
        """All rows whose last write has this change number or a larger one; each row once."""
        ...

    def ids(self) -> list[str]: ...

    def problem(self) -> str:
        """What a full check finds wrong, "" where all is sound."""
        ...

    def close(self) -> None: ...
