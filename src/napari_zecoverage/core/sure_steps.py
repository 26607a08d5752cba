"""What of measured colour steps is there for all their noise."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LOOK_ELSEWHERE: Final = 0.01
"""Chance that noise alone is taken for a fringe, all places together. The length of two normal
numbers exceeds z σ with the chance exp(−z² / 2)."""

SURE_SIGMAS: Final = 3.0
"""Where there is a fringe, a step is one from so many σ on: it would be strange if the frames
that colour one place left no trace in the next."""


def sure_lengths(
    red_green: Floats, blue_green: Floats, red_green_error: Floats, blue_green_error: Floats
) -> Floats:
    """Return the lengths of the steps of a tile's places that are there for all the noise.

    Of many places some are far off by chance: as long as none is so far off that noise
    would hardly make one like it, all are taken for noise. The part that noise adds to a
    length is taken out.

    Parameters
    ----------
    red_green, blue_green : (n,) float64 array
        The steps, ADU; NaN where not measurable.
    red_green_error, blue_green_error : (n,) float64 array
        1 σ of each, ADU.

    Returns
    -------
    (n,) float64 array
        ADU; 0 for what cannot be told from noise, NaN where not measurable.
    """
    square = red_green**2 + blue_green**2
    of_noise = red_green_error**2 + blue_green_error**2
    known = np.isfinite(square)
    limit = 2 * math.log(max(int(known.sum()), 1) / LOOK_ELSEWHERE)
    with np.errstate(invalid="ignore", divide="ignore"):
        # Each against its own error: a camera's blue may be noisier than its red.
        sigmas = np.hypot(red_green / red_green_error, blue_green / blue_green_error)
        fringed = bool((sigmas**2 > limit).any())
        sure = fringed & (sigmas > SURE_SIGMAS)
        length = np.sqrt(np.maximum(square - of_noise, 0.0))
    return np.where(known, np.where(sure, length, 0.0), np.nan)


def error_along(red_green: float, blue_green: float, error: float, other: float) -> float:
    """Return 1 σ of a step's length: the errors of R−G and B−G along the step's direction."""
    length = math.hypot(red_green, blue_green)
    if length == 0:
        return math.hypot(error, other) / math.sqrt(2)
    return math.hypot(red_green * error, blue_green * other) / length
