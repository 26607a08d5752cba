"""What of the fringe's regions each of many masks shows, counted for all of them at once.

While the masks are looked at, the fringe may still be being measured. So of each mask
only what is needed to count its pixels is kept (`mask_pictures`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from napari_zecoverage.core.crop import Rect, parts_outside, places_inside
from napari_zecoverage.core.errors import ParameterError
from napari_zecoverage.core.fringe import Fringe, ResidualFringe, residual_of_visible
from napari_zecoverage.core.mask_pictures import Levels, OwnPicture, Shown
from napari_zecoverage.core.ranks import Whole


def residuals(
    fringe: Fringe, top: Levels, levels: int, masks: Sequence[Shown]
) -> list[ResidualFringe | None]:
    """Return the worst step that each mask leaves visible.

    Parameters
    ----------
    fringe : Fringe
        Of the same canvas.
    top : (H, W) uint8 or uint16 array
        Index of the highest level whose plain mask shows a pixel; of all levels.
    levels : int
        How many there are.
    masks : sequence of NearlyLevel or OwnPicture

    Returns
    -------
    list of ResidualFringe or None
        As `residual_fringe` gives them.

    Raises
    ------
    ParameterError
        The fringe is of another canvas.
    """
    regions = fringe.regions
    if regions.shape != top.shape:
        raise ParameterError("fringe", f"is of {regions.shape}, the study of {top.shape}")
    n_regions = fringe.region_steps.count.size
    joint = np.multiply(regions, levels, dtype=np.int64)
    joint += top
    table = np.bincount(joint.ravel(), minlength=n_regions * levels)
    # Pixels of each region that each level shows.
    of_level = np.cumsum(table.reshape(n_regions, levels)[:, ::-1], axis=1)[:, ::-1]

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
