"""Fixtures for everyone. Data that does not ship is found by name, and its absence is said by name."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

from assistant.settings import Settings
from tests import databases
from tests.browser import chromium

if TYPE_CHECKING:
    from assistant.compose import Assistant

# The same examples in every run: a change is judged by what it changes. Search wider with HYPOTHESIS_PROFILE=explore.
hypothesis.settings.register_profile("repeatable", derandomize=True)
hypothesis.settings.register_profile("explore", max_examples=1_000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


@pytest.fixture(scope="session")
def demo_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of an assistant over the demo catalogue, in a folder of its own that is built once a test session."""
    return Settings.load(home=tmp_path_factory.mktemp("home"), port=0)


@pytest.fixture(scope="session")
def demo(demo_settings: Settings) -> Iterator[Assistant]:
    """The running assistant over the demo catalogue. Shared: tests must not write to it."""
    from assistant.compose import build

    assistant = build(demo_settings)
    yield assistant
    assistant.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Headless Chromium, for one file of tests: while it runs, no test in this thread may run an event loop of its own."""
    with chromium() as running:
        yield running


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data (styles.csv, catalog-images.zip, ...): `OUTFIT_SHARED_DATA`, or `../shared/data`."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("OUTFIT_SHARED_DATA", default))
    if not (folder / "styles.csv").is_file():
        pytest.skip(f"real data not found: no styles.csv in {folder} (set OUTFIT_SHARED_DATA)")
    return folder


@pytest.fixture(scope="session")
def database_servers() -> Iterator[Callable[[str], databases.Server]]:
    """The database server of a kind ("mariadb", "postgresql"), started once a test session, or a skip by name."""
    running: dict[str, databases.Server] = {}

    def server(kind: str) -> databases.Server:
        if kind not in running:
            running[kind] = databases.SERVERS[kind]()
        return running[kind]

    yield server
    for each in running.values():
        each.stop()


@pytest.fixture(params=["sqlite", *databases.SERVERS])
def database_url(request: pytest.FixtureRequest, tmp_path: Path, database_servers: Callable) -> str:
    """The URL of an empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'shop.db'}"
    return database_servers(request.param).fresh()


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """The address of an S3 server on the loopback (moto's), or a skip by name."""
    for package in ("s3fs", "boto3", "flask_cors"):
        pytest.importorskip(package, reason=f"{package} is not installed (extra: scale or test)")
    server = pytest.importorskip("moto.server", reason="moto is not installed (extra: test)").ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, bytes], None]]:
    """An empty bucket "shop" that s3://shop/ reaches, as the function that puts a file into it."""
    import boto3

    for name, value in (
        ("AWS_ENDPOINT_URL", s3_server), ("AWS_ACCESS_KEY_ID", "testing"), ("AWS_SECRET_ACCESS_KEY", "testing"),
        ("AWS_DEFAULT_REGION", "us-east-1"), ("AWS_EC2_METADATA_DISABLED", "true"),
    ):  # fmt: skip
        monkeypatch.setenv(name, value)
    bucket = boto3.resource("s3").create_bucket(Bucket="shop")
    yield lambda key, data: bucket.put_object(Key=key, Body=data)
    bucket.objects.all().delete()
    bucket.delete()
