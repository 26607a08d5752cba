"""Registration on made-up stars whose transforms are known."""

from __future__ import annotations

import json
import math
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import astroalign
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_zecoverage.core import registration
from napari_zecoverage.core.registration import (
    MAX_CONTROL_POINTS,
    Reference,
    apply_matrix,
    find_stars,
    register_frame,
)

SHAPE = (300, 400)


def similarity(angle=0.0, dx=0.0, dy=0.0, scale=1.0):
    c, s = scale * math.cos(angle), scale * math.sin(angle)
    return np.array([[c, -s, dx], [s, c, dy], [0, 0, 1.0]])


def paint(stars, fluxes, seed, shape=SHAPE, noise=3.0):
    """Draw Gaussian stars on a noisy sky."""
    picture = np.random.default_rng(seed).normal(500, noise, shape)
    y, x = np.indices(shape)
    for (sx, sy), flux in zip(stars, fluxes, strict=True):
        picture += flux * np.exp(-((x - sx) ** 2 + (y - sy) ** 2) / (2 * 1.6**2))
    return picture.astype(np.float32)


@pytest.fixture(scope="module")
def sky():
    rng = np.random.default_rng(3)
    stars = np.column_stack([rng.uniform(-150, 550, 120), rng.uniform(-150, 450, 120)])
    return stars, rng.uniform(150, 3000, 120)


@pytest.fixture(scope="module")
def reference(sky):
    picture = paint(*sky, seed=1)
    return Reference(find_stars(picture), picture)


def frame_of(sky, to_reference, seed=2, noise=3.0):
    """What a camera sees that is moved by the inverse of `to_reference`."""
    stars, fluxes = sky
    return paint(apply_matrix(np.linalg.inv(to_reference), stars), fluxes, seed, noise=noise)


CORNERS = np.array([[0, 0], [399, 0], [0, 299], [399, 299]], float)


@pytest.mark.parametrize(
    "truth",
    [
        similarity(dx=11.3, dy=-7.8),
        similarity(math.radians(3), 20, -5),
        similarity(math.radians(69), 260, -60),
        similarity(math.radians(180), 390, 290),
        similarity(math.radians(-2), 5, 9, scale=1.02),
    ],
    ids=["dither", "3°", "69°", "meridian flip", "scale"],
)
def test_a_frame_is_placed_where_it_belongs(sky, reference, truth):
    picture = frame_of(sky, truth)
    found = register_frame(picture, find_stars(picture), reference)
    assert found.method == "astroalign"
    assert found.n_stars >= 5
    assert found.rms_px < 0.5
    miss = apply_matrix(found.matrix, CORNERS) - apply_matrix(truth, CORNERS)
    assert np.abs(miss).max() < 0.5


def test_the_same_frame_gives_the_same_transform_every_time(sky, reference):
    # astroalign shuffles; we must not.
    picture = frame_of(sky, similarity(math.radians(5), 12, 8))
    stars = find_stars(picture)
    matrices = [register_frame(picture, stars, reference).matrix for _ in range(10)]
    assert all(np.array_equal(each, matrices[0]) for each in matrices)


def few_stars(seed, n=12):
    """Stars of two frames that lie so far off that it matters which triangle is tried first."""
    rng = np.random.default_rng(seed)
    there = rng.uniform(0, 400, (n, 2))
    here = apply_matrix(similarity(rng.uniform(0, 6)), there) + rng.normal(0, 1.2, (n, 2))
    return here, there


def register_few(seed):
    here, there = few_stars(seed)
    flat = np.zeros(SHAPE, np.float32)
    found = register_frame(flat, here, Reference(there, flat))
    return None if found.matrix is None else found.matrix.tobytes(), found.n_stars, found.reason


def test_few_stars_give_the_same_transforms_every_time_and_from_every_thread():
    first = [register_few(seed) for seed in range(12)]
    assert sum(matrix is not None for matrix, *_ in first) >= 6
    assert all([register_few(seed) for seed in range(12)] == first for _ in range(4))
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(register_few, [*range(12)] * 4)) == first * 4


def test_nobody_elses_chance_is_taken_away():
    np.random.seed(5)
    expected = np.random.random()
    np.random.seed(5)
    register_few(0)
    assert np.random.random() == expected
    assert astroalign._np is np
    orders = {tuple(astroalign._np.random.default_rng().permutation(50)) for _ in range(3)}
    assert len(orders) == 3


def test_an_astroalign_that_is_made_otherwise_is_told_of(monkeypatch, caplog):
    monkeypatch.setattr(registration, "astroalign", SimpleNamespace(__spec__=json.__spec__))
    registration._astroalign_without_chance()
    assert "by chance" in caplog.text


def test_stars_are_the_brightest_first_and_few(sky):
    stars = find_stars(paint(*sky, seed=1))
    assert len(stars) <= MAX_CONTROL_POINTS
    positions, fluxes = sky
    inside = ((positions > 5) & (positions < (394, 294))).all(axis=1)
    brightest = positions[inside][fluxes[inside].argmax()]
    assert np.linalg.norm(stars[:3] - brightest, axis=1).min() < 0.5


