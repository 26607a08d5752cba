"""The sky's colour at each count of frames."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import matplotlib as mpl
import numpy as np
from matplotlib.ticker import MaxNLocator
from qtpy.QtWidgets import QWidget

from napari_zecoverage.ui.inspect.palette import SKY_BLUE, VERMILLION
from napari_zecoverage.ui.inspect.plot import FONT_PT, Plot

if TYPE_CHECKING:
    from matplotlib.artist import Artist

    from napari_zecoverage.core.fringe import Fringe

_ASIDE: Final = 0.18
"""Frames: the dots of the two colours lie so far beside the count."""

_CAP_PT: Final = 2


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
