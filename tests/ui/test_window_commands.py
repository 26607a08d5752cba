"""A real window: the menus' commands and the command palette, as napari runs them."""

from __future__ import annotations

import napari
import pytest
from napari._app_model import get_app_model
from napari.components import ViewerModel
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog, QLabel, QLineEdit, QMenu, QPushButton, QSlider, QToolButton

from napari_zecoverage.cli.window import open_window
from napari_zecoverage.core.cache import write_study
from napari_zecoverage.ui.contributions import dock_of
from napari_zecoverage.ui.dock import CoverageDock

pytestmark = pytest.mark.window

MENUS = {
    "napari/layers/register": {"align_frames"},
    "napari/layers/visualize": {"show_coverage", "show_fringes"},
    "napari/file/io_utilities": {"open_run", "export_thresholds"},
}


@pytest.fixture
def viewer(make_napari_viewer) -> ViewerModel:
    """A window on the screen; the commands get it as plugins do."""
    return make_napari_viewer(show=True)


def execute(name: str) -> None:
    # Neither npe2 nor napari has a public way to run what stands in a menu.
    get_app_model().commands.execute_command(f"napari-zecoverage.{name}").result()


def docks(viewer) -> list[CoverageDock]:
    return [each for each in viewer.window.dock_widgets.values() if isinstance(each, CoverageDock)]


def folder_is(monkeypatch, folder) -> None:
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(folder))


def wait(qtbot, dock) -> None:
    qtbot.waitUntil(lambda: not dock._background.running and dock._shown.up_to_date, timeout=60_000)


def test_the_menus_have_them(viewer) -> None:
    menus = get_app_model().menus
    for menu, names in MENUS.items():
        commands = {getattr(each, "command", None) for each in menus.get_menu(menu)}
        ids = {each.id for each in commands if each is not None}
        assert {f"napari-zecoverage.{name}" for name in names} <= ids


def test_the_palette_offers_what_is_useful_alone(viewer) -> None:
    menus = get_app_model().menus
    rules = menus.get_menu(menus.COMMAND_PALETTE_ID)
    ours = [each.command for each in rules if each.command.id.startswith("napari-zecoverage.")]
    enabled = {
        each.id.split(".")[1]: each.enablement is None or bool(each.enablement.eval({}))
        for each in ours
    }
    useful = {name for names in MENUS.values() for name in names} | {"tune"}
    assert {name for name, each in enabled.items() if each} >= useful
    assert enabled["get_reader"] is False


def test_align_opens_the_dock_and_studies_the_folder(
    viewer, qtbot, small_sample, monkeypatch
) -> None:
    folder_is(monkeypatch, small_sample)
    execute("align_frames")
    (dock,) = docks(viewer)
    qtbot.waitUntil(lambda: dock.study is not None, timeout=60_000)
    wait(qtbot, dock)
    assert dock.study.frames_aligned == 6
    assert dock.isVisible()

    execute("show_coverage")
    assert viewer.layers["coverage"].visible
    execute("show_fringes")
    qtbot.waitUntil(lambda: "fringe" in viewer.layers, timeout=60_000)
    assert viewer.layers["fringe"].visible
    assert not viewer.layers["coverage"].visible
    assert viewer.layers["tile"].visible
    assert viewer.layers["removed"].visible
    assert docks(viewer) == [dock]


def test_the_command_line_and_the_menu_open_the_same_dock(viewer, monkeypatch) -> None:
    monkeypatch.setattr(napari, "Viewer", lambda **_: viewer)
    _, dock = open_window()
    assert docks(viewer) == [dock]
    execute("tune")  # toggles, as a menu's tick does
    assert docks(viewer) == [dock]
    assert not dock.isVisible()


def test_a_study_dropped_on_the_picture_is_shown_in_an_open_dock(
    viewer, qtbot, study, tmp_path
) -> None:
    path = write_study(tmp_path / "night.zestudy", study)
    dock = dock_of(viewer)
    assert viewer.open(path, plugin="napari-zecoverage") == []
    wait(qtbot, dock)
    assert dock.study.cluster.name == "night"
    assert [each.name for each in viewer.layers].count("tile") == 1


