"""The table of the run follows the margin, the decay and the strict crop, with real studies."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest
from hands import LEFT, drag_slider
from qtpy.QtCore import QPoint, Qt
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import (
    QCheckBox,
    QLabel,
    QProgressBar,
    QPushButton,
    QSlider,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from napari_zecoverage.core import judged as judged_room
from napari_zecoverage.core.cache import write_study
from napari_zecoverage.core.fringe import measure_fringe
from napari_zecoverage.core.judged import judge
from napari_zecoverage.core.parameters import MaskParameters
from napari_zecoverage.many import StudiedCluster
from napari_zecoverage.ui import run_judging
from napari_zecoverage.ui.run_panel import RunPanel
from napari_zecoverage.ui.run_table import LOST, MASK, NAME
from napari_zecoverage.ui.threshold_panel import ThresholdPanel
from studies import make_study

NAMES = ("east", "middle", "west")


class Window(QWidget):
    """The thresholds, and the table of the run below them: connected as in the dock."""

    def __init__(self) -> None:
        super().__init__()
        self.thresholds = ThresholdPanel()
        self.run = RunPanel()
        self.thresholds.parameters_changed.connect(self.run.show_parameters)
        layout = QVBoxLayout(self)
        layout.addWidget(self.thresholds)
        layout.addWidget(self.run)

    def cells(self, column: int, role=Qt.ItemDataRole.DisplayRole) -> dict[str, object]:
        model = self.findChild(QTableView, "run_table").model()
        return {
            model.index(row, NAME).data(): model.index(row, column).data(role)
            for row in range(model.rowCount())
        }

    def slider(self, name: str) -> QSlider:
        return self.findChild(QSlider, f"{name}_slider")

    @property
    def words(self) -> str:
        return self.findChild(QLabel, "run_text").text()

    @property
    def bar(self) -> QProgressBar:
        return self.findChild(QProgressBar, "run_progress")

    def button(self, name: str) -> QPushButton:
        return self.findChild(QPushButton, name)


@pytest.fixture(autouse=True)
def _quick(monkeypatch) -> None:
    monkeypatch.setattr(run_judging, "_QUIET_MS", 20)


@pytest.fixture(scope="module")
def studies(tmp_path_factory):
    """Three studied clusters, each in a file as in the cache."""
    folder = tmp_path_factory.mktemp("studies")
    found = []
    for frames, name in zip((8, 9, 10), NAMES, strict=True):
        study = make_study(frames, name, shape=(120, 160))
        found.append((study, write_study(folder / f"{name}.zestudy", study)))
    return found


@pytest.fixture
def window(qtbot, studies) -> Window:
    window = Window()
    qtbot.addWidget(window)
    window.show()
    window.run.set_clusters([study.cluster for study, _ in studies])
    for study, file in studies:
        fringe = measure_fringe(study)
        window.run.add(
            StudiedCluster(study.cluster, judged=judge(study, fringe=fringe), study_file=file)
        )
    qtbot.waitUntil(lambda: window.run.advice is not None)
    return window


class Gate:
    """Takes the place of the measuring of the fringe: waits until it is told to go on."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.stopped: list[str] = []
        self.open = threading.Semaphore(0)

    def __call__(self, study, *, should_stop):
        name = study.cluster.name
        self.begun.append(name)
        while not self.open.acquire(timeout=0.01):
            if should_stop():
                self.stopped.append(name)
                break
        return measure_fringe(study, should_stop=should_stop)


@pytest.fixture
def gate(monkeypatch):
    gate = Gate()
    monkeypatch.setattr(judged_room, "measure_fringe", gate)
    yield gate
    gate.open.release(100)


def expected(studies, parameters: MaskParameters) -> dict[str, str]:
    """Return what the table should say, told by one judging after another."""
    lost = {}
    for study, _ in studies:
        level = judge(study, parameters, fringe=measure_fringe(study)).at(parameters)
        lost[study.cluster.name] = f"{1 - level.hard:.1%}"
    return lost


def wait_until_current(qtbot, window) -> None:
    qtbot.waitUntil(lambda: "outdated" not in window.cells(MASK).values(), timeout=20_000)


def move_margin(qtbot, window) -> None:
    qtbot.keyClick(window.slider("margin_percent"), Qt.Key.Key_PageUp)


def no_worker_left() -> bool:
    return not any(each.name == "zecoverage" for each in threading.enumerate())


@pytest.mark.parametrize("moved", ["margin_percent", "decay", "strict_overlap_crop_enabled"])
def test_figures_follow_what_was_moved(window, qtbot, studies, moved) -> None:
    before = window.run.advice
    if moved == "strict_overlap_crop_enabled":
        qtbot.mouseClick(window.findChild(QCheckBox, moved), LEFT, pos=QPoint(8, 8))
    else:
        qtbot.keyClick(window.slider(moved), Qt.Key.Key_End)
    assert set(window.cells(MASK).values()) == {"outdated"}
    assert set(window.cells(LOST).values()) == {""}
    assert window.run.advice is None
    wait_until_current(qtbot, window)
    parameters = window.thresholds.parameters
    assert getattr(parameters, moved) != getattr(MaskParameters(), moved)
    assert window.cells(LOST) == expected(studies, parameters)
    assert window.words == "3 of 3 clusters studied."
    qtbot.waitUntil(lambda: window.run.advice is not None)
    assert window.run.advice is not before
    assert getattr(window.run.advice.parameters, moved) == getattr(parameters, moved)


