"""The dock's habits: what is dropped, reopened, folded, stretched, typed and read out."""

from __future__ import annotations

import json
import threading
from types import SimpleNamespace

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.settings import get_plugin_settings
from qtpy.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QScrollBar,
    QSlider,
    QTableWidget,
    QTabWidget,
    QToolButton,
    QWidget,
)

from napari_zecoverage.core.cache import write_study
from napari_zecoverage.core.crop import Rect
from napari_zecoverage.picture import as_bytes, count_colours, stretch
from napari_zecoverage.ui import jobs as jobs_room
from napari_zecoverage.ui.dock import CoverageDock
from napari_zecoverage.ui.recent_places import RecentMenu, RecentPlaces
from napari_zecoverage.ui.shortcuts import KEYS, KeysDialog
from napari_zecoverage.zemosaic.run_folder import find_clusters

CONTROLS = (
    QAbstractButton,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QProgressBar,
    QTableWidget,
    QTabWidget,
)
SECTIONS = ("cluster", "thresholds", "advice", "whole_run", "inspect", "export")


def make_dock(qtbot, viewer) -> CoverageDock:
    dock = CoverageDock(viewer)
    qtbot.addWidget(dock)
    return dock


@pytest.fixture
def dock(qtbot, viewer) -> CoverageDock:
    return make_dock(qtbot, viewer)


@pytest.fixture
def seen(qtbot, dock, study) -> CoverageDock:
    """A dock with a study, on the screen, as high as it is in a window of 1280×720."""
    dock.show_study(study)
    dock.resize(410, 640)
    dock.show()
    dock.activateWindow()
    qtbot.waitUntil(dock.isActiveWindow)
    qtbot.waitUntil(lambda: dock._shown.up_to_date)
    return dock


def click(qtbot, dock, name: str) -> None:
    button = dock.findChild(QAbstractButton, name)
    assert button.isEnabled()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def wait_for_end(qtbot, dock) -> None:
    qtbot.waitUntil(lambda: not dock._background.running, timeout=60_000)
    qtbot.waitUntil(lambda: dock._shown.up_to_date and dock._shown._pictures.idle)


