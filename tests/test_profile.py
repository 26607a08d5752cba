"""Values along a line."""

from __future__ import annotations

import numpy as np
import pytest

from napari_zecoverage.core.outcome import apply_mask
from napari_zecoverage.core.parameters import MaskParameters
from napari_zecoverage.profile import profile_along


def test_a_row_of_pixels(study) -> None:
    outcome = apply_mask(study, MaskParameters())
    profile = profile_along(study, outcome, (10, 0), (10, 399))
    np.testing.assert_array_equal(profile.distance, np.arange(400))
    np.testing.assert_array_equal(profile.coverage, study.coverage[10])
    np.testing.assert_array_equal(profile.alpha, outcome.alpha[10])
    np.testing.assert_array_equal(profile.tile, study.tile[10])


def test_the_diagonal_keeps_the_distance_in_pixels(study) -> None:
    profile = profile_along(study, None, (0, 0), (30, 40))
    assert profile.distance[-1] == 50
    assert profile.coverage[0] == study.coverage[0, 0]
    assert profile.coverage[-1] == study.coverage[30, 40]
    assert np.isnan(profile.alpha).all()


@pytest.mark.parametrize("ends", [((-50, -50), (-10, -10)), ((0, 500), (0, 600))])
def test_outside_the_canvas_there_is_nothing(study, ends) -> None:
    profile = profile_along(study, None, *ends)
    assert np.isnan(profile.coverage).all()
    assert np.isnan(profile.tile).all()


def test_without_a_tile_and_of_no_length(make_study) -> None:
    profile = profile_along(make_study(tile=False), None, (3, 3), (3, 3))
    assert profile.distance.tolist() == [0, 0]
    assert profile.tile.shape == (2, 3)
    assert np.isnan(profile.tile).all()


def test_a_very_long_line_is_thinned(study) -> None:
    profile = profile_along(study, None, (0, -1e6), (0, 1e6))
    assert profile.distance.size <= 4000
