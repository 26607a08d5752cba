"""The quality crop: the rectangle without the bad edges of a stacked picture (ZEMOSAIC.md §11)."""

from __future__ import annotations

import math
from collections.abc import Callable
from numbers import Real
from typing import Any, Final, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_zecoverage.core.crop import Rect
from napari_zecoverage.core.errors import ParameterError

Side = Literal["left", "right", "top", "bottom"]

SIDES: Final[tuple[Side, ...]] = ("left", "right", "top", "bottom")
"""The order in which they are trimmed."""

# The numbers of ZEMOSAIC.md §11 "Quality crop".
SMALLEST: Final = np.float32(1e-6)
FEWEST_BLOCKS: Final = 3
FEWEST_KEPT: Final = 0.03
MANY_KEPT: Final = 0.25
BORDER_SATURATION: Final = 0.18
TINY_SIDE_PX: Final = 8
STRIP_PX: Final = 3
LEAST_SIDE_PX: Final = 32
INTERIOR_INSET_PX: Final = 32
COARSE_BAND_PX: Final = 32


class _Settings(NamedTuple):
    """The quality crop's parameters, inside ZeMosaic's ranges."""

    band_px: int
    k_sigma: float
    margin_px: int


class _Planes(NamedTuple):
    """A picture's planes, each (H, W) float32 and stretched to 0 … 1."""

    luminance: NDArray[np.float32]
    red: NDArray[np.float32]
    green: NDArray[np.float32]
    blue: NDArray[np.float32]

    @property
    def colours(self) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        return self.red, self.green, self.blue


class _Blocks(NamedTuple):
    """Means of each plane, and variances of the luminance, a block each: (rows, columns)."""

    luminance: NDArray[np.float32]
    variance: NDArray[np.float32]
    red: NDArray[np.float32]
    green: NDArray[np.float32]
    blue: NDArray[np.float32]

    @property
    def colours(self) -> NDArray[np.float32]:
        return np.stack((self.red, self.green, self.blue))


class _ColourCast(NamedTuple):
    """Of an area: medians of the two colour ratios (natural logarithms) and of the saturation."""

    red_green: np.float32
    blue_green: np.float32
    saturation: np.float32


class _ColourLimits(NamedTuple):
    """The interior's colours, and how far a strip may be from them."""

    interior: _ColourCast
    red_green: np.float32
    blue_green: np.float32
    saturation: np.float32


def quality_crop(
    rgb: ArrayLike, *, band_px: float = 32, k_sigma: float = 2.0, margin_px: float = 8
) -> Rect:
    """Return the rectangle that ZeMosaic's quality crop finds (ZEMOSAIC.md §11 "Quality crop").

    ZeMosaic applies it only when it is smaller than 0.97 of the picture.

    Parameters
    ----------
    rgb : array_like of int or float, shape (H, W, 3)
        The stacked tile, any unit; used as float32. What is not finite counts as 0.
    band_px : number
        Side of a block, pixels. Fractions are dropped; at least 4 is used.
    k_sigma : number
        How many standard deviations a block may be darker than the median, and
        how many median absolute deviations an edge may be brighter than the
        inside. 0.1 to 10 is used.
    margin_px : number
        Taken off each side of what was found, pixels. Fractions are dropped; at
        least 0 is used.

    Returns
    -------
    Rect
        Inside the picture, and never empty.

    Raises
    ------
    ParameterError
        `rgb` is not a picture of three channels, or one of the others is not a
        finite number. The error names it.

    Notes
    -----
    Where ZEMOSAIC.md leaves a choice, ZeMosaic's answers decide: a block's first
    pixel is ``int(block * (size / blocks))``, the division first, so that the
    14th of 14 blocks on 453 pixels ends at 452; and when step 4 returns the whole
    picture, that is the answer, without the second run of step 8.

    Its answers leave open, and this is what is done here: the interior of step 7
    is that of the rectangle that step 6 left; the second try of step 2 still wants
    a channel above eps; a picture of too few blocks that the margin would use up
    is kept whole.
    """
    settings = _sanitised(band_px, k_sigma, margin_px)
    return _crop_planes(_stretched_planes(_picture(rgb)), settings)


