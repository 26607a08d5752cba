"""The figures of every mask: against `apply_mask` at every level, plainly."""

from __future__ import annotations

import json
import math
import pickle
import threading
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from napari_zecoverage.core import all_masks
from napari_zecoverage.core import judged as room
from napari_zecoverage.core.coverage import Canvas
from napari_zecoverage.core.errors import (
    CoverageError,
    JudgedClusterError,
    ParameterError,
    StudyCancelledError,
)
from napari_zecoverage.core.fringe import measure_fringe
from napari_zecoverage.core.judged import JudgedCluster, judge, judge_with_fringe
from napari_zecoverage.core.levels import (
    LevelField,
    guards_of_settings,
    level_index,
    threshold_of_level,
)
from napari_zecoverage.core.mask_pictures import MaskPictures
from napari_zecoverage.core.outcome import apply_mask
from napari_zecoverage.core.parameters import MaskParameters, StudyOptions
from napari_zecoverage.core.registration import Registration
from napari_zecoverage.core.studied import ClusterStudy
from napari_zecoverage.picture import removed_pixels
from studies import make_cluster


def study_of(
    coverage: np.ndarray, *, padded: bool = True, tile: bool = True, seed: int = 3
) -> ClusterStudy:
    """Make a study of a coverage; its sky is redder the fewer frames there are."""
    frame = (40, 50) if padded else coverage.shape
    pixels = np.random.default_rng(seed).normal(1000, 4, (*coverage.shape, 3))
    pixels[..., 0] += 30 * (1 - coverage / max(coverage.max(), 1))
    pixels[coverage <= 0] = np.nan
    return ClusterStudy(
        cluster=make_cluster(5),
        options=StudyOptions(),
        registrations=(Registration(np.eye(3), "astroalign", 0.1, 50),) * 5,
        canvas=Canvas(coverage.shape, (0, 0), frame),
        coverage=coverage.astype(np.float32),
        tile=pixels.astype(np.float32) if tile else None,
    )


