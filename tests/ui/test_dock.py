"""The dock on a viewer without a window: open, study, slide, cancel, fail, go."""

from __future__ import annotations

import json
import threading
from dataclasses import replace

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import QPoint, QRect, Qt
from qtpy.QtWidgets import (
    QAbstractButton,
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QSlider,
    QTableWidget,
    QWidget,
)

from napari_zecoverage import preview as preview_module
from napari_zecoverage.core.errors import StudyCancelledError, StudyError
from napari_zecoverage.core.outcome import apply_mask
from napari_zecoverage.core.parameters import MaskParameters, StudyOptions
from napari_zecoverage.core.studied import StudyProgress
from napari_zecoverage.picture import divided, kept_edge, outline, removed_pixels
from napari_zecoverage.ui import jobs as jobs_room
from napari_zecoverage.ui.dock import CoverageDock
from napari_zecoverage.ui.remembered import RememberedThresholds
from napari_zecoverage.zemosaic.master_tile import write_master_tile
from napari_zecoverage.zemosaic.run_folder import find_clusters
from napari_zecoverage.zemosaic.tile_comparison import tile_beside

NAMES = {
    "min_coverage_abs",
    "min_coverage_frac",
    "morph_open_px",
    "margin_percent",
    "decay",
    "nanize_threshold",
    "strict_overlap_crop_enabled",
    "hint_min_coverage",
    "hint_morph_open_px",
    "hint_margin",
    "hint_nanize_threshold",
    "preset",
    "undo",
    "redo",
    "reset",
    "open_folder",
    "open_files",
    "open_sample",
    "clusters",
    "stack",
    "run",
    "cancel",
    "progress",
    "summary",
    "notes",
    "config_path",
    "browse_config",
    "load_config",
    "config_changes",
    "config_done",
    "config_warning",
    "backups",
    "restore_backup",
    "gating",
    "kept_results",
    "clear_kept",
    "check_zemosaic",
    "diagnosis",
    "export_config",
    "verdict",
}


@pytest.fixture
def dock(qtbot, viewer) -> CoverageDock:
    dock = CoverageDock(viewer)
    qtbot.addWidget(dock)
    return dock


def text(dock, name: str) -> str:
    return dock.findChild(QLabel, name).text()


def click(qtbot, dock, name: str) -> None:
    button = dock.findChild(QPushButton, name)
    assert button.isEnabled()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def wait_for_preview(qtbot, dock) -> None:
    qtbot.waitUntil(lambda: dock._shown.up_to_date)


def wait_for_end(qtbot, dock) -> None:
    qtbot.waitUntil(lambda: not dock._background.running, timeout=60_000)


def no_worker_left() -> bool:
    return not any(each.name == "zecoverage" for each in threading.enumerate())


def assert_removed_is_exact(dock, viewer) -> None:
    expected = removed_pixels(dock.study, apply_mask(dock.study, dock.parameters))
    np.testing.assert_array_equal(viewer.layers["removed"].data, expected)


class SlowStudy:
    """Stands for `study_cluster`: goes on step by step as the test says."""

    def __init__(self, study) -> None:
        self.study = study
        self.started = threading.Event()
        self.go_on = threading.Event()
        self.asked: list[tuple[object, object]] = []
        self.was_stopped = False

    def __call__(self, cluster, options, *, progress, should_stop, cache):
        self.asked.append((cluster, options))
        progress(StudyProgress("register", 3, 8, "frame_2.fit"))
        self.started.set()
        while not self.go_on.is_set():
            if should_stop():
                self.was_stopped = True
                raise StudyCancelledError("the study was cancelled; nothing of it was kept")
        return self.study


@pytest.fixture
def slow(monkeypatch, study) -> SlowStudy:
    slow = SlowStudy(study)
    monkeypatch.setattr(jobs_room, "study_cluster", slow)
    yield slow
    slow.go_on.set()


# --- what is there -------------------------------------------------------------------------


def test_opens_without_layers_and_adds_none(dock, viewer) -> None:
    assert len(viewer.layers) == 0
    assert dock.study is None
    assert dock.widgetResizable()
    assert isinstance(dock, QScrollArea)


def test_every_control_is_found_by_its_name(dock) -> None:
    found = [each.objectName() for each in dock.findChildren(QWidget)]
    assert set(found) >= NAMES
    assert all(found.count(name) == 1 for name in NAMES)


def test_no_button_or_field_is_without_a_name(dock) -> None:
    # Qt's own parts of a widget are called qt_...
    for kind in (QPushButton, QSlider, QDoubleSpinBox, QTableWidget):
        assert all(each.objectName() for each in dock.findChildren(kind))
    for button in dock.findChildren(QAbstractButton):
        assert button.objectName() or isinstance(button.parent(), QTableWidget)


