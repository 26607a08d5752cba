"""Which mask ZeMosaic settles on: of coverage, or one of the two without (ZEMOSAIC.md §11)."""

from __future__ import annotations

import logging
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_zecoverage.core.alpha import AlphaSettings, CoverageMask, clean_coverage, coverage_mask
from napari_zecoverage.core.errors import CoverageError
from napari_zecoverage.core.fallback_masks import height_and_width, low_signal_mask, radial_mask
from napari_zecoverage.core.ramp import Alpha

logger = logging.getLogger(__name__)

MaskSource = Literal["coverage", "low-signal", "radial"]

SAME_EVERYWHERE_SHARE: Final = 0.98
"""A coverage mask with a larger share than this fully kept, or fully hidden, is discarded."""

KEPT_ALPHA: Final = 0.99
HIDDEN_ALPHA: Final = 0.01


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
