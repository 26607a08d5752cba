"""The tab Field: what each value of one threshold keeps, and the fringe that it leaves."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QLabel

from napari_zecoverage.core.curves import curve_of
from napari_zecoverage.core.parameters import MaskParameters
from napari_zecoverage.ui.controls import ChangingWords, wrapped_label
from napari_zecoverage.ui.inspect.field_plot import FieldPlot
from napari_zecoverage.ui.inspect.plot_tab import PlotTab

if TYPE_CHECKING:
    from napari_zecoverage.core.curves import FieldCurve, Stretch
    from napari_zecoverage.core.judged import JudgedCluster
    from napari_zecoverage.core.levels import Over
    from napari_zecoverage.core.studied import ClusterStudy

_OVERS: Final[tuple[Over, ...]] = ("min_coverage_frac", "min_coverage_abs")
_BEING_MEASURED: Final = "Being measured…"
_NO_COVERAGE: Final = "There is no coverage: no threshold makes a difference."
_MASKS: Final = {
    "coverage": "the coverage mask",
    "low-signal": "the low-signal mask, not the coverage one",
    "radial": "the radial mask, not the coverage one",
    "dropped": "the mask is dropped",
}


class FieldTab(PlotTab):
    """Field kept and fringe left against one threshold, which can be set there.

    Signals
    -------
    parameters_chosen(MaskParameters, object)
        A threshold was set in the plot, and by which gesture.
    """

    title = "Field"
    about = (
        "<p>Field kept and fringe left, for each value of one threshold that makes a "
        "difference. Drag the line to set it.</p>"
    )
    parameters_chosen = Signal(object, object)

    plot: FieldPlot

    def __init__(self) -> None:
        super().__init__(FieldPlot())
        self._parameters = MaskParameters()
        self._judged: JudgedCluster | None = None
        self._has_coverage = True
        self._over = QComboBox()
        self._over.setObjectName("curve_over")
        self._over.setAccessibleName("Threshold that the curve runs over")
        self._over.setToolTip("Which threshold the curve runs over; the line is dragged to set it.")
        self._over.addItems(_OVERS)
        over = QLabel("over")
        over.setBuddy(self._over)
        self._text = wrapped_label("field_text", "")
        self._lay_out([over, self._over], [ChangingWords(self._text)])
        self._over.currentIndexChanged.connect(self._show)
        self.plot.value_chosen.connect(self._on_value_chosen)

    def show_study(self, study: ClusterStudy) -> None:
        """Look at another cluster, of which nothing is known yet."""
        self._has_coverage = study.coverage is not None
        self.plot.show_nothing()

    def show_masks(self, judged: JudgedCluster | None, parameters: MaskParameters) -> None:
        """Show what every mask does, None while that is being measured, and the present one."""
        self._judged, self._parameters = judged, parameters
        self._show()

    def show_trouble(self, text: str) -> None:
        """Say that it could not be measured."""
        self.plot.show_nothing()
        self._text.setText(text)

    def _show(self, _index: int = 0) -> None:
        # Figures of another margin and so on are not true of the present one.
        judged = self._judged if self._judged and self._judged.serves(self._parameters) else None
        if judged is not None:
            over = _OVERS[self._over.currentIndex()]
            self.plot.show_curve(curve_of(judged, self._parameters, over))
        if not self._has_coverage:
            self._text.setText(_NO_COVERAGE)
        curve = self.plot.curve
        if curve is None:
            return
        value = float(getattr(self._parameters, curve.over))
        self.plot.show_value(value)
        self._text.setText(
            _BEING_MEASURED if judged is None else _words_on_stretch(curve, curve.at(value))
        )

    def _on_value_chosen(self, value: float) -> None:
        curve = self.plot.curve
        if curve is not None:
            chosen = replace(self._parameters, **{curve.over: value})
            self.parameters_chosen.emit(chosen, self.plot.gesture)


def _words_on_stretch(curve: FieldCurve, stretch: Stretch) -> str:
    kept = ""
    if stretch.field.hard == stretch.field.hard:  # not NaN
        kept = f", keeps {stretch.field.hard:.1%} (soft {stretch.field.soft:.1%})"
    words = f"From {stretch.level:g} of {curve.maximum:g} frames on: "
    cliffs = [each.text for each in curve.cliffs if each.value == stretch.high]
    behind = f" Just above lies a cliff: {cliffs[0]}." if cliffs else ""
    return f"{words}{_MASKS[stretch.field.source]}{kept}.{behind}"
