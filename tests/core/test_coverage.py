"""Footprints against astroalign's own; canvases and counts against plain arrays."""

from __future__ import annotations

import math

import astroalign
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.transform import SimilarityTransform

from napari_zecoverage.core.coverage import (
    Canvas,
    Covering,
    PixelCover,
    choose_canvas,
    count_coverage,
    find_footprint,
    padded_canvas,
    reduce_footprint,
    reference_canvas,
    why_ignored,
)

NO_HOLES = np.empty(0, dtype=np.int64)


def astroalign_covers(transform, frame_shape, canvas_shape):
    """Ask astroalign itself; its footprint is True where there is nothing."""
    _, footprint = astroalign.apply_transform(
        transform, np.zeros(frame_shape, np.float32), np.zeros(canvas_shape, np.float32)
    )
    return ~footprint


sides = st.integers(8, 160)
shifts = st.floats(-150, 150)
angles = st.one_of(
    st.floats(-math.pi, math.pi),
    st.sampled_from([0.0, math.pi / 2, -math.pi / 2, math.pi]),
    st.floats(-1e-3, 1e-3),
)


@settings(max_examples=150, deadline=None)
@given(sides, sides, sides, sides, angles, st.floats(0.7, 1.4), shifts, shifts)
def test_footprint_equals_astroaligns(h, w, canvas_h, canvas_w, angle, scale, dx, dy):
    transform = SimilarityTransform(scale=scale, rotation=angle, translation=(dx, dy))
    footprint = find_footprint(transform.params, (h, w), (canvas_h, canvas_w))
    np.testing.assert_array_equal(
        footprint.mask(), astroalign_covers(transform, (h, w), (canvas_h, canvas_w))
    )


@given(sides, sides, st.lists(st.tuples(angles, shifts, shifts), max_size=4))
@settings(deadline=None)  # pixel by pixel
def test_one_pixel_is_covered_as_the_footprints_are(h, w, places):
    matrices = [
        SimilarityTransform(rotation=angle, translation=(dx, dy)).params for angle, dx, dy in places
    ]
    cover = PixelCover(matrices, (h, w), (20, 25))
    masks = [find_footprint(each, (h, w), (20, 25)).mask() for each in matrices]
    for y, x in np.ndindex(20, 25):
        assert cover.at(y, x).tolist() == [bool(mask[y, x]) for mask in masks]


@pytest.mark.parametrize("tenths", range(-20, 21))
def test_a_pixel_of_a_frame_that_reaches_everywhere(tenths):
    """A shift of less than a pixel leaves no pixel of the canvas wholly bare."""
    matrix = SimilarityTransform(translation=(tenths / 10, -tenths / 10)).params
    mask = find_footprint(matrix, (12, 15), (12, 15)).mask()
    cover = PixelCover([matrix], (12, 15), (12, 15))
    assert [cover.at(y, x)[0] for y, x in np.ndindex(12, 15)] == mask.ravel().tolist()
    assert mask.all() == (abs(tenths) < 10)


@pytest.mark.parametrize("tenths", range(-20, 21))
def test_footprint_of_a_shift_equals_astroaligns_where_the_share_is_a_tie(tenths):
    transform = SimilarityTransform(translation=(tenths / 10, -tenths / 10))
    footprint = find_footprint(transform.params, (40, 50), (45, 55))
    np.testing.assert_array_equal(
        footprint.mask(), astroalign_covers(transform, (40, 50), (45, 55))
    )


@pytest.mark.parametrize("shift", [(0.7, 0), (0, -0.9), (0.5, 0.99), (1.0, 0), (0, 1.01)])
@pytest.mark.parametrize("scale", [1.0, 1.25])
def test_footprint_where_nothing_is_wholly_outside_equals_astroaligns(shift, scale):
    # Its warp clips to the picture's own values unless the world outside was reached.
    transform = SimilarityTransform(scale=scale, translation=shift)
    footprint = find_footprint(transform.params, (30, 40), (30, 40))
    np.testing.assert_array_equal(
        footprint.mask(), astroalign_covers(transform, (30, 40), (30, 40))
    )


def test_footprint_of_a_real_frame_size_equals_astroaligns():
    canvas = padded_canvas((1920, 1080))
    transform = SimilarityTransform(rotation=math.radians(69), translation=(812.3, 401.7))
    matrix = canvas.from_frame(transform.params)
    footprint = find_footprint(matrix, (1920, 1080), canvas.shape)
    expected = astroalign_covers(SimilarityTransform(matrix=matrix), (1920, 1080), canvas.shape)
    np.testing.assert_array_equal(footprint.mask(), expected)
    assert footprint.area == expected.sum()


@settings(max_examples=60, deadline=None)
@given(sides, sides, angles, shifts, shifts)
def test_area_and_spans_describe_the_mask(h, w, angle, dx, dy):
    transform = SimilarityTransform(rotation=angle, translation=(dx, dy))
    footprint = find_footprint(transform.params, (h, w), (120, 90))
    mask = footprint.mask()
    assert footprint.area == mask.sum()
    for y, (start, stop) in enumerate(zip(*footprint.spans(), strict=True)):
        covered = np.flatnonzero(mask[y])
        assert (start, stop) == ((covered[0], covered[-1] + 1) if covered.size else (0, 0))


