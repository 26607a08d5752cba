"""The dock: composes the panels, the layers and the work behind them."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from os import PathLike
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from napari.utils.notifications import show_error
from qtpy.QtCore import QEvent, Qt, QTimer
from qtpy.QtWidgets import QScrollArea, QVBoxLayout, QWidget

from napari_zecoverage.core.clusters import Cluster
from napari_zecoverage.core.errors import StudyCancelledError, ZecoverageError
from napari_zecoverage.core.outcome import MaskOutcome, apply_mask
from napari_zecoverage.core.parameters import MaskParameters, StudyOptions
from napari_zecoverage.core.studied import ClusterStudy, StudyProgress
from napari_zecoverage.core.study import study_cluster
from napari_zecoverage.picture import removed_pixels, stretch
from napari_zecoverage.sample import sample_folder
from napari_zecoverage.ui.cluster_panel import ClusterPanel, notes_of_study
from napari_zecoverage.ui.export_panel import ExportPanel
from napari_zecoverage.ui.layers import ClusterLayers
from napari_zecoverage.ui.live import Background, Job, LatestWins
from napari_zecoverage.ui.threshold_panel import ThresholdPanel
from napari_zecoverage.verdict import Verdict, verdict_of
from napari_zecoverage.zemosaic.run_folder import find_clusters

if TYPE_CHECKING:
    import napari
    from numpy.typing import NDArray

logger = logging.getLogger(__name__)

_WIDTH: Final = 410


class _Studied(NamedTuple):
    """What a run gives: the study, and its tile fit to be looked at."""

    study: ClusterStudy
    shown: NDArray[Any] | None


class _Preview(NamedTuple):
    """What a moved slider gives."""

    outcome: MaskOutcome
    removed: NDArray[Any]
    verdict: Verdict


# The four jobs: plain data in, plain data out, in a thread.


def _find(source: str | PathLike[str] | Iterable[str], _job: Job) -> list[Cluster]:
    return find_clusters(source)


def _make_sample(_job: Job) -> list[Cluster]:
    return [replace(each, name="sample") for each in find_clusters(sample_folder())]


def _study(cluster: Cluster, options: StudyOptions, job: Job) -> _Studied:
    study = study_cluster(cluster, options, progress=job.report, should_stop=job.should_stop)
    # A study from the cache has the name that its frames had when it was made.
    return _with_picture(replace(study, cluster=cluster))


def _preview(request: tuple[ClusterStudy, MaskParameters]) -> _Preview:
    study, parameters = request
    outcome = apply_mask(study, parameters)
    return _Preview(outcome, removed_pixels(study, outcome), verdict_of(study, outcome))


def _with_picture(study: ClusterStudy) -> _Studied:
    return _Studied(study, None if study.tile is None else stretch(study.tile))


class CoverageDock(QScrollArea):
    """Open clusters, study one, tune the thresholds on it, export them.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
        The viewer that the layers are shown in. Only our own are touched.
    """

    def __init__(self, viewer: napari.viewer.Viewer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._layers = ClusterLayers(viewer)
        self._study: ClusterStudy | None = None
        self._trouble = ""
        # Waits until the panels have grown to what is new in them.
        self._scroll = QTimer(self)
        self._scroll.setSingleShot(True)
        self._scroll.setInterval(50)
        self._scroll.timeout.connect(self._scroll_to_thresholds)
        self._is_new = False

        self._cluster_panel = ClusterPanel()
        self._threshold_panel = ThresholdPanel()
        self._export_panel = ExportPanel()
        self._background = Background(self)
        self._live = LatestWins(_preview, self)
        self._build()
        self._connect()

    @property
    def study(self) -> ClusterStudy | None:
        """The studied cluster that is shown."""
        return self._study

    @property
    def parameters(self) -> MaskParameters:
        """The thresholds as the sliders stand."""
        return self._threshold_panel.parameters

    def set_parameters(self, parameters: MaskParameters) -> None:
        """Set the sliders."""
        self._threshold_panel.set_parameters(parameters)

    def open_clusters(self, clusters: Iterable[Cluster]) -> None:
        """Put clusters in the table and select the first."""
        self._cluster_panel.set_clusters(list(clusters))

    def show_study(self, study: ClusterStudy) -> None:
        """Show a studied cluster, and what the present thresholds do to it."""
        self._show(_with_picture(study))

    def event(self, event: QEvent) -> bool:
        """Stop what runs when napari takes the dock out of its window.

        The dock's ✕ sends no close event, and leaves the dock to Python's memory
        management: it may live on for minutes.
        """
        if event.type() == QEvent.Type.ParentChange and self.parent() is None:
            self._background.stop()
            self._live.forget()
        return super().event(event)

    def _build(self) -> None:
        content = QWidget()
        layout = QVBoxLayout(content)
        layout.setContentsMargins(4, 4, 4, 4)
        for panel in (self._cluster_panel, self._threshold_panel, self._export_panel):
            layout.addWidget(panel)
        layout.addStretch(1)
        self.setWidget(content)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        self.setMinimumWidth(_WIDTH)

    def _connect(self) -> None:
        self._cluster_panel.source_chosen.connect(self._on_source)
        self._cluster_panel.sample_chosen.connect(self._on_sample)
        self._cluster_panel.run_asked.connect(self._on_run)
        self._cluster_panel.cancel_asked.connect(self._on_cancel)
        self._background.progressed.connect(self._on_progress)
        self._background.finished.connect(self._on_finished)
        self._threshold_panel.parameters_changed.connect(self._on_parameters)
        self._live.computed.connect(self._on_computed)
        self._export_panel.loaded.connect(self.set_parameters)

    # --- the slow work -----------------------------------------------------------------

    def _on_source(self, source: Any) -> None:
        self._start(partial(_find, source), "Looking at the frames' headers…")

    def _on_sample(self) -> None:
        self._start(_make_sample, "Making the sample…")

    def _on_run(self, cluster: Cluster, options: StudyOptions) -> None:
        self._start(partial(_study, cluster, options), f"{cluster.name}: starting…")

    def _on_cancel(self) -> None:
        self._background.stop()
        self._cluster_panel.show_summary("Stopping…")

    def _start(self, function: Any, text: str) -> None:
        if not self._background.running:
            self._background.start(function)
            self._cluster_panel.set_busy(text)

    def _on_progress(self, progress: StudyProgress) -> None:
        self._cluster_panel.show_progress(progress.done, progress.total, str(progress))

    def _on_finished(self, result: object) -> None:
        self._cluster_panel.set_busy("")
        if isinstance(result, _Studied):
            self._show(result)
        elif isinstance(result, list):
            self.open_clusters(result)
        elif isinstance(result, StudyCancelledError):
            self._say_what_is_shown("Cancelled.")
        elif isinstance(result, Exception):
            show_error(_words(result))
            self._say_what_is_shown("It did not work.")

    def _say_what_is_shown(self, text: str) -> None:
        shown = "" if self._study is None else f" Shown as before: {self._headline(self._study)}"
        self._cluster_panel.show_summary(text + shown)

    def _show(self, studied: _Studied) -> None:
        study = studied.study
        # A preview of the cluster before must not land on this one's layers.
        self._live.forget()
        self._study = study
        self._is_new = True
        self._layers.show_study(study, studied.shown)
        self._cluster_panel.select(study.cluster)
        self._cluster_panel.show_summary(self._headline(study))
        self._cluster_panel.show_notes(notes_of_study(study))
        if study.coverage is not None:
            self._threshold_panel.set_coverage_maximum(float(study.coverage.max(initial=0)))
        self._live.submit((study, self.parameters))

    def _headline(self, study: ClusterStudy) -> str:
        return f"{study.cluster.name}: {study.summary}"

    # --- the quick work ----------------------------------------------------------------

    def _on_parameters(self, parameters: MaskParameters) -> None:
        self._export_panel.set_parameters(parameters)
        if self._study is not None:
            self._live.submit((self._study, parameters))

    def _on_computed(self, _request: object, result: object) -> None:
        if isinstance(result, _Preview):
            self._trouble = ""
            self._layers.show_removed(result.removed)
            self._threshold_panel.show_verdict(result.verdict)
            if self._is_new:
                self._is_new = False
                self._scroll.start()
        elif isinstance(result, Exception):
            self._say_trouble(_words(result))

    def _scroll_to_thresholds(self) -> None:
        """Bring the sliders and the whole verdict into view: the window may be low."""
        self.ensureWidgetVisible(self._threshold_panel, 0, 0)

    def _say_trouble(self, words: str) -> None:
        """Show an error in the verdict, and once as a notification: not again at every tick."""
        self._threshold_panel.show_verdict(Verdict("It did not work", True, (words,)))
        if words != self._trouble:
            self._trouble = words
            show_error(words)


def _words(error: Exception) -> str:
    """Return what to tell the user; what nobody foresaw goes to the log as a whole."""
    if isinstance(error, ZecoverageError):
        return str(error)
    logger.error("unexpected error", exc_info=error)
    return f"{type(error).__name__}: {error}"
