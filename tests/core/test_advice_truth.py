"""The advice on two hundred made-up clusters whose colour steps are known."""

from __future__ import annotations

import math
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import pytest

from made_up import MadeUp, colours_of, draw_study, made_up_study, steps_of
from napari_zecoverage.core.advice import Advice, advise_judged
from napari_zecoverage.core.best_setting import cliff_margin
from napari_zecoverage.core.fringe import Fringe, measure_fringe
from napari_zecoverage.core.judged import JudgedCluster, judge
from napari_zecoverage.core.parameters import AdviceOptions, MaskParameters
from napari_zecoverage.sample_settings import Night, SampleSettings

CLUSTERS = 200
EVERY_FIFTH = 5  # has no fringe

FULL_SIZE_SCALE = 3
# More of them are looked at with ZECOVERAGE_FULL_SIZE=240; they take some seconds each.
FULL_SIZE_SEEDS = range(40_000, 40_000 + int(os.environ.get("ZECOVERAGE_FULL_SIZE", "24")))

OPTIONS = AdviceOptions()
BASE = MaskParameters(strict_overlap_crop_min_size_px=16)  # the tiles are small


def settings_of(seed: int, weak: bool = False) -> SampleSettings:
    """Draw two fields, turned, the second of a night whose sky has another colour.

    It has half of the frames, or so few that they hardly colour the rest. Weak colours begin
    at a fraction of the tile's noise.
    """
    rng = np.random.default_rng([seed, 9])
    hue = rng.uniform(0, 2 * math.pi)
    strength = math.exp(rng.uniform(math.log(2), math.log(40))) if weak else rng.uniform(12, 40)
    strength *= seed % EVERY_FIFTH != 0
    height = int(rng.integers(340, 400) if weak else rng.integers(200, 250))
    sky = np.random.default_rng([seed, 11])
    return SampleSettings(
        n_frames=int(rng.integers(8, 21)),
        shape=(height, int(height * rng.uniform(1.3, 1.78))),
        seed=seed,
        nights=(
            *[Night(sweep_deg=float(rng.uniform(2, 12)))] * int(rng.choice([1, 1, 2, 5])),
            Night(
                angle_deg=float(rng.uniform(35, 90)),
                sweep_deg=float(rng.uniform(2, 12)),
                colour=(strength * math.cos(hue), 0.0, strength * math.sin(hue)),
            ),
        ),
        dither_px=float(rng.uniform(3, 12)),
        stars_per_megapixel=float(rng.uniform(0, 1500)),
        star_fwhm_px=float(rng.uniform(2, 3.5)),
        sky_gradient=tuple(float(each) for each in rng.uniform(-60, 60, 3)),
        n_nebulae=int(sky.integers(0, 4)),
        nebula_adu=tuple(float(each) for each in sky.uniform(0, 400, 3)),
        nebula_fwhm_px=float(sky.uniform(25, 90)),
        read_noise_adu=float(rng.uniform(4, 12)),
    )


@dataclass(frozen=True)
class Case:
    """One made-up cluster: what is advised, and what is true."""

    seed: int
    judged: JudgedCluster
    truth: JudgedCluster
    advice: Advice

    @property
    def right(self) -> bool:
        """Whether the advised level is within one count of the best one.

        Where no safe threshold leaves so little: whether the advice tells of what is left.
        """
        if math.isnan(self.best):
            return self.advice.after.level.fringe.sigmas > OPTIONS.tolerance
        advised = self.judged.level_index(self.advice.parameters)
        return abs(self.judged.levels[advised] - self.best) <= 1

    @property
    def best(self) -> float:
        """The threshold, in frames, that keeps most: safe, and leaves no larger step visible.

        The defaults' where there is nothing to cut, NaN where none is safe and leaves so little.
        """
        if all(each.fringe.sigmas <= OPTIONS.tolerance for each in self.truth.masks):
            return self.truth.levels[self.truth.level_index(BASE)]
        good = [
            (field.hard, -level)
            for level, field in zip(self.truth.levels, self.truth.fields(3), strict=True)
            if field.source == "coverage"
            and field.fringe.sigmas <= OPTIONS.tolerance
            and set(field.guards) <= self.unavoidable
            and self.is_safe(level)
        ]
        return -max(good)[1] if good else math.nan

    @property
    def unavoidable(self) -> set[str]:
        """The guards that every threshold trips."""
        masks = [each for each in self.truth.masks if each.source == "coverage"]
        return set.intersection(*(set(each.guards) for each in masks))

    def is_safe(self, level: float) -> bool:
        asked = replace(BASE, min_coverage_abs=0, min_coverage_frac=level / self.truth.maximum)
        margin = cliff_margin(self.truth, asked)
        return margin is None or margin >= 1


