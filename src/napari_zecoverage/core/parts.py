"""A part of the canvas, as the screen shows it: some rows and columns, or every so-manieth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from napari_zecoverage.core.crop import Rect

Part = tuple[slice, slice]
"""Rows and columns of a picture, in rising order."""

WHOLE: Final[Part] = (slice(None), slice(None))
NOTHING: Final[Part] = (slice(0, 0), slice(0, 0))


class LastPart:
    """Keeps the part of a picture that was looked at last in one piece.

    Every so-manieth pixel of a large picture takes many times as long to get at as the
    same pixels side by side, and each tick of a slider looks at the same ones. Safe to
    call from any thread.
    """

    def __init__(self) -> None:
        self._last: tuple[object, Part, NDArray[Any]] | None = None

    def of(
        self, picture: Callable[[Part], NDArray[Any]], part: Part, state: object = None
    ) -> NDArray[Any]:
        """Return a part of a picture, not to be written in.

        Parameters
        ----------
        picture : callable
            Given a part, returns it; asked for another part, or in another state.
        part : pair of slices
        state : object, optional
            Of the picture: any that is equal means the same pixels.
        """
        last = self._last
        if last is None or last[:2] != (state, part):
            self._last = last = state, part, np.ascontiguousarray(picture(part))
        return last[2]


def rect_in(part: Part, rect: Rect, shape: tuple[int, ...]) -> Rect:
    """Return which rows and columns of a part lie in a rectangle of the canvas, of that shape."""
    rows, columns = (np.arange(size)[each] for each, size in zip(part, shape, strict=True))
    return Rect(
        int(np.searchsorted(rows, rect.y0)),
        int(np.searchsorted(columns, rect.x0)),
        int(np.searchsorted(rows, rect.y1)),
        int(np.searchsorted(columns, rect.x1)),
    )
