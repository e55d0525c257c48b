"""The catalogue in SQL: opening, reading, what it refuses, and that its migrations make the tables that the code reads."""

from __future__ import annotations

import re
import sqlite3
import threading
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import text

from retrieval import migrations
from retrieval.catalogue import Catalogue
from retrieval.errors import InvalidInput, InvalidSetting, SpaceMismatch, StoreEmpty, StoreError, StoreLocked
from retrieval.feed_rows import LONGEST, FeedRow, row_of
from retrieval.items import Swatch, View
from retrieval.ledger import IMAGE, TEXT, Change, Ledger, Photo, Stored, Vector
from retrieval.ports import Space
from retrieval.tables import metadata
from tests.faults import Shop, first_feed

SWATCHES = (Swatch("Navy Blue", "blue", (20.1, 3.25, -30.0), "#123456", 0.75), Swatch("White", "white", (99.0, 0.0, 0.0), "#fefefe", 0.25))


@pytest.fixture
def catalogue(tmp_path):
    with_items = Catalogue.open(tmp_path / "shop.db", create=True)
    yield with_items
    with_items.close()


def add(catalogue: Catalogue, sku: str, views: tuple[str, ...] = ("main",), folder: Path = Path("/nowhere"), **cells) -> Stored:
    """Write one item as an ingest does."""
    ledger = Ledger(catalogue)
    ledger.record_space(IMAGE, Space("grid", "1", "image", 48))
    ledger.record_space(TEXT, Space("letters", "1", "text", 36))
    store_id = ledger.image_store(str(folder))
    row = row_of({"sku": sku, "title": f"Item {sku}", "category": "Shirts", **cells}, 2)
    assert isinstance(row, FeedRow), row
    photos = tuple(
        Photo(View(name, f"{sku}_{name}.png", f"{at:064x}", 60, 80, SWATCHES), store_id, "1-2", 2**255 + at)
        for at, name in enumerate(views)
    )
    fresh = (Vector(TEXT, sku, "", "t", "c"), *(Vector(IMAGE, sku, name, "p", "c") for name in views))
    known = ledger.stored([sku]).get(sku)
    change = Change(known, row.item, photos, fresh, ())
    ledger.intend([change])
    ledger.settle([change])
    return ledger.stored([sku])[sku]


# --- opening --------------------------------------------------------------------------------------------------------------


def test_migrations_make_the_tables_that_the_code_reads(catalogue):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with catalogue.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        assert migrations.version(connection) == migrations.HEAD


def test_the_newest_migration_is_the_one_that_the_program_asks_for():
    files = sorted(Path(migrations.__file__).parent.glob("versions/[0-9]*.py"))
    numbers = [re.search(r'^revision = "(\d+)"', file.read_text(), re.MULTILINE)[1] for file in files]
    assert numbers == sorted(numbers) and numbers[-1] == migrations.HEAD
    assert all(file.name.startswith(number) for file, number in zip(files, numbers, strict=True))


def test_migrations_and_the_tables_agree_on_lengths(catalogue):
    """SQLite takes any length, so the widths are compared as they would be made elsewhere."""
    from alembic.config import Config
    from sqlalchemy.dialects import mysql, postgresql
    from sqlalchemy.schema import CreateTable

    for dialect in (mysql.dialect(), postgresql.dialect()):
        output = _offline_sql(dialect.name, Config)
        for table in metadata.sorted_tables:
            wanted = str(CreateTable(table).compile(dialect=dialect))
            columns = [line.strip().rstrip(",") for line in wanted.splitlines() if re.match(r"\s+`?\w+`? ", line)]
            for column in columns:
                if not column.startswith(("PRIMARY", "FOREIGN", "UNIQUE", "CONSTRAINT")):
                    assert column in output, f"{dialect.name}: {column}"


def _offline_sql(name: str, config_of) -> str:
    import io

    from alembic.migration import MigrationContext
    from alembic.operations import Operations
    from alembic.script import ScriptDirectory

    config = config_of()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    buffer = io.StringIO()
    context = MigrationContext.configure(dialect_name=name, opts={"as_sql": True, "output_buffer": buffer})
    with Operations.context(context):
        for script in reversed(list(ScriptDirectory.from_config(config).walk_revisions())):
            script.module.upgrade()
    return buffer.getvalue()


