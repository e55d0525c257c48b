"""The compact models behind their ports: one small net for pictures, one table of words, on one core, without torch.

`image.onnx` reads a picture once and answers everything that is asked of it: where it lies in the space of
products (`CompactImageEncoder`), where in the space it shares with words (`CompactSharedImageEncoder`, and
`CompactTextEncoder` on the other side), and what it shows (`CompactDescriber`). The views below share one session and the
answers for the pictures last seen. What the classes are called, and how far their probabilities can be trusted, is written
in the file itself. How the files are made: `retrieval.training`.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b, sha256
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from retrieval import resources
from retrieval.colours import measure_palette, word_probabilities
from retrieval.encoders.compact_tokens import token_ids
from retrieval.encoders.photo_classes import heard
from retrieval.errors import ModelUnavailable
from retrieval.items import Attributes, Gender, Item, Slot
from retrieval.lexicon import to_english
from retrieval.ports import Space
from retrieval.ranking import palette_likeness
from retrieval.vocabulary import slot_of

if TYPE_CHECKING:
    from PIL.Image import Image

IMAGE_FILE, TEXT_FILE = "image.onnx", "text.npz"
SEARCH_PROPERTY = "search"  # of the image file: how its instance space was widened (`retrieval.training.whiten`)
WIDTH_PX, HEIGHT_PX = 64, 80
BATCH = 64
REMEMBERED = 512  # pictures whose answers are kept: what a few turns of a conversation ask again
PALETTE_FLOOR = 1e-4  # of a colour word's probability by the pixels: they never rule one out
LEAST_SLOT = 0.6  # probability of a slot, summed over its categories, below which it is not told
_EMBEDDINGS = ("shared", "instance")
_HINT = "export them with `outfit train export`, or check out the repository with its data/weights folder"


def letterbox(image: Image, width: int = WIDTH_PX, height: int = HEIGHT_PX) -> Image:
    """The whole picture, scaled in proportion (bicubic) and centred on white, `width` x `height` px, RGB."""
    import PIL.Image

    if image.mode != "RGB":
        image = image.convert("RGB")
    scale = min(width / image.width, height / image.height)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    if size != image.size:
        image = image.resize(size, PIL.Image.Resampling.BICUBIC, reducing_gap=3.0)
    if size == (width, height):
        return image
    canvas = PIL.Image.new("RGB", (width, height), (255, 255, 255))
    canvas.paste(image, ((width - size[0]) // 2, (height - size[1]) // 2))
    return canvas


def letterboxed(images: Sequence[Image]) -> list[np.ndarray]:
    """Pictures of any size as the net reads them: each (80, 64, 3) uint8."""
    return [np.asarray(letterbox(image), np.uint8) for image in images]


def softmax(logits: np.ndarray) -> np.ndarray:
    """(n, classes) -> (n, classes) float32, rows that sum to 1."""
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


@dataclass(frozen=True, slots=True)
class Head:
    """One question with a fixed list of answers. Probabilities are softmax(logits / temperature + bias).

    `bias` (classes,) shifts towards rare classes where that served macro-F1; `least` is the probability below which the
    answer is "cannot tell"; `palette` is the weight of what the measured palette says, for colour words (0: not asked).
    All are fitted on products that neither gave a gradient nor are held out.
    """

    classes: tuple[str, ...]
    temperature: float
    bias: np.ndarray
    least: float
    palette: float = 0.0

    def probabilities(self, logits: np.ndarray, measured: np.ndarray | None = None) -> np.ndarray:
        """(n, classes) from logits, and from log probabilities `measured` on the pixels (`palette_evidence`), if given."""
        said = logits / self.temperature + self.bias
        return softmax(said if measured is None else said + self.palette * measured)


def palette_evidence(pixels: Sequence[np.ndarray], words: Sequence[str]) -> np.ndarray:
    """(n, len(words)) float32: log probability of each colour word by the palettes measured on letterboxed pictures. A net that
    learned to see one garment in any light has forgotten part of what the pixels tell exactly.
    """
    import PIL.Image

    palettes = [measure_palette(PIL.Image.fromarray(p)) for p in pixels]
    return np.log(np.maximum(word_probabilities(palettes, words), PALETTE_FLOOR)).astype(np.float32)


class CompactModel:
    """The image net: one session, the answers of the pictures last seen, and what its file says about its heads."""

    def __init__(self, file: Path, threads: int = 1) -> None:
        import onnxruntime

        data = _read(file)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = 3  # warnings of the runtime about its own optimiser are nothing a person can act on
        try:
            self._session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
            said = self._session.get_modelmeta().custom_metadata_map
            about, search = json.loads(said["outfit"]), json.loads(said.get(SEARCH_PROPERTY, "{}"))
        except Exception as error:  # onnxruntime's own exceptions have no base of their own
            raise ModelUnavailable(f"{file} is not a compact image model: {error}", hint=_HINT) from error
        self.digest = sha256(data).hexdigest()
        self.is_mirrored = bool(search.get("mirrored", False))
        self.heads: Mapping[str, Head] = {
            name: Head(tuple(h["classes"]), h["temperature"], np.array(h["bias"], np.float32), h["least"], h.get("palette", 0.0))
            for name, h in about["heads"].items()
        }
        self._names = [o.name for o in self._session.get_outputs()]
        self.dims = {o.name: o.shape[1] for o in self._session.get_outputs()}
        self._seen: OrderedDict[bytes, tuple[np.ndarray, ...]] = OrderedDict()
        self._lock = threading.Lock()

    def outputs(self, images: Sequence[Image]) -> dict[str, np.ndarray]:
        """RGB pictures -> by output name (n, d) float32: `shared` and `instance` of L2 norm 1, logits of each head."""
        return self.outputs_of(letterboxed(images))

    def outputs_of(self, pixels: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        """The same of pictures already letterboxed: each (80, 64, 3) uint8."""
        keys = [blake2b(p.tobytes(), digest_size=16).digest() for p in pixels]
        rows: dict[bytes, tuple[np.ndarray, ...]] = {}
        with self._lock:
            for key in keys:
                if key in self._seen:
                    self._seen.move_to_end(key)
                    rows[key] = self._seen[key]
        missing = [i for key, i in {k: i for i, k in enumerate(keys)}.items() if key not in rows]
        for start in range(0, len(missing), BATCH):
            at = missing[start : start + BATCH]
            answers = self._session.run(self._names, {"pixels": np.stack([pixels[i] for i in at])})
            rows.update({keys[i]: tuple(a[j] for a in answers) for j, i in enumerate(at)})
        with self._lock:
            for i in missing[-REMEMBERED:]:
                # copies: a row of a batch would keep the whole batch in memory
                self._seen[keys[i]] = tuple(a.copy() for a in rows[keys[i]])
            while len(self._seen) > REMEMBERED:
                self._seen.popitem(last=False)
        return {
            name: np.stack([rows[k][i] for k in keys]) if keys else np.zeros((0, self.dims[name]), np.float32)
            for i, name in enumerate(self._names)
        }

    def answers(self, images: Sequence[Image]) -> dict[str, np.ndarray]:
        """As `outputs`, with the logits of each head the mean of those of the picture and of its mirror image: a garment is
        what it is from either side. The embeddings are the picture's own. That costs twice the time.
        """
        return self.answers_of(letterboxed(images))

    def answers_of(self, pixels: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        """The same of pictures already letterboxed."""
        own, other = self.outputs_of(pixels), self.outputs_of([p[:, ::-1] for p in pixels])
        return {name: a if name in _EMBEDDINGS else (a + other[name]) / 2 for name, a in own.items()}

    def probabilities_of(self, pixels: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        """Letterboxed pictures -> by head (n, classes): calibrated probabilities, the palette heard where the head wants it."""
        out, found = self.answers_of(pixels), {}
        for name, head in self.heads.items():
            measured = palette_evidence(pixels, head.classes) if head.palette and len(pixels) else None
            found[name] = head.probabilities(out[name], measured)
        return found

    def heard_category(self, read: Mapping[str, np.ndarray]) -> np.ndarray:
        """(n, categories) from what `probabilities_of` gave: on real photos the ten classes of people's photos are heard
        (`photo_classes.heard`), where the file has heads for them.
        """
        if "people" not in read or "shot_scene" not in read:
            return read["category"]
        known, classes = self.heads["category"].classes, self.heads["people"].classes
        return heard(read["category"], known, read["people"], classes, read["shot_scene"][:, 1])

    def instances(self, pixels: Sequence[np.ndarray]) -> np.ndarray:
        """The instance space of letterboxed pictures: (n, d) float32 of L2 norm 1.

        Where the file says so (`is_mirrored`) a picture counts together with its mirror image, since people mirror what
        catalogues do not. That costs twice the time.
        """
        vectors = self.outputs_of(pixels)["instance"]
        if not self.is_mirrored:
            return vectors
        both = vectors + self.outputs_of([p[:, ::-1] for p in pixels])["instance"]
        return both / np.maximum(np.linalg.norm(both, axis=1, keepdims=True), np.float32(1e-12))


class CompactText:
    """The text tower: a weighted mean of hashed rows, one residual layer, a projection; numpy alone."""

    def __init__(self, file: Path) -> None:
        data = _read(file)
        try:
            with np.load(file, allow_pickle=False) as arrays:
                self._arrays = {k: arrays[k].astype(np.float32) for k in arrays.files if k != "rows"}
                self._rows = arrays["rows"]  # int8, one scale a row: a fourth of the memory
        except (KeyError, ValueError, OSError) as error:
            raise ModelUnavailable(f"{file} is not a compact text model: {error}", hint=_HINT) from error
        self.digest = sha256(data).hexdigest()
        self.dim = self._arrays["out_bias"].shape[0]

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Texts, English or Chinese -> (n, dim) float32, rows of L2 norm 1."""
        a = self._arrays
        x = np.zeros((len(texts), self._rows.shape[1]), np.float32)
        for i, text in enumerate(texts):
            ids = token_ids(to_english(text))
            weight = a["weights"][ids]
            x[i] = ((weight * a["row_scales"][ids]) @ self._rows[ids].astype(np.float32)) / weight.sum()
        mean = x.mean(1, keepdims=True)
        spread = np.sqrt(((x - mean) ** 2).mean(1, keepdims=True) + np.float32(1e-5))
        x = (x - mean) / spread * a["norm_scale"] + a["norm_bias"]
        x = x + np.maximum(x @ a["up"].T + a["up_bias"], 0) @ a["down"].T + a["down_bias"]
        y = x @ a["out"].T + a["out_bias"]
        return y / np.maximum(np.sqrt((y * y).sum(1, keepdims=True)), np.float32(1e-12))