def patches(rng: np.random.Generator, most: int, shape: tuple[int, int]) -> np.ndarray:
    """Make the coverage of turned rectangles, with a few specks and bridges."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    coverage = np.zeros(shape)
    for _ in range(most):
        angle = rng.uniform(-0.6, 0.6)
        centre = np.array(shape) / 2 + rng.normal(0, 6, 2)
        half = np.array(shape) * rng.uniform(0.2, 0.55, 2)
        v = (y - centre[0]) * math.cos(angle) + (x - centre[1]) * math.sin(angle)
        u = (x - centre[1]) * math.cos(angle) - (y - centre[0]) * math.sin(angle)
        coverage += (abs(v) <= half[0]) & (abs(u) <= half[1])
    specks = rng.random(shape) < rng.choice([0, 0.002, 0.2])
    coverage[specks] = rng.integers(0, most + 1, specks.sum())
    if rng.random() < 0.3:
        coverage[coverage == 0] = 1
    coverage[tuple(np.array(shape) // 2)] = most
    return coverage


def check_all_masks(study: ClusterStudy, parameters: MaskParameters, with_fringe: bool) -> None:
    """Compare every level and opening with what `apply_mask` says."""
    fringe = measure_fringe(study) if with_fringe and study.tile is not None else None
    given: list[MaskPictures] = []
    judged = judge(study, parameters, fringe=fringe, on_pictures=given.append)
    (pictures,) = given
    maximum = judged.levels[-1]
    for opening in (0, 1, 2, 5):
        for level in judged.levels:
            asked = replace(
                parameters,
                min_coverage_abs=0,
                min_coverage_frac=level / maximum,
                morph_open_px=opening,
            )
            outcome = apply_mask(study, asked, fringe=fringe)
            check(judged, asked, outcome)
            shown = pictures.shown(asked)
            assert (shown is None) == (outcome.field_lost is None)
            if shown is not None:
                removed = pictures.removed(shown)
                np.testing.assert_array_equal(removed, removed_pixels(study, outcome))


NOTES = {
    "coverage mask discarded": "Not the coverage mask",
    "mask dropped": "Mask dropped",
    "opening left out": "would have removed every pixel",
    "strict crop skipped": "Strict crop skipped",
    "edge trim skipped": "Edge trim skipped",
    "min_coverage_abs lowered": " is lowered to ",
    "min_coverage_abs above the maximum": "no pixel is covered by more than",
    "morph_open_px read as 1": "is read as 1, the small cross",
}


def check(judged: JudgedCluster, asked: MaskParameters, outcome) -> None:
    found = judged.at(asked)
    where = (asked.min_coverage_abs, asked.min_coverage_frac, asked.morph_open_px)
    assert found.source == outcome.source, where
    if outcome.field_lost is None:
        assert math.isnan(found.hard)
        assert math.isnan(found.soft)
    else:
        assert found.hard == 1 - outcome.field_lost.hard, where
        assert found.soft == pytest.approx(1 - outcome.field_lost.soft, abs=1e-9), where
    np.testing.assert_equal(found.fringe, outcome.fringe)
    assert found.alpha_stats == outcome.alpha_stats, where
    np.testing.assert_equal(threshold_of_level(found, asked, judged.maximum), outcome.threshold)
    for guard, words in NOTES.items():
        if guard != "min_coverage_abs above the maximum":
            said = any(words in note for note in outcome.notes)
            assert (guard in found.guards) == said, (where, guard, outcome.notes)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**20),
    most=st.integers(1, 9),
    margin=st.sampled_from([0.0, 2.0, 5.0, 12.0, 50.0]),
    decay=st.sampled_from([0.0, 0.15, 1.0]),
    padded=st.booleans(),
    core=st.sampled_from([0.0, 0.02, 0.7]),
    least_side=st.sampled_from([16, 60, 256]),
    whole=st.booleans(),
    tile=st.sampled_from([True, True, True, False]),
)
@example(1, 5, 5.0, 0.15, False, 0.7, 16, True, True)
@example(2, 8, 0.0, 0.15, False, 0.02, 60, True, True)
def test_every_mask(seed, most, margin, decay, padded, core, least_side, whole, tile) -> None:
    rng = np.random.default_rng(seed)
    coverage = patches(rng, most, (int(rng.integers(70, 130)), int(rng.integers(70, 130))))
    if not whole:
        coverage *= 0.7
    parameters = MaskParameters(
        margin_percent=margin,
        decay=decay,
        strict_overlap_crop_alpha_threshold=core,
        strict_overlap_crop_min_size_px=least_side,
        strict_overlap_crop_enabled=bool(seed % 5),
    )
    with_fringe = whole and bool(seed % 3)
    check_all_masks(study_of(coverage, padded=padded, tile=tile), parameters, with_fringe)


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 2**20),
    most=st.integers(1, 9),
    least=st.just(0.0) | st.floats(1e-6, 12),
    frac=st.just(0.0) | st.floats(1e-6, 1),
    opening=st.integers(0, 4),
)
def test_any_thresholds(seed, most, least, frac, opening) -> None:
    rng = np.random.default_rng(seed)
    study = study_of(patches(rng, most, (80, 100)))
    parameters = MaskParameters(strict_overlap_crop_min_size_px=16)
    judged = judge(study, parameters)
    for count, share in [(least, frac), (round(least), frac), (most, frac), (least, 0.5)]:
        asked = replace(
            parameters,
            min_coverage_abs=count,
            min_coverage_frac=share,
            morph_open_px=opening,
            nanize_threshold=0.3,
        )
        check(judged, asked, apply_mask(study, asked))
        above = count > most
        guards = guards_of_settings(asked, most)
        assert ("min_coverage_abs above the maximum" in guards) <= above


def test_margin_wider_than_quick_distances() -> None:
    # A margin of more than 254 px does not fit the small whole numbers.
    rng = np.random.default_rng(8)
    coverage = np.kron(patches(rng, 3, (70, 80)), np.ones((10, 10)))
    parameters = MaskParameters(margin_percent=40, decay=1)
    check_all_masks(study_of(coverage), parameters, with_fringe=True)


def test_margin_beyond_exact_distances(monkeypatch) -> None:
    monkeypatch.setattr(all_masks, "EXACT_REACH_PX", 1)
    rng = np.random.default_rng(8)
    check_all_masks(study_of(patches(rng, 5, (90, 80))), MaskParameters(), with_fringe=True)


def test_opening_that_leaves_nothing_of_a_flat_strip() -> None:
    # Lower than the margin: distances are taken in another way there.
    coverage = np.zeros((15, 200))
    coverage[3:-3] = 1
    coverage[7:9] = 4
    parameters = MaskParameters(margin_percent=25, decay=3, strict_overlap_crop_enabled=False)
    check_all_masks(study_of(coverage), parameters, with_fringe=False)


def test_whoever_is_asked_before_each_level_can_hold_it_up(monkeypatch) -> None:
    monkeypatch.setattr(all_masks, "MOST_THREADS", 1)
    done: list[str] = []
    of_level = all_masks.AllMasks._of_level

    def noted(masks, index):
        done.append("looked")
        return of_level(masks, index)

    def should_stop() -> bool:
        done.append("asked")
        return False

    monkeypatch.setattr(all_masks.AllMasks, "_of_level", noted)
    judged = judge(
        study_of(patches(np.random.default_rng(3), 4, (60, 50))), should_stop=should_stop
    )
    assert done == ["asked", "looked"] * len(judged.levels)


def test_what_was_looked_at_is_known_while_others_are(monkeypatch) -> None:
    monkeypatch.setattr(all_masks, "MOST_THREADS", 1)
    study = study_of(patches(np.random.default_rng(3), 9, (90, 80)))
    levels = judge(study).levels
    middle = MaskParameters(min_coverage_abs=0, min_coverage_frac=0.5, morph_open_px=0)
    given: list[MaskPictures] = []
    known: list[set[int]] = []

    def look(_done: int, _count: int) -> None:
        (pictures,) = given
        known.append(set())
        for index, level in enumerate(levels):
            asked = replace(middle, min_coverage_frac=level / levels[-1])
            shown = pictures.shown(asked)
            if shown is not None:
                known[-1].add(index)
                exact = removed_pixels(study, apply_mask(study, asked))
                np.testing.assert_array_equal(pictures.removed(shown), exact)

    judge(study, middle, on_pictures=given.append, progress=look)
    assert [len(each) for each in known] == list(range(1, len(levels) + 1))
    # From the present threshold to both sides.
    first = level_index(levels, middle)
    assert known[0] == {first}
    assert known[2] == {first - 1, first, first + 1}


@pytest.mark.parametrize(
    ("limit", "value"), [("MOST_SURROUNDINGS", 0.08), ("MOST_CHANGED", 0.0013)]
)
def test_opening_that_takes_much_away(monkeypatch, limit, value) -> None:
    monkeypatch.setattr(all_masks, limit, value)
    told: list[bool] = []
    nearer = all_masks.AllMasks._nearer

    def counted(*asked: object) -> object:
        change = nearer(*asked)
        told.append(change is not None)
        return change

    monkeypatch.setattr(all_masks.AllMasks, "_nearer", counted)
    rng = np.random.default_rng(8)
    check_all_masks(study_of(patches(rng, 5, (90, 80))), MaskParameters(), with_fringe=True)
    # Some are told from the level's, some by themselves.
    assert set(told) == {True, False}


def test_equal_masks_are_judged_once() -> None:
    coverage = np.zeros((80, 100))
    for count in (1, 2, 3, 4):
        coverage[2 * count : 80 - 2 * count, 2 * count : 100 - 2 * count] = count
    judged = judge(study_of(coverage), MaskParameters(strict_overlap_crop_min_size_px=16))
    # Rectangles: the square leaves them alone, the cross takes their corners.
    assert judged.chosen[0] == judged.chosen[2]
    assert judged.chosen[0][1:] != judged.chosen[1][1:]
    assert len(judged.masks) == 9
    # Nobody needs more than the figures.
    assert len(pickle.dumps(judged)) < 3000


def test_it_serves_every_threshold_but_not_every_margin() -> None:
    judged = judge(study_of(patches(np.random.default_rng(1), 4, (80, 90))))
    served = MaskParameters(min_coverage_abs=7, morph_open_px=1, nanize=False)
    assert judged.serves(served)
    assert judged.at(served) is not None
    assert judged.at(MaskParameters(margin_percent=6)) is None
    judged.must_serve(served)
    with pytest.raises(ParameterError, match=r"decay: .*judged with 0\.15, not 1"):
        judged.must_serve(MaskParameters(decay=1))


def test_progress_and_stop() -> None:
    study = study_of(patches(np.random.default_rng(1), 4, (80, 90)))
    seen: list[tuple[int, int]] = []
    judged = judge(study, progress=lambda *each: seen.append(each))
    total = len(judged.levels)
    assert seen == [(each, total) for each in range(1, total + 1)]
    with pytest.raises(StudyCancelledError):
        judge(study, should_stop=lambda: True)


# --- with the fringe, at once --------------------------------------------------------------


@pytest.fixture(params=[1, 2])
def threads(request):
    """Give OpenCV so many threads: with one, the fringe and the masks come in turn."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(request.param)
    yield request.param
    cv2.setNumThreads(before)


