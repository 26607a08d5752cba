"""The setting that serves clusters best, found by comparing all that give a different mask.

It works on the figures of `JudgedCluster`, so what is found is the optimum. One cluster is a
run of one.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_zecoverage.core.judged import JudgedCluster
from napari_zecoverage.core.levels import (
    OPENINGS,
    THRESHOLDS,
    Guard,
    LevelField,
    Over,
    ends_of_stretches,
    levels_over,
    opening_as_read,
    threshold_in_frames,
    why_cliff,
)
from napari_zecoverage.core.parameters import AdviceOptions, MaskParameters
from napari_zecoverage.core.read_thresholds import RELAXED_MAXIMUM

Floats = NDArray[np.float64]

HARMLESS: Final[frozenset[Guard]] = frozenset(
    {"min_coverage_abs above the maximum", "morph_open_px read as 1"}
)
"""What is asked for is read as the same thing said otherwise."""

LEAST_MARGIN: Final = 1.0
"""Frames that an advised threshold keeps away from a cliff."""

MOST_STRETCHES: Final = 2000
"""With more stretches of a threshold, those narrower than a thousandth are not told apart."""

DEFAULTS: Final = MaskParameters()
"""ZeMosaic's, which are left where nothing speaks against them."""


class Choice(NamedTuple):
    """Settings, and what they do to a cluster.

    Attributes
    ----------
    parameters : MaskParameters
    level : LevelField
        Which mask, field kept, residual fringe, alpha stats, guards.
    threshold : float
        The number of frames that coverage is compared with.
    """

    parameters: MaskParameters
    level: LevelField
    threshold: float

    @property
    def field_lost(self) -> float:
        """Share (0 to 1) of the covered area that the saved tile does not show."""
        return 1.0 - self.level.hard


class ServedCluster(NamedTuple):
    """What the one setting of a run does to a cluster.

    Attributes
    ----------
    name : str
    before, after : Choice
        ZeMosaic's default thresholds, and those that are advised for the run.
    alone_lost : float
        Share of its field that the best setting for it alone would cost; NaN
        when no setting is right for it.
    """

    name: str
    before: Choice
    after: Choice
    alone_lost: float


def cliff_margin(judged: JudgedCluster, parameters: MaskParameters) -> float | None:
    """Return the frames from a threshold to the nearest cliff, None when there is none.

    Parameters
    ----------
    judged : JudgedCluster
    parameters : MaskParameters
        As they were judged; the three thresholds are used.
    """
    fields = judged.fields(parameters.morph_open_px)
    level = judged.levels[judged.level_index(parameters)]
    threshold = threshold_in_frames(parameters, judged.maximum)
    low, high = _round(_cliffs(judged.levels, fields), level)
    distances = [threshold - low, high - threshold]
    if judged.maximum <= RELAXED_MAXIMUM and parameters.min_coverage_abs < judged.maximum:
        distances.append(judged.maximum - parameters.min_coverage_abs)
    nearest = min(distances)
    return nearest if math.isfinite(nearest) else None


# --- one cluster's figures, ready to be compared ---------------------------------------------


class View(NamedTuple):
    """What the search needs of a cluster: tables (3, levels), a row an opening.

    Attributes
    ----------
    judged : JudgedCluster
    lost : (3, L) float64
        Share of the covered area.
    excess : (3, L) float64
        How far the fringe surely exceeds the tolerance; 0 within it.
    lowest, highest : (3, L) float64
        Thresholds between which the level is safe; none where it is not.
    allowed : float
        The least excess that a safe level has, 0 when it is within the tolerance.
    reason : bool
        There is a fringe to cut.
    safe : bool
        Any level is safe.
    alone_lost : float
        What the advice for this cluster alone costs.
    unavoidable : frozenset of str
        Guards that every coverage mask trips: no reason to prefer another one.
    """

    judged: JudgedCluster
    lost: Floats
    excess: Floats
    lowest: Floats
    highest: Floats
    allowed: float
    reason: bool
    safe: bool
    alone_lost: float
    unavoidable: frozenset[Guard]


