"""The connection to a worker that runs models on another machine (`outfit serve-models`): one place for its failures.

An answer is read whole within `timeout_s` and `_MOST_BYTES`, whatever the other side does; a busy or lost worker is
tried again within that time. `assistant/worker/wire.py` is the other side.
"""

from __future__ import annotations

import base64
import binascii
import io
import json
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from retrieval.errors import InvalidInput, InvalidReply, InvalidSetting, ModelUnavailable, SpaceMismatch
from retrieval.ports import Space
from retrieval.vectors import check_unit_rows

if TYPE_CHECKING:
    import httpx
    from PIL.Image import Image

_MOST_BYTES = 64 * 2**20
_ATTEMPTS = 3
_PAUSE_S = 0.3  # before the second attempt; doubled before the third
_AGAIN = (429, 502, 503)
_START = "start it on the machine with the models: outfit serve-models"


class Worker:
    """A worker by its address. `timeout_s` is the longest that one call may take in all.

    Raises InvalidSetting where there is no address or it is none.
    """

    def __init__(self, url: str | None, api_key: str | None = None, timeout_s: float = 30.0) -> None:
        import httpx

        if not url:
            raise InvalidSetting(
                "the model 'worker' has no address", hint=f"OUTFIT_MODELS_URL=http://HOST:7870; {_START}"
            )
        try:
            parsed = httpx.URL(url)
        except httpx.InvalidURL as error:
            raise InvalidSetting(f"models_url is {url!r}: {error}", hint="OUTFIT_MODELS_URL=http://HOST:7870") from error
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise InvalidSetting(
                f"models_url is {url!r}: expected an address such as http://gpu:7870",
                hint="OUTFIT_MODELS_URL=http://HOST:7870",
            )
        self.url, self._timeout_s = url.rstrip("/"), timeout_s
        headers = {"authorization": f"Bearer {api_key}"} if api_key else {}
        # no proxy of the environment: the worker is in one's own network
        self._client = httpx.Client(headers=headers, trust_env=False, timeout=httpx.Timeout(timeout_s, connect=min(5.0, timeout_s)))
        self._lock = threading.Lock()

    def served(self, role: str) -> Mapping[str, Any]:
        """What the worker says of its model of a role. Raises ModelUnavailable where it has none."""
        models = self.ask("GET", "/v1/models").get("models")
        if not isinstance(models, list):
            raise self._nonsense("no list of models")
        for one in models:
            if isinstance(one, dict) and one.get("role") == role and isinstance(one.get("name"), str):
                return one
        roles = ", ".join(str(one.get("role")) for one in models if isinstance(one, dict)) or "nothing"
        raise ModelUnavailable(f"the worker {self.url} serves no {role}: it serves {roles}", hint="outfit models")

    def space(self, role: str, modality: str) -> tuple[Space, float | None]:
        """The space of the worker's encoder of a role, and the least score of a title that means a query, if known."""
        one = self.served(role)
        try:
            facts = one["space"]
            space = Space(str(facts["model"]), str(facts["revision"]), facts["modality"], int(facts["dim"]))
            threshold = one.get("search_threshold")
            threshold = None if threshold is None else float(threshold)
        except (KeyError, TypeError, ValueError) as error:
            raise self._nonsense(f"no space of its {role}") from error
        if space.modality != modality or space.dim < 1:
            raise self._nonsense(f"a space of its {role} that is none: {space}")
        return space, threshold

    def vectors(self, path: str, body: Mapping[str, Any], space: Space, count: int) -> np.ndarray:
        """(count, dim) float32 of norm 1. Raises SpaceMismatch where the worker's model is another one by now."""
        said = self.ask("POST", path, body)
        try:
            facts = said["space"]
            now = Space(facts["model"], facts["revision"], facts["modality"], facts["dim"])
            raw = base64.b64decode(said["vectors"], validate=True)
            rows = np.frombuffer(raw, "<f4").reshape(said["shape"])
        except (KeyError, TypeError, ValueError, binascii.Error) as error:
            raise self._nonsense("no vectors") from error
        if now != space:
            raise SpaceMismatch(
                f"the worker {self.url} now writes the space {now.model} ({now.revision}), no longer {space.model} "
                f"({space.revision})",
                hint="start the app anew; then `outfit rebuild` where the catalogue was written by the other model",
            )
        if len(rows) != count:
            raise self._nonsense(f"{len(rows)} vectors for {count} inputs")
        try:
            return check_unit_rows(rows, space.dim)
        except InvalidInput as error:
            raise self._nonsense(str(error)) from error

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The JSON object that the worker answers. Raises InvalidInput for what it refuses as such, ModelUnavailable
        where it cannot be had, InvalidReply where its answer cannot be used."""
        import httpx
        import tenacity

        until = time.monotonic() + self._timeout_s
        content = None if body is None else json.dumps(body).encode()

        def once() -> dict[str, Any]:
            return self._once(method, path, content, until)

        try:
            return tenacity.Retrying(
                stop=tenacity.stop_after_attempt(_ATTEMPTS) | tenacity.stop_after_delay(self._timeout_s),
                wait=tenacity.wait_exponential(_PAUSE_S, max=2),
                retry=tenacity.retry_if_exception_type((_Again, httpx.ConnectError, httpx.RemoteProtocolError)),
                reraise=True,
            )(once)
        except _Again as error:
            raise ModelUnavailable(f"the worker {self.url} is too busy or not ready: {error}", hint="try again in a moment") from error
        except (httpx.TimeoutException, _TooLate) as error:
            raise ModelUnavailable(
                f"the worker {self.url} did not answer within {self._timeout_s:g} s",
                hint=f"look at {self.url}/readyz; OUTFIT_MODELS_TIMEOUT_S sets how long to wait",
            ) from error
        except httpx.HTTPError as error:
            raise ModelUnavailable(f"the worker {self.url} cannot be reached: {error}", hint=_START) from error

    def _once(self, method: str, path: str, content: bytes | None, until: float) -> dict[str, Any]:
        left_s = max(0.05, until - time.monotonic())
        headers = {"content-type": "application/json"} if content is not None else {}
        timeout = self._client.timeout
        timeout.read = timeout.write = timeout.pool = left_s
        with self._client.stream(method, self.url + path, content=content, headers=headers, timeout=timeout) as reply:
            held = bytearray()
            for part in reply.iter_bytes():
                held += part
                if len(held) > _MOST_BYTES:
                    raise self._nonsense(f"more than {_MOST_BYTES // 2**20} MiB")
                if time.monotonic() > until:
                    raise _TooLate
        try:
            said = json.loads(held)
        except (ValueError, RecursionError):
            said = None
        if reply.status_code == 200:
            if isinstance(said, dict):
                return said
            raise self._nonsense("no JSON object")
        raise self._refusal(reply, said)

    def _refusal(self, reply: httpx.Response, said: Any) -> Exception:
        error = said.get("error") if isinstance(said, dict) else None
        told = str(error.get("message", "")) if isinstance(error, dict) else ""
        status = reply.status_code
        if status == 401:
            return ModelUnavailable(
                f"the worker {self.url} refuses the key", hint="OUTFIT_MODELS_API_KEY; made there by: outfit keys make NAME"
            )
        if not told:
            return InvalidReply(f"{self.url} is no worker of this project: it answered {status}", hint=_START)
        if status in _AGAIN:
            return _Again(told)
        if status in (400, 413):
            return InvalidInput(told.rstrip("."))
        return ModelUnavailable(f"the worker {self.url} answered {status}: {told}", hint="look at its log")

    def _nonsense(self, what: str) -> InvalidReply:
        return InvalidReply(f"the worker {self.url} answered {what}", hint="see that it runs the same version of this project")


class _Again(Exception):
    """The worker asks to be asked again."""


class _TooLate(Exception):
    """The answer drips."""


def as_data_url(image: Image) -> str:
    """A picture without loss: vectors and boxes are the same as where the model runs here."""
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "PNG", compress_level=1)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
