"""The window as a person meets it, from the folder to the config and back: clicks and keys only."""

from __future__ import annotations

import json
import multiprocessing
import threading
from pathlib import Path

import numpy as np
import pytest
from hands import LEFT, Canvas, drag_slider, place_in_plot
from napari.components import ViewerModel
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QComboBox,
    QDockWidget,
    QFileDialog,
    QLabel,
    QLineEdit,
    QTabBar,
    QTableView,
    QTabWidget,
    QWidget,
)

from napari_zecoverage.core.outcome import apply_mask
from napari_zecoverage.core.parameters import MaskParameters
from napari_zecoverage.picture import removed_pixels
from napari_zecoverage.sample import write_sample
from napari_zecoverage.sample_settings import SampleSettings
from napari_zecoverage.ui.contributions import dock_of
from napari_zecoverage.ui.dock import CoverageDock
from napari_zecoverage.ui.inspect.fringe_plot import FringePlot
from napari_zecoverage.ui.inspect.landscape_plot import LandscapePlot
from napari_zecoverage.ui.inspect.profile_plot import ProfilePlot
from napari_zecoverage.ui.run_table import LOST, MASK, NAME
from napari_zecoverage.zemosaic.config import read_config

pytestmark = pytest.mark.window

FRAMES = 8
LAYERS = ["tile", "coverage", "fringe", "removed", "kept edge", "saved tile"]
CTRL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory) -> Path:
    """Two small clusters whose fringes the thresholds can cut."""
    folder = tmp_path_factory.mktemp("run")
    for seed, name in enumerate(("east", "west"), 1):
        settings = SampleSettings(
            n_frames=FRAMES, shape=(240, 320), stars_per_megapixel=1500, seed=seed
        )
        write_sample(folder / name, settings)
    return folder


