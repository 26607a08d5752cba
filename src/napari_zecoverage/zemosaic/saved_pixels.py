"""The pixels of a master tile as ZeMosaic saves them: what is shown, what is 0 (ZEMOSAIC.md §5)."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_zecoverage.core.crop import Rect
from napari_zecoverage.core.errors import OutputError
from napari_zecoverage.core.outcome import MaskOutcome
from napari_zecoverage.core.ramp import Mask
from napari_zecoverage.core.studied import ClusterStudy

EMPTY_BELOW: Final = 1e-8
"""A tile whose values stay below this is empty to ZeMosaic (ZEMOSAIC.md §5.11)."""


class UnusableTileError(OutputError):
    """No tile can be made of a study that ZeMosaic would take; nothing was written."""


class SavedPixels(NamedTuple):
    """What a tile holds.

    Attributes
    ----------
    planes : (3, H, W) float32 array
        Without `base`; 0 under alpha 0.
    alpha : (H, W) uint8 array
        0 or 255.
    base : float
        ADU that were taken off.
    holes : int
        Pixels that the mask shows, and that have no picture.
    zeroed : int
        Values that were not finite.
    """

    planes: NDArray[np.float32]
    alpha: NDArray[np.uint8]
    base: float
    holes: int
    zeroed: int


def saved_pixels(target: Path, study: ClusterStudy, outcome: MaskOutcome) -> SavedPixels:
    """Cut a study's stack and its mask as ZeMosaic saves them (ZEMOSAIC.md §5.7, §5.10).

    Parameters
    ----------
    target : Path
        The file that they are for, which the messages name.
    study : ClusterStudy
    outcome : MaskOutcome
        Made for that study.

    Returns
    -------
    SavedPixels
        Of `MaskOutcome.saved_rect`.

    Raises
    ------
    UnusableTileError
        The study has no tile, the mask is another study's, or nothing would be shown.
    """
    if study.tile is None:
        raise UnusableTileError(
            target, "this study has no stack (stack none); study the cluster with one."
        )
    rect = outcome.saved_rect
    try:
        shown = outcome.opaque[rect.slices]
    except ValueError as error:
        raise UnusableTileError(target, f"{error}.") from error
    pixels = study.tile[rect.slices]
    if shown.shape != pixels.shape[:2] or shown.size == 0:
        raise UnusableTileError(target, "the mask is not of this study; apply it again.")
    finite = np.isfinite(pixels)
    opaque = shown & finite.all(axis=2)
    emptied = _emptied(outcome, rect)
    if emptied is not None:
        opaque &= ~emptied
        finite &= ~emptied[..., None]
    if not opaque.any():
        raise UnusableTileError(
            target, "nothing of the tile would be shown; choose milder thresholds."
        )
    base = float(pixels[opaque].min())
    planes = np.zeros((3, *opaque.shape), dtype=np.float32)
    for channel, plane in enumerate(planes):
        np.subtract(pixels[..., channel], np.float32(base), out=plane, where=opaque)
        np.maximum(plane, 0.0, out=plane)
    if float(planes.max()) <= EMPTY_BELOW:
        raise UnusableTileError(target, "the tile is empty: all that is shown has one value.")
    return SavedPixels(
        planes=planes,
        alpha=np.where(opaque, 255, 0).astype(np.uint8),
        base=base,
        holes=int(np.count_nonzero(shown & ~opaque)),
        zeroed=int(finite.size - np.count_nonzero(finite)),
    )


def _emptied(outcome: MaskOutcome, rect: Rect) -> Mask | None:
    """Return where the step empties the tile (ZEMOSAIC.md §5.7), None without a mask."""
    if outcome.alpha is None:
        return None
    return np.asarray(outcome.alpha[rect.slices] <= outcome.parameters.nanize_threshold)
