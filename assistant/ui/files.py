"""Files behind the page: item pictures by sku, sample photos by name, and each visitor's own photos and exports.

A visitor's files live in memory only, under names that cannot be guessed, and are gone after a set time.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from assistant.shared import SharedFiles
from retrieval import images
from retrieval.errors import InvalidInput, OutfitError

if TYPE_CHECKING:
    from PIL.Image import Image

    from retrieval.catalogue import Catalogue

_LOG = logging.getLogger(__name__)
_MIB = 2**20
_SHOWN_SIDE_PX = 1600  # enough for the page and for the detector, whose longer side is at most 1333 px
_FOR_GOOD = "public, max-age=31536000, immutable"
_A_WHILE = "public, max-age=300"
_OWN = "private, no-store"
_FONTS = {name: Path(__file__).parent / "fonts" / name for name in ("inter.woff2", "instrument-serif.woff2")}


class PhotoGone(InvalidInput):
    """A photo that was deleted in the meantime, or never was."""

    code = "photo_gone"


@dataclass(frozen=True, slots=True)
class Kept:
    data: bytes
    kind: str  # media type; "" for an upload that has not been looked at yet
    filename: str
    until: float


class Drawer:
    """Files by secret name, until `keep_s` seconds after they were last asked for, at most `most_bytes` together: those
    that were asked for longest ago make room."""

    def __init__(
        self, *, keep_s: float = 3_600, most_bytes: int = 256 * _MIB, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.keep_s, self._most_bytes, self._clock = keep_s, most_bytes, clock
        self._files: OrderedDict[str, Kept] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def put(self, data: bytes, kind: str = "", filename: str = "") -> str:
        """Keep a file and give its name, 128 random bits."""
        name = secrets.token_urlsafe(16)
        with self._lock:
            self._files[name] = Kept(data, kind, filename, self._clock() + self.keep_s)
            self._bytes += len(data)
            self._sweep()
        return name

    def get(self, name: str) -> Kept | None:
        with self._lock:
            self._sweep()
            kept = self._files.get(name)
            if kept is not None:
                self._files[name] = replace(kept, until=self._clock() + self.keep_s)
                self._files.move_to_end(name)
            return kept

    def __len__(self) -> int:
        self.sweep()
        return len(self._files)

    def sweep(self) -> None:
        """Delete what is over its time. Looking at a file does so, too; a server does it in time though nobody looks."""
        with self._lock:
            self._sweep()

    def photo(self, name: str) -> Image:
        """The RGB picture of an upload, its longer side at most 1,600 px.

        The first look decodes it and keeps the plain picture in place of the bytes that came in. Raises PhotoGone where
        it is not kept any more, UnsupportedImage or ImageTooLarge where it is no picture to work with; the upload is
        dropped then.
        """
        kept = self.get(name)
        if kept is None:
            raise PhotoGone("the photo is not kept any more", hint="send it again")
        if kept.kind:
            return images.decode(kept.data)
        try:
            picture = images.thumbnail(images.decode(kept.data), _SHOWN_SIDE_PX)
        except OutfitError:
            self.drop(name)
            raise
        self._put_in_place(name, images.encode_jpeg(picture), "image/jpeg", "photo.jpg")
        return picture

    def _put_in_place(self, name: str, data: bytes, kind: str, filename: str) -> None:
        with self._lock:
            if name in self._files:
                self._bytes += len(data) - len(self._files[name].data)
                self._files[name] = replace(self._files[name], data=data, kind=kind, filename=filename)

    def drop(self, name: str) -> None:
        with self._lock:
            if kept := self._files.pop(name, None):
                self._bytes -= len(kept.data)

    def _sweep(self) -> None:
        now = self._clock()
        while self._files:
            name, oldest = next(iter(self._files.items()))
            if oldest.until > now and (self._bytes <= self._most_bytes or len(self._files) == 1):
                return
            self._bytes -= len(oldest.data)
            del self._files[name]


class SharedDrawer(Drawer):
    """The same in the catalogue's database, for several app processes. There a file has no `until` that is told here."""

    def __init__(self, catalogue: Catalogue, *, keep_s: float = 3_600, most_bytes: int = 1_024 * _MIB) -> None:
        super().__init__(keep_s=keep_s)
        self._shared = SharedFiles(catalogue, keep_s, most_bytes)

    def put(self, data: bytes, kind: str = "", filename: str = "") -> str:
        name = secrets.token_urlsafe(16)
        self._shared.put(name, data, kind, filename)
        return name

    def get(self, name: str) -> Kept | None:
        found = self._shared.get(name)
        return None if found is None else Kept(*found, until=math.inf)

    def drop(self, name: str) -> None:
        self._shared.drop(name)

    def sweep(self) -> None:
        self._shared.sweep()

    def __len__(self) -> int:
        return len(self._shared)

    def _put_in_place(self, name: str, data: bytes, kind: str, filename: str) -> None:
        self._shared.put(name, data, kind, filename)


