"""A tab of the Inspect section that is about one plot."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QVBoxLayout, QWidget

from napari_zecoverage.ui.controls import push_button
from napari_zecoverage.ui.inspect.plot import Plot


class PlotTab(QWidget):
    """A plot, what chooses what it shows and how to save it above, words below.

    Attributes
    ----------
    title : str
        The tab's name.
    about : str
        Its tooltip.
    plot : Plot
    """

    title: ClassVar[str]
    about: ClassVar[str]

    def __init__(self, plot: Plot) -> None:
        super().__init__()
        self.plot = plot
        plot.canvas.setObjectName(f"{plot.objectName()}_canvas")
        plot.canvas.setAccessibleName(f"Plot {self.title}")

    def _lay_out(self, above: Iterable[QWidget], below: Iterable[QWidget] = ()) -> None:
        """Put widgets above the plot, with a button that saves it beside them, and below it."""
        row = QHBoxLayout()
        for widget in above:
            row.addWidget(widget)
        row.addStretch(1)
        row.addWidget(
            push_button(
                f"save_{self.plot.objectName()}",
                "Save…",
                "Save the plot as a picture.",
                self.plot.save,
                accessible_name=f"Save the plot {self.title}",
            )
        )
        layout = QVBoxLayout(self)
        layout.addLayout(row)
        layout.addWidget(self.plot)
        for widget in below:
            layout.addWidget(widget)
        layout.addStretch(1)


class LayerBox(QCheckBox):
    """A box that puts one of the section's layers into the viewer.

    Attributes
    ----------
    layer : str
        Its name.
    """

    def __init__(self, name: str, text: str, layer: str, tooltip: str) -> None:
        super().__init__(text)
        self.layer = layer
        self.setObjectName(name)
        self.setAccessibleName(f"Show the layer {layer}")
        self.setToolTip(tooltip)
