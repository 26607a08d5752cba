"""Small parts of the panels: a number that can be slid and typed, buttons, text in little room."""

from __future__ import annotations

import math
import re
from contextlib import suppress
from itertools import count
from typing import Any, Final

from qtpy.QtCore import QCoreApplication, QEvent, QLocale, QSignalBlocker, QSize, Qt, Signal
from qtpy.QtGui import QKeyEvent, QKeySequence, QResizeEvent, QValidator, QWheelEvent
from qtpy.QtWidgets import (
    QDoubleSpinBox,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QSizePolicy,
    QSlider,
    QWidget,
)

from napari_zecoverage.core.parameters import Limits
from napari_zecoverage.verdict import LOUD_COLOUR

LOUD: Final = f"background-color: {LOUD_COLOUR}; color: #ffffff; border-radius: 3px"
"""Style of words that must be seen: white on vermillion, the same on every theme."""

_NO_UPPER_LIMIT: Final = 1e6
_TEXT_WIDTH: Final = 300
_TYPED: Final = "00.000"
# napari's − and +, and what is round the number.
_BUTTONS_PX: Final = 56
_LAYOUTS_INSIDE_ONE_ANOTHER: Final = 10
# Also while it is typed: 1e, 1e-.
_WITH_EXPONENT: Final = re.compile(r"\d+\.?\d*[eE][+-]?\d*|\.\d+[eE][+-]?\d*")
_SLIDER_KEYS: Final = frozenset(
    (
        Qt.Key.Key_Left,
        Qt.Key.Key_Right,
        Qt.Key.Key_Up,
        Qt.Key.Key_Down,
        Qt.Key.Key_PageUp,
        Qt.Key.Key_PageDown,
        Qt.Key.Key_Home,
        Qt.Key.Key_End,
    )
)


