"""The tab Fringe: the sky's colour at each count of frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QComboBox, QLabel

from napari_zecoverage.core.fringe import FRINGE_CHANNELS
from napari_zecoverage.ui.controls import wrapped_label
from napari_zecoverage.ui.inspect.fringe_plot import FringePlot
from napari_zecoverage.ui.inspect.plot_tab import PlotTab

if TYPE_CHECKING:
    from napari_zecoverage.core.fringe import Fringe

_NOT_YET: Final = "The fringe is not measured yet."


class FringeTab(PlotTab):
    """The fringe at each count, and which of its colours the layer `fringe` shows.

    Signals
    -------
    channel_chosen(int)
        The layer is to show this one of `FRINGE_CHANNELS`.
    """

    title = "Fringe"
    about = (
        "<p>The sky's colour against the well-covered core at each number of frames: dots "
        "are places, lines their median with its uncertainty, dotted lines the median before the "
        "frames' backgrounds were matched, the grey band what is tolerated.</p>"
    )
    channel_chosen = Signal(int)

    plot: FringePlot

    def __init__(self) -> None:
        super().__init__(FringePlot())
        self._channel_label = QLabel("layer shows")
        self._channel = QComboBox()
        self._channel.setObjectName("fringe_colour")
        self._channel.setAccessibleName("Colour that the layer fringe shows")
        self._channel.setToolTip(
            "Which colour of the sky against the core the layer fringe shows, in ADU."
        )
        self._channel.addItems(FRINGE_CHANNELS)
        self._channel_label.setBuddy(self._channel)
        self._text = wrapped_label("fringe_text", _NOT_YET)
        self._text.setTextFormat(Qt.TextFormat.PlainText)
        self._lay_out([self._channel_label, self._channel], [self._text])
        self._channel.currentIndexChanged.connect(self.channel_chosen)

    def show_fringe(self, fringe: Fringe | None, tolerance: float) -> None:
        """Show a fringe; None where there is none, or not yet. `tolerance` in core noises."""
        for widget in (self._channel, self._channel_label):
            widget.setEnabled(fringe is not None and fringe.measurable)
        self._say(_NOT_YET if fringe is None else "\n".join(fringe.notes))
        self.plot.show_fringe(fringe, tolerance)

    def show_trouble(self, text: str) -> None:
        """Say that it could not be measured."""
        self._say(text)

    def _say(self, text: str) -> None:
        self._text.setText(text)
        self._text.setVisible(bool(text))
