"""Where a master tile lies on its cluster's canvas: by its WCS, or by its stars."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any, Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_zecoverage.core.crop import Rect
from napari_zecoverage.core.ramp import Mask
from napari_zecoverage.core.star_picture import luminance
from napari_zecoverage.core.studied import ClusterStudy
from napari_zecoverage.zemosaic.existing_tile import MasterTile
from napari_zecoverage.zemosaic.tile_header import cropped_wcs

log = logging.getLogger(__name__)

SAME_PLACE_PX: Final = 1.5
"""A WCS tells the rectangle when it is this true all over the tile; else the tile is turned."""

BELIEVED_CORRELATION: Final = 0.5
"""A place found by correlation is believed from here on. Real single frames at their place in a
stack give 0.9, the same frame turned about a galaxy's bright core 0.4, noise 0.05."""

COARSE_SIDE_PX: Final = 768
"""Longer side of the pictures in which the place is sought first."""

_STAR_SIGMAS: Final = 4.0
_SIGMA_OF_MAD: Final = 1.4826
_SMOOTHED_PX: Final = 8.0  # the sky is what is left of a picture at this scale; stars are finer
_BRIGHTEST: Final = 1e9  # ADU; what lies beyond is damage, and would overflow when it is squared
_SAME_MATRIX: Final = 1e-9  # of a term, relative to the largest
_SAME_SKY_DEG: Final = 1e-9
_SAME_PIXEL: Final = 0.05  # ZeMosaic moves CRPIX by whole pixels only


@dataclass(frozen=True)
class Placement:
    """Where a tile lies on a study's canvas.

    Attributes
    ----------
    rect : Rect or None
        On the canvas; may reach beyond it, as a tile of a larger canvas does. None when
        the place was not found.
    method : {"CRPIX", "WCS", "correlation", "not found"}
        "CRPIX": both have the WCS of one reference frame, the place is exact. "WCS":
        both know the sky, the place is as good as the two solutions.
    confidence : float
        0 to 1: 1 for CRPIX; for the others the correlation of the two pictures' stars
        where the tile lies, 0 when it cannot be measured.
    text : str
        How it was found, or why not, in a sentence.
    """

    rect: Rect | None
    method: Literal["CRPIX", "WCS", "correlation", "not found"]
    confidence: float
    text: str


def place_master_tile(tile: MasterTile, study: ClusterStudy) -> Placement:
    """Find where a tile lies on the canvas of its cluster.

    Parameters
    ----------
    tile : MasterTile
    study : ClusterStudy
        Of the frames that the tile was made from.

    Returns
    -------
    Placement
        By CRPIX where both have the WCS of one reference frame; else by their WCS where
        the two agree but for a shift; else, when one of them has no WCS, by the
        correlation of their stars. A tile that is turned against the canvas has no
        rectangle on it.
    """
    if tile.wcs_header is not None and study.wcs_header is not None:
        found = _by_wcs(tile, study)
        if found is not None:
            return found
    if study.tile is None:
        return _lost(
            "The tile's place is not known: the two have no WCS in common, and the study has no "
            "stack to look for its stars in. Study the cluster with a stack."
        )
    return _by_stars(tile, study.tile)


def _lost(text: str) -> Placement:
    return Placement(None, "not found", 0.0, text)


def _rect_at(y: int, x: int, shape: tuple[int, int]) -> Rect:
    return Rect(y, x, y + shape[0], x + shape[1])


def _overlaps(rect: Rect, shape: tuple[int, int]) -> bool:
    return rect.y0 < shape[0] and rect.x0 < shape[1] and rect.y1 > 0 and rect.x1 > 0


def _by_wcs(tile: MasterTile, study: ClusterStudy) -> Placement | None:
    try:
        with np.errstate(all="ignore"):
            return _by_crpix(tile, study) or _by_sky(tile, study)
    # A damaged WCS makes astropy and wcslib raise whatever they like; the stars may still tell.
    except Exception:
        log.debug("%s: its WCS makes no sense.", tile.path, exc_info=True)
        return None


