"""The profile along a line."""

from __future__ import annotations

import numpy as np
import pytest

from napari_zecoverage.profile import Profile
from napari_zecoverage.ui.inspect.profile_plot import ProfilePlot

pytestmark = pytest.mark.window


def test_profile_shows_steps_of_colour_above_the_median(qtbot) -> None:
    plot = ProfilePlot()
    qtbot.addWidget(plot)
    distance = np.arange(100.0)
    tile = np.full((100, 3), (900.0, 1000.0, 800.0))
    tile[:20, 0] += 30
    tile[-1] = np.nan
    plot.show_profile(Profile(distance, tile, np.full(100, 8.0), np.full(100, 0.5)))
    red, green, _ = (line.get_ydata() for line in plot.channels)
    assert set(red[:20]) == {30}
    assert set(red[20:-1]) == {0}
    assert set(green[:-1]) == {0}
    assert set(plot.coverage.get_ydata()) == {8}
    assert set(plot.alpha.get_ydata()) == {0.5}
    low, high = plot.tile_axes.get_ylim()
    assert low < 0 < 30 < high
    plot.canvas.draw()


def test_profile_of_nothing_is_drawn(qtbot) -> None:
    plot = ProfilePlot()
    qtbot.addWidget(plot)
    bare = np.full(2, np.nan)
    plot.show_profile(Profile(np.zeros(2), np.full((2, 3), np.nan), bare, bare))
    plot.canvas.draw()
