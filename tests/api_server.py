"""A real API server on loopback over a small real catalogue, for the tests of the API."""

from __future__ import annotations

import os
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

from assistant import compose, turn
from assistant.api.tokens import TABLE_NAME
from assistant.api.work import Drain
from assistant.server import Server
from assistant.settings import Settings
from retrieval import feeds, images
from retrieval.items import Detection

HEADER = "id,gender,articleType,baseColour,usage,price,currency,stock,productDisplayName\n"
KINDS = (
    ("Jeans", "Blue", (40, 60, 130)),
    ("Jeans", "Black", (20, 20, 25)),
    ("Tshirts", "White", (240, 240, 240)),
    ("Tshirts", "Navy Blue", (25, 30, 80)),
    ("Shirts", "White", (235, 238, 240)),
    ("Shirts", "Grey", (130, 130, 135)),
    ("Casual Shoes", "White", (230, 230, 228)),
    ("Casual Shoes", "Brown", (110, 70, 40)),
    ("Formal Shoes", "Black", (15, 15, 15)),
    ("Jackets", "Black", (25, 25, 28)),
    ("Backpacks", "Grey", (120, 122, 125)),
    ("Watches", "Silver", (190, 192, 195)),
)


def small_shop(folder: Path, **settings: Any) -> compose.Assistant:
    """Twelve men's items of flat colour, sku 1 to 12, at 10 to 120 euros, by the encoders without weights."""
    pictures = folder / "pictures"
    pictures.mkdir()
    rows = []
    for sku, (category, colour, rgb) in enumerate(KINDS, 1):
        garment(rgb).save(pictures / f"{sku}.png")
        rows.append(f"{sku},Men,{category},{colour},Casual,{10 * sku},EUR,5,Men {colour} {category}\n")
    (folder / "feed.csv").write_text(HEADER + "".join(rows))
    chosen = Settings.load(
        home=folder / "home",
        image_encoder="hashing",
        text_encoder="hashing",
        detector="whole-image",
        **{"tiktoken_cache": folder / "no-tables", **settings},
    )
    shelf = compose.open_shelf(chosen)
    shelf.ingest(feeds.read_feed(folder / "feed.csv"), pictures)
    return compose.build(chosen)


def tiktoken_folder() -> Path:
    """The folder with tiktoken's own table of cl100k_base, or a skip by name."""
    folder = Path(os.environ.get("TIKTOKEN_CACHE_DIR") or Path(tempfile.gettempdir()) / "data-gym-cache")
    if not (folder / TABLE_NAME).is_file():
        pytest.skip(f"tiktoken's table of cl100k_base is not in {folder} (set TIKTOKEN_CACHE_DIR)")
    return folder


def garment(rgb: tuple[int, int, int]) -> Image.Image:
    """Trousers of one colour on white."""
    picture = Image.new("RGB", (96, 128), "white")
    legs = [(30, 8), (66, 8), (72, 120), (54, 120), (48, 44), (42, 120), (24, 120)]
    ImageDraw.Draw(picture).polygon(legs, fill=rgb)
    return picture


def photo_url(rgb: tuple[int, int, int] = (40, 60, 130)) -> str:
    return images.to_data_url(garment(rgb))


@dataclass
class Waits:
    """A detector that works until its turn is cancelled, ten seconds at most."""

    begun: threading.Event = field(default_factory=threading.Event)
    cancelled: threading.Event = field(default_factory=threading.Event)
    name: str = "waits"

    def detect(self, image: Image.Image, labels: tuple[str, ...] = ()) -> list[Detection]:
        self.begun.set()
        end = time.monotonic() + 10
        while time.monotonic() < end:
            if turn.current().is_cancelled:
                self.cancelled.set()
                turn.current().check_cancelled()
            time.sleep(0.01)
        return []


@contextmanager
def serving(app: Any) -> Iterator[str]:
    """The address of an application that the real server serves, on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = Server(app, Drain(), patience_s=2)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        while not server.started:
            if not thread.is_alive():
                raise RuntimeError("the server did not start")
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(20)