def view_of(judged: JudgedCluster, options: AdviceOptions) -> View:
    """Return a cluster's figures as the search needs them."""
    rows = [judged.fields(opening) for opening in OPENINGS]
    lost = np.array([[1.0 - each.hard for each in row] for row in rows])
    excess = np.array([[excess_of(judged, each, options) for each in row] for row in rows])
    unavoidable = _unavoidable(rows)
    lowest, highest = np.full(lost.shape, np.inf), np.full(lost.shape, -np.inf)
    for opening, row in enumerate(rows):
        cliffs = _cliffs(judged.levels, row)
        for index, level in enumerate(row):
            if level.source == "coverage" and not (set(level.guards) - unavoidable):
                low, high = _round(cliffs, judged.levels[index])
                lowest[opening, index] = low + LEAST_MARGIN
                highest[opening, index] = high - LEAST_MARGIN
    alone_lost = choice_of(judged, judged.parameters.with_thresholds_of(DEFAULTS)).field_lost
    view = View(
        judged=judged,
        lost=np.nan_to_num(lost, nan=1.0),
        excess=excess,
        lowest=lowest,
        highest=highest,
        allowed=0.0,
        reason=bool((excess > 0).any()),
        safe=False,
        alone_lost=alone_lost,
        unavoidable=unavoidable,
    )
    safe = _reached_safely(view)
    if not safe.any():
        return view
    allowed = _allowed(judged, rows, excess, safe)
    if view.reason:
        alone_lost = float(lost[safe & (excess <= allowed)].min())
    return view._replace(allowed=allowed, safe=True, alone_lost=alone_lost)


def _reached_safely(view: View) -> NDArray[np.bool_]:
    """Return (3, L): whether a level has a setting that trips no guard, away from cliffs."""
    reached = np.zeros(view.lost.shape, dtype=np.bool_)
    counts, shares = (_candidates([view.judged], over) for over in THRESHOLDS)
    for opening in range(len(OPENINGS)):
        index, trips = _trips(view, opening, counts, shares)
        reached[opening, index[~trips]] = True
    return reached


