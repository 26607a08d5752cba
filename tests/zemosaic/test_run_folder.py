"""Run folders: ZeMosaic's manifests as it writes them, moved, incomplete, damaged and hostile."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_zecoverage.core.clusters import Cluster
from napari_zecoverage.core.errors import ClusterError, RunFolderError, ZecoverageError
from napari_zecoverage.core.frames import read_frame
from napari_zecoverage.core.parameters import StudyOptions
from napari_zecoverage.core.study import study_cluster
from napari_zecoverage.sample import SampleSettings, write_sample
from napari_zecoverage.zemosaic.manifests import MAX_GROUPS
from napari_zecoverage.zemosaic.run_folder import ZeMosaicRun, find_clusters, read_run

STATE = ".zemosaic_state"
CACHE = ".zemosaic_img_cache"
TILES = "zemosaic_temp_master_tiles"

STAMP = {
    "schema_version": 1,
    "pipeline": "classic_legacy",
    "created_utc": "2026-01-01T00:00:00Z",
    "run_signature": "0" * 64,
}


def write_frame(path: Path, shape: tuple[int, ...] = (6, 8), **cards: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    header = fits.Header()
    for keyword, value in cards.items():
        header[keyword.replace("__", "-")] = value
    fits.PrimaryHDU(np.ones(shape, np.uint16), header).writeto(path)
    return path


def write_json(path: Path, value: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2, sort_keys=True))
    return path


def signature(paths: Sequence[object]) -> str:
    text = json.dumps([str(path) for path in paths], separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def write_plan(folder: Path, *groups: Sequence[object], **changes: object) -> Path:
    listed = [
        {
            "group_index": number,
            "raw_paths": [str(path) for path in paths],
            "group_signature": signature(paths),
        }
        for number, paths in enumerate(groups)
    ]
    plan = {**STAMP, "groups": listed, **changes}
    return write_json(folder / STATE / "stack_plan_manifest.json", plan)


def write_tiles(
    folder: Path, tiles: dict[int, Sequence[object]], *, files: bool = True, **changes: object
) -> Path:
    """Write the tiles' manifest: by number the frames that went in."""
    listed = []
    for number, paths in tiles.items():
        file = folder / TILES / f"master_tile_{number:03d}.fits"
        listed.append({"tile_id": number, "path": str(file), "group_signature": signature(paths)})
        if files:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(b"a tile")
    return write_json(
        folder / STATE / "master_tiles_manifest.json", {**STAMP, "tiles": listed, **changes}
    )


def write_cache(folder: Path, raws: Sequence[Path], **changes: object) -> list[Path]:
    """Write the caches and Phase 1's index, as they are with `cache_retention` "keep"."""
    entries, caches = [], []
    (folder / CACHE).mkdir(parents=True, exist_ok=True)
    for number, raw in enumerate(raws):
        pixels = read_frame(raw).pixels
        cache = folder / CACHE / f"preprocessed_{raw.stem}_{number + 3}.npy"
        np.save(cache, pixels)
        np.save(folder / CACHE / f"hp_mask_{raw.stem}_0f.npy", np.zeros(pixels.shape[:2], np.uint8))
        entries.append(
            {
                "path_raw": str(raw),
                "path_preprocessed_cache": str(cache),
                "path_hotpix_mask": None,
                "preprocessed_shape": list(pixels.shape),
                "header_str": fits.getheader(raw).tostring(sep="\n", endcard=False, padding=False),
                **changes,
            }
        )
        caches.append(cache)
    write_json(folder / CACHE / "phase1_processed_info.json", entries)
    write_json(
        folder / CACHE / "cache_manifest.json",
        {
            **STAMP,
            "input_folder_norm": "/d",
            "output_folder_norm": "/o",
            "phase1": {
                "done": True,
                "done_marker": "phase1.done",
                "processed_info_file": "phase1_processed_info.json",
                "num_entries": len(entries),
            },
        },
    )
    return caches


def paths_of(cluster: Cluster) -> list[Path]:
    return [frame.path for frame in cluster.frames]


def reasons(cluster: Cluster) -> dict[str, str]:
    return dict(cluster.missing)


@pytest.fixture
def raws(tmp_path: Path) -> list[Path]:
    night = {"DATE__OBS": "2025-03-26T22:00:00", "EQMODE": 0, "CREATOR": "Seestar S50"}
    return [write_frame(tmp_path / "raws" / f"{name}.fit", **night) for name in "abcdef"]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


# As ZeMosaic leaves it


