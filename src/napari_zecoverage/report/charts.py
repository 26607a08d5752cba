"""The charts of a report: matplotlib without pyplot and without a window.

Nothing of matplotlib's settings is changed, so a window that draws at the same time is
left alone. Colours are told apart with any colour vision, and each line has a form of its
own as well.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final, Literal, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colorbar import Colorbar
from matplotlib.colors import BoundaryNorm, LinearSegmentedColormap, ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import ArrayLike, NDArray

from napari_zecoverage.core.levels import LevelField
from napari_zecoverage.report.tile_pictures import png_of

DPI: Final = 100
"""A chart's size in inches times this is its size on a page, in CSS pixels."""

SHARPNESS: Final = 1.5
"""Pixels of a picture a CSS pixel, for screens that have them."""


class Paper(NamedTuple):
    """What a chart is drawn on and with, as matplotlib reads colours."""

    paper: str
    ink: str
    soft: str
    line: str
    blue: str
    orange: str
    green: str
    purple: str


LIGHT: Final = Paper(
    "#ffffff", "#1c2024", "#59626b", "#d9dcdf", "#0072B2", "#D55E00", "#00805e", "#a4508b"
)
DARK: Final = Paper(
    "#1a1e22", "#e6e8ea", "#a3acb5", "#353b41", "#56B4E9", "#E69F00", "#3cc79c", "#CC79A7"
)
"""Okabe and Ito's colours, of a darkness that stands out from each paper."""

DARKROOM: Final = DARK._replace(paper="#101316")
"""For what is made of pixels, on every page."""

NOT_MEASURED: Final = "#3d444c"

_STEP_COLOURS: Final = LinearSegmentedColormap.from_list(
    "fringe", ["#c9ebff", "#56B4E9", "#1f6c9c", "#101316", "#9a6200", "#E69F00", "#ffe9bf"]
)
"""Blue, dark where there is no step, orange: even in lightness, and read with any vision."""

_SMALL: Final = 8.5
_NORMAL: Final = 9.5


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


def draw(figure: Figure) -> bytes:
    """Return a figure as PNG."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    drawn = np.asarray(canvas.buffer_rgba())  # type: ignore[no-untyped-call]
    return png_of(drawn[..., :3])


def size_of(figure: Figure) -> tuple[int, int]:
    """Return a figure's width and height on a page, in CSS pixels."""
    width, height = figure.get_size_inches()
    return round(width * DPI), round(height * DPI)


def new_figure(width_px: int, height_px: int, paper: Paper) -> Figure:
    """Make an empty figure of a size on a page."""
    return Figure(
        figsize=(width_px / DPI, height_px / DPI),
        dpi=DPI * SHARPNESS,
        facecolor=paper.paper,
    )


