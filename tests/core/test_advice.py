"""The advice: against a plain search over every setting, and on clusters whose truth is known."""

from __future__ import annotations

import itertools
import math
import pickle
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_zecoverage.core.advice import advise, advise_judged, advise_run
from napari_zecoverage.core.best_setting import HARMLESS, cliff_margin
from napari_zecoverage.core.errors import CoverageError, ParameterError, StudyCancelledError
from napari_zecoverage.core.fringe import ResidualFringe, measure_fringe
from napari_zecoverage.core.judged import JudgedCluster, judge
from napari_zecoverage.core.levels import LevelField
from napari_zecoverage.core.outcome import AlphaStats, apply_mask
from napari_zecoverage.core.parameters import AdviceOptions, MaskParameters

DEFAULTS = MaskParameters()
USUAL = AdviceOptions(tolerance=0.5, certainty=0)
EXACT = AdviceOptions(tolerance=0.5, certainty=0, least_gain=0)


def made(
    steps: list[float | None],
    *,
    levels: list[float] | None = None,
    hard: list[float] | None = None,
    sources: dict[int, str] | None = None,
    guards: dict[int, tuple[str, ...]] | None = None,
    name: str = "made up",
    covered_px: int = 1000,
    raw: float = 0.0,
) -> JudgedCluster:
    """Make a cluster of whole counts: the step (in units of the noise) that each level leaves.

    Level 0 gives the low-signal mask. The cross and the square cost a bit of field each.
    """
    levels = levels or [float(each) for each in range(len(steps))]
    hard = hard or [1 - index / len(levels) for index in range(len(levels))]
    sources, guards = {0: "low-signal", **(sources or {})}, guards or {}
    masks, rows = [], []
    for opening in range(3):
        if opening == 2 and levels[-1] <= 3:
            rows.append(rows[1])
            continue
        rows.append(tuple(range(len(masks), len(masks) + len(levels))))
        for index, step in enumerate(steps):
            left = step
            if step is not None:
                left = ResidualFringe(step * 2.0, 0.01, step, raw, levels[index], 100)
            kept = hard[index] * (1 - opening * 1e-5)
            masks.append(
                LevelField(
                    sources.get(index, "coverage"),
                    kept,
                    kept,
                    left,
                    AlphaStats(kept, 0.0, 1.0),
                    guards.get(index, ()),
                )
            )
    return JudgedCluster(
        name, 9, levels[-1], covered_px, 2.0, DEFAULTS, tuple(levels), tuple(masks), tuple(rows)
    )


# --- one cluster -----------------------------------------------------------------------------


def test_least_field_lost_within_the_tolerance() -> None:
    judged = made([3, 3, 3, 2, 1, 0.4, 0.3, *[0.2] * 14])  # 5 of 20 frames are enough
    advice = advise_judged(judged)
    assert not advice.leave_defaults
    # 0.3 is within 0.25 and its own uncertainty of 0.005, 0.4 is not.
    assert advice.after.level == judged.at(advice.parameters)
    assert judged.level_index(advice.parameters) == 7
    assert advice_at(judged, 0.5) == 5
    assert (advice.before.threshold, advice.before.parameters) == (10, DEFAULTS)
    assert advice.judged == len(judged.masks)
    assert advice.cliff_margin == advice.after.threshold
    assert pickle.loads(pickle.dumps(advice)) == advice


def advice_at(judged: JudgedCluster, tolerance: float) -> float:
    options = replace(EXACT, tolerance=tolerance)
    return judged.levels[judged.level_index(advise_judged(judged, options=options).parameters)]


