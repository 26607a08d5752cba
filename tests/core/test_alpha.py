"""Coverage to alpha: ZeMosaic's answers, a plain oracle, and damaged input."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import plain_alpha
from napari_zecoverage.core.alpha import alpha_from_coverage, margin_in_pixels
from napari_zecoverage.core.errors import CoverageError
from napari_zecoverage.core.fallback_masks import (
    height_and_width,
    low_signal_mask,
    radial_mask,
    signal_level,
)
from napari_zecoverage.core.mask_choice import mask_with_fallbacks
from napari_zecoverage.core.parameters import AlphaParameters, MaskParameters
from napari_zecoverage.core.ramp import EXACT_REACH_PX


def golden_cases(folder: Path, name: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return each case's description and its arrays by their name without the number."""
    with np.load(folder / name) as file:
        cases = json.loads(str(file["meta"]))
        return [
            (
                case,
                {
                    key: file[f"{key}{case['case']}"]
                    for key in {each.rstrip("0123456789") for each in file.files} - {"meta"}
                    if f"{key}{case['case']}" in file.files
                },
            )
            for case in cases
        ]


def nested(height: int, width: int, steps: int = 10, inset: int = 3) -> np.ndarray:
    """Coverage of 1 at the border, rising by one each `inset` pixels."""
    coverage = np.zeros((height, width), np.float32)
    for step in range(steps):
        coverage[inset * step : height - inset * step, inset * step : width - inset * step] += 1
    return coverage


PLAIN = AlphaParameters(margin_percent=0, min_coverage_abs=0, min_coverage_frac=0, morph_open_px=0)


def with_(**changes: Any) -> SimpleNamespace:
    """Settings that need not be within ZeMosaic's ranges."""
    names = ("margin_percent", "decay", "min_coverage_abs", "min_coverage_frac", "morph_open_px")
    return SimpleNamespace(**{name: getattr(PLAIN, name) for name in names} | changes)


# --- ZeMosaic's own answers ----------------------------------------------------------------


def test_alpha_from_coverage_equals_zemosaic(golden_dir: Path) -> None:
    cases = golden_cases(golden_dir, "alpha_from_coverage.npz")
    assert len(cases) == 48
    for case, arrays in cases:
        if case["raises"]:
            with pytest.raises(CoverageError):
                alpha_from_coverage(arrays["cov"], SimpleNamespace(**case))
            continue
        good, alpha = alpha_from_coverage(arrays["cov"], SimpleNamespace(**case))
        assert alpha.dtype == np.float32
        assert np.array_equal(np.packbits(good), arrays["good"]), case
        assert np.array_equal(alpha, arrays["alpha"]), case


def test_mask_with_fallbacks_equals_zemosaic(golden_dir: Path) -> None:
    cases = golden_cases(golden_dir, "mask_with_fallbacks.npz")
    expected_source = {"none": "low-signal", "badshape": "low-signal", "full": "low-signal"}
    expected_source |= {"tiny": "low-signal", "use": "coverage"}
    assert len(cases) == 24
    for case, arrays in cases:
        parameters = SimpleNamespace(**case, decay=case["decay_ratio"])
        chosen = mask_with_fallbacks(arrays["img"], arrays.get("cov"), parameters)
        assert np.array_equal(chosen.alpha, arrays["mask"]), case
        assert chosen.source == expected_source[case["coverage"]], case
        assert bool(chosen.reason) == (chosen.source != "coverage")


def test_the_plain_oracle_equals_zemosaic_too(golden_dir: Path) -> None:
    for case, arrays in golden_cases(golden_dir, "alpha_from_coverage.npz"):
        if not case["raises"]:
            good, alpha = plain_alpha.alpha_from_coverage(arrays["cov"], SimpleNamespace(**case))
            assert np.array_equal(np.packbits(good), arrays["good"])
            assert np.array_equal(alpha, arrays["alpha"])
    for case, arrays in golden_cases(golden_dir, "mask_with_fallbacks.npz"):
        parameters = SimpleNamespace(**case, decay=case["decay_ratio"])
        mask = plain_alpha.mask_with_fallbacks(arrays["img"], arrays.get("cov"), parameters)
        assert np.array_equal(mask, arrays["mask"])


# --- threshold -----------------------------------------------------------------------------


