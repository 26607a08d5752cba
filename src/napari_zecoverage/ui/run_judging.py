"""Judges studied clusters of a run again, one after another: for another margin and so on."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from qtpy.QtCore import QObject, Qt, QTimer, Signal
from qtpy.QtGui import QGuiApplication

from napari_zecoverage.core.cache import StudyFileError, read_study
from napari_zecoverage.core.judged import judge_with_fringe
from napari_zecoverage.core.levels import judged_alike
from napari_zecoverage.core.parameters import MaskParameters
from napari_zecoverage.ui.live import Background, Job

if TYPE_CHECKING:
    from napari_zecoverage.many import StudiedCluster

_QUIET_MS: Final = 500
"""Judging waits until the sliders have rested so long, and stands back while they move."""

_POLL_S: Final = 0.1
"""While it stands back, it asks so often whether it is wanted at all."""


def _judge_again(
    studied: StudiedCluster, parameters: MaskParameters, way_is_free: threading.Event, job: Job
) -> StudiedCluster:
    def should_stop() -> bool:
        while not job.should_stop() and not way_is_free.wait(_POLL_S):
            pass
        return job.should_stop()

    if studied.study_file is None:
        raise StudyFileError(studied.cluster.name, "its study was not kept")
    study = read_study(studied.study_file)
    # Measured again rather than kept: its maps are as large as the tiles, and a run has many.
    _, judged = judge_with_fringe(study, parameters, should_stop=should_stop)
    # In a run each cluster has a name of its own, its study in the cache may have another.
    named = replace(judged, name=studied.cluster.name)
    return replace(studied, judged=named, advice=None)


class RunJudging(QObject):
    """Judges clusters of a run in a thread when the sliders have come to rest.

    Signals
    -------
    judged(StudiedCluster)
        With its new figures, for the settings that were asked for.
    failed(StudiedCluster, Exception)
        It cannot be judged again, a `StudyFileError` where its study is not in the
        cache any more.
    """

    judged = Signal(object)
    failed = Signal(object, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._parameters = MaskParameters()
        self._waiting: list[StudiedCluster] = []
        self._at_work: StudiedCluster | None = None
        self._total = 0
        self._stopped = False
        # Cleared while sliders are moved.
        self._way_is_free = threading.Event()
        self._background = Background(self)
        self._background.finished.connect(self._on_finished)
        self._quiet = QTimer(self)
        self._quiet.setSingleShot(True)
        self._quiet.setInterval(_QUIET_MS)
        self._quiet.timeout.connect(self._on_quiet)

    @property
    def running(self) -> bool:
        """Whether clusters are judged, or will be as soon as the sliders rest."""
        return bool(self._waiting) and not self._stopped

    @property
    def done(self) -> int:
        """How many of `total` are judged, or have failed."""
        return self._total - len(self._waiting)

    @property
    def total(self) -> int:
        """How many clusters were asked for."""
        return self._total

    def follow(self, outdated: Sequence[StudiedCluster], parameters: MaskParameters) -> None:
        """Judge these, and only these; to be called whenever a slider moves.

        What is under way goes on when it is still what is asked for. What was
        stopped begins anew only when something else is asked for.
        """
        moved = not judged_alike(parameters, self._parameters)
        self._parameters = parameters
        if moved or list(outdated) != self._waiting:
            self._drop()
            self._waiting = list(outdated)
            self._total = len(self._waiting)
            self._stopped = False
        if self.running:
            self._way_is_free.clear()
            self._quiet.start()

    def stop(self) -> None:
        """Stop judging; what is judged already stays."""
        self._drop()
        self._stopped = True

    def _drop(self) -> None:
        self._quiet.stop()
        self._at_work = None
        self._background.stop()

    def _on_quiet(self) -> None:
        if QGuiApplication.mouseButtons() != Qt.MouseButton.NoButton:
            # A slider is held that happens not to move.
            self._quiet.start()
            return
        self._way_is_free.set()
        self._begin_next()

    def _begin_next(self) -> None:
        # One that was asked to stop comes here again when it has.
        if self.running and not self._quiet.isActive() and not self._background.running:
            self._at_work = self._waiting[0]
            self._background.start(
                partial(_judge_again, self._at_work, self._parameters, self._way_is_free)
            )

    def _on_finished(self, result: object) -> None:
        done, self._at_work = self._at_work, None
        if done is not None:
            del self._waiting[0]
            if isinstance(result, Exception):
                self.failed.emit(done, result)
            else:
                self.judged.emit(result)
        self._begin_next()
