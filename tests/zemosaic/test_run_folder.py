"""A run's folder, however little of it is there, and whatever is in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from runs import (
    CACHE,
    STAMP,
    STATE,
    TILES,
    check_whole,
    paths_of,
    write_cache,
    write_json,
    write_plan,
    write_tiles,
)

from napari_zecoverage.core.errors import ClusterError, RunFolderError, StudyCancelledError
from napari_zecoverage.sample import write_sample
from napari_zecoverage.sample_settings import SampleSettings
from napari_zecoverage.zemosaic.run_folder import find_clusters, read_run
from studies import write_frame

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


def test_a_grid_plan_in_a_classic_run_is_noted(out: Path, raws: list[Path]) -> None:
    write_plan(out, raws)
    (out / "stack_plan.csv").write_text("file_path\nx.fit\n")
    run = read_run(out)
    assert run.pipeline == "classic_legacy"
    assert any("GRID mode" in note for note in run.notes)


def test_without_a_plan_all_prepared_frames_are_one_cluster(out: Path, raws: list[Path]) -> None:
    write_cache(out, raws)
    run = read_run(out)
    [found] = run.clusters
    assert (found.tile_id, found.name, paths_of(found)) == (None, "out", raws)
    assert any("The plan is missing" in note for note in found.notes)
    assert paths_of(find_clusters(out / CACHE)[0]) == raws


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


# Told of, and stopped


def test_it_tells_how_many_frames_were_looked_at(out: Path, raws: list[Path]) -> None:
    write_plan(out, raws[:4], raws[4:])
    told: list[tuple[int, int]] = []
    find_clusters(out, progress=lambda *each: told.append(each))
    assert told == [(done, len(raws)) for done in range(1, len(raws) + 1)]


def test_it_is_stopped_wherever_the_frames_are(out: Path, raws: list[Path]) -> None:
    write_plan(out, raws)
    for source in (out, raws[0].parent, [out], list(raws)):
        told: list[int] = []
        with pytest.raises(StudyCancelledError):
            find_clusters(
                source,
                progress=lambda done, _, told=told: told.append(done),
                should_stop=lambda told=told: len(told) == 2,
            )
        assert told == [1, 2]