def test_sliding_without_a_cluster_is_no_error(dock, viewer, qtbot, notifications) -> None:
    qtbot.keyClick(dock.findChild(QSlider, "min_coverage_frac_slider"), Qt.Key.Key_Right)
    assert dock.parameters == MaskParameters(min_coverage_frac=0.51)
    assert len(viewer.layers) == 0
    assert notifications == []


# --- a study is shown ----------------------------------------------------------------------


def test_show_study(dock, viewer, qtbot, study) -> None:
    dock.show_study(study)
    wait_for_preview(qtbot, dock)
    names = ["tile", "coverage", "removed", "kept edge", "saved tile"]
    assert [layer.name for layer in viewer.layers] == names
    assert text(dock, "summary") == f"night: {study.summary}; 1 left out before that"
    assert "no match." in dock.findChild(QPlainTextEdit, "notes").toPlainText()
    assert dock.findChild(QTableWidget, "clusters").rowCount() == 1
    assert dock.findChild(QSlider, "min_coverage_abs_slider").maximum() == 8
    assert "Coverage mask" in text(dock, "verdict")
    assert_removed_is_exact(dock, viewer)
    assert viewer.layers["removed"].data.any()


def test_open_clusters_lists_them_and_studies_none(dock, viewer, make_cluster) -> None:
    dock.open_clusters([make_cluster(4, "a"), make_cluster(9, "b")])
    assert dock.findChild(QTableWidget, "clusters").rowCount() == 2
    assert dock.findChild(QPushButton, "run").isEnabled()
    assert len(viewer.layers) == 0


def test_showing_a_study_keeps_the_table_it_is_in(dock, qtbot, make_cluster, make_study) -> None:
    dock.open_clusters([make_cluster(4, "a"), make_cluster(8, "b")])
    dock.show_study(make_study(8, "b"))
    wait_for_preview(qtbot, dock)
    table = dock.findChild(QTableWidget, "clusters")
    assert table.rowCount() == 2
    assert table.currentRow() == 1


def test_a_moved_slider_changes_removed_and_verdict(dock, viewer, qtbot, study) -> None:
    dock.show_study(study)
    wait_for_preview(qtbot, dock)
    before, words = viewer.layers["removed"].data.copy(), text(dock, "verdict")
    for _ in range(30):
        qtbot.keyClick(dock.findChild(QSlider, "min_coverage_frac_slider"), Qt.Key.Key_Right)
    wait_for_preview(qtbot, dock)
    assert dock.parameters.min_coverage_frac == 0.8
    assert np.count_nonzero(viewer.layers["removed"].data) > np.count_nonzero(before)
    assert text(dock, "verdict") != words
    assert_removed_is_exact(dock, viewer)


def test_the_last_of_many_moves_is_exact(dock, viewer, qtbot, study) -> None:
    dock.show_study(study)
    rng = np.random.default_rng(3)
    for value in rng.uniform(0, 1, 40).round(2):
        dock.findChild(QDoubleSpinBox, "min_coverage_frac_number").setValue(value)
        qtbot.wait(0)
    wait_for_preview(qtbot, dock)
    assert dock.parameters.min_coverage_frac == value
    assert_removed_is_exact(dock, viewer)


def test_every_slider_counts(dock, viewer, qtbot, study) -> None:
    dock.show_study(study)
    for name, number in (
        ("min_coverage_abs", 7),
        ("margin_percent", 12.5),
        ("decay", 0.7),
        ("morph_open_px", 0),
        ("nanize_threshold", 0.9),
    ):
        dock.findChild(QDoubleSpinBox, f"{name}_number").setValue(number)
        wait_for_preview(qtbot, dock)
        assert getattr(dock.parameters, name) == number
        assert_removed_is_exact(dock, viewer)


def test_a_preview_of_the_cluster_before_never_lands(
    dock, viewer, qtbot, study, make_study, monkeypatch
) -> None:
    gate, started = threading.Event(), threading.Event()

    def held_back(study, parameters, *, before):
        if study.cluster.name == "night":
            started.set()
            assert gate.wait(10)
        return apply_mask(study, parameters)

    monkeypatch.setattr(preview_module, "apply_mask", held_back)
    dock.show_study(study)
    assert started.wait(10)
    dock.show_study(make_study(12, "other", (260, 280)))
    gate.set()
    wait_for_preview(qtbot, dock)
    assert viewer.layers["removed"].data.shape == (260, 280)
    assert_removed_is_exact(dock, viewer)