def test_without_the_dock_a_study_is_two_layers(viewer, study, tmp_path) -> None:
    path = write_study(tmp_path / "night.zestudy", study)
    added = viewer.open(path, plugin="napari-zecoverage")
    assert [each.name for each in added] == ["tile", "coverage"]
    assert docks(viewer) == []


def test_open_a_run_lists_its_clusters(viewer, qtbot, small_sample, monkeypatch) -> None:
    folder_is(monkeypatch, small_sample)
    execute("open_run")
    (dock,) = docks(viewer)
    wait(qtbot, dock)
    assert dock.findChild(QPushButton, "run").isEnabled()
    assert dock.study is None


def test_a_dialog_that_is_cancelled_opens_the_dock_and_nothing_else(
    viewer, qtbot, monkeypatch
) -> None:
    folder_is(monkeypatch, "")
    execute("align_frames")
    (dock,) = docks(viewer)
    assert not dock._background.running


@pytest.mark.parametrize("name", ["show_coverage", "show_fringes"])
def test_without_a_cluster_it_says_what_to_do(viewer, name) -> None:
    execute(name)
    (dock,) = docks(viewer)
    assert "run a cluster" in dock.findChild(QLabel, "summary").text()


def test_export_goes_to_the_section(viewer, qtbot) -> None:
    dock = dock_of(viewer)
    viewer.window._qt_window.activateWindow()
    qtbot.mouseClick(dock.findChild(QToolButton, "section_export"), Qt.MouseButton.LeftButton)
    execute("export_thresholds")
    assert dock.findChild(QLineEdit, "config_path").isVisible()
    qtbot.waitUntil(dock.findChild(QLineEdit, "config_path").hasFocus)


def test_it_is_the_dock_of_the_menu_plugins(viewer) -> None:
    execute("tune")
    (dock,) = docks(viewer)
    execute("show_coverage")
    assert docks(viewer) == [dock]
    execute("tune")  # toggles, as a menu's tick does
    assert not dock.isVisible()
    assert dock_of(viewer) is dock
    assert dock.isVisible()


def test_keys_work_from_the_picture_and_go_with_the_dock(viewer, qtbot, study) -> None:
    dock = dock_of(viewer)
    dock.show_study(study)
    qtbot.waitUntil(lambda: dock._shown.up_to_date)
    window = viewer.window._qt_window
    window.show()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    canvas = viewer.window._qt_viewer.canvas.native
    canvas.setFocus()
    qtbot.keyClick(dock.findChild(QSlider, "decay_slider"), Qt.Key.Key_Right)
    moved = dock.parameters
    control, alt = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.AltModifier
    qtbot.keyClick(canvas, Qt.Key.Key_Z, control | alt)
    assert dock.parameters != moved
    qtbot.keyClick(canvas, Qt.Key.Key_Period)
    assert "frames" in viewer.layers
    qtbot.keyClick(canvas, Qt.Key.Key_H)
    assert not viewer.layers["removed"].visible
    dock.parentWidget().hide()
    qtbot.keyClick(canvas, Qt.Key.Key_H)
    assert not viewer.layers["removed"].visible


def test_a_window_of_1280_by_720_has_room_for_it(viewer, qtbot, study) -> None:
    dock = dock_of(viewer)
    window = viewer.window._qt_window
    window.resize(1280, 720)
    window.show()
    dock.show_study(study)
    qtbot.waitUntil(lambda: dock._shown.up_to_date and not dock._scroll.isActive())
    assert (window.width(), window.height()) == (1280, 720)
    assert dock.horizontalScrollBar().maximum() == 0
    # The whole verdict is seen below the sliders.
    qtbot.waitUntil(
        lambda: (
            dock.findChild(QLabel, "verdict").visibleRegion().boundingRect().height()
            == dock.findChild(QLabel, "verdict").height()
        )
    )
    canvas = viewer.window._qt_viewer.canvas.native
    assert canvas.width() > 400
    assert window.findChildren(QMenu)
