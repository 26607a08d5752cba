"""``zecoverage run``."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from shell import command, names_in, read_json, run, run_apart, write_run

import napari_zecoverage as zc
from napari_zecoverage.cli import run_table
from napari_zecoverage.cli.endings import DONE, FAILED, INTERRUPTED, WRONG_USAGE
from napari_zecoverage.core.fringe import ResidualFringe
from napari_zecoverage.core.levels import LevelField
from napari_zecoverage.many import StudiedCluster
from napari_zecoverage.sample import write_sample
from napari_zecoverage.sample_settings import SampleSettings
from napari_zecoverage.zemosaic.config import CONFIG_NAME
from napari_zecoverage.zemosaic.grid_plan import GRID_PLAN_NAME

RESULTS = ["report-pictures", "report.html", "report.json", "report.md", "run.json"]


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two folders of frames, each a cluster."""
    top = tmp_path_factory.mktemp("run")
    for name, count in (("night a", 6), ("night b", 5)):
        write_sample(top / name, SampleSettings(n_frames=count, shape=(240, 320), seed=count))
    return top


def rows_of(text: str) -> dict[str, str]:
    """Return the table's rows by the cluster's name, in order."""
    lines = text.splitlines()
    start = next(k for k, line in enumerate(lines) if line.startswith("cluster "))
    end = next(k for k, line in enumerate(lines) if line.startswith("advice for all"))
    return {line.split("  ")[0]: line for line in lines[start + 1 : end]}


def test_run_shows_and_writes_what_study_many_finds(frames, tmp_path) -> None:
    given = [frames / "night a", frames / "night b"]
    options = ["--min-coverage-frac", 0.3, "--tolerance", 0.7, "--workers", 1]
    result = run("run", *given, *options, "--out", tmp_path / "out")
    assert names_in(tmp_path / "out") == RESULTS
    found = read_json(tmp_path / "out" / "run.json")
    assert found["schema_version"] == 1

    parameters = zc.MaskParameters(min_coverage_frac=0.3)
    advice_options = zc.AdviceOptions(tolerance=0.7)
    clusters = [zc.find_clusters(each)[0] for each in given]
    expected = zc.study_many(
        clusters, parameters=parameters, advice_options=advice_options, workers=1
    )
    assert expected.advice is not None
    assert found["advice"]["why"] == expected.advice.why
    assert found["thresholds"]["min_coverage_frac"] == 0.3
    assert found["advice_options"]["tolerance"] == 0.7
    rows = rows_of(result.stdout)
    assert set(rows) == {"night a", "night b"}
    for line, told, row in zip(
        expected.clusters, found["clusters"], sorted(rows.values()), strict=True
    ):
        assert line.judged is not None
        now = line.judged.at(parameters)
        outcome = zc.apply_mask(zc.study_cluster(line.cluster), parameters)
        assert now is not None
        assert outcome.field_lost is not None
        assert told["name"] == line.cluster.name
        assert told["now"]["field_lost"]["hard"] == pytest.approx(outcome.field_lost.hard)
        assert f"  {outcome.field_lost.hard:.1%}  " in row
        assert f"  {outcome.source}  " in row
        assert len(told["fringe_counts"]) == len(line.fringe_counts)
        assert told["summary"] == line.summary
    advice = result.stdout.partition("advice for all clusters\n")[2]
    assert expected.advice.why in advice
    assert f"{expected.advice.parameters.min_coverage_frac:g}" in advice
    for name, reason in expected.advice.worst:
        assert f"{name}: {reason}" in advice


def test_worst_is_first() -> None:
    def judged(**what: object) -> tuple[StudiedCluster, LevelField]:
        level = LevelField("coverage", 0.8, 0.8, ResidualFringe(1, 0, 0.1, 1, 3, 50))
        return StudiedCluster(zc.Cluster("", ())), level._replace(**what)

    fringe = ResidualFringe(5, 0, 2.0, 5, 3, 50)
    rows = [
        (StudiedCluster(zc.Cluster("", ()), error="no"), None),
        judged(source="dropped", hard=1.0),
        judged(fringe=fringe._replace(sigmas=3.0)),
        judged(fringe=fringe, hard=0.4),
        judged(fringe=fringe),
        judged(hard=0.5),
        judged(fringe=None),
        (StudiedCluster(zc.Cluster("", ()), skipped="GRID"), None),
    ]
    badness = [run_table._badness(*each, 0.25) for each in rows]
    assert badness == sorted(badness, reverse=True)
    assert len(set(badness)) == len(badness)


def test_a_bad_cluster_is_a_row_and_a_failure(frames, tmp_path, monkeypatch) -> None:
    from napari_zecoverage.core import study as study_room

    compute = study_room.compute_study

    def fail_for_one(cluster: zc.Cluster, *arguments: object) -> zc.ClusterStudy:
        if cluster.name.startswith("night a"):
            raise zc.StudyError("no [red]frame[/red] of it\x1b[31m can be read")
        return compute(cluster, *arguments)

    monkeypatch.setattr(study_room, "compute_study", fail_for_one)
    given = [frames / "night b", frames / "night a"]
    arguments = ["run", *given, "--workers", 1, "--no-cache", "--out", tmp_path / "out"]
    result = run(*arguments, code=FAILED)
    rows = rows_of(result.stdout)
    assert list(rows) == ["night a", "night b"]
    assert rows["night a"].endswith("no [red]frame[/red] of it?[31m can be read")
    found = read_json(tmp_path / "out" / "run.json")
    assert [bool(each["error"]) for each in found["clusters"]] == [False, True]
    assert found["clusters"][1]["judged"] is None
    assert "1/2 clusters; night b: 5 frames" in result.stderr


