"""The thresholds that we would pick for the cluster shown, and why."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QGroupBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from napari_zecoverage.core.parameters import AdviceOptions, MaskParameters, limits_of
from napari_zecoverage.ui.advice_text import paragraph, text_of_advice
from napari_zecoverage.ui.controls import NumberControl, push_button, wrapped_label

if TYPE_CHECKING:
    from napari_zecoverage.core.advice import Advice

_NO_CLUSTER: Final = "Run a cluster: its fringe is measured, and thresholds are advised."
_TOLERANCE_TOOLTIP: Final = (
    "<p>The largest colour step that may stay visible, in units of the colour noise of one pixel "
    "of the well-covered core. A step of a quarter of it, over an area, is about what the eye "
    "just notices in a stretched picture.</p>"
)


class AdvicePanel(QGroupBox):
    """The advice in words, the tolerance that it goes by, and a button that takes it.

    Signals
    -------
    parameters_chosen(MaskParameters)
        The advice is taken.
    options_changed(AdviceOptions)
        The tolerance was changed.
    """

    parameters_chosen = Signal(object)
    options_changed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Advice", parent)
        self._advice: Advice | None = None
        self._parameters = MaskParameters()
        self._options = AdviceOptions()
        limits = limits_of(AdviceOptions, "tolerance")
        assert limits is not None  # it has them
        self._tolerance = NumberControl("tolerance", limits)
        self._tolerance.set_accessible_name("Tolerated fringe")
        self._tolerance.setToolTip(_TOLERANCE_TOOLTIP)
        self._tolerance.setValue(self._options.tolerance)
        self._tolerance.valueChanged.connect(self._on_tolerance)
        label = QLabel("tolerated fringe")
        label.setToolTip(_TOLERANCE_TOOLTIP)
        label.setBuddy(self._tolerance)
        self._text = wrapped_label("advice", _NO_CLUSTER)
        self._text.setTextFormat(Qt.TextFormat.RichText)
        self._take = push_button(
            "take_advice",
            "Take the advice",
            "Sets the three thresholds as advised; undo brings yours back.",
            self._on_take,
        )
        self._take.setEnabled(False)

        row = QHBoxLayout()
        row.addWidget(label)
        row.addWidget(self._tolerance, 1)
        layout = QVBoxLayout(self)
        layout.addWidget(self._text)
        layout.addLayout(row)
        layout.addWidget(self._take)

    @property
    def options(self) -> AdviceOptions:
        """What the advice goes by."""
        return self._options

    def show_advice(self, advice: Advice) -> None:
        """Show what is advised."""
        self._advice = advice
        self._text.setText(text_of_advice(advice))
        self._show_take()

    def show_text(self, text: str) -> None:
        """Show why there is no advice, or not yet."""
        self._advice = None
        self._text.setText(paragraph(text))
        self._show_take()

    def show_parameters(self, parameters: MaskParameters) -> None:
        """Follow the sliders: what is taken already need not be taken."""
        self._parameters = parameters
        self._show_take()

    def _show_take(self) -> None:
        advice = self._advice
        self._take.setEnabled(advice is not None and self._taken(advice) != self._parameters)

    def _taken(self, advice: Advice) -> MaskParameters:
        """Return the present settings with the advised thresholds."""
        return self._parameters.with_thresholds_of(advice.parameters)

    def _on_take(self) -> None:
        if self._advice is not None:
            self.parameters_chosen.emit(self._taken(self._advice))

    def _on_tolerance(self, value: float) -> None:
        self._options = replace(self._options, tolerance=value)
        self.options_changed.emit(self._options)
