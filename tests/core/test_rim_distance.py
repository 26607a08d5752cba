"""What another margin takes away, told from the distances of one mask."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from napari_zecoverage.core import rim_distance as room
from napari_zecoverage.core.coverage import Canvas
from napari_zecoverage.core.outcome import MaskOutcome, apply_mask
from napari_zecoverage.core.parameters import MaskParameters, StudyOptions
from napari_zecoverage.core.registration import Registration
from napari_zecoverage.core.rim_distance import RimDistance, rim_distance
from napari_zecoverage.core.studied import ClusterStudy
from napari_zecoverage.picture import removed_pixels
from studies import make_cluster

SHAPE = (150, 190)
PARTS = [(slice(None), slice(None)), (slice(6, 140, 4), slice(30, 260, 4))]


def study_of(coverage: np.ndarray, *, padded: bool = False) -> ClusterStudy:
    registered = (Registration(np.eye(3), "astroalign", 0.1, 50),) * 8
    frame = (120, 160) if padded else coverage.shape
    canvas = Canvas(coverage.shape, (10, 15) if padded else (0, 0), frame)
    return ClusterStudy(
        make_cluster(8), StudyOptions(), registered, canvas, coverage.astype(np.float32), None
    )


@lru_cache(maxsize=32)
def heaped(seed: int, frames: int) -> np.ndarray:
    """Heap up turned rectangles and a few holes."""
    rng = np.random.default_rng(seed)
    y, x = np.indices(SHAPE)
    coverage = np.zeros(SHAPE)
    for _ in range(frames):
        angle, up, left = rng.uniform((0, -12, -15), (1.5, 12, 15))
        u, v = x - SHAPE[1] / 2 - left, y - SHAPE[0] / 2 - up
        along = np.abs(u * np.cos(angle) + v * np.sin(angle))
        across = np.abs(v * np.cos(angle) - u * np.sin(angle))
        coverage += (along < 80) & (across < 62)
    coverage[tuple(rng.integers(0, SHAPE, (6, 2)).T)] = 1
    return coverage


rims = st.builds(
    MaskParameters,
    margin_percent=st.one_of(st.just(0.0), st.floats(0.1, 40)),
    decay=st.one_of(st.sampled_from([0.0, 0.15, 1.0, 2.0]), st.floats(0.001, 3)),
    strict_overlap_crop_enabled=st.booleans(),
    strict_overlap_crop_alpha_threshold=st.one_of(st.sampled_from([0.0, 1.0]), st.floats(0, 1)),
    strict_overlap_crop_min_nonzero_frac=st.sampled_from([0.0, 0.08, 0.4]),
    strict_overlap_crop_bbox_pad_px=st.integers(0, 12),
    strict_overlap_crop_min_size_px=st.sampled_from([16, 60, 100]),
)
thresholds = st.fixed_dictionaries(
    {
        "min_coverage_abs": st.sampled_from([0.5, 1, 3, 4.5, 8, 50]),
        "min_coverage_frac": st.sampled_from([0.0, 0.3, 0.5, 0.8, 1.0]),
        "morph_open_px": st.integers(0, 3),
    }
)


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 5),
    frames=st.sampled_from([2, 3, 6, 12]),
    padded=st.booleans(),
    asked=thresholds,
    before=rims,
    after=rims,
    part=st.sampled_from(PARTS),
)
def test_it_is_what_the_mask_itself_takes_away(
    seed, frames, padded, asked, before, after, part
) -> None:
    study = study_of(heaped(seed, frames), padded=padded)
    before, after = replace(before, **asked), replace(after, **asked)
    rim = rim_distance(study, apply_mask(study, before))
    assert rim is None or rim.is_ample_for(before)
    # A strip lower than the margin is measured otherwise.
    assume(rim is not None and rim.serves(after))
    cut = rim.cut(after)
    outcome = apply_mask(study, after)
    event(outcome.source)
    assert (cut is not None) == (outcome.source == "coverage")
    assume(cut is not None)
    assert cut.saved == outcome.saved_rect
    exact = removed_pixels(study, outcome)[part]
    # As another slider, and another part of the canvas, were looked at before.
    rim.removed(cut._replace(shown=2 * cut.shown), part)
    rim.removed(cut, PARTS[PARTS.index(part) - 1])
    np.testing.assert_array_equal(rim.removed(cut, part), exact, strict=True)
    np.testing.assert_array_equal(rim.removed(cut, part), exact, strict=True)


def made(parameters: MaskParameters, shape: tuple[int, int] = SHAPE) -> RimDistance:
    coverage = np.zeros(shape)
    coverage[8:-8, 8:-8] = 10
    study = study_of(coverage)
    rim = rim_distance(study, apply_mask(study, parameters))
    assert rim is not None
    return rim


@pytest.mark.parametrize("other", [{"min_coverage_abs": 9.5}, {"morph_open_px": 1}])
def test_it_serves_no_other_threshold_or_opening(other) -> None:
    base = MaskParameters(min_coverage_abs=3, min_coverage_frac=0.5)
    rim = made(base)
    assert rim.serves(replace(base, margin_percent=9))
    assert not rim.serves(replace(base, **other))
    assert rim.cut(replace(base, **other)) is None
    # Half of ten is five, by whichever rule; and any opening above 2 is the square.
    assert rim.serves(replace(base, min_coverage_abs=5, min_coverage_frac=0.1, morph_open_px=2))


def test_how_far_it_reaches(monkeypatch) -> None:
    monkeypatch.setattr(room, "NEAR_PX", 20)
    monkeypatch.setattr(room, "FAR_PX", 60)
    side = 200
    of = lambda percent: made(MaskParameters(margin_percent=percent), (side, side))  # noqa: E731
    near, wide, far, too_far = (of(each) for each in (0, 15, 25, 40))
    assert [each.reach_px for each in (near, wide, far, too_far)] == [20, 60, 60, 80]
    assert near.serves(MaskParameters(margin_percent=10))
    assert not near.serves(MaskParameters(margin_percent=10.5))
    # Ample is with room for more, as far as another one would have it.
    assert near.is_ample_for(MaskParameters(margin_percent=8))
    assert not near.is_ample_for(MaskParameters(margin_percent=9))
    assert far.is_ample_for(MaskParameters(margin_percent=30))
    assert not far.is_ample_for(MaskParameters(margin_percent=30.5))
    assert too_far.is_ample_for(MaskParameters(margin_percent=40))
    assert not far.is_ample_for(MaskParameters(margin_percent=15, morph_open_px=0))


def test_there_is_none_without_a_rim_or_a_coverage() -> None:
    everything = study_of(np.full(SHAPE, 4.0))
    assert rim_distance(everything, apply_mask(everything, MaskParameters())) is None
    no_coverage = replace(everything, coverage=None)
    assert rim_distance(no_coverage, apply_mask(no_coverage, MaskParameters())) is None
    plain: MaskOutcome = replace(apply_mask(everything, MaskParameters()), making=None)
    assert rim_distance(everything, plain) is None
