"""A picture of the fringe: the sky's colour against the core's, place by place."""

from __future__ import annotations

from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_zecoverage.core.places import Grid
from napari_zecoverage.core.sky_samples import SkySamples

Floats = NDArray[np.float64]
Picture = NDArray[np.float32]

MAP_SIGMA_PX: Final = 4.0
"""The map is smoothed so much."""


class LocalColours(NamedTuple):
    """What a map of the fringe is drawn from.

    Attributes
    ----------
    colour : (h, w, 2) float32 array
        R−G and B−G of each sample, ADU; NaN where it is not sky.
    smooth : (rows, columns, 2) float64 array
        What of it is no fringe, at each block's middle, ADU.
    grid : Grid
    """

    colour: Picture
    smooth: Floats
    grid: Grid

    @classmethod
    def of(
        cls, sky: SkySamples, shape: tuple[int, ...], smooth: Floats, grid: Grid
    ) -> LocalColours:
        """Spread the samples that are sky over a picture of that shape."""
        height, width = shape[:2]
        colour = np.full((height * width, 2), np.nan, dtype=np.float32)
        colour[sky.sample] = np.column_stack(sky.colours)
        return cls(colour.reshape(height, width, 2), smooth, grid)

    def draw(self, regions: NDArray[np.int32]) -> Picture:
        """Smooth the colours and spread them over the canvas, (H, W, 2); NaN where not known."""
        down, across = (self.grid.between_blocks(axis) for axis in (0, 1))
        no_fringe = np.einsum("yr,rcd,xc->yxd", down, self.smooth, across, optimize=True)
        colour = self.colour - no_fringe.astype(np.float32)
        known = np.isfinite(colour[..., 0]).astype(np.float32)
        sigma = MAP_SIGMA_PX / self.grid.step
        weight = cv2.GaussianBlur(known, (0, 0), sigma)[..., None]
        values = cv2.GaussianBlur(np.nan_to_num(colour), (0, 0), sigma)
        even = np.where(weight > 0.05, values / np.maximum(weight, 0.05), np.float32(np.nan))
        drawn = np.full((*regions.shape, 2), np.nan, dtype=np.float32)
        box = drawn[self.grid.rows, self.grid.columns]
        rows, columns = (np.arange(size) // self.grid.step for size in box.shape[:2])
        box[...] = even[rows[:, None], columns]
        drawn[regions == 0] = np.nan
        return drawn
