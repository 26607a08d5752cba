"""How the panels were left: folded sections, tabs, choices, the dock's width."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike
from typing import Any, Final

from qtpy.QtCore import QEvent, QObject, Qt, QTimer
from qtpy.QtWidgets import (
    QAbstractButton,
    QComboBox,
    QDockWidget,
    QMainWindow,
    QTabWidget,
    QWidget,
)

from napari_zecoverage.ui.kept_json import KeptJson, settings_folder

FILE_NAME: Final = "panels.json"
_WAIT_MS: Final = 500
_WIDEST_SHARE: Final = 0.5
_WIDTH: Final = "dock_width"


class RememberedPanels(QObject):
    """Puts widgets back as they were left the last time, and keeps how they are left now.

    Widgets are known by their objectName. Whatever the file says that a widget
    does not offer is passed over.

    Parameters
    ----------
    path : path-like, optional
        The file.
    """

    def __init__(
        self, parent: QObject | None = None, path: str | PathLike[str] | None = None
    ) -> None:
        super().__init__(parent)
        self._file = KeptJson(settings_folder() / FILE_NAME if path is None else path, version=1)
        widgets = self._file.read().get("widgets")
        self._values: dict[str, Any] = widgets if isinstance(widgets, dict) else {}
        self._is_changed = False
        self._is_width_set = False
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_WAIT_MS)
        self._soon.timeout.connect(self.save)

    def follow(self, widgets: Iterable[QWidget]) -> None:
        """Put widgets back as they were left, and remember what is done to them from now on."""
        for widget in widgets:
            if widget.objectName() in self._values:
                _set_state(widget, self._values[widget.objectName()])
            if isinstance(widget, QComboBox):
                widget.currentIndexChanged.connect(self._on_changed)
            elif isinstance(widget, QTabWidget):
                widget.currentChanged.connect(self._on_changed)
            elif isinstance(widget, QAbstractButton):
                widget.toggled.connect(self._on_changed)

    def follow_width(self, docked: QWidget) -> None:
        """Give a docked widget the width that it was left with, when it is shown first."""
        docked.installEventFilter(self)

    def save(self) -> None:
        """Write what was not written yet."""
        self._soon.stop()
        if self._is_changed:
            self._is_changed = False
            self._file.write({"widgets": self._values})

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the width; write before the widget goes."""
        if event.type() == QEvent.Type.Show:
            self._set_width(watched)
        elif event.type() == QEvent.Type.Resize and self._is_wide_by_hand(watched):
            self._keep(_WIDTH, watched.width())
        elif event.type() in (QEvent.Type.Hide, QEvent.Type.ParentChange):
            self.save()
        return False

    def _set_width(self, docked: QWidget) -> None:
        width, dock = self._values.get(_WIDTH), _dock_of(docked)
        window = None if dock is None else dock.window()
        if type(width) is int and isinstance(window, QMainWindow) and not self._is_width_set:
            most = round(window.width() * _WIDEST_SHARE)
            window.resizeDocks([dock], [min(width, most)], Qt.Orientation.Horizontal)
        self._is_width_set = True

    def _is_wide_by_hand(self, docked: QWidget) -> bool:
        dock = _dock_of(docked)
        seen = dock is not None and not dock.isFloating() and docked.isVisible()
        return self._is_width_set and seen

    def _on_changed(self, _value: object = None) -> None:
        widget = self.sender()
        self._keep(widget.objectName(), _state_of(widget))

    def _keep(self, name: str, value: Any) -> None:
        self._values[name] = value
        self._is_changed = True
        self._soon.start()


def _dock_of(docked: QWidget) -> QDockWidget | None:
    above = docked.parentWidget()
    while above is not None and not isinstance(above, QDockWidget):
        above = above.parentWidget()
    return above


def _state_of(widget: QWidget) -> Any:
    if isinstance(widget, QComboBox):
        return widget.currentData() or widget.currentText()
    if isinstance(widget, QTabWidget):
        return widget.tabText(widget.currentIndex())
    return widget.isChecked()


def _set_state(widget: QWidget, value: Any) -> None:
    if isinstance(widget, QComboBox) and isinstance(value, str):
        data, text = widget.findData(value), widget.findText(value)
        if max(data, text) >= 0:
            widget.setCurrentIndex(data if data >= 0 else text)
    elif isinstance(widget, QTabWidget):
        titles = [widget.tabText(index) for index in range(widget.count())]
        if value in titles:
            widget.setCurrentIndex(titles.index(value))
    elif isinstance(widget, QAbstractButton) and isinstance(value, bool):
        widget.setChecked(value)
