"""The rectangles: strict crop and edge trim."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of
from rectangles import SHAPE, rects
from scipy import ndimage

from napari_zecoverage.core.crop import (
    Rect,
    edge_trim,
    parts_outside,
    places_inside,
    strict_crop,
    valid_without_alpha,
)
from napari_zecoverage.core.parameters import MaskParameters

DEFAULTS = MaskParameters()


def golden_cases(file: Path) -> tuple[Any, list[dict[str, Any]]]:
    arrays = np.load(file)
    return arrays, json.loads(str(arrays["meta"]))


def unpacked(packed: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return np.unpackbits(packed)[: np.prod(shape)].reshape(shape).astype(bool)


def test_a_rect_knows_its_size_and_indexes_an_array() -> None:
    rect = Rect(1, 2, 4, 7)
    assert (rect.height, rect.width) == (3, 5)
    assert np.zeros((9, 9))[rect.slices].shape == (3, 5)
    assert rect == (1, 2, 4, 7)


# --- strict crop and edge trim: what ZeMosaic answered -------------------------------------


def plain_alpha(coverage: np.ndarray, case: dict[str, Any]) -> np.ndarray:
    """Coverage to alpha, written straight from ZEMOSAIC.md §5.7 and §11."""
    most = float(coverage.max())
    least, share = case["altaz_min_coverage_abs"], case["altaz_min_coverage_frac"]
    opening = case["altaz_morph_open_px"]
    if most <= 6 and least >= most:
        least = min(max(1, np.ceil(share * most)), max(1, most - 1))
    if most <= 3 and opening > 1:
        opening = 1
    good = coverage >= np.float32(max(least, share * most))
    if opening:
        good = ndimage.binary_opening(
            good, ndimage.generate_binary_structure(2, 1 if opening == 1 else 2)
        )
    if case["margin_percent"] == 0:
        return good.astype(np.float32)
    margin = max(1, case["margin_percent"] * 0.01 * min(coverage.shape))
    distance = ndimage.distance_transform_edt(good)
    return (np.minimum(distance / margin, 1) ** (1 / case["decay"])).astype(np.float32)


# Not 7, 11 and 13: there ZeMosaic replaced the coverage's mask (over 98 % of it was opaque) by
# one made from the picture, which the golden data do not hold.
@pytest.mark.parametrize("index", [0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 12])
def test_strict_crop_and_edge_trim_are_zemosaics(golden_dir: Path, index: int) -> None:
    arrays, cases = golden_cases(golden_dir / "tile_geometry.npz")
    case = cases[index]
    footprints = unpacked(arrays[f"footprints{index}"], (case["n_frames"], *case["canvas_hw"]))
    coverage = footprints.sum(axis=0).astype(np.float32)
    alpha = plain_alpha(coverage, case)

    crop, why = strict_crop(alpha, coverage, MaskParameters.from_config(case))
    assert why == ""
    assert (crop and [crop.x0, crop.x1, crop.y0, crop.y1]) == case["strict_crop_x0x1y0y1"]
    if crop is not None:
        alpha = alpha[crop.slices]

    trim, why = (None, "") if case["padded"] else edge_trim(alpha > 0)
    assert why == ""
    assert (trim and [trim.x0, trim.x1, trim.y0, trim.y1]) == case["edge_trim_lrtb"]
    if trim is not None:
        alpha = alpha[trim.slices]

    saved = unpacked(arrays[f"alpha_u8{index}"], tuple(case["tile_chw"][1:]))
    np.testing.assert_array_equal(alpha >= 0.5, saved)


# --- strict crop ---------------------------------------------------------------------------


def framed(shape: tuple[int, int], rect: Rect, inside: float = 1, outside: float = 0) -> np.ndarray:
    picture = np.full(shape, outside, dtype=np.float32)
    picture[rect.slices] = inside
    return picture


def test_strict_crop_pads_the_core_and_stays_on_the_canvas() -> None:
    alpha = framed((600, 700), Rect(4, 100, 500, 695))
    assert strict_crop(alpha, None, DEFAULTS) == (Rect(0, 94, 506, 700), "")


@pytest.mark.parametrize(("value", "kept"), [(0.02, True), (0.0199, False)])
def test_strict_crop_core_reaches_the_alpha_threshold(value: float, kept: bool) -> None:
    alpha = framed((600, 600), Rect(100, 100, 500, 500))
    alpha[300, 50] = value
    crop, _ = strict_crop(alpha, None, DEFAULTS)
    assert crop is not None
    assert crop.x0 == (44 if kept else 94)


def test_strict_crop_without_alpha_takes_the_share_of_the_maximum_coverage() -> None:
    coverage = framed((600, 600), Rect(100, 120, 500, 480), inside=200, outside=3)
    coverage[550, 300] = 4  # 4 of 200 is the threshold, 0.02
    coverage[0, 0] = np.nan
    assert strict_crop(None, coverage, DEFAULTS) == (Rect(94, 114, 557, 486), "")


@pytest.mark.parametrize("coverage", [None, np.zeros((300, 300), np.float32)])
def test_strict_crop_without_anything_covered_does_nothing(coverage: np.ndarray | None) -> None:
    assert strict_crop(None, coverage, DEFAULTS) == (None, "")


def test_strict_crop_switched_off_does_nothing() -> None:
    alpha = framed((600, 600), Rect(100, 100, 500, 500))
    off = replace(DEFAULTS, strict_overlap_crop_enabled=False)
    assert strict_crop(alpha, None, off) == (None, "")


def test_strict_crop_of_the_whole_canvas_is_no_crop() -> None:
    alpha = framed((300, 400), Rect(5, 5, 295, 395))
    assert strict_crop(alpha, None, DEFAULTS) == (None, "")


def test_strict_crop_refuses_a_small_core_and_says_so() -> None:
    alpha = np.zeros((1000, 1000), np.float32)
    alpha[::5, ::3] = 1  # spread wide, but 6.7 % of the canvas
    crop, why = strict_crop(alpha, None, DEFAULTS)
    assert crop is None
    assert "6.7%" in why
    assert "8.0%" in why


def test_strict_crop_refuses_an_empty_core_whatever_the_guard() -> None:
    no_guard = replace(
        DEFAULTS, strict_overlap_crop_min_nonzero_frac=0, strict_overlap_crop_bbox_pad_px=280
    )
    crop, why = strict_crop(np.zeros((300, 300), np.float32), None, no_guard)
    assert crop is None
    assert why


def test_strict_crop_refuses_a_short_side_and_says_so() -> None:
    """ZEMOSAIC.md §10j: frames of 300×400 on a canvas of 500², margin 20 %."""
    coverage = framed((500, 500), Rect(100, 50, 400, 450), inside=8)
    case = {**DEFAULTS.to_config(), "margin_percent": 20.0, "decay": 0.15}
    crop, why = strict_crop(plain_alpha(coverage, case), coverage, DEFAULTS)
    assert crop is None
    assert "302×202" in why
    assert "256" in why


@pytest.mark.parametrize("margin_px", [10, 50, 77])
def test_strict_crop_inset_is_the_documented_one(margin_px: int) -> None:
    """ZEMOSAIC.md §10g: ceil(0.556·margin) − 1 − 6 px at decay 0.15."""
    coverage = framed((1000, 1000), Rect(100, 100, 900, 900), inside=8)
    case = {**DEFAULTS.to_config(), "margin_percent": margin_px / 10, "decay": 0.15}
    crop, _ = strict_crop(plain_alpha(coverage, case), coverage, DEFAULTS)
    inset = int(np.ceil(0.02**0.15 * margin_px)) - 1 - 6
    assert crop == (100 + inset, 100 + inset, 900 - inset, 900 - inset)


def plain_strict_crop(alpha: np.ndarray, parameters: MaskParameters) -> Rect | None:
    """The strict crop, a pixel at a time."""
    height, width = alpha.shape
    core = [
        (y, x)
        for y in range(height)
        for x in range(width)
        if alpha[y, x] >= np.float32(parameters.strict_overlap_crop_alpha_threshold)
    ]
    guard = parameters.strict_overlap_crop_min_nonzero_frac
    if not core or len(core) / (height * width) < guard:
        return None
    pad = parameters.strict_overlap_crop_bbox_pad_px
    y0, y1 = max(0, min(y for y, _ in core) - pad), min(height, max(y for y, _ in core) + 1 + pad)
    x0, x1 = max(0, min(x for _, x in core) - pad), min(width, max(x for _, x in core) + 1 + pad)
    shortest = parameters.strict_overlap_crop_min_size_px
    if y1 - y0 < shortest or x1 - x0 < shortest or (y0, x0, y1, x1) == (0, 0, height, width):
        return None
    return Rect(y0, x0, y1, x1)


@settings(max_examples=80, deadline=None)
@given(
    size=st.tuples(st.integers(1, 50), st.integers(1, 50)),
    corners=st.tuples(*[st.integers(0, 50)] * 4),
    inside=st.floats(0, 1, width=32),
    outside=st.sampled_from([0, 0.01]),
    threshold=st.sampled_from([0.01, 0.02, 0.5]),
    pad=st.integers(0, 9),
    guard=st.sampled_from([0, 0.08, 0.5]),
    seen_from_above=st.booleans(),
)
def test_strict_crop_equals_the_plain_loop(
    size: tuple[int, int],
    corners: tuple[int, int, int, int],
    inside: float,
    outside: float,
    threshold: float,
    pad: int,
    guard: float,
    seen_from_above: bool,
) -> None:
    alpha = framed(size, Rect(*corners), inside, outside)
    if seen_from_above:
        alpha = alpha.T  # not C-contiguous
    parameters = MaskParameters(
        strict_overlap_crop_alpha_threshold=threshold,
        strict_overlap_crop_bbox_pad_px=pad,
        strict_overlap_crop_min_nonzero_frac=guard,
        strict_overlap_crop_min_size_px=16,
    )
    assert strict_crop(alpha, None, parameters)[0] == plain_strict_crop(alpha, parameters)


# --- edge trim -----------------------------------------------------------------------------


def plain_edge_trim(valid: np.ndarray) -> Rect | None:
    """The edge trim, a side at a time."""
    if valid.mean() < 0.05:
        return None
    top, bottom, left, right = 0, valid.shape[0], 0, valid.shape[1]
    while top < valid.shape[0] and valid[top, :].mean() < 0.9:
        top += 1
    while bottom > top and valid[bottom - 1, :].mean() < 0.9:
        bottom -= 1
    while left < valid.shape[1] and valid[:, left].mean() < 0.9:
        left += 1
    while right > left and valid[:, right - 1].mean() < 0.9:
        right -= 1
    if (top, left, bottom, right) == (0, 0, *valid.shape) or min(bottom - top, right - left) < 64:
        return None
    return Rect(top, left, bottom, right)


@settings(max_examples=80, deadline=None)
@given(
    size=st.tuples(st.integers(1, 110), st.integers(1, 110)),
    edges=st.tuples(*[st.integers(0, 30)] * 4),
    share=st.sampled_from([0, 0.5, 0.85, 0.9, 0.95, 1]),
    inner_share=st.sampled_from([0.04, 0.9, 0.97, 1]),
    seed=st.integers(0, 2**32 - 1),
)
@example(size=(100, 100), edges=(3, 4, 5, 6), share=0, inner_share=1, seed=0)
@example(size=(75, 90), edges=(3, 9, 9, 0), share=0.5, inner_share=1, seed=0)
def test_edge_trim_equals_the_plain_loop(
    size: tuple[int, int],
    edges: tuple[int, int, int, int],
    share: float,
    inner_share: float,
    seed: int,
) -> None:
    chance = np.full(size, share)
    top, bottom, left, right = edges
    chance[top : max(top, size[0] - bottom), left : max(left, size[1] - right)] = inner_share
    valid = np.random.default_rng(seed).random(size) < chance
    assert edge_trim(valid)[0] == plain_edge_trim(valid)


def test_edge_trim_stops_at_nine_tenths() -> None:
    valid = np.ones((100, 200), bool)
    valid[:11, 0] = False  # 89 % valid
    valid[:10, 1] = False  # 90 %
    assert edge_trim(valid) == (Rect(0, 1, 100, 200), "")


def test_edge_trim_counts_the_whole_lines_only_once() -> None:
    """Rows are judged with the columns that are taken off."""
    valid = np.ones((100, 100), bool)
    valid[:, :20] = False
    trim, why = edge_trim(valid)
    assert trim is None  # every row is 80 % valid: nothing would be left
    assert "80×0" in why


def test_edge_trim_of_a_full_tile_is_no_trim() -> None:
    assert edge_trim(np.ones((10, 10), bool)) == (None, "")
    assert edge_trim(np.ones((0, 10), bool)) == (None, "")


def test_edge_trim_skips_a_nearly_empty_tile_and_says_so() -> None:
    valid = np.zeros((100, 100), bool)
    valid[:4] = True
    trim, why = edge_trim(valid)
    assert trim is None
    assert "4.0%" in why


@pytest.mark.parametrize(("side", "trimmed"), [(63, False), (64, True)])
def test_edge_trim_leaves_at_least_64_pixels(side: int, trimmed: bool) -> None:
    valid = np.zeros((side + 1, 100), bool)
    valid[1:] = True
    trim, why = edge_trim(valid)
    assert (trim == Rect(1, 0, side + 1, 100)) is trimmed
    assert ("100×63" in why) is not trimmed


def test_valid_without_alpha_drops_what_is_not_finite_and_flat_edges() -> None:
    tile = np.random.default_rng(1).normal(500, 5, (20, 30, 3)).astype(np.float32)
    tile[5, 6, 1] = np.nan
    tile[0] = 400
    tile[-1] = 400
    tile[-1, 3, 0] = 401
    tile[:, -1] = np.inf
    expected = np.ones((20, 30), bool)
    expected[5, 6] = False
    expected[0] = False
    expected[:, -1] = False
    np.testing.assert_array_equal(valid_without_alpha(tile), expected)


# --- rectangles ---------------------------------------------------------------------------


@given(inner=rects())
def test_a_part_is_told_from_the_corner(inner) -> None:
    picture = np.arange(60 * 70).reshape(60, 70)
    whole = Rect(7, 9, 55, 60)
    np.testing.assert_array_equal(
        picture[whole.slices][inner.slices], picture[whole.part(inner).slices], strict=True
    )


@given(rect=rects(), box=rects())
def test_parts_outside(rect, box) -> None:
    seen = np.zeros(SHAPE, np.uint8)
    for part in parts_outside(rect, box):
        seen[part] += 1
    expected = np.zeros(SHAPE, np.uint8)
    expected[box.slices] = 1
    inside = np.zeros(SHAPE, np.bool_)
    inside[rect.slices] = True
    expected[inside] = 0
    np.testing.assert_array_equal(seen, expected)


@given(rect=rects(), places=arrays_of.arrays(np.int64, 20, elements=st.integers(0, 23 * 37 - 1)))
def test_places_inside(rect, places) -> None:
    inside = np.zeros(SHAPE, np.bool_)
    inside[rect.slices] = True
    np.testing.assert_array_equal(places_inside(rect, places, SHAPE[1]), inside.ravel()[places])
