"""The models that this project can use: rows of data first, objects only when asked for by name."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Literal

from retrieval import resources
from retrieval.errors import ModelNotFound, ModelUnavailable

Role = Literal["detector", "image encoder", "text encoder", "describer", "shot reader"]


@dataclass(frozen=True, slots=True)
class Model:
    """One row. `factory` is "module:Class", called with `arguments` and those options of `load` that `takes` names.

    `packages` must import; `weights` ship in `data/`. `search_threshold` (text encoders): the least cosine of a title
    that means what the query means. `hub`: where weights are looked for by name, unless an option says otherwise.
    `exporter`: "module:function" that writes the model as ONNX (`retrieval.exports`).
    """

    name: str
    role: Role
    factory: str
    summary: str
    packages: tuple[str, ...] = ()
    weights: tuple[str, ...] = ()
    fallback: str | None = None
    search_threshold: float | None = None
    extra: str | None = None
    arguments: tuple[tuple[str, Any], ...] = ()
    takes: tuple[str, ...] = ()
    hub: str = "huggingface"
    exporter: str | None = None

    def given(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """What the factory is called with: the row's own arguments, and above them the options that it takes."""
        taken = {name: options[name] for name in self.takes if options.get(name) is not None}
        hub = {"hub": self.hub} if "hub" in self.takes else {}
        return hub | dict(self.arguments) | taken


MODELS: tuple[Model, ...] = (
    Model(
        "compact",
        "detector",
        "retrieval.detectors.compact:CompactDetector",
        "finds garments by slot; trained by this project, ONNX",
        ("onnxruntime",),
        ("weights/detector.onnx",),
        fallback="whole-image",
    ),
    Model(
        "whole-image",
        "detector",
        "retrieval.detectors.whole_image:WholeImageDetector",
        "takes the whole photo as one garment",
    ),
    Model(
        "compact",
        "image encoder",
        "retrieval.encoders.compact:CompactImageEncoder",
        "finds the same product; trained by this project, or by a shop on its own pictures, ONNX",
        ("onnxruntime",),
        ("weights/image.onnx",),
        fallback="hashing",
        takes=("weights",),
        exporter="retrieval.training.encoder_export:export",
    ),
    Model(
        "hashing",
        "image encoder",
        "retrieval.encoders.hashing:HashingImageEncoder",
        "colour and edge histograms; no weights",
    ),
    Model(
        "hashing",
        "text encoder",
        "retrieval.encoders.hashing:HashingTextEncoder",
        "words of titles, English and Chinese by lexicon; the best at titles of what needs no download",
        search_threshold=0.5,  # of title queries: 98 % of items of the right category lie above, a quarter of others below
    ),
    Model(
        "compact",
        "text encoder",
        "retrieval.encoders.compact:CompactTextEncoder",
        "words in the space of pictures; trained by this project",
        ("onnxruntime",),
        ("weights/text.npz", "weights/image.onnx"),
        fallback="hashing",
    ),
    Model(
        "compact",
        "describer",
        "retrieval.encoders.compact:CompactDescriber",
        "category, gender, colour, usage, season of a garment; trained by this project, ONNX",
        ("onnxruntime",),
        ("weights/image.onnx",),
    ),
    Model(
        "compact",
        "shot reader",
        "retrieval.encoders.compact_shots:CompactShots",
        "how a catalogue picture was taken; trained by this project, ONNX",
        ("onnxruntime",),
        ("weights/image.onnx",),
    ),
    # Larger ones, on torch; their weights are fetched by name, or given by a path.
    Model(
        "grounding-dino",
        "detector",
        "retrieval.detectors.grounding_dino:GroundingDinoDetector",
        "GroundingDINO Swin-T, finds whatever the prompt names",
        ("torch", "transformers"),
        extra="models",
        takes=("weights", "hub", "device", "labels", "box_threshold", "text_threshold"),
    ),
    *(
        Model(
            f"dino-vit{arch[0]}{patch}",
            "image encoder",
            "retrieval.encoders.dino:DinoImageEncoder",
            f"DINO ViT-{arch[0].upper()}/{patch}, pretrained or a shop's own checkpoint",
            ("torch", "torchvision", "timm"),
            extra="models",
            arguments=(
                ("weights", f"timm/vit_{arch}_patch{patch}_224.dino"), ("arch", f"vit_{arch}"), ("patch_size", patch)
            ),
            takes=("weights", "image_size", "hub", "device", "precision"),
            exporter="retrieval.training.export_encoders:image_encoder",
        )
        for arch, patch in (("small", 16), ("small", 8), ("base", 16), ("base", 8))
    ),
    *(
        Model(
            name,
            role,
            f"retrieval.encoders.clip:{factory}",
            summary,
            ("torch", package),
            extra="models",
            arguments=(("weights", weights), ("name", name)),
            takes=("weights", "hub", "device", "precision"),
            exporter="retrieval.training.export_encoders:image_encoder" if role == "image encoder" else None,
        )
        for name, weights, package, summary in (
            ("fashion-siglip", "Marqo/marqo-fashionSigLIP", "open_clip", "Marqo-FashionSigLIP, pictures and words in one space"),
            ("fashion-clip", "patrickjohncyr/fashion-clip", "transformers", "FashionCLIP 2.0, pictures and words in one space"),
        )
        for role, factory in (("image encoder", "ClipImageEncoder"), ("text encoder", "ClipTextEncoder"))
    ),
    *(
        Model(
            name,
            "text encoder",
            "retrieval.encoders.gte:GteTextEncoder",
            summary,
            ("torch", "transformers"),
            search_threshold=0.6 if name == "gte" else None,  # of the others none is known
            extra="models",
            arguments=(("weights", weights), ("name", name), ("pooling", pooling)),
            hub="modelscope",
            exporter="retrieval.training.export_encoders:text_encoder",
            takes=("weights", "hub", "device", "precision", "remote_code"),
        )
        for name, weights, pooling, summary in (
            ("gte", "iic/nlp_gte_sentence-embedding_english-base", "mean", "GTE, sentences in English"),
            ("gte-chinese", "iic/nlp_gte_sentence-embedding_chinese-base", "cls", "GTE, sentences in Chinese"),
            ("gte-multilingual", "iic/gte_sentence-embedding_multilingual-base", "cls",
             "GTE, sentences in 70 languages; brings code of its own (setting remote_code)"),
        )
    ),
    # Files that `outfit models export` wrote: the same vectors without torch.
    *(
        Model(
            "onnx",
            f"{modality} encoder",
            f"retrieval.encoders.onnx_file:{factory}",
            f"an exported {modality} encoder, the file that {modality}_weights names",
            packages,
            takes=("weights", "threads"),
        )
        for modality, factory, packages in (
            ("image", "OnnxImageEncoder", ("onnxruntime",)),
            ("text", "OnnxTextEncoder", ("onnxruntime", "tokenizers")),
        )
    ),
    # Those of a worker on another machine: whatever it serves for the role.
    *(
        Model(
            "worker",
            role,
            factory,
            "the one that `outfit serve-models` serves on the machine that models_url names",
            ("httpx",),
            fallback="compact" if role == "detector" else None,
            takes=("url", "api_key", "timeout_s"),
        )
        for role, factory in (
            ("detector", "retrieval.detectors.remote:RemoteDetector"),
            ("image encoder", "retrieval.encoders.remote:RemoteImageEncoder"),
            ("text encoder", "retrieval.encoders.remote:RemoteTextEncoder"),
        )
    ),
)


