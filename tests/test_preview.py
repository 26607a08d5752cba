"""Previews: what a slider does not change is not made again, and a rough one is nearly exact."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_zecoverage import preview as room
from napari_zecoverage.core import alpha
from napari_zecoverage.core.coverage import Canvas
from napari_zecoverage.core.fringe import measure_fringe
from napari_zecoverage.core.judged import judge
from napari_zecoverage.core.mask_pictures import MaskPictures
from napari_zecoverage.core.outcome import apply_mask
from napari_zecoverage.core.parameters import MaskParameters, StudyOptions
from napari_zecoverage.core.parts import WHOLE
from napari_zecoverage.core.registration import Registration
from napari_zecoverage.core.rim_distance import rim_distance
from napari_zecoverage.core.studied import ClusterStudy
from napari_zecoverage.picture import removed_pixels
from napari_zecoverage.preview import (
    Previews,
    QuickPreviews,
    Request,
    reduced_study,
    wants_quick,
)
from napari_zecoverage.verdict import verdict_of, verdict_of_judged
from studies import make_cluster

REGISTERED = (Registration(np.eye(3), "astroalign", 0.1, 50),) * 8


def stepped(n_frames: int = 8, shape: tuple[int, int] = (120, 160)) -> ClusterStudy:
    """Make a study whose coverage falls by a frame every few columns; the last are bare."""
    columns = np.minimum(np.arange(shape[1]) * (n_frames + 1) * 2 // shape[1], n_frames)[::-1]
    coverage = np.tile(columns.astype(np.float32), (shape[0], 1))
    tile = np.random.default_rng(1).normal(900, 10, (*shape, 3)).astype(np.float32)
    tile[coverage == 0] = np.nan
    canvas = Canvas(shape, (0, 0), shape)
    return ClusterStudy(make_cluster(8), StudyOptions(), REGISTERED, canvas, coverage, tile)


STUDY = stepped()
# Every 4th pixel of some rows and columns.
PART = (slice(8, 100, 4), slice(40, 200, 4))


def parameters_of(abs_: float, frac: float, opening: int, margin: float) -> MaskParameters:
    return MaskParameters(
        min_coverage_abs=abs_,
        min_coverage_frac=frac,
        morph_open_px=opening,
        margin_percent=margin,
        strict_overlap_crop_min_size_px=16,
    )


def assert_same(preview, study, parameters) -> None:
    """Compare with what is made from nothing."""
    outcome = apply_mask(study, parameters)
    for name in MaskParameters.__dataclass_fields__:
        assert getattr(preview.outcome.parameters, name) == getattr(parameters, name)
    for name in ("source", "notes", "threshold_rule", "strict_crop", "edge_trim", "saved_rect"):
        assert getattr(preview.outcome, name) == getattr(outcome, name), name
    assert preview.outcome.alpha_stats == outcome.alpha_stats
    assert preview.outcome.field_lost == outcome.field_lost
    np.testing.assert_equal(preview.outcome.threshold, outcome.threshold)
    for name in ("alpha", "finite"):
        np.testing.assert_array_equal(getattr(preview.outcome, name), getattr(outcome, name))
    np.testing.assert_array_equal(preview.removed, removed_pixels(study, outcome))
    assert preview.verdict == verdict_of(study, outcome)


MOVES = st.lists(
    st.builds(
        parameters_of,
        st.sampled_from([0, 1, 3, 3.5, 4, 8, 9]),
        st.sampled_from([0.0, 0.3, 0.49, 0.5, 0.51, 0.9, 1.0]),
        st.integers(0, 3),
        st.sampled_from([0.0, 5.0, 30.0]),
    ),
    min_size=2,
    max_size=6,
)


@settings(max_examples=30, deadline=None)
@given(moves=MOVES)
@pytest.mark.parametrize(
    "study",
    [
        STUDY,
        replace(STUDY, tile=None),
        replace(STUDY, coverage=None),
        replace(STUDY, canvas=Canvas((120, 160), (10, 10), (100, 140))),
        # So little is covered well that the mask is dropped, or another one is taken.
        replace(STUDY, coverage=np.where(STUDY.coverage > 7, STUDY.coverage, np.float32(1))),
        replace(STUDY, coverage=np.eye(120, 160, dtype=np.float32) * 5),
    ],
    ids=["whole", "no tile", "no coverage", "padded", "steep", "diagonal"],
)
def test_whatever_was_shown_before_a_preview_is_exact(study, moves) -> None:
    previews = Previews()
    for parameters in moves:
        assert_same(previews(Request(study, parameters)), study, parameters)


def test_a_threshold_that_decides_nothing_makes_no_mask(monkeypatch) -> None:
    previews = Previews()
    first = previews(Request(STUDY, MaskParameters(min_coverage_abs=1)))

    def made(*_args: object) -> None:
        raise AssertionError("the mask was made again")

    monkeypatch.setattr(alpha, "ramp", made)
    monkeypatch.setattr(room, "removed_pixels", made)
    # Below frac times the maximum; between two counts; an opening that is the same.
    for parameters in (
        MaskParameters(min_coverage_abs=2.5),
        MaskParameters(min_coverage_frac=0.49),
        MaskParameters(morph_open_px=5),
        MaskParameters(nanize_threshold=0.4),
    ):
        again = previews(Request(STUDY, parameters))
        assert again.outcome.parameters == parameters
        assert again.outcome.alpha is first.outcome.alpha
        assert again.removed is first.removed
    monkeypatch.undo()
    other = previews(Request(STUDY, MaskParameters(min_coverage_frac=0.9)))
    assert other.outcome.alpha is not first.outcome.alpha
    assert other.removed is not first.removed


def test_another_study_takes_nothing_over() -> None:
    previews = Previews()
    previews(Request(STUDY, MaskParameters()))
    other = stepped(6)
    assert_same(previews(Request(other, MaskParameters())), other, MaskParameters())
    # Nor does apply_mask believe an outcome of another one.
    before = apply_mask(STUDY, MaskParameters())
    outcome = apply_mask(other, MaskParameters(), before=before)
    np.testing.assert_array_equal(outcome.alpha, apply_mask(other, MaskParameters()).alpha)


def test_another_crop_of_the_same_mask_is_seen() -> None:
    previews = Previews()
    cropped = MaskParameters(strict_overlap_crop_min_size_px=16)
    whole = replace(cropped, strict_overlap_crop_enabled=False)
    for parameters in (cropped, whole, cropped):
        assert_same(previews(Request(STUDY, parameters)), STUDY, parameters)
    assert apply_mask(STUDY, cropped).strict_crop is not None


# --- rough ---------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(600, 800), (601, 799)])
@pytest.mark.parametrize("padded", [False, True])
def test_a_rough_preview_is_nearly_the_exact_one(shape, padded, monkeypatch) -> None:
    monkeypatch.setattr(room, "ROUGH_PX", 60_000)
    study = stepped(shape=shape)
    if padded:
        study = replace(study, canvas=Canvas(shape, (50, 60), (500, 640)))
    rough = QuickPreviews()
    for parameters in (MaskParameters(), MaskParameters(min_coverage_frac=0.8, decay=1)):
        removed = rough(Request(study, parameters)).removed
        exact = removed_pixels(study, apply_mask(study, parameters))
        assert removed.shape == shape
        assert removed.dtype == np.uint8
        assert exact.any()
        assert np.count_nonzero(removed != exact) < 0.02 * exact.size
        seen = QuickPreviews()(Request(study, parameters, part=PART))
        assert seen.part is PART
        np.testing.assert_array_equal(seen.removed, removed[PART])


def test_a_reduced_study_has_the_middles_of_the_squares() -> None:
    study = stepped(shape=(100, 203))
    reduced = reduced_study(study, 5)
    assert reduced.canvas.shape == reduced.coverage.shape == (20, 41)
    assert not reduced.canvas.padded
    np.testing.assert_array_equal(reduced.coverage[:, :40], study.coverage[2::5, 2:200:5])
    np.testing.assert_array_equal(reduced.tile[:, :40], study.tile[2::5, 2:200:5])
    padded = replace(study, canvas=Canvas((100, 203), (10, 10), (80, 180)))
    assert reduced_study(padded, 5).canvas.padded


def test_a_rough_preview_is_made_only_where_something_changes() -> None:
    rough = QuickPreviews()
    assert rough(Request(STUDY, MaskParameters())) is not None
    # Below frac times the maximum; an opening, which is nothing from afar.
    assert rough(Request(STUDY, MaskParameters(min_coverage_abs=2))) is None
    assert rough(Request(STUDY, MaskParameters(morph_open_px=1))) is None
    assert rough(Request(STUDY, MaskParameters(min_coverage_frac=0.9))) is not None
    # Another study begins anew.
    other = stepped(6)
    assert rough(Request(other, MaskParameters(min_coverage_frac=0.9))) is not None
    assert rough(Request(STUDY, MaskParameters(min_coverage_frac=0.9))) is not None


def test_the_words_of_a_rough_preview_are_exact_once_the_masks_are_judged() -> None:
    judged = judge(STUDY, fringe=measure_fringe(STUDY))
    parameters = MaskParameters(min_coverage_frac=0.8)
    assert QuickPreviews()(Request(STUDY, parameters)).verdict is None
    rough = QuickPreviews()(Request(STUDY, parameters, judged))
    assert rough.verdict == verdict_of_judged(STUDY, judged, parameters)


@settings(max_examples=20, deadline=None)
@given(moves=MOVES)
@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("part", [WHOLE, PART])
def test_judged_masks_are_looked_up_at_once_and_exactly(part, padded, moves) -> None:
    study = STUDY
    if padded:
        study = replace(STUDY, canvas=Canvas((120, 160), (10, 10), (100, 140)))
    base = MaskParameters(margin_percent=5, strict_overlap_crop_min_size_px=16)
    found: list[MaskPictures] = []
    judged = judge(study, base, on_pictures=found.append)
    quick, previews = QuickPreviews(), Previews()
    shown = None
    for parameters in moves:
        request = Request(study, parameters, judged, found[0], part=part)
        seen = quick(request)
        exact = removed_pixels(study, apply_mask(study, parameters))
        if seen is not None:
            shown = seen.removed
            assert seen.part is part
        if judged.serves(parameters):
            np.testing.assert_array_equal(shown, exact[part])
        assert_same(previews(request), study, parameters)


@settings(max_examples=20, deadline=None)
@given(
    margins=st.lists(st.tuples(st.sampled_from([0.0, 1, 5, 9, 40]), st.sampled_from([0.15, 1.0]))),
    asked=MOVES,
)
@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("part", [WHOLE, PART])
def test_another_margin_is_looked_up_at_once_and_exactly(part, padded, margins, asked) -> None:
    study = STUDY
    if padded:
        study = replace(STUDY, canvas=Canvas((120, 160), (10, 10), (100, 140)))
    rim = rim_distance(study, apply_mask(study, asked[0]))
    moves = [replace(asked[0], margin_percent=m, decay=d) for m, d in margins]
    quick = QuickPreviews()
    shown = None
    for parameters in [*moves, *asked, *moves]:
        seen = quick(Request(study, parameters, rim=rim, part=part))
        if seen is not None:
            assert seen.verdict is None
            shown = seen.removed
        if rim is not None and rim.cut(parameters) is not None:
            exact = removed_pixels(study, apply_mask(study, parameters))
            np.testing.assert_array_equal(shown, exact[part])


def test_what_is_judged_goes_before_what_the_rim_tells() -> None:
    found: list[MaskPictures] = []
    judged = judge(STUDY, on_pictures=found.append)
    rim = rim_distance(STUDY, apply_mask(STUDY, MaskParameters()))
    request = Request(STUDY, MaskParameters(), judged, found[0], rim)
    quick = QuickPreviews()
    assert quick(request).verdict is not None
    assert quick(request) is None
    # Told by the rim, of which the masks that are judged know nothing.
    wider = request._replace(parameters=MaskParameters(margin_percent=7))
    assert quick(wider).verdict is None
    assert quick(wider) is None
    # Another part of the canvas is not known yet.
    assert quick(wider._replace(part=PART)) is not None
    # A rim of another study tells nothing of this one.
    other = wider._replace(study=replace(STUDY), part=PART)
    np.testing.assert_array_equal(quick(other).removed, QuickPreviews()(other).removed)
    assert quick(wider._replace(part=PART)) is not None


def test_masks_that_look_the_same_are_told_of_in_their_own_words() -> None:
    coverage = np.ones(STUDY.canvas.shape, np.float32)
    for columns, count in ((14, 5), (11, 6), (8, 7), (5, 8)):
        coverage[:, :columns] = count
    study = replace(STUDY, coverage=coverage)
    base = MaskParameters(min_coverage_frac=0, morph_open_px=0, margin_percent=0)
    found: list[MaskPictures] = []
    judged = judge(study, base, on_pictures=found.append)
    quick = QuickPreviews()
    shown = []
    for least in (6, 7, 8):
        parameters = replace(base, min_coverage_abs=least)
        shown.append(found[0].shown(parameters))
        assert quick(Request(study, parameters, judged, found[0])).verdict == verdict_of_judged(
            study, judged, parameters
        )
    # So little is kept that none of them is taken.
    assert judged.at(parameters).source == "dropped"
    assert shown[0] is shown[1] is shown[2]


def test_what_looks_the_same_is_looked_up_once() -> None:
    found: list[MaskPictures] = []
    judged = judge(STUDY, on_pictures=found.append)
    quick = QuickPreviews()
    assert quick(Request(STUDY, MaskParameters(), judged, found[0])) is not None
    same = MaskParameters(min_coverage_abs=2)
    assert quick(Request(STUDY, same, judged, found[0])) is None
    other = MaskParameters(min_coverage_frac=0.9)
    assert quick(Request(STUDY, other, judged, found[0])) is not None
    # From afar, once the margin is another one.
    assert quick(Request(STUDY, replace(other, margin_percent=1), judged, found[0])) is not None
    assert quick(Request(STUDY, other, judged, found[0])) is not None


def test_only_large_canvases_want_a_rough_preview() -> None:
    small = replace(STUDY, canvas=Canvas((800, 1200), (0, 0), (800, 1200)))
    seestar = replace(STUDY, canvas=Canvas((2203, 2203), (0, 0), (1080, 1920)))
    assert not wants_quick(Request(small, MaskParameters()))
    assert wants_quick(Request(seestar, MaskParameters()))


def test_the_fringe_that_stays_is_told_as_soon_as_it_is_known() -> None:
    fringe = measure_fringe(STUDY)
    judged = judge(STUDY, fringe=fringe)
    parameters = MaskParameters(min_coverage_frac=0.3, morph_open_px=0)
    previews = Previews()
    before = previews(Request(STUDY, parameters))
    assert before.outcome.fringe is None
    assert "Fringe left: not known." in before.verdict.lines
    after = previews(Request(STUDY, parameters, judged))
    assert after.outcome.fringe is not None
    np.testing.assert_equal(
        after.outcome.fringe, apply_mask(STUDY, parameters, fringe=fringe).fringe
    )
    assert after.removed is before.removed
    # Of another margin nothing is known yet.
    other = previews(Request(STUDY, MaskParameters(margin_percent=1), judged))
    assert other.outcome.fringe is None
