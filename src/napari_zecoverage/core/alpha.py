"""Coverage to alpha, and the two masks that ZeMosaic falls back to (ZEMOSAIC.md §5.7, §11).

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

MaskSource = Literal["coverage", "low-signal", "radial"]
ThresholdRule = Literal[
    "min_coverage_abs", "min_coverage_frac", "relaxed", "fallback", "none"
]  # "relaxed" is set by the master-tile step only


SAME_EVERYWHERE_SHARE: Final = 0.98
"""A coverage mask with a larger share than this fully kept, or fully hidden, is discarded."""

KEPT_ALPHA: Final = 0.99
HIDDEN_ALPHA: Final = 0.01
FALLBACK_SHARE: Final = 0.25
SMALLEST_DECAY: Final = 0.001
SMALLEST_SIGMA: Final = 0.001
LARGEST_MARGIN_PX: Final = 1e9
"""Wider than any picture; a config may ask for more, and nothing would look different."""

SMALLEST_BAND_PX: Final = 4

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


class ChosenMask(NamedTuple):
    """The mask that ZeMosaic settles on, and why.

    Attributes
    ----------
    alpha : ndarray of float32, shape (H, W), or None
        0 to 1. None when the low-signal mask is due and there are no pixels to make it from.
    source : {"coverage", "low-signal", "radial"}
        Which mask it is.
    from_coverage : CoverageMask or None
        The coverage mask, also when it was discarded; None when none could be made.
    reason : str
        Why it is not the coverage mask, in words; empty when it is.
    margin_percent : float
        Besides the image, what decides the masks without coverage.
    """

    alpha: Alpha | None
    source: MaskSource
    from_coverage: CoverageMask | None
    reason: str
    margin_percent: float = 0.0


# --- coverage mask -------------------------------------------------------------------------


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
    margin_px, exponent = 0.0, 0.0
    if parameters.margin_percent > 0:
        margin_px = margin_in_pixels(good.shape, parameters.margin_percent)
        exponent = 1.0 / max(float(parameters.decay), SMALLEST_DECAY)
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
    opened = _opened(good, parameters.morph_open_px)
    nothing_left = opened is not good and not opened.any()
    if not nothing_left:
        good = opened
    if before is not None and np.array_equal(good, before.good):
        # Coverage counts frames: between two counts a threshold decides nothing.
        good = before.good
    return good, threshold, rule, nothing_left


def margin_in_pixels(shape: tuple[int, ...], margin_percent: float) -> float:
    """Return the ramp's width in pixels: a share of the shorter side, at least 1."""
    return min(max(1.0, float(margin_percent) / 100.0 * min(shape)), LARGEST_MARGIN_PX)


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


def _opened(good: Mask, morph_open_px: int) -> Mask:
    """Return `good` after the binary opening; `good` itself when there is none to do."""
    if morph_open_px <= 0:
        return good
    opened = cv2.morphologyEx(
        good.view(np.uint8),
        cv2.MORPH_OPEN,
        CROSS if morph_open_px == 1 else SQUARE,
        borderType=cv2.BORDER_CONSTANT,
        borderValue=0,  # outside the image nothing is covered
    )
    return np.asarray(opened, dtype=np.uint8).view(np.bool_)


# --- the masks without coverage ------------------------------------------------------------


def signal_level(image: ArrayLike) -> NDArray[np.float32]:
    """Return the mean over channels of |x|, as (H, W) float32, 0 where it is not finite.

    Parameters
    ----------
    image : array_like, shape (H, W), (H, W, channels) or (channels, H, W)
        More than two axes are read as `height_and_width` says. Not altered.

    Raises
    ------
    ValueError
        Less than two axes, no pixels, or not numbers.
    """
    pixels = np.asarray(image, dtype=np.float32)
    if pixels.size == 0:
        raise ValueError(f"expected pixels, got the shape {pixels.shape}")
    height, width = height_and_width(pixels.shape)
    if pixels.ndim == 2:
        light = np.abs(pixels)
    else:
        last = _height_comes_first(pixels.shape)
        planes = np.moveaxis(pixels.reshape(height, width, -1), -1, 0) if last else pixels
        planes = planes.reshape(-1, height, width)
        light = np.abs(planes[0])
        for plane in planes[1:]:
            light += np.abs(plane)
        light /= np.float32(len(planes))
    if not np.isfinite(light.sum(dtype=np.float64)):
        light[~np.isfinite(light)] = 0
    return light


