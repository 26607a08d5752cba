"""What lies along a line across a studied cluster: plain numbers; the window plots them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from napari_zecoverage.core.outcome import MaskOutcome
    from napari_zecoverage.core.studied import ClusterStudy

_MOST_SAMPLES: Final = 4000


class Profile(NamedTuple):
    """Values of the pixels under a line, one a pixel of its length.

    Attributes
    ----------
    distance : (n,) float64
        Pixels from the line's start.
    tile : (n, 3) float64
        R, G, B in ADU; NaN where nothing covers, outside the canvas, and without a tile.
    coverage : (n,) float64
        Frames; NaN outside the canvas, and without coverage.
    alpha : (n,) float64
        0 to 1; NaN outside the canvas, and where the mask is dropped or not known.
    """

    distance: NDArray[np.float64]
    tile: NDArray[np.float64]
    coverage: NDArray[np.float64]
    alpha: NDArray[np.float64]


def profile_along(
    study: ClusterStudy,
    outcome: MaskOutcome | None,
    start: tuple[float, float],
    stop: tuple[float, float],
) -> Profile:
    """Read the pixels under a line.

    Parameters
    ----------
    study : ClusterStudy
    outcome : MaskOutcome or None
        Whose alpha is read; None before there is one.
    start, stop : tuple of float
        (y, x) on the canvas; whole numbers are pixel centres.

    Returns
    -------
    Profile
        The nearest pixel's values, never between two pixels: half a frame is not a count.
    """
    length = math.hypot(stop[0] - start[0], stop[1] - start[1])
    count = min(max(2, math.ceil(length) + 1), _MOST_SAMPLES)
    y = np.rint(np.linspace(start[0], stop[0], count)).astype(np.int64)
    x = np.rint(np.linspace(start[1], stop[1], count)).astype(np.int64)
    alpha = None if outcome is None else outcome.alpha
    return Profile(
        distance=np.linspace(0.0, length, count),
        tile=_values(study.tile, y, x, (count, 3)),
        coverage=_values(study.coverage, y, x, (count,)),
        alpha=_values(alpha, y, x, (count,)),
    )


def _values(
    picture: NDArray[Any] | None,
    y: NDArray[np.int64],
    x: NDArray[np.int64],
    shape: tuple[int, ...],
) -> NDArray[np.float64]:
    values = np.full(shape, np.nan)
    if picture is not None:
        inside = (y >= 0) & (y < picture.shape[0]) & (x >= 0) & (x < picture.shape[1])
        values[inside] = picture[y[inside], x[inside]]
    return values