class NumberControl(QWidget):
    """A slider and a number field that show the same value.

    The slider moves in steps; the field takes any value inside the limits, also
    between two steps and beyond the slider's end. The slider is the child
    ``<name>_slider``, the field ``<name>_number``.

    Parameters
    ----------
    name : str
        The parameter; becomes the objectName.
    limits : Limits
        Range, step and decimals.

    Signals
    -------
    valueChanged(float)
        The value, after it changed by hand or by `setValue`.
    """

    valueChanged = Signal(float)  # named as Qt names it

    def __init__(self, name: str, limits: Limits, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self._step = limits.step
        self._slider = _Slider(Qt.Orientation.Horizontal)
        self._slider.setObjectName(f"{name}_slider")
        self._slider.setMinimumWidth(60)
        self._number = _NumberField()
        self._number.setObjectName(f"{name}_number")
        self._number.setDecimals(limits.decimals)
        self._number.setSingleStep(limits.step)
        self._number.setRange(
            limits.minimum,
            limits.maximum if math.isfinite(limits.maximum) else _NO_UPPER_LIMIT,
        )
        self._number.setAlignment(Qt.AlignmentFlag.AlignRight)
        # The config has a point whatever the country; half-typed numbers are not values.
        self._number.setLocale(QLocale.c())
        self._number.setKeyboardTracking(False)
        self.setFocusProxy(self._slider)
        self.set_slider_maximum(limits.slider_maximum)

        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._slider, 1)
        layout.addWidget(self._number)

        self._slider.valueChanged.connect(self._on_slid)
        self._number.valueChanged.connect(self._on_number)

    def value(self) -> float:
        """Return the number shown."""
        return self._number.value()

    def setValue(self, value: float) -> None:
        """Show `value`, rounded to the decimals shown and kept inside the limits."""
        self._number.setValue(value)

    @property
    def gesture(self) -> int | None:
        """A number for the drag, or the key held down, that moves the slider now; else None."""
        return self._slider.gesture if self._slider.is_held else None

    def set_slider_maximum(self, maximum: float) -> None:
        """Let the slider end at `maximum`; the number field is not bound by it."""
        steps = max(1, round(maximum / self._step))
        with QSignalBlocker(self._slider):
            self._slider.setRange(0, steps)
            # More than an arrow key's step, also where there are few.
            self._slider.setPageStep(min(steps, max(2, steps // 10)))
        self._follow_number()

    def slider_maximum(self) -> float:
        """Return where the slider ends."""
        return self._slider.maximum() * self._step

    def set_accessible_name(self, name: str) -> None:
        """Say what the number is to a screen reader."""
        for editor in (self, self._slider, self._number):
            editor.setAccessibleName(name)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Take the slider's keys for the slider."""
        if Qt.Key(event.key()) in _SLIDER_KEYS:
            self._slider.keyPressEvent(event)
        else:
            super().keyPressEvent(event)

    def _on_slid(self, steps: int) -> None:
        self._number.setValue(steps * self._step)

    def _on_number(self, value: float) -> None:
        self._follow_number()
        self.valueChanged.emit(value)

    def _follow_number(self) -> None:
        with QSignalBlocker(self._slider):
            self._slider.setValue(round(self._number.value() / self._step))


# Scrolling the dock must not change a threshold that happens to lie under the cursor.


_gestures = count(1)


class _Slider(QSlider):
    """Tells which of its movements belong together."""

    def __init__(self, orientation: Qt.Orientation) -> None:
        super().__init__(orientation)
        self.gesture = 0
        self._is_key_down = False
        self.sliderPressed.connect(self._begin_gesture)

    @property
    def is_held(self) -> bool:
        return self.isSliderDown() or self._is_key_down

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not event.isAutoRepeat():
            self._begin_gesture()
        self._is_key_down = True
        super().keyPressEvent(event)
        self._is_key_down = False

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()

    def _begin_gesture(self) -> None:
        self.gesture = next(_gestures)


class _NumberField(QDoubleSpinBox):
    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """Be as wide as what is typed, not as the largest number that could be."""
        width = self.fontMetrics().horizontalAdvance(_TYPED) + _BUTTONS_PX
        return QSize(width, super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:
        """Return the same."""
        return self.sizeHint()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Leave undo and redo to the dock, but for what is half typed, and pages to the slider."""
        half_typed = self.cleanText() != self.textFromValue(self.value())
        pages = event.key() in (Qt.Key.Key_PageUp, Qt.Key.Key_PageDown)
        if pages or (not half_typed and (is_undo(event) or is_redo(event))):
            event.ignore()
        elif half_typed and event.key() == Qt.Key.Key_Escape:
            self.lineEdit().setText(self.textFromValue(self.value()))
            self.selectAll()
        else:
            super().keyPressEvent(event)

    def validate(self, text: str, position: int) -> object:
        """Take a decimal comma for the point that many people type it for, and 1e-2 for 0.01.

        Left to itself, Qt drops the e as it is typed, and 1e3 becomes 13.
        """
        text = text.replace(",", ".")
        if not _WITH_EXPONENT.fullmatch(text):
            return super().validate(text, position)
        number = _whole_exponent(text)
        is_value = number is not None and self.minimum() <= number <= self.maximum()
        state = QValidator.State.Acceptable if is_value else QValidator.State.Intermediate
        return state, text, position

    def valueFromText(self, text: str) -> float:
        """Return the number that a text says."""
        number = _whole_exponent(text)
        return super().valueFromText(text) if number is None else number

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()


def _whole_exponent(text: str) -> float | None:
    """Return the number of a text like 1e-2; None for any other, and while it is half typed."""
    if _WITH_EXPONENT.fullmatch(text):
        with suppress(ValueError):
            return float(text)
    return None


def lay_out_now() -> None:
    """Have the layouts done that wait for it, those inside one another in one go.

    Left to itself, Qt does the layout of a label that says something else, then its
    panel's, then that one's section's and so on, and draws the whole window each time.
    """
    for _ in range(_LAYOUTS_INSIDE_ONE_ANOTHER):
        QCoreApplication.sendPostedEvents(None, QEvent.Type.LayoutRequest.value)


def is_undo(event: QKeyEvent) -> bool:
    """Return whether a key asks for undo."""
    return event.matches(QKeySequence.StandardKey.Undo)


def is_redo(event: QKeyEvent) -> bool:
    """Return whether a key asks for redo: as the system has it, or Ctrl+Y.

    Not everywhere is Ctrl+Y a standard key of redo, and napari takes it for its 3D display.
    """
    y = event.key() == Qt.Key.Key_Y and event.modifiers() == Qt.KeyboardModifier.ControlModifier
    return y or event.matches(QKeySequence.StandardKey.Redo)


def push_button(
    name: str, text: str, tooltip: str, slot: Any, *, accessible_name: str = ""
) -> QPushButton:
    """Return a button.

    Parameters
    ----------
    name : str
        Its objectName.
    text, tooltip : str
    slot : callable or Signal
        What a click does; a bound method, which keeps nobody alive.
    accessible_name : str, optional
        What a screen reader says, where that is more than `text`.
    """
    button = QPushButton(text)
    button.setObjectName(name)
    button.setAccessibleName(accessible_name or text.rstrip("…"))
    button.setToolTip(tooltip)
    button.clicked.connect(slot)
    return button


def wrapped_label(name: str, text: str) -> QLabel:
    """Return a label that breaks its lines and never widens the dock, whatever it says."""
    label = QLabel(text)
    label.setObjectName(name)
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    policy = label.sizePolicy()
    policy.setHorizontalPolicy(QSizePolicy.Policy.Ignored)
    label.setSizePolicy(policy)
    return label


class ChangingWords(QWidget):
    """Holds a label whose words change with every moved slider.

    A label has all that is around it laid out anew whenever it says something else;
    in here only when it needs another height.
    """

    def __init__(self, label: QLabel) -> None:
        super().__init__()
        self._label = label
        label.setParent(self)
        self.setSizePolicy(label.sizePolicy())

    def hasHeightForWidth(self) -> bool:
        """Tell whether the label breaks its lines; one that is empty has not said so yet."""
        return self._label.wordWrap()

    def heightForWidth(self, width: int) -> int:
        """Return the label's."""
        return self._label.heightForWidth(width)

    def sizeHint(self) -> QSize:
        """Return the label's."""
        return self._label.sizeHint()

    def minimumSizeHint(self) -> QSize:
        """Return the label's."""
        return self._label.minimumSizeHint()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Let the label fill it."""
        self._label.setGeometry(self.rect())
        super().resizeEvent(event)

    def event(self, event: QEvent) -> bool:
        """Ask for another height where the words need it; while hidden nobody is told of them."""
        asks = event.type() in (QEvent.Type.LayoutRequest, QEvent.Type.Show)
        if asks and self.height() != self.heightForWidth(self.width()):
            self.updateGeometry()
        return super().event(event)


class LowText(QPlainTextEdit):
    """Text to read and copy: as high as it needs up to a few lines, the rest is scrolled to.

    Breaks anywhere, so that a long path is seen whole.
    """

    def __init__(self, name: str, text: str = "", *, most_lines: int = 4) -> None:
        super().__init__()
        self.setObjectName(name)
        self._most_lines = most_lines
        self.setReadOnly(True)
        self.setTabChangesFocus(True)
        self.show_text(text)

    def text(self) -> str:
        """Return what is shown."""
        return self.toPlainText()

    def show_text(self, text: str) -> None:
        """Show `text`, a paragraph a line."""
        self.setPlainText(text)
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Take the height that the text needs at the new width."""
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self._fit()

    def _fit(self) -> None:
        text = self.text()
        metrics = self.fontMetrics()
        width = max(self.viewport().width(), _TEXT_WIDTH) - 20
        lines = sum(metrics.horizontalAdvance(line) // width + 1 for line in text.split("\n"))
        self.setFixedHeight(min(lines, self._most_lines) * metrics.lineSpacing() + 14)
