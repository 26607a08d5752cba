"""The coverage histogram."""

from __future__ import annotations

import numpy as np
import pytest

from napari_zecoverage.ui.inspect.histogram_plot import HistogramPlot, count_pixels

pytestmark = pytest.mark.window


def test_pixels_are_counted() -> None:
    coverage = np.array([[0, 1, 1], [3, 3.5, np.nan]], np.float32)
    assert list(count_pixels(coverage)) == [2, 2, 0, 2]


def test_bars_are_the_counts_without_the_bare_pixels(qtbot) -> None:
    plot = HistogramPlot()
    qtbot.addWidget(plot)
    plot.show_counts(np.array([900, 5, 0, 40]))
    values, edges, baseline = plot.bars.get_data()
    assert list(values) == [5, 0, 40]
    assert list(edges) == [0.5, 1.5, 2.5, 3.5]
    assert baseline == 0
    plot.set_log(True)
    assert plot.axes.get_yscale() == "log"
    assert plot.axes.get_ylim()[0] > 0
    plot.canvas.draw()
    plot.set_log(False)
    assert plot.axes.get_ylim()[0] == 0
    plot.show_counts(np.array([4]))
    plot.canvas.draw()


def test_threshold_in_the_histogram(qtbot) -> None:
    plot = HistogramPlot()
    qtbot.addWidget(plot)
    plot.show_threshold(3.5)
    assert plot.line.get_visible()
    assert list(plot.line.get_xdata()) == [3.5, 3.5]
    plot.show_threshold(float("nan"))
    assert not plot.line.get_visible()
