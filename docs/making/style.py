"""One look for all drawn pictures: size, letters, colours, small files."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.transforms import Bbox
from numpy.typing import NDArray
from PIL import Image

from napari_zecoverage.core.crop import Rect

# Okabe and Ito: told apart with any colour vision. Orange and sky blue mean what they do in the
# window: hidden by the mask, cut off by a crop.
HIDDEN: Final = "#e69f00"
CUT_OFF: Final = "#56b4e9"
KEPT: Final = "#29435c"
BARE: Final = "#e8e8e8"
HARM: Final = "#cc3311"
BLUE: Final = "#0072b2"
VERMILLION: Final = "#d55e00"
GREEN: Final = "#009e73"
PURPLE: Final = "#aa4499"
INK: Final = "#222222"
SOURCE_COLOURS: Final = {
    "coverage": BLUE,
    "low-signal": VERMILLION,
    "radial": PURPLE,
    "dropped": "#777777",
}

MOST_BYTES: Final = 100_000
_WIDTH_IN: Final = 8.0
_PAD_IN: Final = 0.08
_DPI: Final = 130
_COLOURS: Final = 255

_LETTERS: Final = {
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.labelsize": 10,
    "axes.edgecolor": "#888888",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.fontsize": 9.5,
    "legend.frameon": False,
    "xtick.labelsize": 9.5,
    "ytick.labelsize": 9.5,
    "text.color": INK,
    "figure.facecolor": "white",
}


def figure(
    columns: int,
    height_in: float,
    rows: int = 1,
    widths: Sequence[float] | None = None,
    heights: Sequence[float] | None = None,
) -> tuple[Figure, Any]:
    """Return an empty figure, as wide as a page of text, and its axes."""
    mpl.rcParams.update(_LETTERS)
    drawn = Figure(figsize=(_WIDTH_IN, height_in), layout="constrained")
    FigureCanvasAgg(drawn)
    axes = drawn.subplots(rows, columns, width_ratios=widths, height_ratios=heights)
    return drawn, axes


def as_picture(axis: Axes, title: str = "", *, framed: bool = False) -> None:
    """Take what belongs to a plot off the axes of a picture; a white one needs a frame."""
    axis.set_xticks([])
    axis.set_yticks([])
    for side in axis.spines.values():
        side.set_visible(framed)
    axis.set_title(title)


def show_kept(
    axis: Axes,
    covered: NDArray[np.bool_],
    opaque: NDArray[np.bool_],
    saved: Rect | None = None,
    title: str = "",
) -> None:
    """Show what of a canvas is kept, hidden and cut off; opaque pixels without data are harm."""
    inside = np.zeros(covered.shape, dtype=bool)
    inside[... if saved is None else saved.slices] = True
    codes = np.zeros(covered.shape, dtype=np.uint8)
    codes[covered & ~opaque] = 1
    codes[covered & opaque & ~inside] = 2
    codes[covered & opaque & inside] = 3
    codes[~covered & opaque & inside] = 4
    colours = ListedColormap([BARE, HIDDEN, CUT_OFF, KEPT, HARM])
    axis.imshow(codes, cmap=colours, vmin=0, vmax=4, interpolation="nearest")
    as_picture(axis, title)


def draw_rect(axis: Axes, rect: Rect, colour: str = HARM) -> None:
    """Draw a rectangle of the canvas."""
    y0, x0, y1, x1 = rect
    axis.plot(
        np.array([x0, x1, x1, x0, x0]) - 0.5, np.array([y0, y0, y1, y1, y0]) - 0.5, color=colour
    )


def legend_of_kept(drawn: Figure, *names: str) -> None:
    """Explain the colours of `show_kept` below the picture."""
    colours = {
        "kept": KEPT,
        "hidden by the mask": HIDDEN,
        "cut off by the crop": CUT_OFF,
        "no frame there": BARE,
        "nothing there": BARE,
        "opaque, but empty": HARM,
    }
    handles = [Patch(facecolor=colours[name], label=name, edgecolor="#aaaaaa") for name in names]
    drawn.legend(handles=handles, loc="outside lower left", ncols=len(handles))


def save(drawn: Figure, path: Path) -> int:
    """Write a figure as a small PNG; return its bytes.

    Raises
    ------
    ValueError
        It is larger than a page should load.
    """
    buffer = io.BytesIO()
    # As wide as the page, as high as what is drawn.
    drawn.canvas.draw()
    ink = drawn.get_tightbbox()
    page = Bbox([[min(0, ink.x0), ink.y0 - _PAD_IN], [max(_WIDTH_IN, ink.x1), ink.y1 + _PAD_IN]])
    drawn.savefig(buffer, format="png", dpi=_DPI, bbox_inches=page)
    return save_small(buffer, path)


def save_small(source: Path | io.BytesIO, path: Path) -> int:
    """Write a picture again with few colours; return its bytes.

    Raises
    ------
    ValueError
        It is larger than a page should load.
    """
    picture = Image.open(source).convert("RGB")
    few = picture.quantize(_COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    few.save(path, optimize=True)
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise ValueError(f"{path.name}: {size} bytes, more than {MOST_BYTES}")
    return size