def test_the_stricter_of_the_two_thresholds_counts() -> None:
    coverage = np.arange(1, 11, dtype=np.float32)[np.newaxis, :].repeat(4, axis=0)
    for least, share, kept in ((3, 0.5, 6), (7, 0.5, 4), (0, 0, 10), (3, 0, 8), (0, 1, 1)):
        good, alpha = alpha_from_coverage(
            coverage, with_(min_coverage_abs=least, min_coverage_frac=share)
        )
        assert good[0].sum() == kept
        assert np.array_equal(alpha, good.astype(np.float32))


def test_a_threshold_is_compared_in_the_coverage_s_own_precision() -> None:
    coverage = np.full((4, 4), 25, np.float32)
    coverage[0] = 7
    good, _ = alpha_from_coverage(coverage, with_(min_coverage_frac=0.28))
    assert 0.28 * 25 > 7
    assert good.all()


@pytest.mark.parametrize(
    ("values", "least", "expected"),
    [
        ([1, 2, 8], 100, [False, True, True]),  # a quarter of the maximum
        ([0.5, 1, 2], 100, [False, True, True]),  # but at least one frame
        ([0, 0.2, 0.5], 100, [False, True, True]),  # or whatever is covered
    ],
)
def test_a_threshold_that_nothing_reaches_falls_back(
    values: list[float], least: float, expected: list[bool]
) -> None:
    good, _ = alpha_from_coverage(np.array([values]), with_(min_coverage_abs=least))
    assert good.tolist() == [expected]


# --- opening -------------------------------------------------------------------------------


def test_the_opening_has_three_values() -> None:
    coverage = np.zeros((20, 20), np.float32)
    coverage[5:15, 5:15] = 1
    coverage[10, :] = 1  # a thread
    kept = [
        alpha_from_coverage(coverage, with_(min_coverage_abs=1, morph_open_px=px))[0]
        for px in (0, 1, 2, 3, 7, 50)
    ]
    square = np.zeros((20, 20), bool)
    square[5:15, 5:15] = True
    cross = square.copy()
    cross[[5, 5, 14, 14], [5, 14, 5, 14]] = False
    cross[10, 4] = cross[10, 15] = True  # the cross's own arms reach out along the thread
    assert np.array_equal(kept[0], coverage > 0)
    assert np.array_equal(kept[1], cross)
    assert all(np.array_equal(each, square) for each in kept[2:])


def test_an_opening_that_leaves_nothing_is_ignored() -> None:
    coverage = np.zeros((9, 9), np.float32)
    coverage[4, 2:5] = 3
    good, _ = alpha_from_coverage(coverage, with_(min_coverage_abs=1, morph_open_px=3))
    assert np.array_equal(good, coverage > 0)


def test_outside_the_image_nothing_is_covered() -> None:
    good, _ = alpha_from_coverage(np.ones((10, 12)), with_(morph_open_px=1))
    corners = good[[0, 0, -1, -1], [0, -1, 0, -1]]
    assert not corners.any()
    assert good.sum() == 10 * 12 - 4


# --- ramp ----------------------------------------------------------------------------------


def test_the_ramp_is_the_distance_to_the_power_of_one_over_decay() -> None:
    coverage = np.ones((100, 200), np.float32)
    coverage[:, :10] = 0
    _, alpha = alpha_from_coverage(coverage, with_(min_coverage_abs=1, margin_percent=10, decay=2))
    distance = np.arange(-9, 191).clip(0)
    expected = np.where(distance >= 10, 1.0, (np.minimum(distance, 10) / 10) ** 0.5)
    assert np.array_equal(alpha, np.tile(expected.astype(np.float32), (100, 1)))


def test_without_any_excluded_pixel_the_ramp_sits_in_the_top_left_corner() -> None:
    _, alpha = alpha_from_coverage(np.ones((60, 40)), with_(margin_percent=50, decay=1))
    y, x = np.mgrid[:60, :40]
    distance = np.sqrt((y + 1.0) ** 2 + x.astype(float) ** 2)
    assert np.array_equal(alpha, np.minimum(1, distance / 20).astype(np.float32))


def test_a_margin_wider_than_the_image_and_of_one_pixel() -> None:
    coverage = nested(30, 50, 4)
    for margin in (0.001, 100, 101, 500, 1e6):
        for abs_ in (1, 2, 4):
            settings_ = with_(margin_percent=margin, decay=0.5, min_coverage_abs=abs_)
            expected = plain_alpha.alpha_from_coverage(coverage, settings_)
            found = alpha_from_coverage(coverage, settings_)
            assert np.array_equal(found[1], expected[1]), (margin, abs_)


