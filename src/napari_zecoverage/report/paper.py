"""What the charts of a report are drawn on and with: matplotlib without pyplot or a window.

Nothing of matplotlib's settings is changed, so a window that draws at the same time is
left alone. Colours are told apart with any colour vision, and each line has a form of its
own as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colorbar import Colorbar
from matplotlib.figure import Figure

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
VIRIDIS: Final = ("#46327e", "#365c8d", "#277f8e", "#1fa187", "#4ac16d", "#a0da39", "#fde725")
"""viridis, from where it stands out from a dark ground."""

SMALL: Final = 8.5
NORMAL: Final = 9.5
"""Sizes of letters, points."""


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
    axes.set_xlabel(x, color=paper.ink, fontsize=NORMAL)
    axes.set_ylabel(y, color=paper.ink, fontsize=NORMAL)
    if title:
        axes.set_title(title, color=paper.ink, fontsize=NORMAL + 0.5, loc="left")
    axes.tick_params(colors=paper.soft, labelsize=SMALL, which="both")
    for side, spine in axes.spines.items():
        spine.set_color(paper.soft)
        spine.set_visible(side in ("left", "bottom"))


def grid(axes: Axes, paper: Paper) -> None:
    """Draw lines across, behind everything."""
    axes.grid(True, axis="y", color=paper.line, linewidth=0.8)
    axes.set_axisbelow(True)


def legend(figure: Figure, handles: Sequence[Any], paper: Paper, columns: int) -> None:
    """Put a legend above the axes; none where there is nothing to tell."""
    if handles:
        figure.legend(
            handles=handles,
            loc="upper left",
            borderaxespad=0.4,
            ncols=columns,
            frameon=False,
            fontsize=SMALL,
            labelcolor=paper.ink,
            handlelength=2.4,
            columnspacing=1.6,
        )


def dress_bar(bar: Colorbar, label: str, paper: Paper) -> None:
    """Give a colour bar the paper's colours and a label."""
    bar.set_label(label, color=paper.ink, fontsize=SMALL)
    bar.ax.tick_params(colors=paper.soft, labelsize=SMALL)
    bar.outline.set_visible(False)


def say(axes: Axes, words: str, paper: Paper) -> None:
    """Write into the middle of axes, where there is nothing to draw."""
    axes.text(
        0.5,
        0.5,
        words,
        transform=axes.transAxes,
        ha="center",
        va="center",
        color=paper.soft,
        fontsize=NORMAL,
        backgroundcolor=paper.paper,
    )
