"""What every mask that makes a difference would do to a cluster: figures, no pixels.

The thresholds have few values that make a difference, and the opening has three
states: all their masks can be made and measured. A table, an advice or a
landscape is then read from the figures.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING, Final, Self

import cv2

from napari_zecoverage.core.all_masks import AllMasks
from napari_zecoverage.core.errors import ParameterError
from napari_zecoverage.core.fringe import Fringe, measure_fringe
from napari_zecoverage.core.judged_json import SCHEMA_VERSION, read_judged
from napari_zecoverage.core.levels import (
    BESIDE_THRESHOLDS,
    LevelField,
    guards_of_settings,
    judged_alike,
    level_index,
    opening_as_read,
)
from napari_zecoverage.core.mask_pictures import MaskPictures
from napari_zecoverage.core.parameters import MaskParameters
from napari_zecoverage.core.plain_json import plain
from napari_zecoverage.core.plural import counted

if TYPE_CHECKING:
    from napari_zecoverage.core.studied import ClusterStudy


@dataclass(frozen=True)
class JudgedCluster:
    """The figures of every mask of a cluster, for one margin, decay and strict crop.

    Attributes
    ----------
    name : str
        The cluster's.
    frames : int
        Frames counted in the coverage, repeats included.
    maximum : float
        Frames on the best-covered pixel.
    covered_px : int
        Pixels that any frame covers.
    core_noise : float
        ADU, the colour noise of one pixel of the core; NaN when not measured.
    parameters : MaskParameters
        Those that were used; thresholds, opening and nanize in them mean nothing.
    levels : tuple of float
        Frames, rising: 0, where every pixel is good, then each count that occurs.
    masks : tuple of LevelField
        One a mask that differs from the others.
    chosen : tuple of tuple of int
        For each of the opening's three states, the index into `masks` of each level.
    doubts : tuple of str
        Why an advice should not be trusted, in words.
    """

    name: str
    frames: int
    maximum: float
    covered_px: int
    core_noise: float
    parameters: MaskParameters
    levels: tuple[float, ...]
    masks: tuple[LevelField, ...]
    chosen: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]
    doubts: tuple[str, ...] = ()

    def serves(self, parameters: MaskParameters) -> bool:
        """Return whether these are the figures for `parameters`, whatever its thresholds."""
        return judged_alike(self.parameters, parameters)

    def must_serve(self, parameters: MaskParameters) -> None:
        """Raise a `ParameterError` unless these are the figures for `parameters`."""
        for name in BESIDE_THRESHOLDS:
            judged, asked = getattr(self.parameters, name), getattr(parameters, name)
            if judged != asked:
                raise ParameterError(
                    name, f"{self.name} was judged with {judged}, not {asked}; judge it again"
                )

    def fields(self, morph_open_px: int) -> tuple[LevelField, ...]:
        """Return what the mask of each level does with this opening."""
        opening = opening_as_read(morph_open_px, self.maximum)
        return tuple(self.masks[index] for index in self.chosen[opening])

    def level_index(self, parameters: MaskParameters) -> int:
        """Return which level the thresholds mean."""
        return level_index(self.levels, parameters)

    def mask_index(self, parameters: MaskParameters) -> int | None:
        """Return which of `masks` any thresholds and opening mean; None as for `at`."""
        if not self.serves(parameters):
            return None
        opening = opening_as_read(parameters.morph_open_px, self.maximum)
        return self.chosen[opening][self.level_index(parameters)]

    def at(self, parameters: MaskParameters) -> LevelField | None:
        """Return what ZeMosaic would do with any thresholds and any opening.

        Parameters
        ----------
        parameters : MaskParameters

        Returns
        -------
        LevelField or None
            The same figures as those of `apply_mask`; None when these are for
            another margin, decay or strict crop (`serves`).
        """
        mask = self.mask_index(parameters)
        if mask is None:
            return None
        found = self.masks[mask]
        extra = guards_of_settings(parameters, self.maximum)
        return found._replace(guards=found.guards + extra) if extra else found

    def to_json(self) -> str:
        """Return everything as JSON text for `from_json`; NaN is written as null."""
        content = {
            "schema": SCHEMA_VERSION,
            "name": self.name,
            "frames": self.frames,
            "maximum": self.maximum,
            "covered_px": self.covered_px,
            "core_noise": self.core_noise,
            "parameters": {
                name: value
                for name, value in dataclasses.asdict(self.parameters).items()
                if name != "notes"
            },
            "levels": self.levels,
            "masks": self.masks,
            "chosen": self.chosen,
            "doubts": self.doubts,
        }
        return json.dumps(plain(content), ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read what `to_json` wrote.

        Raises
        ------
        JudgedClusterError
            The text is not JSON, of another version, or says what cannot be.
        """
        return cls(**read_judged(text))


