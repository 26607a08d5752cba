"""The plots of the Inspect section: matplotlib in napari's colours.

A plot's artists are made once and then only given other data. Drawing is dear, and
holds up the window: it is done when nothing has changed for a moment, and not while
the plot is hidden. The line of the threshold, which follows the sliders, is drawn
over the picture of all the rest. The axes' places are reckoned, not tried out.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import cv2
import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_qtagg import FigureCanvasQTAgg
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import EngFormatter, MaxNLocator, PercentFormatter, StrMethodFormatter
from napari.utils.notifications import show_error, show_info
from napari.utils.theme import get_theme
from qtpy.QtCore import QElapsedTimer, Qt, QTimer, Signal
from qtpy.QtGui import QKeyEvent, QPaintEvent, QWheelEvent
from qtpy.QtWidgets import QFileDialog, QSizePolicy, QVBoxLayout, QWidget

from napari_zecoverage.core.parameters import MaskParameters, limits_of

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axis import Axis
    from matplotlib.backend_bases import MouseEvent
    from numpy.typing import NDArray

    from napari_zecoverage.core.curves import FieldCurve
    from napari_zecoverage.core.levels import Branch, LevelField
    from napari_zecoverage.profile import Profile

# Of Okabe and Ito, told apart with any colour vision.
ORANGE: Final = "#E69F00"
SKY_BLUE: Final = "#56B4E9"
GREEN: Final = "#009E73"
VERMILLION: Final = "#D55E00"
PURPLE: Final = "#CC79A7"

BRANCH_COLOURS: Final[dict[Branch, str]] = {
    "low-signal": ORANGE,
    "radial": PURPLE,
    "dropped": VERMILLION,
}
BRANCH_LABELS: Final[dict[Branch, str]] = {
    "low-signal": "low-signal mask",
    "radial": "radial mask",
    "dropped": "mask dropped",
}
_TINT: Final = 0.35
FONT_PT: Final = 8
_HEIGHT_PX: Final = 250
_LEAST_WIDTH_PX: Final = 200
_QUIET_MS: Final = 150
_WAIT_AT_MOST_MS: Final = 600
_LEGEND_ROW_PT: Final = 13
_LEGEND_GAP_PT: Final = 6
_FEW_STEPS: Final = 4
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
        self, name: str, parent: QWidget | None = None, *, height_px: int = _HEIGHT_PX
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
        path, _ = QFileDialog.getSaveFileName(
            self, "Save the plot", f"{self.objectName()}.png", _IMAGES
        )
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


class HistogramPlot(Plot):
    """How many pixels are covered by how many frames, and where the threshold stands."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("coverage_histogram", parent)
        with mpl.rc_context({"font.size": FONT_PT}):
            self.axes = self.figure.add_subplot()
            self.bars = self.axes.stairs([0], [0.5, 1.5], fill=True, color=SKY_BLUE)
            self.line = self.axes.axvline(0, linewidth=1.5, linestyle="--", visible=False)
            self.line.set_animated(True)
            self.axes.set_xlabel("frames on a pixel")
            self.axes.set_ylabel("pixels")
            self.axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            # Short, however many: 1.2M.
            self.axes.yaxis.set_major_formatter(EngFormatter(sep=""))
        self._paint()

    def show_counts(self, counts: NDArray[np.int64]) -> None:
        """Show the pixels with 1, 2, … frames; ``counts[0]``, of no frame, is left out."""
        values = counts[1:] if counts.size > 1 else np.zeros(1, np.int64)
        self.bars.set_data(values, np.arange(values.size + 1) + 0.5)
        self.axes.set_xlim(0, values.size + 1)
        self._scale()

    def show_threshold(self, frames: float) -> None:
        """Mark the number of frames that ZeMosaic compares with; NaN for none."""
        self.line.set_visible(bool(np.isfinite(frames)))
        if np.isfinite(frames):
            self.line.set_xdata([frames, frames])
        self.draw_moved()

    def set_log(self, log: bool) -> None:
        """Show the pixels on a logarithmic scale, for counts that few pixels have."""
        self.axes.set_yscale("log" if log else "linear")
        self._scale()

    def _scale(self) -> None:
        values = self.bars.get_data().values
        most = max(1.0, float(np.max(values)))
        if self.axes.get_yscale() == "log":
            # A bar must begin somewhere: below the smallest that there is.
            self.bars.set_data(baseline=0.5)
            self.axes.set_ylim(0.5, most * 2)
        else:
            self.bars.set_data(baseline=0)
            self.axes.set_ylim(0, most * 1.08)
        self.axes.yaxis.set_major_formatter(EngFormatter(sep=""))
        self._paint()
        self.draw_soon()

    def _ink(self) -> list[Artist]:
        return [self.line]

    def _moving(self) -> list[Artist]:
        return [self.line]


