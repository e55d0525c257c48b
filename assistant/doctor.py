"""What works on this machine, what does not, and the next command: findings, worst news included."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass

from assistant import compose, models
from assistant.desk.in_use import InUse
from assistant.settings import Settings
from retrieval import registry
from retrieval.errors import OutfitError
from retrieval.ports import StoredIndex

_LEAST_FREE_BYTES = 500 * 2**20  # the demo catalogue with its index takes some 50 MB; a feed of 40,000 some 300 MB
_BYTES_A_NUMBER = 9  # of a vector on the disk while rows are arranged: twice as 32 bits, once as a byte


@dataclass(frozen=True, slots=True)
class Finding:
    """`is_fatal` stands in the way of starting; a finding that is neither good nor fatal is worth knowing."""

    subject: str
    message: str
    is_good: bool = True
    is_fatal: bool = False
    hint: str = ""


def examine(settings: Settings) -> list[Finding]:
    """All checks, in the order in which one would mend what they find."""
    return [
        *_settings(settings),
        *_disk(settings),
        *_models(settings),
        *_ranking(settings),
        *_vlm(settings),
        *_catalogue(settings),
    ]


def _settings(settings: Settings) -> list[Finding]:
    changed = [
        f"{name} = {_without_password(getattr(settings, name))} ({settings.source_of(name)})"
        for name in type(settings).model_fields
        if settings.source_of(name) != "default"
    ]
    return [Finding("settings", "; ".join(changed) or "all at their defaults")]


def _without_password(value: object) -> str:
    return re.sub(r"(://[^:/@]*):[^@]*@", r"\1:***@", str(value))


def _disk(settings: Settings) -> list[Finding]:
    home = settings.home.absolute()
    try:
        home.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(home).free
    except OSError as error:
        hint = "set OUTFIT_HOME to a folder that can be written"
        return [Finding("disk", f"{home} cannot be written: {error.strerror}", False, True, hint)]
    if free < _LEAST_FREE_BYTES:
        hint = "free some space, or set OUTFIT_HOME to a folder on another disk"
        return [Finding("disk", f"{free // 2**20} MB free in {home}", False, False, hint)]
    return [Finding("disk", f"{free // 2**30} GB free in {home}")]


def _models(settings: Settings) -> list[Finding]:
    findings = []
    for role, name in (*((role, models.name_of(settings, role)) for role in models.ROLES), ("describer", "compact")):
        try:
            fallback, found = registry.row(role, name).fallback, models.standing(settings, role, name)
        except OutfitError as error:
            findings.append(Finding(role, str(error), False, True, error.hint))
            continue
        if found.is_ready:
            findings.append(Finding(role, f"{name} is {found.message}"))
        elif fallback:
            findings.append(Finding(role, f"{name}: {found.message}; {fallback} stands in for it", False, False, found.hint))
        else:
            findings.append(Finding(role, f"{name}: {found.message}", False, role != "describer", found.hint))
    return findings


def _ranking(settings: Settings) -> list[Finding]:
    """Whether picture search can say how sure it is: its ranking was fitted to the weights in use."""
    if settings.image_encoder != "compact":
        message = f"by likeness alone: no ranking is fitted for {settings.image_encoder!r}"
        return [Finding("picture search", message, False)]
    try:
        space = models.load(settings, "image encoder").model.space
        fitted, notice = compose.ranking_for(space)
    except OutfitError as error:
        return [Finding("picture search", str(error), False, False, error.hint)]
    if fitted is None:
        return [Finding("picture search", notice, False, False, "outfit train ranking")]
    return [Finding("picture search", f"ranked by {', '.join(fitted.weights)}; sure from {fitted.sure:.0%} on")]


def _vlm(settings: Settings) -> list[Finding]:
    client = compose.vlm_client(settings)
    if client is None:
        hint = "outfit serve-vlm, or set OUTFIT_VLM_URL, where a GPU is at hand"
        return [Finding("vision-language model", "none configured: the embedded stylist judges", False, False, hint)]
    from assistant.stylists import probe

    try:
        found = probe.check(client)
    finally:
        client.close()
    return [Finding("vision-language model", f.message, f.is_good, False, f.hint) for f in found]


def examine_index(settings: Settings) -> list[Finding]:
    """The findings about the catalogue and the index that holds its vectors."""
    return _catalogue(settings)


def _catalogue(settings: Settings) -> list[Finding]:
    if not compose.has_own_catalogue(settings):
        hint = "outfit ingest FEED --images FOLDER brings your own in"
        return [Finding("catalogue", "none ingested: the demo catalogue is used", False, False, hint)]
    try:
        shelf = compose.open_shelf(settings)
    except OutfitError as error:
        return [Finding("catalogue", str(error), False, True, error.hint)]
    findings = [Finding("catalogue", f"{shelf.catalogue.count():,} items")]
    if (use := InUse(shelf.catalogue).now()) is not None and use.words:
        findings.append(Finding("desk", use.words, False, False, "take it back at the desk, on the page of knobs"))
    findings += _collection("titles", shelf.titles, shelf.catalogue.vector_count("text"), settings)
    findings += _collection("pictures", shelf.pictures, shelf.catalogue.vector_count("image"), settings)
    shelf.catalogue.close()
    return findings


def _collection(name: str, index: StoredIndex, wanted: int, settings: Settings) -> list[Finding]:
    """One collection of the index: sound, and as many vectors as the catalogue knows of."""
    where = f"index {settings.index}, {name}"
    try:
        problem, held = index.problem(), len(index)
    except OutfitError as error:
        return [Finding(where, str(error), False, True, error.hint)]
    if problem:
        return [Finding(where, problem, False, True, "outfit rebuild")]
    if held < wanted:
        hint = "outfit index move --from NAME, if another index holds them; else outfit rebuild"
        return [Finding(where, f"{held:,} of {wanted:,} vectors", False, True, hint)]
    if held > wanted:
        hint = "outfit ingest of the whole feed removes what is left over"
        return [Finding(where, f"{held:,} vectors, {held - wanted:,} more than the catalogue knows of", False, False, hint)]
    space = index.space
    said = f"{held:,} vectors of {space.dim} numbers by {space.model}, as many as the catalogue knows of"
    needed = held * space.dim * _BYTES_A_NUMBER
    if needed > (free := shutil.disk_usage(settings.home).free):
        hint = "free some space, or set OUTFIT_HOME to a folder on another disk"
        said += f"; {free // 2**20:,} MB free, but arranging them anew takes up to {needed // 2**20:,} MB"
        return [Finding(where, said, False, False, hint)]
    return [Finding(where, said)]
