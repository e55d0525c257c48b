"""The models that the settings name, loaded with the options that the settings hold."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assistant.settings import Settings
from retrieval import registry
from retrieval.errors import OutfitError

ROLES: tuple[registry.Role, ...] = ("detector", "image encoder", "text encoder")
_BETWEEN_LABELS = r"[,.;，、。；]"  # also as GroundingDINO's prompt is written: clothes . pants
_WEIGHTS = {"detector": "detector_weights", "image encoder": "image_weights", "text encoder": "text_weights"}


def name_of(settings: Settings, role: registry.Role) -> str:
    """The name of the model in use for a role."""
    return getattr(settings, role.replace(" ", "_"))


def options(settings: Settings, role: registry.Role) -> dict[str, Any]:
    """What the settings say of a role's model; each row takes what it knows (`registry.Model.takes`)."""
    return {
        "weights": getattr(settings, _WEIGHTS[role]),
        "image_size": settings.image_size,
        "hub": settings.weights_hub,
        "device": settings.device,
        "precision": settings.precision,
        "remote_code": settings.remote_code,
        "threads": settings.threads,
        "labels": [label for part in re.split(_BETWEEN_LABELS, settings.detector_labels) if (label := part.strip())],
        "box_threshold": settings.detection_threshold,
        "text_threshold": settings.detector_text_threshold,
        "url": settings.models_url,
        "api_key": settings.models_api_key.get_secret_value() if settings.models_api_key else None,
        "timeout_s": settings.models_timeout_s,
    }


def load(settings: Settings, role: registry.Role, name: str | None = None) -> registry.Loaded:
    """The model of a role: the one that the settings name, or the one called `name`. Raises as `registry.load` does."""
    return registry.load(role, name or name_of(settings, role), options(settings, role))


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether a model can be used on this machine, in words, and the next step where it cannot."""

    is_ready: bool
    message: str
    hint: str = ""


def standing(settings: Settings, role: registry.Role, name: str) -> Standing:
    """Looks at packages, paths, and the worker's own list; loads and fetches nothing. Raises ModelNotFound."""
    model = registry.row(role, name)
    if lack := registry.missing(model):
        return Standing(False, lack, "outfit models")
    given = model.given(options(settings, role)) if role in ROLES else {}
    if "url" in model.takes:
        return _of_worker(given, role)
    weights = given.get("weights")
    if weights is None:
        return Standing(True, "ready")
    if Path(weights).expanduser().exists():
        return Standing(True, f"ready, weights {weights}")
    if weights.startswith((".", "/", "~")):
        return Standing(False, f"weights not found: no file or folder {weights}", f"correct OUTFIT_{_WEIGHTS[role].upper()}")
    return Standing(True, f"ready; weights {weights} are taken from {given.get('hub', model.hub)}, fetched at first use")


def _of_worker(given: dict[str, Any], role: registry.Role) -> Standing:
    from retrieval.remote import Worker

    try:
        served = Worker(given.get("url"), given.get("api_key"), min(given["timeout_s"], 5.0)).served(role)
    except OutfitError as error:
        return Standing(False, str(error), error.hint)
    return Standing(True, f"ready: {given['url']} serves {served['name']}")