def test_margin_in_pixels_is_a_share_of_the_shorter_side_and_at_least_one() -> None:
    assert margin_in_pixels((1080, 1920), 5) == pytest.approx(54)
    assert margin_in_pixels((50, 20), 1) == 1


def rotated(height: int, width: int, angle: float, share: float) -> np.ndarray:
    """Coverage of one frame, turned, on a larger canvas."""
    corners = cv2.boxPoints(
        ((width / 2, height / 2), (share * width, share * height), angle)
    ).astype(np.int32)
    picture = np.zeros((height, width), np.uint8)
    cv2.fillConvexPoly(picture, corners, 5)
    return picture


@pytest.mark.parametrize(
    ("shape", "margin"),
    [
        ((700, 5300), 5),  # wider than one exact window
        ((400, 4400), 100),
        ((1500, 2203), 45),
        ((900, 1100), 20),
    ],
)
def test_large_images_equal_the_plain_oracle(shape: tuple[int, int], margin: float) -> None:
    rng = np.random.default_rng(7)
    specks = np.full(shape, 5, np.uint8)
    specks[rng.random(shape) < 2e-5] = 0
    strip = np.full(shape, 5, np.uint8)
    strip[:, :13] = 1
    for coverage in (rotated(*shape, 17.0, 0.8), rotated(*shape, 0.0, 0.97), specks, strip):
        settings_ = MaskParameters(margin_percent=margin, decay=0.5)
        expected = plain_alpha.alpha_from_coverage(coverage, settings_)
        good, alpha = alpha_from_coverage(coverage, settings_)
        assert np.array_equal(good, expected[0])
        assert np.array_equal(alpha, expected[1])


