"""Made-up curves of field kept, and a plot of one to look at and to touch."""

from __future__ import annotations

from dataclasses import replace

from qtpy.QtCore import QPoint

from napari_zecoverage.core.curves import Cliff, FieldCurve, Stretch
from napari_zecoverage.core.fringe import ResidualFringe
from napari_zecoverage.core.levels import LevelField
from napari_zecoverage.core.parameters import MaskParameters
from napari_zecoverage.ui.inspect.field_plot import FieldPlot

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


def with_fringe(curve: FieldCurve, sigmas: float) -> FieldCurve:
    """Return a curve with a fringe left, the same everywhere."""
    left = ResidualFringe(10 * sigmas, 1.0, sigmas, 10 * sigmas, 4.0, 1000)
    stretches = [each._replace(field=each.field._replace(fringe=left)) for each in curve.stretches]
    return replace(curve, stretches=tuple(stretches))


def drawn(qtbot, plot) -> None:
    """Wait until everything asked for is drawn."""
    qtbot.waitUntil(lambda: not plot._soon.isActive())
    plot.canvas.draw()


def spot(plot: FieldPlot, value: float, share: float = 0.5) -> QPoint:
    """Return where on the canvas a value of the threshold lies."""
    x, y = plot.axes.transData.transform((value, share))
    ratio = plot.canvas.device_pixel_ratio
    return QPoint(round(x / ratio), round(plot.canvas.height() - y / ratio))


def where_line(plot: FieldPlot) -> float:
    return float(plot.line.get_xdata()[0])
