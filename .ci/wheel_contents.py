"""Puts the files that ship into the wheel, inside `assistant`; an editable install reads them from the checkout."""

from __future__ import annotations

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SHIPPED = (
    "prompts",
    "data/vocabulary",
    "data/weights",
    "data/labels",
    "data/results",
    "data/demo/styles.csv",
    "data/demo/images",
    "data/demo/photos",
    "chat_template.json",
)


class WheelContents(BuildHookInterface):
    def initialize(self, version: str, build_data: dict) -> None:
        if version != "editable":
            build_data["force_include"].update({name: f"assistant/{name}" for name in SHIPPED})
