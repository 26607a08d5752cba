"""What every cluster of a run loses and keeps of its fringe, as a report draws it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter

from napari_zecoverage.core.levels import LevelField
from napari_zecoverage.report.paper import SMALL, Paper, dress, legend, new_figure, place


class RunPoint(NamedTuple):
    """One cluster, with ZeMosaic's defaults and as chosen; NaN where it is not known."""

    label: str
    lost_before: float
    sigmas_before: float
    lost: float
    sigmas: float


def lost_and_left(level: LevelField | None) -> tuple[float, float]:
    """Return the field lost and the fringe left of a mask, NaN where it is not known."""
    if level is None:
        return math.nan, math.nan
    return 1 - level.hard, math.nan if level.fringe is None else level.fringe.sigmas


MOST_IN_RUN: Final = 50
"""Clusters that a run's chart has room for."""


def run_chart(points: Sequence[RunPoint], tolerance: float, paper: Paper) -> Figure:
    """Draw what every cluster loses and keeps of its fringe, before and after.

    Parameters
    ----------
    points : sequence of RunPoint
        From top to bottom; at most `MOST_IN_RUN`.
    tolerance : float
        Of the fringe.
    paper : Paper
    """
    tall = 24 * len(points) + 10
    figure = new_figure(1040, tall + 92, paper)
    left, right = place(figure, 216, 38, 390, tall), place(figure, 634, 38, 390, tall)
    right.tick_params(labelleft=False)
    rows = np.arange(len(points))
    for axes, before, after in (
        (left, "lost_before", "lost"),
        (right, "sigmas_before", "sigmas"),
    ):
        old = np.array([getattr(each, before) for each in points])
        new = np.array([getattr(each, after) for each in points])
        axes.hlines(rows, np.fmin(old, new), np.fmax(old, new), color=paper.soft, linewidth=1.2)
        axes.plot(
            old, rows, "o", markerfacecolor=paper.paper, markeredgecolor=paper.ink, markersize=9
        )
        axes.plot(new, rows, "D", color=paper.blue, markersize=5)
        unknown = rows[~np.isfinite(new)]
        for row in unknown:
            axes.text(
                0.01,
                row,
                "not measurable",
                transform=axes.get_yaxis_transform(),
                va="center",
                color=paper.soft,
                fontsize=SMALL - 1,
            )
        least = 2 * tolerance if axes is right else 0.05
        # fmax: what is not known counts for nothing.
        most = float(np.fmax.reduce([*(1.1 * old), *(1.1 * new)], initial=least))
        # So that what is 0 is seen as a whole.
        axes.set_xlim(-0.025 * most, most)
        axes.grid(True, axis="x", color=paper.line, linewidth=0.8)
        axes.set_axisbelow(True)
    dress(left, paper, x="field lost, of the covered area")
    dress(right, paper, x="fringe left, × noise of a pixel")
    left.xaxis.set_major_formatter(PercentFormatter(1))
    left.set_yticks(rows, [drawable(each.label) for each in points], parse_math=False)
    for axes in (left, right):
        axes.set_ylim(len(points) - 0.4, -0.6)
    right.set_yticks([])
    limit = right.axvline(tolerance, color=paper.soft, linewidth=1.3, linestyle=(0, (6, 3)))
    limit.set_label("tolerated")
    circle = Line2D(
        [],
        [],
        marker="o",
        linestyle="",
        markerfacecolor=paper.paper,
        markeredgecolor=paper.ink,
        label="ZeMosaic's defaults",
    )
    diamond = Line2D([], [], marker="D", linestyle="", color=paper.blue, label="chosen")
    legend(figure, [circle, diamond, limit], paper, columns=3)
    return figure


_LONGEST_LABEL: Final = 28


def drawable(text: str) -> str:
    """Return a label that the font has letters for, and that is not too long."""
    kept = "".join(
        each if " " <= each <= "~" or "\xa1" <= each <= "\u024f" else "?" for each in text
    )
    return kept if len(kept) <= _LONGEST_LABEL else f"{kept[: _LONGEST_LABEL - 1]}…"
