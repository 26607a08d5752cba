"""The plots of the fringe at each count, and of the landscape; moved with the mouse."""

from __future__ import annotations

import math

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt

from napari_zecoverage.core.fringe import CountFringe, Fringe, RegionSteps
from napari_zecoverage.core.judged import JudgedCluster
from napari_zecoverage.core.landscape import landscape_of
from napari_zecoverage.core.levels import LevelField
from napari_zecoverage.core.parameters import MaskParameters
from napari_zecoverage.ui.fringe_plots import FringePlot, LandscapePlot

MAXIMUM = 8


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


@pytest.fixture
def fringe_plot(qtbot) -> FringePlot:
    plot = FringePlot()
    qtbot.addWidget(plot)
    plot.resize(400, 280)
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
