"""The cluster section, driven as a person drives it."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QComboBox,
    QFileDialog,
    QLabel,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QTableWidget,
)

from napari_zecoverage.core.frames import FRAME_ENDINGS
from napari_zecoverage.core.parameters import CanvasMode, StackMethod, StudyOptions
from napari_zecoverage.ui.cluster_panel import ClusterPanel, notes_of_cluster, notes_of_study
from napari_zecoverage.ui.recent_places import RecentMenu, RecentPlaces
from napari_zecoverage.zemosaic.gating import Gating


@pytest.fixture
def panel(qtbot) -> ClusterPanel:
    panel = ClusterPanel()
    qtbot.addWidget(panel)
    return panel


def click(qtbot, panel, name: str) -> None:
    qtbot.mouseClick(panel.findChild(QPushButton, name), Qt.MouseButton.LeftButton)


def enabled(panel) -> set[str]:
    return {each.objectName() for each in panel.findChildren(QPushButton) if each.isEnabled()}


def table(panel) -> QTableWidget:
    return panel.findChild(QTableWidget, "clusters")


def row(panel, number: int) -> list[str]:
    return [table(panel).item(number, column).text() for column in range(4)]


OPENERS = {"open_folder", "open_files", "open_recent", "open_sample"}


def test_only_what_makes_sense_is_enabled(panel, make_cluster) -> None:
    assert enabled(panel) == OPENERS
    panel.set_clusters([make_cluster()])
    assert enabled(panel) == OPENERS | {"run"}
    panel.set_busy("at work")
    assert enabled(panel) == {"cancel"}
    panel.set_busy("")
    assert enabled(panel) == OPENERS | {"run"}
    panel.set_clusters([])
    assert enabled(panel) == OPENERS


def test_table_tells_the_clusters(panel, make_cluster) -> None:
    panel.set_clusters([make_cluster(8, "first"), make_cluster(12, "second")])
    assert row(panel, 0) == ["first", "8", "1", "IRCUT"]
    assert row(panel, 1) == ["second", "12", "1", "IRCUT"]
    assert panel.selected is panel.clusters[0]


def test_frames_without_date_and_filter(panel, make_cluster) -> None:
    cluster = make_cluster(3)
    bare = replace(
        cluster, frames=tuple(replace(each, night=None, filter=None) for each in cluster.frames)
    )
    panel.set_clusters([bare])
    assert row(panel, 0) == ["night", "3", "0", ""]


def test_run_asks_for_the_selected_cluster_and_stack(panel, qtbot, make_cluster) -> None:
    panel.set_clusters([make_cluster(8, "first"), make_cluster(12, "second")])
    table(panel).setFocus()
    qtbot.keyClick(table(panel), Qt.Key.Key_Down)
    stack = panel.findChild(QComboBox, "stack")
    assert stack.currentData() == StudyOptions().stack
    qtbot.keyClick(stack, Qt.Key.Key_End)
    canvas = panel.findChild(QComboBox, "canvas")
    assert canvas.currentData() == StudyOptions().canvas
    qtbot.keyClick(canvas, Qt.Key.Key_Down)
    with qtbot.waitSignal(panel.run_asked) as asked:
        click(qtbot, panel, "run")
    assert asked.args == [panel.clusters[1], StudyOptions(stack="none", canvas="padded")]


@pytest.mark.parametrize(("name", "choices"), [("stack", StackMethod), ("canvas", CanvasMode)])
def test_every_choice_is_offered(panel, name, choices) -> None:
    box = panel.findChild(QComboBox, name)
    offered = [box.itemData(index) for index in range(box.count())]
    assert sorted(offered) == sorted(get_args(choices))


def test_cancel_asks(panel, qtbot) -> None:
    panel.set_busy("at work")
    with qtbot.waitSignal(panel.cancel_asked):
        click(qtbot, panel, "cancel")


def test_progress(panel) -> None:
    bar = panel.findChild(QProgressBar, "progress")
    panel.set_busy("starting")
    assert (bar.minimum(), bar.maximum()) == (0, 0)
    panel.show_progress(3, 12, "aligning frames 3/12")
    assert (bar.value(), bar.maximum()) == (3, 12)
    assert panel.findChild(QLabel, "summary").text() == "aligning frames 3/12"
    panel.set_busy("")
    assert bar.value() <= bar.minimum()


def test_open_folder(panel, qtbot, monkeypatch) -> None:
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: "/frames")
    with qtbot.waitSignal(panel.source_chosen) as chosen:
        click(qtbot, panel, "open_folder")
    assert chosen.args == ["/frames"]


def test_open_files(panel, qtbot, monkeypatch) -> None:
    asked = []

    def answer(*arguments):
        asked.append(arguments[-1])
        return ["/frames/a.fit", "/frames/b.fit"], ""

    monkeypatch.setattr(QFileDialog, "getOpenFileNames", answer)
    with qtbot.waitSignal(panel.source_chosen) as chosen:
        click(qtbot, panel, "open_files")
    assert chosen.args == [["/frames/a.fit", "/frames/b.fit"]]
    offered = asked[0].split(";;")[0].removeprefix("Frames (").removesuffix(")").split()
    assert offered == [f"*{ending}" for ending in FRAME_ENDINGS]


def test_a_dialog_that_is_cancelled_opens_nothing(panel, qtbot, monkeypatch) -> None:
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: "")
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_: ([], ""))
    with qtbot.assertNotEmitted(panel.source_chosen):
        click(qtbot, panel, "open_folder")
        click(qtbot, panel, "open_files")


def test_recent_places_open_again(qtbot, tmp_path) -> None:
    recent = RecentPlaces()
    recent.add(tmp_path)
    panel = ClusterPanel(recent=recent)
    qtbot.addWidget(panel)
    click(qtbot, panel, "open_recent")
    menu = panel.findChild(RecentMenu)
    place = menu.actionGeometry(menu.actions()[0]).center()
    with qtbot.waitSignal(panel.source_chosen) as chosen:
        qtbot.mouseClick(menu, Qt.MouseButton.LeftButton, pos=place)
    assert chosen.args == [str(tmp_path)]


def test_the_clusters_go_round(panel, make_cluster) -> None:
    panel.select_next()
    assert panel.selected is None
    panel.set_clusters([make_cluster(4, name) for name in "abc"])
    names = []
    for step in (panel.select_next, panel.select_next, panel.select_next, panel.select_previous):
        step()
        names.append(panel.selected.name)
    assert names == ["b", "c", "a", "c"]


def test_sample(panel, qtbot) -> None:
    with qtbot.waitSignal(panel.sample_chosen):
        click(qtbot, panel, "open_sample")


def test_select_finds_the_cluster_by_its_frames(panel, make_cluster) -> None:
    panel.set_clusters([make_cluster(8, "first"), make_cluster(12, "second")])
    panel.select(replace(panel.clusters[1], name="renamed", notes=()))
    assert panel.selected is panel.clusters[1]
    other = make_cluster(5, "other")
    panel.select(other)
    assert panel.clusters == [other]
    assert panel.selected == other


def test_a_long_name_does_not_widen_the_dock(panel, make_cluster) -> None:
    before = panel.minimumSizeHint().width()
    panel.set_clusters([make_cluster(name="long" * 50)])
    panel.show_summary("long" * 50)
    panel.show_notes(["long" * 50])
    assert panel.minimumSizeHint().width() == before


def test_names_are_not_markup(panel) -> None:
    label = panel.findChild(QLabel, "summary")
    panel.show_summary("<b>night</b>")
    assert label.textFormat() == Qt.TextFormat.PlainText


def test_notes_show_and_hide(panel) -> None:
    notes = panel.findChild(QPlainTextEdit, "notes")
    panel.show_notes(["first", "second", "first"])
    assert notes.toPlainText() == "first\nsecond"
    assert not notes.isHidden()
    low = notes.height()
    panel.show_notes([f"line {number}" for number in range(500)])
    assert low < notes.height() < 150
    panel.show_notes([])
    assert notes.isHidden()


def test_notes_of_a_selected_cluster_are_shown(panel, make_cluster) -> None:
    panel.set_clusters([make_cluster()])
    text = panel.findChild(QPlainTextEdit, "notes").toPlainText()
    assert text == "Left out: bad.fit: it is text.\nA note."


def test_notes_of_a_study_name_frames_and_reasons(study) -> None:
    lines = notes_of_study(study)
    assert lines[: len(notes_of_cluster(study.cluster))] == notes_of_cluster(study.cluster)
    assert "Rescued: frame_6.fit: too few stars." in lines
    assert "Left out: frame_7.fit: no match." in lines
    assert lines[-1] == "One frame is left out."


def test_mount_and_what_zemosaic_would_do(panel, make_cluster) -> None:
    cluster = make_cluster()
    equatorial = replace(cluster.frames[0], mount="EQ")
    mixed = replace(cluster, frames=(equatorial, *cluster.frames[1:]))
    panel.set_clusters([cluster, mixed])
    panel.set_gatings([Gating("yes", "eqmode_summary", "Counted."), Gating("no", "grid", "Grid.")])
    cells = [[table(panel).item(row, column) for column in (4, 5)] for row in range(2)]
    assert [[cell.text() for cell in row] for row in cells] == [
        ["Alt-Az", "masks it"],
        ["Alt-Az, EQ", "does not mask"],
    ]
    assert "Grid." in cells[1][1].toolTip()
    assert cells[1][1].background() != cells[0][1].background()


def test_missing_frames_are_named(make_cluster) -> None:
    cluster = replace(make_cluster(), missing=(("C:\\raw\\a.fit", "not found."),))
    assert any("a.fit" in line and "not found." in line for line in notes_of_cluster(cluster))
