"""Torch encoders into ONNX files, with what they lose: differences from the original, and of 8-bit weights."""

from __future__ import annotations

import csv
import json
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from retrieval import images, resources
from retrieval.encoders import onnx_file
from retrieval.encoders.clip import ClipImageEncoder
from retrieval.encoders.gte import GteTextEncoder, pooled
from retrieval.errors import InvalidInput, ModelError
from retrieval.exports import PARITY, Exported, Job
from retrieval.ports import Space
from retrieval.registry import resolve

_MOST_SAMPLES = 200
_PICTURES = ("*.jpg", "*.jpeg", "*.png", "*.webp")
_NEIGHBOURS = 10


def image_encoder(job: Job) -> Exported:
    """Export a DINO, CLIP or SigLIP image encoder: pixels (n, 3, s, s) float32 in, (n, dim) of norm 1 out."""
    encoder = _load(job)
    if isinstance(encoder, ClipImageEncoder):
        network, pixels = _Tower(encoder.towers.network, encoder.towers.images), encoder.towers.pixels
    else:
        network, pixels = _Tower(encoder.network, encoder.network), encoder.pixels
    example = (torch.zeros(2, 3, pixels.size_px, pixels.size_px),)
    axes = {"pixels": {0: "n"}}
    facts = {"space": asdict(encoder.space), "pixels": pixels.facts()}
    job.say(f"writing {job.out}")
    _write(network, example, axes, job.out, facts)
    samples = _sample_pictures(job)
    return _measured(
        job, lambda: encoder.encode_images(samples), lambda file: onnx_file.OnnxImageEncoder(str(file)).encode_images(samples)
    )


def text_encoder(job: Job) -> Exported:
    """Export a GTE text encoder: tokens (n, t) int64 in, (n, dim) of norm 1 out; its words go beside the file."""
    encoder = _load(job)
    tokenizer = getattr(encoder.tokenizer, "backend_tokenizer", None)
    if not isinstance(encoder, GteTextEncoder) or tokenizer is None:
        raise InvalidInput(f"{job.model.name} has no words in a form that runs without torch", hint="outfit models")
    names = [n for n in ("input_ids", "attention_mask", "token_type_ids") if n in encoder.tokenizer.model_input_names]
    network = _Sentence(encoder.network, encoder.pooling, names)
    example = tuple(torch.ones(2, 9, dtype=torch.int64) for _ in names)
    axes = {name: {0: "n", 1: "t"} for name in names}
    facts = {"space": asdict(encoder.space), "inputs": names}
    job.say(f"writing {job.out}")
    _write(network, example, axes, job.out, facts)
    tokenizer.enable_truncation(encoder.max_tokens)
    tokenizer.enable_padding(pad_id=encoder.tokenizer.pad_token_id, pad_token=encoder.tokenizer.pad_token)
    words = onnx_file.tokenizer_file(job.out)
    tokenizer.save(str(words))
    samples = _sample_texts(job)
    done = _measured(
        job, lambda: encoder.encode_documents(samples), lambda file: onnx_file.OnnxTextEncoder(str(file)).encode_documents(samples)
    )
    return replace(done, files=(*done.files, words))