def test_a_loud_mask_is_seen_in_the_verdict(dock, qtbot, study) -> None:
    few = replace(study, coverage=None)
    dock.show_study(few)
    wait_for_preview(qtbot, dock)
    assert "LOW-SIGNAL" in text(dock, "verdict")


def test_an_error_of_the_mask_is_told_once(
    dock, viewer, qtbot, study, monkeypatch, notifications
) -> None:
    dock.show_study(study)
    wait_for_preview(qtbot, dock)
    before = viewer.layers["removed"].data.copy()

    def broken(study, parameters, *, before):
        raise StudyError("the coverage is broken")

    monkeypatch.setattr(preview_module, "apply_mask", broken)
    for _ in range(3):
        qtbot.keyClick(dock.findChild(QSlider, "decay_slider"), Qt.Key.Key_Right)
        wait_for_preview(qtbot, dock)
    assert "the coverage is broken" in text(dock, "verdict")
    assert [str(each.message) for each in notifications] == ["the coverage is broken"]
    np.testing.assert_array_equal(viewer.layers["removed"].data, before)
    monkeypatch.setattr(preview_module, "apply_mask", apply_mask)
    qtbot.keyClick(dock.findChild(QSlider, "decay_slider"), Qt.Key.Key_Right)
    wait_for_preview(qtbot, dock)
    assert "Coverage mask" in text(dock, "verdict")
    assert_removed_is_exact(dock, viewer)


def test_deleted_layers_are_survived(dock, viewer, qtbot, study) -> None:
    dock.show_study(study)
    wait_for_preview(qtbot, dock)
    viewer.layers.clear()
    qtbot.keyClick(dock.findChild(QSlider, "decay_slider"), Qt.Key.Key_Right)
    wait_for_preview(qtbot, dock)
    assert len(viewer.layers) == 0
    dock.show_study(study)
    wait_for_preview(qtbot, dock)
    assert_removed_is_exact(dock, viewer)


# --- the run -------------------------------------------------------------------------------


def test_run_shows_progress_and_then_the_study(dock, viewer, qtbot, slow) -> None:
    dock.open_clusters([slow.study.cluster])
    click(qtbot, dock, "run")
    qtbot.waitUntil(lambda: "aligning frames 3/8: frame_2.fit" in text(dock, "summary"))
    assert not dock.findChild(QPushButton, "run").isEnabled()
    assert dock.findChild(QPushButton, "cancel").isEnabled()
    slow.go_on.set()
    wait_for_end(qtbot, dock)
    assert slow.asked == [(slow.study.cluster, StudyOptions())]
    assert dock.study.coverage is slow.study.coverage
    assert dock.findChild(QPushButton, "run").isEnabled()
    assert not dock.findChild(QPushButton, "cancel").isEnabled()
    wait_for_preview(qtbot, dock)
    assert_removed_is_exact(dock, viewer)


def test_the_window_lives_while_a_study_runs(dock, viewer, qtbot, slow, make_study) -> None:
    dock.show_study(make_study(6, "shown"))
    dock.open_clusters([slow.study.cluster])
    click(qtbot, dock, "run")
    assert slow.started.wait(10)
    qtbot.keyClick(dock.findChild(QSlider, "min_coverage_frac_slider"), Qt.Key.Key_End)
    wait_for_preview(qtbot, dock)
    assert dock.study.cluster.name == "shown"
    assert_removed_is_exact(dock, viewer)


def test_a_slider_moved_while_the_layers_come_is_followed(dock, viewer, qtbot, slow) -> None:
    dock.open_clusters([slow.study.cluster])
    click(qtbot, dock, "run")
    assert slow.started.wait(10)
    slow.go_on.set()
    qtbot.waitUntil(lambda: len(viewer.layers) > 0, timeout=60_000)
    assert "removed" not in viewer.layers
    slider = dock.findChild(QSlider, "min_coverage_frac_slider")
    qtbot.keyClick(slider, Qt.Key.Key_End)
    assert "removed" not in viewer.layers
    wait_for_preview(qtbot, dock)
    assert dock.parameters.min_coverage_frac == 1
    assert_removed_is_exact(dock, viewer)


def test_idle_when_all_is_shown_and_measured(dock, qtbot, study) -> None:
    assert dock.idle
    dock.show_study(study)
    assert not dock.idle
    qtbot.waitUntil(lambda: dock.idle, timeout=60_000)
    assert dock.findChild(QLabel, "advice").text().startswith("<")


