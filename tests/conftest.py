"""Fixtures for everyone. Data that does not ship is found by name, and its absence is said by name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data (styles.csv, catalog-images.zip, ...): `OUTFIT_SHARED_DATA`, or `../shared/data`."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("OUTFIT_SHARED_DATA", default))
    if not (folder / "styles.csv").is_file():
        pytest.skip(f"real data not found: no styles.csv in {folder} (set OUTFIT_SHARED_DATA)")
    return folder
