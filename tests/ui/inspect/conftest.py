"""What the tests of the Inspect section may use."""

from __future__ import annotations

import pytest
from curves import CURVE, drawn

from napari_zecoverage.ui.inspect.field_plot import FieldPlot


@pytest.fixture
def field(qtbot) -> FieldPlot:
    plot = FieldPlot()
    qtbot.addWidget(plot)
    plot.resize(340, 260)
    plot.show()
    qtbot.waitExposed(plot)
    plot.show_curve(CURVE)
    plot.show_value(0.5)
    drawn(qtbot, plot)
    return plot
