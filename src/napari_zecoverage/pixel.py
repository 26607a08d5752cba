"""What is known of one pixel of a studied cluster, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from napari_zecoverage.core.coverage import PixelCover
from napari_zecoverage.sky import SkyPosition, sky_position

if TYPE_CHECKING:
    from napari_zecoverage.core.outcome import MaskOutcome
    from napari_zecoverage.core.studied import ClusterStudy

CORE_SHARE: Final = 0.8
"""Pixels with at least this share of the most frames are the core that colours are told against."""

BOX_PX: Final = 9
"""Side of the square whose mean colour is told: one pixel alone is mostly noise."""

_SAMPLES: Final = 200_000


class PixelFacts(NamedTuple):
    """One pixel of the canvas.

    Attributes
    ----------
    y, x : int
    sky : SkyPosition or None
        Of its centre.
    covered_by : float or None
        Frames that are counted there, repeats included.
    frames_used : int
        Frames that could be.
    repeats : bool
        Some frames are counted more than once.
    alpha : float or None
        None without a mask, or when it is not known.
    red, blue : float or None
        R−G and B−G in ADU, mean of a `BOX_PX` square, against the core's median.
        None where the tile is empty.
    frames : tuple of int
        Numbers (from 1, in the cluster's order) of the frames that land there.
    """

    y: int
    x: int
    sky: SkyPosition | None
    covered_by: float | None
    frames_used: int
    repeats: bool
    alpha: float | None
    red: float | None
    blue: float | None
    frames: tuple[int, ...]

    def lines(self) -> tuple[str, str, str]:
        """Return it in three lines: where; how often covered, masked, coloured; by which frames."""
        where = [f"x {self.x}, y {self.y}"]
        if self.sky is not None:
            where.append(str(self.sky))
        what = [] if self.covered_by is None else [f"{self.covered_by:g} of {self.frames_used}"]
        what.append("no mask" if self.alpha is None else f"alpha {self.alpha:.2f}")
        if self.red is not None and self.blue is not None:
            what.append(f"R−G {self.red:+.1f} B−G {self.blue:+.1f}")
        plural = "" if len(self.frames) == 1 else "s"
        which = f"frame{plural} {ranges(self.frames)}" if self.frames else "no frame"
        if self.frames and self.repeats:
            which += ", repeated"
        return " · ".join(where), " · ".join(what), which


class PixelReader:
    """Answers what is known of the pixels of one studied cluster, quickly.

    Parameters
    ----------
    study : ClusterStudy
    """

    def __init__(self, study: ClusterStudy) -> None:
        self._study = study
        self._core = _core_colours(study)
        used = [number for number, each in enumerate(study.registrations) if each.used]
        self._numbers = np.array(used, dtype=int) + 1
        matrices = [study.registrations[number].matrix for number in used]
        to_canvas = [study.canvas.from_frame(each) for each in matrices if each is not None]
        self._cover = PixelCover(to_canvas, study.canvas.frame_shape, study.canvas.shape)

    def read(self, y: int, x: int, outcome: MaskOutcome | None = None) -> PixelFacts | None:
        """Return what is known of a pixel, None outside of the canvas."""
        height, width = self._study.canvas.shape
        if not (0 <= y < height and 0 <= x < width):
            return None
        coverage = self._study.coverage
        alpha = None if outcome is None else outcome.alpha
        red, blue = self._colours(y, x)
        return PixelFacts(
            y=y,
            x=x,
            sky=sky_position(self._study, y, x),
            covered_by=None if coverage is None else float(coverage[y, x]),
            frames_used=self._study.frames_used,
            repeats=self._study.frames_used > self._numbers.size,
            alpha=None if alpha is None else float(alpha[y, x]),
            red=red,
            blue=blue,
            frames=tuple(int(each) for each in self._numbers[self._cover.at(y, x)]),
        )

    def _colours(self, y: int, x: int) -> tuple[float | None, float | None]:
        tile = self._study.tile
        if tile is None or self._core is None or not np.isfinite(tile[y, x]).all():
            return None, None
        half = BOX_PX // 2
        box = tile[max(0, y - half) : y + half + 1, max(0, x - half) : x + half + 1]
        red, green, blue = (
            float(np.nanmean(box[..., channel], dtype=np.float64)) for channel in range(3)
        )
        return red - green - self._core[0], blue - green - self._core[1]


def ranges(numbers: tuple[int, ...]) -> str:
    """Return sorted numbers in few words: ``1–4, 6, 9–12``."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}–{run[-1]}" for run in runs)


def _core_colours(study: ClusterStudy) -> tuple[float, float] | None:
    """Return the median R−G and B−G of the best-covered pixels."""
    if study.tile is None or study.coverage is None:
        return None
    step = max(1, int(np.sqrt(study.coverage.size / _SAMPLES)))
    coverage = study.coverage[::step, ::step]
    core = coverage >= max(1.0, CORE_SHARE * float(coverage.max(initial=0)))
    pixels = study.tile[::step, ::step][core].astype(np.float64)
    pixels = pixels[np.isfinite(pixels).all(axis=1)]
    if pixels.size == 0:
        return None
    red, green, blue = pixels.T
    return float(np.median(red - green)), float(np.median(blue - green))
