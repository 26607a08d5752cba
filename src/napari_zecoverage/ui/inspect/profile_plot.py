"""The tile, the coverage and alpha along a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.ticker import MaxNLocator
from qtpy.QtWidgets import QWidget

from napari_zecoverage.ui.inspect.palette import GREEN, ORANGE, PURPLE, SKY_BLUE, VERMILLION
from napari_zecoverage.ui.inspect.plot import FONT_PT, Margins, Plot

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_zecoverage.profile import Profile


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


def _above_median(tile: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each channel less its own median: the channels' levels hide their steps."""
    shown = tile.copy()
    for index in range(tile.shape[1]):
        channel = tile[:, index]
        finite = channel[np.isfinite(channel)]
        if finite.size:
            shown[:, index] -= np.median(finite)
    return shown
