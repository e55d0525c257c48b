"""Shot tags from pixels, and the manifest: who trains, who tests, and why."""

from __future__ import annotations

import json

import numpy as np
import pytest

from retrieval.errors import InvalidInput, StoreError
from retrieval.training.manifest import Shot, counts, place, write


def by_name(shots):
    return {p.name: p for p in place(shots)}


def test_scenes_test_studio_shots_train_and_faults_are_left_out():
    got = by_name([
        Shot("a1", "a", real_scene=False), Shot("a2", "a", real_scene=True), Shot("b1", "b"),
        Shot("c1", "c", whole=False), Shot("c2", "c", angle="sole"), Shot("c3", "c", quality=0.1),
    ])  # fmt: skip
    assert (got["a2"].part, got["a2"].role) == ("test", "query")
    assert (got["a1"].part, got["a1"].role) == ("test", "gallery")
    assert got["b1"].part == "train"
    assert [got[n].reason for n in ("c1", "c2")] == ["shows only a part", "shot of the sole"]
    assert got["c3"].part == "left out" and "0.10" in got["c3"].reason


def test_a_chain_of_near_duplicates_never_crosses_the_split():
    got = by_name([
        Shot("a1", "a", real_scene=True), Shot("a2", "a", same_as=1),
        Shot("b1", "b", same_as=1), Shot("b2", "b", same_as=2), Shot("c1", "c", same_as=2), Shot("d1", "d", same_as=3),
    ])  # fmt: skip
    assert {n for n, p in got.items() if p.part == "test"} == {"a1", "a2", "b1", "b2", "c1"}
    assert got["c1"].reason == "repeats a picture of a test product"
    assert got["d1"].part == "train"


def test_a_shot_that_is_left_out_drags_nobody_into_the_test_part():
    got = by_name([Shot("a1", "a", real_scene=True, whole=False), Shot("a2", "a")])
    assert got["a1"].part == "left out" and got["a2"].part == "train"


def test_no_product_is_on_both_sides_whatever_the_tags():
    rng = np.random.default_rng(0)
    shots = [
        Shot(str(i), f"p{rng.integers(60)}", real_scene=bool(rng.random() < 0.1), whole=bool(rng.random() < 0.9),
             same_as=int(rng.integers(80)) if rng.random() < 0.3 else None)
        for i in range(300)
    ]  # fmt: skip
    placed = place(shots)
    sides: dict[object, set[str]] = {}
    for shot, p in zip(shots, placed, strict=True):
        if p.part != "left out":
            sides.setdefault(shot.product, set()).add(p.part)
            if shot.same_as is not None:
                sides.setdefault(("same", shot.same_as), set()).add(p.part)
    assert all(len(parts) == 1 for parts in sides.values())


def test_the_manifest_counts_and_is_not_overwritten(tmp_path):
    placed = place([Shot("a", "a"), Shot("b", "b"), Shot("c", "c", real_scene=True)])
    write(placed, tmp_path / "m.json")
    read = json.loads((tmp_path / "m.json").read_text())
    assert read["counts"] == counts(placed) == {"train: studio shot": 2, "test: real-world scene": 1}
    assert read["pictures"][2]["role"] == "query"
    with pytest.raises(StoreError, match="exists already"):
        write(placed, tmp_path / "m.json")
    with pytest.raises(InvalidInput, match="comes 2 times"):
        place([Shot("a", "a"), Shot("a", "b")])


# pixels ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def shots():
    pytest.importorskip("scipy", reason="masks need scipy (extra [train])")
    from retrieval.training import shots

    return shots


def studio() -> np.ndarray:
    picture = np.full((160, 128, 3), 250, np.uint8)
    picture[30:130, 30:100] = np.random.default_rng(0).integers(40, 160, (100, 70, 3))
    return picture


def test_studio_scene_and_part_are_told_apart(shots):
    plain = shots.tags(studio())
    assert (plain.real_scene, plain.whole) == (False, True)
    scene = np.random.default_rng(1).integers(0, 255, (160, 128, 3), dtype=np.uint8)
    assert (shots.tags(scene).real_scene, shots.tags(scene).whole) == (True, None)
    close = np.full((160, 128, 3), 90, np.uint8)  # cloth from side to side, plain
    assert (shots.tags(close).real_scene, shots.tags(close).whole) == (False, False)


def test_blur_and_darkness_lower_the_quality(shots):
    sharp = studio()
    assert shots.quality(sharp) == 1.0
    assert shots.quality(np.full_like(sharp, 128)) == 0.0
    assert shots.quality((sharp // 40).astype(np.uint8)) < 0.5


def test_repeats_are_joined_by_chains_and_strangers_stay_alone():
    from retrieval.training.repeats import difference_hashes, groups

    rng = np.random.default_rng(0)
    first = studio()
    second = (first.astype(int) + rng.integers(-4, 1, first.shape)).clip(0, 255).astype(np.uint8)
    third = (second.astype(int) + rng.integers(-4, 1, first.shape)).clip(0, 255).astype(np.uint8)
    other = first[:, ::-1]
    assert groups(np.stack((first, other, second, third))).tolist() == [0, 1, 0, 0]
    rising = np.broadcast_to(np.arange(64, dtype=np.uint8)[None, :, None], (80, 64, 3))[None]
    assert difference_hashes(rising).tolist() == [0]
    assert difference_hashes(rising[:, :, ::-1]).tolist() == [2**64 - 1]


def test_a_folders_pictures_become_shots_with_their_products(shots, tmp_path):
    from retrieval.training.folder import FolderPictures, layout_of

    scene = np.random.default_rng(1).integers(0, 255, (160, 128, 3), dtype=np.uint8)
    names = ["bag/1.jpg", "shoe-12_a.jpg", "tie.jpg"]
    _, products, said = layout_of(names)
    found = FolderPictures(np.stack((studio(), studio(), scene)), names, np.zeros(3, int), [""], {}, products, said)
    a, b, c = shots.shots_of(found)
    assert [s.product for s in (a, b, c)] == ["bag", "shoe-12", "tie"]
    assert a.same_as == b.same_as is not None and c.same_as is None
    assert c.real_scene and not a.real_scene