def drop(dock, *paths, hover_only: bool = False) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(each)) for each in paths])
    rest = (
        Qt.DropAction.CopyAction,
        mime,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    QApplication.sendEvent(dock.viewport(), QDragEnterEvent(QPoint(9, 9), *rest))
    if not hover_only:
        QApplication.sendEvent(dock.viewport(), QDropEvent(QPointF(9, 9), *rest))


def assert_tile_is(viewer, tile, *look) -> None:
    expected = as_bytes(stretch(tile, *look))
    np.testing.assert_array_equal(np.asarray(viewer.layers["tile"].data), expected)


def told(notifications) -> list[str]:
    return [str(each.message) for each in notifications]


def names_in_table(dock) -> list[str]:
    table = dock.findChild(QTableWidget, "clusters")
    return [table.item(row, 0).text() for row in range(table.rowCount())]


# --- drag and drop -------------------------------------------------------------------------


def test_a_dropped_folder_is_opened(dock, qtbot, small_sample) -> None:
    drop(dock, small_sample)
    wait_for_end(qtbot, dock)
    assert names_in_table(dock) == ["small"]


def test_dropped_frames_are_one_cluster(dock, qtbot, small_sample) -> None:
    drop(dock, *sorted(small_sample.iterdir())[:4])
    wait_for_end(qtbot, dock)
    assert dock.findChild(QTableWidget, "clusters").item(0, 1).text() == "4"


def test_several_folders_are_several_clusters(dock, qtbot, small_sample, tmp_path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        for frame in sorted(small_sample.iterdir())[:3]:
            (tmp_path / name / frame.name).write_bytes(frame.read_bytes())
    drop(dock, tmp_path / "one", tmp_path / "two")
    wait_for_end(qtbot, dock)
    assert names_in_table(dock) == ["one", "two"]


def test_a_dropped_study_is_shown(dock, viewer, qtbot, study, tmp_path) -> None:
    drop(dock, write_study(tmp_path / "night.zestudy", study))
    wait_for_end(qtbot, dock)
    np.testing.assert_array_equal(dock.study.coverage, study.coverage)
    assert "tile" in viewer.layers


def test_a_dropped_config_goes_to_export(seen, qtbot, tmp_path) -> None:
    config = tmp_path / "zemosaic_config.json"
    config.write_text('{"altaz_min_coverage_frac": 0.35}')
    click(qtbot, seen, "section_export")
    drop(seen, config)
    assert seen.findChild(QLineEdit, "config_path").text() == str(config)
    assert seen.findChild(QPushButton, "export_config").isEnabled()
    assert seen.findChild(QPushButton, "export_config").isVisible()


def test_what_cannot_be_taken_is_told(dock, qtbot, small_sample, tmp_path, notifications) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("")
    drop(dock, text)
    assert len(told(notifications)) == 1
    assert "cannot be taken" in told(notifications)[0]
    assert not dock._background.running
    drop(dock, text, small_sample)
    wait_for_end(qtbot, dock)
    assert told(notifications)[1:] == ["notes.txt cannot be taken."]
    assert names_in_table(dock) == ["small"]


def test_a_drop_while_something_runs_is_refused_in_words(
    dock, qtbot, small_sample, monkeypatch, notifications
) -> None:
    going_on = threading.Event()

    def endless(_source, **_):
        assert going_on.wait(20)
        raise jobs_room.StudyCancelledError("stopped")

    monkeypatch.setattr(jobs_room, "find_clusters", endless)
    drop(dock, small_sample)
    drop(dock, small_sample)
    going_on.set()
    wait_for_end(qtbot, dock)
    assert told(notifications) == ["Something runs: cancel it first, then try again."]


def test_what_hovers_is_told_before_it_is_dropped(seen, small_sample) -> None:
    drop(seen, small_sample, hover_only=True)
    sign = seen.findChild(QLabel, "drop_sign")
    assert sign.isVisible()
    assert "1 folder" in sign.text()


# --- recent places -------------------------------------------------------------------------


def recent_actions(qtbot, dock):
    click(qtbot, dock, "open_recent")
    menu = dock.findChild(RecentMenu, "recent_places")
    return menu, menu.actions()


def test_what_was_opened_can_be_opened_again(dock, qtbot, small_sample, viewer) -> None:
    drop(dock, small_sample)
    wait_for_end(qtbot, dock)
    other = make_dock(qtbot, viewer)
    menu, actions = recent_actions(qtbot, other)
    qtbot.mouseClick(menu, Qt.MouseButton.LeftButton, pos=menu.actionGeometry(actions[0]).center())
    wait_for_end(qtbot, other)
    assert names_in_table(other) == ["small"]


def test_a_studied_cluster_is_a_recent_place(dock, qtbot, study, tmp_path) -> None:
    drop(dock, write_study(tmp_path / "night.zestudy", study))
    wait_for_end(qtbot, dock)
    menu, actions = recent_actions(qtbot, dock)
    before = dock.study
    qtbot.mouseClick(menu, Qt.MouseButton.LeftButton, pos=menu.actionGeometry(actions[0]).center())
    wait_for_end(qtbot, dock)
    assert dock.study is not before
    np.testing.assert_array_equal(dock.study.coverage, study.coverage)


def test_what_did_not_open_is_no_recent_place(dock, qtbot, tmp_path, notifications) -> None:
    drop(dock, tmp_path)
    wait_for_end(qtbot, dock)
    assert len(notifications) == 1
    assert RecentPlaces().places() == []


# --- how it was left -----------------------------------------------------------------------


def test_folded_sections_stay_folded(dock, qtbot, viewer) -> None:
    for name in ("section_cluster", "section_export"):
        click(qtbot, dock, name)
    dock._panels.save()
    again = make_dock(qtbot, viewer)
    folded = {
        name: not again.findChild(QToolButton, f"section_{name}").isChecked() for name in SECTIONS
    }
    assert folded == {name: name in ("cluster", "export") for name in SECTIONS}


def test_tab_axis_and_choices_come_back(seen, qtbot, study) -> None:
    tabs = seen.findChild(QTabWidget, "inspect_tabs")
    bar = tabs.tabBar()
    qtbot.keyClick(seen.findChild(QComboBox, "curve_over"), Qt.Key.Key_Down)
    qtbot.mouseClick(bar, Qt.MouseButton.LeftButton, pos=bar.tabRect(1).center())
    qtbot.keyClick(seen.findChild(QCheckBox, "histogram_log"), Qt.Key.Key_Space)
    qtbot.keyClick(seen.findChild(QComboBox, "stack"), Qt.Key.Key_End)
    seen.hide()
    again = make_dock(qtbot, ViewerModel())
    assert again.findChild(QComboBox, "stack").currentData() == "none"
    again.show_study(study)
    qtbot.waitUntil(lambda: again._shown.up_to_date)
    assert again.findChild(QTabWidget, "inspect_tabs").currentIndex() == 1
    assert again.findChild(QComboBox, "curve_over").currentText() == "min_coverage_abs"
    assert again.findChild(QCheckBox, "histogram_log").isChecked()


# --- how it looks --------------------------------------------------------------------------


def test_the_tile_is_stretched_as_asked(seen, viewer, qtbot, study) -> None:
    removed = viewer.layers["removed"].data.copy()
    qtbot.keyClick(seen.findChild(QComboBox, "stretch"), Qt.Key.Key_End)
    wait_for_end(qtbot, seen)
    assert_tile_is(viewer, study.tile, "linear")
    seen.findChild(QDoubleSpinBox, "strength_number").setValue(3)
    wait_for_end(qtbot, seen)
    assert_tile_is(viewer, study.tile, "linear", 3)
    np.testing.assert_array_equal(viewer.layers["removed"].data, removed)


def test_the_run_s_own_tile_is_stretched_alike(
    dock, viewer, qtbot, study, make_cluster, monkeypatch
) -> None:
    rect = Rect(30, 20, 130, 180)
    pixels = study.tile[30:130, 20:180]
    opaque = np.isfinite(pixels).all(axis=2)
    beside = SimpleNamespace(
        lines=("kept",), rect=rect, tile=SimpleNamespace(pixels=pixels, opaque=opaque)
    )
    monkeypatch.setattr(jobs_room, "tile_beside", lambda *_: beside)
    monkeypatch.setattr(jobs_room, "study_cluster", lambda *_, **__: study)
    dock.open_clusters([study.cluster])
    click(qtbot, dock, "run")
    wait_for_end(qtbot, dock)
    qtbot.keyClick(dock.findChild(QComboBox, "stretch"), Qt.Key.Key_End)
    wait_for_end(qtbot, dock)
    expected = as_bytes(stretch(pixels, "linear"))
    np.testing.assert_array_equal(np.asarray(viewer.layers["master tile"].data), expected)
    assert tuple(viewer.layers["master tile"].translate[-2:]) == (30, 20)
    assert_tile_is(viewer, study.tile, "linear")


def test_the_next_cluster_is_stretched_alike(seen, viewer, qtbot, make_study) -> None:
    qtbot.keyClick(seen.findChild(QComboBox, "stretch"), Qt.Key.Key_End)
    other = make_study(6, "other")
    seen.show_study(other)
    wait_for_end(qtbot, seen)
    assert_tile_is(viewer, other.tile, "linear")


def test_a_picture_of_the_cluster_before_never_lands(
    seen, viewer, qtbot, make_study, monkeypatch
) -> None:
    gate, started = threading.Event(), threading.Event()
    plain = jobs_room.stretch

    def held_back(tile, *look):
        if look == ("linear", 1.0) and tile.shape[0] == 300:
            started.set()
            assert gate.wait(10)
        return plain(tile, *look)

    monkeypatch.setattr(jobs_room, "stretch", held_back)
    qtbot.keyClick(seen.findChild(QComboBox, "stretch"), Qt.Key.Key_End)
    assert started.wait(10)
    other = make_study(6, "other", (260, 280))
    seen.show_study(other)
    gate.set()
    wait_for_end(qtbot, seen)
    assert_tile_is(viewer, other.tile, "linear")


def test_napari_s_page_is_followed_live(seen, viewer, qtbot, study) -> None:
    page = get_plugin_settings("napari-zecoverage")
    page.picture.coverage_colours = "cividis"
    colours = viewer.layers["coverage"].colormap.colors[:, :3]
    np.testing.assert_allclose(colours, count_colours(8, "cividis") / 255, atol=1e-6)
    page.picture.stretch = "linear"
    wait_for_end(qtbot, seen)
    assert seen.findChild(QComboBox, "stretch").currentText() == "linear"
    assert_tile_is(viewer, study.tile, "linear")


def test_a_cache_that_cannot_be_written_is_told_once(
    dock, qtbot, small_sample, tmp_path, notifications
) -> None:
    (tmp_path / "file").write_text("no folder")
    useless = tmp_path / "file" / "cache"
    get_plugin_settings("napari-zecoverage").studies.cache_folder = str(useless)
    dock.open_clusters(find_clusters(small_sample))
    for _ in range(2):
        click(qtbot, dock, "run")
        wait_for_end(qtbot, dock)
    told = [each.message for each in notifications if str(useless) in each.message]
    assert len(told) == 1
    assert "could not be kept" in told[0]
    assert dock.study is not None


def test_the_cache_is_where_the_page_says(dock, qtbot, small_sample, tmp_path) -> None:
    get_plugin_settings("napari-zecoverage").studies.cache_folder = str(tmp_path / "mine")
    drop(dock, small_sample)
    wait_for_end(qtbot, dock)
    click(qtbot, dock, "run")
    wait_for_end(qtbot, dock)
    assert len(list((tmp_path / "mine").glob("*.zestudy"))) == 1


# --- keys ----------------------------------------------------------------------------------


def type_keys(qtbot, dock, name: str) -> None:
    from qtpy.QtGui import QKeySequence

    (keys,) = [each.keys for each in KEYS if each.name == name]
    combination = QKeySequence(keys)[0]
    qtbot.keyClick(dock.window(), combination.key(), combination.keyboardModifiers())


def test_keys_go_to_the_sections(seen, qtbot) -> None:
    for number, name in enumerate(SECTIONS, 1):
        heading = seen.findChild(QToolButton, f"section_{name}")
        qtbot.mouseClick(heading, Qt.MouseButton.LeftButton)
        type_keys(qtbot, seen, f"section_{number}")
        assert heading.isChecked()
        assert heading.hasFocus()
        qtbot.waitUntil(lambda: not seen._scroll.isActive())
        assert not heading.visibleRegion().isEmpty()


def test_keys_undo_and_redo(seen, qtbot) -> None:
    qtbot.keyClick(seen.findChild(QSlider, "decay_slider"), Qt.Key.Key_Right)
    moved = seen.parameters
    type_keys(qtbot, seen, "undo")
    assert seen.parameters != moved
    type_keys(qtbot, seen, "redo")
    assert seen.parameters == moved


def test_a_key_shows_before_and_after(seen, viewer, qtbot) -> None:
    type_keys(qtbot, seen, "before_after")
    assert not viewer.layers["removed"].visible


def test_keys_choose_the_cluster_and_run_it(seen, qtbot, make_cluster, monkeypatch) -> None:
    asked = []

    def study_cluster(cluster, *_, **__):
        asked.append(cluster.name)
        raise jobs_room.StudyCancelledError("no matter")

    monkeypatch.setattr(jobs_room, "study_cluster", study_cluster)
    seen.open_clusters([make_cluster(4, name) for name in "abc"])
    for name in ("next_cluster", "next_cluster", "previous_cluster", "run"):
        type_keys(qtbot, seen, name)
    wait_for_end(qtbot, seen)
    assert asked == ["b"]
    for name in ("previous_cluster", "previous_cluster", "run"):
        type_keys(qtbot, seen, name)
    wait_for_end(qtbot, seen)
    assert asked == ["b", "c"]


def test_a_key_cancels(seen, qtbot, make_cluster, monkeypatch) -> None:
    def study_cluster(_cluster, _options, *, should_stop, **_):
        while not should_stop():
            pass
        raise jobs_room.StudyCancelledError("stopped")

    monkeypatch.setattr(jobs_room, "study_cluster", study_cluster)
    seen.open_clusters([make_cluster(4, "a")])
    type_keys(qtbot, seen, "run")
    assert seen._background.running
    type_keys(qtbot, seen, "cancel")
    wait_for_end(qtbot, seen)
    assert "Cancelled" in seen.findChild(QLabel, "summary").text()


def test_keys_blink_through_the_aligned_frames(seen, viewer, qtbot, study) -> None:
    box = seen.findChild(QComboBox, "frame")
    type_keys(qtbot, seen, "next_frame")
    assert "frames" in viewer.layers
    assert box.currentIndex() == 0
    looked = []
    for name in ["next_frame"] * 7 + ["previous_frame"]:
        type_keys(qtbot, seen, name)
        looked.append(box.currentIndex())
    # The eighth frame is not aligned: it is passed over.
    assert looked == [1, 2, 3, 4, 5, 6, 0, 6]


@pytest.mark.parametrize("typed", ["0.75", "0,75"])
def test_what_is_typed_into_a_number_is_no_shortcut(seen, viewer, qtbot, typed) -> None:
    number = seen.findChild(QDoubleSpinBox, "min_coverage_frac_number")
    number.setFocus()
    number.selectAll()
    qtbot.keyClicks(QApplication.focusWidget(), typed)
    qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Return)
    assert seen.parameters.min_coverage_frac == 0.75
    assert "frames" not in viewer.layers


def test_a_key_exports(seen, qtbot, tmp_path) -> None:
    type_keys(qtbot, seen, "export")
    assert seen.findChild(QLineEdit, "config_path").hasFocus()
    config = tmp_path / "zemosaic_config.json"
    config.write_text("{}")
    drop(seen, config)
    seen.findChild(QDoubleSpinBox, "min_coverage_frac_number").setValue(0.61)
    type_keys(qtbot, seen, "export")
    assert json.loads(config.read_text())["altaz_min_coverage_frac"] == 0.61


def test_the_list_of_keys_by_key_and_by_button(seen, qtbot) -> None:
    type_keys(qtbot, seen, "show_keys")
    dialog = seen.findChild(KeysDialog, "keys")
    assert dialog.isVisible()
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert not dialog.isVisible()
    seen.activateWindow()
    qtbot.waitUntil(seen.isActiveWindow)
    click(qtbot, seen, "show_keys")
    assert dialog.isVisible()


# --- for every screen, hand and ear ----------------------------------------------------------


def controls_of(dock) -> list[QWidget]:
    """Every control of ours, and what else Tab reaches: not the parts that Qt makes one of."""
    return [
        each
        for each in dock.findChildren(QWidget)
        if (isinstance(each, CONTROLS) or each.focusPolicy() & Qt.FocusPolicy.TabFocus)
        and not isinstance(each, QScrollBar)
        and not each.objectName().startswith("qt_")
        and not isinstance(each.parent(), (QTableWidget, QAbstractSpinBox))
        and type(each.parent()).__name__ != "QTabBar"
        and each.window() is dock.window()
    ]


def test_every_control_has_a_name_for_scripts_and_for_ears(seen) -> None:
    controls = controls_of(seen)
    assert len(controls) > 50
    nameless = [each for each in controls if not each.objectName()]
    assert nameless == []
    silent = [each.objectName() for each in controls if not each.accessibleName()]
    assert silent == [], silent


def test_names_are_unique(seen) -> None:
    names = [each.objectName() for each in controls_of(seen)]
    assert sorted(set(names)) == sorted(names)


def test_the_tab_key_goes_down_the_dock(seen, qtbot) -> None:
    reached, widget = [], seen.findChild(QToolButton, "section_cluster")
    first = widget
    while True:
        if widget.isVisible() and widget.focusPolicy() & Qt.FocusPolicy.TabFocus:
            reached.append(widget.objectName())
        widget = widget.nextInFocusChain()
        if widget is first:
            break
    wanted = [
        "section_cluster",
        "open_folder",
        "open_files",
        "open_recent",
        "open_sample",
        "clusters",
        "stack",
        "canvas",
        "run",
        "section_thresholds",
        "preset",
        "min_coverage_abs_slider",
        "min_coverage_abs_number",
        "min_coverage_frac_slider",
        "section_inspect",
        "stretch",
        "strength_slider",
        "curve_over",
        "save_field_kept",
        "section_export",
        "config_path",
        "browse_config",
        "show_keys",
    ]
    assert [each for each in reached if each in wanted] == wanted


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("tab", range(6))
def test_nothing_is_cut_off_at_the_least_width(seen, qtbot, tab, theme, viewer) -> None:
    viewer.theme = theme
    seen.findChild(QTabWidget, "inspect_tabs").setCurrentIndex(tab)
    for name in ("verdict", "gating"):
        seen.findChild(QLabel, name)
    qtbot.waitUntil(lambda: not seen._scroll.isActive())
    assert seen.minimumWidth() <= 410
    assert seen.horizontalScrollBar().maximum() == 0
    assert seen.widget().width() == seen.viewport().width()
    right = seen.widget().width()
    for each in controls_of(seen):
        if each.isVisible():
            corner = (
                each.mapTo(seen.widget(), each.rect().topRight())
                if (seen.widget().isAncestorOf(each))
                else QPoint(0, 0)
            )
            assert corner.x() < right, each.objectName()
        if isinstance(each, QPushButton) and each.isVisible() and each.text():
            words = each.fontMetrics().horizontalAdvance(each.text())
            assert words <= each.width(), each.objectName()


def test_folding_makes_room_for_what_is_worked_with(seen, qtbot) -> None:
    for name in ("cluster", "advice", "whole_run", "inspect", "export"):
        click(qtbot, seen, f"section_{name}")
    qtbot.waitUntil(lambda: seen.verticalScrollBar().maximum() == 0)
    verdict = seen.findChild(QLabel, "verdict")
    assert verdict.visibleRegion().boundingRect().height() == verdict.height()


def test_no_lambda_listens_to_the_viewer(qtbot, study) -> None:
    plain = ViewerModel()
    before = callbacks_of(plain)
    viewer = ViewerModel()
    dock = make_dock(qtbot, viewer)
    dock.show_study(study)
    qtbot.waitUntil(lambda: dock._shown.up_to_date)
    assert [each for each in callbacks_of(viewer) if "lambda" in each] == [
        each for each in before if "lambda" in each
    ]


def callbacks_of(viewer) -> list[str]:
    emitters = [viewer.events, viewer.layers.events, viewer.dims.events, viewer.cursor.events]
    found = []
    for group in emitters:
        for name in group.emitters:
            found += [repr(each) for each in group[name].callbacks]
    return sorted(found)


def test_no_worker_is_alive_when_the_dock_has_gone(qtbot, study, small_sample) -> None:
    viewer = ViewerModel()
    dock = CoverageDock(viewer)
    dock.show_study(study)
    drop(dock, small_sample)
    dock.findChild(QComboBox, "stretch").setCurrentText("linear")
    with qtbot.waitSignal(dock.destroyed):
        dock.deleteLater()
    qtbot.waitUntil(lambda: not any(each.name == "zecoverage" for each in threading.enumerate()))
    get_plugin_settings("napari-zecoverage").picture.strength = 2.0


# --- how large it is ------------------------------------------------------------------------


def test_a_larger_font_leaves_nothing_out_of_sight(seen, qtbot) -> None:
    """Nothing is scrolled sideways, so the dock is as wide as its panels need."""
    status = seen.findChild(QLabel, "status")
    usual = seen.minimumWidth(), status.height()
    qapp = QApplication.instance()
    before = qapp.styleSheet()
    try:
        qapp.setStyleSheet("QWidget { font-size: 16pt; }")
        qtbot.waitUntil(lambda: seen.minimumWidth() > usual[0])
        seen.resize(seen.minimumWidth(), 640)
        qtbot.waitUntil(lambda: seen.widget().width() <= seen.viewport().width())
        right = seen.widget().width()
        for each in seen.widget().findChildren(QWidget):
            if each.isVisible():
                assert each.mapTo(seen.widget(), QPoint(0, 0)).x() < right
        qtbot.waitUntil(lambda: status.height() > usual[1])
    finally:
        qapp.setStyleSheet(before)
    qtbot.waitUntil(lambda: (seen.minimumWidth(), status.height()) == usual)
