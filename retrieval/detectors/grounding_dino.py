"""GroundingDINO (Liu et al., 2023; Swin-T OGC) behind the port: garments named by free words. Torch is used only here.

Two packages hold the same architecture: groundingdino-py, and transformers (`GroundingDinoForObjectDetection`) where
that one does not build. Each stands behind `Engine`; what comes before and after is ours and common to both, so that
they can be compared. Preprocessing: short side 800 px, long side at most 1333, ImageNet mean and deviation.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

from retrieval import weights as snapshots
from retrieval.crops import suppress
from retrieval.detectors.phrases import DEFAULT_LABELS, prompt_of, slot_of
from retrieval.errors import InvalidSetting, ModelUnavailable
from retrieval.items import Box, Detection

if TYPE_CHECKING:
    from PIL.Image import Image

_log = logging.getLogger(__name__)
SHORT_SIDE_PX, LONG_SIDE_PX = 800, 1333
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, RGB in [0, 1]
THINNEST = 8  # long side to short side
BOX_THRESHOLD, TEXT_THRESHOLD = 0.3, 0.25
TRANSFORMERS_WEIGHTS = "IDEA-Research/grounding-dino-tiny"
ORIGINAL_CHECKPOINT = "groundingdino_swint_ogc.pth"
TEXT_ENCODER = "bert-base-uncased"


@dataclass(frozen=True, slots=True)
class Reply:
    """What the network says about one picture.

    `match`: (queries, tokens) float32 in [0, 1], how well each box fits each token of the caption. `boxes`: (queries,
    4) float32, centre and size as shares of the picture. `tokens`: the caption's token numbers.
    """

    match: np.ndarray
    boxes: np.ndarray
    tokens: list[int]


class Engine(Protocol):
    """The network in one of its two packages.

    `rounds_first`: of a picture whose long side decides, the short side is rounded before the long one is told from it
    (groundingdino-py), or after (transformers): a pixel of difference.
    """

    revision: str
    rounds_first: bool

    def look(self, pixels: np.ndarray, caption: str) -> Reply:
        """(3, h, w) float32, normalised, and a caption such as `clothes . pants .` -> what is seen."""
        ...

    def words(self, tokens: Sequence[int]) -> str:
        """Token numbers -> text."""
        ...


def target_size(
    width: int, height: int, short_px: int = SHORT_SIDE_PX, long_px: int = LONG_SIDE_PX, *, rounds_first: bool = False
) -> tuple[int, int]:
    """Width and height after scaling in proportion: the short side `short_px`, unless the long side would be more than
    `long_px`. Fractions are cut off, as DETR does (Carion et al., 2020); no side falls below 1 px. `rounds_first`: see
    `Engine`."""
    small, large = min(width, height), max(width, height)
    short = float(short_px)
    if large / small * short_px > long_px:
        short = long_px * small / large
    rounded = max(1, round(short))
    if small == rounded and large <= long_px:
        return width, height
    scaled = max(1, int((rounded if rounds_first else short) * large / small))
    return (rounded, scaled) if width < height else (scaled, rounded)


def preprocess(
    image: Image, short_px: int = SHORT_SIDE_PX, long_px: int = LONG_SIDE_PX, *, rounds_first: bool = False
) -> np.ndarray:
    """A picture -> (3, h, w) float32: bilinear resize, then (value / 255 - mean) / deviation by channel."""
    from PIL import Image as pillow

    size = target_size(*image.size, short_px, long_px, rounds_first=rounds_first)
    resized = image.convert("RGB").resize(size, pillow.Resampling.BILINEAR)
    values = np.asarray(resized, np.float32) / 255
    return ((values - np.array(MEAN, np.float32)) / np.array(STD, np.float32)).transpose(2, 0, 1)


def widened(image: Image, ratio: int = THINNEST) -> Image:
    """A picture thinner than 1 : `ratio` on a ground of ImageNet's mean, at its left or top; others as they are.

    The network picks its 900 best places, and fails on a picture that has fewer.
    """
    from PIL import Image as pillow

    least = -(-max(image.size) // ratio)
    if min(image.size) >= least:
        return image
    ground = pillow.new("RGB", [max(side, least) for side in image.size], tuple(round(255 * m) for m in MEAN))
    ground.paste(image.convert("RGB"))
    return ground


def found_in(
    reply: Reply,
    size: tuple[int, int],
    words: Callable[[Sequence[int]], str],
    box_threshold: float = BOX_THRESHOLD,
    text_threshold: float = TEXT_THRESHOLD,
) -> list[Detection]:
    """Boxes whose best token passes `box_threshold`, named by the tokens that pass `text_threshold`; surest first.

    `size` is the picture's width and height in pixels; boxes are clipped to it, and what lies outside is left out. A
    box that no token names is called `garment`. Slots are read from the phrase.
    """
    best = reply.match.max(1)
    width, height = size
    found = []
    for query in np.flatnonzero(best > box_threshold):
        passed = np.flatnonzero(reply.match[query] > text_threshold)
        # the first and last token are the caption's frame ([CLS] and [SEP]) and name nothing
        named = [reply.tokens[t] for t in passed if 0 < t < len(reply.tokens) - 1]
        phrase = " ".join(words(named).replace(".", " ").split()) or "garment"
        cx, cy, w, h = (float(v) for v in reply.boxes[query])
        x0, x1 = (min(max((cx + side * w / 2) * width, 0.0), float(width)) for side in (-1, 1))
        y0, y1 = (min(max((cy + side * h / 2) * height, 0.0), float(height)) for side in (-1, 1))
        if x1 > x0 and y1 > y0:
            found.append(Detection(Box(x0, y0, x1, y1), phrase, float(best[query]), slot_of(phrase)))
    return sorted(found, key=lambda d: (-d.confidence, d.box.as_tuple()))


class GroundingDinoDetector:
    """Zero-shot detection by free words. Without an `engine`, the one that `load(weights, hub=hub, device=device)` gives.

    Thresholds are confidences in (0, 1); InvalidSetting where they are not.
    """

    name = "grounding-dino"

    def __init__(
        self,
        engine: Engine | None = None,
        *,
        weights: str = TRANSFORMERS_WEIGHTS,
        hub: snapshots.Hub = "huggingface",
        device: str = "auto",
        labels: Sequence[str] = DEFAULT_LABELS,
        box_threshold: float = BOX_THRESHOLD,
        text_threshold: float = TEXT_THRESHOLD,
        short_px: int = SHORT_SIDE_PX,
        long_px: int = LONG_SIDE_PX,
    ) -> None:
        for what, value in (("box threshold", box_threshold), ("text threshold", text_threshold)):
            if not 0 < value < 1:
                raise InvalidSetting(f"{what} is {value}: expected a confidence between 0 and 1, such as 0.3")
        if not 128 <= short_px <= long_px:
            raise InvalidSetting(f"sides are {short_px} and {long_px} px: expected 128 <= short side <= long side")
        self._caption = prompt_of(labels)
        self._engine = engine or load(weights, hub=hub, device=device)
        self._box_threshold, self._text_threshold = box_threshold, text_threshold
        self._short_px, self._long_px = short_px, long_px

    def detect(self, image: Image, labels: Sequence[str] = ()) -> list[Detection]:
        """Garments that the words name; `labels` replace the configured ones for this picture."""
        caption = prompt_of(labels) if labels else self._caption
        full = widened(image)
        pixels = preprocess(full, self._short_px, self._long_px, rounds_first=self._engine.rounds_first)
        reply = self._engine.look(pixels, caption)
        found = found_in(reply, full.size, self._engine.words, self._box_threshold, self._text_threshold)
        inside = [one for one in found if one.box.x0 < image.width and one.box.y0 < image.height]
        return suppress([replace(one, box=one.box.clip(*image.size)) for one in inside])


class TransformersEngine:
    """The network of the package transformers (4.57 or newer)."""

    rounds_first = False

    def __init__(self, model, tokenizer, revision: str, device: str = "cpu") -> None:
        self._model, self._tokenizer = model.to(device).eval(), tokenizer
        self._device, self.revision = device, revision

    def look(self, pixels: np.ndarray, caption: str) -> Reply:
        import torch

        text = self._tokenizer([caption], return_tensors="pt", return_token_type_ids=True)
        batch = torch.from_numpy(np.ascontiguousarray(pixels))[None]
        mask = torch.ones(batch.shape[0], *batch.shape[2:], dtype=torch.int64)
        with torch.inference_mode():
            out = self._model(
                pixel_values=batch.to(self._device),
                pixel_mask=mask.to(self._device),
                **{name: value.to(self._device) for name, value in text.items()},
            )
        tokens = text["input_ids"][0].tolist()
        return Reply(
            torch.sigmoid(out.logits[0]).float().cpu().numpy(), out.pred_boxes[0].float().cpu().numpy(), tokens
        )

    def words(self, tokens: Sequence[int]) -> str:
        return self._tokenizer.decode(list(tokens))


class OriginalEngine:
    """The network of groundingdino-py 0.4.0."""

    rounds_first = True

    def __init__(self, model, revision: str, device: str = "cpu") -> None:
        self._model, self._device, self.revision = model, device, revision

    def look(self, pixels: np.ndarray, caption: str) -> Reply:
        import torch

        batch = torch.from_numpy(np.ascontiguousarray(pixels))[None].to(self._device)
        with torch.inference_mode():
            out = self._model(batch, captions=[caption])
        tokens = list(self._model.tokenizer(caption)["input_ids"])
        match = out["pred_logits"][0].sigmoid().float().cpu().numpy()
        return Reply(match, out["pred_boxes"][0].float().cpu().numpy(), tokens)

    def words(self, tokens: Sequence[int]) -> str:
        return self._model.tokenizer.decode(list(tokens))


def original_is_usable() -> bool:
    """Whether groundingdino-py can work here: installed, with torchvision, and transformers below 5, with which it
    imports but cannot build its model."""
    if any(find_spec(package) is None for package in ("groundingdino", "torchvision", "transformers")):
        return False
    from importlib.metadata import version

    return int(version("transformers").split(".")[0]) < 5


def load(
    weights: str = TRANSFORMERS_WEIGHTS,
    *,
    package: Literal["auto", "groundingdino", "transformers"] = "auto",
    hub: snapshots.Hub = "huggingface",
    device: str = "auto",
) -> Engine:
    """The network with the weights of a local path, or of a snapshot of a hub by its name.

    A path that ends in .pth is a checkpoint of the original package, and a folder with such a file holds one (with the
    text encoder's `bert-base-uncased` beside it where there is no network); any other folder holds what
    `save_pretrained` wrote. `device`: see `outfit settings`. "auto" takes the original package where it is usable and the weights are its own, and says in the log which it took.
    Raises ModelUnavailable, with the next command, where package or weights are missing or do not fit.
    """
    if package not in ("auto", "groundingdino", "transformers"):
        raise InvalidSetting(f"GroundingDINO package is {package!r}: expected auto, groundingdino or transformers")
    if hub not in snapshots.HUBS:
        raise InvalidSetting(f"hub is {hub!r}: expected huggingface or modelscope")
    is_checkpoint = weights.endswith(".pth") or (Path(weights).expanduser() / ORIGINAL_CHECKPOINT).is_file()
    if package == "groundingdino" or (package == "auto" and is_checkpoint):
        if not original_is_usable():
            raise ModelUnavailable(
                "groundingdino-py cannot be used here: it needs torchvision and transformers below 5",
                hint="in an environment of its own: pip install 'groundingdino-py==0.4.0' 'transformers>=4.56,<5' "
                "torch torchvision; or choose the package transformers",
            )
        _log.info("GroundingDINO by groundingdino-py, weights %s", weights)
        return _load_original(weights, hub, device)
    if is_checkpoint:
        raise ModelUnavailable(
            f"{weights} is a checkpoint of groundingdino-py, which the package transformers does not read",
            hint=f"choose the package groundingdino, or the weights {TRANSFORMERS_WEIGHTS}",
        )
    _log.info("GroundingDINO by transformers, weights %s", weights)
    return _load_transformers(weights, hub, device)


def _load_transformers(weights: str, hub: str, device: str) -> TransformersEngine:
    for package in ("torch", "transformers"):
        if find_spec(package) is None:
            raise ModelUnavailable(
                f"GroundingDINO needs the package {package}, which is not installed",
                hint="pip install 'outfit-assistant[models]'",
            )
    from transformers import AutoTokenizer, GroundingDinoForObjectDetection

    source = snapshots.find(weights, hub, of="GroundingDINO", skip=("*.onnx", "onnx/*"))
    try:
        tokenizer = AutoTokenizer.from_pretrained(source)
        model, report = GroundingDinoForObjectDetection.from_pretrained(source, output_loading_info=True)
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise ModelUnavailable(
            f"GroundingDINO weights cannot be read from {weights}: {error}",
            hint=f"hf download {TRANSFORMERS_WEIGHTS}, then give the folder's path; or choose hub modelscope",
        ) from error
    missing = sorted(report["missing_keys"])
    if missing:
        raise ModelUnavailable(
            f"{weights} lacks {len(missing)} weights of GroundingDINO, such as {', '.join(missing[:3])}",
            hint=f"take weights of this architecture, such as {TRANSFORMERS_WEIGHTS}",
        )
    return TransformersEngine(model, tokenizer, weights, _device(device))


def _load_original(weights: str, hub: str, device: str) -> OriginalEngine:
    import groundingdino
    import torch
    from groundingdino.models import build_model
    from groundingdino.util.misc import clean_state_dict
    from groundingdino.util.slconfig import SLConfig

    path = snapshots.find(weights, hub, of="GroundingDINO")
    if path.is_dir():
        path = path / ORIGINAL_CHECKPOINT
    if not path.is_file():
        raise ModelUnavailable(
            f"GroundingDINO checkpoint not found: no file {path}",
            hint=f"download {ORIGINAL_CHECKPOINT} from the project's releases and give its path",
        )
    settings = SLConfig.fromfile(str(Path(groundingdino.__file__).parent / "config" / "GroundingDINO_SwinT_OGC.py"))
    settings.device = device = _device(device)
    beside = path.parent / TEXT_ENCODER
    settings.text_encoder_type = str(beside) if beside.is_dir() else TEXT_ENCODER
    settings.use_checkpoint = settings.use_transformer_ckpt = False  # they save memory in training, and slow this down
    try:
        state = clean_state_dict(torch.load(path, map_location="cpu", weights_only=True)["model"])
    except Exception as error:  # pickle's, torch's and zipfile's own kinds
        raise ModelUnavailable(
            f"{path} cannot be read as a checkpoint of GroundingDINO: {str(error).splitlines()[0][:200]}",
            hint=f"take {ORIGINAL_CHECKPOINT}",
        ) from error
    try:
        model = build_model(settings)
    except (OSError, ValueError, TypeError) as error:  # the last where the folder lacks its words
        raise ModelUnavailable(
            f"the text encoder of GroundingDINO cannot be read: {str(error).splitlines()[0]}",
            hint=f"where there is a network: hf download {TEXT_ENCODER} --local-dir {beside}",
        ) from error
    unlike = [name for name, value in model.state_dict().items() if name in state and state[name].shape != value.shape]
    if unlike:
        raise ModelUnavailable(
            f"{path} holds {len(unlike)} weights of another shape than GroundingDINO Swin-T, such as {', '.join(unlike[:3])}",
            hint=f"take {ORIGINAL_CHECKPOINT}: Swin-B and other sizes are not this architecture",
        )
    result = model.load_state_dict(state, strict=False)
    # BERT's position numbers are a buffer that newer transformers no longer store
    missing = [name for name in result.missing_keys if not name.endswith("position_ids")]
    if missing:
        raise ModelUnavailable(
            f"{path} lacks {len(missing)} weights of GroundingDINO Swin-T, such as {', '.join(missing[:3])}",
            hint=f"take {ORIGINAL_CHECKPOINT}",
        )
    return OriginalEngine(model.to(device).eval(), path.name, device)


def _device(device: str) -> str:
    import torch

    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
        if device == "cpu":
            _log.warning("no GPU found: GroundingDINO runs on the processor, some seconds a photo")
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise ModelUnavailable(f"device {device} is not there: torch sees no GPU", hint="OUTFIT_DEVICE=cpu")
    return device
