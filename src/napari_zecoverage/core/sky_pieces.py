"""Pieces of sky: what of a place lies in one block, and its mean colour."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_zecoverage.core.frame_shares import FramesThere
from napari_zecoverage.core.places import Grid
from napari_zecoverage.core.sky_samples import SkySamples, spread_of_counts

Floats = NDArray[np.float64]
Picture = NDArray[np.float32]
Whole = NDArray[np.int64]
Mask = NDArray[np.bool_]

MIN_PIECE_SAMPLES: Final = 8

FITTING_SHARE: Final = 0.8
"""The frames' places are believed when they give the coverage of so many of the samples."""


class Pieces(NamedTuple):
    """All that is covered, cut into pieces: one block and one place.

    Attributes
    ----------
    first : (m,) int64 array
        First sample of each piece.
    place, block, samples : (m,) int64 array
    position : (m, 2) float64 array
        Mean x and y from the middle of the covered box, in units of its diagonal.
    """

    first: Whole
    place: Whole
    block: Whole
    samples: Whole
    position: Floats

    @classmethod
    def of(cls, samples: SkySamples, grid: Grid) -> Pieces:
        """Cut samples, which are in the order of their places and blocks, into pieces."""
        new = (np.diff(samples.place) != 0) | (np.diff(samples.block) != 0)
        first = np.flatnonzero(np.concatenate([[samples.place.size > 0], new]))
        n = np.diff(np.append(first, samples.place.size))
        position = np.zeros((first.size, 2))
        if first.size:
            scale = grid.shape[::-1] / (2 * math.hypot(*grid.shape))
            for axis, each in enumerate((samples.x, samples.y)):
                position[:, axis] = np.add.reduceat(each.astype(float), first) / n * scale[axis]
        return cls(first, samples.place[first], samples.block[first], n, position)

    def some(self, kept: Mask) -> Pieces:
        """Return the pieces that are marked."""
        return Pieces(
            first=self.first[kept],
            place=self.place[kept],
            block=self.block[kept],
            samples=self.samples[kept],
            position=self.position[kept],
        )

    @property
    def key(self) -> Whole:
        """One number for each place and block, rising."""
        return self.place * 2**32 + self.block


def frame_shares(
    frames: FramesThere, group: Whole, samples: SkySamples, pieces: Pieces, grid: Grid
) -> tuple[Floats, Floats]:
    """Return the share of each group of frames in the mean of each piece, and the frames there.

    Shares are (m, groups) and add up to 1, or are 0 where no frame is known to be.
    """
    rows, columns = (slice(each.start, each.stop, grid.step) for each in (grid.rows, grid.columns))
    shares = np.zeros((pieces.first.size, int(group.max(initial=-1)) + 1))
    for each in range(shares.shape[1]):
        covers = frames.draw(np.flatnonzero(group == each), rows, columns).ravel()
        seen = np.add.reduceat(covers[samples.sample], pieces.first)
        shares[:, each] = seen / pieces.samples
    total = shares.sum(axis=1)
    return shares / np.maximum(total, 1e-9)[:, None], total


def is_covered_so(frames: Floats, pieces: Pieces, counts: Floats) -> bool:
    """Whether the frames that are known to be at each piece, (m,), are its count."""
    fits = np.abs(frames - counts) <= 0.5 + 0.02 * counts
    return bool(pieces.samples[fits].sum() >= FITTING_SHARE * pieces.samples.sum())


class SkyMeans(NamedTuple):
    """Colours of the pieces that have sky enough.

    Attributes
    ----------
    pieces : Pieces
        What is sky of them.
    value : (k, 2) float64 array
        Mean R−G and B−G, outliers pulled in, ADU.
    spread : (counts, 2) float64 array
        Noise of a pixel at each count, ADU.
    """

    pieces: Pieces
    value: Floats
    spread: Floats

    @classmethod
    def of(cls, sky: SkySamples, grid: Grid) -> SkyMeans:
        """Take the mean colours of the sky."""
        pieces = Pieces.of(sky, grid)
        n = pieces.samples
        key = np.repeat(np.arange(n.size), n)
        # A piece's mean follows its own pixels, and neighbours are alike.
        freed = np.sqrt(n / np.maximum(n - 4.0, 1.0)).astype(np.float32)
        value = np.zeros((n.size, 2))
        spread = np.zeros((sky.number_edges.size - 1, 2))
        for which, colour in enumerate(sky.colours):
            # Pulled in to the piece's own surroundings: the sky may slope by more than its noise.
            rough = np.bincount(key, np.clip(colour, *_wide_limits(colour))) / n
            deviation = colour - rough.astype(np.float32)[key]
            spread[:, which] = spread_of_counts(sky, deviation * freed[key])
            limit = np.repeat((2.5 * spread[:, which]).astype(np.float32), sky.count_sizes)
            value[:, which] = rough + np.bincount(key, np.clip(deviation, -limit, limit)) / n
        kept = n >= MIN_PIECE_SAMPLES
        return cls(pieces.some(kept), value[kept], spread)


def _wide_limits(colour: Picture) -> tuple[float, float]:
    """Return limits that keep out nothing but the wildest values."""
    some = colour[:: max(1, colour.size // 50_000)]
    low, high = np.percentile(some, [1, 99])
    return float(2 * low - high), float(2 * high - low)
