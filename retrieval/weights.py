"""Weights by name: a local path as it is, or a snapshot of a hub. The hubs' clients are used only here."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from retrieval.errors import InvalidSetting, ModelUnavailable

Hub = Literal["huggingface", "modelscope"]
HUBS: tuple[Hub, ...] = ("huggingface", "modelscope")
_FETCHERS = {
    "huggingface": ("huggingface_hub", "pip install huggingface_hub", "hf download"),
    "modelscope": ("modelscope", "pip install 'modelscope>=1.40'", "modelscope download --model"),
}


def find(name: str, hub: Hub, *, of: str, skip: tuple[str, ...] = ()) -> Path:
    """The file or folder called `name` on this machine, else the folder of that snapshot, fetched where it is not here.

    `of` says in errors whose weights they are; files that match `skip` are not fetched. Raises InvalidSetting for an
    unknown hub; ModelUnavailable, with the next command, where there is no such path, package or snapshot.
    """
    if hub not in HUBS:
        raise InvalidSetting(f"hub is {hub!r}: expected huggingface or modelscope")
    path = Path(name).expanduser()
    if path.exists():
        return path
    if name.startswith((".", "/", "~")) or name.count("/") != 1 or path.suffix in (".pth", ".pt", ".onnx", ".toml"):
        raise ModelUnavailable(
            f"{of} weights not found: no file or folder {name}", hint="check the path, or give a name on the hub"
        )
    package, install, command = _FETCHERS[hub]
    if find_spec(package) is None:
        raise ModelUnavailable(f"{of} weights {name} cannot be fetched: package {package} is not installed", hint=install)
    try:
        return Path(_fetch(name, hub, skip))
    except Exception as error:  # the hubs' clients raise requests', their own and file errors alike
        told = str(error).strip().splitlines()
        raise ModelUnavailable(
            f"{of} weights {name} could not be fetched from {hub}: {told[0] if told else type(error).__name__}",
            hint=f"where there is a network: {command} {name}; then give the folder's path",
        ) from error


def _fetch(name: str, hub: Hub, skip: tuple[str, ...]) -> str:
    if hub == "modelscope":
        from modelscope import snapshot_download

        return snapshot_download(name, ignore_patterns=list(skip) or None)
    from huggingface_hub import snapshot_download

    return snapshot_download(name, ignore_patterns=list(skip) or None)
