"""The noise of a pixel's colour, whatever the sky under it does.

Differences of the third order between pixels of one place: a sky that slopes or bends, as a
nebula does, leaves next to nothing in them.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from napari_zecoverage.core.sky_samples import MAD_TO_SIGMA, SkySamples, medians_of_groups

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

LAG_PX: Final = 4
"""Pixels so far apart are noisy each by itself: debayering and warping spread noise less far."""

MIN_DIFFERENCES: Final = 100
"""With fewer, the noise of a count is not known."""

MOST_DIFFERENCES: Final = 40_000
"""Of about so many along each axis, evenly spread, the noise is known well enough."""

_FACTORS: Final = (-1.0, 3.0, -3.0, 1.0)


def noise_of_counts(sky: SkySamples, shape: tuple[int, int], step: int) -> Floats:
    """Return the colour noise of a pixel at each count.

    Parameters
    ----------
    sky : SkySamples
    shape : tuple of int
        Samples down and across.
    step : int
        Pixels from one sample to the next.

    Returns
    -------
    (counts, 2) float64 array
        1 σ of R−G and B−G, ADU; NaN where too few pixels lie in a row.
    """
    place = np.zeros(shape, dtype=np.int32)
    place.ravel()[sky.sample] = sky.place
    colour = np.zeros((*shape, 2), dtype=np.float32)
    colour.reshape(-1, 2)[sky.sample] = np.column_stack(sky.colours)
    every = max(1, sky.sample.size // MOST_DIFFERENCES)
    lag = -(-LAG_PX // step)
    found = [
        _differences(*lines, sky.place_number, lag)
        for lines in (
            (place[::every], colour[::every]),
            (place[:, ::every].T, colour[:, ::every].swapaxes(0, 1)),
        )
    ]
    number, difference = (np.concatenate(each) for each in zip(*found, strict=True))
    counts = sky.number_edges.size - 1
    enough = np.bincount(number, minlength=counts) >= MIN_DIFFERENCES
    of_one = MAD_TO_SIGMA / math.sqrt(sum(each**2 for each in _FACTORS))
    noise = np.stack(
        [medians_of_groups(each, number, counts) for each in np.abs(difference).T], axis=1
    )
    return np.where(enough[:, None], noise * of_one, np.nan)


def _differences(
    place: NDArray[np.int32], colour: NDArray[np.float32], number: Whole, lag: int
) -> tuple[Whole, NDArray[np.float32]]:
    """Return the differences along the rows, (n, 2), and the number of the count of each, (n,)."""
    length = max(0, place.shape[1] - 3 * lag)
    taps = [slice(k * lag, k * lag + length) for k in range(len(_FACTORS))]
    here = place[:, taps[0]]
    alike = here > 0
    for tap in taps[1:]:
        alike &= place[:, tap] == here
    difference = sum(
        np.float32(factor) * colour[:, tap][alike]
        for factor, tap in zip(_FACTORS, taps, strict=True)
    )
    return number[here[alike]], np.asarray(difference, dtype=np.float32)