def test_with_fringe_as_one_after_the_other(threads) -> None:
    study = study_of(patches(np.random.default_rng(4), 6, (90, 120)))
    parameters = MaskParameters(margin_percent=3)
    told: list[object] = []
    fringe, judged = judge_with_fringe(study, parameters, on_fringe=told.append)
    assert [id(each) for each in told] == [id(fringe)]
    expected = measure_fringe(study)
    np.testing.assert_equal(fringe.region_steps, expected.region_steps)
    assert judged.to_json() == judge(study, parameters, fringe=expected).to_json()
    assert any(each.fringe is not None for each in judged.masks)


def test_masks_are_looked_at_while_the_fringe_is_measured(monkeypatch) -> None:
    study = study_of(patches(np.random.default_rng(4), 6, (90, 120)))
    all_looked_at = threading.Event()

    def slow(study, *, should_stop):
        assert all_looked_at.wait(60)
        return measure_fringe(study, should_stop=should_stop)

    def progress(done: int, count: int) -> None:
        if done == count:
            all_looked_at.set()

    monkeypatch.setattr(room, "measure_fringe", slow)
    monkeypatch.setattr(cv2, "getNumThreads", lambda: 2)
    fringe, judged = judge_with_fringe(study, progress=progress)
    assert judged.to_json() == judge(study, fringe=fringe).to_json()


