"""``zecoverage log``."""

from __future__ import annotations

from pathlib import Path

import pytest
from shell import one_line, run, write_run

import napari_zecoverage as zc
from napari_zecoverage.cli.endings import FAILED, WRONG_USAGE
from napari_zecoverage.zemosaic.run_names import LOG_NAME

PREFIX = "2026-01-01 00:00:00,000 - ZeMosaicWorker - DEBUG - zemosaic_worker.make:1 - "


def write_log(folder: Path, *messages: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / LOG_NAME
    path.write_text("".join(f"{PREFIX}{message}\n" for message in messages), encoding="utf-8")
    return path


@pytest.fixture
def a_run(sample: Path, tmp_path: Path) -> Path:
    frames = sorted(sample.glob("*.fit"))
    return write_run(tmp_path / "run", [frames[:3], frames], {"altaz_min_coverage_frac": 0.6})


def stats_of(study: zc.ClusterStudy, tile: int) -> str:
    covered = study.coverage
    return (
        f"MT_COVERAGE_STATS: tile={tile} shape={covered.shape} min={covered.min():.1f} "
        f"max={covered.max():.1f} nonzero_frac={(covered > 0).mean():.3f} "
        f"n_used={study.frames_used}"
    )


def thresholds(tile: int, most: float, share: float) -> str:
    return (
        f"MT_COVERAGE_THRESH: tile={tile} cov_max={most:.1f} min_abs=3.0 min_frac={share:.3f} "
        "morph_open_px=3"
    )


def test_log_alone_is_told(tmp_path) -> None:
    log = write_log(
        tmp_path,
        "something else",
        "MT_COVERAGE_STATS: tile=4 shape=(700, 700) min=0.0 max=8.0 nonzero_frac=0.562 n_used=8",
        thresholds(4, 8, 0.5),
        "MT_COVERAGE_STATS: tile=5 shape=",
    )
    for place in (log, tmp_path):
        told = run("log", place).stdout
        assert told.startswith(f"{log}\n")
        assert "lines       4, of them 4 DEBUG\n" in told
        assert "understood  2 of certain tiles" in told
        assert "not read    line 4: " in told
        assert "Tile 4\n" in told
        assert "0.0 to 8.0 frames on 700×700" in told
        assert "not studied here" in told


def test_tiles_of_the_run_stand_beside_the_log(a_run, tmp_path) -> None:
    study = zc.study_cluster(zc.find_clusters(a_run)[1])
    same, other = stats_of(study, 1), stats_of(study, 1).replace("max=6.0", "max=1.0")
    assert same != other
    write_log(tmp_path / "same", same, thresholds(1, 6, 0.6))
    result = run("log", tmp_path / "same", a_run)
    assert result.stdout.count("(same)") == 3
    assert "DIFFERENT" not in result.stdout
    # Only the tile that the log names is studied.
    assert "master_tile_000" not in result.stderr
    assert "master_tile_001: 6 frames" in result.stderr

    write_log(tmp_path / "other", other, thresholds(1, 1, 0.6))
    told = one_line(run("log", tmp_path / "other", a_run).stdout)
    assert "(DIFFERENT)" in told
    assert "upside down" in told


def test_thresholds_are_those_of_the_run_else_of_the_config_else_given(a_run, tmp_path) -> None:
    study = zc.study_cluster(zc.find_clusters(a_run)[1])
    log = write_log(tmp_path, stats_of(study, 1), thresholds(1, 6, 0.6))
    (tmp_path / "zemosaic_config.json").write_text('{"altaz_min_coverage_frac": 0.2}')
    for options, share in (
        ([], 0.6),
        (["--config", tmp_path], 0.2),
        (["--config", tmp_path, "--min-coverage-frac", 0.3], 0.3),
    ):
        told = one_line(run("log", log, a_run, *options).stdout)
        assert f"we compute min_coverage_abs 3.0, min_coverage_frac {share:.3f}" in told
    (a_run / "run_config_snapshot.json").unlink()
    result = run("log", log, a_run)
    assert "default thresholds are taken" in result.stderr
    assert "we compute min_coverage_abs 3.0, min_coverage_frac 0.500" in result.stdout


def test_run_of_other_tiles(a_run, tmp_path) -> None:
    log = write_log(tmp_path, thresholds(9, 8, 0.5))
    assert "none of the tiles" in run("log", log, a_run, code=FAILED).stderr


def test_run_that_cannot_be_read_leaves_the_log(tmp_path) -> None:
    log = write_log(tmp_path / "log", thresholds(9, 8, 0.5))
    (tmp_path / "run").mkdir()
    result = run("log", log, tmp_path / "run", code=FAILED)
    assert str(tmp_path / "run") in result.stderr
    assert "Tile 9" in result.stdout


def test_many_lines_are_counted(tmp_path) -> None:
    log = write_log(tmp_path, *["MT_COVERAGE_THRESH: tile="] * 50)
    told = run("log", log).stdout
    assert told.count("line ") < 25
    assert "and 30 more" in told


def test_no_log(tmp_path) -> None:
    assert "there is no such file" in run("log", tmp_path, code=FAILED).stderr
    (tmp_path / LOG_NAME).write_bytes(b"\0" * 5000)
    assert run("log", tmp_path, code=FAILED).stderr.startswith("error: ")
    run("log", code=WRONG_USAGE)
    run("log", tmp_path, "--decay", -1, code=WRONG_USAGE)