def row(role: Role, name: str) -> Model:
    """The row of that name, or ModelNotFound with the names there are."""
    for model in MODELS:
        if model.role == role and model.name == name:
            return model
    names = ", ".join(model.name for model in MODELS if model.role == role)
    raise ModelNotFound(f"no {role} is called {name!r}: there are {names}", hint="outfit models")


def missing(model: Model) -> str:
    """What a model lacks on this machine, in words; "" where it can be loaded."""
    packages = [name for name in model.packages if find_spec(name) is None]
    if packages:
        install = f": pip install 'outfit-assistant[{model.extra}]'" if model.extra else ""
        return f"package {', '.join(packages)} is not installed{install}"
    files = [name for name in model.weights if not resources.path(name).is_file()]
    return f"{', '.join(files)} is not there" if files else ""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model that runs, the row it came from, and a sentence where it stands in for another one ("" otherwise)."""

    model: Any
    row: Model
    notice: str = ""

    @property
    def search_threshold(self) -> float | None:
        """The row's, or what the model itself knows: a worker tells that of the model it serves."""
        return getattr(self.model, "search_threshold", self.row.search_threshold)


def load(role: Role, name: str, options: Mapping[str, Any] | None = None) -> Loaded:
    """The model of that name, or its fallback. `options` by name; each row says which it takes, the others are for others.

    Raises ModelNotFound for an unknown name, ModelUnavailable where it cannot be loaded and has no fallback.
    """
    wanted = row(role, name)
    options = options or {}
    lack, hint = missing(wanted), "outfit models"
    if not lack:
        try:
            return Loaded(resolve(wanted.factory)(**wanted.given(options)), wanted)
        except ModelUnavailable as error:
            if wanted.fallback is None:
                raise
            lack, hint = str(error), error.hint
    if wanted.fallback is None:
        raise ModelUnavailable(f"the {role} {name!r} cannot be loaded: {lack}", hint=hint)
    stand_in = load(role, wanted.fallback, options)
    notice = f"the {role} {name!r} cannot be loaded ({lack}): {stand_in.row.name!r} stands in for it"
    return Loaded(stand_in.model, stand_in.row, notice)


def resolve(path: str) -> Any:
    """What "module:name" means, imported now."""
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)
