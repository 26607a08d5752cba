"""Stored values made a frame's pixels as ZeMosaic makes them: scaled, debayered, finite."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_zecoverage.core.fits_headers import CardValue, is_number
from napari_zecoverage.core.header_words import text_of

DEFAULT_BAYER_PATTERN: Final = "GRBG"
"""The pattern ZeMosaic assumes where the header names none, or one it does not know."""
_DEBAYER: Final = {
    # OpenCV's older names (BayerBG for RGGB, and so on) are those of the second row.
    "RGGB": cv2.COLOR_BayerRGGB2RGB,
    "GRBG": cv2.COLOR_BayerGRBG2RGB,
    "GBRG": cv2.COLOR_BayerGBRG2RGB,
    "BGGR": cv2.COLOR_BayerBGGR2RGB,
}

_HOT_RATIO: Final = 4.0  # a star of half its peak's width 1.5 px lends its neighbours more
_HOT_SIGMAS: Final = 6.0  # less is noise
_SAMPLE_STEP: Final = 8  # medians are taken of every 8th pixel of every 8th row
_ROWS_AT_A_TIME: Final = 512  # few steps: at each, threads pass Python's lock on
_STEPS: Final = 65535  # of the stretch before debayering


@dataclass(frozen=True)
class Frame:
    """A frame's pixels.

    Attributes
    ----------
    pixels : ndarray
        (H, W, 3) float32, RGB, in the file's own units; every value is finite,
        0 where the file's was not.
    finite : ndarray or None
        (H, W) bool, False where a value that was not finite has a part in
        `pixels`; None when there is none.
    hot : ndarray
        (n,) int64, flat indexes of single pixels that stand out of a colour
        filter mosaic as no star does; none in other frames.
    """

    pixels: NDArray[np.float32]
    finite: NDArray[np.bool_] | None
    hot: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))


def physical_values(stored: NDArray[Any], cards: Mapping[str, CardValue]) -> NDArray[Any]:
    """Apply BSCALE and BZERO as ZeMosaic does: to signed integers only.

    Returns 8 and 16 bit integers as such, everything else as float32.
    """
    if stored.dtype.kind == "i":
        scale, zero = _factor(cards, "BSCALE", 1.0), _factor(cards, "BZERO", 0.0)
        if stored.dtype.itemsize == 2 and (scale, zero) == (1.0, 32768.0):
            # Unsigned 16 bit: adding 32768 is turning the topmost bit over.
            unsigned = stored.astype("=i2").view("=u2")
            unsigned ^= np.uint16(0x8000)
            return unsigned
        if (scale, zero) != (1.0, 0.0):
            with np.errstate(over="ignore", invalid="ignore"):
                scaled = stored.astype(np.float64)
                scaled *= scale
                scaled += zero
                return scaled.astype(np.float32)
    if stored.dtype.kind in "iu" and stored.dtype.itemsize <= 2:
        return stored.astype(stored.dtype.newbyteorder("="))
    with np.errstate(over="ignore", invalid="ignore"):
        return stored.astype(np.float32)


def _factor(cards: Mapping[str, CardValue], keyword: str, default: float) -> float:
    value = cards.get(keyword)
    return float(value) if is_number(value) else default


def colour_frame(values: NDArray[Any]) -> Frame:
    """Make a frame of (H, W, 3) values."""
    pixels = np.ascontiguousarray(values, dtype=np.float32)
    good = np.isfinite(pixels)
    if good.all():
        return Frame(pixels, None)
    pixels[~good] = 0.0
    return Frame(pixels, np.asarray(good.all(axis=2)))


def pattern_of(cards: Mapping[str, CardValue]) -> str:
    """Return BAYERPAT, else CFAIMAGE, else GRBG; GRBG for one that is not known."""
    named = text_of(cards, "BAYERPAT") or text_of(cards, "CFAIMAGE") or DEFAULT_BAYER_PATTERN
    pattern = named.upper()
    return pattern if pattern in _DEBAYER else DEFAULT_BAYER_PATTERN


def debayered_frame(plane: NDArray[Any], pattern: str) -> Frame:
    """Make a frame of a (H, W) colour filter mosaic, by way of 16 bit (ZEMOSAIC.md §1)."""
    finite = None
    if plane.dtype.kind == "f":
        good = np.isfinite(plane)
        if not good.all():
            plane[~good] = 0.0
            finite = ~_spread(~good)
    low, high = float(plane.min()), float(plane.max())
    if high == low:
        return Frame(np.full((*plane.shape, 3), low, dtype=np.float32), finite)
    mosaic = _stretched(plane, low, high)
    pixels = _mapped_back(cv2.cvtColor(mosaic, _DEBAYER[pattern]), low, high)
    return Frame(pixels, finite, _hot_pixels(mosaic))


def _hot_pixels(mosaic: NDArray[np.uint16]) -> NDArray[np.int64]:
    """Find the pixels that stand out of their eight neighbours as no star does.

    The neighbours have other colours, so each colour's sky is taken off first.
    A star lends the pixel beside its peak exp(−4 ln 2 / FWHM²) of it: more than
    a quarter from 1.5 px on. A hot pixel lends it nothing.
    """
    sky = np.empty((2, 2), dtype=np.float32)
    noise = 0.0
    for dy, dx in np.ndindex(2, 2):
        sample = mosaic[dy::2, dx::2][::_SAMPLE_STEP, ::_SAMPLE_STEP].astype(np.float32)
        sky[dy, dx] = np.median(sample)
        noise = max(noise, 1.4826 * float(np.median(np.abs(sample - sky[dy, dx]))))
    peak = mosaic == cv2.dilate(mosaic, np.ones((3, 3), dtype=np.uint8))
    for dy, dx in np.ndindex(2, 2):
        peak[dy::2, dx::2] &= mosaic[dy::2, dx::2] > sky[dy, dx] + _HOT_SIGMAS * noise
    y, x = (1 + part for part in np.nonzero(peak[1:-1, 1:-1]))

    def level(dy: int, dx: int) -> NDArray[np.float32]:
        return mosaic[y + dy, x + dx] - sky[(y + dy) % 2, (x + dx) % 2]

    beside = [(dy - 1, dx - 1) for dy, dx in np.ndindex(3, 3) if (dy, dx) != (1, 1)]
    around = np.stack([level(dy, dx) for dy, dx in beside])
    base = np.median(around, axis=0)
    reach = np.maximum(around.max(axis=0) - base, _HOT_SIGMAS * noise / _HOT_RATIO)
    hot: NDArray[np.int64] = (y * mosaic.shape[1] + x)[level(0, 0) - base > _HOT_RATIO * reach]
    return hot


def _stretched(plane: NDArray[Any], low: float, high: float) -> NDArray[np.uint16]:
    """Map low–high to 0–65535, rounded; a few rows at a time, so that double precision is cheap."""
    steps = np.empty(plane.shape, dtype=np.uint16)
    for top in range(0, plane.shape[0], _ROWS_AT_A_TIME):
        rows = plane[top : top + _ROWS_AT_A_TIME].astype(np.float64)
        rows -= low
        rows *= _STEPS / (high - low)
        steps[top : top + _ROWS_AT_A_TIME] = np.rint(rows, out=rows)
    return steps


def _mapped_back(steps: NDArray[Any], low: float, high: float) -> NDArray[np.float32]:
    """Map 0–65535 back to low–high."""
    pixels = np.empty(steps.shape, dtype=np.float32)
    for top in range(0, steps.shape[0], _ROWS_AT_A_TIME):
        rows = steps[top : top + _ROWS_AT_A_TIME].astype(np.float64)
        rows *= (high - low) / _STEPS
        rows += low
        pixels[top : top + _ROWS_AT_A_TIME] = rows
    return pixels


def _spread(bad: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Mark every pixel that bilinear debayering computes from a marked one."""
    square = np.ones((3, 3), dtype=np.uint8)
    spread: NDArray[np.bool_] = cv2.dilate(bad.astype(np.uint8), square).astype(np.bool_)
    # OpenCV fills the outermost rows and columns with their inner neighbours.
    spread[0] |= spread[1]
    spread[-1] |= spread[-2]
    spread[:, 0] |= spread[:, 1]
    spread[:, -1] |= spread[:, -2]
    return spread
