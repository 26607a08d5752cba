"""The ring round the control that has the keyboard."""

from __future__ import annotations

import pytest
from qtpy.QtCore import QPoint, QRect, Qt
from qtpy.QtWidgets import QLabel, QPlainTextEdit, QPushButton, QSlider, QVBoxLayout, QWidget

from napari_zecoverage.ui.focus_ring import FocusRing


@pytest.fixture
def window(qtbot) -> QWidget:
    window = QWidget()
    window.resize(200, 200)
    layout = QVBoxLayout(window)
    layout.addWidget(QLabel("some words"))
    layout.addWidget(QSlider(Qt.Orientation.Horizontal))
    layout.addWidget(QPushButton("inside"))
    layout.addWidget(QPlainTextEdit())
    qtbot.addWidget(window)
    FocusRing(window)
    window.show()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    return window


def ring(window: QWidget) -> FocusRing:
    return window.findChild(FocusRing)


def place(widget: QWidget, window: QWidget) -> QRect:
    return QRect(widget.mapTo(window, QPoint(0, 0)), widget.size())


def test_it_lies_round_what_the_tab_key_goes_to(window, qtbot) -> None:
    slider, button = window.findChild(QSlider), window.findChild(QPushButton)
    slider.setFocus()
    for each in (slider, button):
        assert each.hasFocus()
        assert ring(window).isVisible()
        assert place(ring(window), window).contains(place(each, window))
        assert not place(ring(window), window).contains(place(window.findChild(QLabel), window))
        qtbot.keyClick(each, Qt.Key.Key_Tab)
    # A text shows its own cursor.
    assert window.findChild(QPlainTextEdit).hasFocus()
    assert not ring(window).isVisible()


def test_it_is_seen(window, qtbot) -> None:
    slider = window.findChild(QSlider)
    slider.setFocus()
    edge = place(ring(window), window)
    shown = window.grab().toImage()
    ink = ring(window).palette().windowText().color()
    assert shown.pixelColor(edge.center().x(), edge.top()) == ink


def test_it_follows_a_control_that_moves_and_goes(window, qtbot) -> None:
    button = window.findChild(QPushButton)
    button.setFocus()
    window.findChild(QLabel).setMinimumHeight(60)
    qtbot.waitUntil(lambda: button.y() > 60)
    assert place(ring(window), window).contains(place(button, window))
    button.hide()
    assert not ring(window).isVisible()


def test_clicks_go_through_it(window, qtbot) -> None:
    button = window.findChild(QPushButton)
    button.setFocus()
    heard = []
    button.clicked.connect(lambda: heard.append(True))
    assert window.childAt(place(button, window).center()) is button
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert heard == [True]


def test_what_lies_elsewhere_gets_none(window, qtbot) -> None:
    other = QWidget()
    qtbot.addWidget(other)
    field = QPushButton("outside", other)
    window.findChild(QPushButton).setFocus()
    assert ring(window).isVisible()
    other.show()
    other.activateWindow()
    qtbot.waitUntil(other.isActiveWindow)
    field.setFocus()
    assert not ring(window).isVisible()
