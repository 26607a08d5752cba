"""Rectangles and parts of a small canvas, drawn at random."""

from __future__ import annotations

from hypothesis import strategies as st

from napari_zecoverage.core.crop import Rect

SHAPE = (23, 37)


@st.composite
def rects(draw: st.DrawFn) -> Rect:
    y0, y1 = sorted(draw(st.tuples(st.integers(0, SHAPE[0]), st.integers(0, SHAPE[0]))))
    x0, x1 = sorted(draw(st.tuples(st.integers(0, SHAPE[1]), st.integers(0, SHAPE[1]))))
    return Rect(y0, x0, y1, x1)


@st.composite
def parts(draw: st.DrawFn) -> tuple[slice, slice]:
    """Draw rows and columns as a screen shows them: some may lie beyond the picture."""
    step = draw(st.sampled_from([1, 2, 4, 8]))
    starts = [draw(st.integers(0, 30)) for _ in SHAPE]
    stops = [start + draw(st.integers(0, 40)) for start in starts]
    return tuple(slice(*each, step) for each in zip(starts, stops, strict=True))