def test_a_run_of_zemosaic_and_its_config(frames, tmp_path) -> None:
    groups = [sorted((frames / name).glob("*.fit")) for name in ("night a", "night b")]
    a_run = write_run(tmp_path / "run", groups)
    (tmp_path / CONFIG_NAME).write_text('{"altaz_min_coverage_abs": 2, "altaz_decay": 0.3}')
    arguments = ["--config", tmp_path, "--decay", 0.5, "--stack", "mean", "--workers", 1]
    result = run("run", a_run, *arguments, "--out", tmp_path / "out")
    assert set(rows_of(result.stdout)) == {"master_tile_000", "master_tile_001"}
    found = read_json(tmp_path / "out" / "run.json")
    assert found["thresholds"]["min_coverage_abs"] == 2
    assert found["thresholds"]["decay"] == 0.5
    assert [each["tile_id"] for each in found["clusters"]] == [0, 1]
    # The report is of the same thresholds.
    report = read_json(tmp_path / "out" / "report.json")
    chosen = report["settings"]["chosen"]
    assert chosen["altaz_min_coverage_abs"] == 2
    assert chosen["altaz_decay"] == 0.5
    assert "studied, but with" not in (tmp_path / "out" / "report.md").read_text()


def test_clusters_without_coverage_are_no_failure(frames, tmp_path) -> None:
    grid = tmp_path / "grid"
    shutil.copytree(frames / "night b", grid)
    paths = sorted(map(str, grid.glob("*.fit")))
    (grid / GRID_PLAN_NAME).write_text("\n".join(["file_path", *paths]))
    clusters = zc.find_clusters(grid)
    result = run("run", grid, "--out", tmp_path / "out", "--workers", 1)
    found = read_json(tmp_path / "out" / "run.json")
    assert len(found["clusters"]) == len(clusters)
    assert all("GRID" in each["skipped"] for each in found["clusters"])
    assert "GRID mode" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--min-coverage-frac", "1.5"], "--min-coverage-frac"),
        (["--tolerance", "0"], "--tolerance"),
        (["--workers", "0"], "--workers"),
        (["--stack", "pile"], "none, mean, median, kappa_sigma, winsorized"),
    ],
)
def test_wrong_settings_are_refused_before_any_work(frames, tmp_path, arguments, told) -> None:
    result = run("run", frames, *arguments, "--out", tmp_path / "out", code=WRONG_USAGE)
    assert told in result.stderr
    assert names_in(tmp_path) == []


def test_nothing_is_overwritten_unasked(frames, tmp_path) -> None:
    given = ["run", frames / "night b", "--stack", "mean", "--workers", 1, "--out", tmp_path]
    (tmp_path / "run.json").write_text("mine")
    result = run(*given, code=FAILED)
    assert "--force" in result.stderr
    assert "clusters;" not in result.stderr
    assert names_in(tmp_path) == ["run.json"]
    run(*given, "--force")
    assert (tmp_path / "run.json.kept-1").read_text() == "mine"
    assert names_in(tmp_path) == sorted([*RESULTS, "run.json.kept-1"])
    (tmp_path / "report.md").write_text("mine, too")
    assert "--force" in run(*given, code=FAILED).stderr
    run(*given, "--force")
    # Our own figures are replaced, others are kept.
    kept = ["report.md.kept-1", "run.json.kept-1"]
    assert names_in(tmp_path) == sorted([*RESULTS, *kept])
    assert (tmp_path / "report.md.kept-1").read_text() == "mine, too"


def test_scheduler_that_is_not_there(frames, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("napari_zecoverage.dask_cluster.CONNECT_S", 0.5)
    given = [frames / "night b", "--scheduler", "tcp://127.0.0.1:9", "--out", tmp_path / "out"]
    result = run("run", *given, code=FAILED)
    assert "error: no Dask scheduler answers at tcp://127.0.0.1:9" in result.stderr
    assert names_in(tmp_path) == []


def test_nothing_to_study(tmp_path) -> None:
    (tmp_path / "empty").mkdir()
    result = run("run", tmp_path / "empty", "--out", tmp_path / "out", code=FAILED)
    assert "no frames" in result.stderr
    assert names_in(tmp_path) == ["empty"]


def test_names_of_strangers_do_nothing(frames, tmp_path) -> None:
    night = tmp_path / "[bold]ñ \x1b[31m<script>"
    shutil.copytree(frames / "night b", night)
    done = run_apart(
        "run", night, "--stack", "mean", "--out", tmp_path / "out", PYTHONIOENCODING="ascii"
    )
    assert done.returncode == DONE, done.stderr
    assert b"[bold]? ?[31m<script>" in done.stdout
    assert b"\x1b" not in done.stdout + done.stderr
    assert read_json(tmp_path / "out" / "run.json")["clusters"][0]["name"] == night.name


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends Ctrl-C to a whole console")
def test_ctrl_c_leaves_neither_processes_nor_results(frames, tmp_path) -> None:
    process = subprocess.Popen(
        command("run", frames, "--workers", 2, "--out", tmp_path / "out"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "ZECOVERAGE_CACHE_DIR": str(tmp_path / "cache")},
        # A terminal sends it to all processes of a group.
        start_new_session=True,
    )
    assert process.stderr is not None
    first = process.stderr.readline()
    children = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert b"1/2 clusters;" in first
    assert process.returncode == INTERRUPTED
    assert told.endswith(b"error: stopped; nothing is left half written\n")
    assert b"Traceback" not in told
    _, alive = psutil.wait_procs(children, timeout=60)
    assert alive == []
    assert names_in(tmp_path) == ["cache"]
    kept = names_in(tmp_path / "cache" / "studies")
    assert kept
    assert all(not name.startswith(".") for name in kept)
