"""A hand on the mouse, over the picture, over sliders, over plots; and on the keys."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QKeyEvent, QMouseEvent
from qtpy.QtWidgets import QApplication, QSlider, QStyle, QStyleOptionSlider, QWidget

LEFT = Qt.MouseButton.LeftButton


def drag(qtbot, widget: QWidget, *places: QPoint) -> None:
    """Press at the first place, move over the others, release at the last."""
    qtbot.mousePress(widget, LEFT, pos=places[0])
    for place in places[1:]:
        # qtbot's moves have no button held, and nothing would follow.
        move = QMouseEvent(
            QEvent.Type.MouseMove,
            QPointF(place),
            QPointF(widget.mapToGlobal(place)),
            Qt.MouseButton.NoButton,
            LEFT,
            Qt.KeyboardModifier.NoModifier,
        )
        QApplication.sendEvent(widget, move)
    qtbot.mouseRelease(widget, LEFT, pos=places[-1])


def hold_key(widget: QWidget, key: Qt.Key, *, times: int) -> None:
    """Press a key and hold it down, so that it comes so many times."""
    for repeated in (False, *[True] * (times - 1)):
        press = QKeyEvent(QEvent.Type.KeyPress, key, Qt.KeyboardModifier.NoModifier, "", repeated)
        QApplication.sendEvent(widget, press)


def drag_slider(qtbot, slider: QSlider, value: int) -> None:
    """Take hold of a slider's handle and bring it to about a value, in a few steps."""
    option = QStyleOptionSlider()
    slider.initStyleOption(option)
    part = QStyle.SubControl.SC_SliderHandle
    handle = slider.style().subControlRect(QStyle.ComplexControl.CC_Slider, option, part, slider)
    span = slider.maximum() - slider.minimum()
    way = (value - slider.value()) / span * (slider.width() - handle.width())
    start = handle.center()
    steps = [start + QPoint(round(way * step / 4), 0) for step in range(5)]
    drag(qtbot, slider, *steps)


class Canvas:
    """The window's canvas, and where a pixel of the picture lies on it."""

    def __init__(self, qtbot, viewer) -> None:
        self.qtbot = qtbot
        self.camera = viewer.scene.camera
        self.widget = viewer.window._qt_viewer.canvas.native

    def at(self, y: float, x: float) -> QPoint:
        """Return where a pixel lies, in Qt's pixels."""
        _, middle_y, middle_x = self.camera.center
        return QPoint(
            round(self.widget.width() / 2 + (x - middle_x) * self.camera.zoom),
            round(self.widget.height() / 2 + (y - middle_y) * self.camera.zoom),
        )

    def drag(self, *places: QPoint) -> None:
        """Drag over the picture."""
        drag(self.qtbot, self.widget, *places)


def place_in_plot(plot, x: float, y: float) -> QPoint:
    """Return where a point of a plot's axes lies on its canvas, in Qt's pixels."""
    right, up = plot.axes.transData.transform((x, y)) / plot.canvas.device_pixel_ratio
    return QPoint(round(right), round(plot.canvas.height() - up))
