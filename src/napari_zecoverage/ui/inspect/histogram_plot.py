"""How many pixels have how many frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import matplotlib as mpl
import numpy as np
from matplotlib.ticker import EngFormatter, MaxNLocator
from qtpy.QtWidgets import QWidget

from napari_zecoverage.ui.inspect.palette import SKY_BLUE
from napari_zecoverage.ui.inspect.plot import FONT_PT, Plot

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from numpy.typing import NDArray


class HistogramPlot(Plot):
    """How many pixels are covered by how many frames, and where the threshold stands."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("coverage_histogram", parent)
        with mpl.rc_context({"font.size": FONT_PT}):
            self.axes = self.figure.add_subplot()
            self.bars = self.axes.stairs([0], [0.5, 1.5], fill=True, color=SKY_BLUE)
            self.line = self.axes.axvline(0, linewidth=1.5, linestyle="--", visible=False)
            self.line.set_animated(True)
            self.axes.set_xlabel("frames on a pixel")
            self.axes.set_ylabel("pixels")
            self.axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            # Short, however many: 1.2M.
            self.axes.yaxis.set_major_formatter(EngFormatter(sep=""))
        self._paint()

    def show_counts(self, counts: NDArray[np.int64]) -> None:
        """Show the pixels with 1, 2, … frames; ``counts[0]``, of no frame, is left out."""
        values = counts[1:] if counts.size > 1 else np.zeros(1, np.int64)
        self.bars.set_data(values, np.arange(values.size + 1) + 0.5)
        self.axes.set_xlim(0, values.size + 1)
        self._scale()

    def show_threshold(self, frames: float) -> None:
        """Mark the number of frames that ZeMosaic compares with; NaN for none."""
        self.line.set_visible(bool(np.isfinite(frames)))
        if np.isfinite(frames):
            self.line.set_xdata([frames, frames])
        self.draw_moved()

    def set_log(self, log: bool) -> None:
        """Show the pixels on a logarithmic scale, for counts that few pixels have."""
        self.axes.set_yscale("log" if log else "linear")
        self._scale()

    def _scale(self) -> None:
        values = self.bars.get_data().values
        most = max(1.0, float(np.max(values)))
        if self.axes.get_yscale() == "log":
            # A bar must begin somewhere: below the smallest that there is.
            self.bars.set_data(baseline=0.5)
            self.axes.set_ylim(0.5, most * 2)
        else:
            self.bars.set_data(baseline=0)
            self.axes.set_ylim(0, most * 1.08)
        self.axes.yaxis.set_major_formatter(EngFormatter(sep=""))
        self._paint()
        self.draw_soon()

    def _ink(self) -> list[Artist]:
        return [self.line]

    def _moving(self) -> list[Artist]:
        return [self.line]


def count_pixels(coverage: NDArray[Any]) -> NDArray[np.int64]:
    """Return how many pixels have 0, 1, 2, … frames (parts of a frame are dropped)."""
    frames = np.ascontiguousarray(coverage, dtype=np.float32)
    finite = frames[np.isfinite(frames)] if not np.isfinite(frames.max(initial=0)) else frames
    most = max(0, int(finite.max(initial=0)))
    # In one pass, without an integer for every pixel.
    found = cv2.calcHist([finite], [0], None, [most + 1], [0, most + 1])
    counts = np.rint(found.ravel()).astype(np.int64)
    counts[0] = frames.size - counts[1:].sum()
    return counts
