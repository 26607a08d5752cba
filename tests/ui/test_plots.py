"""The plots: what they show, dragging the line, themes, saving."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.colors import to_hex
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QKeyEvent, QWheelEvent
from qtpy.QtWidgets import (
    QApplication,
    QFileDialog,
    QLabel,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from napari_zecoverage.core.curves import Cliff, FieldCurve, Stretch
from napari_zecoverage.core.fringe import ResidualFringe
from napari_zecoverage.core.levels import LevelField
from napari_zecoverage.core.parameters import MaskParameters
from napari_zecoverage.profile import Profile
from napari_zecoverage.ui.fringe_plots import FringePlot, LandscapePlot
from napari_zecoverage.ui.plots import (
    FieldPlot,
    HistogramPlot,
    ProfilePlot,
    colours_of_theme,
    count_pixels,
)

pytestmark = pytest.mark.window

COVERAGE = LevelField("coverage", 0.8, 0.75)
CURVE = FieldCurve(
    over="min_coverage_frac",
    parameters=MaskParameters(),
    maximum=8,
    stretches=(
        Stretch(0.0, 0.0, 0, LevelField("low-signal", 0.95, 0.9)),
        Stretch(0.0, 0.5, 4, COVERAGE),
        Stretch(0.5, 0.75, 6, LevelField("coverage", 0.6, 0.5)),
        Stretch(0.75, 1.0, 8, LevelField("dropped", 1.0, 1.0)),
    ),
    cliffs=(Cliff(0.0, "one"), Cliff(0.75, "other")),
)
# Of little to explain: the axes have the room that a longer legend would take.
PLAIN = replace(CURVE, stretches=CURVE.stretches[1:], cliffs=())
COUNTED = replace(
    CURVE,
    over="min_coverage_abs",
    stretches=(
        Stretch(0.0, 7.5, 4, COVERAGE),
        Stretch(7.5, float("inf"), 8, COVERAGE),
    ),
    cliffs=(),
)


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


@pytest.fixture
def chosen(field) -> list[float]:
    values: list[float] = []
    field.value_chosen.connect(values.append)
    return values


def drawn(qtbot, plot) -> None:
    """Wait until everything asked for is drawn."""
    qtbot.waitUntil(lambda: not plot._soon.isActive())
    plot.canvas.draw()


def spot(plot: FieldPlot, value: float, share: float = 0.5) -> QPoint:
    """Return where on the canvas a value of the threshold lies."""
    x, y = plot.axes.transData.transform((value, share))
    ratio = plot.canvas.device_pixel_ratio
    return QPoint(round(x / ratio), round(plot.canvas.height() - y / ratio))


class Listener(QWidget):
    """What a plot stands in; it notes the keys that reach it."""

    def __init__(self, plot: QWidget) -> None:
        super().__init__()
        self.pressed: list[int] = []
        self.released: list[int] = []
        QVBoxLayout(self).addWidget(plot)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        self.pressed.append(event.key())

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        self.released.append(event.key())


def where_line(plot: FieldPlot) -> float:
    return float(plot.line.get_xdata()[0])


# --- field kept ----------------------------------------------------------------------------


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


@pytest.mark.parametrize("kind", [FieldPlot, LandscapePlot, FringePlot, HistogramPlot, ProfilePlot])
def test_a_plot_keeps_no_key_that_it_has_no_use_for(qtbot, kind) -> None:
    plot = kind()
    listener = Listener(plot)
    qtbot.addWidget(listener)
    keys = [Qt.Key.Key_Z, Qt.Key.Key_Space, Qt.Key.Key_PageUp, Qt.Key.Key_F1, Qt.Key.Key_Right]
    for key in keys:
        qtbot.keyClick(plot.canvas, key)
    assert listener.pressed == keys
    # Who acts while a key is held must hear of its end.
    assert listener.released == keys


def test_with_a_curve_the_left_and_right_keys_are_the_plots_own(qtbot) -> None:
    plot = FieldPlot()
    listener = Listener(plot)
    qtbot.addWidget(listener)
    plot.show_curve(CURVE)
    plot.show_value(0.5)
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Left):
        qtbot.keyClick(plot.canvas, key)
    assert listener.pressed == []
    assert where_line(plot) == 0.75
    # Not where another key is held with them, but for what a Mac says of every arrow.
    qtbot.keyClick(plot.canvas, Qt.Key.Key_Left, Qt.KeyboardModifier.ControlModifier)
    assert listener.pressed == [Qt.Key.Key_Control, Qt.Key.Key_Left]
    assert where_line(plot) == 0.75
    qtbot.keyClick(plot.canvas, Qt.Key.Key_Left, Qt.KeyboardModifier.KeypadModifier)
    assert where_line(plot) == 0.5


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


def test_a_moved_line_is_drawn_without_a_new_layout(qtbot, field) -> None:
    before = field.axes.get_position().bounds
    for step in range(20):
        field.show_value(step / 20)
        drawn(qtbot, field)
    assert field.axes.get_position().bounds == before
    # The axes keep most of the figure.
    assert before[2] * before[3] > 0.3


def test_the_axes_are_stable_over_many_curves(qtbot, field) -> None:
    for curve in [COUNTED, CURVE] * 5:
        field.show_curve(curve)
        drawn(qtbot, field)
    assert field.axes.get_position().height > 0.4
    assert len(field.figure.legends) == 1


def test_a_hidden_plot_is_not_drawn_until_it_is_shown(qtbot, field, monkeypatch) -> None:
    field.hide()
    draws = []
    monkeypatch.setattr(field.canvas, "draw_idle", lambda: draws.append(1))
    field.show_value(0.1)
    assert not field._soon.isActive()
    field.show()
    qtbot.waitUntil(lambda: draws == [1])


def test_what_is_scrolled_away_is_drawn_when_it_is_scrolled_to(qtbot, monkeypatch) -> None:
    plot = FieldPlot()
    content = QWidget()
    layout = QVBoxLayout(content)
    above = QLabel("above")
    above.setFixedHeight(900)
    layout.addWidget(above)
    layout.addWidget(plot)
    area = QScrollArea()
    qtbot.addWidget(area)
    area.setWidget(content)
    area.resize(400, 300)
    area.show()
    qtbot.waitExposed(area)
    draws = []
    monkeypatch.setattr(plot.canvas, "draw_idle", lambda: draws.append(1))
    plot.show_curve(CURVE)
    assert not plot._soon.isActive()
    area.ensureWidgetVisible(plot)
    qtbot.waitUntil(lambda: draws == [1])


def test_the_wheel_scrolls_the_dock_not_the_plot(field) -> None:
    middle = QPointF(field.canvas.rect().center())
    event = QWheelEvent(
        middle,
        field.canvas.mapToGlobal(middle),
        QPoint(),
        QPoint(0, 120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(field.canvas, event)
    assert not event.isAccepted()


# --- themes and files ----------------------------------------------------------------------


@pytest.mark.parametrize("kind", [HistogramPlot, FieldPlot, ProfilePlot])
def test_every_plot_follows_the_theme(qtbot, kind) -> None:
    plot = kind()
    qtbot.addWidget(plot)
    papers = set()
    for theme in ("dark", "light"):
        plot.follow_theme(theme)
        colours = colours_of_theme(theme)
        assert to_hex(plot.figure.get_facecolor()) == colours.paper
        papers.add(colours.paper)
        for axes in plot.figure.axes:
            assert to_hex(axes.xaxis.label.get_color()) == colours.ink
            assert to_hex(axes.yaxis.label.get_color()) == colours.ink
        for legend in plot.figure.legends:
            assert {to_hex(text.get_color()) for text in legend.get_texts()} == {colours.ink}
    assert len(papers) == 2


@pytest.mark.parametrize(
    ("ending", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")]
)
@pytest.mark.parametrize("kind", [FieldPlot, LandscapePlot, FringePlot, HistogramPlot, ProfilePlot])
def test_a_plot_is_saved(
    qtbot, kind, ending, start, tmp_path, monkeypatch, notifications, capfd
) -> None:
    plot = kind()
    qtbot.addWidget(plot)
    plot.show()
    qtbot.waitExposed(plot)
    drawn(qtbot, plot)
    path = tmp_path / f"curve.{ending}"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    plot.save()
    assert path.read_bytes().startswith(start)
    assert str(path) in notifications[-1].message
    # Matplotlib raises nothing of what goes wrong in who listens to it: it prints that.
    assert capfd.readouterr().err == ""


def test_a_saved_drawing_has_the_line_where_it_stands(qtbot, field, tmp_path, monkeypatch) -> None:
    path = tmp_path / "curve.svg"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    before = picture_of(field)
    field.save()
    wanted = 72 * field.figure.get_size_inches()[0] * figure_share(field, 0.5)
    assert lines_across(path, colours_of_theme("dark").ink) == [pytest.approx(wanted, abs=0.01)]
    # And the plot on the screen is as it was.
    qtbot.waitUntil(lambda: not field._stale and field._below is not None)
    np.testing.assert_array_equal(picture_of(field), before)


def figure_share(plot: FieldPlot, value: float) -> float:
    """Return how far to the right in the figure a value of the threshold lies, from 0 to 1."""
    pixel = plot.axes.transData.transform((value, 0))[0]
    return float(plot.figure.transFigure.inverted().transform((pixel, 0))[0])


def lines_across(path, ink: str) -> list[float]:
    """Return where in a drawing the thick straight lines in one colour stand."""
    found = []
    for each in ElementTree.parse(path).iter("{http://www.w3.org/2000/svg}path"):
        style = each.get("style", "")
        if f"stroke: {ink}" in style and "stroke-width: 2" in style:
            # M x y L x y
            words = each.attrib["d"].split()
            assert words[1] == words[4]
            found.append(float(words[1]))
    return found


def test_a_plot_that_cannot_be_saved_is_told(field, tmp_path, monkeypatch, notifications) -> None:
    for name in ("nowhere/curve.png", "curve.unheard"):
        path = tmp_path / name
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, path=path: (str(path), ""))
        field.save()
        assert "could not be saved" in notifications[-1].message
        assert not path.exists()


def test_no_file_chosen_saves_nothing(field, monkeypatch, notifications) -> None:
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: ("", ""))
    field.save()
    assert notifications == []


# --- histogram and profile -----------------------------------------------------------------


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


# --- what moves ----------------------------------------------------------------------------


def picture_of(plot) -> np.ndarray:
    return np.asarray(plot.canvas.buffer_rgba()).copy()


def test_a_moved_line_is_drawn_over_the_rest_which_is_not_drawn_again(
    qtbot, field, monkeypatch
) -> None:
    drawn(qtbot, field)
    assert not field._stale
    whole = picture_of(field)
    draws = []
    monkeypatch.setattr(field.canvas, "draw", lambda: draws.append("draw"))
    monkeypatch.setattr(field.canvas, "draw_idle", lambda: draws.append("idle"))
    field.show_value(0.2)
    moved = picture_of(field)
    assert not np.array_equal(moved, whole)
    field.show_value(0.5)
    np.testing.assert_array_equal(picture_of(field), whole)
    assert draws == []
    assert not field._soon.isActive()


def test_the_moved_line_is_where_a_whole_drawing_has_it(qtbot, field) -> None:
    drawn(qtbot, field)
    field.show_value(0.3)
    quick = picture_of(field)
    field.canvas.draw()
    np.testing.assert_array_equal(picture_of(field), quick)


def test_a_saved_plot_has_its_line(qtbot, field, tmp_path, monkeypatch) -> None:
    drawn(qtbot, field)
    before, pictures = picture_of(field), []
    for value in (0.2, 0.5):
        field.show_value(value)
        path = tmp_path / f"{value}.png"
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, path=path: (str(path), ""))
        field.save()
        pictures.append(path.read_bytes())
    assert pictures[0] != pictures[1]
    # And the plot on the screen is as it was.
    qtbot.waitUntil(lambda: not field._stale and field._below is not None)
    np.testing.assert_array_equal(picture_of(field), before)


def test_while_much_changes_nothing_is_drawn(qtbot, field, monkeypatch) -> None:
    drawn(qtbot, field)
    draws = []
    monkeypatch.setattr(field.canvas, "draw_idle", lambda: draws.append(1))
    for _ in range(20):
        field.draw_soon()
        assert field._soon.remainingTime() > 0.8 * field._soon.interval()
    assert draws == []
    qtbot.waitUntil(lambda: draws == [1])


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


def with_fringe(curve: FieldCurve, sigmas: float) -> FieldCurve:
    """Return a curve with a fringe left, the same everywhere."""
    left = ResidualFringe(10 * sigmas, 1.0, sigmas, 10 * sigmas, 4.0, 1000)
    stretches = [each._replace(field=each.field._replace(fringe=left)) for each in curve.stretches]
    return replace(curve, stretches=tuple(stretches))
