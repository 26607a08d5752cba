"""The fringe of each coverage count, as a report draws it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from napari_zecoverage.report.paper import (
    NORMAL,
    Paper,
    dress,
    grid,
    legend,
    new_figure,
    place,
    say,
)


class CountPoint(NamedTuple):
    """The fringe at one coverage count, ADU; NaN where it was not measurable."""

    frames: float
    red_green: float
    red_green_error: float
    blue_green: float
    blue_green_error: float
    raw_red_green: float
    raw_blue_green: float


def count_chart(points: Sequence[CountPoint], core_count: float, paper: Paper) -> Figure:
    """Draw the colour step at each coverage count, matched and raw.

    Parameters
    ----------
    points : sequence of CountPoint
        Rising.
    core_count : float
        From so many frames on it is the core; NaN for none.
    paper : Paper
    """
    figure = new_figure(1040, 470, paper)
    matched, raw = place(figure, 88, 56, 932, 196), place(figure, 88, 288, 932, 132)
    matched.tick_params(labelbottom=False)
    counts = np.array([each.frames for each in points])
    shift = 0.12
    series = (
        ("R−G", "red_green", paper.orange, "o", -shift),
        ("B−G", "blue_green", paper.blue, "s", shift),
    )
    handles: list[Any] = []
    for label, name, colour, marker, aside in series:
        values = np.array([getattr(each, name) for each in points])
        errors = np.nan_to_num(np.array([getattr(each, f"{name}_error") for each in points]))
        before = np.array([getattr(each, f"raw_{name}") for each in points])
        matched.errorbar(
            counts + aside,
            values,
            yerr=errors,
            fmt=marker,
            color=colour,
            markersize=4.5,
            elinewidth=1.2,
            capsize=2.5,
        )
        raw.plot(
            counts + aside, before, marker, color=colour, markersize=4.5, markerfacecolor="none"
        )
        handles.append(
            Line2D([], [], color=colour, marker=marker, linestyle="", label=label, markersize=5)
        )
    for axes, title in (
        (matched, "as ZeMosaic matches the frames' skies (± 1 σ)"),
        (raw, "raw, before the skies are matched"),
    ):
        dress(axes, paper, y="step, ADU", title=title)
        grid(axes, paper)
        axes.axhline(0, color=paper.soft, linewidth=1)
        if np.isfinite(core_count):
            axes.axvspan(
                core_count - 0.5, counts.max() + 0.5, color=paper.soft, alpha=0.12, linewidth=0
            )
        axes.margins(y=0.12)
    for axes, words, names in (
        (matched, "not measurable", ("red_green", "blue_green")),
        (raw, "not known", ("raw_red_green", "raw_blue_green")),
    ):
        if not np.isfinite([[getattr(each, name) for name in names] for each in points]).any():
            say(axes, words, paper)
            axes.set_yticks([])
    raw.set_xlabel("frames on a pixel", color=paper.ink, fontsize=NORMAL)
    for axes in (matched, raw):
        axes.set_xlim(0, counts.max() + 1)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=16))
        axes.yaxis.set_label_coords(-48 / 932, 0.5)
    if np.isfinite(core_count):
        handles.append(Patch(color=paper.soft, alpha=0.25, linewidth=0, label="the core"))
    legend(figure, handles, paper, columns=3)
    return figure
