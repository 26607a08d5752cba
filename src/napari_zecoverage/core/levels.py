"""The thresholds that make a difference: one level a count, and what its mask does.

Coverage counts frames, so between two counts that occur a threshold decides
nothing: all masks of a cluster can be told by their level and their opening.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_zecoverage.core.fringe import ResidualFringe
from napari_zecoverage.core.outcome import AlphaStats, MaskOutcome
from napari_zecoverage.core.parameters import MaskParameters
from napari_zecoverage.core.read_thresholds import CROSS_MAXIMUM, RELAXED_MAXIMUM, abs_as_read

BESIDE_THRESHOLDS: Final = (
    "margin_percent",
    "decay",
    "strict_overlap_crop_enabled",
    "strict_overlap_crop_alpha_threshold",
    "strict_overlap_crop_min_nonzero_frac",
    "strict_overlap_crop_bbox_pad_px",
    "strict_overlap_crop_min_size_px",
)
"""Settings that change what the masks do, besides the thresholds and the opening."""

OPENINGS: Final = (0, 1, 2)
"""Values of morph_open_px that differ: none, cross, square; above 2 it is the square too."""

LEAST_RISE: Final = 0.001
"""A stricter threshold that keeps more by at least this share of the field is a cliff."""

Over = Literal["min_coverage_frac", "min_coverage_abs"]
"""The threshold that a curve runs over."""

THRESHOLDS: Final[tuple[Over, Over]] = ("min_coverage_abs", "min_coverage_frac")

Branch = Literal["coverage", "low-signal", "radial", "dropped"]

Guard = Literal[
    "coverage mask discarded",
    "mask dropped",
    "opening left out",
    "strict crop skipped",
    "edge trim skipped",
    "min_coverage_abs lowered",
    "min_coverage_abs above the maximum",
    "morph_open_px read as 1",
]
"""What ZeMosaic does instead of what was asked for."""


class LevelField(NamedTuple):
    """What the mask of one level does.

    Attributes
    ----------
    source : {"coverage", "low-signal", "radial", "dropped"}
        Which mask ZeMosaic takes.
    hard, soft : float
        Shares (0 to 1) of the covered area that are kept: opaque in the saved
        tile, and the mean of alpha. NaN when the mask cannot be told.
    fringe : ResidualFringe or None
        The worst colour step that the saved tile still shows; None when the
        fringe is not measurable there, or was not measured.
    alpha_stats : AlphaStats or None
        Also of a mask that was dropped; None when there is no alpha at all.
    guards : tuple of str
        What ZeMosaic does instead of what was asked for; see `Guard`.
    """

    source: Branch
    hard: float
    soft: float
    fringe: ResidualFringe | None = None
    alpha_stats: AlphaStats | None = None
    guards: tuple[Guard, ...] = ()


def field_of(outcome: MaskOutcome) -> LevelField:
    """Return the figures of one mask."""
    lost = outcome.field_lost
    hard, soft = (math.nan, math.nan) if lost is None else (1.0 - lost.hard, 1.0 - lost.soft)
    return LevelField(
        outcome.source, hard, soft, outcome.fringe, outcome.alpha_stats, guards_of_mask(outcome)
    )


_NOTE_STARTS: Final[dict[str, Guard]] = {
    "Not the coverage mask": "coverage mask discarded",
    "Mask dropped": "mask dropped",
    "The opening (": "opening left out",
    "Strict crop skipped": "strict crop skipped",
    "Edge trim skipped": "edge trim skipped",
}


def guards_of_mask(outcome: MaskOutcome) -> tuple[Guard, ...]:
    """Return the guards that a mask itself tripped, whatever the settings that led to it."""
    return tuple(
        guard
        for start, guard in _NOTE_STARTS.items()
        if any(note.startswith(start) for note in outcome.notes)
    )


def guards_of_settings(parameters: MaskParameters, maximum: float) -> tuple[Guard, ...]:
    """Return the guards that the settings trip before any mask is made (ZEMOSAIC.md §5.7)."""
    guards: list[Guard] = []
    least = min(parameters.min_coverage_abs, maximum)
    if abs_as_read(parameters.min_coverage_abs, parameters.min_coverage_frac, maximum) != least:
        guards.append("min_coverage_abs lowered")
    elif parameters.min_coverage_abs > maximum:
        guards.append("min_coverage_abs above the maximum")
    if maximum <= CROSS_MAXIMUM and parameters.morph_open_px > 1:
        guards.append("morph_open_px read as 1")
    return tuple(guards)


def threshold_in_frames(parameters: MaskParameters, maximum: float) -> float:
    """Return the number of frames that ZeMosaic compares coverage with (ZEMOSAIC.md §5.7).

    Parameters
    ----------
    parameters : MaskParameters
        The two thresholds are used.
    maximum : float
        Frames on the best-covered pixel; above 0.

    Returns
    -------
    float
        The larger of the two thresholds; min_coverage_abs as the master-tile
        step lowers it where hardly any pixel could reach it.
    """
    share = parameters.min_coverage_frac
    return max(abs_as_read(parameters.min_coverage_abs, share, maximum), share * maximum)


def threshold_of_level(level: LevelField, parameters: MaskParameters, maximum: float) -> float:
    """Return the `threshold` of the outcome whose figures these are.

    Parameters
    ----------
    level : LevelField
    parameters : MaskParameters
        For which it was looked up.
    maximum : float
        Frames on the best-covered pixel; above 0.

    Returns
    -------
    float
        In frames; NaN where ZeMosaic discarded the coverage mask.
    """
    if "coverage mask discarded" in level.guards:
        return math.nan
    return threshold_in_frames(parameters, maximum)


def judged_alike(one: MaskParameters, other: MaskParameters) -> bool:
    """Return whether two settings mean the same mask for any one threshold and opening."""
    return all(getattr(one, name) == getattr(other, name) for name in BESIDE_THRESHOLDS)


def level_index(levels: tuple[float, ...], parameters: MaskParameters) -> int:
    """Return the index of the level that the thresholds mean.

    Parameters
    ----------
    levels : tuple of float
        Rising, 0 first and the maximum last.
    parameters : MaskParameters
        The two thresholds are used.
    """
    # Coverage is compared in single precision, so a hair above a count is that count.
    threshold = float(np.float32(threshold_in_frames(parameters, levels[-1])))
    return min(bisect_left(levels, threshold), len(levels) - 1)


def levels_over(
    levels: tuple[float, ...], abs_values: NDArray[np.float64], frac_values: NDArray[np.float64]
) -> NDArray[np.intp]:
    """Return `level_index` for every pair of two thresholds.

    Parameters
    ----------
    levels : tuple of float
        Rising, 0 first and the maximum last.
    abs_values : (A,) float64 array
        Values of min_coverage_abs, frames.
    frac_values : (F,) float64 array
        Values of min_coverage_frac, 0 to 1.

    Returns
    -------
    (A, F) intp array
    """
    maximum = levels[-1]
    by_share = _indexes(levels, frac_values * maximum)
    found = np.maximum.outer(_indexes(levels, np.minimum(abs_values, maximum)), by_share)
    for row in np.flatnonzero(abs_values >= maximum) if maximum <= RELAXED_MAXIMUM else ():
        read = [abs_as_read(maximum, share, maximum) for share in frac_values.tolist()]
        found[row] = np.maximum(_indexes(levels, np.array(read)), by_share)
    return found


def _indexes(levels: tuple[float, ...], thresholds: NDArray[np.float64]) -> NDArray[np.intp]:
    rounded = thresholds.astype(np.float32).astype(np.float64)
    return np.minimum(np.searchsorted(levels, rounded), len(levels) - 1)


def ends_of_stretches(levels: tuple[float, ...], over: Over) -> list[float]:
    """Return the upper end of each stretch of a threshold in which the mask stays the same.

    Parameters
    ----------
    levels : tuple of float
        Rising, 0 first and the maximum last.
    over : {"min_coverage_frac", "min_coverage_abs"}

    Returns
    -------
    list of float
        Rising, in the threshold's unit; the first is 0, the last 1 or infinity.
    """
    maximum = levels[-1]
    # The relax rule rounds up to whole frames, which may lie between the levels.
    whole = [float(each) for each in range(int(maximum) + 1)] if maximum <= RELAXED_MAXIMUM else []
    frames = sorted({*levels, *whole})
    if over == "min_coverage_frac":
        return [each / maximum for each in frames]
    # Up to but without the maximum min_coverage_abs means what it says; from there on
    # the relax rule may lower it.
    return [*frames[:-1], math.nextafter(maximum, 0.0), math.inf]


def opening_as_read(morph_open_px: int, maximum: float) -> int:
    """Return which of the opening's three states a morph_open_px means (ZEMOSAIC.md §10f)."""
    return min(morph_open_px, 1 if maximum <= CROSS_MAXIMUM else 2)


