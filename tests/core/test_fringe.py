"""The fringe against made-up clusters whose steps are known, and against plain oracles."""

from __future__ import annotations

import math
import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from made_up import (
    KINDS,
    MadeUp,
    colours_of,
    draw_study,
    made_up_study,
    steps_of,
    true_fields,
)
from napari_zecoverage.core.clusters import Cluster
from napari_zecoverage.core.errors import ParameterError, StudyCancelledError
from napari_zecoverage.core.fringe import (
    MIN_VISIBLE_PX,
    Fringe,
    measure_fringe,
    residual_fringe,
    residual_of_visible,
)
from napari_zecoverage.core.parameters import AdviceOptions, StudyOptions
from napari_zecoverage.core.study import study_cluster
from napari_zecoverage.sample import write_sample
from napari_zecoverage.sample_settings import Night, SampleSettings

# Two hundred clusters take a minute and more, several on a busy machine.
pytestmark = pytest.mark.timeout(1500)

SEEDS = range(1000, 1204)
"""Nothing was tuned on these."""


class Verdict:
    """How well one cluster's steps were measured.

    A count (of those that are not the core, and that have sky to measure), or a region, is
    right when R−G and B−G are both within 2 σ of the truth, or when the miss is within 10 %
    of the true step. A cluster is right when the root mean square of its counts' misses is:
    within 2 σ, or 10 % of the root mean square of its steps.
    """

    def __init__(self, made: MadeUp, fringe: Fringe, raw: bool = False) -> None:
        self.kind, self.fringed = made.kind, made.fringed
        steps = fringe.region_steps
        field = made.raw if raw else made.matched
        truth = steps_of(field, made.study.coverage, fringe.regions, fringe.core_count)
        names = ("raw_red_green", "raw_blue_green") if raw else ("red_green", "blue_green")
        errors = ("red_green_error", "blue_green_error")
        found = np.stack([getattr(steps, name) for name in names], axis=1)
        sigma = np.stack([getattr(steps, name) for name in errors], axis=1)
        self.regions = right(found, truth, sigma)
        rim = [each for each in fringe.counts if each.count < fringe.core_count]
        self.measurable = np.array([each.measurable for each in rim])
        counts = [each for each in rim if each.measurable]
        of_counts = np.array(
            [
                np.average(truth[here], axis=0, weights=steps.area_px[here])
                for here in ((steps.count == each.count) & (steps.area_px > 0) for each in counts)
            ]
        )
        found = np.array([[getattr(each, name) for name in names] for each in counts])
        sigma = np.array([[getattr(each, name) for name in errors] for each in counts])
        self.counts = right(found, of_counts, sigma)
        self.pulls = (found - of_counts) / sigma
        miss, step, error = (
            math.sqrt(float((values**2).sum(axis=1).mean()))
            for values in (found - of_counts, of_counts, sigma)
        )
        self.right = miss <= max(0.1 * step, 2 * error)
        self.error = error / fringe.core_noise
        self.residual = residual_fringe(fringe, fringe.regions > 0).sigmas


def right(found: np.ndarray, truth: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    known = np.isfinite(found).all(axis=1)
    miss = (found - truth)[known]
    near = np.hypot(*miss.T) <= 0.1 * np.hypot(*truth[known].T)
    return near | (np.abs(miss) <= 2 * sigma[known]).all(axis=1)


def judge(made: MadeUp) -> tuple[Verdict, Verdict]:
    fringe = measure_fringe(made.study)
    return Verdict(made, fringe), Verdict(made, fringe, raw=True)


@lru_cache(maxsize=1)
def verdicts() -> list[tuple[Verdict, Verdict]]:
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda seed: judge(made_up_study(seed)), SEEDS))


def share(parts: list[np.ndarray]) -> float:
    return float(np.mean(np.concatenate(parts)))


