"""Studies on disk: what is written is read back, what is damaged is made again."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from napari_zecoverage.core import cache as cache_module
from napari_zecoverage.core import study as study_module
from napari_zecoverage.core.cache import (
    StudyCache,
    StudyFileError,
    StudyUnreadError,
    read_study,
    write_study,
)
from napari_zecoverage.core.clusters import Cluster
from napari_zecoverage.core.errors import OutputError
from napari_zecoverage.core.parameters import StudyOptions
from napari_zecoverage.core.placing import file_in_the_making
from napari_zecoverage.core.stacking import FrameBackground
from napari_zecoverage.core.study import study_cluster
from napari_zecoverage.sample import write_sample
from napari_zecoverage.sample_settings import SampleSettings

OPTIONS = StudyOptions(stack="mean")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    settings = SampleSettings(n_frames=3, shape=(160, 200))
    return Cluster.from_files(write_sample(tmp_path_factory.mktemp("sample"), settings).paths)


@pytest.fixture(scope="module")
def study(cluster):
    return study_cluster(cluster, OPTIONS, cache=False)


@pytest.fixture
def counted(monkeypatch):
    """Count how often a study is really made."""
    made = []
    compute = study_module.compute_study

    def counting(*args):
        made.append(args)
        return compute(*args)

    monkeypatch.setattr(study_module, "compute_study", counting)
    return made


def assert_same(one, other):
    assert one.cluster == other.cluster
    assert one.options == other.options
    assert one.canvas == other.canvas
    assert one.wcs_header == other.wcs_header
    assert one.notes == other.notes
    assert one.summary == other.summary
    assert one.backgrounds == other.backgrounds
    for a, b in zip(one.registrations, other.registrations, strict=True):
        np.testing.assert_array_equal(a.matrix, b.matrix)
        assert replace(a, matrix=None) == replace(b, matrix=None)
    np.testing.assert_array_equal(one.coverage, other.coverage)
    assert one.coverage.dtype == other.coverage.dtype
    np.testing.assert_array_equal(one.tile, other.tile)


def test_a_study_is_read_back_as_it_was(study, tmp_path):
    assert_same(read_study(write_study(tmp_path / "a.zestudy", study)), study)


def test_what_a_run_says_of_a_cluster_is_read_back(study, tmp_path):
    first = replace(study.cluster.frames[0], pixels_path=Path("/o/a.npy"), creator="Seestar")
    cluster = replace(
        study.cluster,
        frames=(first, *study.cluster.frames[1:]),
        tile_id=3,
        missing=(("d:\\raws\\b.fit", "there is no such file."),),
        master_tile=Path("/o/master_tile_003.fits"),
        run_folder=Path("/o"),
    )
    changed = replace(study, cluster=cluster)
    assert_same(read_study(write_study(tmp_path / "a.zestudy", changed)), changed)


@pytest.mark.parametrize("field", ["tile_id", "missing", "master_tile", "run_folder"])
def test_values_of_another_type_are_refused(study, tmp_path, monkeypatch, field):
    monkeypatch.setattr(
        cache_module,
        "_describe",
        lambda study, describe=cache_module._describe: {
            **describe(study),
            "cluster": {**describe(study)["cluster"], field: {"a": 1}},
        },
    )
    with pytest.raises(StudyFileError, match="does not hold a studied cluster"):
        read_study(write_study(tmp_path / "a.zestudy", study))


def test_how_the_backgrounds_were_matched_is_read_back(study, tmp_path):
    assert len(study.backgrounds) == 3
    assert all(isinstance(each, FrameBackground) for each in study.backgrounds)
    assert any(each.offset != (0, 0, 0) for each in study.backgrounds)
    changed = replace(study, backgrounds=(None, *study.backgrounds[1:]))
    again = read_study(write_study(tmp_path / "a.zestudy", changed))
    assert again.backgrounds == changed.backgrounds
    assert isinstance(again.backgrounds[1], FrameBackground)


@pytest.mark.parametrize(
    "value", [{"slope": [1, 1], "offset": [0, 0, 0]}, {"slope": "abc", "offset": [0, 0, 0]}, [1]]
)
def test_backgrounds_of_another_shape_are_refused(study, tmp_path, monkeypatch, value):
    monkeypatch.setattr(
        cache_module,
        "_describe",
        lambda study, describe=cache_module._describe: {
            **describe(study),
            "backgrounds": [value],
        },
    )
    with pytest.raises(StudyFileError, match="does not hold a studied cluster"):
        read_study(write_study(tmp_path / "a.zestudy", study))


def test_a_kept_study_has_the_cluster_as_it_is_now(cluster, study, tmp_path):
    cache = StudyCache(tmp_path)
    cache.store(study)
    now = replace(cluster, name="master_tile_001", tile_id=1, notes=("From a run.",))
    kept = cache.load(now, OPTIONS)
    assert kept.cluster == now
    assert kept.notes == ("From a run.", *study.notes[len(cluster.notes) :])


def test_a_study_without_tile_coverage_and_wcs_is_read_back(study, tmp_path):
    bare = replace(study, tile=None, coverage=None, wcs_header=None)
    again = read_study(write_study(tmp_path / "a.zestudy", bare))
    assert again.tile is None
    assert again.coverage is None
    assert again.wcs_header is None


def test_a_studied_cluster_is_opened_not_studied_again(cluster, counted, tmp_path):
    cache = StudyCache(tmp_path)
    first = study_cluster(cluster, OPTIONS, cache=cache)
    heard = []
    second = study_cluster(cluster, OPTIONS, cache=cache, progress=heard.append)
    assert len(counted) == 1
    assert_same(first, second)
    assert [each.stage for each in heard] == ["cache"]


def test_the_same_frames_under_another_name_are_opened_under_that_name(cluster, tmp_path):
    cache = StudyCache(tmp_path)
    study_cluster(cluster, OPTIONS, cache=cache)
    renamed = replace(cluster, name="another", left_out=(("bad.fit", "it is text"),))
    assert study_cluster(renamed, OPTIONS, cache=cache).cluster == renamed


def test_other_options_or_changed_frames_are_another_study(cluster, counted, tmp_path):
    cache = StudyCache(tmp_path)
    study_cluster(cluster, OPTIONS, cache=cache)
    study_cluster(cluster, replace(OPTIONS, workers=1), cache=cache)
    assert len(counted) == 1
    study_cluster(cluster, replace(OPTIONS, stack="none"), cache=cache)
    assert len(counted) == 2
    touched = replace(cluster.frames[0], mtime_ns=cluster.frames[0].mtime_ns + 1)
    study_cluster(replace(cluster, frames=(touched, *cluster.frames[1:])), OPTIONS, cache=cache)
    assert len(counted) == 3


def test_the_place_can_be_set_and_emptied(cluster, study, tmp_path, monkeypatch):
    monkeypatch.setenv("ZECOVERAGE_CACHE_DIR", str(tmp_path / "elsewhere"))
    cache = StudyCache()
    assert cache.directory == tmp_path / "elsewhere" / "studies"
    assert cache.load(cluster, OPTIONS) is None
    cache.store(study)
    stranger = cache.directory / "notes.txt"
    stranger.write_text("mine")
    assert cache.size_bytes() > 100_000
    assert cache.clear() == 1
    assert cache.size_bytes() == 0
    assert stranger.read_text() == "mine"


def test_the_entries_not_used_for_longest_go_first(cluster, study, tmp_path):
    cache = StudyCache(tmp_path)
    variants = [replace(study, options=replace(OPTIONS, kappa=1.0 + k)) for k in range(4)]
    for age, each in enumerate(variants[:3]):
        cache.store(each)
        os.utime(cache.path_of(cluster, each.options), ns=(0, 10**9 * (100 + age)))
    one = cache.size_bytes() // 3
    assert cache.load(cluster, variants[0].options) is not None  # used: now the newest
    small = StudyCache(tmp_path, max_bytes=int(2.5 * one))
    small.store(variants[3])
    left = [small.load(cluster, each.options) is not None for each in variants]
    assert left == [True, False, False, True]
    assert small.size_bytes() <= 2.5 * one


def test_what_another_process_is_writing_is_no_entry(cluster, study, tmp_path):
    cache = StudyCache(tmp_path, max_bytes=1)
    with file_in_the_making(cache.path_of(cluster, OPTIONS)) as unfinished:
        unfinished.write_bytes(bytes(1000))
        hidden = tmp_path / ".writing-1.zestudy"
        hidden.write_bytes(bytes(1000))
        assert cache.entries() == []
        assert cache.clear() == 0
        cache.store(replace(study, options=replace(OPTIONS, kappa=2.0)))
        assert unfinished.exists()
        assert hidden.exists()
        unfinished.write_bytes(b"done")


def test_entry_that_another_process_removes_hides_no_other(
    cluster, study, tmp_path, monkeypatch, caplog
):
    cache = StudyCache(tmp_path)
    cache.store(study)
    kept = cache.path_of(cluster, OPTIONS)
    gone = tmp_path / "gone.zestudy"
    listed = [gone, kept]
    monkeypatch.setattr(type(tmp_path), "glob", lambda self, pattern: iter(listed))
    assert cache.entries() == [kept]
    assert cache.size_bytes() == kept.stat().st_size
    monkeypatch.setattr(StudyCache, "entries", lambda self: listed)
    cache.clear()
    assert not kept.exists()
    assert not caplog.records


def test_what_was_left_half_written_long_ago_is_removed(study, tmp_path):
    cache = StudyCache(tmp_path)
    old, young = (tmp_path / f".zecoverage-{name}.tmp" for name in ("old", "young"))
    for each in (old, young):
        each.write_bytes(b"half")
    os.utime(old, (0, 0))
    cache.store(study)
    assert not old.exists()
    assert young.exists()
    os.utime(young, (0, 0))
    assert cache.clear() == 1
    assert not young.exists()


def test_an_entry_larger_than_the_cache_is_kept_alone(cluster, study, tmp_path):
    cache = StudyCache(tmp_path, max_bytes=10)
    cache.store(study)
    assert cache.load(cluster, OPTIONS) is not None


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[: len(data) // 2],
        lambda data: b"not a study at all",
        lambda data: data[:4000] + bytes(64) + data[4064:],
        lambda data: data[:-500] + bytes(500),
    ],
    ids=["empty", "torn", "text", "changed", "no end"],
)
def test_a_damaged_entry_is_made_again(cluster, study, counted, tmp_path, damage, caplog):
    cache = StudyCache(tmp_path)
    cache.store(study)
    path = cache.path_of(cluster, OPTIONS)
    path.write_bytes(damage(path.read_bytes()))
    again = study_cluster(cluster, OPTIONS, cache=cache)
    assert len(counted) == 1
    assert_same(again, study)
    assert "made again" in caplog.text
    assert_same(read_study(path), study)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(position=st.floats(0, 1), byte=st.integers(0, 255))
def test_a_changed_byte_never_gives_other_numbers(study, tmp_path, position, byte):
    path = write_study(tmp_path / "a.zestudy", study)
    data = bytearray(path.read_bytes())
    data[int(position * (len(data) - 1))] = byte
    path.write_bytes(data)
    try:
        again = read_study(path)
    except StudyFileError:
        return
    assert_same(again, study)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@example(entry="tile", where=8 + 8, byte=70)
@given(
    entry=st.sampled_from(["study", "coverage", "tile"]),
    where=st.integers(-64, 140),
    byte=st.integers(0, 255),
)
def test_a_changed_byte_in_a_header_is_a_damaged_study(study, tmp_path, entry, where, byte):
    path = write_study(tmp_path / "a.zestudy", study)
    data = bytearray(path.read_bytes())
    start = data.index(f"{entry}.npy".encode())
    data[start + where] = byte
    path.write_bytes(data)
    try:
        again = read_study(path)
    except StudyFileError:
        return
    assert_same(again, study)


@pytest.mark.parametrize("trouble", [PermissionError(13, "no"), OSError(24, "too many files")])
def test_an_entry_that_the_system_does_not_let_be_read_is_kept(
    cluster, study, tmp_path, monkeypatch, trouble
):
    cache = StudyCache(tmp_path)
    cache.store(study)
    path = cache.path_of(cluster, OPTIONS)

    def refuse(*_: object, **__: object) -> None:
        raise trouble

    with monkeypatch.context() as patched:
        patched.setattr(np, "load", refuse)
        with pytest.raises(StudyUnreadError, match=trouble.strerror):
            read_study(path)
        assert cache.load(cluster, OPTIONS) is None
    assert_same(cache.load(cluster, OPTIONS), study)


def test_memory_that_is_short_is_no_damage(cluster, study, tmp_path, monkeypatch):
    cache = StudyCache(tmp_path)
    cache.store(study)

    def refuse(*_: object, **__: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr(np, "load", refuse)
        with pytest.raises(MemoryError):
            cache.load(cluster, OPTIONS)
    assert_same(cache.load(cluster, OPTIONS), study)


def test_another_version_is_made_again(cluster, study, counted, tmp_path, monkeypatch):
    cache = StudyCache(tmp_path)
    cache.store(study)
    entry = cache.path_of(cluster, OPTIONS)
    monkeypatch.setattr(cache_module, "SCHEMA_VERSION", 999)
    with pytest.raises(StudyFileError, match="another version"):
        read_study(entry)
    study_cluster(cluster, OPTIONS, cache=cache)
    assert len(counted) == 1


def test_something_else_is_refused_by_name(tmp_path):
    path = tmp_path / "other.zestudy"
    np.savez(tmp_path / "other.npz", a=np.arange(3))
    (tmp_path / "other.npz").rename(path)
    with pytest.raises(StudyFileError, match=r"other\.zestudy"):
        read_study(path)
    with pytest.raises(StudyFileError, match="no such file"):
        read_study(tmp_path / "missing.zestudy")
    with pytest.raises(StudyFileError):
        read_study(tmp_path)


def test_a_pickle_is_never_opened(tmp_path):
    path = tmp_path / "evil.zestudy"
    with open(path, "wb") as file:
        np.savez(file, study=np.array([{"a": 1}], dtype=object))
    with pytest.raises(StudyFileError):
        read_study(path)


def no_space(*_args, **_more):
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("broken", ["savez", "replace", "mkdir"])
def test_a_full_or_read_only_folder_costs_time_not_the_result(
    cluster, study, tmp_path, monkeypatch, broken, caplog
):
    cache = StudyCache(tmp_path / "cache")
    owner, name = {
        "savez": (np, "savez"),
        "replace": (os, "replace"),
        "mkdir": (Path, "mkdir"),
    }[broken]
    monkeypatch.setattr(owner, name, no_space)
    assert_same(study_cluster(cluster, OPTIONS, cache=cache), study)
    assert "No space left" in caplog.text
    assert [*tmp_path.rglob("*.zestudy")] == []
    with pytest.raises(OutputError, match="No space left"):
        write_study(tmp_path / "sub" / "a.zestudy", study)


def test_an_older_file_survives_a_failed_write(study, tmp_path, monkeypatch):
    path = write_study(tmp_path / "a.zestudy", study)
    before = path.read_bytes()
    monkeypatch.setattr(os, "replace", no_space)
    with pytest.raises(OutputError):
        write_study(path, study)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["a.zestudy"]
