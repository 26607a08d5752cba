"""Two more plots of the Inspect section: the fringe at each count, and the landscape."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, Literal

import matplotlib as mpl
import numpy as np
from matplotlib.colors import to_rgba
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator, PercentFormatter
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QWidget

from napari_zecoverage.core.parameters import MaskParameters, limits_of
from napari_zecoverage.ui.plots import (
    BRANCH_COLOURS,
    BRANCH_LABELS,
    FONT_PT,
    SKY_BLUE,
    VERMILLION,
    Margins,
    Plot,
)

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.backend_bases import MouseEvent

    from napari_zecoverage.core.fringe import Fringe
    from napari_zecoverage.core.landscape import Landscape

What = Literal["field kept", "fringe left"]

_HEIGHT_PX: Final = 300
_BRANCH_TINT: Final = 0.75
_ASIDE: Final = 0.18
"""Frames: the dots of the two colours lie so far beside the count."""

_CAP_PT: Final = 2
_BEYOND: Final = 1.05
"""The last stretch of min_coverage_abs goes on for ever; so much of it is drawn."""


class FringePlot(Plot):
    """The sky's colour at each count of frames against the core's, with its uncertainty.

    Each count's median, and as dots the places that it is the median of.
    """

    _legend_columns = 4

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("fringe_counts", parent)
        with mpl.rc_context({"font.size": FONT_PT}):
            self.axes = self.figure.add_subplot()
            self.zero = self.axes.axhline(0, linewidth=0.8)
            self.tolerated = self.axes.axhspan(0, 0, color="#808080", alpha=0.25, linewidth=0)
            self.line = self.axes.axvline(0, linewidth=1.5, linestyle="--", visible=False)
            self.line.set_animated(True)
            self.axes.set_xlabel("frames on a pixel")
            self.axes.set_ylabel("against the core, ADU")
            self.axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        self._drawn: list[Artist] = []
        self._highest = 0.0
        self._paint()

    def show_fringe(self, fringe: Fringe | None, tolerance: float) -> None:
        """Show a measured fringe; `tolerance` in units of the core's colour noise."""
        self._highest = 0.0
        for artist in self._drawn:
            artist.remove()
        self._drawn = []
        for legend in list(self.figure.legends):
            legend.remove()
        known = [] if fringe is None else [each for each in fringe.counts if each.measurable]
        adu = 0.0 if fringe is None else tolerance * fringe.core_noise
        adu = adu if math.isfinite(adu) else 0.0
        self.tolerated.set_bounds(0, -adu, 1, 2 * adu)
        if fringe is not None and known:
            self._draw_places(fringe)
            self._draw_counts(known)
        self._paint()
        self.lay_out_soon()

    def _draw_places(self, fringe: Fringe) -> None:
        """Draw each place: opposite wings of one count may have opposite colours."""
        steps = fringe.region_steps
        for values, colour, aside in (
            (steps.red_green, VERMILLION, -_ASIDE),
            (steps.blue_green, SKY_BLUE, _ASIDE),
        ):
            (dots,) = self.axes.plot(
                steps.count + aside, values, ".", color=colour, markersize=3, alpha=0.5
            )
            self._drawn.append(dots)
            finite = np.abs(values[np.isfinite(values)])
            self._highest = max(self._highest, float(finite.max(initial=0.0)))

    def _draw_counts(self, known: list) -> None:
        counts = [each.count for each in known]
        handles: list[Artist] = []
        for name, colour, marker in (
            ("red_green", VERMILLION, "o"),
            ("blue_green", SKY_BLUE, "s"),
        ):
            values = [getattr(each, name) for each in known]
            errors = [getattr(each, f"{name}_error") for each in known]
            bars = self.axes.errorbar(
                counts,
                values,
                errors,
                color=colour,
                marker=marker,
                markersize=3,
                linewidth=1,
                capsize=_CAP_PT,
            )
            raw = [getattr(each, f"raw_{name}") for each in known]
            (line,) = self.axes.plot(counts, raw, color=colour, linewidth=1, linestyle=":")
            self._drawn += [bars, line]
            handles += [bars, line]
        # The raw figures may be many times larger: they leave the picture, not the others' room.
        room = 1.15 * max(self._highest, self.tolerated.get_height() / 2, 1e-3)
        self.axes.set_ylim(-room, room)
        self.axes.set_xlim(0, max(counts) + 1)
        self.figure.legend(
            handles,
            ["R−G", "R−G raw", "B−G", "B−G raw"],
            loc="lower center",
            ncols=4,
            frameon=False,
            fontsize=FONT_PT,
        )

    def show_threshold(self, frames: float) -> None:
        """Mark the number of frames that ZeMosaic compares with; NaN for none."""
        self.line.set_visible(bool(np.isfinite(frames)))
        if np.isfinite(frames):
            self.line.set_xdata([frames, frames])
        self.draw_moved()

    def _ink(self) -> list[Artist]:
        return [self.line, self.zero]

    def _moving(self) -> list[Artist]:
        return [self.line]