def test_each_group_of_the_plan_is_a_cluster(out: Path, raws: list[Path]) -> None:
    write_plan(out, raws[:4], raws[4:])
    write_tiles(out, {0: raws[:4], 1: raws[4:]})
    write_json(out / "run_config_snapshot.json", {"altaz_unknown_policy": "auto"})
    run = read_run(out)
    assert (run.folder, run.pipeline, run.lost) == (out, "classic_legacy", ())
    assert run.config == {"altaz_unknown_policy": "auto"}
    assert [paths_of(each) for each in run.clusters] == [raws[:4], raws[4:]]
    for number, each in enumerate(run.clusters):
        assert each.name == f"master_tile_{number:03d}"
        assert each.tile_id == number
        assert each.master_tile == out / TILES / f"master_tile_{number:03d}.fits"
        assert each.run_folder == out
        assert each.missing == ()
        assert len(each.nights) == 1
        assert each.mounts == {"ALT_AZ": len(each.frames)}
        assert each.frames[0].creator == "Seestar S50"
    found = find_clusters(out)
    assert [paths_of(each) for each in found] == [raws[:4], raws[4:]]
    assert any("were deleted before" in note for note in found[0].notes)


@pytest.mark.parametrize(
    "named",
    [
        STATE,
        f"{STATE}/stack_plan_manifest.json",
        f"{STATE}/master_tiles_manifest.json",
        "run_config_snapshot.json",
    ],
)
def test_one_of_its_manifests_may_be_pointed_at(out: Path, raws: list[Path], named: str) -> None:
    write_plan(out, raws)
    [found] = find_clusters(out / named)
    assert (found.run_folder, paths_of(found)) == (out, raws)


def test_runs_and_frames_may_be_mixed(out: Path, raws: list[Path], tmp_path: Path) -> None:
    write_plan(out, raws[:2], raws[2:4])
    found = find_clusters([out, raws[5], raws[4]])
    assert [paths_of(each) for each in found] == [raws[4:], raws[:2], raws[2:4]]
    assert [each.tile_id for each in found] == [None, 0, 1]
    assert len(find_clusters([out])) == 2
    assert [paths_of(each) for each in find_clusters(tmp_path / "raws")] == [raws]


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


def test_a_grid_plan_in_a_classic_run_is_noted(out: Path, raws: list[Path]) -> None:
    write_plan(out, raws)
    (out / "stack_plan.csv").write_text("file_path\nx.fit\n")
    run = read_run(out)
    assert run.pipeline == "classic_legacy"
    assert any("GRID mode" in note for note in run.notes)


# Caches


def test_kept_caches_are_read_instead_of_the_raws(out: Path, raws: list[Path]) -> None:
    write_plan(out, raws)
    caches = write_cache(out, raws)
    [found] = find_clusters(out)
    [plain] = find_clusters(raws[0].parent)
    assert paths_of(found) == raws
    assert [frame.source for frame in found.frames] == caches
    for cached, raw in zip(found.frames, plain.frames, strict=True):
        assert (cached.date, cached.mount, cached.creator) == (raw.date, raw.mount, raw.creator)
        assert (cached.is_cfa, cached.bayer_pattern) == (False, None)
        assert cached.size_bytes == cached.source.stat().st_size
    assert any("6 of 6 frames are read from the caches" in note for note in found.notes)


def test_a_sample_studied_from_its_caches_is_the_same(tmp_path: Path, out: Path) -> None:
    sample = SampleSettings(n_frames=5, shape=(160, 200))
    frames = list(write_sample(tmp_path / "raws", sample).paths)
    write_plan(out, frames)
    [from_raws] = find_clusters(out)
    write_cache(out, frames)
    [from_caches] = find_clusters(out)
    assert from_caches.reference_index == from_raws.reference_index
    assert from_caches.frames[0].wcs_header == from_raws.frames[0].wcs_header
    assert from_caches.identity != from_raws.identity
    for path in frames:
        path.unlink()
    [left] = find_clusters(out)
    assert left.frames == from_caches.frames
    options = StudyOptions(stack="mean")
    study = study_cluster(left, options, cache=False)
    assert study.frames_aligned == 5
    assert study.wcs_header is not None


def test_a_cache_without_its_raw_is_not_missing(out: Path, raws: list[Path]) -> None:
    write_plan(out, raws)
    write_cache(out, raws)
    raws[0].unlink()
    [found] = find_clusters(out)
    assert found.missing == ()
    assert paths_of(found) == raws


@pytest.mark.parametrize("damage", ["gone", "text", "shape", "ending", "fits"])
def test_a_cache_that_cannot_be_used_gives_way_to_the_raw(
    out: Path, raws: list[Path], damage: str
) -> None:
    write_plan(out, raws)
    changes: dict[str, dict[str, object]] = {
        "shape": {"preprocessed_shape": [7, 8, 3]},
        "ending": {"path_preprocessed_cache": str(raws[0])},
    }
    cache = write_cache(out, raws, **changes.get(damage, {}))[0]
    if damage == "gone":
        cache.unlink()
    elif damage == "text":
        cache.write_text("no array")
    elif damage == "fits":
        shutil.copy(raws[0], cache)
    [found] = find_clusters(out)
    assert found.frames[0].pixels_path is None
    assert found.frames[0].path == raws[0]


