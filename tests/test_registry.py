from __future__ import annotations

import importlib

import pytest

from retrieval import registry
from retrieval.errors import ModelNotFound, ModelUnavailable
from retrieval.registry import Model


def test_names_are_unique_within_a_role_and_fallbacks_exist():
    names = [(model.role, model.name) for model in registry.MODELS]
    assert len(names) == len(set(names))
    for model in registry.MODELS:
        if model.fallback:
            assert registry.row(model.role, model.fallback)


@pytest.mark.parametrize("model", registry.MODELS, ids=lambda m: f"{m.role} {m.name}")
def test_each_row_points_at_a_class_or_says_what_is_missing(model):
    if registry.missing(model):
        pytest.skip(f"{model.role} {model.name}: {registry.missing(model)}")
    module, _, cls = model.factory.partition(":")
    assert isinstance(getattr(importlib.import_module(module), cls), type)


def test_an_unknown_name_is_refused_with_the_names_there_are():
    with pytest.raises(ModelNotFound, match="no text encoder is called 'bert': there are hashing, compact"):
        registry.load("text encoder", "bert")


def test_a_fallback_stands_in_and_says_so(monkeypatch):
    lost = Model("lost", "text encoder", "nowhere:Nothing", "", weights=("weights/lost.onnx",), fallback="hashing")
    monkeypatch.setattr(registry, "MODELS", (*registry.MODELS, lost))
    loaded = registry.load("text encoder", "lost")
    assert loaded.row.name == "hashing"
    assert loaded.notice == (
        "the text encoder 'lost' cannot be loaded (weights/lost.onnx is not there): 'hashing' stands in for it"
    )


def test_without_a_fallback_it_is_an_error_that_names_the_package(monkeypatch):
    needy = Model("needy", "detector", "nowhere:Nothing", "", packages=("no_such_package",), extra="models")
    monkeypatch.setattr(registry, "MODELS", (needy,))
    with pytest.raises(ModelUnavailable, match=r"package no_such_package is not installed: pip install"):
        registry.load("detector", "needy")


class Asked:
    """A model that remembers what it was called with."""

    def __init__(self, **given):
        if given.get("url") == "nowhere":
            raise ModelUnavailable("no answer from nowhere", hint="start it")
        self.given = given


def test_a_row_takes_the_options_it_names_above_its_own_arguments(monkeypatch):
    row = Model("asked", "detector", f"{__name__}:Asked", "", arguments=(("arch", "s"), ("size", 8)), takes=("size", "url"))
    monkeypatch.setattr(registry, "MODELS", (row,))
    assert registry.load("detector", "asked", {"size": 16, "url": None, "key": "k"}).model.given == {"arch": "s", "size": 16}
    assert registry.load("detector", "asked").model.given == {"arch": "s", "size": 8}


def test_a_model_that_does_not_come_up_is_replaced_where_a_fallback_is_named_and_told_otherwise(monkeypatch):
    far = Model("far", "detector", f"{__name__}:Asked", "", takes=("url",))
    with_fallback = Model("careful", "detector", f"{__name__}:Asked", "", takes=("url",), fallback="whole-image")
    monkeypatch.setattr(registry, "MODELS", (*registry.MODELS, far, with_fallback))
    loaded = registry.load("detector", "careful", {"url": "nowhere"})
    assert loaded.row.name == "whole-image"
    assert "(no answer from nowhere): 'whole-image' stands in" in loaded.notice
    with pytest.raises(ModelUnavailable, match="no answer from nowhere") as refused:
        registry.load("detector", "far", {"url": "nowhere"})
    assert refused.value.hint == "start it"
