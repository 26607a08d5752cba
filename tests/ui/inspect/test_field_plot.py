"""Field kept against a threshold: what is shown, and setting it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from curves import COUNTED, CURVE, PLAIN, drawn, spot, where_line, with_fringe
from hands import drag
from qtpy.QtCore import QPoint, Qt

from napari_zecoverage.core.parameters import MaskParameters
from napari_zecoverage.ui.inspect.chosen_threshold import chosen_threshold
from napari_zecoverage.ui.inspect.field_plot import FieldPlot

pytestmark = pytest.mark.window


@pytest.fixture
def chosen(field) -> list[float]:
    values: list[float] = []
    field.value_chosen.connect(values.append)
    return values


def test_the_curve_is_drawn_as_steps(field) -> None:
    x, y = field.hard.get_data()
    assert list(x) == [0, 0, 0, 0.5, 0.5, 0.75, 0.75, 1]
    assert list(y) == [0.95, 0.95, 0.8, 0.8, 0.6, 0.6, 1, 1]
    assert list(field.soft.get_ydata()[2:4]) == [0.75, 0.75]


def test_other_masks_are_coloured_even_where_they_are_a_single_value(field) -> None:
    boxes = [path.get_extents() for path in field.branches.get_paths()]
    assert len(boxes) == 2
    assert boxes[0].x0 == 0
    assert boxes[0].width > 0
    assert (boxes[1].x0, boxes[1].x1) == (0.75, 1)
    low_signal, dropped = field.branches.get_facecolor()
    assert tuple(low_signal) != tuple(dropped)
    words = [text.get_text() for text in field.figure.legends[0].get_texts()]
    assert words == [
        "opaque (hard)",
        "mean alpha (soft)",
        "cliff",
        "low-signal mask",
        "mask dropped",
    ]


def test_the_same_curve_is_not_drawn_again(field) -> None:
    field.show_curve(replace(CURVE, parameters=MaskParameters(min_coverage_frac=0.9)))
    assert not field._soon.isActive()
    assert field.curve.parameters.min_coverage_frac == 0.9
    field.show_curve(replace(CURVE, stretches=CURVE.stretches[1:]))
    assert field._soon.isActive()


def test_cliffs_are_marked(field) -> None:
    assert list(field.cliffs.get_xdata()) == [0, 0.75]


def test_a_click_sets_the_threshold(qtbot, field, chosen) -> None:
    qtbot.mouseClick(field.canvas, Qt.MouseButton.LeftButton, pos=spot(field, 0.25))
    assert chosen == [pytest.approx(0.25, abs=0.011)]
    assert where_line(field) == chosen[0]
    assert chosen[0] == round(chosen[0], 2)


def test_the_line_is_dragged_and_stops_at_the_ends(qtbot, field, chosen) -> None:
    qtbot.mousePress(field.canvas, Qt.MouseButton.LeftButton, pos=spot(field, 0.5))
    qtbot.mouseMove(field.canvas, spot(field, 0.6))
    qtbot.mouseMove(field.canvas, spot(field, 0.7))
    qtbot.mouseMove(field.canvas, QPoint(field.canvas.width() + 50, 100))
    qtbot.mouseRelease(field.canvas, Qt.MouseButton.LeftButton, pos=spot(field, 0.9))
    assert chosen[-1] == 1
    assert chosen == sorted(chosen)
    assert any(value == pytest.approx(0.6, abs=0.011) for value in chosen)
    count = len(chosen)
    qtbot.mouseMove(field.canvas, spot(field, 0.3))
    assert len(chosen) == count
    assert where_line(field) == 1


def test_a_click_outside_or_with_another_button_does_nothing(qtbot, field, chosen) -> None:
    qtbot.mouseClick(field.canvas, Qt.MouseButton.LeftButton, pos=QPoint(2, 2))
    qtbot.mouseClick(field.canvas, Qt.MouseButton.RightButton, pos=spot(field, 0.25))
    assert chosen == []


def test_keys_go_from_stretch_to_stretch(qtbot, field, chosen) -> None:
    qtbot.keyClick(field.canvas, Qt.Key.Key_Right)
    qtbot.keyClick(field.canvas, Qt.Key.Key_Right)
    qtbot.keyClick(field.canvas, Qt.Key.Key_Right)
    qtbot.keyClick(field.canvas, Qt.Key.Key_Left)
    assert chosen == [0.75, 1.0, 0.75]


def test_over_the_count_the_axis_goes_beyond_the_maximum(qtbot, field, chosen) -> None:
    field.show_curve(COUNTED)
    field.show_value(3)
    drawn(qtbot, field)
    assert field.axes.get_xlim()[1] > 8
    assert np.isfinite(field.hard.get_xdata()).all()
    qtbot.keyClick(field.canvas, Qt.Key.Key_Right)
    assert chosen == [8]
    qtbot.mouseClick(field.canvas, Qt.MouseButton.LeftButton, pos=spot(field, 5.04))
    assert chosen[-1] == pytest.approx(5, abs=0.11)
    assert chosen[-1] == round(chosen[-1], 1)


def test_nothing_happens_without_a_curve(qtbot) -> None:
    plot = FieldPlot()
    qtbot.addWidget(plot)
    plot.show()
    qtbot.waitExposed(plot)
    plot.canvas.draw()
    with qtbot.assertNotEmitted(plot.value_chosen):
        qtbot.mouseClick(plot.canvas, Qt.MouseButton.LeftButton, pos=spot(plot, 0.5))
        qtbot.keyClick(plot.canvas, Qt.Key.Key_Right)


def test_the_axes_are_stable_over_many_curves(qtbot, field) -> None:
    for curve in [COUNTED, CURVE] * 5:
        field.show_curve(curve)
        drawn(qtbot, field)
    assert field.axes.get_position().height > 0.4
    assert len(field.figure.legends) == 1


# The fringe that a curve tells of: none known, none left, some.
@pytest.mark.parametrize("sigmas", [None, 0.0, 0.07, 0.34, 2.5, 120.0])
@pytest.mark.parametrize("curve", [CURVE, PLAIN], ids=["long legend", "short legend"])
def test_nothing_written_is_cut_off(qtbot, field, curve, sigmas) -> None:
    field.resize(400, 280)
    field.show_curve(replace(CURVE, stretches=CURVE.stretches[1:]))
    field.show_curve(curve if sigmas is None else with_fringe(curve, sigmas))
    drawn(qtbot, field)
    whole = field.figure.bbox
    legend = field.figure.legends[0].get_window_extent()
    assert legend.y0 >= 0
    label = field.axes.xaxis.label.get_window_extent()
    assert label.y0 >= legend.y1 - 4
    for axis in (field.axes.xaxis, field.axes.yaxis, field.fringe_axes.yaxis):
        # Numbers and label; of an axis that is not shown there is nothing.
        side = axis.get_tightbbox(field.canvas.get_renderer())
        if side is None:
            continue
        assert side.x0 >= 0
        assert side.x1 <= whole.x1
        assert side.y1 <= whole.y1
    assert field.fringe_axes.yaxis.get_visible() == (sigmas is not None)


def test_the_axis_of_the_fringe_has_few_and_short_numbers(qtbot, field) -> None:
    field.show_curve(with_fringe(PLAIN, 0.0))
    drawn(qtbot, field)
    top = field.fringe_axes.get_ylim()[1]
    ticks = zip(field.fringe_axes.get_yticks(), field.fringe_axes.get_yticklabels(), strict=True)
    assert [text.get_text() for value, text in ticks if value <= top] == ["0", "0.05", "0.1"]


def test_a_line_that_is_taken_hold_of_beside_its_middle_does_not_jump(qtbot, field, chosen) -> None:
    beside = spot(field, 0.5) + QPoint(2, 0)
    qtbot.mouseClick(field.canvas, Qt.MouseButton.LeftButton, pos=beside)
    assert chosen == []
    assert where_line(field) == 0.5
    drag(qtbot, field.canvas, beside, spot(field, 0.7) + QPoint(2, 0))
    assert chosen[-1] == pytest.approx(0.7, abs=0.006)


def test_the_nearest_number_is_taken_within_a_stretch(field) -> None:
    taken = [chosen_threshold("min_coverage_frac", each, 1.0, CURVE.at) for each in (0.298, 0.998)]
    assert taken == [0.3, 1.0]
    # Rounded up it would lie in the next stretch, which begins above 0.187.
    assert chosen_threshold("min_coverage_frac", 0.186, 1.0, lambda each: each > 0.187) == 0.18