def test_a_moved_folder_is_read_with_its_caches(out: Path, raws: list[Path]) -> None:
    write_plan(out, raws)
    write_tiles(out, {0: raws})
    write_cache(out, raws)
    moved = out.rename(out.parent / "moved")
    [found] = find_clusters(moved)
    assert {frame.source.parent for frame in found.frames} == {moved / CACHE}
    assert found.master_tile == moved / TILES / "master_tile_000.fits"


def test_without_a_plan_all_prepared_frames_are_one_cluster(out: Path, raws: list[Path]) -> None:
    write_cache(out, raws)
    run = read_run(out)
    [found] = run.clusters
    assert (found.tile_id, found.name, paths_of(found)) == (None, "out", raws)
    assert any("The plan is missing" in note for note in found.notes)
    assert paths_of(find_clusters(out / CACHE)[0]) == raws


def test_an_index_of_another_version_is_not_used(out: Path, raws: list[Path]) -> None:
    write_plan(out, raws)
    write_cache(out, raws)
    write_json(out / CACHE / "cache_manifest.json", {**STAMP, "schema_version": 2})
    run = read_run(out)
    assert run.clusters[0].frames[0].pixels_path is None
    assert any("schema_version: 2" in note for note in run.notes)


# Frames that moved


def test_missing_frames_are_listed_with_the_reason(out: Path, raws: list[Path]) -> None:
    raws[1].unlink()
    text = raws[2]
    text.write_text("no frame")
    write_plan(out, raws)
    [found] = find_clusters(out)
    assert paths_of(found) == [raws[0], *raws[3:]]
    assert "no such file" in reasons(found)[str(raws[1])]
    assert [path for path, _ in found.left_out] == [str(text)]
    assert found.listing.endswith("1 left out, 1 missing")
    assert any("1 of 6 frames were not found" in note for note in found.notes)


def test_moved_frames_are_found_below_a_root(out: Path, raws: list[Path], tmp_path: Path) -> None:
    write_plan(out, raws[:3], raws[3:])
    (tmp_path / "archive" / "2025").mkdir(parents=True)
    moved = raws[0].parent.rename(tmp_path / "archive" / "2025" / "march")
    with pytest.raises(RunFolderError, match="name the folder that holds them"):
        find_clusters(out)
    found = find_clusters(out, root=tmp_path / "archive")
    assert [paths_of(each) for each in found] == [
        [moved / raw.name for raw in raws[:3]],
        [moved / raw.name for raw in raws[3:]],
    ]
    assert all(each.missing == () for each in found)


def test_a_name_that_is_there_twice_is_not_taken(
    out: Path, raws: list[Path], tmp_path: Path
) -> None:
    write_plan(out, raws)
    moved = raws[0].parent.rename(tmp_path / "moved")
    write_frame(moved / "other" / "a.fit")
    (moved / "b-link").mkdir()
    (moved / "b-link" / "b.fit").symlink_to(moved / "b.fit")  # the same file: still one
    [found] = find_clusters(out, root=moved)
    assert [frame.path.name for frame in found.frames] == [f"{name}.fit" for name in "bcdef"]
    assert reasons(found)[str(raws[0])].startswith("2 files of its name")


def test_a_name_that_the_run_has_twice_is_not_taken(out: Path, tmp_path: Path) -> None:
    write_frame(tmp_path / "moved" / "a.fit")
    write_frame(tmp_path / "moved" / "b.fit")
    write_plan(out, ["/one/a.fit", "/two/a.fit", "/two/b.fit"])
    [found] = find_clusters(out, root=tmp_path / "moved")
    assert [frame.path.name for frame in found.frames] == ["b.fit"]
    assert all("in several folders" in reason for reason in reasons(found).values())
    assert len(found.missing) == 2


def test_the_case_of_letters_counts_but_for_windows(out: Path, tmp_path: Path) -> None:
    there = write_frame(tmp_path / "moved" / "Light_M 94.FIT")
    write_plan(out, [r"d:\raws\light_m 94.fit"])
    [found] = find_clusters(out, root=tmp_path / "moved")
    assert paths_of(found) == [there]
    write_plan(out, ["/d/light_m 94.fit"])
    with pytest.raises(RunFolderError, match="none of its name under"):
        find_clusters(out, root=tmp_path / "moved")


