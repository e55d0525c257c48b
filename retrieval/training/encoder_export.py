"""A fine-tuned compact net as an image.onnx with the one output `instance`: with parity, and in int8 where that is close."""

from __future__ import annotations

import copy
import json
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import nn

from retrieval import resources
from retrieval.encoders.compact import HEIGHT_PX, IMAGE_FILE, WIDTH_PX, CompactModel, letterbox
from retrieval.errors import InvalidSetting, ModelError, StoreError
from retrieval.exports import Exported, Job
from retrieval.training import export as served
from retrieval.training.finetune import FinetuneConfig, Start
from retrieval.training.graph import read_start
from retrieval.training.nets import Backbone, NetConfig
from retrieval.training.pretrain import read_config

INT8_LOSS = 0.005  # share of pictures whose closest other one may differ in int8
LEAST_SAMPLES = 32


class Encoder(nn.Module):
    """(n, 80, 64, 3) uint8 -> (n, dim) of norm 1, batch norms of the backbone folded."""

    def __init__(self, start: Start) -> None:
        super().__init__()
        # names as in the image net that ships, so that the file can be begun from
        self.net = nn.ModuleDict({
            "backbone": served.fold(copy.deepcopy(start.backbone).eval()), "norm": copy.deepcopy(start.norm),
            "instance": nn.Sequential(copy.deepcopy(start.project)),
        })  # fmt: skip

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        x = (pixels.permute(0, 3, 1, 2).float() - 127.5) / 64
        z = self.net["norm"](self.net["backbone"](x))
        return nn.functional.normalize(self.net["instance"](z), dim=1)


def write_float(start: Start, net: NetConfig, file: Path) -> float:
    """Write the net as ONNX; returns the largest difference of onnxruntime from torch. ModelError above PARITY."""
    import onnx

    encoder = Encoder(start).eval().cpu()
    pixels = np.random.default_rng(0).integers(0, 256, (5, HEIGHT_PX, WIDTH_PX, 3), dtype=np.uint8)
    program = torch.onnx.export(
        encoder, (torch.from_numpy(pixels),), input_names=["pixels"], output_names=["instance"], opset_version=18,
        dynamic_shapes={"pixels": {0: torch.export.Dim("n", min=1, max=4096)}}, dynamo=True, verbose=False,
    )  # fmt: skip
    model = program.model_proto
    about = {"heads": {}, "net": net.as_dict() | {"heads": {}}}
    onnx.helper.set_model_props(model, {"outfit": json.dumps(about)})
    onnx.save(model, file)
    with torch.no_grad():
        want = encoder(torch.from_numpy(pixels)).numpy()
    gap = float(np.abs(CompactModel(file).outputs_of(list(pixels))["instance"] - want).max())
    if not gap <= served.PARITY:
        raise ModelError(f"{file} differs from the trained net by {gap:.2e}: at most {served.PARITY:g} is allowed")
    return gap


def write_encoder(start: Start, net: NetConfig, file: Path, pictures: np.ndarray) -> tuple[float, str]:
    """Write the net to `file`, as int8 where for `pictures` (n, 80, 64, 3) uint8 the closest other one stays the same but
    for INT8_LOSS. Returns the largest difference from torch in float, and the precision. An older file stays whole until
    the new one is.
    """
    with tempfile.TemporaryDirectory() as folder:
        full, small = Path(folder) / "float.onnx", Path(folder) / "int8.onnx"
        gap = write_float(start, net, full)
        served.quantise(full, small, pictures[:256])
        is_close = same_nearest(full, small, pictures) >= 1 - INT8_LOSS
        _put(small if is_close else full, file)
    return gap, "int8" if is_close else "float32"


def same_nearest(one: Path, other: Path, pictures: np.ndarray) -> float:
    """The share of pictures that find the same other picture first in both files."""
    found = []
    for file in (one, other):
        z = CompactModel(file).outputs_of(list(pictures))["instance"]
        scores = z @ z.T
        np.fill_diagonal(scores, -np.inf)
        found.append(scores.argmax(1))
    return float((found[0] == found[1]).mean())


def load_finetuned(path: Path) -> tuple[Start, NetConfig]:
    """The net of a `finetune.pt`. Raises InvalidSetting where there is none, or its backbone is no compact one."""
    if not path.is_file():
        raise InvalidSetting(f"no checkpoint {path}", hint="outfit train finetune FOLDER, or outfit train shop FOLDER")
    state = torch.load(path, map_location="cpu", weights_only=True)
    config = read_config(FinetuneConfig, state["config"])
    parts = state["parts"]

    def of(prefix: str) -> dict[str, torch.Tensor]:
        return {k.removeprefix(prefix): v for k, v in parts.items() if k.startswith(prefix)}

    backbone = Backbone(config.net)
    if "last.0.bias" in of("backbone."):  # begun from a served net: its batch norms are folded in
        backbone = served.fold(backbone.eval())
    norm, project = nn.BatchNorm1d(backbone.dim), nn.Linear(backbone.dim, len(parts["project.weight"]))
    try:
        backbone.load_state_dict(of("backbone."))
    except RuntimeError as error:
        raise InvalidSetting(f"the backbone of {path} is no compact net", hint="only those are exported here") from error
    norm.load_state_dict(of("norm."))
    project.load_state_dict(of("project."))
    return Start(backbone, norm, project), config.net


def export(job: Job) -> Exported:
    """The exporter of the registry's row: `weights` is the folder of a fine-tuning run, or of a served image.onnx; the
    shipped one unless said.
    """
    folder = Path(job.options.get("weights") or resources.path("weights"))
    is_run = (folder / "finetune.pt").is_file()
    start, net = load_finetuned(folder / "finetune.pt") if is_run else read_start(folder / IMAGE_FILE)
    job.out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        full, small = Path(temporary) / "float.onnx", Path(temporary) / "int8.onnx"
        figures = {"largest difference from torch": write_float(start, net, full), "bytes": float(full.stat().st_size)}
        files = [_put(full, job.out)]
        if job.int8:
            pictures = _samples(job)
            served.quantise(full, small, pictures)
            figures["int8: bytes"] = float(small.stat().st_size)
            figures["int8: share with the same closest picture"] = same_nearest(full, small, pictures)
            files.append(_put(small, job.out.with_suffix(".int8.onnx")))
    return Exported(tuple(files), figures)


def _samples(job: Job) -> np.ndarray:
    from retrieval.training.folder import read_folder

    folder = job.samples or resources.path("demo/images")
    found = read_folder(folder)
    from PIL import Image

    return np.stack([np.asarray(letterbox(Image.fromarray(p)), np.uint8) for p in found.pictures[:512]])


def _put(source: Path, target: Path) -> Path:
    part = target.with_name(f"{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(source.read_bytes())
        part.replace(target)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise StoreError(f"{target} cannot be written: {error.strerror}", hint="make room and run it again") from error
    return target
