"""The tile: the frames on the canvas, combined row by row in bounded memory.

Each frame is warped once and its covered rows are written, one after another,
to a scratch file. The tile is then combined a band of rows at a time, so memory
depends on the canvas's width and never on the number of frames.
"""

from __future__ import annotations

import errno
import math
import shutil
import tempfile
import threading
from collections.abc import Callable, Container, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_zecoverage.core.combining import combine_values
from napari_zecoverage.core.coverage import Canvas, Footprint
from napari_zecoverage.core.errors import FrameError, OutputError, reason_of
from napari_zecoverage.core.parameters import BackgroundMode, StackMethod

Pixels = NDArray[np.float32]

BAND_BYTES: Final = 12 * 2**20
"""Working size of one band; a few copies of it live at a time, one set a worker."""

SAMPLES: Final = 2**17
"""Backgrounds are compared on about so many pixels, evenly spread."""

MIN_SAMPLES: Final = 100
"""An overlap with fewer samples says nothing about the background."""

BLOCK_PX: Final = 8
"""The linear background match compares medians of blocks of so many samples a side."""

SLOPE_RANGE: Final = (0.5, 2.0)
"""A sky that seems to need more is not the same sky, or not the sky."""

MIN_BLOCK_CORRELATION: Final = 0.5
"""Below it the sky has too little structure for a slope, and only the level is matched."""

_PIXEL_BYTES: Final = 3 * 4


class FrameBackground(NamedTuple):
    """What the match of its sky to the reference's did to a frame: slope · raw + offset.

    Attributes
    ----------
    slope : tuple of 3 floats
        R, G, B; 1 unless the match is linear.
    offset : tuple of 3 floats
        R, G, B, ADU.
    """

    slope: tuple[float, float, float]
    offset: tuple[float, float, float]


UNCHANGED: Final = FrameBackground((1.0, 1.0, 1.0), (0.0, 0.0, 0.0))
"""Of a frame that was stacked as it is."""


@dataclass(frozen=True)
class StackInput:
    """One frame of the stack.

    Attributes
    ----------
    load : callable
        Returns its pixels, (H, W, 3) float32.
    matrix : (3, 3) float64 array
        Frame (x, y) → canvas (x, y).
    footprint : Footprint
        Where it covers the canvas.
    holes : (n,) int64 array
        Flat indexes inside the footprint where it has no finite value.
    times : int
        How often it is stacked.
    """

    load: Callable[[], Pixels]
    matrix: NDArray[np.float64]
    footprint: Footprint
    holes: NDArray[np.int64]
    times: int


@dataclass(frozen=True)
class _Placed:
    """A frame's box on the canvas, its covered columns, and its rows' place in the scratch file.

    Attributes
    ----------
    box : tuple of slice
        The rows and columns of the canvas that hold the whole footprint.
    start, stop : (H,) int64 arrays
        Canvas columns, for each row of the canvas.
    row_bytes : (H + 1,) int64 array
        File offset of each row's first pixel, and the end.
    """

    box: tuple[slice, slice]
    start: NDArray[np.int64]
    stop: NDArray[np.int64]
    row_bytes: NDArray[np.int64]


class _Scratch:
    """A file of pixels that several threads write and read at places of their own."""

    def __init__(self, file: IO[bytes], place: Path) -> None:
        self._file = file
        self._place = place
        self._lock = threading.Lock()

    def write(self, offset: int, pixels: Pixels) -> None:
        with self._lock, _scratch_trouble(self._place):
            self._file.seek(offset)
            self._file.write(pixels.data)

    def read(self, offset: int, size: int) -> Pixels:
        with self._lock, _scratch_trouble(self._place):
            self._file.seek(offset)
            return np.frombuffer(self._file.read(size), dtype=np.float32)