def sweeping(drawer: Drawer, every_s: float = 30.0) -> Callable[[object], AbstractAsyncContextManager[None]]:
    """The lifespan of an application in which files go in time, also while nobody asks for any."""

    @asynccontextmanager
    async def lifespan(_app: object) -> AsyncIterator[None]:
        async def sweep() -> None:
            while True:
                await asyncio.sleep(every_s)
                try:
                    await run_in_threadpool(drawer.sweep)  # where files are shared, a database is asked
                except OutfitError as error:
                    _LOG.warning("visitors' files are not swept now: %s", error)

        task = asyncio.create_task(sweep())
        try:
            yield
        finally:
            task.cancel()

    return lifespan


def standing_routes(samples: Path) -> list[Route]:
    """The files of the page that are the same for everybody."""
    shown = {path.name: path for path in sample_photos(samples)}

    def sample(request: Request) -> Response:
        path = shown.get(request.path_params["name"])
        return _missing() if path is None else _picture(path.read_bytes(), _A_WHILE)

    def font(request: Request) -> Response:
        path = _FONTS.get(request.path_params["name"])
        if path is None:
            return _missing()
        return Response(path.read_bytes(), media_type="font/woff2", headers={"Cache-Control": _A_WHILE})

    return [Route("/samples/{name}", sample), Route("/fonts/{name}", font)]


def routes(catalogue: Catalogue, drawer: Drawer) -> list[Route]:
    """What else the page asks for beside Gradio's own addresses. Paths never come from a request: only skus and names do."""

    def item_picture(request: Request) -> Response:
        try:
            data = catalogue.picture_bytes(request.path_params["sku"])
        except InvalidInput:
            return _missing()
        return _picture(data, _FOR_GOOD if "v" in request.query_params else _A_WHILE)

    def photo(request: Request) -> Response:
        kept = drawer.get(request.path_params["name"])
        return _missing() if kept is None or not kept.kind.startswith("image/") else _own(kept, "inline")

    def export(request: Request) -> Response:
        kept = drawer.get(request.path_params["name"])
        return _missing() if kept is None or not kept.kind else _own(kept, "attachment")

    async def upload(request: Request) -> Response:
        if is_from_elsewhere(request):
            return JSONResponse({"code": "invalid_input"}, 403)
        most = images.Limits().max_bytes
        data = bytearray()
        async for chunk in request.stream():
            data += chunk
            if len(data) > most:
                return JSONResponse({"code": "image_too_large"}, 413)
        name = await run_in_threadpool(drawer.put, bytes(data))
        return JSONResponse({"name": name, "step": "received"})  # said before the photo is even opened

    return [
        Route("/items/{sku:path}/picture", item_picture),
        Route("/photos", upload, methods=["POST"]),
        Route("/photos/{name}", photo),
        Route("/exports/{name}", export),
    ]


def is_from_elsewhere(request: Request) -> bool:
    """Did the page of another site send this? Browsers say so themselves."""
    return request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")


def sample_photos(folder: Path) -> list[Path]:
    """The sample photos that ship and show a garment, as `photos.json` beside them says."""
    entries = json.loads((folder / "photos.json").read_text(encoding="utf-8"))
    return [folder / entry["file"] for entry in entries if entry["garments"]]


def media_type(data: bytes) -> str:
    """Of a picture that the catalogue took in: those are of the kinds of `images.ACCEPTED`, told by their first bytes."""
    if data.startswith(b"\x89PNG"):
        return "image/png"
    if data[:4] == b"RIFF":
        return "image/webp"
    if data.startswith(b"GIF8"):
        return "image/gif"
    if data.startswith(b"BM"):
        return "image/bmp"
    return "image/avif" if data[4:8] == b"ftyp" else "image/jpeg"


def _picture(data: bytes, caching: str) -> Response:
    headers = {"Cache-Control": caching, "X-Content-Type-Options": "nosniff"}
    return Response(data, media_type=media_type(data), headers=headers)


def _own(kept: Kept, disposition: str) -> Response:
    headers = {"Cache-Control": _OWN, "X-Content-Type-Options": "nosniff"}
    headers["Content-Disposition"] = f'{disposition}; filename="{kept.filename}"' if kept.filename else disposition
    return Response(kept.data, media_type=kept.kind, headers=headers)


def _missing() -> Response:
    return JSONResponse({"error": {"code": "not_found", "message": "there is no such file"}}, 404)
