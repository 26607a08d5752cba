"""The Inspect section, driven by clicks, keys and the mouse."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import weakref
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from hands import drag, hold_key, place_in_plot
from matplotlib.colors import to_hex
from qtpy.compat import isalive
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QLabel,
    QPushButton,
    QSlider,
    QTabWidget,
)

from napari_zecoverage.core.judged import judge
from napari_zecoverage.core.outcome import apply_mask
from napari_zecoverage.core.parameters import MaskParameters
from napari_zecoverage.core.registration import Registration
from napari_zecoverage.ui import measuring as room
from napari_zecoverage.ui.dock import CoverageDock
from napari_zecoverage.ui.inspect.field_plot import FieldPlot
from napari_zecoverage.ui.inspect.histogram_plot import HistogramPlot
from napari_zecoverage.ui.inspect.inspect_layers import FOOTPRINTS, FRAMES, PROFILE_LINE
from napari_zecoverage.ui.inspect.inspect_panel import InspectPanel
from napari_zecoverage.ui.inspect.landscape_plot import LandscapePlot
from napari_zecoverage.ui.inspect.plot import colours_of_theme
from napari_zecoverage.ui.inspect.profile_plot import ProfilePlot
from studies import field_curve

pytestmark = pytest.mark.window


@pytest.fixture
def dock(qtbot, viewer) -> CoverageDock:
    dock = CoverageDock(viewer)
    qtbot.addWidget(dock)
    dock.resize(420, 900)
    dock.show()
    qtbot.waitExposed(dock)
    return dock


@pytest.fixture
def panel(qtbot, dock, study) -> InspectPanel:
    """The section with a study whose field has been measured."""
    dock.show_study(study)
    panel = dock.findChild(InspectPanel)
    measured(qtbot, dock)
    return panel


def no_worker_left() -> bool:
    return not any(each.name == "zecoverage" for each in threading.enumerate())


@pytest.fixture(autouse=True)
def _all_workers_end(qtbot):
    yield
    qtbot.waitUntil(no_worker_left)


def use(viewer) -> None:
    """Do what the section listens to; on its own, since napari looks at its caller's variables."""
    viewer.theme = "light"
    viewer.add_image(np.zeros((4, 5, 5)))
    viewer.dims.set_current_step(0, 1)
    viewer.layers.clear()


def is_taken_apart(panel: weakref.ref) -> bool:
    return not isalive(panel())


def measured(qtbot, dock) -> None:
    panel = dock.findChild(InspectPanel)
    qtbot.waitUntil(
        lambda: (
            dock._shown.up_to_date
            and dock._shown.measuring.idle
            and not panel._profile_soon.isActive()
            and not panel._curve_soon.isActive()
        ),
        timeout=20_000,
    )


def is_the_curve(dock, study, over: str = "min_coverage_frac") -> bool:
    """Return whether the curve shown is the core's; NaN is equal to itself."""
    shown = dock.findChild(FieldPlot).curve
    wanted = field_curve(study, dock.parameters, over=over, fringe=dock._shown.measuring.fringe)
    return repr(replace(shown, parameters=None)) == repr(replace(wanted, parameters=None))


def open_tab(qtbot, panel, title: str) -> None:
    bar = panel.findChild(QTabWidget, "inspect_tabs").tabBar()
    index = next(each for each in range(bar.count()) if bar.tabText(each) == title)
    qtbot.mouseClick(bar, Qt.MouseButton.LeftButton, pos=bar.tabRect(index).center())
    assert bar.currentIndex() == index