def test_an_insignificant_excess_is_no_reason_to_cut() -> None:
    judged = made([3, 3, 0.504, 0.1, 0.1, 0.1, 0.1])
    assert advice_at(judged, 0.5) == 3
    surer = advise_judged(judged, options=AdviceOptions(tolerance=0.5, certainty=1))
    assert judged.level_index(surer.parameters) == 2


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        # The share alone where min_coverage_abs stays out of its way ...
        ([2, 2, 2, 2, 2, 2, *[0.1] * 15], (3, 0.28, 3)),
        ([2] * 14 + [0.1] * 7, (3, 0.68, 3)),
        # ... which must give way where fewer frames are enough.
        ([2, 2, *[0.1] * 19], (2, 0.08, 3)),
        ([2, *[0.1] * 20], (1, 0.03, 3)),
        # ZeMosaic's own where they are right.
        ([2] * 10 + [0.1] * 11, (3, 0.5, 3)),
    ],
)
def test_the_numbers_read_well_and_stay_near_the_defaults(steps, expected) -> None:
    judged = made(steps)
    advised = advise_judged(judged, options=USUAL).parameters
    assert (
        advised.min_coverage_abs,
        advised.min_coverage_frac,
        advised.morph_open_px,
    ) == expected


@given(most=st.integers(4, 300), best=st.integers(1, 300))
@settings(max_examples=100, deadline=None)
def test_rounded_numbers_give_the_mask_that_is_meant(most, best) -> None:
    best = min(best, most)
    judged = made([2.0] * best + [0.1] * (most + 1 - best))
    advice = advise_judged(judged, options=EXACT)
    assert judged.level_index(advice.parameters) == best
    # As robust as it can be: a last digit more or less of the share changes nothing.
    if advice.parameters.min_coverage_frac != 0.5 and most <= 40:
        for nudge in (-0.0005, 0.0005):
            share = advice.parameters.min_coverage_frac + nudge
            moved = replace(advice.parameters, min_coverage_frac=min(max(share, 0), 1))
            assert judged.level_index(moved) == best


def test_openings_that_differ_little_are_the_same() -> None:
    judged = made([2, 2, *[0.1] * 9])
    assert advise_judged(judged).parameters.morph_open_px == 3
    # Unless every pixel counts.
    assert advise_judged(judged, options=EXACT).parameters.morph_open_px == 0


def test_without_a_fringe_the_defaults_are_left() -> None:
    judged = made([0.2] * 21, raw=9.0)
    advice = advise_judged(judged)
    assert advice.leave_defaults
    assert advice.parameters == DEFAULTS
    assert "nothing to cut" in advice.why
    assert any("leave the defaults" in each for each in advice.doubts)
    assert any("9 ADU are repaired" in each for each in advice.doubts)
    bare = advise_judged(made([0.2] * 21))
    assert not any("repaired" in each for each in bare.doubts)


def test_where_the_fringe_is_not_measurable_the_defaults_are_left() -> None:
    advice = advise_judged(made([None] * 21))
    assert advice.leave_defaults
    assert any("not measurable" in each for each in advice.doubts)
    unknown = replace(made([3.0] * 21), core_noise=math.nan)
    assert advise_judged(unknown).leave_defaults


def test_defaults_that_are_good_enough_are_left() -> None:
    hard = [1 - 0.0001 * each for each in range(21)]
    judged = made([2] * 6 + [0.1] * 15, hard=hard)
    advice = advise_judged(judged)
    assert advice.leave_defaults
    assert "ZeMosaic's defaults" in advice.why
    assert not advise_judged(judged, options=EXACT).leave_defaults


def test_best_compromise() -> None:
    judged = made([9, 8, 7, 6, 5, 4, 3, 2, 2.001, 2, 2])
    advice = advise_judged(judged, options=replace(EXACT, tolerance=1))
    assert judged.level_index(advice.parameters) in (7, 8)
    assert any("compromise" in each for each in advice.doubts)
    assert "above the tolerance" in advice.why


@pytest.mark.parametrize("guard", ["strict crop skipped", "edge trim skipped", "opening left out"])
def test_no_guard_is_tripped(guard) -> None:
    steps = [2, 2, 2, *[0.1] * 18]
    judged = made(steps, guards=dict.fromkeys(range(3, 7), (guard,)))
    assert advice_at(judged, 0.5) == 7
    # What every mask trips is no reason to prefer another one.
    everywhere = made(steps, guards=dict.fromkeys(range(21), (guard,)))
    assert advice_at(everywhere, 0.5) == 3


