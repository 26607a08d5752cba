"""Every mask of a study at once: what `apply_mask` says of each, in a fraction of the time.

The masks of rising levels lie inside one another, and an opening takes away but a
few pixels. So a distance to the rim is taken once a level; the openings' masks are
told from it near the pixels that they lose, and what stays visible of each region
is counted for all levels in one go.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_zecoverage.core.alpha import (
    CROSS,
    HIDDEN_ALPHA,
    KEPT_ALPHA,
    SAME_EVERYWHERE_SHARE,
    SMALLEST_DECAY,
    SQUARE,
    margin_in_pixels,
    usable_coverage,
)
from napari_zecoverage.core.crop import Rect, crop_round_core, edge_trim
from napari_zecoverage.core.errors import CoverageError, StudyCancelledError
from napari_zecoverage.core.fringe import Fringe, residual_of_visible
from napari_zecoverage.core.levels import OPENINGS, Guard, LevelField, field_of
from napari_zecoverage.core.outcome import (
    CROSS_MAXIMUM,
    LEAST_KEPT_SHARE,
    OPAQUE_ALPHA,
    AlphaStats,
    apply_mask,
)
from napari_zecoverage.core.parameters import MaskParameters
from napari_zecoverage.core.ramp import (
    EXACT_REACH_PX,
    Mask,
    Squares,
    alpha_of_squares,
    squared_distances,
)

if TYPE_CHECKING:
    from napari_zecoverage.core.studied import ClusterStudy

Ranks = NDArray[np.unsignedinteger[Any]]
Whole = NDArray[np.int64]
Fate = Literal["coverage", "discarded", "dropped"]

MOST_LOST: Final = 2e7
"""An opening whose lost pixels have more surroundings than this gets distances of its own."""

PIXELS_AT_WORK: Final = 2**25
"""So many pixels are worked on at a time, all threads together."""

MOST_THREADS: Final = 4

EXACT_COUNT: Final = 2**23
"""OpenCV counts in single precision; up to so many it is exact."""


class _Cuts(NamedTuple):
    """Alpha of each squared distance, and from which one on it is …

    Attributes
    ----------
    alpha : (n,) float64 array
    some : int
        … above 0.
    shown : int
        … opaque in the saved tile.
    hidden, kept : int
        … not hidden, or kept whole, for the rule that discards a mask.
    core : int
        … in the strict crop's core.
    """

    alpha: NDArray[np.float64]
    some: int
    shown: int
    hidden: int
    kept: int
    core: int


class _Measured(NamedTuple):
    """One coverage mask.

    Attributes
    ----------
    squares : (H, W) array
        Squared distance of each pixel to the outside.
    counts : (n,) int64 array
        Pixels of each squared distance.
    box : Rect
        Round all pixels that are inside.
    core : (H, W) bool array
        The strict crop's.
    saved : Rect
        What of the canvas the saved tile keeps.
    guards : tuple of str
        Of the crops.
    shown_px : int
        Opaque pixels of the saved tile.
    light : float
        Sum of its alpha.
    """

    squares: Squares
    counts: Whole
    box: Rect
    core: Mask
    saved: Rect
    guards: tuple[Guard, ...]
    shown_px: int
    light: float


class _Change(NamedTuple):
    """Where an opening's mask differs from the plain one of the level: flat places."""

    places: Whole
    before: Whole
    after: Whole


class _Told(NamedTuple):
    """What is told of a mask while others are still looked at.

    Attributes
    ----------
    key : tuple
        Masks of one key are the same.
    field : LevelField
        Without the fringe where `saved` is not None.
    saved : Rect or None
        What of the canvas the saved tile keeps, while the fringe is missing.
    shows_all : bool
        No opaque pixel is cut off.
    unseen : (n,) int64 array
        Flat places that the plain mask of the level shows, but not this one.
    """

    key: tuple[Any, ...]
    field: LevelField
    saved: Rect | None = None
    shows_all: bool = True
    unseen: Whole = np.empty(0, np.int64)