def test_a_frame_that_misses_the_canvas_covers_nothing():
    transform = SimilarityTransform(translation=(1000, 0))
    footprint = find_footprint(transform.params, (30, 40), (50, 60))
    assert footprint.area == 0
    assert not footprint.mask().any()


def test_reference_footprint_is_the_frame_inside_its_padding():
    canvas = padded_canvas((30, 40))
    assert canvas == Canvas(shape=(50, 50), offset=(10, 5), frame_shape=(30, 40))
    assert canvas.padded
    mask = find_footprint(canvas.from_frame(np.eye(3)), (30, 40), canvas.shape).mask()
    expected = np.zeros((50, 50), bool)
    expected[10:40, 5:45] = True
    np.testing.assert_array_equal(mask, expected)


def moved(dx, dy=0.0):
    return np.array([[1, 0, dx], [0, 1, dy], [0, 0, 1.0]])


def test_auto_canvas_pads_only_when_a_frame_covers_less_than_95_percent():
    shape = (100, 200)
    assert choose_canvas([np.eye(3), moved(10)], shape, "auto") == reference_canvas(shape)
    assert choose_canvas([np.eye(3), moved(11)], shape, "auto") == padded_canvas(shape)
    assert choose_canvas([moved(100)], shape, "reference") == reference_canvas(shape)
    assert choose_canvas([np.eye(3)], shape, "padded") == padded_canvas(shape)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_counts_are_the_sum_of_the_masks(data):
    shape = (60, 70)
    total = np.zeros(shape, np.float32)
    coverings = []
    for _ in range(data.draw(st.integers(0, 5))):
        transform = SimilarityTransform(
            rotation=data.draw(angles),
            translation=(data.draw(st.floats(-40, 40)), data.draw(st.floats(-40, 40))),
        )
        footprint = find_footprint(transform.params, (30, 40), shape)
        mask = footprint.mask()
        inside = np.flatnonzero(mask)
        holes = inside[:: data.draw(st.integers(1, 50))] if inside.size else NO_HOLES
        times = data.draw(st.integers(0, 3))
        mask.ravel()[holes] = False
        total += times * mask
        coverings.append(Covering(footprint, holes, times))
    counts = count_coverage(coverings, shape)
    assert counts.dtype == np.float32
    np.testing.assert_array_equal(counts, total)


class TestReduceFootprint:
    bare = np.zeros((4, 6), bool)
    bare[:, 5] = True
    covered = ~bare

    @pytest.mark.parametrize(
        "mask",
        [
            bare,
            bare.astype(np.float32),
            bare.astype(np.uint8),
            np.repeat(bare[..., None], 3, axis=2),
            np.repeat(bare[None], 3, axis=0),
            np.repeat(bare[..., None], 3, axis=2).astype(float),
            bare[..., None],
            bare[None],
            bare.tolist(),
        ],
        ids=[
            "bool",
            "float",
            "int",
            "channels last",
            "channels first",
            "floats",
            "1",
            "1 1st",
            "list",
        ],
    )
    def test_every_form_gives_the_same(self, mask):
        covered, reason = reduce_footprint(mask, (4, 6))
        np.testing.assert_array_equal(covered, self.covered)
        assert reason == ""

    def test_a_pixel_that_one_channel_lacks_is_not_covered(self):
        mask = np.zeros((4, 6, 3), bool)
        mask[1, 2, 2] = True
        covered, _ = reduce_footprint(mask, (4, 6))
        assert not covered[1, 2]
        assert covered.sum() == 23

    def test_the_line_is_drawn_at_astroaligns_share(self):
        covered, _ = reduce_footprint(np.array([[0.4, 0.41]]), (1, 2))
        assert covered.tolist() == [[True, False]]

    @pytest.mark.parametrize(
        ("mask", "words"),
        [
            (None, "no footprint"),
            (np.zeros((3, 3)), "does not fit"),
            (np.zeros((2, 4, 6, 3)), "does not fit"),
            (np.zeros((4, 6, 0)), "no channel"),
            (np.full((4, 6), "x"), "numbers or truth values"),
            (np.full((4, 6), np.nan), "not finite"),
        ],
    )
    def test_what_cannot_be_a_mask_is_ignored_with_a_reason(self, mask, words):
        covered, reason = reduce_footprint(mask, (4, 6))
        assert covered is None
        assert words in reason


class TestWhyIgnored:
    def test_bare_map_is_ignored(self, caplog):
        with caplog.at_level("DEBUG"):
            reason = why_ignored(np.zeros((2, 2), np.float32), 1)
        assert "no frame covers" in reason
        assert f"MT_COVERAGE_IGNORED: tile=0 reason={reason}" in caplog.text

    def test_statistics_are_logged_as_zemosaic_does(self, caplog):
        with caplog.at_level("DEBUG"):
            assert why_ignored(np.array([[0, 1], [2, 8]], np.float32), 8) == ""
        assert (
            "MT_COVERAGE_STATS: tile=0 shape=(2, 2) min=0.0 max=8.0 nonzero_frac=0.750 n_used=8"
            in caplog.text
        )
