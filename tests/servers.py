"""The loopback model server held to LMDeploy's own request models, where LMDeploy's Python files are at hand.

`LMDEPLOY_SOURCE` names a folder that holds `lmdeploy/` (an unpacked wheel is enough: neither GPU nor torch is needed);
without it an installed lmdeploy is looked for. The vendor's files are loaded by path, one by one: the package itself
does not import without CUDA. None of them is kept in this repository.
"""

from __future__ import annotations

import ast
import importlib.util
import os
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from assistant.stylists.rehearsal import Behaviour, Fault, ModelServer

__all__ = ["Behaviour", "Fault", "ModelServer", "lmdeploy_folder", "vendor_check", "vendor_protocol"]


def lmdeploy_folder() -> Path:
    """The folder `lmdeploy/` with the vendor's Python files, or a skip by name."""
    named = os.environ.get("LMDEPLOY_SOURCE")
    folder = Path(named) / "lmdeploy" if named else None
    if folder is None:
        spec = importlib.util.find_spec("lmdeploy")
        folder = Path(spec.origin).parent if spec and spec.origin else None
    if folder is None or not (folder / "serve" / "openai" / "protocol.py").is_file():
        pytest.skip("LMDeploy's Python files not found: unpack its wheel and set LMDEPLOY_SOURCE to the folder")
    return folder


def vendor_protocol() -> types.ModuleType:
    """LMDeploy's request and response models: `lmdeploy/serve/openai/protocol.py`, by path."""
    pytest.importorskip("shortuuid", reason="LMDeploy's request models need shortuuid")
    return _load("vendor_protocol", lmdeploy_folder() / "serve" / "openai" / "protocol.py")


def vendor_check(protocol: types.ModuleType) -> Any:
    """A check for `Behaviour.validate`: the vendor's model must take the body, and know each of its fields."""
    import pydantic

    known = set(protocol.ChatCompletionRequest.model_fields)

    def check(body: dict) -> str:
        unknown = set(body) - known
        if unknown:
            return f"LMDeploy knows no field {sorted(unknown)}"
        try:
            protocol.ChatCompletionRequest.model_validate(body)
        except pydantic.ValidationError as error:
            return str(error)
        return ""

    return check


def vendor_functions(path: Path, *names: str) -> dict[str, Any]:
    """Some functions of a file that does not import here, run on their own."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    wanted = [node for node in tree.body if getattr(node, "name", None) in names]
    namespace: dict[str, Any] = {}
    exec(compile(ast.Module(wanted, []), str(path), "exec"), namespace)  # the vendor's own, read-only
    return {name: namespace[name] for name in names}


def _load(name: str, path: Path) -> types.ModuleType:
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
