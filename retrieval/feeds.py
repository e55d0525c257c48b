"""Product feeds of shops: any CSV, TSV, JSON Lines or Parquet table with an id, a title and a category.

Text tables are read line by line rather than by pandas: a line that breaks a rule becomes a reject with its number and
reason and costs no other line, and no line, however long, is held in memory beyond a bound.
"""

from __future__ import annotations

import csv
import json
import tomllib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from retrieval.errors import FeedError
from retrieval.feed_rows import FeedRow, Reject, reject, row_of

MOST_LINE_CHARS = 2**20
_MOST_QUOTED_LINES = 50  # a quoted cell may hold line breaks; a quote never closed must not swallow the feed

# Field -> the columns that it is taken from unless a mapping says otherwise, the first present one; case does not count.
# They are the names of the public fashion catalogue, of Google's product feeds, and plain words.
FIELDS: AnyMapping[str, tuple[str, ...]] = {
    "sku": ("id", "sku", "product_id", "item_id", "code"),
    "title": ("productDisplayName", "title", "name", "product_name"),
    "category": ("articleType", "category", "article_type", "product_type"),
    "sub_category": ("subCategory", "sub_category"),
    "master_category": ("masterCategory", "master_category", "department"),
    "gender": ("gender",),
    "colour": ("baseColour", "colour", "color"),
    "season": ("season",),
    "usage": ("usage", "occasion"),
    "year": ("year",),
    "price": ("price",),
    "currency": ("currency",),
    "stock": ("stock", "quantity", "inventory", "availability"),
    "url": ("url", "link"),
    "images": ("images", "image", "image_path", "filename"),
}
_REQUIRED = ("sku", "title", "category")

_Record = tuple[int, AnyMapping[str, Any] | Reject]  # line, and cells by column or why there are none


