"""Text search by the encoder in use, on the titles of the public catalogue."""

from __future__ import annotations

from pathlib import Path

from assistant import models
from assistant.settings import Settings
from retrieval.evaluation.results import Result
from retrieval.evaluation.text_search import measure_text_search


def evaluate_text_search(data: Path, seed: int) -> Result:
    """The figures of `retrieval.evaluation.text_search` for the text encoder of the settings."""
    return measure_text_search(models.load(Settings.load(), "text encoder").model, data, seed)
