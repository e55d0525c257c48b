"""The direction of imports, one home for each heavy library, and what importing pulls in."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# A heavy library -> the only places (path prefixes) that may import it.
HOMES = {
    "torch": ("retrieval/training/", "retrieval/detectors/grounding_dino", "retrieval/encoders/"),
    "timm": ("retrieval/training/", "retrieval/encoders/"),
    "transformers": ("retrieval/detectors/grounding_dino", "retrieval/encoders/"),
    "groundingdino": ("retrieval/detectors/grounding_dino",),
    "onnxruntime": ("retrieval/encoders/compact", "retrieval/encoders/onnx_file", "retrieval/detectors/compact", "retrieval/training/"),
    "onnx": ("retrieval/training/",),
    "pytorch_metric_learning": ("retrieval/training/",),
    "chromadb": ("retrieval/indexes/chroma",),
    "pymilvus": ("retrieval/indexes/milvus",),
    "gradio": ("assistant/ui/",),
    "fastapi": ("assistant/api/", "assistant/serve.py", "assistant/worker/"),
    "pydantic": ("assistant/api/", "assistant/settings.py", "assistant/worker/"),
    "pydantic_settings": ("assistant/settings.py",),
    "openai": ("assistant/stylists/",),
    "lmdeploy": (),
    "s3fs": ("retrieval/stores.py",),
    "ray": ("retrieval/ray_ingest.py",),
    "redis": (),
    "modelscope": ("assistant/serve_vlm.py", "retrieval/weights.py"),
    "huggingface_hub": ("retrieval/weights.py",),
    "open_clip": ("retrieval/encoders/clip.py",),
}

CONCRETE = ("retrieval.indexes.", "retrieval.encoders.", "retrieval.detectors.", "assistant.stylists.compact", "assistant.stylists.vlm")
# Concretes are put together in one place; measuring and training name what they measure and train.
MEETING_PLACES = ("assistant/compose.py", "assistant/commands/", "assistant/bench/", "retrieval/evaluation/", "retrieval/training/")


def sources() -> list[Path]:
    return sorted(path for room in ("assistant", "retrieval") for path in (ROOT / room).rglob("*.py"))


def imports_of(path: Path) -> set[str]:
    """Dotted names that a file imports, wherever in it; those under TYPE_CHECKING do not count."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    hidden = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    names: set[str] = set()
    for node in ast.walk(tree):
        if id(node) in hidden:
            continue
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_retrieval_knows_nothing_of_the_assistant():
    guilty = [relative(p) for p in sources() if relative(p).startswith("retrieval/") and _uses(imports_of(p), "assistant")]
    assert guilty == []


def _uses(names: set[str], package: str) -> bool:
    return any(name == package or name.startswith(package + ".") for name in names)


@pytest.mark.parametrize("library", HOMES)
def test_a_heavy_library_has_one_home(library):
    guilty = [
        relative(path)
        for path in sources()
        if _uses(imports_of(path), library) and not relative(path).startswith(HOMES[library] or ("nowhere",))
    ]
    assert guilty == []


def test_concrete_backends_meet_in_one_place():
    """Backends of one kind may build on each other; nobody else names them."""
    guilty = []
    for path in sources():
        own = relative(path).removesuffix(".py").replace("/", ".")
        if relative(path).startswith(MEETING_PLACES) or own.startswith(CONCRETE):
            continue
        if any(_uses({name}, concrete.rstrip(".")) and name != concrete.rstrip(".") for name in imports_of(path) for concrete in CONCRETE):
            guilty.append(relative(path))
    assert guilty == []


@pytest.mark.parametrize("module", ["assistant", "assistant.stylist", "retrieval.search", "retrieval.catalogue"])
def test_importing_the_main_path_pulls_in_nothing_heavy(module):
    heavy = [name for name in HOMES if name not in ("pydantic", "pydantic_settings")]
    code = f"import sys, {module}; print([name for name in {heavy!r} if name in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_only_settings_reads_the_environment() -> None:
    guilty = []
    for path in sources():
        text = path.read_text(encoding="utf-8")
        allowed = ("assistant/settings.py", "assistant/bench/start.py", "assistant/bench/page.py")  # benches hand their own on to the app they start
        if ("os.environ" in text or "getenv" in text) and relative(path) not in allowed:
            guilty.append(relative(path))
    assert guilty == []


def test_the_top_level_is_as_agreed():
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if tracked.returncode:
        pytest.skip("not a git checkout")
    top = {name.split("/")[0] for name in tracked.stdout.splitlines()}
    allowed = {"assistant", "retrieval", "prompts", "data", "tests", "app.py", "chat_template.json", "pyproject.toml"}
    allowed |= {"README.md", "LICENSE", "requirements.lock"}
    assert {name for name in top if not name.startswith(".")} <= allowed