class CompactImageEncoder:
    """Port `ImageEncoder`: the space in which two pictures of one product lie close together."""

    def __init__(self, weights: Path | str | None = None) -> None:
        """`weights`: the folder of an image.onnx, the shipped one or a shop's own (`outfit train shop`); default: shipped."""
        self._model = load_image(None if weights is None else Path(weights))
        if "instance" not in self._model.dims:
            raise ModelUnavailable(f"{weights} tells no products apart: it has no output `instance`", hint=_HINT)
        self.space = Space("compact-instance", self._model.digest[:16], "image", self._model.dims["instance"])

    def encode_images(self, images: Sequence[Image]) -> np.ndarray:
        """RGB pictures of any size -> (n, dim) float32, rows of L2 norm 1."""
        return self._model.instances(letterboxed(images))


class CompactSharedImageEncoder:
    """Port `ImageEncoder`: the space that pictures share with titles. Cosines with `CompactTextEncoder` are meant."""

    def __init__(self, weights_dir: Path | None = None) -> None:
        self._model = load_image(weights_dir)
        revision = shared_revision(weights_dir)
        self.space = Space("compact-shared", revision, "image", self._model.dims["shared"])

    def encode_images(self, images: Sequence[Image]) -> np.ndarray:
        """RGB pictures of any size -> (n, dim) float32, rows of L2 norm 1."""
        return self._model.outputs(images)["shared"]


