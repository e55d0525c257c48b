"""What stands beside the vectors of an index, in memory, and which rows pass a condition: a mask, never a loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from retrieval.ports import Where

_MISSING = -1


class Columns:
    """Text columns as integer codes, numbers as float32-or-wider arrays with NaN for "missing".

    Arrays grow by doubling; only their first `len(self)` rows count.
    """

    def __init__(self) -> None:
        self._rows = 0
        self._capacity = 0
        self._codes: dict[str, np.ndarray] = {}
        self._code_of: dict[str, dict[str, int]] = {}
        self._numbers: dict[str, np.ndarray] = {}

    def __len__(self) -> int:
        return self._rows

    @property
    def nbytes(self) -> int:
        return sum(array.nbytes for part in (self._codes, self._numbers) for array in part.values())

    def write(self, rows: np.ndarray, values: Sequence[Mapping[str, str | float]]) -> None:
        """The values of (n,) row numbers, replacing all that these rows had; a row number twice keeps the last."""
        self._reserve(int(rows.max(initial=-1)) + 1)
        for codes in self._codes.values():
            codes[rows] = _MISSING
        for numbers in self._numbers.values():
            numbers[rows] = np.nan
        for name in {name for row in values for name in row}:
            cells = [row.get(name) for row in values]
            is_text = np.array([isinstance(cell, str) for cell in cells])
            is_number = np.array([cell is not None and not isinstance(cell, str) for cell in cells])
            if is_text.any():
                self._write_codes(name, rows, cells, is_text)
            if is_number.any():
                if name not in self._numbers:
                    self._numbers[name] = np.full(self._capacity, np.nan)
                column = [float(cell) if number else np.nan for cell, number in zip(cells, is_number, strict=True)]
                self._numbers[name][rows] = column

    def _write_codes(self, name: str, rows: np.ndarray, cells: Sequence[object], is_text: np.ndarray) -> None:
        if name not in self._codes:
            self._codes[name] = np.full(self._capacity, _MISSING, dtype=np.int32)
            self._code_of[name] = {}
        code_of = self._code_of[name]
        column = [
            code_of.setdefault(cell, len(code_of)) if text else _MISSING  # type: ignore[arg-type]
            for cell, text in zip(cells, is_text, strict=True)
        ]
        self._codes[name][rows] = column

    def take(self, rows: np.ndarray) -> Columns:
        """The columns of these rows, in this order."""
        taken = Columns()
        taken._rows = taken._capacity = len(rows)
        taken._codes = {name: codes[rows] for name, codes in self._codes.items()}
        taken._code_of = {name: dict(codes) for name, codes in self._code_of.items()}
        taken._numbers = {name: numbers[rows] for name, numbers in self._numbers.items()}
        return taken

    def mask(self, where: Where) -> np.ndarray:
        """(n,) bool: rows for which every condition holds."""
        mask = np.ones(len(self), dtype=bool)
        for name, allowed in where.any_of.items():
            mask &= self._has_any(name, allowed)
        for name, barred in where.none_of.items():
            mask &= ~self._has_any(name, barred)
        for name, bound in where.at_most.items():
            mask &= self._number(name) <= bound  # NaN compares false: missing does not pass a bound
        for name, bound in where.at_least.items():
            mask &= self._number(name) >= bound
        return mask

    def arrays(self) -> dict[str, np.ndarray]:
        """As plain arrays; the words of text columns are apart, in `words`."""
        held = {f"codes/{name}": codes[: len(self)] for name, codes in self._codes.items()}
        return held | {f"numbers/{name}": numbers[: len(self)] for name, numbers in self._numbers.items()}

    def words(self) -> dict[str, list[str]]:
        """Text column -> its values, by code."""
        return {name: list(codes) for name, codes in self._code_of.items()}

    @classmethod
    def from_arrays(cls, rows: int, held: Mapping[str, np.ndarray], words: Mapping[str, Sequence[str]]) -> Columns:
        made = cls()
        made._rows = made._capacity = rows
        for name, values in words.items():
            made._code_of[name] = {value: code for code, value in enumerate(values)}
            made._codes[name] = held[f"codes/{name}"]
        made._numbers = {name.removeprefix("numbers/"): held[name] for name in held if name.startswith("numbers/")}
        return made

    def _reserve(self, rows: int) -> None:
        self._rows = max(self._rows, rows)
        if rows <= self._capacity:
            return
        more = max(rows, 2 * self._capacity) - self._capacity
        self._capacity += more
        self._codes = {n: np.append(c, np.full(more, _MISSING, dtype=np.int32)) for n, c in self._codes.items()}
        self._numbers = {n: np.append(c, np.full(more, np.nan)) for n, c in self._numbers.items()}

    def _has_any(self, name: str, values: frozenset[str]) -> np.ndarray:
        code_of = self._code_of.get(name, {})
        wanted = [code_of[value] for value in values if value in code_of]
        if not wanted:
            return np.zeros(len(self), dtype=bool)
        codes = self._codes[name][: len(self)]
        if len(wanted) <= 4:  # a comparison a value is several times quicker than looking each code up
            passes = codes == wanted[0]
            for code in wanted[1:]:
                passes |= codes == code
            return passes
        passes = np.zeros(len(code_of) + 1, dtype=bool)  # the last entry answers for _MISSING
        passes[wanted] = True
        return passes[codes]

    def _number(self, name: str) -> np.ndarray:
        column = self._numbers.get(name)
        return np.full(len(self), np.nan) if column is None else column[: len(self)]
