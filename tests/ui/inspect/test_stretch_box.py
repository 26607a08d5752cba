"""How the tile is stretched."""

from __future__ import annotations

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QDoubleSpinBox, QSlider

from napari_zecoverage.ui.inspect.stretch_box import StretchBox


@pytest.fixture
def box(qtbot) -> StretchBox:
    box = StretchBox()
    qtbot.addWidget(box)
    box.show_stretch("asinh", 1.0)
    return box


def test_it_tells_what_is_chosen(box, qtbot) -> None:
    with qtbot.waitSignal(box.changed) as changed:
        qtbot.keyClick(box.findChild(QComboBox, "stretch"), Qt.Key.Key_End)
    assert changed.args == ["linear", 1.0]
    with qtbot.waitSignal(box.changed) as changed:
        qtbot.keyClick(box.findChild(QSlider, "strength_slider"), Qt.Key.Key_PageUp)
    assert changed.args == ["linear", 1.5]


def test_what_is_shown_is_not_told_again(box, qtbot) -> None:
    with qtbot.assertNotEmitted(box.changed):
        box.show_stretch("linear", 3.5)
    assert box.findChild(QComboBox, "stretch").currentText() == "linear"
    assert box.findChild(QDoubleSpinBox, "strength_number").value() == 3.5