_STEPS: Final[dict[int, int]] = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}


class FieldPlot(Plot):
    """Field kept against a threshold; the line is dragged to set it.

    A click sets the threshold, too, and the left and right keys go to the next
    value that makes a difference.

    Signals
    -------
    value_chosen(float)
        The threshold's new value.
    """

    value_chosen = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("field_kept", parent)
        self.curve: FieldCurve | None = None
        self._dragging = False
        with mpl.rc_context({"font.size": FONT_PT}):
            self.axes = self.figure.add_subplot()
            (self.hard,) = self.axes.plot([], [], color=SKY_BLUE, linewidth=2)
            (self.soft,) = self.axes.plot([], [], color=GREEN, linewidth=1.5, linestyle=":")
            self.fringe_axes = self.axes.twinx()
            (self.fringe,) = self.fringe_axes.plot(
                [], [], color=PURPLE, linewidth=1.5, linestyle="-."
            )
            self.fringe_axes.set_ylabel("fringe left, × noise")
            _write_few_numbers(self.fringe_axes.yaxis)
            # The mouse is told of the uppermost axes.
            self.axes.set_zorder(self.fringe_axes.get_zorder() + 1)
            self.branches = PolyCollection(
                [], transform=self.axes.get_xaxis_transform(), linewidths=0, zorder=0
            )
            self.axes.add_collection(self.branches, autolim=False)
            (self.cliffs,) = self.axes.plot(
                [], [], "v", color=VERMILLION, transform=self.axes.get_xaxis_transform()
            )
            self.cliffs.set(clip_on=False, markersize=7)
            self.line = self.axes.axvline(0, linewidth=2, animated=True)
            self.axes.set_ylabel("field kept")
            self.axes.set_ylim(0, 1.02)
            self.axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        self._legend_of: tuple[str, ...] = ()
        self._paint()
        self._listen(
            button_press=self._on_press,
            motion_notify=self._on_move,
            button_release=self._on_release,
        )

    def show_curve(self, curve: FieldCurve) -> None:
        """Show another curve."""
        shown, self.curve = self.curve, curve
        if shown is not None and (shown.over, shown.stretches) == (curve.over, curve.stretches):
            # A moved threshold does not change the curve that it lies on.
            return
        right = self._right()
        ends = [(each.low, min(each.high, right)) for each in curve.stretches]
        for artist, values in (
            (self.hard, [each.field.hard for each in curve.stretches]),
            (self.soft, [each.field.soft for each in curve.stretches]),
        ):
            artist.set_data(np.ravel(ends), np.repeat(values, 2))
        left = [_sigmas(each.field) for each in curve.stretches]
        self.fringe.set_data(np.ravel(ends), np.repeat(left, 2))
        self.fringe_axes.set_ylim(0, 1.1 * max(0.1, np.nanmax([0.0, *left])))
        self._show_fringe_axis(bool(np.isfinite(left).any()))
        marked = [
            (low, high, each.field.source)
            for (low, high), each in zip(ends, curve.stretches, strict=True)
            if each.field.source in BRANCH_COLOURS
        ]
        # What holds for a single value must be seen as well.
        least = right / 150
        self.branches.set_verts([_box(low, max(high, low + least)) for low, high, _ in marked])
        self.branches.set_facecolor([(BRANCH_COLOURS[each], _TINT) for _, _, each in marked])
        self.cliffs.set_data([each.value for each in curve.cliffs], [1.0] * len(curve.cliffs))
        self.axes.set_xlim(-right / 100, right)
        unit = "of the maximum" if curve.over == "min_coverage_frac" else "frames"
        self.axes.set_xlabel(f"{curve.over}, {unit}")
        self._show_legend(tuple(dict.fromkeys(each for _, _, each in marked)))
        self.draw_soon()

    def show_nothing(self) -> None:
        """Show no curve at all."""
        self.curve = None
        for artist in (self.hard, self.soft, self.fringe, self.cliffs):
            artist.set_data([], [])
        self._show_fringe_axis(False)
        self.branches.set_verts([])
        self.draw_soon()

    def show_value(self, value: float) -> None:
        """Put the line where the threshold stands."""
        self.line.set_xdata([value, value])
        self.draw_moved()

    def _show_fringe_axis(self, shown: bool) -> None:
        """Give the fringe its axis where it is measurable, its room to the field where not."""
        self.fringe_axes.yaxis.set_visible(shown)
        self._margins = Margins(right=40) if shown else Margins()
        self.lay_out_soon()

    def _right(self) -> float:
        if self.curve is None or self.curve.over == "min_coverage_frac":
            return 1.0
        # Beyond the maximum, where the last stretch goes on.
        return self.curve.maximum * 1.05

    def _show_legend(self, branches: tuple[Branch, ...]) -> None:
        """Say what the lines are, and which branches there are."""
        cliffs = self.curve is not None and bool(self.curve.cliffs)
        fringe = self.fringe_axes.yaxis.get_visible()
        wanted = (*branches, str(cliffs), str(fringe))
        if wanted == self._legend_of:
            return
        self._legend_of = wanted
        for legend in list(self.figure.legends):
            legend.remove()
        handles: list[Artist] = [self.hard, self.soft]
        labels = ["opaque (hard)", "mean alpha (soft)"]
        if fringe:
            handles.append(self.fringe)
            labels.append("fringe left")
        if cliffs:
            handles.append(self.cliffs)
            labels.append("cliff")
        for each in branches:
            handles.append(Patch(color=(BRANCH_COLOURS[each], _TINT)))
            labels.append(BRANCH_LABELS[each])
        self.figure.legend(
            handles, labels, loc="lower center", ncols=2, frameon=False, fontsize=FONT_PT
        )
        self._paint()
        self.lay_out_soon()

    def _ink(self) -> list[Artist]:
        return [self.line]

    def _moving(self) -> list[Artist]:
        return [self.line]

    # --- the line ------------------------------------------------------------------------

    def _on_press(self, event: MouseEvent) -> None:
        if event.button == 1 and event.inaxes is self.axes and self.curve is not None:
            self._dragging = True
            self.gesture = object()
            self._choose(event.x)

    def _on_move(self, event: MouseEvent) -> None:
        over = event.inaxes is self.axes and self.curve is not None
        self.canvas.setCursor(
            Qt.CursorShape.SplitHCursor if over or self._dragging else Qt.CursorShape.ArrowCursor
        )
        if self._dragging:
            # By the pixel, which goes on beyond the axes: the line stops at their end.
            self._choose(event.x)

    def _on_release(self, _event: MouseEvent) -> None:
        self._dragging = False

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Take the left and right keys for the line."""
        step = _STEPS.get(event.key(), 0)
        # On a Mac the arrows count as keys of the number pad.
        held = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        if self.curve is None or not step or held != Qt.KeyboardModifier.NoModifier:
            super().keyPressEvent(event)
            return
        if not event.isAutoRepeat():
            self.gesture = object()
        self._go(self.curve, step)

    def _go(self, curve: FieldCurve, step: int) -> None:
        """Offer the end of the stretch beside the one that the line stands in."""
        now = float(np.asarray(self.line.get_xdata())[0])
        index = curve.stretches.index(curve.at(now)) + step
        if 0 <= index < len(curve.stretches):
            high = curve.stretches[index].high
            self._offer(curve.maximum if np.isinf(high) else high)

    def _choose(self, pixel: float) -> None:
        self._offer(float(self.axes.transData.inverted().transform((pixel, 0))[0]))

    def _offer(self, value: float) -> None:
        if self.curve is None:
            return
        limits = limits_of(MaskParameters, self.curve.over)
        decimals = 2 if limits is None else limits.decimals
        most = 1.0 if self.curve.over == "min_coverage_frac" else self.curve.maximum
        # Down, so that a value that ends a stretch stays inside it.
        scale = 10**decimals
        value = float(np.floor(min(max(value, 0.0), most) * scale + 1e-6) / scale)
        self.show_value(value)
        self.value_chosen.emit(value)


class ProfilePlot(Plot):
    """R, G, B above, coverage and alpha below, along a line."""

    _legend_above = True
    _legend_columns = 3

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("profile", parent, height_px=320)
        self._margins = Margins(right=40)
        with mpl.rc_context({"font.size": FONT_PT}):
            self.tile_axes, self.axes = self.figure.subplots(2, 1, sharex=True)
            self.channels = [
                self.tile_axes.plot([], [], color=colour, label=name, linewidth=1)[0]
                for name, colour in (("R", VERMILLION), ("G", GREEN), ("B", SKY_BLUE))
            ]
            (self.coverage,) = self.axes.plot([], [], color=PURPLE, label="coverage")
            self.alpha_axes = self.axes.twinx()
            (self.alpha,) = self.alpha_axes.plot([], [], color=ORANGE, label="alpha")
            self.alpha.set_linestyle("--")
            self.alpha_axes.set_ylim(-0.03, 1.03)
            self.alpha_axes.set_ylabel("alpha")
            self.tile_axes.set_ylabel("ADU − median")
            self.axes.set_ylabel("frames")
            self.axes.set_xlabel("pixels along the line")
            self.axes.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
            self.figure.legend(
                handles=[*self.channels, self.coverage, self.alpha],
                loc="upper center",
                ncols=3,
                frameon=False,
                fontsize=FONT_PT,
            )
        self._paint()

    def show_profile(self, profile: Profile) -> None:
        """Show another profile."""
        tile = _above_median(profile.tile)
        for index, channel in enumerate(self.channels):
            channel.set_data(profile.distance, tile[:, index])
        self.coverage.set_data(profile.distance, profile.coverage)
        self.alpha.set_data(profile.distance, profile.alpha)
        self.axes.set_xlim(0, max(1.0, float(profile.distance[-1])))
        seen = tile[np.isfinite(tile)]
        if seen.size:
            # A star would flatten the sky, where the fringe is.
            low, high = np.percentile(seen, (0.5, 98))
            room = max(1.0, (high - low) * 0.1)
            self.tile_axes.set_ylim(low - room, high + room)
        most = float(np.nanmax(profile.coverage, initial=1.0))
        self.axes.set_ylim(-0.03 * most, most * 1.05)
        self.draw_soon()


def _write_few_numbers(axis: Axis) -> None:
    """Have few and short numbers beside an axis: its label is beyond them, and has little room."""
    axis.set_major_locator(MaxNLocator(_FEW_STEPS, steps=[1, 2, 5, 10]))
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))


def _above_median(tile: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each channel less its own median: the channels' levels hide their steps."""
    shown = tile.copy()
    for index in range(tile.shape[1]):
        channel = tile[:, index]
        finite = channel[np.isfinite(channel)]
        if finite.size:
            shown[:, index] -= np.median(finite)
    return shown


def _sigmas(level: LevelField) -> float:
    """Return the fringe that is left, in units of the core's colour noise; NaN for unknown."""
    return math.nan if level.fringe is None else level.fringe.sigmas


def _box(low: float, high: float) -> list[tuple[float, float]]:
    return [(low, 0.0), (high, 0.0), (high, 1.0), (low, 1.0)]


def count_pixels(coverage: NDArray[Any]) -> NDArray[np.int64]:
    """Return how many pixels have 0, 1, 2, … frames (parts of a frame are dropped)."""
    frames = np.ascontiguousarray(coverage, dtype=np.float32)
    finite = frames[np.isfinite(frames)] if not np.isfinite(frames.max(initial=0)) else frames
    most = max(0, int(finite.max(initial=0)))
    # In one pass, without an integer for every pixel.
    found = cv2.calcHist([finite], [0], None, [most + 1], [0, most + 1])
    counts = np.rint(found.ravel()).astype(np.int64)
    counts[0] = frames.size - counts[1:].sum()
    return counts