@pytest.fixture
def one_thread() -> Iterator[None]:
    """OpenCV with one thread: it then takes another implementation where it may."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    yield
    cv2.setNumThreads(threads)


@pytest.mark.usefixtures("one_thread")
def test_one_thread_is_as_exact_as_many() -> None:
    coverage = np.full((1300, 1500), 5, np.uint8)
    coverage[1200:1210, 100:110] = 0
    settings_ = MaskParameters(margin_percent=95, decay=0.5, min_coverage_abs=1)
    with_ipp = cv2.ipp.useIPP()
    found = alpha_from_coverage(coverage, settings_)[1]
    assert cv2.ipp.useIPP() == with_ipp
    assert np.array_equal(found, plain_alpha.alpha_from_coverage(coverage, settings_)[1])


def test_a_margin_beyond_opencv_s_precision_is_exact_as_well() -> None:
    coverage = np.ones((2 * EXACT_REACH_PX, 700), np.float32)
    coverage[:3] = 0
    coverage[0, 400] = 1
    settings_ = with_(margin_percent=300, decay=0.3, min_coverage_abs=1)
    assert margin_in_pixels(coverage.shape, 300) > EXACT_REACH_PX
    expected = plain_alpha.alpha_from_coverage(coverage, settings_)
    assert np.array_equal(alpha_from_coverage(coverage, settings_)[1], expected[1])


# --- properties ----------------------------------------------------------------------------

coverages = st.builds(
    lambda seed, height, width, top: (
        np.random.default_rng(seed).integers(0, top + 1, (height, width)).astype(np.float32)
    ),
    st.integers(0, 2**32 - 1),
    st.integers(1, 60),
    st.integers(1, 60),
    st.integers(1, 20),
).filter(lambda coverage: coverage.max() > 0)

every_setting = st.builds(
    AlphaParameters,
    margin_percent=st.sampled_from([0, 0.2, 5, 20, 50, 120]),
    decay=st.sampled_from([0, 0.05, 0.15, 1, 2]),
    min_coverage_abs=st.sampled_from([0, 1, 2, 3, 7, 30]),
    min_coverage_frac=st.sampled_from([0, 0.3, 0.5, 0.55, 1, 1.5]),
    morph_open_px=st.integers(0, 4),
)


@given(coverage=coverages, parameters=every_setting)
@settings(max_examples=80, deadline=None)
def test_equals_the_plain_oracle(coverage: np.ndarray, parameters: AlphaParameters) -> None:
    before = coverage.copy()
    good, alpha = alpha_from_coverage(coverage, parameters)
    expected = plain_alpha.alpha_from_coverage(coverage, parameters)
    assert np.array_equal(good, expected[0])
    assert np.array_equal(alpha, expected[1])
    assert alpha.min() >= 0
    assert alpha.max() <= 1
    assert not alpha[~good].any()
    assert np.array_equal(coverage, before)


@given(coverage=coverages, low=st.floats(0, 20), more=st.floats(0, 20), opening=st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_a_stricter_threshold_never_keeps_more_unless_nothing_reaches_it(
    coverage: np.ndarray, low: float, more: float, opening: int
) -> None:
    for field, scale in (("min_coverage_abs", 1.0), ("min_coverage_frac", 1 / 20)):
        settings_ = [
            with_(**{field: value * scale}, morph_open_px=opening) for value in (low, low + more)
        ]
        mild, strict = (alpha_from_coverage(coverage, each)[0] for each in settings_)
        top = float(coverage.max())
        asked = (low + more) * (1 if field == "min_coverage_abs" else top / 20)
        unopened = [
            alpha_from_coverage(coverage, SimpleNamespace(**vars(each) | {"morph_open_px": 0}))[0]
            for each in settings_
        ]
        if np.float32(asked) > top:
            # The documented fallback: a quarter of the maximum, at least 1.
            assert np.array_equal(unopened[1], coverage >= max(0.25 * top, 1))
            continue
        assert not (unopened[1] & ~unopened[0]).any()
        opening_left_something = not opening or not np.array_equal(strict, unopened[1])
        if opening_left_something:
            assert not (strict & ~mild).any()


# --- damaged input -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "coverage",
    [
        np.zeros((5, 5)),
        np.full((5, 5), np.nan),
        np.full((5, 5), -3.0),
        np.full((5, 5), np.inf),
        np.zeros((0, 5)),
        np.ones(7),
        np.ones((2, 3, 4)),
        np.float32(3),
        np.array([["a", "b"]]),
        np.ones((3, 3), dtype=complex),
        np.array([[1, None]], dtype=object),
        [],
    ],
    ids=repr,
)
def test_what_is_no_coverage_is_refused_in_words(coverage: Any) -> None:
    with pytest.raises(CoverageError, match="coverage: ") as caught:
        alpha_from_coverage(coverage, MaskParameters())
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("dtype", ["u1", "i2", ">i4", "<f2", ">f4", ">f8", "f8"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_any_dtype_and_order_give_the_same(dtype: str, order: Any) -> None:
    coverage = nested(40, 50)
    expected = alpha_from_coverage(coverage, MaskParameters())
    found = alpha_from_coverage(coverage.astype(dtype, order=order), MaskParameters())
    assert np.array_equal(found[0], expected[0])
    assert np.array_equal(found[1], expected[1])
    view = np.repeat(np.repeat(coverage, 2, axis=0), 2, axis=1)[::2, ::2]
    assert np.array_equal(alpha_from_coverage(view, MaskParameters())[1], expected[1])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, -7.0, 1e300])
def test_what_is_no_count_counts_as_nothing(bad: float) -> None:
    coverage = nested(40, 50).astype(np.float64)
    coverage[20, 10:14] = 0
    damaged = coverage.copy()
    damaged[20, 10:14] = bad
    for parameters in (MaskParameters(), MaskParameters(min_coverage_abs=0, min_coverage_frac=0)):
        expected = alpha_from_coverage(coverage, parameters)
        found = alpha_from_coverage(damaged, parameters)
        assert np.array_equal(found[0], expected[0])
        assert np.array_equal(found[1], expected[1])
    assert damaged[20, 10] == bad or np.isnan(bad)


def test_a_margin_beyond_all_measure_is_only_very_wide() -> None:
    coverage = nested(40, 50)
    _, alpha = alpha_from_coverage(coverage, with_(margin_percent=1e308, decay=1.0))
    assert alpha.max() < 1e-6


# --- low-signal and radial -----------------------------------------------------------------


def noisy_tile(height: int, width: int, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(1000, 10, (height, width, 3)).astype(np.float32)


@given(
    seed=st.integers(0, 2**32 - 1),
    height=st.integers(4, 90),
    width=st.integers(4, 90),
    margin=st.sampled_from([0.0, 2.0, 5.0, 15.0, 50.0]),
    dark=st.sampled_from(["no", "rim", "nan", "flat", "zero"]),
)
@settings(max_examples=60, deadline=None)
def test_low_signal_mask_equals_the_plain_oracle(
    seed: int, height: int, width: int, margin: float, dark: str
) -> None:
    tile = noisy_tile(height, width, seed)
    if dark == "rim":
        tile[:2] = 0
    elif dark == "nan":
        tile[:, :3] = np.nan
        tile[0, 0, 1] = np.inf
    elif dark in ("flat", "zero"):
        tile[:] = 0 if dark == "zero" else 5
        tile[:3] = 0
    parameters = MaskParameters(margin_percent=margin)
    found = low_signal_mask(tile, parameters)
    assert found.dtype == np.float32
    assert np.array_equal(found, plain_alpha.low_signal_mask(tile, parameters))


def test_low_signal_mask_hides_a_dark_rim() -> None:
    tile = noisy_tile(100, 120)
    tile[:6] = 0
    alpha = low_signal_mask(tile, MaskParameters(margin_percent=10))
    assert not alpha[:5, 1:-1].any()  # the cross takes the corners off
    assert alpha[50, 60] == 1


def test_a_tile_of_one_pixel_has_a_low_signal_mask() -> None:
    assert low_signal_mask(np.ones((1, 1)), MaskParameters()).tolist() == [[1.0]]


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((4, 5), (4, 5)),
        ((100, 120, 3), (100, 120)),
        ((3, 100, 120), (100, 120)),
        ((2, 3, 100, 120), (100, 120)),
        ((100, 120, 3, 2), (100, 120)),
        ((3, 3, 3), (3, 3)),
    ],
)
def test_which_axes_are_height_and_width(shape: tuple[int, ...], expected: tuple[int, int]) -> None:
    assert height_and_width(shape) == expected
    values = np.random.default_rng(3).normal(0, 1, shape).astype(np.float32)
    light = signal_level(values)
    assert light.shape == expected
    others = tuple(range(2, len(shape))) if shape[:2] == expected else (*range(len(shape) - 2),)
    np.testing.assert_allclose(light, np.abs(values).mean(axis=others), rtol=1e-5)


def test_an_image_of_one_axis_is_refused() -> None:
    with pytest.raises(ValueError, match="two or three axes"):
        signal_level(np.ones(5))


@pytest.mark.parametrize("margin", [0, 5, 20, 50, 90])
@pytest.mark.parametrize("decay", [0, 0.15, 1, 2])
def test_radial_mask(margin: float, decay: float) -> None:
    parameters = MaskParameters(margin_percent=margin, decay=decay)
    alpha = radial_mask((41, 61), parameters)
    expected = plain_alpha.radial_mask((41, 61), parameters)
    np.testing.assert_allclose(alpha, expected, atol=1e-6)
    assert alpha[20, 30] == 1
    if margin == 0:
        assert (alpha == 1).all()
    else:
        assert alpha[0, 0] == 0
    assert np.array_equal(alpha, alpha[::-1, ::-1])


def test_radial_mask_only_when_the_pixels_cannot_be_used() -> None:
    words = np.full((41, 61), "dark")
    chosen = mask_with_fallbacks(words, None, MaskParameters(margin_percent=20, decay=1))
    assert chosen.source == "radial"
    expected = radial_mask((41, 61), MaskParameters(margin_percent=20, decay=1))
    assert chosen.alpha is not None
    assert np.array_equal(chosen.alpha, expected)


# --- which mask ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("strip", "source"), [(12, "low-signal"), (13, "coverage")]
)  # ZEMOSAIC.md §10j
def test_the_jump_at_98_percent(strip: int, source: str) -> None:
    coverage = np.full((480, 640), 10, np.float32)
    coverage[:, :strip] = 1
    chosen = mask_with_fallbacks(
        noisy_tile(480, 640), coverage, MaskParameters(margin_percent=0, morph_open_px=0)
    )
    assert chosen.source == source
    assert ("more than 98%" in chosen.reason) == (source == "low-signal")


def test_without_pixels_the_low_signal_mask_is_left_open() -> None:
    chosen = mask_with_fallbacks(None, np.ones((30, 40)), MaskParameters())
    assert chosen.source == "low-signal"
    assert chosen.alpha is None
    assert chosen.from_coverage is not None


def test_neither_tile_nor_coverage_is_refused() -> None:
    with pytest.raises(ValueError, match="both are None"):
        mask_with_fallbacks(None, None, MaskParameters())


def test_a_coverage_with_an_axis_of_one_is_squeezed() -> None:
    tile, coverage = noisy_tile(60, 70), nested(60, 70)
    flat = mask_with_fallbacks(tile, coverage, MaskParameters())
    deep = mask_with_fallbacks(tile, coverage[..., np.newaxis], MaskParameters())
    assert flat.source == deep.source == "coverage"
    assert flat.alpha is not None
    assert deep.alpha is not None
    assert np.array_equal(flat.alpha, deep.alpha)