class CompactTextEncoder:
    """Port `TextEncoder`: titles and questions in the space shared with pictures. Chinese goes through the lexicon."""

    def __init__(self, weights_dir: Path | None = None) -> None:
        self._model = load_text(weights_dir)
        self.space = Space("compact-shared", shared_revision(weights_dir), "text", self._model.dim)

    def encode_queries(self, texts: Sequence[str]) -> np.ndarray:
        """What people ask -> (n, dim) float32, rows of L2 norm 1."""
        return self._model.encode(texts)

    def encode_documents(self, texts: Sequence[str]) -> np.ndarray:
        """What the catalogue says -> (n, dim) float32, rows of L2 norm 1."""
        return self._model.encode(texts)


class CompactDescriber:
    """Port `Describer`: category, sub-category, slot, gender, colour, season, usage, each with its probability."""

    FIELDS = ("category", "sub_category", "gender", "colour", "season", "usage")

    def __init__(self, weights_dir: Path | None = None) -> None:
        self._model = load_image(weights_dir)
        self.name = f"compact-describer/{self._model.digest[:16]}"

    def describe(self, images: Sequence[Image]) -> list[Attributes]:
        """What each picture shows. A field is None below its head's `least`; its confidence is given all the same. On real
        photos the head of the ten classes is heard about the category (`photo_classes.heard`).
        """
        read = self._model.probabilities_of(letterboxed(images))
        probabilities = {name: read[name] for name in self.FIELDS if name in read} | {"category": self._model.heard_category(read)}
        return [self._attributes({name: p[i] for name, p in probabilities.items()}) for i in range(len(images))]

    def _attributes(self, probabilities: Mapping[str, np.ndarray]) -> Attributes:
        told: dict[str, object] = {}
        confidence: dict[str, float] = {}
        for name, p in probabilities.items():
            best = int(p.argmax())
            confidence[name] = float(p[best])
            if p[best] >= self._model.heads[name].least:
                answer = self._model.heads[name].classes[best]
                told[name] = Gender(answer) if name == "gender" else answer
        slot, confidence["slot"] = self._slot(probabilities["category"])
        if told.get("category") is not None:
            told["slot"] = slot_of(str(told["category"]))  # one answer, not two that could disagree
        elif confidence["slot"] >= LEAST_SLOT:
            told["slot"] = slot
        return Attributes(**told, confidence=confidence)

    def _slot(self, probabilities: np.ndarray) -> tuple[Slot | None, float]:
        sums: dict[Slot | None, float] = {}
        for category, p in zip(self._model.heads["category"].classes, probabilities, strict=True):
            slot = slot_of(category)
            sums[slot] = sums.get(slot, 0.0) + float(p)
        return max(sums.items(), key=lambda pair: pair[1])