def test_opening_twice_at_once_makes_one_catalogue(tmp_path):
    wrong = []

    def opens():
        try:
            Catalogue.open(tmp_path / "shop.db", create=True).close()
        except Exception as error:  # noqa: BLE001 - reported below
            wrong.append(error)

    threads = [threading.Thread(target=opens) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_catalogue_that_is_not_there_says_how_to_fill_one(tmp_path):
    with pytest.raises(StoreEmpty, match="no catalogue at") as caught:
        Catalogue.open(tmp_path / "shop.db")
    assert "outfit ingest" in caught.value.hint
    assert not (tmp_path / "shop.db").exists()


def test_a_database_that_holds_something_else_is_no_catalogue(tmp_path):
    sqlite3.connect(tmp_path / "other.db").execute("CREATE TABLE notes (x)").connection.close()
    with pytest.raises(StoreEmpty, match="holds no catalogue"):
        Catalogue.open(tmp_path / "other.db")


def test_a_catalogue_of_a_newer_program_is_left_alone(tmp_path):
    Catalogue.open(tmp_path / "shop.db", create=True).close()
    with sqlite3.connect(tmp_path / "shop.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match="version 9999.*up to " + migrations.HEAD):
        Catalogue.open(tmp_path / "shop.db")


def test_a_file_that_is_no_database(tmp_path):
    (tmp_path / "shop.db").write_bytes(b"this is no database, though it is long enough to be taken for one" * 40)
    with pytest.raises(StoreError, match="not a database") as caught:
        Catalogue.open(tmp_path / "shop.db")
    assert caught.value.hint


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("://", InvalidSetting),
        ("nosuchengine://host/db", InvalidSetting),
        ("postgresql+nosuchdriver://host/db", StoreError),
        ("sqlite:////proc/no/such/place/shop.db", StoreError),
    ],
)
def test_urls_that_lead_nowhere(url, error):
    with pytest.raises(error) as caught:
        Catalogue.open(url, create=True)
    assert caught.value.hint


def test_a_password_is_never_shown():
    with pytest.raises(StoreError) as caught:
        Catalogue.open("postgresql+nosuchdriver://me:hunter2@host/db")
    assert "hunter2" not in str(caught.value) + caught.value.hint


def test_sqlite_keeps_what_is_acknowledged_through_a_power_cut(catalogue):
    with catalogue.reading() as connection:
        pragmas = [connection.execute(text(f"PRAGMA {name}")).scalar() for name in ("journal_mode", "synchronous", "foreign_keys")]
    assert pragmas == ["wal", 2, 1]  # https://www.sqlite.org/pragma.html#pragma_synchronous: 2 is FULL


def test_readers_go_on_while_a_writer_writes_and_see_all_or_nothing(catalogue):
    add(catalogue, "1")
    with catalogue.writing() as connection:
        connection.execute(text("UPDATE items SET state = 'retired'"))
        assert catalogue.count() == 1
    assert catalogue.count() == 0


def test_a_transaction_that_fails_leaves_nothing(catalogue):
    add(catalogue, "1")
    with pytest.raises(ZeroDivisionError), catalogue.writing() as connection:
        connection.execute(text("DELETE FROM items"))
        raise ZeroDivisionError
    assert catalogue.count() == 1


