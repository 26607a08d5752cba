"""Pictures of masks: packed, looked up, and told from what the crops cut off."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from rectangles import SHAPE, parts, rects

from napari_zecoverage.core.crop import Rect
from napari_zecoverage.core.mask_pictures import (
    CUT_OFF,
    HIDDEN,
    MaskPictures,
    NearlyLevel,
    OwnPicture,
    lost_pixels,
)
from napari_zecoverage.core.parameters import MaskParameters

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
    ]
    pictures = MaskPictures(covered.astype(np.float32), tuple(range(6)), MaskParameters())
    # Levels may be added in any order, not all of them, and be looked at in between.
    for each in (5, 3, 1):
        pictures.add(each, covered & (top >= each))
        removed = pictures.removed(NearlyLevel(each, saved, False), part)
        np.testing.assert_array_equal(removed, plainly(top >= each, covered, saved)[part])
    expected = [plainly(each, covered, saved) for each in (plain, plain & ~gone, own)]
    # In any order, and again.
    for mask in (2, 0, 1, 1, 0, 2):
        np.testing.assert_array_equal(pictures.removed(shown[mask]), expected[mask])
        np.testing.assert_array_equal(pictures.removed(shown[mask], part), expected[mask][part])


def test_what_a_mask_shows_is_told_when_it_is_known() -> None:
    levels = (0.0, 1.0, 2.0, 4.0, 8.0)
    judged = MaskParameters(margin_percent=7)
    pictures = MaskPictures(np.ones(SHAPE, np.float32), levels, judged)
    asked = replace(judged, min_coverage_abs=0, min_coverage_frac=0.5, morph_open_px=1)
    assert pictures.shown(asked) is None
    shown = [NearlyLevel(3, Rect.whole(SHAPE), True, np.array([k])) for k in range(3)]
    pictures.tell(3, shown)
    # Three to four of eight frames, and any square opening.
    for opening, index in ((0, 0), (1, 1), (2, 2), (3, 2)):
        assert pictures.shown(replace(asked, morph_open_px=opening)) is shown[index]
    assert pictures.shown(replace(asked, min_coverage_abs=2.5)) is shown[1]
    assert pictures.shown(replace(asked, min_coverage_frac=0.51)) is None
    assert pictures.shown(replace(asked, margin_percent=5)) is None
    pictures.tell(4, [None, None, None])
    assert pictures.shown(replace(asked, min_coverage_frac=0.51)) is None


@pytest.mark.parametrize(("count", "dtype"), [(256, np.uint8), (257, np.uint16)])
def test_levels_fit_their_numbers(count, dtype) -> None:
    pictures = MaskPictures(np.ones(SHAPE, np.float32), tuple(range(count)), MaskParameters())
    pictures.add(count - 1, np.ones(SHAPE, np.bool_))
    assert pictures.top.dtype == dtype
    assert (pictures.top == count - 1).all()


@given(opaque=masks, saved=rects(), part=parts())
def test_packed_and_unpacked(opaque, saved, part) -> None:
    picture = OwnPicture.of(opaque, saved)
    np.testing.assert_array_equal(picture.unpacked(), opaque, strict=True)
    np.testing.assert_array_equal(picture.unpacked(part), opaque[part], strict=True)