def test_cancel_leaves_the_study_before_untouched(dock, viewer, qtbot, slow, make_study) -> None:
    shown = make_study(6, "shown")
    dock.show_study(shown)
    wait_for_preview(qtbot, dock)
    before = [layer.data for layer in viewer.layers]
    dock.open_clusters([slow.study.cluster])
    click(qtbot, dock, "run")
    assert slow.started.wait(10)
    click(qtbot, dock, "cancel")
    wait_for_end(qtbot, dock)
    assert slow.was_stopped
    assert dock.study is shown
    assert all(layer.data is data for layer, data in zip(viewer.layers, before, strict=True))
    assert text(dock, "summary").startswith("Cancelled. Shown as before: shown: 6 frames")
    assert dock.findChild(QPushButton, "run").isEnabled()
    qtbot.waitUntil(no_worker_left)


def test_a_failed_study_leaves_the_one_before_untouched(
    dock, viewer, qtbot, make_study, make_cluster, monkeypatch, notifications
) -> None:
    shown = make_study(6, "shown")
    dock.show_study(shown)

    def failing(*_, **__):
        raise StudyError("bad: no frame can be read")

    monkeypatch.setattr(jobs_room, "study_cluster", failing)
    dock.open_clusters([make_cluster(3, "bad")])
    click(qtbot, dock, "run")
    wait_for_end(qtbot, dock)
    assert dock.study is shown
    assert [str(each.message) for each in notifications] == ["bad: no frame can be read"]
    assert "Shown as before: shown" in text(dock, "summary")
    assert dock.findChild(QPushButton, "run").isEnabled()


def test_an_error_that_nobody_foresaw_is_told_and_logged(
    dock, qtbot, make_cluster, monkeypatch, notifications, caplog
) -> None:
    def failing(*_, **__):
        raise MemoryError("12 GB")

    monkeypatch.setattr(jobs_room, "study_cluster", failing)
    dock.open_clusters([make_cluster()])
    click(qtbot, dock, "run")
    wait_for_end(qtbot, dock)
    assert [str(each.message) for each in notifications] == ["MemoryError: 12 GB"]
    assert any(record.exc_info for record in caplog.records)


def test_the_dock_goes_while_a_study_runs(qtbot, slow) -> None:
    dock = CoverageDock(ViewerModel())
    dock.open_clusters([slow.study.cluster])
    click(qtbot, dock, "run")
    assert slow.started.wait(10)
    with qtbot.waitSignal(dock.destroyed):
        dock.deleteLater()
    qtbot.waitUntil(lambda: slow.was_stopped)
    qtbot.waitUntil(no_worker_left)


def test_the_dock_goes_while_a_preview_is_made(qtbot, study, monkeypatch) -> None:
    gate, started = threading.Event(), threading.Event()

    def held_back(study, parameters, *, before):
        started.set()
        assert gate.wait(10)
        return apply_mask(study, parameters)

    monkeypatch.setattr(preview_module, "apply_mask", held_back)
    viewer = ViewerModel()
    dock = CoverageDock(viewer)
    dock.show_study(study)
    assert started.wait(10)
    with qtbot.waitSignal(dock.destroyed):
        dock.deleteLater()
    gate.set()
    qtbot.waitUntil(no_worker_left)
    assert not viewer.layers["removed"].data.any()


# --- real frames of the small sample -------------------------------------------------------


def test_open_folder_finds_clusters(dock, qtbot, small_sample, monkeypatch) -> None:
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(small_sample))
    click(qtbot, dock, "open_folder")
    wait_for_end(qtbot, dock)
    table = dock.findChild(QTableWidget, "clusters")
    assert [table.item(0, column).text() for column in range(3)] == ["small", "6", "2"]


def test_a_folder_without_frames_is_an_error(
    dock, qtbot, tmp_path, monkeypatch, notifications, make_cluster
) -> None:
    dock.open_clusters([make_cluster()])
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path))
    click(qtbot, dock, "open_folder")
    wait_for_end(qtbot, dock)
    assert str(tmp_path) in str(notifications[0].message)
    assert dock.findChild(QTableWidget, "clusters").rowCount() == 1


