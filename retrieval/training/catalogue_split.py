"""The split of a catalogue's photos, by the tags that are kept in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from retrieval.catalogue import Catalogue
from retrieval.duplicates import near_duplicates
from retrieval.errors import OutfitError, StoreEmpty, StoreError
from retrieval.ledger import Ledger
from retrieval.tags import TagStore
from retrieval.training import manifest
from retrieval.training.manifest import Placed, Shot


def place(catalogue: Catalogue) -> list[Placed]:
    """Every tagged photo of the catalogue, "SKU/VIEW", with its part and reason; photos that could not be tagged are left
    out with theirs. Near-duplicates are those of the ingest's report. Raises StoreEmpty where nothing is tagged.
    """
    store = TagStore(catalogue)
    tagged = list(store.all())
    if not tagged:
        raise StoreEmpty("no photo of the catalogue has tags yet", hint="outfit tag")
    group = {sku: i for i, skus in enumerate(near_duplicates(Ledger(catalogue).looks())) for sku in skus}
    shots = [
        Shot(
            f"{t.photo.sku}/{t.photo.view}", t.photo.sku, t.tags.real_scene, t.tags.whole, t.tags.angle, t.tags.quality,
            group.get(t.photo.sku), f"not tagged: {t.fault}" if t.fault else "",
        )
        for t in tagged
    ]  # fmt: skip
    known = {shot.name for shot in shots}
    untagged = [p for p in store.missing("") if f"{p.sku}/{p.view}" not in known]
    shots += [Shot(f"{p.sku}/{p.view}", p.sku, fault="not tagged yet") for p in untagged]
    return manifest.place(shots)


def copy(
    catalogue: Catalogue, placed: Sequence[Placed], out: Path,
    watch: Callable[[int, int], None] = lambda done, total: None,
) -> int:
    """Write the files of the placed photos as out/PART/CATEGORY/SKU/VIEW.ext (test: out/test/ROLE/...). Returns how many.

    A photo whose file is gone is skipped; a file that is there already is not written again, so a stopped copy goes on.
    Raises StoreError where the disk refuses.
    """
    used = [p for p in placed if p.part != "left out"]
    items = catalogue.items([p.product for p in used])
    written = 0
    for done, p in enumerate(used, 1):
        item = items.get(p.product)
        if item is None:
            continue
        view = next((v for v in item.views if f"{item.sku}/{v.name}" == p.name), None)
        if view is None:
            continue
        name = f"{_safe(view.name)}{Path(view.path).suffix.lower() or '.jpg'}"
        target = out / p.part / p.role / _safe(item.category) / _safe(item.sku) / name
        watch(done, len(used))
        if target.exists():
            written += 1
            continue
        try:
            data = catalogue.picture_bytes(item.sku, view.name)
        except OutfitError:
            continue
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            part = target.with_name(f"{target.name}.part")
            part.write_bytes(data)
            part.replace(target)
        except OSError as error:
            raise StoreError(
                f"{target} cannot be written: {error.strerror}", hint="make room, then run the same command again"
            ) from error
        written += 1
    return written


def _safe(name: str) -> str:
    """A name that is one part of a path on every system."""
    kept = "".join(c if c.isalnum() or c in " .-_" else "-" for c in name).strip(" .")
    return kept or "-"
