"""A number that can be slid and typed, a button, and words that change."""

from __future__ import annotations

import math

import pytest
from qtpy.QtCore import QEvent, QLocale, QObject, QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import QApplication, QDoubleSpinBox, QLabel, QSlider, QVBoxLayout, QWidget

from napari_zecoverage.core.parameters import Limits
from napari_zecoverage.ui.controls import (
    ChangingWords,
    NumberControl,
    lay_out_now,
    push_button,
    wrapped_label,
)

SHARE = Limits(0, 1, 1, 0.01, 2, "", "A share.")
FRAMES = Limits(0, math.inf, 50, 1.0, 1, "frames", "Frames.")
SMALL = Limits(0, 1, 1, 0.01, 3, "", "Small.")


@pytest.fixture
def make(qtbot):
    def make(limits: Limits) -> tuple[NumberControl, QSlider, QDoubleSpinBox, list[float]]:
        control = NumberControl("number", limits)
        qtbot.addWidget(control)
        heard: list[float] = []
        control.valueChanged.connect(heard.append)
        return (
            control,
            control.findChild(QSlider, "number_slider"),
            control.findChild(QDoubleSpinBox, "number_number"),
            heard,
        )

    return make


def type_number(qtbot, field: QDoubleSpinBox, text: str) -> None:
    field.selectAll()
    qtbot.keyClicks(field, text)
    qtbot.keyClick(field, Qt.Key.Key_Return)


def test_keys_on_the_slider_move_by_a_step(make, qtbot) -> None:
    control, slider, field, heard = make(SHARE)
    control.setValue(0.5)
    qtbot.keyClick(slider, Qt.Key.Key_Right)
    assert control.value() == field.value() == 0.51
    qtbot.keyClick(slider, Qt.Key.Key_PageUp)
    assert control.value() == 0.61
    qtbot.keyClick(slider, Qt.Key.Key_End)
    assert control.value() == 1
    assert heard == [0.5, 0.51, 0.61, 1]


def test_keys_on_the_control_move_the_slider(make, qtbot) -> None:
    control, slider, _, _ = make(FRAMES)
    for _ in range(3):
        qtbot.keyClick(control, Qt.Key.Key_Right)
    assert control.value() == slider.value() == 3


def test_a_typed_number_counts_when_it_is_complete(make, qtbot) -> None:
    control, slider, field, heard = make(SHARE)
    type_number(qtbot, field, "0.63")
    assert control.value() == 0.63
    assert slider.value() == 63
    assert heard == [0.63]


def test_a_point_is_a_point_in_every_country(make, qtbot, request) -> None:
    before = QLocale()
    request.addfinalizer(lambda: QLocale.setDefault(before))
    QLocale.setDefault(QLocale(QLocale.Language.German))
    control, _, field, _ = make(SHARE)
    type_number(qtbot, field, "0.25")
    assert control.value() == 0.25
    assert field.text() == "0.25"


@pytest.mark.parametrize(("typed", "value"), [("7,5", 7.5), ("0,3", 0.3), ("12.5", 12.5)])
def test_a_decimal_comma_is_a_point(make, qtbot, typed, value) -> None:
    control, _, field, _ = make(FRAMES)
    type_number(qtbot, field, typed)
    assert control.value() == value


@pytest.mark.parametrize(
    ("typed", "value"),
    [("1e2", 100), ("2E1", 20), ("1,5e+1", 15), ("5e-1", 0.5), ("1e9", 4), ("3e", 4), ("3e-", 4)],
)
def test_an_exponent_counts_when_it_is_complete(make, qtbot, typed, value) -> None:
    """Beyond the limits, or left half typed, the number before stays."""
    control, _, field, _ = make(FRAMES)
    control.setValue(4)
    type_number(qtbot, field, typed)
    assert control.value() == value
    assert float(field.text()) == value


def test_page_up_is_more_than_a_step_on_a_short_slider(make, qtbot) -> None:
    control, slider, _, _ = make(FRAMES)
    control.set_slider_maximum(6)
    qtbot.keyClick(slider, Qt.Key.Key_PageUp)
    assert control.value() == 2


def test_escape_takes_back_what_is_half_typed(make, qtbot) -> None:
    control, _, field, heard = make(FRAMES)
    control.setValue(4)
    heard.clear()
    field.selectAll()
    qtbot.keyClicks(field, "17")
    qtbot.keyClick(field, Qt.Key.Key_Escape)
    assert field.text() == "4.0"
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert control.value() == 4
    assert heard == []


def test_a_page_in_the_field_is_one_of_the_slider(make, qtbot) -> None:
    control, slider, field, _ = make(SHARE)
    control.setValue(0.5)
    qtbot.keyClick(field, Qt.Key.Key_PageUp)
    assert control.value() == 0.6
    assert slider.value() == 60


def test_numbers_between_two_steps_are_kept(make, qtbot) -> None:
    control, slider, _, _ = make(SMALL)
    control.setValue(0.001)
    assert control.value() == 0.001
    assert slider.value() == 0
    qtbot.keyClick(slider, Qt.Key.Key_Right)
    assert control.value() == 0.01


