"""The numbers of frames that occur in a coverage, and pixels counted by them."""

from __future__ import annotations

import numpy as np
import pytest

from napari_zecoverage.core import ranks as room
from napari_zecoverage.core.errors import CoverageError


def test_pixels_are_counted_beyond_single_precision(monkeypatch) -> None:
    values = np.random.default_rng(1).integers(0, 300, (50, 40)).astype(np.uint16)
    expected = np.bincount(values.ravel(), minlength=400)
    monkeypatch.setattr(room, "EXACT_COUNT", 120)
    np.testing.assert_array_equal(room.pixel_counts(values, 400), expected)
    np.testing.assert_array_equal(room.pixel_counts(values.astype(np.float32), 400), expected)


@pytest.mark.parametrize("most", [3, 254, 255, 300, 65534, 70000])
def test_ranks(most) -> None:
    coverage = np.array([[0, 1, most], [2, 2, most - 1]], np.float32)
    levels, ranks = room.ranks_of(coverage)
    assert levels == tuple(sorted({0.0, 1.0, 2.0, float(most), float(most - 1)}))
    assert [[levels[each - 1] for each in row] for row in ranks.tolist()] == coverage.tolist()


def test_ranks_of_what_nobody_counts() -> None:
    levels, ranks = room.ranks_of(np.array([[-3, 0.5, 2], [0, 2, 0.5]], np.float32))
    assert levels == (0, 0.5, 2)
    assert ranks.tolist() == [[1, 2, 3], [1, 3, 2]]
    with pytest.raises(CoverageError, match="65535 different values"):
        room.ranks_of(np.linspace(0.1, 1, 65535, dtype=np.float32).reshape(5, -1))