def stack_tile(
    inputs: Sequence[StackInput],
    reference: Pixels,
    canvas: Canvas,
    *,
    method: StackMethod,
    background: BackgroundMode,
    kappa: float,
    workers: int,
    scratch_dir: Path | None = None,
    on_step: Callable[[int, int], None],
) -> tuple[Pixels, list[FrameBackground | None], list[FrameError]]:
    """Stack a cluster's frames on its canvas.

    Parameters
    ----------
    inputs : sequence of StackInput
    reference : (H, W, 3) float32 array
        The reference frame, to which backgrounds are matched. NaN where it has
        no value.
    canvas : Canvas
    method : {"mean", "median", "kappa_sigma", "winsorized"}
    background : {"off", "median", "linear"}
    kappa : float
        Rejection limit of the two clipping methods, in standard deviations.
    workers : int
        Threads.
    scratch_dir : Path, optional
        Folder of the scratch file; the system's temporary folder by default,
        which on some systems is memory.
    on_step : callable
        Called with (done, total) after each piece of work; may raise to stop.

    Returns
    -------
    tile : (H, W, 3) float32 array
        NaN where no frame covers.
    backgrounds : list of FrameBackground or None
        One an input; None for one that is left out.
    failed : list of FrameError
        A frame that cannot be read any more is left out of the tile.

    Raises
    ------
    OutputError
        The scratch file cannot be written.
    """
    placements = _plan(inputs)
    size = int(placements[-1].row_bytes[-1]) if placements else 0
    total = len(inputs) + len(_bands(inputs, canvas))
    failed: dict[int, FrameError] = {}
    matched: dict[int, FrameBackground] = {}
    with _scratch_file(scratch_dir, size) as scratch, ThreadPoolExecutor(workers) as pool:

        def place(index: int) -> None:
            each, placed = inputs[index], placements[index]
            try:
                warped = _warp(each, placed)
            except FrameError as error:
                failed[index] = error
                return
            matched[index] = _match_background(warped, placed.box, reference, canvas, background)
            scratch.write(int(placed.row_bytes[0]), warped[_inside(placed, placed.box)])

        done = 0
        for _ in _in_order(pool, place, range(len(inputs)), workers):
            done += 1
            on_step(done, total)

        tile = np.empty((*canvas.shape, 3), dtype=np.float32)

        def combine(rows: range) -> None:
            block = _read_band(scratch, inputs, placements, rows, canvas.shape[1], failed)
            tile[rows.start : rows.stop] = combine_values(block, method, kappa).reshape(
                len(rows), canvas.shape[1], 3
            )

        for _ in _in_order(pool, combine, _bands(inputs, canvas), workers):
            done += 1
            on_step(done, total)
    backgrounds = [matched.get(index) for index in range(len(inputs))]
    return tile, backgrounds, [failed[index] for index in sorted(failed)]


def _in_order(
    pool: ThreadPoolExecutor,
    work: Callable[..., None],
    items: Sequence[object],
    workers: int,
) -> Iterator[None]:
    """Run `work` on each item with few of them under way, so that little waits in memory."""
    waiting = list(items)[::-1]
    running = [pool.submit(work, waiting.pop()) for _ in range(min(workers, len(waiting)))]
    try:
        while running:
            running.pop(0).result()
            if waiting:
                running.append(pool.submit(work, waiting.pop()))
            yield
    finally:
        for future in running:
            future.cancel()


@contextmanager
def _scratch_file(folder: Path | None, size: int) -> Iterator[_Scratch]:
    """Open a file that the system removes by itself, whatever happens to us."""
    place = Path(tempfile.gettempdir()) if folder is None else folder
    with _scratch_trouble(place):
        free = shutil.disk_usage(place).free
        if free < size:
            raise OSError(errno.ENOSPC, f"{size >> 20} MB are needed, {free >> 20} MB are free")
        file = tempfile.TemporaryFile(prefix="zecoverage-", dir=place)  # noqa: SIM115 - just below
    with file:
        yield _Scratch(file, place)