class _Tower(nn.Module):
    """(n, 3, s, s) -> (n, dim) of norm 1."""

    def __init__(self, network: nn.Module, see: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.network, self.see = network, see

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return nn.functional.normalize(self.see(pixels), dim=-1)


class _Sentence(nn.Module):
    """(n, t) tokens -> (n, dim) of norm 1."""

    def __init__(self, network: nn.Module, pooling: str, names: Sequence[str]) -> None:
        super().__init__()
        self.network, self.pooling, self.names = network, pooling, list(names)

    def forward(self, *tokens: torch.Tensor) -> torch.Tensor:
        given = dict(zip(self.names, tokens, strict=True))
        hidden = self.network(**given).last_hidden_state
        return nn.functional.normalize(pooled(hidden, given["attention_mask"], self.pooling), dim=-1)


def _load(job: Job) -> Any:
    """The original on the processor in float32: what parity is measured against."""
    if job.out.suffix != ".onnx":
        raise InvalidInput(f"{job.out}: expected a file that ends in .onnx")
    return resolve(job.model.factory)(**job.model.given({**job.options, "device": "cpu", "precision": "float32"}))


def _write(network: nn.Module, example: tuple, axes: Mapping[str, dict], out: Path, facts: Mapping[str, Any]) -> None:
    import onnx

    out.parent.mkdir(parents=True, exist_ok=True)
    with torch.inference_mode(), warnings.catch_warnings():
        # what is fixed while writing would show in the comparison, which runs over inputs of other sizes
        warnings.simplefilter("ignore", torch.jit.TracerWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            network.eval(), example, str(out), input_names=list(axes), output_names=["vectors"],
            dynamic_axes={**axes, "vectors": {0: "n"}}, opset_version=17, dynamo=False,
        )  # fmt: skip
    model = onnx.load(out)
    onnx.helper.set_model_props(model, {onnx_file.FACTS: json.dumps(facts)})
    onnx.save(model, out)


def _measured(job: Job, original: Callable[[], np.ndarray], exported: Callable[[Path], np.ndarray]) -> Exported:
    """Parity of the written file, which above PARITY is an error, and what 8-bit weights lose, which is told."""
    job.say("comparing")
    want, original_s = _timed(original)
    got, onnx_s = _timed(lambda: exported(job.out))
    gap = float(np.abs(got - want).max())
    figures = {
        "samples": len(want), "largest difference": gap, "seconds a sample, torch": original_s / len(want),
        "seconds a sample, ONNX": onnx_s / len(want), "MB": job.out.stat().st_size / 1e6,
    }  # fmt: skip
    if not gap <= PARITY:
        raise ModelError(f"{job.out} differs from the original by {gap:.2e}: at most {PARITY:g} is allowed")
    if not job.int8:
        return Exported((job.out,), figures)
    small = job.out.with_name(job.out.name.removesuffix(".onnx") + ".int8.onnx")
    job.say(f"writing {small}")
    _quantise(job.out, small)
    rows, int8_s = _timed(lambda: exported(small))
    cosines = (rows * want).sum(1)
    figures |= {
        "int8 least cosine": float(cosines.min()), "int8 mean cosine": float(cosines.mean()),
        f"int8 same of {_NEIGHBOURS} neighbours": _agreement(want, rows), "int8 seconds a sample": int8_s / len(want),
        "int8 MB": small.stat().st_size / 1e6,
    }  # fmt: skip
    return Exported((job.out, small), figures)


def _quantise(file: Path, out: Path) -> None:
    """8-bit weights of the matrix products, activations by their range at run time. It writes into a space of its own."""
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(str(file), str(out), op_types_to_quantize=["MatMul"], per_channel=True, weight_type=QuantType.QInt8)
    model = onnx.load(out)
    facts = json.loads({p.key: p.value for p in onnx.load(file, load_external_data=False).metadata_props}[onnx_file.FACTS])
    space = Space(**facts["space"])
    facts["space"] = asdict(replace(space, revision=f"{space.revision}-int8"))
    onnx.helper.set_model_props(model, {onnx_file.FACTS: json.dumps(facts)})
    onnx.save(model, out)


def _agreement(want: np.ndarray, got: np.ndarray) -> float:
    """Share of each sample's nearest others that both find."""
    k = min(_NEIGHBOURS, len(want) - 1)
    if k < 1:
        return 1.0

    def nearest(rows: np.ndarray) -> list[set[int]]:
        scores = rows @ rows.T
        np.fill_diagonal(scores, -np.inf)
        return [set(row) for row in np.argsort(-scores, axis=1, kind="stable")[:, :k].tolist()]

    return float(np.mean([len(a & b) / k for a, b in zip(nearest(want), nearest(got), strict=True)]))


def _timed(work: Callable[[], np.ndarray]) -> tuple[np.ndarray, float]:
    began = time.perf_counter()
    return work(), time.perf_counter() - began


def _sample_pictures(job: Job) -> list:
    """Pictures to measure with: of the folder that was given, else of the demo catalogue."""
    folder = job.samples or resources.path("demo/images")
    files = sorted(file for pattern in _PICTURES for file in folder.rglob(pattern))[:_MOST_SAMPLES]
    if not files:
        raise InvalidInput(f"no pictures in {folder}: expected .jpg, .png or .webp files", hint="--samples FOLDER")
    return [images.read(file) for file in files]


def _sample_texts(job: Job) -> list[str]:
    """Texts to measure with: the lines of the file that was given, else the demo catalogue's titles."""
    if job.samples is None:
        with resources.path("demo/styles.csv").open(encoding="utf-8", newline="") as file:
            return [row["productDisplayName"] for row in csv.DictReader(file)][:_MOST_SAMPLES]
    try:
        lines = job.samples.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{job.samples} cannot be read as text: {error}", hint="--samples FILE, a text a line") from error
    texts = [line.strip() for line in lines if line.strip()][:_MOST_SAMPLES]
    if not texts:
        raise InvalidInput(f"{job.samples} holds no text", hint="--samples FILE, a text a line")
    return texts