def _sanitised(band_px: float, k_sigma: float, margin_px: float) -> _Settings:
    """Bring the parameters into the ranges that ZeMosaic uses (ZEMOSAIC.md §5.6)."""
    return _Settings(
        band_px=max(4, int(_finite_number("band_px", band_px))),
        k_sigma=min(max(float(_finite_number("k_sigma", k_sigma)), 0.1), 10.0),
        margin_px=max(0, int(_finite_number("margin_px", margin_px))),
    )


def _finite_number(name: str, value: Any) -> float:
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Real):
        raise ParameterError(name, f"must be a number, not {value!r}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ParameterError(name, f"must be a finite number, not {value!r}")
    return number


def _picture(rgb: ArrayLike) -> NDArray[np.float32]:
    """Return `rgb` as finite float32, or say what is wrong with it."""
    expected = "must be a picture of numbers, shape (height, width, 3)"
    try:
        given = np.asarray(rgb)
    except ValueError as error:  # rows of unequal length
        raise ParameterError("rgb", expected) from error
    if given.dtype.kind not in "iuf":
        raise ParameterError("rgb", f"{expected}, not of {given.dtype}")
    if given.ndim != 3 or given.shape[2] != 3 or given.size == 0:
        raise ParameterError("rgb", f"{expected}, not {given.shape}")
    with np.errstate(over="ignore"):
        picture = given.astype(np.float32)
    picture[~np.isfinite(picture)] = 0
    # Further out than any sky; the sum of three stays a float32.
    return np.clip(picture, -1e38, 1e38, out=picture)


def _crop_planes(planes: _Planes, settings: _Settings) -> Rect:
    """Steps 1 to 8, from the block means on."""
    shape = planes.luminance.shape
    band, k, margin = settings
    if min(shape) // band < FEWEST_BLOCKS:
        return _inset_by_margin(shape, margin)
    blocks = _block_statistics(planes, band)
    keep = _bright_blocks(blocks, k) & ~_saturated_border(blocks, band, margin)
    rect = _box_in_pixels(_eroded_kept(keep), shape, margin)
    if rect is None:
        return Rect.whole(shape)
    rect = _trim_dark_edges(rect, planes)
    rect = _trim_bright_edges(rect, planes, k)
    rect = _trim_tinted_edges(rect, planes)
    if band > COARSE_BAND_PX and _touches_margin(rect, shape, margin):
        finer = _crop_planes(planes, settings._replace(band_px=max(16, band // 2)))
        return _intersection(rect, finer) or finer
    return rect


def _stretched_planes(picture: NDArray[np.float32]) -> _Planes:
    """Step 1: the three channels and their mean, each clipped at 0 and stretched to 0 … 1."""
    red, green, blue = (_stretched(picture[..., channel]) for channel in range(3))
    return _Planes(_stretched(picture.mean(axis=2)), red, green, blue)


def _stretched(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    positive = np.ascontiguousarray(np.maximum(plane, 0))
    low, high = positive.min(), positive.max()
    if high <= low:
        return np.zeros_like(positive)
    stretched: NDArray[np.float32] = (positive - low) / (high - low)
    return stretched


def _block_statistics(planes: _Planes, band: int) -> _Blocks:
    """Step 1: means and variances over band×band blocks; the remainder is dropped."""
    luminance = _blocked(planes.luminance, band)
    red, green, blue = (_blocked(plane, band).mean(axis=(1, 3)) for plane in planes.colours)
    return _Blocks(luminance.mean(axis=(1, 3)), luminance.var(axis=(1, 3)), red, green, blue)


def _blocked(plane: NDArray[np.float32], band: int) -> NDArray[np.float32]:
    rows, columns = plane.shape[0] // band, plane.shape[1] // band
    return plane[: rows * band, : columns * band].reshape(rows, band, columns, band)


def _inset_by_margin(shape: tuple[int, ...], margin: int) -> Rect:
    """Step 1, too few blocks: the picture without its margin, if that leaves anything."""
    height, width = shape
    if min(height, width) <= 2 * margin:
        return Rect.whole(shape)
    return Rect(margin, margin, height - margin, width - margin)


def _bright_blocks(blocks: _Blocks, k: float) -> NDArray[np.bool_]:
    """Step 2: which blocks hold sky, being neither dark nor empty."""
    luminance, variance = blocks.luminance, blocks.variance
    dark = max(SMALLEST, _percentile(luminance, 0.5))
    lit = np.isfinite(luminance) & (blocks.colours > dark).any(axis=0)
    spread = max(luminance.std(), SMALLEST)
    lowest = max(
        np.float32(np.median(luminance) - np.float32(k) * spread), _percentile(luminance, 5), dark
    )
    darkest = max(_percentile(luminance, 2), dark)
    flattest = max(_percentile(variance, 5), _percentile(variance, 1) or SMALLEST)
    empty = (luminance <= darkest) & (variance <= flattest)
    keep = lit & (luminance >= lowest) & ~empty
    if np.count_nonzero(keep) < FEWEST_KEPT * keep.size:
        return lit & (luminance >= darkest)
    return keep


def _percentile(values: NDArray[np.float32], percent: float) -> np.float32:
    return np.float32(np.percentile(values, percent))


def _saturated_border(blocks: _Blocks, band: int, margin: int) -> NDArray[np.bool_]:
    """Step 3: coloured patches of the outer blocks, their own rim of two blocks left out."""
    depth = -(-max(24, margin) // band)
    border = np.ones(blocks.luminance.shape, dtype=np.bool_)
    border[depth:-depth, depth:-depth] = False
    saturation = blocks.colours.max(axis=0) - blocks.colours.min(axis=0)
    coloured = border & (saturation > BORDER_SATURATION)
    # Dear to import.
    from scipy import ndimage

    eroded: NDArray[np.bool_] = ndimage.binary_erosion(
        coloured, np.ones((3, 3), dtype=np.bool_), iterations=2
    )
    return eroded


def _eroded_kept(keep: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Step 4: the kept blocks without their rim; without two when many are left."""
    eroded = _eroded_round_the_edges(keep)
    if np.count_nonzero(eroded) > MANY_KEPT * eroded.size:
        return _eroded_round_the_edges(eroded)
    return eroded


def _eroded_round_the_edges(keep: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Erode with the 3×3 square; opposite edges are neighbours."""
    columns = keep & np.roll(keep, 1, axis=1) & np.roll(keep, -1, axis=1)
    return columns & np.roll(columns, 1, axis=0) & np.roll(columns, -1, axis=0)


def _box_in_pixels(keep: NDArray[np.bool_], shape: tuple[int, ...], margin: int) -> Rect | None:
    """Step 4: the bounding box of the kept blocks, in pixels, inset by the margin.

    None when nothing is kept, or hardly anything left.
    """
    rows, columns = np.flatnonzero(keep.any(axis=1)), np.flatnonzero(keep.any(axis=0))
    if not rows.size:
        return None
    row_px, column_px = shape[0] / keep.shape[0], shape[1] / keep.shape[1]
    rect = Rect(
        int(rows[0] * row_px) + margin,
        int(columns[0] * column_px) + margin,
        int((rows[-1] + 1) * row_px) - margin,
        int((columns[-1] + 1) * column_px) - margin,
    )
    return rect if min(rect.height, rect.width) > TINY_SIDE_PX else None


def _trim_dark_edges(rect: Rect, planes: _Planes) -> Rect:
    """Step 5: dark strips at the bottom and on the right."""
    luminance = planes.luminance
    dark = max(SMALLEST, _percentile(luminance, 0.5))

    def is_dark(strip: Rect) -> bool:
        return bool(luminance[strip.slices].mean() < dark)

    for side in ("bottom", "right"):
        rect = _trim(rect, side, is_dark)
    return rect


def _trim_bright_edges(rect: Rect, planes: _Planes, k: float) -> Rect:
    """Step 6: strips that are brighter than the interior in any channel."""
    interior = _interior(rect)
    if interior is None:
        return rect
    limits = []
    for plane in planes.colours:
        median, deviation = _median_and_deviation(plane[interior.slices])
        limits.append(median + np.float32(k) * deviation)

    def is_bright(strip: Rect) -> bool:
        return any(
            plane[strip.slices].mean() > limit
            for plane, limit in zip(planes.colours, limits, strict=True)
        )

    for side in SIDES:
        rect = _trim(rect, side, is_bright)
    return rect


def _trim_tinted_edges(rect: Rect, planes: _Planes) -> Rect:
    """Step 7: strips whose colour is not the interior's, up to a tenth of the rectangle."""
    interior = _interior(rect)
    if interior is None:
        return rect
    most = min(64, max(8, rect.width // 10), max(8, rect.height // 10))
    limits = _colour_limits(planes, interior)

    def is_tinted(strip: Rect, times: float = 1.0) -> bool:
        cast = _colour_cast(planes, strip)
        return bool(
            abs(cast.red_green - limits.interior.red_green) > times * limits.red_green
            or abs(cast.blue_green - limits.interior.blue_green) > times * limits.blue_green
        )

    for side in SIDES:
        strip, _ = _cut(rect, side)
        saturated = _colour_cast(planes, strip).saturation >= limits.saturation
        if saturated and is_tinted(strip, times=2.5):
            rect = _trim(rect, side, is_tinted, most)
    return rect


def _colours(
    planes: _Planes, area: Rect
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Return ln(R/G), ln(B/G) and the saturation of each pixel of an area."""
    red, green, blue = (plane[area.slices] for plane in planes.colours)
    saturation = np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)
    divisor = green + SMALLEST
    return np.log((red + SMALLEST) / divisor), np.log((blue + SMALLEST) / divisor), saturation


def _colour_cast(planes: _Planes, area: Rect) -> _ColourCast:
    return _ColourCast(*(np.float32(np.median(values)) for values in _colours(planes, area)))


def _colour_limits(planes: _Planes, interior: Rect) -> _ColourLimits:
    (red_green, red_green_mad), (blue_green, blue_green_mad), (saturation, saturation_mad) = (
        _median_and_deviation(values) for values in _colours(planes, interior)
    )
    return _ColourLimits(
        _ColourCast(red_green, blue_green, saturation),
        red_green=max(np.float32(0.12), 6 * red_green_mad),
        blue_green=max(np.float32(0.12), 6 * blue_green_mad),
        saturation=max(np.float32(0.05), saturation + 4 * saturation_mad),
    )


def _median_and_deviation(values: NDArray[np.float32]) -> tuple[np.float32, np.float32]:
    """Return the median, and the median absolute deviation, which is never quite 0."""
    median = np.float32(np.median(values))
    return median, np.float32(np.median(np.abs(values - median))) + SMALLEST


def _interior(rect: Rect) -> Rect | None:
    """Return the rectangle without 32 px on each side, None when nothing would be left."""
    if min(rect.height, rect.width) <= 2 * INTERIOR_INSET_PX:
        return None
    return Rect(
        rect.y0 + INTERIOR_INSET_PX,
        rect.x0 + INTERIOR_INSET_PX,
        rect.y1 - INTERIOR_INSET_PX,
        rect.x1 - INTERIOR_INSET_PX,
    )


def _trim(rect: Rect, side: Side, is_bad: Callable[[Rect], bool], most: float = math.inf) -> Rect:
    """Take strips off one side while they are bad, there is room, and less than `most` is gone."""
    taken = 0
    while taken < most and _length(rect, side) > LEAST_SIDE_PX:
        strip, rest = _cut(rect, side)
        if not is_bad(strip):
            break
        rect = rest
        taken += STRIP_PX
    return rect


def _length(rect: Rect, side: Side) -> int:
    return rect.width if side in ("left", "right") else rect.height


def _cut(rect: Rect, side: Side) -> tuple[Rect, Rect]:
    """Return the outermost rows or columns of one side, and what is left without them."""
    match side:
        case "left":
            at = rect.x0 + STRIP_PX
            return rect._replace(x1=at), rect._replace(x0=at)
        case "right":
            at = rect.x1 - STRIP_PX
            return rect._replace(x0=at), rect._replace(x1=at)
        case "top":
            at = rect.y0 + STRIP_PX
            return rect._replace(y1=at), rect._replace(y0=at)
        case "bottom":
            at = rect.y1 - STRIP_PX
            return rect._replace(y0=at), rect._replace(y1=at)


def _touches_margin(rect: Rect, shape: tuple[int, ...], margin: int) -> bool:
    """Step 8: whether any side lies where the margin alone would put it."""
    height, width = shape
    return (
        rect.y0 <= margin
        or rect.x0 <= margin
        or rect.y1 >= height - margin
        or rect.x1 >= width - margin
    )


def _intersection(one: Rect, other: Rect) -> Rect | None:
    common = Rect(
        max(one.y0, other.y0),
        max(one.x0, other.x0),
        min(one.y1, other.y1),
        min(one.x1, other.x1),
    )
    return common if common.height > 0 and common.width > 0 else None
