"""Coverage as ranks: the numbers of frames that occur in it, and pixels counted by them."""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_zecoverage.core.errors import CoverageError

Ranks = NDArray[np.unsignedinteger[Any]]
Whole = NDArray[np.int64]

EXACT_COUNT: Final = 2**23
"""OpenCV counts in single precision; up to so many it is exact."""


def ranks_of(frames: NDArray[np.float32]) -> tuple[tuple[float, ...], Ranks]:
    """Return the levels of a coverage, and which one each pixel reaches.

    Parameters
    ----------
    frames : (H, W) float32 array
        Finite; negative values count as 0.

    Returns
    -------
    levels : tuple of float
        Rising: 0, then each count that occurs.
    ranks : (H, W) uint8 or uint16 array
        1 + the index of the pixel's level: a level's good pixels have at least that.

    Raises
    ------
    CoverageError
        There are more levels than anybody could judge.
    """
    most = float(frames.max())
    if float(frames.min()) >= 0 and most < 2**16 - 1:
        counts: Ranks = frames.astype(np.uint8 if most < 2**8 - 1 else np.uint16)
        if np.array_equal(counts, frames):
            # Frames are counted: many times quicker than sorting every pixel.
            occurs = pixel_counts(counts, int(most) + 1) > 0
            occurs[0] = True
            rank = np.cumsum(occurs).astype(counts.dtype)
            levels = tuple(float(each) for each in np.flatnonzero(occurs))
            return levels, rank.take(counts)
    values = np.unique(frames[frames > 0])
    if values.size >= 2**16 - 1:
        raise CoverageError(
            f"coverage: expected counts of frames, got {values.size} different values"
        )
    ranks = np.searchsorted(values, frames, side="right") + 1
    return (0.0, *(float(each) for each in values)), ranks.astype(np.uint16)


def opened_ranks(ranks: Ranks, kernel: NDArray[np.uint8]) -> Ranks:
    """Return ranks that pick each level's good pixels after their opening.

    Parameters
    ----------
    ranks : (H, W) uint8 or uint16 array
        As `ranks_of` gives them.
    kernel : (3, 3) uint8 array
        Of the opening.
    """
    opened = cv2.morphologyEx(
        ranks, cv2.MORPH_OPEN, kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0
    )
    return np.asarray(opened, dtype=ranks.dtype)


def pixel_counts(values: Ranks | NDArray[np.float32], size: int) -> Whole:
    """Return how many pixels have each whole number from 0 to `size` − 1.

    Parameters
    ----------
    values : (H, W) uint8, uint16 or float32 array
        Whole numbers below `size`.
    size : int
    """
    counts = np.zeros(size, dtype=np.int64)
    rows = max(1, EXACT_COUNT // max(1, values.shape[1]))
    for top in range(0, values.shape[0], rows):
        part = cv2.calcHist([values[top : top + rows]], [0], None, [size], [0, size])
        counts += part.ravel().astype(np.int64)
    return counts
