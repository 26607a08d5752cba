"""What is measured of the cluster shown, in a thread."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest

from napari_zecoverage.core import judged as judged_room
from napari_zecoverage.core.advice import advise
from napari_zecoverage.core.all_masks import AllMasks
from napari_zecoverage.core.fringe import measure_fringe
from napari_zecoverage.core.judged import judge
from napari_zecoverage.core.outcome import apply_mask
from napari_zecoverage.core.parameters import AdviceOptions, MaskParameters
from napari_zecoverage.picture import removed_pixels
from napari_zecoverage.ui.measuring import Measuring


@pytest.fixture
def measuring(qtbot) -> Measuring:
    return Measuring()


@pytest.fixture
def study(make_study):
    return make_study()


def test_study_is_measured_judged_and_advised(measuring, qtbot, study) -> None:
    with qtbot.waitSignals(
        [measuring.begun, measuring.fringe_measured, measuring.judged, measuring.advised],
        order="strict",
        timeout=60_000,
    ):
        measuring.show_study(study)
    fringe = measure_fringe(study)
    np.testing.assert_array_equal(measuring.fringe.counts, fringe.counts)
    judged = judge(study, fringe=measuring.fringe)
    assert measuring.judged_cluster.to_json() == judged.to_json()
    assert measuring.advice.parameters == advise(study).parameters


@pytest.fixture
def looked_and_go_on(monkeypatch) -> tuple[threading.Event, threading.Event]:
    """Hold the judging up when all masks were looked at, until it may go on."""
    looked, go_on = threading.Event(), threading.Event()
    real = AllMasks.look_at_all

    def held(masks, **others):
        found = real(masks, **others)
        looked.set()
        assert go_on.wait(60)
        return found

    monkeypatch.setattr(AllMasks, "look_at_all", held)
    return looked, go_on


def test_pictures_stay_when_the_margin_is_moved_to_and_fro(
    measuring, qtbot, study, looked_and_go_on
) -> None:
    looked, go_on = looked_and_go_on
    measuring.show_study(study)
    qtbot.waitUntil(looked.is_set, timeout=60_000)
    measuring.show_parameters(MaskParameters(margin_percent=2))
    measuring.show_parameters(MaskParameters())
    assert measuring.pictures is None
    with qtbot.waitSignal(measuring.judged, timeout=60_000):
        go_on.set()
    assert measuring.pictures is not None
    # What was judged already is not judged again.
    assert measuring.idle


def test_pictures_are_there_before_all_masks_are_judged(
    measuring, qtbot, study, looked_and_go_on
) -> None:
    looked, go_on = looked_and_go_on
    measuring.show_parameters(MaskParameters(min_coverage_frac=0.7))
    measuring.show_study(study)
    qtbot.waitUntil(looked.is_set, timeout=60_000)
    qtbot.waitUntil(lambda: measuring.pictures is not None, timeout=60_000)
    assert measuring.judged_cluster is None
    asked = MaskParameters(min_coverage_frac=0.4)
    exact = removed_pixels(study, apply_mask(study, asked))
    pictures = measuring.pictures
    np.testing.assert_array_equal(pictures.removed(pictures.shown(asked)), exact)
    # Those of another margin are of no use.
    measuring.show_parameters(MaskParameters(margin_percent=2))
    assert measuring.pictures is None
    go_on.set()
    qtbot.waitUntil(lambda: measuring.judged_cluster is not None, timeout=60_000)
    assert measuring.pictures.shown(asked) is None
    assert measuring.pictures.shown(replace(asked, margin_percent=2)) is not None


def test_threshold_needs_no_judging(measuring, qtbot, study) -> None:
    with qtbot.waitSignal(measuring.advised, timeout=60_000):
        measuring.show_study(study)
    judged = measuring.judged_cluster
    with qtbot.assertNotEmitted(measuring.begun):
        measuring.show_parameters(MaskParameters(min_coverage_frac=0.8, morph_open_px=0))
    assert measuring.judged_cluster is judged


def test_moved_threshold_does_not_begin_the_first_measuring_anew(measuring, qtbot, study) -> None:
    measuring.show_study(study)
    with qtbot.assertNotEmitted(measuring.begun):
        measuring.show_parameters(MaskParameters(min_coverage_frac=0.7))
        with qtbot.waitSignal(measuring.advised, timeout=60_000):
            pass


def test_margin_is_judged_again_and_the_fringe_stays(measuring, qtbot, study) -> None:
    with qtbot.waitSignal(measuring.advised, timeout=60_000):
        measuring.show_study(study)
    fringe = measuring.fringe
    moved = MaskParameters(margin_percent=0)
    with qtbot.waitSignal(measuring.judged, timeout=60_000) as judged:
        measuring.show_parameters(MaskParameters(margin_percent=11))
        measuring.show_parameters(moved)
        assert measuring.judged_cluster is None
        assert measuring.advice is None
    assert judged.args[0].serves(moved)
    assert measuring.fringe is fringe


def test_other_study_comes_before_the_first_is_measured(
    measuring, qtbot, study, monkeypatch
) -> None:
    begun, go_on = threading.Event(), threading.Event()
    real = measure_fringe

    def slow(study, *, should_stop):
        begun.set()
        go_on.wait(30)
        return real(study, should_stop=should_stop)

    monkeypatch.setattr(judged_room, "measure_fringe", slow)
    other = replace(study, coverage=np.ceil(study.coverage / 2).astype(np.float32))
    measuring.show_study(study)
    qtbot.waitUntil(begun.is_set)
    told = []
    measuring.judged.connect(told.append)
    with qtbot.waitSignal(measuring.advised, timeout=60_000):
        measuring.show_study(other)
        go_on.set()
    assert [each.maximum for each in told] == [other.coverage.max()]


def test_without_a_tile_the_masks_are_judged_all_the_same(measuring, qtbot, study) -> None:
    with (
        qtbot.assertNotEmitted(measuring.fringe_measured),
        qtbot.waitSignal(measuring.advised, timeout=60_000),
    ):
        measuring.show_study(replace(study, tile=None))
    assert all(each.fringe is None for each in measuring.judged_cluster.masks)


def test_tolerance_is_advised_anew_at_once(measuring, qtbot, study) -> None:
    with qtbot.waitSignal(measuring.advised, timeout=60_000):
        measuring.show_study(study)
    with qtbot.waitSignal(measuring.advised) as again:
        measuring.set_options(AdviceOptions(tolerance=50))
    assert again.args[0].leave_defaults


def test_what_fails_is_told(measuring, qtbot, study, monkeypatch) -> None:
    def broken(study, *, should_stop):
        raise ValueError("made up")

    monkeypatch.setattr(judged_room, "measure_fringe", broken)
    with qtbot.waitSignal(measuring.failed, timeout=60_000) as failed:
        measuring.show_study(study)
    assert str(failed.args[0]) == "made up"
    assert measuring.judged_cluster is None