@contextmanager
def _scratch_trouble(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(
            place,
            f"the stack's scratch file cannot be used ({reason_of(error)}); "
            "free some room there, or study the coverage alone (stack: none)",
        ) from error


def _plan(inputs: Sequence[StackInput]) -> list[_Placed]:
    """Lay the frames' rows one after another in the scratch file."""
    placements = []
    offset = 0
    for each in inputs:
        start, stop = each.footprint.spans()
        rows = np.flatnonzero(stop > start)
        box = (slice(0, 0), slice(0, 0))
        if rows.size:
            columns = slice(int(start[rows].min()), int(stop.max()))
            box = (slice(int(rows[0]), int(rows[-1]) + 1), columns)
        ends = offset + np.cumsum(stop - start) * _PIXEL_BYTES
        placements.append(_Placed(box, start, stop, np.concatenate([[offset], ends])))
        offset = int(ends[-1])
    return placements


def _inside(placed: _Placed, box: tuple[slice, slice]) -> NDArray[np.bool_]:
    """Return which pixels of a box of the canvas stand in the scratch file."""
    rows, columns = box
    x = np.arange(columns.start, columns.stop)
    inside: NDArray[np.bool_] = x >= placed.start[rows, None]
    inside &= x < placed.stop[rows, None]
    return inside


def _warp(each: StackInput, placed: _Placed) -> Pixels:
    """Warp a frame into its box; NaN where it does not cover."""
    rows, columns = placed.box
    height, width = rows.stop - rows.start, columns.stop - columns.start
    if height == 0:
        return np.empty((0, 0, 3), dtype=np.float32)
    matrix = each.matrix[:2].copy()
    matrix[:, 2] -= (columns.start, rows.start)
    warped = cv2.warpAffine(
        each.load(),
        matrix,
        (width, height),
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REFLECT,
    )
    covered = each.footprint.mask()
    covered.ravel()[each.holes] = False
    warped[~covered[placed.box]] = np.nan
    return np.asarray(warped, dtype=np.float32)


def _match_background(
    warped: Pixels,
    box: tuple[slice, slice],
    reference: Pixels,
    canvas: Canvas,
    background: BackgroundMode,
) -> FrameBackground:
    """Bring a warped frame's sky to the reference's, a channel at a time, in place.

    Both skies are compared where they overlap; a frame that does not meet the
    reference is left as it is. Returns what was done.
    """
    if background == "off":
        return UNCHANGED
    (rows, columns), (y, x) = box, canvas.offset
    top, bottom = max(rows.start, y), min(rows.stop, y + canvas.frame_shape[0])
    left, right = max(columns.start, x), min(columns.stop, x + canvas.frame_shape[1])
    if bottom <= top or right <= left:
        return UNCHANGED
    step = max(1, math.isqrt((bottom - top) * (right - left) // SAMPLES))
    ours = warped[
        top - rows.start : bottom - rows.start : step,
        left - columns.start : right - columns.start : step,
    ]
    theirs = reference[top - y : bottom - y : step, left - x : right - x : step]
    both = np.isfinite(ours[..., 0]) & np.isfinite(theirs[..., 0])
    if np.count_nonzero(both) < MIN_SAMPLES:
        return UNCHANGED
    slopes, levels = [1.0] * 3, [0.0] * 3
    for channel in range(3):
        slope = 1.0
        if background == "linear":
            slope = _background_slope(ours[..., channel], theirs[..., channel])
        level = np.median(theirs[..., channel][both]) - slope * np.median(ours[..., channel][both])
        warped[..., channel] *= np.float32(slope)
        warped[..., channel] += np.float32(level)
        slopes[channel], levels[channel] = slope, float(level)
    return FrameBackground((slopes[0], slopes[1], slopes[2]), (levels[0], levels[1], levels[2]))


def _background_slope(ours: Pixels, theirs: Pixels) -> float:
    """Fit theirs = slope·ours + level through the medians of blocks, robustly (Theil–Sen).

    Medians of blocks, because noise in single pixels would flatten the slope.
    A sky without structure tells no slope: 1 then.
    """
    rows, columns = ours.shape[0] // BLOCK_PX, ours.shape[1] // BLOCK_PX
    if rows * columns < 3:
        return 1.0

    def medians(picture: Pixels) -> Pixels:
        cut = picture[: rows * BLOCK_PX, : columns * BLOCK_PX]
        blocks = cut.reshape(rows, BLOCK_PX, columns, BLOCK_PX).swapaxes(1, 2)
        return np.asarray(np.median(blocks.reshape(rows * columns, -1), axis=1), dtype=np.float32)

    x, y = medians(ours), medians(theirs)
    known = np.isfinite(x) & np.isfinite(y)
    step = max(1, np.count_nonzero(known) // 500)
    x, y = x[known][::step], y[known][::step]
    if len(x) < 3 or not (x.std() > 0 and y.std() > 0):
        return 1.0
    if float(np.corrcoef(x, y)[0, 1]) < MIN_BLOCK_CORRELATION:
        return 1.0
    # Half a second to import, and only needed here.
    from scipy.stats import theilslopes

    slope = float(theilslopes(y, x).slope)
    return slope if SLOPE_RANGE[0] <= slope <= SLOPE_RANGE[1] else 1.0


def _depth(inputs: Sequence[StackInput]) -> int:
    return sum(each.times for each in inputs)


def _band_rows(inputs: Sequence[StackInput], canvas: Canvas) -> int:
    return max(1, BAND_BYTES // (_depth(inputs) * canvas.shape[1] * _PIXEL_BYTES))


def _bands(inputs: Sequence[StackInput], canvas: Canvas) -> list[range]:
    rows = _band_rows(inputs, canvas)
    height = canvas.shape[0]
    return [range(y, min(y + rows, height)) for y in range(0, height, rows)]


def _read_band(
    scratch: _Scratch,
    inputs: Sequence[StackInput],
    placements: Sequence[_Placed],
    rows: range,
    width: int,
    without: Container[int],
) -> Pixels:
    """Read a band of rows of every frame: (frames, rows·width·3), NaN where one does not cover."""
    block = np.full((_depth(inputs), len(rows), width, 3), np.nan, dtype=np.float32)
    band = (slice(rows.start, rows.stop), slice(0, width))
    layer = 0
    for index, (each, placed) in enumerate(zip(inputs, placements, strict=True)):
        first, last = int(placed.row_bytes[rows.start]), int(placed.row_bytes[rows.stop])
        if last > first and index not in without:
            pixels = scratch.read(first, last - first)
            block[layer][_inside(placed, band)] = pixels.reshape(-1, 3)
            block[layer + 1 : layer + each.times] = block[layer]
        layer += each.times
    return block.reshape(len(block), -1)
