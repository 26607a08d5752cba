"""The landscape over both thresholds: against `JudgedCluster.at` in every cell."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_zecoverage.core.errors import ParameterError
from napari_zecoverage.core.fringe import ResidualFringe
from napari_zecoverage.core.judged import JudgedCluster
from napari_zecoverage.core.landscape import landscape_of
from napari_zecoverage.core.levels import LevelField, level_index, levels_over
from napari_zecoverage.core.outcome import AlphaStats
from napari_zecoverage.core.parameters import MaskParameters


def judged_of(levels: tuple[float, ...]) -> JudgedCluster:
    """Make a cluster whose masks tell their level and opening by their figures."""
    rows, masks = [], []
    for opening in range(3):
        rows.append(tuple(range(len(masks), len(masks) + len(levels))))
        for index in range(len(levels)):
            source = "low-signal" if index == 0 else "coverage"
            hard = 1 - index / len(levels) - opening / 1000
            left = ResidualFringe(10.0 - index, 0.1, 5.0 - index / 2, math.nan, index, 100)
            masks.append(LevelField(source, hard, hard, left, AlphaStats(hard, 0.0, 1.0)))
    return JudgedCluster(
        "made up", 8, levels[-1], 1000, 2.0, MaskParameters(), levels, tuple(masks), tuple(rows)
    )


@settings(max_examples=60, deadline=None)
@given(
    counts=st.sets(st.integers(1, 12), min_size=1, max_size=8)
    | st.sets(st.integers(1, 40).map(lambda each: each / 4), min_size=1, max_size=8),
    opening=st.integers(0, 3),
    seed=st.integers(0, 2**16),
)
def test_every_cell(counts, opening, seed) -> None:
    judged = judged_of((0.0, *sorted(map(float, counts))))
    parameters = MaskParameters(morph_open_px=opening)
    landscape = landscape_of(judged, parameters)
    rng = np.random.default_rng(seed)
    ends = [each if math.isfinite(each) else 60.0 for each in landscape.abs_ends]
    for row, (low, high) in enumerate(zip([0.0, *ends], ends, strict=False)):
        for column, (left, right) in enumerate(
            zip([0.0, *landscape.frac_ends], landscape.frac_ends, strict=False)
        ):
            # Well inside: where a cell ends by a hair, `at` is right and the edges are rounded.
            count = high - rng.uniform(0.1, 0.9) * (high - low)
            share = right - rng.uniform(0.1, 0.9) * (right - left)
            found = judged.at(replace(parameters, min_coverage_abs=count, min_coverage_frac=share))
            assert landscape.field_kept[row, column] == found.hard
            assert landscape.fringe[row, column] == found.fringe.sigmas
            assert landscape.source[row, column] == found.source
            assert landscape.fields[landscape.level[row, column]].hard == found.hard
            assert landscape.at(count, share) == found


def test_cells_hold_their_ends() -> None:
    judged = judged_of((0.0, 2.0, 5.0, 10.0))
    landscape = landscape_of(judged)
    assert landscape.frac_ends == (0, 0.2, 0.5, 1)
    assert landscape.abs_ends == (0, 2, 5, math.nextafter(10, 0), math.inf)
    assert landscape.level.tolist() == [
        [0, 1, 2, 3],
        [1, 1, 2, 3],
        [2, 2, 2, 3],
        [3, 3, 3, 3],
        [3, 3, 3, 3],
    ]
    assert landscape.at(5, 0.2).hard == judged.fields(3)[2].hard
    assert landscape.at(5.01, 0.2).hard == judged.fields(3)[3].hard


def test_small_clusters_are_not_monotone() -> None:
    # Up to 6 frames, from the maximum on, min_coverage_abs is lowered to the share's.
    landscape = landscape_of(judged_of((0.0, 1.0, 2.0, 3.0, 4.0)))
    assert landscape.abs_ends[-2:] == (math.nextafter(4, 0), math.inf)
    at_least_four = landscape.level[-1]
    just_below = landscape.level[-2]
    assert just_below.tolist() == [4, 4, 4, 4, 4]
    assert at_least_four.tolist() == [1, 1, 2, 3, 4]
    assert landscape.at(4, 0.5).guards == ("min_coverage_abs lowered",)


@settings(max_examples=60, deadline=None)
@given(
    levels=st.sets(st.floats(0.5, 30), min_size=1, max_size=6),
    count=st.floats(0, 40),
    share=st.floats(0, 1),
)
def test_many_thresholds_at_once(levels, count, share) -> None:
    known = (0.0, *sorted(float(np.float32(each)) for each in levels))
    counts, shares = np.array([0.0, count, known[-1], 50.0]), np.array([share, 0.0, 0.5, 1.0])
    found = levels_over(known, counts, shares)
    expected = [
        [
            level_index(known, MaskParameters(min_coverage_abs=a, min_coverage_frac=f))
            for f in shares.tolist()
        ]
        for a in counts.tolist()
    ]
    assert found.tolist() == expected


def test_fringe_that_is_not_measurable_is_nan() -> None:
    judged = judged_of((0.0, 1.0))
    bare = replace(judged, masks=tuple(each._replace(fringe=None) for each in judged.masks))
    assert np.isnan(landscape_of(bare).fringe).all()


def test_other_margin_is_refused() -> None:
    with pytest.raises(ParameterError, match="margin_percent"):
        landscape_of(judged_of((0.0, 1.0)), MaskParameters(margin_percent=7))
    with pytest.raises(ParameterError, match="min_coverage_frac"):
        landscape_of(judged_of((0.0, 1.0))).at(3, 1.5)
