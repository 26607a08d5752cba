"""The dock: composes the panels, the layers and the work behind them."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from napari.utils.notifications import show_error, show_warning
from qtpy.compat import isalive
from qtpy.QtCore import QEvent, Qt, QTimer, Signal
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QLineEdit,
    QPushButton,
    QTabWidget,
    QWidget,
)

from napari_zecoverage.core.advice import Advice
from napari_zecoverage.core.cache import STUDY_SUFFIX
from napari_zecoverage.core.clusters import Cluster
from napari_zecoverage.core.errors import StudyCancelledError, ZecoverageError
from napari_zecoverage.core.found_clusters import with_own_names
from napari_zecoverage.core.fringe import Fringe
from napari_zecoverage.core.outcome import MaskOutcome
from napari_zecoverage.core.parameters import AdviceOptions, MaskParameters, StudyOptions
from napari_zecoverage.core.studied import ClusterStudy, StudyProgress
from napari_zecoverage.ui.advice_panel import AdvicePanel
from napari_zecoverage.ui.cluster_panel import ClusterPanel, notes_of_study
from napari_zecoverage.ui.controls import is_redo, is_undo, lay_out_now
from napari_zecoverage.ui.dropping import Dropped, DropZone
from napari_zecoverage.ui.export_panel import ExportPanel
from napari_zecoverage.ui.files_box import Measured
from napari_zecoverage.ui.focus_ring import FocusRing
from napari_zecoverage.ui.inspect.inspect_panel import InspectPanel
from napari_zecoverage.ui.jobs import (
    Found,
    Look,
    RunFinished,
    RunStep,
    Studied,
    find,
    found_in,
    make_sample,
    read,
    study_all,
    study_one,
    with_picture,
)
from napari_zecoverage.ui.live import Background
from napari_zecoverage.ui.recent_places import RecentPlaces
from napari_zecoverage.ui.remembered import RememberedThresholds
from napari_zecoverage.ui.remembered_panels import RememberedPanels
from napari_zecoverage.ui.run_panel import RunPanel
from napari_zecoverage.ui.scrolled_sections import ScrolledSections
from napari_zecoverage.ui.settings import Preferences, Settings
from napari_zecoverage.ui.shortcuts import KeysDialog, bind_keys
from napari_zecoverage.ui.shown_study import ShownStudy
from napari_zecoverage.ui.status_line import StatusLine
from napari_zecoverage.ui.threshold_panel import ADVICE_PRESET, ThresholdPanel
from napari_zecoverage.verdict import Verdict
from napari_zecoverage.zemosaic.config import ConfigFile
from napari_zecoverage.zemosaic.gating import gate, gate_all

if TYPE_CHECKING:
    import napari

logger = logging.getLogger(__name__)

_WIDTH: Final = 410
_REMEMBER_MS: Final = 1000
_AS_LEFT: Final = (
    "The thresholds are as this cluster was left the last time; undo brings those before back."
)


class CoverageDock(ScrolledSections):
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
        self._config: ConfigFile | None = None
        self._snapshot: Mapping[str, Any] | None = None
        self._trouble = ""
        self._is_new = False
        self._is_leaving_out = False
        self._useless_caches: set[Path] = set()
        self._remembered = RememberedThresholds()
        # Written when the sliders come to rest, not at every tick.
        self._remember_soon = QTimer(self)
        self._remember_soon.setSingleShot(True)
        self._remember_soon.setInterval(_REMEMBER_MS)
        self._remember_soon.timeout.connect(self._remember)

        self._settings = Settings(self)
        self._shown = ShownStudy(viewer, self._settings.present, self)
        self._panels = RememberedPanels(self)
        self._recent = RecentPlaces()
        self._has_tabs = False
        self._is_out = False
        self._keys: KeysDialog | None = None

        self._cluster_panel = ClusterPanel(recent=self._recent)
        self._threshold_panel = ThresholdPanel()
        self._advice_panel = AdvicePanel()
        self._run_panel = RunPanel()
        self._inspect_panel = InspectPanel(viewer)
        self._export_panel = ExportPanel()
        self._background = Background(self)
        self._build()
        self._connect()
        self._bring_back_panels()

    @property
    def study(self) -> ClusterStudy | None:
        """The studied cluster that is shown."""
        return self._shown.study

    @property
    def idle(self) -> bool:
        """Whether the study is shown with its mask, and its fringe and the advice are there."""
        return not self._background.running and self._shown.idle

    @property
    def parameters(self) -> MaskParameters:
        """The thresholds as the sliders stand."""
        return self._threshold_panel.parameters

    def set_parameters(self, parameters: MaskParameters, gesture: object = None) -> None:
        """Set the sliders, as `ThresholdPanel.set_parameters`."""
        self._threshold_panel.set_parameters(parameters, gesture)

    def open_clusters(self, clusters: Iterable[Cluster]) -> None:
        """Put clusters in the table and select the first; those of one name are numbered."""
        self._cluster_panel.set_clusters(with_own_names(list(clusters)))
        self._run_panel.set_clusters(self._cluster_panel.clusters)
        self._export_panel.files.set_run(None)
        self._gate()

    def show_study(self, study: ClusterStudy) -> None:
        """Show a studied cluster, and what the present thresholds do to it."""
        self._show(with_picture(study, self._look()))
        self._shown.show_now()

    def open_source(self, source: str | list[str], *, run: bool = False) -> None:
        """Open a folder or files in the background, unless something runs there.

        Parameters
        ----------
        source : str or list of str
            As for `find_clusters`; or one studied cluster (``.zestudy``).
        run : bool
            Study what is found as well, when it is one cluster.
        """
        path = source if isinstance(source, str) else source[0]
        if path.lower().endswith(STUDY_SUFFIX) and not os.path.isdir(path):
            self._start(partial(read, path, self._look()), "Reading the studied cluster…")
        else:
            self._start(partial(find, source, run), "Looking at the frames' headers…")

    def ask_for_folder(self, *, run: bool = False) -> None:
        """Let the user choose a folder, and open it as `open_source` does."""
        self.visit("Cluster")
        folder = self._cluster_panel.ask_for_folder()
        if folder:
            self.open_source(folder, run=run)

    def show_coverage(self) -> None:
        """Show the layer of frames per pixel; without a cluster, where to open one."""
        if not self._shown.show_coverage():
            self._ask_for_a_cluster()

    def show_fringes(self) -> None:
        """Show the fringe on the tile, under what is removed; one not measured yet comes later."""
        if not self._shown.show_fringes():
            self._ask_for_a_cluster()

    def show_export(self) -> None:
        """Go to Export: to its button, or to the config's name where none is chosen."""
        self.visit("Export")
        button = self.findChild(QPushButton, "export_config")
        wanted = button if button.isEnabled() else self.findChild(QLineEdit, "config_path")
        wanted.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def show_keys(self) -> None:
        """Show the list of keys."""
        if self._keys is None:
            self._keys = KeysDialog(self)
        self._keys.show()
        self._keys.raise_()

    def event(self, event: QEvent) -> bool:
        """Stop what runs when napari takes the dock out of its window.

        The dock's ✕ sends no close event, and leaves the dock to Python's memory
        management: it may live on for minutes.
        """
        if event.type() == QEvent.Type.ParentChange:
            self._is_out = self.parent() is None
        if event.type() == QEvent.Type.ParentChange and self._is_out:
            self._background.stop()
            self._shown.stop()
            self._run_panel.stop()
            self._export_panel.stop()
            self._inspect_panel.stop()
        leaving = (QEvent.Type.ParentChange, QEvent.Type.Hide)
        if event.type() in leaving and self._remember_soon.isActive():
            self._remember()
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Undo and redo, wherever in the dock the keys are typed."""
        if is_undo(event):
            self._threshold_panel.undo()
        elif is_redo(event):
            self._threshold_panel.redo()
        else:
            super().keyPressEvent(event)

    def _build(self) -> None:
        # In working order; a section goes into this list where it belongs.
        panels = (
            self._cluster_panel,
            self._threshold_panel,
            self._advice_panel,
            self._run_panel,
            self._inspect_panel,
            self._export_panel,
        )
        self._status = StatusLine()
        self._status.keys_asked.connect(self.show_keys)
        self.set_sections(panels, "Thresholds", self._status, _WIDTH)
        self._drop_zone = DropZone(self)
        self._focus_ring = FocusRing(self.widget())

    def _connect(self) -> None:
        self._viewer.cursor.events.position.connect(self._on_cursor)
        sections = self.sections.values()
        bind_keys(
            self,
            {
                "run": self._cluster_panel.run_selected,
                "cancel": self._cluster_panel.cancel_run,
                "next_cluster": self._cluster_panel.select_next,
                "previous_cluster": self._cluster_panel.select_previous,
                "before_after": self._shown.toggle_removed,
                "undo": self._threshold_panel.undo,
                "redo": self._threshold_panel.redo,
                "next_frame": self._inspect_panel.next_frame,
                "previous_frame": self._inspect_panel.previous_frame,
                **{f"section_{n}": each.visit for n, each in enumerate(sections, 1)},
                "export": self._on_export,
                "show_keys": self.show_keys,
            },
        )
        self._drop_zone.dropped.connect(self._on_dropped)
        self._settings.changed.connect(self._on_settings)
        self._inspect_panel.stretch_chosen.connect(self._on_stretch)
        self._inspect_panel.show_stretch(*self._look())
        self._cluster_panel.source_chosen.connect(self._on_source)
        self._cluster_panel.sample_chosen.connect(self._on_sample)
        self._cluster_panel.run_asked.connect(self._on_run)
        self._cluster_panel.cancel_asked.connect(self._on_cancel)
        self._background.progressed.connect(self._on_progress)
        self._background.finished.connect(self._on_finished)
        self._threshold_panel.parameters_changed.connect(self._on_parameters)
        self._shown.appeared.connect(self._on_appeared)
        self._shown.outcome_computed.connect(self._on_outcome)
        self._shown.verdict_changed.connect(self._show_verdict)
        self._shown.mask_failed.connect(self._on_mask_failed)
        self._shown.picture_failed.connect(self._on_picture_failed)
        self.study_shown.connect(self._inspect_panel.show_study)
        self.parameters_changed.connect(self._inspect_panel.show_parameters)
        self.outcome_computed.connect(self._inspect_panel.show_outcome)
        self._inspect_panel.parameters_chosen.connect(self.set_parameters)
        self._inspect_panel.leave_out_asked.connect(self._on_leave_out)
        self.study_shown.connect(self._export_panel.files.set_study)
        measuring = self._shown.measuring
        measuring.begun.connect(self._on_measuring)
        measuring.fringe_measured.connect(self._on_fringe)
        measuring.judged.connect(self._inspect_panel.show_judged)
        measuring.advised.connect(self._on_advised)
        measuring.failed.connect(self._on_not_measured)
        self._advice_panel.parameters_chosen.connect(self.set_parameters)
        self.parameters_changed.connect(self._advice_panel.show_parameters)
        self._inspect_panel.fringe_channel_chosen.connect(self._shown.set_fringe_channel)
        self._advice_panel.options_changed.connect(self._on_advice_options)
        self.parameters_changed.connect(self._run_panel.show_parameters)
        self._run_panel.study_all_asked.connect(self._on_study_all)
        self._run_panel.cancel_asked.connect(self._on_cancel)
        self._run_panel.cluster_chosen.connect(self._on_cluster_chosen)
        self._run_panel.parameters_chosen.connect(self.set_parameters)
        self._export_panel.loaded.connect(self.set_parameters)
        self._export_panel.config_read.connect(self._on_config)

    def _on_dropped(self, dropped: Dropped) -> None:
        """Open what was dropped; what cannot be taken is told."""
        refused = list(dropped.refused) if dropped.is_taken else [dropped.text]
        if dropped.config is not None:
            self._export_panel.set_config(dropped.config)
            self.visit("Export")
        if refused:
            show_warning("\n".join(refused))
        source = dropped.source or dropped.study
        if source is not None:
            self.open_source(source)

    def _on_export(self) -> None:
        self.show_export()
        self.findChild(QPushButton, "export_config").click()

    # --- how it looks ------------------------------------------------------------------

    def _look(self) -> Look:
        now = self._settings.present
        return Look(now.stretch, now.strength)

    def _on_stretch(self, kind: str, strength: float) -> None:
        self._settings.change(stretch=kind, strength=strength)

    def _on_settings(self, before: Preferences, now: Preferences) -> None:
        """Follow the preferences, wherever they were changed."""
        self._shown.set_preferences(now)
        if (before.stretch, before.strength) != (now.stretch, now.strength):
            self._inspect_panel.show_stretch(*self._look())

    def _ask_for_a_cluster(self) -> None:
        self.visit("Cluster")
        self._cluster_panel.show_summary(
            "Open frames and run a cluster: then its coverage and its fringes are shown."
        )

    # --- how it was left ---------------------------------------------------------------

    def _bring_back_panels(self) -> None:
        headings = [section.heading for section in self.sections.values()]
        choices = [self.findChild(QComboBox, name) for name in ("stack", "canvas")]
        self._panels.follow([*headings, *choices])
        self._panels.follow_width(self)

    def _bring_back_tabs(self) -> None:
        """Put the tabs of Inspect as they were left: there are none before the first study."""
        if not self._has_tabs:
            self._has_tabs = True
            tabs = self.findChild(QTabWidget, "inspect_tabs")
            over = self.findChild(QComboBox, "curve_over")
            self._panels.follow([tabs, over, self.findChild(QCheckBox, "histogram_log")])

    # --- the slow work -----------------------------------------------------------------

    def _on_source(self, source: Any) -> None:
        self.open_source(source)

    def _on_sample(self) -> None:
        self._start(make_sample, "Making the sample…")

    def _on_run(self, cluster: Cluster, options: StudyOptions) -> None:
        gating = gate(cluster, self._zemosaic_settings())
        if not gating.coverage_exists:
            self._cluster_panel.show_summary(f"{cluster.name} is not studied. {gating.reason}")
            return
        cache = self._settings.present.study_cache()
        job = partial(study_one, cluster, options, self._snapshot, cache, self._look())
        self._start(job, f"{cluster.name}: starting…")

    def _on_study_all(self, clusters: list[Cluster]) -> None:
        """Study every cluster of the run, several at a time."""
        cache = self._settings.present.study_cache()
        options = self._cluster_panel.options
        tolerated = self._advice_panel.options
        job = partial(study_all, clusters, options, self.parameters, tolerated, cache)
        text = f"{len(clusters)} clusters: starting…"
        if self._start(job, text):
            self._run_panel.set_busy(text)

    def _on_cluster_chosen(self, cluster: Cluster) -> None:
        """Open a cluster of the run's table."""
        if not self._background.running:
            self._cluster_panel.select(cluster)
            self._cluster_panel.run_selected()

    def _on_leave_out(self, fewer: Cluster) -> None:
        """Study the cluster shown without a frame, in its place in the table."""
        study = self._shown.study
        if study is None or self._background.running:
            return
        frames = study.cluster.frames
        others = self._cluster_panel.clusters
        self.open_clusters([fewer if each.frames == frames else each for each in others])
        self._cluster_panel.select(fewer)
        self._on_run(fewer, study.options)
        # Whoever leaves a frame out looks at the next.
        self._is_leaving_out = self._background.running

    def _on_cancel(self) -> None:
        self._background.stop()
        self._cluster_panel.show_summary("Stopping…")

    def _start(self, function: Any, text: str) -> bool:
        """Begin a job, unless another runs; return whether it was begun."""
        if self._background.running:
            show_warning("Something runs: cancel it first, then try again.")
            return False
        self._background.start(function)
        self._cluster_panel.set_busy(text)
        self._inspect_panel.set_busy(True)
        self._run_panel.set_may_start(False)
        return True

    def _on_progress(self, progress: StudyProgress | RunStep) -> None:
        if isinstance(progress, RunStep):
            if progress.finished is not None:
                self._run_panel.add(progress.finished)
            for panel in (self._run_panel, self._cluster_panel):
                panel.show_progress(progress.done, progress.total, progress.text)
            return
        self._cluster_panel.show_progress(progress.done, progress.total, str(progress))

    def _on_finished(self, result: object) -> None:
        if self._is_out:
            return
        was_leaving_out, self._is_leaving_out = self._is_leaving_out, False
        self._cluster_panel.set_busy("")
        self._inspect_panel.set_busy(False)
        self._run_panel.set_may_start(True)
        self._run_panel.set_busy("")
        if isinstance(result, Studied):
            if result.source is not None:
                self._recent.add([result.source])
            if result.not_kept_in is not None:
                self._tell_not_kept(result.not_kept_in)
            self._show(result)
            if was_leaving_out:
                self.aim_at("Inspect")
        elif isinstance(result, Found):
            if result.source is not None:
                self._recent.add(result.source)
            self._snapshot = result.snapshot
            self.open_clusters(result.clusters)
            if result.is_run and len(result.clusters) == 1:
                self._cluster_panel.run_selected()
        elif isinstance(result, RunFinished):
            for each in result.run.clusters:
                if each.skipped:
                    # Nobody worked on it, so nothing was told of it meanwhile.
                    self._run_panel.add(each)
            self._export_panel.files.set_run(result.run)
            self._say_what_is_shown(result.text)
        elif isinstance(result, StudyCancelledError):
            self._say_what_is_shown("Cancelled.")
        elif isinstance(result, Exception):
            show_error(_words(result))
            self._say_what_is_shown("It did not work.")

    def _tell_not_kept(self, folder: Path) -> None:
        """Say that the cache is of no use; once for each folder."""
        if folder not in self._useless_caches:
            self._useless_caches.add(folder)
            show_warning(
                f"{folder}: the studied cluster could not be kept there, so it is studied anew "
                "next time. Choose another folder of the cache, or a higher limit, in napari's "
                "Preferences, ZeCoverage."
            )

    def _say_what_is_shown(self, text: str) -> None:
        study = self._shown.study
        shown = "" if study is None else f" Shown as before: {_headline(study)}"
        self._cluster_panel.show_summary(text + shown)

    def _show(self, studied: Studied) -> None:
        self._remember()
        study, beside = studied.study, studied.beside
        self._is_new = True
        self._cluster_panel.select(study.cluster)
        self._cluster_panel.show_summary(_headline(study))
        last = self._remembered.of(study.cluster)
        as_left = [_AS_LEFT] if last is not None and last != self.parameters else []
        of_tile = () if beside is None else beside.lines
        self._cluster_panel.show_notes([*as_left, *notes_of_study(study), *of_tile])
        self._run_panel.set_clusters(self._cluster_panel.clusters)
        self._run_panel.set_shown(study.cluster)
        self._shown.show(studied, self._snapshot, self._inspect_panel.steps_to_get_ready())

    def _on_appeared(self, study: ClusterStudy) -> None:
        """Have the panels follow the layers."""
        self._gate()
        self._export_panel.set_run_folder(study.cluster.run_folder)
        if study.coverage is not None:
            self._threshold_panel.set_coverage_maximum(float(study.coverage.max(initial=0)))
        self.study_shown.emit(study)
        self._bring_back_tabs()
        last = self._remembered.of(study.cluster)
        if last is not None:
            self.set_parameters(last)

    # --- the quick work ----------------------------------------------------------------

    def _on_parameters(self, parameters: MaskParameters) -> None:
        self._export_panel.set_parameters(parameters)
        self._shown.set_parameters(parameters)
        if self._shown.study is not None:
            self._remember_soon.start()
        self.parameters_changed.emit(parameters)

    def _on_outcome(self, outcome: MaskOutcome) -> None:
        self._trouble = ""
        self._on_cursor()
        if self._is_new:
            self._is_new = False
            self.scroll_soon()
        self.outcome_computed.emit(outcome)

    def _show_verdict(self, verdict: Verdict) -> None:
        with self.held_under_the_hand():
            self._threshold_panel.show_verdict(verdict)
            self._inspect_panel.catch_up()
            lay_out_now()

    def _on_picture_failed(self, error: Exception) -> None:
        show_error(_words(error))

    def _on_mask_failed(self, error: Exception) -> None:
        """Show an error in the verdict, and once as a notification: not again at every tick."""
        words = _words(error)
        self._show_verdict(Verdict("It did not work", True, (words,)))
        if words != self._trouble:
            self._trouble = words
            show_error(words)

    # --- what is measured --------------------------------------------------------------

    def _on_measuring(self) -> None:
        fringe, study = self._shown.measuring.fringe, self._shown.study
        self._inspect_panel.show_judged(None)
        self._threshold_panel.set_preset(ADVICE_PRESET, None)
        self._export_panel.files.set_measured(Measured(fringe, options=self._advice_panel.options))
        if study is None or study.coverage is None:
            text = "There is no coverage: no threshold makes a difference."
        elif study.tile is None:
            text = "No tile was stacked, so that the fringe cannot be measured."
        elif fringe is None:
            text = "The fringe is being measured…"
        else:
            text = "What each threshold does is being measured anew…"
        self._advice_panel.show_text(text)

    def _on_fringe(self, fringe: Fringe) -> None:
        self._inspect_panel.show_fringe(fringe, self._advice_panel.options.tolerance)

    def _on_advised(self, advice: Advice) -> None:
        self._advice_panel.show_advice(advice)
        self._threshold_panel.set_preset(ADVICE_PRESET, advice.parameters)
        known, study = self._shown.measuring, self._shown.study
        fringe, judged = known.fringe, known.judged_cluster
        self._export_panel.files.set_measured(
            Measured(fringe, judged, advice, self._advice_panel.options)
        )
        if study is not None and judged is not None:
            file = self._settings.present.study_cache().path_of(study.cluster, study.options)
            self._run_panel.add(found_in(study, fringe, judged, advice, file))

    def _on_not_measured(self, error: Exception) -> None:
        words = f"It could not be measured: {_words(error)}"
        self._inspect_panel.show_trouble(words)
        self._advice_panel.show_text(words)

    def _on_advice_options(self, options: AdviceOptions) -> None:
        self._shown.measuring.set_options(options)
        self._run_panel.set_advice_options(options)
        self._export_panel.files.set_advice_options(options)
        fringe = self._shown.measuring.fringe
        if fringe is not None:
            self._inspect_panel.show_fringe(fringe, options.tolerance)

    # --- what is remembered, and ZeMosaic's settings -------------------------------------

    def _remember(self) -> None:
        self._remember_soon.stop()
        study = self._shown.study
        # Until it has appeared the thresholds are those of the one before.
        if study is not None and self._shown.has_appeared:
            self._remembered.remember(study.cluster, self.parameters)

    def _on_config(self, config: ConfigFile | None) -> None:
        self._config = config
        self._threshold_panel.set_preset(
            "ZeMosaic's config", None if config is None else config.parameters
        )
        self._gate()

    def _zemosaic_settings(self) -> Mapping[str, Any] | None:
        """Return ZeMosaic's settings: the chosen config's, else those of the run that is open."""
        return self._snapshot if self._config is None else self._config

    def _gate(self) -> None:
        """Say what ZeMosaic would do with each cluster, by the config or the run's snapshot."""
        clusters = self._cluster_panel.clusters
        config = self._zemosaic_settings()
        gatings = gate_all(clusters, config)
        self._cluster_panel.set_gatings(gatings)
        if self._shown.study is None:
            return
        shown = self._shown.study.cluster
        of_shown = [
            gating
            for cluster, gating in zip(clusters, gatings, strict=True)
            if cluster.frames == shown.frames
        ]
        # Of a cluster that is in the table no more, the others are not known.
        gating = of_shown[0] if of_shown else gate(shown, config)
        self._export_panel.set_gating(shown.name, gating)

    # --- where the user looks ------------------------------------------------------------

    def _on_cursor(self, _event: object = None) -> None:
        # napari may outlive the dock, and tells whoever is still in memory.
        if not isalive(self):
            return
        y, x = (round(each) for each in self._viewer.cursor.position[-2:])
        self._status.show_facts(self._shown.facts_at(y, x))


def _headline(study: ClusterStudy) -> str:
    before = len(study.cluster.left_out)
    also = f"; {before} left out before that" if before else ""
    return f"{study.cluster.name}: {study.summary}{also}"


def _words(error: Exception) -> str:
    """Return what to tell the user; what nobody foresaw goes to the log as a whole."""
    if isinstance(error, ZecoverageError):
        return str(error)
    logger.error("unexpected error", exc_info=error)
    return f"{type(error).__name__}: {error}"
