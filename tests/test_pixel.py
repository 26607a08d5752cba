"""What is known of one pixel."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_zecoverage.core.coverage import Canvas, find_footprint
from napari_zecoverage.core.outcome import apply_mask
from napari_zecoverage.core.parameters import MaskParameters
from napari_zecoverage.core.registration import Registration
from napari_zecoverage.pixel import PixelReader, ranges
from napari_zecoverage.sky import sky_position


def turned(degrees: float, dx: float, dy: float) -> np.ndarray:
    angle = np.deg2rad(degrees)
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, -sin, dx], [sin, cos, dy], [0, 0, 1]])


@pytest.fixture
def moved(study):
    """Frames of 60×80 on a canvas of 100×100, one of them left out."""
    matrices = [turned(0, 0, 0), turned(20, 5, -8), turned(-35, 3, 30), None]
    registrations = tuple(
        Registration(each, "failed" if each is None else "astroalign") for each in matrices
    )
    rng = np.random.default_rng(2)
    tile = rng.normal(0, 0.1, (100, 100, 3)).astype(np.float32) + np.float32([900, 1000, 800])
    return replace(
        study,
        cluster=replace(study.cluster, frames=study.cluster.frames[:4]),
        canvas=Canvas((100, 100), (20, 10), (60, 80)),
        registrations=registrations,
        coverage=np.full((100, 100), 3, dtype=np.float32),
        tile=tile,
    )


def test_frames_are_those_whose_footprint_covers(moved) -> None:
    reader = PixelReader(moved)
    masks = [
        find_footprint(moved.canvas.from_frame(each.matrix), (60, 80), (100, 100)).mask()
        for each in moved.registrations
        if each.matrix is not None
    ]
    seen = set()
    for y in range(0, 100, 7):
        for x in range(0, 100, 7):
            expected = tuple(number for number, mask in enumerate(masks, 1) if mask[y, x])
            assert reader.read(y, x).frames == expected
            seen.add(expected)
    assert len(seen) > 4


def test_coverage_and_alpha_are_the_arrays(study) -> None:
    outcome = apply_mask(study, MaskParameters())
    reader = PixelReader(study)
    for y, x in ((0, 0), (10, 150), (299, 399)):
        found = reader.read(y, x, outcome)
        assert found.covered_by == study.coverage[y, x]
        assert found.alpha == outcome.alpha[y, x]
        assert found.frames_used == study.frames_used
    assert reader.read(0, 0).alpha is None


@pytest.mark.parametrize(("y", "x"), [(-1, 0), (0, -1), (300, 0), (0, 400)])
def test_outside_of_the_canvas(study, y, x) -> None:
    assert PixelReader(study).read(y, x) is None


def test_colours_are_told_against_the_core(moved) -> None:
    tile = moved.tile.copy()
    tile[60:, :] += np.float32([7, 0, -4])
    coverage = moved.coverage.copy()
    coverage[60:, :] = 1
    tile[90:, :] = np.nan
    reader = PixelReader(replace(moved, tile=tile, coverage=coverage))
    in_core, at_rim = reader.read(30, 30), reader.read(75, 50)
    assert (in_core.red, in_core.blue) == pytest.approx((0, 0), abs=0.2)
    assert (at_rim.red, at_rim.blue) == pytest.approx((7, -4), abs=0.2)
    assert reader.read(95, 50).red is None
    assert reader.read(0, 0).red == pytest.approx(0, abs=0.3)


def test_without_coverage_or_tile(moved) -> None:
    for blind in (replace(moved, coverage=None), replace(moved, tile=None)):
        found = PixelReader(blind).read(50, 50)
        assert found.red is None
        assert found.frames
    assert PixelReader(replace(moved, coverage=None)).read(50, 50).covered_by is None


def test_no_frame_is_used(moved) -> None:
    failed = tuple(Registration(None, "failed") for _ in moved.registrations)
    assert PixelReader(replace(moved, registrations=failed)).read(3, 3).frames == ()


def test_in_words(moved) -> None:
    outcome = apply_mask(moved, MaskParameters(margin_percent=0))
    where, what, which = PixelReader(moved).read(40, 30, outcome).lines()
    assert where == "x 30, y 40"
    assert what.startswith("3 of 4 · ")
    assert which == "frames 1–3, repeated"
    assert "R−G" in what
    assert sky_position(moved, 40, 30) is None


def test_frames_that_are_counted_once_are_told_so(moved, study) -> None:
    once = replace(moved, cluster=study.cluster, registrations=(moved.registrations[:3] * 3)[:8])
    _, what, which = PixelReader(once).read(40, 30).lines()
    assert what.startswith("3 of 8 · ")
    assert "repeated" not in which


@pytest.mark.parametrize(
    ("numbers", "words"),
    [((), ""), ((3,), "3"), ((1, 2, 3, 5, 8, 9), "1–3, 5, 8–9")],
)
def test_ranges(numbers, words) -> None:
    assert ranges(numbers) == words


@settings(max_examples=50, deadline=None)
@given(st.sets(st.integers(1, 40)))
def test_ranges_tell_every_number(numbers) -> None:
    told = []
    for part in filter(None, ranges(tuple(sorted(numbers))).split(", ")):
        first, _, last = part.partition("–")
        told += range(int(first), int(last or first) + 1)
    assert told == sorted(numbers)
