"""Maps of a report: frames per pixel, and the sky's colour against the core's."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colorbar import Colorbar
from matplotlib.colors import BoundaryNorm, LinearSegmentedColormap, ListedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from napari_zecoverage.core.fringe import FRINGE_CHANNELS
from napari_zecoverage.report.paper import (
    DARKROOM,
    VIRIDIS,
    dress,
    dress_bar,
    new_figure,
    place,
)

NOT_MEASURED: Final = "#3d444c"

_STEP_COLOURS: Final = LinearSegmentedColormap.from_list(
    "fringe", ["#c9ebff", "#56B4E9", "#1f6c9c", "#101316", "#9a6200", "#E69F00", "#ffe9bf"]
)
"""Blue, dark where there is no step, orange: even in lightness, and read with any vision."""


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
        LinearSegmentedColormap.from_list("counts", VIRIDIS)(np.linspace(0, 1, max(most, 2)))[
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


def fringe_map(steps: ArrayLike, reach: float, channel: int, width_px: int) -> Figure:
    """Draw where the sky is coloured otherwise than in the core: warm is redder or less blue.

    Parameters
    ----------
    steps : array_like, shape (h, w)
        ADU; NaN where it was not measured.
    reach : float
        Where the colours end on either side, ADU; above 0.
    channel : {0, 1}
        R−G or B−G.
    width_px : int
        Of the figure.
    """
    values = np.ma.masked_invalid(np.asarray(steps, dtype=np.float32))
    figure, axes, beside = _map_figure(values.shape, width_px, FRINGE_CHANNELS[channel])
    axes.set_facecolor(NOT_MEASURED)
    colours = _STEP_COLOURS if channel == 0 else _STEP_COLOURS.reversed()
    image = axes.imshow(values, cmap=colours, vmin=-reach, vmax=reach, interpolation="none")
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
    dress_bar(bar, label, DARKROOM)
    return bar
