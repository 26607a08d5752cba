"""The plot of the fringe at each count."""

from __future__ import annotations

import math

import numpy as np
import pytest

from napari_zecoverage.core.fringe import CountFringe, Fringe, RegionSteps
from napari_zecoverage.ui.inspect.fringe_plot import FringePlot


def made_fringe() -> Fringe:
    counts = tuple(
        CountFringe(
            count=float(n),
            area_px=1000,
            sky_px=900,
            red_green=8.0 / n if n != 3 else math.nan,
            blue_green=-4.0 / n,
            red_green_error=0.5,
            blue_green_error=0.25,
            raw_red_green=30.0 / n,
            raw_blue_green=-20.0 / n,
            noise=10.0,
            chroma_noise=10.0,
        )
        for n in range(1, 6)
    )
    empty = np.zeros(1)
    steps = RegionSteps(*(empty for _ in RegionSteps._fields))
    return Fringe(
        counts=counts,
        core_count=5.0,
        core_noise=10.0,
        regions=np.zeros((4, 4), np.int32),
        region_steps=steps,
    )


@pytest.fixture
def fringe_plot(qtbot) -> FringePlot:
    plot = FringePlot()
    qtbot.addWidget(plot)
    plot.resize(400, 280)
    plot.show()
    return plot


def test_counts_are_drawn_with_their_errors(fringe_plot) -> None:
    fringe = made_fringe()
    fringe_plot.show_fringe(fringe, 0.25)
    lines = {
        tuple(np.round(np.asarray(line.get_ydata(), dtype=float), 6))
        for line in fringe_plot.axes.lines
    }
    known = [each for each in fringe.counts if each.measurable]
    assert tuple(round(each.red_green, 6) for each in known) in lines
    assert tuple(round(each.raw_blue_green, 6) for each in known) in lines
    assert fringe_plot.tolerated.get_height() == pytest.approx(2 * 0.25 * 10)


def test_other_fringe_leaves_nothing_of_the_one_before(fringe_plot) -> None:
    before = len(fringe_plot.axes.get_children())
    fringe_plot.show_fringe(made_fringe(), 0.25)
    fringe_plot.show_fringe(None, 0.25)
    assert len(fringe_plot.axes.get_children()) == before
    assert fringe_plot.figure.legends == []


def test_threshold_is_marked(fringe_plot) -> None:
    fringe_plot.show_threshold(4.0)
    assert fringe_plot.line.get_visible()
    fringe_plot.show_threshold(math.nan)
    assert not fringe_plot.line.get_visible()