def test_a_cliff_is_kept_away_from() -> None:
    # From 8 frames on the mask is dropped: 7 would be the last before the cliff.
    steps = [8, 7, 6, 5, 4, 3, 2, *[0.1] * 14]
    judged = made(steps, sources=dict.fromkeys(range(8, 21), "dropped"))
    advice = advise_judged(judged, options=EXACT)
    assert judged.level_index(advice.parameters) == 6  # a compromise
    assert advice.cliff_margin >= 1
    assert "no setting that is safe" in advice.why
    # A larger threshold that keeps more is a cliff as well.
    hard = [1 - each / 30 for each in range(21)]
    hard[8] = 0.95
    jump = made(steps, hard=hard)
    assert advice_at(jump, 0.5) == 8


def test_small_clusters_are_not_lowered() -> None:
    # With 4 frames at most, min_coverage_abs 4 is read as 2.
    judged = made([2, 2, 2, 2, 0.1])
    advice = advise_judged(judged, options=EXACT)
    assert judged.level_index(advice.parameters) == 4
    assert advice.parameters.min_coverage_abs <= 3
    assert advice.after.level.guards == ()
    small = advise_judged(made([2, 2, 0.1, 0.1]), options=EXACT)
    assert small.after.level.guards == ()
    assert small.parameters.min_coverage_abs <= 2
    assert small.parameters.morph_open_px <= 1


def test_no_safe_setting() -> None:
    sources = dict.fromkeys(range(1, 9), "dropped")
    advice = advise_judged(made([2, 2, 2, 2, 1, 1, 1, 1, 0.1], sources=sources))
    assert advice.leave_defaults
    assert "every threshold trips a guard" in advice.why
    assert any("No threshold is safe" in each for each in advice.doubts)
    assert advice.cliff_margin is not None


def test_a_margin_that_leaves_nothing_is_named() -> None:
    """No threshold is to blame, and leaving the defaults would help nobody."""
    advice = advise_judged(made([2.0] * 9, hard=[0.02] * 9))
    assert any("Lower margin_percent" in each for each in advice.doubts)
    assert not any("leave the defaults" in each for each in advice.doubts)
    usual = advise_judged(made([2.0] * 9))
    assert not any("margin" in each for each in usual.doubts)


def test_guards_of_the_defaults_are_told() -> None:
    judged = made([0.1] * 9, sources=dict.fromkeys(range(4, 9), "dropped"))
    judged = replace(
        judged,
        masks=tuple(
            each._replace(guards=("mask dropped",)) if each.source == "dropped" else each
            for each in judged.masks
        ),
    )
    advice = advise_judged(judged)
    assert advice.leave_defaults
    assert any("trip a guard here: mask dropped" in each for each in advice.doubts)


@pytest.mark.parametrize("steps", [[2] * 5 + [0.1] * 16, [0.1] * 21, [2] * 21, [2] * 10 + [0] * 11])
def test_why_is_two_sentences(steps) -> None:
    advice = advise_judged(made(steps))
    assert len(advice.why.rstrip(".").split(". ")) == 2
    assert advice.why.endswith(".")
    run = advise_run([made(steps), made(steps, name="other")])
    assert len(run.why.rstrip(".").split(". ")) == 2


def test_settings_asked_about_are_kept() -> None:
    judged = replace(made([2] * 5 + [0.1] * 16), parameters=MaskParameters(margin_percent=2))
    base = MaskParameters(margin_percent=2, nanize=False, min_coverage_frac=0.9)
    advice = advise_judged(judged, base)
    assert advice.parameters.margin_percent == 2
    assert advice.parameters.nanize is False
    assert advice.before.parameters == MaskParameters(margin_percent=2, nanize=False)
    with pytest.raises(ParameterError, match="margin_percent"):
        advise_judged(judged, DEFAULTS)
    with pytest.raises(ParameterError, match="margin_percent"):
        advise_run([judged, made([2.0] * 9)])