def test_numbers_beyond_the_slider_are_kept(make, qtbot) -> None:
    control, slider, field, _ = make(FRAMES)
    type_number(qtbot, field, "120")
    assert control.value() == 120
    assert slider.value() == slider.maximum() == 50


def test_slider_end_moves_without_the_value(make) -> None:
    control, slider, _, heard = make(FRAMES)
    control.setValue(30)
    heard.clear()
    control.set_slider_maximum(12)
    assert control.slider_maximum() == slider.maximum() == 12
    assert control.value() == 30
    assert heard == []


def test_limits_hold_for_what_is_typed(make, qtbot) -> None:
    control, _, field, _ = make(SHARE)
    type_number(qtbot, field, "7")
    assert 0 <= control.value() <= 1


def test_the_wheel_scrolls_the_dock_and_not_the_number(make) -> None:
    control, slider, field, heard = make(FRAMES)
    control.setValue(5)
    heard.clear()
    for editor in (slider, field):
        turn = QWheelEvent(
            QPointF(5, 5),
            QPointF(5, 5),
            QPoint(0, 120),
            QPoint(0, 120),
            Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(editor, turn)
    assert control.value() == 5
    assert heard == []


def test_screen_readers_are_told_what_it_is(make) -> None:
    control, slider, field, _ = make(FRAMES)
    control.set_accessible_name("Least frames")
    assert {each.accessibleName() for each in (control, slider, field)} == {"Least frames"}


def test_a_button_has_all_that_it_needs(qtbot) -> None:
    pressed: list[bool] = []

    def press() -> None:
        pressed.append(True)

    button = push_button("open", "Open…", "Opens a folder.", press)
    qtbot.addWidget(button)
    assert (button.objectName(), button.text()) == ("open", "Open…")
    assert (button.accessibleName(), button.toolTip()) == ("Open", "Opens a folder.")
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert len(pressed) == 1
    other = push_button("undo", "↶", "Undo.", press, accessible_name="Undo a change")
    qtbot.addWidget(other)
    assert other.accessibleName() == "Undo a change"


# --- words that change -----------------------------------------------------------------------

SHORT = "Kept: 91 %."
LONG = "The opening is left out: it would have removed every pixel. " * 4


@pytest.fixture
def words(qtbot):
    """Give a label in a column with something below it, and how often the layout was asked."""
    column = QWidget()
    layout = QVBoxLayout(column)
    label = wrapped_label("words", SHORT)
    layout.addWidget(ChangingWords(label))
    below = QLabel("below")
    layout.addWidget(below)
    layout.addStretch(1)
    column.resize(200, 400)
    asked: list[QEvent.Type] = []

    class Watch(QObject):
        def eventFilter(self, watched: QObject, event: QEvent) -> bool:
            if watched is column and event.type() == QEvent.Type.LayoutRequest:
                asked.append(event.type())
            return False

    watch = Watch(column)
    column.installEventFilter(watch)
    qtbot.addWidget(column)
    column.show()
    qtbot.waitExposed(column)
    lay_out_now()
    asked.clear()
    return column, label, below, asked


def test_words_of_the_same_height_move_nothing(words) -> None:
    _column, label, below, asked = words
    place = below.geometry()
    label.setText("Kept: 12 %.")
    lay_out_now()
    assert asked == []
    assert below.geometry() == place
    assert label.height() == label.heightForWidth(label.width())


def test_longer_words_get_their_height(words) -> None:
    _column, label, below, asked = words
    place = below.y()
    label.setText(LONG)
    lay_out_now()
    assert asked
    assert label.height() >= label.heightForWidth(label.width()) > 30
    assert below.y() > place
    label.setText(SHORT)
    lay_out_now()
    assert below.y() == place


def test_words_that_changed_while_hidden_get_their_height(words, qtbot) -> None:
    column, label, below, _ = words
    column.hide()
    label.setText(LONG)
    column.show()
    qtbot.waitExposed(column)
    lay_out_now()
    assert label.height() >= label.heightForWidth(label.width()) > 30
    assert below.y() >= label.parentWidget().geometry().bottom()


def test_a_narrower_column_gives_words_more_lines(words) -> None:
    column, label, _below, _ = words
    label.setText(LONG)
    lay_out_now()
    before = label.height()
    column.resize(120, 700)
    lay_out_now()
    assert label.height() >= label.heightForWidth(label.width()) > before


def test_words_that_begin_empty_get_no_more_than_their_height(qtbot) -> None:
    column = QWidget()
    layout = QVBoxLayout(column)
    label = wrapped_label("words", "")
    layout.addWidget(ChangingWords(label))
    layout.addStretch(1)
    column.resize(200, 600)
    qtbot.addWidget(column)
    column.show()
    qtbot.waitExposed(column)
    label.setText(LONG)
    lay_out_now()
    assert label.height() == label.heightForWidth(label.width()) > 30