@pytest.mark.parametrize("raw", [False, True], ids=["matched", "raw"])
def test_the_steps_of_two_hundred_made_up_clusters_are_the_true_ones(raw):
    found = [each[raw] for each in verdicts()]
    assert len(found) > 200
    # Of two normal numbers both are within 2 σ in 91 % of cases.
    assert share([each.counts for each in found]) > 0.95
    assert share([each.regions for each in found]) > 0.93
    assert np.mean([each.right for each in found]) > 0.95
    assert share([each.measurable for each in found]) > 0.98


@pytest.mark.parametrize("kind", KINDS)
def test_the_steps_are_the_true_ones_in_every_kind_of_cluster(kind):
    found = [each for each, _ in verdicts() if each.kind == kind]
    assert len(found) == len(SEEDS) // len(KINDS)
    assert share([each.counts for each in found]) > 0.91
    assert share([each.regions for each in found]) > 0.9
    assert np.mean([each.right for each in found]) > 0.9


def test_the_errors_are_neither_boast_nor_hedge():
    found = [each for each, _ in verdicts()]
    pulls = np.concatenate([each.pulls for each in found])
    assert 0.6 < np.sqrt(np.mean(pulls**2)) < 1.1
    # Errors, in units of the core's colour noise, that let steps of a quarter of it be told.
    assert np.median([each.error for each in found]) < 0.06


def residual_without_fringe(seed: int) -> float:
    fringe = measure_fringe(made_up_study(seed, fringed=False, kind="nebulous").study)
    return residual_fringe(fringe, fringe.regions > 0).sigmas


def test_a_nebula_is_no_fringe():
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(residual_without_fringe, range(5000, 5040)))
    assert np.mean(np.array(found) <= AdviceOptions().tolerance) >= 0.95


def test_without_a_fringe_none_is_told():
    found = [each.residual for each, _ in verdicts() if not each.fringed]
    assert len(found) > 20
    assert np.mean(np.array(found) <= AdviceOptions().tolerance) >= 0.95


SETTINGS = SampleSettings(n_frames=8, shape=(270, 360), dither_px=10)
STEEP = (
    Night(angle_deg=0, sweep_deg=8, colour=(0, 0, 0)),
    Night(angle_deg=55, sweep_deg=8, colour=(25, 0, -18)),
)
STEPPED = replace(SETTINGS, nights=STEEP, n_nebulae=0)
CALM = replace(STEPPED, nights=(replace(STEEP[0]), replace(STEEP[1], colour=(0, 0, 0))))


@lru_cache(maxsize=8)
def drawn(settings: SampleSettings = STEPPED, background: str = "off") -> MadeUp:
    return draw_study(settings, background=background, canvas="padded")


@lru_cache(maxsize=8)
def measured(settings: SampleSettings = STEPPED, background: str = "off") -> Fringe:
    return measure_fringe(drawn(settings, background).study)


def test_a_gradient_of_the_sky_is_no_fringe_and_hides_none():
    flat, sloping = (
        measured(replace(STEPPED, sky_gradient=gradient))
        for gradient in ((0, 0, 0), (150, -60, 90))
    )
    for one, other in zip(flat.counts, sloping.counts, strict=True):
        for name in ("red_green", "blue_green"):
            slack = 0.7 * getattr(one, f"{name}_error") + 0.1
            assert getattr(one, name) == pytest.approx(getattr(other, name), abs=slack)
    calm = measured(replace(CALM, sky_gradient=(150, -60, 90)))
    assert all(each.step < 4 * each.step_error + 0.1 for each in calm.counts)


def test_what_matching_repairs_is_left_in_the_raw_figure_only():
    fringe, made = measured(STEPPED, "median"), drawn(STEPPED, "median")
    truth = steps_of(made.raw, made.study.coverage, fringe.regions, fringe.core_count)
    steps = fringe.region_steps
    assert np.nanmax(np.abs(truth[:, 0])) > 10
    known = np.isfinite(steps.red_green)
    assert np.abs(steps.red_green / steps.red_green_error)[known].mean() < 1.5
    miss = (steps.raw_red_green - truth[:, 0]) / steps.red_green_error
    assert np.abs(miss[known]).mean() < 1.5
    unknown = measure_fringe(replace(made.study, backgrounds=()))
    assert math.isnan(unknown.counts[0].raw_step)
    assert unknown.counts[0].red_green == fringe.counts[0].red_green


