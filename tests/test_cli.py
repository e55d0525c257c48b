"""The commands as a person runs them, in a process of their own."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from assistant.desk import open_desk
from assistant.desk.knobs import Knobs
from assistant.settings import Settings
from retrieval import resources
from retrieval.catalogue import Catalogue

ROOT = Path(__file__).resolve().parents[1]


def outfit(home: Path, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {"OUTFIT_HOME": str(home), "PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "COLUMNS": "200"}
    return subprocess.run(
        [sys.executable, "-m", "assistant.cli", *arguments],
        env=environment, cwd=cwd or home, capture_output=True, text=True, timeout=240,
    )


@pytest.fixture
def home(demo, demo_settings: Settings) -> Path:
    return demo_settings.home


def test_every_command_has_help_and_a_paragraph(tmp_path):
    overview = outfit(tmp_path, "--help").stdout
    commands = re.findall(r"^│ ([a-z-]+)  +\S", overview, flags=re.MULTILINE)
    assert {"app", "ingest", "search", "recommend", "models", "doctor"} <= set(commands)
    for command in commands:
        text = outfit(tmp_path, command, "--help").stdout
        assert "Usage:" in text and len(text) > 300, command


def test_models_are_listed_with_what_they_lack(tmp_path):
    shown = outfit(tmp_path, "models").stdout
    assert "hashing" in shown and "grounding-dino" in shown
    assert re.search(r"whole-image .*ready", shown)


def test_doctor_on_a_fresh_machine_finds_nothing_fatal(tmp_path):
    done = outfit(tmp_path, "doctor")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "demo catalogue" in done.stdout


def test_doctor_names_a_home_that_cannot_be_written(tmp_path):
    (tmp_path / "taken").write_text("a file, not a folder")
    done = outfit(tmp_path / "taken", "doctor", cwd=tmp_path)
    assert done.returncode == 1
    assert "OUTFIT_HOME" in done.stdout


@pytest.mark.parametrize("words", ["women black jeans", "女士黑色牛仔裤"])
def test_search_by_words_in_both_languages(home, words):
    done = outfit(home, "search", words, "-k", "3")
    assert done.returncode == 0, done.stderr
    first = done.stdout.splitlines()[1]
    assert "Jeans" in first and "Women" in first and "Black" in first


def test_search_under_conditions_that_nothing_passes_says_so(home):
    done = outfit(home, "search", "shoes", "--max-price", "0.01")
    assert done.stdout.strip() == "Nothing in the catalogue passes these conditions."


def test_recommend_prints_looks_and_writes_json_and_a_page(home, tmp_path):
    entry = next(e for e in json.loads(resources.path("demo/photos/photos.json").read_text()) if len(e["garments"]) == 1)
    photo = resources.path("demo/photos") / entry["file"]
    box = ",".join(str(side) for side in entry["garments"][0]["box"])
    done = outfit(
        home, "recommend", str(photo), "--box", box, "--json", str(tmp_path / "a.json"), "--html", str(tmp_path / "a.html")
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads((tmp_path / "a.json").read_text())
    assert len(answer["looks"]) == 3
    for look in answer["looks"]:
        assert look["title"] in done.stdout
        for piece in look["pieces"]:
            assert piece["item"]["sku"] in done.stdout
    page = (tmp_path / "a.html").read_text()
    assert answer["looks"][0]["pieces"][0]["item"]["title"] in page
    assert not re.search(r"""(src|href)=["']https?://(?!shop\.example)""", page)  # the page carries its own pictures


def test_a_feed_of_ones_own_replaces_the_demo(tmp_path):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    Image.new("RGB", (60, 80), (20, 20, 20)).save(pictures / "a1.jpg")
    Image.new("RGB", (60, 80), (200, 30, 30)).save(pictures / "a2.jpg")
    (tmp_path / "feed.csv").write_text(
        "code,name,type,gender,colour\na1,Women Black Jeans,Jeans,Women,Black\na2,Women Red Top,Tops,Women,Red\n"
        "a3,Women Lost Top,Tops,Women,Red\n"
    )
    pairs = ("--map", "sku=code", "--map", "title=name", "--map", "category=type")
    done = outfit(tmp_path, "ingest", "feed.csv", "--images", "pictures", *pairs)
    assert done.returncode == 0, done.stderr
    assert "3 rows: 2 added" in done.stdout and "1 rejected" in done.stdout
    again = outfit(tmp_path, "ingest", "feed.csv", "--images", "pictures", *pairs)
    assert "2 unchanged" in again.stdout
    assert "a2" in outfit(tmp_path, "search", "red top").stdout.splitlines()[1]
    catalogue = Catalogue.open(f"sqlite:///{tmp_path / 'shop' / 'catalogue.db'}")
    desk = open_desk(catalogue, 1, 1.0)
    desk.profiles.save("summer", Knobs(0.5, 12, 6, 3, True, 0.0, 0.4, 1.0, 1.0), {}, "Mei")
    desk.in_use.choose("summer", "Mei")
    catalogue.close()
    found = outfit(tmp_path, "doctor").stdout
    assert "2 items" in found and "'summer' stands in for the settings of its knobs (put to use by Mei" in found


@pytest.mark.parametrize(
    ("arguments", "named", "step"),
    [
        (("recommend", "nothing.jpg"), "nothing.jpg", ""),
        (("recommend", "feed.txt"), "feed.txt", ""),
        (("search",), "search wants words or --image", "outfit search"),
        (("ingest", "feed.txt", "--images", "."), "feed.txt", ""),
        (("ingest", "nothing.csv", "--images", "."), "nothing.csv", ""),
        (("rebuild",), "no catalogue to rebuild", "outfit ingest"),
        (("evaluate", "beauty"), "no task is called 'beauty'", ""),
        (("models", "export", "hashing"), "is not exported", "outfit models"),
        (("models", "export", "compact", "--role", "shoes"), "expected one of detector", "outfit models"),
        (("bench", "looks", "--data", "nowhere"), "nowhere", "--data"),
    ],
)
def test_what_goes_wrong_is_one_sentence_and_the_next_step(tmp_path, arguments, named, step):
    (tmp_path / "feed.txt").write_text("hello\n")
    done = outfit(tmp_path, *arguments)
    assert done.returncode == 1
    assert named in done.stderr and step in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("error:") == 1
