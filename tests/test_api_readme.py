"""The README's examples for the API, run as they stand against a server on loopback."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from assistant.api.app import create_api
from tests.api_server import garment, serving, small_shop

README = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")
WRITTEN = "http://127.0.0.1:7860"


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    shop = small_shop(tmp_path_factory.mktemp("shop"))
    with serving(create_api(shop)) as found:
        yield found
    shop.close()


def example(language: str) -> str:
    blocks = re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)
    (found,) = [block for block in blocks if WRITTEN in block]
    return found


def test_the_python_example(address, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    garment((40, 60, 130)).save("photo.jpg")
    names: dict = {}
    exec(compile(example("python").replace(WRITTEN, address), "README.md", "exec"), names)
    assert names["looks"] and "Look 1" in capsys.readouterr().out


def test_the_javascript_example(address, tmp_path):
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    garment((40, 60, 130)).save(tmp_path / "photo.jpg")
    (tmp_path / "example.mjs").write_text(example("js").replace(WRITTEN, address))
    command = ["node", "example.mjs"]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60).stdout
    assert "Look 1" in told and re.search(r"'\d+'", told)


def test_the_curl_example(address):
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    command = example("sh").replace(WRITTEN, address)
    told = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True, timeout=60).stdout
    assert json.loads(told)["data"][0]["item"]["sku"] == "2"
