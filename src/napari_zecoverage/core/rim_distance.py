"""What masks of other margins take away, told from one distance of each pixel to the rim.

Margin, decay and strict crop leave the well-covered pixels as they are, and so their
distances: what such a setting changes is looked up in milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_zecoverage.core.alpha import ramp_asked
from napari_zecoverage.core.crop import Rect, crop_round_box, edge_trim
from napari_zecoverage.core.cuts import Cuts, cuts_of
from napari_zecoverage.core.levels import opening_as_read, threshold_in_frames
from napari_zecoverage.core.mask_pictures import lost_pixels
from napari_zecoverage.core.outcome import MaskOutcome
from napari_zecoverage.core.parameters import MaskParameters
from napari_zecoverage.core.parts import LastPart, Part, rect_in
from napari_zecoverage.core.ramp import Squares, squared_distances
from napari_zecoverage.core.ranks import Whole, pixel_counts

if TYPE_CHECKING:
    from napari_zecoverage.core.studied import ClusterStudy

FARTHER: Final = 2
"""The distances reach so many times as far as the margin that they are made for …"""

NEAR_PX: Final = 250
"""… and at least so far, which whole numbers of two bytes hold …"""

FAR_PX: Final = 700
"""… but no farther than this, or than the margin needs: it would take much longer …"""

ROOM: Final = 1.25
"""… and new ones are wanted when they reach less than so many times as far as the margin."""


class RimCut(NamedTuple):
    """What of the distances decides what is removed.

    Attributes
    ----------
    shown : int
        A pixel is opaque from this squared distance on.
    saved : Rect
        What of the canvas the saved tile keeps.
    """

    shown: int
    saved: Rect


@dataclass(frozen=True, eq=False)
class RimDistance:
    """How far each well-covered pixel of a study is from the rim.

    Attributes
    ----------
    study : ClusterStudy
    asked : tuple
        The threshold and the opening that it is of; see `CoverageMask.asked`.
    maximum : float
        Of the coverage.
    most_px : float
        They reach farther than this only for a wider margin.
    reach_px : float
        A pixel that is farther away counts as being just beyond it.
    squares : (H, W) uint16 or float32 array
        Squared distances; 0 where not covered well.
    at_least : (n,) int64 array
        How many pixels have at least each squared distance.
    farthest_in_row, farthest_in_column : (H,) and (W,) array
        The largest squared distance of each.
    """

    study: ClusterStudy
    asked: tuple[np.float32, int]
    maximum: float
    most_px: float
    reach_px: float
    squares: Squares
    at_least: Whole
    farthest_in_row: Squares
    farthest_in_column: Squares
    _last_covered: LastPart = field(default_factory=LastPart, init=False, repr=False)
    _last_squares: LastPart = field(default_factory=LastPart, init=False, repr=False)

    def serves(self, parameters: MaskParameters) -> bool:
        """Return whether these are distances for such a mask, which reach far enough."""
        threshold = np.float32(threshold_in_frames(parameters, self.maximum))
        opening = opening_as_read(parameters.morph_open_px, self.maximum)
        margin_px, _ = ramp_asked(self.squares.shape, parameters)
        return self.asked == (threshold, opening) and margin_px <= self.reach_px

    def is_ample_for(self, parameters: MaskParameters) -> bool:
        """Return whether they serve, with room for more if others would have it."""
        margin_px, _ = ramp_asked(self.squares.shape, parameters)
        enough = min(ROOM * margin_px, _reach_px(margin_px, self.most_px))
        return self.serves(parameters) and self.reach_px >= enough

    def cut(self, parameters: MaskParameters) -> RimCut | None:
        """Return what of the distances decides what a mask removes.

        Returns
        -------
        RimCut or None
            None where these distances do not serve, and where ZeMosaic takes another
            mask than the one of the coverage.
        """
        if not self.serves(parameters):
            return None
        cuts = cuts_of(
            *ramp_asked(self.squares.shape, parameters),
            parameters.strict_overlap_crop_alpha_threshold,
        )
        if cuts.fate(self._at_least, self.squares.size) != "coverage":
            return None
        return RimCut(cuts.shown, self._saved(cuts, parameters))

    def removed(self, cut: RimCut, part: Part) -> NDArray[np.uint8]:
        """Return what a mask and the crops take away of a part of the canvas.

        Returns
        -------
        (h, w) uint8 array
            `HIDDEN`, `CUT_OFF` or 0, as `MaskPictures.removed` tells it.
        """
        coverage = self.study.coverage
        assert coverage is not None  # there are distances
        covered = self._last_covered.of(lambda part: coverage[part] > 0, part)
        hidden = covered & (self._last_squares.of(self.squares.__getitem__, part) < cut.shown)
        return lost_pixels(hidden, covered.__getitem__, rect_in(part, cut.saved, coverage.shape))

    def _at_least(self, square: int) -> int:
        return int(self.at_least[square]) if square < self.at_least.size else 0

    def _saved(self, cuts: Cuts, parameters: MaskParameters) -> Rect:
        """Return what of the canvas the saved tile keeps."""
        saved = canvas = Rect.whole(self.squares.shape)
        if parameters.strict_overlap_crop_enabled:
            share = self._at_least(cuts.core) / self.squares.size
            saved = crop_round_box(self._box(cuts.core), share, canvas, parameters)[0] or canvas
        if self.study.canvas.padded:
            return saved
        trim, _ = edge_trim(self.squares[saved.slices] >= cuts.some)
        return saved if trim is None else saved.part(trim)

    def _box(self, square: int) -> Rect:
        """Return the box round all pixels of at least a squared distance."""
        rows = np.flatnonzero(self.farthest_in_row >= square)
        columns = np.flatnonzero(self.farthest_in_column >= square)
        if rows.size == 0:
            return Rect(0, 0, 0, 0)
        return Rect(int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)


def rim_distance(study: ClusterStudy, outcome: MaskOutcome) -> RimDistance | None:
    """Measure how far each well-covered pixel is from the rim.

    Parameters
    ----------
    study : ClusterStudy
    outcome : MaskOutcome
        Of `apply_mask` for this study.

    Returns
    -------
    RimDistance or None
        None without a coverage, where every pixel is covered well, and where the margin is
        too wide.
    """
    making = outcome.making
    if making is None or making.coverage is None or making.chosen is None:
        return None
    made = making.chosen.from_coverage
    if made is None or made.good.all():
        return None
    height = int(np.count_nonzero(made.good.any(axis=1)))
    most_px = min(FAR_PX, height - 1)
    reach_px = _reach_px(made.ramp[0], most_px)
    squares = squared_distances(made.good, reach_px)
    if squares is None:
        return None
    in_row, in_column = squares.max(axis=1), squares.max(axis=0)
    counts = pixel_counts(squares, int(in_row.max()) + 1)
    at_least = np.cumsum(counts[::-1])[::-1]
    maximum = making.coverage.maximum
    distances = squares, at_least, in_row, in_column
    return RimDistance(study, made.asked, maximum, most_px, reach_px, *distances)


def _reach_px(margin_px: float, most_px: float) -> float:
    return max(margin_px, min(max(FARTHER * margin_px, NEAR_PX), most_px))
