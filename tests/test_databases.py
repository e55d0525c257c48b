"""The catalogue on SQLite, MariaDB and PostgreSQL: the same results and the same refusals, and what each server's troubles say."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import event, inspect, text

from retrieval import migrations
from retrieval.catalogue import Catalogue
from retrieval.databases import address_of, server_lock
from retrieval.errors import InvalidInput, InvalidSetting, StoreEmpty, StoreError, StoreLocked
from retrieval.feed_rows import LONGEST, Reject, row_of
from retrieval.ledger import IMAGE, Ledger
from retrieval.ports import Space
from retrieval.tables import metadata
from retrieval.writer import only_writer
from tests import databases
from tests.faults import Open, Shop, first_feed, kill_ingests, second_feed
from tests.test_catalogue import add


@pytest.fixture
def catalogue(database_url):
    opened = Catalogue.open(database_url, create=True)
    yield opened
    opened.close()


@pytest.fixture(params=databases.SERVERS)
def server(request, database_servers) -> databases.Server:
    return database_servers(request.param)


# --- the same on every engine -------------------------------------------------------------------------------------------------


def test_migrations_make_the_tables_that_the_code_reads(catalogue):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with catalogue.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        assert migrations.version(connection) == migrations.HEAD


def test_an_empty_database_is_no_catalogue_until_one_is_made(database_url):
    with pytest.raises(StoreEmpty):
        Catalogue.open(database_url)
    Catalogue.open(database_url, create=True).close()
    Catalogue.open(database_url).close()


def test_opening_at_once_makes_one_catalogue(database_url):
    wrong = []

    def opens():
        try:
            Catalogue.open(database_url, create=True).close()
        except Exception as error:  # noqa: BLE001 - reported below
            wrong.append(error)

    threads = [threading.Thread(target=opens) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_new_sqlite_files_opened_at_once_wait_for_each_other(tmp_path):
    """To begin its log, SQLite does not wait by itself: of four that open a new file, one in about thirty was refused."""
    for number in range(25):
        with ThreadPoolExecutor(4) as pool:
            url = f"sqlite:///{tmp_path / str(number)}.db"
            opened = list(pool.map(lambda at: Catalogue.open(at, create=True), [url] * 4))
        for catalogue in opened:
            catalogue.close()


def test_the_same_feeds_give_the_same_state(tmp_path, database_url, monkeypatch):
    """Two feeds one after the other, with broken rows and photos: every table is as on SQLite, row for row."""
    states = []
    for url in (f"sqlite:///{tmp_path / 'other.db'}", database_url):
        shop = Shop(tmp_path / "shop")  # the same place, as SQL records it
        for path in (*shop.photos.iterdir(), shop.folder / "pictures.db", shop.folder / "titles.db"):
            path.unlink(missing_ok=True)
        for write in (first_feed, second_feed):
            write(shop)
            for file in shop.photos.iterdir():
                os.utime(file, (1_700_000_000, 1_700_000_000))  # SQL keeps what tells that a file has changed
            with Open(shop, url=url) as opened:
                opened.run()
                states.append(opened.state())
                assert opened.faults() == []
    assert states[:2] == states[2:]


TEXTS = ["👗 夏装 تيشيرت", "O'Neill; DROP TABLE items; --", 'He said "100 % %s :name"', "\\", "x" * LONGEST["title"], "👗" * LONGEST["title"]]


@pytest.mark.parametrize("title", TEXTS, ids=range(len(TEXTS)))
def test_text_comes_back_as_it_was_written(catalogue, title):
    add(catalogue, "1", title=title)
    assert catalogue.item("1").title == title


@pytest.mark.parametrize("cell", ["a\0b", "x" * 65_536, "\ud83d", "a\x1bb"], ids=["NUL", "64 KB", "half an emoji", "escape"])
@pytest.mark.parametrize("name", ["sku", "title", "colour"])
def test_what_no_engine_could_keep_is_refused_before_it_gets_there(name, cell):
    row = row_of({"sku": "1", "title": "Shirt", "category": "Shirts", name: cell}, 2)
    assert isinstance(row, Reject) and name in row.reason


def test_what_was_refused_is_kept_with_its_reason(catalogue):
    row = row_of({"sku": "1", "title": "👗\0" + "x" * 65_536, "category": "Shirts"}, 7)
    run = Ledger(catalogue).begin_run("夏\udcff.csv", True)
    Ledger(catalogue).add_rejects(run, [row])
    assert catalogue.rejects(run) == [row]
    assert catalogue.runs()[0].feed == "夏\\udcff.csv"


def test_ids_are_told_apart_by_case_and_accent_and_sorted_by_code_point(catalogue):
    for sku in ("b", "A", "a", "B", "é", "e", "10", "9", "👗"):
        add(catalogue, sku)
    assert [item.sku for item in catalogue.all_items(batch=3)] == ["10", "9", "A", "B", "a", "b", "e", "é", "👗"]
    assert catalogue.items(["B", "zzz", "a", "E"]).keys() == {"B", "a"}


@pytest.mark.parametrize("asked", ["1 ", " 1", "1\0", "1\n", "\udcff", "x" * 70_000, ""])
def test_an_id_that_is_nearly_one_of_the_catalogue_is_none(catalogue, asked):
    add(catalogue, "1")
    assert catalogue.items([asked]) == {} and catalogue.item(asked) is None
    with pytest.raises(InvalidInput, match="no picture of item"):
        catalogue.picture_bytes(asked)
    with pytest.raises(InvalidInput, match="no picture of view"):
        catalogue.picture_bytes("1", "main ")


def test_spaces_around_an_id_of_the_feed_do_not_count():
    assert row_of({"sku": " A  1 ", "title": "Shirt", "category": "Shirts"}, 2).item.sku == "A 1"


def test_views_that_differ_by_a_space_at_their_end_are_one(tmp_path, database_url):
    shop = Shop(tmp_path / "shop")
    shop.write(["5,Men,Shirts,Blue,Shirt,1,EUR,1"])
    for name in ("5.png", "5_back.png", "5_back .png"):
        shop.photo(name, seed=1)
    with Open(shop, url=database_url) as opened:
        opened.run()
        assert [view.name for view in opened.catalogue.item("5").views] == ["main", "back"]


def test_a_transaction_that_fails_leaves_nothing(catalogue):
    add(catalogue, "1")
    with pytest.raises(ZeroDivisionError), catalogue.writing() as connection:
        connection.execute(text("DELETE FROM views"))
        raise ZeroDivisionError
    assert catalogue.item("1").views


def test_readers_go_on_while_a_writer_writes_and_see_all_or_nothing(catalogue):
    add(catalogue, "1")
    with catalogue.writing() as connection:
        connection.execute(text("UPDATE items SET state = 'retired'"))
        assert catalogue.count() == 1
    assert catalogue.count() == 0


def test_more_skus_than_an_engine_takes_at_once(catalogue):
    add(catalogue, "7")
    assert catalogue.items([str(i) for i in range(5_000)]).keys() == {"7"}


def test_text_that_does_not_fit_is_an_error_and_never_cut(server):
    catalogue = Catalogue.open(server.fresh(), create=True)
    with pytest.raises(StoreError):
        Ledger(catalogue).record_space(IMAGE, Space("m" * 201, "1", "image", 48))
    assert catalogue.spaces() == {}
    catalogue.close()


# --- one writer -----------------------------------------------------------------------------------------------------------------


def test_a_second_writer_is_told_who_writes(catalogue):
    with only_writer(catalogue, "ingest of spring.csv"):
        with pytest.raises(StoreLocked, match=f"process {os.getpid()} on .*ingest of spring.csv"), only_writer(catalogue, "x"):
            pass
    with only_writer(catalogue, "afterwards"):
        pass


def test_a_writer_on_another_machine_is_seen_by_the_server(server, monkeypatch):
    """Another machine has no part in the lock file of this one: the server's own lock says it."""
    mine, theirs = (Catalogue.open(url, create=True) for url in [server.fresh()] * 2)
    Ledger(theirs).begin_run("spring.csv", True)
    with server_lock(theirs.engine, "writer") as is_held:
        assert is_held
        with pytest.raises(StoreLocked, match="another machine .ingest of spring.csv"), only_writer(mine, "x"):
            pass
    with only_writer(mine, "afterwards"):
        pass
    for each in (mine, theirs):
        each.close()


