"""How the tile is stretched for the eye."""

from __future__ import annotations

from typing import Final, get_args

from qtpy.QtCore import QSignalBlocker, Signal
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QLabel, QWidget

from napari_zecoverage.core.parameters import Limits
from napari_zecoverage.picture import StretchKind
from napari_zecoverage.ui.controls import NumberControl

STRENGTHS: Final = Limits(
    0.1, 20.0, 5.0, 0.1, 1, "", "How strongly faint light is lifted; 1 is the usual."
)


class StretchBox(QWidget):
    """asinh or linear, and how strong.

    Signals
    -------
    changed(str, float)
        By hand.
    """

    changed = Signal(str, float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._kind = QComboBox()
        self._kind.setObjectName("stretch")
        self._kind.setAccessibleName("Stretch of the tile")
        self._kind.addItems(get_args(StretchKind))
        self._kind.setToolTip(
            "<p>How the layer tile is shown. <b>asinh</b> lifts faint light, so that fringes and "
            "stars are seen together; <b>linear</b> shows steps as large as they are.</p><p>In "
            "both, each channel's sky comes to the same dark grey. No number changes.</p>"
        )
        self._strength = NumberControl("strength", STRENGTHS)
        self._strength.setToolTip(f"<p>{STRENGTHS.meaning}</p>")
        self._strength.set_accessible_name("Strength of the stretch")
        label = QLabel("Tile")
        label.setBuddy(self._kind)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(label)
        row.addWidget(self._kind)
        row.addWidget(self._strength, 1)
        self._kind.currentIndexChanged.connect(self._on_changed)
        self._strength.valueChanged.connect(self._on_changed)

    def show_stretch(self, kind: str, strength: float) -> None:
        """Show a stretch that was chosen elsewhere."""
        with QSignalBlocker(self._kind), QSignalBlocker(self._strength):
            self._kind.setCurrentText(kind)
            self._strength.setValue(strength)

    def _on_changed(self, _value: object = None) -> None:
        self.changed.emit(self._kind.currentText(), self._strength.value())