class AllMasks:
    """The masks of a study, for one margin, decay and strict crop.

    Parameters
    ----------
    study : ClusterStudy
        With a coverage.
    parameters : MaskParameters
        The thresholds and the opening mean nothing.
    fringe : Fringe, optional
        Adds what of it stays visible.

    Attributes
    ----------
    levels : tuple of float
        Frames, rising: 0, where every pixel is good, then each count that occurs.
    covered_px : int
        Pixels that any frame covers.

    Raises
    ------
    CoverageError
        The study has no coverage that a mask could be made from.
    """

    def __init__(
        self, study: ClusterStudy, parameters: MaskParameters, fringe: Fringe | None = None
    ) -> None:
        usable, why_not = usable_coverage(study.coverage, study.canvas.shape)
        if usable is None:
            raise CoverageError(f"a study without coverage has no masks to judge: {why_not}")
        self._study = study
        self._parameters = parameters
        self._fringe = fringe
        self.levels, plain = ranks_of(usable.frames)
        self._size = plain.size
        kernels = (CROSS, SQUARE) if self.levels[-1] > CROSS_MAXIMUM else (CROSS,)
        self._ranks = [plain, *(_opened(plain, kernel) for kernel in kernels)]
        # How many pixels have at least each rank.
        ranks = len(self.levels) + 1
        self._good_px = [
            np.cumsum(pixel_counts(each, ranks)[::-1])[::-1].tolist() for each in self._ranks
        ]
        self.covered_px = int(self._good_px[0][2])
        self._differing = [np.flatnonzero(each != plain) for each in self._ranks]
        self._margin_px = 0.0
        if parameters.margin_percent > 0:
            self._margin_px = margin_in_pixels(plain.shape, parameters.margin_percent)
        self._told_plainly = self._margin_px > EXACT_REACH_PX
        self._cuts = _cuts(parameters, 0.0 if self._told_plainly else self._margin_px)
        self._disc = _disc(self._margin_px, self._cuts.alpha.size - 1)
        self._lock = Lock()
        self._fates: dict[str, LevelField] = {}

    def look_at_all(
        self,
        *,
        progress: Callable[[int, int], object] | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> tuple[tuple[LevelField, ...], tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]]:
        """Return what every mask does.

        Parameters
        ----------
        progress : callable, optional
            Given the levels looked at and all levels.
        should_stop : callable, optional
            Asked now and then.

        Returns
        -------
        masks : tuple of LevelField
            One a mask that differs.
        chosen : three tuples of int
            For each opening, the index into `masks` of each level.

        Raises
        ------
        StudyCancelledError
            `should_stop` said so.
        """
        count = len(self.levels)
        told: list[list[_Told]] = [[] for _ in range(count)]
        top = np.zeros_like(self._ranks[0])
        with ThreadPoolExecutor(self._threads()) as pool:
            jobs = {pool.submit(self._of_level, index, top): index for index in range(count)}
            for done, job in enumerate(as_completed(jobs), 1):
                if should_stop is not None and should_stop():
                    pool.shutdown(cancel_futures=True)
                    raise StudyCancelledError("the judging of the masks was not finished")
                told[jobs[job]] = job.result()
                if progress is not None:
                    progress(done, count)
        return self._all_told(told, top)

    # ----- the masks of a level ---------------------------------------------------------

    def _threads(self) -> int:
        return max(1, min(os.cpu_count() or 1, MOST_THREADS, PIXELS_AT_WORK // self._size))

    def _of_level(self, index: int, top: Ranks) -> list[_Told]:
        """Return the masks of all openings; `top` gets the highest level that shows a pixel."""
        good = self._ranks[0] >= index + 1
        plain = None if good.all() else self._measured(good)
        if plain is None:
            alone = [self._alone(state, index) for state in range(len(self._ranks))]
            return alone
        if self._fringe is not None:
            shown = (plain.squares >= self._cuts.shown).view(np.uint8)
            with self._lock:
                np.maximum(top, np.multiply(shown, index, dtype=top.dtype), out=top)
        told = [self._told(plain, 0, index)]
        for state in range(1, len(self._ranks)):
            if not self._good_px[state][index + 1]:
                told.append(_with_guards(told[0], "opening left out"))
                continue
            lost = self._lost(state, index)
            if lost.size == 0:
                told.append(told[0])
            elif lost.size * self._disc.size > MOST_LOST:
                told.append(self._alone(state, index))
            else:
                change = self._nearer(plain.squares, lost)
                told.append(self._told(self._changed(plain, change), state, index, change))
        return told

    def _alone(self, state: int, index: int) -> _Told:
        """Return one mask with its fringe, for itself."""
        good = self._ranks[state] >= index + 1
        whole = bool(good.all())
        measured = None if whole else self._measured(good)
        if measured is None:
            told = self._plainly(state, index, whole)
        else:
            told = self._told(measured, state, index)
            if told.saved is not None and self._fringe is not None:
                shown = (measured.squares >= self._cuts.shown)[told.saved.slices]
                regions = self._fringe.regions[told.saved.slices][shown]
                told = self._with_visible(told, np.bincount(regions, minlength=self._regions))
        return told

    def _lost(self, state: int, index: int) -> Whole:
        """Return the flat places that the opening takes from a level."""
        places = self._differing[state]
        before, after = (self._ranks[each].ravel()[places] for each in (0, state))
        return places[(before >= index + 1) & (after < index + 1)]

    def _told(
        self, measured: _Measured, state: int, index: int, change: _Change | None = None
    ) -> _Told:
        cuts = self._cuts
        fate, stats = self._fate(measured.counts)
        if fate != "coverage":
            field = self._field_of_fate(fate, state, index)
            if fate == "dropped":
                field = field._replace(alpha_stats=stats)
            return _Told((fate, stats if fate == "dropped" else None), field)
        if index == 0:
            # The only level whose good pixels need not be covered.
            return self._plainly(state, index, False)
        field = LevelField(
            "coverage",
            # As `apply_mask` has them, to the last bit: it tells what is lost.
            1.0 - (1.0 - measured.shown_px / self.covered_px),
            1.0 - max(0.0, 1.0 - measured.light / self.covered_px),
            None,
            stats,
            measured.guards,
        )
        shows_all = int(measured.counts[cuts.shown :].sum()) == measured.shown_px
        told = _Told(("coverage", state, index), field, measured.saved, shows_all)
        if change is None:
            return told
        hidden = (change.before >= cuts.shown) & (change.after < cuts.shown)
        return told._replace(unseen=change.places[hidden])

    def _fate(self, counts: Whole) -> tuple[Fate, AlphaStats]:
        """Return what becomes of a coverage mask, and the stats of its alpha."""
        cuts, seen = self._cuts, np.flatnonzero(counts)
        stats = AlphaStats(
            int(counts[cuts.some :].sum()) / self._size,
            float(cuts.alpha[seen[0]]),
            float(cuts.alpha[seen[-1]]),
        )
        kept, hidden = int(counts[cuts.kept :].sum()), int(counts[: cuts.hidden].sum())
        if max(kept, hidden) / self._size > SAME_EVERYWHERE_SHARE:
            return "discarded", stats
        return "dropped" if stats.nonzero_frac < LEAST_KEPT_SHARE else "coverage", stats

    def _field_of_fate(self, fate: Fate, state: int, index: int) -> LevelField:
        """Return what ZeMosaic does instead: the same for all masks of a fate."""
        with self._lock:
            if fate not in self._fates:
                self._fates[fate] = self._by_apply_mask(state, index)
            return self._fates[fate]

    def _plainly(self, state: int, index: int, whole: bool) -> _Told:
        if not whole:
            return _Told(("coverage", state, index), self._by_apply_mask(state, index))
        with self._lock:
            if "whole" not in self._fates:
                self._fates["whole"] = self._by_apply_mask(state, index)
                if "coverage mask discarded" in self._fates["whole"].guards:
                    self._fates["discarded"] = self._fates["whole"]
            field = self._fates["whole"]
        if "coverage mask discarded" in field.guards:
            return _Told(("discarded", None), field)
        return _Told(("whole",), field)

    def _by_apply_mask(self, state: int, index: int) -> LevelField:
        # By the share, because the relax rule never touches it.
        asked = replace(
            self._parameters,
            min_coverage_abs=0,
            min_coverage_frac=self.levels[index] / self.levels[-1],
            morph_open_px=OPENINGS[state],
        )
        return field_of(apply_mask(self._study, asked, fringe=self._fringe))

    # ----- measuring --------------------------------------------------------------------

    def _measured(self, good: Mask) -> _Measured | None:
        """Return what the mask of these pixels does; None where that is beyond this room."""
        if self._told_plainly:
            return None
        squares: Squares | None = good.astype(np.uint16)
        if self._margin_px:
            squares = squared_distances(good, self._margin_px)
        if squares is None:
            return None
        x, y, width, height = cv2.boundingRect(good.view(np.uint8))
        box = Rect(y, x, y + height, x + width)
        counts = pixel_counts(squares[box.slices], self._cuts.alpha.size)
        counts[0] += self._size - width * height
        core = squares >= self._cuts.core
        saved, guards = self._crops(core, squares)
        sums = self._sums(squares, counts, box, saved)
        return _Measured(squares, counts, box, core, saved, guards, *sums)

    def _changed(self, plain: _Measured, change: _Change) -> _Measured:
        """Return what a mask does that differs from another one in a few places."""
        cuts, (places, before, after) = self._cuts, change
        size = cuts.alpha.size
        counts = plain.counts - np.bincount(before, minlength=size)
        counts += np.bincount(after, minlength=size)
        core = plain.core.copy()
        core.ravel()[places] = after >= cuts.core
        squares = plain.squares
        if not self._study.canvas.padded:
            squares = self._rewritten(plain.squares, change)
        saved, guards = self._crops(core, squares)
        if saved != plain.saved:
            squares = self._rewritten(plain.squares, change)
            sums = self._sums(squares, counts, plain.box, saved)
            return _Measured(plain.squares, counts, plain.box, core, saved, guards, *sums)
        inside = _inside(saved, places, core.shape[1])
        before, after = before[inside], after[inside]
        hidden = int(np.count_nonzero((before >= cuts.shown) & (after < cuts.shown)))
        light = plain.light + float((cuts.alpha[after] - cuts.alpha[before]).sum())
        shown_px = plain.shown_px - hidden
        return _Measured(plain.squares, counts, plain.box, core, saved, guards, shown_px, light)

    def _rewritten(self, squares: Squares, change: _Change) -> Squares:
        squares = squares.copy()
        squares.ravel()[change.places] = change.after
        return squares

    def _crops(self, core: Mask, squares: Squares) -> tuple[Rect, tuple[Guard, ...]]:
        """Return what the saved tile keeps, and the crops that were skipped."""
        saved = Rect(0, 0, *core.shape)
        guards: list[Guard] = []
        if self._parameters.strict_overlap_crop_enabled:
            strict, skipped = crop_round_core(core.view(np.uint8), self._parameters)
            saved = strict or saved
            if skipped:
                guards.append("strict crop skipped")
        if not self._study.canvas.padded:
            trim, skipped = edge_trim(squares[saved.slices] >= self._cuts.some)
            if skipped:
                guards.append("edge trim skipped")
            if trim is not None:
                y0, x0 = saved.y0, saved.x0
                saved = Rect(y0 + trim.y0, x0 + trim.x0, y0 + trim.y1, x0 + trim.x1)
        return saved, tuple(guards)

    def _sums(self, squares: Squares, counts: Whole, box: Rect, saved: Rect) -> tuple[int, float]:
        """Return the opaque pixels and the sum of alpha of the saved tile."""
        inside = counts
        for part in _outside(saved, box):
            inside = inside - pixel_counts(squares[part], self._cuts.alpha.size)
        seen = np.flatnonzero(inside[1:]) + 1
        light = float((inside[seen] * self._cuts.alpha[seen]).sum())
        return int(inside[self._cuts.shown :].sum()), light

    def _nearer(self, squares: Squares, lost: Whole) -> _Change:
        """Return where a pixel that the opening took away is nearer than the outside was."""
        width = squares.shape[1]
        reach = self._disc.shape[0] // 2
        places, distances = [], []
        for y, x in zip(*(each.tolist() for each in np.divmod(lost, width)), strict=True):
            top, left = max(0, y - reach), max(0, x - reach)
            window = squares[top : y + reach + 1, left : x + reach + 1]
            disc = self._disc[top - y + reach :, left - x + reach :]
            disc = disc[: window.shape[0], : window.shape[1]]
            rows, columns = np.divmod(np.flatnonzero(disc < window), window.shape[1])
            places.append((rows + top) * width + columns + left)
            distances.append(disc[rows, columns])
        place, distance = np.concatenate(places), np.concatenate(distances).astype(np.int64)
        order = np.lexsort((distance, place))
        place, distance = place[order], distance[order]
        first = np.concatenate([[True], place[1:] != place[:-1]])
        place, distance = place[first], distance[first]
        return _Change(place, squares.ravel()[place].astype(np.int64), distance)

    # ----- the fringe -------------------------------------------------------------------

    @property
    def _regions(self) -> int:
        return 0 if self._fringe is None else self._fringe.region_steps.count.size

    def _with_visible(self, told: _Told, visible: Whole) -> _Told:
        assert self._fringe is not None
        left = residual_of_visible(self._fringe, visible)
        return told._replace(field=told.field._replace(fringe=left), saved=None)

    def _all_told(
        self, told: list[list[_Told]], top: Ranks
    ) -> tuple[tuple[LevelField, ...], tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]]:
        """Tell the fringe of every mask, and give each mask once."""
        fringe, visible = self._fringe, None
        if fringe is not None:
            count = len(self.levels)
            joint = np.multiply(fringe.regions, count, dtype=np.int64)
            joint += top
            table = np.bincount(joint.ravel(), minlength=self._regions * count)
            visible = np.cumsum(table.reshape(self._regions, count)[:, ::-1], axis=1)[:, ::-1]
        number: dict[tuple[Any, ...], int] = {}
        masks: list[LevelField] = []
        chosen: list[list[int]] = [[] for _ in self._ranks]
        for index, of_level in enumerate(told):
            for state, each in enumerate(of_level):
                key = (each.key, each.field.guards)
                if key not in number:
                    number[key] = len(masks)
                    if visible is not None and each.saved is not None:
                        each = self._with_visible(
                            each, self._visible(each, visible[:, index], top, index)
                        )
                    masks.append(each.field)
                chosen[state].append(number[key])
        rows = [tuple(each) for each in chosen]
        return tuple(masks), (rows[0], rows[1], rows[-1])

    def _visible(self, told: _Told, visible: Whole, top: Ranks, index: int) -> Whole:
        """Return the visible pixels of each region, from those of the level's plain mask."""
        assert self._fringe is not None
        assert told.saved is not None
        regions, saved, unseen = self._fringe.regions, told.saved, told.unseen
        if not told.shows_all:
            for part in _outside(saved, Rect(0, 0, *top.shape)):
                cut_off = regions[part][top[part] >= index]
                visible = visible - np.bincount(cut_off, minlength=self._regions)
            unseen = unseen[_inside(saved, unseen, top.shape[1])]
        return visible - np.bincount(regions.ravel()[unseen], minlength=self._regions)


# --- counting --------------------------------------------------------------------------------


def ranks_of(frames: NDArray[np.float32]) -> tuple[tuple[float, ...], Ranks]:
    """Return the levels of a coverage, and which one each pixel reaches.

    Parameters
    ----------
    frames : (H, W) float32 array
        Finite; negative values count as 0.

    Returns
    -------
    levels : tuple of float
        Rising: 0, then each count that occurs.
    ranks : (H, W) uint8 or uint16 array
        1 + the index of the pixel's level: a level's good pixels have at least that.

    Raises
    ------
    CoverageError
        There are more levels than anybody could judge.
    """
    most = float(frames.max())
    if float(frames.min()) >= 0 and most < 2**16 - 1:
        counts: Ranks = frames.astype(np.uint8 if most < 2**8 - 1 else np.uint16)
        if np.array_equal(counts, frames):
            # Frames are counted: many times quicker than sorting every pixel.
            occurs = pixel_counts(counts, int(most) + 1) > 0
            occurs[0] = True
            rank = np.cumsum(occurs).astype(counts.dtype)
            levels = tuple(float(each) for each in np.flatnonzero(occurs))
            return levels, rank.take(counts)
    values = np.unique(frames[frames > 0])
    if values.size >= 2**16 - 1:
        raise CoverageError(
            f"coverage: expected counts of frames, got {values.size} different values"
        )
    ranks = np.searchsorted(values, frames, side="right") + 1
    return (0.0, *(float(each) for each in values)), ranks.astype(np.uint16)


def pixel_counts(values: Ranks | Squares, size: int) -> Whole:
    """Return how many pixels have each whole number from 0 to `size` − 1.

    Parameters
    ----------
    values : (H, W) uint8, uint16 or float32 array
        Whole numbers below `size`.
    size : int
    """
    counts = np.zeros(size, dtype=np.int64)
    rows = max(1, EXACT_COUNT // max(1, values.shape[1]))
    for top in range(0, values.shape[0], rows):
        part = cv2.calcHist([values[top : top + rows]], [0], None, [size], [0, size])
        counts += part.ravel().astype(np.int64)
    return counts


def _opened(ranks: Ranks, kernel: NDArray[np.uint8]) -> Ranks:
    # Opening picks the ranks of each level's good pixels after their opening.
    opened = cv2.morphologyEx(
        ranks, cv2.MORPH_OPEN, kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0
    )
    return np.asarray(opened, dtype=ranks.dtype)


def _cuts(parameters: MaskParameters, margin_px: float) -> _Cuts:
    alpha = np.array([0, 1], dtype=np.float32)
    if margin_px:
        alpha = alpha_of_squares(margin_px, 1.0 / max(parameters.decay, SMALLEST_DECAY))
    return _Cuts(
        alpha.astype(np.float64),
        _first(alpha > 0),
        _first(alpha >= OPAQUE_ALPHA),
        _first(alpha >= HIDDEN_ALPHA),
        _first(alpha > KEPT_ALPHA),
        _first(alpha >= parameters.strict_overlap_crop_alpha_threshold),
    )


def _first(reached: Mask) -> int:
    return int(np.argmax(reached)) if reached.any() else reached.size


def _disc(margin_px: float, last: int) -> NDArray[Any]:
    """Return the squared distance of each pixel round one, up to `last`."""
    reach = math.isqrt(last) if margin_px else 0
    line = np.arange(-reach, reach + 1) ** 2
    squares = np.minimum(np.add.outer(line, line), last)
    return squares.astype(np.uint16 if last < 2**16 else np.float32)


def _inside(rect: Rect, places: Whole, width: int) -> Mask:
    y, x = np.divmod(places, width)
    inside: Mask = (y >= rect.y0) & (y < rect.y1) & (x >= rect.x0) & (x < rect.x1)
    return inside


def _outside(rect: Rect, box: Rect) -> list[tuple[slice, slice]]:
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


def _with_guards(told: _Told, guard: Guard) -> _Told:
    guards = {guard, *told.field.guards}
    ordered = tuple(each for each in get_args(Guard) if each in guards)
    return told._replace(field=told.field._replace(guards=ordered))
