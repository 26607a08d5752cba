"""Manifests that are not known, damaged or hostile."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from runs import CACHE, STAMP, STATE, write_cache, write_json, write_plan, write_tiles

from napari_zecoverage.core.errors import RunFolderError
from napari_zecoverage.zemosaic.manifests import MAX_GROUPS
from napari_zecoverage.zemosaic.run_folder import find_clusters, read_run


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
            f"100000 groups; up to {MAX_GROUPS} are read",
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


def test_an_index_of_another_version_is_not_used(out: Path, raws: list[Path]) -> None:
    write_plan(out, raws)
    write_cache(out, raws)
    write_json(out / CACHE / "cache_manifest.json", {**STAMP, "schema_version": 2})
    run = read_run(out)
    assert run.clusters[0].frames[0].pixels_path is None
    assert any("schema_version: 2" in note for note in run.notes)


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