def test_a_scale_of_the_background_is_undone_in_the_raw_figure():
    made = drawn(STEPPED, "off")
    # Frames of the second night come 20 % brighter in red, and are scaled down.
    second = made.truth.night_of_frame
    scaled = tuple(
        each._replace(slope=(0.8, 1, 1), offset=(0.2 * 840, 0.0, 0.0)) if night else each
        for each, night in zip(made.study.backgrounds, second, strict=True)
    )
    fringe = measure_fringe(replace(made.study, backgrounds=scaled))
    plain = measured()
    share = [(each.raw_red_green - each.red_green) for each in fringe.counts]
    level = 840  # red where the core is, and what the night adds to it there
    for each, other in zip(fringe.counts, plain.counts, strict=True):
        assert each.red_green == other.red_green
    # (level − offset) / slope − level is a quarter of what red is above 840.
    assert max(map(abs, share)) < 0.25 * 25 + 0.02 * level


def test_counts_regions_and_areas_agree_with_the_coverage():
    fringe, coverage = measured(), drawn().study.coverage
    steps = fringe.region_steps
    assert [each.count for each in fringe.counts] == [c for c in np.unique(coverage) if c > 0]
    for each in fringe.counts:
        assert each.area_px == np.count_nonzero(coverage == each.count)
        assert 0 <= each.sky_px <= each.area_px
    np.testing.assert_array_equal(fringe.regions == 0, coverage == 0)
    np.testing.assert_array_equal(steps.area_px[1:], np.bincount(fringe.regions.ravel())[1:])
    np.testing.assert_array_equal(steps.count[fringe.regions], coverage)
    assert fringe.core_count == 8
    core = fringe.counts[-1]
    assert core.red_green == pytest.approx(0, abs=1e-6)
    assert core.noise == pytest.approx(fringe.core_noise, rel=1e-6)


def test_noise_is_that_of_a_pixel_and_grows_as_frames_get_fewer():
    made, fringe = drawn(replace(CALM, stars_per_megapixel=0)), None
    fringe = measure_fringe(made.study)
    core = made.study.tile[made.study.coverage == 8]
    plain = [np.std(core[:, each] - core[:, 1]) for each in (0, 2)]
    assert fringe.core_noise == pytest.approx(math.hypot(*plain) / math.sqrt(2), rel=0.05)
    for each in fringe.counts:
        if each.sky_px > 300:
            assert each.chroma_noise == pytest.approx(each.noise, rel=0.2)
            assert each.noise == pytest.approx(
                fringe.core_noise * math.sqrt(8 / each.count), rel=1e-6
            )
            assert each.sigmas == each.step / each.noise


@pytest.mark.parametrize("n_nebulae", [0, 3])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_noise_is_that_which_was_drawn_whatever_nebulae_are_there(seed, n_nebulae):
    nebulae = {"n_nebulae": n_nebulae, "nebula_adu": (400, 120, 60), "nebula_fwhm_px": 30 * seed}
    made = draw_study(replace(STEPPED, seed=seed, **nebulae), background="off", canvas="padded")
    fringe = measure_fringe(made.study)
    core = colours_of(made.grain)[made.study.coverage >= fringe.core_count]
    assert fringe.core_noise == pytest.approx(math.sqrt(core.var(axis=0).mean()), rel=0.03)
    for each in fringe.counts:
        if each.sky_px > 3000:
            assert each.chroma_noise == pytest.approx(each.noise, rel=0.1)


def test_the_map_shows_the_steps():
    fringe, made = measured(), drawn()
    assert fringe.map.shape == (*made.study.canvas.shape, 2)
    assert fringe.map.dtype == np.float32
    assert np.isnan(fringe.map[made.study.coverage == 0]).all()
    truth = steps_of(made.matched, made.study.coverage, fringe.regions, fringe.core_count)
    miss = fringe.map - truth[fringe.regions]
    assert np.isfinite(miss[made.study.coverage > 0]).mean() > 0.85
    assert np.nanmedian(np.abs(miss)) < 0.25 * fringe.core_noise
    assert fringe.map is fringe.map


