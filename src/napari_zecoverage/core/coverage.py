"""Footprints, the canvas, and how many frames cover each of its pixels.

A *footprint* is where a frame lands on the canvas. It is kept as one interval a
row and a few single pixels at its rim, not as a picture: counting a frame costs
the canvas's rows, not its pixels.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_zecoverage.core.parameters import CanvasMode

log = logging.getLogger(__name__)

BARE_SHARE: Final = 0.4
"""A pixel is covered where at most this share of its bilinear neighbourhood is bare
(`astroalign.apply_transform`; ZEMOSAIC.md §12)."""

REFERENCE_CANVAS_MIN_SHARE: Final = 0.95
"""Every frame must cover this share of the reference frame for "auto" to keep its canvas."""


@dataclass(frozen=True)
class Canvas:
    """The pixels on which a cluster is counted and stacked.

    Attributes
    ----------
    shape : tuple of int
        (H, W) of the canvas.
    offset : tuple of int
        (y, x) of the reference frame's first pixel on the canvas.
    frame_shape : tuple of int
        (H, W) of a frame.
    """

    shape: tuple[int, int]
    offset: tuple[int, int]
    frame_shape: tuple[int, int]

    @property
    def padded(self) -> bool:
        """Whether the canvas is larger than a frame."""
        return self.shape != self.frame_shape

    def from_frame(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """Turn a frame → reference matrix, (3, 3) on (x, y), into frame → canvas."""
        y, x = self.offset
        shift = np.array([[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]])
        moved: NDArray[np.float64] = shift @ matrix
        return moved


def reference_canvas(frame_shape: tuple[int, int]) -> Canvas:
    """Return the reference frame's own pixels as the canvas."""
    return Canvas(shape=frame_shape, offset=(0, 0), frame_shape=frame_shape)