# --- against a plain search --------------------------------------------------------------------


def plain_feasible(judged: JudgedCluster, parameters: MaskParameters) -> bool:
    """Return whether a setting trips no guard and keeps away from every cliff."""
    level = judged.at(parameters)
    margin = cliff_margin(judged, parameters)
    if level.source != "coverage" or (margin is not None and margin < 1 - 1e-9):
        return False
    coverage = [each for each in judged.masks if each.source == "coverage"]
    shared = set.intersection(*(set(each.guards) for each in coverage))
    return not (set(level.guards) - shared - HARMLESS)


def plain_settings(clusters: list[JudgedCluster]) -> list[MaskParameters]:
    """Return settings that meet every stretch of both thresholds of every cluster."""
    most = int(max(each.maximum for each in clusters))
    ends = sorted({k / each.maximum for each in clusters for k in range(int(each.maximum) + 1)})
    shares = [0.5, 1.0, *((low + high) / 2 for low, high in itertools.pairwise(ends))]
    return [
        MaskParameters(min_coverage_abs=count, min_coverage_frac=share, morph_open_px=opening)
        for count in range(most + 2)
        for share in shares
        for opening in (0, 1, 3)
    ]


RANDOM = st.lists(
    st.tuples(
        st.integers(2, 9),
        st.integers(0, 2**20),
        st.sampled_from(["plain", "plain", "guards", "dropped", "jump"]),
    ),
    min_size=1,
    max_size=3,
)


def drawn(most: int, seed: int, kind: str, name: str) -> JudgedCluster:
    rng = np.random.default_rng(seed)
    steps = np.sort(rng.uniform(0, 2, most + 1))[::-1].tolist()
    hard = np.sort(rng.uniform(0.1, 1, most + 1))[::-1].tolist()
    sources, guards = {}, {}
    if kind == "dropped":
        sources = dict.fromkeys(range(int(rng.integers(2, most + 1)), most + 1), "dropped")
    if kind == "guards":
        guards = {int(k): ("strict crop skipped",) for k in rng.integers(0, most + 1, 3)}
    if kind == "jump":
        rng.shuffle(hard)
    return made(
        steps,
        hard=hard,
        sources=sources,
        guards=guards,
        name=name,
        covered_px=int(rng.integers(100, 10_000)),
    )


@settings(max_examples=60, deadline=None)
@given(RANDOM)
def test_nothing_is_better(draw) -> None:
    clusters = [drawn(*each, str(index)) for index, each in enumerate(draw)]
    if not any(each.fringe.sigmas > 0.5 for one in clusters for each in one.masks):
        return
    options = replace(EXACT, tolerance=0.5)
    asked = plain_settings(clusters)
    allowed = {}
    for one in clusters:
        safe = [p for p in asked if plain_feasible(one, p)]
        if safe:
            allowed[one.name] = max(0.5, min(one.at(p).fringe.sigmas for p in safe) + 0.005 + 1e-9)

    def cost(parameters: MaskParameters) -> tuple[float, ...]:
        """Clusters that trip a guard, clusters that stay coloured, pixels lost."""
        having_a_say = [one for one in clusters if one.name in allowed]
        return (
            sum(not plain_feasible(one, parameters) for one in having_a_say),
            sum(one.at(parameters).fringe.sigmas > allowed[one.name] for one in having_a_say),
            sum(one.covered_px * (1 - one.at(parameters).hard) for one in having_a_say),
        )

    advice = advise_run(clusters, options=options)
    if not allowed:
        assert advice.leave_defaults
        return
    best = min(cost(each) for each in asked)
    found = cost(advice.parameters)
    assert found[:2] == best[:2]
    assert found[2] <= best[2] + 1e-6
    if len(clusters) == 1:
        alone = advise_judged(clusters[0], options=options)
        assert alone.parameters == advice.parameters


# --- a run -------------------------------------------------------------------------------------


