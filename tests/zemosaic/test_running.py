"""A ZeMosaic that is open is found by its program, not by the files that others have open."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from napari_zecoverage.zemosaic import running
from napari_zecoverage.zemosaic.running import RunningProcess, find_running_zemosaic, runs_zemosaic


@pytest.mark.parametrize(
    "command",
    [
        ["/usr/bin/python3", "run_zemosaic.py"],
        [
            "python3.11",
            "-X",
            "utf8",
            "-u",
            "/home/me/my mosaics/zemosaic_worker.py",
            "--config",
            "c",
        ],
        [r"C:\Python311\pythonw.exe", r"C:\ZeMosaic\run_zemosaic.py"],
        ["/opt/venv/bin/python", "/opt/venv/bin/zemosaic"],
        ["python", "-m", "zemosaic.gui"],
        ["python", "/home/me/zemosaic"],
        ["python", "/home/me/zemosaic/__main__.py"],
        [r"D:\Programs\ZeMosaic.exe"],
        ["/Applications/ZeMosaic.app/Contents/MacOS/ZeMosaic"],
        ["pypy3", "-W", "ignore", "ZeMosaic.py"],
    ],
)
def test_zemosaic_is_recognised(command: list[str]) -> None:
    assert runs_zemosaic("python", command)


@pytest.mark.parametrize(
    "command",
    [
        ["vim", "/home/me/zemosaic/zemosaic_config.json"],
        ["tail", "-f", "zemosaic_worker.log"],
        ["zecoverage", "export", "/home/me/zemosaic/zemosaic_config.json"],
        ["python", "/venv/bin/zecoverage", "doctor", "/home/me/zemosaic"],
        ["python", "-m", "napari", "/home/me/zemosaic"],
        ["python", "-m"],
        ["python", "-c", "import zemosaic", "zemosaic"],
        ["python", "-X"],
        ["python"],
        ["bash", "-c", "cd zemosaic"],
        ["/home/me/zemosaic/bin/python", "other.py"],
        [""],
    ],
)
def test_others_are_not(command: list[str]) -> None:
    assert not runs_zemosaic("ZeMosaic", command)


def test_without_a_command_line_the_name_counts() -> None:
    assert runs_zemosaic("ZeMosaic.exe", [])
    assert not runs_zemosaic("python", [])
    assert not runs_zemosaic("", ())


def process(pid: int, ppid: int | None, name: str | None, command: list[str] | None) -> Any:
    return SimpleNamespace(info={"pid": pid, "ppid": ppid, "name": name, "cmdline": command})


def test_of_all_processes_those_of_others_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    own = os.getpid()
    zemosaic = ["python", "run_zemosaic.py", "x" * 1000]
    processes = [
        process(9_000_005, 9_000_004, "python", zemosaic),
        process(9_000_001, 1, "ZeMosaic", None),
        process(9_000_002, own, "python", zemosaic),
        process(9_000_003, 9_000_002, "python", zemosaic),
        process(own, 1, "zemosaic", zemosaic),
        process(9_000_006, 9_000_006, None, None),
        process(9_000_007, None, "zemosaic", []),
    ]
    monkeypatch.setattr(psutil, "process_iter", lambda attrs: processes)
    found = find_running_zemosaic()
    assert [each.pid for each in found] == [9_000_001, 9_000_005, 9_000_007]
    assert found[0] == RunningProcess(9_000_001, "ZeMosaic", "")
    assert str(found[0]) == "process 9000001 (ZeMosaic)"
    assert str(found[1]).startswith("process 9000005 (python run_zemosaic.py xxx")
    assert len(found[1].command) == 200


@pytest.fixture
def stand_in(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A real process that a script of ZeMosaic's name runs, until it is told to end."""
    script = tmp_path / "run_zemosaic.py"
    script.write_text("print('up', flush=True); input()")
    with subprocess.Popen(
        [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        yield child
        assert child.stdin is not None
        child.stdin.write(b"\n")


def test_a_real_process_is_found(
    stand_in: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert stand_in.pid not in [each.pid for each in find_running_zemosaic()], "it is our own"
    monkeypatch.setattr(running, "_is_ours", lambda *_: False)
    (found,) = [each for each in find_running_zemosaic() if each.pid == stand_in.pid]
    assert "run_zemosaic.py" in found.command
