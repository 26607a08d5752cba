"""Paths as people write them: ``~`` is the home for every function that is given one."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

import napari_zecoverage as zc
from napari_zecoverage.core.frames import look_at_frame, read_frame
from napari_zecoverage.core.paths import absolute, cache_folder
from napari_zecoverage.sample import write_sample
from napari_zecoverage.sample_settings import SampleSettings
from napari_zecoverage.zemosaic.grid_plan import GRID_PLAN_NAME
from napari_zecoverage.zemosaic.run_folder import read_run

SMALL = SampleSettings(n_frames=2, shape=(64, 80))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of one's own, somewhere else than where one is."""
    home, here = tmp_path / "home", tmp_path / "here"
    home.mkdir()
    here.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    monkeypatch.chdir(here)
    return home


@pytest.fixture
def frames(home: Path) -> tuple[Path, ...]:
    return write_sample("~/frames", SMALL).paths


def test_a_home_path_a_relative_one_and_an_absolute_one(home: Path) -> None:
    assert absolute("~/a/../b") == home / "b"
    assert absolute("a/./b") == Path.cwd() / "a" / "b"
    assert absolute(home / "a") == home / "a"
    assert absolute(Path("~")) == home


def test_a_tilde_that_is_part_of_a_name_is_left_alone(home: Path) -> None:
    assert absolute("a/~/b") == Path.cwd() / "a" / "~" / "b"
    assert absolute("~no-such-user~/a") == Path.cwd() / "~no-such-user~" / "a"


def test_links_are_not_followed(home: Path) -> None:
    (home / "real").mkdir()
    (home / "link").symlink_to("real")
    assert absolute("~/link/a") == home / "link" / "a"


def test_sample_is_written_to_the_home(home: Path, frames: tuple[Path, ...]) -> None:
    assert all(each.parent == home / "frames" and each.exists() for each in frames)


def test_frames_are_read_from_the_home(frames: tuple[Path, ...]) -> None:
    written = f"~/frames/{frames[0].name}"
    assert look_at_frame(written).path == frames[0]
    assert read_frame(written).pixels.shape == (*SMALL.shape, 3)


@pytest.mark.parametrize("source", ["~/frames", ["~/frames"], [Path("~/frames")]], ids=str)
def test_clusters_are_found_in_the_home(frames: tuple[Path, ...], source: object) -> None:
    (cluster,) = zc.find_clusters(source)
    assert tuple(each.path for each in cluster.frames) == frames


def test_files_of_the_home_are_a_cluster(frames: tuple[Path, ...]) -> None:
    cluster = zc.Cluster.from_files([f"~/frames/{each.name}" for each in frames])
    assert tuple(each.path for each in cluster.frames) == frames


def test_run_is_read_from_the_home(home: Path, frames: tuple[Path, ...]) -> None:
    (home / "run").mkdir()
    plan = home / "run" / GRID_PLAN_NAME
    plan.write_text("file_path\n" + "".join(f"/gone/{each.name}\n" for each in frames))
    for place in ("~/run", f"~/run/{GRID_PLAN_NAME}"):
        run = read_run(place, root="~/frames")
        assert run.folder == home / "run"
        assert tuple(each.path for each in run.clusters[0].frames) == frames


def test_studies_are_kept_in_the_home(
    home: Path, frames: tuple[Path, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    study = zc.study_cluster(zc.Cluster.from_files(frames), zc.StudyOptions(stack="none"))
    assert zc.write_study("~/a.zestudy", study) == home / "a.zestudy"
    assert zc.read_study("~/a.zestudy").cluster == study.cluster
    assert zc.StudyCache("~/cache").directory == home / "cache"
    monkeypatch.setenv("ZECOVERAGE_CACHE_DIR", os.path.join("~", "kept"))
    assert cache_folder() == home / "kept"


def test_what_is_missing_is_named_with_its_whole_path(home: Path) -> None:
    for read, error in (
        (zc.find_clusters, zc.ClusterError),
        (look_at_frame, zc.ZecoverageError),
        (zc.read_study, zc.ZecoverageError),
        (zc.read_config, zc.ConfigError),
    ):
        with pytest.raises(error, match=re.escape(str(home / "missing"))):
            read("~/missing")
