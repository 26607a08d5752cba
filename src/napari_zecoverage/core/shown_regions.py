"""What of the fringe's regions each of many masks shows, counted for all of them at once.

While the masks are looked at, the fringe may still be being measured. So of each mask
only what is needed to count its pixels is kept: the level that it nearly shows the same
as, or a packed picture of its own.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import NamedTuple, Self

import numpy as np

from napari_zecoverage.core.crop import Rect
from napari_zecoverage.core.errors import ParameterError
from napari_zecoverage.core.fringe import Fringe, ResidualFringe, residual_of_visible
from napari_zecoverage.core.ramp import Mask
from napari_zecoverage.core.ranks import Whole


class NearlyLevel(NamedTuple):
    """What a mask shows, told from the plain mask of its level.

    Attributes
    ----------
    level : int
        Its index.
    saved : Rect
        What of the canvas the saved tile keeps.
    shows_all : bool
        Nothing that the mask shows is cut off.
    unseen : (n,) int64 array
        Flat places that the plain mask shows, but not this one.
    """

    level: int
    saved: Rect
    shows_all: bool
    unseen: Whole = np.empty(0, np.int64)


@dataclass(frozen=True, eq=False)
class OwnPicture:
    """What a mask shows, as a picture: a few kilobytes, where that of bools takes megabytes.

    Attributes
    ----------
    saved : Rect
        What of the canvas the saved tile keeps.
    packed : bytes
        Compressed bits of the pixels in it.
    """

    saved: Rect
    packed: bytes

    @classmethod
    def of(cls, shown: Mask, saved: Rect) -> Self:
        """Pack what of the (H, W) pixels shown lies in `saved`."""
        return cls(saved, zlib.compress(np.packbits(shown[saved.slices]).tobytes(), 1))

    def unpacked(self) -> Mask:
        """Return the pixels of `saved`, (height, width)."""
        shape = self.saved.height, self.saved.width
        bits = np.frombuffer(zlib.decompress(self.packed), np.uint8)
        return np.unpackbits(bits, count=shape[0] * shape[1]).reshape(shape).view(np.bool_)


Shown = NearlyLevel | OwnPicture


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
        self._top = np.zeros(shape, np.uint8 if levels <= 2**8 else np.uint16)
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
                seen = regions[shown.saved.slices][shown.unpacked()]
                return np.bincount(seen, minlength=n_regions)
            counts, unseen = of_level[:, shown.level], shown.unseen
            if not shown.shows_all:
                for part in parts_outside(shown.saved, Rect.whole(top.shape)):
                    cut_off = regions[part][top[part] >= shown.level]
                    counts = counts - np.bincount(cut_off, minlength=n_regions)
                unseen = unseen[places_inside(shown.saved, unseen, top.shape[1])]
            return counts - np.bincount(regions.ravel()[unseen], minlength=n_regions)

        return [residual_of_visible(fringe, visible(each)) for each in masks]


def places_inside(rect: Rect, places: Whole, width: int) -> Mask:
    """Tell which flat places of a picture of this width lie in a rectangle."""
    y, x = np.divmod(places, width)
    inside: Mask = (y >= rect.y0) & (y < rect.y1) & (x >= rect.x0) & (x < rect.x1)
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