def test_a_database_that_somebody_else_keeps_locked(tmp_path, monkeypatch):
    monkeypatch.setattr("retrieval.databases.BUSY_S", 0.05)
    catalogue = Catalogue.open(tmp_path / "shop.db", create=True)
    other = sqlite3.connect(tmp_path / "shop.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreLocked), catalogue.writing():
        pass
    other.close()


# --- items ----------------------------------------------------------------------------------------------------------------


def test_an_item_comes_back_as_it_was_written(catalogue):
    cells = {
        "gender": "Girls", "sub_category": "Topwear", "master_category": "Apparel", "colour": "Navy Blue", "season": "Fall",
        "usage": "Casual", "year": "2012.0", "price": "1,299.05", "currency": "EUR", "stock": "4", "url": "https://a.example/1",
    }  # fmt: skip
    written = row_of({"sku": "1", "title": "Item 1", "category": "Shirts", **cells}, 2).item
    add(catalogue, "1", ("main", "back"), **cells)
    item = catalogue.item("1")
    assert item.views == (
        View("main", "1_main.png", f"{0:064x}", 60, 80, SWATCHES),
        View("back", "1_back.png", f"{1:064x}", 60, 80, SWATCHES),
    )
    assert (item.price, item.palette) == (Decimal("1299.05"), SWATCHES)
    assert catalogue.items(["1"])["1"].attributes == written.attributes
    assert Ledger(catalogue).stored(["1"])["1"].item == written


@pytest.mark.parametrize("title", ["👗 夏装 تيشيرت", "O'Neill; DROP TABLE items; --", 'He said "100 % %s"', "x" * LONGEST["title"]])
def test_text_comes_back_as_it_was_written(catalogue, title):
    add(catalogue, "1", title=title)
    assert catalogue.item("1").title == title


def test_skus_are_told_apart_by_case_and_sorted_by_code_point(catalogue):
    for sku in ("b", "A", "a", "B", "é", "10", "9"):
        add(catalogue, sku)
    assert [item.sku for item in catalogue.all_items(batch=3)] == ["10", "9", "A", "B", "a", "b", "é"]
    assert catalogue.items(["B", "zzz", "a", "B"]).keys() == {"B", "a"}
    assert list(catalogue.items(["b", "a", "9"])) == ["b", "a", "9"]


@pytest.mark.parametrize("batch", [1, 2, 5, 100])
def test_all_items_come_once_with_their_views_whatever_the_batch(catalogue, batch):
    for i in range(5):
        add(catalogue, str(i), ("main", "2") if i % 2 else ("main",))
    found = list(catalogue.all_items(batch=batch))
    assert [item.sku for item in found] == ["0", "1", "2", "3", "4"]
    assert [len(item.views) for item in found] == [1, 2, 1, 2, 1]


def test_only_what_is_ready_is_seen(catalogue):
    for sku, state in (("1", "ready"), ("2", "pending"), ("3", "retired")):
        add(catalogue, sku)
        with catalogue.writing() as connection:
            connection.execute(text("UPDATE items SET state = :state WHERE sku = :sku"), {"state": state, "sku": sku})
    assert catalogue.items(["1", "2", "3"]).keys() == {"1"}
    assert catalogue.item("2") is None
    assert [item.sku for item in catalogue.all_items()] == ["1"]
    assert [catalogue.count(state) for state in ("ready", "pending", "retired")] == [1, 1, 1]


def test_more_skus_than_an_engine_takes_at_once(catalogue):
    add(catalogue, "7")
    assert catalogue.items([str(i) for i in range(40_000)]).keys() == {"7"}


def test_categories_by_frequency(catalogue):
    for sku, category in (("1", "Jeans"), ("2", "Shirts"), ("3", "Jeans"), ("4", "Belts"), ("5", "Watches")):
        add(catalogue, sku, category=category)
    with catalogue.writing() as connection:
        connection.execute(text("UPDATE items SET state = 'retired' WHERE sku = '5'"))
    assert catalogue.categories() == ["Jeans", "Belts", "Shirts"]


def test_usages_and_genders_are_counted_by_category_and_prices_told_of(catalogue):
    assert catalogue.counts("usage") == catalogue.counts("gender") == {} and not catalogue.has_prices()
    for sku, usage in (("1", "Casual"), ("2", "Casual"), ("3", "Sports"), ("4", None)):
        add(catalogue, sku, category="Shorts", usage=usage)
    assert catalogue.counts("gender") == {"Shorts": {"Unisex": 4}}
    assert catalogue.counts("usage") == {"Shorts": {"Casual": 2, "Sports": 1}} and not catalogue.has_prices()
    add(catalogue, "5", category="Shorts", price=Decimal("9.90"), currency="EUR")
    assert catalogue.has_prices()


def test_an_empty_catalogue_answers_everything(catalogue):
    assert catalogue.items([]) == catalogue.items(["1"]) == {}
    assert list(catalogue.all_items()) == catalogue.categories() == catalogue.runs() == catalogue.rejects() == []
    assert (catalogue.count(), catalogue.spaces(), catalogue.vector_count("image")) == (0, {}, 0)


def test_many_threads_read_at_once(catalogue):
    for i in range(20):
        add(catalogue, str(i))
    wrong = []

    def reads():
        for _ in range(20):
            if len(catalogue.items([str(i) for i in range(20)])) != 20:
                wrong.append("missing")

    threads = [threading.Thread(target=reads) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


# --- pictures and spaces ----------------------------------------------------------------------------------------------------


def test_pictures_come_from_where_the_ingest_found_them(tmp_path):
    shop = Shop(tmp_path / "shop")
    first_feed(shop)
    with shop.open() as opened:
        opened.run()
        assert opened.catalogue.picture("5").size == (12, 16)
        assert opened.catalogue.picture_bytes("5", "back") == (shop.photos / "5_back.png").read_bytes()
        with pytest.raises(InvalidInput, match="view 'front' of item '5'"):
            opened.catalogue.picture("5", "front")
        with pytest.raises(InvalidInput, match="item 'nobody'"):
            opened.catalogue.picture_bytes("nobody")
        (shop.photos / "5.png").unlink()
        with pytest.raises(StoreError, match="'5.png' cannot be read"):
            opened.catalogue.picture("5")


def test_a_path_in_the_database_cannot_lead_out_of_the_store(tmp_path, catalogue):
    (tmp_path / "secret.png").write_bytes(b"secret")
    (tmp_path / "photos").mkdir()
    add(catalogue, "1", folder=tmp_path / "photos")
    with catalogue.writing() as connection:
        connection.execute(text("UPDATE views SET path = '../secret.png'"))
    with pytest.raises(InvalidInput, match="not a plain path"):
        catalogue.picture_bytes("1")


def test_a_space_is_recorded_and_another_one_of_the_same_dimension_is_refused(catalogue):
    ledger = Ledger(catalogue)
    ours, theirs = Space("grid", "1", "image", 48), Space("grid", "2", "image", 48)
    catalogue.check_space("image", theirs)
    ledger.record_space("image", ours)
    catalogue.check_space("image", ours)
    assert catalogue.spaces() == {"image": ours}
    with pytest.raises(SpaceMismatch, match="'grid' .revision 1, 48.*'grid' .revision 2, 48") as caught:
        catalogue.check_space("image", theirs)
    assert "outfit rebuild" in caught.value.hint


def test_vectors_of_another_space_count_as_not_written(catalogue):
    add(catalogue, "1")
    assert (catalogue.vector_count("image"), catalogue.vector_count("text")) == (1, 1)
    Ledger(catalogue).record_space("image", Space("grid", "2", "image", 48))
    assert (catalogue.vector_count("image"), catalogue.vector_count("text")) == (0, 1)
    assert Ledger(catalogue).unfinished() == ["1"]
