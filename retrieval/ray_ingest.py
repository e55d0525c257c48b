"""Photos read, decoded, measured and encoded by the workers of a Ray cluster, for an ingest that this process writes.

Workers only compute; SQL and the indexes have one writer, as with the local engine, so what is written is the same, row for
row. Ray Data runs a worker's photos again where it was killed.
"""

from __future__ import annotations

import logging
import pickle
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Thread
from typing import TYPE_CHECKING, Any, Self

from retrieval.errors import ModelUnavailable, OutfitError, StoreError, StoreUnreachable
from retrieval.ledger import Photo
from retrieval.photos import Taken, take
from retrieval.stores import ImageStore, open_store

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

    from retrieval.catalogue import Catalogue
    from retrieval.items import Swatch
    from retrieval.pipeline import Found
    from retrieval.ports import ImageEncoder

_READERS = 4  # threads of one worker that read and decode


class RayReaders:
    """Port `retrieval.pipeline.Readers` over a Ray cluster. A context manager.

    `encoder` is called once in each worker and gives the image encoder there; it and `measure_palette` must be importable
    in the workers, and the photos must lie where those can reach them: on S3, or in a folder that all machines see.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        encoder: Callable[[], ImageEncoder],
        measure_palette: Callable[[Image], Sequence[Swatch]],
        *,
        address: str | None = None,
        workers: int | None = None,
        window: int = 20_000,
        batch_size: int = 64,
    ) -> None:
        """`address` None starts a cluster on this machine that ends with this process; `workers` None: one a processor.

        Raises ModelUnavailable where Ray is not installed, StoreError where the cluster cannot be reached.
        """
        self._catalogue, self._batch_size, self.window = catalogue, batch_size, window
        self._ray = _connected(address, workers)
        self._workers = workers or max(1, int(self._ray.cluster_resources().get("CPU", 1)))
        self._worker = {"encoder": encoder, "measure_palette": measure_palette}
        self._waiting: list[tuple[Future[Taken], tuple]] = []
        self._threads: list[Thread] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def submit(self, found: Found, known: Photo | None, known_suffices: bool) -> Future[Taken]:
        store = found.store or self._catalogue.image_store(found.store_id)
        future: Future[Taken] = Future()
        self._waiting.append((future, (found.place, store.location, found.store_id, known, known_suffices)))
        return future

    def begin(self) -> None:
        if self._waiting:
            jobs, self._waiting = self._waiting, []
            thread = Thread(target=self._run, args=(jobs,), name="ray", daemon=True)
            thread.start()
            self._threads = [each for each in self._threads if each.is_alive()] + [thread]

    def close(self) -> None:
        """Ends the cluster where this process started it."""
        self._ray.shutdown()
        for thread in self._threads:
            thread.join(10)

    def _run(self, jobs: list[tuple[Future[Taken], tuple]]) -> None:
        """Resolve each future by what a worker made of its job, in whatever order they come."""
        data = self._ray.data
        rows = [{"number": number, "job": pickle.dumps(job)} for number, (_, job) in enumerate(jobs)]
        try:
            blocks = max(1, -(-len(rows) // self._batch_size))
            done = data.from_items(rows, override_num_blocks=min(blocks, len(rows))).map_batches(
                Worker,
                fn_constructor_kwargs=self._worker,
                batch_size=self._batch_size,
                compute=data.ActorPoolStrategy(size=min(self._workers, blocks)),
                num_cpus=1,
            )
            for row in done.iter_rows():
                future, result = jobs[row["number"]][0], pickle.loads(row["result"])  # of our own workers
                if isinstance(result, OutfitError):
                    future.set_exception(result)
                else:
                    future.set_result(result)
            lost: Exception = RuntimeError("a worker gave no answer for a photo")
        except Exception as error:  # noqa: BLE001 - handed to whoever waits for a photo
            lost = error
        for future, _ in jobs:
            if not future.done():
                future.set_exception(_failed(lost))


def _failed(error: Exception) -> StoreUnreachable:
    said = str(error).strip().splitlines()
    return StoreUnreachable(
        f"the Ray cluster failed: {said[-1][:300] if said else type(error).__name__}",
        hint="ray status, and Ray's logs in /tmp/ray, say more; what is written stays: the same command goes on from there",
    )


class Worker:
    """What one process of the cluster does with a batch of photos."""

    def __init__(self, encoder: Callable[[], ImageEncoder], measure_palette: Callable[[Image], Sequence[Swatch]]) -> None:
        self._encoder, self._measure_palette = encoder(), measure_palette
        self._stores: dict[str, ImageStore] = {}
        self._threads = ThreadPoolExecutor(_READERS)

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, Any]:
        results = list(self._threads.map(self._take, map(pickle.loads, batch["job"])))
        at = [place for place, result in enumerate(results) if isinstance(result, Taken) and result.pixels is not None]
        if at:
            vectors = self._encoder.encode_images([results[place].pixels for place in at])
            for place, vector in zip(at, vectors, strict=True):
                results[place] = Taken(results[place].photo, vector=vector)
        return {"number": batch["number"], "result": [pickle.dumps(result) for result in results]}

    def _take(self, job: tuple) -> Taken | OutfitError:
        place, location, store_id, known, known_suffices = job
        try:
            if location not in self._stores:
                self._stores[location] = open_store(location)
            return take(
                place, self._stores[location], store_id, self._measure_palette, known=known, known_suffices=known_suffices
            )
        except OutfitError as error:
            return error


def _connected(address: str | None, workers: int | None) -> Any:
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise ModelUnavailable(
            "the engine ray needs the package ray, which is not installed",
            hint="pip install 'outfit-assistant[scale]', or leave --engine out: one machine needs no Ray",
        ) from error
    try:
        options = {"num_cpus": workers, "include_dashboard": False} if address is None else {}
        ray.init(address=address or "local", log_to_driver=False, logging_level=logging.WARNING, **options)
    except Exception as error:  # Ray raises bare Exceptions where a node does not come up
        raise StoreError(
            f"the Ray cluster at {address or 'this machine'} cannot be used: {str(error).strip().splitlines()[0][:300]}",
            hint="start it: ray start --head; then give its address: --ray-address HOST:6379",
        ) from error
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    return ray