def test_with_fringe_but_without_a_tile(threads) -> None:
    study = study_of(np.full((60, 60), 3.0), tile=False)
    fringe, judged = judge_with_fringe(study)
    assert fringe is None
    assert judged.to_json() == judge(study).to_json()


def test_with_fringe_but_without_coverage() -> None:
    with pytest.raises(CoverageError, match="without coverage"):
        judge_with_fringe(replace(study_of(np.ones((60, 60))), coverage=None))


def test_with_fringe_stops(threads) -> None:
    study = study_of(patches(np.random.default_rng(1), 4, (80, 90)))
    with pytest.raises(StudyCancelledError):
        judge_with_fringe(study, should_stop=lambda: True)


def test_fringe_that_fails_is_told(threads, monkeypatch) -> None:
    def broken(study, *, should_stop):
        raise ValueError("made up")

    monkeypatch.setattr(room, "measure_fringe", broken)
    with pytest.raises(ValueError, match="made up"):
        judge_with_fringe(study_of(patches(np.random.default_rng(1), 4, (80, 90))))


def test_masks_that_fail_end_the_measuring(monkeypatch) -> None:
    begun, ended = threading.Event(), threading.Event()

    def endless(study, *, should_stop):
        begun.set()
        while not should_stop():
            ended.wait(0.01)
        ended.set()
        raise StudyCancelledError("nobody waits for it")

    def broken(self, index):
        assert begun.wait(60)
        raise ValueError("made up")

    monkeypatch.setattr(room, "measure_fringe", endless)
    monkeypatch.setattr(all_masks.AllMasks, "_of_level", broken)
    monkeypatch.setattr(cv2, "getNumThreads", lambda: 2)
    with pytest.raises(ValueError, match="made up"):
        judge_with_fringe(study_of(patches(np.random.default_rng(1), 4, (80, 90))))
    assert ended.is_set()


