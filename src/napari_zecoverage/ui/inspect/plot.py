"""What the plots of the Inspect section have in common: matplotlib in napari's colours.

A plot's artists are made once and then only given other data. Drawing is dear, and
holds up the window: it is done when nothing has changed for a moment, and not while
the plot is hidden. The line of the threshold, which follows the sliders, is drawn
over the picture of all the rest. The axes' places are reckoned, not tried out.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from matplotlib.backends.backend_qtagg import FigureCanvasQTAgg
from matplotlib.figure import Figure
from napari.utils.notifications import show_error, show_info
from napari.utils.theme import get_theme
from qtpy.QtCore import QElapsedTimer, Qt, QTimer, Signal
from qtpy.QtGui import QKeyEvent, QPaintEvent, QWheelEvent
from qtpy.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from napari_zecoverage.ui.saving import ask_where

if TYPE_CHECKING:
    from matplotlib.artist import Artist

FONT_PT: Final = 8
HEIGHT_PX: Final = 250
_LEAST_WIDTH_PX: Final = 200
_QUIET_MS: Final = 150
_WAIT_AT_MOST_MS: Final = 600
_LEGEND_ROW_PT: Final = 13
_LEGEND_GAP_PT: Final = 6
_IMAGES: Final = "Picture (*.png);;Vector graphics (*.svg);;PDF (*.pdf)"


class PlotColours(NamedTuple):
    """A plot's colours, as matplotlib reads them."""

    paper: str
    ink: str
    line: str


def colours_of_theme(theme: str) -> PlotColours:
    """Return the colours of one of napari's themes."""
    colours = get_theme(theme)
    return PlotColours(
        paper=colours.background.as_hex(format="long"),
        ink=colours.text.as_hex(format="long"),
        line=colours.icon.as_hex(format="long"),
    )


class Margins(NamedTuple):
    """Room round the axes for what is written there, in points."""

    left: float = 54
    right: float = 12
    top: float = 9
    bottom: float = 32


class _Canvas(FigureCanvasQTAgg):
    painted = Signal()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        self.painted.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        # The dock is scrolled, also over a plot.
        event.ignore()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        # Matplotlib would keep every key: they are for the plot, then for the dock.
        event.ignore()

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        # Whoever was told that a key is held must be told of its end.
        event.ignore()