def test_the_same_study_gives_the_same_bits():
    made = drawn()
    one, other = measure_fringe(made.study), measure_fringe(made.study)
    assert one.counts == other.counts
    np.testing.assert_array_equal(one.regions, other.regions)
    for a, b in zip(one.region_steps, other.region_steps, strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(one.map, other.map)
    again = pickle.loads(pickle.dumps(one))
    assert again.counts == one.counts


def test_the_tile_is_left_as_it_is():
    study = drawn().study
    tile, coverage = study.tile.copy(), study.coverage.copy()
    measure_fringe(study)
    np.testing.assert_array_equal(study.tile, tile)
    np.testing.assert_array_equal(study.coverage, coverage)


def plain_residual(fringe: Fringe, opaque: np.ndarray) -> float:
    """The worst visible step, one region after another; 0 when none can be told from noise."""
    steps = fringe.region_steps
    known = [k for k in range(1, len(steps.count)) if math.isfinite(steps.red_green[k])]
    limit = math.sqrt(2 * math.log(len(known) / 0.01))
    length = {k: math.hypot(steps.red_green[k], steps.blue_green[k]) for k in known}
    error = {
        k: math.hypot(steps.red_green_error[k], steps.blue_green_error[k]) / math.sqrt(2)
        for k in known
    }
    if not any(length[k] > limit * error[k] for k in known):
        return 0.0
    worst = 0.0
    for k in known:
        visible = np.count_nonzero(opaque & (fringe.regions == k))
        if visible >= MIN_VISIBLE_PX and length[k] > 3 * error[k]:
            worst = max(worst, math.sqrt(length[k] ** 2 - 2 * error[k] ** 2))
    return worst


@pytest.mark.parametrize("least", range(9))
def test_residual_is_the_worst_step_that_is_visible(least):
    fringe, coverage = measured(), drawn().study.coverage
    opaque = coverage >= least
    found = residual_fringe(fringe, opaque)
    assert found.step == pytest.approx(plain_residual(fringe, opaque), rel=1e-9)
    assert found.sigmas == pytest.approx(found.step / fringe.core_noise)
    assert found.count >= least
    assert 0 < found.area_px <= np.count_nonzero(opaque)
    visible = np.bincount(fringe.regions[opaque], minlength=len(fringe.region_steps.count))
    assert residual_of_visible(fringe, visible) == found


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), share=st.floats(0, 1))
def test_less_to_see_is_never_a_worse_fringe(seed, share):
    fringe = measured()
    rng = np.random.default_rng(seed)
    more = rng.random(fringe.regions.shape) < share
    less = more & (rng.random(more.shape) < 0.5)
    worse, better = residual_fringe(fringe, more), residual_fringe(fringe, less)
    if better is not None:
        assert worse is not None
        assert better.step <= worse.step


def test_residual_of_the_stepped_cluster_falls_where_the_second_night_ends():
    fringe, coverage = measured(), drawn().study.coverage
    everything = residual_fringe(fringe, coverage > 0)
    # The core is half-way between the nights, 12.5 and 9 ADU from each.
    assert everything.step == pytest.approx(math.hypot(12.5, 9), abs=2 * everything.error)
    assert everything.raw_step == pytest.approx(everything.step, abs=2 * everything.error)
    assert residual_fringe(fringe, coverage >= 8).step == 0


def test_no_fringe_is_no_residual():
    fringe = measured(CALM)
    assert residual_fringe(fringe, fringe.regions > 0).step < 2 * fringe.core_noise


