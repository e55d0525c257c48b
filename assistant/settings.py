"""Every setting in one frozen value, and where each came from. The only reader of the environment.

A value comes from, in falling order of strength: an argument (a command-line option), an environment variable
`OUTFIT_<NAME>`, the file `outfit.toml` in the current directory (or the one named by `OUTFIT_CONFIG`), the default.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, PrivateAttr, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from retrieval.errors import InvalidSetting


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="OUTFIT_", frozen=True, extra="forbid", env_ignore_empty=True)

    home: Path = Field(Path(".outfit"), description="Folder for catalogue, index, uploads and caches")
    catalogue_url: str | None = Field(None, description="SQLAlchemy URL of the catalogue; default: SQLite in `home`")
    index: Literal["chroma", "sqlite", "exact", "milvus"] = Field(
        "chroma", description="What keeps the vectors: chroma, sqlite, exact or milvus (`outfit index`)"
    )
    index_url: str | None = Field(
        None, description="Server of the index, http://HOST:PORT of Chroma or Milvus; default: files in `home`"
    )
    index_token: SecretStr | None = Field(None, description="Its token; for Milvus also USER:PASSWORD")

    host: str = Field("127.0.0.1", description="Address that the page and the API listen on")
    port: int = Field(7860, ge=0, le=65535, description="Port that they listen on; 0 takes a free one")
    lang: Literal["auto", "en", "zh"] = Field("auto", description="Language of the page; auto follows the browser")
    photo_minutes: int = Field(
        60, ge=1, le=1440, description="Minutes after its last use in which a shopper's photo is deleted"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least severe line logged")
    log_format: Literal["auto", "json", "text"] = Field("auto", description="Lines logged; auto: text on a terminal, else JSON")
    otlp_url: str | None = Field(
        None, description="OpenTelemetry collector for traces (OTLP over HTTP), e.g. http://127.0.0.1:4318; default: none"
    )

    detector: str = Field("compact", description="Model that finds garments in a photo (`outfit models`)")
    image_encoder: str = Field("compact", description="Model that finds the same product (`outfit models`)")
    text_encoder: str = Field("hashing", description="Model that searches titles (`outfit models`)")
    threads: int = Field(1, ge=1, le=64, description="Threads of one model call")
    detector_weights: str | None = Field(
        None, description="Weights of the detector: a path, or a name on the hub; default: as `outfit models` says"
    )
    image_weights: str | None = Field(
        None, description="Weights of the image encoder: a path (of a fine-tuned one's .toml too), or a name on the hub"
    )
    text_weights: str | None = Field(None, description="Weights of the text encoder: a path, or a name on the hub")
    image_size: int | None = Field(
        None, ge=32, le=648, description="Side of the square that a DINO encoder sees, px; default: its own, 224"
    )
    weights_hub: Literal["huggingface", "modelscope"] | None = Field(
        None, description="Where weights are looked for by name; default: as `outfit models` says"
    )
    device: str = Field("auto", description="Where torch models run: auto, cpu, cuda, cuda:1, mps")
    precision: Literal["auto", "float32", "float16", "bfloat16"] = Field(
        "auto", description="Numbers that torch models compute with; auto: float16 on a GPU, float32 elsewhere"
    )
    remote_code: bool = Field(False, description="Let a model that brings program code of its own run it")
    detector_labels: str = Field(
        "clothes, pants, hats, shoes", description="What GroundingDINO is asked to find, English or Chinese"
    )
    detector_text_threshold: float = Field(
        0.25, ge=0, le=1, description="Least match of a word for GroundingDINO to name a garment by it"
    )

    models_url: str | None = Field(
        None, description="Worker of `outfit serve-models`, e.g. http://gpu:7870; used by the models called `worker`"
    )
    models_api_key: SecretStr | None = Field(None, description="Its key, if it asks for one")
    models_timeout_s: float = Field(30.0, gt=0, le=600, description="Longest wait for one of its answers, seconds")

    detection_threshold: float = Field(0.3, ge=0, le=1, description="Least confidence of a garment found in a photo")
    crop_scale: float = Field(1.0, ge=0.5, le=3, description="Growth of the chosen box about its centre before the crop")
    search_threshold: float | None = Field(
        None, ge=-1, le=1, description="Least text score of a candidate; default: calibrated per text encoder"
    )
    candidates_per_title: int = Field(12, ge=1, le=200, description="Items considered per suggested title")
    admitted_per_slot: int = Field(6, ge=1, le=20, description="Checked pieces kept per slot before looks are composed")
    looks: int = Field(3, ge=1, le=6, description="Looks shown side by side")
    guardrail_rounds: int = Field(3, ge=1, le=10, description="How often refused pieces are replaced by the next")
    guardrail_both_orders: bool = Field(False, description="Ask the judge in both orders; disagreement is withheld")
    guardrail_least_p_yes: float = Field(0.0, ge=0, le=1, description="Least probability of a yes that is shown")
    text_weight: float = Field(0.4, ge=0, le=1, description="The title's part in ranking candidates; the rest is the match")
    colour_weight: float = Field(1.0, ge=0, le=3, description="How much colour counts in that match")
    style_weight: float = Field(1.0, ge=0, le=3, description="How much occasion, category, season and pattern count in it")
    desk_share: float = Field(1.0, ge=0, le=1, description="Share of the answers that stylists are shown at the desk")
    desk_photo_days: float = Field(14.0, ge=0, le=365, description="Days that the desk keeps small crops of photos; 0 keeps none")
    turn_deadline_s: float = Field(60.0, gt=0, le=600, description="Longest that one turn may take, seconds")
    api_turns: int = Field(16, ge=1, le=1000, description="Turns that the API answers at a time; the next is refused (429)")
    api_turns_each: int | None = Field(
        None, ge=1, description="Of these, for one key or address at a time; default: all of them"
    )
    api_searches: int = Field(32, ge=1, le=1000, description="Searches that the API answers at a time; the next is refused (429)")
    api_rate: str | None = Field(
        None, description="Requests to the API from one key or address, e.g. 600/minute; default: no limit"
    )
    limits_url: str | None = Field(
        None, description="Where several app processes count requests together, e.g. redis://10.0.0.5:6379; default: each its own"
    )
    shared_state: bool = Field(
        False, description="Keep conversations, photos and verdicts in the catalogue's database, for several app processes"
    )
    api_image_hosts: str | None = Field(
        None, description="Hosts whose pictures the API fetches by address, e.g. cdn.shop.example,*.img.example; default: none"
    )
    tiktoken_cache: Path | None = Field(
        None, description="Folder where tiktoken keeps its tables, for counting tokens; default: tiktoken's own"
    )

    vlm_url: str | None = Field(None, description="Vision-language server, e.g. http://127.0.0.1:23333/v1; none: embedded")
    vlm_model: str = Field("InternVL2-8B", description="Its model name")
    vlm_api_key: SecretStr | None = Field(None, description="Its key, if it asks for one")
    vlm_timeout_s: float = Field(30.0, gt=0, le=600, description="Longest wait for one of its answers, seconds")
    vlm_concurrency: int = Field(32, ge=1, le=256, description="Questions to it at a time, over all conversations")
    vlm_context_tokens: int = Field(8192, ge=1024, le=131072, description="Its session length in tokens")
    vlm_photo_tiles: int = Field(6, ge=1, le=12, description="448-px tiles that it sees of a shopper's photo")
    vlm_fast_verdicts: bool = Field(True, description="Read verdicts from one token's probability where it gives them")

    _sources: dict[str, str] = PrivateAttr(default_factory=dict)

    @classmethod
    def load(cls, **arguments: Any) -> Settings:
        """Settings from all sources; `arguments` that are None count as not given. Raises InvalidSetting."""
        given = {name: value for name, value in arguments.items() if value is not None}
        try:
            settings = cls(**given)
            in_file = TomlConfigSettingsSource(cls, _config_file())()
        except ValidationError as error:
            raise InvalidSetting(_explain(error), hint="outfit doctor lists every setting and where it came from") from error
        except (OSError, ValueError) as error:
            raise InvalidSetting(f"{_config_file()} cannot be read: {error}", hint="correct or remove the file") from error
        for name in cls.model_fields:
            if name in given:
                source = "argument"
            elif os.environ.get(_variable(name)):
                source = f"environment ({_variable(name)})"
            elif name in in_file:
                source = f"file ({_config_file()})"
            else:
                source = "default"
            settings._sources[name] = source
        return settings

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource, **_: Any
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, _config_file())

    def source_of(self, name: str) -> str:
        """"argument", "environment (NAME)", "file (PATH)" or "default"."""
        return self._sources.get(name, "default")


def markdown_table() -> str:
    """The settings as the README shows them."""
    lines = ["| setting | variable | default | meaning |", "| --- | --- | --- | --- |"]
    for name, field in Settings.model_fields.items():
        default = "" if field.default is None else f"`{str(field.default).lower() if isinstance(field.default, bool) else field.default}`"
        lines.append(f"| `{name}` | `{_variable(name)}` | {default} | {field.description} |")
    return "\n".join(lines)


def without_telemetry() -> None:
    """Keep libraries that are about to be imported from reporting home, unless somebody asked them to."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")


def _variable(name: str) -> str:
    return f"OUTFIT_{name.upper()}"


def _config_file() -> Path:
    return Path(os.environ.get("OUTFIT_CONFIG") or "outfit.toml")


def _explain(error: ValidationError) -> str:
    parts = []
    for problem in error.errors():
        name = ".".join(str(part) for part in problem["loc"])
        parts.append(f"setting {name} = {problem['input']!r}: {problem['msg'][0].lower()}{problem['msg'][1:]}")
    return "; ".join(parts)