def test_a_file_that_is_another_frame_is_not_taken(out: Path, tmp_path: Path) -> None:
    there = write_frame(tmp_path / "raws" / "one" / "a.fit")
    write_plan(out, [there, tmp_path / "raws" / "two" / "a.fit"])
    [found] = find_clusters(out, root=tmp_path)
    assert paths_of(found) == [there]
    assert "another frame of the run" in found.missing[0][1]


@pytest.mark.parametrize("path", [r"c:\raws\a.fit", r"\\nas\raws\a.fit", "C:/raws/a.fit"])
@pytest.mark.skipif(os.name == "nt", reason="there these paths have a meaning")
def test_windows_paths_are_found_by_name(out: Path, raws: list[Path], path: str) -> None:
    write_plan(out, [path, *raws[1:]])
    [found] = find_clusters(out)
    assert "Windows" in reasons(found)[path]
    [found] = find_clusters(out, root=raws[0].parent)
    assert paths_of(found) == raws


def test_windows_paths_of_kept_caches_are_matched(out: Path, raws: list[Path]) -> None:
    caches = write_cache(out, raws)
    index = out / CACHE / "phase1_processed_info.json"
    entries = json.loads(index.read_text())
    for entry, cache in zip(entries, caches, strict=True):
        entry["path_raw"] = "D:\\Raws\\" + Path(entry["path_raw"]).name
        entry["path_preprocessed_cache"] = "D:\\Out\\" + cache.name
    write_json(index, entries)
    write_plan(out, [f"d:\\raws\\{raw.name}" for raw in raws])
    [found] = find_clusters(out)
    assert [frame.source for frame in found.frames] == caches
    assert [frame.path.name for frame in found.frames] == [raw.name for raw in raws]


def test_relative_paths_start_at_the_root_and_beside_the_run(
    out: Path, raws: list[Path], tmp_path: Path
) -> None:
    write_plan(out, [f"raws/{raw.name}" for raw in raws])
    assert paths_of(find_clusters(out)[0]) == raws
    elsewhere = out.rename(tmp_path.joinpath("x", "y").parent.mkdir() or tmp_path / "x" / "y")
    with pytest.raises(RunFolderError):
        find_clusters(elsewhere)
    assert paths_of(find_clusters(elsewhere, root=tmp_path)[0]) == raws


def test_frames_that_zemosaic_set_aside_are_told(out: Path, raws: list[Path]) -> None:
    write_plan(out, raws)
    (raws[0].parent / "unaligned_by_zemosaic").mkdir()
    raws[0].rename(raws[0].parent / "unaligned_by_zemosaic" / raws[0].name)
    [found] = find_clusters(out)
    assert "could not solve" in reasons(found)[str(raws[0])]


@pytest.mark.parametrize("root", ["missing", "raws/a.fit"])
def test_a_root_that_is_no_folder_is_an_error(
    out: Path, raws: list[Path], tmp_path: Path, root: str
) -> None:
    write_plan(out, raws)
    with pytest.raises(RunFolderError, match="there is no such folder"):
        find_clusters(out, root=tmp_path / root)


# Only some of the files


def test_a_group_without_frames_is_lost_and_told(out: Path, raws: list[Path]) -> None:
    write_plan(out, ["/gone/a.fit", "/gone/b.fit"], raws, [])
    run = read_run(out)
    assert [each.tile_id for each in run.clusters] == [1]
    assert [(each.name, len(each.missing)) for each in run.lost] == [
        ("master_tile_000", 2),
        ("master_tile_002", 0),
    ]
    notes = "\n".join(find_clusters(out)[0].notes)
    assert "master_tile_000: none of its frames can be used. /gone/a.fit: there is no" in notes
    assert "The other 1 cannot be used either" in notes
    assert "master_tile_002: the run lists no frames for it" in notes


@pytest.mark.parametrize(
    ("file", "content"),
    [
        (f"{STATE}/master_tiles_manifest.json", "{"),
        (f"{STATE}/master_tiles_manifest.json", '{"schema_version": 1}'),
        (f"{STATE}/master_tiles_manifest.json", json.dumps({**STAMP, "tiles": [3]})),
        (f"{STATE}/master_tiles_manifest.json", json.dumps({**STAMP, "tiles": [{"tile_id": 1}]})),
        ("run_config_snapshot.json", "[]"),
        (f"{CACHE}/phase1_processed_info.json", "{}"),
    ],
)
def test_the_run_can_do_without_damaged_files(
    out: Path, raws: list[Path], file: str, content: str
) -> None:
    write_plan(out, raws)
    (out / file).parent.mkdir(exist_ok=True)
    (out / file).write_text(content)
    run = read_run(out)
    assert paths_of(run.clusters[0]) == raws
    [note] = run.notes
    assert note.startswith(str(out / file))


