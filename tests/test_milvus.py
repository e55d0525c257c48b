"""Milvus by a file of Milvus Lite. Skipped by name where the extra [scale] is not installed."""

from __future__ import annotations

import pytest

from retrieval.indexes.milvus import MilvusIndex, open_milvus
from tests.contracts.vector_index import SPACE, VectorIndexContract

pytest.importorskip("pymilvus", reason="pymilvus is not installed: pip install -e '.[scale]'")
pytest.importorskip("milvus_lite", reason="milvus-lite is not installed: pip install -e '.[scale]'")


class TestMilvus(VectorIndexContract):
    def make(self, tmp_path, space=SPACE):
        place = str(tmp_path / "rows.db")
        return MilvusIndex(open_milvus(place), place, "test_rows", space)
