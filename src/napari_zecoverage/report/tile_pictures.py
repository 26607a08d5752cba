"""The tile as it looks: without a mask, and with what given thresholds hide set aside.

Reduced first, stretched then: the mean of many pixels has less noise, so a faint colour
step is seen better than at full size.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_zecoverage.core.crop import Rect
from napari_zecoverage.core.outcome import MaskOutcome
from napari_zecoverage.core.studied import ClusterStudy
from napari_zecoverage.picture import Picture, stretch

EDGE: Final = (230, 159, 0)
"""Orange of Okabe and Ito: round what the mask keeps. R, G, B."""

CROP: Final = (86, 180, 233)
"""Sky blue of Okabe and Ito: the rectangle that the saved tile keeps."""

NOTHING: Final = (38, 42, 47)
"""Where no frame covers the canvas."""

SET_ASIDE: Final = 0.5
"""Brightness of what is hidden or cut off; it has lost its colour, too."""

_COMPRESSION: Final = 4
"""More takes several times as long and saves next to nothing."""

_LEVELS: Final = 64
"""Grey levels a channel: noise hides the steps, and the files are half as large."""


class ReducedTile(NamedTuple):
    """A tile made smaller, as a picture.

    Attributes
    ----------
    picture : (h, w, 3) uint8
        Stretched.
    covered : (h, w) bool
    scale : float
        Pixels of the picture a pixel of the canvas.
    """

    picture: Picture
    covered: NDArray[np.bool_]
    scale: float


def reduce_tile(study: ClusterStudy, longest_px: int) -> ReducedTile | None:
    """Reduce and stretch a studied tile.

    Parameters
    ----------
    study : ClusterStudy
    longest_px : int
        At most so long is the longer side; a small tile keeps its size.

    Returns
    -------
    ReducedTile or None
        None when no tile was stacked.
    """
    if study.tile is None:
        return None
    tile = study.tile
    scale = min(1.0, longest_px / max(tile.shape[:2]))
    share = reduced(np.asarray(np.isfinite(tile).all(axis=2)), scale)
    values = reduced(np.nan_to_num(tile, nan=0.0, posinf=0.0, neginf=0.0), scale)
    covered = share > 0.5
    with np.errstate(invalid="ignore", divide="ignore"):
        # Mean over the covered pixels only.
        values = np.where(covered[..., None], values / share[..., None], np.nan)
    shown = np.rint(stretch(values.astype(np.float32)) * (_LEVELS - 1)) * (255 / (_LEVELS - 1))
    picture = np.rint(shown).astype(np.uint8)
    picture[~covered] = NOTHING
    return ReducedTile(picture, covered, scale)


def reduced(plane: NDArray[Any], scale: float) -> NDArray[np.float32]:
    """Return an image made smaller, each pixel the mean of those that it stands for."""
    image = np.ascontiguousarray(plane, dtype=np.float32)
    if scale >= 1:
        return image
    size = tuple(max(1, round(side * scale)) for side in image.shape[1::-1])
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.float32)


def with_outcome(tile: ReducedTile, outcome: MaskOutcome) -> Picture:
    """Set aside what thresholds hide or cut off, and draw round what stays.

    Parameters
    ----------
    tile : ReducedTile
    outcome : MaskOutcome
        For the study that the tile is of; with a mask that is known.

    Returns
    -------
    (h, w, 3) uint8
    """
    kept = reduced(outcome.opaque, tile.scale) >= 0.5
    inside = np.zeros(kept.shape, dtype=bool)
    top, left, bottom, right = rectangle = _reduced_rect(outcome.saved_rect, tile.scale)
    inside[top:bottom, left:right] = True
    picture = tile.picture.copy()
    lost = tile.covered & ~(kept & inside)
    picture[lost] = SET_ASIDE * cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[lost][:, None]
    edges, _ = cv2.findContours(
        (kept & tile.covered).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE
    )
    cv2.drawContours(picture, edges, -1, EDGE)
    if outcome.saved_rect != Rect(0, 0, *outcome.opaque.shape):
        _draw_dashes(picture, rectangle)
    return picture


def _reduced_rect(rect: Rect, scale: float) -> Rect:
    return Rect(*(round(side * scale) for side in rect))


def _draw_dashes(picture: Picture, rect: Rect, dash: int = 8) -> None:
    """Draw a rectangle's sides, dashed, just inside of it."""
    height, width = picture.shape[:2]
    top, left = max(rect.y0, 0), max(rect.x0, 0)
    bottom, right = min(rect.y1, height) - 1, min(rect.x1, width) - 1
    along = np.arange(max(height, width))
    drawn = along % (2 * dash) < dash
    for y in (top, bottom):
        picture[y, [x for x in range(left, right + 1) if drawn[x - left]]] = CROP
    for x in (left, right):
        picture[[y for y in range(top, bottom + 1) if drawn[y - top]], x] = CROP


def png_of(picture: Picture) -> bytes:
    """Return a picture (R, G, B) as PNG."""
    done, encoded = cv2.imencode(
        ".png", picture[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, _COMPRESSION]
    )
    if not done:
        raise OSError("a picture cannot be made into a PNG")
    return encoded.tobytes()
