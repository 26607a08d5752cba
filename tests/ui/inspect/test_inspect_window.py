"""The Inspect section in a real window: its layers under a real mouse."""

from __future__ import annotations

import pytest
from hands import Canvas, drag, place_in_plot
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QLabel,
    QPushButton,
    QTabWidget,
    QToolButton,
)

from napari_zecoverage.core.parameters import MaskParameters, StudyOptions
from napari_zecoverage.core.study import study_cluster
from napari_zecoverage.ui.dock import CoverageDock
from napari_zecoverage.ui.inspect.field_plot import FieldPlot
from napari_zecoverage.ui.inspect.inspect_layers import FOOTPRINTS, FRAMES, PROFILE_LINE
from napari_zecoverage.ui.inspect.inspect_panel import InspectPanel
from napari_zecoverage.ui.inspect.profile_plot import ProfilePlot
from napari_zecoverage.zemosaic.run_folder import find_clusters

pytestmark = pytest.mark.window


@pytest.fixture
def viewer(make_napari_viewer):
    return make_napari_viewer(show=True)


@pytest.fixture
def dock(qtbot, viewer, small_sample) -> CoverageDock:
    _, dock = viewer.window.add_plugin_dock_widget("napari-zecoverage", "Coverage thresholds")
    (cluster,) = find_clusters(small_sample)
    dock.show_study(study_cluster(cluster, StudyOptions(stack="mean", canvas="padded")))
    panel = dock.findChild(InspectPanel)
    qtbot.waitUntil(lambda: dock.idle, timeout=60_000)
    assert dock._shown.measuring.advice is not None
    yield dock
    panel.stop()
    dock._shown.measuring.stop()
    qtbot.waitUntil(lambda: dock._shown.up_to_date and dock._shown.measuring.idle)


def test_the_line_is_dragged_and_the_camera_told_to_stay(qtbot, viewer, dock) -> None:
    panel = dock.findChild(InspectPanel)
    panel.findChild(QCheckBox, "show_profile_line").click()
    handled = []
    viewer.mouse_drag_callbacks.append(lambda _viewer, event: handled.append(event.handled))
    canvas = Canvas(qtbot, viewer)
    start, stop = panel._layers.line
    y, x = stop[0] - 60, stop[1] - 100
    canvas.drag(canvas.at(*stop), canvas.at(stop[0] - 30, x), canvas.at(y, x))
    assert panel._layers.line[0] == start
    assert panel._layers.line[1] == pytest.approx((y, x), abs=2 / viewer.scene.camera.zoom)
    qtbot.waitUntil(lambda: not panel._profile_soon.isActive())
    tabs = panel.findChild(QTabWidget, "inspect_tabs")
    tabs.setCurrentIndex([tabs.tabText(each) for each in range(tabs.count())].index("Profile"))
    distance = panel.findChild(ProfilePlot).coverage.get_xdata()
    assert distance[-1] == pytest.approx(((start[0] - y) ** 2 + (start[1] - x) ** 2) ** 0.5, abs=5)
    # Away from it the picture is panned, as ever.
    spot = canvas.at(*(value + 40 for value in start))
    canvas.drag(spot, spot + QPoint(30, 30))
    assert handled == [True, False]
    assert panel._layers.line[0] == start
    assert PROFILE_LINE in viewer.layers


def test_a_click_on_an_outline_shows_its_frame(qtbot, viewer, dock) -> None:
    panel = dock.findChild(InspectPanel)
    panel.findChild(QCheckBox, "show_frames").click()
    panel.findChild(QCheckBox, "show_footprints").click()
    canvas = Canvas(qtbot, viewer)
    # The corner that lies furthest out belongs to one frame alone.
    corners = panel._layers._corners
    height, width = dock.study.canvas.shape
    frame, corner = max(
        ((frame, corner) for frame in range(1, 6) for corner in range(4)),
        key=lambda each: abs(corners[each][0] - height / 2) + abs(corners[each][1] - width / 2),
    )
    canvas.drag(canvas.at(*corners[frame, corner]))
    chosen = panel.findChild(QComboBox, "frame").currentIndex()
    assert viewer.dims.current_step[0] == chosen
    distances = abs(corners - corners[frame, corner]).sum(axis=2).min(axis=1)
    assert distances[chosen] == pytest.approx(0, abs=10 / viewer.scene.camera.zoom)
    assert {FRAMES, FOOTPRINTS} <= {layer.name for layer in viewer.layers}


def test_blinking_by_the_keys_of_the_window(qtbot, viewer, dock) -> None:
    panel = dock.findChild(InspectPanel)
    panel.findChild(QCheckBox, "show_frames").click()
    native = viewer.window._qt_viewer.canvas.native
    for _ in range(2):
        qtbot.keyClick(native, Qt.Key.Key_Right)
    assert viewer.dims.current_step[0] == 2
    assert panel.findChild(QComboBox, "frame").currentIndex() == 2


