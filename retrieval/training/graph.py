"""A served image.onnx opened up: what its heads read, heads added to it, and the net in it to be trained on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import nn

from retrieval.encoders.compact import CompactModel, Head
from retrieval.errors import ModelError
from retrieval.training.export import PARITY, describe_heads, fold
from retrieval.training.finetune import Start
from retrieval.training.nets import Backbone, NetConfig

_PREFIX = "shots."


def head_input(file: Path) -> str:
    """The name of the tensor that every head reads: pooled features, normalised. ModelError where there is none."""
    import onnx

    for node in onnx.load(file).graph.node:
        if node.op_type == "Gemm" and "category" in node.output:
            return node.input[0]
    raise ModelError(f"{file} has no head called category: it is not a compact image model")


def with_features(file: Path, out: Path) -> CompactModel:
    """The model with two more outputs, written to `out`: `features` (n, d), that tensor, and `maps` (n, c, rows, columns),
    what was pooled.
    """
    import onnx
    from onnx import TensorProto, helper

    model, name = onnx.load(file), head_input(file)
    mean = next(n for n in model.graph.node if n.op_type == "ReduceMean" and n.input[0] in _pooled(model))
    for source, output in ((name, "features"), (mean.input[0], "maps")):
        model.graph.node.append(helper.make_node("Identity", [source], [output]))
    dim = next(list(t.dims)[1] for t in model.graph.initializer if t.name == _weight_of(model, "category"))
    model.graph.output.append(helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", dim]))
    model.graph.output.append(helper.make_tensor_value_info("maps", TensorProto.FLOAT, ["n", dim // 2, "h", "w"]))
    onnx.save(model, out)
    return CompactModel(out)


def _pooled(model) -> set[str]:
    """What is pooled by maximum: gates take means as well, but the last map alone is pooled both ways."""
    return {n.input[0] for n in model.graph.node if n.op_type == "ReduceMax"}


def read_start(file: Path) -> tuple[Start, NetConfig]:
    """The trained net of a served file, to be trained on: its backbone with batch norms folded in, the norm and the
    projection to `instance`. Raises ModelError where the file's parts are not those of the net.
    """
    import onnx

    model = onnx.load(file)
    arrays = _arrays(model)
    about = json.loads({p.key: p.value for p in model.metadata_props}["outfit"])
    plain = about.get("net", {})
    config = NetConfig(**{k: tuple(v) if isinstance(v, list) else v for k, v in plain.items()})
    backbone = fold(Backbone(config).eval())
    norm = nn.BatchNorm1d(backbone.dim)
    project = nn.Linear(backbone.dim, config.instance_dim)
    try:
        for module, prefix in ((backbone, "net.backbone."), (norm, "net.norm."), (project, "net.instance.0.")):
            state = {k: arrays.get(prefix + k, v.numpy()) for k, v in module.state_dict().items()}
            lacking = [k for k in state if prefix + k not in arrays and not k.endswith("num_batches_tracked")]
            if lacking:
                raise ModelError(f"{file} lacks {prefix}{lacking[0]}", hint="train from nothing: --start nothing")
            module.load_state_dict({k: torch.from_numpy(np.array(v)) for k, v in state.items()})
    except RuntimeError as error:  # sizes that differ
        raise ModelError(
            f"{file} holds another net than {config}: {str(error).splitlines()[-1].strip()}",
            hint="train from nothing: --start nothing",
        ) from error
    return Start(backbone, norm, project), config


def _arrays(model) -> dict[str, np.ndarray]:
    """Every weight of the file by its own name, int8 and half ones as the floats that they stand for."""
    from onnx import numpy_helper

    found = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    found |= {k.removesuffix("_half"): v.astype(np.float32) for k, v in found.items() if k.endswith("_half")}
    for node in model.graph.node:
        if node.op_type == "DequantizeLinear" and node.input[0] in found:
            values, scale = found[node.input[0]].astype(np.float32), found[node.input[1]]
            zero = found[node.input[2]].astype(np.float32) if len(node.input) > 2 else np.zeros_like(scale)
            shape = [-1] + [1] * (values.ndim - 1) if scale.ndim else []
            found[node.input[0].removesuffix("_quantized")] = (values - zero.reshape(shape)) * scale.reshape(shape)
    return found


def _weight_of(model, output: str) -> str:
    return next(n.input[1] for n in model.graph.node if output in n.output)


def add_heads(file: Path, heads: Mapping[str, tuple[np.ndarray, np.ndarray, Head]]) -> float:
    """Write linear heads into `file`, in place of older ones of these names: name -> weight (classes, d), bias (classes,),
    and what its answers mean. Returns the largest difference of the served logits from numpy's, on random pictures.

    The file is replaced only when it answers all that it answered before, and the new heads within PARITY.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    name = head_input(file)
    model = onnx.load(file)
    graph = model.graph
    _drop(graph, set(heads))
    for head, (weight, bias, about) in heads.items():
        parts = (f"{_PREFIX}{head}.weight", weight), (f"{_PREFIX}{head}.bias", bias)
        graph.initializer.extend(numpy_helper.from_array(np.ascontiguousarray(a, np.float32), n) for n, a in parts)
        graph.node.append(helper.make_node("Gemm", [name, parts[0][0], parts[1][0]], [head], transB=1))
        graph.output.append(helper.make_tensor_value_info(head, TensorProto.FLOAT, ["n", len(about.classes)]))
    props = {p.key: p.value for p in model.metadata_props}
    plain = json.loads(props["outfit"])
    plain["heads"] |= describe_heads({head: about for head, (_, _, about) in heads.items()})
    helper.set_model_props(model, props | {"outfit": json.dumps(plain, ensure_ascii=False)})
    part, probe = file.with_suffix(".part.onnx"), file.with_suffix(".probe.onnx")
    try:
        onnx.save(model, part)
        gap = _gap(file, part, probe, heads)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
        probe.unlink(missing_ok=True)
    return gap


def _drop(graph, names: set[str]) -> None:
    for field in (graph.node, graph.output):
        gone = [x for x in field if names & set(getattr(x, "output", None) or [x.name])]
        for x in gone:
            field.remove(x)
    for tensor in [t for t in graph.initializer if t.name.removeprefix(_PREFIX).rpartition(".")[0] in names]:
        graph.initializer.remove(tensor)


def _gap(before: Path, after: Path, probe: Path, heads: Mapping[str, tuple[np.ndarray, np.ndarray, Head]]) -> float:
    pixels = list(np.random.default_rng(0).integers(0, 256, (5, 80, 64, 3), dtype=np.uint8))
    old, new = CompactModel(before).outputs_of(pixels), CompactModel(after).outputs_of(pixels)
    features = with_features(before, probe).outputs_of(pixels)["features"]
    changed = [n for n in old if n not in heads and not np.array_equal(old[n], new[n])]
    gap = max(float(np.abs(new[n] - (features @ w.T + b)).max()) for n, (w, b, _) in heads.items())
    if changed or not gap <= PARITY:
        raise ModelError(f"{before}: heads added would change {', '.join(changed) or 'nothing'}, gap {gap:.2e}")
    return gap
