"""``zecoverage doctor``, on stand-ins and on what is none."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from shell import one_line, run

from napari_zecoverage.cli.endings import (
    FAILED,
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