def place(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Put axes into a figure, in pixels from its upper left corner.

    A layout that finds its margins by itself takes longer than all the drawing.
    """
    across, down = size_of(figure)
    axes: Axes = figure.add_axes(
        (left / across, 1 - (top + height) / down, width / across, height / down)
    )
    return axes


def dress(axes: Axes, paper: Paper, *, x: str = "", y: str = "", title: str = "") -> None:
    """Give axes the paper's colours, their labels and a title."""
    axes.set_facecolor("none")
    axes.set_xlabel(x, color=paper.ink, fontsize=_NORMAL)
    axes.set_ylabel(y, color=paper.ink, fontsize=_NORMAL)
    if title:
        axes.set_title(title, color=paper.ink, fontsize=_NORMAL + 0.5, loc="left")
    axes.tick_params(colors=paper.soft, labelsize=_SMALL, which="both")
    for side, spine in axes.spines.items():
        spine.set_color(paper.soft)
        spine.set_visible(side in ("left", "bottom"))


def _grid(axes: Axes, paper: Paper) -> None:
    axes.grid(True, axis="y", color=paper.line, linewidth=0.8)
    axes.set_axisbelow(True)


def _legend(figure: Figure, handles: Sequence[Any], paper: Paper, columns: int) -> None:
    if handles:
        figure.legend(
            handles=handles,
            loc="upper left",
            borderaxespad=0.4,
            ncols=columns,
            frameon=False,
            fontsize=_SMALL,
            labelcolor=paper.ink,
            handlelength=2.4,
            columnspacing=1.6,
        )


# --- the maps ------------------------------------------------------------------------------


def coverage_map(coverage: ArrayLike, most: int, width_px: int) -> Figure:
    """Draw the frames per pixel, one colour step a count, with a colour bar.

    Parameters
    ----------
    coverage : array_like, shape (h, w)
        Reduced to nearly the size that it is drawn in, without mixing counts.
    most : int
        Frames on the best-covered pixel.
    width_px : int
        Of the figure.
    """
    counts = np.asarray(coverage, dtype=np.float32)
    colours = ListedColormap(
        LinearSegmentedColormap.from_list("counts", _VIRIDIS)(np.linspace(0, 1, max(most, 2)))[
            :most
        ],
        name="counts",
    )
    bounds = np.arange(most + 1) + 0.5
    norm = BoundaryNorm(bounds, most) if most > 1 else None
    figure, axes, beside = _map_figure(counts.shape, width_px, "coverage")
    shown = np.ma.masked_less(counts, 0.5)
    image = axes.imshow(shown, cmap=colours, norm=norm, interpolation="nearest")
    if norm is None:
        image.set_clim(0.5, 1.5)
    bar = _colour_bar(figure, image, beside, "frames per pixel")
    bar.ax.yaxis.set_major_locator(MaxNLocator(nbins=10, integer=True))
    bar.ax.minorticks_off()
    return figure


# viridis, from where it stands out from a dark ground.
_VIRIDIS: Final = ["#46327e", "#365c8d", "#277f8e", "#1fa187", "#4ac16d", "#a0da39", "#fde725"]


def fringe_map(steps: ArrayLike, reach: float, title: str, width_px: int) -> Figure:
    """Draw where the sky is coloured otherwise than in the core.

    Parameters
    ----------
    steps : array_like, shape (h, w)
        ADU; NaN where it was not measured.
    reach : float
        Where the colours end on either side, ADU; above 0.
    title : str
    width_px : int
        Of the figure.
    """
    values = np.ma.masked_invalid(np.asarray(steps, dtype=np.float32))
    figure, axes, beside = _map_figure(values.shape, width_px, title)
    axes.set_facecolor(NOT_MEASURED)
    image = axes.imshow(values, cmap=_STEP_COLOURS, vmin=-reach, vmax=reach, interpolation="none")
    bar = _colour_bar(figure, image, beside, "ADU against the core", ends=True)
    bar.ax.yaxis.set_major_locator(MaxNLocator(nbins=7, symmetric=True))
    return figure


def _map_figure(shape: tuple[int, ...], width_px: int, title: str) -> tuple[Figure, Axes, Axes]:
    """Return a figure of a map's shape, the map's axes and those of its colour bar."""
    edge, above, beside = 10, 32, 78
    width = width_px - edge - beside
    height = round(width * shape[0] / shape[1])
    figure = new_figure(width_px, above + height + edge, DARKROOM)
    axes = place(figure, edge, above, width, height)
    dress(axes, DARKROOM, title=title)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
    inset = 0.08 * height
    return figure, axes, place(figure, edge + width + 12, above + inset, 12, height - 2 * inset)


def _colour_bar(
    figure: Figure, image: Any, beside: Axes, label: str, ends: bool = False
) -> Colorbar:
    bar = figure.colorbar(image, cax=beside, extend="both" if ends else "neither")
    _dress_bar(bar, label, DARKROOM)
    return bar


def _dress_bar(bar: Colorbar, label: str, paper: Paper) -> None:
    bar.set_label(label, color=paper.ink, fontsize=_SMALL)
    bar.ax.tick_params(colors=paper.soft, labelsize=_SMALL)
    bar.outline.set_visible(False)


# --- field and fringe against the threshold ------------------------------------------------


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
    _grid(field, paper)

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
    _grid(fringe, paper)
    if not np.isfinite(sigmas).any():
        _say(fringe, "not measurable", paper)
    maximum = edges[-1]
    for axes in (field, fringe):
        axes.set_xlim(0, maximum * 1.02)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=16))
        axes.yaxis.set_label_coords(-48 / 932, 0.5)

    handles = [*lines, left, band, limit]
    handles += _shade_branches((field, fringe), points, paper)
    handles += _mark_lines((field, fringe), marks, paper)
    _legend(figure, handles, paper, columns=5)
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