def _by_crpix(tile: MasterTile, study: ClusterStudy) -> Placement | None:
    assert tile.wcs_header is not None and study.wcs_header is not None
    theirs, ours = cropped_wcs(tile.wcs_header), cropped_wcs(study.wcs_header)
    terms = ("CD1_1", "CD1_2", "CD2_1", "CD2_2")
    largest = max(abs(ours[term]) for term in terms)
    same = (
        all(theirs[each] == ours[each] for each in ("CTYPE1", "CTYPE2"))
        and all(abs(theirs[each] - ours[each]) <= _SAME_SKY_DEG for each in ("CRVAL1", "CRVAL2"))
        and all(abs(theirs[each] - ours[each]) <= _SAME_MATRIX * largest for each in terms)
    )
    x, y = (float(ours[each]) - float(theirs[each]) for each in ("CRPIX1", "CRPIX2"))
    if not same or max(abs(x - round(x)), abs(y - round(y))) > _SAME_PIXEL:
        return None
    rect = _rect_at(round(y), round(x), tile.shape)
    if not _overlaps(rect, study.canvas.shape):
        return _lost("By its CRPIX the tile lies outside of the canvas: it is of other frames.")
    return Placement(rect, "CRPIX", 1.0, "The tile's place is exact: it has our reference frame.")


def _by_sky(tile: MasterTile, study: ClusterStudy) -> Placement | None:
    assert tile.wcs_header is not None and study.wcs_header is not None
    # It brings the sky's coordinates along, which take a while to import.
    from astropy.wcs import WCS

    theirs = WCS(cropped_wcs(tile.wcs_header), fix=False)
    ours = WCS(cropped_wcs(study.wcs_header), fix=False)
    height, width = tile.shape
    places = np.array(
        [[x, y] for x in (0.0, width / 2, width - 1.0) for y in (0.0, height / 2, height - 1.0)]
    )
    seen = ours.all_world2pix(theirs.all_pix2world(places, 0), 0, quiet=True)
    shifts = seen - places
    if not np.isfinite(shifts).all():
        return None
    shift = np.median(shifts, axis=0)
    error = float(np.hypot(*(shifts - shift).T).max())
    if error > SAME_PLACE_PX:
        return _lost(
            "The tile's pixels are not the canvas's: by their WCS it is turned or scaled against "
            f"it (by up to {error:.0f} px across the tile). It was made on another reference frame."
        )
    rect = _rect_at(round(float(shift[1])), round(float(shift[0])), tile.shape)
    if not _overlaps(rect, study.canvas.shape):
        return _lost("By its WCS the tile lies outside of the canvas: it is of another field.")
    confidence = 0.0 if study.tile is None else _star_correlation(tile, study.tile, rect)
    return Placement(
        rect,
        "WCS",
        confidence,
        f"The tile's place is from its WCS, good to {error:.1f} px across the tile; its reference "
        "frame is not ours, or was solved anew.",
    )


def _known(picture: NDArray[np.float32]) -> Mask:
    return np.asarray(np.isfinite(picture).all(axis=2))


