"""One server for everything that is asked over HTTP: the chat page with its files, and the API beside it."""

from __future__ import annotations

import gc
import ipaddress
import logging
import signal
import socket
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from assistant.settings import Settings
from retrieval.errors import InvalidSetting

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Send

    from assistant.api.keys import Keys
    from assistant.api.work import Drain
    from assistant.compose import Assistant
    from assistant.opening import Front, Inside
    from assistant.telemetry import Telemetry

_LOG = logging.getLogger(__name__)
_API = ("/v1/", "/healthz", "/readyz", "/metrics")  # addresses of the API; all others are the page's


def serve(settings: Settings, *, with_page: bool = True) -> None:
    """Serve the chat page and the API, or the API alone, until interrupted.

    The address is printed, and answers, before the models and the catalogue are loaded: the page can be used at once, and
    what is asked meanwhile waits. Raises InvalidSetting where the address cannot be listened on or may not be without a
    key, and whatever `assistant.compose.build` raises.
    """
    # Starting makes hundreds of thousands of objects that stay: looking for garbage among them costs a sixth of it.
    gc.disable()
    from assistant import logs
    from assistant.api.keys import FILE, Keys
    from assistant.api.work import Drain
    from assistant.opening import Opening
    from assistant.server import Server

    with listen(settings) as listening:
        keys = Keys(settings.home / FILE)
        check_exposure(listening, keys)
        logs.configure(settings.log_level, settings.log_format)
        telemetry = None if settings.otlp_url is None else _telemetry(settings.otlp_url)
        # The server stops by itself when it is told to; what it raises again afterwards ends the process in good order.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        drain, built, failures = Drain(), [], []

        def open_up() -> Inside:
            from assistant.compose import build

            assistant = build(settings, watch=_tell_once())
            built.append(assistant)
            warm = threading.Event()
            inside = _inside(assistant, warm, keys, drain, telemetry, with_page=with_page)
            gc.freeze()
            gc.enable()
            threading.Thread(target=_warm, args=(assistant, warm), name="warm", daemon=True).start()
            return inside

        def fail(error: Exception) -> None:
            failures.append(error)
            server.should_exit = True

        server = Server(Opening(open_up, _front(settings) if with_page else None, fail), drain)
        try:
            host, port = listening.getsockname()[:2]
            shown = f"[{host}]" if ":" in host else host
            print(f"Outfit assistant: http://{shown}:{port}/", flush=True)
            server.run(sockets=[listening])
        finally:
            gc.enable()  # also where nothing was built
            if telemetry is not None:
                telemetry.close()
            for assistant in built:
                assistant.close()
    for error in failures:
        raise error


def check_exposure(listening: socket.socket, keys: Keys) -> None:
    """Raises InvalidSetting where others than this machine could use the API without a key."""
    host = listening.getsockname()[0]
    if ipaddress.ip_address(host).is_loopback or keys.has_valid:
        return
    raise InvalidSetting(
        f"the address {host} can be reached from other machines, and there is no key for the API",
        hint="make one first: outfit keys make NAME; or listen on 127.0.0.1",
    )


def _tell_once() -> Callable[[object], None]:
    """A watcher of the first start: one line, so that nobody takes the wait for a fault."""
    told: list[bool] = []

    def watch(_: object) -> None:
        if not told:
            print("Preparing the demo catalogue, this once...", file=sys.stderr, flush=True)
        told.append(True)

    return watch


def build_app(
    assistant: Assistant,
    warm: threading.Event | None = None,
    keys: Keys | None = None,
    drain: Drain | None = None,
    telemetry: Telemetry | None = None,
    *,
    with_page: bool = True,
) -> ASGIApp:
    """The page, its files and the API over a running assistant as one application, or the API alone. It is ready once
    `warm` is set; `keys` are asked for by the API once there are any, `drain` tells when it stops."""
    from assistant.opening import Opening

    inside = _inside(assistant, warm, keys, drain, telemetry, with_page=with_page)
    return Opening(lambda: inside, _front(assistant.settings) if with_page else None)


def _front(settings: Settings) -> Front:
    from assistant.opening import Front
    from assistant.ui import front

    return Front(front.document(settings), front.routes(), front.rest_of)


def _telemetry(url: str) -> Telemetry:
    from assistant.telemetry import Telemetry

    return Telemetry(url)


def _inside(
    assistant: Assistant,
    warm: threading.Event | None,
    keys: Keys | None,
    drain: Drain | None,
    telemetry: Telemetry | None,
    *,
    with_page: bool,
) -> Inside:
    from fastapi import FastAPI

    from assistant.api.app import create_api
    from assistant.api.door import check_origin
    from assistant.api.errors import ApiError
    from assistant.opening import Inside

    assistant = assistant.watched()
    tell = None if telemetry is None else telemetry.steps
    api = create_api(assistant, keys=keys, warm=warm, drain=drain, tell=tell)
    if telemetry is not None:
        api = telemetry.around(api)
    if not with_page:
        return Inside(api)
    from assistant.ui import closet, desk, files, shop
    from assistant.wardrobe import Wardrobe

    keep_s = 60 * assistant.settings.photo_minutes
    is_shared = assistant.settings.shared_state
    drawer = files.SharedDrawer(assistant.catalogue, keep_s=keep_s) if is_shared else files.Drawer(keep_s=keep_s)
    app = FastAPI(
        title="Outfit assistant", docs_url=None, redoc_url=None, openapi_url=None, lifespan=files.sweeping(drawer)
    )
    wardrobe = Wardrobe(assistant.catalogue)
    app.router.routes.extend(files.routes(assistant.catalogue, drawer))
    app.router.routes.extend(closet.routes(assistant.catalogue, wardrobe))
    app.router.routes.extend(desk.routes(assistant))
    page = shop.mount(app, assistant, drawer, wardrobe)  # it answers every address that nothing else took

    async def both(scope: Any, receive: Any, send: Any) -> None:
        is_api = scope["type"] == "http" and scope["path"].startswith(_API)
        if scope["type"] == "http" and not is_api:
            try:
                check_origin(scope)
            except ApiError as error:
                await error.response()(scope, receive, send)
                return
        await (api if is_api else page)(scope, receive, _lasting(send) if scope.get("path", "").startswith("/assets/") else send)

    return Inside(both, lambda: page.router.lifespan_context(page))


def _lasting(send: Send) -> Send:
    """For Gradio's own files: a digest of what they hold is in their names, so that a browser asks for each once."""

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == 200:
            message["headers"] = [*message["headers"], (b"cache-control", b"public, max-age=31536000, immutable")]
        await send(message)

    return sent


def listen(settings: Settings) -> socket.socket:
    """The listening socket, taken first: a port in use is said at once, and port 0 has its number before anyone asks."""
    try:
        family = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((settings.host, settings.port), family=family, backlog=128)
    except OSError as error:
        raise InvalidSetting(
            f"cannot listen on {settings.host}:{settings.port}: {error.strerror or error}",
            hint="stop what uses the port, or choose another: OUTFIT_PORT=7861 python app.py",
        ) from error


def _warm(assistant: Assistant, warm: threading.Event) -> None:
    """Run each model once behind the shopper's back, so that the first photo does not wait for what is loaded on use."""
    from PIL import Image

    from assistant import turn
    from retrieval.errors import OutfitError
    from retrieval.items import Box

    photo = Image.new("RGB", (320, 400), "#7b8794")
    try:
        with turn.within():
            assistant.stylist.detect(photo)
            assistant.stylist.recommend(photo, box=Box(0, 0, 320, 400))
    except OutfitError as error:
        _LOG.warning("warming up: %s", error)
    warm.set()
