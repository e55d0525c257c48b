"""What the README says is true: its commands, its settings, its links."""

from __future__ import annotations

import re
from pathlib import Path

from assistant.settings import markdown_table

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_settings_table_is_the_settings():
    table = re.search(r"<!-- settings.*?-->\n(.*?)\n<!-- /settings -->", README, flags=re.DOTALL)[1]
    assert table.strip() == markdown_table(), "print it anew with `outfit settings`"


def test_continuous_integration_runs_the_readmes_test_command():
    command = next(line for line in README.splitlines() if line.endswith("-m pytest"))
    assert command in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_every_file_that_is_named_exists():
    named = set(re.findall(r"\]\(([^)#:]+)\)", README)) | set(re.findall(r"`((?:assistant|retrieval|data|tests|prompts)/[^`*]*)`", README))
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_outfit_command_that_is_shown_exists():
    from typer.main import get_command

    from assistant.cli import app

    commands = set(get_command(app).commands)
    shown = set(re.findall(r"^outfit ([a-z-]+)", README, flags=re.MULTILINE)) | set(re.findall(r"`outfit ([a-z-]+)", README))
    assert shown and shown <= commands
