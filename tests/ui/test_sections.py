"""A section that folds up to its heading."""

from __future__ import annotations

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QGroupBox, QLabel, QToolButton, QVBoxLayout

from napari_zecoverage.ui.sections import Section


@pytest.fixture
def section(qtbot) -> Section:
    panel = QGroupBox("Inspect")
    QVBoxLayout(panel).addWidget(QLabel("inside"))
    section = Section(panel)
    qtbot.addWidget(section)
    section.show()
    qtbot.waitExposed(section)
    return section


def heading(section) -> QToolButton:
    return section.findChild(QToolButton, "section_inspect")


def is_seen(section) -> bool:
    return section.findChild(QLabel).isVisible()


def test_the_panels_title_is_the_heading(section) -> None:
    assert heading(section).text() == "Inspect"
    assert section.findChild(QGroupBox).title() == ""
    assert is_seen(section)


def test_a_click_folds_and_unfolds(section, qtbot) -> None:
    arrows = [heading(section).arrowType()]
    high = section.sizeHint().height()
    qtbot.mouseClick(heading(section), Qt.MouseButton.LeftButton)
    assert not is_seen(section)
    assert section.sizeHint().height() < high
    arrows.append(heading(section).arrowType())
    qtbot.mouseClick(heading(section), Qt.MouseButton.LeftButton)
    assert is_seen(section)
    assert arrows == [Qt.ArrowType.DownArrow, Qt.ArrowType.RightArrow]


@pytest.mark.parametrize(
    ("key", "seen"),
    [
        (Qt.Key.Key_Space, False),
        (Qt.Key.Key_Return, False),
        (Qt.Key.Key_Left, False),
        (Qt.Key.Key_Right, True),
    ],
)
def test_keys_fold(section, qtbot, key, seen) -> None:
    qtbot.keyClick(heading(section), key)
    assert is_seen(section) == seen


def test_keys_unfold(section, qtbot) -> None:
    for key in (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Right):
        qtbot.keyClick(heading(section), Qt.Key.Key_Left)
        assert not is_seen(section)
        qtbot.keyClick(heading(section), key)
        assert is_seen(section)


def test_a_visit_unfolds_and_takes_the_focus(section, qtbot) -> None:
    section.activateWindow()
    qtbot.keyClick(heading(section), Qt.Key.Key_Left)
    with qtbot.waitSignal(section.visited):
        section.visit()
    assert is_seen(section)
    assert section.focusWidget() is heading(section)


def test_it_is_reached_by_tab(section) -> None:
    assert heading(section).focusPolicy() & Qt.FocusPolicy.TabFocus
