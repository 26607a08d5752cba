"""The shell, as its user meets it."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from typer.testing import CliRunner, Result

import napari_zecoverage as zc
from napari_zecoverage import cli
from napari_zecoverage.cli import (
    DONE,
    FAILED,
    INTERRUPTED,
    WRONG_USAGE,
    StudyProgressBars,
    app,
    result_folders,
    safe_name,
)
from napari_zecoverage.core.parameters import limits_of
from napari_zecoverage.core.studied import StudyProgress
from napari_zecoverage.sample import SampleSettings, write_sample
from napari_zecoverage.zemosaic.config import CLOSE_ZEMOSAIC_FIRST, CONFIG_NAME

SMALL = SampleSettings(n_frames=6, shape=(240, 320), stars_per_megapixel=1500)
RESULTS = ["alpha.fits", "coverage.fits", "preview.png", "summary.json"]

GIVEN = {
    "margin_percent": 7.5,
    "decay": 0.4,
    "min_coverage_abs": 2.0,
    "min_coverage_frac": 0.35,
    "morph_open_px": 1,
    "nanize": False,
    "nanize_threshold": 0.01,
    "strict_overlap_crop_enabled": False,
    "strict_overlap_crop_alpha_threshold": 0.05,
    "strict_overlap_crop_min_nonzero_frac": 0.2,
    "strict_overlap_crop_bbox_pad_px": 3,
    "strict_overlap_crop_min_size_px": 100,
}
"""A value for every threshold that is not its default."""


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of six small raw frames that can be aligned."""
    folder = tmp_path_factory.mktemp("cli") / "night"
    write_sample(folder, SMALL)
    return folder


@pytest.fixture(scope="module")
def kept_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kept-cache")


