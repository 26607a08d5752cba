"""What a pixel's distance to the rim makes of it: alpha is a table of squared distances.

So a mask can be told from the distances, without its alpha.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_zecoverage.core.mask_choice import HIDDEN_ALPHA, KEPT_ALPHA, SAME_EVERYWHERE_SHARE
from napari_zecoverage.core.outcome import LEAST_KEPT_SHARE, OPAQUE_ALPHA
from napari_zecoverage.core.ramp import Mask, alpha_of_squares

Fate = Literal["coverage", "discarded", "dropped"]
"""What becomes of a coverage mask: ZeMosaic takes it, or another one instead, or none."""


class Cuts(NamedTuple):
    """Alpha of each squared distance, and from which one on it is …

    Attributes
    ----------
    alpha : (n,) float32 array
        Any larger distance has the last one, which is 1.
    some : int
        … above 0.
    shown : int
        … opaque in the saved tile.
    hidden, kept : int
        … not hidden, or kept whole, for the rule that discards a mask.
    core : int
        … in the strict crop's core.
    """

    alpha: NDArray[np.float32]
    some: int
    shown: int
    hidden: int
    kept: int
    core: int

    def fate(self, at_least: Callable[[int], int], size: int) -> Fate:
        """Return what becomes of a coverage mask (ZEMOSAIC.md §5.7, §11).

        Parameters
        ----------
        at_least : callable
            Given a squared distance, returns how many pixels have it or a larger one.
        size : int
            Pixels of the canvas.
        """
        kept, hidden = at_least(self.kept), size - at_least(self.hidden)
        if max(kept, hidden) / size > SAME_EVERYWHERE_SHARE:
            return "discarded"
        return "dropped" if at_least(self.some) / size < LEAST_KEPT_SHARE else "coverage"


def cuts_of(margin_px: float, exponent: float, core_alpha: float) -> Cuts:
    """Return the cuts of a ramp.

    Parameters
    ----------
    margin_px, exponent : float
        As for `ramp`; a margin of 0 is none.
    core_alpha : float
        From 0 to 1: what the strict crop's core reaches.
    """
    alpha = np.array([0, 1], dtype=np.float32)
    if margin_px:
        alpha = alpha_of_squares(margin_px, exponent)
    return Cuts(
        alpha,
        _first(alpha > 0),
        _first(alpha >= OPAQUE_ALPHA),
        _first(alpha >= HIDDEN_ALPHA),
        _first(alpha > KEPT_ALPHA),
        _first(alpha >= core_alpha),
    )


def _first(reached: Mask) -> int:
    return int(np.argmax(reached))
