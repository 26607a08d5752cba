"""The tab Profile: the tile, the coverage and alpha along a line."""

from __future__ import annotations

from napari_zecoverage.ui.inspect.inspect_layers import PROFILE_LINE
from napari_zecoverage.ui.inspect.plot_tab import LayerBox, PlotTab
from napari_zecoverage.ui.inspect.profile_plot import ProfilePlot


class ProfileTab(PlotTab):
    """A profile, and the box that shows its line.

    Attributes
    ----------
    boxes : tuple of LayerBox
    """

    title = "Profile"
    about = "<p>Red, green, blue, coverage and alpha along a line on the tile.</p>"

    plot: ProfilePlot

    def __init__(self) -> None:
        super().__init__(ProfilePlot())
        box = LayerBox(
            "show_profile_line",
            "line on the tile",
            PROFILE_LINE,
            "A layer with the line. Take hold of an end, or of the line, and drag it.",
        )
        self.boxes = (box,)
        self._lay_out([box])
