"""An ingest by a local Ray cluster of two workers writes what the local engine writes, also when workers are killed."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from retrieval.errors import ModelUnavailable
from retrieval.feeds import read_feed
from retrieval.ingest import ingest
from tests.faults import GridEncoder, Open, Shop, first_feed, mean_colour, second_feed

ray = pytest.importorskip("ray", reason="ray is not installed (extra: scale)")


class SlowGridEncoder(GridEncoder):
    """Leaves time to kill its worker, and says which process that is."""

    folder = ""

    def __init__(self, folder: str) -> None:
        super().__init__()
        self.folder = folder
        with open(f"{folder}/{os.getpid()}", "w", encoding="utf-8"):
            pass

    def encode_images(self, images):
        time.sleep(0.3)
        return super().encode_images(images)


@pytest.fixture
def workers(tmp_path):
    """A folder in which each worker that was started has a file named by its process."""
    folder = tmp_path / "workers"
    folder.mkdir()
    return folder


@pytest.fixture
def readers(workers):
    from functools import partial

    from retrieval.ray_ingest import RayReaders

    made = []

    def make(catalogue) -> RayReaders:
        """One cluster for both feeds: a cluster takes longer to start than these feeds to read."""
        if not made:
            encoder = partial(SlowGridEncoder, str(workers))
            made.append(RayReaders(catalogue, encoder, mean_colour, workers=2, window=1_000, batch_size=4))
        return made[0]

    yield make
    for each in made:
        each.close()


def states(tmp_path, run) -> list[dict]:
    shop = Shop(tmp_path / "shop")  # the same place for both engines, as SQL records it
    for path in (*shop.photos.iterdir(), *shop.folder.glob("*.db*")):
        path.unlink()
    found = []
    for write in (first_feed, second_feed):
        write(shop)
        for file in shop.photos.iterdir():
            os.utime(file, (1_700_000_000, 1_700_000_000))
        with Open(shop) as opened:
            run(opened)
            found.append(opened.state())
            assert opened.faults() == []
    return found


def test_what_ray_writes_is_what_the_local_engine_writes_though_workers_are_killed(tmp_path, readers, workers):
    expected = states(tmp_path, lambda opened: opened.run())
    killed = []

    def kill() -> None:
        """One worker, as soon as it has begun; Ray starts another."""
        until = time.monotonic() + 120
        while time.monotonic() < until and not killed:
            for path in workers.iterdir():
                os.kill(int(path.name), signal.SIGKILL)
                killed.append(path.name)
                return
            time.sleep(0.05)

    def run(opened: Open) -> None:
        killer = threading.Thread(target=kill)
        killer.start()
        summary = ingest(
            read_feed(opened.shop.feed), opened.shop.photos, **opened.parts, batch_size=4, readers=readers(opened.catalogue)
        )
        killer.join()
        assert summary.adds_up and summary.pictures_encoded > 0 and opened.images.seen == 0  # encoded elsewhere

    assert states(tmp_path, run) == expected
    assert killed and len(list(workers.iterdir())) > 2  # another came in the place of the one that was killed


def test_without_ray_it_says_how_to_get_it(monkeypatch):
    import sys

    from retrieval.ray_ingest import RayReaders

    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ModelUnavailable) as caught:
        RayReaders(None, GridEncoder, mean_colour)
    assert "outfit-assistant[scale]" in caught.value.hint


@pytest.mark.parametrize("option", [["--ray-address", "127.0.0.1:6379"], ["--ray-workers", "2"]])
def test_options_of_ray_without_it_are_refused(tmp_path, option):
    from typer.testing import CliRunner

    from assistant.cli import app
    from retrieval.errors import InvalidInput

    shop = Shop(tmp_path / "shop")
    first_feed(shop)
    result = CliRunner().invoke(app, ["ingest", str(shop.feed), "--images", str(shop.photos), *option])
    assert isinstance(result.exception, InvalidInput) and "--engine ray" in result.exception.hint
