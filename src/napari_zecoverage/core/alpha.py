"""Coverage to alpha, and the two masks that ZeMosaic falls back to (ZEMOSAIC.md §5.7, §11).

Equal to ZeMosaic to the last bit, and quick enough to follow a slider: only
pixels near the rim need their distance, and a distance in pixels is the root of
a whole number, so the costly power is taken once a whole number, not once a pixel.
"""

from __future__ import annotations

import logging
import math
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final, Literal, NamedTuple, Protocol

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from napari_zecoverage.core.errors import CoverageError

logger = logging.getLogger(__name__)

MaskSource = Literal["coverage", "low-signal", "radial"]
ThresholdRule = Literal[
    "min_coverage_abs", "min_coverage_frac", "relaxed", "fallback", "none"
]  # "relaxed" is set by the master-tile step only

Mask = NDArray[np.bool_]
Alpha = NDArray[np.float32]

SAME_EVERYWHERE_SHARE: Final = 0.98
"""A coverage mask with a larger share than this fully kept, or fully hidden, is discarded."""

KEPT_ALPHA: Final = 0.99
HIDDEN_ALPHA: Final = 0.01
FALLBACK_SHARE: Final = 0.25
SMALLEST_DECAY: Final = 0.001
SMALLEST_SIGMA: Final = 0.001
SMALLEST_BAND_PX: Final = 4

CROSS: Final = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], dtype=np.uint8)
SQUARE: Final = np.ones((3, 3), dtype=np.uint8)

# OpenCV's exact distance finds, row by row, which column's outside pixel is nearest:
# it intersects the parabolas f + (x - column)² in float32. The borders between them
# fall on the right side of every whole x while the sums stay whole (below 2**24) and
# width · reach stays below 2**21, or the width below 2**11. It returns float32 roots;
# their squares round to the right whole number while these are below 2**21.
EXACT_SUM: Final = 2**24
EXACT_WIDTH_TIMES_REACH: Final = 2**21
EXACT_WIDTH_PX: Final = 2**11
EXACT_HEIGHT_PX: Final = 2**14
EXACT_REACH_PX: Final = 1440

CELL_PX: Final = 32
"""Side of the squares in which the far inside of the kept area is looked for."""


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
    """

    good: Mask
    alpha: Alpha
    threshold: float
    rule: ThresholdRule
    opening_ignored: bool


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
    """

    alpha: Alpha | None
    source: MaskSource
    from_coverage: CoverageMask | None
    reason: str


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
    coverage: NDArray[np.float32], maximum: float, parameters: AlphaSettings
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

    Returns
    -------
    CoverageMask
        Alpha, and how it came about.
    """
    good, threshold, rule = _well_covered(coverage, maximum, parameters)
    opened = _opened(good, parameters.morph_open_px)
    nothing_left = opened is not good and not opened.any()
    if not nothing_left:
        good = opened
    if parameters.margin_percent <= 0:
        alpha = good.astype(np.float32)
    else:
        exponent = 1.0 / max(float(parameters.decay), SMALLEST_DECAY)
        alpha = ramp(good, margin_in_pixels(good.shape, parameters.margin_percent), exponent)
    logger.debug(
        "AltAz cleanup: coverage mask, threshold %g by %s, maximum %g", threshold, rule, maximum
    )
    return CoverageMask(good, alpha, threshold, rule, nothing_left)


def margin_in_pixels(shape: tuple[int, ...], margin_percent: float) -> float:
    """Return the ramp's width in pixels: a share of the shorter side, at least 1."""
    return max(1.0, float(margin_percent) / 100.0 * min(shape))


def _well_covered(
    coverage: NDArray[np.float32], maximum: float, parameters: AlphaSettings
) -> tuple[Mask, float, ThresholdRule]:
    """Return where coverage reaches the threshold, the threshold, and what set it."""
    by_count = max(0.0, float(parameters.min_coverage_abs))
    by_share = max(0.0, float(parameters.min_coverage_frac)) * maximum
    threshold = max(by_count, by_share)
    rule: ThresholdRule = "min_coverage_abs" if by_count >= by_share else "min_coverage_frac"
    good = _at_least(coverage, threshold)
    if good.any():
        return good, threshold, rule
    threshold = max(FALLBACK_SHARE * maximum, 1.0)
    good = _at_least(coverage, threshold)
    if good.any():
        return good, threshold, "fallback"
    return coverage > 0, 0.0, "fallback"


