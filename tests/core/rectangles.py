"""Rectangles on a small canvas, drawn at random."""

from __future__ import annotations

from hypothesis import strategies as st

from napari_zecoverage.core.crop import Rect

SHAPE = (23, 37)


@st.composite
def rects(draw: st.DrawFn) -> Rect:
    y0, y1 = sorted(draw(st.tuples(st.integers(0, SHAPE[0]), st.integers(0, SHAPE[0]))))
    x0, x1 = sorted(draw(st.tuples(st.integers(0, SHAPE[1]), st.integers(0, SHAPE[1]))))
    return Rect(y0, x0, y1, x1)