def _say(axes: Axes, words: str, paper: Paper) -> None:
    axes.text(
        0.5,
        0.5,
        words,
        transform=axes.transAxes,
        ha="center",
        va="center",
        color=paper.soft,
        fontsize=_NORMAL,
        backgroundcolor=paper.paper,
    )


# --- the fringe of each count --------------------------------------------------------------


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
        _grid(axes, paper)
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
            _say(axes, words, paper)
            axes.set_yticks([])
    raw.set_xlabel("frames on a pixel", color=paper.ink, fontsize=_NORMAL)
    for axes in (matched, raw):
        axes.set_xlim(0, counts.max() + 1)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=16))
        axes.yaxis.set_label_coords(-48 / 932, 0.5)
    if np.isfinite(core_count):
        handles.append(Patch(color=paper.soft, alpha=0.25, linewidth=0, label="the core"))
    _legend(figure, handles, paper, columns=3)
    return figure


# --- the landscape -------------------------------------------------------------------------


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
        _dress_bar(bar, label, paper)
        if image is fields:
            bar.ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        else:
            # Always on the pale part of the bar.
            bar.ax.axhline(tolerance, color=LIGHT.ink, linewidth=1.5)
        if not np.isfinite(np.asarray((kept if image is fields else fringe).values)).any():
            _say(axes, "not measurable", paper)
    left.set_ylabel("min_coverage_abs, frames", color=paper.ink, fontsize=_NORMAL)
    right.tick_params(labelleft=False)
    handles: list[Any] = [*_hatch_branches((left, right), kept, paper)]
    handles += _mark_points((left, right), marks, kept, paper)
    _legend(figure, handles, paper, columns=5)
    return figure


_KEPT_COLOURS: Final = LinearSegmentedColormap.from_list("kept", _VIRIDIS)


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


def _mark_points(
    both: Sequence[Axes], marks: Sequence[Mark], plane: Plane, paper: Paper
) -> list[Line2D]:
    handles = []
    most = float(plane.abs_edges[-1])
    for place in dict.fromkeys((each.share, each.least) for each in marks):
        same = [each for each in marks if (each.share, each.least) == place]
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
            axes.plot([place[0]], [min(place[1], most)], clip_on=False, zorder=5, **look)
        handles.append(Line2D([], [], label=" = ".join(each.name for each in same), **look))
    return handles


# --- the run -------------------------------------------------------------------------------


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
                fontsize=_SMALL - 1,
            )
        least = 2 * tolerance if axes is right else 0.05
        most = max(1.1 * float(np.nanmax([*old, *new], initial=0.0)), least)
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
    _legend(figure, [circle, diamond, limit], paper, columns=3)
    return figure


_LONGEST_LABEL: Final = 28


def drawable(text: str) -> str:
    """Return a label that the font has letters for, and that is not too long."""
    kept = "".join(
        each if " " <= each <= "~" or "\xa1" <= each <= "\u024f" else "?" for each in text
    )
    return kept if len(kept) <= _LONGEST_LABEL else f"{kept[: _LONGEST_LABEL - 1]}…"
