"""Places told apart by whose frames cover them, in a table or by sorting."""

from __future__ import annotations

import numpy as np
import pytest

from made_up import made_up_study
from napari_zecoverage.core import places as room
from napari_zecoverage.core.frame_shares import FramesThere
from napari_zecoverage.core.places import find_kinds, number_counts


@pytest.mark.parametrize("seed", [3, 4, 7])
def test_many_frames_are_told_apart_like_few(monkeypatch, seed) -> None:
    study = made_up_study(seed).study
    counts, number = number_counts(study.coverage)
    frames = FramesThere.of(study, number.shape)
    plain = find_kinds(frames, number, counts.size)
    # As for hundreds of frames, whose table would not fit into memory.
    monkeypatch.setattr(room, "MOST_PAIRS", 0)
    sorted_ = find_kinds(frames, number, counts.size)
    assert plain.number.size > counts.size
    for one, other in zip(plain, sorted_, strict=True):
        assert np.array_equal(one, other)
        assert one.dtype == other.dtype
