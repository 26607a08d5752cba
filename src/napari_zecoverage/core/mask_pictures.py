"""Which pixels each of many masks loses: kept small, looked up in a few milliseconds.

The plain masks of rising levels lie inside one another, so the highest level that
shows a pixel tells them all: one number a pixel. An opening's mask is told from its
level's by the few pixels that it takes away, any other has a packed picture of its own.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from napari_zecoverage.core.crop import Rect, parts_outside
from napari_zecoverage.core.ramp import Mask
from napari_zecoverage.core.ranks import Whole

HIDDEN: Final = 1
"""A covered pixel that the mask hides."""

CUT_OFF: Final = 2
"""A covered pixel that only the strict crop or the edge trim takes away."""


Part = tuple[slice, slice]
"""Rows and columns of a picture, in rising order; every pixel of them, or every so-manieth."""

WHOLE: Final[Part] = (slice(None), slice(None))


class NearlyLevel(NamedTuple):
    """What a mask shows, told from the plain mask of its level.

    Attributes
    ----------
    level : int
        Its index.
    saved : Rect
        What of the canvas the saved tile keeps.
    shows_all : bool
        Nothing that the mask shows is cut off.
    unseen : (n,) int64 array
        Flat places that the plain mask shows, but not this one.
    """

    level: int
    saved: Rect
    shows_all: bool
    unseen: Whole = np.empty(0, np.int64)


@dataclass(frozen=True, eq=False)
class OwnPicture:
    """What a mask shows, as a picture: a few kilobytes, where that of bools takes megabytes.

    Attributes
    ----------
    shape : (int, int)
        Of the canvas.
    saved : Rect
        What of the canvas the saved tile keeps.
    packed : bytes
        Compressed bits of the canvas's opaque pixels, before any crop; each row begins
        with a byte of its own.
    """

    shape: tuple[int, int]
    saved: Rect
    packed: bytes

    @classmethod
    def of(cls, opaque: Mask, saved: Rect) -> Self:
        """Pack which of the canvas's pixels, (H, W), are opaque."""
        height, width = opaque.shape
        bits = np.packbits(opaque, axis=1)
        return cls((height, width), saved, zlib.compress(bits.tobytes(), 1))

    def bits(self) -> NDArray[np.uint8]:
        """Return the packed rows, as `unpacked` takes them."""
        return np.frombuffer(zlib.decompress(self.packed), np.uint8).reshape(self.shape[0], -1)

    def unpacked(self, part: Part = WHOLE, bits: NDArray[np.uint8] | None = None) -> Mask:
        """Return the opaque pixels of a part of the canvas, (h, w) bool.

        Parameters
        ----------
        part : pair of slices
            The rows beyond it are not unpacked.
        bits : array, optional
            What `bits` gave.
        """
        rows, columns = part
        seen = (self.bits() if bits is None else bits)[rows]
        return np.unpackbits(seen, axis=1, count=self.shape[1])[:, columns].view(np.bool_)


Shown = NearlyLevel | OwnPicture


class MaskPictures:
    """What every judged mask of a study takes away.

    Parameters
    ----------
    top : (H, W) uint8 or uint16 array
        Index of the highest level whose plain mask shows a pixel; below its dtype's
        largest number. It is altered, and not to be used after.
    covered : (H, W) bool array
        Where any frame covers the canvas.
    shown : sequence of NearlyLevel, OwnPicture or None
        What each mask shows, in the order of `JudgedCluster.masks`; None where that
        cannot be told.
    """

    def __init__(
        self,
        top: NDArray[np.unsignedinteger[Any]],
        covered: Mask,
        shown: Sequence[Shown | None],
    ) -> None:
        self._never = np.iinfo(top.dtype).max
        top[~covered] = self._never
        self._top = top
        self._shown = [self._packed(each) for each in shown]
        # Many masks are dropped in the same way: one picture serves them all.
        self._bits: tuple[OwnPicture, NDArray[np.uint8]] | None = None

    def removed(self, mask: int, part: Part = WHOLE) -> NDArray[np.uint8]:
        """Return what a mask and the crops take away. Safe to call from any thread.

        Parameters
        ----------
        mask : int
            An index into `JudgedCluster.masks`.
        part : pair of slices
            Of the canvas, which alone is looked at.

        Returns
        -------
        (h, w) uint8 array
            `HIDDEN`, `CUT_OFF` or 0 for the pixels of `part`; all 0 when the mask
            cannot be told.
        """
        shown, top = self._shown[mask], self._top[part]
        if shown is None:
            return np.zeros(top.shape, np.uint8)
        return lost_pixels(
            self._hidden(shown, part),
            lambda inner: top[inner] != self._never,
            rect_in(part, shown.saved, self._top.shape),
        )

    def _hidden(self, shown: Shown, part: Part = WHOLE) -> Mask:
        top = self._top[part]
        if isinstance(shown, OwnPicture):
            hidden = ~shown.unpacked(part, self._bits_of(shown))
            hidden &= top != self._never
            return hidden
        hidden = top < shown.level
        if shown.unseen.size:
            places = np.divmod(shown.unseen, self._top.shape[1])
            y, x = (_places_in(*each) for each in zip(part, places, self._top.shape, strict=True))
            within = (y >= 0) & (x >= 0)
            hidden[y[within], x[within]] = True
        return hidden

    def _bits_of(self, picture: OwnPicture) -> NDArray[np.uint8]:
        last = self._bits
        if last is None or last[0] is not picture:
            self._bits = last = picture, picture.bits()
        return last[1]

    def _packed(self, shown: Shown | None) -> Shown | None:
        """Return what takes less memory: many places are more than one bit for each pixel."""
        if isinstance(shown, NearlyLevel) and shown.unseen.nbytes > self._top.size // 8:
            return OwnPicture.of(~self._hidden(shown), shown.saved)
        return shown


def _places_in(part: slice, places: Whole, size: int) -> Whole:
    """Return where in a part of `size` pixels some places are; −1 for those left out."""
    numbers = np.full(size, -1)
    numbers[part] = np.arange(numbers[part].size)
    return numbers[places]


def rect_in(part: Part, rect: Rect, shape: tuple[int, ...]) -> Rect:
    """Return which rows and columns of a part lie in a rectangle of the canvas, of that shape."""
    rows, columns = (np.arange(size)[each] for each, size in zip(part, shape, strict=True))
    return Rect(
        int(np.searchsorted(rows, rect.y0)),
        int(np.searchsorted(columns, rect.x0)),
        int(np.searchsorted(rows, rect.y1)),
        int(np.searchsorted(columns, rect.x1)),
    )


def lost_pixels(hidden: Mask, covered: Callable[[Any], Mask], saved: Rect) -> NDArray[np.uint8]:
    """Tell what a mask hides from what the crops cut off.

    Parameters
    ----------
    hidden : (H, W) bool array
        Covered pixels that the mask hides; becomes the answer.
    covered : callable
        Given a part of the canvas, returns where any frame covers it, bool.
    saved : Rect
        What of the canvas the saved tile keeps.

    Returns
    -------
    (H, W) uint8 array
        `HIDDEN`, `CUT_OFF` or 0.
    """
    # True is 1 is HIDDEN, so these bytes are the answer already.
    lost = hidden.view(np.uint8)
    for part in parts_outside(saved, Rect.whole(hidden.shape)):
        lost[part] += (covered(part) & ~hidden[part]) * np.uint8(CUT_OFF)
    return lost
