"""The dock: composes the panels, the layers and the work behind them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from importlib import import_module
from os import PathLike
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from napari.utils.notifications import show_error
from qtpy.compat import isalive
from qtpy.QtCore import QEvent, Qt, QTimer, Signal
from qtpy.QtGui import QKeyEvent, QKeySequence, QResizeEvent, QShortcut
from qtpy.QtWidgets import QLabel, QScrollArea, QVBoxLayout, QWidget

from napari_zecoverage.core.clusters import Cluster
from napari_zecoverage.core.errors import RunFolderError, StudyCancelledError, ZecoverageError
from napari_zecoverage.core.outcome import MaskOutcome, apply_mask
from napari_zecoverage.core.parameters import MaskParameters, StudyOptions
from napari_zecoverage.core.studied import ClusterStudy, StudyProgress
from napari_zecoverage.core.study import study_cluster
from napari_zecoverage.picture import kept_edge, removed_pixels, stretch
from napari_zecoverage.pixel import PixelReader
from napari_zecoverage.sample import sample_folder
from napari_zecoverage.ui.cluster_panel import ClusterPanel, notes_of_study
from napari_zecoverage.ui.export_panel import ExportPanel
from napari_zecoverage.ui.inspect_panel import InspectPanel
from napari_zecoverage.ui.layers import ClusterLayers
from napari_zecoverage.ui.live import Background, Job, LatestWins
from napari_zecoverage.ui.remembered import RememberedThresholds
from napari_zecoverage.ui.threshold_panel import ThresholdPanel
from napari_zecoverage.verdict import Verdict, verdict_of
from napari_zecoverage.zemosaic.config import ConfigFile
from napari_zecoverage.zemosaic.gating import gate, gate_all
from napari_zecoverage.zemosaic.manifests import read_snapshot
from napari_zecoverage.zemosaic.run_folder import find_clusters
from napari_zecoverage.zemosaic.tile_comparison import tile_beside

if TYPE_CHECKING:
    import napari
    from numpy.typing import NDArray

logger = logging.getLogger(__name__)

_WIDTH: Final = 410
_REMEMBER_MS: Final = 1000
_OUTLINES_MS: Final = 80
_STATUS_LINES: Final = 3
_BEFORE_AFTER_KEY: Final = "H"
_HELP: Final = f"{_BEFORE_AFTER_KEY} before/after · Ctrl+Z undo · Ctrl+Shift+Z redo"
_ABOUT_STATUS: Final = (
    "<p>Under the cursor: the pixel, its place on the sky, how many of the frames cover it, "
    "alpha, R−G and B−G in ADU against the core (mean of 9×9 px), and which frames, by their "
    "numbers in the cluster.</p><p>Keys:<br>"
    f"<b>{_BEFORE_AFTER_KEY}</b> hides what is removed, and shows it again<br>"
    "<b>Ctrl+Z</b> undo, <b>Ctrl+Shift+Z</b> redo, in this dock<br>"
    "<b>← →</b> a slider's step, <b>Page Up</b>, <b>Page Down</b> ten of them</p>"
)
_AS_LEFT: Final = (
    "The thresholds are as this cluster was left the last time; undo brings those before back."
)


class _Found(NamedTuple):
    """What lies where the user pointed: clusters, and the settings of the run they are of."""

    clusters: list[Cluster]
    snapshot: Mapping[str, Any] | None


class _Studied(NamedTuple):
    """What a run gives: the study, and its tile fit to be looked at."""

    study: ClusterStudy
    shown: NDArray[Any] | None
    beside: _MasterTile | None = None


class _MasterTile(NamedTuple):
    """The tile that a ZeMosaic run holds of the cluster: fit to be looked at, and in words."""

    shown: tuple[NDArray[Any], tuple[int, int]] | None
    lines: tuple[str, ...]


class _Preview(NamedTuple):
    """What a moved slider gives."""

    outcome: MaskOutcome
    removed: NDArray[Any]
    edge: NDArray[Any]
    verdict: Verdict


# The four jobs: plain data in, plain data out, in a thread.


def _find(source: str | PathLike[str] | Iterable[str], job: Job) -> _Found:
    clusters = find_clusters(source)
    _stop_if_asked(job)
    folder = clusters[0].run_folder
    try:
        snapshot = None if folder is None else read_snapshot(folder)
    except RunFolderError:
        # The clusters' notes tell of it.
        snapshot = None
    return _Found(clusters, snapshot)


def _make_sample(job: Job) -> _Found:
    clusters = [replace(each, name="sample") for each in find_clusters(sample_folder())]
    _stop_if_asked(job)
    return _Found(clusters, None)


def _stop_if_asked(job: Job) -> None:
    """End a job that cannot be stopped on its way: what it found is not wanted any more."""
    if job.should_stop():
        raise StudyCancelledError("cancelled; nothing was opened")


def _study(
    cluster: Cluster, options: StudyOptions, snapshot: Mapping[str, Any] | None, job: Job
) -> _Studied:
    study = study_cluster(cluster, options, progress=job.report, should_stop=job.should_stop)
    # Takes about a second the first time: here nobody waits for it, later the window would.
    import_module("napari_zecoverage.ui.plots")
    return _with_picture(study)._replace(beside=_master_tile(study, snapshot))


def _master_tile(study: ClusterStudy, snapshot: Mapping[str, Any] | None) -> _MasterTile | None:
    beside = tile_beside(study, snapshot)
    if beside is None:
        return None
    lines = tuple(f"ZeMosaic's tile: {line}" for line in beside.lines)
    if beside.tile is None or beside.rect is None:
        return _MasterTile(None, lines)
    seen = np.where(beside.tile.opaque[..., None], beside.tile.pixels, np.float32(np.nan))
    return _MasterTile((stretch(seen), (beside.rect.y0, beside.rect.x0)), lines)


def _preview(request: tuple[ClusterStudy, MaskParameters]) -> _Preview:
    study, parameters = request
    outcome = apply_mask(study, parameters)
    removed = removed_pixels(study, outcome)
    edge = kept_edge(study, outcome, removed)
    return _Preview(outcome, removed, edge, verdict_of(study, outcome))


def _with_picture(study: ClusterStudy) -> _Studied:
    return _Studied(study, None if study.tile is None else stretch(study.tile))


class CoverageDock(QScrollArea):
    """Open clusters, study one, tune the thresholds on it, export them.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
        The viewer that the layers are shown in. Only our own are touched.

    Signals
    -------
    study_shown(ClusterStudy)
        Another studied cluster is shown.
    parameters_changed(MaskParameters)
        The thresholds were changed, whoever did it.
    outcome_computed(MaskOutcome)
        What ZeMosaic would do with the study shown, and its layers show it.
    """

    study_shown = Signal(object)
    parameters_changed = Signal(object)
    outcome_computed = Signal(object)

    def __init__(self, viewer: napari.viewer.Viewer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._layers = ClusterLayers(viewer)
        self._reader: PixelReader | None = None
        self._outcome: MaskOutcome | None = None
        self._study: ClusterStudy | None = None
        self._config: ConfigFile | None = None
        self._snapshot: Mapping[str, Any] | None = None
        self._trouble = ""
        # Waits until the panels have grown to what is new in them.
        self._scroll = QTimer(self)
        self._scroll.setSingleShot(True)
        self._scroll.setInterval(50)
        self._scroll.timeout.connect(self._scroll_to_thresholds)
        self._is_new = False
        # Outlines are dear to draw anew: they follow when the sliders rest.
        self._preview: _Preview | None = None
        self._outlines_soon = QTimer(self)
        self._outlines_soon.setSingleShot(True)
        self._outlines_soon.setInterval(_OUTLINES_MS)
        self._outlines_soon.timeout.connect(self._show_outlines)
        self._remembered = RememberedThresholds()
        # Written when the sliders come to rest, not at every tick.
        self._remember_soon = QTimer(self)
        self._remember_soon.setSingleShot(True)
        self._remember_soon.setInterval(_REMEMBER_MS)
        self._remember_soon.timeout.connect(self._remember)

        self._cluster_panel = ClusterPanel()
        self._threshold_panel = ThresholdPanel()
        self._inspect_panel = InspectPanel(viewer)
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
        self._gate()

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
            self._inspect_panel.stop()
        leaving = (QEvent.Type.ParentChange, QEvent.Type.Hide)
        if event.type() in leaving and self._remember_soon.isActive():
            self._remember()
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Undo and redo, wherever in the dock the keys are typed."""
        if event.matches(QKeySequence.StandardKey.Undo):
            self._threshold_panel.undo()
        elif event.matches(QKeySequence.StandardKey.Redo):
            self._threshold_panel.redo()
        else:
            super().keyPressEvent(event)

    def _build(self) -> None:
        content = QWidget()
        layout = QVBoxLayout(content)
        layout.setContentsMargins(4, 4, 4, 4)
        # In working order; a section goes into this list where it belongs.
        sections: list[QWidget] = [
            self._cluster_panel,
            self._threshold_panel,
            self._inspect_panel,
            self._export_panel,
        ]
        for section in sections:
            layout.addWidget(section)
        layout.addStretch(1)
        self.setWidget(content)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        self.setMinimumWidth(_WIDTH)
        self._build_status()

    def _build_status(self) -> None:
        """Put the status below what is scrolled, so that it is always seen."""
        self._status = QLabel(_HELP, self)
        self._status.setObjectName("status")
        self._status.setTextFormat(Qt.TextFormat.PlainText)
        self._status.setToolTip(_ABOUT_STATUS)
        self._status.setContentsMargins(6, 0, 6, 0)
        lines = "\n".join([" "] * _STATUS_LINES)
        bounds = self._status.fontMetrics().boundingRect(0, 0, _WIDTH, 999, 0, lines)
        self._status.setFixedHeight(bounds.height() + 6)
        self.setViewportMargins(0, 0, 0, self._status.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the status at the lower edge."""
        super().resizeEvent(event)
        height = self._status.height()
        self._status.setGeometry(0, self.height() - height, self.width(), height)

    def _connect(self) -> None:
        self._viewer.cursor.events.position.connect(self._on_cursor)
        # Works from the canvas too, and goes with the dock.
        self._before_after = QShortcut(QKeySequence(_BEFORE_AFTER_KEY), self)
        self._before_after.activated.connect(self._layers.toggle_removed)
        self._cluster_panel.source_chosen.connect(self._on_source)
        self._cluster_panel.sample_chosen.connect(self._on_sample)
        self._cluster_panel.run_asked.connect(self._on_run)
        self._cluster_panel.cancel_asked.connect(self._on_cancel)
        self._background.progressed.connect(self._on_progress)
        self._background.finished.connect(self._on_finished)
        self._threshold_panel.parameters_changed.connect(self._on_parameters)
        self._live.computed.connect(self._on_computed)
        self.study_shown.connect(self._inspect_panel.show_study)
        self.parameters_changed.connect(self._inspect_panel.show_parameters)
        self.outcome_computed.connect(self._inspect_panel.show_outcome)
        self._inspect_panel.parameters_chosen.connect(self.set_parameters)
        self._inspect_panel.leave_out_asked.connect(self._on_leave_out)
        self._export_panel.loaded.connect(self.set_parameters)
        self._export_panel.config_read.connect(self._on_config)

    # --- the slow work -----------------------------------------------------------------

    def _on_source(self, source: Any) -> None:
        self._start(partial(_find, source), "Looking at the frames' headers…")

    def _on_sample(self) -> None:
        self._start(_make_sample, "Making the sample…")

    def _on_run(self, cluster: Cluster, options: StudyOptions) -> None:
        gating = gate(cluster, self._settings())
        if not gating.coverage_exists:
            self._cluster_panel.show_summary(f"{cluster.name} is not studied. {gating.reason}")
            return
        job = partial(_study, cluster, options, self._snapshot)
        self._start(job, f"{cluster.name}: starting…")

    def _on_leave_out(self, fewer: Cluster) -> None:
        """Study the cluster shown without a frame, in its place in the table."""
        if self._study is None or self._background.running:
            return
        frames = self._study.cluster.frames
        others = self._cluster_panel.clusters
        self.open_clusters([fewer if each.frames == frames else each for each in others])
        self._cluster_panel.select(fewer)
        self._on_run(fewer, self._study.options)

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
        elif isinstance(result, _Found):
            self._snapshot = result.snapshot
            self.open_clusters(result.clusters)
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
        self._outlines_soon.stop()
        self._remember()
        self._study = study
        self._reader = PixelReader(study)
        self._outcome = None
        self._is_new = True
        beside = studied.beside
        self._layers.show_study(study, studied.shown, None if beside is None else beside.shown)
        self._cluster_panel.select(study.cluster)
        self._gate()
        self._export_panel.set_run_folder(study.cluster.run_folder)
        self._cluster_panel.show_summary(self._headline(study))
        if study.coverage is not None:
            self._threshold_panel.set_coverage_maximum(float(study.coverage.max(initial=0)))
        self.study_shown.emit(study)
        last = self._remembered.of(study.cluster)
        as_left = [_AS_LEFT] if last is not None and last != self.parameters else []
        of_tile = () if beside is None else beside.lines
        self._cluster_panel.show_notes([*as_left, *notes_of_study(study), *of_tile])
        if last is not None and as_left:
            self.set_parameters(last)
        else:
            self._live.submit((study, self.parameters))

    def _headline(self, study: ClusterStudy) -> str:
        return f"{study.cluster.name}: {study.summary}"

    # --- the quick work ----------------------------------------------------------------

    def _on_parameters(self, parameters: MaskParameters) -> None:
        self._export_panel.set_parameters(parameters)
        if self._study is not None:
            self._live.submit((self._study, parameters))
            self._remember_soon.start()
        self.parameters_changed.emit(parameters)

    def _on_computed(self, _request: object, result: object) -> None:
        if isinstance(result, _Preview):
            self._trouble = ""
            self._outcome = result.outcome
            self._layers.show_removed(result.removed)
            self._preview = result
            self._outlines_soon.start()
            self._threshold_panel.show_verdict(result.verdict)
            self._on_cursor()
            if self._is_new:
                self._is_new = False
                self._scroll.start()
            self.outcome_computed.emit(result.outcome)
        elif isinstance(result, Exception):
            self._say_trouble(_words(result))

    def _remember(self) -> None:
        self._remember_soon.stop()
        if self._study is not None:
            self._remembered.remember(self._study.cluster, self.parameters)

    def _on_config(self, config: ConfigFile | None) -> None:
        self._config = config
        self._threshold_panel.set_preset(
            "ZeMosaic's config", None if config is None else config.parameters
        )
        self._gate()

    def _settings(self) -> Mapping[str, Any] | None:
        """Return ZeMosaic's settings: the chosen config's, else those of the run that is open."""
        return self._snapshot if self._config is None else self._config

    def _gate(self) -> None:
        """Say what ZeMosaic would do with each cluster, by the config or the run's snapshot."""
        clusters = self._cluster_panel.clusters
        config = self._settings()
        gatings = gate_all(clusters, config)
        self._cluster_panel.set_gatings(gatings)
        if self._study is None:
            return
        shown = self._study.cluster
        of_shown = [
            gating
            for cluster, gating in zip(clusters, gatings, strict=True)
            if cluster.frames == shown.frames
        ]
        # Of a cluster that is in the table no more, the others are not known.
        gating = of_shown[0] if of_shown else gate(shown, config)
        self._export_panel.set_gating(shown.name, gating)

    def _show_outlines(self) -> None:
        if self._preview is not None:
            self._layers.show_outlines(self._preview.edge, self._preview.outcome.saved_rect)

    def _on_cursor(self, _event: object = None) -> None:
        # napari may outlive the dock, and tells whoever is still in memory.
        if self._reader is None or not isalive(self):
            return
        y, x = (round(each) for each in self._viewer.cursor.position[-2:])
        facts = self._reader.read(y, x, self._outcome)
        self._status.setText(_HELP if facts is None else "\n".join(facts.lines()))

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
