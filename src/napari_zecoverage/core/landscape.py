"""Field kept and fringe left over both thresholds at once, read from the figures of a cluster."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from napari_zecoverage.core.judged import JudgedCluster
from napari_zecoverage.core.levels import (
    LevelField,
    ends_of_stretches,
    levels_over,
)
from napari_zecoverage.core.parameters import MaskParameters


@dataclass(frozen=True, eq=False)
class Landscape:
    """What ZeMosaic would do at every min_coverage_abs and min_coverage_frac.

    It is exact: within a cell nothing changes.

    Attributes
    ----------
    parameters : MaskParameters
        The other settings, morph_open_px among them.
    judged : JudgedCluster
        Where the figures come from.
    abs_ends : tuple of float
        Frames: the upper ends of A stretches, each of which holds its upper end.
        The first is 0 alone, the last ends at infinity.
    frac_ends : tuple of float
        The same for F stretches of min_coverage_frac; the last ends at 1.
    level : (A, F) intp array
        Which of `judged.levels` the thresholds mean.
    """

    parameters: MaskParameters
    judged: JudgedCluster
    abs_ends: tuple[float, ...]
    frac_ends: tuple[float, ...]
    level: NDArray[np.intp]

    @cached_property
    def fields(self) -> tuple[LevelField, ...]:
        """What the mask of each level does."""
        return self.judged.fields(self.parameters.morph_open_px)

    @cached_property
    def field_kept(self) -> NDArray[np.float64]:
        """(A, F): share (0 to 1) of the covered area that is opaque in the saved tile."""
        return self._of_levels([each.hard for each in self.fields])

    @cached_property
    def fringe(self) -> NDArray[np.float64]:
        """(A, F): the residual fringe, in units of the core's colour noise of one pixel.

        NaN where it is not measurable.
        """
        return self._of_levels(
            [math.nan if each.fringe is None else each.fringe.sigmas for each in self.fields]
        )

    @cached_property
    def source(self) -> NDArray[np.str_]:
        """(A, F): which mask ZeMosaic takes."""
        chosen: NDArray[np.str_] = np.array([each.source for each in self.fields])[self.level]
        return chosen

    def at(self, min_coverage_abs: float, min_coverage_frac: float) -> LevelField:
        """Return what ZeMosaic would do at a point; also right where a cell ends by a hair.

        Raises
        ------
        ParameterError
            A threshold is out of its range.
        """
        moved = replace(
            self.parameters,
            min_coverage_abs=min_coverage_abs,
            min_coverage_frac=min_coverage_frac,
        )
        found = self.judged.at(moved)
        assert found is not None  # the same margin, decay and strict crop
        return found

    def _of_levels(self, values: list[float]) -> NDArray[np.float64]:
        return np.array(values, dtype=np.float64)[self.level]


def landscape_of(judged: JudgedCluster, parameters: MaskParameters | None = None) -> Landscape:
    """Read the landscape of a judged cluster; makes no mask, so it follows every slider.

    Parameters
    ----------
    judged : JudgedCluster
    parameters : MaskParameters, optional
        The other settings; those that were judged when left out.

    Returns
    -------
    Landscape

    Raises
    ------
    ParameterError
        The figures are for another margin, decay or strict crop.
    """
    parameters = parameters or judged.parameters
    judged.must_serve(parameters)
    abs_ends = ends_of_stretches(judged.levels, "min_coverage_abs")
    frac_ends = ends_of_stretches(judged.levels, "min_coverage_frac")
    return Landscape(
        parameters,
        judged,
        tuple(abs_ends),
        tuple(frac_ends),
        levels_over(judged.levels, np.array(abs_ends), np.array(frac_ends)),
    )
