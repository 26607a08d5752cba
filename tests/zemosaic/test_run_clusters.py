"""The frames of a plan: cached, moved, missing, and what is no frame at all."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from runs import CACHE, TILES, paths_of, reasons, write_cache, write_json, write_plan, write_tiles

from napari_zecoverage.core.errors import RunFolderError, StudyCancelledError
from napari_zecoverage.core.parameters import StudyOptions
from napari_zecoverage.core.study import study_cluster
from napari_zecoverage.sample import write_sample
from napari_zecoverage.sample_settings import SampleSettings
from napari_zecoverage.zemosaic.raw_paths import find_raws
from napari_zecoverage.zemosaic.run_folder import find_clusters, read_run
from studies import write_frame

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


def test_it_tells_of_caches_raws_and_missing_frames_alike(out: Path, raws: list[Path]) -> None:
    write_plan(out, raws[:4], raws[4:])
    caches = write_cache(out, raws)
    caches[1].unlink()
    caches[4].unlink()
    caches[5].unlink()
    raws[5].unlink()
    told: list[tuple[int, int]] = []
    find_clusters(out, progress=lambda *each: told.append(each))
    assert told == [(done, len(raws)) for done in range(1, len(raws) + 1)]


def test_a_look_at_caches_is_stopped(out: Path, raws: list[Path]) -> None:
    write_plan(out, raws)
    write_cache(out, raws)
    for read in (find_clusters, read_run):
        told: list[int] = []
        with pytest.raises(StudyCancelledError, match="nothing was opened"):
            read(
                out,
                progress=lambda done, _, told=told: told.append(done),
                should_stop=lambda told=told: len(told) == 2,
            )
        assert told == [1, 2]


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


@pytest.mark.parametrize("asked_at_most", [1, 2, 3, 5, 6])
def test_a_search_below_a_root_is_stopped_at_each_path_and_folder(
    tmp_path: Path, asked_at_most: int
) -> None:
    for name in "abc":
        write_frame(tmp_path / name / f"{name}.fit")
    sought = [f"/gone/{name}.fit" for name in "ab"]
    asked: list[int] = []

    def should_stop() -> bool:
        asked.append(len(asked) + 1)
        return len(asked) == asked_at_most

    with pytest.raises(StudyCancelledError, match="nothing was opened"):
        find_raws(sought, [], tmp_path, should_stop=should_stop)
    assert len(asked) == asked_at_most
    found = find_raws(sought, [], tmp_path, should_stop=lambda: False)
    assert list(found.values()) == [tmp_path / name / f"{name}.fit" for name in "ab"]


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