def padded_canvas(frame_shape: tuple[int, int]) -> Canvas:
    """Return the square that a frame fits in at every angle (ZEMOSAIC.md §12)."""
    height, width = frame_shape
    side = math.ceil(math.hypot(height, width))
    return Canvas(
        shape=(side, side),
        offset=((side - height) // 2, (side - width) // 2),
        frame_shape=frame_shape,
    )


@dataclass(frozen=True)
class Footprint:
    """Where a frame covers the canvas.

    Attributes
    ----------
    shape : tuple of int
        (H, W) of the canvas.
    start, stop : (H,) int64 arrays
        Row y is covered from column ``start[y]`` up to, without, ``stop[y]``.
    rim : (n,) int64 array
        Flat indexes of the covered pixels outside those intervals.
    """

    shape: tuple[int, int]
    start: NDArray[np.int64]
    stop: NDArray[np.int64]
    rim: NDArray[np.int64]

    @property
    def area(self) -> int:
        """Number of covered pixels."""
        return int((self.stop - self.start).sum()) + self.rim.size

    def mask(self) -> NDArray[np.bool_]:
        """Return the footprint as an (H, W) bool array, True where the frame covers."""
        columns = np.arange(self.shape[1])
        covered: NDArray[np.bool_] = columns >= self.start[:, None]
        covered &= columns < self.stop[:, None]
        covered.ravel()[self.rim] = True
        return covered

    def spans(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return, for each row, the first column and the one after the last that is covered."""
        start, stop = self.start.copy(), self.stop.copy()
        rows, columns = np.divmod(self.rim, self.shape[1])
        empty = start >= stop
        start[empty] = self.shape[1]
        stop[empty] = 0
        np.minimum.at(start, rows, columns)
        np.maximum.at(stop, rows, columns + 1)
        start[start >= stop] = 0
        return start, stop


def find_footprint(
    matrix: NDArray[np.float64], frame_shape: tuple[int, int], canvas_shape: tuple[int, int]
) -> Footprint:
    """Find where a frame lands on the canvas.

    Equals ``~footprint`` of `astroalign.apply_transform` for the same matrix,
    pixel for pixel, in a small part of its time: the covered region is convex,
    so a row's covered pixels follow from where its edges cross the row. Only the
    pixels too near to an edge for that to be certain are worked out as
    astroalign does, in its precision.

    Parameters
    ----------
    matrix : (3, 3) float64 array
        Frame (x, y) → canvas (x, y); affine.
    frame_shape, canvas_shape : tuple of int
        (H, W) of each.

    Returns
    -------
    Footprint

    See Also
    --------
    PixelCover : Of one pixel and many frames.

    Notes
    -----
    With (u, v) the pixel's place in the frame, fx = clip(min(u + 1, W − u), 0, 1)
    and fy likewise, the pixel is covered where 1 − fx·fy ≤ 0.4 (ZEMOSAIC.md §12).
    Where no pixel of the canvas is wholly outside the frame, astroalign's warp
    clips the rest to "inside" as well, and all of the canvas counts as covered.
    """
    to_frame = np.linalg.inv(matrix).astype(np.float32)
    if _reaches_everywhere(to_frame, frame_shape, canvas_shape):
        start = np.zeros(canvas_shape[0], dtype=np.int64)
        whole = np.full(canvas_shape[0], canvas_shape[1], dtype=np.int64)
        return Footprint(canvas_shape, start, whole, np.empty(0, dtype=np.int64))
    slack = _rounding_slack(to_frame, canvas_shape)
    first, last = _row_bounds(to_frame, frame_shape, canvas_shape, -slack, cut_corners=False)
    start, stop = _row_bounds(to_frame, frame_shape, canvas_shape, slack, cut_corners=True)
    nothing_sure = start >= stop
    start[nothing_sure] = first[nothing_sure]
    stop[nothing_sure] = first[nothing_sure]
    near_edge = np.concatenate(
        [
            _pixels_between(first, start, canvas_shape[1]),
            _pixels_between(stop, last, canvas_shape[1]),
        ]
    )
    share = _bare_share(near_edge, to_frame, frame_shape, canvas_shape[1])
    rim = near_edge[share <= np.float32(BARE_SHARE)]
    return Footprint(shape=canvas_shape, start=start, stop=stop, rim=rim)


class PixelCover:
    """Tells which frames cover one pixel of the canvas, as their footprints do.

    Parameters
    ----------
    matrices : sequence of (3, 3) float64 array
        Frame (x, y) → canvas (x, y) of each frame; affine.
    frame_shape, canvas_shape : tuple of int
        (H, W) of each.
    """

    def __init__(
        self,
        matrices: Sequence[NDArray[np.float64]],
        frame_shape: tuple[int, int],
        canvas_shape: tuple[int, int],
    ) -> None:
        self._frame_shape = frame_shape
        self._canvas_width = canvas_shape[1]
        self._to_frame = np.linalg.inv(np.array(matrices).reshape(-1, 3, 3)).astype(np.float32)
        self._everywhere = np.array(
            [_reaches_everywhere(each, frame_shape, canvas_shape) for each in self._to_frame],
            dtype=bool,
        )

    def at(self, y: int, x: int) -> NDArray[np.bool_]:
        """Return for each frame whether it covers the canvas's pixel (y, x)."""
        pixel = np.array([y * self._canvas_width + x], dtype=np.int64)
        share = _bare_share(pixel, self._to_frame, self._frame_shape, self._canvas_width)
        covered: NDArray[np.bool_] = (share <= np.float32(BARE_SHARE)) | self._everywhere
        return covered


def _reaches_everywhere(
    to_frame: NDArray[np.float32], frame_shape: tuple[int, int], canvas_shape: tuple[int, int]
) -> bool:
    """Tell whether every canvas pixel has some part of the frame; its corners tell of all."""
    height, width = canvas_shape
    corners = np.array([0, width - 1, (height - 1) * width, height * width - 1], dtype=np.int64)
    return bool((_bare_share(corners, to_frame, frame_shape, width) < 1).all())


def _rounding_slack(to_frame: NDArray[np.float32], canvas_shape: tuple[int, int]) -> float:
    """Bound, in frame pixels, how far single precision may move a pixel's place in the frame."""
    height, width = canvas_shape
    reach = np.abs(to_frame[:2].astype(np.float64)) @ np.array([width, height, 1.0])
    return float(8 * np.finfo(np.float32).eps * (reach.max() + 1.0)) + 1e-6


def _row_bounds(
    to_frame: NDArray[np.float32],
    frame_shape: tuple[int, int],
    canvas_shape: tuple[int, int],
    inset: float,
    *,
    cut_corners: bool,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return each row's first column, and the one after its last, inside the frame's outline.

    The outline is the rectangle fx ≥ 0.6, fy ≥ 0.6, moved inwards by `inset`
    frame pixels; with `cut_corners` without the corners, where fx·fy may be
    below 0.6 although neither is.
    """
    height, width = frame_shape
    u, v = to_frame[0].astype(np.float64), to_frame[1].astype(np.float64)
    low, high = -BARE_SHARE + inset, BARE_SHARE - 1.0 - inset
    # Each edge: a·x + b·y + c ≥ limit.
    edges = [(u, low), (-u, -(width + high)), (v, low), (-v, -(height + high))]
    if cut_corners:
        corner = -BARE_SHARE + 2 * inset
        edges += [
            (u + v, corner),
            (v - u, corner - (width - 1)),
            (u - v, corner - (height - 1)),
            (-u - v, corner - (width - 1) - (height - 1)),
        ]
    rows = np.arange(canvas_shape[0], dtype=np.float64)
    left = np.zeros(canvas_shape[0])
    right = np.full(canvas_shape[0], canvas_shape[1] - 1.0)
    for (a, b, c), limit in edges:
        missing = limit - (b * rows + c)
        if abs(a) < 1e-12:
            right[missing > 0] = -1.0
        elif a > 0:
            left = np.maximum(left, missing / a)
        else:
            right = np.minimum(right, missing / a)
    start = np.ceil(np.clip(left, 0, canvas_shape[1])).astype(np.int64)
    stop = np.floor(np.clip(right, -1, canvas_shape[1] - 1)).astype(np.int64) + 1
    return start, np.maximum(start, stop)


def _pixels_between(
    start: NDArray[np.int64], stop: NDArray[np.int64], width: int
) -> NDArray[np.int64]:
    """Return the flat indexes of the pixels in [start, stop) of each row."""
    counts = np.maximum(stop - start, 0)
    first = np.arange(start.size, dtype=np.int64) * width + start
    within = np.arange(int(counts.sum()), dtype=np.int64) - np.repeat(
        np.cumsum(counts) - counts, counts
    )
    pixels: NDArray[np.int64] = np.repeat(first, counts) + within
    return pixels


def _bare_share(
    pixels: NDArray[np.int64],
    to_frame: NDArray[np.float32],
    frame_shape: tuple[int, int],
    canvas_width: int,
) -> NDArray[np.float32]:
    """Interpolate a frame of zeros in a world of ones at each pixel, as astroalign does.

    The order of the operations and their single precision are those of its
    warp: at exact ties the last bit decides.
    """
    height, width = frame_shape
    one = np.float32(1)
    y, x = (part.astype(np.float32) for part in np.divmod(pixels, canvas_width))
    # Of one frame, or of one for each pixel.
    u = to_frame[..., 0, 0] * x + to_frame[..., 0, 1] * y + to_frame[..., 0, 2]
    v = to_frame[..., 1, 0] * x + to_frame[..., 1, 1] * y + to_frame[..., 1, 2]
    left, right, top, bottom = np.floor(u), np.ceil(u), np.floor(v), np.ceil(v)
    du, dv = u - left, v - top

    def bare(row: NDArray[np.float32], column: NDArray[np.float32]) -> NDArray[np.float32]:
        outside = (row < 0) | (row >= height) | (column < 0) | (column >= width)
        return outside.astype(np.float32)

    upper = (one - du) * bare(top, left) + du * bare(top, right)
    lower = (one - du) * bare(bottom, left) + du * bare(bottom, right)
    share: NDArray[np.float32] = (one - dv) * upper + dv * lower
    return share


class ReducedFootprint(NamedTuple):
    """What `reduce_footprint` made of a mask.

    Attributes
    ----------
    covered : (H, W) bool array or None
        True where the frame covers; None when the mask is ignored.
    reason : str
        Why it is ignored, in words; empty when it is not.
    """

    covered: NDArray[np.bool_] | None
    reason: str


def reduce_footprint(footprint: ArrayLike | None, shape: tuple[int, int]) -> ReducedFootprint:
    """Turn a mask as astroalign gives it into "True where the frame covers".

    astroalign's mask is True where there is *no* pixel of the frame. Versions
    differ in how they hand it over: (H, W), or a plane a channel, channels first
    or last; bool, or a number (0.4 is where astroalign draws the line).

    Parameters
    ----------
    footprint : array-like or None
        The mask.
    shape : tuple of int
        (H, W) that it must have.

    Returns
    -------
    ReducedFootprint
        A pixel is covered where no channel is bare. A mask that is None, not
        numeric, of other axes or another shape is ignored, with the reason.
    """
    if footprint is None:
        return _ignored("no footprint was given")
    try:
        bare = np.asarray(footprint)
    except ValueError:
        return _ignored("the footprint's rows are not of one length")
    if bare.dtype.kind not in "biuf":
        return _ignored(f"a footprint holds numbers or truth values, not {bare.dtype}")
    if bare.ndim == 3 and bare.shape[:2] == shape:
        planes = np.moveaxis(bare, -1, 0)
    elif bare.ndim == 3 and bare.shape[1:] == shape:
        planes = bare
    elif bare.shape == shape:
        planes = bare[None]
    else:
        return _ignored(f"the footprint's shape {bare.shape} does not fit the canvas {shape}")
    if planes.shape[0] == 0:
        return _ignored("the footprint has no channel")
    if planes.dtype.kind == "f" and not np.isfinite(planes).all():
        return _ignored("the footprint has values that are not finite")
    covered: NDArray[np.bool_] = np.logical_not((planes > BARE_SHARE).any(axis=0))
    log.debug(
        "FOOTPRINT_STATS: shape=%s channels=%d covered_frac=%.3f",
        shape,
        planes.shape[0],
        covered.mean() if covered.size else 0.0,
    )
    return ReducedFootprint(covered, "")


def _ignored(reason: str) -> ReducedFootprint:
    log.debug("FOOTPRINT_IGNORED: reason=%s", reason)
    return ReducedFootprint(None, reason)


class Covering(NamedTuple):
    """One frame's share in the coverage.

    Attributes
    ----------
    footprint : Footprint
        Where the frame lands.
    holes : (n,) int64 array
        Flat indexes inside the footprint where the frame has no finite value.
    times : int
        How often the frame is counted (ZeMosaic repeats the frames of small clusters).
    """

    footprint: Footprint
    holes: NDArray[np.int64]
    times: int


def count_coverage(
    coverings: Iterable[Covering], canvas_shape: tuple[int, int]
) -> NDArray[np.float32]:
    """Count the frames that cover each pixel.

    Parameters
    ----------
    coverings : iterable of Covering
        One a frame; taken one at a time.
    canvas_shape : tuple of int
        (H, W).

    Returns
    -------
    (H, W) float32 array
        Whole numbers, frames a pixel.
    """
    height, width = canvas_shape
    # A footprint changes the running count of a row where it starts and where it
    # stops, so a frame costs two numbers a row; one cumulative sum ends it all.
    steps = np.zeros((height, width + 1), dtype=np.int32)
    single = np.zeros(height * width, dtype=np.int32)
    rows = np.arange(height)
    for footprint, holes, times in coverings:
        steps[rows, footprint.start] += times
        steps[rows, footprint.stop] -= times
        single[footprint.rim] += times
        single[holes] -= times
    counts = np.cumsum(steps, axis=1, out=steps)[:, :width]
    counts += single.reshape(height, width)
    return counts.astype(np.float32)


def choose_canvas(
    matrices: Iterable[NDArray[np.float64]], frame_shape: tuple[int, int], mode: CanvasMode
) -> Canvas:
    """Choose the canvas of a cluster (ZEMOSAIC.md §12).

    Parameters
    ----------
    matrices : iterable of (3, 3) float64 arrays
        Frame → reference of every frame that is used.
    frame_shape : tuple of int
        (H, W) of a frame.
    mode : {"auto", "reference", "padded"}
        "auto" keeps the reference frame's own pixels when every frame covers at
        least 95 % of them.

    Returns
    -------
    Canvas
    """
    own = reference_canvas(frame_shape)
    if mode == "reference":
        return own
    if mode == "padded":
        return padded_canvas(frame_shape)
    enough = REFERENCE_CANVAS_MIN_SHARE * frame_shape[0] * frame_shape[1]
    for matrix in matrices:
        if find_footprint(matrix, frame_shape, frame_shape).area < enough:
            return padded_canvas(frame_shape)
    return own


def why_ignored(counts: NDArray[np.float32], frames_used: int) -> str:
    """Tell why ZeMosaic would ignore a coverage map, and log of it what ZeMosaic logs.

    ZEMOSAIC.md §5.3 and §7.

    Parameters
    ----------
    counts : (H, W) float32 array
        Frames a pixel, as `count_coverage` gives them.
    frames_used : int
        Frames that were counted, repeats included.

    Returns
    -------
    str
        Empty when it is used.
    """
    maximum = float(counts.max(initial=0.0))
    if not maximum > 0:
        reason = "no frame covers any pixel"
        log.debug("MT_COVERAGE_IGNORED: tile=0 reason=%s", reason)
        return reason
    log.debug(
        "MT_COVERAGE_STATS: tile=0 shape=%s min=%.1f max=%.1f nonzero_frac=%.3f n_used=%d",
        counts.shape,
        float(counts.min()),
        maximum,
        np.count_nonzero(counts > 0) / counts.size,
        frames_used,
    )
    return ""