def test_fringe_of_another_canvas_is_refused() -> None:
    fringe = measure_fringe(study_of(patches(np.random.default_rng(1), 4, (80, 90))))
    with pytest.raises(ParameterError, match=r"\(80, 90\), the study of \(90, 80\)"):
        judge(study_of(patches(np.random.default_rng(1), 4, (90, 80))), fringe=fringe)


@pytest.mark.parametrize("coverage", [None, np.zeros((60, 60), np.float32)])
def test_without_coverage_there_is_nothing_to_judge(coverage) -> None:
    study = replace(study_of(np.ones((60, 60))), coverage=coverage)
    with pytest.raises(CoverageError, match="without coverage"):
        judge(study)


def test_doubts(make_study) -> None:
    study = make_study(6)
    judged = judge(study)
    text = " ".join(judged.doubts)
    assert "one night" in text
    assert f"Only {study.frames_used} frames" in text
    assert "not measured" in text


# --- JSON ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def judged() -> JudgedCluster:
    study = study_of(patches(np.random.default_rng(4), 6, (90, 120)))
    return judge(study, fringe=measure_fringe(study))


def test_json_there_and_back(judged) -> None:
    text = judged.to_json()
    again = JudgedCluster.from_json(text)
    np.testing.assert_equal(vars(again), vars(judged))
    assert again.to_json() == text
    assert "NaN" not in text
    assert JudgedCluster.from_json(text.encode()).levels == judged.levels


def test_json_without_tile() -> None:
    judged = judge(study_of(np.full((60, 60), 3.0), tile=False))
    assert math.isnan(judged.core_noise)
    again = JudgedCluster.from_json(judged.to_json())
    assert again.to_json() == judged.to_json()
    assert isinstance(again.masks[0], LevelField)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("schema",), 99, "schema 1, got 99"),
        (("levels",), [0, 2, 1], "rising"),
        (("levels",), [0], "rising"),
        (("levels",), "many", "expected a list"),
        (("chosen", 0, 0), 1000, "at most"),
        (("chosen", 0, 0), -1, "whole number"),
        (("chosen", 0), [], "one index a level"),
        (("maximum",), 3, "last level"),
        (("frames",), 2.5, "frames"),
        (("masks", 0, "source"), "magic", "source"),
        (("masks", 0, "hard"), "half", "hard"),
        (("masks", 0, "guards"), ["ghost"], "guards"),
        (("masks", 0), [], "objects with source"),
        (("masks", 0, "alpha_stats"), {"min": 0}, "AlphaStats"),
        (("parameters", "margin_percent"), -5, "margin_percent"),
        (("parameters",), {}, "each setting"),
        (("name",), 5, "text"),
        (("doubts",), [5], "text"),
        (("core_noise",), True, "core_noise"),
    ],
)
def test_bad_json_is_refused(judged, path, value, message) -> None:
    content = json.loads(judged.to_json())
    place = content
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(JudgedClusterError, match=message):
        JudgedCluster.from_json(json.dumps(content))


@pytest.mark.parametrize("text", ["", "[]", "{", b"\xff\xfe", "[" * 100_000])
def test_text_that_is_no_judged_cluster(text) -> None:
    with pytest.raises(JudgedClusterError):
        JudgedCluster.from_json(text)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damaged_json_never_shows_another_error(judged, data) -> None:
    content = json.loads(judged.to_json())
    key = data.draw(st.sampled_from(sorted(content)))
    values = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3)
    content[key] = data.draw(
        values | st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=3), values)
    )
    if data.draw(st.booleans()):
        del content[key]
    try:
        JudgedCluster.from_json(json.dumps(content))
    except JudgedClusterError as error:
        assert "judge it again" in str(error)
