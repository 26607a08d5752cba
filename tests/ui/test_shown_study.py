"""One study after another: nothing of the one before is taken for the present one's."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QCheckBox, QComboBox, QLabel, QPushButton, QWidget

from napari_zecoverage.core import judged as judged_room
from napari_zecoverage.core.parameters import MaskParameters
from napari_zecoverage.ui import jobs, layer_data
from napari_zecoverage.ui import layers as layers_module
from napari_zecoverage.ui.dock import CoverageDock
from napari_zecoverage.ui.inspect.field_plot import FieldPlot
from napari_zecoverage.ui.inspect.inspect_layers import FRAMES
from napari_zecoverage.ui.layers import ClusterLayers

DEFAULTS = MaskParameters()


@pytest.fixture
def dock(qtbot, viewer) -> CoverageDock:
    dock = CoverageDock(viewer)
    qtbot.addWidget(dock)
    return dock


def settle(qtbot, dock) -> None:
    qtbot.waitUntil(lambda: dock.idle and dock._shown._pictures.idle, timeout=60_000)


def come(dock, study) -> None:
    """Let a study come as when its run has ended: a layer at a time."""
    dock._on_finished(jobs.with_picture(study, dock._look()))


def test_thresholds_are_remembered_with_the_cluster_that_they_were_set_on(
    dock, qtbot, make_study
) -> None:
    first, second, third = (make_study(name=name) for name in ("first", "second", "third"))
    dock._remembered.remember(second.cluster, replace(DEFAULTS, min_coverage_abs=3.0))
    dock.show_study(first)
    dock.set_parameters(replace(DEFAULTS, min_coverage_abs=7.0))
    settle(qtbot, dock)
    come(dock, second)
    assert dock._shown._turns.busy
    come(dock, third)
    settle(qtbot, dock)
    assert dock._remembered.of(first.cluster).min_coverage_abs == 7
    assert dock._remembered.of(second.cluster).min_coverage_abs == 3


def test_the_frame_that_is_chosen_is_the_one_in_the_picture(
    dock, viewer, qtbot, make_study
) -> None:
    dock.show_study(make_study(name="first"))
    settle(qtbot, dock)
    dock.findChild(QCheckBox, "show_frames").setChecked(True)
    viewer.dims.set_current_step(0, 4)
    box = dock.findChild(QComboBox, "frame")
    assert box.currentIndex() == 4
    dock.show_study(make_study(name="second"))
    settle(qtbot, dock)
    assert FRAMES in viewer.layers
    assert box.currentIndex() == viewer.dims.current_step[0]


def test_no_figures_of_another_study_are_asked_with(dock, qtbot, make_study, monkeypatch) -> None:
    first, second = make_study(name="first"), make_study(name="second")
    dock._remembered.remember(second.cluster, replace(DEFAULTS, min_coverage_abs=5.0))
    dock.show_study(first)
    settle(qtbot, dock)
    asked = []
    submit = dock._shown._live.submit

    def noted(request) -> None:
        asked.append(request)
        submit(request)

    monkeypatch.setattr(dock._shown._live, "submit", noted)
    come(dock, second)
    settle(qtbot, dock)
    assert asked[0].study is second
    assert asked[0].judged is None
    assert {each.judged.name for each in asked if each.judged is not None} == {"second"}


def test_the_user_s_array_is_not_written_in(dock, viewer, qtbot, study) -> None:
    dock.show_study(study)
    settle(qtbot, dock)
    mine = np.full(study.canvas.shape, 9, np.uint8)
    viewer.layers["removed"].data = mine
    dock.set_parameters(replace(DEFAULTS, min_coverage_abs=7.0))
    settle(qtbot, dock)
    assert (mine == 9).all()
    viewer.layers["removed"].data = np.zeros((10, 10), bool)
    dock.set_parameters(replace(DEFAULTS, min_coverage_abs=6.0))
    settle(qtbot, dock)
    kept = dock._shown._preview.removed
    shown = viewer.layers["removed"].data
    assert np.array_equal(shown, kept)
    assert not np.shares_memory(shown, kept)


def test_a_closed_dock_shows_nothing_more(viewer, qtbot, study) -> None:
    dock, window = CoverageDock(viewer), QWidget()
    qtbot.addWidget(window)
    dock.setParent(window)
    go_on = threading.Event()

    def job(_job):
        assert go_on.wait(10)
        return jobs.with_picture(study, jobs.Look("asinh", 1.0))

    dock._start(job, "working")
    dock.setParent(None)
    go_on.set()
    qtbot.waitUntil(lambda: not dock._background.running)
    qtbot.wait(50)
    assert len(viewer.layers) == 0
    assert dock.study is None
    dock.deleteLater()


def test_cancelled_at_the_last_moment_is_cancelled(dock, qtbot, study, monkeypatch) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def stretched(*given):
        begun.set()
        assert go_on.wait(10)
        return jobs.Studied(study, None, jobs.Look("asinh", 1.0))

    monkeypatch.setattr(jobs, "study_cluster", lambda *_, **__: study)
    monkeypatch.setattr(jobs, "with_picture", stretched)
    dock.open_clusters([study.cluster])
    qtbot.mouseClick(dock.findChild(QPushButton, "run"), Qt.MouseButton.LeftButton)
    assert begun.wait(10)
    qtbot.mouseClick(dock.findChild(QPushButton, "cancel"), Qt.MouseButton.LeftButton)
    go_on.set()
    qtbot.waitUntil(lambda: not dock._background.running)
    assert dock.study is None
    assert "Cancelled" in dock.findChild(QLabel, "summary").text()


def test_a_stretch_chosen_meanwhile_is_that_of_the_picture(dock, viewer, qtbot, study) -> None:
    come_with = jobs.with_picture(study, dock._look())
    dock._settings.change(stretch="linear")
    dock._on_finished(come_with)
    settle(qtbot, dock)
    expected = jobs.with_picture(study, dock._look()).shown
    assert not np.array_equal(expected, come_with.shown)
    assert np.array_equal(viewer.layers["tile"].data, expected)


def test_a_curve_is_not_that_of_the_study_before(dock, qtbot, make_study, monkeypatch) -> None:
    dock.show_study(make_study(name="first"))
    settle(qtbot, dock)
    assert dock.findChild(FieldPlot).curve is not None

    def broken(*_: object, **__: object) -> None:
        raise MemoryError("none left")

    monkeypatch.setattr(judged_room, "AllMasks", broken)
    dock.show_study(make_study(name="second"))
    assert dock.findChild(FieldPlot).curve is None
    settle(qtbot, dock)
    assert dock.findChild(FieldPlot).curve is None
    dock.set_parameters(replace(DEFAULTS, min_coverage_abs=6.0))
    settle(qtbot, dock)
    assert "could not be measured" in dock.findChild(QLabel, "field_text").text()


def test_a_fringe_that_a_dock_before_left_goes_with_its_study(viewer, qtbot, make_study) -> None:
    first = CoverageDock(viewer)
    qtbot.addWidget(first)
    study = make_study(name="first")
    first.show_study(study)
    settle(qtbot, first)
    first._shown._layers.show_fringe(np.ones(study.canvas.shape, np.float32), 1.0)
    first._shown.stop()
    second = CoverageDock(viewer)
    qtbot.addWidget(second)
    second.show_study(make_study(name="second", tile=False))
    settle(qtbot, second)
    assert "fringe" not in viewer.layers


def test_a_hidden_fringe_stays_hidden(dock, viewer, qtbot, study) -> None:
    dock.show_study(study)
    settle(qtbot, dock)
    dock._shown._layers.show_fringe(np.ones(study.canvas.shape, np.float32), 1.0)
    dock.show_fringes()
    assert viewer.layers["fringe"].visible
    viewer.layers["fringe"].visible = False
    assert not dock._shown._wanted


def test_a_coverage_asked_for_while_layers_come_is_shown(dock, viewer, qtbot, study) -> None:
    come(dock, study)
    assert not dock._shown.has_appeared
    dock.show_coverage()
    qtbot.waitUntil(lambda: dock._shown.has_appeared)
    assert viewer.layers["coverage"].visible
    assert viewer.layers["removed"].visible
    # A coverage that this cluster has not is not kept for the next.
    viewer.layers.remove("coverage")
    dock.show_coverage()
    # Once: it does not come back by itself.
    come(dock, study)
    qtbot.waitUntil(lambda: dock._shown.has_appeared)
    assert not viewer.layers["coverage"].visible


def test_a_layer_that_cannot_be_made_is_told(dock, qtbot, study, monkeypatch) -> None:
    def broken(*_: object) -> None:
        raise MemoryError("no room for it")

    monkeypatch.setattr(layers_module, "coverage_layer", broken)
    come(dock, study)
    qtbot.waitUntil(lambda: not dock._shown._turns.busy)
    assert "no room for it" in dock.findChild(QLabel, "verdict").text()


def test_a_layer_replaced_keeps_its_place(viewer, make_study, monkeypatch) -> None:
    monkeypatch.setattr(layer_data, "_PYRAMID_FROM_PX", 200_000)
    layers = ClusterLayers(viewer)
    layers.show_study(make_study(shape=(100, 120)), None)
    viewer.layers.move(viewer.layers.index(layers["coverage"]), len(viewer.layers))
    before = [each.name for each in viewer.layers]
    assert before[-1] == "coverage"
    layers.show_study(make_study(shape=(600, 800)), None)
    assert layers["coverage"].multiscale
    assert [each.name for each in viewer.layers] == before
