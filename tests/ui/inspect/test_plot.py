"""What all plots share: when they draw, keys, themes, saving."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pytest
from curves import CURVE, drawn, where_line
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

from napari_zecoverage.ui.inspect.field_plot import FieldPlot
from napari_zecoverage.ui.inspect.fringe_plot import FringePlot
from napari_zecoverage.ui.inspect.histogram_plot import HistogramPlot
from napari_zecoverage.ui.inspect.landscape_plot import LandscapePlot
from napari_zecoverage.ui.inspect.plot import colours_of_theme
from napari_zecoverage.ui.inspect.profile_plot import ProfilePlot

pytestmark = pytest.mark.window


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


def test_a_moved_line_is_drawn_without_a_new_layout(qtbot, field) -> None:
    before = field.axes.get_position().bounds
    for step in range(20):
        field.show_value(step / 20)
        drawn(qtbot, field)
    assert field.axes.get_position().bounds == before
    # The axes keep most of the figure.
    assert before[2] * before[3] > 0.3


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
    path = tmp_path / "nowhere" / "curve.png"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    field.save()
    assert "could not be saved" in notifications[-1].message
    assert not path.exists()


def test_no_file_chosen_saves_nothing(field, monkeypatch, notifications) -> None:
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: ("", ""))
    field.save()
    assert notifications == []


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