def true_fringe(made: MadeUp, fringe: Fringe) -> Fringe:
    """Replace the noise and each step that was measured by the true ones, known exactly."""
    steps = fringe.region_steps
    truth = steps_of(made.matched, made.study.coverage, fringe.regions, fringe.core_count)
    truth[~np.isfinite(steps.red_green)] = np.nan
    exact = np.full(len(truth), 1e-9)
    core = colours_of(made.grain)[made.study.coverage >= fringe.core_count]
    return replace(
        fringe,
        core_noise=math.sqrt(float(core.var(axis=0).mean())),
        region_steps=steps._replace(
            red_green=truth[:, 0],
            blue_green=truth[:, 1],
            red_green_error=exact,
            blue_green_error=exact,
        ),
    )


def case_of(seed: int, weak: bool = False) -> Case:
    drawn = settings_of(seed, weak)
    made = draw_study(drawn, background="off", canvas="padded" if seed % 2 else "auto")
    return case_of_study(seed, made)


def case_of_study(seed: int, made: MadeUp) -> Case:
    fringe = measure_fringe(made.study)
    judged = judge(made.study, BASE, fringe=fringe)
    truth = judge(made.study, BASE, fringe=true_fringe(made, fringe))
    return Case(seed, judged, truth, advise_judged(judged, BASE, options=OPTIONS))


def full_size_case_of(seed: int) -> Case:
    """Look at a cluster as in `made_up_study`, each frame with a colour of its own, but large.

    Its frames are as high as those of a smart telescope.
    """
    made = made_up_study(seed, scale=FULL_SIZE_SCALE)
    return case_of_study(seed, made)


# Two hundred clusters take a minute and more, several on a busy machine.
pytestmark = pytest.mark.timeout(1500)


@lru_cache(maxsize=1)
def cases() -> list[Case]:
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(case_of, range(CLUSTERS)))


@lru_cache(maxsize=1)
def weak_cases() -> list[Case]:
    seeds = [each for each in range(10_000, 10_100) if each % EVERY_FIFTH]
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda seed: case_of(seed, weak=True), seeds))


def test_within_one_count_of_the_best() -> None:
    fringed = [each for each in cases() if each.seed % EVERY_FIFTH]
    assert len(fringed) == CLUSTERS * 4 // 5
    assert np.mean([each.right for each in fringed]) >= 0.95


def test_within_one_count_of_the_best_where_the_fringe_is_weak() -> None:
    # Many a step is as large as the tolerance, but for its error: not all can be right. These
    # seeds have luck (79 of 80): of the seeds below 200 94 % are.
    assert np.mean([each.right for each in weak_cases()]) >= 0.9
    # Some need more frames than the defaults ask for, some fewer.
    needs = np.array([each.best - each.advice.before.threshold for each in weak_cases()])
    assert np.mean(needs > 1) > 0.2
    assert np.mean(needs < -1) > 0.05


def test_without_a_fringe_the_defaults_are_left() -> None:
    free = [each for each in cases() if each.seed % EVERY_FIFTH == 0]
    assert len(free) == CLUSTERS // 5
    assert np.mean([each.advice.leave_defaults for each in free]) >= 0.95


def test_at_the_size_of_real_frames() -> None:
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(full_size_case_of, FULL_SIZE_SEEDS))
    assert np.mean([each.right for each in found]) >= 0.95


@pytest.mark.parametrize("tolerance", [0.05, 1.0, 2.0])
def test_no_tolerance_makes_it_trip_a_guard(tolerance) -> None:
    for each in cases():
        advice = advise_judged(each.judged, BASE, options=replace(OPTIONS, tolerance=tolerance))
        if not advice.leave_defaults:
            assert advice.after.level.source == "coverage"
            assert advice.cliff_margin is None or advice.cliff_margin >= 1
            assert not set(advice.after.level.guards) - {"strict crop skipped"}