def tick(qtbot, panel, name: str) -> None:
    box = panel.findChild(QCheckBox, name)
    qtbot.mouseClick(box, Qt.MouseButton.LeftButton, pos=QPoint(8, box.height() // 2))


def text(panel, name: str) -> str:
    return panel.findChild(QLabel, name).text()


def place(plot: FieldPlot, value: float) -> QPoint:
    plot.canvas.draw()
    x, y = plot.axes.transData.transform((value, 0.5))
    ratio = plot.canvas.device_pixel_ratio
    return QPoint(round(x / ratio), round(plot.canvas.height() - y / ratio))


# --- before a study ------------------------------------------------------------------------


def test_before_a_study_there_is_a_hint(dock) -> None:
    panel = dock.findChild(InspectPanel)
    assert "Run a cluster" in text(panel, "inspect_hint")
    assert panel.findChild(QTabWidget, "inspect_tabs").isHidden()
    dock.set_parameters(MaskParameters(margin_percent=3))
    assert no_worker_left()


def test_opening_the_dock_does_not_load_matplotlib() -> None:
    program = "import sys, napari_zecoverage.ui.dock; print('matplotlib' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


# --- field kept ----------------------------------------------------------------------------


def test_the_curve_is_the_one_of_the_core(dock, panel, study) -> None:
    plot = panel.findChild(FieldPlot)
    assert is_the_curve(dock, study)
    assert float(plot.line.get_xdata()[0]) == 0.5
    assert "From 4 of 8 frames on: the coverage mask, keeps" in text(panel, "field_text")


def test_the_other_threshold(qtbot, dock, panel, study) -> None:
    box = panel.findChild(QComboBox, "curve_over")
    qtbot.keyClick(box, Qt.Key.Key_Down)
    assert box.currentText() == "min_coverage_abs"
    plot = panel.findChild(FieldPlot)
    assert is_the_curve(dock, study, "min_coverage_abs")
    assert float(plot.line.get_xdata()[0]) == 3
    assert no_worker_left()


def test_the_line_follows_the_slider_without_measuring_again(
    qtbot, dock, panel, monkeypatch
) -> None:
    asked = []
    monkeypatch.setattr(room, "judge", lambda *args, **_: asked.append(args))
    slider = dock.findChild(QSlider, "min_coverage_frac_slider")
    qtbot.keyClick(slider, Qt.Key.Key_PageUp)
    plot = panel.findChild(FieldPlot)
    measured(qtbot, dock)
    assert float(plot.line.get_xdata()[0]) == dock.parameters.min_coverage_frac == 0.6
    assert asked == []


def test_the_curve_follows_the_other_threshold_at_once(qtbot, dock, panel, study) -> None:
    slider = dock.findChild(QSlider, "min_coverage_abs_slider")
    for _ in range(3):
        qtbot.keyClick(slider, Qt.Key.Key_Right)
    assert dock.parameters.min_coverage_abs == 6
    qtbot.waitUntil(lambda: not panel._curve_soon.isActive())
    curve = panel.findChild(FieldPlot).curve
    assert curve.stretches[0].level == 6
    assert is_the_curve(dock, study)


def test_another_margin_is_measured_when_the_slider_rests(qtbot, dock, panel, study) -> None:
    slider = dock.findChild(QSlider, "margin_percent_slider")
    for _ in range(4):
        qtbot.keyClick(slider, Qt.Key.Key_Right)
    assert text(panel, "field_text") == "Being measured…"
    measured(qtbot, dock)
    assert dock.parameters.margin_percent == 7
    assert is_the_curve(dock, study)
    assert "keeps" in text(panel, "field_text")


def test_a_dragged_line_sets_the_threshold_live(qtbot, viewer, dock, panel) -> None:
    plot = panel.findChild(FieldPlot)
    before = np.count_nonzero(viewer.layers["removed"].data)
    qtbot.mousePress(plot.canvas, Qt.MouseButton.LeftButton, pos=place(plot, 0.5))
    for value in (0.6, 0.7, 0.8, 0.9):
        qtbot.mouseMove(plot.canvas, place(plot, value))
        assert dock.parameters.min_coverage_frac == pytest.approx(value, abs=0.011)
    qtbot.mouseRelease(plot.canvas, Qt.MouseButton.LeftButton, pos=place(plot, 0.9))
    measured(qtbot, dock)
    number = dock.findChild(QDoubleSpinBox, "min_coverage_frac_number")
    assert number.value() == dock.parameters.min_coverage_frac
    assert np.count_nonzero(viewer.layers["removed"].data) > before
    assert "8 of 8 frames" in text(panel, "field_text")


def test_keys_on_the_plot_set_the_threshold(qtbot, dock, panel) -> None:
    plot = panel.findChild(FieldPlot)
    qtbot.keyClick(plot.canvas, Qt.Key.Key_Right)
    assert dock.parameters.min_coverage_frac == 0.62  # 5 of 8 frames, in two decimals
    assert plot.curve.at(0.62).level == 5


# --- back to where one was -----------------------------------------------------------------

CTRL = Qt.KeyboardModifier.ControlModifier
CTRL_SHIFT = CTRL | Qt.KeyboardModifier.ShiftModifier


def drag_over(qtbot, plot, *spots: tuple[float, float]) -> None:
    """Drag on a plot from one point of its axes over others to the last."""
    plot.canvas.draw()
    drag(qtbot, plot.canvas, *(place_in_plot(plot, *each) for each in spots))


def assert_undone(qtbot, dock, plot, first: MaskParameters) -> None:
    """Undo two steps by keys on a plot; the first led to `first`."""
    for before in (first, MaskParameters()):
        qtbot.keyClick(plot.canvas, Qt.Key.Key_Z, CTRL)
        assert dock.parameters == before
    assert not dock.findChild(QPushButton, "undo").isEnabled()


def test_undo_and_redo_by_keys_with_the_focus_on_a_plot(qtbot, dock, panel) -> None:
    canvas = panel.findChild(FieldPlot).canvas
    drag_over(qtbot, panel.findChild(FieldPlot), (0.8, 0.5))
    clicked = dock.parameters
    assert clicked.min_coverage_frac == pytest.approx(0.8, abs=0.011)
    qtbot.keyClick(canvas, Qt.Key.Key_Z, CTRL)
    assert dock.parameters == MaskParameters()
    qtbot.keyClick(canvas, Qt.Key.Key_Z, CTRL_SHIFT)
    assert dock.parameters == clicked


def test_a_drag_of_the_line_is_one_step_to_undo(qtbot, dock, panel) -> None:
    plot = panel.findChild(FieldPlot)
    drag_over(qtbot, plot, (0.5, 0.5), (0.55, 0.5), (0.6, 0.5), (0.7, 0.5))
    first = dock.parameters
    assert first.min_coverage_frac == pytest.approx(0.7, abs=0.011)
    drag_over(qtbot, plot, (0.7, 0.5), (0.8, 0.5), (0.9, 0.5))
    assert dock.parameters.min_coverage_frac == pytest.approx(0.9, abs=0.011)
    assert_undone(qtbot, dock, plot, first)


def test_a_drag_of_the_point_is_one_step_to_undo(qtbot, dock, panel) -> None:
    open_tab(qtbot, panel, "Both")
    plot = panel.findChild(LandscapePlot)
    qtbot.waitUntil(lambda: plot.landscape is not None)
    drag_over(qtbot, plot, (0.3, 2), (0.4, 3), (0.5, 4))
    first = dock.parameters
    assert first.min_coverage_abs == pytest.approx(4, abs=0.11)
    assert first.min_coverage_frac == pytest.approx(0.5, abs=0.011)
    drag_over(qtbot, plot, (0.5, 4), (0.6, 5), (0.7, 6))
    assert dock.parameters.min_coverage_abs == pytest.approx(6, abs=0.11)
    assert_undone(qtbot, dock, plot, first)


def test_each_click_on_a_plot_is_a_step(qtbot, dock, panel) -> None:
    plot = panel.findChild(FieldPlot)
    for value in (0.6, 0.7, 0.8):
        drag_over(qtbot, plot, (value, 0.5))
    for value in (0.7, 0.6, 0.5):
        qtbot.keyClick(plot.canvas, Qt.Key.Key_Z, CTRL)
        assert dock.parameters.min_coverage_frac == pytest.approx(value, abs=0.011)


def test_each_key_on_the_plot_is_a_step_but_one_held_down_is_one(qtbot, dock, panel) -> None:
    canvas = panel.findChild(FieldPlot).canvas
    qtbot.keyClick(canvas, Qt.Key.Key_Right)
    hold_key(canvas, Qt.Key.Key_Right, times=3)
    assert dock.parameters.min_coverage_frac == 1
    for value in (0.62, 0.5):
        qtbot.keyClick(canvas, Qt.Key.Key_Z, CTRL)
        assert dock.parameters.min_coverage_frac == value


def test_a_drag_of_a_slider_after_one_of_the_line_is_another_step(qtbot, dock, panel) -> None:
    drag_over(qtbot, panel.findChild(FieldPlot), (0.5, 0.5), (0.6, 0.5), (0.7, 0.5))
    dragged = dock.parameters
    slider = dock.findChild(QSlider, "min_coverage_frac_slider")
    qtbot.keyClick(slider, Qt.Key.Key_Right)
    qtbot.keyClick(slider, Qt.Key.Key_Z, CTRL)
    assert dock.parameters == dragged


# --- what is measured, and when ------------------------------------------------------------


def test_a_study_that_comes_while_measuring_wins(
    qtbot, dock, panel, study, make_study, monkeypatch
) -> None:
    started, go_on = threading.Event(), threading.Event()
    asked = []

    def slow(which, parameters, *, fringe, on_pictures, should_stop):
        asked.append(which)
        started.set()
        assert go_on.wait(10)
        return judge(
            which, parameters, fringe=fringe, on_pictures=on_pictures, should_stop=should_stop
        )

    monkeypatch.setattr(room, "judge", slow)
    dock.set_parameters(MaskParameters(margin_percent=2))
    qtbot.waitUntil(started.is_set)
    other = make_study(n_frames=12, name="other")
    dock.show_study(other)
    go_on.set()
    measured(qtbot, dock)
    assert asked == [study]  # a new study is judged while its fringe is measured
    plot = panel.findChild(FieldPlot)
    assert is_the_curve(dock, other)
    assert plot.curve.maximum == 12


def test_what_cannot_be_measured_is_told_once(qtbot, dock, panel, monkeypatch) -> None:
    asked = []

    def broken(*_args, **_):
        asked.append(1)
        raise MemoryError("no room")

    monkeypatch.setattr(room, "judge", broken)
    dock.set_parameters(MaskParameters(margin_percent=2))
    measured(qtbot, dock)
    assert "could not be measured: MemoryError: no room" in text(panel, "field_text")
    assert asked == [1]


def test_a_study_without_coverage(qtbot, dock, panel, study) -> None:
    dock.show_study(replace(study, coverage=None))
    measured(qtbot, dock)
    dock.set_parameters(MaskParameters(margin_percent=2))
    measured(qtbot, dock)
    assert panel.findChild(FieldPlot).curve is None
    assert "no coverage" in text(panel, "field_text")


# --- coverage and profile ------------------------------------------------------------------


def test_the_histogram_is_that_of_the_coverage(qtbot, dock, panel, study) -> None:
    open_tab(qtbot, panel, "Coverage")
    plot = panel.findChild(HistogramPlot)
    expected = [np.count_nonzero(study.coverage == count) for count in range(1, 9)]
    assert list(plot.bars.get_data().values) == expected
    assert list(plot.line.get_xdata()) == [4, 4]
    tick(qtbot, panel, "histogram_log")
    assert plot.axes.get_yscale() == "log"
    slider = dock.findChild(QSlider, "min_coverage_frac_slider")
    qtbot.keyClick(slider, Qt.Key.Key_End)
    measured(qtbot, dock)
    assert list(plot.line.get_xdata()) == [8, 8]


def test_the_profile_is_that_under_the_line(qtbot, viewer, dock, panel, study) -> None:
    open_tab(qtbot, panel, "Profile")
    tick(qtbot, panel, "show_profile_line")
    assert PROFILE_LINE in viewer.layers
    measured(qtbot, dock)
    plot = panel.findChild(ProfilePlot)
    alpha = apply_mask(study, dock.parameters).alpha
    np.testing.assert_array_equal(plot.coverage.get_ydata(), study.coverage[150])
    np.testing.assert_array_equal(plot.alpha.get_ydata(), alpha[150])
    slider = dock.findChild(QSlider, "min_coverage_frac_slider")
    qtbot.keyClick(slider, Qt.Key.Key_End)
    measured(qtbot, dock)
    alpha = apply_mask(study, dock.parameters).alpha
    np.testing.assert_array_equal(plot.alpha.get_ydata(), alpha[150])
    tick(qtbot, panel, "show_profile_line")
    assert PROFILE_LINE not in viewer.layers


def test_plots_are_saved_by_their_buttons(qtbot, panel, tmp_path, monkeypatch) -> None:
    for title, name in (("Field", "field_kept"), ("Coverage", "coverage_histogram")):
        open_tab(qtbot, panel, title)
        path = tmp_path / f"{name}.svg"
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, path=path: (str(path), ""))
        qtbot.mouseClick(panel.findChild(QPushButton, f"save_{name}"), Qt.MouseButton.LeftButton)
        assert "<svg" in path.read_text(encoding="utf-8")


def test_the_plots_follow_the_theme(viewer, panel) -> None:
    for theme in ("light", "dark"):
        viewer.theme = theme
        for kind in (FieldPlot, HistogramPlot, ProfilePlot):
            paper = panel.findChild(kind).figure.get_facecolor()
            assert to_hex(paper) == colours_of_theme(theme).paper


# --- frames --------------------------------------------------------------------------------


def test_a_frame_tells_how_it_was_aligned(qtbot, panel) -> None:
    open_tab(qtbot, panel, "Frames")
    box = panel.findChild(QComboBox, "frame")
    assert box.count() == 8
    assert "The reference" in text(panel, "frame_text")
    qtbot.keyClick(box, Qt.Key.Key_Down)
    assert "Residual 0.20 px rms over 40 stars" in text(panel, "frame_text")
    qtbot.keyClick(box, Qt.Key.Key_End)
    assert "Left out" in text(panel, "frame_text")
    assert "no match." in text(panel, "frame_text")


def test_blinking_chooses_the_frame_and_the_other_way_round(qtbot, viewer, panel) -> None:
    open_tab(qtbot, panel, "Frames")
    box = panel.findChild(QComboBox, "frame")
    tick(qtbot, panel, "show_frames")
    assert FRAMES in viewer.layers
    viewer.dims.set_current_step(0, 5)
    assert box.currentIndex() == 5
    qtbot.keyClick(box, Qt.Key.Key_Up)
    assert viewer.dims.current_step[0] == 4


def test_a_deleted_layer_unticks_its_box(qtbot, viewer, panel) -> None:
    open_tab(qtbot, panel, "Frames")
    for name in ("show_frames", "show_footprints"):
        tick(qtbot, panel, name)
    viewer.layers.remove(FRAMES)
    assert not panel.findChild(QCheckBox, "show_frames").isChecked()
    assert panel.findChild(QCheckBox, "show_footprints").isChecked()
    viewer.layers.clear()
    assert not panel.findChild(QCheckBox, "show_footprints").isChecked()
    tick(qtbot, panel, "show_footprints")
    assert FOOTPRINTS in viewer.layers


def test_the_next_dock_ticks_what_was_left_in_the_viewer(qtbot, viewer, panel, study) -> None:
    boxes = {
        "show_frames": FRAMES,
        "show_footprints": FOOTPRINTS,
        "show_profile_line": PROFILE_LINE,
    }
    for name in boxes:
        panel.findChild(QCheckBox, name).setChecked(True)
    panel.stop()
    left = [viewer.layers[name] for name in boxes.values()]
    other = InspectPanel(viewer)
    qtbot.addWidget(other)
    other.show_study(study)
    assert [viewer.layers[name] for name in boxes.values()] == left
    for name, layer in boxes.items():
        box = other.findChild(QCheckBox, name)
        assert box.isChecked()
        box.setChecked(False)
        assert layer not in viewer.layers


def test_the_frames_follow_the_choice_of_stretch(qtbot, viewer, panel) -> None:
    panel.findChild(QCheckBox, "show_frames").setChecked(True)
    frames = viewer.layers[FRAMES].data
    assert frames.look == ("asinh", 1.0)
    qtbot.keyClick(panel.findChild(QComboBox, "stretch"), Qt.Key.Key_End)
    assert frames.look == ("linear", 1.0)


def test_leaving_out_studies_again_in_its_place(
    qtbot, dock, panel, study, make_cluster, make_study, monkeypatch
) -> None:
    other = make_cluster(name="other")
    dock.open_clusters([other, study.cluster])
    asked = []

    def study_cluster(cluster, options, **_):
        asked.append((cluster, options))
        return replace(make_study(n_frames=7), cluster=cluster)

    monkeypatch.setattr("napari_zecoverage.ui.jobs.study_cluster", study_cluster)
    open_tab(qtbot, panel, "Frames")
    box = panel.findChild(QComboBox, "frame")
    qtbot.keyClick(box, Qt.Key.Key_Down)
    left = study.cluster.frames[1]
    qtbot.mouseClick(panel.findChild(QPushButton, "leave_out"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dock.study is not study)
    measured(qtbot, dock)
    ((cluster, options),) = asked
    assert cluster == study.cluster.without(1)
    assert left not in cluster.frames
    assert len(cluster.frames) == 7
    assert options == study.options
    assert box.count() == 7
    assert dock._cluster_panel.clusters == [other, cluster]
    assert dock._cluster_panel.selected == cluster


def test_the_last_frame_cannot_be_left_out(qtbot, dock, panel, make_study, make_cluster) -> None:
    study = replace(
        make_study(), cluster=make_cluster(1), registrations=(Registration(np.eye(3), "reference"),)
    )
    dock.show_study(study)
    measured(qtbot, dock)
    assert not panel.findChild(QPushButton, "leave_out").isEnabled()


# --- the end -------------------------------------------------------------------------------


def test_nothing_is_kept_alive_and_nothing_answers_after_the_end(qtbot, viewer, study) -> None:
    panel = InspectPanel(viewer)
    panel.show_study(study)
    panel.stop()
    panel.deleteLater()
    qtbot.waitUntil(partial(is_taken_apart, weakref.ref(panel)))
    use(viewer)
    gone = weakref.ref(panel)
    del panel
    gc.collect()
    assert gone() is None


def test_measuring_gives_way_to_the_mask_of_a_moved_slider(monkeypatch, study) -> None:
    asked = []

    class Free(threading.Event):
        def wait(self, timeout=None):
            asked.append(timeout)
            return super().wait(0)

    class AJob:
        stopped = False

        def should_stop(self):
            return self.stopped

        def report(self, _found):
            pass

    job, free = AJob(), Free()

    def look(_study, _parameters, *, fringe, should_stop):
        assert not should_stop()
        assert asked == [room._GIVE_WAY_S]
        job.stopped = True
        assert should_stop()
        assert len(asked) == 1  # who is to stop waits for nobody

    monkeypatch.setattr(room, "judge", look)
    room._measure(replace(study, tile=None), None, MaskParameters(), free, job)


def test_the_way_is_free_when_the_newest_mask_is_there(qtbot, dock, panel) -> None:
    assert dock._shown.measuring._way_is_free.is_set()
    qtbot.keyClick(dock.findChild(QSlider, "min_coverage_frac_slider"), Qt.Key.Key_End)
    assert not dock._shown.measuring._way_is_free.is_set()
    measured(qtbot, dock)
    assert dock._shown.measuring._way_is_free.is_set()
