"""Field kept, or the fringe that is left, over both thresholds."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, Literal

import matplotlib as mpl
import numpy as np
from matplotlib.colors import to_rgba
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import MaxNLocator, PercentFormatter
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QWidget

from napari_zecoverage.ui.inspect.chosen_threshold import chosen_threshold
from napari_zecoverage.ui.inspect.dragged_plot import DraggedPlot
from napari_zecoverage.ui.inspect.palette import BRANCH_COLOURS, BRANCH_LABELS
from napari_zecoverage.ui.inspect.plot import FONT_PT, Margins

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.backend_bases import MouseEvent

    from napari_zecoverage.core.landscape import Landscape

What = Literal["field kept", "fringe left"]

_HEIGHT_PX: Final = 300
_BRANCH_TINT: Final = 0.75
_CORNER: Final = 0.03
"""Both thresholds at 0 is a single place: a corner so wide and high, of the axes, shows it."""

_BEYOND: Final = 1.05
"""The last stretch of min_coverage_abs goes on for ever; so much of it is drawn."""


class LandscapePlot(DraggedPlot):
    """Field kept, or the fringe left, over both thresholds at once; a click sets both.

    Signals
    -------
    thresholds_chosen(float, float)
        min_coverage_abs, frames, and min_coverage_frac.
    """

    thresholds_chosen = Signal(float, float)

    def __init__(self, parent: QWidget | None = None) -> None:
        cursor = Qt.CursorShape.CrossCursor
        super().__init__("landscape", parent, height_px=_HEIGHT_PX, cursor=cursor)
        self._margins = Margins(left=40, right=46)
        self.landscape: Landscape | None = None
        self._what: What = "field kept"
        with mpl.rc_context({"font.size": FONT_PT}):
            self.axes = self.figure.add_subplot()
            self.mesh = self.axes.pcolormesh([0, 1], [0, 1], [[0.0]], cmap="viridis")
            self.bar = self.figure.colorbar(self.mesh, ax=self.axes, pad=0.02)
            self.branches = self.axes.pcolormesh([0, 1], [0, 1], np.zeros((1, 1, 4)))
            self.corner = Rectangle((0, 0), _CORNER, _CORNER, transform=self.axes.transAxes)
            self.corner.set(linewidth=0, zorder=1.5, visible=False)
            self.axes.add_patch(self.corner)
            # Seen on dark and light cells alike.
            (self.around,) = self.axes.plot([], [], "o", mfc="none", mec="black", mew=3, ms=9)
            (self.point,) = self.axes.plot([], [], "o", mfc="none", mec="white", mew=1.5, ms=9)
            for artist in (self.around, self.point):
                artist.set_animated(True)
            self.axes.set_xlabel("min_coverage_frac, of the maximum")
            self.axes.set_ylabel("min_coverage_abs, frames")
            self.axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        self._legend_of: tuple[str, ...] = ()
        self._paint()

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
        self.corner.set_visible(False)
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
        at_nothing = landscape.source[0, 0]
        if at_nothing in BRANCH_COLOURS:
            self.corner.set(visible=True, facecolor=(BRANCH_COLOURS[at_nothing], _BRANCH_TINT))
            found.append(at_nothing)
        self.axes.set_xlim(0, 1)
        self.axes.set_ylim(0, top)
        return tuple(dict.fromkeys(found))

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

    def _has_choice(self) -> bool:
        return self.landscape is not None

    def _choose(self, event: MouseEvent) -> None:
        if self.landscape is None:
            return
        share, count = self.axes.transData.inverted().transform((event.x, event.y))
        count = chosen_threshold("min_coverage_abs", float(count), self.landscape.judged.maximum)
        share = chosen_threshold("min_coverage_frac", float(share), 1.0)
        self.show_thresholds(count, share)
        self.thresholds_chosen.emit(count, share)