def height_and_width(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return which axes of an image are height and width, as ZeMosaic decides (ZEMOSAIC.md §11).

    Raises
    ------
    ValueError
        Less than two axes.
    """
    if len(shape) < 2:
        raise ValueError(f"expected a picture of two or three axes, got the shape {shape}")
    return (shape[0], shape[1]) if _height_comes_first(shape) else (shape[-2], shape[-1])


def _height_comes_first(shape: tuple[int, ...]) -> bool:
    return shape[0] * shape[1] >= shape[-2] * shape[-1]


def low_signal_mask(image: ArrayLike, parameters: AlphaSettings) -> Alpha:
    """Return the mask that hides dark pixels near the image's border (ZEMOSAIC.md §11).

    Parameters
    ----------
    image : array_like, shape (H, W) or (H, W, channels)
        The tile; see `signal_level`.
    parameters : AlphaSettings
        Only `margin_percent` is used.

    Returns
    -------
    ndarray of float32, shape (H, W)
        0 to 1.

    Raises
    ------
    ValueError
        As `signal_level`.
    """
    light = signal_level(image)
    margin_px = margin_in_pixels(light.shape, parameters.margin_percent)
    bad = _dark_border(light, max(SMALLEST_BAND_PX, round(margin_px)))
    if bad.all():
        return np.ones(light.shape, dtype=np.float32)
    return ramp(~bad, margin_px, 1.0)


def _dark_border(light: NDArray[np.float32], band_px: int) -> Mask:
    """Return the pixels of the outer band that are darker than the core by one sigma."""
    height, width = light.shape
    core = light[int(0.2 * height) : int(0.8 * height), int(0.2 * width) : int(0.8 * width)]
    bad = np.zeros(light.shape, dtype=np.bool_)
    if core.size == 0:  # no median, nothing is darker
        return bad
    limit = _dark_limit(core, light)
    for band in (
        np.s_[:band_px, :],
        np.s_[max(0, height - band_px) :, :],
        np.s_[:, :band_px],
        np.s_[:, max(0, width - band_px) :],
    ):
        bad[band] = light[band] < limit
    return _opened(bad, 1)


def _dark_limit(core: NDArray[np.float32], light: NDArray[np.float32]) -> float:
    median = np.median(core)
    sigma = 1.4826 * float(np.median(np.abs(core - median)))
    if sigma == 0:
        sigma = float(np.std(core))
    if not math.isfinite(sigma) or sigma <= 0:
        sigma = float(np.std(light))
    if not math.isfinite(sigma) or sigma <= 0:
        sigma = SMALLEST_SIGMA
    return float(median) - sigma


def radial_mask(shape: tuple[int, int], parameters: AlphaSettings) -> Alpha:
    """Return the mask that only knows the distance from the centre (ZEMOSAIC.md §11).

    Parameters
    ----------
    shape : tuple of int
        (H, W).
    parameters : AlphaSettings
        `margin_percent` and `decay` are used.

    Returns
    -------
    ndarray of float32, shape (H, W)
        1 in the middle, falling to 0 towards the corners; 1 everywhere without a margin.
    """
    margin = min(max(float(parameters.margin_percent) / 100.0, 0.0), 0.5)
    if margin == 0:
        return np.ones(shape, dtype=np.float32)
    y = np.linspace(-1.0, 1.0, shape[0])[:, np.newaxis]
    x = np.linspace(-1.0, 1.0, shape[1])[np.newaxis, :]
    radius = np.hypot(y, x) / math.sqrt(2.0)
    inner = max(0.0, 1.0 - margin)
    outer = min(1.0, inner + max(0.001, margin * max(0.0, float(parameters.decay))))
    t = np.clip((radius - inner) / (outer - inner), 0.0, 1.0)
    return (1.0 - (3.0 - 2.0 * t) * t**2).astype(np.float32)


# --- which of them -------------------------------------------------------------------------


def mask_with_fallbacks(
    image: ArrayLike | None, coverage: ArrayLike | None, parameters: AlphaSettings
) -> ChosenMask:
    """Return the mask that ZeMosaic settles on (ZEMOSAIC.md §11 "The whole mask").

    Parameters
    ----------
    image : array_like, shape (H, W) or (H, W, channels), or None
        The tile. It may be None when `coverage` is given; a low-signal mask
        then has no alpha.
    coverage : array_like, shape (H, W), or None
        Frames per pixel.
    parameters : AlphaSettings
        See `alpha_from_coverage`.

    Returns
    -------
    ChosenMask
        Alpha, which mask it is, and why it is not the coverage mask.

    Raises
    ------
    ValueError
        `image` has less than two axes, or both arrays are None.
    """
    if image is not None:
        shape = height_and_width(np.shape(image))
    elif coverage is not None:
        shape = height_and_width(np.shape(np.squeeze(coverage)))
    else:
        raise ValueError("a mask needs a tile or a coverage; both are None")
    usable, reason = usable_coverage(coverage, shape)
    return choose_mask(image, usable, reason, shape, parameters)


class UsableCoverage(NamedTuple):
    """A coverage that went through `clean_coverage`, and its maximum."""

    frames: NDArray[np.float32]
    maximum: float


def usable_coverage(
    coverage: ArrayLike | None, shape: tuple[int, int]
) -> tuple[UsableCoverage | None, str]:
    """Return a coverage fit for `choose_mask`, or None and why ZeMosaic would ignore it."""
    reason = why_unusable(coverage, shape)
    if coverage is None or reason:
        return None, reason
    try:
        return UsableCoverage(*clean_coverage(np.squeeze(coverage))), ""
    except CoverageError as error:
        return None, str(error)


def choose_mask(
    image: ArrayLike | None,
    coverage: UsableCoverage | None,
    why_not: str,
    shape: tuple[int, int],
    parameters: AlphaSettings,
    *,
    before: ChosenMask | None = None,
) -> ChosenMask:
    """Return what `mask_with_fallbacks` does, of a coverage that was looked at already.

    Parameters
    ----------
    image : array_like, shape (H, W) or (H, W, channels), or None
        The tile.
    coverage : UsableCoverage or None
        None with the reason in `why_not`.
    why_not : str
        Why there is no coverage; empty when there is.
    shape : tuple of int
        (H, W).
    parameters : AlphaSettings
        See `alpha_from_coverage`.
    before : ChosenMask, optional
        What was chosen for the same image and coverage with other parameters.
        Its arrays are handed on, not made again, where they are equal.
    """
    margin, reason = float(parameters.margin_percent), why_not
    made = None
    if coverage is not None:
        known = None if before is None else before.from_coverage
        made = coverage_mask(*coverage, parameters, before=known)
        same = before is not None and known is not None and made.alpha is known.alpha
        if before is not None and same and before.margin_percent == margin:
            return before._replace(from_coverage=made)
        reason = why_discarded(made.alpha)
        if not reason:
            return ChosenMask(made.alpha, "coverage", made, "", margin)
    if image is None:
        return ChosenMask(None, "low-signal", made, reason, margin)
    if before is not None and before.source == "low-signal" and before.margin_percent == margin:
        return ChosenMask(before.alpha, "low-signal", made, reason, margin)
    try:
        return ChosenMask(low_signal_mask(image, parameters), "low-signal", made, reason, margin)
    except (ValueError, TypeError, ArithmeticError) as error:
        logger.warning("AltAz cleanup: low-signal mask failed (%s), radial mask used", error)
        reason = f"{reason}; the tile's own pixels could not be used either ({error})"
        return ChosenMask(radial_mask(shape, parameters), "radial", made, reason, margin)


def why_unusable(coverage: ArrayLike | None, shape: tuple[int, int]) -> str:
    """Return why ZeMosaic would not even look at a coverage; empty when it would."""
    if coverage is None:
        return "no coverage was given"
    found = np.squeeze(coverage).shape
    if found != shape:
        given = "×".join(map(str, found)) or "a single number"
        return f"the coverage's shape {given} is not the tile's {shape[0]}×{shape[1]}"
    return ""


def why_discarded(alpha: Alpha) -> str:
    """Return why ZeMosaic throws a coverage mask away; empty when it keeps it."""
    kept = int(np.count_nonzero(alpha > KEPT_ALPHA)) / alpha.size
    if kept > SAME_EVERYWHERE_SHARE:
        return (
            f"the coverage mask would keep {kept:.2%} of the tile whole, and ZeMosaic discards "
            f"one that keeps more than {SAME_EVERYWHERE_SHARE:.0%}"
        )
    hidden = int(np.count_nonzero(alpha < HIDDEN_ALPHA)) / alpha.size
    if hidden > SAME_EVERYWHERE_SHARE:
        return (
            f"the coverage mask would hide {hidden:.2%} of the tile, and ZeMosaic discards "
            f"one that hides more than {SAME_EVERYWHERE_SHARE:.0%}"
        )
    return ""
