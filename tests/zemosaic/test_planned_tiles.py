"""Which tile was made of which frames, retries and all."""

from __future__ import annotations

from pathlib import Path

import pytest
from runs import STAMP, STATE, TILES, paths_of, signature, write_json, write_plan, write_tiles

from napari_zecoverage.zemosaic.run_folder import read_run


def test_tiles_that_were_removed_are_not_there(out: Path, raws: list[Path]) -> None:
    write_plan(out, raws)
    write_tiles(out, {0: raws}, files=False)
    run = read_run(out)
    assert run.clusters[0].master_tile is None
    assert run.notes == ()


def test_a_tile_outside_of_the_list_is_taken_by_its_number(out: Path, raws: list[Path]) -> None:
    write_plan(out, raws)
    write_tiles(out, {0: raws})
    (out / STATE / "master_tiles_manifest.json").unlink()
    [found] = read_run(out).clusters
    assert found.master_tile == out / TILES / "master_tile_000.fits"
    assert any("by its number" in note for note in found.notes)


def test_a_tile_of_other_frames_is_not_shown(out: Path, raws: list[Path]) -> None:
    write_plan(out, raws)
    write_tiles(out, {0: raws[:3]})
    [found] = read_run(out).clusters
    assert found.master_tile is None
    assert any("made of other frames" in note for note in found.notes)


def test_a_rejected_tile_is_found(out: Path, raws: list[Path]) -> None:
    write_plan(out, raws)
    write_tiles(out, {0: raws})
    (out / TILES / "rejected_by_quality").mkdir()
    rejected = out / TILES / "rejected_by_quality" / "master_tile_000.fits"
    (out / TILES / "master_tile_000.fits").rename(rejected)
    [found] = read_run(out).clusters
    assert found.master_tile == rejected
    assert any("quality gate" in note for note in found.notes)


def test_a_group_that_was_retried_as_a_whole_has_the_new_number(
    out: Path, raws: list[Path]
) -> None:
    write_plan(out, raws[:3], raws[3:])
    write_tiles(out, {0: raws[:3], 7: raws[3:]})
    first, second = read_run(out).clusters
    assert (first.tile_id, second.tile_id) == (0, 7)
    assert paths_of(second) == raws[3:]
    assert second.master_tile == out / TILES / "master_tile_007.fits"
    assert any("made it again as number 7" in note for note in second.notes)


@pytest.mark.parametrize("picked", [(1,), (0, 4), (0, 1, 2, 3, 5), (1, 3, 5)])
def test_failed_frames_in_a_tile_of_their_own_are_found(
    out: Path, raws: list[Path], picked: tuple[int, ...]
) -> None:
    failed = [raws[index] for index in picked]
    write_plan(out, raws[:2], raws)
    write_tiles(out, {0: raws[:2], 1: raws, 2: failed})
    retried = read_run(out).clusters[2]
    assert (retried.tile_id, paths_of(retried)) == (2, failed)
    assert retried.master_tile == out / TILES / "master_tile_002.fits"
    assert any("failed in tile" in note for note in retried.notes)


def test_of_two_groups_with_the_same_frames_one_has_the_retry(out: Path, raws: list[Path]) -> None:
    write_plan(out, raws, raws)
    write_tiles(out, {7: raws})
    assert sorted(each.tile_id for each in read_run(out).clusters) == [1, 7]


def test_a_retry_whose_frames_cannot_be_told_is_noted(out: Path, raws: list[Path]) -> None:
    write_plan(out, raws[:3], raws[3:])
    write_tiles(out, {0: raws[:3], 1: raws[3:], 2: ["/elsewhere/x.fit"]})
    run = read_run(out)
    assert len(run.clusters) == 2
    assert any(note.startswith("master_tile_002: made in a retry") for note in run.notes)


def test_the_chunks_of_tile_0_are_warned_of(out: Path, raws: list[Path]) -> None:
    many = [*raws, *(f"/gone/{number}.fit" for number in range(123))]
    write_plan(out, many, raws)
    assert any("Tile 0 has 129 frames" in note for note in read_run(out).notes)
    write_plan(out, many[:128], raws)
    assert read_run(out).notes == ()


def test_a_tile_path_leads_to_tiles_only(out: Path, raws: list[Path], tmp_path: Path) -> None:
    write_plan(out, raws)
    secret = tmp_path / "secret.fits"
    secret.write_text("mine")
    inside = tmp_path / "elsewhere" / "master_tile_000.fits"
    inside.parent.mkdir()
    inside.write_text("a tile")
    for path, expected in (
        (secret, None),
        ("/dev/zero", None),
        (f"{out}/../elsewhere/master_tile_000.fits", None),
        ("x" * 10_000, None),
        (inside, inside),
    ):
        tile = {"tile_id": 0, "path": str(path), "group_signature": signature(raws)}
        write_json(out / STATE / "master_tiles_manifest.json", {**STAMP, "tiles": [tile]})
        assert read_run(out).clusters[0].master_tile == expected
