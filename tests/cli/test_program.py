"""The program as a whole: help, exit codes, stopping, words."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from shell import command, names_in, one_line, read_json, run, run_apart

import napari_zecoverage as zc
from napari_zecoverage import cli
from napari_zecoverage.cli.console import StudyProgressBars
from napari_zecoverage.cli.endings import DONE, FAILED, INTERRUPTED, WRONG_USAGE
from napari_zecoverage.core.studied import StudyProgress
from napari_zecoverage.zemosaic.config import CONFIG_NAME


def test_version() -> None:
    assert run("--version").stdout == f"zecoverage {zc.__version__}\n"


def test_help_tells_commands_and_exit_codes() -> None:
    text = one_line(run("--help").stdout)
    for name in ("mask", "tiles", "tune", "demo", "export", "doctor", "log", "cache"):
        assert f" {name} " in text
    for code in (DONE, FAILED, WRONG_USAGE, INTERRUPTED):
        assert f"{code} " in text.partition("Exit codes:")[2]


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


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (BrokenPipeError(32, "Broken pipe"), "error: the words cannot be written (Broken pipe)\n"),
        (PermissionError(13, "Permission denied", "/a/b"), "error: /a/b: Permission denied\n"),
    ],
)
def test_unforeseen_error_of_the_system_names_its_file(monkeypatch, capsys, error, told) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr(cli, "app", fail)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == FAILED
    assert capsys.readouterr().err == told


def test_place_of_an_unforeseen_error_is_in_the_log(monkeypatch, capsys) -> None:
    def fail(self: object) -> None:
        raise ZeroDivisionError("what")

    monkeypatch.setattr(zc.StudyCache, "entries", fail)
    for more, shown in (([], False), (["-vv"], True)):
        monkeypatch.setattr(sys, "argv", ["zecoverage", *more, "cache"])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        told = capsys.readouterr().err
        assert ended.value.code == FAILED
        assert told.splitlines()[-1].startswith("error: unexpected ZeroDivisionError: what.")
        assert ("Traceback" in told) == shown
        assert ("in fail" in told) == shown


def test_ctrl_c_outside_of_any_command(monkeypatch, capsys) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "app", stop)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == INTERRUPTED
    assert capsys.readouterr().err == "error: stopped\n"


def test_logs_have_zemosaics_tags_when_asked_for(sample, tmp_path) -> None:
    arguments = ["mask", sample, "--stack", "none", "--no-cache"]
    before = list(logging.getLogger("napari_zecoverage").handlers)
    quiet = run(*arguments, "--out", tmp_path / "a").stderr
    info = run("-v", *arguments, "--out", tmp_path / "b").stderr
    debug = run("-vv", *arguments, "--out", tmp_path / "c").stderr
    assert "MT_" not in quiet
    assert "ALPHA_STATS: level=master_tile" in info
    assert "MT_COVERAGE_THRESH" not in info
    for tag in ("MT_COVERAGE_STATS:", "MT_COVERAGE_THRESH:", "ALPHA_STATS:", "MT_PIPELINE:"):
        assert tag in debug
    assert debug.count("FOOTPRINT_STATS: frame=") == 6
    assert logging.getLogger("napari_zecoverage").handlers == before


@pytest.mark.parametrize("stage", ["register", "cover", "stack"])
def test_ctrl_c_leaves_nothing(sample, tmp_path, monkeypatch, stage) -> None:
    def interrupt(_: StudyProgressBars, progress: StudyProgress) -> None:
        if progress.stage == stage:
            raise KeyboardInterrupt

    monkeypatch.setattr(StudyProgressBars, "__call__", interrupt)
    monkeypatch.setenv("ZECOVERAGE_CACHE_DIR", str(tmp_path / "cache"))
    result = run("mask", sample, "--out", tmp_path / "out", code=INTERRUPTED)
    assert "stopped; nothing is left half written" in result.stderr
    assert not (tmp_path / "out").exists()
    # The cache's own folder may stand there, empty: the scratch file lay in it.
    assert [each for each in tmp_path.rglob("*") if not each.is_dir()] == []


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
