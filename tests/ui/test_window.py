"""A real window: the manifest's commands, and the whole way from frames to config."""

from __future__ import annotations

import json
import threading

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QLineEdit, QPushButton, QSlider, QWidget

from napari_zecoverage import sample as sample_room
from napari_zecoverage.core.cache import write_study
from napari_zecoverage.core.parameters import MaskParameters
from napari_zecoverage.ui import contributions
from napari_zecoverage.ui import jobs as jobs_room
from napari_zecoverage.ui.dock import CoverageDock
from napari_zecoverage.zemosaic.config import read_config
from napari_zecoverage.zemosaic.run_folder import find_clusters

pytestmark = pytest.mark.window

PLUGIN = "napari-zecoverage"
WIDGET = "Coverage thresholds"


@pytest.fixture
def viewer(make_napari_viewer_proxy) -> ViewerModel:
    """A window as plugins get it."""
    return make_napari_viewer_proxy()


@pytest.fixture
def dock(viewer) -> CoverageDock:
    _, dock = viewer.window.add_plugin_dock_widget(PLUGIN, WIDGET)
    return dock


def no_worker_left() -> bool:
    return not any(each.name == "zecoverage" for each in threading.enumerate())


def click(qtbot, dock, name: str) -> None:
    button = dock.findChild(QPushButton, name)
    assert button.isEnabled()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_the_manifest_opens_the_dock(dock) -> None:
    assert isinstance(dock, CoverageDock)
    assert dock.findChild(QWidget, "min_coverage_frac") is not None


def test_from_the_sample_to_the_exported_config(
    viewer, dock, qtbot, small_sample, monkeypatch, tmp_path
) -> None:
    monkeypatch.setattr(sample_room, "sample_folder", lambda: small_sample)
    click(qtbot, dock, "open_sample")
    qtbot.waitUntil(lambda: dock.findChild(QPushButton, "run").isEnabled(), timeout=20_000)
    click(qtbot, dock, "run")
    qtbot.waitUntil(lambda: dock.study is not None and dock._shown.up_to_date, timeout=60_000)
    names = ["tile", "coverage", "removed", "kept edge", "saved tile"]
    assert [layer.name for layer in viewer.layers] == names
    assert dock.study.cluster.name == "sample"
    before = viewer.layers["removed"].data.copy()

    slider = dock.findChild(QSlider, "min_coverage_frac_slider")
    for _ in range(4):
        qtbot.keyClick(slider, Qt.Key.Key_PageUp)
    qtbot.waitUntil(lambda: dock._shown.up_to_date)
    assert dock.parameters.min_coverage_frac == 0.9
    assert np.count_nonzero(viewer.layers["removed"].data) > np.count_nonzero(before)
    assert "min_coverage_frac" in dock.findChild(QLabel, "verdict").text()
    qtbot.keyClick(slider, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert dock.parameters.min_coverage_frac == 0.8
    click(qtbot, dock, "redo")
    assert dock.parameters.min_coverage_frac == 0.9
    qtbot.waitUntil(lambda: dock._shown.at_rest)
    assert len(viewer.layers["kept edge"].data) > 3

    config = tmp_path / "zemosaic_config.json"
    config.write_text(json.dumps({"language": "en"}))
    path = dock.findChild(QLineEdit, "config_path")
    qtbot.keyClicks(path, str(config))
    qtbot.keyClick(path, Qt.Key.Key_Return)
    click(qtbot, dock, "export_config")
    assert read_config(config).parameters == dock.parameters
    assert read_config(config)["language"] == "en"


def test_a_study_comes_in_the_3d_display_too(viewer, dock, qtbot, study, notifications) -> None:
    viewer.dims.ndisplay = 3
    dock.show_study(study)
    # Nothing is kept, and then something is again.
    for parameters in (MaskParameters(min_coverage_abs=8, margin_percent=50), MaskParameters()):
        dock.set_parameters(parameters)
        qtbot.waitUntil(lambda: dock._shown.at_rest)
        viewer.screenshot(canvas_only=True, flash=False)
    assert [each.message for each in notifications] == []


def test_usable_on_a_small_screen(viewer, dock, qtbot, study) -> None:
    dock.show_study(study)
    qtbot.waitUntil(lambda: dock._shown.up_to_date)
    assert dock.minimumSizeHint().width() <= 430
    assert dock.minimumWidth() <= 430
    # The rest is scrolled to, so a low window squeezes nothing.
    assert dock.minimumSizeHint().height() < 300


@pytest.fixture
def endless(monkeypatch) -> tuple[threading.Event, threading.Event]:
    """A study that goes on until it is stopped; tells when it started and when it stopped."""
    started, stopped = threading.Event(), threading.Event()

    def study_cluster(cluster, options, *, progress, should_stop, cache):
        started.set()
        while not should_stop():
            pass
        stopped.set()

    monkeypatch.setattr(jobs_room, "study_cluster", study_cluster)
    return started, stopped


def test_closing_the_dock_stops_its_study(viewer, qtbot, small_sample, endless) -> None:
    started, stopped = endless
    dock_widget, dock = viewer.window.add_plugin_dock_widget(PLUGIN, WIDGET)
    dock.open_clusters(find_clusters(small_sample))
    click(qtbot, dock, "run")
    assert started.wait(10)
    # What the dock's ✕ does.
    dock_widget.destroyOnClose()
    qtbot.waitUntil(stopped.is_set)
    qtbot.waitUntil(no_worker_left)
    # Nobody holds it any more; while it is held, it must go before the viewer does.
    with qtbot.waitSignal(dock.destroyed):
        dock.deleteLater()


def test_closing_the_window_stops_the_study(
    make_napari_viewer, qtbot, small_sample, endless
) -> None:
    started, stopped = endless
    viewer = make_napari_viewer()
    _, dock = viewer.window.add_plugin_dock_widget(PLUGIN, WIDGET)
    dock.open_clusters(find_clusters(small_sample))
    click(qtbot, dock, "run")
    assert started.wait(10)
    del dock
    viewer.close()
    qtbot.waitUntil(stopped.is_set)
    qtbot.waitUntil(no_worker_left)


def test_the_sample_menu(viewer, small_sample, monkeypatch) -> None:
    monkeypatch.setattr(contributions, "sample_folder", lambda: small_sample)
    viewer.open_sample(PLUGIN, "cluster")
    assert [layer.name for layer in viewer.layers] == ["tile", "coverage"]


def test_the_reader(viewer, study, tmp_path) -> None:
    file = write_study(tmp_path / "night.zestudy", study)
    viewer.open(str(file), plugin=PLUGIN)
    assert [layer.name for layer in viewer.layers] == ["tile", "coverage"]
    np.testing.assert_array_equal(viewer.layers["coverage"].data, study.coverage)


def test_one_key_shows_before_and_after(viewer, dock, qtbot, study) -> None:
    dock.show_study(study)
    qtbot.waitUntil(lambda: dock._shown.up_to_date)
    window = dock.window()
    window.show()
    window.activateWindow()
    removed = viewer.layers["removed"]
    qtbot.waitUntil(window.isActiveWindow)
    qtbot.keyClick(dock.findChild(QSlider, "min_coverage_frac_slider"), Qt.Key.Key_H)
    assert not removed.visible
    qtbot.keyClick(window, Qt.Key.Key_H)
    assert removed.visible
    # A letter typed into a field is a letter.
    path = dock.findChild(QLineEdit, "config_path")
    path.setFocus()
    qtbot.keyClick(path, Qt.Key.Key_H)
    assert path.text() == "h"
    assert removed.visible