def test_one_setting_for_all() -> None:
    strict = made([2] * 8 + [0.1] * 13, name="strict")
    mild = made([2, 2, *[0.1] * 19], name="mild")
    advice = advise_run([strict, mild], options=EXACT)
    assert strict.level_index(advice.parameters) == 8
    assert [each.name for each in advice.clusters] == ["strict", "mild"]
    assert advice.field_lost_after < advice.field_lost_before
    (worst,) = advice.worst
    assert worst[0] == "mild"
    assert "more than with settings of its own" in worst[1]
    assert any("serve mild better" in each for each in advice.doubts)
    assert any("for the sake of strict" in each for each in advice.doubts)
    assert advice.clusters[1].alone_lost == pytest.approx(1 - mild.masks[2].hard)


def test_clusters_that_cannot_be_served_together() -> None:
    # What the first needs drops the mask of the second.
    first = made([2] * 15 + [0.1] * 6, name="first", covered_px=5000)
    second = made([0.1] * 21, sources=dict.fromkeys(range(9, 21), "dropped"), name="second")
    advice = advise_run([first, second], options=EXACT)
    assert second.at(advice.parameters).source == "coverage"
    names = [name for name, _ in advice.worst]
    assert names[0] == "first"
    assert "stays visible" in advice.worst[0][1]


def test_a_run_without_fringe_is_left_alone() -> None:
    advice = advise_run([made([0.1] * 21, name=str(each)) for each in range(7)])
    assert advice.leave_defaults
    assert advice.worst == ()
    assert advice.field_lost_before == advice.field_lost_after
    assert "nothing to cut" in advice.why


def test_unmeasured_and_unsafe_clusters_are_named() -> None:
    lost = dict.fromkeys(range(1, 9), "dropped")
    clusters = [
        made([2] * 3 + [0.1] * 6, name="good"),
        *(made([None] * 9, name=f"dark {each}") for each in range(6)),
        made([2] * 9, sources=lost, name="tiny"),
    ]
    advice = advise_run(clusters, options=EXACT)
    assert clusters[0].level_index(advice.parameters) == 3
    assert "not measurable in dark 0, dark 1, dark 2, dark 3, dark 4 and 1 more" in advice.doubts[0]
    assert "in tiny" in advice.doubts[1]
    assert dict(advice.worst)["tiny"].startswith("ZeMosaic takes no mask at all")


def test_a_run_needs_a_cluster() -> None:
    with pytest.raises(ParameterError, match="at least one cluster"):
        advise_run([])


# --- from the study on -------------------------------------------------------------------------


def test_advice_for_a_study(make_study) -> None:
    study = make_study(12)
    study.tile[study.coverage <= 3, 0] += 40
    advice = advise(study)
    assert not advice.leave_defaults
    assert advice.after.level.fringe.step < advice.after.level.fringe.error * 5
    outcome = apply_mask(study, advice.parameters, fringe=measure_fringe(study))
    assert outcome.source == "coverage"
    assert outcome.field_lost.hard == pytest.approx(advice.after.field_lost)
    np.testing.assert_equal(outcome.fringe, advice.after.level.fringe)
    assert outcome.alpha_stats == advice.after.level.alpha_stats
    assert advice.after.threshold == outcome.threshold
    # The fringe and what was judged may be handed over.
    fringe = measure_fringe(study)
    for again in (advise(study, fringe=fringe), advise_judged(judge(study, fringe=fringe))):
        np.testing.assert_equal(vars(again), vars(advice))


def test_advice_without_a_tile(make_study) -> None:
    advice = advise(make_study(12, tile=False))
    assert advice.leave_defaults
    assert any("not measured" in each for each in advice.doubts)


def test_advice_can_be_stopped(make_study) -> None:
    study = make_study(8)
    with pytest.raises(StudyCancelledError):
        advise(study, should_stop=lambda: True)
    with pytest.raises(CoverageError, match="without coverage"):
        advise(replace(study, coverage=None))
