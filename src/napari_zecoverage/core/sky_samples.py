"""The pixels of a tile that are sky: an even sample of them, without stars, place by place."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any, Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_zecoverage.core.places import Grid, Places

Floats = NDArray[np.float64]
Picture = NDArray[np.float32]
Whole = NDArray[np.int64]
Mask = NDArray[np.bool_]

STAR_SIGMAS: Final = 4.0
"""What is so much brighter than the sky round it is a star; also when averaged over a few pixels,
which finds the faint ones."""

STAR_WINDOWS_PX: Final = (3, 7)

BACKGROUND_PX: Final = 33

STAR_GROWTH: Final = ((STAR_SIGMAS, 2), (40.0, 5), (400.0, 10))
"""(σ, px): a star brighter than this is masked with so many pixels round it."""

MAD_TO_SIGMA: Final = 1.4826
"""σ of normal numbers in units of their median distance from the middle."""


class SkySamples(NamedTuple):
    """The samples that are sky, in the order of their places (hence counts) and blocks.

    Attributes
    ----------
    sample : (n,) int64 array
        Flat index among the samples.
    place, block : (n,) int64 array
    x, y : (n,) float32 array
        Place on the canvas, from −1 to 1 over the covered box.
    light : (n,) float32 array
        Mean of R, G and B, ADU.
    colours : tuple of two (n,) float32 arrays
        R−G and B−G, ADU.
    place_edges, number_edges : int64 arrays
        Where each place, and each count, begins; and the end.
    place_number : (n + 1,) int64 array
        Number of each place's count.
    """

    sample: Whole
    place: Whole
    block: Whole
    x: Picture
    y: Picture
    light: Picture
    colours: tuple[Picture, Picture]
    place_edges: Whole
    number_edges: Whole
    place_number: Whole

    @classmethod
    def of(
        cls,
        sampled: Picture,
        region: NDArray[np.int32],
        valid: Mask,
        places: Places,
        grid: Grid,
    ) -> SkySamples:
        """Take the valid samples of a tile.

        Parameters
        ----------
        sampled : (h, w, 3) float32 array
            The tile's samples, ADU.
        region : (h, w) int32 array
            Place of each.
        valid : (h, w) bool array
            Which are covered and finite.
        places : Places
        grid : Grid
        """
        height, width = valid.shape
        rows = grid.block_of(np.arange(height), 0) * grid.blocks[1]
        blocks = rows[:, None] + grid.block_of(np.arange(width), 1)
        sample = np.flatnonzero(valid)
        sample = _sorted_by(blocks.ravel()[sample], sample)
        sample = _sorted_by(region.ravel()[sample], sample)
        row, column = np.divmod(sample, width)
        pixels = sampled[row, column]
        place = region.ravel()[sample].astype(np.int64)
        edges = np.searchsorted(place, np.arange(places.number.size + 1))
        counts = int(places.number[-1]) + 1
        first_place = np.searchsorted(places.number, np.arange(counts + 1))
        return cls(
            sample=sample,
            place=place,
            block=blocks.ravel()[sample],
            x=(column * np.float32(2 / width) - 1).astype(np.float32),
            y=(row * np.float32(2 / height) - 1).astype(np.float32),
            light=pixels.sum(axis=1) / np.float32(3),
            colours=(pixels[:, 0] - pixels[:, 1], pixels[:, 2] - pixels[:, 1]),
            place_edges=edges,
            number_edges=edges[first_place],
            place_number=places.number,
        )

    def without(self, out: Mask) -> SkySamples:
        """Return the samples that are not marked."""
        if not out.any():
            return self
        keep = np.flatnonzero(~out)
        before = np.concatenate([[0], np.cumsum(~out)])
        return SkySamples(
            sample=self.sample[keep],
            place=self.place[keep],
            block=self.block[keep],
            x=self.x[keep],
            y=self.y[keep],
            light=self.light[keep],
            colours=(self.colours[0][keep], self.colours[1][keep]),
            place_edges=before[self.place_edges],
            number_edges=before[self.number_edges],
            place_number=self.place_number,
        )

    @property
    def count_sizes(self) -> Whole:
        """Samples of each count."""
        return np.diff(self.number_edges)


def _sorted_by(key: NDArray[Any], values: Whole) -> Whole:
    """Sort values by a key, those of one key staying in order."""
    # NumPy sorts 16-bit numbers many times faster.
    small = key.size == 0 or int(key.max()) < 2**16
    return values[np.argsort(key.astype(np.uint16) if small else key, kind="stable")]


def find_bright(sky: SkySamples, valid: Mask, step: int) -> Mask:
    """Find stars and whatever else stands out of the sky round it, in units of its noise."""
    if sky.sample.size == 0:
        return np.zeros(valid.shape, dtype=np.bool_)
    values = sky.light - _slope_within(sky)
    values -= np.repeat(medians_of_runs(values, sky.place_edges), np.diff(sky.place_edges))
    sizes = sky.count_sizes
    values /= np.repeat(np.maximum(spread_of_counts(sky, values), 1e-6).astype(np.float32), sizes)
    height = np.zeros(valid.shape, dtype=np.float32)
    height.ravel()[sky.sample] = values
    known = valid.astype(np.float32)

    def smooth(picture: Picture, size_px: int) -> Picture:
        size = max(1, size_px // step) | 1
        weight = cv2.blur(known, (size, size), borderType=cv2.BORDER_CONSTANT)
        mean = cv2.blur(picture, (size, size), borderType=cv2.BORDER_CONSTANT)
        return np.asarray(mean / np.maximum(weight, 1e-3) * known, dtype=np.float32)

    height -= smooth(np.clip(height, -2.5, 2.5), BACKGROUND_PX)
    height *= known
    bright = np.abs(height) > STAR_SIGMAS
    for size_px in STAR_WINDOWS_PX:
        if size_px // step > 1:
            mean = smooth(np.minimum(height, 10 * STAR_SIGMAS), size_px)
            # Of each count: the rim may be uneven where the core is not.
            values = mean.ravel()[sky.sample]
            limit = STAR_SIGMAS * spread_of_counts(sky, values).astype(np.float32)
            bright.ravel()[sky.sample] |= values > np.repeat(limit, sizes)
    found = np.zeros(valid.shape, dtype=np.bool_)
    for sigmas, reach_px in STAR_GROWTH:
        stars = bright if sigmas == STAR_SIGMAS else height > sigmas
        reach = math.ceil(reach_px / step)
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
        found |= cv2.dilate(stars.view(np.uint8), disc) > 0
    return found


def _slope_within(sky: SkySamples) -> Picture:
    """Return the plane, 0 in the middle, that the light lies on but for each place's level."""
    some = slice(None, None, max(1, sky.sample.size // 100_000))
    place, light = sky.place[some], sky.light[some]
    low, high = np.percentile(light, [2, 98])
    n = np.maximum(np.bincount(place), 1)

    def centred(each: Picture) -> Floats:
        return np.asarray(each - (np.bincount(place, weights=each) / n)[place])

    x, y = centred(sky.x[some]), centred(sky.y[some])
    z = centred(np.clip(light, low - (high - low), high + (high - low)))
    normal = np.array([[x @ x, x @ y], [x @ y, y @ y]])
    slope = np.linalg.lstsq(normal, np.array([x @ z, y @ z]), rcond=None)[0].astype(np.float32)
    return np.asarray(slope[0] * sky.x + slope[1] * sky.y)


def spread_of_counts(sky: SkySamples, deviation: Picture) -> Floats:
    """Return the noise of a pixel at each count, from each sample's deviation."""
    step = max(1, deviation.size // 200_000)
    medians = medians_of_runs(np.abs(deviation[::step]), -(-sky.number_edges // step))
    return np.asarray(MAD_TO_SIGMA * medians, dtype=np.float64)


def medians_of_groups(values: NDArray[Any], group: Whole, groups: int) -> NDArray[Any]:
    """Return the median of each group 0 … groups − 1; NaN of one without values."""
    ordered = _sorted_by(group, np.arange(group.size))
    edges = np.searchsorted(group[ordered], np.arange(groups + 1))
    return medians_of_runs(values[ordered], edges)


def medians_of_runs(values: NDArray[Any], edges: Whole) -> NDArray[Any]:
    """Return the median of values[edges[0]:edges[1]] and so on; NaN of an empty run."""
    found = np.full(edges.size - 1, np.nan, dtype=values.dtype)
    for run, (first, last) in enumerate(pairwise(edges.tolist())):
        if last > first:
            # NumPy's own median takes ten times as long for a few hundred values.
            half = (last - first) // 2
            ordered = np.partition(values[first:last], half)
            found[run] = ordered[half]
            if (last - first) % 2 == 0:
                found[run] = (found[run] + ordered[:half].max()) / 2
    return found
