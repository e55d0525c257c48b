"""GTE (Li et al., 2023) and other sentence encoders of its kind, by plain transformers, behind the port.

ModelScope's `iic/nlp_gte_sentence-embedding_english-base` and its Chinese and multilingual sisters are transformers with
a pooled last layer. How it is pooled stands in the snapshot: ModelScope's `configuration.json` or the
`1_Pooling/config.json` of sentence-transformers.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from retrieval import weights as snapshots
from retrieval.encoders.torch_runtime import Runtime, digest, runtime
from retrieval.errors import InvalidSetting, ModelUnavailable
from retrieval.ports import Space

if TYPE_CHECKING:
    import torch

Pooling = Literal["cls", "mean"]
MAX_TOKENS = 512
BATCH = 64
_OTHER_FRAMEWORKS = ("*.onnx", "onnx/*", "openvino/*", "*.h5", "*.msgpack", "*.ot", "coreml/*")


class GteTextEncoder:
    """Port `TextEncoder`: the pooled last layer, normalised. Queries and documents are encoded alike, as GTE was trained.

    `weights`: a folder, or a name on the hub. Texts are cut after `max_tokens`. `pooling` is used where the snapshot says
    nothing. A snapshot with program code of its own is refused unless `remote_code`.
    """

    def __init__(
        self,
        weights: str,
        *,
        name: str = "gte",
        hub: snapshots.Hub = "modelscope",
        pooling: Pooling = "cls",
        max_tokens: int = MAX_TOKENS,
        device: str = "auto",
        precision: str = "auto",
        remote_code: bool = False,
    ) -> None:
        if pooling not in ("cls", "mean"):
            raise InvalidSetting(f"pooling is {pooling!r}: expected cls or mean")
        folder = snapshots.find(weights, hub, of="text encoder", skip=_OTHER_FRAMEWORKS)
        self.tokenizer, self.network = open_folder(folder, remote_code=remote_code)
        self.pooling = pooling_of(folder) or pooling
        self.max_tokens = min(max_tokens, longest(self.tokenizer, self.network))
        self._runtime = runtime(device, precision, batch=BATCH)
        revision = digest(self.network.state_dict(), self.pooling, self.max_tokens)
        self.space = Space(name, revision, "text", self.network.config.hidden_size)
        self._runtime.place(self.network)

    def encode_queries(self, texts: Sequence[str]) -> np.ndarray:
        """What people ask -> (n, dim) float32, rows of L2 norm 1."""
        return self._encode(texts)

    def encode_documents(self, texts: Sequence[str]) -> np.ndarray:
        """What the catalogue says -> (n, dim) float32, rows of L2 norm 1."""
        return self._encode(texts)

    def _encode(self, texts: Sequence[str]) -> np.ndarray:
        import torch

        rows = np.zeros((len(texts), self.space.dim), np.float32)
        by_length = sorted(range(len(texts)), key=lambda i: len(texts[i]))  # a batch is as long as its longest text
        with torch.inference_mode():
            for start in range(0, len(texts), self._runtime.batch):
                at = by_length[start : start + self._runtime.batch]
                rows[at] = self._batch([texts[i] for i in at], self._runtime)
        return rows

    def _batch(self, texts: list[str], run: Runtime) -> np.ndarray:
        tokens = self.tokenizer(
            texts, padding=True, truncation=True, max_length=self.max_tokens, return_tensors="np"
        )
        given = {name: run.tensor(values) for name, values in tokens.items()}
        hidden = self.network(**given).last_hidden_state
        return run.unit_rows(pooled(hidden, given["attention_mask"], self.pooling))


def pooled(hidden: torch.Tensor, mask: torch.Tensor, pooling: Pooling) -> torch.Tensor:
    """(n, t, d) of the last layer and (n, t) of 0 and 1 -> (n, d): the first token, or the mean of those that count."""
    if pooling == "cls":
        return hidden[:, 0]
    weights = mask[..., None].to(hidden.dtype)
    return (hidden * weights).sum(1) / weights.sum(1).clamp(min=1)


def pooling_of(folder: Path) -> Pooling | None:
    """What a snapshot says of its pooling; None where it says nothing. Raises ModelUnavailable for one of another kind."""
    modelscope = _json(folder / "configuration.json").get("model", {})
    if isinstance(modelscope, dict) and "emb_pooler_type" in modelscope:
        told = modelscope["emb_pooler_type"]
        found = {"cls": "cls", "avg": "mean"}.get(told)
    else:
        said = _json(folder / "1_Pooling" / "config.json")
        if not said:
            return None
        told = said.get("pooling_mode") or [n for n, on in said.items() if n.startswith("pooling_mode_") and on]
        found = {"pooling_mode_cls_token": "cls", "pooling_mode_mean_tokens": "mean", "cls": "cls", "mean": "mean"}.get(
            told[0] if isinstance(told, list) and len(told) == 1 else str(told)
        )
    if found is None:
        raise ModelUnavailable(f"{folder} pools by {told}: expected the first token or the mean", hint="outfit models")
    return found


def longest(tokenizer: Any, network: Any) -> int:
    """Tokens that both take at most."""
    places = getattr(network.config, "max_position_embeddings", None) or MAX_TOKENS
    return min(places, tokenizer.model_max_length)  # a tokenizer without a limit says 1e30


def open_folder(folder: Path, *, remote_code: bool) -> tuple[Any, Any]:
    """Tokenizer and network of a snapshot, in float32. Raises ModelUnavailable, with the next step."""
    for package in ("torch", "transformers"):
        if find_spec(package) is None:
            raise ModelUnavailable(
                f"text encoders of this kind need the package {package}, which is not installed",
                hint="pip install 'outfit-assistant[models]'",
            )
    config = _json(folder / "config.json")
    if not config:
        raise ModelUnavailable(
            f"{folder} holds no text encoder: expected a folder with config.json, a tokenizer and weights",
            hint="check the path, or give a name on the hub",
        )
    if "auto_map" in config and not remote_code:
        raise ModelUnavailable(
            f"{folder} brings program code of its own ({config['auto_map'].get('AutoModel', 'auto_map')}), which is not run "
            "unless you allow it",
            hint="read it; then OUTFIT_REMOTE_CODE=true, or take the text encoder gte-chinese or gte, which need none",
        )
    from transformers import AutoModel, AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=remote_code)
        network, report = AutoModel.from_pretrained(
            folder, local_files_only=True, trust_remote_code=remote_code,
            output_loading_info=True,
        )  # fmt: skip
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, ImportError) as error:
        told = str(error).strip().splitlines()
        raise ModelUnavailable(
            f"the text encoder in {folder} cannot be read: {told[0][:300] if told else type(error).__name__}",
            hint="check that the folder holds config.json, a tokenizer and weights of one model",
        ) from error
    if getattr(network, "pooler", None) is not None:
        network.pooler = None  # BERT's own pooler is not asked, and most snapshots hold none
    missing = sorted(name for name in report["missing_keys"] if not name.startswith("pooler."))
    if missing:
        raise ModelUnavailable(
            f"{folder} lacks {len(missing)} weights of its {type(network).__name__}, such as {', '.join(missing[:3])}",
            hint="take weights of the architecture that its config.json names",
        )
    return tokenizer, network.float()


def _json(file: Path) -> dict[str, Any]:
    """What a JSON file holds; nothing where there is none. Raises ModelUnavailable where it is broken."""
    try:
        held = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ModelUnavailable(f"{file} cannot be read: {error}", hint="fetch the snapshot again") from error
    return held if isinstance(held, dict) else {}
