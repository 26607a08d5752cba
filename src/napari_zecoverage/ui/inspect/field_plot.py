"""Field kept, and the fringe that is left, against one threshold."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import matplotlib as mpl
import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator, PercentFormatter, StrMethodFormatter
from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import QWidget

from napari_zecoverage.ui.inspect.chosen_threshold import chosen_threshold
from napari_zecoverage.ui.inspect.dragged_plot import DraggedPlot
from napari_zecoverage.ui.inspect.palette import (
    BRANCH_COLOURS,
    BRANCH_LABELS,
    GREEN,
    PURPLE,
    SKY_BLUE,
    VERMILLION,
)
from napari_zecoverage.ui.inspect.plot import FONT_PT, Margins

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axis import Axis
    from matplotlib.backend_bases import MouseEvent

    from napari_zecoverage.core.curves import FieldCurve
    from napari_zecoverage.core.levels import Branch, LevelField

_STEPS: Final[dict[int, int]] = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
_TINT: Final = 0.35
_FEW_STEPS: Final = 4
_NEAR_PX: Final = 5
"""So near to the line it is taken hold of."""

_STILL_PX: Final = 0.5


class FieldPlot(DraggedPlot):
    """Field kept against a threshold; the line is dragged to set it.

    A click sets the threshold, too, and the left and right keys go to the next
    value that makes a difference.

    Signals
    -------
    value_chosen(float)
        The threshold's new value.
    """

    value_chosen = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("field_kept", parent, cursor=Qt.CursorShape.SplitHCursor)
        self.curve: FieldCurve | None = None
        self._value = 0.0
        self._held_aside = 0.0
        with mpl.rc_context({"font.size": FONT_PT}):
            self.axes = self.figure.add_subplot()
            (self.hard,) = self.axes.plot([], [], color=SKY_BLUE, linewidth=2)
            (self.soft,) = self.axes.plot([], [], color=GREEN, linewidth=1.5, linestyle=":")
            self.fringe_axes = self.axes.twinx()
            (self.fringe,) = self.fringe_axes.plot(
                [], [], color=PURPLE, linewidth=1.5, linestyle="-."
            )
            self.fringe_axes.set_ylabel("fringe left, × noise")
            _write_few_numbers(self.fringe_axes.yaxis)
            # The mouse is told of the uppermost axes.
            self.axes.set_zorder(self.fringe_axes.get_zorder() + 1)
            self.branches = PolyCollection(
                [], transform=self.axes.get_xaxis_transform(), linewidths=0, zorder=0
            )
            self.axes.add_collection(self.branches, autolim=False)
            (self.cliffs,) = self.axes.plot(
                [], [], "v", color=VERMILLION, transform=self.axes.get_xaxis_transform()
            )
            self.cliffs.set(clip_on=False, markersize=7)
            self.line = self.axes.axvline(0, linewidth=2, animated=True)
            self.axes.set_ylabel("field kept")
            self.axes.set_ylim(0, 1.02)
            self.axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        self._legend_of: tuple[str, ...] = ()
        self._paint()

    def show_curve(self, curve: FieldCurve) -> None:
        """Show another curve."""
        shown, self.curve = self.curve, curve
        if shown is not None and (shown.over, shown.stretches) == (curve.over, curve.stretches):
            # A moved threshold does not change the curve that it lies on.
            return
        right = self._right()
        ends = [(each.low, min(each.high, right)) for each in curve.stretches]
        for artist, values in (
            (self.hard, [each.field.hard for each in curve.stretches]),
            (self.soft, [each.field.soft for each in curve.stretches]),
        ):
            artist.set_data(np.ravel(ends), np.repeat(values, 2))
        left = [_sigmas(each.field) for each in curve.stretches]
        self.fringe.set_data(np.ravel(ends), np.repeat(left, 2))
        self.fringe_axes.set_ylim(0, 1.1 * max(0.1, np.nanmax([0.0, *left])))
        self._show_fringe_axis(bool(np.isfinite(left).any()))
        marked = [
            (low, high, each.field.source)
            for (low, high), each in zip(ends, curve.stretches, strict=True)
            if each.field.source in BRANCH_COLOURS
        ]
        # What holds for a single value must be seen as well.
        least = right / 150
        self.branches.set_verts([_box(low, max(high, low + least)) for low, high, _ in marked])
        self.branches.set_facecolor([(BRANCH_COLOURS[each], _TINT) for _, _, each in marked])
        self.cliffs.set_data([each.value for each in curve.cliffs], [1.0] * len(curve.cliffs))
        self.axes.set_xlim(-right / 100, right)
        unit = "of the maximum" if curve.over == "min_coverage_frac" else "frames"
        self.axes.set_xlabel(f"{curve.over}, {unit}")
        self._show_legend(tuple(dict.fromkeys(each for _, _, each in marked)))
        self.draw_soon()

    def show_nothing(self) -> None:
        """Show no curve at all."""
        self.curve = None
        for artist in (self.hard, self.soft, self.fringe, self.cliffs):
            artist.set_data([], [])
        self._show_fringe_axis(False)
        self.branches.set_verts([])
        self.draw_soon()

    def show_value(self, value: float) -> None:
        """Put the line where the threshold stands."""
        self._value = value
        self.line.set_xdata([value, value])
        self.draw_moved()

    def _show_fringe_axis(self, shown: bool) -> None:
        """Give the fringe its axis where it is measurable, its room to the field where not."""
        self.fringe_axes.yaxis.set_visible(shown)
        self._margins = Margins(right=40) if shown else Margins()
        self.lay_out_soon()

    def _right(self) -> float:
        if self.curve is None or self.curve.over == "min_coverage_frac":
            return 1.0
        # Beyond the maximum, where the last stretch goes on.
        return self.curve.maximum * 1.05

    def _show_legend(self, branches: tuple[Branch, ...]) -> None:
        """Say what the lines are, and which branches there are."""
        cliffs = self.curve is not None and bool(self.curve.cliffs)
        fringe = self.fringe_axes.yaxis.get_visible()
        wanted = (*branches, str(cliffs), str(fringe))
        if wanted == self._legend_of:
            return
        self._legend_of = wanted
        for legend in list(self.figure.legends):
            legend.remove()
        handles: list[Artist] = [self.hard, self.soft]
        labels = ["opaque (hard)", "mean alpha (soft)"]
        if fringe:
            handles.append(self.fringe)
            labels.append("fringe left")
        if cliffs:
            handles.append(self.cliffs)
            labels.append("cliff")
        for each in branches:
            handles.append(Patch(color=(BRANCH_COLOURS[each], _TINT)))
            labels.append(BRANCH_LABELS[each])
        self.figure.legend(
            handles, labels, loc="lower center", ncols=2, frameon=False, fontsize=FONT_PT
        )
        self._paint()
        self.lay_out_soon()

    def _ink(self) -> list[Artist]:
        return [self.line]

    def _moving(self) -> list[Artist]:
        return [self.line]

    # --- the line ------------------------------------------------------------------------

    def _has_choice(self) -> bool:
        return self.curve is not None

    def _take_hold(self, event: MouseEvent) -> None:
        aside = event.x - self._line_x()
        self._held_aside = aside if abs(aside) <= _NEAR_PX else 0.0

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Take the left and right keys for the line."""
        step = _STEPS.get(event.key(), 0)
        # On a Mac the arrows count as keys of the number pad.
        held = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        if self.curve is None or not step or held != Qt.KeyboardModifier.NoModifier:
            super().keyPressEvent(event)
            return
        if not event.isAutoRepeat():
            self.gesture = object()
        self._go(self.curve, step)

    def _go(self, curve: FieldCurve, step: int) -> None:
        """Offer the end of the stretch beside the one that the line stands in."""
        index = curve.stretches.index(curve.at(self._value)) + step
        if 0 <= index < len(curve.stretches):
            high = curve.stretches[index].high
            self._offer(curve.maximum if np.isinf(high) else high)

    def _line_x(self) -> float:
        """Return where on the canvas the line stands, in matplotlib's pixels."""
        return float(self.axes.transData.transform((self._value, 0))[0])

    def _choose(self, event: MouseEvent) -> None:
        # By the pixel, which goes on beyond the axes: the line stops at their end. And one
        # that was taken hold of beside its middle does not jump.
        place = event.x - self._held_aside
        if abs(place - self._line_x()) > _STILL_PX:
            self._offer(float(self.axes.transData.inverted().transform((place, 0))[0]))

    def _offer(self, value: float) -> None:
        if self.curve is None:
            return
        most = 1.0 if self.curve.over == "min_coverage_frac" else self.curve.maximum
        value = chosen_threshold(self.curve.over, value, most, self.curve.at)
        self.show_value(value)
        self.value_chosen.emit(value)


def _write_few_numbers(axis: Axis) -> None:
    """Have few and short numbers beside an axis: its label is beyond them, and has little room."""
    axis.set_major_locator(MaxNLocator(_FEW_STEPS, steps=[1, 2, 5, 10]))
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))


def _sigmas(level: LevelField) -> float:
    """Return the fringe that is left, in units of the core's colour noise; NaN for unknown."""
    return math.nan if level.fringe is None else level.fringe.sigmas


def _box(low: float, high: float) -> list[tuple[float, float]]:
    return [(low, 0.0), (high, 0.0), (high, 1.0), (low, 1.0)]
