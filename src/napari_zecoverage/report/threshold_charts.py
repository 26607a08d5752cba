"""Field kept and fringe left against the thresholds, as a report draws them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final, Literal, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import NDArray

from napari_zecoverage.report.paper import (
    LIGHT,
    NORMAL,
    VIRIDIS,
    Paper,
    dress,
    dress_bar,
    grid,
    legend,
    new_figure,
    place,
    say,
)


class Mark(NamedTuple):
    """A choice of thresholds, to be marked in every chart in the same way.

    Attributes
    ----------
    name : str
    form : {"defaults", "chosen", "advised"}
    frames : float
        The threshold that coverage is compared with; NaN for none.
    least : float
        min_coverage_abs.
    share : float
        min_coverage_frac.
    """

    name: str
    form: Literal["defaults", "chosen", "advised"]
    frames: float
    least: float
    share: float


_FORMS: Final[Mapping[str, tuple[str, Any]]] = {
    # Marker, dashes.
    "defaults": ("o", (0, (1, 1.5))),
    "advised": ("*", (0, (5, 2))),
    "chosen": ("D", "-"),
}


# --- over one threshold --------------------------------------------------------------------


class LevelPoint(NamedTuple):
    """What the mask of one threshold does.

    Attributes
    ----------
    frames : float
        The highest threshold that gives this mask.
    source : str
        Which mask ZeMosaic takes.
    hard, soft : float
        Shares of the covered area that are kept; NaN when not known.
    sigmas, error : float
        Residual fringe in units of the core's colour noise of a pixel; NaN when it
        was not measurable.
    """

    frames: float
    source: str
    hard: float
    soft: float
    sigmas: float
    error: float


_BRANCHES: Final = {
    "low-signal": ("orange", "low-signal mask"),
    "radial": ("purple", "radial mask"),
    "dropped": ("soft", "mask dropped: all is kept"),
}


def threshold_chart(
    points: Sequence[LevelPoint], marks: Sequence[Mark], tolerance: float, paper: Paper
) -> Figure:
    """Draw field kept and residual fringe against the threshold in frames.

    Parameters
    ----------
    points : sequence of LevelPoint
        Rising, the first at 0 frames.
    marks : sequence of Mark
    tolerance : float
        Of the residual fringe, in its unit.
    paper : Paper
    """
    edges = np.array([each.frames for each in points])
    steps = points[1:]
    figure = new_figure(1040, 470, paper)
    field, fringe = place(figure, 88, 64, 932, 210), place(figure, 88, 298, 932, 122)
    field.tick_params(labelbottom=False)
    hard, soft = ([getattr(each, name) for each in steps] for name in ("hard", "soft"))
    lines = [
        field.stairs(hard, edges, baseline=None, color=paper.blue, linewidth=2.2),
        field.stairs(soft, edges, baseline=None, color=paper.green, linewidth=1.8, linestyle=":"),
    ]
    for line, name in zip(lines, ("opaque (hard)", "mean alpha (soft)"), strict=True):
        line.set_label(name)
    field.set_ylim(0, 1.03)
    field.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    dress(field, paper, y="field kept")
    grid(field, paper)

    sigmas = np.array([each.sigmas for each in steps])
    errors = np.nan_to_num(np.array([each.error for each in steps]))
    band = fringe.stairs(
        sigmas + errors,
        edges,
        baseline=np.maximum(sigmas - errors, 0),
        fill=True,
        color=paper.orange,
        alpha=0.25,
        linewidth=0,
    )
    band.set_label("± 1 σ of the measurement")
    left = fringe.stairs(sigmas, edges, baseline=None, color=paper.orange, linewidth=2.2)
    left.set_label("residual fringe")
    limit = fringe.axhline(tolerance, color=paper.soft, linewidth=1.3, linestyle=(0, (6, 3)))
    limit.set_label("tolerated")
    top = float(np.nanmax(sigmas + errors, initial=2 * tolerance))
    fringe.set_ylim(-0.04 * top, top * 1.08)
    dress(fringe, paper, x="threshold, frames", y="fringe left,\n× noise of a pixel")
    grid(fringe, paper)
    if not np.isfinite(sigmas).any():
        say(fringe, "not measurable", paper)
    maximum = edges[-1]
    for axes in (field, fringe):
        axes.set_xlim(0, maximum * 1.02)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=16))
        axes.yaxis.set_label_coords(-48 / 932, 0.5)

    handles = [*lines, left, band, limit]
    handles += _shade_branches((field, fringe), points, paper)
    handles += _mark_lines((field, fringe), marks, paper)
    legend(figure, handles, paper, columns=5)
    return figure


def _shade_branches(
    both: Sequence[Axes], points: Sequence[LevelPoint], paper: Paper
) -> list[Patch]:
    """Tint where ZeMosaic takes another mask; return what the legend needs."""
    found: dict[str, Patch] = {}
    for before, each in pairwise(points):
        if each.source not in _BRANCHES:
            continue
        name, words = _BRANCHES[each.source]
        colour = getattr(paper, name)
        for axes in both:
            axes.axvspan(before.frames, each.frames, color=colour, alpha=0.16, linewidth=0)
        found[each.source] = Patch(color=colour, alpha=0.3, linewidth=0, label=words)
    return list(found.values())


def _mark_lines(both: Sequence[Axes], marks: Sequence[Mark], paper: Paper) -> list[Line2D]:
    lines = []
    for frames in dict.fromkeys(each.frames for each in marks if np.isfinite(each.frames)):
        same = [each for each in marks if each.frames == frames]
        # The most telling of those that lie on each other.
        marker, dashes = _FORMS[same[-1].form]
        for axes in both:
            axes.axvline(frames, color=paper.ink, linewidth=1.4, linestyle=dashes)
        both[0].plot([frames], [1.03], marker, color=paper.ink, clip_on=False, markersize=7)
        name = " = ".join(each.name for each in same)
        lines.append(
            Line2D(
                [], [], color=paper.ink, marker=marker, linestyle=dashes, linewidth=1.4, label=name
            )
        )
    return lines


# --- over both -----------------------------------------------------------------------------


class Plane(NamedTuple):
    """One figure over min_coverage_abs × min_coverage_frac, constant in each field.

    Attributes
    ----------
    abs_edges, frac_edges : ndarray
        The fields' edges, one more than fields.
    values : ndarray, shape (abs fields, frac fields)
        NaN where it is not known.
    source : ndarray of str, same shape
        Which mask ZeMosaic takes.
    """

    abs_edges: NDArray[np.float64]
    frac_edges: NDArray[np.float64]
    values: NDArray[np.float64]
    source: NDArray[np.str_]


def landscape_chart(
    kept: Plane, fringe: Plane, marks: Sequence[Mark], tolerance: float, paper: Paper
) -> Figure:
    """Draw field kept and residual fringe over both thresholds.

    Parameters
    ----------
    kept : Plane
        Shares, 0 to 1.
    fringe : Plane
        In units of the core's colour noise of a pixel.
    marks : sequence of Mark
    tolerance : float
        Of the fringe.
    paper : Paper
    """
    figure = new_figure(1040, 450, paper)
    left, right = place(figure, 62, 62, 380, 336), place(figure, 566, 62, 380, 336)
    lowest = float(np.nanmin(kept.values, initial=1.0))
    floor = min(0.9, np.floor(lowest * 10) / 10)
    fields = left.pcolormesh(
        kept.frac_edges, kept.abs_edges, kept.values, cmap=_KEPT_COLOURS, vmin=floor, vmax=1
    )
    top = float(np.nanmax(fringe.values, initial=2 * tolerance))
    steps = right.pcolormesh(
        fringe.frac_edges,
        fringe.abs_edges,
        np.ma.masked_invalid(fringe.values),
        cmap=_left_colours(tolerance / top),
        vmin=0,
        vmax=top,
    )
    for axes, image, label, title in (
        (left, fields, "share of the covered area", "field kept"),
        (right, steps, "× noise of a pixel", "fringe left"),
    ):
        dress(axes, paper, x="min_coverage_frac", title=title)
        axes.set_facecolor(paper.line)
        beside = place(figure, 456 if axes is left else 960, 62, 13, 336)
        bar = figure.colorbar(image, cax=beside)
        dress_bar(bar, label, paper)
        if image is fields:
            bar.ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        else:
            # Always on the pale part of the bar.
            bar.ax.axhline(tolerance, color=LIGHT.ink, linewidth=1.5)
        if not np.isfinite(np.asarray((kept if image is fields else fringe).values)).any():
            say(axes, "not measurable", paper)
    left.set_ylabel("min_coverage_abs, frames", color=paper.ink, fontsize=NORMAL)
    right.tick_params(labelleft=False)
    handles: list[Any] = [*_hatch_branches((left, right), kept, paper)]
    handles += _mark_points((left, right), marks, kept)
    legend(figure, handles, paper, columns=5)
    return figure


_KEPT_COLOURS: Final = LinearSegmentedColormap.from_list("kept", VIRIDIS)


def _left_colours(tolerated: float) -> LinearSegmentedColormap:
    """Return pale blue for what is tolerated, then orange, ever darker."""
    above = zip(np.linspace(tolerated, 1, 5), _ORANGES, strict=True)
    return LinearSegmentedColormap.from_list(
        "left", [(0, "#e4f1fa"), (tolerated, "#bcdcf0"), *above], N=1024
    )


_ORANGES: Final = ("#fde7b4", "#f2ae3c", "#d55e00", "#7d2a00", "#2e0f00")


def _hatch_branches(both: Sequence[Axes], plane: Plane, paper: Paper) -> list[Patch]:
    """Hatch where ZeMosaic takes another mask than the coverage's."""
    handles = []
    hatches = {"low-signal": "///", "radial": "...", "dropped": "xxx"}
    for source, hatch in hatches.items():
        here = plane.source == source
        if not here.any():
            continue
        for axes in both:
            mesh = axes.pcolor(
                plane.frac_edges,
                plane.abs_edges,
                np.ma.masked_where(~here, np.zeros(here.shape)),
                hatch=hatch,
                alpha=0,
                edgecolors=paper.ink,
                linewidths=0,
            )
            mesh.set_edgecolor(paper.ink)
        handles.append(
            Patch(
                facecolor=paper.line,
                edgecolor=paper.ink,
                hatch=hatch,
                linewidth=0,
                label=_BRANCHES[source][1],
            )
        )
    return handles


def _mark_points(both: Sequence[Axes], marks: Sequence[Mark], plane: Plane) -> list[Line2D]:
    handles = []
    most = float(plane.abs_edges[-1])
    for spot in dict.fromkeys((each.share, each.least) for each in marks):
        same = [each for each in marks if (each.share, each.least) == spot]
        marker, _ = _FORMS[same[-1].form]
        size = 13 if marker == "*" else 8
        look: dict[str, Any] = {
            "marker": marker,
            "markersize": size,
            "markerfacecolor": "#ffffff",
            "markeredgecolor": "#1c2024",
            "markeredgewidth": 1.4,
            "linestyle": "",
        }
        for axes in both:
            axes.plot([spot[0]], [min(spot[1], most)], clip_on=False, zorder=5, **look)
        handles.append(Line2D([], [], label=" = ".join(each.name for each in same), **look))
    return handles
