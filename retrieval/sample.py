"""1,000 real products to try things on: the sample catalogue of the OpenAI cookbook, fetched from GitHub once.

It is a part of the public "Fashion Product Images" catalogue.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from threading import get_ident

import httpx
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from retrieval.errors import OutfitError, StoreError
from retrieval.feed_rows import FeedRow
from retrieval.feeds import read_feed
from retrieval.images import Limits, decode
from retrieval.pipeline import disk_errors
from retrieval.summary import Meter, Progress

DEFAULT = "https://raw.githubusercontent.com/openai/openai-cookbook/main/examples/data/sample_clothes"
_FEED = "sample_styles.csv"
_IMAGES = "sample_images"
_AT_ONCE = 8
_ATTEMPTS = 3
_TIMEOUT_S = 20.0
_MOST_BYTES = Limits().max_bytes


@dataclass(frozen=True, slots=True)
class Sample:
    """The sample on disk. `missing` are ids whose photo the server does not have."""

    feed: Path
    images: Path
    missing: tuple[str, ...] = ()


class _Again(Exception):
    """Inside this file only: worth another attempt."""


def get_sample(
    target_dir: str | Path,
    *,
    base_url: str = DEFAULT,
    progress: Callable[[Progress], None] | None = None,
    wait_s: float = 1.0,
) -> Sample:
    """Download the sample into a folder; what is there already is not fetched again. Each file is checked before it counts.

    `wait_s` is the first pause before another attempt. Raises StoreError where the network or the server fails for good:
    what has been fetched stays, and the next call goes on from there.
    """
    folder = Path(target_dir)
    images = folder / _IMAGES
    with disk_errors():
        images.mkdir(parents=True, exist_ok=True)
    retrying = Retrying(
        retry=retry_if_exception_type(_Again),
        stop=stop_after_attempt(_ATTEMPTS),
        wait=wait_random_exponential(multiplier=wait_s, max=30),
        reraise=True,
    )
    with httpx.Client(base_url=base_url.rstrip("/") + "/", timeout=_TIMEOUT_S, limits=_limits()) as client:
        feed = folder / _FEED
        if not feed.is_file():
            try:
                if not retrying.copy()(_fetch, client, _FEED, feed, _check_feed):
                    raise _Again("the server does not have it")
            except _Again as error:
                raise _failed(f"the list of the sample's products from {base_url}", error) from error
        skus = [row.item.sku for row in read_feed(feed) if isinstance(row, FeedRow)]
        wanted = [sku for sku in skus if not (images / f"{sku}.jpg").is_file()]
        meter = Meter(progress, "download", len(skus))
        missing: list[str] = []
        failed: list[_Again] = []
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            path_of = {sku: images / f"{sku}.jpg" for sku in wanted}
            running = {
                pool.submit(retrying.copy(), _fetch, client, f"{_IMAGES}/{sku}.jpg", path_of[sku], decode): sku
                for sku in wanted
            }
            try:
                for done, future in enumerate(as_completed(running), 1):
                    try:
                        if not future.result():
                            missing.append(running[future])
                    except _Again as error:
                        failed.append(error)
                        if len(failed) > _AT_ONCE:  # the network is gone: the rest would fail as slowly
                            break
                    meter.show(len(skus) - len(wanted) + done)
            finally:
                pool.shutdown(cancel_futures=True)
    if failed:
        there = sum(path.is_file() for path in images.iterdir())
        raise _failed(f"all pictures of the sample ({there:,} of {len(skus):,} are there)", failed[0])
    return Sample(feed, images, tuple(sorted(missing)))


def _limits() -> httpx.Limits:
    return httpx.Limits(max_connections=_AT_ONCE, max_keepalive_connections=_AT_ONCE)


def _fetch(client: httpx.Client, name: str, path: Path, check: Callable[[bytes], object]) -> bool:
    """One file onto the disk, whole and checked; False where the server does not have it. Raises _Again for the rest."""
    try:
        with client.stream("GET", name) as response:
            if response.status_code == 404:
                return False
            if response.status_code != 200:
                raise _Again(f"the server answers {response.status_code}")
            data = bytearray()
            for part in response.iter_bytes():
                data += part
                if len(data) > _MOST_BYTES:
                    raise _Again(f"{name} has more than {_MOST_BYTES:,} bytes")
        check(bytes(data))
    except httpx.HTTPError as error:
        raise _Again(f"{type(error).__name__}: {error}") from error
    except OutfitError as error:
        raise _Again(f"{name} came damaged: {error}") from error
    with disk_errors():
        part = path.with_name(f"{path.name}.{os.getpid()}-{get_ident()}.part")
        part.write_bytes(data)
        os.replace(part, path)
    return True


def _check_feed(data: bytes) -> None:
    """Raises StoreError for what is no table of products, such as the page of a proxy."""
    header = data[:300].decode("utf-8", "replace").splitlines()[:1]
    if not header or not {"id", "articleType"} <= set(header[0].strip().split(",")):
        raise StoreError("it is no table of products")


def _failed(what: str, error: Exception) -> StoreError:
    return StoreError(
        f"cannot fetch {what}: {error}",
        hint="check the network or the proxy and run the same command again: it goes on where it stopped; "
        "the demo catalogue needs no network: outfit app",
    )
