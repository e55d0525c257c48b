"""The models that the settings name, loaded with the options that the settings hold."""

from __future__ import annotations

from typing import Any

from assistant.settings import Settings
from retrieval import registry

ROLES: tuple[registry.Role, ...] = ("detector", "image encoder", "text encoder")
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
        "labels": [label for part in settings.detector_labels.split(",") if (label := part.strip())],
        "box_threshold": settings.detection_threshold,
        "text_threshold": settings.detector_text_threshold,
    }


def load(settings: Settings, role: registry.Role, name: str | None = None) -> registry.Loaded:
    """The model of a role: the one that the settings name, or the one called `name`. Raises as `registry.load` does."""
    return registry.load(role, name or name_of(settings, role), options(settings, role))
