"""Field kept and fringe left against a threshold: what each value of a slider would cost.

The curves over min_coverage_frac and min_coverage_abs are read from the same
figures: those of every mask, which are made once.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

from napari_zecoverage.core.judged import JudgedCluster
from napari_zecoverage.core.levels import (
    LevelField,
    Over,
    ends_of_stretches,
    level_index,
    why_cliff,
)
from napari_zecoverage.core.parameters import MaskParameters


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


def curve_of(judged: JudgedCluster, parameters: MaskParameters, over: Over) -> FieldCurve:
    """Read a curve from the figures of a cluster; makes no mask, so it follows a slider.

    Parameters
    ----------
    judged : JudgedCluster
    parameters : MaskParameters
        The other threshold and the opening are used.
    over : {"min_coverage_frac", "min_coverage_abs"}

    Returns
    -------
    FieldCurve

    Raises
    ------
    ParameterError
        The figures are for another margin, decay or strict crop.
    """
    judged.must_serve(parameters)
    fields = judged.fields(parameters.morph_open_px)
    levels, maximum = judged.levels, judged.maximum
    stretches: list[Stretch] = []
    low = 0.0
    for high in ends_of_stretches(levels, over):
        moved = (
            replace(parameters, min_coverage_frac=high)
            if over == "min_coverage_frac"
            else replace(parameters, min_coverage_abs=min(high, maximum))
        )
        index = level_index(levels, moved)
        if stretches and stretches[-1].level == levels[index]:
            stretches[-1] = stretches[-1]._replace(high=high)
        else:
            stretches.append(Stretch(low, high, levels[index], fields[index]))
        low = high
    return FieldCurve(over, parameters, maximum, tuple(stretches), _cliffs(stretches))


def _cliffs(stretches: list[Stretch]) -> tuple[Cliff, ...]:
    found = []
    for before, after in pairwise(stretches):
        text = why_cliff(before.field, after.field)
        if text:
            found.append(Cliff(before.high, text))
    return tuple(found)