def judge(
    study: ClusterStudy,
    parameters: MaskParameters | None = None,
    *,
    fringe: Fringe | None = None,
    on_pictures: Callable[[MaskPictures], object] | None = None,
    progress: Callable[[int, int], object] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> JudgedCluster:
    """Make every mask that makes a difference and measure what it does.

    Parameters
    ----------
    study : ClusterStudy
        With a coverage.
    parameters : MaskParameters, optional
        Margin, decay and strict crop; ZeMosaic's defaults when left out. The
        thresholds decide which level is looked at first, and nothing else.
    fringe : Fringe, optional
        What `measure_fringe` found in this study; without it no residual fringe.
    on_pictures : callable, optional
        Given, before the first mask is looked at, what the masks take away: it tells more
        and more of them. It keeps a byte or two for each pixel, and a little for each mask.
    progress : callable, optional
        Given the levels looked at and all levels.
    should_stop : callable, optional
        Asked before each level of coverage, from the threads that look at them.

    Returns
    -------
    JudgedCluster

    Raises
    ------
    CoverageError
        The study has no coverage.
    StudyCancelledError
        `should_stop` said so.
    """
    known = None if fringe is None else lambda: fringe
    return _judged(study, parameters, known, on_pictures, progress, should_stop)


def judge_with_fringe(
    study: ClusterStudy,
    parameters: MaskParameters | None = None,
    *,
    on_fringe: Callable[[Fringe], object] | None = None,
    on_pictures: Callable[[MaskPictures], object] | None = None,
    progress: Callable[[int, int], object] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> tuple[Fringe | None, JudgedCluster]:
    """Measure the fringe of a study and judge its masks, both at the same time.

    The figures are those of `measure_fringe` and then `judge`, sooner. With one
    thread (`cv2.getNumThreads`, as a worker process of many has it) it is one
    after the other, in the memory of one.

    Parameters
    ----------
    study : ClusterStudy
        With a coverage. Without a tile there is no fringe.
    parameters : MaskParameters, optional
        As for `judge`.
    on_fringe : callable, optional
        Given the fringe as soon as it is measured, mostly before all masks are
        looked at; in the thread that measured it.
    on_pictures : callable, optional
        As for `judge`.
    progress : callable, optional
        Given the levels looked at and all levels; in the calling thread.
    should_stop : callable, optional
        Asked now and then, from several threads.

    Returns
    -------
    fringe : Fringe or None
    judged : JudgedCluster

    Raises
    ------
    CoverageError
        The study has no coverage.
    StudyCancelledError
        `should_stop` said so.
    """
    given_up = Event()

    def stop_measuring() -> bool:
        return given_up.is_set() or (should_stop is not None and should_stop())

    def measure() -> Fringe:
        fringe = measure_fringe(study, should_stop=stop_measuring)
        if on_fringe is not None:
            on_fringe(fringe)
        return fringe

    if study.tile is None or study.coverage is None:
        return None, _judged(study, parameters, None, on_pictures, progress, should_stop)
    if cv2.getNumThreads() <= 1:
        fringe = measure()
        judged = _judged(study, parameters, lambda: fringe, on_pictures, progress, should_stop)
        return fringe, judged
    # A thread of its own: waiting for it can never fill the pool that looks at the masks.
    with ThreadPoolExecutor(1, "zecoverage-fringe") as thread:
        measuring = thread.submit(measure)

        def stop_judging() -> bool:
            if measuring.done():
                measuring.result()  # what went wrong is told at once
            return should_stop is not None and should_stop()

        try:
            judged = _judged(
                study, parameters, measuring.result, on_pictures, progress, stop_judging
            )
        finally:
            # Without the masks nobody waits for it; with them it is measured already.
            given_up.set()
    return measuring.result(), judged


def _judged(
    study: ClusterStudy,
    parameters: MaskParameters | None,
    fringe_known: Callable[[], Fringe] | None,
    on_pictures: Callable[[MaskPictures], object] | None,
    progress: Callable[[int, int], object] | None,
    should_stop: Callable[[], bool] | None,
) -> JudgedCluster:
    """Judge with a fringe that is asked for when all masks were looked at."""
    parameters = parameters or MaskParameters()
    masks = AllMasks(study, parameters, fringe_known, on_pictures)
    found, chosen = masks.look_at_all(progress=progress, should_stop=should_stop)
    fringe = None if fringe_known is None else fringe_known()
    return JudgedCluster(
        name=study.cluster.name,
        frames=study.frames_used,
        maximum=masks.levels[-1],
        covered_px=masks.covered_px,
        core_noise=math.nan if fringe is None else fringe.core_noise,
        parameters=parameters,
        levels=masks.levels,
        masks=found,
        chosen=chosen,
        doubts=doubts_of(study, fringe),
    )


FEW_FRAMES: Final = 8
"""With fewer, a colour step cannot be told well from a single frame's flaws."""


def doubts_of(study: ClusterStudy, fringe: Fringe | None) -> tuple[str, ...]:
    """Return why an advice for this study should not be trusted, in words."""
    doubts = []
    # ZeMosaic repeats the frames of a small cluster, which makes none of them better.
    frames = sum(each.used for each in study.registrations)
    if frames < FEW_FRAMES:
        doubts.append(f"Only {counted(frames, 'frame')}: one bad frame weighs much.")
    if len(study.cluster.nights) == 1:
        doubts.append(
            "All frames are of one night: colour steps come mostly from differences between "
            "nights, what is measured here may be the sky itself."
        )
    if fringe is None:
        doubts.append("The fringe was not measured.")
    else:
        doubts += fringe.notes
    return tuple(doubts)