def why_cliff(before: LevelField, after: LevelField) -> str:
    """Return what nobody asked for happens from a level to the next stricter one.

    Parameters
    ----------
    before, after : LevelField

    Returns
    -------
    str
        In words; empty when the stricter level just keeps less.
    """
    if before.source != after.source:
        return f"from the {before.source} mask to {called(after.source)}"
    if after.hard - before.hard >= LEAST_RISE:
        return f"a larger value keeps {after.hard - before.hard:.1%} more of the field"
    return ""


def called(source: Branch) -> str:
    """Return which mask it is, for people."""
    return "no mask at all (dropped)" if source == "dropped" else f"the {source} mask"


def is_coloured(level: LevelField, tolerance: float) -> bool:
    """Tell whether more fringe than tolerated, in units of a pixel's noise, stays visible."""
    return level.fringe is not None and level.fringe.sigmas > tolerance


FAILED, UNKNOWN, UNMASKED, COLOURED, GOOD, SKIPPED = 5, 4, 3, 2, 1, 0


def badness(
    level: LevelField | None, tolerance: float, *, failed: bool = False, skipped: bool = False
) -> tuple[float, float, float]:
    """Return what a run's clusters are sorted by, the one that needs a look most being highest.

    Parameters
    ----------
    level : LevelField or None
        What the mask does; None where that is not known.
    tolerance : float
        The fringe that is tolerated, in units of a pixel's noise.
    failed, skipped : bool
        It could not be studied, or need not be.

    Returns
    -------
    tuple of float
        A rank (`FAILED` to `SKIPPED`), the visible fringe, the share of the field lost.
    """
    if failed:
        return (FAILED, 0, 0)
    if level is None:
        return (SKIPPED if skipped else UNKNOWN, 0, 0)
    lost = 1.0 if math.isnan(level.hard) else 1 - level.hard
    sigmas = 0.0 if level.fringe is None else level.fringe.sigmas
    if level.source != "coverage":
        return (UNMASKED, sigmas, lost)
    return (COLOURED, sigmas, lost) if is_coloured(level, tolerance) else (GOOD, 0, lost)
