"""Which measured steps are there for all their noise."""

from __future__ import annotations

import numpy as np
import pytest

from napari_zecoverage.core.sure_steps import LOOK_ELSEWHERE, SURE_SIGMAS, sure_lengths

TILES = 3000
PLACES = 100


@pytest.mark.parametrize("ratio", [1.0, 1.5, 3.0])
def test_noise_alone_is_seldom_a_fringe_whichever_colour_is_noisier(ratio) -> None:
    rng = np.random.default_rng(5)
    errors = np.ones(PLACES), np.full(PLACES, ratio)
    fringed = sum(
        sure_lengths(*(rng.normal(0, each) for each in errors), *errors).any() for _ in range(TILES)
    )
    assert 0.3 * LOOK_ELSEWHERE < fringed / TILES < 2 * LOOK_ELSEWHERE


def test_one_sure_step_lets_weaker_ones_count() -> None:
    one = np.ones(3)
    weak = np.array([SURE_SIGMAS * 1.1, SURE_SIGMAS * 0.9, 0.0])
    assert not sure_lengths(weak, 0 * one, one, one).any()
    strong = np.append(weak, 20.0)
    lengths = sure_lengths(strong, 0 * strong, np.ones(4), np.ones(4))
    assert (lengths > 0).tolist() == [True, False, False, True]
    assert lengths[3] == pytest.approx(np.sqrt(400 - 2))


def test_what_is_not_measurable_stays_unknown() -> None:
    step, error = np.array([np.nan, 9.0]), np.array([np.nan, 1.0])
    assert np.isnan(sure_lengths(step, step, error, error)).tolist() == [True, False]