@pytest.mark.parametrize("file", ["run_config_snapshot.json", "tiles"])
def test_a_run_that_tells_no_frames_says_so(out: Path, raws: list[Path], file: str) -> None:
    if file == "tiles":
        write_tiles(out, {0: raws})
    else:
        write_json(out / file, {})
    with pytest.raises(RunFolderError, match="nothing here tells which frames were stacked"):
        find_clusters(out)
    # Frames beside it are a cluster like those of any folder.
    frame = write_frame(out / "z.fit")
    assert paths_of(find_clusters(out)[0]) == [frame]


def test_a_folder_that_is_no_run_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="no output folder of ZeMosaic"):
        read_run(tmp_path)
    with pytest.raises(RunFolderError, match="no such folder"):
        read_run(tmp_path / "missing")
    with pytest.raises(ClusterError, match="there are no frames"):
        find_clusters(tmp_path)


# Refused


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"schema_version": 0}, "schema_version: 0 is not known, only 1 is"),
        ({"schema_version": 2}, "schema_version: 2"),
        ({"schema_version": None}, "schema_version: nothing"),
        ({"schema_version": True}, "schema_version: true"),
        ({"schema_version": [1]}, "schema_version: a list"),
        ({"pipeline": "sds"}, "pipeline: sds is not known"),
        ({"pipeline": None}, "pipeline: nothing"),
        ({"groups": None}, "groups: must be a list"),
        ({"groups": {}}, "groups: must be a list, not an object"),
        ({"groups": [[]]}, r"groups\[0\]: must be an object"),
        ({"groups": [{}]}, "group_index: must be a whole number"),
        ({"groups": [{"group_index": -1}]}, "group_index: must be a whole number from 0 on"),
        ({"groups": [{"group_index": True}]}, "not true"),
        ({"groups": [{"group_index": 0, "raw_paths": "a.fit"}]}, "raw_paths: must be a list"),
        ({"groups": [{"group_index": 3, "raw_paths": []}] * 2}, "3 is there twice"),
        (
            {"groups": [{"group_index": n, "raw_paths": []} for n in range(100_000)]},
            f"100000 groups; plans of up to {MAX_GROUPS}",
        ),
        ({"groups": [{"group_index": 0, "raw_paths": ["a"] * 200_001}]}, "more than 200000 frames"),
    ],
)
def test_a_plan_that_is_not_known_is_refused(
    out: Path, raws: list[Path], changes: dict[str, Any], said: str
) -> None:
    plan = write_plan(out, raws, **changes)
    with pytest.raises(RunFolderError, match=said) as caught:
        find_clusters(out)
    assert str(caught.value).startswith(f"{plan}: ")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is not JSON"),
        (b'{"schema_version": 1, ', "cut short"),
        (b"null", "must be a JSON object, not nothing"),
        (b"\xff\xfe{}", "not UTF-8"),
        (b"[" * 100_000, "beyond all bounds"),
        (b'{"a":' * 5000 + b"1" + b"}" * 5000, "beyond all bounds"),
        (b'{"schema_version": ' + b"9" * 5000 + b"}", "beyond all bounds"),
        (b"[" + b"[]," * 1_000_000 + b"[]]", "more values"),
    ],
    ids=["empty", "torn", "null", "utf-16", "brackets", "braces", "digits", "values"],
)
def test_a_damaged_plan_is_refused(out: Path, content: bytes, said: str) -> None:
    plan = out / STATE / "stack_plan_manifest.json"
    plan.parent.mkdir(parents=True)
    plan.write_bytes(content)
    with pytest.raises(RunFolderError, match=said):
        find_clusters(out)


@pytest.mark.skipif(os.name == "nt", reason="made with the system calls of POSIX")
@pytest.mark.parametrize("kind", ["huge", "pipe", "folder", "circle", "device"])
def test_a_plan_that_is_no_plain_file_is_refused(out: Path, kind: str) -> None:
    plan = out / STATE / "stack_plan_manifest.json"
    plan.parent.mkdir(parents=True)
    if kind == "huge":
        with open(plan, "wb") as file:
            file.truncate(10**12)  # takes no room on the disk
    elif kind == "pipe":
        os.mkfifo(plan)
    elif kind == "folder":
        plan.mkdir()
    elif kind == "circle":
        plan.symlink_to(plan.name)
    else:
        plan.symlink_to("/dev/zero")
    with pytest.raises(RunFolderError):
        find_clusters(out)


# Hostile entries


