"""The plot of the landscape; moved with the mouse."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt

from napari_zecoverage.core.judged import JudgedCluster
from napari_zecoverage.core.landscape import landscape_of
from napari_zecoverage.core.levels import LevelField
from napari_zecoverage.core.parameters import MaskParameters
from napari_zecoverage.ui.inspect.landscape_plot import LandscapePlot

MAXIMUM = 8


@pytest.fixture
def landscape():
    masks = [LevelField("coverage", 1 - 0.1 * n, 1 - 0.1 * n) for n in range(MAXIMUM)]
    masks.append(LevelField("dropped", 1.0, 1.0))
    chosen = tuple(range(MAXIMUM + 1))
    judged = JudgedCluster(
        name="made up",
        frames=MAXIMUM,
        maximum=float(MAXIMUM),
        covered_px=100_000,
        core_noise=math.nan,
        parameters=MaskParameters(),
        levels=tuple(float(n) for n in chosen),
        masks=tuple(masks),
        chosen=(chosen, chosen, chosen),
    )
    return landscape_of(judged)


@pytest.fixture
def plot(qtbot) -> LandscapePlot:
    plot = LandscapePlot()
    qtbot.addWidget(plot)
    plot.resize(400, 320)
    plot.show()
    return plot


def drawn(plot) -> None:
    plot.canvas.draw()


def place(plot, share: float, count: float) -> QPoint:
    """Return where a point of the axes lies on the canvas, in Qt's pixels."""
    x, y = plot.axes.transData.transform((share, count))
    ratio = plot.canvas.device_pixel_ratio
    return QPoint(round(x / ratio), round(plot.canvas.height() - y / ratio))


def shown(plot) -> np.ndarray:
    return np.ma.filled(plot.mesh.get_array().astype(float), np.nan)


def test_cells_show_the_field_kept_where_the_coverage_mask_is_taken(plot, landscape) -> None:
    plot.show_landscape(landscape)
    wanted = np.where(landscape.source == "coverage", landscape.field_kept, np.nan)[1:, 1:]
    np.testing.assert_array_equal(shown(plot), wanted)
    assert np.isnan(wanted).any()
    # The others have the colour of their branch instead.
    tinted = np.asarray(plot.branches.get_array())[..., 3] > 0
    np.testing.assert_array_equal(tinted, np.isnan(wanted))
    assert [each.get_text() for each in plot.figure.legends[0].get_texts()] == ["mask dropped"]


def test_fringe_left_is_shown_on_request(plot, landscape) -> None:
    plot.show_landscape(landscape)
    plot.show_what("fringe left")
    assert np.isnan(shown(plot)).all()
    assert "noise" in plot.bar.ax.get_ylabel()
    plot.show_what("field kept")
    assert np.nanmax(shown(plot)) == pytest.approx(0.9)


def test_click_sets_both_thresholds(plot, landscape, qtbot) -> None:
    plot.show_landscape(landscape)
    drawn(plot)
    with qtbot.waitSignal(plot.thresholds_chosen) as chosen:
        qtbot.mouseClick(plot.canvas, Qt.MouseButton.LeftButton, pos=place(plot, 0.6, 4.0))
    count, share = chosen.args
    assert count == pytest.approx(4.0, abs=0.11)
    assert share == pytest.approx(0.6, abs=0.02)
    assert plot.point.get_xdata()[0] == share


def test_drag_goes_on_beyond_the_axes_and_stops_at_their_ends(plot, landscape, qtbot) -> None:
    plot.show_landscape(landscape)
    drawn(plot)
    told = []
    plot.thresholds_chosen.connect(lambda *each: told.append(each))
    qtbot.mousePress(plot.canvas, Qt.MouseButton.LeftButton, pos=place(plot, 0.3, 2.0))
    qtbot.mouseMove(plot.canvas, place(plot, 0.7, 5.0))
    qtbot.mouseMove(plot.canvas, QPoint(plot.canvas.width() - 1, 1))
    qtbot.mouseRelease(plot.canvas, Qt.MouseButton.LeftButton, pos=QPoint(390, 1))
    assert told[0][0] < told[-1][0]
    assert told[-1] == (MAXIMUM, 1.0)
    qtbot.mouseMove(plot.canvas, place(plot, 0.2, 2.0))
    assert told[-1] == (MAXIMUM, 1.0)


def test_threshold_beyond_the_maximum_is_marked_at_the_rim(plot, landscape) -> None:
    plot.show_landscape(landscape)
    plot.show_thresholds(40.0, 0.5)
    assert MAXIMUM < plot.point.get_ydata()[0] <= plot.axes.get_ylim()[1]


def test_nothing_is_chosen_without_a_landscape(plot, qtbot) -> None:
    plot.show_landscape(None)
    drawn(plot)
    told = []
    plot.thresholds_chosen.connect(lambda *each: told.append(each))
    qtbot.mouseClick(plot.canvas, Qt.MouseButton.LeftButton, pos=place(plot, 0.5, 0.5))
    assert told == []


def test_landscape_can_be_shown_again_and_again(plot, landscape) -> None:
    for _ in range(3):
        plot.show_landscape(landscape)
        plot.show_landscape(None)
    assert len(plot.axes.collections) == 2
    assert len(plot.figure.axes) == 2
    assert plot.figure.legends == []


def test_a_moved_point_leaves_nothing_where_it_was(plot, landscape, qtbot) -> None:
    plot.show_landscape(landscape)
    plot.show_thresholds(3, 0.5)
    qtbot.waitUntil(lambda: not plot._stale and plot._below is not None)
    before = np.asarray(plot.canvas.buffer_rgba()).copy()
    plot.show_thresholds(6, 0.8)
    moved = np.asarray(plot.canvas.buffer_rgba()).copy()
    assert not np.array_equal(moved, before)
    drawn(plot)
    np.testing.assert_array_equal(np.asarray(plot.canvas.buffer_rgba()), moved)


def test_another_mask_at_no_threshold_at_all_is_seen(plot, landscape) -> None:
    plot.show_landscape(landscape)
    assert not plot.corner.get_visible()
    judged = landscape.judged
    masks = (LevelField("low-signal", 0.95, 0.9), *judged.masks[1:])
    plot.show_landscape(landscape_of(replace(judged, masks=masks)))
    assert plot.corner.get_visible()
    told = {text.get_text() for text in plot.figure.legends[0].get_texts()}
    assert told == {"low-signal mask", "mask dropped"}
    plot.show_landscape(None)
    assert not plot.corner.get_visible()
