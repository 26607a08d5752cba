"""The line below the panels: as high as ever, whatever it tells."""

from __future__ import annotations

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QPushButton

from napari_zecoverage.ui.status_line import StatusLine

pytestmark = pytest.mark.window


class Facts:
    def lines(self) -> list[str]:
        return ["x 640, y 250" * 20, "8 of 16", "frames 1–8"]


@pytest.fixture
def line(qtbot) -> StatusLine:
    line = StatusLine()
    qtbot.addWidget(line)
    line.resize(400, line.height())
    line.show()
    return line


def test_long_facts_change_neither_its_height_nor_its_width(qtbot, line) -> None:
    height, text = line.height(), line.findChild(QLabel, "status")
    said = text.text()
    line.show_facts(Facts())
    assert text.text().splitlines()[1:] == ["8 of 16", "frames 1–8"]
    assert (line.width(), line.height()) == (400, height)
    assert text.sizeHint().height() <= height
    line.show_facts(None)
    assert text.text() == said


def test_its_button_asks_for_the_keys(qtbot, line) -> None:
    with qtbot.waitSignal(line.keys_asked):
        qtbot.mouseClick(line.findChild(QPushButton, "show_keys"), Qt.MouseButton.LeftButton)
