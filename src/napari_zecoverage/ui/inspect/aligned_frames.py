"""The aligned frames as an array that napari blinks through: made when they are looked at."""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_zecoverage.core.coverage import find_footprint
from napari_zecoverage.core.errors import FrameError
from napari_zecoverage.core.frames import read_frame
from napari_zecoverage.picture import StretchKind, stretch

if TYPE_CHECKING:
    from napari_zecoverage.core.studied import ClusterStudy

_MOST_KEPT: Final = 3
"""The frame that is looked at, the one before it, and the one that is made ahead."""


class AlignedFrames:
    """Every aligned frame on the canvas, read and warped when it is looked at.

    An array for napari of shape (n, H, W, 4), uint8: R, G, B, and 255 where the
    frame covers. The few that were looked at last are kept.

    Parameters
    ----------
    study : ClusterStudy
        Its frames are read from their files; one that has gone is empty.
    kind : {"asinh", "linear"}
    strength : float
        As for `picture.stretch`.

    Attributes
    ----------
    look : (str, float)
        Kind and strength of the stretch.
    waits : bool
        Whether a slice of one frame, which is how napari asks, waits until that is
        made. Else it is the picture before: for an owner who has it made in a thread,
        and napari ask again. A frame by its number is always the right one.
    """

    def __init__(
        self, study: ClusterStudy, kind: StretchKind = "asinh", strength: float = 1.0
    ) -> None:
        self.study = study
        self.waits = True
        self.indexes = tuple(index for index, each in enumerate(study.registrations) if each.used)
        self.shape = (len(self.indexes), *study.canvas.shape, 4)
        self.dtype = np.dtype(np.uint8)
        self.ndim = 4
        self.size = math.prod(self.shape)
        self.look: tuple[StretchKind, float] = (kind, strength)
        self._kept: dict[int, NDArray[np.uint8]] = {}
        # Which frame was shown last; -1 for one that was stretched otherwise, or none.
        self._seen = (-1, np.broadcast_to(np.uint8(0), self.shape[1:]))
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> NDArray[np.uint8]:
        first, *rest = key if isinstance(key, tuple) else (key,)
        chosen = np.arange(len(self))[first]
        if np.ndim(chosen) == 0:
            return self.look_at(int(chosen))[tuple(rest)]
        one = self._at_once if np.size(chosen) == 1 and not self.waits else self.look_at
        pictures = [one(int(each))[tuple(rest)] for each in np.ravel(chosen)]
        return np.stack(pictures)

    def is_made(self, position: int) -> bool:
        """Return whether a frame can be looked at without waiting."""
        return position in self._kept or position == self._seen[0]

    def stretch_otherwise(self, kind: StretchKind, strength: float) -> None:
        """Make all frames anew when they are looked at."""
        self.look = (kind, strength)
        # What is being made the old way comes into the old dictionary, where nobody looks.
        self._kept = {}
        self._seen = (-1, self._seen[1])

    def look_at(self, position: int) -> NDArray[np.uint8]:
        """Return a frame; also called by a thread that looks ahead."""
        # Whoever wants the frame that is being made waits for it, instead of making it twice.
        with self._lock:
            kept = self._kept
            picture = kept.pop(position, None)
            if picture is None:
                picture = aligned_picture(self.study, self.indexes[position], *self.look)
            while len(kept) >= _MOST_KEPT:
                del kept[next(iter(kept))]
            kept[position] = picture
            return picture

    def _at_once(self, position: int) -> NDArray[np.uint8]:
        picture = self._kept.get(position)
        if picture is not None:
            self._seen = (position, picture)
        return self._seen[1]


def aligned_picture(
    study: ClusterStudy, index: int, kind: StretchKind = "asinh", strength: float = 1.0
) -> NDArray[np.uint8]:
    """Return one frame on the canvas, stretched for the eye.

    Parameters
    ----------
    study : ClusterStudy
    index : int
        A frame of the cluster that is used.
    kind : {"asinh", "linear"}
    strength : float
        As for `picture.stretch`.

    Returns
    -------
    (H, W, 4) uint8
        R, G, B, and 255 where the frame covers. All 0 when it cannot be read any more.
    """
    canvas, own = study.canvas, study.registrations[index].matrix
    height, width = canvas.shape
    if own is None:
        return np.zeros((height, width, 4), dtype=np.uint8)
    try:
        frame = read_frame(study.cluster.frames[index].source)
    except FrameError:
        return np.zeros((height, width, 4), dtype=np.uint8)
    matrix = canvas.from_frame(own)
    # Stretched before it is warped, and warped plainly: it is looked at, not stacked,
    # and blinking must be quick.
    shown = cv2.convertScaleAbs(stretch(frame.pixels, kind, strength), alpha=255)
    warped = cv2.warpAffine(
        shown, matrix[:2], (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    picture = np.asarray(cv2.cvtColor(warped, cv2.COLOR_RGB2RGBA), dtype=np.uint8)
    covered = find_footprint(matrix, canvas.frame_shape, canvas.shape).mask()
    picture[..., 3] = covered.view(np.uint8) * np.uint8(255)
    return picture
