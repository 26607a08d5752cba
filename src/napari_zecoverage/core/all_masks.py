"""Every mask of a study at once: what `apply_mask` says of each, in a fraction of the time.

The masks of rising levels lie inside one another, and an opening takes away but a
few pixels. So a distance to the rim is taken once a level; the openings' masks are
told from it near the pixels that they lose (`shown_regions` does so for the fringe,
`mask_pictures` for what is seen of them).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_zecoverage.core.alpha import CROSS, SQUARE, ramp_asked
from napari_zecoverage.core.crop import (
    Rect,
    crop_round_core,
    edge_trim,
    parts_outside,
    places_inside,
)
from napari_zecoverage.core.cuts import cuts_of
from napari_zecoverage.core.errors import CoverageError, StudyCancelledError
from napari_zecoverage.core.fringe import Fringe
from napari_zecoverage.core.levels import OPENINGS, Guard, LevelField, field_of, level_index
from napari_zecoverage.core.mask_choice import usable_coverage
from napari_zecoverage.core.mask_pictures import MaskPictures, NearlyLevel, OwnPicture, Shown
from napari_zecoverage.core.outcome import AlphaStats, apply_mask
from napari_zecoverage.core.parameters import MaskParameters
from napari_zecoverage.core.ramp import EXACT_REACH_PX, Mask, Squares, squared_distances
from napari_zecoverage.core.ranks import Whole, opened_ranks, pixel_counts, ranks_of
from napari_zecoverage.core.read_thresholds import CROSS_MAXIMUM
from napari_zecoverage.core.shown_regions import residuals

if TYPE_CHECKING:
    from napari_zecoverage.core.studied import ClusterStudy

SharedFate = Literal["discarded", "dropped", "whole"]
"""Why ZeMosaic does the same with many masks."""

Chosen = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]
"""For each opening, the index of each level's mask."""

MOST_SURROUNDINGS: Final = 8
"""An opening whose lost pixels have surroundings of more canvases gets distances of its own …"""

MOST_CHANGED: Final = 1 / 64
"""… and so does one that changes more of the canvas: a list of places is then too long."""

PIXELS_AT_WORK: Final = 2**25
"""So many pixels are worked on at a time, all threads together."""

MOST_THREADS: Final = 4


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
    """What is told of a mask.

    Attributes
    ----------
    key : tuple
        Masks of one key are the same.
    field : LevelField
        Without the fringe.
    shown : NearlyLevel, OwnPicture or None
        What it shows; None where the mask cannot be told, or nobody asks for it.
    """

    key: tuple[Any, ...]
    field: LevelField
    shown: Shown | None = None