def _by_stars(tile: MasterTile, picture: NDArray[np.float32]) -> Placement:
    """Look for the tile's stars in the stack, first in small pictures, then in the full ones."""
    theirs = _stars(tile.pixels, tile.opaque)
    ours = _stars(picture, _known(picture))
    if not theirs.any() or not ours.any():
        return _lost("The tile's place is not known: one of the two pictures shows nothing.")
    factor = max(1, -(-max(*theirs.shape, *ours.shape) // COARSE_SIDE_PX))
    small_theirs, small_ours = _reduced(theirs, factor), _reduced(ours, factor)
    reach = small_theirs.shape[0] // 2, small_theirs.shape[1] // 2
    y, x = _best_shift(small_theirs, small_ours, (0, 0), reach, wide=True)
    y, x = y * factor, x * factor
    if factor > 1:
        y, x = _best_shift(theirs, ours, (y, x), (2 * factor, 2 * factor), wide=False)
    rect = _rect_at(y, x, tile.shape)
    confidence = _correlation(theirs, ours, tile.opaque, _known(picture), rect)
    if confidence < BELIEVED_CORRELATION:
        return _lost(
            "The tile's place was not found: its stars match the stack's nowhere (best "
            f"correlation {confidence:.2f}). It is turned against the canvas, or of another field."
        )
    return Placement(
        rect,
        "correlation",
        confidence,
        f"The tile's place was found by its stars (correlation {confidence:.2f}), for there is no "
        "WCS to tell it.",
    )


def _stars(pixels: NDArray[np.float32], known: Mask) -> NDArray[np.float32]:
    """Return (H, W) float32: what is brighter than its surroundings, 0 where nothing is known."""
    light = luminance(np.clip(np.nan_to_num(pixels), -_BRIGHTEST, _BRIGHTEST))
    weight = known.astype(np.float32)
    light *= weight
    # A blur that leaves the unknown out: its border must not look like a star.
    blurred = cv2.GaussianBlur(light, (0, 0), _SMOOTHED_PX)
    share = cv2.GaussianBlur(weight, (0, 0), _SMOOTHED_PX)
    fine = (light - blurred / np.maximum(share, 1e-3)) * weight
    values = fine[known]
    if values.size == 0:
        return np.zeros(known.shape, dtype=np.float32)
    # Only what stands out of the noise, and its root: one bright star must not decide alone.
    noise = _SIGMA_OF_MAD * float(np.median(np.abs(values - np.median(values))))
    fine -= _STAR_SIGMAS * noise
    return np.asarray(np.sqrt(np.maximum(fine, 0.0)), dtype=np.float32)


def _reduced(picture: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """Return the means of factor × factor pixels; a rest of rows and columns is left out."""
    height, width = picture.shape[0] // factor, picture.shape[1] // factor
    if factor == 1 or not height or not width:
        return picture
    whole = picture[: height * factor, : width * factor]
    means: NDArray[np.float32] = whole.reshape(height, factor, width, factor).mean(axis=(1, 3))
    return means


def _best_shift(
    theirs: NDArray[np.float32],
    ours: NDArray[np.float32],
    start: tuple[int, int],
    reach: tuple[int, int],
    *,
    wide: bool,
) -> tuple[int, int]:
    """Return the (y, x) of `theirs` on `ours` where most light meets light.

    Sought from `start` − `reach` to `start` + `reach`; `wide`, to as far beyond the last
    row and column as well.
    """
    extent = theirs.shape
    if wide:
        extent = (max(ours.shape[0], theirs.shape[0]), max(ours.shape[1], theirs.shape[1]))
    top, left = start[0] - reach[0], start[1] - reach[1]
    window = _cut(
        ours, Rect(top, left, top + extent[0] + 2 * reach[0], left + extent[1] + 2 * reach[1])
    )
    meeting = cv2.matchTemplate(window, theirs, cv2.TM_CCORR)
    row, column = np.unravel_index(int(np.argmax(meeting)), meeting.shape)
    return top + int(row), left + int(column)


def _cut(picture: NDArray[Any], rect: Rect) -> NDArray[Any]:
    """Return what a rectangle shows of a picture; 0 (False) where it reaches beyond it."""
    cut = np.zeros((rect.y1 - rect.y0, rect.x1 - rect.x0), dtype=picture.dtype)
    height, width = picture.shape
    y0, y1 = max(rect.y0, 0), min(rect.y1, height)
    x0, x1 = max(rect.x0, 0), min(rect.x1, width)
    if y0 < y1 and x0 < x1:
        cut[y0 - rect.y0 : y1 - rect.y0, x0 - rect.x0 : x1 - rect.x0] = picture[y0:y1, x0:x1]
    return cut


def _star_correlation(tile: MasterTile, picture: NDArray[np.float32], rect: Rect) -> float:
    known = _known(picture)
    opaque = tile.opaque
    return _correlation(_stars(tile.pixels, opaque), _stars(picture, known), opaque, known, rect)


def _correlation(
    theirs: NDArray[np.float32],
    ours: NDArray[np.float32],
    opaque: Mask,
    known: Mask,
    rect: Rect,
) -> float:
    """Return Pearson's correlation where both are known, 0 to 1; 0 when it is not defined."""
    both = opaque & _cut(known, rect)
    if np.count_nonzero(both) < 2:
        return 0.0
    left = theirs[both].astype(np.float64)
    right = _cut(ours, rect)[both].astype(np.float64)
    left -= left.mean()
    right -= right.mean()
    size = float(np.sqrt((left @ left) * (right @ right)))
    return max(0.0, float(left @ right) / size) if size > 0 else 0.0
