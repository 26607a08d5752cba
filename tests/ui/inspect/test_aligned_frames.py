"""The aligned frames as an array: made when they are looked at."""

from __future__ import annotations

import numpy as np
import pytest

from napari_zecoverage.core.parameters import StudyOptions
from napari_zecoverage.core.study import study_cluster
from napari_zecoverage.ui.inspect import aligned_frames as room
from napari_zecoverage.ui.inspect.aligned_frames import AlignedFrames, aligned_picture
from napari_zecoverage.zemosaic.run_folder import find_clusters


@pytest.fixture(scope="module")
def aligned(small_sample):
    """A real, small study: six raw frames of two nights."""
    (cluster,) = find_clusters(small_sample)
    return study_cluster(cluster, StudyOptions(stack="none", canvas="padded"), cache=False)


def test_frames_are_aligned(aligned) -> None:
    frames = AlignedFrames(aligned)
    assert frames.shape == (6, *aligned.canvas.shape, 4)
    counted = sum((frames[index][..., 3] > 0).astype(int) for index in range(6))
    np.testing.assert_array_equal(counted, aligned.coverage)
    # The same stars lie at the same places: two nights look alike where both are.
    one, other = (frames[index][..., :3].mean(axis=2) for index in (0, 5))
    both = (frames[0][..., 3] > 0) & (frames[5][..., 3] > 0)
    bright = both & (one > np.percentile(one[both], 99.8))
    assert bright.sum() > 50
    assert np.median(other[bright]) > 1.5 * np.median(other[both])
    shifted = np.roll(other, 7, axis=1)
    assert np.median(shifted[bright]) < 0.8 * np.median(other[bright])


def test_a_frame_is_read_only_when_it_is_looked_at(aligned, monkeypatch) -> None:
    asked = []
    picture = room.aligned_picture

    def counting(study, index, *look):
        asked.append(index)
        return picture(study, index, *look)

    monkeypatch.setattr(room, "aligned_picture", counting)
    frames = AlignedFrames(aligned)
    assert (frames.ndim, frames.dtype, len(frames)) == (4, np.uint8, 6)
    assert asked == []
    frames[2, 10:20, 5]
    frames[2]
    frames[(np.int64(2), slice(None), slice(None), slice(None))]
    assert asked == [2]
    assert frames[1:3].shape == (2, *frames.shape[1:])
    assert frames[-1].shape == frames.shape[1:]
    assert asked[-1] == 5
    with pytest.raises(IndexError):
        frames[6]


def test_a_frame_that_has_gone_is_empty(study) -> None:
    # Its files are nowhere, and its last frame was left out.
    frames = AlignedFrames(study)
    used = [index for index, each in enumerate(study.registrations) if each.used]
    assert list(frames.indexes) == used
    assert len(used) < len(study.registrations)
    assert not frames[1].any()


def test_an_owner_who_has_frames_made_is_not_kept_waiting(aligned) -> None:
    frames = AlignedFrames(aligned)
    frames.waits = False
    # As napari asks: nothing was made yet.
    assert not frames[2:3].any()
    assert not frames.is_made(2)
    made = frames.look_at(2)
    assert frames.is_made(2)
    np.testing.assert_array_equal(frames[2:3], made[np.newaxis])
    # The picture before, until the next is made.
    np.testing.assert_array_equal(frames[4:5], made[np.newaxis])
    # By its number a frame is the right one.
    np.testing.assert_array_equal(frames[4], aligned_picture(aligned, 4))
    np.testing.assert_array_equal(frames[4:5], frames[4][np.newaxis])


def test_what_is_seen_counts_as_made_whatever_is_kept(aligned) -> None:
    frames = AlignedFrames(aligned)
    frames.waits = False
    seen = frames.look_at(0)
    frames[0:1]
    for position in range(1, 6):
        frames.look_at(position)
    assert frames.is_made(0)
    np.testing.assert_array_equal(frames[0:1], seen[np.newaxis])
    frames.stretch_otherwise("linear", 2.0)
    assert not frames.is_made(0)
    np.testing.assert_array_equal(frames[0:1], seen[np.newaxis])
    np.testing.assert_array_equal(frames[0], aligned_picture(aligned, 0, "linear", 2.0))


def test_what_is_made_while_the_stretch_changes_is_not_kept(aligned, monkeypatch) -> None:
    frames = AlignedFrames(aligned)

    def changing(study, index, *look):
        frames.stretch_otherwise("linear", 2.0)
        return aligned_picture(study, index, *look)

    monkeypatch.setattr(room, "aligned_picture", changing)
    frames.look_at(0)
    assert not frames.is_made(0)
