"""One form for every measured figure: a small JSON file that says what was run, on which revision, and what came out."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from retrieval import resources
from retrieval.errors import InvalidInput

_FIELDS = ("name", "command", "revision", "seed", "n", "figures")


@dataclass(frozen=True, slots=True)
class Result:
    """`figures` maps a figure's name to its number; chance and baselines are figures among the others.

    `n` is how many cases were measured, `seed` what the random choices were drawn with.
    """

    name: str
    command: str
    revision: str
    seed: int
    n: int
    figures: Mapping[str, float]


def revision() -> str:
    """The short commit that is checked out, with "+" where files have changed since; "unknown" outside a checkout."""
    here = Path(__file__).resolve().parent
    try:
        commit = _git(here, "rev-parse", "--short=12", "HEAD").strip()
        changed = _git(here, "status", "--porcelain", "--", "assistant", "retrieval", "prompts", "data/weights")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return commit + ("+" if changed else "")


def write(result: Result, folder: Path | None = None) -> Path:
    """Write `<name>.json` into `folder` (default: `data/results`), replacing an older one; returns its path."""
    folder = folder or resources.path("results")
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{result.name}.json"
    plain = asdict(result) | {"figures": {name: float(value) for name, value in result.figures.items()}}
    target.write_text(json.dumps(plain, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return target


def read_all(folder: Path | None = None) -> list[Result]:
    """Every result of the folder, by name. A file of another form raises InvalidInput."""
    return [_read(path) for path in sorted((folder or resources.path("results")).glob("*.json"))]


def _read(path: Path) -> Result:
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidInput(f"{path} is not JSON: {error}", hint="run the command that writes it again") from error
    if not isinstance(plain, dict) or set(plain) != set(_FIELDS):
        raise InvalidInput(f"{path}: expected the fields {', '.join(_FIELDS)}", hint="run the command that writes it again")
    return Result(**plain)


def _git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout
