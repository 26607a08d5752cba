"""The crops of a studied cluster's tile, one after the other, with what is said of them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_zecoverage.core.crop import Rect, edge_trim, strict_crop, valid_without_alpha
from napari_zecoverage.core.parameters import MaskParameters
from napari_zecoverage.core.ramp import Alpha, Mask

if TYPE_CHECKING:
    from napari_zecoverage.core.studied import ClusterStudy

log = logging.getLogger(__name__)


class TileCrops(NamedTuple):
    """What ZeMosaic's two crops do to a tile.

    Attributes
    ----------
    strict : Rect or None
        On the canvas; None when the tile keeps its size.
    trim : Rect or None
        Relative to what the strict crop left.
    saved : Rect
        What of the canvas the saved tile keeps, after both.
    notes : tuple of str
        Why one was skipped, in words.
    """

    strict: Rect | None
    trim: Rect | None
    saved: Rect
    notes: tuple[str, ...]


def crop_tile(
    study: ClusterStudy,
    alpha: Alpha | None,
    coverage: NDArray[np.float32] | None,
    parameters: MaskParameters,
) -> TileCrops:
    """Crop a tile as ZeMosaic does (ZEMOSAIC.md §5.8, §5.9).

    Parameters
    ----------
    study : ClusterStudy
        Its canvas, and its tile where there is no alpha.
    alpha : (H, W) float32 array or None
        None when the mask was dropped.
    coverage : (H, W) float32 array or None
        Frames per pixel; None when ZeMosaic ignores it.
    parameters : MaskParameters
        Of the strict crop.
    """
    strict, skipped = strict_crop(alpha, coverage, parameters)
    notes = _said_of_strict_crop(strict, skipped)
    kept = strict or Rect.whole(study.canvas.shape)
    if study.canvas.padded:
        log.debug("MT_EDGE_TRIM: tile=0 skipped (auto-pad used)")
        return TileCrops(strict, None, kept, notes)
    valid = _valid(study, alpha, coverage, kept)
    if valid is None:
        return TileCrops(strict, None, kept, notes)
    trim, skipped = edge_trim(valid)
    notes += _said_of_edge_trim(trim, skipped, valid)
    if trim is None:
        return TileCrops(strict, None, kept, notes)
    return TileCrops(strict, trim, kept.part(trim), notes)


def _valid(
    study: ClusterStudy,
    alpha: Alpha | None,
    coverage: NDArray[np.float32] | None,
    kept: Rect,
) -> Mask | None:
    """Return what the edge trim counts as valid of the part kept; None when nobody knows."""
    if alpha is not None:
        valid: Mask = alpha[kept.slices] > 0
        return valid
    if study.tile is not None:
        return valid_without_alpha(study.tile[kept.slices])
    if coverage is not None:
        valid = coverage[kept.slices] > 0
        return valid
    return None


def _said_of_strict_crop(rect: Rect | None, skipped: str) -> tuple[str, ...]:
    if skipped:
        log.debug("MT_ALTAZ_STRICT_CROP_SKIPPED: tile=0 reason=%s", skipped)
    if rect is None:
        return (_sentence(skipped),) if skipped else ()
    log.info(
        "MT_ALTAZ_STRICT_CROP_APPLIED: tile=0 reason=altaz_high_conf_core rect=(%d:%d,%d:%d)",
        rect.x0,
        rect.x1,
        rect.y0,
        rect.y1,
    )
    return ()


def _said_of_edge_trim(trim: Rect | None, skipped: str, valid: Mask) -> tuple[str, ...]:
    if skipped:
        log.debug("MT_EDGE_TRIM: tile=0 skipped (%s)", skipped)
    if trim is None:
        return (_sentence(skipped),) if skipped else ()
    log.info(
        "MT_EDGE_TRIM: tile=0 rect=(%d:%d,%d:%d) edge_valid=(L=%.2f,R=%.2f,T=%.2f,B=%.2f) thr=0.90",
        trim.x0,
        trim.x1,
        trim.y0,
        trim.y1,
        valid[:, 0].mean(),
        valid[:, -1].mean(),
        valid[0].mean(),
        valid[-1].mean(),
    )
    return ()


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
