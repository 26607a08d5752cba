"""Pictures of masks: packed, looked up, and told from what the crops cut off."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from rectangles import SHAPE, rects

from napari_zecoverage.core.crop import Rect
from napari_zecoverage.core.mask_pictures import (
    CUT_OFF,
    HIDDEN,
    MaskPictures,
    NearlyLevel,
    OwnPicture,
    lost_pixels,
)


@st.composite
def parts(draw: st.DrawFn) -> tuple[slice, slice]:
    """Draw rows and columns as a canvas shows them: some may lie beyond the picture."""
    step = draw(st.sampled_from([1, 2, 4, 8]))
    starts = [draw(st.integers(0, 30)) for _ in SHAPE]
    stops = [start + draw(st.integers(0, 40)) for start in starts]
    return tuple(slice(*each, step) for each in zip(starts, stops, strict=True))


masks = arrays(np.bool_, SHAPE)


def plainly(opaque: np.ndarray, covered: np.ndarray, saved: Rect) -> np.ndarray:
    """Tell pixel by pixel what is lost."""
    lost = np.zeros(SHAPE, np.uint8)
    for y, x in np.argwhere(covered):
        if not opaque[y, x]:
            lost[y, x] = HIDDEN
        elif not (saved.y0 <= y < saved.y1 and saved.x0 <= x < saved.x1):
            lost[y, x] = CUT_OFF
    return lost


@given(opaque=masks, covered=masks, saved=rects())
def test_lost_pixels(opaque, covered, saved) -> None:
    lost = lost_pixels(covered & ~opaque, covered.__getitem__, saved)
    np.testing.assert_array_equal(lost, plainly(opaque, covered, saved))


@given(
    top=arrays(np.uint8, SHAPE, elements=st.integers(0, 5)),
    covered=masks,
    gone=masks,
    own=masks,
    saved=rects(),
    part=parts(),
)
def test_every_kind_of_picture(top, covered, gone, own, saved, part) -> None:
    level = 3
    plain = top >= level
    plain &= covered  # a mask of counted frames shows nothing that no frame covers
    gone &= plain
    shown = [
        NearlyLevel(level, saved, False),
        NearlyLevel(level, saved, False, np.flatnonzero(gone)),
        OwnPicture.of(own, saved),
        None,
    ]
    pictures = MaskPictures(np.where(covered, top, 0).astype(np.uint8), covered, shown)
    expected = [plainly(each, covered, saved) for each in (plain, plain & ~gone, own)]
    # In any order, and again.
    for mask in (2, 0, 1, 1, 0, 2):
        np.testing.assert_array_equal(pictures.removed(mask), expected[mask])
        np.testing.assert_array_equal(pictures.removed(mask, part), expected[mask][part])
    assert not pictures.removed(3).any()
    assert pictures.removed(3, part).shape == expected[0][part].shape


def test_many_places_are_kept_as_bits() -> None:
    shape = (2000, 2000)
    rng = np.random.default_rng(1)
    gone = rng.permutation(shape[0] * shape[1])[:1_000_000]
    kept = NearlyLevel(1, Rect.whole(shape), True, gone)
    few = NearlyLevel(1, Rect.whole(shape), True, gone[:1000])
    pictures = MaskPictures(np.ones(shape, np.uint8), np.ones(shape, np.bool_), [kept, few])
    assert isinstance(pictures._shown[0], OwnPicture)
    assert len(pictures._shown[0].packed) < kept.unseen.nbytes / 8
    assert pictures._shown[1] is few
    for mask, places in ((0, gone), (1, gone[:1000])):
        np.testing.assert_array_equal(
            np.flatnonzero(pictures.removed(mask)), np.sort(places), strict=True
        )


@given(opaque=masks, saved=rects(), part=parts())
def test_packed_and_unpacked(opaque, saved, part) -> None:
    picture = OwnPicture.of(opaque, saved)
    np.testing.assert_array_equal(picture.unpacked(), opaque, strict=True)
    np.testing.assert_array_equal(picture.unpacked(part), opaque[part], strict=True)