@pytest.mark.parametrize("value", [0.0, 700.0])
def test_a_constant_picture_has_no_stars_and_is_left_out(reference, value):
    picture = np.full(SHAPE, value, np.float32)
    stars = find_stars(picture)
    assert stars.shape == (0, 2)
    found = register_frame(picture, stars, reference)
    assert found.method == "failed"
    assert found.matrix is None
    assert "0 stars" in found.reason


def test_noise_is_left_out(reference):
    picture = np.random.default_rng(0).normal(500, 20, SHAPE).astype(np.float32)
    found = register_frame(picture, find_stars(picture), reference)
    assert found.method == "failed"
    assert found.reason


def nebula(dx=0.0, dy=0.0, seed=5):
    """A sky with structure, but nothing that a star finder takes for a star."""
    y, x = np.indices(SHAPE)
    x, y = x - dx, y - dy
    picture = np.random.default_rng(seed).normal(500, 6, SHAPE)
    for k, (cx, cy) in enumerate([(120, 90), (250, 200), (310, 80), (60, 230)]):
        picture += (12 + k) * np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * (7 + k) ** 2))
    return picture.astype(np.float32)


def test_a_frame_without_stars_is_rescued_where_the_pictures_agree():
    reference = Reference(np.empty((0, 2)), nebula())
    found = register_frame(nebula(-14, 9, seed=6), np.empty((0, 2)), reference)
    assert found.method == "fft"
    np.testing.assert_allclose(found.matrix, similarity(dx=14, dy=-9), atol=1.5)
    assert "phase correlation" in found.reason


def test_a_rescue_that_the_stars_agree_with_is_refined(sky, reference):
    picture = frame_of(sky, similarity(dx=25.4, dy=-13.7))
    # Too few of the brightest stars to make a triangle of neighbours that astroalign knows.
    stars = find_stars(picture)
    picture_stars = stars[[0, 20, 40]] if len(stars) > 40 else stars[[0, 10, 20]]
    found = register_frame(picture, picture_stars, reference)
    assert found.method in ("fft", "astroalign")
    miss = apply_matrix(found.matrix, CORNERS) - apply_matrix(
        similarity(dx=25.4, dy=-13.7), CORNERS
    )
    assert np.abs(miss).max() < 1.5


def test_a_confident_but_wrong_shift_is_left_out(sky, reference):
    # Stars that match nothing, on a picture that is turned: no shift can be right.
    picture = frame_of(sky, similarity(math.radians(69), 260, -60))
    strangers = np.random.default_rng(8).uniform(0, 300, (30, 2))
    found = register_frame(picture, strangers, reference)
    assert found.method == "failed"
    assert "fall on a star" in found.reason

    without_stars = register_frame(picture, np.empty((0, 2)), reference)
    assert without_stars.method == "failed"
    assert "agree by only" in without_stars.reason


MIRRORED = np.array([[150, 120], [620, 200], [330, 480]], float)


def test_a_triangle_that_only_fits_mirrored_is_no_match():
    flat = np.zeros((600, 800), np.float32)
    found = register_frame(flat, MIRRORED * [-1, 1] + [799, 0], Reference(MIRRORED, flat))
    assert found.method == "failed"


@pytest.mark.parametrize(("ours", "theirs"), [(3, 10), (3, 50), (50, 3), (4, 50)])
def test_strangers_are_hardly_ever_matched(ours, theirs):
    flat = np.zeros((600, 800), np.float32)
    believed = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        stars, others = rng.uniform(0, 600, (ours, 2)), rng.uniform(0, 600, (theirs, 2))
        believed += register_frame(flat, stars, Reference(others, flat)).used
    assert believed <= 2


def test_fixed_pattern_noise_is_not_taken_for_the_sky():
    # The sensor's own pattern agrees with itself where nothing is shifted.
    rng = np.random.default_rng(11)
    pattern = rng.normal(0, 15, SHAPE)
    one, other = ((500 + pattern + rng.normal(0, 5, SHAPE)).astype(np.float32) for _ in range(2))
    found = register_frame(one, np.empty((0, 2)), Reference(np.empty((0, 2)), other))
    assert found.method == "failed"
    assert "pattern" in found.reason


def test_another_shape_is_left_out(reference):
    found = register_frame(np.zeros((10, 10), np.float32), np.empty((0, 2)), reference)
    assert found.method == "failed"
    assert "shape" in found.reason


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 60))
def test_no_set_of_points_ever_raises(reference, seed, count):
    rng = np.random.default_rng(seed)
    points = np.round(rng.uniform(0, 300, (count, 2)), rng.integers(0, 3))
    found = register_frame(np.zeros(SHAPE, np.float32), points, reference)
    assert (found.matrix is None) == (found.method == "failed")
