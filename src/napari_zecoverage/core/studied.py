"""What a studied cluster holds, and how far a study is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from napari_zecoverage.core.clusters import Cluster
from napari_zecoverage.core.coverage import Canvas
from napari_zecoverage.core.parameters import StudyOptions
from napari_zecoverage.core.registration import Registration
from napari_zecoverage.core.stacking import FrameBackground

Stage = Literal["register", "cover", "stack", "cache"]

_STAGE_WORDS: Final[dict[Stage, str]] = {
    "register": "aligning frames",
    "cover": "counting coverage",
    "stack": "stacking the tile",
    "cache": "opening the studied cluster",
}


@dataclass(frozen=True)
class StudyProgress:
    """How far a study is.

    Attributes
    ----------
    stage : {"register", "cover", "stack", "cache"}
    done, total : int
        Steps of this stage.
    text : str
        What was done last, for people.
    """

    stage: Stage
    done: int
    total: int
    text: str = ""

    def __str__(self) -> str:
        detail = f": {self.text}" if self.text else ""
        return f"{_STAGE_WORDS[self.stage]} {self.done}/{self.total}{detail}"


@dataclass(frozen=True, eq=False)
class ClusterStudy:
    """What was found in a cluster's frames; everything else is made from it.

    Attributes
    ----------
    cluster : Cluster
    options : StudyOptions
    registrations : tuple of Registration
        One a frame of the cluster, in its order.
    canvas : Canvas
    coverage : (H, W) float32 array or None
        Frames that cover each pixel of the canvas, repeats of a small cluster
        included (ZEMOSAIC.md §3, §12). None, with the reason in `notes`, when
        no frame covers anything.
    tile : (H, W, 3) float32 array or None
        The stack in ADU, NaN where no frame covers. None with ``stack="none"``.
    wcs_header : str or None
        The canvas's WCS as FITS header text, where the reference frame has one.
    notes : tuple of str
        What the user should know about this study, in words.
    backgrounds : tuple of FrameBackground or None
        One a frame of the cluster: how its sky was matched to the reference's
        before it was stacked; None for a frame that is not in the tile. Empty
        without a tile.
    """

    cluster: Cluster
    options: StudyOptions
    registrations: tuple[Registration, ...]
    canvas: Canvas
    coverage: NDArray[np.float32] | None
    tile: NDArray[np.float32] | None
    wcs_header: str | None = None
    notes: tuple[str, ...] = ()
    backgrounds: tuple[FrameBackground | None, ...] = ()

    @property
    def frames_used(self) -> int:
        """Frames counted in the coverage, repeats included."""
        return sum(self.registrations[index].used for index in self.cluster.counted)

    @property
    def frames_aligned(self) -> int:
        """Frames aligned by their stars; the reference is one of them."""
        return sum(each.method in ("reference", "astroalign") for each in self.registrations)

    @property
    def frames_rescued(self) -> int:
        """Frames aligned by phase correlation."""
        return sum(each.method == "fft" for each in self.registrations)

    @property
    def frames_left_out(self) -> int:
        """Frames that are not counted."""
        return sum(not each.used for each in self.registrations)

    @property
    def summary(self) -> str:
        """One line for people."""
        height, width = self.canvas.shape
        count = len(self.registrations)
        if self.coverage is None:
            covered = "no coverage"
        else:
            covered = f"coverage {self.coverage.min():.0f}–{self.coverage.max():.0f}"
        return (
            f"{count} {'frame' if count == 1 else 'frames'}: {self.frames_aligned} aligned, "
            f"{self.frames_rescued} rescued, {self.frames_left_out} left out; "
            f"{covered} on {width}×{height}"
        )


ProgressCallback = Callable[[StudyProgress], Any]
StopCallback = Callable[[], bool]
