"""A master tile set beside what we compute for its cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from napari_zecoverage.core.crop import Rect
from napari_zecoverage.core.outcome import MaskOutcome, apply_mask
from napari_zecoverage.core.parameters import MaskParameters
from napari_zecoverage.core.ramp import Mask
from napari_zecoverage.core.studied import ClusterStudy
from napari_zecoverage.zemosaic.existing_tile import MasterTile, MasterTileError, read_master_tile
from napari_zecoverage.zemosaic.tile_place import Placement, place_master_tile


@dataclass(frozen=True)
class Comparison:
    """A tile beside what we compute for the same cluster.

    The shares are of the pixels that either of the two keeps.

    Attributes
    ----------
    placement : Placement
    both, only_tile, only_ours : float
        Kept by both, by the tile alone, by ours alone; they add up to 1 (all 0 when
        nothing is kept, or the place was not found).
    sky : tuple of 3 floats or None
        Median of tile − ours in R, G, B over what both keep, ADU. None where nothing
        can be compared. A tile has lost its absolute level, so the three tell colour
        by their differences only.
    text : tuple of str
        All of it in sentences.
    """

    placement: Placement
    both: float
    only_tile: float
    only_ours: float
    sky: tuple[float, float, float] | None
    text: tuple[str, ...]

    @property
    def differs(self) -> float:
        """Share of the pixels that only one of the two keeps."""
        return self.only_tile + self.only_ours


def compare_master_tile(
    tile: MasterTile,
    study: ClusterStudy,
    outcome: MaskOutcome,
    placement: Placement | None = None,
) -> Comparison:
    """Set a tile beside what we compute for its cluster.

    Parameters
    ----------
    tile : MasterTile
    study : ClusterStudy
    outcome : MaskOutcome
        Made for that study.
    placement : Placement, optional
        From `place_master_tile`, which is asked when it is left out.

    Returns
    -------
    Comparison
    """
    placement = placement or place_master_tile(tile, study)
    rect = placement.rect
    if rect is None:
        return Comparison(placement, 0.0, 0.0, 0.0, None, (placement.text,))
    try:
        shown = outcome.opaque
    except ValueError as error:
        return Comparison(placement, 0.0, 0.0, 0.0, None, (placement.text, f"{error}."))
    height, width = study.canvas.shape
    hull = Rect(min(rect.y0, 0), min(rect.x0, 0), max(rect.y1, height), max(rect.x1, width))
    theirs = _put(tile.opaque, rect, hull)
    ours = _put(shown[outcome.saved_rect.slices], outcome.saved_rect, hull)
    either = int(np.count_nonzero(theirs | ours))
    both = int(np.count_nonzero(theirs & ours))
    only_tile = int(np.count_nonzero(theirs)) - both
    only_ours = either - both - only_tile
    shares = both / max(either, 1), only_tile / max(either, 1), only_ours / max(either, 1)
    sky = _sky(tile, study, theirs & ours, rect, hull)
    text = [placement.text, _tell_shares(*shares) if either else "Neither keeps a pixel."]
    if sky is not None:
        text.append(_tell_sky(sky))
    return Comparison(placement, *shares, sky, tuple(text))


class TileBeside(NamedTuple):
    """The master tile that a run made of a studied cluster, set beside the study.

    Attributes
    ----------
    tile : MasterTile or None
        None when it cannot be read.
    rect : Rect or None
        Where it lies on the study's canvas; None when that was not found.
    lines : tuple of str
        What its header says, where it lies, and how it differs, in words.
    """

    tile: MasterTile | None
    rect: Rect | None
    lines: tuple[str, ...]


def tile_beside(study: ClusterStudy, config: Mapping[str, Any] | None) -> TileBeside | None:
    """Open the master tile that a ZeMosaic run still holds of this cluster.

    Parameters
    ----------
    study : ClusterStudy
    config : mapping or None
        The settings the run was made with; ZeMosaic's defaults without.

    Returns
    -------
    TileBeside or None
        None when the run holds none. A tile that cannot be read is told in words.
    """
    path = study.cluster.master_tile
    if path is None:
        return None
    try:
        tile = read_master_tile(path)
    except MasterTileError as error:
        return TileBeside(None, None, (str(error),))
    outcome = apply_mask(study, MaskParameters.from_config(config or {}))
    comparison = compare_master_tile(tile, study, outcome)
    return TileBeside(tile, comparison.placement.rect, (*tile.told, *comparison.text))


def _put(mask: Mask, rect: Rect, hull: Rect) -> Mask:
    put: Mask = np.zeros((hull.y1 - hull.y0, hull.x1 - hull.x0), dtype=np.bool_)
    put[rect.y0 - hull.y0 : rect.y1 - hull.y0, rect.x0 - hull.x0 : rect.x1 - hull.x0] = mask
    return put


def _sky(
    tile: MasterTile, study: ClusterStudy, both: Mask, rect: Rect, hull: Rect
) -> tuple[float, float, float] | None:
    """Return the medians of tile − ours, a channel at a time, over what both keep."""
    if study.tile is None:
        return None
    rows, columns = np.nonzero(both)
    rows, columns = rows + hull.y0, columns + hull.x0
    difference = tile.pixels[rows - rect.y0, columns - rect.x0] - study.tile[rows, columns]
    known = np.isfinite(difference).all(axis=1)
    if not known.any():
        return None
    red, green, blue = np.median(difference[known], axis=0)
    return float(red), float(green), float(blue)


def _tell_shares(both: float, only_tile: float, only_ours: float) -> str:
    return (
        f"Of the pixels that either keeps, {both:.2%} are kept by both, {only_tile:.2%} by the "
        f"tile alone, {only_ours:.2%} by ours alone."
    )


def _tell_sky(sky: tuple[float, float, float]) -> str:
    red, green, blue = sky
    return (
        f"Against green, the tile's red is {red - green:+.1f} ADU and its blue {blue - green:+.1f} "
        "ADU off ours (medians; a tile's absolute level is not kept by ZeMosaic)."
    )