def _at_least(coverage: NDArray[np.float32], threshold: float) -> Mask:
    with np.errstate(over="ignore"):
        rounded = np.float32(threshold)  # coverage is float32: 11.000000000000002 still keeps 11
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


# --- distance to alpha ---------------------------------------------------------------------


def ramp(inside: Mask, margin_px: float, exponent: float) -> Alpha:
    """Return (distance to the outside / margin) to the power of `exponent`, at most 1.

    Parameters
    ----------
    inside : ndarray of bool, shape (H, W), C order
        The image's border is not "outside". When everything is inside, the
        distance is √((y + 1)² + x²), as SciPy has it (ZEMOSAIC.md §10k).
    margin_px : float
        Distance at which alpha reaches 1; pixels, above 0.
    exponent : float
        Above 0.

    Returns
    -------
    ndarray of float32, shape (H, W)
        0 where not inside; computed in double precision.
    """
    alpha = inside.astype(np.float32)
    if inside.all():
        _ramp_in_corner(alpha, margin_px, exponent)
        return alpha
    box = _box_with_rim(inside)
    if box is None:
        return alpha
    windows = _rim_windows(inside[box], margin_px)
    if windows is None:
        _ramp_by_scipy(inside[box], alpha[box], margin_px, exponent)
        return alpha
    table = _table(margin_px, exponent)
    last = np.float32(table.size - 1)
    for window, core in windows:
        distance = _exact_distance(inside[box][window])[core]
        squares = np.multiply(distance, distance)
        np.minimum(squares, last, out=squares)
        squares += np.float32(0.5)  # the conversion cuts off
        target = alpha[box][window][core]
        target[...] = table[squares.astype(np.int32)]
    return alpha