@pytest.mark.skipif(os.name == "nt", reason="made with the system calls of POSIX")
def test_paths_that_are_no_frames_are_listed_with_the_reason(
    out: Path, raws: list[Path], tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe.fit")
    (tmp_path / "circle.fit").symlink_to("circle.fit")
    long = "/" + "x" * 100_000 + ".fit"
    hostile = {
        "": "not a path",
        "/": "not a path",
        "a\0b.fit": "not a path",
        long: "not a path",
        "/" + "y" * 1000 + ".fit": "cannot be reached",
        "../raws/b.fit": "climbs out",
        f"{out}/../raws/b.fit": "climbs out",
        "..\\..\\secret.fit": "climbs out",
        "/dev/zero": "not a regular file",
        "/dev/stdin": "not a regular file",
        str(tmp_path): "not a regular file",
        str(tmp_path / "pipe.fit"): "not a regular file",
        str(tmp_path / "circle.fit"): "cannot be reached",
        "no/such\n\x1b[2J.fit": "no such file",
    }
    plan = write_plan(out, raws[:1])
    content = json.loads(plan.read_text())
    content["groups"][0]["raw_paths"] = [str(raws[0]), *hostile, 7, None, ["a"], {"path": "b"}]
    write_json(plan, content)
    [found] = find_clusters(out)
    assert paths_of(found) == raws[:1]
    assert len(found.missing) == len(hostile) + 4
    listed = reasons(found)
    for path, reason in hostile.items():
        shown = path.replace("\0", "�").replace("\n", "�").replace("\x1b", "�")
        shown = shown if len(shown) <= 4096 else shown[:4096] + "…"
        assert reason in listed[shown], path
    assert {"7", "nothing", "a list", "an object"} <= listed.keys()
    # A file that is named by a climbing path may be found by its name; nothing else may.
    [found] = find_clusters(out, root=raws[0].parent)
    assert len(found.missing) >= len(hostile) + 4 - 3


def test_a_frame_that_is_listed_twice_is_taken_once(out: Path, raws: list[Path]) -> None:
    link = raws[0].with_name("link.fit")
    link.symlink_to(raws[0])
    double = str(raws[0]).replace("/raws/", "/./raws//")
    write_plan(out, [raws[0], raws[0], double, link, raws[1]])
    [found] = find_clusters(out)
    assert paths_of(found) == raws[:2]
    assert any("3 of its frames are listed more than once" in note for note in found.notes)


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


BOUNDED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
from napari_zecoverage.zemosaic.run_folder import read_run
from napari_zecoverage.core.errors import ZecoverageError
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    run = read_run(sys.argv[1])
    said = f"{len(run.clusters)} clusters, {len(run.lost)} lost"
except ZecoverageError as error:
    said = f"refused: {str(error)[-60:]}"
print(said)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def many_groups(out: Path, raws: list[Path]) -> str:
    write_plan(out, *([raws[0], f"/gone/{number}.fit"] for number in range(MAX_GROUPS)))
    tiles: dict[int, Sequence[object]] = {
        MAX_GROUPS + number: [f"/other/{number}"] for number in range(MAX_GROUPS - 1)
    }
    write_tiles(out, tiles, files=False)
    return f"{MAX_GROUPS} clusters"


def one_large_group(out: Path, raws: list[Path]) -> str:
    write_plan(out, [f"/gone/{'x' * 200}/{number}.fit" for number in range(200_000)])
    write_tiles(out, {1: ["/no/such"]}, files=False)
    return "0 clusters, 1 lost"


def many_small_values(out: Path, raws: list[Path]) -> str:
    plan = out / STATE / "stack_plan_manifest.json"
    plan.parent.mkdir(parents=True)
    plan.write_text('{"groups": [' + "{}," * 20_000_000 + "{}]}")
    return "refused"


@pytest.mark.skipif(sys.platform != "linux", reason="measures memory as Linux does")
@pytest.mark.parametrize("attack", [many_groups, one_large_group, many_small_values])
def test_hostile_runs_stay_within_bounds(out: Path, raws: list[Path], attack: Any) -> None:
    """The process is killed after a minute of work; its memory is measured."""
    expected = attack(out, raws)
    done = subprocess.run(
        [sys.executable, "-c", BOUNDED, str(out)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    said, megabytes = done.stdout.splitlines()
    assert said.startswith(expected)
    assert int(megabytes) < 700


# GRID mode


def grid(folder: Path, text: str | bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    plan = folder / "stack_plan.csv"
    plan.write_bytes(text if isinstance(text, bytes) else text.encode())
    return plan


@pytest.fixture
def sub(tmp_path: Path) -> list[Path]:
    return [write_frame(tmp_path / "grid" / "sub" / f"{name}.fit", EXPTIME=20.0) for name in "abc"]


def test_the_batches_of_a_grid_plan_are_clusters(tmp_path: Path, sub: list[Path]) -> None:
    plan = grid(
        tmp_path / "grid",
        "file_path,exposure,batch_id,mount,filter\n"
        "sub/a.fit,10,n1,ALTAZ,LP\n"
        f"{sub[1]},,n2,EQ,\n"
        "sub/c.fit,abc,n1,1,\n"
        "sub/gone.fit,10,n1,ALTAZ,\n"
        "\n",
    )
    run = read_run(plan.parent)
    assert (run.pipeline, run.config, run.lost) == ("grid", None, ())
    first, second = run.clusters
    assert [first.name, second.name] == ["batch n1", "batch n2"]
    assert paths_of(first) == [sub[0], sub[2]]
    assert paths_of(second) == [sub[1]]
    assert [frame.mount for frame in first.frames] == ["ALT_AZ", "UNKNOWN"]
    assert second.frames[0].mount == "EQ"
    assert [frame.exposure_s for frame in first.frames] == [10, 20]
    assert first.frames[0].filter == "LP"
    assert first.tile_id is None
    assert "no such file" in reasons(first)["sub/gone.fit"]
    assert any("never masks them by coverage" in note for note in first.notes)
    assert paths_of(find_clusters(plan)[0]) == [sub[0], sub[2]]


@pytest.mark.parametrize("delimiter", [",", ";", "|", "\t", " "])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_delimiters(tmp_path: Path, sub: list[Path], delimiter: str, end: str) -> None:
    rows = [["exposure", "file_path", "batch_id"], ["5", "sub/a.fit", "n1"]]
    grid(tmp_path / "grid", end.join(delimiter.join(row) for row in rows))
    [found] = find_clusters(tmp_path / "grid")
    assert (paths_of(found), found.exposure_s, found.name) == ([sub[0]], 5, "batch n1")


@pytest.mark.parametrize(
    "name", ["file_path", "filepath", "file", "path", "filename", "fits", "raw"]
)
@pytest.mark.parametrize("batch", ["batch_id", "batch", "session", "night"])
def test_aliases(tmp_path: Path, sub: list[Path], name: str, batch: str) -> None:
    grid(tmp_path / "grid", f'{batch},{name}\n7,"sub/b.fit"\n')
    [found] = find_clusters(tmp_path / "grid")
    assert (found.name, paths_of(found)) == ("batch 7", [sub[1]])


def test_a_plan_of_files_alone_is_one_batch(tmp_path: Path, sub: list[Path]) -> None:
    grid(tmp_path / "grid", "file_path\n" + "\n".join(f"sub/{path.name}" for path in sub))
    [found] = find_clusters(tmp_path / "grid")
    assert (found.name, paths_of(found)) == ("all frames", sub)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xef\xbb\xbffile_path,exposure\nsub/a.fit,10\n", "byte order mark"),
        (b"FILE_PATH,EXPOSURE\nsub/a.fit,10\n", "in lower case"),
        (b"File_Path\nsub/a.fit\n", "but holds File_Path"),
        (b"sub/a.fit,10\nsub/b.fit,10\n", "but holds sub/a.fit,10"),
        (b"", "but holds nothing"),
        (b"file_path,exposure\n", "no frames below its header"),
        (b"file_path,exposure\n,10\n", "no frames below its header"),
        (b"file_path\nsub/\xff.fit\n", "not UTF-8"),
        (b'file_path\n"' + b"x" * 200_000 + b'"\n', "not a table"),
    ],
)
def test_plans_in_which_zemosaic_finds_no_frame(
    tmp_path: Path, sub: list[Path], content: bytes, said: str
) -> None:
    plan = grid(tmp_path / "grid", content)
    with pytest.raises(RunFolderError, match=said) as caught:
        find_clusters(tmp_path / "grid")
    assert str(plan) in str(caught.value)


def test_what_zemosaic_passes_over_is_noted(tmp_path: Path, sub: list[Path]) -> None:
    grid(tmp_path / "grid", b"\xef\xbb\xbfexposure,file_path\n5,sub/a.fit\n5,\n")
    [found] = find_clusters(tmp_path / "grid")
    assert found.exposure_s == 20  # the first column's name is hidden
    assert any("byte order mark" in note for note in found.notes)
    assert any("1 rows" in note for note in found.notes)


def test_a_grid_plan_does_not_climb_out(tmp_path: Path, sub: list[Path]) -> None:
    write_frame(tmp_path / "secret.fit")
    grid(tmp_path / "grid", "file_path\n../secret.fit\nsub/a.fit\n/dev/zero\n")
    [found] = find_clusters(tmp_path / "grid")
    assert paths_of(found) == [sub[0]]
    assert {"../secret.fit", "/dev/zero"} == reasons(found).keys()


# Damaged in every way


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["a.fit", "raws/a.fit", "../a.fit", "/dev/zero", "C:\\a.fit", "x" * 5000]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["group_index", "raw_paths", "tile_id", "path", "path_raw", "header_str"]
            )
            | st.text(max_size=4),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@contextmanager
def restored(*files: Path) -> Iterator[None]:
    kept = [file.read_bytes() for file in files]
    try:
        yield
    finally:
        for file, content in zip(files, kept, strict=True):
            file.write_bytes(content)


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("run")
    frames = list(write_sample(top / "raws", SampleSettings(n_frames=4, shape=(16, 16))).paths)
    write_plan(top / "out", frames[:2], frames[2:])
    write_tiles(top / "out", {0: frames[:2], 2: frames[3:]})
    write_cache(top / "out", frames[:3])
    write_json(top / "out" / "run_config_snapshot.json", {})
    return top / "out"


def files_of(run: Path) -> list[Path]:
    return [
        run / STATE / "stack_plan_manifest.json",
        run / STATE / "master_tiles_manifest.json",
        run / CACHE / "phase1_processed_info.json",
        run / "run_config_snapshot.json",
    ]


def check_whole(run: Path) -> None:
    """Only clusters that hold together come out, or an error of ours."""
    try:
        found = read_run(run, root=run.parent)
        clusters = find_clusters(run, root=run.parent)
    except ZecoverageError as error:
        assert str(error)
        return
    assert isinstance(found, ZeMosaicRun)
    assert len(clusters) == len(found.clusters)
    for each in clusters:
        assert each.frames
        assert {frame.shape for frame in each.frames} == {each.shape}
        assert all(frame.source.is_file() for frame in each.frames)
        assert each.listing
        for path, reason in each.missing:
            assert isinstance(path, str)
            assert len(path) <= 4097
            assert reason


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(number=st.integers(0, 3), data=st.data())
def test_torn_and_changed_bytes(whole_run: Path, number: int, data: st.DataObject) -> None:
    file = files_of(whole_run)[number]
    with restored(file):
        content = bytearray(file.read_bytes())
        for _ in range(data.draw(st.integers(0, 3))):
            at = data.draw(st.integers(0, len(content) - 1))
            content[at] = data.draw(st.integers(0, 255))
        cut = data.draw(st.integers(0, len(content)))
        file.write_bytes(content[:cut] if data.draw(st.booleans()) else content)
        check_whole(whole_run)


def replaced(value: Any, steps: list[int], new: Any) -> Any:
    """Put another value somewhere into a JSON value."""
    if not steps or not isinstance(value, (dict, list)) or not value:
        return new
    step = steps[0] % len(value)
    if isinstance(value, dict):
        key = sorted(value)[step]
        return {**value, key: replaced(value[key], steps[1:], new)}
    return [*value[:step], replaced(value[step], steps[1:], new), *value[step + 1 :]]


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    number=st.integers(0, 3),
    steps=st.lists(st.integers(0, 5), max_size=5),
    new=JSON_VALUES,
)
def test_values_of_other_types(whole_run: Path, number: int, steps: list[int], new: Any) -> None:
    file = files_of(whole_run)[number]
    with restored(file):
        file.write_text(json.dumps(replaced(json.loads(file.read_text()), steps, new)))
        check_whole(whole_run)


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    header=st.lists(
        st.sampled_from(["file_path", "path", "exposure", "batch_id", "mount", "File", "\ufeffraw"])
        | st.text(max_size=5),
        max_size=4,
    ),
    rows=st.lists(
        st.lists(
            st.sampled_from(["a.fit", "../a.fit", "/dev/zero", "1e999", "ALTAZ", '"', "\0", "\r"])
            | st.text(max_size=6),
            max_size=5,
        ),
        max_size=4,
    ),
    delimiter=st.sampled_from([",", ";", "|", "\t", " "]),
    junk=st.binary(max_size=3),
)
def test_damaged_grid_plans(
    tmp_path_factory: pytest.TempPathFactory,
    header: list[str],
    rows: list[list[str]],
    delimiter: str,
    junk: bytes,
) -> None:
    folder = tmp_path_factory.getbasetemp() / "damaged-grid"
    if not folder.exists():
        write_frame(folder / "a.fit")
    text = "\n".join(delimiter.join(row) for row in [header, *rows])
    grid(folder, text.encode("utf-8", "surrogatepass") + junk)
    check_whole(folder)


def test_nothing_of_a_run_is_written(whole_run: Path) -> None:
    def contents() -> dict[Path, tuple[int, int]]:
        every = (path for path in whole_run.parent.rglob("*") if path.is_file())
        return {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in every}

    before = contents()
    find_clusters(whole_run)
    assert contents() == before


def test_the_fuzzed_run_is_a_good_one(whole_run: Path) -> None:
    first, second, third = find_clusters(whole_run)
    assert (first.tile_id, second.tile_id, third.tile_id) == (0, 1, 2)
    assert [frame.pixels_path is not None for frame in second.frames] == [True, False]
