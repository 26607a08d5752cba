"""Which rectangle of a master tile ZeMosaic keeps: strict crop and edge trim."""

from __future__ import annotations

from typing import Any, Final, NamedTuple, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_zecoverage.core.parameters import MaskParameters

EDGE_VALID_FRACTION: Final = 0.90
"""The edge trim moves a side inwards while less of its row or column is valid."""

EDGE_MIN_VALID_FRACTION: Final = 0.05
"""The edge trim is skipped when less of the whole tile is valid."""

EDGE_MIN_SIZE_PX: Final = 64
"""The edge trim is given up when it would leave less on a side."""

EDGE_FLAT_STD: Final = 1e-4
"""An outermost row or column that varies less is padding, not sky."""


class Rect(NamedTuple):
    """A rectangle of pixels, half open: rows ``y0 .. y1 - 1``, columns ``x0 .. x1 - 1``."""

    y0: int
    x0: int
    y1: int
    x1: int

    @classmethod
    def whole(cls, shape: tuple[int, ...]) -> Self:
        """Return all of a picture of this shape, (H, W, …)."""
        return cls(0, 0, shape[0], shape[1])

    @property
    def height(self) -> int:
        """Number of rows."""
        return self.y1 - self.y0

    @property
    def width(self) -> int:
        """Number of columns."""
        return self.x1 - self.x0

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns, to index an array with."""
        return slice(self.y0, self.y1), slice(self.x0, self.x1)

    def part(self, inner: Rect) -> Rect:
        """Return where a rectangle lies that is told relative to this one."""
        return Rect(self.y0 + inner.y0, self.x0 + inner.x0, self.y0 + inner.y1, self.x0 + inner.x1)


def places_inside(rect: Rect, places: NDArray[np.int64], width: int) -> NDArray[np.bool_]:
    """Tell which flat places of a picture of this width lie in a rectangle."""
    y, x = np.divmod(places, width)
    inside: NDArray[np.bool_] = (y >= rect.y0) & (y < rect.y1) & (x >= rect.x0) & (x < rect.x1)
    return inside


def parts_outside(rect: Rect, box: Rect) -> list[tuple[slice, slice]]:
    """Return the parts of a box that lie outside a rectangle."""
    y0, y1 = (min(max(each, box.y0), box.y1) for each in (rect.y0, rect.y1))
    x0, x1 = (min(max(each, box.x0), box.x1) for each in (rect.x0, rect.x1))
    parts = (
        Rect(box.y0, box.x0, y0, box.x1),
        Rect(y1, box.x0, box.y1, box.x1),
        Rect(y0, box.x0, y1, x0),
        Rect(y0, x1, y1, box.x1),
    )
    return [each.slices for each in parts if each.height > 0 and each.width > 0]


# --- strict crop ---------------------------------------------------------------------------


def strict_crop(
    alpha: NDArray[np.float32] | None,
    coverage: NDArray[np.float32] | None,
    parameters: MaskParameters,
) -> tuple[Rect | None, str]:
    """Return the rectangle that ZeMosaic's strict overlap crop keeps (ZEMOSAIC.md §5.8).

    It is the bounding box of the core, grown by
    ``strict_overlap_crop_bbox_pad_px`` and cut off at the canvas. The core is
    where alpha reaches ``strict_overlap_crop_alpha_threshold``; without alpha,
    where coverage divided by its maximum does.

    Parameters
    ----------
    alpha : ndarray of float32, shape (H, W), or None
        The mask, 0 to 1; None when there is none.
    coverage : ndarray of float32, shape (H, W), or None
        Frames per pixel; looked at only without `alpha`.
    parameters : MaskParameters
        The ``strict_overlap_crop_*`` fields are used. The least share is of the
        canvas's pixels that belong to the core; the least side is that of the
        grown rectangle.

    Returns
    -------
    rect : Rect or None
        The rectangle on the canvas; None when the tile keeps its size.
    skipped : str
        Why the crop was skipped, for people. Empty when it was applied, is
        switched off, or has nothing to take away.
    """
    share = alpha if alpha is not None else _coverage_share(coverage)
    if share is None or share.size == 0 or not parameters.strict_overlap_crop_enabled:
        return None, ""
    core = (share >= parameters.strict_overlap_crop_alpha_threshold).view(np.uint8)
    measured = "alpha" if alpha is not None else "a share of the maximum coverage of"
    return crop_round_core(core, parameters, measured)


def crop_round_core(
    core: NDArray[np.uint8], parameters: MaskParameters, measured: str = "alpha"
) -> tuple[Rect | None, str]:
    """Return what `strict_crop`, switched on, does when its core is known.

    Parameters
    ----------
    core : ndarray of uint8, shape (H, W)
        1 where alpha reaches the threshold, else 0.
    parameters : MaskParameters
    measured : str
        What was compared with the threshold, for the reason.

    Returns
    -------
    tuple of (Rect or None) and str
        As `strict_crop`.
    """
    height, width = core.shape
    x, y, w, h = cv2.boundingRect(core)
    box, canvas = Rect(y, x, y + h, x + w), Rect(0, 0, height, width)
    return crop_round_box(box, cv2.countNonZero(core) / core.size, canvas, parameters, measured)


def crop_round_box(
    box: Rect, core_share: float, canvas: Rect, parameters: MaskParameters, measured: str = "alpha"
) -> tuple[Rect | None, str]:
    """Return what `crop_round_core` does when no more than the core's size is known.

    Parameters
    ----------
    box : Rect
        Round all of the core.
    core_share : float
        Of the canvas's pixels that belong to the core.
    canvas : Rect
        All of it.
    parameters, measured
        As for `crop_round_core`.

    Returns
    -------
    tuple of (Rect or None) and str
        As `strict_crop`.
    """
    if core_share == 0 or core_share < parameters.strict_overlap_crop_min_nonzero_frac:
        return None, (
            f"strict crop skipped: {core_share:.1%} of the tile reaches {measured} "
            f"{parameters.strict_overlap_crop_alpha_threshold:g}, ZeMosaic wants at least "
            f"{parameters.strict_overlap_crop_min_nonzero_frac:.1%}; the tile keeps its size"
        )
    pad = parameters.strict_overlap_crop_bbox_pad_px
    rect = Rect(
        max(0, box.y0 - pad),
        max(0, box.x0 - pad),
        min(canvas.y1, box.y1 + pad),
        min(canvas.x1, box.x1 + pad),
    )
    smallest = parameters.strict_overlap_crop_min_size_px
    if rect.height < smallest or rect.width < smallest:
        return None, (
            f"strict crop skipped: it would leave {rect.width}×{rect.height} px (width × height), "
            f"ZeMosaic wants at least {smallest} px on each side; the tile keeps its size"
        )
    if rect == canvas:
        return None, ""
    return rect, ""


def _coverage_share(coverage: NDArray[np.float32] | None) -> NDArray[np.float32] | None:
    """Return coverage divided by its maximum, None when nothing is covered."""
    if coverage is None or coverage.size == 0:
        return None
    most = coverage.max()
    if not np.isfinite(most):
        coverage = np.where(np.isfinite(coverage), coverage, np.float32(0))
        most = coverage.max()
    return coverage / most if most > 0 else None


# --- edge trim -----------------------------------------------------------------------------


def edge_trim(valid: NDArray[np.bool_]) -> tuple[Rect | None, str]:
    """Return what is left when nearly empty edges are taken off a tile (ZEMOSAIC.md §5.9).

    Each side moves inwards over rows (columns) of which less than 90 % is
    valid. The shares are those of the whole tile, counted once.
    ZeMosaic skips the trim on a padded canvas: don't call it there.

    Parameters
    ----------
    valid : ndarray of bool, shape (H, W)
        Of the tile after the strict crop: alpha > 0, or `valid_without_alpha`.

    Returns
    -------
    rect : Rect or None
        The rectangle, relative to `valid`; None when the tile keeps its size.
    skipped : str
        Why the trim was skipped, for people. Empty when it was applied or has
        nothing to take away.
    """
    height, width = valid.shape
    if valid.size == 0:
        return None, ""
    # Several times quicker than NumPy's counts.
    bytes_ = np.ascontiguousarray(valid).view(np.uint8)
    per_row = cv2.reduce(bytes_, 1, cv2.REDUCE_SUM, dtype=cv2.CV_32S).ravel()
    valid_share = int(per_row.sum()) / valid.size
    if valid_share < EDGE_MIN_VALID_FRACTION:
        return None, (
            f"edge trim skipped: {valid_share:.1%} of the tile is valid, ZeMosaic wants at least "
            f"{EDGE_MIN_VALID_FRACTION:.0%}; the tile keeps its size"
        )
    per_column = cv2.reduce(bytes_, 0, cv2.REDUCE_SUM, dtype=cv2.CV_32S).ravel()
    top, bottom = _span_of_full_lines(per_row / width)
    left, right = _span_of_full_lines(per_column / height)
    rect = Rect(top, left, bottom, right)
    if rect == Rect.whole(valid.shape):
        return None, ""
    if rect.height < EDGE_MIN_SIZE_PX or rect.width < EDGE_MIN_SIZE_PX:
        return None, (
            f"edge trim skipped: it would leave {rect.width}×{rect.height} px (width × height), "
            f"ZeMosaic wants at least {EDGE_MIN_SIZE_PX} px on each side; the tile keeps its size"
        )
    return rect, ""


def _span_of_full_lines(shares: NDArray[np.float64]) -> tuple[int, int]:
    """Return the first and one past the last line that is valid enough; (0, 0) without one."""
    enough = np.flatnonzero(shares >= EDGE_VALID_FRACTION)
    return (int(enough[0]), int(enough[-1]) + 1) if enough.size else (0, 0)


def valid_without_alpha(tile: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
    """Return which pixels the edge trim counts as valid in a tile without a mask (§5.9).

    Parameters
    ----------
    tile : ndarray of float, shape (H, W, 3)
        The tile after the strict crop.

    Returns
    -------
    ndarray of bool, shape (H, W)
        Finite in every channel; an outermost row or column whose finite values
        have a standard deviation below 0.0001 is not valid.
    """
    valid: NDArray[np.bool_] = np.isfinite(tile).all(axis=2)
    for edge in ((0, slice(None)), (-1, slice(None)), (slice(None), 0), (slice(None), -1)):
        values = tile[edge][np.isfinite(tile[edge])]
        if values.size and float(values.std()) < EDGE_FLAT_STD:
            valid[edge] = False
    return valid