def _exact_distance(inside: Mask) -> NDArray[np.float32]:
    """Return each inside pixel's distance to the nearest outside pixel of the window.

    Without Intel's IPP, which OpenCV takes for small windows and when it has
    one thread: measured, its distances are wrong from 885 pixels on. The switch
    is the calling thread's own.
    """
    with_ipp = cv2.ipp.useIPP()
    cv2.ipp.setUseIPP(False)
    try:
        distance = cv2.distanceTransform(inside.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    finally:
        cv2.ipp.setUseIPP(with_ipp)
    return np.asarray(distance, dtype=np.float32)


def _profile(squares: NDArray[Any], margin_px: float, exponent: float) -> NDArray[np.float32]:
    """Return alpha of squared distances, which are whole numbers."""
    distance = np.sqrt(squares, dtype=np.float64)
    alpha: NDArray[np.float64] = np.power(np.minimum(distance, margin_px) / margin_px, exponent)
    alpha[distance >= margin_px] = 1.0
    return alpha.astype(np.float32)


@lru_cache(maxsize=4)  # a slider of a threshold leaves margin and decay as they are
def _table(margin_px: float, exponent: float) -> NDArray[np.float32]:
    """Return alpha of every squared distance up to the first whole pixel beyond the margin."""
    table = _profile(np.arange(math.ceil(margin_px + 1) ** 2 + 1), margin_px, exponent)
    table.flags.writeable = False
    return table


def _ramp_in_corner(alpha: Alpha, margin_px: float, exponent: float) -> None:
    """Write the ramp that an image without any outside gets round its top-left corner."""
    height, width = (min(size, math.ceil(min(margin_px, size)) + 1) for size in alpha.shape)
    y = np.arange(1, height + 1, dtype=np.int64)[:, np.newaxis]
    x = np.arange(width, dtype=np.int64)[np.newaxis, :]
    alpha[:height, :width] = _profile(y**2 + x**2, margin_px, exponent)


def _ramp_by_scipy(inside: Mask, alpha: Alpha, margin_px: float, exponent: float) -> None:
    """Write the ramp of any size and margin; slower."""
    distance = ndimage.distance_transform_edt(inside)
    squares = np.rint(np.square(distance, out=distance), out=distance)
    alpha[inside] = _profile(squares[inside], margin_px, exponent)


Box = tuple[slice, slice]


def _box_with_rim(inside: Mask) -> Box | None:
    """Return the box round all inside pixels and one pixel more; None when there are none.

    The pixel more holds the nearest outside pixel wherever that lies beyond the box.
    """
    rows = np.flatnonzero(inside.any(axis=1))
    if rows.size == 0:
        return None
    columns = np.flatnonzero(inside[rows[0] : rows[-1] + 1].any(axis=0))
    return (
        slice(max(0, int(rows[0]) - 1), int(rows[-1]) + 2),
        slice(max(0, int(columns[0]) - 1), int(columns[-1]) + 2),
    )


def _rim_windows(inside: Mask, margin_px: float) -> list[tuple[Box, Box]] | None:
    """Return windows whose distances, taken one by one, give every pixel's near the rim.

    Each is a window and, relative to it, its core: the pixels whose nearest
    outside pixel lies in the window when it is nearer than the margin. The far
    inside, where alpha is 1, is left out. None when OpenCV could not be exact.
    """
    reach = math.ceil(margin_px) + 1
    if reach > EXACT_REACH_PX or inside.shape[0] > EXACT_HEIGHT_PX:
        return None
    everything = [(slice(0, inside.shape[0]), slice(0, inside.shape[1]))]
    whole = _cut(everything, inside.shape, reach)
    round_far = _cut(_bands(inside, reach), inside.shape, reach)
    if whole is None or round_far is None:
        return round_far or whole
    return min(whole, round_far, key=_pixels)


def _pixels(windows: list[tuple[Box, Box]]) -> int:
    return sum((y.stop - y.start) * (x.stop - x.start) for (y, x), _ in windows)


def _cut(bands: list[Box], shape: tuple[int, ...], reach: int) -> list[tuple[Box, Box]] | None:
    """Return each band's windows, with what is within reach; None when they cannot be exact."""
    windows: list[tuple[Box, Box]] = []
    for y, x in bands:
        window_y = slice(max(0, y.start - reach), min(shape[0], y.stop + reach))
        core_y = slice(y.start - window_y.start, y.stop - window_y.start)
        # A column without any outside pixel counts as one whose outside is as
        # far as the window is high: too near in a window lower than the margin.
        pieces = _pieces(x, shape[1], reach)
        if pieces is None or window_y.stop - window_y.start < reach:
            return None
        windows += [((window_y, window_x), (core_y, core_x)) for window_x, core_x in pieces]
    return windows


def _pieces(part: slice, size: int, reach: int) -> list[tuple[slice, slice]] | None:
    """Cut a range of columns so that each piece, with what is within reach, is exact.

    Returns the surroundings of each piece, and the piece relative to them; None
    when the reach leaves no room.
    """
    widest = min(
        max(EXACT_WIDTH_TIMES_REACH // (reach + 1), EXACT_WIDTH_PX),
        math.isqrt(EXACT_SUM - reach**2),
    )
    length = part.stop - part.start
    for count in range(1, length // CELL_PX + 2):
        edges = [part.start + length * k // count for k in range(count + 1)]
        pieces = []
        for start, stop in pairwise(edges):
            outer = slice(max(0, start - reach), min(size, stop + reach))
            pieces.append((outer, slice(start - outer.start, stop - outer.start)))
        if all(outer.stop - outer.start <= widest for outer, _ in pieces):
            return pieces
    return None


def _bands(inside: Mask, reach: int) -> list[Box]:
    """Return the parts of the image round the far inside, which alone need a distance."""
    height, width = inside.shape
    y0, x0, y1, x1 = _far_inside(inside, reach)
    bands = (
        (slice(0, y0), slice(0, width)),
        (slice(y0, y1), slice(0, x0)),
        (slice(y0, y1), slice(x1, width)),
        (slice(y1, height), slice(0, width)),
    )
    return [(y, x) for y, x in bands if y.start < y.stop and x.start < x.stop]


def _far_inside(inside: Mask, reach: int) -> tuple[int, int, int, int]:
    """Return y0, x0, y1, x1 of a large rectangle that is further than `reach` from the rim.

    All zero but y1 = x1 = 0 when there is none worth leaving out.
    """
    height, width = inside.shape
    rows, columns = height // CELL_PX, width // CELL_PX
    if min(rows, columns) < 2:
        return 0, 0, 0, 0
    cells = np.empty((rows, columns), dtype=np.bool_)
    starts = np.arange(columns) * CELL_PX
    for row in range(rows):
        full = inside[row * CELL_PX : (row + 1) * CELL_PX, : columns * CELL_PX].all(axis=0)
        cells[row] = np.logical_and.reduceat(full, starts)
    # The remainder beyond the last whole cell belongs to it.
    if height % CELL_PX:
        full = inside[rows * CELL_PX :, : columns * CELL_PX].all(axis=0)
        cells[-1] &= np.logical_and.reduceat(full, starts)
    if width % CELL_PX:
        full = inside[: rows * CELL_PX, columns * CELL_PX :].all(axis=1)
        cells[:, -1] &= np.logical_and.reduceat(full, np.arange(rows) * CELL_PX)
        cells[-1, -1] &= bool(inside[rows * CELL_PX :, columns * CELL_PX :].all())
    side = 2 * math.ceil(reach / CELL_PX) + 1
    far = cv2.erode(
        cells.view(np.uint8), np.ones((side, side), np.uint8), borderType=cv2.BORDER_CONSTANT
    )
    top, left, bottom, right = _largest_rectangle(far.astype(np.uint8))
    if bottom <= top:
        return 0, 0, 0, 0
    return (
        top * CELL_PX,
        left * CELL_PX,
        height if bottom == rows else bottom * CELL_PX,
        width if right == columns else right * CELL_PX,
    )


def _largest_rectangle(cells: NDArray[np.uint8]) -> tuple[int, int, int, int]:
    """Return top, left, bottom, right of the largest rectangle of ones; zeros without any."""
    best, found = 0, (0, 0, 0, 0)
    columns = cells.shape[1]
    heights = [0] * (columns + 1)  # a last column of height 0 closes every rectangle
    for row, line in enumerate(cells.tolist()):
        open_at: list[tuple[int, int]] = []  # (first column, height), heights rising
        for column in range(columns + 1):
            if column < columns:
                heights[column] = heights[column] + 1 if line[column] else 0
            start = column
            while open_at and open_at[-1][1] >= heights[column]:
                start, tall = open_at.pop()
                if tall * (column - start) > best:
                    best = tall * (column - start)
                    found = (row + 1 - tall, start, row + 1, column)
            open_at.append((start, heights[column]))
    return found


# --- the masks without coverage ------------------------------------------------------------


def luminance(image: ArrayLike) -> NDArray[np.float32]:
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
        The tile; see `luminance`.
    parameters : AlphaSettings
        Only `margin_percent` is used.

    Returns
    -------
    ndarray of float32, shape (H, W)
        0 to 1.

    Raises
    ------
    ValueError
        As `luminance`.
    """
    light = luminance(image)
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
    from_coverage, reason = _try_coverage(coverage, shape, parameters)
    if from_coverage is not None:
        reason = why_discarded(from_coverage.alpha)
        if not reason:
            return ChosenMask(from_coverage.alpha, "coverage", from_coverage, "")
    if image is None:
        return ChosenMask(None, "low-signal", from_coverage, reason)
    try:
        return ChosenMask(low_signal_mask(image, parameters), "low-signal", from_coverage, reason)
    except (ValueError, TypeError, ArithmeticError) as error:
        logger.warning("AltAz cleanup: low-signal mask failed (%s), radial mask used", error)
        reason = f"{reason}; the tile's own pixels could not be used either ({error})"
        return ChosenMask(radial_mask(shape, parameters), "radial", from_coverage, reason)


def _try_coverage(
    coverage: ArrayLike | None, shape: tuple[int, int], parameters: AlphaSettings
) -> tuple[CoverageMask | None, str]:
    """Return the coverage mask, or None and why there is none."""
    reason = why_unusable(coverage, shape)
    if coverage is None or reason:
        return None, reason
    try:
        return coverage_mask(*clean_coverage(np.squeeze(coverage)), parameters), ""
    except CoverageError as error:
        return None, str(error)


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
