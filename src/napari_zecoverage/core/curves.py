"""Field kept against a threshold: what each value of a slider would cost, before it is moved.

Coverage counts frames, so a threshold has few values that make a difference: one
*level* a count. The mask is made once a level, at full resolution, by
`apply_mask`; the curves over min_coverage_frac and min_coverage_abs are read from
the same levels.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_zecoverage.core.errors import StudyCancelledError
from napari_zecoverage.core.outcome import RELAXED_MAXIMUM, abs_as_read, apply_mask
from napari_zecoverage.core.parameters import MaskParameters

if TYPE_CHECKING:
    from napari_zecoverage.core.studied import ClusterStudy

Over = Literal["min_coverage_frac", "min_coverage_abs"]
"""The threshold that a curve runs over."""

Branch = Literal["coverage", "low-signal", "radial", "dropped", "not yet known"]

LEAST_RISE: Final = 0.001
"""A stricter threshold that keeps more by at least this share of the field is a cliff."""


class LevelField(NamedTuple):
    """What the mask of one level does.

    Attributes
    ----------
    source : {"coverage", "low-signal", "radial", "dropped"}
        Which mask ZeMosaic takes.
    hard, soft : float
        Shares (0 to 1) of the covered area that are kept: opaque in the saved
        tile, and the mean of alpha. NaN when the mask cannot be told.
    """

    source: Branch
    hard: float
    soft: float


_NOT_YET: Final = LevelField("not yet known", math.nan, math.nan)


@dataclass(frozen=True)
class LevelFields:
    """The field kept at each level of a studied cluster, for one margin, opening and so on.

    Attributes
    ----------
    parameters : MaskParameters
        Those that were used; the two thresholds in them mean nothing.
    levels : tuple of float
        Frames, rising: 0, where every pixel is good, then each count that occurs.
    fields : mapping of float to LevelField
        One a level that has been looked at.
    """

    parameters: MaskParameters
    levels: tuple[float, ...]
    fields: Mapping[float, LevelField]

    @property
    def complete(self) -> bool:
        """Whether every level has been looked at."""
        return len(self.fields) == len(self.levels)

    def serve(self, parameters: MaskParameters) -> bool:
        """Return whether these are the levels for `parameters`, whatever the thresholds."""
        return _without_thresholds(self.parameters) == _without_thresholds(parameters)


class Stretch(NamedTuple):
    """Values of a threshold that all give the same mask: low < value ≤ high.

    Attributes
    ----------
    low, high : float
        In the threshold's own unit. The first stretch of a curve holds its lower
        end too; the last of min_coverage_abs ends at infinity.
    level : float
        Pixels with at least so many frames are good.
    field : LevelField
        Which mask it is and what it keeps.
    """

    low: float
    high: float
    level: float
    field: LevelField


class Cliff(NamedTuple):
    """A place where a small step has an effect that nobody asked for.

    Attributes
    ----------
    value : float
        The last value before it.
    text : str
        What happens behind it, in words.
    """

    value: float
    text: str


@dataclass(frozen=True)
class FieldCurve:
    """Field kept against one threshold, the other settings as they are.

    Attributes
    ----------
    over : {"min_coverage_frac", "min_coverage_abs"}
    parameters : MaskParameters
        The other settings.
    maximum : float
        Frames on the best-covered pixel.
    stretches : tuple of Stretch
        Rising, without gaps, from 0 to 1 (min_coverage_frac) or infinity.
    cliffs : tuple of Cliff
        Rising.
    """

    over: Over
    parameters: MaskParameters
    maximum: float
    stretches: tuple[Stretch, ...]
    cliffs: tuple[Cliff, ...]

    def at(self, value: float) -> Stretch:
        """Return the stretch that a value of the threshold lies in."""
        index = bisect_left(self.stretches, value, key=lambda each: each.high)
        return self.stretches[min(index, len(self.stretches) - 1)]


def coverage_levels(coverage: NDArray[np.float32]) -> tuple[float, ...]:
    """Return the thresholds, in frames, that make a difference: 0 and each count that occurs.

    Parameters
    ----------
    coverage : ndarray of float32, shape (H, W)
        Frames per pixel; negative and non-finite values count as 0.

    Returns
    -------
    tuple of float
        Rising.
    """
    values = coverage[np.isfinite(coverage) & (coverage > 0)]
    if values.size and float(values.max()) < 2**16:
        counts = values.astype(np.uint16)
        if np.array_equal(counts, values):
            # Many times quicker than sorting every pixel.
            found = np.flatnonzero(np.bincount(counts))
            return (0.0, *(float(each) for each in found))
    return (0.0, *(float(each) for each in np.unique(values)))


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


def look_at_levels(
    study: ClusterStudy,
    parameters: MaskParameters,
    *,
    should_stop: Callable[[], bool] | None = None,
    progress: Callable[[LevelFields], object] | None = None,
) -> LevelFields:
    """Make the mask of every level and measure the field that it keeps.

    Parameters
    ----------
    study : ClusterStudy
        With a coverage.
    parameters : MaskParameters
        All but the two thresholds are used.
    should_stop : callable, optional
        Asked before each level.
    progress : callable, optional
        Given what is known so far after each level: first the ends, then ever
        finer between them.

    Returns
    -------
    LevelFields
        Complete.

    Raises
    ------
    ValueError
        The study has no coverage.
    StudyCancelledError
        `should_stop` said so.
    """
    if study.coverage is None:
        raise ValueError("a study without coverage has no levels")
    levels = coverage_levels(study.coverage)
    fields: dict[float, LevelField] = {}
    for index in _coarse_to_fine(len(levels)):
        if should_stop is not None and should_stop():
            raise StudyCancelledError("the curve of the field kept was not finished")
        fields[levels[index]] = _field_at_level(study, parameters, levels[index], levels[-1])
        if progress is not None:
            progress(LevelFields(parameters, levels, dict(fields)))
    return LevelFields(parameters, levels, fields)


def field_curve(
    study: ClusterStudy,
    parameters: MaskParameters,
    *,
    over: Over = "min_coverage_frac",
    should_stop: Callable[[], bool] | None = None,
) -> FieldCurve:
    """Return what ZeMosaic would do at every value of one threshold.

    Parameters
    ----------
    study : ClusterStudy
        With a coverage.
    parameters : MaskParameters
        The other settings, min_coverage_abs for the curve over min_coverage_frac
        among them.
    over : {"min_coverage_frac", "min_coverage_abs"}
        The threshold that is moved.
    should_stop : callable, optional
        Asked before each mask that is made.

    Returns
    -------
    FieldCurve

    Raises
    ------
    ValueError
        The study has no coverage.
    StudyCancelledError
        `should_stop` said so.
    """
    return curve_of(look_at_levels(study, parameters, should_stop=should_stop), parameters, over)


def curve_of(known: LevelFields, parameters: MaskParameters, over: Over) -> FieldCurve:
    """Read a curve from the levels; makes no mask, so it follows a slider.

    Parameters
    ----------
    known : LevelFields
        For these parameters (`LevelFields.serve`). Where it is not complete, the
        curve has stretches that are not yet known.
    parameters : MaskParameters
        The other threshold is used.
    over : {"min_coverage_frac", "min_coverage_abs"}

    Returns
    -------
    FieldCurve
    """
    maximum = known.levels[-1]
    level_of = partial(_level_at, known, parameters, over)
    stretches: list[Stretch] = []
    low = 0.0
    for high in _ends(known.levels, over):
        level = level_of(min(high, maximum) if over == "min_coverage_abs" else high)
        if stretches and stretches[-1].level == level:
            stretches[-1] = stretches[-1]._replace(high=high)
        else:
            stretches.append(Stretch(low, high, level, known.fields.get(level, _NOT_YET)))
        low = high
    return FieldCurve(over, parameters, maximum, tuple(stretches), _cliffs(stretches))


def _ends(levels: tuple[float, ...], over: Over) -> list[float]:
    """Return where the mask may change: the upper end of each elementary stretch."""
    maximum = levels[-1]
    # The relax rule rounds up to whole frames, which may lie between the levels.
    whole = [float(each) for each in range(int(maximum) + 1)] if maximum <= RELAXED_MAXIMUM else []
    frames = sorted({*levels, *whole})
    if over == "min_coverage_frac":
        return [each / maximum for each in frames]
    # Up to but without the maximum min_coverage_abs means what it says; from there on
    # the relax rule may lower it.
    return [*frames[:-1], math.nextafter(maximum, 0.0), math.inf]


def _level_at(known: LevelFields, parameters: MaskParameters, over: Over, value: float) -> float:
    moved = (
        replace(parameters, min_coverage_frac=value)
        if over == "min_coverage_frac"
        else replace(parameters, min_coverage_abs=value)
    )
    # Coverage is compared in single precision, so a hair above a count is that count.
    threshold = float(np.float32(threshold_in_frames(moved, known.levels[-1])))
    return known.levels[min(bisect_left(known.levels, threshold), len(known.levels) - 1)]


def _field_at_level(
    study: ClusterStudy, parameters: MaskParameters, level: float, maximum: float
) -> LevelField:
    # By the share, because the relax rule never touches it.
    outcome = apply_mask(
        study, replace(parameters, min_coverage_abs=0, min_coverage_frac=level / maximum)
    )
    if outcome.field_lost is None:
        return LevelField(outcome.source, math.nan, math.nan)
    lost = outcome.field_lost
    return LevelField(outcome.source, 1.0 - lost.hard, 1.0 - lost.soft)


def _cliffs(stretches: list[Stretch]) -> tuple[Cliff, ...]:
    cliffs = []
    for before, after in pairwise(stretches):
        one, other = before.field, after.field
        if "not yet known" in (one.source, other.source):
            continue
        if one.source != other.source:
            text = f"from the {one.source} mask to {_called(other.source)}"
            cliffs.append(Cliff(before.high, text))
        elif other.hard - one.hard >= LEAST_RISE:
            gain = other.hard - one.hard
            cliffs.append(Cliff(before.high, f"a larger value keeps {gain:.1%} more of the field"))
    return tuple(cliffs)


def _called(source: Branch) -> str:
    return "no mask at all (dropped)" if source == "dropped" else f"the {source} mask"


def _coarse_to_fine(count: int) -> list[int]:
    """Return 0 … count − 1, each once: the ends first, then the middles of what is left."""
    order = [0, count - 1] if count > 1 else [0]
    gaps = [(0, count - 1)]
    while gaps:
        finer = []
        for low, high in gaps:
            middle = (low + high) // 2
            if low < middle < high:
                order.append(middle)
                finer += [(low, middle), (middle, high)]
        gaps = finer
    return order


def _without_thresholds(parameters: MaskParameters) -> MaskParameters:
    return replace(parameters, min_coverage_abs=0, min_coverage_frac=0)
