"""What a moved slider shows: what is removed, and the verdict; quickly, then with all else.

Plain arrays in, plain arrays out: the window calls the quick part itself, the rest in a thread.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_zecoverage.core.coverage import Canvas
from napari_zecoverage.core.outcome import MaskOutcome, apply_mask
from napari_zecoverage.core.parameters import MaskParameters, limits_of
from napari_zecoverage.core.parts import WHOLE
from napari_zecoverage.picture import removed_pixels
from napari_zecoverage.verdict import Verdict, verdict_of, verdict_of_judged

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_zecoverage.core.judged import JudgedCluster
    from napari_zecoverage.core.mask_pictures import MaskPictures
    from napari_zecoverage.core.parts import Part
    from napari_zecoverage.core.rim_distance import RimDistance
    from napari_zecoverage.core.studied import ClusterStudy

QUICK_FROM_PX: Final = 1_000_000
"""On a canvas of more pixels the whole mask and a drawn picture together take too long."""

ROUGH_PX: Final = 300_000
"""A rough mask has about so many pixels: made in a few milliseconds."""


class Request(NamedTuple):
    """What is to be shown.

    Attributes
    ----------
    study : ClusterStudy
    parameters : MaskParameters
    judged : JudgedCluster or None
        What is known of all masks of the study, for the fringe that stays visible.
    pictures : MaskPictures or None
        What the masks of the study take away, as far as that is known yet.
    rim : RimDistance or None
        Tells what masks of another margin, decay and strict crop take away.
    part : pair of slices
        Of the canvas, which alone is seen now.
    """

    study: ClusterStudy
    parameters: MaskParameters
    judged: JudgedCluster | None = None
    pictures: MaskPictures | None = None
    rim: RimDistance | None = None
    part: Part = WHOLE


class Preview(NamedTuple):
    """What a moved slider gives.

    Attributes
    ----------
    outcome : MaskOutcome
        Of the whole canvas, exact.
    removed : (H, W) uint8
        As `removed_pixels` tells it; the same array as before where nothing changed.
    verdict : Verdict
    """

    outcome: MaskOutcome
    removed: NDArray[np.uint8]
    verdict: Verdict


class Previews:
    """Previews of one study after another; what a slider does not change is not made again.

    Not to be called by two threads at a time.
    """

    def __init__(self) -> None:
        self._last: tuple[ClusterStudy, Preview] | None = None

    def __call__(self, request: Request) -> Preview:
        """Return the exact preview of a study and the thresholds on it."""
        study, parameters, judged = request.study, request.parameters, request.judged
        last = self._last[1] if self._last is not None and self._last[0] is study else None
        before = None if last is None else last.outcome
        outcome = apply_mask(study, parameters, before=before)
        if last is not None and _shows_the_same(outcome, last.outcome):
            removed = last.removed
        else:
            removed = removed_pixels(study, outcome)
        level = None if judged is None else judged.at(parameters)
        if level is not None:
            # The same figure as `apply_mask` would measure, and known already.
            outcome = replace(outcome, fringe=level.fringe)
        preview = Preview(outcome, removed, verdict_of(study, outcome))
        self._last = study, preview
        return preview


def _shows_the_same(outcome: MaskOutcome, other: MaskOutcome) -> bool:
    return (
        outcome.alpha is other.alpha
        and outcome.finite is other.finite
        and outcome.source == other.source
        and outcome.saved_rect == other.saved_rect
    )


class QuickPreview(NamedTuple):
    """What is seen of a moved slider at once.

    Attributes
    ----------
    removed : (h, w) uint8
        What `removed_pixels` will tell of the pixels of `part`; about so where that
        could not be looked up.
    part : pair of slices
        Of the canvas.
    verdict : Verdict or None
        Its figures are exact; None while the masks are not judged.
    """

    removed: NDArray[np.uint8]
    part: Part
    verdict: Verdict | None


class QuickPreviews:
    """What is removed, in a few milliseconds: looked up, or seen from afar.

    It is exact where the mask was judged already, and where only the margin, the decay or
    the strict crop was moved. Otherwise it is told from every so-manieth pixel. Not to be
    called by two threads at a time.
    """

    def __init__(self) -> None:
        self._reduced: tuple[ClusterStudy, ClusterStudy, int] | None = None
        self._seen_from_afar: MaskOutcome | None = None
        self._looked_up: tuple[object, object, Part] | None = None

    def forget(self) -> None:
        """Let go of the study that was looked at last."""
        self._reduced = None
        self._seen_from_afar = None
        self._looked_up = None

    def __call__(self, request: Request) -> QuickPreview | None:
        """Return the quick preview; None where it is the same as of the request before."""
        removed = self._removed(request)
        if removed is None:
            return None
        study, parameters, judged = request.study, request.parameters, request.judged
        verdict = None if judged is None else verdict_of_judged(study, judged, parameters)
        return QuickPreview(removed, request.part, verdict)

    def _removed(self, request: Request) -> NDArray[np.uint8] | None:
        """Return what is removed; None where it is the same as before."""
        study, parameters, part = request.study, request.parameters, request.part
        source = _source(request)
        if source is None:
            self._looked_up = None
            return self._removed_from_afar(study, parameters, part)
        self._seen_from_afar = None
        looked_up = source.room, source.place, part
        if self._looked_up == looked_up:
            return None
        self._looked_up = looked_up
        return source.removed(part)

    def _removed_from_afar(
        self, study: ClusterStudy, parameters: MaskParameters, part: Part
    ) -> NDArray[np.uint8] | None:
        """Return about what is removed; None where it is the same as before."""
        if self._reduced is None or self._reduced[0] is not study:
            factor = max(2, round(math.sqrt(math.prod(study.canvas.shape) / ROUGH_PX)))
            self._reduced = study, reduced_study(study, factor), factor
            self._seen_from_afar = None
        _, reduced, factor = self._reduced
        last = self._seen_from_afar
        self._seen_from_afar = outcome = apply_mask(
            reduced, _from_afar(parameters, factor), before=last
        )
        if last is not None and _shows_the_same(outcome, last):
            return None
        rows, columns = (
            np.arange(side)[each] // factor
            for each, side in zip(part, study.canvas.shape, strict=True)
        )
        return removed_pixels(reduced, outcome)[np.ix_(rows, columns)]


class _Source(NamedTuple):
    """Where what a mask removes is looked up."""

    room: MaskPictures | RimDistance
    place: object
    removed: Callable[[Part], NDArray[np.uint8]]


def _source(request: Request) -> _Source | None:
    """Return where a request is to be looked up; None where nothing is known of its mask."""
    pictures, rim = request.pictures, request.rim
    shown = None if pictures is None else pictures.shown(request.parameters)
    if shown is not None and pictures is not None:
        # Masks that show the same may be told of in other words.
        mask = None if request.judged is None else request.judged.mask_index(request.parameters)
        return _Source(pictures, (id(shown), mask), partial(pictures.removed, shown))
    if rim is None or rim.study is not request.study:
        return None
    cut = rim.cut(request.parameters)
    return None if cut is None else _Source(rim, cut, partial(rim.removed, cut))


def _from_afar(parameters: MaskParameters, factor: int) -> MaskParameters:
    """Return the parameters for a canvas of so many times fewer pixels a side."""
    limits = limits_of(MaskParameters, "strict_overlap_crop_min_size_px")
    assert limits is not None
    smallest = parameters.strict_overlap_crop_min_size_px // factor
    return replace(
        parameters,
        # A square of 3 px is nothing from afar.
        morph_open_px=0,
        strict_overlap_crop_bbox_pad_px=parameters.strict_overlap_crop_bbox_pad_px // factor,
        strict_overlap_crop_min_size_px=max(int(limits.minimum), smallest),
    )


def wants_quick(request: Request) -> bool:
    """Return whether a quick preview is wanted before the whole one."""
    return is_large(request.study)


def is_large(study: ClusterStudy) -> bool:
    """Return whether a study's mask and picture take too long to be made in one go."""
    return math.prod(study.canvas.shape) > QUICK_FROM_PX


def reduced_study(study: ClusterStudy, factor: int) -> ClusterStudy:
    """Return a study of the pixels in the middle of each square of `factor` pixels a side."""
    rows, columns = (
        np.minimum(np.arange(0, side, factor) + factor // 2, side - 1)
        for side in study.canvas.shape
    )
    shape = rows.size, columns.size
    canvas = study.canvas
    frame = tuple(-(-side // factor) for side in canvas.frame_shape) if canvas.padded else shape
    return replace(
        study,
        canvas=Canvas(
            shape, (canvas.offset[0] // factor, canvas.offset[1] // factor), (frame[0], frame[1])
        ),
        coverage=None if study.coverage is None else study.coverage[np.ix_(rows, columns)],
        tile=None if study.tile is None else study.tile[np.ix_(rows, columns)],
    )