class Plot(QWidget):
    """A figure that follows napari's theme and can be saved.

    Parameters
    ----------
    name : str
        The objectName; also proposed as the name of a saved file.

    Attributes
    ----------
    gesture : object
        The drag, or the key held down, that chose what was chosen last: equal to no other,
        None before the first. `History.record` takes it.
    """

    def __init__(
        self, name: str, parent: QWidget | None = None, *, height_px: int = HEIGHT_PX
    ) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.gesture: object = None
        self._margins = Margins()
        self._stale = True
        self._asked = QElapsedTimer()
        self._below: Any = None
        self._colours = colours_of_theme("dark")
        self.figure = Figure()
        self.canvas = _Canvas(self.figure)
        self.canvas.painted.connect(self._on_painted)
        self.canvas.mpl_connect("draw_event", self._on_drawn)
        self.canvas.mpl_connect("resize_event", self._on_resized)
        self.canvas.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.canvas.setFixedHeight(height_px)
        # A figure that is nearly nothing wide has no room for its axes.
        self.canvas.setMinimumWidth(_LEAST_WIDTH_PX)
        self.canvas.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.canvas)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_QUIET_MS)
        self._soon.timeout.connect(self._draw)

    def _listen(self, **slots: Any) -> None:
        """Connect slots to matplotlib's events of the canvas, named without ``_event``."""
        for name, slot in slots.items():
            self.canvas.mpl_connect(f"{name}_event", slot)

    def follow_theme(self, theme: str) -> None:
        """Take the colours of one of napari's themes."""
        self._colours = colours_of_theme(theme)
        self._paint()
        self.draw_soon()

    def draw_soon(self) -> None:
        """Draw when it is quiet; what nobody sees is drawn when it is seen."""
        if not self._stale:
            self._stale = True
            self._asked.start()
        if self.canvas.visibleRegion().isEmpty():
            return
        # Whoever asks again and again is not put off for ever.
        waited = self._asked.isValid() and self._asked.elapsed() > _WAIT_AT_MOST_MS
        if not (waited and self._soon.isActive()):
            self._soon.start()

    def draw_moved(self) -> None:
        """Draw what moves over the picture of the rest: at once, and in about a millisecond."""
        if self._stale or self._below is None or self.canvas.visibleRegion().isEmpty():
            self.draw_soon()
            return
        self.canvas.restore_region(self._below)
        self._draw_moving()
        self.canvas.update()

    def _on_painted(self) -> None:
        if self._stale and not self._soon.isActive():
            self._soon.start()

    def _on_drawn(self, _event: object) -> None:
        # A file has another size, and the moving artists in it; some kinds of files have
        # a canvas of their own.
        if not self.figure.canvas.is_saving():
            self._below = self.canvas.copy_from_bbox(self.figure.bbox)
            self._draw_moving()

    def _draw_moving(self) -> None:
        for artist in self._moving():
            if artist.get_visible():
                self.figure.draw_artist(artist)

    def _moving(self) -> list[Artist]:
        """Return the artists that follow the sliders; they are made with ``animated=True``."""
        return []

    def save(self) -> None:
        """Ask for a file and save the plot as it is shown."""
        path = ask_where(self, "Save the plot", f"{self.objectName()}.png", _IMAGES)
        if not path:
            return
        # The file's drawing has another size, and takes the place of the screen's.
        self._below = None
        self.draw_soon()
        try:
            self.figure.savefig(path, dpi=200)
        except (OSError, ValueError) as error:
            show_error(f"{path}: the plot could not be saved ({error})")
            return
        # Until it is painted matplotlib takes a drawing for begun, and begins no other.
        self.canvas.update()
        show_info(f"Saved {path}")

    def _on_resized(self, _event: object) -> None:
        # The canvas tells it: it has its new size later than this widget.
        self.lay_out_soon()

    def lay_out_soon(self) -> None:
        """Give the axes all but the margins, and draw."""
        width, height = (72 * inches for inches in self.figure.get_size_inches())
        margins = self._margins
        texts = sum(len(each.get_texts()) for each in self.figure.legends)
        rows = math.ceil(texts / self._legend_columns)
        above, below = margins.top, margins.bottom
        if self._legend_above:
            above += rows * _LEGEND_ROW_PT
        else:
            below += rows * _LEGEND_ROW_PT + (_LEGEND_GAP_PT if rows else 0)
        # A figure that is nearly nothing high keeps its axes.
        bottom = min(below / height, 0.6)
        left = min(margins.left / width, 0.4)
        self.figure.subplots_adjust(
            left=left,
            right=max(1 - margins.right / width, left + 0.1),
            top=max(1 - above / height, bottom + 0.1),
            bottom=bottom,
        )
        self.draw_soon()

    _legend_above = False
    _legend_columns = 2

    def _draw(self) -> None:
        self._stale = False
        self._below = None
        self.canvas.draw_idle()

    def _paint(self) -> None:
        """Give every artist that is ink or paper its colour."""
        colours = self._colours
        self.figure.set_facecolor(colours.paper)
        for axes in self.figure.axes:
            axes.set_facecolor("none")
            axes.tick_params(colors=colours.ink, which="both")
            for spine in axes.spines.values():
                spine.set_color(colours.line)
            for text in (axes.xaxis.label, axes.yaxis.label, axes.title):
                text.set_color(colours.ink)
        for artist in self._ink():
            artist.set(color=colours.ink)
        for legend in self.figure.legends:
            for text in legend.get_texts():
                text.set_color(colours.ink)

    def _ink(self) -> list[Artist]:
        """Return the artists that are drawn in the theme's ink."""
        return []
