"""Parts of a canvas: which pixels are theirs, and the one that was looked at last."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from rectangles import SHAPE, parts, rects

from napari_zecoverage.core.parts import LastPart, rect_in


@given(looks=st.lists(st.tuples(st.integers(0, 2), parts()), min_size=1, max_size=8))
def test_any_part_in_any_state(looks) -> None:
    pictures = np.random.default_rng(0).random((3, *SHAPE))
    last = LastPart()
    for state, part in [look for look in looks for _ in range(2)]:
        expected = pictures[state][part]
        np.testing.assert_array_equal(last.of(pictures[state].__getitem__, part, state), expected)


def test_the_same_part_is_got_once() -> None:
    picture = np.arange(48.0).reshape(6, 8)
    asked = []

    def looked_at(part: tuple[slice, slice]) -> np.ndarray:
        asked.append(part)
        return picture[part]

    last = LastPart()
    part = slice(0, 6, 2), slice(1, 8, 3)
    seen = last.of(looked_at, part)
    assert seen.flags.c_contiguous
    assert last.of(looked_at, (slice(0, 6, 2), slice(1, 8, 3))) is seen
    assert asked == [part]


@given(part=parts(), rect=rects())
def test_a_rectangle_in_a_part(part, rect) -> None:
    picture = np.zeros(SHAPE, np.bool_)
    picture[rect.slices] = True
    expected = picture[part]
    seen = np.zeros_like(expected)
    seen[rect_in(part, rect, SHAPE).slices] = True
    np.testing.assert_array_equal(seen, expected)
