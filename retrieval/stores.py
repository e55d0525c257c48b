"""Where product photos lie: a folder, a zip, or a bucket on S3. Read only; a name can never lead out of its store."""

from __future__ import annotations

import os
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from threading import Lock
from typing import Protocol

from retrieval.errors import InvalidInput, StoreError, StoreUnreachable

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

        Raises InvalidInput for a name that leads out of the store, StoreError where the file cannot be read, StoreUnreachable
        where the store does not answer at all.
        """
        ...


def open_store(location: str | Path) -> ImageStore:
    """The store at a path (a folder, or a zip file) or at `s3://bucket/folder`."""
    if isinstance(location, str) and "://" in location:
        return S3Store(location)
    path = Path(location)
    if path.is_dir():
        return DirectoryStore(path)
    if path.is_file() and zipfile.is_zipfile(path):
        return ZipStore(path)
    found = "it does not exist" if not path.exists() else "it is neither"
    raise StoreError(
        f"no pictures at {str(location)!r}: expected a folder, a zip file or s3://bucket/folder, {found}",
        hint="give the place of the product photos: outfit ingest FEED --images DIR|ZIP|s3://BUCKET/FOLDER",
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


class S3Store:
    """A folder of a bucket, on Amazon's S3 or a server that speaks its protocol.

    Credentials, region and endpoint come from where AWS tools find theirs (`AWS_ACCESS_KEY_ID`, `AWS_ENDPOINT_URL`,
    `~/.aws/`...), so that none stands in a catalogue. The bucket is listed at most once; throttled and broken requests are
    repeated by botocore.
    """

    def __init__(self, location: str) -> None:
        match = re.fullmatch(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/([^?#]*))?", location)
        if match is None:
            raise StoreError(
                f"no pictures at {location[:200]!r}: expected s3://bucket/folder",
                hint="give credentials and endpoint as AWS tools take them, not in the address: AWS_ACCESS_KEY_ID, "
                "AWS_SECRET_ACCESS_KEY, AWS_ENDPOINT_URL",
            )
        self._bucket, folder = match[1], (match[2] or "").strip("/")
        if folder:
            check_name(folder)
        self._root = f"{self._bucket}/{folder}" if folder else self._bucket
        self.location = f"s3://{self._root}"
        try:
            import s3fs
        except ImportError as error:
            raise StoreError(
                f"the package that reads {self.location} is not installed",
                hint="pip install 'outfit-assistant[scale]'",
            ) from error
        patience = {"connect_timeout": 5, "read_timeout": 30, "retries": {"max_attempts": 4, "mode": "standard"}}
        self._files = s3fs.S3FileSystem(config_kwargs=patience, skip_instance_cache=True, use_listings_cache=False)
        self._files.retries = 1  # over botocore's own, not times them
        self._listed: dict[str, str] | None = None
        self._listing = Lock()

    def names(self) -> Iterator[str]:
        return (name for name in self._fingerprints() if name.lower().endswith(PICTURE_SUFFIXES))

    def fingerprint(self, name: str) -> str | None:
        return self._fingerprints().get(check_name(name))

    def read(self, name: str, *, max_bytes: int) -> bytes:
        path = f"{self._root}/{check_name(name)}"
        with self._translated(f"picture {name!r} cannot be read from {self.location}"):
            try:
                return self._files.cat_file(path, start=0, end=max_bytes + 1)
            except OSError as error:
                if "InvalidRange" in str(error) or "not satisfiable" in str(error):
                    return b""  # an empty file has no first byte to begin at
                raise

    def _fingerprints(self) -> dict[str, str]:
        with self._listing:
            if self._listed is None:
                with self._translated(f"the pictures at {self.location} cannot be listed"):
                    found = self._files.find(self._root, detail=True)
                    if not found and not self._files.exists(self._bucket):
                        raise FileNotFoundError(f"there is no bucket {self._bucket!r}")
                at = len(self._root) + 1
                self._listed = {path[at:]: f"{each['size']}-{each['ETag'].strip(chr(34))}"[:80] for path, each in found.items()}
            return self._listed

    @contextmanager
    def _translated(self, what: str) -> Iterator[None]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except FileNotFoundError as error:
            raise StoreError(f"{what}: {error or 'there is no such file'}", hint="check the bucket and the folder") from error
        except (OSError, BotoCoreError, ClientError) as error:
            raise StoreUnreachable(
                f"{what}: {str(error).splitlines()[0][:300] if str(error) else type(error).__name__}",
                hint="check the server, its address (AWS_ENDPOINT_URL) and the credentials, then run the same command "
                "again: it goes on where it stopped",
            ) from error
