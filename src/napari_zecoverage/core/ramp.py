"""Distance to the rim, made into alpha: the costly part of a mask, exact and quick.

Only pixels near the rim need their distance, and a distance in pixels is the
root of a whole number, so the costly power is taken once a whole number, not
once a pixel (ZEMOSAIC.md §11).
"""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Alpha = NDArray[np.float32]
Squares = NDArray[np.uint16] | NDArray[np.float32]

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

BAND_PX: Final = 2**15
"""So many pixels are looked up at a time."""

CELL_PX: Final = 32
"""Side of the squares in which the far inside of the kept area is looked for, at least."""

MOST_CELLS: Final = 100
"""In a row or column: the search takes longer than larger squares cost."""


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
    for window, core in windows:
        distance = _exact_distance(inside[box][window])[core]
        _look_up(distance, table, alpha[box][window][core])
    return alpha


def squared_distances(inside: Mask, margin_px: float) -> Squares | None:
    """Return what `ramp` looks alpha up by: its result is `alpha_of_squares` at these places.

    Parameters
    ----------
    inside : ndarray of bool, shape (H, W), C order
        Not all of it True.
    margin_px : float
        Pixels, above 0.

    Returns
    -------
    ndarray of uint16 or float32, shape (H, W), or None
        Whole numbers: 0 where not inside; the squared distance to the outside, at
        most the last that `alpha_of_squares` has. uint16 where that is enough.
        None when the margin is too wide.
    """
    box = _box_with_rim(inside)
    windows = [] if box is None else _rim_windows(inside[box], margin_px)
    if windows is None:
        return None
    last = _first_beyond(margin_px)
    squares: Squares = np.zeros(inside.shape, np.uint16 if last < 2**16 else np.float32)
    if box is None:
        return squares
    np.multiply(inside[box], squares.dtype.type(last), out=squares[box])
    for window, core in windows:
        distance = _exact_distance(inside[box][window])[core]
        target = squares[box][window][core]
        rows = max(1, BAND_PX // max(1, distance.shape[1]))
        for top in range(0, distance.shape[0], rows):
            band = distance[top : top + rows]
            rounded = np.minimum(np.multiply(band, band), np.float32(last))
            target[top : top + rows] = np.rint(rounded, out=rounded)
    return squares


def alpha_of_squares(margin_px: float, exponent: float) -> NDArray[np.float32]:
    """Return alpha of every squared distance from 0 to the first whole pixel beyond the margin."""
    return _table(margin_px, exponent)


def _first_beyond(margin_px: float) -> int:
    return math.ceil(margin_px + 1) ** 2


def _look_up(
    distance: NDArray[np.float32], table: NDArray[np.float32], alpha: NDArray[np.float32]
) -> None:
    """Write the alpha of each distance, some rows at a time: what is at work stays in the cache."""
    last = np.float32(table.size - 1)
    rows = max(1, BAND_PX // max(1, distance.shape[1]))
    for top in range(0, distance.shape[0], rows):
        band = distance[top : top + rows]
        squares = np.multiply(band, band)
        np.minimum(squares, last, out=squares)
        squares += np.float32(0.5)  # the conversion cuts off
        alpha[top : top + rows] = table.take(squares.astype(np.intp), mode="clip")


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
    table = _profile(np.arange(_first_beyond(margin_px) + 1), margin_px, exponent)
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
    # Rarely wanted, and dear to import.
    from scipy import ndimage

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
    cell = CELL_PX * math.ceil(max(height, width) / (CELL_PX * MOST_CELLS))
    rows, columns = height // cell, width // cell
    if min(rows, columns) < 2:
        return 0, 0, 0, 0
    cells = np.empty((rows, columns), dtype=np.bool_)
    starts = np.arange(columns) * cell
    for row in range(rows):
        full = inside[row * cell : (row + 1) * cell, : columns * cell].all(axis=0)
        cells[row] = np.logical_and.reduceat(full, starts)
    # The remainder beyond the last whole cell belongs to it.
    if height % cell:
        full = inside[rows * cell :, : columns * cell].all(axis=0)
        cells[-1] &= np.logical_and.reduceat(full, starts)
    if width % cell:
        full = inside[: rows * cell, columns * cell :].all(axis=1)
        cells[:, -1] &= np.logical_and.reduceat(full, np.arange(rows) * cell)
        cells[-1, -1] &= bool(inside[rows * cell :, columns * cell :].all())
    side = 2 * math.ceil(reach / cell) + 1
    far = cv2.erode(
        cells.view(np.uint8), np.ones((side, side), np.uint8), borderType=cv2.BORDER_CONSTANT
    )
    top, left, bottom, right = _largest_rectangle(far.astype(np.uint8))
    if bottom <= top:
        return 0, 0, 0, 0
    return (
        top * cell,
        left * cell,
        height if bottom == rows else bottom * cell,
        width if right == columns else right * cell,
    )


def _largest_rectangle(cells: NDArray[np.uint8]) -> tuple[int, int, int, int]:
    """Return top, left, bottom, right of the largest rectangle of ones; zeros without any."""
    best, found = 0, (0, 0, 0, 0)
    place = np.arange(cells.shape[1])
    before = place[:, np.newaxis] > place
    heights = np.zeros(cells.shape[1], dtype=np.int64)
    for row, line in enumerate(cells):
        heights = (heights + 1) * line
        # Each column's height reaches as far as no column is lower.
        lower = heights < heights[:, np.newaxis]
        start = np.where(lower & before, place + 1, 0).max(axis=1)
        stop = np.where(lower & ~before, place, place.size).min(axis=1)
        areas = heights * (stop - start)
        widest = int(np.argmax(areas))
        if areas[widest] > best:
            best = int(areas[widest])
            top = row + 1 - int(heights[widest])
            found = (top, int(start[widest]), row + 1, int(stop[widest]))
    return found
