"""The engines that keep and search vectors, by name: what the setting `index` chooses from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from retrieval.errors import InvalidSetting
from retrieval.indexes import chroma, milvus, sqlite
from retrieval.indexes.kept import KeptIndex
from retrieval.ports import Space, StoredIndex

Name = Literal["chroma", "sqlite", "exact", "milvus"]
NAMES: tuple[str, ...] = get_args(Name)


@dataclass(frozen=True, slots=True)
class Engine:
    """Where and how the vectors of one catalogue are kept. `folder` is the catalogue's; `url` is of a server, if any.

    chroma   a folder, or a server by `url`; searched in memory
    sqlite   one file a collection; searched in memory
    exact    the same files, and every search scans every row that passes: the truth, for small catalogues
    milvus   a cluster by `url`, or a file of Milvus Lite; searches itself
    """

    name: str
    folder: Path
    url: str | None = None
    token: str = ""

    def __post_init__(self) -> None:
        if self.name not in NAMES:
            raise InvalidSetting(f"no index is called {self.name!r}: there are {', '.join(NAMES)}", hint="outfit settings")
        if self.url and self.name in ("sqlite", "exact"):
            raise InvalidSetting(
                f"index_url = {self.url!r}: the index {self.name} keeps files and knows no server",
                hint="leave OUTFIT_INDEX_URL empty, or set OUTFIT_INDEX to chroma or milvus",
            )
        if self.url and self.name == "chroma" and not self.url.startswith(("http://", "https://")):
            raise InvalidSetting(f"index_url = {self.url!r}: expected http://HOST:PORT of a Chroma server")

    @property
    def place(self) -> str:
        """Where the vectors are, for people."""
        return self.url or str(self._own)

    @property
    def _own(self) -> Path:
        """The engine's own folder, so that two can be there at a time. Chroma's name is older than the others."""
        kind = {"chroma": "", "exact": "-sqlite"}.get(self.name, f"-{self.name}")
        return self.folder / f"vectors{kind}{'-server' if self.url else ''}"

    @property
    def _milvus(self) -> str:
        return self.url or str((self._own / "rows.db").absolute())

    def open(self, name: str, space: Space) -> StoredIndex:
        """A collection, made empty where there is none. Raises StoreError, SpaceMismatch, ModelUnavailable."""
        if self.name == "milvus":
            return milvus.MilvusIndex(milvus.open_milvus(self._milvus, self.token), self.place, f"outfit_{name}", space)
        if self.name == "chroma":
            kept_name = f"outfit_{name}" if self.url else name
            return KeptIndex(chroma.ChromaKeeper(self._chroma, self.place, kept_name, space), self._own, name)
        keeper = sqlite.SqliteKeeper(self._own, name, space)
        return KeptIndex(keeper, self._own, name, **({"exact_rows": None} if self.name == "exact" else {}))

    def _chroma(self) -> Any:
        return chroma.open_server(self.url, self.token) if self.url else chroma.open_folder(self._own)

    def drop(self, names: tuple[str, ...]) -> None:
        """Remove these collections with all that is in them."""
        if self.name == "milvus":
            client = milvus.open_milvus(self._milvus, self.token)
            for name in names:
                milvus.drop_collection(client, self.place, f"outfit_{name}")
        elif self.url:
            for name in names:
                chroma.drop_collection(self._chroma(), self.place, f"outfit_{name}")
        if self.name == "chroma":
            chroma.drop(self._own)
        elif self.name != "milvus":
            sqlite.drop(self._own)
