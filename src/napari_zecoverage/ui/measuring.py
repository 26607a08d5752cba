"""Measures the cluster shown in a thread: its fringe, what every mask does to it, the advice."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from qtpy.QtCore import QObject, QTimer, Signal

from napari_zecoverage.core.advice import Advice, advise_judged
from napari_zecoverage.core.errors import StudyCancelledError
from napari_zecoverage.core.fringe import Fringe
from napari_zecoverage.core.judged import JudgedCluster, judge, judge_with_fringe
from napari_zecoverage.core.levels import judged_alike
from napari_zecoverage.core.mask_pictures import MaskPictures
from napari_zecoverage.core.parameters import AdviceOptions, MaskParameters
from napari_zecoverage.picture import fringe_reach
from napari_zecoverage.ui.live import Background, Job

if TYPE_CHECKING:
    from napari_zecoverage.core.studied import ClusterStudy

_QUIET_MS: Final = 250
"""Judging waits until the sliders that it depends on have rested so long."""

_GIVE_WAY_S: Final = 0.5
"""So long, at most, it stands back for a mask that a moved slider waits for."""


@dataclass(frozen=True, eq=False)
class _Fringe:
    study: ClusterStudy
    fringe: Fringe
    reach: float


@dataclass(frozen=True, eq=False)
class _Pictures:
    study: ClusterStudy
    parameters: MaskParameters
    pictures: MaskPictures


@dataclass(frozen=True, eq=False)
class _Judged:
    study: ClusterStudy
    judged: JudgedCluster
    pictures: MaskPictures


def _measure(
    study: ClusterStudy,
    fringe: Fringe | None,
    parameters: MaskParameters,
    way_is_free: threading.Event,
    job: Job,
) -> _Judged:
    def should_stop() -> bool:
        # The mask that a moved slider waits for goes first.
        if not job.should_stop():
            way_is_free.wait(_GIVE_WAY_S)
        return job.should_stop()

    def tell(measured: Fringe) -> None:
        job.report(_Fringe(study, measured, fringe_reach(measured)))

    given: list[MaskPictures] = []

    def tell_pictures(pictures: MaskPictures) -> None:
        given.append(pictures)
        job.report(_Pictures(study, parameters, pictures))

    if fringe is None:
        _, judged = judge_with_fringe(
            study,
            parameters,
            on_fringe=tell,
            on_pictures=tell_pictures,
            should_stop=should_stop,
        )
    else:
        judged = judge(
            study,
            parameters,
            fringe=fringe,
            on_pictures=tell_pictures,
            should_stop=should_stop,
        )
    return _Judged(study, judged, given[0])


class Measuring(QObject):
    """What is measured of the cluster shown, as far as it is known.

    The fringe is measured once a study; the masks are judged again when another
    setting than a threshold was moved and the sliders rest.

    Signals
    -------
    begun()
        What was known of the masks is not true any more.
    fringe_measured(Fringe)
        Of the study shown.
    judged(JudgedCluster)
        Of the study shown, for its present margin, decay and so on.
    advised(Advice)
        For the study shown; again when the tolerance changes.
    failed(Exception)
        It could not be measured.
    """

    begun = Signal()
    fringe_measured = Signal(object)
    judged = Signal(object)
    advised = Signal(object)
    failed = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._study: ClusterStudy | None = None
        self._at_work: ClusterStudy | None = None
        self._fringe: Fringe | None = None
        self._reach = 1.0
        self._judged: JudgedCluster | None = None
        self._pictures: MaskPictures | None = None
        self._advice: Advice | None = None
        self._parameters = MaskParameters()
        self._options = AdviceOptions()
        # Cleared while a mask is made for a moved slider.
        self._way_is_free = threading.Event()
        self._way_is_free.set()
        self._background = Background(self)
        self._background.progressed.connect(self._on_found)
        self._background.finished.connect(self._on_finished)
        self._quiet = QTimer(self)
        self._quiet.setSingleShot(True)
        self._quiet.setInterval(_QUIET_MS)
        self._quiet.timeout.connect(self._start)

    @property
    def fringe(self) -> Fringe | None:
        """The fringe of the study shown, once it is measured."""
        return self._fringe

    @property
    def idle(self) -> bool:
        """Whether nothing is being measured, and nothing is to be soon."""
        return not self._background.running and not self._quiet.isActive()

    @property
    def reach(self) -> float:
        """ADU: how far the colours of the fringe's map reach from the core's."""
        return self._reach

    @property
    def judged_cluster(self) -> JudgedCluster | None:
        """The figures of all masks, as long as they are true of the present settings."""
        return self._judged

    @property
    def pictures(self) -> MaskPictures | None:
        """What the masks take away for the present settings; of those that were looked at yet."""
        return self._pictures

    @property
    def advice(self) -> Advice | None:
        """The advice for the study shown, as long as it is true of the present settings."""
        return self._advice

    def show_study(self, study: ClusterStudy) -> None:
        """Measure another study."""
        self._study = study
        self._fringe = None
        self._again()

    def show_parameters(self, parameters: MaskParameters) -> None:
        """Follow the sliders."""
        before, self._parameters = self._parameters, parameters
        known = self._judged is not None and self._judged.serves(parameters)
        if self._study is not None and not known and not judged_alike(before, parameters):
            self._again()

    def give_way(self, waiting: bool) -> None:
        """Stand back while something more urgent is computed."""
        if waiting:
            self._way_is_free.clear()
        else:
            self._way_is_free.set()

    def set_options(self, options: AdviceOptions) -> None:
        """Advise by another tolerance."""
        self._options = options
        self._advise()

    def stop(self) -> None:
        """Stop measuring, and forget what is known: another study is to be shown, or none."""
        self._study = None
        self._fringe = None
        self._forget_masks()
        self._way_is_free.set()
        self._quiet.stop()
        self._background.stop()

    def _forget_masks(self) -> None:
        self._judged = None
        self._pictures = None
        self._advice = None

    def _again(self) -> None:
        self._forget_masks()
        self.begun.emit()
        self._background.stop()
        self._quiet.start()

    def _start(self) -> None:
        study = self._study
        if study is None or study.coverage is None:
            return
        if self._background.running or not self._way_is_free.is_set():
            # It has been asked to stop, or a mask is waited for; this comes again.
            self._quiet.start()
            return
        self._at_work = study
        self._background.start(
            partial(_measure, study, self._fringe, self._parameters, self._way_is_free)
        )

    def _on_found(self, found: object) -> None:
        if isinstance(found, _Fringe) and found.study is self._study:
            self._fringe = found.fringe
            self._reach = found.reach
            self.fringe_measured.emit(found.fringe)
        elif (
            isinstance(found, _Pictures)
            and found.study is self._study
            and judged_alike(found.parameters, self._parameters)
        ):
            self._pictures = found.pictures

    def _on_finished(self, result: object) -> None:
        if isinstance(result, _Judged):
            if result.study is self._study and result.judged.serves(self._parameters):
                self._judged = result.judged
                self._pictures = result.pictures
                self._quiet.stop()
                self.judged.emit(result.judged)
                self._advise()
        elif isinstance(result, StudyCancelledError) or self._at_work is not self._study:
            # What failed of a study before is nobody's business any more.
            return
        elif isinstance(result, Exception):
            self.failed.emit(result)

    def _advise(self) -> None:
        """Read the advice from the figures, which takes a few milliseconds."""
        if self._judged is not None:
            self._advice = advise_judged(self._judged, self._parameters, options=self._options)
            self.advised.emit(self._advice)
