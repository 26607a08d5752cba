"""Made-up clusters whose transforms are known, to try a ZeMosaic on.

Small, and rich in stars, so that any star matcher finds its way; two motions: one that
needs no padding of the canvas, one that does (ZEMOSAIC.md §12).
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

FRAME_SHAPE: Final = (240, 320)
"""(H, W) of every made-up frame."""

STARS: Final = 360
STAR_SIGMA_PX: Final = 1.6
SKY_ADU: Final = 500.0
NOISE_ADU: Final = 4.0


class Motion(NamedTuple):
    """How a frame lies on the reference: turned about its centre, then moved."""

    degrees: float
    x: float
    y: float


SMALL: Final = (
    Motion(0, 0, 0),
    Motion(0.1, 6, 4),
    Motion(-0.1, -6, 5),
    Motion(0.05, 5, -5),
    Motion(0, -7, -4),
)
"""Dither only: every frame covers at least 95 % of the first."""

WIDE: Final = (
    Motion(0, 0, 0),
    Motion(9, 20, -14),
    Motion(-14, -25, 18),
    Motion(24, 10, 22),
    Motion(5, -30, -20),
    Motion(-7, 32, 24),
)
"""Field rotation and wide dither: no frame covers 95 % of the first."""


def matrix_of(motion: Motion) -> NDArray[np.float64]:
    """Return the (3, 3) matrix frame (x, y) → reference (x, y) of a made-up frame."""
    height, width = FRAME_SHAPE
    x, y = (width - 1) / 2, (height - 1) / 2
    cosine, sine = math.cos(math.radians(motion.degrees)), math.sin(math.radians(motion.degrees))
    return np.array(
        [
            [cosine, -sine, x + motion.x - cosine * x + sine * y],
            [sine, cosine, y + motion.y - sine * x - cosine * y],
            [0.0, 0.0, 1.0],
        ]
    )


def make_frames(motions: tuple[Motion, ...]) -> NDArray[np.float32]:
    """Return the frames of a made-up cluster, the reference first.

    Parameters
    ----------
    motions : tuple of Motion
        One a frame.

    Returns
    -------
    (n, H, W, 3) float32 array
        Background and stars, in ADU; the same at every call.
    """
    random = np.random.default_rng(8)
    height, width = FRAME_SHAPE
    reach = 0.75 * math.hypot(height, width)
    across = width / 2 + random.uniform(-reach, reach, STARS)
    down = height / 2 + random.uniform(-reach, reach, STARS)
    places = np.stack([across, down, np.ones(STARS)])
    flux = 300.0 * random.pareto(1.5, (STARS, 1)).clip(0.2, 12)
    frames = np.empty((len(motions), height, width, 3), dtype=np.float32)
    for frame, motion in zip(frames, motions, strict=True):
        x, y, _ = np.linalg.inv(matrix_of(motion)) @ places
        stars = _profile(y, height).T @ (flux * _profile(x, width))
        for channel, strength in enumerate((0.9, 1.0, 0.8)):
            noise = random.normal(SKY_ADU, NOISE_ADU, (height, width))
            frame[..., channel] = strength * stars + noise
    return frames


def _profile(places: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Return each star's light along one axis, (stars, size)."""
    distance = np.arange(size) - places[:, None]
    light: NDArray[np.float64] = np.exp(-0.5 * (distance / STAR_SIGMA_PX) ** 2)
    return light


def make_coverage() -> NDArray[np.float32]:
    """Return a (96, 128) coverage of 0 to 8 frames: steps, thin bridges and specks."""
    y, x = np.mgrid[:96, :128]
    edge = np.minimum(np.minimum(y, 95 - y), np.minimum(x, 127 - x))
    coverage: NDArray[np.float32] = np.minimum(edge // 4, 8).astype(np.float32)
    coverage[30:60, 60:75] -= 2  # a hollow that is not a step of the rim
    coverage[:, 40] = 8  # too thin for every opening
    coverage[20:23, 2:12] = 8  # a cross and a square fit, at their size
    coverage[70::7, 5::6] = 8
    return coverage
