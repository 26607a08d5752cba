"""The thresholds, and what ZeMosaic would do with them."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from qtpy.QtCore import QSignalBlocker, Signal
from qtpy.QtWidgets import QGridLayout, QGroupBox, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_zecoverage.core.parameters import (
    CONFIG_PREFIX,
    Limits,
    MaskParameters,
    limits_of,
)
from napari_zecoverage.ui.controls import NumberControl, wrapped_label
from napari_zecoverage.verdict import Verdict

# Called as in ZeMosaic's config, so that what ZeMosaic says of them is understood.
_LABELS: Final = {
    "min_coverage_abs": "min_coverage_abs, frames",
    "min_coverage_frac": "min_coverage_frac",
    "morph_open_px": "morph_open_px",
    "margin_percent": "margin_percent",
    "decay": "decay",
    "nanize_threshold": "nanize_threshold, alpha",
}
_NO_CLUSTER: Final = "Run a cluster to see what ZeMosaic would do with these thresholds."


class ThresholdPanel(QGroupBox):
    """Sliders for the thresholds, Reset, and the verdict.

    The parameters are kept whole: what has no slider, and digits that a field
    does not show, stay as they were given until that field is moved.

    Signals
    -------
    parameters_changed(MaskParameters)
        By hand, by Reset or by `set_parameters`.
    """

    parameters_changed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Thresholds", parent)
        self._parameters = MaskParameters()
        self._controls: dict[str, NumberControl] = {}

        grid = QGridLayout()
        grid.setColumnStretch(1, 1)
        for row, (name, text) in enumerate(_LABELS.items()):
            self._add_control(grid, row, name, text)

        self._reset = QPushButton("Reset to ZeMosaic's defaults")
        self._reset.setObjectName("reset")
        self._reset.clicked.connect(self._on_reset)

        self._verdict = wrapped_label("verdict", _NO_CLUSTER)
        self._verdict.setToolTip(
            "Hard: the share of the covered area that the saved tile shows no more.\n"
            "Soft: the mean of 1 − alpha over it; what is cut off counts as lost."
        )

        layout = QVBoxLayout(self)
        layout.addLayout(grid)
        layout.addWidget(self._reset)
        layout.addWidget(self._verdict)
        self._show(self._parameters)

    @property
    def parameters(self) -> MaskParameters:
        """The thresholds as they stand."""
        return self._parameters

    def set_parameters(self, parameters: MaskParameters) -> None:
        """Take other thresholds, all at once."""
        self._show(parameters)
        if parameters != self._parameters:
            self._parameters = parameters
            self.parameters_changed.emit(parameters)

    def set_coverage_maximum(self, frames: float) -> None:
        """Let the slider for the frames end at the best-covered pixel's count."""
        self._controls["min_coverage_abs"].set_slider_maximum(max(1.0, frames))

    def show_verdict(self, verdict: Verdict) -> None:
        """Say what ZeMosaic would do."""
        self._verdict.setText(verdict.html())

    def _add_control(self, grid: QGridLayout, row: int, name: str, text: str) -> None:
        limits = limits_of(MaskParameters, name)
        assert limits is not None  # every name above is a number
        control = NumberControl(name, limits)
        control.valueChanged.connect(self._on_value)
        label = QLabel(text)
        label.setBuddy(control)
        tooltip = _tooltip(name, limits)
        for widget in (label, control):
            widget.setToolTip(tooltip)
        control.set_accessible_name(text)
        self._controls[name] = control
        grid.addWidget(label, row, 0)
        grid.addWidget(control, row, 1)

    def _show(self, parameters: MaskParameters) -> None:
        for name, control in self._controls.items():
            with QSignalBlocker(control):
                control.setValue(getattr(parameters, name))

    def _on_value(self, value: float) -> None:
        name = self.sender().objectName()
        whole = isinstance(getattr(self._parameters, name), int)
        self._parameters = replace(self._parameters, **{name: int(value) if whole else value})
        self.parameters_changed.emit(self._parameters)

    def _on_reset(self) -> None:
        self.set_parameters(MaskParameters())


def _tooltip(name: str, limits: Limits) -> str:
    upper = f"…{limits.maximum:g}" if limits.maximum < 1e9 else " and more"
    default = getattr(MaskParameters(), name)
    # A paragraph, so that Qt breaks the line.
    return (
        f"<p>{limits.meaning}</p><p><b>{CONFIG_PREFIX}{name}</b>: {limits.minimum:g}{upper} "
        f"{limits.unit}; ZeMosaic's default is {default:g}.</p>"
    )