class Person:
    """Sits before the window with a mouse and a keyboard, and waits until it has answered."""

    def __init__(self, qtbot, viewer: ViewerModel) -> None:
        self.qtbot = qtbot
        self.viewer = viewer
        self.dock = dock_of(viewer)
        window = viewer.window._qt_window
        window.activateWindow()
        qtbot.waitUntil(window.isActiveWindow)

    def find(self, kind: type, name: str) -> QWidget:
        widget = self.dock.findChild(kind, name)
        assert widget is not None, name
        return widget

    def click(self, name: str) -> None:
        button = self.find(QAbstractButton, name)
        assert button.isEnabled(), name
        assert button.isVisible(), name
        # A box is ticked by a click on its left end.
        self.qtbot.mouseClick(button, LEFT, pos=QPoint(8, button.height() // 2))

    def press(self, key: Qt.Key, modifier=Qt.KeyboardModifier.NoModifier) -> None:
        self.qtbot.keyClick(self.viewer.window._qt_window, key, modifier)

    def words(self, name: str) -> str:
        return self.find(QLabel, name).text()

    def wait(self, ready, seconds: int = 60) -> None:
        self.qtbot.waitUntil(ready, timeout=1000 * seconds)

    def wait_for_answer(self) -> None:
        """Wait until nothing is studied, masked, outlined or measured any more."""
        dock = self.dock
        self.wait(
            lambda: (
                not dock._background.running
                and dock._shown.idle
                and dock._shown.at_rest
                and not dock._inspect_panel._curve_soon.isActive()
            )
        )

    def open_tab(self, title: str) -> None:
        self.press(Qt.Key.Key_5, CTRL)
        tabs = self.find(QTabWidget, "inspect_tabs")
        (index,) = (each for each in range(tabs.count()) if tabs.tabText(each) == title)
        bar = tabs.findChild(QTabBar)
        self.qtbot.mouseClick(bar, LEFT, pos=bar.tabRect(index).center())
        assert tabs.currentIndex() == index

    def drawn(self, plot):
        """Return a plot once it is seen, laid out and drawn."""
        self.wait(lambda: plot.canvas.isVisible() and not plot._stale, 10)
        return plot

    def click_in_table(self, name: str, row: int, column: int, *, twice: bool = False) -> None:
        table = self.find(QAbstractItemView, name)
        place = table.visualRect(table.model().index(row, column)).center()
        self.qtbot.mouseClick(table.viewport(), LEFT, pos=place)
        if twice:
            self.qtbot.mouseDClick(table.viewport(), LEFT, pos=place)

    def assert_seen_is_exact(self) -> None:
        """The mask on the picture is the one of the sliders."""
        study = self.dock.study
        expected = removed_pixels(study, apply_mask(study, self.dock.parameters))
        np.testing.assert_array_equal(self.viewer.layers["removed"].data, expected)

    @property
    def thresholds(self) -> MaskParameters:
        return self.dock.parameters

    @property
    def layer_names(self) -> list[str]:
        return [layer.name for layer in self.viewer.layers]

    def open_folder(self, folder: Path) -> None:
        self.click("open_folder")
        self.wait_for_answer()
        assert {each.name for each in self.dock._cluster_panel.clusters} == {"east", "west"}
        assert self.dock._recent.places()[0].paths == (str(folder),)

    def study_the_selected(self) -> None:
        self.press(Qt.Key.Key_Return, CTRL)
        self.wait(lambda: self.dock.study is not None)
        self.wait(lambda: self.dock._shown.measuring.advice is not None)
        self.wait_for_answer()

    def close_the_dock(self) -> None:
        """Click on the ✕ of the dock's title bar."""
        above = self.dock.parentWidget()
        while not isinstance(above, QDockWidget):
            above = above.parentWidget()
        gone = self.dock
        self.qtbot.mouseClick(
            above.titleBarWidget().findChild(QAbstractButton, "QTitleBarCloseButton"), LEFT
        )
        self.wait(lambda: gone.parent() is None, 10)
        self.wait(nobody_works)

    def reopen_the_dock(self) -> None:
        before = self.dock
        self.dock = dock_of(self.viewer)
        assert self.dock is not before
        assert self.docks == [self.dock]

    @property
    def docks(self) -> list[QWidget]:
        docks = self.viewer.window.dock_widgets.values()
        return [each for each in docks if isinstance(each, CoverageDock)]


def nobody_works() -> bool:
    threads = [each for each in threading.enumerate() if each.name == "zecoverage"]
    return not threads and not multiprocessing.active_children()


@pytest.fixture
def person(qtbot, make_napari_viewer, run_folder, monkeypatch) -> Person:
    # The system's own dialogue cannot be clicked in.
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(run_folder))
    person = Person(qtbot, make_napari_viewer(show=True))
    yield person
    person.dock._shown.measuring.stop()
    person.wait(nobody_works)


def test_from_a_folder_to_the_config_and_back(person, run_folder, tmp_path, monkeypatch) -> None:
    person.open_folder(run_folder)
    person.study_the_selected()
    study = person.dock.study
    assert person.layer_names == LAYERS
    assert person.viewer.layers.selection.active is person.viewer.layers["tile"]
    assert f"{FRAMES} aligned" in person.words("summary")
    # What was measured is said in words, too.
    assert "Fringe left: " in person.words("verdict")
    assert "fringe left" in person.words("advice")
    advice = person.dock._shown.measuring.advice
    assert not advice.leave_defaults
    person.assert_seen_is_exact()

    # A drag is one step to undo, whatever it passed on its way.
    slider = person.find(QAbstractSlider, "min_coverage_frac_slider")
    drag_slider(person.qtbot, slider, 90)
    person.wait_for_answer()
    assert person.thresholds.min_coverage_frac == pytest.approx(0.9, abs=0.05)
    person.assert_seen_is_exact()
    person.press(Qt.Key.Key_Z, CTRL | Qt.KeyboardModifier.AltModifier)
    assert person.thresholds == MaskParameters()
    person.wait_for_answer()
    person.assert_seen_is_exact()

    # Before and after.
    for visible in (False, True):
        person.press(Qt.Key.Key_H)
        assert person.viewer.layers["removed"].visible is visible

    person.press(Qt.Key.Key_3, CTRL)
    person.click("take_advice")
    assert person.thresholds == advice.parameters
    assert person.find(QComboBox, "preset").currentText() == "advice"
    assert not person.find(QAbstractButton, "take_advice").isEnabled()
    person.wait_for_answer()
    person.assert_seen_is_exact()

    # The config is named as a person names it.
    config = tmp_path / "zemosaic_config.json"
    before = {"altaz_min_coverage_frac": 0.5, "language": "en", "our_own": {"kept": [1, 2]}}
    config.write_text(json.dumps(before))
    monkeypatch.setenv("HOME", str(tmp_path))
    person.press(Qt.Key.Key_6, CTRL)
    path = person.find(QLineEdit, "config_path")
    person.qtbot.keyClicks(path, "~/zemosaic_config.json")
    person.qtbot.keyClick(path, Qt.Key.Key_Return)
    changes = person.find(QWidget, "config_changes")
    frac = advice.parameters.min_coverage_frac
    assert f"altaz_min_coverage_frac: 0.5 → {frac:g}" in changes.toPlainText()
    person.press(Qt.Key.Key_E, CTRL | Qt.KeyboardModifier.ShiftModifier)
    written = read_config(config)
    assert written.parameters == advice.parameters
    assert written["language"] == "en"
    assert written["our_own"] == {"kept": [1, 2]}
    (backup,) = (each for each in tmp_path.iterdir() if each != config and each.is_file())
    assert json.loads(backup.read_text()) == before

    # Closed and opened again it is as it was left, and nothing is there twice.
    layers = list(person.viewer.layers)
    person.close_the_dock()
    assert person.docks == []
    person.reopen_the_dock()
    assert person.thresholds == MaskParameters()
    person.open_folder(run_folder)
    person.study_the_selected()
    assert person.dock.study.cluster.name == study.cluster.name
    assert person.thresholds == advice.parameters
    assert list(person.viewer.layers) == layers
    person.assert_seen_is_exact()


def test_looking_closer_and_leaving_a_frame_out(person, run_folder) -> None:
    person.open_folder(run_folder)
    person.study_the_selected()
    study = person.dock.study

    person.open_tab("Both")
    landscape = person.drawn(person.dock.findChild(LandscapePlot))
    place = place_in_plot(landscape, 0.3, 5.0)
    person.qtbot.mouseClick(landscape.canvas, LEFT, pos=place)
    assert person.thresholds.min_coverage_frac == pytest.approx(0.3, abs=0.02)
    assert person.thresholds.min_coverage_abs == pytest.approx(5.0, abs=0.2)
    person.wait_for_answer()
    person.assert_seen_is_exact()
    person.press(Qt.Key.Key_Z, CTRL | Qt.KeyboardModifier.AltModifier)
    assert person.thresholds == MaskParameters()

    person.open_tab("Fringe")
    plot = person.drawn(person.dock.findChild(FringePlot))
    fringe = person.dock._shown.measuring.fringe
    assert fringe.measurable
    assert plot.axes.get_xlim()[1] == FRAMES + 1
    layer = person.viewer.layers["fringe"]
    np.testing.assert_array_equal(layer.data, fringe.map[..., 0])
    person.qtbot.keyClick(person.find(QComboBox, "fringe_colour"), Qt.Key.Key_Down)
    np.testing.assert_array_equal(layer.data, fringe.map[..., 1])

    person.open_tab("Profile")
    person.click("show_profile_line")
    canvas = Canvas(person.qtbot, person.viewer)
    start, stop = person.dock._inspect_panel._layers.line
    there = (stop[0] - 60, stop[1] - 90)
    canvas.drag(canvas.at(*stop), canvas.at(stop[0] - 20, stop[1] - 60), canvas.at(*there))
    person.wait(lambda: not person.dock._inspect_panel._profile_soon.isActive(), 10)
    length = person.dock.findChild(ProfilePlot).coverage.get_xdata()[-1]
    assert length == pytest.approx(np.hypot(start[0] - there[0], start[1] - there[1]), abs=5)

    person.open_tab("Frames")
    box = person.find(QComboBox, "frame")
    for _ in range(2):
        person.qtbot.keyClick(box, Qt.Key.Key_Down)
    name = box.currentText()
    person.click("leave_out")
    person.wait(lambda: person.dock.study is not study)
    person.wait(lambda: person.dock._shown.measuring.advice is not None)
    person.wait_for_answer()
    fewer = person.dock.study.cluster
    assert len(fewer.frames) == FRAMES - 1
    assert name not in [each.path.name for each in fewer.frames]
    assert f"{FRAMES - 1} aligned" in person.words("summary")
    assert person.words("summary").endswith("; 1 left out before that")
    assert {each.name for each in person.dock._cluster_panel.clusters} == {"east", "west"}
    assert person.layer_names.count("fringe") == 1
    person.assert_seen_is_exact()


def test_the_whole_run(person, run_folder) -> None:
    person.open_folder(run_folder)
    person.press(Qt.Key.Key_4, CTRL)
    person.click("study_all")
    person.wait_for_answer()
    panel = person.dock._run_panel
    person.wait(lambda: panel.advice is not None, 20)
    assert "2 clusters studied." in person.words("summary")
    table = person.find(QTableView, "run_table")

    def column(number: int) -> list[str]:
        model = table.model()
        return [model.index(row, number).data() for row in range(model.rowCount())]

    assert sorted(column(NAME)) == ["east", "west"]
    assert column(MASK) == ["coverage", "coverage"]
    lost = column(LOST)
    person.click("take_run_advice")
    assert person.thresholds == panel.advice.parameters
    assert column(LOST) != lost
    assert not person.find(QAbstractButton, "take_run_advice").isEnabled()

    person.click_in_table("run_table", 1, NAME, twice=True)
    name = column(NAME)[1]
    person.wait(lambda: person.dock.study is not None and person.dock.study.cluster.name == name)
    person.wait(lambda: person.dock._shown.measuring.advice is not None)
    person.wait_for_answer()
    person.assert_seen_is_exact()
    # The same figures, read from the table and from the cluster that is open.
    assert f"Field lost: {column(LOST)[1]} hard" in person.words("verdict")


def test_closing_the_dock_while_all_are_studied(person, run_folder) -> None:
    person.open_folder(run_folder)
    person.press(Qt.Key.Key_4, CTRL)
    person.click("study_all")
    person.wait(lambda: bool(multiprocessing.active_children()))
    person.close_the_dock()
    assert nobody_works()