def test_rows_turn_current_one_by_one_and_words_tell_how_far(window, qtbot, gate) -> None:
    move_margin(qtbot, window)
    grey = window.cells(LOST, Qt.ItemDataRole.ForegroundRole)
    italic = window.cells(MASK, Qt.ItemDataRole.FontRole)
    assert all(each is not None for each in grey.values())
    assert all(each.italic() for each in italic.values())
    assert "0 of 3 so far" in window.words
    for done in (1, 2):
        gate.open.release()
        qtbot.waitUntil(lambda done=done: f"{done} of 3 so far" in window.words)
        assert (window.bar.value(), window.bar.maximum()) == (done, 3)
        current = [name for name, state in window.cells(MASK).items() if state != "outdated"]
        assert len(current) == done
        assert window.cells(MASK, Qt.ItemDataRole.FontRole)[current[0]] is None
        assert window.cells(NAME, Qt.ItemDataRole.ForegroundRole)[current[0]] is None
        # An advice for some would be taken for one for all.
        assert window.run.advice is None
    gate.open.release()
    wait_until_current(qtbot, window)
    assert gate.begun == list(NAMES)
    assert window.bar.maximum() == 1
    qtbot.waitUntil(lambda: window.run.advice is not None)


def test_nothing_begins_while_a_slider_is_held(window, qtbot, gate) -> None:
    slider = window.slider("margin_percent")
    qtbot.mousePress(slider, LEFT, pos=QPoint(2, slider.height() // 2))
    assert QGuiApplication.mouseButtons() == LEFT
    move_margin(qtbot, window)
    rested = []
    window.run._judging._quiet.timeout.connect(lambda: rested.append(True))
    qtbot.waitUntil(lambda: len(rested) >= 3)
    assert gate.begun == []
    qtbot.mouseRelease(slider, LEFT, pos=QPoint(2, slider.height() // 2))
    qtbot.waitUntil(lambda: gate.begun == ["east"])


def test_a_drag_ends_with_the_figures_of_its_end(window, qtbot, studies) -> None:
    drag_slider(qtbot, window.slider("margin_percent"), 60)
    assert window.thresholds.parameters.margin_percent > 5.5
    wait_until_current(qtbot, window)
    assert window.cells(LOST) == expected(studies, window.thresholds.parameters)


def test_a_newer_change_ends_what_is_under_way(window, qtbot, gate, studies) -> None:
    move_margin(qtbot, window)
    gate.open.release()
    qtbot.waitUntil(lambda: gate.begun == ["east", "middle"])
    qtbot.keyClick(window.slider("decay"), Qt.Key.Key_End)
    assert set(window.cells(MASK).values()) == {"outdated"}
    qtbot.waitUntil(lambda: gate.stopped == ["middle"])
    gate.open.release(3)
    wait_until_current(qtbot, window)
    assert gate.begun == ["east", "middle", *NAMES]
    assert window.cells(LOST) == expected(studies, window.thresholds.parameters)


def test_what_is_moved_back_is_current_at_once(window, qtbot, gate) -> None:
    lost = window.cells(LOST)
    move_margin(qtbot, window)
    qtbot.waitUntil(lambda: gate.begun == ["east"])
    window.thresholds.undo()
    assert window.cells(LOST) == lost
    assert window.words == "3 of 3 clusters studied."
    qtbot.waitUntil(lambda: gate.stopped == ["east"])
    qtbot.waitUntil(no_worker_left)
    assert gate.begun == ["east"]


def test_thresholds_may_be_moved_meanwhile(window, qtbot, gate, studies) -> None:
    move_margin(qtbot, window)
    gate.open.release()
    qtbot.waitUntil(lambda: gate.begun == ["east", "middle"])
    lost = window.cells(LOST)["east"]
    qtbot.keyClick(window.slider("min_coverage_frac"), Qt.Key.Key_End)
    assert window.cells(LOST)["east"] != lost
    gate.open.release(2)
    wait_until_current(qtbot, window)
    # Nothing was begun anew for it.
    assert (gate.begun, gate.stopped) == (list(NAMES), [])
    assert window.cells(LOST) == expected(studies, window.thresholds.parameters)


def test_it_stands_back_while_sliders_move(window, qtbot, gate) -> None:
    move_margin(qtbot, window)
    qtbot.waitUntil(lambda: gate.begun == ["east"])
    window.run._judging._quiet.setInterval(3_600_000)
    qtbot.keyClick(window.slider("min_coverage_frac"), Qt.Key.Key_PageUp)
    way = window.run._judging._way_is_free
    assert not way.is_set()
    gate.open.release(3)
    window.run._judging._quiet.setInterval(1)
    qtbot.keyClick(window.slider("min_coverage_frac"), Qt.Key.Key_PageUp)
    wait_until_current(qtbot, window)
    assert way.is_set()


def test_a_study_that_has_gone_stays_outdated_and_says_what_to_do(
    window, qtbot, studies, tmp_path
) -> None:
    gone, unkept, _ = (study for study, _ in studies)
    for study, file in ((gone, tmp_path / "gone.zestudy"), (unkept, None)):
        window.run.add(StudiedCluster(study.cluster, judged=judge(study), study_file=file))
    move_margin(qtbot, window)
    qtbot.waitUntil(lambda: window.words.startswith("2 clusters outdated"))
    states = window.cells(MASK)
    assert {name for name, state in states.items() if state == "outdated"} == {"east", "middle"}
    assert states["west"].startswith("coverage")
    for name in ("east", "middle"):
        tooltip = window.cells(MASK, Qt.ItemDataRole.ToolTipRole)[name]
        assert "not in the cache any more" in tooltip
        assert "Study all" in tooltip
    assert "Study all" in window.words
    # It is not tried again at every move, and a new study is current again.
    move_margin(qtbot, window)
    assert "0 of 1 so far" in window.words
    qtbot.waitUntil(lambda: window.words.startswith("2 clusters outdated"))
    window.run.add(StudiedCluster(gone.cluster, judged=judge(gone, window.thresholds.parameters)))
    assert window.cells(MASK)["east"].startswith("coverage")


def test_an_error_is_told_in_its_row(window, qtbot, monkeypatch) -> None:
    def broken(study, *, should_stop):
        if study.cluster.name == "middle":
            raise MemoryError("no room for it")
        return measure_fringe(study, should_stop=should_stop)

    monkeypatch.setattr(judged_room, "measure_fringe", broken)
    move_margin(qtbot, window)
    qtbot.waitUntil(lambda: window.words.startswith("1 cluster outdated"))
    tooltip = window.cells(MASK, Qt.ItemDataRole.ToolTipRole)["middle"]
    assert "no room for it" in tooltip


def test_names_of_the_run_are_kept(window, qtbot, studies) -> None:
    study, file = studies[0]
    renamed = replace(study.cluster, name="east (2)")
    window.run.set_clusters([renamed])
    judged = replace(judge(study), name="east (2)")
    window.run.add(StudiedCluster(renamed, judged=judged, study_file=file))
    move_margin(qtbot, window)
    wait_until_current(qtbot, window)
    assert [each.judged.name for each in window.run.studied] == ["east (2)"]


def test_cancel_ends_it_until_something_else_is_asked_for(window, qtbot, gate) -> None:
    move_margin(qtbot, window)
    gate.open.release()
    qtbot.waitUntil(lambda: gate.begun == ["east", "middle"])
    qtbot.mouseClick(window.button("cancel_all"), LEFT)
    qtbot.waitUntil(lambda: gate.stopped == ["middle"])
    qtbot.waitUntil(no_worker_left)
    assert window.words.startswith("2 clusters outdated")
    assert not window.button("cancel_all").isEnabled()
    qtbot.keyClick(window.slider("min_coverage_frac"), Qt.Key.Key_PageUp)
    assert not window.run._judging.running
    gate.open.release(3)
    move_margin(qtbot, window)
    wait_until_current(qtbot, window)


def test_a_run_goes_first(window, qtbot, gate) -> None:
    move_margin(qtbot, window)
    qtbot.waitUntil(lambda: gate.begun == ["east"])
    window.run.set_may_start(False)
    window.run.set_busy("3 clusters: starting…")
    qtbot.waitUntil(lambda: gate.stopped == ["east"])
    qtbot.waitUntil(no_worker_left)
    assert window.words == "3 clusters: starting…"
    gate.open.release(3)
    # Cancelled, or of other clusters: what is outdated still goes on.
    window.run.set_may_start(True)
    window.run.set_busy("")
    wait_until_current(qtbot, window)


def test_closing_leaves_no_worker(window, qtbot, gate) -> None:
    move_margin(qtbot, window)
    qtbot.waitUntil(lambda: gate.begun == ["east"])
    window.run.stop()
    qtbot.waitUntil(no_worker_left)
    assert gate.stopped == ["east"]
    assert set(window.cells(MASK).values()) == {"outdated"}


def test_a_window_that_is_taken_apart_leaves_no_worker(qtbot, gate, studies) -> None:
    study, file = studies[0]
    panel = RunPanel()
    panel.set_clusters([study.cluster])
    panel.add(StudiedCluster(study.cluster, judged=judge(study), study_file=Path(file)))
    panel.show_parameters(MaskParameters(margin_percent=9))
    qtbot.waitUntil(lambda: gate.begun == ["east"])
    with qtbot.waitSignal(panel.destroyed):
        panel.deleteLater()
    qtbot.waitUntil(no_worker_left)
    assert gate.stopped == ["east"]
