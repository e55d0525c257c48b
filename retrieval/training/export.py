"""Trained nets into the files that ship: ONNX with parity, int8 by static quantisation, the text tower as arrays."""

from __future__ import annotations

import copy
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from retrieval.encoders.compact import HEIGHT_PX, WIDTH_PX, Head
from retrieval.errors import ModelError
from retrieval.training.nets import CompactNet, TextNet

PARITY = 1e-4  # largest absolute difference allowed between torch and onnxruntime, on embeddings of norm 1 and logits
EMBEDDINGS = ("shared", "instance")


class Served(nn.Module):
    """The image net as it is served: (n, 80, 64, 3) uint8 in, embeddings and logits out, batch norms folded. With
    `pooled`, the features before the heads as well.
    """

    def __init__(self, net: CompactNet, pooled: bool = False) -> None:
        super().__init__()
        self.net = fold(copy.deepcopy(net).eval())
        self.names = [*EMBEDDINGS, *net.heads, *(["pooled"] if pooled else [])]

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, ...]:
        x = (pixels.permute(0, 3, 1, 2).float() - 127.5) / 64
        pooled = self.net.backbone(x)
        out = self.net.embed(pooled) | {"pooled": pooled}
        return tuple(out[name] for name in self.names)


def fold(net: nn.Module) -> nn.Module:
    """Replace each convolution or linear layer followed by a batch norm by one layer that does both, in place."""
    for module in net.modules():
        if isinstance(module, nn.Sequential):
            for i in range(len(module) - 1):
                first, second = module[i], module[i + 1]
                if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d):
                    module[i], module[i + 1] = fuse_conv_bn_eval(first, second), nn.Identity()
                elif isinstance(first, nn.Linear) and isinstance(second, nn.BatchNorm1d):
                    module[i], module[i + 1] = _fuse_linear(first, second), nn.Identity()
    return net


def _fuse_linear(linear: nn.Linear, norm: nn.BatchNorm1d) -> nn.Linear:
    """One linear layer for a linear layer without bias and a batch norm without scale and shift."""
    scale = torch.rsqrt(norm.running_var + norm.eps)
    fused = nn.Linear(linear.in_features, linear.out_features)
    fused.weight = nn.Parameter((linear.weight * scale[:, None]).detach())
    fused.bias = nn.Parameter((-norm.running_mean * scale).detach())
    return fused


