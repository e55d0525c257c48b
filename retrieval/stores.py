"""Where product photos lie: a folder or a zip. Read only; a name can never lead out of its store."""

from __future__ import annotations

import os
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Protocol

from retrieval.errors import InvalidInput, StoreError

PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".avif")
_MOST_NAME_CHARS = 1_000
_PLAINEST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]*")  # nearly all names: no need to look closer


class ImageStore(Protocol):
    """Files by name, names relative to the store, parted by "/"."""

    location: str

    def names(self) -> Iterator[str]:
        """Every picture file in the store, by its suffix, in no particular order."""
        ...

    def fingerprint(self, name: str) -> str | None:
        """What changes when the file does, told without reading it; None where there is no such file.

        Raises InvalidInput for a name that leads out of the store.
        """
        ...

    def read(self, name: str, *, max_bytes: int) -> bytes:
        """The file, cut off one byte after `max_bytes`, so that the reader sees that it is too long.

        Raises InvalidInput for a name that leads out of the store, StoreError where the file cannot be read.
        """
        ...


def open_store(location: str | Path) -> ImageStore:
    """The store at a path: a folder, or a zip file."""
    path = Path(location)
    if path.is_dir():
        return DirectoryStore(path)
    if path.is_file() and zipfile.is_zipfile(path):
        return ZipStore(path)
    found = "it does not exist" if not path.exists() else "it is neither"
    raise StoreError(
        f"no pictures at {str(location)!r}: expected a folder or a zip file, {found}",
        hint="give the folder or zip with the product photos: outfit ingest FEED --images DIR|ZIP",
    )


def check_name(name: str) -> str:
    """The name as it is if it is plain and relative, or InvalidInput: no address, no way up, no control characters."""
    if _PLAINEST.fullmatch(name) and ".." not in name and len(name) <= _MOST_NAME_CHARS:
        return name
    parts = PurePosixPath(name).parts
    if (
        not name
        or len(name) > _MOST_NAME_CHARS
        or ".." in parts
        or name.startswith(("/", "~"))
        or "\\" in name
        or "::" in name
        or re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", name)  # a scheme (file:, s3:) or a drive letter
        or any(ord(char) < 32 or ord(char) == 127 or 0xD800 <= ord(char) < 0xE000 for char in name)
    ):
        raise InvalidInput(
            f"picture name {name[:80]!r} is not a plain path inside the image store",
            hint="name pictures relative to the folder or zip given with --images",
        )
    return name


class DirectoryStore:
    """A folder. A link that leads out of it is refused as a name with `..` is."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self.location = str(self._root)

    def names(self) -> Iterator[str]:
        for folder, _, files in os.walk(self._root):
            prefix = os.path.relpath(folder, self._root).replace(os.sep, "/")
            for file in files:
                if file.lower().endswith(PICTURE_SUFFIXES):
                    yield file if prefix == "." else f"{prefix}/{file}"

    def fingerprint(self, name: str) -> str | None:
        try:
            status = self._path(name).stat()
        except OSError:
            return None
        return f"{status.st_size}-{status.st_mtime_ns}"

    def read(self, name: str, *, max_bytes: int) -> bytes:
        try:
            with self._path(name).open("rb") as file:
                return file.read(max_bytes + 1)
        except OSError as error:
            raise StoreError(f"picture {name!r} cannot be read: {error.strerror}") from error

    def _path(self, name: str) -> Path:
        path = (self._root / check_name(name)).resolve()
        if not path.is_relative_to(self._root):
            raise InvalidInput(
                f"picture {name!r} is a link out of the image store",
                hint="put the picture itself into the folder given with --images",
            )
        return path


class ZipStore:
    """A zip file, read in place. Its names are only keys: nothing is ever unpacked to disk."""

    def __init__(self, path: Path) -> None:
        self.location = str(path.resolve())
        try:
            self._zip = zipfile.ZipFile(path)
        except (OSError, zipfile.BadZipFile) as error:
            raise StoreError(f"the zip {path.name!r} cannot be opened: {error}", hint="copy or download it again") from error
        self._files = {info.filename: info for info in self._zip.infolist() if not info.is_dir()}

    def names(self) -> Iterator[str]:
        return (name for name in self._files if name.lower().endswith(PICTURE_SUFFIXES))

    def fingerprint(self, name: str) -> str | None:
        info = self._files.get(check_name(name))
        return None if info is None else f"{info.file_size}-{info.CRC:08x}"

    def read(self, name: str, *, max_bytes: int) -> bytes:
        info = self._files.get(check_name(name))
        if info is None:
            raise StoreError(f"picture {name!r} is not in the zip")
        try:
            with self._zip.open(info) as file:  # zipfile itself guards its file handle among threads
                return file.read(max_bytes + 1)
        except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, zlib.error) as error:
            raise StoreError(f"picture {name!r} in the zip cannot be read: {error}") from error
