"""A plot in which a threshold is set with the mouse: by a click, or by dragging."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt

from napari_zecoverage.ui.inspect.plot import HEIGHT_PX, Plot

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.backend_bases import MouseEvent
    from qtpy.QtWidgets import QWidget


class DraggedPlot(Plot):
    """Hands on where the mouse is, from the press of its left button until the release.

    Parameters
    ----------
    name, parent
        As for `Plot`.
    cursor : Qt.CursorShape
        Over the axes, and while it is dragged.
    height_px : int
        As for `Plot`.
    """

    axes: Axes

    def __init__(
        self,
        name: str,
        parent: QWidget | None,
        *,
        cursor: Qt.CursorShape,
        height_px: int = HEIGHT_PX,
    ) -> None:
        super().__init__(name, parent, height_px=height_px)
        self._cursor = cursor
        self._dragging = False
        self._listen(
            button_press=self._on_press,
            motion_notify=self._on_move,
            button_release=self._on_release,
        )

    def _has_choice(self) -> bool:
        """Return whether anything is shown of which a value can be chosen."""
        raise NotImplementedError

    def _take_hold(self, event: MouseEvent) -> None:
        """Note where the mouse took hold, before the first `_choose` of a drag."""

    def _choose(self, event: MouseEvent) -> None:
        """Choose what lies under the mouse, which may be dragged beyond the axes."""
        raise NotImplementedError

    def _on_press(self, event: MouseEvent) -> None:
        if event.button == 1 and event.inaxes is self.axes and self._has_choice():
            self._dragging = True
            self.gesture = object()
            self._take_hold(event)
            self._choose(event)

    def _on_move(self, event: MouseEvent) -> None:
        over = event.inaxes is self.axes and self._has_choice()
        shape = self._cursor if over or self._dragging else Qt.CursorShape.ArrowCursor
        self.canvas.setCursor(shape)
        if self._dragging:
            self._choose(event)

    def _on_release(self, _event: MouseEvent) -> None:
        self._dragging = False