def export_image(
    net: CompactNet, file: Path, heads: Mapping[str, Head], *, pooled: bool = False, half: bool = False
) -> float:
    """Write the net as ONNX with what its heads mean; returns the largest difference from torch on random pictures.

    `pooled` adds the features before the heads as an output; `half` stores the convolutions' weights as float16 (they are
    computed in float32). Raises ModelError above PARITY.
    """
    import onnx
    import onnxruntime

    served = Served(net, pooled).eval()
    if half:
        round_to_half(served)
    rng = np.random.default_rng(0)
    pixels = torch.from_numpy(rng.integers(0, 256, (5, HEIGHT_PX, WIDTH_PX, 3), dtype=np.uint8))
    program = torch.onnx.export(
        served,
        (pixels,),
        input_names=["pixels"],
        output_names=served.names,
        dynamic_shapes={"pixels": {0: torch.export.Dim("n", min=1, max=4096)}},
        opset_version=18,
        dynamo=True,
        verbose=False,
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    model = program.model_proto
    forget_where_it_was_made(model)
    if half:
        model = stored_as_half(model)
    onnx.helper.set_model_props(model, {"outfit": _about(net, heads)})
    onnx.save(model, file)
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    got = session.run(None, {"pixels": pixels.numpy()})
    with torch.no_grad():
        if half:
            want = dict(zip(served.names, served(pixels), strict=True))
        else:
            features = net.eval().backbone((pixels.permute(0, 3, 1, 2).float() - 127.5) / 64)
            want = net.embed(features) | {"pooled": features}
    gap = max(float(np.abs(g - want[name].numpy()).max()) for name, g in zip(served.names, got, strict=True))
    if not gap <= PARITY:
        raise ModelError(f"{file} differs from the trained net by {gap:.2e}: at most {PARITY:g} is allowed")
    return gap


def forget_where_it_was_made(model) -> None:
    """Take out of an ONNX model what the exporter notes of source files and their folders."""
    graph = model.graph
    for part in (graph, *graph.node, *graph.initializer, *graph.value_info, *graph.input, *graph.output):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")


def round_to_half(net: nn.Module) -> None:
    """Round the convolutions' weights to float16 values, in place, so that torch and a file that stores halves agree."""
    with torch.no_grad():
        for tensor in net.state_dict().values():
            if tensor.ndim == 4:
                tensor.copy_(tensor.half().float())


def stored_as_half(model):
    """An ONNX model whose larger 4-D float32 weights are stored as float16 and cast when the session is made."""
    from onnx import TensorProto, helper, numpy_helper

    casts, kept = [], []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.ndim != 4 or values.size < 1024:
            kept.append(tensor)
            continue
        kept.append(numpy_helper.from_array(values.astype(np.float16), tensor.name + "_half"))
        casts.append(helper.make_node("Cast", [tensor.name + "_half"], [tensor.name], to=TensorProto.FLOAT))
    nodes = casts + list(model.graph.node)
    del model.graph.initializer[:], model.graph.node[:]
    model.graph.initializer.extend(kept)
    model.graph.node.extend(nodes)
    return model


def _about(net: CompactNet, heads: Mapping[str, Head]) -> str:
    sizes = net.config.as_dict() | {"heads": dict(net.config.heads)}
    return json.dumps({"heads": describe_heads(heads), "net": sizes}, ensure_ascii=False)


def describe_heads(heads: Mapping[str, Head]) -> dict[str, dict]:
    """What heads mean, as the file says it."""
    return {
        name: {
            "classes": list(h.classes),
            "temperature": round(h.temperature, 6),
            "bias": [round(float(b), 6) for b in h.bias],
            "least": h.least,
            "palette": h.palette,
        }
        for name, h in heads.items()
    }


def quantise(file: Path, out: Path, pictures: np.ndarray) -> None:
    """Static int8 of the convolutions (QDQ, one scale a channel, 7-bit weights so that old processors do not saturate).

    `pictures` (n, 80, 64, 3) uint8 are what the ranges are read from. The heads and embeddings stay in float.
    """
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self.batches = iter([{"pixels": part} for part in np.array_split(pictures, max(1, len(pictures) // 32))])

        def get_next(self) -> dict | None:
            return next(self.batches, None)

    with tempfile.TemporaryDirectory() as folder:
        part = Path(folder) / "int8.onnx"
        quantize_static(
            str(file), str(part), Reader(),
            quant_format=QuantFormat.QDQ, op_types_to_quantize=["Conv", "Add", "Relu"], per_channel=True,
            reduce_range=True, activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
        )  # fmt: skip
        model = onnx.load(part)
        about = {p.key: p.value for p in onnx.load(file).metadata_props}
        onnx.helper.set_model_props(model, about)
        out.write_bytes(model.SerializeToString())


def export_text(net: TextNet, file: Path) -> float:
    """Write the text tower as arrays, its table as int8 with one scale a row; returns the largest loss of cosine over
    random texts of 40 tokens.
    """
    rows = net.rows.weight.detach().numpy()
    scales = np.maximum(np.abs(rows).max(1), 1e-8) / 127
    weights = net.weights.weight.detach().exp()[:, 0].numpy()
    arrays = {
        "rows": np.round(rows / scales[:, None]).astype(np.int8),
        "row_scales": scales.astype(np.float32),
        "weights": weights.astype(np.float32),
        "norm_scale": net.norm.weight.detach().numpy(), "norm_bias": net.norm.bias.detach().numpy(),
        "up": net.up.weight.detach().numpy().astype(np.float16), "up_bias": net.up.bias.detach().numpy(),
        "down": net.down.weight.detach().numpy().astype(np.float16), "down_bias": net.down.bias.detach().numpy(),
        "out": net.out.weight.detach().numpy().astype(np.float16), "out_bias": net.out.bias.detach().numpy(),
    }  # fmt: skip
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as handle:
        np.savez_compressed(handle, **arrays)
    return _text_gap(net, arrays)


def _text_gap(net: TextNet, arrays: Mapping[str, np.ndarray]) -> float:
    """Largest 1 - cosine between the tower and one whose table is what was stored."""
    stored = copy.deepcopy(net)
    stored.rows.weight.data = torch.from_numpy(arrays["rows"].astype(np.float32) * arrays["row_scales"][:, None])
    for name in ("up", "down", "out"):
        getattr(stored, name).weight.data = torch.from_numpy(arrays[name].astype(np.float32))
    ids = torch.from_numpy(np.random.default_rng(0).integers(0, len(arrays["rows"]), 64 * 40))
    offsets = torch.arange(0, 64 * 40, 40)
    with torch.no_grad():
        return float(1 - (net(ids, offsets) * stored(ids, offsets)).sum(1).min())
