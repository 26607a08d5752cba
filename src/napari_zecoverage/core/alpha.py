"""Coverage to alpha (ZEMOSAIC.md §5.7, §11).

Equal to ZeMosaic to the last bit, and quick enough to follow a slider.
"""

from __future__ import annotations

import logging
import math
from typing import Final, Literal, NamedTuple, Protocol

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_zecoverage.core.errors import CoverageError
from napari_zecoverage.core.ramp import Alpha, Mask, ramp

logger = logging.getLogger(__name__)

ThresholdRule = Literal[
    "min_coverage_abs", "min_coverage_frac", "relaxed", "fallback", "none"
]  # "relaxed" is set by the master-tile step only

FALLBACK_SHARE: Final = 0.25
SMALLEST_DECAY: Final = 0.001
LARGEST_MARGIN_PX: Final = 1e9
"""Wider than any picture; a config may ask for more, and nothing would look different."""

CROSS: Final = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], dtype=np.uint8)
SQUARE: Final = np.ones((3, 3), dtype=np.uint8)


class AlphaSettings(Protocol):
    """What turns coverage into alpha; `AlphaParameters` and `MaskParameters` have it."""

    @property
    def margin_percent(self) -> float:
        """Width of the ramp, percent of the shorter side."""

    @property
    def decay(self) -> float:
        """The ramp's exponent is 1 / decay."""

    @property
    def min_coverage_abs(self) -> float:
        """Least coverage, in frames."""

    @property
    def min_coverage_frac(self) -> float:
        """Least coverage, as a share of the maximum."""

    @property
    def morph_open_px(self) -> int:
        """0 no opening, 1 a cross, 2 and more a 3×3 square."""


class CoverageMask(NamedTuple):
    """A mask made from coverage, and how it came about.

    Attributes
    ----------
    good : ndarray of bool, shape (H, W)
        Covered well enough, after the opening.
    alpha : ndarray of float32, shape (H, W)
        0 to 1.
    threshold : float
        The number of frames that coverage was compared with.
    rule : str
        Which rule set it: "min_coverage_abs" (also when both agree),
        "min_coverage_frac", or "fallback" when nothing reached either.
    opening_ignored : bool
        The opening would have left nothing.
    asked : tuple
        What decides `good` of a coverage: the threshold that was asked for, in
        single precision, and the opening (0, 1 or 2).
    ramp : tuple of float
        What else decides `alpha`: margin in pixels (0 for none) and exponent.
    """

    good: Mask
    alpha: Alpha
    threshold: float
    rule: ThresholdRule
    opening_ignored: bool
    asked: tuple[np.float32, int]
    ramp: tuple[float, float]


def alpha_from_coverage(coverage: ArrayLike, parameters: AlphaSettings) -> tuple[Mask, Alpha]:
    """Return the well-covered pixels and the alpha mask that they give (ZEMOSAIC.md §11).

    Parameters
    ----------
    coverage : array_like, shape (H, W)
        Frames per pixel, any real dtype; read as float32. Non-finite and
        negative values count as 0. Not altered.
    parameters : AlphaSettings
        Anything with the attributes `margin_percent`, `decay`,
        `min_coverage_abs`, `min_coverage_frac` and `morph_open_px`, such as
        `AlphaParameters`.

    Returns
    -------
    good : ndarray of bool, shape (H, W)
        Coverage reaches the threshold, and the opening left the pixel.
    alpha : ndarray of float32, shape (H, W)
        0 where not good, rising to 1 at a distance of `margin_percent` of the shorter side.

    Raises
    ------
    CoverageError
        `coverage` is not two-dimensional, is empty, does not hold numbers, or
        has no value above 0.
    """
    mask = coverage_mask(*clean_coverage(coverage), parameters)
    return mask.good, mask.alpha


def clean_coverage(coverage: ArrayLike) -> tuple[NDArray[np.float32], float]:
    """Return coverage as float32 and its maximum.

    Parameters
    ----------
    coverage : array_like, shape (H, W)
        Frames per pixel.

    Returns
    -------
    coverage : ndarray of float32, shape (H, W), C order
        The same array where nothing had to change. Infinite and undefined
        values are 0; negative ones are left, since they reach no threshold above 0.
    maximum : float
        Above 0.

    Raises
    ------
    CoverageError
        As `alpha_from_coverage`.
    """
    array = np.asarray(coverage)
    if array.dtype.kind not in "biuf":
        raise CoverageError(f"coverage: expected numbers, got an array of {array.dtype}")
    if array.ndim != 2 or array.size == 0:
        raise CoverageError(
            f"coverage: expected a picture of height × width pixels, got the shape {array.shape}"
        )
    with np.errstate(over="ignore"):  # a double too large for float32 becomes infinite, then 0
        clean = np.ascontiguousarray(array, dtype=np.float32)
    # One look instead of a test of every pixel: a maximum is NaN or infinite when any pixel is.
    maximum = float(clean.max())
    if not math.isfinite(maximum):
        clean = np.where(np.isfinite(clean), clean, np.float32(0))
        maximum = float(clean.max())
    if maximum <= 0:
        raise CoverageError("coverage: no pixel is covered by any frame (no value above 0)")
    return clean, maximum