def test_from_files_to_the_exported_config(
    dock, viewer, qtbot, small_sample, monkeypatch, tmp_path
) -> None:
    files = sorted(map(str, small_sample.iterdir()))
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_: (files, ""))
    click(qtbot, dock, "open_files")
    wait_for_end(qtbot, dock)
    click(qtbot, dock, "run")
    wait_for_end(qtbot, dock)
    assert dock.study.frames_aligned == 6
    wait_for_preview(qtbot, dock)
    before = np.count_nonzero(viewer.layers["removed"].data)

    config = tmp_path / "zemosaic_config.json"
    config.write_text('{"altaz_min_coverage_abs": 1, "altaz_min_coverage_frac": 0.3}')
    path = dock.findChild(QLineEdit, "config_path")
    qtbot.keyClicks(path, str(config))
    qtbot.keyClick(path, Qt.Key.Key_Return)
    click(qtbot, dock, "load_config")
    wait_for_preview(qtbot, dock)
    assert dock.parameters.min_coverage_frac == 0.3
    assert np.count_nonzero(viewer.layers["removed"].data) < before

    number = dock.findChild(QDoubleSpinBox, "min_coverage_frac_number")
    number.selectAll()
    qtbot.keyClicks(number, "0.75")
    qtbot.keyClick(number, Qt.Key.Key_Return)
    wait_for_preview(qtbot, dock)
    assert np.count_nonzero(viewer.layers["removed"].data) > before
    click(qtbot, dock, "export_config")
    assert json.loads(config.read_text())["altaz_min_coverage_frac"] == 0.75


def test_a_cluster_that_was_studied_opens_again_equal(dock, viewer, qtbot, small_sample) -> None:
    dock.open_clusters(find_clusters(small_sample))
    click(qtbot, dock, "run")
    wait_for_end(qtbot, dock)
    first = dock.study
    click(qtbot, dock, "run")
    wait_for_end(qtbot, dock)
    assert dock.study is not first
    np.testing.assert_array_equal(dock.study.coverage, first.coverage)
    wait_for_preview(qtbot, dock)


# --- back to where one was -----------------------------------------------------------------