@pytest.fixture(autouse=True)
def _one_cache(_own_places: None, kept_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Study the sample once for all tests of this file."""
    monkeypatch.setenv("ZECOVERAGE_CACHE_DIR", str(kept_cache))


def run(*arguments: object, code: int = DONE) -> Result:
    """Run the command line in this process and check its exit code."""
    result = CliRunner().invoke(app, [str(each) for each in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result


def command(*arguments: object) -> list[str]:
    """Return the command line for a process of its own."""
    return [sys.executable, "-m", "napari_zecoverage.cli", *(str(each) for each in arguments)]


def run_apart(*arguments: object, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        command(*arguments),
        capture_output=True,
        env={**os.environ, **environment},
        check=False,
        timeout=120,
    )


def names_in(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def read_json(path: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return values


def one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def flag(name: str, value: object) -> list[str]:
    option = name.removesuffix("_enabled").replace("_", "-")
    if isinstance(value, bool):
        return [f"--{option}" if value else f"--no-{option}"]
    return [f"--{option}", str(value)]


# --- the program ---------------------------------------------------------------------------


def test_version() -> None:
    assert run("--version").stdout == f"zecoverage {zc.__version__}\n"


def test_help_tells_commands_and_exit_codes() -> None:
    text = one_line(run("--help").stdout)
    for name in ("mask", "tune", "demo", "export", "cache"):
        assert f" {name} " in text
    for code in (DONE, FAILED, WRONG_USAGE, INTERRUPTED):
        assert f"{code} " in text.partition("Exit codes:")[2]


def test_every_threshold_has_an_option_with_default_and_range() -> None:
    for name in ("mask", "export"):
        text = one_line(run(name, "--help").stdout)
        for setting in fields(zc.MaskParameters):
            if setting.name == "notes":
                continue
            assert flag(setting.name, GIVEN[setting.name])[0] in text
            limits = limits_of(zc.MaskParameters, setting.name)
            if limits is not None:
                upper = "" if limits.maximum == float("inf") else f" to {limits.maximum:g}"
                assert f"From {limits.minimum:g}{upper}" in text
                assert f"by default {setting.default:g}." in text


def test_unforeseen_error_is_no_traceback(monkeypatch, capsys) -> None:
    def fail() -> None:
        raise ZeroDivisionError("[bold]what[/]")

    monkeypatch.setattr(cli, "app", fail)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == FAILED
    told = capsys.readouterr().err
    assert told.startswith("error: unexpected ZeroDivisionError: [bold]what[/].")
    assert "Traceback" not in told


def test_ctrl_c_outside_of_any_command(monkeypatch, capsys) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "app", stop)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == INTERRUPTED
    assert capsys.readouterr().err == "error: stopped\n"


# --- mask ----------------------------------------------------------------------------------


def test_mask_writes_what_apply_mask_finds(sample, tmp_path) -> None:
    out = tmp_path / "out"
    arguments = ["--min-coverage-frac", 0.7, "--stack", "median"]
    result = run("mask", *sorted(sample.glob("*.fit")), *arguments, "--out", out)
    assert names_in(out) == RESULTS

    study = zc.study_cluster(zc.find_clusters(sample)[0], zc.StudyOptions(stack="median"))
    outcome = zc.apply_mask(study, zc.MaskParameters(min_coverage_frac=0.7))
    assert study.frames_aligned == 6
    assert np.array_equal(fits.getdata(out / "coverage.fits"), study.coverage)
    assert np.array_equal(fits.getdata(out / "alpha.fits"), outcome.alpha)
    assert cv2.imread(str(out / "preview.png")) is not None
    summary = read_json(out / "summary.json")
    assert summary["outcome"]["threshold_frames"] == outcome.threshold
    assert summary["study"]["options"]["stack"] == "median"
    assert summary["study"]["frames_aligned"] == 6

    told = one_line(result.stdout)
    assert study.summary in told
    assert f"{outcome.threshold:.4g} frames of 6" in told
    assert str(out) in told


def test_mask_puts_the_wcs_where_the_stars_are(sample, tmp_path) -> None:
    """The canvas is larger than a frame; each star has the sky position that its frame says."""
    run("mask", sample, "--canvas", "padded", "--stack", "none", "--out", tmp_path / "out")
    summary = read_json(tmp_path / "out" / "summary.json")
    y, x = summary["study"]["canvas"]["offset"]
    assert (y, x) == ((400 - 240) // 2, (400 - 320) // 2)
    reference = fits.getheader(summary["cluster"]["reference"])
    for name in ("coverage.fits", "alpha.fits"):
        canvas_wcs = WCS(fits.getheader(tmp_path / "out" / name), fix=False)
        for place in ((0, 0), (319, 0), (100.5, 200.25)):
            on_canvas = canvas_wcs.pixel_to_world_values(place[0] + x, place[1] + y)
            in_frame = WCS(reference, fix=False).pixel_to_world_values(*place)
            assert np.allclose(on_canvas, in_frame, rtol=0, atol=1e-10)


def test_mask_takes_every_threshold(sample, tmp_path) -> None:
    options = [word for name, value in GIVEN.items() for word in flag(name, value)]
    run("mask", sample, *options, "--out", tmp_path / "out")
    assert read_json(tmp_path / "out" / "summary.json")["parameters"] == GIVEN


def test_mask_takes_thresholds_from_a_config_below_its_options(sample, tmp_path) -> None:
    config = tmp_path / CONFIG_NAME
    config.write_text(
        json.dumps({"altaz_min_coverage_frac": 0.4, "altaz_decay": 0.3, "altaz_morph_open_px": "x"})
    )
    arguments = ["--config", tmp_path, "--decay", 0.9]
    result = run("mask", sample, *arguments, "--out", tmp_path / "out")
    found = read_json(tmp_path / "out" / "summary.json")
    assert found["parameters"]["min_coverage_frac"] == 0.4
    assert found["parameters"]["decay"] == 0.9
    assert found["parameters"]["morph_open_px"] == 3
    assert "'x' is not a number; the default 3 is used" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--min-coverage-frac", "1.5"], "--min-coverage-frac"),
        (["--decay", "nan"], "--decay"),
        (["--morph-open-px", "1.5"], "--morph-open-px"),
        (["--margin-percent", "wide"], "--margin-percent"),
        (["--strict-overlap-crop-min-size-px", "3"], "--strict-overlap-crop-min-size-px"),
        (["--stack", "pile"], "none, mean, median, kappa_sigma, winsorized"),
        (["--kappa", "0"], "--kappa"),
        (["--workers", "-1"], "--workers"),
        (["--min-coverage", "3"], "--min-coverage"),
    ],
)
def test_mask_refuses_wrong_settings_before_any_work(sample, tmp_path, arguments, told) -> None:
    result = run("mask", sample, *arguments, "--out", tmp_path / "out", code=WRONG_USAGE)
    assert told in result.stderr
    assert names_in(tmp_path) == []


def test_mask_without_frames_or_folder_is_wrong_usage(sample) -> None:
    run("mask", "--out", "x", code=WRONG_USAGE)
    run("mask", sample, code=WRONG_USAGE)


def test_mask_of_several_clusters(sample, tmp_path) -> None:
    top = tmp_path / "run"
    for name in ("b [red]", "a"):
        shutil.copytree(sample, top / name)
    run("mask", top, "--stack", "none", "--out", tmp_path / "out")
    assert names_in(tmp_path / "out") == ["a", "b_red"]
    assert names_in(tmp_path / "out" / "a") == names_in(tmp_path / "out" / "b_red") == RESULTS
    assert read_json(tmp_path / "out" / "b_red" / "summary.json")["cluster"]["name"] == "b [red]"


def test_one_bad_cluster_does_not_end_the_others(sample, tmp_path) -> None:
    bad = tmp_path / "bad"
    bad.mkdir()
    # Readable headers, so that only the study finds out.
    for frame in sorted(sample.glob("*.fit"))[:3]:
        (bad / frame.name).write_bytes(frame.read_bytes()[:2880])
    empty = tmp_path / "empty"
    empty.mkdir()
    places = [tmp_path / "missing.fit", bad, empty, sample]
    result = run("mask", *places, "--out", tmp_path / "out", code=FAILED)
    assert names_in(tmp_path / "out") == RESULTS
    errors = [line for line in result.stderr.splitlines() if line.startswith("error:")]
    assert len(errors) == 3
    for line, place in zip(errors, ("files", "folder", "folder"), strict=True):
        assert line.startswith(f"error: {place}: ")
    assert "missing.fit" in result.stderr
    assert str(empty) in errors[2]


def test_failed_study_is_one_line_and_the_others_go_on(sample, tmp_path, monkeypatch) -> None:
    top = tmp_path / "run"
    for name in ("a", "b", "c"):
        shutil.copytree(sample, top / name)
    write = zc.write_results

    def fail_for_b(folder: Path, *arguments: Any, **options: Any) -> Any:
        if Path(folder).name == "b":
            raise zc.OutputError(folder, "the disk is [full]")
        return write(folder, *arguments, **options)

    monkeypatch.setattr("napari_zecoverage.outputs.write_results", fail_for_b)
    result = run("mask", top, "--stack", "none", "--out", tmp_path / "out", code=FAILED)
    assert names_in(tmp_path / "out") == ["a", "c"]
    assert f"error: b: {tmp_path / 'out' / 'b'}: the disk is [full]\n" in result.stderr


def test_mask_tells_what_was_left_out(sample, tmp_path) -> None:
    night = tmp_path / "night"
    shutil.copytree(sample, night)
    (night / "text [1].fit").write_text("not a frame")
    blank = sorted(night.glob("sample*.fit"))[-1]
    with fits.open(blank, mode="update") as hdus:
        hdus[0].data[:] = 1000
    result = run("mask", night, "--stack", "none", "--out", tmp_path / "out")
    summary = read_json(tmp_path / "out" / "summary.json")
    assert [Path(each["path"]).name for each in summary["cluster"]["left_out"]] == ["text [1].fit"]
    failed = [each for each in summary["cluster"]["frames"] if not each["used"]]
    assert [Path(each["path"]).name for each in failed] == [blank.name]
    assert failed[0]["reason"]
    assert "text [1].fit" in result.stdout
    assert f"{blank.name}: {failed[0]['reason']}" in result.stdout


def test_results_are_replaced_only_with_force(sample, tmp_path) -> None:
    (tmp_path / "alpha.fits").write_text("mine")
    (tmp_path / "notes.txt").write_text("mine")
    result = run("mask", sample, "--out", tmp_path, code=FAILED)
    assert "--force" in result.stderr
    # Refused before the study, which takes long.
    assert "counting coverage" not in result.stderr
    assert names_in(tmp_path) == ["alpha.fits", "notes.txt"]
    assert (tmp_path / "alpha.fits").read_text() == "mine"
    run("mask", sample, "--out", tmp_path, "--force")
    assert names_in(tmp_path) == sorted([*RESULTS, "notes.txt"])
    assert fits.getdata(tmp_path / "alpha.fits").ndim == 2


def test_no_cache_keeps_nothing(sample, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("ZECOVERAGE_CACHE_DIR", str(tmp_path / "cache"))
    arguments = ["mask", sample, "--stack", "none"]
    first = run(*arguments, "--no-cache", "--out", tmp_path / "a")
    assert "aligning frames 6/6" in first.stderr
    assert not (tmp_path / "cache").exists()
    run(*arguments, "--out", tmp_path / "b")
    again = run(*arguments, "--out", tmp_path / "c")
    assert "opening the studied cluster" in again.stderr
    assert "aligning frames" not in again.stderr


def test_cached_study_has_the_name_of_today(sample, tmp_path) -> None:
    frames = sorted(sample.glob("*.fit"))
    run("mask", sample, "--stack", "none", "--out", tmp_path / "a")
    run("mask", frames[0], *frames[1:], "--stack", "none", "--out", tmp_path / "b")
    names = [read_json(tmp_path / each / "summary.json")["cluster"]["name"] for each in "ab"]
    assert names == ["night", "night"]


def test_logs_have_zemosaics_tags_when_asked_for(sample, tmp_path) -> None:
    arguments = ["mask", sample, "--stack", "none", "--no-cache"]
    quiet = run(*arguments, "--out", tmp_path / "a").stderr
    info = run("-v", *arguments, "--out", tmp_path / "b").stderr
    debug = run("-vv", *arguments, "--out", tmp_path / "c").stderr
    assert "MT_" not in quiet
    assert "ALPHA_STATS: level=master_tile" in info
    assert "MT_COVERAGE_THRESH" not in info
    for tag in ("MT_COVERAGE_STATS:", "MT_COVERAGE_THRESH:", "ALPHA_STATS:", "MT_PIPELINE:"):
        assert tag in debug
    assert debug.count("FOOTPRINT_STATS: frame=") == 6
    assert logging.getLogger("napari_zecoverage").handlers == []


# --- stopping ------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", ["register", "cover", "stack"])
def test_ctrl_c_leaves_nothing(sample, tmp_path, monkeypatch, stage) -> None:
    def interrupt(_: StudyProgressBars, progress: StudyProgress) -> None:
        if progress.stage == stage:
            raise KeyboardInterrupt

    monkeypatch.setattr(StudyProgressBars, "__call__", interrupt)
    monkeypatch.setenv("ZECOVERAGE_CACHE_DIR", str(tmp_path / "cache"))
    result = run("mask", sample, "--out", tmp_path / "out", code=INTERRUPTED)
    assert "stopped; nothing is left half written" in result.stderr
    assert names_in(tmp_path) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends Ctrl-C to a whole console")
def test_real_ctrl_c_ends_promptly_and_leaves_nothing(sample, tmp_path) -> None:
    frames = tmp_path / "frames"
    frames.mkdir()
    # Enough work that the signal comes in the middle of it.
    for number in range(25):
        for frame in sample.glob("*.fit"):
            shutil.copy(frame, frames / f"{number}-{frame.name}")
    (tmp_path / "cache").mkdir()
    (tmp_path / "scratch").mkdir()
    process = subprocess.Popen(
        command("mask", frames, "--workers", 1, "--out", tmp_path / "out"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={
            **os.environ,
            "ZECOVERAGE_CACHE_DIR": str(tmp_path / "cache"),
            "TMPDIR": str(tmp_path / "scratch"),
        },
    )
    assert process.stderr is not None
    first = process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert first.startswith(b"frames: 150 frames")
    assert process.returncode == INTERRUPTED
    assert told.endswith(b"error: stopped; nothing is left half written\n")
    assert b"Traceback" not in told
    assert b"aligning frames 150/150" not in told
    assert names_in(tmp_path) == ["cache", "frames", "scratch"]
    assert names_in(tmp_path / "cache") == names_in(tmp_path / "scratch") == []


# --- words ---------------------------------------------------------------------------------


def test_bad_input_is_a_line_and_an_exit_code(tmp_path) -> None:
    (tmp_path / "text.fit").write_text("not a frame")
    (tmp_path / CONFIG_NAME).write_text("{")
    out = tmp_path / "out"
    for code, words, arguments in (
        (FAILED, b"no frames", ["mask", tmp_path / "nothing", "--out", out]),
        (FAILED, b"text.fit", ["mask", tmp_path / "text.fit", "--out", out]),
        (FAILED, b"not JSON", ["export", tmp_path, "--decay", 1]),
        (WRONG_USAGE, b"--decay", ["export", tmp_path, "--decay", -1]),
    ):
        (tmp_path / "nothing").mkdir(exist_ok=True)
        done = run_apart(*arguments)
        assert done.returncode == code, done.stderr
        assert words in done.stderr
        assert b"Traceback" not in done.stderr
        assert done.stdout == b""
    assert not out.exists()


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_names_and_signs_survive_any_terminal(sample, tmp_path, encoding) -> None:
    night = tmp_path / "[bold]ñ✨[/bold] [/] :star:"
    shutil.copytree(sample, night)
    done = run_apart(
        "mask", night, "--stack", "none", "--out", tmp_path / "out", PYTHONIOENCODING=encoding
    )
    assert done.returncode == DONE, done.stderr
    told = done.stdout.decode(encoding)
    shown = night.name.encode(encoding, "replace").decode(encoding)
    assert told.startswith(f"{shown}\n")
    assert "found" in told
    assert ("×" if encoding != "ascii" else "?") in told
    assert read_json(tmp_path / "out" / "summary.json")["cluster"]["name"] == night.name


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere file names are text")
def test_file_name_that_is_no_text(sample, tmp_path) -> None:
    night = tmp_path / "night"
    shutil.copytree(sample, night)
    odd = os.path.join(os.fsencode(night), b"\xff\x1b[31m.fit")
    Path(os.fsdecode(odd)).write_text("not a frame")
    done = run_apart("mask", night, "--stack", "none", "--out", tmp_path / "out")
    assert done.returncode == DONE, done.stderr
    assert b"\x1b" not in done.stdout + done.stderr
    left_out = read_json(tmp_path / "out" / "summary.json")["cluster"]["left_out"]
    assert [os.fsencode(each["path"]) for each in left_out] == [odd]


def test_progress_is_a_line_a_stage_in_a_file() -> None:
    console = Console(file=io.StringIO())
    with StudyProgressBars(console) as bars:
        for done in range(4):
            bars(StudyProgress("register", done, 3, "a.fit"))
        bars(StudyProgress("cover", 1, 1))
    assert console.file.getvalue() == "aligning frames 3/3\ncounting coverage 1/1\n"  # type: ignore[attr-defined]


def test_progress_is_bars_on_a_terminal() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=80, _environ={})
    with StudyProgressBars(console) as bars:
        bars(StudyProgress("register", 2, 3, "[red]a.fit"))
        bars._bars.refresh()
        bars(StudyProgress("stack", 5, 36))
        bars._bars.refresh()
        tasks = bars._bars.tasks
    assert [(task.description, task.completed, task.total) for task in tasks] == [
        ("aligning frames", 2, 3),
        ("stacking the tile", 5, 36),
    ]
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "2/3" in shown
    assert "5/36" in shown


def test_nothing_is_broken_into_lines_in_a_file(sample, tmp_path) -> None:
    out = tmp_path / ("long" * 40)
    lines = run("mask", sample, "--stack", "none", "--out", out).stdout.splitlines()
    assert f"written   {out}: {', '.join(['coverage.fits', *RESULTS[:1], *RESULTS[2:]])}" in lines
    assert all(line == line.rstrip() for line in lines)


# --- names of folders ----------------------------------------------------------------------


@given(st.text(max_size=200))
def test_safe_name_is_a_folder_name_everywhere(name: str) -> None:
    safe = safe_name(name)
    assert re.fullmatch(r"[A-Za-z0-9_+-][A-Za-z0-9_.+-]{0,80}", safe)
    assert not safe.endswith(".")
    assert safe.partition(".")[0].lower() not in {"con", "prn", "aux", "nul", "com1", "lpt9"}


@pytest.mark.parametrize(
    ("name", "safe"),
    [("night 1/Ha", "night_1_Ha"), ("..", "cluster"), ("", "cluster"), ("CON.fit", "_CON.fit")],
)
def test_safe_names(name: str, safe: str) -> None:
    assert safe_name(name) == safe


def test_folders_of_clusters_are_told_apart(tmp_path) -> None:
    names = ["a", "A", "a ", "b"]
    clusters = [zc.Cluster(name, ()) for name in names]
    folders = result_folders(tmp_path, clusters)
    assert [each.name for each in folders] == ["a", "A-2", "a-3", "b"]
    assert result_folders(tmp_path, clusters[:1]) == [tmp_path]


# --- export --------------------------------------------------------------------------------


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / CONFIG_NAME
    values = {
        "input_dir": "/données",
        "altaz_min_coverage_abs": 4.0,
        "altaz_min_coverage_frac": 0.5,
        "altaz_morph_open_px": 3,
        "altaz_decay": "steep",
        "zzz": [1, {"x": None}],
    }
    path.write_text(json.dumps(values, indent=4, ensure_ascii=False), encoding="utf-8")
    return path


def test_export_changes_only_what_is_named(config) -> None:
    before = config.read_bytes()
    result = run("export", config, "--min-coverage-frac", 0.6, "--morph-open-px", 1)
    expected = before.replace(b"0.5", b"0.6").replace(b'px": 3', b'px": 1')
    assert config.read_bytes() == expected
    told = one_line(result.stdout)
    assert "altaz_min_coverage_frac: 0.5 → 0.6" in told
    assert "altaz_morph_open_px: 3 → 1" in told
    assert "altaz_decay" not in told
    assert CLOSE_ZEMOSAIC_FIRST in told
    backups = [each for each in config.parent.iterdir() if each != config]
    assert [each.read_bytes() for each in backups] == [before]
    assert str(backups[0]) in told
    # What the config cannot mean is said, and left.
    assert "'steep' is not a number" in result.stderr


def test_export_takes_the_folder_and_every_threshold(config) -> None:
    options = [word for name, value in GIVEN.items() for word in flag(name, value)]
    run("export", config.parent, *options)
    assert zc.read_config(config).parameters == zc.MaskParameters(**GIVEN)


def test_dry_run_writes_nothing(config) -> None:
    before = config.read_bytes()
    result = run("export", config, "--min-coverage-abs", 6, "--dry-run")
    assert "altaz_min_coverage_abs: 4.0 → 6.0" in result.stdout
    assert "nothing, because of --dry-run" in result.stdout
    assert config.read_bytes() == before
    assert names_in(config.parent) == [CONFIG_NAME]


def test_export_of_what_is_there_already(config) -> None:
    result = run("export", config, "--min-coverage-abs", 4)
    assert "has these thresholds already" in result.stdout
    assert names_in(config.parent) == [CONFIG_NAME]


def test_export_makes_a_config_only_when_asked(tmp_path) -> None:
    place = tmp_path / CONFIG_NAME
    assert "no such file" in run("export", place, "--decay", 1, code=FAILED).stderr
    assert names_in(tmp_path) == []
    run("export", place, "--decay", 1, "--create")
    assert read_json(place)["altaz_decay"] == 1.0


def test_export_of_no_threshold_is_wrong_usage(config) -> None:
    before = config.read_bytes()
    assert "at least one" in one_line(run("export", config, code=WRONG_USAGE).stderr)
    assert config.read_bytes() == before


# --- cache ---------------------------------------------------------------------------------


def test_cache_tells_its_place_and_is_emptied(sample, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("ZECOVERAGE_CACHE_DIR", str(tmp_path / "cache"))
    assert "studied clusters  0\n" in run("cache").stdout
    run("mask", sample, "--stack", "none", "--out", tmp_path / "out")
    place = zc.StudyCache().directory
    assert run("cache", "--where").stdout == f"{place}\n"
    size = zc.StudyCache().size_bytes()
    told = run("cache").stdout
    assert str(place) in told
    assert "studied clusters  1\n" in told
    assert f"{size / 1e6:.1f} MB of at most" in told
    assert "1 studied clusters removed" in run("cache", "--clear").stderr
    assert zc.StudyCache().entries() == []


# --- the window ----------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is always a screen")
def test_without_a_screen_the_window_is_refused(monkeypatch, tmp_path) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    for arguments in (["tune"], ["demo", "--out", tmp_path / "demo"]):
        result = run(*arguments, code=FAILED)
        assert result.stderr.startswith("error: there is no screen")
    assert names_in(tmp_path) == []


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is always a screen")
def test_screen_that_does_not_answer(monkeypatch) -> None:
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.delenv("QT_QPA_PLATFORM", raising=False)
    monkeypatch.setenv("DISPLAY", ":4711")
    told = run("tune", code=FAILED).stderr
    assert told.startswith("error: Qt cannot open a window here. It says: ")
    assert ":4711" in told


def test_without_a_qt_binding_the_window_is_refused(monkeypatch) -> None:
    hide = "; ".join(
        f"sys.modules[{name!r}] = None" for name in ("PyQt5", "PyQt6", "PySide2", "PySide6")
    )
    monkeypatch.setenv("DISPLAY", os.environ.get("DISPLAY", ":0"))
    monkeypatch.setattr(cli, "_PROBE", f"import sys; {hide}; {cli._PROBE}")
    told = run("tune", code=FAILED).stderr
    assert told.startswith("error: no Qt binding is installed: python -m pip install")


def test_without_napari_the_window_is_refused(monkeypatch) -> None:
    monkeypatch.setattr(cli.importlib.util, "find_spec", lambda name: None)
    assert run("tune", code=FAILED).stderr.startswith("error: napari is not installed")


def test_tune_tells_what_it_cannot_open(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(cli, "check_window", lambda: None)
    monkeypatch.setattr(cli, "_open_window", lambda: pytest.fail("a window for nothing"))
    result = run("tune", tmp_path, code=FAILED)
    assert "there are no frames in this folder" in result.stderr


TUNE = """
import sys
from napari_zecoverage import cli

def look(self=None):
    import napari
    from qtpy.QtWidgets import QTableWidget
    viewer = napari.current_viewer()
    window = viewer.window._qt_window
    table = window.findChild(QTableWidget, "clusters")
    print([table.item(row, 0).text() for row in range(table.rowCount())])
    viewer.close()

cli._run_window = look
sys.argv = ["zecoverage", *sys.argv[1:]]
cli.main()
"""
"""Opens the real window, prints the clusters in its table, and closes it."""


@pytest.fixture(scope="module")
def own_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A place for napari's settings."""
    yield str(tmp_path_factory.mktemp("napari") / "settings.yaml")


@pytest.mark.window
def test_tune_opens_the_clusters_in_the_window(sample, own_settings) -> None:
    done = subprocess.run(
        [sys.executable, "-c", TUNE, "tune", str(sample)],
        capture_output=True,
        text=True,
        env={**os.environ, "NAPARI_CONFIG": own_settings},
        check=False,
        timeout=120,
    )
    assert done.returncode == DONE, done.stderr
    assert done.stdout.splitlines()[-1] == "['night']"


@pytest.mark.window
def test_demo_studies_tunes_exports_and_takes_a_picture(tmp_path, own_settings) -> None:
    out = tmp_path / "demo"
    arguments = ["demo", "--screenshot-and-quit", "--out", out]
    done = run_apart(*arguments, NAPARI_CONFIG=own_settings, PYTHONIOENCODING="utf-8")
    assert done.returncode == DONE, done.stderr.decode()
    told = done.stdout.decode()
    assert "16 frames: 16 aligned, 0 rescued, 0 left out; coverage 0–16" in told
    assert f"altaz_min_coverage_frac: 0.5 → {cli.DEMO_FRAC}" in told
    for name in (cli.SCREENSHOT_NAME, CONFIG_NAME):
        assert str(out / name) in told
    assert zc.read_config(out).parameters == zc.MaskParameters(min_coverage_frac=cli.DEMO_FRAC)
    backups = [name for name in names_in(out) if name.endswith(".bak")]
    assert len(backups) == 1
    picture = cv2.imread(str(out / cli.SCREENSHOT_NAME))
    blue, _, red = np.moveaxis(picture.astype(int), 2, 0)
    # Right of napari's own panels, only what is removed on the canvas is orange.
    assert np.count_nonzero((red - blue > 100)[:, 333:]) > 100

    again = run_apart(*arguments, NAPARI_CONFIG=own_settings)
    assert again.returncode == FAILED
    assert b"--force" in again.stderr
