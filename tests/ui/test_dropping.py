"""What is dropped onto the dock: taken, shown while it hovers, or refused in words."""

from __future__ import annotations

import pytest
from qtpy.QtCore import QEvent, QMimeData, QPoint, QPointF, Qt, QUrl
from qtpy.QtGui import QDragEnterEvent, QDragLeaveEvent, QDragMoveEvent, QDropEvent
from qtpy.QtWidgets import QApplication, QLabel, QLineEdit, QScrollArea, QVBoxLayout, QWidget

from napari_zecoverage.ui.dropping import DropZone, sort_dropped

WHERE = QPoint(30, 30)
NOTHING = Qt.KeyboardModifier.NoModifier
LEFT = Qt.MouseButton.LeftButton
COPY = Qt.DropAction.CopyAction


def mime_of(*paths) -> QMimeData:
    mime = QMimeData()
    mime.setUrls(
        [each if isinstance(each, QUrl) else QUrl.fromLocalFile(str(each)) for each in paths]
    )
    return mime


def send(widget, event: QEvent) -> QEvent:
    QApplication.sendEvent(widget, event)
    return event


def hover(widget, mime) -> QEvent:
    return send(widget, QDragEnterEvent(WHERE, COPY, mime, LEFT, NOTHING))


def drop(widget, mime) -> QEvent:
    return send(widget, QDropEvent(QPointF(WHERE), COPY, mime, LEFT, NOTHING))


@pytest.fixture
def files(tmp_path):
    """A folder, two frames, a studied cluster, a config, and a text."""
    (tmp_path / "night").mkdir()
    names = ("a.fit", "b.FITS", "c.zestudy", "zemosaic_config.json", "notes.txt")
    for name in names:
        (tmp_path / name).write_text("")
    return tmp_path


def test_a_folder_is_a_place_by_itself(files) -> None:
    dropped = sort_dropped(mime_of(files / "night"))
    assert dropped.source == str(files / "night")
    assert dropped.text == "Open 1 folder"
    assert dropped.refused == ()


def test_folders_and_frames_go_together(files) -> None:
    paths = [files / "night", files, files / "a.fit", files / "b.FITS"]
    dropped = sort_dropped(mime_of(*paths))
    assert dropped.source == [str(each) for each in paths]
    assert dropped.text == "Open 2 folders and 2 frames"


def test_a_studied_cluster_and_a_config(files) -> None:
    dropped = sort_dropped(mime_of(files / "c.zestudy", files / "zemosaic_config.json"))
    assert (dropped.study, dropped.config) == (
        str(files / "c.zestudy"),
        str(files / "zemosaic_config.json"),
    )
    assert dropped.source is None
    assert dropped.text == "Show c.zestudy\nChoose zemosaic_config.json for Export"


def test_what_cannot_be_taken_is_told_in_words(files) -> None:
    dropped = sort_dropped(
        mime_of(files / "notes.txt", files / "gone.fit", QUrl("https://example.org/a.fit"))
    )
    assert not dropped.is_taken
    assert "This cannot be taken" in dropped.text
    assert "folders, frames" in dropped.text
    assert dropped.refused == (
        "notes.txt cannot be taken.",
        "gone.fit is not there.",
        "https://example.org/a.fit is not on this computer.",
    )


def test_another_settings_file_is_no_config(files) -> None:
    (files / "run_config_snapshot.json").write_text("{}")
    dropped = sort_dropped(mime_of(files / "run_config_snapshot.json"))
    assert dropped.config is None
    assert dropped.refused


def test_one_studied_cluster_at_a_time(files) -> None:
    (files / "d.zestudy").write_text("")
    two = sort_dropped(mime_of(files / "c.zestudy", files / "d.zestudy"))
    assert two.study == str(files / "c.zestudy")
    assert two.refused == ("d.zestudy: one studied cluster at a time.",)
    mixed = sort_dropped(mime_of(files / "c.zestudy", files / "a.fit"))
    assert (mixed.study, mixed.source) == (None, str(files / "a.fit"))
    assert "by itself" in mixed.refused[0]


def test_of_many_that_are_refused_a_few_are_named(files) -> None:
    dropped = sort_dropped(mime_of(files, *(files / f"{number}.txt" for number in range(9))))
    assert "… and 6 more." in dropped.text


# --- the zone ------------------------------------------------------------------------------


@pytest.fixture
def area(qtbot) -> QScrollArea:
    area = QScrollArea()
    content = QWidget()
    layout = QVBoxLayout(content)
    layout.addWidget(QLineEdit())
    area.setWidget(content)
    area.setWidgetResizable(True)
    qtbot.addWidget(area)
    area.show()
    qtbot.waitExposed(area)
    return area


@pytest.fixture
def zone(area) -> DropZone:
    return DropZone(area)


def sign(area) -> QLabel:
    return area.findChild(QLabel, "drop_sign")


def test_it_shows_while_it_hovers_and_goes_with_the_drag(area, zone, files) -> None:
    mime = mime_of(files / "night")
    assert not sign(area).isVisible()
    assert hover(area.viewport(), mime).isAccepted()
    assert sign(area).isVisible()
    assert sign(area).text() == "Open 1 folder"
    assert sign(area).geometry() == area.viewport().geometry()
    move = QDragMoveEvent(WHERE, COPY, mime, LEFT, NOTHING)
    assert send(area.viewport(), move).isAccepted()
    send(area.viewport(), QDragLeaveEvent())
    assert not sign(area).isVisible()


def test_a_drop_is_given_out(area, zone, qtbot, files) -> None:
    mime = mime_of(files / "night")
    hover(area.viewport(), mime)
    with qtbot.waitSignal(zone.dropped) as dropped:
        assert drop(area.viewport(), mime).isAccepted()
    assert dropped.args[0].source == str(files / "night")
    assert not sign(area).isVisible()


def test_what_is_no_file_is_left_alone(area, zone, qtbot) -> None:
    mime = QMimeData()
    mime.setText("/home/me/night")
    assert not hover(area.viewport(), mime).isAccepted()
    assert not sign(area).isVisible()
    with qtbot.assertNotEmitted(zone.dropped):
        drop(area.viewport(), mime)


def test_no_field_takes_a_drop_for_itself(area, zone) -> None:
    assert area.acceptDrops()
    assert not area.findChild(QLineEdit).acceptDrops()


def test_the_sign_tells_refusal_by_more_than_colour(area, zone, files) -> None:
    mime, bad = mime_of(files / "a.fit"), mime_of(files / "notes.txt")
    hover(area.viewport(), mime)
    taken = sign(area).styleSheet()
    hover(area.viewport(), bad)
    assert "cannot be taken" in sign(area).text()
    assert ("solid" in taken, "dashed" in sign(area).styleSheet()) == (True, True)