def with_steps(fringe: Fringe, sigmas: list[float]) -> Fringe:
    """Steps of so many σ, 1 ADU, of the first regions; 0 of the others."""
    red_green = np.zeros(len(fringe.region_steps.count))
    red_green[1 : 1 + len(sigmas)] = sigmas
    steps = fringe.region_steps._replace(
        red_green=red_green,
        blue_green=np.zeros_like(red_green),
        red_green_error=np.ones_like(red_green),
        blue_green_error=np.ones_like(red_green),
    )
    return replace(fringe, region_steps=steps)


def test_a_weak_step_counts_where_a_strong_one_shows_a_fringe():
    fringe = measured()
    assert 20 < len(fringe.region_steps.count) < 2000  # noise is taken for a step from 4–5 σ on
    alone = with_steps(fringe, [3.5, 2.9]).region_steps.sure_step
    np.testing.assert_array_equal(alone, 0)
    beside = with_steps(fringe, [3.5, 2.9, 50]).region_steps.sure_step
    assert beside[1] == pytest.approx(math.sqrt(3.5**2 - 2))
    assert beside[2] == 0
    assert beside[3] == pytest.approx(math.sqrt(50**2 - 2))


def test_nothing_visible_is_no_residual():
    fringe = measured()
    assert residual_fringe(fringe, np.zeros(fringe.regions.shape, bool)) is None
    assert residual_of_visible(fringe, np.zeros(len(fringe.region_steps.count))) is None
    with pytest.raises(ParameterError, match="opaque"):
        residual_fringe(fringe, np.zeros((3, 3), bool))


def test_repeated_frames_count_as_often_as_they_are_stacked():
    made = draw_study(replace(STEPPED, n_frames=2), background="off", canvas="padded")
    fringe = measure_fringe(made.study)
    assert made.study.cluster.counted == (0, 1, 0, 1, 0)
    assert [each.count for each in fringe.counts] == [2, 3, 5]
    # 3/5 of the first night and 2/5 of the second: 25 · 3/5 and 25 · 2/5 away from either.
    assert fringe.counts[0].red_green == pytest.approx(15, abs=3)
    assert fringe.counts[1].red_green == pytest.approx(-10, abs=3)
    assert fringe.counts[0].raw_red_green == fringe.counts[0].red_green


def not_measurable(fringe: Fringe) -> bool:
    return (
        not fringe.measurable
        and math.isnan(fringe.core_noise)
        and math.isnan(fringe.core_count)
        and not any(each.measurable for each in fringe.counts)
        and any("not measurable" in note for note in fringe.notes)
        and residual_fringe(fringe, fringe.regions > 0) is None
        and bool(np.isnan(fringe.map).all())
    )


def test_without_sky_there_is_no_number():
    study = drawn().study
    assert not_measurable(measure_fringe(replace(study, tile=np.full_like(study.tile, np.nan))))
    gone = study.tile.copy()
    gone[study.coverage >= 7] = np.nan
    assert not_measurable(measure_fringe(replace(study, tile=gone)))
    nothing = replace(study, coverage=np.zeros_like(study.coverage))
    assert measure_fringe(nothing).counts == ()
    assert not_measurable(measure_fringe(nothing))


def test_a_count_without_sky_says_so_and_the_others_go_on():
    study = drawn().study
    tile = study.tile.copy()
    tile[study.coverage == 3] = np.nan
    fringe = measure_fringe(replace(study, tile=tile))
    assert [each.count for each in fringe.counts if not each.measurable] == [3]
    assert any("3" in note for note in fringe.notes)
    assert math.isnan(fringe.counts[2].step)
    assert fringe.counts[2].sky_px == 0
    assert fringe.counts[1].red_green == pytest.approx(measured().counts[1].red_green, abs=1)


def test_a_study_without_tile_or_coverage_is_refused_in_words():
    study = drawn().study
    with pytest.raises(ParameterError, match="no tile"):
        measure_fringe(replace(study, tile=None))
    with pytest.raises(ParameterError, match="no coverage"):
        measure_fringe(replace(study, coverage=None))
    with pytest.raises(ParameterError, match="shape"):
        measure_fringe(replace(study, tile=study.tile[:-1]))
    with pytest.raises(ValueError, match="shape"):
        measure_fringe(replace(study, tile=study.tile[..., 0]))


