"""What of the fringe's regions each of many masks shows, counted for all of them at once.

While the masks are looked at, the fringe may still be being measured. So of each mask
only what is needed to count its pixels is kept (`mask_pictures`).
"""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock

import numpy as np

from napari_zecoverage.core.crop import Rect, parts_outside, places_inside
from napari_zecoverage.core.errors import ParameterError
from napari_zecoverage.core.fringe import Fringe, ResidualFringe, residual_of_visible
from napari_zecoverage.core.mask_pictures import MaskPictures, OwnPicture, Shown
from napari_zecoverage.core.ramp import Mask
from napari_zecoverage.core.ranks import Whole


class ShownLevels:
    """What the plain masks of all levels show.

    As they lie inside one another, the highest level that shows a pixel tells it all.

    Parameters
    ----------
    shape : (int, int)
        Of the canvas.
    levels : int
        How many there are.
    """

    def __init__(self, shape: tuple[int, int], levels: int) -> None:
        # One number is left over, for `MaskPictures`.
        self._top = np.zeros(shape, np.uint8 if levels < 2**8 else np.uint16)
        self._levels = levels
        self._lock = Lock()

    def add(self, index: int, shown: Mask) -> None:
        """Add what a level shows; from any thread."""
        reached = np.multiply(shown, index, dtype=self._top.dtype)
        with self._lock:
            np.maximum(self._top, reached, out=self._top)

    def residuals(self, fringe: Fringe, masks: Sequence[Shown]) -> list[ResidualFringe | None]:
        """Return the worst step that each mask leaves visible.

        Parameters
        ----------
        fringe : Fringe
            Of the same canvas.
        masks : sequence of NearlyLevel or OwnPicture
            Those told from a level, only once all levels were added.

        Returns
        -------
        list of ResidualFringe or None
            As `residual_fringe` gives them.

        Raises
        ------
        ParameterError
            The fringe is of another canvas.
        """
        regions, top = fringe.regions, self._top
        if regions.shape != top.shape:
            raise ParameterError("fringe", f"is of {regions.shape}, the study of {top.shape}")
        n_regions = fringe.region_steps.count.size
        joint = np.multiply(regions, self._levels, dtype=np.int64)
        joint += top
        table = np.bincount(joint.ravel(), minlength=n_regions * self._levels)
        # Pixels of each region that each level shows.
        of_level = np.cumsum(table.reshape(n_regions, self._levels)[:, ::-1], axis=1)[:, ::-1]

        def visible(shown: Shown) -> Whole:
            if isinstance(shown, OwnPicture):
                saved = shown.saved.slices
                seen = regions[saved][shown.unpacked(saved)]
                return np.bincount(seen, minlength=n_regions)
            counts, unseen = of_level[:, shown.level], shown.unseen
            if not shown.shows_all:
                for part in parts_outside(shown.saved, Rect.whole(top.shape)):
                    cut_off = regions[part][top[part] >= shown.level]
                    counts = counts - np.bincount(cut_off, minlength=n_regions)
                unseen = unseen[places_inside(shown.saved, unseen, top.shape[1])]
            return counts - np.bincount(regions.ravel()[unseen], minlength=n_regions)

        return [residual_of_visible(fringe, visible(each)) for each in masks]

    def pictures(self, covered: Mask, masks: Sequence[Shown | None]) -> MaskPictures:
        """Return what each mask takes away; the last that is asked of this object.

        Parameters
        ----------
        covered : (H, W) bool array
            Where any frame covers the canvas.
        masks : sequence of NearlyLevel, OwnPicture or None
            None where it cannot be told.
        """
        return MaskPictures(self._top, covered, masks)
