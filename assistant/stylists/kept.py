"""What is computed once and kept: values by key, bounded, and digests of pictures that are still in memory."""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar

from retrieval.images import pixel_digest

if TYPE_CHECKING:
    from PIL.Image import Image

_T = TypeVar("_T")


class Kept(Generic[_T]):
    """The last `most` values by key, the longest unused out first; threads may share it."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[str, _T] = OrderedDict()
        self._lock = threading.Lock()
        self._making = threading.Lock()

    def get(self, key: str) -> _T | None:
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
            return self._values.get(key)

    def put(self, key: str, value: _T) -> None:
        with self._lock:
            self._values[key] = value
            self._values.move_to_end(key)
            while len(self._values) > self._most:
                self._values.popitem(last=False)

    def get_or_make(self, key: str, make: Callable[[], _T]) -> _T:
        """The value, made by one thread while the others wait: fifty that need the same picture do not encode it fifty
        times, nor hold it fifty times in memory."""
        value = self.get(key)
        if value is not None:
            return value
        with self._making:
            value = self.get(key)
            if value is None:
                value = make()
                self.put(key, value)
            return value


class Digests:
    """`pixel_digest` of pictures, computed once for each object. Pictures are not to be painted on once they came
    here."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[weakref.ref[Image], str]] = {}
        self._making = threading.Lock()

    def of(self, image: Image) -> str:
        known = self._known.get(id(image))
        if known is not None and known[0]() is image:
            return known[1]
        with self._making:
            known = self._known.get(id(image))
            if known is not None and known[0]() is image:
                return known[1]
            digest = pixel_digest(image)
            self._known[id(image)] = (weakref.ref(image, lambda _, key=id(image): self._known.pop(key, None)), digest)
            return digest
