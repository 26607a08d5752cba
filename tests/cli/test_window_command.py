"""``zecoverage tune``, and where there is no window."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from shell import names_in, run, write_run

from napari_zecoverage.cli import window
from napari_zecoverage.cli.endings import DONE, FAILED
from napari_zecoverage.core.errors import StudyError


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


def test_qt_that_hangs(monkeypatch) -> None:
    monkeypatch.setenv("DISPLAY", os.environ.get("DISPLAY", ":0"))
    monkeypatch.setattr(window, "_PROBE", "import threading; threading.Event().wait()")
    monkeypatch.setattr(window, "_PROBE_SECONDS", 0.1)
    assert run("tune", code=FAILED).stderr.startswith("error: Qt did not come up within 0 s.")


def test_without_a_qt_binding_the_window_is_refused(monkeypatch) -> None:
    hide = "; ".join(
        f"sys.modules[{name!r}] = None" for name in ("PyQt5", "PyQt6", "PySide2", "PySide6")
    )
    monkeypatch.setenv("DISPLAY", os.environ.get("DISPLAY", ":0"))
    monkeypatch.setattr(window, "_PROBE", f"import sys; {hide}; {window._PROBE}")
    told = run("tune", code=FAILED).stderr
    assert told.startswith("error: no Qt binding is installed: python -m pip install")


def test_without_napari_the_window_is_refused(monkeypatch) -> None:
    monkeypatch.setattr(window.importlib.util, "find_spec", lambda name: None)
    assert run("tune", code=FAILED).stderr.startswith("error: napari is not installed")


def test_tune_tells_what_it_cannot_open(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(window, "check_window", lambda: None)
    monkeypatch.setattr(window, "open_window", lambda: pytest.fail("a window for nothing"))
    result = run("tune", tmp_path, code=FAILED)
    assert "there are no frames in this folder" in result.stderr


@pytest.fixture
def open_measuring(qtbot):
    """What measures, in an open window that has nothing else."""
    from qtpy.QtWidgets import QWidget

    from napari_zecoverage.ui.measuring import Measuring

    shown = QWidget()
    qtbot.addWidget(shown)
    shown.show()
    yield Measuring(shown)


def test_window_is_waited_for_until_it_has_advice(open_measuring, study) -> None:
    open_measuring.show_study(study)
    assert window.wait_until_measured(open_measuring) == ""
    assert open_measuring.fringe is not None
    assert open_measuring.advice is not None


def test_measuring_that_takes_too_long_is_told(open_measuring, study, monkeypatch) -> None:
    monkeypatch.setattr(window, "_MEASURE_SECONDS", 0.0)
    open_measuring.show_study(study)
    told = window.wait_until_measured(open_measuring)
    assert told == ("The fringe and the advice took longer than 0 s; these words are without them.")
    assert open_measuring.advice is None


def test_measuring_that_does_not_work_is_told(open_measuring, study, monkeypatch) -> None:
    from napari_zecoverage.core import judged

    def fails(*_: object, **__: object) -> None:
        raise StudyError("there is no sky")

    monkeypatch.setattr(judged, "measure_fringe", fails)
    open_measuring.show_study(study)
    told = window.wait_until_measured(open_measuring)
    assert told == "The fringe could not be measured: there is no sky"


def test_closed_window_is_not_waited_for(open_measuring, study) -> None:
    open_measuring.show_study(study)
    open_measuring.parent().close()
    assert not window.window_is_open()
    assert window.wait_until_measured(open_measuring) == ""
    assert open_measuring.advice is None
    open_measuring.stop()


TUNE = """
import sys
from napari_zecoverage import cli
from napari_zecoverage.cli import window

def look(self=None):
    import napari
    from qtpy.QtWidgets import QTableWidget
    viewer = napari.current_viewer()
    window = viewer.window._qt_window
    table = window.findChild(QTableWidget, "clusters")
    print([table.item(row, 0).text() for row in range(table.rowCount())])
    viewer.close()

window.run_window = look
sys.argv = ["zecoverage", *sys.argv[1:]]
cli.main()
"""
"""Opens the real window, prints the clusters in its table, and closes it."""


@pytest.mark.window
def test_tune_opens_the_clusters_of_a_run(sample, own_settings, tmp_path) -> None:
    moved = [tmp_path / "moved" / each.name for each in sorted(sample.glob("*.fit"))]
    a_run = write_run(tmp_path / "run", [moved[:3], moved[3:]])
    done = subprocess.run(
        [sys.executable, "-c", TUNE, "tune", str(a_run), "--root", str(sample)],
        capture_output=True,
        text=True,
        env={**os.environ, "NAPARI_CONFIG": own_settings},
        check=False,
        timeout=120,
    )
    assert done.returncode == DONE, done.stderr
    assert done.stdout.splitlines()[-1] == "['master_tile_000', 'master_tile_001']"


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
