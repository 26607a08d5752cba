"""What becomes of stored values: scaled, debayered, finite."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from frame_files import mosaic_of, plain_bilinear, scaled, write
from numpy.typing import NDArray

from napari_zecoverage.core.frames import look_at_frame, read_frame

# Colour


@pytest.mark.parametrize("pattern", ["RGGB", "GRBG", "GBRG", "BGGR"])
def test_the_colours_of_every_pattern_are_right(tmp_path: Path, pattern: str) -> None:
    scene = np.empty((20, 26, 3), np.uint16)
    scene[:] = (5000, 300, 40)
    scene[:, 13:] = (100, 7000, 20000)
    path = write(tmp_path / "scene.fits", mosaic_of(scene, pattern), BAYERPAT=pattern)
    pixels = read_frame(path).pixels
    assert look_at_frame(path).bayer_pattern == pattern
    # Away from the step between the two halves, every pixel has its half's colour.
    quantum = (20000 - 40) / 65535
    assert np.abs(pixels[:, :11] - (5000, 300, 40)).max() <= quantum
    assert np.abs(pixels[:, 15:] - (100, 7000, 20000)).max() <= quantum


@pytest.mark.parametrize("pattern", ["RGGB", "GRBG", "GBRG", "BGGR"])
def test_debayering_is_bilinear(tmp_path: Path, ramp: NDArray, pattern: str) -> None:
    pixels = read_frame(write(tmp_path / "a.fit", ramp, BAYERPAT=pattern)).pixels
    expected = plain_bilinear(ramp, pattern)[1:-1, 1:-1]
    quantum = (float(ramp.max()) - float(ramp.min())) / 65535
    assert np.abs(pixels[1:-1, 1:-1] - expected).max() <= 1.5 * quantum


@pytest.mark.parametrize(
    ("cards", "pattern"),
    [
        ({}, "GRBG"),
        ({"BAYERPAT": "RGGB"}, "RGGB"),
        ({"BAYERPAT": " bggr "}, "BGGR"),
        ({"CFAIMAGE": "GBRG"}, "GBRG"),
        ({"BAYERPAT": "RGGB", "CFAIMAGE": "GBRG"}, "RGGB"),
        ({"BAYERPAT": "XTRANS"}, "GRBG"),
        ({"BAYERPAT": 7}, "GRBG"),
        ({"BAYERPAT": "RGGB", "ROWORDER": "BOTTOM-UP"}, "RGGB"),
    ],
)
def test_which_pattern_is_used(
    tmp_path: Path, ramp: NDArray, cards: dict[str, object], pattern: str
) -> None:
    path = write(tmp_path / "a.fit", ramp, **cards)
    assert look_at_frame(path).bayer_pattern == pattern
    plain = write(tmp_path / "plain.fit", ramp, BAYERPAT=pattern)
    assert np.array_equal(read_frame(path).pixels, read_frame(plain).pixels)


def test_the_values_keep_their_range_and_their_hot_pixels(tmp_path: Path) -> None:
    plane = np.random.default_rng(2).normal(900, 15, (30, 30)).round().astype(np.uint16)
    plane[10, 10] = 65535
    pixels = read_frame(write(tmp_path / "a.fit", plane)).pixels
    assert pixels.max() == 65535
    assert pixels.min() == plane.min()


@pytest.mark.parametrize("value", [0, 1234, 65535])
def test_a_constant_frame_stays_constant(tmp_path: Path, value: int) -> None:
    frame = read_frame(write(tmp_path / "a.fit", np.full((8, 9), value, np.uint16)))
    assert frame.pixels.shape == (8, 9, 3)
    assert (frame.pixels == value).all()
    assert frame.finite is None


@pytest.mark.parametrize("span", [1e-44, 1e-30, 1.0, 1e30, 6.8e38])
def test_the_smallest_and_the_largest_ranges_survive(tmp_path: Path, span: float) -> None:
    plane = np.zeros((8, 8), np.float32)
    plane[2:4] = span / 2
    plane[4:6] = -span / 2
    frame = read_frame(write(tmp_path / "a.fit", plane))
    assert np.isfinite(frame.pixels).all()
    assert frame.pixels.max() == pytest.approx(np.float32(span / 2), rel=1e-4)
    assert frame.pixels.min() == pytest.approx(np.float32(-span / 2), rel=1e-4)


def test_the_stretch_is_rounded_to_16_bit(tmp_path: Path) -> None:
    plane = np.random.default_rng(11).normal(0, 1e6, (20, 20))
    low, high = plane.astype(np.float32).min(), plane.astype(np.float32).max()
    pixels = read_frame(write(tmp_path / "a.fits", plane.astype(np.float32))).pixels
    step = (float(high) - float(low)) / 65535
    green = plane.astype(np.float32).astype(float)[2:-2:2, 2:-2:2]
    expected = np.rint((green - low) / step) * step + low
    assert np.abs(pixels[2:-2:2, 2:-2:2, 1] - expected).max() <= step / 50


# Scaling


@pytest.mark.parametrize("dtype", [np.int16, np.int32])
def test_scaling_counts_for_signed_integers(tmp_path: Path, dtype: type) -> None:
    stored = np.arange(3 * 4 * 5).reshape(3, 4, 5).astype(dtype)
    pixels = read_frame(scaled(tmp_path / "a.fits", stored, 0.5, 100.0)).pixels
    assert np.array_equal(pixels, np.moveaxis(stored * 0.5 + 100, 0, 2).astype(np.float32))


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_scaling_does_not_count_for_other_storage(tmp_path: Path, dtype: type) -> None:
    stored = np.arange(3 * 4 * 5).reshape(3, 4, 5).astype(dtype)
    pixels = read_frame(scaled(tmp_path / "a.fits", stored, 0.5, 100.0)).pixels
    assert np.array_equal(pixels, np.moveaxis(stored, 0, 2))


def test_the_storage_of_a_mosaic_does_not_change_its_colours(tmp_path: Path, ramp: NDArray) -> None:
    expected = read_frame(write(tmp_path / "u16.fit", ramp)).pixels
    for dtype in (np.int32, np.float32, np.float64):
        pixels = read_frame(write(tmp_path / f"{dtype.__name__}.fit", ramp.astype(dtype))).pixels
        assert np.array_equal(pixels, expected)


# Values that are not finite


def test_non_finite_values_become_zero_and_are_remembered(tmp_path: Path) -> None:
    data = np.ones((5, 6, 3), np.float32)
    data[1, 2, 0], data[3, 4, 1], data[0, 0, 2] = np.nan, np.inf, -np.inf
    frame = read_frame(write(tmp_path / "a.fits", data))
    assert frame.finite is not None
    assert sorted(map(tuple, np.argwhere(~frame.finite))) == [(0, 0), (1, 2), (3, 4)]
    assert (frame.pixels == np.where(np.isfinite(data), data, 0)).all()


@pytest.mark.parametrize(
    "place", [(10, 9), (0, 0), (2, 2), (1, 12), (19, 19), (17, 3), (17, 12), (8, 17), (8, 2)]
)
def test_finite_marks_all_that_debayering_spreads_a_hole_to(
    tmp_path: Path, place: tuple[int, int]
) -> None:
    """Where a changed value changes the picture, a hole at its place would too."""
    generator = np.random.default_rng(5)
    plane = generator.uniform(1000, 2000, (20, 20)).astype(np.float32)
    plane[5, 5], plane[14, 14] = 0.0, 4000.0  # fix the range that is stretched
    changed = plane.copy()
    changed[place] += 500
    differs = (
        read_frame(write(tmp_path / "a.fits", plane)).pixels
        != read_frame(write(tmp_path / "b.fits", changed)).pixels
    ).any(axis=2)
    plane[place] = np.nan
    frame = read_frame(write(tmp_path / "hole.fits", plane))
    assert frame.finite is not None
    assert not (differs & frame.finite).any()
    assert (~frame.finite).sum() <= 16
    assert np.isfinite(frame.pixels).all()


def test_a_frame_of_nothing_but_nan_is_zero(tmp_path: Path) -> None:
    frame = read_frame(write(tmp_path / "a.fits", np.full((6, 6), np.nan, np.float32)))
    assert (frame.pixels == 0).all()
    assert frame.finite is not None
    assert not frame.finite.any()


def test_float64_values_beyond_float32_count_as_not_finite(tmp_path: Path) -> None:
    data = np.ones((3, 4, 5))
    data[0, 1, 2] = 1e300
    frame = read_frame(write(tmp_path / "a.fits", data))
    assert frame.finite is not None
    assert np.argwhere(~frame.finite).tolist() == [[1, 2]]
