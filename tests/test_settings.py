from __future__ import annotations

import pytest

from assistant.settings import Settings, markdown_table
from retrieval.errors import InvalidSetting


@pytest.fixture(autouse=True)
def nowhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"OUTFIT_{name.upper()}", raising=False)


def test_each_value_knows_its_source_and_the_stronger_source_wins(tmp_path, monkeypatch):
    (tmp_path / "outfit.toml").write_text('port = 1111\nlooks = 2\nlang = "zh"\n')
    monkeypatch.setenv("OUTFIT_PORT", "2222")
    monkeypatch.setenv("OUTFIT_LOOKS", "4")
    settings = Settings.load(looks=5, host=None)
    assert (settings.looks, settings.source_of("looks")) == (5, "argument")
    assert (settings.port, settings.source_of("port")) == (2222, "environment (OUTFIT_PORT)")
    assert (settings.lang, settings.source_of("lang")) == ("zh", "file (outfit.toml)")
    assert (settings.host, settings.source_of("host")) == ("127.0.0.1", "default")


@pytest.mark.parametrize(
    ("variable", "value", "named"),
    [("OUTFIT_PORT", "seventy", "port"), ("OUTFIT_LOOKS", "99", "looks"), ("OUTFIT_LANG", "fr", "lang")],
)
def test_a_wrong_value_is_named_with_what_was_expected(monkeypatch, variable, value, named):
    monkeypatch.setenv(variable, value)
    with pytest.raises(InvalidSetting, match=rf"setting {named} = '{value}': input should be"):
        Settings.load()


def test_a_misspelt_name_in_the_file_is_refused(tmp_path):
    (tmp_path / "outfit.toml").write_text("prot = 1\n")
    with pytest.raises(InvalidSetting, match="prot"):
        Settings.load()


def test_a_file_that_is_not_toml_is_named(tmp_path):
    (tmp_path / "outfit.toml").write_text("= 1\n")
    with pytest.raises(InvalidSetting, match=r"outfit\.toml"):
        Settings.load()


def test_a_key_is_never_printed():
    settings = Settings.load(vlm_api_key="sk-very-secret")
    assert "very-secret" not in repr(settings) + str(settings.model_dump())


def test_the_table_names_every_setting():
    assert all(f"| `{name}` |" in markdown_table() for name in Settings.model_fields)
