"""Encoders in ONNX files that `outfit models export` wrote: the same vectors without torch.

A file says in its metadata which space it writes into and how its inputs are prepared. The words of a text encoder lie
beside it, in `NAME.tokenizer.json`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from retrieval.encoders.pixels import Pixels
from retrieval.errors import InvalidReply, InvalidSetting, ModelUnavailable, OutfitError
from retrieval.ports import Space
from retrieval.vectors import l2_normalize

if TYPE_CHECKING:
    from PIL.Image import Image

FACTS = "outfit-encoder"  # the metadata's key
BATCH = 16
_HINT = "write one: outfit models export NAME, and give its path by OUTFIT_{}_WEIGHTS"


class _File:
    """One file: a session, the space, and the facts about its inputs. Raises InvalidSetting, ModelUnavailable."""

    def __init__(self, weights: str | None, modality: str, threads: int) -> None:
        import onnxruntime

        hint = _HINT.format(modality.upper())
        if weights is None:
            raise InvalidSetting(f"the {modality} encoder 'onnx' has no file", hint=hint)
        self.path = Path(weights).expanduser()
        if not self.path.is_file():
            raise ModelUnavailable(f"ONNX encoder not found: no file {self.path}", hint=hint)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = 3
        available = onnxruntime.get_available_providers()
        providers = [name for name in ("CUDAExecutionProvider", "CPUExecutionProvider") if name in available]
        try:
            self._session = onnxruntime.InferenceSession(str(self.path), options, providers=providers)
            self.facts: dict[str, Any] = json.loads(self._session.get_modelmeta().custom_metadata_map[FACTS])
            self.space = Space(**self.facts["space"])
        except Exception as error:  # onnxruntime's own exceptions have no base of their own
            told = str(error).strip().splitlines()
            raise ModelUnavailable(
                f"{self.path} is no encoder that this project exported: {told[0][:200] if told else type(error).__name__}",
                hint=hint,
            ) from error
        if self.space.modality != modality:
            raise ModelUnavailable(f"{self.path} encodes {self.space.modality}s: expected {modality}s", hint=hint)

    def run(self, given: dict[str, np.ndarray]) -> np.ndarray:
        """(n, dim) float32, rows of L2 norm 1. Raises InvalidReply where the file's numbers ran over."""
        (rows,) = self._session.run(None, given)
        try:
            return l2_normalize(rows)
        except OutfitError as error:
            raise InvalidReply(f"{self.path} gave no vector: {error}", hint="export it anew, without --int8") from error


class OnnxImageEncoder:
    """Port `ImageEncoder` of an exported file."""

    def __init__(self, weights: str | None = None, *, threads: int = 1) -> None:
        self._file = _File(weights, "image", threads)
        self.space = self._file.space
        self._pixels = Pixels.of(self._file.facts["pixels"])

    def encode_images(self, images: Sequence[Image]) -> np.ndarray:
        """RGB pictures of any size -> (n, dim) float32, rows of L2 norm 1."""
        rows = [np.zeros((0, self.space.dim), np.float32)]
        for start in range(0, len(images), BATCH):
            rows.append(self._file.run({"pixels": self._pixels.prepare(images[start : start + BATCH])}))
        return np.concatenate(rows)


class OnnxTextEncoder:
    """Port `TextEncoder` of an exported file, with its words beside it."""

    def __init__(self, weights: str | None = None, *, threads: int = 1) -> None:
        self._file = _File(weights, "text", threads)
        self.space = self._file.space
        self._inputs = self._file.facts["inputs"]
        words = tokenizer_file(self._file.path)
        if not words.is_file():
            raise ModelUnavailable(f"{self._file.path} has no words: no file {words}", hint="copy both files that were written")
        from tokenizers import Tokenizer

        self._tokenizer = Tokenizer.from_file(str(words))

    def encode_queries(self, texts: Sequence[str]) -> np.ndarray:
        """What people ask -> (n, dim) float32, rows of L2 norm 1."""
        return self._encode(texts)

    def encode_documents(self, texts: Sequence[str]) -> np.ndarray:
        """What the catalogue says -> (n, dim) float32, rows of L2 norm 1."""
        return self._encode(texts)

    def _encode(self, texts: Sequence[str]) -> np.ndarray:
        rows = np.zeros((len(texts), self.space.dim), np.float32)
        by_length = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        for start in range(0, len(texts), BATCH):
            at = by_length[start : start + BATCH]
            told = self._tokenizer.encode_batch([texts[i] for i in at])
            columns = {
                "input_ids": [one.ids for one in told],
                "attention_mask": [one.attention_mask for one in told],
                "token_type_ids": [one.type_ids for one in told],
            }
            rows[at] = self._file.run({name: np.array(columns[name], np.int64) for name in self._inputs})
        return rows


def tokenizer_file(file: Path) -> Path:
    """Where the words of a text encoder's file lie; the int8 file shares those of the full one."""
    return file.with_name(file.name.removesuffix(".onnx").removesuffix(".int8") + ".tokenizer.json")