def test_one_count_everywhere_is_its_own_core(make_study):
    study = make_study(shape=(120, 160))
    whole = replace(study, coverage=np.full((120, 160), 5, np.float32))
    tile = np.random.default_rng(0).normal(1000, 10, (120, 160, 3)).astype(np.float32)
    fringe = measure_fringe(replace(whole, tile=tile))
    assert [each.count for each in fringe.counts] == [5]
    assert fringe.counts[0].step == pytest.approx(0, abs=1e-6)
    assert residual_fringe(fringe, whole.coverage > 0).step == 0


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    shape=st.tuples(st.integers(1, 90), st.integers(1, 90)),
    seed=st.integers(0, 2**32 - 1),
    level=st.sampled_from([0.0, 1.0, -1e6, 1e30, 1e-30]),
    broken=st.sampled_from([np.nan, np.inf, -np.inf, 0.0, 1e38]),
    frames=st.integers(1, 40),
)
def test_no_picture_breaks_it(make_study, shape, seed, level, broken, frames):
    rng = np.random.default_rng(seed)
    coverage = rng.integers(0, frames + 1, shape).astype(np.float32)
    tile = (level + rng.normal(0, 1, (*shape, 3))).astype(np.float32)
    tile[rng.random(shape) < 0.1] = broken
    coverage[rng.random(shape) < 0.02] = np.nan
    study = replace(make_study(shape=(2, 2)), coverage=coverage, tile=tile)
    fringe = measure_fringe(study)
    assert fringe.regions.shape == shape
    assert fringe.map.shape == (*shape, 2)
    assert sum(each.area_px for each in fringe.counts) == np.count_nonzero(coverage > 0)
    residual_fringe(fringe, coverage > 1)


@pytest.mark.parametrize("after", range(5))
def test_it_stops_when_asked(after):
    asked = []

    def stop() -> bool:
        asked.append(1)
        return len(asked) > after

    with pytest.raises(StudyCancelledError):
        measure_fringe(drawn().study, should_stop=stop)
    assert len(asked) == after + 1


def test_frames_without_night_date_or_place_are_measured_all_the_same():
    made = drawn()
    cluster = made.study.cluster
    frames = tuple(replace(each, night=None, date=None) for each in cluster.frames)
    undated = measure_fringe(replace(made.study, cluster=replace(cluster, frames=frames)))
    unplaced = measure_fringe(replace(made.study, registrations=()))
    for each, other, known in zip(undated.counts, unplaced.counts, measured().counts, strict=True):
        slack = 4 * known.red_green_error + 0.15 * known.step
        assert each.red_green == pytest.approx(known.red_green, abs=slack)
        assert other.area_px == known.area_px
    assert unplaced.measurable


@pytest.mark.parametrize("background", ["median", "off"])
def test_a_study_of_real_files_gives_the_true_steps(tmp_path, background):
    settings = replace(STEPPED, shape=(300, 400), n_frames=10, sky_gradient=(40, 0, -30))
    truth = write_sample(tmp_path, settings)
    study = study_cluster(
        Cluster.from_files(truth.paths),
        StudyOptions(background=background, canvas="padded"),
        cache=False,
    )
    reference = [each.method for each in study.registrations].index("reference")
    matched, raw = true_fields(truth, study, reference)
    for verdict in judge(MadeUp(study, matched, raw, "files", True, truth)):
        assert verdict.right
        assert verdict.counts.mean() > 0.8
        assert verdict.regions.mean() > 0.85


def test_real_frames_lose_their_steps_by_matching(real_frames):
    study = study_cluster(Cluster.from_files(real_frames), StudyOptions(), cache=False)
    fringe = measure_fringe(study)
    assert fringe.measurable
    raw = [each.raw_step for each in fringe.counts if each.measurable]
    matched = [each.step for each in fringe.counts if each.measurable]
    assert max(raw) > 5
    assert max(matched) < 0.6 * max(raw)