class LandscapePlot(Plot):
    """Field kept, or the fringe left, over both thresholds at once; a click sets both.

    Signals
    -------
    thresholds_chosen(float, float)
        min_coverage_abs, frames, and min_coverage_frac.
    """

    thresholds_chosen = Signal(float, float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("landscape", parent, height_px=_HEIGHT_PX)
        self._margins = Margins(left=40, right=46)
        self.landscape: Landscape | None = None
        self._what: What = "field kept"
        self._dragging = False
        with mpl.rc_context({"font.size": FONT_PT}):
            self.axes = self.figure.add_subplot()
            self.mesh = self.axes.pcolormesh([0, 1], [0, 1], [[0.0]], cmap="viridis")
            self.bar = self.figure.colorbar(self.mesh, ax=self.axes, pad=0.02)
            self.branches = self.axes.pcolormesh([0, 1], [0, 1], np.zeros((1, 1, 4)))
            # Seen on dark and light cells alike.
            (self.around,) = self.axes.plot([], [], "o", mfc="none", mec="black", mew=3, ms=9)
            (self.point,) = self.axes.plot([], [], "o", mfc="none", mec="white", mew=1.5, ms=9)
            self.axes.set_xlabel("min_coverage_frac, of the maximum")
            self.axes.set_ylabel("min_coverage_abs, frames")
            self.axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        self._legend_of: tuple[str, ...] = ()
        self._paint()
        self._listen(
            button_press=self._on_press,
            motion_notify=self._on_move,
            button_release=self._on_release,
        )

    def show_landscape(self, landscape: Landscape | None) -> None:
        """Show another landscape, None for none."""
        self.landscape = landscape
        self._show()

    def show_what(self, what: What) -> None:
        """Show the field kept, or the fringe that is left."""
        self._what = what
        self._show()

    def show_thresholds(self, min_coverage_abs: float, min_coverage_frac: float) -> None:
        """Mark where the thresholds stand."""
        if self.landscape is not None:
            # What is larger than the maximum does the same as the maximum.
            min_coverage_abs = min(min_coverage_abs, self.landscape.judged.maximum * _BEYOND)
        for artist in (self.around, self.point):
            artist.set_data([min_coverage_frac], [min_coverage_abs])
        self.draw_moved()

    def _show(self) -> None:
        for mesh in (self.mesh, self.branches):
            mesh.remove()
        landscape = self.landscape
        if landscape is None:
            self.mesh = self.axes.pcolormesh([0, 1], [0, 1], [[math.nan]], cmap="viridis")
            self.branches = self.axes.pcolormesh([0, 1], [0, 1], np.zeros((1, 1, 4)))
            sources: tuple[str, ...] = ()
        else:
            sources = self._draw_cells(landscape)
        self.bar.update_normal(self.mesh)
        self.bar.set_label(
            "field kept (hard)"
            if self._what == "field kept"
            else "fringe left, × the noise of a pixel"
        )
        percent = PercentFormatter(1, decimals=0) if self._what == "field kept" else None
        self.bar.ax.yaxis.set_major_formatter(percent or mpl.ticker.ScalarFormatter())
        self._show_legend(sources)
        self._paint()
        self.lay_out_soon()

    def _draw_cells(self, landscape: Landscape) -> tuple[str, ...]:
        top = landscape.judged.maximum * _BEYOND
        rows = [min(each, top) for each in landscape.abs_ends]
        # Beside it, a maximum that differs in the last digit only.
        rows[-1] = top
        columns = list(landscape.frac_ends)
        # The first stretch of each is 0 alone, which has no width.
        values = landscape.field_kept if self._what == "field kept" else landscape.fringe
        source = landscape.source[1:, 1:]
        masked = np.where(source == "coverage", values[1:, 1:], math.nan)
        fringe = self._what == "fringe left"
        finite = masked[np.isfinite(masked)]
        self.mesh = self.axes.pcolormesh(
            columns,
            rows,
            masked,
            # The bright end is what one wants in both: field kept, no fringe.
            cmap="viridis_r" if fringe else "viridis",
            vmin=0.0 if fringe or not finite.size else float(finite.min()),
            vmax=max(1e-3, float(finite.max())) if fringe and finite.size else 1.0,
        )
        colours = np.zeros((*source.shape, 4))
        found = []
        for name, colour in BRANCH_COLOURS.items():
            here = source == name
            if here.any():
                colours[here] = to_rgba(colour, _BRANCH_TINT)
                found.append(name)
        self.branches = self.axes.pcolormesh(columns, rows, colours)
        self.axes.set_xlim(0, 1)
        self.axes.set_ylim(0, top)
        return tuple(found)

    def _show_legend(self, sources: tuple[str, ...]) -> None:
        if sources == self._legend_of:
            return
        self._legend_of = sources
        for legend in list(self.figure.legends):
            legend.remove()
        if sources:
            self.figure.legend(
                [Patch(color=(BRANCH_COLOURS[each], _BRANCH_TINT)) for each in sources],
                [BRANCH_LABELS[each] for each in sources],
                loc="lower center",
                ncols=2,
                frameon=False,
                fontsize=FONT_PT,
            )

    def _moving(self) -> list[Artist]:
        return [self.around, self.point]

    def _paint(self) -> None:
        super()._paint()
        self.bar.ax.yaxis.label.set_color(self._colours.ink)
        self.bar.outline.set_edgecolor(self._colours.line)

    # --- the point -------------------------------------------------------------------------

    def _on_press(self, event: MouseEvent) -> None:
        if event.button == 1 and event.inaxes is self.axes and self.landscape is not None:
            self._dragging = True
            self.gesture = object()
            self._choose(event)

    def _on_move(self, event: MouseEvent) -> None:
        over = event.inaxes is self.axes and self.landscape is not None
        self.canvas.setCursor(Qt.CursorShape.CrossCursor if over else Qt.CursorShape.ArrowCursor)
        if self._dragging:
            self._choose(event)

    def _on_release(self, _event: MouseEvent) -> None:
        self._dragging = False

    def _choose(self, event: MouseEvent) -> None:
        if self.landscape is None:
            return
        share, count = self.axes.transData.inverted().transform((event.x, event.y))
        count = _floored("min_coverage_abs", float(count), self.landscape.judged.maximum)
        share = _floored("min_coverage_frac", float(share), 1.0)
        self.show_thresholds(count, share)
        self.thresholds_chosen.emit(count, share)


def _floored(name: str, value: float, most: float) -> float:
    """Return a value inside its range, down to the digits that its field shows.

    Down, so that a value that ends a stretch stays inside it.
    """
    limits = limits_of(MaskParameters, name)
    scale = 10 ** (2 if limits is None else limits.decimals)
    return math.floor(min(max(value, 0.0), most) * scale + 1e-6) / scale