class CompactEvidence:
    """What a crop says for each item beside the vectors: log probability of its category, colour and gender, how close its
    title lies to the picture in the space that both share, and how alike the measured palettes are.
    See `retrieval.ranking`.
    """

    NAMES = ("category", "colour", "gender", "title", "palette")

    FIELDS = ("category", "colour", "gender")
    FLOOR = 1e-3  # a label that training never saw, or one that the catalogue got wrong, bars nothing

    def __init__(self, model: CompactModel | None = None, text: CompactText | None = None) -> None:
        self._model, self._text = model or load_image(), text or load_text()

    def of(self, image: Image, items: Sequence[Item], names: Collection[str]) -> dict[str, np.ndarray]:
        """By those of the names that are known, (n,) float64 for n items."""
        if not set(names) & set(self.NAMES):
            return {}  # nothing is asked: the picture is not read for it
        out = self._model.answers([image])
        found = {
            name: self.read_one(name, out[name][0], [getattr(item, name) for item in items])
            for name in self.FIELDS
            if name in names
        }
        if "title" in names:
            found["title"] = self._text.encode([item.title for item in items]) @ out["shared"][0]
        if "palette" in names:
            palette = measure_palette(letterbox(image))  # catalogue pictures were measured at that size, margin and all
            found["palette"] = np.array([palette_likeness(palette, item.palette) for item in items])
        return found

    def read_one(self, name: str, logits: np.ndarray, labels: Sequence[str | None]) -> np.ndarray:
        """(n,) log probability of each label by one head; an unknown label says nothing: it has the mean over the classes,
        weighted by their probability."""
        head = self._model.heads[name]
        p = head.probabilities(logits[None].astype(np.float32))[0]
        logs = np.log(np.maximum(p, self.FLOOR))
        known = {label: float(value) for label, value in zip(head.classes, logs, strict=True)}
        unsaid, least = float((p * logs).sum()), float(np.log(self.FLOOR))
        return np.array([unsaid if label is None else known.get(str(label), least) for label in labels])


def load_image(weights_dir: Path | None = None) -> CompactModel:
    """The image net of a folder (default: the one that ships), loaded once a process and file version."""
    return _image(*_stamp(weights_dir, IMAGE_FILE))


def load_text(weights_dir: Path | None = None) -> CompactText:
    """The text tower of a folder (default: the one that ships), loaded once a process and file version."""
    return _text(*_stamp(weights_dir, TEXT_FILE))


def shared_revision(weights_dir: Path | None = None) -> str:
    """Digest of both towers: a new text tower is a new shared space, and so is a new image net."""
    both = load_image(weights_dir).digest + load_text(weights_dir).digest
    return sha256(both.encode()).hexdigest()[:16]


@lru_cache(maxsize=4)
def _image(file: Path, _version: int) -> CompactModel:
    return CompactModel(file)


@lru_cache(maxsize=4)
def _text(file: Path, _version: int) -> CompactText:
    return CompactText(file)


def _stamp(weights_dir: Path | None, name: str) -> tuple[Path, int]:
    file = (weights_dir or resources.path("weights")) / name
    try:
        return file, file.stat().st_mtime_ns
    except OSError as error:
        raise ModelUnavailable(f"the compact model {file} cannot be read: {error.strerror}", hint=_HINT) from error


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ModelUnavailable(f"the compact model {file} cannot be read: {error.strerror}", hint=_HINT) from error
