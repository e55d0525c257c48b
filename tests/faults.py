"""A small shop, small real encoders, an index that is a file, and a process that kills itself at a chosen line.

Run as a program it kills ingests at seeded points and prints what it found: `python -m tests.faults FOLDER --points 300`,
on a private database server with `--database mariadb` or `postgresql`. `--items 40000` kills ingests of that many items
instead and tells how long it takes until nothing unfinished is left.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import shutil
import signal
import sqlite3
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from sqlalchemy import create_engine, insert, select, text

from retrieval.catalogue import Catalogue
from retrieval.databases import is_server
from retrieval.errors import StoreLocked
from retrieval.feeds import read_feed
from retrieval.indexes.exact import ExactIndex
from retrieval.ingest import Summary, ingest
from retrieval.items import Swatch
from retrieval.ports import Space, Where
from retrieval.tables import metadata

HEADER = "id,gender,articleType,baseColour,productDisplayName,price,currency,stock"


class GridEncoder:
    """Mean colours of a 4 x 4 grid."""

    def __init__(self, revision: str = "1") -> None:
        self.space = Space("grid", revision, "image", 48)
        self.seen = 0

    def encode_images(self, images: Sequence[Image.Image]) -> np.ndarray:
        self.seen += len(images)
        rows = [np.asarray(image.resize((4, 4), Image.Resampling.BOX), dtype=np.float32).ravel() + 1 for image in images]
        return _unit(rows, 48)


class LetterEncoder:
    """How often each letter occurs."""

    def __init__(self, revision: str = "1") -> None:
        self.space = Space("letters", revision, "text", 36)
        self.seen = 0

    def encode_documents(self, texts: Sequence[str]) -> np.ndarray:
        self.seen += len(texts)
        letters = "abcdefghijklmnopqrstuvwxyz0123456789"
        return _unit([np.array([text.lower().count(c) + 0.01 for c in letters], dtype=np.float32) for text in texts], 36)

    encode_queries = encode_documents


def _unit(rows: list[np.ndarray], dim: int) -> np.ndarray:
    matrix = np.array(rows, dtype=np.float32).reshape(-1, dim)
    return matrix / np.linalg.norm(matrix, axis=1, keepdims=True)


def mean_colour(image: Image.Image) -> tuple[Swatch, ...]:
    red, green, blue = (float(v) for v in np.asarray(image, dtype=np.float64).mean(axis=(0, 1)))
    return (Swatch("Some", "some", (red, green, blue), f"#{int(red):02x}{int(green):02x}{int(blue):02x}", 1.0),)


class FileIndex:
    """Port `VectorIndex` over a SQLite file: what has been written is there after a kill."""

    def __init__(self, path: Path, space: Space) -> None:
        self.space = space
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = OFF")  # a killed process loses nothing by it, only a power cut would
        self._db.execute("CREATE TABLE IF NOT EXISTS rows (id TEXT PRIMARY KEY, vector BLOB, columns TEXT)")

    def upsert(self, ids: Sequence[str], vectors: np.ndarray, columns: Sequence[Mapping[str, str | float]]) -> None:
        rows = [
            (id_, vector.astype(np.float32).tobytes(), json.dumps(values, sort_keys=True))
            for id_, vector, values in zip(ids, vectors, columns, strict=True)
        ]
        half = len(rows) // 2  # two writes, so that a kill can come between them
        for part in (rows[:half], rows[half:]):
            self._db.executemany("INSERT OR REPLACE INTO rows VALUES (?, ?, ?)", part)

    def fetch(self, ids: Sequence[str]) -> dict[str, np.ndarray]:
        found = {}
        for id_ in ids:
            row = self._db.execute("SELECT vector FROM rows WHERE id = ?", (id_,)).fetchone()
            if row:
                found[id_] = np.frombuffer(row[0], dtype=np.float32)
        return found

    def delete(self, ids: Sequence[str]) -> None:
        for id_ in ids:
            self._db.execute("DELETE FROM rows WHERE id = ?", (id_,))

    def search(
        self, query: np.ndarray, k: int, where: Where | None = None, exclude: frozenset[str] = frozenset()
    ) -> list[tuple[str, float]]:
        exact = ExactIndex(self.space)
        rows = self._db.execute("SELECT id, vector, columns FROM rows").fetchall()
        if rows:
            vectors = np.stack([np.frombuffer(vector, dtype=np.float32) for _, vector, _ in rows])
            exact.upsert([id_ for id_, _, _ in rows], vectors, [json.loads(columns) for _, _, columns in rows])
        return exact.search(query, k, where, exclude)

    def rows(self) -> dict[str, tuple[bytes, str]]:
        return {id_: (vector, columns) for id_, vector, columns in self._db.execute("SELECT * FROM rows")}

    def __len__(self) -> int:
        return self._db.execute("SELECT count(*) FROM rows").fetchone()[0]

    def close(self) -> None:
        self._db.close()


class Shop:
    """A folder with a feed, photos, a catalogue (in it, or at `url`) and two indexes. `write` makes the feed."""

    def __init__(self, folder: Path, url: str | None = None) -> None:
        self.folder = folder
        self.url = url or f"sqlite:///{(folder / 'shop.db').absolute()}"
        self.photos = folder / "photos"
        self.photos.mkdir(parents=True, exist_ok=True)
        self.feed = folder / "feed.csv"

    def photo(self, name: str, seed: int) -> None:
        pixels = np.random.default_rng(seed).integers(0, 256, (4, 3, 3), dtype=np.uint8)
        image = Image.fromarray(pixels).resize((12, 16), Image.Resampling.BICUBIC)
        buffer = io.BytesIO()
        image.save(buffer, "PNG")
        (self.photos / name).write_bytes(buffer.getvalue())

    def write(self, rows: Sequence[str]) -> None:
        self.feed.write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8")

    def open(self) -> Open:
        return Open(self, url=self.url)


class Open:
    """An open shop: catalogue and indexes; a context manager."""

    def __init__(self, shop: Shop, revision: str = "1", url: str | None = None) -> None:
        self.shop = shop
        self.images, self.texts = GridEncoder(revision), LetterEncoder(revision)
        self.catalogue = Catalogue.open(url or shop.url, create=True)
        self.pictures = FileIndex(shop.folder / "pictures.db", self.images.space)
        self.titles = FileIndex(shop.folder / "titles.db", self.texts.space)

    def __enter__(self) -> Open:
        return self

    def __exit__(self, *_: object) -> None:
        for part in (self.catalogue, self.pictures, self.titles):
            part.close()

    @property
    def parts(self) -> dict:
        return {
            "catalogue": self.catalogue,
            "image_encoder": self.images,
            "text_encoder": self.texts,
            "image_index": self.pictures,
            "text_index": self.titles,
            "measure_palette": mean_colour,
        }

    def run(self, **options) -> Summary:
        return ingest(read_feed(self.shop.feed), self.shop.photos, **self.parts, **{"batch_size": 4, **options})

    def state(self) -> dict:
        """Everything that was written, but for runs and numbers that only count up."""
        tables = {}
        with self.catalogue.reading() as connection:
            for table in metadata.sorted_tables:
                if table.name not in ("runs", "rejects"):
                    tables[table.name] = sorted(map(repr, connection.execute(select(table)).all()))
            runs = connection.execute(select(metadata.tables["rejects"].c.run_id).distinct()).scalars().all()
        rejects = sorted((r.line, r.sku, r.reason, r.raw) for r in self.catalogue.rejects())
        return {
            **tables,
            "rejects": rejects,
            "runs with rejects": len(runs),
            "pictures": self.pictures.rows(),
            "titles": self.titles.rows(),
        }

    def faults(self) -> list[str]:
        """What must never be, at any moment: ready items without their vectors, vectors that SQL does not know."""
        found = []
        with self.catalogue.reading() as connection:
            vectors = connection.execute(select(metadata.tables["vectors"])).all()
        pictures, titles = self.pictures.rows(), self.titles.rows()
        known = {"image": set(), "text": set()}
        for row in vectors:
            known[row.collection].add(f"{row.sku}/{row.view}" if row.collection == "image" else row.sku)
        found += [f"orphan picture {id_}" for id_ in pictures.keys() - known["image"]]
        found += [f"orphan title {id_}" for id_ in titles.keys() - known["text"]]
        for item in self.catalogue.all_items():
            if item.sku not in titles:
                found.append(f"{item.sku} is ready without its title's vector")
            if not item.views:
                found.append(f"{item.sku} is ready without a photo")
            found += [
                f"{item.sku}/{view.name} is ready without its vector"
                for view in item.views
                if f"{item.sku}/{view.name}" not in pictures
            ]
        return found


def first_feed(shop: Shop) -> None:
    """24 products: some with two photos, some broken, one without a photo, one whose photo is none."""
    rows = []
    for i in range(24):
        rows.append(f"{i},Men,Shirts,Blue,Shirt number {i},{10 + i}.50,EUR,{i % 4}")
        if i != 7:
            shop.photo(f"{i}.png", seed=i)
        if i % 5 == 0:
            shop.photo(f"{i}_back.png", seed=100 + i)
    rows.insert(3, "broken")
    rows.insert(9, "5,Men,Shirts,Blue,The same id again,1,EUR,1")
    (shop.photos / "11.png").write_bytes(b"\x89PNG\r\n\x1a\n and nothing more")
    shop.write(rows)


def second_feed(shop: Shop) -> None:
    """The next day: titles, prices, stock and photos changed, some products gone, some new, a photo gone, one repaired."""
    rows = []
    for i in range(28):
        if i in (2, 3, 20):
            continue
        title = f"Better shirt {i}" if i % 6 == 0 else f"Shirt number {i}"
        price = 99 if i % 4 == 1 else 10.5 + i
        rows.append(f"{i},{'Women' if i == 13 else 'Men'},Shirts,Blue,{title},{price:.2f},EUR,{i % 4 if i % 3 else 9}")
        if i >= 24 or i == 11 or i % 7 == 4:
            shop.photo(f"{i}.png", seed=1000 + i)
    (shop.photos / "5_back.png").unlink(missing_ok=True)
    shop.write(rows)


# --- killing ------------------------------------------------------------------------------------------------------------


def _count_lines(stop_at: int | None) -> list[int]:
    """Count the lines executed where photos are read and anything is written; at `stop_at` this process is killed.

    Over all threads. Lines that only parse the feed are left out: nothing is written while they run.
    """
    count = [0]
    names = ("ingest", "pipeline", "ledger", "catalogue", "databases", "writer", "photos", "stores", "migrations/")
    rooms = (*(str(Path(__file__).resolve().parents[1] / "retrieval" / name) for name in names), __file__)

    def on_line(frame, event, arg):
        if event == "line":
            count[0] += 1
            if count[0] == stop_at:
                os.kill(os.getpid(), signal.SIGKILL)
        return on_line

    def on_call(frame, event, arg):
        return on_line if frame.f_code.co_filename.startswith(rooms) else None

    threading.settrace(on_call)
    sys.settrace(on_call)
    return count


def _in_child(shop: Shop, stop_at: int | None) -> tuple[bool, int, set[str]]:
    """Ingest in a forked process: whether it ended by itself, lines counted, and every sku that was seen to be ready."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(reader)
            pipe = os.fdopen(writer, "w")
            count = _count_lines(stop_at)
            with shop.open() as opened:
                told: set[str] = set()
                other = create_engine(shop.url)  # a reader beside the writer

                def tell(_):
                    with other.connect() as connection:
                        rows = connection.execute(text("SELECT sku FROM items WHERE state = 'ready'"))
                        ready = {sku for (sku,) in rows} - told
                    told.update(ready)
                    pipe.write("".join(f"{sku}\n" for sku in sorted(ready)))
                    pipe.flush()

                opened.run(progress=tell)
            sys.settrace(None)
            pipe.write(f"lines {count[0]}\n")
            pipe.flush()
            os._exit(0)
        except BaseException as error:  # noqa: BLE001 - a forked child must never return into its parent's code
            sys.settrace(None)
            print(f"child: {type(error).__name__}: {error}", file=sys.stderr)
            os._exit(1)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        said = pipe.read().split("\n")
    _, status = os.waitpid(pid, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        raise AssertionError("the ingest failed by itself; see above")
    lines = next((int(text.split()[1]) for text in said if text.startswith("lines ")), 0)
    return os.WIFEXITED(status), lines, {text for text in said[:-1] if text and not text.startswith("lines ")}


def kill_ingests(folder: Path, points: int, seed: int, fresh: Callable[[], str] | None = None) -> dict:
    """Kill ingests at seeded lines, end each by a second run, compare with a run that nobody disturbed.

    Half of them bring in the first feed, half the second one over it. `fresh` gives the URL of an empty database; None:
    SQLite in the folder. Returns counts, and what was wrong in words.
    """
    dice = random.Random(seed)
    wrong: list[str] = []
    counts: Counter[str] = Counter()
    place = folder / "shop"  # always the same, since the catalogue records where photos lie
    expected, lines, rows = [], [], []

    def shop_with(tables: Tables) -> Shop:
        shop = Shop(place, fresh() if fresh else None)
        if fresh and tables:
            restore(shop.url, tables)
        return shop

    tables: Tables = {}
    for stage, write in enumerate((first_feed, second_feed)):
        shop = shop_with(tables)
        write(shop)
        rows.append(tables)
        _copy(place, folder / f"before-{stage}")
        ended, counted, _ = _in_child(shop, None)
        assert ended
        lines.append(counted)
        with shop.open() as opened:
            expected.append(opened.state())
            wrong += opened.faults()
        tables = dump(shop.url) if fresh else {}
    for point in range(points):
        stage = point % 2
        stop_at = dice.randrange(1, lines[stage])
        _copy(folder / f"before-{stage}", place)
        shop = shop_with(rows[stage])
        ended, _, acknowledged = _in_child(shop, stop_at)
        counts["ended before the kill" if ended else "killed"] += 1
        counts["acknowledged rows"] += len(acknowledged)
        where = f"point {point} (feed {stage + 1}, line {stop_at} of {lines[stage]})"
        with shop.open() as opened:
            ready = {item.sku for item in opened.catalogue.all_items()}
            if stage == 0 and acknowledged - ready:  # the second feed takes some away
                wrong.append(f"{where}: acknowledged and lost: {sorted(acknowledged - ready)}")
            wrong += [f"{where}: {fault}" for fault in opened.faults()]
            run_when_free(opened)
            state = opened.state()
            wrong += [f"{where}: {name} differs after the next run" for name in state if state[name] != expected[stage][name]]
            wrong += [f"{where}, next run: {fault}" for fault in opened.faults()]
            encoded = opened.images.seen, opened.texts.seen
            opened.run()
            if opened.state() != state or encoded != (opened.images.seen, opened.texts.seen):
                wrong.append(f"{where}: a third run changes something")
    return {"points": points, "seed": seed, **counts, "wrong": wrong}


def run_when_free(opened: Open, **options) -> Summary:
    """The next run. A database server may take a moment to see that the killed client is gone and its lock is free."""
    for attempt in range(100):
        try:
            return opened.run(**options)
        except StoreLocked:
            if attempt == 99 or not is_server(opened.catalogue.url):
                raise
            time.sleep(0.1)
    raise AssertionError("unreachable")


def recovery(folder: Path, items: int, points: int, seed: int, fresh: Callable[[], str] | None = None) -> dict:
    """Kill ingests of many items near their end, and time until nothing unfinished is left: opening, and a run of one row."""
    dice, seconds, wrong = random.Random(seed), [], []
    place = folder / "shop"
    shop = Shop(place, fresh() if fresh else None)
    for number in range(50):
        shop.photo(f"{number}.png", seed=number)
    photos = [(shop.photos / f"{number}.png").read_bytes() for number in range(50)]
    for i in range(items):
        (shop.photos / f"{i}.png").write_bytes(photos[i % 50])
    lines = [f"{i},Men,Shirts,Blue,Shirt number {i},10.50,EUR,1" for i in range(items)]
    with shop.open() as opened:
        shop.write(lines)
        opened.run(batch_size=64)
    for point in range(points):
        changed = [line.replace("Shirt number", f"Shirt {point} number") if dice.random() < 0.05 else line for line in lines]
        shop.write(changed)
        pid = os.fork()
        if pid == 0:
            with shop.open() as opened:
                opened.run(batch_size=64)
            os._exit(0)
        time.sleep(dice.uniform(2.0, 8.0))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        shop.write(changed[:1])
        began = time.perf_counter()
        with shop.open() as opened:
            run_when_free(opened, batch_size=64, full=False)
            seconds.append(round(time.perf_counter() - began, 2))
            wrong += opened.faults()
            if opened.catalogue.count() != items:
                wrong.append(f"point {point}: {opened.catalogue.count()} items of {items}")
    return {"items": items, "points": points, "seed": seed, "recovery_s": seconds, "wrong": wrong}


# --- a database's rows, taken out and put back ----------------------------------------------------------------------------

Tables = dict[str, list[dict]]


def dump(url: str) -> Tables:
    engine = create_engine(url)
    with engine.connect() as connection:
        found = {
            table.name: [dict(row._mapping) for row in connection.execute(select(table))] for table in metadata.sorted_tables
        }
    engine.dispose()
    return found


def restore(url: str, tables: Tables) -> None:
    """Put rows into an empty database, with its counters set on."""
    Catalogue.open(url, create=True).close()
    engine = create_engine(url)
    with engine.begin() as connection:
        for table in metadata.sorted_tables:
            if rows := tables[table.name]:
                connection.execute(insert(table), rows)
            if engine.dialect.name == "postgresql" and rows and "id" in table.c and table.c.id.autoincrement:
                last = max(row["id"] for row in rows)
                sequence = f"pg_get_serial_sequence('{table.name}', 'id')"
                if isinstance(last, int):
                    connection.execute(text(f"SELECT setval({sequence}, {last})"))
    engine.dispose()


def _copy(source: Path, target: Path) -> Path:
    """A copy with the photos' times, which tell whether they have changed."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)
    return target


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--points", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--database", choices=["sqlite", "mariadb", "postgresql"], default="sqlite")
    parser.add_argument("--items", type=int, help="time the recovery of a catalogue of that many items")
    chosen = parser.parse_args()
    server = None
    if chosen.database != "sqlite":
        from tests.databases import SERVERS

        server = SERVERS[chosen.database]()
    fresh = server.fresh if server else None
    try:
        if chosen.items:
            found = recovery(chosen.folder, chosen.items, chosen.points, chosen.seed, fresh)
        else:
            found = kill_ingests(chosen.folder, chosen.points, chosen.seed, fresh)
    finally:
        if server:
            server.stop()
    print(json.dumps({"database": chosen.database, **found}, indent=1))
    sys.exit(bool(found["wrong"]))
