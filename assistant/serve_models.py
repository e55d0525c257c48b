"""`outfit serve-models`: load the models of the settings, serve them over HTTP, say how the app gets to them."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from collections.abc import Sequence

from assistant import models
from assistant.serve import check_exposure, listen
from assistant.settings import Settings
from retrieval.errors import InvalidSetting, ModelUnavailable, OutfitError
from retrieval.registry import Loaded, Role

_LOG = logging.getLogger(__name__)
_SETTING = {"detector": "OUTFIT_DETECTOR", "image encoder": "OUTFIT_IMAGE_ENCODER", "text encoder": "OUTFIT_TEXT_ENCODER"}


def load(settings: Settings, roles: Sequence[Role]) -> dict[Role, Loaded]:
    """The models of these roles. Nothing stands in for them here: what cannot be loaded is an error, with the next step."""
    loaded: dict[Role, Loaded] = {}
    for role in roles:
        if models.name_of(settings, role) == "worker":
            raise InvalidSetting(
                f"the {role} of a worker is 'worker': it would ask itself",
                hint=f"name the model to serve: {_SETTING[role]}=..., see outfit models",
            )
        _LOG.info("loading the %s %s", role, models.name_of(settings, role))
        loaded[role] = models.load(settings, role)
        if loaded[role].notice:
            raise ModelUnavailable(loaded[role].notice.partition(": ")[0], hint="outfit models")
    return loaded


def serve(settings: Settings, roles: Sequence[Role] = models.ROLES) -> None:
    """Serve until interrupted. Prints the address and the next command once requests can be answered.

    Raises InvalidSetting where the address cannot be listened on or may not be without a key, and what `load` raises.
    """
    from assistant import logs
    from assistant.api.keys import FILE, Keys
    from assistant.api.rates import Rates
    from assistant.api.work import Drain
    from assistant.server import Server
    from assistant.worker.app import Worker, create_app

    with listen(settings) as listening:
        keys = Keys(settings.home / FILE)
        check_exposure(listening, keys)
        logs.configure(settings.log_level, settings.log_format)
        # The server stops by itself when it is told to; what it raises again afterwards ends the process in good order.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        worker = Worker(load(settings, roles))
        try:
            warm, drain = threading.Event(), Drain()
            rates = Rates(settings.api_rate, settings.limits_url) if settings.api_rate else None
            app = create_app(worker, keys=keys, rates=rates, warm=warm, drain=drain)
            host, port = listening.getsockname()[:2]
            url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
            threading.Thread(target=_warm, args=(worker, warm, url), name="warm", daemon=True).start()
            Server(app, drain).run(sockets=[listening])
        finally:
            worker.close()


def next_command(worker_models: Sequence[Role], url: str) -> str:
    """What to set where the app runs."""
    return " ".join([f"OUTFIT_MODELS_URL={url}", *(f"{_SETTING[role]}=worker" for role in worker_models), "outfit app"])


def _warm(worker, warm: threading.Event, url: str) -> None:
    try:
        worker.warm()
    except OutfitError as error:
        _LOG.error("not ready: %s%s", error, f" ({error.hint})" if error.hint else "")
        return
    except Exception:
        _LOG.exception("not ready: a model failed at its first run")
        return
    warm.set()
    for role, loaded in worker.models.items():
        print(f"{role}: {loaded.row.name}", flush=True)
    print(f"Models: {url}  Next, where the app runs:\n{next_command(list(worker.models), url)}", flush=True)
