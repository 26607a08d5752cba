"""Which pixels each of many masks loses: kept small, looked up in a few milliseconds.

The plain masks of rising levels lie inside one another, so the highest level that
shows a pixel tells them all: one number a pixel. An opening's mask is told from its
level's by the few pixels that it takes away, any other has a packed picture of its own.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any, Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from napari_zecoverage.core.crop import Rect, parts_outside
from napari_zecoverage.core.levels import judged_alike, level_index, opening_as_read
from napari_zecoverage.core.parameters import MaskParameters
from napari_zecoverage.core.parts import WHOLE, LastPart, Part, rect_in
from napari_zecoverage.core.ramp import Mask
from napari_zecoverage.core.ranks import Whole

HIDDEN: Final = 1
"""A covered pixel that the mask hides."""

CUT_OFF: Final = 2
"""A covered pixel that only the strict crop or the edge trim takes away."""

Levels = NDArray[np.unsignedinteger[Any]]
"""Indexes of levels, uint8 or uint16."""


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
    """What the masks of a study take away, for one margin, decay and strict crop.

    It can be asked while the masks are looked at, of those that were looked at already.

    Parameters
    ----------
    coverage : (H, W) float32 array
        Frames per pixel.
    levels : tuple of float
        Frames, rising; as of `JudgedCluster`.
    parameters : MaskParameters
        The thresholds and the opening mean nothing.

    Attributes
    ----------
    top : (H, W) uint8 or uint16 array
        Index of the highest level, of those that were added, whose plain mask shows a
        pixel. As they lie inside one another, a pixel is shown by each up to it.
    """

    def __init__(
        self,
        coverage: NDArray[np.float32],
        levels: tuple[float, ...],
        parameters: MaskParameters,
    ) -> None:
        small = len(levels) <= 2**8
        self.top: Levels = np.zeros(coverage.shape, np.uint8 if small else np.uint16)
        self._coverage = coverage
        self._levels = levels
        self._parameters = parameters
        self._lock = Lock()
        self._added = 0
        self._last_covered, self._last_top = LastPart(), LastPart()
        self._shown: list[Sequence[Shown | None]] = [()] * len(levels)
        # Many masks are dropped in the same way: one picture serves them all.
        self._bits: tuple[OwnPicture, NDArray[np.uint8]] | None = None

    def add(self, level: int, shown: Mask) -> None:
        """Add what the plain mask of a level shows, (H, W) bool; from any thread."""
        reached = np.multiply(shown, level, dtype=self.top.dtype)
        with self._lock:
            np.maximum(self.top, reached, out=self.top)
            self._added += 1

    def tell(self, level: int, shown: Sequence[Shown | None]) -> None:
        """Tell what the masks of a level show: one for each state of the opening that differs.

        `NearlyLevel` only of a level that was added; None where it cannot be told.
        """
        self._shown[level] = shown

    def shown(self, parameters: MaskParameters) -> Shown | None:
        """Return what a mask shows; None where that is not known, or not yet."""
        if not judged_alike(self._parameters, parameters):
            return None
        shown = self._shown[level_index(self._levels, parameters)]
        opening = opening_as_read(parameters.morph_open_px, self._levels[-1])
        return shown[opening] if shown else None

    def removed(self, shown: Shown, part: Part = WHOLE) -> NDArray[np.uint8]:
        """Return what a mask and the crops take away. Safe to call from any thread.

        Parameters
        ----------
        shown : NearlyLevel or OwnPicture
            As `shown` gave it.
        part : pair of slices
            Of the canvas, which alone is looked at.

        Returns
        -------
        (h, w) uint8 array
            `HIDDEN`, `CUT_OFF` or 0 for the pixels of `part`.
        """
        covered = self._last_covered.of(lambda part: self._coverage[part] > 0, part)
        hidden = self._hidden(shown, part)
        hidden &= covered
        return lost_pixels(
            hidden, covered.__getitem__, rect_in(part, shown.saved, self._coverage.shape)
        )

    def _hidden(self, shown: Shown, part: Part) -> Mask:
        """Return what is not opaque, covered or not."""
        if isinstance(shown, OwnPicture):
            return ~shown.unpacked(part, self._bits_of(shown))
        # A level that is added meanwhile says the same of this one.
        hidden = self._last_top.of(self.top.__getitem__, part, self._added) < shown.level
        if shown.unseen.size:
            places = np.divmod(shown.unseen, self.top.shape[1])
            y, x = (_places_in(*each) for each in zip(part, places, self.top.shape, strict=True))
            within = (y >= 0) & (x >= 0)
            hidden[y[within], x[within]] = True
        return hidden

    def _bits_of(self, picture: OwnPicture) -> NDArray[np.uint8]:
        last = self._bits
        if last is None or last[0] is not picture:
            self._bits = last = picture, picture.bits()
        return last[1]


def _places_in(part: slice, places: Whole, size: int) -> Whole:
    """Return where in a part of `size` pixels some places are; −1 for those left out."""
    numbers = np.full(size, -1)
    numbers[part] = np.arange(numbers[part].size)
    return numbers[places]


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
