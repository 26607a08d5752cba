"""The tab Coverage: how many pixels have how many frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtWidgets import QCheckBox

from napari_zecoverage.ui.inspect.histogram_plot import HistogramPlot, count_pixels
from napari_zecoverage.ui.inspect.plot_tab import PlotTab

if TYPE_CHECKING:
    from napari_zecoverage.core.studied import ClusterStudy


class CoverageTab(PlotTab):
    """The coverage histogram."""

    title = "Coverage"
    about = (
        "<p>How many pixels have how many frames; the dashed line is the effective threshold.</p>"
    )

    plot: HistogramPlot

    def __init__(self) -> None:
        super().__init__(HistogramPlot())
        log = QCheckBox("logarithmic")
        log.setObjectName("histogram_log")
        log.setAccessibleName("Logarithmic histogram")
        log.setToolTip("Shows the counts that only few pixels have.")
        log.toggled.connect(self.plot.set_log)
        self._lay_out([log])

    def show_study(self, study: ClusterStudy) -> None:
        """Show another cluster's coverage, without a threshold yet."""
        coverage = study.coverage
        if coverage is None:
            coverage = np.zeros(study.canvas.shape, dtype=np.float32)
        self.plot.show_counts(count_pixels(coverage))
        self.plot.show_threshold(float("nan"))
