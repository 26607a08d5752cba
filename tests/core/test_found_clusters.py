"""Clusters found in what the user points at: folders, files, and lists of them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st

from napari_zecoverage.core import frame_search
from napari_zecoverage.core.clusters import Cluster
from napari_zecoverage.core.errors import ClusterError, StudyCancelledError
from napari_zecoverage.core.found_clusters import find_frame_clusters, with_own_names
from napari_zecoverage.core.frames import FRAME_ENDINGS, FrameInfo
from napari_zecoverage.sample import write_sample
from napari_zecoverage.sample_settings import SampleSettings
from studies import write_frame


def test_a_single_file_is_a_cluster(tmp_path: Path) -> None:
    path = write_frame(tmp_path / "a.fits")
    for source in (path, str(path), [path]):
        [found] = find_frame_clusters(source)
        assert [frame.path for frame in found.frames] == [path]


def test_a_relative_path_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_frame(tmp_path / "a.fits")
    monkeypatch.chdir(tmp_path)
    assert find_frame_clusters("a.fits")[0].frames[0].path == tmp_path / "a.fits"
    assert find_frame_clusters(".")[0].name == tmp_path.name


def test_a_list_of_files_is_one_cluster(tmp_path: Path) -> None:
    paths = [write_frame(tmp_path / folder / "a.fits") for folder in ("one", "two")]
    [found] = find_frame_clusters(iter(paths))
    assert [frame.path for frame in found.frames] == paths


def test_a_list_may_hold_folders(tmp_path: Path) -> None:
    alone = write_frame(tmp_path / "a.fits")
    inside = write_frame(tmp_path / "folder" / "b.fits")
    found = find_frame_clusters([tmp_path / "folder", alone])
    assert [[frame.path for frame in each.frames] for each in found] == [[alone], [inside]]


def test_a_folder_and_each_sub_folder_are_clusters(tmp_path: Path) -> None:
    top = tmp_path / "M 94"
    for place in ("b.fit", "a.FIT", "notes.txt", "first/a.fit", "second/lights/a.fit"):
        write_frame(top / place)
    (top / "empty").mkdir()
    found = find_frame_clusters(top)
    assert [(each.name, len(each.frames)) for each in found] == [
        ("M 94", 2),
        ("first", 1),
        ("second/lights", 1),
    ]


def test_every_ending_is_found(tmp_path: Path) -> None:
    for number, ending in enumerate(FRAME_ENDINGS):
        write_frame(tmp_path / "plain.fits").rename(tmp_path / f"{number}{ending.upper()}")
    [found] = find_frame_clusters(tmp_path)
    # The content is plain FITS under every name; only an .npy has to be one.
    assert len(found.frames) == len(FRAME_ENDINGS)
    assert {".fit", ".fits", ".fts", ".fit.gz", ".fits.fz", ".npy"} <= set(FRAME_ENDINGS)


def test_what_is_passed_over(tmp_path: Path) -> None:
    kept = write_frame(tmp_path / "a.fit")
    for place in (
        "._a.fit",
        "hp_mask_a_0123.npy",
        ".zemosaic_img_cache/preprocessed_a_0.fit",
        ".hidden/a.fit",
        "zemosaic_temp_master_tiles/master_tile_000.fits",
        "unaligned_by_zemosaic/a.fit",
    ):
        write_frame(tmp_path / place)
    [found] = find_frame_clusters(tmp_path)
    assert [frame.path for frame in found.frames] == [kept]


def test_a_cache_folder_is_opened_when_it_is_asked_for(tmp_path: Path) -> None:
    folder = tmp_path / ".zemosaic_img_cache"
    folder.mkdir()
    np.save(folder / "preprocessed_a_0.npy", np.ones((6, 8, 3), np.float32))
    np.save(folder / "hp_mask_a_0123.npy", np.ones((6, 8), np.uint8))
    [found] = find_frame_clusters(folder)
    assert [frame.path.name for frame in found.frames] == ["preprocessed_a_0.npy"]


def test_links_in_a_circle_are_survived(tmp_path: Path) -> None:
    write_frame(tmp_path / "lights" / "a.fit")
    (tmp_path / "lights" / "up").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "self").symlink_to("self")
    (tmp_path / "gone.fit").symlink_to("nowhere")
    [found] = find_frame_clusters(tmp_path)
    assert found.name == "lights"


def test_the_search_does_not_go_down_for_ever(tmp_path: Path) -> None:
    write_frame(tmp_path.joinpath(*"abcdefgh") / "frame.fit")
    assert len(find_frame_clusters(tmp_path)) == 1
    write_frame(tmp_path.joinpath(*"abcdefghi") / "frame.fit")
    assert len(find_frame_clusters(tmp_path)) == 1


def empty_folder(folder: Path) -> str:
    return "there are no frames"


def folder_of_text(folder: Path) -> str:
    (folder / "notes.txt").write_text("no frame")
    return "looked for files that end in .fit, .fits, .fts"


def folder_of_bad_frames(folder: Path) -> str:
    (folder / "a.fit").write_text("no frame")
    return "not a FITS file"


@pytest.mark.parametrize("fill", [empty_folder, folder_of_text, folder_of_bad_frames])
def test_a_folder_without_frames_is_an_error(tmp_path: Path, fill: Callable[[Path], str]) -> None:
    expected = fill(tmp_path)
    with pytest.raises(ClusterError) as caught:
        find_frame_clusters(tmp_path)
    assert str(tmp_path) in str(caught.value)
    assert expected in str(caught.value)


def test_a_place_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    for missing in (tmp_path / "missing", "a\0b"):
        with pytest.raises(ClusterError, match="no such file or folder"):
            find_frame_clusters(missing)


def test_a_folder_that_cannot_be_read_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(ClusterError, match="cannot be read"):
        find_frame_clusters(tmp_path)


def test_one_bad_folder_does_not_end_the_search(tmp_path: Path) -> None:
    good = write_frame(tmp_path / "good" / "a.fit")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "a.fit").write_text("no frame")
    [found] = find_frame_clusters(tmp_path)
    assert found.frames[0].path == good
    assert any(str(tmp_path / "bad") in note for note in found.notes)


def test_our_own_results_are_not_taken_for_frames(tmp_path: Path) -> None:
    settings = SampleSettings(n_frames=2, shape=(64, 80), stars_per_megapixel=0)
    truth = write_sample(tmp_path, settings)
    result = tmp_path / "coverage.fits"
    header = fits.Header({"CREATOR": "napari-zecoverage 0.1.0"})
    fits.PrimaryHDU(np.ones((64, 80), np.float32), header).writeto(result)
    cluster = Cluster.from_files([*truth.paths, result])
    assert [frame.path for frame in cluster.frames] == list(truth.paths)
    assert [path for path, _ in cluster.left_out] == [str(result)]
    assert "result" in cluster.left_out[0][1]


# Looking, told of and stopped


def many_frames(folder: Path, count: int = 30) -> list[Path]:
    return [write_frame(folder / f"frame_{number:03}.fit") for number in range(count)]


def test_it_tells_how_many_frames_were_looked_at(tmp_path: Path) -> None:
    alone = write_frame(tmp_path / "alone.fit")
    top = tmp_path / "top"
    many_frames(top / "one", 3)
    (top / "bad").mkdir()
    (top / "bad" / "a.fit").write_text("no frame")
    many_frames(top / "two", 2)
    told: list[tuple[int, int]] = []
    find_frame_clusters([alone, top], progress=lambda *each: told.append(each))
    # What cannot be used was looked at, too.
    assert told == [(1, 1), *((done, 6) for done in range(1, 7))]


def test_looking_is_stopped_soon_and_nobody_looks_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = many_frames(tmp_path)
    go_on = threading.Event()
    looked_at: list[Path] = []
    look = frame_search.look_at_frame

    def look_slowly(path: Path) -> FrameInfo:
        if path not in frames[:4]:
            go_on.wait(10)
        looked_at.append(path)
        return look(path)

    class Pool(ThreadPoolExecutor):
        def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
            super().shutdown(wait=False, cancel_futures=cancel_futures)
            go_on.set()
            super().shutdown(wait=wait)

    monkeypatch.setattr(frame_search, "look_at_frame", look_slowly)
    monkeypatch.setattr(frame_search, "ThreadPoolExecutor", Pool)
    told: list[int] = []
    threads = threading.active_count()
    with pytest.raises(StudyCancelledError):
        find_frame_clusters(
            tmp_path,
            progress=lambda done, _: told.append(done),
            should_stop=lambda: len(told) == 3,
        )
    assert told == [1, 2, 3]
    # The eight that were begun came to their end, the others were not begun.
    assert len(looked_at) <= 4 + 8 < len(frames)
    assert threading.active_count() == threads


@pytest.mark.parametrize("listed", [True, False])
def test_a_search_is_stopped_before_anything_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listed: bool
) -> None:
    many_frames(tmp_path / "folder", 2)

    def never(path: Path) -> FrameInfo:
        raise AssertionError(path)

    monkeypatch.setattr(frame_search, "look_at_frame", never)
    with pytest.raises(StudyCancelledError, match="nothing was opened"):
        find_frame_clusters([tmp_path] if listed else tmp_path, should_stop=lambda: True)


def test_one_that_is_asked_and_says_no_changes_nothing(tmp_path: Path) -> None:
    many_frames(tmp_path, 5)
    assert find_frame_clusters(tmp_path, should_stop=lambda: False) == find_frame_clusters(tmp_path)


@given(st.lists(st.sampled_from(["a", "a (2)", "a (3)", "b", ""]), max_size=8))
def test_every_cluster_has_a_name_of_its_own(names: list[str]) -> None:
    named = [each.name for each in with_own_names([Cluster(name, ()) for name in names])]
    assert len(set(named)) == len(names)
    for index, (old, new) in enumerate(zip(names, named, strict=True)):
        assert new.startswith(old)
        assert (new == old) == (old not in names[:index])