@dataclass(frozen=True, slots=True)
class Mapping:
    """Which column of a feed holds which field, and how its cells are to be read.

    `columns`: field -> column name. `currency` (ISO 4217) holds for prices that name none. `image_separator` parts
    several image names in one cell.
    """

    columns: AnyMapping[str, str] = field(default_factory=dict)
    encoding: str = "utf-8-sig"
    currency: str | None = None
    image_separator: str = "|"

    def __post_init__(self) -> None:
        for name in self.columns:
            if name not in FIELDS:
                raise FeedError(
                    f"the mapping names a field {name!r}: expected one of {', '.join(FIELDS)}",
                    hint="write it as FIELD=COLUMN, for instance --map sku=code --map title=name",
                )
        if not self.image_separator:
            raise FeedError("the mapping's image_separator is empty: expected a character such as |")

    @classmethod
    def from_pairs(cls, pairs: Iterable[str], base: Mapping | None = None) -> Mapping:
        """From `FIELD=COLUMN` texts, over those of `base`."""
        columns = dict(base.columns) if base else {}
        for pair in pairs:
            name, equals, column = pair.partition("=")
            if not (equals and name.strip() and column.strip()):
                raise FeedError(f"mapping {pair!r}: expected FIELD=COLUMN", hint="for instance --map sku=code")
            columns[name.strip()] = column.strip()
        if base is None:
            return cls(columns)
        return cls(columns, base.encoding, base.currency, base.image_separator)

    @classmethod
    def from_toml(cls, path: str | Path) -> Mapping:
        """From a file with a table `[columns]` (field = "column") and, beside it, encoding, currency, image_separator."""
        path = Path(path)
        try:
            table = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise FeedError(f"the mapping {path.name!r} cannot be read: {error}", hint="it must be a TOML file") from error
        unknown = table.keys() - {"columns", "encoding", "currency", "image_separator"}
        if unknown or not all(isinstance(value, str) for value in _leaves(table)):
            raise FeedError(
                f"the mapping {path.name!r} holds {', '.join(sorted(unknown)) or 'a value that is not text'}: expected a table "
                "[columns] of texts, and encoding, currency, image_separator",
                hint='for instance: currency = "EUR", then a line [columns], then sku = "code"',
            )
        return cls(**table)


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed whose columns have been found. Iterating reads it anew from the start, in bounded memory."""

    path: Path
    columns: AnyMapping[str, str]
    mapping: Mapping
    _records: Callable[[], Iterator[_Record]]

    def __iter__(self) -> Iterator[FeedRow | Reject]:
        for line, record in self._records():
            if isinstance(record, Reject):
                yield record
            else:
                cells = {name: record.get(column) for name, column in self.columns.items()}
                yield row_of(
                    cells, line, currency=self.mapping.currency, image_separator=self.mapping.image_separator
                )

    def __len__(self) -> int:
        """Rows and rejects, counted by reading the feed once."""
        return sum(1 for _ in self._records())


def read_feed(path: str | Path, *, mapping: Mapping | None = None) -> Feed:
    """The feed in a file, told by its suffix: .jsonl or .ndjson, .parquet, .tsv, anything else as CSV of any delimiter.

    Raises FeedError where the file cannot be read, is empty, or has no column for the id, the title or the category.
    What is wrong with single rows comes as `Reject`s while iterating.
    """
    path = Path(path)
    mapping = mapping or Mapping()
    _check_is_text_table(path)
    suffix = path.suffix.lower()
    if suffix in (".jsonl", ".ndjson"):
        records: Callable[[], Iterator[_Record]] = partial(_json_records, path, mapping.encoding)
        header = _json_header(path, records)
    elif suffix == ".parquet":
        table = _parquet(path)
        header = [str(name) for name in table.columns]
        records = partial(_table_records, table)
    else:
        header, delimiter = _csv_header(path, mapping.encoding)
        columns = _columns_of(path, header, mapping)
        at = header.index(columns["title"])
        records = partial(_csv_records, path, mapping.encoding, header, delimiter, at)
    columns = _columns_of(path, header, mapping)
    if next(records(), None) is None:
        raise FeedError(f"the feed {path.name!r} has a header but no rows", hint="export it again with its products")
    return Feed(path, columns, mapping, records)


def _columns_of(path: Path, header: Sequence[str], mapping: Mapping) -> dict[str, str]:
    by_name = {name.strip().casefold(): name for name in reversed(header)}  # of two columns of a name the first holds
    found: dict[str, str] = {}
    for name, usual in FIELDS.items():
        asked = mapping.columns.get(name)
        column = next((by_name[c.casefold()] for c in ((asked,) if asked else usual) if c.casefold() in by_name), None)
        if column is not None:
            found[name] = column
        elif asked or name in _REQUIRED:
            label = {"sku": "id"}.get(name, name)
            raise FeedError(
                f"the feed {path.name!r} has no column {asked!r} for the {label}" if asked else
                f"the feed {path.name!r} has no column for the {label}: expected one of {', '.join(usual)}; "
                f"found {', '.join(header)[:300] or 'none'}",
                hint=f"say which column it is: --map {name}=COLUMN",
            )
    return found


# --- text ---------------------------------------------------------------------------------------------------------------


def _check_is_text_table(path: Path) -> None:
    try:
        with path.open("rb") as file:
            start = file.read(4096)
    except OSError as error:
        raise FeedError(
            f"the feed {path.name!r} cannot be read: {error.strerror}",
            hint="give the path of a CSV, TSV, JSON Lines or Parquet file",
        ) from error
    if not start.strip():
        raise FeedError(f"the feed {path.name!r} is empty", hint="export it again with a header and its products")
    is_wide = start.startswith((b"\xff\xfe", b"\xfe\xff"))
    is_binary = start.count(0) > len(start) // 20 and not is_wide  # a stray NUL or two cost their rows alone
    if path.suffix.lower() != ".parquet" and (start.startswith(b"PK\x03\x04") or is_binary):
        raise FeedError(
            f"the feed {path.name!r} is not a text table (perhaps a spreadsheet or an archive)",
            hint="export it as CSV, in UTF-8",
        )


def _lines(path: Path, encoding: str) -> Iterator[tuple[int, str | Reject]]:
    """(number, line) of a text file; a line that is too long or not of the encoding comes as a Reject.

    Bytes that are not of the encoding are carried as lone surrogates (PEP 383), so that only their line is lost.
    """
    with path.open("rb") as file:
        if file.read(2) in (b"\xff\xfe", b"\xfe\xff"):
            encoding = "utf-16"
    try:
        file = path.open(encoding=encoding, errors="surrogateescape")
    except LookupError as error:
        raise FeedError(f"encoding {encoding!r} is not known", hint="for instance utf-8, cp1252 or gb18030") from error
    with file:
        number = 0
        while True:
            try:
                line = file.readline(MOST_LINE_CHARS + 1)
            except UnicodeError as error:
                raise FeedError(
                    f"the feed {path.name!r} is not {encoding} after line {number}: {error.reason if hasattr(error, 'reason') else error}",
                    hint="say how it is written in a mapping file: encoding = \"cp1252\"",
                ) from error
            if not line:
                return
            number += 1
            if len(line) > MOST_LINE_CHARS and not line.endswith("\n"):
                while (rest := file.readline(MOST_LINE_CHARS)) and not rest.endswith("\n"):
                    pass
                yield number, reject(number, f"the line has more than {MOST_LINE_CHARS:,} characters", line[:300])
            elif not line.isascii() and any("\udc80" <= char <= "\udcff" for char in line):
                yield number, reject(number, f"the line is not {encoding.removesuffix('-sig')} text", line)
            else:
                yield number, line


def _csv_header(path: Path, encoding: str) -> tuple[list[str], str]:
    for _, line in _lines(path, encoding):
        if isinstance(line, Reject):
            raise FeedError(
                f"the header of the feed {path.name!r} cannot be read: {line.reason}",
                hint="save it as CSV in UTF-8, or say how it is written in a mapping file: encoding = \"cp1252\"",
            )
        if line.strip():
            delimiter = "\t" if path.suffix.lower() in (".tsv", ".tab") else max(",;\t|", key=line.count)
            return _unique([name.strip() for name in _split(line, delimiter)]), delimiter
    raise FeedError(f"the feed {path.name!r} is empty", hint="export it again with a header and its products")


def _unique(names: Sequence[str]) -> list[str]:
    """Names told apart by a number from the second on, so that of two columns of a name the first keeps it."""
    return [f"{name} ({at})" if name in names[:at] else name for at, name in enumerate(names)]


def _split(line: str, delimiter: str) -> list[str]:
    if '"' not in line:
        return line.rstrip("\n").split(delimiter)
    return next(csv.reader([line], delimiter=delimiter))


def _csv_records(path: Path, encoding: str, header: list[str], delimiter: str, title_at: int) -> Iterator[_Record]:
    lines = _lines(path, encoding)
    for _, line in lines:  # the header, and blank lines before it
        if not isinstance(line, str) or line.strip():
            break
    ahead: deque[tuple[int, str | Reject]] = deque()
    while True:
        number, line = ahead.popleft() if ahead else next(lines, (0, ""))
        if not number:
            return
        if isinstance(line, Reject):
            yield number, line
        elif line.strip():
            cells = _cells(number, line, delimiter, len(header), lines, ahead)
            if not isinstance(cells, Reject):
                cells = _fitted(cells, len(header), title_at, delimiter, number)
            yield number, cells if isinstance(cells, Reject) else dict(zip(header, cells, strict=True))


def _cells(
    number: int, line: str, delimiter: str, width: int, lines: Iterator[tuple[int, str | Reject]], ahead: deque
) -> list[str] | Reject:
    """The cells of the record that begins on this line; a quoted cell may run on over following lines.

    Lines looked at in vain go back to `ahead`.
    """
    if '"' not in line:
        return _split(line, delimiter)
    taken: list[tuple[int, str | Reject]] = []
    text, is_open = line, True
    while is_open:
        try:
            cells = next(csv.reader([text], delimiter=delimiter, strict=True))
            if not taken or len(cells) == width:
                return cells
            break
        except csv.Error as error:
            is_open = "unexpected end of data" in str(error)
        if not is_open or len(taken) == _MOST_QUOTED_LINES or len(text) > MOST_LINE_CHARS:
            break
        following = ahead.popleft() if ahead else next(lines, None)
        if following is None:
            break
        taken.append(following)
        if isinstance(following[1], Reject):
            break
        text += following[1]
    ahead.extendleft(reversed(taken))
    if is_open or taken:
        return reject(number, "a quote is opened and never closed", line)
    try:
        return _split(line, delimiter)  # a stray quote inside a cell is a character like any other
    except csv.Error as error:
        return reject(number, f"the line cannot be parted into cells: {error}", line)


def _fitted(cells: list[str], width: int, title_at: int, delimiter: str, number: int) -> list[str] | Reject:
    """As many cells as the header has. What is too many is taken for a title whose commas were not quoted."""
    surplus = len(cells) - width
    if surplus < 0:
        return reject(number, f"{len(cells)} cells: expected {width}", delimiter.join(cells))
    if surplus and not any(cell.strip() for cell in cells[width:]):
        return cells[:width]
    end = title_at + surplus + 1
    return [*cells[:title_at], delimiter.join(cells[title_at:end]), *cells[end:]]


# --- JSON Lines and Parquet -----------------------------------------------------------------------------------------------


def _json_records(path: Path, encoding: str) -> Iterator[_Record]:
    for number, line in _lines(path, encoding):
        if isinstance(line, Reject):
            yield number, line
        elif line.strip():
            try:
                cells = json.loads(line)
            except (ValueError, RecursionError):
                yield number, reject(number, "the line is not JSON", line)
                continue
            if isinstance(cells, dict):
                yield number, cells
            else:
                yield number, reject(number, "the line is not a JSON object", line)


def _json_header(path: Path, records: Callable[[], Iterator[_Record]]) -> list[str]:
    """Every key of the first hundred readable lines: objects may leave out what they have not."""
    found: dict[str, None] = {}
    for _, (_, cells) in zip(range(100), records(), strict=False):
        if not isinstance(cells, Reject):
            found.update(dict.fromkeys(cells))
    if not found:
        raise FeedError(f"the feed {path.name!r} holds no JSON objects", hint='expected one {"id": ...} object a line')
    return list(found)


def _parquet(path: Path) -> Any:
    import pandas

    try:
        return pandas.read_parquet(path)
    except ImportError as error:
        raise FeedError(
            f"the feed {path.name!r} is Parquet, and the package that reads it is not installed",
            hint="pip install pyarrow, or export the feed as CSV",
        ) from error
    except Exception as error:
        raise FeedError(f"the feed {path.name!r} is not a readable Parquet table", hint="export it again") from error


def _table_records(table: Any) -> Iterator[_Record]:
    for number, values in enumerate(table.itertuples(index=False, name=None), 1):
        yield number, dict(zip(map(str, table.columns), values, strict=True))


def _leaves(table: AnyMapping[str, Any]) -> Iterator[Any]:
    for value in table.values():
        if isinstance(value, dict):
            yield from value.values()
        else:
            yield value