def test_the_keys_of_the_dock_with_the_focus_on_a_plot(qtbot, viewer, dock) -> None:
    window = viewer.window._qt_window
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    plot = dock.findChild(FieldPlot)
    dock.ensureWidgetVisible(plot)
    plot.canvas.draw()
    drag(qtbot, plot.canvas, place_in_plot(plot, 0.8, 0.5))
    assert plot.canvas.hasFocus()
    clicked = dock.parameters
    assert clicked != MaskParameters()
    control, shift = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
    qtbot.keyClick(plot.canvas, Qt.Key.Key_Z, control)
    assert dock.parameters == MaskParameters()
    qtbot.keyClick(plot.canvas, Qt.Key.Key_Z, control | shift)
    assert dock.parameters == clicked
    alt = Qt.KeyboardModifier.AltModifier
    qtbot.keyClick(plot.canvas, Qt.Key.Key_Z, control | alt)
    assert dock.parameters == MaskParameters()
    # The plot's own keys stay its own.
    qtbot.keyClick(plot.canvas, Qt.Key.Key_Right)
    assert dock.parameters.min_coverage_frac > 0.5
    qtbot.keyClick(plot.canvas, Qt.Key.Key_H)
    assert not viewer.layers["removed"].visible
    qtbot.keyClick(plot.canvas, Qt.Key.Key_H)
    assert viewer.layers["removed"].visible
    qtbot.keyClick(plot.canvas, Qt.Key.Key_F1)
    keys = dock.findChild(QDialog, "keys")
    assert keys.isVisible()
    keys.close()
    qtbot.waitUntil(window.isActiveWindow)
    qtbot.keyClick(plot.canvas, Qt.Key.Key_6, control)
    assert dock.findChild(QToolButton, "section_export").hasFocus()


def test_leaving_out_from_the_window(qtbot, viewer, dock) -> None:
    panel = dock.findChild(InspectPanel)
    box = panel.findChild(QComboBox, "frame")
    qtbot.keyClick(box, Qt.Key.Key_Down)
    name = box.currentText()
    before = dock.study
    tabs = panel.findChild(QTabWidget, "inspect_tabs")
    tabs.setCurrentIndex(tabs.count() - 1)
    leave_out = panel.findChild(QPushButton, "leave_out")
    dock.ensureWidgetVisible(leave_out)
    qtbot.mouseClick(leave_out, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dock.study is not before and dock._shown.up_to_date, timeout=60_000)
    assert name not in [each.path.name for each in dock.study.cluster.frames]
    assert len(dock.study.registrations) == 5
    assert dock.study.coverage.max() == 5
    # Whoever leaves a frame out looks at the next.
    qtbot.waitUntil(lambda: not leave_out.visibleRegion().isEmpty())


def test_closing_the_window_while_the_fringe_is_measured(qtbot, make_napari_viewer, study) -> None:
    viewer = make_napari_viewer()
    _, dock = viewer.window.add_plugin_dock_widget("napari-zecoverage", "Coverage thresholds")
    dock.show_study(study)
    panel = dock.findChild(InspectPanel)
    for box in panel.findChildren(QCheckBox):
        box.setChecked(True)
    at_work = dock._shown.measuring._background
    qtbot.waitUntil(lambda: at_work.running)
    del dock, panel
    viewer.close()


def test_a_plot_stays_under_the_hand_while_the_words_above_it_grow(qtbot, viewer, dock) -> None:
    plot = dock.findChild(FieldPlot)
    # So that at a share of 0 the coverage is not used, which takes more words.
    dock.set_parameters(MaskParameters(min_coverage_abs=0, min_coverage_frac=0.8))
    qtbot.waitUntil(lambda: dock._shown.up_to_date)
    dock.findChild(InspectPanel).parentWidget().visit()
    qtbot.waitUntil(lambda: not plot.canvas.visibleRegion().isEmpty() and not plot._stale)
    words = dock.findChild(QLabel, "verdict")

    def place() -> QPoint:
        return plot.canvas.mapTo(viewer.window._qt_window, QPoint(0, 0))

    before, height = place(), words.height()
    assert dock.verticalScrollBar().value() > 0
    drag(qtbot, plot.canvas, *(place_in_plot(plot, each, 0.5) for each in (0.8, 0.4, 0.0)))
    qtbot.waitUntil(lambda: dock._shown.up_to_date and words.height() != height)
    assert dock.parameters.min_coverage_frac == 0
    assert place() == before
    drag(qtbot, plot.canvas, *(place_in_plot(plot, each, 0.5) for each in (0.0, 0.8)))
    qtbot.waitUntil(lambda: dock._shown.up_to_date and words.height() == height)
    assert place() == before