def coverage_mask(
    coverage: NDArray[np.float32],
    maximum: float,
    parameters: AlphaSettings,
    *,
    before: CoverageMask | None = None,
) -> CoverageMask:
    """Return the mask of a coverage that went through `clean_coverage`.

    Parameters
    ----------
    coverage : ndarray of float32, shape (H, W)
        Finite, or negative infinite.
    maximum : float
        Of `coverage`; above 0.
    parameters : AlphaSettings
        See `alpha_from_coverage`.
    before : CoverageMask, optional
        Another mask of the same coverage. Its arrays are handed on, not made
        again, where these parameters give equal ones.

    Returns
    -------
    CoverageMask
        Alpha, and how it came about.
    """
    good, threshold, rule, nothing_left = _good(coverage, maximum, parameters, before)
    margin_px, exponent = ramp_asked(good.shape, parameters)
    if before is not None and good is before.good and before.ramp == (margin_px, exponent):
        alpha = before.alpha
    elif margin_px == 0:
        alpha = good.astype(np.float32)
    else:
        alpha = ramp(good, margin_px, exponent)
    logger.debug(
        "AltAz cleanup: coverage mask, threshold %g by %s, maximum %g", threshold, rule, maximum
    )
    asked = _asked(maximum, parameters)
    return CoverageMask(good, alpha, threshold, rule, nothing_left, asked, (margin_px, exponent))


def _asked(maximum: float, parameters: AlphaSettings) -> tuple[np.float32, int]:
    return _rounded(_threshold(maximum, parameters)[0]), min(max(parameters.morph_open_px, 0), 2)


def _good(
    coverage: NDArray[np.float32],
    maximum: float,
    parameters: AlphaSettings,
    before: CoverageMask | None,
) -> tuple[Mask, float, ThresholdRule, bool]:
    """Return what is covered well, the threshold, its rule, and whether the opening is left out.

    The mask is that of `before` wherever it is equal to it.
    """
    threshold, rule = _threshold(maximum, parameters)
    if before is not None and before.asked == _asked(maximum, parameters):
        if before.rule == "fallback":
            threshold, rule = before.threshold, before.rule
        return before.good, threshold, rule, before.opening_ignored
    good, threshold, rule = _well_covered(coverage, maximum, parameters)
    left = opened(good, parameters.morph_open_px)
    nothing_left = left is not good and not left.any()
    if not nothing_left:
        good = left
    if before is not None and np.array_equal(good, before.good):
        # Coverage counts frames: between two counts a threshold decides nothing.
        good = before.good
    return good, threshold, rule, nothing_left


def ramp_asked(shape: tuple[int, ...], parameters: AlphaSettings) -> tuple[float, float]:
    """Return what decides `alpha` where the good pixels are known; see `CoverageMask.ramp`."""
    if parameters.margin_percent <= 0:
        return 0.0, 0.0
    exponent = 1.0 / max(float(parameters.decay), SMALLEST_DECAY)
    return margin_in_pixels(shape, parameters.margin_percent), exponent


def margin_in_pixels(shape: tuple[int, ...], margin_percent: float) -> float:
    """Return the ramp's width in pixels: a share of the shorter side, at least 1.

    ZeMosaic multiplies by 0.01, which is not always what dividing by 100 gives (17.5 % of
    1020): a last bit of alpha, or a pixel of the low-signal mask's band.
    """
    return min(max(1.0, float(margin_percent) * 0.01 * min(shape)), LARGEST_MARGIN_PX)


def _threshold(maximum: float, parameters: AlphaSettings) -> tuple[float, ThresholdRule]:
    """Return the number of frames that is asked for, and what set it."""
    by_count = max(0.0, float(parameters.min_coverage_abs))
    by_share = max(0.0, float(parameters.min_coverage_frac)) * maximum
    if by_count >= by_share:
        return by_count, "min_coverage_abs"
    return by_share, "min_coverage_frac"


def _well_covered(
    coverage: NDArray[np.float32], maximum: float, parameters: AlphaSettings
) -> tuple[Mask, float, ThresholdRule]:
    """Return where coverage reaches the threshold, the threshold, and what set it."""
    threshold, rule = _threshold(maximum, parameters)
    good = _at_least(coverage, threshold)
    if good.any():
        return good, threshold, rule
    threshold = max(FALLBACK_SHARE * maximum, 1.0)
    good = _at_least(coverage, threshold)
    if good.any():
        return good, threshold, "fallback"
    return coverage > 0, 0.0, "fallback"


def _rounded(threshold: float) -> np.float32:
    with np.errstate(over="ignore"):
        return np.float32(threshold)  # coverage is float32: 11.000000000000002 still keeps 11


def _at_least(coverage: NDArray[np.float32], threshold: float) -> Mask:
    rounded = _rounded(threshold)
    if rounded <= 0:
        return np.ones(coverage.shape, dtype=np.bool_)  # negative coverage counts as 0
    reached: Mask = coverage >= rounded
    return reached


def opened(good: Mask, morph_open_px: int) -> Mask:
    """Return `good` after the binary opening; `good` itself when there is none to do."""
    if morph_open_px <= 0:
        return good
    left = cv2.morphologyEx(
        good.view(np.uint8),
        cv2.MORPH_OPEN,
        CROSS if morph_open_px == 1 else SQUARE,
        borderType=cv2.BORDER_CONSTANT,
        borderValue=0,  # outside the image nothing is covered
    )
    return np.asarray(left, dtype=np.uint8).view(np.bool_)
