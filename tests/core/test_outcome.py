"""What ZeMosaic would make of a tile: its own answers, guards in words, crops, field lost."""

from __future__ import annotations

import json
import logging
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import plain_alpha
from napari_zecoverage.core.coverage import Canvas
from napari_zecoverage.core.crop import Rect
from napari_zecoverage.core.outcome import (
    AlphaStats,
    MaskOutcome,
    apply_mask,
    mask_tile,
    masked_tile,
    saved_alpha,
)
from napari_zecoverage.core.parameters import MaskParameters


def from_case(case: dict[str, Any]) -> MaskParameters:
    """The parameters of a golden case, two of which go by their plain names in some files."""
    keys = {key: value for key, value in case.items() if key.startswith("altaz_")}
    for name in ("margin_percent", "decay"):
        if name in case:
            keys[f"altaz_{name}"] = case[name]
    parameters = MaskParameters.from_config(keys)
    assert not parameters.notes
    return parameters


def golden(folder: Path, name: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    with np.load(folder / name) as file:
        return json.loads(str(file["meta"])), {key: file[key] for key in file.files}


def noise(height: int, width: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(1000, 10, (height, width, 3)).astype(np.float32)


def nested(height: int, width: int, steps: int, inset: int = 3) -> np.ndarray:
    """Coverage of 1 at the border, rising by one each `inset` pixels."""
    coverage = np.zeros((height, width), np.float32)
    for step in range(steps):
        coverage[inset * step : height - inset * step, inset * step : width - inset * step] += 1
    return coverage


def study(coverage: Any, tile: Any = None, *, frame: tuple[int, int] | None = None) -> Any:
    """A studied cluster as far as the mask looks at it; padded when `frame` is smaller."""
    shape = tile.shape[:2] if coverage is None else coverage.shape
    canvas = Canvas(shape=shape, offset=(0, 0), frame_shape=frame or shape)
    return SimpleNamespace(coverage=coverage, tile=tile, canvas=canvas)


def said(outcome: MaskOutcome) -> str:
    return "\n".join(outcome.notes)


NO_CROP = {"strict_overlap_crop_enabled": False}


# --- ZeMosaic's own answers ----------------------------------------------------------------


def test_mask_tile_equals_zemosaic(golden_dir: Path) -> None:
    cases, arrays = golden(golden_dir, "master_tile_step.npz")
    assert len(cases) == 40
    for case in cases:
        k = case["case"]
        tile = arrays[f"tile{k}"]
        before = tile.copy()
        outcome = mask_tile(tile, from_case(case), coverage=arrays[f"cov{k}"])
        after = masked_tile(tile, outcome)
        assert (outcome.source == "dropped") == case["mask_dropped"]
        if f"alpha{k}" in arrays:
            assert outcome.alpha is not None
            assert np.array_equal(outcome.alpha, arrays[f"alpha{k}"]), case
        else:
            assert outcome.alpha is None
        changed = ~((after == before) | (np.isnan(after) & np.isnan(before)))
        assert np.array_equal(np.packbits(changed[..., 0]), arrays[f"changed{k}"]), case
        assert np.array_equal(np.packbits(np.isnan(after)[..., 0]), arrays[f"nan{k}"]), case
        assert np.array_equal(tile, before)


def geometry_case(case: dict[str, Any], arrays: dict[str, Any]) -> tuple[np.ndarray, Any]:
    """Coverage of a golden case and its study, whose tile is noise where anything covers."""
    height, width = case["canvas_hw"]
    count = case["n_frames"] * height * width
    footprints = np.unpackbits(arrays[f"footprints{case['case']}"])[:count]
    coverage = footprints.reshape(-1, height, width).sum(axis=0, dtype=np.float32)
    tile = noise(height, width)
    tile[coverage == 0] = np.nan
    made = study(coverage, tile, frame=tuple(case["frame_hw"]))
    assert made.canvas.padded == case["padded"]
    return coverage, made


def corners(rect: Rect | None) -> list[int] | None:
    return None if rect is None else [rect.x0, rect.x1, rect.y0, rect.y1]


def test_apply_mask_equals_zemosaic(golden_dir: Path) -> None:
    cases, arrays = golden(golden_dir, "tile_geometry.npz")
    exact = 0
    for case in cases:
        coverage, made = geometry_case(case, arrays)
        parameters = from_case(case)
        outcome = apply_mask(made, parameters)
        assert corners(outcome.strict_crop) == case["strict_crop_x0x1y0y1"], case
        assert corners(outcome.edge_trim) == case["edge_trim_lrtb"], case
        saved = outcome.saved_rect
        assert [3, saved.height, saved.width] == case["tile_chw"]
        offset = [case["canvas_hw"][axis] - case["frame_hw"][axis] for axis in (1, 0)]
        moved = [saved.x0 - offset[0] // 2, saved.y0 - offset[1] // 2]
        assert [case["reference_crpix"][axis] - moved[axis] for axis in (0, 1)] == case["crpix"]
        opaque = saved_alpha(outcome) > 127
        wanted = np.unpackbits(arrays[f"alpha_u8{case['case']}"])[: opaque.size]
        wanted = wanted.astype(bool).reshape(opaque.shape)
        if outcome.source == "coverage":
            exact += 1
            assert np.array_equal(opaque, wanted), case
            assert apply_mask(study_without_tile(made), parameters).field_lost == outcome.field_lost
        else:
            # The low-signal mask depends on pixels that the file does not hold; what
            # can be told is that it reaches no further in than its band and the ramp.
            assert outcome.source == "low-signal"
            reach = 1.5 * max(4, parameters.margin_percent * 0.01 * min(coverage.shape))
            inner = slice(math.ceil(reach), -math.ceil(reach))
            assert wanted[inner, inner].all()
            assert opaque[inner, inner].all()
    assert exact == 11
    assert len(cases) == 14


def study_without_tile(made: Any) -> Any:
    return SimpleNamespace(coverage=made.coverage, tile=None, canvas=made.canvas)


def test_the_plain_oracle_equals_zemosaic_too(golden_dir: Path) -> None:
    cases, arrays = golden(golden_dir, "master_tile_step.npz")
    for case in cases:
        k = case["case"]
        alpha = plain_alpha.mask_tile(arrays[f"tile{k}"], from_case(case), arrays[f"cov{k}"])
        assert (alpha is None) == case["mask_dropped"]
        assert alpha is None or np.array_equal(alpha, arrays[f"alpha{k}"])


@given(
    seed=st.integers(0, 2**32 - 1),
    top=st.integers(0, 9),
    shape=st.tuples(st.integers(20, 70), st.integers(20, 70)),
    margin=st.sampled_from([0, 3, 20]),
    least=st.sampled_from([0, 1, 2.5, 3, 5, 6, 50]),
    share=st.sampled_from([0, 0.3, 0.5, 0.9, 1]),
    opening=st.integers(0, 3),
)
@settings(max_examples=80, deadline=None)
def test_mask_tile_equals_the_plain_oracle(
    seed: int,
    top: int,
    shape: tuple[int, int],
    margin: float,
    least: float,
    share: float,
    opening: int,
) -> None:
    rng = np.random.default_rng(seed)
    coverage = np.clip(nested(*shape, 10, 1) - rng.integers(0, 4), 0, top).astype(np.float32)
    coverage[rng.random(shape) < 0.02] = 0
    tile = noise(*shape, seed)
    parameters = MaskParameters(
        margin_percent=margin,
        min_coverage_abs=least,
        min_coverage_frac=share,
        morph_open_px=opening,
        decay=0.5,
    )
    outcome = mask_tile(tile, parameters, coverage=coverage)
    expected = plain_alpha.mask_tile(tile, parameters, coverage)
    assert (outcome.alpha is None) == (expected is None)
    assert expected is None or np.array_equal(outcome.alpha, expected)
    assert (outcome.threshold_rule == "none") == math.isnan(outcome.threshold)


# --- mask_tile: thresholds -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("maximum", "least", "threshold", "rule"),
    [  # frac 0.5, ZEMOSAIC.md §10i
        (6, 3, 3, "min_coverage_abs"),
        (6, 4, 4, "min_coverage_abs"),
        (6, 5, 5, "min_coverage_abs"),
        (6, 6, 3, "relaxed"),
        (5, 4, 4, "min_coverage_abs"),
        (5, 5, 3, "relaxed"),
        (4, 3, 3, "min_coverage_abs"),
        (4, 4, 2, "relaxed"),
        (4, 99, 2, "relaxed"),
        (7, 7, 7, "min_coverage_abs"),
        (7, 9, 7, "min_coverage_abs"),
        (7, 2, 3.5, "min_coverage_frac"),
        (1, 3, 1, "min_coverage_abs"),
    ],
)
def test_the_effective_threshold_and_the_rule_that_set_it(
    maximum: int, least: float, threshold: float, rule: str
) -> None:
    coverage = nested(90, 100, maximum)
    parameters = MaskParameters(min_coverage_abs=least, margin_percent=0, morph_open_px=0)
    if maximum == 1:
        coverage[:9] = 0
    outcome = mask_tile(noise(90, 100), parameters, coverage=coverage)
    assert outcome.source == "coverage"
    assert (outcome.threshold, outcome.threshold_rule) == (threshold, rule)
    assert outcome.alpha is not None
    assert np.array_equal(outcome.alpha > 0, coverage >= threshold)


def test_it_is_said_where_a_larger_abs_is_the_milder_one() -> None:
    coverage = nested(90, 100, 6)
    tile = noise(90, 100)
    notes = [
        said(mask_tile(tile, MaskParameters(min_coverage_abs=least), coverage=coverage))
        for least in (5, 6, 8)
    ]
    assert notes[0] == ""
    assert "min_coverage_abs 6 is lowered to 3" in notes[1]
    assert "5 would ask for 5 frames, 6 asks for 3" in notes[1]
    assert "min_coverage_abs 8 is read as 6" in notes[2]


def test_it_is_not_said_where_a_larger_abs_is_not_milder() -> None:
    outcome = mask_tile(
        noise(90, 100),
        MaskParameters(min_coverage_abs=4, min_coverage_frac=0.7),
        coverage=nested(90, 100, 4),
    )
    assert outcome.threshold == 3
    assert "is lowered to 3" in said(outcome)
    assert "stricter" not in said(outcome)


def test_the_opening_of_a_small_cluster_is_the_cross() -> None:
    coverage, tile = nested(90, 100, 3), noise(90, 100)
    three, one = (
        mask_tile(tile, MaskParameters(morph_open_px=px), coverage=coverage) for px in (3, 1)
    )
    assert np.array_equal(three.alpha, one.alpha)
    assert "morph_open_px 3 is read as 1" in said(three)
    assert "morph_open_px" not in said(one)


def test_an_opening_that_leaves_nothing_is_told() -> None:
    coverage = np.ones((60, 60), np.float32)
    coverage[:, ::2] = 5
    outcome = mask_tile(noise(60, 60), MaskParameters(margin_percent=0), coverage=coverage)
    assert outcome.source == "coverage"
    assert "morph_open_px 3) is left out" in said(outcome)


# --- mask_tile: which mask -----------------------------------------------------------------


def test_two_arguments_are_enough() -> None:
    tile = noise(90, 100)
    tile[:5] = 0
    outcome = mask_tile(tile, MaskParameters())
    assert outcome.source == "low-signal"
    assert outcome.alpha is not None
    assert np.array_equal(outcome.alpha, plain_alpha.low_signal_mask(tile, MaskParameters()))
    assert math.isnan(outcome.threshold)
    assert outcome.threshold_rule == "none"
    assert outcome.strict_crop is outcome.edge_trim is outcome.field_lost is None
    assert outcome.saved_rect == Rect(0, 0, 90, 100)


@pytest.mark.parametrize(
    ("coverage", "reason"),
    [
        (None, "no coverage was given"),
        (np.ones((89, 100)), "shape 89×100 is not the tile's 90×100"),
        (np.ones(5), "shape 5 is not"),
        (np.float32(2), "shape a single number is not"),
        (np.zeros((90, 100)), "no value above 0"),
        (np.full((90, 100), np.nan), "no value above 0"),
        (np.full((90, 100), -2), "no value above 0"),
        (np.full((90, 100), "x"), "expected numbers"),
    ],
    ids=repr,
)
def test_an_unusable_coverage_changes_nothing_but_a_note(
    coverage: Any, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    tile = noise(90, 100)
    without = mask_tile(tile, MaskParameters())
    with caplog.at_level(logging.DEBUG):
        outcome = mask_tile(tile, MaskParameters(), coverage=coverage)
    assert "MT_COVERAGE_IGNORED: tile=0 reason=" in caplog.text
    assert len(outcome.notes) == 1
    assert outcome.notes[0].startswith("Coverage ignored: ")
    assert reason in outcome.notes[0]
    assert outcome.source == without.source
    assert np.array_equal(outcome.alpha, without.alpha)
    assert outcome.alpha_stats == without.alpha_stats


def test_full_coverage_is_thrown_away_and_said() -> None:
    outcome = mask_tile(noise(480, 640), MaskParameters(), coverage=np.full((480, 640), 8))
    assert outcome.source == "low-signal"
    assert outcome.threshold_rule == "none"
    assert "more than 98%" in said(outcome)
    assert "Coverage ignored" not in said(outcome)


def shrinking_core(half: int) -> np.ndarray:
    coverage = np.ones((800, 800), np.float32)
    coverage[:100] = coverage[-100:] = 0
    coverage[400 - half : 400 + half, 400 - half : 400 + half] = 10
    return coverage


@pytest.mark.parametrize(
    ("half", "source"),
    [(130, "coverage"), (120, "dropped"), (90, "dropped"), (50, "low-signal")],
)
def test_a_shrinking_core_jumps_from_mask_to_mask(half: int, source: str) -> None:
    coverage = shrinking_core(half)  # after ZEMOSAIC.md §10j
    tile = noise(800, 800)
    tile[coverage == 0] = np.nan
    outcome = mask_tile(tile, MaskParameters(margin_percent=2, decay=1), coverage=coverage)
    assert outcome.source == source
    if source == "dropped":
        assert outcome.alpha is None
        assert np.array_equal(outcome.opaque, coverage > 0)
        assert outcome.threshold == 5
        assert f"would leave {(2 * half / 800) ** 2:.1%}" in said(outcome)
        assert np.array_equal(masked_tile(tile, outcome), tile, equal_nan=True)
    if source == "low-signal":
        assert "more than 98%" in said(outcome)
        assert "pixels opaque that no frame covers" in said(outcome)


def test_opaque_black_pixels_are_told() -> None:
    coverage = nested(200, 200, 8)  # ZEMOSAIC.md §10h
    tile = noise(200, 200)
    high, low = (
        mask_tile(tile, MaskParameters(nanize_threshold=level, decay=1), coverage=coverage)
        for level in (0.9, 0.4)
    )
    black = np.isnan(masked_tile(tile, high)[..., 0]) & high.opaque
    assert black.any()
    assert f"empties {np.count_nonzero(black)} pixels that stay opaque" in said(high)
    assert not (np.isnan(masked_tile(tile, low)[..., 0]) & low.opaque).any()
    assert low.notes == ()


def test_a_tile_may_have_one_channel_or_put_it_first() -> None:
    coverage = nested(90, 100, 8)
    tile = noise(90, 100)
    outcomes = [
        mask_tile(each, MaskParameters(), coverage=coverage)
        for each in (tile, tile[..., 0], np.moveaxis(tile, -1, 0))
    ]
    for outcome in outcomes:
        assert np.array_equal(outcome.alpha, outcomes[0].alpha)
    first = masked_tile(np.moveaxis(tile, -1, 0), outcomes[2])
    expected = masked_tile(tile, outcomes[0])
    assert np.array_equal(np.moveaxis(first, 0, -1), expected, equal_nan=True)
    assert np.array_equal(masked_tile(tile[..., 0], outcomes[1]), expected[..., 0], equal_nan=True)


@pytest.mark.parametrize("nanize", [True, False])
def test_a_masked_tile_is_emptied_and_never_multiplied(nanize: bool) -> None:
    tile, coverage = noise(90, 100), nested(90, 100, 8)
    before = tile.copy()
    outcome = mask_tile(
        tile, MaskParameters(nanize=nanize, margin_percent=20, decay=1), coverage=coverage
    )
    after = masked_tile(tile, outcome)
    assert outcome.alpha is not None
    hidden = outcome.alpha <= 0.001
    assert np.array_equal(after[~hidden], tile[~hidden])
    assert (np.isnan(after[hidden]) if nanize else after[hidden] == 0).all()
    assert np.array_equal(tile, before)


def test_a_tile_of_whole_numbers_can_be_emptied() -> None:
    tile = noise(90, 100).astype(np.uint16)
    outcome = mask_tile(tile, MaskParameters(), coverage=nested(90, 100, 8))
    after = masked_tile(tile, outcome)
    assert after.dtype == np.float32
    assert np.isnan(after).any()


@pytest.mark.parametrize("tile", [np.ones(5), np.float32(1), np.ones((0, 5, 3)), np.ones((0, 0))])
def test_what_is_no_tile_is_refused(tile: Any) -> None:
    with pytest.raises(ValueError, match="shape"):
        mask_tile(tile, MaskParameters())


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["<f4", ">f4", "f8"])
def test_byte_and_memory_order_do_not_matter(dtype: str, order: Any) -> None:
    tile, coverage = noise(90, 100), nested(90, 100, 8)
    tile[:4] = np.nan
    for given_coverage in (None, coverage):
        expected = mask_tile(tile, MaskParameters(), coverage=given_coverage)
        found = mask_tile(
            tile.astype(dtype, order=order),
            MaskParameters(),
            coverage=None if given_coverage is None else given_coverage.astype(dtype, order=order),
        )
        assert np.array_equal(found.alpha, expected.alpha)


def test_alpha_stats() -> None:
    coverage = nested(100, 100, 4)
    outcome = mask_tile(noise(100, 100), MaskParameters(margin_percent=0), coverage=coverage)
    kept = np.count_nonzero(coverage >= 3) / 10000
    assert outcome.alpha_stats == AlphaStats(kept, 0.0, 1.0)


# --- apply_mask ----------------------------------------------------------------------------


def test_field_lost_is_a_share_of_what_any_frame_covers() -> None:
    coverage = np.zeros((100, 200), np.float32)
    coverage[:, 50:] = 2  # 15000 covered
    coverage[:, 100:] = 10  # 10000 kept
    outcome = apply_mask(study(coverage), MaskParameters(margin_percent=0, **NO_CROP))
    assert outcome.source == "coverage"
    assert outcome.saved_rect == Rect(0, 0, 100, 200)
    assert outcome.field_lost is not None
    assert outcome.field_lost.hard == pytest.approx(1 / 3)
    assert outcome.field_lost.soft == pytest.approx(1 / 3)


def test_soft_field_lost_is_the_mean_of_what_alpha_takes() -> None:
    coverage = nested(300, 300, 8, 10)
    parameters = MaskParameters(margin_percent=20, decay=1, **NO_CROP)
    outcome = apply_mask(study(coverage, frame=(200, 200)), parameters)
    assert outcome.alpha is not None
    assert outcome.saved_rect == Rect(0, 0, 300, 300)
    assert outcome.field_lost is not None
    assert outcome.field_lost.hard == pytest.approx(np.mean(outcome.alpha < 0.5))
    assert outcome.field_lost.soft == pytest.approx(np.mean(1 - outcome.alpha))


def test_what_is_cut_off_is_lost_whatever_alpha_says() -> None:
    coverage = nested(400, 400, 8, 10)
    parameters = MaskParameters(margin_percent=20, decay=1, min_coverage_abs=5)
    parameters_hard = MaskParameters(
        margin_percent=20,
        decay=1,
        min_coverage_abs=5,
        strict_overlap_crop_alpha_threshold=0.9,
        strict_overlap_crop_min_size_px=16,
        strict_overlap_crop_bbox_pad_px=0,
    )
    outcome, cut = (
        apply_mask(study(coverage, frame=(300, 300)), each)
        for each in (parameters, parameters_hard)
    )
    assert cut.strict_crop is not None
    assert cut.saved_rect == cut.strict_crop
    assert cut.alpha is not None
    shown = np.zeros(coverage.shape, bool)
    shown[cut.saved_rect.slices] = True
    assert cut.field_lost is not None
    assert outcome.field_lost is not None
    assert cut.field_lost.hard > outcome.field_lost.hard
    assert cut.field_lost.hard == pytest.approx(1 - np.mean(shown & (cut.alpha >= 0.5)))
    assert cut.field_lost.soft == pytest.approx(1 - np.mean(np.where(shown, cut.alpha, 0)))


def test_a_dropped_mask_costs_only_what_is_cut_off() -> None:
    coverage = np.ones((400, 400), np.float32)
    coverage[:20] = 0
    coverage[150:250, 150:250] = 10
    tile = noise(400, 400)
    tile[coverage == 0] = np.nan
    parameters = MaskParameters(margin_percent=0, **NO_CROP)
    outcomes = [apply_mask(study(coverage, each), parameters) for each in (tile, None)]
    for outcome in outcomes:
        assert outcome.source == "dropped"
        assert outcome.edge_trim == outcome.saved_rect == Rect(20, 0, 400, 400)
        assert outcome.field_lost == (0, 0)
        assert saved_alpha(outcome).min() == 255
        assert saved_alpha(outcome).shape == (380, 400)


def test_the_edge_trim_is_counted_from_the_strict_crop() -> None:
    coverage = np.zeros((500, 520), np.float32)
    coverage[50:450, 60:460] = 10
    outcome = apply_mask(study(coverage), MaskParameters(margin_percent=0))
    assert outcome.strict_crop == Rect(44, 54, 456, 466)
    assert outcome.edge_trim == Rect(6, 6, 406, 406)
    assert outcome.saved_rect == Rect(50, 60, 450, 460)
    padded = apply_mask(study(coverage, frame=(400, 400)), MaskParameters(margin_percent=0))
    assert padded.edge_trim is None
    assert padded.saved_rect == padded.strict_crop == Rect(44, 54, 456, 466)


def test_a_refused_strict_crop_is_told() -> None:
    coverage = np.zeros((500, 520), np.float32)
    coverage[150:350, 60:460] = 10
    outcome = apply_mask(study(coverage, frame=(300, 300)), MaskParameters(margin_percent=0))
    assert outcome.strict_crop is None
    assert outcome.saved_rect == Rect(0, 0, 500, 520)
    assert "256 px" in said(outcome)


def test_without_coverage_a_study_is_masked_by_its_tile() -> None:
    tile = noise(300, 300)
    outcome = apply_mask(study(None, tile), MaskParameters())
    assert outcome.source == "low-signal"
    assert outcome.field_lost is None
    assert "no coverage was given" in said(outcome)
    assert np.array_equal(outcome.alpha, mask_tile(tile, MaskParameters()).alpha)


def test_without_a_tile_the_coverage_mask_is_the_same() -> None:
    coverage = nested(300, 320, 8, 5)
    with_tile = apply_mask(study(coverage, noise(300, 320)), MaskParameters())
    without = apply_mask(study(coverage), MaskParameters())
    assert np.array_equal(without.alpha, with_tile.alpha)
    assert without.field_lost == with_tile.field_lost
    assert without.notes == with_tile.notes


@pytest.mark.parametrize("covered", [True, False])
def test_without_a_tile_the_low_signal_mask_is_unknown_and_that_is_told(covered: bool) -> None:
    coverage = np.full((480, 640), 8, np.float32) if covered else None
    canvas = Canvas(shape=(480, 640), offset=(0, 0), frame_shape=(480, 640))
    made: Any = SimpleNamespace(coverage=coverage, tile=None, canvas=canvas)
    outcome = apply_mask(made, MaskParameters())
    assert outcome.source == "low-signal"
    assert outcome.alpha is outcome.alpha_stats is outcome.field_lost is None
    assert outcome.saved_rect == Rect(0, 0, 480, 640)
    assert "this study has no tile" in said(outcome)
    with pytest.raises(ValueError, match="none were stacked"):
        _ = outcome.opaque


@given(
    seed=st.integers(0, 2**32 - 1),
    least=st.integers(0, 9),
    share=st.floats(0, 1),
    margin=st.sampled_from([0, 5, 30]),
    padded=st.booleans(),
    with_tile=st.booleans(),
)
@settings(max_examples=50, deadline=None)
def test_whatever_the_thresholds_the_outcome_is_whole_and_pure(
    seed: int, least: int, share: float, margin: float, padded: bool, with_tile: bool
) -> None:
    rng = np.random.default_rng(seed)
    coverage = np.clip(nested(120, 140, 12, 4) - rng.integers(0, 6), 0, None)
    tile = noise(120, 140, seed) if with_tile else None
    made = study(coverage, tile, frame=(100, 100) if padded else None)
    parameters = MaskParameters(
        min_coverage_abs=least,
        min_coverage_frac=share,
        margin_percent=margin,
        strict_overlap_crop_min_size_px=16,
    )
    before = coverage.copy()
    outcome, again = apply_mask(made, parameters), apply_mask(made, parameters)
    assert np.array_equal(coverage, before)
    assert outcome.notes == again.notes
    assert outcome.saved_rect == again.saved_rect
    rect = outcome.saved_rect
    assert 0 <= rect.y0 < rect.y1 <= 120
    assert 0 <= rect.x0 < rect.x1 <= 140
    if outcome.alpha is not None:
        assert np.array_equal(outcome.alpha, again.alpha)
        assert 0 <= outcome.alpha.min() <= outcome.alpha.max() <= 1
    if outcome.field_lost is not None:
        assert 0 <= outcome.field_lost.hard <= 1
        assert 0 <= outcome.field_lost.soft <= 1
        opaque = outcome.opaque[rect.slices] & (coverage[rect.slices] > 0)
        kept = np.count_nonzero(opaque) / np.count_nonzero(coverage)
        assert outcome.field_lost.hard == pytest.approx(1 - kept)


# --- logs ----------------------------------------------------------------------------------


def logged(caplog: pytest.LogCaptureFixture) -> list[tuple[int, str]]:
    return [
        (record.levelno, record.getMessage())
        for record in caplog.records
        if record.name.rpartition(".")[2] in ("outcome", "read_thresholds", "tile_crops")
    ]


def test_the_logs_carry_zemosaic_s_tags_levels_and_fields(
    caplog: pytest.LogCaptureFixture,
) -> None:
    coverage = np.zeros((400, 420), np.float32)
    coverage[50:350, 60:360] = 3
    coverage[:, 200:] = 0
    coverage[50:350, 60:360] = 3
    with caplog.at_level(logging.DEBUG):
        apply_mask(study(coverage), MaskParameters(margin_percent=0))
    found = logged(caplog)
    assert found == [
        (
            logging.DEBUG,
            "MT_COVERAGE_THRESH: tile=0 cov_max=3.0 min_abs=3.0 min_frac=0.500 morph_open_px=3",
        ),
        (
            logging.INFO,
            "ALTaz coverage guard: min_coverage_abs 3.0->2.0 (cov_max=3.0, min_frac=0.500)",
        ),
        (logging.INFO, "ALTaz coverage guard: morph_open_px 3->1 (cov_max=3.0)"),
        (
            logging.INFO,
            (
                "ALPHA_STATS: level=master_tile nonzero_frac=0.536 min=0.000 max=1.000 "
                "shape=(400, 420)"
            ),
        ),
        (
            logging.INFO,
            (
                "MT_PIPELINE: altaz_cleanup applied: masked_used=False mask2d_used=True "
                "mask2d_applied=True threshold=0.001"
            ),
        ),
        (
            logging.INFO,
            "MT_ALTAZ_STRICT_CROP_APPLIED: tile=0 reason=altaz_high_conf_core rect=(54:366,44:356)",
        ),
        (
            logging.INFO,
            (
                "MT_EDGE_TRIM: tile=0 rect=(6:306,6:306) "
                "edge_valid=(L=0.00,R=0.00,T=0.00,B=0.00) thr=0.90"
            ),
        ),
    ]


def test_a_dropped_mask_and_skipped_crops_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    coverage = np.ones((200, 200), np.float32)
    coverage[80:120, 80:120] = 10
    with caplog.at_level(logging.DEBUG):
        apply_mask(study(coverage, frame=(150, 150)), MaskParameters(margin_percent=0))
    found = logged(caplog)
    assert (
        logging.WARNING,
        "ALTaz guard: skipping nanize/zeroize (nonzero_frac=0.040 < 0.100)",
    ) in found
    assert (logging.DEBUG, "MT_EDGE_TRIM: tile=0 skipped (auto-pad used)") in found
    skipped = [text for level, text in found if level == logging.DEBUG and "STRICT_CROP" in text]
    assert len(skipped) == 1
    assert skipped[0].startswith("MT_ALTAZ_STRICT_CROP_SKIPPED: tile=0 reason=")
    assert not any("altaz_cleanup applied" in text for _, text in found)
