"""``zecoverage doctor``, on stand-ins and on what is none."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from shell import command, names_in, one_line, run

from napari_zecoverage.cli.endings import (
    FAILED,
    INTERRUPTED,
    NOT_CHECKED,
    THRESHOLDS_ACT,
    THRESHOLDS_CANNOT_ACT,
    WRONG_USAGE,
)
from napari_zecoverage.zemosaic import diagnosis
from napari_zecoverage.zemosaic.made_up import SMALL, WIDE, matrix_of

STANDINS = Path(__file__).parents[1] / "zemosaic" / "standins"


def make_zemosaic(folder: Path, footprint: str) -> Path:
    """Write a ZeMosaic that reads its footprints that way."""
    shutil.copytree(STANDINS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    matrices = {
        str(len(motions)): [matrix_of(each).tolist() for each in motions]
        for motions in (SMALL, WIDE)
    }
    (folder / "known.json").write_text(json.dumps({"footprint": footprint, "matrices": matrices}))
    return folder


@pytest.mark.parametrize(
    ("footprint", "code", "told"),
    [
        ("right", THRESHOLDS_ACT, "Exported thresholds act in this ZeMosaic.\n"),
        (
            "upside-down",
            THRESHOLDS_CANNOT_ACT,
            "Exported thresholds cannot act in this ZeMosaic.\n",
        ),
    ],
)
def test_exit_code_is_the_answer(tmp_path, footprint, code, told) -> None:
    result = run("doctor", make_zemosaic(tmp_path / "ZeMosaic", footprint), code=code)
    assert result.stdout.startswith(told)
    assert "4.9.1" in result.stdout
    assert ("zecoverage tiles" in result.stdout) == (code == THRESHOLDS_CANNOT_ACT)


def test_no_zemosaic_is_not_checked(tmp_path) -> None:
    result = run("doctor", tmp_path, code=NOT_CHECKED)
    assert f"There is no ZeMosaic in {tmp_path}" in result.stdout
    assert "error" not in result.stderr


def test_python_that_is_not_there_is_not_checked(tmp_path) -> None:
    folder = make_zemosaic(tmp_path / "ZeMosaic", "right")
    result = run("doctor", folder, "--python", tmp_path / "nothing", code=NOT_CHECKED)
    assert str(tmp_path / "nothing") in result.stdout


def test_python_and_time_are_handed_on(tmp_path, monkeypatch) -> None:
    given = {}

    def answer(folder: Path, **options: object) -> diagnosis.Diagnosis:
        given.update(options, folder=folder)
        return diagnosis.Diagnosis(folder, None, None, (), None, ())

    monkeypatch.setattr(diagnosis, "diagnose_zemosaic", answer)
    run("doctor", tmp_path, "--python", "py", "--timeout", 7, code=NOT_CHECKED)
    assert given == {"folder": tmp_path, "python": "py", "timeout_s": 7.0}


@contextmanager
def hanging_doctor(
    tmp_path: Path, *options: object
) -> Iterator[tuple[subprocess.Popen[bytes], socket.socket]]:
    """Run the doctor on a ZeMosaic that hangs; a socket tells whether that one still lives."""
    folder = make_zemosaic(tmp_path / "ZeMosaic", "right")
    (tmp_path / "scratch").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)
        port = server.getsockname()[1]
        (folder / "lecropper.py").write_text(
            f"import socket\nline = socket.create_connection(('127.0.0.1', {port}))\nline.recv(1)\n"
        )
        process = subprocess.Popen(
            command("doctor", folder, *options),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "TMPDIR": str(tmp_path / "scratch")},
        )
        line, _ = server.accept()
        with line:
            line.settimeout(60)
            yield process, line


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such timer")
def test_killed_it_leaves_no_process_beyond_its_time(tmp_path) -> None:
    with hanging_doctor(tmp_path, "--timeout", 1) as (process, line):
        process.kill()
        process.communicate(timeout=60)
        assert line.recv(1) == b""  # the other end is gone


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends Ctrl-C to a whole console")
def test_ctrl_c_leaves_neither_a_process_nor_a_file(tmp_path) -> None:
    with hanging_doctor(tmp_path) as (process, line):
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
        assert line.recv(1) == b""  # the other end is gone
    assert process.returncode == INTERRUPTED
    assert told.endswith(b"error: stopped; nothing is left half written\n")
    assert names_in(tmp_path / "scratch") == []


def test_exit_codes_are_those_of_the_diagnosis() -> None:
    """The command line has its own, so that --help need not import the diagnosis."""
    assert diagnosis.EXIT_ACTS == THRESHOLDS_ACT
    assert diagnosis.EXIT_CANNOT_ACT == THRESHOLDS_CANNOT_ACT
    assert diagnosis.EXIT_NOT_CHECKED == NOT_CHECKED


def test_help_tells_the_exit_codes() -> None:
    told = one_line(run("doctor", "--help").stdout).partition("Exit codes:")[2]
    for words in ("0 exported thresholds act", "3 they cannot", "4 could not be checked"):
        assert words in told
    assert f"{FAILED} something went wrong" in told


def test_wrong_usage() -> None:
    run("doctor", code=WRONG_USAGE)
    run("doctor", "folder", "--timeout", 0, code=WRONG_USAGE)