def test_a_writer_that_fails_lets_go(catalogue):
    with pytest.raises(ZeroDivisionError), only_writer(catalogue, "fails"):
        raise ZeroDivisionError
    with only_writer(catalogue, "afterwards"):
        pass


def test_the_lock_of_a_killed_writer_is_free(server):
    url = server.fresh()
    catalogue = Catalogue.open(url, create=True)
    code = (
        "import os, signal\nfrom retrieval.catalogue import Catalogue\nfrom retrieval.writer import only_writer\n"
        f"with only_writer(Catalogue.open({url!r}), 'a long job'):\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == -signal.SIGKILL
    with server_lock(catalogue.engine, "writer", wait_s=20) as is_held:  # the server has to notice that the client is gone
        assert is_held
    catalogue.close()


def test_killed_anywhere_the_next_run_ends_what_was_begun(tmp_path, server):
    """A few of the points that `python -m tests.faults FOLDER --database mariadb|postgresql --points 100` goes through."""
    found = kill_ingests(tmp_path, points=2, seed=7, fresh=server.fresh)
    assert found["wrong"] == [] and found["killed"] == 2


# --- migrations that were interrupted -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("after", [1, 4, 9])
def test_a_migration_that_was_cut_off_is_finished_by_the_next_start(server, monkeypatch, after):
    url = server.fresh()
    made = [0]

    def cut(connection, cursor, statement, *_):
        made[0] += statement.lstrip().upper().startswith("CREATE")
        if made[0] > after:
            raise KeyboardInterrupt

    from sqlalchemy import Engine

    event.listen(Engine, "before_cursor_execute", cut)
    try:
        with pytest.raises(KeyboardInterrupt):
            Catalogue.open(url, create=True)
    finally:
        event.remove(Engine, "before_cursor_execute", cut)
    catalogue = Catalogue.open(url, create=True)
    with catalogue.reading() as connection:
        tables = inspect(connection)
        for table in metadata.sorted_tables:
            assert {index.name for index in table.indexes} <= {index["name"] for index in tables.get_indexes(table.name)}
    add(catalogue, "1")
    assert catalogue.count() == 1
    catalogue.close()


# --- what goes wrong --------------------------------------------------------------------------------------------------------------


def refusal(url: str, **options) -> StoreError:
    with pytest.raises(StoreError) as caught:
        Catalogue.open(url, **options)
    message = f"{caught.value} {caught.value.hint}"
    assert databases.PASSWORD not in message and "p%40ss" not in message
    return caught.value


def test_a_server_that_is_not_there(server):
    error = refusal(server.url(port=databases.free_port()), create=True)
    assert "cannot be reached" in str(error) and "127.0.0.1" in str(error)
    assert "OUTFIT_CATALOGUE_URL" in error.hint and "outfit doctor" in error.hint


def test_a_host_that_does_not_exist(server):
    assert "cannot be reached" in str(refusal(server.url(host="no-such-host.invalid"), create=True))


@pytest.mark.parametrize("changes", [{"password": "wrong"}, {"username": "nobody"}, {"password": None}], ids=["password", "user", "none"])
def test_credentials_that_are_wrong(server, changes):
    error = refusal(server.url(**changes), create=True)
    assert "refuses the user" in str(error) and "OUTFIT_CATALOGUE_URL" in error.hint


def test_a_database_that_does_not_exist(server):
    error = refusal(server.url("nosuchdatabase"), create=True)
    assert "no database 'nosuchdatabase'" in str(error) and "CREATE DATABASE nosuchdatabase" in error.hint


def test_a_server_that_goes_away_between_two_questions_is_found_again(server):
    catalogue = Catalogue.open(server.fresh(), create=True)
    add(catalogue, "1")
    for connection in (catalogue.engine.pool._pool.queue if hasattr(catalogue.engine.pool, "_pool") else ()):
        connection.dbapi_connection.close()  # as a firewall does with connections that are idle for long
    assert catalogue.count() == 1
    catalogue.close()


@pytest.mark.parametrize("kind", ["mysql", "mariadb", "postgresql"])
def test_the_usual_driver_is_put_in(kind):
    assert address_of(f"{kind}://host/shop").drivername == f"{kind}+{'psycopg' if kind == 'postgresql' else 'pymysql'}"


@pytest.mark.parametrize("url", ["oracle://host/shop", "mssql+pyodbc://host/shop", "://"])
def test_an_engine_that_is_not_supported(url):
    with pytest.raises(InvalidSetting) as caught:
        Catalogue.open(url, create=True)
    assert "postgresql+psycopg://" in caught.value.hint


def test_a_driver_that_is_not_installed(monkeypatch):
    for name in ("pymysql", "psycopg"):
        monkeypatch.setitem(sys.modules, name, None)
    for url in ("mysql://me:hunter2@host/shop", "postgresql://me:hunter2@host/shop"):
        with pytest.raises(StoreError, match="no driver") as caught:
            Catalogue.open(url, create=True)
        assert "outfit-assistant[scale]" in caught.value.hint and "hunter2" not in f"{caught.value} {caught.value.hint}"


def test_the_doctor_shows_no_password(tmp_path):
    from assistant.doctor import examine
    from assistant.settings import Settings

    url = f"postgresql://me:hunter2@127.0.0.1:{databases.free_port()}/shop"
    findings = examine(Settings.load(home=tmp_path, catalogue_url=url, limits_url="redis://:hunter2@127.0.0.1"))
    told = " ".join(f"{finding.message} {finding.hint}" for finding in findings)
    assert "cannot be reached" in told and "postgresql://me:***@" in told and "hunter2" not in told
