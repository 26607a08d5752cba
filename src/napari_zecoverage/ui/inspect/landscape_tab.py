"""The tab Both: what is kept, or the fringe that is left, over both thresholds at once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox

from napari_zecoverage.core.landscape import landscape_of
from napari_zecoverage.core.parameters import MaskParameters
from napari_zecoverage.ui.controls import wrapped_label
from napari_zecoverage.ui.inspect.landscape_plot import LandscapePlot
from napari_zecoverage.ui.inspect.plot_tab import PlotTab

if TYPE_CHECKING:
    from napari_zecoverage.core.judged import JudgedCluster
    from napari_zecoverage.ui.inspect.landscape_plot import What

_WHATS: Final[tuple[What, ...]] = ("field kept", "fringe left")


class LandscapeTab(PlotTab):
    """Field kept, or fringe left, over both thresholds; a click sets both.

    Signals
    -------
    parameters_chosen(MaskParameters, object)
        Both thresholds were set in the plot, and by which gesture.
    """

    title = "Both"
    about = "<p>Field kept, or fringe left, over both thresholds. A click sets both.</p>"
    parameters_chosen = Signal(object, object)

    plot: LandscapePlot

    def __init__(self) -> None:
        super().__init__(LandscapePlot())
        self._parameters = MaskParameters()
        self._what = QComboBox()
        self._what.setObjectName("landscape_what")
        self._what.setAccessibleName("What is shown over both thresholds")
        self._what.setToolTip(
            "<p>Field kept: the share of the covered area that the saved tile shows. Fringe left: "
            "the worst colour step that stays visible, in units of the noise of one pixel of the "
            "core.</p>"
        )
        self._what.addItems(_WHATS)
        words = wrapped_label(
            "landscape_text", "A click sets both thresholds. Within a cell nothing changes."
        )
        self._lay_out([self._what], [words])
        self._what.currentIndexChanged.connect(self._on_what)
        self.plot.thresholds_chosen.connect(self._on_both_chosen)

    def show_masks(self, judged: JudgedCluster | None, parameters: MaskParameters) -> None:
        """Show what every mask does, None while that is being measured, and the present one."""
        self._parameters = parameters
        known = self.plot.landscape
        if judged is None or not judged.serves(parameters):
            if known is not None:
                self.plot.show_landscape(None)
            return
        if (
            known is None
            or known.judged is not judged
            or known.parameters.morph_open_px != parameters.morph_open_px
        ):
            self.plot.show_landscape(landscape_of(judged, parameters))
        self.plot.show_thresholds(parameters.min_coverage_abs, parameters.min_coverage_frac)

    def _on_what(self, index: int) -> None:
        self.plot.show_what(_WHATS[index])

    def _on_both_chosen(self, count: float, share: float) -> None:
        chosen = replace(self._parameters, min_coverage_abs=count, min_coverage_frac=share)
        self.parameters_chosen.emit(chosen, self.plot.gesture)