def _trips(
    view: View, opening: int, counts: Floats, shares: Floats
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Return (A, F): the level of both thresholds, and whether they trip a guard or are at a cliff.

    `opening` as the cluster reads it.
    """
    levels, maximum = view.judged.levels, view.judged.maximum
    index = levels_over(levels, counts, shares)
    threshold = np.maximum.outer(np.minimum(counts, maximum), shares * maximum)
    trips = (threshold < view.lowest[opening][index]) | (threshold > view.highest[opening][index])
    if 1 < maximum <= RELAXED_MAXIMUM:
        # From the maximum on ZeMosaic lowers it: closer to that than a frame is a cliff too.
        trips |= (counts > maximum - LEAST_MARGIN)[:, np.newaxis]
    return index, trips


def excess_of(judged: JudgedCluster, level: LevelField, options: AdviceOptions) -> float:
    """Return by how much the fringe surely exceeds the tolerance, in units of the noise."""
    if level.fringe is None or not judged.core_noise > 0:
        return 0.0
    surely = level.fringe.step - options.certainty * level.fringe.error
    excess = surely / judged.core_noise - options.tolerance
    return excess if excess > 0 else 0.0  # NaN is no reason to cut


def _unavoidable(rows: Iterable[tuple[LevelField, ...]]) -> frozenset[Guard]:
    tripped = [frozenset(each.guards) for row in rows for each in row if each.source == "coverage"]
    return frozenset.intersection(*tripped) if tripped else frozenset()


def _cliffs(levels: tuple[float, ...], fields: tuple[LevelField, ...]) -> list[float]:
    """Return the thresholds, in frames, behind which something happens that nobody asked for."""
    pairs = zip(levels, pairwise(fields), strict=False)
    return [level for level, (milder, stricter) in pairs if why_cliff(milder, stricter)]


def _round(cliffs: list[float], level: float) -> tuple[float, float]:
    """Return the cliffs below and above a level; infinite where there is none."""
    place = bisect_left(cliffs, level)
    low = cliffs[place - 1] if place else -math.inf
    return low, cliffs[place] if place < len(cliffs) else math.inf


def _allowed(
    judged: JudgedCluster,
    rows: list[tuple[LevelField, ...]],
    excess: Floats,
    safe: NDArray[np.bool_],
) -> float:
    if not safe.any():
        return 0.0
    least = float(excess[safe].min())
    if least == 0:
        return 0.0
    # Beyond the uncertainty of the best, more field for less fringe is no bargain.
    opening, index = np.argwhere(safe & (excess == least))[0]
    fringe = rows[opening][index].fringe
    return least if fringe is None else least + fringe.error / judged.core_noise


# --- the search ------------------------------------------------------------------------------


def best_setting(views: list[View], base: MaskParameters, options: AdviceOptions) -> MaskParameters:
    """Return the best setting for all clusters together."""
    defaults = base.with_thresholds_of(DEFAULTS)
    if not any(view.reason and view.safe for view in views):
        return defaults
    clusters = [view.judged for view in views]
    counts, shares = (_candidates(clusters, over) for over in THRESHOLDS)
    costs = [_costs(views, counts, shares, opening) for opening in OPENINGS]
    tripped, coloured, lost, harmless = (np.stack(each) for each in zip(*costs, strict=True))
    kept = tripped == tripped.min()
    kept &= coloured == coloured[kept].min()
    area = sum(view.judged.covered_px for view in views)
    kept &= lost <= lost[kept].min() + options.least_gain * area
    kept &= harmless == harmless[kept].min()
    far = _distance_from_defaults(views, counts, shares)
    opening, row, column = np.unravel_index(int(np.argmin(np.where(kept, far, np.inf))), kept.shape)
    return replace(
        base,
        min_coverage_abs=float(counts[row]),
        min_coverage_frac=float(shares[column]),
        morph_open_px=_px_of(int(opening)),
    )


def _costs(
    views: list[View], counts: Floats, shares: Floats, opening: int
) -> tuple[Floats, Floats, Floats, Floats]:
    """Return (A, F) of each cost of a setting, over both thresholds.

    Clusters that trip a guard, clusters whose fringe stays though it need not,
    pixels lost, guards that do no harm.
    """
    shape = (counts.size, shares.size)
    tripped, coloured, lost, harmless = (np.zeros(shape) for _ in range(4))
    for view in views:
        judged = view.judged
        if not view.safe:
            continue  # no setting is right for it, so it has no say
        state = opening_as_read(opening, judged.maximum)
        index, trips = _trips(view, state, counts, shares)
        tripped += trips
        coloured += view.excess[state][index] > view.allowed
        lost += judged.covered_px * view.lost[state][index]
        harmless += (counts > judged.maximum)[:, np.newaxis]
        harmless += state != opening
    return tripped, coloured, lost, harmless


def _candidates(clusters: list[JudgedCluster], over: Over) -> Floats:
    """Return a value that reads well for each stretch in which no cluster's mask changes."""
    ends = sorted({end for each in clusters for end in ends_of_stretches(each.levels, over)})
    if len(ends) > MOST_STRETCHES:
        # Finer than anybody would write down.
        ends = sorted({math.ceil(end * 1000) / 1000 for end in ends if math.isfinite(end)})
    values = {float(getattr(DEFAULTS, over))}
    if over == "min_coverage_frac":
        values.add(1.0)
    most = max(each.maximum for each in clusters)
    low = 0.0
    for high in ends[1:]:
        if over == "min_coverage_frac":
            values.add(_short_number(low, high))
        else:
            values.add(_short_count(low, min(high, most)))
        low = high
    return np.array(sorted(values))


def _short_count(low: float, high: float) -> float:
    return high if high == int(high) else _short_number(low, high)


def _short_number(low: float, high: float) -> float:
    """Return a number well inside a stretch, with as few digits as possible but at least two."""
    middle = (low + high) / 2
    for digits in range(2, 9):
        value = round(middle, digits)
        if abs(value - middle) <= 0.4 * (high - low):
            return value
    return middle


def _distance_from_defaults(views: list[View], counts: Floats, shares: Floats) -> Floats:
    """Return (3, A, F): settings changed, then how far as a share of the maximum."""
    most = max(view.judged.maximum for view in views)
    by_count = np.abs(counts - DEFAULTS.min_coverage_abs) / most
    by_share = np.abs(shares - DEFAULTS.min_coverage_frac)
    changed = 4.0 * np.add.outer(by_count > 0, (by_share > 0).astype(np.float64))
    far = changed + np.minimum(np.add.outer(by_count, by_share), 3.0)
    default = opening_as_read(DEFAULTS.morph_open_px, math.inf)
    return np.stack([far + 4.0 * (opening != default) for opening in OPENINGS])


def _px_of(opening: int) -> int:
    default = DEFAULTS.morph_open_px
    return default if opening == opening_as_read(default, math.inf) else opening


def choice_of(judged: JudgedCluster, parameters: MaskParameters) -> Choice:
    """Return what settings, for which the cluster was judged, do to it."""
    level = judged.at(parameters)
    assert level is not None  # `must_serve` made sure
    return Choice(parameters, level, threshold_in_frames(parameters, judged.maximum))


def harm_of(view: View, level: LevelField) -> tuple[Guard, ...]:
    """Return the guards that another setting would not trip."""
    return tuple(each for each in level.guards if each not in HARMLESS | view.unavoidable)