def test_undo_and_redo_by_keys_wherever_the_focus_is(dock, viewer, qtbot, study) -> None:
    dock.show_study(study)
    slider = dock.findChild(QSlider, "min_coverage_frac_slider")
    qtbot.keyClick(slider, Qt.Key.Key_Right)
    qtbot.keyClick(slider, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert dock.parameters == MaskParameters()
    both = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    qtbot.keyClick(dock.findChild(QPushButton, "run"), Qt.Key.Key_Z, both)
    assert dock.parameters == MaskParameters(min_coverage_frac=0.51)
    # Many know this key for redo; napari would take it for its 3D display.
    qtbot.keyClick(slider, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClick(slider, Qt.Key.Key_Y, Qt.KeyboardModifier.ControlModifier)
    assert dock.parameters == MaskParameters(min_coverage_frac=0.51)
    wait_for_preview(qtbot, dock)
    assert_removed_is_exact(dock, viewer)


def test_another_canvas_fills_the_view_though_frames_were_shown(
    dock, viewer, qtbot, study, make_study
) -> None:
    dock.show_study(study)
    dock.findChild(QAbstractButton, "show_frames").click()
    dock.show_study(make_study(5, "small", (60, 80)))
    wait_for_preview(qtbot, dock)
    camera = viewer.scene.camera if hasattr(viewer, "scene") else viewer.camera
    zoom, centre = camera.zoom, camera.center
    viewer.reset_view()
    assert (zoom, centre) == (camera.zoom, camera.center)


def test_undo_in_a_number_field_is_of_the_thresholds_but_for_what_is_half_typed(
    dock, qtbot, study
) -> None:
    dock.show_study(study)
    number = dock.findChild(QDoubleSpinBox, "min_coverage_frac_number")
    typed = number.findChild(QLineEdit)
    typed.selectAll()
    qtbot.keyClicks(number, "0.7")
    qtbot.keyClick(number, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert typed.text() != "0.7"
    assert dock.parameters == MaskParameters()
    typed.selectAll()
    qtbot.keyClicks(number, "0.7")
    qtbot.keyClick(number, Qt.Key.Key_Return)
    assert dock.parameters == MaskParameters(min_coverage_frac=0.7)
    qtbot.keyClick(number, Qt.Key.Key_Up)
    assert dock.parameters == MaskParameters(min_coverage_frac=0.71)
    for before in (MaskParameters(min_coverage_frac=0.7), MaskParameters()):
        qtbot.keyClick(number, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
        assert dock.parameters == before
    both = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    qtbot.keyClick(number, Qt.Key.Key_Z, both)
    assert dock.parameters == MaskParameters(min_coverage_frac=0.7)


def test_thresholds_come_back_with_their_cluster(dock, viewer, qtbot, make_study) -> None:
    first, second = make_study(6, "first"), make_study(8, "second")
    dock.show_study(first)
    number = dock.findChild(QDoubleSpinBox, "min_coverage_frac_number")
    number.setValue(0.8)
    dock.show_study(second)
    # One that was never tuned begins with what there is.
    assert dock.parameters.min_coverage_frac == 0.8
    number.setValue(0.3)
    dock.show_study(first)
    assert dock.parameters == MaskParameters(min_coverage_frac=0.8)
    assert "as this cluster was left" in dock.findChild(QPlainTextEdit, "notes").toPlainText()
    wait_for_preview(qtbot, dock)
    assert_removed_is_exact(dock, viewer)
    click(qtbot, dock, "undo")
    assert dock.parameters == MaskParameters(min_coverage_frac=0.3)


def test_thresholds_come_back_in_another_session(qtbot, study) -> None:
    before = CoverageDock(ViewerModel())
    qtbot.addWidget(before)
    before.show_study(study)
    before.findChild(QDoubleSpinBox, "decay_number").setValue(0.7)
    qtbot.waitUntil(lambda: not before._remember_soon.isActive())
    after = CoverageDock(ViewerModel())
    qtbot.addWidget(after)
    assert after.parameters == MaskParameters()
    after.show_study(study)
    assert after.parameters == MaskParameters(decay=0.7)
    wait_for_preview(qtbot, before)
    wait_for_preview(qtbot, after)


def test_what_was_just_moved_is_remembered_when_the_dock_goes(qtbot, study) -> None:
    dock = CoverageDock(ViewerModel())
    qtbot.addWidget(dock)
    dock.show()
    dock.show_study(study)
    dock.findChild(QDoubleSpinBox, "decay_number").setValue(0.7)
    dock.hide()
    assert RememberedThresholds().of(study.cluster) == MaskParameters(decay=0.7)
    wait_for_preview(qtbot, dock)


def test_the_configs_thresholds_are_a_preset(dock, qtbot, tmp_path) -> None:
    config = tmp_path / "zemosaic_config.json"
    config.write_text('{"altaz_min_coverage_frac": 0.35}')
    path = dock.findChild(QLineEdit, "config_path")
    qtbot.keyClicks(path, str(config))
    qtbot.keyClick(path, Qt.Key.Key_Return)
    preset = dock.findChild(QComboBox, "preset")
    qtbot.keyClick(preset, Qt.Key.Key_End)
    assert preset.currentText() == "ZeMosaic's config"
    assert dock.parameters == MaskParameters(min_coverage_frac=0.35)
    path.clear()
    qtbot.keyClick(path, Qt.Key.Key_Return)
    assert preset.findText("ZeMosaic's config") == -1


def test_others_are_told(dock, qtbot, study) -> None:
    shown, changed, computed = [], [], []
    dock.study_shown.connect(shown.append)
    dock.parameters_changed.connect(changed.append)
    dock.outcome_computed.connect(computed.append)
    dock.show_study(study)
    assert shown == [study]
    wait_for_preview(qtbot, dock)
    qtbot.keyClick(dock.findChild(QSlider, "decay_slider"), Qt.Key.Key_Right)
    wait_for_preview(qtbot, dock)
    assert changed == [MaskParameters(decay=0.2)]
    assert [each.parameters for each in computed] == [MaskParameters(), MaskParameters(decay=0.2)]


# --- a ZeMosaic run ------------------------------------------------------------------------


@pytest.fixture
def run_folder(tmp_path, small_sample):
    """A ZeMosaic output folder of one tile, made of the small sample's frames."""
    folder = tmp_path / "out"
    state = folder / ".zemosaic_state"
    tiles = folder / "zemosaic_temp_master_tiles"
    state.mkdir(parents=True)
    tiles.mkdir()
    paths = sorted(map(str, small_sample.glob("*.fit*")))
    plan = {
        "schema_version": 1,
        "pipeline": "classic_legacy",
        "created_utc": "2026-01-01T00:00:00Z",
        "run_signature": "0" * 64,
        "groups": [{"group_index": 0, "raw_paths": paths, "group_signature": "0" * 64}],
    }
    (state / "stack_plan_manifest.json").write_text(json.dumps(plan))
    (folder / "run_config_snapshot.json").write_text('{"use_existing_master_tiles": true}')
    (tiles / "master_tile_000.fits").write_bytes(b"x" * 100)
    return folder


def test_a_run_folder(dock, viewer, qtbot, run_folder, monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(run_folder))
    click(qtbot, dock, "open_folder")
    wait_for_end(qtbot, dock)
    table = dock.findChild(QTableWidget, "clusters")
    assert table.item(0, 1).text() == "6"
    # The run's snapshot decides, until a config is chosen.
    assert table.item(0, 5).text() == "does not mask"
    assert "use_existing_master_tiles" in table.item(0, 5).toolTip()
    click(qtbot, dock, "run")
    wait_for_end(qtbot, dock)
    wait_for_preview(qtbot, dock)
    assert "does not mask" in text(dock, "gating")
    kept = dock.findChild(QPlainTextEdit, "kept_results")
    qtbot.waitUntil(lambda: "1 kept master tile" in kept.toPlainText())

    config = tmp_path / "zemosaic_config.json"
    config.write_text("{}")
    path = dock.findChild(QLineEdit, "config_path")
    qtbot.keyClicks(path, str(config))
    qtbot.keyClick(path, Qt.Key.Key_Return)
    assert "use_existing_master_tiles" not in table.item(0, 5).toolTip()
    assert table.item(0, 5).toolTip()


def test_outlines_follow_when_the_sliders_rest(dock, viewer, qtbot, make_study) -> None:
    study = make_study(shape=(600, 800))
    dock.show_study(study)
    dock.findChild(QDoubleSpinBox, "margin_percent_number").setValue(20)
    dock.findChild(QDoubleSpinBox, "min_coverage_frac_number").setValue(0.7)
    wait_for_preview(qtbot, dock)
    qtbot.waitUntil(lambda: dock._shown.at_rest)
    outcome = apply_mask(study, dock.parameters)
    edge = kept_edge(study, outcome, removed_pixels(study, outcome))
    assert len(edge) > 3
    assert outcome.strict_crop is not None
    shown = viewer.layers["kept edge"].data
    np.testing.assert_array_equal(shown, divided(edge, len(shown)))
    np.testing.assert_array_equal(viewer.layers["saved tile"].data, outline(outcome.saved_rect))


def test_distances_to_the_rim_are_measured_whoever_listens(dock, viewer, qtbot, make_study) -> None:
    dock.show_study(make_study(shape=(1400, 1600)))
    qtbot.waitUntil(lambda: dock._shown.idle and dock._shown.at_rest, timeout=60_000)
    first = dock._shown._rim
    assert first is not None

    def fails(_event: object) -> None:
        raise RuntimeError("a listener of somebody else")

    for name in ("removed", "kept edge"):
        viewer.layers[name].events.data.connect(fails)
    with qtbot.captureExceptions():
        qtbot.keyClick(dock.findChild(QSlider, "min_coverage_frac_slider"), Qt.Key.Key_PageUp)
        qtbot.waitUntil(lambda: dock._shown._rim is not first, timeout=60_000)
        qtbot.waitUntil(lambda: dock._shown.at_rest, timeout=60_000)
    assert dock._shown._rim.serves(dock.parameters)


# --- under the cursor, and keys ------------------------------------------------------------


def test_the_status_tells_of_the_pixel_under_the_cursor(dock, viewer, qtbot, study) -> None:
    viewer.cursor.position = (10, 20)
    assert "Ctrl+Alt+Z" in text(dock, "status")
    dock.show_study(study)
    wait_for_preview(qtbot, dock)
    viewer.cursor.position = (120.4, 99.6)
    alpha = apply_mask(study, dock.parameters).alpha[120, 100]
    said = text(dock, "status")
    assert f"x 100, y 120\n{study.coverage[120, 100]:g} of {study.frames_used} · " in said
    assert f"alpha {alpha:.2f}" in said
    assert "R−G" in said
    assert "frames 1–" in said
    viewer.cursor.position = (-5, 20)
    assert "Ctrl+Alt+Z" in text(dock, "status")


def test_the_status_knows_the_newest_mask(dock, viewer, qtbot, study) -> None:
    dock.show_study(study)
    alpha = apply_mask(study, MaskParameters(margin_percent=40)).alpha
    between = np.argwhere((alpha > 0.2) & (alpha < 0.8))[0]
    viewer.cursor.position = tuple(between)
    dock.findChild(QDoubleSpinBox, "margin_percent_number").setValue(40)
    wait_for_preview(qtbot, dock)
    assert f"alpha {alpha[tuple(between)]:.2f}" in text(dock, "status")


def test_the_status_is_seen_however_low_the_dock(dock, qtbot, study) -> None:
    dock.show_study(study)
    dock.resize(410, 300)
    dock.show()
    qtbot.waitExposed(dock)
    status = dock.findChild(QLabel, "status")
    place = QRect(status.mapTo(dock, QPoint(0, 0)), status.size())
    assert place.bottom() == dock.rect().bottom()
    assert not place.intersects(dock.viewport().geometry())
    assert "before/after" in status.toolTip() or "hides what is removed" in status.toolTip()


def test_the_cursor_after_the_dock_went_is_no_error(qtbot, study) -> None:
    viewer = ViewerModel()
    dock = CoverageDock(viewer)
    dock.show_study(study)
    wait_for_preview(qtbot, dock)
    with qtbot.waitSignal(dock.destroyed):
        dock.deleteLater()
    viewer.cursor.position = (3, 4)


def test_the_runs_own_tile_opens_beside_its_cluster(
    dock, viewer, qtbot, slow, make_study, tmp_path
) -> None:
    slow.go_on.set()
    path = tmp_path / "master_tile_007.fits"
    plain = make_study()
    outcome = apply_mask(plain, MaskParameters())
    write_master_tile(path, plain, outcome, tile_id=7, allow_without_wcs=True)
    cluster = replace(plain.cluster, tile_id=7, master_tile=path)
    slow.study = replace(plain, cluster=cluster)
    dock.open_clusters([cluster])
    click(qtbot, dock, "run")
    wait_for_end(qtbot, dock)
    wait_for_preview(qtbot, dock)
    notes = dock.findChild(QPlainTextEdit, "notes").toPlainText()
    assert "ZeMosaic's tile: " in notes
    assert "7" in notes
    names = [layer.name for layer in viewer.layers]
    found = tile_beside(slow.study, None).rect is not None
    assert ("master tile" in names) == found


def test_a_tile_that_is_damaged_is_a_note(dock, qtbot, slow, make_study, tmp_path) -> None:
    slow.go_on.set()
    path = tmp_path / "master_tile_000.fits"
    path.write_text("no tile")
    cluster = replace(make_study().cluster, master_tile=path)
    slow.study = replace(make_study(), cluster=cluster)
    dock.open_clusters([cluster])
    click(qtbot, dock, "run")
    wait_for_end(qtbot, dock)
    assert str(path) in dock.findChild(QPlainTextEdit, "notes").toPlainText()


def test_where_zemosaic_makes_no_coverage_nothing_is_studied(
    dock, qtbot, slow, make_cluster, tmp_path
) -> None:
    (tmp_path / "stack_plan.csv").write_text("file_path\na.fit\n")
    cluster = replace(make_cluster(), run_folder=tmp_path)
    dock.open_clusters([cluster])
    click(qtbot, dock, "run")
    assert slow.asked == []
    assert "is not studied" in text(dock, "summary")


def test_no_frame_can_be_left_out_while_a_study_runs(dock, qtbot, slow, make_study) -> None:
    dock.show_study(make_study())
    wait_for_preview(qtbot, dock)
    button = dock.findChild(QPushButton, "leave_out")
    assert button.isEnabled()
    click(qtbot, dock, "run")
    assert slow.started.wait(10)
    assert not button.isEnabled()
    slow.go_on.set()
    wait_for_end(qtbot, dock)
    wait_for_preview(qtbot, dock)
    assert button.isEnabled()


def test_a_large_canvas_is_seen_roughly_and_then_exactly(
    dock, viewer, qtbot, study, monkeypatch
) -> None:
    monkeypatch.setattr(preview_module, "QUICK_FROM_PX", 1000)
    monkeypatch.setattr(preview_module, "ROUGH_PX", 5000)
    seen = []
    dock._shown._live.quickly_computed.connect(lambda _request, rough: seen.append(rough.removed))
    dock.show_study(study)
    wait_for_preview(qtbot, dock)
    assert_removed_is_exact(dock, viewer)
    for _ in range(20):
        qtbot.keyClick(dock.findChild(QSlider, "min_coverage_frac_slider"), Qt.Key.Key_Right)
        qtbot.wait(0)
    wait_for_preview(qtbot, dock)
    assert seen
    assert all(each.shape == study.canvas.shape for each in seen)
    assert dock.parameters.min_coverage_frac == 0.7
    assert_removed_is_exact(dock, viewer)
    assert "of 8" in text(dock, "verdict")


def test_thresholds_that_decide_nothing_touch_no_layer(dock, viewer, qtbot, study) -> None:
    dock.show_study(study)
    wait_for_preview(qtbot, dock)
    heard = []
    viewer.layers["removed"].events.set_data.connect(heard.append)
    shown = viewer.layers["removed"].data
    words = text(dock, "verdict")
    # Below frac times the maximum, abs decides nothing.
    dock.findChild(QDoubleSpinBox, "min_coverage_abs_number").setValue(1.5)
    wait_for_preview(qtbot, dock)
    assert dock.parameters.min_coverage_abs == 1.5
    assert heard == []
    assert viewer.layers["removed"].data is shown
    assert text(dock, "verdict") == words
    assert "1.5" in text(dock, "hint_min_coverage")
