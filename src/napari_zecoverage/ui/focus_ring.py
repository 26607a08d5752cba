"""A ring round the control that has the keyboard: napari's themes show none."""

from __future__ import annotations

from typing import Final

from qtpy.compat import isalive
from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QPainter, QPaintEvent, QPen
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QSlider,
    QTabBar,
    QWidget,
)

_KINDS: Final = (QAbstractButton, QAbstractSpinBox, QComboBox, QLineEdit, QSlider, QTabBar)
_AROUND_PX: Final = 2
_FOLLOWED: Final = (QEvent.Type.Move, QEvent.Type.Resize, QEvent.Type.Show, QEvent.Type.Hide)


class FocusRing(QWidget):
    """Lies round whichever control of an area has the focus; clicks go through it.

    Parameters
    ----------
    area : QWidget
        Only controls inside it get the ring.
    """

    def __init__(self, area: QWidget) -> None:
        super().__init__(area)
        self.setObjectName("focus_ring")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._area = area
        self._control: QWidget | None = None
        self.hide()
        QApplication.instance().focusChanged.connect(self._on_focus_changed)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the control that has the focus."""
        if event.type() in _FOLLOWED and isalive(self) and watched is self._control:
            self._place()
        return False

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the ring in the colour of the theme's words."""
        painter = QPainter(self)
        painter.setPen(QPen(self.palette().windowText().color(), 1))
        painter.drawRoundedRect(self.rect().adjusted(0, 0, -1, -1), 3, 3)

    def _on_focus_changed(self, _old: QWidget | None, now: QWidget | None) -> None:
        # The application outlives the dock.
        if not isalive(self):
            return
        if self._control is not None and isalive(self._control):
            self._control.removeEventFilter(self)
        has_ring = isinstance(now, _KINDS) and self._area.isAncestorOf(now)
        self._control = now if has_ring else None
        if self._control is not None:
            self._control.installEventFilter(self)
        self._place()

    def _place(self) -> None:
        control = self._control
        if control is None or not control.isVisible():
            self.hide()
            return
        # Beside the control, so that it moves with whatever both are in.
        around = control.parentWidget()
        self.setParent(around)
        wider = control.geometry().adjusted(-_AROUND_PX, -_AROUND_PX, _AROUND_PX, _AROUND_PX)
        self.setGeometry(wider & around.rect())
        self.show()
        self.raise_()
