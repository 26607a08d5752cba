"""Opening a folder: how far it is told, cancelled, and what was open before stays."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QProgressBar, QPushButton, QTableWidget

from napari_zecoverage.core import frame_search
from napari_zecoverage.ui import jobs as jobs_room
from napari_zecoverage.ui.dock import CoverageDock
from studies import write_frame

FRAMES = 40


class Gate:
    """Takes the place of the look at a frame's header: each waits until it may go on."""

    def __init__(self) -> None:
        self.look = frame_search.look_at_frame
        self.may_go_on = threading.Semaphore(0)
        self.looked_at: list[str] = []

    def __call__(self, path):
        assert self.may_go_on.acquire(timeout=30)
        self.looked_at.append(path.name)
        return self.look(path)


@pytest.fixture
def gate(monkeypatch):
    gate = Gate()

    class Pool(ThreadPoolExecutor):
        def shutdown(self, wait=True, *, cancel_futures=False) -> None:
            super().shutdown(wait=False, cancel_futures=cancel_futures)
            # Nobody begins another; those that were begun are waited for.
            gate.may_go_on.release(FRAMES)
            super().shutdown(wait=wait)

    monkeypatch.setattr(frame_search, "ThreadPoolExecutor", Pool)
    monkeypatch.setattr(frame_search, "look_at_frame", gate)
    # Each is told of, however quickly they come.
    monkeypatch.setattr(jobs_room, "_TELL_EVERY_S", 0.0)
    yield gate
    gate.may_go_on.release(FRAMES)


@pytest.fixture
def folder(tmp_path):
    for number in range(FRAMES):
        write_frame(tmp_path / "lights" / f"frame_{number:02}.fit")
    return tmp_path / "lights"


@pytest.fixture
def dock(qtbot, viewer) -> CoverageDock:
    dock = CoverageDock(viewer)
    qtbot.addWidget(dock)
    dock.resize(430, 1200)
    dock.show()
    return dock


def summary(dock) -> str:
    return dock.findChild(QLabel, "summary").text()


def names_in_table(dock) -> list[str]:
    table = dock.findChild(QTableWidget, "clusters")
    return [table.item(row, 0).text() for row in range(table.rowCount())]


def no_worker_left() -> bool:
    return not any(each.name == "zecoverage" for each in threading.enumerate())


def test_it_is_told_how_many_headers_were_looked_at(dock, qtbot, folder, gate) -> None:
    dock.open_source(str(folder))
    assert dock.findChild(QPushButton, "cancel").isEnabled()
    gate.may_go_on.release(8)
    qtbot.waitUntil(lambda: f"8 of {FRAMES}" in summary(dock))
    bar = dock.findChild(QProgressBar, "progress")
    assert (bar.value(), bar.maximum()) == (8, FRAMES)
    gate.may_go_on.release(FRAMES)
    qtbot.waitUntil(lambda: names_in_table(dock) == ["lights"])


def test_cancel_keeps_what_was_open(dock, qtbot, folder, gate, make_study) -> None:
    study = make_study(4, "before")
    dock.open_clusters([study.cluster])
    dock.show_study(study)
    dock.open_source(str(folder))
    gate.may_go_on.release(8)
    qtbot.waitUntil(lambda: f"8 of {FRAMES}" in summary(dock))
    qtbot.mouseClick(dock.findChild(QPushButton, "cancel"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not dock._background.running)
    assert len(gate.looked_at) <= 8 + 8
    assert summary(dock).startswith("Cancelled.")
    assert dock.study is study
    assert names_in_table(dock) == ["before"]
    assert not dock.findChild(QPushButton, "cancel").isEnabled()
    qtbot.waitUntil(no_worker_left)


def test_closing_ends_the_look(qtbot, viewer, folder, gate) -> None:
    dock = CoverageDock(viewer)
    dock.open_source(str(folder))
    qtbot.waitUntil(lambda: dock._background.running)
    with qtbot.waitSignal(dock.destroyed):
        dock.deleteLater()
    qtbot.waitUntil(no_worker_left)
    assert len(gate.looked_at) <= 8
