"""The detectors behind the port: each runs the contract suite, and what is its own is proved here."""

from __future__ import annotations

import logging

import pytest
from PIL import Image

from retrieval.crops import OneGarment, outcome
from retrieval.detectors.whole_image import WholeImageDetector
from retrieval.items import Box
from tests.contracts.detector import DetectorContract


class TestWholeImage(DetectorContract):
    @pytest.fixture
    def detector(self):
        return WholeImageDetector()

    def test_the_box_is_the_picture_and_nobody_is_told_it_was_looked_at(self, detector):
        (one,) = detector.detect(Image.new("RGB", (30, 20)), labels=["hat"])
        assert one.box == Box(0, 0, 30, 20)
        assert one.confidence == 0
        assert one.slot is None
        assert isinstance(outcome([one]), OneGarment)

    def test_the_fallback_is_announced(self, caplog):
        with caplog.at_level(logging.WARNING):
            detector = WholeImageDetector()
        assert detector.notice in caplog.text