class AllMasks:
    """The masks of a study, for one margin, decay and strict crop.

    Parameters
    ----------
    study : ClusterStudy
        With a coverage.
    parameters : MaskParameters
        The thresholds decide which level is looked at first, and nothing else.
    fringe : callable, optional
        Gives the study's fringe, of which what stays visible is added. Called once
        all masks were looked at: it may be measured until then.
    on_pictures : callable, optional
        Given what the masks take away, before the first one is looked at.

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
        self,
        study: ClusterStudy,
        parameters: MaskParameters,
        fringe: Callable[[], Fringe] | None = None,
        on_pictures: Callable[[MaskPictures], object] | None = None,
    ) -> None:
        usable, why_not = usable_coverage(study.coverage, study.canvas.shape)
        if usable is None:
            raise CoverageError(f"a study without coverage has no masks to judge: {why_not}")
        self._study = study
        self._parameters = parameters
        self._fringe = fringe
        self._on_pictures = on_pictures
        self.levels, plain = ranks_of(usable.frames)
        self._size = plain.size
        kernels = (CROSS, SQUARE) if self.levels[-1] > CROSS_MAXIMUM else (CROSS,)
        self._ranks = [plain, *(opened_ranks(plain, kernel) for kernel in kernels)]
        # How many pixels have at least each rank.
        ranks = len(self.levels) + 1
        self._good_px = [
            np.cumsum(pixel_counts(each, ranks)[::-1])[::-1].tolist() for each in self._ranks
        ]
        self.covered_px = int(self._good_px[0][2])
        self._differing = [np.flatnonzero(each != plain) for each in self._ranks]
        self._margin_px, exponent = ramp_asked(plain.shape, parameters)
        self._told_plainly = self._margin_px > EXACT_REACH_PX
        self._cuts = cuts_of(
            0.0 if self._told_plainly else self._margin_px,
            exponent,
            parameters.strict_overlap_crop_alpha_threshold,
        )
        self._alpha = self._cuts.alpha.astype(np.float64)  # sums of it are exact enough so
        self._disc = _disc(self._margin_px, self._alpha.size - 1)
        self._pictures = None
        if fringe is not None or on_pictures is not None:
            assert study.coverage is not None  # there is a usable one
            self._pictures = MaskPictures(study.coverage, self.levels, parameters)
        self._lock = Lock()
        self._fates: dict[SharedFate, _Told] = {}

    def look_at_all(
        self,
        *,
        progress: Callable[[int, int], object] | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> tuple[tuple[LevelField, ...], Chosen]:
        """Return what every mask does.

        Parameters
        ----------
        progress : callable, optional
            Given the levels looked at and all levels.
        should_stop : callable, optional
            Asked before each level, from the threads that look at them: whoever makes it
            wait holds these up.

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
        if self._pictures is not None and self._on_pictures is not None:
            self._on_pictures(self._pictures)
        # What the sliders reach first is told first.
        first = level_index(self.levels, self._parameters)
        nearest = sorted(range(count), key=lambda index: abs(index - first))
        told: list[list[_Told]] = [[] for _ in range(count)]

        def look_at(index: int) -> list[_Told]:
            if should_stop is not None and should_stop():
                raise StudyCancelledError("the judging of the masks was not finished")
            return self._of_level(index)

        pool = ThreadPoolExecutor(self._threads())
        try:
            jobs = {pool.submit(look_at, index): index for index in nearest}
            for done, job in enumerate(as_completed(jobs), 1):
                index = jobs[job]
                told[index] = job.result()
                if self._pictures is not None:
                    self._pictures.tell(index, tuple(each.shown for each in told[index]))
                if progress is not None:
                    progress(done, count)
        finally:
            pool.shutdown(cancel_futures=True)
        return self._each_once(told)

    # ----- the masks of a level ---------------------------------------------------------

    def _threads(self) -> int:
        # A worker process tells OpenCV how many threads it was given.
        return max(1, min(cv2.getNumThreads(), MOST_THREADS, PIXELS_AT_WORK // self._size))

    def _of_level(self, index: int) -> list[_Told]:
        """Return the masks of all openings."""
        good = self._ranks[0] >= index + 1
        plain = None if good.all() else self._measured(good)
        if plain is not None and self._pictures is not None:
            self._pictures.add(index, plain.squares >= self._cuts.shown)
        told = [self._alone(0, index) if plain is None else self._told(plain, 0, index)]
        for state in range(1, len(self._ranks)):
            if not self._good_px[state][index + 1]:
                told.append(_with_guards(told[0], "opening left out"))
                continue
            lost = self._lost(state, index)
            if lost.size == 0:
                told.append(told[0])
                continue
            change = None if plain is None else self._nearer(plain.squares, lost)
            if plain is None or change is None:
                told.append(self._alone(state, index))
            else:
                told.append(self._told(self._changed(plain, change), state, index, change))
        return told

    def _alone(self, state: int, index: int) -> _Told:
        """Return one mask, for itself."""
        good = self._ranks[state] >= index + 1
        whole = bool(good.all())
        measured = None if whole else self._measured(good)
        if measured is None:
            return self._whole(state, index) if whole else self._by_apply_mask(state, index)
        told = self._told(measured, state, index)
        if isinstance(told.shown, NearlyLevel):
            picture = OwnPicture.of(measured.squares >= self._cuts.shown, measured.saved)
            told = told._replace(shown=picture)
        return told

    def _lost(self, state: int, index: int) -> Whole:
        """Return the flat places that the opening takes from a level."""
        places = self._differing[state]
        before, after = (self._ranks[each].ravel()[places] for each in (0, state))
        return places[(before >= index + 1) & (after < index + 1)]

    def _told(
        self, measured: _Measured, state: int, index: int, change: _Change | None = None
    ) -> _Told:
        cuts, counts = self._cuts, measured.counts
        fate = cuts.fate(lambda cut: int(counts[cut:].sum()), self._size)
        if fate == "discarded":
            return self._of_fate(fate, state, index)
        seen = np.flatnonzero(counts)
        stats = AlphaStats(
            int(counts[cuts.some :].sum()) / self._size,
            float(self._alpha[seen[0]]),
            float(self._alpha[seen[-1]]),
        )
        if fate == "dropped":
            told = self._of_fate(fate, state, index)
            field = told.field._replace(alpha_stats=stats)
            return told._replace(key=(fate, stats), field=field)
        if index == 0:
            # The only level whose good pixels need not be covered.
            return self._by_apply_mask(state, index)
        field = LevelField(
            "coverage",
            # As `apply_mask` has them, to the last bit: it tells what is lost.
            1.0 - (1.0 - measured.shown_px / self.covered_px),
            1.0 - max(0.0, 1.0 - measured.light / self.covered_px),
            None,
            stats,
            measured.guards,
        )
        told = _Told(("coverage", state, index), field)
        if self._pictures is None:
            return told
        shows_all = int(counts[cuts.shown :].sum()) == measured.shown_px
        shown = NearlyLevel(index, measured.saved, shows_all)
        if change is not None:
            hidden = (change.before >= cuts.shown) & (change.after < cuts.shown)
            shown = shown._replace(unseen=change.places[hidden])
        return told._replace(shown=shown)

    def _of_fate(self, fate: SharedFate, state: int, index: int) -> _Told:
        """Return what ZeMosaic does instead: the same for all masks of a fate."""
        with self._lock:
            if fate not in self._fates:
                told = self._by_apply_mask(state, index)
                self._fates[fate] = told._replace(key=(fate, None))
            return self._fates[fate]

    def _whole(self, state: int, index: int) -> _Told:
        """Return the mask of a level that every pixel reaches; it may be discarded for that."""
        told = self._of_fate("whole", state, index)
        if "coverage mask discarded" not in told.field.guards:
            return told
        told = told._replace(key=("discarded", None))
        with self._lock:
            self._fates["discarded"] = told
        return told

    def _by_apply_mask(self, state: int, index: int) -> _Told:
        # By the share, because the relax rule never touches it.
        asked = replace(
            self._parameters,
            min_coverage_abs=0,
            min_coverage_frac=self.levels[index] / self.levels[-1],
            morph_open_px=OPENINGS[state],
        )
        outcome = apply_mask(self._study, asked)
        told = _Told(("coverage", state, index), field_of(outcome))
        if self._pictures is None or outcome.field_lost is None:
            return told
        return told._replace(shown=OwnPicture.of(outcome.opaque, outcome.saved_rect))

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
        counts = pixel_counts(squares[box.slices], self._alpha.size)
        counts[0] += self._size - width * height
        core = squares >= self._cuts.core
        saved, guards = self._crops(core, squares)
        sums = self._sums(squares, counts, box, saved)
        return _Measured(squares, counts, box, core, saved, guards, *sums)

    def _changed(self, plain: _Measured, change: _Change) -> _Measured:
        """Return what a mask does that differs from another one in a few places."""
        cuts, (places, before, after) = self._cuts, change
        size = self._alpha.size
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
        inside = places_inside(saved, places, core.shape[1])
        before, after = before[inside], after[inside]
        hidden = int(np.count_nonzero((before >= cuts.shown) & (after < cuts.shown)))
        light = plain.light + float((self._alpha[after] - self._alpha[before]).sum())
        shown_px = plain.shown_px - hidden
        return _Measured(plain.squares, counts, plain.box, core, saved, guards, shown_px, light)

    def _rewritten(self, squares: Squares, change: _Change) -> Squares:
        squares = squares.copy()
        squares.ravel()[change.places] = change.after
        return squares

    def _crops(self, core: Mask, squares: Squares) -> tuple[Rect, tuple[Guard, ...]]:
        """Return what the saved tile keeps, and the crops that were skipped."""
        saved = Rect.whole(core.shape)
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
            saved = saved if trim is None else saved.part(trim)
        return saved, tuple(guards)

    def _sums(self, squares: Squares, counts: Whole, box: Rect, saved: Rect) -> tuple[int, float]:
        """Return the opaque pixels and the sum of alpha of the saved tile."""
        inside = counts
        for part in parts_outside(saved, box):
            inside = inside - pixel_counts(squares[part], self._alpha.size)
        seen = np.flatnonzero(inside[1:]) + 1
        light = float((inside[seen] * self._alpha[seen]).sum())
        return int(inside[self._cuts.shown :].sum()), light

    def _nearer(self, squares: Squares, lost: Whole) -> _Change | None:
        """Return where a pixel that the opening took away is nearer than the outside was.

        None where that is no quicker than distances of their own.
        """
        if lost.size * self._disc.size > MOST_SURROUNDINGS * self._size:
            return None
        width, changed = squares.shape[1], 0
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
            changed += rows.size
            if changed > MOST_CHANGED * self._size:
                return None
        place, distance = np.concatenate(places), np.concatenate(distances).astype(np.int64)
        order = np.lexsort((distance, place))
        place, distance = place[order], distance[order]
        first = np.concatenate([[True], place[1:] != place[:-1]])
        place, distance = place[first], distance[first]
        return _Change(place, squares.ravel()[place].astype(np.int64), distance)

    # ----- all together -----------------------------------------------------------------

    def _each_once(self, told: list[list[_Told]]) -> tuple[tuple[LevelField, ...], Chosen]:
        """Give each mask once, with its fringe."""
        number: dict[tuple[Any, ...], int] = {}
        masks: list[_Told] = []
        chosen: list[list[int]] = [[] for _ in self._ranks]
        for of_level in told:
            for state, each in enumerate(of_level):
                key = (each.key, each.field.guards)
                if key not in number:
                    number[key] = len(masks)
                    masks.append(each)
                chosen[state].append(number[key])
        rows = [tuple(each) for each in chosen]
        return self._fields(masks), (rows[0], rows[1], rows[-1])

    def _fields(self, masks: list[_Told]) -> tuple[LevelField, ...]:
        """Return the figures of masks, with what of the fringe stays visible."""
        fields = tuple(each.field for each in masks)
        if self._pictures is None or self._fringe is None:
            return fields
        # Dropped masks share what is shown instead of them.
        shown = {id(each.shown): each.shown for each in masks if each.shown is not None}
        top, levels = self._pictures.top, len(self.levels)
        found = residuals(self._fringe(), top, levels, list(shown.values()))
        left = dict(zip(shown, found, strict=True))
        return tuple(each.field._replace(fringe=left.get(id(each.shown))) for each in masks)


# --- parts of it -----------------------------------------------------------------------------


def _disc(margin_px: float, last: int) -> NDArray[Any]:
    """Return the squared distance of each pixel round one, up to `last`."""
    reach = math.isqrt(last) if margin_px else 0
    line = np.arange(-reach, reach + 1) ** 2
    squares = np.minimum(np.add.outer(line, line), last)
    return squares.astype(np.uint16 if last < 2**16 else np.float32)


def _with_guards(told: _Told, guard: Guard) -> _Told:
    guards = {guard, *told.field.guards}
    ordered = tuple(each for each in get_args(Guard) if each in guards)
    return told._replace(field=told.field._replace(guards=ordered))
