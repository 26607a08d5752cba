"""Field kept against a threshold: against `apply_mask` at every value, plainly."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_zecoverage.core.coverage import Canvas
from napari_zecoverage.core.curves import (
    curve_of,
)
from napari_zecoverage.core.errors import ParameterError, StudyCancelledError
from napari_zecoverage.core.fringe import measure_fringe
from napari_zecoverage.core.judged import judge
from napari_zecoverage.core.levels import threshold_in_frames
from napari_zecoverage.core.outcome import apply_mask
from napari_zecoverage.core.parameters import MaskParameters, StudyOptions
from napari_zecoverage.core.registration import Registration
from napari_zecoverage.core.studied import ClusterStudy
from studies import field_curve, make_cluster

SHAPE = (60, 90)

# A share so small that it is zero in single precision is nobody's threshold.
SHARES = st.just(0.0) | st.floats(1e-6, 1)
COUNTS = st.just(0.0) | st.floats(1e-6, 12)


def study_of(coverage: np.ndarray, *, padded: bool = True, tile: bool = True) -> ClusterStudy:
    frame = (40, 50) if padded else coverage.shape
    pixels = np.random.default_rng(3).normal(1000, 10, (*coverage.shape, 3)).astype(np.float32)
    pixels[coverage <= 0] = np.nan
    return ClusterStudy(
        cluster=make_cluster(5),
        options=StudyOptions(),
        registrations=(Registration(np.eye(3), "astroalign", 0.1, 50),) * 5,
        canvas=Canvas(coverage.shape, (0, 0), frame),
        coverage=coverage.astype(np.float32),
        tile=pixels if tile else None,
    )


def steps(counts: list[int], bare: int = 0) -> np.ndarray:
    """Make coverage in nested rectangles: the counts from the rim to the core."""
    coverage = np.zeros(SHAPE, np.float32)
    for index, count in enumerate(counts):
        inset = bare + 2 * index
        coverage[inset : SHAPE[0] - inset, inset : SHAPE[1] - inset] = count
    return coverage


def check_against_masks(study: ClusterStudy, parameters: MaskParameters, over: str, values) -> None:
    curve = field_curve(study, parameters, over=over)
    for value in values:
        outcome = apply_mask(study, replace(parameters, **{over: value}))
        stretch = curve.at(value)
        assert stretch.field.source == outcome.source, value
        assert stretch.field.hard == 1 - outcome.field_lost.hard, value
        assert stretch.field.soft == pytest.approx(1 - outcome.field_lost.soft, abs=1e-9), value


FRACS = [each / 50 for each in range(51)]


@pytest.mark.parametrize("padded", [True, False])
@pytest.mark.parametrize(
    "counts", [[1], [1, 2, 3], [1, 3, 5, 6], [1, 2, 4, 8, 9, 12, 15], list(range(1, 14))]
)
@pytest.mark.parametrize("least", [0, 3, 6])
def test_every_value_of_the_share(counts, least, padded) -> None:
    parameters = MaskParameters(min_coverage_abs=least, strict_overlap_crop_min_size_px=16)
    study = study_of(steps(counts, bare=4), padded=padded)
    check_against_masks(study, parameters, "min_coverage_frac", FRACS)


@pytest.mark.parametrize("counts", [[1], [1, 2, 3], [1, 3, 5, 6], [1, 4, 8, 9, 15]])
@pytest.mark.parametrize("frac", [0.0, 0.1, 0.5])
def test_every_value_of_the_count(counts, frac) -> None:
    parameters = MaskParameters(min_coverage_frac=frac, margin_percent=2)
    values = [each / 2 for each in range(2 * 18)]
    check_against_masks(study_of(steps(counts)), parameters, "min_coverage_abs", values)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**16),
    most=st.integers(1, 9),
    least=COUNTS,
    frac=SHARES,
    margin=st.sampled_from([0.0, 2.0, 10.0]),
    opening=st.integers(0, 3),
)
def test_any_coverage(seed, most, least, frac, margin, opening) -> None:
    rng = np.random.default_rng(seed)
    coverage = np.kron(rng.integers(0, most + 1, (6, 9)), np.ones((10, 10)))
    coverage[0, 0] = most
    parameters = MaskParameters(
        min_coverage_abs=least,
        min_coverage_frac=frac,
        margin_percent=margin,
        morph_open_px=opening,
    )
    study = study_of(coverage)
    check_against_masks(study, parameters, "min_coverage_frac", [frac, *rng.random(4)])
    check_against_masks(study, parameters, "min_coverage_abs", [least, *rng.random(4) * 12])


@settings(max_examples=100, deadline=None)
@given(least=COUNTS, frac=SHARES, most=st.integers(1, 10))
def test_threshold_is_the_one_of_the_mask(least, frac, most) -> None:
    parameters = MaskParameters(
        min_coverage_abs=least, min_coverage_frac=frac, margin_percent=0, morph_open_px=0
    )
    coverage = np.zeros((20, 20))
    coverage[:, 10:] = most
    outcome = apply_mask(study_of(coverage), parameters)
    if outcome.source == "coverage":
        assert threshold_in_frames(parameters, most) == outcome.threshold
    else:
        # Everything is good: nobody asked for a frame.
        assert np.float32(threshold_in_frames(parameters, most)) == 0


def test_stretches_have_no_gaps() -> None:
    curve = field_curve(study_of(steps([1, 2, 4, 8])), MaskParameters(min_coverage_abs=2))
    assert curve.stretches[0].low == 0
    assert curve.stretches[-1].high == 1
    assert [each.low for each in curve.stretches[1:]] == [
        each.high for each in curve.stretches[:-1]
    ]
    assert [each.level for each in curve.stretches] == [2, 4, 8]
    assert [each.high for each in curve.stretches] == [0.25, 0.5, 1]


def test_one_judging_serves_both_curves_and_every_opening() -> None:
    study = study_of(steps([1, 2, 4, 8]))
    judged = judge(study)
    for opening in (0, 1, 3):
        for over in ("min_coverage_frac", "min_coverage_abs"):
            parameters = MaskParameters(min_coverage_abs=5, morph_open_px=opening)
            assert curve_of(judged, parameters, over) == field_curve(study, parameters, over=over)


def test_another_margin_is_refused() -> None:
    judged = judge(study_of(steps([1, 2, 4, 8])))
    with pytest.raises(ParameterError, match="margin"):
        curve_of(judged, MaskParameters(margin_percent=9), "min_coverage_frac")


def test_a_dropped_mask_is_a_cliff() -> None:
    # The core is 4 % of the canvas: a mask of it alone is dropped.
    coverage = np.zeros((100, 100))
    coverage[10:90, 10:90] = 5
    coverage[40:60, 40:60] = 10
    parameters = MaskParameters(margin_percent=0, min_coverage_abs=1)
    curve = field_curve(study_of(coverage), parameters)
    assert [each.field.source for each in curve.stretches] == ["coverage", "dropped"]
    (cliff,) = curve.cliffs
    assert cliff.value == 0.5
    assert "dropped" in cliff.text


def test_a_larger_count_that_is_milder_is_a_cliff() -> None:
    # Up to 6 frames, min_coverage_abs at the maximum is lowered to half of it.
    parameters = MaskParameters(margin_percent=0, min_coverage_frac=0.2)
    curve = field_curve(
        study_of(steps([1, 2, 3, 4, 5], bare=4)), parameters, over="min_coverage_abs"
    )
    (cliff,) = curve.cliffs
    assert 4 < cliff.value < 5
    assert curve.at(5).level == 1
    assert curve.at(4.9).level == 5
    assert "more of the field" in cliff.text


def test_it_stops_when_asked() -> None:
    with pytest.raises(StudyCancelledError):
        field_curve(study_of(steps([1, 2, 4, 8])), MaskParameters(), should_stop=lambda: True)


def test_the_fringe_that_stays_is_told() -> None:
    study = study_of(steps([1, 2, 4, 8]))
    fringe = measure_fringe(study)
    parameters = MaskParameters(min_coverage_abs=0, margin_percent=0)
    for each in field_curve(study, parameters, fringe=fringe).stretches:
        share = each.level / 8
        outcome = apply_mask(study, replace(parameters, min_coverage_frac=share), fringe=fringe)
        np.testing.assert_equal(each.field.fringe, outcome.fringe)


def test_without_a_tile_the_low_signal_mask_is_not_measured() -> None:
    curve = field_curve(study_of(steps([4, 8]), tile=False), MaskParameters(min_coverage_abs=0))
    assert curve.stretches[0].field.source == "low-signal"
    assert math.isnan(curve.stretches[0].field.hard)


def test_without_coverage_there_is_no_curve() -> None:
    with pytest.raises(ValueError, match="without coverage"):
        field_curve(replace(study_of(steps([1])), coverage=None), MaskParameters())
